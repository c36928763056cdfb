/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Between formats, to and from integers, and to an integral value. */
#include "vmt-fp-private.h"

VMT_FP_INLINE guint64
vmt_fp_convert (VmtFpFormat from, VmtFpFormat to, guint64 a_bits, VmtFpEnv *env)
{
  /* Neither Arm's FCVT nor x86's F16C flush at the half-precision end, or report its denormals. */
  const gboolean from_half = from.frac_bits == VMT_FP_FORMAT_f16.frac_bits;
  const gboolean to_half = to.frac_bits == VMT_FP_FORMAT_f16.frac_bits;
  VmtFpEnv local = *env;
  VmtFpParts a;
  guint64 result;

  if (from_half)
    local.daz = 0;
  if (to_half)
    local.ftz = 0;
  a = vmt_fp_unpack (from, a_bits, &local);
  if (!from_half)
    vmt_fp_note_denormal (a.subnormal, &local);

  switch (a.kind)
    {
    case VMT_FP_KIND_ZERO:
      result = vmt_fp_pack_zero (to, a.sign);
      break;
    case VMT_FP_KIND_FINITE:
      result = vmt_fp_round_pack (to, a.sign, a.exp, a.sig, &local);
      break;
    case VMT_FP_KIND_INF:
      result = vmt_fp_pack_inf (to, a.sign);
      break;
    default:
      result = vmt_fp_propagate_nan_1 (to, &a, &local);
      break;
    }
  env->flags = local.flags;
  return result;
}

/* The magnitude of a finite value below 2^64 as an integer, and what is behind its point as a
 * fraction of 2^64, sticky. */
VMT_FP_INLINE guint64
vmt_fp_integer_part (const VmtFpParts *a, guint64 *fraction)
{
  if (a->exp < 0)
    {
      *fraction = vmt_fp_shift_right_sticky (a->sig, -1 - a->exp);
      return 0;
    }
  *fraction = a->exp < 63 ? a->sig << (a->exp + 1) : 0;
  return a->sig >> (63 - a->exp);
}

VMT_FP_INLINE guint64
vmt_fp_round_integer_part (const VmtFpParts *a, guint mode, gboolean *inexact)
{
  guint64 fraction, magnitude = vmt_fp_integer_part (a, &fraction);

  *inexact = fraction != 0;
  return magnitude +
         vmt_fp_round_up (mode, a->sign, magnitude & 1, fraction, G_GUINT64_CONSTANT (1) << 63);
}

/* The result's low @width bits count. */
VMT_FP_INLINE guint64
vmt_fp_to_integer (VmtFpFormat f, guint64 a_bits, guint mode, guint width, gboolean is_signed,
                   VmtFpEnv *env)
{
  const guint64 max =
      is_signed ? (G_GUINT64_CONSTANT (1) << (width - 1)) - 1 : G_MAXUINT64 >> (64 - width);
  const guint64 min_magnitude = is_signed ? G_GUINT64_CONSTANT (1) << (width - 1) : 0;
  VmtFpParts a = vmt_fp_unpack (f, a_bits, env);
  gboolean inexact;
  guint64 magnitude;

  if (a.kind == VMT_FP_KIND_ZERO)
    return 0;
  if (G_UNLIKELY (vmt_fp_is_nan (&a)))
    {
      env->flags |= VMT_FP_NV;
      return max;
    }
  if (a.kind == VMT_FP_KIND_FINITE && a.exp < 64)
    {
      magnitude = vmt_fp_round_integer_part (&a, mode, &inexact);
      if (magnitude <= (a.sign ? min_magnitude : max))
        {
          if (inexact)
            env->flags |= VMT_FP_NX;
          return a.sign ? -magnitude : magnitude;
        }
    }
  env->flags |= VMT_FP_NV;
  return a.sign ? -min_magnitude : max;
}

VMT_FP_INLINE guint64
vmt_fp_from_integer (VmtFpFormat f, gboolean sign, guint64 magnitude, VmtFpEnv *env)
{
  if (magnitude == 0)
    return 0;
  return vmt_fp_normalize_round_pack (f, sign, 63, magnitude, env);
}

