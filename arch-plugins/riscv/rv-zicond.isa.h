/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* clang-format off */
/* Zicond: conditional zero. */

INSN (czero_eqz, Zicond, U, "0000111 rs2 rs1 101 rd 0110011", "rd, rs1, rs2")
{ SETX (rd, OP3 (SELECT, I64, 0, X (rs1), K (0), X (rs2))); }
INSN (czero_nez, Zicond, U, "0000111 rs2 rs1 111 rd 0110011", "rd, rs1, rs2")
{ SETX (rd, OP3 (SELECT, I64, 0, K (0), X (rs1), X (rs2))); }
