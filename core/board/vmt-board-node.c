/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "vmt-board-node-private.h"

#include <libxml/parser.h>
#include <libxml/tree.h>
#include <string.h>

#include "vmt-error.h"

#define BOARD_NS "urn:vmtool:board:1"
#define MAX_DEPTH 8
#define MAX_FILE (1 << 20)

typedef struct
{
  const char *name;
  const char *required[6];
  const char *optional[12];
  const char *children[12];
  gboolean text;
} ElementRule;

/* What a board may contain; the installed schema says the same, and a test compares them. */
static const ElementRule rules[] = {
  { "board",
    { "name", "arch" },
    {},
    { "summary", "include", "param", "cpu", "memory", "device", "firmware", "each", "remove" },
    FALSE },
  { "soc",
    { "name" },
    {},
    { "summary", "include", "param", "cpu", "memory", "device", "firmware", "each", "remove" },
    FALSE },
  { "summary", {}, {}, {}, TRUE },
  { "include", { "href" }, {}, {}, FALSE },
  { "param", { "name", "type" }, { "default", "min", "max", "values" }, {}, TRUE },
  { "cpu", { "type" }, { "count", "when" }, { "set" }, FALSE },
  { "memory", { "id", "base", "size" }, { "backing", "file", "when" }, {}, FALSE },
  { "device",
    { "id" },
    { "type", "base", "on", "when" },
    { "set", "link", "irq", "region", "backend", "device" },
    FALSE },
  { "set", { "name" }, { "when" }, {}, TRUE },
  { "link", { "name", "to" }, { "when" }, {}, FALSE },
  { "irq", { "to", "line" }, { "name", "when" }, {}, FALSE },
  { "region", { "name", "base" }, {}, {}, FALSE },
  { "backend", { "default" }, { "name", "kind", "when" }, {}, FALSE },
  { "firmware", { "type" }, { "when" }, { "set", "link" }, FALSE },
  { "each", { "param", "as" }, { "index", "when" }, { "device" }, FALSE },
  { "remove", { "id" }, {}, {}, FALSE },
};

static const ElementRule *
find_rule (const char *name)
{
  for (guint i = 0; i < G_N_ELEMENTS (rules); i++)
    if (g_str_equal (rules[i].name, name))
      return &rules[i];
  return NULL;
}

static gboolean
in_list (const char *const *list, const char *word)
{
  for (; *list != NULL; list++)
    if (g_str_equal (*list, word))
      return TRUE;
  return FALSE;
}

const char *const *
vmt_board_node_list_elements (void)
{
  static const char *names[G_N_ELEMENTS (rules) + 1];
  static gsize once = 0;

  if (g_once_init_enter (&once))
    {
      for (guint i = 0; i < G_N_ELEMENTS (rules); i++)
        names[i] = rules[i].name;
      g_once_init_leave (&once, 1);
    }
  return names;
}

/* (transfer container): required, then optional attributes. */
static GPtrArray *
rule_attributes (const ElementRule *rule)
{
  GPtrArray *names = g_ptr_array_new ();

  for (guint i = 0; i < G_N_ELEMENTS (rule->required) && rule->required[i] != NULL; i++)
    g_ptr_array_add (names, (gpointer)rule->required[i]);
  for (guint i = 0; i < G_N_ELEMENTS (rule->optional) && rule->optional[i] != NULL; i++)
    g_ptr_array_add (names, (gpointer)rule->optional[i]);
  g_ptr_array_add (names, NULL);
  return names;
}

void
vmt_board_node_free (VmtBoardNode *node)
{
  g_free (node->name);
  g_free (node->text);
  g_free (node->file);
  g_hash_table_unref (node->attrs);
  g_ptr_array_unref (node->children);
  g_free (node);
}

static VmtBoardNode *
node_new (const char *name, const char *file, guint line)
{
  VmtBoardNode *node = g_new0 (VmtBoardNode, 1);

  node->name = g_strdup (name);
  node->file = g_strdup (file);
  node->line = line;
  node->attrs = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_free);
  node->children = g_ptr_array_new_with_free_func ((GDestroyNotify)vmt_board_node_free);
  return node;
}

