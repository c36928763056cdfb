/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "vmt-device.h"

G_BEGIN_DECLS

/**
 * VmtPciDevice:
 *
 * A PCI Express function: 4 KiB of configuration space with write masks, BARs whose contents are
 * regions of the device, MSI-X. Host bridges (VmtPciHost) are plugins.
 *
 * Regions of the class's region table are BARs: a subclass names the region and BAR in
 * vmt_pci_device_add_bar().
 */
#define VMT_PCI_CONFIG_SIZE 4096
#define VMT_PCI_N_BARS 6
#define VMT_PCI_MSIX_MAX 32
#define VMT_PCI_SLOT_AUTO 32

#define VMT_PCI_CAP_MSIX 0x11
#define VMT_PCI_CAP_VENDOR 0x09

#define VMT_TYPE_PCI_DEVICE (vmt_pci_device_get_type ())
#define VMT_PCI_DEVICE(o) (G_TYPE_CHECK_INSTANCE_CAST ((o), VMT_TYPE_PCI_DEVICE, VmtPciDevice))
#define VMT_PCI_DEVICE_CLASS(k)                                                                    \
  (G_TYPE_CHECK_CLASS_CAST ((k), VMT_TYPE_PCI_DEVICE, VmtPciDeviceClass))
#define VMT_IS_PCI_DEVICE(o) (G_TYPE_CHECK_INSTANCE_TYPE ((o), VMT_TYPE_PCI_DEVICE))
#define VMT_PCI_DEVICE_GET_CLASS(o)                                                                \
  (G_TYPE_INSTANCE_GET_CLASS ((o), VMT_TYPE_PCI_DEVICE, VmtPciDeviceClass))

typedef struct _VmtPciDevice VmtPciDevice;
typedef struct _VmtPciDeviceClass VmtPciDeviceClass;
typedef struct _VmtPciDevicePrivate VmtPciDevicePrivate;

/**
 * VmtPciState:
 *
 * What a guest changes. Part of the instance so that the state table of a function's class can
 * carry it: begin that table with VMT_PCI_STATE.
 */
typedef struct
{
  guint8 config[VMT_PCI_CONFIG_SIZE];
  guint8 msix_table[VMT_PCI_MSIX_MAX * 16];
  guint32 msix_pending; /* a bit a vector */
  guint8 intx;          /* the pin is asserted, were it not for command bit 10 */
} VmtPciState;

/**
 * VmtPciDevice:
 * @state: for state tables only
 *
 * Subclasses that override realize, unrealize or reset chain up: in realize after BARs and
 * capabilities were added, in the others first.
 */
struct _VmtPciDevice
{
  VmtDevice parent_instance;
  VmtPciState state;
  VmtPciDevicePrivate *priv;
};

GType vmt_pci_device_get_type (void);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (VmtPciDevice, g_object_unref)

#define VMT_PCI_STATE_FIELD(member, type, n)                                                       \
  {                                                                                                \
    "pci-" #member, G_STRUCT_OFFSET (VmtPciDevice, state.member), VMT_STATE_##type, 1, (n)         \
  }
#define VMT_PCI_STATE                                                                              \
  VMT_PCI_STATE_FIELD (config, BYTES, VMT_PCI_CONFIG_SIZE),                                        \
      VMT_PCI_STATE_FIELD (msix_table, BYTES, VMT_PCI_MSIX_MAX * 16),                              \
      VMT_PCI_STATE_FIELD (msix_pending, U32, 0), VMT_PCI_STATE_FIELD (intx, U8, 0)

struct _VmtPciDeviceClass
{
  VmtDeviceClass parent_class;
  guint16 vendor_id, device_id, subsystem_vendor_id, subsystem_id;
  guint8 revision;
  guint32 class_code; /* 24 bits */
  /* After configuration space changed; the default handled BARs, command, MSI-X already. Lock held.
   * (nullable) */
  void (*config_written) (VmtPciDevice *self, guint offset, guint size);
  /* Before configuration space is read: for windows into something else. Lock held. (nullable) */
  void (*config_reading) (VmtPciDevice *self, guint offset, guint size);
  gpointer reserved[7];
};

/* In realize, before chaining up. 64-bit memory BARs take two slots. The region's size: power of
 * two, at least 16. */
void vmt_pci_device_add_bar (VmtPciDevice *self, guint bar, guint region, gboolean is_64bit,
                             gboolean prefetchable);
/* Adds a capability of @size bytes (its header included); returns its offset, 0 when there is no
 * room left. */
guint vmt_pci_device_add_capability (VmtPciDevice *self, guint8 id, guint size);
/* @n vectors (at most VMT_PCI_MSIX_MAX) with table and pending bits in @bar, which this call
 * creates. Does nothing on a bus where MSIs lead nowhere. */
void vmt_pci_device_add_msix (VmtPciDevice *self, guint n, guint bar);
/* Configuration space as it is now, and as a reset leaves it: realize fills the latter. */
guint8 *vmt_pci_device_get_config (VmtPciDevice *self);
guint8 *vmt_pci_device_get_initial_config (VmtPciDevice *self);
/* 0 without MSI-X. */
guint vmt_pci_device_get_n_vectors (VmtPciDevice *self);
guint8 *vmt_pci_device_get_write_mask (VmtPciDevice *self);

/* INTx level. Any thread. */
void vmt_pci_device_set_intx (VmtPciDevice *self, gboolean level);
gboolean vmt_pci_device_msix_enabled (VmtPciDevice *self);
/* Sends vector @vector (remembered while masked). FALSE if MSI-X is off: use INTx. Any thread. */
gboolean vmt_pci_device_msix_notify (VmtPciDevice *self, guint vector);
/* Bus mastering is on: DMA is allowed. */
gboolean vmt_pci_device_can_dma (VmtPciDevice *self);

/* Bridges call these; @offset 0..4095, @size 1, 2 or 4, naturally aligned. They take the device's
 * lock. */
guint32 vmt_pci_device_config_read (VmtPciDevice *self, guint offset, guint size);
void vmt_pci_device_config_write (VmtPciDevice *self, guint offset, guint size, guint32 value);

/* Property "slot" (0..31, VMT_PCI_SLOT_AUTO = next free one), set before plugging; the function is
 * always 0. */
guint vmt_pci_device_get_slot (VmtPciDevice *self);
/* Bridges, in plug: the slot that the function got. */
void vmt_pci_device_set_slot (VmtPciDevice *self, guint slot);

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
  /* Where a memory BAR at bus address @address is in the machine's address space; G_MAXUINT64
   * outside all windows. */
  guint64 (*translate_bar) (VmtPciHost *self, guint64 address, guint64 size);
  /* Whether MSIs lead anywhere: without it devices show no MSI-X. */
  gboolean (*has_msi) (VmtPciHost *self);
  gpointer reserved[4];
};

G_END_DECLS
