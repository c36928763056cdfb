/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "fake-arch.h"

#include <string.h>

#define G(n) VMT_IR_GLOBAL (n)

enum
{
  HELPER_WAIT,
  HELPER_STOP,
  HELPER_SPACE,
  HELPER_FLUSH,
  HELPER_HOOK
};

static guint64
helper_wait (VmtVcpu *vcpu, guint64 a, guint64 b, guint64 c)
{
  vmt_vcpu_wait (vcpu);
  return 0;
}

static guint64
helper_stop (VmtVcpu *vcpu, guint64 a, guint64 b, guint64 c)
{
  vmt_vcpu_stop (vcpu);
  return 0;
}

static void
select_bank (VmtVcpu *vcpu)
{
  vmt_tlb_select (vcpu, FAKE (vcpu)->root | FAKE (vcpu)->asid, FAKE (vcpu)->asid);
}

static guint64
helper_space (VmtVcpu *vcpu, guint64 a, guint64 b, guint64 c)
{
  FAKE (vcpu)->root = a;
  FAKE (vcpu)->asid = (guint32)b;
  select_bank (vcpu);
  return 0;
}

static guint64
helper_flush (VmtVcpu *vcpu, guint64 a, guint64 b, guint64 c)
{
  switch (b)
    {
    case 0:
      vmt_tlb_flush_all (vcpu);
      break;
    case 3:
      vmt_tlb_flush_asid (vcpu, FAKE (vcpu)->asid);
      break;
    default:
      vmt_tlb_flush_page (vcpu, a, FAKE (vcpu)->asid, b == 2);
      break;
    }
  return 0;
}

static guint64
helper_hook (VmtVcpu *vcpu, guint64 a, guint64 b, guint64 c)
{
  if (FAKE (vcpu)->hook != NULL)
    FAKE (vcpu)->hook (vcpu, a, b);
  return 0;
}

#define ALL_EFFECTS (VMT_HELPER_READS | VMT_HELPER_WRITES | VMT_HELPER_FAULTS | VMT_HELPER_PC)
static const VmtIrHelper helpers[] = {
  [HELPER_WAIT] = { "wait", helper_wait, ALL_EFFECTS },
  [HELPER_STOP] = { "stop", helper_stop, ALL_EFFECTS },
  [HELPER_SPACE] = { "space", helper_space, ALL_EFFECTS },
  [HELPER_FLUSH] = { "flush", helper_flush, ALL_EFFECTS },
  [HELPER_HOOK] = { "hook", helper_hook, ALL_EFFECTS },
};

#define X(n)                                                                                       \
  {                                                                                                \
    "x" #n, VMT_IR_I64, G_STRUCT_OFFSET (FakeState, x) + 8 * n                                     \
  }
#define F(n)                                                                                       \
  {                                                                                                \
    "f" #n, VMT_IR_F64, G_STRUCT_OFFSET (FakeState, x) + 8 * n                                     \
  }
#define EIGHT(M, n) M (n##0), M (n##1), M (n##2), M (n##3), M (n##4), M (n##5), M (n##6), M (n##7)
static const VmtIrGlobal globals[] = {
  X (0),  X (1),  X (2),  X (3),  X (4),  X (5),  X (6),  X (7),  X (8),  X (9),  X (10),
  X (11), X (12), X (13), X (14), X (15), X (16), X (17), X (18), X (19), X (20), X (21),
  X (22), X (23), X (24), X (25), X (26), X (27), X (28), X (29), X (30), X (31), F (0),
  F (1),  F (2),  F (3),  F (4),  F (5),  F (6),  F (7),  F (8),  F (9),  F (10), F (11),
  F (12), F (13), F (14), F (15), F (16), F (17), F (18), F (19), F (20), F (21), F (22),
  F (23), F (24), F (25), F (26), F (27), F (28), F (29), F (30), F (31),
};

static void
fake_update_mode (VmtVcpu *vcpu)
{
  select_bank (vcpu);
}

