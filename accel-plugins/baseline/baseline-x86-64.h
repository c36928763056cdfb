/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Encodings of x86-64 instructions (Intel SDM volume 2, chapter 2). */
#pragma once

#include <string.h>

#include "baseline.h"

enum
{
  RAX,
  RCX,
  RDX,
  RBX,
  RSP,
  RBP,
  RSI,
  RDI,
  R8,
  R9,
  R10,
  R11,
  R12,
  R13,
  R14,
  R15
};

/* rbp: the vCPU (and a bias), r15: its TLB bank. */
#define STATE RBP
#define BANK R15

/* Condition codes. */
enum
{
  CC_O,
  CC_NO,
  CC_B,
  CC_AE,
  CC_E,
  CC_NE,
  CC_BE,
  CC_A,
  CC_S,
  CC_NS,
  CC_P,
  CC_NP,
  CC_L,
  CC_GE,
  CC_LE,
  CC_G
};

/* Opcodes: 0x0fxx has the escape byte. */
#define X_ADD 0x03
#define X_OR 0x0b
#define X_AND 0x23
#define X_SUB 0x2b
#define X_XOR 0x33
#define X_CMP 0x3b
#define X_LOAD 0x8b
#define X_STORE 0x89
#define X_TEST 0x85
#define X_LEA 0x8d
#define X_MOVSXD 0x63
#define X_MOVZX8 0x0fb6
#define X_MOVZX16 0x0fb7
#define X_MOVSX8 0x0fbe
#define X_MOVSX16 0x0fbf
#define X_IMUL 0x0faf

/* Of the group with an immediate, and of shifts. */
enum
{
  I_ADD,
  I_OR,
  I_ADC,
  I_SBB,
  I_AND,
  I_SUB,
  I_XOR,
  I_CMP
};
enum
{
  S_ROL,
  S_ROR,
  S_RCL,
  S_RCR,
  S_SHL,
  S_SHR,
  S_SAR = 7
};

static inline void
x8 (BaselineCompiler *c, guint value)
{
  c->bytes[c->size++] = (guint8)value;
}

static inline void
x32 (BaselineCompiler *c, guint32 value)
{
  memcpy (c->bytes + c->size, &value, 4);
  c->size += 4;
}

static inline void
x64 (BaselineCompiler *c, guint64 value)
{
  memcpy (c->bytes + c->size, &value, 8);
  c->size += 8;
}

static inline gboolean
fits32 (guint64 value)
{
  return (gint64)value == (gint32)value;
}

static inline gboolean
fits8 (gint64 value)
{
  return value == (gint8)value;
}

static inline void
x_opcode (BaselineCompiler *c, guint opcode)
{
  if (opcode > 0xffff)
    x8 (c, opcode >> 16);
  if (opcode > 0xff)
    x8 (c, opcode >> 8);
  x8 (c, opcode);
}

/* @prefix: 0, 0x66, 0xf2 or 0xf3; @byte: a register operand is one of 8 bits, so that 4 to 7 need a
 * REX. */
static inline void
x_rex (BaselineCompiler *c, guint prefix, gboolean w, guint reg, guint index, guint base,
       gboolean byte)
{
  const guint rex =
      0x40 | (w ? 8 : 0) | (reg >> 3 & 1) << 2 | (index >> 3 & 1) << 1 | (base >> 3 & 1);
  if (prefix != 0)
    x8 (c, prefix);
  if (rex != 0x40 || byte)
    x8 (c, rex);
}

static inline void
x_rr_full (BaselineCompiler *c, guint prefix, gboolean w, guint opcode, guint reg, guint rm,
           gboolean byte)
{
  x_rex (c, prefix, w, reg, 0, rm, byte);
  x_opcode (c, opcode);
  x8 (c, 0xc0 | (reg & 7) << 3 | (rm & 7));
}

