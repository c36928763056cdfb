/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "harts.h"
#include "vmt-firmware-node-private.h"
#include "vmt-registry.h"

#define BASE 0x2000000
#define MSIP(hart) (BASE + 4 * (hart))
#define MTIMECMP(hart) (BASE + 0x4000 + 8 * (hart))
#define MTIME (BASE + 0xbff8)
#define SETSSIP(hart) (BASE + 0xc000 + 4 * (hart))

#define N_HARTS 2
/* Of the counter, which the harts give 10 MHz. */
#define TICK 100

typedef struct
{
  VmtHarness *harness;
  VmtDevice *aclint;
} Bench;

static gboolean
setup (Bench *bench)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (VmtObject) object = NULL;

  if (!harts_new (N_HARTS, &bench->harness))
    return FALSE;
  object =
      vmt_registry_create (vmt_registry_get_default (), VMT_FEATURE_DEVICE, "intc-aclint", &error);
  g_assert_no_error (error);
  bench->aclint = VMT_DEVICE (object);
  g_assert_true (vmt_harness_add (bench->harness, NULL, "clint", bench->aclint, BASE, &error));
  g_assert_true (vmt_harness_realize (bench->harness, &error));
  g_assert_no_error (error);
  return TRUE;
}

static guint64
get (Bench *bench, guint64 address, guint size)
{
  return vmt_harness_get (bench->harness, address, size);
}

static void
put (Bench *bench, guint64 address, guint size, guint64 value)
{
  vmt_harness_put (bench->harness, address, size, value);
}

static void
check_harts (Bench *bench, guint64 first, guint64 second)
{
  g_assert_cmphex (harts_get_mip (bench->harness, 0), ==, first);
  g_assert_cmphex (harts_get_mip (bench->harness, 1), ==, second);
}

static void
test_software (void)
{
  Bench bench;
  guint64 value;

  if (!setup (&bench))
    return;
  put (&bench, MSIP (1), 4, 0xffffffff);
  check_harts (&bench, 0, MIP_MSIP);
  g_assert_cmphex (get (&bench, MSIP (1), 4), ==, 1);
  put (&bench, MSIP (0), 4, 1);
  put (&bench, MSIP (1), 4, 0xfffffffe);
  check_harts (&bench, MIP_MSIP, 0);
  /* The supervisor's is an edge, and reads as zero. */
  put (&bench, SETSSIP (1), 4, 1);
  check_harts (&bench, MIP_MSIP, MIP_SSIP);
  g_assert_cmphex (get (&bench, SETSSIP (1), 4), ==, 0);
  put (&bench, SETSSIP (0), 4, 2);
  check_harts (&bench, MIP_MSIP, MIP_SSIP);
  /* Harts that do not exist. */
  put (&bench, MSIP (2), 4, 1);
  put (&bench, MSIP (4094), 4, 1);
  put (&bench, SETSSIP (4094), 4, 1);
  put (&bench, MTIMECMP (2), 8, 1);
  g_assert_cmphex (get (&bench, MSIP (2), 4), ==, 0);
  g_assert_cmphex (get (&bench, MTIMECMP (4094), 8), ==, 0);
  check_harts (&bench, MIP_MSIP, MIP_SSIP);
  g_assert_cmpint (vmt_harness_read (bench.harness, MSIP (0), 1, &value), ==, VMT_MEM_BUS_ERROR);
  vmt_harness_reset (bench.harness);
  g_assert_cmphex (get (&bench, MSIP (0), 4), ==, 0);
  g_assert_cmphex (harts_get_mip (bench.harness, 0), ==, 0);
  vmt_harness_free (bench.harness);
}

static void
test_timer (void)
{
  guint64 now;
  Bench bench;

  if (!setup (&bench))
    return;
  now = get (&bench, MTIME, 8);
  vmt_harness_advance (bench.harness, 1000 * TICK);
  g_assert_cmpuint (get (&bench, MTIME, 8), ==, now + 1000);
  check_harts (&bench, 0, 0);
  now = get (&bench, MTIME, 8);
  put (&bench, MTIMECMP (0), 8, now + 50);
  put (&bench, MTIMECMP (1), 8, now + 20);
  vmt_harness_advance (bench.harness, 20 * TICK - 1);
  check_harts (&bench, 0, 0);
  vmt_harness_advance (bench.harness, 1);
  check_harts (&bench, 0, MIP_MTIP);
  vmt_harness_advance (bench.harness, 30 * TICK);
  check_harts (&bench, MIP_MTIP, MIP_MTIP);
  /* Later again; in the past; never. */
  put (&bench, MTIMECMP (1), 8, now + 60);
  check_harts (&bench, MIP_MTIP, 0);
  put (&bench, MTIMECMP (1), 8, 0);
  check_harts (&bench, MIP_MTIP, MIP_MTIP);
  put (&bench, MTIMECMP (0), 8, G_MAXUINT64);
  check_harts (&bench, 0, MIP_MTIP);
  vmt_harness_advance (bench.harness, 1000000000);
  check_harts (&bench, 0, MIP_MTIP);
  vmt_harness_reset (bench.harness);
  check_harts (&bench, 0, 0);
  g_assert_cmphex (get (&bench, MTIMECMP (1), 8), ==, G_MAXUINT64);
  vmt_harness_free (bench.harness);
}

