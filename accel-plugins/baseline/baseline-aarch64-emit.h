/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the files of the emitter for AArch64 share. */
#pragma once

#include <string.h>

#include "baseline-aarch64.h"
#include "baseline.h"

/* The vCPU (and a bias), its TLB bank, and the homes of temporaries, which are far from the state.
 * x18 is the platform's, x29 a window's. */
#define STATE X28
#define BANK X27
#define TEMPS X26
/* Nothing lives in these from op to op. LR is what forms addresses and constants that an
 * instruction cannot hold, so that all helpers below may clobber it. */
#define IP0 X16
#define IP1 X17
#define LR X30

/* Ones above a single. */
#define BOX G_GUINT64_CONSTANT (0xffffffff00000000)

#define VCPU_DISP(field) ((gint32)G_STRUCT_OFFSET (VmtVcpu, field) - BASELINE_BIAS)
#define CPU_DISP(field) (c->cpu + (gint32)G_STRUCT_OFFSET (BaselineCpu, field))

static inline void
a_emit (BaselineCompiler *c, guint32 word)
{
  memcpy (c->bytes + c->size, &word, 4);
  c->size += 4;
}

/* A branch that baseline_host_patch() completes: its place. */
static inline guint32
a_branch (BaselineCompiler *c, guint32 word)
{
  a_emit (c, word);
  return c->size - 4;
}
static inline void
a_jump_to (BaselineCompiler *c, guint32 target)
{
  a_emit (c, a64_b ((gint32)(target - c->size) / 4));
}

static inline void
a_move (BaselineCompiler *c, gboolean x, guint rd, guint rm)
{
  a_emit (c, a64_logic (x, A64_ORR, FALSE, rd, XZR, rm, A64_LSL, 0));
}
static inline void
a_add (BaselineCompiler *c, guint rd, guint rn, guint rm)
{
  a_emit (c, a64_add_shifted (TRUE, A64_ADD, rd, rn, rm, A64_LSL, 0));
}
static inline void
a_cmp (BaselineCompiler *c, gboolean x, guint rn, guint rm)
{
  a_emit (c, a64_add_shifted (x, A64_SUBS, XZR, rn, rm, A64_LSL, 0));
}
/* A constant that is known to be a bitmask immediate. */
static inline void
a_logic_imm (BaselineCompiler *c, A64Logic op, guint rd, guint rn, guint64 value)
{
  guint32 fields = 0;
  const gboolean valid = a64_bitmask (TRUE, value, &fields);
  g_assert (valid);
  a_emit (c, a64_logic_imm (TRUE, op, rd, rn, fields));
}
static inline void
a_ubfx (BaselineCompiler *c, gboolean x, guint rd, guint rn, guint lsb, guint width)
{
  a_emit (c, a64_bitfield (x, A64_UBFM, rd, rn, lsb, lsb + width - 1));
}

void baseline_a64_li (BaselineCompiler *c, guint reg, guint64 value);
/* rd = rn + value; the flags stay */
void baseline_a64_add_value (BaselineCompiler *c, guint rd, guint rn, guint64 value);
void baseline_a64_access (BaselineCompiler *c, A64Access op, guint log2, guint rt, guint rn,
                          gint32 disp);
/* By the state register. */
void baseline_a64_state (BaselineCompiler *c, A64Access op, guint log2, guint rt, gint32 disp);
/* A register that has the value and stays as it is; @zero: may be XZR. */
guint8 baseline_a64_in_reg (BaselineCompiler *c, const BaselineVal *val, gboolean zero);
/* By LR. */
void baseline_a64_call_stub (BaselineCompiler *c, BaselineStub stub);
gboolean baseline_a64_memory (BaselineCompiler *c, const VmtIrOp *op);
