/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What emitted code calls. All pinned registers are in the vCPU's state meanwhile. */
#include <string.h>

#include "baseline.h"

static const BaselineReturn go_on = { 0, 0 }, leave = { 0, 1 };

/* Its thread alone writes it. */
static inline void
count (guint64 *counter)
{
  __atomic_store_n (counter, *counter + 1, __ATOMIC_RELAXED);
}

static BaselineBlock *
block_at (VmtVcpu *vcpu, const guint8 *at)
{
  /* a call may be the last instruction of the block's code */
  return baseline_code_find (baseline_cpu (vcpu)->code, at - 1);
}

/* What is known of the call that returns to @at. */
static const BaselineCall *
call_at (const BaselineBlock *block, const guint8 *at)
{
  const guint32 offset = (guint32)(at - block->code);
  guint low = 0, high = block->n_calls;
  while (high - low > 1)
    {
      const guint middle = (low + high) / 2;
      if (block->calls[middle].at <= offset)
        low = middle;
      else
        high = middle;
    }
  return &block->calls[low];
}

static gint16
page_offset (const BaselineBlock *block, guint insn)
{
  return block->n_insns == 0 ? (gint16)(block->block->pa & ~VMT_PAGE_MASK)
                             : block->insns[insn].page_offset;
}

static guint
jump_index (const BaselineCpu *cpu, guint64 va)
{
  return (((guint)va ^ cpu->jump_salt) >> 1) & ((1u << BASELINE_JUMP_BITS) - 1);
}

static void
use_space (BaselineCpu *cpu, guint64 id)
{
  cpu->jump_id = id;
  cpu->jump_salt = (guint32)(id >> BASELINE_JUMP_ID_SHIFT) * 0x9e3779b1u;
}

/* The bank, the mode or the mapping may be another. */
static void
refresh (VmtVcpu *vcpu, BaselineCpu *cpu)
{
  if (G_UNLIKELY (cpu->jump_generation != vcpu->jump_generation))
    {
      cpu->jump_generation = vcpu->jump_generation;
      cpu->n_spaces = 0;
    }
  for (guint i = 0; i < cpu->n_spaces; i++)
    if (cpu->spaces[i].bank == vcpu->bank && cpu->spaces[i].mode_key == vcpu->mode_key)
      {
        use_space (cpu, cpu->spaces[i].id);
        return;
      }
  if (cpu->n_spaces == G_N_ELEMENTS (cpu->spaces))
    cpu->n_spaces = 0;
  /* An id that was used must have no entries when it is used again. */
  if (cpu->next_id > BASELINE_JUMP_IDS)
    {
      cpu->n_spaces = 0;
      cpu->next_id = 1;
      memset (cpu->jumps, 0xff, sizeof cpu->jumps);
    }
  use_space (cpu, (guint64)cpu->next_id++ << BASELINE_JUMP_ID_SHIFT);
  cpu->spaces[cpu->n_spaces].bank = vcpu->bank;
  cpu->spaces[cpu->n_spaces].mode_key = vcpu->mode_key;
  cpu->spaces[cpu->n_spaces].id = cpu->jump_id;
  cpu->n_spaces++;
}

static inline void
refresh_if_changed (VmtVcpu *vcpu, BaselineCpu *cpu)
{
  if (G_LIKELY (cpu->n_spaces > 0 && cpu->jump_generation == vcpu->jump_generation &&
                cpu->jump_bank == vcpu->bank && cpu->jump_mode == vcpu->mode_key))
    return;
  refresh (vcpu, cpu);
  cpu->jump_bank = vcpu->bank;
  cpu->jump_mode = vcpu->mode_key;
}

void
baseline_enter (VmtVcpu *vcpu, VmtExecBlock *block)
{
  const BaselineBlock *self = block->tier_data;
  BaselineCpu *cpu = baseline_cpu (vcpu);
  /* Emitted code was left then: the block whose writing failed is none that it goes on with. */
  if (G_UNLIKELY (baseline_code_is_lost (self->memory)))
    {
      vmt_exec_drop_code (vcpu);
      return;
    }
  if (G_UNLIKELY (cpu->code != self->memory))
    baseline_code_set_up_cpu (self->memory, vcpu);
  refresh_if_changed (vcpu, cpu);
  baseline_code_get_enter (self->memory) (vcpu, self->code);
}

