/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* clang-format off */
/* M: integer multiplication and division. The IR's division has RISC-V's results for zero and overflow. */

INSN (mul, M, U, "0000001 rs2 rs1 000 rd 0110011", "rd, rs1, rs2")
{ SETX (rd, OP2 (MUL, I64, 0, X (rs1), X (rs2))); }
INSN (mulh, M, U, "0000001 rs2 rs1 001 rd 0110011", "rd, rs1, rs2")
{ SETX (rd, OP2 (MULHS, I64, 0, X (rs1), X (rs2))); }
INSN (mulhsu, M, U, "0000001 rs2 rs1 010 rd 0110011", "rd, rs1, rs2")
{ SETX (rd, OP2 (MULHSU, I64, 0, X (rs1), X (rs2))); }
INSN (mulhu, M, U, "0000001 rs2 rs1 011 rd 0110011", "rd, rs1, rs2")
{ SETX (rd, OP2 (MULHU, I64, 0, X (rs1), X (rs2))); }
INSN (div, M, U, "0000001 rs2 rs1 100 rd 0110011", "rd, rs1, rs2")
{ SETX (rd, OP2 (DIVS, I64, 0, X (rs1), X (rs2))); }
INSN (divu, M, U, "0000001 rs2 rs1 101 rd 0110011", "rd, rs1, rs2")
{ SETX (rd, OP2 (DIVU, I64, 0, X (rs1), X (rs2))); }
INSN (rem, M, U, "0000001 rs2 rs1 110 rd 0110011", "rd, rs1, rs2")
{ SETX (rd, OP2 (REMS, I64, 0, X (rs1), X (rs2))); }
INSN (remu, M, U, "0000001 rs2 rs1 111 rd 0110011", "rd, rs1, rs2")
{ SETX (rd, OP2 (REMU, I64, 0, X (rs1), X (rs2))); }
INSN (mulw, M, U, "0000001 rs2 rs1 000 rd 0111011", "rd, rs1, rs2")
{ SETX (rd, OP2 (MUL, I32, VMT_IR_SX, X (rs1), X (rs2))); }
INSN (divw, M, U, "0000001 rs2 rs1 100 rd 0111011", "rd, rs1, rs2")
{ SETX (rd, OP2 (DIVS, I32, VMT_IR_SX, X (rs1), X (rs2))); }
INSN (divuw, M, U, "0000001 rs2 rs1 101 rd 0111011", "rd, rs1, rs2")
{ SETX (rd, OP2 (DIVU, I32, VMT_IR_SX, X (rs1), X (rs2))); }
INSN (remw, M, U, "0000001 rs2 rs1 110 rd 0111011", "rd, rs1, rs2")
{ SETX (rd, OP2 (REMS, I32, VMT_IR_SX, X (rs1), X (rs2))); }
INSN (remuw, M, U, "0000001 rs2 rs1 111 rd 0111011", "rd, rs1, rs2")
{ SETX (rd, OP2 (REMU, I32, VMT_IR_SX, X (rs1), X (rs2))); }
