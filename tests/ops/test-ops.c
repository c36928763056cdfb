/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* test-ops TIER [TABLE.md [--update]]: every op of the IR, in every form that the verifier accepts,
 * is printed and read again, and executed by the tier as by the evaluator: alone in its block, from
 * random state, with operands in globals, temporaries and constants. TABLE.md says which ops the
 * tier leaves to the evaluator; the test fails when that is not so, --update writes it. */
#include <string.h>

#include "vmt.h"
#include "vmt-fast.h"
#include "vmt-ir-eval.h"

#define RAM 0x80000000u
#define RAM_SIZE 0x4000u
/* before it nothing may be written, behind it is nothing */
#define DATA (RAM + 0x1000)
#define CODE (RAM + 0x3000)
#define N_INT 12u
#define N_POINTERS 4u /* the last of them */
#define STATES 3u

typedef struct
{
  VmtVcpu vcpu;
  VmtFpEnv fp;
  guint8 values[48][64] __attribute__ ((aligned (64)));
} State;

#define G(name, type, n)                                                                           \
  {                                                                                                \
    name, VMT_IR_##type, G_STRUCT_OFFSET (State, values) + 64 * (n)                                \
  }
static const VmtIrGlobal globals[] = {
  G ("x0", I64, 0),   G ("x1", I64, 1),   G ("x2", I64, 2),    G ("x3", I64, 3),
  G ("x4", I64, 4),   G ("x5", I64, 5),   G ("x6", I64, 6),    G ("x7", I64, 7),
  G ("x8", I64, 8),   G ("x9", I64, 9),   G ("x10", I64, 10),  G ("x11", I64, 11),
  G ("f0", F64, 16),  G ("f1", F64, 17),  G ("f2", F64, 18),   G ("v0", V128, 24),
  G ("v1", V128, 25), G ("v2", V128, 26), G ("w0", V256, 27),  G ("w1", V256, 28),
  G ("w2", V256, 29), G ("z0", V512, 30), G ("z1", V512, 31),  G ("z2", V512, 32),
  G ("p0", PRED, 33), G ("p1", PRED, 34), G ("n0", FLAGS, 35), G ("n1", FLAGS, 36),
  G ("q0", I128, 37), G ("q1", I128, 38), G ("t0", F80, 39),   G ("t1", F80, 40),
};
static const VmtIrVal hot[] = { 0, 3, 8, 9, 5 };

static guint64
help_mix (VmtVcpu *vcpu, guint64 a, guint64 b, guint64 c)
{
  return a * 3 + (b ^ c);
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
  { "fault", help_fault, VMT_HELPER_READS | VMT_HELPER_FAULTS | VMT_HELPER_PC },
};

