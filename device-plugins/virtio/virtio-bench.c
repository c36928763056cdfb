/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "virtio-bench.h"

#include <string.h>

VmtDevice *
virtio_bench_create (const char *feature)
{
  g_autoptr (GError) error = NULL;
  VmtObject *object =
      vmt_registry_create (vmt_registry_get_default (), VMT_FEATURE_DEVICE, feature, &error);

  g_assert_no_error (error);
  return VMT_DEVICE (object);
}

void
virtio_bench_init (VirtioBench *bench, const char *feature, gpointer backend, const char *property,
                   const char *value)
{
  g_autoptr (GError) error = NULL;

  memset (bench, 0, sizeof *bench);
  bench->harness = vmt_harness_new (RAM, RAM_SIZE);
  bench->slot = virtio_bench_create ("virtio-mmio");
  bench->device = virtio_bench_create (feature);
  bench->backend = backend;
  if (backend != NULL)
    g_object_set (bench->device, "backend", backend, NULL);
  if (property != NULL)
    g_assert_true (vmt_object_set_text (VMT_OBJECT (bench->device), property, value, &error));
  g_assert_true (vmt_harness_add (bench->harness, NULL, "virtio0", bench->slot, SLOT, &error));
  g_assert_true (
      vmt_harness_add (bench->harness, bench->slot, "device", bench->device, G_MAXUINT64, &error));
  g_assert_true (vmt_harness_realize (bench->harness, &error));
  g_assert_no_error (error);
}

void
virtio_bench_clear (VirtioBench *bench)
{
  vmt_harness_free (bench->harness);
  g_object_unref (bench->slot);
  g_object_unref (bench->device);
  g_clear_object (&bench->backend);
}

void
virtio_bench_start (VirtioBench *bench, guint64 features, guint n_queues, guint size)
{
  for (guint i = 0; i < n_queues; i++)
    driver_queue_init (&bench->queues[i], bench->harness, QUEUE (i), size);
  driver_mmio_start (bench->harness, SLOT, features, bench->queues, n_queues);
}

void
virtio_bench_notify (VirtioBench *bench, guint queue)
{
  vmt_harness_put (bench->harness, SLOT + 0x50, 4, queue);
}

guint32
virtio_bench_get_status (VirtioBench *bench)
{
  return vmt_harness_get (bench->harness, SLOT + 0x70, 4);
}

gboolean
virtio_bench_irq (VirtioBench *bench)
{
  return vmt_harness_get_irq_level (bench->harness, bench->slot, 0);
}

guint32
virtio_bench_ack (VirtioBench *bench)
{
  guint32 status = vmt_harness_get (bench->harness, SLOT + 0x60, 4);

  g_assert_cmpint (virtio_bench_irq (bench), ==, status != 0);
  vmt_harness_put (bench->harness, SLOT + 0x64, 4, status);
  g_assert_false (virtio_bench_irq (bench));
  return status;
}

void
virtio_bench_fuzz (VirtioBench *bench, guint n_queues, guint rounds)
{
  g_autoptr (GRand) rand = g_rand_new_with_seed (19700101);

  for (guint round = 0; round < rounds; round++)
    {
      guint size = 1u << g_rand_int_range (rand, 0, 5);
      guint64 features = (g_rand_int (rand) & 1) != 0 ? (guint64)1 << VMT_VIRTIO_F_EVENT_IDX : 0;

      features |= (g_rand_int (rand) & 1) != 0 ? (guint64)1 << VMT_VIRTIO_F_INDIRECT_DESC : 0;
      /* the device's own features, every other time */
      if (round % 2 == 1)
        features |=
            vmt_virtio_device_get_device_features (VMT_VIRTIO_DEVICE (bench->device)) & 0xffffff;
      virtio_bench_start (bench, features, n_queues, size);
      for (guint step = 0; step < 30; step++)
        {
          DriverQueue *queue = &bench->queues[g_rand_int_range (rand, 0, n_queues)];
          guint32 words[4] = { g_rand_int_range (rand, 0, 16), g_rand_int (rand),
                               g_rand_int_range (rand, 0, 64), 0 };

          /* Small sound descriptors for the most part, of which the first bytes may be a header. */
          for (guint i = 0; i < size; i++)
            driver_set_desc (queue, queue->desc, i, DATA + 0x100 * g_rand_int_range (rand, 0, 64),
                             g_rand_int_range (rand, 0, 20) == 0
                                 ? g_rand_int (rand)
                                 : (guint32)g_rand_int_range (rand, 0, 700),
                             g_rand_int_range (rand, 0, g_rand_int_range (rand, 0, 9) == 0 ? 8 : 4),
                             g_rand_int_range (rand, 0, size));
          g_assert_true (vmt_harness_poke (
              bench->harness, DATA + 0x100 * g_rand_int_range (rand, 0, 64), words, 16));
          driver_offer (queue, g_rand_int_range (rand, 0, size));
          virtio_bench_notify (bench, g_rand_int_range (rand, 0, n_queues + 1));
          if (g_rand_int_range (rand, 0, 4) == 0)
            vmt_harness_write (bench->harness, SLOT + 0x100 + g_rand_int_range (rand, 0, 64) * 4, 4,
                               g_rand_int (rand));
          if (g_rand_int_range (rand, 0, 10) == 0)
            vmt_harness_iterate (bench->harness);
        }
      vmt_device_quiesce (bench->device);
      vmt_harness_iterate (bench->harness);
    }
  vmt_harness_reset (bench->harness);
  g_assert_cmphex (virtio_bench_get_status (bench), ==, 0);
}

void
virtio_bench_check_state (VirtioBench *bench)
{
  VmtDevice *devices[] = { bench->slot, bench->device };

  for (guint i = 0; i < 2; i++)
    {
      const VmtStateField *table = VMT_DEVICE_GET_CLASS (devices[i])->state;
      g_autoptr (GVariant) saved = g_variant_ref_sink (vmt_state_table_save (table, devices[i]));
      g_autoptr (GVariant) blank = NULL;
      g_autoptr (GVariant) again = NULL;
      g_autoptr (GError) error = NULL;

      vmt_device_reset (devices[i]);
      blank = g_variant_ref_sink (vmt_state_table_save (table, devices[i]));
      g_assert_false (g_variant_equal (saved, blank));
      g_assert_true (vmt_state_table_load (table, devices[i], saved, 1, &error));
      again = g_variant_ref_sink (vmt_state_table_save (table, devices[i]));
      g_assert_true (g_variant_equal (saved, again));
    }
}