const char *
vmt_board_node_attr (const VmtBoardNode *node, const char *name)
{
  return g_hash_table_lookup (node->attrs, name);
}

void
vmt_board_node_error (const VmtBoardNode *node, GError **error, int code, const char *format, ...)
{
  va_list args;
  g_autofree char *message = NULL;

  va_start (args, format);
  message = g_strdup_vprintf (format, args);
  va_end (args);
  g_set_error (error, VMT_ERROR, code, "%s:%u: %s", node->file, node->line, message);
}

void
vmt_board_node_prefix (const VmtBoardNode *node, GError **error)
{
  g_prefix_error (error, "%s:%u: ", node->file, node->line);
}

static void
unknown_error (const VmtBoardNode *node, const char *what, const char *wanted,
               const char *const *allowed, GError **error)
{
  const char *near = vmt_nearest_name (wanted, allowed);
  g_autofree char *all = g_strjoinv (", ", (char **)allowed);

  if (near != NULL)
    vmt_board_node_error (node, error, VMT_ERROR_INVALID, "unknown %s; did you mean \"%s\"?", what,
                          near);
  else if (*all == '\0')
    vmt_board_node_error (node, error, VMT_ERROR_INVALID, "unknown %s; none is allowed here", what);
  else
    vmt_board_node_error (node, error, VMT_ERROR_INVALID, "unknown %s; allowed here: %s", what,
                          all);
}

static gboolean
check_node (const VmtBoardNode *node, const ElementRule *rule, GError **error)
{
  g_autoptr (GPtrArray) allowed = rule_attributes (rule);
  const char *const *names = (const char *const *)allowed->pdata;
  GHashTableIter iter;
  gpointer key;

  g_hash_table_iter_init (&iter, node->attrs);
  while (g_hash_table_iter_next (&iter, &key, NULL))
    if (!in_list (names, key))
      {
        g_autofree char *what =
            g_strdup_printf ("attribute \"%s\" of <%s>", (char *)key, node->name);
        unknown_error (node, what, key, names, error);
        return FALSE;
      }
  for (guint i = 0; i < G_N_ELEMENTS (rule->required) && rule->required[i] != NULL; i++)
    if (vmt_board_node_attr (node, rule->required[i]) == NULL)
      {
        vmt_board_node_error (node, error, VMT_ERROR_INVALID, "<%s> needs the attribute \"%s\"",
                              node->name, rule->required[i]);
        return FALSE;
      }
  if (!rule->text && node->text != NULL)
    {
      vmt_board_node_error (node, error, VMT_ERROR_INVALID, "<%s> may not contain text: \"%s\"",
                            node->name, node->text);
      return FALSE;
    }
  return TRUE;
}

static VmtBoardNode *
node_from_xml (xmlNode *xml, const char *file, guint depth, GError **error)
{
  g_autoptr (VmtBoardNode) node = node_new ((const char *)xml->name, file, xmlGetLineNo (xml));
  const ElementRule *rule = find_rule (node->name);
  g_autoptr (GString) text = g_string_new (NULL);

  if (rule == NULL)
    {
      g_autofree char *what = g_strdup_printf ("element <%s>", node->name);
      unknown_error (node, what, node->name, vmt_board_node_list_elements (), error);
      return NULL;
    }
  if (xml->ns == NULL || !g_str_equal ((const char *)xml->ns->href, BOARD_NS))
    {
      vmt_board_node_error (node, error, VMT_ERROR_INVALID,
                            "<%s> is not in the namespace \"" BOARD_NS "\": add xmlns=\"" BOARD_NS
                            "\" to the first element",
                            node->name);
      return NULL;
    }
  for (xmlAttr *attr = xml->properties; attr != NULL; attr = attr->next)
    {
      xmlChar *value = xmlNodeListGetString (xml->doc, attr->children, 1);
      g_hash_table_insert (node->attrs, g_strdup ((const char *)attr->name),
                           g_strdup (value != NULL ? (const char *)value : ""));
      xmlFree (value);
    }
  for (xmlNode *child = xml->children; child != NULL; child = child->next)
    if (child->type == XML_ELEMENT_NODE)
      {
        VmtBoardNode *converted;

        if (find_rule ((const char *)child->name) != NULL &&
            !in_list (rule->children, (const char *)child->name))
          {
            VmtBoardNode at = { .file = (char *)file, .line = xmlGetLineNo (child) };
            vmt_board_node_error (&at, error, VMT_ERROR_INVALID, "<%s> may not stand inside <%s>",
                                  (const char *)child->name, node->name);
            return NULL;
          }
        if (depth >= 16)
          {
            vmt_board_node_error (node, error, VMT_ERROR_INVALID, "elements are nested too deeply");
            return NULL;
          }
        converted = node_from_xml (child, file, depth + 1, error);
        if (converted == NULL)
          return NULL;
        g_ptr_array_add (node->children, converted);
      }
    else if (child->type == XML_TEXT_NODE || child->type == XML_CDATA_SECTION_NODE)
      g_string_append (text, (const char *)child->content);
  g_strstrip (text->str);
  if (*text->str != '\0')
    node->text = g_strdup (text->str);
  if (!check_node (node, rule, error))
    return NULL;
  return g_steal_pointer (&node);
}

