/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "lockstep.h"

#include <string.h>

extern const LockstepArch lockstep_riscv64;

/* One line an architecture. */
const LockstepArch *const lockstep_archs[] = {
  &lockstep_riscv64,
  NULL,
};

const LockstepArch *
lockstep_arch_find (const char *name)
{
  for (guint i = 0; lockstep_archs[i] != NULL; i++)
    if (g_str_equal (lockstep_archs[i]->name, name))
      return lockstep_archs[i];
  return NULL;
}

const VmtArchRegister *
lockstep_find_register (const VmtArchOps *arch, const char *name)
{
  for (guint i = 0; i < arch->n_registers; i++)
    if (g_str_equal (arch->registers[i].name, name))
      return &arch->registers[i];
  return NULL;
}

guint64
lockstep_get_register (VmtVcpu *vcpu, const VmtArchRegister *reg)
{
  guint64 value = 0;

  if (reg->offset < 0)
    return reg->get (vcpu, reg->arg);
  memcpy (&value, (const guint8 *)vcpu + reg->offset, reg->bits / 8);
  return value;
}

void
lockstep_set_register (VmtVcpu *vcpu, const VmtArchRegister *reg, guint64 value)
{
  if (reg->offset < 0)
    reg->set (vcpu, reg->arg, value);
  else
    memcpy ((guint8 *)vcpu + reg->offset, &value, reg->bits / 8);
}

char *
lockstep_case_to_text (const LockstepArch *arch, const VmtArchOps *ops, const LockstepCase *c)
{
  GString *text = g_string_new (NULL);

  for (guint at = 0; at < c->code_size;)
    {
      g_autoptr (GString) line = g_string_new (NULL);
      const guint n = ops->disassemble (c->code + at, c->code_size - at, c->pc + at, line);
      const guint size = n != 0 ? n : MIN (2, c->code_size - at);
      g_string_append_printf (text, "  %" G_GINT64_MODIFIER "x: ", c->pc + at);
      for (guint i = size; i-- > 0;)
        g_string_append_printf (text, "%02x", c->code[at + i]);
      g_string_append_printf (text, "  %s\n", n != 0 ? line->str : "?");
      at += size;
    }
  return g_string_free (text, FALSE);
}

static const char *
trap_name (guint trap)
{
  static const char *const names[] = { "nothing",   "stop",       "illegal instruction",
                                       "no memory", "misaligned", "other",
                                       "hang" };
  return trap < G_N_ELEMENTS (names) ? names[trap] : "?";
}

char *
lockstep_compare (const LockstepArch *arch, const VmtArchOps *ops, const LockstepCase *c,
                  const LockstepResult *expected, const LockstepResult *got,
                  const char *expected_name, const char *got_name)
{
  if (expected->trap == got->trap && expected->pc == got->pc &&
      memcmp (expected->regs, got->regs, arch->n_registers * sizeof *got->regs) == 0 &&
      memcmp (expected->memory, got->memory, c->mem_size) == 0)
    return NULL;

  g_autofree char *code = lockstep_case_to_text (arch, ops, c);
  GString *text = g_string_new (NULL);
  g_string_append_printf (text, "%s and %s disagree, mode %u:\n%s", expected_name, got_name,
                          c->variant, code);
  if (expected->trap != got->trap || expected->pc != got->pc)
    g_string_append_printf (
        text, "  end: %s at %" G_GINT64_MODIFIER "x, not %s at %" G_GINT64_MODIFIER "x\n",
        trap_name (expected->trap), expected->pc, trap_name (got->trap), got->pc);
  for (guint i = 0; i < arch->n_registers; i++)
    if (expected->regs[i] != got->regs[i])
      g_string_append_printf (text,
                              "  %s: %016" G_GINT64_MODIFIER "x, not %016" G_GINT64_MODIFIER "x\n",
                              arch->registers[i], expected->regs[i], got->regs[i]);
  for (guint i = 0; i < c->mem_size; i++)
    if (expected->memory[i] != got->memory[i])
      g_string_append_printf (text, "  memory %" G_GINT64_MODIFIER "x: %02x, not %02x\n",
                              c->mem + i, expected->memory[i], got->memory[i]);
  g_string_append (text, "  before:");
  for (guint i = 0; i < arch->n_registers; i++)
    g_string_append_printf (text, "%s %s=%" G_GINT64_MODIFIER "x", i % 8 == 0 ? "\n   " : "",
                            arch->registers[i], c->regs[i]);
  g_string_append_printf (text, "\n    memory at %" G_GINT64_MODIFIER "x:", c->mem);
  for (guint i = 0; i < c->mem_size; i++)
    g_string_append_printf (text, "%s%02x", i % 8 == 0 ? " " : "", c->memory[i]);
  return g_string_free (text, FALSE);
}
