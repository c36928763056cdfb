/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* test-programs ARCH ROWS.json EXECUTOR TIER,...: random programs with branches, loops, loads and
 * stores. Each tier against the first one, block by block and at full speed; and the first one
 * against the independent implementation. VMT_LOCKSTEP_SEED=N repeats a run,
 * VMT_LOCKSTEP_CASES=N sets the number of programs. */
#include <string.h>

#include "lockstep.h"

#define BATCH 64
#define QUICK_PROGRAMS 8000
#define SLOW_PROGRAMS 200000
#define MAX_REPORTS 3
#define MAX_STEPS 10000

static const LockstepArch *arch;
static LockstepRows *rows;
static LockstepOracle *oracle;
static char *no_oracle;
static LockstepRunner *runners[8];
static guint n_runners;
static char *no_runner[8]; /* (nullable): why this host has no such tier */
static guint64 seed = 1;
static LockstepCase cases[BATCH];
static LockstepResult expected[BATCH], got[BATCH];

static guint
count_programs (void)
{
  const char *given = g_getenv ("VMT_LOCKSTEP_CASES");

  if (given != NULL)
    return (guint)g_ascii_strtoull (given, NULL, 10);
  return g_test_slow () ? SLOW_PROGRAMS : QUICK_PROGRAMS;
}

static const VmtArchOps *
get_ops (void)
{
  return lockstep_runner_get_vcpu (runners[0])->arch;
}

static void
make_batch (LockstepRandom *r)
{
  for (guint i = 0; i < BATCH; i++)
    {
      cases[i].same_code = FALSE;
      arch->make_program (rows, r, &cases[i]);
    }
}

static char *
compare (const LockstepCase *c, const LockstepResult *a, const LockstepResult *b,
         const char *a_name, const char *b_name)
{
  return lockstep_compare (arch, get_ops (), c, a, b, a_name, b_name);
}

static gboolean
report (guint *reports, guint program, char *text)
{
  if (text == NULL)
    return FALSE;
  if ((*reports)++ < MAX_REPORTS)
    g_test_message ("program %u: %s", program, text);
  g_free (text);
  return TRUE;
}

static void
finish (guint reports, guint n)
{
  if (reports == 0)
    return;
  g_test_message ("%u of %u programs differ (seed %" G_GUINT64_FORMAT ")", reports, n, seed);
  g_test_fail ();
}

/* The generator promises that its programs end. */
static gboolean
all_end (void)
{
  lockstep_runner_run (runners[0], cases, BATCH, got);
  for (guint i = 0; i < BATCH; i++)
    if (got[i].trap == LOCKSTEP_HANG)
      {
        g_autofree char *code = lockstep_case_to_text (arch, get_ops (), &cases[i]);
        g_test_message ("this program does not end (%" G_GINT64_MODIFIER "x):\n%s", got[i].pc,
                        code);
        g_test_fail ();
        return FALSE;
      }
  return TRUE;
}

static gboolean
need_runner (gconstpointer data)
{
  const guint i = GPOINTER_TO_UINT (data);

  if (runners[i] == NULL)
    g_test_skip (no_runner[i]);
  return runners[i] != NULL;
}

/* The first difference of @runner: after which block, and what. A tier may follow jumps inside of a
 * block: the other one catches up. */
