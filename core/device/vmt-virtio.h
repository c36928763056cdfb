/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "vmt-block.h"
#include "vmt-device.h"

G_BEGIN_DECLS

/* Virtio 1.2, transport-neutral: split virtqueues, feature negotiation, configuration. Transports
 * (virtio-mmio, virtio-pci) are devices that a VmtVirtioDevice is plugged into. */

#define VMT_VIRTIO_MAX_QUEUES 16
#define VMT_VIRTIO_QUEUE_MAX 1024 /* descriptors */
#define VMT_VIRTIO_QUEUE_DEFAULT 256
#define VMT_VIRTIO_CONFIG_MAX 256

/* Bits of the device status (virtio 1.2, 2.1). */
#define VMT_VIRTIO_S_ACKNOWLEDGE 0x01
#define VMT_VIRTIO_S_DRIVER 0x02
#define VMT_VIRTIO_S_DRIVER_OK 0x04
#define VMT_VIRTIO_S_FEATURES_OK 0x08
#define VMT_VIRTIO_S_NEEDS_RESET 0x40
#define VMT_VIRTIO_S_FAILED 0x80
#define VMT_VIRTIO_NO_VECTOR 0xffff
#define VMT_VIRTIO_F_INDIRECT_DESC 28
#define VMT_VIRTIO_F_EVENT_IDX 29
#define VMT_VIRTIO_F_VERSION_1 32

typedef struct _VmtVirtqueue VmtVirtqueue;

/**
 * VmtVirtqBuffer:
 *
 * A chain that the driver offered: what the device reads (out), then what it writes (in). Host
 * pointers into guest RAM, valid until the buffer is pushed. Preallocated with the queue: popping
 * allocates nothing.
 */
typedef struct
{
  guint16 head;
  guint16 n_out, n_in;
  guint64 out_size, in_size;
  VmtIoVec *out, *in;
  guint64 *in_address; /* guest addresses of the in pieces */
} VmtVirtqBuffer;

/**
 * VmtVirtioState:
 *
 * What a driver has set up: one element a queue. Part of the instance so that the state table of a
 * device's class can carry it: begin that table with VMT_VIRTIO_STATE.
 */
typedef struct
{
  guint64 driver_features;
  guint64 desc[VMT_VIRTIO_MAX_QUEUES], driver[VMT_VIRTIO_MAX_QUEUES], device[VMT_VIRTIO_MAX_QUEUES];
  guint32 config_generation; /* atomic */
  guint16 size[VMT_VIRTIO_MAX_QUEUES];
  guint16 vector[VMT_VIRTIO_MAX_QUEUES];
  guint16 last_avail[VMT_VIRTIO_MAX_QUEUES]; /* the next entry of the available ring to look at */
  guint16 used[VMT_VIRTIO_MAX_QUEUES];       /* the used ring's index */
  guint16 signalled[VMT_VIRTIO_MAX_QUEUES]; /* that index when the driver was last considered for an
                                               interrupt */
  guint8 ready[VMT_VIRTIO_MAX_QUEUES];
  guint8 status; /* atomic */
} VmtVirtioState;

#define VMT_TYPE_VIRTIO_DEVICE (vmt_virtio_device_get_type ())
#define VMT_VIRTIO_DEVICE(o)                                                                       \
  (G_TYPE_CHECK_INSTANCE_CAST ((o), VMT_TYPE_VIRTIO_DEVICE, VmtVirtioDevice))
#define VMT_VIRTIO_DEVICE_CLASS(k)                                                                 \
  (G_TYPE_CHECK_CLASS_CAST ((k), VMT_TYPE_VIRTIO_DEVICE, VmtVirtioDeviceClass))
#define VMT_IS_VIRTIO_DEVICE(o) (G_TYPE_CHECK_INSTANCE_TYPE ((o), VMT_TYPE_VIRTIO_DEVICE))
#define VMT_VIRTIO_DEVICE_GET_CLASS(o)                                                             \
  (G_TYPE_INSTANCE_GET_CLASS ((o), VMT_TYPE_VIRTIO_DEVICE, VmtVirtioDeviceClass))

typedef struct _VmtVirtioDevice VmtVirtioDevice;
typedef struct _VmtVirtioDeviceClass VmtVirtioDeviceClass;
typedef struct _VmtVirtioDevicePrivate VmtVirtioDevicePrivate;

/**
 * VmtVirtioDevice:
 * @state: what the driver has set up; for state tables only
 *
 * Base class of what is plugged into a virtio transport. Subclasses that override realize,
 * unrealize or reset chain up (realize first, unrealize last).
 */
