/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The paravirtual panic device: a register in which a guest reports that it crashed. */

#include "vmt-pvpanic-private.h"

struct _VmtPvpanic
{
  VmtDevice parent_instance;
};

#define VMT_TYPE_PVPANIC (vmt_pvpanic_get_type ())
G_DECLARE_FINAL_TYPE (VmtPvpanic, vmt_pvpanic, VMT, PVPANIC, VmtDevice)
G_DEFINE_FINAL_TYPE (VmtPvpanic, vmt_pvpanic, VMT_TYPE_DEVICE)

/* A guest with a crash kernel goes on by itself. */
static const VmtEventSpec crash_loaded = {
  .name = "crash-loaded",
  .signature = NULL,
  .text = "the guest crashed and starts its crash kernel",
};

void
_vmt_pvpanic_class_init (VmtDeviceClass *klass)
{
  vmt_object_class_install_event (VMT_OBJECT_CLASS (klass), &crash_loaded);
}

void
_vmt_pvpanic_report (gpointer device, guint index, guint64 value)
{
  if ((value & ~(guint64)PVPANIC_EVENTS) != 0)
    vmt_device_guest_error (device, "unknown panic event", value);
  if ((value & PVPANIC_PANICKED) != 0)
    vmt_machine_report_panic (vmt_device_get_machine (device), "pvpanic");
  else if ((value & PVPANIC_CRASH_LOADED) != 0)
    vmt_object_emit (VMT_OBJECT (device), "crash-loaded", NULL);
}

static const VmtDeviceRegister registers[] = {
  { .name = "EVENTS",
    .offset = 0,
    .size = 1,
    .field = -1,
    .reset = PVPANIC_EVENTS,
    .write = _vmt_pvpanic_report,
    .text = "events that can be reported (read), one that happened (write)" },
  VMT_REGISTERS_END,
};

static const VmtRegionSpec regions[] = {
  { .name = "registers", .size = 2, .registers = registers },
  { .name = NULL },
};

static void
vmt_pvpanic_describe (VmtDevice *device, VmtFirmwareNode *node)
{
  static const char *const compatible[] = { "qemu,pvpanic-mmio", NULL };

  vmt_firmware_node_set_name (node, "pvpanic");
  vmt_firmware_node_set_compatible (node, compatible);
  vmt_firmware_node_set_hid (node, "QEMU0001", NULL);
}

static void
vmt_pvpanic_class_init (VmtPvpanicClass *klass)
{
  VmtDeviceClass *device_class = VMT_DEVICE_CLASS (klass);

  device_class->text = "reports a guest's crash, reached through a register";
  device_class->regions = regions;
  device_class->describe = vmt_pvpanic_describe;
  _vmt_pvpanic_class_init (device_class);
}

static void
vmt_pvpanic_init (VmtPvpanic *self)
{
}

static const VmtFeature features[] = {
  { .kind = VMT_FEATURE_DEVICE, .name = "pvpanic", .get_type = vmt_pvpanic_get_type },
  { .kind = VMT_FEATURE_DEVICE, .name = "pvpanic-pci", .get_type = vmt_pvpanic_pci_get_type },
  { .name = NULL },
};

VMT_PLUGIN_DEFINE (pvpanic, "pvpanic", "paravirtual panic device", 0, features, NULL);
