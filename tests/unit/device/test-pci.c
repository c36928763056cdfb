/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* PCI functions: configuration space, BARs, INTx, MSI-X, on a bus that writes down what it is told.
 */
#include <string.h>

#include "vmt-error.h"
#include "vmt-harness.h"
#include "vmt-pci.h"

#define RAM 0x80000000
#define WINDOW 0x40000000
#define WINDOW_SIZE 0x1000000
#define WINDOW64 G_GUINT64_CONSTANT (0x400000000)
#define WINDOW64_SIZE G_GUINT64_CONSTANT (0x100000000)

#define COMMAND 4
#define STATUS 6
#define BAR(n) (0x10 + 4 * (n))

typedef struct
{
  VmtDevice parent_instance;
  gboolean has_msi;
  gboolean intx[4];
  guint n_msi;
  guint64 msi_address;
  guint32 msi_data;
} Bus;
typedef VmtDeviceClass BusClass;

static void bus_host_init (VmtPciHostInterface *iface);
static GType bus_get_type (void);
G_DEFINE_TYPE_WITH_CODE (Bus, bus, VMT_TYPE_DEVICE,
                         G_IMPLEMENT_INTERFACE (VMT_TYPE_PCI_HOST, bus_host_init))

static void
bus_set_intx (VmtPciHost *host, VmtPciDevice *device, guint pin, gboolean level)
{
  ((Bus *)host)->intx[pin] = level;
}

static gboolean
bus_send_msi (VmtPciHost *host, guint64 address, guint32 data)
{
  Bus *bus = (Bus *)host;

  bus->n_msi++;
  bus->msi_address = address;
  bus->msi_data = data;
  return TRUE;
}

static guint64
bus_translate_bar (VmtPciHost *host, guint64 address, guint64 size)
{
  if ((address >= WINDOW && address + size <= WINDOW + WINDOW_SIZE) ||
      (address >= WINDOW64 && address + size <= WINDOW64 + WINDOW64_SIZE))
    return address;
  return G_MAXUINT64;
}

static gboolean
bus_has_msi (VmtPciHost *host)
{
  return ((Bus *)host)->has_msi;
}

static void
bus_host_init (VmtPciHostInterface *iface)
{
  iface->set_intx = bus_set_intx;
  iface->send_msi = bus_send_msi;
  iface->translate_bar = bus_translate_bar;
  iface->has_msi = bus_has_msi;
}

static gboolean
bus_plug (VmtDevice *device, VmtDevice *child, GError **error)
{
  vmt_pci_device_set_slot (VMT_PCI_DEVICE (child), 3);
  return TRUE;
}

static void
bus_class_init (BusClass *klass)
{
  klass->plug = bus_plug;
}

static void
bus_init (Bus *bus)
{
}

typedef struct
{
  VmtPciDevice parent_instance;
  guint32 reg32, reg64;
  guint written, reading;
  gboolean fail;
  guint capability;
} Card;
typedef VmtPciDeviceClass CardClass;

static GType card_get_type (void);
G_DEFINE_TYPE (Card, card, VMT_TYPE_PCI_DEVICE)

static gboolean
card_realize (VmtDevice *device, GError **error)
{
  Card *card = (Card *)device;
  VmtPciDevice *pci = VMT_PCI_DEVICE (device);

  vmt_pci_device_add_bar (pci, 0, 0, FALSE, FALSE);
  vmt_pci_device_add_bar (pci, 2, 1, TRUE, TRUE);
  card->capability = vmt_pci_device_add_capability (pci, VMT_PCI_CAP_VENDOR, 5);
  vmt_pci_device_add_msix (pci, 3, 5);
  if (card->fail)
    {
      g_set_error (error, VMT_ERROR, VMT_ERROR_FAILED, "as it was told");
      return FALSE;
    }
  return VMT_DEVICE_CLASS (card_parent_class)->realize (device, error);
}

static void
card_config_written (VmtPciDevice *pci, guint offset, guint size)
{
  ((Card *)pci)->written = offset << 4 | size;
}

