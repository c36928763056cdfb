/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* core/fp against numbers worked out by hand from IEEE 754 and the architectures' manuals. */
#include "fp-corpus.h"

#define NX VMT_FP_NX
#define UF VMT_FP_UF
#define OF VMT_FP_OF
#define DZ VMT_FP_DZ
#define NV VMT_FP_NV
#define ID VMT_FP_ID

#define RISCV VMT_FP_POLICY_RISCV
#define ARM VMT_FP_POLICY_ARM
#define ARM_DN VMT_FP_POLICY_ARM_DN
#define X86 VMT_FP_POLICY_X86

#define U64(x) G_GUINT64_CONSTANT (x)

static void
check (const char *what, guint64 got, guint got_flags, guint64 expected, guint expected_flags)
{
  g_autofree char *got_text = fp_flags_text (got_flags);
  g_autofree char *expected_text = fp_flags_text (expected_flags);

  if (got == expected && got_flags == expected_flags)
    return;
  g_test_message ("%s -> %" G_GINT64_MODIFIER "x %s, not %" G_GINT64_MODIFIER "x %s", what, got,
                  got_text, expected, expected_text);
  g_test_fail ();
}

/* An expression that uses env, in an environment. */
#define CHECK_IN(POLICY, ROUND, FTZ, DAZ, EXPRESSION, EXPECTED, FLAGS)                             \
  G_STMT_START                                                                                     \
  {                                                                                                \
    VmtFpEnv environment = { .policy = POLICY, .round = ROUND, .ftz = FTZ, .daz = DAZ };           \
    VmtFpEnv *env = &environment;                                                                  \
    guint64 value = EXPRESSION;                                                                    \
    check (G_STRLOC " " #POLICY " " #EXPRESSION, value, environment.flags, EXPECTED, FLAGS);       \
    g_assert_cmpuint (environment.policy, ==, POLICY);                                             \
    g_assert_cmpuint (environment.round, ==, ROUND);                                               \
    g_assert_cmpuint (environment.ftz, ==, FTZ);                                                   \
    g_assert_cmpuint (environment.daz, ==, DAZ);                                                   \
  }                                                                                                \
  G_STMT_END
#define CHECK(POLICY, ROUND, EXPRESSION, EXPECTED, FLAGS)                                          \
  CHECK_IN (POLICY, ROUND, 0, 0, EXPRESSION, EXPECTED, FLAGS)

static void
test_known (void)
{
  CHECK (RISCV, VMT_FP_RNE, vmt_f64_add (U64 (0x3fb999999999999a), U64 (0x3fc999999999999a), env),
         U64 (0x3fd3333333333334), NX); /* 0.1 + 0.2 */
  CHECK (RISCV, VMT_FP_RDN, vmt_f64_add (U64 (0x3fb999999999999a), U64 (0x3fc999999999999a), env),
         U64 (0x3fd3333333333333), NX);
  CHECK (RISCV, VMT_FP_RNE, vmt_f64_sqrt (U64 (0x4000000000000000), env), U64 (0x3ff6a09e667f3bcd),
         NX);
  CHECK (RISCV, VMT_FP_RTZ, vmt_f64_sqrt (U64 (0x4000000000000000), env), U64 (0x3ff6a09e667f3bcc),
         NX);
  CHECK (RISCV, VMT_FP_RNE, vmt_f64_sqrt (U64 (0x4022000000000000), env), U64 (0x4008000000000000),
         0); /* of 9 */
  CHECK (RISCV, VMT_FP_RNE, vmt_f32_div (0x3f800000, 0x40400000, env), 0x3eaaaaab, NX);
  CHECK (RISCV, VMT_FP_RUP, vmt_f32_div (0xbf800000, 0x40400000, env), 0xbeaaaaaa, NX);
  CHECK (RISCV, VMT_FP_RNE, vmt_f16_mul (0x3c01, 0x3c01, env), 0x3c02, NX);
  CHECK (RISCV, VMT_FP_RUP, vmt_f16_mul (0x3c01, 0x3c01, env), 0x3c03, NX);
  /* (1 + 2^-52)^2 - 1 - 2^-51 is 2^-104 with one rounding, 0 with two. */
  CHECK (RISCV, VMT_FP_RNE,
         vmt_f64_fma (U64 (0x3ff0000000000001), U64 (0x3ff0000000000001), U64 (0xbff0000000000002),
                      FALSE, FALSE, env),
         U64 (0x3970000000000000), 0);
  /* 1 + 2^-24 is a tie in binary32: to even, away, to odd. */
  CHECK (RISCV, VMT_FP_RNE, vmt_f32_add (0x3f800000, 0x33800000, env), 0x3f800000, NX);
  CHECK (RISCV, VMT_FP_RMM, vmt_f32_add (0x3f800000, 0x33800000, env), 0x3f800001, NX);
  CHECK (RISCV, VMT_FP_ODD, vmt_f32_add (0x3f800000, 0x33800000, env), 0x3f800001, NX);
  CHECK (RISCV, VMT_FP_RNE, vmt_f32_add (0x3f800001, 0x33800000, env), 0x3f800002, NX);
  CHECK (RISCV, VMT_FP_ODD, vmt_f32_add (0x3f800001, 0x33800000, env), 0x3f800001, NX);
  /* Exact zeroes. */
  CHECK (RISCV, VMT_FP_RNE, vmt_f32_sub (0x3f800000, 0x3f800000, env), 0, 0);
  CHECK (RISCV, VMT_FP_RDN, vmt_f32_sub (0x3f800000, 0x3f800000, env), 0x80000000, 0);
  CHECK (RISCV, VMT_FP_RDN, vmt_f32_add (0, 0, env), 0, 0);
  CHECK (RISCV, VMT_FP_RNE, vmt_f32_add (0x80000000, 0x80000000, env), 0x80000000, 0);
  CHECK (RISCV, VMT_FP_RNE, vmt_f32_sqrt (0x80000000, env), 0x80000000, 0);
  CHECK (RISCV, VMT_FP_RDN, vmt_f32_fma (0x3f800000, 0x3f800000, 0x3f800000, FALSE, TRUE, env),
         0x80000000, 0);
  /* -(0 * 1) + 0 is +0, -(0 * 1) - 0 is -0. */
  CHECK (RISCV, VMT_FP_RNE, vmt_f32_fma (0, 0x3f800000, 0, TRUE, FALSE, env), 0, 0);
  CHECK (RISCV, VMT_FP_RNE, vmt_f32_fma (0, 0x3f800000, 0, TRUE, TRUE, env), 0x80000000, 0);
  /* Any true value negates. */
  CHECK (RISCV, VMT_FP_RNE, vmt_f32_fma (0x3f800000, 0x40000000, 0x3f800000, 8, 4, env), 0xc0400000,
         0);
}

static void
test_overflow (void)
{
  static const struct
  {
    guint round;
    guint64 positive, negative;
  } rows[] = {
    { VMT_FP_RNE, 0x7f800000, 0xff800000 }, { VMT_FP_RTZ, 0x7f7fffff, 0xff7fffff },
    { VMT_FP_RDN, 0x7f7fffff, 0xff800000 }, { VMT_FP_RUP, 0x7f800000, 0xff7fffff },
    { VMT_FP_RMM, 0x7f800000, 0xff800000 }, { VMT_FP_ODD, 0x7f7fffff, 0xff7fffff },
  };

  for (guint i = 0; i < G_N_ELEMENTS (rows); i++)
    {
      CHECK (RISCV, rows[i].round, vmt_f32_mul (0x7f7fffff, 0x40000000, env), rows[i].positive,
             OF | NX);
      CHECK (X86, rows[i].round, vmt_f32_mul (0xff7fffff, 0x7f7fffff, env), rows[i].negative,
             OF | NX);
      CHECK (ARM, rows[i].round, vmt_f64_to_f32 (U64 (0x7fefffffffffffff), env), rows[i].positive,
             OF | NX);
    }
  /* Rounds up to infinity, and just not. */
  CHECK (RISCV, VMT_FP_RNE, vmt_f32_add (0x7f7fffff, 0x73000000, env), 0x7f800000, OF | NX);
  CHECK (RISCV, VMT_FP_RNE, vmt_f32_add (0x7f7fffff, 0x72ffffff, env), 0x7f7fffff, NX);
  CHECK (RISCV, VMT_FP_RNE, vmt_f16_from_i64 (65519, env), 0x7bff, NX);
  CHECK (RISCV, VMT_FP_RNE, vmt_f16_from_i64 (65520, env), 0x7c00, OF | NX);
  CHECK (RISCV, VMT_FP_RTZ, vmt_f16_from_i64 (G_MININT64, env), 0xfbff, OF | NX);
}

/* Tininess is before rounding on Arm, after rounding on RISC-V and x86; underflow is told if the
 * result is also inexact. */
static void
test_tininess (void)
{
  /* (1 + 2^-23) * (1 - 2^-23) * 2^-126: less than the smallest normal number, but not once rounded
   * to 24 bits. */
  CHECK (RISCV, VMT_FP_RNE, vmt_f32_mul (0x00800001, 0x3f7ffffe, env), 0x00800000, NX);
  CHECK (X86, VMT_FP_RNE, vmt_f32_mul (0x00800001, 0x3f7ffffe, env), 0x00800000, NX);
  CHECK (ARM, VMT_FP_RNE, vmt_f32_mul (0x00800001, 0x3f7ffffe, env), 0x00800000, NX | UF);
  CHECK (RISCV, VMT_FP_RTZ, vmt_f32_mul (0x00800001, 0x3f7ffffe, env), 0x007fffff, NX | UF);
  /* (1 - 2^-24) * 2^-126 has 24 bits: tiny for all, although it too ends at the smallest normal
   * number. */
  CHECK (RISCV, VMT_FP_RNE, vmt_f32_mul (0x00800000, 0x3f7fffff, env), 0x00800000, NX | UF);
  CHECK (X86, VMT_FP_RUP, vmt_f32_mul (0x00800000, 0x3f7fffff, env), 0x00800000, NX | UF);
  /* Subnormal but exact. */
  CHECK (RISCV, VMT_FP_RNE, vmt_f32_mul (0x00800000, 0x3f000000, env), 0x00400000, 0);
  CHECK (ARM, VMT_FP_RNE, vmt_f32_mul (0x00800000, 0x3f000000, env), 0x00400000, 0);
  /* Half the smallest, and less than half. */
  CHECK (RISCV, VMT_FP_RNE, vmt_f32_mul (1, 0x3f000000, env), 0, NX | UF);
  CHECK (RISCV, VMT_FP_RMM, vmt_f32_mul (1, 0x3f000000, env), 1, NX | UF);
  CHECK (RISCV, VMT_FP_RMM, vmt_f32_mul (1, 0x3effffff, env), 0, NX | UF);
  CHECK (RISCV, VMT_FP_RUP, vmt_f32_mul (1, 1, env), 1, NX | UF);
  CHECK (RISCV, VMT_FP_ODD, vmt_f32_mul (1, 1, env), 1, NX | UF);
  CHECK (RISCV, VMT_FP_RDN, vmt_f64_mul (1, U64 (0x8000000000000001), env),
         U64 (0x8000000000000001), NX | UF);
}

static void
test_invalid (void)
{
  const guint64 inf = 0x7f800000, minus_inf = 0xff800000;

  for (guint policy = 0; policy < 4; policy++)
    {
      guint64 nan = policy == X86 ? 0xffc00000 : 0x7fc00000;

      CHECK (policy, VMT_FP_RNE, vmt_f32_default_nan (env), nan, 0);
      CHECK (policy, VMT_FP_RNE, vmt_f16_default_nan (env), nan >> 16 & 0xfe00, 0);
      CHECK (policy, VMT_FP_RNE, vmt_f32_add (inf, minus_inf, env), nan, NV);
      CHECK (policy, VMT_FP_RNE, vmt_f32_sub (inf, inf, env), nan, NV);
      CHECK (policy, VMT_FP_RNE, vmt_f32_add (inf, inf, env), inf, 0);
      CHECK (policy, VMT_FP_RNE, vmt_f32_mul (0x80000000, inf, env), nan, NV);
      CHECK (policy, VMT_FP_RNE, vmt_f32_div (0, 0x80000000, env), nan, NV);
      CHECK (policy, VMT_FP_RNE, vmt_f32_div (inf, inf, env), nan, NV);
      CHECK (policy, VMT_FP_RNE, vmt_f32_div (inf, 0, env), inf, 0);
      CHECK (policy, VMT_FP_RNE, vmt_f32_div (0xbf800000, 0, env), minus_inf, DZ);
      CHECK (policy, VMT_FP_RNE, vmt_f32_div (1, 0, env), inf, DZ);
      CHECK (policy, VMT_FP_RNE, vmt_f32_sqrt (0xbf800000, env), nan, NV);
      CHECK (policy, VMT_FP_RNE, vmt_f32_sqrt (0x80000001, env), nan, NV);
      CHECK (policy, VMT_FP_RNE, vmt_f32_sqrt (minus_inf, env), nan, NV);
      CHECK (policy, VMT_FP_RNE, vmt_f32_fma (inf, 0, 0x3f800000, FALSE, FALSE, env), nan, NV);
      CHECK (policy, VMT_FP_RNE, vmt_f32_fma (inf, 0x3f800000, minus_inf, FALSE, FALSE, env), nan,
             NV);
      CHECK (policy, VMT_FP_RNE, vmt_f32_fma (inf, 0x3f800000, minus_inf, TRUE, FALSE, env),
             minus_inf, 0);
      CHECK (policy, VMT_FP_RNE, vmt_f32_fma (inf, 0x3f800000, inf, FALSE, TRUE, env), nan, NV);
    }
}

static void
test_nan_operands (void)
{
  /* Quiet and signalling, told apart by their payloads. */
  const guint64 q1 = 0x7fc00001, q2 = 0xffc00002, q3 = 0x7fc00003;
  const guint64 s1 = 0x7f800011, s2 = 0xff800012, s3 = 0x7f800013;
  const guint64 quiet_s1 = 0x7fc00011, quiet_s2 = 0xffc00012, quiet_s3 = 0x7fc00013;
  const guint64 one = 0x3f800000, nan = 0x7fc00000, inf = 0x7f800000;
  const guint64 sign = 0x80000000;

  for (guint policy = RISCV; policy <= ARM_DN; policy += ARM_DN - RISCV)
    {
      CHECK (policy, VMT_FP_RNE, vmt_f32_add (q1, q2, env), nan, 0);
      CHECK (policy, VMT_FP_RNE, vmt_f32_mul (one, s2, env), nan, NV);
      CHECK (policy, VMT_FP_RNE, vmt_f32_sqrt (q2, env), nan, 0);
      CHECK (policy, VMT_FP_RNE, vmt_f32_fma (one, q2, s3, FALSE, FALSE, env), nan, NV);
      CHECK (policy, VMT_FP_RNE, vmt_f32_to_f64 (q2, env), U64 (0x7ff8000000000000), 0);
      CHECK (policy, VMT_FP_RNE, vmt_f32_to_f16 (s1, env), 0x7e00, NV);
      CHECK (policy, VMT_FP_RNE, vmt_f32_round_int (q2, VMT_FP_RTZ, TRUE, env), nan, 0);
    }

  CHECK (ARM, VMT_FP_RNE, vmt_f32_add (q1, q2, env), q1, 0);
  CHECK (ARM, VMT_FP_RNE, vmt_f32_add (one, q2, env), q2, 0);
  CHECK (ARM, VMT_FP_RNE, vmt_f32_sub (one, q2, env), q2, 0);
  CHECK (ARM, VMT_FP_RNE, vmt_f32_add (q1, s2, env), quiet_s2, NV);
  CHECK (ARM, VMT_FP_RNE, vmt_f32_div (s1, s2, env), quiet_s1, NV);
  CHECK (ARM, VMT_FP_RNE, vmt_f32_sqrt (s2, env), quiet_s2, NV);
  CHECK (X86, VMT_FP_RNE, vmt_f32_add (q1, q2, env), q1, 0);
  CHECK (X86, VMT_FP_RNE, vmt_f32_sub (one, q2, env), q2, 0);
  CHECK (X86, VMT_FP_RNE, vmt_f32_add (q1, s2, env), q1, NV);
  CHECK (X86, VMT_FP_RNE, vmt_f32_div (s1, q2, env), quiet_s1, NV);
  CHECK (X86, VMT_FP_RNE, vmt_f32_mul (one, s2, env), quiet_s2, NV);
  CHECK (X86, VMT_FP_RNE, vmt_f32_sqrt (s2, env), quiet_s2, NV);

  /* Fused: Arm looks at the addend first, x86 last. */
  CHECK (ARM, VMT_FP_RNE, vmt_f32_fma (q1, q2, q3, FALSE, FALSE, env), q3, 0);
  CHECK (ARM, VMT_FP_RNE, vmt_f32_fma (q1, q2, one, FALSE, FALSE, env), q1, 0);
  CHECK (ARM, VMT_FP_RNE, vmt_f32_fma (q1, s2, q3, FALSE, FALSE, env), quiet_s2, NV);
  CHECK (ARM, VMT_FP_RNE, vmt_f32_fma (s1, s2, s3, FALSE, FALSE, env), quiet_s3, NV);
  CHECK (ARM, VMT_FP_RNE, vmt_f32_fma (one, one, q3, FALSE, TRUE, env), q3 ^ sign, 0);
  CHECK (ARM, VMT_FP_RNE, vmt_f32_fma (q1, one, one, TRUE, FALSE, env), q1 ^ sign, 0);
  CHECK (ARM, VMT_FP_RNE, vmt_f32_fma (one, q2, one, TRUE, FALSE, env), q2, 0);
  CHECK (X86, VMT_FP_RNE, vmt_f32_fma (q1, q2, q3, FALSE, FALSE, env), q1, 0);
  CHECK (X86, VMT_FP_RNE, vmt_f32_fma (one, q2, s3, FALSE, FALSE, env), q2, NV);
  CHECK (X86, VMT_FP_RNE, vmt_f32_fma (one, one, q3, TRUE, TRUE, env), q3, 0);
  CHECK (X86, VMT_FP_RNE, vmt_f32_fma (q1, one, one, TRUE, FALSE, env), q1, 0);

  /* Infinity times zero, plus a NaN. */
  CHECK (RISCV, VMT_FP_RNE, vmt_f32_fma (inf, 0, q3, FALSE, FALSE, env), nan, NV);
  CHECK (RISCV, VMT_FP_RNE, vmt_f32_fma (0, inf | sign, s3, FALSE, FALSE, env), nan, NV);
  CHECK (ARM, VMT_FP_RNE, vmt_f32_fma (inf, 0, q3, FALSE, FALSE, env), nan, NV);
  CHECK (ARM, VMT_FP_RNE, vmt_f32_fma (inf, 0, s3, FALSE, FALSE, env), quiet_s3, NV);
  CHECK (ARM_DN, VMT_FP_RNE, vmt_f32_fma (inf, 0, q3, FALSE, FALSE, env), nan, NV);
  CHECK (X86, VMT_FP_RNE, vmt_f32_fma (inf, 0, q3, FALSE, FALSE, env), q3, 0);
  CHECK (X86, VMT_FP_RNE, vmt_f32_fma (0, inf, s3, FALSE, FALSE, env), quiet_s3, NV);

  /* Conversions keep the sign and the first bits of the payload. */
  CHECK (ARM, VMT_FP_RNE, vmt_f32_to_f64 (s2, env), U64 (0xfff8000240000000), NV);
  CHECK (X86, VMT_FP_RNE, vmt_f64_to_f32 (U64 (0xfff4000020000000), env), 0xffe00001, NV);
  CHECK (X86, VMT_FP_RNE, vmt_f64_to_f32 (U64 (0x7ff0000000000001), env), 0x7fc00000, NV);
  CHECK (ARM, VMT_FP_RNE, vmt_f16_to_f32 (0xfd55, env), 0xffeaa000, NV);
  CHECK (ARM, VMT_FP_RNE, vmt_f32_to_f16 (0x7fffffff, env), 0x7fff, 0);
}

static void
test_min_max (void)
{
  const guint64 one = 0x3f800000, minus_0 = 0x80000000, q = 0x7fc00001, s = 0x7f800001;
  const guint64 nan = 0x7fc00000;

  for (guint policy = 0; policy < 4; policy++)
    {
      CHECK (policy, VMT_FP_RNE, vmt_f32_min_number (0, minus_0, env), minus_0, 0);
      CHECK (policy, VMT_FP_RNE, vmt_f32_min_number (minus_0, 0, env), minus_0, 0);
      CHECK (policy, VMT_FP_RNE, vmt_f32_max_number (0, minus_0, env), 0, 0);
      CHECK (policy, VMT_FP_RNE, vmt_f32_max_number (minus_0, 0, env), 0, 0);
      CHECK (policy, VMT_FP_RNE, vmt_f32_max_number (0xff800000, 0xff7fffff, env), 0xff7fffff, 0);
      CHECK (policy, VMT_FP_RNE, vmt_f32_min_number (0x7f800000, q, env), 0x7f800000, 0);
      CHECK (policy, VMT_FP_RNE, vmt_f32_max_number (q, one, env), one, 0);
    }
  CHECK (RISCV, VMT_FP_RNE, vmt_f32_max_number (q, 0xffc00001, env), nan, 0);
  CHECK (RISCV, VMT_FP_RNE, vmt_f32_max_number (s, one, env), one, NV);
  CHECK (RISCV, VMT_FP_RNE, vmt_f32_min_number (one, s, env), one, NV);
  CHECK (RISCV, VMT_FP_RNE, vmt_f32_min_number (q, s, env), nan, NV);
  /* FMINNM, FMAXNM. */
  CHECK (ARM, VMT_FP_RNE, vmt_f32_max_number (s, one, env), 0x7fc00001, NV);
  CHECK (ARM, VMT_FP_RNE, vmt_f32_min_number (0xffc00002, s, env), 0x7fc00001, NV);
  CHECK (ARM, VMT_FP_RNE, vmt_f32_min_number (0xffc00002, q, env), 0xffc00002, 0);
  CHECK (ARM_DN, VMT_FP_RNE, vmt_f32_max_number (one, s, env), nan, NV);
  CHECK_IN (ARM, VMT_FP_RNE, 1, 1, vmt_f32_max_number (0x80000001, 1, env), 0, ID);
  CHECK_IN (ARM, VMT_FP_RNE, 1, 1, vmt_f32_max_number (1, q, env), 0, ID);
}

static void
test_compare (void)
{
  const guint64 one = 0x3f800000, q = 0x7fc00001, s = 0xff800001;

  CHECK (RISCV, VMT_FP_RNE, vmt_f32_eq (0, 0x80000000, env), TRUE, 0);
  CHECK (RISCV, VMT_FP_RNE, vmt_f32_lt (0x80000000, 0, FALSE, env), FALSE, 0);
  CHECK (RISCV, VMT_FP_RNE, vmt_f32_le (0, 0x80000000, FALSE, env), TRUE, 0);
  CHECK (RISCV, VMT_FP_RNE, vmt_f32_eq (q, q, env), FALSE, 0);
  CHECK (RISCV, VMT_FP_RNE, vmt_f32_eq (one, s, env), FALSE, NV);
  CHECK (RISCV, VMT_FP_RNE, vmt_f32_lt (one, q, FALSE, env), FALSE, NV);
  CHECK (RISCV, VMT_FP_RNE, vmt_f32_lt (one, q, TRUE, env), FALSE, 0);
  CHECK (RISCV, VMT_FP_RNE, vmt_f32_le (s, one, TRUE, env), FALSE, NV);
  CHECK (RISCV, VMT_FP_RNE, vmt_f32_le (q, q, FALSE, env), FALSE, NV);
  CHECK (RISCV, VMT_FP_RNE, vmt_f32_unordered (q, one, TRUE, env), TRUE, 0);
  CHECK (RISCV, VMT_FP_RNE, vmt_f32_unordered (q, one, FALSE, env), TRUE, NV);
  CHECK (RISCV, VMT_FP_RNE, vmt_f32_unordered (0x7f800000, one, FALSE, env), FALSE, 0);
  CHECK (RISCV, VMT_FP_RNE,
         vmt_f64_lt (U64 (0xfff0000000000000), U64 (0xffefffffffffffff), FALSE, env), TRUE, 0);
  CHECK (RISCV, VMT_FP_RNE, vmt_f32_lt (0, 1, FALSE, env), TRUE, 0);
  CHECK_IN (ARM, VMT_FP_RNE, 1, 1, vmt_f32_lt (0, 1, FALSE, env), FALSE, ID);
  CHECK_IN (ARM, VMT_FP_RNE, 1, 1, vmt_f32_eq (1, 0x80000001, env), TRUE, ID);
  CHECK_IN (X86, VMT_FP_RNE, 0, 1, vmt_f32_eq (1, 0, env), TRUE, 0);
  CHECK (X86, VMT_FP_RNE, vmt_f32_eq (1, 0, env), FALSE, ID);
  CHECK (X86, VMT_FP_RNE, vmt_f32_eq (1, q, env), FALSE, 0);
}

static void
test_flush (void)
{
  const guint64 one = 0x3f800000, half = 0x3f000000;

  /* Operands: Arm tells, x86 does not; without daz x86 tells of the use, Arm and RISC-V do not. */
  CHECK_IN (ARM, VMT_FP_RNE, 1, 1, vmt_f32_mul (0x80000005, one, env), 0x80000000, ID);
  CHECK_IN (X86, VMT_FP_RNE, 0, 1, vmt_f32_mul (0x80000005, one, env), 0x80000000, 0);
  CHECK (X86, VMT_FP_RNE, vmt_f32_mul (0x80000005, one, env), 0x80000005, ID);
  CHECK (ARM, VMT_FP_RNE, vmt_f32_mul (0x80000005, one, env), 0x80000005, 0);
  CHECK (RISCV, VMT_FP_RNE, vmt_f32_mul (0x80000005, one, env), 0x80000005, 0);
  CHECK_IN (ARM, VMT_FP_RNE, 1, 1, vmt_f32_div (one, 5, env), 0x7f800000, ID | DZ);
  CHECK_IN (X86, VMT_FP_RNE, 1, 1, vmt_f32_div (one, 5, env), 0x7f800000, DZ);
  CHECK_IN (ARM, VMT_FP_RNE, 1, 1, vmt_f32_sqrt (0x80000001, env), 0x80000000, ID);
  /* A NaN beside it: Arm has already unpacked both. */
  CHECK_IN (ARM, VMT_FP_RNE, 1, 1, vmt_f32_add (5, 0x7fc00001, env), 0x7fc00001, ID);
  CHECK (X86, VMT_FP_RNE, vmt_f32_add (5, 0x7fc00001, env), 0x7fc00001, 0);
  CHECK (X86, VMT_FP_RNE, vmt_f32_sqrt (0x80000005, env), 0xffc00000, NV);
  CHECK (X86, VMT_FP_RNE, vmt_f32_div (5, 0, env), 0x7f800000, DZ);
  /* Arm's FZ16 is silent. */
  CHECK_IN (ARM, VMT_FP_RNE, 1, 1, vmt_f16_add (1, 0x3c00, env), 0x3c00, 0);
  CHECK_IN (ARM, VMT_FP_RNE, 1, 1, vmt_f16_eq (1, 2, env), TRUE, 0);

  /* Results. */
  CHECK_IN (ARM, VMT_FP_RNE, 1, 1, vmt_f32_mul (0x80800000, half, env), 0x80000000, UF);
  CHECK_IN (X86, VMT_FP_RNE, 1, 0, vmt_f32_mul (0x80800000, half, env), 0x80000000, UF | NX);
  CHECK_IN (X86, VMT_FP_RNE, 1, 0, vmt_f32_add (5, 0, env), 0, ID | UF | NX);
  CHECK_IN (X86, VMT_FP_RUP, 1, 0, vmt_f32_mul (0x00800000, half, env), 0, UF | NX);
  /* Here tininess decides about the value. */
  CHECK_IN (ARM, VMT_FP_RNE, 1, 1, vmt_f32_mul (0x00800001, 0x3f7ffffe, env), 0, UF);
  CHECK_IN (X86, VMT_FP_RNE, 1, 0, vmt_f32_mul (0x00800001, 0x3f7ffffe, env), 0x00800000, NX);

  /* Conversions do not flush at the half-precision end. */
  CHECK_IN (ARM, VMT_FP_RNE, 1, 1, vmt_f16_to_f32 (1, env), 0x33800000, 0);
  CHECK_IN (ARM, VMT_FP_RNE, 1, 1, vmt_f32_to_f16 (0x33800000, env), 1, 0);
  CHECK_IN (X86, VMT_FP_RNE, 1, 1, vmt_f32_to_f16 (0x33800000, env), 1, 0);
  CHECK_IN (X86, VMT_FP_RNE, 1, 1, vmt_f16_to_f32 (3, env), 0x34400000, 0);
  CHECK_IN (ARM, VMT_FP_RNE, 1, 1, vmt_f32_to_f16 (5, env), 0, ID);
  CHECK_IN (ARM, VMT_FP_RNE, 1, 1, vmt_f64_to_f32 (U64 (0x3800000000000000), env), 0, UF);
  CHECK_IN (X86, VMT_FP_RNE, 1, 0, vmt_f64_to_f32 (U64 (0x3800000000000000), env), 0, UF | NX);

  /* To integers: a flushed operand is exact. */
  CHECK_IN (ARM, VMT_FP_RNE, 1, 1, vmt_f32_to_u64 (5, VMT_FP_RUP, env), 0, ID);
  CHECK (ARM, VMT_FP_RNE, vmt_f32_to_u64 (5, VMT_FP_RUP, env), 1, NX);
  CHECK (X86, VMT_FP_RNE, vmt_f32_to_u64 (5, VMT_FP_RTZ, env), 0, NX);
  CHECK_IN (ARM, VMT_FP_RNE, 1, 1, vmt_f32_round_int (0x80000005, VMT_FP_RDN, TRUE, env),
            0x80000000, ID);
}

static void
test_saturation (void)
{
  const guint64 inf = 0x7f800000, minus_inf = 0xff800000, q = 0xffc00000, s = 0x7f800001;
  const guint64 minus_half = 0xbf000000, minus_1 = 0xbf800000;

  CHECK (RISCV, VMT_FP_RNE, vmt_f32_to_i64 (q, VMT_FP_RNE, env), G_MAXINT64, NV);
  CHECK (RISCV, VMT_FP_RNE, vmt_f32_to_i64 (s, VMT_FP_RNE, env), G_MAXINT64, NV);
  CHECK (RISCV, VMT_FP_RNE, vmt_f32_to_u64 (q, VMT_FP_RNE, env), G_MAXUINT64, NV);
  CHECK (RISCV, VMT_FP_RNE, vmt_f32_to_u32 (q, VMT_FP_RNE, env), G_MAXUINT32, NV);
  CHECK (RISCV, VMT_FP_RNE, (gint64)vmt_f32_to_i32 (q, VMT_FP_RNE, env), G_MAXINT32, NV);
  CHECK (RISCV, VMT_FP_RNE, vmt_f32_to_i64 (inf, VMT_FP_RNE, env), G_MAXINT64, NV);
  CHECK (RISCV, VMT_FP_RNE, vmt_f32_to_i64 (minus_inf, VMT_FP_RNE, env), G_MININT64, NV);
  CHECK (RISCV, VMT_FP_RNE, vmt_f32_to_u64 (minus_inf, VMT_FP_RNE, env), 0, NV);
  CHECK (RISCV, VMT_FP_RNE, (gint64)vmt_f32_to_i32 (minus_inf, VMT_FP_RNE, env),
         (guint64)(gint64)G_MININT32, NV);
  CHECK (RISCV, VMT_FP_RNE, vmt_f32_to_u32 (minus_half, VMT_FP_RTZ, env), 0, NX);
  CHECK (RISCV, VMT_FP_RNE, vmt_f32_to_u32 (minus_half, VMT_FP_RNE, env), 0, NX);
  CHECK (RISCV, VMT_FP_RNE, vmt_f32_to_u32 (minus_half, VMT_FP_RDN, env), 0, NV);
  CHECK (RISCV, VMT_FP_RNE, vmt_f32_to_u32 (minus_1, VMT_FP_RTZ, env), 0, NV);
  /* 2^31 - 0.5 and its neighbours, in binary64. */
  CHECK (RISCV, VMT_FP_RNE, (gint64)vmt_f64_to_i32 (U64 (0x41dfffffffe00000), VMT_FP_RNE, env),
         G_MAXINT32, NV);
  CHECK (RISCV, VMT_FP_RNE, (gint64)vmt_f64_to_i32 (U64 (0x41dfffffffe00000), VMT_FP_RTZ, env),
         G_MAXINT32, NX);
  CHECK (RISCV, VMT_FP_RNE, (gint64)vmt_f64_to_i32 (U64 (0xc1e0000000100000), VMT_FP_RNE, env),
         (guint64)(gint64)G_MININT32, NX);
  CHECK (RISCV, VMT_FP_RNE, (gint64)vmt_f64_to_i32 (U64 (0xc1e0000000100000), VMT_FP_RDN, env),
         (guint64)(gint64)G_MININT32, NV);
  CHECK (RISCV, VMT_FP_RNE, (gint64)vmt_f64_to_i32 (U64 (0xc1e0000000000000), VMT_FP_RTZ, env),
         (guint64)(gint64)G_MININT32, 0);
  /* 2^63, 2^64 and the numbers before them. */
  CHECK (RISCV, VMT_FP_RNE, vmt_f64_to_i64 (U64 (0x43e0000000000000), VMT_FP_RTZ, env), G_MAXINT64,
         NV);
  CHECK (RISCV, VMT_FP_RNE, vmt_f64_to_i64 (U64 (0xc3e0000000000000), VMT_FP_RTZ, env), G_MININT64,
         0);
  CHECK (RISCV, VMT_FP_RNE, vmt_f64_to_i64 (U64 (0xc3e0000000000001), VMT_FP_RTZ, env), G_MININT64,
         NV);
  CHECK (RISCV, VMT_FP_RNE, vmt_f64_to_u64 (U64 (0x43efffffffffffff), VMT_FP_RTZ, env),
         U64 (0xfffffffffffff800), 0);
  CHECK (RISCV, VMT_FP_RNE, vmt_f64_to_u64 (U64 (0x43f0000000000000), VMT_FP_RTZ, env), G_MAXUINT64,
         NV);
  CHECK (RISCV, VMT_FP_RNE, vmt_f64_from_u64 (G_MAXUINT64, env), U64 (0x43f0000000000000), NX);
  CHECK (RISCV, VMT_FP_RTZ, vmt_f64_from_u64 (G_MAXUINT64, env), U64 (0x43efffffffffffff), NX);
  CHECK (RISCV, VMT_FP_RNE, vmt_f64_from_i64 (G_MININT64, env), U64 (0xc3e0000000000000), 0);
  CHECK (RISCV, VMT_FP_RDN, vmt_f32_from_i64 (0, env), 0, 0);
  CHECK (RISCV, VMT_FP_RNE, vmt_f32_from_i64 (-1, env), minus_1, 0);
  CHECK (RISCV, VMT_FP_RNE, vmt_f32_from_i64 (16777217, env), 0x4b800000, NX);
}

static void
test_round_int (void)
{
  static const struct
  {
    guint64 a, results[6]; /* rne rtz rdn rup rmm odd */
  } rows[] = {
    { 0x3f000000, { 0, 0, 0, 0x3f800000, 0x3f800000, 0x3f800000 } }, /* 0.5 */
    { 0xbf000000, { 0x80000000, 0x80000000, 0xbf800000, 0x80000000, 0xbf800000, 0xbf800000 } },
    { 0x3fc00000, { 0x40000000, 0x3f800000, 0x3f800000, 0x40000000, 0x40000000, 0x3f800000 } },
    { 0x40200000, { 0x40000000, 0x40000000, 0x40000000, 0x40400000, 0x40400000, 0x40400000 } },
    { 0x3effffff, { 0, 0, 0, 0x3f800000, 0, 0x3f800000 } },
    { 1, { 0, 0, 0, 0x3f800000, 0, 0x3f800000 } },
    { 0x4affffff, { 0x4b000000, 0x4afffffe, 0x4afffffe, 0x4b000000, 0x4b000000, 0x4afffffe } },
  };

  for (guint i = 0; i < G_N_ELEMENTS (rows); i++)
    for (guint mode = 0; mode < 6; mode++)
      {
        /* The environment's mode does not count. */
        CHECK (RISCV, VMT_FP_RUP, vmt_f32_round_int (rows[i].a, mode, TRUE, env),
               rows[i].results[mode], NX);
        CHECK (RISCV, VMT_FP_RDN, vmt_f32_round_int (rows[i].a, mode, FALSE, env),
               rows[i].results[mode], 0);
      }
  CHECK (RISCV, VMT_FP_RNE, vmt_f32_round_int (0x4b000001, VMT_FP_RDN, TRUE, env), 0x4b000001, 0);
  CHECK (RISCV, VMT_FP_RNE, vmt_f32_round_int (0xff800000, VMT_FP_RDN, TRUE, env), 0xff800000, 0);
  CHECK (RISCV, VMT_FP_RNE, vmt_f32_round_int (0x80000000, VMT_FP_RUP, TRUE, env), 0x80000000, 0);
  CHECK (ARM, VMT_FP_RNE, vmt_f32_round_int (0xff800001, VMT_FP_RUP, FALSE, env), 0xffc00001, NV);
}

static void
test_classify (gconstpointer data)
{
  const FpFormat *f = data;
  const struct
  {
    guint64 first, last; /* magnitudes */
    guint positive, negative;
  } ranges[] = {
    { 0, 0, VMT_FP_CLASS_POS_ZERO, VMT_FP_CLASS_NEG_ZERO },
    { 1, fp_frac_mask (f), VMT_FP_CLASS_POS_SUBNORMAL, VMT_FP_CLASS_NEG_SUBNORMAL },
    { fp_min_normal (f), fp_max_finite (f), VMT_FP_CLASS_POS_NORMAL, VMT_FP_CLASS_NEG_NORMAL },
    { fp_inf (f), fp_inf (f), VMT_FP_CLASS_POS_INF, VMT_FP_CLASS_NEG_INF },
    { fp_inf (f) + 1, fp_inf (f) + fp_quiet_bit (f) - 1, VMT_FP_CLASS_SNAN, VMT_FP_CLASS_SNAN },
    { fp_inf (f) + fp_quiet_bit (f), fp_sign (f) - 1, VMT_FP_CLASS_QNAN, VMT_FP_CLASS_QNAN },
  };

  for (guint i = 0; i < G_N_ELEMENTS (ranges); i++)
    {
      const guint64 span = ranges[i].last - ranges[i].first;
      const gboolean nan = i >= 4;

      for (guint k = 0; k < 1000; k++)
        {
          guint64 offset = k == 0 ? 0 : k == 1 ? span : fp_random_bits () % (span + 1);
          guint64 a = ranges[i].first + offset;

          g_assert_cmphex (f->classify (a), ==, ranges[i].positive);
          g_assert_cmphex (f->classify (a | fp_sign (f)), ==, ranges[i].negative);
          g_assert_cmpint (f->is_nan (a | fp_sign (f)), ==, nan);
          g_assert_cmpint (f->is_snan (a), ==, i == 4);
        }
    }
}

/* Every special through everything, with every flag set before: none is ever cleared. */
static void
test_sticky (gconstpointer data)
{
  const FpFormat *f = data;
  const FpOp ops[] = { f->add,    f->sub,    f->mul,    f->div,       f->sqrt,     f->fma[0],
                       f->fma[3], f->min,    f->max,    f->eq,        f->lt,       f->le_quiet,
                       f->to_f16, f->to_f32, f->to_f64, f->unordered, f->from_i64, f->from_u64 };
  guint n;
  const guint64 *s = fp_specials (f, &n);

  for (guint i = 0; i < n; i++)
    for (guint j = 0; j < n; j++)
      for (guint op = 0; op < G_N_ELEMENTS (ops); op++)
        {
          VmtFpEnv env = { .round = (i + op) % 6, .policy = j % 4, .ftz = j & 1, .daz = i & 1 };
          VmtFpEnv again = env;
          guint64 a, b;

          if (ops[op] == NULL)
            continue;
          again.flags = NX | UF | OF | DZ | NV | ID;
          a = ops[op](s[i], s[j], s[(i + j) % n], &env);
          b = ops[op](s[i], s[j], s[(i + j) % n], &again);
          g_assert_cmphex (a, ==, b);
          g_assert_cmphex (again.flags, ==, NX | UF | OF | DZ | NV | ID);
          if (env.policy == RISCV || env.policy == ARM_DN)
            {
              if (op < 9 && f->is_nan (a))
                g_assert_cmphex (a, ==, f->default_nan (&env));
              if (env.policy == RISCV)
                g_assert_cmphex (env.flags & ID, ==, 0);
            }
        }
}

/* A mode that is none (a guest can write one) rounds to nearest, and so does an unknown policy
 * something that is defined. */
static void
test_bad_mode (void)
{
  for (guint round = 6; round < 256; round++)
    {
      CHECK (RISCV, round, vmt_f32_div (0x3f800000, 0x40400000, env), 0x3eaaaaab, NX);
      CHECK (RISCV, round, vmt_f32_mul (0x7f7fffff, 0x7f7fffff, env), 0x7f800000, OF | NX);
      CHECK (RISCV, VMT_FP_RUP, vmt_f32_to_u64 (0x40200000, round, env), 2, NX);
      CHECK (RISCV, VMT_FP_RUP, vmt_f32_round_int (0x40200000, round, TRUE, env), 0x40000000, NX);
    }
  CHECK (200, VMT_FP_RNE, vmt_f32_add (0x7f800001, 0x3f800000, env), 0x7fc00000, NV);
}

/* What round to odd is for: through a format with two bits more, any mode ends where it does
 * directly. */
static void
test_odd (void)
{
  for (guint i = fp_iterations (20000); i > 0; i--)
    {
      guint64 a = fp_random (&fp_formats[FP_F64]);

      for (guint mode = VMT_FP_RNE; mode <= VMT_FP_RMM; mode++)
        {
          VmtFpEnv direct = { .round = mode }, odd = { .round = VMT_FP_ODD },
                   then = { .round = mode };
          guint16 expected = vmt_f64_to_f16 (a, &direct);
          guint16 got = vmt_f32_to_f16 (vmt_f64_to_f32 (a, &odd), &then);

          g_assert_cmphex (got, ==, expected);
        }
    }
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/fp/rules/known", test_known);
  g_test_add_func ("/fp/rules/overflow", test_overflow);
  g_test_add_func ("/fp/rules/tininess", test_tininess);
  g_test_add_func ("/fp/rules/invalid", test_invalid);
  g_test_add_func ("/fp/rules/nan-operands", test_nan_operands);
  g_test_add_func ("/fp/rules/min-max", test_min_max);
  g_test_add_func ("/fp/rules/compare", test_compare);
  g_test_add_func ("/fp/rules/flush", test_flush);
  g_test_add_func ("/fp/rules/saturation", test_saturation);
  g_test_add_func ("/fp/rules/round-int", test_round_int);
  g_test_add_func ("/fp/rules/bad-mode", test_bad_mode);
  g_test_add_func ("/fp/rules/odd", test_odd);
  for (guint f = 0; f < FP_N_FORMATS; f++)
    {
      g_autofree char *classify = g_strdup_printf ("/fp/rules/classify/%s", fp_formats[f].name);
      g_autofree char *sticky = g_strdup_printf ("/fp/rules/sticky/%s", fp_formats[f].name);

      g_test_add_data_func (classify, &fp_formats[f], test_classify);
      g_test_add_data_func (sticky, &fp_formats[f], test_sticky);
    }
  return g_test_run ();
}
