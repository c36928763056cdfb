/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>

#include "fake-arch.h"

#define CODE (FAKE_RAM + 0x10000)
#define DATA (FAKE_RAM + 0x40000)

static guint64 pc;
#define PUT(...) (fake_put (m, pc, __VA_ARGS__), pc += 8)

static guint64
encode (FakeOpcode op, guint d, guint a, guint b, gint32 imm)
{
  FakeInsn insn = { (guint8)op, (guint8)d, (guint8)a, (guint8)b, imm };
  guint64 value;
  memcpy (&value, &insn, 8);
  return value;
}

static void
go (FakeMachine *m)
{
  fake_run (m, 0, CODE);
  g_assert_true (fake_wait (m));
}

static FakeMachine *
new_machine (guint n)
{
  FakeMachine *m = fake_machine_new (n);
  vmt_exec_resume (m->exec);
  pc = CODE;
  return m;
}

/* A loop that rewrites an instruction of its own body each time. */
static void
test_own_page (void)
{
  FakeMachine *m = new_machine (1);
  FakeState *s = fake_state (m, 0);
  /* x1: address of the instruction, x2: its encoding, x3: what to add to that, x4: sum, x5: count
   */
  s->x[1] = CODE + 24;
  s->x[2] = encode (F_ADDI, 4, 4, 0, 0);
  s->x[3] = G_GUINT64_CONSTANT (1) << 32;
  s->x[5] = 2000;
  PUT (F_ADD, 2, 2, 3, 0);
  PUT (F_ST8, 0, 1, 2, 0);
  PUT (F_FENCEI, 0, 0, 0, 0);
  PUT (F_ADDI, 4, 4, 0, 0);
  PUT (F_ADDI, 5, 5, 0, -1);
  PUT (F_BNE, 0, 5, 0, -40);
  PUT (F_STOP, 0, 0, 0, 0);
  go (m);
  g_assert_cmpuint (s->n_exceptions, ==, 0);
  g_assert_cmpuint (s->x[4], ==, 2000 * 2001 / 2);
  g_assert_cmpuint (s->vcpu.icount, ==, 2000 * 6 + 1);
  VmtExecStats stats;
  vmt_exec_get_stats (m->exec, &stats);
  g_assert_cmpuint (stats.blocks_live, <, 16);
  fake_machine_free (m);
}

/* A store to the instruction right after it takes effect there: the block ends. */
static void
test_same_block (void)
{
  FakeMachine *m = new_machine (1);
  FakeState *s = fake_state (m, 0);
  s->x[1] = CODE + 16;
  s->x[2] = encode (F_LI, 4, 0, 0, 42);
  PUT (F_ADDI, 3, 3, 0, 1);
  PUT (F_ST8, 0, 1, 2, 0);
  PUT (F_LI, 4, 0, 0, 1);
  PUT (F_STOP, 0, 0, 0, 0);
  go (m);
  g_assert_cmpuint (s->x[4], ==, 42);
  g_assert_cmpuint (s->x[3], ==, 1);
  g_assert_cmpuint (s->vcpu.icount, ==, 4);
  fake_machine_free (m);
}

/* Data beside code in one page does not cost the code. */
static void
test_data_beside_code (void)
{
  FakeMachine *m = new_machine (1);
  FakeState *s = fake_state (m, 0);
  s->x[1] = CODE + 0x800;
  s->x[2] = 100000;
  PUT (F_ST8, 0, 1, 2, 0);
  PUT (F_ADDI, 2, 2, 0, -1);
  PUT (F_BNE, 0, 2, 0, -16);
  PUT (F_STOP, 0, 0, 0, 0);
  go (m);
  VmtExecStats stats;
  vmt_exec_get_stats (m->exec, &stats);
  g_assert_cmpuint (stats.blocks_killed, ==, 0);
  g_assert_cmpuint (stats.blocks_compiled, <, 6);
  g_assert_cmpuint (fake_get_u64 (m, CODE + 0x800), ==, 1);
  /* in the same 64 bytes as code, but not in it */
  s->x[1] = CODE + 32;
  s->x[2] = 5;
  go (m);
  vmt_exec_get_stats (m->exec, &stats);
  g_assert_cmpuint (stats.blocks_killed, ==, 0);
  fake_machine_free (m);
}