/* The instruction has not been executed: pc and count are those at its beginning. */
static BaselineReturn
fault (VmtVcpu *vcpu, const BaselineBlock *block, guint insn)
{
  vcpu->pc = vcpu->page_va + (guint64)(gint64)page_offset (block, insn);
  vcpu->icount += insn;
  return leave;
}

/* A store went through the slow path: leaves the block if that has killed it and the next op begins
 * an instruction; else goes on. */
static BaselineReturn
stored (VmtVcpu *vcpu, const BaselineBlock *block, guint insn, guint kind, guint64 value)
{
  BaselineReturn ret = { value, 0 };
  refresh_if_changed (vcpu, baseline_cpu (vcpu));
  if (G_LIKELY (!__atomic_load_n (&block->block->dead, __ATOMIC_RELAXED)) ||
      !(kind & BASELINE_MEM_LAST) || !block->insns[insn + 1].clean)
    return ret;
  vcpu->pc = vcpu->page_va + (guint64)(gint64)block->insns[insn + 1].page_offset;
  vcpu->icount += insn + 1;
  ret.leave = 1;
  return ret;
}

static guint64
extend (guint64 value, guint kind)
{
  const guint unused = 64 - (8u << (kind & BASELINE_MEM_LOG2));
  return kind & BASELINE_MEM_SX ? (guint64)((gint64)(value << unused) >> unused)
                                : value << unused >> unused;
}

BaselineReturn
baseline_run_read (VmtVcpu *vcpu, guint64 va, guint64 unused, guint32 log2, const guint8 *at)
{
  BaselineCpu *cpu = baseline_cpu (vcpu);
  count (&cpu->counters->load);
  if (!vmt_vcpu_load (vcpu, va, 1u << log2, 0, &cpu->bounce))
    {
      const BaselineBlock *block = block_at (vcpu, at);
      return fault (vcpu, block, call_at (block, at)->what);
    }
  refresh_if_changed (vcpu, cpu);
  return (BaselineReturn){ (guint64)(guintptr)&cpu->bounce, 0 };
}

/* So many fills of a block's ranges with fewer instructions for each, on average, are too many. */
#define RANGE_FILLS 64
#define RANGE_INSNS 4096

static gboolean
is_scattered (VmtVcpu *vcpu, BaselineBlock *block)
{
  /* of one vCPU: others count their own instructions */
  if (block->fills == 0 || block->fills_vcpu != vcpu->index)
    {
      block->fills = 0;
      block->fills_vcpu = vcpu->index;
      block->fills_since = vcpu->icount;
    }
  if (++block->fills < RANGE_FILLS)
    return FALSE;
  block->fills = 0;
  return vcpu->icount - block->fills_since < RANGE_FILLS * RANGE_INSNS;
}

BaselineReturn
baseline_run_range (VmtVcpu *vcpu, guint64 va, guint64 unused, guint32 desc, const guint8 *at)
{
  BaselineCounters *counters = baseline_cpu (vcpu)->counters;
  BaselineBlock *block = block_at (vcpu, at);
  count (&counters->range);
  if (G_LIKELY (!is_scattered (vcpu, block)))
    return (BaselineReturn){
      vmt_tlb_fill_range (vcpu, va, desc & 0x7fff, desc >> 15 & 1, desc >> 16), 0
    };
  /* It goes on with other code, at this instruction. */
  count (&counters->scattered);
  vmt_exec_block_scatters (vcpu, block->block);
  return fault (vcpu, block, call_at (block, at)->what);
}

BaselineReturn
baseline_run_write (VmtVcpu *vcpu, guint64 va, guint64 value, guint32 log2, const guint8 *at)
{
  count (&baseline_cpu (vcpu)->counters->store);
  const BaselineBlock *block = block_at (vcpu, at);
  const BaselineCall *call = call_at (block, at);
  if (!vmt_vcpu_store (vcpu, va, 1u << log2, 0, extend (value, log2)))
    return fault (vcpu, block, call->what);
  return stored (vcpu, block, call->what, call->last ? BASELINE_MEM_LAST : 0, 0);
}

BaselineReturn
baseline_run_load (VmtVcpu *vcpu, guint64 va, guint64 unused, guint32 desc, const guint8 *at)
{
  count (&baseline_cpu (vcpu)->counters->load);
  const guint kind = desc >> 16;
  BaselineReturn ret = go_on;
  if (!vmt_vcpu_load (vcpu, va, 1u << (kind & BASELINE_MEM_LOG2),
                      kind & BASELINE_MEM_ALIGNED ? VMT_IR_MEM_ALIGNED : 0, &ret.value))
    return fault (vcpu, block_at (vcpu, at), desc & 0xffff);
  refresh_if_changed (vcpu, baseline_cpu (vcpu));
  ret.value = extend (ret.value, kind);
  if (kind & BASELINE_MEM_BOX)
    ret.value |= G_GUINT64_CONSTANT (0xffffffff00000000);
  return ret;
}

