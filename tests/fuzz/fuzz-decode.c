/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Any bytes decode to IR that is right by the verifier and survives the round trip through text;
 * the disassembler reads no further than it may. */
#include <vmt-fast.h>

#include "fuzz.h"

typedef struct
{
  VmtMachine *machine;
  VmtVcpu *vcpu;
  VmtIrBuilder *builder;
} Arch;

/* Made once: a machine for each input would test little else. */
static Arch *
get_arch (const char *name)
{
  static GHashTable *made = NULL;
  Arch *arch;

  if (made == NULL)
    made = g_hash_table_new (g_str_hash, g_str_equal);
  arch = g_hash_table_lookup (made, name);
  if (arch == NULL)
    {
      g_autoptr (GError) error = NULL;
      VmtObject *cpu =
          vmt_registry_create (vmt_registry_get_default (), VMT_FEATURE_ARCH, name, &error);

      g_assert_no_error (error);
      arch = g_new0 (Arch, 1);
      arch->machine = vmt_machine_new ("fuzz");
      g_assert_true (vmt_machine_add_cpu (arch->machine, VMT_CPU (cpu), &error));
      g_assert_true (vmt_machine_add_ram (arch->machine, "ram", 0x80000000, 1 << 20, VMT_RAM_ANON,
                                          NULL, &error));
      g_assert_true (vmt_machine_realize (arch->machine, &error));
      arch->vcpu = vmt_cpu_get_vcpu (VMT_CPU (cpu));
      arch->builder = vmt_ir_builder_new (arch->vcpu->arch);
      g_hash_table_insert (made, g_strdup (name), arch);
    }
  return arch;
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  g_autoptr (GPtrArray) names =
      vmt_registry_list_features (vmt_registry_get_default (), VMT_FEATURE_ARCH);

  for (guint i = 0; i < names->len; i++)
    {
      Arch *arch = get_arch (names->pdata[i]);
      const VmtArchOps *ops = arch->vcpu->arch;
      guint bytes = (guint)MIN (size, VMT_PAGE_SIZE) & ~1u;
      guint offset = VMT_PAGE_SIZE - bytes;
      g_autoptr (VmtIrBlock) block = NULL;
      g_autoptr (VmtIrBlock) again = NULL;
      g_autoptr (GString) text = g_string_new (NULL);
      g_autoptr (GError) error = NULL;
      g_autofree char *printed = NULL;
      g_autofree char *reprinted = NULL;
      guint covered;

      if (bytes == 0)
        continue;
      arch->vcpu->pc = 0x80000000u + offset;
      vmt_ir_builder_begin (arch->builder);
      covered = ops->decode (arch->vcpu, arch->builder, offset, data, bytes, NULL, 0);
      if (covered > 0)
        {
          g_assert_cmpuint (covered, <=, bytes);
          block = vmt_ir_builder_finish (arch->builder, (gint32)(offset + covered));
          vmt_ir_block_verify (block, &error);
          g_assert_no_error (error);
          printed = vmt_ir_block_to_text (block);
          again = vmt_ir_block_from_text (printed, ops, &error);
          g_assert_no_error (error);
          reprinted = vmt_ir_block_to_text (again);
          g_assert_cmpstr (printed, ==, reprinted);
        }
      g_assert_cmpuint (ops->disassemble (data, bytes, arch->vcpu->pc, text), <=, bytes);
    }
  return 0;
}
