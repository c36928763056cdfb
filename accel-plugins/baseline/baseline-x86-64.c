/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* x86-64, from Haswell and Excavator on: integers and control. */
#include "baseline-x86-64.h"

#include "vmt-error.h"

const guint8 baseline_pinned_regs[] = { RBX, RSI, RDI, R8, R9, R10, R11, R12 };
const guint baseline_n_pinned = G_N_ELEMENTS (baseline_pinned_regs);
const guint8 baseline_scratch_regs[] = { RAX, RCX, RDX };
const guint baseline_n_scratch = G_N_ELEMENTS (baseline_scratch_regs);
const guint8 baseline_window_regs[] = { R13, R14 };
const guint baseline_n_windows = G_N_ELEMENTS (baseline_window_regs);
const gboolean baseline_keeps_windows = TRUE;

gboolean
baseline_host_probe (GError **error)
{
  if (__builtin_cpu_supports ("bmi") && __builtin_cpu_supports ("bmi2") &&
      __builtin_cpu_supports ("fma") && __builtin_cpu_supports ("avx2") &&
      __builtin_cpu_supports ("popcnt"))
    return TRUE;
  g_set_error (error, VMT_ERROR, VMT_ERROR_UNSUPPORTED,
               "it needs a processor with AVX2, BMI1, BMI2 and FMA (x86-64-v3); use tier=interp");
  return FALSE;
}

void
baseline_host_patch (BaselineCompiler *c, guint32 at, guint32 target)
{
  const guint32 value = target - (at + 4);
  memcpy (c->bytes + at, &value, 4);
}

void
baseline_host_move (BaselineCompiler *c, guint8 reg, const BaselineVal *val)
{
  switch (val->where)
    {
    case BASELINE_CONST:
      x_li (c, reg, val->value);
      break;
    case BASELINE_REG:
      if (val->reg != reg)
        x_rr (c, TRUE, X_LOAD, reg, val->reg);
      break;
    case BASELINE_MEM:
      x_rm (c, TRUE, X_LOAD, reg, STATE, val->disp);
      break;
    }
}

void
baseline_host_store_home (BaselineCompiler *c, gint32 disp, guint8 reg)
{
  x_rm (c, TRUE, X_STORE, reg, STATE, disp);
}

/* A register that has the value and stays as it is. */
guint8
baseline_x86_in_reg (BaselineCompiler *c, const BaselineVal *val)
{
  if (val->where == BASELINE_REG)
    return val->reg;
  const guint8 reg = baseline_scratch (c);
  baseline_host_move (c, reg, val);
  return reg;
}

static gboolean
is_reg (const BaselineVal *val, guint8 reg)
{
  return val->where == BASELINE_REG && val->reg == reg;
}

static gboolean
same (const BaselineVal *a, const BaselineVal *b)
{
  return a->where == b->where && a->reg == b->reg && a->disp == b->disp && a->value == b->value;
}

/* A constant that no instruction takes. */
static void
no_wide (BaselineCompiler *c, BaselineVal *val)
{
  if (val->where == BASELINE_CONST && !fits32 (val->value))
    {
      val->reg = baseline_x86_in_reg (c, val);
      val->where = BASELINE_REG;
    }
}

/* reg op= val */
static void
alu (BaselineCompiler *c, gboolean w, guint opcode, guint group, guint8 reg, const BaselineVal *val)
{
  switch (val->where)
    {
    case BASELINE_CONST:
      x_ri (c, w, group, reg, (gint32)val->value);
      break;
    case BASELINE_REG:
      x_rr (c, w, opcode, reg, val->reg);
      break;
    case BASELINE_MEM:
      x_rm (c, w, opcode, reg, STATE, val->disp);
      break;
    }
}

/* What an op of a type narrower than 64 bits makes of the register: cut or extended. Of I32 the
 * upper half is 0 already. */
static void
extend (BaselineCompiler *c, const VmtIrOp *op, guint8 reg)
{
  const gboolean sx = (op->flags & VMT_IR_SX) != 0;
  switch (op->type)
    {
    case VMT_IR_I32:
      if (sx)
        x_rr (c, TRUE, X_MOVSXD, reg, reg);
      break;
    case VMT_IR_I16:
      x_rr (c, sx, sx ? X_MOVSX16 : X_MOVZX16, reg, reg);
      break;
    case VMT_IR_I8:
      x_rr_full (c, 0, sx, sx ? X_MOVSX8 : X_MOVZX8, reg, reg, TRUE);
      break;
    default:
      break;
    }
}

/* The register of the result, free to be written before @b is read. */
static guint8
target (BaselineCompiler *c, const VmtIrOp *op, const BaselineVal *b)
{
  const guint8 reg = baseline_result (c, op->d);
  return is_reg (b, reg) ? baseline_scratch (c) : reg;
}

