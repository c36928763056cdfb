/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The interpreter against the reference evaluator: random blocks of every op that fits, from the
 * same state; state, memory, exceptions, pc and count must agree, with cold and with warm TLBs, and
 * after the exits have stopped counting. */
#include <string.h>

#include "vmt.h"
#include "vmt-fast.h"
#include "vmt-ir-eval.h"

#define RAM 0x80000000u
#define RAM_SIZE (64u << 10)
#define DATA (RAM + 0x4000)
#define CODE (RAM + 0x2000)
#define N_INT 12u
#define N_FP 6u
#define N_VEC 4u

typedef struct
{
  VmtVcpu vcpu;
  VmtFpEnv fp;
  guint8 values[64][64] __attribute__ ((aligned (64)));
} State;

#define AT(n) (G_STRUCT_OFFSET (State, values) + 64 * (n))
#define I(n)                                                                                       \
  {                                                                                                \
    "x" #n, VMT_IR_I64, AT (n)                                                                     \
  }
#define F(n)                                                                                       \
  {                                                                                                \
    "f" #n, VMT_IR_F64, AT (16 + n)                                                                \
  }
#define V(n)                                                                                       \
  {                                                                                                \
    "v" #n, VMT_IR_V128, AT (24 + n)                                                               \
  }
static const VmtIrGlobal globals[] = {
  I (0),
  I (1),
  I (2),
  I (3),
  I (4),
  I (5),
  I (6),
  I (7),
  I (8),
  I (9),
  I (10),
  I (11),
  F (0),
  F (1),
  F (2),
  F (3),
  F (4),
  F (5),
  V (0),
  V (1),
  V (2),
  V (3),
  { "w0", VMT_IR_V256, AT (32) },
  { "w1", VMT_IR_V256, AT (33) },
  { "z0", VMT_IR_V512, AT (34) },
  { "z1", VMT_IR_V512, AT (35) },
  { "p0", VMT_IR_PRED, AT (40) },
  { "p1", VMT_IR_PRED, AT (41) },
  { "n0", VMT_IR_FLAGS, AT (42) },
  { "n1", VMT_IR_FLAGS, AT (43) },
  { "q0", VMT_IR_I128, AT (44) },
  { "q1", VMT_IR_I128, AT (45) },
  { "t0", VMT_IR_F80, AT (46) },
  { "t1", VMT_IR_F80, AT (47) },
};

static guint64
help_mix (VmtVcpu *vcpu, guint64 a, guint64 b, guint64 c)
{
  return a * 3 + (b ^ c);
}

static guint64
help_write (VmtVcpu *vcpu, guint64 a, guint64 b, guint64 c)
{
  guint64 *x1 = (guint64 *)((State *)vcpu)->values[1];
  *x1 = a + vcpu->pc;
  return b;
}

static guint64
help_fault (VmtVcpu *vcpu, guint64 a, guint64 b, guint64 c)
{
  if ((a & 3) == 0)
    vmt_vcpu_raise (vcpu, 99, vcpu->pc);
  return a;
}

static const VmtIrHelper helpers[] = {
  { "mix", help_mix, VMT_HELPER_PURE },
  { "write", help_write, VMT_HELPER_READS | VMT_HELPER_WRITES | VMT_HELPER_PC },
  { "fault", help_fault, VMT_HELPER_READS | VMT_HELPER_FAULTS | VMT_HELPER_PC },
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
  .translate = translate,
  .raise_fault = raise_fault,
};

/* What the evaluator needs of the engine: as in the tier, on purpose written again. */
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

/* An op with a type, flags and immediates that the verifier accepts. */
typedef struct
{
  guint16 opcode;
  guint8 type, flags;
  guint n_imms;
  gint32 imms[8];
} Form;

static GArray *forms;
static GRand *rnd;

