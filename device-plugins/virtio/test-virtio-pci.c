/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* virtio-pci on the generic ECAM host, driven as a kernel drives it. */
#include <string.h>

#include "virtio-bench.h"
#include "vmt-firmware-node-private.h"

#define ECAM 0x30000000
#define WINDOW 0x40000000
#define WINDOW64 G_GUINT64_CONSTANT (0x400000000)
#define BAR_AT (WINDOW64 + 0x4000)

#define CFG(slot) (ECAM + ((guint64)(slot) << 15))

typedef struct
{
  VmtHarness *harness;
  VmtDevice *host, *function, *device;
  FakeEntropy *source;
  guint64 cfg;
  guint64 common, notify, isr, config; /* as the capabilities tell */
  guint32 multiplier;
  guint window;
} Bench;

static guint32
get (Bench *bench, guint64 address, guint size)
{
  return vmt_harness_get (bench->harness, address, size);
}

static void
put (Bench *bench, guint64 address, guint size, guint64 value)
{
  vmt_harness_put (bench->harness, address, size, value);
}

static void
setup (Bench *bench, gconstpointer data)
{
  g_autoptr (GError) error = NULL;

  memset (bench, 0, sizeof *bench);
  bench->harness = vmt_harness_new (RAM, RAM_SIZE);
  bench->host = virtio_bench_create ("pci-host-ecam");
  bench->function = virtio_bench_create ("virtio-pci");
  bench->device = virtio_bench_create ("virtio-rng");
  bench->source = fake_entropy_new ();
  bench->cfg = CFG (6);
  g_object_set (bench->function, "slot", 6, NULL);
  g_object_set (bench->device, "backend", bench->source, NULL);
  g_assert_true (vmt_harness_add (bench->harness, NULL, "pci0", bench->host, ECAM, &error));
  g_assert_true (
      vmt_harness_add (bench->harness, bench->host, "slot", bench->function, G_MAXUINT64, &error));
  g_assert_true (
      vmt_harness_add (bench->harness, bench->function, "rng", bench->device, G_MAXUINT64, &error));
  g_assert_true (vmt_harness_realize (bench->harness, &error));
  g_assert_no_error (error);
}

static void
teardown (Bench *bench, gconstpointer data)
{
  vmt_harness_free (bench->harness);
  g_object_unref (bench->host);
  g_object_unref (bench->function);
  g_object_unref (bench->device);
  g_object_unref (bench->source);
}

/* Finds the structures, maps the BAR, lets the function work. */
static void
attach (Bench *bench)
{
  guint at;

  put (bench, bench->cfg + 0x20, 4, (guint32)BAR_AT);
  put (bench, bench->cfg + 0x24, 4, BAR_AT >> 32);
  put (bench, bench->cfg + 4, 2, 6);
  for (at = get (bench, bench->cfg + 0x34, 1); at != 0; at = get (bench, bench->cfg + at + 1, 1))
    {
      guint64 where = BAR_AT + get (bench, bench->cfg + at + 8, 4);
      guint type = get (bench, bench->cfg + at + 3, 1);

      g_assert_cmphex (get (bench, bench->cfg + at, 1), ==, 9);
      g_assert_cmpuint (get (bench, bench->cfg + at + 2, 1), >=, 16);
      if (type != 5)
        {
          g_assert_cmpuint (get (bench, bench->cfg + at + 4, 1), ==, 4);
          g_assert_cmpuint (where + get (bench, bench->cfg + at + 12, 4), <=, BAR_AT + 0x4000);
        }
      switch (type)
        {
        case 1:
          bench->common = where;
          break;
        case 2:
          bench->notify = where;
          bench->multiplier = get (bench, bench->cfg + at + 16, 4);
          break;
        case 3:
          bench->isr = where;
          break;
        case 4:
          bench->config = where;
          break;
        case 5:
          bench->window = at;
          break;
        default:
          g_assert_not_reached ();
        }
    }
  g_assert_true (bench->common != 0 && bench->notify != 0 && bench->isr != 0 &&
                 bench->config != 0 && bench->window != 0);
}

