/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Floating point. The host's unit computes where result and flags are certain: rounding to nearest,
 * inexact already raised (so that it need not be found out), operands that are normal or zero, a
 * result that is normal or an exact zero. Everything else is core/fp's. vCPU threads run with the
 * default environment. */
#include "interp-private.h"

#include <math.h>
#include <string.h>

#if FLT_EVAL_METHOD != 0
#error "arithmetic in the types' own precision is needed"
#endif

/* disp: the op's imm, aux: offset of VmtFpEnv, c: third operand */

typedef guint64 (*FpFunc) (guint64 a, guint64 b, guint64 c, gint32 imm, VmtFpEnv *env);

static inline VmtFpEnv *
fp_env (const InterpOp *ip, VmtVcpu *vcpu)
{
  return (VmtFpEnv *)((guint8 *)vcpu + ip->aux);
}

/* Calls @func with the rounding mode that the op wants. */
static G_GNUC_NO_INLINE guint64
with_env (FpFunc func, guint64 a, guint64 b, guint64 c, gint32 imm, VmtFpEnv *env)
{
  if ((imm & 7) == 7 || (imm & 7) == env->round)
    return func (a, b, c, imm, env);
  VmtFpEnv own = *env;
  own.round = imm & 7;
  guint64 r = func (a, b, c, imm, &own);
  env->flags |= own.flags;
  return r;
}

static inline gboolean
is_nearest (const VmtFpEnv *env, gint32 imm)
{
  return ((imm & 7) == 7 ? env->round : (imm & 7)) == VMT_FP_RNE && !env->ftz && !env->daz;
}

static inline gboolean
is_simple (const VmtFpEnv *env, gint32 imm)
{
  return (env->flags & VMT_FP_NX) && is_nearest (env, imm);
}

/* How a format's values are kept: 64 plain, 32 in the low half, 32B boxed. */
#define UNPACK_64(v, env) (v)
#define PACK_64(v) (v)
#define UNPACK_32(v, env) (guint32) (v)
#define PACK_32(v) (guint64) (guint32) (v)
#define UNPACK_32B(v, env) ((v) >> 32 == 0xffffffffu ? (guint32)(v) : vmt_f32_default_nan (env))
#define PACK_32B(v) ((guint64)(guint32)(v) | G_GUINT64_CONSTANT (0xffffffff00000000))

#define BITS_64 guint64
#define BITS_32 guint32
#define BITS_32B guint32
#define NAME_64(f) vmt_f64_##f
#define NAME_32(f) vmt_f32_##f
#define NAME_32B(f) vmt_f32_##f
#define HOST_64 double
#define HOST_32 float
#define HOST_32B float

#define DEFINE_HOST(F, BITS, HOST, EXP, MANT)                                                      \
  static inline HOST to_host_##F (BITS v)                                                          \
  {                                                                                                \
    HOST h;                                                                                        \
    memcpy (&h, &v, sizeof h);                                                                     \
    return h;                                                                                      \
  }                                                                                                \
  static inline BITS from_host_##F (HOST h)                                                        \
  {                                                                                                \
    BITS v;                                                                                        \
    memcpy (&v, &h, sizeof v);                                                                     \
    return v;                                                                                      \
  }                                                                                                \
  static inline gboolean is_plain_##F (BITS v) /* normal or zero */                                \
  {                                                                                                \
    return ((v >> (MANT)) & (EXP)) - 1 < (EXP)-1 || (BITS)(v << 1) == 0;                           \
  }                                                                                                \
  static inline gboolean is_safe_##F (BITS v) /* a result that neither overflowed nor was tiny */  \
  {                                                                                                \
    return ((v >> (MANT)) & (EXP)) - 2 < (EXP)-2;                                                  \
  }                                                                                                \
  static inline gboolean is_nan_##F (BITS v)                                                       \
  {                                                                                                \
    return (BITS)(v << 1) > (BITS)((BITS)(EXP) << ((MANT) + 1));                                   \
  }
DEFINE_HOST (64, guint64, double, 0x7ffu, 52)
DEFINE_HOST (32, guint32, float, 0xffu, 23)
#define BASE_64(f) f##_64
#define BASE_32(f) f##_32
#define BASE_32B(f) f##_32

