/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Split virtqueues (virtio 1.2, 2.7). Everything in the rings is the guest's: each value is read
 * once, checked, and every loop is bounded by the queue's size. */
#include <string.h>

#include "vmt-address-space-private.h"
#include "vmt-dma.h"
#include "vmt-virtio-private.h"

#define DESC_SIZE 16
#define DESC_F_NEXT 1
#define DESC_F_WRITE 2
#define DESC_F_INDIRECT 4

#define AVAIL_FLAGS 0
#define AVAIL_IDX 2
#define AVAIL_RING 4
#define AVAIL_F_NO_INTERRUPT 1

#define USED_FLAGS 0
#define USED_IDX 2
#define USED_RING 4
#define USED_ELEM_SIZE 8
#define USED_F_NO_NOTIFY 1

typedef struct
{
  guint64 address;
  guint32 size;
  guint16 flags, next;
} Descriptor;

/* One of the three areas. @host is NULL when it does not lie in one RAM block: then every access
 * goes through DMA. */
typedef struct
{
  guint64 address, size;
  guint8 *host;
  VmtMemoryRegion region; /* with a reference on its RAM while @host is set */
} Ring;

typedef struct
{
  VmtVirtqBuffer public;
  guint capacity, n_pieces;
  VmtIoVec *iov;
  guint64 *address;
  guint32 epoch;
} Buffer;

struct _VmtVirtqueue
{
  VmtVirtioDevice *device;
  guint index, max_size;

  Ring desc, avail, used;
  gboolean cached; /* the rings' host addresses are those of @generation */
  guint generation;
  guint cached_size;

  gboolean notification; /* wanted */
  guint32 epoch;         /* counts resets: buffers of earlier ones are orphans */
  guint n_orphans;
  Buffer *buffers;
  guint n_free;
  guint16 *free; /* a stack of indices into @buffers */
};

static VmtAddressSpace *
get_space (VmtVirtqueue *queue)
{
  return vmt_device_get_address_space (VMT_DEVICE (queue->device));
}

static guint
get_size (const VmtVirtqueue *queue)
{
  return queue->device->state.size[queue->index];
}

static gboolean
has_event_idx (const VmtVirtqueue *queue)
{
  return (queue->device->state.driver_features >> VMT_VIRTIO_F_EVENT_IDX) & 1;
}

VmtVirtqueue *
_vmt_virtqueue_new (VmtVirtioDevice *device, guint index, guint max_size)
{
  VmtVirtqueue *queue = g_new0 (VmtVirtqueue, 1);

  queue->device = device;
  queue->index = index;
  queue->max_size = max_size;
  queue->buffers = g_new0 (Buffer, max_size);
  queue->free = g_new (guint16, max_size);
  for (guint i = 0; i < max_size; i++)
    queue->free[i] = max_size - 1 - i;
  queue->n_free = max_size;
  _vmt_virtqueue_reset (queue);
  return queue;
}

static void
drop_ring (Ring *ring)
{
  if (ring->host != NULL)
    vmt_ram_unref (ring->region.ram);
  ring->host = NULL;
}

static void
drop_cache (VmtVirtqueue *queue)
{
  drop_ring (&queue->desc);
  drop_ring (&queue->avail);
  drop_ring (&queue->used);
  queue->cached = FALSE;
}

void
_vmt_virtqueue_free (VmtVirtqueue *queue)
{
  drop_cache (queue);
  for (guint i = 0; i < queue->max_size; i++)
    {
      g_free (queue->buffers[i].iov);
      g_free (queue->buffers[i].address);
    }
  g_free (queue->buffers);
  g_free (queue->free);
  g_free (queue);
}

