/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Ways out of a block, calls of C, and what is left to the reference evaluator. */
#include "interp-exits-private.h"

#include <string.h>

/* The instruction that the slot belongs to. */
static guint
find_insn (const InterpStream *stream, guint slot)
{
  guint low = 0, high = stream->n_insns;
  while (high - low > 1)
    {
      guint middle = (low + high) / 2;
      if (stream->insns[middle].slot <= slot)
        low = middle;
      else
        high = middle;
    }
  return low;
}

/* The instruction at @slot has not been executed: pc and count are those at
 * its beginning. */
static void
retreat (VmtVcpu *vcpu, const InterpStream *stream, guint slot)
{
  if (stream->n_insns == 0)
    {
      vcpu->pc = vcpu->page_va + (stream->block->pa & ~VMT_PAGE_MASK);
      return;
    }
  guint insn = find_insn (stream, slot);
  vcpu->pc = vcpu->page_va + (guint64)(gint64)stream->insns[insn].page_offset;
  vcpu->icount += insn;
}

void
interp_fault (const InterpOp *ip, VmtVcpu *vcpu, guint64 acc, guint64 acc2)
{
  retreat (vcpu, interp_stream_at (ip, ip->c), ip->c);
  LEAVE ();
}

void
interp_stored (const InterpOp *ip, VmtVcpu *vcpu, guint64 acc, guint64 acc2)
{
  const InterpStream *stream = interp_stream_at (ip, ip->c);
  if (G_UNLIKELY (__atomic_load_n (&stream->block->dead, __ATOMIC_RELAXED)))
    {
      guint insn = find_insn (stream, ip->c) + 1;
      if (insn < stream->n_insns && stream->insns[insn].slot == ip->c + 1 &&
          stream->insns[insn].clean)
        {
          vcpu->pc = vcpu->page_va + (guint64)(gint64)stream->insns[insn].page_offset;
          vcpu->icount += insn;
          LEAVE ();
        }
    }
  NEXT (1, acc, acc2);
}

/* With the code lock. */
static void
make_link (InterpLink *link, VmtExecBlock *block)
{
  InterpStream *to = block->tier_data;
  if (link->to != NULL)
    {
      /* far links follow what the page is mapped to */
      *link->prev = link->next;
      if (link->next != NULL)
        link->next->prev = link->prev;
    }
  link->to = to;
  link->next = to->incoming;
  link->prev = &to->incoming;
  if (link->next != NULL)
    link->next->prev = &link->next;
  to->incoming = link;
  __atomic_store_n (&link->target, to->ops, __ATOMIC_RELEASE);
}

/* vcpu->pc is where it goes on. */
static const InterpOp *
look_up (VmtVcpu *vcpu, InterpLink *link)
{
  if (__atomic_load_n (&vcpu->exit_request, __ATOMIC_ACQUIRE) != 0)
    return NULL;
  VmtExecBlock *block = vmt_exec_lookup (vcpu);
  if (block == NULL || block->entry != interp_enter)
    return NULL;
  if (link != NULL && block->host != 0)
    {
      vmt_exec_lock_code (vcpu);
      if (!link->from->block->dead && !block->dead && (!link->far || link->to == NULL))
        make_link (link, block);
      vmt_exec_unlock_code (vcpu);
    }
  return ((InterpStream *)block->tier_data)->ops;
}

/* The way that the slot's link says, when it cannot be followed at once. */
G_GNUC_NO_INLINE void
interp_follow_slow (const InterpOp *ip, VmtVcpu *vcpu, guint64 acc, guint64 acc2)
{
  InterpLink *link = (InterpLink *)(ip->pointer);
  vcpu->pc = vcpu->page_va + (guint64)(gint64)link->offset;
  const InterpOp *to = look_up (vcpu, link);
  if (to == NULL)
    LEAVE ();
  GO (to, 0, 0);
}

/* What the slot has counted goes to the block now and then: those are other cache lines. */
static inline void
tell_block (const InterpOp *slot)
{
  const InterpLink *link = slot->pointer;
  VmtExecBlock *block = link->from->block;
  guint32 *taken = &block->taken[MIN (link->index, G_N_ELEMENTS (block->taken) - 1)];
  __atomic_store_n (taken, __atomic_load_n (taken, __ATOMIC_RELAXED) + INTERP_COUNT_STEP,
                    __ATOMIC_RELAXED);
  __atomic_store_n (&block->count,
                    __atomic_load_n (&block->count, __ATOMIC_RELAXED) + INTERP_COUNT_STEP,
                    __ATOMIC_RELAXED);
}

