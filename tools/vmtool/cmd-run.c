/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "vmtool.h"

#include <errno.h>
#include <glib-unix.h>
#include <signal.h>

#include "vmt-host.h"

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

/* An argument of -p: "2222:22" is what people type, all of it is
 * "[tcp:|udp:][ADDRESS:]HOSTPORT:GUESTPORT". */
typedef struct
{
  const char *protocol;
  char *address;
  guint host, guest;
} Forward;

static void
forward_free (Forward *forward)
{
  g_free (forward->address);
  g_free (forward);
}

static gboolean
is_address (const char *text)
{
  g_autoptr (GInetAddress) address = g_inet_address_new_from_string (text);

  /* the network back end's NAT listens on IPv4 */
  return address != NULL && g_inet_address_get_family (address) == G_SOCKET_FAMILY_IPV4;
}

/* (nullable) (transfer full) */
static Forward *
parse_forward (const char *text)
{
  g_auto (GStrv) parts = g_strsplit (text, ":", -1);
  guint n = g_strv_length (parts), first = 0;
  const char *protocol = "tcp", *address = "127.0.0.1";
  guint64 host, guest;
  Forward *forward;

  if (n > 2 && (g_str_equal (parts[0], "tcp") || g_str_equal (parts[0], "udp")))
    protocol = *parts[first++] == 't' ? "tcp" : "udp";
  if (n - first == 3)
    address = parts[first++];
  if (n - first != 2 || !is_address (address) ||
      !g_ascii_string_to_unsigned (parts[first], 10, 1, 65535, &host, NULL) ||
      !g_ascii_string_to_unsigned (parts[first + 1], 10, 1, 65535, &guest, NULL))
    return NULL;
  forward = g_new (Forward, 1);
  *forward = (Forward){ protocol, g_strdup (address), (guint)host, (guint)guest };
  return forward;
}

static GPtrArray *
parse_forwards (char **texts, int *status)
{
  g_autoptr (GPtrArray) list = g_ptr_array_new_with_free_func ((GDestroyNotify)forward_free);

  for (guint i = 0; texts != NULL && texts[i] != NULL; i++)
    {
      Forward *forward = parse_forward (texts[i]);

      if (forward == NULL)
        {
          *status = report_usage ("run",
                                  _ ("-p %s: write HOSTPORT:GUESTPORT, such as 2222:22, or "
                                     "[tcp:|udp:][ADDRESS:]HOSTPORT:GUESTPORT, with an IPv4 "
                                     "address and ports from 1 to 65535"),
                                  texts[i]);
          return NULL;
        }
      g_ptr_array_add (list, forward);
    }
  return g_steal_pointer (&list);
}

static gboolean
add_forwards (VmtBoard *board, GPtrArray *forwards, GError **error)
{
  for (guint i = 0; i < forwards->len; i++)
    {
      const Forward *forward = forwards->pdata[i];
      g_autofree char *element = g_strdup_printf ("%s:%s:%u-:%u", forward->protocol,
                                                  forward->address, forward->host, forward->guest);
      if (!vmt_board_add (board, "forward", element, error))
        return FALSE;
    }
  return TRUE;
}

