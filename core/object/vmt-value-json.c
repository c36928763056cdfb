/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <math.h>

#include "vmt-error.h"
#include "vmt-value-private.h"

/* Beyond this, readers that keep numbers as doubles would lose digits. */
#define EXACT (G_GINT64_CONSTANT (1) << 53)

static JsonNode *
integer (gint64 number)
{
  return json_node_init_int (json_node_alloc (), number);
}

static JsonNode *
text_node (GParamSpec *pspec, const GValue *value)
{
  g_autofree char *text = vmt_value_format (pspec, value);

  return json_node_init_string (json_node_alloc (), text);
}

static JsonNode *
utf8_node (const char *text)
{
  g_autofree char *valid = NULL;

  if (text == NULL)
    return json_node_init_null (json_node_alloc ());
  /* A host file name may be any bytes, JSON may not. */
  valid = g_utf8_make_valid (text, -1);
  return json_node_init_string (json_node_alloc (), valid);
}

/**
 * vmt_value_to_json:
 * @pspec: the property
 * @value: a value of its type
 *
 * Numbers and booleans stay what they are (sizes and times too, in bytes and nanoseconds; integers
 * beyond 2^53 become text), lists become arrays, unset strings and links null, everything else is
 * text.
 *
 * Returns: (transfer full): a node that vmt_value_from_json() reads as the same value
 */
JsonNode *
vmt_value_to_json (GParamSpec *pspec, const GValue *value)
{
  g_return_val_if_fail (G_IS_PARAM_SPEC (pspec), NULL);
  g_return_val_if_fail (G_IS_VALUE (value), NULL);

  if (vmt_param_spec_get_kind (pspec) == VMT_PARAM_LIST)
    {
      JsonArray *array = json_array_new ();
      const char *const *items = g_value_get_boxed (value);

      for (guint i = 0; items != NULL && items[i] != NULL; i++)
        json_array_add_element (array, utf8_node (items[i]));
      return json_node_init_array (json_node_alloc (), g_steal_pointer (&array));
    }

  switch (G_TYPE_FUNDAMENTAL (G_VALUE_TYPE (value)))
    {
    case G_TYPE_BOOLEAN:
      return json_node_init_boolean (json_node_alloc (), g_value_get_boolean (value));
    case G_TYPE_CHAR:
      return integer (g_value_get_schar (value));
    case G_TYPE_UCHAR:
      return integer (g_value_get_uchar (value));
    case G_TYPE_INT:
      return integer (g_value_get_int (value));
    case G_TYPE_UINT:
      return integer (g_value_get_uint (value));
    case G_TYPE_LONG:
      if (g_value_get_long (value) >= -EXACT && g_value_get_long (value) <= EXACT)
        return integer (g_value_get_long (value));
      return text_node (pspec, value);
    case G_TYPE_INT64:
      if (g_value_get_int64 (value) >= -EXACT && g_value_get_int64 (value) <= EXACT)
        return integer (g_value_get_int64 (value));
      return text_node (pspec, value);
    case G_TYPE_ULONG:
      if (g_value_get_ulong (value) <= EXACT)
        return integer (g_value_get_ulong (value));
      return text_node (pspec, value);
    case G_TYPE_UINT64:
      if (g_value_get_uint64 (value) <= EXACT)
        return integer (g_value_get_uint64 (value));
      /* As plain digits or hexadecimal both are read back; the property's own notation is the one
       * that people know. */
      return text_node (pspec, value);
    case G_TYPE_FLOAT:
      return json_node_init_double (json_node_alloc (), g_value_get_float (value));
    case G_TYPE_DOUBLE:
      return json_node_init_double (json_node_alloc (), g_value_get_double (value));
    case G_TYPE_STRING:
      return utf8_node (g_value_get_string (value));
    case G_TYPE_OBJECT:
    case G_TYPE_INTERFACE:
      if (g_value_get_object (value) == NULL)
        return json_node_init_null (json_node_alloc ());
      return text_node (pspec, value);
    default:
      return text_node (pspec, value);
    }
}

static gboolean
refuse (GParamSpec *pspec, const char *got, GError **error)
{
  g_set_error (error, VMT_ERROR, VMT_ERROR_INVALID, "property '%s': %s given, %s needed",
               pspec->name, got, vmt_param_spec_get_type_word (pspec));
  return FALSE;
}

