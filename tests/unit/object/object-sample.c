/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "object-sample.h"

typedef enum
{
  SAMPLE_SLOW,
  SAMPLE_QUICK,
  SAMPLE_VERY_QUICK,
} SampleSpeed;

static GType
sample_speed_get_type (void)
{
  static const GEnumValue values[] = {
    { SAMPLE_SLOW, "SAMPLE_SLOW", "slow" },
    { SAMPLE_QUICK, "SAMPLE_QUICK", "quick" },
    { SAMPLE_VERY_QUICK, "SAMPLE_VERY_QUICK", "very-quick" },
    { 0, NULL, NULL },
  };
  static gsize type = 0;

  if (g_once_init_enter (&type))
    g_once_init_leave (&type, g_enum_register_static ("SampleSpeed", values));
  return type;
}

static GType
sample_bits_get_type (void)
{
  static const GFlagsValue values[] = {
    { 1, "SAMPLE_A", "a" },   { 2, "SAMPLE_B", "b" }, { 4, "SAMPLE_LONG", "long-one" },
    { 3, "SAMPLE_AB", "ab" }, { 0, NULL, NULL },
  };
  static gsize type = 0;

  if (g_once_init_enter (&type))
    g_once_init_leave (&type, g_flags_register_static ("SampleBits", values));
  return type;
}

enum
{
  PROP_BOOL = 1,
  PROP_CHAR,
  PROP_UCHAR,
  PROP_INT,
  PROP_UINT,
  PROP_LONG,
  PROP_ULONG,
  PROP_INT64,
  PROP_UINT64,
  PROP_FLOAT,
  PROP_DOUBLE,
  PROP_STRING,
  PROP_ENUM,
  PROP_FLAGS,
  PROP_SIZE,
  PROP_ADDRESS,
  PROP_TIME,
  PROP_LINK,
  PROP_FEATURE,
  PROP_FILE,
  PROP_LIST,
  PROP_NARROW_INT,
  PROP_NARROW_UINT,
  PROP_NARROW_DOUBLE,
  PROP_LIVE,
  PROP_READ_ONLY,
  PROP_WRITE_ONLY,
  PROP_CONSTRUCT_ONLY,
  PROP_OPAQUE,
  N_PROPERTIES
};

struct _Sample
{
  VmtObject parent_instance;
  GValue values[N_PROPERTIES];
  guint n_set;
};

G_DEFINE_FINAL_TYPE (Sample, sample, VMT_TYPE_OBJECT)

static void
sample_get_property (GObject *object, guint id, GValue *value, GParamSpec *pspec)
{
  Sample *self = SAMPLE_SAMPLE (object);

  if (G_IS_VALUE (&self->values[id]))
    g_value_copy (&self->values[id], value);
  else
    g_param_value_set_default (pspec, value);
}

static void
sample_set_property (GObject *object, guint id, const GValue *value, GParamSpec *pspec)
{
  Sample *self = SAMPLE_SAMPLE (object);

  if (!G_IS_VALUE (&self->values[id]))
    g_value_init (&self->values[id], pspec->value_type);
  g_value_copy (value, &self->values[id]);
  self->n_set++;
}

static void
sample_finalize (GObject *object)
{
  Sample *self = SAMPLE_SAMPLE (object);

  for (guint i = 1; i < N_PROPERTIES; i++)
    if (G_IS_VALUE (&self->values[i]))
      g_value_unset (&self->values[i]);
  G_OBJECT_CLASS (sample_parent_class)->finalize (object);
}