static void
fake_init (VmtVcpu *vcpu)
{
  FAKE (vcpu)->deadline = G_MAXUINT64;
  fake_update_mode (vcpu);
}

static void
fake_reset (VmtVcpu *vcpu)
{
  FakeState *s = FAKE (vcpu);
  memset (s->x, 0, sizeof s->x);
  s->root = 0;
  s->asid = 0;
  s->deadline = G_MAXUINT64;
}

static void
emit_alu (VmtIrBuilder *b, VmtIrOpcode op, guint d, guint x, VmtIrVal y)
{
  vmt_ir_set (b, G (d), vmt_ir_op2 (b, op, VMT_IR_I64, 0, G (x), y, 0));
}

static void
emit_fp (VmtIrBuilder *b, VmtIrOpcode op, guint d, guint x, guint y)
{
  vmt_ir_set (b, G (d + 32), vmt_ir_op2 (b, op, VMT_IR_F64, 0, G (x + 32), G (y + 32), 7));
}

static void
emit (VmtIrBuilder *b, const FakeInsn *i, gint offset)
{
  static const VmtIrOpcode alu[] = { VMT_IR_ADD, VMT_IR_SUB, VMT_IR_AND, VMT_IR_OR,
                                     VMT_IR_XOR, VMT_IR_SHL, VMT_IR_SHR, VMT_IR_MUL };
  static const VmtIrOpcode alu_imm[] = { VMT_IR_ADD, VMT_IR_AND, VMT_IR_SHL, VMT_IR_SHR };
  static const VmtIrType types[] = { VMT_IR_I8, VMT_IR_I16, VMT_IR_I32, VMT_IR_I64 };
  static const VmtIrCond conds[] = { VMT_IR_EQ, VMT_IR_NE, VMT_IR_LT, VMT_IR_LTU };
  guint d = i->d & 31, x = i->a & 31, y = i->b & 31;
  gint next = offset + (gint)sizeof *i;

  switch (i->op)
    {
    case F_ADD:
    case F_SUB:
    case F_AND:
    case F_OR:
    case F_XOR:
    case F_SHL:
    case F_SHR:
    case F_MUL:
      emit_alu (b, alu[i->op - F_ADD], d, x, G (y));
      break;
    case F_ADDI:
    case F_ANDI:
    case F_SHLI:
    case F_SHRI:
      emit_alu (b, alu_imm[i->op - F_ADDI], d, x, vmt_ir_const (b, (guint64)(gint64)i->imm));
      break;
    case F_LI:
      vmt_ir_set (b, G (d), vmt_ir_const (b, (guint64)(gint64)i->imm));
      break;
    case F_AUIPC:
      vmt_ir_set (b, G (d), vmt_ir_pcrel (b, offset + i->imm));
      break;
    case F_LD1:
    case F_LD2:
    case F_LD4:
    case F_LD8:
      vmt_ir_set (b, G (d), vmt_ir_load (b, types[i->op - F_LD1], 0, G (x), i->imm, 0));
      break;
    case F_ST1:
    case F_ST2:
    case F_ST4:
    case F_ST8:
      vmt_ir_store (b, types[i->op - F_ST1], G (x), i->imm, G (y), 0);
      break;
    case F_BEQ:
    case F_BNE:
    case F_BLT:
    case F_BLTU:
      vmt_ir_branch (b, conds[i->op - F_BEQ], VMT_IR_I64, G (x), G (y), offset + i->imm);
      break;
    case F_JMP:
      vmt_ir_jump (b, offset + i->imm, 0);
      break;
    case F_JAL:
      vmt_ir_set (b, G (d), vmt_ir_pcrel (b, next));
      vmt_ir_jump (b, offset + i->imm, VMT_IR_CALL_HINT);
      break;
    case F_JR:
      vmt_ir_jump_indirect (b, G (x), 0);
      break;
    case F_LL:
      vmt_ir_set (b, G (d), vmt_ir_load_linked (b, VMT_IR_I64, 0, G (x), 0));
      break;
    case F_SC:
      vmt_ir_set (b, G (d), vmt_ir_store_conditional (b, VMT_IR_I64, G (x), G (y), 0));
      break;
    case F_AMOADD:
      vmt_ir_set (b, G (d), vmt_ir_amo (b, VMT_IR_AMO_ADD, VMT_IR_I64, 0, G (x), G (y), 0));
      break;
    case F_AMOSWAP:
      vmt_ir_set (b, G (d), vmt_ir_amo (b, VMT_IR_AMO_SWAP, VMT_IR_I64, 0, G (x), G (y), 0));
      break;
    case F_FENCE:
      vmt_ir_fence (b, 15, 15);
      break;
    case F_FENCEI:
      vmt_ir_exit (b, next);
      break;
    case F_WFI:
      vmt_ir_call (b, VMT_IR_NONE, HELPER_WAIT, VMT_IR_NO_VAL, VMT_IR_NO_VAL, VMT_IR_NO_VAL);
      vmt_ir_exit (b, next);
      break;
    case F_STOP:
      vmt_ir_call (b, VMT_IR_NONE, HELPER_STOP, VMT_IR_NO_VAL, VMT_IR_NO_VAL, VMT_IR_NO_VAL);
      vmt_ir_exit (b, next);
      break;
    case F_SPACE:
      vmt_ir_call (b, VMT_IR_NONE, HELPER_SPACE, G (x), vmt_ir_const (b, (guint64)i->imm),
                   VMT_IR_NO_VAL);
      vmt_ir_exit (b, next);
      break;
    case F_FLUSH:
      vmt_ir_call (b, VMT_IR_NONE, HELPER_FLUSH, G (x), vmt_ir_const (b, (guint64)i->imm),
                   VMT_IR_NO_VAL);
      vmt_ir_exit (b, next);
      break;
    case F_CALL:
      vmt_ir_call (b, VMT_IR_NONE, HELPER_HOOK, G (x), G (y), VMT_IR_NO_VAL);
      break;
    case F_FADD:
      emit_fp (b, VMT_IR_FADD, d, x, y);
      break;
    case F_FMUL:
      emit_fp (b, VMT_IR_FMUL, d, x, y);
      break;
    case F_TRAP:
      vmt_ir_trap (b, i->imm, G (x));
      break;
    default:
      vmt_ir_trap (b, 2, vmt_ir_const (b, i->op));
      break;
    }
}

