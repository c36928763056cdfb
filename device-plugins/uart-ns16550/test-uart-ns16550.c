/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>

#include "fake-backends.h"
#include "vmt-harness.h"
#include "vmt-registry.h"

#define RAM 0x80000000
#define UART 0x10000000

#define RBR 0
#define IER 1
#define IIR 2
#define FCR 2
#define LCR 3
#define MCR 4
#define LSR 5
#define MSR 6
#define SCR 7

typedef struct
{
  VmtHarness *harness;
  VmtDevice *uart;
  FakeChar *stream;
} Bench;

static void
setup (Bench *bench, gconstpointer data)
{
  const char *reg_shift = data;
  g_autoptr (GError) error = NULL;
  g_autoptr (VmtObject) object =
      vmt_registry_create (vmt_registry_get_default (), VMT_FEATURE_DEVICE, "uart-ns16550", &error);

  g_assert_no_error (error);
  bench->harness = vmt_harness_new (RAM, 0x10000);
  bench->uart = VMT_DEVICE (object);
  bench->stream = fake_char_new ();
  g_object_set (object, "backend", bench->stream, NULL);
  if (reg_shift != NULL)
    g_assert_true (vmt_object_set_text (object, "reg-shift", reg_shift, &error));
  g_assert_true (vmt_harness_add (bench->harness, NULL, "uart0", bench->uart, UART, &error));
  g_assert_true (vmt_harness_realize (bench->harness, &error));
  g_assert_no_error (error);
}

static void
teardown (Bench *bench, gconstpointer data)
{
  vmt_harness_free (bench->harness);
  g_object_unref (bench->stream);
}

static guint8
get (Bench *bench, guint reg)
{
  return vmt_harness_get (bench->harness, UART + reg, 1);
}

static void
put (Bench *bench, guint reg, guint8 value)
{
  vmt_harness_put (bench->harness, UART + reg, 1, value);
}

static gboolean
irq (Bench *bench)
{
  return vmt_harness_get_irq_level (bench->harness, bench->uart, 0);
}

static void
test_registers (Bench *bench, gconstpointer data)
{
  guint64 value;

  g_assert_cmphex (get (bench, IER), ==, 0);
  g_assert_cmphex (get (bench, IIR), ==, 0x01);
  g_assert_cmphex (get (bench, LSR), ==, 0x60);
  g_assert_cmphex (get (bench, MSR), ==, 0xb0);
  put (bench, SCR, 0x5a);
  g_assert_cmphex (get (bench, SCR), ==, 0x5a);
  put (bench, IER, 0xf0);
  g_assert_cmphex (get (bench, IER), ==, 0);
  put (bench, MCR, 0xe0);
  g_assert_cmphex (get (bench, MCR), ==, 0);
  put (bench, LSR, 0);
  g_assert_cmphex (get (bench, LSR), ==, 0x60);
  /* The divisor's latches hide the data and the interrupt enable register. */
  put (bench, LCR, 0x83);
  g_assert_cmphex (get (bench, RBR), ==, 12);
  put (bench, RBR, 0x34);
  put (bench, IER, 0x12);
  g_assert_cmphex (get (bench, RBR), ==, 0x34);
  g_assert_cmphex (get (bench, IER), ==, 0x12);
  put (bench, LCR, 0x03);
  g_assert_cmphex (get (bench, IER), ==, 0);
  g_assert_cmpuint (bench->stream->written->len, ==, 0);
  /* Nothing lies behind them; the table's place for the latches is not a guest's. */
  for (guint offset = 8; offset < 0x100; offset += 8)
    {
      g_assert_cmpint (vmt_harness_read (bench->harness, UART + offset, 1, &value), ==,
                       VMT_MEM_BUS_ERROR);
      g_assert_cmpint (vmt_harness_write (bench->harness, UART + offset, 4, 0), ==,
                       VMT_MEM_BUS_ERROR);
    }
  /* Reset takes all of it back. */
  put (bench, SCR, 1);
  put (bench, IER, 2);
  g_assert_true (irq (bench));
  vmt_harness_reset (bench->harness);
  g_assert_false (irq (bench));
  g_assert_cmphex (get (bench, SCR), ==, 0);
  g_assert_cmphex (get (bench, LSR), ==, 0x60);
}

