/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The transport-neutral device and its virtqueues, against drivers good, bad and random. */
#include <string.h>

#include "virtio-driver.h"
#include "vmt-virtio.h"

#define RAM 0x80000000
#define RAM_SIZE 0x100000
/* A second block right behind the first. */
#define RAM2 (RAM + RAM_SIZE)
#define RAM2_SIZE 0x10000
#define QUEUE_AT (RAM + 0x1000)
#define DATA (RAM + 0x10000)

#define F(bit) (G_GUINT64_CONSTANT (1) << (bit))
#define F_VERSION_1 F (VMT_VIRTIO_F_VERSION_1)
#define F_INDIRECT F (VMT_VIRTIO_F_INDIRECT_DESC)
#define F_EVENT_IDX F (VMT_VIRTIO_F_EVENT_IDX)

/* A device that does nothing by itself. */
typedef struct
{
  VmtVirtioDevice parent_instance;
  guint started, stopped, notified;
  gboolean refuse;
  guint8 config[16];
} Sample;
typedef VmtVirtioDeviceClass SampleClass;

static GType sample_get_type (void);
G_DEFINE_TYPE (Sample, sample, VMT_TYPE_VIRTIO_DEVICE)

static guint64
sample_get_features (VmtVirtioDevice *device)
{
  return F (0) | F (40);
}

static gboolean
sample_set_features (VmtVirtioDevice *device, guint64 features)
{
  return !((Sample *)device)->refuse;
}

static void
sample_get_config (VmtVirtioDevice *device, guint8 *config)
{
  memcpy (config, ((Sample *)device)->config, 16);
}

static void
sample_set_config (VmtVirtioDevice *device, guint offset, guint size, const guint8 *data)
{
  memcpy (((Sample *)device)->config + offset, data, size);
}

static void
sample_notify (VmtVirtioDevice *device, guint index)
{
  ((Sample *)device)->notified |= 1u << index;
}

static void
sample_start (VmtVirtioDevice *device)
{
  ((Sample *)device)->started++;
}

static void
sample_stop (VmtVirtioDevice *device)
{
  ((Sample *)device)->stopped++;
}

static const VmtStateField sample_state[] = {
  VMT_VIRTIO_STATE,
  VMT_STATE_END,
};

static void
sample_class_init (SampleClass *klass)
{
  VMT_DEVICE_CLASS (klass)->state = sample_state;
  klass->device_id = 42;
  klass->n_queues = 2;
  klass->config_size = 16;
  klass->get_features = sample_get_features;
  klass->set_features = sample_set_features;
  klass->get_config = sample_get_config;
  klass->set_config = sample_set_config;
  klass->notify = sample_notify;
  klass->start = sample_start;
  klass->stop = sample_stop;
}

static void
sample_init (Sample *self)
{
}

/* A transport without registers. */
typedef struct
{
  VmtDevice parent_instance;
  gint interrupts[2], config_interrupts; /* atomic */
} Slot;
typedef VmtDeviceClass SlotClass;

static GType slot_get_type (void);
G_DEFINE_TYPE (Slot, slot, VMT_TYPE_DEVICE)

static void
slot_interrupt (gpointer transport, VmtVirtqueue *queue)
{
  Slot *slot = transport;

  if (queue == NULL)
    g_atomic_int_inc (&slot->config_interrupts);
  else
    g_atomic_int_inc (&slot->interrupts[vmt_virtqueue_get_index (queue)]);
}

static const VmtVirtioTransportOps slot_ops = { .interrupt = slot_interrupt };

static gboolean
slot_plug (VmtDevice *device, VmtDevice *child, GError **error)
{
  vmt_virtio_device_attach_transport (VMT_VIRTIO_DEVICE (child), &slot_ops, device);
  return TRUE;
}

static void
slot_class_init (SlotClass *klass)
{
  klass->plug = slot_plug;
}

static void
slot_init (Slot *self)
{
}

typedef struct
{
  VmtHarness *harness;
  Slot *slot;
  Sample *sample;
  VmtVirtioDevice *device;
  VmtVirtqueue *queue;
  GMutex *lock;
  DriverQueue driver;
} Bench;

static void
setup (Bench *bench, gconstpointer data)
{
  g_autoptr (GError) error = NULL;

  bench->harness = vmt_harness_new (RAM, RAM_SIZE);
  g_assert_true (vmt_machine_add_ram (vmt_harness_get_machine (bench->harness), "more", RAM2,
                                      RAM2_SIZE, VMT_RAM_ANON, NULL, &error));
  bench->slot = g_object_new (slot_get_type (), NULL);
  bench->sample = g_object_new (sample_get_type (), NULL);
  bench->device = VMT_VIRTIO_DEVICE (bench->sample);
  g_assert_true (vmt_harness_add (bench->harness, NULL, "slot", VMT_DEVICE (bench->slot),
                                  G_MAXUINT64, &error));
  g_assert_true (vmt_harness_add (bench->harness, VMT_DEVICE (bench->slot), "device",
                                  VMT_DEVICE (bench->sample), G_MAXUINT64, &error));
  g_assert_true (vmt_harness_realize (bench->harness, &error));
  g_assert_no_error (error);
  bench->queue = vmt_virtio_device_get_queue (bench->device, 0);
  bench->lock = vmt_device_get_lock (VMT_DEVICE (bench->sample));
  driver_queue_init (&bench->driver, bench->harness, QUEUE_AT, 8);
}

static void
teardown (Bench *bench, gconstpointer data)
{
  vmt_harness_free (bench->harness);
  g_object_unref (bench->slot);
  g_object_unref (bench->sample);
}

/* Everything here runs on one thread, but the functions want the lock. */
static void
set_status (Bench *bench, guint8 status)
{
  g_mutex_lock (bench->lock);
  vmt_virtio_device_set_status (bench->device, status);
  g_mutex_unlock (bench->lock);
}

static guint8
get_status (Bench *bench)
{
  return vmt_virtio_device_get_status (bench->device);
}

static void
start (Bench *bench, guint64 features)
{
  DriverQueue *driver = &bench->driver;

  set_status (bench, 0);
  set_status (bench, 3);
  vmt_virtio_device_set_driver_features (bench->device, features | F_VERSION_1);
  set_status (bench, 11);
  g_assert_cmphex (get_status (bench), ==, 11);
  g_assert_true (vmt_virtqueue_set_size (bench->queue, driver->size));
  vmt_virtqueue_set_addresses (bench->queue, driver->desc, driver->avail, driver->used);
  g_assert_true (vmt_virtqueue_set_ready (bench->queue, TRUE));
  set_status (bench, 15);
  g_assert_cmphex (get_status (bench), ==, 15);
}

