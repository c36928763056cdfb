/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "vmt-error.h"
#include "vmt-ir-flags.h"
#include "vmt-ir-text-private.h"

#define INTS (1u << VMT_IR_I8 | 1u << VMT_IR_I16 | 1u << VMT_IR_I32 | 1u << VMT_IR_I64)
#define FLOATS (1u << VMT_IR_F16 | 1u << VMT_IR_F32 | 1u << VMT_IR_F64)
#define VECTORS (1u << VMT_IR_V128 | 1u << VMT_IR_V256 | 1u << VMT_IR_V512)
#define ONE(T) (1u << VMT_IR_##T)

typedef struct
{
  const VmtIrBlock *block;
  const VmtIrArch *arch;
  guint index, n_temps, n_consts; /* defined and used so far */
  GError **error;
} Verifier;

static gboolean fail (Verifier *s, const char *format, ...) G_GNUC_PRINTF (2, 3);

static gboolean
fail (Verifier *s, const char *format, ...)
{
  GString *text = g_string_new (NULL);
  va_list args;

  if (s->index < s->block->n_ops)
    {
      g_string_append_printf (text, "op %u (", s->index);
      vmt_ir_append_op (text, s->block, &s->block->ops[s->index]);
      g_string_append (text, "): ");
    }
  va_start (args, format);
  g_string_append_vprintf (text, format, args);
  va_end (args);
  g_set_error_literal (s->error, VMT_ERROR, VMT_ERROR_INVALID, text->str);
  g_string_free (text, TRUE);
  return FALSE;
}

/* The types that an op may have, a mask. */
static guint
allowed_types (VmtIrOpcode opcode)
{
  const VmtIrOpInfo *info = &vmt_ir_op_info[opcode];

  switch (opcode)
    {
    case VMT_IR_MOV:
    case VMT_IR_SELECT:
      return INTS | FLOATS | VECTORS | ONE (I128) | ONE (F80) | ONE (PRED) | ONE (FLAGS);
    case VMT_IR_LD:
    case VMT_IR_ST:
    case VMT_IR_PROBE:
      return INTS | FLOATS | VECTORS | ONE (I128) | ONE (F80);
    case VMT_IR_LL:
    case VMT_IR_SC:
    case VMT_IR_CAS:
    case VMT_IR_SETCC:
      return INTS | ONE (I128);
    case VMT_IR_PACK128:
      return ONE (I128);
    case VMT_IR_LOW:
    case VMT_IR_HIGH:
    case VMT_IR_PCREL:
      return ONE (I64);
    case VMT_IR_CALL:
      return INTS | FLOATS | ONE (NONE);
    case VMT_IR_FSGNJ:
    case VMT_IR_FCVT:
      return FLOATS | ONE (F80);
    case VMT_IR_FCMP:
    case VMT_IR_FCLASS:
    case VMT_IR_FL_FCMP:
      return FLOATS;
    case VMT_IR_F2I:
      return ONE (I32) | ONE (I64);
    case VMT_IR_F2BITS:
      return ONE (I16) | ONE (I32) | ONE (I64);
    case VMT_IR_SHA2:
      return ONE (I32) | ONE (I64);
    case VMT_IR_V_SHA256:
    case VMT_IR_V_SHA1:
      return ONE (V128);
    case VMT_IR_BRANCH:
    case VMT_IR_P_WHILE:
      return INTS;
    case VMT_IR_JUMP:
    case VMT_IR_JUMP_IND:
    case VMT_IR_EXIT:
    case VMT_IR_TRAP:
    case VMT_IR_TRAP_IF:
    case VMT_IR_BRANCH_FLAGS:
    case VMT_IR_FENCE:
    case VMT_IR_COMMIT:
    case VMT_IR_BUDGET:
    case VMT_IR_EXT:
    case VMT_IR_FL_INS:
    case VMT_IR_FL_PACK:
    case VMT_IR_FL_GET:
    case VMT_IR_FL_COND:
    case VMT_IR_FL_PTEST:
      return ONE (NONE);
    default:
      if (info->flags & VMT_IR_OP_VEC)
        return VECTORS;
      /* on predicates */
      if (strchr (info->signature, 'p'))
        return ONE (NONE);
      return info->signature[0] == 'f' ? FLOATS : INTS;
    }
}