static void
card_config_reading (VmtPciDevice *pci, guint offset, guint size)
{
  ((Card *)pci)->reading = offset << 4 | size;
}

static const VmtDeviceRegister registers32[] = {
  { .name = "R32", .offset = 0, .size = 4, .field = G_STRUCT_OFFSET (Card, reg32) },
  VMT_REGISTERS_END,
};
static const VmtDeviceRegister registers64[] = {
  { .name = "R64", .offset = 0, .size = 4, .field = G_STRUCT_OFFSET (Card, reg64) },
  VMT_REGISTERS_END,
};
static const VmtRegionSpec card_regions[] = {
  { .name = "small", .size = 0x1000, .registers = registers32 },
  { .name = "large", .size = 0x4000, .registers = registers64 },
  { .name = NULL },
};
static const VmtStateField card_state[] = {
  VMT_PCI_STATE,
  VMT_STATE_END,
};

static void
card_class_init (CardClass *klass)
{
  VMT_DEVICE_CLASS (klass)->regions = card_regions;
  VMT_DEVICE_CLASS (klass)->state = card_state;
  VMT_DEVICE_CLASS (klass)->realize = card_realize;
  klass->vendor_id = 0x1234;
  klass->device_id = 0x5678;
  klass->subsystem_vendor_id = 0x9abc;
  klass->subsystem_id = 0xdef0;
  klass->revision = 7;
  klass->class_code = 0x020304;
  klass->config_written = card_config_written;
  klass->config_reading = card_config_reading;
}

static void
card_init (Card *card)
{
}

typedef struct
{
  VmtHarness *harness;
  Bus *bus;
  Card *card;
  VmtPciDevice *pci;
} Bench;

static void
setup (Bench *bench, gconstpointer data)
{
  g_autoptr (GError) error = NULL;

  bench->harness = vmt_harness_new (RAM, 0x10000);
  bench->bus = g_object_new (bus_get_type (), NULL);
  bench->bus->has_msi = data != NULL;
  bench->card = g_object_new (card_get_type (), NULL);
  bench->pci = VMT_PCI_DEVICE (bench->card);
  g_assert_true (
      vmt_harness_add (bench->harness, NULL, "bus", VMT_DEVICE (bench->bus), G_MAXUINT64, &error));
  g_assert_true (vmt_harness_add (bench->harness, VMT_DEVICE (bench->bus), "card",
                                  VMT_DEVICE (bench->card), G_MAXUINT64, &error));
  g_assert_true (vmt_harness_realize (bench->harness, &error));
  g_assert_no_error (error);
}

static void
teardown (Bench *bench, gconstpointer data)
{
  vmt_harness_free (bench->harness);
  g_object_unref (bench->bus);
  g_object_unref (bench->card);
}

static guint32
get (Bench *bench, guint offset, guint size)
{
  return vmt_pci_device_config_read (bench->pci, offset, size);
}

static void
put (Bench *bench, guint offset, guint size, guint32 value)
{
  vmt_pci_device_config_write (bench->pci, offset, size, value);
}

