/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>

#include "virtio-bench.h"

#define F(bit) (G_GUINT64_CONSTANT (1) << (bit))
#define F_CSUM F (0)
#define F_GUEST_CSUM F (1)
#define F_MAC F (5)
#define F_GUEST_TSO4 F (7)
#define F_HOST_TSO4 F (11)
#define F_MRG_RXBUF F (15)

typedef struct
{
  VirtioBench v;
  FakeNet *net;
} Bench;

static void
setup (Bench *bench, gconstpointer data)
{
  bench->net = fake_net_new ();
  virtio_bench_init (&bench->v, "virtio-net", bench->net, data != NULL ? "mac" : NULL, data);
}

static void
teardown (Bench *bench, gconstpointer data)
{
  virtio_bench_clear (&bench->v);
}

static void
fill (guint8 *frame, guint size, guint seed)
{
  for (guint i = 0; i < size; i++)
    frame[i] = i * 3 + seed;
}

static void
test_mac (Bench *bench, gconstpointer data)
{
  g_assert_cmphex (vmt_harness_get (bench->v.harness, SLOT + 0x100, 4), ==, 0xefcdab02);
  g_assert_cmphex (vmt_harness_get (bench->v.harness, SLOT + 0x104, 2), ==, 0x2301);
  g_assert_cmphex (vmt_harness_get (bench->v.harness, SLOT + 0x106, 2), ==, 1);
}

static void
test_made_mac (Bench *bench, gconstpointer data)
{
  g_assert_cmphex (vmt_harness_get (bench->v.harness, SLOT + 0x100, 1), ==, 0x52);
  g_assert_cmphex (vmt_harness_get (bench->v.harness, SLOT + 0x101, 1), ==, 0x54);
}

static void
test_mac_refused (void)
{
  static const char *const bad[] = {
    "52:54:00:12:34",     "52:54:00:12:34:5g", "52-54-00-12-34-56",
    "52:54:00:12:34:567", "01:00:5e:00:00:01", "ff:ff:ff:ff:ff:ff"
  };

  for (guint i = 0; i < G_N_ELEMENTS (bad); i++)
    {
      g_autoptr (VmtHarness) h = vmt_harness_new (RAM, RAM_SIZE);
      g_autoptr (VmtDevice) slot = virtio_bench_create ("virtio-mmio");
      g_autoptr (VmtDevice) device = virtio_bench_create ("virtio-net");
      g_autoptr (GError) error = NULL;

      g_object_set (device, "mac", bad[i], NULL);
      g_assert_true (vmt_harness_add (h, NULL, "slot", slot, SLOT, &error));
      g_assert_true (vmt_harness_add (h, slot, "net", device, G_MAXUINT64, &error));
      g_assert_false (vmt_harness_realize (h, &error));
      g_assert_nonnull (strstr (error->message, bad[i]));
    }
}

static void
test_transmit (Bench *bench, gconstpointer data)
{
  DriverQueue *tx = &bench->v.queues[1];
  guint8 frame[2000];

  virtio_bench_start (&bench->v, F_MAC, 2, 32);
  fill (frame, sizeof frame, 1);
  /* In one piece with its header, behind it, and in three pieces. */
  g_assert_true (vmt_harness_poke (bench->v.harness, DATA + 12, frame, 1514));
  driver_set_desc (tx, tx->desc, 0, DATA, 1526, 0, 0);
  driver_offer (tx, 0);
  virtio_bench_notify (&bench->v, 1);
  g_assert_cmpmem (bench->net->last->data, bench->net->last->len, frame, 1514);
  driver_set_desc (tx, tx->desc, 0, DATA, 12, DESC_NEXT, 1);
  driver_set_desc (tx, tx->desc, 1, DATA + 12, 60, 0, 0);
  driver_offer (tx, 0);
  virtio_bench_notify (&bench->v, 1);
  g_assert_cmpmem (bench->net->last->data, bench->net->last->len, frame, 60);
  driver_set_desc (tx, tx->desc, 0, DATA, 5, DESC_NEXT, 1);
  driver_set_desc (tx, tx->desc, 1, DATA + 5, 107, DESC_NEXT, 2);
  driver_set_desc (tx, tx->desc, 2, DATA + 112, 900, 0, 0);
  driver_offer (tx, 0);
  virtio_bench_notify (&bench->v, 1);
  g_assert_cmpmem (bench->net->last->data, bench->net->last->len, frame, 1000);
  g_assert_cmpuint (bench->net->n_sent, ==, 3);
  for (guint i = 0; i < 3; i++)
    g_assert_true (driver_take_used (tx, NULL, NULL));
  g_assert_cmphex (virtio_bench_ack (&bench->v), ==, 1);
  /* No frame, a header that is cut off, far too much: nothing is sent, and the driver has its
   * buffers back. */
  driver_offer_pair (tx, 0, DATA, 12, 0, 0);
  driver_offer_pair (tx, 1, DATA, 3, 0, 0);
  driver_offer_pair (tx, 2, DATA, 65549 + 13, 0, 0);
  driver_offer_pair (tx, 3, 0, 0, DATA, 100);
  virtio_bench_notify (&bench->v, 1);
  g_assert_cmpuint (bench->net->n_sent, ==, 3);
  for (guint i = 0; i < 4; i++)
    g_assert_true (driver_take_used (tx, NULL, NULL));
  g_assert_cmphex (virtio_bench_get_status (&bench->v), ==, 15);
}