static void
test_halves (void)
{
  guint64 now;
  Bench bench;

  if (!setup (&bench))
    return;
  vmt_harness_advance (bench.harness, 5000 * TICK);
  now = get (&bench, MTIME, 8);
  g_assert_cmphex (get (&bench, MTIME, 4), ==, (guint32)now);
  g_assert_cmphex (get (&bench, MTIME + 4, 4), ==, now >> 32);
  /* As a 32-bit program sets it, without a spurious interrupt. */
  put (&bench, MTIMECMP (0), 4, 0xffffffff);
  put (&bench, MTIMECMP (0) + 4, 4, 0);
  put (&bench, MTIMECMP (0), 4, now + 3);
  g_assert_cmphex (get (&bench, MTIMECMP (0), 8), ==, now + 3);
  check_harts (&bench, 0, 0);
  vmt_harness_advance (bench.harness, 3 * TICK);
  check_harts (&bench, MIP_MTIP, 0);
  /* The counter can be set: the timers follow it, also around its end. */
  put (&bench, MTIME, 8, 0);
  check_harts (&bench, 0, 0);
  g_assert_cmpuint (get (&bench, MTIME, 8), ==, 0);
  put (&bench, MTIMECMP (0), 8, 10);
  vmt_harness_advance (bench.harness, 10 * TICK);
  check_harts (&bench, MIP_MTIP, 0);
  put (&bench, MTIME, 8, G_MAXUINT64 - 4);
  put (&bench, MTIMECMP (0), 8, G_MAXUINT64);
  check_harts (&bench, 0, 0);
  vmt_harness_advance (bench.harness, 4 * TICK);
  /* The other hart's compare register has been at the end since the reset. */
  check_harts (&bench, MIP_MTIP, MIP_MTIP);
  vmt_harness_free (bench.harness);
}

static void
test_describe (void)
{
  static const guint32 causes[] = { 3, 7 };
  g_autoptr (VmtFirmwareNode) node = vmt_firmware_node_new ("node");
  const VmtFirmwareProperty *property;
  Bench bench;

  if (!setup (&bench))
    return;
  VMT_DEVICE_GET_CLASS (bench.aclint)->describe (bench.aclint, node);
  g_assert_cmpuint (node->properties->len, ==, 1);
  property = g_ptr_array_index (node->properties, 0);
  g_assert_cmpstr (property->name, ==, "interrupts-extended");
  g_assert_cmpuint (property->references->len, ==, 2 * N_HARTS);
  for (guint i = 0; i < 2 * N_HARTS; i++)
    g_assert_cmpuint (
        ((VmtFirmwareReference *)g_ptr_array_index (property->references, i))->cells[0], ==,
        causes[i % 2]);
  vmt_harness_free (bench.harness);
}

static void
test_state (void)
{
  const VmtStateField *table;
  g_autoptr (GVariant) saved = NULL;
  g_autoptr (GVariant) again = NULL;
  g_autoptr (GError) error = NULL;
  Bench bench;

  if (!setup (&bench))
    return;
  table = VMT_DEVICE_GET_CLASS (bench.aclint)->state;
  put (&bench, MTIME, 8, 12345678);
  put (&bench, MTIMECMP (1), 8, 99999999);
  put (&bench, MSIP (0), 4, 1);
  saved = g_variant_ref_sink (vmt_state_table_save (table, bench.aclint));
  vmt_harness_reset (bench.harness);
  g_assert_true (vmt_state_table_load (table, bench.aclint, saved, 1, &error));
  again = g_variant_ref_sink (vmt_state_table_save (table, bench.aclint));
  g_assert_true (g_variant_equal (saved, again));
  g_assert_cmpuint (get (&bench, MTIME, 8), ==, 12345678);
  g_assert_cmpuint (get (&bench, MTIMECMP (1), 8), ==, 99999999);
  g_assert_cmphex (get (&bench, MSIP (0), 4), ==, 1);
  vmt_harness_free (bench.harness);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/device/intc-aclint/software", test_software);
  g_test_add_func ("/device/intc-aclint/timer", test_timer);
  g_test_add_func ("/device/intc-aclint/halves", test_halves);
  g_test_add_func ("/device/intc-aclint/describe", test_describe);
  g_test_add_func ("/device/intc-aclint/state", test_state);
  return g_test_run ();
}
