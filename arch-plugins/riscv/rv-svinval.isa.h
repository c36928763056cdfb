/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* clang-format off */
/* Svinval: invalidation in parts. Each part is done at once, so the two fences only check privilege. */

INSN (sinval_vma, Svinval, S, "0001011 rs2 rs1 000 00000 1110011", "rs1, rs2", "priv")
{ CALL (NONE, SFENCE, X (rs1), X (rs2), SFENCE_INFO (w, rs1, rs2)); EXIT_NEXT (); }
INSN (sfence_w_inval, Svinval, S, "0001100 00000 00000 000 00000 1110011", "", "priv")
{ EXIT_NEXT (); }
INSN (sfence_inval_ir, Svinval, S, "0001100 00001 00000 000 00000 1110011", "", "priv")
{ EXIT_NEXT (); }