/* reg, [base + disp] */
static inline void
x_modrm_mem (BaselineCompiler *c, guint reg, guint base, gint32 disp)
{
  const guint mod = disp == 0 && (base & 7) != 5 ? 0 : fits8 (disp) ? 1 : 2;
  x8 (c, mod << 6 | (reg & 7) << 3 | (base & 7));
  if ((base & 7) == 4)
    x8 (c, 0x24);
  if (mod == 1)
    x8 (c, (guint8)disp);
  else if (mod == 2)
    x32 (c, (guint32)disp);
}

static inline void
x_rm_full (BaselineCompiler *c, guint prefix, gboolean w, guint opcode, guint reg, guint base,
           gint32 disp, gboolean byte)
{
  x_rex (c, prefix, w, reg, 0, base, byte);
  x_opcode (c, opcode);
  x_modrm_mem (c, reg, base, disp);
}

/* reg, [base + index << scale + disp] */
static inline void
x_rmx_full (BaselineCompiler *c, guint prefix, gboolean w, guint opcode, guint reg, guint base,
            guint index, guint scale, gint32 disp, gboolean byte)
{
  const guint mod = disp == 0 && (base & 7) != 5 ? 0 : fits8 (disp) ? 1 : 2;
  x_rex (c, prefix, w, reg, index, base, byte);
  x_opcode (c, opcode);
  x8 (c, mod << 6 | (reg & 7) << 3 | 4);
  x8 (c, scale << 6 | (index & 7) << 3 | (base & 7));
  if (mod == 1)
    x8 (c, (guint8)disp);
  else if (mod == 2)
    x32 (c, (guint32)disp);
}

static inline void
x_rr (BaselineCompiler *c, gboolean w, guint opcode, guint reg, guint rm)
{
  x_rr_full (c, 0, w, opcode, reg, rm, FALSE);
}
static inline void
x_rm (BaselineCompiler *c, gboolean w, guint opcode, guint reg, guint base, gint32 disp)
{
  x_rm_full (c, 0, w, opcode, reg, base, disp, FALSE);
}
static inline void
x_rmx (BaselineCompiler *c, gboolean w, guint opcode, guint reg, guint base, guint index,
       guint scale, gint32 disp)
{
  x_rmx_full (c, 0, w, opcode, reg, base, index, scale, disp, FALSE);
}

/* reg op= imm */
static inline void
x_ri (BaselineCompiler *c, gboolean w, guint group, guint reg, gint32 imm)
{
  if (fits8 (imm))
    {
      x_rr (c, w, 0x83, group, reg);
      x8 (c, (guint8)imm);
    }
  else if (reg == RAX)
    {
      x_rex (c, 0, w, 0, 0, 0, FALSE);
      x8 (c, group << 3 | 5);
      x32 (c, (guint32)imm);
    }
  else
    {
      x_rr (c, w, 0x81, group, reg);
      x32 (c, (guint32)imm);
    }
}

/* [base + disp] op= imm */
static inline void
x_mi (BaselineCompiler *c, gboolean w, guint group, guint base, gint32 disp, gint32 imm)
{
  x_rm (c, w, fits8 (imm) ? 0x83 : 0x81, group, base, disp);
  if (fits8 (imm))
    x8 (c, (guint8)imm);
  else
    x32 (c, (guint32)imm);
}

static inline void
x_shift_i (BaselineCompiler *c, gboolean w, guint group, guint reg, guint count)
{
  if (count == 1)
    x_rr (c, w, 0xd1, group, reg);
  else
    {
      x_rr (c, w, 0xc1, group, reg);
      x8 (c, count);
    }
}

/* 32-bit moves clear the upper half; the flags stay. */
static inline void
x_li (BaselineCompiler *c, guint reg, guint64 value)
{
  if (value <= G_MAXUINT32)
    {
      x_rex (c, 0, FALSE, 0, 0, reg, FALSE);
      x8 (c, 0xb8 | (reg & 7));
      x32 (c, (guint32)value);
    }
  else if (fits32 (value))
    {
      x_rr (c, TRUE, 0xc7, 0, reg);
      x32 (c, (guint32)value);
    }
  else
    {
      x_rex (c, 0, TRUE, 0, 0, reg, FALSE);
      x8 (c, 0xb8 | (reg & 7));
      x64 (c, value);
    }
}