static gboolean
emit_alu (BaselineCompiler *c, const VmtIrOp *op, guint opcode, guint group, gboolean commutes)
{
  const gboolean w = op->type == VMT_IR_I64;
  BaselineVal a = baseline_use (c, op->a), b = baseline_use (c, op->b);
  no_wide (c, &b);
  /* In memory, onto itself. */
  if (w && vmt_ir_is_global (op->d) && a.where == BASELINE_MEM && op->d == op->a &&
      b.where != BASELINE_MEM)
    {
      if (b.where == BASELINE_CONST)
        x_mi (c, TRUE, group, STATE, a.disp, (gint32)b.value);
      else
        x_rm (c, TRUE, opcode - 2, b.reg, STATE, a.disp);
      return TRUE;
    }
  if (commutes && b.where == BASELINE_REG && b.reg == baseline_pinned (c, op->d))
    {
      const BaselineVal t = a;
      a = b;
      b = t;
      no_wide (c, &b);
    }
  const guint8 reg = target (c, op, &b);
  if (group == I_ADD && a.where == BASELINE_REG && a.reg != reg && b.where != BASELINE_MEM)
    {
      if (b.where == BASELINE_CONST)
        x_rm (c, w, X_LEA, reg, a.reg, (gint32)b.value);
      else
        x_rmx (c, w, X_LEA, reg, a.reg, b.reg, 0, 0);
    }
  else
    {
      if (group == I_SUB && same (&a, &b))
        x_rr (c, FALSE, X_XOR, reg, reg);
      else
        {
          baseline_host_move (c, reg, &a);
          alu (c, w, opcode, group, reg, &b);
        }
    }
  extend (c, op, reg);
  baseline_made (c, op->d, reg);
  return TRUE;
}

/* a & ~b, a | ~b, ~(a ^ b) */
static gboolean
emit_alu_not (BaselineCompiler *c, const VmtIrOp *op)
{
  const gboolean w = op->type == VMT_IR_I64;
  BaselineVal a = baseline_use (c, op->a), b = baseline_use (c, op->b);
  if (op->opcode == VMT_IR_ANDN)
    {
      const guint8 ra = baseline_x86_in_reg (c, &a), rb = baseline_x86_in_reg (c, &b);
      const guint8 reg = baseline_result (c, op->d);
      x_vex_rrr (c, w, 0, 2, 0xf2, reg, rb, ra);
      extend (c, op, reg);
      baseline_made (c, op->d, reg);
      return TRUE;
    }
  no_wide (c, &a);
  guint8 reg = baseline_result (c, op->d);
  if (is_reg (&a, reg))
    reg = baseline_scratch (c);
  baseline_host_move (c, reg, &b);
  if (op->opcode == VMT_IR_ORN)
    {
      x_rr (c, w, 0xf7, 2, reg);
      alu (c, w, X_OR, I_OR, reg, &a);
    }
  else
    {
      alu (c, w, X_XOR, I_XOR, reg, &a);
      x_rr (c, w, 0xf7, 2, reg);
    }
  extend (c, op, reg);
  baseline_made (c, op->d, reg);
  return TRUE;
}

static gboolean
emit_shift (BaselineCompiler *c, const VmtIrOp *op, guint group)
{
  const gboolean w = op->type == VMT_IR_I64;
  BaselineVal a = baseline_use (c, op->a), b = baseline_use (c, op->b);
  if (b.where == BASELINE_CONST)
    {
      const guint count = (guint)b.value & (w ? 63 : 31);
      const guint8 reg = baseline_result (c, op->d);
      if ((group == S_ROR || group == S_ROL) && count != 0)
        {
          /* rorx: another register, no flags */
          const guint8 ra = baseline_x86_in_reg (c, &a);
          x_vex_rrr (c, w, 3, 3, 0xf0, reg, 0, ra);
          x8 (c, group == S_ROR ? count : (w ? 64 : 32) - count);
        }
      else
        {
          baseline_host_move (c, reg, &a);
          if (count != 0)
            x_shift_i (c, w, group, reg, count);
          else if (!w)
            x_rr (c, FALSE, X_LOAD, reg, reg);
        }
      extend (c, op, reg);
      baseline_made (c, op->d, reg);
      return TRUE;
    }
  if (group == S_ROL || group == S_ROR)
    {
      baseline_claim (c, RCX);
      guint8 reg = baseline_result (c, op->d);
      if (is_reg (&b, reg))
        reg = baseline_scratch (c);
      baseline_host_move (c, RCX, &b);
      baseline_host_move (c, reg, &a);
      x_rr (c, w, 0xd3, group, reg);
      extend (c, op, reg);
      baseline_made (c, op->d, reg);
      return TRUE;
    }
  const guint8 ra = baseline_x86_in_reg (c, &a), rb = baseline_x86_in_reg (c, &b);
  const guint8 reg = baseline_result (c, op->d);
  const guint pp = group == S_SHL ? 1 : group == S_SHR ? 3 : 2;
  x_vex_rrr (c, w, pp, 2, 0xf7, reg, rb, ra);
  extend (c, op, reg);
  baseline_made (c, op->d, reg);
  return TRUE;
}

