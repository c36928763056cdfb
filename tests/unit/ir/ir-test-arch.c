/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "ir-test-arch.h"

#define AT(n) (G_STRUCT_OFFSET (TestState, slots) + 64 * (n))
#define G(name, type, n)                                                                           \
  {                                                                                                \
    name, VMT_IR_##type, AT (n)                                                                    \
  }

static const VmtIrGlobal x86_globals[] = {
  G ("rax", I64, 0),      G ("rcx", I64, 1),    G ("rdx", I64, 2),    G ("rbx", I64, 3),
  G ("rsp", I64, 4),      G ("rbp", I64, 5),    G ("rsi", I64, 6),    G ("rdi", I64, 7),
  G ("r8", I64, 8),       G ("r9", I64, 9),     G ("r10", I64, 10),   G ("r11", I64, 11),
  G ("flags", FLAGS, 16), G ("xmm0", V128, 17), G ("xmm1", V128, 18), G ("xmm2", V128, 19),
  G ("ymm0", V256, 24),   G ("ymm1", V256, 25), G ("ymm2", V256, 26), G ("zmm0", V512, 32),
  G ("zmm1", V512, 33),   G ("zmm2", V512, 34), G ("zmm3", V512, 35), G ("k1", PRED, 40),
  G ("k2", PRED, 41),     G ("mm0", F80, 48),   G ("mm1", F80, 49),   G ("mm2", F80, 50),
  G ("mm3", F80, 51),     G ("mm4", F80, 52),   G ("mm5", F80, 53),   G ("mm6", F80, 54),
  G ("mm7", F80, 55),     G ("d0", F64, 56),    G ("d1", F64, 57),    G ("d2", F64, 58),
};

static const VmtIrGlobal arm_globals[] = {
  G ("x0", I64, 0),   G ("x1", I64, 1),      G ("x2", I64, 2),   G ("x3", I64, 3),
  G ("x4", I64, 4),   G ("x5", I64, 5),      G ("x6", I64, 6),   G ("x7", I64, 7),
  G ("x8", I64, 8),   G ("x9", I64, 9),      G ("x29", I64, 10), G ("x30", I64, 11),
  G ("sp", I64, 12),  G ("nzcv", FLAGS, 16), G ("q0", V128, 17), G ("q1", V128, 18),
  G ("q2", V128, 19), G ("q3", V128, 20),    G ("q4", V128, 21), G ("z0", V512, 32),
  G ("z1", V512, 33), G ("z2", V512, 34),    G ("p0", PRED, 40), G ("p1", PRED, 41),
  G ("p2", PRED, 42), G ("ffr", PRED, 43),   G ("d0", F64, 56),  G ("d1", F64, 57),
  G ("d2", F64, 58),  G ("d3", F64, 59),
};

static const VmtIrGlobal riscv_globals[] = {
  G ("x1", I64, 0),      G ("x5", I64, 1),   G ("x6", I64, 2),   G ("x7", I64, 3),
  G ("x10", I64, 4),     G ("x11", I64, 5),  G ("x12", I64, 6),  G ("x13", I64, 7),
  G ("x14", I64, 8),     G ("x15", I64, 9),  G ("vl", I64, 12),  G ("vtype", I64, 13),
  G ("vstart", I64, 14), G ("v0", V128, 17), G ("v1", V128, 18), G ("v2", V128, 19),
  G ("v3", V128, 20),    G ("v4", V128, 21), G ("v8", V256, 22), G ("v10", V256, 23),
  G ("f0", F64, 56),     G ("f1", F64, 57),  G ("f2", F64, 58),  G ("f3", F64, 59),
  G ("sepc", I64, 60),
};

/* The 128-bit dividend cannot be passed with the divisor: the quotient's upper half has been found
 * to fit. */
static guint64
help_div128 (VmtVcpu *vcpu, guint64 high, guint64 low, guint64 divisor)
{
  return divisor ? (unsigned __int128)(((unsigned __int128)high << 64 | low) / divisor) : 0;
}

static guint64
help_rem128 (VmtVcpu *vcpu, guint64 high, guint64 low, guint64 divisor)
{
  return divisor ? (unsigned __int128)(((unsigned __int128)high << 64 | low) % divisor) : 0;
}

