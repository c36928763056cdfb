/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "vmt-state-table.h"

#include <string.h>

#include "vmt-error.h"

static gsize
element_size (guint8 type)
{
  switch ((VmtStateType)type)
    {
    case VMT_STATE_U8:
    case VMT_STATE_BYTES:
      return 1;
    case VMT_STATE_U16:
      return 2;
    case VMT_STATE_U32:
      return 4;
    case VMT_STATE_U64:
      return 8;
    case VMT_STATE_BOOL:
      return sizeof (gboolean);
    }
  g_return_val_if_reached (0);
}

static const GVariantType *
element_type (guint8 type)
{
  switch ((VmtStateType)type)
    {
    case VMT_STATE_U8:
    case VMT_STATE_BYTES:
      return G_VARIANT_TYPE_BYTE;
    case VMT_STATE_U16:
      return G_VARIANT_TYPE_UINT16;
    case VMT_STATE_U32:
      return G_VARIANT_TYPE_UINT32;
    case VMT_STATE_U64:
      return G_VARIANT_TYPE_UINT64;
    case VMT_STATE_BOOL:
      return G_VARIANT_TYPE_BOOLEAN;
    }
  g_return_val_if_reached (NULL);
}

static gboolean
is_array (const VmtStateField *field)
{
  return field->count != 0 || field->type == VMT_STATE_BYTES;
}

/* Booleans are one byte in a GVariant and an int in a struct; everything else is stored as it is.
 */
static GVariant *
save_field (const VmtStateField *field, const guint8 *at)
{
  guint n = MAX (field->count, 1);
  if (field->type == VMT_STATE_BOOL)
    {
      const gboolean *values = (const gboolean *)at;
      if (!is_array (field))
        return g_variant_new_boolean (*values);
      g_autofree guint8 *bytes = g_malloc (n);
      for (guint i = 0; i < n; i++)
        bytes[i] = values[i] != FALSE;
      return g_variant_new_fixed_array (G_VARIANT_TYPE_BOOLEAN, bytes, n, 1);
    }
  if (is_array (field))
    return g_variant_new_fixed_array (element_type (field->type), at, n,
                                      element_size (field->type));
  switch ((VmtStateType)field->type)
    {
    case VMT_STATE_U8:
      return g_variant_new_byte (*at);
    case VMT_STATE_U16:
      return g_variant_new_uint16 (*(const guint16 *)at);
    case VMT_STATE_U32:
      return g_variant_new_uint32 (*(const guint32 *)at);
    case VMT_STATE_U64:
      return g_variant_new_uint64 (*(const guint64 *)at);
    case VMT_STATE_BOOL:
    case VMT_STATE_BYTES:
      break;
    }
  g_return_val_if_reached (NULL);
}

GVariant *
vmt_state_table_save (const VmtStateField *fields, gconstpointer state)
{
  GVariantBuilder builder;
  g_variant_builder_init (&builder, G_VARIANT_TYPE_VARDICT);
  for (const VmtStateField *field = fields; field != NULL && field->name != NULL; field++)
    g_variant_builder_add (&builder, "{sv}", field->name,
                           save_field (field, (const guint8 *)state + field->offset));
  return g_variant_ref_sink (g_variant_builder_end (&builder));
}

static const VmtStateField *
find_field (const VmtStateField *fields, const char *name)
{
  for (const VmtStateField *field = fields; field != NULL && field->name != NULL; field++)
    if (g_str_equal (field->name, name))
      return field;
  return NULL;
}

