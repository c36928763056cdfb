/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* x86-64: conversions between formats, and to and from integers. */
#include "baseline-x86-64-float.h"

static gboolean
emit_format (BaselineCompiler *c, const VmtIrOp *op)
{
  const guint from = op->imm >> 8 & 15;
  gboolean single, single_from;
  if (!baseline_float_can (c, op) || !baseline_float_format (op->type, op->flags, &single) ||
      !baseline_float_format (from, op->flags, &single_from) || single == single_from)
    return FALSE;
  baseline_float_enter (c);
  const guint a = baseline_float_use (c, op->a, single_from);
  const guint d = baseline_float_alloc (c);
  if (single)
    {
      x_vm (c, PP_F2, V_LOAD, X0, 0, FLOAT_DISP (box));
      baseline_float_round_begin (c, op->imm);
      x_v (c, PP_F2, V_CVT, d, X0, a);
      baseline_float_round_end (c, op->imm);
      baseline_float_made (c, op->d, d,
                           FLOAT_RAW | FLOAT_SINGLE | FLOAT_UNCHECKED | FLOAT_CHECK_SINGLE,
                           baseline_float_covers (c, a));
      return TRUE;
    }
  x_v (c, PP_F3, V_CVT, d, a, a);
  baseline_float_made (c, op->d, d, FLOAT_RAW | FLOAT_UNCHECKED, baseline_float_covers (c, a));
  return TRUE;
}

/* What x86 makes of NaNs and of what does not fit is the least integer: right but for NaNs and
 * positive numbers. */
static void
cold_saturate (BaselineCompiler *c, const BaselineCold *cold)
{
  const gboolean w = cold->link != 0;
  x_v (c, PP_NONE, V_XOR, X0, X0, X0);
  x_v (c, cold->kind ? PP_NONE : PP_66, V_UCOMI, X0, 0, cold->reg2);
  /* 0 is neither below nor unordered */
  const guint32 fine = x_jcc_short (c, CC_AE);
  x_li (c, cold->reg, w ? (guint64)G_MAXINT64 : (guint64)G_MAXINT32);
  x_here_short (c, fine);
  x_jmp_to (c, cold->resume);
}

/* The evaluator has stored the result; a pinned register has it already. */
static void
cold_to_unsigned (BaselineCompiler *c, const BaselineCold *cold)
{
  baseline_x86_float_cold (c, cold);
  baseline_float_eval (c, cold->insn, cold->link);
  if (cold->kind)
    x_rm (c, TRUE, X_LOAD, cold->reg, STATE, cold->disp);
  x_jmp_to (c, cold->resume);
}

static gboolean
emit_to_int (BaselineCompiler *c, const VmtIrOp *op)
{
  const guint from = op->imm >> 8 & 15;
  const gboolean is_unsigned = op->imm >> 12 & 1, w = op->type == VMT_IR_I64;
  const gboolean truncates = (op->imm & 7) == VMT_FP_RTZ;
  gboolean single;
  if (!baseline_float_can (c, op) || (op->imm >> 13 & 3) != VMT_IR_FP_SAT_RISCV ||
      (!w && op->type != VMT_IR_I32) || (is_unsigned && !truncates) ||
      !baseline_float_format (from, op->flags, &single))
    return FALSE;
  baseline_float_enter (c);
  const guint a = baseline_float_use (c, op->a, single);
  baseline_claim (c, RAX);
  baseline_claim (c, RCX);
  guint8 reg = baseline_pinned (c, op->d);
  const gboolean pinned = reg != BASELINE_NO_REG;
  if (!pinned)
    reg = RAX;
  const guint opcode = truncates ? V_CVTTS2SI : V_CVTS2SI;
  if (is_unsigned)
    {
      /* What is from 0 up to half or all of the range; sign and exponent tell. */
      x_vg (c, !single, PP_66, V_TO_GPR, a, 0, RCX);
      x_shift_i (c, !single, S_SHR, RCX, single ? 23 : 52);
      x_ri (c, FALSE, I_CMP, RCX, (single ? 127 : 1023) + (w ? 63 : 32));
      const guint snapshot = baseline_x86_float_snapshot (c);
      BaselineCold *cold = baseline_cold (c, cold_to_unsigned, x_jcc (c, CC_AE));
      cold->fp = (guint16)snapshot;
      cold->reg = reg;
      cold->link = c->op;
      cold->kind = !pinned;
      cold->disp = float_home (c, op->d);
      x_vg (c, TRUE, float_pp (single), opcode, reg, 0, a);
      if (!w && (op->flags & VMT_IR_SX))
        x_rr (c, TRUE, X_MOVSXD, reg, reg);
      cold->resume = c->size;
      c->has_eval = TRUE;
    }
  else
    {
      if (!truncates)
        baseline_float_round_begin (c, op->imm);
      x_vg (c, w, float_pp (single), opcode, reg, 0, a);
      if (!truncates)
        baseline_float_round_end (c, op->imm);
      x_ri (c, w, I_CMP, reg, 1);
      BaselineCold *cold = baseline_cold (c, cold_saturate, x_jcc (c, CC_O));
      cold->reg = reg;
      cold->reg2 = (guint8)a;
      cold->kind = single;
      cold->link = w;
      cold->resume = c->size;
      if (!w && (op->flags & VMT_IR_SX))
        x_rr (c, TRUE, X_MOVSXD, reg, reg);
    }
  baseline_made (c, op->d, reg);
  return TRUE;
}

