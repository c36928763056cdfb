/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "vmt-firmware.h"

#include "vmt-error.h"
#include "vmt-param.h"

typedef struct
{
  char *kernel, *initrd, *append, *file;
  VmtDeviceTreeFunc device_tree;
  gpointer device_tree_data;
} VmtFirmwarePrivate;

G_DEFINE_ABSTRACT_TYPE_WITH_PRIVATE (VmtFirmware, vmt_firmware, VMT_TYPE_OBJECT)

enum
{
  PROP_KERNEL = 1,
  PROP_INITRD,
  PROP_APPEND,
  PROP_FILE,
  N_PROPS
};

static VmtFirmwarePrivate *
get_priv (VmtFirmware *self)
{
  return vmt_firmware_get_instance_private (self);
}

static char **
find_text (VmtFirmware *self, guint id)
{
  VmtFirmwarePrivate *priv = get_priv (self);
  switch (id)
    {
    case PROP_KERNEL:
      return &priv->kernel;
    case PROP_INITRD:
      return &priv->initrd;
    case PROP_APPEND:
      return &priv->append;
    case PROP_FILE:
      return &priv->file;
    default:
      return NULL;
    }
}

static void
vmt_firmware_set_property (GObject *object, guint id, const GValue *value, GParamSpec *pspec)
{
  char **text = find_text (VMT_FIRMWARE (object), id);
  if (text == NULL)
    {
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
      return;
    }
  g_free (*text);
  *text = g_value_dup_string (value);
}

static void
vmt_firmware_get_property (GObject *object, guint id, GValue *value, GParamSpec *pspec)
{
  char **text = find_text (VMT_FIRMWARE (object), id);
  if (text == NULL)
    G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
  else
    g_value_set_string (value, *text);
}

static void
vmt_firmware_finalize (GObject *object)
{
  VmtFirmwarePrivate *priv = get_priv (VMT_FIRMWARE (object));
  g_free (priv->kernel);
  g_free (priv->initrd);
  g_free (priv->append);
  g_free (priv->file);
  G_OBJECT_CLASS (vmt_firmware_parent_class)->finalize (object);
}

static void
vmt_firmware_class_init (VmtFirmwareClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);
  const GParamFlags flags = G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS | VMT_PARAM_HOST;

  object_class->set_property = vmt_firmware_set_property;
  object_class->get_property = vmt_firmware_get_property;
  object_class->finalize = vmt_firmware_finalize;
  g_object_class_install_property (
      object_class, PROP_KERNEL,
      vmt_param_spec_file ("kernel", "Kernel, or the program, that is started", flags));
  g_object_class_install_property (
      object_class, PROP_INITRD,
      vmt_param_spec_file ("initrd", "Initial RAM file system for the kernel", flags));
  g_object_class_install_property (
      object_class, PROP_APPEND,
      g_param_spec_string ("append", NULL, "Command line of the kernel", NULL,
                           G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS));
  g_object_class_install_property (
      object_class, PROP_FILE,
      vmt_param_spec_file ("file", "Code of the firmware, where it is not built in", flags));
}

static void
vmt_firmware_init (VmtFirmware *self)
{
  (void)self;
}

gboolean
vmt_firmware_prepare (VmtFirmware *self, VmtMachine *machine, GError **error)
{
  g_return_val_if_fail (VMT_IS_FIRMWARE (self), FALSE);
  VmtFirmwareClass *klass = VMT_FIRMWARE_GET_CLASS (self);
  return klass->prepare == NULL || klass->prepare (self, machine, error);
}

gboolean
vmt_firmware_boot (VmtFirmware *self, VmtMachine *machine, GError **error)
{
  g_return_val_if_fail (VMT_IS_FIRMWARE (self), FALSE);
  VmtFirmwareClass *klass = VMT_FIRMWARE_GET_CLASS (self);
  if (klass->boot == NULL)
    {
      g_set_error (error, VMT_ERROR, VMT_ERROR_UNSUPPORTED, "firmware %s cannot boot a machine",
                   G_OBJECT_TYPE_NAME (self));
      return FALSE;
    }
  return klass->boot (self, machine, error);
}

gboolean
vmt_firmware_call (VmtFirmware *self, VmtCpu *cpu)
{
  VmtFirmwareClass *klass = VMT_FIRMWARE_GET_CLASS (self);
  return klass->call != NULL && klass->call (self, cpu);
}

const char *
vmt_firmware_get_kernel (VmtFirmware *self)
{
  return get_priv (self)->kernel;
}

const char *
vmt_firmware_get_initrd (VmtFirmware *self)
{
  return get_priv (self)->initrd;
}

const char *
vmt_firmware_get_append (VmtFirmware *self)
{
  return get_priv (self)->append;
}

const char *
vmt_firmware_get_file (VmtFirmware *self)
{
  return get_priv (self)->file;
}

void
vmt_firmware_set_device_tree (VmtFirmware *self, VmtDeviceTreeFunc func, gpointer data)
{
  VmtFirmwarePrivate *priv = get_priv (self);
  priv->device_tree = func;
  priv->device_tree_data = data;
}

GBytes *
vmt_firmware_make_device_tree (VmtFirmware *self, VmtMachine *machine, guint64 initrd_start,
                               guint64 initrd_end, GError **error)
{
  VmtFirmwarePrivate *priv = get_priv (self);
  if (priv->device_tree == NULL)
    {
      g_set_error (error, VMT_ERROR, VMT_ERROR_STATE,
                   "machine '%s' was not made from a board: nobody writes its device tree",
                   vmt_machine_get_name (machine));
      return NULL;
    }
  return priv->device_tree (machine, initrd_start, initrd_end, priv->device_tree_data, error);
}
