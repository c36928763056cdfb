/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* x86-64: guest memory. A hit of the first-level TLB in line, everything else in core/exec. */
#include "baseline-x86-64-float.h"

#define READ_OFFSET ((gint32)G_STRUCT_OFFSET (VmtTlbBank, read))
#define WRITE_OFFSET ((gint32)G_STRUCT_OFFSET (VmtTlbBank, write))
#define CPU(field) (c->cpu + (gint32)G_STRUCT_OFFSET (BaselineCpu, field))
#define ADDEND ((gint32)G_STRUCT_OFFSET (VmtTlbEntry, addend))
#define ENTRY_LOG2 4
G_STATIC_ASSERT (sizeof (VmtTlbEntry) == 1 << ENTRY_LOG2);

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

static gboolean
is_temp_reg (const BaselineVal *val)
{
  return val->where == BASELINE_REG && (val->reg == RAX || val->reg == RCX || val->reg == RDX);
}

/* Whether the next op begins an instruction. */
static guint
is_last (BaselineCompiler *c)
{
  return c->insn + 1 < c->ir->n_insns && c->ir->insns[c->insn + 1].first_op == c->op + 1
             ? BASELINE_MEM_LAST
             : 0;
}

/* The base, in a register that a lookup does not use, where possible without a move. */
static guint8
base_reg (BaselineCompiler *c, const BaselineVal *a)
{
  if (a->where == BASELINE_REG && a->reg != RAX && a->reg != RCX)
    return a->reg;
  if (a->where == BASELINE_REG)
    c->busy &= ~(1u << a->reg);
  baseline_claim (c, RDX);
  baseline_host_move (c, RDX, a);
  return RDX;
}

/* Where an access is: base, index and displacement, and the jump to its slow path. */
typedef struct
{
  guint8 base, index; /* index: or BASELINE_NO_REG */
  gint32 disp;
  guint32 miss;
  guint8 window; /* of the slow path: that it closes */
  gboolean first;
  /* Of a window that a loop keeps, at its first access: where that is done, and what the slow path
   * needs to fill the range; kept: index + 1 */
  guint32 hit;
  guint8 kept;
  gboolean write, roams;
  gint32 from, span;
} Place;

/* The slow path has the address, the value and what it is there: what lives on in them must be at
 * home before anything leads to it. A load's leaves rdx alone. */
static void
lost_regs (BaselineCompiler *c, gboolean store)
{
  baseline_evict (c, RAX);
  baseline_evict (c, RCX);
  if (store)
    baseline_evict (c, RDX);
  c->busy |= 1u << RAX | 1u << RCX | (store ? 1u << RDX : 0);
}

/* Of the bank; other blocks use them, too. */
static gint32
range_of (BaselineCompiler *c, guint kept)
{
  const guint i = ((guint)c->ir->insns[0].page_offset + kept) % VMT_TLB_RANGES;
  return (gint32)(G_STRUCT_OFFSET (VmtTlbBank, ranges) + i * sizeof (VmtTlbRange));
}

