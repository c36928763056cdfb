/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "vmt-ir.h"

G_BEGIN_DECLS

/* The six condition bits, where x86 has them. Arm's N is S, V is O. */
#define VMT_IR_FLAG_C (1u << 0)
#define VMT_IR_FLAG_P (1u << 2)
#define VMT_IR_FLAG_A (1u << 4)
#define VMT_IR_FLAG_Z (1u << 6)
#define VMT_IR_FLAG_S (1u << 7)
#define VMT_IR_FLAG_O (1u << 11)
#define VMT_IR_FLAGS_ALL 0x8d5u

/**
 * VmtIrFlags:
 * @kind: the FL_* opcode whose operands these are; FL_PACK: @x holds the bits
 * @type: the op's integer type
 * @flags: VMT_IR_NOT_BORROW
 * @carry: carry or borrow in; of INC and DEC the carry that stays
 *
 * A value of class F, and the layout of a global of type FLAGS. Only FL_ADD, FL_SUB, FL_LOGIC,
 * FL_INC, FL_DEC, FL_SHL, FL_SHR, FL_SAR, FL_MULU, FL_MULS and FL_PACK are stored; the other ops
 * make one of these.
 */
typedef struct
{
  guint16 kind;
  guint8 type, flags;
  guint32 carry;
  guint64 x, y;
} VmtIrFlags;

/* What the op @opcode makes of its operands; @old: the flags as they were, for ops that have them
 * as an operand. */
VmtIrFlags vmt_ir_flags_make (VmtIrOpcode opcode, VmtIrType type, guint op_flags, gint32 imm,
                              guint64 a, guint64 b, guint64 c, const VmtIrFlags *old);
VmtIrFlags vmt_ir_flags_from_bits (guint bits);
guint vmt_ir_flags_bits (const VmtIrFlags *flags);
gboolean vmt_ir_flags_test (const VmtIrFlags *flags, VmtIrFlagCond cond);
guint64 vmt_ir_flags_get (const VmtIrFlags *flags, VmtIrFlagsLayout layout);

G_END_DECLS
