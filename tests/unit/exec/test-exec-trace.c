/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the engine counts and what it tells a trace. */
#include <fcntl.h>
#include <glib/gstdio.h>
#include <string.h>
#include <unistd.h>

#include "fake-arch.h"

#define CODE (FAKE_RAM + 0x10000)
#define N 6000

typedef struct
{
  FakeMachine *m;
  VmtTrace *trace;
  char *path;
  int fd;
} Fixture;

static void
setup (Fixture *f, const char *spec)
{
  f->m = fake_machine_new (1);
  f->trace = vmt_trace_new (spec, NULL, NULL);
  f->fd = g_file_open_tmp ("exec-trace-XXXXXX", &f->path, NULL);
  vmt_trace_set_fd (f->trace, f->fd);
  vmt_exec_set_cache_limit (f->m->exec, 1 << 20);
  vmt_exec_set_trace (f->m->exec, f->trace);
  vmt_exec_resume (f->m->exec);
}

/* (transfer full): what was written. */
static char *
teardown (Fixture *f)
{
  char *text = NULL;
  fake_machine_free (f->m);
  vmt_trace_free (f->trace);
  close (f->fd);
  g_assert_true (g_file_get_contents (f->path, &text, NULL, NULL));
  g_unlink (f->path);
  g_free (f->path);
  return text;
}

static void
run (FakeMachine *m, guint64 pc)
{
  fake_run (m, 0, pc);
  g_assert_true (fake_wait (m));
}

static guint
count (const char *text, const char *part)
{
  guint n = 0;
  for (const char *at = strstr (text, part); at != NULL; at = strstr (at + 1, part))
    n++;
  return n;
}

/* More blocks than there is room for, then a store into one of them. */
static void
put_chain (FakeMachine *m, guint64 first)
{
  for (guint64 i = 0; i < N; i++)
    {
      fake_put (m, first + i * 32, F_ADDI, 1, 1, 0, 1);
      fake_put (m, first + i * 32 + 8, F_JMP, 0, 0, 0, i == N - 1 ? 16 : 24);
    }
  fake_put (m, first + N * 32 - 8, F_STOP, 0, 0, 0, 0);
}

static void
test_causes (void)
{
  Fixture f;
  VmtExecStats stats;

  setup (&f, "invalidations,stats");
  put_chain (f.m, FAKE_RAM + 0x200000);
  run (f.m, FAKE_RAM + 0x200000);
  vmt_exec_get_stats (f.m->exec, &stats);
  g_assert_cmpuint (stats.killed_for_room, >, 0);
  g_assert_cmpuint (stats.killed_by_store, ==, 0);
  g_assert_cmpuint (stats.killed_for_room, ==, stats.blocks_killed);
  g_assert_cmpuint (stats.translated_instructions, ==, 2 * N + 1);
  g_assert_cmpuint (stats.distinct_instructions, ==, 2 * N + 1);
  g_assert_cmpuint (stats.translated_bytes, ==, 8 * (2 * N + 1));
  g_assert_cmpuint (stats.decode_ns + stats.ir_ns + stats.emit_ns, >, 0);
  const guint64 for_room = stats.killed_for_room;

  /* what is translated again is not distinct, what was written is */
  fake_put (f.m, CODE, F_ADDI, 1, 1, 0, 1);
  fake_put (f.m, CODE + 8, F_STOP, 0, 0, 0, 0);
  run (f.m, CODE);
  fake_put (f.m, CODE, F_ADDI, 1, 1, 0, 2);
  vmt_exec_invalidate (f.m->exec, f.m->ram, CODE - FAKE_RAM, 8);
  run (f.m, CODE);
  vmt_exec_get_stats (f.m->exec, &stats);
  g_assert_cmpuint (stats.killed_by_store, ==, 1);
  g_assert_cmpuint (stats.translated_instructions, ==, 2 * N + 1 + 4);
  g_assert_cmpuint (stats.distinct_instructions, ==, 2 * N + 1 + 4);
  vmt_exec_pause (f.m->exec);
  vmt_exec_reset (f.m->exec);
  vmt_exec_resume (f.m->exec);
  run (f.m, CODE);
  vmt_exec_get_stats (f.m->exec, &stats);
  g_assert_cmpuint (stats.translated_instructions, ==, 2 * N + 1 + 6);
  g_assert_cmpuint (stats.distinct_instructions, ==, 2 * N + 1 + 4);
  g_assert_cmpuint (stats.blocks_live, ==, 1);

  g_autofree char *text = teardown (&f);
  g_assert_cmpuint (count (text, " cause=evict\n"), ==, for_room);
  g_assert_cmpuint (count (text, " cause=store\n"), ==, 1);
  g_assert_cmpuint (count (text, " cause=drop\n"), ==, 0);
  /* at the reset, and at the end */
  g_assert_cmpuint (count (text, " cause=clear\n"), ==, stats.blocks_compiled - for_room - 1);
  g_assert_nonnull (strstr (text, "invalidation pa=0x80010000 guest=16 cause=store\n"));
}

static void
add_name (const char *name, guint64 value, gpointer data)
{
  GHashTable *names = data;
  g_assert_true (g_hash_table_add (names, g_strdup (name)));
}

/* Each name once; what is measured only when it is. */
static void
test_counters (void)
{
  for (guint measured = 0; measured < 2; measured++)
    {
      Fixture f;
      g_autoptr (GHashTable) names = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);

      setup (&f, measured ? "stats" : "exceptions");
      fake_put (f.m, CODE, F_STOP, 0, 0, 0, 0);
      run (f.m, CODE);
      vmt_exec_visit_counters (f.m->exec, add_name, names);
      g_assert_true (g_hash_table_contains (names, "blocks-compiled"));
      g_assert_true (g_hash_table_contains (names, "killed-by-store"));
      g_assert_true (g_hash_table_contains (names, "emit-ns") == (measured == 1));
      g_free (teardown (&f));
    }
}

static void
go_on (VmtVcpu *vcpu)
{
  vcpu->pc = FAKE (vcpu)->epc + 8;
}

/* An architecture without a disassembler has its instructions shown as bytes. */
static void
test_records (void)
{
  Fixture f;
  VmtExecStats stats;

  setup (&f, "ir,exceptions:0x80010008-0x80010010");
  fake_state (f.m, 0)->on_exception = go_on;
  fake_put (f.m, CODE, F_LI, 1, 0, 0, 7);
  fake_put (f.m, CODE + 8, F_TRAP, 0, 1, 0, 3);
  fake_put (f.m, CODE + 16, F_TRAP, 0, 1, 0, 4);
  fake_put (f.m, CODE + 24, F_STOP, 0, 0, 0, 0);
  run (f.m, CODE);
  vmt_exec_get_stats (f.m->exec, &stats);
  g_assert_cmpuint (stats.exceptions, ==, 2);
  g_autofree char *text = teardown (&f);
  g_assert_cmpuint (count (text, "exception "), ==, 1);
  g_assert_nonnull (strstr (text, "exception cpu0 pc=0x80010008 cause=0x3 value=0x7\n"));
  g_assert_true (g_str_has_prefix (text, "block cpu0 pc=0x80010000 pa=0x80010000 "));
  g_assert_nonnull (strstr (text, "\n0000000080010008  "));
  g_assert_nonnull (strstr (text, "mov.i64 0x7\n"));
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/exec/trace/causes", test_causes);
  g_test_add_func ("/exec/trace/counters", test_counters);
  g_test_add_func ("/exec/trace/records", test_records);
  return g_test_run ();
}
