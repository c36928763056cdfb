/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The instructions that an IR easily cannot express, each a file in hard/: its text, and cases of
 * inputs and results.
 *
 *   arch NAME                       x86_64, aarch64 or riscv64
 *   block ... end                   the IR
 *   case TEXT                       begins a case; its lines:
 *   in WHAT = VALUE                 everything else is 0
 *   map ADDRESS r|rw                a page more than the two writable ones at 0x10000
 *   out WHAT = VALUE                everything that is not named has not changed
 *   jump|exit|indirect ADDRESS, budget
 *   fault CAUSE VALUE               where CAUSE is load, store, load-align, store-align or a number
 *
 * WHAT is a global, mem ADDRESS, reservation (an address), fp.flags, fp.round or budget. VALUE is a
 * number, for vectors and memory an element type and elements from the lowest (i8 i16 i32 i64; f32
 * and f64 in decimal), for flags letters: C P A Z S O, or N Z C V. */
#include <stdlib.h>

#include "ir-test-arch.h"

typedef struct
{
  const char *file;
  const VmtArchOps *arch;
  VmtIrBlock *block;
  guint n_cases;
} Hard;

typedef struct
{
  TestState *state, *expected;
  char *name;
  gint64 budget, budget_after;
  gboolean has_exit;
  VmtIrEvalExit how;
  guint64 pc, cause, value;
} Case;

static void G_GNUC_NORETURN
broken (Hard *h, guint line, const char *what)
{
  g_error ("%s:%u: %s", h->file, line, what);
}

static guint64
parse_u64 (Hard *h, guint line, const char *t)
{
  char *end;
  guint64 x = *t == '-' ? (guint64)g_ascii_strtoll (t, &end, 0) : g_ascii_strtoull (t, &end, 0);

  if (end == t || *end)
    broken (h, line, t);
  return x;
}

/* "i32 1 2 3", "f64 1.5 nan" or one number of up to 128 bits; returns the bytes. */
static guint
parse_data (Hard *h, guint line, char **words, guint8 *out, guint size)
{
  static const struct
  {
    const char *name;
    guint bytes;
    gboolean is_float;
  } elements[] = { { "i8", 1, FALSE },  { "i16", 2, FALSE }, { "i32", 4, FALSE },
                   { "i64", 8, FALSE }, { "f32", 4, TRUE },  { "f64", 8, TRUE } };
  guint n = 0;

  for (guint e = 0; e < G_N_ELEMENTS (elements); e++)
    if (!strcmp (words[0], elements[e].name))
      {
        for (guint i = 1; words[i]; i++)
          {
            guint64 x;

            if (n + elements[e].bytes > size)
              broken (h, line, "more elements than there is room for");
            if (elements[e].is_float && !g_str_has_prefix (words[i], "0x"))
              {
                char *end;
                double d = g_ascii_strtod (words[i], &end);
                float f = d;

                if (*end)
                  broken (h, line, words[i]);
                x = 0;
                memcpy (&x, elements[e].bytes == 4 ? (void *)&f : (void *)&d, elements[e].bytes);
              }
            else
              x = parse_u64 (h, line, words[i]);
            memcpy (out + n, &x, elements[e].bytes);
            n += elements[e].bytes;
          }
        return n;
      }
  if (words[1])
    broken (h, line, "one number expected");
  if (strlen (words[0]) > 18 && size >= 16)
    {
      g_autofree char *high = g_strndup (words[0], strlen (words[0]) - 16);
      g_autofree char *low = g_strconcat ("0x", words[0] + strlen (words[0]) - 16, NULL);
      guint64 x[2] = { parse_u64 (h, line, low), parse_u64 (h, line, high) };

      memcpy (out, x, 16);
      return 16;
    }
  else
    {
      guint64 x = parse_u64 (h, line, words[0]);

      memcpy (out, &x, 8);
      return 8;
    }
}

static guint
flag_bit (Hard *h, guint line, char c)
{
  switch (c)
    {
    case 'C':
      return VMT_IR_FLAG_C;
    case 'P':
      return VMT_IR_FLAG_P;
    case 'A':
      return VMT_IR_FLAG_A;
    case 'Z':
      return VMT_IR_FLAG_Z;
    case 'S':
    case 'N':
      return VMT_IR_FLAG_S;
    case 'O':
    case 'V':
      return VMT_IR_FLAG_O;
    default:
      broken (h, line, "flags are letters");
    }
}