static void
test_reg_shift (Bench *bench, gconstpointer data)
{
  guint64 value = 1;

  put (bench, SCR << 2, 0x77);
  g_assert_cmphex (get (bench, SCR << 2), ==, 0x77);
  /* Word accesses reach the register in their low byte. */
  g_assert_cmphex (vmt_harness_get (bench->harness, UART + (SCR << 2), 4), ==, 0x77);
  vmt_harness_put (bench->harness, UART + (SCR << 2), 4, 0xffffff31);
  g_assert_cmphex (get (bench, SCR << 2), ==, 0x31);
  g_assert_cmphex (get (bench, (SCR << 2) + 1), ==, 0);
  put (bench, (SCR << 2) + 1, 9);
  g_assert_cmphex (get (bench, SCR << 2), ==, 0x31);
  g_assert_cmpint (vmt_harness_read (bench->harness, UART + 0x20, 1, &value), ==,
                   VMT_MEM_BUS_ERROR);
}

static void
test_transmit (Bench *bench, gconstpointer data)
{
  guint edges;

  put (bench, RBR, 'a');
  g_assert_cmpmem (bench->stream->written->data, bench->stream->written->len, "a", 1);
  g_assert_cmphex (get (bench, LSR), ==, 0x60);
  /* Enabling the interrupt with the transmitter empty raises it; identification takes it back, but
   * not for ever. */
  put (bench, IER, 2);
  g_assert_true (irq (bench));
  g_assert_cmphex (get (bench, IIR), ==, 0x02);
  g_assert_false (irq (bench));
  g_assert_cmphex (get (bench, IIR), ==, 0x01);
  put (bench, IER, 2);
  g_assert_false (irq (bench));
  put (bench, IER, 0);
  put (bench, IER, 2);
  g_assert_true (irq (bench));
  edges = vmt_harness_get_irq_edges (bench->harness, bench->uart, 0);
  g_assert_cmphex (get (bench, IIR), ==, 0x02);
  put (bench, RBR, 'b');
  g_assert_true (irq (bench));
  g_assert_cmpuint (vmt_harness_get_irq_edges (bench->harness, bench->uart, 0), ==, edges + 1);

  /* A stream that takes nothing: without FIFOs one byte waits, with them 16, the rest is lost. */
  bench->stream->room = 0;
  put (bench, RBR, 'c');
  g_assert_cmphex (get (bench, LSR), ==, 0x00);
  g_assert_cmphex (get (bench, IIR), ==, 0x01);
  put (bench, RBR, 'X');
  g_assert_cmphex (get (bench, LSR), ==, 0x00);
  fake_char_make_room (bench->stream, 1);
  g_assert_cmphex (get (bench, LSR), ==, 0x60);
  g_assert_true (irq (bench));
  put (bench, FCR, 0x01);
  for (guint i = 0; i < 20; i++)
    put (bench, RBR, '0' + i);
  g_assert_cmphex (get (bench, LSR), ==, 0x00);
  fake_char_make_room (bench->stream, 15);
  g_assert_cmphex (get (bench, LSR), ==, 0x00);
  g_assert_cmphex (get (bench, IIR), ==, 0xc1);
  fake_char_make_room (bench->stream, G_MAXSIZE);
  g_assert_cmphex (get (bench, LSR), ==, 0x60);
  g_assert_cmphex (get (bench, IIR), ==, 0xc2);
  g_assert_cmpmem (bench->stream->written->data, bench->stream->written->len, "abc0123456789:;<=>?",
                   19);
  g_assert_cmpuint (vmt_harness_get_guest_errors (bench->harness), ==, 5);

  /* Clearing the FIFO throws away what waits. */
  bench->stream->room = 0;
  put (bench, RBR, 'Y');
  g_assert_cmphex (get (bench, LSR), ==, 0x00);
  put (bench, FCR, 0x05);
  g_assert_cmphex (get (bench, LSR), ==, 0x60);
  fake_char_make_room (bench->stream, G_MAXSIZE);
  g_assert_cmpuint (bench->stream->written->len, ==, 19);
}