static guint64
random64 (void)
{
  guint64 v = (guint64)g_rand_int (rnd) << 32 | g_rand_int (rnd);
  switch (g_rand_int_range (rnd, 0, 8))
    {
    case 0:
      return v & 0xff;
    case 1:
      return 0 - (v & 0xff);
    case 2:
      return (guint64)(gint64)(gint32)v;
    case 3:
      return G_GUINT64_CONSTANT (1) << (v & 63);
    default:
      return v;
    }
}

/* A value that an f operand may have: often boxed, often at an edge. */
static guint64
random_fp (void)
{
  static const guint64 edges[] = { 0,
                                   0x8000000000000000,
                                   0x3ff0000000000000,
                                   0x7ff0000000000000,
                                   0xfff0000000000000,
                                   0x7ff8000000000000,
                                   0x7ff0000000000001,
                                   0x0010000000000000,
                                   0x000fffffffffffff,
                                   0x7fefffffffffffff,
                                   0x43e0000000000000,
                                   0xc3e0000000000000,
                                   1 };
  static const guint32 edges32[] = { 0,          0x80000000, 0x3f800000, 0x7f800000, 0xff800000,
                                     0x7fc00000, 0x7f800001, 0x00800000, 0x007fffff, 0x7f7fffff,
                                     0x4f000000, 0xcf000000, 1 };
  guint64 v = (guint64)g_rand_int (rnd) << 32 | g_rand_int (rnd);
  switch (g_rand_int_range (rnd, 0, 6))
    {
    case 0:
      return edges[v % G_N_ELEMENTS (edges)];
    case 1:
      return 0xffffffff00000000 | edges32[v % G_N_ELEMENTS (edges32)];
    case 2:
      return 0xffffffff00000000 | (0x3f000000 + (v & 0x80ffffff));
    case 3:
      return 0x3fe0000000000000 + (v & 0x803fffffffffffff);
    case 4:
      return 0xffffffff00000000 | (v & 0xffffffff);
    default:
      return v;
    }
}

static VmtIrVal
pick_global (VmtIrType type)
{
  guint first = 0, n = 0;
  for (guint g = 0; g < G_N_ELEMENTS (globals); g++)
    if (globals[g].type == type)
      {
        if (n++ == 0)
          first = g;
      }
  return n == 0 ? VMT_IR_NO_VAL : VMT_IR_GLOBAL (first + (guint)g_rand_int_range (rnd, 0, (gint)n));
}

typedef struct
{
  VmtIrVal val;
  guint8 type;
} Value;

static VmtIrVal
pick (VmtIrBuilder *b, char class, VmtIrType type, GArray *values)
{
  VmtIrType want;
  switch (class)
    {
    case 'i':
      want = VMT_IR_I64;
      if (g_rand_int_range (rnd, 0, 5) == 0)
        return vmt_ir_const (b, random64 ());
      break;
    case 'f':
      want = VMT_IR_F64;
      break;
    case 'v':
      want = type;
      break;
    case 'p':
      want = VMT_IR_PRED;
      break;
    case 'F':
      want = VMT_IR_FLAGS;
      break;
    case '?':
      want = vmt_ir_type_class (type) == 'i' && type != VMT_IR_I128  ? VMT_IR_I64
             : vmt_ir_type_class (type) == 'f' && type != VMT_IR_F80 ? VMT_IR_F64
                                                                     : type;
      break;
    default:
      return VMT_IR_NO_VAL;
    }
  if (values != NULL && values->len > 0 && g_rand_boolean (rnd))
    {
      const Value *v = &g_array_index (values, Value, g_rand_int_range (rnd, 0, (gint)values->len));
      if (v->type == want)
        return v->val;
    }
  return pick_global (want);
}