/* A page without code left is an ordinary one again. */
static void
test_release (void)
{
  FakeMachine *m = new_machine (1);
  FakeState *s = fake_state (m, 0);
  guint64 other = DATA;
  fake_put (m, other, F_JR, 0, 9, 0, 0);
  PUT (F_AUIPC, 9, 0, 0, 16);
  PUT (F_JR, 0, 8, 0, 0);
  PUT (F_LI, 3, 0, 0, 1000);
  PUT (F_ST8, 0, 8, 3, 0);
  PUT (F_ADDI, 3, 3, 0, -1);
  PUT (F_BNE, 0, 3, 0, -16);
  PUT (F_STOP, 0, 0, 0, 0);
  s->x[8] = other;
  go (m);
  g_assert_cmpuint (s->n_exceptions, ==, 0);
  g_assert_cmpuint (vmt_ram_get_page_state (m->ram, other - FAKE_RAM), ==, 0);
  g_assert_cmpuint (vmt_ram_get_page_state (m->ram, CODE - FAKE_RAM), ==, VMT_PAGE_CODE);
  VmtExecStats stats;
  vmt_exec_get_stats (m->exec, &stats);
  g_assert_cmpuint (stats.store_slow, <, 8);
  fake_machine_free (m);
}

/* A device writes code. */
static void
test_dma (void)
{
  FakeMachine *m = new_machine (1);
  FakeState *s = fake_state (m, 0);
  for (gint32 i = 1; i <= 50; i++)
    {
      fake_put (m, CODE, F_LI, 1, 0, 0, i);
      fake_put (m, CODE + 8, F_STOP, 0, 0, 0, 0);
      go (m);
      g_assert_cmpint ((gint64)s->x[1], ==, i);
    }
  fake_machine_free (m);
}

static gint64
burn (guint ms)
{
  gint64 end = g_get_monotonic_time () + ms * 1000;
  while (g_get_monotonic_time () < end)
    ;
  return end;
}

/* While one runs a function in a loop the other rewrites it: what runs is one of its versions, and
 * in the end the last. */
static void
test_other_vcpu (void)
{
  FakeMachine *m = new_machine (2);
  FakeState *runner = fake_state (m, 0), *writer = fake_state (m, 1);
  guint64 function = DATA;
  fake_put (m, function, F_LI, 1, 0, 0, 0);
  fake_put (m, function + 8, F_JR, 0, 9, 0, 0);
  /* runner: calls until the flag in x10 is 1, keeps the largest; the value never goes back */
  pc = CODE;
  PUT (F_AUIPC, 9, 0, 0, 16);
  PUT (F_JR, 0, 8, 0, 0);
  PUT (F_BLT, 0, 1, 2, 56);
  PUT (F_ADD, 2, 1, 7, 0);
  PUT (F_ADDI, 3, 3, 0, 1);
  PUT (F_FENCEI, 0, 0, 0, 0);
  PUT (F_LD8, 4, 10, 0, 0);
  PUT (F_BEQ, 0, 4, 7, -56);
  PUT (F_BEQ, 0, 7, 7, 16);
  PUT (F_LI, 20, 0, 0, 1); /* the value went back */
  PUT (F_AUIPC, 9, 0, 0, 16);
  PUT (F_JR, 0, 8, 0, 0);
  PUT (F_STOP, 0, 0, 0, 0);
  runner->x[8] = function;
  runner->x[10] = DATA + 0x4000;
  /* writer: 20000 versions, then the flag */
  pc = CODE + 0x1000;
  PUT (F_ADD, 2, 2, 3, 0);
  PUT (F_ST8, 0, 8, 2, 0);
  PUT (F_ADDI, 5, 5, 0, -1);
  PUT (F_BNE, 0, 5, 0, -24);
  PUT (F_LI, 6, 0, 0, 1);
  PUT (F_ST8, 0, 10, 6, 0);
  PUT (F_STOP, 0, 0, 0, 0);
  writer->x[2] = encode (F_LI, 1, 0, 0, 0);
  writer->x[3] = G_GUINT64_CONSTANT (1) << 32;
  writer->x[5] = 20000;
  writer->x[8] = function;
  writer->x[10] = DATA + 0x4000;
  fake_run (m, 0, CODE);
  burn (5);
  fake_run (m, 1, CODE + 0x1000);
  g_assert_true (fake_wait (m));
  g_assert_cmpuint (runner->n_exceptions + writer->n_exceptions, ==, 0);
  g_assert_cmpuint (runner->x[20], ==, 0);
  g_assert_cmpuint (runner->x[1], ==, 20000);
  fake_machine_free (m);
}

/* Code that is generated all over memory, again and again, with a small cache: bounded, and right.
 */
