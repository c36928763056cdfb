/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Compares core/fp with MPFR: MPFR gives the result to 160 bits and says whether more follow; it is
 * rounded here, in MPFR's numbers and by the standard's words (quantum, integral multiple,
 * tininess), so that the reference shares nothing with what it tests. */
#include "fp-corpus.h"

#ifndef HAVE_MPFR

static void
test_absent (void)
{
  g_test_skip ("built without MPFR (libmpfr-dev)");
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/fp/mpfr/absent", test_absent);
  return g_test_run ();
}

#else

#include <stdint.h>
#include <mpfr.h>

#define WORK_PRECISION 160

typedef struct
{
  VmtFpPolicy policy;
  gboolean flush; /* ftz and daz */
} Config;

/* What an architecture can be set to. */
static const Config configs[] = {
  { VMT_FP_POLICY_RISCV, FALSE },  { VMT_FP_POLICY_ARM, FALSE },   { VMT_FP_POLICY_X86, FALSE },
  { VMT_FP_POLICY_ARM_DN, FALSE }, { VMT_FP_POLICY_ARM_DN, TRUE }, { VMT_FP_POLICY_ARM, TRUE },
  { VMT_FP_POLICY_X86, TRUE },
};

static gboolean
is_arm (const Config *config)
{
  return config->policy == VMT_FP_POLICY_ARM || config->policy == VMT_FP_POLICY_ARM_DN;
}

typedef enum
{
  OP_ADD,
  OP_SUB,
  OP_MUL,
  OP_DIV,
  OP_SQRT,
  OP_FMA,
  OP_FNMA, /* the product negated */
  OP_FMS,  /* the addend negated */
  OP_FNMS,
  OP_N
} Op;

static const char *const op_names[OP_N] = { "add", "sub",  "mul", "div", "sqrt",
                                            "fma", "fnma", "fms", "fnms" };
static const guint op_operands[OP_N] = { 2, 2, 2, 2, 1, 3, 3, 3, 3 };

static FpOp
op_function (const FpFormat *f, Op op)
{
  switch (op)
    {
    case OP_ADD:
      return f->add;
    case OP_SUB:
      return f->sub;
    case OP_MUL:
      return f->mul;
    case OP_DIV:
      return f->div;
    case OP_SQRT:
      return f->sqrt;
    default:
      return f->fma[op - OP_FMA];
    }
}

static void
to_mpfr (const FpFormat *f, mpfr_t x, guint64 bits)
{
  const guint64 magnitude = bits & (fp_sign (f) - 1);
  const gint field = magnitude >> (f->precision - 1);
  const guint64 frac = magnitude & fp_frac_mask (f);

  if (magnitude > fp_inf (f))
    mpfr_set_nan (x);
  else if (magnitude == fp_inf (f))
    mpfr_set_inf (x, 1);
  else if (field == 0)
    mpfr_set_uj_2exp (x, frac, 1 - f->emax - (gint)(f->precision - 1), MPFR_RNDZ);
  else
    mpfr_set_uj_2exp (x, frac | fp_min_normal (f), field - f->emax - (gint)(f->precision - 1),
                      MPFR_RNDZ);
  if (bits & fp_sign (f))
    mpfr_neg (x, x, MPFR_RNDZ);
}

/* |y| < 2^64 to an integer. */
static guint64
round_magnitude (mpfr_t y, guint mode, gboolean *inexact)
{
  static __thread gboolean ready;
  static __thread mpfr_t t;
  const gboolean negative = mpfr_signbit (y);
  guint64 n;
  gint half;

  if (!ready)
    mpfr_init2 (t, WORK_PRECISION + 8);
  ready = TRUE;
  mpfr_abs (t, y, MPFR_RNDZ);
  n = mpfr_get_uj (t, MPFR_RNDZ);
  mpfr_sub_ui (t, t, n, MPFR_RNDZ);
  *inexact = !mpfr_zero_p (t);
  half = mpfr_cmp_d (t, 0.5);
  if (!*inexact)
    return n;
  if (mode == VMT_FP_RNE)
    return half == 0 ? n + (n & 1) : half > 0 ? n + 1 : n;
  if (mode == VMT_FP_RMM)
    return half >= 0 ? n + 1 : n;
  if (mode == VMT_FP_RUP)
    return negative ? n : n + 1;
  if (mode == VMT_FP_RDN)
    return negative ? n + 1 : n;
  if (mode == VMT_FP_ODD)
    return n | 1;
  g_assert_cmpuint (mode, ==, VMT_FP_RTZ);
  return n;
}