static void
start (Bench *bench, DriverQueue *queue, guint64 features)
{
  features |= G_GUINT64_CONSTANT (1) << VMT_VIRTIO_F_VERSION_1;
  put (bench, bench->common + 20, 1, 0);
  g_assert_cmphex (get (bench, bench->common + 20, 1), ==, 0);
  put (bench, bench->common + 20, 1, 3);
  for (guint i = 0; i < 2; i++)
    {
      put (bench, bench->common + 8, 4, i);
      put (bench, bench->common + 12, 4, (guint32)(features >> (32 * i)));
      g_assert_cmphex (get (bench, bench->common + 12, 4), ==, (guint32)(features >> (32 * i)));
    }
  put (bench, bench->common + 20, 1, 11);
  g_assert_cmphex (get (bench, bench->common + 20, 1), ==, 11);
  put (bench, bench->common + 22, 2, 0);
  g_assert_cmpuint (get (bench, bench->common + 24, 2), ==, 256);
  put (bench, bench->common + 24, 2, queue->size);
  put (bench, bench->common + 32, 4, (guint32)queue->desc);
  put (bench, bench->common + 36, 4, queue->desc >> 32);
  put (bench, bench->common + 40, 8, queue->avail);
  put (bench, bench->common + 48, 8, queue->used);
  put (bench, bench->common + 28, 2, 1);
  g_assert_cmpuint (get (bench, bench->common + 28, 2), ==, 1);
  g_assert_cmphex (get (bench, bench->common + 32, 4), ==, (guint32)queue->desc);
  put (bench, bench->common + 20, 1, 15);
  g_assert_cmphex (get (bench, bench->common + 20, 1), ==, 15);
}

static gboolean
line (Bench *bench, guint n)
{
  return vmt_harness_get_irq_level (bench->harness, bench->host, n);
}

static void
test_config_space (Bench *bench, gconstpointer data)
{
  g_assert_cmphex (get (bench, bench->cfg, 4), ==, 0x10441af4);
  g_assert_cmphex (get (bench, bench->cfg + 8, 1), >=, 1);
  g_assert_cmphex (get (bench, bench->cfg + 0x2c, 2), ==, 0x1af4);
  g_assert_cmphex (get (bench, bench->cfg + 0x2e, 2), >=, 0x40);
  /* Empty slots, other functions and other buses answer with all ones; writes to them are lost. */
  g_assert_cmphex (get (bench, CFG (0), 4), ==, 0xffffffff);
  g_assert_cmphex (get (bench, CFG (31), 2), ==, 0xffff);
  g_assert_cmphex (get (bench, bench->cfg + 0x1000, 1), ==, 0xff);
  g_assert_cmphex (get (bench, bench->cfg + 0x100000, 4), ==, 0xffffffff);
  g_assert_cmphex (get (bench, ECAM + 0x0ffffffc, 4), ==, 0xffffffff);
  g_assert_cmphex (vmt_harness_get (bench->harness, ECAM, 8), ==, G_MAXUINT64);
  put (bench, CFG (9), 4, 1);
  /* The I/O window leads nowhere. */
  g_assert_cmphex (get (bench, 0x3000000, 4), ==, 0xffffffff);
  put (bench, 0x300fff8, 8, 1);
  attach (bench);
  g_assert_cmpuint (get (bench, bench->common + 18, 2), ==, 1);
}

static void
test_request (Bench *bench, gconstpointer data)
{
  DriverQueue queue;
  guint32 size;

  attach (bench);
  driver_queue_init (&queue, bench->harness, QUEUE (0), 16);
  start (bench, &queue, 0);
  driver_offer_pair (&queue, 0, 0, 0, DATA, 5);
  put (bench, bench->notify + get (bench, bench->common + 30, 2) * bench->multiplier, 2, 0);
  g_assert_true (driver_take_used (&queue, NULL, &size));
  g_assert_cmpuint (size, ==, 5);
  /* Pin A of slot 6 is the third line; reading why releases it. */
  for (guint i = 0; i < 4; i++)
    g_assert_cmpint (line (bench, i), ==, i == 2);
  g_assert_cmphex (get (bench, bench->cfg + 6, 2) & 8, ==, 8);
  g_assert_cmphex (get (bench, bench->isr, 1), ==, 1);
  g_assert_false (line (bench, 2));
  g_assert_cmphex (get (bench, bench->isr, 1), ==, 0);
  /* Without bus mastering the device does not see the queue. */
  put (bench, bench->cfg + 4, 2, 2);
  driver_offer_pair (&queue, 0, 0, 0, DATA, 5);
  put (bench, bench->notify, 4, 0);
  g_assert_false (driver_take_used (&queue, NULL, NULL));
  put (bench, bench->cfg + 4, 2, 6);
  put (bench, bench->notify, 4, 0);
  g_assert_true (driver_take_used (&queue, NULL, NULL));
  g_assert_true (line (bench, 2));
  /* A broken ring is told as a change of the configuration. */
  get (bench, bench->isr, 1);
  driver_offer (&queue, 999);
  put (bench, bench->notify, 2, 0);
  g_assert_cmphex (get (bench, bench->common + 20, 1), ==, 0x4f);
  g_assert_cmphex (get (bench, bench->isr, 1), ==, 2);
  driver_offer (&queue, 0);
  put (bench, bench->notify, 2, 0);
  vmt_harness_reset (bench->harness);
  for (guint i = 0; i < 4; i++)
    g_assert_false (line (bench, i));
}

