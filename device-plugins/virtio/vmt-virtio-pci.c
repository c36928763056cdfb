/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Virtio over PCI, without the legacy interface (virtio 1.2, 4.1): a function for one device. All
 * structures lie in one 64-bit BAR. */

#include <string.h>

#include "vmt-virtio-plugin-private.h"

#define VENDOR_ID 0x1af4
#define DEVICE_ID_BASE 0x1040
#define SUBSYSTEM_ID 0x1100

#define CONFIG_DEVICE_ID 0x02
#define CONFIG_CLASS 0x09

#define BAR_VIRTIO 4
#define BAR_MSIX 1

#define OFFSET_COMMON 0x0000
#define COMMON_SIZE 60
#define OFFSET_ISR 0x1000
#define OFFSET_DEVICE 0x2000
#define OFFSET_NOTIFY 0x3000
#define NOTIFY_MULTIPLIER 4
#define REGION_SIZE 0x4000

/* Kinds and layout of the capabilities. */
#define CAP_COMMON 1
#define CAP_NOTIFY 2
#define CAP_ISR 3
#define CAP_DEVICE 4
#define CAP_PCI 5
#define CAP_LENGTH 2
#define CAP_TYPE 3
#define CAP_BAR 4
#define CAP_OFFSET 8
#define CAP_SIZE 12
#define CAP_EXTRA 16

#define ISR_USED 1
#define ISR_CONFIG 2

#define VMT_TYPE_VIRTIO_PCI (vmt_virtio_pci_get_type ())
G_DECLARE_FINAL_TYPE (VmtVirtioPci, vmt_virtio_pci, VMT, VIRTIO_PCI, VmtPciDevice)

struct _VmtVirtioPci
{
  VmtPciDevice parent_instance;

  VmtVirtioDevice *device; /* (nullable); a child, which outlives its use here */
  guint window; /* offset of the capability that gives access to the BAR without mapping it */
  GMutex interrupt_lock; /* of @isr and the pin; after the devices' locks */

  guint32 device_feature_select, driver_feature_select;
  guint16 queue_select, config_vector;
  guint8 isr;
};

G_DEFINE_FINAL_TYPE (VmtVirtioPci, vmt_virtio_pci, VMT_TYPE_PCI_DEVICE)

static VmtVirtqueue *
get_queue (VmtVirtioPci *self)
{
  return self->device != NULL ? vmt_virtio_device_get_queue (self->device, self->queue_select)
                              : NULL;
}

static void
transport_interrupt (gpointer transport, VmtVirtqueue *queue)
{
  VmtVirtioPci *self = transport;
  VmtPciDevice *pci = VMT_PCI_DEVICE (self);
  guint16 vector = queue != NULL ? vmt_virtqueue_get_vector (queue) : self->config_vector;

  if (vmt_pci_device_msix_notify (pci, vector))
    return;
  g_mutex_lock (&self->interrupt_lock);
  self->isr |= queue != NULL ? ISR_USED : ISR_CONFIG;
  vmt_pci_device_set_intx (pci, TRUE);
  g_mutex_unlock (&self->interrupt_lock);
}

static const VmtVirtioTransportOps transport_ops = { .interrupt = transport_interrupt };

static void
clear_isr (VmtVirtioPci *self)
{
  self->isr = 0;
  vmt_pci_device_set_intx (VMT_PCI_DEVICE (self), FALSE);
}

static guint64
isr_read (gpointer device, guint index)
{
  VmtVirtioPci *self = device;
  guint8 value;

  g_mutex_lock (&self->interrupt_lock);
  value = self->isr;
  clear_isr (self);
  g_mutex_unlock (&self->interrupt_lock);
  return value;
}

static guint64
device_feature_read (gpointer device, guint index)
{
  VmtVirtioPci *self = device;

  if (self->device == NULL || self->device_feature_select > 1)
    return 0;
  return vmt_virtio_device_get_device_features (self->device) >> (32 * self->device_feature_select);
}

static guint64
driver_feature_read (gpointer device, guint index)
{
  VmtVirtioPci *self = device;

  if (self->device == NULL || self->driver_feature_select > 1)
    return 0;
  return vmt_virtio_device_get_driver_features (self->device) >> (32 * self->driver_feature_select);
}

