/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "riscv-state.h"

/* In the canonical order of the unprivileged manual, "ISA Extension Naming Conventions": single
 * letters, then Z by the category of their second letter, then S. An entry without ext and member
 * is always there. */
static const struct
{
  const char *name;
  guint64 ext;
  gint member; /* of a gboolean in RiscvConfig */
  gboolean negate;
} extensions[] = {
  { "i", RISCV_EXT_I, -1, FALSE },
  { "m", RISCV_EXT_M, -1, FALSE },
  { "a", RISCV_EXT_A, -1, FALSE },
  { "f", RISCV_EXT_F, -1, FALSE },
  { "d", RISCV_EXT_D, -1, FALSE },
  { "c", RISCV_EXT_C, -1, FALSE },
  { "zicbom", RISCV_EXT_ZICBOM, -1, FALSE },
  { "zicboz", RISCV_EXT_ZICBOZ, -1, FALSE },
  { "zicntr", 0, -1, FALSE },
  { "zicond", RISCV_EXT_ZICOND, -1, FALSE },
  { "zicsr", RISCV_EXT_ZICSR, -1, FALSE },
  { "zifencei", RISCV_EXT_ZIFENCEI, -1, FALSE },
  { "zihintpause", 0, -1, FALSE },
  { "zihpm", 0, -1, FALSE },
  { "zawrs", RISCV_EXT_ZAWRS, -1, FALSE },
  { "zba", RISCV_EXT_ZBA, -1, FALSE },
  { "zbb", RISCV_EXT_ZBB, -1, FALSE },
  { "zbs", RISCV_EXT_ZBS, -1, FALSE },
  { "sstc", 0, G_STRUCT_OFFSET (RiscvConfig, sstc), FALSE },
  /* Of the two ways to keep accessed and dirty bits exactly one is there. */
  { "svade", 0, G_STRUCT_OFFSET (RiscvConfig, svadu), TRUE },
  { "svadu", 0, G_STRUCT_OFFSET (RiscvConfig, svadu), FALSE },
  { "svinval", RISCV_EXT_SVINVAL, -1, FALSE },
  { "svnapot", 0, G_STRUCT_OFFSET (RiscvConfig, svnapot), FALSE },
  { "svpbmt", 0, G_STRUCT_OFFSET (RiscvConfig, svpbmt), FALSE },
};

GStrv
riscv_config_dup_extensions (const RiscvConfig *config)
{
  g_autoptr (GStrvBuilder) builder = g_strv_builder_new ();

  for (guint i = 0; i < G_N_ELEMENTS (extensions); i++)
    {
      if ((config->ext & extensions[i].ext) != extensions[i].ext)
        continue;
      if (extensions[i].member >= 0 && (G_STRUCT_MEMBER (gboolean, config, extensions[i].member) !=
                                        FALSE) == extensions[i].negate)
        continue;
      g_strv_builder_add (builder, extensions[i].name);
    }
  return g_strv_builder_end (builder);
}

char *
riscv_config_dup_isa (const RiscvConfig *config)
{
  g_auto (GStrv) names = riscv_config_dup_extensions (config);
  GString *isa = g_string_new ("rv64");

  for (guint i = 0; names[i] != NULL; i++)
    {
      if (names[i][1] != '\0')
        g_string_append_c (isa, '_');
      g_string_append (isa, names[i]);
    }
  return g_string_free (isa, FALSE);
}