/* What a boxed operand holds can be used by the host only if the box is good. */
#define GOOD_64(v) TRUE
#define GOOD_32(v) TRUE
#define GOOD_32B(v) ((v) >> 32 == 0xffffffffu)

#define BINARY(NAME, F, func, HOSTEXPR, ZERO_OK)                                                   \
  static guint64 soft_##NAME##_##F (guint64 a, guint64 b, guint64 c, gint32 imm, VmtFpEnv *env)    \
  {                                                                                                \
    return PACK_##F (NAME_##F (func) (UNPACK_##F (a, env), UNPACK_##F (b, env), env));             \
  }                                                                                                \
  HANDLER (fp_##NAME##_##F)                                                                        \
  {                                                                                                \
    VmtFpEnv *env = fp_env (ip, vcpu);                                                             \
    const guint64 va = R (ip->a), vb = R (ip->b);                                                  \
    const BITS_##F a = (BITS_##F)va, b = (BITS_##F)vb;                                             \
    guint64 r;                                                                                     \
    if (G_LIKELY (is_simple (env, ip->disp) && GOOD_##F (va) && GOOD_##F (vb) &&                   \
                  BASE_##F (is_plain) (a) && BASE_##F (is_plain) (b)))                             \
      {                                                                                            \
        const HOST_##F x = BASE_##F (to_host) (a), y = BASE_##F (to_host) (b);                     \
        const BITS_##F z = BASE_##F (from_host) (HOSTEXPR);                                        \
        if (G_LIKELY (BASE_##F (is_safe) (z) || (z << 1 == 0 && (ZERO_OK))))                       \
          {                                                                                        \
            r = PACK_##F (z);                                                                      \
            R (ip->d) = r;                                                                         \
            NEXT (1, r, acc);                                                                      \
          }                                                                                        \
      }                                                                                            \
    r = with_env (soft_##NAME##_##F, va, vb, 0, ip->disp, env);                                    \
    R (ip->d) = r;                                                                                 \
    NEXT (1, r, acc);                                                                              \
  }

#define SQRT(F)                                                                                    \
  static guint64 soft_sqrt_##F (guint64 a, guint64 b, guint64 c, gint32 imm, VmtFpEnv *env)        \
  {                                                                                                \
    return PACK_##F (NAME_##F (sqrt) (UNPACK_##F (a, env), env));                                  \
  }                                                                                                \
  HANDLER (fp_sqrt_##F)                                                                            \
  {                                                                                                \
    VmtFpEnv *env = fp_env (ip, vcpu);                                                             \
    const guint64 va = R (ip->a);                                                                  \
    const BITS_##F a = (BITS_##F)va;                                                               \
    guint64 r;                                                                                     \
    if (G_LIKELY (is_simple (env, ip->disp) && GOOD_##F (va) && BASE_##F (is_plain) (a) &&         \
                  (a >> (sizeof (a) * 8 - 1)) == 0))                                               \
      r = PACK_##F (BASE_##F (from_host) ((HOST_##F)sqrt (BASE_##F (to_host) (a))));               \
    else                                                                                           \
      r = with_env (soft_sqrt_##F, va, 0, 0, ip->disp, env);                                       \
    R (ip->d) = r;                                                                                 \
    NEXT (1, r, acc);                                                                              \
  }

#define FMA_64 fma
#define FMA_32 fmaf
#define FMA_32B fmaf
#define FMA(F)                                                                                     \
  static guint64 soft_fma_##F (guint64 a, guint64 b, guint64 c, gint32 imm, VmtFpEnv *env)         \
  {                                                                                                \
    return PACK_##F (NAME_##F (fma) (UNPACK_##F (a, env), UNPACK_##F (b, env),                     \
                                     UNPACK_##F (c, env), (imm >> 8) & 1, (imm >> 9) & 1, env));   \
  }                                                                                                \
  HANDLER (fp_fma_##F)                                                                             \
  {                                                                                                \
    VmtFpEnv *env = fp_env (ip, vcpu);                                                             \
    const guint64 va = R (ip->a), vb = R (ip->b), vc = R (ip->c);                                  \
    const BITS_##F sign = (BITS_##F)1 << (sizeof (BITS_##F) * 8 - 1);                              \
    const BITS_##F a = (BITS_##F)va ^ ((ip->disp & 0x100) ? sign : 0);                             \
    const BITS_##F b = (BITS_##F)vb;                                                               \
    const BITS_##F c = (BITS_##F)vc ^ ((ip->disp & 0x200) ? sign : 0);                             \
    guint64 r;                                                                                     \
    if (G_LIKELY (is_simple (env, ip->disp) && GOOD_##F (va) && GOOD_##F (vb) && GOOD_##F (vc) &&  \
                  BASE_##F (is_plain) (a) && BASE_##F (is_plain) (b) && BASE_##F (is_plain) (c)))  \
      {                                                                                            \
        const BITS_##F z = BASE_##F (from_host) (                                                  \
            FMA_##F (BASE_##F (to_host) (a), BASE_##F (to_host) (b), BASE_##F (to_host) (c)));     \
        if (G_LIKELY (BASE_##F (is_safe) (z)))                                                     \
          {                                                                                        \
            r = PACK_##F (z);                                                                      \
            R (ip->d) = r;                                                                         \
            NEXT (1, r, acc);                                                                      \
          }                                                                                        \
      }                                                                                            \
    r = with_env (soft_fma_##F, va, vb, vc, ip->disp, env);                                        \
    R (ip->d) = r;                                                                                 \
    NEXT (1, r, acc);                                                                              \
  }

/* minimumNumber and maximumNumber; of two that are no NaN and not both zero the host agrees with
 * everybody. */
#define MIN_MAX(NAME, F, func, OP)                                                                 \
  static guint64 soft_##NAME##_##F (guint64 a, guint64 b, guint64 c, gint32 imm, VmtFpEnv *env)    \
  {                                                                                                \
    return PACK_##F (NAME_##F (func) (UNPACK_##F (a, env), UNPACK_##F (b, env), env));             \
  }                                                                                                \
  HANDLER (fp_##NAME##_##F)                                                                        \
  {                                                                                                \
    VmtFpEnv *env = fp_env (ip, vcpu);                                                             \
    const guint64 va = R (ip->a), vb = R (ip->b);                                                  \
    const BITS_##F a = (BITS_##F)va, b = (BITS_##F)vb;                                             \
    guint64 r;                                                                                     \
    if (G_LIKELY (GOOD_##F (va) && GOOD_##F (vb) && !BASE_##F (is_nan) (a) &&                      \
                  !BASE_##F (is_nan) (b) && (BITS_##F) ((a | b) << 1) != 0))                       \
      r = PACK_##F (BASE_##F (to_host) (a) OP BASE_##F (to_host) (b) ? a : b);                     \
    else                                                                                           \
      r = soft_##NAME##_##F (va, vb, 0, 0, env);                                                   \
    R (ip->d) = r;                                                                                 \
    NEXT (1, r, acc);                                                                              \
  }

#define CMP(NAME, F, SOFT, OP)                                                                     \
  static guint64 soft_##NAME##_##F (guint64 a, guint64 b, guint64 c, gint32 imm, VmtFpEnv *env)    \
  {                                                                                                \
    const BITS_##F x = UNPACK_##F (a, env), y = UNPACK_##F (b, env);                               \
    return (guint64)(SOFT);                                                                        \
  }                                                                                                \
  HANDLER (fp_##NAME##_##F)                                                                        \
  {                                                                                                \
    VmtFpEnv *env = fp_env (ip, vcpu);                                                             \
    const guint64 va = R (ip->a), vb = R (ip->b);                                                  \
    const BITS_##F a = (BITS_##F)va, b = (BITS_##F)vb;                                             \
    guint64 r;                                                                                     \
    if (G_LIKELY (GOOD_##F (va) && GOOD_##F (vb) && !BASE_##F (is_nan) (a) &&                      \
                  !BASE_##F (is_nan) (b) && !env->daz && env->policy != VMT_FP_POLICY_X86))        \
      r = BASE_##F (to_host) (a) OP BASE_##F (to_host) (b);                                        \
    else                                                                                           \
      r = soft_##NAME##_##F (va, vb, 0, ip->disp, env);                                            \
    R (ip->d) = r;                                                                                 \
    NEXT (1, r, acc);                                                                              \
  }

#define SGNJ(F)                                                                                    \
  HANDLER (fp_sgnj_##F)                                                                            \
  {                                                                                                \
    VmtFpEnv *env G_GNUC_UNUSED = fp_env (ip, vcpu);                                               \
    const BITS_##F sign = (BITS_##F)1 << (sizeof (BITS_##F) * 8 - 1);                              \
    const BITS_##F a = UNPACK_##F (R (ip->a), env);                                                \
    const BITS_##F b = UNPACK_##F (R (ip->b), env);                                                \
    const BITS_##F s = ip->disp == 0 ? b : ip->disp == 1 ? ~b : a ^ b;                             \
    const guint64 r = PACK_##F ((a & ~sign) | (s & sign));                                         \
    R (ip->d) = r;                                                                                 \
    NEXT (1, r, acc);                                                                              \
  }                                                                                                \
  HANDLER (fp_class_##F)                                                                           \
  {                                                                                                \
    VmtFpEnv *env G_GNUC_UNUSED = fp_env (ip, vcpu);                                               \
    const guint64 r = NAME_##F (classify) (UNPACK_##F (R (ip->a), env));                           \
    R (ip->d) = r;                                                                                 \
    NEXT (1, r, acc);                                                                              \
  }

/* To integers: truncation of what fits raises nothing but inexact, and that is seen. LOW is the
 * least, LIMIT the first too large value, exact in both formats. */
#define TO_INT(NAME, F, func, T, LOW, LIMIT)                                                       \
  static guint64 soft_##NAME##_##F (guint64 a, guint64 b, guint64 c, gint32 imm, VmtFpEnv *env)    \
  {                                                                                                \
    return (guint64)NAME_##F (func) (UNPACK_##F (a, env), (imm & 7) == 7 ? env->round : imm & 7,   \
                                     env);                                                         \
  }                                                                                                \
  HANDLER (fp_##NAME##_##F)                                                                        \
  {                                                                                                \
    VmtFpEnv *env = fp_env (ip, vcpu);                                                             \
    const guint64 va = R (ip->a);                                                                  \
    const HOST_##F x = BASE_##F (to_host) ((BITS_##F)va);                                          \
    guint64 r;                                                                                     \
    if (G_LIKELY ((ip->disp & 7) == VMT_FP_RTZ && GOOD_##F (va) && x >= (HOST_##F) (LOW) &&        \
                  x < (HOST_##F) (LIMIT) && !env->daz))                                            \
      {                                                                                            \
        const T t = (T)x;                                                                          \
        if ((HOST_##F)t != x)                                                                      \
          env->flags |= VMT_FP_NX;                                                                 \
        r = (guint64)t;                                                                            \
      }                                                                                            \
    else                                                                                           \
      r = soft_##NAME##_##F (va, 0, 0, ip->disp, env);                                             \
    /* b: bits of the result, 0 for all; d + bit 15 is no slot: see interp_fp() */                 \
    if (ip->b == 32)                                                                               \
      r = (guint64)(gint64)(gint32)r;                                                              \
    else if (ip->b == 33)                                                                          \
      r = (guint32)r;                                                                              \
    R (ip->d) = r;                                                                                 \
    NEXT (1, r, acc);                                                                              \
  }

/* From integers: exact where the magnitude fits the significand. EXACT: of x. */
#define FROM_INT(NAME, F, func, T, EXACT)                                                          \
  static guint64 soft_##NAME##_##F (guint64 a, guint64 b, guint64 c, gint32 imm, VmtFpEnv *env)    \
  {                                                                                                \
    return PACK_##F (NAME_##F (func) ((T)a, env));                                                 \
  }                                                                                                \
  HANDLER (fp_##NAME##_##F)                                                                        \
  {                                                                                                \
    VmtFpEnv *env = fp_env (ip, vcpu);                                                             \
    const T x = (T)R (ip->a);                                                                      \
    guint64 r;                                                                                     \
    if (G_LIKELY (EXACT) || is_simple (env, ip->disp))                                             \
      r = PACK_##F (BASE_##F (from_host) ((HOST_##F)x));                                           \
    else                                                                                           \
      r = with_env (soft_##NAME##_##F, (guint64)x, 0, 0, ip->disp, env);                           \
    R (ip->d) = r;                                                                                 \
    NEXT (1, r, acc);                                                                              \
  }

#define FITS_64(x) ((x) + (G_GINT64_CONSTANT (1) << 53) <= (G_GUINT64_CONSTANT (1) << 54))
#define FITS_32(x) ((x) + (1 << 24) <= (1u << 25))
#define FITS_32B FITS_32

#define ALL(F)                                                                                     \
  BINARY (add, F, add, x + y, TRUE)                                                                \
  BINARY (sub, F, sub, x - y, TRUE)                                                                \
  BINARY (mul, F, mul, x *y, x == 0 || y == 0)                                                     \
  BINARY (div, F, div, x / y, x == 0 && y != 0)                                                    \
  SQRT (F)                                                                                         \
  FMA (F)                                                                                          \
  MIN_MAX (min, F, min_number, <)                                                                  \
  MIN_MAX (max, F, max_number, >)                                                                  \
  CMP (eq, F, NAME_##F (eq) (x, y, env), ==)                                                       \
  CMP (lt, F, NAME_##F (lt) (x, y, (imm & 4) != 0, env), <)                                        \
  CMP (le, F, NAME_##F (le) (x, y, (imm & 4) != 0, env), <=)                                       \
  SGNJ (F)                                                                                         \
  TO_INT (i32, F, to_i32, gint32, -0x1p31, 0x1p31)                                                 \
  TO_INT (i64, F, to_i64, gint64, -0x1p63, 0x1p63)                                                 \
  TO_INT (u32, F, to_u32, guint32, 0, 0x1p32)                                                      \
  TO_INT (u64, F, to_u64, guint64, 0, 0x1p64)                                                      \
  FROM_INT (from_i32, F, from_i64, gint32, sizeof (HOST_##F) == 8 || FITS_32 ((guint32)x))         \
  FROM_INT (from_i64, F, from_i64, gint64,                                                         \
            sizeof (HOST_##F) == 8 ? FITS_64 ((guint64)x) : (guint64)x + (1 << 24) <= (1u << 25))  \
  FROM_INT (from_u32, F, from_u64, guint32, sizeof (HOST_##F) == 8 || x <= 1u << 24)               \
  FROM_INT (from_u64, F, from_u64, guint64,                                                        \
            x <= (sizeof (HOST_##F) == 8 ? G_GUINT64_CONSTANT (1) << 53 : 1u << 24))

ALL (64)
ALL (32)
ALL (32B)

#define WIDEN(F)                                                                                   \
  static guint64 soft_widen_##F (guint64 a, guint64 b, guint64 c, gint32 imm, VmtFpEnv *env)       \
  {                                                                                                \
    return vmt_f32_to_f64 (UNPACK_##F (a, env), env);                                              \
  }                                                                                                \
  HANDLER (fp_widen_##F)                                                                           \
  {                                                                                                \
    VmtFpEnv *env = fp_env (ip, vcpu);                                                             \
    const guint64 va = R (ip->a);                                                                  \
    guint64 r;                                                                                     \
    if (G_LIKELY (GOOD_##F (va) && is_plain_32 ((guint32)va)))                                     \
      r = from_host_64 ((double)to_host_32 ((guint32)va));                                         \
    else                                                                                           \
      r = with_env (soft_widen_##F, va, 0, 0, ip->disp, env);                                      \
    R (ip->d) = r;                                                                                 \
    NEXT (1, r, acc);                                                                              \
  }                                                                                                \
  static guint64 soft_narrow_##F (guint64 a, guint64 b, guint64 c, gint32 imm, VmtFpEnv *env)      \
  {                                                                                                \
    return PACK_##F (vmt_f64_to_f32 (a, env));                                                     \
  }                                                                                                \
  HANDLER (fp_narrow_##F)                                                                          \
  {                                                                                                \
    VmtFpEnv *env = fp_env (ip, vcpu);                                                             \
    const guint64 a = R (ip->a);                                                                   \
    guint64 r;                                                                                     \
    if (G_LIKELY (is_simple (env, ip->disp) && is_plain_64 (a)))                                   \
      {                                                                                            \
        const guint32 z = from_host_32 ((float)to_host_64 (a));                                    \
        if (G_LIKELY (is_safe_32 (z) || a << 1 == 0))                                              \
          {                                                                                        \
            r = PACK_##F (z);                                                                      \
            R (ip->d) = r;                                                                         \
            NEXT (1, r, acc);                                                                      \
          }                                                                                        \
      }                                                                                            \
    r = with_env (soft_narrow_##F, a, 0, 0, ip->disp, env);                                        \
    R (ip->d) = r;                                                                                 \
    NEXT (1, r, acc);                                                                              \
  }
WIDEN (32)
WIDEN (32B)

HANDLER (fp_box)
{
  const guint64 r = PACK_32B (R (ip->a));
  R (ip->d) = r;
  NEXT (1, r, acc);
}

#define TABLE(NAME)                                                                                \
  static const InterpHandler NAME##_table[3] = { fp_##NAME##_64, fp_##NAME##_32, fp_##NAME##_32B }
TABLE (add);
TABLE (sub);
TABLE (mul);
TABLE (div);
TABLE (sqrt);
TABLE (fma);
TABLE (min);
TABLE (max);
TABLE (eq);
TABLE (lt);
TABLE (le);
TABLE (sgnj);
TABLE (class);
TABLE (i32);
TABLE (i64);
TABLE (u32);
TABLE (u64);
TABLE (from_i32);
TABLE (from_i64);
TABLE (from_u32);
TABLE (from_u64);

static int
format_index (guint type, gboolean boxed)
{
  return type == VMT_IR_F64 ? 0 : type != VMT_IR_F32 ? -1 : boxed ? 2 : 1;
}

/* The handler of a floating-point op; NULL: the evaluator does it. Operands are in memory. */
InterpHandler
interp_fp (const VmtIrOp *op)
{
  const gboolean boxed = (op->flags & VMT_IR_BOXED) != 0;
  const guint other = (guint)(op->imm >> 8) & 15;
  const gboolean is_unsigned = (op->imm & 0x1000) != 0;
  int f = format_index (op->type, boxed);

  /* that raises no flags */
  if ((vmt_ir_op_info[op->opcode].flags & VMT_IR_OP_FP) && (op->imm & 8))
    return NULL;
  switch (op->opcode)
    {
    case VMT_IR_FADD:
      return f < 0 ? NULL : add_table[f];
    case VMT_IR_FSUB:
      return f < 0 ? NULL : sub_table[f];
    case VMT_IR_FMUL:
      return f < 0 ? NULL : mul_table[f];
    case VMT_IR_FDIV:
      return f < 0 ? NULL : div_table[f];
    case VMT_IR_FSQRT:
      return f < 0 ? NULL : sqrt_table[f];
    case VMT_IR_FMA:
      return f < 0 ? NULL : fma_table[f];
    case VMT_IR_FMIN:
    case VMT_IR_FMAX:
      if (f < 0 || (op->imm & 0x300) != VMT_IR_FP_MIN_NUMBER)
        return NULL;
      return (op->opcode == VMT_IR_FMIN ? min_table : max_table)[f];
    case VMT_IR_FCMP:
      if (f < 0)
        return NULL;
      switch (op->imm & 7)
        {
        case 0:
        case 4:
          return eq_table[f];
        case 1:
        case 5:
          return lt_table[f];
        case 2:
        case 6:
          return le_table[f];
        default:
          return NULL;
        }
    case VMT_IR_FSGNJ:
      return f < 0 ? NULL : sgnj_table[f];
    case VMT_IR_FCLASS:
      return f < 0 ? NULL : class_table[f];
    case VMT_IR_FCVT:
      if (op->type == VMT_IR_F64 && other == VMT_IR_F32)
        return boxed ? fp_widen_32B : fp_widen_32;
      if (op->type == VMT_IR_F32 && other == VMT_IR_F64)
        return boxed ? fp_narrow_32B : fp_narrow_32;
      return NULL;
    case VMT_IR_F2I:
      f = format_index (other, boxed);
      if (f < 0 || ((op->imm >> 13) & 3) != VMT_IR_FP_SAT_RISCV)
        return NULL;
      if (op->type == VMT_IR_I64)
        return (is_unsigned ? u64_table : i64_table)[f];
      if (op->type == VMT_IR_I32)
        return (is_unsigned ? u32_table : i32_table)[f];
      return NULL;
    case VMT_IR_I2F:
      if (f < 0)
        return NULL;
      if (other == VMT_IR_I64)
        return (is_unsigned ? from_u64_table : from_i64_table)[f];
      if (other == VMT_IR_I32)
        return (is_unsigned ? from_u32_table : from_i32_table)[f];
      return NULL;
    case VMT_IR_BITS2F:
      return op->type == VMT_IR_F32 ? fp_box : NULL;
    default:
      return NULL;
    }
}