static void
test_registers (Bench *bench, gconstpointer data)
{
  guint64 value;

  attach (bench);
  put (bench, bench->common, 4, 2);
  g_assert_cmphex (get (bench, bench->common + 4, 4), ==, 0);
  put (bench, bench->common, 4, 1);
  g_assert_cmphex (get (bench, bench->common + 4, 4), ==, 1);
  put (bench, bench->common + 8, 4, 7);
  put (bench, bench->common + 12, 4, 0xffffffff);
  g_assert_cmphex (get (bench, bench->common + 12, 4), ==, 0);
  /* No MSI-X here: no vectors either. */
  put (bench, bench->common + 16, 2, 0);
  g_assert_cmphex (get (bench, bench->common + 16, 2), ==, 0xffff);
  put (bench, bench->common + 26, 2, 0);
  g_assert_cmphex (get (bench, bench->common + 26, 2), ==, 0xffff);
  /* Queues that do not exist. */
  put (bench, bench->common + 22, 2, 1);
  g_assert_cmphex (get (bench, bench->common + 24, 2), ==, 0);
  put (bench, bench->common + 24, 2, 16);
  put (bench, bench->common + 28, 2, 1);
  put (bench, bench->common + 32, 8, 0x1000);
  g_assert_cmphex (get (bench, bench->common + 28, 2), ==, 0);
  g_assert_cmphex (get (bench, bench->common + 32, 4), ==, 0);
  put (bench, bench->notify + 4 * 15, 2, 0);
  g_assert_cmpint (vmt_harness_read (bench->harness, bench->common + 60, 4, &value), ==,
                   VMT_MEM_BUS_ERROR);
  g_assert_cmpint (vmt_harness_write (bench->harness, bench->notify + 64, 2, 0), ==,
                   VMT_MEM_BUS_ERROR);
  g_assert_cmphex (get (bench, bench->config, 4), ==, 0);
  /* A queue that is in use stays where it is. */
  put (bench, bench->common + 22, 2, 0);
  put (bench, bench->common + 28, 2, 2);
  g_assert_cmphex (get (bench, bench->common + 28, 2), ==, 0);
}

/* The BAR through configuration space, without it being mapped. */
static void
test_window (Bench *bench, gconstpointer data)
{
  guint64 cap;

  attach (bench);
  put (bench, bench->cfg + 4, 2, 0);
  cap = bench->cfg + bench->window;
  put (bench, cap + 4, 1, 4);
  put (bench, cap + 8, 4, (guint32)(bench->common - BAR_AT) + 20);
  put (bench, cap + 12, 4, 1);
  put (bench, cap + 16, 1, 3);
  g_assert_cmphex (get (bench, cap + 16, 1), ==, 3);
  put (bench, cap + 16, 1, 0);
  g_assert_cmphex (get (bench, cap + 16, 1), ==, 0);
  put (bench, cap + 8, 4, (guint32)(bench->common - BAR_AT) + 4);
  put (bench, cap + 12, 4, 4);
  g_assert_cmphex (get (bench, cap + 16, 4), ==, 0x30000000);
  /* Set up in every wrong way: nothing happens. */
  put (bench, cap + 12, 4, 3);
  put (bench, cap + 16, 4, 0xdeadbeef);
  put (bench, cap + 12, 4, 4);
  put (bench, cap + 8, 4, 0xfffffffc);
  put (bench, cap + 16, 4, 0xdeadbeef);
  g_assert_cmphex (get (bench, cap + 16, 4), ==, 0xdeadbeef);
  put (bench, cap + 8, 4, 2);
  get (bench, cap + 16, 4);
  put (bench, cap + 4, 1, 0);
  put (bench, cap + 8, 4, 0);
  get (bench, cap + 16, 4);
  for (guint32 at = 0; at < 0x4010; at += 4)
    {
      put (bench, cap + 4, 1, 4);
      put (bench, cap + 8, 4, at);
      get (bench, cap + 16, 4);
      put (bench, cap + 16, 4, at * 0x9e3779b9);
    }
}