static guint
allowed_elements (VmtIrOpcode opcode)
{
  if (opcode == VMT_IR_V_F2I)
    return ONE (I32) | ONE (I64);
  if (vmt_ir_op_info[opcode].flags & VMT_IR_OP_FP)
    return FLOATS;
  switch (opcode)
    {
    case VMT_IR_V_AES:
      return ONE (I8);
    case VMT_IR_V_CLMUL:
      return ONE (I64);
    case VMT_IR_V_SHA256:
    case VMT_IR_V_SHA1:
      return ONE (I32);
    case VMT_IR_V_SHA2:
      return ONE (I32) | ONE (I64);
    case VMT_IR_V_EXTEND:
      return INTS & ~ONE (I8);
    case VMT_IR_V_NARROW:
      return INTS & ~ONE (I64);
    default:
      return INTS;
    }
}

/* The value is extended to 64 bits as type and VMT_IR_SX say. */
static gboolean
extends (const VmtIrOp *op)
{
  if (vmt_ir_type_class (op->type) != 'i' || op->type == VMT_IR_I128 ||
      vmt_ir_op_result_type (op->opcode, op->type) != VMT_IR_I64)
    return FALSE;
  switch (op->opcode)
    {
    case VMT_IR_SETCC:
    case VMT_IR_PCREL:
    case VMT_IR_SC:
    case VMT_IR_LOW:
    case VMT_IR_HIGH:
      return FALSE;
    default:
      return TRUE;
    }
}

static guint
allowed_flags (const VmtIrOp *op)
{
  const VmtIrOpInfo *info = &vmt_ir_op_info[op->opcode];
  guint mask = extends (op) ? VMT_IR_SX : 0;

  switch (op->opcode)
    {
    case VMT_IR_SHADD:
      return mask | (op->type == VMT_IR_I64 ? VMT_IR_UW : 0);
    case VMT_IR_JUMP:
    case VMT_IR_JUMP_IND:
      return VMT_IR_CALL_HINT | VMT_IR_RETURN_HINT;
    case VMT_IR_FL_SUB:
    case VMT_IR_FL_SBB:
      return VMT_IR_NOT_BORROW;
    case VMT_IR_LD:
    case VMT_IR_CALL:
      return mask | (FLOATS >> op->type & 1 ? VMT_IR_BOXED : 0);
    case VMT_IR_FSGNJ:
    case VMT_IR_FCLASS:
    case VMT_IR_BITS2F:
      return op->type == VMT_IR_F80 ? 0 : VMT_IR_BOXED;
    default:
      if (info->flags & VMT_IR_OP_VEC)
        return 15 | (strchr ("vp", info->signature[0]) || op->opcode == VMT_IR_V_ST ||
                             op->opcode == VMT_IR_V_REDUCE
                         ? VMT_IR_MASKED
                         : 0);
      return mask | (info->flags & VMT_IR_OP_FP ? VMT_IR_BOXED : 0);
    }
}

static gboolean
round_ok (gint32 imm)
{
  return (imm & 7) != 6;
}

