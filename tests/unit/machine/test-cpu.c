/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <malloc.h>
#include <string.h>

#include "test-arch.h"
#include "vmt-dma.h"
#include "vmt-error.h"
#include "vmt-exec.h"

#define RAM_BASE G_GUINT64_CONSTANT (0x80000000)
#define MAX_CPUS 4

/* Machines with CPUs that run. A device at TEST_STORE_ADDRESS does what the guest stores: */
#define SAY_OFF 1     /* powers off */
#define SAY_RESET 2   /* resets */
#define SAY_PANIC 3   /* crashes */
#define SAY_PAUSE 4   /* pauses */
#define SAY_OFF_9 9   /* powers off with status 9 */
#define SAY_COUNT 100 /* counts */

typedef struct
{
  VmtDevice parent_instance;
  guint n_counts; /* atomic */
  guint n_resets;
} Finisher;
typedef VmtDeviceClass FinisherClass;

static GType finisher_get_type (void);
G_DEFINE_TYPE (Finisher, finisher, VMT_TYPE_DEVICE)

static VmtMemStatus
finisher_read (gpointer opaque, guint64 offset, guint size, guint64 *value)
{
  *value = 0;
  return VMT_MEM_OK;
}

static VmtMemStatus
finisher_write (gpointer opaque, guint64 offset, guint size, guint64 value)
{
  Finisher *self = opaque;
  VmtMachine *machine = vmt_device_get_machine (opaque);
  switch (value)
    {
    case SAY_OFF:
      vmt_machine_request_power_off (machine, "finisher", 0);
      break;
    case SAY_OFF_9:
      vmt_machine_request_power_off (machine, "finisher", 9);
      break;
    case SAY_RESET:
      vmt_machine_request_reset (machine, "finisher");
      break;
    case SAY_PANIC:
      vmt_machine_report_panic (machine, "finisher");
      break;
    case SAY_PAUSE:
      vmt_machine_pause (machine);
      break;
    case SAY_COUNT:
      __atomic_fetch_add (&self->n_counts, 1, __ATOMIC_SEQ_CST);
      break;
    default:
      return VMT_MEM_BUS_ERROR;
    }
  return VMT_MEM_OK;
}

static void
finisher_reset (VmtDevice *device)
{
  ((Finisher *)device)->n_resets++;
}

static void
finisher_init (Finisher *self)
{
}

static const VmtMmioOps finisher_ops = { finisher_read, finisher_write, 4, 4, FALSE, { NULL } };
static const VmtRegionSpec finisher_regions[] = {
  { "regs", 0x1000, NULL, &finisher_ops, { NULL } },
  { NULL, 0, NULL, NULL, { NULL } },
};

static void
finisher_class_init (FinisherClass *klass)
{
  klass->regions = finisher_regions;
  klass->reset = finisher_reset;
}

/* The firmware: writes the test's program into RAM at every boot, and starts CPU 0, or all. */
typedef struct
{
  VmtFirmware parent_instance;
  const guint32 *code[4]; /* of the first boot, the second, ...; the last one stays */
  gsize n_words[4];
  guint n_boots;
  gboolean all;
} Boot;
typedef VmtFirmwareClass BootClass;

static GType boot_get_type (void);
G_DEFINE_TYPE (Boot, boot, VMT_TYPE_FIRMWARE)

static gboolean
boot_boot (VmtFirmware *firmware, VmtMachine *machine, GError **error)
{
  Boot *self = (Boot *)firmware;
  guint which = MIN (self->n_boots, 3);
  while (self->code[which] == NULL)
    which--;
  self->n_boots++;
  g_assert_true (vmt_dma_write (vmt_machine_get_address_space (machine), RAM_BASE,
                                self->code[which], 4 * self->n_words[which]));
  for (guint i = 0; i < (self->all ? vmt_machine_get_n_cpus (machine) : 1); i++)
    {
      VmtCpu *cpu = vmt_machine_get_cpu (machine, i);
      g_assert_cmpint (vmt_cpu_get_power (cpu), ==, VMT_CPU_STOPPED);
      g_assert_true (test_cpu_boot (TEST_CPU (cpu), RAM_BASE, 0));
      /* Not twice. */
      g_assert_false (test_cpu_boot (TEST_CPU (cpu), RAM_BASE, 0));
    }
  return TRUE;
}