/* Half of it, rounded to odd, is converted and doubled. rcx: the integer */
static void
cold_from_unsigned (BaselineCompiler *c, const BaselineCold *cold)
{
  const guint pp = float_pp (cold->kind);
  const guint d = cold->reg;
  x_rr (c, FALSE, X_LOAD, RAX, RCX);
  x_shift_i (c, TRUE, S_SHR, RCX, 1);
  x_ri (c, FALSE, I_AND, RAX, 1);
  x_rr (c, TRUE, X_OR, RCX, RAX);
  x_vg (c, TRUE, pp, V_CVTSI, d, X0, RCX);
  x_v (c, pp, V_ADD, d, d, d);
  x_jmp_to (c, cold->resume);
}

static gboolean
emit_from_int (BaselineCompiler *c, const VmtIrOp *op)
{
  const guint from = op->imm >> 8 & 15;
  const gboolean is_unsigned = op->imm >> 12 & 1, w = from == VMT_IR_I64;
  gboolean single;
  if (!baseline_float_can (c, op) || (!w && from != VMT_IR_I32) ||
      !baseline_float_format (op->type, op->flags, &single))
    return FALSE;
  baseline_float_enter (c);
  const BaselineVal a = baseline_use (c, op->a);
  const guint d = baseline_float_alloc (c);
  const gint32 round = !w && !single ? 7 : op->imm; /* exact */
  if (single)
    x_vm (c, PP_F2, V_LOAD, X0, 0, FLOAT_DISP (box));
  else
    x_v (c, PP_NONE, V_XOR, X0, X0, X0);
  guint8 reg;
  if (is_unsigned)
    {
      if (a.where == BASELINE_REG && (a.reg == RAX || a.reg == RCX))
        c->busy &= ~(1u << a.reg);
      baseline_claim (c, RAX);
      baseline_claim (c, RCX);
      reg = RCX;
      if (w)
        baseline_host_move (c, RCX, &a);
      else if (a.where == BASELINE_REG)
        x_rr (c, FALSE, X_LOAD, RCX, a.reg);
      else if (a.where == BASELINE_MEM)
        x_rm (c, FALSE, X_LOAD, RCX, STATE, a.disp);
      else
        x_li (c, RCX, (guint32)a.value);
    }
  else
    reg = baseline_x86_in_reg (c, &a);
  baseline_float_round_begin (c, round);
  BaselineCold *cold = NULL;
  if (is_unsigned && w)
    {
      x_rr (c, TRUE, X_TEST, RCX, RCX);
      cold = baseline_cold (c, cold_from_unsigned, x_jcc (c, CC_S));
      cold->kind = single;
      cold->reg = (guint8)d;
    }
  x_vg (c, w || is_unsigned, float_pp (single), V_CVTSI, d, X0, reg);
  if (cold != NULL)
    cold->resume = c->size;
  baseline_float_round_end (c, round);
  baseline_float_made (c, op->d, d, single ? FLOAT_RAW | FLOAT_SINGLE : FLOAT_RAW, 0);
  return TRUE;
}

