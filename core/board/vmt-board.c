/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "vmt-board-private.h"

#include <string.h>

#include "vmt-error.h"
#include "vmt-host.h"
#include "vmt-value.h"

struct _VmtBoard
{
  GObject parent_instance;
  char *path;
  char *summary;
  VmtBoardNode *root;
  GPtrArray *params;   /* VmtBoardParam */
  GHashTable *lists;   /* name -> GPtrArray of utf8, for list parameters */
  GPtrArray *settings; /* path, text, path, text, ... */
};

G_DEFINE_FINAL_TYPE (VmtBoard, vmt_board, G_TYPE_OBJECT)

static const char *const param_types[] = { "bool", "int",  "uint", "size",      "address", "string",
                                           "enum", "file", "list", "file-list", NULL };

static void
param_free (VmtBoardParam *param)
{
  g_free ((char *)param->value);
  g_strfreev (param->values);
  g_free (param);
}

static void
vmt_board_finalize (GObject *object)
{
  VmtBoard *self = VMT_BOARD (object);

  g_free (self->path);
  g_free (self->summary);
  g_clear_pointer (&self->root, vmt_board_node_free);
  g_ptr_array_unref (self->params);
  g_hash_table_unref (self->lists);
  g_ptr_array_unref (self->settings);
  G_OBJECT_CLASS (vmt_board_parent_class)->finalize (object);
}

static void
vmt_board_class_init (VmtBoardClass *klass)
{
  G_OBJECT_CLASS (klass)->finalize = vmt_board_finalize;
}

static void
vmt_board_init (VmtBoard *self)
{
  self->params = g_ptr_array_new_with_free_func ((GDestroyNotify)param_free);
  self->lists =
      g_hash_table_new_full (g_str_hash, g_str_equal, g_free, (GDestroyNotify)g_ptr_array_unref);
  self->settings = g_ptr_array_new_with_free_func (g_free);
}

VmtBoardNode *
vmt_board_get_node (VmtBoard *self)
{
  return self->root;
}

GPtrArray *
vmt_board_get_settings (VmtBoard *self)
{
  return self->settings;
}

static VmtBoardParam *
find_param (VmtBoard *self, const char *name)
{
  for (guint i = 0; i < self->params->len; i++)
    {
      VmtBoardParam *param = self->params->pdata[i];
      if (g_str_equal (param->name, name))
        return param;
    }
  return NULL;
}

static gboolean
is_list (const VmtBoardParam *param)
{
  return g_str_equal (param->type, "list") || g_str_equal (param->type, "file-list");
}

GPtrArray *
vmt_board_get_list (VmtBoard *self, const char *name)
{
  return g_hash_table_lookup (self->lists, name);
}

static gboolean
parse_number (const VmtBoardParam *param, const char *text, gint64 *number, GError **error)
{
  guint64 size;

  if (g_str_equal (param->type, "size") || g_str_equal (param->type, "address"))
    {
      if (!vmt_parse_size (text, &size, error))
        return FALSE;
      *number = (gint64)MIN (size, (guint64)G_MAXINT64);
      return TRUE;
    }
  if (g_ascii_string_to_signed (text, 10, G_MININT64, G_MAXINT64, number, NULL))
    return TRUE;
  g_set_error (error, VMT_ERROR, VMT_ERROR_INVALID,
               "'%s' is not a whole number, or far too large a one", text);
  return FALSE;
}

static gboolean
check_value (const VmtBoardParam *param, const char *text, GError **error)
{
  gboolean boolean;
  gint64 number, limit;

  if (g_str_equal (param->type, "bool"))
    return vmt_parse_boolean (text, &boolean, error);
  if (g_str_equal (param->type, "enum"))
    {
      const char *near;
      g_autofree char *all = NULL;

      if (g_strv_contains ((const char *const *)param->values, text))
        return TRUE;
      near = vmt_nearest_name (text, (const char *const *)param->values);
      all = g_strjoinv (", ", param->values);
      g_set_error (error, VMT_ERROR, VMT_ERROR_INVALID, "\"%s\" is not one of %s%s%s%s", text, all,
                   near != NULL ? "; did you mean \"" : "", near != NULL ? near : "",
                   near != NULL ? "\"?" : "");
      return FALSE;
    }
  if (!g_str_equal (param->type, "size") && !g_str_equal (param->type, "address") &&
      !g_str_equal (param->type, "int") && !g_str_equal (param->type, "uint"))
    return TRUE;
  if (!parse_number (param, text, &number, error))
    return FALSE;
  if (g_str_equal (param->type, "uint") && number < 0)
    {
      g_set_error (error, VMT_ERROR, VMT_ERROR_INVALID, "%s is negative", text);
      return FALSE;
    }
  if (param->min != NULL && parse_number (param, param->min, &limit, NULL) && number < limit)
    {
      g_set_error (error, VMT_ERROR, VMT_ERROR_INVALID, "%s is below the minimum, %s", text,
                   param->min);
      return FALSE;
    }
  if (param->max != NULL && parse_number (param, param->max, &limit, NULL) && number > limit)
    {
      g_set_error (error, VMT_ERROR, VMT_ERROR_INVALID, "%s is above the maximum, %s", text,
                   param->max);
      return FALSE;
    }
  return TRUE;
}