/* Nothing is promised that the back end does not keep. */
static void
test_features (Bench *bench, gconstpointer data)
{
  VmtNetClass *klass = VMT_NET_GET_CLASS (bench->net);
  guint64 flags = klass->flags;

  vmt_harness_put (bench->v.harness, SLOT + 0x14, 4, 0);
  g_assert_cmphex (vmt_harness_get (bench->v.harness, SLOT + 0x10, 4) & F_HOST_TSO4, ==,
                   F_HOST_TSO4);
  klass->flags = 0;
  g_assert_cmphex (vmt_harness_get (bench->v.harness, SLOT + 0x10, 4) & F_HOST_TSO4, ==, 0);
  g_assert_cmphex (vmt_harness_get (bench->v.harness, SLOT + 0x10, 4) & F_CSUM, ==, F_CSUM);
  klass->flags = flags;
}

/* A frame whose checksum is left to the device. */
static void
offer_unsummed (Bench *bench, const guint8 *frame, guint size, guint start, guint offset)
{
  DriverQueue *tx = &bench->v.queues[1];
  guint8 header[12] = { 1 };

  header[6] = start;
  header[7] = start >> 8;
  header[8] = offset;
  header[9] = offset >> 8;
  g_assert_true (vmt_harness_poke (bench->v.harness, DATA, header, sizeof header));
  g_assert_true (vmt_harness_poke (bench->v.harness, DATA + 12, frame, size));
  driver_offer_pair (tx, 0, DATA, 12 + size, 0, 0);
  virtio_bench_notify (&bench->v, 1);
  g_assert_true (driver_take_used (tx, NULL, NULL));
}

static guint16
slow_sum (const guint8 *data, gsize size)
{
  guint32 sum = 0;

  for (gsize i = 0; i < size; i++)
    sum += i % 2 == 0 ? data[i] << 8 : data[i];
  while (sum >> 16 != 0)
    sum = (sum & 0xffff) + (sum >> 16);
  return sum;
}

