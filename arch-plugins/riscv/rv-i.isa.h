/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* clang-format off */
/* RV64I, "RV32I Base Integer" and "RV64I Base Integer" of the unprivileged manual. */

INSN (lui, I, U, "uimm20 rd 0110111", "rd, uimm20")
{ SETX (rd, K ((gint32) (guint32) (uimm20 << 12))); }
INSN (auipc, I, U, "uimm20 rd 0010111", "rd, uimm20")
{ riscv_emit_auipc (s, rd, (gint32) (guint32) (uimm20 << 12)); }

INSN (jal, I, U, "jimm[20|10:1|11|19:12] rd 1101111", "rd, jimm", "jump")
{ JAL (rd, jimm); }
INSN (jalr, I, U, "imm12 rs1 000 rd 1100111", "rd, imm12(rs1)", "jump")
{ JALR (rd, rs1, imm12); }
INSN (beq, I, U, "bimm[12|10:5] rs2 rs1 000 bimm[4:1|11] 1100011", "rs1, rs2, bimm", "branch")
{ BRANCH (EQ, X (rs1), X (rs2), bimm); }
INSN (bne, I, U, "bimm[12|10:5] rs2 rs1 001 bimm[4:1|11] 1100011", "rs1, rs2, bimm", "branch")
{ BRANCH (NE, X (rs1), X (rs2), bimm); }
INSN (blt, I, U, "bimm[12|10:5] rs2 rs1 100 bimm[4:1|11] 1100011", "rs1, rs2, bimm", "branch")
{ BRANCH (LT, X (rs1), X (rs2), bimm); }
INSN (bge, I, U, "bimm[12|10:5] rs2 rs1 101 bimm[4:1|11] 1100011", "rs1, rs2, bimm", "branch")
{ BRANCH (GE, X (rs1), X (rs2), bimm); }
INSN (bltu, I, U, "bimm[12|10:5] rs2 rs1 110 bimm[4:1|11] 1100011", "rs1, rs2, bimm", "branch")
{ BRANCH (LTU, X (rs1), X (rs2), bimm); }
INSN (bgeu, I, U, "bimm[12|10:5] rs2 rs1 111 bimm[4:1|11] 1100011", "rs1, rs2, bimm", "branch")
{ BRANCH (GEU, X (rs1), X (rs2), bimm); }

INSN (lb, I, U, "imm12 rs1 000 rd 0000011", "rd, imm12(rs1)", "load=1")
{ SETX (rd, LOAD (I8, VMT_IR_SX, rs1, imm12)); }
INSN (lh, I, U, "imm12 rs1 001 rd 0000011", "rd, imm12(rs1)", "load=2")
{ SETX (rd, LOAD (I16, VMT_IR_SX, rs1, imm12)); }
INSN (lw, I, U, "imm12 rs1 010 rd 0000011", "rd, imm12(rs1)", "load=4")
{ SETX (rd, LOAD (I32, VMT_IR_SX, rs1, imm12)); }
INSN (ld, I, U, "imm12 rs1 011 rd 0000011", "rd, imm12(rs1)", "load=8")
{ SETX (rd, LOAD (I64, 0, rs1, imm12)); }
INSN (lbu, I, U, "imm12 rs1 100 rd 0000011", "rd, imm12(rs1)", "load=1")
{ SETX (rd, LOAD (I8, 0, rs1, imm12)); }
INSN (lhu, I, U, "imm12 rs1 101 rd 0000011", "rd, imm12(rs1)", "load=2")
{ SETX (rd, LOAD (I16, 0, rs1, imm12)); }
INSN (lwu, I, U, "imm12 rs1 110 rd 0000011", "rd, imm12(rs1)", "load=4")
{ SETX (rd, LOAD (I32, 0, rs1, imm12)); }
INSN (sb, I, U, "simm[11:5] rs2 rs1 000 simm[4:0] 0100011", "rs2, simm(rs1)", "store=1")
{ STORE (I8, rs1, simm, X (rs2)); }
INSN (sh, I, U, "simm[11:5] rs2 rs1 001 simm[4:0] 0100011", "rs2, simm(rs1)", "store=2")
{ STORE (I16, rs1, simm, X (rs2)); }
INSN (sw, I, U, "simm[11:5] rs2 rs1 010 simm[4:0] 0100011", "rs2, simm(rs1)", "store=4")
{ STORE (I32, rs1, simm, X (rs2)); }
INSN (sd, I, U, "simm[11:5] rs2 rs1 011 simm[4:0] 0100011", "rs2, simm(rs1)", "store=8")
{ STORE (I64, rs1, simm, X (rs2)); }

