/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <json-glib/json-glib.h>

#include "lockstep.h"

static GStrv
read_strings (JsonArray *array)
{
  const guint n = json_array_get_length (array);
  GStrv strings = g_new0 (char *, n + 1);

  for (guint i = 0; i < n; i++)
    strings[i] = g_strdup (json_array_get_string_element (array, i));
  return strings;
}

static char *
read_string (JsonObject *object, const char *name)
{
  return json_object_get_null_member (object, name)
             ? NULL
             : g_strdup (json_object_get_string_member (object, name));
}

static gboolean
read_field (LockstepField *field, JsonObject *object)
{
  JsonArray *exclude = json_object_get_array_member (object, "exclude");
  JsonArray *bits = json_object_get_array_member (object, "bits");

  field->name = read_string (object, "name");
  field->klass = read_string (object, "class");
  field->width = json_object_get_int_member (object, "width");
  field->is_signed = json_object_get_boolean_member (object, "signed");
  field->role = read_string (object, "role");
  field->reg = read_string (object, "register");
  field->add = json_object_get_int_member (object, "add");
  field->n_exclude = json_array_get_length (exclude);
  field->n_bits = json_array_get_length (bits);
  if (field->n_exclude > G_N_ELEMENTS (field->exclude) ||
      field->n_bits > G_N_ELEMENTS (field->bits))
    return FALSE;
  for (guint i = 0; i < field->n_exclude; i++)
    field->exclude[i] = json_array_get_int_element (exclude, i);
  for (guint i = 0; i < field->n_bits; i++)
    {
      JsonObject *piece = json_array_get_object_element (bits, i);
      field->bits[i].word = json_object_get_int_member (piece, "word");
      field->bits[i].length = json_object_get_int_member (piece, "length");
      field->bits[i].field = json_object_get_int_member (piece, "field");
    }
  return TRUE;
}

static guint
read_attribute (JsonObject *attributes, const char *name)
{
  return json_object_has_member (attributes, name)
             ? (guint)g_ascii_strtoull (json_object_get_string_member (attributes, name), NULL, 0)
             : 0;
}

static gboolean
read_row (LockstepRow *row, JsonObject *object)
{
  JsonArray *fields = json_object_get_array_member (object, "fields");
  JsonObject *attributes = json_object_get_object_member (object, "attributes");

  row->name = read_string (object, "name");
  row->mnemonic = read_string (object, "mnemonic");
  row->operands = read_string (object, "operands");
  row->over = read_string (object, "over");
  row->extensions = read_strings (json_object_get_array_member (object, "extensions"));
  row->flags = read_strings (json_object_get_array_member (object, "flags"));
  row->priv = json_object_get_string_member (object, "privilege")[0];
  row->bytes = json_object_get_int_member (object, "bits") / 8;
  row->mask = json_object_get_int_member (object, "mask");
  row->match = json_object_get_int_member (object, "match");
  row->load = read_attribute (attributes, "load");
  row->store = read_attribute (attributes, "store");
  row->amo = read_attribute (attributes, "amo");
  row->n_fields = json_array_get_length (fields);
  if (row->n_fields > G_N_ELEMENTS (row->fields))
    return FALSE;
  for (guint i = 0; i < row->n_fields; i++)
    if (!read_field (&row->fields[i], json_array_get_object_element (fields, i)))
      return FALSE;
  return TRUE;
}

LockstepRows *
lockstep_rows_new (const char *path, GError **error)
{
  g_autoptr (JsonParser) parser = json_parser_new ();
  g_autoptr (LockstepRows) self = g_new0 (LockstepRows, 1);

  if (!json_parser_load_from_file (parser, path, error))
    return NULL;
  JsonArray *rows =
      json_object_get_array_member (json_node_get_object (json_parser_get_root (parser)), "rows");
  self->n_rows = json_array_get_length (rows);
  self->rows = g_new0 (LockstepRow, self->n_rows);
  for (guint i = 0; i < self->n_rows; i++)
    if (!read_row (&self->rows[i], json_array_get_object_element (rows, i)))
      {
        g_set_error (error, VMT_ERROR, VMT_ERROR_INVALID, "%s: row %s has too many parts", path,
                     self->rows[i].name);
        return NULL;
      }
  return g_steal_pointer (&self);
}

void
lockstep_rows_free (LockstepRows *self)
{
  for (guint i = 0; self->rows != NULL && i < self->n_rows; i++)
    {
      LockstepRow *row = &self->rows[i];
      g_free (row->name);
      g_free (row->mnemonic);
      g_free (row->operands);
      g_free (row->over);
      g_strfreev (row->extensions);
      g_strfreev (row->flags);
      for (guint j = 0; j < MIN (row->n_fields, G_N_ELEMENTS (row->fields)); j++)
        {
          g_free (row->fields[j].name);
          g_free (row->fields[j].klass);
          g_free (row->fields[j].role);
          g_free (row->fields[j].reg);
        }
    }
  g_free (self->rows);
  g_free (self);
}