static void
test_checksum (Bench *bench, gconstpointer data)
{
  static const struct
  {
    guint size, start, offset;
  } good[] = { { 1514, 34, 16 }, { 1513, 34, 6 }, { 61, 33, 6 },    { 60, 35, 7 },
               { 60, 0, 0 },     { 60, 58, 0 },   { 65549, 34, 16 } },
    bad[] = { { 60, 59, 0 }, { 60, 60, 0 }, { 60, 61, 0 }, { 60, 34, 25 }, { 60, 65535, 65535 } };
  g_autofree guint8 *frame = g_malloc (65549);
  guint n = 0;

  virtio_bench_start (&bench->v, F_MAC | F_CSUM | F_HOST_TSO4, 2, 32);
  for (guint i = 0; i < G_N_ELEMENTS (good); i++)
    {
      guint at = good[i].start + good[i].offset;
      const guint8 *got;

      fill (frame, good[i].size, i);
      offer_unsummed (bench, frame, good[i].size, good[i].start, good[i].offset);
      g_assert_cmpuint (bench->net->n_sent, ==, ++n);
      g_assert_cmpuint (bench->net->last->len, ==, good[i].size);
      got = bench->net->last->data;
      g_assert_cmpmem (got, at, frame, at);
      g_assert_cmpmem (got + at + 2, good[i].size - at - 2, frame + at + 2, good[i].size - at - 2);
      /* What it was comes to what it is: the sum of all with the field as it was is its inverse. */
      {
        guint want = 0xffff & ~slow_sum (frame + good[i].start, good[i].size - good[i].start);
        guint is = got[at] << 8 | got[at + 1];

        g_assert_cmphex (is, ==, want == 0 ? 0xffff : want);
      }
    }
  for (guint i = 0; i < G_N_ELEMENTS (bad); i++)
    offer_unsummed (bench, frame, bad[i].size, bad[i].start, bad[i].offset);
  g_assert_cmpuint (bench->net->n_sent, ==, n);
  /* A sum of zero is written as the other zero: it does not say "none". */
  memset (frame, 0, 60);
  memset (frame + 40, 0xff, 2);
  offer_unsummed (bench, frame, 60, 34, 6);
  g_assert_cmphex (bench->net->last->data[40] << 8 | bench->net->last->data[41], ==, 0xffff);
  g_assert_cmphex (virtio_bench_get_status (&bench->v), ==, 15);
  /* Who has not asked for it sends frames as they are. */
  vmt_harness_put (bench->v.harness, SLOT + 0x70, 4, 0);
  virtio_bench_start (&bench->v, F_MAC, 2, 32);
  fill (frame, 60, 7);
  offer_unsummed (bench, frame, 60, 34, 16);
  g_assert_cmpmem (bench->net->last->data, bench->net->last->len, frame, 60);
}

/* The driver need not look at what the back end has checked. */
static void
test_checked (Bench *bench, gconstpointer data)
{
  VmtNetClass *klass = VMT_NET_GET_CLASS (bench->net);
  guint64 flags = klass->flags;
  guint8 frame[60] = { 0 };

  virtio_bench_start (&bench->v, F_MAC | F_GUEST_CSUM, 2, 32);
  for (guint i = 0; i < 2; i++)
    {
      guint8 header[12];

      klass->flags = i == 0 ? flags : 0;
      driver_offer_pair (&bench->v.queues[0], 3, 0, 0, DATA, 1526);
      g_assert_true (vmt_net_receive (VMT_NET (bench->net), frame, 60));
      g_assert_true (driver_take_used (&bench->v.queues[0], NULL, NULL));
      g_assert_true (vmt_harness_peek (bench->v.harness, DATA, header, 12));
      g_assert_cmphex (header[0], ==, i == 0 ? 2 : 0);
    }
  klass->flags = flags;
}

static void
test_receive (Bench *bench, gconstpointer data)
{
  DriverQueue *rx = &bench->v.queues[0];
  guint8 frame[1514], got[1600];
  guint32 id, size;

  fill (frame, sizeof frame, 9);
  /* Nobody there yet. */
  g_assert_false (vmt_net_receive (VMT_NET (bench->net), frame, 60));
  virtio_bench_start (&bench->v, F_MAC, 2, 32);
  g_assert_false (vmt_net_receive (VMT_NET (bench->net), frame, 60));
  driver_offer_pair (rx, 3, 0, 0, DATA, 1526);
  virtio_bench_notify (&bench->v, 0);
  vmt_harness_iterate (bench->v.harness);
  g_assert_cmpuint (bench->net->n_resumed, ==, 1);
  g_assert_true (vmt_net_receive (VMT_NET (bench->net), frame, 1514));
  g_assert_true (driver_take_used (rx, &id, &size));
  g_assert_cmpuint (id, ==, 3);
  g_assert_cmpuint (size, ==, 1526);
  g_assert_true (vmt_harness_peek (bench->v.harness, DATA, got, 1526));
  g_assert_cmpmem (got + 12, 1514, frame, 1514);
  g_assert_cmphex (got[10], ==, 1);
  g_assert_cmphex (got[0] | got[1] | got[11], ==, 0);
  g_assert_cmphex (virtio_bench_ack (&bench->v), ==, 1);
  /* A buffer that is too small goes back empty, and the frame is lost. */
  driver_offer_pair (rx, 4, 0, 0, DATA, 100);
  g_assert_true (vmt_net_receive (VMT_NET (bench->net), frame, 1514));
  g_assert_true (driver_take_used (rx, &id, &size));
  g_assert_cmpuint (id, ==, 4);
  g_assert_cmpuint (size, ==, 0);
  /* A machine that stands still takes nothing. */
  driver_offer_pair (rx, 4, 0, 0, DATA, 1526);
  vmt_device_set_running (bench->v.device, FALSE);
  g_assert_false (vmt_net_receive (VMT_NET (bench->net), frame, 60));
  vmt_device_set_running (bench->v.device, TRUE);
  vmt_harness_iterate (bench->v.harness);
  g_assert_cmpuint (bench->net->n_resumed, ==, 2);
  g_assert_true (vmt_net_receive (VMT_NET (bench->net), frame, 60));
  g_assert_true (driver_take_used (rx, &id, &size));
  g_assert_cmpuint (size, ==, 72);
}

