/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Emitted code against the reference evaluator: random blocks from the same state; all globals,
 * memory, floating-point flags, the exception, pc and count must agree, with a TLB that knows
 * nothing and with one that does. Blocks of every class of ops, and chains of floating point under
 * all rounding modes, of values of the kinds where formats and processors differ. */
#include <string.h>

#include "vmt.h"
#include "vmt-fast.h"
#include "vmt-ir-eval.h"
#include "vmt-ir-random.h"

#define RAM 0x80000000u
#define RAM_SIZE (32u << 10)
#define CODE (RAM + 0x2000)
#define DATA (RAM + 0x3fe0) /* over a page's end */
#define DATA_SIZE 64u
#define N_INT 16u
#define N_FP 8u

typedef struct
{
  VmtVcpu vcpu;
  VmtFpEnv fp;
  guint64 x[N_INT], f[N_FP];
  VmtIrFlags n[2];
  guint64 q[2][2];
  guint space; /* of two, which have other data at the same addresses */
} State;

#define X(i)                                                                                       \
  {                                                                                                \
    "x" #i, VMT_IR_I64, G_STRUCT_OFFSET (State, x[i])                                              \
  }
#define F(i)                                                                                       \
  {                                                                                                \
    "f" #i, VMT_IR_F64, G_STRUCT_OFFSET (State, f[i])                                              \
  }
static const VmtIrGlobal globals[] = {
  X (0),
  X (1),
  X (2),
  X (3),
  X (4),
  X (5),
  X (6),
  X (7),
  X (8),
  X (9),
  X (10),
  X (11),
  X (12),
  X (13),
  X (14),
  X (15),
  F (0),
  F (1),
  F (2),
  F (3),
  F (4),
  F (5),
  F (6),
  F (7),
  { "n0", VMT_IR_FLAGS, G_STRUCT_OFFSET (State, n[0]) },
  { "n1", VMT_IR_FLAGS, G_STRUCT_OFFSET (State, n[1]) },
  { "q0", VMT_IR_I128, G_STRUCT_OFFSET (State, q[0]) },
  { "q1", VMT_IR_I128, G_STRUCT_OFFSET (State, q[1]) },
};
#define GLOBAL_X(i) VMT_IR_GLOBAL (i)
#define GLOBAL_F(i) VMT_IR_GLOBAL (N_INT + (i))

/* Some globals live in registers, some do not. */
static const VmtIrVal hot[] = { 3, 1, 0, 4, 15, 7, 9 };

static guint64
help_mix (VmtVcpu *vcpu, guint64 a, guint64 b, guint64 c)
{
  return a * 3 + (b ^ c);
}

/* What reads and writes of a control register do. */
static guint64
help_environment (VmtVcpu *vcpu, guint64 a, guint64 b, guint64 c)
{
  State *s = (State *)vcpu;
  const guint64 old = s->fp.flags | (guint64)s->fp.round << 8;
  s->fp.flags = b & 31;
  s->fp.round = a % 5;
  s->f[c % N_FP] ^= old;
  return old;
}

static guint64
help_fault (VmtVcpu *vcpu, guint64 a, guint64 b, guint64 c)
{
  if ((a & 3) == 0)
    vmt_vcpu_raise (vcpu, 99, vcpu->pc);
  return a;
}

static guint64
help_get_flags (VmtVcpu *vcpu, guint64 a, guint64 b, guint64 c)
{
  return ((State *)vcpu)->fp.flags & 31;
}

static guint64
help_set_flags (VmtVcpu *vcpu, guint64 a, guint64 b, guint64 c)
{
  ((State *)vcpu)->fp.flags = a & 31;
  return 0;
}

static guint64
help_space (VmtVcpu *vcpu, guint64 a, guint64 b, guint64 c)
{
  State *s = (State *)vcpu;
  s->space = a & 1;
  vmt_tlb_select (vcpu, s->space, s->space);
  return 0;
}

static const VmtIrHelper helpers[] = {
  { "mix", help_mix, VMT_HELPER_PURE },
  { "environment", help_environment, VMT_HELPER_READS | VMT_HELPER_WRITES },
  { "fault", help_fault, VMT_HELPER_READS | VMT_HELPER_FAULTS | VMT_HELPER_PC },
  { "get_flags", help_get_flags, VMT_HELPER_READS | VMT_HELPER_GET_FP_FLAGS },
  { "set_flags", help_set_flags, VMT_HELPER_SET_FP_FLAGS },
  { "space", help_space, VMT_HELPER_READS | VMT_HELPER_WRITES },
};

