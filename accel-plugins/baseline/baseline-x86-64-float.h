/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Between the files that emit floating point.
 *
 * While such code runs MXCSR is the guest's, with all exceptions masked: rounding mode and sticky
 * flags. A global's value is kept in a vector register, and stored when the code leaves or its home
 * is looked at; what is overwritten before that is never stored.
 *
 * RISC-V's NaN results are canonical, x86's are not. Results are therefore "unchecked" at first: a
 * NaN among them is put right before anybody can see its bits, that is before they are stored in
 * guest memory or taken as an integer, and before the code leaves for where they are not known of
 * (slow paths: behind the block). As operands of arithmetic they may stay as they are: quiet NaNs
 * all behave the same. A value that was computed from others and is no NaN vouches for them. */
#pragma once

#include "baseline-x86-64.h"

/* BaselineFloat.flags: the register is the value's home, bit by bit; it is the single that the home
 * has, or the canonical NaN where there is none in it; it is unchecked; that is a single; the home
 * has not got it yet. */
#define FLOAT_RAW 1
#define FLOAT_SINGLE 2
#define FLOAT_UNCHECKED 4
#define FLOAT_CHECK_SINGLE 8
#define FLOAT_DIRTY 16

#define FLOAT_DISP(field)                                                                          \
  (c->cpu + (gint32)G_STRUCT_OFFSET (BaselineCpu, fp) +                                            \
   (gint32)G_STRUCT_OFFSET (BaselineCpuFloat, field))

/* Scratch registers that hold no value: xmm0 and xmm1. */
#define X0 0
#define X1 1
#define FLOAT_FIRST 2u

/* VEX prefixes' pp. */
#define PP_NONE 0
#define PP_66 1
#define PP_F3 2
#define PP_F2 3

/* Scalar opcodes of map 0f. */
#define V_LOAD 0x10
#define V_STORE 0x11
#define V_MOVAPS 0x28
#define V_CVTSI 0x2a
#define V_CVTTS2SI 0x2c
#define V_CVTS2SI 0x2d
#define V_UCOMI 0x2e
#define V_SQRT 0x51
#define V_AND 0x54
#define V_ANDN 0x55
#define V_OR 0x56
#define V_XOR 0x57
#define V_ADD 0x58
#define V_MUL 0x59
#define V_CVT 0x5a
#define V_SUB 0x5c
#define V_MIN 0x5d
#define V_DIV 0x5e
#define V_MAX 0x5f
#define V_FROM_GPR 0x6e
#define V_TO_GPR 0x7e
#define V_CMP 0xc2

static inline void
x_v_head (BaselineCompiler *c, gboolean w, guint pp, guint map, guint reg, guint vvvv, guint rm)
{
  if (w || map != 1 || rm > 7)
    x_vex_head (c, w, pp, map, reg, vvvv, rm);
  else
    {
      x8 (c, 0xc5);
      x8 (c, (~reg >> 3 & 1) << 7 | (~vvvv & 15) << 3 | pp);
    }
}

static inline void
x_v (BaselineCompiler *c, guint pp, guint opcode, guint reg, guint vvvv, guint rm)
{
  x_v_head (c, FALSE, pp, 1, reg, vvvv, rm);
  x8 (c, opcode);
  x8 (c, 0xc0 | (reg & 7) << 3 | (rm & 7));
}

/* With what lies at @disp from the state register. */
static inline void
x_vm (BaselineCompiler *c, guint pp, guint opcode, guint reg, guint vvvv, gint32 disp)
{
  x_v_head (c, FALSE, pp, 1, reg, vvvv, STATE);
  x8 (c, opcode);
  x_modrm_mem (c, reg, STATE, disp);
}

/* Between a general register (@rm) and a vector register. */
static inline void
x_vg (BaselineCompiler *c, gboolean w, guint pp, guint opcode, guint reg, guint vvvv, guint rm)
{
  x_v_head (c, w, pp, 1, reg, vvvv, rm);
  x8 (c, opcode);
  x8 (c, 0xc0 | (reg & 7) << 3 | (rm & 7));
}

/* Scalar prefix of the format. */
static inline guint
float_pp (gboolean single)
{
  return single ? PP_F3 : PP_F2;
}

static inline gint32
float_home (BaselineCompiler *c, VmtIrVal v)
{
  return vmt_ir_is_temp (v) ? c->temps + (gint32)((v - VMT_IR_TEMP_FIRST) * BASELINE_TEMP_BYTES)
                            : (gint32)c->arch->globals[v].offset - c->bias;
}

/* Makes sure of the environment; before anything else that an op does. */
void baseline_float_enter (BaselineCompiler *c);
/* A register for a result. */
guint baseline_float_alloc (BaselineCompiler *c);
/* The register that has the operand. */
guint baseline_float_use (BaselineCompiler *c, VmtIrVal v, gboolean single);
/* The register that has the value bit by bit, or 0: it is not in one. */
guint baseline_float_find (BaselineCompiler *c, VmtIrVal v);
/* From now on it is no NaN that is not canonical. */
void baseline_float_check (BaselineCompiler *c, guint x);
/* What a result that is a NaN if one of these is covers. */
guint16 baseline_float_covers (BaselineCompiler *c, guint x);
/* The result is in @x. @flags: FLOAT_* */
void baseline_float_made (BaselineCompiler *c, VmtIrVal d, guint x, guint flags, guint16 covers);
/* Whether an op can be emitted at all; of a format: */
gboolean baseline_float_can (BaselineCompiler *c, const VmtIrOp *op);
gboolean baseline_float_format (guint type, guint flags, gboolean *single);
/* Around what rounds by the op's own mode. */
void baseline_float_round_begin (BaselineCompiler *c, gint32 imm);
void baseline_float_round_end (BaselineCompiler *c, gint32 imm);
/* Behind the block: the evaluator executes the op; registers but rax and rcx stay. */
void baseline_float_eval (BaselineCompiler *c, guint insn, guint op);

/* baseline-x86-64-convert.c */
gboolean baseline_float_convert (BaselineCompiler *c, const VmtIrOp *op);
