/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "fake-arch.h"

#define CODE (FAKE_RAM + 0x10000)
#define DATA (FAKE_RAM + 0x40000)
#define N_VCPUS 4

static guint64 pc;
#define PUT(...) (fake_put (m, pc, __VA_ARGS__), pc += 8)

static FakeMachine *
new_machine (guint n)
{
  FakeMachine *m = fake_machine_new (n);
  vmt_exec_resume (m->exec);
  pc = CODE;
  return m;
}

static void
check_no_exceptions (FakeMachine *m)
{
  for (guint i = 0; i < vmt_exec_get_n_vcpus (m->exec); i++)
    g_assert_cmpuint (fake_state (m, i)->n_exceptions, ==, 0);
}

/* Everybody adds to one counter, by AMO, by a pair with nothing between, and by a pair that loads
 * between its two. */
static void
test_counters (void)
{
  FakeMachine *m = new_machine (N_VCPUS);
  enum
  {
    N = 20000
  };
  guint64 start = pc;
  PUT (F_AMOADD, 2, 1, 3, 0);
  guint64 retry = pc;
  PUT (F_LL, 4, 6, 0, 0);
  PUT (F_ADD, 4, 4, 3, 0);
  PUT (F_SC, 5, 6, 4, 0);
  PUT (F_BNE, 0, 5, 0, (gint32)(retry - pc));
  retry = pc;
  PUT (F_LL, 4, 7, 0, 0);
  PUT (F_LD8, 8, 9, 0, 0); /* not a constrained loop */
  PUT (F_ADD, 4, 4, 8, 0);
  PUT (F_SC, 5, 7, 4, 0);
  PUT (F_BNE, 0, 5, 0, (gint32)(retry - pc));
  PUT (F_ADDI, 10, 10, 0, -1);
  PUT (F_BNE, 0, 10, 0, (gint32)(start - pc));
  PUT (F_STOP, 0, 0, 0, 0);
  fake_put_u64 (m, DATA + 0x3000, 1);
  for (guint i = 0; i < N_VCPUS; i++)
    {
      FakeState *s = fake_state (m, i);
      s->x[1] = DATA;
      s->x[3] = 1;
      s->x[6] = DATA + 0x1000;
      s->x[7] = DATA + 0x2000;
      s->x[9] = DATA + 0x3000;
      s->x[10] = N;
    }
  for (guint i = 0; i < N_VCPUS; i++)
    fake_run (m, i, CODE);
  g_assert_true (fake_wait (m));
  check_no_exceptions (m);
  g_assert_cmpuint (fake_get_u64 (m, DATA), ==, N * N_VCPUS);
  g_assert_cmpuint (fake_get_u64 (m, DATA + 0x1000), ==, N * N_VCPUS);
  g_assert_cmpuint (fake_get_u64 (m, DATA + 0x2000), ==, N * N_VCPUS);
  fake_machine_free (m);
}

/* A lock-free stack whose nodes come back at once: a store-conditional that only compared values
 * would lose or double nodes (A-B-A). */
