/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* test-rows ARCH ROWS.json EXECUTOR TIERS COVERAGE.md: every instruction row at random, under each
 * tier, against the independent implementation; where there is none, against the first tier.
 * VMT_LOCKSTEP_SEED=N repeats a run, VMT_LOCKSTEP_CASES=N sets the number of cases a row. */
#include <glib/gstdio.h>
#include <string.h>

#include "lockstep.h"

#define STATES_PER_WORD 16
#define BATCH 512
#define QUICK_CASES 640
#define SLOW_CASES 10000
#define SLOW_FLOAT_CASES 100000
#define MAX_REPORTS 3

static const LockstepArch *arch;
static LockstepRows *rows;
static LockstepOracle *oracle;
static char *no_oracle;
static LockstepRunner *runners[8];
static guint n_runners;
static guint64 seed = 1;
static const char *coverage_path;
static LockstepCase cases[BATCH];
static LockstepResult expected[BATCH], got[BATCH];

static guint
count_cases (const LockstepRow *row)
{
  const char *given = g_getenv ("VMT_LOCKSTEP_CASES");

  if (given != NULL)
    return (guint)g_ascii_strtoull (given, NULL, 10);
  if (!g_test_slow ())
    return QUICK_CASES;
  return arch->is_float (row) ? SLOW_FLOAT_CASES : SLOW_CASES;
}

static void
make_batch (const LockstepRow *row, LockstepRandom *r, guint n)
{
  for (guint i = 0; i < n; i++)
    {
      LockstepCase *c = &cases[i];
      if (i % STATES_PER_WORD == 0)
        {
          c->same_code = FALSE;
          arch->make_code (row, rows, r, c);
        }
      else
        {
          *c = cases[i - 1];
          c->same_code = TRUE;
        }
      arch->make_state (row, r, c);
    }
}

static gboolean
expect (guint n, GError **error)
{
  if (oracle != NULL)
    return lockstep_oracle_run (oracle, cases, n, expected, error);
  lockstep_runner_run (runners[0], cases, n, expected);
  return TRUE;
}

static guint
check_batch (const LockstepRow *row, guint n, guint reports)
{
  const char *by =
      oracle != NULL ? lockstep_oracle_get_version (oracle) : lockstep_runner_get_tier (runners[0]);

  for (guint t = oracle != NULL ? 0 : 1; t < n_runners; t++)
    {
      lockstep_runner_run (runners[t], cases, n, got);
      for (guint i = 0; i < n; i++)
        {
          g_autofree char *text =
              lockstep_compare (arch, lockstep_runner_get_vcpu (runners[t])->arch, &cases[i],
                                &expected[i], &got[i], by, lockstep_runner_get_tier (runners[t]));
          if (text == NULL || (oracle != NULL && lockstep_oracle_errs (oracle, row, &cases[i])))
            continue;
          if (reports++ < MAX_REPORTS)
            g_test_message ("%s", text);
        }
    }
  return reports;
}

static void
test_row (gconstpointer data)
{
  const LockstepRow *row = data;
  LockstepRandom r = { seed ^ ((guint64)g_str_hash (row->name) << 20) };
  const guint n_cases = count_cases (row);
  guint reports = 0;

  if (oracle != NULL && !lockstep_oracle_has_row (oracle, row))
    {
      g_autofree char *why =
          g_strdup_printf ("%s lacks %s: a newer one is needed",
                           lockstep_oracle_get_version (oracle), row->extensions[0]);
      g_test_skip (why);
      return;
    }
  for (guint done = 0; done < n_cases;)
    {
      g_autoptr (GError) error = NULL;
      const guint n = MIN (BATCH, n_cases - done);
      make_batch (row, &r, n);
      if (!expect (n, &error))
        {
          g_test_message ("%s: %s", row->name, error->message);
          g_test_fail ();
          return;
        }
      reports = check_batch (row, n, reports);
      done += n;
    }
  if (reports != 0)
    {
      g_test_message ("%s: %u of %u results differ (seed %" G_GUINT64_FORMAT ")", row->name,
                      reports, n_cases * n_runners, seed);
      g_test_fail ();
    }
  else if (oracle == NULL)
    {
      g_autofree char *why = g_strdup_printf ("%u tiers agree with %s, but %s", n_runners - 1,
                                              lockstep_runner_get_tier (runners[0]), no_oracle);
      g_test_skip (why);
    }
}

