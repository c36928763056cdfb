/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* AArch64, ARMv8.0: integers and control. Floating point is the evaluator's. */
#include "baseline-aarch64-emit.h"

/* The most used first: x19 and on survive calls of C. */
const guint8 baseline_pinned_regs[] = { X19, X20, X21, X22, X23, X24, X7, X8,
                                        X9,  X10, X11, X12, X13, X14, X15 };
const guint baseline_n_pinned = G_N_ELEMENTS (baseline_pinned_regs);
const guint8 baseline_scratch_regs[] = { X0, X1, X2, X3, X4, X5, X6 };
const guint baseline_n_scratch = G_N_ELEMENTS (baseline_scratch_regs);
const guint8 baseline_window_regs[] = { X25, X29 };
const guint baseline_n_windows = G_N_ELEMENTS (baseline_window_regs);
const gboolean baseline_keeps_windows = FALSE;

gboolean
baseline_host_probe (GError **error)
{
  return TRUE;
}

void
baseline_host_set_up_cpu (BaselineCpu *cpu)
{
}

GArray *
baseline_host_new_unchecked (void)
{
  return g_array_new (FALSE, FALSE, sizeof (guint8));
}

void
baseline_host_finish (BaselineCompiler *c)
{
}

void
baseline_host_join (BaselineCompiler *c)
{
}

void
baseline_host_loop (BaselineCompiler *c, guint insn)
{
}

void
baseline_host_patch (BaselineCompiler *c, guint32 at, guint32 target)
{
  guint32 insn;
  memcpy (&insn, c->bytes + at, 4);
  if (!a64_retarget (&insn, ((gint64)target - (gint64)at) / 4))
    c->too_far = TRUE;
  memcpy (c->bytes + at, &insn, 4);
}

void
baseline_a64_li (BaselineCompiler *c, guint reg, guint64 value)
{
  guint zeros = 0, ones = 0;
  guint32 fields;
  for (guint i = 0; i < 4; i++)
    {
      const guint16 piece = (guint16)(value >> 16 * i);
      zeros += piece == 0;
      ones += piece == 0xffff;
    }
  if (zeros < 3 && ones < 3)
    {
      if (a64_bitmask (TRUE, value, &fields))
        {
          a_emit (c, a64_logic_imm (TRUE, A64_ORR, reg, XZR, fields));
          return;
        }
      if (value <= G_MAXUINT32 && a64_bitmask (FALSE, value, &fields))
        {
          a_emit (c, a64_logic_imm (FALSE, A64_ORR, reg, XZR, fields));
          return;
        }
    }
  const gboolean inverted = ones > zeros;
  const guint16 rest = inverted ? 0xffff : 0;
  gboolean first = TRUE;
  for (guint i = 0; i < 4; i++)
    {
      const guint16 piece = (guint16)(value >> 16 * i);
      if (piece == rest)
        continue;
      if (first)
        a_emit (c, a64_move_wide (TRUE, inverted ? A64_MOVN : A64_MOVZ, reg,
                                  inverted ? (guint16)~piece : piece, i));
      else
        a_emit (c, a64_move_wide (TRUE, A64_MOVK, reg, piece, i));
      first = FALSE;
    }
  if (first)
    a_emit (c, a64_move_wide (TRUE, inverted ? A64_MOVN : A64_MOVZ, reg, 0, 0));
}

/* FALSE: no one instruction does it. */
static gboolean
add_imm (BaselineCompiler *c, gboolean x, A64Add op, guint rd, guint rn, guint64 value)
{
  gint64 v = x ? (gint64)value : (gint32)value;
  if (v == G_MININT64)
    return FALSE;
  if (v < 0)
    {
      op = (A64Add)(op ^ 2);
      v = -v;
    }
  if (v >= 1 << 24 || (v > 0xfff && (v & 0xfff) != 0))
    return FALSE;
  a_emit (c, v > 0xfff ? a64_add_imm (x, op, rd, rn, (guint)v >> 12, TRUE)
                       : a64_add_imm (x, op, rd, rn, (guint)v, FALSE));
  return TRUE;
}

void
baseline_a64_add_value (BaselineCompiler *c, guint rd, guint rn, guint64 value)
{
  if (value == 0 && rd == rn)
    return;
  if (add_imm (c, TRUE, A64_ADD, rd, rn, value))
    return;
  baseline_a64_li (c, LR, value);
  a_add (c, rd, rn, LR);
}

void
baseline_a64_access (BaselineCompiler *c, A64Access op, guint log2, guint rt, guint rn, gint32 disp)
{
  const gint32 units = disp >> log2;
  if (disp >= 0 && units << log2 == disp && units <= 0xfff)
    a_emit (c, a64_access (op, log2, rt, rn, (guint)units));
  else if (a64_fits (disp, 9))
    a_emit (c, a64_access_unscaled (op, log2, rt, rn, disp));
  else
    {
      baseline_a64_li (c, LR, (guint64)(gint64)disp);
      a_emit (c, a64_access_reg (op, log2, rt, rn, LR));
    }
}

void
baseline_a64_state (BaselineCompiler *c, A64Access op, guint log2, guint rt, gint32 disp)
{
  /* stubs have no temporaries */
  if (c->temps != 0 && disp >= c->temps - 256)
    baseline_a64_access (c, op, log2, rt, TEMPS, disp - c->temps);
  else
    baseline_a64_access (c, op, log2, rt, STATE, disp);
}

