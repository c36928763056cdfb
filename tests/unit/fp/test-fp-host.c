/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Compares core/fp with the floating-point unit of the host: x86-64 for the x86 policy and, as far
 * as operands are no NaNs, RISC-V's; AArch64 for Arm's; RISC-V for its own. One assembly block sets
 * the control register, does one instruction and reads the status, so that no compiler moves
 * anything across. */
#include "fp-corpus.h"

#include <string.h>

#if defined(__x86_64__) || defined(__aarch64__) || (defined(__riscv) && defined(__riscv_d))

typedef guint64 (*HostOp) (guint64 a, guint64 b, guint64 c, guint32 control, guint32 *status);

typedef struct
{
  const char *name;
  HostOp host;
  FpOp ours;
  gint8 format;        /* of the first operand; -1: an integer */
  guint8 width;        /* bits of the result that count */
  gboolean to_integer; /* what an invalid conversion gives is the architecture's own affair */
  const char *feature; /* NULL: every host has it */
} Row;

/* --- what is ours, in the shape of the host's instruction --- */

#define OURS(NAME, CALL)                                                                           \
  G_GNUC_UNUSED static guint64 ours_##NAME (guint64 a, guint64 b, guint64 c, VmtFpEnv *env)        \
  {                                                                                                \
    return CALL;                                                                                   \
  }

