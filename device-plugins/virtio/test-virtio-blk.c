/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* virtio-blk, and the registers of the virtio-mmio slot that it is in. */
#include <errno.h>
#include <string.h>

#include "virtio-bench.h"

#define DISK_SIZE 0x40000
#define HEADER DATA
#define PAYLOAD (DATA + 0x1000)
#define STATUS_BYTE (DATA + 0x20000)

#define F(bit) (G_GUINT64_CONSTANT (1) << (bit))
#define F_RO F (5)
#define F_FLUSH F (9)
#define F_WCE F (11)
#define F_DISCARD F (13)
#define F_WRITE_ZEROES F (14)

#define T_IN 0
#define T_OUT 1
#define T_FLUSH 4
#define T_GET_ID 8
#define T_DISCARD 11
#define T_WRITE_ZEROES 13

typedef struct
{
  VirtioBench v;
  FakeBlock *disk;
} Bench;

static void
setup (Bench *bench, gconstpointer data)
{
  const char *const *property = data;

  bench->disk = fake_block_new (DISK_SIZE);
  for (guint i = 0; i < DISK_SIZE; i++)
    bench->disk->bytes[i] = i / 512;
  virtio_bench_init (&bench->v, "virtio-blk", bench->disk, property != NULL ? property[0] : NULL,
                     property != NULL ? property[1] : NULL);
}

static void
teardown (Bench *bench, gconstpointer data)
{
  virtio_bench_clear (&bench->v);
}

/* A request at descriptor @head: header, data (if any), status. */
static void
offer (Bench *bench, guint16 head, guint32 type, guint64 sector, guint64 data, guint32 size,
       gboolean write)
{
  DriverQueue *queue = &bench->v.queues[0];
  struct
  {
    guint32 type, reserved;
    guint64 sector;
  } header = { type, 0, sector };
  guint8 none = 0xee;

  g_assert_true (vmt_harness_poke (bench->v.harness, HEADER + 16 * head, &header, 16));
  g_assert_true (vmt_harness_poke (bench->v.harness, STATUS_BYTE + head, &none, 1));
  driver_set_desc (queue, queue->desc, head, HEADER + 16 * head, 16, DESC_NEXT,
                   size > 0 ? head + 1 : head + 2);
  driver_set_desc (queue, queue->desc, head + 1, data, size, DESC_NEXT | (write ? DESC_WRITE : 0),
                   head + 2);
  driver_set_desc (queue, queue->desc, head + 2, STATUS_BYTE + head, 1, DESC_WRITE, 0);
  driver_offer (queue, head);
}

static gboolean
is_used (gpointer data)
{
  DriverQueue *queue = data;

  return driver_get16 (queue, queue->used + 2) != queue->seen;
}

/* Waits for the next answer; its status. */
static guint8
finish (Bench *bench, guint32 *head, guint32 *written)
{
  DriverQueue *queue = &bench->v.queues[0];
  guint32 id;
  guint8 status;

  g_assert_true (vmt_harness_wait (bench->v.harness, is_used, queue, 20));
  g_assert_true (driver_take_used (queue, &id, written));
  if (head != NULL)
    *head = id;
  g_assert_true (vmt_harness_peek (bench->v.harness, STATUS_BYTE + id, &status, 1));
  return status;
}

static guint8
request (Bench *bench, guint32 type, guint64 sector, guint64 data, guint32 size, gboolean write)
{
  offer (bench, 0, type, sector, data, size, write);
  virtio_bench_notify (&bench->v, 0);
  return finish (bench, NULL, NULL);
}

