/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* clang-format off */
/* Zicbom: cache-block management. There is no cache to manage; permissions and faults are real. */

INSN (cbo_inval, Zicbom, U, "000000000000 rs1 010 00000 0001111", "(rs1)", "cbo")
{ CALL (NONE, CBO, X (rs1), K (RISCV_CBO_INVAL), K (w)); }
INSN (cbo_clean, Zicbom, U, "000000000001 rs1 010 00000 0001111", "(rs1)", "cbo")
{ CALL (NONE, CBO, X (rs1), K (RISCV_CBO_CLEAN), K (w)); }
INSN (cbo_flush, Zicbom, U, "000000000010 rs1 010 00000 0001111", "(rs1)", "cbo")
{ CALL (NONE, CBO, X (rs1), K (RISCV_CBO_FLUSH), K (w)); }