void
_vmt_virtqueue_reset (VmtVirtqueue *queue)
{
  VmtVirtioState *state = &queue->device->state;
  guint i = queue->index;

  drop_cache (queue);
  state->desc[i] = state->driver[i] = state->device[i] = 0;
  state->size[i] = queue->max_size;
  state->vector[i] = VMT_VIRTIO_NO_VECTOR;
  state->last_avail[i] = state->used[i] = state->signalled[i] = 0;
  state->ready[i] = FALSE;
  queue->notification = TRUE;
  queue->epoch++;
  queue->n_orphans = queue->max_size - queue->n_free;
}

guint
_vmt_virtqueue_get_n_orphans (VmtVirtqueue *queue)
{
  return queue->n_orphans;
}

static void
cache_ring (VmtVirtqueue *queue, Ring *ring, guint64 address, guint64 size, gboolean write)
{
  VmtMemoryRegion region;

  ring->address = address;
  ring->size = size;
  if (!_vmt_address_space_find_ram (get_space (queue), address, &region))
    return;
  if (size > region.size - (address - region.base) || (write && region.readonly))
    {
      vmt_ram_unref (region.ram);
      return;
    }
  ring->region = region;
  ring->host = region.ram->host + region.ram_offset + (address - region.base);
}

/* After the guest's memory map, the queue or (a snapshot was loaded) everything has changed. */
static void
validate (VmtVirtqueue *queue)
{
  const VmtVirtioState *state = &queue->device->state;
  guint i = queue->index, size = state->size[i];
  guint generation = vmt_address_space_get_generation (get_space (queue));

  if (G_LIKELY (queue->cached && queue->generation == generation && queue->cached_size == size &&
                queue->desc.address == state->desc[i] && queue->avail.address == state->driver[i] &&
                queue->used.address == state->device[i]))
    return;
  drop_cache (queue);
  queue->generation = generation;
  queue->cached_size = size;
  cache_ring (queue, &queue->desc, state->desc[i], (guint64)size * DESC_SIZE, FALSE);
  cache_ring (queue, &queue->avail, state->driver[i], AVAIL_RING + 2 * (guint64)size + 2, FALSE);
  cache_ring (queue, &queue->used, state->device[i], USED_RING + USED_ELEM_SIZE * (guint64)size + 2,
              TRUE);
  queue->cached = TRUE;
}

/* The ring went out of RAM. */
static gboolean
ring_lost (VmtVirtqueue *queue, const Ring *ring)
{
  vmt_virtio_device_broken (queue->device, "virtqueue outside of RAM", ring->address);
  return FALSE;
}

static gboolean
load_u16 (VmtVirtqueue *queue, const Ring *ring, guint64 offset, guint16 *value)
{
  if (G_LIKELY (ring->host != NULL))
    {
      *value = __atomic_load_n ((const guint16 *)(ring->host + offset), __ATOMIC_ACQUIRE);
      return TRUE;
    }
  if (!vmt_dma_read_u16 (get_space (queue), ring->address + offset, value))
    return ring_lost (queue, ring);
  __atomic_thread_fence (__ATOMIC_ACQUIRE);
  return TRUE;
}

/* Only the used ring is ever written. What was derived from the page is told before and after, as
 * VmtStoreFunc wants. */
static gboolean
store_u16 (VmtVirtqueue *queue, Ring *ring, guint64 offset, guint16 value)
{
  if (G_LIKELY (ring->host != NULL))
    {
      guint64 at = ring->host + offset - ring->region.ram->host;

      vmt_address_space_notify_store (get_space (queue), ring->region.ram, at, sizeof value);
      __atomic_store_n ((guint16 *)(ring->host + offset), value, __ATOMIC_RELEASE);
      vmt_address_space_notify_store (get_space (queue), ring->region.ram, at, sizeof value);
      vmt_address_space_notify_watch (get_space (queue), ring->region.ram, at, sizeof value);
      return TRUE;
    }
  __atomic_thread_fence (__ATOMIC_RELEASE);
  if (!vmt_dma_write_u16 (get_space (queue), ring->address + offset, value))
    return ring_lost (queue, ring);
  return TRUE;
}