BaselineReturn
baseline_run_store (VmtVcpu *vcpu, guint64 va, guint64 value, guint32 desc, const guint8 *at)
{
  count (&baseline_cpu (vcpu)->counters->store);
  const guint kind = desc >> 16;
  const BaselineBlock *block = block_at (vcpu, at);
  const guint size = 1u << (kind & BASELINE_MEM_LOG2);
  if (!vmt_vcpu_store (vcpu, va, size,
                       (kind & BASELINE_MEM_ALIGNED ? VMT_IR_MEM_ALIGNED : 0) |
                           (kind & BASELINE_MEM_ATOMIC_FAULT ? VMT_IR_MEM_ATOMIC_FAULT : 0),
                       extend (value, size == 8 ? 3 : kind & BASELINE_MEM_LOG2)))
    return fault (vcpu, block, desc & 0xffff);
  return stored (vcpu, block, desc & 0xffff, kind, 0);
}

/* So many load-linked are core's after one whose store-conditional was not its partner, or could
 * not be a compare-and-swap: so that such code makes progress. */
#define LL_FULL 64

static gboolean
run_load_linked (VmtVcpu *vcpu, guint64 va, guint size, guint attr, guint64 *value)
{
  BaselineCpu *cpu = baseline_cpu (vcpu);
  cpu->ll_host = 0;
  if (cpu->ll_full > 0)
    {
      cpu->ll_full--;
      attr &= ~VMT_VCPU_ATTR_PAIRED;
    }
  return vmt_vcpu_load_linked (vcpu, va, size, attr, value);
}

/* The partner of a load-linked in emitted code, where that could not be stored: the two are a
 * compare-and-swap all the same. */
static gboolean
swap (VmtVcpu *vcpu, guint64 host, guint64 va, guint size, guint attr, guint64 value,
      guint64 *failed)
{
  const VmtTlbEntry *e = &vcpu->bank->read[va >> VMT_PAGE_SHIFT & ((1u << VMT_TLB_READ_BITS) - 1)];
  guint64 now;
  if ((va & (VMT_PAGE_MASK | (size - 1))) == e->tag && va + e->addend == host)
    {
      if (!vmt_vcpu_load_linked (vcpu, va, size, attr & ~(guint)VMT_IR_MEM_ATOMIC_FAULT, &now))
        return FALSE;
      if (now != baseline_cpu (vcpu)->ll_value)
        vmt_vcpu_clear_reservation (vcpu);
    }
  /* Without a reservation it raises what there is to be raised, and fails. */
  return vmt_vcpu_store_conditional (vcpu, va, size, attr, value, failed);
}

static gboolean
run_store_conditional (VmtVcpu *vcpu, guint64 va, guint size, guint attr, guint64 value,
                       guint64 *failed)
{
  BaselineCpu *cpu = baseline_cpu (vcpu);
  const guint64 host = cpu->ll_host;
  cpu->ll_host = 0;
  if (host != 0 && (attr & VMT_VCPU_ATTR_PAIRED))
    return swap (vcpu, host, va, size, attr, value, failed);
  if (host != 0)
    cpu->ll_full = LL_FULL;
  return vmt_vcpu_store_conditional (vcpu, va, size, attr, value, failed);
}

BaselineReturn
baseline_run_atomic (VmtVcpu *vcpu, guint64 va, guint64 value, guint32 desc, const guint8 *at)
{
  count (&baseline_cpu (vcpu)->counters->atomic);
  const guint kind = desc >> 16;
  const guint size = 1u << (kind & BASELINE_MEM_LOG2), attr = (guint)baseline_cpu (vcpu)->third;
  const guint what = kind >> 8;
  guint64 result;
  gboolean ok;
  if (what == BASELINE_ATOMIC_LL)
    ok = run_load_linked (vcpu, va, size, attr, &result);
  else if (what == BASELINE_ATOMIC_SC)
    ok = run_store_conditional (vcpu, va, size, attr, value, &result);
  else
    ok = vmt_vcpu_amo (vcpu, (VmtIrAmo)what, va, size, attr, value, &result);
  if (!ok)
    return fault (vcpu, block_at (vcpu, at), desc & 0xffff);
  refresh_if_changed (vcpu, baseline_cpu (vcpu));
  if (what != BASELINE_ATOMIC_SC)
    result = extend (result, kind);
  return (BaselineReturn){ result, 0 };
}

