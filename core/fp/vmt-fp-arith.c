/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Addition, subtraction, multiplication, division, square root. */
#include "vmt-fp-private.h"

VMT_FP_INLINE guint64
vmt_fp_add (VmtFpFormat f, guint64 a_bits, guint64 b_bits, gboolean subtract, VmtFpEnv *env)
{
  VmtFpParts a = vmt_fp_unpack (f, a_bits, env);
  VmtFpParts b = vmt_fp_unpack (f, b_bits, env);
  guint64 sig;

  if (G_UNLIKELY (vmt_fp_is_nan (&a) || vmt_fp_is_nan (&b)))
    return vmt_fp_propagate_nan_2 (f, &a, &b, env);
  if (subtract)
    b.sign = !b.sign;
  if (a.kind == VMT_FP_KIND_INF && b.kind == VMT_FP_KIND_INF && a.sign != b.sign)
    return vmt_fp_invalid (f, env);
  vmt_fp_note_denormal (a.subnormal || b.subnormal, env);

  if (a.kind == VMT_FP_KIND_INF || b.kind == VMT_FP_KIND_INF)
    return vmt_fp_pack_inf (f, a.kind == VMT_FP_KIND_INF ? a.sign : b.sign);
  if (a.kind == VMT_FP_KIND_ZERO && b.kind == VMT_FP_KIND_ZERO)
    return vmt_fp_pack_zero (f, a.sign == b.sign ? a.sign : env->round == VMT_FP_RDN);
  /* Packed, not passed through: a subnormal may have to be flushed. */
  if (a.kind == VMT_FP_KIND_ZERO)
    return vmt_fp_round_pack (f, b.sign, b.exp, b.sig, env);
  if (b.kind == VMT_FP_KIND_ZERO)
    return vmt_fp_round_pack (f, a.sign, a.exp, a.sig, env);

  if (a.exp < b.exp || (a.exp == b.exp && a.sig < b.sig))
    {
      VmtFpParts larger = b;

      b = a;
      a = larger;
    }
  /* One bit of room for the carry. At least ten bits that are zero stay below the significand, so a
   * difference that loses many leading bits is exact, and one that loses a single bit has its
   * sticky bit below the rounding position. */
  a.sig >>= 1;
  b.sig = vmt_fp_shift_right_sticky (b.sig, a.exp - b.exp + 1);
  sig = a.sign == b.sign ? a.sig + b.sig : a.sig - b.sig;
  if (sig == 0)
    return vmt_fp_pack_zero (f, env->round == VMT_FP_RDN);
  return vmt_fp_normalize_round_pack (f, a.sign, a.exp + 1, sig, env);
}

VMT_FP_INLINE guint64
vmt_fp_mul (VmtFpFormat f, guint64 a_bits, guint64 b_bits, VmtFpEnv *env)
{
  VmtFpParts a = vmt_fp_unpack (f, a_bits, env);
  VmtFpParts b = vmt_fp_unpack (f, b_bits, env);
  gboolean sign = a.sign != b.sign;
  VmtFpWide product;

  if (G_UNLIKELY (vmt_fp_is_nan (&a) || vmt_fp_is_nan (&b)))
    return vmt_fp_propagate_nan_2 (f, &a, &b, env);
  if ((a.kind == VMT_FP_KIND_INF && b.kind == VMT_FP_KIND_ZERO) ||
      (a.kind == VMT_FP_KIND_ZERO && b.kind == VMT_FP_KIND_INF))
    return vmt_fp_invalid (f, env);
  vmt_fp_note_denormal (a.subnormal || b.subnormal, env);

  if (a.kind == VMT_FP_KIND_INF || b.kind == VMT_FP_KIND_INF)
    return vmt_fp_pack_inf (f, sign);
  if (a.kind == VMT_FP_KIND_ZERO || b.kind == VMT_FP_KIND_ZERO)
    return vmt_fp_pack_zero (f, sign);

  product = (VmtFpWide)a.sig * b.sig;
  return vmt_fp_normalize_round_pack (f, sign, a.exp + b.exp + 1,
                                      (guint64)(product >> 64) | ((guint64)product != 0), env);
}

/* a / b * 2^63, sticky, for significands whose bit 63 is set: the quotient is in (2^62, 2^64). */
VMT_FP_INLINE guint64
vmt_fp_div_sig (VmtFpFormat f, guint64 a, guint64 b)
{
  if (f.frac_bits < 32)
    {
      /* The divisor has no bit below bit 32, so that a division of 64 bits does: 31 bits of
       * quotient, and the sticky bit. */
      guint64 numerator = a >> 1, divisor = b >> 32;

      return (numerator / divisor) << 32 | (numerator % divisor != 0);
    }
  else
    {
      VmtFpWide numerator = (VmtFpWide)a << 63;
      guint64 quotient = (guint64)(numerator / b);

      return quotient | ((VmtFpWide)quotient * b != numerator);
    }
}

