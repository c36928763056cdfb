/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "vmtool.h"

#include <errno.h>
#include <glib-unix.h>
#include <signal.h>

static gboolean
on_signal (gpointer data)
{
  vmt_machine_quit (data);
  return G_SOURCE_CONTINUE;
}

/* Ends the machine in good order on the signals that end programs: the terminal restored, disks
 * flushed. The machine's context, because no other is served. */
static GSource *
watch_signal (VmtMachine *machine, int number)
{
  GSource *source = g_unix_signal_source_new (number);

  g_source_set_callback (source, on_signal, machine, NULL);
  g_source_attach (source, vmt_machine_get_context (machine));
  return source;
}

static gboolean
set_param (VmtBoard *board, const char *name, const char *value, GError **error)
{
  return value == NULL || vmt_board_set (board, name, value, error);
}

static gboolean
apply_settings (VmtBoard *board, char **settings, GError **error)
{
  for (guint i = 0; settings != NULL && settings[i] != NULL; i++)
    {
      const char *equal = strchr (settings[i], '=');
      g_autofree char *name = NULL;

      if (equal == NULL || equal == settings[i])
        {
          g_set_error (error, VMT_ERROR, VMT_ERROR_INVALID,
                       _ ("-s %s: write NAME=VALUE, such as memory=1G or uart0.backend=pty"),
                       settings[i]);
          return FALSE;
        }
      name = g_strndup (settings[i], equal - settings[i]);
      if (!vmt_board_set (board, name, equal + 1, error))
        return FALSE;
    }
  return TRUE;
}

/* "2222:22" is what people type; "tcp:127.0.0.1:2222-:22" what the network back end's list takes.
 */
static gboolean
add_forward (VmtBoard *board, const char *text, GError **error)
{
  g_auto (GStrv) parts = g_strsplit (text, ":", -1);
  guint n = g_strv_length (parts), first = 0;
  const char *protocol = "tcp", *address = "127.0.0.1";
  guint64 host, guest;
  g_autofree char *element = NULL;

  if (n > 2 && (g_str_equal (parts[0], "tcp") || g_str_equal (parts[0], "udp")))
    protocol = parts[first++];
  if (n - first == 3)
    address = parts[first++];
  if (n - first != 2 || !g_ascii_string_to_unsigned (parts[first], 10, 1, 65535, &host, NULL) ||
      !g_ascii_string_to_unsigned (parts[first + 1], 10, 1, 65535, &guest, NULL))
    {
      g_set_error (error, VMT_ERROR, VMT_ERROR_INVALID,
                   _ ("-p %s: write HOSTPORT:GUESTPORT, such as 2222:22, or "
                      "[tcp:|udp:][ADDRESS:]HOSTPORT:GUESTPORT"),
                   text);
      return FALSE;
    }
  element = g_strdup_printf ("%s:%s:%u-:%u", protocol, address, (guint)host, (guint)guest);
  if (!vmt_board_add (board, "forward", element, error))
    return FALSE;
  if (guest == 22)
    fprintf (stderr, _ ("vmtool: when the guest's SSH server runs: ssh -p %u USER@%s\n"),
             (guint)host, address);
  return TRUE;
}

static int
finish (VmtStopReason reason, int status)
{
  switch (reason)
    {
    case VMT_STOP_POWER_OFF:
      return status & 0xff;
    case VMT_STOP_RESET:
    case VMT_STOP_QUIT:
      return EXIT_OK;
    case VMT_STOP_PANIC:
      fprintf (stderr, _ ("vmtool: the guest crashed\n"));
      return EXIT_GUEST_CRASH;
    case VMT_STOP_ERROR:
      break;
    }
  return EXIT_ERROR;
}

static VmtService *
start_control (VmtMachine *machine)
{
  VmtRegistry *registry = vmt_registry_get_default ();
  g_autoptr (GError) error = NULL;
  VmtObject *service = NULL;

  if (!vmt_registry_has_feature (registry, VMT_FEATURE_SERVICE, "control-socket"))
    return NULL;
  service = vmt_registry_create (registry, VMT_FEATURE_SERVICE, "control-socket", &error);
  if (service != NULL && vmt_service_start (VMT_SERVICE (service), machine, &error))
    return VMT_SERVICE (service);
  /* a machine without its socket is still a machine */
  fprintf (stderr, _ ("vmtool: no control socket: %s\n"), error->message);
  g_clear_object (&service);
  return NULL;
}