G_GNUC_NO_INLINE void
interp_follow_near_counting (const InterpOp *ip, VmtVcpu *vcpu, guint64 acc, guint64 acc2)
{
  tell_block (ip);
  FOLLOW_NEAR_NOW (ip);
}

G_GNUC_NO_INLINE void
interp_follow_far_counting (const InterpOp *ip, VmtVcpu *vcpu, guint64 acc, guint64 acc2)
{
  tell_block (ip);
  FOLLOW_FAR_NOW (ip);
}

HANDLER (jump_near)
{
  FOLLOW_NEAR (ip + 1);
}
HANDLER (jump_far)
{
  FOLLOW_FAR (ip + 1);
}
const InterpHandler interp_jump[2] = { jump_near, jump_far };

#define BRANCH_OPS(X)                                                                              \
  X (EQ, 64, guint64, gint64, a == b)                                                              \
  X (NE, 64, guint64, gint64, a != b)                                                              \
  X (LT, 64, guint64, gint64, (S)a < (S)b)                                                         \
  X (GE, 64, guint64, gint64, (S)a >= (S)b)                                                        \
  X (LTU, 64, guint64, gint64, a < b)                                                              \
  X (GEU, 64, guint64, gint64, a >= b)                                                             \
  X (EQ, 32, guint32, gint32, a == b)                                                              \
  X (NE, 32, guint32, gint32, a != b)                                                              \
  X (LT, 32, guint32, gint32, (S)a < (S)b)                                                         \
  X (GE, 32, guint32, gint32, (S)a >= (S)b)                                                        \
  X (LTU, 32, guint32, gint32, a < b)                                                              \
  X (GEU, 32, guint32, gint32, a >= b)

