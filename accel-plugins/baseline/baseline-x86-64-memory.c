/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* x86-64: guest memory. A hit of the first-level TLB in line, everything else in core/exec. */
#include "baseline-x86-64.h"

#define READ_OFFSET ((gint32)G_STRUCT_OFFSET (VmtTlbBank, read))
#define WRITE_OFFSET ((gint32)G_STRUCT_OFFSET (VmtTlbBank, write))
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

/* rcx: the addend of base + disp; leaves for the slow path on a miss. rax is clobbered. */
static guint32
probe (BaselineCompiler *c, guint8 base, gint32 disp, guint log2, gboolean aligned, gint32 table,
       guint bits)
{
  const guint size = 1u << log2;
  const gint32 last = aligned ? 0 : (gint32)size - 1;
  x_rm (c, TRUE, X_LEA, RAX, base, disp + last);
  if (disp == 0)
    x_rr (c, FALSE, X_LOAD, RCX, base);
  else
    x_rm (c, FALSE, X_LEA, RCX, base, disp);
  x_shift_i (c, FALSE, S_SHR, RCX, VMT_PAGE_SHIFT - ENTRY_LOG2);
  x_ri (c, FALSE, I_AND, RCX, (gint32)(((1u << bits) - 1) << ENTRY_LOG2));
  x_ri (c, TRUE, I_AND, RAX,
        aligned ? (gint32)(~(guint32)(VMT_PAGE_SIZE - 1) | (size - 1))
                : (gint32) ~(guint32)(VMT_PAGE_SIZE - 1));
  x_rmx (c, TRUE, X_CMP, RAX, BANK, RCX, 0, table);
  const guint32 at = x_jcc (c, CC_NE);
  x_rmx (c, TRUE, X_LOAD, RCX, BANK, RCX, 0, table + ADDEND);
  return at;
}

/* Whether the next op begins an instruction. */
static guint
is_last (BaselineCompiler *c)
{
  return c->insn + 1 < c->ir->n_insns && c->ir->insns[c->insn + 1].first_op == c->op + 1
             ? BASELINE_MEM_LAST
             : 0;
}

/* The address, in a register that the probe does not use, where possible without a move. */
static guint8
address (BaselineCompiler *c, BaselineVal *a)
{
  if (a->where == BASELINE_REG && a->reg != RAX && a->reg != RCX)
    return a->reg;
  const BaselineVal from = *a;
  if (from.where == BASELINE_REG)
    c->busy &= ~(1u << from.reg);
  baseline_claim (c, RDX);
  baseline_host_move (c, RDX, &from);
  return RDX;
}

/* rcx: the address */
static void
cold_address (BaselineCompiler *c, const BaselineCold *cold)
{
  if (cold->disp != 0)
    x_rm (c, TRUE, X_LEA, RCX, cold->reg, cold->disp);
  else if (cold->reg != RCX)
    x_rr (c, TRUE, X_LOAD, RCX, cold->reg);
}

static void
cold_load (BaselineCompiler *c, const BaselineCold *cold)
{
  cold_address (c, cold);
  x_li (c, RAX, BASELINE_DESC (cold->insn, cold->kind));
  x_call_stub (c, BASELINE_STUB_LOAD);
  if (cold->reg2 != RAX)
    x_rr (c, TRUE, X_LOAD, cold->reg2, RAX);
  x_jmp_to (c, cold->resume);
}

static gboolean
emit_load (BaselineCompiler *c, const VmtIrOp *op)
{
  const guint log2 = type_log2 (op->type);
  if (log2 > 3 || (op->c & (VMT_IR_MEM_UNPRIVILEGED | VMT_IR_MEM_ATOMIC_FAULT)))
    return FALSE;
  const guint kind = mem_kind (op, log2);
  BaselineVal a = baseline_use (c, op->a);
  const guint8 base = address (c, &a);
  baseline_claim (c, RAX);
  baseline_claim (c, RCX);
  guint8 reg = baseline_pinned (c, op->d);
  if (reg == BASELINE_NO_REG)
    reg = RAX;
  if (c->short_of_regs)
    return TRUE;
  const guint32 miss = probe (c, base, op->imm, log2, (op->c & VMT_IR_MEM_ALIGNED) != 0,
                              READ_OFFSET, VMT_TLB_READ_BITS);
  const gboolean sx = (kind & BASELINE_MEM_SX) != 0;
  switch (log2)
    {
    case 0:
      x_rmx (c, sx, sx ? X_MOVSX8 : X_MOVZX8, reg, base, RCX, 0, op->imm);
      break;
    case 1:
      x_rmx (c, sx, sx ? X_MOVSX16 : X_MOVZX16, reg, base, RCX, 0, op->imm);
      break;
    case 2:
      x_rmx (c, sx, sx ? X_MOVSXD : X_LOAD, reg, base, RCX, 0, op->imm);
      if (kind & BASELINE_MEM_BOX)
        {
          x_li (c, RCX, G_GUINT64_CONSTANT (0xffffffff00000000));
          x_rr (c, TRUE, X_OR, reg, RCX);
        }
      break;
    default:
      x_rmx (c, TRUE, X_LOAD, reg, base, RCX, 0, op->imm);
      break;
    }
  BaselineCold *cold = baseline_cold (c, cold_load, miss);
  cold->reg = base;
  cold->disp = op->imm;
  cold->reg2 = reg;
  cold->kind = (guint8)kind;
  cold->resume = c->size;
  baseline_made (c, op->d, reg);
  return TRUE;
}