static gboolean
imm_ok (const VmtIrOp *op)
{
  guint w = vmt_ir_type_bits (op->type), from = op->imm >> 8 & 15;
  guint elem = VMT_IR_ELEM (op->flags), bits = vmt_ir_type_bits (elem);
  guint32 imm = op->imm;

  if (!vmt_ir_op_uses_imm (op->opcode))
    return imm == 0;
  switch (op->opcode)
    {
    case VMT_IR_EXTRACT:
    case VMT_IR_INSERT:
      return imm <= 0xffff && imm >> 8 && (imm & 0xff) + (imm >> 8) <= w;
    case VMT_IR_SHADD:
      return imm < w;
    case VMT_IR_SETCC:
    case VMT_IR_V_CMP:
      return imm <= VMT_IR_GEU;
    case VMT_IR_FL_COND:
      return imm <= VMT_IR_FC_HI;
    case VMT_IR_AMO:
      return imm <= VMT_IR_AMO_MAXU;
    case VMT_IR_V_REDUCE:
      return imm >= VMT_IR_AMO_ADD && imm <= VMT_IR_AMO_MAXU;
    case VMT_IR_FENCE:
      return imm <= 0xff;
    case VMT_IR_BUDGET:
      return op->imm > 0;
    case VMT_IR_FADD:
    case VMT_IR_FSUB:
    case VMT_IR_FMUL:
    case VMT_IR_FDIV:
    case VMT_IR_FSQRT:
    case VMT_IR_V_FADD:
    case VMT_IR_V_FSUB:
    case VMT_IR_V_FMUL:
    case VMT_IR_V_FDIV:
    case VMT_IR_V_FSQRT:
      return imm <= 15 && round_ok (imm);
    case VMT_IR_FMA:
    case VMT_IR_V_FMA:
    case VMT_IR_V_FCMLA:
      return !(imm & ~0x30fu) && round_ok (imm);
    case VMT_IR_FRINT:
    case VMT_IR_V_FRINT:
      return !(imm & ~0x10fu) && round_ok (imm);
    case VMT_IR_FMIN:
    case VMT_IR_FMAX:
    case VMT_IR_V_FMIN:
    case VMT_IR_V_FMAX:
      return !(imm & ~0x30fu);
    case VMT_IR_FSGNJ:
      return imm <= 2;
    case VMT_IR_FCMP:
    case VMT_IR_V_FCMP:
      return imm <= 15;
    case VMT_IR_FL_FCMP:
      return !(imm & ~0xbu);
    case VMT_IR_FCVT:
      return !(imm & ~0xf0fu) && round_ok (imm) && from != op->type &&
             (FLOATS | ONE (F80)) >> from & 1;
    case VMT_IR_V_FCVT:
      return !(imm & ~0xf0fu) && round_ok (imm) && from != elem && FLOATS >> from & 1;
    case VMT_IR_F2I:
    case VMT_IR_V_F2I:
      return !(imm & ~0x7f0fu) && round_ok (imm) && FLOATS >> from & 1 &&
             imm >> 13 <= VMT_IR_FP_SAT_X86;
    case VMT_IR_I2F:
    case VMT_IR_V_I2F:
      return !(imm & ~0x1f0fu) && round_ok (imm) && INTS >> from & 1;
    case VMT_IR_CRC32:
    case VMT_IR_FL_PACK:
    case VMT_IR_FL_GET:
    case VMT_IR_V_ZIP:
    case VMT_IR_V_UNZIP:
    case VMT_IR_V_TRN:
      return imm <= 1;
    case VMT_IR_SHA2:
    case VMT_IR_V_SHA2:
    case VMT_IR_V_SHA1:
      return imm <= 3;
    case VMT_IR_FL_INS:
      return !(imm & ~VMT_IR_FLAGS_ALL);
    case VMT_IR_V_CONCAT:
      return imm <= w / bits;
    case VMT_IR_V_DUP_LANE:
    case VMT_IR_V_INSERT:
    case VMT_IR_V_EXTRACT:
      return imm < w / bits;
    case VMT_IR_V_EXTEND:
      return !(imm & ~0xf03u) && INTS >> from & 1 && vmt_ir_type_bits (from) < bits;
    case VMT_IR_V_NARROW:
      return imm <= VMT_IR_V_SAT_UU;
    case VMT_IR_V_RESIZE:
      return imm <= VMT_IR_FLAGS && VECTORS >> imm & 1;
    case VMT_IR_V_GATHER:
    case VMT_IR_V_GATHERV:
    case VMT_IR_V_SCATTER:
      return !(imm & ~0xf07u) && INTS >> from & 1;
    case VMT_IR_V_AES:
      return imm <= VMT_IR_AES_INV_MIX;
    case VMT_IR_V_CLMUL:
      return !(imm & ~0x11u);
    case VMT_IR_P_FIRST_N:
    case VMT_IR_P_SPREAD:
    case VMT_IR_P_PICK:
      return imm >= 1 && imm <= 64;
    case VMT_IR_P_WHILE:
      return !(imm & ~0x3ffu) && (imm & 0xff) >= 1 && (imm & 0xff) <= 64;
    default:
      /* targets, displacements, causes */
      return TRUE;
    }
}