static void
test_registers (Bench *bench, gconstpointer data)
{
  VmtHarness *h = bench->v.harness;
  guint64 value;

  g_assert_cmphex (vmt_harness_get (h, SLOT, 4), ==, 0x74726976);
  g_assert_cmphex (vmt_harness_get (h, SLOT + 4, 4), ==, 2);
  g_assert_cmphex (vmt_harness_get (h, SLOT + 8, 4), ==, 2);
  vmt_harness_put (h, SLOT + 0x14, 4, 1);
  g_assert_cmphex (vmt_harness_get (h, SLOT + 0x10, 4), ==, 1);
  vmt_harness_put (h, SLOT + 0x14, 4, 0);
  g_assert_cmphex (vmt_harness_get (h, SLOT + 0x10, 4) & (1 << 28 | 1 << 29), ==,
                   1 << 28 | 1 << 29);
  vmt_harness_put (h, SLOT + 0x14, 4, 2);
  g_assert_cmphex (vmt_harness_get (h, SLOT + 0x10, 4), ==, 0);
  vmt_harness_put (h, SLOT + 0x24, 4, 0xffffffff);
  vmt_harness_put (h, SLOT + 0x20, 4, 0xffffffff);
  /* Queues that do not exist. */
  vmt_harness_put (h, SLOT + 0x30, 4, 1);
  g_assert_cmphex (vmt_harness_get (h, SLOT + 0x34, 4), ==, 0);
  vmt_harness_put (h, SLOT + 0x30, 4, 0xffffffff);
  g_assert_cmphex (vmt_harness_get (h, SLOT + 0x34, 4), ==, 0);
  vmt_harness_put (h, SLOT + 0x44, 4, 1);
  g_assert_cmphex (vmt_harness_get (h, SLOT + 0x44, 4), ==, 0);
  for (guint offset = 0x80; offset < 0xac; offset += 4)
    vmt_harness_write (h, SLOT + offset, 4, 0xffffffff);
  g_assert_cmphex (vmt_harness_get (h, SLOT + 0xb0, 4), ==, 0xffffffff);
  /* The registers are words, the configuration is bytes. */
  g_assert_cmpint (vmt_harness_read (h, SLOT, 1, &value), ==, VMT_MEM_BUS_ERROR);
  g_assert_cmpint (vmt_harness_read (h, SLOT + 0xc8, 4, &value), ==, VMT_MEM_BUS_ERROR);
  g_assert_cmphex (vmt_harness_get (h, SLOT + 0x101, 1), ==, DISK_SIZE / 512 >> 8);
  g_assert_cmphex (vmt_harness_get (h, SLOT + 0x100, 8), ==, DISK_SIZE / 512);
  g_assert_cmphex (vmt_harness_get (h, SLOT + 0x114, 4), ==, 512);
  g_assert_cmphex (vmt_harness_get (h, SLOT + 0xffc, 4), ==, 0);
  virtio_bench_start (&bench->v, 0, 1, 16);
  vmt_harness_put (h, SLOT + 0x70, 4, 0);
  g_assert_cmphex (virtio_bench_get_status (&bench->v), ==, 0);
  vmt_harness_put (h, SLOT + 0x30, 4, 0);
  g_assert_cmphex (vmt_harness_get (h, SLOT + 0x44, 4), ==, 0);
}

static void
test_empty_slot (void)
{
  g_autoptr (VmtHarness) h = vmt_harness_new (RAM, RAM_SIZE);
  g_autoptr (VmtDevice) slot = virtio_bench_create ("virtio-mmio");
  g_autoptr (VmtDevice) uart = virtio_bench_create ("uart-ns16550");
  g_autoptr (VmtDevice) first = virtio_bench_create ("virtio-console");
  g_autoptr (VmtDevice) second = virtio_bench_create ("virtio-console");
  g_autoptr (GError) error = NULL;

  g_assert_true (vmt_harness_add (h, NULL, "slot", slot, SLOT, &error));
  g_assert_false (vmt_harness_add (h, slot, "uart", uart, G_MAXUINT64, &error));
  g_clear_error (&error);
  g_assert_true (vmt_harness_realize (h, &error));
  g_assert_no_error (error);
  g_assert_cmphex (vmt_harness_get (h, SLOT, 4), ==, 0x74726976);
  g_assert_cmphex (vmt_harness_get (h, SLOT + 8, 4), ==, 0);
  for (guint offset = 0; offset < 0x1000; offset += 4)
    {
      guint64 value;

      vmt_harness_write (h, SLOT + offset, 4, 0xffffffff);
      vmt_harness_read (h, SLOT + offset, 4, &value);
    }
  g_assert_cmphex (vmt_harness_get (h, SLOT + 0x70, 4), ==, 0);

  vmt_harness_free (g_steal_pointer (&h));
  g_object_unref (slot);
  slot = virtio_bench_create ("virtio-mmio");
  h = vmt_harness_new (RAM, RAM_SIZE);
  g_assert_true (vmt_harness_add (h, NULL, "slot", slot, SLOT, &error));
  g_assert_true (vmt_harness_add (h, slot, "first", first, G_MAXUINT64, &error));
  g_assert_false (vmt_harness_add (h, slot, "second", second, G_MAXUINT64, &error));
  g_assert_nonnull (strstr (error->message, "first"));
}