static void
driver_feature_write (gpointer device, guint index, guint64 value)
{
  VmtVirtioPci *self = device;
  guint64 features;

  if (self->device == NULL)
    return;
  features = vmt_virtio_device_get_driver_features (self->device);
  if (self->driver_feature_select == 0)
    features = (features & ~(guint64)G_MAXUINT32) | value;
  else if (self->driver_feature_select == 1)
    features = (features & G_MAXUINT32) | value << 32;
  else
    {
      if (value != 0)
        vmt_device_guest_error (VMT_DEVICE (self), "feature bits beyond 63", value);
      return;
    }
  vmt_virtio_device_set_driver_features (self->device, features);
}

/* A vector that does not exist reads back as none (4.1.5.1.2). */
static guint16
valid_vector (VmtVirtioPci *self, guint64 vector)
{
  return vector < vmt_pci_device_get_n_vectors (VMT_PCI_DEVICE (self)) ? vector
                                                                       : VMT_VIRTIO_NO_VECTOR;
}

static void
config_vector_write (gpointer device, guint index, guint64 value)
{
  VmtVirtioPci *self = device;

  self->config_vector = valid_vector (self, value);
}

static guint64
num_queues_read (gpointer device, guint index)
{
  VmtVirtioPci *self = device;

  return self->device != NULL ? vmt_virtio_device_get_n_queues (self->device) : 0;
}

static guint64
status_read (gpointer device, guint index)
{
  VmtVirtioPci *self = device;

  return self->device != NULL ? vmt_virtio_device_get_status (self->device) : 0;
}

static void
status_write (gpointer device, guint index, guint64 value)
{
  VmtVirtioPci *self = device;

  if (self->device == NULL)
    return;
  if (value == 0)
    {
      self->device_feature_select = self->driver_feature_select = 0;
      self->queue_select = 0;
      self->config_vector = VMT_VIRTIO_NO_VECTOR;
      g_mutex_lock (&self->interrupt_lock);
      clear_isr (self);
      g_mutex_unlock (&self->interrupt_lock);
    }
  vmt_virtio_device_set_status (self->device, value);
}

static guint64
generation_read (gpointer device, guint index)
{
  VmtVirtioPci *self = device;

  return self->device != NULL ? vmt_virtio_device_get_config_generation (self->device) & 0xff : 0;
}

static guint64
queue_size_read (gpointer device, guint index)
{
  VmtVirtqueue *queue = get_queue (device);

  return queue != NULL ? vmt_virtqueue_get_size (queue) : 0;
}

static void
queue_size_write (gpointer device, guint index, guint64 value)
{
  VmtVirtqueue *queue = get_queue (device);

  if (queue != NULL)
    vmt_virtqueue_set_size (queue, value);
}

static guint64
queue_vector_read (gpointer device, guint index)
{
  VmtVirtqueue *queue = get_queue (device);

  return queue != NULL ? vmt_virtqueue_get_vector (queue) : VMT_VIRTIO_NO_VECTOR;
}

static void
queue_vector_write (gpointer device, guint index, guint64 value)
{
  VmtVirtqueue *queue = get_queue (device);

  if (queue != NULL)
    vmt_virtqueue_set_vector (queue, valid_vector (device, value));
}

static guint64
queue_enable_read (gpointer device, guint index)
{
  VmtVirtqueue *queue = get_queue (device);

  return queue != NULL && vmt_virtqueue_is_ready (queue);
}

/* Only a reset disables a queue. */
static void
queue_enable_write (gpointer device, guint index, guint64 value)
{
  VmtVirtqueue *queue = get_queue (device);

  if (queue != NULL && value == 1)
    vmt_virtqueue_set_ready (queue, TRUE);
}

static guint64
queue_notify_off_read (gpointer device, guint index)
{
  VmtVirtioPci *self = device;

  return get_queue (self) != NULL ? self->queue_select : 0;
}

static guint64
read_address (VmtVirtioPci *self, guint area)
{
  VmtVirtqueue *queue = get_queue (self);
  guint64 address[3] = { 0 };

  if (queue != NULL)
    vmt_virtqueue_get_addresses (queue, &address[0], &address[1], &address[2]);
  return address[area];
}

