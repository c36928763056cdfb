/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "interp-private.h"

/* The ops that are fused with their neighbours: an op and the places of its operands. A dispatch is
 * an indirect jump that the host's processor has to predict: it costs as much as several simple
 * ops, so that half as many make a third of the time. Any two of these are one handler; which ones
 * are here was chosen by how often compilers use them. Commutative ops have their operands in the
 * order A, B, M, I. */
/* clang-format off */
#define INTERP_ATOMS(X)                                                                                    \
  X (ADD_MM) X (ADD_AM) X (ADD_BM) X (ADD_AB) X (ADD_MI) X (ADD_AI) X (ADD_BI) X (SUB_MM)          \
  X (SUB_AM) X (SUB_MB) X (AND_MM) X (AND_AM) X (AND_MI) X (AND_AI) X (OR_MM) X (OR_AM)            \
  X (XOR_MM) X (XOR_AM) X (XOR_BM) X (XOR_AB) X (SHL_MI) X (SHL_AI) X (SHL_BI) X (SHR_MI)          \
  X (SHR_AI) X (SHR_BI) X (ADDW_MM) X (ADDW_AM) X (ADDW_MI) X (ADDW_AI) X (MOV_M) X (LI)           \
  X (LD64_M) X (LD64_A) X (LD32S_M) X (LD32S_A) X (LD8Z_M) X (LD8Z_A) X (ST64_MM) X (ST64_MA)      \
  X (ST64_AM) X (ST64_MI) X (ST32_MM) X (ST32_MA) X (ST8_MM) X (PCREL)

/* Those that are fused, twice: a macro is not expanded inside itself. */
#ifndef VMT_INTERP_TRAMPOLINE
#define INTERP_FUSED_1(X) INTERP_ATOMS (X)
#define INTERP_FUSED_2(X, n)                                                                               \
  X (n, ADD_MM) X (n, ADD_AM) X (n, ADD_BM) X (n, ADD_AB) X (n, ADD_MI) X (n, ADD_AI)              \
  X (n, ADD_BI) X (n, SUB_MM) X (n, SUB_AM) X (n, SUB_MB) X (n, AND_MM) X (n, AND_AM)              \
  X (n, AND_MI) X (n, AND_AI) X (n, OR_MM) X (n, OR_AM) X (n, XOR_MM) X (n, XOR_AM)                \
  X (n, XOR_BM) X (n, XOR_AB) X (n, SHL_MI) X (n, SHL_AI) X (n, SHL_BI) X (n, SHR_MI)              \
  X (n, SHR_AI) X (n, SHR_BI) X (n, ADDW_MM) X (n, ADDW_AM) X (n, ADDW_MI) X (n, ADDW_AI)          \
  X (n, MOV_M) X (n, LI) X (n, LD64_M) X (n, LD64_A) X (n, LD32S_M) X (n, LD32S_A) X (n, LD8Z_M)   \
  X (n, LD8Z_A) X (n, ST64_MM) X (n, ST64_MA) X (n, ST64_AM) X (n, ST64_MI) X (n, ST32_MM)         \
  X (n, ST32_MA) X (n, ST8_MM) X (n, PCREL)
#else
/* Sanitizers and builds without optimisation look for mistakes, which a few pairs show as well as
 * all of them: the rest would only take long to compile. */
#define INTERP_FUSED_1(X) X (ADD_MI) X (ADD_AM) X (XOR_AM) X (LD64_M) X (ST64_MA)
#define INTERP_FUSED_2(X, n) X (n, ADD_MI) X (n, ADD_AM) X (n, XOR_AM) X (n, LD64_M) X (n, ST64_MA)
#endif
/* clang-format on */

typedef enum
{
  ATOM_NONE,
#define ATOM(name) ATOM_##name,
  INTERP_ATOMS (ATOM)
#undef ATOM
      N_ATOMS
} InterpAtom;

InterpAtom interp_atom_alu (guint opcode, InterpWidth width, InterpPlace a, InterpPlace b);
InterpAtom interp_atom_load (InterpMemKind kind, InterpPlace a);
InterpAtom interp_atom_store (guint log2, InterpPlace a, InterpPlace b);
/* NULL: none */
InterpHandler interp_pair (InterpAtom first, InterpAtom second);

/* Ways out of a block that are fused with the op before: branches by condition and shape, jumps. */
#define INTERP_EXIT_SHAPES 6
typedef enum
{
  INTERP_EXIT_NONE,
  INTERP_EXIT_JUMP_NEAR = 6 * INTERP_EXIT_SHAPES + 1,
  INTERP_EXIT_JUMP_FAR,
  INTERP_EXIT_INDIRECT_A,
  INTERP_EXIT_INDIRECT_B,
  N_INTERP_EXITS
} InterpExit;

InterpExit interp_exit_branch (guint condition, InterpPlace a, InterpPlace b);
/* NULL: none */
InterpHandler interp_atom_exit (InterpAtom first, InterpExit exit);
