/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "vmt-ir-eval-private.h"

/* FMIN and FMAX of the kinds that core/fp has no function for are made of comparison and addition:
 * a sum with a NaN is the NaN that the policy chooses, made quiet, and is invalid for a signalling
 * one. */
#define MIN_MAX(F)                                                                                 \
  static guint64 F##_min_max (gboolean max, guint kind, guint64 a, guint64 b, VmtFpEnv *env)       \
  {                                                                                                \
    gboolean nan = vmt_##F##_is_nan (a) || vmt_##F##_is_nan (b);                                   \
    gboolean signalling = vmt_##F##_is_snan (a) || vmt_##F##_is_snan (b);                          \
                                                                                                   \
    if (kind == VMT_IR_FP_MIN_X86)                                                                 \
      return (max ? vmt_##F##_lt (b, a, FALSE, env) : vmt_##F##_lt (a, b, FALSE, env)) ? a : b;    \
    if ((kind == VMT_IR_FP_MIN_NAN && nan) || (kind == VMT_IR_FP_MIN_2008 && signalling))          \
      return vmt_##F##_add (a, b, env);                                                            \
    return max ? vmt_##F##_max_number (a, b, env) : vmt_##F##_min_number (a, b, env);              \
  }                                                                                                \
                                                                                                   \
  static guint64 F##_op (VmtIrOpcode opcode, gint32 imm, guint64 a, guint64 b, guint64 c,          \
                         guint64 sign, VmtFpEnv *env)                                              \
  {                                                                                                \
    switch (opcode)                                                                                \
      {                                                                                            \
      case VMT_IR_FADD:                                                                            \
        return vmt_##F##_add (a, b, env);                                                          \
      case VMT_IR_FSUB:                                                                            \
        return vmt_##F##_sub (a, b, env);                                                          \
      case VMT_IR_FMUL:                                                                            \
        return vmt_##F##_mul (a, b, env);                                                          \
      case VMT_IR_FDIV:                                                                            \
        return vmt_##F##_div (a, b, env);                                                          \
      case VMT_IR_FSQRT:                                                                           \
        return vmt_##F##_sqrt (a, env);                                                            \
      case VMT_IR_FMA:                                                                             \
        return vmt_##F##_fma (a, b, c, imm >> 8 & 1, imm >> 9 & 1, env);                           \
      case VMT_IR_FMIN:                                                                            \
        return F##_min_max (FALSE, imm >> 8 & 3, a, b, env);                                       \
      case VMT_IR_FMAX:                                                                            \
        return F##_min_max (TRUE, imm >> 8 & 3, a, b, env);                                        \
      case VMT_IR_FSGNJ:                                                                           \
        return (a & ~sign) | ((imm == 0 ? b : imm == 1 ? ~b : a ^ b) & sign);                      \
      case VMT_IR_FCMP:                                                                            \
        switch (imm & 3)                                                                           \
          {                                                                                        \
          case 0:                                                                                  \
            return vmt_##F##_eq (a, b, env);                                                       \
          case 1:                                                                                  \
            return vmt_##F##_lt (a, b, imm >> 2 & 1, env);                                         \
          case 2:                                                                                  \
            return vmt_##F##_le (a, b, imm >> 2 & 1, env);                                         \
          default:                                                                                 \
            return vmt_##F##_unordered (a, b, TRUE, env);                                          \
          }                                                                                        \
      case VMT_IR_FCLASS:                                                                          \
        return vmt_##F##_classify (a);                                                             \
      default: /* FRINT */                                                                         \
        return vmt_##F##_round_int (a, env->round, imm >> 8 & 1, env);                             \
      }                                                                                            \
  }                                                                                                \
                                                                                                   \
  static guint64 F##_to_int (guint64 a, VmtIrType to, gboolean is_unsigned, VmtFpEnv *env)         \
  {                                                                                                \
    if (to == VMT_IR_I64)                                                                          \
      return is_unsigned ? vmt_##F##_to_u64 (a, env->round, env)                                   \
                         : (guint64)vmt_##F##_to_i64 (a, env->round, env);                         \
    return is_unsigned ? vmt_##F##_to_u32 (a, env->round, env)                                     \
                       : (guint64)vmt_##F##_to_i32 (a, env->round, env);                           \
  }

MIN_MAX (f16)
MIN_MAX (f32)
MIN_MAX (f64)

