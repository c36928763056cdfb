/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The notations that properties share: sizes, durations, switches, lists. */
#include <string.h>

#include "vmt-error-private.h"
#include "vmt-value-private.h"

gboolean
_vmt_parse_digits (const char *text, const char **end, guint64 *value, gboolean *overflow)
{
  const char *at = text;
  guint base = 10;
  guint64 sum = 0;

  *overflow = FALSE;
  if (at[0] == '0' && (at[1] == 'x' || at[1] == 'X') && g_ascii_isxdigit (at[2]))
    {
      base = 16;
      at += 2;
    }
  if (base == 10 && !g_ascii_isdigit (*at))
    return FALSE;
  for (; base == 16 ? g_ascii_isxdigit (*at) : g_ascii_isdigit (*at); at++)
    {
      guint digit = g_ascii_xdigit_value (*at);

      if (sum > (G_MAXUINT64 - digit) / base)
        *overflow = TRUE;
      else
        sum = sum * base + digit;
    }
  *value = sum;
  *end = at;
  return !*overflow;
}

typedef struct
{
  const char *suffix;
  guint64 factor;
} Unit;

/* From the largest down: the order in which they are tried for printing. */
static const Unit size_units[] = {
  { "E", G_GUINT64_CONSTANT (1) << 60 },
  { "P", G_GUINT64_CONSTANT (1) << 50 },
  { "T", G_GUINT64_CONSTANT (1) << 40 },
  { "G", 1 << 30 },
  { "M", 1 << 20 },
  { "K", 1 << 10 },
};

static const Unit time_units[] = {
  { "h", G_GUINT64_CONSTANT (3600000000000) },
  { "min", G_GUINT64_CONSTANT (60000000000) },
  { "s", 1000000000 },
  { "ms", 1000000 },
  { "us", 1000 },
  { "ns", 1 },
};

static gboolean
scale (guint64 *value, guint64 factor)
{
  return !__builtin_mul_overflow (*value, factor, value);
}

/**
 * vmt_parse_size:
 * @text: "1G", "64K", "0x8000", "4096"
 * @size: (out): bytes
 * @error: return location
 *
 * Reads a whole number, decimal or (without a unit) hexadecimal. Units are K, M, G, T, P and E in
 * either case, powers of 1024, with "iB" or "B" after them if one likes; "B" alone is bytes.
 *
 * Any thread.
 *
 * Returns: %FALSE with %VMT_ERROR_INVALID
 */
gboolean
vmt_parse_size (const char *text, guint64 *size, GError **error)
{
  const char *end = text;
  gboolean overflow = FALSE;
  guint64 value = 0, factor = 1;

  g_return_val_if_fail (text != NULL, FALSE);
  g_return_val_if_fail (size != NULL, FALSE);

  if (!_vmt_parse_digits (text, &end, &value, &overflow) && !overflow)
    goto malformed;
  if (*end == '.')
    {
      g_set_error (error, VMT_ERROR, VMT_ERROR_INVALID,
                   "'%s' is not a size: write a whole number of a smaller unit, such as 1536M for "
                   "1.5G",
                   text);
      return _vmt_error_clean (error);
    }
  if (*end != '\0')
    {
      if (text[0] == '0' && (text[1] == 'x' || text[1] == 'X'))
        goto malformed;
      for (guint i = 0; i < G_N_ELEMENTS (size_units); i++)
        if (g_ascii_toupper (*end) == *size_units[i].suffix)
          {
            factor = size_units[i].factor;
            end++;
            break;
          }
      if (factor > 1 && g_ascii_strcasecmp (end, "iB") == 0)
        end += 2;
      else if (g_ascii_strcasecmp (end, "B") == 0)
        end += 1;
      if (*end != '\0')
        goto malformed;
    }
  if (overflow || !scale (&value, factor))
    {
      g_set_error (error, VMT_ERROR, VMT_ERROR_INVALID,
                   "'%s' is too large for a size: at most 18446744073709551615", text);
      return _vmt_error_clean (error);
    }
  *size = value;
  return TRUE;

malformed:
  g_set_error (error, VMT_ERROR, VMT_ERROR_INVALID,
               "'%s' is not a size: write a number with K, M, G, T, P or E after it, such as 512M",
               text);
  return _vmt_error_clean (error);
}

/**
 * vmt_format_size:
 * @size: bytes
 *
 * The shortest exact text that vmt_parse_size() reads: 1073741824 is "1G", 4097 is "4097".
 *
 * Returns: (transfer full): the text
 */
