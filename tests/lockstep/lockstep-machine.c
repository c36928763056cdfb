/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* lockstep-machine --tier=NAME: random programs for a whole machine, under the tier and one
 * instruction at a time. A difference is reported with the seed of its program, narrowed down to
 * the block, or to the link that makes it. --seed=N is that program again. */
#include <string.h>

#include "machine.h"
#include "mixed-tier.h"

static const char *tier_name = "interp";
static guint64 first_seed = 1;
static gboolean one_seed;
static guint n_programs = 100;
static gdouble seconds;
static const char *mode_name;
static const char *stress_name, *mix_name;
static gboolean kicks, verbose, keep_going;
static const char *rows_path = LOCKSTEP_ROWS;
static const char *handlers_path = LOCKSTEP_HANDLERS;

static LockstepRows *rows;
static guint8 *handlers;
static gsize handlers_size;
static VmtTier *tier, *second_tier;

static const struct
{
  const char *name;
  VmtExecStress stress;
} stresses[] = {
  { "none", { 0 } },
  { "evict", { .cache_limit = 24 << 10 } },
  { "kill", { .kill_one = 3, .kill_all = 50 } },
  { "flush", { .flush = 4 } },
  { "slow", { .no_fill = 1 } },
  { "refuse", { .refuse = 2 } },
  { "lookup", { .no_jump_cache = TRUE, .refuse = 8 } },
  { "all",
    { .cache_limit = 48 << 10,
      .kill_one = 5,
      .kill_all = 100,
      .flush = 11,
      .no_fill = 3,
      .refuse = 5 } },
};

static void
configure (guint64 seed, MachineConfig *config)
{
  static const char *const modes[] = { "step", "free", "mixed" };
  LockstepRandom r = { seed * 7 };

  *config = (MachineConfig){
    .arch = &machine_riscv64, .tier_name = tier_name, .tier = tier, .kicks = kicks
  };
  const guint any_mode = lockstep_random_below (&r, 5);
  config->mode = (MachineMode)MIN (2, any_mode);
  guint stress = lockstep_random_below (&r, 2 * G_N_ELEMENTS (stresses));
  if (stress >= G_N_ELEMENTS (stresses))
    stress = 0;
  for (guint i = 0; mode_name != NULL && i < G_N_ELEMENTS (modes); i++)
    if (g_str_equal (mode_name, modes[i]))
      config->mode = (MachineMode)i;
  for (guint i = 0; stress_name != NULL && i < G_N_ELEMENTS (stresses); i++)
    if (g_str_equal (stress_name, stresses[i].name))
      stress = i;
  config->stress = stresses[stress].stress;
  config->stress.seed = seed;
  config->stress.levels = lockstep_random_below (&r, 4) != 0;
  if (verbose)
    g_printerr ("# seed %" G_GUINT64_FORMAT ": %s, %s\n", seed, modes[config->mode],
                stresses[stress].name);
}

/* The same blocks go to the same tiers each time. */
static void
run_machine (const MachineConfig *config, const MachineProgram *program, guint64 seed,
             MachineResult *result)
{
  MachineConfig with = *config;
  g_autoptr (VmtTier) mixed =
      second_tier != NULL ? mixed_tier_new (tier, second_tier, seed) : g_object_ref (tier);

  with.tier = mixed;
  machine_run (&with, program, seed, result);
}

/* Whether the difference comes with the first @n lookups of the tier refused. */
static char *
try_refusing (const MachineConfig *config, const MachineProgram *program, guint64 seed, guint64 n)
{
  MachineConfig with = *config;
  MachineResult result;

  with.kicks = FALSE;
  with.stress.refuse_first = n;
  run_machine (&with, program, seed, &result);
  return result.difference;
}