static guint
fake_decode (VmtVcpu *vcpu, VmtIrBuilder *builder, guint page_offset, const guint8 *code,
             guint size, const guint8 *next, guint next_size)
{
  guint at = 0;
  while (!vmt_ir_builder_is_ended (builder) && !vmt_ir_builder_is_full (builder))
    {
      FakeInsn insn;
      guint have = size > at ? size - at : 0;
      if (have >= sizeof insn)
        memcpy (&insn, code + at, sizeof insn);
      else if (at == 0 && have + next_size >= sizeof insn)
        {
          memcpy (&insn, code, have);
          memcpy ((guint8 *)&insn + have, next, sizeof insn - have);
        }
      else
        break;
      vmt_ir_insn (builder, (gint)(page_offset + at), sizeof insn);
      emit (builder, &insn, (gint)(page_offset + at));
      at += sizeof insn;
    }
  return at;
}

static gboolean
fake_translate (VmtVcpu *vcpu, guint64 va, guint size, VmtAccess access, VmtTranslation *out)
{
  FakeState *s = FAKE (vcpu);
  s->n_translations++;
  out->page_shift = VMT_PAGE_SHIFT;
  out->access = VMT_ACCESS_LOAD | VMT_ACCESS_STORE | VMT_ACCESS_FETCH;
  out->global = FALSE;
  out->pa = va;
  if (s->root == 0)
    return TRUE;
  guint64 page = va >> VMT_PAGE_SHIFT, pte = 0;
  if (page < FAKE_VA_PAGES)
    vmt_vcpu_read_physical (vcpu, s->root + page * 8, 8, &pte);
  if (!(pte & access))
    {
      vmt_vcpu_raise (vcpu, FAKE_CAUSE_PAGE + access, va);
      return FALSE;
    }
  out->pa = (pte & VMT_PAGE_MASK) | (va & ~VMT_PAGE_MASK);
  out->access = pte & FAKE_RWX;
  out->global = (pte & FAKE_G) != 0;
  if (pte & FAKE_LARGE)
    out->page_shift = 21;
  return TRUE;
}

