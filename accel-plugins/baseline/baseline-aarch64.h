/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Encodings of A64 instructions (Arm Architecture Reference Manual for A-profile, chapter C4). They
 * are functions of their operands only, so that a test on any host can compare them with an
 * assembler's. @x: the 64-bit form. */
#pragma once

#include <glib.h>

enum
{
  X0,
  X1,
  X2,
  X3,
  X4,
  X5,
  X6,
  X7,
  X8,
  X9,
  X10,
  X11,
  X12,
  X13,
  X14,
  X15,
  X16,
  X17,
  X18,
  X19,
  X20,
  X21,
  X22,
  X23,
  X24,
  X25,
  X26,
  X27,
  X28,
  X29,
  X30,
  XZR,
  SP = XZR
};

/* Condition codes. */
typedef enum
{
  A64_EQ,
  A64_NE,
  A64_HS,
  A64_LO,
  A64_MI,
  A64_PL,
  A64_VS,
  A64_VC,
  A64_HI,
  A64_LS,
  A64_GE,
  A64_LT,
  A64_GT,
  A64_LE
} A64Cond;

typedef enum
{
  A64_LSL,
  A64_LSR,
  A64_ASR,
  A64_ROR
} A64Shift;

static inline guint32
a64_sf (gboolean x)
{
  return x ? 1u << 31 : 0;
}

/* Signed fields of branches and of addresses relative to the instruction, in units of its own. */
static inline guint32
a64_field (gint64 value, guint width, guint at)
{
  return ((guint32)value & (G_MAXUINT32 >> (32 - width))) << at;
}
static inline gboolean
a64_fits (gint64 value, guint width)
{
  return value >= -((gint64)1 << (width - 1)) && value < (gint64)1 << (width - 1);
}

/* --- add, subtract, logic --- */

typedef enum
{
  A64_ADD,
  A64_ADDS,
  A64_SUB,
  A64_SUBS
} A64Add;

/* @imm: 12 bits; @high: of bits 12 to 23. Register 31 is the stack pointer, but as the destination
 * of those that set flags. */
static inline guint32
a64_add_imm (gboolean x, A64Add op, guint rd, guint rn, guint imm, gboolean high)
{
  return a64_sf (x) | (guint32)op << 29 | 0x11000000 | (high ? 1u << 22 : 0) | imm << 10 | rn << 5 |
         rd;
}
static inline guint32
a64_add_shifted (gboolean x, A64Add op, guint rd, guint rn, guint rm, A64Shift shift, guint count)
{
  return a64_sf (x) | (guint32)op << 29 | 0x0b000000 | (guint32)shift << 22 | rm << 16 |
         count << 10 | rn << 5 | rd;
}
/* rn + (the low 32 bits of rm << @count) */
static inline guint32
a64_add_uxtw (A64Add op, guint rd, guint rn, guint rm, guint count)
{
  return a64_sf (TRUE) | (guint32)op << 29 | 0x0b204000 | rm << 16 | count << 10 | rn << 5 | rd;
}

typedef enum
{
  A64_AND,
  A64_ORR,
  A64_EOR,
  A64_ANDS
} A64Logic;

/* The immediate's N, immr and imms: a run of ones, rotated, repeated in elements of 2 to 64 bits.
 * FALSE: @value is none. */
static inline gboolean
a64_bitmask (gboolean x, guint64 value, guint32 *fields)
{
  guint size = 64;
  if (!x)
    value = (value & G_MAXUINT32) | value << 32;
  if (value == 0 || value == G_MAXUINT64)
    return FALSE;
  while (size > 2)
    {
      const guint half = size / 2;
      const guint64 mask = (G_GUINT64_CONSTANT (1) << half) - 1;
      if ((value & mask) != (value >> half & mask))
        break;
      size = half;
    }
  const guint64 ones = G_MAXUINT64 >> (64 - size);
  const guint64 element = value & ones, inverse = ~value & ones;
  const guint n = (guint)__builtin_popcountll (element);
  /* The run of what bit 0 is not must be one run; where it begins is the rotation. */
  const guint begin = (guint)__builtin_ctzll (element & 1 ? inverse : element);
  const guint64 run = (element & 1 ? inverse : element) >> begin;
  if ((run & (run + 1)) != 0)
    return FALSE;
  const guint rotation = element & 1 ? n - begin : (size - begin) % size;
  *fields = (size == 64 ? 1u << 22 : 0) | rotation << 16 | (((0u - size * 2) & 63) | (n - 1)) << 10;
  return TRUE;
}
/* @fields: of a64_bitmask(). Register 31 as the destination is the stack pointer, but of ANDS. */
static inline guint32
a64_logic_imm (gboolean x, A64Logic op, guint rd, guint rn, guint32 fields)
{
  return a64_sf (x) | (guint32)op << 29 | 0x12000000 | fields | rn << 5 | rd;
}
/* @invert: rm, so that AND is BIC, ORR is ORN and EOR is EON. */
static inline guint32
a64_logic (gboolean x, A64Logic op, gboolean invert, guint rd, guint rn, guint rm, A64Shift shift,
           guint count)
{
  return a64_sf (x) | (guint32)op << 29 | 0x0a000000 | (guint32)shift << 22 |
         (invert ? 1u << 21 : 0) | rm << 16 | count << 10 | rn << 5 | rd;
}