static VmtVirtqBuffer *
pop (Bench *bench)
{
  VmtVirtqBuffer *buffer;

  g_mutex_lock (bench->lock);
  buffer = vmt_virtqueue_pop (bench->queue);
  g_mutex_unlock (bench->lock);
  return buffer;
}

static void
push (Bench *bench, VmtVirtqBuffer *buffer, guint32 written)
{
  g_mutex_lock (bench->lock);
  vmt_virtqueue_push (bench->queue, buffer, written);
  vmt_virtqueue_flush (bench->queue);
  g_mutex_unlock (bench->lock);
}

static void
test_negotiation (Bench *bench, gconstpointer data)
{
  guint64 offered = vmt_virtio_device_get_device_features (bench->device);

  g_assert_cmphex (offered, ==, F (0) | F (40) | F_VERSION_1 | F_INDIRECT | F_EVENT_IDX);
  g_assert_cmphex (get_status (bench), ==, 0);

  /* No legacy driver. */
  set_status (bench, 3);
  vmt_virtio_device_set_driver_features (bench->device, F (0));
  set_status (bench, 11);
  g_assert_cmphex (get_status (bench), ==, 3);
  /* DRIVER_OK needs agreement. */
  set_status (bench, 7);
  g_assert_cmphex (get_status (bench), ==, 3);
  g_assert_cmpuint (bench->sample->started, ==, 0);
  /* What was not offered. */
  vmt_virtio_device_set_driver_features (bench->device, F_VERSION_1 | F (5));
  set_status (bench, 11);
  g_assert_cmphex (get_status (bench), ==, 3);
  /* What the device does not like. */
  bench->sample->refuse = TRUE;
  vmt_virtio_device_set_driver_features (bench->device, F_VERSION_1 | F (40));
  set_status (bench, 11);
  g_assert_cmphex (get_status (bench), ==, 3);
  bench->sample->refuse = FALSE;
  set_status (bench, 11);
  g_assert_cmphex (get_status (bench), ==, 11);
  g_assert_true (vmt_virtio_device_has_feature (bench->device, 40));
  /* Too late. */
  vmt_virtio_device_set_driver_features (bench->device, F_VERSION_1);
  g_assert_true (vmt_virtio_device_has_feature (bench->device, 40));
  /* Not started yet: nothing is notified. */
  vmt_virtio_device_queue_notify (bench->device, 0);
  g_assert_cmpuint (bench->sample->notified, ==, 0);
  set_status (bench, 15);
  g_assert_true (vmt_virtio_device_is_started (bench->device));
  g_assert_cmpuint (bench->sample->started, ==, 1);
  set_status (bench, 15);
  g_assert_cmpuint (bench->sample->started, ==, 1);
  /* The queue is not ready, then does not exist. */
  vmt_virtio_device_queue_notify (bench->device, 0);
  vmt_virtio_device_queue_notify (bench->device, 2);
  vmt_virtio_device_queue_notify (bench->device, 4000000000u);
  g_assert_cmpuint (bench->sample->notified, ==, 0);
  /* Bits do not go one by one; reserved ones do not come; a driver cannot ask for a reset of
   * itself. */
  set_status (bench, 0x31);
  g_assert_cmphex (get_status (bench), ==, 15);
  set_status (bench, VMT_VIRTIO_S_NEEDS_RESET | VMT_VIRTIO_S_FAILED);
  g_assert_cmphex (get_status (bench), ==, 0x8f);
  set_status (bench, 0);
  g_assert_cmphex (get_status (bench), ==, 0);
  g_assert_false (vmt_virtio_device_is_started (bench->device));
  g_assert_cmphex (vmt_virtio_device_get_driver_features (bench->device), ==, 0);
}

static void
test_config (Bench *bench, gconstpointer data)
{
  guint64 value = 1;
  guint errors;

  for (guint i = 0; i < 16; i++)
    bench->sample->config[i] = i + 1;
  vmt_virtio_device_config_read (bench->device, 0, 8, &value);
  g_assert_cmphex (value, ==, G_GUINT64_CONSTANT (0x0807060504030201));
  vmt_virtio_device_config_read (bench->device, 15, 1, &value);
  g_assert_cmphex (value, ==, 16);
  errors = vmt_harness_get_guest_errors (bench->harness);
  vmt_virtio_device_config_read (bench->device, 15, 2, &value);
  g_assert_cmphex (value, ==, 0);
  vmt_virtio_device_config_read (bench->device, G_MAXUINT, 4, &value);
  g_assert_cmphex (value, ==, 0);
  vmt_virtio_device_config_write (bench->device, 14, 4, 0);
  vmt_virtio_device_config_write (bench->device, G_MAXUINT - 1, 2, 0);
  g_assert_cmpuint (vmt_harness_get_guest_errors (bench->harness), ==, errors + 4);
  vmt_virtio_device_config_write (bench->device, 4, 4, 0xaabbccdd);
  g_assert_cmphex (bench->sample->config[4], ==, 0xdd);
  g_assert_cmphex (bench->sample->config[7], ==, 0xaa);

  /* Nobody is told before the driver is there. */
  vmt_virtio_device_config_changed (bench->device);
  g_assert_cmpint (bench->slot->config_interrupts, ==, 0);
  g_assert_cmpuint (vmt_virtio_device_get_config_generation (bench->device), ==, 1);
  start (bench, 0);
  vmt_virtio_device_config_changed (bench->device);
  g_assert_cmpint (bench->slot->config_interrupts, ==, 1);
}