static void
test_merge (Bench *bench, gconstpointer data)
{
  DriverQueue *rx = &bench->v.queues[0];
  guint8 frame[1000], got[12];
  guint32 id, size, total = 0;

  virtio_bench_start (&bench->v, F_MAC | F_MRG_RXBUF, 2, 32);
  fill (frame, sizeof frame, 4);
  for (guint i = 0; i < 6; i++)
    driver_offer_pair (rx, i, 0, 0, DATA + 0x1000 * i, 256);
  g_assert_true (vmt_net_receive (VMT_NET (bench->net), frame, 1000));
  g_assert_true (vmt_harness_peek (bench->v.harness, DATA, got, 12));
  g_assert_cmphex (got[10], ==, 4);
  for (guint i = 0; i < 4; i++)
    {
      guint8 part[256];
      guint skip = i == 0 ? 12 : 0;

      g_assert_true (driver_take_used (rx, &id, &size));
      g_assert_cmpuint (id, ==, i);
      g_assert_cmpuint (size, ==, i < 3 ? 256 : 1012 - 3 * 256);
      g_assert_true (vmt_harness_peek (bench->v.harness, DATA + 0x1000 * i, part, size));
      g_assert_cmpmem (part + skip, size - skip, frame + total, size - skip);
      total += size - skip;
    }
  g_assert_cmpuint (total, ==, 1000);
  /* Two are left, which do not hold another: it is lost, they are not. */
  g_assert_true (vmt_net_receive (VMT_NET (bench->net), frame, 1000));
  g_assert_false (driver_take_used (rx, NULL, NULL));
  g_assert_true (vmt_net_receive (VMT_NET (bench->net), frame, 400));
  g_assert_true (driver_take_used (rx, &id, NULL));
  g_assert_cmpuint (id, ==, 4);
  g_assert_true (driver_take_used (rx, &id, NULL));
  g_assert_cmpuint (id, ==, 5);
  g_assert_false (vmt_net_receive (VMT_NET (bench->net), frame, 60));
  virtio_bench_check_state (&bench->v);
}

/* A TCP segment from 10.0.2.2 to 10.0.2.15, with @options bytes of IP options. */
static void
make_segment (guint8 *frame, guint size, guint options)
{
  fill (frame, size, 5);
  frame[12] = 8;
  frame[13] = 0;
  frame[14] = 0x45 + options / 4;
  frame[16] = (size - 14) >> 8;
  frame[17] = size - 14;
  frame[20] = frame[21] = 0;
  frame[23] = 6;
  memcpy (frame + 26, "\x0a\0\2\2\x0a\0\2\x0f", 8);
  frame[34 + options + 12] = 0x80;
}