static void
boot_init (Boot *self)
{
}

static void
boot_class_init (BootClass *klass)
{
  klass->boot = boot_boot;
}

typedef struct
{
  VmtMachine *machine;
  Boot *boot;
  Finisher *finisher;
  TestCpu *cpu[MAX_CPUS];
  guint n;
} Rig;

static void
rig_init (Rig *rig, guint n_cpus, const guint32 *code, gsize n_words)
{
  g_autoptr (GError) error = NULL;
  *rig = (Rig){ .n = n_cpus };
  rig->machine = vmt_machine_new ("rig");
  rig->boot = g_object_new (boot_get_type (), NULL);
  rig->finisher = g_object_new (finisher_get_type (), NULL);
  rig->boot->code[0] = code;
  rig->boot->n_words[0] = n_words;
  vmt_machine_add_ram (rig->machine, "ram", RAM_BASE, 16 * VMT_PAGE_SIZE, VMT_RAM_ANON, NULL,
                       &error);
  g_assert_no_error (error);
  for (guint i = 0; i < n_cpus; i++)
    {
      rig->cpu[i] = g_object_new (TEST_TYPE_CPU, NULL);
      vmt_machine_add_cpu (rig->machine, VMT_CPU (rig->cpu[i]), &error);
      g_assert_no_error (error);
      g_assert_cmpuint (vmt_cpu_get_index (VMT_CPU (rig->cpu[i])), ==, i);
      g_assert_null (vmt_cpu_get_vcpu (VMT_CPU (rig->cpu[i])));
    }
  vmt_device_set_base (VMT_DEVICE (rig->finisher), 0, TEST_STORE_ADDRESS);
  vmt_machine_add_device (rig->machine, NULL, "finisher", VMT_DEVICE (rig->finisher), &error);
  g_assert_no_error (error);
  vmt_machine_set_firmware (rig->machine, VMT_FIRMWARE (rig->boot), &error);
  g_assert_no_error (error);
}

#define RIG_INIT(rig, n, code) rig_init (rig, n, code, G_N_ELEMENTS (code))

static void
rig_realize (Rig *rig)
{
  g_autoptr (GError) error = NULL;
  vmt_machine_realize (rig->machine, &error);
  g_assert_no_error (error);
}

static void
rig_clear (Rig *rig)
{
  g_assert_finalize_object (rig->machine);
  for (guint i = 0; i < rig->n; i++)
    g_assert_finalize_object (rig->cpu[i]);
  g_assert_finalize_object (rig->boot);
  g_assert_finalize_object (rig->finisher);
}

static VmtStopReason
rig_run (Rig *rig, int *status)
{
  g_autoptr (GError) error = NULL;
  VmtStopReason reason;
  vmt_machine_run (rig->machine, &reason, status, &error);
  g_assert_no_error (error);
  return reason;
}

static void
test_power_off (void)
{
  static const guint32 code[] = { TEST_COUNT, TEST_COUNT, TEST_STORE (SAY_COUNT),
                                  TEST_STORE (SAY_OFF_9), TEST_SPIN };
  Rig rig;
  int status = 0;
  guint64 n = 0;
  RIG_INIT (&rig, 1, code);
  rig_realize (&rig);
  g_assert_cmpint (rig_run (&rig, &status), ==, VMT_STOP_POWER_OFF);
  g_assert_cmpint (status, ==, 9);
  g_assert_true (vmt_cpu_get_register (VMT_CPU (rig.cpu[0]), "n", &n));
  g_assert_cmpuint (n, ==, 2);
  g_assert_cmpuint (rig.finisher->n_counts, ==, 1);
  /* Again, from a reset. */
  g_assert_cmpint (rig_run (&rig, &status), ==, VMT_STOP_POWER_OFF);
  g_assert_cmpuint (rig.finisher->n_counts, ==, 2);
  g_assert_true (vmt_cpu_get_register (VMT_CPU (rig.cpu[0]), "n", &n));
  g_assert_cmpuint (n, ==, 2);
  rig_clear (&rig);
}

