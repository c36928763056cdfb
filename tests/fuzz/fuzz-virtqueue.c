/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A virtio device whose driver's memory is the input: rings, descriptors, indirect tables and
 * requests.
 *
 * Byte 0 chooses the device, byte 1 what is negotiated (bit 0: event indices, bit 1: indirect
 * descriptors), byte 2 the queues' size, byte 3 how often they are rung, bytes 4 and 5 are written
 * to the configuration. The rest is the beginning of RAM, with queue 0 at its start and queue 1 at
 * 0x400. */
#include <vmt.h>

#include "fake-backends.h"
#include "fuzz.h"
#include "vmt-harness.h"

#define RAM 0x80000000
#define RAM_SIZE 0x10000
#define SLOT 0x10001000
#define HEADER 6

#define STATUS (SLOT + 0x70)

static VmtObject *
create (const char *feature)
{
  VmtObject *object =
      vmt_registry_create (vmt_registry_get_default (), VMT_FEATURE_DEVICE, feature, NULL);

  g_assert_nonnull (object);
  return object;
}

static void
start (VmtHarness *harness, guint flags, guint size)
{
  guint32 features;

  vmt_harness_put (harness, STATUS, 4, 0);
  vmt_harness_put (harness, STATUS, 4, 3);
  vmt_harness_put (harness, SLOT + 0x14, 4, 0);
  features = vmt_harness_get (harness, SLOT + 0x10, 4);
  if ((flags & 1) == 0)
    features &= ~(1u << VMT_VIRTIO_F_EVENT_IDX);
  if ((flags & 2) == 0)
    features &= ~(1u << VMT_VIRTIO_F_INDIRECT_DESC);
  for (guint i = 0; i < 2; i++)
    {
      vmt_harness_put (harness, SLOT + 0x24, 4, i);
      vmt_harness_put (harness, SLOT + 0x20, 4, i == 0 ? features : 1);
    }
  vmt_harness_put (harness, STATUS, 4, 11);
  g_assert_cmphex (vmt_harness_get (harness, STATUS, 4), ==, 11);
  for (guint i = 0; i < 2; i++)
    {
      guint64 base = RAM + 0x400 * i, used = (base + 16 * size + 6 + 2 * size + 3) & ~3u;

      vmt_harness_put (harness, SLOT + 0x30, 4, i);
      if (vmt_harness_get (harness, SLOT + 0x34, 4) == 0)
        continue;
      vmt_harness_put (harness, SLOT + 0x38, 4, size);
      vmt_harness_put (harness, SLOT + 0x80, 4, base);
      vmt_harness_put (harness, SLOT + 0x90, 4, base + 16 * size);
      vmt_harness_put (harness, SLOT + 0xa0, 4, used);
      vmt_harness_put (harness, SLOT + 0x44, 4, 1);
    }
  vmt_harness_put (harness, STATUS, 4, 15);
  g_assert_cmphex (vmt_harness_get (harness, STATUS, 4), ==, 15);
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  static const char *const features[] = { "virtio-blk", "virtio-net", "virtio-console" };
  g_autoptr (VmtHarness) harness = NULL;
  g_autoptr (VmtObject) slot = NULL;
  g_autoptr (VmtObject) device = NULL;
  g_autoptr (VmtObject) backend = NULL;
  guint8 frame[100] = { 0 };
  guint kind;

  if (size < HEADER)
    return 0;
  kind = data[0] % G_N_ELEMENTS (features);
  harness = vmt_harness_new (RAM, RAM_SIZE);
  slot = create ("virtio-mmio");
  device = create (features[kind]);
  backend = kind == 0   ? VMT_OBJECT (fake_block_new (0x8000))
            : kind == 1 ? VMT_OBJECT (fake_net_new ())
                        : VMT_OBJECT (fake_char_new ());
  g_object_set (device, "backend", backend, NULL);
  g_assert_true (vmt_harness_add (harness, NULL, "slot", VMT_DEVICE (slot), SLOT, NULL));
  g_assert_true (vmt_harness_add (harness, VMT_DEVICE (slot), "device", VMT_DEVICE (device),
                                  G_MAXUINT64, NULL));
  g_assert_true (vmt_harness_realize (harness, NULL));
  g_assert_true (vmt_harness_poke (harness, RAM, data + HEADER, MIN (size - HEADER, RAM_SIZE)));

  start (harness, data[1], 1u << data[2] % 5);
  vmt_harness_write (harness, SLOT + 0x100 + data[4], 1, data[5]);
  for (guint i = 0; i < data[3] % 8u; i++)
    {
      vmt_harness_put (harness, SLOT + 0x50, 4, i % 2);
      if (kind == 1)
        vmt_net_receive (VMT_NET (backend), frame, sizeof frame);
      else if (kind == 2)
        fake_char_type ((FakeChar *)backend, frame, 7);
      vmt_harness_advance (harness, 1);
    }
  vmt_device_quiesce (VMT_DEVICE (device));
  /* Whatever that was, a reset mends it. */
  start (harness, 3, 4);
  vmt_harness_reset (harness);
  g_assert_cmphex (vmt_harness_get (harness, STATUS, 4), ==, 0);
  return 0;
}
