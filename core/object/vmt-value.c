/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "vmt-value.h"

#include <errno.h>
#include <math.h>
#include <string.h>

#include "vmt-error-private.h"
#include "vmt-value-private.h"

/* Every message begins with the property, so that the callers need to add only the object. */
static gboolean refuse (GParamSpec *pspec, GError **error, const char *format, ...)
    G_GNUC_PRINTF (3, 4);

static gboolean
refuse (GParamSpec *pspec, GError **error, const char *format, ...)
{
  g_autofree char *text = NULL;
  va_list args;

  va_start (args, format);
  text = g_strdup_vprintf (format, args);
  va_end (args);
  g_set_error (error, VMT_ERROR, VMT_ERROR_INVALID, "property '%s': %s", pspec->name, text);
  return FALSE;
}

static gboolean
refuse_range (GParamSpec *pspec, const char *text, GError **error)
{
  g_autofree char *range = vmt_param_spec_dup_range (pspec);

  if (range == NULL)
    return refuse (pspec, error, "%s is out of the range of its type, %s", text,
                   g_type_name (pspec->value_type));
  return refuse (pspec, error, "%s is out of range %s", text, range);
}

static gboolean
parse_unsigned (GParamSpec *pspec, const char *text, guint64 max, guint64 *number, GError **error)
{
  const char *end;
  gboolean overflow;
  const char *digits = *text == '-' ? text + 1 : text;

  if (!_vmt_parse_digits (digits, &end, number, &overflow) && !overflow)
    return refuse (pspec, error, "'%s' is not a whole number", text);
  if (*end != '\0')
    return refuse (pspec, error, "'%s' is not a whole number: nothing may follow the digits", text);
  if (overflow || *number > max || (digits != text && *number != 0))
    return refuse_range (pspec, text, error);
  return TRUE;
}

static gboolean
parse_signed (GParamSpec *pspec, const char *text, gint64 min, gint64 max, gint64 *number,
              GError **error)
{
  const char *end;
  gboolean overflow;
  gboolean negative = *text == '-';
  guint64 magnitude;

  if (!_vmt_parse_digits (negative ? text + 1 : text, &end, &magnitude, &overflow) && !overflow)
    return refuse (pspec, error, "'%s' is not a whole number", text);
  if (*end != '\0')
    return refuse (pspec, error, "'%s' is not a whole number: nothing may follow the digits", text);
  if (overflow || magnitude > (guint64)G_MAXINT64 + (negative ? 1 : 0))
    return refuse_range (pspec, text, error);
  *number = negative ? (gint64)-magnitude : (gint64)magnitude;
  if (*number < min || *number > max)
    return refuse_range (pspec, text, error);
  return TRUE;
}

static gboolean
parse_double (GParamSpec *pspec, const char *text, double *number, GError **error)
{
  char *end;

  /* strtod skips white space and takes "nan", "inf" and hexadecimal: none of them is a property's
   * value. */
  if (*text == '\0' || strspn (text, "0123456789+-.eE") != strlen (text))
    return refuse (pspec, error, "'%s' is not a number", text);
  *number = g_ascii_strtod (text, &end);
  if (end == text || *end != '\0')
    return refuse (pspec, error, "'%s' is not a number", text);
  if (!isfinite (*number))
    return refuse_range (pspec, text, error);
  return TRUE;
}

static gboolean
refuse_word (GParamSpec *pspec, const char *text, GPtrArray *words, GError **error)
{
  g_autofree char *range = vmt_param_spec_dup_range (pspec);
  const char *nearest;

  g_ptr_array_add (words, NULL);
  nearest = vmt_nearest_name (text, (const char *const *)words->pdata);
  return refuse (pspec, error, "'%s' is not one of %s%s%s%s", text, range,
                 nearest != NULL ? ": did you mean '" : "", nearest != NULL ? nearest : "",
                 nearest != NULL ? "'?" : "");
}

static gboolean
parse_enum (GParamSpec *pspec, const char *text, GValue *value, GError **error)
{
  g_autoptr (GEnumClass) klass = g_type_class_ref (pspec->value_type);
  GEnumValue *found = g_enum_get_value_by_nick (klass, text);

  if (found == NULL)
    {
      g_autoptr (GPtrArray) nicks = g_ptr_array_new ();

      for (guint i = 0; i < klass->n_values; i++)
        g_ptr_array_add (nicks, (gpointer)klass->values[i].value_nick);
      return refuse_word (pspec, text, nicks, error);
    }
  g_value_set_enum (value, found->value);
  return TRUE;
}