/* The exact type that an operand must have; VMT_IR_NONE: any of its class but I128 and F80. */
static VmtIrType
operand_type (const VmtIrOp *op, guint index, char class)
{
  switch (class)
    {
    case 'v':
      return op->opcode == VMT_IR_V_RESIZE ? (VmtIrType)op->imm : (VmtIrType)op->type;
    case 'f':
      if (op->opcode == VMT_IR_FCVT)
        return (op->imm >> 8 & 15) == VMT_IR_F80 ? VMT_IR_F80 : VMT_IR_NONE;
      return op->type == VMT_IR_F80 ? VMT_IR_F80 : VMT_IR_NONE;
    case 'i':
      if (op->opcode == VMT_IR_LOW || op->opcode == VMT_IR_HIGH)
        return VMT_IR_I128;
      if (op->type != VMT_IR_I128 || op->opcode == VMT_IR_PACK128)
        return VMT_IR_NONE;
      if (op->opcode == VMT_IR_SELECT)
        return index < 2 ? VMT_IR_I128 : VMT_IR_NONE;
      if (op->opcode == VMT_IR_MOV || op->opcode == VMT_IR_SETCC)
        return VMT_IR_I128;
      /* memory: a is the address; an EXT's operands have indices from 3 on */
      return index ? VMT_IR_I128 : VMT_IR_NONE;
    default:
      return VMT_IR_NONE;
    }
}

static gboolean
check_type (Verifier *s, VmtIrType have, VmtIrType want, char class, const char *what)
{
  if (vmt_ir_type_class (have) != class)
    return fail (s, "%s is of type %s, not of class %c", what, vmt_ir_type_name (have), class);
  if (want != VMT_IR_NONE ? have != want : have == VMT_IR_I128 || have == VMT_IR_F80)
    return fail (s, "%s is of type %s", what, vmt_ir_type_name (have));
  return TRUE;
}

static gboolean
check_operand (Verifier *s, const VmtIrOp *op, VmtIrVal v, guint index, char class,
               gboolean optional)
{
  static const char *const names[] = { "operand a", "operand b", "operand c",
                                       "EXT's a",   "EXT's b",   "EXT's c" };
  const char *what = names[index];
  VmtIrType type, want = operand_type (op, index, class);
  char have;

  if (class == '-')
    return v == VMT_IR_NO_VAL ? TRUE : fail (s, "%s is not used", what);
  if (v == VMT_IR_NO_VAL)
    return optional ? TRUE : fail (s, "%s is missing", what);
  if (vmt_ir_is_const (v))
    {
      guint i = v - VMT_IR_CONST_FIRST;

      if (i >= s->block->n_consts)
        return fail (s, "%s is a constant outside the pool", what);
      if (i > s->n_consts)
        return fail (s, "%s: constants are not in the order of their first use", what);
      if (i == s->n_consts)
        s->n_consts++;
      if (class == 'F')
        return fail (s, "%s: flags cannot be constant", what);
      if (s->block->consts[i].hi && class != 'v' && want != VMT_IR_I128 && want != VMT_IR_F80)
        return fail (s, "%s is a constant of more than 64 bits", what);
      return TRUE;
    }
  if (vmt_ir_is_temp (v))
    {
      if (v - VMT_IR_TEMP_FIRST >= s->block->n_temps)
        return fail (s, "%s is a temporary that does not exist", what);
      if (v - VMT_IR_TEMP_FIRST >= s->n_temps)
        return fail (s, "%s is used before it is defined", what);
      type = s->block->temp_types[v - VMT_IR_TEMP_FIRST];
    }
  else
    {
      if (v >= s->arch->n_globals)
        return fail (s, "%s is a global that does not exist", what);
      type = s->arch->globals[v].type;
    }
  have = vmt_ir_type_class (type);
  /* of CALL */
  if (class == '?')
    {
      if (have != 'i' && have != 'f')
        return fail (s, "%s of a helper is of type %s", what, vmt_ir_type_name (type));
      class = have;
    }
  return check_type (s, type, want, class, what);
}

