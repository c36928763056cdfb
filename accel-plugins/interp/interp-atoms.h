/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "interp-private.h"

/* The ops that are fused with their neighbours: an op and the places of its operands. A dispatch is
 * an indirect jump that the host's processor has to predict: it costs as much as several simple
 * ops, so that half as many make a third of the time. Any two of these are one handler; which ones
 * are here was chosen by how often compilers use them. Commutative ops have their operands in the
 * order A, B, M, I. */
#define INTERP_ATOMS_1(X)                                                                          \
  X (ADD_MM)                                                                                       \
  X (ADD_AM) X (ADD_BM) X (ADD_AB) X (ADD_MI) X (ADD_AI) X (ADD_BI) X (SUB_MM) X (SUB_AM)          \
      X (SUB_MA) X (SUB_MB) X (SUB_BM) X (SUB_AB) X (SUB_BA) X (AND_MM) X (AND_AM) X (AND_MI)      \
          X (AND_AI) X (AND_BI) X (OR_MM) X (OR_AM) X (OR_BM) X (OR_AB) X (XOR_MM) X (XOR_AM)      \
              X (XOR_BM) X (XOR_AB) X (SHL_MI) X (SHL_AI) X (SHL_BI) X (SHR_MI) X (SHR_AI)         \
                  X (SHR_BI) X (ADDW_MM) X (ADDW_AM) X (ADDW_MI) X (ADDW_AI) X (ADDW_BI) X (MOV_M) \
                      X (LI) X (LD64_M) X (LD64_A) X (LD64_B) X (LD32S_M) X (LD32S_A) X (LD8Z_M)   \
                          X (LD8Z_A) X (ST64_MM) X (ST64_MA) X (ST64_MB) X (ST64_AM) X (ST64_MI)   \
                              X (ST32_MM) X (ST32_MA) X (ST32_AM) X (ST8_MM) X (ST8_MA)

/* The same list again: a macro is not expanded inside itself. */
#define INTERP_ATOMS_2(X, n)                                                                       \
  X (n, ADD_MM)                                                                                    \
  X (n, ADD_AM) X (n, ADD_BM) X (n, ADD_AB) X (n, ADD_MI) X (n, ADD_AI) X (n, ADD_BI)              \
      X (n, SUB_MM) X (n, SUB_AM) X (n, SUB_MA) X (n, SUB_MB) X (n, SUB_BM) X (n, SUB_AB)          \
          X (n, SUB_BA) X (n, AND_MM) X (n, AND_AM) X (n, AND_MI) X (n, AND_AI) X (n, AND_BI)      \
              X (n, OR_MM) X (n, OR_AM) X (n, OR_BM) X (n, OR_AB) X (n, XOR_MM) X (n, XOR_AM)      \
                  X (n, XOR_BM) X (n, XOR_AB) X (n, SHL_MI) X (n, SHL_AI) X (n, SHL_BI)            \
                      X (n, SHR_MI) X (n, SHR_AI) X (n, SHR_BI) X (n, ADDW_MM) X (n, ADDW_AM)      \
                          X (n, ADDW_MI) X (n, ADDW_AI) X (n, ADDW_BI) X (n, MOV_M) X (n, LI)      \
                              X (n, LD64_M) X (n, LD64_A) X (n, LD64_B) X (n, LD32S_M)             \
                                  X (n, LD32S_A) X (n, LD8Z_M) X (n, LD8Z_A) X (n, ST64_MM)        \
                                      X (n, ST64_MA) X (n, ST64_MB) X (n, ST64_AM) X (n, ST64_MI)  \
                                          X (n, ST32_MM) X (n, ST32_MA) X (n, ST32_AM)             \
                                              X (n, ST8_MM) X (n, ST8_MA)

typedef enum
{
  ATOM_NONE,
#define ATOM(name) ATOM_##name,
  INTERP_ATOMS_1 (ATOM)
#undef ATOM
      N_ATOMS
} InterpAtom;

InterpAtom interp_atom_alu (guint opcode, InterpWidth width, InterpPlace a, InterpPlace b);
InterpAtom interp_atom_load (InterpMemKind kind, InterpPlace a);
InterpAtom interp_atom_store (guint log2, InterpPlace a, InterpPlace b);
/* NULL: none */
InterpHandler interp_pair (InterpAtom first, InterpAtom second);
/* An op and the branch that follows it; the branch does not count. */
InterpHandler interp_atom_branch (InterpAtom first, guint condition, InterpPlace a, InterpPlace b);
