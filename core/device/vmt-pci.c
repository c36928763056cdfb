/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* PCI functions: configuration space with a type 0 header, BARs, INTx, MSI-X (PCI Local Bus 3.0;
 * offsets are its). */
#include <string.h>

#include "vmt-error.h"
#include "vmt-pci.h"

#define CONFIG_VENDOR_ID 0x00
#define CONFIG_DEVICE_ID 0x02
#define CONFIG_COMMAND 0x04
#define CONFIG_STATUS 0x06
#define CONFIG_REVISION 0x08
#define CONFIG_CLASS 0x09
#define CONFIG_CACHE_LINE 0x0c
#define CONFIG_BAR0 0x10
#define CONFIG_SUBSYSTEM_VENDOR 0x2c
#define CONFIG_SUBSYSTEM_ID 0x2e
#define CONFIG_CAPABILITIES 0x34
#define CONFIG_INTERRUPT_LINE 0x3c
#define CONFIG_INTERRUPT_PIN 0x3d
#define CONFIG_FIRST_FREE 0x40
#define CONFIG_CAPABILITIES_END 0x100

#define COMMAND_MEMORY 0x0002
#define COMMAND_MASTER 0x0004
#define COMMAND_NO_INTX 0x0400
#define COMMAND_MASK (COMMAND_MEMORY | COMMAND_MASTER | COMMAND_NO_INTX)
#define STATUS_INTX 0x0008
#define STATUS_CAPABILITIES 0x0010

#define BAR_64BIT 0x4
#define BAR_PREFETCHABLE 0x8

/* Offsets in the MSI-X capability. */
#define MSIX_CONTROL 2
#define MSIX_TABLE 4
#define MSIX_PBA 8
#define MSIX_CAP_SIZE 12
#define MSIX_CONTROL_ENABLE 0x8000
#define MSIX_CONTROL_MASK 0x4000

#define MSIX_ENTRY 16
#define MSIX_ENTRY_CONTROL 12
#define MSIX_PBA_OFFSET 0x800
#define MSIX_REGION_SIZE 0x1000

typedef struct
{
  guint64 size; /* 0: there is no such BAR */
  gint region;  /* of the device, or -1 for MSI-X */
  gboolean is_64bit;
  guint64 mapped_at; /* in the machine's address space; G_MAXUINT64 nowhere */
} Bar;

struct _VmtPciDevicePrivate
{
  guint slot;
  guint8 initial[VMT_PCI_CONFIG_SIZE], write_mask[VMT_PCI_CONFIG_SIZE];
  Bar bars[VMT_PCI_N_BARS];
  guint next_capability;
  guint msix, n_vectors; /* the capability's offset; 0: none */
  /* INTx and MSI-X state: devices interrupt from any thread, with locks of their own held. After
   * those, before the host's. */
  GMutex interrupt_lock;
};

G_DEFINE_ABSTRACT_TYPE_WITH_PRIVATE (VmtPciDevice, vmt_pci_device, VMT_TYPE_DEVICE)
G_DEFINE_INTERFACE (VmtPciHost, vmt_pci_host, VMT_TYPE_DEVICE)

enum
{
  PROP_SLOT = 1,
};

static void
vmt_pci_host_default_init (VmtPciHostInterface *iface)
{
}

static guint64
get_le (const guint8 *at, guint size)
{
  guint64 value = 0;

  memcpy (&value, at, size);
  return GUINT64_FROM_LE (value);
}

static void
put_le (guint8 *at, guint size, guint64 value)
{
  value = GUINT64_TO_LE (value);
  memcpy (at, &value, size);
}

/* (nullable) */
static VmtPciHost *
get_host (VmtPciDevice *self)
{
  VmtObject *parent = vmt_object_get_parent (VMT_OBJECT (self));

  return parent != NULL && VMT_IS_PCI_HOST (parent) ? VMT_PCI_HOST (parent) : NULL;
}

guint8 *
vmt_pci_device_get_config (VmtPciDevice *self)
{
  return self->state.config;
}

guint8 *
vmt_pci_device_get_initial_config (VmtPciDevice *self)
{
  return self->priv->initial;
}

guint8 *
vmt_pci_device_get_write_mask (VmtPciDevice *self)
{
  return self->priv->write_mask;
}

guint
vmt_pci_device_get_n_vectors (VmtPciDevice *self)
{
  return self->priv->n_vectors;
}

guint
vmt_pci_device_get_slot (VmtPciDevice *self)
{
  return self->priv->slot;
}

void
vmt_pci_device_set_slot (VmtPciDevice *self, guint slot)
{
  self->priv->slot = slot;
}

