/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "vmt-param.h"

#include "vmt-value.h"

/* The kind and the feature kind ride on stock GParamSpecs as qdata, so that bindings see nothing
 * unusual. */
static G_DEFINE_QUARK (vmt_param_kind, vmt_param_kind)
static G_DEFINE_QUARK (vmt_param_feature_kind, vmt_param_feature_kind)

static GParamSpec *
with_kind (GParamSpec *pspec, VmtParamKind kind)
{
  if (pspec != NULL)
    g_param_spec_set_qdata (pspec, vmt_param_kind_quark (), GINT_TO_POINTER (kind));
  return pspec;
}

/**
 * vmt_param_spec_size:
 * @name: canonical name
 * @blurb: one sentence for people
 * @min: bytes
 * @max: bytes
 * @value: default, bytes
 * @flags: #GParamFlags and `VMT_PARAM_` flags
 *
 * Returns: (transfer floating): a #guint64 property whose text is a size, such as "64K"
 */
GParamSpec *
vmt_param_spec_size (const char *name, const char *blurb, guint64 min, guint64 max, guint64 value,
                     GParamFlags flags)
{
  return with_kind (g_param_spec_uint64 (name, NULL, blurb, min, max, value, flags),
                    VMT_PARAM_SIZE);
}

/**
 * vmt_param_spec_address:
 * @name: canonical name
 * @blurb: one sentence for people
 * @value: default
 * @flags: #GParamFlags and `VMT_PARAM_` flags
 *
 * Returns: (transfer floating): a #guint64 property for guest physical addresses, whose text is
 * hexadecimal
 */
GParamSpec *
vmt_param_spec_address (const char *name, const char *blurb, guint64 value, GParamFlags flags)
{
  return with_kind (g_param_spec_uint64 (name, NULL, blurb, 0, G_MAXUINT64, value, flags),
                    VMT_PARAM_ADDRESS);
}

/**
 * vmt_param_spec_link:
 * @name: canonical name
 * @blurb: one sentence for people
 * @type: a #VmtObject type, or an interface that requires one
 * @flags: #GParamFlags and `VMT_PARAM_` flags
 *
 * Returns: (transfer floating): an object property whose text is the path of an object in the same
 * tree
 */
GParamSpec *
vmt_param_spec_link (const char *name, const char *blurb, GType type, GParamFlags flags)
{
  return with_kind (g_param_spec_object (name, NULL, blurb, type, flags), VMT_PARAM_LINK);
}

/**
 * vmt_param_spec_feature:
 * @name: canonical name
 * @blurb: one sentence for people
 * @kind: the nick of a #VmtFeatureKind, such as "tier"; static
 * @value: (nullable): default
 * @flags: #GParamFlags and `VMT_PARAM_` flags
 *
 * Returns: (transfer floating): a string property that names a feature of the registry
 */
GParamSpec *
vmt_param_spec_feature (const char *name, const char *blurb, const char *kind, const char *value,
                        GParamFlags flags)
{
  GParamSpec *pspec;

  g_return_val_if_fail (kind != NULL, NULL);

  pspec = with_kind (g_param_spec_string (name, NULL, blurb, value, flags), VMT_PARAM_FEATURE);
  if (pspec != NULL)
    g_param_spec_set_qdata (pspec, vmt_param_feature_kind_quark (),
                            (gpointer)g_intern_string (kind));
  return pspec;
}

/**
 * vmt_param_spec_file:
 * @name: canonical name
 * @blurb: one sentence for people
 * @flags: #GParamFlags and `VMT_PARAM_` flags
 *
 * Returns: (transfer floating): a string property for a path on the host
 */
GParamSpec *
vmt_param_spec_file (const char *name, const char *blurb, GParamFlags flags)
{
  return with_kind (g_param_spec_string (name, NULL, blurb, NULL, flags), VMT_PARAM_FILE);
}

/**
 * vmt_param_spec_list:
 * @name: canonical name
 * @blurb: one sentence for people
 * @flags: #GParamFlags and `VMT_PARAM_` flags
 *
 * Returns: (transfer floating): a #GStrv property whose text is separated by commas
 */
GParamSpec *
vmt_param_spec_list (const char *name, const char *blurb, GParamFlags flags)
{
  return with_kind (g_param_spec_boxed (name, NULL, blurb, G_TYPE_STRV, flags), VMT_PARAM_LIST);
}

/**
 * vmt_param_spec_time:
 * @name: canonical name
 * @blurb: one sentence for people
 * @min: nanoseconds
 * @max: nanoseconds
 * @value: default, nanoseconds
 * @flags: #GParamFlags and `VMT_PARAM_` flags
 *
 * Returns: (transfer floating): a #guint64 property whose text is a duration, such as "10ms"
 */