static gboolean
list_from_json (GParamSpec *pspec, JsonArray *array, GValue *value, GError **error)
{
  g_autoptr (GStrvBuilder) items = g_strv_builder_new ();

  for (guint i = 0; i < json_array_get_length (array); i++)
    {
      JsonNode *item = json_array_get_element (array, i);

      if (!JSON_NODE_HOLDS_VALUE (item) || json_node_get_value_type (item) != G_TYPE_STRING)
        return refuse (pspec, "an array of something else than strings", error);
      if (*json_node_get_string (item) == '\0')
        return refuse (pspec, "an array with an empty string", error);
      g_strv_builder_add (items, json_node_get_string (item));
    }
  g_value_init (value, G_TYPE_STRV);
  g_value_take_boxed (value, g_strv_builder_end (items));
  return TRUE;
}

static gboolean
is_number (GParamSpec *pspec)
{
  switch (G_TYPE_FUNDAMENTAL (pspec->value_type))
    {
    case G_TYPE_CHAR:
    case G_TYPE_UCHAR:
    case G_TYPE_INT:
    case G_TYPE_UINT:
    case G_TYPE_LONG:
    case G_TYPE_ULONG:
    case G_TYPE_INT64:
    case G_TYPE_UINT64:
    case G_TYPE_FLOAT:
    case G_TYPE_DOUBLE:
      return TRUE;
    default:
      return FALSE;
    }
}

/**
 * vmt_value_from_json:
 * @pspec: the property
 * @node: a value, or an array for a list
 * @scope: (nullable): see vmt_value_parse()
 * @value: (out caller-allocates): uninitialised; initialised by the call when it succeeds
 * @error: return location
 *
 * Strings are read by vmt_value_parse(); numbers and booleans only where the property is one.
 *
 * Returns: %FALSE with the errors of vmt_value_parse()
 */
gboolean
vmt_value_from_json (GParamSpec *pspec, JsonNode *node, VmtObject *scope, GValue *value,
                     GError **error)
{
  char buffer[G_ASCII_DTOSTR_BUF_SIZE];
  VmtParamKind kind;

  g_return_val_if_fail (G_IS_PARAM_SPEC (pspec), FALSE);
  g_return_val_if_fail (node != NULL, FALSE);
  g_return_val_if_fail (value != NULL && !G_IS_VALUE (value), FALSE);

  kind = vmt_param_spec_get_kind (pspec);
  if (JSON_NODE_HOLDS_ARRAY (node))
    {
      if (kind == VMT_PARAM_LIST)
        return list_from_json (pspec, json_node_get_array (node), value, error);
      return refuse (pspec, "an array", error);
    }
  if (JSON_NODE_HOLDS_OBJECT (node))
    return refuse (pspec, "an object", error);
  if (JSON_NODE_HOLDS_NULL (node))
    {
      if (pspec->value_type != G_TYPE_STRING && kind != VMT_PARAM_LINK)
        return refuse (pspec, "null", error);
      g_value_init (value, pspec->value_type);
      return TRUE;
    }

  switch (json_node_get_value_type (node))
    {
    case G_TYPE_STRING:
      return vmt_value_parse (pspec, json_node_get_string (node), scope, value, error);
    case G_TYPE_BOOLEAN:
      if (pspec->value_type != G_TYPE_BOOLEAN)
        return refuse (pspec, "a boolean", error);
      return vmt_value_parse (pspec, json_node_get_boolean (node) ? "on" : "off", scope, value,
                              error);
    case G_TYPE_INT64:
      if (!is_number (pspec))
        return refuse (pspec, "a number", error);
      g_snprintf (buffer, sizeof buffer, "%" G_GINT64_FORMAT, json_node_get_int (node));
      return vmt_value_parse (pspec, buffer, scope, value, error);
    case G_TYPE_DOUBLE:
      {
        double number = json_node_get_double (node);

        if (!is_number (pspec))
          return refuse (pspec, "a number", error);
        /* 5.0 and 1e3 are integers to JSON. */
        if (fabs (number) <= EXACT && number == floor (number))
          g_snprintf (buffer, sizeof buffer, "%" G_GINT64_FORMAT, (gint64)number);
        else
          g_ascii_dtostr (buffer, sizeof buffer, number);
        return vmt_value_parse (pspec, buffer, scope, value, error);
      }
    default:
      return refuse (pspec, "a value of another type", error);
    }
}