static int
run_machine (VmtMachine *machine)
{
  static const int signals[] = { SIGTERM, SIGINT, SIGHUP };
  GSource *sources[G_N_ELEMENTS (signals)];
  GError *error = NULL;
  VmtStopReason reason = VMT_STOP_ERROR;
  VmtService *control;
  Console *console;
  gboolean ok;
  int status = 0;

  if (!vmt_machine_realize (machine, &error))
    return report_error (error);
  for (guint i = 0; i < G_N_ELEMENTS (signals); i++)
    sources[i] = watch_signal (machine, signals[i]);
  control = start_control (machine);
  console = console_new (machine);
  ok = vmt_machine_run (machine, &reason, &status, &error);
  console_free (console);
  if (control != NULL)
    vmt_service_stop (control);
  g_clear_object (&control);
  for (guint i = 0; i < G_N_ELEMENTS (signals); i++)
    {
      g_source_destroy (sources[i]);
      g_source_unref (sources[i]);
    }
  /* back ends restore the terminal and flush the disks here, before anything is printed */
  vmt_machine_close (machine);
  return ok ? finish (reason, status) : report_error (error);
}

int
cmd_run (int argc, char **argv)
{
  g_autofree char *kernel = NULL, *initrd = NULL, *append = NULL, *firmware = NULL,
                  *on_reset = NULL, *name = NULL;
  g_auto (GStrv) settings = NULL, forwards = NULL;
  gboolean ephemeral = FALSE;
  const GOptionEntry entries[] = {
    { "kernel", 'k', 0, G_OPTION_ARG_FILENAME, &kernel,
      N_ ("Kernel to start: ELF or Image, may be compressed"), N_ ("FILE") },
    { "initrd", 'i', 0, G_OPTION_ARG_FILENAME, &initrd, N_ ("Initial RAM disk"), N_ ("FILE") },
    { "append", 'a', 0, G_OPTION_ARG_STRING, &append, N_ ("Kernel command line"), N_ ("TEXT") },
    { "firmware", 'f', 0, G_OPTION_ARG_FILENAME, &firmware,
      N_ ("Firmware file, or \"none\" (default: built in)"), N_ ("FILE") },
    { "forward", 'p', 0, G_OPTION_ARG_STRING_ARRAY, &forwards,
      N_ ("Lead a port of this host to the guest"), N_ ("HOST:GUEST") },
    { "ephemeral", 'e', 0, G_OPTION_ARG_NONE, &ephemeral,
      N_ ("Throw away what is written to the disks"), NULL },
    { "on-reset", 0, 0, G_OPTION_ARG_STRING, &on_reset, N_ ("What a reset does: reboot or exit"),
      N_ ("ACTION") },
    { "set", 's', 0, G_OPTION_ARG_STRING_ARRAY, &settings,
      N_ ("Set a board parameter or a property"), N_ ("NAME=VALUE") },
    { "name", 'n', 0, G_OPTION_ARG_STRING, &name, N_ ("The machine's name (default: the board's)"),
      N_ ("NAME") },
    G_OPTION_ENTRY_NULL,
  };
  g_autoptr (VmtBoard) board = NULL;
  g_autoptr (VmtMachine) machine = NULL;
  GError *error = NULL;
  int status;

  if (!parse_options (
          "run", _ ("BOARD [DISK...]"),
          _ ("Starts a machine. Its console is this terminal; Ctrl-A h shows the keys."), entries,
          &argc, &argv, &status))
    return status;
  if (argc < 2)
    return report_usage ("run", _ ("which board? \"vmtool board list\" shows them"));
  board = vmt_board_find (argv[1], &error);
  if (board == NULL)
    return report_error (error);
  if (!set_param (board, "kernel", kernel, &error) ||
      !set_param (board, "initrd", initrd, &error) ||
      !set_param (board, "append", append, &error) ||
      !set_param (board, "firmware", firmware, &error) ||
      !set_param (board, "on-reset", on_reset, &error) ||
      !set_param (board, "ephemeral", ephemeral ? "on" : NULL, &error) ||
      !apply_settings (board, settings, &error))
    return report_error (error);
  for (int i = 2; i < argc; i++)
    if (!vmt_board_add (board, "disks", argv[i], &error))
      return report_error (error);
  for (guint i = 0; forwards != NULL && forwards[i] != NULL; i++)
    if (!add_forward (board, forwards[i], &error))
      return report_error (error);
  machine = vmt_board_build (board, name != NULL ? name : vmt_board_get_name (board), &error);
  return machine != NULL ? run_machine (machine) : report_error (error);
}