/* A segment that is longer than the link's is described so that the driver may cut it. */
static void
test_large (Bench *bench, gconstpointer data)
{
  static const guint sizes[] = { 1515, 5000, 65549 };
  DriverQueue *rx = &bench->v.queues[0];
  g_autofree guint8 *frame = g_malloc (65549);
  g_autofree guint8 *got = g_malloc (65549 + 12);
  guint32 used;

  virtio_bench_start (&bench->v, F_MAC, 2, 32);
  g_assert_false (vmt_net_takes_large (VMT_NET (bench->net)));
  virtio_bench_start (&bench->v, F_MAC | F_GUEST_CSUM | F_GUEST_TSO4 | F_MRG_RXBUF, 2, 64);
  g_assert_true (vmt_net_takes_large (VMT_NET (bench->net)));
  for (guint i = 0; i < G_N_ELEMENTS (sizes); i++)
    for (guint options = 0; options <= 40; options += 40)
      {
        /* Buffers of any size, the first too small for the headers. */
        guint at = 0, n = 0, start = 34 + options, sum;
        guint8 pseudo[12] = { 10, 0, 2, 2, 10, 0, 2, 15, 0, 6, 0, 0 };

        make_segment (frame, sizes[i], options);
        for (guint room = 0; room < sizes[i] + 12; n++)
          {
            guint part = n == 0 ? 30 : n == 1 ? 50 : 1526;

            driver_offer_pair (rx, n, 0, 0, DATA + 0x800 * n, part);
            room += part;
          }
        g_assert_true (vmt_net_receive (VMT_NET (bench->net), frame, sizes[i]));
        for (guint k = 0; k < n; k++)
          {
            g_assert_true (driver_take_used (rx, NULL, &used));
            g_assert_true (vmt_harness_peek (bench->v.harness, DATA + 0x800 * k, got + at, used));
            at += used;
          }
        g_assert_false (driver_take_used (rx, NULL, NULL));
        g_assert_cmpuint (at, ==, 12 + sizes[i]);
        g_assert_cmphex (got[0], ==, 1);
        g_assert_cmphex (got[1], ==, 1);
        g_assert_cmpuint (got[2] | got[3] << 8, ==, start + 32);
        g_assert_cmpuint (got[4] | got[5] << 8, ==, 1460);
        g_assert_cmpuint (got[6] | got[7] << 8, ==, start);
        g_assert_cmpuint (got[8] | got[9] << 8, ==, 16);
        g_assert_cmpuint (got[10], ==, n);
        pseudo[10] = (sizes[i] - start) >> 8;
        pseudo[11] = sizes[i] - start;
        sum = slow_sum (pseudo, 12);
        g_assert_cmphex (got[12 + start + 16] << 8 | got[12 + start + 17], ==, sum);
        memcpy (frame + start + 16, got + 12 + start + 16, 2);
        g_assert_cmpmem (got + 12, sizes[i], frame, sizes[i]);
      }
  /* All else goes as it is: no TCP, a fragment, headers that lie, a short one. */
  for (guint i = 0; i < 6; i++)
    {
      make_segment (frame, 2000, 0);
      if (i == 0)
        frame[23] = 17;
      else if (i == 1)
        frame[20] = 0x20;
      else if (i == 2)
        frame[14] = 0x44;
      else if (i == 3)
        frame[34 + 12] = 0x40;
      else if (i == 4)
        frame[17]++;
      driver_offer_pair (rx, 0, 0, 0, DATA, 2100);
      g_assert_true (vmt_net_receive (VMT_NET (bench->net), frame, i == 5 ? 1514 : 2000));
      g_assert_true (driver_take_used (rx, NULL, &used));
      g_assert_true (vmt_harness_peek (bench->v.harness, DATA, got, used));
      g_assert_cmphex (got[0], ==, 2);
      g_assert_cmphex (got[1], ==, 0);
      g_assert_cmpmem (got + 12, used - 12, frame, used - 12);
    }
  /* The driver is late with its buffers: the segment waits, and none is lost. */
  make_segment (frame, 5000, 0);
  for (guint i = 0; i < 2; i++)
    driver_offer_pair (rx, i, 0, 0, DATA + 0x800 * i, 1526);
  g_assert_false (vmt_net_receive (VMT_NET (bench->net), frame, 5000));
  g_assert_false (driver_take_used (rx, NULL, NULL));
  for (guint i = 2; i < 4; i++)
    driver_offer_pair (rx, i, 0, 0, DATA + 0x800 * i, 1526);
  bench->net->n_resumed = 0;
  virtio_bench_notify (&bench->v, 0);
  vmt_harness_iterate (bench->v.harness);
  g_assert_cmpuint (bench->net->n_resumed, ==, 1);
  g_assert_true (vmt_net_receive (VMT_NET (bench->net), frame, 5000));
  for (guint i = 0; i < 4; i++)
    g_assert_true (driver_take_used (rx, NULL, NULL));
  /* One that more buffers than it may take do not hold is lost. */
  for (guint i = 0; i < 64; i++)
    driver_offer_pair (rx, i, 0, 0, DATA, 20);
  g_assert_true (vmt_net_receive (VMT_NET (bench->net), frame, 5000));
  g_assert_false (driver_take_used (rx, NULL, NULL));
  vmt_harness_put (bench->v.harness, SLOT + 0x70, 4, 0);
  g_assert_false (vmt_net_takes_large (VMT_NET (bench->net)));
}

