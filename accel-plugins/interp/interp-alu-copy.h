/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The handlers of the binary ops, included once for each copy: COPY is its number. See interp_alu(). */

#define PASTE_(a, b) a##b
#define PASTE(a, b) PASTE_ (a, b)
#define ALU_NAME(name) PASTE (name##_, COPY)

#define BINARY(PA, PB, NAME, CC, EXPR, WIDTH, RESULT)                                              \
  HANDLER (ALU_NAME (alu_##NAME##_##CC##_##WIDTH##_##PA##PB))                                      \
  {                                                                                                \
    const U a = (U)GET_##PA (ip->a);                                                               \
    const U b = (U)BINARY_##PB;                                                                    \
    const guint64 r = RESULT (EXPR);                                                               \
    R (ip->d) = r;                                                                                 \
    NEXT (1, r, acc);                                                                              \
  }
#define BINARY_M R (ip->b)
#define BINARY_A acc
#define BINARY_B acc2
#define BINARY_I ip->imm

#define ENTRY(PA, PB, NAME, CC, WIDTH)                                                             \
  [SHAPE_##PA][SHAPE_##PB] = ALU_NAME (alu_##NAME##_##CC##_##WIDTH##_##PA##PB),

#define ALU_64(NAME, CC, EXPR) INTERP_SHAPES (BINARY, NAME, CC, EXPR, 64, (guint64))
#define ALU_32S(NAME, CC, EXPR)                                                                    \
  INTERP_SHAPES (BINARY, NAME, CC, EXPR, 32S, (guint64)(gint64)(gint32)(U))
#define ALU_32Z(NAME, CC, EXPR) INTERP_SHAPES (BINARY, NAME, CC, EXPR, 32Z, (guint64)(U))

#define U guint64
#define S gint64
#define UU u128
#define SS i128
#define N 64
ALU_OPS (ALU_64)
#undef U
#undef S
#undef UU
#undef SS
#undef N
#define U guint32
#define S gint32
#define UU guint64
#define SS gint64
#define N 32
ALU_OPS (ALU_32S)
ALU_OPS (ALU_32Z)
#undef U
#undef S
#undef UU
#undef SS
#undef N

#define ROW(NAME, CC, EXPR)                                                                        \
  { VMT_IR_##NAME,                                                                                 \
    CC_##CC,                                                                                       \
    { [WIDTH_64] = { INTERP_SHAPES (ENTRY, NAME, CC, 64) },                                        \
      [WIDTH_32S] = { INTERP_SHAPES (ENTRY, NAME, CC, 32S) },                                      \
      [WIDTH_32Z] = { INTERP_SHAPES (ENTRY, NAME, CC, 32Z) } } },
static const AluRow ALU_NAME (alu_rows)[] = { ALU_OPS (ROW) };

#undef COPY
#undef PASTE_
#undef PASTE
#undef ALU_NAME
#undef BINARY
#undef BINARY_M
#undef BINARY_A
#undef BINARY_B
#undef BINARY_I
#undef ENTRY
#undef ALU_64
#undef ALU_32S
#undef ALU_32Z
#undef ROW