struct _VmtVirtioDevice
{
  VmtDevice parent_instance;
  VmtVirtioState state;
  VmtVirtioDevicePrivate *priv;
};

GType vmt_virtio_device_get_type (void);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (VmtVirtioDevice, g_object_unref)

#define VMT_VIRTIO_STATE_FIELD(member, type, n)                                                    \
  {                                                                                                \
    "virtio-" #member, G_STRUCT_OFFSET (VmtVirtioDevice, state.member), VMT_STATE_##type, 1, (n)   \
  }
#define VMT_VIRTIO_STATE                                                                           \
  VMT_VIRTIO_STATE_FIELD (driver_features, U64, 0),                                                \
      VMT_VIRTIO_STATE_FIELD (desc, U64, VMT_VIRTIO_MAX_QUEUES),                                   \
      VMT_VIRTIO_STATE_FIELD (driver, U64, VMT_VIRTIO_MAX_QUEUES),                                 \
      VMT_VIRTIO_STATE_FIELD (device, U64, VMT_VIRTIO_MAX_QUEUES),                                 \
      VMT_VIRTIO_STATE_FIELD (config_generation, U32, 0),                                          \
      VMT_VIRTIO_STATE_FIELD (size, U16, VMT_VIRTIO_MAX_QUEUES),                                   \
      VMT_VIRTIO_STATE_FIELD (vector, U16, VMT_VIRTIO_MAX_QUEUES),                                 \
      VMT_VIRTIO_STATE_FIELD (last_avail, U16, VMT_VIRTIO_MAX_QUEUES),                             \
      VMT_VIRTIO_STATE_FIELD (used, U16, VMT_VIRTIO_MAX_QUEUES),                                   \
      VMT_VIRTIO_STATE_FIELD (signalled, U16, VMT_VIRTIO_MAX_QUEUES),                              \
      VMT_VIRTIO_STATE_FIELD (ready, BYTES, VMT_VIRTIO_MAX_QUEUES),                                \
      VMT_VIRTIO_STATE_FIELD (status, U8, 0)

struct _VmtVirtioDeviceClass
{
  VmtDeviceClass parent_class;
  guint16 device_id; /* 1 net, 2 block, 3 console, 4 entropy */
  guint n_queues;    /* or set by the instance with vmt_virtio_device_set_n_queues() */
  guint config_size; /* at most VMT_VIRTIO_CONFIG_MAX; or vmt_virtio_device_set_config_size() */
  /* Besides VERSION_1, INDIRECT_DESC and EVENT_IDX, which every device has. (nullable) */
  guint64 (*get_features) (VmtVirtioDevice *self);
  /* FALSE refuses (FEATURES_OK stays clear). */
  gboolean (*set_features) (VmtVirtioDevice *self, guint64 features);
  /* Bytes of device configuration, little endian. @config holds config_size bytes. */
  void (*get_config) (VmtVirtioDevice *self, guint8 *config);
  void (*set_config) (VmtVirtioDevice *self, guint offset, guint size, const guint8 *data);
  /* The driver rang queue @index. The device's lock is held; vCPU thread or machine's. */
  void (*notify) (VmtVirtioDevice *self, guint index);
  /* DRIVER_OK was set. */
  void (*start) (VmtVirtioDevice *self);
  /* Reset by the driver or the machine: the device's own state goes back to the beginning. Buffers
   * that are out may be pushed later as usual: they then go nowhere. Until the last one has come
   * back the driver reads that the reset is still under way. */
  void (*stop) (VmtVirtioDevice *self);
  gpointer reserved[8];
};

VmtVirtqueue *vmt_virtio_device_get_queue (VmtVirtioDevice *self, guint index);
guint64 vmt_virtio_device_get_driver_features (VmtVirtioDevice *self);
static inline gboolean
vmt_virtio_device_has_feature (VmtVirtioDevice *self, guint bit)
{
  return (vmt_virtio_device_get_driver_features (self) >> bit) & 1;
}
gboolean vmt_virtio_device_is_started (VmtVirtioDevice *self);
/* Configuration changed: tells the driver. Any thread. */
void vmt_virtio_device_config_changed (VmtVirtioDevice *self);
/* The driver did something impossible: DEVICE_NEEDS_RESET, queues stop, one guest-error record.
 * Lock held. */
void vmt_virtio_device_broken (VmtVirtioDevice *self, const char *what, guint64 value);

/* Lock held for all of these. NULL: nothing offered, or the queue is broken. At most the queue's
 * size buffers are out at once. */
