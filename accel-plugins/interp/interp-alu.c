/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Integer ops without side effects: one handler for each op, width and shape, made from one table.
 */
#include "interp-private.h"

typedef unsigned __int128 u128;
typedef __int128 i128;

/* U, S: the width's types; UU, SS: of twice the width; N: its bits. a, b are of type U. */
#define ALU_OPS(X)                                                                                 \
  X (ADD, 0, a + b)                                                                                \
  X (SUB, 0, a - b)                                                                                \
  X (AND, 0, a &b)                                                                                 \
  X (OR, 0, a | b)                                                                                 \
  X (XOR, 0, a ^ b)                                                                                \
  X (ANDN, 0, a & ~b)                                                                              \
  X (ORN, 0, a | ~b)                                                                               \
  X (XNOR, 0, ~(a ^ b))                                                                            \
  X (SHL, 0, a << (b & (N - 1)))                                                                   \
  X (SHR, 0, a >> (b & (N - 1)))                                                                   \
  X (SAR, 0, (S)a >> (b & (N - 1)))                                                                \
  X (ROL, 0, (a << (b & (N - 1))) | (a >> (-b & (N - 1))))                                         \
  X (ROR, 0, (a >> (b & (N - 1))) | (a << (-b & (N - 1))))                                         \
  X (MUL, 0, a *b)                                                                                 \
  X (MULHU, 0, ((UU)a * b) >> N)                                                                   \
  X (MULHS, 0, ((SS)(S)a * (S)b) >> N)                                                             \
  X (MULHSU, 0, ((SS)(S)a * (SS)(UU)b) >> N)                                                       \
  X (DIVU, 0, b == 0 ? (U)-1 : a / b)                                                              \
  X (REMU, 0, b == 0 ? a : a % b)                                                                  \
  X (DIVS, 0, b == 0 ? (U)-1 : b == (U)-1 ? -a : (U)((S)a / (S)b))                                 \
  X (REMS, 0, b == 0 ? a : b == (U)-1 ? 0 : (U)((S)a % (S)b))                                      \
  X (MINS, 0, (S)a < (S)b ? a : b)                                                                 \
  X (MAXS, 0, (S)a > (S)b ? a : b)                                                                 \
  X (MINU, 0, a < b ? a : b)                                                                       \
  X (MAXU, 0, a > b ? a : b)                                                                       \
  X (SETCC, EQ, a == b)                                                                            \
  X (SETCC, NE, a != b)                                                                            \
  X (SETCC, LT, (S)a < (S)b)                                                                       \
  X (SETCC, GE, (S)a >= (S)b)                                                                      \
  X (SETCC, LTU, a < b)                                                                            \
  X (SETCC, GEU, a >= b)

