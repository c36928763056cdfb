/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "vmt-control.h"

#include <json-glib/json-glib.h>
#include <string.h>

#include "vmt-char.h"
#include "vmt-error.h"
#include "vmt-event.h"
#include "vmt-exec.h"
#include "vmt-param.h"
#include "vmt-value.h"

#define MAX_WATCHES 64

struct _VmtControl
{
  VmtMachine *machine;
  VmtControlEventFunc func;
  gpointer data;
  GArray *watches; /* guint */
};

typedef struct
{
  const char *name;
  const char *usage;
  /* Adds members to @answer. */
  gboolean (*run) (VmtControl *control, JsonObject *request, JsonObject *answer, GError **error);
  /* Which arguments the words of a text command become; the last takes the rest of the line. */
  const char *words[3];
} Command;

static const char *
get_text (JsonObject *request, const char *member, GError **error)
{
  JsonNode *node = json_object_get_member (request, member);

  if (node == NULL || !JSON_NODE_HOLDS_VALUE (node) ||
      json_node_get_value_type (node) != G_TYPE_STRING)
    {
      g_set_error (error, VMT_ERROR, VMT_ERROR_INVALID, "argument \"%s\" (a string) is missing",
                   member);
      return NULL;
    }
  return json_node_get_string (node);
}

static const char *
get_optional (JsonObject *request, const char *member, const char *fallback)
{
  JsonNode *node = json_object_get_member (request, member);

  return node != NULL && JSON_NODE_HOLDS_VALUE (node) &&
                 json_node_get_value_type (node) == G_TYPE_STRING
             ? json_node_get_string (node)
             : fallback;
}

/* Splits at the last separator; (transfer none) object, *@property points into @path. */
static VmtObject *
find_owner (VmtControl *control, const char *path, const char **property, GError **error)
{
  const char *dot = strrchr (path, '.');
  const char *slash = strrchr (path, '/');
  const char *cut = dot > slash ? dot : slash;
  g_autofree char *owner = NULL;

  *property = cut != NULL ? cut + 1 : path;
  owner = cut != NULL ? g_strndup (path, cut - path) : g_strdup ("");
  g_strdelimit (owner, ".", '/');
  return vmt_object_find (VMT_OBJECT (control->machine), owner, error);
}

static JsonNode *
property_to_json (VmtObject *object, GParamSpec *pspec)
{
  g_auto (GValue) value = G_VALUE_INIT;

  g_value_init (&value, pspec->value_type);
  g_object_get_property (G_OBJECT (object), pspec->name, &value);
  return vmt_value_to_json (pspec, &value);
}

static JsonObject *
properties_to_json (VmtObject *object)
{
  JsonObject *out = json_object_new ();
  guint n;
  g_autofree GParamSpec **all = g_object_class_list_properties (G_OBJECT_GET_CLASS (object), &n);

  for (guint i = 0; i < n; i++)
    if (all[i]->flags & G_PARAM_READABLE)
      json_object_set_member (out, all[i]->name, property_to_json (object, all[i]));
  return out;
}

static gboolean
run_get (VmtControl *control, JsonObject *request, JsonObject *answer, GError **error)
{
  const char *path = get_text (request, "path", error);
  const char *property;
  g_autofree char *slashes = NULL;
  VmtObject *object;
  GParamSpec *pspec;

  if (path == NULL)
    return FALSE;
  slashes = g_strdelimit (g_strdup (path), ".", '/');
  object = vmt_object_find (VMT_OBJECT (control->machine), slashes, NULL);
  if (object != NULL)
    {
      json_object_set_object_member (answer, "value", properties_to_json (object));
      return TRUE;
    }
  object = find_owner (control, path, &property, error);
  if (object == NULL)
    return FALSE;
  if (VMT_IS_CPU (object) && g_str_has_prefix (path, vmt_object_get_id (object)))
    {
      guint64 value;
      if (vmt_cpu_get_register (VMT_CPU (object), property, &value))
        {
          g_autofree char *text = g_strdup_printf ("0x%" G_GINT64_MODIFIER "x", value);
          json_object_set_string_member (answer, "value", text);
          return TRUE;
        }
    }
  pspec = g_object_class_find_property (G_OBJECT_GET_CLASS (object), property);
  if (pspec == NULL || (pspec->flags & G_PARAM_READABLE) == 0)
    {
      /* the one place that words this error */
      g_free (vmt_object_get_text (object, property, error));
      return FALSE;
    }
  json_object_set_member (answer, "value", property_to_json (object, pspec));
  return TRUE;
}