/* Uses rax and rcx, of a store rdx too. */
static void
locate (BaselineCompiler *c, const VmtIrOp *op, const BaselineVal *a, guint log2, gboolean store,
        Place *place)
{
  gboolean first;
  const BaselineWindow *window = baseline_window (c, &first);
  const gboolean aligned = (op->c & VMT_IR_MEM_ALIGNED) != 0;
  *place = (Place){ .disp = op->imm, .window = BASELINE_NO_REG };
  if (window != NULL && window->kept == 0 && !first)
    {
      place->base = window->reg;
      place->index = BASELINE_NO_REG;
      place->disp += c->op_shift[c->op] - window->opened;
      lost_regs (c, store);
      x_rr (c, TRUE, X_TEST, window->reg, window->reg);
      place->miss = x_jcc (c, CC_E);
      return;
    }
  const guint8 base = base_reg (c, a);
  const gboolean write = window != NULL ? window->store : store;
  const gint32 table = write ? WRITE_OFFSET : READ_OFFSET;
  const guint bits = write ? VMT_TLB_WRITE_BITS : VMT_TLB_READ_BITS;
  const guint size = 1u << log2;
  const gint32 from = window != NULL ? window->min - c->op_shift[c->op] : op->imm;
  const gint32 to = window != NULL ? window->end - 1 - c->op_shift[c->op]
                    : aligned      ? op->imm
                                   : op->imm + (gint32)size - 1;
  if (window != NULL && window->kept != 0)
    {
      place->base = base;
      place->index = window->reg;
      lost_regs (c, store);
      if (!first)
        {
          x_rr (c, TRUE, X_TEST, window->reg, window->reg);
          place->miss = x_jcc (c, CC_E);
          return;
        }
      const gint32 range = range_of (c, window->kept);
      if (from != 0)
        x_rm (c, TRUE, X_LEA, RAX, base, from);
      else
        x_rr (c, TRUE, X_LOAD, RAX, base);
      x_rm (c, TRUE, X_SUB, RAX, BANK, range);
      x_rm (c, TRUE, X_CMP, RAX, BANK, range + 8);
      place->miss = x_jcc (c, CC_AE);
      place->hit = c->size;
      place->kept = window->kept;
      place->window = window->reg;
      place->write = write;
      place->roams = window->roams;
      place->from = from;
      place->span = to - from;
      return;
    }
  baseline_claim (c, RAX);
  baseline_claim (c, RCX);
  lost_regs (c, store);
  x_rm (c, TRUE, X_LEA, RAX, base, to);
  if (from == 0)
    {
      /* rorx: what comes in at the top is masked away */
      x_vex_rrr (c, FALSE, 3, 3, 0xf0, RCX, 0, base);
      x8 (c, VMT_PAGE_SHIFT - ENTRY_LOG2);
    }
  else
    {
      x_rm (c, FALSE, X_LEA, RCX, base, from);
      x_shift_i (c, FALSE, S_SHR, RCX, VMT_PAGE_SHIFT - ENTRY_LOG2);
    }
  x_ri (c, FALSE, I_AND, RCX, (gint32)(((1u << bits) - 1) << ENTRY_LOG2));
  x_ri (c, TRUE, I_AND, RAX,
        aligned ? (gint32)(~(guint32)(VMT_PAGE_SIZE - 1) | (size - 1))
                : (gint32) ~(guint32)(VMT_PAGE_SIZE - 1));
  x_rmx (c, TRUE, X_CMP, RAX, BANK, RCX, 0, table);
  place->miss = x_jcc (c, CC_NE);
  place->base = base;
  place->index = window != NULL ? window->reg : RCX;
  place->first = window != NULL;
  place->window = window != NULL ? window->reg : BASELINE_NO_REG;
  x_rmx (c, TRUE, X_LOAD, place->index, BANK, RCX, 0, table + ADDEND);
}

/* After the access: the window is the host's address of the base. */
static void
located (BaselineCompiler *c, const Place *place)
{
  if (place->first)
    x_rr (c, TRUE, X_ADD, place->index, place->base);
}

static void
x_place (BaselineCompiler *c, guint prefix, gboolean w, guint opcode, guint reg, const Place *place,
         gboolean byte)
{
  if (place->index == BASELINE_NO_REG)
    x_rm_full (c, prefix, w, opcode, reg, place->base, place->disp, byte);
  else
    x_rmx_full (c, prefix, w, opcode, reg, place->base, place->index, 0, place->disp, byte);
}

/* The range of a window that a loop keeps is filled; back to the access if that goes. */
static void
fill_range (BaselineCompiler *c, const BaselineCold *cold)
{
  if (cold->roams)
    baseline_x86_float_cold (c, cold);
  if (cold->base.where == BASELINE_REG)
    x_rm (c, TRUE, X_LEA, RCX, cold->base.reg, cold->from_disp);
  else
    {
      baseline_host_move (c, RCX, &cold->base);
      x_ri (c, TRUE, I_ADD, RCX, cold->from_disp);
    }
  if (cold->roams)
    {
      const guint i =
          (guint)(range_of (c, cold->kept) - (gint32)G_STRUCT_OFFSET (VmtTlbBank, ranges)) /
          (guint)sizeof (VmtTlbRange);
      x_li (c, RAX, cold->span | (guint32)(cold->write != FALSE) << 15 | i << 16);
      x_call_stub (c, BASELINE_STUB_RANGE);
      baseline_called (c, cold->insn, FALSE);
    }
  else
    {
      x_li (c, RAX, cold->span);
      x8 (c, 0x68); /* push */
      x32 (c, (guint32)range_of (c, cold->kept));
      x_call_stub (c, cold->write ? BASELINE_STUB_RANGE_WRITE : BASELINE_STUB_RANGE_READ);
    }
  x_rr (c, TRUE, X_LOAD, cold->window, RAX);
  x_rr (c, TRUE, X_TEST, RAX, RAX);
  baseline_host_patch (c, x_jcc (c, CC_NE), cold->hit);
}

