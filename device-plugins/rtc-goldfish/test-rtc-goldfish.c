/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "vmt-harness.h"
#include "vmt-registry.h"

#define BASE 0x101000
#define TIME_LOW 0x00
#define TIME_HIGH 0x04
#define ALARM_LOW 0x08
#define ALARM_HIGH 0x0c
#define IRQ_ENABLED 0x10
#define CLEAR_ALARM 0x14
#define ALARM_STATUS 0x18
#define CLEAR_INTERRUPT 0x1c

#define SECOND G_GUINT64_CONSTANT (1000000000)

typedef struct
{
  VmtHarness *harness;
  VmtDevice *device;
} Bench;

static void
setup (Bench *bench, gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (VmtObject) object =
      vmt_registry_create (vmt_registry_get_default (), VMT_FEATURE_DEVICE, "rtc-goldfish", &error);

  g_assert_no_error (error);
  bench->harness = vmt_harness_new (0x80000000, 0x10000);
  bench->device = VMT_DEVICE (object);
  g_assert_true (vmt_harness_add (bench->harness, NULL, "rtc", bench->device, BASE, &error));
  g_assert_true (vmt_harness_realize (bench->harness, &error));
  g_assert_no_error (error);
}

static void
teardown (Bench *bench, gconstpointer data)
{
  vmt_harness_free (bench->harness);
}

static guint32
get (Bench *bench, guint reg)
{
  return vmt_harness_get (bench->harness, BASE + reg, 4);
}

static void
put (Bench *bench, guint reg, guint32 value)
{
  vmt_harness_put (bench->harness, BASE + reg, 4, value);
}

static guint64
get_time (Bench *bench)
{
  guint64 low = get (bench, TIME_LOW);

  return low | (guint64)get (bench, TIME_HIGH) << 32;
}

static void
set_alarm (Bench *bench, guint64 time)
{
  put (bench, ALARM_HIGH, time >> 32);
  put (bench, ALARM_LOW, time);
}

static gboolean
irq (Bench *bench)
{
  return vmt_harness_get_irq_level (bench->harness, bench->device, 0);
}

static void
test_time (Bench *bench, gconstpointer data)
{
  /* The clock of tests began at the year 2000. */
  guint64 start = G_GUINT64_CONSTANT (946684800) * SECOND, time;

  g_assert_cmpuint (get_time (bench), ==, start);
  vmt_harness_advance (bench->harness, 5 * SECOND + 17);
  g_assert_cmpuint (get_time (bench), ==, start + 5 * SECOND + 17);
  /* The upper half is that of the lower one that was read. */
  time = get (bench, TIME_LOW);
  vmt_harness_advance (bench->harness, 100 * SECOND);
  time |= (guint64)get (bench, TIME_HIGH) << 32;
  g_assert_cmpuint (time, ==, start + 5 * SECOND + 17);
  put (bench, TIME_HIGH, 0x12345678);
  put (bench, TIME_LOW, 0x9abcdef0);
  vmt_harness_advance (bench->harness, 16);
  g_assert_cmphex (get_time (bench), ==, G_GUINT64_CONSTANT (0x123456789abcdf00));
  vmt_harness_reset (bench->harness);
  g_assert_cmpuint (get_time (bench), ==, start + 105 * SECOND + 33);
}

static void
test_alarm (Bench *bench, gconstpointer data)
{
  guint64 now = get_time (bench);

  put (bench, IRQ_ENABLED, 0xffffffff);
  g_assert_cmphex (get (bench, IRQ_ENABLED), ==, 1);
  set_alarm (bench, now + 2 * SECOND);
  g_assert_cmphex (get (bench, ALARM_STATUS), ==, 1);
  vmt_harness_advance (bench->harness, 2 * SECOND - 1);
  g_assert_false (irq (bench));
  vmt_harness_advance (bench->harness, 1);
  g_assert_true (irq (bench));
  g_assert_cmphex (get (bench, ALARM_STATUS), ==, 0);
  put (bench, IRQ_ENABLED, 0);
  g_assert_false (irq (bench));
  put (bench, IRQ_ENABLED, 1);
  g_assert_true (irq (bench));
  put (bench, CLEAR_INTERRUPT, 1);
  g_assert_false (irq (bench));
  /* In the past: at once. */
  set_alarm (bench, 1);
  g_assert_true (irq (bench));
  put (bench, CLEAR_INTERRUPT, 1);
  /* Disarmed in time. */
  set_alarm (bench, get_time (bench) + SECOND);
  put (bench, CLEAR_ALARM, 1);
  g_assert_cmphex (get (bench, ALARM_STATUS), ==, 0);
  vmt_harness_advance (bench->harness, 10 * SECOND);
  g_assert_false (irq (bench));
  /* Setting the clock past it. */
  now = get_time (bench);
  set_alarm (bench, now + 1000 * SECOND);
  put (bench, TIME_HIGH, (now + 1000 * SECOND) >> 32);
  put (bench, TIME_LOW, now + 1000 * SECOND);
  g_assert_true (irq (bench));
  /* Never, and then a reset with one armed. */
  put (bench, CLEAR_INTERRUPT, 1);
  set_alarm (bench, G_MAXUINT64);
  g_assert_cmphex (get (bench, ALARM_STATUS), ==, 1);
  set_alarm (bench, get_time (bench) + SECOND);
  vmt_harness_reset (bench->harness);
  put (bench, IRQ_ENABLED, 1);
  vmt_harness_advance (bench->harness, 10 * SECOND);
  g_assert_false (irq (bench));
}

static void
test_state (Bench *bench, gconstpointer data)
{
  const VmtStateField *table = VMT_DEVICE_GET_CLASS (bench->device)->state;
  g_autoptr (GVariant) saved = NULL;
  g_autoptr (GError) error = NULL;
  guint64 time;

  put (bench, TIME_HIGH, 77);
  put (bench, TIME_LOW, 0);
  put (bench, IRQ_ENABLED, 1);
  time = get_time (bench);
  saved = g_variant_ref_sink (vmt_state_table_save (table, bench->device));
  vmt_harness_reset (bench->harness);
  g_assert_cmpuint (get_time (bench), !=, time);
  g_assert_true (vmt_state_table_load (table, bench->device, saved, 1, &error));
  g_assert_cmpuint (get_time (bench), ==, time);
  g_assert_cmphex (get (bench, IRQ_ENABLED), ==, 1);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add ("/device/rtc-goldfish/time", Bench, NULL, setup, test_time, teardown);
  g_test_add ("/device/rtc-goldfish/alarm", Bench, NULL, setup, test_alarm, teardown);
  g_test_add ("/device/rtc-goldfish/state", Bench, NULL, setup, test_state, teardown);
  return g_test_run ();
}