/* Value c into the register numbered a if its low bits are fine; else the exception b. Returns the
 * old value. */
static guint64
help_csr_write (VmtVcpu *vcpu, guint64 number, guint64 cause, guint64 value)
{
  guint64 *slot =
      test_slot ((TestState *)vcpu, &test_arch_riscv64, test_global (&test_arch_riscv64, "sepc"));
  guint64 old = *slot;

  if (number != 0x141)
    {
      vmt_vcpu_raise (vcpu, cause, vcpu->pc);
      return 0;
    }
  *slot = value & ~(guint64)1;
  return old;
}

static const VmtIrHelper helpers[] = {
  { "div128", help_div128, VMT_HELPER_PURE },
  { "rem128", help_rem128, VMT_HELPER_PURE },
  { "csr_write", help_csr_write,
    VMT_HELPER_READS | VMT_HELPER_WRITES | VMT_HELPER_FAULTS | VMT_HELPER_PC },
};

#define ARCH(symbol, text, table, policy)                                                          \
  const VmtArchOps test_arch_##symbol = {                                                          \
    .struct_size = sizeof (VmtArchOps),                                                            \
    .name = text,                                                                                  \
    .state_size = sizeof (TestState),                                                              \
    .globals = table,                                                                              \
    .n_globals = G_N_ELEMENTS (table),                                                             \
    .helpers = helpers,                                                                            \
    .n_helpers = G_N_ELEMENTS (helpers),                                                           \
    .fp_policy = policy,                                                                           \
    .fp_env_offset = G_STRUCT_OFFSET (TestState, fp),                                              \
  };

ARCH (x86_64, "x86_64", x86_globals, VMT_FP_POLICY_X86)
ARCH (aarch64, "aarch64", arm_globals, VMT_FP_POLICY_ARM)
ARCH (riscv64, "riscv64", riscv_globals, VMT_FP_POLICY_RISCV)

const VmtArchOps *
test_arch_by_name (const char *name)
{
  const VmtArchOps *all[] = { &test_arch_x86_64, &test_arch_aarch64, &test_arch_riscv64 };

  for (guint i = 0; i < G_N_ELEMENTS (all); i++)
    if (!strcmp (all[i]->name, name))
      return all[i];
  return NULL;
}

gint
test_global (const VmtArchOps *arch, const char *name)
{
  for (guint i = 0; i < arch->n_globals; i++)
    if (!strcmp (arch->globals[i].name, name))
      return i;
  return -1;
}

gpointer
test_slot (TestState *state, const VmtArchOps *arch, guint global)
{
  return (guint8 *)state + arch->globals[global].offset;
}

TestState *
test_state_new (const VmtArchOps *arch)
{
  TestState *state = g_aligned_alloc0 (1, sizeof (TestState), 64);

  state->vcpu.arch = arch;
  state->fp.policy = arch->fp_policy;
  for (guint i = 0; i < arch->n_globals; i++)
    if (arch->globals[i].type == VMT_IR_FLAGS)
      *(VmtIrFlags *)test_slot (state, arch, i) = vmt_ir_flags_from_bits (0);
  test_state_map (state, TEST_RAM, TRUE);
  test_state_map (state, TEST_RAM + 0x1000, TRUE);
  return state;
}

void
test_state_free (TestState *state)
{
  g_aligned_free (state);
}

void
test_state_map (TestState *state, guint64 va, gboolean writable)
{
  g_assert_cmpuint (state->n_pages, <, TEST_PAGES);
  g_assert_cmpuint (va & 0xfff, ==, 0);
  state->pages[state->n_pages].va = va;
  state->pages[state->n_pages++].writable = writable;
}

guint8 *
test_state_byte (TestState *state, guint64 va, gboolean write)
{
  for (guint i = 0; i < state->n_pages; i++)
    if (state->pages[i].va == (va & ~(guint64)0xfff))
      return write && !state->pages[i].writable ? NULL : &state->pages[i].bytes[va & 0xfff];
  return NULL;
}

static gboolean
probe (VmtVcpu *vcpu, guint64 va, guint size, gboolean store)
{
  for (guint i = 0; i < size; i++)
    if (!test_state_byte ((TestState *)vcpu, va + i, store))
      return FALSE;
  return TRUE;
}

