/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Every encoding that the emitter for AArch64 makes against LLVM's assembler, on any host. */
#include <gio/gio.h>
#include <string.h>

#include "baseline-aarch64.h"

typedef struct
{
  GString *text; /* one instruction a line */
  GArray *words; /* (element-type guint32) */
} Listing;

static void G_GNUC_PRINTF (3, 4) add (Listing *l, guint32 word, const char *format, ...)
{
  va_list args;
  va_start (args, format);
  g_string_append_vprintf (l->text, format, args);
  va_end (args);
  g_string_append_c (l->text, '\n');
  g_array_append_val (l->words, word);
}

/* Register 31 is what @last says. */
static const char *
reg (gboolean x, guint n, const char *last)
{
  static const char names[2][32][4] = {
    { "w0",  "w1",  "w2",  "w3",  "w4",  "w5",  "w6",  "w7",  "w8",  "w9",  "w10",
      "w11", "w12", "w13", "w14", "w15", "w16", "w17", "w18", "w19", "w20", "w21",
      "w22", "w23", "w24", "w25", "w26", "w27", "w28", "w29", "w30" },
    { "x0",  "x1",  "x2",  "x3",  "x4",  "x5",  "x6",  "x7",  "x8",  "x9",  "x10",
      "x11", "x12", "x13", "x14", "x15", "x16", "x17", "x18", "x19", "x20", "x21",
      "x22", "x23", "x24", "x25", "x26", "x27", "x28", "x29", "x30" }
  };
  return n < 31 ? names[x][n] : last;
}
#define ZERO(x, n) reg (x, n, (x) ? "xzr" : "wzr")
#define STACK(x, n) reg (x, n, (x) ? "sp" : "wsp")

/* The edges of the field and what lies between. */
static const guint regs[] = { 0, 1, 9, 15, 16, 30, 31 };
static const guint others[] = { 3, 20, 31, 12, 0, 28, 17 };
static const char *const conds[] = { "eq", "ne", "hs", "lo", "mi", "pl", "vs",
                                     "vc", "hi", "ls", "ge", "lt", "gt", "le" };
static const char *const shifts[] = { "lsl", "lsr", "asr", "ror" };

static void
list_add (Listing *l)
{
  static const char *const names[] = { "add", "adds", "sub", "subs" };
  static const guint imms[] = { 0, 1, 0x800, 0xfff };
  for (guint x = 0; x < 2; x++)
    for (A64Add op = A64_ADD; op <= A64_SUBS; op++)
      for (guint i = 0; i < G_N_ELEMENTS (regs); i++)
        {
          const guint d = regs[i], n = others[i], m = regs[(i + 2) % G_N_ELEMENTS (regs)];
          for (guint k = 0; k < G_N_ELEMENTS (imms); k++)
            for (guint high = 0; high < 2; high++)
              add (l, a64_add_imm (x, op, d, n, imms[k], high), "%s %s, %s, #%u, lsl #%u",
                   names[op], op & 1 ? ZERO (x, d) : STACK (x, d), STACK (x, n), imms[k],
                   high * 12);
          for (A64Shift shift = A64_LSL; shift <= A64_ASR; shift++)
            for (guint count = 0; count < (x ? 64 : 32); count += 21 + 10 * x)
              add (l, a64_add_shifted (x, op, d, n, m, shift, count), "%s %s, %s, %s, %s #%u",
                   names[op], ZERO (x, d), ZERO (x, n), ZERO (x, m), shifts[shift], count);
          for (guint count = 0; x && count <= 4; count++)
            add (l, a64_add_uxtw (op, d % 31, n, m, count), "%s %s, %s, %s, uxtw #%u", names[op],
                 ZERO (TRUE, d % 31), STACK (TRUE, n), ZERO (FALSE, m), count);
        }
}