static void
write_address (VmtVirtioPci *self, guint area, guint64 value)
{
  VmtVirtqueue *queue = get_queue (self);
  guint64 address[3];

  if (queue == NULL)
    return;
  vmt_virtqueue_get_addresses (queue, &address[0], &address[1], &address[2]);
  address[area] = value;
  vmt_virtqueue_set_addresses (queue, address[0], address[1], address[2]);
}

/* The descriptor area, the driver area and the device area follow one another. */
static guint64
queue_address_read (gpointer device, guint index)
{
  return read_address (device, index);
}

static void
queue_address_write (gpointer device, guint index, guint64 value)
{
  write_address (device, index, value);
}

static void
notify_write (gpointer device, guint index, guint64 value)
{
  VmtVirtioPci *self = device;

  if (self->device != NULL && vmt_pci_device_can_dma (VMT_PCI_DEVICE (self)))
    vmt_virtio_device_queue_notify (self->device, index);
}

#define FIELD(member) G_STRUCT_OFFSET (VmtVirtioPci, member)

static const VmtDeviceRegister registers[] = {
  { .name = "device_feature_select",
    .offset = OFFSET_COMMON + 0,
    .size = 4,
    .field = FIELD (device_feature_select),
    .text = "which 32 of the offered feature bits" },
  { .name = "device_feature",
    .offset = OFFSET_COMMON + 4,
    .size = 4,
    .flags = VMT_REG_RO,
    .field = -1,
    .read = device_feature_read,
    .text = "feature bits that the device offers" },
  { .name = "driver_feature_select",
    .offset = OFFSET_COMMON + 8,
    .size = 4,
    .field = FIELD (driver_feature_select),
    .text = "which 32 of the accepted feature bits" },
  { .name = "driver_feature",
    .offset = OFFSET_COMMON + 12,
    .size = 4,
    .field = -1,
    .read = driver_feature_read,
    .write = driver_feature_write,
    .text = "feature bits that the driver accepts" },
  { .name = "config_msix_vector",
    .offset = OFFSET_COMMON + 16,
    .size = 2,
    .field = FIELD (config_vector),
    .reset = VMT_VIRTIO_NO_VECTOR,
    .write = config_vector_write,
    .text = "MSI-X vector of configuration changes" },
  { .name = "num_queues",
    .offset = OFFSET_COMMON + 18,
    .size = 2,
    .flags = VMT_REG_RO,
    .field = -1,
    .read = num_queues_read,
    .text = "number of queues" },
  { .name = "device_status",
    .offset = OFFSET_COMMON + 20,
    .size = 1,
    .field = -1,
    .read = status_read,
    .write = status_write,
    .text = "device status; writing 0 resets" },
  { .name = "config_generation",
    .offset = OFFSET_COMMON + 21,
    .size = 1,
    .flags = VMT_REG_RO,
    .field = -1,
    .read = generation_read,
    .text = "changes with the configuration" },
  { .name = "queue_select",
    .offset = OFFSET_COMMON + 22,
    .size = 2,
    .field = FIELD (queue_select),
    .text = "the queue that the following registers are of" },
  { .name = "queue_size",
    .offset = OFFSET_COMMON + 24,
    .size = 2,
    .field = -1,
    .read = queue_size_read,
    .write = queue_size_write,
    .text = "size; at first the largest, 0: there is no such queue" },
  { .name = "queue_msix_vector",
    .offset = OFFSET_COMMON + 26,
    .size = 2,
    .field = -1,
    .read = queue_vector_read,
    .write = queue_vector_write,
    .text = "MSI-X vector of used buffers" },
  { .name = "queue_enable",
    .offset = OFFSET_COMMON + 28,
    .size = 2,
    .field = -1,
    .read = queue_enable_read,
    .write = queue_enable_write,
    .text = "the queue may be used" },
  { .name = "queue_notify_off",
    .offset = OFFSET_COMMON + 30,
    .size = 2,
    .flags = VMT_REG_RO,
    .field = -1,
    .read = queue_notify_off_read,
    .text = "the queue's place among the notification addresses" },
  { .name = "queue_address",
    .offset = OFFSET_COMMON + 32,
    .size = 8,
    .widths = 4 | 8,
    .field = -1,
    .stride = 8,
    .count = 3,
    .read = queue_address_read,
    .write = queue_address_write,
    .text = "descriptor area, driver area, device area" },
  { .name = "queue_notify_data",
    .offset = OFFSET_COMMON + 56,
    .size = 2,
    .flags = VMT_REG_RO,
    .field = -1,
    .text = "not offered" },
  { .name = "queue_reset",
    .offset = OFFSET_COMMON + 58,
    .size = 2,
    .flags = VMT_REG_RO,
    .field = -1,
    .text = "not offered" },
  { .name = "isr",
    .offset = OFFSET_ISR,
    .size = 4,
    .widths = 1 | 2 | 4,
    .flags = VMT_REG_RO | VMT_REG_SIDE_EFFECT,
    .field = -1,
    .read = isr_read,
    .text = "why the pin is asserted; reading releases it" },
  { .name = "notify",
    .offset = OFFSET_NOTIFY,
    .size = 4,
    .widths = 2 | 4,
    .flags = VMT_REG_WO,
    .field = -1,
    .stride = NOTIFY_MULTIPLIER,
    .count = VMT_VIRTIO_MAX_QUEUES,
    .write = notify_write,
    .text = "a queue has new buffers" },
  VMT_REGISTERS_END,
};