static void
test_reset (void)
{
  static const guint32 first[] = { TEST_COUNT, TEST_STORE (SAY_RESET), TEST_SPIN };
  static const guint32 last[] = { TEST_COUNT, TEST_COUNT, TEST_COUNT, TEST_STORE (SAY_OFF),
                                  TEST_SPIN };
  for (guint n_cpus = 1; n_cpus <= MAX_CPUS; n_cpus += 3)
    {
      Rig rig;
      guint64 n = 0;
      RIG_INIT (&rig, n_cpus, first);
      rig.boot->all = TRUE;
      rig.boot->code[3] = last;
      rig.boot->n_words[3] = G_N_ELEMENTS (last);
      rig_realize (&rig);
      guint resets = rig.finisher->n_resets;
      g_assert_cmpint (rig_run (&rig, NULL), ==, VMT_STOP_POWER_OFF);
      g_assert_cmpuint (rig.boot->n_boots, ==, 4);
      g_assert_cmpuint (rig.finisher->n_resets - resets, ==, 3);
      /* The code that the firmware wrote over the old one was executed, from zero. */
      gboolean any = FALSE;
      for (guint i = 0; i < n_cpus; i++)
        {
          g_assert_true (vmt_cpu_get_register (VMT_CPU (rig.cpu[i]), "n", &n));
          g_assert_cmpuint (n, <=, 3);
          any |= n == 3;
        }
      g_assert_true (any);
      rig_clear (&rig);
    }
}

static void
test_panic (void)
{
  static const guint32 code[] = { TEST_STORE (SAY_PANIC), TEST_SPIN };
  Rig rig;
  RIG_INIT (&rig, 1, code);
  rig_realize (&rig);
  g_assert_cmpint (rig_run (&rig, NULL), ==, VMT_STOP_PANIC);
  g_assert_cmpint (vmt_machine_get_state (rig.machine), ==, VMT_MACHINE_PAUSED);
  rig_clear (&rig);
}

/* A bus error and an undefined instruction reach the architecture. */
static void
test_faults (void)
{
  static const guint32 code[] = { TEST_COUNT, TEST_STORE (77), TEST_STORE (SAY_OFF), TEST_SPIN };
  static const guint32 undefined[] = { TEST_COUNT, 0xff, TEST_STORE (SAY_OFF), TEST_SPIN };
  for (guint i = 0; i < 2; i++)
    {
      Rig rig;
      guint64 n = 0;
      rig_init (&rig, 1, i == 0 ? code : undefined, 4);
      rig_realize (&rig);
      VmtMachine *machine = rig.machine;
      GMainContext *context = vmt_machine_get_context (machine);
      GSource *source = g_timeout_source_new (30);
      g_source_set_callback (source, G_SOURCE_FUNC (vmt_machine_quit), machine, NULL);
      g_source_attach (source, context);
      g_assert_cmpint (rig_run (&rig, NULL), ==, VMT_STOP_QUIT);
      g_assert_true (vmt_cpu_get_register (VMT_CPU (rig.cpu[0]), "faults", &n));
      g_assert_cmpuint (n, ==, 1);
      g_assert_cmpint (vmt_cpu_get_power (VMT_CPU (rig.cpu[0])), ==, VMT_CPU_STOPPED);
      g_source_destroy (source);
      g_source_unref (source);
      rig_clear (&rig);
    }
}

