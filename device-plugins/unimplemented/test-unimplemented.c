/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "vmt.h"

static void
test_accesses (void)
{
  g_autoptr (VmtHarness) harness = vmt_harness_new (0x80000000, VMT_PAGE_SIZE);
  g_autoptr (GError) error = NULL;
  VmtObject *device = vmt_registry_create (vmt_registry_get_default (), VMT_FEATURE_DEVICE,
                                           "unimplemented", &error);
  guint64 value;

  g_assert_no_error (error);
  g_assert_true (vmt_object_set_text (device, "size", "64K", &error));
  g_assert_true (vmt_object_set_text (device, "value", "18446744073709551615", &error));
  g_assert_true (vmt_harness_add (harness, NULL, "ghost", VMT_DEVICE (device), 0x1000, &error));
  g_assert_true (vmt_harness_realize (harness, &error));
  g_assert_no_error (error);
  g_assert_cmphex (vmt_harness_get (harness, 0x1000, 8), ==, G_MAXUINT64);
  g_assert_cmphex (vmt_harness_get (harness, 0x1ffe, 2), ==, 0xffff);
  g_assert_cmphex (vmt_harness_get (harness, 0x10fff, 1), ==, 0xff);
  vmt_harness_put (harness, 0x2000, 4, 5);
  g_assert_cmphex (vmt_harness_get (harness, 0x2000, 4), ==, 0xffffffff);
  vmt_harness_iterate (harness);
  g_assert_cmpuint (vmt_harness_get_guest_errors (harness), >, 0);
  /* it ends where it says */
  g_assert_cmpint (vmt_harness_read (harness, 0x11000, 4, &value), ==, VMT_MEM_UNMAPPED);
  /* the value may change while the machine is there, the size may not */
  g_assert_true (vmt_object_set_text (device, "value", "7", &error));
  g_assert_cmphex (vmt_harness_get (harness, 0x1000, 4), ==, 7);
  g_assert_false (vmt_object_set_text (device, "size", "4K", NULL));
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/device/unimplemented/accesses", test_accesses);
  return g_test_run ();
}
