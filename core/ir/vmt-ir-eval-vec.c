/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "vmt-ir-eval-private.h"

guint64
vmt_ir_get_lane (const VmtIrValue *v, guint bits, guint lane)
{
  guint64 x = 0;

  memcpy (&x, v->b + lane * (bits / 8), bits / 8);
  return x;
}

void
vmt_ir_put_lane (VmtIrValue *v, guint bits, guint lane, guint64 x)
{
  memcpy (v->b + lane * (bits / 8), &x, bits / 8);
}

static gboolean
is_active (const VmtIrOp *op, const VmtIrEvalArgs *x, guint lane)
{
  return !(op->flags & VMT_IR_MASKED) || x->xa.q[0] >> lane & 1;
}

/* The scalar op that an element-wise op does in each element, or VMT_IR_N_OPS. */
static VmtIrOpcode
lane_op (VmtIrOpcode opcode)
{
  static const struct
  {
    guint16 vector, scalar;
  } map[] = {
    { VMT_IR_V_ADD, VMT_IR_ADD },     { VMT_IR_V_SUB, VMT_IR_SUB },
    { VMT_IR_V_MUL, VMT_IR_MUL },     { VMT_IR_V_MULHU, VMT_IR_MULHU },
    { VMT_IR_V_MULHS, VMT_IR_MULHS }, { VMT_IR_V_AND, VMT_IR_AND },
    { VMT_IR_V_OR, VMT_IR_OR },       { VMT_IR_V_XOR, VMT_IR_XOR },
    { VMT_IR_V_ANDN, VMT_IR_ANDN },   { VMT_IR_V_MINS, VMT_IR_MINS },
    { VMT_IR_V_MAXS, VMT_IR_MAXS },   { VMT_IR_V_MINU, VMT_IR_MINU },
    { VMT_IR_V_MAXU, VMT_IR_MAXU },   { VMT_IR_V_POPCNT, VMT_IR_POPCNT },
    { VMT_IR_V_CLZ, VMT_IR_CLZ },     { VMT_IR_V_FADD, VMT_IR_FADD },
    { VMT_IR_V_FSUB, VMT_IR_FSUB },   { VMT_IR_V_FMUL, VMT_IR_FMUL },
    { VMT_IR_V_FDIV, VMT_IR_FDIV },   { VMT_IR_V_FSQRT, VMT_IR_FSQRT },
    { VMT_IR_V_FMA, VMT_IR_FMA },     { VMT_IR_V_FMIN, VMT_IR_FMIN },
    { VMT_IR_V_FMAX, VMT_IR_FMAX },   { VMT_IR_V_FCMP, VMT_IR_FCMP },
    { VMT_IR_V_FRINT, VMT_IR_FRINT },
  };

  for (guint i = 0; i < G_N_ELEMENTS (map); i++)
    if (map[i].vector == opcode)
      return map[i].scalar;
  return VMT_IR_N_OPS;
}

static s128
clamp (s128 x, s128 low, s128 high)
{
  return x < low ? low : x > high ? high : x;
}

static guint64
saturate (s128 x, guint bits, gboolean is_signed)
{
  if (is_signed)
    x = clamp (x, -((s128)1 << (bits - 1)), ((s128)1 << (bits - 1)) - 1);
  else
    x = clamp (x, 0, ((s128)1 << bits) - 1);
  return (guint64)x;
}

static guint64
shift (VmtIrOpcode opcode, guint bits, guint64 a, guint64 count)
{
  s128 x = opcode == VMT_IR_V_SAR ? vmt_ir_sext (a, bits) : (s128)a;

  if (count > 64)
    count = 64;
  return opcode == VMT_IR_V_SHL ? (guint64)((u128)x << count) : (guint64)(x >> count);
}

/* The operands' element types differ from the result's, or every element of the result depends on
 * several of the operands. */
