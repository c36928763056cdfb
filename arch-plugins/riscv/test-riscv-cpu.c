/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "riscv-emit.h"
#include "test-riscv.h"
#include "vmt-riscv-cpu.h"

#include <libfdt.h>
#include <string.h>

#include "vmt-board.h"

static VmtRiscvCpu *
new_cpu (void)
{
  return g_object_new (VMT_TYPE_RISCV_CPU, NULL);
}

static void
test_isa_string (void)
{
  g_autoptr (VmtRiscvCpu) cpu = new_cpu ();
  g_autofree char *all = NULL, *less = NULL;

  g_object_get (cpu, "isa", &all, NULL);
  g_assert_cmpstr (
      all, ==,
      "rv64imafdc_zicbom_zicboz_zicntr_zicond_zicsr_zifencei_zihintpause_zihpm_zawrs_zba_zbb_zbs_"
      "sstc_svadu_svinval_svnapot_svpbmt");
  g_object_set (cpu, "c", FALSE, "d", FALSE, "zbb", FALSE, "svadu", FALSE, "sstc", FALSE, "svnapot",
                FALSE, NULL);
  g_object_get (cpu, "isa", &less, NULL);
  g_assert_cmpstr (
      less, ==,
      "rv64imaf_zicbom_zicboz_zicntr_zicond_zicsr_zifencei_zihintpause_zihpm_zawrs_zba_zbs_"
      "svade_svinval_svpbmt");
}

static void
test_properties (void)
{
  g_autoptr (VmtRiscvCpu) cpu = new_cpu ();
  guint n;
  g_autofree GParamSpec **specs = g_object_class_list_properties (G_OBJECT_GET_CLASS (cpu), &n);

  /* Every switch can be thrown, both ways, and nothing else moves. */
  for (guint i = 0; i < n; i++)
    {
      if (specs[i]->owner_type != VMT_TYPE_RISCV_CPU)
        continue;
      g_assert_nonnull (g_param_spec_get_blurb (specs[i]));
      if (specs[i]->value_type != G_TYPE_BOOLEAN)
        continue;
      RiscvConfig before = *vmt_riscv_cpu_get_config (cpu), after;
      gboolean on;
      g_object_set (cpu, specs[i]->name, FALSE, NULL);
      g_object_get (cpu, specs[i]->name, &on, NULL);
      g_assert_false (on);
      after = *vmt_riscv_cpu_get_config (cpu);
      g_assert_cmpmem (&before.satp_mode, 4, &after.satp_mode, 4);
      g_assert_cmpint (__builtin_popcountll (before.ext ^ after.ext) + (before.sstc != after.sstc) +
                           (before.svadu != after.svadu) + (before.svnapot != after.svnapot) +
                           (before.svpbmt != after.svpbmt),
                       ==, 1);
      g_object_set (cpu, specs[i]->name, TRUE, NULL);
      after = *vmt_riscv_cpu_get_config (cpu);
      g_assert_cmphex (before.ext, ==, after.ext);
    }
}

static void
refuse (const char *property, guint value, const char *word)
{
  g_autoptr (VmtRiscvCpu) cpu = new_cpu ();
  g_autoptr (GError) error = NULL;

  g_object_set (cpu, property, value, NULL);
  g_assert_false (VMT_DEVICE_GET_CLASS (cpu)->prepare (VMT_DEVICE (cpu), &error));
  g_assert_error (error, VMT_ERROR, VMT_ERROR_INVALID);
  g_assert_nonnull (strstr (error->message, word));
}

static void
test_contradictions (void)
{
  refuse ("f", FALSE, "d needs f");
  refuse ("cbom-block-size", 48, "power of two");
  refuse ("cboz-block-size", 100, "power of two");
  refuse ("pmp-entries", 8, "0, 16 or 64");
}