#define BINARY(PA, PB, NAME, CC, EXPR, WIDTH, RESULT)                                              \
  HANDLER (alu_##NAME##_##CC##_##WIDTH##_##PA##PB)                                                 \
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
  [SHAPE_##PA][SHAPE_##PB] = alu_##NAME##_##CC##_##WIDTH##_##PA##PB,

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

typedef struct
{
  VmtIrOpcode opcode;
  guint condition;
  InterpShapes shapes[N_WIDTHS];
} AluRow;

#define CC_0 0
#define CC_EQ VMT_IR_EQ
#define CC_NE VMT_IR_NE
#define CC_LT VMT_IR_LT
#define CC_GE VMT_IR_GE
#define CC_LTU VMT_IR_LTU
#define CC_GEU VMT_IR_GEU
#define CC_(c) CC_##c
#define ROW(NAME, CC, EXPR)                                                                        \
  { VMT_IR_##NAME,                                                                                 \
    CC_##CC,                                                                                       \
    { [WIDTH_64] = { INTERP_SHAPES (ENTRY, NAME, CC, 64) },                                        \
      [WIDTH_32S] = { INTERP_SHAPES (ENTRY, NAME, CC, 32S) },                                      \
      [WIDTH_32Z] = { INTERP_SHAPES (ENTRY, NAME, CC, 32Z) } } },
static const AluRow alu_rows[] = { ALU_OPS (ROW) };

const InterpShapes *
interp_alu (VmtIrOpcode opcode, guint condition, InterpWidth width)
{
  for (guint i = 0; i < G_N_ELEMENTS (alu_rows); i++)
    if (alu_rows[i].opcode == opcode &&
        (opcode != VMT_IR_SETCC || alu_rows[i].condition == condition))
      return &alu_rows[i].shapes[width];
  return NULL;
}

static inline guint64
bitrev64 (guint64 v)
{
  v = ((v >> 1) & G_GUINT64_CONSTANT (0x5555555555555555)) |
      ((v & G_GUINT64_CONSTANT (0x5555555555555555)) << 1);
  v = ((v >> 2) & G_GUINT64_CONSTANT (0x3333333333333333)) |
      ((v & G_GUINT64_CONSTANT (0x3333333333333333)) << 2);
  v = ((v >> 4) & G_GUINT64_CONSTANT (0x0f0f0f0f0f0f0f0f)) |
      ((v & G_GUINT64_CONSTANT (0x0f0f0f0f0f0f0f0f)) << 4);
  return v;
}

static inline guint64
orcb (guint64 v)
{
  guint64 high = G_GUINT64_CONSTANT (0x8080808080808080);
  guint64 any = (v | ((v & ~high) + ~high)) & high;
  return (any >> 7) * 0xff;
}

static inline guint64
popcnt (guint64 v)
{
  v -= (v >> 1) & G_GUINT64_CONSTANT (0x5555555555555555);
  v = (v & G_GUINT64_CONSTANT (0x3333333333333333)) +
      ((v >> 2) & G_GUINT64_CONSTANT (0x3333333333333333));
  v = (v + (v >> 4)) & G_GUINT64_CONSTANT (0x0f0f0f0f0f0f0f0f);
  return (v * G_GUINT64_CONSTANT (0x0101010101010101)) >> 56;
}

#define UNARY_OPS(X)                                                                               \
  X (MOV, a, a)                                                                                    \
  X (CLZ, a == 0 ? 64 : (guint)__builtin_clzll (a), a == 0 ? 32 : (guint)__builtin_clz (a))        \
  X (CTZ, a == 0 ? 64 : (guint)__builtin_ctzll (a), a == 0 ? 32 : (guint)__builtin_ctz (a))        \
  X (POPCNT, popcnt (a), popcnt (a))                                                               \
  X (BSWAP, GUINT64_SWAP_LE_BE (a), GUINT32_SWAP_LE_BE (a))                                        \
  X (BITREV, GUINT64_SWAP_LE_BE (bitrev64 (a)),                                                    \
     (guint32)(GUINT64_SWAP_LE_BE (bitrev64 (a)) >> 32))                                           \
  X (BITREV8, bitrev64 (a), bitrev64 (a))                                                          \
  X (ORCB, orcb (a), orcb (a))

#define UNARY(PA, NAME, T, EXPR, WIDTH, RESULT)                                                    \
  HANDLER (unary_##NAME##_##WIDTH##_##PA)                                                          \
  {                                                                                                \
    const T a = (T)GET_##PA (ip->a);                                                               \
    const guint64 r = RESULT (EXPR);                                                               \
    R (ip->d) = r;                                                                                 \
    NEXT (1, r, acc);                                                                              \
  }
#define UNARY_ALL(NAME, E64, E32)                                                                  \
  INTERP_SHAPES_1 (UNARY, NAME, guint64, E64, 64, (guint64))                                       \
  INTERP_SHAPES_1 (UNARY, NAME, guint32, E32, 32S, (guint64)(gint64)(gint32)(guint32))             \
  INTERP_SHAPES_1 (UNARY, NAME, guint32, E32, 32Z, (guint64)(guint32))
UNARY_OPS (UNARY_ALL)

typedef struct
{
  VmtIrOpcode opcode;
  InterpShapes1 shapes[N_WIDTHS];
} UnaryRow;
#define UNARY_ENTRY(PA, NAME, WIDTH) [SHAPE_##PA] = unary_##NAME##_##WIDTH##_##PA,
#define UNARY_ROW(NAME, E64, E32)                                                                  \
  { VMT_IR_##NAME,                                                                                 \
    { [WIDTH_64] = { INTERP_SHAPES_1 (UNARY_ENTRY, NAME, 64) },                                    \
      [WIDTH_32S] = { INTERP_SHAPES_1 (UNARY_ENTRY, NAME, 32S) },                                  \
      [WIDTH_32Z] = { INTERP_SHAPES_1 (UNARY_ENTRY, NAME, 32Z) } } },
static const UnaryRow unary_rows[] = { UNARY_OPS (UNARY_ROW) };

const InterpShapes1 *
interp_unary (VmtIrOpcode opcode, InterpWidth width)
{
  for (guint i = 0; i < G_N_ELEMENTS (unary_rows); i++)
    if (unary_rows[i].opcode == opcode)
      return &unary_rows[i].shapes[width];
  return NULL;
}

/* imm: the shift; bit 8: the first operand is its low 32 bits */
#define SHADD(PA, PB, SHIFT, UW, MASK)                                                             \
  HANDLER (shadd_##SHIFT##UW##_##PA##PB)                                                           \
  {                                                                                                \
    const guint64 r = ((GET_##PA (ip->a) & (MASK)) << SHIFT) + SHADD_##PB;                         \
    R (ip->d) = r;                                                                                 \
    NEXT (1, r, acc);                                                                              \
  }
#define SHADD_M R (ip->b)
#define SHADD_A acc
#define SHADD_B acc2
#define SHADD_I (guint64) ip->imm
#define SHADD_ENTRY(PA, PB, SHIFT, UW) [SHAPE_##PA][SHAPE_##PB] = shadd_##SHIFT##UW##_##PA##PB,
#define SHADD_ALL(X)                                                                               \
  X (0, W, 0xffffffffu)                                                                            \
  X (1, F, G_MAXUINT64)                                                                            \
  X (1, W, 0xffffffffu)                                                                            \
  X (2, F, G_MAXUINT64)                                                                            \
  X (2, W, 0xffffffffu)                                                                            \
  X (3, F, G_MAXUINT64)                                                                            \
  X (3, W, 0xffffffffu)
#define SHADD_DEFINE(SHIFT, UW, MASK) INTERP_SHAPES (SHADD, SHIFT, UW, MASK)
SHADD_ALL (SHADD_DEFINE)
static const InterpShapes shadd_x[4] = {
  [1] = { INTERP_SHAPES (SHADD_ENTRY, 1, F) },
  [2] = { INTERP_SHAPES (SHADD_ENTRY, 2, F) },
  [3] = { INTERP_SHAPES (SHADD_ENTRY, 3, F) },
};
static const InterpShapes shadd_w[4] = {
  [0] = { INTERP_SHAPES (SHADD_ENTRY, 0, W) },
  [1] = { INTERP_SHAPES (SHADD_ENTRY, 1, W) },
  [2] = { INTERP_SHAPES (SHADD_ENTRY, 2, W) },
  [3] = { INTERP_SHAPES (SHADD_ENTRY, 3, W) },
};

InterpHandler
interp_shadd (guint shift, gboolean uw, InterpPlace a, InterpPlace b)
{
  return shift > 3 ? NULL : (uw ? shadd_w : shadd_x)[shift][a][b];
}

HANDLER (li)
{
  const guint64 r = (guint64)ip->imm;
  R (ip->d) = r;
  NEXT (1, r, acc);
}

HANDLER (pcrel)
{
  const guint64 r = vcpu->page_va + (guint64)ip->imm;
  R (ip->d) = r;
  NEXT (1, r, acc);
}

#define SELECT(PC, UNUSED)                                                                         \
  HANDLER (select_##PC)                                                                            \
  {                                                                                                \
    const guint64 a = R (ip->a), b = R (ip->b);                                                    \
    const guint64 r = GET_##PC (ip->c) != 0 ? a : b;                                               \
    R (ip->d) = r;                                                                                 \
    NEXT (1, r, acc);                                                                              \
  }
INTERP_SHAPES_1 (SELECT, 0)

/* disp: how far up the field goes to the top, aux: and down again */
#define EXTRACT(PA, UNUSED)                                                                        \
  HANDLER (extract_z_##PA)                                                                         \
  {                                                                                                \
    const guint64 r = GET_##PA (ip->a) << ip->disp >> ip->aux;                                     \
    R (ip->d) = r;                                                                                 \
    NEXT (1, r, acc);                                                                              \
  }                                                                                                \
  HANDLER (extract_s_##PA)                                                                         \
  {                                                                                                \
    const guint64 r = (guint64)((gint64)(GET_##PA (ip->a) << ip->disp) >> ip->aux);                \
    R (ip->d) = r;                                                                                 \
    NEXT (1, r, acc);                                                                              \
  }
INTERP_SHAPES_1 (EXTRACT, 0)

InterpHandler
interp_extract (gboolean sign, InterpPlace a)
{
  static const InterpHandler z[] = { extract_z_M, extract_z_A, extract_z_B };
  static const InterpHandler s[] = { extract_s_M, extract_s_A, extract_s_B };
  return (sign ? s : z)[a];
}

const InterpHandler interp_li = li, interp_pcrel = pcrel;
const InterpHandler interp_select[N_PLACES] = { select_M, select_A, select_B };
