/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "vmt-ir-private.h"

const VmtIrOpInfo vmt_ir_op_info[VMT_IR_N_OPS] = {
#define VMT_IR_OP(NAME, text, sig, flags) { text, sig, flags },
#include "vmt-ir-ops.def.h"
#undef VMT_IR_OP
};

static const struct
{
  const char *name;
  char class;
  guint16 bits;
} types[] = {
  [VMT_IR_NONE] = { "none", '-', 0 },   [VMT_IR_I8] = { "i8", 'i', 8 },
  [VMT_IR_I16] = { "i16", 'i', 16 },    [VMT_IR_I32] = { "i32", 'i', 32 },
  [VMT_IR_I64] = { "i64", 'i', 64 },    [VMT_IR_I128] = { "i128", 'i', 128 },
  [VMT_IR_F16] = { "f16", 'f', 16 },    [VMT_IR_F32] = { "f32", 'f', 32 },
  [VMT_IR_F64] = { "f64", 'f', 64 },    [VMT_IR_F80] = { "f80", 'f', 80 },
  [VMT_IR_V128] = { "v128", 'v', 128 }, [VMT_IR_V256] = { "v256", 'v', 256 },
  [VMT_IR_V512] = { "v512", 'v', 512 }, [VMT_IR_PRED] = { "pred", 'p', 64 },
  [VMT_IR_FLAGS] = { "flags", 'F', 0 },
};
G_STATIC_ASSERT (G_N_ELEMENTS (types) == VMT_IR_FLAGS + 1);

char
vmt_ir_type_class (VmtIrType type)
{
  return (guint)type < G_N_ELEMENTS (types) ? types[type].class : '-';
}

const char *
vmt_ir_type_name (VmtIrType type)
{
  return (guint)type < G_N_ELEMENTS (types) ? types[type].name : NULL;
}

guint
vmt_ir_type_bits (VmtIrType type)
{
  return (guint)type < G_N_ELEMENTS (types) ? types[type].bits : 0;
}

/* The class of operand @index in "r:[ab]c#+r:abc"; @ext: of the part after '+'. */
char
vmt_ir_signature_operand (const char *signature, gboolean ext, guint index, gboolean *optional)
{
  gboolean bracket = FALSE;
  guint i = 0;

  if (ext)
    {
      signature = strchr (signature, '+');
      if (!signature)
        return '-';
      signature++;
    }
  for (signature += 2; *signature && *signature != '#' && *signature != '+'; signature++)
    {
      if (*signature == '[' || *signature == ']')
        {
          bracket = *signature == '[';
          continue;
        }
      if (i++ == index)
        {
          if (optional)
            *optional = bracket;
          return *signature;
        }
    }
  return '-';
}

char
vmt_ir_op_operand_class (VmtIrOpcode opcode, guint index)
{
  return vmt_ir_signature_operand (vmt_ir_op_info[opcode].signature, FALSE, index, NULL);
}

gboolean
vmt_ir_op_uses_imm (VmtIrOpcode opcode)
{
  const char *s = vmt_ir_op_info[opcode].signature, *hash = strchr (s, '#'),
             *plus = strchr (s, '+');

  return hash && (!plus || hash < plus);
}

VmtIrType
vmt_ir_op_result_type (VmtIrOpcode opcode, VmtIrType type)
{
  char class = vmt_ir_op_info[opcode].signature[0];

  if (class == '?')
    class = vmt_ir_type_class (type);
  switch (class)
    {
    case 'i':
      return type == VMT_IR_I128 && opcode != VMT_IR_SETCC && opcode != VMT_IR_SC ? VMT_IR_I128
                                                                                  : VMT_IR_I64;
    case 'F':
      return VMT_IR_FLAGS;
    case 'p':
      return VMT_IR_PRED;
    case 'f':
    case 'v':
      return type;
    default:
      return VMT_IR_NONE;
    }
}

/* What the EXT op after @op makes. */
VmtIrType
vmt_ir_ext_result_type (const VmtIrOp *op)
{
  const char *plus = strchr (vmt_ir_op_info[op->opcode].signature, '+');

  switch (plus ? plus[1] : '-')
    {
    case 'i':
      return VMT_IR_I64;
    case 'p':
      return VMT_IR_PRED;
    case 'v':
      return op->type;
    default:
      return VMT_IR_NONE;
    }
}

gboolean
vmt_ir_op_has_ext (const VmtIrOp *op)
{
  guint flags = vmt_ir_op_info[op->opcode].flags;

  return flags & VMT_IR_OP_HAS_EXT || (flags & VMT_IR_OP_VEC && op->flags & VMT_IR_MASKED);
}

/* One allocation holds the block and its tables. */
VmtIrBlock *
vmt_ir_block_make (const struct _VmtArchOps *arch, const VmtIrOp *ops, guint n_ops,
                   const VmtIrInsn *insns, guint n_insns, const VmtIrConst *consts, guint n_consts,
                   const guint8 *temp_types, guint n_temps)
{
  gsize at_consts = (sizeof (VmtIrBlock) + 15) & ~(gsize)15;
  gsize at_ops = at_consts + n_consts * sizeof *consts;
  gsize at_insns = at_ops + n_ops * sizeof *ops;
  gsize at_temps = at_insns + n_insns * sizeof *insns;
  guint8 *p = g_malloc0 (at_temps + n_temps);
  VmtIrBlock *block = (VmtIrBlock *)p;

  if (n_consts)
    memcpy (p + at_consts, consts, n_consts * sizeof *consts);
  if (n_ops)
    memcpy (p + at_ops, ops, n_ops * sizeof *ops);
  if (n_insns)
    memcpy (p + at_insns, insns, n_insns * sizeof *insns);
  if (n_temps)
    memcpy (p + at_temps, temp_types, n_temps);
  block->consts = (const VmtIrConst *)(p + at_consts);
  block->ops = (const VmtIrOp *)(p + at_ops);
  block->insns = (const VmtIrInsn *)(p + at_insns);
  block->temp_types = p + at_temps;
  block->n_ops = n_ops;
  block->n_insns = n_insns;
  block->n_consts = n_consts;
  block->n_temps = n_temps;
  block->arch = arch;
  block->fp_policy = vmt_ir_arch (arch)->fp_policy;
  return block;
}

VmtIrBlock *
vmt_ir_block_copy (const VmtIrBlock *block)
{
  return vmt_ir_block_make (block->arch, block->ops, block->n_ops, block->insns, block->n_insns,
                            block->consts, block->n_consts, block->temp_types, block->n_temps);
}

void
vmt_ir_block_free (VmtIrBlock *block)
{
  g_free (block);
}