/* TRUE: state has been changed, so that no later op of the instruction may fault. */
static gboolean
emit (VmtIrBuilder *b, const Form *form, gint32 imm, GArray *values)
{
  VmtIrVal o[3];
  const VmtIrOpInfo *info = &vmt_ir_op_info[form->opcode];
  for (guint i = 0; i < 3; i++)
    o[i] = pick (b, vmt_ir_op_operand_class (form->opcode, i), form->type, values);
  if (info->flags & VMT_IR_OP_MEM && o[0] != VMT_IR_NO_VAL && g_rand_int_range (rnd, 0, 20) != 0)
    o[0] = VMT_IR_GLOBAL (g_rand_int_range (rnd, 8, N_INT)); /* that point somewhere */
  VmtIrVal result = VMT_IR_NO_VAL;
  switch (form->opcode)
    {
    case VMT_IR_LD:
      result = vmt_ir_load (b, form->type, form->flags, o[0], imm, 0);
      break;
    case VMT_IR_ST:
      vmt_ir_store (b, form->type, o[0], imm, o[1], 0);
      break;
    case VMT_IR_LL:
      result = vmt_ir_load_linked (b, form->type, form->flags, o[0], 0);
      break;
    case VMT_IR_SC:
      result = vmt_ir_store_conditional (b, form->type, o[0], o[1], 0);
      break;
    case VMT_IR_AMO:
      result = vmt_ir_amo (b, (VmtIrAmo)imm, form->type, form->flags, o[0], o[1], 0);
      break;
    case VMT_IR_FENCE:
      vmt_ir_fence (b, 15, 15);
      break;
    case VMT_IR_BRANCH:
      vmt_ir_branch (b, (VmtIrCond)g_rand_int_range (rnd, 0, 6), form->type, o[0], o[1], imm);
      break;
    case VMT_IR_CALL:
      result = vmt_ir_call (b, VMT_IR_I64, (guint)g_rand_int_range (rnd, 0, G_N_ELEMENTS (helpers)),
                            pick (b, 'i', VMT_IR_I64, values), pick (b, 'i', VMT_IR_I64, values),
                            pick (b, 'i', VMT_IR_I64, values));
      break;
    default:
      if (info->signature[0] == '-')
        vmt_ir_do (b, form->opcode, form->type, form->flags, o[0], o[1], o[2], imm);
      else if (o[2] != VMT_IR_NO_VAL)
        result = vmt_ir_op3 (b, form->opcode, form->type, form->flags, o[0], o[1], o[2], imm);
      else if (o[1] != VMT_IR_NO_VAL)
        result = vmt_ir_op2 (b, form->opcode, form->type, form->flags, o[0], o[1], imm);
      else
        result = vmt_ir_op1 (b, form->opcode, form->type, form->flags, o[0], imm);
      break;
    }
  if (result == VMT_IR_NO_VAL || values == NULL)
    return TRUE;
  VmtIrType type =
      form->opcode == VMT_IR_CALL ? VMT_IR_I64 : vmt_ir_op_result_type (form->opcode, form->type);
  if (vmt_ir_type_class (type) == 'f' && type != VMT_IR_F80)
    type = VMT_IR_F64;
  VmtIrVal global = pick_global (type);
  if (global != VMT_IR_NO_VAL && g_rand_boolean (rnd) && !(global >= 8 && global < N_INT))
    {
      vmt_ir_set (b, global, result);
      return TRUE;
    }
  Value v = { result, (guint8)type };
  g_array_append_val (values, v);
  return info->flags & VMT_IR_OP_MEM && form->opcode != VMT_IR_LD;
}

static gboolean
is_generated (guint opcode)
{
  switch (opcode)
    {
    /* ends and what needs partners */
    case VMT_IR_JUMP:
    case VMT_IR_JUMP_IND:
    case VMT_IR_EXIT:
    case VMT_IR_TRAP:
    case VMT_IR_EXT:
    case VMT_IR_COMMIT:
    case VMT_IR_BUDGET:
    case VMT_IR_CALL:
      return FALSE;
    default:
      return (vmt_ir_op_info[opcode].flags & (VMT_IR_OP_HAS_EXT | VMT_IR_OP_END)) == 0;
    }
}