static gboolean
emit_to_bits (BaselineCompiler *c, const VmtIrOp *op)
{
  const gboolean w = op->type == VMT_IR_I64, sx = (op->flags & VMT_IR_SX) != 0;
  if (!w && op->type != VMT_IR_I32)
    return FALSE;
  const guint x = baseline_float_find (c, op->a);
  if (x != 0)
    {
      baseline_float_check (c, x);
      const guint8 reg = baseline_result (c, op->d);
      x_vg (c, w, PP_66, V_TO_GPR, x, 0, reg);
      if (!w && sx)
        x_rr (c, TRUE, X_MOVSXD, reg, reg);
      baseline_made (c, op->d, reg);
      return TRUE;
    }
  const BaselineVal a = baseline_use (c, op->a);
  const guint8 reg = baseline_result (c, op->d);
  if (w || a.where == BASELINE_CONST)
    baseline_host_move (c, reg, &a);
  else if (a.where == BASELINE_MEM)
    x_rm (c, sx, sx ? X_MOVSXD : X_LOAD, reg, STATE, a.disp);
  if (!w && a.where != BASELINE_MEM)
    x_rr (c, sx, sx ? X_MOVSXD : X_LOAD, reg, a.where == BASELINE_REG ? a.reg : reg);
  baseline_made (c, op->d, reg);
  return TRUE;
}

static gboolean
emit_from_bits (BaselineCompiler *c, const VmtIrOp *op)
{
  const gboolean single = op->type == VMT_IR_F32;
  if (!single && op->type != VMT_IR_F64)
    return FALSE;
  const BaselineVal a = baseline_use (c, op->a);
  if (!c->fp.live && !c->computes)
    {
      /* nobody wants it in a vector register */
      const guint8 reg = baseline_scratch (c);
      baseline_host_move (c, reg, &a);
      if (single)
        {
          const guint8 box = baseline_scratch (c);
          x_li (c, box, G_GUINT64_CONSTANT (0xffffffff00000000));
          x_rr (c, FALSE, X_LOAD, reg, reg);
          x_rr (c, TRUE, X_OR, reg, box);
        }
      baseline_made (c, op->d, reg);
      return TRUE;
    }
  baseline_float_enter (c);
  const guint d = baseline_float_alloc (c);
  if (a.where == BASELINE_MEM)
    x_vm (c, single ? PP_F3 : PP_F2, V_LOAD, d, 0, a.disp);
  else if (a.where == BASELINE_CONST && (single ? (guint32)a.value : a.value) == 0)
    x_v (c, PP_NONE, V_XOR, d, d, d);
  else
    {
      const guint8 reg = baseline_x86_in_reg (c, &a);
      x_vg (c, !single, PP_66, V_FROM_GPR, d, 0, reg);
    }
  if (single)
    x_vm (c, PP_NONE, V_OR, d, d, FLOAT_DISP (box));
  baseline_float_made (c, op->d, d, single ? FLOAT_RAW | FLOAT_SINGLE : FLOAT_RAW, 0);
  return TRUE;
}

static gboolean
emit_round (BaselineCompiler *c, const VmtIrOp *op)
{
  static const guint8 modes[] = { 0, 3, 1, 2, 0, 0, 0, 4 };
  gboolean single;
  if (!baseline_float_can (c, op) || !baseline_float_format (op->type, op->flags, &single))
    return FALSE;
  baseline_float_enter (c);
  const guint a = baseline_float_use (c, op->a, single);
  const guint d = baseline_float_alloc (c);
  x_v_head (c, FALSE, PP_66, 3, d, a, a);
  x8 (c, single ? 0x0a : 0x0b);
  x8 (c, 0xc0 | (d & 7) << 3 | (a & 7));
  /* bit 3: no inexact */
  x8 (c, modes[op->imm & 7] | (op->imm >> 8 & 1 ? 0 : 8));
  baseline_float_made (c, op->d, d,
                       FLOAT_UNCHECKED |
                           (single ? FLOAT_RAW | FLOAT_SINGLE | FLOAT_CHECK_SINGLE : FLOAT_RAW),
                       baseline_float_covers (c, a));
  return TRUE;
}

gboolean
baseline_float_convert (BaselineCompiler *c, const VmtIrOp *op)
{
  switch (op->opcode)
    {
    case VMT_IR_FCVT:
      return emit_format (c, op);
    case VMT_IR_F2I:
      return emit_to_int (c, op);
    case VMT_IR_I2F:
      return emit_from_int (c, op);
    case VMT_IR_F2BITS:
      return emit_to_bits (c, op);
    case VMT_IR_BITS2F:
      return emit_from_bits (c, op);
    case VMT_IR_FRINT:
      return emit_round (c, op);
    default:
      return FALSE;
    }
}