static void
fake_raise_fault (VmtVcpu *vcpu, VmtFaultKind kind, guint64 va, VmtAccess access)
{
  vmt_vcpu_raise (
      vcpu, (kind == VMT_FAULT_MISALIGNED ? FAKE_CAUSE_ALIGN : FAKE_CAUSE_ACCESS) + access, va);
}

static void
fake_take_exception (VmtVcpu *vcpu)
{
  FakeState *s = FAKE (vcpu);
  s->cause = vcpu->fault.cause;
  s->value = vcpu->fault.value;
  s->epc = vcpu->pc;
  s->n_exceptions++;
  if (s->on_exception != NULL)
    s->on_exception (vcpu);
  else
    vmt_vcpu_stop (vcpu);
}

static gboolean
fake_has_work (VmtVcpu *vcpu)
{
  return __atomic_load_n (&FAKE (vcpu)->pending, __ATOMIC_SEQ_CST) != 0 ||
         vmt_vcpu_get_time (vcpu) >= FAKE (vcpu)->deadline;
}

static gboolean
fake_take_interrupt (VmtVcpu *vcpu)
{
  FakeState *s = FAKE (vcpu);
  if (s->masked)
    return FALSE;
  gboolean taken = __atomic_exchange_n (&s->pending, 0, __ATOMIC_SEQ_CST) != 0;
  if (s->deadline != G_MAXUINT64 && vmt_vcpu_get_time (vcpu) >= s->deadline)
    {
      s->deadline = G_MAXUINT64;
      taken = TRUE;
    }
  __atomic_fetch_add (&s->n_interrupts, taken, __ATOMIC_RELAXED);
  return taken;
}

static guint64
fake_next_deadline (VmtVcpu *vcpu)
{
  return FAKE (vcpu)->deadline;
}

const VmtArchOps fake_arch = {
  .struct_size = sizeof (VmtArchOps),
  .name = "fake",
  .state_size = sizeof (FakeState),
  .globals = globals,
  .n_globals = G_N_ELEMENTS (globals),
  .helpers = helpers,
  .n_helpers = G_N_ELEMENTS (helpers),
  .fp_policy = VMT_FP_POLICY_RISCV,
  .fp_env_offset = G_STRUCT_OFFSET (FakeState, fp),
  .init = fake_init,
  .reset = fake_reset,
  .update_mode = fake_update_mode,
  .decode = fake_decode,
  .translate = fake_translate,
  .raise_fault = fake_raise_fault,
  .take_exception = fake_take_exception,
  .take_interrupt = fake_take_interrupt,
  .has_work = fake_has_work,
  .next_deadline = fake_next_deadline,
};

static guint64
machine_time (gpointer data)
{
  return (guint64)g_get_monotonic_time () * 1000;
}

static void
machine_power (gpointer data, VmtVcpu *vcpu)
{
  FakeMachine *m = data;
  g_mutex_lock (&m->lock);
  g_cond_broadcast (&m->cond);
  g_mutex_unlock (&m->lock);
}

FakeMachine *
fake_machine_new (guint n_vcpus)
{
  return fake_machine_new_with_tier (n_vcpus, "interp");
}