static gboolean
translate (VmtVcpu *vcpu, guint64 va, guint size, VmtAccess access, VmtTranslation *out)
{
  if (va < RAM || va >= RAM + RAM_SIZE || (access == VMT_ACCESS_STORE && va < RAM + 0x1000))
    {
      vmt_vcpu_raise (vcpu, access, va);
      return FALSE;
    }
  *out = (VmtTranslation){ .pa = va, .page_shift = 12, .access = 7 };
  if (((State *)vcpu)->space != 0 && va >= CODE + 0x1000 && va < CODE + 0x3000)
    out->pa += va < CODE + 0x2000 ? 0x3000 : 0x1000;
  if (va < RAM + 0x1000)
    out->access = VMT_ACCESS_LOAD;
  return TRUE;
}

static void
raise_fault (VmtVcpu *vcpu, VmtFaultKind kind, guint64 va, VmtAccess access)
{
  vmt_vcpu_raise (vcpu, 16 + 8 * kind + access, va);
}

static const VmtArchOps arch = {
  .struct_size = sizeof (VmtArchOps),
  .name = "random",
  .state_size = sizeof (State),
  .globals = globals,
  .n_globals = G_N_ELEMENTS (globals),
  .helpers = helpers,
  .n_helpers = G_N_ELEMENTS (helpers),
  .fp_policy = VMT_FP_POLICY_RISCV,
  .fp_env_offset = G_STRUCT_OFFSET (State, fp),
  .hot = hot,
  .n_hot = G_N_ELEMENTS (hot),
  .translate = translate,
  .raise_fault = raise_fault,
};

static void
mem_misaligned (VmtVcpu *vcpu, guint64 va, guint size, gboolean store)
{
  raise_fault (vcpu, VMT_FAULT_MISALIGNED, va, store ? VMT_ACCESS_STORE : VMT_ACCESS_LOAD);
}

static void
mem_fence (VmtVcpu *vcpu, guint predecessor, guint successor)
{
}

static void
mem_raise (VmtVcpu *vcpu, guint64 cause, guint64 value)
{
  vmt_vcpu_raise (vcpu, cause, value);
}

static gboolean
mem_pending (VmtVcpu *vcpu)
{
  return vcpu->fault_pending != 0;
}

static void
mem_set_pc (VmtVcpu *vcpu, guint64 pc)
{
  vcpu->pc = pc;
}

static const VmtIrMemOps mem_ops = {
  .load = vmt_vcpu_load,
  .store = vmt_vcpu_store,
  .load_linked = vmt_vcpu_load_linked,
  .store_conditional = vmt_vcpu_store_conditional,
  .amo = vmt_vcpu_amo,
  .load_linked128 = vmt_vcpu_load_linked128,
  .store_conditional128 = vmt_vcpu_store_conditional128,
  .cas = vmt_vcpu_cas,
  .misaligned = mem_misaligned,
  .probe = vmt_vcpu_probe,
  .fence = mem_fence,
  .raise = mem_raise,
  .fault_pending = mem_pending,
  .set_pc = mem_set_pc,
};

typedef struct
{
  VmtRam *ram;
  VmtAddressSpace *space;
  VmtTier *tier;
  VmtExec *exec;
  State *state;
} Fixture;

static guint64
get_time (gpointer data)
{
  return 0;
}

/* FALSE: this host has no such tier. */
static gboolean
set_up (Fixture *f)
{
  GError *error = NULL;
  VmtExecHost host = { .get_time = get_time };
  VmtObject *tier =
      vmt_registry_create (vmt_registry_get_default (), VMT_FEATURE_TIER, "baseline", &error);
  g_assert_no_error (error);
  f->tier = VMT_TIER (g_object_ref_sink (tier));
  if (!vmt_tier_probe (f->tier, &error))
    {
      g_test_skip (error->message);
      g_error_free (error);
      g_object_unref (f->tier);
      return FALSE;
    }
  f->ram = vmt_ram_new ("ram", RAM_SIZE, VMT_RAM_ANON, NULL, &error);
  f->space = vmt_address_space_new ("test");
  vmt_address_space_add_ram (f->space, RAM, f->ram, 0, RAM_SIZE, FALSE, NULL, &error);
  g_assert_no_error (error);
  f->exec = vmt_exec_new (f->space, f->tier, &host);
  f->state = (State *)vmt_exec_add_vcpu (f->exec, &arch, NULL, 0);
  return TRUE;
}

static void
tear_down (Fixture *f)
{
  vmt_exec_free (f->exec);
  g_object_unref (f->tier);
  vmt_address_space_unref (f->space);
  vmt_ram_unref (f->ram);
}

typedef struct
{
  State state; /* of which the vCPU's part is not meant */
  guint8 memory[RAM_SIZE];
  guint64 pc, retired;
  gboolean fault;
  VmtFault cause;
} Outcome;