static void
check_chain (Bench *bench)
{
  VmtVirtqBuffer *buffer = pop (bench);
  guint8 bytes[64];
  guint32 id, size;

  g_assert_nonnull (buffer);
  g_assert_cmpuint (buffer->n_out, ==, 2);
  g_assert_cmpuint (buffer->n_in, ==, 2);
  g_assert_cmpuint (buffer->out_size, ==, 16);
  g_assert_cmpuint (buffer->in_size, ==, 30);
  g_assert_cmphex (buffer->in_address[1], ==, DATA + 0x300);
  g_assert_cmpuint (vmt_virtq_buffer_read (buffer, 0, bytes, sizeof bytes), ==, 16);
  g_assert_cmpmem (bytes, 16, "0123456789abcdef", 16);
  g_assert_cmpuint (vmt_virtq_buffer_read (buffer, 9, bytes, 3), ==, 3);
  g_assert_cmpmem (bytes, 3, "9ab", 3);
  g_assert_cmpuint (vmt_virtq_buffer_read (buffer, 16, bytes, 1), ==, 0);
  g_assert_cmpuint (vmt_virtq_buffer_write (buffer, 15, "wxyz", 4), ==, 4);
  g_assert_cmpuint (vmt_virtq_buffer_write (buffer, 28, "12345", 5), ==, 2);
  push (bench, buffer, 30);
  g_assert_true (driver_take_used (&bench->driver, &id, &size));
  g_assert_cmpuint (id, ==, 5);
  g_assert_cmpuint (size, ==, 30);
  g_assert_true (vmt_harness_peek (bench->harness, DATA + 0x200 + 15, bytes, 1));
  g_assert_cmpint (bytes[0], ==, 'w');
  g_assert_true (vmt_harness_peek (bench->harness, DATA + 0x300, bytes, 14));
  g_assert_cmpmem (bytes, 3, "xyz", 3);
  g_assert_cmpmem (bytes + 12, 2, "12", 2);
  g_assert_null (pop (bench));
}

static void
test_chain (Bench *bench, gconstpointer data)
{
  DriverQueue *d = &bench->driver;

  start (bench, 0);
  g_assert_true (vmt_virtqueue_is_empty (bench->queue));
  g_assert_null (pop (bench));
  g_assert_true (vmt_harness_poke (bench->harness, DATA, "01234567", 8));
  g_assert_true (vmt_harness_poke (bench->harness, DATA + 0x100, "89abcdef", 8));
  driver_set_desc (d, d->desc, 5, DATA, 8, DESC_NEXT, 2);
  driver_set_desc (d, d->desc, 2, DATA + 0x100, 8, DESC_NEXT, 7);
  driver_set_desc (d, d->desc, 7, DATA + 0x200, 16, DESC_NEXT | DESC_WRITE, 0);
  driver_set_desc (d, d->desc, 0, DATA + 0x300, 14, DESC_WRITE, 99);
  driver_offer (d, 5);
  g_assert_false (vmt_virtqueue_is_empty (bench->queue));
  check_chain (bench);
  g_assert_cmpint (bench->slot->interrupts[0], ==, 1);
}

/* A table of its own, behind a plain descriptor. */
static void
test_indirect (Bench *bench, gconstpointer data)
{
  DriverQueue *d = &bench->driver;
  guint64 table = DATA + 0x1008; /* no alignment is asked for */

  start (bench, F_INDIRECT);
  g_assert_true (vmt_harness_poke (bench->harness, DATA, "01234567", 8));
  g_assert_true (vmt_harness_poke (bench->harness, DATA + 0x100, "89abcdef", 8));
  driver_set_desc (d, d->desc, 5, DATA, 8, DESC_NEXT, 6);
  /* The write flag of such a descriptor means nothing. */
  driver_set_desc (d, d->desc, 6, table, 48, DESC_INDIRECT | DESC_WRITE, 0);
  driver_set_desc (d, table, 0, DATA + 0x100, 8, DESC_NEXT, 2);
  driver_set_desc (d, table, 2, DATA + 0x200, 16, DESC_NEXT | DESC_WRITE, 1);
  driver_set_desc (d, table, 1, DATA + 0x300, 14, DESC_WRITE, 0);
  driver_offer (d, 5);
  check_chain (bench);
}

/* As long as the largest queue, one descriptor each. */
static void
test_long_indirect (Bench *bench, gconstpointer data)
{
  DriverQueue *d = &bench->driver;
  guint n = vmt_virtqueue_get_max_size (bench->queue);
  VmtVirtqBuffer *buffer;

  start (bench, F_INDIRECT);
  for (guint i = 0; i <= n; i++)
    driver_set_desc (d, DATA, i, DATA + 0x8000 + i, 1, DESC_WRITE | DESC_NEXT, i + 1);
  driver_set_desc (d, DATA, n - 1, DATA + 0x8000, 1, DESC_WRITE, 0);
  driver_set_desc (d, d->desc, 0, DATA, 16 * n, DESC_INDIRECT, 0);
  driver_offer (d, 0);
  buffer = pop (bench);
  g_assert_nonnull (buffer);
  g_assert_cmpuint (buffer->n_in, ==, n);
  push (bench, buffer, n);
  /* One more is too long. */
  driver_set_desc (d, DATA, n - 1, DATA + 0x8000, 1, DESC_WRITE | DESC_NEXT, n);
  driver_set_desc (d, DATA, n, DATA + 0x8000, 1, DESC_WRITE, 0);
  driver_set_desc (d, d->desc, 0, DATA, 16 * (n + 1), DESC_INDIRECT, 0);
  driver_offer (d, 0);
  g_assert_null (pop (bench));
  g_assert_cmphex (get_status (bench) & VMT_VIRTIO_S_NEEDS_RESET, !=, 0);
}

static void
test_pieces (Bench *bench, gconstpointer data)
{
  DriverQueue *d = &bench->driver;
  VmtVirtqBuffer *buffer;
  guint8 bytes[8];

  start (bench, 0);
  /* Empty descriptors are no pieces; one that spans two RAM blocks is two. */
  driver_set_desc (d, d->desc, 0, G_MAXUINT64, 0, DESC_NEXT, 1);
  driver_set_desc (d, d->desc, 1, RAM2 - 3, 8, DESC_NEXT | DESC_WRITE, 2);
  driver_set_desc (d, d->desc, 2, 0, 0, DESC_WRITE, 0);
  driver_offer (d, 0);
  buffer = pop (bench);
  g_assert_nonnull (buffer);
  g_assert_cmpuint (buffer->n_out, ==, 0);
  g_assert_cmpuint (buffer->n_in, ==, 2);
  g_assert_cmpuint (buffer->in[0].size, ==, 3);
  g_assert_cmphex (buffer->in_address[1], ==, RAM2);
  g_assert_cmpuint (vmt_virtq_buffer_write (buffer, 0, "abcdefgh", 8), ==, 8);
  push (bench, buffer, 8);
  g_assert_true (vmt_harness_peek (bench->harness, RAM2 - 3, bytes, 8));
  g_assert_cmpmem (bytes, 8, "abcdefgh", 8);
}