/* Whether this host has it; @data: why not. */
static void
test_tier (gconstpointer data)
{
  if (data != NULL)
    g_test_skip (data);
}

/* A comparison that cannot fail is none: a wrong register, flag, pc, trap and byte must each show.
 */
static void
test_compare (void)
{
  const LockstepRow *row = NULL;
  LockstepRandom r = { 1 };

  for (guint i = 0; i < rows->n_rows && row == NULL; i++)
    if (arch->skip (&rows->rows[i], &(const char *){ NULL }) == NULL)
      row = &rows->rows[i];
  g_assert_nonnull (row);
  arch->make_code (row, rows, &r, &cases[0]);
  cases[0].same_code = FALSE;
  arch->make_state (row, &r, &cases[0]);
  lockstep_runner_run (runners[0], cases, 1, expected);
  const VmtArchOps *ops = lockstep_runner_get_vcpu (runners[0])->arch;
  for (guint i = 0; i < arch->n_registers + 4; i++)
    {
      got[0] = expected[0];
      g_autofree char *same = lockstep_compare (arch, ops, cases, expected, got, "one", "other");
      g_assert_null (same);
      if (i < arch->n_registers)
        got[0].regs[i] ^= 1;
      else if (i == arch->n_registers)
        got[0].pc += 2;
      else if (i == arch->n_registers + 1)
        got[0].trap++;
      else if (i == arch->n_registers + 2)
        got[0].memory[0] ^= 1;
      else
        got[0].memory[cases[0].mem_size - 1] ^= 128;
      g_autofree char *text = lockstep_compare (arch, ops, cases, expected, got, "one", "other");
      g_assert_nonnull (text);
    }
}

/* The state before a case is really there: an executor or runner that loses a register, a flag or a
 * byte of memory would make every comparison of it vain. */
static void
test_carries (void)
{
  g_autoptr (GError) error = NULL;
  LockstepRandom r = { seed };

  for (guint i = 0; i < 64; i++)
    {
      /* No code: the first instruction stops. */
      arch->make_code (&rows->rows[0], rows, &r, &cases[i]);
      cases[i].code_size = 0;
      cases[i].same_code = FALSE;
      cases[i].mem = LOCKSTEP_DATA_BASE + 64 * i;
      cases[i].mem_size = 128;
      lockstep_random_memory (&r, cases[i].memory, 128);
      for (guint j = 0; j < arch->n_registers; j++)
        cases[i].regs[j] = lockstep_random_bits (&r) & (j == arch->n_registers - 1 ? 0xff : ~0ull);
    }
  for (guint t = 0; t <= n_runners; t++)
    {
      if (t < n_runners)
        lockstep_runner_run (runners[t], cases, 64, got);
      else if (oracle != NULL)
        {
          lockstep_oracle_run (oracle, cases, 64, got, &error);
          g_assert_no_error (error);
        }
      else
        break;
      for (guint i = 0; i < 64; i++)
        {
          g_assert_cmpuint (got[i].trap, ==, LOCKSTEP_STOP);
          g_assert_cmpuint (got[i].pc, ==, cases[i].pc);
          g_assert_cmpmem (got[i].regs, arch->n_registers * 8, cases[i].regs,
                           arch->n_registers * 8);
          g_assert_cmpmem (got[i].memory, 128, cases[i].memory, 128);
        }
    }
  if (oracle == NULL)
    g_test_skip (no_oracle);
}

static char *
make_coverage (void)
{
  GString *text = g_string_new (NULL);
  g_autoptr (GString) skipped = g_string_new (NULL);
  g_autoptr (GString) partly = g_string_new (NULL);
  guint n_skipped = 0;

  for (guint i = 0; i < rows->n_rows; i++)
    {
      const char *note;
      const char *why = arch->skip (&rows->rows[i], &note);
      g_autofree char *extensions = g_strjoinv ("+", rows->rows[i].extensions);
      if (why != NULL)
        {
          g_string_append_printf (skipped, "| %s | %s | %s |\n", rows->rows[i].name, extensions,
                                  why);
          n_skipped++;
        }
      else if (note != NULL)
        g_string_append_printf (partly, "| %s | %s | %s |\n", rows->rows[i].name, extensions, note);
    }
  g_string_append_printf (
      text,
      "<!-- Written by the test lockstep-%s, which fails when this is not what it would write. "
      "-->\n"
      "# Instruction rows of %s under random test\n\n"
      "%u of %u rows are executed at random under every tier and compared with qemu-user:\n"
      "registers, floating-point flags, memory, pc and exception.\n\n"
      "## Not covered\n\n| row | extension | why |\n| --- | --- | --- |\n%s\n"
      "## Covered in part\n\n| row | extension | what is covered |\n| --- | --- | --- |\n%s",
      arch->name, arch->name, rows->n_rows - n_skipped, rows->n_rows, skipped->str, partly->str);
  return g_string_free (text, FALSE);
}