void
baseline_host_move (BaselineCompiler *c, guint8 reg, const BaselineVal *val)
{
  switch (val->where)
    {
    case BASELINE_CONST:
      baseline_a64_li (c, reg, val->value);
      break;
    case BASELINE_REG:
      if (val->reg != reg)
        a_move (c, TRUE, reg, val->reg);
      break;
    case BASELINE_MEM:
      baseline_a64_state (c, A64_LDR, 3, reg, val->disp);
      break;
    }
}

void
baseline_host_store_home (BaselineCompiler *c, gint32 disp, guint8 reg)
{
  baseline_a64_state (c, A64_STR, 3, reg, disp);
}

guint8
baseline_a64_in_reg (BaselineCompiler *c, const BaselineVal *val, gboolean zero)
{
  if (val->where == BASELINE_REG)
    return val->reg;
  if (zero && val->where == BASELINE_CONST && val->value == 0)
    return XZR;
  const guint8 reg = baseline_scratch (c);
  baseline_host_move (c, reg, val);
  return reg;
}

void
baseline_a64_call_stub (BaselineCompiler *c, BaselineStub stub)
{
  baseline_a64_state (c, A64_LDR, 3, LR,
                      CPU_DISP (stubs) + (gint32)(stub * sizeof (gconstpointer)));
  a_emit (c, a64_branch_reg (A64_BLR, LR));
}

static void
jump_stub (BaselineCompiler *c, BaselineStub stub)
{
  baseline_a64_state (c, A64_LDR, 3, LR,
                      CPU_DISP (stubs) + (gint32)(stub * sizeof (gconstpointer)));
  a_emit (c, a64_branch_reg (A64_BR, LR));
}

/* SXTB, UXTH, ... */
static void
extend_from (BaselineCompiler *c, gboolean sx, guint bits, guint rd, guint rn)
{
  if (sx)
    a_emit (c, a64_bitfield (TRUE, A64_SBFM, rd, rn, 0, bits - 1));
  else if (bits == 32)
    a_move (c, FALSE, rd, rn);
  else
    a_emit (c, a64_bitfield (FALSE, A64_UBFM, rd, rn, 0, bits - 1));
}

/* What an op of a type narrower than 64 bits makes of the register: cut or extended. Of I32 the
 * upper half is 0 already. */
static void
extend (BaselineCompiler *c, const VmtIrOp *op, guint reg)
{
  const gboolean sx = (op->flags & VMT_IR_SX) != 0;
  if (op->type == VMT_IR_I8 || op->type == VMT_IR_I16 || (op->type == VMT_IR_I32 && sx))
    extend_from (c, sx, vmt_ir_type_bits (op->type), reg, reg);
}

static gboolean
finish (BaselineCompiler *c, const VmtIrOp *op, guint8 reg)
{
  extend (c, op, reg);
  baseline_made (c, op->d, reg);
  return TRUE;
}

static gboolean
is_plain (const VmtIrOp *op)
{
  return op->type == VMT_IR_I64 || op->type == VMT_IR_I32;
}

static void
swap_constant (BaselineVal *a, BaselineVal *b)
{
  if (a->where == BASELINE_CONST)
    {
      const BaselineVal t = *a;
      *a = *b;
      *b = t;
    }
}

static gboolean
emit_add (BaselineCompiler *c, const VmtIrOp *op, A64Add what)
{
  const gboolean x = op->type == VMT_IR_I64;
  BaselineVal a = baseline_use (c, op->a), b = baseline_use (c, op->b);
  if (what == A64_ADD)
    swap_constant (&a, &b);
  if (b.where == BASELINE_CONST)
    {
      const guint8 ra = baseline_a64_in_reg (c, &a, FALSE);
      const guint8 reg = baseline_result (c, op->d);
      if (add_imm (c, x, what, reg, ra, b.value))
        return finish (c, op, reg);
      baseline_a64_li (c, LR, b.value);
      a_emit (c, a64_add_shifted (x, what, reg, ra, LR, A64_LSL, 0));
      return finish (c, op, reg);
    }
  const guint8 ra = baseline_a64_in_reg (c, &a, TRUE), rb = baseline_a64_in_reg (c, &b, TRUE);
  const guint8 reg = baseline_result (c, op->d);
  a_emit (c, a64_add_shifted (x, what, reg, ra, rb, A64_LSL, 0));
  return finish (c, op, reg);
}

static gboolean
emit_logic (BaselineCompiler *c, const VmtIrOp *op, A64Logic what, gboolean invert)
{
  const gboolean x = op->type == VMT_IR_I64;
  BaselineVal a = baseline_use (c, op->a), b = baseline_use (c, op->b);
  guint32 fields;
  if (!invert)
    swap_constant (&a, &b);
  if (b.where == BASELINE_CONST && a64_bitmask (x, invert ? ~b.value : b.value, &fields))
    {
      const guint8 ra = baseline_a64_in_reg (c, &a, TRUE);
      const guint8 reg = baseline_result (c, op->d);
      a_emit (c, a64_logic_imm (x, what, reg, ra, fields));
      return finish (c, op, reg);
    }
  const guint8 ra = baseline_a64_in_reg (c, &a, TRUE), rb = baseline_a64_in_reg (c, &b, TRUE);
  const guint8 reg = baseline_result (c, op->d);
  a_emit (c, a64_logic (x, what, invert, reg, ra, rb, A64_LSL, 0));
  return finish (c, op, reg);
}

