/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "vmtool.h"

#include <signal.h>
#include <stdarg.h>

#include "vmt-host.h"
#include "vmt-fast-abi.h"

typedef struct
{
  const char *name;
  int (*run) (int argc, char **argv);
  const char *text;
} Subcommand;

static const Subcommand subcommands[] = {
  { "run", cmd_run, N_ ("start a machine from a board") },
  { "inspect", cmd_inspect, N_ ("show features, their properties, registers and events") },
  { "board", cmd_board, N_ ("list, check and show boards, write their device tree") },
  { "disk", cmd_disk, N_ ("create, convert, resize and check disk images") },
  { "bench", cmd_bench, N_ ("measure how fast guests run here") },
  { "doctor", cmd_doctor, N_ ("say what this host offers and what to do about the rest") },
};

int
report_error (GError *error)
{
  fprintf (stderr, "vmtool: %s\n", error->message);
  g_error_free (error);
  return EXIT_ERROR;
}

int
report_usage (const char *command, const char *format, ...)
{
  va_list args;
  g_autofree char *message = NULL;

  va_start (args, format);
  message = g_strdup_vprintf (format, args);
  va_end (args);
  fprintf (stderr, "vmtool: %s\n", message);
  if (command != NULL)
    fprintf (stderr, _ ("\"vmtool %s --help\" shows how it is used\n"), command);
  else
    fprintf (stderr, _ ("\"vmtool --help\" shows how it is used\n"));
  return EXIT_USAGE;
}

gboolean
parse_options (const char *command, const char *arguments, const char *summary,
               const GOptionEntry *entries, int *argc, char ***argv, int *status)
{
  g_autofree char *usage = g_strdup_printf ("%s", arguments);
  g_autoptr (GOptionContext) context = g_option_context_new (usage);
  g_autofree char *program = g_strdup_printf ("vmtool %s", command);
  gboolean help = FALSE;
  const GOptionEntry help_entry[] = { { "help", 'h', G_OPTION_FLAG_NONE, G_OPTION_ARG_NONE, &help,
                                        N_ ("Show this help"), NULL },
                                      G_OPTION_ENTRY_NULL };
  g_autoptr (GError) error = NULL;

  /* GOption's own --help ends the process; ours comes back */
  g_option_context_set_help_enabled (context, FALSE);
  g_option_context_set_summary (context, summary);
  g_option_context_set_translation_domain (context, GETTEXT_PACKAGE);
  if (entries != NULL)
    g_option_context_add_main_entries (context, entries, GETTEXT_PACKAGE);
  g_option_context_add_main_entries (context, help_entry, GETTEXT_PACKAGE);
  g_set_prgname (program);
  if (!g_option_context_parse (context, argc, argv, &error))
    {
      *status = report_usage (command, "%s", error->message);
      return FALSE;
    }
  if (help)
    {
      g_autofree char *text = g_option_context_get_help (context, TRUE, NULL);
      fputs (text, stdout);
      *status = EXIT_OK;
      return FALSE;
    }
  return TRUE;
}

gboolean
check_settings (const char *command, char **settings, int *status)
{
  for (guint i = 0; settings != NULL && settings[i] != NULL; i++)
    {
      const char *equal = strchr (settings[i], '=');

      if (equal == NULL || equal == settings[i])
        {
          *status = report_usage (
              command, _ ("-s %s: write NAME=VALUE, such as memory=1G or uart0.backend=pty"),
              settings[i]);
          return FALSE;
        }
    }
  return TRUE;
}

gboolean
apply_settings (VmtBoard *board, char **settings, GError **error)
{
  for (guint i = 0; settings != NULL && settings[i] != NULL; i++)
    {
      const char *equal = strchr (settings[i], '=');
      g_autofree char *name = g_strndup (settings[i], equal - settings[i]);

      if (!vmt_board_set (board, name, equal + 1, error))
        return FALSE;
    }
  return TRUE;
}

void
print_json (JsonNode *node)
{
  g_autofree char *text = json_to_string (node, TRUE);

  puts (text);
  json_node_unref (node);
}

static void
print_help (void)
{
  printf (_ ("Usage: vmtool [--plugin-path FOLDER]... COMMAND [ARGUMENT...]\n\n"));
  printf (_ ("A machine emulator and virtualiser.\n\nCommands:\n"));
  for (guint i = 0; i < G_N_ELEMENTS (subcommands); i++)
    printf ("  %-9s %s\n", subcommands[i].name, _ (subcommands[i].text));
  printf (_ ("\n\"vmtool COMMAND --help\" tells more. \"vmtool run riscv-virt --kernel FILE\" "
             "starts a kernel.\n"));
}

static void
print_version (void)
{
  printf ("vmtool %s\n", VMT_VERSION_STRING);
  printf (_ ("plugin ABI %d.%d, fast ABI %08x\n"), VMT_ABI_MAJOR, VMT_ABI_MINOR, VMT_FAST_ABI);
}

int
main (int argc, char **argv)
{
  g_autoptr (GPtrArray) folders = g_ptr_array_new ();
  const char *names[G_N_ELEMENTS (subcommands) + 1] = { NULL };
  const char *near;
  int first = 1;

  setlocale (LC_ALL, "");
  bindtextdomain (GETTEXT_PACKAGE, vmt_host_get_locale_dir ());
  bind_textdomain_codeset (GETTEXT_PACKAGE, "UTF-8");
  textdomain (GETTEXT_PACKAGE);
#ifdef SIGPIPE
  /* A reader that went away is an error of write(), not the end of a machine. */
  signal (SIGPIPE, SIG_IGN);
#endif

  while (first < argc && argv[first][0] == '-')
    {
      const char *option = argv[first];

      if (g_str_equal (option, "--help") || g_str_equal (option, "-h"))
        {
          print_help ();
          return EXIT_OK;
        }
      if (g_str_equal (option, "--version"))
        {
          print_version ();
          return EXIT_OK;
        }
      if (g_str_has_prefix (option, "--plugin-path="))
        g_ptr_array_add (folders, (gpointer)(option + strlen ("--plugin-path=")));
      else if (g_str_equal (option, "--plugin-path") && first + 1 < argc)
        g_ptr_array_add (folders, argv[++first]);
      else
        return report_usage (NULL, _ ("unknown option \"%s\""), option);
      first++;
    }
  if (folders->len > 0)
    {
      g_ptr_array_add (folders, NULL);
      vmt_registry_set_plugin_path ((const char *const *)folders->pdata);
    }
  if (first >= argc)
    {
      print_help ();
      return EXIT_USAGE;
    }
  for (guint i = 0; i < G_N_ELEMENTS (subcommands); i++)
    {
      names[i] = subcommands[i].name;
      if (g_str_equal (argv[first], names[i]))
        return subcommands[i].run (argc - first, argv + first);
    }
  near = vmt_nearest_name (argv[first], names);
  if (near != NULL)
    return report_usage (NULL, _ ("there is no command \"%s\"; did you mean \"%s\"?"), argv[first],
                         near);
  return report_usage (NULL, _ ("there is no command \"%s\""), argv[first]);
}