static void
prepare (Fixture *f, const Outcome *start)
{
  VmtVcpu *vcpu = &f->state->vcpu;
  memcpy ((guint8 *)f->state + sizeof (VmtVcpu), (const guint8 *)&start->state + sizeof (VmtVcpu),
          sizeof (State) - sizeof (VmtVcpu));
  memcpy (f->ram->host, start->memory, RAM_SIZE);
  vcpu->fault_pending = 0;
  vcpu->pc = start->pc;
  vcpu->page_va = CODE;
  vcpu->icount = 0;
  memset (&vcpu->fault, 0, sizeof vcpu->fault);
  vmt_tlb_select (vcpu, f->state->space, f->state->space);
  vmt_vcpu_clear_reservation (vcpu);
  /* leaves at the first exit */
  vcpu->exit_request = VMT_VCPU_RELOOKUP;
}

static void
collect (Fixture *f, Outcome *o)
{
  VmtVcpu *vcpu = &f->state->vcpu;
  memcpy ((guint8 *)&o->state + sizeof (VmtVcpu), (guint8 *)f->state + sizeof (VmtVcpu),
          sizeof (State) - sizeof (VmtVcpu));
  memcpy (o->memory, f->ram->host, RAM_SIZE);
  o->pc = vcpu->pc;
  o->retired = vcpu->icount;
  o->fault = vcpu->fault_pending != 0;
  o->cause = vcpu->fault;
}

/* NULL: they are the same. */
static const char *
difference (const Outcome *a, const Outcome *b)
{
  for (guint i = 0; i < G_N_ELEMENTS (globals); i++)
    {
      const gsize size = globals[i].type == VMT_IR_FLAGS  ? sizeof (VmtIrFlags)
                         : globals[i].type == VMT_IR_I128 ? 16
                                                          : 8;
      if (memcmp ((const guint8 *)&a->state + globals[i].offset,
                  (const guint8 *)&b->state + globals[i].offset, size) != 0)
        return globals[i].name;
    }
  return memcmp (a->memory, b->memory, RAM_SIZE) != 0 ? "memory"
         : a->state.fp.flags != b->state.fp.flags || a->state.fp.round != b->state.fp.round ? "fp"
         : a->pc != b->pc                                                                   ? "pc"
         : a->retired != b->retired ? "count"
         : a->fault != b->fault || (a->fault && memcmp (&a->cause, &b->cause, sizeof a->cause) != 0)
             ? "exception"
             : NULL;
}

/* From instruction *@first on. Returns whether it went to an instruction of the block that lies
 * further on, or anywhere (@back), where the tier may go on without coming back; that one in
 * *@first. */
static gboolean
evaluate (Fixture *f, const VmtIrBlock *ir, VmtIrValue *values, guint *first, Outcome *expected,
          gboolean back)
{
  VmtIrEval eval = { .vcpu = &f->state->vcpu,
                     .block = ir,
                     .mem = &mem_ops,
                     .values = values,
                     .page_va = CODE,
                     .budget = G_MAXINT64 };
  const guint64 retired = f->state->vcpu.icount;
  const guint begin = *first;
  VmtIrEvalExit exit = VMT_IR_EVAL_NEXT;
  eval.insn = begin;
  for (guint op = ir->insns[begin].first_op; exit == VMT_IR_EVAL_NEXT; op++)
    {
      while (eval.insn + 1 < ir->n_insns && ir->insns[eval.insn + 1].first_op <= op)
        eval.insn++;
      if (ir->ops[op].opcode != VMT_IR_EXT)
        exit = vmt_ir_eval_op (&eval, op);
    }
  const gboolean fault = exit == VMT_IR_EVAL_FAULT || exit == VMT_IR_EVAL_BUDGET;
  collect (f, expected);
  expected->retired = retired + eval.insn - begin + !fault;
  expected->pc = fault ? CODE + (guint64)(gint64)ir->insns[eval.insn].page_offset : eval.pc;
  f->state->vcpu.icount = expected->retired;
  if (exit != VMT_IR_EVAL_JUMP)
    return FALSE;
  for (guint i = back ? 0 : eval.insn + 1; i < ir->n_insns; i++)
    if (CODE + (guint64)(gint64)ir->insns[i].page_offset == eval.pc)
      {
        *first = i;
        return TRUE;
      }
  return FALSE;
}