GParamSpec *
vmt_param_spec_time (const char *name, const char *blurb, guint64 min, guint64 max, guint64 value,
                     GParamFlags flags)
{
  return with_kind (g_param_spec_uint64 (name, NULL, blurb, min, max, value, flags),
                    VMT_PARAM_TIME);
}

/* An overridden property stands for another one, which has the kind. */
static GParamSpec *
behind (GParamSpec *pspec)
{
  GParamSpec *target = g_param_spec_get_redirect_target (pspec);

  return target != NULL ? target : pspec;
}

/**
 * vmt_param_spec_get_kind:
 * @pspec: any property
 *
 * Returns: what the text of the property looks like; %VMT_PARAM_PLAIN when its #GType says it all
 */
VmtParamKind
vmt_param_spec_get_kind (GParamSpec *pspec)
{
  VmtParamKind kind;

  g_return_val_if_fail (G_IS_PARAM_SPEC (pspec), VMT_PARAM_PLAIN);

  pspec = behind (pspec);
  kind = GPOINTER_TO_INT (g_param_spec_get_qdata (pspec, vmt_param_kind_quark ()));
  /* These two are what their types say even when made with GLib's own functions. */
  if (kind == VMT_PARAM_PLAIN && pspec->value_type == G_TYPE_STRV)
    return VMT_PARAM_LIST;
  if (kind == VMT_PARAM_PLAIN && g_type_is_a (pspec->value_type, VMT_TYPE_OBJECT))
    return VMT_PARAM_LINK;
  return kind;
}

/**
 * vmt_param_spec_get_feature_kind:
 * @pspec: any property
 *
 * Returns: (nullable): the feature kind's nick of a %VMT_PARAM_FEATURE
 */
const char *
vmt_param_spec_get_feature_kind (GParamSpec *pspec)
{
  g_return_val_if_fail (G_IS_PARAM_SPEC (pspec), NULL);

  return g_param_spec_get_qdata (behind (pspec), vmt_param_feature_kind_quark ());
}

/**
 * vmt_param_spec_get_type_word:
 * @pspec: any property
 *
 * Returns: the word for the property's type in board files, JSON and messages; "opaque" for what
 * has no text
 */
const char *
vmt_param_spec_get_type_word (GParamSpec *pspec)
{
  g_return_val_if_fail (G_IS_PARAM_SPEC (pspec), NULL);

  switch (vmt_param_spec_get_kind (pspec))
    {
    case VMT_PARAM_SIZE:
      return "size";
    case VMT_PARAM_ADDRESS:
      return "address";
    case VMT_PARAM_LINK:
      return "link";
    case VMT_PARAM_FEATURE:
      return "feature";
    case VMT_PARAM_FILE:
      return "file";
    case VMT_PARAM_LIST:
      return "list";
    case VMT_PARAM_TIME:
      return "time";
    case VMT_PARAM_PLAIN:
      break;
    }

  switch (G_TYPE_FUNDAMENTAL (pspec->value_type))
    {
    case G_TYPE_BOOLEAN:
      return "bool";
    case G_TYPE_CHAR:
    case G_TYPE_INT:
    case G_TYPE_LONG:
    case G_TYPE_INT64:
      return "int";
    case G_TYPE_UCHAR:
    case G_TYPE_UINT:
    case G_TYPE_ULONG:
    case G_TYPE_UINT64:
      return "uint";
    case G_TYPE_FLOAT:
    case G_TYPE_DOUBLE:
      return "number";
    case G_TYPE_STRING:
      return "string";
    case G_TYPE_ENUM:
      return "enum";
    case G_TYPE_FLAGS:
      return "flags";
    default:
      return "opaque";
    }
}

static char *
dup_signed_range (gint64 min, gint64 max, gint64 type_min, gint64 type_max)
{
  if (min == type_min && max == type_max)
    return NULL;
  return g_strdup_printf ("%" G_GINT64_FORMAT "..%" G_GINT64_FORMAT, min, max);
}

static char *
dup_unsigned_range (GParamSpec *pspec, guint64 min, guint64 max, guint64 type_max)
{
  g_auto (GValue) value = G_VALUE_INIT;
  g_autofree char *from = NULL;
  g_autofree char *to = NULL;

  if (min == 0 && max == type_max)
    return NULL;
  if (vmt_param_spec_get_kind (pspec) == VMT_PARAM_PLAIN)
    return g_strdup_printf ("%" G_GUINT64_FORMAT "..%" G_GUINT64_FORMAT, min, max);
  g_value_init (&value, G_TYPE_UINT64);
  g_value_set_uint64 (&value, min);
  from = vmt_value_format (pspec, &value);
  if (max == type_max)
    return g_strconcat (from, "..", NULL);
  g_value_set_uint64 (&value, max);
  to = vmt_value_format (pspec, &value);
  return g_strconcat (from, "..", to, NULL);
}

