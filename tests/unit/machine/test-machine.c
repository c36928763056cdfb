/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>

#include "vmt-dma.h"
#include "vmt-error.h"
#include "vmt-event.h"
#include "vmt-firmware.h"

#define RAM_BASE G_GUINT64_CONSTANT (0x80000000)

/* Machines without CPUs: life cycle, requests, threads. A firmware that says what it did, and does
 * what a test wants. */
typedef struct
{
  VmtFirmware parent_instance;
  guint n_prepares, n_boots;
  gboolean fails;
  void (*on_boot) (VmtMachine *machine, guint n);
} Boot;
typedef VmtFirmwareClass BootClass;

static GType boot_get_type (void);
G_DEFINE_TYPE (Boot, boot, VMT_TYPE_FIRMWARE)

static gboolean
boot_prepare (VmtFirmware *firmware, VmtMachine *machine, GError **error)
{
  ((Boot *)firmware)->n_prepares++;
  return TRUE;
}

static gboolean
boot_boot (VmtFirmware *firmware, VmtMachine *machine, GError **error)
{
  Boot *self = (Boot *)firmware;
  self->n_boots++;
  if (self->fails)
    {
      g_set_error (error, VMT_ERROR, VMT_ERROR_CORRUPT, "no kernel today");
      return FALSE;
    }
  if (self->on_boot != NULL)
    self->on_boot (machine, self->n_boots);
  return TRUE;
}

static void
boot_init (Boot *self)
{
}

static void
boot_class_init (BootClass *klass)
{
  klass->prepare = boot_prepare;
  klass->boot = boot_boot;
}

typedef struct
{
  VmtMachine *machine;
  Boot *boot;
  GString *log;
} Fixture;

static void
note_event (VmtObject *source, const char *event, GVariant *payload, gpointer data)
{
  Fixture *f = data;
  g_autofree char *text = g_variant_print (payload, FALSE);
  g_string_append_printf (f->log, "%s%s ", event, text);
}

static void
set_up (Fixture *f, gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  f->machine = vmt_machine_new ("test");
  f->log = g_string_new (NULL);
  f->boot = g_object_new (boot_get_type (), NULL);
  vmt_machine_add_ram (f->machine, "ram", RAM_BASE, VMT_PAGE_SIZE, VMT_RAM_ANON, NULL, &error);
  g_assert_no_error (error);
  vmt_machine_set_firmware (f->machine, VMT_FIRMWARE (f->boot), &error);
  g_assert_no_error (error);
  vmt_object_subscribe (VMT_OBJECT (f->machine), "**", "*", note_event, f, NULL);
}

static void
tear_down (Fixture *f, gconstpointer data)
{
  g_object_unref (f->boot);
  g_assert_cmpuint (G_OBJECT (f->machine)->ref_count, ==, 1);
  g_object_unref (f->machine);
  g_string_free (f->log, TRUE);
}

static void
realize (Fixture *f)
{
  g_autoptr (GError) error = NULL;
  vmt_machine_realize (f->machine, &error);
  g_assert_no_error (error);
}

static VmtStopReason
run (Fixture *f, int *status)
{
  g_autoptr (GError) error = NULL;
  VmtStopReason reason;
  g_assert_true (vmt_machine_run (f->machine, &reason, status, &error));
  g_assert_no_error (error);
  return reason;
}

