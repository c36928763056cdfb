/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <string.h>

#include "vmt-ir.h"

G_BEGIN_DECLS

VmtIrBlock *vmt_ir_block_make (const struct _VmtArchOps *arch, const VmtIrOp *ops, guint n_ops,
                               const VmtIrInsn *insns, guint n_insns, const VmtIrConst *consts,
                               guint n_consts, const guint8 *temp_types, guint n_temps);

char vmt_ir_signature_operand (const char *signature, gboolean ext, guint index,
                               gboolean *optional);
gboolean vmt_ir_op_uses_imm (VmtIrOpcode opcode);
VmtIrType vmt_ir_ext_result_type (const VmtIrOp *op);
gboolean vmt_ir_op_has_ext (const VmtIrOp *op);

/* The value of an integer op whose operands are known; FALSE: this op is not folded. */
gboolean vmt_ir_fold (VmtIrOpcode opcode, VmtIrType type, guint flags, guint64 a, guint64 b,
                      guint64 c, gint32 imm, guint64 *result);
gboolean vmt_ir_fold_cond (VmtIrCond cond, VmtIrType type, guint64 a, guint64 b);

G_END_DECLS