/* rcx: the address. A window that was not found is closed: 0. */
static void
cold_address (BaselineCompiler *c, const BaselineCold *cold)
{
  if (cold->base.where == BASELINE_REG && cold->disp != 0)
    x_rm (c, TRUE, X_LEA, RCX, cold->base.reg, cold->disp);
  else
    {
      baseline_host_move (c, RCX, &cold->base);
      if (cold->disp != 0)
        x_ri (c, TRUE, I_ADD, RCX, cold->disp);
    }
  if (cold->window != BASELINE_NO_REG && cold->kept == 0)
    x_rr (c, FALSE, X_XOR, cold->window, cold->window);
}

static BaselineCold *
cold_access (BaselineCompiler *c, BaselineColdFunc emit, const VmtIrOp *op, const BaselineVal *a,
             const Place *place, guint kind)
{
  const guint snapshot = baseline_x86_float_snapshot (c);
  BaselineCold *cold = baseline_cold (c, emit, place->miss);
  cold->fp = (guint16)snapshot;
  cold->base = *a;
  if (place->base == RDX)
    {
      cold->base.where = BASELINE_REG;
      cold->base.reg = RDX;
    }
  cold->disp = op->imm;
  cold->window = place->window;
  cold->kept = place->kept;
  if (place->kept != 0)
    {
      cold->hit = place->hit;
      cold->write = place->write;
      cold->roams = place->roams;
      cold->from_disp = place->from;
      cold->span = (guint16)place->span;
    }
  cold->kind = (guint8)kind;
  cold->resume = c->size;
  return cold;
}

/* rcx: the address; then where it is in the host's memory, or what is as good. */
static void
call_read (BaselineCompiler *c, guint log2, guint insn)
{
  static const BaselineStub stubs[] = { BASELINE_STUB_READ1, BASELINE_STUB_READ2,
                                        BASELINE_STUB_READ4, BASELINE_STUB_READ8 };
  x_call_stub (c, stubs[log2]);
  baseline_called (c, insn, FALSE);
}

/* rcx: the address, rdx: the value. */
static void
call_write (BaselineCompiler *c, guint log2, guint insn, gboolean last)
{
  static const BaselineStub stubs[] = { BASELINE_STUB_WRITE1, BASELINE_STUB_WRITE2,
                                        BASELINE_STUB_WRITE4, BASELINE_STUB_WRITE8 };
  x_call_stub (c, stubs[log2]);
  baseline_called (c, insn, last);
}

static const Place at_rcx = { .base = RCX, .index = BASELINE_NO_REG };

/* Whether the stubs for plain accesses do. */
static gboolean
is_plain (guint kind)
{
  return (kind & (BASELINE_MEM_ALIGNED | BASELINE_MEM_ATOMIC_FAULT)) == 0;
}

/* rcx = the address, of level 0. */
static void
compact_address (BaselineCompiler *c, const VmtIrOp *op, const BaselineVal *a)
{
  if (a->where == BASELINE_REG && op->imm != 0)
    x_rm (c, TRUE, X_LEA, RCX, a->reg, op->imm);
  else
    {
      baseline_host_move (c, RCX, a);
      if (op->imm != 0)
        x_ri (c, TRUE, I_ADD, RCX, op->imm);
    }
}

/* Doubles between memory and vector registers. */

static void
x_place_double (BaselineCompiler *c, guint opcode, guint x, const Place *place)
{
  x_place (c, 0xf2, FALSE, 0x0f00 | opcode, x, place, FALSE);
}