static void
test_misuse (Fixture *f, gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  VmtStopReason reason = VMT_STOP_QUIT;
  int status = 5;
  g_assert_cmpint (vmt_machine_get_state (f->machine), ==, VMT_MACHINE_NEW);
  g_assert_false (vmt_machine_run (f->machine, &reason, &status, &error));
  g_assert_error (error, VMT_ERROR, VMT_ERROR_STATE);
  g_assert_cmpint (reason, ==, VMT_STOP_ERROR);
  g_clear_error (&error);
  g_assert_cmpuint (f->boot->n_prepares, ==, 0);
  realize (f);
  g_assert_cmpuint (f->boot->n_prepares, ==, 0);
  g_assert_cmpuint (f->boot->n_boots, ==, 0);
  g_assert_cmpint (vmt_machine_get_state (f->machine), ==, VMT_MACHINE_REALIZED);

  g_assert_false (vmt_machine_realize (f->machine, &error));
  g_assert_error (error, VMT_ERROR, VMT_ERROR_STATE);
  g_clear_error (&error);
  g_assert_false (
      vmt_machine_add_ram (f->machine, "r2", 0, VMT_PAGE_SIZE, VMT_RAM_ANON, NULL, &error));
  g_assert_error (error, VMT_ERROR, VMT_ERROR_STATE);
  g_clear_error (&error);
  g_assert_false (vmt_machine_set_firmware (f->machine, VMT_FIRMWARE (f->boot), &error));
  g_assert_error (error, VMT_ERROR, VMT_ERROR_STATE);
  g_clear_error (&error);
  /* What execution is chosen by cannot change any more; what a reset does can. */
  g_assert_false (vmt_machine_set_text (f->machine, "tier", "x", &error));
  g_assert_error (error, VMT_ERROR, VMT_ERROR_STATE);
  g_clear_error (&error);
  g_assert_true (vmt_machine_set_text (f->machine, "on-reset", "exit", &error));
  g_assert_false (vmt_machine_set_text (f->machine, "on-reset", "explode", &error));
  g_assert_nonnull (error);
  g_clear_error (&error);
  g_assert_false (vmt_machine_set_text (f->machine, "state", "running", &error));
  g_assert_nonnull (error);
  g_clear_error (&error);

  vmt_machine_close (f->machine);
  vmt_machine_close (f->machine);
  g_assert_false (vmt_machine_run (f->machine, NULL, NULL, &error));
  g_assert_error (error, VMT_ERROR, VMT_ERROR_STATE);
  g_clear_error (&error);
  g_assert_false (vmt_machine_realize (f->machine, &error));
  g_assert_error (error, VMT_ERROR, VMT_ERROR_STATE);
}

static void
test_ram (Fixture *f, gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  guint64 base;
  g_assert_false (
      vmt_machine_add_ram (f->machine, "ram", 0, VMT_PAGE_SIZE, VMT_RAM_ANON, NULL, &error));
  g_assert_error (error, VMT_ERROR, VMT_ERROR_INVALID);
  g_clear_error (&error);
  g_assert_false (vmt_machine_add_ram (f->machine, "over", RAM_BASE, VMT_PAGE_SIZE, VMT_RAM_ANON,
                                       NULL, &error));
  g_assert_nonnull (strstr (error->message, "'over'"));
  g_assert_nonnull (strstr (error->message, "'ram'"));
  g_clear_error (&error);
  g_assert_true (
      vmt_machine_add_ram (f->machine, "low", 0x1000, VMT_PAGE_SIZE, VMT_RAM_ANON, NULL, &error));
  g_assert_true (vmt_machine_add_ram (f->machine, "high", RAM_BASE * 4, VMT_PAGE_SIZE,
                                      VMT_RAM_MEMFD, NULL, &error));
  g_assert_cmpstr (vmt_machine_get_ram (f->machine, 0, &base)->name, ==, "low");
  g_assert_cmphex (base, ==, 0x1000);
  g_assert_cmpstr (vmt_machine_get_ram (f->machine, 1, NULL)->name, ==, "ram");
  g_assert_cmpstr (vmt_machine_get_ram (f->machine, 2, &base)->name, ==, "high");
  g_assert_null (vmt_machine_get_ram (f->machine, 3, &base));
}

static void
off_on_boot (VmtMachine *machine, guint n)
{
  vmt_machine_request_power_off (machine, "test", 42);
  vmt_machine_request_power_off (machine, "too late", 43);
}

static void
test_power_off (Fixture *f, gconstpointer data)
{
  int status = 0;
  f->boot->on_boot = off_on_boot;
  realize (f);
  g_assert_cmpint (run (f, &status), ==, VMT_STOP_POWER_OFF);
  g_assert_cmpint (status, ==, 42);
  g_assert_cmpint (vmt_machine_get_state (f->machine), ==, VMT_MACHINE_OFF);
  g_assert_cmpstr (f->log->str, ==,
                   "state'realized' state'running' state'off' power-off('test', 42) ");

  /* It may be switched on again. */
  g_assert_cmpint (run (f, &status), ==, VMT_STOP_POWER_OFF);
  g_assert_cmpuint (f->boot->n_boots, ==, 2);
  g_assert_cmpuint (f->boot->n_prepares, ==, 1);
}

static void
reset_on_boot (VmtMachine *machine, guint n)
{
  guint32 mark = 0;
  g_assert_true (vmt_dma_read (vmt_machine_get_address_space (machine), RAM_BASE, &mark, 4));
  g_assert_cmpuint (mark, ==, n - 1); /* RAM outlives a reset */
  g_assert_true (vmt_dma_write (vmt_machine_get_address_space (machine), RAM_BASE, &n, 4));
  if (n < 4)
    vmt_machine_request_reset (machine, "again");
  else
    vmt_machine_request_power_off (machine, "enough", 0);
}

