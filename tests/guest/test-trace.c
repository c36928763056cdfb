/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What "vmtool run --trace" tells of a program for bare metal that does a little of everything. */
#include <fcntl.h>
#include <glib/gstdio.h>
#include <string.h>
#include <unistd.h>

#include "guest.h"
#include "tool.h"

/* An exception, a store into code that was executed, an interrupt, and the end. */
static const guint32 words[] = {
  0x00000297,                                                             /* 00 auipc t0, 0 */
  0x02428293,                                                             /* 04 addi t0, t0, 0x24 */
  0x30529073,                                                             /* 08 csrw mtvec, t0 */
  0x00000073,                                                             /* 0c ecall */
  0x00000013, 0x00000013, 0x00000013, 0x00000013, 0x00000013, 0xfe02a423, /* 24 sw zero, -24(t0) */
  0x02c28293,                                                             /* 28 addi t0, t0, 0x2c */
  0x30529073,                                                             /* 2c csrw mtvec, t0 */
  0x30445073,                                                             /* 30 csrwi mie, 8 */
  0x30046073,                                                             /* 34 csrsi mstatus, 8 */
  0x02000537,                                                             /* 38 lui a0, 0x2000 */
  0x00100593,                                                             /* 3c li a1, 1 */
  0x00b52023,                         /* 40 sw a1, 0(a0): software interrupt */
  0x0000006f,                         /* 44 j . */
  0x00000013, 0x00000013, 0x00100537, /* 50 lui a0, 0x100 */
  0x000055b7,                         /* 54 lui a1, 0x5 */
  0x55558593,                         /* 58 addi a1, a1, 0x555 */
  0x00b52023,                         /* 5c sw a1, 0(a0) */
  0x0000006f,                         /* 60 j . */
};
static const Program program = { .words = words, .n_words = G_N_ELEMENTS (words) };

static char *folder, *elf;

/* Neither built nor possible on this host, and the test is marked so. */
static gboolean
lacks_tier (const ToolResult *result)
{
  if (result->status != 1 || (strstr (result->err, "there is no tier") == NULL &&
                              strstr (result->err, "no memory for code") == NULL))
    return FALSE;
  g_test_skip (result->err);
  return TRUE;
}

/* (transfer full): the trace; whether the tier is here. */
static gboolean
trace (const char *tier, const char *what, char **text)
{
  g_autofree char *path = g_build_filename (folder, "trace", NULL);
  g_autofree char *setting = g_strconcat ("tier=", tier, NULL);
  g_autoptr (ToolResult) result = tool_run ("run", "riscv-virt", "--kernel", elf, "-s", setting,
                                            "--trace", what, "--trace-file", path, NULL);

  *text = NULL;
  if (lacks_tier (result))
    return FALSE;
  g_assert_cmpint (result->status, ==, 0);
  g_assert_cmpstr (result->err, ==, "");
  g_assert_true (g_file_get_contents (path, text, NULL, NULL));
  return TRUE;
}

static guint
count (const char *text, const char *part)
{
  guint n = 0;
  for (const char *at = strstr (text, part); at != NULL; at = strstr (at + 1, part))
    n++;
  return n;
}

static guint64
counter (const char *text, const char *name)
{
  g_autofree char *key = g_strdup_printf ("\nstats %s ", name);
  g_autofree char *all = g_strconcat ("\n", text, NULL);
  const char *at = strstr (all, key);

  if (at == NULL)
    g_error ("no counter %s in:\n%s", name, text);
  return g_ascii_strtoull (g_strchug ((char *)at + strlen (key)), NULL, 10);
}

static void
test_blocks (gconstpointer tier)
{
  g_autofree char *text = NULL, *some = NULL, *none = NULL;

  if (!trace (tier, "blocks", &text))
    return;
  g_assert_true (g_str_has_prefix (text, "block cpu0 pc=0x80000000 pa=0x80000000 "));
  g_assert_nonnull (strstr (text, "\n0000000080000008  30529073  csr"));
  g_assert_nonnull (strstr (text, "\n0000000080000024  fe02a423  sw "));
  g_assert_null (strstr (text, " = "));
  g_assert_null (strstr (text, "exception"));

  g_assert_true (trace (tier, "blocks:0x80000050-0x80000060", &some));
  g_assert_true (g_str_has_prefix (some, "block cpu0 pc=0x80000050 "));
  g_assert_cmpuint (count (some, "pc=0x80000000"), ==, 0);
  g_assert_true (trace (tier, "blocks:0x1000-0x2000", &none));
  g_assert_cmpstr (none, ==, "");
}

