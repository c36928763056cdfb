/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* clang-format off */
/* Zbs: single bits. */

INSN (bclr, Zbs, U, "0100100 rs2 rs1 001 rd 0110011", "rd, rs1, rs2")
{ SETX (rd, OP2 (ANDN, I64, 0, X (rs1), OP2 (SHL, I64, 0, K (1), X (rs2)))); }
INSN (bclri, Zbs, U, "010010 shamt6 rs1 001 rd 0010011", "rd, rs1, shamt6")
{ SETX (rd, OP2 (AND, I64, 0, X (rs1), K (~(G_GUINT64_CONSTANT (1) << shamt6)))); }
INSN (bext, Zbs, U, "0100100 rs2 rs1 101 rd 0110011", "rd, rs1, rs2")
{ SETX (rd, OP2 (AND, I64, 0, OP2 (SHR, I64, 0, X (rs1), X (rs2)), K (1))); }
INSN (bexti, Zbs, U, "010010 shamt6 rs1 101 rd 0010011", "rd, rs1, shamt6")
{ SETX (rd, vmt_ir_op1 (s->b, VMT_IR_EXTRACT, VMT_IR_I64, 0, X (rs1), shamt6 | 1 << 8)); }
INSN (binv, Zbs, U, "0110100 rs2 rs1 001 rd 0110011", "rd, rs1, rs2")
{ SETX (rd, OP2 (XOR, I64, 0, X (rs1), OP2 (SHL, I64, 0, K (1), X (rs2)))); }
INSN (binvi, Zbs, U, "011010 shamt6 rs1 001 rd 0010011", "rd, rs1, shamt6")
{ SETX (rd, OP2 (XOR, I64, 0, X (rs1), K (G_GUINT64_CONSTANT (1) << shamt6))); }
INSN (bset, Zbs, U, "0010100 rs2 rs1 001 rd 0110011", "rd, rs1, rs2")
{ SETX (rd, OP2 (OR, I64, 0, X (rs1), OP2 (SHL, I64, 0, K (1), X (rs2)))); }
INSN (bseti, Zbs, U, "001010 shamt6 rs1 001 rd 0010011", "rd, rs1, shamt6")
{ SETX (rd, OP2 (OR, I64, 0, X (rs1), K (G_GUINT64_CONSTANT (1) << shamt6))); }
