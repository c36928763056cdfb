/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* An op and the way out of the block that follows it, in one handler. */
#include "interp-exits-private.h"

#define BRANCH(first, CC, PA, PB, EXPR)                                                            \
  HANDLER (first##_##CC##_##PA##PB)                                                                \
  {                                                                                                \
    DO_##first;                                                                                    \
    const guint64 a = GET_##PA (ip->a), b = (guint64)BRANCH_##PB;                                  \
    if (EXPR)                                                                                      \
      FOLLOW_NEAR (ip + 1);                                                                        \
    NEXT (2, acc, acc2);                                                                           \
  }
#define BRANCH_SHAPES(first, CC, EXPR)                                                             \
  BRANCH (first, CC, A, M, EXPR)                                                                   \
  BRANCH (first, CC, M, A, EXPR)                                                                   \
  BRANCH (first, CC, A, I, EXPR)                                                                   \
  BRANCH (first, CC, M, M, EXPR)                                                                   \
  BRANCH (first, CC, M, I, EXPR)                                                                   \
  BRANCH (first, CC, B, I, EXPR)
#define EXITS(first)                                                                               \
  BRANCH_SHAPES (first, EQ, a == b)                                                                \
  BRANCH_SHAPES (first, NE, a != b)                                                                \
  BRANCH_SHAPES (first, LT, (gint64)a < (gint64)b)                                                 \
  BRANCH_SHAPES (first, GE, (gint64)a >= (gint64)b)                                                \
  BRANCH_SHAPES (first, LTU, a < b)                                                                \
  BRANCH_SHAPES (first, GEU, a >= b)                                                               \
  HANDLER (first##_jump_near)                                                                      \
  {                                                                                                \
    DO_##first;                                                                                    \
    FOLLOW_NEAR (ip + 1);                                                                          \
  }                                                                                                \
  HANDLER (first##_jump_far)                                                                       \
  {                                                                                                \
    DO_##first;                                                                                    \
    FOLLOW_FAR (ip + 1);                                                                           \
  }                                                                                                \
  HANDLER (first##_indirect_A)                                                                     \
  {                                                                                                \
    DO_##first;                                                                                    \
    FOLLOW_INDIRECT (acc, interp_indirect_counting_A);                                             \
  }                                                                                                \
  HANDLER (first##_indirect_B)                                                                     \
  {                                                                                                \
    DO_##first;                                                                                    \
    FOLLOW_INDIRECT (acc2, interp_indirect_counting_B);                                            \
  }
INTERP_FUSED_1 (EXITS)

#define BRANCH_ENTRIES(first, CC)                                                                  \
  first##_##CC##_AM, first##_##CC##_MA, first##_##CC##_AI, first##_##CC##_MM, first##_##CC##_MI,   \
      first##_##CC##_BI
#define ROW(first)                                                                                 \
  [ATOM_##first] = { NULL,                                                                         \
                     BRANCH_ENTRIES (first, EQ),                                                   \
                     BRANCH_ENTRIES (first, NE),                                                   \
                     BRANCH_ENTRIES (first, LT),                                                   \
                     BRANCH_ENTRIES (first, GE),                                                   \
                     BRANCH_ENTRIES (first, LTU),                                                  \
                     BRANCH_ENTRIES (first, GEU),                                                  \
                     first##_jump_near,                                                            \
                     first##_jump_far,                                                             \
                     first##_indirect_A,                                                           \
                     first##_indirect_B },
G_STATIC_ASSERT (VMT_IR_EQ == 0 && VMT_IR_NE == 1 && VMT_IR_LT == 2 && VMT_IR_GE == 3 &&
                 VMT_IR_LTU == 4 && VMT_IR_GEU == 5);
static const InterpHandler exits[N_ATOMS][N_INTERP_EXITS] = { INTERP_FUSED_1 (ROW) };

InterpHandler
interp_atom_exit (InterpAtom first, InterpExit exit)
{
  return exits[first][exit];
}

InterpExit
interp_exit_branch (guint condition, InterpPlace a, InterpPlace b)
{
  /* from 1 on, in the order of BRANCH_ENTRIES() */
  static const guint8 shapes[N_PLACES][N_PLACES] = {
    [SHAPE_A][SHAPE_M] = 1, [SHAPE_M][SHAPE_A] = 2, [SHAPE_A][SHAPE_I] = 3,
    [SHAPE_M][SHAPE_M] = 4, [SHAPE_M][SHAPE_I] = 5, [SHAPE_B][SHAPE_I] = 6,
  };
  const guint shape = shapes[a][b];
  return shape == 0 ? INTERP_EXIT_NONE : (InterpExit)(condition * INTERP_EXIT_SHAPES + shape);
}