/* Rings that no RAM block holds alone work as well. */
static void
test_split_rings (Bench *bench, gconstpointer data)
{
  static const guint64 offsets[] = { 16 * 4, 16 * 8 + 8, 16 * 8 + 24 + 20, 16 * 8 + 24 + 4 };

  for (guint i = 0; i < G_N_ELEMENTS (offsets); i++)
    {
      DriverQueue *d = &bench->driver;
      VmtVirtqBuffer *buffer;
      guint32 id, size;

      driver_queue_init (d, bench->harness, (RAM2 - offsets[i]) & ~(guint64)15, 8);
      start (bench, i % 2 == 0 ? F_EVENT_IDX : 0);
      for (guint k = 0; k < 20; k++)
        {
          driver_offer_pair (d, k % 4 * 2, DATA, 4, DATA + 0x100, 4);
          buffer = pop (bench);
          g_assert_nonnull (buffer);
          g_assert_cmpuint (buffer->head, ==, k % 4 * 2);
          push (bench, buffer, k);
          g_assert_true (driver_take_used (d, &id, &size));
          g_assert_cmpuint (id, ==, k % 4 * 2);
          g_assert_cmpuint (size, ==, k);
        }
    }
}

static void
test_wrap (Bench *bench, gconstpointer data)
{
  DriverQueue *d = &bench->driver;

  start (bench, F_EVENT_IDX);
  driver_set_desc (d, d->desc, 3, DATA, 4, DESC_WRITE, 0);
  for (guint i = 0; i < 70000; i++)
    {
      VmtVirtqBuffer *buffer;
      guint32 id, size;

      driver_set_used_event (d, d->seen);
      driver_offer (d, 3);
      buffer = pop (bench);
      g_assert_nonnull (buffer);
      push (bench, buffer, i);
      g_assert_true (driver_take_used (d, &id, &size));
      g_assert_cmpuint (id, ==, 3);
      g_assert_cmpuint (size, ==, i);
    }
  g_assert_cmpint (bench->slot->interrupts[0], ==, 70000);
}

static void
test_unpop (Bench *bench, gconstpointer data)
{
  DriverQueue *d = &bench->driver;
  VmtVirtqBuffer *first, *second;

  start (bench, 0);
  driver_offer_pair (d, 0, DATA, 4, 0, 0);
  driver_offer_pair (d, 1, DATA + 8, 4, 0, 0);
  first = pop (bench);
  second = pop (bench);
  g_assert_cmpuint (first->head, ==, 0);
  g_assert_cmpuint (second->head, ==, 1);
  vmt_virtqueue_unpop (bench->queue, second);
  vmt_virtqueue_unpop (bench->queue, first);
  first = pop (bench);
  g_assert_cmpuint (first->head, ==, 0);
  push (bench, first, 0);
  second = pop (bench);
  g_assert_cmpuint (second->head, ==, 1);
  push (bench, second, 0);
  g_assert_null (pop (bench));
}

static void
count_store (gpointer data, guint64 address, guint64 size)
{
  ++*(guint *)data;
}

/* A driver never sees a part of what belongs together: the index moves once. */
static void
test_push_all (Bench *bench, gconstpointer data)
{
  VmtAddressSpace *space = vmt_device_get_address_space (VMT_DEVICE (bench->device));
  DriverQueue *d = &bench->driver;
  VmtVirtqBuffer *buffers[3];
  guint32 written[3] = { 4, 0, 9 }, id, size;
  guint n_stores = 0;

  start (bench, 0);
  g_assert_true (vmt_address_space_add_watch (space, d->used + 2, 2, count_store, &n_stores));
  for (guint round = 0; round < 100; round++)
    {
      for (guint i = 0; i < 3; i++)
        driver_offer_pair (d, 2 * i, DATA, 4, DATA + 0x100 * (i + 1), 16);
      for (guint i = 0; i < 3; i++)
        {
          buffers[i] = pop (bench);
          g_assert_nonnull (buffers[i]);
        }
      n_stores = 0;
      g_mutex_lock (bench->lock);
      vmt_virtqueue_push_all (bench->queue, buffers, written, 3);
      vmt_virtqueue_push_all (bench->queue, buffers, written, 0);
      g_mutex_unlock (bench->lock);
      g_assert_cmpuint (n_stores, ==, 1);
      for (guint i = 0; i < 3; i++)
        {
          g_assert_true (driver_take_used (d, &id, &size));
          g_assert_cmpuint (id, ==, 2 * i);
          g_assert_cmpuint (size, ==, written[i]);
        }
      g_assert_false (driver_take_used (d, NULL, NULL));
    }
  vmt_address_space_remove_watches (space, &n_stores);

  /* Orphans all. */
  for (guint i = 0; i < 2; i++)
    driver_offer_pair (d, 2 * i, DATA, 4, DATA + 16, 16);
  buffers[0] = pop (bench);
  buffers[1] = pop (bench);
  set_status (bench, 0);
  g_mutex_lock (bench->lock);
  vmt_virtqueue_push_all (bench->queue, buffers, written, 2);
  g_mutex_unlock (bench->lock);
  g_assert_false (driver_take_used (d, NULL, NULL));
  g_assert_cmphex (get_status (bench), ==, 0);
}

static void
test_interrupts (Bench *bench, gconstpointer data)
{
  DriverQueue *d = &bench->driver;
  VmtVirtqBuffer *buffers[4];

  /* By flag. */
  start (bench, 0);
  vmt_virtqueue_flush (bench->queue);
  g_assert_cmpint (bench->slot->interrupts[0], ==, 0);
  driver_put16 (d, d->avail, 1);
  driver_offer_pair (d, 0, DATA, 4, 0, 0);
  push (bench, pop (bench), 0);
  g_assert_cmpint (bench->slot->interrupts[0], ==, 0);
  driver_put16 (d, d->avail, 0);
  driver_offer_pair (d, 0, DATA, 4, 0, 0);
  push (bench, pop (bench), 0);
  g_assert_cmpint (bench->slot->interrupts[0], ==, 1);
  vmt_virtqueue_flush (bench->queue);
  g_assert_cmpint (bench->slot->interrupts[0], ==, 1);

  /* By event index: at the third of four, once for a batch. */
  driver_queue_init (d, bench->harness, QUEUE_AT, 8);
  start (bench, F_EVENT_IDX);
  for (guint i = 0; i < 4; i++)
    driver_offer_pair (d, i, DATA, 4, 0, 0);
  driver_set_used_event (d, 2);
  for (guint i = 0; i < 4; i++)
    buffers[i] = pop (bench);
  push (bench, buffers[0], 0);
  push (bench, buffers[1], 0);
  g_assert_cmpint (bench->slot->interrupts[0], ==, 1);
  g_mutex_lock (bench->lock);
  vmt_virtqueue_push (bench->queue, buffers[2], 0);
  vmt_virtqueue_push (bench->queue, buffers[3], 0);
  vmt_virtqueue_flush (bench->queue);
  g_mutex_unlock (bench->lock);
  g_assert_cmpint (bench->slot->interrupts[0], ==, 2);
  g_assert_cmpuint (driver_get16 (d, d->used + 2), ==, 4);
}