FakeMachine *
fake_machine_new_with_tier (guint n_vcpus, const char *tier_name)
{
  GError *error = NULL;
  VmtObject *tier =
      vmt_registry_create (vmt_registry_get_default (), VMT_FEATURE_TIER, tier_name, &error);
  g_assert_no_error (error);
  g_object_ref_sink (tier);
  if (!vmt_tier_probe (VMT_TIER (tier), &error))
    {
      g_test_skip (error->message);
      g_error_free (error);
      g_object_unref (tier);
      return NULL;
    }
  FakeMachine *m = g_new0 (FakeMachine, 1);
  g_mutex_init (&m->lock);
  g_cond_init (&m->cond);
  m->ram = vmt_ram_new ("ram", FAKE_RAM_SIZE, VMT_RAM_ANON, NULL, &error);
  g_assert_no_error (error);
  m->space = vmt_address_space_new ("fake");
  vmt_address_space_add_ram (m->space, FAKE_RAM, m->ram, 0, FAKE_RAM_SIZE, FALSE, NULL, &error);
  g_assert_no_error (error);
  m->tier = VMT_TIER (tier);
  VmtExecHost host = { .get_time = machine_time, .power_changed = machine_power, .data = m };
  m->exec = vmt_exec_new (m->space, m->tier, &host);
  for (guint i = 0; i < n_vcpus; i++)
    g_assert_nonnull (vmt_exec_add_vcpu (m->exec, &fake_arch, NULL, i));
  g_assert_true (vmt_exec_start (m->exec, &error));
  g_assert_no_error (error);
  return m;
}

void
fake_machine_free (FakeMachine *m)
{
  vmt_exec_free (m->exec);
  vmt_address_space_unref (m->space);
  vmt_ram_unref (m->ram);
  g_object_unref (m->tier);
  g_mutex_clear (&m->lock);
  g_cond_clear (&m->cond);
  g_free (m);
}

FakeState *
fake_state (FakeMachine *m, guint i)
{
  return FAKE (vmt_exec_get_vcpu (m->exec, i));
}

void
fake_put (FakeMachine *m, guint64 pa, FakeOpcode op, guint d, guint a, guint b, gint32 imm)
{
  FakeInsn insn = { (guint8)op, (guint8)d, (guint8)a, (guint8)b, imm };
  g_assert_true (vmt_dma_write (m->space, pa, &insn, sizeof insn));
}

void
fake_put_u64 (FakeMachine *m, guint64 pa, guint64 value)
{
  g_assert_true (vmt_dma_write (m->space, pa, &value, sizeof value));
}

guint64
fake_get_u64 (FakeMachine *m, guint64 pa)
{
  guint64 value;
  g_assert_true (vmt_dma_read (m->space, pa, &value, sizeof value));
  return value;
}

static void
set_pc (VmtVcpu *vcpu, gpointer data)
{
  vcpu->pc = *(guint64 *)data;
  vcpu->arch->update_mode (vcpu);
}

void
fake_run (FakeMachine *m, guint i, guint64 pc)
{
  guint64 *copy = g_new (guint64, 1);
  *copy = pc;
  g_assert_true (vmt_vcpu_start (vmt_exec_get_vcpu (m->exec, i), set_pc, copy, g_free));
}

static void
do_nothing (VmtVcpu *vcpu, gpointer data)
{
}

gboolean
fake_wait (FakeMachine *m)
{
  gint64 end = g_get_monotonic_time () + 20 * G_TIME_SPAN_SECOND;
  gboolean stopped = FALSE;
  g_mutex_lock (&m->lock);
  while (!stopped)
    {
      stopped = TRUE;
      for (guint i = 0; i < vmt_exec_get_n_vcpus (m->exec); i++)
        stopped &= vmt_vcpu_get_power (vmt_exec_get_vcpu (m->exec, i)) == VMT_VCPU_STOPPED;
      if (!stopped &&
          !g_cond_wait_until (&m->cond, &m->lock, MIN (end, g_get_monotonic_time () + 50000)) &&
          g_get_monotonic_time () > end)
        break;
    }
  g_mutex_unlock (&m->lock);
  /* A vCPU that stops itself says so inside its last block: wait for the end of that. */
  for (guint i = 0; i < vmt_exec_get_n_vcpus (m->exec) && stopped; i++)
    vmt_vcpu_run_on (vmt_exec_get_vcpu (m->exec, i), do_nothing, NULL, TRUE);
  return stopped;
}
