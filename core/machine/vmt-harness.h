/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "vmt-machine.h"

G_BEGIN_DECLS

/**
 * VmtHarness:
 *
 * A bench for one device (or a few that belong together): a machine with RAM, a clock that stands
 * still until it is moved, and no CPUs. Interrupt outputs end in recorders. For the tests of device
 * plugins.
 *
 * vmt_harness_new(), vmt_harness_add() for each device, vmt_harness_realize(), then accesses as a
 * guest would make them.
 */
typedef struct _VmtHarness VmtHarness;

/* Never fails: a host that has no memory for a test ends here. */
VmtHarness *vmt_harness_new (guint64 ram_base, guint64 ram_size);
void vmt_harness_free (VmtHarness *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (VmtHarness, vmt_harness_free)

VmtMachine *vmt_harness_get_machine (VmtHarness *self);

/* Puts @device into the machine, below @parent if that is not NULL, with region 0 at @base
 * (G_MAXUINT64: nowhere; other regions by vmt_device_set_base()). Takes a reference. */
gboolean vmt_harness_add (VmtHarness *self, VmtDevice *parent, const char *id, VmtDevice *device,
                          guint64 base, GError **error);
/* Wires every interrupt output that is not wired yet to a recorder, realizes and resets the
 * machine, and tells the devices that it runs. */
gboolean vmt_harness_realize (VmtHarness *self, GError **error);
/* As the machine's reset does. */
void vmt_harness_reset (VmtHarness *self);

/* One access of 1, 2, 4 or 8 bytes. */
VmtMemStatus vmt_harness_read (VmtHarness *self, guint64 address, guint size, guint64 *value);
VmtMemStatus vmt_harness_write (VmtHarness *self, guint64 address, guint size, guint64 value);
/* The same where nothing but success is expected: anything else is a fatal error of the test. */
guint64 vmt_harness_get (VmtHarness *self, guint64 address, guint size);
void vmt_harness_put (VmtHarness *self, guint64 address, guint size, guint64 value);

/* What output @index of @device does: its level, and how often it went up. */
gboolean vmt_harness_get_irq_level (VmtHarness *self, VmtDevice *device, guint index);
guint vmt_harness_get_irq_edges (VmtHarness *self, VmtDevice *device, guint index);
/* A recorder input of its own, for devices that are given an interrupt by other ways than their
 * table: @line 0..63. */
VmtObject *vmt_harness_get_irq_recorder (VmtHarness *self);
gboolean vmt_harness_get_line_level (VmtHarness *self, guint line);
guint vmt_harness_get_line_edges (VmtHarness *self, guint line);

/* Guest memory as DMA sees it; FALSE outside of RAM. */
gboolean vmt_harness_peek (VmtHarness *self, guint64 address, gpointer buffer, gsize size);
gboolean vmt_harness_poke (VmtHarness *self, guint64 address, gconstpointer buffer, gsize size);

/* Serves what is ready on the machine's context. */
void vmt_harness_iterate (VmtHarness *self);
/* Serves it until @done says TRUE; FALSE after @seconds. */
gboolean vmt_harness_wait (VmtHarness *self, gboolean (*done) (gpointer data), gpointer data,
                           guint seconds);
/* Moves the clock; timers fire on the way. */
void vmt_harness_advance (VmtHarness *self, guint64 nanoseconds);

/* How many "guest-error" events the machine has had; they are rate-limited. */
guint vmt_harness_get_guest_errors (VmtHarness *self);
/* What the machine was asked to do, since the last call; the texts are static. */
typedef struct
{
  gboolean power_off, reset, panic, quit;
  int status;
  const char *why;
} VmtHarnessRequests;
VmtHarnessRequests vmt_harness_take_requests (VmtHarness *self);

G_END_DECLS
