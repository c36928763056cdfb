/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "vmt-fp-private.h"

guint64
_vmt_fp_propagate_nan (VmtFpFormat f, const VmtFpParts *const *operands, guint n_operands,
                       VmtFpEnv *env)
{
  const VmtFpParts *first = NULL, *first_signalling = NULL, *chosen;

  for (guint i = n_operands; i-- > 0;)
    {
      if (vmt_fp_is_nan (operands[i]))
        first = operands[i];
      if (operands[i]->kind == VMT_FP_KIND_SNAN)
        first_signalling = operands[i];
    }
  if (first_signalling != NULL)
    env->flags |= VMT_FP_NV;

  switch (env->policy)
    {
    case VMT_FP_POLICY_ARM:
      chosen = first_signalling != NULL ? first_signalling : first;
      break;
    case VMT_FP_POLICY_X86:
      chosen = first;
      break;
    default:
      chosen = NULL;
      break;
    }
  if (chosen == NULL)
    return vmt_fp_default_nan (f, env);

  /* Quieted; a conversion keeps the first bits of the payload. */
  return vmt_fp_pack_inf (f, chosen->sign) | vmt_fp_quiet_mask (f) |
         chosen->sig >> (63 - f.frac_bits);
}

#define DEFINE(F, T)                                                                               \
  gboolean vmt_##F##_is_nan (T a)                                                                  \
  {                                                                                                \
    return vmt_fp_bits_is_nan (VMT_FP_FORMAT_##F, a);                                              \
  }                                                                                                \
                                                                                                   \
  gboolean vmt_##F##_is_snan (T a)                                                                 \
  {                                                                                                \
    return vmt_fp_bits_is_snan (VMT_FP_FORMAT_##F, a);                                             \
  }                                                                                                \
                                                                                                   \
  T vmt_##F##_default_nan (const VmtFpEnv *env)                                                    \
  {                                                                                                \
    return vmt_fp_default_nan (VMT_FP_FORMAT_##F, env);                                            \
  }

VMT_FP_FOR_EACH_FORMAT (DEFINE)