static void
ignore_structured_error (void *data, xmlErrorPtr error)
{
  /* the context keeps the last error; nothing may be printed */
}

static VmtBoardNode *
parse_one (const char *data, gsize size, const char *path, GError **error)
{
  xmlParserCtxt *context = xmlNewParserCtxt ();
  xmlDoc *doc;
  VmtBoardNode *node = NULL;

  xmlSetStructuredErrorFunc (context, ignore_structured_error);
  /* no network, no external entities, no entity expansion: a board opens nothing by itself */
  doc = xmlCtxtReadMemory (context, data, (int)MIN (size, MAX_FILE), path, NULL,
                           XML_PARSE_NONET | XML_PARSE_NOERROR | XML_PARSE_NOWARNING |
                               XML_PARSE_BIG_LINES);
  xmlSetStructuredErrorFunc (NULL, NULL);
  if (doc == NULL || doc->intSubset != NULL)
    {
      VmtBoardNode at = { .file = (char *)path, .line = 1 };
      const xmlError *xml = context->lastError.message != NULL ? &context->lastError : NULL;
      g_autofree char *message = g_strdup (xml != NULL ? xml->message : "not XML");

      g_strchomp (message);
      if (xml != NULL)
        at.line = MAX (xml->line, 1);
      if (doc != NULL)
        vmt_board_node_error (&at, error, VMT_ERROR_INVALID,
                              "a board file may not have a document type declaration");
      else
        vmt_board_node_error (&at, error, VMT_ERROR_INVALID, "not well-formed XML: %s", message);
    }
  else
    node = node_from_xml (xmlDocGetRootElement (doc), path, 0, error);
  if (doc != NULL)
    xmlFreeDoc (doc);
  xmlFreeParserCtxt (context);
  if (node != NULL && !g_str_equal (node->name, "board") && !g_str_equal (node->name, "soc"))
    {
      vmt_board_node_error (
          node, error, VMT_ERROR_INVALID,
          "the first element must be <board> (or <soc> in an included file), not <%s>", node->name);
      g_clear_pointer (&node, vmt_board_node_free);
    }
  return node;
}

static const char *
identity (const VmtBoardNode *node)
{
  if (g_str_equal (node->name, "device") || g_str_equal (node->name, "memory"))
    return vmt_board_node_attr (node, "id");
  if (g_str_equal (node->name, "param"))
    return vmt_board_node_attr (node, "name");
  return NULL;
}

static VmtBoardNode *
find_identity (GPtrArray *list, const char *kind, const char *id, GPtrArray **owner, guint *index)
{
  for (guint i = 0; i < list->len; i++)
    {
      VmtBoardNode *node = list->pdata[i];
      const char *own = identity (node);
      VmtBoardNode *found;

      if (own != NULL && g_str_equal (own, id) && (kind == NULL || g_str_equal (kind, node->name)))
        {
          *owner = list;
          *index = i;
          return node;
        }
      if ((found = find_identity (node->children, kind, id, owner, index)) != NULL)
        return found;
    }
  return NULL;
}