static gboolean
run_set (VmtControl *control, JsonObject *request, JsonObject *answer, GError **error)
{
  const char *path = get_text (request, "path", error);
  JsonNode *node = json_object_get_member (request, "value");
  g_auto (GValue) value = G_VALUE_INIT;
  const char *property;
  VmtObject *object;
  GParamSpec *pspec;

  if (path == NULL)
    return FALSE;
  if (node == NULL)
    {
      g_set_error_literal (error, VMT_ERROR, VMT_ERROR_INVALID, "argument \"value\" is missing");
      return FALSE;
    }
  if (JSON_NODE_HOLDS_VALUE (node) && json_node_get_value_type (node) == G_TYPE_STRING)
    return vmt_machine_set_text (control->machine, path, json_node_get_string (node), error);
  object = find_owner (control, path, &property, error);
  if (object == NULL)
    return FALSE;
  pspec = g_object_class_find_property (G_OBJECT_GET_CLASS (object), property);
  if (pspec != NULL)
    {
      g_autofree char *text = NULL;
      if (!vmt_value_from_json (pspec, node, object, &value, error))
        return FALSE;
      text = vmt_value_format (pspec, &value);
      return vmt_machine_set_text (control->machine, path, text, error);
    }
  return vmt_machine_set_text (control->machine, path, "", error);
}

static gboolean
run_list (VmtControl *control, JsonObject *request, JsonObject *answer, GError **error)
{
  g_autofree char *path = g_strdelimit (g_strdup (get_optional (request, "path", "")), ".", '/');
  VmtObject *object = vmt_object_find (VMT_OBJECT (control->machine), path, error);
  g_autoptr (GPtrArray) events = NULL;
  JsonArray *objects, *names, *properties;
  GPtrArray *children;
  guint n;
  g_autofree GParamSpec **all = NULL;

  if (object == NULL)
    return FALSE;
  objects = json_array_new ();
  children = vmt_object_get_children (object);
  for (guint i = 0; i < children->len; i++)
    {
      JsonObject *child = json_object_new ();
      json_object_set_string_member (child, "id", vmt_object_get_id (children->pdata[i]));
      json_object_set_string_member (child, "type", G_OBJECT_TYPE_NAME (children->pdata[i]));
      json_array_add_object_element (objects, child);
    }
  json_object_set_array_member (answer, "objects", objects);
  properties = json_array_new ();
  all = g_object_class_list_properties (G_OBJECT_GET_CLASS (object), &n);
  for (guint i = 0; i < n; i++)
    json_array_add_string_element (properties, all[i]->name);
  json_object_set_array_member (answer, "properties", properties);
  names = json_array_new ();
  events = vmt_object_class_list_events (VMT_OBJECT_GET_CLASS (object));
  for (guint i = 0; i < events->len; i++)
    json_array_add_string_element (names, ((const VmtEventSpec *)events->pdata[i])->name);
  json_object_set_array_member (answer, "events", names);
  return TRUE;
}

static char *
to_line (JsonObject *object)
{
  g_autoptr (JsonNode) node = json_node_alloc ();

  json_node_init_object (node, object);
  return json_to_string (node, FALSE);
}

