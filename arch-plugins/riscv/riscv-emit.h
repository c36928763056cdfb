/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the bodies of the instruction rows are written in. Only the generated rv-isa.c and the
 * decoder include this. */
#pragma once

#include "riscv-helpers.h"
#include "riscv-state.h"

struct _RiscvEmit
{
  VmtIrBuilder *b;
  guint64 mode; /* the block's mode key */
  guint32 word;
  gint offset; /* of the instruction in its page */
  guint length;
  gboolean first;   /* of its block */
  gboolean illegal; /* set: not an instruction after all */
  /* The last AUIPC: in which register, what page offset, and where the next instruction is. */
  guint auipc_rd;
  gint auipc_value, auipc_end;
  gint start;         /* of the block */
  guint64 targets[2]; /* of its branches, by halfwords from there on */
};

#define RISCV_GLOBAL_X(n) VMT_IR_GLOBAL ((n)-1)
#define RISCV_GLOBAL_F(n) VMT_IR_GLOBAL (31 + (n))
#define RISCV_GLOBAL_SSCRATCH VMT_IR_GLOBAL (63)
#define RISCV_GLOBAL_SEPC VMT_IR_GLOBAL (64)
#define RISCV_GLOBAL_SCAUSE VMT_IR_GLOBAL (65)
#define RISCV_GLOBAL_STVAL VMT_IR_GLOBAL (66)
#define RISCV_GLOBAL_MSCRATCH VMT_IR_GLOBAL (67)

#define NOVAL VMT_IR_NO_VAL
#define PRIV ((guint)(s->mode & RISCV_MODE_PRIV))
#define K(value) vmt_ir_const (s->b, (guint64)(value))
#define X(n) ((n) == 0 ? vmt_ir_const (s->b, 0) : RISCV_GLOBAL_X (n))
#define F(n) RISCV_GLOBAL_F (n)
#define SETX(n, value) riscv_emit_setx (s, n, value)
#define SETF(n, value) vmt_ir_set (s->b, F (n), value)

#define OP1(op, type, flags, a) vmt_ir_op1 (s->b, VMT_IR_##op, VMT_IR_##type, flags, a, 0)
#define OP2(op, type, flags, a, c) vmt_ir_op2 (s->b, VMT_IR_##op, VMT_IR_##type, flags, a, c, 0)
#define OP2I(op, type, flags, a, c, imm)                                                           \
  vmt_ir_op2 (s->b, VMT_IR_##op, VMT_IR_##type, flags, a, c, imm)
#define OP3(op, type, flags, a, v, c)                                                              \
  vmt_ir_op3 (s->b, VMT_IR_##op, VMT_IR_##type, flags, a, v, c, 0)
#define SETCC(cond, a, c) vmt_ir_op2 (s->b, VMT_IR_SETCC, VMT_IR_I64, 0, a, c, VMT_IR_##cond)

#define FP1(op, type, flags, a, imm) vmt_ir_op1 (s->b, VMT_IR_##op, VMT_IR_##type, flags, a, imm)
#define FP2(op, type, flags, a, c, imm)                                                            \
  vmt_ir_op2 (s->b, VMT_IR_##op, VMT_IR_##type, flags, a, c, imm)
#define FP3(op, type, flags, a, v, c, imm)                                                         \
  vmt_ir_op3 (s->b, VMT_IR_##op, VMT_IR_##type, flags, a, v, c, imm)
#define FROM(type) (VMT_IR_##type << 8)
#define CVT_UNSIGNED (1 << 12)
#define FMA_NEG_PRODUCT (1 << 8)
#define FMA_NEG_ADDEND (1 << 9)

#define LOAD(type, flags, base, imm) vmt_ir_load (s->b, VMT_IR_##type, flags, X (base), imm, 0)
#define STORE(type, base, imm, value) vmt_ir_store (s->b, VMT_IR_##type, X (base), imm, value, 0)
/* aqrl: bit 1 acquire, bit 0 release. */
#define AQRL(aqrl)                                                                                 \
  (VMT_IR_MEM_ALIGNED | ((aqrl)&2 ? VMT_IR_MEM_ACQUIRE : 0) | ((aqrl)&1 ? VMT_IR_MEM_RELEASE : 0))
#define LR(type, flags, base, aqrl)                                                                \
  vmt_ir_load_linked (s->b, VMT_IR_##type, flags, X (base), AQRL (aqrl))
#define SC(type, base, value, aqrl)                                                                \
  vmt_ir_store_conditional (s->b, VMT_IR_##type, X (base), value,                                  \
                            AQRL (aqrl) | VMT_IR_MEM_ATOMIC_FAULT)
#define AMO(op, type, flags, base, value, aqrl)                                                    \
  vmt_ir_amo (s->b, VMT_IR_AMO_##op, VMT_IR_##type, flags, X (base), value,                        \
              AQRL (aqrl) | VMT_IR_MEM_ATOMIC_FAULT)

#define PCREL(imm) vmt_ir_pcrel (s->b, s->offset + (imm))
#define BRANCH(cond, a, c, imm) riscv_emit_branch (s, VMT_IR_##cond, a, c, imm)
#define JAL(rd, imm) riscv_emit_jal (s, rd, imm)
#define JALR(rd, rs1, imm) riscv_emit_jalr (s, rd, rs1, imm)
#define TRAP(cause, value) vmt_ir_trap (s->b, cause, value)
#define CALL(type, helper, a, v, c)                                                                \
  vmt_ir_call (s->b, VMT_IR_##type, RISCV_HELPER_##helper, a, v, c)
#define EXIT_NEXT() vmt_ir_exit (s->b, s->offset + (gint)s->length)
/* To the address that a helper gave, which has changed the mode. */
#define JUMP_MODE(target) vmt_ir_jump_indirect (s->b, target, 0)
#define SFENCE_INFO(w, rs1, rs2)                                                                   \
  K ((guint64)(w) | (guint64)((rs1) != 0) << 32 | (guint64)((rs2) != 0) << 33)

void riscv_emit_setx (RiscvEmit *s, guint rd, VmtIrVal value);
void riscv_emit_branch (RiscvEmit *s, VmtIrCond cond, VmtIrVal a, VmtIrVal c, gint32 offset);
void riscv_emit_jal (RiscvEmit *s, guint rd, gint32 offset);
void riscv_emit_auipc (RiscvEmit *s, guint rd, gint32 imm);
void riscv_emit_jalr (RiscvEmit *s, guint rd, guint rs1, gint32 imm);
void riscv_emit_csr (RiscvEmit *s, RiscvCsrOp op, guint csr, guint rd, VmtIrVal value,
                     gboolean write, gboolean read);

/* Printers of field classes, for the disassembler. */
void riscv_print_x (GString *text, gint64 value, guint64 pc);
void riscv_print_f (GString *text, gint64 value, guint64 pc);
void riscv_print_rm (GString *text, gint64 value, guint64 pc);
void riscv_print_simm (GString *text, gint64 value, guint64 pc);
void riscv_print_dec (GString *text, gint64 value, guint64 pc);
void riscv_print_hex (GString *text, gint64 value, guint64 pc);
void riscv_print_chi (GString *text, gint64 value, guint64 pc);
void riscv_print_target (GString *text, gint64 value, guint64 pc);
void riscv_print_aqrl (GString *text, gint64 value, guint64 pc);
void riscv_print_fence (GString *text, gint64 value, guint64 pc);
void riscv_print_csr (GString *text, gint64 value, guint64 pc);