static gboolean
check_result (Verifier *s, VmtIrVal d, VmtIrType type, const char *what)
{
  VmtIrType have;

  if (type == VMT_IR_NONE)
    return d == VMT_IR_NO_VAL ? TRUE : fail (s, "%s: the op makes no value", what);
  /* A value that nobody wants. */
  if (d == VMT_IR_NO_VAL)
    return TRUE;
  if (vmt_ir_is_const (d))
    return fail (s, "%s is a constant", what);
  if (vmt_ir_is_temp (d))
    {
      guint i = d - VMT_IR_TEMP_FIRST;

      if (i >= s->block->n_temps)
        return fail (s, "%s is a temporary that does not exist", what);
      if (i < s->n_temps)
        return fail (s, "%s is assigned a second time", what);
      if (i > s->n_temps)
        return fail (s, "%s: temporaries are not in the order of their definitions", what);
      s->n_temps++;
      have = s->block->temp_types[i];
      if (have != type)
        return fail (s, "%s is of type %s in the table", what, vmt_ir_type_name (have));
      return TRUE;
    }
  if (d >= s->arch->n_globals)
    return fail (s, "%s is a global that does not exist", what);
  have = s->arch->globals[d].type;
  return check_type (s, have,
                     vmt_ir_type_class (type) == 'v' || type == VMT_IR_I128 || type == VMT_IR_F80
                         ? type
                         : VMT_IR_NONE,
                     vmt_ir_type_class (type), what);
}

static gboolean
check_ext (Verifier *s, const VmtIrOp *op, const VmtIrOp *ext)
{
  const VmtIrOpInfo *info = &vmt_ir_op_info[op->opcode];
  const char *signature = strchr (info->signature, '+') ? info->signature
                          : info->signature[0] == 'v'   ? "?:+-:p[v]"
                                                        : "?:+-:p";
  VmtIrVal operands[3] = { ext->a, ext->b, ext->c };

  if (ext->type != VMT_IR_NONE || ext->flags || ext->imm)
    return fail (s, "EXT has a type, flags or an immediate");
  for (guint i = 0; i < 3; i++)
    {
      gboolean optional = FALSE;
      char class = vmt_ir_signature_operand (signature, TRUE, i, &optional);

      if (!check_operand (s, op, operands[i], 3 + i, class, optional))
        return FALSE;
    }
  return check_result (s, ext->d, vmt_ir_ext_result_type (op), "EXT's result");
}