static char *
step_both (LockstepRunner *first, LockstepRunner *second, const LockstepCase *c)
{
  LockstepRunner *const both[2] = { first, second };
  guint trap = 0;

  lockstep_runner_begin (first, c);
  lockstep_runner_begin (second, c);
  for (guint n = 0; trap == 0 && n < MAX_STEPS; n++)
    {
      LockstepResult a, b;
      const guint64 pc = lockstep_runner_get_vcpu (first)->pc;
      const guint64 count[2] = { lockstep_runner_get_vcpu (first)->icount,
                                 lockstep_runner_get_vcpu (second)->icount };
      guint traps[2] = { lockstep_runner_step (first), lockstep_runner_step (second) };
      for (guint k = 0; k < MAX_STEPS; k++)
        {
          const guint64 done[2] = { lockstep_runner_get_vcpu (first)->icount - count[0],
                                    lockstep_runner_get_vcpu (second)->icount - count[1] };
          const guint behind = done[1] < done[0] || (done[1] == done[0] && traps[0] != 0);
          /* at the same count one may yet have to raise what the other one has raised */
          if (traps[behind] != 0 || (done[0] == done[1] && traps[1 - behind] == 0))
            break;
          traps[behind] = lockstep_runner_step (both[behind]);
        }
      trap = traps[0];
      lockstep_runner_end (first, c, traps[0], &a);
      lockstep_runner_end (second, c, traps[1], &b);
      g_autofree char *text =
          compare (c, &a, &b, lockstep_runner_get_tier (first), lockstep_runner_get_tier (second));
      if (text == NULL && memcmp (lockstep_runner_get_data (first),
                                  lockstep_runner_get_data (second), LOCKSTEP_DATA_SIZE) != 0)
        text = g_strdup ("memory outside of the window differs");
      const guint64 retired[2] = { lockstep_runner_get_vcpu (first)->icount - count[0],
                                   lockstep_runner_get_vcpu (second)->icount - count[1] };
      if (text == NULL && retired[0] != retired[1])
        {
          g_autofree char *code = lockstep_case_to_text (arch, get_ops (), c);
          text = g_strdup_printf ("%s counts %" G_GUINT64_FORMAT
                                  " instructions, %s %" G_GUINT64_FORMAT "\n%s",
                                  lockstep_runner_get_tier (first), retired[0],
                                  lockstep_runner_get_tier (second), retired[1], code);
        }
      if (text != NULL)
        return g_strdup_printf ("after block %u, at %" G_GINT64_MODIFIER "x: %s", n, pc, text);
    }
  return trap != 0 ? NULL : g_strdup ("it does not end");
}

static void
test_steps (gconstpointer data)
{
  LockstepRunner *runner = runners[GPOINTER_TO_UINT (data)];
  LockstepRandom r = { seed };
  guint n = count_programs (), reports = 0;

  if (!need_runner (data))
    return;
  for (guint done = 0; done < n; done += BATCH)
    {
      make_batch (&r);
      for (guint i = 0; i < BATCH; i++)
        report (&reports, done + i, step_both (runners[0], runner, &cases[i]));
    }
  finish (reports, n);
}

/* The same again with links between blocks. Each program three times: links are made at the first,
 * used at the second, and hot at the third. */
static void
test_whole (gconstpointer data)
{
  LockstepRunner *runner = runners[GPOINTER_TO_UINT (data)];
  LockstepRandom r = { seed + 1 };
  guint n = count_programs (), reports = 0;

  if (!need_runner (data))
    return;
  for (guint done = 0; done < n; done += BATCH)
    {
      make_batch (&r);
      for (guint i = 0; i < BATCH; i++)
        {
          LockstepCase again[3] = { cases[i], cases[i], cases[i] };
          again[1].same_code = again[2].same_code = TRUE;
          lockstep_runner_run (runners[0], again, 3, expected);
          lockstep_runner_run (runner, again, 3, got);
          for (guint k = 0; k < 3; k++)
            if (report (&reports, done + i,
                        compare (&cases[i], &expected[k], &got[k],
                                 lockstep_runner_get_tier (runners[0]),
                                 lockstep_runner_get_tier (runner))))
              {
                /* Where, if it also happens without links. */
                char *where = step_both (runners[0], runner, &cases[i]);
                if (where != NULL && reports <= MAX_REPORTS)
                  g_test_message ("%s", where);
                g_free (where);
                break;
              }
        }
    }
  finish (reports, n);
}