/* Finds what the verifier accepts by asking it. */
static void
find_forms (void)
{
  VmtIrBuilder *b = vmt_ir_builder_new (&arch);
  forms = g_array_new (FALSE, FALSE, sizeof (Form));
  for (guint opcode = 0; opcode < VMT_IR_N_OPS; opcode++)
    for (guint type = 0; type <= VMT_IR_FLAGS && is_generated (opcode); type++)
      for (guint flags = 0; flags < 32; flags++)
        {
          const guint32 info = vmt_ir_op_info[opcode].flags;
          if ((!(info & VMT_IR_OP_VEC) && flags > 7) ||
              (opcode == VMT_IR_BRANCH && (type < VMT_IR_I8 || type > VMT_IR_I64)))
            break;
          Form form = { (guint16)opcode, (guint8)type, (guint8)flags, 0, { 0 } };
          if ((vmt_ir_type_class ((VmtIrType)type) == 'v') != ((info & VMT_IR_OP_VEC) != 0) &&
              (info & VMT_IR_OP_VEC))
            break;
          for (guint try = 0; try < 40 && form.n_imms < 8; try++)
            {
              /* most ops have none */
              gint32 imm = try == 0 ? 0 : g_rand_int_range (rnd, 0, 16);
              if (try % 4 == 1)
                imm = g_rand_int_range (rnd, 0, 64) | g_rand_int_range (rnd, 1, 65) << 8;
              else if (try % 4 == 2)
                imm = 7 | g_rand_int_range (rnd, 0, 64) << 8;
              else if (try % 4 == 3)
                imm = 1 | g_rand_int_range (rnd, 0, 32) << 8;
              if (opcode == VMT_IR_LD || opcode == VMT_IR_ST)
                imm = g_rand_int_range (rnd, -64, 64) & (try & 1 ? -8 : -1);
              if (opcode == VMT_IR_BRANCH || opcode == VMT_IR_BRANCH_FLAGS)
                imm = g_rand_int_range (rnd, -4096, 8192) & -2;
              vmt_ir_builder_begin (b);
              vmt_ir_insn (b, 0, 4);
              emit (b, &form, imm, NULL);
              g_autoptr (VmtIrBlock) block = vmt_ir_builder_finish (b, 4);
              /* it may have been folded away */
              if (block->ops[0].opcode == opcode && vmt_ir_block_verify (block, NULL))
                form.imms[form.n_imms++] = imm;
            }
          if (form.n_imms > 0)
            g_array_append_val (forms, form);
        }
  vmt_ir_builder_free (b);
}

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

static void
set_up (Fixture *f)
{
  GError *error = NULL;
  VmtExecHost host = { .get_time = get_time };
  f->ram = vmt_ram_new ("ram", RAM_SIZE, VMT_RAM_ANON, NULL, &error);
  f->space = vmt_address_space_new ("test");
  vmt_address_space_add_ram (f->space, RAM, f->ram, 0, RAM_SIZE, FALSE, NULL, &error);
  g_assert_no_error (error);
  VmtObject *tier =
      vmt_registry_create (vmt_registry_get_default (), VMT_FEATURE_TIER, "interp", &error);
  g_assert_no_error (error);
  f->tier = VMT_TIER (g_object_ref_sink (tier));
  f->exec = vmt_exec_new (f->space, f->tier, &host);
  f->state = (State *)vmt_exec_add_vcpu (f->exec, &arch, NULL, 0);
}

static void
tear_down (Fixture *f)
{
  vmt_exec_free (f->exec);
  g_object_unref (f->tier);
  vmt_address_space_unref (f->space);
  vmt_ram_unref (f->ram);
}

