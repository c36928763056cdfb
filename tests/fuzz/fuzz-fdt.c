/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Boards of all sorts of devices in all sorts of places: what can be built has a device tree that
 * libfdt finds whole. */
#include "fuzz.h"

#include <libfdt.h>

#include <vmt.h>

#define MAX_DEVICES 12
#define MAX_MEMORIES 3

static const char *const device_types[] = {
  "uart-ns16550", "rtc-goldfish",  "test-finisher", "intc-aclint",
  "irq-plic",     "pci-host-ecam", "virtio-mmio",   "pvpanic",
};
static const char *const switches[] = {
  "zba", "zbb", "zbs", "zicbom", "zicboz", "zicond", "zawrs"
};
static const char *const mmus[] = { "sv39", "sv48", "sv57", "bare" };

static void
append_cpus (GString *xml, FuzzInput *input)
{
  guint choices = (guint)fuzz_take (input, 2);

  g_string_append_printf (xml, "<cpu type=\"riscv64\" count=\"%u\">", choices & 3);
  if (choices & 4)
    g_string_append_printf (xml, "<set name=\"mmu\">%s</set>", mmus[choices >> 3 & 3]);
  if (choices & 32)
    g_string_append_printf (xml, "<set name=\"timebase-frequency\">%u</set>",
                            (guint)fuzz_take (input, 4));
  for (guint i = 0; i < G_N_ELEMENTS (switches); i++)
    if (choices >> (6 + i) & 1)
      g_string_append_printf (xml, "<set name=\"%s\">off</set>", switches[i]);
  g_string_append (xml, "</cpu>\n");
}

static void
append_devices (GString *xml, FuzzInput *input)
{
  guint n = (guint)fuzz_take (input, 1) % (MAX_DEVICES + 1);

  for (guint i = 0; i < n; i++)
    {
      guint type = (guint)fuzz_take (input, 1);
      guint irq = (guint)fuzz_take (input, 1);
      guint64 base = fuzz_take (input, 3) << 12;

      /* now and then an address that is not so round */
      if (type & 0x40)
        base = fuzz_take (input, 8);
      g_string_append_printf (xml,
                              "<device id=\"d%u\" type=\"%s\" base=\"0x%" G_GINT64_MODIFIER "x\">",
                              i, device_types[type % G_N_ELEMENTS (device_types)], base);
      if (type & 0x80)
        g_string_append_printf (xml, "<irq to=\"%s%u\" line=\"%u\"/>", irq & 0x80 ? "d" : "cpu",
                                irq >> 4 & 7, irq & 0x7f);
      g_string_append (xml, "</device>\n");
    }
}

static void
check_tree (VmtMachine *machine, guint64 initrd, const char *append)
{
  guint64 end = initrd == 0 ? 0 : MAX (initrd + 1, initrd);
  g_autoptr (GError) error = NULL;
  g_autoptr (GBytes) blob = vmt_board_make_device_tree (machine, initrd, end, &error);
  g_autoptr (GBytes) again = NULL;
  gconstpointer fdt, bootargs;
  gsize size;
  int node;

  g_assert_no_error (error);
  fdt = g_bytes_get_data (blob, &size);
  g_assert_cmpint (fdt_check_full (fdt, size), ==, 0);
  g_assert_cmpuint (fdt_totalsize (fdt), <=, size);
  node = fdt_path_offset (fdt, "/chosen");
  g_assert_cmpint (node, >, 0);
  bootargs = fdt_getprop (fdt, node, "bootargs", NULL);
  if (*append != '\0')
    g_assert_cmpstr (bootargs, ==, append);
  else
    g_assert_null (bootargs);
  g_assert_true ((fdt_getprop (fdt, node, "linux,initrd-start", NULL) != NULL) == (end > initrd));
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  FuzzInput input = { data, size };
  g_autoptr (GString) xml = g_string_new (
      "<board xmlns=\"urn:vmtool:board:1\" name=\"fuzz\" arch=\"riscv64\">"
      "<param name=\"memory\" type=\"size\" default=\"1M\"/><param name=\"cpus\" type=\"uint\" "
      "default=\"1\"/><param name=\"accel\" type=\"string\" default=\"auto\"/><param name=\"tier\" "
      "type=\"string\" default=\"auto\"/><param name=\"append\" type=\"string\" default=\"\"/>\n");
  guint memories = (guint)fuzz_take (&input, 1) % (MAX_MEMORIES + 1);
  guint64 initrd = fuzz_take (&input, 4);
  g_autoptr (GError) error = NULL;
  g_autoptr (VmtBoard) board = NULL;
  g_autoptr (VmtMachine) machine = NULL;
  g_autofree char *append = NULL;

  append_cpus (xml, &input);
  for (guint i = 0; i < memories; i++)
    g_string_append_printf (
        xml, "<memory id=\"ram%u\" base=\"0x%" G_GINT64_MODIFIER "x\" size=\"%uK\"/>\n", i,
        fuzz_take (&input, 4) << 12, 4 * (1 + (guint)fuzz_take (&input, 1)));
  append_devices (xml, &input);
  g_string_append (xml, "<firmware type=\"none\"><set name=\"kernel\">none</set><set "
                        "name=\"append\">${append}</set></firmware></board>\n");

  board = vmt_board_new_from_data (xml->str, xml->len, "fuzz.xml", &error);
  g_assert_no_error (error);
  append = g_strndup ((const char *)input.data, input.size);
  if (!g_utf8_validate (append, -1, NULL) || !vmt_board_set (board, "append", append, NULL))
    *append = '\0';
  machine = vmt_board_build (board, "fuzz", &error);
  g_assert_true ((machine == NULL) == (error != NULL));
  if (machine == NULL)
    return 0;
  if (vmt_machine_realize (machine, &error))
    check_tree (machine, initrd, append);
  else
    g_assert_nonnull (error);
  vmt_machine_close (machine);
  return 0;
}
