/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Virtio over MMIO, version 2 of the register layout (virtio 1.2, 4.2): a slot for one device. An
 * empty slot answers with device ID 0. */

#include "vmt-virtio-plugin-private.h"

#define MAGIC 0x74726976
#define VERSION 2
#define VENDOR 0x544d56 /* "VMT" */

#define OFFSET_CONFIG 0x100
#define REGION_SIZE 0x1000

#define INT_USED 1
#define INT_CONFIG 2

#define VMT_TYPE_VIRTIO_MMIO (vmt_virtio_mmio_get_type ())
G_DECLARE_FINAL_TYPE (VmtVirtioMmio, vmt_virtio_mmio, VMT, VIRTIO_MMIO, VmtDevice)

struct _VmtVirtioMmio
{
  VmtDevice parent_instance;

  VmtVirtioDevice *device; /* (nullable); a child, which outlives its use here */
  const VmtIrq *irq;
  GMutex interrupt_lock; /* of @interrupt_status and the line; after the devices' locks */

  guint32 device_features_sel, driver_features_sel, queue_sel;
  guint32 interrupt_status;
};

G_DEFINE_FINAL_TYPE (VmtVirtioMmio, vmt_virtio_mmio, VMT_TYPE_DEVICE)

static VmtVirtqueue *
get_queue (VmtVirtioMmio *self)
{
  return self->device != NULL ? vmt_virtio_device_get_queue (self->device, self->queue_sel) : NULL;
}

static guint64
with_half (guint64 old, guint64 value, gboolean high)
{
  return high ? (old & G_MAXUINT32) | value << 32 : (old & ~(guint64)G_MAXUINT32) | value;
}

static void
set_interrupt (VmtVirtioMmio *self, guint32 set, guint32 clear)
{
  g_mutex_lock (&self->interrupt_lock);
  self->interrupt_status = (self->interrupt_status | set) & ~clear;
  if (self->irq != NULL)
    vmt_irq_set (self->irq, self->interrupt_status != 0);
  g_mutex_unlock (&self->interrupt_lock);
}

static void
transport_interrupt (gpointer transport, VmtVirtqueue *queue)
{
  set_interrupt (transport, queue != NULL ? INT_USED : INT_CONFIG, 0);
}

static const VmtVirtioTransportOps transport_ops = { .interrupt = transport_interrupt };

static guint64
device_id_read (gpointer device, guint index)
{
  VmtVirtioMmio *self = device;

  return self->device != NULL ? vmt_virtio_device_get_device_id (self->device) : 0;
}

static guint64
device_features_read (gpointer device, guint index)
{
  VmtVirtioMmio *self = device;

  if (self->device == NULL || self->device_features_sel > 1)
    return 0;
  return vmt_virtio_device_get_device_features (self->device) >> (32 * self->device_features_sel);
}

static void
driver_features_write (gpointer device, guint index, guint64 value)
{
  VmtVirtioMmio *self = device;

  if (self->device == NULL)
    return;
  if (self->driver_features_sel > 1)
    {
      if (value != 0)
        vmt_device_guest_error (VMT_DEVICE (self), "feature bits beyond 63", value);
      return;
    }
  vmt_virtio_device_set_driver_features (
      self->device, with_half (vmt_virtio_device_get_driver_features (self->device), value,
                               self->driver_features_sel));
}

static guint64
queue_num_max_read (gpointer device, guint index)
{
  VmtVirtqueue *queue = get_queue (device);

  return queue != NULL ? vmt_virtqueue_get_max_size (queue) : 0;
}

static void
queue_num_write (gpointer device, guint index, guint64 value)
{
  VmtVirtqueue *queue = get_queue (device);

  if (queue != NULL)
    vmt_virtqueue_set_size (queue, value);
}

static guint64
queue_ready_read (gpointer device, guint index)
{
  VmtVirtqueue *queue = get_queue (device);

  return queue != NULL && vmt_virtqueue_is_ready (queue);
}

static void
queue_ready_write (gpointer device, guint index, guint64 value)
{
  VmtVirtqueue *queue = get_queue (device);

  if (queue != NULL)
    vmt_virtqueue_set_ready (queue, value & 1);
}

static void
queue_notify_write (gpointer device, guint index, guint64 value)
{
  VmtVirtioMmio *self = device;

  if (self->device != NULL)
    vmt_virtio_device_queue_notify (self->device, value);
}

