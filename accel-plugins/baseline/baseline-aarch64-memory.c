/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* AArch64: guest memory. A hit of the first-level TLB in line, everything else in core/exec. Guests
 * whose order is as weak as the host's need no more than what their fences say. */
#include "baseline-aarch64-emit.h"

#define READ_OFFSET ((gint32)G_STRUCT_OFFSET (VmtTlbBank, read))
#define WRITE_OFFSET ((gint32)G_STRUCT_OFFSET (VmtTlbBank, write))
#define ADDEND ((gint32)G_STRUCT_OFFSET (VmtTlbEntry, addend))
#define ENTRY_LOG2 4
G_STATIC_ASSERT (sizeof (VmtTlbEntry) == 1 << ENTRY_LOG2);
/* so that the loads of an entry have displacements and LR is free */
G_STATIC_ASSERT (G_STRUCT_OFFSET (VmtTlbBank, write) < 8 * 0xfff);

static guint
type_log2 (guint type)
{
  switch (type)
    {
    case VMT_IR_I8:
      return 0;
    case VMT_IR_I16:
    case VMT_IR_F16:
      return 1;
    case VMT_IR_I32:
    case VMT_IR_F32:
      return 2;
    case VMT_IR_I64:
    case VMT_IR_F64:
      return 3;
    default:
      return 4;
    }
}

static guint
mem_kind (const VmtIrOp *op, guint log2)
{
  return log2 |
         ((op->flags & VMT_IR_SX) && vmt_ir_type_class (op->type) == 'i' ? BASELINE_MEM_SX : 0) |
         ((op->flags & VMT_IR_BOXED) && op->type == VMT_IR_F32 ? BASELINE_MEM_BOX : 0) |
         (op->c & VMT_IR_MEM_ALIGNED ? BASELINE_MEM_ALIGNED : 0) |
         (op->c & VMT_IR_MEM_ATOMIC_FAULT ? BASELINE_MEM_ATOMIC_FAULT : 0);
}

/* Whether the next op begins an instruction. */
static guint
is_last (BaselineCompiler *c)
{
  return c->insn + 1 < c->ir->n_insns && c->ir->insns[c->insn + 1].first_op == c->op + 1
             ? BASELINE_MEM_LAST
             : 0;
}

/* Where an access is, and the branch to its slow path. */
typedef struct
{
  guint8 base, index; /* index: or BASELINE_NO_REG */
  gint32 disp;
  guint32 miss;
  guint8 window; /* that the slow path closes, or BASELINE_NO_REG */
} Place;

/* The op's window, or NULL: those that a loop keeps are not made use of. An open one needs no base,
 * which is else taken into a register. */
static BaselineWindow *
take_base (BaselineCompiler *c, BaselineVal *a, gboolean *open)
{
  gboolean first = FALSE;
  BaselineWindow *window = baseline_window (c, &first);
  if (window != NULL && window->kept != 0)
    window = NULL;
  *open = window != NULL && !first;
  if (!*open)
    {
      a->reg = baseline_a64_in_reg (c, a, FALSE);
      a->where = BASELINE_REG;
    }
  return window;
}