static gboolean
parse_flags (GParamSpec *pspec, const char *text, GValue *value, GError **error)
{
  g_autoptr (GFlagsClass) klass = g_type_class_ref (pspec->value_type);
  g_auto (GStrv) words = g_strsplit_set (text, "|,", -1);
  guint flags = 0;

  if (strcmp (text, "none") == 0 && g_flags_get_value_by_nick (klass, text) == NULL)
    g_clear_pointer (&words, g_strfreev);
  for (guint i = 0; words != NULL && words[i] != NULL; i++)
    {
      const char *word = g_strstrip (words[i]);
      GFlagsValue *found = g_flags_get_value_by_nick (klass, word);

      if (found == NULL)
        {
          g_autoptr (GPtrArray) nicks = g_ptr_array_new ();

          for (guint j = 0; j < klass->n_values; j++)
            g_ptr_array_add (nicks, (gpointer)klass->values[j].value_nick);
          return refuse_word (pspec, word, nicks, error);
        }
      flags |= found->value;
    }
  g_value_set_flags (value, flags);
  return TRUE;
}

static gboolean
parse_link (GParamSpec *pspec, const char *text, VmtObject *scope, GValue *value, GError **error)
{
  VmtObject *parent, *found = NULL;

  if (*text == '\0')
    {
      g_value_set_object (value, NULL);
      return TRUE;
    }
  if (scope == NULL)
    return refuse (pspec, error, "the path '%s' means nothing outside a machine", text);

  parent = vmt_object_get_parent (scope);
  if (parent != NULL)
    found = vmt_object_find (parent, text, NULL);
  if (found == NULL)
    found = vmt_object_find (vmt_object_get_root (scope), text, error);
  if (found == NULL)
    {
      g_prefix_error (error, "property '%s': ", pspec->name);
      return FALSE;
    }
  if (!g_type_is_a (G_OBJECT_TYPE (found), pspec->value_type))
    return refuse (pspec, error, "'%s' is a %s, a %s is needed", text, G_OBJECT_TYPE_NAME (found),
                   g_type_name (pspec->value_type));
  g_value_set_object (value, found);
  return TRUE;
}

static gboolean
parse_uint64 (GParamSpec *pspec, VmtParamKind kind, const char *text, GValue *value, GError **error)
{
  GParamSpecUInt64 *range = G_PARAM_SPEC_UINT64 (pspec);
  guint64 number;
  gboolean good;

  if (kind == VMT_PARAM_PLAIN)
    good = parse_unsigned (pspec, text, G_MAXUINT64, &number, error);
  else
    {
      good = kind == VMT_PARAM_TIME ? _vmt_parse_time (text, &number, error)
                                    : vmt_parse_size (text, &number, error);
      if (!good)
        g_prefix_error (error, "property '%s': ", pspec->name);
    }
  if (!good)
    return FALSE;
  if (number < range->minimum || number > range->maximum)
    return refuse_range (pspec, text, error);
  g_value_set_uint64 (value, number);
  return TRUE;
}

static gboolean
parse_string (GParamSpec *pspec, const char *text, GValue *value, GError **error)
{
  if (!g_utf8_validate (text, -1, NULL))
    return refuse (pspec, error, "the text is not valid UTF-8");
  g_value_set_string (value, text);
  return TRUE;
}