static void
test_reset (Fixture *f, gconstpointer data)
{
  f->boot->on_boot = reset_on_boot;
  realize (f);
  g_string_truncate (f->log, 0);
  g_assert_cmpint (run (f, NULL), ==, VMT_STOP_POWER_OFF);
  g_assert_cmpuint (f->boot->n_boots, ==, 4);
  g_assert_cmpstr (f->log->str, ==,
                   "state'running' reset'again' reset'again' reset'again' state'off' "
                   "power-off('enough', 0) ");
}

static void
test_reset_exits (Fixture *f, gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  f->boot->on_boot = reset_on_boot;
  g_assert_true (vmt_machine_set_text (f->machine, "on-reset", "exit", &error));
  realize (f);
  g_assert_cmpint (run (f, NULL), ==, VMT_STOP_RESET);
  g_assert_cmpuint (f->boot->n_boots, ==, 1);
  g_assert_cmpint (vmt_machine_get_state (f->machine), ==, VMT_MACHINE_OFF);
  g_assert_cmpint (run (f, NULL), ==, VMT_STOP_RESET);
  g_assert_cmpuint (f->boot->n_boots, ==, 2);
}

static void
panic_on_boot (VmtMachine *machine, guint n)
{
  vmt_machine_report_panic (machine, "pvpanic");
}

static void
test_panic (Fixture *f, gconstpointer data)
{
  f->boot->on_boot = panic_on_boot;
  realize (f);
  g_assert_cmpint (run (f, NULL), ==, VMT_STOP_PANIC);
  g_assert_nonnull (strstr (f->log->str, "guest-panic'pvpanic'"));
  /* As it was, for whoever wants to look. */
  g_assert_cmpint (vmt_machine_get_state (f->machine), ==, VMT_MACHINE_PAUSED);
}

static void
test_boot_fails (Fixture *f, gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  VmtStopReason reason = VMT_STOP_QUIT;
  f->boot->fails = TRUE;
  realize (f);
  g_assert_false (vmt_machine_run (f->machine, &reason, NULL, &error));
  g_assert_error (error, VMT_ERROR, VMT_ERROR_CORRUPT);
  g_assert_cmpint (reason, ==, VMT_STOP_ERROR);
  g_assert_cmpint (vmt_machine_get_state (f->machine), ==, VMT_MACHINE_REALIZED);
  g_clear_error (&error);

  /* The same in a reset. */
  f->boot->fails = FALSE;
  f->boot->on_boot = reset_on_boot;
  vmt_machine_quit (f->machine);
  g_assert_cmpint (run (f, NULL), ==, VMT_STOP_QUIT);
  g_assert_cmpuint (f->boot->n_boots, ==, 1); /* it had quit before it began */
}

static void
fail_next (VmtMachine *machine, guint n)
{
  ((Boot *)vmt_machine_get_firmware (machine))->fails = TRUE;
  vmt_machine_request_reset (machine, "reset");
}

static void
test_reset_fails (Fixture *f, gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  VmtStopReason reason;
  f->boot->on_boot = fail_next;
  realize (f);
  g_assert_false (vmt_machine_run (f->machine, &reason, NULL, &error));
  g_assert_error (error, VMT_ERROR, VMT_ERROR_CORRUPT);
  g_assert_cmpint (vmt_machine_get_state (f->machine), ==, VMT_MACHINE_OFF);
}

static gpointer
drive (gpointer data)
{
  Fixture *f = data;
  VmtClock *clock = vmt_machine_get_clock (f->machine);
  while (vmt_machine_get_state (f->machine) != VMT_MACHINE_RUNNING)
    g_usleep (100);
  for (guint i = 0; i < 20; i++)
    {
      vmt_machine_pause (f->machine);
      while (vmt_machine_get_state (f->machine) != VMT_MACHINE_PAUSED)
        g_usleep (100);
      guint64 now = vmt_clock_get (clock);
      g_usleep (500);
      g_assert_cmpuint (vmt_clock_get (clock), ==, now);
      vmt_machine_pause (f->machine);
      vmt_machine_resume (f->machine);
      while (vmt_machine_get_state (f->machine) != VMT_MACHINE_RUNNING)
        g_usleep (100);
    }
  guint64 now = vmt_clock_get (clock);
  g_usleep (1000);
  g_assert_cmpuint (vmt_clock_get (clock), >, now);
  vmt_machine_quit (f->machine);
  return NULL;
}

