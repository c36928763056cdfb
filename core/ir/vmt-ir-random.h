/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "vmt-ir.h"

G_BEGIN_DECLS

typedef enum
{
  VMT_IR_RANDOM_INT = 1 << 0,   /* moves and integer ops up to CLMULH */
  VMT_IR_RANDOM_MEM = 1 << 1,   /* LD, ST, LL, SC, AMO, FENCE */
  VMT_IR_RANDOM_FP = 1 << 2,    /* F32 (boxed and not) and F64 */
  VMT_IR_RANDOM_EXITS = 1 << 3, /* BRANCH in the middle */
  VMT_IR_RANDOM_F16 = 1 << 4,
  VMT_IR_RANDOM_MORE = 1 << 5,  /* the integer ops beyond RV64GC, FRINT, CAS, I128 */
  VMT_IR_RANDOM_FLAGS = 1 << 6, /* FL_*, BRANCH_FLAGS */
  VMT_IR_RANDOM_RISCV = 15,     /* what RV64GC code is made of */
  VMT_IR_RANDOM_ALL = 127,
} VmtIrRandomClass;

/**
 * VmtIrRandomConfig:
 * @classes: mask of VmtIrRandomClass
 * @n_ops: about so many
 * @base: where data memory is
 * @size: of it, a power of two from 64
 * @wild: of 1000 addresses so many point anywhere
 *
 * What vmt_ir_random_block() makes. Other accesses touch [base, base + size + 32), mostly aligned.
 * Targets of direct jumps are within the page.
 */
typedef struct
{
  guint classes, n_ops;
  guint64 base, size;
  guint wild;
} VmtIrRandomConfig;

/* (transfer full): a block that verifies, over the integer and FP globals of @arch; the same for
 * the same seed. */
VmtIrBlock *vmt_ir_random_block (const struct _VmtArchOps *arch, guint32 seed,
                                 const VmtIrRandomConfig *config);
/* Fills all globals of @vcpu's state with values that are often special (0, -1, limits, NaNs, boxed
 * singles). */
void vmt_ir_random_state (const struct _VmtArchOps *arch, guint32 seed, VmtVcpu *vcpu);

G_END_DECLS
