/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "fp-corpus.h"

#include <stdlib.h>
#include <string.h>

#define WRAP_2(F, NAME, CALL)                                                                      \
  static guint64 F##_##NAME (guint64 a, guint64 b, guint64 c, VmtFpEnv *env)                       \
  {                                                                                                \
    return CALL;                                                                                   \
  }
#define WRAP_ROUND(F, NAME, CALL)                                                                  \
  static guint64 F##_##NAME (guint64 a, guint round, VmtFpEnv *env)                                \
  {                                                                                                \
    return CALL;                                                                                   \
  }

/* 32-bit integers are compared as their 32 bits. */
#define WRAP(F)                                                                                    \
  WRAP_2 (F, add, vmt_##F##_add (a, b, env))                                                       \
  WRAP_2 (F, sub, vmt_##F##_sub (a, b, env))                                                       \
  WRAP_2 (F, mul, vmt_##F##_mul (a, b, env))                                                       \
  WRAP_2 (F, div, vmt_##F##_div (a, b, env))                                                       \
  WRAP_2 (F, sqrt, vmt_##F##_sqrt (a, env))                                                        \
  WRAP_2 (F, fma0, vmt_##F##_fma (a, b, c, FALSE, FALSE, env))                                     \
  WRAP_2 (F, fma1, vmt_##F##_fma (a, b, c, TRUE, FALSE, env))                                      \
  WRAP_2 (F, fma2, vmt_##F##_fma (a, b, c, FALSE, TRUE, env))                                      \
  WRAP_2 (F, fma3, vmt_##F##_fma (a, b, c, TRUE, TRUE, env))                                       \
  WRAP_2 (F, min, vmt_##F##_min_number (a, b, env))                                                \
  WRAP_2 (F, max, vmt_##F##_max_number (a, b, env))                                                \
  WRAP_2 (F, eq, vmt_##F##_eq (a, b, env))                                                         \
  WRAP_2 (F, lt, vmt_##F##_lt (a, b, FALSE, env))                                                  \
  WRAP_2 (F, le, vmt_##F##_le (a, b, FALSE, env))                                                  \
  WRAP_2 (F, lt_quiet, vmt_##F##_lt (a, b, TRUE, env))                                             \
  WRAP_2 (F, le_quiet, vmt_##F##_le (a, b, TRUE, env))                                             \
  WRAP_2 (F, unordered, vmt_##F##_unordered (a, b, FALSE, env))                                    \
  WRAP_2 (F, unordered_quiet, vmt_##F##_unordered (a, b, TRUE, env))                               \
  WRAP_2 (F, from_i64, vmt_##F##_from_i64 (a, env))                                                \
  WRAP_2 (F, from_u64, vmt_##F##_from_u64 (a, env))                                                \
  WRAP_ROUND (F, to_i64, vmt_##F##_to_i64 (a, round, env))                                         \
  WRAP_ROUND (F, to_u64, vmt_##F##_to_u64 (a, round, env))                                         \
  WRAP_ROUND (F, to_i32, (guint32)vmt_##F##_to_i32 (a, round, env))                                \
  WRAP_ROUND (F, to_u32, vmt_##F##_to_u32 (a, round, env))                                         \
  WRAP_ROUND (F, round_int, vmt_##F##_round_int (a, round, FALSE, env))                            \
  WRAP_ROUND (F, round_int_exact, vmt_##F##_round_int (a, round, TRUE, env))                       \
  static guint F##_classify (guint64 a)                                                            \
  {                                                                                                \
    return vmt_##F##_classify (a);                                                                 \
  }                                                                                                \
  static gboolean F##_is_nan (guint64 a)                                                           \
  {                                                                                                \
    return vmt_##F##_is_nan (a);                                                                   \
  }                                                                                                \
  static gboolean F##_is_snan (guint64 a)                                                          \
  {                                                                                                \
    return vmt_##F##_is_snan (a);                                                                  \
  }                                                                                                \
  static guint64 F##_default_nan (const VmtFpEnv *env)                                             \
  {                                                                                                \
    return vmt_##F##_default_nan (env);                                                            \
  }

WRAP (f16)
WRAP (f32)
WRAP (f64)
WRAP_2 (f16, to_f32, vmt_f16_to_f32 (a, env))
WRAP_2 (f16, to_f64, vmt_f16_to_f64 (a, env))
WRAP_2 (f32, to_f16, vmt_f32_to_f16 (a, env))
WRAP_2 (f32, to_f64, vmt_f32_to_f64 (a, env))
WRAP_2 (f64, to_f16, vmt_f64_to_f16 (a, env))
WRAP_2 (f64, to_f32, vmt_f64_to_f32 (a, env))

#define ROW(F, WIDTH, PRECISION, EMAX, TO_F16, TO_F32, TO_F64)                                     \
  {                                                                                                \
    .name = #F, .width = WIDTH, .precision = PRECISION, .emax = EMAX, .add = F##_add,              \
    .sub = F##_sub, .mul = F##_mul, .div = F##_div, .sqrt = F##_sqrt,                              \
    .fma = { F##_fma0, F##_fma1, F##_fma2, F##_fma3 }, .min = F##_min, .max = F##_max,             \
    .eq = F##_eq, .lt = F##_lt, .le = F##_le, .lt_quiet = F##_lt_quiet, .le_quiet = F##_le_quiet,  \
    .unordered = F##_unordered, .unordered_quiet = F##_unordered_quiet, .to_f16 = TO_F16,          \
    .to_f32 = TO_F32, .to_f64 = TO_F64, .from_i64 = F##_from_i64, .from_u64 = F##_from_u64,        \
    .to_i64 = F##_to_i64, .to_u64 = F##_to_u64, .to_i32 = F##_to_i32, .to_u32 = F##_to_u32,        \
    .round_int = F##_round_int, .round_int_exact = F##_round_int_exact, .classify = F##_classify,  \
    .is_nan = F##_is_nan, .is_snan = F##_is_snan, .default_nan = F##_default_nan,                  \
  }

const FpFormat fp_formats[FP_N_FORMATS] = {
  ROW (f16, 16, 11, 15, NULL, f16_to_f32, f16_to_f64),
  ROW (f32, 32, 24, 127, f32_to_f16, NULL, f32_to_f64),
  ROW (f64, 64, 53, 1023, f64_to_f16, f64_to_f32, NULL),
};

const char *const fp_round_names[6] = { "rne", "rtz", "rdn", "rup", "rmm", "odd" };
const char *const fp_policy_names[4] = { "riscv", "arm", "arm-dn", "x86" };

guint64
fp_sign (const FpFormat *f)
{
  return G_GUINT64_CONSTANT (1) << (f->width - 1);
}

guint64
fp_frac_mask (const FpFormat *f)
{
  return (G_GUINT64_CONSTANT (1) << (f->precision - 1)) - 1;
}

guint64
fp_quiet_bit (const FpFormat *f)
{
  return G_GUINT64_CONSTANT (1) << (f->precision - 2);
}

guint64
fp_inf (const FpFormat *f)
{
  return (guint64)(2 * f->emax + 1) << (f->precision - 1);
}

guint64
fp_one (const FpFormat *f)
{
  return (guint64)f->emax << (f->precision - 1);
}

guint64
fp_max_finite (const FpFormat *f)
{
  return fp_inf (f) - 1;
}

guint64
fp_min_normal (const FpFormat *f)
{
  return fp_frac_mask (f) + 1;
}

gboolean
fp_is_subnormal (const FpFormat *f, guint64 a)
{
  a &= ~fp_sign (f);
  return a != 0 && a <= fp_frac_mask (f);
}

const guint64 *
fp_specials (const FpFormat *f, guint *n)
{
  static guint64 table[FP_N_FORMATS][64];
  static guint counts[FP_N_FORMATS];
  const gint i = f - fp_formats;
  const guint frac_bits = f->precision - 1;
  const guint64 one = fp_one (f), ulp = 1, exp_1 = G_GUINT64_CONSTANT (1) << frac_bits;

  if (counts[i] == 0)
    {
      const guint64 positive[] = {
        0,
        1,
        2,
        fp_quiet_bit (f),
        fp_frac_mask (f),
        fp_min_normal (f),
        fp_min_normal (f) + ulp,
        fp_min_normal (f) + exp_1,
        one - exp_1,
        one - exp_1 + ulp,
        one - ulp,
        one,
        one + ulp,
        one + 2 * ulp,
        one + exp_1 / 2,
        one + exp_1,
        one + exp_1 + exp_1 / 4,
        one + exp_1 + exp_1 / 2,
        one + frac_bits * exp_1 - ulp,
        one + frac_bits * exp_1 + ulp,
        one + (frac_bits + 1) * exp_1,
        f->emax > 31 ? one + 31 * exp_1 : one + 9 * exp_1,
        f->emax > 32 ? one + 32 * exp_1 - ulp : one + 15 * exp_1,
        f->emax > 63 ? one + 63 * exp_1 : one + 14 * exp_1,
        f->emax > 64 ? one + 64 * exp_1 - ulp : one + 12 * exp_1 + 3 * ulp,
        fp_max_finite (f) - exp_1,
        fp_max_finite (f) - ulp,
        fp_max_finite (f),
        fp_inf (f),
        fp_inf (f) + ulp,
        fp_inf (f) + fp_quiet_bit (f),
        fp_inf (f) + fp_quiet_bit (f) + 5 * ulp,
      };

      for (guint k = 0; k < G_N_ELEMENTS (positive); k++)
        {
          table[i][2 * k] = positive[k];
          table[i][2 * k + 1] = positive[k] | fp_sign (f);
        }
      counts[i] = 2 * G_N_ELEMENTS (positive);
    }
  *n = counts[i];
  return table[i];
}

guint64
fp_random_bits (void)
{
  static guint64 state;

  if (state == 0)
    state = (guint64)(guint32)g_test_rand_int () << 32 | (guint32)g_test_rand_int () | 1;
  state ^= state << 13;
  state ^= state >> 7;
  state ^= state << 17;
  return state * G_GUINT64_CONSTANT (0x9e3779b97f4a7c15);
}

/* Fractions of few ones, few zeroes, or any. */
static guint64
random_fraction (const FpFormat *f)
{
  const guint frac_bits = f->precision - 1;
  guint64 r = fp_random_bits (), frac;

  switch (r >> 61)
    {
    case 0:
      frac = 0;
      break;
    case 1:
      frac = G_GUINT64_CONSTANT (1) << (r % frac_bits);
      break;
    case 2:
      frac = (G_GUINT64_CONSTANT (1) << (r % frac_bits)) - 1;
      break;
    case 3:
      frac = ~((G_GUINT64_CONSTANT (1) << (r % frac_bits)) - 1);
      break;
    case 4:
      frac = G_GUINT64_CONSTANT (1) << (r % frac_bits);
      frac |= G_GUINT64_CONSTANT (1) << ((r >> 8) % frac_bits);
      if (r & 1)
        frac = ~frac;
      break;
    default:
      frac = r >> 4;
      break;
    }
  return frac & fp_frac_mask (f);
}

guint64
fp_random (const FpFormat *f)
{
  const guint frac_bits = f->precision - 1;
  const guint64 n_exponents = 2 * f->emax + 2;
  guint64 r = fp_random_bits (), exponent;
  const guint64 *specials;
  guint n;

  switch (r >> 60)
    {
    case 0:
      specials = fp_specials (f, &n);
      return specials[r % n];
    case 1:
      specials = fp_specials (f, &n);
      return (specials[r % n] + (r >> 20) % 5 - 2) & (fp_sign (f) * 2 - 1);
    case 2:
      exponent = 0;
      break;
    case 3:
      exponent = (r >> 8) % MIN (n_exponents, f->precision + 4); /* about to underflow */
      break;
    case 4:
      exponent = n_exponents - 1 - (r >> 8) % 5; /* about to overflow */
      break;
    case 5:
    case 6:
    case 7:
      /* Products about to underflow or to overflow. */
      exponent = f->emax / 2 - f->precision / 2 + (r >> 8) % (f->precision + 4);
      if (r & 2)
        exponent = f->emax + f->emax / 2 - 2 + (r >> 8) % 5;
      break;
    case 8:
    case 9:
    case 10:
      exponent = f->emax - 3 + (r >> 8) % 7;
      break;
    case 11:
      exponent = MIN (f->emax + (r >> 8) % 68, n_exponents - 2); /* integers */
      break;
    default:
      exponent = (r >> 8) % n_exponents;
      break;
    }
  return (r & 1 ? fp_sign (f) : 0) | exponent << frac_bits | random_fraction (f);
}

guint64
fp_random_near (const FpFormat *f, guint64 a)
{
  const guint frac_bits = f->precision - 1;
  guint64 r = fp_random_bits ();
  gint64 exponent = (gint64)((a & ~fp_sign (f)) >> frac_bits);
  guint64 sign = r & 1 ? fp_sign (f) : 0;

  if (r >> 62 == 0)
    return sign | ((a + (r >> 8) % 9 - 4) & (fp_sign (f) - 1));
  exponent += (gint64)((r >> 8) % (2 * f->precision + 7)) - (gint64)f->precision - 3;
  if (r >> 62 == 1)
    exponent = (gint64)((a & ~fp_sign (f)) >> frac_bits) + (gint64)((r >> 8) % 5) - 2;
  exponent = CLAMP (exponent, 0, 2 * f->emax + 1);
  return sign | (guint64)exponent << frac_bits | random_fraction (f);
}

guint64
fp_random_integer (void)
{
  guint64 r = fp_random_bits ();
  guint64 power = G_GUINT64_CONSTANT (1) << ((r >> 8) & 63);

  switch (r >> 61)
    {
    case 0:
      return power;
    case 1:
      return power + (r >> 16) % 7 - 3;
    case 2:
      return -(power + (r >> 16) % 7 - 3);
    case 3:
      return power | G_GUINT64_CONSTANT (1) << ((r >> 16) & 63) |
             G_GUINT64_CONSTANT (1) << ((r >> 24) & 63);
    case 4:
      return (gint64)fp_random_bits () >> ((r >> 8) & 63);
    default:
      return fp_random_bits () >> ((r >> 8) & 63);
    }
}

guint
fp_iterations (guint n)
{
  const char *text = g_getenv ("VMT_FP_TEST_SCALE");
  guint64 scale = text != NULL ? g_ascii_strtoull (text, NULL, 10) : g_test_slow () ? 50 : 1;

  return MIN (n * MAX (scale, 1), (guint64)G_MAXUINT);
}

char *
fp_flags_text (guint flags)
{
  static const char *const names[] = { "NX", "UF", "OF", "DZ", "NV", "ID" };
  GString *text = g_string_new ("{");

  for (guint i = 0; i < G_N_ELEMENTS (names); i++)
    if (flags & 1u << i)
      g_string_append_printf (text, "%s%s", text->len > 1 ? " " : "", names[i]);
  g_string_append_c (text, '}');
  return g_string_free (text, FALSE);
}
