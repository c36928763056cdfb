/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* clang-format off */
/* Zicboz: zeroes a naturally aligned cache block. */

INSN (cbo_zero, Zicboz, U, "000000000100 rs1 010 00000 0001111", "(rs1)", "cbo")
{ CALL (NONE, CBO, X (rs1), K (RISCV_CBO_ZERO), K (w)); }
