/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "vmt-ir.h"

G_BEGIN_DECLS

/**
 * VmtIrBuilder:
 *
 * Makes blocks. Lives as long as the vCPU and is reused: building allocates only the finished
 * block. Emitters never fail; a block that grows too long ends (vmt_ir_builder_is_full()). A
 * constant branch becomes a jump or nothing: ask vmt_ir_builder_is_ended() after every instruction.
 * What is emitted after the end is dropped.
 */
typedef struct _VmtIrBuilder VmtIrBuilder;

VmtIrBuilder *vmt_ir_builder_new (const struct _VmtArchOps *arch);
void vmt_ir_builder_free (VmtIrBuilder *builder);
void vmt_ir_builder_begin (VmtIrBuilder *builder);
/* (transfer full): ends the block, with a JUMP to @next if no op has ended it yet. */
VmtIrBlock *vmt_ir_builder_finish (VmtIrBuilder *builder, gint32 next);
/* The same; the block is the builder's and good until the next one begins. */
const VmtIrBlock *vmt_ir_builder_finish_in_place (VmtIrBuilder *builder, gint32 next);
/* Blocks of so many instructions are full; 64 unless told otherwise. */
void vmt_ir_builder_set_max_insns (VmtIrBuilder *builder, guint n);
gboolean vmt_ir_builder_is_full (VmtIrBuilder *builder);
/* An op with VMT_IR_OP_END was emitted. */
gboolean vmt_ir_builder_is_ended (VmtIrBuilder *builder);
/* A guest instruction begins. */
void vmt_ir_insn (VmtIrBuilder *b, gint page_offset, guint length);

VmtIrVal vmt_ir_const (VmtIrBuilder *b, guint64 value);
VmtIrVal vmt_ir_const128 (VmtIrBuilder *b, guint64 lo, guint64 hi);
/* d is a new temporary. Constants are folded, identities (x + 0, x & -1, ...) return the operand; a
 * constant operand of a commutative op stands in b. */
VmtIrVal vmt_ir_op1 (VmtIrBuilder *b, VmtIrOpcode op, VmtIrType type, guint flags, VmtIrVal a,
                     gint32 imm);
VmtIrVal vmt_ir_op2 (VmtIrBuilder *b, VmtIrOpcode op, VmtIrType type, guint flags, VmtIrVal a,
                     VmtIrVal c, gint32 imm);
VmtIrVal vmt_ir_op3 (VmtIrBuilder *b, VmtIrOpcode op, VmtIrType type, guint flags, VmtIrVal a,
                     VmtIrVal v, VmtIrVal c, gint32 imm);
/* Ops without a result: FENCE and control have functions of their own below. */
void vmt_ir_do (VmtIrBuilder *b, VmtIrOpcode op, VmtIrType type, guint flags, VmtIrVal a,
                VmtIrVal v, VmtIrVal c, gint32 imm);
/* An op and the EXT after it, with the operands @xa, @xb, @xc. @second: (out) (optional): the EXT's
 * result. */
VmtIrVal vmt_ir_op_ext (VmtIrBuilder *b, VmtIrOpcode op, VmtIrType type, guint flags, VmtIrVal a,
                        VmtIrVal v, VmtIrVal c, gint32 imm, VmtIrVal xa, VmtIrVal xb, VmtIrVal xc,
                        VmtIrVal *second);
/* A vector op for the elements of @predicate; the others are @inactive's, or 0. */
VmtIrVal vmt_ir_masked (VmtIrBuilder *b, VmtIrOpcode op, VmtIrType type, VmtIrType element,
                        VmtIrVal a, VmtIrVal v, VmtIrVal c, gint32 imm, VmtIrVal predicate,
                        VmtIrVal inactive);
/* Writes a global. When @value is the temporary that the instruction's last op made, that op writes
 * the global itself.
 *
 * Reading and writing in any order is safe: a value that an emitter returned keeps what it was,
 * also after the global that it came from or went to has been written (the builder then inserts a
 * MOV where the value was still there). A global that is named as an operand is read when the op
 * runs: after vmt_ir_set (b, G, ...) the operand G is the new value. vmt_ir_op1 (b, VMT_IR_MOV,
 * VMT_IR_I64, 0, G, 0) is G as it is now, and costs nothing unless it is needed after a write of G.
 * Helpers with VMT_HELPER_WRITES count as writes of every global. */
void vmt_ir_set (VmtIrBuilder *b, VmtIrVal global, VmtIrVal value);

VmtIrVal vmt_ir_load (VmtIrBuilder *b, VmtIrType type, guint flags, VmtIrVal address,
                      gint32 displacement, guint attr);
void vmt_ir_store (VmtIrBuilder *b, VmtIrType type, VmtIrVal address, gint32 displacement,
                   VmtIrVal value, guint attr);
VmtIrVal vmt_ir_load_linked (VmtIrBuilder *b, VmtIrType type, guint flags, VmtIrVal address,
                             guint attr);
VmtIrVal vmt_ir_store_conditional (VmtIrBuilder *b, VmtIrType type, VmtIrVal address,
                                   VmtIrVal value, guint attr);
VmtIrVal vmt_ir_amo (VmtIrBuilder *b, VmtIrAmo amo, VmtIrType type, guint flags, VmtIrVal address,
                     VmtIrVal value, guint attr);
/* The old value; stores @desired when that is @expected. */
VmtIrVal vmt_ir_cas (VmtIrBuilder *b, VmtIrType type, guint flags, VmtIrVal address,
                     gint32 displacement, VmtIrVal expected, VmtIrVal desired, guint attr);
void vmt_ir_fence (VmtIrBuilder *b, guint predecessor, guint successor);

VmtIrVal vmt_ir_pcrel (VmtIrBuilder *b, gint32 page_offset);
void vmt_ir_branch (VmtIrBuilder *b, VmtIrCond cond, VmtIrType type, VmtIrVal a, VmtIrVal v,
                    gint32 target);
void vmt_ir_jump (VmtIrBuilder *b, gint32 target, guint hints);
void vmt_ir_jump_indirect (VmtIrBuilder *b, VmtIrVal target, guint hints);
void vmt_ir_exit (VmtIrBuilder *b, gint32 next);
void vmt_ir_trap (VmtIrBuilder *b, gint32 cause, VmtIrVal value);
/* d may be VMT_IR_NONE as @type. @helper: index in the architecture's table. */
VmtIrVal vmt_ir_call (VmtIrBuilder *b, VmtIrType type, guint helper, VmtIrVal a, VmtIrVal v,
                      VmtIrVal c);

G_END_DECLS