/* The base survives in any case. */
static void
locate (BaselineCompiler *c, const VmtIrOp *op, guint8 base, guint log2, gboolean store,
        const BaselineWindow *window, gboolean open, Place *place)
{
  const gboolean aligned = (op->c & VMT_IR_MEM_ALIGNED) != 0;
  *place = (Place){ base, BASELINE_NO_REG, op->imm, 0, BASELINE_NO_REG };
  if (open)
    {
      place->base = window->reg;
      place->disp += c->op_shift[c->op] - window->opened;
      place->miss = a_branch (c, a64_cbz (TRUE, FALSE, window->reg, 0));
      return;
    }
  const gboolean write = window != NULL ? window->store : store;
  const gint32 table = write ? WRITE_OFFSET : READ_OFFSET;
  const guint bits = write ? VMT_TLB_WRITE_BITS : VMT_TLB_READ_BITS;
  const guint size = 1u << log2;
  const gint32 from = window != NULL ? window->min - c->op_shift[c->op] : op->imm;
  const gint32 to = window != NULL ? window->end - 1 - c->op_shift[c->op]
                    : aligned      ? op->imm
                                   : op->imm + (gint32)size - 1;
  const guint64 compared = VMT_PAGE_MASK | (aligned ? size - 1 : 0);
  guint8 at = base;
  if (from != 0)
    baseline_a64_add_value (c, at = IP0, base, (guint64)(gint64)from);
  a_ubfx (c, TRUE, IP1, at, VMT_PAGE_SHIFT, bits);
  a_emit (c, a64_add_shifted (TRUE, A64_ADD, IP1, BANK, IP1, A64_LSL, ENTRY_LOG2));
  if (to == 0)
    at = base;
  else if (to != from)
    baseline_a64_add_value (c, at = IP0, base, (guint64)(gint64)to);
  baseline_a64_access (c, A64_LDR, 3, LR, IP1, table);
  baseline_a64_access (c, A64_LDR, 3, IP1, IP1, table + ADDEND);
  a_logic_imm (c, A64_AND, IP0, at, compared);
  a_cmp (c, TRUE, LR, IP0);
  place->miss = a_branch (c, a64_b_cond (A64_NE, 0));
  if (window != NULL)
    {
      /* the host's address of the base */
      a_add (c, window->reg, IP1, base);
      place->base = place->window = window->reg;
    }
  else if (op->imm == 0)
    place->index = IP1;
  else
    {
      a_add (c, IP1, IP1, base);
      place->base = IP1;
    }
}

static void
access_place (BaselineCompiler *c, A64Access what, guint log2, guint rt, const Place *place)
{
  if (place->index != BASELINE_NO_REG)
    a_emit (c, a64_access_reg (what, log2, rt, place->base, place->index));
  else
    baseline_a64_access (c, what, log2, rt, place->base, place->disp);
}

/* The stubs for memory leave all registers alone but IP0, IP1 and LR. IP0: the address, and then
 * the value. A window that was not found is closed: 0. */
static void
call_memory (BaselineCompiler *c, const BaselineCold *cold, BaselineStub stub, guint kind)
{
  if (cold->base.where != BASELINE_REG)
    baseline_host_move (c, IP0, &cold->base);
  baseline_a64_add_value (c, IP0, cold->base.where == BASELINE_REG ? cold->base.reg : IP0,
                          (guint64)(gint64)cold->disp);
  if (cold->window != BASELINE_NO_REG)
    a_move (c, TRUE, cold->window, XZR);
  baseline_a64_li (c, IP1, BASELINE_DESC (cold->insn, kind));
  baseline_a64_call_stub (c, stub);
}

static BaselineCold *
cold_access (BaselineCompiler *c, BaselineColdFunc emit, const VmtIrOp *op, const BaselineVal *base,
             const Place *place, guint kind)
{
  BaselineCold *cold = baseline_cold (c, emit, place->miss);
  cold->base = *base;
  cold->disp = op->imm;
  cold->window = place->window;
  cold->kind = (guint8)kind;
  cold->resume = c->size;
  return cold;
}

static void
cold_load (BaselineCompiler *c, const BaselineCold *cold)
{
  call_memory (c, cold, BASELINE_STUB_LOAD, cold->kind);
  a_move (c, TRUE, cold->reg, IP0);
  a_jump_to (c, cold->resume);
}

static gboolean
emit_load (BaselineCompiler *c, const VmtIrOp *op)
{
  const guint log2 = type_log2 (op->type);
  if (log2 > 3 || (op->c & (VMT_IR_MEM_UNPRIVILEGED | VMT_IR_MEM_ATOMIC_FAULT)) ||
      (op->type == VMT_IR_F16 && (op->flags & VMT_IR_BOXED)))
    return FALSE;
  const guint kind = mem_kind (op, log2);
  BaselineVal a = baseline_use (c, op->a);
  gboolean open;
  const BaselineWindow *window = take_base (c, &a, &open);
  const guint8 reg = baseline_result (c, op->d);
  if (c->short_of_regs)
    return TRUE;
  Place place;
  locate (c, op, a.reg, log2, FALSE, window, open, &place);
  access_place (c, (kind & BASELINE_MEM_SX) && log2 < 3 ? A64_LDRS : A64_LDR, log2, reg, &place);
  if (kind & BASELINE_MEM_BOX)
    {
      a_logic_imm (c, A64_ORR, reg, reg, BOX);
    }
  cold_access (c, cold_load, op, &a, &place, kind)->reg = reg;
  if (op->c & VMT_IR_MEM_ACQUIRE)
    a_emit (c, a64_dmb (A64_ISHLD));
  baseline_made (c, op->d, reg);
  return TRUE;
}

