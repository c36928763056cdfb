/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>

#include "virtio-bench.h"

typedef struct
{
  VirtioBench v;
  FakeChar *stream;
} Bench;

static void
setup (Bench *bench, gconstpointer data)
{
  bench->stream = fake_char_new ();
  virtio_bench_init (&bench->v, "virtio-console", bench->stream, NULL, NULL);
}

static void
teardown (Bench *bench, gconstpointer data)
{
  virtio_bench_clear (&bench->v);
}

static void
check_written (Bench *bench, const char *text)
{
  g_assert_cmpmem (bench->stream->written->data, bench->stream->written->len, text, strlen (text));
}

static void
test_transmit (Bench *bench, gconstpointer data)
{
  DriverQueue *tx = &bench->v.queues[1];

  virtio_bench_start (&bench->v, 0, 2, 16);
  g_assert_true (vmt_harness_poke (bench->v.harness, DATA, "hello, world", 12));
  driver_set_desc (tx, tx->desc, 0, DATA, 5, DESC_NEXT, 1);
  driver_set_desc (tx, tx->desc, 1, DATA + 5, 2, DESC_NEXT, 2);
  driver_set_desc (tx, tx->desc, 2, DATA + 7, 5, 0, 0);
  driver_offer (tx, 0);
  virtio_bench_notify (&bench->v, 1);
  check_written (bench, "hello, world");
  g_assert_true (driver_take_used (tx, NULL, NULL));
  g_assert_cmphex (virtio_bench_ack (&bench->v), ==, 1);

  /* A slow stream: the buffer is the device's until its last byte is accepted. */
  bench->stream->room = 6;
  driver_offer (tx, 0);
  driver_offer (tx, 0);
  virtio_bench_notify (&bench->v, 1);
  check_written (bench, "hello, worldhello,");
  g_assert_false (driver_take_used (tx, NULL, NULL));
  virtio_bench_notify (&bench->v, 1);
  fake_char_make_room (bench->stream, 5);
  check_written (bench, "hello, worldhello, worl");
  g_assert_false (driver_take_used (tx, NULL, NULL));
  fake_char_make_room (bench->stream, 3);
  check_written (bench, "hello, worldhello, worldhe");
  g_assert_true (driver_take_used (tx, NULL, NULL));
  g_assert_false (driver_take_used (tx, NULL, NULL));
  /* A snapshot in the middle of a buffer neither loses nor repeats. */
  vmt_device_quiesce (bench->v.device);
  virtio_bench_check_state (&bench->v);
  fake_char_make_room (bench->stream, G_MAXSIZE);
  check_written (bench, "hello, worldhello, worldhello, world");
  g_assert_true (driver_take_used (tx, NULL, NULL));
  /* A reset in the middle of one forgets the rest. */
  bench->stream->room = 1;
  driver_offer (tx, 0);
  virtio_bench_notify (&bench->v, 1);
  vmt_harness_put (bench->v.harness, SLOT + 0x70, 4, 0);
  g_assert_cmphex (virtio_bench_get_status (&bench->v), ==, 0);
  fake_char_make_room (bench->stream, G_MAXSIZE);
  check_written (bench, "hello, worldhello, worldhello, worldh");
}

static void
test_receive (Bench *bench, gconstpointer data)
{
  DriverQueue *rx = &bench->v.queues[0];
  guint8 got[8];
  guint32 id, size;

  fake_char_type (bench->stream, "abcdefghij", 10);
  virtio_bench_start (&bench->v, 0, 2, 16);
  vmt_harness_iterate (bench->v.harness);
  g_assert_cmpuint (bench->stream->sent, ==, 0);
  driver_offer_pair (rx, 2, 0, 0, DATA, 4);
  virtio_bench_notify (&bench->v, 0);
  vmt_harness_iterate (bench->v.harness);
  g_assert_true (driver_take_used (rx, &id, &size));
  g_assert_cmpuint (id, ==, 2);
  g_assert_cmpuint (size, ==, 4);
  g_assert_true (vmt_harness_peek (bench->v.harness, DATA, got, 4));
  g_assert_cmpmem (got, 4, "abcd", 4);
  g_assert_cmpuint (bench->stream->sent, ==, 4);
  g_assert_cmphex (virtio_bench_ack (&bench->v), ==, 1);
  driver_offer_pair (rx, 3, 0, 0, DATA, 4);
  driver_offer_pair (rx, 4, 0, 0, DATA + 4, 4);
  virtio_bench_notify (&bench->v, 0);
  vmt_harness_iterate (bench->v.harness);
  g_assert_true (driver_take_used (rx, &id, &size));
  g_assert_true (driver_take_used (rx, &id, &size));
  g_assert_cmpuint (size, ==, 2);
  g_assert_true (vmt_harness_peek (bench->v.harness, DATA, got, 6));
  g_assert_cmpmem (got, 6, "efghij", 6);
  /* No room for input in a buffer for output. */
  driver_offer_pair (rx, 5, DATA, 4, 0, 0);
  fake_char_type (bench->stream, "k", 1);
  g_assert_cmphex (virtio_bench_get_status (&bench->v), ==, 0x4f);
}

static void
test_emergency (Bench *bench, gconstpointer data)
{
  vmt_harness_put (bench->v.harness, SLOT + 0x108, 4, '!');
  check_written (bench, "!");
  vmt_harness_put (bench->v.harness, SLOT + 0x100, 4, 'x');
  check_written (bench, "!");
}

static void
test_running (Bench *bench, gconstpointer data)
{
  virtio_bench_start (&bench->v, 0, 2, 16);
  driver_offer_pair (&bench->v.queues[0], 2, 0, 0, DATA, 4);
  vmt_device_set_running (bench->v.device, FALSE);
  fake_char_type (bench->stream, "a", 1);
  g_assert_cmpuint (bench->stream->sent, ==, 0);
  vmt_device_set_running (bench->v.device, TRUE);
  vmt_harness_iterate (bench->v.harness);
  g_assert_cmpuint (bench->stream->sent, ==, 1);
}

static void
test_fuzz (Bench *bench, gconstpointer data)
{
  virtio_bench_fuzz (&bench->v, 2, 2000);
  bench->stream->room = 3;
  virtio_bench_fuzz (&bench->v, 2, 500);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
#define ADD(name, func)                                                                            \
  g_test_add ("/device/virtio-console/" name, Bench, NULL, setup, func, teardown)
  ADD ("transmit", test_transmit);
  ADD ("receive", test_receive);
  ADD ("emergency", test_emergency);
  ADD ("running", test_running);
  ADD ("fuzz", test_fuzz);
  return g_test_run ();
}
