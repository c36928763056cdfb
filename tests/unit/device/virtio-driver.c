/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "virtio-driver.h"

#include <string.h>

void
driver_queue_init (DriverQueue *queue, VmtHarness *harness, guint64 base, guint size)
{
  g_autofree guint8 *zero = g_malloc0 (0x4000);

  memset (queue, 0, sizeof *queue);
  queue->harness = harness;
  queue->size = size;
  queue->desc = base;
  queue->avail = base + 16 * (guint64)size;
  queue->used = (queue->avail + 6 + 2 * (guint64)size + 3) & ~(guint64)3;
  g_assert_true (vmt_harness_poke (harness, base, zero, 0x4000));
}

void
driver_put16 (DriverQueue *queue, guint64 address, guint16 value)
{
  g_assert_true (vmt_harness_poke (queue->harness, address, &value, 2));
}

guint16
driver_get16 (DriverQueue *queue, guint64 address)
{
  guint16 value = 0;

  g_assert_true (vmt_harness_peek (queue->harness, address, &value, 2));
  return value;
}

void
driver_set_desc (DriverQueue *queue, guint64 table, guint index, guint64 address, guint32 size,
                 guint16 flags, guint16 next)
{
  struct
  {
    guint64 address;
    guint32 size;
    guint16 flags, next;
  } descriptor = { address, size, flags, next };

  g_assert_true (vmt_harness_poke (queue->harness, table + 16 * (guint64)index, &descriptor, 16));
}

void
driver_offer (DriverQueue *queue, guint16 head)
{
  driver_put16 (queue, queue->avail + 4 + 2 * (queue->offered % queue->size), head);
  queue->offered++;
  driver_put16 (queue, queue->avail + 2, queue->offered);
}

gboolean
driver_take_used (DriverQueue *queue, guint32 *id, guint32 *size)
{
  guint32 element[2];

  if (driver_get16 (queue, queue->used + 2) == queue->seen)
    return FALSE;
  g_assert_true (vmt_harness_peek (queue->harness,
                                   queue->used + 4 + 8 * (queue->seen % queue->size), element, 8));
  queue->seen++;
  if (id != NULL)
    *id = element[0];
  if (size != NULL)
    *size = element[1];
  return TRUE;
}

void
driver_set_used_event (DriverQueue *queue, guint16 event)
{
  driver_put16 (queue, queue->avail + 4 + 2 * queue->size, event);
}

guint16
driver_get_avail_event (DriverQueue *queue)
{
  return driver_get16 (queue, queue->used + 4 + 8 * queue->size);
}

void
driver_mmio_start (VmtHarness *harness, guint64 base, guint64 features, DriverQueue *queues,
                   guint n)
{
  features |= G_GUINT64_CONSTANT (1) << VMT_VIRTIO_F_VERSION_1;
  vmt_harness_put (harness, base + 0x70, 4, 0);
  vmt_harness_put (harness, base + 0x70, 4, 1);
  vmt_harness_put (harness, base + 0x70, 4, 3);
  for (guint i = 0; i < 2; i++)
    {
      vmt_harness_put (harness, base + 0x24, 4, i);
      vmt_harness_put (harness, base + 0x20, 4, (guint32)(features >> (32 * i)));
    }
  vmt_harness_put (harness, base + 0x70, 4, 11);
  g_assert_cmphex (vmt_harness_get (harness, base + 0x70, 4), ==, 11);
  for (guint i = 0; i < n; i++)
    {
      const guint64 areas[] = { queues[i].desc, queues[i].avail, queues[i].used };

      vmt_harness_put (harness, base + 0x30, 4, i);
      g_assert_cmpuint (vmt_harness_get (harness, base + 0x34, 4), >=, queues[i].size);
      vmt_harness_put (harness, base + 0x38, 4, queues[i].size);
      for (guint k = 0; k < 3; k++)
        {
          vmt_harness_put (harness, base + 0x80 + 0x10 * k, 4, (guint32)areas[k]);
          vmt_harness_put (harness, base + 0x84 + 0x10 * k, 4, areas[k] >> 32);
        }
      vmt_harness_put (harness, base + 0x44, 4, 1);
      g_assert_cmphex (vmt_harness_get (harness, base + 0x44, 4), ==, 1);
    }
  vmt_harness_put (harness, base + 0x70, 4, 15);
  g_assert_cmphex (vmt_harness_get (harness, base + 0x70, 4), ==, 15);
}

void
driver_offer_pair (DriverQueue *queue, guint16 head, guint64 out, guint32 out_size, guint64 in,
                   guint32 in_size)
{
  if (out_size > 0)
    driver_set_desc (queue, queue->desc, head, out, out_size, in_size > 0 ? DESC_NEXT : 0,
                     head + 1);
  if (in_size > 0)
    driver_set_desc (queue, queue->desc, head + (out_size > 0), in, in_size, DESC_WRITE, 0);
  driver_offer (queue, head);
}