INSN (addi, I, U, "imm12 rs1 000 rd 0010011", "rd, rs1, imm12")
{ SETX (rd, OP2 (ADD, I64, 0, X (rs1), K (imm12))); }
INSN (slti, I, U, "imm12 rs1 010 rd 0010011", "rd, rs1, imm12")
{ SETX (rd, SETCC (LT, X (rs1), K (imm12))); }
INSN (sltiu, I, U, "imm12 rs1 011 rd 0010011", "rd, rs1, imm12")
{ SETX (rd, SETCC (LTU, X (rs1), K (imm12))); }
INSN (xori, I, U, "imm12 rs1 100 rd 0010011", "rd, rs1, imm12")
{ SETX (rd, OP2 (XOR, I64, 0, X (rs1), K (imm12))); }
INSN (ori, I, U, "imm12 rs1 110 rd 0010011", "rd, rs1, imm12")
{ SETX (rd, OP2 (OR, I64, 0, X (rs1), K (imm12))); }
INSN (andi, I, U, "imm12 rs1 111 rd 0010011", "rd, rs1, imm12")
{ SETX (rd, OP2 (AND, I64, 0, X (rs1), K (imm12))); }
INSN (slli, I, U, "000000 shamt6 rs1 001 rd 0010011", "rd, rs1, shamt6")
{ SETX (rd, OP2 (SHL, I64, 0, X (rs1), K (shamt6))); }
INSN (srli, I, U, "000000 shamt6 rs1 101 rd 0010011", "rd, rs1, shamt6")
{ SETX (rd, OP2 (SHR, I64, 0, X (rs1), K (shamt6))); }
INSN (srai, I, U, "010000 shamt6 rs1 101 rd 0010011", "rd, rs1, shamt6")
{ SETX (rd, OP2 (SAR, I64, 0, X (rs1), K (shamt6))); }
INSN (add, I, U, "0000000 rs2 rs1 000 rd 0110011", "rd, rs1, rs2")
{ SETX (rd, OP2 (ADD, I64, 0, X (rs1), X (rs2))); }
INSN (sub, I, U, "0100000 rs2 rs1 000 rd 0110011", "rd, rs1, rs2")
{ SETX (rd, OP2 (SUB, I64, 0, X (rs1), X (rs2))); }
INSN (sll, I, U, "0000000 rs2 rs1 001 rd 0110011", "rd, rs1, rs2")
{ SETX (rd, OP2 (SHL, I64, 0, X (rs1), X (rs2))); }
INSN (slt, I, U, "0000000 rs2 rs1 010 rd 0110011", "rd, rs1, rs2")
{ SETX (rd, SETCC (LT, X (rs1), X (rs2))); }
INSN (sltu, I, U, "0000000 rs2 rs1 011 rd 0110011", "rd, rs1, rs2")
{ SETX (rd, SETCC (LTU, X (rs1), X (rs2))); }
INSN (xor, I, U, "0000000 rs2 rs1 100 rd 0110011", "rd, rs1, rs2")
{ SETX (rd, OP2 (XOR, I64, 0, X (rs1), X (rs2))); }
INSN (srl, I, U, "0000000 rs2 rs1 101 rd 0110011", "rd, rs1, rs2")
{ SETX (rd, OP2 (SHR, I64, 0, X (rs1), X (rs2))); }
INSN (sra, I, U, "0100000 rs2 rs1 101 rd 0110011", "rd, rs1, rs2")
{ SETX (rd, OP2 (SAR, I64, 0, X (rs1), X (rs2))); }
INSN (or, I, U, "0000000 rs2 rs1 110 rd 0110011", "rd, rs1, rs2")
{ SETX (rd, OP2 (OR, I64, 0, X (rs1), X (rs2))); }
INSN (and, I, U, "0000000 rs2 rs1 111 rd 0110011", "rd, rs1, rs2")
{ SETX (rd, OP2 (AND, I64, 0, X (rs1), X (rs2))); }