static void
cold_load_double (BaselineCompiler *c, const BaselineCold *cold)
{
  if (cold->kept != 0)
    fill_range (c, cold);
  baseline_x86_float_cold (c, cold);
  cold_address (c, cold);
  if (is_plain (cold->kind))
    {
      call_read (c, 3, cold->insn);
      x_place_double (c, V_LOAD, cold->reg, &at_rcx);
    }
  else
    {
      x_li (c, RAX, BASELINE_DESC (cold->insn, cold->kind));
      x_call_stub (c, BASELINE_STUB_LOAD);
      x_vg (c, TRUE, PP_66, V_FROM_GPR, cold->reg, 0, RAX);
    }
  x_jmp_to (c, cold->resume);
}

static gboolean
emit_load_double (BaselineCompiler *c, const VmtIrOp *op)
{
  const guint kind = mem_kind (op, 3);
  baseline_float_enter (c);
  const BaselineVal a = baseline_use (c, op->a);
  const guint x = baseline_float_alloc (c);
  if (c->compact && is_plain (kind))
    {
      baseline_x86_float_settle (c);
      lost_regs (c, FALSE);
      compact_address (c, op, &a);
      call_read (c, 3, c->insn);
      x_place_double (c, V_LOAD, x, &at_rcx);
      baseline_float_made (c, op->d, x, FLOAT_RAW, 0);
      return TRUE;
    }
  Place place;
  locate (c, op, &a, 3, FALSE, &place);
  if (c->short_of_regs)
    return TRUE;
  x_place_double (c, V_LOAD, x, &place);
  located (c, &place);
  cold_access (c, cold_load_double, op, &a, &place, kind)->reg = (guint8)x;
  baseline_float_made (c, op->d, x, FLOAT_RAW, 0);
  return TRUE;
}

static void
call_store (BaselineCompiler *c, const BaselineCold *cold)
{
  if (is_plain (cold->kind))
    {
      call_write (c, cold->kind & BASELINE_MEM_LOG2, cold->insn,
                  (cold->kind & BASELINE_MEM_LAST) != 0);
      return;
    }
  x_li (c, RAX, BASELINE_DESC (cold->insn, cold->kind));
  x_call_stub (c, BASELINE_STUB_STORE);
}

static void
cold_store_double (BaselineCompiler *c, const BaselineCold *cold)
{
  if (cold->kept != 0)
    fill_range (c, cold);
  baseline_x86_float_cold (c, cold);
  cold_address (c, cold);
  x_vg (c, TRUE, PP_66, V_TO_GPR, cold->reg, 0, RDX);
  call_store (c, cold);
  x_jmp_to (c, cold->resume);
}

static gboolean
emit_store_double (BaselineCompiler *c, const VmtIrOp *op, guint x)
{
  const guint kind = mem_kind (op, 3) | is_last (c);
  baseline_float_check (c, x);
  const BaselineVal a = baseline_use (c, op->a);
  Place place;
  locate (c, op, &a, 3, TRUE, &place);
  if (c->short_of_regs)
    return TRUE;
  x_place_double (c, V_STORE, x, &place);
  located (c, &place);
  cold_access (c, cold_store_double, op, &a, &place, kind)->reg = (guint8)x;
  return TRUE;
}

static void
x_load (BaselineCompiler *c, guint kind, guint8 reg, const Place *place)
{
  const gboolean sx = (kind & BASELINE_MEM_SX) != 0;
  switch (kind & BASELINE_MEM_LOG2)
    {
    case 0:
      x_place (c, 0, sx, sx ? X_MOVSX8 : X_MOVZX8, reg, place, FALSE);
      break;
    case 1:
      x_place (c, 0, sx, sx ? X_MOVSX16 : X_MOVZX16, reg, place, FALSE);
      break;
    case 2:
      x_place (c, 0, sx, sx ? X_MOVSXD : X_LOAD, reg, place, FALSE);
      if (kind & BASELINE_MEM_BOX)
        {
          const guint8 box = reg == RCX ? RAX : RCX;
          x_li (c, box, G_GUINT64_CONSTANT (0xffffffff00000000));
          x_rr (c, TRUE, X_OR, reg, box);
        }
      break;
    default:
      x_place (c, 0, TRUE, X_LOAD, reg, place, FALSE);
      break;
    }
}