/* @x is finite and not zero. */
static guint64
reference_round (const FpFormat *f, mpfr_t x, guint mode, const Config *config, gboolean flush,
                 guint *flags)
{
  static __thread gboolean ready;
  static __thread mpfr_t y;
  const guint64 sign = mpfr_signbit (x) ? fp_sign (f) : 0;
  const gint emin = 1 - f->emax;
  const gint p = f->precision;
  gint e = mpfr_get_exp (x) - 1, quantum;
  gboolean tiny = e < emin, inexact, ignored;
  guint64 n;

  if (!ready)
    mpfr_init2 (y, WORK_PRECISION + 8);
  ready = TRUE;
  if (tiny && !is_arm (config))
    {
      mpfr_mul_2si (y, x, p - 1 - e, MPFR_RNDZ);
      if (round_magnitude (y, mode, &ignored) >> p != 0)
        tiny = e + 1 < emin;
    }
  if (tiny && flush)
    {
      *flags |= is_arm (config) ? VMT_FP_UF : VMT_FP_UF | VMT_FP_NX;
      return sign;
    }
  quantum = MAX (e, emin) - (p - 1);
  mpfr_mul_2si (y, x, -quantum, MPFR_RNDZ);
  n = round_magnitude (y, mode, &inexact);
  if (n >> p != 0)
    {
      n >>= 1;
      quantum++;
    }
  if (quantum + p - 1 > f->emax)
    {
      *flags |= VMT_FP_OF | VMT_FP_NX;
      switch (mode)
        {
        case VMT_FP_RTZ:
        case VMT_FP_ODD:
          return sign | fp_max_finite (f);
        case VMT_FP_RUP:
          return sign ? sign | fp_max_finite (f) : fp_inf (f);
        case VMT_FP_RDN:
          return sign ? sign | fp_inf (f) : fp_max_finite (f);
        default:
          return sign | fp_inf (f);
        }
    }
  if (inexact)
    *flags |= tiny ? VMT_FP_NX | VMT_FP_UF : VMT_FP_NX;
  if (n < fp_min_normal (f))
    return sign | n;
  return sign | (guint64)(quantum + p - 1 + f->emax) << (p - 1) | (n & fp_frac_mask (f));
}

/* Makes up for what was cut off behind the working precision: a little more, never a tie or a
 * number of the format. */
static void
make_sticky (mpfr_t x, int ternary)
{
  mpfr_prec_round (x, WORK_PRECISION + 4, MPFR_RNDZ);
  if (ternary == 0)
    return;
  if (mpfr_signbit (x))
    mpfr_nextbelow (x);
  else
    mpfr_nextabove (x);
}

static guint64
reference_default_nan (const FpFormat *f, const Config *config)
{
  return fp_inf (f) | fp_quiet_bit (f) | (config->policy == VMT_FP_POLICY_X86 ? fp_sign (f) : 0);
}

static guint64
reference_nan (const FpFormat *f, const Config *config, Op op, const guint64 *v, guint *flags)
{
  const guint n = op_operands[op];
  guint64 ordered[3] = { v[0], v[1], v[2] };
  gboolean signalling = FALSE, inf_times_zero = FALSE;

  for (guint i = 0; i < n; i++)
    if (f->is_snan (v[i]))
      signalling = TRUE;
  if (n == 3)
    {
      guint64 x = v[0] & (fp_sign (f) - 1), y = v[1] & (fp_sign (f) - 1);

      inf_times_zero = (x == fp_inf (f) && y == 0) || (x == 0 && y == fp_inf (f));
      if (is_arm (config))
        {
          ordered[0] = op == OP_FMS || op == OP_FNMS ? v[2] ^ fp_sign (f) : v[2];
          ordered[1] = op == OP_FNMA || op == OP_FNMS ? v[0] ^ fp_sign (f) : v[0];
          ordered[2] = v[1];
        }
    }
  if (signalling || (inf_times_zero && config->policy != VMT_FP_POLICY_X86))
    *flags |= VMT_FP_NV;
  if (config->policy == VMT_FP_POLICY_ARM && (signalling || !inf_times_zero))
    {
      for (guint i = 0; i < n; i++)
        if (f->is_snan (ordered[i]))
          return ordered[i] | fp_quiet_bit (f);
      for (guint i = 0; i < n; i++)
        if (f->is_nan (ordered[i]))
          return ordered[i];
    }
  if (config->policy == VMT_FP_POLICY_X86)
    for (guint i = 0; i < n; i++)
      if (f->is_nan (ordered[i]))
        return ordered[i] | fp_quiet_bit (f);
  return reference_default_nan (f, config);
}