/* All that there are: each element, number of ones and rotation. */
static void
list_bitmask (Listing *l)
{
  static const char *const names[] = { "and", "orr", "eor", "ands" };
  guint n_found = 0;
  for (guint size = 2; size <= 64; size *= 2)
    for (guint n = 1; n < size; n++)
      for (guint r = 0; r < size; r++)
        {
          const guint64 ones = G_MAXUINT64 >> (64 - size), run = ones >> (size - n);
          guint64 value = r == 0 ? run : (run >> r | run << (size - r)) & ones;
          guint32 fields = 0;
          for (guint k = size; k < 64; k *= 2)
            value |= value << k;
          g_assert_true (a64_bitmask (TRUE, value, &fields));
          const A64Logic op = (A64Logic)(n_found % 4);
          add (l, a64_logic_imm (TRUE, op, n_found % 31, 7, fields),
               "%s %s, x7, #%#" G_GINT64_MODIFIER "x", names[op], ZERO (TRUE, n_found % 31), value);
          if (size <= 32)
            {
              g_assert_true (a64_bitmask (FALSE, (guint32)value, &fields));
              add (l, a64_logic_imm (FALSE, op, n_found % 31, 30, fields), "%s %s, w30, #%#x",
                   names[op], ZERO (FALSE, n_found % 31), (guint32)value);
              /* what lies above 32 bits does not matter */
              g_assert_true (a64_bitmask (FALSE, value, &fields));
            }
          n_found++;
        }
  /* N, immr and imms say so many different ones */
  g_assert_cmpuint (n_found, ==, 5334);
}

static void
list_logic (Listing *l)
{
  static const char *const names[2][4] = { { "and", "orr", "eor", "ands" },
                                           { "bic", "orn", "eon", "bics" } };
  for (guint x = 0; x < 2; x++)
    for (A64Logic op = A64_AND; op <= A64_ANDS; op++)
      for (guint invert = 0; invert < 2; invert++)
        for (guint i = 0; i < G_N_ELEMENTS (regs); i++)
          for (A64Shift shift = A64_LSL; shift <= A64_ROR; shift++)
            for (guint count = 0; count < (x ? 64 : 32); count += 21 + 10 * x)
              add (l,
                   a64_logic (x, op, invert, regs[i], others[i],
                              regs[(i + 2) % G_N_ELEMENTS (regs)], shift, count),
                   "%s %s, %s, %s, %s #%u", names[invert][op], ZERO (x, regs[i]),
                   ZERO (x, others[i]), ZERO (x, regs[(i + 2) % G_N_ELEMENTS (regs)]),
                   shifts[shift], count);
}

static void
list_moves (Listing *l)
{
  static const char *const wide[] = { "movn", "", "movz", "movk" };
  static const char *const fields[] = { "sbfm", "bfm", "ubfm" };
  static const guint16 imms[] = { 0, 1, 0x8000, 0xffff };
  for (guint x = 0; x < 2; x++)
    for (guint i = 0; i < G_N_ELEMENTS (regs); i++)
      {
        const guint d = regs[i], n = others[i], m = regs[(i + 3) % G_N_ELEMENTS (regs)];
        const guint width = x ? 64 : 32;
        for (guint op = 0; op < 4; op++)
          for (guint piece = 0; op != 1 && piece < width / 16; piece++)
            for (guint k = 0; k < G_N_ELEMENTS (imms); k++)
              add (l, a64_move_wide (x, (A64Wide)op, d, imms[k], piece), "%s %s, #%u, lsl #%u",
                   wide[op], ZERO (x, d), imms[k], piece * 16);
        for (guint op = 0; op < 3; op++)
          for (guint r = 0; r < width; r += 9)
            for (guint s = 0; s < width; s += 11)
              add (l, a64_bitfield (x, (A64Bitfield)op, d, n, r, s), "%s %s, %s, #%u, #%u",
                   fields[op], ZERO (x, d), ZERO (x, n), r, s);
        for (guint lsb = 0; lsb < width; lsb += 7)
          add (l, a64_extr (x, d, n, m, lsb), "extr %s, %s, %s, #%u", ZERO (x, d), ZERO (x, n),
               ZERO (x, m), lsb);
      }
}

