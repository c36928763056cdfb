/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* lockstep-smp --tier=NAME PROGRAM...: bare-metal programs on four vCPUs that look for outcomes
 * which the memory model forbids. Again and again, with and without stress. */
#include <string.h>

#include "lockstep.h"
#include "vmt-exec-stress-private.h"

#define RAM_BASE 0x80000000u
#define RAM_SIZE (4u << 20)
#define FINISHER 0x100000u
#define IPI 0x10001000u
#define N_HARTS 4
#define PASSED 0x5555u
#define TIMEOUT (60 * G_TIME_SPAN_SECOND)

static const char *tier_name = "interp";
static gdouble seconds = 3;
static gint n_runs;
static gint n_rounds = 100;
static guint64 seed = 1;

typedef struct
{
  GMutex lock;
  GCond cond;
  guint32 verdict; /* 0: none yet */
  VmtExec *exec;
} Machine;

typedef struct
{
  guint64 a0, a1;
} Start;

static VmtMemStatus
read_nothing (gpointer opaque, guint64 offset, guint size, guint64 *value)
{
  *value = 0;
  return VMT_MEM_OK;
}

static VmtMemStatus
finisher_write (gpointer opaque, guint64 offset, guint size, guint64 value)
{
  Machine *machine = opaque;

  g_mutex_lock (&machine->lock);
  if (offset == 0 && machine->verdict == 0)
    machine->verdict = (guint32)value;
  g_cond_signal (&machine->cond);
  g_mutex_unlock (&machine->lock);
  return VMT_MEM_OK;
}

static void
set (VmtVcpu *vcpu, const char *name, guint64 value)
{
  lockstep_set_register (vcpu, lockstep_find_register (vcpu->arch, name), value);
}

static void
interrupt (VmtVcpu *vcpu, gpointer data)
{
  set (vcpu, "mip", 2);
}

static VmtMemStatus
ipi_write (gpointer opaque, guint64 offset, guint size, guint64 value)
{
  Machine *machine = opaque;
  VmtVcpu *vcpu = vmt_exec_get_vcpu (machine->exec, (guint)value);

  if (vcpu != NULL)
    vmt_vcpu_run_on (vcpu, interrupt, NULL, FALSE);
  return VMT_MEM_OK;
}

static guint64
get_time (gpointer data)
{
  return (guint64)g_get_monotonic_time () * 1000;
}

static void
start (VmtVcpu *vcpu, gpointer data)
{
  const Start *s = data;

  set (vcpu, "a0", s->a0);
  set (vcpu, "a1", s->a1);
  set (vcpu, "pc", RAM_BASE);
}

static guint32
run (VmtTier *tier, const VmtArchOps *ops, const char *image, gsize size,
     const VmtExecStress *stress, guint64 *instructions)
{
  static const VmtMmioOps finisher_ops = { read_nothing, finisher_write, 4, 4, TRUE };
  static const VmtMmioOps ipi_ops = { read_nothing, ipi_write, 4, 4, TRUE };
  const VmtExecHost host = { .get_time = get_time };
  const gint64 end = g_get_monotonic_time () + TIMEOUT;
  const Start with = { (guint64)n_rounds, seed };
  g_autoptr (GError) error = NULL;
  g_autoptr (VmtAddressSpace) space = vmt_address_space_new ("smp");
  g_autoptr (VmtRam) ram = vmt_ram_new ("ram", RAM_SIZE, VMT_RAM_ANON, NULL, &error);
  Machine machine = { 0 };
  VmtExecStats stats;

  g_assert_no_error (error);
  g_assert_cmpuint (size, <=, RAM_SIZE);
  memcpy (ram->host, image, size);
  g_mutex_init (&machine.lock);
  g_cond_init (&machine.cond);
  vmt_address_space_add_ram (space, RAM_BASE, ram, 0, RAM_SIZE, FALSE, NULL, &error);
  g_assert_no_error (error);
  vmt_address_space_add_mmio (space, FINISHER, 0x1000, &finisher_ops, &machine, NULL, NULL, &error);
  g_assert_no_error (error);
  vmt_address_space_add_mmio (space, IPI, 0x1000, &ipi_ops, &machine, NULL, NULL, &error);
  g_assert_no_error (error);
  machine.exec = vmt_exec_new (space, tier, &host);
  for (guint i = 0; i < N_HARTS; i++)
    vmt_exec_add_vcpu (machine.exec, ops, NULL, i);
  vmt_exec_reset (machine.exec);
  vmt_exec_set_stress (machine.exec, stress);
  vmt_exec_start (machine.exec, &error);
  g_assert_no_error (error);
  for (guint i = 0; i < N_HARTS; i++)
    g_assert_true (
        vmt_vcpu_start (vmt_exec_get_vcpu (machine.exec, i), start, (gpointer)&with, NULL));
  vmt_exec_resume (machine.exec);
  g_mutex_lock (&machine.lock);
  while (machine.verdict == 0 && g_cond_wait_until (&machine.cond, &machine.lock, end))
    ;
  const guint32 verdict = machine.verdict;
  g_mutex_unlock (&machine.lock);
  vmt_exec_pause (machine.exec);
  if ((verdict & 0xffff) != PASSED)
    for (guint i = 0; i < N_HARTS; i++)
      {
        VmtVcpu *vcpu = vmt_exec_get_vcpu (machine.exec, i);
        g_print ("# hart %u: pc %#" G_GINT64_MODIFIER "x\n", i, vcpu->pc);
      }
  vmt_exec_get_stats (machine.exec, &stats);
  *instructions += stats.instructions;
  vmt_exec_stop (machine.exec);
  vmt_exec_free (machine.exec);
  g_mutex_clear (&machine.lock);
  g_cond_clear (&machine.cond);
  return verdict;
}

