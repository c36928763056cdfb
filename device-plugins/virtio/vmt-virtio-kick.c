/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "vmt-virtio-kick-private.h"

static void
expired (gpointer data)
{
  VmtVirtioKick *kick = data;
  GMutex *lock = vmt_device_get_lock (VMT_DEVICE (kick->device));
  guint32 queues;

  g_mutex_lock (lock);
  queues = kick->queues;
  kick->queues = 0;
  for (; queues != 0; queues &= queues - 1)
    vmt_virtio_device_queue_notify (kick->device, __builtin_ctz (queues));
  g_mutex_unlock (lock);
}

void
_vmt_virtio_kick_init (VmtVirtioKick *kick, VmtVirtioDevice *device)
{
  VmtMachine *machine = vmt_device_get_machine (VMT_DEVICE (device));

  kick->device = device;
  kick->queues = 0;
  kick->timer = vmt_timer_new (vmt_machine_get_clock (machine), expired, kick);
}

void
_vmt_virtio_kick_clear (VmtVirtioKick *kick)
{
  g_clear_pointer (&kick->timer, vmt_timer_free);
}

void
_vmt_virtio_kick_later (VmtVirtioKick *kick, VmtVirtqueue *queue)
{
  kick->queues |= 1u << vmt_virtqueue_get_index (queue);
  vmt_timer_set (kick->timer, 0);
}