static void
test_pause (Fixture *f, gconstpointer data)
{
  realize (f);
  GThread *thread = g_thread_new ("driver", drive, f);
  g_assert_cmpint (run (f, NULL), ==, VMT_STOP_QUIT);
  g_thread_join (thread);
  g_assert_cmpint (vmt_machine_get_state (f->machine), ==, VMT_MACHINE_PAUSED);
  /* Going on is not booting. */
  vmt_machine_quit (f->machine);
  g_assert_cmpint (run (f, NULL), ==, VMT_STOP_QUIT);
  g_assert_cmpuint (f->boot->n_boots, ==, 1);
}

static void
test_starts_paused (Fixture *f, gconstpointer data)
{
  f->boot->on_boot = off_on_boot;
  realize (f);
  vmt_machine_pause (f->machine);
  g_assert_cmpint (run (f, NULL), ==, VMT_STOP_POWER_OFF);
  g_assert_null (strstr (f->log->str, "running"));
  g_assert_nonnull (strstr (f->log->str, "state'paused'"));
}

static gpointer
run_too (gpointer data)
{
  Fixture *f = data;
  g_autoptr (GError) error = NULL;
  while (vmt_machine_get_state (f->machine) != VMT_MACHINE_RUNNING)
    g_usleep (100);
  g_assert_false (vmt_machine_run (f->machine, NULL, NULL, &error));
  g_assert_error (error, VMT_ERROR, VMT_ERROR_STATE);
  vmt_machine_request_power_off (f->machine, "thread", 1);
  return NULL;
}

static void
test_two_runs (Fixture *f, gconstpointer data)
{
  int status;
  realize (f);
  GThread *thread = g_thread_new ("other", run_too, f);
  g_assert_cmpint (run (f, &status), ==, VMT_STOP_POWER_OFF);
  g_assert_cmpint (status, ==, 1);
  g_thread_join (thread);
}

static void
close_it (VmtMachine *machine, gpointer data)
{
  vmt_machine_close (machine);
}

static gboolean
close_from_source (gpointer data)
{
  /* At a safepoint, from inside the run, and with the last reference but the run's. */
  vmt_machine_at_safepoint (data, close_it, NULL);
  return G_SOURCE_REMOVE;
}

static void
test_close_inside (Fixture *f, gconstpointer data)
{
  realize (f);
  GSource *source = g_idle_source_new ();
  g_source_set_callback (source, close_from_source, f->machine, NULL);
  g_source_attach (source, vmt_machine_get_context (f->machine));
  g_source_unref (source);
  g_assert_cmpint (run (f, NULL), ==, VMT_STOP_QUIT);
  g_assert_cmpint (vmt_machine_get_state (f->machine), ==, VMT_MACHINE_OFF);
}

/* Everything at once, from many threads: it ends, once, for one of the reasons. */
static gpointer
ask (gpointer data)
{
  Fixture *f = data;
  for (guint i = 0; i < 300; i++)
    switch (i % 5)
      {
      case 0:
        vmt_machine_pause (f->machine);
        break;
      case 1:
        vmt_machine_resume (f->machine);
        break;
      case 2:
        vmt_machine_request_reset (f->machine, "storm");
        break;
      default:
        g_usleep (10);
      }
  vmt_machine_request_power_off (f->machine, "storm", 7);
  return NULL;
}

static void
test_storm (Fixture *f, gconstpointer data)
{
  int status;
  GThread *threads[4];
  realize (f);
  for (guint i = 0; i < 4; i++)
    threads[i] = g_thread_new ("storm", ask, f);
  g_assert_cmpint (run (f, &status), ==, VMT_STOP_POWER_OFF);
  g_assert_cmpint (status, ==, 7);
  for (guint i = 0; i < 4; i++)
    g_thread_join (threads[i]);
}

static void
ring_on_boot (VmtMachine *machine, guint n)
{
  VmtEventRecord record = { VMT_OBJECT (machine), "hot", { 1, 2, 3 } };
  struct _VmtEventRing *ring = vmt_machine_get_event_ring (machine);
  g_assert_true (ring == vmt_machine_get_event_ring (machine));
  g_assert_true (vmt_event_ring_push (ring, &record));
}

static void
quit_on_hot (VmtObject *source, const char *event, GVariant *payload, gpointer data)
{
  guint64 a, b, c;
  g_variant_get (payload, "(ttt)", &a, &b, &c);
  g_assert_cmpuint (a * 100 + b * 10 + c, ==, 123);
  vmt_machine_quit (VMT_MACHINE (source));
}