gboolean
vmt_pci_device_can_dma (VmtPciDevice *self)
{
  return (get_le (self->state.config + CONFIG_COMMAND, 2) & COMMAND_MASTER) != 0;
}

/* Capabilities */

guint
vmt_pci_device_add_capability (VmtPciDevice *self, guint8 id, guint size)
{
  VmtPciDevicePrivate *priv = self->priv;
  guint offset = priv->next_capability, last = CONFIG_CAPABILITIES;

  g_return_val_if_fail (offset + size <= CONFIG_CAPABILITIES_END, 0);
  if (priv->initial[last] != 0)
    for (last = priv->initial[last]; priv->initial[last + 1] != 0;)
      last = priv->initial[last + 1];
  /* The pointer in the header, or the one of the last capability. */
  priv->initial[last == CONFIG_CAPABILITIES ? last : last + 1] = offset;
  priv->initial[offset] = id;
  priv->initial[CONFIG_STATUS] |= STATUS_CAPABILITIES;
  priv->next_capability = (offset + size + 3) & ~3u;
  return offset;
}

static void
add_bar (VmtPciDevice *self, guint bar, gint region, guint64 size, gboolean is_64bit,
         gboolean prefetchable)
{
  VmtPciDevicePrivate *priv = self->priv;
  guint offset = CONFIG_BAR0 + 4 * bar;

  g_return_if_fail (bar + is_64bit < VMT_PCI_N_BARS && size >= 16 && (size & (size - 1)) == 0);
  priv->bars[bar].size = size;
  priv->bars[bar].region = region;
  priv->bars[bar].is_64bit = is_64bit;
  priv->bars[bar].mapped_at = G_MAXUINT64;
  put_le (priv->initial + offset, 4,
          (is_64bit ? BAR_64BIT : 0) | (prefetchable ? BAR_PREFETCHABLE : 0));
  put_le (priv->write_mask + offset, is_64bit ? 8 : 4, ~(size - 1));
}

void
vmt_pci_device_add_bar (VmtPciDevice *self, guint bar, guint region, gboolean is_64bit,
                        gboolean prefetchable)
{
  add_bar (self, bar, region, vmt_device_get_region_size (VMT_DEVICE (self), region), is_64bit,
           prefetchable);
}

void
vmt_pci_device_add_msix (VmtPciDevice *self, guint n, guint bar)
{
  VmtPciDevicePrivate *priv = self->priv;
  VmtPciHost *host = get_host (self);

  g_return_if_fail (n > 0 && n <= VMT_PCI_MSIX_MAX);
  if (host == NULL || VMT_PCI_HOST_GET_IFACE (host)->has_msi == NULL ||
      !VMT_PCI_HOST_GET_IFACE (host)->has_msi (host))
    return;
  priv->msix = vmt_pci_device_add_capability (self, VMT_PCI_CAP_MSIX, MSIX_CAP_SIZE);
  priv->n_vectors = n;
  add_bar (self, bar, -1, MSIX_REGION_SIZE, FALSE, FALSE);
  put_le (priv->initial + priv->msix + MSIX_CONTROL, 2, n - 1);
  put_le (priv->write_mask + priv->msix + MSIX_CONTROL, 2, MSIX_CONTROL_ENABLE | MSIX_CONTROL_MASK);
  put_le (priv->initial + priv->msix + MSIX_TABLE, 4, bar);
  put_le (priv->initial + priv->msix + MSIX_PBA, 4, MSIX_PBA_OFFSET | bar);
}

/* Interrupts; the interrupt lock is held in all of these. */

static void
update_intx (VmtPciDevice *self)
{
  VmtPciHost *host = get_host (self);
  gboolean level = self->state.intx != 0;

  self->state.config[CONFIG_STATUS] =
      (self->state.config[CONFIG_STATUS] & ~STATUS_INTX) | (level ? STATUS_INTX : 0);
  if ((get_le (self->state.config + CONFIG_COMMAND, 2) & COMMAND_NO_INTX) != 0)
    level = FALSE;
  if (host != NULL)
    VMT_PCI_HOST_GET_IFACE (host)->set_intx (host, self, 0, level);
}

static guint16
msix_control (VmtPciDevice *self)
{
  return self->priv->msix != 0 ? get_le (self->state.config + self->priv->msix + MSIX_CONTROL, 2)
                               : 0;
}