static gboolean
store_used (VmtVirtqueue *queue, guint slot, guint32 id, guint32 size)
{
  Ring *ring = &queue->used;
  guint64 offset = USED_RING + USED_ELEM_SIZE * (guint64)slot;
  guint32 element[2] = { id, size };

  if (G_LIKELY (ring->host != NULL))
    {
      guint64 at = ring->host + offset - ring->region.ram->host;

      vmt_address_space_notify_store (get_space (queue), ring->region.ram, at, sizeof element);
      __atomic_store_n ((guint32 *)(ring->host + offset), id, __ATOMIC_RELAXED);
      __atomic_store_n ((guint32 *)(ring->host + offset + 4), size, __ATOMIC_RELAXED);
      vmt_address_space_notify_store (get_space (queue), ring->region.ram, at, sizeof element);
      vmt_address_space_notify_watch (get_space (queue), ring->region.ram, at, sizeof element);
      return TRUE;
    }
  if (!vmt_dma_write (get_space (queue), ring->address + offset, element, sizeof element))
    return ring_lost (queue, ring);
  return TRUE;
}

/* The guest may change a descriptor while it is looked at: it is copied once, and the compiler kept
 * from reading it again. */
static void
copy_descriptor (const guint8 *from, Descriptor *descriptor)
{
  memcpy (descriptor, from, sizeof *descriptor);
  __atomic_signal_fence (__ATOMIC_SEQ_CST);
}

static gboolean
load_descriptor (VmtVirtqueue *queue, const Ring *table, guint i, Descriptor *descriptor)
{
  if (G_LIKELY (table->host != NULL))
    {
      copy_descriptor (table->host + (gsize)i * DESC_SIZE, descriptor);
      return TRUE;
    }
  return vmt_dma_read (get_space (queue), table->address + (guint64)i * DESC_SIZE, descriptor,
                       sizeof *descriptor);
}

/* Most buffers lie in the RAM block of the descriptor table. */
static gboolean
in_cached_block (const VmtVirtqueue *queue, guint64 address)
{
  return queue->desc.host != NULL && !queue->desc.region.readonly &&
         address - queue->desc.region.base < queue->desc.region.size;
}

static gpointer
map_piece (VmtVirtqueue *queue, guint64 address, guint64 *size, gboolean write)
{
  const VmtMemoryRegion *region = &queue->desc.region;

  if (G_LIKELY (in_cached_block (queue, address)))
    {
      guint64 offset = address - region->base;

      *size = MIN (*size, region->size - offset);
      if (write)
        vmt_address_space_notify_store (get_space (queue), region->ram, region->ram_offset + offset,
                                        *size);
      return region->ram->host + region->ram_offset + offset;
    }
  return vmt_dma_map (get_space (queue), address, size, write);
}

static void
unmap_piece (VmtVirtqueue *queue, guint64 address, guint64 size)
{
  const VmtMemoryRegion *region = &queue->desc.region;
  guint64 at = region->ram_offset + (address - region->base);

  if (G_LIKELY (in_cached_block (queue, address) &&
                size <= region->size - (address - region->base)))
    {
      vmt_address_space_notify_store (get_space (queue), region->ram, at, size);
      vmt_address_space_notify_watch (get_space (queue), region->ram, at, size);
    }
  else
    vmt_dma_unmap (get_space (queue), address, size, TRUE);
}

/* Capacity grows as chains need it, to at most what the queue's size allows, and stays: no
 * allocation in the long run. */
static void
grow (Buffer *buffer)
{
  buffer->capacity = MAX (8, 2 * buffer->capacity);
  buffer->iov = g_renew (VmtIoVec, buffer->iov, buffer->capacity);
  buffer->address = g_renew (guint64, buffer->address, buffer->capacity);
}