static int
mpfr_operation (Op op, mpfr_t r, mpfr_t *x, mpfr_rnd_t rnd)
{
  switch (op)
    {
    case OP_ADD:
      return mpfr_add (r, x[0], x[1], rnd);
    case OP_SUB:
      return mpfr_sub (r, x[0], x[1], rnd);
    case OP_MUL:
      return mpfr_mul (r, x[0], x[1], rnd);
    case OP_DIV:
      return mpfr_div (r, x[0], x[1], rnd);
    case OP_SQRT:
      return mpfr_sqrt (r, x[0], rnd);
    default:
      /* The signs were changed in the operands. */
      return mpfr_fma (r, x[0], x[1], x[2], rnd);
    }
}

static guint64
reference (const FpFormat *f, Op op, const guint64 *operands, guint mode, const Config *config,
           guint *flags)
{
  static gboolean ready;
  static mpfr_t x[3], r;
  const guint n = op_operands[op];
  gboolean any_nan = FALSE, any_subnormal = FALSE;
  guint64 v[3] = { operands[0], operands[1], operands[2] };
  int ternary;

  if (!ready)
    {
      for (guint i = 0; i < 3; i++)
        mpfr_init2 (x[i], 64);
      mpfr_init2 (r, WORK_PRECISION);
    }
  ready = TRUE;

  *flags = 0;
  for (guint i = 0; i < n; i++)
    {
      if (fp_is_subnormal (f, v[i]))
        {
          if (config->flush)
            v[i] &= fp_sign (f);
          else
            any_subnormal = TRUE;
          if (config->flush && is_arm (config) && f->width != 16)
            *flags |= VMT_FP_ID;
        }
      any_nan |= f->is_nan (v[i]);
    }
  if (any_nan)
    return reference_nan (f, config, op, v, flags);

  for (guint i = 0; i < n; i++)
    to_mpfr (f, x[i], v[i]);
  if (op == OP_FNMA || op == OP_FNMS)
    mpfr_neg (x[0], x[0], MPFR_RNDZ);
  if (op == OP_FMS || op == OP_FNMS)
    mpfr_neg (x[2], x[2], MPFR_RNDZ);

  mpfr_set_prec (r, WORK_PRECISION);
  mpfr_clear_flags ();
  ternary = mpfr_operation (op, r, x, MPFR_RNDZ);
  if (mpfr_nan_p (r))
    {
      *flags |= VMT_FP_NV;
      return reference_default_nan (f, config);
    }
  if (mpfr_divby0_p ())
    *flags |= VMT_FP_DZ;
  else if (any_subnormal && config->policy == VMT_FP_POLICY_X86)
    *flags |= VMT_FP_ID;
  if (mpfr_inf_p (r))
    return fp_inf (f) | (mpfr_signbit (r) ? fp_sign (f) : 0);
  if (mpfr_zero_p (r))
    {
      g_assert_cmpint (ternary, ==, 0);
      if (mode == VMT_FP_RDN)
        mpfr_operation (op, r, x, MPFR_RNDD);
      return mpfr_signbit (r) ? fp_sign (f) : 0;
    }
  make_sticky (r, ternary);
  return reference_round (f, r, mode, config, config->flush, flags);
}

