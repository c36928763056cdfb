/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "vmt-ir-flags.h"

G_BEGIN_DECLS

/**
 * VmtIrMemOps:
 *
 * What the evaluator needs of whoever owns the vCPU. Those that return gboolean: FALSE when an
 * exception is pending.
 * @load, @store, @load_linked, @store_conditional and @amo are vmt_vcpu_load() and so on.
 */
typedef struct
{
  gboolean (*load) (VmtVcpu *vcpu, guint64 va, guint size, guint attr, guint64 *value);
  gboolean (*store) (VmtVcpu *vcpu, guint64 va, guint size, guint attr, guint64 value);
  gboolean (*load_linked) (VmtVcpu *vcpu, guint64 va, guint size, guint attr, guint64 *value);
  gboolean (*store_conditional) (VmtVcpu *vcpu, guint64 va, guint size, guint attr, guint64 value,
                                 guint64 *failed);
  gboolean (*amo) (VmtVcpu *vcpu, VmtIrAmo amo, guint64 va, guint size, guint attr, guint64 value,
                   guint64 *old);
  /* 16 bytes: value[0] the lower ones. */
  gboolean (*load_linked128) (VmtVcpu *vcpu, guint64 va, guint attr, guint64 value[2]);
  gboolean (*store_conditional128) (VmtVcpu *vcpu, guint64 va, guint attr, const guint64 value[2],
                                    guint64 *failed);
  /* 1 to 16 bytes, zero-extended. */
  gboolean (*cas) (VmtVcpu *vcpu, guint64 va, guint size, guint attr, const guint64 expected[2],
                   const guint64 desired[2], guint64 old[2]);
  /* Raises the exception for an address that is not a multiple of @size. */
  void (*misaligned) (VmtVcpu *vcpu, guint64 va, guint size, gboolean store);
  /* Whether an access would succeed; raises nothing. */
  gboolean (*probe) (VmtVcpu *vcpu, guint64 va, guint size, gboolean store);
  void (*fence) (VmtVcpu *vcpu, guint predecessor, guint successor);
  void (*raise) (VmtVcpu *vcpu, guint64 cause, guint64 value);
  /* After helpers: whether they raised an exception. */
  gboolean (*fault_pending) (VmtVcpu *vcpu);
  /* Before helpers with VMT_HELPER_PC. */
  void (*set_pc) (VmtVcpu *vcpu, guint64 pc);
} VmtIrMemOps;

/* A value of any class. Integers, FP and predicates are in q[0], I128 and F80 in q[0] and q[1],
 * vectors from the low element up. */
typedef union
{
  guint64 q[8];
  guint8 b[64];
  VmtIrFlags f;
} VmtIrValue;

typedef enum
{
  VMT_IR_EVAL_NEXT, /* only from vmt_ir_eval_op(): go on with the next op (after an EXT) */
  VMT_IR_EVAL_JUMP, /* leaves for a known address */
  VMT_IR_EVAL_INDIRECT,
  VMT_IR_EVAL_EXIT,   /* to the run loop */
  VMT_IR_EVAL_FAULT,  /* an exception is pending */
  VMT_IR_EVAL_BUDGET, /* the budget does not suffice for what follows */
} VmtIrEvalExit;

/**
 * VmtIrEval:
 * @page_va: the virtual address of the block's page
 * @values: one for each temporary
 * @budget: instructions left, for BUDGET ops
 * @pc: (out): where to go on; on a fault or without budget the present instruction
 * @insn: (out): index of the present instruction
 *
 * An evaluation of a block. Reads and writes the globals in @vcpu's state directly.
 */
typedef struct
{
  VmtVcpu *vcpu;
  const VmtIrBlock *block;
  const VmtIrMemOps *mem;
  VmtIrValue *values;
  guint64 page_va, pc;
  gint64 budget;
  guint insn;
} VmtIrEval;

/* The reference meaning of every op, written to be read, with no thought of speed: what tiers are
 * compared with. The block must have been verified. Runs it from its first op to where it is left.
 * @eval: vcpu, block, mem, page_va and budget are given. */
VmtIrEvalExit vmt_ir_eval_block (VmtIrEval *eval);
/* One op, and its EXT; @eval->values and insn are given as well. */
VmtIrEvalExit vmt_ir_eval_op (VmtIrEval *eval, guint index);

G_END_DECLS