static void
test_notification (Bench *bench, gconstpointer data)
{
  DriverQueue *d = &bench->driver;

  start (bench, 0);
  vmt_virtqueue_set_notification (bench->queue, FALSE);
  g_assert_cmpuint (driver_get16 (d, d->used), ==, 1);
  vmt_virtqueue_set_notification (bench->queue, TRUE);
  g_assert_cmpuint (driver_get16 (d, d->used), ==, 0);

  /* With event indices, the one that is waited for is asked for when the queue runs empty. */
  driver_queue_init (d, bench->harness, QUEUE_AT, 8);
  start (bench, F_EVENT_IDX);
  for (guint i = 0; i < 3; i++)
    driver_offer_pair (d, i, DATA, 4, 0, 0);
  for (guint i = 0; i < 3; i++)
    push (bench, pop (bench), 0);
  g_assert_null (pop (bench));
  g_assert_cmpuint (driver_get_avail_event (d), ==, 3);
  vmt_virtqueue_set_notification (bench->queue, FALSE);
  driver_offer_pair (d, 3, DATA, 4, 0, 0);
  push (bench, pop (bench), 0);
  g_assert_null (pop (bench));
  g_assert_cmpuint (driver_get_avail_event (d), ==, 3);
  vmt_virtqueue_set_notification (bench->queue, TRUE);
  g_assert_cmpuint (driver_get_avail_event (d), ==, 4);
}

typedef struct
{
  const char *name;
  guint64 features;
  void (*spoil) (DriverQueue *d);
} Malformed;

static void
spoil_head (DriverQueue *d)
{
  driver_offer (d, 8);
}

static void
spoil_head_max (DriverQueue *d)
{
  driver_offer (d, 0xffff);
}

static void
spoil_next (DriverQueue *d)
{
  driver_set_desc (d, d->desc, 0, DATA, 4, DESC_NEXT, 8);
  driver_offer (d, 0);
}

static void
spoil_loop (DriverQueue *d)
{
  driver_set_desc (d, d->desc, 0, DATA, 4, DESC_NEXT, 1);
  driver_set_desc (d, d->desc, 1, DATA, 4, DESC_NEXT, 0);
  driver_offer (d, 0);
}

static void
spoil_self_loop_empty (DriverQueue *d)
{
  driver_set_desc (d, d->desc, 0, DATA, 0, DESC_NEXT, 0);
  driver_offer (d, 0);
}

static void
spoil_order (DriverQueue *d)
{
  driver_set_desc (d, d->desc, 0, DATA, 4, DESC_WRITE | DESC_NEXT, 1);
  driver_set_desc (d, d->desc, 1, DATA, 4, 0, 0);
  driver_offer (d, 0);
}

static void
spoil_hole (DriverQueue *d)
{
  driver_set_desc (d, d->desc, 0, RAM - 0x1000, 4, 0, 0);
  driver_offer (d, 0);
}

static void
spoil_end (DriverQueue *d)
{
  driver_set_desc (d, d->desc, 0, RAM2 + RAM2_SIZE - 4, 5, DESC_WRITE, 0);
  driver_offer (d, 0);
}

static void
spoil_huge (DriverQueue *d)
{
  driver_set_desc (d, d->desc, 0, DATA, G_MAXUINT32, DESC_WRITE, 0);
  driver_offer (d, 0);
}

static void
spoil_address_wrap (DriverQueue *d)
{
  driver_set_desc (d, d->desc, 0, G_MAXUINT64 - 3, 64, 0, 0);
  driver_offer (d, 0);
}

static void
spoil_ahead (DriverQueue *d)
{
  driver_set_desc (d, d->desc, 0, DATA, 4, 0, 0);
  driver_put16 (d, d->avail + 2, 9);
}

static void
spoil_behind (DriverQueue *d)
{
  driver_put16 (d, d->avail + 2, 0xffff);
}

static void
spoil_indirect_zero (DriverQueue *d)
{
  driver_set_desc (d, d->desc, 0, DATA, 0, DESC_INDIRECT, 0);
  driver_offer (d, 0);
}

static void
spoil_indirect_odd (DriverQueue *d)
{
  driver_set_desc (d, d->desc, 0, DATA, 17, DESC_INDIRECT, 0);
  driver_offer (d, 0);
}

static void
spoil_indirect_next (DriverQueue *d)
{
  driver_set_desc (d, d->desc, 0, DATA, 16, DESC_INDIRECT | DESC_NEXT, 1);
  driver_set_desc (d, DATA, 0, DATA, 4, 0, 0);
  driver_offer (d, 0);
}

static void
spoil_indirect_nested (DriverQueue *d)
{
  driver_set_desc (d, d->desc, 0, DATA, 16, DESC_INDIRECT, 0);
  driver_set_desc (d, DATA, 0, DATA, 16, DESC_INDIRECT, 0);
  driver_offer (d, 0);
}

static void
spoil_indirect_hole (DriverQueue *d)
{
  driver_set_desc (d, d->desc, 0, RAM - 16, 16, DESC_INDIRECT, 0);
  driver_offer (d, 0);
}

static void
spoil_indirect_huge (DriverQueue *d)
{
  guint64 table = RAM2 + RAM2_SIZE - 32;

  driver_set_desc (d, d->desc, 0, table, 0xfffffff0, DESC_INDIRECT, 0);
  driver_set_desc (d, table, 0, DATA, 4, DESC_NEXT, 2);
  driver_offer (d, 0);
}

static void
spoil_indirect_loop (DriverQueue *d)
{
  driver_set_desc (d, d->desc, 0, DATA, 32, DESC_INDIRECT, 0);
  driver_set_desc (d, DATA, 0, DATA, 4, DESC_NEXT, 1);
  driver_set_desc (d, DATA, 1, DATA, 4, DESC_NEXT, 0);
  driver_offer (d, 0);
}