static void
report (const char *what, const FpFormat *f, guint mode, const Config *config, const guint64 *v,
        guint n, guint64 got, guint got_flags, guint64 expected, guint expected_flags)
{
  g_autofree char *got_text = fp_flags_text (got_flags);
  g_autofree char *expected_text = fp_flags_text (expected_flags);
  g_autoptr (GString) operands = g_string_new (NULL);

  for (guint i = 0; i < n; i++)
    g_string_append_printf (operands, " %0*" G_GINT64_MODIFIER "x", f->width / 4, v[i]);
  g_test_message ("%s %s %s %s%s:%s -> %" G_GINT64_MODIFIER "x %s, not %" G_GINT64_MODIFIER "x %s",
                  what, f->name, fp_round_names[mode], fp_policy_names[config->policy],
                  config->flush ? " flush" : "", operands->str, got, got_text, expected,
                  expected_text);
  g_test_fail ();
}

static gboolean
check (const FpFormat *f, Op op, const guint64 *v, guint mode, const Config *config)
{
  VmtFpEnv env = {
    .round = mode, .policy = config->policy, .ftz = config->flush, .daz = config->flush
  };
  guint expected_flags;
  guint64 expected = reference (f, op, v, mode, config, &expected_flags);
  guint64 got = op_function (f, op) (v[0], v[1], v[2], &env);

  if (got == expected && env.flags == expected_flags)
    return TRUE;
  report (op_names[op], f, mode, config, v, op_operands[op], got, env.flags, expected,
          expected_flags);
  return FALSE;
}

/* The first few failures tell enough. */
#define MAX_FAILURES 20

static void
test_special (gconstpointer data)
{
  const FpFormat *f = data;
  guint n, failures = 0;
  const guint64 *s = fp_specials (f, &n);

  for (Op op = 0; op < OP_N; op++)
    for (guint i = 0; i < n; i++)
      for (guint j = 0; j < (op_operands[op] > 1 ? n : 1); j++)
        {
          const guint64 v[] = { s[i], s[j], fp_random (f) };
          const Config *config = &configs[fp_random_bits () % G_N_ELEMENTS (configs)];

          for (guint mode = 0; mode < 6; mode++)
            {
              failures += !check (f, op, v, mode, &configs[mode % 3]);
              failures += !check (f, op, v, mode, config);
            }
          if (failures >= MAX_FAILURES)
            return;
        }
}

/* All pairs of specials as factors, and the addends that hit or cancel their product. */
static void
test_special_fma (gconstpointer data)
{
  const FpFormat *f = data;
  guint n, failures = 0;
  const guint64 *s = fp_specials (f, &n);

  for (guint i = 0; i < n; i++)
    for (guint j = 0; j < n; j++)
      for (guint k = 0; k < 6; k++)
        {
          VmtFpEnv env = { 0 };
          guint64 product = f->mul (s[i], s[j], 0, &env);
          guint64 v[] = { s[i], s[j], k < 3 ? s[fp_random_bits () % n] : product ^ fp_sign (f) };
          const Config *config = &configs[fp_random_bits () % G_N_ELEMENTS (configs)];

          if (k == 4)
            v[2] = (product ^ fp_sign (f)) + 1;
          if (k == 5)
            v[2] = fp_random_near (f, product);
          failures += !check (f, OP_FMA + fp_random_bits () % 4, v, (i + j + k) % 6, config);
          if (failures >= MAX_FAILURES)
            return;
        }
}

static void
test_random (gconstpointer data)
{
  const FpFormat *f = data;
  guint failures = 0;

  for (guint i = fp_iterations (15000); i > 0; i--)
    for (Op op = 0; op < OP_N; op++)
      {
        guint64 v[3] = { fp_random (f), fp_random (f), fp_random (f) };
        guint64 r = fp_random_bits ();
        const Config *config = &configs[(r >> 8) % G_N_ELEMENTS (configs)];

        if (r & 1)
          v[1] = fp_random_near (f, v[0]);
        if (op >= OP_FMA && r & 2)
          {
            VmtFpEnv env = { 0 };

            v[2] = fp_random_near (f, f->mul (v[0], v[1], 0, &env));
          }
        failures += !check (f, op, v, (r >> 16) % 6, config);
        if (failures >= MAX_FAILURES)
          return;
      }
}

/* Every binary16 there is. */
static void
test_exhaustive_sqrt (void)
{
  const FpFormat *f = &fp_formats[FP_F16];
  guint failures = 0;

  for (guint a = 0; a < 0x10000; a++)
    for (guint mode = 0; mode < 6; mode++)
      {
        const guint64 v[3] = { a };

        failures += !check (f, OP_SQRT, v, mode, &configs[(a + mode) % G_N_ELEMENTS (configs)]);
        if (failures >= MAX_FAILURES)
          return;
      }
}