static gboolean
check_op (Verifier *s, const VmtIrOp *op, const VmtIrOp *next)
{
  const VmtIrOpInfo *info = &vmt_ir_op_info[op->opcode];
  VmtIrVal operands[3] = { op->a, op->b, op->c };

  if (op->type > VMT_IR_FLAGS || !(allowed_types (op->opcode) >> op->type & 1))
    return fail (s, "does not exist for this type");
  if (op->flags & ~allowed_flags (op))
    return fail (s, "has a flag that means nothing to it");
  if (info->flags & VMT_IR_OP_VEC &&
      !(allowed_elements (op->opcode) >> VMT_IR_ELEM (op->flags) & 1))
    return fail (s, "does not exist for these elements");
  if (info->flags & VMT_IR_OP_HAS_EXT && info->flags & VMT_IR_OP_VEC && op->flags & VMT_IR_MASKED)
    return fail (s, "cannot be masked");
  if (info->flags & VMT_IR_OP_HELPER_IMM && (op->imm < 0 || (guint)op->imm >= s->arch->n_helpers))
    return fail (s, "calls a helper that does not exist");
  if (!imm_ok (op))
    return fail (s, "its immediate is out of range");
  if (info->flags & VMT_IR_OP_ATTR)
    {
      if (op->c >> g_strv_length ((char **)vmt_ir_attr_names))
        return fail (s, "has an unknown memory attribute");
    }
  else if (info->flags & (VMT_IR_OP_COND | VMT_IR_OP_FCOND) &&
           op->c > (info->flags & VMT_IR_OP_COND ? (guint)VMT_IR_GEU : (guint)VMT_IR_FC_HI))
    return fail (s, "its condition is out of range");
  for (guint i = 0; i < 3; i++)
    {
      gboolean optional = FALSE;
      char class = vmt_ir_signature_operand (info->signature, FALSE, i, &optional);

      if (i == 2 && info->flags & (VMT_IR_OP_ATTR | VMT_IR_OP_COND | VMT_IR_OP_FCOND))
        continue;
      if (class == '?' && op->opcode != VMT_IR_CALL)
        class = vmt_ir_type_class (op->type);
      if (!check_operand (s, op, operands[i], i, class, optional))
        return FALSE;
    }
  if (vmt_ir_op_has_ext (op) && (!next || next->opcode != VMT_IR_EXT))
    return fail (s, "no EXT follows");
  return check_result (s, op->d, vmt_ir_op_result_type (op->opcode, op->type), "result");
}

static gboolean
may_fault (Verifier *s, const VmtIrOp *op)
{
  if (op->opcode == VMT_IR_CALL)
    return s->arch->helpers[op->imm].flags & VMT_HELPER_FAULTS;
  if (vmt_ir_op_info[op->opcode].flags & VMT_IR_OP_ATTR && op->c & VMT_IR_MEM_PROBED)
    return FALSE;
  return vmt_ir_op_info[op->opcode].flags & VMT_IR_OP_FAULT;
}

static gboolean
writes_state (Verifier *s, const VmtIrOp *op)
{
  switch (op->opcode)
    {
    case VMT_IR_ST:
    case VMT_IR_SC:
    case VMT_IR_AMO:
    case VMT_IR_CAS:
    case VMT_IR_V_ST:
    case VMT_IR_V_STR:
    case VMT_IR_V_SCATTER:
      return TRUE;
    case VMT_IR_CALL:
      if (s->arch->helpers[op->imm].flags & VMT_HELPER_WRITES)
        return TRUE;
      break;
    default:
      break;
    }
  /* Exception flags of FP are state too. */
  if (vmt_ir_op_info[op->opcode].flags & VMT_IR_OP_FP && !(op->imm & 8))
    return TRUE;
  return vmt_ir_is_global (op->d);
}

/* A PROBE from @first on, of the same address, covers the access. */
static gboolean
is_probed (Verifier *s, guint first)
{
  const VmtIrOp *ops = s->block->ops, *op = &ops[s->index];
  gint64 size = vmt_ir_type_bits (op->type) / 8;

  if (op->opcode != VMT_IR_LD && op->opcode != VMT_IR_ST)
    return FALSE;
  for (guint i = s->index; i-- > first;)
    {
      gint64 probed = vmt_ir_type_bits (ops[i].type) / 8;

      if (ops[i].d == op->a)
        return FALSE;
      if (ops[i].opcode == VMT_IR_PROBE && ops[i].a == op->a && op->imm >= ops[i].imm &&
          op->imm + size <= ops[i].imm + probed &&
          (op->opcode == VMT_IR_LD || ops[i].c & VMT_IR_MEM_ATOMIC_FAULT))
        return TRUE;
    }
  return FALSE;
}