static void
test_cache_limit (void)
{
  FakeMachine *m = fake_machine_new (1);
  FakeState *s = fake_state (m, 0);
  vmt_exec_set_cache_limit (m->exec, 1 << 20);
  vmt_exec_resume (m->exec);
  enum
  {
    N = 12000
  };
  guint64 first = FAKE_RAM + 0x200000;
  for (guint64 i = 0; i < N; i++)
    {
      fake_put (m, first + i * 32, F_ADDI, 1, 1, 0, 1);
      fake_put (m, first + i * 32 + 8, F_JMP, 0, 0, 0, i == N - 1 ? 16 : 24);
    }
  fake_put (m, first + N * 32 - 8, F_STOP, 0, 0, 0, 0);
  for (guint round = 1; round <= 3; round++)
    {
      fake_run (m, 0, first);
      g_assert_true (fake_wait (m));
      g_assert_cmpuint (s->x[1], ==, N * round);
      VmtExecStats stats;
      vmt_exec_get_stats (m->exec, &stats);
      g_assert_cmpuint (stats.bytes, <, 3 << 19);
      g_assert_cmpuint (stats.evictions, >, 0);
    }
  fake_machine_free (m);
}

/* The same page at two addresses is translated once; each address has its own results. */
static void
test_shared_by_alias (void)
{
  FakeMachine *m = new_machine (1);
  FakeState *s = fake_state (m, 0);
  guint64 table = FAKE_RAM + 0x100000;
  for (guint64 va = 0x10000; va < 0x30000; va += 0x10000)
    fake_put_u64 (m, table + (va >> 12) * 8, CODE | FAKE_RWX);
  PUT (F_AUIPC, 1, 0, 0, 0);
  PUT (F_ADD, 2, 2, 1, 0);
  PUT (F_STOP, 0, 0, 0, 0);
  s->root = table;
  fake_run (m, 0, 0x10000);
  g_assert_true (fake_wait (m));
  fake_run (m, 0, 0x20000);
  g_assert_true (fake_wait (m));
  g_assert_cmpuint (s->x[2], ==, 0x30000);
  VmtExecStats stats;
  vmt_exec_get_stats (m->exec, &stats);
  g_assert_cmpuint (stats.blocks_compiled, ==, 1);
  fake_machine_free (m);
}

/* A jump into another page whose mapping changes: the link follows. */
static void
test_far_links (void)
{
  FakeMachine *m = new_machine (1);
  FakeState *s = fake_state (m, 0);
  guint64 table = FAKE_RAM + 0x100000;
  fake_put_u64 (m, table + 0x10 * 8, CODE | FAKE_RWX);
  fake_put_u64 (m, table + 0x11 * 8, DATA | FAKE_RWX);
  fake_put_u64 (m, table + 0x80 * 8, table | FAKE_RWX);
  for (guint i = 0; i < 2; i++)
    {
      fake_put (m, DATA + i * 4096, F_ADDI, 1 + i, 1 + i, 0, 1);
      fake_put (m, DATA + i * 4096 + 8, F_JMP, 0, 0, 0, -4096 + 8);
    }
  /* 0: jump to the other page, which comes back at 16 */
  PUT (F_JMP, 0, 0, 0, 4096);
  PUT (F_STOP, 0, 0, 0, 0);
  PUT (F_ADDI, 5, 5, 0, -1);
  PUT (F_BEQ, 0, 5, 0, 40);
  PUT (F_XOR, 6, 6, 7, 0); /* the other mapping */
  PUT (F_ST8, 0, 8, 6, 0);
  PUT (F_FLUSH, 0, 9, 0, 1);
  PUT (F_BNE, 0, 5, 0, -56);
  PUT (F_STOP, 0, 0, 0, 0);
  s->x[5] = 101;
  s->x[6] = DATA | FAKE_RWX;
  s->x[7] = (DATA | FAKE_RWX) ^ ((DATA + 4096) | FAKE_RWX);
  s->x[8] = 0x80000 + 0x11 * 8;
  s->x[9] = 0x11000;
  s->root = table;
  fake_run (m, 0, 0x10000);
  g_assert_true (fake_wait (m));
  g_assert_cmpuint (s->n_exceptions, ==, 0);
  g_assert_cmpuint (s->x[1], ==, 51);
  g_assert_cmpuint (s->x[2], ==, 50);
  fake_machine_free (m);
}

static void
test_reset (void)
{
  FakeMachine *m = new_machine (1);
  FakeState *s = fake_state (m, 0);
  PUT (F_ADDI, 1, 1, 0, 3);
  PUT (F_STOP, 0, 0, 0, 0);
  go (m);
  vmt_exec_pause (m->exec);
  vmt_exec_reset (m->exec);
  VmtExecStats stats;
  vmt_exec_get_stats (m->exec, &stats);
  g_assert_cmpuint (stats.blocks_live, ==, 0);
  g_assert_cmpuint (vmt_ram_get_page_state (m->ram, CODE - FAKE_RAM), ==, 0);
  g_assert_cmpuint (s->x[1], ==, 0);
  /* a loader may write straight to memory now */
  FakeInsn insn = { F_ADDI, 1, 1, 0, 4 };
  memcpy (m->ram->host + CODE - FAKE_RAM, &insn, 8);
  vmt_exec_resume (m->exec);
  go (m);
  g_assert_cmpuint (s->x[1], ==, 4);
  fake_machine_free (m);
}