guint64
vmt_ir_eval_fp (VmtIrOpcode opcode, VmtIrType type, gint32 imm, guint64 a, guint64 b, guint64 c,
                VmtFpEnv *env)
{
  switch (type)
    {
    case VMT_IR_F16:
      return f16_op (opcode, imm, a, b, c, 0x8000, env) & 0xffff;
    case VMT_IR_F32:
      return f32_op (opcode, imm, a, b, c, 0x80000000, env) & 0xffffffff;
    default:
      return f64_op (opcode, imm, a, b, c, G_GUINT64_CONSTANT (1) << 63, env);
    }
}

static guint64
unbox (guint64 v, VmtIrType type, gboolean boxed, const VmtFpEnv *env)
{
  if (type == VMT_IR_F32)
    {
      if (boxed && v >> 32 != 0xffffffff)
        return vmt_f32_default_nan (env);
      return v & 0xffffffff;
    }
  if (type == VMT_IR_F16)
    {
      if (boxed && v >> 16 != G_GUINT64_CONSTANT (0xffffffffffff))
        return vmt_f16_default_nan (env);
      return v & 0xffff;
    }
  return v;
}

static guint64
box (guint64 v, VmtIrType type, gboolean boxed)
{
  if (boxed && type == VMT_IR_F32)
    v |= G_GUINT64_CONSTANT (0xffffffff) << 32;
  if (boxed && type == VMT_IR_F16)
    v |= G_GUINT64_CONSTANT (0xffffffffffff) << 16;
  return v;
}

/* x87 double extended: sign and 15 bits of exponent in hi, 64 bits of significand with an explicit
 * integer bit in lo. */

#define F80_INTEGER (G_GUINT64_CONSTANT (1) << 63)
#define F80_QUIET (G_GUINT64_CONSTANT (1) << 62)

static void
f64_to_f80 (guint64 a, VmtIrValue *r, VmtFpEnv *env)
{
  guint64 sign = a >> 63 << 15, fraction = a & (guint64)vmt_ir_ones (52);
  gint exponent = a >> 52 & 0x7ff;

  if (exponent == 0x7ff)
    {
      if (fraction && !(a >> 51 & 1))
        env->flags |= VMT_FP_NV;
      r->q[0] = F80_INTEGER | fraction << 11 | (fraction ? F80_QUIET : 0);
      r->q[1] = sign | 0x7fff;
      return;
    }
  if (!exponent && !fraction)
    {
      r->q[0] = 0;
      r->q[1] = sign;
      return;
    }
  if (exponent)
    fraction |= G_GUINT64_CONSTANT (1) << 52;
  else
    {
      env->flags |= VMT_FP_ID;
      for (exponent = 1; !(fraction >> 52); exponent--)
        fraction <<= 1;
    }
  r->q[0] = fraction << 11;
  r->q[1] = sign | (exponent - 1023 + 16383);
}

/* Rounds significand * 2^-drop to an integer; *inexact says whether something was lost. */
static u128
round_off (guint64 significand, guint drop, guint round, gboolean negative, gboolean *inexact)
{
  u128 x = significand, lost, half;
  gboolean up;

  if (drop > 66)
    {
      lost = significand ? 1 : 0;
      half = 2;
      x = 0;
    }
  else
    {
      lost = x & vmt_ir_ones (drop);
      half = drop ? (u128)1 << (drop - 1) : 0;
      x >>= drop;
    }
  *inexact = lost != 0;
  switch (round)
    {
    case VMT_FP_RNE:
      up = lost > half || (lost && lost == half && x & 1);
      break;
    case VMT_FP_RMM:
      up = lost && lost >= half;
      break;
    case VMT_FP_RDN:
      up = lost && negative;
      break;
    case VMT_FP_RUP:
      up = lost && !negative;
      break;
    case VMT_FP_ODD:
      return lost ? x | 1 : x;
    default:
      up = FALSE;
      break;
    }
  return x + up;
}