static void
test_stack (void)
{
  FakeMachine *m = new_machine (N_VCPUS);
  enum
  {
    NODES = 6,
    N = 6000
  };
  guint64 head = DATA, nodes = DATA + 0x1000;
  for (guint64 i = 0; i < NODES; i++)
    fake_put_u64 (m, nodes + i * 64, i + 1 < NODES ? nodes + (i + 1) * 64 : 0);
  fake_put_u64 (m, head, nodes);
  /* x1: head, x10: count; x2: popped node, and x3, a second one */
  guint64 start = pc;
  for (guint n = 2; n <= 3; n++)
    {
      guint64 pop = pc;
      PUT (F_LL, n, 1, 0, 0);
      PUT (F_BEQ, 0, n, 0, (gint32)(pop - pc)); /* empty: again */
      PUT (F_LD8, 4, n, 0, 0);
      PUT (F_SC, 5, 1, 4, 0);
      PUT (F_BNE, 0, 5, 0, (gint32)(pop - pc));
      /* it is ours alone: nobody else counts on it */
      PUT (F_LD8, 6, n, 0, 8);
      PUT (F_ADDI, 6, 6, 0, 1);
      PUT (F_ST8, 0, n, 6, 8);
    }
  for (guint n = 2; n <= 3; n++)
    {
      guint64 push = pc;
      PUT (F_LL, 4, 1, 0, 0);
      PUT (F_ST8, 0, n, 4, 0);
      PUT (F_SC, 5, 1, n, 0);
      PUT (F_BNE, 0, 5, 0, (gint32)(push - pc));
    }
  PUT (F_ADDI, 10, 10, 0, -1);
  PUT (F_BNE, 0, 10, 0, (gint32)(start - pc));
  PUT (F_STOP, 0, 0, 0, 0);
  /* four that each hold one and want one more would wait for ever with fewer than five */
  g_assert_cmpuint (NODES, >, N_VCPUS);
  for (guint i = 0; i < N_VCPUS; i++)
    {
      fake_state (m, i)->x[1] = head;
      fake_state (m, i)->x[10] = N;
    }
  for (guint i = 0; i < N_VCPUS; i++)
    fake_run (m, i, CODE);
  g_assert_true (fake_wait (m));
  check_no_exceptions (m);
  guint64 at = fake_get_u64 (m, head), n = 0, pops = 0;
  while (at != 0 && n <= NODES)
    {
      pops += fake_get_u64 (m, at + 8);
      at = fake_get_u64 (m, at);
      n++;
    }
  g_assert_cmpuint (n, ==, NODES);
  g_assert_cmpuint (pops, ==, 2 * N * N_VCPUS);
  fake_machine_free (m);
}

/* The same value stored again by another vCPU between the two is a store all the same. */
static void
hook_store_elsewhere (VmtVcpu *vcpu, guint64 a, guint64 b)
{
  FakeMachine *m = FAKE (vcpu)->data;
  FakeState *other = fake_state (m, 1);
  other->x[1] = a;
  other->x[2] = b;
  fake_run (m, 1, CODE + 0x1000);
  while (vmt_vcpu_get_power (&other->vcpu) != VMT_VCPU_STOPPED)
    {
      /* what it does may wait for this vCPU */
      g_usleep (50);
    }
}

static void
test_same_value (void)
{
  for (guint distance = 0; distance <= 64; distance += 32)
    {
      FakeMachine *m = new_machine (2);
      FakeState *s = fake_state (m, 0);
      /* the other one has written the page before, so it has to lose its entry */
      fake_state (m, 1)->x[1] = DATA;
      fake_put (m, CODE + 0x1000, F_ST8, 0, 1, 2, 0);
      fake_put (m, CODE + 0x1008, F_STOP, 0, 0, 0, 0);
      fake_run (m, 1, CODE + 0x1000);
      g_assert_true (fake_wait (m));

      s->hook = hook_store_elsewhere;
      s->data = m;
      s->x[1] = DATA;
      s->x[2] = DATA + distance;
      s->x[3] = 7;
      PUT (F_LL, 4, 1, 0, 0);
      PUT (F_CALL, 0, 2, 0, 0); /* stores x0 = 0 there */
      PUT (F_SC, 5, 1, 3, 0);
      PUT (F_STOP, 0, 0, 0, 0);
      fake_run (m, 0, CODE);
      g_assert_true (fake_wait (m));
      /* it fails within the 64 bytes, and only there */
      g_assert_cmpuint (s->x[5], ==, distance < 64);
      g_assert_cmpuint (fake_get_u64 (m, DATA), ==, distance < 64 ? 0 : 7);
      fake_machine_free (m);
    }
}

static void
add_one (VmtVcpu *vcpu, gpointer data)
{
  g_assert_true (vmt_vcpu_is_own (vcpu));
  (*(guint *)data)++;
}

/* Functions run on vCPUs that loop, wait and are stopped, from several threads, with and without
 * waiting, while the machine is paused and resumed. */
typedef struct
{
  FakeMachine *m;
  guint counts[N_VCPUS];
  guint seed, n;
} Storm;