INSN (addiw, I, U, "imm12 rs1 000 rd 0011011", "rd, rs1, imm12")
{ SETX (rd, OP2 (ADD, I32, VMT_IR_SX, X (rs1), K (imm12))); }
INSN (slliw, I, U, "0000000 shamt5 rs1 001 rd 0011011", "rd, rs1, shamt5")
{ SETX (rd, OP2 (SHL, I32, VMT_IR_SX, X (rs1), K (shamt5))); }
INSN (srliw, I, U, "0000000 shamt5 rs1 101 rd 0011011", "rd, rs1, shamt5")
{ SETX (rd, OP2 (SHR, I32, VMT_IR_SX, X (rs1), K (shamt5))); }
INSN (sraiw, I, U, "0100000 shamt5 rs1 101 rd 0011011", "rd, rs1, shamt5")
{ SETX (rd, OP2 (SAR, I32, VMT_IR_SX, X (rs1), K (shamt5))); }
INSN (addw, I, U, "0000000 rs2 rs1 000 rd 0111011", "rd, rs1, rs2")
{ SETX (rd, OP2 (ADD, I32, VMT_IR_SX, X (rs1), X (rs2))); }
INSN (subw, I, U, "0100000 rs2 rs1 000 rd 0111011", "rd, rs1, rs2")
{ SETX (rd, OP2 (SUB, I32, VMT_IR_SX, X (rs1), X (rs2))); }
INSN (sllw, I, U, "0000000 rs2 rs1 001 rd 0111011", "rd, rs1, rs2")
{ SETX (rd, OP2 (SHL, I32, VMT_IR_SX, X (rs1), X (rs2))); }
INSN (srlw, I, U, "0000000 rs2 rs1 101 rd 0111011", "rd, rs1, rs2")
{ SETX (rd, OP2 (SHR, I32, VMT_IR_SX, X (rs1), X (rs2))); }
INSN (sraw, I, U, "0100000 rs2 rs1 101 rd 0111011", "rd, rs1, rs2")
{ SETX (rd, OP2 (SAR, I32, VMT_IR_SX, X (rs1), X (rs2))); }

/* rd and rs1 of a fence, and reserved fm values, are ignored: such a fence is a full one of its sets. */
INSN (fence, I, U, "fm pred succ rs1 000 rd 0001111", "pred, succ", "fence")
{ vmt_ir_fence (s->b, pred, succ); }
INSN (fence_tso, I, U, "1000 0011 0011 rs1 000 rd 0001111", "", "fence over=fence")
{ vmt_ir_fence (s->b, 3, 3); }
/* Zihintpause: a fence that orders nothing. */
INSN (pause, I, U, "0000 0001 0000 00000 000 00000 0001111", "", "fence over=fence")
{ CALL (NONE, PAUSE, NOVAL, NOVAL, NOVAL); EXIT_NEXT (); }
INSN (ecall, I, U, "000000000000 00000 000 00000 1110011", "", "trap")
{ TRAP (RISCV_CAUSE_ECALL_U + PRIV, K (0)); }
INSN (ebreak, I, U, "000000000001 00000 000 00000 1110011", "", "trap")
{ TRAP (RISCV_CAUSE_BREAKPOINT, PCREL (0)); }
