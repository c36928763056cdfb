/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "test-riscv.h"

#include <stdlib.h>
#include <string.h>

#include <glib/gstdio.h>

/* The disassembler against binutils, for random words of every row. */

#define PER_ROW 60
#define TOOL "riscv64-linux-gnu-"

/* Where binutils differs on purpose. */
static const struct
{
  const char *row;
  const char *why;
} unknown[] = {
  { "czero.eqz", "binutils before 2.41 has no Zicond" },
  { "czero.nez", "binutils before 2.41 has no Zicond" },
};
/* Rows of which it knows the words with zeros where we ignore the bits. */
static const char *const partly[] = { "fence",    "fence.tso", "fence.i", "fcvt.d.s",
                                      "fcvt.d.w", "fcvt.d.wu", NULL };

static gboolean
run_tool (const char *const *argv, char **output)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *messages = NULL;
  int status;

  if (!g_spawn_sync (NULL, (char **)argv, NULL, G_SPAWN_SEARCH_PATH, NULL, NULL, output, &messages,
                     &status, &error))
    {
      g_test_message ("%s", error->message);
      return FALSE;
    }
  if (!g_spawn_check_wait_status (status, NULL))
    {
      g_test_message ("%s: %s", argv[0], messages);
      return FALSE;
    }
  return TRUE;
}

/* "addi\ta0,a1,5 # 0x..." and "addi a0, a1, 5" become "addi a0,a1,5". */
static char *
normalise (const char *text)
{
  GString *out = g_string_new (NULL);

  for (const char *p = text; *p != '\0' && *p != '#' && *p != '<'; p++)
    {
      if (*p == '\t' || *p == ' ')
        {
          if (out->len > 0 && out->str[out->len - 1] != ' ' && out->str[out->len - 1] != ',')
            g_string_append_c (out, ' ');
        }
      else
        g_string_append_c (out, *p);
    }
  while (out->len > 0 && out->str[out->len - 1] == ' ')
    g_string_truncate (out, out->len - 1);
  return g_string_free (out, FALSE);
}

/* Spellings that mean the same. */
static gboolean
is_same (const char *ours, const char *theirs, guint32 word)
{
  if (strcmp (ours, theirs) == 0)
    return TRUE;
  /* Jump targets inside a section stand without 0x. */
  const char *hex = strstr (ours, "0x");
  if (hex != NULL)
    {
      g_autofree char *bare = g_strdup_printf ("%.*s%s", (int)(hex - ours), ours, hex + 2);
      if (strcmp (bare, theirs) == 0)
        return TRUE;
    }
  /* Exact conversions need no rounding mode; the assembler writes 0. */
  if (g_str_has_prefix (ours, theirs) && strcmp (ours + strlen (theirs), ",rne") == 0)
    return g_str_has_prefix (ours, "fcvt.d.");
  /* Reserved rounding modes have no name. */
  if (strstr (ours, ",rm5") != NULL || strstr (ours, ",rm6") != NULL)
    return strstr (theirs, ",unknown") != NULL;
  if (strcmp (ours, "c.nop") == 0)
    return strcmp (theirs, "c.addi zero,0") == 0;
  /* A shift by 0 is a hint with a name of its own. */
  if (g_str_has_prefix (theirs, "c.slli64") || g_str_has_prefix (theirs, "c.srli64") ||
      g_str_has_prefix (theirs, "c.srai64"))
    return strncmp (ours, theirs, 6) == 0 && g_str_has_suffix (ours, ",0x0");
  /* Empty sets of a fence. */
  if (g_str_has_prefix (ours, "fence "))
    return strstr (theirs, "unknown") != NULL &&
           (strstr (ours, ",0") != NULL || strstr (ours, " 0,") != NULL);
  if (g_str_has_prefix (ours, "csrr"))
    {
      /* A register that one of us has no name for, or another version's name for. */
      g_auto (GStrv) a = g_strsplit (ours, ",", 3), b = g_strsplit (theirs, ",", 3);
      if (g_strv_length (a) != 3 || g_strv_length (b) != 3 || strcmp (a[0], b[0]) != 0 ||
          strcmp (a[2], b[2]) != 0)
        return FALSE;
      const gboolean hex_a = g_str_has_prefix (a[1], "0x"), hex_b = g_str_has_prefix (b[1], "0x");
      if (hex_a == hex_b)
        return FALSE;
      return strtoul (hex_a ? a[1] : b[1], NULL, 16) == word >> 20;
    }
  return FALSE;
}