static void
test_receive (Bench *bench, gconstpointer data)
{
  /* Without FIFOs: one at a time. */
  put (bench, IER, 1);
  fake_char_type (bench->stream, "xy", 2);
  g_assert_true (irq (bench));
  g_assert_cmphex (get (bench, IIR), ==, 0x04);
  g_assert_cmphex (get (bench, LSR), ==, 0x61);
  g_assert_cmpint (get (bench, RBR), ==, 'x');
  g_assert_false (irq (bench));
  g_assert_cmphex (get (bench, LSR), ==, 0x60);
  vmt_harness_iterate (bench->harness);
  g_assert_true (irq (bench));
  g_assert_cmpint (get (bench, RBR), ==, 'y');
  vmt_harness_iterate (bench->harness);
  g_assert_false (irq (bench));
}

static void
test_trigger (Bench *bench, gconstpointer data)
{
  static const guint8 levels[] = { 1, 4, 8, 14 };

  put (bench, IER, 1);
  for (guint i = 0; i < 4; i++)
    {
      put (bench, FCR, 0x03 | i << 6);
      for (guint n = 1; n <= 16; n++)
        {
          fake_char_type (bench->stream, "z", 1);
          g_assert_cmpint (irq (bench), ==, n >= levels[i]);
        }
      g_assert_cmphex (get (bench, IIR), ==, 0xc4);
      for (guint n = 16; n > 0; n--)
        {
          g_assert_cmpint (irq (bench), ==, n >= levels[i]);
          get (bench, RBR);
        }
      g_assert_cmphex (get (bench, LSR), ==, 0x60);
    }
  /* Switching the FIFOs off and on empties them. */
  fake_char_type (bench->stream, "z", 1);
  put (bench, FCR, 0);
  g_assert_cmphex (get (bench, LSR), ==, 0x60);
  g_assert_cmphex (get (bench, IIR), ==, 0x01);
}

/* Bytes below the trigger level interrupt after four characters' time: 9600 baud, 10 bits each. */
static void
test_timeout (Bench *bench, gconstpointer data)
{
  const guint64 ns = G_GUINT64_CONSTANT (4) * 10 * 16 * 24 * 1000000000 / 3686400;

  put (bench, LCR, 0x80);
  put (bench, RBR, 24);
  put (bench, LCR, 0x03);
  put (bench, IER, 1);
  put (bench, FCR, 0xc1);
  fake_char_type (bench->stream, "ab", 2);
  vmt_harness_advance (bench->harness, ns - 1000);
  g_assert_false (irq (bench));
  /* Another character begins it anew. */
  fake_char_type (bench->stream, "c", 1);
  vmt_harness_advance (bench->harness, ns - 1000);
  g_assert_false (irq (bench));
  vmt_harness_advance (bench->harness, 2000);
  g_assert_true (irq (bench));
  g_assert_cmphex (get (bench, IIR), ==, 0xcc);
  /* Reading one takes it back and begins it anew too. */
  g_assert_cmpint (get (bench, RBR), ==, 'a');
  g_assert_false (irq (bench));
  vmt_harness_advance (bench->harness, ns + 1000);
  g_assert_true (irq (bench));
  get (bench, RBR);
  get (bench, RBR);
  vmt_harness_advance (bench->harness, 10 * ns);
  g_assert_false (irq (bench));
  /* None without FIFOs, none after a reset. */
  fake_char_type (bench->stream, "d", 1);
  put (bench, FCR, 0);
  vmt_harness_advance (bench->harness, 10 * ns);
  g_assert_false (irq (bench));
  put (bench, FCR, 0xc1);
  fake_char_type (bench->stream, "e", 1);
  vmt_harness_reset (bench->harness);
  put (bench, IER, 1);
  vmt_harness_advance (bench->harness, 10 * ns);
  g_assert_false (irq (bench));
}

