/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* clang-format off */
/* Zawrs: wait on a reservation set. A wait may end for any reason; here it gives way to other threads. */

INSN (wrs_nto, Zawrs, U, "000000001101 00000 000 00000 1110011", "", "wait")
{ CALL (NONE, WRS, K (TRUE), K (w), NOVAL); EXIT_NEXT (); }
INSN (wrs_sto, Zawrs, U, "000000011101 00000 000 00000 1110011", "", "wait")
{ CALL (NONE, WRS, K (FALSE), K (w), NOVAL); EXIT_NEXT (); }
