/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The one core that all formats share: a value is unpacked to sign, exponent and a 64-bit
 * significand, the operation is done exactly (what falls off the low end is kept as a sticky bit),
 * and the result is rounded once. Each public function is one of these inlined with a constant
 * format, so that masks and shifts fold. */

#include "vmt-fp.h"

typedef unsigned __int128 VmtFpWide;

#define VMT_FP_INLINE static inline __attribute__ ((always_inline))

typedef struct
{
  guint8 exp_bits;
  guint8 frac_bits;
} VmtFpFormat;

#define VMT_FP_FORMAT_f16 ((VmtFpFormat){ 5, 10 })
#define VMT_FP_FORMAT_f32 ((VmtFpFormat){ 8, 23 })
#define VMT_FP_FORMAT_f64 ((VmtFpFormat){ 11, 52 })

/* M (name, type) for every format. */
#define VMT_FP_FOR_EACH_FORMAT(M)                                                                  \
  M (f16, guint16)                                                                                 \
  M (f32, guint32)                                                                                 \
  M (f64, guint64)

typedef enum
{
  VMT_FP_KIND_ZERO,
  VMT_FP_KIND_FINITE, /* and not zero */
  VMT_FP_KIND_INF,
  VMT_FP_KIND_QNAN,
  VMT_FP_KIND_SNAN,
} VmtFpKind;

typedef struct
{
  /* FINITE: the value is sig * 2^(exp - 63) and bit 63 is set. NaN: the fraction, its first bit in
   * bit 62. Otherwise not used. */
  guint64 sig;
  gint32 exp;
  guint8 kind; /* VmtFpKind */
  gboolean sign;
  gboolean subnormal;
} VmtFpParts;

VMT_FP_INLINE gint32
vmt_fp_bias (VmtFpFormat f)
{
  return (1 << (f.exp_bits - 1)) - 1;
}

/* The exponent field of infinities and NaNs. */
VMT_FP_INLINE gint32
vmt_fp_exp_field_max (VmtFpFormat f)
{
  return (1 << f.exp_bits) - 1;
}

VMT_FP_INLINE guint64
vmt_fp_sign_mask (VmtFpFormat f)
{
  return G_GUINT64_CONSTANT (1) << (f.exp_bits + f.frac_bits);
}

VMT_FP_INLINE guint64
vmt_fp_frac_mask (VmtFpFormat f)
{
  return (G_GUINT64_CONSTANT (1) << f.frac_bits) - 1;
}

VMT_FP_INLINE guint64
vmt_fp_quiet_mask (VmtFpFormat f)
{
  return G_GUINT64_CONSTANT (1) << (f.frac_bits - 1);
}

VMT_FP_INLINE guint64
vmt_fp_inf_bits (VmtFpFormat f)
{
  return (guint64)vmt_fp_exp_field_max (f) << f.frac_bits;
}

VMT_FP_INLINE guint64
vmt_fp_pack_zero (VmtFpFormat f, gboolean sign)
{
  return sign ? vmt_fp_sign_mask (f) : 0;
}

VMT_FP_INLINE guint64
vmt_fp_pack_inf (VmtFpFormat f, gboolean sign)
{
  return vmt_fp_pack_zero (f, sign) | vmt_fp_inf_bits (f);
}

VMT_FP_INLINE gboolean
vmt_fp_bits_is_nan (VmtFpFormat f, guint64 bits)
{
  return (bits & ~vmt_fp_sign_mask (f)) > vmt_fp_inf_bits (f);
}

VMT_FP_INLINE gboolean
vmt_fp_bits_is_snan (VmtFpFormat f, guint64 bits)
{
  return vmt_fp_bits_is_nan (f, bits) && (bits & vmt_fp_quiet_mask (f)) == 0;
}

VMT_FP_INLINE gboolean
vmt_fp_is_nan (const VmtFpParts *a)
{
  return a->kind >= VMT_FP_KIND_QNAN;
}

VMT_FP_INLINE gboolean
vmt_fp_policy_is_arm (const VmtFpEnv *env)
{
  return env->policy == VMT_FP_POLICY_ARM || env->policy == VMT_FP_POLICY_ARM_DN;
}

/* Denormal operands are zero with daz. Arm tells of it in FPSR.IDC (which FPUnpack does whatever
 * the other operand is), but for half precision, whose FZ16 is silent.
 */