static gboolean
emit_mul (BaselineCompiler *c, const VmtIrOp *op)
{
  const gboolean w = op->type == VMT_IR_I64;
  BaselineVal a = baseline_use (c, op->a), b = baseline_use (c, op->b);
  no_wide (c, &b);
  if (b.where == BASELINE_CONST)
    {
      const guint8 ra = baseline_x86_in_reg (c, &a);
      const guint8 reg = baseline_result (c, op->d);
      x_rr (c, w, 0x69, reg, ra);
      x32 (c, (guint32)b.value);
      extend (c, op, reg);
      baseline_made (c, op->d, reg);
      return TRUE;
    }
  if (b.where == BASELINE_REG && b.reg == baseline_pinned (c, op->d))
    {
      const BaselineVal t = a;
      a = b;
      b = t;
      if (b.where == BASELINE_CONST)
        {
          b.reg = baseline_x86_in_reg (c, &b);
          b.where = BASELINE_REG;
        }
    }
  const guint8 reg = target (c, op, &b);
  baseline_host_move (c, reg, &a);
  alu (c, w, X_IMUL, 0, reg, &b);
  extend (c, op, reg);
  baseline_made (c, op->d, reg);
  return TRUE;
}

static gboolean
emit_mul_high (BaselineCompiler *c, const VmtIrOp *op)
{
  if (op->type != VMT_IR_I64)
    return FALSE;
  BaselineVal a = baseline_use (c, op->a), b = baseline_use (c, op->b);
  if (op->opcode == VMT_IR_MULHSU)
    {
      /* unsigned, less b where a is negative */
      baseline_claim (c, RAX);
      baseline_claim (c, RDX);
      const guint8 ra = baseline_x86_in_reg (c, &a);
      if (c->short_of_regs)
        return TRUE;
      if (b.where != BASELINE_REG)
        {
          if (ra == RCX)
            return FALSE;
          baseline_claim (c, RCX);
          baseline_host_move (c, RCX, &b);
          b.where = BASELINE_REG;
          b.reg = RCX;
        }
      x_rr (c, TRUE, X_LOAD, RAX, ra);
      x_rr (c, TRUE, 0xf7, 4, b.reg);
      x_rr (c, TRUE, X_LOAD, RAX, ra);
      x_shift_i (c, TRUE, S_SAR, RAX, 63);
      x_rr (c, TRUE, X_AND, RAX, b.reg);
      x_rr (c, TRUE, X_SUB, RDX, RAX);
      baseline_made (c, op->d, RDX);
      return TRUE;
    }
  baseline_claim (c, RAX);
  baseline_claim (c, RDX);
  if (b.where == BASELINE_CONST)
    {
      b.reg = baseline_x86_in_reg (c, &b);
      b.where = BASELINE_REG;
    }
  const guint group = op->opcode == VMT_IR_MULHU ? 4 : 5;
  baseline_host_move (c, RAX, &a);
  if (b.where == BASELINE_REG)
    x_rr (c, TRUE, 0xf7, group, b.reg);
  else
    x_rm (c, TRUE, 0xf7, group, STATE, b.disp);
  baseline_made (c, op->d, RDX);
  return TRUE;
}

/* Division by 0 and the overflow of signed division have results, and x86 would raise. */
static gboolean
emit_div (BaselineCompiler *c, const VmtIrOp *op)
{
  const gboolean w = op->type == VMT_IR_I64;
  const gboolean is_signed = op->opcode == VMT_IR_DIVS || op->opcode == VMT_IR_REMS;
  const gboolean remainder = op->opcode == VMT_IR_REMU || op->opcode == VMT_IR_REMS;
  BaselineVal a = baseline_use (c, op->a), b = baseline_use (c, op->b);
  baseline_claim (c, RAX);
  baseline_claim (c, RDX);
  guint8 rb;
  if (b.where == BASELINE_REG)
    rb = b.reg;
  else
    {
      baseline_claim (c, RCX);
      baseline_host_move (c, RCX, &b);
      rb = RCX;
    }
  baseline_host_move (c, RAX, &a);
  if (!w)
    x_rr (c, FALSE, X_LOAD, RAX, RAX);
  x_rr (c, w, X_TEST, rb, rb);
  const guint32 zero = x_jcc_short (c, CC_E);
  guint32 minus = 0;
  if (is_signed)
    {
      x_ri (c, w, I_CMP, rb, -1);
      minus = x_jcc_short (c, CC_E);
      if (w)
        x8 (c, 0x48);
      x8 (c, 0x99);
      x_rr (c, w, 0xf7, 7, rb);
    }
  else
    {
      x_rr (c, FALSE, X_XOR, RDX, RDX);
      x_rr (c, w, 0xf7, 6, rb);
    }
  x8 (c, 0xeb);
  x8 (c, 0);
  const guint32 done = c->size - 1;
  guint32 done2 = 0;
  if (is_signed)
    {
      x_here_short (c, minus);
      x_rr (c, w, 0xf7, 3, RAX);
      x_rr (c, FALSE, X_XOR, RDX, RDX);
      x8 (c, 0xeb);
      x8 (c, 0);
      done2 = c->size - 1;
    }
  x_here_short (c, zero);
  x_rr (c, w, X_LOAD, RDX, RAX);
  x_rr (c, TRUE, 0xc7, 0, RAX);
  x32 (c, G_MAXUINT32);
  x_here_short (c, done);
  if (done2 != 0)
    x_here_short (c, done2);
  const guint8 reg = remainder ? RDX : RAX;
  if (!w)
    x_rr (c, FALSE, X_LOAD, reg, reg);
  extend (c, op, reg);
  baseline_made (c, op->d, reg);
  return TRUE;
}