static guint64
interrupt_status_read (gpointer device, guint index)
{
  VmtVirtioMmio *self = device;
  guint32 value;

  g_mutex_lock (&self->interrupt_lock);
  value = self->interrupt_status;
  g_mutex_unlock (&self->interrupt_lock);
  return value;
}

static void
interrupt_ack_write (gpointer device, guint index, guint64 value)
{
  set_interrupt (device, 0, value);
}

static guint64
status_read (gpointer device, guint index)
{
  VmtVirtioMmio *self = device;

  return self->device != NULL ? vmt_virtio_device_get_status (self->device) : 0;
}

static void
status_write (gpointer device, guint index, guint64 value)
{
  VmtVirtioMmio *self = device;

  if (self->device == NULL)
    return;
  if (value == 0)
    {
      self->device_features_sel = self->driver_features_sel = self->queue_sel = 0;
      set_interrupt (self, 0, G_MAXUINT32);
    }
  vmt_virtio_device_set_status (self->device, value);
}

/* Low and high half of the descriptor area, the driver area and the device area. */
static void
write_address (VmtVirtioMmio *self, guint area, gboolean high, guint64 value)
{
  VmtVirtqueue *queue = get_queue (self);
  guint64 address[3];

  if (queue == NULL)
    return;
  vmt_virtqueue_get_addresses (queue, &address[0], &address[1], &address[2]);
  address[area] = with_half (address[area], value, high);
  vmt_virtqueue_set_addresses (queue, address[0], address[1], address[2]);
}

static void
queue_desc_write (gpointer device, guint index, guint64 value)
{
  write_address (device, 0, index, value);
}

static void
queue_driver_write (gpointer device, guint index, guint64 value)
{
  write_address (device, 1, index, value);
}

static void
queue_device_write (gpointer device, guint index, guint64 value)
{
  write_address (device, 2, index, value);
}

static guint64
config_generation_read (gpointer device, guint index)
{
  VmtVirtioMmio *self = device;

  return self->device != NULL ? vmt_virtio_device_get_config_generation (self->device) : 0;
}

#define FIELD(member) G_STRUCT_OFFSET (VmtVirtioMmio, member)