VMT_FP_INLINE guint64
vmt_fp_flush_input (VmtFpFormat f, guint64 bits, VmtFpEnv *env)
{
  guint64 magnitude = bits & ~vmt_fp_sign_mask (f);

  if (G_LIKELY (!env->daz) || magnitude == 0 || magnitude > vmt_fp_frac_mask (f))
    return bits;
  if (vmt_fp_policy_is_arm (env) && f.frac_bits != VMT_FP_FORMAT_f16.frac_bits)
    env->flags |= VMT_FP_ID;
  return bits & vmt_fp_sign_mask (f);
}

VMT_FP_INLINE VmtFpParts
vmt_fp_unpack (VmtFpFormat f, guint64 bits, VmtFpEnv *env)
{
  VmtFpParts p = { 0 };
  gint32 field;
  guint64 frac;

  bits = vmt_fp_flush_input (f, bits, env);
  field = (bits >> f.frac_bits) & vmt_fp_exp_field_max (f);
  frac = bits & vmt_fp_frac_mask (f);
  p.sign = (bits & vmt_fp_sign_mask (f)) != 0;
  p.sig = frac << (63 - f.frac_bits);

  if (G_LIKELY (field != 0 && field != vmt_fp_exp_field_max (f)))
    {
      p.kind = VMT_FP_KIND_FINITE;
      p.sig |= G_GUINT64_CONSTANT (1) << 63;
      p.exp = field - vmt_fp_bias (f);
    }
  else if (field != 0)
    {
      if (frac == 0)
        p.kind = VMT_FP_KIND_INF;
      else
        p.kind = (frac & vmt_fp_quiet_mask (f)) ? VMT_FP_KIND_QNAN : VMT_FP_KIND_SNAN;
    }
  else if (frac != 0)
    {
      gint shift = __builtin_clzll (p.sig);

      p.kind = VMT_FP_KIND_FINITE;
      p.subnormal = TRUE;
      p.sig <<= shift;
      p.exp = 1 - vmt_fp_bias (f) - shift;
    }
  else
    p.kind = VMT_FP_KIND_ZERO;
  return p;
}

/* x86 reports denormal operands that it uses, if no NaN and no invalid operation took precedence:
 * so operations call this after those checks. */
VMT_FP_INLINE void
vmt_fp_note_denormal (gboolean any_subnormal, VmtFpEnv *env)
{
  if (G_UNLIKELY (any_subnormal) && env->policy == VMT_FP_POLICY_X86)
    env->flags |= VMT_FP_ID;
}

/* Shift right; bit 0 of the result also says whether a bit that is set was lost. */
VMT_FP_INLINE guint64
vmt_fp_shift_right_sticky (guint64 value, guint count)
{
  if (count == 0)
    return value;
  if (count > 63)
    return value != 0;
  return value >> count | ((value << (64 - count)) != 0);
}

VMT_FP_INLINE VmtFpWide
vmt_fp_wide_shift_right_sticky (VmtFpWide value, guint count)
{
  if (count == 0)
    return value;
  if (count > 127)
    return value != 0;
  return value >> count | ((value << (128 - count)) != 0);
}

/* 1 if a magnitude whose last bit is @odd must go up, when @lost was cut off of it, as a fraction
 * in which @half is one half. A mode that is none rounds to nearest.
 */
VMT_FP_INLINE guint64
vmt_fp_round_up (guint mode, gboolean sign, gboolean odd, guint64 lost, guint64 half)
{
  switch (mode)
    {
    case VMT_FP_RTZ:
      return 0;
    case VMT_FP_RDN:
      return sign && lost != 0;
    case VMT_FP_RUP:
      return !sign && lost != 0;
    case VMT_FP_RMM:
      return lost >= half;
    case VMT_FP_ODD:
      return !odd && lost != 0;
    case VMT_FP_RNE:
    default:
      return lost > half || (lost == half && odd);
    }
}

VMT_FP_INLINE guint64
vmt_fp_overflow (VmtFpFormat f, gboolean sign, VmtFpEnv *env)
{
  gboolean to_max = env->round == VMT_FP_RTZ || env->round == VMT_FP_ODD ||
                    (env->round == VMT_FP_RDN && !sign) || (env->round == VMT_FP_RUP && sign);

  env->flags |= VMT_FP_OF | VMT_FP_NX;
  return vmt_fp_pack_inf (f, sign) - (to_max ? 1 : 0);
}