char *
vmt_format_size (guint64 size)
{
  if (size != 0)
    for (guint i = 0; i < G_N_ELEMENTS (size_units); i++)
      if (size % size_units[i].factor == 0)
        return g_strdup_printf ("%" G_GUINT64_FORMAT "%s", size / size_units[i].factor,
                                size_units[i].suffix);
  return g_strdup_printf ("%" G_GUINT64_FORMAT, size);
}

gboolean
_vmt_parse_time (const char *text, guint64 *time, GError **error)
{
  const char *end = text;
  gboolean overflow = FALSE;
  guint64 value = 0, factor = *text != '\0' ? 0 : 1;

  if (_vmt_parse_digits (text, &end, &value, &overflow) || overflow)
    {
      if (*end == '\0')
        factor = 1;
      for (guint i = 0; i < G_N_ELEMENTS (time_units); i++)
        if (strcmp (end, time_units[i].suffix) == 0)
          factor = time_units[i].factor;
      if (factor != 0 && (overflow || !scale (&value, factor)))
        {
          g_set_error (error, VMT_ERROR, VMT_ERROR_INVALID,
                       "'%s' is too long: at most 18446744073709551615ns, some 584 years", text);
          return FALSE;
        }
      if (factor != 0)
        {
          *time = value;
          return TRUE;
        }
    }
  g_set_error (
      error, VMT_ERROR, VMT_ERROR_INVALID,
      "'%s' is not a time: write a whole number with ns, us, ms, s, min or h after it, such "
      "as 10ms",
      text);
  return FALSE;
}

char *
_vmt_format_time (guint64 time)
{
  /* Seconds are the largest unit that is printed: nobody reads 90s faster as 1.5 minutes. */
  for (guint i = 2; time != 0 && i < G_N_ELEMENTS (time_units); i++)
    if (time % time_units[i].factor == 0)
      return g_strdup_printf ("%" G_GUINT64_FORMAT "%s", time / time_units[i].factor,
                              time_units[i].suffix);
  return g_strdup ("0");
}

/**
 * vmt_parse_boolean:
 * @text: on or off, true or false, yes or no, 1 or 0
 * @value: (out): which
 * @error: return location
 *
 * Any thread.
 *
 * Returns: %FALSE with %VMT_ERROR_INVALID
 */
gboolean
vmt_parse_boolean (const char *text, gboolean *value, GError **error)
{
  static const char *const words[] = { "off", "on", "false", "true", "no", "yes", "0", "1", NULL };
  const char *nearest;

  g_return_val_if_fail (text != NULL, FALSE);
  g_return_val_if_fail (value != NULL, FALSE);

  for (guint i = 0; words[i] != NULL; i++)
    if (strcmp (text, words[i]) == 0)
      {
        *value = i % 2 == 1;
        return TRUE;
      }
  nearest = vmt_nearest_name (text, words);
  g_set_error (error, VMT_ERROR, VMT_ERROR_INVALID, "'%s' is not a switch: write on or off%s%s%s",
               text, nearest != NULL ? " (did you mean '" : "", nearest != NULL ? nearest : "",
               nearest != NULL ? "'?)" : "");
  return _vmt_error_clean (error);
}

GStrv
_vmt_parse_list (const char *text, GError **error)
{
  g_autoptr (GStrvBuilder) items = g_strv_builder_new ();
  g_autoptr (GString) item = g_string_new (NULL);

  if (*text == '\0')
    return g_strv_builder_end (items);
  for (const char *at = text;; at++)
    {
      if (at[0] == '\\' && (at[1] == ',' || at[1] == '\\'))
        g_string_append_c (item, *++at);
      else if (*at != ',' && *at != '\0')
        g_string_append_c (item, *at);
      else
        {
          if (item->len == 0)
            {
              g_set_error (error, VMT_ERROR, VMT_ERROR_INVALID,
                           "'%s' has an empty item: write items separated by single commas", text);
              return NULL;
            }
          g_strv_builder_add (items, item->str);
          g_string_truncate (item, 0);
          if (*at == '\0')
            return g_strv_builder_end (items);
        }
    }
}

char *
_vmt_format_list (const char *const *items)
{
  GString *text = g_string_new (NULL);

  for (guint i = 0; items != NULL && items[i] != NULL; i++)
    {
      if (i > 0)
        g_string_append_c (text, ',');
      for (const char *at = items[i]; *at != '\0'; at++)
        {
          if (*at == ',' || *at == '\\')
            g_string_append_c (text, '\\');
          g_string_append_c (text, *at);
        }
    }
  return g_string_free (text, FALSE);
}