static guint64
permuted_lane (const VmtIrOp *op, const VmtIrEvalArgs *x, guint bits, guint lanes, guint i)
{
  guint half = lanes / 2, odd = op->imm & 1;
  guint64 index;

  switch (op->opcode)
    {
    case VMT_IR_V_TBL:
    case VMT_IR_V_TBLX:
      {
        const VmtIrValue *tables[4] = { &x->a, &x->xa, &x->xb, &x->xc };
        guint n = op->opcode == VMT_IR_V_TBL ? 1 : 2 + x->has_xb + x->has_xc;

        index = vmt_ir_get_lane (&x->b, bits, i);
        return index < n * lanes ? vmt_ir_get_lane (tables[index / lanes], bits, index % lanes) : 0;
      }
    case VMT_IR_V_PERM:
      return vmt_ir_get_lane (&x->a, bits, vmt_ir_get_lane (&x->b, bits, i) % lanes);
    case VMT_IR_V_ZIP:
      return vmt_ir_get_lane (i & 1 ? &x->b : &x->a, bits, i / 2 + (odd ? half : 0));
    case VMT_IR_V_UNZIP:
      return vmt_ir_get_lane (i < half ? &x->a : &x->b, bits, i % half * 2 + odd);
    case VMT_IR_V_TRN:
      return vmt_ir_get_lane (i & 1 ? &x->b : &x->a, bits, (i & ~1u) + odd);
    case VMT_IR_V_CONCAT:
      index = i + op->imm;
      return index < lanes ? vmt_ir_get_lane (&x->a, bits, index)
                           : vmt_ir_get_lane (&x->b, bits, index - lanes);
    case VMT_IR_V_DUP:
      return x->a.q[0];
    case VMT_IR_V_DUP_LANE:
      return vmt_ir_get_lane (&x->a, bits, op->imm);
    case VMT_IR_V_INSERT:
      return i == (guint)op->imm ? x->b.q[0] : vmt_ir_get_lane (&x->a, bits, i);
    case VMT_IR_V_EXTEND:
      {
        guint from = vmt_ir_type_bits (op->imm >> 8 & 15);
        guint first = op->imm & 1 ? vmt_ir_type_bits (op->type) / from - lanes : 0;

        index = vmt_ir_get_lane (&x->a, from, first + i);
        return op->imm & 2 ? (guint64)vmt_ir_sext (index, from) : index;
      }
    default: /* V_NARROW */
      if (i >= half)
        return 0;
      index = vmt_ir_get_lane (&x->a, bits * 2, i);
      switch (op->imm)
        {
        case VMT_IR_V_SAT_SS:
          return saturate (vmt_ir_sext (index, bits * 2), bits, TRUE);
        case VMT_IR_V_SAT_SU:
          return saturate (vmt_ir_sext (index, bits * 2), bits, FALSE);
        case VMT_IR_V_SAT_UU:
          return saturate (index, bits, FALSE);
        default:
          return index;
        }
    }
}

static guint64
complex_lane (const VmtIrOp *op, const VmtIrEvalArgs *x, guint bits, guint i, VmtFpEnv *env)
{
  guint rotation = op->imm >> 8 & 3, re = i & ~1u, im = re + 1;
  gboolean imaginary = i & 1;
  guint64 sign = G_GUINT64_CONSTANT (1) << (bits - 1), n, m;

  /* Odd rotations take a's imaginary part, and exchange b's. */
  n = vmt_ir_get_lane (&x->a, bits, rotation & 1 ? im : re);
  m = vmt_ir_get_lane (&x->b, bits, imaginary ^ (rotation & 1) ? im : re);
  if (rotation == 2 || (rotation == 1 && !imaginary) || (rotation == 3 && imaginary))
    m ^= sign;
  return vmt_ir_eval_fp (VMT_IR_FMA, VMT_IR_ELEM (op->flags), op->imm & 7, n, m,
                         vmt_ir_get_lane (&x->c, bits, i), env);
}