static void
cold_store (BaselineCompiler *c, const BaselineCold *cold)
{
  cold_address (c, cold);
  baseline_host_move (c, RDX, &cold->val);
  x_li (c, RAX, BASELINE_DESC (cold->insn, cold->kind));
  x_call_stub (c, BASELINE_STUB_STORE);
  x_jmp_to (c, cold->resume);
}

static gboolean
emit_store (BaselineCompiler *c, const VmtIrOp *op)
{
  const guint log2 = type_log2 (op->type);
  if (log2 > 3 || (op->c & VMT_IR_MEM_UNPRIVILEGED))
    return FALSE;
  const guint kind = mem_kind (op, log2) | is_last (c);
  BaselineVal a = baseline_use (c, op->a), b = baseline_use (c, op->b);
  /* The value survives the probe in a register of the guest's, in rdx, or in memory. */
  if (b.where == BASELINE_REG && (b.reg == RAX || b.reg == RCX))
    {
      if (a.where != BASELINE_REG || a.reg == RAX || a.reg == RCX)
        return FALSE;
      c->busy &= ~(1u << b.reg);
      baseline_claim (c, RDX);
      x_rr (c, TRUE, X_LOAD, RDX, b.reg);
      baseline_claim (c, b.reg == RAX ? RCX : RAX);
      baseline_claim (c, b.reg);
      b.reg = RDX;
    }
  else
    {
      const guint8 base = address (c, &a);
      a.where = BASELINE_REG;
      a.reg = base;
      baseline_claim (c, RAX);
      baseline_claim (c, RCX);
      /* the slow path has the value there */
      if (!(c->busy & (1u << RDX)))
        baseline_claim (c, RDX);
    }
  if (c->short_of_regs)
    return TRUE;
  const gboolean imm = b.where == BASELINE_CONST && fits32 (b.value);
  const guint32 miss = probe (c, a.reg, op->imm, log2, (op->c & VMT_IR_MEM_ALIGNED) != 0,
                              WRITE_OFFSET, VMT_TLB_WRITE_BITS);
  guint8 value = RAX;
  if (b.where == BASELINE_REG)
    value = b.reg;
  else if (!imm)
    baseline_host_move (c, RAX, &b);
  const guint prefix = log2 == 1 ? 0x66 : 0;
  if (imm)
    {
      x_rmx_full (c, prefix, log2 == 3, log2 == 0 ? 0xc6 : 0xc7, 0, a.reg, RCX, 0, op->imm, FALSE);
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
    x_rmx_full (c, prefix, log2 == 3, log2 == 0 ? 0x88 : X_STORE, value, a.reg, RCX, 0, op->imm,
                log2 == 0);
  BaselineCold *cold = baseline_cold (c, cold_store, miss);
  cold->reg = a.reg;
  cold->disp = op->imm;
  cold->val = b;
  cold->kind = (guint8)kind;
  cold->resume = c->size;
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

/* LL, SC and AMO: desc tells which, of what size; the attributes go through memory. */
static gboolean
emit_atomic (BaselineCompiler *c, const VmtIrOp *op)
{
  const guint log2 = type_log2 (op->type);
  if (log2 > 3 || (op->c & VMT_IR_MEM_UNPRIVILEGED) || (op->opcode != VMT_IR_AMO && op->imm != 0))
    return FALSE;
  BaselineVal a = baseline_use (c, op->a), b = baseline_use (c, op->b);
  if (is_temp_reg (&a) || is_temp_reg (&b))
    return FALSE;
  baseline_spill (c);
  baseline_host_move (c, RCX, &a);
  if (op->opcode != VMT_IR_LL)
    baseline_host_move (c, RDX, &b);
  const guint what = op->opcode == VMT_IR_LL   ? BASELINE_ATOMIC_LL
                     : op->opcode == VMT_IR_SC ? BASELINE_ATOMIC_SC
                                               : (guint)op->imm;
  x_rm (c, FALSE, 0xc7, 0, STATE, c->cpu + (gint32)G_STRUCT_OFFSET (BaselineCpu, third));
  x32 (c, op->c | (baseline_is_paired (c, c->op) ? VMT_VCPU_ATTR_PAIRED : 0));
  x_li (c, RAX,
        BASELINE_DESC (c->insn, log2 | (op->flags & VMT_IR_SX ? BASELINE_MEM_SX : 0) | what << 8));
  x_call_stub (c, BASELINE_STUB_ATOMIC);
  c->busy |= 1u << RAX;
  baseline_made (c, op->d, RAX);
  return TRUE;
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
