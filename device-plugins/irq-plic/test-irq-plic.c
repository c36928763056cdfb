/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>

#include "harts.h"
#include "vmt-error.h"
#include "vmt-firmware-node-private.h"
#include "vmt-registry.h"

#define BASE 0xc000000
#define PENDING 0x1000
#define ENABLE(context) (0x2000 + 0x80 * (context))
#define THRESHOLD(context) (0x200000 + 0x1000 * (context))
#define CLAIM(context) (0x200004 + 0x1000 * (context))

#define N_HARTS 2

typedef struct
{
  VmtHarness *harness;
  VmtDevice *plic;
  gint stop; /* atomic */
} Bench;

static gboolean
setup (Bench *bench)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (VmtObject) object = NULL;

  if (!harts_new (N_HARTS, &bench->harness))
    return FALSE;
  object =
      vmt_registry_create (vmt_registry_get_default (), VMT_FEATURE_DEVICE, "irq-plic", &error);
  g_assert_no_error (error);
  bench->plic = VMT_DEVICE (object);
  g_assert_true (vmt_harness_add (bench->harness, NULL, "plic", bench->plic, BASE, &error));
  g_assert_true (vmt_harness_realize (bench->harness, &error));
  g_assert_no_error (error);
  return TRUE;
}

static guint32
get (Bench *bench, guint offset)
{
  return vmt_harness_get (bench->harness, BASE + offset, 4);
}

static void
put (Bench *bench, guint offset, guint32 value)
{
  vmt_harness_put (bench->harness, BASE + offset, 4, value);
}

static void
set_line (Bench *bench, const char *line, gboolean level)
{
  g_autoptr (GError) error = NULL;
  VmtIrq irq;

  g_assert_true (
      vmt_irq_controller_get_input (VMT_IRQ_CONTROLLER (bench->plic), line, &irq, &error));
  vmt_irq_set (&irq, level);
}

static void
check_harts (Bench *bench, guint64 first, guint64 second)
{
  g_assert_cmphex (harts_get_mip (bench->harness, 0), ==, first);
  g_assert_cmphex (harts_get_mip (bench->harness, 1), ==, second);
}

static void
test_registers (void)
{
  Bench bench;
  guint64 value;

  if (!setup (&bench))
    return;
  /* Priorities have three bits; source 0 and what lies beyond the last do not exist. */
  put (&bench, 4 * 10, 0xffffffff);
  g_assert_cmphex (get (&bench, 4 * 10), ==, 7);
  put (&bench, 0, 7);
  g_assert_cmphex (get (&bench, 0), ==, 0);
  put (&bench, 4 * 95, 3);
  g_assert_cmphex (get (&bench, 4 * 95), ==, 3);
  put (&bench, 4 * 96, 3);
  g_assert_cmphex (get (&bench, 4 * 96), ==, 0);
  for (guint word = 0; word < 32; word++)
    put (&bench, ENABLE (3) + 4 * word, 0xffffffff);
  g_assert_cmphex (get (&bench, ENABLE (3)), ==, 0xfffffffe);
  g_assert_cmphex (get (&bench, ENABLE (3) + 8), ==, 0xffffffff);
  g_assert_cmphex (get (&bench, ENABLE (3) + 12), ==, 0);
  put (&bench, THRESHOLD (0), 0xff);
  g_assert_cmphex (get (&bench, THRESHOLD (0)), ==, 7);
  put (&bench, PENDING, 0xffffffff);
  g_assert_cmphex (get (&bench, PENDING), ==, 0);
  /* Contexts of harts that do not exist. */
  put (&bench, ENABLE (4), 2);
  put (&bench, THRESHOLD (4), 2);
  put (&bench, CLAIM (127), 2);
  g_assert_cmphex (get (&bench, ENABLE (4)), ==, 0);
  g_assert_cmphex (get (&bench, THRESHOLD (4)), ==, 0);
  g_assert_cmphex (get (&bench, CLAIM (127)), ==, 0);
  g_assert_cmpint (vmt_harness_read (bench.harness, BASE + 4, 1, &value), ==, VMT_MEM_BUS_ERROR);
  g_assert_cmpint (vmt_harness_read (bench.harness, BASE + 0x1f0000, 4, &value), ==,
                   VMT_MEM_BUS_ERROR);
  vmt_harness_reset (bench.harness);
  g_assert_cmphex (get (&bench, 4 * 10), ==, 0);
  g_assert_cmphex (get (&bench, ENABLE (3)), ==, 0);
  vmt_harness_free (bench.harness);
}