static gboolean
check_field (const VmtStateField *field, GVariant *value, GError **error)
{
  g_autofree char *want =
      g_strdup_printf ("%s%s", is_array (field) ? "a" : "",
                       field->type == VMT_STATE_BYTES
                           ? "y"
                           : (const char *)g_variant_type_peek_string (element_type (field->type)));
  /* The peeked string of a basic type is not terminated after its one character. */
  want[is_array (field) ? 2 : 1] = '\0';
  if (!g_variant_is_of_type (value, G_VARIANT_TYPE (want)))
    {
      g_set_error (error, VMT_ERROR, VMT_ERROR_CORRUPT,
                   "saved field '%s' has type '%s' where '%s' is needed", field->name,
                   g_variant_get_type_string (value), want);
      return FALSE;
    }
  if (is_array (field) && g_variant_n_children (value) != MAX (field->count, 1))
    {
      g_set_error (error, VMT_ERROR, VMT_ERROR_CORRUPT,
                   "saved field '%s' has %" G_GSIZE_FORMAT " elements where %u are needed",
                   field->name, g_variant_n_children (value), MAX (field->count, 1));
      return FALSE;
    }
  return TRUE;
}

static void
load_field (const VmtStateField *field, GVariant *value, guint8 *at)
{
  if (field->type == VMT_STATE_BOOL)
    {
      gboolean *values = (gboolean *)at;
      if (!is_array (field))
        *values = g_variant_get_boolean (value);
      else
        {
          gsize n;
          const guint8 *bytes = g_variant_get_fixed_array (value, &n, 1);
          for (gsize i = 0; i < n; i++)
            values[i] = bytes[i] != 0;
        }
    }
  else if (is_array (field))
    {
      gsize n;
      gconstpointer data = g_variant_get_fixed_array (value, &n, element_size (field->type));
      if (n > 0)
        memcpy (at, data, n * element_size (field->type));
    }
  else
    g_variant_store (value, at);
}

gboolean
vmt_state_table_load (const VmtStateField *fields, gpointer state, GVariant *saved, guint version,
                      GError **error)
{
  g_return_val_if_fail (saved != NULL, FALSE);

  if (!g_variant_is_of_type (saved, G_VARIANT_TYPE_VARDICT))
    {
      g_set_error (error, VMT_ERROR, VMT_ERROR_CORRUPT,
                   "saved state has type '%s' where 'a{sv}' is needed",
                   g_variant_get_type_string (saved));
      return FALSE;
    }

  /* All is checked before anything changes. */
  GVariantIter iter;
  const char *name;
  GVariant *value;
  g_autoptr (GHashTable) seen = g_hash_table_new (g_str_hash, g_str_equal);
  g_variant_iter_init (&iter, saved);
  while (g_variant_iter_next (&iter, "{&sv}", &name, &value))
    {
      g_autoptr (GVariant) own = value;
      const VmtStateField *field = find_field (fields, name);
      if (field == NULL)
        {
          g_set_error (error, VMT_ERROR, VMT_ERROR_CORRUPT, "saved state has an unknown field '%s'",
                       name);
          return FALSE;
        }
      if (!g_hash_table_add (seen, (gpointer)field->name))
        {
          g_set_error (error, VMT_ERROR, VMT_ERROR_CORRUPT, "saved field '%s' is there twice",
                       name);
          return FALSE;
        }
      if (!check_field (field, own, error))
        return FALSE;
    }
  for (const VmtStateField *field = fields; field != NULL && field->name != NULL; field++)
    if (!g_hash_table_contains (seen, field->name) && field->since <= version)
      {
        g_set_error (error, VMT_ERROR, VMT_ERROR_CORRUPT,
                     "saved state of version %u lacks field '%s'", version, field->name);
        return FALSE;
      }

  g_variant_iter_init (&iter, saved);
  while (g_variant_iter_next (&iter, "{&sv}", &name, &value))
    {
      g_autoptr (GVariant) own = value;
      const VmtStateField *field = find_field (fields, name);
      load_field (field, own, (guint8 *)state + field->offset);
    }
  return TRUE;
}

void
vmt_state_table_reset (const VmtStateField *fields, gpointer state)
{
  for (const VmtStateField *field = fields; field != NULL && field->name != NULL; field++)
    memset ((guint8 *)state + field->offset, 0, MAX (field->count, 1) * element_size (field->type));
}
