/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <string.h>

#include "fake-backends.h"
#include "vmt-dma.h"
#include "vmt-harness.h"
#include "vmt-registry.h"

#define RAM 0x80000000
#define TOHOST (RAM + 0x1000)
#define FROMHOST (RAM + 0x1040)
#define CALL (RAM + 0x2000)
#define TEXT (RAM + 0x3000)

#define CONSOLE(command, payload) ((guint64)1 << 56 | (guint64)(command) << 48 | (payload))

typedef struct
{
  VmtHarness *harness;
  VmtDevice *device;
  FakeChar *stream;
} Bench;

static void
setup (Bench *bench, gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (VmtObject) object =
      vmt_registry_create (vmt_registry_get_default (), VMT_FEATURE_DEVICE, "htif", &error);

  g_assert_no_error (error);
  bench->harness = vmt_harness_new (RAM, 0x10000);
  bench->device = VMT_DEVICE (object);
  bench->stream = fake_char_new ();
  g_object_set (object, "backend", bench->stream, NULL);
  g_assert_true (
      vmt_harness_add (bench->harness, NULL, "htif", bench->device, G_MAXUINT64, &error));
  g_assert_true (vmt_harness_realize (bench->harness, &error));
  g_assert_no_error (error);
  g_object_set (object, "tohost", (guint64)TOHOST, "fromhost", (guint64)FROMHOST, NULL);
}

static void
teardown (Bench *bench, gconstpointer data)
{
  vmt_harness_free (bench->harness);
  g_object_unref (bench->stream);
}

static guint64
get (Bench *bench, guint64 address)
{
  return vmt_harness_get (bench->harness, address, 8);
}

static void
put (Bench *bench, guint64 address, guint64 value)
{
  vmt_harness_put (bench->harness, address, 8, value);
}

static void
test_exit (Bench *bench, gconstpointer data)
{
  static const struct
  {
    guint64 tohost;
    int status;
  } cases[] = { { 1, 0 },
                { 3, 1 },
                { 42 << 1 | 1, 42 },
                { 256 << 1 | 1, 1 },
                { G_GUINT64_CONSTANT (0xffffffffffff), G_MAXINT } };
  VmtHarnessRequests requests;

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      put (bench, TOHOST, cases[i].tohost);
      requests = vmt_harness_take_requests (bench->harness);
      g_assert_true (requests.power_off);
      g_assert_cmpint (requests.status, ==, cases[i].status);
      g_assert_cmphex (get (bench, TOHOST), ==, 0);
    }
  /* Neighbours and zeroes are nobody's business. */
  put (bench, TOHOST - 8, 1);
  put (bench, TOHOST + 8, 1);
  put (bench, TOHOST, 0);
  requests = vmt_harness_take_requests (bench->harness);
  g_assert_false (requests.power_off);
}

/* A 32-bit program's two stores, and one that stores the lower half alone until it is heard. */
static void
test_halves (Bench *bench, gconstpointer data)
{
  vmt_harness_put (bench->harness, TOHOST, 4, 'A');
  g_assert_cmpuint (bench->stream->written->len, ==, 0);
  vmt_harness_put (bench->harness, TOHOST + 4, 4, 0x01010000);
  g_assert_cmpmem (bench->stream->written->data, bench->stream->written->len, "A", 1);
  vmt_harness_put (bench->harness, TOHOST, 4, 5);
  g_assert_false (vmt_harness_take_requests (bench->harness).power_off);
  vmt_harness_put (bench->harness, TOHOST, 4, 5);
  g_assert_cmpint (vmt_harness_take_requests (bench->harness).status, ==, 2);
}

static void
test_console (Bench *bench, gconstpointer data)
{
  for (const char *p = "hello"; *p != '\0'; p++)
    {
      put (bench, TOHOST, CONSOLE (1, *p));
      g_assert_cmphex (get (bench, TOHOST), ==, 0);
    }
  g_assert_cmpmem (bench->stream->written->data, bench->stream->written->len, "hello", 5);
  /* Asked before there is anything. */
  put (bench, TOHOST, CONSOLE (0, 0));
  g_assert_cmphex (get (bench, TOHOST), ==, 0);
  g_assert_cmphex (get (bench, FROMHOST), ==, 0);
  fake_char_type (bench->stream, "xy", 2);
  g_assert_cmphex (get (bench, FROMHOST), ==, CONSOLE (0, 0x100 | 'x'));
  /* Asked again before the answer was taken: the next comes when it is. */
  put (bench, TOHOST, CONSOLE (0, 0));
  g_assert_cmphex (get (bench, FROMHOST), ==, CONSOLE (0, 0x100 | 'x'));
  put (bench, FROMHOST, 0);
  g_assert_cmphex (get (bench, FROMHOST), ==, CONSOLE (0, 0x100 | 'y'));
  put (bench, FROMHOST, 0);
  g_assert_cmphex (get (bench, FROMHOST), ==, 0);
}

/* All of a long paste comes through, one request a byte. */
static void
test_paste (Bench *bench, gconstpointer data)
{
  guint8 paste[1000];

  for (guint i = 0; i < sizeof paste; i++)
    paste[i] = i * 7;
  fake_char_type (bench->stream, paste, sizeof paste);
  for (guint i = 0; i < sizeof paste; i++)
    {
      put (bench, TOHOST, CONSOLE (0, 0));
      vmt_harness_iterate (bench->harness);
      g_assert_cmphex (get (bench, FROMHOST), ==, CONSOLE (0, 0x100 | paste[i]));
      put (bench, FROMHOST, 0);
    }
}

