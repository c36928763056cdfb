/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* clang-format off */
/* Zba: address generation. */

INSN (add_uw, Zba, U, "0000100 rs2 rs1 000 rd 0111011", "rd, rs1, rs2")
{ SETX (rd, OP2I (SHADD, I64, VMT_IR_UW, X (rs1), X (rs2), 0)); }
INSN (sh1add, Zba, U, "0010000 rs2 rs1 010 rd 0110011", "rd, rs1, rs2")
{ SETX (rd, OP2I (SHADD, I64, 0, X (rs1), X (rs2), 1)); }
INSN (sh2add, Zba, U, "0010000 rs2 rs1 100 rd 0110011", "rd, rs1, rs2")
{ SETX (rd, OP2I (SHADD, I64, 0, X (rs1), X (rs2), 2)); }
INSN (sh3add, Zba, U, "0010000 rs2 rs1 110 rd 0110011", "rd, rs1, rs2")
{ SETX (rd, OP2I (SHADD, I64, 0, X (rs1), X (rs2), 3)); }
INSN (sh1add_uw, Zba, U, "0010000 rs2 rs1 010 rd 0111011", "rd, rs1, rs2")
{ SETX (rd, OP2I (SHADD, I64, VMT_IR_UW, X (rs1), X (rs2), 1)); }
INSN (sh2add_uw, Zba, U, "0010000 rs2 rs1 100 rd 0111011", "rd, rs1, rs2")
{ SETX (rd, OP2I (SHADD, I64, VMT_IR_UW, X (rs1), X (rs2), 2)); }
INSN (sh3add_uw, Zba, U, "0010000 rs2 rs1 110 rd 0111011", "rd, rs1, rs2")
{ SETX (rd, OP2I (SHADD, I64, VMT_IR_UW, X (rs1), X (rs2), 3)); }
INSN (slli_uw, Zba, U, "000010 shamt6 rs1 001 rd 0011011", "rd, rs1, shamt6")
{ SETX (rd, OP2I (SHADD, I64, VMT_IR_UW, X (rs1), K (0), shamt6)); }