static void
test_ring (Fixture *f, gconstpointer data)
{
  static const VmtEventSpec hot = { "hot", "(ttt)", "For this test", { NULL } };
  if (vmt_object_class_find_event (VMT_OBJECT_GET_CLASS (f->machine), "hot") == NULL)
    vmt_object_class_install_event (VMT_OBJECT_GET_CLASS (f->machine), &hot);
  f->boot->on_boot = ring_on_boot;
  vmt_object_subscribe (VMT_OBJECT (f->machine), "**", "hot", quit_on_hot, NULL, NULL);
  realize (f);
  g_assert_cmpint (run (f, NULL), ==, VMT_STOP_QUIT);
}

static void
test_text (Fixture *f, gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *value = NULL;
  g_assert_true (vmt_machine_set_text (f->machine, "name", "other", &error));
  g_assert_true (vmt_machine_set_text (f->machine, "firmware.append", "console=ttyS0 a.b", &error));
  g_assert_cmpstr (vmt_firmware_get_append (VMT_FIRMWARE (f->boot)), ==, "console=ttyS0 a.b");
  g_assert_true (vmt_machine_set_text (f->machine, "firmware/append", "quiet", &error));
  value = vmt_machine_get_text (f->machine, "firmware.append", &error);
  g_assert_cmpstr (value, ==, "quiet");

  const char *const bad[] = { "",
                              ".",
                              "firmware.",
                              ".append",
                              "nobody.append",
                              "firmware",
                              "firmwar.append",
                              "firmware.appendix",
                              "firmware..append",
                              "firmware/x/append" };
  for (guint i = 0; i < G_N_ELEMENTS (bad); i++)
    {
      g_assert_false (vmt_machine_set_text (f->machine, bad[i], "x", &error));
      g_assert_nonnull (error);
      g_clear_error (&error);
      g_assert_null (vmt_machine_get_text (f->machine, bad[i], &error));
      g_assert_nonnull (error);
      g_clear_error (&error);
    }
  g_assert_cmpstr (vmt_firmware_get_append (VMT_FIRMWARE (f->boot)), ==, "quiet");
}

static guint
count_in (const char *folder)
{
  g_autoptr (GDir) dir = g_dir_open (folder, 0, NULL);
  guint n = 0;
  g_assert_nonnull (dir);
  while (g_dir_read_name (dir) != NULL)
    n++;
  return n;
}

static void
test_many (void)
{
  Fixture f;
  set_up (&f, NULL);
  realize (&f);
  tear_down (&f, NULL);
  guint fds = count_in ("/proc/self/fd"), threads = count_in ("/proc/self/task");
  for (guint i = 0; i < 100; i++)
    {
      int status;
      set_up (&f, NULL);
      f.boot->on_boot = off_on_boot;
      realize (&f);
      g_assert_cmpint (run (&f, &status), ==, VMT_STOP_POWER_OFF);
      tear_down (&f, NULL);
    }
  g_assert_cmpuint (count_in ("/proc/self/fd"), ==, fds);
  g_assert_cmpuint (count_in ("/proc/self/task"), ==, threads);

  /* Many at once, too. */
  Fixture all[100];
  for (guint i = 0; i < 100; i++)
    {
      set_up (&all[i], NULL);
      realize (&all[i]);
    }
  for (guint i = 0; i < 100; i++)
    tear_down (&all[i], NULL);
  g_assert_cmpuint (count_in ("/proc/self/fd"), ==, fds);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
#define ADD(name, func)                                                                            \
  g_test_add ("/machine/machine/" name, Fixture, NULL, set_up, func, tear_down)
  ADD ("misuse", test_misuse);
  ADD ("ram", test_ram);
  ADD ("power-off", test_power_off);
  ADD ("reset", test_reset);
  ADD ("reset-exits", test_reset_exits);
  ADD ("panic", test_panic);
  ADD ("boot-fails", test_boot_fails);
  ADD ("reset-fails", test_reset_fails);
  ADD ("pause", test_pause);
  ADD ("starts-paused", test_starts_paused);
  ADD ("two-runs", test_two_runs);
  ADD ("close-inside", test_close_inside);
  ADD ("storm", test_storm);
  ADD ("ring", test_ring);
  ADD ("text", test_text);
  g_test_add_func ("/machine/machine/many", test_many);
  return g_test_run ();
}