static gboolean
is_device_config (guint64 offset)
{
  return offset >= OFFSET_DEVICE && offset < OFFSET_NOTIFY;
}

/* The device's lock is taken once for all that a register does with it. */
static VmtMemStatus
bar_read (gpointer opaque, guint64 offset, guint size, guint64 *value)
{
  VmtVirtioPci *self = opaque;
  GMutex *lock = NULL;
  VmtMemStatus status = VMT_MEM_OK;

  if (self->device != NULL)
    {
      lock = vmt_device_get_lock (VMT_DEVICE (self->device));
      g_mutex_lock (lock);
    }
  if (!is_device_config (offset))
    status = vmt_device_table_read (VMT_DEVICE (self), 0, offset, size, value);
  else if (self->device != NULL)
    vmt_virtio_device_config_read (self->device, offset - OFFSET_DEVICE, size, value);
  else
    *value = 0;
  if (lock != NULL)
    g_mutex_unlock (lock);
  return status;
}

static VmtMemStatus
bar_write (gpointer opaque, guint64 offset, guint size, guint64 value)
{
  VmtVirtioPci *self = opaque;
  GMutex *lock = NULL;
  VmtMemStatus status = VMT_MEM_OK;

  if (self->device != NULL)
    {
      lock = vmt_device_get_lock (VMT_DEVICE (self->device));
      g_mutex_lock (lock);
    }
  if (!is_device_config (offset))
    status = vmt_device_table_write (VMT_DEVICE (self), 0, offset, size, value);
  else if (self->device != NULL)
    vmt_virtio_device_config_write (self->device, offset - OFFSET_DEVICE, size, value);
  if (lock != NULL)
    g_mutex_unlock (lock);
  return status;
}

static const VmtMmioOps bar_ops = {
  .read = bar_read,
  .write = bar_write,
  .min_size = 1,
  .max_size = 8,
};

static const VmtRegionSpec regions[] = {
  { .name = "virtio", .size = REGION_SIZE, .registers = registers, .ops = &bar_ops },
  { .name = NULL },
};

static const VmtStateField state[] = {
  VMT_PCI_STATE,
  VMT_STATE (VmtVirtioPci, device_feature_select, U32),
  VMT_STATE (VmtVirtioPci, driver_feature_select, U32),
  VMT_STATE (VmtVirtioPci, queue_select, U16),
  VMT_STATE (VmtVirtioPci, config_vector, U16),
  VMT_STATE (VmtVirtioPci, isr, U8),
  VMT_STATE_END,
};

/* The window capability: an access to its data field is one to the BAR (4.1.4.9). FALSE while it is
 * not set up soundly. */
static gboolean
get_window (VmtVirtioPci *self, guint offset, guint size, guint32 *at, guint32 *length)
{
  const guint8 *cap = vmt_pci_device_get_config (VMT_PCI_DEVICE (self)) + self->window;

  if (offset >= self->window + CAP_EXTRA + 4 || offset + size <= self->window + CAP_EXTRA)
    return FALSE;
  memcpy (at, cap + CAP_OFFSET, 4);
  memcpy (length, cap + CAP_SIZE, 4);
  *at = GUINT32_FROM_LE (*at);
  *length = GUINT32_FROM_LE (*length);
  return cap[CAP_BAR] == BAR_VIRTIO && (*length == 1 || *length == 2 || *length == 4) &&
         *at % *length == 0 && *at < REGION_SIZE;
}