#define BRANCH(PA, PB, CC, BITS, U, S_, EXPR)                                                      \
  HANDLER (branch_##CC##_##BITS##_##PA##PB)                                                        \
  {                                                                                                \
    typedef S_ S G_GNUC_UNUSED;                                                                    \
    const U a = (U)GET_##PA (ip->a), b = (U)BRANCH_##PB;                                           \
    if (EXPR)                                                                                      \
      FOLLOW_NEAR (ip + 1);                                                                        \
    NEXT (2, acc, acc2);                                                                           \
  }
#define BRANCH_ALL(CC, BITS, U, S, EXPR) INTERP_SHAPES (BRANCH, CC, BITS, U, S, EXPR)
BRANCH_OPS (BRANCH_ALL)

#define BRANCH_ENTRY(PA, PB, CC, BITS) [SHAPE_##PA][SHAPE_##PB] = branch_##CC##_##BITS##_##PA##PB,
#define BRANCH_ROW(CC, BITS, U, S, EXPR)                                                           \
  [BITS == 32][VMT_IR_##CC] = { INTERP_SHAPES (BRANCH_ENTRY, CC, BITS) },
static const InterpShapes branches[2][6] = { BRANCH_OPS (BRANCH_ROW) };

const InterpShapes *
interp_branch (guint condition, gboolean is32)
{
  return condition > VMT_IR_GEU ? NULL : &branches[is32][condition];
}

/* The address is in the scratch area. */
G_GNUC_NO_INLINE void
interp_indirect_slow (const InterpOp *ip, VmtVcpu *vcpu, guint64 acc, guint64 acc2)
{
  vcpu->pc = interp_scratch (vcpu)->va;
  const InterpOp *to = look_up (vcpu, NULL);
  if (to == NULL)
    LEAVE ();
  GO (to, 0, 0);
}

#define INDIRECT(PA, UNUSED)                                                                       \
  G_GNUC_NO_INLINE HANDLER (indirect_counting_##PA)                                                \
  {                                                                                                \
    tell_block (ip + 1);                                                                           \
    FOLLOW_INDIRECT_NOW (GET_##PA (ip->a));                                                        \
  }                                                                                                \
  HANDLER (indirect_##PA)                                                                          \
  {                                                                                                \
    FOLLOW_INDIRECT (GET_##PA (ip->a), indirect_counting_##PA);                                    \
  }
INTERP_SHAPES_1 (INDIRECT, 0)
const InterpHandler interp_jump_indirect[N_PLACES] = { indirect_M, indirect_A, indirect_B };
void
interp_indirect_counting_A (const InterpOp *ip, VmtVcpu *vcpu, guint64 acc, guint64 acc2)
{
  FINISH (indirect_counting_A);
}
void
interp_indirect_counting_B (const InterpOp *ip, VmtVcpu *vcpu, guint64 acc, guint64 acc2)
{
  FINISH (indirect_counting_B);
}

/* disp: offset from the page, aux: instructions retired */
HANDLER (exit_op)
{
  vcpu->pc = vcpu->page_va + (guint64)(gint64)ip->disp;
  vcpu->icount += ip->aux;
  LEAVE ();
}

/* imm: cause, a: value */
HANDLER (trap)
{
  vmt_vcpu_raise (vcpu, (guint64)ip->imm, R (ip->a));
  FINISH (interp_fault);
}

/* The function is in the second slot's place of an operand; the slot's c is an operand too, so that
 * disp is the offset of the instruction, aux how many have retired before it, and the second slot's
 * c is the index. */
HANDLER (call)
{
  const InterpOp *second = ip + 1;
  VmtIrHelperFunc func = (VmtIrHelperFunc)(gpointer)second->pointer;
  vcpu->pc = vcpu->page_va + (guint64)(gint64)ip->disp;
  vcpu->icount += ip->aux;
  const guint64 r = func (vcpu, R (ip->a), R (ip->b), R (ip->c));
  vcpu->icount -= ip->aux;
  if (G_UNLIKELY (vcpu->fault_pending))
    {
      ip = second;
      FINISH (interp_fault);
    }
  R (ip->d) = r;
  NEXT (2, r, acc);
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

static const VmtIrMemOps mem_ops = {
  .load = vmt_vcpu_load,
  .store = vmt_vcpu_store,
  .load_linked = vmt_vcpu_load_linked,
  .store_conditional = vmt_vcpu_store_conditional,
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

static gboolean
finish_eval (VmtVcpu *vcpu, const VmtIrEval *eval, VmtIrEvalExit exit, gint64 retired)
{
  switch (exit)
    {
    case VMT_IR_EVAL_NEXT:
      return TRUE;
    case VMT_IR_EVAL_JUMP:
    case VMT_IR_EVAL_INDIRECT:
    case VMT_IR_EVAL_EXIT:
      vcpu->icount += (guint64)retired + 1;
      break;
    case VMT_IR_EVAL_FAULT:
    case VMT_IR_EVAL_BUDGET:
      vcpu->icount += (guint64)retired;
      break;
    }
  vcpu->pc = eval->pc;
  return FALSE;
}

/* imm: index of the op in the block's IR; d: of the instruction; b: how many slots on it goes */
static gboolean
eval_one (const InterpOp *ip, VmtVcpu *vcpu)
{
  const InterpStream *stream = interp_stream_at (ip, ip->c);
  VmtIrEval eval = {
    .vcpu = vcpu,
    .block = stream->ir,
    .mem = &mem_ops,
    .values = (VmtIrValue *)(interp_scratch (vcpu) + 1),
    .page_va = vcpu->page_va,
    .budget = G_MAXINT64,
    .insn = ip->d,
  };
  VmtIrEvalExit exit = vmt_ir_eval_op (&eval, (guint)ip->imm);
  if (exit == VMT_IR_EVAL_FAULT)
    {
      retreat (vcpu, stream, ip->c);
      return FALSE;
    }
  return finish_eval (vcpu, &eval, exit, ip->d);
}

HANDLER (eval)
{
  if (!eval_one (ip, vcpu))
    LEAVE ();
  NEXT (1, 0, 0);
}

/* A block with more temporaries than the scratch area has room for. */
static void
eval_whole (const InterpOp *ip, VmtVcpu *vcpu)
{
  const InterpStream *stream = interp_stream_at (ip, ip->c);
  VmtIrEval eval = {
    .vcpu = vcpu,
    .block = stream->ir,
    .mem = &mem_ops,
    .page_va = vcpu->page_va,
    .budget = G_MAXINT64,
  };
  VmtIrEvalExit exit = vmt_ir_eval_block (&eval);
  finish_eval (vcpu, &eval, exit, eval.insn);
}

HANDLER (eval_block)
{
  eval_whole (ip, vcpu);
  LEAVE ();
}

const InterpHandler interp_call = call, interp_trap = trap, interp_exit = exit_op,
                    interp_eval = eval, interp_eval_block = eval_block;

void
interp_enter (VmtVcpu *vcpu, VmtExecBlock *block)
{
  const InterpOp *ip = ((const InterpStream *)block->tier_data)->ops;
#ifndef VMT_INTERP_TRAMPOLINE
  ip->handler (ip, vcpu, 0, 0);
#else
  InterpScratch *s = interp_scratch (vcpu);
  s->ip = ip;
  s->acc = s->acc2 = 0;
  while ((ip = s->ip) != NULL)
    ip->handler (ip, vcpu, s->acc, s->acc2);
#endif
}