static void
test_read_write (Bench *bench, gconstpointer data)
{
  guint8 bytes[1024];
  guint32 head, written;

  virtio_bench_start (&bench->v, F_FLUSH, 1, 64);
  offer (bench, 4, T_IN, 5, PAYLOAD, 1024, TRUE);
  virtio_bench_notify (&bench->v, 0);
  g_assert_cmpint (finish (bench, &head, &written), ==, 0);
  g_assert_cmpuint (head, ==, 4);
  g_assert_cmpuint (written, ==, 1025);
  g_assert_cmphex (virtio_bench_ack (&bench->v), ==, 1);
  g_assert_true (vmt_harness_peek (bench->v.harness, PAYLOAD, bytes, 1024));
  g_assert_cmpmem (bytes, 1024, bench->disk->bytes + 5 * 512, 1024);
  memset (bytes, 0xa5, 512);
  g_assert_true (vmt_harness_poke (bench->v.harness, PAYLOAD, bytes, 512));
  g_assert_cmpint (request (bench, T_OUT, DISK_SIZE / 512 - 1, PAYLOAD, 512, FALSE), ==, 0);
  g_assert_cmpmem (bytes, 512, bench->disk->bytes + DISK_SIZE - 512, 512);
  g_assert_cmpuint (bench->disk->flushes, ==, 0);
  g_assert_cmpint (request (bench, T_FLUSH, 0, 0, 0, FALSE), ==, 0);
  g_assert_cmpuint (bench->disk->flushes, ==, 1);
  g_assert_cmpint (request (bench, T_IN, 0, 0, 0, FALSE), ==, 0);
  g_assert_cmpint (request (bench, T_OUT, 0, 0, 0, FALSE), ==, 0);
}