static void
vmt_virtio_pci_config_written (VmtPciDevice *pci, guint offset, guint size)
{
  VmtVirtioPci *self = VMT_VIRTIO_PCI (pci);
  guint32 at, length;
  guint64 value = 0;

  if (!get_window (self, offset, size, &at, &length))
    return;
  memcpy (&value, vmt_pci_device_get_config (pci) + self->window + CAP_EXTRA, length);
  bar_write (self, at, length, GUINT64_FROM_LE (value));
}

static void
vmt_virtio_pci_config_reading (VmtPciDevice *pci, guint offset, guint size)
{
  VmtVirtioPci *self = VMT_VIRTIO_PCI (pci);
  guint32 at, length;
  guint64 value = 0;

  if (!get_window (self, offset, size, &at, &length) ||
      bar_read (self, at, length, &value) != VMT_MEM_OK)
    return;
  value = GUINT64_TO_LE (value);
  memcpy (vmt_pci_device_get_config (pci) + self->window + CAP_EXTRA, &value, length);
}

static gboolean
vmt_virtio_pci_plug (VmtDevice *device, VmtDevice *child, GError **error)
{
  VmtVirtioPci *self = VMT_VIRTIO_PCI (device);

  if (!VMT_IS_VIRTIO_DEVICE (child))
    {
      g_set_error (error, VMT_ERROR, VMT_ERROR_INVALID,
                   "%s takes a virtio device, which a %s is not",
                   vmt_object_get_id (VMT_OBJECT (self)), G_OBJECT_TYPE_NAME (child));
      return FALSE;
    }
  if (self->device != NULL)
    {
      g_set_error (
          error, VMT_ERROR, VMT_ERROR_BUSY, "%s already holds \"%s\": a function takes one device",
          vmt_object_get_id (VMT_OBJECT (self)), vmt_object_get_id (VMT_OBJECT (self->device)));
      return FALSE;
    }
  self->device = VMT_VIRTIO_DEVICE (child);
  vmt_virtio_device_attach_transport (self->device, &transport_ops, self);
  return TRUE;
}

static guint
add_capability (VmtVirtioPci *self, guint8 type, guint32 offset, guint32 length, guint size)
{
  VmtPciDevice *pci = VMT_PCI_DEVICE (self);
  guint at = vmt_pci_device_add_capability (pci, VMT_PCI_CAP_VENDOR, size);
  guint8 *cap = vmt_pci_device_get_initial_config (pci) + at;

  offset = GUINT32_TO_LE (offset);
  length = GUINT32_TO_LE (length);
  cap[CAP_LENGTH] = size;
  cap[CAP_TYPE] = type;
  cap[CAP_BAR] = type == CAP_PCI ? 0 : BAR_VIRTIO;
  memcpy (cap + CAP_OFFSET, &offset, 4);
  memcpy (cap + CAP_SIZE, &length, 4);
  return at;
}

/* What the function shows itself as, by kind of device. */
static guint32
get_class_code (guint16 device_id)
{
  switch (device_id)
    {
    case 1:
      return 0x020000; /* Ethernet */
    case 2:
      return 0x018000; /* other mass storage */
    case 3:
      return 0x078000; /* other communication */
    default:
      return 0x00ff00; /* none of the classes */
    }
}

static void
put_le (guint8 *at, guint size, guint32 value)
{
  for (guint i = 0; i < size; i++)
    at[i] = value >> (8 * i);
}