static void
test_inputs (void)
{
  static const struct
  {
    const char *name;
    guint number;
  } good[] = { { "m-soft", 3 }, { "s-soft", 1 }, { "m-timer", 7 }, { "s-timer", 5 },
               { "m-ext", 11 }, { "s-ext", 9 },  { "3", 3 },       { "1", 1 },
               { "7", 7 },      { "5", 5 },      { "11", 11 },     { "9", 9 } };
  static const char *const bad[] = { "",      "0",      "2",  "10", "12",
                                     "M-EXT", "m-ext ", "03", "-1", "99999999999" };
  g_autoptr (VmtRiscvCpu) cpu = new_cpu ();
  VmtIrqController *controller = VMT_IRQ_CONTROLLER (cpu);

  for (guint i = 0; i < G_N_ELEMENTS (good); i++)
    {
      g_autoptr (GError) error = NULL;
      VmtIrq irq = { 0 };
      guint32 cells[4] = { 0 };
      g_assert_true (vmt_irq_controller_get_input (controller, good[i].name, &irq, &error));
      g_assert_no_error (error);
      g_assert_cmpuint (irq.line, ==, good[i].number);
      g_assert_cmpuint (vmt_irq_controller_describe_line (controller, irq.line, cells), ==, 1);
      g_assert_cmpuint (cells[0], ==, good[i].number);
      /* before there is a hart */
      vmt_irq_set (&irq, TRUE);
    }
  for (guint i = 0; i < G_N_ELEMENTS (bad); i++)
    {
      g_autoptr (GError) error = NULL;
      VmtIrq irq = { 0 };
      g_assert_false (vmt_irq_controller_get_input (controller, bad[i], &irq, &error));
      g_assert_error (error, VMT_ERROR, VMT_ERROR_NOT_FOUND);
      g_assert_nonnull (strstr (error->message, "s-timer"));
    }
}

static void
test_class (void)
{
  g_autoptr (VmtRiscvCpu) cpu = new_cpu ();
  VmtCpuClass *klass = VMT_CPU_GET_CLASS (cpu);

  g_assert_true (klass->arch == &riscv_arch_ops);
  g_assert_cmpstr (klass->arch_name, ==, "riscv64");
  g_assert_cmpuint (klass->elf_machine, ==, 243);
  g_assert_cmpuint (riscv_arch_ops.struct_size, ==, sizeof (VmtArchOps));
  g_assert_cmpuint (riscv_arch_ops.n_helpers, ==, RISCV_N_HELPERS);
  for (guint i = 0; i < RISCV_N_HELPERS; i++)
    g_assert_nonnull (riscv_helpers[i].func);
  /* The emitters count on the order of the globals. */
  g_assert_cmpuint (riscv_arch_ops.n_globals, ==, 68);
  for (guint i = 1; i < 32; i++)
    {
      const VmtIrGlobal *global = &riscv_arch_ops.globals[RISCV_GLOBAL_X (i)];
      g_assert_cmpuint (global->offset, ==, G_STRUCT_OFFSET (RiscvState, x) + 8 * i);
      g_assert_cmpuint (global->type, ==, VMT_IR_I64);
    }
  for (guint i = 0; i < 32; i++)
    g_assert_cmpuint (riscv_arch_ops.globals[RISCV_GLOBAL_F (i)].offset, ==,
                      G_STRUCT_OFFSET (RiscvState, f) + 8 * i);
}

static void
assert_string (const void *fdt, const char *path, const char *property, const char *want)
{
  const int node = fdt_path_offset (fdt, path);
  int size;
  const char *value = fdt_getprop (fdt, node, property, &size);

  g_assert_nonnull (value);
  g_assert_cmpint (value[size - 1], ==, 0);
  g_assert_cmpstr (value, ==, want);
}

static guint32
get_cell (const void *fdt, const char *path, const char *property)
{
  const int node = fdt_path_offset (fdt, path);
  int size;
  const fdt32_t *value = fdt_getprop (fdt, node, property, &size);

  g_assert_nonnull (value);
  g_assert_cmpint (size, ==, 4);
  return fdt32_to_cpu (*value);
}