static gboolean
add_param (VmtBoard *self, const VmtBoardNode *node, GError **error)
{
  VmtBoardParam *param = g_new0 (VmtBoardParam, 1);
  const char *values = vmt_board_node_attr (node, "values");

  param->name = vmt_board_node_attr (node, "name");
  param->type = vmt_board_node_attr (node, "type");
  param->fallback = vmt_board_node_attr (node, "default");
  param->min = vmt_board_node_attr (node, "min");
  param->max = vmt_board_node_attr (node, "max");
  param->text = node->text;
  g_ptr_array_add (self->params, param);
  if (!g_strv_contains (param_types, param->type))
    {
      const char *near = vmt_nearest_name (param->type, param_types);
      g_autofree char *all = g_strjoinv (", ", (char **)param_types);
      vmt_board_node_error (node, error, VMT_ERROR_INVALID,
                            "parameter \"%s\" has the unknown type \"%s\"; %s%s", param->name,
                            param->type, near != NULL ? "did you mean " : "types are ",
                            near != NULL ? near : all);
      return FALSE;
    }
  if (g_str_equal (param->type, "enum"))
    {
      if (values == NULL)
        {
          vmt_board_node_error (
              node, error, VMT_ERROR_INVALID,
              "parameter \"%s\" of type enum needs the attribute \"values\" (\"a|b|c\")",
              param->name);
          return FALSE;
        }
      param->values = g_strsplit (values, "|", -1);
    }
  if (is_list (param))
    g_hash_table_insert (self->lists, g_strdup (param->name),
                         g_ptr_array_new_with_free_func (g_free));
  else if (param->fallback != NULL && !g_str_equal (param->fallback, "") &&
           !check_value (param, param->fallback, error))
    {
      g_prefix_error (error, "%s:%u: default of parameter \"%s\": ", node->file, node->line,
                      param->name);
      return FALSE;
    }
  return TRUE;
}

static gboolean
load (VmtBoard *self, const char *data, gsize size, GError **error)
{
  static const char *const needed[] = { "memory", "cpus", "accel", "tier", NULL };

  self->root = vmt_board_node_parse (data, size, self->path, error);
  if (self->root == NULL)
    return FALSE;
  for (guint i = 0; i < self->root->children->len; i++)
    {
      const VmtBoardNode *node = self->root->children->pdata[i];
      if (g_str_equal (node->name, "param") && !add_param (self, node, error))
        return FALSE;
      if (g_str_equal (node->name, "summary"))
        {
          g_free (self->summary);
          self->summary = g_strdup (node->text);
        }
    }
  for (guint i = 0; needed[i] != NULL; i++)
    if (find_param (self, needed[i]) == NULL)
      {
        vmt_board_node_error (
            self->root, error, VMT_ERROR_INVALID,
            "the board has no parameter \"%s\"; every board has memory, cpus, accel "
            "and tier: <include href=\"soc/standard.xml\"/> declares them",
            needed[i]);
        return FALSE;
      }
  return TRUE;
}

VmtBoard *
vmt_board_new_from_data (const char *data, gsize size, const char *path, GError **error)
{
  g_autoptr (VmtBoard) self = g_object_new (VMT_TYPE_BOARD, NULL);

  self->path = g_strdup (path);
  return load (self, data, size, error) ? g_steal_pointer (&self) : NULL;
}

VmtBoard *
vmt_board_new_from_file (const char *path, GError **error)
{
  g_autofree char *data = NULL;
  gsize size;

  if (!g_file_get_contents (path, &data, &size, error))
    {
      g_prefix_error_literal (error, "cannot read the board file: ");
      return NULL;
    }
  return vmt_board_new_from_data (data, size, path, error);
}

/* (transfer full): the folders where boards are looked for, first to last. */
static GPtrArray *
search_path (void)
{
  GPtrArray *folders = g_ptr_array_new_with_free_func (g_free);
  const char *env = g_getenv ("VMT_BOARD_PATH");

  if (env != NULL)
    {
      g_auto (GStrv) parts = g_strsplit (env, G_SEARCHPATH_SEPARATOR_S, -1);
      for (guint i = 0; parts[i] != NULL; i++)
        if (*parts[i] != '\0')
          g_ptr_array_add (folders, g_strdup (parts[i]));
    }
  g_ptr_array_add (folders, g_build_filename (g_get_user_data_dir (), "vmtool-1", "boards", NULL));
  g_ptr_array_add (folders, g_strdup (vmt_host_get_boards_dir ()));
  return folders;
}

