/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "vmt-waker-private.h"

struct _VmtWaker
{
  GSource source;
  int pending;
  void (*func) (gpointer data);
  gpointer data;
};

static gboolean
waker_dispatch (GSource *source, GSourceFunc callback, gpointer data)
{
  VmtWaker *self = (VmtWaker *)source;

  /* Disarm before the function runs: a request made meanwhile must run it again. */
  g_source_set_ready_time (source, -1);
  __atomic_store_n (&self->pending, 0, __ATOMIC_SEQ_CST);
  self->func (self->data);
  return G_SOURCE_CONTINUE;
}

static GSourceFuncs waker_funcs = { .dispatch = waker_dispatch };

VmtWaker *
vmt_waker_new (GMainContext *context, void (*func) (gpointer data), gpointer data)
{
  GSource *source = g_source_new (&waker_funcs, sizeof (VmtWaker));
  VmtWaker *self = (VmtWaker *)source;

  self->func = func;
  self->data = data;
  g_source_set_ready_time (source, -1);
  g_source_attach (source, context);
  return self;
}

void
vmt_waker_free (VmtWaker *waker)
{
  g_source_destroy (&waker->source);
  g_source_unref (&waker->source);
}

void
vmt_waker_wake (VmtWaker *waker)
{
  if (__atomic_exchange_n (&waker->pending, 1, __ATOMIC_SEQ_CST) == 0)
    g_source_set_ready_time (&waker->source, 0);
}

void
vmt_waker_wake_in (VmtWaker *waker, gint64 microseconds)
{
  if (__atomic_exchange_n (&waker->pending, 1, __ATOMIC_SEQ_CST) == 0)
    g_source_set_ready_time (&waker->source, g_get_monotonic_time () + microseconds);
}