static void
cold_store (BaselineCompiler *c, const BaselineCold *cold)
{
  baseline_a64_state (c, A64_STR, 3, cold->reg, CPU_DISP (spare[0]));
  call_memory (c, cold, BASELINE_STUB_STORE, cold->kind);
  a_jump_to (c, cold->resume);
}

static gboolean
emit_store (BaselineCompiler *c, const VmtIrOp *op)
{
  const guint log2 = type_log2 (op->type);
  if (log2 > 3 || (op->c & VMT_IR_MEM_UNPRIVILEGED))
    return FALSE;
  const guint kind = mem_kind (op, log2) | is_last (c);
  BaselineVal a = baseline_use (c, op->a);
  const BaselineVal b = baseline_use (c, op->b);
  gboolean open;
  const BaselineWindow *window = take_base (c, &a, &open);
  const guint8 value = baseline_a64_in_reg (c, &b, TRUE);
  if (c->short_of_regs)
    return TRUE;
  if (op->c & VMT_IR_MEM_RELEASE)
    a_emit (c, a64_dmb (A64_ISH));
  Place place;
  locate (c, op, a.reg, log2, TRUE, window, open, &place);
  access_place (c, A64_STR, log2, value, &place);
  cold_access (c, cold_store, op, &a, &place, kind)->reg = value;
  return TRUE;
}

/* --- atomics --- */

/* By C; the operation and its size go in desc, the attributes and the value through memory. */
static void
call_atomic (BaselineCompiler *c, guint insn, guint8 reg, guint8 base, guint8 value, guint kind,
             guint attr)
{
  baseline_a64_li (c, IP0, attr);
  baseline_a64_state (c, A64_STR, 3, IP0, CPU_DISP (third));
  baseline_a64_state (c, A64_STR, 3, value, CPU_DISP (spare[0]));
  a_move (c, TRUE, IP0, base);
  baseline_a64_li (c, IP1, BASELINE_DESC (insn, kind));
  baseline_a64_call_stub (c, BASELINE_STUB_ATOMIC);
  a_move (c, TRUE, reg, IP0);
}

static void
cold_atomic (BaselineCompiler *c, const BaselineCold *cold)
{
  call_atomic (c, cold->insn, cold->reg, cold->base.reg, cold->reg2, cold->kind16, cold->attr);
  a_jump_to (c, cold->resume);
}

/* IP1: the host's address of an aligned access at @base, or leaves. */
static guint32
host_address (BaselineCompiler *c, guint8 base, guint log2, gboolean store)
{
  const gint32 table = store ? WRITE_OFFSET : READ_OFFSET;
  a_ubfx (c, TRUE, IP1, base, VMT_PAGE_SHIFT, store ? VMT_TLB_WRITE_BITS : VMT_TLB_READ_BITS);
  a_emit (c, a64_add_shifted (TRUE, A64_ADD, IP1, BANK, IP1, A64_LSL, ENTRY_LOG2));
  baseline_a64_access (c, A64_LDR, 3, LR, IP1, table);
  baseline_a64_access (c, A64_LDR, 3, IP1, IP1, table + ADDEND);
  a_logic_imm (c, A64_AND, IP0, base, VMT_PAGE_MASK | ((1u << log2) - 1));
  a_cmp (c, TRUE, LR, IP0);
  const guint32 miss = a_branch (c, a64_b_cond (A64_NE, 0));
  a_add (c, IP1, IP1, base);
  return miss;
}

/* A read and a write that are one event, with what is before on one side of it and what is after on
 * the other. Where they are an exclusive pair, here or in C, what acquires and what releases lets
 * others pass between the two: such ops have a barrier behind them. */
static gboolean
is_full (const VmtIrOp *op)
{
  return (op->c & VMT_IR_MEM_ACQUIRE) && (op->c & VMT_IR_MEM_RELEASE);
}