static guint64
reduce (const VmtIrOp *op, const VmtIrEvalArgs *x, guint bits, guint lanes)
{
  guint64 r, top = G_GUINT64_CONSTANT (1) << (bits - 1), ones = vmt_ir_ones (bits);
  static const guint16 ops[] = { VMT_IR_MOV,  VMT_IR_ADD,  VMT_IR_AND,  VMT_IR_OR,  VMT_IR_XOR,
                                 VMT_IR_MINS, VMT_IR_MAXS, VMT_IR_MINU, VMT_IR_MAXU };

  /* The neutral element of each. */
  r = op->imm == VMT_IR_AMO_AND || op->imm == VMT_IR_AMO_MINU ? ones
      : op->imm == VMT_IR_AMO_MINS                            ? top - 1
      : op->imm == VMT_IR_AMO_MAXS                            ? top
                                                              : 0;
  for (guint i = 0; i < lanes; i++)
    if (is_active (op, x, i))
      r = vmt_ir_eval_int (ops[op->imm], VMT_IR_ELEM (op->flags), 0, 0, r,
                           vmt_ir_get_lane (&x->a, bits, i), 0);
  return r;
}

static guint64
integer_lane (const VmtIrOp *op, guint bits, guint64 a, guint64 b, gboolean choose)
{
  VmtIrType elem = VMT_IR_ELEM (op->flags);
  s128 sa = vmt_ir_sext (a, bits), sb = vmt_ir_sext (b, bits);

  switch (op->opcode)
    {
    case VMT_IR_V_ADDUS:
      return saturate ((s128)a + b, bits, FALSE);
    case VMT_IR_V_ADDSS:
      return saturate (sa + sb, bits, TRUE);
    case VMT_IR_V_SUBUS:
      return saturate ((s128)a - b, bits, FALSE);
    case VMT_IR_V_SUBSS:
      return saturate (sa - sb, bits, TRUE);
    case VMT_IR_V_AVGU:
      return ((u128)a + b + 1) >> 1;
    case VMT_IR_V_ABS:
      return sa < 0 ? -sa : sa;
    case VMT_IR_V_SHL:
    case VMT_IR_V_SHR:
    case VMT_IR_V_SAR:
      return shift (op->opcode, bits, a, b);
    case VMT_IR_V_SELECT:
      return choose ? a : b;
    case VMT_IR_V_SHA2:
      return vmt_ir_eval_sha2 (elem, op->imm, a);
    default:
      return vmt_ir_eval_int (lane_op (op->opcode), elem, 0, 0, a, b, 0);
    }
}

/* Conversions, whose operands' elements may be of another width. */
static gboolean
is_conversion (VmtIrOpcode opcode)
{
  return opcode == VMT_IR_V_FCVT || opcode == VMT_IR_V_F2I || opcode == VMT_IR_V_I2F;
}

static void
convert_lanes (VmtIrEval *e, const VmtIrOp *op, VmtIrEvalArgs *x, guint bits, guint lanes)
{
  guint from = vmt_ir_type_bits (op->imm >> 8 & 15);
  VmtIrOp scalar = *op;

  scalar.opcode = op->opcode == VMT_IR_V_FCVT  ? VMT_IR_FCVT
                  : op->opcode == VMT_IR_V_F2I ? VMT_IR_F2I
                                               : VMT_IR_I2F;
  scalar.type = VMT_IR_ELEM (op->flags);
  scalar.flags = 0;
  for (guint i = 0; i < MIN (lanes, vmt_ir_type_bits (op->type) / from); i++)
    if (is_active (op, x, i))
      {
        VmtIrEvalArgs lane = { 0 };

        lane.a.q[0] = vmt_ir_get_lane (&x->a, from, i);
        vmt_ir_eval_fp_op (e, &scalar, &lane);
        vmt_ir_put_lane (&x->d, bits, i, lane.d.q[0]);
      }
}