static gboolean
emit_shift (BaselineCompiler *c, const VmtIrOp *op)
{
  const gboolean x = op->type == VMT_IR_I64;
  const guint width = x ? 64 : 32;
  if (!is_plain (op))
    return FALSE;
  BaselineVal a = baseline_use (c, op->a), b = baseline_use (c, op->b);
  const guint8 ra = baseline_a64_in_reg (c, &a, TRUE);
  if (b.where == BASELINE_CONST)
    {
      const guint count = (guint)b.value & (width - 1);
      const guint8 reg = baseline_result (c, op->d);
      switch (op->opcode)
        {
        case VMT_IR_SHL:
          a_emit (c,
                  a64_bitfield (x, A64_UBFM, reg, ra, (width - count) % width, width - 1 - count));
          break;
        case VMT_IR_SHR:
          a_emit (c, a64_bitfield (x, A64_UBFM, reg, ra, count, width - 1));
          break;
        case VMT_IR_SAR:
          a_emit (c, a64_bitfield (x, A64_SBFM, reg, ra, count, width - 1));
          break;
        case VMT_IR_ROL:
          a_emit (c, a64_extr (x, reg, ra, ra, (width - count) % width));
          break;
        default:
          a_emit (c, a64_extr (x, reg, ra, ra, count));
          break;
        }
      return finish (c, op, reg);
    }
  guint8 rb = baseline_a64_in_reg (c, &b, FALSE);
  const guint8 reg = baseline_result (c, op->d);
  if (op->opcode == VMT_IR_ROL)
    {
      a_emit (c, a64_add_shifted (x, A64_SUB, IP0, XZR, rb, A64_LSL, 0));
      rb = IP0;
    }
  a_emit (c, a64_source2 (x,
                          op->opcode == VMT_IR_SHL   ? A64_LSLV
                          : op->opcode == VMT_IR_SHR ? A64_LSRV
                          : op->opcode == VMT_IR_SAR ? A64_ASRV
                                                     : A64_RORV,
                          reg, ra, rb));
  return finish (c, op, reg);
}

static gboolean
emit_mul (BaselineCompiler *c, const VmtIrOp *op)
{
  BaselineVal a = baseline_use (c, op->a), b = baseline_use (c, op->b);
  const guint8 ra = baseline_a64_in_reg (c, &a, TRUE), rb = baseline_a64_in_reg (c, &b, TRUE);
  const guint8 reg = baseline_result (c, op->d);
  a_emit (c, a64_madd (op->type == VMT_IR_I64, FALSE, reg, ra, rb, XZR));
  return finish (c, op, reg);
}

static gboolean
emit_mul_high (BaselineCompiler *c, const VmtIrOp *op)
{
  if (op->type != VMT_IR_I64)
    return FALSE;
  BaselineVal a = baseline_use (c, op->a), b = baseline_use (c, op->b);
  const guint8 ra = baseline_a64_in_reg (c, &a, TRUE), rb = baseline_a64_in_reg (c, &b, TRUE);
  const guint8 reg = baseline_result (c, op->d);
  if (op->opcode == VMT_IR_MULHSU)
    {
      /* unsigned, less b where a is negative */
      a_emit (c, a64_mul_high (TRUE, IP0, ra, rb));
      a_emit (c, a64_logic (TRUE, A64_AND, FALSE, IP1, rb, ra, A64_ASR, 63));
      a_emit (c, a64_add_shifted (TRUE, A64_SUB, reg, IP0, IP1, A64_LSL, 0));
    }
  else
    a_emit (c, a64_mul_high (op->opcode == VMT_IR_MULHU, reg, ra, rb));
  return finish (c, op, reg);
}

/* The quotient by 0 is 0 here, the remainder is what the IR wants. */
static gboolean
emit_div (BaselineCompiler *c, const VmtIrOp *op)
{
  const gboolean x = op->type == VMT_IR_I64;
  const gboolean is_signed = op->opcode == VMT_IR_DIVS || op->opcode == VMT_IR_REMS;
  if (!is_plain (op))
    return FALSE;
  BaselineVal a = baseline_use (c, op->a), b = baseline_use (c, op->b);
  const guint8 ra = baseline_a64_in_reg (c, &a, TRUE), rb = baseline_a64_in_reg (c, &b, FALSE);
  const guint8 reg = baseline_result (c, op->d);
  a_emit (c, a64_source2 (x, is_signed ? A64_SDIV : A64_UDIV, IP0, ra, rb));
  if (op->opcode == VMT_IR_REMU || op->opcode == VMT_IR_REMS)
    a_emit (c, a64_madd (x, TRUE, reg, IP0, rb, ra));
  else
    {
      a_cmp (c, x, rb, XZR);
      a_emit (c, a64_select (x, A64_CSINV, reg, IP0, XZR, A64_NE));
    }
  return finish (c, op, reg);
}

static A64Cond
condition (guint cond)
{
  static const guint8 codes[] = {
    [VMT_IR_EQ] = A64_EQ, [VMT_IR_NE] = A64_NE,  [VMT_IR_LT] = A64_LT,
    [VMT_IR_GE] = A64_GE, [VMT_IR_LTU] = A64_LO, [VMT_IR_GEU] = A64_HS,
  };
  return (A64Cond)codes[cond];
}