static void
cold_load (BaselineCompiler *c, const BaselineCold *cold)
{
  if (cold->kept != 0)
    fill_range (c, cold);
  baseline_x86_float_cold (c, cold);
  cold_address (c, cold);
  if (is_plain (cold->kind))
    {
      call_read (c, cold->kind & BASELINE_MEM_LOG2, cold->insn);
      x_load (c, cold->kind, cold->reg, &at_rcx);
    }
  else
    {
      x_li (c, RAX, BASELINE_DESC (cold->insn, cold->kind));
      x_call_stub (c, BASELINE_STUB_LOAD);
      if (cold->reg != RAX)
        x_rr (c, TRUE, X_LOAD, cold->reg, RAX);
    }
  x_jmp_to (c, cold->resume);
}

static gboolean
emit_load (BaselineCompiler *c, const VmtIrOp *op)
{
  const guint log2 = type_log2 (op->type);
  if (log2 > 3 || (op->c & (VMT_IR_MEM_UNPRIVILEGED | VMT_IR_MEM_ATOMIC_FAULT)) ||
      (op->type == VMT_IR_F16 && (op->flags & VMT_IR_BOXED)))
    return FALSE;
  if (op->type == VMT_IR_F64 && (c->fp.live || c->computes))
    return emit_load_double (c, op);
  if (vmt_ir_type_class (op->type) == 'f')
    baseline_x86_float_overwrite (c, op->d);
  const guint kind = mem_kind (op, log2);
  const BaselineVal a = baseline_use (c, op->a);
  guint8 reg = baseline_pinned (c, op->d);
  if (reg == BASELINE_NO_REG)
    reg = RAX;
  if (c->compact && is_plain (kind))
    {
      baseline_x86_float_settle (c);
      lost_regs (c, FALSE);
      compact_address (c, op, &a);
      call_read (c, log2, c->insn);
      x_load (c, kind, reg, &at_rcx);
      baseline_made (c, op->d, reg);
      return TRUE;
    }
  Place place;
  locate (c, op, &a, log2, FALSE, &place);
  if (c->short_of_regs)
    return TRUE;
  x_load (c, kind, reg, &place);
  located (c, &place);
  cold_access (c, cold_load, op, &a, &place, kind)->reg = reg;
  baseline_made (c, op->d, reg);
  return TRUE;
}

static void
cold_store (BaselineCompiler *c, const BaselineCold *cold)
{
  if (cold->kept != 0)
    fill_range (c, cold);
  baseline_x86_float_cold (c, cold);
  cold_address (c, cold);
  baseline_host_move (c, RDX, &cold->val);
  call_store (c, cold);
  x_jmp_to (c, cold->resume);
}

/* At level 0. */
static void
compact_store (BaselineCompiler *c, const VmtIrOp *op, guint log2, guint last)
{
  baseline_x86_float_settle (c);
  BaselineVal a = baseline_use (c, op->a), b = baseline_use (c, op->b);
  /* What is in a register is there until something else is moved to it. */
  lost_regs (c, TRUE);
  if (b.where == BASELINE_REG && b.reg == RCX)
    {
      if (a.where == BASELINE_REG && a.reg == RDX)
        {
          x_rr (c, TRUE, 0x87, RCX, RDX);
          a.reg = RCX;
        }
      else
        baseline_host_move (c, RDX, &b);
      b.reg = RDX;
    }
  compact_address (c, op, &a);
  baseline_host_move (c, RDX, &b);
  call_write (c, log2, c->insn, last != 0);
}

