/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The driver's side of a split virtqueue, for tests: it writes whatever it is told to. */
#pragma once

#include "vmt-harness.h"
#include "vmt-virtio.h"

#define DESC_NEXT 1
#define DESC_WRITE 2
#define DESC_INDIRECT 4

typedef struct
{
  VmtHarness *harness;
  guint size;
  guint64 desc, avail, used; /* addresses */
  guint16 offered, seen;
} DriverQueue;

/* Clears and lays out a queue at @base, which takes less than 16 KiB. */
void driver_queue_init (DriverQueue *queue, VmtHarness *harness, guint64 base, guint size);
void driver_put16 (DriverQueue *queue, guint64 address, guint16 value);
guint16 driver_get16 (DriverQueue *queue, guint64 address);
/* A descriptor in any table. */
void driver_set_desc (DriverQueue *queue, guint64 table, guint index, guint64 address, guint32 size,
                      guint16 flags, guint16 next);
void driver_offer (DriverQueue *queue, guint16 head);
/* The next used element; FALSE: there is none. */
gboolean driver_take_used (DriverQueue *queue, guint32 *id, guint32 *size);
void driver_set_used_event (DriverQueue *queue, guint16 event);
guint16 driver_get_avail_event (DriverQueue *queue);

/* virtio-mmio: resets, negotiates @features (VERSION_1 is added) and sets the queues up; DRIVER_OK
 * last. */
void driver_mmio_start (VmtHarness *harness, guint64 base, guint64 features, DriverQueue *queues,
                        guint n);
/* One chain of a readable and a writable buffer (each left out when its size is 0), at descriptor
 * @head and the next. */
void driver_offer_pair (DriverQueue *queue, guint16 head, guint64 out, guint32 out_size, guint64 in,
                        guint32 in_size);