static void
test_claim (void)
{
  Bench bench;

  if (!setup (&bench))
    return;
  put (&bench, 4 * 10, 1);
  set_line (&bench, "10", TRUE);
  g_assert_cmphex (get (&bench, PENDING), ==, 1 << 10);
  check_harts (&bench, 0, 0);
  g_assert_cmpuint (get (&bench, CLAIM (1)), ==, 0);
  /* Hart 0's supervisor, then hart 1's machine mode as well. */
  put (&bench, ENABLE (1), 1 << 10);
  check_harts (&bench, MIP_SEIP, 0);
  put (&bench, ENABLE (2), 1 << 10);
  check_harts (&bench, MIP_SEIP, MIP_MEIP);
  g_assert_cmpuint (get (&bench, CLAIM (1)), ==, 10);
  check_harts (&bench, 0, 0);
  g_assert_cmpuint (get (&bench, CLAIM (2)), ==, 0);
  g_assert_cmphex (get (&bench, PENDING), ==, 0);
  /* Nothing more until it is complete, whatever the line does; then what the line is. */
  set_line (&bench, "10", FALSE);
  set_line (&bench, "10", TRUE);
  check_harts (&bench, 0, 0);
  put (&bench, CLAIM (1), 10);
  check_harts (&bench, MIP_SEIP, MIP_MEIP);
  g_assert_cmpuint (get (&bench, CLAIM (2)), ==, 10);
  set_line (&bench, "10", FALSE);
  put (&bench, CLAIM (2), 10);
  check_harts (&bench, 0, 0);
  /* A request that was forwarded stays, though the line went down. */
  set_line (&bench, "10", TRUE);
  set_line (&bench, "10", FALSE);
  check_harts (&bench, MIP_SEIP, MIP_MEIP);
  g_assert_cmpuint (get (&bench, CLAIM (1)), ==, 10);
  put (&bench, CLAIM (1), 10);
  check_harts (&bench, 0, 0);
  vmt_harness_free (bench.harness);
}

static void
test_completion (void)
{
  static const guint32 wrong[] = { 0, 9, 11, 95, 96, 1024, 0xffffffff };
  Bench bench;

  if (!setup (&bench))
    return;
  put (&bench, 4 * 10, 1);
  put (&bench, ENABLE (1), 1 << 10);
  set_line (&bench, "10", TRUE);
  g_assert_cmpuint (get (&bench, CLAIM (1)), ==, 10);
  for (guint i = 0; i < G_N_ELEMENTS (wrong); i++)
    {
      put (&bench, CLAIM (1), wrong[i]);
      check_harts (&bench, 0, 0);
    }
  /* By a context for which the source is not enabled: ignored. */
  put (&bench, CLAIM (0), 10);
  check_harts (&bench, 0, 0);
  put (&bench, ENABLE (1), 0);
  put (&bench, CLAIM (1), 10);
  put (&bench, ENABLE (1), 1 << 10);
  check_harts (&bench, 0, 0);
  put (&bench, CLAIM (1), 10);
  check_harts (&bench, MIP_SEIP, 0);
  /* Twice is once. */
  g_assert_cmpuint (get (&bench, CLAIM (1)), ==, 10);
  set_line (&bench, "10", FALSE);
  put (&bench, CLAIM (1), 10);
  put (&bench, CLAIM (1), 10);
  check_harts (&bench, 0, 0);
  vmt_harness_free (bench.harness);
}

static void
test_priorities (void)
{
  static const guint expected[] = { 64, 3, 40, 95 };
  Bench bench;

  if (!setup (&bench))
    return;
  for (guint word = 0; word < 3; word++)
    put (&bench, ENABLE (1) + 4 * word, 0xffffffff);
  put (&bench, 4 * 95, 1);
  put (&bench, 4 * 40, 2);
  put (&bench, 4 * 3, 2);
  put (&bench, 4 * 64, 7);
  put (&bench, 4 * 50, 0);
  set_line (&bench, "95", TRUE);
  set_line (&bench, "40", TRUE);
  set_line (&bench, "3", TRUE);
  set_line (&bench, "64", TRUE);
  set_line (&bench, "50", TRUE);
  /* The threshold holds interrupts back, not claims. */
  put (&bench, THRESHOLD (1), 7);
  check_harts (&bench, 0, 0);
  put (&bench, THRESHOLD (1), 6);
  check_harts (&bench, MIP_SEIP, 0);
  put (&bench, THRESHOLD (1), 7);
  for (guint i = 0; i < G_N_ELEMENTS (expected); i++)
    g_assert_cmpuint (get (&bench, CLAIM (1)), ==, expected[i]);
  /* Priority 0 never interrupts. */
  g_assert_cmpuint (get (&bench, CLAIM (1)), ==, 0);
  put (&bench, THRESHOLD (1), 0);
  check_harts (&bench, 0, 0);
  put (&bench, 4 * 50, 1);
  check_harts (&bench, MIP_SEIP, 0);
  vmt_harness_free (bench.harness);
}

static void
test_inputs (void)
{
  static const char *const wrong[] = { "0", "96", "-1", "x", "", "1x", "99999999999999999999" };
  guint32 cells[4];
  Bench bench;
  VmtIrq irq;

  if (!setup (&bench))
    return;
  for (guint i = 0; i < G_N_ELEMENTS (wrong); i++)
    {
      g_autoptr (GError) error = NULL;

      g_assert_false (
          vmt_irq_controller_get_input (VMT_IRQ_CONTROLLER (bench.plic), wrong[i], &irq, &error));
      g_assert_error (error, VMT_ERROR, VMT_ERROR_INVALID);
      g_assert_nonnull (strstr (error->message, "1 to 95"));
    }
  g_assert_cmpuint (vmt_irq_controller_describe_line (VMT_IRQ_CONTROLLER (bench.plic), 17, cells),
                    ==, 1);
  g_assert_cmpuint (cells[0], ==, 17);
  vmt_harness_free (bench.harness);
}