VMT_FP_INLINE guint64
vmt_fp_div (VmtFpFormat f, guint64 a_bits, guint64 b_bits, VmtFpEnv *env)
{
  VmtFpParts a = vmt_fp_unpack (f, a_bits, env);
  VmtFpParts b = vmt_fp_unpack (f, b_bits, env);
  gboolean sign = a.sign != b.sign;

  if (G_UNLIKELY (vmt_fp_is_nan (&a) || vmt_fp_is_nan (&b)))
    return vmt_fp_propagate_nan_2 (f, &a, &b, env);
  if (a.kind == b.kind && a.kind != VMT_FP_KIND_FINITE)
    return vmt_fp_invalid (f, env); /* 0 / 0, inf / inf */
  if (a.kind == VMT_FP_KIND_FINITE && b.kind == VMT_FP_KIND_ZERO)
    {
      /* On x86 this takes precedence over a denormal operand. */
      env->flags |= VMT_FP_DZ;
      return vmt_fp_pack_inf (f, sign);
    }
  vmt_fp_note_denormal (a.subnormal || b.subnormal, env);

  if (a.kind == VMT_FP_KIND_INF)
    return vmt_fp_pack_inf (f, sign);
  if (a.kind == VMT_FP_KIND_ZERO || b.kind == VMT_FP_KIND_INF)
    return vmt_fp_pack_zero (f, sign);

  return vmt_fp_normalize_round_pack (f, sign, a.exp - b.exp, vmt_fp_div_sig (f, a.sig, b.sig),
                                      env);
}

VMT_FP_INLINE guint64
vmt_fp_sqrt (VmtFpFormat f, guint64 a_bits, VmtFpEnv *env)
{
  /* Fixed point with room for the remainder, which stays below 8. */
  const guint one_shift = 60;
  const guint64 one = G_GUINT64_CONSTANT (1) << one_shift;
  VmtFpParts a = vmt_fp_unpack (f, a_bits, env);
  guint64 root, remainder;

  if (G_UNLIKELY (vmt_fp_is_nan (&a)))
    return vmt_fp_propagate_nan_1 (f, &a, env);
  if (a.kind == VMT_FP_KIND_ZERO)
    return vmt_fp_pack_zero (f, a.sign);
  if (a.sign)
    return vmt_fp_invalid (f, env);
  if (a.kind == VMT_FP_KIND_INF)
    return vmt_fp_pack_inf (f, FALSE);
  vmt_fp_note_denormal (a.subnormal, env);

  /* One digit of the root at a time, to one behind the format's last; remainder = (radicand -
   * root^2) * 2^i, radicand in [1, 4) with an exponent that is even. */
  root = one;
  remainder = (a.sig >> (63 - one_shift) << (a.exp & 1)) - one;
  for (guint64 digit = one >> 1; digit >= one >> (f.frac_bits + 1); digit >>= 1)
    {
      guint64 subtrahend = 2 * root + digit, taken;

      /* A mask, not a branch: the digits are as good as random. */
      remainder <<= 1;
      taken = -(guint64)(remainder >= subtrahend);
      remainder -= subtrahend & taken;
      root += digit & taken;
    }
  return vmt_fp_round_pack (f, FALSE, a.exp >> 1, root << (63 - one_shift) | (remainder != 0), env);
}

#define DEFINE(F, T)                                                                               \
  T vmt_##F##_add (T a, T b, VmtFpEnv *env)                                                        \
  {                                                                                                \
    return vmt_fp_add (VMT_FP_FORMAT_##F, a, b, FALSE, env);                                       \
  }                                                                                                \
                                                                                                   \
  T vmt_##F##_sub (T a, T b, VmtFpEnv *env)                                                        \
  {                                                                                                \
    return vmt_fp_add (VMT_FP_FORMAT_##F, a, b, TRUE, env);                                        \
  }                                                                                                \
                                                                                                   \
  T vmt_##F##_mul (T a, T b, VmtFpEnv *env)                                                        \
  {                                                                                                \
    return vmt_fp_mul (VMT_FP_FORMAT_##F, a, b, env);                                              \
  }                                                                                                \
                                                                                                   \
  T vmt_##F##_div (T a, T b, VmtFpEnv *env)                                                        \
  {                                                                                                \
    return vmt_fp_div (VMT_FP_FORMAT_##F, a, b, env);                                              \
  }                                                                                                \
                                                                                                   \
  T vmt_##F##_sqrt (T a, VmtFpEnv *env)                                                            \
  {                                                                                                \
    return vmt_fp_sqrt (VMT_FP_FORMAT_##F, a, env);                                                \
  }

VMT_FP_FOR_EACH_FORMAT (DEFINE)
