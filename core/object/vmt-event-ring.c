/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "vmt-event.h"

#include <stdatomic.h>

/* Each slot says by its turn whose it is: turn == position: free for the producer of that position;
 * position + 1: filled, the consumer's; after that position + size, the producer's of the next
 * round. So neither side looks at the other's index, and a producer that is preempted between
 * claiming and filling holds up the consumer, never another producer. */
typedef struct
{
  _Atomic guint64 turn;
  VmtEventRecord record;
} Slot;

#define CACHE_LINE 64

struct _VmtEventRing
{
  guint64 mask;
  Slot *slots;
  _Alignas(CACHE_LINE) _Atomic guint64 head; /* next position to fill */
  _Atomic guint64 dropped;
  _Alignas(CACHE_LINE) guint64 tail; /* next position to read; the consumer's own */
};

/**
 * vmt_event_ring_new:
 * @records_log2: the capacity's logarithm, 1..20
 *
 * Returns: (transfer full): an empty ring
 */
VmtEventRing *
vmt_event_ring_new (guint records_log2)
{
  VmtEventRing *self;
  guint64 size;

  g_return_val_if_fail (records_log2 >= 1 && records_log2 <= 20, NULL);

  size = G_GUINT64_CONSTANT (1) << records_log2;
  self = g_aligned_alloc0 (1, sizeof *self, CACHE_LINE);
  self->mask = size - 1;
  self->slots = g_new0 (Slot, size);
  for (guint64 i = 0; i < size; i++)
    atomic_init (&self->slots[i].turn, i);
  return self;
}

/**
 * vmt_event_ring_free:
 * @ring: (transfer full) (nullable): a ring that no producer uses any more
 */
void
vmt_event_ring_free (VmtEventRing *ring)
{
  if (ring == NULL)
    return;
  g_free (ring->slots);
  g_aligned_free (ring);
}

/**
 * vmt_event_ring_push:
 * @ring: a ring
 * @record: is copied
 *
 * Any thread; neither locks nor allocates.
 *
 * Returns: %FALSE when the ring is full: the record is dropped and counted
 */
gboolean
vmt_event_ring_push (VmtEventRing *ring, const VmtEventRecord *record)
{
  guint64 position = atomic_load_explicit (&ring->head, memory_order_relaxed);

  for (;;)
    {
      Slot *slot = &ring->slots[position & ring->mask];
      guint64 turn = atomic_load_explicit (&slot->turn, memory_order_acquire);

      if (turn == position)
        {
          if (!atomic_compare_exchange_weak_explicit (&ring->head, &position, position + 1,
                                                      memory_order_relaxed, memory_order_relaxed))
            continue;
          slot->record = *record;
          atomic_store_explicit (&slot->turn, position + 1, memory_order_release);
          return TRUE;
        }
      if ((gint64)(turn - position) < 0)
        {
          atomic_fetch_add_explicit (&ring->dropped, 1, memory_order_relaxed);
          return FALSE;
        }
      /* Somebody else has filled it since head was read. */
      position = atomic_load_explicit (&ring->head, memory_order_relaxed);
    }
}

/**
 * vmt_event_ring_pop:
 * @ring: a ring
 * @record: (out caller-allocates): the oldest record
 *
 * The consumer's thread only.
 *
 * Returns: %FALSE when there is none, or when the oldest is being written just now
 */
gboolean
vmt_event_ring_pop (VmtEventRing *ring, VmtEventRecord *record)
{
  Slot *slot = &ring->slots[ring->tail & ring->mask];

  if (atomic_load_explicit (&slot->turn, memory_order_acquire) != ring->tail + 1)
    return FALSE;
  *record = slot->record;
  atomic_store_explicit (&slot->turn, ring->tail + ring->mask + 1, memory_order_release);
  ring->tail++;
  return TRUE;
}

/**
 * vmt_event_ring_get_dropped:
 * @ring: a ring
 *
 * Any thread.
 *
 * Returns: how many records found it full
 */
guint64
vmt_event_ring_get_dropped (VmtEventRing *ring)
{
  return atomic_load_explicit (&ring->dropped, memory_order_relaxed);
}