static void
msix_send (VmtPciDevice *self, guint vector)
{
  const guint8 *entry = self->state.msix_table + vector * MSIX_ENTRY;
  VmtPciHost *host = get_host (self);

  if ((msix_control (self) & MSIX_CONTROL_MASK) != 0 || (entry[MSIX_ENTRY_CONTROL] & 1) != 0)
    self->state.msix_pending |= 1u << vector;
  else
    {
      self->state.msix_pending &= ~(1u << vector);
      if (host != NULL && vmt_pci_device_can_dma (self))
        VMT_PCI_HOST_GET_IFACE (host)->send_msi (host, get_le (entry, 8), get_le (entry + 8, 4));
    }
}

static void
msix_send_pending (VmtPciDevice *self)
{
  guint32 pending = self->state.msix_pending;

  if ((msix_control (self) & MSIX_CONTROL_ENABLE) == 0)
    return;
  for (; pending != 0; pending &= pending - 1)
    msix_send (self, __builtin_ctz (pending));
}

void
vmt_pci_device_set_intx (VmtPciDevice *self, gboolean level)
{
  g_mutex_lock (&self->priv->interrupt_lock);
  self->state.intx = level != FALSE;
  update_intx (self);
  g_mutex_unlock (&self->priv->interrupt_lock);
}

gboolean
vmt_pci_device_msix_enabled (VmtPciDevice *self)
{
  gboolean enabled;

  g_mutex_lock (&self->priv->interrupt_lock);
  enabled = (msix_control (self) & MSIX_CONTROL_ENABLE) != 0;
  g_mutex_unlock (&self->priv->interrupt_lock);
  return enabled;
}

gboolean
vmt_pci_device_msix_notify (VmtPciDevice *self, guint vector)
{
  gboolean enabled;

  g_mutex_lock (&self->priv->interrupt_lock);
  enabled = (msix_control (self) & MSIX_CONTROL_ENABLE) != 0;
  /* A vector that the guest made up interrupts nobody. */
  if (enabled && vector < self->priv->n_vectors)
    msix_send (self, vector);
  g_mutex_unlock (&self->priv->interrupt_lock);
  return enabled;
}

/* The MSI-X BAR */

static VmtMemStatus
msix_read (gpointer opaque, guint64 offset, guint size, guint64 *value)
{
  VmtPciDevice *self = opaque;

  g_mutex_lock (&self->priv->interrupt_lock);
  *value = 0;
  if (offset < self->priv->n_vectors * MSIX_ENTRY)
    *value = get_le (self->state.msix_table + offset, size);
  else if (offset >= MSIX_PBA_OFFSET && offset < MSIX_PBA_OFFSET + 4)
    *value = self->state.msix_pending;
  g_mutex_unlock (&self->priv->interrupt_lock);
  return VMT_MEM_OK;
}

static VmtMemStatus
msix_write (gpointer opaque, guint64 offset, guint size, guint64 value)
{
  VmtPciDevice *self = opaque;

  g_mutex_lock (&self->priv->interrupt_lock);
  if (offset < self->priv->n_vectors * MSIX_ENTRY)
    {
      put_le (self->state.msix_table + offset, size, value);
      /* Only the mask bit of the control word exists. */
      put_le (self->state.msix_table + offset / MSIX_ENTRY * MSIX_ENTRY + MSIX_ENTRY_CONTROL, 4,
              self->state.msix_table[offset / MSIX_ENTRY * MSIX_ENTRY + MSIX_ENTRY_CONTROL] & 1);
      msix_send_pending (self);
    }
  g_mutex_unlock (&self->priv->interrupt_lock);
  return VMT_MEM_OK;
}

static const VmtMmioOps msix_ops = {
  .read = msix_read,
  .write = msix_write,
  .min_size = 4,
  .max_size = 4,
  .lockless = TRUE,
};

/* BARs */

static void
map_bar (VmtPciDevice *self, Bar *bar, guint64 at)
{
  VmtAddressSpace *space = vmt_device_get_address_space (VMT_DEVICE (self));

  if (bar->mapped_at == at)
    return;
  if (bar->region >= 0)
    vmt_device_set_base (VMT_DEVICE (self), bar->region, at);
  else
    {
      if (bar->mapped_at != G_MAXUINT64)
        vmt_address_space_remove (space, bar->mapped_at);
      if (at != G_MAXUINT64 && !vmt_address_space_add_mmio (space, at, bar->size, &msix_ops, self,
                                                            NULL, VMT_OBJECT (self), NULL))
        {
          vmt_device_guest_error (VMT_DEVICE (self), "BAR moved over another region", at);
          at = G_MAXUINT64;
        }
    }
  bar->mapped_at = at;
}