/* Once the ports are open. */
static void
print_forwards (GPtrArray *forwards)
{
  for (guint i = 0; i < forwards->len; i++)
    {
      const Forward *forward = forwards->pdata[i];
      gboolean any = g_str_equal (forward->address, "0.0.0.0");

      if (forward->guest == 22 && g_str_equal (forward->protocol, "tcp"))
        fprintf (stderr, _ ("vmtool: when the guest's SSH server runs: ssh -p %u USER@%s\n"),
                 forward->host, any ? "127.0.0.1" : forward->address);
    }
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

static gboolean
run_console (VmtMachine *machine, VmtStopReason *reason, int *status, GError **error)
{
  VmtService *control = start_control (machine);
  Console *console = console_new (machine);
  gboolean ok = vmt_machine_run (machine, reason, status, error);

  console_free (console);
  if (control != NULL)
    vmt_service_stop (control);
  g_clear_object (&control);
  return ok;
}

static int
run_machine (VmtMachine *machine, GPtrArray *forwards, Tracing *tracing)
{
  static const int signals[] = { SIGTERM, SIGINT, SIGHUP };
  GSource *sources[G_N_ELEMENTS (signals)];
  GError *error = NULL;
  VmtStopReason reason = VMT_STOP_ERROR;
  gboolean ok;
  int status = 0;

  /* before the terminal is taken: what comes in between ends the run at its start */
  for (guint i = 0; i < G_N_ELEMENTS (signals); i++)
    sources[i] = watch_signal (machine, signals[i]);
  ok = vmt_machine_realize (machine, &error);
  if (ok)
    {
      print_forwards (forwards);
      tracing_attach (tracing, machine);
      ok = run_console (machine, &reason, &status, &error);
    }
  tracing_finish (tracing, machine);
  /* back ends restore the terminal and flush the disks here, before anything is printed */
  vmt_machine_close (machine);
  for (guint i = 0; i < G_N_ELEMENTS (signals); i++)
    {
      g_source_destroy (sources[i]);
      g_source_unref (sources[i]);
    }
  return ok ? finish (reason, status) : report_error (error);
}

int
cmd_run (int argc, char **argv)
{
  g_autofree char *kernel = NULL, *initrd = NULL, *append = NULL, *firmware = NULL,
                  *on_reset = NULL, *name = NULL;
  g_auto (GStrv) settings = NULL, forward_texts = NULL;
  g_auto (Tracing) tracing = { NULL };
  gboolean ephemeral = FALSE;
  const GOptionEntry entries[] = {
    { "kernel", 'k', 0, G_OPTION_ARG_FILENAME, &kernel,
      N_ ("Kernel to start: ELF or Image, may be compressed"), N_ ("FILE") },
    { "initrd", 'i', 0, G_OPTION_ARG_FILENAME, &initrd, N_ ("Initial RAM disk"), N_ ("FILE") },
    { "append", 'a', 0, G_OPTION_ARG_STRING, &append, N_ ("Kernel command line"), N_ ("TEXT") },
    { "firmware", 'f', 0, G_OPTION_ARG_FILENAME, &firmware,
      N_ ("Firmware file, or \"none\" (default: built in)"), N_ ("FILE") },
    { "forward", 'p', 0, G_OPTION_ARG_STRING_ARRAY, &forward_texts,
      N_ ("Lead a port of this host to the guest"), N_ ("HOST:GUEST") },
    { "ephemeral", 'e', 0, G_OPTION_ARG_NONE, &ephemeral,
      N_ ("Throw away what is written to the disks"), NULL },
    { "on-reset", 0, 0, G_OPTION_ARG_STRING, &on_reset, N_ ("What a reset does: reboot or exit"),
      N_ ("ACTION") },
    { "set", 's', 0, G_OPTION_ARG_STRING_ARRAY, &settings,
      N_ ("Set a board parameter or a property"), N_ ("NAME=VALUE") },
    { "trace", 0, 0, G_OPTION_ARG_STRING, &tracing.spec,
      N_ ("Tell what happens: blocks, ir, host, exceptions ..."), N_ ("WHAT[:START-END],...") },
    { "trace-file", 0, 0, G_OPTION_ARG_FILENAME, &tracing.file,
      N_ ("Where --trace writes (default: standard error)"), N_ ("FILE") },
    { "symbols", 0, 0, G_OPTION_ARG_FILENAME, &tracing.symbols,
      N_ ("Guest symbols for --trace: an ELF file or a System.map (default: the kernel's)"),
      N_ ("FILE") },
    { "name", 'n', 0, G_OPTION_ARG_STRING, &name, N_ ("The machine's name (default: the board's)"),
      N_ ("NAME") },
    G_OPTION_ENTRY_NULL,
  };
  g_autoptr (VmtBoard) board = NULL;
  g_autoptr (GPtrArray) forwards = NULL;
  GError *error = NULL;
  VmtMachine *machine;
  int status;

  console_block_signals ();
  if (!parse_options (
          "run", _ ("BOARD [DISK...]"),
          _ ("Starts a machine. Its console is this terminal; Ctrl-A h shows the keys."), entries,
          &argc, &argv, &status))
    return status;
  if (argc < 2)
    return report_usage ("run", _ ("which board? \"vmtool board list\" shows them"));
  if (!check_settings ("run", settings, &status))
    return status;
  if (on_reset != NULL && !g_str_equal (on_reset, "reboot") && !g_str_equal (on_reset, "exit"))
    return report_usage ("run", _ ("--on-reset %s: write reboot or exit"), on_reset);
  /* it is in file names and in paths of objects */
  if (name != NULL && (*name == '\0' || *name == '.' || strpbrk (name, "/ \t\n") != NULL))
    return report_usage ("run",
                         _ ("--name %s: write a name without \"/\", blanks and a dot at its "
                            "beginning"),
                         name);
  forwards = parse_forwards (forward_texts, &status);
  if (forwards == NULL)
    return status;
  if (!tracing_open (&tracing, "run", kernel, &status))
    return status;
  if (!vmt_host_check_code_memory (&error))
    return report_error (error);
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
  if (!add_forwards (board, forwards, &error))
    return report_error (error);
  machine = vmt_board_build (board, name != NULL ? name : vmt_board_get_name (board), &error);
  if (machine == NULL)
    return report_error (error);
  status = run_machine (machine, forwards, &tracing);
  /* before what it traces to goes */
  g_object_unref (machine);
  return status;
}