static void
randomise (Fixture *f, guint8 *memory)
{
  State *s = f->state;
  for (guint i = 0; i < G_N_ELEMENTS (s->values); i++)
    for (guint j = 0; j < 8; j++)
      {
        guint64 v = random64 ();
        memcpy (&s->values[i][j * 8], &v, 8);
      }
  for (guint i = 0; i < 8; i++)
    {
      guint64 v = random_fp ();
      memcpy (s->values[16 + i], &v, 8);
    }
  for (guint i = 8; i < N_INT; i++)
    {
      /* aligned, not aligned, at a page's end, where nothing is or may be written */
      guint64 v = DATA + 0x100 * i;
      switch (g_rand_int_range (rnd, 0, 12))
        {
        case 0:
          v += (guint64)g_rand_int_range (rnd, 0, 16);
          break;
        case 1:
          v = DATA + 0x1000 - 4;
          break;
        case 2:
          v = RAM + RAM_SIZE - 4;
          break;
        case 3:
          v = RAM + 64;
          break;
        default:
          break;
        }
      memcpy (s->values[i], &v, 8);
    }
  for (guint i = 42; i < 44; i++)
    {
      VmtIrFlags flags = vmt_ir_flags_from_bits (g_rand_int (rnd) & VMT_IR_FLAGS_ALL);
      memcpy (s->values[i], &flags, sizeof flags);
    }
  s->fp = (VmtFpEnv){ .round = (guint8)(g_rand_boolean (rnd) ? 0 : g_rand_int_range (rnd, 0, 5)),
                      .flags = (guint8)(g_rand_boolean (rnd) ? VMT_FP_NX
                                                             : g_rand_int_range (rnd, 0, 32)),
                      .policy = VMT_FP_POLICY_RISCV };
  for (guint i = 0; i < RAM_SIZE; i += 4)
    *(guint32 *)(memory + i) = g_rand_int (rnd);
}

typedef struct
{
  guint8 values[64][64];
  VmtFpEnv fp;
  guint8 *memory;
  guint64 pc, retired;
  gboolean fault;
  VmtFault cause;
} Outcome;

static void
prepare (Fixture *f, const Outcome *start)
{
  VmtVcpu *vcpu = &f->state->vcpu;
  memcpy (f->state->values, start->values, sizeof start->values);
  f->state->fp = start->fp;
  memcpy (f->ram->host, start->memory, RAM_SIZE);
  vcpu->fault_pending = 0;
  vcpu->pc = CODE;
  vcpu->page_va = CODE;
  vcpu->icount = 0;
  memset (&vcpu->fault, 0, sizeof vcpu->fault);
  vmt_vcpu_clear_reservation (vcpu);
  /* leaves at the first exit */
  vcpu->exit_request = VMT_VCPU_RELOOKUP;
}

static void
collect (Fixture *f, Outcome *o)
{
  VmtVcpu *vcpu = &f->state->vcpu;
  memcpy (o->values, f->state->values, sizeof o->values);
  o->fp = f->state->fp;
  memcpy (o->memory, f->ram->host, RAM_SIZE);
  o->pc = vcpu->pc;
  o->retired = vcpu->icount;
  o->fault = vcpu->fault_pending != 0;
  o->cause = vcpu->fault;
}

static void
compare (const Outcome *a, const Outcome *b, const VmtIrBlock *ir, const char *when)
{
  const char *what = NULL;
  guint where = 0;
  for (guint i = 0; i < G_N_ELEMENTS (globals) && what == NULL; i++)
    {
      gsize offset = globals[i].offset - AT (0);
      gsize size = globals[i].type == VMT_IR_FLAGS
                       ? sizeof (VmtIrFlags)
                       : MAX (vmt_ir_type_bits ((VmtIrType)globals[i].type) / 8, 8);
      if (globals[i].type == VMT_IR_F80)
        size = 10;
      if (memcmp ((const guint8 *)a->values + offset, (const guint8 *)b->values + offset, size) !=
          0)
        what = globals[i].name;
    }
  for (guint i = 0; i < RAM_SIZE && what == NULL; i++)
    if (a->memory[i] != b->memory[i])
      what = "memory", where = i;
  if (what == NULL && a->fp.flags != b->fp.flags)
    what = "fp flags";
  if (what == NULL && a->pc != b->pc)
    what = "pc";
  if (what == NULL && a->retired != b->retired)
    what = "count";
  if (what == NULL &&
      (a->fault != b->fault || (a->fault && memcmp (&a->cause, &b->cause, sizeof a->cause) != 0)))
    what = "exception";
  if (what == NULL)
    return;
  g_autofree char *text = vmt_ir_block_to_text (ir);
  g_test_message ("%s differs (%#x), %s: pc %#" G_GINT64_MODIFIER "x %#" G_GINT64_MODIFIER
                  "x, count %" G_GUINT64_FORMAT " %" G_GUINT64_FORMAT
                  ", fp flags %x %x, fault %d %d",
                  what, where, when, a->pc, b->pc, a->retired, b->retired, a->fp.flags, b->fp.flags,
                  a->fault, b->fault);
  g_test_message ("%s", text);
  g_test_fail ();
}