/* @loops: jumps back stay in the block, too. */
static void
run_block (Fixture *f, VmtIrBlock *ir, Outcome *start, guint seed, gboolean loops)
{
  static VmtIrValue values[1024];
  VmtVcpu *vcpu = &f->state->vcpu;
  static Outcome expected[16], got;
  guint n = 0, first = 0;
  gboolean more = TRUE;
  g_assert_cmpuint (ir->n_temps, <=, G_N_ELEMENTS (values));
  start->pc = CODE + (guint64)(gint64)ir->insns[0].page_offset;
  prepare (f, start);
  while (more && n < G_N_ELEMENTS (expected))
    more = evaluate (f, ir, values, &first, &expected[n++], loops);
  if (more)
    return;

  VmtExecBlock block = { .ir = ir,
                         .pa = start->pc,
                         .ram = f->ram,
                         .ram_offset = start->pc - RAM,
                         .size = 64,
                         /* a loop is one block at level 1 only */
                         .level = loops || seed % 2 != 0 };
  g_assert_true (vmt_tier_compile (f->tier, &arch, &block));
  vmt_tlb_flush_all (vcpu);
  for (guint run = 0; run < 2 && !g_test_failed (); run++)
    {
      const char *what = NULL;
      prepare (f, start);
      if (loops)
        vcpu->exit_request = 0;
      block.entry (vcpu, &block);
      collect (f, &got);
      for (guint i = 0; i < n; i++)
        {
          what = difference (&expected[i], &got);
          if (what == NULL)
            break;
        }
      if (what == NULL)
        continue;
      g_autofree char *text = vmt_ir_block_to_text (ir);
      const Outcome *e = &expected[n - 1];
      g_test_message ("seed %u, %s: %s differs: pc %#" G_GINT64_MODIFIER "x %#" G_GINT64_MODIFIER
                      "x, count %" G_GUINT64_FORMAT " %" G_GUINT64_FORMAT
                      ", fp flags %x %x (before: %x, round %u), fault %d %d",
                      seed, run == 0 ? "cold" : "warm", what, e->pc, got.pc, e->retired,
                      got.retired, e->state.fp.flags, got.state.fp.flags, start->state.fp.flags,
                      start->state.fp.round, e->fault, got.fault);
      for (guint i = 0; i < N_INT; i++)
        g_test_message ("x%-2u %016" G_GINT64_MODIFIER "x %016" G_GINT64_MODIFIER
                        "x %016" G_GINT64_MODIFIER "x%s",
                        i, start->state.x[i], e->state.x[i], got.state.x[i],
                        e->state.x[i] != got.state.x[i] ? " !" : "");
      for (guint i = 0; i < N_FP; i++)
        g_test_message ("f%-2u %016" G_GINT64_MODIFIER "x %016" G_GINT64_MODIFIER
                        "x %016" G_GINT64_MODIFIER "x%s",
                        i, start->state.f[i], e->state.f[i], got.state.f[i],
                        e->state.f[i] != got.state.f[i] ? " !" : "");
      g_test_message ("%s", text);
      g_test_fail ();
    }
  vmt_tier_kill (f->tier, &block);
  vmt_tier_discard (f->tier, &block);
}

static guint64
special_fp (GRand *rnd)
{
  static const guint32 high[] = { 0,          0x80000000, 0x3ff00000, 0xbff80000, 0x7ff00000,
                                  0xfff00000, 0x7ff80000, 0xfff80000, 0x7ff40000, 0x000fffff,
                                  0x00100000, 0x7fefffff, 0x41e00000, 0xc1e00000, 0x43e00000,
                                  0xc3e00000, 0x43f00000, 0x41f00000, 0x36a00000, 0x47efffff,
                                  0x38100000, 0x380fffff, 0x3fe00000, 0x40040000, 0x1e600000 };
  static const guint32 low[] = { 0, 0, 1, 0xffffffff, 0x80000000, 0xe0000000, 0xf0000000 };
  static const guint32 singles[] = { 0,          0x80000000, 0x3f800000, 0xbfc00000, 0x7f800000,
                                     0xff800000, 0x7fc00000, 0xffc00000, 0x7fa00000, 0xff800001,
                                     0x00000001, 0x807fffff, 0x00800000, 0x7f7fffff, 0xff7fffff,
                                     0x3f800001, 0x4f000000, 0x5f000000, 0xcf000001, 0x4b800000,
                                     0x4f800000, 0x5f800000, 0x3f000000, 0x1f800000, 0x00ffffff };
  const guint64 boxes = G_GUINT64_CONSTANT (0xffffffff00000000);
  const guint64 v = (guint64)g_rand_int (rnd) << 32 | g_rand_int (rnd);
  switch (g_rand_int_range (rnd, 0, 8))
    {
    case 0:
    case 1:
      return (guint64)high[v % G_N_ELEMENTS (high)] << 32 | low[(v >> 32) % G_N_ELEMENTS (low)];
    case 2:
    case 3:
      return boxes | singles[v % G_N_ELEMENTS (singles)];
    case 4:
      return boxes | (v & 0x83ffffff) | 0x3c000000;
    case 5:
      /* few digits: ties and exact results */
      return (v & G_GUINT64_CONSTANT (0x8070000000000000)) |
             G_GUINT64_CONSTANT (0x3f80000000000000) | (v & 3) << 50;
    case 6:
      return (v & G_GUINT64_CONSTANT (0x803fffffffffffff)) |
             G_GUINT64_CONSTANT (0x3fc0000000000000);
    default:
      return v;
    }
}

