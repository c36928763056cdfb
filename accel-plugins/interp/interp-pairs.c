/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Two ops in one handler: all pairs of atoms. */
#include "interp-atoms-private.h"

#define PAIR(first, second)                                                                        \
  HANDLER (pair_##first##_##second)                                                                \
  {                                                                                                \
    DO_##first;                                                                                    \
    DO_##second;                                                                                   \
    GO (ip, acc, acc2);                                                                            \
  }
#define PAIRS(first) INTERP_FUSED_2 (PAIR, first)
INTERP_FUSED_1 (PAIRS)

#define ENTRY(first, second) [ATOM_##second] = pair_##first##_##second,
#define ROW(first) [ATOM_##first] = { INTERP_FUSED_2 (ENTRY, first) },
static const InterpHandler pairs[N_ATOMS][N_ATOMS] = { INTERP_FUSED_1 (ROW) };

InterpHandler
interp_pair (InterpAtom first, InterpAtom second)
{
  return pairs[first][second];
}

static const guint8 alu_atoms[][N_PLACES][N_PLACES] = {
  {
      /* add */
      [SHAPE_M][SHAPE_M] = ATOM_ADD_MM,
      [SHAPE_A][SHAPE_M] = ATOM_ADD_AM,
      [SHAPE_B][SHAPE_M] = ATOM_ADD_BM,
      [SHAPE_A][SHAPE_B] = ATOM_ADD_AB,
      [SHAPE_M][SHAPE_I] = ATOM_ADD_MI,
      [SHAPE_A][SHAPE_I] = ATOM_ADD_AI,
      [SHAPE_B][SHAPE_I] = ATOM_ADD_BI,
  },
  {
      /* sub */
      [SHAPE_M][SHAPE_M] = ATOM_SUB_MM,
      [SHAPE_A][SHAPE_M] = ATOM_SUB_AM,
      [SHAPE_M][SHAPE_B] = ATOM_SUB_MB,
  },
  {
      /* and */
      [SHAPE_M][SHAPE_M] = ATOM_AND_MM,
      [SHAPE_A][SHAPE_M] = ATOM_AND_AM,
      [SHAPE_M][SHAPE_I] = ATOM_AND_MI,
      [SHAPE_A][SHAPE_I] = ATOM_AND_AI,
  },
  {
      /* or */
      [SHAPE_M][SHAPE_M] = ATOM_OR_MM,
      [SHAPE_A][SHAPE_M] = ATOM_OR_AM,
  },
  {
      /* xor */
      [SHAPE_M][SHAPE_M] = ATOM_XOR_MM,
      [SHAPE_A][SHAPE_M] = ATOM_XOR_AM,
      [SHAPE_B][SHAPE_M] = ATOM_XOR_BM,
      [SHAPE_A][SHAPE_B] = ATOM_XOR_AB,
  },
  {
      /* shl */
      [SHAPE_M][SHAPE_I] = ATOM_SHL_MI,
      [SHAPE_A][SHAPE_I] = ATOM_SHL_AI,
      [SHAPE_B][SHAPE_I] = ATOM_SHL_BI,
  },
  {
      /* shr */
      [SHAPE_M][SHAPE_I] = ATOM_SHR_MI,
      [SHAPE_A][SHAPE_I] = ATOM_SHR_AI,
      [SHAPE_B][SHAPE_I] = ATOM_SHR_BI,
  },
  {
      /* addw */
      [SHAPE_M][SHAPE_M] = ATOM_ADDW_MM,
      [SHAPE_A][SHAPE_M] = ATOM_ADDW_AM,
      [SHAPE_M][SHAPE_I] = ATOM_ADDW_MI,
      [SHAPE_A][SHAPE_I] = ATOM_ADDW_AI,
  },
};

InterpAtom
interp_atom_alu (guint opcode, InterpWidth width, InterpPlace a, InterpPlace b)
{
  static const guint16 opcodes[] = { VMT_IR_ADD, VMT_IR_SUB, VMT_IR_AND, VMT_IR_OR,
                                     VMT_IR_XOR, VMT_IR_SHL, VMT_IR_SHR };
  if (opcode == VMT_IR_ADD && width == WIDTH_32S)
    return (InterpAtom)alu_atoms[G_N_ELEMENTS (opcodes)][a][b];
  for (guint i = 0; i < G_N_ELEMENTS (opcodes) && width == WIDTH_64; i++)
    if (opcodes[i] == opcode)
      return (InterpAtom)alu_atoms[i][a][b];
  return ATOM_NONE;
}

InterpAtom
interp_atom_load (InterpMemKind kind, InterpPlace a)
{
  static const guint8 atoms[N_MEM_KINDS][N_PLACES] = {
    [MEM_64] = { ATOM_LD64_M, ATOM_LD64_A },
    [MEM_32S] = { ATOM_LD32S_M, ATOM_LD32S_A },
    [MEM_8Z] = { ATOM_LD8Z_M, ATOM_LD8Z_A },
  };
  return (InterpAtom)atoms[kind][a];
}

InterpAtom
interp_atom_store (guint log2, InterpPlace a, InterpPlace b)
{
  static const guint8 atoms[4][N_PLACES][N_PLACES] = {
    [3] = { [SHAPE_M] = { ATOM_ST64_MM, ATOM_ST64_MA, ATOM_NONE, ATOM_ST64_MI },
            [SHAPE_A] = { ATOM_ST64_AM } },
    [2] = { [SHAPE_M] = { ATOM_ST32_MM, ATOM_ST32_MA }, [SHAPE_A] = { ATOM_NONE } },
    [0] = { [SHAPE_M] = { ATOM_ST8_MM, ATOM_NONE } },
  };
  return (InterpAtom)atoms[log2][a][b];
}