/* A stream that takes nothing makes the program wait, not the host grow. */
static void
test_slow_stream (Bench *bench, gconstpointer data)
{
  guint n = 0;

  bench->stream->room = 0;
  for (; n < 100000; n++)
    {
      put (bench, TOHOST, CONSOLE (1, 'a' + n % 26));
      if (get (bench, TOHOST) != 0)
        break;
    }
  g_assert_cmpuint (n, ==, 4096);
  /* It takes some, once. */
  fake_char_make_room (bench->stream, 100);
  g_assert_cmpuint (bench->stream->written->len, ==, 100);
  g_assert_cmphex (get (bench, TOHOST), ==, 0);
  fake_char_make_room (bench->stream, G_MAXSIZE);
  g_assert_cmphex (get (bench, TOHOST), ==, 0);
  g_assert_cmpuint (bench->stream->written->len, ==, 4097);
  for (guint i = 0; i < 4097; i++)
    g_assert_cmpint (bench->stream->written->data[i], ==, 'a' + i % 26);
}

static guint64
call (Bench *bench, guint64 number, guint64 a, guint64 b, guint64 c)
{
  put (bench, FROMHOST, 0);
  put (bench, CALL, number);
  put (bench, CALL + 8, a);
  put (bench, CALL + 16, b);
  put (bench, CALL + 24, c);
  put (bench, TOHOST, CALL);
  g_assert_cmphex (get (bench, TOHOST), ==, 0);
  g_assert_cmphex (get (bench, FROMHOST), ==, 1);
  return get (bench, CALL);
}

static void
test_syscalls (Bench *bench, gconstpointer data)
{
  g_assert_true (vmt_harness_poke (bench->harness, TEXT, "printed\n", 8));
  g_assert_cmpuint (call (bench, 64, 1, TEXT, 8), ==, 8);
  g_assert_cmpmem (bench->stream->written->data, bench->stream->written->len, "printed\n", 8);
  g_assert_cmpuint (call (bench, 64, 2, TEXT, 1000000), ==, 4096);
  g_assert_cmpint (call (bench, 64, 3, TEXT, 8), ==, -EBADF);
  g_assert_cmpint (call (bench, 64, 1, 0x1000, 8), ==, -EFAULT);
  g_assert_cmpint (call (bench, 64, 1, RAM + 0xffff, 8), ==, -EFAULT);
  g_assert_cmpint (call (bench, 1024, 1, 2, 3), ==, -ENOSYS);
  put (bench, CALL, 93);
  put (bench, CALL + 8, 7);
  put (bench, TOHOST, CALL);
  g_assert_cmpint (vmt_harness_take_requests (bench->harness).status, ==, 7);
}

/* Impossible requests, among them calls whose result would land in the interface's own words. */
static void
test_nonsense (Bench *bench, gconstpointer data)
{
  const guint64 requests[] = {
    CONSOLE (2, 0),
    (guint64)2 << 56,
    (guint64)255 << 56 | 4,
    (guint64)7 << 48,
    0x10,
    RAM - 8,
    RAM + 0xfffe,
    TOHOST,
    TOHOST - 4,
    TOHOST + 6,
    FROMHOST,
    FROMHOST - 6,
  };

  for (guint i = 0; i < G_N_ELEMENTS (requests); i++)
    {
      put (bench, TOHOST, requests[i]);
      g_assert_cmphex (get (bench, TOHOST), ==, 0);
      g_assert_cmphex (get (bench, FROMHOST), ==, 0);
    }
  g_assert_false (vmt_harness_take_requests (bench->harness).power_off);
  g_assert_cmpuint (vmt_harness_get_guest_errors (bench->harness), >, 5);
}

static void
test_places (Bench *bench, gconstpointer data)
{
  static const guint64 bad[] = { TOHOST + 4, RAM - 8, RAM + 0x10000, 8 };
  guint64 tohost;

  for (guint i = 0; i < G_N_ELEMENTS (bad); i++)
    {
      g_object_set (bench->device, "tohost", bad[i], NULL);
      g_object_get (bench->device, "tohost", &tohost, NULL);
      g_assert_cmphex (tohost, ==, 0);
    }
  put (bench, TOHOST, 1);
  g_assert_false (vmt_harness_take_requests (bench->harness).power_off);
  /* Moved. */
  g_object_set (bench->device, "tohost", (guint64)TEXT, NULL);
  put (bench, TEXT, 1);
  g_assert_true (vmt_harness_take_requests (bench->harness).power_off);
  /* By DMA as well. */
  tohost = 9 << 1 | 1;
  g_assert_true (vmt_dma_write (vmt_device_get_address_space (bench->device), TEXT, &tohost, 8));
  g_assert_cmpint (vmt_harness_take_requests (bench->harness).status, ==, 9);
}

static void
test_state (Bench *bench, gconstpointer data)
{
  const VmtStateField *table = VMT_DEVICE_GET_CLASS (bench->device)->state;
  g_autoptr (GVariant) saved = NULL;
  g_autoptr (GError) error = NULL;

  fake_char_type (bench->stream, "abc", 3);
  saved = g_variant_ref_sink (vmt_state_table_save (table, bench->device));
  vmt_harness_reset (bench->harness);
  g_assert_true (vmt_state_table_load (table, bench->device, saved, 1, &error));
  put (bench, TOHOST, CONSOLE (0, 0));
  g_assert_cmphex (get (bench, FROMHOST), ==, CONSOLE (0, 0x100 | 'a'));
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
#define ADD(name, func) g_test_add ("/device/htif/" name, Bench, NULL, setup, func, teardown)
  ADD ("exit", test_exit);
  ADD ("halves", test_halves);
  ADD ("console", test_console);
  ADD ("paste", test_paste);
  ADD ("slow-stream", test_slow_stream);
  ADD ("syscalls", test_syscalls);
  ADD ("nonsense", test_nonsense);
  ADD ("places", test_places);
  ADD ("state", test_state);
  return g_test_run ();
}