/* To a format of @bits with @digits binary digits and the exponent bias @bias. */
static guint64
f80_to_small (const VmtIrValue *a, guint bits, guint digits, gint bias, VmtFpEnv *env)
{
  gboolean negative = a->q[1] >> 15 & 1, inexact, tiny, after;
  gint exponent = a->q[1] & 0x7fff, e;
  guint64 m = a->q[0], sign = (guint64)negative << (bits - 1);
  guint64 infinity = (vmt_ir_ones (bits - 1) >> (digits - 1)) << (digits - 1);
  u128 r;

  if (exponent == 0x7fff && m == F80_INTEGER)
    return sign | infinity;
  if (exponent == 0x7fff && m & F80_INTEGER)
    {
      if (!(m & F80_QUIET))
        env->flags |= VMT_FP_NV;
      return sign | infinity | (guint64)1 << (digits - 2) |
             (m << 1 >> (65 - digits) & (guint64)vmt_ir_ones (digits - 1));
    }
  /* Unnormals and pseudo-NaNs are no numbers. */
  if (exponent && !(m & F80_INTEGER))
    {
      env->flags |= VMT_FP_NV;
      return (guint64)1 << (bits - 1) | infinity | (guint64)1 << (digits - 2);
    }
  if (!m)
    return sign;
  if (!exponent)
    {
      env->flags |= VMT_FP_ID;
      exponent = 1;
    }
  for (; !(m & F80_INTEGER); exponent--)
    m <<= 1;
  e = exponent - 16383 + bias;
  tiny = e < 1;
  r = round_off (m, 64 - digits, env->round, negative, &after);
  /* x86: tiny after rounding, as if the exponent had no bound. */
  if (e == 0 && r >> digits)
    tiny = FALSE;
  if (e < 1)
    r = round_off (m, 64 - digits + (guint)(1 - e), env->round, negative, &inexact);
  else
    inexact = after;
  if (inexact)
    env->flags |= VMT_FP_NX | (tiny ? VMT_FP_UF : 0);
  /* The carry of a significand that became 2.0 goes into the exponent. */
  if (e < 1)
    return sign | (guint64)r;
  r += (u128)(e - 1) << (digits - 1);
  if (r >= infinity)
    {
      gboolean to_infinity = env->round == VMT_FP_RNE || env->round == VMT_FP_RMM ||
                             env->round == (negative ? VMT_FP_RDN : VMT_FP_RUP);

      env->flags |= VMT_FP_OF | VMT_FP_NX;
      return sign | (to_infinity ? infinity : infinity - 1);
    }
  return sign | (guint64)r;
}

static void
convert (const VmtIrOp *op, VmtIrEvalArgs *x, VmtFpEnv *env)
{
  VmtIrType from = op->imm >> 8 & 15;
  gboolean boxed = op->flags & VMT_IR_BOXED;
  guint64 a = unbox (x->a.q[0], from, boxed, env), r;

  if (op->type == VMT_IR_F80)
    {
      if (from == VMT_IR_F16)
        a = vmt_f16_to_f64 (a, env);
      else if (from == VMT_IR_F32)
        a = vmt_f32_to_f64 (a, env);
      f64_to_f80 (a, &x->d, env);
      return;
    }
  if (from == VMT_IR_F80)
    r = op->type == VMT_IR_F64   ? f80_to_small (&x->a, 64, 53, 1023, env)
        : op->type == VMT_IR_F32 ? f80_to_small (&x->a, 32, 24, 127, env)
                                 : f80_to_small (&x->a, 16, 11, 15, env);
  else if (op->type == VMT_IR_F64)
    r = from == VMT_IR_F32 ? vmt_f32_to_f64 (a, env) : vmt_f16_to_f64 (a, env);
  else if (op->type == VMT_IR_F32)
    r = from == VMT_IR_F64 ? vmt_f64_to_f32 (a, env) : vmt_f16_to_f32 (a, env);
  else
    r = from == VMT_IR_F64 ? vmt_f64_to_f16 (a, env) : vmt_f32_to_f16 (a, env);
  x->d.q[0] = box (r, op->type, boxed);
}

static guint64
to_int (const VmtIrOp *op, guint64 v, VmtFpEnv *env)
{
  VmtIrType from = op->imm >> 8 & 15;
  gboolean is_unsigned = op->imm >> 12 & 1, nan;
  guint64 a = unbox (v, from, op->flags & VMT_IR_BOXED, env), r;
  guint w = vmt_ir_type_bits (op->type);
  VmtFpEnv own = *env;

  own.flags = 0;
  if (from == VMT_IR_F16)
    {
      r = f16_to_int (a, op->type, is_unsigned, &own);
      nan = vmt_f16_is_nan (a);
    }
  else if (from == VMT_IR_F32)
    {
      r = f32_to_int (a, op->type, is_unsigned, &own);
      nan = vmt_f32_is_nan (a);
    }
  else
    {
      r = f64_to_int (a, op->type, is_unsigned, &own);
      nan = vmt_f64_is_nan (a);
    }
  env->flags |= own.flags;
  switch (op->imm >> 13 & 3)
    {
    case VMT_IR_FP_SAT_ARM:
      if (nan)
        r = 0;
      break;
    case VMT_IR_FP_SAT_X86:
      if (own.flags & VMT_FP_NV)
        r = is_unsigned ? G_MAXUINT64 : G_GUINT64_CONSTANT (1) << (w - 1);
      break;
    default:
      break;
    }
  return op->flags & VMT_IR_SX ? (guint64)vmt_ir_sext (r, w) : r & (guint64)vmt_ir_ones (w);
}