static void
on_event (VmtObject *source, const char *event, GVariant *payload, gpointer data)
{
  VmtControl *control = data;
  g_autoptr (JsonObject) object = json_object_new ();
  g_autofree char *path = vmt_object_dup_path (source);
  g_autofree char *line = NULL;

  json_object_set_string_member (object, "event", event);
  json_object_set_string_member (object, "path", path);
  if (payload != NULL)
    json_object_set_member (object, "payload", json_gvariant_serialize (payload));
  line = to_line (object);
  control->func (line, control->data);
}

static gboolean
run_watch (VmtControl *control, JsonObject *request, JsonObject *answer, GError **error)
{
  guint id;

  if (control->func == NULL || control->watches->len >= MAX_WATCHES)
    {
      g_set_error (error, VMT_ERROR, VMT_ERROR_UNSUPPORTED,
                   control->func == NULL ? "events cannot be watched here"
                                         : "this client watches %d patterns already: unwatch first",
                   MAX_WATCHES);
      return FALSE;
    }
  id = vmt_object_subscribe (VMT_OBJECT (control->machine), get_optional (request, "path", "**"),
                             get_optional (request, "event", "*"), on_event, control, NULL);
  g_array_append_val (control->watches, id);
  return TRUE;
}

static gboolean
run_unwatch (VmtControl *control, JsonObject *request, JsonObject *answer, GError **error)
{
  for (guint i = 0; i < control->watches->len; i++)
    vmt_object_unsubscribe (VMT_OBJECT (control->machine),
                            g_array_index (control->watches, guint, i));
  g_array_set_size (control->watches, 0);
  return TRUE;
}

static gboolean
run_pause (VmtControl *control, JsonObject *request, JsonObject *answer, GError **error)
{
  vmt_machine_pause (control->machine);
  return TRUE;
}

static gboolean
run_resume (VmtControl *control, JsonObject *request, JsonObject *answer, GError **error)
{
  vmt_machine_resume (control->machine);
  return TRUE;
}

static gboolean
run_reset (VmtControl *control, JsonObject *request, JsonObject *answer, GError **error)
{
  vmt_machine_request_reset (control->machine, "control");
  return TRUE;
}

static gboolean
run_quit (VmtControl *control, JsonObject *request, JsonObject *answer, GError **error)
{
  vmt_machine_quit (control->machine);
  return TRUE;
}

static void
find_char (VmtObject *object, gpointer data)
{
  VmtChar **found = data;

  if (*found == NULL && VMT_IS_CHAR (object))
    *found = VMT_CHAR (object);
}

static gboolean
run_send (VmtControl *control, JsonObject *request, JsonObject *answer, GError **error)
{
  const char *text = get_text (request, "text", error);
  const char *path = get_optional (request, "path", NULL);
  VmtChar *stream = NULL;

  if (text == NULL)
    return FALSE;
  if (path != NULL)
    {
      g_autofree char *slashes = g_strdelimit (g_strdup (path), ".", '/');
      VmtObject *object = vmt_object_find (VMT_OBJECT (control->machine), slashes, error);
      if (object == NULL)
        return FALSE;
      vmt_object_visit (object, find_char, &stream);
    }
  else
    vmt_object_visit (VMT_OBJECT (control->machine), find_char, &stream);
  if (stream == NULL)
    {
      g_set_error (error, VMT_ERROR, VMT_ERROR_NOT_FOUND, "%s has no console to send text to",
                   path != NULL ? path : "the machine");
      return FALSE;
    }
  json_object_set_int_member (answer, "sent",
                              (gint64)vmt_char_inject (stream, text, strlen (text)));
  return TRUE;
}

static gboolean
run_status (VmtControl *control, JsonObject *request, JsonObject *answer, GError **error)
{
  g_autofree char *state = vmt_object_get_text (VMT_OBJECT (control->machine), "state", error);

  if (state == NULL)
    return FALSE;
  json_object_set_string_member (answer, "name", vmt_machine_get_name (control->machine));
  json_object_set_string_member (answer, "state", state);
  json_object_set_int_member (answer, "cpus", vmt_machine_get_n_cpus (control->machine));
  return TRUE;
}