VMT_FP_INLINE guint64
vmt_fp_round_int (VmtFpFormat f, guint64 a_bits, guint mode, gboolean exact, VmtFpEnv *env)
{
  VmtFpParts a = vmt_fp_unpack (f, a_bits, env);
  gboolean inexact;
  guint64 magnitude;

  if (G_UNLIKELY (vmt_fp_is_nan (&a)))
    return vmt_fp_propagate_nan_1 (f, &a, env);
  if (a.kind == VMT_FP_KIND_ZERO)
    return vmt_fp_pack_zero (f, a.sign);
  if (a.kind == VMT_FP_KIND_INF || a.exp >= f.frac_bits)
    return a_bits;
  magnitude = vmt_fp_round_integer_part (&a, mode, &inexact);
  if (exact && inexact)
    env->flags |= VMT_FP_NX;
  if (magnitude == 0)
    return vmt_fp_pack_zero (f, a.sign);
  return vmt_fp_normalize_round_pack (f, a.sign, 63, magnitude, env);
}

#define DEFINE(F, T)                                                                               \
  T vmt_##F##_round_int (T a, guint round, gboolean exact, VmtFpEnv *env)                          \
  {                                                                                                \
    return vmt_fp_round_int (VMT_FP_FORMAT_##F, a, round, exact, env);                             \
  }                                                                                                \
                                                                                                   \
  gint64 vmt_##F##_to_i64 (T a, guint round, VmtFpEnv *env)                                        \
  {                                                                                                \
    return vmt_fp_to_integer (VMT_FP_FORMAT_##F, a, round, 64, TRUE, env);                         \
  }                                                                                                \
                                                                                                   \
  guint64 vmt_##F##_to_u64 (T a, guint round, VmtFpEnv *env)                                       \
  {                                                                                                \
    return vmt_fp_to_integer (VMT_FP_FORMAT_##F, a, round, 64, FALSE, env);                        \
  }                                                                                                \
                                                                                                   \
  gint32 vmt_##F##_to_i32 (T a, guint round, VmtFpEnv *env)                                        \
  {                                                                                                \
    return vmt_fp_to_integer (VMT_FP_FORMAT_##F, a, round, 32, TRUE, env);                         \
  }                                                                                                \
                                                                                                   \
  guint32 vmt_##F##_to_u32 (T a, guint round, VmtFpEnv *env)                                       \
  {                                                                                                \
    return vmt_fp_to_integer (VMT_FP_FORMAT_##F, a, round, 32, FALSE, env);                        \
  }                                                                                                \
                                                                                                   \
  T vmt_##F##_from_i64 (gint64 a, VmtFpEnv *env)                                                   \
  {                                                                                                \
    return vmt_fp_from_integer (VMT_FP_FORMAT_##F, a < 0, a < 0 ? -(guint64)a : (guint64)a, env);  \
  }                                                                                                \
                                                                                                   \
  T vmt_##F##_from_u64 (guint64 a, VmtFpEnv *env)                                                  \
  {                                                                                                \
    return vmt_fp_from_integer (VMT_FP_FORMAT_##F, FALSE, a, env);                                 \
  }

VMT_FP_FOR_EACH_FORMAT (DEFINE)

#define DEFINE_CONVERT(FROM, FROM_T, TO, TO_T)                                                     \
  TO_T vmt_##FROM##_to_##TO (FROM_T a, VmtFpEnv *env)                                              \
  {                                                                                                \
    return vmt_fp_convert (VMT_FP_FORMAT_##FROM, VMT_FP_FORMAT_##TO, a, env);                      \
  }

DEFINE_CONVERT (f16, guint16, f32, guint32)
DEFINE_CONVERT (f16, guint16, f64, guint64)
DEFINE_CONVERT (f32, guint32, f16, guint16)
DEFINE_CONVERT (f32, guint32, f64, guint64)
DEFINE_CONVERT (f64, guint64, f16, guint16)
DEFINE_CONVERT (f64, guint64, f32, guint32)