static void
sample_class_init (SampleClass *klass)
{
  static const VmtEventSpec tick = { "tick", NULL, "Nothing more happened." };
  static const VmtEventSpec value = { "value", "(su)", "A value is new." };
  const GParamFlags rw = G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS;
  GObjectClass *object_class = G_OBJECT_CLASS (klass);
  GParamSpec *pspecs[N_PROPERTIES] = {
    [PROP_BOOL] = g_param_spec_boolean ("bool", NULL, "b", FALSE, rw),
    [PROP_CHAR] = g_param_spec_char ("char", NULL, "c", G_MININT8, G_MAXINT8, 0, rw),
    [PROP_UCHAR] = g_param_spec_uchar ("uchar", NULL, "c", 0, G_MAXUINT8, 0, rw),
    [PROP_INT] = g_param_spec_int ("int", NULL, "i", G_MININT, G_MAXINT, 0, rw),
    [PROP_UINT] = g_param_spec_uint ("uint", NULL, "u", 0, G_MAXUINT, 0, rw),
    [PROP_LONG] = g_param_spec_long ("long", NULL, "l", G_MINLONG, G_MAXLONG, 0, rw),
    [PROP_ULONG] = g_param_spec_ulong ("ulong", NULL, "l", 0, G_MAXULONG, 0, rw),
    [PROP_INT64] = g_param_spec_int64 ("int64", NULL, "i", G_MININT64, G_MAXINT64, 0, rw),
    [PROP_UINT64] = g_param_spec_uint64 ("uint64", NULL, "u", 0, G_MAXUINT64, 0, rw),
    [PROP_FLOAT] = g_param_spec_float ("float", NULL, "f", -G_MAXFLOAT, G_MAXFLOAT, 0, rw),
    [PROP_DOUBLE] = g_param_spec_double ("double", NULL, "d", -G_MAXDOUBLE, G_MAXDOUBLE, 0, rw),
    [PROP_STRING] = g_param_spec_string ("string", NULL, "s", "none", rw),
    [PROP_ENUM] = g_param_spec_enum ("enum", NULL, "e", sample_speed_get_type (), SAMPLE_SLOW, rw),
    [PROP_FLAGS] = g_param_spec_flags ("flags", NULL, "f", sample_bits_get_type (), 0, rw),
    [PROP_SIZE] = vmt_param_spec_size ("size", "s", 4096, G_GUINT64_CONSTANT (1) << 40, 4096, rw),
    [PROP_ADDRESS] = vmt_param_spec_address ("address", "a", 0, rw),
    [PROP_TIME] = vmt_param_spec_time ("time", "t", 0, G_MAXUINT64, 0, rw),
    [PROP_LINK] = vmt_param_spec_link ("link", "l", SAMPLE_TYPE, rw),
    [PROP_FEATURE] = vmt_param_spec_feature ("feature", "f", "tier", "auto", rw),
    [PROP_FILE] = vmt_param_spec_file ("file", "f", rw | VMT_PARAM_HOST),
    [PROP_LIST] = vmt_param_spec_list ("list", "l", rw),
    [PROP_NARROW_INT] = g_param_spec_int ("narrow-int", NULL, "i", -5, 7, 0, rw),
    [PROP_NARROW_UINT] = g_param_spec_uint ("narrow-uint", NULL, "u", 1, 64, 1, rw),
    [PROP_NARROW_DOUBLE] = g_param_spec_double ("narrow-double", NULL, "d", 0.5, 1.5, 1, rw),
    [PROP_LIVE] = g_param_spec_uint ("live", NULL, "u", 0, G_MAXUINT, 0, rw | VMT_PARAM_LIVE),
    [PROP_READ_ONLY] = g_param_spec_uint ("read-only", NULL, "u", 0, 9, 3,
                                          G_PARAM_READABLE | G_PARAM_STATIC_STRINGS),
    [PROP_WRITE_ONLY] = g_param_spec_uint ("write-only", NULL, "u", 0, 9, 0,
                                           G_PARAM_WRITABLE | G_PARAM_STATIC_STRINGS),
    [PROP_CONSTRUCT_ONLY] =
        g_param_spec_uint ("construct-only", NULL, "u", 0, 9, 0, rw | G_PARAM_CONSTRUCT_ONLY),
    [PROP_OPAQUE] = g_param_spec_pointer ("opaque", NULL, "p", rw),
  };

  object_class->get_property = sample_get_property;
  object_class->set_property = sample_set_property;
  object_class->finalize = sample_finalize;
  g_object_class_install_properties (object_class, N_PROPERTIES, pspecs);
  vmt_object_class_install_event (VMT_OBJECT_CLASS (klass), &tick);
  vmt_object_class_install_event (VMT_OBJECT_CLASS (klass), &value);
}

static void
sample_init (Sample *self)
{
}

Sample *
sample_new (void)
{
  return g_object_new (SAMPLE_TYPE, NULL);
}

guint
sample_get_n_set (Sample *self)
{
  return self->n_set;
}
