/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Every region of every device feature, accessed in every width by a driver that has no idea. */
#include "fuzz.h"

#include "fake-backends.h"

#include <vmt.h>

#define MAX_STEPS 300
/* where devices are put that are not on the board */
#define FIRST_ALONE G_GUINT64_CONSTANT (0x100000000000)

/* The devices that need others. What is not here is added if it can stand alone. */
static const char board_text[] =
    "<board xmlns=\"urn:vmtool:board:1\" name=\"fuzz\" arch=\"riscv64\">"
    "<param name=\"memory\" type=\"size\" default=\"1M\"/>"
    "<param name=\"cpus\" type=\"uint\" default=\"2\"/>"
    "<param name=\"accel\" type=\"string\" default=\"auto\"/>"
    "<param name=\"tier\" type=\"string\" default=\"auto\"/>"
    "<cpu type=\"riscv64\" count=\"${cpus}\"/>"
    "<memory id=\"ram\" base=\"0x80000000\" size=\"${memory}\"/>"
    "<device id=\"clint\" type=\"intc-aclint\" base=\"0x2000000\"/>"
    "<device id=\"plic\" type=\"irq-plic\" base=\"0xc000000\"/>"
    "<device id=\"finisher\" type=\"test-finisher\" base=\"0x100000\"/>"
    "<device id=\"rtc\" type=\"rtc-goldfish\" base=\"0x101000\"><irq to=\"plic\" "
    "line=\"11\"/></device>"
    "<device id=\"panic\" type=\"pvpanic\" base=\"0x102000\"/>"
    "<device id=\"htif\" type=\"htif\"><set name=\"tohost\">0x80001000</set>"
    "<set name=\"fromhost\">0x80001040</set><backend default=\"null\"/></device>"
    "<device id=\"uart\" type=\"uart-ns16550\" base=\"0x10000000\"><irq to=\"plic\" line=\"10\"/>"
    "<backend default=\"null\"/></device>"
    "<device id=\"slot0\" type=\"virtio-mmio\" base=\"0x10001000\"><irq to=\"plic\" "
    "line=\"1\"/></device>"
    "<device id=\"slot1\" type=\"virtio-mmio\" base=\"0x10002000\"><irq to=\"plic\" "
    "line=\"2\"/></device>"
    "<device id=\"rng\" type=\"virtio-rng\" on=\"slot0\"><backend default=\"host\"/></device>"
    "<device id=\"blk\" type=\"virtio-blk\" on=\"slot1\"/>"
    "<device id=\"pci\" type=\"pci-host-ecam\" base=\"0x30000000\">"
    "<irq name=\"inta\" to=\"plic\" line=\"32\"/><irq name=\"intb\" to=\"plic\" line=\"33\"/>"
    "<irq name=\"intc\" to=\"plic\" line=\"34\"/><irq name=\"intd\" to=\"plic\" "
    "line=\"35\"/></device>"
    "<device id=\"pci-panic\" type=\"pvpanic-pci\" on=\"pci\"/>"
    "<device id=\"pci-slot0\" type=\"virtio-pci\" on=\"pci\">"
    "<device id=\"console\" type=\"virtio-console\"><backend default=\"null\"/></device></device>"
    "<device id=\"pci-slot1\" type=\"virtio-pci\" on=\"pci\">"
    "<device id=\"net\" type=\"virtio-net\"/></device>"
    "</board>";

typedef struct
{
  VmtMachine *machine;
  GPtrArray *devices;
  GHashTable *types;
} Bench;

static void
collect (VmtObject *object, gpointer data)
{
  Bench *bench = data;

  if (!VMT_IS_DEVICE (object))
    return;
  g_hash_table_add (bench->types, GSIZE_TO_POINTER (G_OBJECT_TYPE (object)));
  if (vmt_device_get_n_regions (VMT_DEVICE (object)) > 0)
    g_ptr_array_add (bench->devices, object);
}

/* (transfer full) (nullable): a new device, unless it does not work without others. */
static VmtDevice *
create_alone (const char *feature)
{
  VmtRegistry *registry = vmt_registry_get_default ();
  g_autoptr (VmtHarness) harness = vmt_harness_new (0x80000000, 0x10000);
  g_autoptr (VmtObject) trial = vmt_registry_create (registry, VMT_FEATURE_DEVICE, feature, NULL);

  g_assert_nonnull (trial);
  if (!vmt_harness_add (harness, NULL, "trial", VMT_DEVICE (trial), FIRST_ALONE, NULL) ||
      !vmt_harness_realize (harness, NULL))
    return NULL;
  return VMT_DEVICE (vmt_registry_create (registry, VMT_FEATURE_DEVICE, feature, NULL));
}