/* --- conversions --- */

static FpOp
convert_function (const FpFormat *from, gint to)
{
  return to == FP_F16 ? from->to_f16 : to == FP_F32 ? from->to_f32 : from->to_f64;
}

static gboolean
check_convert (const FpFormat *from, gint to_index, guint64 a, guint mode, const Config *config)
{
  const FpFormat *to = &fp_formats[to_index];
  const gboolean flush_input = config->flush && from->width != 16;
  const gboolean flush_output = config->flush && to->width != 16;
  VmtFpEnv env = {
    .round = mode, .policy = config->policy, .ftz = config->flush, .daz = config->flush
  };
  guint64 got = convert_function (from, to_index) (a, 0, 0, &env), expected;
  guint64 v = a, sign = a & fp_sign (from) ? fp_sign (to) : 0;
  guint flags = 0;
  mpfr_t x;

  if (fp_is_subnormal (from, v) && from->width != 16)
    {
      if (flush_input)
        v &= fp_sign (from);
      if (flush_input ? is_arm (config) : config->policy == VMT_FP_POLICY_X86)
        flags |= VMT_FP_ID;
    }
  mpfr_init2 (x, WORK_PRECISION);
  to_mpfr (from, x, v);
  if (mpfr_nan_p (x))
    {
      if (from->is_snan (v))
        flags |= VMT_FP_NV;
      if (config->policy == VMT_FP_POLICY_ARM || config->policy == VMT_FP_POLICY_X86)
        {
          guint64 payload = v & fp_frac_mask (from);

          if (to->precision > from->precision)
            payload <<= to->precision - from->precision;
          else
            payload >>= from->precision - to->precision;
          expected = sign | fp_inf (to) | fp_quiet_bit (to) | payload;
        }
      else
        expected = reference_default_nan (to, config);
    }
  else if (mpfr_inf_p (x))
    expected = sign | fp_inf (to);
  else if (mpfr_zero_p (x))
    expected = sign;
  else
    expected = reference_round (to, x, mode, config, flush_output, &flags);
  mpfr_clear (x);
  if (got == expected && env.flags == flags)
    return TRUE;
  report (to->name, from, mode, config, &a, 1, got, env.flags, expected, flags);
  return FALSE;
}

static void
test_convert (gconstpointer data)
{
  const FpFormat *from = data;
  guint n, failures = 0;
  const guint64 *s = fp_specials (from, &n);

  for (gint to = 0; to < FP_N_FORMATS; to++)
    {
      if (convert_function (from, to) == NULL)
        continue;
      for (guint i = 0; i < n + fp_iterations (60000) && failures < MAX_FAILURES; i++)
        {
          guint64 r = fp_random_bits ();
          guint64 a = i < n ? s[i] : fp_random (from);
          const FpFormat *target = &fp_formats[to];

          /* Into the range, ties and ends of the narrower format. */
          if (r & 1 && i >= n && target->precision < from->precision)
            {
              VmtFpEnv env = { .policy = VMT_FP_POLICY_ARM };

              a = convert_function (target, from - fp_formats) (fp_random (target), 0, 0, &env);
              a += (r >> 8) % 3 - 1;
              if (r & 2)
                a ^= G_GUINT64_CONSTANT (1) << ((r >> 12) % (from->precision - 1));
            }
          for (guint mode = 0; mode < 6; mode++)
            {
              failures += !check_convert (from, to, a, mode, &configs[mode % 3]);
              if (i < n)
                failures += !check_convert (from, to, a, mode, &configs[(r >> 20) % 7]);
            }
        }
    }
}

static void
test_exhaustive_convert (void)
{
  guint failures = 0;

  for (guint a = 0; a < 0x10000 && failures < MAX_FAILURES; a++)
    for (gint to = FP_F32; to <= FP_F64; to++)
      for (guint policy = 0; policy < 7; policy++)
        failures += !check_convert (&fp_formats[FP_F16], to, a, a % 6, &configs[policy]);
}

/* --- to integers, and to integral values --- */

typedef struct
{
  const char *name;
  guint width;
  gboolean is_signed;
} IntegerType;