static guint
condition (guint cond)
{
  static const guint8 codes[] = {
    [VMT_IR_EQ] = CC_E,  [VMT_IR_NE] = CC_NE, [VMT_IR_LT] = CC_L,
    [VMT_IR_GE] = CC_GE, [VMT_IR_LTU] = CC_B, [VMT_IR_GEU] = CC_AE,
  };
  return codes[cond];
}

/* Sets the flags for a comparison of a and b. */
static void
compare (BaselineCompiler *c, gboolean w, guint cond, BaselineVal *a, BaselineVal *b)
{
  no_wide (c, b);
  if (a->where == BASELINE_CONST || (a->where == BASELINE_MEM && b->where == BASELINE_MEM))
    {
      a->reg = baseline_x86_in_reg (c, a);
      a->where = BASELINE_REG;
    }
  if (a->where == BASELINE_MEM)
    {
      if (b->where == BASELINE_CONST)
        x_mi (c, w, I_CMP, STATE, a->disp, (gint32)b->value);
      else
        x_rm (c, w, 0x39, b->reg, STATE, a->disp);
      return;
    }
  if (b->where == BASELINE_CONST && b->value == 0 && cond <= VMT_IR_GE)
    x_rr (c, w, X_TEST, a->reg, a->reg);
  else
    alu (c, w, X_CMP, I_CMP, a->reg, b);
}

static gboolean
emit_setcc (BaselineCompiler *c, const VmtIrOp *op)
{
  /* Operands are compared in full; narrower types are rare. */
  if (op->type != VMT_IR_I64 && op->type != VMT_IR_I32)
    return FALSE;
  BaselineVal a = baseline_use (c, op->a), b = baseline_use (c, op->b);
  const guint8 reg = baseline_result (c, op->d);
  const gboolean early = !is_reg (&a, reg) && !is_reg (&b, reg);
  if (early)
    x_rr (c, FALSE, X_XOR, reg, reg);
  compare (c, op->type == VMT_IR_I64, (guint)op->imm, &a, &b);
  x_rr_full (c, 0, FALSE, 0x0f90 | condition ((guint)op->imm), 0, reg, TRUE);
  if (!early)
    x_rr_full (c, 0, FALSE, X_MOVZX8, reg, reg, TRUE);
  baseline_made (c, op->d, reg);
  return TRUE;
}

static gboolean
emit_select (BaselineCompiler *c, const VmtIrOp *op)
{
  const char class = vmt_ir_type_class (op->type);
  if (op->type == VMT_IR_F80 || op->type == VMT_IR_I128 || class == 'v' || class == 'F' ||
      (class == 'i' && op->type != VMT_IR_I64))
    return FALSE;
  BaselineVal a = baseline_use (c, op->a), b = baseline_use (c, op->b), e = baseline_use (c, op->c);
  guint8 reg = baseline_result (c, op->d);
  if (is_reg (&b, reg) || is_reg (&e, reg))
    reg = baseline_scratch (c);
  const guint8 re = baseline_x86_in_reg (c, &e);
  if (b.where == BASELINE_CONST)
    {
      b.reg = baseline_x86_in_reg (c, &b);
      b.where = BASELINE_REG;
    }
  baseline_host_move (c, reg, &a);
  x_rr (c, TRUE, X_TEST, re, re);
  if (b.where == BASELINE_REG)
    x_rr (c, TRUE, 0x0f40 | CC_E, reg, b.reg);
  else
    x_rm (c, TRUE, 0x0f40 | CC_E, reg, STATE, b.disp);
  baseline_made (c, op->d, reg);
  return TRUE;
}

static gboolean
emit_min_max (BaselineCompiler *c, const VmtIrOp *op)
{
  if (op->type != VMT_IR_I64)
    return FALSE;
  static const guint8 codes[] = { CC_G, CC_L, CC_A, CC_B };
  BaselineVal a = baseline_use (c, op->a), b = baseline_use (c, op->b);
  if (b.where == BASELINE_CONST)
    {
      b.reg = baseline_x86_in_reg (c, &b);
      b.where = BASELINE_REG;
    }
  const guint8 reg = target (c, op, &b);
  baseline_host_move (c, reg, &a);
  alu (c, TRUE, X_CMP, I_CMP, reg, &b);
  const guint cc = codes[op->opcode - VMT_IR_MINS];
  if (b.where == BASELINE_REG)
    x_rr (c, TRUE, 0x0f40 | cc, reg, b.reg);
  else
    x_rm (c, TRUE, 0x0f40 | cc, reg, STATE, b.disp);
  baseline_made (c, op->d, reg);
  return TRUE;
}