static void
spoil_indirect_unasked (DriverQueue *d)
{
  driver_set_desc (d, d->desc, 0, DATA, 16, DESC_INDIRECT, 0);
  driver_set_desc (d, DATA, 0, DATA, 4, 0, 0);
  driver_offer (d, 0);
}

static const Malformed malformed[] = {
  { "head", 0, spoil_head },
  { "head-max", F_EVENT_IDX, spoil_head_max },
  { "next", 0, spoil_next },
  { "loop", 0, spoil_loop },
  { "self-loop-of-nothing", 0, spoil_self_loop_empty },
  { "readable-after-writable", 0, spoil_order },
  { "hole", 0, spoil_hole },
  { "end-of-ram", 0, spoil_end },
  { "huge", 0, spoil_huge },
  { "address-wrap", 0, spoil_address_wrap },
  { "index-ahead", 0, spoil_ahead },
  { "index-behind", F_EVENT_IDX, spoil_behind },
  { "indirect-zero", F_INDIRECT, spoil_indirect_zero },
  { "indirect-odd", F_INDIRECT, spoil_indirect_odd },
  { "indirect-next", F_INDIRECT, spoil_indirect_next },
  { "indirect-nested", F_INDIRECT, spoil_indirect_nested },
  { "indirect-hole", F_INDIRECT, spoil_indirect_hole },
  { "indirect-huge", F_INDIRECT, spoil_indirect_huge },
  { "indirect-loop", F_INDIRECT, spoil_indirect_loop },
  { "indirect-unasked", 0, spoil_indirect_unasked },
};

/* Each costs the driver its device until it resets, tells it, and nothing else. */
static void
test_malformed (Bench *bench, gconstpointer data)
{
  for (guint i = 0; i < G_N_ELEMENTS (malformed); i++)
    {
      DriverQueue *d = &bench->driver;
      gint interrupts = bench->slot->config_interrupts;

      g_test_message ("%s", malformed[i].name);
      driver_queue_init (d, bench->harness, QUEUE_AT, 8);
      start (bench, malformed[i].features);
      malformed[i].spoil (d);
      g_assert_null (pop (bench));
      g_assert_cmphex (get_status (bench), ==, 15 | VMT_VIRTIO_S_NEEDS_RESET);
      g_assert_cmpint (bench->slot->config_interrupts, ==, interrupts + 1);
      g_assert_false (vmt_virtio_device_is_started (bench->device));
      /* It stays broken, whatever comes, and says so once. */
      driver_queue_init (d, bench->harness, QUEUE_AT, 8);
      driver_offer_pair (d, 0, DATA, 4, 0, 0);
      g_assert_null (pop (bench));
      g_assert_true (vmt_virtqueue_is_empty (bench->queue));
      g_assert_cmpint (bench->slot->config_interrupts, ==, interrupts + 1);
      g_assert_cmpuint (driver_get16 (d, d->used + 2), ==, 0);
      /* And is well after a reset. */
      start (bench, malformed[i].features);
      push (bench, pop (bench), 0);
      g_assert_cmpuint (driver_get16 (d, d->used + 2), ==, 1);
    }
  g_assert_cmpuint (vmt_harness_get_guest_errors (bench->harness), >, 0);
}

/* More buffers than descriptors: only a driver that offers one twice can do that. */
static void
test_too_many (Bench *bench, gconstpointer data)
{
  DriverQueue *d = &bench->driver;
  guint max = vmt_virtqueue_get_max_size (bench->queue), out = 0;

  start (bench, 0);
  driver_set_desc (d, d->desc, 0, DATA, 4, DESC_WRITE, 0);
  for (guint i = 0; i <= max; i++)
    {
      driver_offer (d, 0);
      if (pop (bench) != NULL)
        out++;
    }
  g_assert_cmpuint (out, ==, max);
  g_assert_cmphex (get_status (bench) & VMT_VIRTIO_S_NEEDS_RESET, !=, 0);
}

static void
test_setup_refused (Bench *bench, gconstpointer data)
{
  static const guint sizes[] = { 0, 3, 257, 512, 65536, G_MAXUINT };
  static const struct
  {
    guint64 desc, driver, device;
  } places[] = {
    { 0, QUEUE_AT, QUEUE_AT },
    { QUEUE_AT, 0, QUEUE_AT },
    { QUEUE_AT, QUEUE_AT, 0 },
    { QUEUE_AT + 8, QUEUE_AT, QUEUE_AT },
    { QUEUE_AT, QUEUE_AT + 1, QUEUE_AT },
    { QUEUE_AT, QUEUE_AT, QUEUE_AT + 2 },
    { RAM2 + RAM2_SIZE - 16 * 7, QUEUE_AT, QUEUE_AT },
    { QUEUE_AT, RAM2 + RAM2_SIZE - 20, QUEUE_AT },
    { QUEUE_AT, QUEUE_AT, RAM2 + RAM2_SIZE - 68 },
    { G_MAXUINT64 - 15, QUEUE_AT, QUEUE_AT },
    { QUEUE_AT, G_MAXUINT64 - 1, QUEUE_AT },
    { QUEUE_AT, QUEUE_AT, G_MAXUINT64 - 3 },
  };

  for (guint i = 0; i < G_N_ELEMENTS (sizes); i++)
    {
      g_assert_false (vmt_virtqueue_set_size (bench->queue, sizes[i]));
      g_assert_cmpuint (vmt_virtqueue_get_size (bench->queue), ==, 256);
    }
  for (guint i = 0; i < G_N_ELEMENTS (places); i++)
    {
      start (bench, 0);
      set_status (bench, 0);
      g_assert_true (vmt_virtqueue_set_size (bench->queue, 8));
      vmt_virtqueue_set_addresses (bench->queue, places[i].desc, places[i].driver,
                                   places[i].device);
      g_assert_false (vmt_virtqueue_set_ready (bench->queue, TRUE));
      g_assert_false (vmt_virtqueue_is_ready (bench->queue));
      g_assert_cmphex (get_status (bench) & VMT_VIRTIO_S_NEEDS_RESET, !=, 0);
    }
  /* Nothing changes under a queue in use. */
  start (bench, 0);
  g_assert_false (vmt_virtqueue_set_size (bench->queue, 16));
  vmt_virtqueue_set_addresses (bench->queue, DATA, DATA, DATA);
  driver_offer_pair (&bench->driver, 0, DATA, 4, 0, 0);
  g_assert_nonnull (pop (bench));
}