static void
test_details (gconstpointer tier)
{
  g_autofree char *text = NULL;
  gboolean code;

  if (!trace (tier, "ir,host", &text))
    return;
  g_assert_nonnull (strstr (text, "\n    x10 = mov.i64 0x100000\n"));
  /* addresses of host code are behind six blanks */
  code = strstr (text, "\n      ") != NULL;
  g_assert_true (code == g_str_equal (tier, "baseline"));
  g_assert_true (code == (strstr (text, " host=") != NULL));
}

static void
test_events (gconstpointer tier)
{
  g_autofree char *text = NULL;

  if (!trace (tier, "exceptions,interrupts,invalidations", &text))
    return;
  g_assert_cmpuint (count (text, "exception "), ==, 1);
  g_assert_nonnull (strstr (text, "exception cpu0 pc=0x8000000c cause=0xb value=0x0\n"));
  g_assert_cmpuint (count (text, "interrupt "), ==, 1);
  g_assert_nonnull (strstr (text, " handler=0x80000050\n"));
  g_assert_nonnull (strstr (text, "invalidation pa=0x80000000 guest=16 cause=store\n"));
  /* the rest goes with the machine */
  g_assert_cmpuint (count (text, "cause=store"), ==, 1);
  g_assert_null (strstr (text, "cause=evict"));
}

static void
test_stats (gconstpointer tier)
{
  g_autofree char *text = NULL;

  if (!trace (tier, "stats", &text))
    return;
  g_assert_cmpuint (counter (text, "exceptions"), ==, 1);
  g_assert_cmpuint (counter (text, "interrupts"), ==, 1);
  g_assert_cmpuint (counter (text, "killed-by-store"), ==, 1);
  /* the loop at 0x44 may be in two blocks, or not be reached */
  g_assert_cmpuint (counter (text, "distinct-instructions"), >=, 16);
  g_assert_cmpuint (counter (text, "distinct-instructions"), <=, 18);
  g_assert_cmpuint (counter (text, "translated-instructions"), >=,
                    counter (text, "distinct-instructions"));
  g_assert_cmpuint (counter (text, "translated-bytes"), ==,
                    4 * counter (text, "translated-instructions"));
  g_assert_cmpuint (counter (text, "emit-ns"), >, 0);
  g_assert_cmpuint (counter (text, "decode-ns"), >, 0);
  if (g_str_equal (tier, "baseline"))
    {
      g_assert_cmpuint (counter (text, "host-bytes"), >, 0);
      /* to registers of devices, and into code */
      g_assert_cmpuint (counter (text, "tier.store"), >=, 3);
      g_assert_cmpuint (counter (text, "tier.trap"), ==, 1);
      g_assert_cmpuint (counter (text, "tier.call-csr"), >=, 4);
    }
}

/* To the standard error when there is no file; a reader that goes away does no harm. */
static void
test_output (void)
{
  g_autoptr (ToolResult) result =
      tool_run ("run", "riscv-virt", "--kernel", elf, "--trace", "exceptions", NULL);
  g_autoptr (ToolResult) full = tool_run ("run", "riscv-virt", "--kernel", elf, "--trace", "host",
                                          "--trace-file", "/dev/full", NULL);

  g_assert_cmpint (result->status, ==, 0);
  g_assert_cmpstr (result->err, ==, "exception cpu0 pc=0x8000000c cause=0xb value=0x0\n");
  g_assert_cmpint (full->status, ==, 0);
}