/* What the kernel reads of a machine's tree. */
static void
test_describe (void)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (VmtMachine) machine = vmt_machine_new ("describe");
  g_autoptr (VmtRiscvCpu) first = new_cpu (), second = new_cpu ();
  g_autofree char *isa = NULL;
  int size;

  g_object_set (first, "zicboz", FALSE, "mmu", RISCV_SATP_SV39, "cbom-block-size", 128,
                "timebase-frequency", 1234567, NULL);
  vmt_machine_add_ram (machine, "ram", TEST_RAM, TEST_RAM_SIZE, VMT_RAM_ANON, NULL, &error);
  g_assert_no_error (error);
  vmt_machine_add_cpu (machine, VMT_CPU (first), &error);
  g_assert_no_error (error);
  vmt_machine_add_cpu (machine, VMT_CPU (second), &error);
  g_assert_no_error (error);
  if (!vmt_machine_realize (machine, &error))
    {
      g_test_skip (error->message); /* no tier was built */
      return;
    }
  g_autoptr (GBytes) tree = vmt_board_make_device_tree (machine, 0, 0, &error);
  g_assert_no_error (error);
  const void *fdt = g_bytes_get_data (tree, NULL);

  g_object_get (first, "isa", &isa, NULL);
  assert_string (fdt, "/cpus/cpu@0", "riscv,isa", isa);
  assert_string (fdt, "/cpus/cpu@0", "riscv,isa-base", "rv64i");
  assert_string (fdt, "/cpus/cpu@0", "mmu-type", "riscv,sv39");
  assert_string (fdt, "/cpus/cpu@1", "mmu-type", "riscv,sv57");
  assert_string (fdt, "/cpus/cpu@0", "compatible", "riscv");
  assert_string (fdt, "/cpus/cpu@0/interrupt-controller", "compatible", "riscv,cpu-intc");
  g_assert_cmpuint (get_cell (fdt, "/cpus/cpu@0/interrupt-controller", "#interrupt-cells"), ==, 1);
  g_assert_nonnull (fdt_getprop (fdt, fdt_path_offset (fdt, "/cpus/cpu@1/interrupt-controller"),
                                 "interrupt-controller", &size));
  g_assert_cmpuint (get_cell (fdt, "/cpus", "timebase-frequency"), ==, 1234567);
  g_assert_cmpuint (get_cell (fdt, "/cpus/cpu@0", "riscv,cbom-block-size"), ==, 128);
  g_assert_cmpuint (get_cell (fdt, "/cpus/cpu@1", "riscv,cboz-block-size"), ==, 64);
  g_assert_null (
      fdt_getprop (fdt, fdt_path_offset (fdt, "/cpus/cpu@0"), "riscv,cboz-block-size", &size));
  const int node = fdt_path_offset (fdt, "/cpus/cpu@0");
  g_assert_cmpint (fdt_stringlist_search (fdt, node, "riscv,isa-extensions", "i"), ==, 0);
  g_assert_cmpint (fdt_stringlist_search (fdt, node, "riscv,isa-extensions", "svpbmt"), >, 0);
  g_assert_cmpint (fdt_stringlist_search (fdt, node, "riscv,isa-extensions", "zicboz"), <, 0);
  vmt_machine_close (machine);
}

void
test_riscv_add_cpu (void)
{
  g_test_add_func ("/arch/riscv/cpu/isa-string", test_isa_string);
  g_test_add_func ("/arch/riscv/cpu/properties", test_properties);
  g_test_add_func ("/arch/riscv/cpu/contradictions", test_contradictions);
  g_test_add_func ("/arch/riscv/cpu/inputs", test_inputs);
  g_test_add_func ("/arch/riscv/cpu/class", test_class);
  g_test_add_func ("/arch/riscv/cpu/describe", test_describe);
}
