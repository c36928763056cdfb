/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "harts.h"

#include "vmt-registry.h"

gboolean
harts_new (guint n, VmtHarness **harness)
{
  VmtRegistry *registry = vmt_registry_get_default ();
  g_autoptr (GPtrArray) tiers = vmt_registry_list_features (registry, VMT_FEATURE_TIER);

  *harness = NULL;
  if (!vmt_registry_has_feature (registry, VMT_FEATURE_ARCH, "riscv64") || tiers->len == 0)
    {
      g_test_skip ("no RISC-V harts in this build");
      return FALSE;
    }
  *harness = vmt_harness_new (0x80000000, 0x10000);
  for (guint i = 0; i < n; i++)
    {
      g_autoptr (GError) error = NULL;
      g_autoptr (VmtObject) cpu =
          vmt_registry_create (registry, VMT_FEATURE_ARCH, "riscv64", &error);

      g_assert_no_error (error);
      g_assert_true (
          vmt_machine_add_cpu (vmt_harness_get_machine (*harness), VMT_CPU (cpu), &error));
      g_assert_no_error (error);
    }
  return TRUE;
}

guint64
harts_get_mip (VmtHarness *harness, guint index)
{
  guint64 value = 0;

  g_assert_true (vmt_cpu_get_register (
      vmt_machine_get_cpu (vmt_harness_get_machine (harness), index), "mip", &value));
  return value;
}