static void
test_state (Bench *bench, gconstpointer data)
{
  VmtDevice *devices[] = { bench->device, bench->function, bench->host };
  DriverQueue queue;

  attach (bench);
  driver_queue_init (&queue, bench->harness, QUEUE (0), 16);
  start (bench, &queue, 0);
  driver_offer_pair (&queue, 0, 0, 0, DATA, 5);
  put (bench, bench->notify, 2, 0);
  for (guint i = 0; i < 3; i++)
    {
      const VmtStateField *table = VMT_DEVICE_GET_CLASS (devices[i])->state;
      g_autoptr (GVariant) saved = g_variant_ref_sink (vmt_state_table_save (table, devices[i]));
      g_autoptr (GVariant) blank = NULL;
      g_autoptr (GVariant) again = NULL;
      g_autoptr (GError) error = NULL;

      vmt_device_reset (devices[i]);
      blank = g_variant_ref_sink (vmt_state_table_save (table, devices[i]));
      if (devices[i] != bench->host)
        g_assert_false (g_variant_equal (saved, blank));
      g_assert_true (vmt_state_table_load (table, devices[i], saved, 1, &error));
      again = g_variant_ref_sink (vmt_state_table_save (table, devices[i]));
      g_assert_true (g_variant_equal (saved, again));
    }
}

static void
test_plug (void)
{
  g_autoptr (VmtHarness) harness = vmt_harness_new (RAM, RAM_SIZE);
  g_autoptr (VmtDevice) host = virtio_bench_create ("pci-host-ecam");
  g_autoptr (VmtDevice) console = virtio_bench_create ("virtio-console");
  g_autoptr (GError) error = NULL;

  g_assert_true (vmt_harness_add (harness, NULL, "pci0", host, ECAM, &error));
  /* A virtio device is no PCI function. */
  g_assert_false (vmt_harness_add (harness, host, "bare", console, G_MAXUINT64, &error));
  g_assert_nonnull (strstr (error->message, "virtio-pci"));
  g_clear_error (&error);
  for (guint i = 0; i < 34; i++)
    {
      g_autoptr (VmtDevice) function = virtio_bench_create ("virtio-pci");
      g_autofree char *id = g_strdup_printf ("f%u", i);
      guint slot;

      /* The second is told to go where the first is; the others take 1 and up, and not 4 again. */
      if (i < 2)
        g_object_set (function, "slot", 4, NULL);
      if (i == 1 || i > 31)
        {
          g_assert_false (vmt_harness_add (harness, host, id, function, G_MAXUINT64, &error));
          g_clear_error (&error);
          continue;
        }
      g_assert_true (vmt_harness_add (harness, host, id, function, G_MAXUINT64, &error));
      g_object_get (function, "slot", &slot, NULL);
      g_assert_cmpuint (slot, ==, i == 0 ? 4 : i < 5 ? i - 1 : i);
    }
  /* An empty function does not work. */
  g_assert_false (vmt_harness_realize (harness, &error));
  g_assert_nonnull (strstr (error->message, "holds no device"));
}

static const VmtFirmwareProperty *
find (const VmtFirmwareNode *node, const char *name)
{
  for (guint i = 0; i < node->properties->len; i++)
    {
      const VmtFirmwareProperty *property = g_ptr_array_index (node->properties, i);

      if (g_str_equal (property->name, name))
        return property;
    }
  return NULL;
}

static void
test_describe (Bench *bench, gconstpointer data)
{
  g_autoptr (VmtFirmwareNode) node = vmt_firmware_node_new ("node");
  const VmtFirmwareProperty *property;

  VMT_DEVICE_GET_CLASS (bench->host)->describe (bench->host, node);
  g_assert_cmpstr (node->compatible[0], ==, "pci-host-ecam-generic");
  g_assert_true (node->omit_interrupts);
  property = find (node, "ranges");
  g_assert_cmpuint (property->cells->len, ==, 21);
  g_assert_cmphex (g_array_index (property->cells, guint32, 7), ==, 0x02000000);
  property = find (node, "interrupt-map");
  g_assert_nonnull (property);
  /* The cells before the first reference, then 16 rows, whose targets here describe no line of
   * theirs. */
  g_assert_cmpuint (property->references->len, ==, 17);
  g_assert_null (((VmtFirmwareReference *)g_ptr_array_index (property->references, 0))->target);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
#define ADD(name, func) g_test_add (name, Bench, NULL, setup, func, teardown)
  ADD ("/device/pci-host-ecam/config-space", test_config_space);
  ADD ("/device/pci-host-ecam/describe", test_describe);
  g_test_add_func ("/device/pci-host-ecam/plug", test_plug);
  ADD ("/device/virtio-pci/request", test_request);
  ADD ("/device/virtio-pci/registers", test_registers);
  ADD ("/device/virtio-pci/window", test_window);
  ADD ("/device/virtio-pci/state", test_state);
  return g_test_run ();
}
