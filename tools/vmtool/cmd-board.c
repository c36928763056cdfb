/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "vmtool.h"

#include <errno.h>

static int
list_boards (gboolean json)
{
  g_autoptr (GPtrArray) names = vmt_board_list ();
  JsonArray *array = json ? json_array_new () : NULL;

  for (guint i = 0; i < names->len; i++)
    {
      g_autoptr (GError) error = NULL;
      g_autoptr (VmtBoard) board = vmt_board_find (names->pdata[i], &error);
      const char *summary = board != NULL ? vmt_board_get_summary (board) : error->message;

      if (array != NULL)
        {
          JsonObject *object = json_object_new ();
          json_object_set_string_member (object, "name", names->pdata[i]);
          json_object_set_string_member (object, board != NULL ? "summary" : "error",
                                         summary != NULL ? summary : "");
          if (board != NULL)
            {
              json_object_set_string_member (object, "arch", vmt_board_get_arch (board));
              json_object_set_string_member (object, "path", vmt_board_get_path (board));
            }
          json_array_add_object_element (array, object);
        }
      else
        printf ("%-16s %-9s %s\n", (char *)names->pdata[i],
                board != NULL ? vmt_board_get_arch (board) : "-", summary != NULL ? summary : "");
    }
  if (array != NULL)
    {
      JsonNode *node = json_node_alloc ();
      print_json (json_node_init_array (node, array));
      json_array_unref (array);
    }
  return EXIT_OK;
}

static void
show_json (VmtBoard *board)
{
  g_autoptr (GPtrArray) params = vmt_board_list_params (board);
  JsonObject *object = json_object_new ();
  JsonArray *array = json_array_new ();
  JsonNode *node = json_node_alloc ();

  json_object_set_string_member (object, "name", vmt_board_get_name (board));
  json_object_set_string_member (object, "arch", vmt_board_get_arch (board));
  json_object_set_string_member (object, "path", vmt_board_get_path (board));
  for (guint i = 0; i < params->len; i++)
    {
      const VmtBoardParam *param = params->pdata[i];
      JsonObject *row = json_object_new ();
      g_autofree char *value = vmt_board_get (board, param->name);

      json_object_set_string_member (row, "name", param->name);
      json_object_set_string_member (row, "type", param->type);
      json_object_set_string_member (row, "value", value);
      if (param->fallback != NULL)
        json_object_set_string_member (row, "default", param->fallback);
      if (param->min != NULL)
        json_object_set_string_member (row, "min", param->min);
      if (param->max != NULL)
        json_object_set_string_member (row, "max", param->max);
      if (param->text != NULL)
        json_object_set_string_member (row, "text", param->text);
      json_array_add_object_element (array, row);
    }
  json_object_set_array_member (object, "parameters", array);
  print_json (json_node_init_object (node, object));
  json_object_unref (object);
}

static int
show_board (VmtBoard *board, gboolean json, gboolean xml)
{
  g_autoptr (GPtrArray) params = NULL;

  if (json)
    {
      show_json (board);
      return EXIT_OK;
    }
  if (xml)
    {
      g_autofree char *text = vmt_board_to_xml (board);
      fputs (text, stdout);
      return EXIT_OK;
    }
  printf ("%s (%s): %s\n%s\n\n", vmt_board_get_name (board), vmt_board_get_arch (board),
          vmt_board_get_summary (board) != NULL ? vmt_board_get_summary (board) : "",
          vmt_board_get_path (board));
  printf (_ ("Parameters (vmtool run %s -s NAME=VALUE):\n"), vmt_board_get_name (board));
  params = vmt_board_list_params (board);
  for (guint i = 0; i < params->len; i++)
    {
      const VmtBoardParam *param = params->pdata[i];
      g_autofree char *value = vmt_board_get (board, param->name);
      g_autofree char *values = param->values != NULL ? g_strjoinv ("|", param->values) : NULL;

      printf ("  %-12s %-9s %-10s %s%s%s%s\n", param->name, param->type,
              *value != '\0' ? value : "-", param->text != NULL ? param->text : "",
              values != NULL ? " (" : "", values != NULL ? values : "", values != NULL ? ")" : "");
    }
  return EXIT_OK;
}