static char *
dup_enum_range (GEnumClass *klass)
{
  GString *text = g_string_new (NULL);

  for (guint i = 0; i < klass->n_values; i++)
    g_string_append_printf (text, "%s%s", i > 0 ? "|" : "", klass->values[i].value_nick);
  return g_string_free (text, FALSE);
}

static char *
dup_flags_range (GFlagsClass *klass)
{
  GString *text = g_string_new (NULL);

  for (guint i = 0; i < klass->n_values; i++)
    g_string_append_printf (text, "%s%s", i > 0 ? "|" : "", klass->values[i].value_nick);
  return g_string_free (text, FALSE);
}

/**
 * vmt_param_spec_dup_range:
 * @pspec: any property
 *
 * What is allowed, as text: "0..64", "64K..16G", "off|on". A missing upper end is no limit.
 *
 * Returns: (nullable) (transfer full): %NULL when every value of the type is allowed
 */
char *
vmt_param_spec_dup_range (GParamSpec *pspec)
{
  g_return_val_if_fail (G_IS_PARAM_SPEC (pspec), NULL);

  pspec = behind (pspec);
  if (G_IS_PARAM_SPEC_BOOLEAN (pspec))
    return g_strdup ("on|off");
  if (G_IS_PARAM_SPEC_ENUM (pspec))
    return dup_enum_range (G_PARAM_SPEC_ENUM (pspec)->enum_class);
  if (G_IS_PARAM_SPEC_FLAGS (pspec))
    return dup_flags_range (G_PARAM_SPEC_FLAGS (pspec)->flags_class);
  if (G_IS_PARAM_SPEC_CHAR (pspec))
    return dup_signed_range (G_PARAM_SPEC_CHAR (pspec)->minimum, G_PARAM_SPEC_CHAR (pspec)->maximum,
                             G_MININT8, G_MAXINT8);
  if (G_IS_PARAM_SPEC_INT (pspec))
    return dup_signed_range (G_PARAM_SPEC_INT (pspec)->minimum, G_PARAM_SPEC_INT (pspec)->maximum,
                             G_MININT, G_MAXINT);
  if (G_IS_PARAM_SPEC_LONG (pspec))
    return dup_signed_range (G_PARAM_SPEC_LONG (pspec)->minimum, G_PARAM_SPEC_LONG (pspec)->maximum,
                             G_MINLONG, G_MAXLONG);
  if (G_IS_PARAM_SPEC_INT64 (pspec))
    return dup_signed_range (G_PARAM_SPEC_INT64 (pspec)->minimum,
                             G_PARAM_SPEC_INT64 (pspec)->maximum, G_MININT64, G_MAXINT64);
  if (G_IS_PARAM_SPEC_UCHAR (pspec))
    return dup_unsigned_range (pspec, G_PARAM_SPEC_UCHAR (pspec)->minimum,
                               G_PARAM_SPEC_UCHAR (pspec)->maximum, G_MAXUINT8);
  if (G_IS_PARAM_SPEC_UINT (pspec))
    return dup_unsigned_range (pspec, G_PARAM_SPEC_UINT (pspec)->minimum,
                               G_PARAM_SPEC_UINT (pspec)->maximum, G_MAXUINT);
  if (G_IS_PARAM_SPEC_ULONG (pspec))
    return dup_unsigned_range (pspec, G_PARAM_SPEC_ULONG (pspec)->minimum,
                               G_PARAM_SPEC_ULONG (pspec)->maximum, G_MAXULONG);
  if (G_IS_PARAM_SPEC_UINT64 (pspec))
    return dup_unsigned_range (pspec, G_PARAM_SPEC_UINT64 (pspec)->minimum,
                               G_PARAM_SPEC_UINT64 (pspec)->maximum, G_MAXUINT64);
  if (G_IS_PARAM_SPEC_DOUBLE (pspec) && (G_PARAM_SPEC_DOUBLE (pspec)->minimum > -G_MAXDOUBLE ||
                                         G_PARAM_SPEC_DOUBLE (pspec)->maximum < G_MAXDOUBLE))
    {
      char from[G_ASCII_DTOSTR_BUF_SIZE], to[G_ASCII_DTOSTR_BUF_SIZE];

      return g_strconcat (
          g_ascii_formatd (from, sizeof from, "%.15g", G_PARAM_SPEC_DOUBLE (pspec)->minimum), "..",
          g_ascii_formatd (to, sizeof to, "%.15g", G_PARAM_SPEC_DOUBLE (pspec)->maximum), NULL);
    }
  return NULL;
}
