/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/**
 * VmtClock:
 *
 * The machine's time: nanoseconds of guest running time since creation; stands still while the machine is paused.
 * All device time comes from here.
 */
typedef struct _VmtClock VmtClock;

/* Any thread; a few nanoseconds. */
guint64 vmt_clock_get (VmtClock *clock);
/* Nanoseconds since 1970 as the guest should see them: the host's. A manual clock began at the year 2000. */
guint64 vmt_clock_get_wall (VmtClock *clock);

/**
 * VmtTimer:
 *
 * A one-shot timer on a machine's clock. The callback runs on the machine's context with no lock held; it takes its
 * device's lock itself.
 */
typedef struct _VmtTimer VmtTimer;

VmtTimer *vmt_timer_new (VmtClock *clock, void (*func) (gpointer data), gpointer data);
/* No callback runs or will run once it returns. Machine's thread. */
void vmt_timer_free (VmtTimer *timer);
/* At @deadline on the clock (now, if it has passed). Replaces an earlier deadline. Any thread. G_MAXUINT64 disarms. */
void vmt_timer_set (VmtTimer *timer, guint64 deadline);
guint64 vmt_timer_get (VmtTimer *timer);

/* For the machine and for tests: a clock whose timers fire from @context. It stands still until it is set running. Timers that
 * are left when it is freed never fire and are still to be freed. */
VmtClock *vmt_clock_new (GMainContext *context);
void vmt_clock_free (VmtClock *clock);
void vmt_clock_set_running (VmtClock *clock, gboolean running);
/* Tests: time stands still but for this. Fires what is due, each at its own time, on the calling thread. */
void vmt_clock_advance (VmtClock *clock, guint64 nanoseconds);
void vmt_clock_set_manual (VmtClock *clock);

G_END_DECLS