static void
test_registers (void)
{
  static const guint32 code[] = { TEST_SPIN };
  Rig rig;
  guint n;
  guint64 value = 1;
  guint8 bytes[32], wide[32];
  RIG_INIT (&rig, 1, code);
  VmtCpu *cpu = VMT_CPU (rig.cpu[0]);
  g_assert_cmpstr (vmt_cpu_list_registers (cpu, &n)[0].name, ==, "pc");
  g_assert_cmpuint (n, ==, 7);
  g_assert_false (vmt_cpu_get_register (cpu, "pc", &value)); /* nothing is there yet */
  g_assert_false (vmt_cpu_set_register (cpu, "pc", 0));
  g_assert_false (test_cpu_boot (rig.cpu[0], 0, 0));
  g_assert_cmpint (vmt_cpu_get_power (cpu), ==, VMT_CPU_STOPPED);
  rig_realize (&rig);

  g_assert_true (vmt_cpu_set_register (cpu, "pc", G_MAXUINT64));
  g_assert_true (vmt_cpu_get_register (cpu, "pc", &value));
  g_assert_cmphex (value, ==, G_MAXUINT64);
  g_assert_false (vmt_cpu_get_register (cpu, "pC", &value));
  g_assert_false (vmt_cpu_get_register (cpu, "", &value));
  g_assert_false (vmt_cpu_set_register (cpu, "faults", 1)); /* read-only */
  g_assert_true (vmt_cpu_get_register (cpu, "faults", &value));
  g_assert_cmphex (value, ==, 0);
  g_assert_false (vmt_cpu_get_register (cpu, "nothing", &value));
  g_assert_false (vmt_cpu_set_register (cpu, "nothing", 1));

  /* Accessors, and what does not fit. */
  g_assert_true (vmt_cpu_set_register (cpu, "twice", 10));
  g_assert_true (vmt_cpu_get_register (cpu, "n", &value));
  g_assert_cmpuint (value, ==, 5);
  g_assert_false (vmt_cpu_set_register (cpu, "twice", 0x10000));
  g_assert_true (vmt_cpu_set_register (cpu, "n", 0x18003));
  g_assert_true (vmt_cpu_get_register (cpu, "twice", &value));
  g_assert_cmphex (value, ==, 0x0006);
  g_assert_false (vmt_cpu_set_register (cpu, "odd", 0x1000));
  test_cpu_get_state (rig.cpu[0])->odd = 0xffff;
  g_assert_true (vmt_cpu_get_register (cpu, "odd", &value));
  g_assert_cmphex (value, ==, 0xfff);

  /* Wide ones only as bytes, of exactly their size. */
  for (guint i = 0; i < 32; i++)
    wide[i] = (guint8)(i + 1);
  g_assert_false (vmt_cpu_get_register (cpu, "wide", &value));
  g_assert_false (vmt_cpu_set_register (cpu, "wide", 1));
  g_assert_false (vmt_cpu_set_register_bytes (cpu, "wide", wide, 31));
  g_assert_true (vmt_cpu_set_register_bytes (cpu, "wide", wide, 32));
  g_assert_true (vmt_cpu_get_register_bytes (cpu, "wide", bytes, 32));
  g_assert_cmpmem (bytes, 32, wide, 32);
  g_assert_false (vmt_cpu_get_register_bytes (cpu, "wide", bytes, 8));
  g_assert_true (vmt_cpu_get_register_bytes (cpu, "odd", bytes, 2));
  g_assert_cmphex (bytes[1], ==, 0x0f);
  rig_clear (&rig);
}

/* From another thread, while the guest runs. */

typedef struct
{
  Rig *rig;
  guint n_calls;
  GThread *thread;
} Driver;

static void
look (VmtCpu *cpu, gpointer data)
{
  Driver *driver = data;
  guint64 pc, n;
  g_assert_true (vmt_cpu_get_register (cpu, "pc", &pc));
  g_assert_cmphex (pc, >=, RAM_BASE);
  g_assert_cmphex (pc, <=, RAM_BASE + 8);
  g_assert_true (vmt_cpu_get_register (cpu, "n", &n));
  __atomic_fetch_add (&driver->n_calls, 1, __ATOMIC_SEQ_CST);
}

static guint64
get_count (Rig *rig)
{
  return __atomic_load_n (&rig->finisher->n_counts, __ATOMIC_SEQ_CST);
}

#define ROUNDS 25

static gpointer
drive (gpointer data)
{
  Driver *driver = data;
  Rig *rig = driver->rig;
  for (guint c = 0; c < rig->n; c++)
    while (vmt_cpu_get_power (VMT_CPU (rig->cpu[c])) != VMT_CPU_STARTED)
      g_usleep (100);
  while (get_count (rig) < 100)
    g_usleep (100);
  for (guint i = 0; i < ROUNDS; i++)
    for (guint c = 0; c < rig->n; c++)
      vmt_cpu_run_on (VMT_CPU (rig->cpu[c]), look, driver, TRUE);
  g_assert_cmpuint (driver->n_calls, ==, ROUNDS * rig->n);
  for (guint i = 0; i < ROUNDS; i++)
    for (guint c = 0; c < rig->n; c++)
      vmt_cpu_run_on (VMT_CPU (rig->cpu[c]), look, driver, FALSE);

  /* Paused, nothing moves. */
  for (guint i = 0; i < 10; i++)
    {
      vmt_machine_pause (rig->machine);
      while (vmt_machine_get_state (rig->machine) != VMT_MACHINE_PAUSED)
        g_usleep (100);
      guint64 before = get_count (rig);
      g_usleep (1000);
      g_assert_cmpuint (get_count (rig), ==, before);
      vmt_cpu_run_on (VMT_CPU (rig->cpu[0]), look, driver, TRUE); /* still answers */
      vmt_machine_resume (rig->machine);
      while (get_count (rig) == before)
        g_usleep (100);
    }
  vmt_machine_quit (rig->machine);
  return NULL;
}