BaselineReturn
baseline_run_call (VmtVcpu *vcpu, guint64 a, guint64 b, guint32 desc, const guint8 *at)
{
  const guint insn = desc & BASELINE_CALL_MAX_INSN;
  BaselineCpu *cpu = baseline_cpu (vcpu);
  const guint helper = desc >> 7 & BASELINE_CALL_MAX_HELPER;
  count (&cpu->counters->call[helper]);
  vcpu->pc = vcpu->page_va + (guint64)(gint64)((gint32)desc >> 16);
  vcpu->icount += insn;
  const guint64 value = vcpu->arch->helpers[helper].func (vcpu, a, b, cpu->third);
  if (G_UNLIKELY (vcpu->fault_pending))
    return leave;
  vcpu->icount -= insn;
  refresh_if_changed (vcpu, cpu);
  return (BaselineReturn){ value, 0 };
}

BaselineReturn
baseline_run_trap (VmtVcpu *vcpu, guint64 value, guint64 cause, guint32 desc, const guint8 *at)
{
  count (&baseline_cpu (vcpu)->counters->trap);
  vmt_vcpu_raise (vcpu, cause, value);
  return fault (vcpu, block_at (vcpu, at), desc & 0xffff);
}

static void
eval_misaligned (VmtVcpu *vcpu, guint64 va, guint size, gboolean store)
{
  vcpu->arch->raise_fault (vcpu, VMT_FAULT_MISALIGNED, va,
                           store ? VMT_ACCESS_STORE : VMT_ACCESS_LOAD);
}

static void
eval_fence (VmtVcpu *vcpu, guint predecessor, guint successor)
{
  __atomic_thread_fence (__ATOMIC_SEQ_CST);
}

static void
eval_raise (VmtVcpu *vcpu, guint64 cause, guint64 value)
{
  vmt_vcpu_raise (vcpu, cause, value);
}

static gboolean
eval_fault_pending (VmtVcpu *vcpu)
{
  return vcpu->fault_pending != 0;
}

static void
eval_set_pc (VmtVcpu *vcpu, guint64 pc)
{
  vcpu->pc = pc;
}

/* The evaluator may execute one half of a pair. */
static const VmtIrMemOps mem_ops = {
  .load = vmt_vcpu_load,
  .store = vmt_vcpu_store,
  .load_linked = run_load_linked,
  .store_conditional = run_store_conditional,
  .amo = vmt_vcpu_amo,
  .load_linked128 = vmt_vcpu_load_linked128,
  .store_conditional128 = vmt_vcpu_store_conditional128,
  .cas = vmt_vcpu_cas,
  .misaligned = eval_misaligned,
  .probe = vmt_vcpu_probe,
  .fence = eval_fence,
  .raise = eval_raise,
  .fault_pending = eval_fault_pending,
  .set_pc = eval_set_pc,
};

BaselineReturn
baseline_run_eval (VmtVcpu *vcpu, guint64 insn, guint64 unused, guint32 desc, const guint8 *at)
{
  const BaselineBlock *block = block_at (vcpu, at);
  const gboolean whole = desc == G_MAXUINT32;
  BaselineCounters *counters = baseline_cpu (vcpu)->counters;
  count (whole ? &counters->block : &counters->eval[block->block->ir->ops[desc].opcode]);
  VmtIrEval eval = {
    .vcpu = vcpu,
    .block = block->block->ir,
    .mem = &mem_ops,
    .values = whole
                  ? NULL
                  : (VmtIrValue *)(gpointer)((guint8 *)baseline_cpu (vcpu) + BASELINE_TEMPS_OFFSET),
    .page_va = vcpu->page_va,
    .budget = G_MAXINT64,
    .insn = (guint)insn,
  };
  switch (whole ? vmt_ir_eval_block (&eval) : vmt_ir_eval_op (&eval, desc))
    {
    case VMT_IR_EVAL_NEXT:
      refresh_if_changed (vcpu, baseline_cpu (vcpu));
      return go_on;
    case VMT_IR_EVAL_FAULT:
    case VMT_IR_EVAL_BUDGET:
      if (!whole)
        return fault (vcpu, block, (guint)insn);
      vcpu->icount += eval.insn;
      break;
    default:
      vcpu->icount += (whole ? eval.insn : insn) + 1;
      break;
    }
  vcpu->pc = eval.pc;
  return leave;
}

