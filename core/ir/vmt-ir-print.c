/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "vmt-ir-text-private.h"

const char *const vmt_ir_cond_names[] = { "eq", "ne", "lt", "ge", "ltu", "geu", NULL };
const char *const vmt_ir_flag_cond_names[] = { "o",  "no", "c",  "nc", "z",  "nz", "be",
                                               "a",  "s",  "ns", "p",  "np", "lt", "ge",
                                               "le", "gt", "ls", "hi", NULL };
const char *const vmt_ir_amo_names[] = { "swap", "add",  "and",  "or",   "xor",
                                         "mins", "maxs", "minu", "maxu", NULL };
const char *const vmt_ir_flag_names[] = { "sx", "uw", "boxed", "call", "ret", "notborrow", NULL };
const char *const vmt_ir_attr_names[] = { "acquire",      "release", "aligned", "store-fault",
                                          "unprivileged", "probed",  NULL };

static void
append_name (GString *s, const char *const *names, guint index)
{
  if (index < g_strv_length ((char **)names))
    g_string_append (s, names[index]);
  else
    g_string_append_printf (s, "?%u", index);
}

static void
append_suffix (GString *s, const char *const *names, guint index)
{
  g_string_append_c (s, '.');
  append_name (s, names, index);
}

static void
append_value (GString *s, const VmtIrBlock *block, VmtIrVal v)
{
  const VmtIrArch *arch = vmt_ir_arch (block->arch);

  if (v == VMT_IR_NO_VAL)
    g_string_append_c (s, '_');
  else if (vmt_ir_is_temp (v))
    g_string_append_printf (s, "%%%u", v - VMT_IR_TEMP_FIRST);
  else if (vmt_ir_is_global (v) && v < arch->n_globals)
    g_string_append (s, arch->globals[v].name);
  else if (vmt_ir_is_const (v) && v - VMT_IR_CONST_FIRST < block->n_consts)
    {
      const VmtIrConst *c = &block->consts[v - VMT_IR_CONST_FIRST];

      if (c->hi)
        g_string_append_printf (s, "0x%" G_GINT64_MODIFIER "x%016" G_GINT64_MODIFIER "x", c->hi,
                                c->lo);
      else
        g_string_append_printf (s, "0x%" G_GINT64_MODIFIER "x", c->lo);
    }
  else
    g_string_append_printf (s, "?%u", v);
}

void
vmt_ir_append_op (GString *s, const VmtIrBlock *block, const VmtIrOp *op)
{
  const VmtIrArch *arch = vmt_ir_arch (block->arch);
  const VmtIrOpInfo *info;
  const char *separator = " ";
  gboolean has_imm;

  if (op->opcode >= VMT_IR_N_OPS)
    {
      g_string_append_printf (s, "?%u", op->opcode);
      return;
    }
  info = &vmt_ir_op_info[op->opcode];
  if (op->d != VMT_IR_NO_VAL)
    {
      append_value (s, block, op->d);
      g_string_append (s, " = ");
    }
  g_string_append (s, info->name);
  if (op->type != VMT_IR_NONE)
    {
      const char *type = vmt_ir_type_name (op->type);

      g_string_append_printf (s, ".%s", type ? type : "?");
    }
  if (info->flags & VMT_IR_OP_VEC)
    {
      const char *elem = vmt_ir_type_name (VMT_IR_ELEM (op->flags));

      g_string_append_printf (s, ".%s%s", elem ? elem : "?", op->flags & VMT_IR_MASKED ? ".m" : "");
    }
  else
    for (guint i = 0; vmt_ir_flag_names[i]; i++)
      if (op->flags >> i & 1)
        g_string_append_printf (s, ".%s", vmt_ir_flag_names[i]);
  has_imm = FALSE;
  if (info->flags & VMT_IR_OP_COND)
    append_suffix (s, vmt_ir_cond_names, op->c);
  else if (info->flags & VMT_IR_OP_COND_IMM)
    append_suffix (s, vmt_ir_cond_names, op->imm);
  else if (info->flags & VMT_IR_OP_FCOND)
    append_suffix (s, vmt_ir_flag_cond_names, op->c);
  else if (info->flags & VMT_IR_OP_FCOND_IMM)
    append_suffix (s, vmt_ir_flag_cond_names, op->imm);
  else if (info->flags & VMT_IR_OP_AMO_IMM)
    append_suffix (s, vmt_ir_amo_names, op->imm);
  else if (info->flags & VMT_IR_OP_HELPER_IMM)
    {
      if (op->imm >= 0 && (guint)op->imm < arch->n_helpers)
        g_string_append_printf (s, " @%s", arch->helpers[op->imm].name);
      else
        g_string_append_printf (s, " ?%d", op->imm);
      separator = ", ";
    }
  else
    has_imm = vmt_ir_op_uses_imm (op->opcode);
  has_imm |= info->flags & (VMT_IR_OP_COND | VMT_IR_OP_FCOND);
  for (guint i = 0; i < 3; i++)
    if (vmt_ir_op_operand_class (op->opcode, i) != '-')
      {
        g_string_append (s, separator);
        append_value (s, block, i == 0 ? op->a : i == 1 ? op->b : op->c);
        separator = ", ";
      }
  if (has_imm)
    g_string_append_printf (s, "%s#%d", separator, op->imm);
  if (info->flags & VMT_IR_OP_ATTR && op->c)
    {
      g_string_append (s, " {");
      separator = "";
      for (guint i = 0; i < 16; i++)
        if (op->c >> i & 1)
          {
            g_string_append (s, separator);
            append_name (s, vmt_ir_attr_names, i);
            separator = " ";
          }
      g_string_append_c (s, '}');
    }
}

char *
vmt_ir_block_to_text (const VmtIrBlock *block)
{
  GString *s = g_string_new ("block\n");
  guint insn = 0;

  for (guint i = 0; i <= block->n_ops; i++)
    {
      for (; insn < block->n_insns && block->insns[insn].first_op <= i; insn++)
        g_string_append_printf (s, "insn %d, %u\n", block->insns[insn].page_offset,
                                block->insns[insn].length);
      if (i == block->n_ops)
        break;
      g_string_append (s, "  ");
      vmt_ir_append_op (s, block, &block->ops[i]);
      g_string_append_c (s, '\n');
    }
  g_string_append (s, "end\n");
  return g_string_free (s, FALSE);
}