/* Header, data and status cut up in the most awkward ways (2.7.4: no framing). */
static void
test_framing (Bench *bench, gconstpointer data)
{
  DriverQueue *queue = &bench->v.queues[0];
  guint8 bytes[1040];
  struct
  {
    guint32 type, reserved;
    guint64 sector;
  } header = { T_OUT, 0, 3 };

  virtio_bench_start (&bench->v, F_FLUSH, 1, 64);
  /* One readable descriptor of header and data; then a byte at a time for the header. */
  for (guint round = 0; round < 2; round++)
    {
      memset (bytes, 0x31 + round, sizeof bytes);
      memcpy (bytes, &header, 16);
      g_assert_true (vmt_harness_poke (bench->v.harness, PAYLOAD, bytes, 528));
      if (round == 0)
        driver_set_desc (queue, queue->desc, 0, PAYLOAD, 528, DESC_NEXT, 30);
      else
        {
          for (guint i = 0; i < 20; i++)
            driver_set_desc (queue, queue->desc, i, PAYLOAD + i, 1, DESC_NEXT, i + 1);
          driver_set_desc (queue, queue->desc, 20, PAYLOAD + 20, 508, DESC_NEXT, 30);
        }
      driver_set_desc (queue, queue->desc, 30, STATUS_BYTE, 1, DESC_WRITE, 0);
      driver_offer (queue, 0);
      virtio_bench_notify (&bench->v, 0);
      g_assert_cmpint (finish (bench, NULL, NULL), ==, 0);
      g_assert_cmpmem (bench->disk->bytes + 3 * 512, 512, bytes + 16, 512);
    }
  /* Data and status in one writable descriptor, and the status alone behind pieces. */
  header.type = T_IN;
  for (guint round = 0; round < 2; round++)
    {
      guint32 written;

      g_assert_true (vmt_harness_poke (bench->v.harness, HEADER, &header, 16));
      memset (bytes, 0xee, sizeof bytes);
      g_assert_true (vmt_harness_poke (bench->v.harness, PAYLOAD, bytes, 520));
      driver_set_desc (queue, queue->desc, 0, HEADER, 16, DESC_NEXT, 1);
      if (round == 0)
        driver_set_desc (queue, queue->desc, 1, PAYLOAD, 513, DESC_WRITE, 0);
      else
        {
          driver_set_desc (queue, queue->desc, 1, PAYLOAD, 7, DESC_WRITE | DESC_NEXT, 2);
          driver_set_desc (queue, queue->desc, 2, PAYLOAD + 7, 505, DESC_WRITE | DESC_NEXT, 3);
          driver_set_desc (queue, queue->desc, 3, PAYLOAD + 512, 1, DESC_WRITE, 0);
        }
      driver_offer (queue, 0);
      virtio_bench_notify (&bench->v, 0);
      finish (bench, NULL, &written);
      g_assert_cmpuint (written, ==, 513);
      g_assert_true (vmt_harness_peek (bench->v.harness, PAYLOAD, bytes, 514));
      g_assert_cmpmem (bytes, 512, bench->disk->bytes + 3 * 512, 512);
      g_assert_cmphex (bytes[512], ==, 0);
      g_assert_cmphex (bytes[513], ==, 0xee);
    }
}

static void
test_errors (Bench *bench, gconstpointer data)
{
  virtio_bench_start (&bench->v, F_FLUSH, 1, 64);
  g_assert_cmpint (request (bench, T_IN, DISK_SIZE / 512, PAYLOAD, 512, TRUE), ==, 1);
  g_assert_cmpint (request (bench, T_IN, DISK_SIZE / 512 - 1, PAYLOAD, 1024, TRUE), ==, 1);
  g_assert_cmpint (request (bench, T_IN, G_MAXUINT64, PAYLOAD, 512, TRUE), ==, 1);
  g_assert_cmpint (request (bench, T_IN, G_MAXUINT64 / 512 + 1, PAYLOAD, 512, TRUE), ==, 1);
  g_assert_cmpint (request (bench, T_IN, 0, PAYLOAD, 511, TRUE), ==, 1);
  g_assert_cmpint (request (bench, T_OUT, 0, PAYLOAD, 513, FALSE), ==, 1);
  g_assert_cmpint (request (bench, 99, 0, PAYLOAD, 512, TRUE), ==, 2);
  g_assert_cmpint (request (bench, T_GET_ID, 0, PAYLOAD, 19, TRUE), ==, 1);
  g_assert_cmpint (request (bench, T_DISCARD, 0, PAYLOAD, 15, FALSE), ==, 2);
  g_assert_cmpint (request (bench, T_DISCARD, 0, PAYLOAD, 32, FALSE), ==, 2);
  bench->disk->fail = EIO;
  g_assert_cmpint (request (bench, T_IN, 0, PAYLOAD, 512, TRUE), ==, 1);
  g_assert_cmpint (request (bench, T_OUT, 0, PAYLOAD, 512, FALSE), ==, 1);
  g_assert_cmpint (request (bench, T_FLUSH, 0, 0, 0, FALSE), ==, 1);
  bench->disk->fail = 0;
  g_assert_cmpint (request (bench, T_IN, 0, PAYLOAD, 512, TRUE), ==, 0);
  g_assert_cmphex (virtio_bench_get_status (&bench->v), ==, 15);
  /* No status byte, no header: there is nobody to answer to. */
  driver_offer_pair (&bench->v.queues[0], 0, DATA, 16, 0, 0);
  virtio_bench_notify (&bench->v, 0);
  g_assert_cmphex (virtio_bench_get_status (&bench->v), ==, 0x4f);
  virtio_bench_start (&bench->v, F_FLUSH, 1, 64);
  driver_offer_pair (&bench->v.queues[0], 0, DATA, 15, DATA, 1);
  virtio_bench_notify (&bench->v, 0);
  g_assert_cmphex (virtio_bench_get_status (&bench->v), ==, 0x4f);
  virtio_bench_start (&bench->v, F_FLUSH, 1, 64);
  g_assert_cmpint (request (bench, T_IN, 0, PAYLOAD, 512, TRUE), ==, 0);
}