/* (transfer full): the same difference with as little in it as possible. */
static char *
narrow_down (const MachineConfig *config, const MachineProgram *program, guint64 seed,
             const MachineResult *found)
{
  MachineConfig steps = *config;
  MachineResult result;

  steps.kicks = FALSE;
  steps.mode = MACHINE_STEP;
  steps.stress.refuse = 1;
  run_machine (&steps, program, seed, &result);
  if (result.difference != NULL)
    {
      char *text = g_strconcat ("Without links, block by block:\n", result.difference, NULL);
      g_free (result.difference);
      return text;
    }
  char *last = try_refusing (config, program, seed, 0);
  if (last == NULL)
    return g_strdup ("It does not come again with the same seed.\n");
  guint64 low = 0, high = found->lookups + 1;
  /* At low it comes, at high it does not. */
  while (high - low > 1)
    {
      const guint64 middle = low + (high - low) / 2;
      char *difference = try_refusing (config, program, seed, middle);
      if (difference != NULL)
        {
          g_free (last);
          last = difference;
          low = middle;
        }
      else
        high = middle;
    }
  char *text = g_strdup_printf (
      "Not block by block: it comes with links only. With the tier's first %" G_GUINT64_FORMAT
      " lookups refused it comes, with one more it does not:\n%s",
      low, last);
  g_free (last);
  return text;
}

static gboolean
run_seed (guint64 seed, guint64 *instructions, guint64 *visits, guint *ended)
{
  g_autofree MachineProgram *program = g_new0 (MachineProgram, 1);
  LockstepRandom r = { seed };
  MachineConfig config;
  MachineResult result;

  machine_riscv64.make_program (rows, handlers, handlers_size, &r, program);
  configure (seed, &config);
  run_machine (&config, program, seed, &result);
  *instructions += result.instructions;
  *visits += result.visits;
  *ended += result.ended;
  if (verbose)
    g_printerr ("#   %" G_GUINT64_FORMAT " instructions, %" G_GUINT64_FORMAT " visits, %s\n",
                result.instructions, result.visits, result.ended ? "ended" : "cut off");
  if (verbose && result.tail != NULL)
    g_printerr ("%s", result.tail);
  g_free (result.tail);
  if (result.difference == NULL)
    return TRUE;
  g_autofree char *narrow = narrow_down (&config, program, seed, &result);
  g_autofree char *text = g_strdup_printf (
      "seed %" G_GUINT64_FORMAT "; again with: lockstep-machine --tier=%s --seed=%" G_GUINT64_FORMAT
      "%s%s%s%s%s%s\n%s\n%s",
      seed, tier_name, seed, mix_name != NULL ? " --mix=" : "", mix_name != NULL ? mix_name : "",
      mode_name != NULL ? " --mode=" : "", mode_name != NULL ? mode_name : "",
      stress_name != NULL ? " --stress=" : "", stress_name != NULL ? stress_name : "",
      result.difference, narrow);
  g_auto (GStrv) lines = g_strsplit (text, "\n", -1);
  for (guint i = 0; lines[i] != NULL; i++)
    g_print ("# %s\n", lines[i]);
  g_free (result.difference);
  return FALSE;
}

static gboolean
parse_seed (const char *name, const char *value, gpointer data, GError **error)
{
  first_seed = g_ascii_strtoull (value, NULL, 0);
  one_seed = TRUE;
  return TRUE;
}

/* NULL: this host has none, and the test says so, or it is an error. */
static VmtTier *
make_tier (const char *name, int *status)
{
  g_autoptr (GError) error = NULL;
  VmtObject *object =
      vmt_registry_create (vmt_registry_get_default (), VMT_FEATURE_TIER, name, &error);

  if (object != NULL && vmt_tier_probe (VMT_TIER (object), &error))
    return VMT_TIER (object);
  if (g_error_matches (error, VMT_ERROR, VMT_ERROR_UNSUPPORTED))
    g_print ("ok 1 machine # SKIP tier %s: %s\n", name, error->message);
  else
    {
      g_printerr ("tier %s: %s\n", name, error->message);
      *status = 2;
    }
  return NULL;
}

