/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* clang-format off */
/* Zbb: basic bit manipulation. */

INSN (andn, Zbb, U, "0100000 rs2 rs1 111 rd 0110011", "rd, rs1, rs2")
{ SETX (rd, OP2 (ANDN, I64, 0, X (rs1), X (rs2))); }
INSN (orn, Zbb, U, "0100000 rs2 rs1 110 rd 0110011", "rd, rs1, rs2")
{ SETX (rd, OP2 (ORN, I64, 0, X (rs1), X (rs2))); }
INSN (xnor, Zbb, U, "0100000 rs2 rs1 100 rd 0110011", "rd, rs1, rs2")
{ SETX (rd, OP2 (XNOR, I64, 0, X (rs1), X (rs2))); }
INSN (clz, Zbb, U, "0110000 00000 rs1 001 rd 0010011", "rd, rs1")
{ SETX (rd, OP1 (CLZ, I64, 0, X (rs1))); }
INSN (ctz, Zbb, U, "0110000 00001 rs1 001 rd 0010011", "rd, rs1")
{ SETX (rd, OP1 (CTZ, I64, 0, X (rs1))); }
INSN (cpop, Zbb, U, "0110000 00010 rs1 001 rd 0010011", "rd, rs1")
{ SETX (rd, OP1 (POPCNT, I64, 0, X (rs1))); }
INSN (clzw, Zbb, U, "0110000 00000 rs1 001 rd 0011011", "rd, rs1")
{ SETX (rd, OP1 (CLZ, I32, 0, X (rs1))); }
INSN (ctzw, Zbb, U, "0110000 00001 rs1 001 rd 0011011", "rd, rs1")
{ SETX (rd, OP1 (CTZ, I32, 0, X (rs1))); }
INSN (cpopw, Zbb, U, "0110000 00010 rs1 001 rd 0011011", "rd, rs1")
{ SETX (rd, OP1 (POPCNT, I32, 0, X (rs1))); }
INSN (max, Zbb, U, "0000101 rs2 rs1 110 rd 0110011", "rd, rs1, rs2")
{ SETX (rd, OP2 (MAXS, I64, 0, X (rs1), X (rs2))); }
INSN (maxu, Zbb, U, "0000101 rs2 rs1 111 rd 0110011", "rd, rs1, rs2")
{ SETX (rd, OP2 (MAXU, I64, 0, X (rs1), X (rs2))); }
INSN (min, Zbb, U, "0000101 rs2 rs1 100 rd 0110011", "rd, rs1, rs2")
{ SETX (rd, OP2 (MINS, I64, 0, X (rs1), X (rs2))); }
INSN (minu, Zbb, U, "0000101 rs2 rs1 101 rd 0110011", "rd, rs1, rs2")
{ SETX (rd, OP2 (MINU, I64, 0, X (rs1), X (rs2))); }
INSN (sext_b, Zbb, U, "0110000 00100 rs1 001 rd 0010011", "rd, rs1")
{ SETX (rd, OP1 (MOV, I8, VMT_IR_SX, X (rs1))); }
INSN (sext_h, Zbb, U, "0110000 00101 rs1 001 rd 0010011", "rd, rs1")
{ SETX (rd, OP1 (MOV, I16, VMT_IR_SX, X (rs1))); }
INSN (zext_h, Zbb, U, "0000100 00000 rs1 100 rd 0111011", "rd, rs1")
{ SETX (rd, OP1 (MOV, I16, 0, X (rs1))); }
INSN (rol, Zbb, U, "0110000 rs2 rs1 001 rd 0110011", "rd, rs1, rs2")
{ SETX (rd, OP2 (ROL, I64, 0, X (rs1), X (rs2))); }
INSN (ror, Zbb, U, "0110000 rs2 rs1 101 rd 0110011", "rd, rs1, rs2")
{ SETX (rd, OP2 (ROR, I64, 0, X (rs1), X (rs2))); }
INSN (rori, Zbb, U, "011000 shamt6 rs1 101 rd 0010011", "rd, rs1, shamt6")
{ SETX (rd, OP2 (ROR, I64, 0, X (rs1), K (shamt6))); }
INSN (rolw, Zbb, U, "0110000 rs2 rs1 001 rd 0111011", "rd, rs1, rs2")
{ SETX (rd, OP2 (ROL, I32, VMT_IR_SX, X (rs1), X (rs2))); }
INSN (rorw, Zbb, U, "0110000 rs2 rs1 101 rd 0111011", "rd, rs1, rs2")
{ SETX (rd, OP2 (ROR, I32, VMT_IR_SX, X (rs1), X (rs2))); }
INSN (roriw, Zbb, U, "0110000 shamt5 rs1 101 rd 0011011", "rd, rs1, shamt5")
{ SETX (rd, OP2 (ROR, I32, VMT_IR_SX, X (rs1), K (shamt5))); }
INSN (orc_b, Zbb, U, "001010000111 rs1 101 rd 0010011", "rd, rs1")
{ SETX (rd, OP1 (ORCB, I64, 0, X (rs1))); }
INSN (rev8, Zbb, U, "011010111000 rs1 101 rd 0010011", "rd, rs1")
{ SETX (rd, OP1 (BSWAP, I64, 0, X (rs1))); }