static void
test_header (Bench *bench, gconstpointer data)
{
  g_assert_cmpuint (vmt_pci_device_get_slot (bench->pci), ==, 3);
  g_assert_cmphex (get (bench, 0, 4), ==, 0x56781234);
  g_assert_cmphex (get (bench, 8, 4), ==, 0x02030407);
  g_assert_cmphex (get (bench, 0x2c, 4), ==, 0xdef09abc);
  g_assert_cmphex (get (bench, 0x3d, 1), ==, 1);
  g_assert_cmphex (get (bench, 0x0e, 1), ==, 0);
  /* What is fixed stays. */
  for (guint offset = 0; offset < 4096; offset += 4)
    if (offset != COMMAND)
      put (bench, offset, 4, 0xffffffff);
  g_assert_cmphex (get (bench, 0, 4), ==, 0x56781234);
  g_assert_cmphex (get (bench, 8, 4), ==, 0x02030407);
  g_assert_cmphex (get (bench, 0x2c, 4), ==, 0xdef09abc);
  g_assert_cmphex (get (bench, 0x3c, 4), ==, 0x000001ff);
  g_assert_cmphex (get (bench, 0x30, 4), ==, 0);
  g_assert_cmphex (get (bench, 0xffc, 4), ==, 0);
  put (bench, COMMAND, 2, 0xffff);
  g_assert_cmphex (get (bench, COMMAND, 2), ==, 0x0406);
  /* Accesses that no bus makes. */
  g_assert_cmphex (get (bench, 4095, 2), ==, 0xffffffff);
  g_assert_cmphex (get (bench, 4096, 1), ==, 0xffffffff);
  g_assert_cmphex (get (bench, G_MAXUINT - 3, 4), ==, 0xffffffff);
  g_assert_cmphex (get (bench, 1, 4), ==, 0xffffffff);
  g_assert_cmphex (get (bench, 0, 3), ==, 0xffffffff);
  put (bench, 4094, 4, 1);
  put (bench, G_MAXUINT, 1, 1);
  /* The hooks. */
  put (bench, 0x3c, 1, 5);
  g_assert_cmphex (bench->card->written, ==, 0x3c1);
  get (bench, 0x3e, 2);
  g_assert_cmphex (bench->card->reading, ==, 0x3e2);
  vmt_harness_reset (bench->harness);
  g_assert_cmphex (get (bench, 0x3c, 1), ==, 0);
  g_assert_cmphex (get (bench, COMMAND, 2), ==, 0);
  g_assert_cmphex (get (bench, 0, 4), ==, 0x56781234);
}

static void
test_capabilities (Bench *bench, gconstpointer data)
{
  guint at = get (bench, 0x34, 1);

  g_assert_cmphex (get (bench, STATUS, 2) & 0x10, ==, 0x10);
  g_assert_cmphex (at, ==, bench->card->capability);
  g_assert_cmphex (get (bench, at, 1), ==, VMT_PCI_CAP_VENDOR);
  at = get (bench, at + 1, 1);
  if (data == NULL)
    {
      g_assert_cmphex (at, ==, 0);
      g_assert_cmpuint (vmt_pci_device_get_n_vectors (bench->pci), ==, 0);
      return;
    }
  g_assert_cmphex (at, >=, bench->card->capability + 5);
  g_assert_cmphex (at & 3, ==, 0);
  g_assert_cmphex (get (bench, at, 1), ==, VMT_PCI_CAP_MSIX);
  g_assert_cmphex (get (bench, at + 1, 1), ==, 0);
  g_assert_cmphex (get (bench, at + 2, 2), ==, 2);
  g_assert_cmphex (get (bench, at + 4, 4), ==, 5);
  g_assert_cmphex (get (bench, at + 8, 4), ==, 0x805);
}

static VmtMemStatus
probe (Bench *bench, guint64 address)
{
  guint64 value;

  return vmt_harness_read (bench->harness, address, 4, &value);
}