static void
test_objdump (void)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *objdump = g_find_program_in_path (TOOL "objdump");
  g_autofree char *as = g_find_program_in_path (TOOL "as");
  g_autofree char *dir = NULL, *source = NULL, *object = NULL, *output = NULL;
  g_autoptr (GRand) rand = g_rand_new_with_seed (4);
  g_autoptr (GString) text = g_string_new (NULL);
  g_autoptr (GArray) words = g_array_new (FALSE, FALSE, sizeof (guint32));

  if (objdump == NULL || as == NULL)
    {
      g_test_skip (TOOL "objdump and " TOOL
                        "as are not installed: the disassembler is NOT compared");
      return;
    }
  for (guint i = 0; i < RISCV_N_INSNS; i++)
    for (guint n = 0; n < PER_ROW; n++)
      {
        const guint32 word = test_riscv_random_word (rand, i);
        g_array_append_val (words, word);
        g_string_append_printf (text, ".insn 0x%x\n", word);
      }
  dir = g_dir_make_tmp ("vmt-riscv-XXXXXX", &error);
  g_assert_no_error (error);
  source = g_build_filename (dir, "rows.s", NULL);
  object = g_build_filename (dir, "rows.o", NULL);
  g_file_set_contents (source, text->str, -1, &error);
  g_assert_no_error (error);

  const char *as_argv[] = {
    as,     "-march=rv64gc_zicsr_zifencei_zihintpause_zicbom_zicboz_zawrs_zba_zbb_zbs_svinval",
    "-o",   object,
    source, NULL
  };
  const char *dump_argv[] = { objdump, "-d", "-z", "-M", "no-aliases", object, NULL };
  g_assert_true (run_tool (as_argv, NULL));
  g_assert_true (run_tool (dump_argv, &output));
  g_unlink (source);
  g_unlink (object);
  g_rmdir (dir);

  g_auto (GStrv) lines = g_strsplit (output, "\n", -1);
  guint at = 0, address = 0, n_unknown[RISCV_N_INSNS] = { 0 }, compared = 0;
  for (guint l = 0; lines[l] != NULL; l++)
    {
      char *end;
      const guint64 where = g_ascii_strtoull (lines[l], &end, 16);
      g_auto (GStrv) columns = g_strsplit (end, "\t", 3);
      if (*end != ':' || columns[0] == NULL || columns[1] == NULL || columns[2] == NULL)
        continue;
      g_assert_cmpuint (at, <, words->len);
      g_assert_cmphex (where, ==, address);
      const guint row = at / PER_ROW;
      const guint32 word = g_array_index (words, guint32, at);
      const guint32 le = GUINT32_TO_LE (word);
      g_autoptr (GString) ours = g_string_new (NULL);
      g_assert_cmpuint (
          riscv_disassemble ((const guint8 *)&le, riscv_isa_rows[row].length, address, ours), ==,
          riscv_isa_rows[row].length);
      g_autofree char *a = normalise (ours->str), *b = normalise (columns[2]);
      if (strstr (b, "byte") != NULL)
        n_unknown[row]++;
      else
        {
          compared++;
          if (!is_same (a, b, word))
            {
              g_test_message ("%08x: we say \"%s\", objdump \"%s\"", word, a, b);
              g_test_fail ();
            }
        }
      address += riscv_isa_rows[row].length;
      at++;
    }
  g_assert_cmpuint (at, ==, words->len);
  g_assert_cmpuint (compared, >, (RISCV_N_INSNS - 10) * PER_ROW);
  for (guint i = 0; i < RISCV_N_INSNS; i++)
    {
      gboolean expected = n_unknown[i] == 0 || g_strv_contains (partly, riscv_isa_rows[i].name);
      for (guint k = 0; k < G_N_ELEMENTS (unknown); k++)
        if (strcmp (unknown[k].row, riscv_isa_rows[i].name) == 0)
          expected = TRUE;
      if (!expected)
        {
          g_test_message ("objdump does not know %u of %u words of %s", n_unknown[i], PER_ROW,
                          riscv_isa_rows[i].name);
          g_test_fail ();
        }
    }
}

static void
test_short (void)
{
  const guint8 addi[4] = { 0x13, 0x05, 0x15, 0x00 };
  g_autoptr (GString) text = g_string_new (NULL);

  for (guint size = 0; size < 4; size++)
    g_assert_cmpuint (riscv_disassemble (addi, size, 0, text), ==, 0);
  g_assert_cmpuint (text->len, ==, 0);
  g_assert_cmpuint (riscv_disassemble (addi, 4, 0, text), ==, 4);
  g_assert_cmpstr (text->str, ==, "addi a0, a0, 1");
  g_assert_cmpuint (riscv_disassemble ((const guint8 *)"\0\0\0\0", 4, 0, text), ==, 0);
}

void
test_riscv_add_disas (void)
{
  g_test_add_func ("/arch/riscv/disas/objdump", test_objdump);
  g_test_add_func ("/arch/riscv/disas/short", test_short);
}