/* What is under way while the driver resets goes nowhere, and the reset lasts until it is back. */
static void
test_orphans (Bench *bench, gconstpointer data)
{
  DriverQueue *d = &bench->driver;
  VmtVirtqBuffer *first, *second, *third;

  start (bench, 0);
  driver_offer_pair (d, 0, DATA, 4, DATA + 16, 4);
  driver_offer_pair (d, 2, DATA, 4, DATA + 32, 4);
  first = pop (bench);
  second = pop (bench);
  set_status (bench, 0);
  g_assert_cmphex (get_status (bench), !=, 0);
  push (bench, first, 4);
  g_assert_cmphex (get_status (bench), !=, 0);
  push (bench, second, 4);
  g_assert_cmphex (get_status (bench), ==, 0);
  g_assert_cmpuint (driver_get16 (d, d->used + 2), ==, 0);

  /* A driver that does not wait. */
  start (bench, 0);
  first = pop (bench);
  driver_queue_init (d, bench->harness, QUEUE_AT, 8);
  start (bench, 0);
  driver_offer_pair (d, 4, DATA, 4, 0, 0);
  third = pop (bench);
  g_assert_nonnull (third);
  push (bench, first, 4);
  g_assert_cmpuint (driver_get16 (d, d->used + 2), ==, 0);
  push (bench, third, 0);
  g_assert_cmpuint (driver_get16 (d, d->used + 2), ==, 1);
  /* Unpopped instead. */
  driver_offer_pair (d, 4, DATA, 4, 0, 0);
  third = pop (bench);
  vmt_harness_reset (bench->harness);
  g_assert_cmphex (get_status (bench), !=, 0);
  vmt_virtqueue_unpop (bench->queue, third);
  g_assert_cmphex (get_status (bench), ==, 0);
}

static void
test_state (Bench *bench, gconstpointer data)
{
  DriverQueue *d = &bench->driver;
  g_autoptr (GVariant) saved = NULL;
  g_autoptr (GVariant) again = NULL;
  g_autoptr (GError) error = NULL;
  guint32 id;

  start (bench, F_EVENT_IDX);
  vmt_virtqueue_set_vector (bench->queue, 3);
  driver_offer_pair (d, 0, DATA, 4, 0, 0);
  push (bench, pop (bench), 0);
  driver_offer_pair (d, 1, DATA, 4, 0, 0);
  saved = g_variant_ref_sink (vmt_state_table_save (sample_state, bench->sample));
  vmt_harness_reset (bench->harness);
  g_assert_null (pop (bench));
  g_assert_cmpuint (vmt_virtqueue_get_vector (bench->queue), ==, VMT_VIRTIO_NO_VECTOR);
  g_assert_true (vmt_state_table_load (sample_state, bench->sample, saved, 1, &error));
  g_assert_no_error (error);
  again = g_variant_ref_sink (vmt_state_table_save (sample_state, bench->sample));
  g_assert_true (g_variant_equal (saved, again));
  g_assert_cmpuint (vmt_virtqueue_get_vector (bench->queue), ==, 3);
  push (bench, pop (bench), 0);
  g_assert_true (driver_take_used (d, &id, NULL));
  g_assert_true (driver_take_used (d, &id, NULL));
  g_assert_cmpuint (id, ==, 1);
}

/* Random descriptors, rings and indices over all of the memory: whatever happens, at most the
 * queue's size buffers are out, all pieces lie in RAM, and a reset mends everything. */
static void
test_random (Bench *bench, gconstpointer data)
{
  g_autoptr (GRand) rand = g_rand_new_with_seed (20261122);
  VmtMachine *machine = vmt_harness_get_machine (bench->harness);
  DriverQueue *d = &bench->driver;
  guint popped = 0, broken = 0;
  VmtRam *rams[2];

  rams[0] = vmt_machine_get_ram (machine, 0, NULL);
  rams[1] = vmt_machine_get_ram (machine, 1, NULL);
  for (guint round = 0; round < 10000; round++)
    {
      static const guint64 bases[] = { QUEUE_AT, RAM2 - 0x80, DATA };
      guint size = 1u << g_rand_int_range (rand, 0, 9);
      VmtVirtqBuffer *out[256];
      guint n_out = 0, limit;

      driver_queue_init (d, bench->harness, bases[g_rand_int_range (rand, 0, 3)], size);
      start (bench,
             (g_rand_boolean (rand) ? F_EVENT_IDX : 0) | (g_rand_boolean (rand) ? F_INDIRECT : 0));
      /* Mostly sound, so that walks get far. */
      limit = g_rand_int_range (rand, 0, 20) == 0 ? 0x10000 : size;
      for (guint i = 0; i < size + 64; i++)
        {
          guint64 table = i < size ? d->desc : DATA + 0x8000;
          guint32 bytes = g_rand_int_range (rand, 0, 4) == 0 ? g_rand_int_range (rand, 0, 64) * 16
                                                             : g_rand_int_range (rand, 0, 3000);

          if (g_rand_int_range (rand, 0, 200) == 0)
            bytes = g_rand_int (rand);
          driver_set_desc (
              d, table, i < size ? i : i - size,
              g_rand_int_range (rand, 0, 100) == 0
                  ? (guint64)g_rand_int (rand) << 32 | g_rand_int (rand)
                  : DATA + 0x8000 + g_rand_int_range (rand, 0, 0x1000),
              bytes, g_rand_int_range (rand, 0, 8) & (g_rand_int_range (rand, 0, 3) != 0 ? 3 : 7),
              g_rand_int_range (rand, 0, limit));
        }
      for (guint i = 0; i < size; i++)
        driver_put16 (d, d->avail + 4 + 2 * i, g_rand_int_range (rand, 0, limit));
      for (guint step = 0; step < 40; step++)
        {
          VmtVirtqBuffer *buffer = NULL;

          switch (g_rand_int_range (rand, 0, 4))
            {
            case 0:
              driver_put16 (d, d->avail + 2,
                            driver_get16 (d, d->avail + 2) + g_rand_int_range (rand, 0, size + 2));
              break;
            case 1:
              if (n_out > 0)
                push (bench, out[--n_out], g_rand_int (rand));
              break;
            default:
              buffer = pop (bench);
              break;
            }
          if (buffer == NULL)
            continue;
          popped++;
          g_assert_cmpuint (n_out, <, 256);
          out[n_out++] = buffer;
          for (guint i = 0; i < (guint)buffer->n_out + buffer->n_in; i++)
            {
              VmtIoVec *piece =
                  i < buffer->n_out ? &buffer->out[i] : &buffer->in[i - buffer->n_out];
              gboolean inside = FALSE;

              for (guint r = 0; r < 2; r++)
                inside |= (guint8 *)piece->base >= rams[r]->host && piece->size <= rams[r]->size &&
                          (guint8 *)piece->base + piece->size <= rams[r]->host + rams[r]->size;
              g_assert_true (inside);
            }
        }
      if ((get_status (bench) & VMT_VIRTIO_S_NEEDS_RESET) != 0)
        broken++;
      while (n_out > 0)
        push (bench, out[--n_out], g_rand_int (rand));
    }
  /* Both kinds were seen in numbers. */
  g_assert_cmpuint (popped, >, 5000);
  g_assert_cmpuint (broken, >, 2000);
}