static guint
slot_size (VmtIrType type)
{
  return vmt_ir_type_class (type) == 'v'             ? vmt_ir_type_bits (type) / 8
         : type == VMT_IR_I128 || type == VMT_IR_F80 ? 16
                                                     : 8;
}

static void
assign (Hard *h, guint line, TestState *state, gint64 *budget, char **words)
{
  gint global = test_global (h->arch, words[0]);
  gboolean is_mem = !strcmp (words[0], "mem") && words[1];
  guint8 data[64] = { 0 };
  guint n = is_mem ? 2 : 1;

  if (!words[n] || strcmp (words[n], "=") || !words[n + 1])
    broken (h, line, "expected WHAT = VALUE");
  if (is_mem)
    {
      guint64 va = parse_u64 (h, line, words[1]);
      guint size = parse_data (h, line, words + 3, data, sizeof data);

      for (guint i = 0; i < size; i++)
        {
          guint8 *p = test_state_byte (state, va + i, FALSE);

          if (!p)
            broken (h, line, "no memory there");
          *p = data[i];
        }
    }
  else if (!strcmp (words[0], "fp.flags"))
    state->fp.flags = parse_u64 (h, line, words[2]);
  else if (!strcmp (words[0], "fp.round"))
    state->fp.round = parse_u64 (h, line, words[2]);
  else if (!strcmp (words[0], "budget"))
    *budget = parse_u64 (h, line, words[2]);
  else if (!strcmp (words[0], "reservation"))
    {
      state->reserved = strcmp (words[2], "none") != 0;
      state->reserved_va = state->reserved ? parse_u64 (h, line, words[2]) : 0;
    }
  else if (global < 0)
    broken (h, line, words[0]);
  else if (h->arch->globals[global].type == VMT_IR_FLAGS)
    {
      guint bits = 0;

      for (const char *c = words[2]; *c && strcmp (c, "-"); c++)
        bits |= flag_bit (h, line, *c);
      *(VmtIrFlags *)test_slot (state, h->arch, global) = vmt_ir_flags_from_bits (bits);
    }
  else
    {
      guint size = slot_size (h->arch->globals[global].type);

      parse_data (h, line, words + 2, data, size);
      memcpy (test_slot (state, h->arch, global), data, size);
    }
}

static guint64
cause_by_name (Hard *h, guint line, const char *t)
{
  return !strcmp (t, "load")          ? TEST_LOAD_FAULT
         : !strcmp (t, "store")       ? TEST_STORE_FAULT
         : !strcmp (t, "load-align")  ? TEST_LOAD_MISALIGNED
         : !strcmp (t, "store-align") ? TEST_STORE_MISALIGNED
                                      : parse_u64 (h, line, t);
}

static void
case_line (Hard *h, guint line, Case *c, char **words)
{
  guint n = g_strv_length (words);

  if (!strcmp (words[0], "in") && n > 1)
    {
      assign (h, line, c->state, &c->budget, words + 1);
      assign (h, line, c->expected, &c->budget_after, words + 1);
    }
  else if (!strcmp (words[0], "out") && n > 1)
    assign (h, line, c->expected, &c->budget_after, words + 1);
  else if (!strcmp (words[0], "map") && n == 3)
    {
      test_state_map (c->state, parse_u64 (h, line, words[1]), !strcmp (words[2], "rw"));
      test_state_map (c->expected, parse_u64 (h, line, words[1]), !strcmp (words[2], "rw"));
    }
  else
    {
      if (c->has_exit)
        broken (h, line, "a second way out");
      c->has_exit = TRUE;
      if (!strcmp (words[0], "fault") && n == 3)
        {
          c->how = VMT_IR_EVAL_FAULT;
          c->cause = cause_by_name (h, line, words[1]);
          c->value = parse_u64 (h, line, words[2]);
        }
      else if (!strcmp (words[0], "budget") && n == 1)
        c->how = VMT_IR_EVAL_BUDGET;
      else if (n == 2)
        {
          c->how = !strcmp (words[0], "jump")       ? VMT_IR_EVAL_JUMP
                   : !strcmp (words[0], "exit")     ? VMT_IR_EVAL_EXIT
                   : !strcmp (words[0], "indirect") ? VMT_IR_EVAL_INDIRECT
                                                    : VMT_IR_EVAL_NEXT;
          c->pc = parse_u64 (h, line, words[1]);
        }
      if (c->how == VMT_IR_EVAL_NEXT)
        broken (h, line, words[0]);
    }
}