static const IntegerType integer_types[] = {
  { "i32", 32, TRUE }, { "u32", 32, FALSE }, { "i64", 64, TRUE }, { "u64", 64, FALSE }
};

static gboolean
check_to_integer (const FpFormat *f, const IntegerType *type, guint64 a, guint mode,
                  const Config *config)
{
  const FpRoundOp functions[] = { f->to_i32, f->to_u32, f->to_i64, f->to_u64 };
  /* The mode is the argument, not the environment's. */
  VmtFpEnv env = {
    .round = (mode + 1) % 6, .policy = config->policy, .ftz = config->flush, .daz = config->flush
  };
  guint64 got = functions[type - integer_types](a, mode, &env), expected;
  const guint64 mask = G_MAXUINT64 >> (64 - type->width);
  const guint64 max = type->is_signed ? mask >> 1 : mask;
  const guint64 min_magnitude = type->is_signed ? (mask >> 1) + 1 : 0;
  guint flags = 0;
  guint64 v = a;
  gboolean inexact = FALSE;
  mpfr_t x;

  if (config->flush && fp_is_subnormal (f, v))
    {
      v &= fp_sign (f);
      if (is_arm (config) && f->width != 16)
        flags |= VMT_FP_ID;
    }
  mpfr_init2 (x, WORK_PRECISION);
  to_mpfr (f, x, v);
  if (mpfr_nan_p (x))
    {
      flags |= VMT_FP_NV;
      expected = max;
    }
  else if (mpfr_cmpabs_ui (x, 0) != 0 && (mpfr_inf_p (x) || mpfr_get_exp (x) > 64))
    {
      flags |= VMT_FP_NV;
      expected = mpfr_signbit (x) ? -min_magnitude : max;
    }
  else
    {
      const gboolean negative = mpfr_signbit (x);
      guint64 n = round_magnitude (x, mode, &inexact);

      if (n > (negative ? min_magnitude : max))
        {
          flags |= VMT_FP_NV;
          n = negative ? min_magnitude : max;
        }
      else if (inexact)
        flags |= VMT_FP_NX;
      expected = negative ? -n : n;
    }
  mpfr_clear (x);
  expected &= mask;
  if (got == expected && env.flags == flags)
    return TRUE;
  report (type->name, f, mode, config, &a, 1, got, env.flags, expected, flags);
  return FALSE;
}

static gboolean
check_round_int (const FpFormat *f, guint64 a, guint mode, gboolean exact, const Config *config)
{
  VmtFpEnv env = {
    .round = (mode + 1) % 6, .policy = config->policy, .ftz = config->flush, .daz = config->flush
  };
  guint64 got = exact ? f->round_int_exact (a, mode, &env) : f->round_int (a, mode, &env);
  guint64 v = a, expected;
  guint flags = 0;
  mpfr_t x;

  if (config->flush && fp_is_subnormal (f, v))
    {
      v &= fp_sign (f);
      if (is_arm (config) && f->width != 16)
        flags |= VMT_FP_ID;
    }
  mpfr_init2 (x, WORK_PRECISION);
  to_mpfr (f, x, v);
  if (mpfr_nan_p (x))
    {
      const guint64 one_operand[3] = { v };

      expected = reference_nan (f, config, OP_SQRT, one_operand, &flags);
    }
  else if (mpfr_inf_p (x) || mpfr_zero_p (x) || mpfr_get_exp (x) > (gint)f->precision)
    expected = v;
  else
    {
      gboolean inexact;
      guint64 n = round_magnitude (x, mode, &inexact);

      if (exact && inexact)
        flags |= VMT_FP_NX;
      if (n == 0)
        expected = v & fp_sign (f);
      else
        {
          guint ignored = 0;
          gboolean negative = mpfr_signbit (x);

          mpfr_set_uj (x, n, MPFR_RNDZ);
          if (negative)
            mpfr_neg (x, x, MPFR_RNDZ);
          expected = reference_round (f, x, VMT_FP_RTZ, config, FALSE, &ignored);
          g_assert_cmpuint (ignored, ==, 0);
        }
    }
  mpfr_clear (x);
  if (got == expected && env.flags == flags)
    return TRUE;
  report (exact ? "round_int exact" : "round_int", f, mode, config, &a, 1, got, env.flags, expected,
          flags);
  return FALSE;
}