static void
list_sources (Listing *l)
{
  static const char *const one[] = { "rbit", "rev16", "rev32", "rev", "clz" };
  static const struct
  {
    A64Source2 op;
    const char *name;
  } two[] = { { A64_UDIV, "udiv" }, { A64_SDIV, "sdiv" }, { A64_LSLV, "lslv" },
              { A64_LSRV, "lsrv" }, { A64_ASRV, "asrv" }, { A64_RORV, "rorv" } };
  static const char *const select[] = { "csel", "csinc", "csinv", "csneg" };
  for (guint i = 0; i < G_N_ELEMENTS (regs); i++)
    {
      const guint d = regs[i], n = others[i], m = regs[(i + 1) % G_N_ELEMENTS (regs)],
                  a = others[(i + 3) % G_N_ELEMENTS (regs)];
      for (guint x = 0; x < 2; x++)
        {
          for (guint op = A64_RBIT; op <= A64_CLZ; op++)
            if (x || op != A64_REV64)
              add (l, a64_source1 (x, (A64Source1)op, d, n), "%s %s, %s",
                   !x && op == A64_REV32 ? "rev" : one[op], ZERO (x, d), ZERO (x, n));
          for (guint k = 0; k < G_N_ELEMENTS (two); k++)
            add (l, a64_source2 (x, two[k].op, d, n, m), "%s %s, %s, %s", two[k].name, ZERO (x, d),
                 ZERO (x, n), ZERO (x, m));
          for (guint subtract = 0; subtract < 2; subtract++)
            add (l, a64_madd (x, subtract, d, n, m, a), "%s %s, %s, %s, %s",
                 subtract ? "msub" : "madd", ZERO (x, d), ZERO (x, n), ZERO (x, m), ZERO (x, a));
          for (guint op = 0; op < 4; op++)
            for (guint cond = 0; cond < G_N_ELEMENTS (conds); cond++)
              add (l, a64_select (x, (A64Select)op, d, n, m, (A64Cond)cond), "%s %s, %s, %s, %s",
                   select[op], ZERO (x, d), ZERO (x, n), ZERO (x, m), conds[cond]);
        }
      for (guint is_unsigned = 0; is_unsigned < 2; is_unsigned++)
        add (l, a64_mul_high (is_unsigned, d, n, m), "%s %s, %s, %s",
             is_unsigned ? "umulh" : "smulh", ZERO (TRUE, d), ZERO (TRUE, n), ZERO (TRUE, m));
    }
}

static guint32
retargeted (guint32 insn, gint64 words)
{
  g_assert_true (a64_retarget (&insn, words));
  return insn;
}

static void
list_branches (Listing *l)
{
  static const char *const names[] = { "br", "blr", "ret" };
  static const gint32 near[] = { 0, 1, -1, 1000, -(1 << 18), (1 << 18) - 1 };
  static const gint32 far[] = { 0, 1, -1, 1 << 18, -(1 << 25), (1 << 25) - 1 };
  static const gint32 bytes[] = { 0, 1, 2, 3, -1, 4096, -(1 << 20), (1 << 20) - 1 };
  for (guint k = 0; k < G_N_ELEMENTS (far); k++)
    {
      add (l, a64_b (far[k]), "b #%d", far[k] * 4);
      add (l, retargeted (a64_b (-7), far[k]), "b #%d", far[k] * 4);
    }
  for (guint k = 0; k < G_N_ELEMENTS (near); k++)
    {
      for (guint cond = 0; cond < G_N_ELEMENTS (conds); cond++)
        {
          add (l, a64_b_cond ((A64Cond)cond, near[k]), "b.%s #%d", conds[cond], near[k] * 4);
          add (l, retargeted (a64_b_cond ((A64Cond)cond, -5), near[k]), "b.%s #%d", conds[cond],
               near[k] * 4);
        }
      for (guint i = 0; i < G_N_ELEMENTS (regs); i++)
        for (guint x = 0; x < 2; x++)
          for (guint non_zero = 0; non_zero < 2; non_zero++)
            {
              add (l, a64_cbz (x, non_zero, regs[i], near[k]), "%s %s, #%d",
                   non_zero ? "cbnz" : "cbz", ZERO (x, regs[i]), near[k] * 4);
              add (l, retargeted (a64_cbz (x, non_zero, regs[i], 9), near[k]), "%s %s, #%d",
                   non_zero ? "cbnz" : "cbz", ZERO (x, regs[i]), near[k] * 4);
            }
    }
  for (guint i = 0; i < G_N_ELEMENTS (regs); i++)
    {
      for (guint op = 0; op < 3; op++)
        add (l, a64_branch_reg ((A64Branch)op, regs[i]), "%s %s", names[op], ZERO (TRUE, regs[i]));
      for (guint k = 0; k < G_N_ELEMENTS (bytes); k++)
        add (l, a64_adr (regs[i], bytes[k]), "adr %s, #%d", ZERO (TRUE, regs[i]), bytes[k]);
    }
}

