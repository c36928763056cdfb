/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "vmt-device.h"

G_BEGIN_DECLS

/**
 * VmtPciDevice:
 *
 * A PCI Express function: 4 KiB of configuration space with write masks, BARs whose contents are regions of
 * the device, MSI-X. Host bridges (VmtPciHost) are plugins.
 *
 * Regions of the class's region table are BARs: a subclass names the region and BAR in vmt_pci_device_add_bar().
 */
#define VMT_TYPE_PCI_DEVICE (vmt_pci_device_get_type ())
G_DECLARE_DERIVABLE_TYPE (VmtPciDevice, vmt_pci_device, VMT, PCI_DEVICE, VmtDevice)

struct _VmtPciDeviceClass
{
  VmtDeviceClass parent_class;
  guint16 vendor_id, device_id, subsystem_vendor_id, subsystem_id;
  guint8 revision;
  guint32 class_code; /* 24 bits */
  /* After configuration space changed; the default handled BARs, command, MSI-X already. Lock held. (nullable) */
  void (*config_written) (VmtPciDevice *self, guint offset, guint size);
  gpointer reserved[8];
};

/* In realize, before chaining up. 64-bit memory BARs take two slots. @size: power of two, at least 16. */
void vmt_pci_device_add_bar (VmtPciDevice *self, guint bar, guint region, gboolean is_64bit, gboolean prefetchable);
/* Adds a capability of @size bytes (its header included); returns its offset. */
guint vmt_pci_device_add_capability (VmtPciDevice *self, guint8 id, guint size);
/* @n vectors with table and pending bits in @bar, which this call creates. */
void vmt_pci_device_add_msix (VmtPciDevice *self, guint n, guint bar);
guint8 *vmt_pci_device_get_config (VmtPciDevice *self);
guint8 *vmt_pci_device_get_write_mask (VmtPciDevice *self);

/* INTx level. Any thread. */
void vmt_pci_device_set_intx (VmtPciDevice *self, gboolean level);
gboolean vmt_pci_device_msix_enabled (VmtPciDevice *self);
/* Sends vector @vector (remembered while masked). FALSE if MSI-X is off: use INTx. Any thread. */
gboolean vmt_pci_device_msix_notify (VmtPciDevice *self, guint vector);
/* Bus mastering is on: DMA is allowed. */
gboolean vmt_pci_device_can_dma (VmtPciDevice *self);

/* Bridges call these; @offset 0..4095, @size 1, 2 or 4. */
guint32 vmt_pci_device_config_read (VmtPciDevice *self, guint offset, guint size);
void vmt_pci_device_config_write (VmtPciDevice *self, guint offset, guint size, guint32 value);

/* Property "slot" (0..31, 32 = next free one), set before plugging; the function is always 0. */
guint vmt_pci_device_get_slot (VmtPciDevice *self);

/* What a host bridge implements. */
#define VMT_TYPE_PCI_HOST (vmt_pci_host_get_type ())
G_DECLARE_INTERFACE (VmtPciHost, vmt_pci_host, VMT, PCI_HOST, VmtDevice)
struct _VmtPciHostInterface
{
  GTypeInterface parent;
  /* Pin of a device: 0..3 for INTA..INTD, swizzled by the bridge. */
  void (*set_intx) (VmtPciHost *self, VmtPciDevice *device, guint pin, gboolean level);
  /* A message signalled interrupt: a 32-bit write to an address; FALSE: nobody takes it. */
  gboolean (*send_msi) (VmtPciHost *self, guint64 address, guint32 data);
  /* Where a memory BAR at bus address @address is in the machine's address space; G_MAXUINT64 outside all windows. */
  guint64 (*translate_bar) (VmtPciHost *self, guint64 address, guint64 size);
  /* Whether MSIs lead anywhere: without it devices show no MSI-X. */
  gboolean (*has_msi) (VmtPciHost *self);
  gpointer reserved[4];
};

G_END_DECLS
