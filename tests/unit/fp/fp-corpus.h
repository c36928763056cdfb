/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Formats, operations by name, and operands for the floating-point tests. */

#include "vmt-fp.h"

typedef guint64 (*FpOp) (guint64 a, guint64 b, guint64 c, VmtFpEnv *env);
typedef guint64 (*FpRoundOp) (guint64 a, guint round, VmtFpEnv *env);

typedef struct
{
  const char *name;
  guint width;     /* bits */
  guint precision; /* of the significand, the implicit bit included */
  gint emax;
  FpOp add, sub, mul, div, sqrt;
  FpOp fma[4]; /* by negate_product + 2 * negate_addend */
  FpOp min, max;
  FpOp eq, lt, le, lt_quiet, le_quiet, unordered, unordered_quiet;
  FpOp to_f16, to_f32, to_f64; /* NULL to itself */
  FpOp from_i64, from_u64;
  FpRoundOp to_i64, to_u64, to_i32, to_u32, round_int, round_int_exact;
  guint (*classify) (guint64 a);
  gboolean (*is_nan) (guint64 a);
  gboolean (*is_snan) (guint64 a);
  guint64 (*default_nan) (const VmtFpEnv *env);
} FpFormat;

enum
{
  FP_F16,
  FP_F32,
  FP_F64,
  FP_N_FORMATS
};

extern const FpFormat fp_formats[FP_N_FORMATS];
extern const char *const fp_round_names[6];
extern const char *const fp_policy_names[4];

guint64 fp_sign (const FpFormat *f);
guint64 fp_frac_mask (const FpFormat *f);
guint64 fp_quiet_bit (const FpFormat *f);
guint64 fp_inf (const FpFormat *f);
guint64 fp_one (const FpFormat *f);
guint64 fp_max_finite (const FpFormat *f);
guint64 fp_min_normal (const FpFormat *f);
gboolean fp_is_subnormal (const FpFormat *f, guint64 a);

/* About sixty: zeroes, ends of the subnormal, normal and integer ranges, infinities, NaNs, each
 * with both signs. */
const guint64 *fp_specials (const FpFormat *f, guint *n);

/* Random numbers, reproducible by the test's --seed. */
guint64 fp_random_bits (void);
/* An operand that makes trouble more often than one with random bits does. */
guint64 fp_random (const FpFormat *f);
/* One whose sum with @a loses bits, ties or cancels. */
guint64 fp_random_near (const FpFormat *f, guint64 a);
/* Integers, many of them near powers of two. */
guint64 fp_random_integer (void);

/* @n, times the scale that the environment asks for. */
guint fp_iterations (guint n);
char *fp_flags_text (guint flags);