static void
run_block (Fixture *f, VmtIrBlock *ir, Outcome *start, Outcome *expected, Outcome *got, guint runs)
{
  VmtVcpu *vcpu = &f->state->vcpu;
  prepare (f, start);
  VmtIrEval eval = {
    .vcpu = vcpu, .block = ir, .mem = &mem_ops, .page_va = CODE, .budget = G_MAXINT64
  };
  VmtIrEvalExit exit = vmt_ir_eval_block (&eval);
  collect (f, expected);
  expected->pc = eval.pc;
  expected->retired = eval.insn + (exit != VMT_IR_EVAL_FAULT && exit != VMT_IR_EVAL_BUDGET);

  VmtExecBlock block = {
    .ir = ir, .pa = CODE, .ram = f->ram, .ram_offset = CODE - RAM, .size = 64
  };
  g_assert_true (vmt_tier_compile (f->tier, &arch, &block));
  vmt_tlb_flush_all (vcpu);
  for (guint i = 0; i < runs && !g_test_failed (); i++)
    {
      prepare (f, start);
      block.entry (vcpu, &block);
      if (i > 1 && i + 1 < runs)
        continue;
      collect (f, got);
      compare (expected, got, ir, i == 0 ? "cold" : i == 1 ? "warm" : "hot");
    }
  vmt_tier_kill (f->tier, &block);
  vmt_tier_discard (f->tier, &block);
}

static void
outcome_init (Outcome *o)
{
  o->memory = g_malloc (RAM_SIZE);
}

