/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Speed of the tiers, of translation, and of a boot, with programs that need nothing but the tool.
 */
#include "vmtool.h"

#include <glib/gstdio.h>
#include <sys/resource.h>

#include "bench-programs.h"
#include "vmt-fast.h"
#include "vmt-host.h"

#define BOARD "riscv-virt"
#define STRAIGHT 100000u
#define BOOT_SECONDS 300.0

typedef struct
{
  char *kernel, *initrd, *append;
  double seconds;
  char *folder, *program; /* where programs are written */
  JsonArray *rows;        /* (nullable): text output */
  char **tiers;
} Bench;

/* What one run of a machine gave. */
typedef struct
{
  double cpu, wall;
  VmtExecStats stats;
  gboolean ended; /* by itself */
} Result;

static double
get_cpu (void)
{
  struct rusage usage;

  getrusage (RUSAGE_SELF, &usage);
  return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
         (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

static gboolean
on_time (gpointer data)
{
  vmt_machine_quit (data);
  return G_SOURCE_REMOVE;
}

static VmtMachine *
make_machine (Bench *self, const char *tier, const char *kernel, gboolean boot, GError **error)
{
  g_autoptr (VmtBoard) board = vmt_board_find (BOARD, error);

  if (board == NULL || !vmt_board_set (board, "tier", tier, error) ||
      !vmt_board_set (board, "console", "null", error) ||
      !vmt_board_set (board, "kernel", kernel, error))
    return NULL;
  if (boot && ((self->initrd != NULL && !vmt_board_set (board, "initrd", self->initrd, error)) ||
               (self->append != NULL && !vmt_board_set (board, "append", self->append, error))))
    return NULL;
  return vmt_board_build (board, "bench", error);
}

/* At most @seconds. @measure: translation is timed, which costs a little. */
static gboolean
run (Bench *self, const char *tier, const char *kernel, gboolean boot, double seconds,
     gboolean measure, Result *result, GError **error)
{
  g_autoptr (VmtTrace) trace = measure ? vmt_trace_new ("stats", NULL, error) : NULL;
  VmtMachine *machine = make_machine (self, tier, kernel, boot, error);
  VmtStopReason reason = VMT_STOP_ERROR;
  GSource *timer;
  gboolean ok;
  gint64 start;
  double cpu;
  int status;

  if (machine == NULL)
    return FALSE;
  ok = vmt_machine_realize (machine, error);
  if (ok)
    {
      VmtExec *exec = vmt_machine_get_exec (machine);

      vmt_exec_set_trace (exec, trace);
      timer = g_timeout_source_new ((guint)(seconds * 1000));
      g_source_set_callback (timer, on_time, machine, NULL);
      g_source_attach (timer, vmt_machine_get_context (machine));
      start = g_get_monotonic_time ();
      cpu = get_cpu ();
      ok = vmt_machine_run (machine, &reason, &status, error);
      result->cpu = get_cpu () - cpu;
      result->wall = (double)(g_get_monotonic_time () - start) / 1e6;
      result->ended = reason == VMT_STOP_POWER_OFF;
      vmt_exec_get_stats (exec, &result->stats);
      g_source_destroy (timer);
      g_source_unref (timer);
    }
  vmt_machine_close (machine);
  g_object_unref (machine);
  if (ok && reason == VMT_STOP_PANIC)
    {
      g_set_error (error, VMT_ERROR, VMT_ERROR_INVALID, _ ("%s: the guest crashed"), kernel);
      return FALSE;
    }
  return ok;
}

static gboolean
write_program (Bench *self, GArray *words, GError **error)
{
  return bench_write (self->program, words, error);
}

/* NAME TIER KEY NUMBER UNIT, ... */
static void
tell (Bench *self, const char *name, const char *tier, const char *const *keys,
      const double *values, const char *text)
{
  if (self->rows != NULL)
    {
      JsonObject *row = json_object_new ();

      json_object_set_string_member (row, "benchmark", name);
      json_object_set_string_member (row, "tier", tier);
      for (guint i = 0; keys[i] != NULL; i++)
        json_object_set_double_member (row, keys[i], values[i]);
      json_array_add_object_element (self->rows, row);
      return;
    }
  printf ("%-10s %-10s", name, tier);
  for (guint i = 0; keys[i] != NULL; i++)
    printf (" %12.*f %s", values[i] < 100 ? 3 : 1, values[i], keys[i]);
  printf ("%s%s\n", text != NULL ? "  " : "", text != NULL ? text : "");
  fflush (stdout);
}

static double
quotient (double a, double b)
{
  return b > 0 ? a / b : 0;
}

static gboolean
bench_program (Bench *self, const BenchProgram *program, const char *tier, GError **error)
{
  static const char *const keys[] = { "MIPS", NULL };
  g_autoptr (GArray) words = g_array_new (FALSE, FALSE, sizeof (guint32));
  Result result = { 0 };

  program->make (words);
  if (!write_program (self, words, error) ||
      !run (self, tier, self->program, FALSE, self->seconds, FALSE, &result, error))
    return FALSE;
  tell (self, program->name, tier, keys,
        (double[]){ quotient ((double)result.stats.instructions / 1e6, result.cpu) },
        _ (program->text));
  return TRUE;
}

static void
tell_translation (Bench *self, const char *name, const char *tier, const VmtExecStats *stats)
{
  static const char *const keys[] = { "us/instruction", "us-decode",  "us-ir",
                                      "us-emit",        "host/guest", NULL };
  const double distinct = (double)stats->distinct_instructions * 1000;
  const double all = (double)(stats->decode_ns + stats->ir_ns + stats->emit_ns);

  tell (self, name, tier, keys,
        (double[]){ quotient (all, distinct), quotient ((double)stats->decode_ns, distinct),
                    quotient ((double)stats->ir_ns, distinct),
                    quotient ((double)stats->emit_ns, distinct),
                    quotient ((double)stats->host_bytes, (double)stats->translated_bytes) },
        NULL);
}

static gboolean
bench_translate (Bench *self, const char *tier, GError **error)
{
  g_autoptr (GArray) words = g_array_new (FALSE, FALSE, sizeof (guint32));
  Result result = { 0 };

  bench_make_straight (words, STRAIGHT);
  if (!write_program (self, words, error) ||
      !run (self, tier, self->program, FALSE, BOOT_SECONDS, TRUE, &result, error))
    return FALSE;
  tell_translation (self, "translate", tier, &result.stats);
  return TRUE;
}

static gboolean
bench_idle (Bench *self, const char *tier, GError **error)
{
  static const char *const keys[] = { "%CPU", NULL };
  g_autoptr (GArray) words = g_array_new (FALSE, FALSE, sizeof (guint32));
  Result result = { 0 };

  bench_make_idle (words);
  if (!write_program (self, words, error) ||
      !run (self, tier, self->program, FALSE, MAX (self->seconds, 1), FALSE, &result, error))
    return FALSE;
  tell (self, "idle", tier, keys, (double[]){ quotient (result.cpu * 100, result.wall) },
        _ ("a guest that waits for interrupts"));
  return TRUE;
}

/* Once for its time, once for its translation. */
static gboolean
bench_boot (Bench *self, const char *tier, GError **error)
{
  static const char *const keys[] = { "s", "MIPS", NULL };
  Result plain = { 0 }, measured = { 0 };

  if (!run (self, tier, self->kernel, TRUE, BOOT_SECONDS, FALSE, &plain, error) ||
      !run (self, tier, self->kernel, TRUE, BOOT_SECONDS, TRUE, &measured, error))
    return FALSE;
  tell (self, "boot", tier, keys,
        (double[]){ plain.cpu, quotient ((double)plain.stats.instructions / 1e6, plain.cpu) },
        plain.ended ? _ ("processor time until the guest powered off")
                    : _ ("it did not power off in time"));
  tell_translation (self, "boot", tier, &measured.stats);
  return TRUE;
}

static gboolean
bench_one (Bench *self, const char *name, const char *tier, GError **error)
{
  if (g_str_equal (name, "translate"))
    return bench_translate (self, tier, error);
  if (g_str_equal (name, "idle"))
    return bench_idle (self, tier, error);
  if (g_str_equal (name, "boot"))
    return bench_boot (self, tier, error);
  for (const BenchProgram *program = bench_programs; program->name != NULL; program++)
    if (g_str_equal (name, program->name))
      return bench_program (self, program, tier, error);
  return TRUE;
}

/* (transfer container): all names, NULL-terminated. */
static GPtrArray *
list_names (void)
{
  GPtrArray *names = g_ptr_array_new ();

  for (const BenchProgram *program = bench_programs; program->name != NULL; program++)
    g_ptr_array_add (names, (gpointer)program->name);
  g_ptr_array_add (names, (gpointer) "translate");
  g_ptr_array_add (names, (gpointer) "idle");
  g_ptr_array_add (names, (gpointer) "boot");
  g_ptr_array_add (names, NULL);
  return names;
}

/* (transfer full): the tiers that work here, best first. */
static char **
list_tiers (void)
{
  VmtRegistry *registry = vmt_registry_get_default ();
  g_autoptr (GPtrArray) names = vmt_registry_list_features (registry, VMT_FEATURE_TIER);
  GPtrArray *usable = g_ptr_array_new ();

  for (guint i = 0; i < names->len; i++)
    {
      g_autoptr (VmtObject) tier =
          vmt_registry_create (registry, VMT_FEATURE_TIER, names->pdata[i], NULL);
      if (tier != NULL && VMT_IS_TIER (tier) && vmt_tier_probe (VMT_TIER (tier), NULL))
        g_ptr_array_add (usable, g_strdup (names->pdata[i]));
    }
  g_ptr_array_add (usable, NULL);
  return (char **)g_ptr_array_free (usable, FALSE);
}

static gboolean
check_names (char **wanted, GPtrArray *names, gboolean kernel, int *status)
{
  for (guint i = 0; wanted[i] != NULL; i++)
    {
      const char *near;

      if (g_strv_contains ((const char *const *)names->pdata, wanted[i]))
        {
          if (kernel || !g_str_equal (wanted[i], "boot"))
            continue;
          *status = report_usage ("bench", _ ("\"boot\" needs a kernel: --kernel FILE"));
          return FALSE;
        }
      near = vmt_nearest_name (wanted[i], (const char *const *)names->pdata);
      *status =
          near != NULL
              ? report_usage ("bench", _ ("there is no benchmark \"%s\"; did you mean \"%s\"?"),
                              wanted[i], near)
              : report_usage ("bench", _ ("there is no benchmark \"%s\""), wanted[i]);
      return FALSE;
    }
  return TRUE;
}

static gboolean
bench_all (Bench *self, char **wanted, GPtrArray *names, GError **error)
{
  for (guint i = 0; names->pdata[i] != NULL; i++)
    {
      const char *name = names->pdata[i];

      if (wanted[0] != NULL ? !g_strv_contains ((const char *const *)wanted, name)
                            : g_str_equal (name, "boot") && self->kernel == NULL)
        continue;
      for (guint k = 0; self->tiers[k] != NULL; k++)
        if (!bench_one (self, name, self->tiers[k], error))
          return FALSE;
    }
  return TRUE;
}

static gboolean
bench_in_folder (Bench *self, char **wanted, GPtrArray *names, GError **error)
{
  gboolean ok;

  self->folder = g_dir_make_tmp ("vmtool-bench-XXXXXX", error);
  if (self->folder == NULL)
    return FALSE;
  self->program = g_build_filename (self->folder, "program", NULL);
  ok = bench_all (self, wanted, names, error);
  g_unlink (self->program);
  g_rmdir (self->folder);
  return ok;
}

static void
bench_clear (Bench *self)
{
  g_free (self->kernel);
  g_free (self->initrd);
  g_free (self->append);
  g_free (self->folder);
  g_free (self->program);
  g_strfreev (self->tiers);
  g_clear_pointer (&self->rows, json_array_unref);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Bench, bench_clear)

int
cmd_bench (int argc, char **argv)
{
  g_auto (Bench) self = { .seconds = 1 };
  gboolean json = FALSE;
  const GOptionEntry entries[] = {
    { "tier", 't', 0, G_OPTION_ARG_STRING_ARRAY, &self.tiers,
      N_ ("Measure this tier (default: all that work here)"), N_ ("NAME") },
    { "seconds", 'S', 0, G_OPTION_ARG_DOUBLE, &self.seconds,
      N_ ("How long each program runs (default: 1)"), N_ ("NUMBER") },
    { "kernel", 'k', 0, G_OPTION_ARG_FILENAME, &self.kernel,
      N_ ("Measure this kernel's boot, too, until it powers off"), N_ ("FILE") },
    { "initrd", 'i', 0, G_OPTION_ARG_FILENAME, &self.initrd, N_ ("Its initial RAM disk"),
      N_ ("FILE") },
    { "append", 'a', 0, G_OPTION_ARG_STRING, &self.append, N_ ("Its command line"), N_ ("TEXT") },
    { "json", 'j', 0, G_OPTION_ARG_NONE, &json, N_ ("Print JSON"), NULL },
    G_OPTION_ENTRY_NULL,
  };
  g_autoptr (GPtrArray) names = list_names ();
  GError *error = NULL;
  gboolean ok;
  int status;

  if (!parse_options ("bench", _ ("[BENCHMARK...]"),
                      _ ("Measures the tiers: MIPS is millions of guest instructions for each "
                         "second of processor time."),
                      entries, &argc, &argv, &status) ||
      !check_names (argv + 1, names, self.kernel != NULL, &status))
    return status;
  if (!(self.seconds >= 0.01 && self.seconds <= 3600))
    return report_usage ("bench", _ ("--seconds: write a number from 0.01 to 3600"));
  if (self.kernel == NULL && (self.initrd != NULL || self.append != NULL))
    return report_usage ("bench", _ ("--initrd and --append belong to --kernel"));
  if (!vmt_host_check_code_memory (&error))
    return report_error (error);
  if (self.tiers == NULL)
    self.tiers = list_tiers ();
  if (json)
    self.rows = json_array_new ();
  ok = bench_in_folder (&self, argv + 1, names, &error);
  if (self.rows != NULL)
    {
      JsonNode *node = json_node_alloc ();
      print_json (json_node_init_array (node, self.rows));
    }
  return ok ? EXIT_OK : report_error (error);
}