static void
test_bars (Bench *bench, gconstpointer data)
{
  /* Sizes. */
  put (bench, BAR (0), 4, 0xffffffff);
  g_assert_cmphex (get (bench, BAR (0), 4), ==, 0xfffff000);
  put (bench, BAR (2), 4, 0xffffffff);
  put (bench, BAR (3), 4, 0xffffffff);
  g_assert_cmphex (get (bench, BAR (2), 4), ==, 0xffffc00c);
  g_assert_cmphex (get (bench, BAR (3), 4), ==, 0xffffffff);
  put (bench, BAR (1), 4, 0xffffffff);
  g_assert_cmphex (get (bench, BAR (1), 4), ==, 0);

  /* Nothing is mapped before memory decoding is on, nor outside of the bus's windows. */
  put (bench, BAR (0), 4, WINDOW + 0x5000);
  put (bench, BAR (2), 4, (guint32)WINDOW64 + 0x10000);
  put (bench, BAR (3), 4, WINDOW64 >> 32);
  g_assert_cmpint (probe (bench, WINDOW + 0x5000), ==, VMT_MEM_UNMAPPED);
  put (bench, COMMAND, 2, 2);
  bench->card->reg32 = 0x11111111;
  bench->card->reg64 = 0x22222222;
  g_assert_cmphex (vmt_harness_get (bench->harness, WINDOW + 0x5000, 4), ==, 0x11111111);
  g_assert_cmphex (vmt_harness_get (bench->harness, WINDOW64 + 0x10000, 4), ==, 0x22222222);
  /* Moved, byte by byte. */
  put (bench, BAR (0) + 1, 1, 0x60);
  g_assert_cmpint (probe (bench, WINDOW + 0x5000), ==, VMT_MEM_UNMAPPED);
  g_assert_cmphex (vmt_harness_get (bench->harness, WINDOW + 0x6000, 4), ==, 0x11111111);
  put (bench, BAR (3), 4, 0);
  g_assert_cmpint (probe (bench, WINDOW64 + 0x10000), ==, VMT_MEM_UNMAPPED);
  /* A 64-bit one may lie low. */
  put (bench, BAR (2), 4, WINDOW + 0x8000);
  g_assert_cmphex (vmt_harness_get (bench->harness, WINDOW + 0x8000, 4), ==, 0x22222222);
  /* Out of the windows, over RAM, over its own end, over each other. */
  put (bench, BAR (0), 4, RAM);
  put (bench, BAR (0), 4, WINDOW - 0x1000);
  put (bench, BAR (0), 4, WINDOW + WINDOW_SIZE);
  put (bench, BAR (0), 4, 0);
  put (bench, BAR (0), 4, 0xfffff000);
  g_assert_cmpint (probe (bench, RAM), ==, VMT_MEM_OK);
  put (bench, BAR (0), 4, WINDOW + 0x9000);
  g_assert_cmphex (vmt_harness_get (bench->harness, WINDOW + 0x8000, 4), ==, 0x22222222);
  g_assert_cmpuint (vmt_harness_get_guest_errors (bench->harness), >, 0);
  put (bench, BAR (0), 4, WINDOW + 0xf000);
  g_assert_cmphex (vmt_harness_get (bench->harness, WINDOW + 0xf000, 4), ==, 0x11111111);
  put (bench, COMMAND, 2, 0);
  g_assert_cmpint (probe (bench, WINDOW + 0xf000), ==, VMT_MEM_UNMAPPED);
  g_assert_cmpint (probe (bench, WINDOW + 0x8000), ==, VMT_MEM_UNMAPPED);
  put (bench, COMMAND, 2, 2);
  g_assert_cmphex (vmt_harness_get (bench->harness, WINDOW + 0xf000, 4), ==, 0x11111111);
  vmt_harness_reset (bench->harness);
  g_assert_cmpint (probe (bench, WINDOW + 0xf000), ==, VMT_MEM_UNMAPPED);
  g_assert_cmphex (get (bench, BAR (2), 4), ==, 0xc);
}

/* A guest that moves a BAR for ever costs nothing that stays. */
static void
test_bar_storm (Bench *bench, gconstpointer data)
{
  g_autoptr (GRand) rand = g_rand_new_with_seed (3);

  for (guint i = 0; i < 20000; i++)
    {
      put (bench, g_rand_int_range (rand, 1, 16) * 4, 4,
           g_rand_boolean (rand) ? g_rand_int (rand) : WINDOW + (g_rand_int (rand) & 0xffff00));
      if (i % 3 == 0)
        put (bench, COMMAND, 2, g_rand_int (rand));
    }
  put (bench, COMMAND, 2, 0);
  put (bench, BAR (0), 4, WINDOW);
  put (bench, BAR (2), 4, WINDOW + 0x4000);
  put (bench, BAR (3), 4, 0);
  put (bench, BAR (5), 4, WINDOW + 0x10000);
  put (bench, COMMAND, 2, 2);
  bench->card->reg32 = 1;
  g_assert_cmphex (vmt_harness_get (bench->harness, WINDOW, 4), ==, 1);
}