/* --- moves of constants, bit fields --- */

typedef enum
{
  A64_MOVN = 0,
  A64_MOVZ = 2,
  A64_MOVK = 3
} A64Wide;

/* @piece: of 16 bits */
static inline guint32
a64_move_wide (gboolean x, A64Wide op, guint rd, guint16 imm, guint piece)
{
  return a64_sf (x) | (guint32)op << 29 | 0x12800000 | piece << 21 | (guint32)imm << 5 | rd;
}

typedef enum
{
  A64_SBFM,
  A64_BFM,
  A64_UBFM
} A64Bitfield;

static inline guint32
a64_bitfield (gboolean x, A64Bitfield op, guint rd, guint rn, guint immr, guint imms)
{
  return a64_sf (x) | (guint32)op << 29 | 0x13000000 | (x ? 1u << 22 : 0) | immr << 16 |
         imms << 10 | rn << 5 | rd;
}
/* The low bits of rn:rm >> @lsb. */
static inline guint32
a64_extr (gboolean x, guint rd, guint rn, guint rm, guint lsb)
{
  return a64_sf (x) | 0x13800000 | (x ? 1u << 22 : 0) | rm << 16 | lsb << 10 | rn << 5 | rd;
}

/* --- one, two and three sources; conditional select --- */

typedef enum
{
  A64_RBIT = 0,
  A64_REV16 = 1,
  A64_REV32 = 2, /* of the 32-bit form: REV */
  A64_REV64 = 3, /* REV of the 64-bit form */
  A64_CLZ = 4
} A64Source1;
static inline guint32
a64_source1 (gboolean x, A64Source1 op, guint rd, guint rn)
{
  return a64_sf (x) | 0x5ac00000 | (guint32)op << 10 | rn << 5 | rd;
}

typedef enum
{
  A64_UDIV = 2,
  A64_SDIV = 3,
  A64_LSLV = 8,
  A64_LSRV = 9,
  A64_ASRV = 10,
  A64_RORV = 11
} A64Source2;
static inline guint32
a64_source2 (gboolean x, A64Source2 op, guint rd, guint rn, guint rm)
{
  return a64_sf (x) | 0x1ac00000 | rm << 16 | (guint32)op << 10 | rn << 5 | rd;
}

/* ra + rn * rm, or with @subtract ra - rn * rm */
static inline guint32
a64_madd (gboolean x, gboolean subtract, guint rd, guint rn, guint rm, guint ra)
{
  return a64_sf (x) | 0x1b000000 | rm << 16 | (subtract ? 1u << 15 : 0) | ra << 10 | rn << 5 | rd;
}
/* SMULH, UMULH */
static inline guint32
a64_mul_high (gboolean is_unsigned, guint rd, guint rn, guint rm)
{
  return (is_unsigned ? 0x9bc07c00u : 0x9b407c00u) | rm << 16 | rn << 5 | rd;
}

typedef enum
{
  A64_CSEL,
  A64_CSINC,
  A64_CSINV,
  A64_CSNEG
} A64Select;
static inline guint32
a64_select (gboolean x, A64Select op, guint rd, guint rn, guint rm, A64Cond cond)
{
  return a64_sf (x) | (op & 2 ? 1u << 30 : 0) | 0x1a800000 | rm << 16 | (guint32)cond << 12 |
         (op & 1 ? 1u << 10 : 0) | rn << 5 | rd;
}

/* --- branches; @words: distance from the instruction --- */

static inline guint32
a64_b (gint32 words)
{
  return 0x14000000 | a64_field (words, 26, 0);
}
static inline guint32
a64_b_cond (A64Cond cond, gint32 words)
{
  return 0x54000000 | a64_field (words, 19, 5) | (guint32)cond;
}
/* CBZ, CBNZ */
static inline guint32
a64_cbz (gboolean x, gboolean non_zero, guint rt, gint32 words)
{
  return a64_sf (x) | 0x34000000 | (non_zero ? 1u << 24 : 0) | a64_field (words, 19, 5) | rt;
}