static gboolean
translate (VmtVcpu *vcpu, guint64 va, guint size, VmtAccess access, VmtTranslation *out)
{
  if (va < RAM || va >= RAM + RAM_SIZE || (access == VMT_ACCESS_STORE && va < DATA))
    {
      vmt_vcpu_raise (vcpu, access, va);
      return FALSE;
    }
  *out = (VmtTranslation){ .pa = va, .page_shift = 12, .access = 7 };
  if (va < DATA)
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
  .name = "ops",
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

/* --- what the evaluator needs --- */

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

/* --- blocks of one op --- */

static GRand *rnd;

typedef struct
{
  VmtIrOp ops[16];
  guint8 temp_types[16];
  VmtIrConst consts[8];
  VmtIrInsn insn;
  VmtIrBlock block;
} Block;

/* Where values of an operand's class live. */
static VmtIrType
container (char class, VmtIrType type)
{
  switch (class)
    {
    case 'i':
      return type == VMT_IR_I128 ? VMT_IR_I128 : VMT_IR_I64;
    case 'f':
      return type == VMT_IR_F80 ? VMT_IR_F80 : VMT_IR_F64;
    case 'p':
      return VMT_IR_PRED;
    case 'F':
      return VMT_IR_FLAGS;
    default:
      return type;
    }
}

static VmtIrVal
pick_global (VmtIrType type)
{
  guint found[N_INT], n = 0;

  for (guint g = 0; g < G_N_ELEMENTS (globals); g++)
    if (globals[g].type == type)
      found[n++] = g;
  return n == 0 ? VMT_IR_NO_VAL : VMT_IR_GLOBAL (found[g_rand_int_range (rnd, 0, (gint)n)]);
}

static VmtIrVal
new_temp (Block *b, VmtIrType type)
{
  b->temp_types[b->block.n_temps] = (guint8)type;
  return (VmtIrVal)(VMT_IR_TEMP_FIRST + b->block.n_temps++);
}

static VmtIrVal
pick_operand (Block *b, VmtIrType type, gboolean in_temp)
{
  if (type == VMT_IR_I64 && g_rand_int_range (rnd, 0, 4) == 0)
    {
      const guint n = b->block.n_consts++;
      const guint64 v = (guint64)g_rand_int (rnd) << 32 | g_rand_int (rnd);
      /* no two are the same */
      b->consts[n] = (VmtIrConst){ n % 2 ? v | 1 : v & 0x7e ? v & 0x7e : n * 256, 0 };
      return (VmtIrVal)(VMT_IR_CONST_FIRST + n);
    }
  const VmtIrVal global = pick_global (type);
  if (!in_temp || global == VMT_IR_NO_VAL)
    return global;
  const VmtIrVal temp = new_temp (b, type);
  b->ops[b->block.n_ops++] = (VmtIrOp){
    VMT_IR_MOV, (guint8)type, 0, temp, global, VMT_IR_NO_VAL, VMT_IR_NO_VAL, 0,
  };
  return temp;
}

/* Of an operand, with the type that the op takes it in. */
static VmtIrType
operand_type (VmtIrOpcode opcode, VmtIrType type, gint32 imm, guint i)
{
  char class = vmt_ir_op_operand_class (opcode, i);

  if (class == '?')
    class = opcode == VMT_IR_CALL ? 'i' : vmt_ir_type_class (type);
  if (opcode == VMT_IR_V_RESIZE)
    return (VmtIrType)(imm & 15);
  if (opcode == VMT_IR_FCVT)
    return imm >> 8 == VMT_IR_F80 ? VMT_IR_F80 : VMT_IR_F64;
  if (opcode == VMT_IR_LOW || opcode == VMT_IR_HIGH)
    return VMT_IR_I128;
  /* the address, the condition, the halves */
  if (opcode == VMT_IR_PACK128 || (opcode == VMT_IR_SELECT && i == 2) ||
      ((vmt_ir_op_info[opcode].flags & VMT_IR_OP_MEM) && i == 0))
    return container (class, VMT_IR_I64);
  return container (class, type);
}

/* An op into a global, or into a temporary that then goes there. */
static VmtIrVal
pick_result (Block *b, VmtIrType type, gboolean in_temp, VmtIrVal *global)
{
  *global = VMT_IR_NO_VAL;
  if (type == VMT_IR_NONE)
    return VMT_IR_NO_VAL;
  *global = pick_global (type);
  return in_temp && *global != VMT_IR_NO_VAL ? new_temp (b, type) : *global;
}

/* FALSE: there is no such op. */
static gboolean
make_block (Block *b, VmtIrOpcode opcode, VmtIrType type, guint flags, gint32 imm, gboolean in_temp)
{
  const VmtIrOpInfo *info = &vmt_ir_op_info[opcode];
  const char *ext = strchr (info->signature, '+');
  VmtIrVal v[3], into[2] = { VMT_IR_NO_VAL, VMT_IR_NO_VAL };

  memset (&b->block, 0, sizeof b->block);
  b->insn = (VmtIrInsn){ 0, 0, 4, 0 };
  b->block.ops = b->ops;
  b->block.insns = &b->insn;
  b->block.n_insns = 1;
  b->block.consts = b->consts;
  b->block.temp_types = b->temp_types;
  b->block.arch = &arch;
  b->block.fp_policy = arch.fp_policy;
  for (guint i = 0; i < 3; i++)
    v[i] = vmt_ir_op_operand_class (opcode, i) == '-' ? VMT_IR_NO_VAL
           /* an address points somewhere, most of the time */
           : i == 0 && (info->flags & VMT_IR_OP_MEM) && g_rand_int_range (rnd, 0, 12) != 0
               ? VMT_IR_GLOBAL ((guint)g_rand_int_range (rnd, N_INT - N_POINTERS, N_INT))
               : pick_operand (b, operand_type (opcode, type, imm, i), in_temp);
  if (info->flags & (VMT_IR_OP_COND | VMT_IR_OP_FCOND))
    v[2] = (VmtIrVal)g_rand_int_range (rnd, 0, info->flags & VMT_IR_OP_COND ? 6 : 18);
  if (info->flags & VMT_IR_OP_ATTR)
    v[2] = 0;

  VmtIrType result = vmt_ir_op_result_type (opcode, type);
  if (vmt_ir_type_class (result) == 'f')
    result = container ('f', result);
  VmtIrType second = VMT_IR_NONE;
  VmtIrOp x = { VMT_IR_EXT, 0, 0, VMT_IR_NO_VAL, VMT_IR_NO_VAL, VMT_IR_NO_VAL, VMT_IR_NO_VAL, 0 };
  if (ext != NULL)
    {
      VmtIrVal *slots[] = { &x.a, &x.b, &x.c };
      gboolean may_lack = FALSE;
      guint n = 0;
      for (const char *p = ext + 3; *p != '\0' && *p != '#' && n < 3; p++)
        if (*p == '[')
          may_lack = g_rand_boolean (rnd);
        else if (*p != ']')
          *slots[n++] = may_lack ? VMT_IR_NO_VAL : pick_operand (b, container (*p, type), in_temp);
      if (ext[1] != '-')
        second = container (ext[1], ext[1] == 'i' ? VMT_IR_I64 : type);
    }
  else if (flags & VMT_IR_MASKED)
    {
      x.a = pick_operand (b, VMT_IR_PRED, in_temp);
      if (vmt_ir_type_class (result) == 'v' && g_rand_boolean (rnd))
        x.b = pick_operand (b, type, in_temp);
    }
  const VmtIrVal d = pick_result (b, result, in_temp, &into[0]);
  x.d = pick_result (b, second, in_temp, &into[1]);
  b->ops[b->block.n_ops++] =
      (VmtIrOp){ (guint16)opcode, (guint8)type, (guint8)flags, d, v[0], v[1], v[2], imm };
  if (ext != NULL || (flags & VMT_IR_MASKED))
    b->ops[b->block.n_ops++] = x;
  if (in_temp && into[0] != VMT_IR_NO_VAL)
    b->ops[b->block.n_ops++] = (VmtIrOp){
      VMT_IR_MOV, (guint8)result, 0, into[0], d, VMT_IR_NO_VAL, VMT_IR_NO_VAL, 0,
    };
  if (in_temp && into[1] != VMT_IR_NO_VAL)
    b->ops[b->block.n_ops++] = (VmtIrOp){
      VMT_IR_MOV, (guint8)second, 0, into[1], x.d, VMT_IR_NO_VAL, VMT_IR_NO_VAL, 0,
    };
  if (!(info->flags & VMT_IR_OP_END))
    b->ops[b->block.n_ops++] = (VmtIrOp){
      VMT_IR_JUMP, 0, 0, VMT_IR_NO_VAL, VMT_IR_NO_VAL, VMT_IR_NO_VAL, VMT_IR_NO_VAL, 64
    };
  return vmt_ir_block_verify (&b->block, NULL);
}

/* --- execution --- */

typedef struct
{
  guint8 values[48][64], memory[RAM_SIZE];
  VmtFpEnv fp;
  guint64 pc, retired;
  gboolean fault;
  VmtFault cause;
} Outcome;

static VmtTier *tier;
static VmtRam *ram;
static State *state;
static Outcome start, expected, got;

static guint64
random_value (void)
{
  static const guint64 edges[] = {
    0,
    1,
    G_GUINT64_CONSTANT (0x8000000000000000),
    G_GUINT64_CONSTANT (0x7fffffffffffffff),
    G_GUINT64_CONSTANT (0x3ff0000000000000),
    G_GUINT64_CONSTANT (0x7ff0000000000000),
    G_GUINT64_CONSTANT (0x7ff8000000000000),
    G_GUINT64_CONSTANT (0x7ff0000000000001),
    G_GUINT64_CONSTANT (0x000fffffffffffff),
    G_GUINT64_CONSTANT (0xffffffff3f800000),
    G_GUINT64_CONSTANT (0xffffffff7f800001),
    G_GUINT64_CONSTANT (0xffffffff80000000),
    G_GUINT64_CONSTANT (0xffffffffffff3c00),
  };
  const guint64 v = (guint64)g_rand_int (rnd) << 32 | g_rand_int (rnd);

  switch (g_rand_int_range (rnd, 0, 6))
    {
    case 0:
      return edges[v % G_N_ELEMENTS (edges)];
    case 1:
      return v & (v >> 40) & 0x7f;
    case 2:
      return G_GUINT64_CONSTANT (0xffffffff00000000) | (0x3f000000 + (v & 0x80ffffff));
    case 3:
      return G_GUINT64_CONSTANT (0x3fe0000000000000) +
             (v & G_GUINT64_CONSTANT (0x803fffffffffffff));
    default:
      return v;
    }
}

static void
randomise (void)
{
  for (guint i = 0; i < G_N_ELEMENTS (start.values); i++)
    for (guint j = 0; j < 64; j += 8)
      {
        const guint64 v = random_value ();
        memcpy (&start.values[i][j], &v, 8);
      }
  if (g_rand_int_range (rnd, 0, 8) == 0)
    memset (start.values[0], 0, (N_INT - N_POINTERS) * sizeof start.values[0]);
  for (guint i = N_INT - N_POINTERS; i < N_INT; i++)
    {
      guint64 v = DATA + 0x100 * i;
      const guint kind = (guint)g_rand_int_range (rnd, 0, 12);
      if (kind == 0)
        v += (guint64)g_rand_int_range (rnd, 0, 16);
      else if (kind == 1)
        v = DATA + 0x1000 - 4;
      else if (kind == 2)
        v = RAM + 64;
      memcpy (start.values[i], &v, 8);
    }
  for (guint g = 0; g < G_N_ELEMENTS (globals); g++)
    if (globals[g].type == VMT_IR_FLAGS)
      {
        const VmtIrFlags flags = vmt_ir_flags_from_bits (g_rand_int (rnd) & VMT_IR_FLAGS_ALL);
        memcpy ((guint8 *)start.values + globals[g].offset - globals[0].offset, &flags,
                sizeof flags);
      }
  start.fp = (VmtFpEnv){ .round = (guint8)g_rand_int_range (rnd, 0, 4),
                         .flags = (guint8)g_rand_int_range (rnd, 0, 32),
                         .policy = VMT_FP_POLICY_RISCV };
}

static void
prepare (void)
{
  VmtVcpu *vcpu = &state->vcpu;
  memcpy (state->values, start.values, sizeof start.values);
  memcpy (ram->host, start.memory, RAM_SIZE);
  state->fp = start.fp;
  vcpu->fault_pending = 0;
  vcpu->pc = vcpu->page_va = CODE;
  vcpu->icount = 0;
  memset (&vcpu->fault, 0, sizeof vcpu->fault);
  vmt_vcpu_clear_reservation (vcpu);
  /* leaves at the first exit */
  vcpu->exit_request = VMT_VCPU_RELOOKUP;
}

static void
collect (Outcome *o)
{
  memcpy (o->values, state->values, sizeof o->values);
  memcpy (o->memory, ram->host, RAM_SIZE);
  o->fp = state->fp;
  o->pc = state->vcpu.pc;
  o->retired = state->vcpu.icount;
  o->fault = state->vcpu.fault_pending != 0;
  o->cause = state->vcpu.fault;
}

/* NULL: they are the same. */
static const char *
difference (const Outcome *a, const Outcome *b)
{
  for (guint i = 0; i < G_N_ELEMENTS (globals); i++)
    {
      const gsize offset = globals[i].offset - globals[0].offset;
      const gsize size = globals[i].type == VMT_IR_FLAGS ? sizeof (VmtIrFlags)
                         : globals[i].type == VMT_IR_F80
                             ? 10
                             : MAX (vmt_ir_type_bits ((VmtIrType)globals[i].type) / 8, 8);
      if (memcmp ((const guint8 *)a->values + offset, (const guint8 *)b->values + offset, size) !=
          0)
        return globals[i].name;
    }
  return memcmp (a->memory, b->memory, RAM_SIZE) != 0 ? "memory"
         : a->fp.flags != b->fp.flags                 ? "fp flags"
         : a->pc != b->pc                             ? "pc"
         : a->retired != b->retired                   ? "count"
         : a->fault != b->fault || (a->fault && memcmp (&a->cause, &b->cause, sizeof a->cause) != 0)
             ? "exception"
             : NULL;
}

static void
add_eval (const char *name, guint64 value, gpointer data)
{
  if (g_str_has_prefix (name, "tier.eval-"))
    *(guint64 *)data += value;
}

static guint64
count_evals (void)
{
  guint64 n = 0;
  vmt_tier_visit_counters (tier, &arch, add_eval, &n);
  return n;
}

/* @native: (inout): whether it has been executed without the evaluator, ever. */
static gboolean
run (Block *b, gboolean *native)
{
  VmtVcpu *vcpu = &state->vcpu;
  VmtExecBlock block = { .ir = &b->block,
                         .pa = CODE,
                         .ram = ram,
                         .ram_offset = CODE - RAM,
                         .size = 4,
                         .level = b->block.n_ops % 2 };
  VmtTierCode code;
  const char *what = NULL;

  randomise ();
  prepare ();
  VmtIrEval eval = {
    .vcpu = vcpu, .block = &b->block, .mem = &mem_ops, .page_va = CODE, .budget = G_MAXINT64
  };
  const VmtIrEvalExit exit = vmt_ir_eval_block (&eval);
  collect (&expected);
  expected.pc = eval.pc;
  expected.retired = eval.insn + (exit != VMT_IR_EVAL_FAULT && exit != VMT_IR_EVAL_BUDGET);
  g_assert_true (vmt_tier_compile (tier, &arch, &block));
  const gboolean has_code = vmt_tier_get_code (tier, &block, &code, NULL);
  vmt_tlb_flush_all (vcpu);
  /* with a TLB that knows nothing, and with one that does */
  for (guint i = 0; i < 2 && what == NULL; i++)
    {
      const guint64 evals = *native || !has_code ? 0 : count_evals ();
      prepare ();
      block.entry (vcpu, &block);
      collect (&got);
      what = difference (&expected, &got);
      if (!*native && has_code && count_evals () == evals)
        *native = TRUE;
    }
  if (what != NULL)
    {
      g_autofree char *text = vmt_ir_block_to_text (&b->block);
      g_test_message ("%s differs: pc %#" G_GINT64_MODIFIER "x %#" G_GINT64_MODIFIER
                      "x, fault %d %d, fp flags %x %x, of round %u\n%s",
                      what, expected.pc, got.pc, expected.fault, got.fault, expected.fp.flags,
                      got.fp.flags, start.fp.round, text);
    }
  vmt_tier_kill (tier, &block);
  vmt_tier_discard (tier, &block);
  return what == NULL;
}

static gboolean
round_trips (const VmtIrBlock *block)
{
  g_autofree char *text = vmt_ir_block_to_text (block);
  g_autoptr (VmtIrBlock) again = vmt_ir_block_from_text (text, &arch, NULL);
  g_autofree char *text2 = again != NULL ? vmt_ir_block_to_text (again) : NULL;

  if (text2 != NULL && g_str_equal (text, text2))
    return TRUE;
  g_test_message ("printed and read it is another:\n%s", text);
  return FALSE;
}

/* What has become of an op's forms of one type. */
typedef struct
{
  guint forms, native;
} Tally;
static Tally tallies[VMT_IR_N_OPS][VMT_IR_FLAGS + 1];

static void
test_op (gconstpointer data)
{
  static const gint32 imms[] = {
    0,     1,      2,      3,      5,      7,      8,      64,     0x101,       0x203, 0x403,
    0x700, 0x701,  0x703,  0x800,  0x807,  0x907,  0x107,  0x207,  0x307,       0x300, 0x400,
    0x407, 0x1407, 0x1307, 0x1801, 0x3807, 0x0903, 0x2007, 0x3040, VMT_IR_V256,
  };
  static const guint scalar_flags[] = { 0, VMT_IR_SX, VMT_IR_UW, VMT_IR_BOXED, VMT_IR_NOT_BORROW };
  const VmtIrOpcode opcode = (VmtIrOpcode)GPOINTER_TO_UINT (data);
  const gboolean is_vector = (vmt_ir_op_info[opcode].flags & VMT_IR_OP_VEC) != 0;
  const guint n_flags = is_vector ? 2 * (VMT_IR_F64 + 1) : G_N_ELEMENTS (scalar_flags);
  gboolean whole = FALSE;
  Block b;

  rnd = g_rand_new_with_seed (0x6f70u + opcode);
  for (guint type = 0; type <= VMT_IR_FLAGS; type++)
    for (guint f = 0; f < n_flags; f++)
      for (guint k = 0; k < G_N_ELEMENTS (imms); k++)
        {
          const guint flags =
              !is_vector ? scalar_flags[f] : f / 2 | (f % 2 ? (guint)VMT_IR_MASKED : 0);
          gboolean native = FALSE, is_form = FALSE;

          for (guint i = 0; i < 2 * STATES; i++)
            {
              if (!make_block (&b, opcode, (VmtIrType)type, flags, imms[k], i % 2 == 1))
                {
                  /* operands that it does not take now and then, but not always */
                  if (i >= 2 && !is_form)
                    break;
                  continue;
                }
              is_form = TRUE;
              if ((i < 2 && !round_trips (&b.block)) || !run (&b, &native))
                {
                  g_test_fail ();
                  g_rand_free (rnd);
                  return;
                }
              whole |= !got.fault || opcode == VMT_IR_TRAP;
            }
          tallies[opcode][type].forms += is_form;
          tallies[opcode][type].native += native;
        }
  g_rand_free (rnd);
  if (!whole)
    {
      g_test_message ("%s has no form, or faults in all", vmt_ir_op_info[opcode].name);
      g_test_fail ();
    }
}

/* --- the table --- */

static void
append_types (GString *text, guint op, gboolean native)
{
  gboolean any = FALSE;

  for (guint type = 0; type <= VMT_IR_FLAGS; type++)
    {
      const Tally *t = &tallies[op][type];
      if (t->forms == 0 || (native ? t->native == 0 : t->native == t->forms))
        continue;
      g_string_append_printf (text, "%s%s%s", any ? " " : "",
                              type == VMT_IR_NONE ? "all" : vmt_ir_type_name ((VmtIrType)type),
                              t->native != 0 && t->native != t->forms ? "*" : "");
      any = TRUE;
    }
  if (!any)
    g_string_append_c (text, '-');
}

static char *
make_table (const char *tier_name)
{
  GString *text = g_string_new (NULL);
  GString *rows = g_string_new (NULL);
  guint n_native = 0, n_part = 0, n_left = 0;

  for (guint op = 0; op < VMT_IR_N_OPS; op++)
    {
      guint forms = 0, native = 0;
      if (op == VMT_IR_EXT)
        continue;
      for (guint type = 0; type <= VMT_IR_FLAGS; type++)
        {
          forms += tallies[op][type].forms;
          native += tallies[op][type].native;
        }
      if (native == 0)
        n_left++;
      else if (native == forms)
        n_native++;
      else
        n_part++;
      g_string_append_printf (rows, "| %s | ", vmt_ir_op_info[op].name);
      append_types (rows, op, TRUE);
      g_string_append (rows, " | ");
      append_types (rows, op, FALSE);
      g_string_append (rows, " |\n");
    }
  g_string_append_printf (
      text,
      "<!-- Written by \"ninja ops-update\"; the test ops-%s fails when this is not what it would "
      "write. -->\n"
      "# IR ops under the tier %s\n\n"
      "%u ops are host code, %u are in part, %u are left to the evaluator, by a call. All are "
      "executed by the test in every\n"
      "form that the verifier accepts and compared with the evaluator. A star: of that type some "
      "forms are and some are not\n"
      "(flags, rounding modes, operands' types).\n\n"
      "| op | host code for | left to the evaluator for |\n| --- | --- | --- |\n%s",
      tier_name, tier_name, n_native, n_part, n_left, rows->str);
  g_string_free (rows, TRUE);
  return g_string_free (text, FALSE);
}

static const char *tier_name, *table_path;
static gboolean update;

static void
test_table (void)
{
  g_autofree char *text = make_table (tier_name);
  g_autofree char *committed = NULL;
  g_autoptr (GError) error = NULL;

  if (update)
    {
      g_file_set_contents (table_path, text, -1, &error);
      g_assert_no_error (error);
      return;
    }
  g_file_get_contents (table_path, &committed, NULL, &error);
  g_assert_no_error (error);
  if (g_str_equal (committed, text))
    return;
  g_auto (GStrv) old = g_strsplit (committed, "\n", -1);
  g_auto (GStrv) new = g_strsplit (text, "\n", -1);
  for (guint i = 0; new[i] != NULL; i++)
    if (!g_strv_contains ((const char *const *)old, new[i]))
      g_test_message ("now: %s", new[i]);
  g_test_message ("\"ninja ops-update\" writes %s", table_path);
  g_test_fail ();
}

static guint64
get_time (gpointer data)
{
  return 0;
}

int
main (int argc, char **argv)
{
  static const VmtExecHost host = { .get_time = get_time };
  g_autoptr (GError) error = NULL;

  g_test_init (&argc, &argv, NULL);
  tier_name = argc > 1 ? argv[1] : "";
  table_path = argc > 2 ? argv[2] : NULL;
  update = argc > 3 && g_str_equal (argv[3], "--update");
  VmtObject *object =
      vmt_registry_create (vmt_registry_get_default (), VMT_FEATURE_TIER, tier_name, &error);
  g_assert_no_error (error);
  tier = VMT_TIER (g_object_ref_sink (object));
  if (!vmt_tier_probe (tier, &error))
    {
      g_print ("1..0 # SKIP %s\n", error->message);
      g_object_unref (tier);
      return 0;
    }
  ram = vmt_ram_new ("ram", RAM_SIZE, VMT_RAM_ANON, NULL, &error);
  VmtAddressSpace *space = vmt_address_space_new ("ops");
  vmt_address_space_add_ram (space, RAM, ram, 0, RAM_SIZE, FALSE, NULL, &error);
  g_assert_no_error (error);
  VmtExec *exec = vmt_exec_new (space, tier, &host);
  state = (State *)vmt_exec_add_vcpu (exec, &arch, NULL, 0);
  rnd = g_rand_new_with_seed (1);
  for (guint i = 0; i < RAM_SIZE; i += 8)
    {
      const guint64 v = random_value ();
      memcpy (start.memory + i, &v, 8);
    }
  g_rand_free (rnd);
  for (guint op = 0; op < VMT_IR_N_OPS; op++)
    {
      /* which is a part of others */
      if (op == VMT_IR_EXT)
        continue;
      g_autofree char *path = g_strdup_printf ("/ops/%s/%s", tier_name, vmt_ir_op_info[op].name);
      g_test_add_data_func (path, GUINT_TO_POINTER (op), test_op);
    }
  if (table_path != NULL)
    {
      /* the last one: "z" */
      g_autofree char *path = g_strdup_printf ("/ops-table/%s", tier_name);
      g_test_add_func (path, test_table);
    }
  const int status = g_test_run ();
  vmt_exec_free (exec);
  g_object_unref (tier);
  vmt_address_space_unref (space);
  vmt_ram_unref (ram);
  return status;
}