gboolean
vmt_ir_eval_vector (VmtIrEval *e, const VmtIrOp *op, VmtIrEvalArgs *x)
{
  VmtIrType elem = VMT_IR_ELEM (op->flags);
  guint bits = vmt_ir_type_bits (elem), lanes = vmt_ir_type_bits (op->type) / bits;
  guint bytes = vmt_ir_type_bits (op->type) / 8;
  const VmtIrOpInfo *info = &vmt_ir_op_info[op->opcode];
  VmtFpEnv *fp = vmt_ir_eval_fp_env (e), env = *fp;
  guint used = 0;

  switch (op->opcode)
    {
    case VMT_IR_V_EXTRACT:
      x->d.q[0] = vmt_ir_get_lane (&x->a, bits, op->imm);
      return TRUE;
    case VMT_IR_V_REDUCE:
      x->d.q[0] = reduce (op, x, bits, lanes);
      return TRUE;
    case VMT_IR_V_CMP:
      for (guint i = 0; i < lanes; i++)
        if (is_active (op, x, i) &&
            vmt_ir_eval_cond (op->imm, bits, vmt_ir_get_lane (&x->a, bits, i),
                              vmt_ir_get_lane (&x->b, bits, i)))
          x->d.q[0] |= G_GUINT64_CONSTANT (1) << i;
      return TRUE;
    case VMT_IR_V_FCMP:
      for (guint i = 0; i < lanes; i++)
        if (is_active (op, x, i) &&
            vmt_ir_eval_fp (VMT_IR_FCMP, elem, op->imm, vmt_ir_get_lane (&x->a, bits, i),
                            vmt_ir_get_lane (&x->b, bits, i), 0, &env))
          x->d.q[0] |= G_GUINT64_CONSTANT (1) << i;
      if (!(op->imm & 8))
        fp->flags |= env.flags;
      return TRUE;
    case VMT_IR_V_TO_PRED:
      for (guint i = 0; i < lanes; i++)
        x->d.q[0] |= (vmt_ir_get_lane (&x->a, bits, i) >> (bits - 1) & 1) << i;
      return TRUE;
    default:
      break;
    }

  if (is_conversion (op->opcode))
    {
      convert_lanes (e, op, x, bits, lanes);
      env.flags = fp->flags;
    }
  if (info->flags & VMT_IR_OP_FP && op->opcode != VMT_IR_V_FMIN && op->opcode != VMT_IR_V_FMAX &&
      (op->imm & 7) != 7)
    env.round = op->imm & 7;
  switch (op->opcode)
    {
    case VMT_IR_V_FCVT:
    case VMT_IR_V_F2I:
    case VMT_IR_V_I2F:
      break;
    case VMT_IR_V_AES:
    case VMT_IR_V_SHA256:
    case VMT_IR_V_SHA1:
    case VMT_IR_V_CLMUL:
      vmt_ir_eval_crypto (op, x);
      break;
    case VMT_IR_V_RESIZE:
      memcpy (&x->d, &x->a, MIN (bytes, vmt_ir_type_bits (op->imm) / 8));
      break;
    case VMT_IR_V_COMPRESS:
      for (guint i = 0; i < lanes; i++)
        if (x->b.q[0] >> i & 1)
          vmt_ir_put_lane (&x->d, bits, used++, vmt_ir_get_lane (&x->a, bits, i));
      break;
    default:
      for (guint i = 0; i < lanes; i++)
        {
          guint64 a = vmt_ir_get_lane (&x->a, bits, i), b = vmt_ir_get_lane (&x->b, bits, i), r;

          /* Inactive elements do no arithmetic: they raise no FP flags. */
          if (!is_active (op, x, i))
            continue;
          if (op->opcode == VMT_IR_V_FCMLA)
            r = complex_lane (op, x, bits, i, &env);
          else if (info->flags & VMT_IR_OP_FP)
            r = vmt_ir_eval_fp (lane_op (op->opcode), elem, op->imm, a, b,
                                vmt_ir_get_lane (&x->c, bits, i), &env);
          else if (op->opcode == VMT_IR_V_FROM_PRED)
            r = x->a.q[0] >> i & 1 ? G_MAXUINT64 : 0;
          else if (op->opcode >= VMT_IR_V_TBL && op->opcode <= VMT_IR_V_NARROW)
            r = permuted_lane (op, x, bits, lanes, i);
          else
            r = integer_lane (op, bits, a, b, x->c.q[0] >> i & 1);
          vmt_ir_put_lane (&x->d, bits, i, r);
        }
      break;
    }
  if (info->flags & VMT_IR_OP_FP && !(op->imm & 8))
    fp->flags |= env.flags;
  for (guint i = 0; i < lanes; i++)
    if (!is_active (op, x, i))
      vmt_ir_put_lane (&x->d, bits, i, x->has_xb ? vmt_ir_get_lane (&x->xb, bits, i) : 0);
  return TRUE;
}