/* Blocks of a few instructions. @only: integers and memory, which fused handlers are about. */
static void
random_blocks (guint n, gboolean only)
{
  Fixture f;
  Outcome start, expected, got;
  outcome_init (&start);
  outcome_init (&expected);
  outcome_init (&got);
  set_up (&f);
  VmtIrBuilder *b = vmt_ir_builder_new (&arch);
  g_autoptr (GArray) values = g_array_new (FALSE, FALSE, sizeof (Value));
  guint done = 0;
  static const guint16 common[] = { VMT_IR_ADD,   VMT_IR_ADD,  VMT_IR_ADD,    VMT_IR_SUB,
                                    VMT_IR_AND,   VMT_IR_OR,   VMT_IR_XOR,    VMT_IR_SHL,
                                    VMT_IR_SHR,   VMT_IR_LD,   VMT_IR_LD,     VMT_IR_ST,
                                    VMT_IR_ST,    VMT_IR_MOV,  VMT_IR_BRANCH, VMT_IR_MUL,
                                    VMT_IR_SETCC, VMT_IR_PCREL };
  for (guint i = 0; i < n && !g_test_failed (); i++)
    {
      vmt_ir_builder_begin (b);
      g_array_set_size (values, 0);
      guint n_insns = (guint)g_rand_int_range (rnd, 1, 9);
      gint offset = 0;
      for (guint k = 0; k < n_insns && !vmt_ir_builder_is_ended (b); k++)
        {
          vmt_ir_insn (b, offset, 4);
          offset += 4;
          guint n_ops = (guint)g_rand_int_range (rnd, 1, 4);
          gboolean written = FALSE;
          for (guint j = 0; j < n_ops && !written && !vmt_ir_builder_is_ended (b); j++)
            {
              const Form *form;
              form = &g_array_index (forms, Form, g_rand_int_range (rnd, 0, (gint)forms->len));
              if (only || g_rand_boolean (rnd))
                {
                  guint16 want = common[g_rand_int_range (rnd, 0, G_N_ELEMENTS (common))];
                  for (guint try = 0;
                       try < 10000 && (form->opcode != want || form->type > VMT_IR_I64); try++)
                    form =
                        &g_array_index (forms, Form, g_rand_int_range (rnd, 0, (gint)forms->len));
                }
              written =
                  emit (b, form, form->imms[g_rand_int_range (rnd, 0, (gint)form->n_imms)], values);
            }
          if (!written && !vmt_ir_builder_is_ended (b) && g_rand_int_range (rnd, 0, 12) == 0)
            {
              Form call = { VMT_IR_CALL, VMT_IR_I64, 0, 1, { 0 } };
              emit (b, &call, 0, values);
            }
        }
      if (!vmt_ir_builder_is_ended (b) && g_rand_int_range (rnd, 0, only ? 2 : 4) == 0)
        {
          vmt_ir_insn (b, offset, 4);
          if (only && g_rand_boolean (rnd))
            {
              /* as returns do it */
              vmt_ir_jump_indirect (b,
                                    vmt_ir_op2 (b, VMT_IR_AND, VMT_IR_I64, 0,
                                                pick (b, 'i', VMT_IR_I64, values),
                                                vmt_ir_const (b, G_MAXUINT64 - 1), 0),
                                    0);
            }
          else
            switch (g_rand_int_range (rnd, 0, 4))
              {
              case 0:
                vmt_ir_jump_indirect (b, pick (b, 'i', VMT_IR_I64, values), 0);
                break;
              case 1:
                vmt_ir_trap (b, 5, pick (b, 'i', VMT_IR_I64, values));
                break;
              case 2:
                vmt_ir_exit (b, offset + 4);
                break;
              default:
                vmt_ir_jump (b, g_rand_int_range (rnd, -8192, 8192), 0);
                break;
              }
        }
      g_autoptr (VmtIrBlock) ir = vmt_ir_builder_finish (b, offset);
      if (!vmt_ir_block_verify (ir, NULL))
        continue;
      done++;
      randomise (&f, start.memory);
      memcpy (start.values, f.state->values, sizeof start.values);
      start.fp = f.state->fp;
      run_block (&f, ir, &start, &expected, &got, only && i % 64 == 0 ? 4200 : 2);
    }
  g_test_message ("%u of %u blocks were valid", done, n);
  g_assert_cmpuint (done, >, n / 4);
  vmt_ir_builder_free (b);
  g_free (start.memory);
  g_free (expected.memory);
  g_free (got.memory);
  tear_down (&f);
}

static void
test_all_ops (void)
{
  random_blocks (g_test_slow () ? 300000 : 5000, FALSE);
}

static void
test_common_ops (void)
{
  random_blocks (g_test_slow () ? 300000 : 5000, TRUE);
}

