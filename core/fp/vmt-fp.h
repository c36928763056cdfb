/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* Exact IEEE 754-2019 arithmetic in integers: the reference, and the slow path of every tier.
 * Values are raw bits. Nothing here touches the host's floating-point environment, allocates or
 * keeps state: any thread, any operands. */

/**
 * VmtFpRound:
 * @VMT_FP_RNE: to nearest, ties to even
 * @VMT_FP_RTZ: toward zero
 * @VMT_FP_RDN: toward minus infinity
 * @VMT_FP_RUP: toward plus infinity
 * @VMT_FP_RMM: to nearest, ties away from zero
 * @VMT_FP_ODD: to odd: truncated, the last bit set if inexact; overflow is the largest finite
 * number
 *
 * The values of RISC-V's frm, as far as it has them. Any other value rounds as @VMT_FP_RNE.
 */
typedef enum
{
  VMT_FP_RNE,
  VMT_FP_RTZ,
  VMT_FP_RDN,
  VMT_FP_RUP,
  VMT_FP_RMM,
  VMT_FP_ODD
} VmtFpRound;

/* Exception flags, accumulated in VmtFpEnv.flags. The first five are RISC-V's fflags. */
#define VMT_FP_NX 1u
#define VMT_FP_UF 2u /* the result is tiny and inexact, or was flushed */
#define VMT_FP_OF 4u
#define VMT_FP_DZ 8u
#define VMT_FP_NV 16u
/* A denormal operand was used (x86's DE) or flushed (Arm's IDC, not by half precision). Never on
 * RISC-V. */
#define VMT_FP_ID 32u

/**
 * VmtFpPolicy:
 * @VMT_FP_POLICY_RISCV: every NaN result is the canonical one. Tininess after rounding.
 * @VMT_FP_POLICY_ARM: FPProcessNaNs and FPProcessNaNs3: the first signalling operand, else the
 * first quiet one, the addend of a fused operation before its factors, after the negations.
 * Tininess before rounding.
 * @VMT_FP_POLICY_ARM_DN: the same with FPCR.DN: every NaN result is the default NaN.
 * @VMT_FP_POLICY_X86: SSE, AVX and FMA: the first operand that is a NaN (factor, factor, addend;
 * negations leave NaNs alone); the default NaN is negative. Tininess after rounding.
 *
 * What differs between architectures. Infinity times zero plus a quiet NaN is invalid on RISC-V and
 * Arm, not on x86.
 */
typedef enum
{
  VMT_FP_POLICY_RISCV,
  VMT_FP_POLICY_ARM,
  VMT_FP_POLICY_ARM_DN,
  VMT_FP_POLICY_X86,
} VmtFpPolicy;

/**
 * VmtFpEnv:
 * @round: VmtFpRound of the operations that have no argument for it
 * @flags: only ever gains bits
 * @policy: VmtFpPolicy
 * @ftz: tiny results become zero: with UF on Arm (FZ), with UF and NX else
 * @daz: denormal operands are zero. Arm's FZ is both
 *
 * Conversions ignore both at their half-precision end, as Arm's FCVT and x86's F16C do.
 */
typedef struct
{
  guint8 round;
  guint8 flags;
  guint8 policy;
  guint8 ftz : 1, daz : 1;
} VmtFpEnv;

/* What vmt_f*_classify() returns: one bit, in the order of RISC-V's fclass. */
#define VMT_FP_CLASS_NEG_INF (1u << 0)
#define VMT_FP_CLASS_NEG_NORMAL (1u << 1)
#define VMT_FP_CLASS_NEG_SUBNORMAL (1u << 2)
#define VMT_FP_CLASS_NEG_ZERO (1u << 3)
#define VMT_FP_CLASS_POS_ZERO (1u << 4)
#define VMT_FP_CLASS_POS_SUBNORMAL (1u << 5)
#define VMT_FP_CLASS_POS_NORMAL (1u << 6)
#define VMT_FP_CLASS_POS_INF (1u << 7)
#define VMT_FP_CLASS_SNAN (1u << 8)
#define VMT_FP_CLASS_QNAN (1u << 9)

#define VMT_FP_DECLARE(F, T)                                                                       \
  T vmt_##F##_add (T a, T b, VmtFpEnv *env);                                                       \
  T vmt_##F##_sub (T a, T b, VmtFpEnv *env);                                                       \
  T vmt_##F##_mul (T a, T b, VmtFpEnv *env);                                                       \
  T vmt_##F##_div (T a, T b, VmtFpEnv *env);                                                       \
  T vmt_##F##_sqrt (T a, VmtFpEnv *env);                                                           \
  T vmt_##F##_fma (T a, T b, T c, gboolean negate_product, gboolean negate_addend, VmtFpEnv *env); \
  /* IEEE 754-2019 minimumNumber/maximumNumber, -0 < +0; with Arm's policies minNum/maxNum of 2008 \
   * (FMINNM): a signalling NaN wins. */                                                           \
  T vmt_##F##_min_number (T a, T b, VmtFpEnv *env);                                                \
  T vmt_##F##_max_number (T a, T b, VmtFpEnv *env);                                                \
  /* quiet: NV only for signalling NaNs */                                                         \
  gboolean vmt_##F##_eq (T a, T b, VmtFpEnv *env);                                                 \
  gboolean vmt_##F##_lt (T a, T b, gboolean quiet, VmtFpEnv *env);                                 \
  gboolean vmt_##F##_le (T a, T b, gboolean quiet, VmtFpEnv *env);                                 \
  gboolean vmt_##F##_unordered (T a, T b, gboolean quiet, VmtFpEnv *env);                          \
  guint vmt_##F##_classify (T a);                                                                  \
  /* Round to an integral value in the same format. */                                             \
  T vmt_##F##_round_int (T a, guint round, gboolean exact, VmtFpEnv *env);                         \
  /* RISC-V saturation: NaN is the maximum; out of range NV and saturate. */                       \
  gint64 vmt_##F##_to_i64 (T a, guint round, VmtFpEnv *env);                                       \
  guint64 vmt_##F##_to_u64 (T a, guint round, VmtFpEnv *env);                                      \
  gint32 vmt_##F##_to_i32 (T a, guint round, VmtFpEnv *env);                                       \
  guint32 vmt_##F##_to_u32 (T a, guint round, VmtFpEnv *env);                                      \
  T vmt_##F##_from_i64 (gint64 a, VmtFpEnv *env);                                                  \
  T vmt_##F##_from_u64 (guint64 a, VmtFpEnv *env);                                                 \
  gboolean vmt_##F##_is_nan (T a);                                                                 \
  gboolean vmt_##F##_is_snan (T a);                                                                \
  T vmt_##F##_default_nan (const VmtFpEnv *env)

VMT_FP_DECLARE (f16, guint16);
VMT_FP_DECLARE (f32, guint32);
VMT_FP_DECLARE (f64, guint64);

guint64 vmt_f32_to_f64 (guint32 a, VmtFpEnv *env);
guint32 vmt_f64_to_f32 (guint64 a, VmtFpEnv *env);
guint32 vmt_f16_to_f32 (guint16 a, VmtFpEnv *env);
guint16 vmt_f32_to_f16 (guint32 a, VmtFpEnv *env);
guint64 vmt_f16_to_f64 (guint16 a, VmtFpEnv *env);
guint16 vmt_f64_to_f16 (guint64 a, VmtFpEnv *env);

G_END_DECLS