/* Sets the flags for a comparison of a and b. */
static void
compare (BaselineCompiler *c, gboolean x, const BaselineVal *a, const BaselineVal *b)
{
  if (b->where == BASELINE_CONST && b->value != 0)
    {
      const guint8 ra = baseline_a64_in_reg (c, a, FALSE);
      if (add_imm (c, x, A64_SUBS, XZR, ra, b->value))
        return;
      baseline_a64_li (c, LR, b->value);
      a_cmp (c, x, ra, LR);
      return;
    }
  const guint8 ra = baseline_a64_in_reg (c, a, TRUE), rb = baseline_a64_in_reg (c, b, TRUE);
  a_cmp (c, x, ra, rb);
}

static gboolean
emit_setcc (BaselineCompiler *c, const VmtIrOp *op)
{
  if (!is_plain (op))
    return FALSE;
  const BaselineVal a = baseline_use (c, op->a), b = baseline_use (c, op->b);
  const guint8 reg = baseline_result (c, op->d);
  compare (c, op->type == VMT_IR_I64, &a, &b);
  a_emit (c,
          a64_select (TRUE, A64_CSINC, reg, XZR, XZR, (A64Cond)(condition ((guint)op->imm) ^ 1)));
  return finish (c, op, reg);
}

static gboolean
emit_select (BaselineCompiler *c, const VmtIrOp *op)
{
  const char class = vmt_ir_type_class (op->type);
  if (op->type == VMT_IR_F80 || op->type == VMT_IR_I128 || class == 'v' || class == 'F')
    return FALSE;
  const BaselineVal a = baseline_use (c, op->a), b = baseline_use (c, op->b),
                    e = baseline_use (c, op->c);
  const guint8 ra = baseline_a64_in_reg (c, &a, TRUE), rb = baseline_a64_in_reg (c, &b, TRUE),
               re = baseline_a64_in_reg (c, &e, TRUE);
  const guint8 reg = baseline_result (c, op->d);
  a_cmp (c, TRUE, re, XZR);
  a_emit (c, a64_select (op->type != VMT_IR_I32, A64_CSEL, reg, ra, rb, A64_NE));
  return finish (c, op, reg);
}

static gboolean
emit_min_max (BaselineCompiler *c, const VmtIrOp *op)
{
  static const guint8 codes[] = { A64_LT, A64_GT, A64_LO, A64_HI };
  const gboolean x = op->type == VMT_IR_I64;
  if (!is_plain (op))
    return FALSE;
  const BaselineVal a = baseline_use (c, op->a), b = baseline_use (c, op->b);
  const guint8 ra = baseline_a64_in_reg (c, &a, TRUE), rb = baseline_a64_in_reg (c, &b, TRUE);
  const guint8 reg = baseline_result (c, op->d);
  a_cmp (c, x, ra, rb);
  a_emit (c, a64_select (x, A64_CSEL, reg, ra, rb, (A64Cond)codes[op->opcode - VMT_IR_MINS]));
  return finish (c, op, reg);
}

static gboolean
emit_unary (BaselineCompiler *c, const VmtIrOp *op)
{
  const gboolean x = op->type == VMT_IR_I64;
  if (!is_plain (op))
    return FALSE;
  const BaselineVal a = baseline_use (c, op->a);
  const guint8 ra = baseline_a64_in_reg (c, &a, TRUE);
  const guint8 reg = baseline_result (c, op->d);
  switch (op->opcode)
    {
    case VMT_IR_CLZ:
      a_emit (c, a64_source1 (x, A64_CLZ, reg, ra));
      break;
    case VMT_IR_CTZ:
      a_emit (c, a64_source1 (x, A64_RBIT, reg, ra));
      a_emit (c, a64_source1 (x, A64_CLZ, reg, reg));
      break;
    case VMT_IR_POPCNT:
      a_emit (c, a64_fmov (x, FALSE, 0, ra));
      a_emit (c, a64_cnt (0, 0));
      a_emit (c, a64_addv (0, 0));
      a_emit (c, a64_fmov (FALSE, TRUE, reg, 0));
      break;
    case VMT_IR_BITREV:
      a_emit (c, a64_source1 (x, A64_RBIT, reg, ra));
      break;
    case VMT_IR_BITREV8:
      a_emit (c, a64_source1 (x, A64_RBIT, reg, ra));
      a_emit (c, a64_source1 (x, x ? A64_REV64 : A64_REV32, reg, reg));
      break;
    case VMT_IR_ORCB:
      a_emit (c, a64_fmov (x, FALSE, 0, ra));
      a_emit (c, a64_cmtst (0, 0, 0));
      a_emit (c, a64_fmov (x, TRUE, reg, 0));
      break;
    default:
      a_emit (c, a64_source1 (x, x ? A64_REV64 : A64_REV32, reg, ra));
      break;
    }
  return finish (c, op, reg);
}

static gboolean
emit_mov (BaselineCompiler *c, const VmtIrOp *op)
{
  const char class = vmt_ir_type_class (op->type);
  if (op->type == VMT_IR_F80 || op->type == VMT_IR_I128 || class == 'v' || class == 'F')
    return FALSE;
  const BaselineVal a = baseline_use (c, op->a);
  const gboolean whole = class != 'i' || op->type == VMT_IR_I64;
  if (whole && vmt_ir_is_global (op->d) &&
      (a.where == BASELINE_REG || (a.where == BASELINE_CONST && a.value == 0 &&
                                   baseline_pinned (c, op->d) == BASELINE_NO_REG)))
    {
      baseline_made (c, op->d, a.where == BASELINE_REG ? a.reg : XZR);
      return TRUE;
    }
  const guint8 reg = baseline_result (c, op->d);
  if (whole)
    baseline_host_move (c, reg, &a);
  else if (a.where == BASELINE_REG)
    extend_from (c, (op->flags & VMT_IR_SX) != 0, vmt_ir_type_bits (op->type), reg, a.reg);
  else
    {
      baseline_host_move (c, reg, &a);
      extend_from (c, (op->flags & VMT_IR_SX) != 0, vmt_ir_type_bits (op->type), reg, reg);
    }
  baseline_made (c, op->d, reg);
  return TRUE;
}