void
baseline_enter_eval (VmtVcpu *vcpu, VmtExecBlock *block)
{
  VmtIrEval eval = {
    .vcpu = vcpu,
    .block = block->ir,
    .mem = &mem_ops,
    .page_va = vcpu->page_va,
    .budget = G_MAXINT64,
  };
  const VmtIrEvalExit exit = vmt_ir_eval_block (&eval);
  vcpu->icount += eval.insn + (exit != VMT_IR_EVAL_FAULT && exit != VMT_IR_EVAL_BUDGET);
  vcpu->pc = eval.pc;
}

BaselineReturn
baseline_run_rest (VmtVcpu *vcpu, guint64 insn, guint64 unused, guint32 desc, const guint8 *at)
{
  const BaselineBlock *block = block_at (vcpu, at);
  const VmtIrBlock *ir = block->block->ir;
  count (&baseline_cpu (vcpu)->counters->rest);
  VmtIrEval eval = {
    .vcpu = vcpu,
    .block = ir,
    .mem = &mem_ops,
    .values = (VmtIrValue *)(gpointer)((guint8 *)baseline_cpu (vcpu) + BASELINE_TEMPS_OFFSET),
    .page_va = vcpu->page_va,
    .budget = G_MAXINT64,
    .insn = (guint)insn,
  };
  for (guint op = desc; op < ir->n_ops; op++)
    {
      if (ir->ops[op].opcode == VMT_IR_EXT)
        continue;
      while (eval.insn + 1 < ir->n_insns && ir->insns[eval.insn + 1].first_op <= op)
        eval.insn++;
      const VmtIrEvalExit exit = vmt_ir_eval_op (&eval, op);
      if (exit == VMT_IR_EVAL_NEXT)
        continue;
      if (exit == VMT_IR_EVAL_FAULT || exit == VMT_IR_EVAL_BUDGET)
        return fault (vcpu, block, eval.insn);
      break;
    }
  vcpu->icount += eval.insn + 1;
  vcpu->pc = eval.pc;
  return leave;
}

void
baseline_link_reset (BaselineLink *link)
{
  const guint64 value =
      (guint64)(guintptr)(link->far ? (gconstpointer)link : link->from->code + link->ask);
  __atomic_store_n (&link->to, NULL, __ATOMIC_RELEASE);
  link->next = NULL;
  link->prev = NULL;
  __atomic_store_n (link->slot, value, __ATOMIC_RELEASE);
}

/* With the code lock. */
static void
make_link (BaselineLink *link, BaselineBlock *to)
{
  if (link->to != NULL)
    {
      /* far links follow what the page is mapped to */
      *link->prev = link->next;
      if (link->next != NULL)
        link->next->prev = link->prev;
    }
  __atomic_store_n (&link->to, to, __ATOMIC_RELEASE);
  link->next = to->incoming;
  link->prev = &to->incoming;
  if (link->next != NULL)
    link->next->prev = &link->next;
  to->incoming = link;
  if (!link->far)
    __atomic_store_n (link->slot, (guint64)(guintptr)to->code, __ATOMIC_RELEASE);
}

void
baseline_unlink (BaselineBlock *self)
{
  while (self->incoming != NULL)
    {
      BaselineLink *link = self->incoming;
      self->incoming = link->next;
      if (link->next != NULL)
        link->next->prev = &self->incoming;
      baseline_link_reset (link);
    }
  for (guint i = 0; i < self->n_links; i++)
    {
      BaselineLink *link = &self->links[i];
      if (link->to == NULL)
        continue;
      *link->prev = link->next;
      if (link->next != NULL)
        link->next->prev = link->prev;
      /* A vCPU that is still inside asks its way out. */
      baseline_link_reset (link);
    }
}

/* vcpu->pc is where it goes on. */
static BaselineReturn
look_up (VmtVcpu *vcpu, BaselineLink *link)
{
  if (__atomic_load_n (&vcpu->exit_request, __ATOMIC_ACQUIRE) != 0)
    return leave;
  VmtExecBlock *block = vmt_exec_lookup (vcpu);
  if (block == NULL || block->entry != baseline_enter)
    return leave;
  refresh_if_changed (vcpu, baseline_cpu (vcpu));
  BaselineBlock *to = block->tier_data;
  if (link != NULL && block->host != 0)
    {
      vmt_exec_lock_code (vcpu);
      if (!link->from->block->dead && !block->dead && (!link->far || link->to == NULL))
        make_link (link, to);
      vmt_exec_unlock_code (vcpu);
    }
  return (BaselineReturn){ (guint64)(guintptr)to->code, 0 };
}

