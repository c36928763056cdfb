/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "vmt-virtio.h"

G_BEGIN_DECLS

struct _VmtVirtioDevicePrivate
{
  const VmtVirtioTransportOps *ops;
  gpointer transport;
  guint n_queues, n_allocated, config_size;
  VmtVirtqueue *queues[VMT_VIRTIO_MAX_QUEUES];
  /* The driver asked for a reset while buffers of its former life were out. */
  gboolean resetting;
};

VmtVirtqueue *_vmt_virtqueue_new (VmtVirtioDevice *device, guint index, guint max_size);
void _vmt_virtqueue_free (VmtVirtqueue *queue);
/* Back to the state after power-on; buffers that are out become orphans. */
void _vmt_virtqueue_reset (VmtVirtqueue *queue);
guint _vmt_virtqueue_get_n_orphans (VmtVirtqueue *queue);
/* An orphan came back: the device may be done with its reset. */
void _vmt_virtio_device_orphan_returned (VmtVirtioDevice *self);
void _vmt_virtio_device_interrupt (VmtVirtioDevice *self, VmtVirtqueue *queue);

G_END_DECLS