/* Where the guest's BARs and command register want them. */
static void
update_bars (VmtPciDevice *self)
{
  VmtPciHost *host = get_host (self);
  gboolean enabled = (get_le (self->state.config + CONFIG_COMMAND, 2) & COMMAND_MEMORY) != 0;

  for (guint i = 0; i < VMT_PCI_N_BARS; i++)
    {
      Bar *bar = &self->priv->bars[i];
      guint64 address, at = G_MAXUINT64;

      if (bar->size == 0)
        continue;
      address = get_le (self->state.config + CONFIG_BAR0 + 4 * i, bar->is_64bit ? 8 : 4) &
                ~(bar->size - 1);
      if (enabled && host != NULL)
        at = VMT_PCI_HOST_GET_IFACE (host)->translate_bar (host, address, bar->size);
      map_bar (self, bar, at);
    }
}

static gboolean
overlaps (guint offset, guint size, guint begin, guint end)
{
  return offset < end && offset + size > begin;
}

static gboolean
is_valid_access (guint offset, guint size)
{
  return (size == 1 || size == 2 || size == 4) && offset % size == 0 &&
         offset <= VMT_PCI_CONFIG_SIZE - size;
}

guint32
vmt_pci_device_config_read (VmtPciDevice *self, guint offset, guint size)
{
  VmtPciDeviceClass *klass = VMT_PCI_DEVICE_GET_CLASS (self);
  GMutex *lock = vmt_device_get_lock (VMT_DEVICE (self));
  guint32 value;

  if (!is_valid_access (offset, size))
    return G_MAXUINT32;
  g_mutex_lock (lock);
  if (klass->config_reading != NULL)
    klass->config_reading (self, offset, size);
  g_mutex_lock (&self->priv->interrupt_lock);
  value = get_le (self->state.config + offset, size);
  g_mutex_unlock (&self->priv->interrupt_lock);
  g_mutex_unlock (lock);
  return value;
}

void
vmt_pci_device_config_write (VmtPciDevice *self, guint offset, guint size, guint32 value)
{
  VmtPciDeviceClass *klass = VMT_PCI_DEVICE_GET_CLASS (self);
  VmtPciDevicePrivate *priv = self->priv;
  GMutex *lock = vmt_device_get_lock (VMT_DEVICE (self));

  if (!is_valid_access (offset, size))
    return;
  g_mutex_lock (lock);
  g_mutex_lock (&priv->interrupt_lock);
  for (guint i = 0; i < size; i++, value >>= 8)
    {
      guint8 *byte = &self->state.config[offset + i], mask = priv->write_mask[offset + i];

      *byte = (*byte & ~mask) | (value & mask);
    }
  if (overlaps (offset, size, CONFIG_COMMAND, CONFIG_COMMAND + 2))
    update_intx (self);
  if (priv->msix != 0 && overlaps (offset, size, priv->msix, priv->msix + MSIX_CAP_SIZE))
    msix_send_pending (self);
  g_mutex_unlock (&priv->interrupt_lock);
  if (overlaps (offset, size, CONFIG_COMMAND, CONFIG_COMMAND + 2) ||
      overlaps (offset, size, CONFIG_BAR0, CONFIG_BAR0 + 4 * VMT_PCI_N_BARS))
    update_bars (self);
  if (klass->config_written != NULL)
    klass->config_written (self, offset, size);
  g_mutex_unlock (lock);
}

/* Life */

static gboolean
vmt_pci_device_realize (VmtDevice *device, GError **error)
{
  if (get_host (VMT_PCI_DEVICE (device)) == NULL)
    {
      g_set_error (error, VMT_ERROR, VMT_ERROR_STATE,
                   "a PCI function must be put on a PCI host: a pci-host-* device");
      return FALSE;
    }
  return TRUE;
}

/* What realize adds goes, so that it can be added again. */
static void
vmt_pci_device_unrealize (VmtDevice *device)
{
  VmtPciDevice *self = VMT_PCI_DEVICE (device);
  VmtPciDevicePrivate *priv = self->priv;
  gsize rest = VMT_PCI_CONFIG_SIZE - CONFIG_FIRST_FREE;

  for (guint i = 0; i < VMT_PCI_N_BARS; i++)
    if (priv->bars[i].size != 0)
      map_bar (self, &priv->bars[i], G_MAXUINT64);
  memset (priv->bars, 0, sizeof priv->bars);
  memset (priv->initial + CONFIG_BAR0, 0, 4 * VMT_PCI_N_BARS);
  memset (priv->write_mask + CONFIG_BAR0, 0, 4 * VMT_PCI_N_BARS);
  memset (priv->initial + CONFIG_FIRST_FREE, 0, rest);
  memset (priv->write_mask + CONFIG_FIRST_FREE, 0, rest);
  priv->initial[CONFIG_CAPABILITIES] = 0;
  priv->initial[CONFIG_STATUS] &= ~STATUS_CAPABILITIES;
  priv->next_capability = CONFIG_FIRST_FREE;
  priv->msix = priv->n_vectors = 0;
}