/* 0 less, 1 equal, 2 greater, 3 unordered; the flags of one comparison. */
#define OURS_COMPARE(F, NAME, QUIET)                                                               \
  G_GNUC_UNUSED static guint64 ours_##F##_##NAME (guint64 a, guint64 b, guint64 c, VmtFpEnv *env)  \
  {                                                                                                \
    VmtFpEnv scratch = *env;                                                                       \
                                                                                                   \
    if (vmt_##F##_lt (a, b, QUIET, env))                                                           \
      return 0;                                                                                    \
    if (vmt_##F##_unordered (a, b, TRUE, &scratch))                                                \
      return 3;                                                                                    \
    return vmt_##F##_eq (a, b, &scratch) ? 1 : 2;                                                  \
  }

#define OURS_FORMAT(F)                                                                             \
  OURS (F##_add, vmt_##F##_add (a, b, env))                                                        \
  OURS (F##_sub, vmt_##F##_sub (a, b, env))                                                        \
  OURS (F##_mul, vmt_##F##_mul (a, b, env))                                                        \
  OURS (F##_div, vmt_##F##_div (a, b, env))                                                        \
  OURS (F##_sqrt, vmt_##F##_sqrt (a, env))                                                         \
  OURS (F##_fma, vmt_##F##_fma (a, b, c, FALSE, FALSE, env))                                       \
  OURS (F##_fnma, vmt_##F##_fma (a, b, c, TRUE, FALSE, env))                                       \
  OURS (F##_fms, vmt_##F##_fma (a, b, c, FALSE, TRUE, env))                                        \
  OURS (F##_fnms, vmt_##F##_fma (a, b, c, TRUE, TRUE, env))                                        \
  OURS_COMPARE (F, cmp, FALSE)                                                                     \
  OURS_COMPARE (F, cmp_quiet, TRUE)                                                                \
  OURS (F##_to_i32, (guint32)vmt_##F##_to_i32 (a, env->round, env))                                \
  OURS (F##_to_i64, vmt_##F##_to_i64 (a, env->round, env))                                         \
  OURS (F##_to_i32_rtz, (guint32)vmt_##F##_to_i32 (a, VMT_FP_RTZ, env))                            \
  OURS (F##_to_i64_rtz, vmt_##F##_to_i64 (a, VMT_FP_RTZ, env))                                     \
  OURS (F##_to_u64_rtz, vmt_##F##_to_u64 (a, VMT_FP_RTZ, env))                                     \
  OURS (F##_to_u32_rtz, vmt_##F##_to_u32 (a, VMT_FP_RTZ, env))                                     \
  OURS (F##_from_i32, vmt_##F##_from_i64 ((gint32)a, env))                                         \
  OURS (F##_from_i64, vmt_##F##_from_i64 (a, env))                                                 \
  OURS (F##_from_u64, vmt_##F##_from_u64 (a, env))                                                 \
  OURS (F##_rint, vmt_##F##_round_int (a, env->round, FALSE, env))                                 \
  OURS (F##_rint_exact, vmt_##F##_round_int (a, env->round, TRUE, env))

OURS_FORMAT (f32)
OURS_FORMAT (f64)
OURS (f16_to_f32, vmt_f16_to_f32 (a, env))
OURS (f32_to_f16, vmt_f32_to_f16 (a, env))
OURS (f32_to_f64, vmt_f32_to_f64 (a, env))
OURS (f64_to_f32, vmt_f64_to_f32 (a, env))

#if defined(__x86_64__)

OURS (f32_to_u64, vmt_f32_to_u64 (a, env->round, env))
OURS (f64_to_u64, vmt_f64_to_u64 (a, env->round, env))
OURS (f32_to_u32, vmt_f32_to_u32 (a, env->round, env))
OURS (f64_to_u32, vmt_f64_to_u32 (a, env->round, env))

#define HOST_ROUNDS 4 /* rne rtz rdn rup */

/* All exceptions masked. */
#define HOST_DEFAULT_CONTROL 0x1f80u

typedef struct
{
  const char *name;
  VmtFpPolicy policy;
  gboolean ftz, daz;
  guint32 control;
} Mode;

static const Mode modes[] = {
  { "x86", VMT_FP_POLICY_X86, FALSE, FALSE, 0 },
  { "x86 ftz", VMT_FP_POLICY_X86, TRUE, FALSE, 0x8000 },
  { "x86 daz", VMT_FP_POLICY_X86, FALSE, TRUE, 0x40 },
  { "x86 ftz daz", VMT_FP_POLICY_X86, TRUE, TRUE, 0x8040 },
  { "riscv", VMT_FP_POLICY_RISCV, FALSE, FALSE, 0 },
};

static guint32
host_control (guint round, const Mode *mode)
{
  static const guint8 rc[] = {
    [VMT_FP_RNE] = 0, [VMT_FP_RDN] = 1, [VMT_FP_RUP] = 2, [VMT_FP_RTZ] = 3
  };

  return HOST_DEFAULT_CONTROL | mode->control | (guint32)rc[round] << 13;
}

static guint
host_flags (guint32 status)
{
  return (status & 1 ? VMT_FP_NV : 0) | (status & 2 ? VMT_FP_ID : 0) |
         (status & 4 ? VMT_FP_DZ : 0) | (status & 8 ? VMT_FP_OF : 0) |
         (status & 16 ? VMT_FP_UF : 0) | (status & 32 ? VMT_FP_NX : 0);
}

/* Operands in xmm0, xmm1, xmm2 and a in rax; the result in xmm0 or in rax. */
#define HOST(NAME, INSTRUCTION, RESULT)                                                            \
  static guint64 host_##NAME (guint64 a, guint64 b, guint64 c, guint32 control, guint32 *status)   \
  {                                                                                                \
    const guint32 default_control = HOST_DEFAULT_CONTROL;                                          \
    guint64 result;                                                                                \
                                                                                                   \
    __asm__ volatile("movq %[a], %%xmm0\n\t"                                                       \
                     "movq %[b], %%xmm1\n\t"                                                       \
                     "movq %[c], %%xmm2\n\t"                                                       \
                     "movq %[a], %%rax\n\t"                                                        \
                     "ldmxcsr %[control]\n\t" INSTRUCTION "\n\t"                                   \
                     "stmxcsr %[control]\n\t"                                                      \
                     "ldmxcsr %[default_control]\n\t" RESULT                                       \
                     : [result] "=&r"(result), [control] "+m"(control)                             \
                     : [a] "r"(a), [b] "r"(b), [c] "r"(c), [default_control] "m"(default_control)  \
                     : "rax", "rcx", "rdx", "xmm0", "xmm1", "xmm2", "cc");                         \
    *status = control;                                                                             \
    return result;                                                                                 \
  }
#define FROM_XMM "movq %%xmm0, %[result]"
#define FROM_RAX "movq %%rax, %[result]"

/* (u)comis: CF less, ZF equal, both and PF unordered; made 0, 1, 2, 3. */
#define COMPARE(I)                                                                                 \
  I " %%xmm1, %%xmm0\n\t"                                                                          \
    "movl $2, %%eax\n\t"                                                                           \
    "movl $0, %%ecx\n\t"                                                                           \
    "movl $1, %%edx\n\t"                                                                           \
    "cmovc %%ecx, %%eax\n\t"                                                                       \
    "cmovz %%edx, %%eax\n\t"                                                                       \
    "movl $3, %%ecx\n\t"                                                                           \
    "cmovp %%ecx, %%eax"

#define HOST_FORMAT(F, S)                                                                          \
  HOST (F##_add, "adds" S " %%xmm1, %%xmm0", FROM_XMM)                                             \
  HOST (F##_sub, "subs" S " %%xmm1, %%xmm0", FROM_XMM)                                             \
  HOST (F##_mul, "muls" S " %%xmm1, %%xmm0", FROM_XMM)                                             \
  HOST (F##_div, "divs" S " %%xmm1, %%xmm0", FROM_XMM)                                             \
  HOST (F##_sqrt, "sqrts" S " %%xmm0, %%xmm0", FROM_XMM)                                           \
  HOST (F##_fma, "vfmadd132s" S " %%xmm1, %%xmm2, %%xmm0", FROM_XMM)                               \
  HOST (F##_fnma, "vfnmadd132s" S " %%xmm1, %%xmm2, %%xmm0", FROM_XMM)                             \
  HOST (F##_fms, "vfmsub132s" S " %%xmm1, %%xmm2, %%xmm0", FROM_XMM)                               \
  HOST (F##_fnms, "vfnmsub132s" S " %%xmm1, %%xmm2, %%xmm0", FROM_XMM)                             \
  HOST (F##_cmp, COMPARE ("comis" S), FROM_RAX)                                                    \
  HOST (F##_cmp_quiet, COMPARE ("ucomis" S), FROM_RAX)                                             \
  HOST (F##_to_i32, "cvts" S "2si %%xmm0, %%eax", FROM_RAX)                                        \
  HOST (F##_to_i64, "cvts" S "2si %%xmm0, %%rax", FROM_RAX)                                        \
  HOST (F##_to_u32, "vcvts" S "2usi %%xmm0, %%eax", FROM_RAX)                                      \
  HOST (F##_to_u64, "vcvts" S "2usi %%xmm0, %%rax", FROM_RAX)                                      \
  HOST (F##_to_i32_rtz, "cvtts" S "2si %%xmm0, %%eax", FROM_RAX)                                   \
  HOST (F##_to_i64_rtz, "cvtts" S "2si %%xmm0, %%rax", FROM_RAX)                                   \
  HOST (F##_to_u32_rtz, "vcvtts" S "2usi %%xmm0, %%eax", FROM_RAX)                                 \
  HOST (F##_to_u64_rtz, "vcvtts" S "2usi %%xmm0, %%rax", FROM_RAX)                                 \
  HOST (F##_from_i32, "cvtsi2s" S "l %%eax, %%xmm0", FROM_XMM)                                     \
  HOST (F##_from_i64, "cvtsi2s" S "q %%rax, %%xmm0", FROM_XMM)                                     \
  HOST (F##_from_u64, "vcvtusi2s" S "q %%rax, %%xmm0, %%xmm0", FROM_XMM)                           \
  HOST (F##_rint, "rounds" S " $12, %%xmm0, %%xmm0", FROM_XMM)                                     \
  HOST (F##_rint_exact, "rounds" S " $4, %%xmm0, %%xmm0", FROM_XMM)

HOST_FORMAT (f32, "s")
HOST_FORMAT (f64, "d")
HOST (f32_to_f64, "cvtss2sd %%xmm0, %%xmm0", FROM_XMM)
HOST (f64_to_f32, "cvtsd2ss %%xmm0, %%xmm0", FROM_XMM)
HOST (f32_to_f16, "vcvtps2ph $4, %%xmm0, %%xmm0", FROM_XMM)
HOST (f16_to_f32, "vcvtph2ps %%xmm0, %%xmm0", FROM_XMM)

static gboolean
host_has (const char *feature)
{
  if (feature == NULL)
    return TRUE;
  __builtin_cpu_init ();
  if (strcmp (feature, "fma") == 0)
    return __builtin_cpu_supports ("fma") != 0;
  if (strcmp (feature, "sse4.1") == 0)
    return __builtin_cpu_supports ("sse4.1") != 0;
#ifdef __clang__
  /* before version 16 it knows no "f16c"; whoever has AVX2 has that too */
  if (strcmp (feature, "f16c") == 0)
    return __builtin_cpu_supports ("avx2") != 0;
#else
  if (strcmp (feature, "f16c") == 0)
    return __builtin_cpu_supports ("f16c") != 0;
#endif
  if (strcmp (feature, "avx512f") == 0)
    return __builtin_cpu_supports ("avx512f") != 0;
  g_assert_not_reached ();
}

#define ROW(F, NAME, FORMAT, WIDTH, TO_INTEGER, FEATURE)                                           \
  {                                                                                                \
#F "_" #NAME, host_##F##_##NAME, ours_##F##_##NAME, FORMAT, WIDTH, TO_INTEGER, FEATURE         \
  }
#define ROWS(F, FORMAT, WIDTH)                                                                     \
  ROW (F, add, FORMAT, WIDTH, FALSE, NULL), ROW (F, sub, FORMAT, WIDTH, FALSE, NULL),              \
      ROW (F, mul, FORMAT, WIDTH, FALSE, NULL), ROW (F, div, FORMAT, WIDTH, FALSE, NULL),          \
      ROW (F, sqrt, FORMAT, WIDTH, FALSE, NULL), ROW (F, fma, FORMAT, WIDTH, FALSE, "fma"),        \
      ROW (F, fnma, FORMAT, WIDTH, FALSE, "fma"), ROW (F, fms, FORMAT, WIDTH, FALSE, "fma"),       \
      ROW (F, fnms, FORMAT, WIDTH, FALSE, "fma"), ROW (F, cmp, FORMAT, 64, FALSE, NULL),           \
      ROW (F, cmp_quiet, FORMAT, 64, FALSE, NULL), ROW (F, to_i32, FORMAT, 32, TRUE, NULL),        \
      ROW (F, to_i64, FORMAT, 64, TRUE, NULL), ROW (F, to_u32, FORMAT, 32, TRUE, "avx512f"),       \
      ROW (F, to_u64, FORMAT, 64, TRUE, "avx512f"), ROW (F, to_i32_rtz, FORMAT, 32, TRUE, NULL),   \
      ROW (F, to_i64_rtz, FORMAT, 64, TRUE, NULL),                                                 \
      ROW (F, to_u32_rtz, FORMAT, 32, TRUE, "avx512f"),                                            \
      ROW (F, to_u64_rtz, FORMAT, 64, TRUE, "avx512f"), ROW (F, from_i32, -1, WIDTH, FALSE, NULL), \
      ROW (F, from_i64, -1, WIDTH, FALSE, NULL), ROW (F, from_u64, -1, WIDTH, FALSE, "avx512f"),   \
      ROW (F, rint, FORMAT, WIDTH, FALSE, "sse4.1"),                                               \
      ROW (F, rint_exact, FORMAT, WIDTH, FALSE, "sse4.1")

static const Row rows[] = {
  ROWS (f32, FP_F32, 32),
  ROWS (f64, FP_F64, 64),
  ROW (f32, to_f64, FP_F32, 64, FALSE, NULL),
  ROW (f64, to_f32, FP_F64, 32, FALSE, NULL),
  ROW (f32, to_f16, FP_F32, 16, FALSE, "f16c"),
  ROW (f16, to_f32, FP_F16, 32, FALSE, "f16c"),
};

#elif defined(__aarch64__)

#include <sys/auxv.h>

#ifndef HWCAP_FPHP
#define HWCAP_FPHP (1ul << 9)
#endif

OURS_FORMAT (f16)
OURS (f16_to_f64, vmt_f16_to_f64 (a, env))
OURS (f64_to_f16, vmt_f64_to_f16 (a, env))
OURS (f16_minnm, vmt_f16_min_number (a, b, env))
OURS (f16_maxnm, vmt_f16_max_number (a, b, env))
OURS (f32_minnm, vmt_f32_min_number (a, b, env))
OURS (f32_maxnm, vmt_f32_max_number (a, b, env))
OURS (f64_minnm, vmt_f64_min_number (a, b, env))
OURS (f64_maxnm, vmt_f64_max_number (a, b, env))
OURS (f16_to_i64_away, vmt_f16_to_i64 (a, VMT_FP_RMM, env))
OURS (f32_to_i64_away, vmt_f32_to_i64 (a, VMT_FP_RMM, env))
OURS (f64_to_i64_away, vmt_f64_to_i64 (a, VMT_FP_RMM, env))
OURS (f16_rint_away, vmt_f16_round_int (a, VMT_FP_RMM, FALSE, env))
OURS (f32_rint_away, vmt_f32_round_int (a, VMT_FP_RMM, FALSE, env))
OURS (f64_rint_away, vmt_f64_round_int (a, VMT_FP_RMM, FALSE, env))

static guint64
ours_f64_to_f32_odd (guint64 a, guint64 b, guint64 c, VmtFpEnv *env)
{
  env->round = VMT_FP_ODD;
  return vmt_f64_to_f32 (a, env);
}

typedef struct
{
  const char *name;
  VmtFpPolicy policy;
  gboolean ftz, daz;
  guint32 control;
} Mode;

#define HOST_ROUNDS 4 /* rne rtz rdn rup */

/* FZ is bit 24, FZ16 bit 19, DN bit 25. */
static const Mode modes[] = {
  { "arm", VMT_FP_POLICY_ARM, FALSE, FALSE, 0 },
  { "arm fz", VMT_FP_POLICY_ARM, TRUE, TRUE, 1u << 24 | 1u << 19 },
  { "arm dn", VMT_FP_POLICY_ARM_DN, FALSE, FALSE, 1u << 25 },
  { "arm dn fz", VMT_FP_POLICY_ARM_DN, TRUE, TRUE, 1u << 25 | 1u << 24 | 1u << 19 },
};

static guint32
host_control (guint round, const Mode *mode)
{
  static const guint8 rmode[] = {
    [VMT_FP_RNE] = 0, [VMT_FP_RUP] = 1, [VMT_FP_RDN] = 2, [VMT_FP_RTZ] = 3
  };

  return mode->control | (guint32)rmode[round] << 22;
}

static guint
host_flags (guint32 status)
{
  return (status & 1 ? VMT_FP_NV : 0) | (status & 2 ? VMT_FP_DZ : 0) |
         (status & 4 ? VMT_FP_OF : 0) | (status & 8 ? VMT_FP_UF : 0) |
         (status & 16 ? VMT_FP_NX : 0) | (status & 128 ? VMT_FP_ID : 0);
}

/* Operands in v0, v1, v2 and a in x9; the result in v0 or in x9. */
#define HOST(NAME, INSTRUCTION, RESULT)                                                            \
  static guint64 host_##NAME (guint64 a, guint64 b, guint64 c, guint32 control, guint32 *status)   \
  {                                                                                                \
    guint64 result, flags;                                                                         \
                                                                                                   \
    __asm__ volatile(".arch_extension fp16\n\t"                                                    \
                     "fmov d0, %[a]\n\t"                                                           \
                     "fmov d1, %[b]\n\t"                                                           \
                     "fmov d2, %[c]\n\t"                                                           \
                     "mov x9, %[a]\n\t"                                                            \
                     "msr fpsr, xzr\n\t"                                                           \
                     "msr fpcr, %[control]\n\t" INSTRUCTION "\n\t"                                 \
                     "mrs %[flags], fpsr\n\t"                                                      \
                     "msr fpcr, xzr\n\t" RESULT                                                    \
                     : [result] "=&r"(result), [flags] "=&r"(flags)                                \
                     : [a] "r"(a), [b] "r"(b), [c] "r"(c), [control] "r"((guint64)control)         \
                     : "x9", "x10", "x11", "v0", "v1", "v2", "cc");                                \
    *status = flags;                                                                               \
    return result;                                                                                 \
  }
#define FROM_V "fmov %[result], d0"
#define FROM_X "mov %[result], x9"

/* N less, Z equal, V unordered. */
#define COMPARE(I, S)                                                                              \
  I " " S "0, " S "1\n\t"                                                                          \
    "cset x9, ne\n\t"                                                                              \
    "add x9, x9, #1\n\t"                                                                           \
    "csel x9, xzr, x9, mi\n\t"                                                                     \
    "mov x10, #3\n\t"                                                                              \
    "csel x9, x10, x9, vs"

/* The instruction of the mode in FPCR: by its field, none reads it. */
#define CONVERT(KIND, S, R)                                                                        \
  "ubfx x10, %[control], #22, #2\n\t"                                                              \
  "cbz x10, 1f\n\t"                                                                                \
  "cmp x10, #2\n\t"                                                                                \
  "b.lt 2f\n\t"                                                                                    \
  "b.eq 3f\n\t"                                                                                    \
  "fcvtz" KIND " " R "9, " S "0\n\tb 4f\n"                                                         \
  "1:\tfcvtn" KIND " " R "9, " S "0\n\tb 4f\n"                                                     \
  "2:\tfcvtp" KIND " " R "9, " S "0\n\tb 4f\n"                                                     \
  "3:\tfcvtm" KIND " " R "9, " S "0\n"                                                             \
  "4:"

#define HOST_FORMAT(F, S)                                                                          \
  HOST (F##_add, "fadd " S "0, " S "0, " S "1", FROM_V)                                            \
  HOST (F##_sub, "fsub " S "0, " S "0, " S "1", FROM_V)                                            \
  HOST (F##_mul, "fmul " S "0, " S "0, " S "1", FROM_V)                                            \
  HOST (F##_div, "fdiv " S "0, " S "0, " S "1", FROM_V)                                            \
  HOST (F##_sqrt, "fsqrt " S "0, " S "0", FROM_V)                                                  \
  HOST (F##_fma, "fmadd " S "0, " S "0, " S "1, " S "2", FROM_V)                                   \
  HOST (F##_fnma, "fmsub " S "0, " S "0, " S "1, " S "2", FROM_V)                                  \
  HOST (F##_fms, "fnmsub " S "0, " S "0, " S "1, " S "2", FROM_V)                                  \
  HOST (F##_fnms, "fnmadd " S "0, " S "0, " S "1, " S "2", FROM_V)                                 \
  HOST (F##_minnm, "fminnm " S "0, " S "0, " S "1", FROM_V)                                        \
  HOST (F##_maxnm, "fmaxnm " S "0, " S "0, " S "1", FROM_V)                                        \
  HOST (F##_cmp, COMPARE ("fcmpe", S), FROM_X)                                                     \
  HOST (F##_cmp_quiet, COMPARE ("fcmp", S), FROM_X)                                                \
  HOST (F##_to_i32, CONVERT ("s", S, "w"), FROM_X)                                                 \
  HOST (F##_to_i64, CONVERT ("s", S, "x"), FROM_X)                                                 \
  HOST (F##_to_i32_rtz, "fcvtzs w9, " S "0", FROM_X)                                               \
  HOST (F##_to_i64_rtz, "fcvtzs x9, " S "0", FROM_X)                                               \
  HOST (F##_to_u32_rtz, "fcvtzu w9, " S "0", FROM_X)                                               \
  HOST (F##_to_u64_rtz, "fcvtzu x9, " S "0", FROM_X)                                               \
  HOST (F##_to_i64_away, "fcvtas x9, " S "0", FROM_X)                                              \
  HOST (F##_from_i32, "scvtf " S "0, w9", FROM_V)                                                  \
  HOST (F##_from_i64, "scvtf " S "0, x9", FROM_V)                                                  \
  HOST (F##_from_u64, "ucvtf " S "0, x9", FROM_V)                                                  \
  HOST (F##_rint, "frinti " S "0, " S "0", FROM_V)                                                 \
  HOST (F##_rint_exact, "frintx " S "0, " S "0", FROM_V)                                           \
  HOST (F##_rint_away, "frinta " S "0, " S "0", FROM_V)

HOST_FORMAT (f16, "h")
HOST_FORMAT (f32, "s")
HOST_FORMAT (f64, "d")
HOST (f16_to_f32, "fcvt s0, h0", FROM_V)
HOST (f16_to_f64, "fcvt d0, h0", FROM_V)
HOST (f32_to_f16, "fcvt h0, s0", FROM_V)
HOST (f32_to_f64, "fcvt d0, s0", FROM_V)
HOST (f64_to_f16, "fcvt h0, d0", FROM_V)
HOST (f64_to_f32, "fcvt s0, d0", FROM_V)
HOST (f64_to_f32_odd, "fcvtxn s0, d0", FROM_V)

static gboolean
host_has (const char *feature)
{
  return feature == NULL || (getauxval (AT_HWCAP) & HWCAP_FPHP) != 0;
}

#define ROW(F, NAME, FORMAT, WIDTH, TO_INTEGER, FEATURE)                                           \
  {                                                                                                \
#F "_" #NAME, host_##F##_##NAME, ours_##F##_##NAME, FORMAT, WIDTH, TO_INTEGER, FEATURE         \
  }
#define ROWS(F, FORMAT, WIDTH, FEATURE)                                                            \
  ROW (F, add, FORMAT, WIDTH, FALSE, FEATURE), ROW (F, sub, FORMAT, WIDTH, FALSE, FEATURE),        \
      ROW (F, mul, FORMAT, WIDTH, FALSE, FEATURE), ROW (F, div, FORMAT, WIDTH, FALSE, FEATURE),    \
      ROW (F, sqrt, FORMAT, WIDTH, FALSE, FEATURE), ROW (F, fma, FORMAT, WIDTH, FALSE, FEATURE),   \
      ROW (F, fnma, FORMAT, WIDTH, FALSE, FEATURE), ROW (F, fms, FORMAT, WIDTH, FALSE, FEATURE),   \
      ROW (F, fnms, FORMAT, WIDTH, FALSE, FEATURE), ROW (F, minnm, FORMAT, WIDTH, FALSE, FEATURE), \
      ROW (F, maxnm, FORMAT, WIDTH, FALSE, FEATURE), ROW (F, cmp, FORMAT, 64, FALSE, FEATURE),     \
      ROW (F, cmp_quiet, FORMAT, 64, FALSE, FEATURE), ROW (F, to_i32, FORMAT, 32, TRUE, FEATURE),  \
      ROW (F, to_i64, FORMAT, 64, TRUE, FEATURE), ROW (F, to_i32_rtz, FORMAT, 32, TRUE, FEATURE),  \
      ROW (F, to_i64_rtz, FORMAT, 64, TRUE, FEATURE),                                              \
      ROW (F, to_u32_rtz, FORMAT, 32, TRUE, FEATURE),                                              \
      ROW (F, to_u64_rtz, FORMAT, 64, TRUE, FEATURE),                                              \
      ROW (F, to_i64_away, FORMAT, 64, TRUE, FEATURE),                                             \
      ROW (F, from_i32, -1, WIDTH, FALSE, FEATURE), ROW (F, from_i64, -1, WIDTH, FALSE, FEATURE),  \
      ROW (F, from_u64, -1, WIDTH, FALSE, FEATURE), ROW (F, rint, FORMAT, WIDTH, FALSE, FEATURE),  \
      ROW (F, rint_exact, FORMAT, WIDTH, FALSE, FEATURE),                                          \
      ROW (F, rint_away, FORMAT, WIDTH, FALSE, FEATURE)

static const Row rows[] = {
  ROWS (f16, FP_F16, 16, "fphp"),
  ROWS (f32, FP_F32, 32, NULL),
  ROWS (f64, FP_F64, 64, NULL),
  ROW (f16, to_f32, FP_F16, 32, FALSE, NULL),
  ROW (f16, to_f64, FP_F16, 64, FALSE, NULL),
  ROW (f32, to_f16, FP_F32, 16, FALSE, NULL),
  ROW (f32, to_f64, FP_F32, 64, FALSE, NULL),
  ROW (f64, to_f16, FP_F64, 16, FALSE, NULL),
  ROW (f64, to_f32, FP_F64, 32, FALSE, NULL),
  ROW (f64, to_f32_odd, FP_F64, 32, FALSE, NULL),
};

#else /* __riscv */

#define OURS_MORE(F)                                                                               \
  OURS (F##_to_u32, vmt_##F##_to_u32 (a, env->round, env))                                         \
  OURS (F##_to_u64, vmt_##F##_to_u64 (a, env->round, env))                                         \
  OURS (F##_from_u32, vmt_##F##_from_u64 ((guint32)a, env))                                        \
  OURS (F##_min, vmt_##F##_min_number (a, b, env))                                                 \
  OURS (F##_max, vmt_##F##_max_number (a, b, env))                                                 \
  OURS (F##_eq, vmt_##F##_eq (a, b, env))                                                          \
  OURS (F##_lt, vmt_##F##_lt (a, b, FALSE, env))                                                   \
  OURS (F##_le, vmt_##F##_le (a, b, FALSE, env))                                                   \
  OURS (F##_class, vmt_##F##_classify (a))

OURS_MORE (f32)
OURS_MORE (f64)

#define HOST_ROUNDS 5 /* rne rtz rdn rup rmm */

typedef struct
{
  const char *name;
  VmtFpPolicy policy;
  gboolean ftz, daz;
} Mode;

static const Mode modes[] = { { "riscv", VMT_FP_POLICY_RISCV, FALSE, FALSE } };

static guint32
host_control (guint round, const Mode *mode)
{
  return round << 5;
}

static guint
host_flags (guint32 status)
{
  return status & 31;
}

/* Operands in fa0, fa1, fa2 and a in t0; the result in fa0 or in t0. */
#define HOST(NAME, MOVE, INSTRUCTION, RESULT)                                                      \
  static guint64 host_##NAME (guint64 a, guint64 b, guint64 c, guint32 control, guint32 *status)   \
  {                                                                                                \
    guint64 result, flags;                                                                         \
                                                                                                   \
    __asm__ volatile(MOVE " fa0, %[a]\n\t" MOVE " fa1, %[b]\n\t" MOVE " fa2, %[c]\n\t"             \
                          "mv t0, %[a]\n\t"                                                        \
                          "fscsr zero, %[control]\n\t" INSTRUCTION "\n\t"                          \
                          "frcsr %[flags]\n\t"                                                     \
                          "fscsr zero, zero\n\t" RESULT                                            \
                     : [result] "=&r"(result), [flags] "=&r"(flags)                                \
                     : [a] "r"(a), [b] "r"(b), [c] "r"(c), [control] "r"((guint64)control)         \
                     : "t0", "fa0", "fa1", "fa2");                                                 \
    *status = flags;                                                                               \
    return result;                                                                                 \
  }
#define MOVE_s "fmv.w.x"
#define MOVE_d "fmv.d.x"
#define FROM_s "fmv.x.w %[result], fa0"
#define FROM_d "fmv.x.d %[result], fa0"
#define FROM_X "mv %[result], t0"

#define HOST_FORMAT(F, S)                                                                          \
  HOST (F##_add, MOVE_##S, "fadd." #S " fa0, fa0, fa1, dyn", FROM_##S)                             \
  HOST (F##_sub, MOVE_##S, "fsub." #S " fa0, fa0, fa1, dyn", FROM_##S)                             \
  HOST (F##_mul, MOVE_##S, "fmul." #S " fa0, fa0, fa1, dyn", FROM_##S)                             \
  HOST (F##_div, MOVE_##S, "fdiv." #S " fa0, fa0, fa1, dyn", FROM_##S)                             \
  HOST (F##_sqrt, MOVE_##S, "fsqrt." #S " fa0, fa0, dyn", FROM_##S)                                \
  HOST (F##_fma, MOVE_##S, "fmadd." #S " fa0, fa0, fa1, fa2, dyn", FROM_##S)                       \
  HOST (F##_fnma, MOVE_##S, "fnmsub." #S " fa0, fa0, fa1, fa2, dyn", FROM_##S)                     \
  HOST (F##_fms, MOVE_##S, "fmsub." #S " fa0, fa0, fa1, fa2, dyn", FROM_##S)                       \
  HOST (F##_fnms, MOVE_##S, "fnmadd." #S " fa0, fa0, fa1, fa2, dyn", FROM_##S)                     \
  HOST (F##_min, MOVE_##S, "fmin." #S " fa0, fa0, fa1", FROM_##S)                                  \
  HOST (F##_max, MOVE_##S, "fmax." #S " fa0, fa0, fa1", FROM_##S)                                  \
  HOST (F##_eq, MOVE_##S, "feq." #S " t0, fa0, fa1", FROM_X)                                       \
  HOST (F##_lt, MOVE_##S, "flt." #S " t0, fa0, fa1", FROM_X)                                       \
  HOST (F##_le, MOVE_##S, "fle." #S " t0, fa0, fa1", FROM_X)                                       \
  HOST (F##_class, MOVE_##S, "fclass." #S " t0, fa0", FROM_X)                                      \
  HOST (F##_to_i32, MOVE_##S, "fcvt.w." #S " t0, fa0, dyn", FROM_X)                                \
  HOST (F##_to_u32, MOVE_##S, "fcvt.wu." #S " t0, fa0, dyn", FROM_X)                               \
  HOST (F##_to_i64, MOVE_##S, "fcvt.l." #S " t0, fa0, dyn", FROM_X)                                \
  HOST (F##_to_u64, MOVE_##S, "fcvt.lu." #S " t0, fa0, dyn", FROM_X)                               \
  HOST (F##_to_i32_rtz, MOVE_##S, "fcvt.w." #S " t0, fa0, rtz", FROM_X)                            \
  HOST (F##_to_u32_rtz, MOVE_##S, "fcvt.wu." #S " t0, fa0, rtz", FROM_X)                           \
  HOST (F##_to_i64_rtz, MOVE_##S, "fcvt.l." #S " t0, fa0, rtz", FROM_X)                            \
  HOST (F##_to_u64_rtz, MOVE_##S, "fcvt.lu." #S " t0, fa0, rtz", FROM_X)                           \
  HOST (F##_from_i32, MOVE_##S, "fcvt." #S ".w fa0, t0", FROM_##S)                                 \
  HOST (F##_from_u32, MOVE_##S, "fcvt." #S ".wu fa0, t0", FROM_##S)                                \
  HOST (F##_from_i64, MOVE_##S, "fcvt." #S ".l fa0, t0, dyn", FROM_##S)                            \
  HOST (F##_from_u64, MOVE_##S, "fcvt." #S ".lu fa0, t0, dyn", FROM_##S)

HOST_FORMAT (f32, s)
HOST_FORMAT (f64, d)
HOST (f32_to_f64, MOVE_s, "fcvt.d.s fa0, fa0", FROM_d)
HOST (f64_to_f32, MOVE_d, "fcvt.s.d fa0, fa0, dyn", FROM_s)

static gboolean
host_has (const char *feature)
{
  return feature == NULL;
}

/* RISC-V says what an invalid conversion gives, so that all of its bits count. */
#define ROW(F, NAME, FORMAT, WIDTH)                                                                \
  {                                                                                                \
#F "_" #NAME, host_##F##_##NAME, ours_##F##_##NAME, FORMAT, WIDTH, FALSE, NULL                 \
  }
#define ROWS(F, FORMAT, WIDTH)                                                                     \
  ROW (F, add, FORMAT, WIDTH), ROW (F, sub, FORMAT, WIDTH), ROW (F, mul, FORMAT, WIDTH),           \
      ROW (F, div, FORMAT, WIDTH), ROW (F, sqrt, FORMAT, WIDTH), ROW (F, fma, FORMAT, WIDTH),      \
      ROW (F, fnma, FORMAT, WIDTH), ROW (F, fms, FORMAT, WIDTH), ROW (F, fnms, FORMAT, WIDTH),     \
      ROW (F, min, FORMAT, WIDTH), ROW (F, max, FORMAT, WIDTH), ROW (F, eq, FORMAT, 64),           \
      ROW (F, lt, FORMAT, 64), ROW (F, le, FORMAT, 64), ROW (F, class, FORMAT, 64),                \
      ROW (F, to_i32, FORMAT, 32), ROW (F, to_u32, FORMAT, 32), ROW (F, to_i64, FORMAT, 64),       \
      ROW (F, to_u64, FORMAT, 64), ROW (F, to_i32_rtz, FORMAT, 32),                                \
      ROW (F, to_u32_rtz, FORMAT, 32), ROW (F, to_i64_rtz, FORMAT, 64),                            \
      ROW (F, to_u64_rtz, FORMAT, 64), ROW (F, from_i32, -1, WIDTH), ROW (F, from_u32, -1, WIDTH), \
      ROW (F, from_i64, -1, WIDTH), ROW (F, from_u64, -1, WIDTH)

static const Row rows[] = {
  ROWS (f32, FP_F32, 32),
  ROWS (f64, FP_F64, 64),
  ROW (f32, to_f64, FP_F32, 64),
  ROW (f64, to_f32, FP_F64, 32),
};

#endif

static gboolean
check (const Row *row, const guint64 *v, guint round, const Mode *mode)
{
  const guint64 mask = G_MAXUINT64 >> (64 - row->width);
  VmtFpEnv env = { .policy = mode->policy, .round = round, .ftz = mode->ftz, .daz = mode->daz };
  guint32 status;
  guint64 expected = row->host (v[0], v[1], v[2], host_control (round, mode), &status) & mask;
  guint64 got = row->ours (v[0], v[1], v[2], &env) & mask;
  guint flags = host_flags (status);
  g_autofree char *got_text = NULL, *expected_text = NULL;

#ifdef __x86_64__
  if (mode->policy == VMT_FP_POLICY_RISCV)
    {
      /* An x86 host speaks for RISC-V as long as there is no NaN. */
      const FpFormat *f = row->format < 0 ? NULL : &fp_formats[row->format];

      for (guint i = 0; f != NULL && i < 3; i++)
        if (f->is_nan (v[i]))
          return TRUE;
      flags &= ~VMT_FP_ID;
      if (flags & VMT_FP_NV)
        expected = got;
    }
#endif
  if (row->to_integer && flags & VMT_FP_NV)
    expected = got;
  if (got == expected && env.flags == flags)
    return TRUE;

  got_text = fp_flags_text (env.flags);
  expected_text = fp_flags_text (flags);
  g_test_message ("%s %s %s: %" G_GINT64_MODIFIER "x %" G_GINT64_MODIFIER "x %" G_GINT64_MODIFIER
                  "x -> %" G_GINT64_MODIFIER "x %s, not %" G_GINT64_MODIFIER "x %s",
                  row->name, mode->name, fp_round_names[round], v[0], v[1], v[2], got, got_text,
                  expected, expected_text);
  g_test_fail ();
  return FALSE;
}

#define MAX_FAILURES 20

static void
test_special (gconstpointer data)
{
  const Row *row = data;
  guint n = 64, failures = 0;
  const guint64 *s = row->format < 0 ? NULL : fp_specials (&fp_formats[row->format], &n);

  for (guint i = 0; i < n; i++)
    for (guint j = 0; j < n && failures < MAX_FAILURES; j++)
      for (guint round = VMT_FP_RNE; round < HOST_ROUNDS; round++)
        {
          const guint64 v[3] = { s != NULL ? s[i] : fp_random_integer (), s != NULL ? s[j] : 0,
                                 s != NULL ? s[fp_random_bits () % n] : 0 };

          for (guint mode = 0; mode < G_N_ELEMENTS (modes); mode++)
            failures += !check (row, v, round, &modes[mode]);
        }
}

static void
test_random (gconstpointer data)
{
  const Row *row = data;
  const FpFormat *f = row->format < 0 ? NULL : &fp_formats[row->format];
  guint failures = 0;

  for (guint i = fp_iterations (60000); i > 0 && failures < MAX_FAILURES; i--)
    {
      guint64 v[3] = { fp_random_integer () }, r = fp_random_bits ();

      if (f != NULL)
        {
          VmtFpEnv env = { 0 };

          v[0] = fp_random (f);
          v[1] = r & 1 ? fp_random_near (f, v[0]) : fp_random (f);
          v[2] = r & 2 ? fp_random_near (f, f->mul (v[0], v[1], 0, &env)) : fp_random (f);
        }
      failures += !check (row, v, (r >> 8) % HOST_ROUNDS, &modes[(r >> 16) % G_N_ELEMENTS (modes)]);
    }
}

static void
test_unsupported (gconstpointer data)
{
  const Row *row = data;
  g_autofree char *why = g_strdup_printf ("the host has no %s", row->feature);

  g_test_skip (why);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  for (guint i = 0; i < G_N_ELEMENTS (rows); i++)
    {
      g_autofree char *special = g_strdup_printf ("/fp/host/%s/special", rows[i].name);
      g_autofree char *random = g_strdup_printf ("/fp/host/%s/random", rows[i].name);
      const gboolean has = host_has (rows[i].feature);

      g_test_add_data_func (special, &rows[i], has ? test_special : test_unsupported);
      g_test_add_data_func (random, &rows[i], has ? test_random : test_unsupported);
    }
  return g_test_run ();
}

#else

static void
test_other (void)
{
  g_test_skip ("no instructions written for this host");
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/fp/host/other", test_other);
  return g_test_run ();
}

#endif