const LockstepRow *
lockstep_rows_find (const LockstepRows *self, const char *name)
{
  for (guint i = 0; i < self->n_rows; i++)
    if (g_str_equal (self->rows[i].name, name))
      return &self->rows[i];
  return NULL;
}

gboolean
lockstep_row_has_flag (const LockstepRow *row, const char *flag)
{
  return g_strv_contains ((const char *const *)row->flags, flag);
}

gboolean
lockstep_row_has_extension (const LockstepRow *row, const char *extension)
{
  return g_strv_contains ((const char *const *)row->extensions, extension);
}

const LockstepField *
lockstep_row_get_field (const LockstepRow *row, const char *name)
{
  for (guint i = 0; i < row->n_fields; i++)
    if (g_str_equal (row->fields[i].name, name))
      return &row->fields[i];
  return NULL;
}

guint
lockstep_field_get_raw (const LockstepField *field, guint32 word)
{
  guint raw = 0;

  for (guint i = 0; i < field->n_bits; i++)
    raw |= ((word >> field->bits[i].word) & ((1u << field->bits[i].length) - 1))
           << field->bits[i].field;
  return raw;
}

guint32
lockstep_field_put_raw (const LockstepField *field, guint32 word, guint raw)
{
  for (guint i = 0; i < field->n_bits; i++)
    {
      const guint32 mask = (1u << field->bits[i].length) - 1;
      word &= ~(mask << field->bits[i].word);
      word |= ((raw >> field->bits[i].field) & mask) << field->bits[i].word;
    }
  return word;
}

gint64
lockstep_field_get (const LockstepField *field, guint32 word)
{
  const guint64 raw = lockstep_field_get_raw (field, word);
  const guint shift = 64 - field->width;

  return (field->is_signed ? (gint64)(raw << shift) >> shift : (gint64)raw) + field->add;
}

gboolean
lockstep_field_put (const LockstepField *field, guint32 *word, gint64 value)
{
  const guint32 with = lockstep_field_put_raw (field, *word, (guint)(value - field->add));

  if (lockstep_field_get (field, with) != value)
    return FALSE;
  *word = with;
  return TRUE;
}

gboolean
lockstep_row_is_valid (const LockstepRow *row, const LockstepRows *rows, guint32 word)
{
  if ((word & row->mask) != row->match)
    return FALSE;
  for (guint i = 0; i < row->n_fields; i++)
    for (guint j = 0; j < row->fields[i].n_exclude; j++)
      if (lockstep_field_get_raw (&row->fields[i], word) == row->fields[i].exclude[j])
        return FALSE;
  for (guint i = 0; i < rows->n_rows; i++)
    if (rows->rows[i].over != NULL && g_str_equal (rows->rows[i].over, row->name) &&
        rows->rows[i].bytes == row->bytes && (word & rows->rows[i].mask) == rows->rows[i].match)
      return FALSE;
  return TRUE;
}

/* The same register twice, register 0, and the ends of immediates come up often. */
static guint32
shape (const LockstepRow *row, LockstepRandom *r, guint32 word)
{
  const LockstepField *a = &row->fields[lockstep_random_below (r, row->n_fields)];
  const LockstepField *b = &row->fields[lockstep_random_below (r, row->n_fields)];
  const guint all = (1u << a->width) - 1;
  const guint ends[] = { 0, 1, all >> 1, (all >> 1) + 1, all };

  if (a->reg == NULL)
    return lockstep_field_put_raw (a, word, ends[lockstep_random_below (r, G_N_ELEMENTS (ends))]);
  if (a != b && b->reg != NULL && g_str_equal (a->reg, b->reg) && a->width == b->width)
    return lockstep_field_put_raw (a, word, lockstep_field_get_raw (b, word));
  return lockstep_field_put_raw (a, word, 0);
}

guint32
lockstep_row_random (const LockstepRow *row, const LockstepRows *rows, LockstepRandom *r)
{
  guint32 word;

  do
    {
      word = row->match | ((guint32)lockstep_random_bits (r) & ~row->mask);
      if (row->bytes == 2)
        word &= 0xffff;
      if (row->n_fields > 0 && lockstep_random_once_in (r, 3))
        word = shape (row, r, word);
    }
  while (!lockstep_row_is_valid (row, rows, word));
  return word;
}