static gboolean
check_insns (Verifier *s)
{
  const VmtIrBlock *b = s->block;

  s->index = G_MAXUINT;
  if (!b->n_insns)
    return fail (s, "no instruction");
  if (b->insns[0].first_op != 0)
    return fail (s, "ops before the first instruction");
  for (guint i = 0; i < b->n_insns; i++)
    {
      if (i && b->insns[i].first_op < b->insns[i - 1].first_op)
        return fail (s, "instruction %u begins before the one before it", i);
      if (b->insns[i].first_op > b->n_ops)
        return fail (s, "instruction %u begins after the last op", i);
      if (b->insns[i].reserved)
        return fail (s, "instruction %u: reserved is not 0", i);
      if (b->insns[i].first_op < b->n_ops && b->ops[b->insns[i].first_op].opcode == VMT_IR_EXT)
        return fail (s, "instruction %u begins with an EXT", i);
    }
  return TRUE;
}

static gboolean
check_consts (Verifier *s)
{
  const VmtIrBlock *b = s->block;

  s->index = G_MAXUINT;
  if (s->n_temps != b->n_temps)
    return fail (s, "%u temporaries are never defined", b->n_temps - s->n_temps);
  if (s->n_consts != b->n_consts)
    return fail (s, "%u constants are never used", b->n_consts - s->n_consts);
  for (guint i = 0; i < b->n_consts; i++)
    for (guint j = 0; j < i; j++)
      if (b->consts[i].lo == b->consts[j].lo && b->consts[i].hi == b->consts[j].hi)
        return fail (s, "constants %u and %u are equal", j, i);
  return TRUE;
}

gboolean
vmt_ir_block_verify (const VmtIrBlock *block, GError **error)
{
  Verifier s = { .block = block, .arch = vmt_ir_arch (block->arch), .error = error };
  guint insn = 0;
  gboolean written = FALSE;

  if (!block->n_ops)
    {
      s.index = G_MAXUINT;
      return fail (&s, "no op");
    }
  for (s.index = 0; s.index < block->n_ops; s.index++)
    if (block->ops[s.index].opcode >= VMT_IR_N_OPS)
      return fail (&s, "unknown opcode");
  if (!check_insns (&s))
    return FALSE;
  for (s.index = 0; s.index < block->n_ops; s.index++)
    {
      guint i = s.index;
      const VmtIrOp *op = &block->ops[i], *next = i + 1 < block->n_ops ? op + 1 : NULL;
      gboolean last = i + 1 == block->n_ops;

      while (insn + 1 < block->n_insns && block->insns[insn + 1].first_op <= i)
        {
          insn++;
          written = FALSE;
        }
      if (op->opcode == VMT_IR_EXT)
        {
          if (!i || !vmt_ir_op_has_ext (op - 1))
            return fail (&s, "the op before it takes no EXT");
          if (!check_ext (&s, op - 1, op))
            return FALSE;
        }
      else if (!check_op (&s, op, next))
        return FALSE;
      if ((vmt_ir_op_info[op->opcode].flags & VMT_IR_OP_END ? TRUE : FALSE) != last)
        return fail (&s, last ? "the block does not end" : "is not the last op");
      if (op->opcode == VMT_IR_COMMIT)
        written = FALSE;
      if (vmt_ir_op_info[op->opcode].flags & VMT_IR_OP_ATTR && op->c & VMT_IR_MEM_PROBED &&
          !is_probed (&s, block->insns[insn].first_op))
        return fail (&s, "no probe before it covers it");
      if (may_fault (&s, op) && written)
        return fail (&s, "may fault after its instruction has changed state, without a commit");
      if (writes_state (&s, op))
        written = TRUE;
    }
  return check_consts (&s);
}