/* A driver and a device on two threads: nothing is lost, overtakes or is seen half written. */
#define STRESS_BUFFERS 200000

typedef struct
{
  Bench *bench;
  guint8 *desc, *avail, *used;
  gboolean event_idx;
} Stress;

static gpointer
drive (gpointer data)
{
  Stress *s = data;
  guint16 offered = 0, seen = 0;
  guint32 completed = 0;
  guint size = s->bench->driver.size;

  while (completed < STRESS_BUFFERS)
    {
      guint16 old = offered;
      guint16 *index = (guint16 *)(s->used + 2);

      while (completed + (guint16)(offered - seen) < STRESS_BUFFERS &&
             (guint16)(offered - seen) < size)
        {
          guint slot = offered % size;

          *(guint64 *)(s->desc + 16 * slot) = DATA + 16 * slot;
          *(guint32 *)(s->desc + 16 * slot + 8) = 8;
          *(guint16 *)(s->desc + 16 * slot + 12) = DESC_WRITE;
          *(guint16 *)(s->avail + 4 + 2 * slot) = slot;
          offered++;
          __atomic_store_n ((guint16 *)(s->avail + 2), offered, __ATOMIC_RELEASE);
        }
      __atomic_thread_fence (__ATOMIC_SEQ_CST);
      if (old != offered)
        {
          guint16 event = __atomic_load_n ((guint16 *)(s->used + 4 + 8 * size), __ATOMIC_RELAXED);

          /* The device is called only when it asked for it. */
          if (!s->event_idx || (guint16)(offered - event - 1) < (guint16)(offered - old))
            {
              g_mutex_lock (s->bench->lock);
              vmt_virtio_device_queue_notify (s->bench->device, 0);
              g_mutex_unlock (s->bench->lock);
            }
        }
      while (__atomic_load_n (index, __ATOMIC_ACQUIRE) != seen)
        {
          guint32 *element = (guint32 *)(s->used + 4 + 8 * (seen % size));

          g_assert_cmpuint (element[0], ==, seen % size);
          g_assert_cmpuint (element[1], ==, 8);
          seen++;
          completed++;
        }
      if (s->event_idx)
        __atomic_store_n ((guint16 *)(s->avail + 4 + 2 * size), seen, __ATOMIC_SEQ_CST);
      g_thread_yield ();
    }
  return NULL;
}

static void
test_threads (Bench *bench, gconstpointer data)
{
  DriverQueue *d = &bench->driver;
  VmtRam *ram = vmt_machine_get_ram (vmt_harness_get_machine (bench->harness), 0, NULL);
  guint done = 0;
  gint64 end;
  GThread *thread;

  for (guint event_idx = 0; event_idx < 2; event_idx++)
    {
      Stress stress = { bench, ram->host + (d->desc - RAM), ram->host + (d->avail - RAM),
                        ram->host + (d->used - RAM), event_idx };

      driver_queue_init (d, bench->harness, QUEUE_AT, 64);
      stress.avail = ram->host + (d->avail - RAM);
      stress.used = ram->host + (d->used - RAM);
      start (bench, event_idx ? F_EVENT_IDX : 0);
      thread = g_thread_new ("driver", drive, &stress);
      end = g_get_monotonic_time () + 30 * G_USEC_PER_SEC;
      for (done = 0; done < STRESS_BUFFERS && g_get_monotonic_time () < end;)
        {
          VmtVirtqBuffer *buffer;

          g_mutex_lock (bench->lock);
          /* Only what a notification announced: a lost one ends the test. */
          if (bench->sample->notified != 0)
            {
              bench->sample->notified = 0;
              while ((buffer = vmt_virtqueue_pop (bench->queue)) != NULL)
                {
                  vmt_virtq_buffer_write (buffer, 0, &done, sizeof done);
                  vmt_virtqueue_push (bench->queue, buffer, 8);
                  done++;
                }
              vmt_virtqueue_flush (bench->queue);
            }
          g_mutex_unlock (bench->lock);
          g_thread_yield ();
        }
      g_assert_cmpuint (done, ==, STRESS_BUFFERS);
      g_thread_join (thread);
      g_assert_cmphex (get_status (bench), ==, 15);
    }
}

static void
test_no_transport (void)
{
  g_autoptr (VmtHarness) harness = vmt_harness_new (RAM, RAM_SIZE);
  g_autoptr (VmtDevice) alone = g_object_new (sample_get_type (), NULL);
  g_autoptr (GError) error = NULL;

  g_assert_true (vmt_harness_add (harness, NULL, "alone", alone, G_MAXUINT64, &error));
  g_assert_false (vmt_harness_realize (harness, &error));
  g_assert_nonnull (strstr (error->message, "transport"));
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
#define ADD(name, func) g_test_add ("/device/virtio/" name, Bench, NULL, setup, func, teardown)
  ADD ("negotiation", test_negotiation);
  ADD ("config", test_config);
  ADD ("chain", test_chain);
  ADD ("indirect", test_indirect);
  ADD ("long-indirect", test_long_indirect);
  ADD ("pieces", test_pieces);
  ADD ("split-rings", test_split_rings);
  ADD ("wrap", test_wrap);
  ADD ("unpop", test_unpop);
  ADD ("push-all", test_push_all);
  ADD ("interrupts", test_interrupts);
  ADD ("notification", test_notification);
  ADD ("malformed", test_malformed);
  ADD ("too-many", test_too_many);
  ADD ("setup-refused", test_setup_refused);
  ADD ("orphans", test_orphans);
  ADD ("state", test_state);
  ADD ("random", test_random);
  ADD ("threads", test_threads);
  g_test_add_func ("/device/virtio/no-transport", test_no_transport);
  return g_test_run ();
}