static gboolean
add_descriptor (VmtVirtqueue *queue, Buffer *buffer, const Descriptor *descriptor)
{
  VmtVirtqBuffer *public = &buffer->public;
  gboolean write = (descriptor->flags & DESC_F_WRITE) != 0;
  guint64 address = descriptor->address, left = descriptor->size;

  if (!write && public->n_in > 0)
    {
      vmt_virtio_device_broken (queue->device, "readable descriptor behind a writable one",
                                address);
      return FALSE;
    }
  if (address + left < address)
    {
      vmt_virtio_device_broken (queue->device, "buffer beyond the end of memory", address);
      return FALSE;
    }
  while (left > 0)
    {
      guint64 size = left;
      gpointer host;

      /* A descriptor is several pieces only where it crosses from one RAM block into another. */
      if (buffer->n_pieces >= 2 * queue->max_size)
        {
          vmt_virtio_device_broken (queue->device, "buffer in too many pieces", address);
          return FALSE;
        }
      host = map_piece (queue, address, &size, write);
      if (host == NULL)
        {
          vmt_virtio_device_broken (queue->device, "buffer outside of RAM", address);
          return FALSE;
        }
      if (buffer->n_pieces == buffer->capacity)
        grow (buffer);
      buffer->iov[buffer->n_pieces].base = host;
      buffer->iov[buffer->n_pieces].size = size;
      buffer->address[buffer->n_pieces] = address;
      buffer->n_pieces++;
      if (write)
        {
          public->n_in++;
          public->in_size += size;
        }
      else
        {
          public->n_out++;
          public->out_size += size;
        }
      address += size;
      left -= size;
    }
  return TRUE;
}

static gboolean
open_indirect (VmtVirtqueue *queue, const Descriptor *descriptor, Ring *table, guint *n)
{
  guint64 size = descriptor->size;

  if (!vmt_virtio_device_has_feature (queue->device, VMT_VIRTIO_F_INDIRECT_DESC) ||
      (descriptor->flags & DESC_F_NEXT) != 0 || size == 0 || size % DESC_SIZE != 0)
    {
      vmt_virtio_device_broken (queue->device, "invalid indirect descriptor", descriptor->address);
      return FALSE;
    }
  *n = size / DESC_SIZE;
  table->address = descriptor->address;
  table->size = size;
  table->host = vmt_dma_map (get_space (queue), descriptor->address, &size, FALSE);
  if (size < table->size)
    table->host = NULL;
  return TRUE;
}

/* The chain that begins at @head, through at most one indirect table. */
static gboolean
walk (VmtVirtqueue *queue, guint head, Buffer *buffer)
{
  Ring table = queue->desc;
  Descriptor descriptor;
  guint n = get_size (queue), i = head, budget = queue->max_size;
  gboolean indirect = FALSE;

  for (;;)
    {
      if (i >= n || budget == 0)
        {
          vmt_virtio_device_broken (
              queue->device, i >= n ? "descriptor index out of range" : "descriptor loop", i);
          return FALSE;
        }
      if (!load_descriptor (queue, &table, i, &descriptor))
        return ring_lost (queue, &table);
      if ((descriptor.flags & DESC_F_INDIRECT) != 0)
        {
          if (indirect)
            {
              vmt_virtio_device_broken (queue->device, "indirect descriptor in an indirect table",
                                        descriptor.address);
              return FALSE;
            }
          if (!open_indirect (queue, &descriptor, &table, &n))
            return FALSE;
          indirect = TRUE;
          i = 0;
          continue;
        }
      budget--;
      if (!add_descriptor (queue, buffer, &descriptor))
        return FALSE;
      if ((descriptor.flags & DESC_F_NEXT) == 0)
        return TRUE;
      i = descriptor.next;
    }
}

static gboolean
is_live (VmtVirtqueue *queue)
{
  return vmt_virtio_device_is_started (queue->device) &&
         queue->device->state.ready[queue->index] != 0;
}