static void
vmt_pci_device_reset (VmtDevice *device)
{
  VmtPciDevice *self = VMT_PCI_DEVICE (device);

  g_mutex_lock (&self->priv->interrupt_lock);
  memcpy (self->state.config, self->priv->initial, VMT_PCI_CONFIG_SIZE);
  memset (self->state.msix_table, 0, sizeof self->state.msix_table);
  for (guint i = 0; i < self->priv->n_vectors; i++)
    self->state.msix_table[i * MSIX_ENTRY + MSIX_ENTRY_CONTROL] = 1;
  self->state.msix_pending = 0;
  self->state.intx = 0;
  update_intx (self);
  g_mutex_unlock (&self->priv->interrupt_lock);
  update_bars (self);
}

static void
vmt_pci_device_get_property (GObject *object, guint id, GValue *value, GParamSpec *pspec)
{
  switch (id)
    {
    case PROP_SLOT:
      g_value_set_uint (value, VMT_PCI_DEVICE (object)->priv->slot);
      break;
    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
    }
}

static void
vmt_pci_device_set_property (GObject *object, guint id, const GValue *value, GParamSpec *pspec)
{
  switch (id)
    {
    case PROP_SLOT:
      VMT_PCI_DEVICE (object)->priv->slot = g_value_get_uint (value);
      break;
    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
    }
}

static void
vmt_pci_device_constructed (GObject *object)
{
  VmtPciDevice *self = VMT_PCI_DEVICE (object);
  VmtPciDeviceClass *klass = VMT_PCI_DEVICE_GET_CLASS (self);
  VmtPciDevicePrivate *priv = self->priv;

  put_le (priv->initial + CONFIG_VENDOR_ID, 2, klass->vendor_id);
  put_le (priv->initial + CONFIG_DEVICE_ID, 2, klass->device_id);
  put_le (priv->initial + CONFIG_REVISION, 1, klass->revision);
  put_le (priv->initial + CONFIG_CLASS, 3, klass->class_code);
  put_le (priv->initial + CONFIG_SUBSYSTEM_VENDOR, 2, klass->subsystem_vendor_id);
  put_le (priv->initial + CONFIG_SUBSYSTEM_ID, 2, klass->subsystem_id);
  put_le (priv->initial + CONFIG_INTERRUPT_PIN, 1, 1);
  put_le (priv->write_mask + CONFIG_COMMAND, 2, COMMAND_MASK);
  put_le (priv->write_mask + CONFIG_CACHE_LINE, 1, 0xff);
  put_le (priv->write_mask + CONFIG_INTERRUPT_LINE, 1, 0xff);
  G_OBJECT_CLASS (vmt_pci_device_parent_class)->constructed (object);
}

static void
vmt_pci_device_finalize (GObject *object)
{
  g_mutex_clear (&VMT_PCI_DEVICE (object)->priv->interrupt_lock);
  G_OBJECT_CLASS (vmt_pci_device_parent_class)->finalize (object);
}

static void
vmt_pci_device_class_init (VmtPciDeviceClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);
  VmtDeviceClass *device_class = VMT_DEVICE_CLASS (klass);

  object_class->get_property = vmt_pci_device_get_property;
  object_class->set_property = vmt_pci_device_set_property;
  object_class->constructed = vmt_pci_device_constructed;
  object_class->finalize = vmt_pci_device_finalize;
  device_class->realize = vmt_pci_device_realize;
  device_class->unrealize = vmt_pci_device_unrealize;
  device_class->reset = vmt_pci_device_reset;

  g_object_class_install_property (
      object_class, PROP_SLOT,
      g_param_spec_uint ("slot", NULL, "device number on the bus; 32: the next free one", 0,
                         VMT_PCI_SLOT_AUTO, VMT_PCI_SLOT_AUTO,
                         G_PARAM_READWRITE | G_PARAM_CONSTRUCT | G_PARAM_STATIC_STRINGS));
}

static void
vmt_pci_device_init (VmtPciDevice *self)
{
  self->priv = vmt_pci_device_get_instance_private (self);
  self->priv->next_capability = CONFIG_FIRST_FREE;
  g_mutex_init (&self->priv->interrupt_lock);
}