/* At IP1: the old value in @old, which is not @value. */
static void
amo (BaselineCompiler *c, const VmtIrOp *op, guint log2, guint8 old, guint8 value)
{
  static const guint8 codes[] = { A64_LT, A64_GT, A64_LO, A64_HI };
  const gboolean x = log2 == 3;
  guint8 now = LR;
  const guint32 again = c->size;
  a_emit (c,
          a64_load_exclusive ((op->c & VMT_IR_MEM_ACQUIRE) != 0 && !is_full (op), log2, old, IP1));
  switch ((VmtIrAmo)op->imm)
    {
    case VMT_IR_AMO_SWAP:
      now = value;
      break;
    case VMT_IR_AMO_ADD:
      a_add (c, LR, old, value);
      break;
    case VMT_IR_AMO_AND:
      a_emit (c, a64_logic (TRUE, A64_AND, FALSE, LR, old, value, A64_LSL, 0));
      break;
    case VMT_IR_AMO_OR:
      a_emit (c, a64_logic (TRUE, A64_ORR, FALSE, LR, old, value, A64_LSL, 0));
      break;
    case VMT_IR_AMO_XOR:
      a_emit (c, a64_logic (TRUE, A64_EOR, FALSE, LR, old, value, A64_LSL, 0));
      break;
    case VMT_IR_AMO_MINS:
    case VMT_IR_AMO_MAXS:
    case VMT_IR_AMO_MINU:
    case VMT_IR_AMO_MAXU:
      a_cmp (c, x, old, value);
      a_emit (c,
              a64_select (x, A64_CSEL, LR, old, value, (A64Cond)codes[op->imm - VMT_IR_AMO_MINS]));
      break;
    }
  a_emit (c, a64_store_exclusive ((op->c & VMT_IR_MEM_RELEASE) != 0, log2, IP0, now, IP1));
  a_emit (c, a64_cbz (FALSE, TRUE, IP0, (gint32)(again - c->size) / 4));
}

/* At IP1. The reservation is kept here: see emit_atomic(). */
static void
load_linked (BaselineCompiler *c, const VmtIrOp *op, guint log2, guint8 reg)
{
  if (op->c & VMT_IR_MEM_RELEASE)
    a_emit (c, a64_dmb (A64_ISH));
  baseline_a64_access (c, A64_LDR, log2, reg, IP1, 0);
  if (op->c & VMT_IR_MEM_ACQUIRE)
    a_emit (c, a64_dmb (A64_ISHLD));
  baseline_a64_state (c, A64_STR, 3, IP1, CPU_DISP (ll_host));
  baseline_a64_state (c, A64_STR, 3, reg, CPU_DISP (ll_value));
  baseline_a64_li (c, IP0, G_MAXUINT64);
  baseline_a64_state (c, A64_STR, 3, IP0, VCPU_DISP (reserve_addr));
}

/* At IP1, which is where the load-linked was: 0 or 1 in @reg. */
static void
store_conditional (BaselineCompiler *c, const VmtIrOp *op, guint log2, guint8 reg, guint8 value,
                   guint8 expected)
{
  baseline_a64_state (c, A64_LDR, 3, expected, CPU_DISP (ll_value));
  const guint32 again = c->size;
  a_emit (c,
          a64_load_exclusive ((op->c & VMT_IR_MEM_ACQUIRE) != 0 && !is_full (op), log2, LR, IP1));
  a_cmp (c, TRUE, LR, expected);
  const guint32 other = a_branch (c, a64_b_cond (A64_NE, 0));
  a_emit (c, a64_store_exclusive ((op->c & VMT_IR_MEM_RELEASE) != 0, log2, IP0, value, IP1));
  a_emit (c, a64_cbz (FALSE, TRUE, IP0, (gint32)(again - c->size) / 4));
  baseline_host_patch (c, other, c->size);
  a_emit (c, a64_select (TRUE, A64_CSINC, reg, XZR, XZR, A64_EQ));
  baseline_a64_state (c, A64_STR, 3, XZR, CPU_DISP (ll_host));
}

/* A load-linked whose store-conditional is its partner (VMT_VCPU_ATTR_PAIRED) keeps its reservation
 * here: the pair is a compare-and-swap, as core/exec/vmt-exec-atomic.c explains. Core knows of no
 * reservation meanwhile. */