static gboolean
emit_unary (BaselineCompiler *c, const VmtIrOp *op)
{
  const gboolean w = op->type == VMT_IR_I64;
  if (!w && op->type != VMT_IR_I32)
    return FALSE;
  BaselineVal a = baseline_use (c, op->a);
  const guint8 reg = baseline_result (c, op->d);
  if (op->opcode == VMT_IR_BSWAP)
    {
      baseline_host_move (c, reg, &a);
      x_rex (c, 0, w, 0, 0, reg, FALSE);
      x8 (c, 0x0f);
      x8 (c, 0xc8 | (reg & 7));
    }
  else
    {
      const guint opcode = op->opcode == VMT_IR_CLZ   ? 0x0fbd
                           : op->opcode == VMT_IR_CTZ ? 0x0fbc
                                                      : 0x0fb8;
      const guint8 ra = baseline_x86_in_reg (c, &a);
      x_rr_full (c, 0xf3, w, opcode, reg, ra, FALSE);
    }
  extend (c, op, reg);
  baseline_made (c, op->d, reg);
  return TRUE;
}

/* Each byte that is not 0 becomes 0xff: what is not equal to 0, in vector registers that are free.
 */
static gboolean
emit_orcb (BaselineCompiler *c, const VmtIrOp *op)
{
  if (op->type != VMT_IR_I64)
    return FALSE;
  const BaselineVal a = baseline_use (c, op->a);
  const guint8 ra = baseline_x86_in_reg (c, &a);
  const guint8 reg = baseline_result (c, op->d);
  x_rr_full (c, 0x66, TRUE, 0x0f6e, 0, ra, FALSE);
  x_rr_full (c, 0x66, FALSE, 0x0fef, 1, 1, FALSE);
  x_rr_full (c, 0x66, FALSE, 0x0f74, 0, 1, FALSE);
  x_rr_full (c, 0x66, FALSE, 0x0f74, 0, 1, FALSE);
  x_rr_full (c, 0x66, TRUE, 0x0f7e, 0, reg, FALSE);
  baseline_made (c, op->d, reg);
  return TRUE;
}

static gboolean
emit_mov (BaselineCompiler *c, const VmtIrOp *op)
{
  const char class = vmt_ir_type_class (op->type);
  if (class == 'v' || class == 'F' || op->type == VMT_IR_F80 || op->type == VMT_IR_I128)
    return FALSE;
  BaselineVal a = baseline_use (c, op->a);
  if (class != 'i' || op->type == VMT_IR_I64)
    {
      if (a.where == BASELINE_CONST && fits32 (a.value) && vmt_ir_is_global (op->d) &&
          (op->d >= G_N_ELEMENTS (c->pinned) || c->pinned[op->d] == BASELINE_NO_REG))
        {
          x_rm (c, TRUE, 0xc7, 0, STATE, (gint32)c->arch->globals[op->d].offset - c->bias);
          x32 (c, (guint32)a.value);
          return TRUE;
        }
      if (a.where == BASELINE_REG && vmt_ir_is_global (op->d))
        {
          baseline_made (c, op->d, a.reg);
          return TRUE;
        }
    }
  const guint8 reg = baseline_result (c, op->d);
  if (op->type == VMT_IR_I32)
    {
      const gboolean sx = (op->flags & VMT_IR_SX) != 0;
      if (a.where == BASELINE_REG)
        x_rr (c, sx, sx ? X_MOVSXD : X_LOAD, reg, a.reg);
      else if (a.where == BASELINE_MEM)
        x_rm (c, sx, sx ? X_MOVSXD : X_LOAD, reg, STATE, a.disp);
      else
        x_li (c, reg, sx ? (guint64)(gint64)(gint32)a.value : (guint32)a.value);
    }
  else
    {
      baseline_host_move (c, reg, &a);
      extend (c, op, reg);
    }
  baseline_made (c, op->d, reg);
  return TRUE;
}

static gboolean
emit_extract (BaselineCompiler *c, const VmtIrOp *op)
{
  const guint from = op->imm & 0xff, length = (guint)op->imm >> 8;
  if (op->type != VMT_IR_I64 || length == 0 || from + length > 64)
    return FALSE;
  BaselineVal a = baseline_use (c, op->a);
  const guint8 reg = baseline_result (c, op->d);
  const gboolean sx = (op->flags & VMT_IR_SX) != 0;
  if (from == 0 && a.where == BASELINE_REG && (length == 8 || length == 16 || length == 32))
    {
      if (length == 32)
        x_rr (c, sx, sx ? X_MOVSXD : X_LOAD, reg, a.reg);
      else
        x_rr_full (c, 0, sx,
                   length == 8 ? sx ? X_MOVSX8 : X_MOVZX8
                   : sx        ? X_MOVSX16
                               : X_MOVZX16,
                   reg, a.reg, length == 8);
    }
  else
    {
      baseline_host_move (c, reg, &a);
      if (from + length != 64)
        x_shift_i (c, TRUE, S_SHL, reg, 64 - from - length);
      if (length != 64)
        x_shift_i (c, TRUE, sx ? S_SAR : S_SHR, reg, 64 - length);
    }
  baseline_made (c, op->d, reg);
  return TRUE;
}