static gpointer
storm_thread (gpointer data)
{
  Storm *storm = data;
  for (guint i = 0; i < storm->n; i++)
    {
      guint v = (i * 7 + storm->seed) % N_VCPUS;
      vmt_vcpu_run_on (vmt_exec_get_vcpu (storm->m->exec, v), add_one, &storm->counts[v],
                       i % 3 != 0);
      if (i % 16 == 0)
        vmt_vcpu_request (vmt_exec_get_vcpu (storm->m->exec, v), VMT_VCPU_RELOOKUP);
    }
  return NULL;
}

static void
hook_run_on (VmtVcpu *vcpu, guint64 a, guint64 b)
{
  FakeMachine *m = FAKE (vcpu)->data;
  guint count = 0;
  vmt_vcpu_run_on (vmt_exec_get_vcpu (m->exec, (guint)a), add_one, &count, TRUE);
  g_assert_cmpuint (count, ==, 1);
}

static void
paused_check (VmtExec *exec, gpointer data)
{
  guint64 *sum = data;
  for (guint i = 0; i < vmt_exec_get_n_vcpus (exec); i++)
    *sum += vmt_exec_get_vcpu (exec, i)->icount;
}

static void
test_storm (void)
{
  FakeMachine *m = new_machine (N_VCPUS);
  /* two loop, and ask each other; one waits for interrupts; one is never started */
  PUT (F_ADDI, 1, 1, 0, 1);
  PUT (F_CALL, 0, 2, 0, 0);
  PUT (F_BEQ, 0, 3, 0, -16);
  PUT (F_STOP, 0, 0, 0, 0);
  for (guint i = 0; i < 2; i++)
    {
      FakeState *s = fake_state (m, i);
      s->hook = hook_run_on;
      s->data = m;
      s->x[2] = 1 - i;
      fake_run (m, i, CODE);
    }
  pc = CODE + 0x1000;
  PUT (F_WFI, 0, 0, 0, 0);
  PUT (F_BEQ, 0, 3, 0, -8);
  PUT (F_STOP, 0, 0, 0, 0);
  fake_run (m, 2, CODE + 0x1000);

  Storm storms[3] = { { m, { 0 }, 1, 1500 }, { m, { 0 }, 2, 1500 }, { m, { 0 }, 3, 1500 } };
  GThread *threads[3];
  for (guint i = 0; i < 3; i++)
    threads[i] = g_thread_new ("storm", storm_thread, &storms[i]);
  for (guint i = 0; i < 50; i++)
    {
      guint64 before = 0, after = 0;
      vmt_exec_pause (m->exec);
      paused_check (m->exec, &before);
      g_usleep (100);
      paused_check (m->exec, &after);
      g_assert_cmpuint (before, ==, after);
      vmt_exec_resume (m->exec);
      vmt_exec_at_safepoint (m->exec, paused_check, &after);
    }
  for (guint i = 0; i < 3; i++)
    g_thread_join (threads[i]);
  vmt_exec_pause (m->exec);
  for (guint i = 0; i < 4; i++)
    fake_state (m, i)->x[3] = 1;
  __atomic_store_n (&fake_state (m, 2)->pending, 1, __ATOMIC_SEQ_CST);
  vmt_vcpu_request (&fake_state (m, 2)->vcpu, VMT_VCPU_INTERRUPT);
  vmt_exec_resume (m->exec);
  g_assert_true (fake_wait (m));
  vmt_exec_stop (m->exec);
  for (guint i = 0; i < 3; i++)
    {
      guint sum = 0;
      for (guint v = 0; v < N_VCPUS; v++)
        sum += storms[i].counts[v];
      g_assert_cmpuint (sum, ==, 1500);
    }
  check_no_exceptions (m);
  fake_machine_free (m);
}

