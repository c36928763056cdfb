/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the registry keeps about an architecture: its registers instead of a device's. */
#include "vmt-arch.h"
#include "vmt-cpu-private.h"

/* Keys: "arch" s; "registers" aa{sv}: name, group s, bits u, access (ro, rw), text. */
void
_vmt_cpu_describe_class (GObjectClass *klass, GVariantDict *description)
{
  VmtCpuClass *cpu_class = VMT_CPU_CLASS (klass);
  GVariantBuilder rows;

  if (cpu_class->arch_name != NULL)
    g_variant_dict_insert (description, "arch", "s", cpu_class->arch_name);

  g_variant_builder_init (&rows, G_VARIANT_TYPE ("aa{sv}"));
  for (guint i = 0; cpu_class->arch != NULL && i < cpu_class->arch->n_registers; i++)
    {
      const VmtArchRegister *one = &cpu_class->arch->registers[i];
      GVariantDict row;

      g_variant_dict_init (&row, NULL);
      g_variant_dict_insert (&row, "name", "s", one->name);
      if (one->group != NULL)
        g_variant_dict_insert (&row, "group", "s", one->group);
      g_variant_dict_insert (&row, "bits", "u", (guint)one->bits);
      g_variant_dict_insert (&row, "access", "s", one->flags & VMT_ARCH_REG_RO ? "ro" : "rw");
      if (one->text != NULL)
        g_variant_dict_insert (&row, "text", "s", one->text);
      g_variant_builder_add_value (&rows, g_variant_dict_end (&row));
    }
  g_variant_dict_insert_value (description, "registers", g_variant_builder_end (&rows));
}