static void
list_memory (Listing *l)
{
  static const char *const names[3][4] = { { "strb", "strh", "str", "str" },
                                           { "ldrb", "ldrh", "ldr", "ldr" },
                                           { "ldrsb", "ldrsh", "ldrsw", "" } };
  static const char *const unscaled[3][4] = { { "sturb", "sturh", "stur", "stur" },
                                              { "ldurb", "ldurh", "ldur", "ldur" },
                                              { "ldursb", "ldursh", "ldursw", "" } };
  static const guint units[] = { 0, 1, 0x800, 0xfff };
  static const gint32 disps[] = { 0, 1, -1, 255, -256 };
  static const gint32 pairs[] = { 0, 1, -1, 63, -64 };
  for (guint i = 0; i < G_N_ELEMENTS (regs); i++)
    {
      const guint t = regs[i], n = others[i], m = regs[(i + 1) % G_N_ELEMENTS (regs)];
      for (guint op = 0; op < 3; op++)
        for (guint log2 = 0; log2 < 4; log2++)
          {
            const gboolean x = log2 == 3 || op == A64_LDRS;
            if (log2 == 3 && op == A64_LDRS)
              continue;
            for (guint k = 0; k < G_N_ELEMENTS (units); k++)
              add (l, a64_access ((A64Access)op, log2, t, n, units[k]), "%s %s, [%s, #%u]",
                   names[op][log2], ZERO (x, t), STACK (TRUE, n), units[k] << log2);
            for (guint k = 0; k < G_N_ELEMENTS (disps); k++)
              add (l, a64_access_unscaled ((A64Access)op, log2, t, n, disps[k]), "%s %s, [%s, #%d]",
                   unscaled[op][log2], ZERO (x, t), STACK (TRUE, n), disps[k]);
            add (l, a64_access_reg ((A64Access)op, log2, t, n, m), "%s %s, [%s, %s]",
                 names[op][log2], ZERO (x, t), STACK (TRUE, n), ZERO (TRUE, m));
          }
      for (guint load = 0; load < 2; load++)
        for (guint k = 0; k < G_N_ELEMENTS (pairs); k++)
          {
            /* a register that is written twice has no meaning */
            const char *name = load ? "ldp" : "stp";
            const char *first = ZERO (TRUE, t), *second = ZERO (TRUE, t == 8 ? 9 : 8);
            const guint t2 = t == 8 ? 9 : 8, base = n == t ? 31 : n;
            const char *at = STACK (TRUE, base);
            add (l, a64_pair (load, A64_OFFSET, t, t2, base, pairs[k]), "%s %s, %s, [%s, #%d]",
                 name, first, second, at, pairs[k] * 8);
            add (l, a64_pair (load, A64_PRE_INDEX, t, t2, base, pairs[k]), "%s %s, %s, [%s, #%d]!",
                 name, first, second, at, pairs[k] * 8);
            add (l, a64_pair (load, A64_POST_INDEX, t, t2, base, pairs[k]), "%s %s, %s, [%s], #%d",
                 name, first, second, at, pairs[k] * 8);
          }
    }
  for (guint i = 0; i < G_N_ELEMENTS (regs); i++)
    for (guint log2 = 2; log2 < 4; log2++)
      for (guint ordered = 0; ordered < 2; ordered++)
        {
          const guint t = regs[i], n = others[i], s = 25;
          const char *value = ZERO (log2 == 3, t);
          add (l, a64_load_exclusive (ordered, log2, t, n), "%s %s, [%s]",
               ordered ? "ldaxr" : "ldxr", value, STACK (TRUE, n));
          add (l, a64_store_exclusive (ordered, log2, s, t, n), "%s %s, %s, [%s]",
               ordered ? "stlxr" : "stxr", ZERO (FALSE, s), value, STACK (TRUE, n));
        }
  add (l, a64_dmb (A64_ISH), "dmb ish");
  add (l, a64_dmb (A64_ISHLD), "dmb ishld");
  add (l, a64_dmb (A64_ISHST), "dmb ishst");
}

static void
list_vectors (Listing *l)
{
  for (guint i = 0; i < G_N_ELEMENTS (regs); i++)
    {
      const guint v = regs[i], r = others[i];
      add (l, a64_fmov (TRUE, FALSE, v, r), "fmov d%u, %s", v, ZERO (TRUE, r));
      add (l, a64_fmov (FALSE, FALSE, v, r), "fmov s%u, %s", v, ZERO (FALSE, r));
      add (l, a64_fmov (TRUE, TRUE, r, v), "fmov %s, d%u", ZERO (TRUE, r), v);
      add (l, a64_fmov (FALSE, TRUE, r, v), "fmov %s, s%u", ZERO (FALSE, r), v);
      add (l, a64_cnt (v, r), "cnt v%u.8b, v%u.8b", v, r);
      add (l, a64_addv (v, r), "addv b%u, v%u.8b", v, r);
      add (l, a64_cmtst (v, r, v ^ 5), "cmtst v%u.8b, v%u.8b, v%u.8b", v, r, v ^ 5);
    }
}