static void
test_oracle (void)
{
  LockstepRandom r = { seed + 2 };
  guint n = count_programs (), reports = 0;
  guint stopped = 0;

  if (oracle == NULL)
    {
      g_test_skip (no_oracle);
      return;
    }
  for (guint i = 0; i < rows->n_rows; i++)
    rows->rows[i].excluded = !lockstep_oracle_has_row (oracle, &rows->rows[i]) ||
                             lockstep_oracle_errs (oracle, &rows->rows[i], NULL);
  for (guint done = 0; done < n; done += BATCH)
    {
      g_autoptr (GError) error = NULL;
      make_batch (&r);
      if (!all_end ())
        return;
      lockstep_oracle_run (oracle, cases, BATCH, expected, &error);
      g_assert_no_error (error);
      for (guint t = 0; t < n_runners; t++)
        {
          if (runners[t] == NULL)
            continue;
          lockstep_runner_run (runners[t], cases, BATCH, got);
          for (guint i = 0; i < BATCH; i++)
            report (&reports, done + i,
                    compare (&cases[i], &expected[i], &got[i], lockstep_oracle_get_version (oracle),
                             lockstep_runner_get_tier (runners[t])));
        }
      for (guint i = 0; i < BATCH; i++)
        stopped +=
            expected[i].trap == LOCKSTEP_STOP && expected[i].pc >= cases[i].pc + cases[i].code_size;
    }
  finish (reports, n);
  /* Programs are worth something only if most run to their end. */
  g_test_message ("%u of %u programs ran to their end", stopped, n);
  g_assert_cmpuint (stopped, >, n / 2);
}

int
main (int argc, char **argv)
{
  g_autoptr (GError) error = NULL;

  g_test_init (&argc, &argv, NULL);
  if (argc != 5 || (arch = lockstep_arch_find (argv[1])) == NULL)
    {
      g_printerr ("usage: %s ARCH ROWS.json EXECUTOR TIER,...\n", argv[0]);
      return 2;
    }
  rows = lockstep_rows_new (argv[2], &error);
  g_assert_no_error (error);
  oracle = lockstep_oracle_new (arch, argv[3], &no_oracle);
  g_auto (GStrv) tiers = g_strsplit (argv[4], ",", -1);
  for (guint i = 0; tiers[i] != NULL && n_runners < G_N_ELEMENTS (runners); i++)
    {
      no_runner[i] = lockstep_runner_make (arch, tiers[i], &runners[i]);
      n_runners++;
    }
  g_assert_nonnull (runners[0]);
  if (g_getenv ("VMT_LOCKSTEP_SEED") != NULL)
    seed = g_ascii_strtoull (g_getenv ("VMT_LOCKSTEP_SEED"), NULL, 0);
  else if (g_test_slow ())
    seed = (guint64)g_get_real_time ();
  g_test_message ("oracle: %s; seed %" G_GUINT64_FORMAT,
                  oracle != NULL ? lockstep_oracle_get_version (oracle) : no_oracle, seed);

  g_autofree char *prefix = g_strdup_printf ("/lockstep/%s/programs", arch->name);
  g_autofree char *with_oracle = g_strconcat (prefix, "/oracle", NULL);
  for (guint i = 1; i < n_runners; i++)
    {
      g_autofree char *steps = g_strdup_printf ("%s/%s/steps", prefix, tiers[i]);
      g_autofree char *whole = g_strdup_printf ("%s/%s/whole", prefix, tiers[i]);
      g_test_add_data_func (steps, GUINT_TO_POINTER (i), test_steps);
      g_test_add_data_func (whole, GUINT_TO_POINTER (i), test_whole);
    }
  g_test_add_func (with_oracle, test_oracle);
  const int status = g_test_run ();
  for (guint i = 0; i < n_runners; i++)
    {
      g_clear_pointer (&runners[i], lockstep_runner_free);
      g_free (no_runner[i]);
    }
  g_clear_pointer (&oracle, lockstep_oracle_free);
  lockstep_rows_free (rows);
  g_free (no_oracle);
  return status;
}