static void
test_id (Bench *bench, gconstpointer data)
{
  char id[21] = { 0 };

  virtio_bench_start (&bench->v, F_FLUSH, 1, 64);
  g_assert_cmpint (request (bench, T_GET_ID, 0, PAYLOAD, 20, TRUE), ==, 0);
  g_assert_true (vmt_harness_peek (bench->v.harness, PAYLOAD, id, 20));
  g_assert_cmpstr (id, ==, "a serial number that");
}

static void
test_discard (Bench *bench, gconstpointer data)
{
  struct
  {
    guint64 sector;
    guint32 n, flags;
  } range = { 8, 4, 0 };

  virtio_bench_start (&bench->v, F_FLUSH | F_DISCARD | F_WRITE_ZEROES, 1, 64);
  g_assert_true (vmt_harness_poke (bench->v.harness, PAYLOAD, &range, 16));
  g_assert_cmpint (request (bench, T_DISCARD, 0, PAYLOAD, 16, FALSE), ==, 0);
  g_assert_cmpint (request (bench, T_WRITE_ZEROES, 0, PAYLOAD, 16, FALSE), ==, 0);
  g_assert_cmpuint (bench->disk->zeroes, ==, 1);
  g_assert_cmphex (bench->disk->bytes[8 * 512 - 1], ==, 7);
  g_assert_cmphex (bench->disk->bytes[8 * 512], ==, 0);
  g_assert_cmphex (bench->disk->bytes[12 * 512 - 1], ==, 0);
  g_assert_cmphex (bench->disk->bytes[12 * 512], ==, 12);
  range.flags = 1;
  g_assert_true (vmt_harness_poke (bench->v.harness, PAYLOAD, &range, 16));
  g_assert_cmpint (request (bench, T_WRITE_ZEROES, 0, PAYLOAD, 16, FALSE), ==, 0);
  g_assert_cmpint (request (bench, T_DISCARD, 0, PAYLOAD, 16, FALSE), ==, 2);
  range.flags = 0;
  range.sector = DISK_SIZE / 512 - 1;
  g_assert_true (vmt_harness_poke (bench->v.harness, PAYLOAD, &range, 16));
  g_assert_cmpint (request (bench, T_DISCARD, 0, PAYLOAD, 16, FALSE), ==, 1);
  range.sector = 0;
  range.n = G_MAXUINT32;
  g_assert_true (vmt_harness_poke (bench->v.harness, PAYLOAD, &range, 16));
  g_assert_cmpint (request (bench, T_WRITE_ZEROES, 0, PAYLOAD, 16, FALSE), ==, 1);
  range.n = 0;
  g_assert_true (vmt_harness_poke (bench->v.harness, PAYLOAD, &range, 16));
  g_assert_cmpint (request (bench, T_WRITE_ZEROES, 0, PAYLOAD, 16, FALSE), ==, 0);
}