static gboolean
emit_store (BaselineCompiler *c, const VmtIrOp *op)
{
  const guint log2 = type_log2 (op->type);
  if (log2 > 3 || (op->c & VMT_IR_MEM_UNPRIVILEGED))
    return FALSE;
  if (c->compact && is_plain (mem_kind (op, log2)))
    {
      compact_store (c, op, log2, is_last (c));
      return TRUE;
    }
  if (op->type == VMT_IR_F64)
    {
      const guint x = baseline_float_find (c, op->b);
      if (x != 0)
        return emit_store_double (c, op, x);
    }
  else if (vmt_ir_type_class (op->type) == 'f')
    baseline_x86_float_settle (c);
  const guint kind = mem_kind (op, log2) | is_last (c);
  BaselineVal a = baseline_use (c, op->a), b = baseline_use (c, op->b);
  /* The value survives a lookup in a register of the guest's, in rdx, or in memory. */
  if (b.where == BASELINE_REG && (b.reg == RAX || b.reg == RCX))
    {
      if (a.where != BASELINE_REG || is_temp_reg (&a))
        return FALSE;
      c->busy &= ~(1u << b.reg);
      baseline_claim (c, RDX);
      x_rr (c, TRUE, X_LOAD, RDX, b.reg);
      b.reg = RDX;
    }
  Place place;
  locate (c, op, &a, log2, TRUE, &place);
  if (c->short_of_regs)
    return TRUE;
  const gboolean imm = b.where == BASELINE_CONST && fits32 (b.value);
  guint8 value = RAX;
  if (b.where == BASELINE_REG)
    value = b.reg;
  else if (!imm)
    baseline_host_move (c, RAX, &b);
  const guint prefix = log2 == 1 ? 0x66 : 0;
  if (imm)
    {
      x_place (c, prefix, log2 == 3, log2 == 0 ? 0xc6 : 0xc7, 0, &place, FALSE);
      if (log2 == 0)
        x8 (c, (guint)b.value & 0xff);
      else if (log2 == 1)
        {
          x8 (c, (guint)b.value & 0xff);
          x8 (c, (guint)b.value >> 8 & 0xff);
        }
      else
        x32 (c, (guint32)b.value);
    }
  else
    x_place (c, prefix, log2 == 3, log2 == 0 ? 0x88 : X_STORE, value, &place, log2 == 0);
  located (c, &place);
  cold_access (c, cold_store, op, &a, &place, kind)->val = b;
  return TRUE;
}

/* Stores before, loads after it. */
static void
fence (BaselineCompiler *c)
{
  /* lock or dword [rsp], 0: cheaper than mfence */
  x8 (c, 0xf0);
  x_mi (c, FALSE, I_OR, RSP, 0, 0);
}

/* rcx: the address, rdx: the value. desc tells which operation of what size; the attributes go
 * through memory. */
static void
call_atomic (BaselineCompiler *c, guint insn, guint kind, guint attr)
{
  x_rm (c, FALSE, 0xc7, 0, STATE, c->cpu + (gint32)G_STRUCT_OFFSET (BaselineCpu, third));
  x32 (c, attr);
  x_li (c, RAX, BASELINE_DESC (insn, kind));
  x_call_stub (c, BASELINE_STUB_ATOMIC);
}

static void
cold_atomic (BaselineCompiler *c, const BaselineCold *cold)
{
  baseline_host_move (c, RCX, &cold->base);
  if (cold->disp != 0)
    x_ri (c, TRUE, I_ADD, RCX, cold->disp);
  baseline_host_move (c, RDX, &cold->val);
  call_atomic (c, cold->insn, cold->kind16, cold->attr);
  x_jmp_to (c, cold->resume);
}

static void
lock (BaselineCompiler *c)
{
  x8 (c, 0xf0);
}

/* A value that somebody has no use for. */
static gboolean
is_unused (BaselineCompiler *c, VmtIrVal d)
{
  return d == VMT_IR_NO_VAL || (vmt_ir_is_temp (d) && c->temp_last[d - VMT_IR_TEMP_FIRST] <= c->op);
}

