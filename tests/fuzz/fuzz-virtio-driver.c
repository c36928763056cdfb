/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A driver that does anything: descriptors, rings, registers and configuration of each virtio
 * device behind virtio-mmio. Whatever it did, a reset mends the device. */
#include "fuzz.h"

#include "virtio-bench.h"

#define MAX_STEPS 200
#define DATA_SIZE 0x4000
#define MAX_FRAME 2048
#define INPUT_MAX 256

enum
{
  BLK,
  NET,
  CONSOLE,
  RNG,
  N_DEVICES
};

static const struct
{
  const char *feature;
  guint n_queues;
} kinds[] = {
  { "virtio-blk", 1 }, { "virtio-net", 2 }, { "virtio-console", 2 }, { "virtio-rng", 1 }
};

/* Made once: a machine for each input would test little else. */
static VirtioBench *
get_bench (guint kind)
{
  static VirtioBench benches[N_DEVICES];
  VirtioBench *bench = &benches[kind];
  gpointer backend = NULL;

  if (bench->harness != NULL)
    return bench;
  switch (kind)
    {
    case BLK:
      backend = fake_block_new (0x10000);
      break;
    case NET:
      backend = fake_net_new ();
      break;
    case CONSOLE:
      backend = fake_char_new ();
      break;
    default:
      backend = fake_entropy_new ();
      break;
    }
  virtio_bench_init (bench, kinds[kind].feature, backend, NULL, NULL);
  return bench;
}

/* Nothing of an earlier input is left: each must fail, or not, alone. */
static void
clean (VirtioBench *bench, guint kind)
{
  static const guint8 zero[DATA_SIZE];

  g_assert_true (vmt_harness_poke (bench->harness, DATA, zero, sizeof zero));
  if (kind == CONSOLE)
    {
      FakeChar *console = (FakeChar *)bench->backend;

      g_byte_array_set_size (console->written, 0);
      g_byte_array_set_size (console->input, 0);
      console->sent = 0;
    }
}

static void
start (VirtioBench *bench, guint kind, guint choices)
{
  guint64 features = 0;

  /* nothing is in flight: a reset is over at once */
  vmt_device_quiesce (bench->device);
  vmt_harness_iterate (bench->harness);
  if (choices & 1)
    features |= G_GUINT64_CONSTANT (1) << VMT_VIRTIO_F_EVENT_IDX;
  if (choices & 2)
    features |= G_GUINT64_CONSTANT (1) << VMT_VIRTIO_F_INDIRECT_DESC;
  /* all that the device has of its own */
  if (choices & 32)
    features |=
        vmt_virtio_device_get_device_features (VMT_VIRTIO_DEVICE (bench->device)) & 0xffffff;
  virtio_bench_start (bench, features, kinds[kind].n_queues, 1u << (choices >> 2 & 7));
}

/* Most of what a driver means is in a few pages. */
static guint64
take_address (FuzzInput *input)
{
  guint64 value = fuzz_take (input, 2);

  if (value < DATA_SIZE)
    return DATA + value;
  if (value < 0xc000)
    return QUEUE (0) + (value & 0x7fff);
  return fuzz_take (input, 8);
}

static void
type (VirtioBench *bench, guint kind, guint n)
{
  static const guint8 frame[MAX_FRAME] = { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff };

  if (kind == NET)
    vmt_net_receive (VMT_NET (bench->backend), frame, n % (MAX_FRAME + 1));
  else if (kind == CONSOLE)
    {
      FakeChar *console = (FakeChar *)bench->backend;

      if (console->input->len - console->sent < INPUT_MAX)
        fake_char_type (console, frame, n % INPUT_MAX);
    }
}

static void
step (VirtioBench *bench, guint kind, FuzzInput *input)
{
  guint op = (guint)fuzz_take (input, 1);
  DriverQueue *queue = &bench->queues[(op >> 4) % kinds[kind].n_queues];
  guint64 value, address;
  guint size;

  switch (op & 15)
    {
    case 0:
    case 1:
      {
        guint index = (guint)fuzz_take (input, 1) & 0x7f;
        guint64 where = take_address (input);
        guint32 length = (guint32)fuzz_take (input, 2);
        guint flags = (guint)fuzz_take (input, 1);
        guint next = (guint)fuzz_take (input, 1);

        if (length >= 0xf000)
          length = (length << 20) | 0xfff;
        /* a chain's table may be an indirect one in the data */
        driver_set_desc (queue, (op & 15) == 0 ? queue->desc : DATA, index, where, length,
                         (guint16)(flags & 7), (guint16)next);
        break;
      }
    case 2:
    case 3:
      driver_offer (queue, (guint16)fuzz_take (input, 1));
      break;
    case 4:
      virtio_bench_notify (bench, op >> 4 & 3);
      break;
    case 5:
      size = 1u << (op >> 4 & 3);
      address = SLOT + (fuzz_take (input, 2) & 0xfff);
      vmt_harness_write (bench->harness, address, size, fuzz_take (input, size));
      break;
    case 6:
      vmt_harness_read (bench->harness, SLOT + (fuzz_take (input, 2) & 0xfff), 1u << (op >> 4 & 3),
                        &value);
      break;
    case 7:
    case 8:
      /* inside the RAM, which the driver may write as it likes */
      address = RAM + take_address (input) % (RAM_SIZE - 8);
      value = fuzz_take (input, 8);
      g_assert_true (vmt_harness_poke (bench->harness, address, &value, 8));
      break;
    case 9:
      vmt_harness_iterate (bench->harness);
      break;
    case 10:
      start (bench, kind, (guint)fuzz_take (input, 1));
      break;
    case 11:
      driver_put16 (queue, queue->avail + 2, (guint16)fuzz_take (input, 2));
      break;
    case 12:
      type (bench, kind, (guint)fuzz_take (input, 2));
      break;
    case 13:
      /* a request of a block device begins so */
      address = DATA + (fuzz_take (input, 1) << 4);
      value = fuzz_take (input, 1) | (guint64)fuzz_take (input, 2) << 32;
      g_assert_true (vmt_harness_poke (bench->harness, address, &value, 8));
      value = fuzz_take (input, 1);
      g_assert_true (vmt_harness_poke (bench->harness, address + 8, &value, 8));
      break;
    case 14:
      driver_set_used_event (queue, (guint16)fuzz_take (input, 2));
      break;
    case 15:
      virtio_bench_ack (bench);
      break;
    }
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  FuzzInput input = { data, size };
  guint first = (guint)fuzz_take (&input, 1), kind = first % N_DEVICES;
  VirtioBench *bench = get_bench (kind);

  clean (bench, kind);
  start (bench, kind, first >> 2);
  for (guint i = 0; i < MAX_STEPS && input.size > 0; i++)
    step (bench, kind, &input);
  vmt_device_quiesce (bench->device);
  vmt_harness_iterate (bench->harness);
  vmt_harness_reset (bench->harness);
  g_assert_cmphex (virtio_bench_get_status (bench), ==, 0);
  g_assert_false (virtio_bench_irq (bench));
  return 0;
}