static gboolean
emit_shadd (BaselineCompiler *c, const VmtIrOp *op)
{
  if (op->type != VMT_IR_I64 || op->imm < 0 || op->imm > 3)
    return FALSE;
  BaselineVal a = baseline_use (c, op->a), b = baseline_use (c, op->b);
  guint8 ra;
  if (op->flags & VMT_IR_UW)
    {
      ra = baseline_scratch (c);
      if (a.where == BASELINE_REG)
        x_rr (c, FALSE, X_LOAD, ra, a.reg);
      else if (a.where == BASELINE_MEM)
        x_rm (c, FALSE, X_LOAD, ra, STATE, a.disp);
      else
        x_li (c, ra, (guint32)a.value);
    }
  else
    ra = baseline_x86_in_reg (c, &a);
  const guint8 rb = baseline_x86_in_reg (c, &b);
  const guint8 reg = baseline_result (c, op->d);
  x_rmx (c, TRUE, X_LEA, reg, rb, ra, (guint)op->imm, 0);
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

/* A block leaves by adding what it has executed, and jumping where its slot says. */
static void
count (BaselineCompiler *c, gint32 n)
{
  if (n != 0)
    x_mi (c, TRUE, I_ADD, STATE, VCPU_DISP (icount), n);
}

static gint32
slot_distance (BaselineCompiler *c, guint slot)
{
  /* from the end of an instruction whose displacement comes next */
  return (gint32)(c->distance + baseline_slot_offset (slot)) - (gint32)(c->size + 4);
}

/* Asks for the way out, again and again until there is a link. */
static void
ask (BaselineCompiler *c, guint link)
{
  x_call_stub (c, BASELINE_STUB_FOLLOW);
  baseline_called (c, link, FALSE);
}

/* Somebody waits for this vCPU: the run loop takes it from here. */
static void
poll (BaselineCompiler *c)
{
  x_mi (c, FALSE, I_CMP, STATE, VCPU_DISP (exit_request), 0);
}

/* Leaves through the link, everything counted. @polls: who asks for the way looks at requests. */
static void
take (BaselineCompiler *c, guint link, gboolean polls)
{
  BaselineLink *l = &g_array_index (c->links, BaselineLink, link);
  guint32 requested = 0;
  if (polls)
    {
      poll (c);
      requested = x_jcc_short (c, CC_NE);
    }
  if (l->far)
    {
      /* rcx: the link */
      x_rex (c, 0, TRUE, RCX, 0, 0, FALSE);
      x8 (c, X_LOAD);
      x8 (c, 0x05 | RCX << 3);
      x32 (c, (guint32)slot_distance (c, link + c->first_slot));
      x_call_stub (c, BASELINE_STUB_FAR);
      x8 (c, 0xff);
      x8 (c, 0xe0); /* jmp rax */
      if (!polls)
        return;
    }
  else
    {
      x8 (c, 0xff);
      x8 (c, 0x25);
      x32 (c, (guint32)slot_distance (c, link + c->first_slot));
      l->ask = c->size;
    }
  if (polls)
    x_here_short (c, requested);
  ask (c, link);
}

static void
cold_ask (BaselineCompiler *c, const BaselineCold *cold)
{
  count (c, cold->disp);
  ask (c, cold->link);
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
  /* Where no way out is needed but for the poll, a link says where to. */
  const guint link = goal == G_MAXUINT || back ? baseline_add_link (c, offset) : 0;
  if (goal == G_MAXUINT)
    {
      count (c, (gint32)c->insn + 1);
      take (c, link, back);
      return;
    }
  if (back)
    {
      /* the exit must find the count of what was executed, and the goal that of what comes before
       * it; two additions to memory would take a short loop longer than everything else */
      count (c, (gint32)c->insn + 1 - (gint32)goal);
      poll (c);
      BaselineCold *cold = baseline_cold (c, cold_ask, x_jcc (c, CC_NE));
      cold->link = link;
      cold->disp = (gint32)goal;
      const guint32 loop = baseline_x86_float_loop (c, goal);
      if (loop != 0)
        {
          x_jmp_to (c, loop);
          return;
        }
    }
  else
    count (c, (gint32)c->insn + 1 - (gint32)goal);
  const BaselineFixup fixup = { x_jmp (c), goal };
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

static gboolean
emit_branch (BaselineCompiler *c, const VmtIrOp *op)
{
  if (op->type != VMT_IR_I64 && op->type != VMT_IR_I32)
    return FALSE;
  BaselineVal a = baseline_use (c, op->a), b = baseline_use (c, op->b);
  compare (c, op->type == VMT_IR_I64, op->c, &a, &b);
  if (c->short_of_regs)
    return TRUE;
  const guint cc = condition (op->c);
  const guint goal = baseline_goal (c, op->imm);
  if (c->compact && goal == G_MAXUINT)
    {
      const guint32 over = x_jcc_short (c, cc ^ 1);
      go (c, op->imm);
      x_here_short (c, over);
    }
  else if (op->imm <= insn_offset (c))
    {
      /* Probably a loop: the way back is in line. */
      const guint32 over = x_jcc (c, cc ^ 1);
      go (c, op->imm);
      baseline_host_patch (c, over, c->size);
    }
  else if (goal == c->insn + 1 && c->ir->insns[goal].first_op == c->op + 1)
    ; /* to the next op */
  else
    baseline_cold (c, cold_go, x_jcc (c, cc))->disp = op->imm;
  return TRUE;
}

/* rcx: the address */
static void
cold_indirect (BaselineCompiler *c, const BaselineCold *cold)
{
  x_jmp_stub (c, BASELINE_STUB_INDIRECT);
}

static gboolean
emit_jump_indirect (BaselineCompiler *c, const VmtIrOp *op)
{
  const gint32 jumps = c->cpu + (gint32)G_STRUCT_OFFSET (BaselineCpu, jumps);
  BaselineVal a = baseline_use (c, op->a);
  if (!(a.where == BASELINE_REG && a.reg == RCX))
    {
      baseline_claim (c, RCX);
      baseline_host_move (c, RCX, &a);
    }
  count (c, (gint32)c->insn + 1);
  if (c->compact)
    {
      x_jmp_stub (c, BASELINE_STUB_INDIRECT);
      return TRUE;
    }
  poll (c);
  const guint32 request = x_jcc (c, CC_NE);
  /* see baseline_run_indirect() */
  x_rr (c, FALSE, X_LOAD, RAX, RCX);
  x_rm (c, FALSE, X_XOR, RAX, STATE, c->cpu + (gint32)G_STRUCT_OFFSET (BaselineCpu, jump_salt));
  x_ri (c, FALSE, I_AND, RAX, ((1 << BASELINE_JUMP_BITS) - 1) << 1);
  x_rr (c, TRUE, X_LOAD, RDX, RCX);
  x_rm (c, TRUE, X_XOR, RDX, STATE, c->cpu + (gint32)G_STRUCT_OFFSET (BaselineCpu, jump_id));
  x_rmx (c, TRUE, X_CMP, RDX, STATE, RAX, 3, jumps);
  const guint32 miss = x_jcc (c, CC_NE);
  x_ri (c, TRUE, I_AND, RCX, -(gint32)VMT_PAGE_SIZE);
  x_rm (c, TRUE, X_STORE, RCX, STATE, VCPU_DISP (page_va));
  x_rmx (c, FALSE, 0xff, 4, STATE, RAX, 3, jumps + (gint32)G_STRUCT_OFFSET (BaselineJump, code));
  baseline_cold (c, cold_indirect, request);
  baseline_cold (c, cold_indirect, miss);
  return TRUE;
}

/* vcpu->pc = page + offset, by rax */
static void
set_pc (BaselineCompiler *c, gint32 offset)
{
  x_rm (c, TRUE, X_LOAD, RAX, STATE, VCPU_DISP (page_va));
  if (offset != 0)
    x_ri (c, TRUE, I_ADD, RAX, offset);
  x_rm (c, TRUE, X_STORE, RAX, STATE, VCPU_DISP (pc));
}

static void
leave (BaselineCompiler *c)
{
  x_jmp_stub (c, BASELINE_STUB_LEAVE);
}

static gboolean
emit_exit (BaselineCompiler *c, const VmtIrOp *op)
{
  set_pc (c, op->imm);
  count (c, (gint32)c->insn + 1);
  leave (c);
  return TRUE;
}

static gboolean
emit_trap (BaselineCompiler *c, const VmtIrOp *op)
{
  BaselineVal a = baseline_use (c, op->a);
  if (!is_reg (&a, RCX))
    {
      baseline_claim (c, RCX);
      baseline_host_move (c, RCX, &a);
    }
  x_li (c, RDX, (guint64)(gint64)op->imm);
  x_li (c, RAX, BASELINE_DESC (c->insn, 0));
  x_call_stub (c, BASELINE_STUB_TRAP);
  return TRUE;
}

static gboolean
emit_call (BaselineCompiler *c, const VmtIrOp *op)
{
  const char result = vmt_ir_type_class (op->type);
  if ((result != 'i' && result != 'f' && result != '-' && result != 'p') ||
      (op->flags & VMT_IR_BOXED))
    return FALSE;
  if ((guint)op->imm > BASELINE_CALL_MAX_HELPER || c->insn > BASELINE_CALL_MAX_INSN)
    return FALSE;
  BaselineVal a = baseline_use (c, op->a), b = baseline_use (c, op->b), e = baseline_use (c, op->c);
  /* Temporaries that live on; after this, the operands are where they were, or at home as well. */
  if (op->c != VMT_IR_NO_VAL)
    {
      const gint32 third = c->cpu + (gint32)G_STRUCT_OFFSET (BaselineCpu, third);
      if (e.where == BASELINE_CONST && fits32 (e.value))
        {
          x_rm (c, TRUE, 0xc7, 0, STATE, third);
          x32 (c, (guint32)e.value);
        }
      else
        {
          const guint8 re = baseline_x86_in_reg (c, &e);
          x_rm (c, TRUE, X_STORE, re, STATE, third);
          if (e.where != BASELINE_REG)
            c->busy &= ~(1u << re);
        }
    }
  baseline_spill (c);
  /* rcx = a, rdx = b: b may be in rcx, a in rdx */
  if (is_reg (&b, RCX) && is_reg (&a, RDX))
    x_rr (c, TRUE, 0x87, RCX, RDX);
  else if (is_reg (&b, RCX))
    {
      baseline_host_move (c, RDX, &b);
      if (op->a != VMT_IR_NO_VAL)
        baseline_host_move (c, RCX, &a);
    }
  else
    {
      if (op->a != VMT_IR_NO_VAL)
        baseline_host_move (c, RCX, &a);
      if (op->b != VMT_IR_NO_VAL)
        baseline_host_move (c, RDX, &b);
    }
  x_li (c, RAX, c->insn | (guint32)op->imm << 7 | (guint32)insn_offset (c) << 16);
  x_call_stub (c, BASELINE_STUB_CALL);
  if (c->arch->helpers[op->imm].flags & VMT_HELPER_WRITES)
    baseline_load_locals (c);
  if (op->type != VMT_IR_NONE)
    {
      c->busy |= 1u << RAX;
      if (op->type == VMT_IR_I32 && !(op->flags & VMT_IR_SX))
        x_rr (c, FALSE, X_LOAD, RAX, RAX);
      extend (c, op, RAX);
      baseline_made (c, op->d, RAX);
    }
  return TRUE;
}

void
baseline_host_eval (BaselineCompiler *c, guint index)
{
  baseline_spill (c);
  baseline_x86_float_forget (c);
  x_li (c, RCX, c->insn);
  x_li (c, RAX, index);
  x_call_stub (c, BASELINE_STUB_EVAL);
  baseline_load_locals (c);
}

void
baseline_host_eval_block (BaselineCompiler *c)
{
  x_li (c, RCX, 0);
  x_li (c, RAX, G_MAXUINT32);
  x_call_stub (c, BASELINE_STUB_EVAL);
}

/* It counts how often it is entered. */
void
baseline_host_begin (BaselineCompiler *c)
{
  if (c->first_slot == 0)
    return;
  x8 (c, 0xff);
  x8 (c, 0x0d);
  x32 (c, (guint32)slot_distance (c, 0));
  const guint32 over = x_jcc_short (c, CC_NS);
  x_call_stub (c, BASELINE_STUB_PROMOTE);
  x_here_short (c, over);
}

void
baseline_host_finish (BaselineCompiler *c)
{
}

void
baseline_host_join (BaselineCompiler *c)
{
  baseline_x86_float_forget (c);
}

gboolean
baseline_host_op (BaselineCompiler *c, guint index)
{
  const VmtIrOp *op = &c->ir->ops[index];
  const gboolean plain = op->type == VMT_IR_I64 || op->type == VMT_IR_I32;
  baseline_x86_float_before (c, op);
  switch (op->opcode)
    {
    case VMT_IR_MOV:
      if (vmt_ir_type_class (op->type) == 'f' && baseline_x86_float (c, op))
        return TRUE;
      return emit_mov (c, op);
    case VMT_IR_ADD:
      return emit_alu (c, op, X_ADD, I_ADD, TRUE);
    case VMT_IR_SUB:
      return emit_alu (c, op, X_SUB, I_SUB, FALSE);
    case VMT_IR_AND:
      return emit_alu (c, op, X_AND, I_AND, TRUE);
    case VMT_IR_OR:
      return emit_alu (c, op, X_OR, I_OR, TRUE);
    case VMT_IR_XOR:
      return emit_alu (c, op, X_XOR, I_XOR, TRUE);
    case VMT_IR_ANDN:
    case VMT_IR_ORN:
    case VMT_IR_XNOR:
      return emit_alu_not (c, op);
    case VMT_IR_SHL:
      return plain && emit_shift (c, op, S_SHL);
    case VMT_IR_SHR:
      return plain && emit_shift (c, op, S_SHR);
    case VMT_IR_SAR:
      return plain && emit_shift (c, op, S_SAR);
    case VMT_IR_ROL:
      return plain && emit_shift (c, op, S_ROL);
    case VMT_IR_ROR:
      return plain && emit_shift (c, op, S_ROR);
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
      return plain && emit_div (c, op);
    case VMT_IR_CLZ:
    case VMT_IR_CTZ:
    case VMT_IR_POPCNT:
    case VMT_IR_BSWAP:
      return emit_unary (c, op);
    case VMT_IR_MINS:
    case VMT_IR_MAXS:
    case VMT_IR_MINU:
    case VMT_IR_MAXU:
      return emit_min_max (c, op);
    case VMT_IR_ORCB:
      return emit_orcb (c, op);
    case VMT_IR_SETCC:
      return emit_setcc (c, op);
    case VMT_IR_SELECT:
      return emit_select (c, op);
    case VMT_IR_EXTRACT:
      return emit_extract (c, op);
    case VMT_IR_SHADD:
      return emit_shadd (c, op);
    case VMT_IR_PCREL:
      {
        const guint8 reg = baseline_result (c, op->d);
        x_rm (c, TRUE, X_LOAD, reg, STATE, VCPU_DISP (page_va));
        if (op->imm != 0)
          x_ri (c, TRUE, I_ADD, reg, op->imm);
        baseline_made (c, op->d, reg);
        return TRUE;
      }
    case VMT_IR_LD:
    case VMT_IR_ST:
    case VMT_IR_LL:
    case VMT_IR_SC:
    case VMT_IR_AMO:
    case VMT_IR_FENCE:
      return baseline_x86_memory (c, op);
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
      return baseline_calls (c, op) ? emit_call (c, op) : baseline_x86_float (c, op);
    default:
      return baseline_x86_float (c, op);
    }
}