static void
hex (GString *s, const guint8 *p, guint size)
{
  for (guint i = size; i-- > 0;)
    g_string_append_printf (s, "%02x", p[i]);
}

static void
compare (Hard *h, Case *c, GString *bad)
{
  guint mask = h->arch == &test_arch_aarch64
                   ? VMT_IR_FLAG_C | VMT_IR_FLAG_Z | VMT_IR_FLAG_S | VMT_IR_FLAG_O
                   : VMT_IR_FLAGS_ALL;

  for (guint i = 0; i < h->arch->n_globals; i++)
    {
      const VmtIrGlobal *g = &h->arch->globals[i];
      const guint8 *have = test_slot (c->state, h->arch, i);
      const guint8 *want = test_slot (c->expected, h->arch, i);

      if (g->type == VMT_IR_FLAGS)
        {
          guint a = vmt_ir_flags_bits ((const VmtIrFlags *)have) & mask;
          guint b = vmt_ir_flags_bits ((const VmtIrFlags *)want) & mask;

          if (a != b)
            g_string_append_printf (bad, "\n  %s is 0x%03x, not 0x%03x", g->name, a, b);
        }
      else if (memcmp (have, want, slot_size (g->type)))
        {
          g_string_append_printf (bad, "\n  %s is ", g->name);
          hex (bad, have, slot_size (g->type));
          g_string_append (bad, ", not ");
          hex (bad, want, slot_size (g->type));
        }
    }
  for (guint i = 0; i < c->state->n_pages; i++)
    for (guint j = 0; j < 4096; j++)
      if (c->state->pages[i].bytes[j] != c->expected->pages[i].bytes[j])
        g_string_append_printf (bad, "\n  byte 0x%" G_GINT64_MODIFIER "x is %02x, not %02x",
                                c->state->pages[i].va + j, c->state->pages[i].bytes[j],
                                c->expected->pages[i].bytes[j]);
  if (c->state->fp.flags != c->expected->fp.flags)
    g_string_append_printf (bad, "\n  fp.flags is %u, not %u", c->state->fp.flags,
                            c->expected->fp.flags);
  if (c->state->reserved != c->expected->reserved)
    g_string_append_printf (bad, "\n  there is %s reservation", c->state->reserved ? "a" : "no");
}

static void
run_case (Hard *h, Case *c)
{
  g_autoptr (GString) bad = g_string_new (NULL);
  VmtIrEval e = { .vcpu = &c->state->vcpu,
                  .block = h->block,
                  .mem = &test_mem_ops,
                  .page_va = TEST_PAGE,
                  .budget = c->budget };
  VmtIrEvalExit how;

  if (!c->has_exit)
    broken (h, 0, "a case does not say how the block is left");
  h->n_cases++;
  how = vmt_ir_eval_block (&e);
  if (how != c->how)
    g_string_append_printf (bad, "\n  left by %d, not %d", how, c->how);
  else if (how == VMT_IR_EVAL_FAULT)
    {
      if (c->state->vcpu.fault.cause != c->cause || c->state->vcpu.fault.value != c->value)
        g_string_append_printf (bad,
                                "\n  exception %" G_GUINT64_FORMAT " 0x%" G_GINT64_MODIFIER "x",
                                c->state->vcpu.fault.cause, c->state->vcpu.fault.value);
      if (e.pc != TEST_PAGE + (gint64)h->block->insns[e.insn].page_offset)
        g_string_append (bad, "\n  the pc is not the instruction's");
    }
  else if (how != VMT_IR_EVAL_BUDGET && e.pc != c->pc)
    g_string_append_printf (
        bad, "\n  goes on at 0x%" G_GINT64_MODIFIER "x, not 0x%" G_GINT64_MODIFIER "x", e.pc,
        c->pc);
  if (how != VMT_IR_EVAL_FAULT && c->state->vcpu.fault_pending)
    g_string_append (bad, "\n  an exception is pending");
  if (e.budget != c->budget_after)
    g_string_append_printf (bad, "\n  budget is %" G_GINT64_FORMAT, e.budget);
  compare (h, c, bad);
  if (bad->len)
    {
      g_test_message ("%s: %s:%s", h->file, c->name, bad->str);
      g_test_fail ();
    }
  test_state_free (c->state);
  test_state_free (c->expected);
  g_free (c->name);
}