typedef enum
{
  A64_BR,
  A64_BLR,
  A64_RET
} A64Branch;
static inline guint32
a64_branch_reg (A64Branch op, guint rn)
{
  return 0xd61f0000 | (guint32)op << 21 | rn << 5;
}

/* The branch @insn with another distance. FALSE: it does not reach. */
static inline gboolean
a64_retarget (guint32 *insn, gint64 words)
{
  const gboolean b = (*insn & 0x7c000000) == 0x14000000;
  const guint width = b ? 26 : 19, at = b ? 0 : 5;
  if (!a64_fits (words, width))
    return FALSE;
  *insn = (*insn & ~(guint32)a64_field (-1, width, at)) | a64_field (words, width, at);
  return TRUE;
}

/* The instruction's own address + @bytes (21 bits). */
static inline guint32
a64_adr (guint rd, gint32 bytes)
{
  return 0x10000000 | ((guint32)bytes & 3) << 29 | a64_field (bytes >> 2, 19, 5) | rd;
}

/* --- loads and stores; @log2: of the size --- */

typedef enum
{
  A64_STR,
  A64_LDR,
  A64_LDRS /* sign-extended to 64 bits; of less than those */
} A64Access;

/* Displacement in units of the size, 12 bits without sign. */
static inline guint32
a64_access (A64Access op, guint log2, guint rt, guint rn, guint units)
{
  return log2 << 30 | 0x39000000 | (guint32)op << 22 | units << 10 | rn << 5 | rt;
}
/* LDUR and STUR: 9 bits with sign. */
static inline guint32
a64_access_unscaled (A64Access op, guint log2, guint rt, guint rn, gint32 disp)
{
  return log2 << 30 | 0x38000000 | (guint32)op << 22 | a64_field (disp, 9, 12) | rn << 5 | rt;
}
/* rn + rm */
static inline guint32
a64_access_reg (A64Access op, guint log2, guint rt, guint rn, guint rm)
{
  return log2 << 30 | 0x38206800 | (guint32)op << 22 | rm << 16 | rn << 5 | rt;
}

typedef enum
{
  A64_POST_INDEX = 1,
  A64_OFFSET = 2,
  A64_PRE_INDEX = 3
} A64Index;
/* LDP and STP of 64-bit registers; @units: of 8 bytes, 7 bits with sign. */
static inline guint32
a64_pair (gboolean load, A64Index index, guint rt, guint rt2, guint rn, gint32 units)
{
  return 0xa8000000 | (guint32)index << 23 | (load ? 1u << 22 : 0) | a64_field (units, 7, 15) |
         rt2 << 10 | rn << 5 | rt;
}

/* LDXR, LDAXR; @log2: 2 or 3 */
static inline guint32
a64_load_exclusive (gboolean acquire, guint log2, guint rt, guint rn)
{
  return log2 << 30 | 0x085f7c00 | (acquire ? 1u << 15 : 0) | rn << 5 | rt;
}
/* STXR, STLXR; rs becomes 0 when it has stored, and is none of the others. */
static inline guint32
a64_store_exclusive (gboolean release, guint log2, guint rs, guint rt, guint rn)
{
  return log2 << 30 | 0x08007c00 | rs << 16 | (release ? 1u << 15 : 0) | rn << 5 | rt;
}

typedef enum
{
  A64_ISHLD = 9,
  A64_ISHST = 10,
  A64_ISH = 11
} A64Barrier;
static inline guint32
a64_dmb (A64Barrier what)
{
  return 0xd50330bf | (guint32)what << 8;
}

/* --- vector registers, as far as integers need them --- */

/* FMOV between a general-purpose register and D or S. */
static inline guint32
a64_fmov (gboolean x, gboolean to_general, guint rd, guint rn)
{
  return a64_sf (x) | (x ? 1u << 22 : 0) | (to_general ? 0x1e260000u : 0x1e270000u) | rn << 5 | rd;
}
/* CNT Vd.8B */
static inline guint32
a64_cnt (guint rd, guint rn)
{
  return 0x0e205800 | rn << 5 | rd;
}
/* ADDV Bd, Vn.8B */
static inline guint32
a64_addv (guint rd, guint rn)
{
  return 0x0e31b800 | rn << 5 | rd;
}
/* CMTST Vd.8B */
static inline guint32
a64_cmtst (guint rd, guint rn, guint rm)
{
  return 0x0e208c00 | rm << 16 | rn << 5 | rd;
}
