/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>

#include "virtio-bench.h"

typedef struct
{
  VirtioBench v;
  FakeEntropy *source;
} Bench;

static void
setup (Bench *bench, gconstpointer data)
{
  bench->source = fake_entropy_new ();
  virtio_bench_init (&bench->v, "virtio-rng", bench->source, NULL, NULL);
}

static void
teardown (Bench *bench, gconstpointer data)
{
  virtio_bench_clear (&bench->v);
}

static void
test_fill (Bench *bench, gconstpointer data)
{
  DriverQueue *queue = &bench->v.queues[0];
  guint8 got[8];
  guint32 size;

  virtio_bench_start (&bench->v, 0, 1, 16);
  driver_set_desc (queue, queue->desc, 0, DATA, 3, DESC_WRITE | DESC_NEXT, 1);
  driver_set_desc (queue, queue->desc, 1, DATA + 0x100, 4, DESC_WRITE, 0);
  driver_offer (queue, 0);
  virtio_bench_notify (&bench->v, 0);
  g_assert_true (driver_take_used (queue, NULL, &size));
  g_assert_cmpuint (size, ==, 7);
  g_assert_cmphex (virtio_bench_ack (&bench->v), ==, 1);
  g_assert_true (vmt_harness_peek (bench->v.harness, DATA + 0x100, got, 5));
  g_assert_cmpmem (got, 5, "\4\5\6\7\0", 5);
  /* No more than a piece at a time, and nothing into what is not to be written. */
  driver_offer_pair (queue, 0, 0, 0, RAM + 0x100000, 0x100000);
  driver_offer_pair (queue, 2, DATA, 16, 0, 0);
  virtio_bench_notify (&bench->v, 0);
  g_assert_true (driver_take_used (queue, NULL, &size));
  g_assert_cmpuint (size, ==, 4096);
  g_assert_true (driver_take_used (queue, NULL, &size));
  g_assert_cmpuint (size, ==, 0);
  virtio_bench_check_state (&bench->v);
}

/* A source that fails: the driver waits rather than get what is not random. */
static void
test_broken (Bench *bench, gconstpointer data)
{
  DriverQueue *queue = &bench->v.queues[0];

  virtio_bench_start (&bench->v, 0, 1, 16);
  bench->source->broken = TRUE;
  driver_offer_pair (queue, 0, 0, 0, DATA, 8);
  virtio_bench_notify (&bench->v, 0);
  g_assert_false (driver_take_used (queue, NULL, NULL));
  bench->source->broken = FALSE;
  virtio_bench_notify (&bench->v, 0);
  g_assert_true (driver_take_used (queue, NULL, NULL));
}

static void
test_fuzz (Bench *bench, gconstpointer data)
{
  virtio_bench_fuzz (&bench->v, 1, 2000);
}

static void
test_no_source (void)
{
  g_autoptr (VmtHarness) h = vmt_harness_new (RAM, RAM_SIZE);
  g_autoptr (VmtDevice) slot = virtio_bench_create ("virtio-mmio");
  g_autoptr (VmtDevice) device = virtio_bench_create ("virtio-rng");
  g_autoptr (GError) error = NULL;

  g_assert_true (vmt_harness_add (h, NULL, "slot", slot, SLOT, &error));
  g_assert_true (vmt_harness_add (h, slot, "rng", device, G_MAXUINT64, &error));
  g_assert_false (vmt_harness_realize (h, &error));
  g_assert_nonnull (strstr (error->message, "backend"));
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
#define ADD(name, func) g_test_add ("/device/virtio-rng/" name, Bench, NULL, setup, func, teardown)
  ADD ("fill", test_fill);
  ADD ("broken", test_broken);
  ADD ("fuzz", test_fuzz);
  g_test_add_func ("/device/virtio-rng/no-source", test_no_source);
  return g_test_run ();
}