static void
test_file (gconstpointer data)
{
  Hard h = { .file = data };
  g_autofree char *path = g_test_build_filename (G_TEST_DIST, "unit", "ir", "hard", h.file, NULL);
  g_autofree char *text = NULL;
  g_auto (GStrv) lines = NULL;
  g_autoptr (GString) ir = g_string_new (NULL);
  g_autoptr (GError) error = NULL;
  Case c = { 0 };
  gboolean in_block = FALSE;

  g_file_get_contents (path, &text, NULL, &error);
  g_assert_no_error (error);
  /* What it is, and what the manual says. */
  g_assert_true (g_str_has_prefix (text, "; "));
  lines = g_strsplit (text, "\n", -1);
  for (guint i = 0; lines[i]; i++)
    {
      char *comment = strchr (lines[i], ';');
      g_auto (GStrv) words = NULL;
      g_autoptr (GStrvBuilder) builder = g_strv_builder_new ();
      g_auto (GStrv) raw = NULL;

      if (comment)
        *comment = '\0';
      raw = g_strsplit_set (lines[i], " \t", -1);
      for (guint j = 0; raw[j]; j++)
        if (*raw[j])
          g_strv_builder_add (builder, raw[j]);
      words = g_strv_builder_end (builder);
      if (!words[0])
        continue;
      if (!strcmp (words[0], "block"))
        in_block = TRUE;
      if (in_block)
        {
          g_string_append_printf (ir, "%s\n", lines[i]);
          if (strcmp (words[0], "end"))
            continue;
          in_block = FALSE;
          g_assert_nonnull (h.arch);
          h.block = vmt_ir_block_from_text (ir->str, h.arch, &error);
          g_assert_no_error (error);
          vmt_ir_block_verify (h.block, &error);
          g_assert_no_error (error);
          g_assert_true (test_round_trip (h.block));
        }
      else if (!strcmp (words[0], "arch"))
        h.arch = test_arch_by_name (words[1]);
      else if (!strcmp (words[0], "case"))
        {
          g_assert_nonnull (h.block);
          if (c.state)
            run_case (&h, &c);
          c = (Case){ .state = test_state_new (h.arch),
                      .expected = test_state_new (h.arch),
                      .name = g_strjoinv (" ", words + 1) };
        }
      else if (c.state)
        case_line (&h, i + 1, &c, words);
      else
        broken (&h, i + 1, "a line outside block and cases");
    }
  g_assert_nonnull (c.state);
  run_case (&h, &c);
  g_assert_cmpuint (h.n_cases, >=, 2);
  vmt_ir_block_free (h.block);
}

/* Twenty of each architecture at least. */
static void
test_count (gconstpointer data)
{
  const GPtrArray *files = data;
  guint n[3] = { 0 };

  for (guint i = 0; i < files->len; i++)
    {
      const char *file = g_ptr_array_index (files, i);

      n[0] += g_str_has_prefix (file, "x86-");
      n[1] += g_str_has_prefix (file, "a64-");
      n[2] += g_str_has_prefix (file, "rv-");
    }
  for (guint i = 0; i < G_N_ELEMENTS (n); i++)
    g_assert_cmpuint (n[i], >=, 20);
  g_assert_cmpuint (n[0] + n[1] + n[2], ==, files->len);
}

static gint
compare_names (gconstpointer a, gconstpointer b)
{
  return strcmp (*(const char *const *)a, *(const char *const *)b);
}

int
main (int argc, char *argv[])
{
  g_autoptr (GPtrArray) files = g_ptr_array_new_with_free_func (g_free);
  g_autofree char *path = NULL;
  GDir *dir;
  const char *name;
  int status;

  g_test_init (&argc, &argv, NULL);
  path = g_test_build_filename (G_TEST_DIST, "unit", "ir", "hard", NULL);
  dir = g_dir_open (path, 0, NULL);
  g_assert_nonnull (dir);
  while ((name = g_dir_read_name (dir)))
    if (g_str_has_suffix (name, ".ir"))
      g_ptr_array_add (files, g_strdup (name));
  g_dir_close (dir);
  g_ptr_array_sort (files, compare_names);
  for (guint i = 0; i < files->len; i++)
    {
      const char *file = g_ptr_array_index (files, i);
      g_autofree char *test = g_strdup_printf ("/ir/hard/%.*s", (int)strlen (file) - 3, file);

      g_test_add_data_func (test, file, test_file);
    }
  g_test_add_data_func ("/ir/hard-count", files, test_count);
  status = g_test_run ();
  return status;
}