static void
test_loopback (Bench *bench, gconstpointer data)
{
  put (bench, MCR, 0x10);
  g_assert_cmphex (get (bench, MSR) & 0xf0, ==, 0x00);
  put (bench, MCR, 0x1f);
  g_assert_cmphex (get (bench, MSR), ==, 0xfb); /* RI rises unreported */
  g_assert_cmphex (get (bench, MSR), ==, 0xf0);
  put (bench, IER, 8);
  put (bench, MCR, 0x1b);
  g_assert_true (irq (bench));
  g_assert_cmphex (get (bench, IIR), ==, 0x00);
  g_assert_cmphex (get (bench, MSR), ==, 0xb4); /* its trailing edge is */
  g_assert_false (irq (bench));
  /* What is typed meanwhile waits. */
  put (bench, FCR, 1);
  fake_char_type (bench->stream, "typed", 5);
  for (guint i = 0; i < 17; i++)
    put (bench, RBR, i);
  g_assert_cmphex (get (bench, LSR), ==, 0x63);
  g_assert_cmphex (get (bench, LSR), ==, 0x61);
  for (guint i = 0; i < 16; i++)
    g_assert_cmpuint (get (bench, RBR), ==, i);
  g_assert_cmphex (get (bench, LSR), ==, 0x60);
  g_assert_cmpuint (bench->stream->written->len, ==, 0);
  g_assert_cmpuint (bench->stream->sent, ==, 0);
  put (bench, MCR, 0x0b);
  vmt_harness_iterate (bench->harness);
  g_assert_cmpint (get (bench, RBR), ==, 't');
}

static void
test_overrun (Bench *bench, gconstpointer data)
{
  put (bench, IER, 5);
  put (bench, MCR, 0x10);
  put (bench, RBR, 'a');
  g_assert_cmphex (get (bench, IIR), ==, 0x04);
  put (bench, RBR, 'b');
  /* The status comes before the data. */
  g_assert_cmphex (get (bench, IIR), ==, 0x06);
  g_assert_cmphex (get (bench, LSR), ==, 0x63);
  g_assert_cmphex (get (bench, IIR), ==, 0x04);
  g_assert_cmpint (get (bench, RBR), ==, 'b');
  g_assert_cmphex (get (bench, IIR), ==, 0x01);
  g_assert_false (irq (bench));
}

/* Not a byte of a paste is lost or changes its place, at whatever pace the guest reads. */
static void
test_paste (Bench *bench, gconstpointer data)
{
  g_autofree guint8 *paste = g_malloc (65536);
  g_autoptr (GRand) rand = g_rand_new_with_seed (7);
  gsize got = 0;
  guint idle = 0;

  for (guint i = 0; i < 65536; i++)
    paste[i] = g_rand_int (rand);
  put (bench, FCR, 0x81);
  put (bench, IER, 1);
  fake_char_type (bench->stream, paste, 65536);
  while (got < 65536 && idle < 100)
    {
      guint n = g_rand_int_range (rand, 0, 20);

      idle++;
      vmt_harness_iterate (bench->harness);
      if (!irq (bench))
        vmt_harness_advance (bench->harness, 10000000);
      g_assert_true (irq (bench));
      for (; n > 0 && (get (bench, LSR) & 1) != 0; n--, got++, idle = 0)
        g_assert_cmphex (get (bench, RBR), ==, paste[got]);
    }
  g_assert_cmpuint (got, ==, 65536);
  g_assert_cmphex (get (bench, LSR), ==, 0x60);
}

