/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* clang-format off */
/* Zifencei. Stores to translated code invalidate it at once; what is left is to leave the present block. */

INSN (fence_i, Zifencei, U, "imm12 rs1 001 rd 0001111", "", "fence")
{ EXIT_NEXT (); }
