/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "vmt-harness.h"

static void
test_memory (void)
{
  g_autoptr (VmtHarness) harness = vmt_harness_new (0x80000000, 2 * VMT_PAGE_SIZE);
  guint8 out[] = { 1, 2, 3, 4, 5, 6, 7, 8 }, in[8];
  g_assert_true (vmt_harness_realize (harness, NULL));
  g_assert_true (vmt_harness_poke (harness, 0x80000ffc, out, 8));
  g_assert_true (vmt_harness_peek (harness, 0x80000ffc, in, 8));
  g_assert_cmpmem (in, 8, out, 8);
  g_assert_false (vmt_harness_peek (harness, 0x80001ffc, in, 8));
  g_assert_cmphex (vmt_harness_get (harness, 0x80000ffc, 8), ==,
                   G_GUINT64_CONSTANT (0x0807060504030201));
  vmt_harness_put (harness, 0x80000ffe, 4, 0xffffffff);
  g_assert_cmphex (vmt_harness_get (harness, 0x80000ffc, 8), ==,
                   G_GUINT64_CONSTANT (0x0807ffffffff0201));
}

static void
test_requests (void)
{
  g_autoptr (VmtHarness) harness = vmt_harness_new (0, VMT_PAGE_SIZE);
  VmtMachine *machine = vmt_harness_get_machine (harness);
  g_assert_true (vmt_harness_realize (harness, NULL));
  VmtHarnessRequests requests = vmt_harness_take_requests (harness);
  g_assert_false (requests.power_off || requests.reset || requests.panic || requests.quit);
  vmt_machine_request_power_off (machine, "finisher", 3);
  vmt_machine_request_power_off (machine, "again", 4);
  requests = vmt_harness_take_requests (harness);
  g_assert_true (requests.power_off);
  g_assert_cmpint (requests.status, ==, 3);
  g_assert_cmpstr (requests.why, ==, "finisher");
  vmt_machine_report_panic (machine, "pvpanic");
  requests = vmt_harness_take_requests (harness);
  g_assert_true (requests.panic && !requests.power_off);
  g_assert_cmpstr (requests.why, ==, "pvpanic");
}

static void
fire (gpointer data)
{
  (*(guint *)data)++;
}

static gboolean
is_set (gpointer data)
{
  return *(guint *)data > 0;
}

static gboolean
set_it (gpointer data)
{
  fire (data);
  return G_SOURCE_REMOVE;
}

static void
test_time (void)
{
  g_autoptr (VmtHarness) harness = vmt_harness_new (0, VMT_PAGE_SIZE);
  VmtMachine *machine = vmt_harness_get_machine (harness);
  VmtClock *clock = vmt_machine_get_clock (machine);
  guint n = 0;
  g_assert_true (vmt_harness_realize (harness, NULL));
  VmtTimer *timer = vmt_timer_new (clock, fire, &n);
  vmt_timer_set (timer, 1000);
  vmt_harness_iterate (harness);
  g_assert_cmpuint (n, ==, 0);
  vmt_harness_advance (harness, 999);
  g_assert_cmpuint (n, ==, 0);
  vmt_harness_advance (harness, 1);
  g_assert_cmpuint (n, ==, 1);
  vmt_timer_free (timer);

  /* What another thread or a back end does on the context is waited for, and what does not come is
   * given up. */
  n = 0;
  g_assert_false (vmt_harness_wait (harness, is_set, &n, 0));
  GSource *source = g_timeout_source_new (5);
  g_source_set_callback (source, set_it, &n, NULL);
  g_source_attach (source, vmt_machine_get_context (machine));
  g_source_unref (source);
  g_assert_true (vmt_harness_wait (harness, is_set, &n, 10));
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/machine/harness/memory", test_memory);
  g_test_add_func ("/machine/harness/requests", test_requests);
  g_test_add_func ("/machine/harness/time", test_time);
  return g_test_run ();
}