static gboolean
is_indexed (const VmtIrOp *op)
{
  return op->opcode == VMT_IR_V_GATHER || op->opcode == VMT_IR_V_GATHERV ||
         op->opcode == VMT_IR_V_SCATTER;
}

/* The elements that are still to be accessed, in the form of the op. */
static void
set_remaining (const VmtIrOp *op, VmtIrEvalArgs *x, guint bits, guint64 remaining)
{
  if (op->opcode != VMT_IR_V_GATHERV)
    x->xd.q[0] = remaining;
  else
    for (guint i = 0; i < vmt_ir_type_bits (op->type) / bits; i++)
      vmt_ir_put_lane (&x->xd, bits, i, remaining >> i & 1 ? G_MAXUINT64 : 0);
}

static guint64
lane_address (const VmtIrOp *op, const VmtIrEvalArgs *x, guint bits, guint i)
{
  guint index_bits;
  guint64 index;

  if (!is_indexed (op))
    return x->a.q[0] + (gint64)op->imm + i * (bits / 8);
  index_bits = vmt_ir_type_bits (op->imm >> 8 & 15);
  index = vmt_ir_get_lane (&x->b, index_bits, i);
  if (!(op->imm & 4))
    index = vmt_ir_sext (index, index_bits);
  return x->a.q[0] + (index << (op->imm & 3));
}

gboolean
vmt_ir_eval_vector_mem (VmtIrEval *e, const VmtIrOp *op, VmtIrEvalArgs *x)
{
  guint bits = vmt_ir_type_bits (VMT_IR_ELEM (op->flags)), size = bits / 8;
  guint lanes = vmt_ir_type_bits (op->type) / bits;
  gboolean has_ext = vmt_ir_op_has_ext (op), first = TRUE;
  guint attr = vmt_ir_op_info[op->opcode].flags & VMT_IR_OP_ATTR ? op->c : 0;
  guint64 active = has_ext ? x->xa.q[0] : G_MAXUINT64, lane;

  if (op->opcode == VMT_IR_V_GATHERV)
    {
      active = 0;
      for (guint i = 0; i < lanes; i++)
        active |= (vmt_ir_get_lane (&x->xa, bits, i) >> (bits - 1) & 1) << i;
    }
  active &= (guint64)vmt_ir_ones (lanes);
  /* Indices that are wider than the elements are fewer. */
  if (is_indexed (op))
    active &= (guint64)vmt_ir_ones (vmt_ir_type_bits (op->type) /
                                    MAX (bits, vmt_ir_type_bits (op->imm >> 8 & 15)));
  if (op->opcode == VMT_IR_V_LDFF)
    x->xd.q[0] = lanes;
  for (guint i = 0; i < lanes; i++)
    vmt_ir_put_lane (&x->d, bits, i, x->has_xb ? vmt_ir_get_lane (&x->xb, bits, i) : 0);
  for (guint i = 0; i < lanes; i++)
    {
      guint64 va;

      if (!(active >> i & 1))
        continue;
      va = lane_address (op, x, bits, i);
      if (is_indexed (op))
        set_remaining (op, x, bits, active & G_MAXUINT64 << i);
      if (op->opcode == VMT_IR_V_LDR || op->opcode == VMT_IR_V_STR)
        x->xd.q[0] = i;
      if (op->opcode == VMT_IR_V_ST || op->opcode == VMT_IR_V_STR || op->opcode == VMT_IR_V_SCATTER)
        {
          lane = vmt_ir_get_lane (op->opcode == VMT_IR_V_SCATTER ? &x->c : &x->b, bits, i);
          if (!e->mem->store (e->vcpu, va, size, attr, lane))
            return FALSE;
          continue;
        }
      if (op->opcode == VMT_IR_V_LDFF && !first && !e->mem->probe (e->vcpu, va, size, FALSE))
        {
          x->xd.q[0] = i;
          return TRUE;
        }
      first = FALSE;
      if (!e->mem->load (e->vcpu, va, size, attr, &lane))
        return FALSE;
      vmt_ir_put_lane (&x->d, bits, i, lane);
    }
  if (is_indexed (op))
    set_remaining (op, x, bits, 0);
  if (op->opcode == VMT_IR_V_LDR || op->opcode == VMT_IR_V_STR)
    x->xd.q[0] = 0;
  return TRUE;
}