/* Waiting costs nothing, and ends by an interrupt or at the deadline. */
static void
test_wait (void)
{
  FakeMachine *m = new_machine (1);
  FakeState *s = fake_state (m, 0);
  PUT (F_WFI, 0, 0, 0, 0);
  PUT (F_STOP, 0, 0, 0, 0);

  fake_run (m, 0, CODE);
  g_usleep (20000);
  g_assert_cmpint (vmt_vcpu_get_power (&s->vcpu), ==, VMT_VCPU_STARTED);
  VmtExecStats stats;
  vmt_exec_get_stats (m->exec, &stats);
  g_assert_cmpuint (stats.sleeps, <, 10);
  __atomic_store_n (&s->pending, 1, __ATOMIC_SEQ_CST);
  vmt_vcpu_request (&s->vcpu, VMT_VCPU_INTERRUPT);
  g_assert_true (fake_wait (m));
  g_assert_cmpuint (s->n_interrupts, ==, 1);

  for (guint i = 0; i < 20; i++)
    {
      guint64 at = vmt_vcpu_get_time (&s->vcpu) + 2000000;
      s->deadline = at;
      s->masked = TRUE;
      fake_run (m, 0, CODE);
      g_assert_true (fake_wait (m));
      g_assert_cmpuint (vmt_vcpu_get_time (&s->vcpu), >=, at);
    }
  vmt_exec_get_stats (m->exec, &stats);
  g_assert_cmpuint (stats.sleeps, <, 200);
  fake_machine_free (m);
}

static void
hook_arm (VmtVcpu *vcpu, guint64 a, guint64 b)
{
  FAKE (vcpu)->deadline = vmt_vcpu_get_time (vcpu) + a;
  FAKE (vcpu)->x[9] = FAKE (vcpu)->deadline;
  vmt_vcpu_deadline_changed (vcpu);
}

static void
hook_check (VmtVcpu *vcpu, guint64 a, guint64 b)
{
  FAKE (vcpu)->x[4] = FAKE (vcpu)->n_interrupts;
}

/* The deadline interrupts running code too. */
static void
test_deadline_running (void)
{
  FakeMachine *m = new_machine (2);
  FakeState *s = fake_state (m, 0);
  s->hook = hook_arm;
  s->x[1] = 3000000;
  PUT (F_CALL, 0, 1, 0, 0);
  PUT (F_ADDI, 5, 5, 0, 1);
  PUT (F_LD8, 4, 6, 0, 0);
  PUT (F_BEQ, 0, 4, 0, -16);
  PUT (F_STOP, 0, 0, 0, 0);
  s->x[6] = DATA;
  fake_run (m, 0, CODE);
  gint64 end = g_get_monotonic_time () + 5 * G_TIME_SPAN_SECOND;
  while (__atomic_load_n (&s->n_interrupts, __ATOMIC_RELAXED) == 0 && g_get_monotonic_time () < end)
    g_usleep (200);
  g_assert_cmpuint (__atomic_load_n (&s->n_interrupts, __ATOMIC_RELAXED), ==, 1);
  fake_put_u64 (m, DATA, 1);
  g_assert_true (fake_wait (m));
  g_assert_cmpuint (vmt_vcpu_get_time (&s->vcpu), >=, s->x[9]);
  (void)hook_check;
  fake_machine_free (m);
}

/* Interrupts while everybody rewrites and runs code. */
static void
test_invalidation_stress (void)
{
  FakeMachine *m = new_machine (N_VCPUS);
  enum
  {
    N = 3000
  };
  /* each has a function of its own in one common page, rewrites and calls it */
  guint64 loop = pc;
  PUT (F_ADD, 2, 2, 3, 0);
  PUT (F_ST8, 0, 1, 2, 0);
  PUT (F_FENCEI, 0, 0, 0, 0);
  PUT (F_AUIPC, 9, 0, 0, 16);
  PUT (F_JR, 0, 1, 0, 0);
  PUT (F_ADD, 5, 5, 4, 0);
  PUT (F_ADDI, 10, 10, 0, -1);
  PUT (F_BNE, 0, 10, 0, (gint32)(loop - pc));
  PUT (F_STOP, 0, 0, 0, 0);
  for (guint i = 0; i < N_VCPUS; i++)
    {
      FakeState *s = fake_state (m, i);
      FakeInsn insn = { F_LI, 4, 0, 0, 0 };
      s->x[1] = DATA + i * 32;
      s->x[2] = *(guint64 *)&insn;
      s->x[3] = G_GUINT64_CONSTANT (1) << 32;
      s->x[10] = N;
      fake_put (m, DATA + i * 32, F_LI, 4, 0, 0, 0);
      fake_put (m, DATA + i * 32 + 8, F_JR, 0, 9, 0, 0);
    }
  for (guint i = 0; i < N_VCPUS; i++)
    fake_run (m, i, CODE);
  for (guint i = 0; i < 100; i++)
    {
      for (guint v = 0; v < N_VCPUS; v++)
        vmt_vcpu_request (&fake_state (m, v)->vcpu, VMT_VCPU_INTERRUPT);
      g_usleep (200);
    }
  g_assert_true (fake_wait (m));
  check_no_exceptions (m);
  for (guint i = 0; i < N_VCPUS; i++)
    g_assert_cmpuint (fake_state (m, i)->x[5], ==, N * (N + 1) / 2);
  VmtExecStats stats;
  vmt_exec_get_stats (m->exec, &stats);
  g_assert_cmpuint (stats.bytes, <, 4 << 20);
  fake_machine_free (m);
}