static int
compare_names (gconstpointer a, gconstpointer b)
{
  return strcmp (*(const char *const *)a, *(const char *const *)b);
}

GPtrArray *
vmt_board_list (void)
{
  g_autoptr (GPtrArray) folders = search_path ();
  g_autoptr (GHashTable) seen = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  GPtrArray *names = g_ptr_array_new_with_free_func (g_free);
  GHashTableIter iter;
  gpointer key;

  for (guint i = 0; i < folders->len; i++)
    {
      g_autoptr (GDir) dir = g_dir_open (folders->pdata[i], 0, NULL);
      const char *file;

      while (dir != NULL && (file = g_dir_read_name (dir)) != NULL)
        if (g_str_has_suffix (file, ".xml"))
          g_hash_table_add (seen, g_strndup (file, strlen (file) - 4));
    }
  g_hash_table_iter_init (&iter, seen);
  while (g_hash_table_iter_next (&iter, &key, NULL))
    g_ptr_array_add (names, g_strdup (key));
  g_ptr_array_sort (names, compare_names);
  return names;
}

VmtBoard *
vmt_board_find (const char *name, GError **error)
{
  g_autoptr (GPtrArray) folders = NULL;
  g_autoptr (GPtrArray) names = NULL;
  const char *near;

  if (strchr (name, G_DIR_SEPARATOR) != NULL || g_str_has_suffix (name, ".xml"))
    return vmt_board_new_from_file (name, error);
  folders = search_path ();
  for (guint i = 0; i < folders->len; i++)
    {
      g_autofree char *file = g_strconcat (name, ".xml", NULL);
      g_autofree char *path = g_build_filename (folders->pdata[i], file, NULL);
      if (g_file_test (path, G_FILE_TEST_EXISTS))
        return vmt_board_new_from_file (path, error);
    }
  names = vmt_board_list ();
  g_ptr_array_add (names, NULL);
  near = vmt_nearest_name (name, (const char *const *)names->pdata);
  if (near != NULL)
    g_set_error (error, VMT_ERROR, VMT_ERROR_NOT_FOUND,
                 "there is no board \"%s\"; did you mean \"%s\"? \"vmtool board list\" shows all",
                 name, near);
  else
    g_set_error (error, VMT_ERROR, VMT_ERROR_NOT_FOUND,
                 "there is no board \"%s\"; \"vmtool board list\" shows all, and a path such as "
                 "./%s.xml names a file",
                 name, name);
  return NULL;
}

const char *
vmt_board_get_name (VmtBoard *self)
{
  return vmt_board_node_attr (self->root, "name");
}

const char *
vmt_board_get_arch (VmtBoard *self)
{
  return vmt_board_node_attr (self->root, "arch");
}

const char *
vmt_board_get_summary (VmtBoard *self)
{
  return self->summary;
}

const char *
vmt_board_get_path (VmtBoard *self)
{
  return self->path;
}

GPtrArray *
vmt_board_list_params (VmtBoard *self)
{
  GPtrArray *list = g_ptr_array_new ();

  for (guint i = 0; i < self->params->len; i++)
    g_ptr_array_add (list, self->params->pdata[i]);
  return list;
}

gboolean
vmt_board_has_param (VmtBoard *self, const char *name)
{
  return find_param (self, name) != NULL;
}

static void
unknown_param (VmtBoard *self, const char *name, GError **error)
{
  g_autoptr (GPtrArray) names = g_ptr_array_new ();
  const char *near;

  for (guint i = 0; i < self->params->len; i++)
    g_ptr_array_add (names, (gpointer)((VmtBoardParam *)self->params->pdata[i])->name);
  g_ptr_array_add (names, NULL);
  near = vmt_nearest_name (name, (const char *const *)names->pdata);
  g_set_error (error, VMT_ERROR, VMT_ERROR_NOT_FOUND, "board \"%s\" has no parameter \"%s\"%s%s%s",
               vmt_board_get_name (self), name,
               near != NULL ? "; did you mean \"" : "; \"vmtool board show\" lists them",
               near != NULL ? near : "", near != NULL ? "\"?" : "");
}