static gboolean
parse_into (GParamSpec *pspec, const char *text, VmtObject *scope, GValue *value, GError **error)
{
  VmtParamKind kind = vmt_param_spec_get_kind (pspec);
  guint64 u = 0;
  gint64 i = 0;
  double d = 0;
  gboolean b = FALSE;

  switch (kind)
    {
    case VMT_PARAM_LINK:
      return parse_link (pspec, text, scope, value, error);
    case VMT_PARAM_LIST:
      {
        GStrv items = _vmt_parse_list (text, error);

        if (items == NULL)
          {
            g_prefix_error (error, "property '%s': ", pspec->name);
            return FALSE;
          }
        g_value_take_boxed (value, items);
        return TRUE;
      }
    case VMT_PARAM_FILE:
      /* Host file names are bytes. */
      g_value_set_string (value, text);
      return TRUE;
    case VMT_PARAM_FEATURE:
      return parse_string (pspec, text, value, error);
    case VMT_PARAM_SIZE:
    case VMT_PARAM_ADDRESS:
    case VMT_PARAM_TIME:
      return parse_uint64 (pspec, kind, text, value, error);
    case VMT_PARAM_PLAIN:
      break;
    }

  if (G_IS_PARAM_SPEC_BOOLEAN (pspec))
    {
      if (!vmt_parse_boolean (text, &b, error))
        {
          g_prefix_error (error, "property '%s': ", pspec->name);
          return FALSE;
        }
      g_value_set_boolean (value, b);
      return TRUE;
    }
  if (G_IS_PARAM_SPEC_STRING (pspec))
    return parse_string (pspec, text, value, error);
  if (G_IS_PARAM_SPEC_ENUM (pspec))
    return parse_enum (pspec, text, value, error);
  if (G_IS_PARAM_SPEC_FLAGS (pspec))
    return parse_flags (pspec, text, value, error);
  if (G_IS_PARAM_SPEC_UINT64 (pspec))
    return parse_uint64 (pspec, kind, text, value, error);

#define UNSIGNED(TYPE, name, type)                                                                 \
  if (G_IS_PARAM_SPEC_##TYPE (pspec))                                                              \
    {                                                                                              \
      if (!parse_unsigned (pspec, text, G_PARAM_SPEC_##TYPE (pspec)->maximum, &u, error))          \
        return FALSE;                                                                              \
      if (u < G_PARAM_SPEC_##TYPE (pspec)->minimum)                                                \
        return refuse_range (pspec, text, error);                                                  \
      g_value_set_##name (value, (type)u);                                                         \
      return TRUE;                                                                                 \
    }
#define SIGNED(TYPE, name, type)                                                                   \
  if (G_IS_PARAM_SPEC_##TYPE (pspec))                                                              \
    {                                                                                              \
      if (!parse_signed (pspec, text, G_PARAM_SPEC_##TYPE (pspec)->minimum,                        \
                         G_PARAM_SPEC_##TYPE (pspec)->maximum, &i, error))                         \
        return FALSE;                                                                              \
      g_value_set_##name (value, (type)i);                                                         \
      return TRUE;                                                                                 \
    }
  UNSIGNED (UCHAR, uchar, guchar)
  UNSIGNED (UINT, uint, guint)
  UNSIGNED (ULONG, ulong, gulong)
  SIGNED (CHAR, schar, gint8)
  SIGNED (INT, int, gint)
  SIGNED (LONG, long, glong)
  SIGNED (INT64, int64, gint64)
#undef UNSIGNED
#undef SIGNED

  if (G_IS_PARAM_SPEC_DOUBLE (pspec))
    {
      if (!parse_double (pspec, text, &d, error))
        return FALSE;
      if (d < G_PARAM_SPEC_DOUBLE (pspec)->minimum || d > G_PARAM_SPEC_DOUBLE (pspec)->maximum)
        return refuse_range (pspec, text, error);
      g_value_set_double (value, d);
      return TRUE;
    }
  if (G_IS_PARAM_SPEC_FLOAT (pspec))
    {
      if (!parse_double (pspec, text, &d, error))
        return FALSE;
      if (d < G_PARAM_SPEC_FLOAT (pspec)->minimum || d > G_PARAM_SPEC_FLOAT (pspec)->maximum)
        return refuse_range (pspec, text, error);
      g_value_set_float (value, d);
      return TRUE;
    }
  g_set_error (error, VMT_ERROR, VMT_ERROR_UNSUPPORTED,
               "property '%s': values of the type %s cannot be written as text", pspec->name,
               g_type_name (pspec->value_type));
  return FALSE;
}

/* An overridden property has the ranges of the one that it stands for. */
static GParamSpec *
behind (GParamSpec *pspec)
{
  GParamSpec *target = g_param_spec_get_redirect_target (pspec);

  return target != NULL ? target : pspec;
}

/**
 * vmt_value_parse:
 * @pspec: the property
 * @text: what the user wrote
 * @scope: (nullable): the object whose property it is: links are looked up from its parent, then
 * from its root
 * @value: (out caller-allocates): uninitialised; initialised by the call when it succeeds
 * @error: return location
 *
 * Reads a property's value from text: the one parser behind boards, command line and control
 * socket. Nothing is skipped or guessed: white space, signs and units that do not belong are
 * errors. Enumerations are written by nick, flags as nicks joined by "|" or "," ("" and "none" are
 * no flags).
 *
 * Returns: %FALSE with %VMT_ERROR_INVALID, %VMT_ERROR_NOT_FOUND (a link) or %VMT_ERROR_UNSUPPORTED
 * (a type without text)
 */
gboolean
vmt_value_parse (GParamSpec *pspec, const char *text, VmtObject *scope, GValue *value,
                 GError **error)
{
  g_return_val_if_fail (G_IS_PARAM_SPEC (pspec), FALSE);
  g_return_val_if_fail (text != NULL, FALSE);
  g_return_val_if_fail (value != NULL && !G_IS_VALUE (value), FALSE);

  pspec = behind (pspec);
  g_value_init (value, pspec->value_type);
  if (parse_into (pspec, text, scope, value, error))
    return TRUE;
  g_value_unset (value);
  return _vmt_error_clean (error);
}

/* With as few digits as are read back as the same number. */
static char *
format_double (double number, guint digits, gboolean single)
{
  char buffer[G_ASCII_DTOSTR_BUF_SIZE], format[] = "%.15g";

  for (;; digits++)
    {
      double again;

      g_snprintf (format, sizeof format, "%%.%ug", digits);
      again = g_ascii_strtod (g_ascii_formatd (buffer, sizeof buffer, format, number), NULL);
      if (digits >= 17 || (single ? (float)again == (float)number : again == number))
        return g_strdup (buffer);
    }
}

static char *
format_flags (GType type, guint flags)
{
  g_autoptr (GFlagsClass) klass = g_type_class_ref (type);
  g_autoptr (GString) text = g_string_new (NULL);
  guint rest = flags;

  for (guint i = 0; i < klass->n_values; i++)
    {
      guint bits = klass->values[i].value;

      if ((bits != 0 && (rest & bits) != 0 && (flags & bits) == bits) || (flags == 0 && bits == 0))
        {
          g_string_append_printf (text, "%s%s", text->len > 0 ? "|" : "",
                                  klass->values[i].value_nick);
          rest &= ~bits;
          if (flags == 0)
            break;
        }
    }
  return text->len > 0 ? g_strdup (text->str) : g_strdup ("none");
}

/**
 * vmt_value_format:
 * @pspec: the property
 * @value: a value of its type
 *
 * Returns: (transfer full): text that vmt_value_parse() reads as the same value; %NULL strings and
 * links are ""
 */
char *
vmt_value_format (GParamSpec *pspec, const GValue *value)
{
  g_return_val_if_fail (G_IS_PARAM_SPEC (pspec), NULL);
  g_return_val_if_fail (G_IS_VALUE (value), NULL);

  switch (vmt_param_spec_get_kind (pspec))
    {
    case VMT_PARAM_SIZE:
      return vmt_format_size (g_value_get_uint64 (value));
    case VMT_PARAM_ADDRESS:
      return g_strdup_printf ("0x%" G_GINT64_MODIFIER "x", g_value_get_uint64 (value));
    case VMT_PARAM_TIME:
      return _vmt_format_time (g_value_get_uint64 (value));
    case VMT_PARAM_LINK:
      {
        GObject *object = g_value_get_object (value);

        return VMT_IS_OBJECT (object) ? vmt_object_dup_path (VMT_OBJECT (object)) : g_strdup ("");
      }
    case VMT_PARAM_LIST:
      return _vmt_format_list (g_value_get_boxed (value));
    case VMT_PARAM_FEATURE:
    case VMT_PARAM_FILE:
    case VMT_PARAM_PLAIN:
      break;
    }

  switch (G_TYPE_FUNDAMENTAL (G_VALUE_TYPE (value)))
    {
    case G_TYPE_BOOLEAN:
      return g_strdup (g_value_get_boolean (value) ? "on" : "off");
    case G_TYPE_CHAR:
      return g_strdup_printf ("%d", g_value_get_schar (value));
    case G_TYPE_UCHAR:
      return g_strdup_printf ("%u", g_value_get_uchar (value));
    case G_TYPE_INT:
      return g_strdup_printf ("%d", g_value_get_int (value));
    case G_TYPE_UINT:
      return g_strdup_printf ("%u", g_value_get_uint (value));
    case G_TYPE_LONG:
      return g_strdup_printf ("%ld", g_value_get_long (value));
    case G_TYPE_ULONG:
      return g_strdup_printf ("%lu", g_value_get_ulong (value));
    case G_TYPE_INT64:
      return g_strdup_printf ("%" G_GINT64_FORMAT, g_value_get_int64 (value));
    case G_TYPE_UINT64:
      return g_strdup_printf ("%" G_GUINT64_FORMAT, g_value_get_uint64 (value));
    case G_TYPE_FLOAT:
      return format_double (g_value_get_float (value), 6, TRUE);
    case G_TYPE_DOUBLE:
      return format_double (g_value_get_double (value), 15, FALSE);
    case G_TYPE_STRING:
      return g_strdup (g_value_get_string (value) != NULL ? g_value_get_string (value) : "");
    case G_TYPE_ENUM:
      {
        g_autoptr (GEnumClass) klass = g_type_class_ref (G_VALUE_TYPE (value));
        GEnumValue *found = g_enum_get_value (klass, g_value_get_enum (value));

        return g_strdup (found != NULL ? found->value_nick : "");
      }
    case G_TYPE_FLAGS:
      return format_flags (G_VALUE_TYPE (value), g_value_get_flags (value));
    default:
      return g_strdup_value_contents (value);
    }
}