/* The value sig * 2^(exp - 63), bit 63 of @sig set and bit 0 sticky, rounded to the format. */
VMT_FP_INLINE guint64
vmt_fp_round_pack (VmtFpFormat f, gboolean sign, gint32 exp, guint64 sig, VmtFpEnv *env)
{
  const guint shift = 63 - f.frac_bits;
  const guint64 half = G_GUINT64_CONSTANT (1) << (shift - 1);
  const guint64 lost_mask = (half << 1) - 1;
  gint32 field = exp + vmt_fp_bias (f);
  gboolean tiny = FALSE;
  guint64 lost, magnitude;

  if (G_UNLIKELY (field >= vmt_fp_exp_field_max (f)))
    return vmt_fp_overflow (f, sign, env);

  if (G_UNLIKELY (field <= 0))
    {
      tiny = TRUE;
      if (field == 0 && !vmt_fp_policy_is_arm (env))
        {
          /* Not tiny if, rounded as though the exponent had no limit, it becomes the smallest
           * normal number. */
          guint64 rounded = (sig >> shift) + vmt_fp_round_up (env->round, sign, (sig >> shift) & 1,
                                                              sig & lost_mask, half);

          tiny = rounded >> (f.frac_bits + 1) == 0;
        }
      if (tiny && env->ftz)
        {
          env->flags |= vmt_fp_policy_is_arm (env) ? VMT_FP_UF : VMT_FP_UF | VMT_FP_NX;
          return vmt_fp_pack_zero (f, sign);
        }
      sig = vmt_fp_shift_right_sticky (sig, 1 - field);
      field = 1; /* and the implicit bit, now clear, makes it 0 below */
    }

  lost = sig & lost_mask;
  sig >>= shift;
  sig += vmt_fp_round_up (env->round, sign, sig & 1, lost, half);
  if (lost != 0)
    env->flags |= tiny ? VMT_FP_NX | VMT_FP_UF : VMT_FP_NX;

  /* Added, not merged: the implicit bit, or a carry out of the fraction, counts the exponent up. */
  magnitude = ((guint64)(field - 1) << f.frac_bits) + sig;
  if (G_UNLIKELY (magnitude >= vmt_fp_inf_bits (f)))
    return vmt_fp_overflow (f, sign, env);
  return vmt_fp_pack_zero (f, sign) | magnitude;
}

/* The same for a significand that is not zero but may have leading zeroes. */
VMT_FP_INLINE guint64
vmt_fp_normalize_round_pack (VmtFpFormat f, gboolean sign, gint32 exp, guint64 sig, VmtFpEnv *env)
{
  gint shift = __builtin_clzll (sig);

  return vmt_fp_round_pack (f, sign, exp - shift, sig << shift, env);
}

VMT_FP_INLINE guint64
vmt_fp_default_nan (VmtFpFormat f, const VmtFpEnv *env)
{
  return vmt_fp_pack_inf (f, env->policy == VMT_FP_POLICY_X86) | vmt_fp_quiet_mask (f);
}

VMT_FP_INLINE guint64
vmt_fp_invalid (VmtFpFormat f, VmtFpEnv *env)
{
  env->flags |= VMT_FP_NV;
  return vmt_fp_default_nan (f, env);
}

/* The result in format @f of an operation of which at least one operand is a NaN, by the policy;
 * @operands in the order in which the architecture looks at them. NV if one is signalling. The
 * operands may have another format. */
guint64 _vmt_fp_propagate_nan (VmtFpFormat f, const VmtFpParts *const *operands, guint n_operands,
                               VmtFpEnv *env);

VMT_FP_INLINE guint64
vmt_fp_propagate_nan_1 (VmtFpFormat f, const VmtFpParts *a, VmtFpEnv *env)
{
  return _vmt_fp_propagate_nan (f, (const VmtFpParts *const[]){ a }, 1, env);
}

VMT_FP_INLINE guint64
vmt_fp_propagate_nan_2 (VmtFpFormat f, const VmtFpParts *a, const VmtFpParts *b, VmtFpEnv *env)
{
  return _vmt_fp_propagate_nan (f, (const VmtFpParts *const[]){ a, b }, 2, env);
}