static void
test_run_on (void)
{
  static const guint32 code[] = { TEST_COUNT, TEST_STORE (SAY_COUNT), TEST_BACK (2) };
  for (guint n = 1; n <= MAX_CPUS; n += 3)
    {
      Rig rig;
      RIG_INIT (&rig, n, code);
      rig.boot->all = TRUE;
      rig_realize (&rig);
      Driver driver = { .rig = &rig };
      GThread *thread = g_thread_new ("driver", drive, &driver);
      g_assert_cmpint (rig_run (&rig, NULL), ==, VMT_STOP_QUIT);
      g_thread_join (thread);
      vmt_machine_close (rig.machine);
      g_assert_cmpuint (driver.n_calls, ==, 2 * ROUNDS * n + 10);
      rig_clear (&rig);
    }
}

static void
count_at_safepoint (VmtMachine *machine, gpointer data)
{
  Rig *rig = data;
  guint64 before = get_count (rig);
  g_usleep (1000);
  g_assert_cmpuint (get_count (rig), ==, before);
}

static gboolean
make_safepoint (gpointer data)
{
  Rig *rig = data;
  if (get_count (rig) < 100)
    return G_SOURCE_CONTINUE;
  for (guint i = 0; i < 10; i++)
    {
      vmt_machine_at_safepoint (rig->machine, count_at_safepoint, rig);
      guint64 before = get_count (rig);
      while (get_count (rig) == before)
        g_usleep (100);
    }
  vmt_machine_quit (rig->machine);
  return G_SOURCE_REMOVE;
}

static void
test_safepoint (void)
{
  static const guint32 code[] = { TEST_STORE (SAY_COUNT), TEST_BACK (1) };
  Rig rig;
  RIG_INIT (&rig, MAX_CPUS, code);
  rig.boot->all = TRUE;
  rig_realize (&rig);
  GSource *source = g_timeout_source_new (1);
  g_source_set_callback (source, make_safepoint, &rig, NULL);
  g_source_attach (source, vmt_machine_get_context (rig.machine));
  g_source_unref (source);
  g_assert_cmpint (rig_run (&rig, NULL), ==, VMT_STOP_QUIT);
  rig_clear (&rig);
}

static void
close_now (VmtMachine *machine, gpointer data)
{
  vmt_machine_close (machine);
  g_assert_nonnull (vmt_machine_get_exec (machine)); /* not before the safepoint is over */
}

static gboolean
close_at_safepoint (gpointer data)
{
  Rig *rig = data;
  vmt_machine_at_safepoint (rig->machine, close_now, NULL);
  g_assert_null (vmt_machine_get_exec (rig->machine));
  return G_SOURCE_REMOVE;
}

static void
test_close_inside (void)
{
  static const guint32 code[] = { TEST_STORE (SAY_COUNT), TEST_BACK (1) };
  Rig rig;
  RIG_INIT (&rig, MAX_CPUS, code);
  rig.boot->all = TRUE;
  rig_realize (&rig);
  GSource *source = g_timeout_source_new (10);
  g_source_set_callback (source, close_at_safepoint, &rig, NULL);
  g_source_attach (source, vmt_machine_get_context (rig.machine));
  g_source_unref (source);
  g_assert_cmpint (rig_run (&rig, NULL), ==, VMT_STOP_QUIT);
  g_assert_cmpint (vmt_machine_get_state (rig.machine), ==, VMT_MACHINE_OFF);
  rig_clear (&rig);
}

/* A CPU that waits costs nothing and wakes up for its interrupt; one that powered itself off can be
 * started again. */