static void
test_readonly (Bench *bench, gconstpointer data)
{
  vmt_harness_put (bench->v.harness, SLOT + 0x14, 4, 0);
  g_assert_cmphex (vmt_harness_get (bench->v.harness, SLOT + 0x10, 4) & (F_RO | F_DISCARD), ==,
                   F_RO);
  virtio_bench_start (&bench->v, F_RO | F_FLUSH, 1, 64);
  g_assert_cmpint (request (bench, T_OUT, 0, PAYLOAD, 512, FALSE), ==, 1);
  g_assert_cmpint (request (bench, T_WRITE_ZEROES, 0, PAYLOAD, 16, FALSE), ==, 1);
  g_assert_cmpint (request (bench, T_IN, 0, PAYLOAD, 512, TRUE), ==, 0);
}

/* A driver that does not know of flushes, or asks for write-through, has every write on the disk
 * when it is told. */
static void
test_write_through (Bench *bench, gconstpointer data)
{
  virtio_bench_start (&bench->v, 0, 1, 64);
  g_assert_cmpint (request (bench, T_OUT, 0, PAYLOAD, 512, FALSE), ==, 0);
  g_assert_cmpuint (bench->disk->flushes, ==, 1);
  virtio_bench_start (&bench->v, F_FLUSH | F_WCE, 1, 64);
  g_assert_cmphex (vmt_harness_get (bench->v.harness, SLOT + 0x120, 1), ==, 1);
  g_assert_cmpint (request (bench, T_OUT, 0, PAYLOAD, 512, FALSE), ==, 0);
  g_assert_cmpuint (bench->disk->flushes, ==, 1);
  vmt_harness_put (bench->v.harness, SLOT + 0x120, 1, 0);
  g_assert_cmpint (request (bench, T_OUT, 0, PAYLOAD, 512, FALSE), ==, 0);
  g_assert_cmpuint (bench->disk->flushes, ==, 2);
  /* The rest of the configuration is the device's. */
  vmt_harness_put (bench->v.harness, SLOT + 0x100, 4, 1);
  g_assert_cmphex (vmt_harness_get (bench->v.harness, SLOT + 0x100, 4), ==, DISK_SIZE / 512);
  virtio_bench_check_state (&bench->v);
  g_assert_cmphex (vmt_harness_get (bench->v.harness, SLOT + 0x120, 1), ==, 0);
  g_assert_cmpint (request (bench, T_OUT, 0, PAYLOAD, 512, FALSE), ==, 0);
  g_assert_cmpuint (bench->disk->flushes, ==, 3);
}

static void
test_many (Bench *bench, gconstpointer data)
{
  guint32 seen = 0;

  virtio_bench_start (&bench->v, F_FLUSH, 1, 64);
  fake_block_hold (bench->disk, TRUE);
  for (guint i = 0; i < 20; i++)
    offer (bench, 3 * i, T_IN, i, PAYLOAD + 512 * i, 512, TRUE);
  virtio_bench_notify (&bench->v, 0);
  fake_block_hold (bench->disk, FALSE);
  for (guint i = 0; i < 20; i++)
    {
      guint32 head;
      guint8 byte;

      g_assert_cmpint (finish (bench, &head, NULL), ==, 0);
      g_assert_cmpuint (head % 3, ==, 0);
      seen |= 1u << (head / 3);
      g_assert_true (
          vmt_harness_peek (bench->v.harness, PAYLOAD + 512 * (head / 3) + 511, &byte, 1));
      g_assert_cmpuint (byte, ==, head / 3);
    }
  g_assert_cmphex (seen, ==, 0xfffff);
}

static gboolean
is_reset (gpointer data)
{
  return virtio_bench_get_status (data) == 0;
}