/* Entries that the driver offers and nobody has looked at. */
static guint
get_available (VmtVirtqueue *queue)
{
  guint16 idx, n;

  validate (queue);
  if (!load_u16 (queue, &queue->avail, AVAIL_IDX, &idx))
    return 0;
  n = idx - queue->device->state.last_avail[queue->index];
  if (n > get_size (queue))
    {
      vmt_virtio_device_broken (queue->device, "available index ran ahead", idx);
      return 0;
    }
  return n;
}

/* Asks for a notification of the next buffer; then the driver must be looked at once more. */
static gboolean
arm_notification (VmtVirtqueue *queue)
{
  guint64 offset = USED_RING + USED_ELEM_SIZE * (guint64)get_size (queue);

  if (!store_u16 (queue, &queue->used, offset, queue->device->state.last_avail[queue->index]))
    return FALSE;
  __atomic_thread_fence (__ATOMIC_SEQ_CST);
  return TRUE;
}

/**
 * vmt_virtqueue_pop:
 *
 * The next chain, checked and mapped. A queue that contradicts itself makes the device need a reset
 * and yields nothing more.
 *
 * Returns: (nullable): a buffer of the queue's own, until it is pushed or unpopped
 */
VmtVirtqBuffer *
vmt_virtqueue_pop (VmtVirtqueue *queue)
{
  VmtVirtioState *state = &queue->device->state;
  guint16 head, slot;
  Buffer *buffer;

  if (!is_live (queue))
    return NULL;
  if (get_available (queue) == 0)
    {
      if (!queue->notification || !has_event_idx (queue) || !is_live (queue) ||
          !arm_notification (queue) || get_available (queue) == 0)
        return NULL;
    }
  if (queue->n_free == 0)
    {
      /* Buffers of a former life are coming back; otherwise the driver offers one descriptor twice.
       */
      if (queue->n_orphans == 0)
        vmt_virtio_device_broken (queue->device, "more buffers than the queue has descriptors",
                                  get_size (queue));
      return NULL;
    }
  slot = state->last_avail[queue->index] & (get_size (queue) - 1);
  if (!load_u16 (queue, &queue->avail, AVAIL_RING + 2 * (guint64)slot, &head))
    return NULL;

  buffer = &queue->buffers[queue->free[queue->n_free - 1]];
  buffer->n_pieces = 0;
  buffer->epoch = queue->epoch;
  memset (&buffer->public, 0, sizeof buffer->public);
  buffer->public.head = head;
  if (!walk (queue, head, buffer))
    return NULL;
  /* a chain of empty descriptors has no pieces, and the first one no array either */
  if (buffer->n_pieces > 0)
    {
      buffer->public.out = buffer->iov;
      buffer->public.in = buffer->iov + buffer->public.n_out;
      buffer->public.in_address = buffer->address + buffer->public.n_out;
    }
  queue->n_free--;
  state->last_avail[queue->index]++;
  return &buffer->public;
}

/* TRUE if the driver still knows of it. */
static gboolean
take_back (VmtVirtqueue *queue, VmtVirtqBuffer *public)
{
  Buffer *buffer = (Buffer *)public;

  queue->free[queue->n_free++] = buffer - queue->buffers;
  if (buffer->epoch == queue->epoch)
    return TRUE;
  queue->n_orphans--;
  _vmt_virtio_device_orphan_returned (queue->device);
  return FALSE;
}

/* Into the used ring, @ahead entries behind those that the driver sees. */
static gboolean
put_used (VmtVirtqueue *queue, VmtVirtqBuffer *buffer, guint32 written, guint ahead)
{
  VmtVirtioState *state = &queue->device->state;
  guint64 left = MIN (written, buffer->in_size);

  if (!take_back (queue, buffer) || !is_live (queue))
    return FALSE;
  validate (queue);
  for (guint i = 0; left > 0 && i < buffer->n_in; i++)
    {
      guint64 size = MIN (left, buffer->in[i].size);

      unmap_piece (queue, buffer->in_address[i], size);
      left -= size;
    }
  return store_used (queue, (state->used[queue->index] + ahead) & (get_size (queue) - 1),
                     buffer->head, written);
}