/* An exit counts for the block, by steps, until it is known well enough. */
static void
test_counts (void)
{
  Fixture f;
  set_up (&f);
  VmtIrBuilder *b = vmt_ir_builder_new (&arch);
  for (guint fused = 0; fused < 2; fused++)
    for (guint kind = 0; kind < 4; kind++)
      {
        vmt_ir_builder_begin (b);
        vmt_ir_insn (b, 0, 4);
        if (fused)
          vmt_ir_set (
              b, VMT_IR_GLOBAL (1),
              vmt_ir_op2 (b, VMT_IR_ADD, VMT_IR_I64, 0, VMT_IR_GLOBAL (1), vmt_ir_const (b, 4), 0));
        vmt_ir_insn (b, 4, 4);
        if (kind == 0)
          vmt_ir_branch (b, VMT_IR_EQ, VMT_IR_I64, VMT_IR_GLOBAL (2), VMT_IR_GLOBAL (2), 64);
        if (kind == 3)
          vmt_ir_jump_indirect (b, VMT_IR_GLOBAL (1), 0);
        else
          vmt_ir_jump (b, kind == 2 ? 8192 : 128, 0);
        g_autoptr (VmtIrBlock) ir = vmt_ir_builder_finish (b, 8);
        g_assert_true (vmt_ir_block_verify (ir, NULL));
        VmtExecBlock block = {
          .ir = ir, .pa = CODE, .ram = f.ram, .ram_offset = CODE - RAM, .size = 8
        };
        g_assert_true (vmt_tier_compile (f.tier, &arch, &block));
        for (guint i = 1; i <= 5000; i++)
          {
            VmtVcpu *vcpu = &f.state->vcpu;
            guint64 x1 = CODE + 64;
            memcpy (f.state->values[1], &x1, 8);
            vcpu->pc = vcpu->page_va = CODE;
            vcpu->icount = 0;
            vcpu->exit_request = VMT_VCPU_RELOOKUP;
            block.entry (vcpu, &block);
            g_assert_cmpuint (vcpu->icount, ==, 2);
            g_assert_cmphex (vcpu->pc, ==,
                             kind == 3   ? CODE + 64 + 4 * fused
                             : kind == 2 ? CODE + 8192
                             : kind == 1 ? CODE + 128
                                         : CODE + 64);
            g_assert_cmpuint (block.count, ==, MIN (i, 4096) / 16 * 16);
            g_assert_cmpuint (block.taken[0], ==, block.count);
          }
        vmt_tier_kill (f.tier, &block);
        vmt_tier_discard (f.tier, &block);
      }
  vmt_ir_builder_free (b);
  tear_down (&f);
}

/* Every form at least a few times, alone. */
static void
test_each_op (void)
{
  Fixture f;
  Outcome start, expected, got;
  outcome_init (&start);
  outcome_init (&expected);
  outcome_init (&got);
  set_up (&f);
  VmtIrBuilder *b = vmt_ir_builder_new (&arch);
  g_autoptr (GArray) values = g_array_new (FALSE, FALSE, sizeof (Value));
  gboolean seen[VMT_IR_N_OPS] = { FALSE };
  for (guint i = 0; i < forms->len && !g_test_failed (); i++)
    for (guint k = 0; k < (g_test_slow () ? 40 : 4) && !g_test_failed (); k++)
      {
        const Form *form = &g_array_index (forms, Form, i);
        vmt_ir_builder_begin (b);
        g_array_set_size (values, 0);
        vmt_ir_insn (b, 0, 4);
        emit (b, form, form->imms[k % form->n_imms], values);
        if (values->len > 0)
          {
            const Value *v = &g_array_index (values, Value, 0);
            VmtIrVal global = pick_global ((VmtIrType)v->type);
            if (global != VMT_IR_NO_VAL)
              vmt_ir_set (b, global, v->val);
          }
        g_autoptr (VmtIrBlock) ir = vmt_ir_builder_finish (b, 4);
        if (!vmt_ir_block_verify (ir, NULL))
          continue;
        seen[form->opcode] = TRUE;
        randomise (&f, start.memory);
        memcpy (start.values, f.state->values, sizeof start.values);
        start.fp = f.state->fp;
        run_block (&f, ir, &start, &expected, &got, 2);
      }
  guint n = 0;
  for (guint i = 0; i < VMT_IR_N_OPS; i++)
    if (seen[i])
      n++;
    else
      g_test_message ("not tried alone: %s", vmt_ir_op_info[i].name);
  g_test_message ("%u of %u ops, %u forms", n, VMT_IR_N_OPS, forms->len);
  g_assert_cmpuint (n, >, VMT_IR_N_OPS / 2);
  vmt_ir_builder_free (b);
  g_free (start.memory);
  g_free (expected.memory);
  g_free (got.memory);
  tear_down (&f);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  rnd = g_rand_new_with_seed ((guint32)g_test_rand_int ());
  find_forms ();
  g_test_add_func ("/interp/eval/each-op", test_each_op);
  g_test_add_func ("/interp/eval/common-ops", test_common_ops);
  g_test_add_func ("/interp/eval/all-ops", test_all_ops);
  g_test_add_func ("/interp/counts", test_counts);
  int result = g_test_run ();
  g_array_unref (forms);
  g_rand_free (rnd);
  return result;
}