static gboolean
raise_line (gpointer data)
{
  Rig *rig = data;
  VmtIrq irq;
  /* The other one is done, and this one sleeps. */
  if (get_count (rig) < 1 || vmt_cpu_get_power (VMT_CPU (rig->cpu[0])) != VMT_CPU_STARTED)
    return G_SOURCE_CONTINUE;
  g_assert_cmpuint (get_count (rig), ==, 1);
  g_assert_true (
      vmt_irq_controller_get_input (VMT_IRQ_CONTROLLER (rig->cpu[0]), "irq", &irq, NULL));
  vmt_irq_set (&irq, TRUE);
  return G_SOURCE_REMOVE;
}

static gboolean
start_again (gpointer data)
{
  Rig *rig = data;
  if (vmt_cpu_get_power (VMT_CPU (rig->cpu[1])) != VMT_CPU_STOPPED)
    return G_SOURCE_CONTINUE;
  g_assert_true (test_cpu_boot (rig->cpu[1], RAM_BASE + 0x1008, 5));
  return G_SOURCE_REMOVE;
}

static void
test_power (void)
{
  static const guint32 code[] = { TEST_WAIT, TEST_STORE (SAY_COUNT), TEST_STORE (SAY_OFF),
                                  TEST_SPIN };
  static const guint32 second[] = { TEST_COUNT, TEST_STOP, TEST_STORE (SAY_COUNT), TEST_STOP };
  Rig rig;
  guint64 n;
  RIG_INIT (&rig, 2, code);
  rig_realize (&rig);
  g_assert_true (vmt_dma_write (vmt_machine_get_address_space (rig.machine), RAM_BASE + 0x1000,
                                second, sizeof second));
  GMainContext *context = vmt_machine_get_context (rig.machine);
  GSource *source = g_timeout_source_new (20);
  g_source_set_callback (source, raise_line, &rig, NULL);
  g_source_attach (source, context);
  g_source_unref (source);
  source = g_timeout_source_new (1);
  g_assert_true (test_cpu_boot (rig.cpu[1], RAM_BASE + 0x1000, 0));
  g_source_set_callback (source, start_again, &rig, NULL);
  g_source_attach (source, context);
  g_source_unref (source);
  g_assert_cmpint (rig_run (&rig, NULL), ==, VMT_STOP_POWER_OFF);
  g_assert_cmpuint (get_count (&rig), ==, 2);
  g_assert_true (vmt_cpu_get_register (VMT_CPU (rig.cpu[1]), "n", &n));
  g_assert_cmpuint (n, ==, 5);
  g_assert_cmpint (vmt_cpu_get_power (VMT_CPU (rig.cpu[0])), ==, VMT_CPU_STARTED);
  g_assert_cmpint (vmt_cpu_get_power (VMT_CPU (rig.cpu[1])), ==, VMT_CPU_STOPPED);
  rig_clear (&rig);
}

/* Which part executes. */

static void
refuse (const char *property, const char *value, VmtError code, const char *what)
{
  static const guint32 spin[] = { TEST_SPIN };
  Rig rig;
  g_autoptr (GError) error = NULL;
  RIG_INIT (&rig, 1, spin);
  g_assert_true (vmt_machine_set_text (rig.machine, property, value, &error));
  g_assert_false (vmt_machine_realize (rig.machine, &error));
  g_assert_error (error, VMT_ERROR, (gint)code);
  if (strstr (error->message, what) == NULL)
    g_error ("'%s' does not say '%s'", error->message, what);
  g_assert_null (vmt_cpu_get_vcpu (VMT_CPU (rig.cpu[0])));
  /* As before: it can be mended. */
  g_clear_error (&error);
  g_assert_true (vmt_machine_set_text (rig.machine, property, "auto", &error));
  rig_realize (&rig);
  rig_clear (&rig);
}

static void
test_choice (void)
{
  static const guint32 code[] = { TEST_STORE (SAY_OFF), TEST_SPIN };
  Rig rig;
  g_autoptr (GError) error = NULL;
  refuse ("tier", "interpp", VMT_ERROR_NOT_FOUND, "interp");
  refuse ("accel", "emulat", VMT_ERROR_NOT_FOUND, "did you mean 'emulate'");
  refuse ("accel", "no-such-accelerator", VMT_ERROR_NOT_FOUND, "auto, emulate");

  RIG_INIT (&rig, 1, code);
  g_assert_true (vmt_machine_set_text (rig.machine, "tier", "interp", &error));
  g_assert_true (vmt_machine_set_text (rig.machine, "accel", "emulate", &error));
  rig_realize (&rig);
  g_assert_nonnull (vmt_machine_get_exec (rig.machine));
  g_auto (GStrv) refusals = vmt_machine_dup_refusals (rig.machine);
  g_assert_cmpuint (g_strv_length (refusals), ==, 0);
  g_assert_cmpint (rig_run (&rig, NULL), ==, VMT_STOP_POWER_OFF);
  rig_clear (&rig);
}