static void
misaligned (VmtVcpu *vcpu, guint64 va, guint size, gboolean store)
{
  vmt_vcpu_raise (vcpu, store ? TEST_STORE_MISALIGNED : TEST_LOAD_MISALIGNED, va);
}

/* Faults at the first byte that cannot be accessed. */
static gboolean
check (VmtVcpu *vcpu, guint64 va, guint size, guint attr, gboolean store)
{
  gboolean as_store = store || attr & VMT_IR_MEM_ATOMIC_FAULT;

  if (attr & VMT_IR_MEM_ALIGNED && va % size)
    {
      misaligned (vcpu, va, size, as_store);
      return FALSE;
    }
  for (guint i = 0; i < size; i++)
    if (!test_state_byte ((TestState *)vcpu, va + i, store))
      {
        vmt_vcpu_raise (vcpu, as_store ? TEST_STORE_FAULT : TEST_LOAD_FAULT, va + i);
        return FALSE;
      }
  return TRUE;
}

static gboolean
load (VmtVcpu *vcpu, guint64 va, guint size, guint attr, guint64 *value)
{
  if (!check (vcpu, va, size, attr, FALSE))
    return FALSE;
  *value = 0;
  for (guint i = 0; i < size; i++)
    *value |= (guint64)*test_state_byte ((TestState *)vcpu, va + i, FALSE) << (8 * i);
  return TRUE;
}

static gboolean
store (VmtVcpu *vcpu, guint64 va, guint size, guint attr, guint64 value)
{
  if (!check (vcpu, va, size, attr, TRUE))
    return FALSE;
  for (guint i = 0; i < size; i++)
    *test_state_byte ((TestState *)vcpu, va + i, TRUE) = value >> (8 * i);
  return TRUE;
}

static gboolean
load_linked (VmtVcpu *vcpu, guint64 va, guint size, guint attr, guint64 *value)
{
  TestState *state = (TestState *)vcpu;

  state->reserved = load (vcpu, va, size, attr, value);
  state->reserved_va = va;
  return state->reserved;
}

static gboolean
store_conditional (VmtVcpu *vcpu, guint64 va, guint size, guint attr, guint64 value,
                   guint64 *failed)
{
  TestState *state = (TestState *)vcpu;
  gboolean reserved = state->reserved && state->reserved_va == va;

  if (!check (vcpu, va, size, attr, TRUE))
    return FALSE;
  state->reserved = FALSE;
  *failed = !reserved;
  return reserved ? store (vcpu, va, size, attr, value) : TRUE;
}

static gboolean
load_linked128 (VmtVcpu *vcpu, guint64 va, guint attr, guint64 value[2])
{
  TestState *state = (TestState *)vcpu;

  state->reserved = check (vcpu, va, 16, attr, FALSE) && load (vcpu, va, 8, 0, &value[0]) &&
                    load (vcpu, va + 8, 8, 0, &value[1]);
  state->reserved_va = va;
  return state->reserved;
}

static gboolean
store_conditional128 (VmtVcpu *vcpu, guint64 va, guint attr, const guint64 value[2],
                      guint64 *failed)
{
  TestState *state = (TestState *)vcpu;
  gboolean reserved = state->reserved && state->reserved_va == va;

  if (!check (vcpu, va, 16, attr, TRUE))
    return FALSE;
  state->reserved = FALSE;
  *failed = !reserved;
  return !reserved || (store (vcpu, va, 8, 0, value[0]) && store (vcpu, va + 8, 8, 0, value[1]));
}

static gboolean
amo (VmtVcpu *vcpu, VmtIrAmo op, guint64 va, guint size, guint attr, guint64 value, guint64 *old)
{
  guint shift = 64 - 8 * size;
  gint64 sa, sb;
  guint64 a, r;

  if (!check (vcpu, va, size, attr | VMT_IR_MEM_ATOMIC_FAULT, TRUE) ||
      !load (vcpu, va, size, 0, old))
    return FALSE;
  a = *old;
  value = value << shift >> shift;
  sa = (gint64)(a << shift) >> shift;
  sb = (gint64)(value << shift) >> shift;
  switch (op)
    {
    case VMT_IR_AMO_ADD:
      r = a + value;
      break;
    case VMT_IR_AMO_AND:
      r = a & value;
      break;
    case VMT_IR_AMO_OR:
      r = a | value;
      break;
    case VMT_IR_AMO_XOR:
      r = a ^ value;
      break;
    case VMT_IR_AMO_MINS:
      r = sa < sb ? a : value;
      break;
    case VMT_IR_AMO_MAXS:
      r = sa < sb ? value : a;
      break;
    case VMT_IR_AMO_MINU:
      r = MIN (a, value);
      break;
    case VMT_IR_AMO_MAXU:
      r = MAX (a, value);
      break;
    default:
      r = value;
      break;
    }
  return store (vcpu, va, size, 0, r);
}