static void
test_coverage (void)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *text = make_coverage ();
  g_autofree char *name = g_strdup_printf ("COVERAGE-%s.md", arch->name);
  g_autofree char *folder = g_build_filename (g_getenv ("G_TEST_BUILDDIR"), "lockstep", NULL);
  g_autofree char *made = g_build_filename (folder, name, NULL);
  g_autofree char *committed = NULL;

  g_mkdir_with_parents (folder, 0777);
  g_file_set_contents (made, text, -1, &error);
  g_assert_no_error (error);
  g_file_get_contents (coverage_path, &committed, NULL, &error);
  g_assert_no_error (error);
  if (!g_str_equal (committed, text))
    {
      g_test_message ("the rows or the reasons have changed: copy %s to %s", made, coverage_path);
      g_test_fail ();
    }
}

int
main (int argc, char **argv)
{
  g_autoptr (GError) error = NULL;

  g_test_init (&argc, &argv, NULL);
  if (argc != 6 || (arch = lockstep_arch_find (argv[1])) == NULL)
    {
      g_printerr ("usage: %s ARCH ROWS.json EXECUTOR TIER,... COVERAGE.md\n", argv[0]);
      return 2;
    }
  rows = lockstep_rows_new (argv[2], &error);
  g_assert_no_error (error);
  g_autofree char *prefix = g_strdup_printf ("/lockstep/%s", arch->name);
  oracle = lockstep_oracle_new (arch, argv[3], &no_oracle);
  g_auto (GStrv) tiers = g_strsplit (argv[4], ",", -1);
  for (guint i = 0; tiers[i] != NULL && n_runners < G_N_ELEMENTS (runners); i++)
    {
      g_autofree char *path = g_strdup_printf ("%s/tier/%s", prefix, tiers[i]);
      char *why = lockstep_runner_make (arch, tiers[i], &runners[n_runners]);
      g_test_add_data_func_full (path, why, test_tier, g_free);
      n_runners += why == NULL;
    }
  g_assert_cmpuint (n_runners, >, 0);
  coverage_path = argv[5];
  if (g_getenv ("VMT_LOCKSTEP_SEED") != NULL)
    seed = g_ascii_strtoull (g_getenv ("VMT_LOCKSTEP_SEED"), NULL, 0);
  else if (g_test_slow ())
    seed = (guint64)g_get_real_time ();
  g_test_message ("oracle: %s; seed %" G_GUINT64_FORMAT,
                  oracle != NULL ? lockstep_oracle_get_version (oracle) : no_oracle, seed);

  g_autofree char *compare = g_strconcat (prefix, "/compare", NULL);
  g_autofree char *carries = g_strconcat (prefix, "/carries", NULL);
  g_autofree char *coverage = g_strconcat (prefix, "/coverage", NULL);
  g_test_add_func (compare, test_compare);
  g_test_add_func (carries, test_carries);
  g_test_add_func (coverage, test_coverage);
  for (guint i = 0; i < rows->n_rows; i++)
    {
      const char *note;
      if (arch->skip (&rows->rows[i], &note) != NULL)
        continue;
      g_autofree char *path = g_strdup_printf ("%s/row/%s", prefix, rows->rows[i].name);
      g_test_add_data_func (path, &rows->rows[i], test_row);
    }
  const int status = g_test_run ();
  for (guint i = 0; i < n_runners; i++)
    lockstep_runner_free (runners[i]);
  g_clear_pointer (&oracle, lockstep_oracle_free);
  lockstep_rows_free (rows);
  g_free (no_oracle);
  return status;
}
