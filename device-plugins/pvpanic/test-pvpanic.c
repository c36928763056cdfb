/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "vmt-harness.h"
#include "vmt-event.h"
#include "vmt-registry.h"

#define BASE 0x10200000
#define ECAM 0x30000000
#define SLOT (ECAM + (5 << 15))
#define BAR 0x40000000

static VmtDevice *
create (const char *name)
{
  g_autoptr (GError) error = NULL;
  VmtObject *object =
      vmt_registry_create (vmt_registry_get_default (), VMT_FEATURE_DEVICE, name, &error);

  g_assert_no_error (error);
  return VMT_DEVICE (object);
}

static void
count (VmtObject *source, const char *event, GVariant *payload, gpointer data)
{
  ++*(guint *)data;
}

static void
check_register (VmtHarness *harness, guint64 base)
{
  guint n = 0, id = vmt_object_subscribe (VMT_OBJECT (vmt_harness_get_machine (harness)), "**",
                                          "crash-loaded", count, &n, NULL);

  g_assert_cmphex (vmt_harness_get (harness, base, 1), ==, 3);
  g_assert_false (vmt_harness_take_requests (harness).panic);
  /* Nothing, something unknown, a crash kernel: the guest goes on. */
  vmt_harness_put (harness, base, 1, 0);
  vmt_harness_put (harness, base, 1, 0xfc);
  vmt_harness_put (harness, base, 1, 2);
  vmt_harness_iterate (harness);
  g_assert_false (vmt_harness_take_requests (harness).panic);
  g_assert_cmpuint (vmt_harness_get_guest_errors (harness), ==, 1);
  g_assert_cmpuint (n, ==, 1);
  vmt_harness_put (harness, base, 1, 1);
  g_assert_true (vmt_harness_take_requests (harness).panic);
  g_assert_cmphex (vmt_harness_get (harness, base, 1), ==, 3);
  vmt_object_unsubscribe (VMT_OBJECT (vmt_harness_get_machine (harness)), id);
}

static void
test_mmio (void)
{
  g_autoptr (VmtHarness) harness = vmt_harness_new (0x80000000, 0x10000);
  g_autoptr (VmtDevice) device = create ("pvpanic");
  g_autoptr (GError) error = NULL;
  guint64 value;

  g_assert_true (vmt_harness_add (harness, NULL, "pvpanic", device, BASE, &error));
  g_assert_true (vmt_harness_realize (harness, &error));
  check_register (harness, BASE);
  g_assert_cmpint (vmt_harness_read (harness, BASE + 1, 1, &value), ==, VMT_MEM_BUS_ERROR);
}

static void
test_pci (void)
{
  g_autoptr (VmtHarness) harness = vmt_harness_new (0x80000000, 0x10000);
  g_autoptr (VmtDevice) host = create ("pci-host-ecam");
  g_autoptr (VmtDevice) device = create ("pvpanic-pci");
  g_autoptr (GError) error = NULL;
  guint64 value;

  g_object_set (device, "slot", 5, NULL);
  g_assert_true (vmt_harness_add (harness, NULL, "pci", host, ECAM, &error));
  g_assert_true (vmt_harness_add (harness, host, "pvpanic", device, G_MAXUINT64, &error));
  g_assert_true (vmt_harness_realize (harness, &error));
  g_assert_no_error (error);
  g_assert_cmphex (vmt_harness_get (harness, SLOT, 4), ==, 0x00111b36);
  vmt_harness_put (harness, SLOT + 0x10, 4, 0xffffffff);
  g_assert_cmphex (vmt_harness_get (harness, SLOT + 0x10, 4), ==, 0xfffff000);
  vmt_harness_put (harness, SLOT + 0x10, 4, BAR);
  g_assert_cmpint (vmt_harness_read (harness, BAR, 1, &value), ==, VMT_MEM_UNMAPPED);
  vmt_harness_put (harness, SLOT + 4, 2, 2);
  check_register (harness, BAR);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/device/pvpanic/mmio", test_mmio);
  g_test_add_func ("/device/pvpanic/pci", test_pci);
  return g_test_run ();
}