gboolean
vmt_board_set (VmtBoard *self, const char *name, const char *text, GError **error)
{
  VmtBoardParam *param = find_param (self, name);

  if (param == NULL && strpbrk (name, "./") != NULL)
    {
      g_ptr_array_add (self->settings, g_strdup (name));
      g_ptr_array_add (self->settings, g_strdup (text));
      return TRUE;
    }
  if (param == NULL)
    {
      unknown_param (self, name, error);
      return FALSE;
    }
  if (is_list (param))
    {
      GPtrArray *list = vmt_board_get_list (self, name);
      g_auto (GStrv) parts = g_strsplit (text, ",", -1);

      g_ptr_array_set_size (list, 0);
      for (guint i = 0; parts[i] != NULL; i++)
        if (*parts[i] != '\0')
          g_ptr_array_add (list, g_strdup (parts[i]));
      return TRUE;
    }
  if (!check_value (param, text, error))
    {
      g_prefix_error (error, "parameter \"%s\": ", name);
      return FALSE;
    }
  g_free ((char *)param->value);
  param->value = g_strdup (text);
  return TRUE;
}

gboolean
vmt_board_add (VmtBoard *self, const char *name, const char *element, GError **error)
{
  VmtBoardParam *param = find_param (self, name);

  if (param == NULL)
    {
      unknown_param (self, name, error);
      return FALSE;
    }
  if (!is_list (param))
    {
      g_set_error (error, VMT_ERROR, VMT_ERROR_INVALID, "parameter \"%s\" is not a list but one %s",
                   name, param->type);
      return FALSE;
    }
  g_ptr_array_add (vmt_board_get_list (self, name), g_strdup (element));
  return TRUE;
}

char *
vmt_board_get (VmtBoard *self, const char *name)
{
  VmtBoardParam *param = find_param (self, name);
  GPtrArray *list;

  if (param == NULL)
    return NULL;
  list = vmt_board_get_list (self, name);
  if (list != NULL)
    {
      GString *text = g_string_new (NULL);
      for (guint i = 0; i < list->len; i++)
        g_string_append_printf (text, "%s%s", i > 0 ? "," : "", (char *)list->pdata[i]);
      return g_string_free (text, FALSE);
    }
  return g_strdup (param->value != NULL      ? param->value
                   : param->fallback != NULL ? param->fallback
                                             : "");
}

char *
vmt_board_expand (VmtBoard *self, GHashTable *scope, const char *text, gboolean quote,
                  GError **error)
{
  g_autoptr (GString) out = g_string_new (NULL);

  while (*text != '\0')
    {
      const char *open = strstr (text, "${");
      const char *close = open != NULL ? strchr (open, '}') : NULL;
      g_autofree char *name = NULL;
      g_autofree char *value = NULL;

      if (open == NULL)
        {
          g_string_append (out, text);
          break;
        }
      if (close == NULL)
        {
          g_set_error (error, VMT_ERROR, VMT_ERROR_INVALID, "\"${\" without \"}\" in \"%s\"", text);
          return NULL;
        }
      g_string_append_len (out, text, open - text);
      name = g_strndup (open + 2, close - open - 2);
      if (scope != NULL)
        value = g_strdup (g_hash_table_lookup (scope, name));
      if (value == NULL)
        value = vmt_board_get (self, name);
      if (value == NULL)
        {
          unknown_param (self, name, error);
          return NULL;
        }
      for (const char *c = value; *c != '\0'; c++)
        {
          if (quote && *c == ',')
            g_string_append_c (out, ',');
          g_string_append_c (out, *c);
        }
      text = close + 1;
    }
  return g_string_free (g_steal_pointer (&out), FALSE);
}

gboolean
vmt_board_condition (VmtBoard *self, GHashTable *scope, const VmtBoardNode *node, gboolean *holds,
                     GError **error)
{
  const char *when = vmt_board_node_attr (node, "when");
  g_auto (GStrv) terms = NULL;

  *holds = TRUE;
  if (when == NULL)
    return TRUE;
  terms = g_strsplit (when, " and ", -1);
  for (guint i = 0; terms[i] != NULL; i++)
    {
      /* split before expanding: a value may contain "=" */
      char *equal = strchr (terms[i], '=');
      gboolean negate = equal != NULL && equal > terms[i] && equal[-1] == '!';
      g_autofree char *left = NULL;
      g_autofree char *right = NULL;

      if (equal == NULL)
        {
          vmt_board_node_error (
              node, error, VMT_ERROR_INVALID,
              "when=\"%s\" is not a condition: write A=B or A!=B, joined by \" and \"", when);
          return FALSE;
        }
      equal[negate ? -1 : 0] = '\0';
      left = vmt_board_expand (self, scope, g_strstrip (terms[i]), FALSE, error);
      right = left != NULL ? vmt_board_expand (self, scope, g_strstrip (equal + 1), FALSE, error)
                           : NULL;
      if (right == NULL)
        {
          vmt_board_node_prefix (node, error);
          return FALSE;
        }
      *holds &= g_str_equal (left, right) != negate;
    }
  return TRUE;
}

char *
vmt_board_to_xml (VmtBoard *self)
{
  return vmt_board_node_to_xml (self->root);
}