int
main (int argc, char **argv)
{
  guint64 start = 0;
  const GOptionEntry entries[] = {
    { "tier", 0, 0, G_OPTION_ARG_STRING, &tier_name, "Tier under test", "NAME" },
    { "mix", 0, 0, G_OPTION_ARG_STRING, &mix_name,
      "Each block by this tier or the other, at random", "NAME" },
    { "seed", 0, 0, G_OPTION_ARG_CALLBACK, parse_seed, "This program only", "N" },
    { "start", 0, 0, G_OPTION_ARG_INT64, &start, "Seed of the first program; 0: the time of day",
      "N" },
    { "count", 0, 0, G_OPTION_ARG_INT, &n_programs, "Programs", "N" },
    { "seconds", 0, 0, G_OPTION_ARG_DOUBLE, &seconds, "As many programs as this time allows", "S" },
    { "mode", 0, 0, G_OPTION_ARG_STRING, &mode_name, "step, free or mixed", "MODE" },
    { "stress", 0, 0, G_OPTION_ARG_STRING, &stress_name,
      "none, evict, kill, flush, slow, refuse, lookup or all", "NAME" },
    { "kicks", 0, 0, G_OPTION_ARG_NONE, &kicks, "Requests by another thread at any time", NULL },
    { "keep-going", 0, 0, G_OPTION_ARG_NONE, &keep_going, "Do not stop at the first difference",
      NULL },
    { "verbose", 0, 0, G_OPTION_ARG_NONE, &verbose, "A line each program", NULL },
    { "rows", 0, 0, G_OPTION_ARG_FILENAME, &rows_path, "The generator's list of instructions",
      "FILE" },
    { "handlers", 0, 0, G_OPTION_ARG_FILENAME, &handlers_path, "Trap handlers", "FILE" },
    { NULL },
  };
  g_autoptr (GError) error = NULL;
  g_autoptr (GOptionContext) context = g_option_context_new (NULL);
  guint64 instructions = 0, visits = 0;
  guint ended = 0, n = 0, different = 0;

  g_option_context_add_main_entries (context, entries, NULL);
  if (!g_option_context_parse (context, &argc, &argv, &error))
    {
      g_printerr ("%s: %s\n", argv[0], error->message);
      return 2;
    }
  const char *given = g_getenv ("VMT_LOCKSTEP_SECONDS");
  if (given != NULL && seconds > 0)
    seconds = g_ascii_strtod (given, NULL);
  g_print ("1..1\n");
  if (!g_file_get_contents (handlers_path, (char **)&handlers, &handlers_size, NULL))
    {
      g_print ("ok 1 machine # SKIP no cross compiler for the trap handlers: random machines are "
               "NOT compared\n");
      return 0;
    }
  rows = lockstep_rows_new (rows_path, &error);
  if (rows == NULL)
    {
      g_printerr ("%s: %s\n", argv[0], error->message);
      return 2;
    }
  int status = 0;
  tier = make_tier (tier_name, &status);
  if (tier != NULL && mix_name != NULL)
    second_tier = make_tier (mix_name, &status);
  if (tier == NULL || (mix_name != NULL && second_tier == NULL))
    return status;
  if (!one_seed)
    first_seed = start != 0 ? start : (guint64)g_get_real_time () / 1000;
  if (one_seed)
    n_programs = 1;
  const gint64 begin = g_get_monotonic_time ();
  while (seconds > 0 ? (double)(g_get_monotonic_time () - begin) < seconds * G_TIME_SPAN_SECOND
                     : n < n_programs)
    {
      if (!run_seed (first_seed + n, &instructions, &visits, &ended) && (different++, !keep_going))
        break;
      n++;
    }
  g_print ("# tier %s, seeds from %" G_GUINT64_FORMAT
           ": %u programs, %u to their end, %" G_GUINT64_FORMAT " instructions, %" G_GUINT64_FORMAT
           " comparisons, %.1f s\n",
           tier_name, first_seed, n, ended, instructions, visits,
           (double)(g_get_monotonic_time () - begin) / G_TIME_SPAN_SECOND);
  /* They are worth something only if most of them run to their end. */
  const gboolean dull = different == 0 && !one_seed && n >= 20 && ended < n / 2;
  if (dull)
    g_print ("# few programs come to their end: the generator is at fault\n");
  g_print ("%s 1 machine\n", different == 0 && !dull ? "ok" : "not ok");
  g_object_unref (tier);
  g_clear_object (&second_tier);
  lockstep_rows_free (rows);
  g_free (handlers);
  return different == 0 && !dull ? 0 : 1;
}