static void
randomise (GRand *rnd, Outcome *start)
{
  State *s = &start->state;
  memset (s, 0, sizeof *s);
  vmt_ir_random_state (&arch, g_rand_int (rnd), &s->vcpu);
  for (guint i = 0; i < N_FP; i++)
    if (g_rand_boolean (rnd))
      s->f[i] = special_fp (rnd);
  for (guint i = 8; i < N_INT; i++)
    {
      s->x[i] = DATA + 8u * (guint)g_rand_int_range (rnd, 0, 6);
      if (g_rand_int_range (rnd, 0, 10) == 0)
        s->x[i] += (guint64)g_rand_int_range (rnd, 0, 8);
      if (g_rand_int_range (rnd, 0, 40) == 0)
        s->x[i] = g_rand_boolean (rnd) ? RAM : RAM + RAM_SIZE - 4;
    }
  s->fp.policy = VMT_FP_POLICY_RISCV;
  s->fp.round = (guint8)(g_rand_int_range (rnd, 0, 3) == 0 ? 0 : g_rand_int_range (rnd, 0, 5));
  s->fp.flags = (guint8)(g_rand_boolean (rnd) ? 0 : g_rand_int_range (rnd, 0, 32));
  for (guint i = 0; i < RAM_SIZE; i += 8)
    {
      const guint64 v = (i & 8) ? special_fp (rnd) : (guint64)g_rand_int (rnd) << 32 | i;
      memcpy (start->memory + i, &v, 8);
    }
}

static guint32
seed_of (guint i)
{
  const char *wanted = g_getenv ("VMT_TEST_BLOCK");
  return wanted != NULL ? (guint32)g_ascii_strtoull (wanted, NULL, 0)
                        : (guint32)g_test_rand_int () ^ i;
}

static void
random_blocks (guint classes, guint wild, guint n)
{
  static Outcome start;
  Fixture f;
  if (!set_up (&f))
    return;
  for (guint i = 0; i < (g_test_slow () ? n * 50 : n) && !g_test_failed (); i++)
    {
      const guint32 seed = seed_of (i);
      GRand *rnd = g_rand_new_with_seed (seed);
      const VmtIrRandomConfig config = { classes, (guint)g_rand_int_range (rnd, 1, 60), DATA,
                                         DATA_SIZE, wild };
      VmtIrBlock *ir = vmt_ir_random_block (&arch, seed, &config);
      randomise (rnd, &start);
      g_assert_true (vmt_ir_block_verify (ir, NULL));
      run_block (&f, ir, &start, seed, FALSE);
      vmt_ir_block_free (ir);
      g_rand_free (rnd);
    }
  tear_down (&f);
}

static void
test_integers (void)
{
  random_blocks (VMT_IR_RANDOM_INT | VMT_IR_RANDOM_EXITS, 0, 3000);
}

static void
test_memory (void)
{
  random_blocks (VMT_IR_RANDOM_INT | VMT_IR_RANDOM_MEM | VMT_IR_RANDOM_EXITS, 20, 3000);
}

static void
test_riscv (void)
{
  random_blocks (VMT_IR_RANDOM_RISCV, 10, 3000);
}

static void
test_all (void)
{
  random_blocks (VMT_IR_RANDOM_ALL, 10, 3000);
}

/* --- chains of floating point --- */

typedef struct
{
  GRand *rnd;
  VmtIrBuilder *b;
  VmtIrVal temps[16];
  guint n_temps;
  gboolean loops; /* nothing but its end leaves the block */
} Chain;

static guint
below (Chain *m, guint n)
{
  return (guint)g_rand_int_range (m->rnd, 0, (gint)n);
}

static VmtIrVal
operand (Chain *m)
{
  if (m->n_temps > 0 && below (m, 5) == 0)
    return m->temps[below (m, m->n_temps)];
  if (below (m, 30) == 0)
    return vmt_ir_const (m->b, special_fp (m->rnd));
  return GLOBAL_F (below (m, N_FP));
}

static void
set (Chain *m, VmtIrVal value)
{
  if (below (m, 6) == 0)
    m->temps[m->n_temps < G_N_ELEMENTS (m->temps) ? m->n_temps++ : below (m, m->n_temps)] = value;
  else
    vmt_ir_set (m->b, GLOBAL_F (below (m, N_FP)), value);
}