/* Floating point by the host's unit and by core/fp: the same, and the flags are right. */
static void
test_fp (void)
{
  FakeMachine *m = new_machine (1);
  FakeState *s = fake_state (m, 0);
  static const double values[] = { 0.0,   -0.0,  1.0,    1.5,    0.1,
                                   -3.7,  1e308, 1e-308, 5e-324, 2.2250738585072014e-308,
                                   1e200, 1e-200 };
  (void)m;
  PUT (F_FADD, 3, 1, 2, 0);
  PUT (F_FMUL, 4, 1, 2, 0);
  PUT (F_STOP, 0, 0, 0, 0);
  for (guint sticky = 0; sticky < 2; sticky++)
    for (guint i = 0; i < G_N_ELEMENTS (values); i++)
      for (guint j = 0; j < G_N_ELEMENTS (values); j++)
        {
          memcpy (&s->x[1], &values[i], 8);
          memcpy (&s->x[2], &values[j], 8);
          s->fp.flags = sticky ? VMT_FP_NX : 0;
          VmtFpEnv env = { .flags = s->fp.flags, .policy = VMT_FP_POLICY_RISCV };
          s->fp.policy = VMT_FP_POLICY_RISCV;
          guint64 sum = vmt_f64_add (s->x[1], s->x[2], &env);
          guint64 product = vmt_f64_mul (s->x[1], s->x[2], &env);
          go (m);
          g_assert_cmphex (s->x[3], ==, sum);
          g_assert_cmphex (s->x[4], ==, product);
          g_assert_cmphex (s->fp.flags, ==, env.flags);
        }
  fake_machine_free (m);
}

/* What runs often is compiled again; what led to the old code leads to the new one; both go with
 * the bytes that they were made of. */
static void
test_promotion (void)
{
  FakeMachine *m = fake_machine_new_with_tier (1, "baseline");
  if (m == NULL)
    return;
  VmtExecStats stats;
  FakeState *s = fake_state (m, 0);
  vmt_exec_set_promotion (m->exec, 10);
  vmt_exec_resume (m->exec);
  for (guint step = 1; step <= 3; step++)
    {
      pc = CODE;
      PUT (F_LI, 2, 0, 0, 1000);
      PUT (F_LI, 3, 0, 0, 0);
      PUT (F_ADDI, 3, 3, 0, (gint)step);
      PUT (F_ADDI, 2, 2, 0, -1);
      PUT (F_BNE, 0, 2, 0, -16);
      PUT (F_STOP, 0, 0, 0, 0);
      vmt_exec_invalidate (m->exec, m->ram, CODE - FAKE_RAM, pc - CODE);
      s->vcpu.icount = 0;
      go (m);
      g_assert_cmpuint (s->x[3], ==, 1000 * step);
      g_assert_cmpuint (s->vcpu.icount, ==, 3 + 3 * 1000);
      vmt_exec_get_stats (m->exec, &stats);
      /* the loop, which is a block of its own until then */
      g_assert_cmpuint (stats.promotions, ==, step);
    }
  g_assert_cmpuint (stats.blocks_live, <=, 4);
  /* at once, and never */
  static const guint others[] = { 0, G_MAXINT32 };
  for (guint i = 0; i < G_N_ELEMENTS (others); i++)
    {
      vmt_exec_set_promotion (m->exec, others[i]);
      vmt_exec_invalidate (m->exec, m->ram, CODE - FAKE_RAM, pc - CODE);
      go (m);
      g_assert_cmpuint (s->x[3], ==, 3000);
      vmt_exec_get_stats (m->exec, &stats);
      g_assert_cmpuint (stats.promotions, ==, 3);
    }
  fake_machine_free (m);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/exec/code/own-page", test_own_page);
  g_test_add_func ("/exec/code/same-block", test_same_block);
  g_test_add_func ("/exec/code/data-beside-code", test_data_beside_code);
  g_test_add_func ("/exec/code/release", test_release);
  g_test_add_func ("/exec/code/dma", test_dma);
  g_test_add_func ("/exec/code/other-vcpu", test_other_vcpu);
  g_test_add_func ("/exec/code/cache-limit", test_cache_limit);
  g_test_add_func ("/exec/code/shared-by-alias", test_shared_by_alias);
  g_test_add_func ("/exec/code/far-links", test_far_links);
  g_test_add_func ("/exec/code/reset", test_reset);
  g_test_add_func ("/exec/code/fp", test_fp);
  g_test_add_func ("/exec/code/promotion", test_promotion);
  return g_test_run ();
}