static gboolean
emit_atomic (BaselineCompiler *c, const VmtIrOp *op)
{
  const guint log2 = type_log2 (op->type);
  const gboolean sx = (op->flags & VMT_IR_SX) != 0;
  if (log2 > 3 || (op->c & VMT_IR_MEM_UNPRIVILEGED) || (op->opcode != VMT_IR_AMO && op->imm != 0))
    return FALSE;
  const BaselineVal a = baseline_use (c, op->a), b = baseline_use (c, op->b);
  const guint8 base = baseline_a64_in_reg (c, &a, FALSE);
  const guint8 value = op->opcode == VMT_IR_LL ? XZR : baseline_a64_in_reg (c, &b, TRUE);
  guint8 reg = op->d == VMT_IR_NO_VAL ? baseline_scratch (c) : baseline_result (c, op->d);
  if (op->opcode == VMT_IR_AMO && reg == value)
    reg = baseline_scratch (c);
  const guint8 expected = op->opcode == VMT_IR_SC ? baseline_scratch (c) : XZR;
  if (c->short_of_regs)
    return TRUE;
  const guint what = op->opcode == VMT_IR_LL   ? BASELINE_ATOMIC_LL
                     : op->opcode == VMT_IR_SC ? BASELINE_ATOMIC_SC
                                               : (guint)op->imm;
  const guint kind = log2 | (sx ? BASELINE_MEM_SX : 0) | is_last (c) | what << 8;
  const guint attr = op->c | (baseline_is_paired (c, c->op) ? VMT_VCPU_ATTR_PAIRED : 0);
  if (log2 < 2 || !(op->c & VMT_IR_MEM_ALIGNED) ||
      (op->opcode != VMT_IR_AMO && !(attr & VMT_VCPU_ATTR_PAIRED)))
    {
      call_atomic (c, c->insn, reg, base, value, kind, attr);
      if (is_full (op))
        a_emit (c, a64_dmb (A64_ISH));
      baseline_made (c, op->d, reg);
      return TRUE;
    }
  guint32 ways[2];
  guint n_ways = 0;
  if (op->opcode == VMT_IR_LL)
    {
      baseline_a64_state (c, A64_LDR, 2, IP0, CPU_DISP (ll_full));
      ways[n_ways++] = a_branch (c, a64_cbz (FALSE, TRUE, IP0, 0));
    }
  ways[n_ways++] = host_address (c, base, log2, op->opcode != VMT_IR_LL);
  switch (op->opcode)
    {
    case VMT_IR_LL:
      load_linked (c, op, log2, reg);
      break;
    case VMT_IR_SC:
      baseline_a64_state (c, A64_LDR, 3, IP0, CPU_DISP (ll_host));
      a_cmp (c, TRUE, IP0, IP1);
      ways[n_ways++] = a_branch (c, a64_b_cond (A64_NE, 0));
      store_conditional (c, op, log2, reg, value, expected);
      break;
    default:
      amo (c, op, log2, reg, value);
      break;
    }
  if (log2 == 2 && sx && op->opcode != VMT_IR_SC)
    a_emit (c, a64_bitfield (TRUE, A64_SBFM, reg, reg, 0, 31));
  for (guint i = 0; i < n_ways; i++)
    {
      BaselineCold *cold = baseline_cold (c, cold_atomic, ways[i]);
      cold->reg = reg;
      cold->base.reg = base;
      cold->reg2 = value;
      cold->kind16 = (guint16)kind;
      cold->attr = attr;
      cold->resume = c->size;
    }
  if (is_full (op))
    a_emit (c, a64_dmb (A64_ISH));
  baseline_made (c, op->d, reg);
  return TRUE;
}

/* The sets are 1 W, 2 R, 4 O, 8 I. Devices are C's, on the same thread. */
static void
emit_fence (BaselineCompiler *c, const VmtIrOp *op)
{
  const guint before = (guint)op->imm >> 4 & 15, after = (guint)op->imm & 15;
  if (before == 0 || after == 0)
    return;
  a_emit (c, a64_dmb ((before & 5) == 0                         ? A64_ISHLD
                      : (before & 10) == 0 && (after & 10) == 0 ? A64_ISHST
                                                                : A64_ISH));
}

gboolean
baseline_a64_memory (BaselineCompiler *c, const VmtIrOp *op)
{
  switch (op->opcode)
    {
    case VMT_IR_LD:
      return emit_load (c, op);
    case VMT_IR_ST:
      return emit_store (c, op);
    case VMT_IR_FENCE:
      emit_fence (c, op);
      return TRUE;
    default:
      return emit_atomic (c, op);
    }
}