/* What @from says wins: attributes one by one, <set>, <link> and <backend> by name; interrupts and
 * regions, when given, replace all. */
static void
merge_node (VmtBoardNode *into, VmtBoardNode *from)
{
  GHashTableIter iter;
  gpointer key, value;
  static const char *const replaced[] = { "irq", "region", NULL };

  g_hash_table_iter_init (&iter, from->attrs);
  while (g_hash_table_iter_next (&iter, &key, &value))
    g_hash_table_replace (into->attrs, g_strdup (key), g_strdup (value));
  if (from->text != NULL)
    {
      g_free (into->text);
      into->text = g_strdup (from->text);
    }
  for (guint r = 0; replaced[r] != NULL; r++)
    {
      gboolean given = FALSE;
      for (guint i = 0; i < from->children->len; i++)
        given |= g_str_equal (((VmtBoardNode *)from->children->pdata[i])->name, replaced[r]);
      for (guint i = into->children->len; given && i-- > 0;)
        if (g_str_equal (((VmtBoardNode *)into->children->pdata[i])->name, replaced[r]))
          g_ptr_array_remove_index (into->children, i);
    }
  while (from->children->len > 0)
    {
      VmtBoardNode *child = g_ptr_array_steal_index (from->children, 0);
      const char *name = vmt_board_node_attr (child, "name");

      for (guint i = 0; i < into->children->len; i++)
        {
          VmtBoardNode *old = into->children->pdata[i];
          gboolean same = g_str_equal (old->name, child->name) &&
                          !in_list (replaced, child->name) &&
                          g_strcmp0 (vmt_board_node_attr (old, "name"), name) == 0 &&
                          g_strcmp0 (identity (old), identity (child)) == 0;
          if (same)
            {
              g_ptr_array_remove_index (into->children, i);
              break;
            }
        }
      g_ptr_array_add (into->children, child);
    }
  g_free (into->file);
  into->file = g_strdup (from->file);
  into->line = from->line;
}

static gboolean resolve (VmtBoardNode *node, GPtrArray *out, GPtrArray *stack, GError **error);

static gboolean
include (VmtBoardNode *node, GPtrArray *out, GPtrArray *stack, GError **error)
{
  const char *href = vmt_board_node_attr (node, "href");
  g_autofree char *folder = g_path_get_dirname (node->file);
  g_autofree char *joined = g_build_filename (folder, href, NULL);
  g_autofree char *path = g_canonicalize_filename (joined, NULL);
  g_autofree char *data = NULL;
  g_autoptr (VmtBoardNode) included = NULL;
  gsize size;
  gboolean ok;

  if (g_path_is_absolute (href))
    {
      vmt_board_node_error (node, error, VMT_ERROR_INVALID,
                            "include \"%s\" must be relative to this file", href);
      return FALSE;
    }
  for (guint i = 0; i < stack->len; i++)
    if (g_str_equal (stack->pdata[i], path))
      {
        vmt_board_node_error (node, error, VMT_ERROR_INVALID, "\"%s\" includes itself", href);
        return FALSE;
      }
  if (stack->len >= MAX_DEPTH)
    {
      vmt_board_node_error (node, error, VMT_ERROR_INVALID, "includes are nested more than %d deep",
                            MAX_DEPTH);
      return FALSE;
    }
  if (!g_file_get_contents (path, &data, &size, error))
    {
      vmt_board_node_prefix (node, error);
      return FALSE;
    }
  /* messages show the name as the user wrote it, not the canonical one */
  included = parse_one (data, size, joined, error);
  if (included == NULL)
    return FALSE;
  g_ptr_array_add (stack, g_steal_pointer (&path));
  ok = resolve (included, out, stack, error);
  g_ptr_array_set_size (stack, stack->len - 1);
  return ok;
}