static void
test_intx (Bench *bench, gconstpointer data)
{
  vmt_pci_device_set_intx (bench->pci, TRUE);
  g_assert_true (bench->bus->intx[0]);
  g_assert_cmphex (get (bench, STATUS, 2) & 8, ==, 8);
  put (bench, COMMAND, 2, 0x400);
  g_assert_false (bench->bus->intx[0]);
  g_assert_cmphex (get (bench, STATUS, 2) & 8, ==, 8);
  put (bench, COMMAND, 2, 0);
  g_assert_true (bench->bus->intx[0]);
  vmt_pci_device_set_intx (bench->pci, FALSE);
  g_assert_false (bench->bus->intx[0]);
  g_assert_cmphex (get (bench, STATUS, 2) & 8, ==, 0);
  vmt_pci_device_set_intx (bench->pci, TRUE);
  vmt_harness_reset (bench->harness);
  g_assert_false (bench->bus->intx[0]);
  g_assert_false (vmt_pci_device_msix_enabled (bench->pci));
  g_assert_false (vmt_pci_device_msix_notify (bench->pci, 0));
  g_assert_cmpuint (bench->bus->n_msi, ==, 0);
}

static void
test_msix (Bench *bench, gconstpointer data)
{
  guint cap = get (bench, bench->card->capability + 1, 1);
  guint64 table = WINDOW + 0x20000, value;

  put (bench, BAR (5), 4, table);
  put (bench, COMMAND, 2, 6);
  /* Masked at first; only the mask bit of the last word exists; widths below a word do not. */
  g_assert_cmphex (vmt_harness_get (bench->harness, table + 12, 4), ==, 1);
  g_assert_cmpint (vmt_harness_read (bench->harness, table, 2, &value), ==, VMT_MEM_BUS_ERROR);
  for (guint i = 0; i < 3; i++)
    {
      vmt_harness_put (bench->harness, table + 16 * i, 4, 0x1000 * i);
      vmt_harness_put (bench->harness, table + 16 * i + 4, 4, i);
      vmt_harness_put (bench->harness, table + 16 * i + 8, 4, 0xabc0 + i);
      vmt_harness_put (bench->harness, table + 16 * i + 12, 4, 0xffffffff);
    }
  g_assert_cmphex (vmt_harness_get (bench->harness, table + 12, 4), ==, 1);
  g_assert_cmphex (vmt_harness_get (bench->harness, table + 48, 4), ==, 0);
  vmt_harness_put (bench->harness, table + 48, 4, 77);
  g_assert_cmphex (vmt_harness_get (bench->harness, table + 48, 4), ==, 0);
  g_assert_false (vmt_pci_device_msix_notify (bench->pci, 1));
  put (bench, cap + 2, 2, 0xffff);
  g_assert_cmphex (get (bench, cap + 2, 2), ==, 0xc002);
  g_assert_true (vmt_pci_device_msix_enabled (bench->pci));
  /* Remembered while the function is masked, then while the vector is. */
  g_assert_true (vmt_pci_device_msix_notify (bench->pci, 2));
  g_assert_cmphex (vmt_harness_get (bench->harness, table + 0x800, 4), ==, 4);
  put (bench, cap + 2, 2, 0x8000);
  g_assert_cmpuint (bench->bus->n_msi, ==, 0);
  vmt_harness_put (bench->harness, table + 16 * 2 + 12, 4, 0);
  g_assert_cmpuint (bench->bus->n_msi, ==, 1);
  g_assert_cmphex (bench->bus->msi_address, ==, G_GUINT64_CONSTANT (0x200002000));
  g_assert_cmphex (bench->bus->msi_data, ==, 0xabc2);
  g_assert_cmphex (vmt_harness_get (bench->harness, table + 0x800, 4), ==, 0);
  vmt_harness_put (bench->harness, table + 12, 4, 0);
  g_assert_cmpuint (bench->bus->n_msi, ==, 1);
  g_assert_true (vmt_pci_device_msix_notify (bench->pci, 0));
  g_assert_cmpuint (bench->bus->n_msi, ==, 2);
  /* Made-up vectors interrupt nobody. */
  g_assert_true (vmt_pci_device_msix_notify (bench->pci, 3));
  g_assert_true (vmt_pci_device_msix_notify (bench->pci, G_MAXUINT));
  g_assert_cmpuint (bench->bus->n_msi, ==, 2);
  /* A message is a write: it needs bus mastering. */
  put (bench, COMMAND, 2, 2);
  g_assert_false (vmt_pci_device_can_dma (bench->pci));
  vmt_pci_device_msix_notify (bench->pci, 0);
  g_assert_cmpuint (bench->bus->n_msi, ==, 2);
  vmt_harness_reset (bench->harness);
  g_assert_false (vmt_pci_device_msix_enabled (bench->pci));
}