static void
test_to_integer (gconstpointer data)
{
  const FpFormat *f = data;
  guint n, failures = 0;
  const guint64 *s = fp_specials (f, &n);

  for (guint i = 0; i < n + fp_iterations (60000) && failures < MAX_FAILURES; i++)
    {
      guint64 a = i < n ? s[i] : fp_random (f), r = fp_random_bits ();
      VmtFpEnv env = { .round = r % 6 };

      if (i >= n && r & 64)
        {
          /* An integer, or near it, or halfway between two. */
          a = f->from_i64 (fp_random_integer (), 0, 0, &env) + (r >> 8) % 3 - 1;
          if (r & 128)
            a -= (r >> 12) % f->precision << (f->precision - 1);
          a &= (fp_sign (f) << 1) - 1;
        }
      for (guint type = 0; type < G_N_ELEMENTS (integer_types); type++)
        failures += !check_to_integer (f, &integer_types[type], a, (r >> 16) % 6,
                                       &configs[(r >> 24) % G_N_ELEMENTS (configs)]);
      failures += !check_round_int (f, a, (r >> 16) % 6, r & 1,
                                    &configs[(r >> 24) % G_N_ELEMENTS (configs)]);
    }
}

static void
test_exhaustive_integer (void)
{
  const FpFormat *f = &fp_formats[FP_F16];
  guint failures = 0;

  for (guint a = 0; a < 0x10000 && failures < MAX_FAILURES; a++)
    for (guint mode = 0; mode < 6; mode++)
      {
        const Config *config = &configs[(a + mode) % G_N_ELEMENTS (configs)];

        failures += !check_to_integer (f, &integer_types[(a + mode) % 4], a, mode, config);
        failures += !check_round_int (f, a, mode, a & 1, config);
      }
}

static void
test_from_integer (gconstpointer data)
{
  const FpFormat *f = data;
  guint failures = 0;
  mpfr_t x;

  mpfr_init2 (x, WORK_PRECISION);
  for (guint i = fp_iterations (60000); i > 0 && failures < MAX_FAILURES; i--)
    {
      guint64 a = fp_random_integer (), r = fp_random_bits ();
      const guint mode = r % 6;
      const gboolean is_signed = (r >> 8) & 1;
      const Config *config = &configs[(r >> 16) % G_N_ELEMENTS (configs)];
      VmtFpEnv env = {
        .round = mode, .policy = config->policy, .ftz = config->flush, .daz = config->flush
      };
      guint64 got = is_signed ? f->from_i64 (a, 0, 0, &env) : f->from_u64 (a, 0, 0, &env);
      guint64 expected = 0;
      guint flags = 0;

      if (is_signed)
        mpfr_set_sj (x, (gint64)a, MPFR_RNDZ);
      else
        mpfr_set_uj (x, a, MPFR_RNDZ);
      if (a != 0)
        expected = reference_round (f, x, mode, config, config->flush, &flags);
      if (got != expected || env.flags != flags)
        {
          report (is_signed ? "from_i64" : "from_u64", f, mode, config, &a, 1, got, env.flags,
                  expected, flags);
          failures++;
        }
    }
  mpfr_clear (x);
}

/* --- comparisons --- */