static guint
count_in (const char *folder)
{
  g_autoptr (GDir) dir = g_dir_open (folder, 0, NULL);
  guint n = 0;
  while (g_dir_read_name (dir) != NULL)
    n++;
  return n;
}

/* What the allocator has given out. Not the resident set: that also moves with where blocks happen
 * to lie. */
static gsize
get_in_use (void)
{
#ifdef __GLIBC__
  struct mallinfo2 info = mallinfo2 ();
  return info.uordblks + info.hblkhd;
#else
  return 0;
#endif
}

static void
test_many (void)
{
  static const guint32 code[] = { TEST_COUNT, TEST_STORE (SAY_OFF), TEST_SPIN };
  guint fds = 0, threads = 0;
  gsize in_use = 0;
  for (guint i = 0; i < 100; i++)
    {
      Rig rig;
      RIG_INIT (&rig, 1 + i % MAX_CPUS, code);
      rig.boot->all = TRUE;
      rig_realize (&rig);
      g_assert_cmpint (rig_run (&rig, NULL), ==, VMT_STOP_POWER_OFF);
      rig_clear (&rig);
      if (i == 9)
        {
          fds = count_in ("/proc/self/fd");
          g_usleep (20000);
          threads = count_in ("/proc/self/task");
          in_use = get_in_use ();
        }
    }
  g_assert_cmpuint (count_in ("/proc/self/fd"), ==, fds);
  /* a thread that was joined may still be on its way out of the kernel */
  for (guint i = 0; i < 1000 && count_in ("/proc/self/task") != threads; i++)
    g_usleep (5000);
  g_assert_cmpuint (count_in ("/proc/self/task"), ==, threads);
  g_test_message ("%" G_GSIZE_FORMAT " bytes in use, then %" G_GSIZE_FORMAT, in_use, get_in_use ());
#if !defined __SANITIZE_ADDRESS__ && !defined __SANITIZE_THREAD__
  /* Less than a kilobyte for each of the 90 machines: caches of threads that ended come and go. */
  g_assert_cmpuint (get_in_use (), <, in_use + 90 * 1024);
#endif
}

/* Closed while it runs, from another thread's point of view: quit, then the last reference. Not run
 * at all, too. */
static void
test_unused (void)
{
  static const guint32 code[] = { TEST_SPIN };
  for (guint i = 0; i < 3; i++)
    {
      Rig rig;
      RIG_INIT (&rig, MAX_CPUS, code);
      if (i > 0)
        rig_realize (&rig);
      if (i > 1)
        vmt_machine_close (rig.machine);
      rig_clear (&rig);
    }
}

int
main (int argc, char **argv)
{
  if (!vmt_registry_has_feature (vmt_registry_get_default (), VMT_FEATURE_TIER, "interp"))
    {
      g_print ("1..0 # SKIP built without the interpreter\n");
      return 0;
    }
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/machine/cpu/power-off", test_power_off);
  g_test_add_func ("/machine/cpu/reset", test_reset);
  g_test_add_func ("/machine/cpu/panic", test_panic);
  g_test_add_func ("/machine/cpu/faults", test_faults);
  g_test_add_func ("/machine/cpu/registers", test_registers);
  g_test_add_func ("/machine/cpu/run-on", test_run_on);
  g_test_add_func ("/machine/cpu/safepoint", test_safepoint);
  g_test_add_func ("/machine/cpu/close-inside", test_close_inside);
  g_test_add_func ("/machine/cpu/power", test_power);
  g_test_add_func ("/machine/cpu/choice", test_choice);
  g_test_add_func ("/machine/cpu/unused", test_unused);
  g_test_add_func ("/machine/cpu/many", test_many);
  return g_test_run ();
}