/* @single: of 100 so many are. @strict: of 100 ops so many have a rounding mode of their own. */
static void
chain_op (Chain *m, guint single, guint strict)
{
  const gboolean s = below (m, 100) < single;
  const VmtIrType type = s ? VMT_IR_F32 : VMT_IR_F64;
  const guint flags = s ? VMT_IR_BOXED : 0;
  const gint32 round = below (m, 100) < strict ? (gint32)below (m, 5) : 7;
  const VmtIrType width = below (m, 2) ? VMT_IR_I64 : VMT_IR_I32;
  const guint u = below (m, 2) << 12;
  VmtIrVal x = GLOBAL_X (below (m, 7)); /* x7 counts */
  VmtIrBuilder *b = m->b;
  switch (below (m, 24))
    {
    case 0:
    case 1:
    case 2:
    case 3:
    case 4:
    case 5:
    case 6:
      set (m, vmt_ir_op2 (b, (VmtIrOpcode)(VMT_IR_FADD + (gint)below (m, 4)), type, flags,
                          operand (m), operand (m), round));
      break;
    case 7:
      set (m, vmt_ir_op1 (b, VMT_IR_FSQRT, type, flags, operand (m), round));
      break;
    case 8:
    case 9:
      set (m, vmt_ir_op3 (b, VMT_IR_FMA, type, flags, operand (m), operand (m), operand (m),
                          round | (gint32)below (m, 4) << 8));
      break;
    case 10:
    case 11:
      set (m, vmt_ir_op2 (b, below (m, 2) ? VMT_IR_FMIN : VMT_IR_FMAX, type, flags, operand (m),
                          operand (m), 0));
      break;
    case 12:
      {
        const VmtIrVal a = operand (m);
        set (m, vmt_ir_op2 (b, VMT_IR_FSGNJ, type, flags, a, below (m, 2) ? a : operand (m),
                            (gint32)below (m, 3)));
        break;
      }
    case 13:
      vmt_ir_set (
          b, x,
          vmt_ir_op2 (b, VMT_IR_FCMP, type, flags, operand (m), operand (m), (gint32)below (m, 8)));
      break;
    case 14:
      set (m, vmt_ir_op1 (b, VMT_IR_FCVT, type, VMT_IR_BOXED, operand (m),
                          round | (s ? VMT_IR_F64 : VMT_IR_F32) << 8));
      break;
    case 15:
      vmt_ir_set (b, x,
                  vmt_ir_op1 (b, VMT_IR_F2I, width, flags | (below (m, 2) ? VMT_IR_SX : 0),
                              operand (m),
                              (below (m, 2) ? VMT_FP_RTZ : round) | (gint32)(type << 8 | u)));
      break;
    case 16:
      set (m, vmt_ir_op1 (b, VMT_IR_I2F, type, flags, x, round | (gint32)(width << 8 | u)));
      break;
    case 17:
      if (below (m, 2))
        vmt_ir_set (b, x, vmt_ir_op1 (b, VMT_IR_F2BITS, width, VMT_IR_SX, operand (m), 0));
      else
        set (m, vmt_ir_op1 (b, VMT_IR_BITS2F, type, 0, x, 0));
      break;
    case 18:
      set (m, vmt_ir_op1 (b, VMT_IR_FRINT, type, flags, operand (m),
                          round | (gint32)below (m, 2) << 8));
      break;
    case 19:
      if (below (m, 4) == 0)
        vmt_ir_set (b, x, vmt_ir_op1 (b, VMT_IR_FCLASS, type, flags, operand (m), 0));
      else
        vmt_ir_set (b, GLOBAL_F (below (m, N_FP)), operand (m));
      break;
    case 20:
    case 21:
      set (m, vmt_ir_load (b, VMT_IR_F64, 0, GLOBAL_X (8 + below (m, 8)), (gint32)below (m, 2) * 8,
                           0));
      break;
    case 22:
      vmt_ir_store (b, VMT_IR_F64, GLOBAL_X (8 + below (m, 8)), (gint32)below (m, 2) * 8,
                    operand (m), 0);
      break;
    default:
      switch (below (m, 12))
        {
        case 8:
        case 9:
          /* by steps that do not lead away from where memory is */
          x = GLOBAL_X (8 + below (m, 8));
          vmt_ir_set (b, x,
                      vmt_ir_op2 (b, VMT_IR_ADD, VMT_IR_I64, 0, x,
                                  vmt_ir_const (b, (guint64)(gint64)(8 - 16 * (gint)below (m, 2))),
                                  0));
          break;
        case 10:
          vmt_ir_call (b, VMT_IR_NONE, 5, x, VMT_IR_NO_VAL, VMT_IR_NO_VAL);
          break;
        case 11:
          vmt_ir_store (b, VMT_IR_I64, GLOBAL_X (8 + below (m, 8)), (gint32)below (m, 2) * 8, x, 0);
          break;
        case 6:
          vmt_ir_set (b, x,
                      vmt_ir_call (b, VMT_IR_I64, 3, VMT_IR_NO_VAL, VMT_IR_NO_VAL, VMT_IR_NO_VAL));
          break;
        case 7:
          vmt_ir_call (b, VMT_IR_NONE, 4, x, VMT_IR_NO_VAL, VMT_IR_NO_VAL);
          break;
        case 0:
          vmt_ir_set (b, x,
                      vmt_ir_call (b, VMT_IR_I64, 1, vmt_ir_const (b, below (m, 5)),
                                   vmt_ir_const (b, below (m, 32)), x));
          break;
        case 1:
          vmt_ir_set (b, x,
                      vmt_ir_load (b, VMT_IR_I32, VMT_IR_SX, GLOBAL_X (8 + below (m, 8)), 0, 0));
          break;
        case 2:
          vmt_ir_store (b, VMT_IR_I64, GLOBAL_X (8 + below (m, 8)), 0, x, 0);
          break;
        case 3:
          if (m->loops)
            break;
          vmt_ir_branch (b, (VmtIrCond)below (m, 6), VMT_IR_I64, x, GLOBAL_X (below (m, 8)),
                         -64 - 2 * (gint32)below (m, 8));
          break;
        case 4:
          set (m, vmt_ir_op3 (b, VMT_IR_SELECT, VMT_IR_F64, 0, operand (m), operand (m), x, 0));
          break;
        default:
          vmt_ir_set (b, x, vmt_ir_op2 (b, VMT_IR_ADD, VMT_IR_I64, 0, x, x, 0));
          break;
        }
      break;
    }
}

