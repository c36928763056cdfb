/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "vmt.h"

/* A port with nothing plugged in: takes everything, gives nothing. */
#define VMT_TYPE_CHAR_NULL (vmt_char_null_get_type ())
G_DECLARE_FINAL_TYPE (VmtCharNull, vmt_char_null, VMT, CHAR_NULL, VmtChar)

struct _VmtCharNull
{
  VmtChar parent_instance;
};

G_DEFINE_FINAL_TYPE (VmtCharNull, vmt_char_null, VMT_TYPE_CHAR)

static gsize
vmt_char_null_write (VmtChar *stream, const guint8 *data, gsize size)
{
  return size;
}

static void
vmt_char_null_class_init (VmtCharNullClass *klass)
{
  VMT_CHAR_CLASS (klass)->write = vmt_char_null_write;
}

static void
vmt_char_null_init (VmtCharNull *self)
{
}

static const VmtFeature features[] = {
  { VMT_FEATURE_CHAR, "null", 0, vmt_char_null_get_type },
  { 0 },
};

VMT_PLUGIN_DEFINE (char_null, "char-null", "Serial port with nothing plugged in", 0, features,
                   NULL);