/* At [rdx]: the old value in rax. rcx is free, and @b is none of these. */
static void
amo (BaselineCompiler *c, guint what, gboolean w, const BaselineVal *b, gboolean unused)
{
  static const guint8 groups[] = {
    [VMT_IR_AMO_AND] = I_AND, [VMT_IR_AMO_OR] = I_OR, [VMT_IR_AMO_XOR] = I_XOR
  };
  switch (what)
    {
    case VMT_IR_AMO_SWAP:
      baseline_host_move (c, RAX, b);
      x_rm (c, w, 0x87, RAX, RDX, 0);
      return;
    case VMT_IR_AMO_ADD:
      baseline_host_move (c, RAX, b);
      lock (c);
      x_rm (c, w, 0x0fc1, RAX, RDX, 0);
      return;
    case VMT_IR_AMO_AND:
    case VMT_IR_AMO_OR:
    case VMT_IR_AMO_XOR:
      if (unused)
        {
          baseline_host_move (c, RAX, b);
          lock (c);
          x_rm (c, w, 1 | groups[what] << 3, RAX, RDX, 0);
          return;
        }
      break;
    default:
      break;
    }
  x_rm (c, w, X_LOAD, RAX, RDX, 0);
  const guint32 again = c->size;
  baseline_host_move (c, RCX, b);
  switch (what)
    {
    case VMT_IR_AMO_AND:
    case VMT_IR_AMO_OR:
    case VMT_IR_AMO_XOR:
      x_rr (c, w, 3 | groups[what] << 3, RCX, RAX);
      break;
    default:
      {
        static const guint8 codes[] = { CC_L, CC_G, CC_B, CC_A };
        x_rr (c, w, X_CMP, RAX, RCX);
        x_rr (c, w, 0x0f40 | codes[what - VMT_IR_AMO_MINS], RCX, RAX);
        break;
      }
    }
  lock (c);
  x_rm (c, w, 0x0fb1, RCX, RDX, 0);
  const guint32 at = x_jcc_short (c, CC_NE);
  c->bytes[at] = (guint8)(again - (at + 1));
}

/* rdx: an address that becomes the host's, or leaves; it must be aligned. */
static guint32
host_address (BaselineCompiler *c, guint log2, gboolean read)
{
  const gint32 table = read ? READ_OFFSET : WRITE_OFFSET;
  const guint bits = read ? VMT_TLB_READ_BITS : VMT_TLB_WRITE_BITS;
  x_rr (c, FALSE, X_LOAD, RCX, RDX);
  x_rr (c, TRUE, X_LOAD, RAX, RDX);
  x_shift_i (c, FALSE, S_SHR, RCX, VMT_PAGE_SHIFT - ENTRY_LOG2);
  x_ri (c, FALSE, I_AND, RCX, (gint32)(((1u << bits) - 1) << ENTRY_LOG2));
  x_ri (c, TRUE, I_AND, RAX, (gint32)(~(guint32)(VMT_PAGE_SIZE - 1) | ((1u << log2) - 1)));
  x_rmx (c, TRUE, X_CMP, RAX, BANK, RCX, 0, table);
  const guint32 miss = x_jcc (c, CC_NE);
  x_rmx (c, TRUE, X_ADD, RDX, BANK, RCX, 0, table + ADDEND);
  return miss;
}

/* A load-linked whose store-conditional is its partner (VMT_VCPU_ATTR_PAIRED) keeps its reservation
 * here: the pair is a compare-and-swap, as core/exec/vmt-exec-atomic.c explains. Core knows of no
 * reservation meanwhile. */
