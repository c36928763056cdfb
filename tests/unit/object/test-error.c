/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "vmt-error.h"

static const char *const names[] = {
  "uart0", "uart1",      "rtc",
  "plic",  "virtio-blk", "uart-ns16550",
  "net",   "x",          "memory-encryption-key-identifier-of-the-machine-in-question-0",
  NULL
};

static void
test_nearest (void)
{
  g_assert_cmpstr (vmt_nearest_name ("uart0", names), ==, "uart0");
  g_assert_cmpstr (vmt_nearest_name ("uart2", names), ==, "uart0");
  g_assert_cmpstr (vmt_nearest_name ("UART1", names), ==, "uart1");
  g_assert_cmpstr (vmt_nearest_name ("auart1", names), ==, "uart1");
  g_assert_cmpstr (vmt_nearest_name ("plci", names), ==, "plic");
  g_assert_cmpstr (vmt_nearest_name ("virtio_blk", names), ==, "virtio-blk");
  /* a beginning, and a part of a longer word */
  g_assert_cmpstr (vmt_nearest_name ("uart-", names), ==, "uart0");
  g_assert_cmpstr (vmt_nearest_name ("ns16550", names), ==, "uart-ns16550");
  g_assert_cmpstr (vmt_nearest_name ("blk", names), ==, "virtio-blk");
}

static void
test_nothing_near (void)
{
  const char *const none[] = { NULL };
  const char *const empty[] = { "", "", NULL };
  g_autofree char *longest = g_strnfill (100000, 'u');
  const char *const longs[] = { longest, NULL };

  g_assert_null (vmt_nearest_name ("framebuffer", names));
  g_assert_null (vmt_nearest_name ("y", names));
  g_assert_null (vmt_nearest_name ("", names));
  g_assert_null (vmt_nearest_name (NULL, names));
  g_assert_null (vmt_nearest_name ("uart0", NULL));
  g_assert_null (vmt_nearest_name ("uart0", none));
  g_assert_null (vmt_nearest_name ("u", empty));
  g_assert_null (vmt_nearest_name (longest, names));
  g_assert_null (vmt_nearest_name (longest, longs));
}

/* The formatter once put spaces into it. */
static void
test_domain (void)
{
  g_assert_cmpstr (g_quark_to_string (VMT_ERROR), ==, "vmt-error-quark");
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/object/error/nearest", test_nearest);
  g_test_add_func ("/object/error/nothing-near", test_nothing_near);
  g_test_add_func ("/object/error/domain", test_domain);
  return g_test_run ();
}