/* A reset with requests under way lasts until they are back; their answers go nowhere. */
static void
test_reset_in_flight (Bench *bench, gconstpointer data)
{
  virtio_bench_start (&bench->v, F_FLUSH, 1, 64);
  fake_block_hold (bench->disk, TRUE);
  for (guint i = 0; i < 10; i++)
    offer (bench, 3 * i, T_IN, i, PAYLOAD, 512, TRUE);
  virtio_bench_notify (&bench->v, 0);
  vmt_harness_put (bench->v.harness, SLOT + 0x70, 4, 0);
  g_assert_cmphex (virtio_bench_get_status (&bench->v), !=, 0);
  fake_block_hold (bench->disk, FALSE);
  g_assert_true (vmt_harness_wait (bench->v.harness, is_reset, &bench->v, 20));
  g_assert_false (is_used (&bench->v.queues[0]));
  g_assert_false (virtio_bench_irq (&bench->v));
  virtio_bench_start (&bench->v, F_FLUSH, 1, 64);
  g_assert_cmpint (request (bench, T_IN, 0, PAYLOAD, 512, TRUE), ==, 0);
  /* Quiesce waits for all of it. */
  for (guint i = 0; i < 10; i++)
    offer (bench, 3 * i, T_OUT, i, PAYLOAD, 512, FALSE);
  virtio_bench_notify (&bench->v, 0);
  vmt_device_quiesce (bench->v.device);
  for (guint i = 0; i < 10; i++)
    g_assert_cmpint (finish (bench, NULL, NULL), ==, 0);
}

static void
test_fuzz (Bench *bench, gconstpointer data)
{
  virtio_bench_fuzz (&bench->v, 1, 2000);
  virtio_bench_start (&bench->v, F_FLUSH, 1, 64);
  g_assert_cmpint (request (bench, T_IN, 0, PAYLOAD, 512, TRUE), ==, 0);
}

static void
test_refused (void)
{
  static const char *const sizes[] = { "1000", "1536", "513" };

  for (guint i = 0; i <= G_N_ELEMENTS (sizes); i++)
    {
      g_autoptr (VmtHarness) h = vmt_harness_new (RAM, RAM_SIZE);
      g_autoptr (VmtDevice) slot = virtio_bench_create ("virtio-mmio");
      g_autoptr (VmtDevice) device = virtio_bench_create ("virtio-blk");
      g_autoptr (VmtObject) disk = VMT_OBJECT (fake_block_new (512));
      g_autoptr (GError) error = NULL;

      if (i > 0)
        {
          g_object_set (device, "backend", disk, NULL);
          g_assert_true (vmt_object_set_text (VMT_OBJECT (device), "logical-block-size",
                                              sizes[i - 1], &error));
        }
      g_assert_true (vmt_harness_add (h, NULL, "slot", slot, SLOT, &error));
      g_assert_true (vmt_harness_add (h, slot, "disk", device, G_MAXUINT64, &error));
      g_assert_false (vmt_harness_realize (h, &error));
      g_assert_nonnull (strstr (error->message, i > 0 ? sizes[i - 1] : "disk image"));
    }
}

int
main (int argc, char **argv)
{
  static const char *const serial[] = { "serial", "a serial number that is too long" };
  static const char *const readonly[] = { "readonly", "on" };

  g_test_init (&argc, &argv, NULL);
#define ADD(name, data, func)                                                                      \
  g_test_add ("/device/virtio-blk/" name, Bench, data, setup, func, teardown)
  ADD ("registers", NULL, test_registers);
  ADD ("read-write", NULL, test_read_write);
  ADD ("framing", NULL, test_framing);
  ADD ("errors", NULL, test_errors);
  ADD ("id", serial, test_id);
  ADD ("discard", NULL, test_discard);
  ADD ("readonly", readonly, test_readonly);
  ADD ("write-through", NULL, test_write_through);
  ADD ("many", NULL, test_many);
  ADD ("reset-in-flight", NULL, test_reset_in_flight);
  ADD ("fuzz", NULL, test_fuzz);
  g_test_add_func ("/device/virtio-blk/refused", test_refused);
  g_test_add_func ("/device/virtio-mmio/empty-slot", test_empty_slot);
  return g_test_run ();
}
