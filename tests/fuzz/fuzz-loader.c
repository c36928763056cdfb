/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A kernel file: decompressed, recognised and loaded into 16 MiB of RAM. */
#include <vmt.h>

#include "fuzz.h"

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  g_autoptr (VmtMachine) machine = vmt_machine_new ("fuzz");
  g_autoptr (GBytes) file = g_bytes_new (data, size);
  g_autoptr (VmtObject) cpu = NULL;
  g_autoptr (GError) error = NULL;
  VmtImage image = { 0 };
  gboolean ok;

  cpu = vmt_registry_create (vmt_registry_get_default (), VMT_FEATURE_ARCH, "riscv64", NULL);
  g_assert_nonnull (cpu);
  g_assert_true (vmt_machine_add_cpu (machine, VMT_CPU (cpu), NULL));
  g_assert_true (
      vmt_machine_add_ram (machine, "ram", 0x80000000, 16 << 20, VMT_RAM_ANON, NULL, NULL));
  ok = vmt_loader_load_bytes (machine, "fuzz", file, 0x80200000, &image, &error);
  g_assert_true (ok == (error == NULL));
  if (ok)
    g_assert_cmpuint (image.low, <=, image.high);
  return 0;
}
