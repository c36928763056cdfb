/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "vmt.h"

/* No firmware: the program gets the processors as they come out of reset, in their highest mode,
 * with their number and the device tree as arguments. */
#define VMT_TYPE_FIRMWARE_NONE (vmt_firmware_none_get_type ())
G_DECLARE_FINAL_TYPE (VmtFirmwareNone, vmt_firmware_none, VMT, FIRMWARE_NONE, VmtFirmware)

struct _VmtFirmwareNone
{
  VmtFirmware parent_instance;
};

G_DEFINE_FINAL_TYPE (VmtFirmwareNone, vmt_firmware_none, VMT_TYPE_FIRMWARE)

static gboolean
vmt_firmware_none_prepare (VmtFirmware *firmware, VmtMachine *machine, GError **error)
{
  const char *kernel = vmt_firmware_get_kernel (firmware);

  if (kernel == NULL || *kernel == '\0')
    {
      g_set_error_literal (error, VMT_ERROR, VMT_ERROR_INVALID,
                           "there is nothing to run: give an ELF program with --kernel FILE");
      return FALSE;
    }
  return TRUE;
}

static gboolean
vmt_firmware_none_boot (VmtFirmware *firmware, VmtMachine *machine, GError **error)
{
  VmtBootFiles files;
  guint64 base, size;

  if (!vmt_boot_get_memory (machine, &base, &size, error) ||
      !vmt_boot_load (firmware, machine, base, 0, &files, error))
    return FALSE;
  for (guint i = 0; i < vmt_machine_get_n_cpus (machine); i++)
    {
      const guint64 arguments[] = { i, files.device_tree };

      vmt_boot_start_cpu (vmt_machine_get_cpu (machine, i), files.kernel.entry, arguments, 2, NULL,
                          NULL);
    }
  return TRUE;
}

static void
vmt_firmware_none_class_init (VmtFirmwareNoneClass *klass)
{
  VMT_FIRMWARE_CLASS (klass)->prepare = vmt_firmware_none_prepare;
  VMT_FIRMWARE_CLASS (klass)->boot = vmt_firmware_none_boot;
}

static void
vmt_firmware_none_init (VmtFirmwareNone *self)
{
}

static const VmtFeature features[] = {
  { VMT_FEATURE_FIRMWARE, "none", -100, vmt_firmware_none_get_type },
  { 0 },
};

VMT_PLUGIN_DEFINE (firmware_none, "firmware-none", "Starts a bare-metal program", 0, features,
                   NULL);