static gboolean
run_program (VmtTier *tier, const VmtArchOps *ops, const char *path, guint number, gdouble share)
{
  g_autofree char *name = g_path_get_basename (path);
  g_autofree char *image = NULL;
  const gint64 begin = g_get_monotonic_time ();
  guint64 instructions = 0;
  gsize size;
  gint n = 0;

  if (!g_file_get_contents (path, &image, &size, NULL))
    {
      g_print ("ok %u %s # SKIP no cross compiler: the program is NOT run\n", number, name);
      return TRUE;
    }
  while (n_runs > 0
             ? n < n_runs
             : n == 0 || (gdouble)(g_get_monotonic_time () - begin) < share * G_TIME_SPAN_SECOND)
    {
      /* One run in three with things made frequent that are seldom. */
      const VmtExecStress stress = { .seed = seed,
                                     .kill_one = 40,
                                     .kill_all = 900,
                                     .flush = 60,
                                     .refuse = 30,
                                     .no_fill = 50,
                                     .levels = TRUE };
      const guint32 verdict =
          run (tier, ops, image, size, n % 3 == 2 ? &stress : NULL, &instructions);
      n++;
      if ((verdict & 0xffff) == PASSED)
        {
          seed++;
          continue;
        }
      if (verdict == 0)
        g_print ("# %s does not end\n", name);
      else
        g_print ("# %s: step %u\n", name, verdict >> 16);
      g_print ("not ok %u %s on tier %s, run %d\n", number, name, tier_name, n);
      return FALSE;
    }
  g_print ("# %s: %d runs of %d rounds, %" G_GUINT64_FORMAT " instructions, %.1f s\n", name, n,
           n_rounds, instructions, (gdouble)(g_get_monotonic_time () - begin) / G_TIME_SPAN_SECOND);
  g_print ("ok %u %s\n", number, name);
  return TRUE;
}

int
main (int argc, char **argv)
{
  const GOptionEntry entries[] = {
    { "tier", 0, 0, G_OPTION_ARG_STRING, &tier_name, "Tier under test", "NAME" },
    { "seconds", 0, 0, G_OPTION_ARG_DOUBLE, &seconds, "How long, for all programs together", "S" },
    { "runs", 0, 0, G_OPTION_ARG_INT, &n_runs, "How often each program, instead of --seconds",
      "N" },
    { "rounds", 0, 0, G_OPTION_ARG_INT, &n_rounds, "Rounds of a program", "N" },
    { NULL },
  };
  g_autoptr (GError) error = NULL;
  g_autoptr (GOptionContext) context = g_option_context_new ("PROGRAM.bin...");
  gboolean ok = TRUE;

  g_option_context_add_main_entries (context, entries, NULL);
  if (!g_option_context_parse (context, &argc, &argv, &error))
    {
      g_printerr ("%s: %s\n", argv[0], error->message);
      return 2;
    }
  VmtRegistry *registry = vmt_registry_get_default ();
  g_autoptr (VmtObject) tier = vmt_registry_create (registry, VMT_FEATURE_TIER, tier_name, &error);
  if (tier == NULL || !vmt_tier_probe (VMT_TIER (tier), &error))
    {
      if (g_error_matches (error, VMT_ERROR, VMT_ERROR_UNSUPPORTED))
        {
          g_print ("1..0 # SKIP tier %s: %s\n", tier_name, error->message);
          return 0;
        }
      g_printerr ("%s: %s\n", argv[0], error->message);
      return 2;
    }
  const GType type = vmt_registry_get_type_of (registry, VMT_FEATURE_ARCH, "riscv64", &error);
  g_assert_no_error (error);
  VmtCpuClass *cpu_class = g_type_class_ref (type);
  const char *given = g_getenv ("VMT_LOCKSTEP_SECONDS");
  if (given != NULL)
    seconds = g_ascii_strtod (given, NULL);
  g_print ("1..%d\n", argc - 1);
  for (gint i = 1; i < argc; i++)
    ok &= run_program (VMT_TIER (tier), cpu_class->arch, argv[i], (guint)i, seconds / (argc - 1));
  g_type_class_unref (cpu_class);
  return ok ? 0 : 1;
}