static void
test_describe (void)
{
  static const guint32 causes[] = { 11, 9 };
  g_autoptr (VmtFirmwareNode) node = vmt_firmware_node_new ("node");
  const VmtFirmwareProperty *found = NULL;
  Bench bench;

  if (!setup (&bench))
    return;
  VMT_DEVICE_GET_CLASS (bench.plic)->describe (bench.plic, node);
  for (guint i = 0; i < node->properties->len; i++)
    {
      const VmtFirmwareProperty *property = g_ptr_array_index (node->properties, i);

      if (g_str_equal (property->name, "interrupts-extended"))
        found = property;
    }
  g_assert_nonnull (found);
  g_assert_cmpuint (found->references->len, ==, 2 * N_HARTS);
  for (guint i = 0; i < 2 * N_HARTS; i++)
    {
      const VmtFirmwareReference *reference = g_ptr_array_index (found->references, i);

      g_assert_true (reference->target == VMT_OBJECT (vmt_machine_get_cpu (
                                              vmt_harness_get_machine (bench.harness), i / 2)));
      g_assert_cmpuint (reference->cells[0], ==, causes[i % 2]);
    }
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
  table = VMT_DEVICE_GET_CLASS (bench.plic)->state;
  put (&bench, 4 * 10, 3);
  put (&bench, ENABLE (1), 1 << 10);
  put (&bench, THRESHOLD (1), 1);
  set_line (&bench, "10", TRUE);
  g_assert_cmpuint (get (&bench, CLAIM (1)), ==, 10);
  saved = g_variant_ref_sink (vmt_state_table_save (table, bench.plic));
  vmt_harness_reset (bench.harness);
  put (&bench, CLAIM (1), 10);
  check_harts (&bench, 0, 0);
  g_assert_true (vmt_state_table_load (table, bench.plic, saved, 1, &error));
  again = g_variant_ref_sink (vmt_state_table_save (table, bench.plic));
  g_assert_true (g_variant_equal (saved, again));
  put (&bench, CLAIM (1), 10);
  check_harts (&bench, MIP_SEIP, 0);
  vmt_harness_free (bench.harness);
}

/* Lines from several threads while a "hart" claims and completes: each line that is left up is seen
 * in the end. */
static gpointer
toggle (gpointer data)
{
  Bench *bench = data;

  for (guint i = 0; !g_atomic_int_get (&bench->stop); i++)
    {
      set_line (bench, "10", i % 2 == 0);
      set_line (bench, "33", i % 3 == 0);
    }
  set_line (bench, "10", TRUE);
  return NULL;
}

static void
test_threads (void)
{
  GThread *threads[2];
  guint claimed = 0;
  gint64 end;
  Bench bench;

  if (!setup (&bench))
    return;
  put (&bench, 4 * 10, 1);
  put (&bench, 4 * 33, 1);
  put (&bench, ENABLE (1), 0xfffffffe);
  put (&bench, ENABLE (1) + 4, 0xffffffff);
  bench.stop = FALSE;
  for (guint i = 0; i < 2; i++)
    threads[i] = g_thread_new ("lines", toggle, &bench);
  end = g_get_monotonic_time () + 30 * G_USEC_PER_SEC;
  while (claimed < 5000 && g_get_monotonic_time () < end)
    {
      guint32 source = get (&bench, CLAIM (1));

      g_assert_true (source == 0 || source == 10 || source == 33);
      claimed += source != 0;
      put (&bench, CLAIM (1), source);
    }
  g_atomic_int_set (&bench.stop, TRUE);
  for (guint i = 0; i < 2; i++)
    g_thread_join (threads[i]);
  g_assert_cmpuint (claimed, ==, 5000);
  if (get (&bench, CLAIM (1)) == 33)
    put (&bench, CLAIM (1), 33);
  put (&bench, CLAIM (1), 10);
  g_assert_cmphex (harts_get_mip (bench.harness, 0), ==, MIP_SEIP);
  vmt_harness_free (bench.harness);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/device/irq-plic/registers", test_registers);
  g_test_add_func ("/device/irq-plic/claim", test_claim);
  g_test_add_func ("/device/irq-plic/completion", test_completion);
  g_test_add_func ("/device/irq-plic/priorities", test_priorities);
  g_test_add_func ("/device/irq-plic/inputs", test_inputs);
  g_test_add_func ("/device/irq-plic/describe", test_describe);
  g_test_add_func ("/device/irq-plic/state", test_state);
  g_test_add_func ("/device/irq-plic/threads", test_threads);
  return g_test_run ();
}