/* FALSE: not a field of the type. */
static gboolean
get_field (const VmtIrOp *op, guint *from, guint *length)
{
  *from = op->imm & 0xff;
  *length = (guint)op->imm >> 8;
  return is_plain (op) && *length != 0 && *from + *length <= vmt_ir_type_bits (op->type);
}

static gboolean
emit_extract (BaselineCompiler *c, const VmtIrOp *op)
{
  guint from, length;
  if (!get_field (op, &from, &length))
    return FALSE;
  const BaselineVal a = baseline_use (c, op->a);
  const guint8 ra = baseline_a64_in_reg (c, &a, TRUE);
  const guint8 reg = baseline_result (c, op->d);
  a_emit (c, a64_bitfield (TRUE, op->flags & VMT_IR_SX ? A64_SBFM : A64_UBFM, reg, ra, from,
                           from + length - 1));
  baseline_made (c, op->d, reg);
  return TRUE;
}

static gboolean
emit_insert (BaselineCompiler *c, const VmtIrOp *op)
{
  guint from, length;
  if (!get_field (op, &from, &length))
    return FALSE;
  const gboolean x = op->type == VMT_IR_I64;
  const BaselineVal a = baseline_use (c, op->a), b = baseline_use (c, op->b);
  const guint8 rb = baseline_a64_in_reg (c, &b, TRUE);
  const guint8 reg = baseline_result (c, op->d);
  baseline_host_move (c, IP0, &a);
  const guint width = x ? 64 : 32;
  a_emit (c, a64_bitfield (x, A64_BFM, IP0, rb, (width - from) % width, length - 1));
  a_move (c, x, reg, IP0);
  return finish (c, op, reg);
}

static gboolean
emit_shadd (BaselineCompiler *c, const VmtIrOp *op)
{
  if (op->type != VMT_IR_I64 || op->imm < 0 || op->imm > 4)
    return FALSE;
  const BaselineVal a = baseline_use (c, op->a), b = baseline_use (c, op->b);
  /* Of the form that extends, register 31 is the stack pointer. */
  const gboolean uw = (op->flags & VMT_IR_UW) != 0;
  const guint8 ra = baseline_a64_in_reg (c, &a, TRUE), rb = baseline_a64_in_reg (c, &b, !uw);
  const guint8 reg = baseline_result (c, op->d);
  if (uw)
    a_emit (c, a64_add_uxtw (A64_ADD, reg, rb, ra, (guint)op->imm));
  else
    a_emit (c, a64_add_shifted (TRUE, A64_ADD, reg, rb, ra, A64_LSL, (guint)op->imm));
  return finish (c, op, reg);
}

static gboolean
emit_pcrel (BaselineCompiler *c, const VmtIrOp *op)
{
  const guint8 reg = baseline_result (c, op->d);
  baseline_a64_state (c, A64_LDR, 3, reg, VCPU_DISP (page_va));
  baseline_a64_add_value (c, reg, reg, (guint64)(gint64)op->imm);
  baseline_made (c, op->d, reg);
  return TRUE;
}

/* --- control --- */

static gint32
insn_offset (BaselineCompiler *c)
{
  return c->ir->n_insns == 0 ? (gint32)(c->block->pa & ~VMT_PAGE_MASK)
                             : c->ir->insns[c->insn].page_offset;
}

/* A block leaves by adding what it has executed, and jumping where its slot says. IP0 stays. */
static void
count (BaselineCompiler *c, gint32 n)
{
  if (n == 0)
    return;
  baseline_a64_state (c, A64_LDR, 3, IP1, VCPU_DISP (icount));
  baseline_a64_add_value (c, IP1, IP1, (guint64)(gint64)n);
  baseline_a64_state (c, A64_STR, 3, IP1, VCPU_DISP (icount));
}

/* Asks for the way out, again and again until there is a link. Nothing lives in registers that are
 * not pinned. */
static void
ask (BaselineCompiler *c, guint link)
{
  baseline_a64_call_stub (c, BASELINE_STUB_FOLLOW);
  baseline_called (c, link, FALSE);
}

/* IP0 + IP1: the slot. */
static void
slot_address (BaselineCompiler *c, guint slot)
{
  const gint64 near = (gint64)baseline_slot_offset (slot) - c->size;
  if (!a64_fits (near, 21))
    c->too_far = TRUE;
  a_emit (c, a64_adr (IP0, (gint32)near));
  baseline_a64_li (c, IP1, c->distance);
}

/* Leaves through the link, everything counted. */
static void
take (BaselineCompiler *c, guint link)
{
  BaselineLink *l = &g_array_index (c->links, BaselineLink, link);
  slot_address (c, link + c->first_slot);
  a_emit (c, a64_access_reg (A64_LDR, 3, IP0, IP0, IP1));
  if (l->far)
    baseline_a64_call_stub (c, BASELINE_STUB_FAR);
  a_emit (c, a64_branch_reg (A64_BR, IP0));
  if (l->far)
    return;
  l->ask = c->size;
  ask (c, link);
}