static gboolean
cas (VmtVcpu *vcpu, guint64 va, guint size, guint attr, const guint64 expected[2],
     const guint64 desired[2], guint64 old[2])
{
  guint half = MIN (size, 8);

  old[1] = 0;
  if (!check (vcpu, va, size, attr | VMT_IR_MEM_ATOMIC_FAULT, TRUE) ||
      !load (vcpu, va, half, 0, &old[0]) || (size > 8 && !load (vcpu, va + 8, 8, 0, &old[1])))
    return FALSE;
  if (old[0] != expected[0] || old[1] != expected[1])
    return TRUE;
  return store (vcpu, va, half, 0, desired[0]) &&
         (size <= 8 || store (vcpu, va + 8, 8, 0, desired[1]));
}

static void
fence (VmtVcpu *vcpu, guint predecessor, guint successor)
{
  ((TestState *)vcpu)->fences++;
}

static void
raise_exception (VmtVcpu *vcpu, guint64 cause, guint64 value)
{
  vmt_vcpu_raise (vcpu, cause, value);
}

static gboolean
fault_pending (VmtVcpu *vcpu)
{
  return vcpu->fault_pending;
}

static void
set_pc (VmtVcpu *vcpu, guint64 pc)
{
  vcpu->pc = pc;
}

const VmtIrMemOps test_mem_ops = {
  .load = load,
  .store = store,
  .load_linked = load_linked,
  .store_conditional = store_conditional,
  .amo = amo,
  .load_linked128 = load_linked128,
  .store_conditional128 = store_conditional128,
  .cas = cas,
  .misaligned = misaligned,
  .probe = probe,
  .fence = fence,
  .raise = raise_exception,
  .fault_pending = fault_pending,
  .set_pc = set_pc,
};

VmtIrEvalExit
test_eval (TestState *state, const VmtIrBlock *block, gint64 budget, guint64 *pc)
{
  VmtIrEval e = { .vcpu = &state->vcpu,
                  .block = block,
                  .mem = &test_mem_ops,
                  .page_va = TEST_PAGE,
                  .budget = budget };
  VmtIrEvalExit how = vmt_ir_eval_block (&e);

  if (pc)
    *pc = e.pc;
  return how;
}

static gboolean
same (gconstpointer a, gconstpointer b, gsize size)
{
  return !size || !memcmp (a, b, size);
}

gboolean
test_blocks_equal (const VmtIrBlock *a, const VmtIrBlock *b)
{
  return a->n_ops == b->n_ops && a->n_insns == b->n_insns && a->n_consts == b->n_consts &&
         a->n_temps == b->n_temps && a->arch == b->arch && a->fp_policy == b->fp_policy &&
         same (a->ops, b->ops, a->n_ops * sizeof *a->ops) &&
         same (a->insns, b->insns, a->n_insns * sizeof *a->insns) &&
         same (a->consts, b->consts, a->n_consts * sizeof *a->consts) &&
         same (a->temp_types, b->temp_types, a->n_temps);
}

gboolean
test_round_trip (const VmtIrBlock *block)
{
  g_autofree char *text = vmt_ir_block_to_text (block), *again = NULL;
  g_autoptr (GError) error = NULL;
  g_autoptr (VmtIrBlock) copy = vmt_ir_block_from_text (text, block->arch, &error);

  if (!copy)
    {
      g_test_message ("%s\n%s", error->message, text);
      return FALSE;
    }
  again = vmt_ir_block_to_text (copy);
  if (strcmp (text, again) || !test_blocks_equal (block, copy))
    {
      g_test_message ("first:\n%s\nagain:\n%s", text, again);
      return FALSE;
    }
  return TRUE;
}
