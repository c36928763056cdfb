/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "vmt.h"

G_BEGIN_DECLS

/* The loop over a queue ends after one round, however fast the driver fills it, so that no vCPU is
 * kept from its safepoint: what is left is notified again from the machine's context. */
typedef struct
{
  VmtVirtioDevice *device;
  VmtTimer *timer;
  guint32 queues;
} VmtVirtioKick;

void _vmt_virtio_kick_init (VmtVirtioKick *kick, VmtVirtioDevice *device);
void _vmt_virtio_kick_clear (VmtVirtioKick *kick);
/* The device's lock is held. */
void _vmt_virtio_kick_later (VmtVirtioKick *kick, VmtVirtqueue *queue);

G_END_DECLS
