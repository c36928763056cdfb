/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* Runs a function on a main context when any thread asks for it; several requests before it ran are one. */
typedef struct _VmtWaker VmtWaker;

VmtWaker *vmt_waker_new (GMainContext *context, void (*func) (gpointer data), gpointer data);
/* Thread of the context: the function does not run afterwards. */
void vmt_waker_free (VmtWaker *waker);
/* Any thread. */
void vmt_waker_wake (VmtWaker *waker);
/* As that, but so much later. */
void vmt_waker_wake_in (VmtWaker *waker, gint64 microseconds);

G_END_DECLS