void
vmt_virtqueue_push_all (VmtVirtqueue *queue, VmtVirtqBuffer **buffers, const guint32 *written,
                        guint n)
{
  VmtVirtioState *state = &queue->device->state;
  guint done = 0;

  for (guint i = 0; i < n; i++)
    done += put_used (queue, buffers[i], written[i], done);
  if (done == 0)
    return;
  state->used[queue->index] += done;
  store_u16 (queue, &queue->used, USED_IDX, state->used[queue->index]);
}

void
vmt_virtqueue_push (VmtVirtqueue *queue, VmtVirtqBuffer *buffer, guint32 written)
{
  vmt_virtqueue_push_all (queue, &buffer, &written, 1);
}

void
vmt_virtqueue_unpop (VmtVirtqueue *queue, VmtVirtqBuffer *buffer)
{
  if (take_back (queue, buffer))
    queue->device->state.last_avail[queue->index]--;
}

/* Whether the driver wants to hear of what has been pushed since it was last asked
 * (virtio 1.2, 2.7.7). */
static gboolean
wants_interrupt (VmtVirtqueue *queue)
{
  VmtVirtioState *state = &queue->device->state;
  guint16 now = state->used[queue->index], before = state->signalled[queue->index], event, flags;

  __atomic_thread_fence (__ATOMIC_SEQ_CST);
  if (has_event_idx (queue))
    {
      if (!load_u16 (queue, &queue->avail, AVAIL_RING + 2 * (guint64)get_size (queue), &event))
        return FALSE;
      return (guint16)(now - event - 1) < (guint16)(now - before);
    }
  return load_u16 (queue, &queue->avail, AVAIL_FLAGS, &flags) &&
         (flags & AVAIL_F_NO_INTERRUPT) == 0;
}

void
vmt_virtqueue_flush (VmtVirtqueue *queue)
{
  VmtVirtioState *state = &queue->device->state;
  guint i = queue->index;
  gboolean interrupt;

  if (!is_live (queue) || state->used[i] == state->signalled[i])
    return;
  validate (queue);
  interrupt = wants_interrupt (queue);
  state->signalled[i] = state->used[i];
  if (interrupt)
    _vmt_virtio_device_interrupt (queue->device, queue);
}

gboolean
vmt_virtqueue_is_empty (VmtVirtqueue *queue)
{
  return !is_live (queue) || get_available (queue) == 0;
}

void
vmt_virtqueue_set_notification (VmtVirtqueue *queue, gboolean enable)
{
  if (queue->notification == enable)
    return;
  queue->notification = enable;
  if (!is_live (queue))
    return;
  validate (queue);
  /* With event indices the old one is simply left to be passed. */
  if (!has_event_idx (queue))
    store_u16 (queue, &queue->used, USED_FLAGS, enable ? 0 : USED_F_NO_NOTIFY);
  else if (enable)
    arm_notification (queue);
  __atomic_thread_fence (__ATOMIC_SEQ_CST);
}

guint
vmt_virtqueue_get_index (VmtVirtqueue *queue)
{
  return queue->index;
}

static gsize
copy (VmtIoVec *iov, guint n, gsize offset, gpointer data, gsize size, gboolean to_guest)
{
  gsize done = 0;

  for (guint i = 0; i < n && done < size; i++)
    {
      gsize part;

      if (offset >= iov[i].size)
        {
          offset -= iov[i].size;
          continue;
        }
      part = MIN (size - done, iov[i].size - offset);
      if (to_guest)
        memcpy ((guint8 *)iov[i].base + offset, (guint8 *)data + done, part);
      else
        memcpy ((guint8 *)data + done, (guint8 *)iov[i].base + offset, part);
      done += part;
      offset = 0;
    }
  return done;
}

