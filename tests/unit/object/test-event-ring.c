/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "vmt-event.h"

static void
test_order_and_full (void)
{
  VmtEventRing *ring = vmt_event_ring_new (3);
  VmtEventRecord record = { .event = "x" };

  g_assert_false (vmt_event_ring_pop (ring, &record));
  /* Many times around, filled to the brim each time. */
  for (guint64 round = 0; round < 1000; round++)
    {
      for (guint64 i = 0; i < 8; i++)
        {
          record.value[0] = round;
          record.value[2] = i;
          g_assert_true (vmt_event_ring_push (ring, &record));
        }
      g_assert_false (vmt_event_ring_push (ring, &record));
      g_assert_cmpuint (vmt_event_ring_get_dropped (ring), ==, round + 1);
      for (guint64 i = 0; i < 8; i++)
        {
          record = (VmtEventRecord){ NULL };
          g_assert_true (vmt_event_ring_pop (ring, &record));
          g_assert_cmpuint (record.value[0], ==, round);
          g_assert_cmpuint (record.value[2], ==, i);
          g_assert_cmpstr (record.event, ==, "x");
        }
      g_assert_false (vmt_event_ring_pop (ring, &record));
    }
  vmt_event_ring_free (ring);
  vmt_event_ring_free (NULL);
}

#define N_PRODUCERS 4
#define N_RECORDS 50000

typedef struct
{
  VmtEventRing *ring;
  guint64 id;
  guint64 failed;
  int *running;
} Producer;

static gpointer
produce (gpointer data)
{
  Producer *self = data;

  for (guint64 i = 0; i < N_RECORDS; i++)
    {
      VmtEventRecord record = { .event = "y", .value = { self->id, i, self->id ^ ~i } };

      while (!vmt_event_ring_push (self->ring, &record))
        {
          self->failed++;
          g_thread_yield ();
        }
    }
  g_atomic_int_add (self->running, -1);
  return NULL;
}

/* Nothing is lost, doubled, torn or out of a producer's order. */
static void
test_producers (void)
{
  VmtEventRing *ring = vmt_event_ring_new (6);
  Producer producers[N_PRODUCERS];
  GThread *threads[N_PRODUCERS];
  guint64 next[N_PRODUCERS] = { 0 }, failed = 0;
  int running = N_PRODUCERS;

  for (guint i = 0; i < N_PRODUCERS; i++)
    {
      producers[i] = (Producer){ ring, i, 0, &running };
      threads[i] = g_thread_new ("producer", produce, &producers[i]);
    }
  for (gboolean last = FALSE;;)
    {
      VmtEventRecord record;

      if (vmt_event_ring_pop (ring, &record))
        {
          guint64 id = record.value[0];

          g_assert_cmpuint (id, <, N_PRODUCERS);
          g_assert_cmpuint (record.value[1], ==, next[id]);
          g_assert_cmphex (record.value[2], ==, id ^ ~record.value[1]);
          next[id]++;
        }
      else if (last)
        break;
      else
        {
          last = g_atomic_int_get (&running) == 0;
          g_thread_yield ();
        }
    }
  for (guint i = 0; i < N_PRODUCERS; i++)
    {
      g_thread_join (threads[i]);
      g_assert_cmpuint (next[i], ==, N_RECORDS);
      failed += producers[i].failed;
    }
  g_assert_cmpuint (vmt_event_ring_get_dropped (ring), ==, failed);
  vmt_event_ring_free (ring);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/object/event-ring/order-and-full", test_order_and_full);
  g_test_add_func ("/object/event-ring/producers", test_producers);
  return g_test_run ();
}