VmtVirtqBuffer *vmt_virtqueue_pop (VmtVirtqueue *queue);
/* Gives it back with @written bytes of its in part filled. Does not interrupt: call
 * vmt_virtqueue_flush() after a batch. */
void vmt_virtqueue_push (VmtVirtqueue *queue, VmtVirtqBuffer *buffer, guint32 written);
/* Several at once: the driver sees all of them or none. At most the queue's size. */
void vmt_virtqueue_push_all (VmtVirtqueue *queue, VmtVirtqBuffer **buffers, const guint32 *written,
                             guint n);
/* Puts back the buffer that was popped last, as if it had not been popped. */
void vmt_virtqueue_unpop (VmtVirtqueue *queue, VmtVirtqBuffer *buffer);
void vmt_virtqueue_flush (VmtVirtqueue *queue);
gboolean vmt_virtqueue_is_empty (VmtVirtqueue *queue);
/* Notifications that the device does not need now (polling a burst). After enabling them again look
 * once more whether the queue is empty. */
void vmt_virtqueue_set_notification (VmtVirtqueue *queue, gboolean enable);
guint vmt_virtqueue_get_index (VmtVirtqueue *queue);

/* Copies between a buffer's pieces and a flat buffer, from @offset; returns the bytes copied. */
gsize vmt_virtq_buffer_read (const VmtVirtqBuffer *buffer, gsize offset, gpointer data, gsize size);
gsize vmt_virtq_buffer_write (const VmtVirtqBuffer *buffer, gsize offset, gconstpointer data,
                              gsize size);

/* What a transport calls. All with the device's lock held. */
typedef struct
{
  /* A used buffer notification for @queue's vector, or a configuration change (@queue NULL). Any
   * thread. */
  void (*interrupt) (gpointer transport, VmtVirtqueue *queue);
} VmtVirtioTransportOps;

void vmt_virtio_device_attach_transport (VmtVirtioDevice *self, const VmtVirtioTransportOps *ops,
                                         gpointer transport);
/* (nullable): the transport's device. */
gpointer vmt_virtio_device_get_transport (VmtVirtioDevice *self);
guint16 vmt_virtio_device_get_device_id (VmtVirtioDevice *self);
/* 0 before realize. */
guint vmt_virtio_device_get_n_queues (VmtVirtioDevice *self);
/* Before chaining up in realize. */
void vmt_virtio_device_set_n_queues (VmtVirtioDevice *self, guint n);
void vmt_virtio_device_set_config_size (VmtVirtioDevice *self, guint size);
guint vmt_virtio_device_get_config_size (VmtVirtioDevice *self);
/* What the driver's configuration reads are checked against: changes with
 * vmt_virtio_device_config_changed(). Any thread. */
guint32 vmt_virtio_device_get_config_generation (VmtVirtioDevice *self);
guint64 vmt_virtio_device_get_device_features (VmtVirtioDevice *self);
void vmt_virtio_device_set_driver_features (VmtVirtioDevice *self, guint64 features);
guint8 vmt_virtio_device_get_status (VmtVirtioDevice *self);
void vmt_virtio_device_set_status (VmtVirtioDevice *self, guint8 status);
void vmt_virtio_device_config_read (VmtVirtioDevice *self, guint offset, guint size,
                                    guint64 *value);
void vmt_virtio_device_config_write (VmtVirtioDevice *self, guint offset, guint size,
                                     guint64 value);
void vmt_virtio_device_queue_notify (VmtVirtioDevice *self, guint index);
guint vmt_virtqueue_get_max_size (VmtVirtqueue *queue);
guint vmt_virtqueue_get_size (VmtVirtqueue *queue);
void vmt_virtqueue_get_addresses (VmtVirtqueue *queue, guint64 *desc, guint64 *driver,
                                  guint64 *device);
gboolean vmt_virtqueue_set_size (VmtVirtqueue *queue, guint size);
void vmt_virtqueue_set_addresses (VmtVirtqueue *queue, guint64 desc, guint64 driver,
                                  guint64 device);
gboolean vmt_virtqueue_set_ready (VmtVirtqueue *queue, gboolean ready);
gboolean vmt_virtqueue_is_ready (VmtVirtqueue *queue);
/* The transport's own number for the queue's interrupt (an MSI-X vector). */
void vmt_virtqueue_set_vector (VmtVirtqueue *queue, guint16 vector);
guint16 vmt_virtqueue_get_vector (VmtVirtqueue *queue);

G_END_DECLS