static void
add_counter (const char *name, guint64 value, gpointer data)
{
  json_object_set_int_member (data, name, (gint64)MIN (value, G_MAXINT64));
}

static gboolean
run_stats (VmtControl *control, JsonObject *request, JsonObject *answer, GError **error)
{
  JsonObject *counters = json_object_new ();
  VmtExec *exec = vmt_machine_get_exec (control->machine);

  if (exec != NULL)
    vmt_exec_visit_counters (exec, add_counter, counters);
  json_object_set_object_member (answer, "value", counters);
  return TRUE;
}

static const Command commands[] = {
  { "get", "get PATH: a property's value, or all of an object's", run_get, { "path" } },
  { "set",
    "set PATH VALUE: sets a property that may change while the machine runs",
    run_set,
    { "path", "value" } },
  { "list", "list [PATH]: what an object holds", run_list, { "path" } },
  { "watch",
    "watch [PATTERN [EVENT]]: shows events as they happen",
    run_watch,
    { "path", "event" } },
  { "unwatch", "unwatch: shows no more events", run_unwatch, {} },
  { "pause", "pause: stops the CPUs", run_pause, {} },
  { "resume", "resume: lets them go on", run_resume, {} },
  { "reset", "reset: like the reset button", run_reset, {} },
  { "quit", "quit: ends the machine at once, disks flushed", run_quit, {} },
  { "send", "send TEXT: types text (\\n is Enter) into the first console", run_send, { "text" } },
  { "stats", "stats: what was counted while guest code ran", run_stats, {} },
  { "status", "status: name, state, CPUs", run_status, {} },
};

static const Command *
find_command (const char *name, GError **error)
{
  const char *names[G_N_ELEMENTS (commands) + 1];
  const char *near;

  for (guint i = 0; i < G_N_ELEMENTS (commands); i++)
    {
      if (g_str_equal (commands[i].name, name))
        return &commands[i];
      names[i] = commands[i].name;
    }
  names[G_N_ELEMENTS (commands)] = NULL;
  near = vmt_nearest_name (name, names);
  g_set_error (error, VMT_ERROR, VMT_ERROR_NOT_FOUND, "there is no command \"%s\"%s%s%s", name,
               near != NULL ? "; did you mean \"" : "", near != NULL ? near : "",
               near != NULL ? "\"?" : "");
  return NULL;
}

VmtControl *
vmt_control_new (VmtMachine *machine, VmtControlEventFunc func, gpointer data)
{
  VmtControl *control = g_new0 (VmtControl, 1);

  control->machine = machine;
  control->func = func;
  control->data = data;
  control->watches = g_array_new (FALSE, FALSE, sizeof (guint));
  return control;
}

void
vmt_control_free (VmtControl *control)
{
  run_unwatch (control, NULL, NULL, NULL);
  g_array_unref (control->watches);
  g_free (control);
}

static gboolean
execute (VmtControl *control, JsonObject *request, JsonObject *answer, GError **error)
{
  const char *name = get_text (request, "command", error);
  const Command *command = name != NULL ? find_command (name, error) : NULL;

  return command != NULL && command->run (control, request, answer, error);
}

static void
finish (JsonObject *answer, gboolean ok, const GError *error)
{
  json_object_set_boolean_member (answer, "ok", ok);
  if (!ok)
    json_object_set_string_member (answer, "error", error->message);
}