static void
test_state (Bench *bench, gconstpointer data)
{
  g_autoptr (GVariant) saved = NULL;
  g_autoptr (GVariant) again = NULL;
  g_autoptr (GError) error = NULL;

  put (bench, 0x3c, 1, 0x42);
  put (bench, BAR (0), 4, WINDOW + 0x3000);
  saved = g_variant_ref_sink (vmt_state_table_save (card_state, bench->card));
  vmt_harness_reset (bench->harness);
  g_assert_true (vmt_state_table_load (card_state, bench->card, saved, 1, &error));
  again = g_variant_ref_sink (vmt_state_table_save (card_state, bench->card));
  g_assert_true (g_variant_equal (saved, again));
  g_assert_cmphex (get (bench, 0x3c, 1), ==, 0x42);
  g_assert_cmphex (get (bench, BAR (0), 4), ==, WINDOW + 0x3000);
}

/* What a failed realize added is gone when it is tried again. */
static void
test_realize_again (void)
{
  Bench bench = { vmt_harness_new (RAM, 0x10000), g_object_new (bus_get_type (), NULL),
                  g_object_new (card_get_type (), NULL), NULL };
  g_autoptr (GError) error = NULL;

  bench.pci = VMT_PCI_DEVICE (bench.card);
  bench.bus->has_msi = TRUE;
  bench.card->fail = TRUE;
  g_assert_true (
      vmt_harness_add (bench.harness, NULL, "bus", VMT_DEVICE (bench.bus), G_MAXUINT64, &error));
  g_assert_true (vmt_harness_add (bench.harness, VMT_DEVICE (bench.bus), "card",
                                  VMT_DEVICE (bench.card), G_MAXUINT64, &error));
  g_assert_false (vmt_harness_realize (bench.harness, &error));
  g_clear_error (&error);
  bench.card->fail = FALSE;
  g_assert_true (vmt_harness_realize (bench.harness, &error));
  g_assert_no_error (error);
  test_capabilities (&bench, "msi");
  teardown (&bench, NULL);
}

static void
test_no_bus (void)
{
  g_autoptr (VmtHarness) harness = vmt_harness_new (RAM, 0x10000);
  g_autoptr (VmtDevice) card = g_object_new (card_get_type (), NULL);
  g_autoptr (GError) error = NULL;

  g_assert_true (vmt_harness_add (harness, NULL, "alone", card, G_MAXUINT64, &error));
  g_assert_false (vmt_harness_realize (harness, &error));
  g_assert_nonnull (strstr (error->message, "PCI host"));
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
#define ADD(name, data, func) g_test_add ("/device/pci/" name, Bench, data, setup, func, teardown)
  ADD ("header", NULL, test_header);
  ADD ("capabilities", NULL, test_capabilities);
  ADD ("capabilities-msix", "msi", test_capabilities);
  ADD ("bars", NULL, test_bars);
  ADD ("bar-storm", "msi", test_bar_storm);
  ADD ("intx", NULL, test_intx);
  ADD ("msix", "msi", test_msix);
  ADD ("state", NULL, test_state);
  g_test_add_func ("/device/pci/realize-again", test_realize_again);
  g_test_add_func ("/device/pci/no-bus", test_no_bus);
  return g_test_run ();
}