BaselineReturn
baseline_run_follow (VmtVcpu *vcpu, guint64 unused, guint64 unused2, guint32 desc, const guint8 *at)
{
  const BaselineBlock *block = block_at (vcpu, at);
  BaselineLink *link = &block->links[call_at (block, at)->what];
  BaselineCounters *counters = baseline_cpu (vcpu)->counters;
  count (link->far ? &counters->far_link : &counters->near_link);
  vcpu->pc = vcpu->page_va + (guint64)(gint64)link->offset;
  return look_up (vcpu, link);
}

BaselineReturn
baseline_run_far (VmtVcpu *vcpu, guint64 address, guint64 unused, guint32 desc, const guint8 *at)
{
  BaselineLink *link = (BaselineLink *)(gpointer)(guintptr)address;
  count (&baseline_cpu (vcpu)->counters->far_link);
  vcpu->pc = vcpu->page_va + (guint64)(gint64)link->offset;
  return look_up (vcpu, link);
}

/* Whatever led to the block leads to its successor now. With the code lock. */
static void
move_links (BaselineBlock *from, BaselineBlock *to)
{
  while (from->incoming != NULL)
    {
      BaselineLink *link = from->incoming;
      from->incoming = link->next;
      if (link->next != NULL)
        link->next->prev = &from->incoming;
      link->to = NULL;
      make_link (link, to);
    }
}

/* The block begins; it goes on if there is no better one. */
BaselineReturn
baseline_run_promote (VmtVcpu *vcpu, guint64 unused, guint64 unused2, guint32 desc,
                      const guint8 *at)
{
  BaselineBlock *self = block_at (vcpu, at);
  BaselineCpu *cpu = baseline_cpu (vcpu);
  count (&cpu->counters->promote);
  const guint64 va = vcpu->page_va + (guint64)(gint64)page_offset (self, 0);
  vcpu->pc = va;
  VmtExecBlock *block = vmt_exec_promote (vcpu, self->block);
  if (vcpu->fault_pending)
    return leave;
  refresh_if_changed (vcpu, cpu);
  if (block == NULL || block->entry != baseline_enter)
    {
      __atomic_store_n ((gint32 *)(gpointer)baseline_slot (self, 0), (gint32)self->block->count,
                        __ATOMIC_RELAXED);
      return (BaselineReturn){ (guint64)(guintptr)at, 0 };
    }
  BaselineBlock *to = block->tier_data;
  vmt_exec_lock_code (vcpu);
  if (!self->block->dead && !block->dead)
    move_links (self, to);
  vmt_exec_unlock_code (vcpu);
  BaselineJump *jump = &cpu->jumps[jump_index (cpu, va)];
  if (jump->key == (va ^ cpu->jump_id) && !__atomic_load_n (&block->dead, __ATOMIC_SEQ_CST))
    jump->code = to->code;
  return (BaselineReturn){ (guint64)(guintptr)to->code, 0 };
}

/* vcpu->pc is set. */
BaselineReturn
baseline_run_indirect (VmtVcpu *vcpu, guint64 va, guint64 unused, guint32 desc, const guint8 *at)
{
  count (&baseline_cpu (vcpu)->counters->indirect);
  vcpu->pc = va;
  if (__atomic_load_n (&vcpu->exit_request, __ATOMIC_ACQUIRE) != 0)
    return leave;
  VmtExecBlock *block = vmt_exec_lookup (vcpu);
  if (block == NULL || block->entry != baseline_enter)
    return leave;
  const BaselineBlock *to = block->tier_data;
  BaselineCpu *cpu = baseline_cpu (vcpu);
  /* The lookup may have flushed something. */
  refresh_if_changed (vcpu, cpu);
  /* One that is not kept would be found again after its memory has gone. */
  if (block->host != 0)
    {
      vmt_vcpu_note_jump (vcpu, va);
      if (!__atomic_load_n (&block->dead, __ATOMIC_SEQ_CST))
        cpu->jumps[jump_index (cpu, va)] = (BaselineJump){ va ^ cpu->jump_id, to->code };
    }
  return (BaselineReturn){ (guint64)(guintptr)to->code, 0 };
}
