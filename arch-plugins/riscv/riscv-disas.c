/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "riscv-emit.h"

void
riscv_print_x (GString *text, gint64 value, guint64 pc)
{
  static const char *const names[32] = { "zero", "ra", "sp",  "gp",  "tp", "t0", "t1", "t2",
                                         "s0",   "s1", "a0",  "a1",  "a2", "a3", "a4", "a5",
                                         "a6",   "a7", "s2",  "s3",  "s4", "s5", "s6", "s7",
                                         "s8",   "s9", "s10", "s11", "t3", "t4", "t5", "t6" };
  g_string_append (text, names[value & 31]);
}

void
riscv_print_f (GString *text, gint64 value, guint64 pc)
{
  static const char *const names[32] = {
    "ft0", "ft1", "ft2", "ft3", "ft4",  "ft5",  "ft6", "ft7", "fs0",  "fs1", "fa0",
    "fa1", "fa2", "fa3", "fa4", "fa5",  "fa6",  "fa7", "fs2", "fs3",  "fs4", "fs5",
    "fs6", "fs7", "fs8", "fs9", "fs10", "fs11", "ft8", "ft9", "ft10", "ft11"
  };
  g_string_append (text, names[value & 31]);
}

/* The dynamic rounding mode is the assembler's default and is left out. */
void
riscv_print_rm (GString *text, gint64 value, guint64 pc)
{
  static const char *const names[8] = { ", rne", ", rtz", ", rdn", ", rup",
                                        ", rmm", ", rm5", ", rm6", "" };
  g_string_append (text, names[value & 7]);
}

void
riscv_print_simm (GString *text, gint64 value, guint64 pc)
{
  g_string_append_printf (text, "%" G_GINT64_FORMAT, value);
}

void
riscv_print_dec (GString *text, gint64 value, guint64 pc)
{
  g_string_append_printf (text, "%" G_GINT64_FORMAT, value);
}

void
riscv_print_hex (GString *text, gint64 value, guint64 pc)
{
  g_string_append_printf (text, "0x%" G_GINT64_MODIFIER "x", (guint64)value);
}

/* c.lui's immediate is shown as lui's. */
void
riscv_print_chi (GString *text, gint64 value, guint64 pc)
{
  g_string_append_printf (text, "0x%x", (guint)(value & 0xfffff));
}

void
riscv_print_target (GString *text, gint64 value, guint64 pc)
{
  g_string_append_printf (text, "0x%" G_GINT64_MODIFIER "x", pc + (guint64)value);
}

void
riscv_print_aqrl (GString *text, gint64 value, guint64 pc)
{
  static const char *const names[4] = { "", ".rl", ".aq", ".aqrl" };
  g_string_append (text, names[value & 3]);
}

void
riscv_print_fence (GString *text, gint64 value, guint64 pc)
{
  if ((value & 15) == 0)
    g_string_append_c (text, '0');
  for (guint i = 0; i < 4; i++)
    if ((value & (8 >> i)) != 0)
      g_string_append_c (text, "iorw"[i]);
}

void
riscv_print_csr (GString *text, gint64 value, guint64 pc)
{
  const RiscvCsr *csr = riscv_csr_find ((guint)value);

  if (csr != NULL)
    g_string_append (text, csr->name);
  else
    riscv_print_hex (text, value, pc);
}

guint
riscv_disassemble (const guint8 *code, guint size, guint64 pc, GString *text)
{
  guint32 word;
  guint length;

  if (size < 2)
    return 0;
  word = code[0] | (guint32)code[1] << 8;
  length = (word & 3) == 3 ? 4 : 2;
  if (size < length)
    return 0;
  if (length == 4)
    word |= (guint32)code[2] << 16 | (guint32)code[3] << 24;
  const int index = length == 2 ? riscv_isa_decode_16 (word) : riscv_isa_decode_32 (word);
  if (index < 0)
    return 0;
  riscv_isa_rows[index].print (text, word, pc);
  return length;
}