static gboolean
vmt_virtio_pci_realize (VmtDevice *device, GError **error)
{
  VmtVirtioPci *self = VMT_VIRTIO_PCI (device);
  VmtPciDevice *pci = VMT_PCI_DEVICE (device);
  guint8 *config = vmt_pci_device_get_initial_config (pci);
  guint8 *mask = vmt_pci_device_get_write_mask (pci);
  guint16 id;

  if (self->device == NULL)
    {
      g_set_error (error, VMT_ERROR, VMT_ERROR_STATE,
                   "%s holds no device: put a virtio device into it",
                   vmt_object_get_id (VMT_OBJECT (self)));
      return FALSE;
    }
  id = vmt_virtio_device_get_device_id (self->device);
  put_le (config + CONFIG_DEVICE_ID, 2, DEVICE_ID_BASE + id);
  put_le (config + CONFIG_CLASS, 3, get_class_code (id));
  vmt_pci_device_add_bar (pci, BAR_VIRTIO, 0, TRUE, TRUE);
  add_capability (self, CAP_COMMON, OFFSET_COMMON, COMMON_SIZE, 16);
  add_capability (self, CAP_ISR, OFFSET_ISR, 4, 16);
  add_capability (self, CAP_DEVICE, OFFSET_DEVICE, OFFSET_NOTIFY - OFFSET_DEVICE, 16);
  config[add_capability (self, CAP_NOTIFY, OFFSET_NOTIFY, VMT_VIRTIO_MAX_QUEUES * NOTIFY_MULTIPLIER,
                         20) +
         CAP_EXTRA] = NOTIFY_MULTIPLIER;
  self->window = add_capability (self, CAP_PCI, 0, 0, 20);
  mask[self->window + CAP_BAR] = 0xff;
  memset (mask + self->window + CAP_OFFSET, 0xff, 12);
  /* One for each queue and one for the configuration. */
  vmt_pci_device_add_msix (pci, VMT_VIRTIO_MAX_QUEUES + 1, BAR_MSIX);
  return VMT_DEVICE_CLASS (vmt_virtio_pci_parent_class)->realize (device, error);
}

static void
vmt_virtio_pci_reset (VmtDevice *device)
{
  VmtVirtioPci *self = VMT_VIRTIO_PCI (device);

  VMT_DEVICE_CLASS (vmt_virtio_pci_parent_class)->reset (device);
  g_mutex_lock (&self->interrupt_lock);
  clear_isr (self);
  g_mutex_unlock (&self->interrupt_lock);
}

static void
vmt_virtio_pci_child_removed (VmtObject *object, VmtObject *child)
{
  VmtVirtioPci *self = VMT_VIRTIO_PCI (object);
  VmtObjectClass *parent_class = VMT_OBJECT_CLASS (vmt_virtio_pci_parent_class);

  if (self->device != NULL && VMT_OBJECT (self->device) == child)
    {
      vmt_virtio_device_attach_transport (self->device, NULL, NULL);
      self->device = NULL;
    }
  if (parent_class->child_removed != NULL)
    parent_class->child_removed (object, child);
}

static void
vmt_virtio_pci_finalize (GObject *object)
{
  g_mutex_clear (&VMT_VIRTIO_PCI (object)->interrupt_lock);
  G_OBJECT_CLASS (vmt_virtio_pci_parent_class)->finalize (object);
}

static void
vmt_virtio_pci_class_init (VmtVirtioPciClass *klass)
{
  VmtDeviceClass *device_class = VMT_DEVICE_CLASS (klass);
  VmtPciDeviceClass *pci_class = VMT_PCI_DEVICE_CLASS (klass);

  G_OBJECT_CLASS (klass)->finalize = vmt_virtio_pci_finalize;
  VMT_OBJECT_CLASS (klass)->child_removed = vmt_virtio_pci_child_removed;
  device_class->text = "PCI function for a virtio device";
  device_class->regions = regions;
  device_class->state = state;
  device_class->state_version = 1;
  device_class->plug = vmt_virtio_pci_plug;
  device_class->realize = vmt_virtio_pci_realize;
  device_class->reset = vmt_virtio_pci_reset;
  pci_class->vendor_id = VENDOR_ID;
  pci_class->device_id = DEVICE_ID_BASE;
  pci_class->subsystem_vendor_id = VENDOR_ID;
  pci_class->subsystem_id = SUBSYSTEM_ID;
  pci_class->revision = 1;
  pci_class->config_written = vmt_virtio_pci_config_written;
  pci_class->config_reading = vmt_virtio_pci_config_reading;
}

static void
vmt_virtio_pci_init (VmtVirtioPci *self)
{
  g_mutex_init (&self->interrupt_lock);
}