/* A way in, what is done several times, and a way out. */
static guint
loop (Chain *m, guint single, guint strict)
{
  const guint before = below (m, 4), body = 1 + below (m, 10), after = below (m, 4);
  guint k = 0;
  for (; k < before; k++)
    {
      vmt_ir_insn (m->b, (gint)k * 4, 4);
      chain_op (m, single, strict);
    }
  vmt_ir_insn (m->b, (gint)k * 4, 4);
  if (below (m, 3) == 0)
    vmt_ir_call (m->b, VMT_IR_NONE, 5, GLOBAL_X (below (m, 7)), VMT_IR_NO_VAL, VMT_IR_NO_VAL);
  vmt_ir_set (m->b, GLOBAL_X (7), vmt_ir_const (m->b, 1 + below (m, 4)));
  const guint head = ++k;
  m->n_temps = 0; /* none lives around it */
  for (; k < head + body; k++)
    {
      vmt_ir_insn (m->b, (gint)k * 4, 4);
      chain_op (m, single, strict);
    }
  vmt_ir_insn (m->b, (gint)k++ * 4, 4);
  vmt_ir_set (
      m->b, GLOBAL_X (7),
      vmt_ir_op2 (m->b, VMT_IR_SUB, VMT_IR_I64, 0, GLOBAL_X (7), vmt_ir_const (m->b, 1), 0));
  vmt_ir_insn (m->b, (gint)k++ * 4, 4);
  vmt_ir_branch (m->b, VMT_IR_LT, VMT_IR_I64, vmt_ir_const (m->b, 0), GLOBAL_X (7),
                 (gint32)head * 4);
  for (guint i = 0; i < after; i++, k++)
    {
      vmt_ir_insn (m->b, (gint)k * 4, 4);
      chain_op (m, single, strict);
    }
  vmt_ir_insn (m->b, (gint)k++ * 4, 4);
  vmt_ir_exit (m->b, 0x800);
  return k;
}

static void
chains (guint single, guint strict, gboolean loops, guint n)
{
  static Outcome start;
  Fixture f;
  guint valid = 0;
  if (!set_up (&f))
    return;
  VmtIrBuilder *b = vmt_ir_builder_new (&arch);
  n = g_test_slow () ? n * 50 : n;
  for (guint i = 0; i < n && !g_test_failed (); i++)
    {
      const guint32 seed = seed_of (i);
      Chain m = { .rnd = g_rand_new_with_seed (seed), .b = b, .loops = loops };
      guint length = 1 + below (&m, 24);
      vmt_ir_builder_begin (b);
      if (loops)
        length = loop (&m, single, strict);
      for (guint k = 0; k < length && !loops; k++)
        {
          vmt_ir_insn (b, (gint)k * 4, 4);
          chain_op (&m, single, strict);
        }
      g_autoptr (VmtIrBlock) ir = vmt_ir_builder_finish (b, (gint)length * 4);
      if (vmt_ir_block_verify (ir, NULL))
        {
          valid++;
          for (guint k = 0; k < 3; k++)
            {
              randomise (m.rnd, &start);
              run_block (&f, ir, &start, seed, loops);
            }
        }
      g_rand_free (m.rnd);
    }
  g_test_message ("%u of %u chains were valid", valid, n);
  if (!g_test_failed ())
    g_assert_cmpuint (valid, >, n / 2);
  vmt_ir_builder_free (b);
  tear_down (&f);
}

static void
test_doubles (void)
{
  chains (0, 0, FALSE, 2500);
}

static void
test_singles (void)
{
  chains (100, 0, FALSE, 2500);
}

static void
test_formats (void)
{
  chains (50, 10, FALSE, 2500);
}

static void
test_modes (void)
{
  chains (50, 70, FALSE, 2500);
}

static void
test_loops (void)
{
  chains (30, 5, TRUE, 2500);
}