/* (transfer full) (nullable): the board's machine, realized without a console of this host. */
static VmtMachine *
make_machine (VmtBoard *board, const char *name, GError **error)
{
  g_autoptr (VmtMachine) machine = NULL;

  if (vmt_board_has_param (board, "console") && !vmt_board_set (board, "console", "null", error))
    return NULL;
  machine = vmt_board_build (board, name, error);
  return machine != NULL && vmt_machine_realize (machine, error) ? g_steal_pointer (&machine)
                                                                 : NULL;
}

/* A board is only right if a machine can be made from it: everything but running it. */
static int
check_board (VmtBoard *board)
{
  GError *error = NULL;
  g_autoptr (VmtMachine) machine = make_machine (board, "check", &error);

  if (machine == NULL)
    return report_error (error);
  printf (_ ("%s: board \"%s\" is valid\n"), vmt_board_get_path (board),
          vmt_board_get_name (board));
  return EXIT_OK;
}

static int
write_device_tree (VmtBoard *board, const char *output)
{
  GError *error = NULL;
  g_autoptr (VmtMachine) machine = make_machine (board, "dtb", &error);
  g_autoptr (GBytes) blob = NULL;
  gconstpointer data;
  gsize size;

  if (machine == NULL)
    return report_error (error);
  blob = vmt_board_make_device_tree (machine, 0, 0, &error);
  if (blob == NULL)
    return report_error (error);
  data = g_bytes_get_data (blob, &size);
  if (output != NULL && !g_str_equal (output, "-"))
    return g_file_set_contents (output, data, (gssize)size, &error) ? EXIT_OK
                                                                    : report_error (error);
  if (fwrite (data, 1, size, stdout) != size || fflush (stdout) != 0)
    {
      g_set_error (&error, G_FILE_ERROR, g_file_error_from_errno (errno),
                   _ ("cannot write the device tree: %s"), g_strerror (errno));
      return report_error (error);
    }
  return EXIT_OK;
}

int
cmd_board (int argc, char **argv)
{
  static const char *const verbs[] = { "list", "check", "show", "dtb", NULL };
  g_autofree char *output = NULL;
  g_auto (GStrv) settings = NULL;
  gboolean json = FALSE, xml = FALSE;
  const GOptionEntry entries[] = {
    { "json", 'j', 0, G_OPTION_ARG_NONE, &json, N_ ("Print JSON"), NULL },
    { "xml", 'x', 0, G_OPTION_ARG_NONE, &xml,
      N_ ("show: print the board with its includes resolved"), NULL },
    { "output", 'o', 0, G_OPTION_ARG_FILENAME, &output,
      N_ ("dtb: where to write it (default: standard output)"), N_ ("FILE") },
    { "set", 's', 0, G_OPTION_ARG_STRING_ARRAY, &settings,
      N_ ("Set a board parameter or a property"), N_ ("NAME=VALUE") },
    G_OPTION_ENTRY_NULL,
  };
  g_autoptr (VmtBoard) board = NULL;
  GError *error = NULL;
  const char *verb;
  int status;

  if (!parse_options (
          "board", "list | check BOARD | show BOARD | dtb BOARD",
          _ ("Lists boards, checks one, shows one with its parameters, or writes its device tree."),
          entries, &argc, &argv, &status))
    return status;
  verb = argc > 1 ? argv[1] : "list";
  if (!g_strv_contains (verbs, verb))
    {
      const char *near = vmt_nearest_name (verb, verbs);
      return near != NULL
                 ? report_usage ("board", _ ("\"board %s\" is not known; did you mean \"%s\"?"),
                                 verb, near)
                 : report_usage ("board", _ ("\"board %s\" is not known"), verb);
    }
  if (g_str_equal (verb, "list"))
    return argc > 2 ? report_usage ("board", _ ("\"board list\" takes no argument"))
                    : list_boards (json);
  if (argc != 3)
    return report_usage ("board", _ ("\"board %s\" takes one board"), verb);
  if (!check_settings ("board", settings, &status))
    return status;
  board = vmt_board_find (argv[2], &error);
  if (board == NULL || !apply_settings (board, settings, &error))
    return report_error (error);
  if (g_str_equal (verb, "show"))
    return show_board (board, json, xml);
  return g_str_equal (verb, "check") ? check_board (board) : write_device_tree (board, output);
}
