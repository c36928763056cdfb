/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Comparisons, minimum and maximum, classification. */
#include "vmt-fp-private.h"

typedef enum
{
  VMT_FP_LESS,
  VMT_FP_EQUAL,
  VMT_FP_GREATER,
  VMT_FP_UNORDERED,
} VmtFpRelation;

VMT_FP_INLINE gboolean
vmt_fp_bits_is_subnormal (VmtFpFormat f, guint64 bits)
{
  guint64 magnitude = bits & ~vmt_fp_sign_mask (f);

  return magnitude != 0 && magnitude <= vmt_fp_frac_mask (f);
}

/* Orders like the value; -0 is just below +0. */
VMT_FP_INLINE gint64
vmt_fp_total_key (VmtFpFormat f, guint64 bits)
{
  gint64 magnitude = bits & ~vmt_fp_sign_mask (f);

  return (bits & vmt_fp_sign_mask (f)) ? ~magnitude : magnitude;
}

VMT_FP_INLINE VmtFpRelation
vmt_fp_compare (VmtFpFormat f, guint64 a, guint64 b, gboolean quiet, VmtFpEnv *env)
{
  gint64 a_key, b_key;

  a = vmt_fp_flush_input (f, a, env);
  b = vmt_fp_flush_input (f, b, env);
  if (G_UNLIKELY (vmt_fp_bits_is_nan (f, a) || vmt_fp_bits_is_nan (f, b)))
    {
      if (!quiet || vmt_fp_bits_is_snan (f, a) || vmt_fp_bits_is_snan (f, b))
        env->flags |= VMT_FP_NV;
      return VMT_FP_UNORDERED;
    }
  vmt_fp_note_denormal (vmt_fp_bits_is_subnormal (f, a) || vmt_fp_bits_is_subnormal (f, b), env);

  if (((a | b) & ~vmt_fp_sign_mask (f)) == 0)
    return VMT_FP_EQUAL;
  a_key = vmt_fp_total_key (f, a);
  b_key = vmt_fp_total_key (f, b);
  return a_key < b_key ? VMT_FP_LESS : a_key > b_key ? VMT_FP_GREATER : VMT_FP_EQUAL;
}

VMT_FP_INLINE guint64
vmt_fp_min_max (VmtFpFormat f, guint64 a, guint64 b, gboolean max, VmtFpEnv *env)
{
  gboolean a_nan, b_nan;

  a = vmt_fp_flush_input (f, a, env);
  b = vmt_fp_flush_input (f, b, env);
  a_nan = vmt_fp_bits_is_nan (f, a);
  b_nan = vmt_fp_bits_is_nan (f, b);
  if (G_UNLIKELY (a_nan || b_nan))
    {
      gboolean signalling = vmt_fp_bits_is_snan (f, a) || vmt_fp_bits_is_snan (f, b);

      /* Arm's FMINNM is minNum of IEEE 754-2008: there a signalling NaN wins against a number. */
      if ((a_nan && b_nan) || (signalling && vmt_fp_policy_is_arm (env)))
        {
          VmtFpParts a_parts = vmt_fp_unpack (f, a, env);
          VmtFpParts b_parts = vmt_fp_unpack (f, b, env);

          return vmt_fp_propagate_nan_2 (f, &a_parts, &b_parts, env);
        }
      if (signalling)
        env->flags |= VMT_FP_NV;
      return a_nan ? b : a;
    }
  vmt_fp_note_denormal (vmt_fp_bits_is_subnormal (f, a) || vmt_fp_bits_is_subnormal (f, b), env);
  return (vmt_fp_total_key (f, a) < vmt_fp_total_key (f, b)) != max ? a : b;
}

VMT_FP_INLINE guint
vmt_fp_classify (VmtFpFormat f, guint64 bits)
{
  guint64 magnitude = bits & ~vmt_fp_sign_mask (f);
  gboolean sign = magnitude != bits;

  if (vmt_fp_bits_is_nan (f, bits))
    return vmt_fp_bits_is_snan (f, bits) ? VMT_FP_CLASS_SNAN : VMT_FP_CLASS_QNAN;
  if (magnitude == vmt_fp_inf_bits (f))
    return sign ? VMT_FP_CLASS_NEG_INF : VMT_FP_CLASS_POS_INF;
  if (magnitude == 0)
    return sign ? VMT_FP_CLASS_NEG_ZERO : VMT_FP_CLASS_POS_ZERO;
  if (magnitude <= vmt_fp_frac_mask (f))
    return sign ? VMT_FP_CLASS_NEG_SUBNORMAL : VMT_FP_CLASS_POS_SUBNORMAL;
  return sign ? VMT_FP_CLASS_NEG_NORMAL : VMT_FP_CLASS_POS_NORMAL;
}

#define DEFINE(F, T)                                                                               \
  T vmt_##F##_min_number (T a, T b, VmtFpEnv *env)                                                 \
  {                                                                                                \
    return vmt_fp_min_max (VMT_FP_FORMAT_##F, a, b, FALSE, env);                                   \
  }                                                                                                \
                                                                                                   \
  T vmt_##F##_max_number (T a, T b, VmtFpEnv *env)                                                 \
  {                                                                                                \
    return vmt_fp_min_max (VMT_FP_FORMAT_##F, a, b, TRUE, env);                                    \
  }                                                                                                \
                                                                                                   \
  gboolean vmt_##F##_eq (T a, T b, VmtFpEnv *env)                                                  \
  {                                                                                                \
    return vmt_fp_compare (VMT_FP_FORMAT_##F, a, b, TRUE, env) == VMT_FP_EQUAL;                    \
  }                                                                                                \
                                                                                                   \
  gboolean vmt_##F##_lt (T a, T b, gboolean quiet, VmtFpEnv *env)                                  \
  {                                                                                                \
    return vmt_fp_compare (VMT_FP_FORMAT_##F, a, b, quiet, env) == VMT_FP_LESS;                    \
  }                                                                                                \
                                                                                                   \
  gboolean vmt_##F##_le (T a, T b, gboolean quiet, VmtFpEnv *env)                                  \
  {                                                                                                \
    return vmt_fp_compare (VMT_FP_FORMAT_##F, a, b, quiet, env) <= VMT_FP_EQUAL;                   \
  }                                                                                                \
                                                                                                   \
  gboolean vmt_##F##_unordered (T a, T b, gboolean quiet, VmtFpEnv *env)                           \
  {                                                                                                \
    return vmt_fp_compare (VMT_FP_FORMAT_##F, a, b, quiet, env) == VMT_FP_UNORDERED;               \
  }                                                                                                \
                                                                                                   \
  guint vmt_##F##_classify (T a)                                                                   \
  {                                                                                                \
    return vmt_fp_classify (VMT_FP_FORMAT_##F, a);                                                 \
  }

VMT_FP_FOR_EACH_FORMAT (DEFINE)