/* What the assembler says, a word for each line; NULL: there is none. */
static GArray *
assemble (const char *text)
{
  const char *const argv[] = { "llvm-mc", "--triple=aarch64", "--show-encoding", NULL };
  g_autoptr (GSubprocessLauncher) launcher =
      g_subprocess_launcher_new (G_SUBPROCESS_FLAGS_STDIN_PIPE | G_SUBPROCESS_FLAGS_STDOUT_PIPE);
  g_autoptr (GError) error = NULL;
  g_autoptr (GSubprocess) process = g_subprocess_launcher_spawnv (launcher, argv, &error);
  if (process == NULL)
    return NULL;
  g_autofree char *output = NULL;
  g_subprocess_communicate_utf8 (process, text, NULL, &output, NULL, &error);
  g_assert_no_error (error);
  g_assert_true (g_subprocess_get_successful (process));
  GArray *words = g_array_new (FALSE, FALSE, sizeof (guint32));
  for (const char *at = output; (at = strstr (at, "encoding: [")) != NULL;)
    {
      guint32 word = 0;
      at += strlen ("encoding: [");
      for (guint i = 0; i < 4; i++)
        {
          char *end;
          word |= (guint32)g_ascii_strtoull (at, &end, 16) << 8 * i;
          at = end + 1;
        }
      g_array_append_val (words, word);
    }
  return words;
}

static void
check (void (*list) (Listing *l))
{
  Listing l = { g_string_new (NULL), g_array_new (FALSE, FALSE, sizeof (guint32)) };
  list (&l);
  g_autoptr (GArray) expected = assemble (l.text->str);
  if (expected == NULL)
    g_test_skip ("llvm-mc not found (Debian's package llvm): the encodings are not compared");
  else
    {
      g_auto (GStrv) lines = g_strsplit (l.text->str, "\n", -1);
      g_assert_cmpuint (expected->len, ==, l.words->len);
      for (guint i = 0; i < l.words->len; i++)
        {
          const guint32 word = g_array_index (l.words, guint32, i);
          const guint32 wanted = g_array_index (expected, guint32, i);
          if (word != wanted)
            {
              g_test_message ("%s: %08x, not %08x", lines[i], wanted, word);
              g_test_fail ();
            }
        }
      g_test_message ("%u instructions", l.words->len);
    }
  g_string_free (l.text, TRUE);
  g_array_unref (l.words);
}

static void
test_add (void)
{
  check (list_add);
}
static void
test_bitmask (void)
{
  check (list_bitmask);
}
static void
test_logic (void)
{
  check (list_logic);
}
static void
test_moves (void)
{
  check (list_moves);
}
static void
test_sources (void)
{
  check (list_sources);
}
static void
test_branches (void)
{
  check (list_branches);
}
static void
test_memory (void)
{
  check (list_memory);
}
static void
test_vectors (void)
{
  check (list_vectors);
}

/* What has no encoding is refused. */
static void
test_limits (void)
{
  guint32 fields, insn;
  g_assert_false (a64_bitmask (TRUE, 0, &fields));
  g_assert_false (a64_bitmask (TRUE, G_MAXUINT64, &fields));
  g_assert_false (a64_bitmask (FALSE, G_MAXUINT32, &fields));
  g_assert_false (a64_bitmask (TRUE, 5, &fields));
  g_assert_false (a64_bitmask (TRUE, G_GUINT64_CONSTANT (0x0000000100000003), &fields));
  g_assert_false (a64_bitmask (FALSE, 0xf0f0f0f1, &fields));
  insn = a64_b_cond (A64_EQ, 0);
  g_assert_false (a64_retarget (&insn, 1 << 18));
  g_assert_false (a64_retarget (&insn, -(1 << 18) - 1));
  insn = a64_b (0);
  g_assert_false (a64_retarget (&insn, 1 << 25));
  g_assert_true (a64_retarget (&insn, 1 << 18));
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/baseline/aarch64/add", test_add);
  g_test_add_func ("/baseline/aarch64/bitmask", test_bitmask);
  g_test_add_func ("/baseline/aarch64/logic", test_logic);
  g_test_add_func ("/baseline/aarch64/moves", test_moves);
  g_test_add_func ("/baseline/aarch64/sources", test_sources);
  g_test_add_func ("/baseline/aarch64/branches", test_branches);
  g_test_add_func ("/baseline/aarch64/memory", test_memory);
  g_test_add_func ("/baseline/aarch64/vectors", test_vectors);
  g_test_add_func ("/baseline/aarch64/limits", test_limits);
  return g_test_run ();
}