/* Splices includes and applies overrides and removals, in the file's order. */
static gboolean
resolve (VmtBoardNode *node, GPtrArray *out, GPtrArray *stack, GError **error)
{
  while (node->children->len > 0)
    {
      g_autoptr (VmtBoardNode) child = g_ptr_array_steal_index (node->children, 0);
      const char *id = identity (child);
      GPtrArray *owner;
      guint index;
      VmtBoardNode *old;

      if (g_str_equal (child->name, "include"))
        {
          if (!include (child, out, stack, error))
            return FALSE;
        }
      else if (g_str_equal (child->name, "remove"))
        {
          id = vmt_board_node_attr (child, "id");
          if (find_identity (out, NULL, id, &owner, &index) == NULL)
            {
              vmt_board_node_error (child, error, VMT_ERROR_NOT_FOUND,
                                    "nothing with the id \"%s\" stands before this <remove>", id);
              return FALSE;
            }
          g_ptr_array_remove_index (owner, index);
        }
      else if (id != NULL && (old = find_identity (out, child->name, id, &owner, &index)) != NULL)
        {
          if (g_str_equal (old->file, child->file))
            {
              vmt_board_node_error (child, error, VMT_ERROR_INVALID,
                                    "<%s> \"%s\" stands already in line %u", child->name, id,
                                    old->line);
              return FALSE;
            }
          merge_node (old, child);
        }
      else
        g_ptr_array_add (out, g_steal_pointer (&child));
    }
  return TRUE;
}

VmtBoardNode *
vmt_board_node_parse (const char *data, gsize size, const char *path, GError **error)
{
  g_autoptr (VmtBoardNode) node = NULL;
  g_autoptr (GPtrArray) out = g_ptr_array_new_with_free_func ((GDestroyNotify)vmt_board_node_free);
  g_autoptr (GPtrArray) stack = g_ptr_array_new_with_free_func (g_free);

  if (size > MAX_FILE)
    {
      g_set_error (error, VMT_ERROR, VMT_ERROR_INVALID, "%s: larger than 1 MiB: not a board file",
                   path);
      return NULL;
    }
  node = parse_one (data, size, path, error);
  if (node == NULL)
    return NULL;
  if (!g_str_equal (node->name, "board"))
    {
      vmt_board_node_error (node, error, VMT_ERROR_INVALID,
                            "a <soc> is a part for boards to include, not a board");
      return NULL;
    }
  g_ptr_array_add (stack, g_canonicalize_filename (path, NULL));
  if (!resolve (node, out, stack, error))
    return NULL;
  g_ptr_array_unref (node->children);
  node->children = g_steal_pointer (&out);
  return g_steal_pointer (&node);
}

static void
write_xml (const VmtBoardNode *node, guint depth, GString *out)
{
  g_autoptr (GPtrArray) names = rule_attributes (find_rule (node->name));

  g_string_append_printf (out, "%*s<%s", depth * 2, "", node->name);
  if (depth == 0)
    g_string_append (out, " xmlns=\"" BOARD_NS "\"");
  for (guint i = 0; names->pdata[i] != NULL; i++)
    {
      const char *value = vmt_board_node_attr (node, names->pdata[i]);
      if (value != NULL)
        {
          g_autofree char *escaped = g_markup_escape_text (value, -1);
          g_string_append_printf (out, " %s=\"%s\"", (char *)names->pdata[i], escaped);
        }
    }
  if (node->children->len == 0 && node->text == NULL)
    {
      g_string_append (out, "/>\n");
      return;
    }
  g_string_append (out, ">");
  if (node->text != NULL)
    {
      g_autofree char *escaped = g_markup_escape_text (node->text, -1);
      g_string_append (out, escaped);
    }
  if (node->children->len > 0)
    {
      g_string_append (out, "\n");
      for (guint i = 0; i < node->children->len; i++)
        write_xml (node->children->pdata[i], depth + 1, out);
      g_string_append_printf (out, "%*s", depth * 2, "");
    }
  g_string_append_printf (out, "</%s>\n", node->name);
}

char *
vmt_board_node_to_xml (const VmtBoardNode *node)
{
  GString *out = g_string_new ("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");

  write_xml (node, 0, out);
  return g_string_free (out, FALSE);
}

const char *const *
vmt_board_node_list_attributes (const char *element)
{
  const ElementRule *rule = find_rule (element);
  GPtrArray *names;

  if (rule == NULL)
    return NULL;
  names = rule_attributes (rule);
  return (const char *const *)g_ptr_array_free (names, FALSE);
}