/* Dekker's handshake needs the fence between store and load. */
static void
test_fence (void)
{
  FakeMachine *m = new_machine (2);
  enum
  {
    N = 30000
  };
  /* both in step by a counter that each adds to: x = 1; fence; read y. Never may both have read 0.
   */
  guint64 loop = pc;
  PUT (F_AMOADD, 5, 6, 7, 0);
  PUT (F_LD8, 5, 6, 0, 0);
  PUT (F_BLTU, 0, 5, 8, -8);
  PUT (F_ST8, 0, 1, 7, 0);
  PUT (F_FENCE, 0, 0, 0, 0);
  PUT (F_LD8, 3, 2, 0, 0);
  PUT (F_ST8, 0, 11, 3, 0);
  PUT (F_ADDI, 1, 1, 0, 64);
  PUT (F_ADDI, 2, 2, 0, 64);
  PUT (F_ADDI, 11, 11, 0, 64);
  PUT (F_ADDI, 8, 8, 0, 2);
  PUT (F_ADDI, 10, 10, 0, -1);
  PUT (F_BNE, 0, 10, 0, (gint32)(loop - pc));
  PUT (F_STOP, 0, 0, 0, 0);
  guint64 area = FAKE_RAM + 0x400000;
  for (guint64 i = 0; i < 2; i++)
    {
      FakeState *s = fake_state (m, (guint)i);
      s->x[6] = DATA;
      s->x[7] = 1;
      s->x[8] = 2;
      s->x[10] = N;
      s->x[1] = area + i * 16;
      s->x[2] = area + (1 - i) * 16;
      s->x[11] = area + 8 + i * 16;
    }
  fake_run (m, 0, CODE);
  fake_run (m, 1, CODE);
  g_assert_true (fake_wait (m));
  check_no_exceptions (m);
  for (guint64 i = 0; i < N; i++)
    g_assert_true (fake_get_u64 (m, area + i * 64 + 8) != 0 ||
                   fake_get_u64 (m, area + i * 64 + 24) != 0);
  fake_machine_free (m);
}

/* Created, used a little and freed, over and over. */
static void
test_lives (void)
{
  for (guint i = 0; i < 100; i++)
    {
      FakeMachine *m = fake_machine_new (1 + i % 4);
      if (i % 3 != 0)
        {
          vmt_exec_resume (m->exec);
          fake_put (m, CODE, F_STOP, 0, 0, 0, 0);
          fake_run (m, 0, CODE);
          g_assert_true (fake_wait (m));
        }
      fake_machine_free (m);
    }
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/exec/threads/counters", test_counters);
  g_test_add_func ("/exec/threads/stack", test_stack);
  g_test_add_func ("/exec/threads/same-value", test_same_value);
  g_test_add_func ("/exec/threads/storm", test_storm);
  g_test_add_func ("/exec/threads/wait", test_wait);
  g_test_add_func ("/exec/threads/deadline-running", test_deadline_running);
  g_test_add_func ("/exec/threads/invalidation-stress", test_invalidation_stress);
  g_test_add_func ("/exec/threads/fence", test_fence);
  g_test_add_func ("/exec/threads/lives", test_lives);
  return g_test_run ();
}