static void
cold_ask (BaselineCompiler *c, const BaselineCold *cold)
{
  count (c, cold->disp);
  ask (c, cold->link);
}

/* Somebody waits for this vCPU: the run loop takes it from here. FOLLOW looks at requests. */
static BaselineCold *
poll (BaselineCompiler *c, guint link)
{
  baseline_a64_state (c, A64_LDR, 2, IP1, VCPU_DISP (exit_request));
  BaselineCold *cold = baseline_cold (c, cold_ask, a_branch (c, a64_cbz (FALSE, TRUE, IP1, 0)));
  cold->link = link;
  return cold;
}

/* Whether the instruction calls a helper: it may have asked for the run loop, because what follows
 * is another mode's. */
static gboolean
calls (BaselineCompiler *c)
{
  const VmtIrBlock *ir = c->ir;
  if (c->insn >= ir->n_insns)
    return FALSE;
  const guint end = c->insn + 1 < ir->n_insns ? ir->insns[c->insn + 1].first_op : ir->n_ops;
  for (guint i = ir->insns[c->insn].first_op; i < end; i++)
    if (baseline_calls (c, &ir->ops[i]))
      return TRUE;
  return FALSE;
}

/* Goes to @offset for good. */
static void
go (BaselineCompiler *c, gint32 offset)
{
  const guint goal = baseline_goal (c, offset);
  const gboolean back = offset <= insn_offset (c) || calls (c);
  const guint link = goal == G_MAXUINT || back ? baseline_add_link (c, offset) : 0;
  if (goal == G_MAXUINT)
    {
      count (c, (gint32)c->insn + 1);
      if (back)
        poll (c, link);
      take (c, link);
      return;
    }
  /* The goal finds the count of what comes before it; the exit, that of what was executed. */
  count (c, (gint32)c->insn + 1 - (gint32)goal);
  if (back)
    poll (c, link)->disp = (gint32)goal;
  const BaselineFixup fixup = { a_branch (c, a64_b (0)), goal };
  g_array_append_val (c->fixups, fixup);
}

static void
cold_go (BaselineCompiler *c, const BaselineCold *cold)
{
  const guint insn = c->insn;
  c->insn = cold->insn;
  go (c, cold->disp);
  c->insn = insn;
}

/* Jumps when the condition holds: the place of the branch. */
static guint32
branch_if (BaselineCompiler *c, gboolean x, guint cond, const BaselineVal *a, const BaselineVal *b)
{
  if ((cond == VMT_IR_EQ || cond == VMT_IR_NE) && b->where == BASELINE_CONST && b->value == 0)
    {
      const guint8 ra = baseline_a64_in_reg (c, a, TRUE);
      return a_branch (c, a64_cbz (x, cond == VMT_IR_NE, ra, 0));
    }
  compare (c, x, a, b);
  return a_branch (c, a64_b_cond (condition (cond), 0));
}

static gboolean
emit_branch (BaselineCompiler *c, const VmtIrOp *op)
{
  if (!is_plain (op))
    return FALSE;
  const gboolean x = op->type == VMT_IR_I64;
  const BaselineVal a = baseline_use (c, op->a), b = baseline_use (c, op->b);
  const guint goal = baseline_goal (c, op->imm);
  if (op->imm <= insn_offset (c))
    {
      /* Probably a loop: the way back is in line. The inverse of each condition is beside it. */
      const guint32 over = branch_if (c, x, op->c ^ 1u, &a, &b);
      if (c->short_of_regs)
        return TRUE;
      go (c, op->imm);
      baseline_host_patch (c, over, c->size);
    }
  else if (goal == c->insn + 1 && c->ir->insns[goal].first_op == c->op + 1)
    ; /* to the next op */
  else
    {
      const guint32 taken = branch_if (c, x, op->c, &a, &b);
      baseline_cold (c, cold_go, taken)->disp = op->imm;
    }
  return TRUE;
}

/* x1: the address, which is in IP0. */
static void
cold_indirect (BaselineCompiler *c, const BaselineCold *cold)
{
  a_move (c, TRUE, X1, IP0);
  jump_stub (c, BASELINE_STUB_INDIRECT);
}

/* The last op: scratch registers are free. */
static gboolean
emit_jump_indirect (BaselineCompiler *c, const VmtIrOp *op)
{
  const gint32 jumps = (gint32)BASELINE_TEMPS_OFFSET - (gint32)G_STRUCT_OFFSET (BaselineCpu, jumps);
  const BaselineVal a = baseline_use (c, op->a);
  baseline_host_move (c, IP0, &a);
  count (c, (gint32)c->insn + 1);
  baseline_a64_state (c, A64_LDR, 2, IP1, VCPU_DISP (exit_request));
  const guint32 request = a_branch (c, a64_cbz (FALSE, TRUE, IP1, 0));
  /* see baseline_run_indirect() */
  baseline_a64_state (c, A64_LDR, 2, X0, CPU_DISP (jump_salt));
  baseline_a64_state (c, A64_LDR, 3, X1, CPU_DISP (jump_id));
  a_emit (c, a64_logic (FALSE, A64_EOR, FALSE, X0, X0, IP0, A64_LSL, 0));
  a_emit (c, a64_logic (TRUE, A64_EOR, FALSE, X1, X1, IP0, A64_LSL, 0));
  a_ubfx (c, FALSE, X0, X0, 1, BASELINE_JUMP_BITS);
  a_emit (c, a64_add_shifted (TRUE, A64_ADD, X0, TEMPS, X0, A64_LSL, 4));
  baseline_a64_add_value (c, X0, X0, (guint64) - (gint64)(jumps & ~0xfff));
  a_emit (c, a64_pair (TRUE, A64_OFFSET, X2, X3, X0, -(jumps & 0xfff) / 8));
  a_cmp (c, TRUE, X1, X2);
  const guint32 miss = a_branch (c, a64_b_cond (A64_NE, 0));
  a_logic_imm (c, A64_AND, IP0, IP0, VMT_PAGE_MASK);
  baseline_a64_state (c, A64_STR, 3, IP0, VCPU_DISP (page_va));
  a_emit (c, a64_branch_reg (A64_BR, X3));
  baseline_cold (c, cold_indirect, request);
  baseline_cold (c, cold_indirect, miss);
  return TRUE;
}
G_STATIC_ASSERT (sizeof (BaselineJump) == 16);
/* what a load of a pair reaches */
G_STATIC_ASSERT (((BASELINE_TEMPS_OFFSET - G_STRUCT_OFFSET (BaselineCpu, jumps)) & 0xfff) <= 512);