/* Segmentation needs checksums (5.1.3.1): a driver that does not see to it is refused. */
static void
test_refused (Bench *bench, gconstpointer data)
{
  static const guint32 features[] = { F_HOST_TSO4, F_GUEST_TSO4, F_CSUM | F_GUEST_TSO4,
                                      F_GUEST_CSUM | F_HOST_TSO4 };

  for (guint i = 0; i < G_N_ELEMENTS (features); i++)
    {
      VmtHarness *h = bench->v.harness;

      vmt_harness_put (h, SLOT + 0x70, 4, 0);
      vmt_harness_put (h, SLOT + 0x70, 4, 3);
      vmt_harness_put (h, SLOT + 0x24, 4, 0);
      vmt_harness_put (h, SLOT + 0x20, 4, features[i]);
      vmt_harness_put (h, SLOT + 0x24, 4, 1);
      vmt_harness_put (h, SLOT + 0x20, 4, 1);
      vmt_harness_put (h, SLOT + 0x70, 4, 11);
      g_assert_cmphex (virtio_bench_get_status (&bench->v), ==, 3);
    }
}

/* A queue that another vCPU fills without end does not hold the one that notified: here, more than
 * a round of buffers. */
static void
test_round (Bench *bench, gconstpointer data)
{
  DriverQueue *tx = &bench->v.queues[1];

  virtio_bench_start (&bench->v, F_MAC, 2, 256);
  for (guint i = 0; i < 256; i++)
    driver_offer_pair (tx, i, DATA, 72, 0, 0);
  virtio_bench_notify (&bench->v, 1);
  g_assert_cmpuint (bench->net->n_sent, ==, 256);
  driver_offer_pair (tx, 0, DATA, 72, 0, 0);
  vmt_harness_advance (bench->v.harness, 1);
  g_assert_cmpuint (bench->net->n_sent, ==, 257);
}

static void
test_fuzz (Bench *bench, gconstpointer data)
{
  guint8 frame[60] = { 0 };

  virtio_bench_fuzz (&bench->v, 2, 2000);
  virtio_bench_start (&bench->v, F_MAC, 2, 32);
  driver_offer_pair (&bench->v.queues[0], 3, 0, 0, DATA, 1526);
  g_assert_true (vmt_net_receive (VMT_NET (bench->net), frame, 60));
  g_assert_true (driver_take_used (&bench->v.queues[0], NULL, NULL));
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
#define ADD(name, data, func)                                                                      \
  g_test_add ("/device/virtio-net/" name, Bench, data, setup, func, teardown)
  ADD ("mac", "02:AB:cd:ef:01:23", test_mac);
  ADD ("made-mac", NULL, test_made_mac);
  g_test_add_func ("/device/virtio-net/mac-refused", test_mac_refused);
  ADD ("transmit", NULL, test_transmit);
  ADD ("features", NULL, test_features);
  ADD ("checksum", NULL, test_checksum);
  ADD ("checked", NULL, test_checked);
  ADD ("receive", NULL, test_receive);
  ADD ("merge", NULL, test_merge);
  ADD ("large", NULL, test_large);
  ADD ("refused", NULL, test_refused);
  ADD ("round", NULL, test_round);
  ADD ("fuzz", NULL, test_fuzz);
  return g_test_run ();
}