static void
add_others (Bench *bench)
{
  VmtRegistry *registry = vmt_registry_get_default ();
  g_autoptr (GPtrArray) features = vmt_registry_list_features (registry, VMT_FEATURE_DEVICE);

  for (guint i = 0; i < features->len; i++)
    {
      const char *name = features->pdata[i];
      g_autoptr (GError) error = NULL;
      GType type = vmt_registry_get_type_of (registry, VMT_FEATURE_DEVICE, name, &error);
      g_autoptr (VmtDevice) device = NULL;

      g_assert_no_error (error);
      if (g_hash_table_contains (bench->types, GSIZE_TO_POINTER (type)))
        continue;
      device = create_alone (name);
      if (device == NULL)
        {
          g_test_message ("%s: needs others, and is not on the fuzzer's board", name);
          continue;
        }
      vmt_machine_add_device (bench->machine, NULL, name, device, &error);
      g_assert_no_error (error);
      if (vmt_device_get_n_regions (device) > 0)
        {
          vmt_device_set_base (device, 0, FIRST_ALONE + ((guint64)i << 32));
          g_ptr_array_add (bench->devices, device);
        }
    }
}

static Bench *
bench_new (void)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (VmtBoard) board =
      vmt_board_new_from_data (board_text, strlen (board_text), "fuzz.xml", &error);
  g_autoptr (VmtObject) block = NULL;
  Bench *bench = g_new0 (Bench, 1);

  g_assert_no_error (error);
  bench->machine = vmt_board_build (board, "fuzz", &error);
  g_assert_no_error (error);
  block = VMT_OBJECT (fake_block_new (0x10000));
  g_object_set (vmt_object_find (VMT_OBJECT (bench->machine), "slot1/blk", &error), "backend",
                block, NULL);
  g_assert_no_error (error);
  vmt_clock_set_manual (vmt_machine_get_clock (bench->machine));
  g_assert_true (g_main_context_acquire (vmt_machine_get_context (bench->machine)));
  bench->devices = g_ptr_array_new ();
  bench->types = g_hash_table_new (NULL, NULL);
  vmt_object_visit (VMT_OBJECT (bench->machine), collect, bench);
  add_others (bench);
  vmt_machine_realize (bench->machine, &error);
  g_assert_no_error (error);
  return bench;
}

static void
reset (VmtObject *object, gpointer data)
{
  if (VMT_IS_DEVICE (object) && !VMT_IS_CPU (object))
    vmt_device_reset (VMT_DEVICE (object));
}

static void
iterate (Bench *bench)
{
  GMainContext *context = vmt_machine_get_context (bench->machine);

  for (guint i = 0; i < 100 && g_main_context_iteration (context, FALSE); i++)
    ;
}

static void
step (Bench *bench, FuzzInput *input)
{
  VmtAddressSpace *space = vmt_machine_get_address_space (bench->machine);
  guint op = (guint)fuzz_take (input, 1);
  VmtDevice *device = bench->devices->pdata[fuzz_take (input, 1) % bench->devices->len];
  guint region = (op >> 4 & 3) % vmt_device_get_n_regions (device);
  guint width = 1u << (op & 3);
  guint64 base = vmt_device_get_base (device, region);
  guint64 size = vmt_device_get_region_size (device, region);
  guint64 offset = fuzz_take (input, op & 0x40 ? 4 : 1), value = 0;

  /* registers lie close together, mostly at multiples of their width */
  if ((op & 0x80) == 0)
    offset *= width;
  if ((op & 12) == 12)
    {
      vmt_clock_advance (vmt_machine_get_clock (bench->machine), fuzz_take (input, 4));
      iterate (bench);
      return;
    }
  if (size > 0)
    offset %= size;
  if (base == G_MAXUINT64 || size == 0)
    return;
  if ((op & 12) == 0)
    vmt_address_space_read (space, base + offset, width, &value);
  else
    vmt_address_space_write (space, base + offset, width, fuzz_take (input, width));
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  static Bench *bench;
  FuzzInput input = { data, size };

  if (bench == NULL)
    bench = bench_new ();
  for (guint i = 0; i < MAX_STEPS && input.size > 0; i++)
    step (bench, &input);
  iterate (bench);
  vmt_object_visit (VMT_OBJECT (bench->machine), reset, NULL);
  iterate (bench);
  return 0;
}
