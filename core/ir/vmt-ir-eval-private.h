/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <string.h>

#include "vmt-ir-eval.h"
#include "vmt-ir-private.h"

G_BEGIN_DECLS

typedef unsigned __int128 u128;
typedef __int128 s128;

/* The operands of an op, its results and those of its EXT. */
typedef struct
{
  VmtIrValue a, b, c, xa, xb, xc;
  gboolean has_xb, has_xc;
  VmtIrValue d, xd;
} VmtIrEvalArgs;

static inline u128
vmt_ir_ones (guint bits)
{
  return bits >= 128 ? ~(u128)0 : ((u128)1 << bits) - 1;
}

static inline s128
vmt_ir_sext (u128 x, guint bits)
{
  return (s128)(x << (128 - bits)) >> (128 - bits);
}

/* The environment of an FP op: a copy, whose flags are merged afterwards. */
VmtFpEnv *vmt_ir_eval_fp_env (VmtIrEval *e);
guint64 vmt_ir_eval_int (VmtIrOpcode opcode, VmtIrType type, guint flags, gint32 imm, guint64 a,
                         guint64 b, guint64 c);
gboolean vmt_ir_eval_cond (VmtIrCond cond, guint bits, u128 a, u128 b);
guint32 vmt_ir_eval_crc32 (guint32 crc, guint64 data, guint bits, guint32 polynomial);
guint64 vmt_ir_eval_sha2 (VmtIrType type, guint function, guint64 x);
/* A scalar FP op on unboxed operands: FADD ... FMA, FMIN, FMAX, FCMP, FSGNJ, FRINT. */
guint64 vmt_ir_eval_fp (VmtIrOpcode opcode, VmtIrType type, gint32 imm, guint64 a, guint64 b,
                        guint64 c, VmtFpEnv *env);
void vmt_ir_eval_fp_op (VmtIrEval *e, const VmtIrOp *op, VmtIrEvalArgs *x);
guint64 vmt_ir_get_lane (const VmtIrValue *v, guint bits, guint lane);
void vmt_ir_put_lane (VmtIrValue *v, guint bits, guint lane, guint64 x);
/* FALSE: an exception is pending. */
gboolean vmt_ir_eval_vector (VmtIrEval *e, const VmtIrOp *op, VmtIrEvalArgs *x);
gboolean vmt_ir_eval_vector_mem (VmtIrEval *e, const VmtIrOp *op, VmtIrEvalArgs *x);
void vmt_ir_eval_crypto (const VmtIrOp *op, VmtIrEvalArgs *x);
void vmt_ir_eval_pred (const VmtIrOp *op, VmtIrEvalArgs *x);

G_END_DECLS
