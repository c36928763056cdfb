/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The paravirtual panic device as a PCI function. */

#include "vmt-pvpanic-private.h"

#define VENDOR_ID 0x1b36
#define DEVICE_ID 0x0011
#define CLASS_CODE 0x088000 /* other system peripheral */

struct _VmtPvpanicPci
{
  VmtPciDevice parent_instance;
};

#define VMT_TYPE_PVPANIC_PCI (vmt_pvpanic_pci_get_type ())
G_DECLARE_FINAL_TYPE (VmtPvpanicPci, vmt_pvpanic_pci, VMT, PVPANIC_PCI, VmtPciDevice)
G_DEFINE_FINAL_TYPE (VmtPvpanicPci, vmt_pvpanic_pci, VMT_TYPE_PCI_DEVICE)

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
  { .name = "registers", .size = 0x1000, .registers = registers },
  { .name = NULL },
};

static const VmtStateField state[] = {
  VMT_PCI_STATE,
  VMT_STATE_END,
};

static gboolean
vmt_pvpanic_pci_realize (VmtDevice *device, GError **error)
{
  vmt_pci_device_add_bar (VMT_PCI_DEVICE (device), 0, 0, FALSE, FALSE);
  return VMT_DEVICE_CLASS (vmt_pvpanic_pci_parent_class)->realize (device, error);
}

static void
vmt_pvpanic_pci_class_init (VmtPvpanicPciClass *klass)
{
  VmtDeviceClass *device_class = VMT_DEVICE_CLASS (klass);
  VmtPciDeviceClass *pci_class = VMT_PCI_DEVICE_CLASS (klass);

  device_class->text = "reports a guest's crash, a PCI function";
  device_class->regions = regions;
  device_class->state = state;
  device_class->state_version = 1;
  device_class->realize = vmt_pvpanic_pci_realize;
  pci_class->vendor_id = VENDOR_ID;
  pci_class->device_id = DEVICE_ID;
  pci_class->revision = 1;
  pci_class->class_code = CLASS_CODE;
  _vmt_pvpanic_class_init (device_class);
}

static void
vmt_pvpanic_pci_init (VmtPvpanicPci *self)
{
}
