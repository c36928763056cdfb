/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "vmt-firmware-node-private.h"

static const VmtFirmwareProperty *
find (const VmtFirmwareNode *node, const char *name)
{
  const VmtFirmwareProperty *found = NULL;
  for (guint i = 0; i < node->properties->len; i++)
    {
      const VmtFirmwareProperty *property = node->properties->pdata[i];
      if (g_str_equal (property->name, name))
        {
          g_assert_null (found); /* never twice */
          found = property;
        }
    }
  return found;
}

static void
test_values (void)
{
  g_autoptr (VmtFirmwareNode) node = vmt_firmware_node_new ("serial");
  const char *const compatible[] = { "ns16550a", "ns16550", NULL };
  const guint32 cells[] = { 1, 2, 0xffffffff };
  const guint8 raw[] = { 0, 1, 0 };
  g_autoptr (GBytes) bytes = g_bytes_new (raw, sizeof raw);

  vmt_firmware_node_set_compatible (node, compatible);
  vmt_firmware_node_set_hid (node, "PNP0501", NULL);
  vmt_firmware_node_set_hid (node, "RSCV0003", "PNP0501");
  vmt_firmware_node_set_u32 (node, "clock-frequency", 3686400);
  vmt_firmware_node_set_u64 (node, "big", G_MAXUINT64);
  vmt_firmware_node_set_cells (node, "cells", cells, 3);
  vmt_firmware_node_set_cells (node, "empty", NULL, 0);
  vmt_firmware_node_set_flag (node, "dma-coherent");
  vmt_firmware_node_set_bytes (node, "mac", bytes);
  vmt_firmware_node_set_string (node, "status", "disabled");
  vmt_firmware_node_set_string (node, "status", "okay");
  vmt_firmware_node_set_alias (node, "serial0");
  vmt_firmware_node_set_console (node);
  vmt_firmware_node_omit_reg (node);

  g_assert_cmpstr (node->name, ==, "serial");
  g_assert_cmpstrv (node->compatible, compatible);
  g_assert_cmpstr (node->hid, ==, "RSCV0003");
  g_assert_cmpstr (node->cid, ==, "PNP0501");
  g_assert_cmpuint (find (node, "clock-frequency")->number, ==, 3686400);
  g_assert_cmpuint (find (node, "big")->number, ==, G_MAXUINT64);
  g_assert_cmpmem (find (node, "cells")->cells->data, 12, cells, 12);
  g_assert_cmpuint (find (node, "empty")->cells->len, ==, 0);
  g_assert_cmpint (find (node, "dma-coherent")->kind, ==, VMT_FIRMWARE_FLAG);
  g_assert_true (g_bytes_equal (find (node, "mac")->bytes, bytes));
  g_assert_cmpstr (find (node, "status")->strings[0], ==, "okay");
  g_assert_null (find (node, "status")->strings[1]);
  g_assert_true (node->console && node->omit_reg && !node->omit_interrupts);
  g_assert_cmpstr (node->aliases->pdata[0], ==, "serial0");

  /* A property may change its kind; its place stays. */
  vmt_firmware_node_set_u32 (node, "status", 5);
  g_assert_cmpint (find (node, "status")->kind, ==, VMT_FIRMWARE_U32);
  g_assert_null (find (node, "status")->strings);
  vmt_firmware_node_set_name (node, node->name);
  g_assert_cmpstr (node->name, ==, "serial");
}

static void
test_references (void)
{
  g_autoptr (VmtObject) plic = g_object_new (VMT_TYPE_OBJECT, NULL);
  g_autoptr (VmtFirmwareNode) node = vmt_firmware_node_new ("x");
  const guint32 cells[] = { 10, 4 };
  vmt_firmware_node_add_reference (node, "interrupts-extended", plic, cells, 2);
  vmt_firmware_node_add_reference (node, "interrupts-extended", plic, NULL, 0);
  const VmtFirmwareProperty *property = find (node, "interrupts-extended");
  g_assert_cmpuint (property->references->len, ==, 2);
  const VmtFirmwareReference *first = property->references->pdata[0];
  g_assert_true (first->target == plic);
  g_assert_cmpmem (first->cells, 8, cells, 8);
  g_assert_cmpuint (G_OBJECT (plic)->ref_count, ==, 3);
  vmt_firmware_node_set_flag (node, "interrupts-extended");
  g_assert_cmpuint (G_OBJECT (plic)->ref_count, ==, 1);
}

static void
test_children (void)
{
  g_autoptr (VmtFirmwareNode) node = vmt_firmware_node_new ("cpus");
  for (guint i = 0; i < 100; i++)
    {
      VmtFirmwareNode *cpu = vmt_firmware_node_add_child (node, "cpu");
      vmt_firmware_node_set_u32 (vmt_firmware_node_add_child (cpu, "interrupt-controller"), "n", i);
    }
  g_assert_cmpuint (node->children->len, ==, 100);
  VmtFirmwareNode *last = node->children->pdata[99];
  g_assert_cmpuint (find (last->children->pdata[0], "n")->number, ==, 99);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/device/firmware-node/values", test_values);
  g_test_add_func ("/device/firmware-node/references", test_references);
  g_test_add_func ("/device/firmware-node/children", test_children);
  return g_test_run ();
}