static guint64
from_int (const VmtIrOp *op, guint64 a, VmtFpEnv *env)
{
  guint w = vmt_ir_type_bits (op->imm >> 8 & 15);
  gboolean is_unsigned = op->imm >> 12 & 1;
  guint64 u = a & (guint64)vmt_ir_ones (w);
  gint64 s = vmt_ir_sext (a, w);

  switch (op->type)
    {
    case VMT_IR_F16:
      return is_unsigned ? vmt_f16_from_u64 (u, env) : vmt_f16_from_i64 (s, env);
    case VMT_IR_F32:
      return is_unsigned ? vmt_f32_from_u64 (u, env) : vmt_f32_from_i64 (s, env);
    default:
      return is_unsigned ? vmt_f64_from_u64 (u, env) : vmt_f64_from_i64 (s, env);
    }
}

static VmtIrFlags
compare_flags (const VmtIrOp *op, guint64 a, guint64 b, VmtFpEnv *env)
{
  gboolean quiet = !(op->imm & 2), arm = op->imm & 1;
  gboolean less = vmt_ir_eval_fp (VMT_IR_FCMP, op->type, quiet ? 5 : 1, a, b, 0, env);
  gboolean equal = vmt_ir_eval_fp (VMT_IR_FCMP, op->type, 0, a, b, 0, env);
  gboolean unordered = vmt_ir_eval_fp (VMT_IR_FCMP, op->type, 3, a, b, 0, env);
  guint bits;

  if (unordered)
    bits = arm ? VMT_IR_FLAG_C | VMT_IR_FLAG_O : VMT_IR_FLAG_Z | VMT_IR_FLAG_P | VMT_IR_FLAG_C;
  else if (less)
    bits = arm ? VMT_IR_FLAG_S : VMT_IR_FLAG_C;
  else if (equal)
    bits = arm ? VMT_IR_FLAG_Z | VMT_IR_FLAG_C : VMT_IR_FLAG_Z;
  else
    bits = arm ? VMT_IR_FLAG_C : 0;
  return vmt_ir_flags_from_bits (bits);
}

void
vmt_ir_eval_fp_op (VmtIrEval *e, const VmtIrOp *op, VmtIrEvalArgs *x)
{
  VmtFpEnv *state = vmt_ir_eval_fp_env (e), env = *state;
  gboolean boxed = op->flags & VMT_IR_BOXED;
  guint64 a, b, c;

  if (op->opcode != VMT_IR_FCMP && op->opcode != VMT_IR_FL_FCMP && op->opcode != VMT_IR_FSGNJ &&
      op->opcode != VMT_IR_FCLASS && op->opcode != VMT_IR_FMIN && op->opcode != VMT_IR_FMAX &&
      (op->imm & 7) != 7)
    env.round = op->imm & 7;
  switch (op->opcode)
    {
    case VMT_IR_FCVT:
      convert (op, x, &env);
      break;
    case VMT_IR_F2I:
      x->d.q[0] = to_int (op, x->a.q[0], &env);
      break;
    case VMT_IR_I2F:
      x->d.q[0] = box (from_int (op, x->a.q[0], &env), op->type, boxed);
      break;
    case VMT_IR_F2BITS:
      x->d.q[0] = vmt_ir_eval_int (VMT_IR_MOV, op->type, op->flags, 0, x->a.q[0], 0, 0);
      break;
    case VMT_IR_BITS2F:
      x->d.q[0] =
          box (x->a.q[0] & (guint64)vmt_ir_ones (vmt_ir_type_bits (op->type)), op->type, TRUE);
      break;
    default:
      if (op->type == VMT_IR_F80) /* only FSGNJ */
        {
          guint64 s = op->imm == 0 ? x->b.q[1] : op->imm == 1 ? ~x->b.q[1] : x->a.q[1] ^ x->b.q[1];

          x->d.q[0] = x->a.q[0];
          x->d.q[1] = (x->a.q[1] & 0x7fff) | (s & 0x8000);
          return;
        }
      a = unbox (x->a.q[0], op->type, boxed, &env);
      b = unbox (x->b.q[0], op->type, boxed, &env);
      c = unbox (x->c.q[0], op->type, boxed, &env);
      if (op->opcode == VMT_IR_FL_FCMP)
        x->d.f = compare_flags (op, a, b, &env);
      else
        {
          x->d.q[0] = vmt_ir_eval_fp (op->opcode, op->type, op->imm, a, b, c, &env);
          if (vmt_ir_op_info[op->opcode].signature[0] == 'f')
            x->d.q[0] = box (x->d.q[0], op->type, boxed);
        }
      break;
    }
  if (!(op->imm & 8))
    state->flags |= env.flags;
}