static gboolean
check_compare (const FpFormat *f, guint64 a, guint64 b, const Config *config)
{
  const FpOp functions[] = {
    f->eq, f->lt, f->le, f->lt_quiet, f->le_quiet, f->unordered, f->unordered_quiet
  };
  const gboolean quiet[] = { TRUE, FALSE, FALSE, TRUE, TRUE, FALSE, TRUE };
  static const char *const names[] = {
    "eq", "lt", "le", "lt quiet", "le quiet", "unordered", "unordered quiet"
  };
  const guint64 v[2] = { a, b };
  guint common = 0;
  gboolean any_subnormal = FALSE, nan, signalling, ok = TRUE;
  guint64 w[2] = { a, b };
  mpfr_t x, y;

  for (guint i = 0; i < 2; i++)
    if (fp_is_subnormal (f, w[i]))
      {
        if (!config->flush)
          any_subnormal = TRUE;
        else
          {
            w[i] &= fp_sign (f);
            if (is_arm (config) && f->width != 16)
              common |= VMT_FP_ID;
          }
      }
  nan = f->is_nan (a) || f->is_nan (b);
  signalling = f->is_snan (a) || f->is_snan (b);
  if (any_subnormal && !nan && config->policy == VMT_FP_POLICY_X86)
    common |= VMT_FP_ID;
  mpfr_inits2 (64, x, y, (mpfr_ptr)NULL);
  to_mpfr (f, x, w[0]);
  to_mpfr (f, y, w[1]);
  for (guint i = 0; i < G_N_ELEMENTS (functions); i++)
    {
      VmtFpEnv env = { .policy = config->policy, .ftz = config->flush, .daz = config->flush };
      guint64 got = functions[i](a, b, 0, &env), expected;
      guint flags = common;

      if (nan && (signalling || !quiet[i]))
        flags |= VMT_FP_NV;
      if (i >= 5)
        expected = nan;
      else if (nan)
        expected = FALSE;
      else if (i == 0)
        expected = mpfr_equal_p (x, y) != 0;
      else if (i == 1 || i == 3)
        expected = mpfr_less_p (x, y) != 0;
      else
        expected = mpfr_lessequal_p (x, y) != 0;
      if (got != expected || env.flags != flags)
        {
          report (names[i], f, 0, config, v, 2, got, env.flags, expected, flags);
          ok = FALSE;
        }
    }
  if (!nan)
    {
      VmtFpEnv env = { .policy = config->policy, .ftz = config->flush, .daz = config->flush };
      guint64 min = f->min (a, b, 0, &env), max = f->max (a, b, 0, &env);
      gboolean a_less =
          mpfr_less_p (x, y) || (mpfr_equal_p (x, y) && mpfr_signbit (x) && !mpfr_signbit (y));
      guint64 expected_min = a_less ? w[0] : w[1], expected_max = a_less ? w[1] : w[0];

      if (min != expected_min || env.flags != common)
        {
          report ("min", f, 0, config, v, 2, min, env.flags, expected_min, common);
          ok = FALSE;
        }
      if (max != expected_max)
        {
          report ("max", f, 0, config, v, 2, max, env.flags, expected_max, common);
          ok = FALSE;
        }
    }
  mpfr_clears (x, y, (mpfr_ptr)NULL);
  return ok;
}

static void
test_compare (gconstpointer data)
{
  const FpFormat *f = data;
  guint n, failures = 0;
  const guint64 *s = fp_specials (f, &n);

  for (guint i = 0; i < n; i++)
    for (guint j = 0; j < n && failures < MAX_FAILURES; j++)
      for (guint c = 0; c < G_N_ELEMENTS (configs); c++)
        failures += !check_compare (f, s[i], s[j], &configs[c]);
  for (guint i = fp_iterations (5000); i > 0 && failures < MAX_FAILURES; i--)
    {
      guint64 a = fp_random (f), r = fp_random_bits ();

      failures += !check_compare (f, a, r & 1 ? fp_random (f) : fp_random_near (f, a),
                                  &configs[(r >> 8) % G_N_ELEMENTS (configs)]);
    }
}

int
main (int argc, char **argv)
{
  static const struct
  {
    const char *name;
    GTestDataFunc func;
  } tests[] = {
    { "special", test_special },       { "special-fma", test_special_fma },
    { "random", test_random },         { "convert", test_convert },
    { "to-integer", test_to_integer }, { "from-integer", test_from_integer },
    { "compare", test_compare },
  };

  g_test_init (&argc, &argv, NULL);
  for (guint i = 0; i < G_N_ELEMENTS (tests); i++)
    for (guint f = 0; f < FP_N_FORMATS; f++)
      {
        g_autofree char *path =
            g_strdup_printf ("/fp/mpfr/%s/%s", tests[i].name, fp_formats[f].name);

        g_test_add_data_func (path, &fp_formats[f], tests[i].func);
      }
  g_test_add_func ("/fp/mpfr/exhaustive/sqrt", test_exhaustive_sqrt);
  g_test_add_func ("/fp/mpfr/exhaustive/convert", test_exhaustive_convert);
  g_test_add_func ("/fp/mpfr/exhaustive/integer", test_exhaustive_integer);
  return g_test_run ();
}

#endif
