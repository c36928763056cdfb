/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>

#include "vmt-firmware-node-private.h"
#include "vmt-harness.h"
#include "vmt-registry.h"

#define BASE 0x100000

static const VmtFirmwareProperty *
find (const VmtFirmwareNode *node, const char *name)
{
  for (guint i = 0; i < node->properties->len; i++)
    {
      const VmtFirmwareProperty *property = g_ptr_array_index (node->properties, i);

      if (g_str_equal (property->name, name))
        return property;
    }
  g_assert_not_reached ();
}

typedef struct
{
  VmtHarness *harness;
  VmtDevice *device;
} Bench;

static void
setup (Bench *bench, gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (VmtObject) object = vmt_registry_create (vmt_registry_get_default (),
                                                      VMT_FEATURE_DEVICE, "test-finisher", &error);

  g_assert_no_error (error);
  bench->harness = vmt_harness_new (0x80000000, 0x10000);
  bench->device = VMT_DEVICE (object);
  g_assert_true (vmt_harness_add (bench->harness, NULL, "finisher", bench->device, BASE, &error));
  g_assert_true (vmt_harness_realize (bench->harness, &error));
  g_assert_no_error (error);
}

static void
teardown (Bench *bench, gconstpointer data)
{
  vmt_harness_free (bench->harness);
}

static void
check_power_off (Bench *bench, guint size, guint32 value, int status)
{
  VmtHarnessRequests requests;

  vmt_harness_put (bench->harness, BASE, size, value);
  requests = vmt_harness_take_requests (bench->harness);
  g_assert_true (requests.power_off);
  g_assert_false (requests.reset);
  g_assert_cmpint (requests.status, ==, status);
}

static void
test_commands (Bench *bench, gconstpointer data)
{
  VmtHarnessRequests requests;
  guint64 value;

  check_power_off (bench, 4, 0x5555, 0);
  check_power_off (bench, 2, 0x5555, 0);
  check_power_off (bench, 4, 0x00013333, 1);
  check_power_off (bench, 4, 0x002a3333, 42);
  check_power_off (bench, 4, 0x00ff3333, 255);
  /* Eight bits of it would be 0. */
  check_power_off (bench, 4, 0x01003333, 1);
  vmt_harness_put (bench->harness, BASE, 4, 0x7777);
  requests = vmt_harness_take_requests (bench->harness);
  g_assert_true (requests.reset);
  g_assert_false (requests.power_off);

  for (guint i = 0; i < 3; i++)
    vmt_harness_put (bench->harness, BASE, 4, i * 0x1111);
  vmt_harness_put (bench->harness, BASE, 1, 0x55);
  requests = vmt_harness_take_requests (bench->harness);
  g_assert_false (requests.power_off || requests.reset || requests.panic);
  g_assert_cmpuint (vmt_harness_get_guest_errors (bench->harness), ==, 4);
  g_assert_cmphex (vmt_harness_get (bench->harness, BASE, 4), ==, 0);
  g_assert_cmpint (vmt_harness_read (bench->harness, BASE + 4, 4, &value), ==, VMT_MEM_BUS_ERROR);
}

static void
test_describe (Bench *bench, gconstpointer data)
{
  g_autoptr (VmtFirmwareNode) node = vmt_firmware_node_new ("node");

  VMT_DEVICE_GET_CLASS (bench->device)->describe (bench->device, node);
  g_assert_true (g_strv_contains ((const char *const *)node->compatible, "sifive,test0"));
  g_assert_true (g_strv_contains ((const char *const *)node->compatible, "syscon"));
  g_assert_cmpuint (node->children->len, ==, 2);
  for (guint i = 0; i < 2; i++)
    {
      VmtFirmwareNode *child = g_ptr_array_index (node->children, i);
      const VmtFirmwareProperty *value = find (child, "value");
      const VmtFirmwareProperty *regmap = find (child, "regmap");
      VmtFirmwareReference *reference = g_ptr_array_index (regmap->references, 0);

      g_assert_cmphex (value->number, ==, i == 0 ? 0x5555 : 0x7777);
      g_assert_true (reference->target == VMT_OBJECT (bench->device));
    }
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add ("/device/test-finisher/commands", Bench, NULL, setup, test_commands, teardown);
  g_test_add ("/device/test-finisher/describe", Bench, NULL, setup, test_describe, teardown);
  return g_test_run ();
}