static gboolean
emit_exit (BaselineCompiler *c, const VmtIrOp *op)
{
  baseline_a64_state (c, A64_LDR, 3, IP0, VCPU_DISP (page_va));
  baseline_a64_add_value (c, IP0, IP0, (guint64)(gint64)op->imm);
  baseline_a64_state (c, A64_STR, 3, IP0, VCPU_DISP (pc));
  count (c, (gint32)c->insn + 1);
  jump_stub (c, BASELINE_STUB_LEAVE);
  return TRUE;
}

/* The last op: scratch registers are free. */
static gboolean
emit_trap (BaselineCompiler *c, const VmtIrOp *op)
{
  const BaselineVal a = baseline_use (c, op->a);
  baseline_host_move (c, X1, &a);
  baseline_a64_li (c, X2, (guint64)(gint64)op->imm);
  baseline_a64_li (c, X3, BASELINE_DESC (c->insn, 0));
  baseline_a64_call_stub (c, BASELINE_STUB_TRAP);
  return TRUE;
}

/* Helpers for the floating-point flags, which are in the state and nowhere else. */
static gboolean
emit_fp_flags (BaselineCompiler *c, const VmtIrOp *op)
{
  const gint32 disp =
      (gint32)c->arch->fp_env_offset + (gint32)G_STRUCT_OFFSET (VmtFpEnv, flags) - BASELINE_BIAS;
  const BaselineVal a = baseline_use (c, op->a);
  if (c->arch->helpers[op->imm].flags & VMT_HELPER_GET_FP_FLAGS)
    {
      const guint8 reg = baseline_result (c, op->d);
      baseline_a64_state (c, A64_LDR, 0, reg, disp);
      a_logic_imm (c, A64_AND, reg, reg, 31);
      baseline_made (c, op->d, reg);
      return TRUE;
    }
  baseline_host_move (c, IP0, &a);
  a_logic_imm (c, A64_AND, IP0, IP0, 31);
  baseline_a64_state (c, A64_STR, 0, IP0, disp);
  return TRUE;
}

static gboolean
emit_call (BaselineCompiler *c, const VmtIrOp *op)
{
  const char result = vmt_ir_type_class (op->type);
  if ((result != 'i' && result != 'f' && result != '-' && result != 'p') ||
      op->type == VMT_IR_I128 || op->type == VMT_IR_F80 || (op->flags & VMT_IR_BOXED))
    return FALSE;
  if (!baseline_calls (c, op))
    return op->type == VMT_IR_I64 || op->type == VMT_IR_NONE ? emit_fp_flags (c, op) : FALSE;
  if ((guint)op->imm > BASELINE_CALL_MAX_HELPER || c->insn > BASELINE_CALL_MAX_INSN)
    return FALSE;
  const BaselineVal a = baseline_use (c, op->a), e = baseline_use (c, op->c);
  BaselineVal b = baseline_use (c, op->b);
  if (op->c != VMT_IR_NO_VAL)
    {
      baseline_host_move (c, IP0, &e);
      baseline_a64_state (c, A64_STR, 3, IP0, CPU_DISP (third));
    }
  /* The operands stay where they were. */
  baseline_spill (c);
  if (op->b != VMT_IR_NO_VAL && b.where == BASELINE_REG && b.reg == X1)
    {
      a_move (c, TRUE, IP0, X1);
      b.reg = IP0;
    }
  if (op->a != VMT_IR_NO_VAL)
    baseline_host_move (c, X1, &a);
  if (op->b != VMT_IR_NO_VAL)
    baseline_host_move (c, X2, &b);
  baseline_a64_li (c, X3, c->insn | (guint32)op->imm << 7 | (guint32)insn_offset (c) << 16);
  baseline_a64_call_stub (c, BASELINE_STUB_CALL);
  if (c->arch->helpers[op->imm].flags & VMT_HELPER_WRITES)
    baseline_load_locals (c);
  if (op->type != VMT_IR_NONE)
    {
      c->busy |= 1u << X0;
      if (op->type == VMT_IR_I32 && !(op->flags & VMT_IR_SX))
        a_move (c, FALSE, X0, X0);
      return finish (c, op, X0);
    }
  return TRUE;
}

void
baseline_host_eval (BaselineCompiler *c, guint index)
{
  baseline_spill (c);
  baseline_a64_li (c, X1, c->insn);
  baseline_a64_li (c, X3, index);
  baseline_a64_call_stub (c, BASELINE_STUB_EVAL);
  baseline_load_locals (c);
}