static const VmtDeviceRegister registers[] = {
  { .name = "MagicValue",
    .offset = 0x000,
    .size = 4,
    .flags = VMT_REG_RO,
    .field = -1,
    .reset = MAGIC,
    .text = "\"virt\"" },
  { .name = "Version",
    .offset = 0x004,
    .size = 4,
    .flags = VMT_REG_RO,
    .field = -1,
    .reset = VERSION,
    .text = "of the register layout" },
  { .name = "DeviceID",
    .offset = 0x008,
    .size = 4,
    .flags = VMT_REG_RO,
    .field = -1,
    .read = device_id_read,
    .text = "kind of device; 0: the slot is empty" },
  { .name = "VendorID",
    .offset = 0x00c,
    .size = 4,
    .flags = VMT_REG_RO,
    .field = -1,
    .reset = VENDOR,
    .text = "vendor" },
  { .name = "DeviceFeatures",
    .offset = 0x010,
    .size = 4,
    .flags = VMT_REG_RO,
    .field = -1,
    .read = device_features_read,
    .text = "feature bits that the device offers, 32 of them as selected" },
  { .name = "DeviceFeaturesSel",
    .offset = 0x014,
    .size = 4,
    .field = FIELD (device_features_sel),
    .text = "which of them" },
  { .name = "DriverFeatures",
    .offset = 0x020,
    .size = 4,
    .flags = VMT_REG_WO,
    .field = -1,
    .write = driver_features_write,
    .text = "feature bits that the driver accepts, 32 of them as selected" },
  { .name = "DriverFeaturesSel",
    .offset = 0x024,
    .size = 4,
    .field = FIELD (driver_features_sel),
    .text = "which of them" },
  { .name = "QueueSel",
    .offset = 0x030,
    .size = 4,
    .field = FIELD (queue_sel),
    .text = "the queue that the following registers are of" },
  { .name = "QueueNumMax",
    .offset = 0x034,
    .size = 4,
    .flags = VMT_REG_RO,
    .field = -1,
    .read = queue_num_max_read,
    .text = "largest size; 0: there is no such queue" },
  { .name = "QueueNum",
    .offset = 0x038,
    .size = 4,
    .flags = VMT_REG_WO,
    .field = -1,
    .write = queue_num_write,
    .text = "size" },
  { .name = "QueueReady",
    .offset = 0x044,
    .size = 4,
    .field = -1,
    .read = queue_ready_read,
    .write = queue_ready_write,
    .text = "the queue may be used" },
  { .name = "QueueNotify",
    .offset = 0x050,
    .size = 4,
    .flags = VMT_REG_WO,
    .field = -1,
    .write = queue_notify_write,
    .text = "number of a queue with new buffers" },
  { .name = "InterruptStatus",
    .offset = 0x060,
    .size = 4,
    .flags = VMT_REG_RO,
    .field = -1,
    .read = interrupt_status_read,
    .text = "bit 0: used buffers, bit 1: configuration change" },
  { .name = "InterruptACK",
    .offset = 0x064,
    .size = 4,
    .flags = VMT_REG_WO,
    .field = -1,
    .write = interrupt_ack_write,
    .text = "bits to clear in InterruptStatus" },
  { .name = "Status",
    .offset = 0x070,
    .size = 4,
    .field = -1,
    .writable = 0xff,
    .read = status_read,
    .write = status_write,
    .text = "device status; writing 0 resets" },
  { .name = "QueueDesc",
    .offset = 0x080,
    .size = 4,
    .flags = VMT_REG_WO,
    .field = -1,
    .stride = 4,
    .count = 2,
    .write = queue_desc_write,
    .text = "address of the descriptor area, low and high half" },
  { .name = "QueueDriver",
    .offset = 0x090,
    .size = 4,
    .flags = VMT_REG_WO,
    .field = -1,
    .stride = 4,
    .count = 2,
    .write = queue_driver_write,
    .text = "address of the driver area, low and high half" },
  { .name = "QueueDevice",
    .offset = 0x0a0,
    .size = 4,
    .flags = VMT_REG_WO,
    .field = -1,
    .stride = 4,
    .count = 2,
    .write = queue_device_write,
    .text = "address of the device area, low and high half" },
  { .name = "SHMSel",
    .offset = 0x0ac,
    .size = 4,
    .flags = VMT_REG_WO,
    .field = -1,
    .text = "shared memory region; there are none" },
  { .name = "SHM",
    .offset = 0x0b0,
    .size = 4,
    .flags = VMT_REG_RO,
    .field = -1,
    .reset = G_MAXUINT32,
    .stride = 4,
    .count = 4,
    .text = "its length and base: all ones, it does not exist" },
  { .name = "ConfigGeneration",
    .offset = 0x0fc,
    .size = 4,
    .flags = VMT_REG_RO,
    .field = -1,
    .read = config_generation_read,
    .text = "changes with the configuration" },
  VMT_REGISTERS_END,
};

/* The device's lock is taken once for all that a register does with it. */
static VmtMemStatus
slot_read (gpointer opaque, guint64 offset, guint size, guint64 *value)
{
  VmtVirtioMmio *self = opaque;
  GMutex *lock = NULL;
  VmtMemStatus status = VMT_MEM_OK;

  if (self->device != NULL)
    {
      lock = vmt_device_get_lock (VMT_DEVICE (self->device));
      g_mutex_lock (lock);
    }
  if (offset < OFFSET_CONFIG)
    status = vmt_device_table_read (VMT_DEVICE (self), 0, offset, size, value);
  else if (self->device != NULL)
    vmt_virtio_device_config_read (self->device, offset - OFFSET_CONFIG, size, value);
  else
    *value = 0;
  if (lock != NULL)
    g_mutex_unlock (lock);
  return status;
}

static VmtMemStatus
slot_write (gpointer opaque, guint64 offset, guint size, guint64 value)
{
  VmtVirtioMmio *self = opaque;
  GMutex *lock = NULL;
  VmtMemStatus status = VMT_MEM_OK;

  if (self->device != NULL)
    {
      lock = vmt_device_get_lock (VMT_DEVICE (self->device));
      g_mutex_lock (lock);
    }
  if (offset < OFFSET_CONFIG)
    status = vmt_device_table_write (VMT_DEVICE (self), 0, offset, size, value);
  else if (self->device != NULL)
    vmt_virtio_device_config_write (self->device, offset - OFFSET_CONFIG, size, value);
  if (lock != NULL)
    g_mutex_unlock (lock);
  return status;
}