/* A machine that stands still takes no input, and has not lost it when it goes on. */
static void
test_running (Bench *bench, gconstpointer data)
{
  vmt_device_set_running (bench->uart, FALSE);
  fake_char_type (bench->stream, "hi", 2);
  vmt_harness_iterate (bench->harness);
  g_assert_cmpuint (bench->stream->sent, ==, 0);
  vmt_device_set_running (bench->uart, TRUE);
  vmt_harness_iterate (bench->harness);
  g_assert_cmpint (get (bench, RBR), ==, 'h');
  vmt_harness_iterate (bench->harness);
  g_assert_cmpint (get (bench, RBR), ==, 'i');
}

static void
test_state (Bench *bench, gconstpointer data)
{
  const VmtStateField *table = VMT_DEVICE_GET_CLASS (bench->uart)->state;
  g_autoptr (GVariant) saved = NULL;
  g_autoptr (GVariant) again = NULL;
  g_autoptr (GError) error = NULL;

  put (bench, FCR, 0x41);
  put (bench, IER, 3);
  put (bench, MCR, 3);
  put (bench, SCR, 0x99);
  fake_char_type (bench->stream, "abc", 3);
  saved = g_variant_ref_sink (vmt_state_table_save (table, bench->uart));
  vmt_harness_reset (bench->harness);
  g_assert_cmphex (get (bench, SCR), ==, 0);
  g_assert_true (vmt_state_table_load (table, bench->uart, saved, 1, &error));
  again = g_variant_ref_sink (vmt_state_table_save (table, bench->uart));
  g_assert_true (g_variant_equal (saved, again));
  g_assert_cmphex (get (bench, SCR), ==, 0x99);
  g_assert_cmphex (get (bench, IIR), ==, 0xc2);
  g_assert_cmpint (get (bench, RBR), ==, 'a');
  g_assert_cmpint (get (bench, RBR), ==, 'b');
  g_assert_cmpint (get (bench, RBR), ==, 'c');
}

/* Random registers and input: it stays healthy, and empty of what was read. */
static void
test_random (Bench *bench, gconstpointer data)
{
  g_autoptr (GRand) rand = g_rand_new_with_seed (16550);

  for (guint i = 0; i < 50000; i++)
    {
      guint reg = g_rand_int_range (rand, 0, 8);

      switch (g_rand_int_range (rand, 0, 5))
        {
        case 0:
          get (bench, reg);
          break;
        case 1:
          fake_char_type (bench->stream, &i, g_rand_int_range (rand, 1, 5));
          break;
        case 2:
          bench->stream->room = g_rand_boolean (rand) ? 0 : G_MAXSIZE;
          break;
        case 3:
          vmt_harness_advance (bench->harness, g_rand_int_range (rand, 0, 1000000));
          break;
        default:
          put (bench, reg, g_rand_int (rand));
          break;
        }
    }
  bench->stream->room = G_MAXSIZE;
  vmt_harness_reset (bench->harness);
  vmt_harness_iterate (bench->harness);
  put (bench, FCR, 7);
  g_assert_cmphex (get (bench, LSR) & 0x1e, ==, 0);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
#define ADD(name, func)                                                                            \
  g_test_add ("/device/uart-ns16550/" name, Bench, NULL, setup, func, teardown)
  ADD ("registers", test_registers);
  g_test_add ("/device/uart-ns16550/reg-shift", Bench, "2", setup, test_reg_shift, teardown);
  ADD ("transmit", test_transmit);
  ADD ("receive", test_receive);
  ADD ("trigger", test_trigger);
  ADD ("timeout", test_timeout);
  ADD ("loopback", test_loopback);
  ADD ("overrun", test_overrun);
  ADD ("paste", test_paste);
  ADD ("running", test_running);
  ADD ("state", test_state);
  ADD ("random", test_random);
  return g_test_run ();
}