/* Accesses by a few bases that move, about the end of a page, in either space. */
static void
test_windows (void)
{
  static Outcome start;
  Fixture f;
  if (!set_up (&f))
    return;
  VmtIrBuilder *b = vmt_ir_builder_new (&arch);
  for (guint i = 0; i < (g_test_slow () ? 100000 : 3000) && !g_test_failed (); i++)
    {
      const guint32 seed = seed_of (i);
      Chain m = { .rnd = g_rand_new_with_seed (seed), .b = b };
      const guint length = 4 + below (&m, 24);
      vmt_ir_builder_begin (b);
      for (guint k = 0; k < length; k++)
        {
          const VmtIrVal base = GLOBAL_X (8 + below (&m, 4)), x = GLOBAL_X (below (&m, 8));
          const gint32 disp = 8 * (gint32)below (&m, 4) - 8;
          vmt_ir_insn (b, (gint)k * 4, 4);
          const guint kind = k == 0 ? 0 : 1 + below (&m, 8);
          if (kind == 0)
            vmt_ir_call (b, VMT_IR_NONE, 5, x, VMT_IR_NO_VAL, VMT_IR_NO_VAL);
          else if (kind < 3)
            vmt_ir_set (b, base,
                        vmt_ir_op2 (b, VMT_IR_ADD, VMT_IR_I64, 0, base,
                                    vmt_ir_const (b, (guint64)(8 * (gint64)below (&m, 7) - 24)),
                                    0));
          else if (kind < 5)
            vmt_ir_store (b, VMT_IR_I64, base, disp, x, 0);
          else
            vmt_ir_set (b, x, vmt_ir_load (b, VMT_IR_I64, 0, base, disp, 0));
        }
      g_autoptr (VmtIrBlock) ir = vmt_ir_builder_finish (b, (gint)length * 4);
      g_assert_true (vmt_ir_block_verify (ir, NULL));
      randomise (m.rnd, &start);
      run_block (&f, ir, &start, seed, FALSE);
      g_rand_free (m.rnd);
    }
  vmt_ir_builder_free (b);
  tear_down (&f);
}

/* A store that kills its own block leaves it. */
static void
test_dead (void)
{
  static Outcome start, got;
  Fixture f;
  if (!set_up (&f))
    return;
  VmtIrBuilder *b = vmt_ir_builder_new (&arch);
  start.pc = CODE;
  start.state.x[1] = 5;
  start.state.x[2] = 7;
  start.state.x[8] = DATA;
  start.state.f[0] = 5;
  for (guint i = 0; i < 4; i++)
    {
      const gboolean fp = i / 2 != 0;
      vmt_ir_builder_begin (b);
      vmt_ir_insn (b, 0, 4);
      vmt_ir_store (b, fp ? VMT_IR_F64 : VMT_IR_I64, GLOBAL_X (8), 0,
                    fp ? GLOBAL_F (0) : GLOBAL_X (1), 0);
      vmt_ir_insn (b, 4, 4);
      vmt_ir_set (b, GLOBAL_X (2),
                  vmt_ir_op2 (b, VMT_IR_ADD, VMT_IR_I64, 0, GLOBAL_X (2), vmt_ir_const (b, 1), 0));
      vmt_ir_exit (b, 0x800);
      g_autoptr (VmtIrBlock) ir = vmt_ir_builder_finish (b, 8);
      VmtExecBlock block = {
        .ir = ir, .pa = CODE, .ram = f.ram, .ram_offset = CODE - RAM, .size = 8, .level = i % 2
      };
      g_assert_true (vmt_tier_compile (f.tier, &arch, &block));
      block.dead = 1;
      vmt_tlb_flush_all (&f.state->vcpu);
      prepare (&f, &start);
      block.entry (&f.state->vcpu, &block);
      collect (&f, &got);
      g_assert_cmpuint (got.memory[DATA - RAM], ==, 5);
      g_assert_cmpuint (got.state.x[2], ==, 7);
      g_assert_cmphex (got.pc, ==, CODE + 4);
      g_assert_cmpuint (got.retired, ==, 1);
      vmt_tier_kill (f.tier, &block);
      vmt_tier_discard (f.tier, &block);
    }
  vmt_ir_builder_free (b);
  tear_down (&f);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/baseline/eval/integers", test_integers);
  g_test_add_func ("/baseline/eval/memory", test_memory);
  g_test_add_func ("/baseline/eval/riscv", test_riscv);
  g_test_add_func ("/baseline/eval/all", test_all);
  g_test_add_func ("/baseline/windows", test_windows);
  g_test_add_func ("/baseline/dead", test_dead);
  g_test_add_func ("/baseline/float/doubles", test_doubles);
  g_test_add_func ("/baseline/float/singles", test_singles);
  g_test_add_func ("/baseline/float/formats", test_formats);
  g_test_add_func ("/baseline/float/modes", test_modes);
  g_test_add_func ("/baseline/float/loops", test_loops);
  return g_test_run ();
}