static gboolean
emit_atomic (BaselineCompiler *c, const VmtIrOp *op)
{
  const guint log2 = type_log2 (op->type);
  if (log2 > 3 || (op->c & VMT_IR_MEM_UNPRIVILEGED) || (op->opcode != VMT_IR_AMO && op->imm != 0))
    return FALSE;
  /* Operands, too, are at home then: the evaluator must not get one half of a pair. */
  c->evaluates = TRUE;
  baseline_spill (c);
  c->evaluates = FALSE;
  BaselineVal a = baseline_use (c, op->a), b = baseline_use (c, op->b);
  const guint what = op->opcode == VMT_IR_LL   ? BASELINE_ATOMIC_LL
                     : op->opcode == VMT_IR_SC ? BASELINE_ATOMIC_SC
                                               : (guint)op->imm;
  const gboolean sx = (op->flags & VMT_IR_SX) != 0;
  const guint kind = log2 | (sx ? BASELINE_MEM_SX : 0) | is_last (c) | what << 8;
  const guint attr = op->c | (baseline_is_paired (c, c->op) ? VMT_VCPU_ATTR_PAIRED : 0);
  c->busy |= 1u << RAX | 1u << RCX | 1u << RDX;
  if (log2 < 2 || !(op->c & VMT_IR_MEM_ALIGNED) ||
      (op->opcode != VMT_IR_AMO && !(attr & VMT_VCPU_ATTR_PAIRED)))
    {
      baseline_host_move (c, RCX, &a);
      if (op->opcode != VMT_IR_LL)
        baseline_host_move (c, RDX, &b);
      call_atomic (c, c->insn, kind, attr);
      baseline_made (c, op->d, RAX);
      return TRUE;
    }
  const gboolean w = log2 == 3;
  guint32 ways[3];
  guint n_ways = 0;
  if (op->opcode == VMT_IR_LL)
    {
      x_mi (c, FALSE, I_CMP, STATE, CPU (ll_full), 0);
      ways[n_ways++] = x_jcc (c, CC_NE);
    }
  baseline_host_move (c, RDX, &a);
  ways[n_ways++] = host_address (c, log2, op->opcode == VMT_IR_LL);
  switch (op->opcode)
    {
    case VMT_IR_LL:
      x_rm (c, w, X_LOAD, RAX, RDX, 0);
      x_rm (c, TRUE, X_STORE, RDX, STATE, CPU (ll_host));
      x_rm (c, TRUE, X_STORE, RAX, STATE, CPU (ll_value));
      x_rm (c, TRUE, 0xc7, 0, STATE, VCPU_DISP (reserve_addr));
      x32 (c, G_MAXUINT32);
      break;
    case VMT_IR_SC:
      x_rm (c, TRUE, X_CMP, RDX, STATE, CPU (ll_host));
      ways[n_ways++] = x_jcc (c, CC_NE);
      x_rm (c, TRUE, X_LOAD, RAX, STATE, CPU (ll_value));
      baseline_host_move (c, RCX, &b);
      lock (c);
      x_rm (c, w, 0x0fb1, RCX, RDX, 0);
      x_rm (c, TRUE, 0xc7, 0, STATE, CPU (ll_host));
      x32 (c, 0);
      x_rr_full (c, 0, FALSE, 0x0f90 | CC_NE, 0, RAX, TRUE);
      x_rr_full (c, 0, FALSE, X_MOVZX8, RAX, RAX, TRUE);
      break;
    default:
      amo (c, what, w, &b, is_unused (c, op->d));
      break;
    }
  if (!w && op->opcode != VMT_IR_SC && !is_unused (c, op->d))
    x_rr (c, sx, sx ? X_MOVSXD : X_LOAD, RAX, RAX);
  for (guint i = 0; i < n_ways; i++)
    {
      BaselineCold *cold = baseline_cold (c, cold_atomic, ways[i]);
      cold->base = a;
      cold->val = b;
      cold->kind16 = (guint16)kind;
      cold->attr = attr;
      cold->resume = c->size;
    }
  baseline_made (c, op->d, RAX);
  return TRUE;
}

void
baseline_host_load_ranges (BaselineCompiler *c)
{
  for (guint kept = 1; kept <= c->n_kept; kept++)
    {
      const gint32 range = range_of (c, kept);
      x_rm (c, TRUE, X_LOAD, baseline_window_regs[baseline_n_windows - kept], BANK,
            range + (gint32)G_STRUCT_OFFSET (VmtTlbRange, addend));
      /* Another block's with a window of another length says nothing for this one. */
      x_mi (c, TRUE, I_CMP, BANK, range + (gint32)G_STRUCT_OFFSET (VmtTlbRange, span),
            c->kept_span[kept - 1]);
      const guint32 same = x_jcc_short (c, CC_E);
      x_rm (c, TRUE, 0xc7, 0, BANK, range + (gint32)G_STRUCT_OFFSET (VmtTlbRange, size));
      x32 (c, 0);
      x_here_short (c, same);
    }
}

gboolean
baseline_x86_memory (BaselineCompiler *c, const VmtIrOp *op)
{
  switch (op->opcode)
    {
    case VMT_IR_LD:
      return emit_load (c, op);
    case VMT_IR_ST:
      return emit_store (c, op);
    case VMT_IR_FENCE:
      /* W or O before, R or I after */
      if (((op->imm >> 4) & 5) != 0 && (op->imm & 10) != 0)
        fence (c);
      return TRUE;
    default:
      return emit_atomic (c, op);
    }
}