gsize
vmt_virtq_buffer_read (const VmtVirtqBuffer *buffer, gsize offset, gpointer data, gsize size)
{
  return copy (buffer->out, buffer->n_out, offset, data, size, FALSE);
}

gsize
vmt_virtq_buffer_write (const VmtVirtqBuffer *buffer, gsize offset, gconstpointer data, gsize size)
{
  return copy (buffer->in, buffer->n_in, offset, (gpointer)data, size, TRUE);
}

guint
vmt_virtqueue_get_max_size (VmtVirtqueue *queue)
{
  return queue->max_size;
}

guint
vmt_virtqueue_get_size (VmtVirtqueue *queue)
{
  return get_size (queue);
}

gboolean
vmt_virtqueue_set_size (VmtVirtqueue *queue, guint size)
{
  VmtVirtioState *state = &queue->device->state;

  if (state->ready[queue->index] || size == 0 || size > queue->max_size || (size & (size - 1)) != 0)
    {
      vmt_device_guest_error (VMT_DEVICE (queue->device), "invalid virtqueue size", size);
      return FALSE;
    }
  state->size[queue->index] = size;
  return TRUE;
}

void
vmt_virtqueue_set_addresses (VmtVirtqueue *queue, guint64 desc, guint64 driver, guint64 device)
{
  VmtVirtioState *state = &queue->device->state;

  if (state->ready[queue->index])
    {
      vmt_device_guest_error (VMT_DEVICE (queue->device), "virtqueue moved while ready", desc);
      return;
    }
  state->desc[queue->index] = desc;
  state->driver[queue->index] = driver;
  state->device[queue->index] = device;
}

void
vmt_virtqueue_get_addresses (VmtVirtqueue *queue, guint64 *desc, guint64 *driver, guint64 *device)
{
  const VmtVirtioState *state = &queue->device->state;

  *desc = state->desc[queue->index];
  *driver = state->driver[queue->index];
  *device = state->device[queue->index];
}

/* TRUE if all of the area is RAM, where the alignment that atomic accesses need holds. */
static gboolean
is_usable (VmtVirtqueue *queue, guint64 address, guint64 size, guint64 alignment, gboolean write)
{
  if (address % alignment != 0 || address + size < address)
    return FALSE;
  while (size > 0)
    {
      guint64 part = size;

      if (vmt_dma_map (get_space (queue), address, &part, write) == NULL)
        return FALSE;
      address += part;
      size -= part;
    }
  return TRUE;
}

gboolean
vmt_virtqueue_set_ready (VmtVirtqueue *queue, gboolean ready)
{
  VmtVirtioState *state = &queue->device->state;
  guint i = queue->index;
  guint64 size = state->size[i];

  if (ready && !state->ready[i] &&
      !(is_usable (queue, state->desc[i], size * DESC_SIZE, 16, FALSE) &&
        is_usable (queue, state->driver[i], AVAIL_RING + 2 * size + 2, 2, FALSE) &&
        is_usable (queue, state->device[i], USED_RING + USED_ELEM_SIZE * size + 2, 4, TRUE)))
    {
      vmt_virtio_device_broken (queue->device, "virtqueue outside of RAM or not aligned",
                                state->desc[i]);
      return FALSE;
    }
  state->ready[i] = ready != 0;
  return TRUE;
}

gboolean
vmt_virtqueue_is_ready (VmtVirtqueue *queue)
{
  return queue->device->state.ready[queue->index] != 0;
}

void
vmt_virtqueue_set_vector (VmtVirtqueue *queue, guint16 vector)
{
  queue->device->state.vector[queue->index] = vector;
}

guint16
vmt_virtqueue_get_vector (VmtVirtqueue *queue)
{
  return queue->device->state.vector[queue->index];
}