/* FALSE: no such tier here. */
static gboolean
run_for_perf (const char *what, int *pid)
{
  g_autoptr (ToolResult) here = tool_run ("run", "riscv-virt", "--kernel", elf, "-s",
                                          "tier=baseline", "--trace", "stats", NULL);
  const int null = g_open ("/dev/null", O_RDWR | O_CLOEXEC, 0);
  GPid process;

  if (lacks_tier (here))
    return FALSE;
  g_assert_cmpint (here->status, ==, 0);
  process = tool_spawn ((const char *[]){ "run", "riscv-virt", "--kernel", elf, "-s",
                                          "tier=baseline", "--trace", what, NULL },
                        (int[]){ null, null, 2 });
  *pid = (int)process;
  g_assert_cmpint (tool_wait (process, 60), ==, 0);
  close (null);
  return TRUE;
}

/* By address where there is no symbol; with one, only what was asked for. */
static void
test_perf (void)
{
  g_autofree char *path = NULL, *dump = NULL, *text = NULL;
  g_autofree char *here = g_get_current_dir ();
  gsize size;
  int pid;

  if (!run_for_perf ("perf-map", &pid))
    return;
  path = g_strdup_printf ("/tmp/perf-%d.map", pid);
  g_assert_true (g_file_get_contents (path, &text, NULL, NULL));
  g_unlink (path);
  g_assert_nonnull (strstr (text, " [shared]\n"));
  g_assert_nonnull (strstr (text, " guest-0x80000000\n"));
  g_assert_nonnull (strstr (text, " guest-0x80000050\n"));

  g_assert_cmpint (g_chdir (folder), ==, 0);
  g_assert_true (run_for_perf ("jitdump:0x80000050-0x80000060", &pid));
  dump = g_strdup_printf ("jit-%d.dump", pid);
  g_clear_pointer (&text, g_free);
  g_assert_true (g_file_get_contents (dump, &text, &size, NULL));
  g_assert_cmpint (g_chdir (here), ==, 0);
  g_assert_nonnull (memmem (text, size, "guest-0x80000050", 17));
  g_assert_null (memmem (text, size, "guest-0x80000000", 16));
}

/* Names instead of addresses, in what is shown and in what is asked for. */
static void
test_symbols (void)
{
  g_autofree char *map = g_build_filename (folder, "System.map", NULL);
  g_autoptr (ToolResult) result = NULL;

  g_assert_true (g_file_set_contents (
      map, "80000000 T start\n80000024 T handler\n80000050 T stop\n", -1, NULL));
  result = tool_run ("run", "riscv-virt", "--kernel", elf, "--symbols", map, "--trace",
                     "blocks:handler,exceptions", NULL);
  g_assert_cmpint (result->status, ==, 0);
  g_assert_null (strstr (result->err, "pc=0x80000000"));
  g_assert_null (strstr (result->err, "pc=0x80000050"));
  g_assert_nonnull (strstr (result->err, "block cpu0 pc=0x80000024 "));
  g_assert_nonnull (strstr (result->err, " handler\n"));
}

int
main (int argc, char **argv)
{
  static const char *const tiers[] = { "reference", "interp", "baseline" };
  int status;

  g_test_init (&argc, &argv, NULL);
  folder = guest_make_folder ();
  tool_setenv ("XDG_RUNTIME_DIR", folder);
  elf = program_write (folder, "program", &program);
  for (guint i = 0; i < G_N_ELEMENTS (tiers); i++)
    {
      static const struct
      {
        const char *name;
        GTestDataFunc func;
      } cases[] = { { "blocks", test_blocks },
                    { "details", test_details },
                    { "events", test_events },
                    { "stats", test_stats } };
      for (guint k = 0; k < G_N_ELEMENTS (cases); k++)
        {
          g_autofree char *path = g_strdup_printf ("/guest/trace/%s/%s", tiers[i], cases[k].name);
          g_test_add_data_func (path, tiers[i], cases[k].func);
        }
    }
  g_test_add_func ("/guest/trace/output", test_output);
  g_test_add_func ("/guest/trace/perf", test_perf);
  g_test_add_func ("/guest/trace/symbols", test_symbols);
  status = g_test_run ();
  g_free (elf);
  guest_remove_folder (folder);
  return status;
}
