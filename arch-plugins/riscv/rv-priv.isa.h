/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* clang-format off */
/* The privileged manual's instructions. The helpers check TVM, TW and TSR. */

INSN (sret, I, S, "0001000 00010 00000 000 00000 1110011", "", "priv")
{ JUMP_MODE (CALL (I64, SRET, K (w), NOVAL, NOVAL)); }
INSN (mret, I, M, "0011000 00010 00000 000 00000 1110011", "", "priv")
{ JUMP_MODE (CALL (I64, MRET, K (w), NOVAL, NOVAL)); }
INSN (wfi, I, S, "0001000 00101 00000 000 00000 1110011", "", "priv wait")
{ CALL (NONE, WFI, K (w), NOVAL, NOVAL); EXIT_NEXT (); }
INSN (sfence_vma, I, S, "0001001 rs2 rs1 000 00000 1110011", "rs1, rs2", "priv")
{ CALL (NONE, SFENCE, X (rs1), X (rs2), SFENCE_INFO (w, rs1, rs2)); EXIT_NEXT (); }