/* VEX-encoded integer ops of BMI1 and BMI2: @pp 0: none, 1: 66, 2: f3, 3: f2; @map 2: 0f38, 3:
 * 0f3a. */
static inline void
x_vex_head (BaselineCompiler *c, gboolean w, guint pp, guint map, guint reg, guint vvvv, guint base)
{
  x8 (c, 0xc4);
  x8 (c, (~reg >> 3 & 1) << 7 | 1 << 6 | (~base >> 3 & 1) << 5 | map);
  x8 (c, (w ? 0x80 : 0) | (~vvvv & 15) << 3 | pp);
}
static inline void
x_vex_rrr (BaselineCompiler *c, gboolean w, guint pp, guint map, guint opcode, guint reg,
           guint vvvv, guint rm)
{
  x_vex_head (c, w, pp, map, reg, vvvv, rm);
  x8 (c, opcode);
  x8 (c, 0xc0 | (reg & 7) << 3 | (rm & 7));
}

/* Jumps: the place of the displacement. */
static inline guint32
x_jcc (BaselineCompiler *c, guint cc)
{
  x8 (c, 0x0f);
  x8 (c, 0x80 | cc);
  x32 (c, 0);
  return c->size - 4;
}
static inline guint32
x_jmp (BaselineCompiler *c)
{
  x8 (c, 0xe9);
  x32 (c, 0);
  return c->size - 4;
}
static inline void
x_jmp_to (BaselineCompiler *c, guint32 target)
{
  x8 (c, 0xe9);
  x32 (c, target - (c->size + 4));
}
/* Short, over code that follows: the place of the byte. */
static inline guint32
x_jcc_short (BaselineCompiler *c, guint cc)
{
  x8 (c, 0x70 | cc);
  x8 (c, 0);
  return c->size - 1;
}
static inline void
x_here_short (BaselineCompiler *c, guint32 at)
{
  c->bytes[at] = (guint8)(c->size - (at + 1));
}

#define VCPU_DISP(field) ((gint32)G_STRUCT_OFFSET (VmtVcpu, field) - BASELINE_BIAS)

static inline gint32
stub_disp (BaselineCompiler *c, BaselineStub stub)
{
  const gint32 table = stub < VMT_VCPU_TIER_NEAR
                           ? VCPU_DISP (tier_near)
                           : c->cpu + (gint32)G_STRUCT_OFFSET (BaselineCpu, stubs);
  return table + (gint32)(stub * sizeof (gpointer));
}
/* call [state + stub] */
static inline void
x_call_stub (BaselineCompiler *c, BaselineStub stub)
{
  x_rm (c, FALSE, 0xff, 2, STATE, stub_disp (c, stub));
}
static inline void
x_jmp_stub (BaselineCompiler *c, BaselineStub stub)
{
  x_rm (c, FALSE, 0xff, 4, STATE, stub_disp (c, stub));
}

/* baseline-x86-64-memory.c */
gboolean baseline_x86_memory (BaselineCompiler *c, const VmtIrOp *op);
/* baseline-x86-64-float.c */
gboolean baseline_x86_float (BaselineCompiler *c, const VmtIrOp *op);
/* Nothing is known of vector registers any more, nor of the environment. */
void baseline_x86_float_forget (BaselineCompiler *c);
/* Whatever the home of a value has, has no NaN that is not the guest's. */
void baseline_x86_float_settle (BaselineCompiler *c);
/* Another file emits an op that may read values of class f, and makes this one. */
void baseline_x86_float_overwrite (BaselineCompiler *c, VmtIrVal d);
void baseline_x86_float_before (BaselineCompiler *c, const VmtIrOp *op);
/* Where a jump back to instruction @goal may lead, or 0; after moves, which it emits. */
guint32 baseline_x86_float_loop (BaselineCompiler *c, guint goal);
/* For cold code that calls C: BaselineCold.fp; what it does first. */
guint baseline_x86_float_snapshot (BaselineCompiler *c);
void baseline_x86_float_cold (BaselineCompiler *c, const BaselineCold *cold);
guint8 baseline_x86_in_reg (BaselineCompiler *c, const BaselineVal *val);