static const VmtMmioOps slot_ops = {
  .read = slot_read,
  .write = slot_write,
  .min_size = 1,
  .max_size = 4,
};

static const VmtRegionSpec regions[] = {
  { .name = "slot", .size = REGION_SIZE, .registers = registers, .ops = &slot_ops },
  { .name = NULL },
};

static const VmtIrqSpec irqs[] = {
  { "irq", "used buffers or a configuration change" },
  { NULL, NULL },
};

static const VmtStateField state[] = {
  VMT_STATE (VmtVirtioMmio, device_features_sel, U32),
  VMT_STATE (VmtVirtioMmio, driver_features_sel, U32),
  VMT_STATE (VmtVirtioMmio, queue_sel, U32),
  VMT_STATE (VmtVirtioMmio, interrupt_status, U32),
  VMT_STATE_END,
};

static gboolean
vmt_virtio_mmio_plug (VmtDevice *device, VmtDevice *child, GError **error)
{
  VmtVirtioMmio *self = VMT_VIRTIO_MMIO (device);

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
          error, VMT_ERROR, VMT_ERROR_BUSY, "%s already holds \"%s\": a slot takes one device",
          vmt_object_get_id (VMT_OBJECT (self)), vmt_object_get_id (VMT_OBJECT (self->device)));
      return FALSE;
    }
  self->device = VMT_VIRTIO_DEVICE (child);
  vmt_virtio_device_attach_transport (self->device, &transport_ops, self);
  return TRUE;
}

static gboolean
vmt_virtio_mmio_realize (VmtDevice *device, GError **error)
{
  VmtVirtioMmio *self = VMT_VIRTIO_MMIO (device);

  self->irq = vmt_device_get_irq (device, 0);
  return TRUE;
}

static void
vmt_virtio_mmio_reset (VmtDevice *device)
{
  set_interrupt (VMT_VIRTIO_MMIO (device), 0, G_MAXUINT32);
}

static void
vmt_virtio_mmio_describe (VmtDevice *device, VmtFirmwareNode *node)
{
  static const char *const compatible[] = { "virtio,mmio", NULL };

  vmt_firmware_node_set_name (node, "virtio_mmio");
  vmt_firmware_node_set_compatible (node, compatible);
}

static void
vmt_virtio_mmio_child_removed (VmtObject *object, VmtObject *child)
{
  VmtVirtioMmio *self = VMT_VIRTIO_MMIO (object);
  VmtObjectClass *parent_class = VMT_OBJECT_CLASS (vmt_virtio_mmio_parent_class);

  if (self->device != NULL && VMT_OBJECT (self->device) == child)
    {
      vmt_virtio_device_attach_transport (self->device, NULL, NULL);
      self->device = NULL;
    }
  if (parent_class->child_removed != NULL)
    parent_class->child_removed (object, child);
}

static void
vmt_virtio_mmio_finalize (GObject *object)
{
  g_mutex_clear (&VMT_VIRTIO_MMIO (object)->interrupt_lock);
  G_OBJECT_CLASS (vmt_virtio_mmio_parent_class)->finalize (object);
}

static void
vmt_virtio_mmio_class_init (VmtVirtioMmioClass *klass)
{
  VmtDeviceClass *device_class = VMT_DEVICE_CLASS (klass);

  G_OBJECT_CLASS (klass)->finalize = vmt_virtio_mmio_finalize;
  VMT_OBJECT_CLASS (klass)->child_removed = vmt_virtio_mmio_child_removed;
  device_class->text = "slot for a virtio device, reached through registers";
  device_class->regions = regions;
  device_class->irqs = irqs;
  device_class->state = state;
  device_class->state_version = 1;
  device_class->plug = vmt_virtio_mmio_plug;
  device_class->realize = vmt_virtio_mmio_realize;
  device_class->reset = vmt_virtio_mmio_reset;
  device_class->describe = vmt_virtio_mmio_describe;
}

static void
vmt_virtio_mmio_init (VmtVirtioMmio *self)
{
  g_mutex_init (&self->interrupt_lock);
}