void
baseline_host_eval_block (BaselineCompiler *c)
{
  baseline_a64_li (c, X1, 0);
  baseline_a64_li (c, X3, G_MAXUINT32);
  baseline_a64_call_stub (c, BASELINE_STUB_EVAL);
}

/* It counts how often it is entered. */
void
baseline_host_begin (BaselineCompiler *c)
{
  if (c->first_slot == 0)
    return;
  slot_address (c, 0);
  a_emit (c, a64_access_reg (A64_LDR, 2, LR, IP0, IP1));
  a_emit (c, a64_add_imm (FALSE, A64_SUBS, LR, LR, 1, FALSE));
  a_emit (c, a64_access_reg (A64_STR, 2, LR, IP0, IP1));
  const guint32 over = a_branch (c, a64_b_cond (A64_PL, 0));
  baseline_a64_call_stub (c, BASELINE_STUB_PROMOTE);
  baseline_host_patch (c, over, c->size);
}

/* Windows that a loop keeps are not made use of. */
void
baseline_host_load_ranges (BaselineCompiler *c)
{
}

/* Between classes: bits stay. */
static gboolean
emit_bits (BaselineCompiler *c, const VmtIrOp *op)
{
  const gboolean single = op->type == VMT_IR_I32 || op->type == VMT_IR_F32;
  if (!single && op->type != VMT_IR_I64 && op->type != VMT_IR_F64)
    return FALSE;
  const BaselineVal a = baseline_use (c, op->a);
  const guint8 ra = baseline_a64_in_reg (c, &a, TRUE);
  const guint8 reg = baseline_result (c, op->d);
  if (!single)
    a_move (c, TRUE, reg, ra);
  else if (op->opcode == VMT_IR_F2BITS)
    extend_from (c, (op->flags & VMT_IR_SX) != 0, 32, reg, ra);
  else
    {
      a_logic_imm (c, A64_ORR, reg, ra, BOX);
    }
  baseline_made (c, op->d, reg);
  return TRUE;
}

gboolean
baseline_host_op (BaselineCompiler *c, guint index)
{
  const VmtIrOp *op = &c->ir->ops[index];
  switch (op->opcode)
    {
    case VMT_IR_MOV:
      return emit_mov (c, op);
    case VMT_IR_ADD:
      return emit_add (c, op, A64_ADD);
    case VMT_IR_SUB:
      return emit_add (c, op, A64_SUB);
    case VMT_IR_AND:
      return emit_logic (c, op, A64_AND, FALSE);
    case VMT_IR_OR:
      return emit_logic (c, op, A64_ORR, FALSE);
    case VMT_IR_XOR:
      return emit_logic (c, op, A64_EOR, FALSE);
    case VMT_IR_ANDN:
      return emit_logic (c, op, A64_AND, TRUE);
    case VMT_IR_ORN:
      return emit_logic (c, op, A64_ORR, TRUE);
    case VMT_IR_XNOR:
      return emit_logic (c, op, A64_EOR, TRUE);
    case VMT_IR_SHL:
    case VMT_IR_SHR:
    case VMT_IR_SAR:
    case VMT_IR_ROL:
    case VMT_IR_ROR:
      return emit_shift (c, op);
    case VMT_IR_MUL:
      return emit_mul (c, op);
    case VMT_IR_MULHU:
    case VMT_IR_MULHS:
    case VMT_IR_MULHSU:
      return emit_mul_high (c, op);
    case VMT_IR_DIVU:
    case VMT_IR_DIVS:
    case VMT_IR_REMU:
    case VMT_IR_REMS:
      return emit_div (c, op);
    case VMT_IR_CLZ:
    case VMT_IR_CTZ:
    case VMT_IR_POPCNT:
    case VMT_IR_BSWAP:
    case VMT_IR_BITREV:
    case VMT_IR_BITREV8:
    case VMT_IR_ORCB:
      return emit_unary (c, op);
    case VMT_IR_MINS:
    case VMT_IR_MAXS:
    case VMT_IR_MINU:
    case VMT_IR_MAXU:
      return emit_min_max (c, op);
    case VMT_IR_SETCC:
      return emit_setcc (c, op);
    case VMT_IR_SELECT:
      return emit_select (c, op);
    case VMT_IR_EXTRACT:
      return emit_extract (c, op);
    case VMT_IR_INSERT:
      return emit_insert (c, op);
    case VMT_IR_SHADD:
      return emit_shadd (c, op);
    case VMT_IR_PCREL:
      return emit_pcrel (c, op);
    case VMT_IR_F2BITS:
    case VMT_IR_BITS2F:
      return emit_bits (c, op);
    case VMT_IR_LD:
    case VMT_IR_ST:
    case VMT_IR_LL:
    case VMT_IR_SC:
    case VMT_IR_AMO:
    case VMT_IR_FENCE:
      return baseline_a64_memory (c, op);
    case VMT_IR_BRANCH:
      return emit_branch (c, op);
    case VMT_IR_JUMP:
      go (c, op->imm);
      return TRUE;
    case VMT_IR_JUMP_IND:
      return emit_jump_indirect (c, op);
    case VMT_IR_EXIT:
      return emit_exit (c, op);
    case VMT_IR_TRAP:
      return emit_trap (c, op);
    case VMT_IR_CALL:
      return emit_call (c, op);
    default:
      return FALSE;
    }
}