void
vmt_ir_eval_pred (const VmtIrOp *op, VmtIrEvalArgs *x)
{
  guint64 a = x->a.q[0], b = x->b.q[0], r = 0;
  guint lanes = op->imm & 0xff, bits = vmt_ir_type_bits (op->type), flags = 0;
  s128 from, to;

  switch (op->opcode)
    {
    case VMT_IR_P_AND:
      r = a & b;
      break;
    case VMT_IR_P_OR:
      r = a | b;
      break;
    case VMT_IR_P_XOR:
      r = a ^ b;
      break;
    case VMT_IR_P_ANDN:
      r = a & ~b;
      break;
    case VMT_IR_P_FIRST_N:
      r = vmt_ir_ones (MIN (a, lanes));
      break;
    case VMT_IR_P_WHILE:
      from = op->imm & 0x100 ? (s128)(a & (guint64)vmt_ir_ones (bits)) : vmt_ir_sext (a, bits);
      to = op->imm & 0x100 ? (s128)(b & (guint64)vmt_ir_ones (bits)) : vmt_ir_sext (b, bits);
      if (op->imm & 0x200)
        to++;
      for (guint i = 0; i < lanes; i++)
        if (from + i < to)
          r |= G_GUINT64_CONSTANT (1) << i;
      break;
    case VMT_IR_P_COUNT:
      for (; a; a &= a - 1)
        r++;
      break;
    case VMT_IR_P_FIND:
      for (r = 0; r < 64 && !(a >> r & 1);)
        r++;
      break;
    case VMT_IR_P_SPREAD:
      for (guint i = 0; i * op->imm < 64; i++)
        r |= (a >> i & 1) << (i * op->imm);
      break;
    case VMT_IR_P_PICK:
      for (guint i = 0; i * op->imm < 64; i++)
        r |= (a >> (i * op->imm) & 1) << i;
      break;
    case VMT_IR_FL_PTEST:
      {
        guint64 first = a & -a, last = 0;

        for (guint i = 0; i < 64; i++)
          if (a >> i & 1)
            last = G_GUINT64_CONSTANT (1) << i;
        if (b & first)
          flags |= VMT_IR_FLAG_S;
        if (!(a & b))
          flags |= VMT_IR_FLAG_Z;
        if (!(b & last))
          flags |= VMT_IR_FLAG_C;
        x->d.f = vmt_ir_flags_from_bits (flags);
        return;
      }
    default: /* P_TO_INT, P_FROM_INT */
      r = a;
      break;
    }
  x->d.q[0] = r;
}