/* json-glib's parser is recursive: depth is bounded before it sees the text. */
static gboolean
is_too_deep (const char *text, gsize size)
{
  guint depth = 0;
  gboolean in_string = FALSE;

  for (gsize i = 0; i < size; i++)
    {
      if (in_string && text[i] == '\\')
        i++;
      else if (text[i] == '"')
        in_string = !in_string;
      else if (!in_string && (text[i] == '{' || text[i] == '['))
        depth++;
      else if (!in_string && depth > 0 && (text[i] == '}' || text[i] == ']'))
        depth--;
      if (depth > 16)
        return TRUE;
    }
  return FALSE;
}

char *
vmt_control_execute (VmtControl *control, const char *request, gsize size)
{
  g_autoptr (JsonParser) parser = json_parser_new ();
  g_autoptr (JsonObject) answer = json_object_new ();
  g_autoptr (GError) error = NULL;
  gboolean ok = FALSE;

  if (is_too_deep (request, size))
    g_set_error_literal (&error, VMT_ERROR, VMT_ERROR_INVALID, "the request is nested too deeply");
  else if (!g_utf8_validate_len (request, size, NULL))
    g_set_error_literal (&error, VMT_ERROR, VMT_ERROR_INVALID, "the request is not UTF-8 text");
  else if (json_parser_load_from_data (parser, request, (gssize)size, &error))
    {
      JsonNode *root = json_parser_get_root (parser);

      if (root == NULL || !JSON_NODE_HOLDS_OBJECT (root))
        g_set_error_literal (&error, VMT_ERROR, VMT_ERROR_INVALID,
                             "the request is not a JSON object such as {\"command\": \"status\"}");
      else
        {
          JsonObject *object = json_node_get_object (root);
          JsonNode *id = json_object_get_member (object, "id");

          if (id != NULL)
            json_object_set_member (answer, "id", json_node_copy (id));
          ok = execute (control, object, answer, &error);
        }
    }
  finish (answer, ok, error);
  return to_line (answer);
}

static char *
help (void)
{
  GString *out = g_string_new (NULL);

  for (guint i = 0; i < G_N_ELEMENTS (commands); i++)
    g_string_append_printf (out, "%s\n", commands[i].usage);
  return g_string_free (out, FALSE);
}

char *
vmt_control_execute_text (VmtControl *control, const char *line)
{
  g_autofree char *copy = g_strstrip (g_strdup (line));
  g_autoptr (JsonObject) request = json_object_new ();
  g_autoptr (JsonObject) answer = json_object_new ();
  g_autoptr (GError) error = NULL;
  const Command *command;
  char *rest = copy;
  char *name = rest;

  if (*copy == '\0')
    return g_strdup ("");
  if (g_str_equal (copy, "help"))
    return help ();
  rest += strcspn (rest, " \t");
  if (*rest != '\0')
    *rest++ = '\0';
  command = find_command (name, &error);
  for (guint i = 0;
       command != NULL && i < G_N_ELEMENTS (command->words) && command->words[i] != NULL; i++)
    {
      gboolean last = i + 1 == G_N_ELEMENTS (command->words) || command->words[i + 1] == NULL;
      char *word = rest + strspn (rest, " \t");
      g_autofree char *text = NULL;

      rest = last ? word + strlen (word) : word + strcspn (word, " \t");
      if (*rest != '\0')
        *rest++ = '\0';
      if (*word == '\0' && i == 0 && !g_str_equal (name, "get"))
        break;
      text = g_str_equal (command->words[i], "text") ? g_strcompress (word) : g_strdup (word);
      if (*word != '\0' || g_str_equal (command->words[i], "path"))
        json_object_set_string_member (request, command->words[i], text);
    }
  if (command == NULL || !command->run (control, request, answer, &error))
    return g_strdup_printf ("%s\n", error->message);
  if (json_object_get_size (answer) == 0)
    return g_strdup ("");
  {
    g_autoptr (JsonNode) node = json_node_alloc ();
    g_autofree char *text = NULL;

    json_node_init_object (node, answer);
    text = json_to_string (node, TRUE);
    return g_strconcat (text, "\n", NULL);
  }
}
