/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The place of a device that nobody has written yet, for those who bring up a board: software that
 * pokes at it goes on (it reads one value everywhere), and each access is a guest-error record. */

#include "vmt.h"

#define VMT_TYPE_UNIMPLEMENTED (vmt_unimplemented_get_type ())
G_DECLARE_FINAL_TYPE (VmtUnimplemented, vmt_unimplemented, VMT, UNIMPLEMENTED, VmtDevice)

struct _VmtUnimplemented
{
  VmtDevice parent_instance;
  guint64 size, value;
};

G_DEFINE_FINAL_TYPE (VmtUnimplemented, vmt_unimplemented, VMT_TYPE_DEVICE)

enum
{
  PROP_0,
  PROP_SIZE,
  PROP_VALUE,
};

static VmtMemStatus
read_value (gpointer opaque, guint64 offset, guint size, guint64 *value)
{
  VmtUnimplemented *self = opaque;

  *value = size < 8 ? self->value & ((G_GUINT64_CONSTANT (1) << (size * 8)) - 1) : self->value;
  vmt_device_guest_error (opaque, "read of a device that is not implemented", offset);
  return VMT_MEM_OK;
}

static VmtMemStatus
ignore_write (gpointer opaque, guint64 offset, guint size, guint64 value)
{
  vmt_device_guest_error (opaque, "write to a device that is not implemented", offset);
  return VMT_MEM_OK;
}

static const VmtMmioOps ops = {
  .read = read_value,
  .write = ignore_write,
  .min_size = 1,
  .max_size = 8,
};

static const VmtRegionSpec regions[] = {
  { .name = "registers", .ops = &ops },
  { .name = NULL },
};

static gboolean
vmt_unimplemented_prepare (VmtDevice *device, GError **error)
{
  vmt_device_set_region_size (device, 0, VMT_UNIMPLEMENTED (device)->size);
  return TRUE;
}

static void
vmt_unimplemented_get_property (GObject *object, guint id, GValue *value, GParamSpec *pspec)
{
  VmtUnimplemented *self = VMT_UNIMPLEMENTED (object);

  if (id == PROP_SIZE)
    g_value_set_uint64 (value, self->size);
  else if (id == PROP_VALUE)
    g_value_set_uint64 (value, self->value);
  else
    G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
}

static void
vmt_unimplemented_set_property (GObject *object, guint id, const GValue *value, GParamSpec *pspec)
{
  VmtUnimplemented *self = VMT_UNIMPLEMENTED (object);

  if (id == PROP_SIZE)
    self->size = g_value_get_uint64 (value);
  else if (id == PROP_VALUE)
    self->value = g_value_get_uint64 (value);
  else
    G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
}

static void
vmt_unimplemented_class_init (VmtUnimplementedClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);
  VmtDeviceClass *device_class = VMT_DEVICE_CLASS (klass);

  object_class->get_property = vmt_unimplemented_get_property;
  object_class->set_property = vmt_unimplemented_set_property;
  device_class->regions = regions;
  device_class->text = "The place of a device that is not implemented: tells of each access";
  device_class->prepare = vmt_unimplemented_prepare;
  g_object_class_install_property (
      object_class, PROP_SIZE,
      vmt_param_spec_size ("size", "Bytes that it takes up", 1, G_MAXINT64, VMT_PAGE_SIZE,
                           G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS));
  g_object_class_install_property (
      object_class, PROP_VALUE,
      g_param_spec_uint64 ("value", NULL, "What it reads as, everywhere", 0, G_MAXUINT64, 0,
                           G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS | VMT_PARAM_LIVE));
}

static void
vmt_unimplemented_init (VmtUnimplemented *self)
{
  self->size = VMT_PAGE_SIZE;
}

static const VmtFeature features[] = {
  { VMT_FEATURE_DEVICE, "unimplemented", 0, vmt_unimplemented_get_type },
  { .name = NULL },
};

VMT_PLUGIN_DEFINE (unimplemented, "unimplemented", "The place of a device that is not implemented",
                   0, features, NULL);
