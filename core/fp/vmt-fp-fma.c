/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "vmt-fp-private.h"

/* A NaN is an operand. What a negated operand's NaN looks like, who comes first, and whether
 * infinity times zero plus a quiet NaN is invalid is the architectures' own choice. */
static guint64
vmt_fp_fma_nan (VmtFpFormat f, VmtFpParts a, VmtFpParts b, VmtFpParts c, gboolean negate_product,
                gboolean negate_addend, VmtFpEnv *env)
{
  gboolean invalid_product = (a.kind == VMT_FP_KIND_INF && b.kind == VMT_FP_KIND_ZERO) ||
                             (a.kind == VMT_FP_KIND_ZERO && b.kind == VMT_FP_KIND_INF);

  switch (env->policy)
    {
    case VMT_FP_POLICY_ARM:
    case VMT_FP_POLICY_ARM_DN:
      /* FPMulAdd: the instruction negates operands before it looks at them, and the addend comes
       * first. */
      if (invalid_product && c.kind == VMT_FP_KIND_QNAN)
        return vmt_fp_invalid (f, env);
      a.sign ^= negate_product;
      c.sign ^= negate_addend;
      return _vmt_fp_propagate_nan (f, (const VmtFpParts *const[]){ &c, &a, &b }, 3, env);
    case VMT_FP_POLICY_RISCV:
      if (invalid_product)
        env->flags |= VMT_FP_NV;
      break;
    default:
      break;
    }
  return _vmt_fp_propagate_nan (f, (const VmtFpParts *const[]){ &a, &b, &c }, 3, env);
}

VMT_FP_INLINE guint64
vmt_fp_fma (VmtFpFormat f, guint64 a_bits, guint64 b_bits, guint64 c_bits, gboolean negate_product,
            gboolean negate_addend, VmtFpEnv *env)
{
  VmtFpParts a = vmt_fp_unpack (f, a_bits, env);
  VmtFpParts b = vmt_fp_unpack (f, b_bits, env);
  VmtFpParts c = vmt_fp_unpack (f, c_bits, env);
  gboolean product_sign, sign;
  VmtFpWide product, addend, sum;
  gint32 exp, addend_exp;
  gint shift;

  if (G_UNLIKELY (vmt_fp_is_nan (&a) || vmt_fp_is_nan (&b) || vmt_fp_is_nan (&c)))
    return vmt_fp_fma_nan (f, a, b, c, !!negate_product, !!negate_addend, env);
  product_sign = (a.sign != b.sign) != !!negate_product;
  c.sign = c.sign != !!negate_addend;

  if (a.kind == VMT_FP_KIND_INF || b.kind == VMT_FP_KIND_INF)
    {
      if (a.kind == VMT_FP_KIND_ZERO || b.kind == VMT_FP_KIND_ZERO ||
          (c.kind == VMT_FP_KIND_INF && c.sign != product_sign))
        return vmt_fp_invalid (f, env);
      vmt_fp_note_denormal (a.subnormal || b.subnormal || c.subnormal, env);
      return vmt_fp_pack_inf (f, product_sign);
    }
  vmt_fp_note_denormal (a.subnormal || b.subnormal || c.subnormal, env);
  if (c.kind == VMT_FP_KIND_INF)
    return vmt_fp_pack_inf (f, c.sign);
  if (a.kind == VMT_FP_KIND_ZERO || b.kind == VMT_FP_KIND_ZERO)
    {
      if (c.kind == VMT_FP_KIND_ZERO)
        return vmt_fp_pack_zero (f,
                                 product_sign == c.sign ? product_sign : env->round == VMT_FP_RDN);
      return vmt_fp_round_pack (f, c.sign, c.exp, c.sig, env);
    }

  /* Both with their first bit in bit 126: room for the carry. A product is 106 bits or fewer, so
   * nothing is lost here, and what is lost in aligning is far below the rounding position unless
   * the exponents are so close that it is nothing. */
  product = (VmtFpWide)a.sig * b.sig;
  exp = a.exp + b.exp;
  if (product >> 127)
    {
      product >>= 1;
      exp++;
    }
  sign = product_sign;
  sum = product;
  if (c.kind != VMT_FP_KIND_ZERO)
    {
      addend = (VmtFpWide)c.sig << 63;
      addend_exp = c.exp;
      if (exp >= addend_exp)
        addend = vmt_fp_wide_shift_right_sticky (addend, exp - addend_exp);
      else
        {
          product = vmt_fp_wide_shift_right_sticky (product, addend_exp - exp);
          exp = addend_exp;
        }
      if (product_sign == c.sign)
        sum = product + addend;
      else if (product >= addend)
        sum = product - addend;
      else
        {
          sum = addend - product;
          sign = c.sign;
        }
      if (sum == 0)
        return vmt_fp_pack_zero (f, env->round == VMT_FP_RDN);
    }

  shift = (guint64)(sum >> 64) != 0 ? __builtin_clzll ((guint64)(sum >> 64))
                                    : 64 + __builtin_clzll ((guint64)sum);
  sum <<= shift;
  return vmt_fp_round_pack (f, sign, exp + 1 - shift, (guint64)(sum >> 64) | ((guint64)sum != 0),
                            env);
}

#define DEFINE(F, T)                                                                               \
  T vmt_##F##_fma (T a, T b, T c, gboolean negate_product, gboolean negate_addend, VmtFpEnv *env)  \
  {                                                                                                \
    return vmt_fp_fma (VMT_FP_FORMAT_##F, a, b, c, negate_product, negate_addend, env);            \
  }

VMT_FP_FOR_EACH_FORMAT (DEFINE)
