/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Random programs for a hart with everything around it. The layout, in pages of RAM:
 *
 *   0, 1   nothing: random addresses lead there
 *   2..9   page tables of address space 1, 10..17 of 2
 *   18     where the handlers save registers, 19 the handlers: riscv64/machine.S
 *   20..27 twins: functions at the same places with other bodies; page tables map them at random
 *   28..35 the program
 *   36..51 data
 *   52..59 data whose mappings change
 *   60     the device, where there is translation; 61..63: nothing there
 *
 * The program is at six addresses at once (regions): physical; in supervisor mode at the same
 * address, under an alias of small pages, and in a page of 2 MiB; in user mode, twice. It is
 * position independent, moves from region to region, and everything that fails leads on: see
 * machine.S. */
#include <string.h>

#include "machine.h"

#define PAGE 4096u
#define SAVE_M (18 * PAGE)
#define SAVE_S (18 * PAGE + 512)
#define HANDLERS (19 * PAGE)
#define TABLES 2
#define TWINS 20
#define N_TWINS 8
#define CODE 28
#define N_CODE 8
#define DATA 36
#define N_DATA 16
#define CHANGING 52
#define N_CHANGING 8
#define DEVICE 60

/* Where x2 and x8 point. */
#define X2_AT (44 * PAGE + 256)
#define X8_AT (46 * PAGE - 64)

#define PTE_V 1u
#define PTE_R 2u
#define PTE_W 4u
#define PTE_X 8u
#define PTE_U 16u
#define PTE_G 32u
#define PTE_A 64u
#define PTE_D 128u
#define PTE_ALL (PTE_V | PTE_R | PTE_W | PTE_X | PTE_A | PTE_D)

/* x2, x8: data; x9, x25: counters; x27: where to go on. */
#define COUNT 9
#define INNER 25
#define RECOVER 27

static const guint64 bases[] = { 0x80000000, 0x80000000, 0xa0000000,
                                 0x40000000, 0x60000000, 0xc0000000 };
static const guint8 modes[] = { 3, 1, 1, 0, 0, 1 };
/* The regions that have small pages, in the order of their tables. */
static const guint8 mapped[] = { 1, 2, 3, 4 };

typedef struct
{
  const LockstepRows *rows;
  LockstepRandom *r;
  guint8 *ram;
  guint at, end; /* offsets in RAM */
  /* addi x10, x10, n that stand somewhere and may be changed. */
  guint sites[64];
  guint n_sites;
  const LockstepRow *favourites[5];
  gboolean narrow;
  gboolean calm; /* little that leads to the run loop */
  gboolean few;  /* few floating-point registers, so that they meet */
} Gen;

static guint
below (Gen *g, guint n)
{
  return lockstep_random_below (g->r, n);
}

static gboolean
once_in (Gen *g, guint n)
{
  return lockstep_random_once_in (g->r, n);
}

static void
put64 (Gen *g, guint at, guint64 value)
{
  memcpy (g->ram + at, &value, 8);
}

static void
emit (Gen *g, guint32 word, guint bytes)
{
  g_assert_cmpuint (g->at + bytes, <=, (CODE + N_CODE) * PAGE);
  memcpy (g->ram + g->at, &word, bytes);
  g->at += bytes;
}

static guint32
i_type (guint opcode, guint f3, guint rd, guint rs1, gint imm)
{
  return opcode | rd << 7 | f3 << 12 | rs1 << 15 | (guint32)imm << 20;
}

static guint32
s_type (guint opcode, guint f3, guint rs1, guint rs2, gint imm)
{
  return opcode | ((guint32)imm & 31) << 7 | f3 << 12 | rs1 << 15 | rs2 << 20 |
         ((guint32)imm >> 5 & 127) << 25;
}

static guint32
r_type (guint opcode, guint f3, guint f7, guint rd, guint rs1, guint rs2)
{
  return opcode | rd << 7 | f3 << 12 | rs1 << 15 | rs2 << 20 | f7 << 25;
}

static guint32
branch (guint f3, guint rs1, guint rs2, gint offset)
{
  const guint32 o = (guint32)offset;
  return 0x63 | f3 << 12 | rs1 << 15 | rs2 << 20 | (o >> 12 & 1) << 31 | (o >> 5 & 63) << 25 |
         (o >> 1 & 15) << 8 | (o >> 11 & 1) << 7;
}

static guint32
jal (guint rd, gint offset)
{
  const guint32 o = (guint32)offset;
  return 0x6f | rd << 7 | (o >> 20 & 1) << 31 | (o >> 1 & 0x3ff) << 21 | (o >> 11 & 1) << 20 |
         (o >> 12 & 0xff) << 12;
}

#define ADDI(rd, rs1, imm) i_type (0x13, 0, rd, rs1, imm)
#define ADD(rd, rs1, rs2) r_type (0x33, 0, 0, rd, rs1, rs2)
#define JALR(rd, rs1, imm) i_type (0x67, 0, rd, rs1, imm)
#define CSR(f3, rd, csr, rs1) i_type (0x73, f3, rd, rs1, (gint)(csr))
#define FENCE_I 0x100fu
#define ECALL 0x73u
#define RET 0x8082u

static void
li (Gen *g, guint rd, gint64 value)
{
  if (value >= G_MININT32 && value <= G_MAXINT32)
    {
      const gint32 low = (gint32)((guint32)value << 20) >> 20;
      const guint32 high = ((guint32)value - (guint32)low) & 0xfffff000;
      if (high == 0)
        {
          emit (g, ADDI (rd, 0, low), 4);
          return;
        }
      emit (g, 0x37 | rd << 7 | high, 4);
      emit (g, i_type (0x1b, 0, rd, rd, low), 4); /* addiw */
      return;
    }
  const gint64 low = (gint64)((guint64)value << 52) >> 52;
  li (g, rd, (gint64)((guint64)value - (guint64)low) >> 12);
  emit (g, i_type (0x13, 1, rd, rd, 12), 4); /* slli */
  emit (g, ADDI (rd, rd, (gint)low), 4);
}

/* rd = the address of RAM offset @to in the present region; by x2, so that it works after hops. */
static void
la (Gen *g, guint rd, guint to)
{
  if (once_in (g, 2))
    {
      const gint32 offset = (gint32)(to - g->at);
      const gint32 low = (gint32)((guint32)offset << 20) >> 20;
      emit (g, 0x17 | rd << 7 | (guint32)(offset - low), 4);
      emit (g, ADDI (rd, rd, low), 4);
      return;
    }
  li (g, rd, (gint64)to - (gint64)X2_AT);
  emit (g, ADD (rd, rd, 2), 4);
}

/* A register that chunks may use and that is none of the reserved ones. */
static guint
any (Gen *g)
{
  static const guint8 regs[] = { 5, 6, 7, 11, 12, 13, 14, 15, 16, 18, 19, 20, 28, 29, 30, 31 };
  return regs[below (g, G_N_ELEMENTS (regs))];
}

static gboolean
is_reserved (guint reg)
{
  return reg == 2 || reg == 8 || reg == COUNT || reg == INNER || reg == RECOVER;
}

static guint
width_of (const LockstepRow *row)
{
  return MAX (MAX (row->load, row->store), row->amo);
}

static gboolean
is_float (const LockstepRow *row)
{
  return lockstep_row_has_flag (row, "fp");
}

static gboolean
is_plain (const LockstepRow *row)
{
  for (guint i = 0; i < row->n_fields; i++)
    if (g_str_equal (row->fields[i].klass, "target"))
      return FALSE;
  return row->priv == 'U' && !lockstep_row_has_flag (row, "trap") &&
         !lockstep_row_has_flag (row, "jump") && !lockstep_row_has_flag (row, "wait") &&
         !lockstep_row_has_flag (row, "csr") && !g_str_equal (row->name, "ecall") &&
         !g_str_equal (row->name, "c_addi16sp");
}

/* The register with the address, which stands in parentheses; the displacement in front of it. */
static gboolean
aim (Gen *g, const LockstepRow *row, guint32 *word)
{
  const LockstepField *base = NULL, *disp = NULL;

  for (guint i = 0; i < row->n_fields; i++)
    {
      g_autofree char *inside = g_strdup_printf ("(%s)", row->fields[i].name);
      g_autofree char *before = g_strdup_printf ("%s(", row->fields[i].name);
      if (strstr (row->operands, inside) != NULL)
        base = &row->fields[i];
      if (strstr (row->operands, before) != NULL)
        disp = &row->fields[i];
    }
  if (base != NULL && !lockstep_field_put (base, word, base->width == 3 || once_in (g, 2) ? 8 : 2))
    return FALSE;
  if (disp == NULL)
    return TRUE;
  gint64 value = (gint64)below (g, 401) - 200;
  if (!once_in (g, 4))
    value &= ~(gint64)(width_of (row) - 1);
  if (!disp->is_signed)
    value = ABS (value) & ~(gint64)(width_of (row) - 1);
  return lockstep_field_put (disp, word, value);
}

static gboolean
make_plain (Gen *g, const LockstepRow *row, guint32 *word)
{
  const LockstepField *rm = lockstep_row_get_field (row, "rm");

  *word = lockstep_row_random (row, g->rows, g->r);
  if (rm != NULL)
    {
      static const guint8 rounding[] = { 0, 1, 2, 3, 4, 7, 7, 7 };
      *word = lockstep_field_put_raw (rm, *word, rounding[below (g, G_N_ELEMENTS (rounding))]);
    }
  for (guint i = 0; i < row->n_fields && g->few; i++)
    if (g_strcmp0 (row->fields[i].reg, "float") == 0)
      *word = lockstep_field_put_raw (&row->fields[i], *word, below (g, 4));
  if ((width_of (row) != 0 || lockstep_row_has_flag (row, "cbo")) && !aim (g, row, word))
    return FALSE;
  for (guint i = 0; i < row->n_fields; i++)
    if (g_strcmp0 (row->fields[i].reg, "int") == 0 && row->fields[i].role != NULL &&
        g_str_has_suffix (row->fields[i].role, "out") &&
        is_reserved ((guint)lockstep_field_get (&row->fields[i], *word)))
      return FALSE;
  return lockstep_row_is_valid (row, g->rows, *word);
}

static void
plain (Gen *g, guint n, gboolean floats)
{
  while (n > 0)
    {
      const LockstepRow *row = g->narrow && !once_in (g, 6)
                                   ? g->favourites[below (g, G_N_ELEMENTS (g->favourites))]
                                   : &g->rows->rows[below (g, g->rows->n_rows)];
      guint32 word;
      if (!is_plain (row) || (floats && !is_float (row) && !once_in (g, 6)))
        {
          if (g->narrow)
            g->favourites[below (g, G_N_ELEMENTS (g->favourites))] =
                &g->rows->rows[below (g, g->rows->n_rows)];
          continue;
        }
      /* They end blocks. */
      if (lockstep_row_has_flag (row, "fence") && !once_in (g, 8))
        continue;
      if (make_plain (g, row, &word))
        {
          emit (g, word, row->bytes);
          n--;
        }
    }
}

/* An instruction that another one may store over: aligned to its size, so that one store does. */
static guint
site (Gen *g)
{
  if (g->at & 2)
    emit (g, 0x0505, 2); /* c.addi x10, 1 */
  const guint at = g->at;
  emit (g, ADDI (10, 10, (gint)below (g, 2048)), 4);
  if (g->n_sites < G_N_ELEMENTS (g->sites))
    g->sites[g->n_sites++] = at;
  return at;
}

static void
loop (Gen *g)
{
  emit (g, ADDI (INNER, 0, (gint)(1 + below (g, once_in (g, 8) ? 400 : 20))), 4);
  const guint start = g->at;
  plain (g, 1 + below (g, 6), FALSE);
  if (once_in (g, 3))
    site (g);
  emit (g, ADDI (INNER, INNER, -1), 4);
  emit (g, branch (4, 0, INNER, (gint)start - (gint)g->at), 4); /* blt x0, x25 */
}

static void
forward (Gen *g)
{
  for (guint n = 1 + below (g, 4); n > 0; n--)
    {
      static const guint8 conditions[] = { 0, 1, 4, 5, 6, 7 };
      const guint from = g->at;
      emit (g, 0, 4);
      plain (g, 1 + below (g, 4), FALSE);
      const guint32 word = branch (conditions[below (g, 6)], any (g), once_in (g, 4) ? 0 : any (g),
                                   (gint)(g->at - from));
      memcpy (g->ram + from, &word, 4);
    }
}

/* Calls and returns; also of one another, also by x5, also through pointers. */
static void
calls (Gen *g)
{
  const guint over = g->at;
  guint functions[4];
  const guint n = 1 + below (g, 4);

  emit (g, 0, 4);
  for (guint i = 0; i < n; i++)
    {
      functions[i] = g->at;
      plain (g, below (g, 4), FALSE);
      if (once_in (g, 3))
        site (g);
      if (i > 0 && once_in (g, 2))
        {
          emit (g, ADDI (20 + i, 1, 0), 4); /* the return address; what follows leaves it or not */
          emit (g, jal (1, (gint)functions[i - 1] - (gint)g->at), 4);
          emit (g, ADDI (1, 20 + i, 0), 4);
        }
      emit (g, RET, 2);
    }
  const guint32 word = jal (0, (gint)(g->at - over));
  memcpy (g->ram + over, &word, 4);
  for (guint k = 1 + below (g, 4); k > 0; k--)
    {
      const guint to = functions[below (g, n)];
      if (once_in (g, 2))
        emit (g, jal (1, (gint)to - (gint)g->at), 4);
      else
        {
          la (g, 5, to);
          emit (g, JALR (1, 5, 0), 4);
        }
      plain (g, below (g, 3), FALSE);
    }
}

static void
table (Gen *g)
{
  const guint index = any (g);
  emit (g, i_type (0x13, 7, 6, index, 3), 4); /* andi x6, index, 3 */
  emit (g, i_type (0x13, 1, 6, 6, 2), 4);
  /* auipc x7; add; jalr to 16 bytes on */
  emit (g, 0x17 | 7u << 7, 4);
  emit (g, ADD (7, 7, 6), 4);
  emit (g, JALR (0, 7, 12), 4);
  guint at[4];
  for (guint i = 0; i < 4; i++)
    {
      at[i] = g->at;
      emit (g, 0, 4);
    }
  guint ends[4];
  for (guint i = 0; i < 4; i++)
    {
      const guint32 word = jal (0, (gint)(g->at - at[i]));
      memcpy (g->ram + at[i], &word, 4);
      plain (g, 1 + below (g, 3), FALSE);
      ends[i] = g->at;
      emit (g, 0, 4);
    }
  for (guint i = 0; i < 4; i++)
    {
      const guint32 word = jal (0, (gint)(g->at - ends[i]));
      memcpy (g->ram + ends[i], &word, 4);
    }
}

/* x5 = somewhere; TRUE: stores may go there. */
static gboolean
somewhere (Gen *g)
{
  static const gint64 wild[] = { 0, -8, 0x1000, G_MININT64, 0x4000000000, 0x3ffffffff8 };
  guint to;

  switch (below (g, 12))
    {
    case 0:
    case 1:
    case 2:
      to = DATA * PAGE + below (g, N_DATA * PAGE - 64);
      break;
    case 3:
    case 4:
      to = (DATA + 1 + below (g, N_DATA - 1)) * PAGE - below (g, 12);
      break;
    case 5:
    case 6:
      to = CHANGING * PAGE + below (g, N_CHANGING * PAGE - 64);
      break;
    case 7:
    case 8:
      to = (CHANGING + 1 + below (g, N_CHANGING - 1)) * PAGE - below (g, 12);
      break;
    case 9:
      to = DEVICE * PAGE + below (g, PAGE - 32);
      break;
    case 10:
      if (once_in (g, 2))
        {
          li (g, 5, wild[below (g, G_N_ELEMENTS (wild))]);
          return TRUE;
        }
      to = once_in (g, 2) ? 61 * PAGE + below (g, 3 * PAGE - 32) : 0x400000 + below (g, PAGE);
      break;
    default:
      la (g, 5, CODE * PAGE + below (g, N_CODE * PAGE - 64));
      return FALSE;
    }
  /* The end is nobody else's. */
  if (to >= DEVICE * PAGE + 0xfe0 && to < (DEVICE + 1) * PAGE)
    to -= 64;
  if (!once_in (g, 4))
    to &= ~7u;
  la (g, 5, to);
  return TRUE;
}

static void
access_memory (Gen *g, guint n)
{
  for (; n > 0; n--)
    {
      const gboolean stores = somewhere (g);
      for (guint k = 1 + below (g, 3); k > 0; k--)
        {
          const gint disp = (gint)below (g, 17) - 8;
          const guint reg = any (g);
          if (once_in (g, 6) && stores)
            {
              static const guint8 amos[] = { 0, 1, 4, 8, 12, 16, 20, 24, 28 };
              emit (g,
                    r_type (0x2f, 2 + below (g, 2),
                            (guint)amos[below (g, G_N_ELEMENTS (amos))] << 2 | below (g, 4),
                            once_in (g, 4) ? 0 : reg, 5, any (g)),
                    4);
            }
          else if (once_in (g, 8) && stores)
            {
              const guint size = 2 + below (g, 2);
              emit (g, r_type (0x2f, size, 2 << 2, reg, 5, 0), 4); /* lr */
              if (once_in (g, 3))
                plain (g, 1, FALSE);
              emit (g, r_type (0x2f, size, 3 << 2, any (g), 5, any (g)), 4); /* sc */
            }
          else if (once_in (g, 5))
            emit (g,
                  once_in (g, 2) || !stores
                      ? i_type (0x07, 2 + below (g, 2), below (g, g->few ? 4 : 32), 5, disp)
                      : s_type (0x27, 2 + below (g, 2), 5, below (g, g->few ? 4 : 32), disp),
                  4);
          else if (once_in (g, 2) || !stores)
            emit (g, i_type (0x03, below (g, 7), once_in (g, 16) ? 0 : reg, 5, disp), 4);
          else
            emit (g, s_type (0x23, below (g, 4), 5, any (g), disp), 4);
        }
      /* x5 may have been loaded: what follows makes another one. */
      if (once_in (g, 3))
        plain (g, 1, FALSE);
    }
}

/* More bases at a time than tiers may have registers for, and they move. */
static void
weave (Gen *g)
{
  const gboolean at_end = once_in (g, 2);
  for (guint base = 5; base < 8; base++)
    la (g, base,
        at_end ? (CHANGING + 1 + below (g, N_CHANGING - 1)) * PAGE - 8 * below (g, 12)
               : (once_in (g, 4) ? CHANGING : DATA) * PAGE + 128 + 8 * below (g, 7 * PAGE / 8));
  /* the last one on its own in the end: it may have waited for a register */
  const guint alone = below (g, 8);
  for (guint n = 8 + below (g, 14); n > 0; n--)
    {
      const guint base = n <= alone ? 7 : 5 + below (g, 3);
      const gint disp = 8 * (gint)below (g, 8);
      switch (below (g, 6))
        {
        case 0:
          emit (g, ADDI (base, base, 8 * (gint)below (g, 9) - 32), 4);
          break;
        case 1:
          emit (g, s_type (0x23, below (g, 4), base, any (g), disp), 4);
          break;
        case 2:
          emit (g, s_type (0x23, 3, base, any (g), disp), 4);
          break;
        case 3:
          emit (g, i_type (0x03, below (g, 7), 11 + below (g, 6), base, disp), 4);
          break;
        default:
          emit (g, i_type (0x03, 3, 11 + below (g, 6), base, disp), 4);
          break;
        }
    }
}

static void
reserve (Gen *g)
{
  const guint size = 2 + below (g, 2);
  la (g, 5, (once_in (g, 4) ? CHANGING * PAGE : DATA * PAGE) + 8 * below (g, 4000));
  emit (g, ADDI (INNER, 0, (gint)(2 + below (g, 6))), 4);
  const guint start = g->at;
  emit (g, r_type (0x2f, size, 2 << 2 | below (g, 4), 6, 5, 0), 4);
  switch (below (g, 5))
    {
    case 0: /* a store there in between */
      emit (g, s_type (0x23, size, 5, any (g), 0), 4);
      break;
    case 1: /* elsewhere */
      emit (g, s_type (0x23, 3, 2, any (g), (gint)(8 * below (g, 16))), 4);
      break;
    case 2:
      emit (g, branch (below (g, 2), 6, any (g), 8), 4);
      break;
    case 3: /* under whatever rounding mode there is: it may be none of the host's */
      if (once_in (g, 2))
        plain (g, 1 + below (g, 2), TRUE);
      break;
    default:
      break;
    }
  emit (g, ADDI (7, 6, (gint)below (g, 100)), 4);
  emit (g, r_type (0x2f, size, 3 << 2 | below (g, 4), 11, 5, 7), 4);
  emit (g, ADDI (INNER, INNER, -1), 4);
  emit (g, branch (4, 0, INNER, (gint)start - (gint)g->at), 4);
}

static void
registers (Gen *g)
{
  static const guint16 anywhere[] = { 0x001, 0x002, 0x003, 0xc00, 0xc01, 0xc02, 0x001, 0x002 };
  static const guint16 privileged[] = { 0x141, 0x142, 0x143, 0x106, 0x100, 0x144, 0x104,
                                        0x180, 0x341, 0x342, 0x343, 0x300, 0x344, 0xb00,
                                        0xb02, 0xf14, 0x306, 0x30a, 0x7a0, 0x345 };
  for (guint n = 1 + below (g, 4); n > 0; n--)
    {
      const guint f3 = 1 + below (g, 3) + 4 * below (g, 2);
      guint csr = anywhere[below (g, G_N_ELEMENTS (anywhere))];
      guint source = f3 < 4 ? any (g) : below (g, 32);
      if (once_in (g, 3))
        {
          csr = privileged[below (g, G_N_ELEMENTS (privileged))];
          /* Those are only read, but for what is of no consequence. */
          if (csr != 0x141 && csr != 0x142 && csr != 0x143 && csr != 0x341 && csr != 0x342 &&
              csr != 0x343)
            {
              emit (g, CSR (2, any (g), csr, 0), 4);
              continue;
            }
        }
      emit (g, CSR (f3, once_in (g, 3) ? 0 : any (g), csr, source), 4);
      plain (g, below (g, 2), TRUE);
    }
}

/* Bits of sstatus or mstatus: FS, SUM, MXR, interrupt enables. */
static void
status (Gen *g)
{
  static const guint32 bits[] = { 0x2000, 0x4000, 0x6000, 0x6000, 0x40000, 0x80000, 2, 2 };
  const guint32 value = bits[below (g, G_N_ELEMENTS (bits))];
  const guint csr = once_in (g, 3) ? 0x300 : 0x100;

  if (value == 2 && once_in (g, 2))
    {
      emit (g, CSR (6 + below (g, 2), any (g), csr, csr == 0x300 && once_in (g, 2) ? 8 : 2), 4);
      plain (g, 1 + below (g, 3), FALSE);
      return;
    }
  li (g, 6, value);
  emit (g, CSR (2 + (once_in (g, 3) ? 1 : 0), any (g), csr, 6), 4);
  plain (g, 1 + below (g, 3), TRUE);
}

/* x27 = @n bytes behind this. */
static void
recover_at (Gen *g, guint n)
{
  emit (g, 0x17 | RECOVER << 7, 4);
  emit (g, ADDI (RECOVER, RECOVER, (gint)n), 4);
}

/* The same function through the same pointer, with floating point and without: in the same address
 * space, but it is not the same code. */
static void
call_in_modes (Gen *g)
{
  const guint csr = once_in (g, 2) ? 0x300 : 0x100;
  const guint over = g->at;

  emit (g, 0, 4);
  const guint function = g->at;
  plain (g, 1 + below (g, 3), TRUE);
  emit (g, RET, 2);
  guint32 word = jal (0, (gint)(g->at - over));
  memcpy (g->ram + over, &word, 4);
  const guint recover = g->at;
  recover_at (g, 0);
  emit (g, ADDI (INNER, 0, (gint)(3 + below (g, 3))), 4);
  const guint start = g->at;
  la (g, 5, function);
  emit (g, JALR (1, 5, 0), 4);
  /* off, on ... */
  li (g, 6, 0x6000);
  emit (g, ADDI (7, INNER, 0), 4);
  emit (g, i_type (0x13, 7, 7, 7, 1), 4);
  emit (g, branch (0, 7, 0, 12), 4);
  emit (g, CSR (2, 0, csr, 6), 4);
  emit (g, branch (1, 7, 0, 8), 4);
  emit (g, CSR (3, 0, csr, 6), 4);
  emit (g, ADDI (INNER, INNER, -1), 4);
  emit (g, branch (4, 0, INNER, (gint)start - (gint)g->at), 4);
  word = ADDI (RECOVER, RECOVER, (gint)(g->at - recover));
  memcpy (g->ram + recover + 4, &word, 4);
  recover_at (g, 8 + 8 + 4);
  li (g, 6, 0x6000);
  emit (g, CSR (2, 0, csr, 6), 4);
}

/* A register of which it depends on the value whether what follows is another mode's: the rounding
 * mode, which is invalid every fourth time. What follows may be on the next page. */
static void
round_in_modes (Gen *g)
{
  const guint end = (g->at & ~(PAGE - 1)) + PAGE;
  const gboolean at_end =
      end - g->at > 100 && end - g->at < 1400 && end + 200 < (CODE + N_CODE - 1) * PAGE;

  emit (g, ADDI (INNER, 0, (gint)(5 + below (g, 8))), 4);
  const guint recover = g->at;
  recover_at (g, 0);
  if (at_end)
    {
      emit (g, jal (0, (gint)(end - 20) - (gint)g->at), 4);
      g->at = end - 20;
    }
  const guint start = g->at;
  emit (g, i_type (0x13, 7, 6, INNER, 3), 4); /* andi */
  emit (g, i_type (0x13, 3, 6, 6, 1), 4);     /* sltiu */
  emit (g, r_type (0x33, 0, 0x20, 6, 0, 6), 4);
  emit (g, i_type (0x13, 7, 6, 6, once_in (g, 2) ? 7 : 5), 4);
  emit (g, CSR (1, 0, 0x002, 6), 4);
  /* fadd.d and so on, dynamic */
  emit (g,
        0x53 | 7u << 12 | below (g, 32) << 7 | below (g, 32) << 15 | below (g, 32) << 20 |
            (4 * below (g, 4) + 1) << 25,
        4);
  const guint32 word = ADDI (RECOVER, RECOVER, (gint)(g->at - recover));
  memcpy (g->ram + recover + 4, &word, 4);
  emit (g, ADDI (INNER, INNER, -1), 4);
  emit (g, branch (4, 0, INNER, (gint)start - (gint)g->at), 4);
  emit (g, CSR (1, 0, 0x002, 0), 4);
}

static void
timer (Gen *g)
{
  emit (g, CSR (2, 6, 0xc01, 0), 4);
  emit (g, ADDI (6, 6, (gint)below (g, 2000)), 4);
  emit (g, CSR (1, 0, 0x14d, 6), 4);
}

/* Stores over code, in every way there is. */
static void
modify (Gen *g)
{
  const gboolean own = once_in (g, 3);
  guint to, back = 0;

  if (own)
    {
      /* In the block that does it, before it: the next time around. */
      emit (g, ADDI (INNER, 0, (gint)(2 + below (g, 4))), 4);
      if (once_in (g, 2))
        emit (g, 0x0505, 2);
      back = g->at;
      to = site (g);
    }
  else if (g->n_sites > 0 && !once_in (g, 4))
    to = g->sites[below (g, g->n_sites)];
  else /* in a twin */
    to = (TWINS + below (g, N_TWINS)) * PAGE + 0x100 * (1 + below (g, 6));
  la (g, 5, to);
  /* By another address of the same page, in the same mode or not. */
  if (once_in (g, 4))
    {
      li (g, 7, 0x20000000);
      emit (g, r_type (0x33, 0, once_in (g, 2) ? 0 : 0x20, 5, 5, 7), 4);
    }
  if (own)
    {
      /* A new immediate each time around. */
      emit (g, i_type (0x03, 6, 6, 5, 0), 4); /* lwu */
      li (g, 7, 0x00500000);
      emit (g, ADD (6, 6, 7), 4);
    }
  else
    li (g, 6, (gint32)ADDI (10, 10, (gint)below (g, 2048)));
  switch (below (g, 9))
    {
    case 7: /* its lower half: another destination */
      li (g, 6, (gint64)(ADDI (10 + below (g, 2), 10, 0) & 0xffff));
      emit (g, s_type (0x23, 1, 5, 6, 0), 4);
      break;
    case 8: /* the same by one byte */
      li (g, 6, once_in (g, 2) ? 0x13 : 0x93);
      emit (g, s_type (0x23, 0, 5, 6, 0), 4);
      break;
    case 0: /* its immediate only */
      emit (g, i_type (0x13, 5, 6, 6, 16), 4);
      emit (g, s_type (0x23, 1, 5, 6, 2), 4);
      break;
    case 1:
      emit (g, i_type (0x13, 5, 6, 6, 24), 4);
      emit (g, s_type (0x23, 0, 5, 6, 3), 4);
      break;
    case 2:
      emit (g, r_type (0x2f, 2, 1 << 2, any (g), 5, 6), 4); /* amoswap.w */
      break;
    case 3:
      emit (g, r_type (0x2f, 2, 2 << 2, 7, 5, 0), 4);
      emit (g, r_type (0x2f, 2, 3 << 2, 7, 5, 6), 4);
      break;
    case 4:
      emit (g, 0xf0000053 | 6u << 15 | 31u << 7, 4); /* fmv.w.x f31, x6 */
      emit (g, s_type (0x27, 2, 5, 31, 0), 4);
      break;
    default:
      emit (g, s_type (0x23, 2, 5, 6, 0), 4);
      break;
    }
  plain (g, below (g, 3), FALSE);
  emit (g, FENCE_I, 4);
  if (own)
    {
      emit (g, ADDI (INNER, INNER, -1), 4);
      emit (g, branch (4, 0, INNER, (gint)back - (gint)g->at), 4);
    }
}

/* A jump across the end of a page whose second half changes, with no other code near that half. */
static gboolean
straddle (Gen *g)
{
  const guint jump = (g->at & ~(PAGE - 1)) + PAGE - 2;

  if (jump - g->at < 100 || jump - g->at > 1400 || jump + 200 >= (CODE + N_CODE - 1) * PAGE)
    return FALSE;
  emit (g, ADDI (INNER, 0, (gint)(2 + below (g, 5))), 4);
  const guint start = g->at;
  la (g, 5, jump + 2);
  emit (g, i_type (0x03, 5, 6, 5, 0), 4);     /* lhu */
  emit (g, i_type (0x13, 4, 6, 6, 0x200), 4); /* xori: 128 on, or 160 */
  emit (g, s_type (0x23, 1, 5, 6, 0), 4);
  emit (g, FENCE_I, 4);
  emit (g, jal (0, (gint)jump - (gint)g->at), 4);
  g->at = jump;
  emit (g, jal (0, 128), 4);
  g->at = jump + 128;
  plain (g, 2, FALSE);
  g_assert_cmpuint (g->at, <=, jump + 160);
  while (g->at < jump + 160)
    emit (g, 0x0505, 2); /* c.addi x10, 1 */
  emit (g, ADDI (INNER, INNER, -1), 4);
  const gint back = (gint)start - (gint)g->at;
  emit (g, branch (4, 0, INNER, back), 4);
  return TRUE;
}

static void
call_twin (Gen *g)
{
  for (guint n = 1 + below (g, 4); n > 0; n--)
    {
      const guint page = TWINS + below (g, N_TWINS - 1);
      const guint to = page * PAGE + (once_in (g, 4) ? 0xff0 : 0x100 * (1 + below (g, 6)));
      if (once_in (g, 2))
        emit (g, jal (1, (gint)to - (gint)g->at), 4);
      else
        {
          la (g, 5, to);
          emit (g, JALR (1, 5, 0), 4);
        }
    }
}

static guint
table_of (guint space, guint region_index)
{
  return TABLES + 8 * space + 4 + region_index;
}

/* An entry for @page of a region with small pages: of what changes. */
static guint64
changing_entry (Gen *g, guint page, guint region)
{
  guint64 ppn, flags = PTE_ALL;

  if (page < CODE)
    {
      ppn = TWINS + below (g, N_TWINS);
      if (once_in (g, 10))
        flags &= ~(guint64)(once_in (g, 2) ? PTE_X : PTE_V);
      if (once_in (g, 4))
        flags &= ~(guint64)(PTE_A | PTE_D);
    }
  else
    {
      ppn = once_in (g, 3) ? DATA + below (g, N_DATA) : CHANGING + below (g, N_CHANGING);
      flags &= ~(guint64)PTE_X;
      if (once_in (g, 3))
        flags &= ~(guint64)PTE_W;
      if (once_in (g, 3))
        flags &= ~(guint64)(once_in (g, 2) ? PTE_A | PTE_D : PTE_D);
      if (once_in (g, 8))
        flags = (flags & ~(guint64)(PTE_R | PTE_W)) | PTE_X;
      if (once_in (g, 8))
        flags &= ~(guint64)PTE_V;
      if (once_in (g, 12))
        flags = (flags & ~(guint64)PTE_R) | PTE_W;
    }
  if ((modes[region] == 0) != (page >= CODE && once_in (g, 10)))
    flags |= PTE_U;
  return (MACHINE_RAM_BASE / PAGE + ppn) << 10 | flags;
}

static void
remap (Gen *g)
{
  for (guint n = 1 + below (g, 3); n > 0; n--)
    {
      const guint space = below (g, 2), index = below (g, 4), region = mapped[index];
      const guint page =
          once_in (g, 2) ? TWINS + below (g, N_TWINS) : CHANGING + below (g, N_CHANGING);
      const guint entry = table_of (space, index) * PAGE + page * 8;
      const gint64 va = (gint64)(bases[region] + page * PAGE);
      const guint kind = below (g, 4);

      if (once_in (g, 4))
        {
          /* By itself: in user mode it fails. */
          la (g, 5, entry);
          li (g, 6, (gint64)changing_entry (g, page, region));
          li (g, 7, va);
          li (g, 11, space + 1);
          emit (g, s_type (0x23, 3, 5, 6, 0), 4);
          emit (g, r_type (0x73, 0, 9, 0, kind & 1 ? 7 : 0, kind & 2 ? 11 : 0), 4); /* sfence.vma */
          continue;
        }
      li (g, 13, va);
      li (g, 14, space + 1);
      li (g, 12, kind);
      li (g, 11, (gint64)changing_entry (g, page, region));
      /* lui and addiw would extend the sign */
      li (g, 10, (gint64)(MACHINE_RAM_BASE + entry));
      li (g, 17, 16);
      emit (g, ECALL, 4);
    }
}

static gint64
satp_value (guint space)
{
  return (gint64)((guint64)8 << 60 | (guint64)(space + 1) << 44 |
                  (MACHINE_RAM_BASE / PAGE + TABLES + 8 * space));
}

/* The same jump into a page before and after that has been mapped elsewhere, without a word about
 * other pages: it must ask again. */
static void
jump_and_remap (Gen *g, guint page, guint at)
{
  const guint space = below (g, 2), index = below (g, G_N_ELEMENTS (mapped));
  const guint region = mapped[index];
  const guint64 user = modes[region] == 0 ? PTE_U : 0;
  const guint64 entries[2] = {
    (MACHINE_RAM_BASE / PAGE + TWINS + below (g, N_TWINS)) << 10 | PTE_ALL | user,
    (MACHINE_RAM_BASE / PAGE + TWINS + below (g, N_TWINS)) << 10 | PTE_ALL | user,
  };

  li (g, 10, satp_value (space));
  li (g, 17, 17);
  emit (g, ECALL, 4);
  li (g, 17, region);
  emit (g, ECALL, 4);
  emit (g, ADDI (INNER, 0, (gint)(2 + below (g, 4))), 4);
  const guint start = g->at;
  emit (g, jal (1, (gint)at - (gint)g->at), 4);
  /* x11: one entry, then the other */
  li (g, 11, (gint64)entries[0]);
  emit (g, i_type (0x13, 7, 6, INNER, 1), 4);
  emit (g, branch (0, 6, 0, 4 * 5), 4);
  const guint32 was = g->at;
  li (g, 11, (gint64)entries[1]);
  while (g->at < was + 16)
    emit (g, ADDI (0, 0, 0), 4);
  li (g, 10, (gint64)(MACHINE_RAM_BASE + table_of (space, index) * PAGE + page * 8));
  li (g, 12, once_in (g, 4) ? below (g, 4) : 1);
  li (g, 13, (gint64)(bases[region] + page * PAGE));
  li (g, 14, space + 1);
  li (g, 17, 16);
  emit (g, ECALL, 4);
  emit (g, ADDI (INNER, INNER, -1), 4);
  emit (g, branch (4, 0, INNER, (gint)start - (gint)g->at), 4);
}

/* Uses a page, maps it elsewhere in every region, and uses it again: what was remembered of it has
 * to be forgotten. */
static void
use_and_remap (Gen *g)
{
  const gboolean code = once_in (g, 2);
  const guint page = code ? TWINS + below (g, N_TWINS - 1) : CHANGING + below (g, N_CHANGING);
  const guint at = page * PAGE + (code ? (once_in (g, 4) ? 0xff0 : 0x100 * (1 + below (g, 6)))
                                       : 8 * below (g, 500));
  const guint space = below (g, 2), kind = below (g, 4);
  const guint64 entry = changing_entry (g, page, 1) & ~(guint64)PTE_U;

  if (code && once_in (g, 2))
    {
      jump_and_remap (g, page, at);
      return;
    }
  for (guint round = 0; round < 2; round++)
    {
      if (code)
        for (guint n = 1 + below (g, 3); n > 0; n--)
          emit (g, jal (1, (gint)at - (gint)g->at), 4);
      else
        {
          la (g, 5, at);
          emit (g, i_type (0x03, 3, any (g), 5, 0), 4);
          emit (g, s_type (0x23, 3, 5, 9, 0), 4);
        }
      for (guint i = 0; i < G_N_ELEMENTS (mapped) && round == 0; i++)
        {
          li (g, 13, (gint64)(bases[mapped[i]] + page * PAGE));
          li (g, 14, space + 1);
          li (g, 12, kind);
          li (g, 11, (gint64)(entry | (modes[mapped[i]] == 0 ? PTE_U : 0)));
          li (g, 10, (gint64)(MACHINE_RAM_BASE + table_of (space, i) * PAGE + page * 8));
          li (g, 17, 16);
          emit (g, ECALL, 4);
        }
    }
}

static void
other_space (Gen *g)
{
  li (g, 10, satp_value (below (g, 2)));
  if (once_in (g, 3)) /* by itself: in user mode it fails */
    emit (g, CSR (1, 0, 0x180, 10), 4);
  else
    {
      li (g, 17, 17);
      emit (g, ECALL, 4);
    }
}

/* To and fro, and each time to the same address, where they have different code. */
static void
call_in_spaces (Gen *g)
{
  const guint page = TWINS + below (g, N_TWINS - 1);
  const guint at = page * PAGE + 0x100 * (1 + below (g, 6));

  li (g, 17, mapped[below (g, G_N_ELEMENTS (mapped))]);
  emit (g, ECALL, 4);
  emit (g, ADDI (INNER, 0, (gint)(4 + below (g, 4))), 4);
  const guint start = g->at;
  li (g, 10, satp_value (0));
  emit (g, i_type (0x13, 7, 6, INNER, 1), 4);
  const guint over = g->at;
  emit (g, 0, 4);
  li (g, 10, satp_value (1));
  const guint32 word = branch (0, 6, 0, (gint)(g->at - over));
  memcpy (g->ram + over, &word, 4);
  li (g, 17, 17);
  emit (g, ECALL, 4);
  la (g, 5, at);
  emit (g, JALR (1, 5, 0), 4);
  emit (g, ADDI (INNER, INNER, -1), 4);
  emit (g, branch (4, 0, INNER, (gint)start - (gint)g->at), 4);
}

static gint64
random_medeleg (Gen *g)
{
  /* Page faults, accesses, user calls, illegal instructions and breakpoints, each or not. */
  return (gint64)(lockstep_random_bits (g->r) & 0xb1ff);
}

static void
other_region (Gen *g)
{
  li (g, 17, below (g, G_N_ELEMENTS (bases)));
  emit (g, ECALL, 4);
}

static void
other_delegation (Gen *g)
{
  li (g, 10, random_medeleg (g));
  li (g, 17, 18);
  emit (g, ECALL, 4);
}

/* To the alias 0x20000000 above or below, if there is one for this mode. x27 stays: an exception
 * leads back. */
static void
hop (Gen *g)
{
  emit (g, 0x17 | 6u << 7, 4);
  li (g, 7, 0x20000000);
  emit (g, r_type (0x33, 0, once_in (g, 2) ? 0 : 0x20, 6, 6, 7), 4);
  /* behind this jump: auipc, li (2), add or sub, jalr */
  emit (g, JALR (once_in (g, 2) ? 1 : 0, 6, 4 * 5), 4);
  plain (g, below (g, 3), FALSE);
}

/* Exceptions of other kinds than loads and stores. */
static void
trap (Gen *g)
{
  static const guint32 words[] = { 0,          0xffffffff, 0x00100073, 0x30200073, 0x10200073,
                                   0x12000073, 0x34002073, 0x7c002073, 0x30001073 };
  switch (below (g, 3))
    {
    case 0:
      li (g, 6, (gint64)lockstep_random_integer (g->r) & ~(gint64)1);
      emit (g, JALR (once_in (g, 2) ? 1 : 0, 6, 0), 4);
      break;
    case 1:
      la (g, 6, (once_in (g, 2) ? CHANGING : 61) * PAGE);
      emit (g, JALR (1, 6, 0), 4);
      break;
    default:
      {
        /* mret and sret would go where the last exception came from. */
        guint32 word = words[below (g, G_N_ELEMENTS (words))];
        if (word == 0x30200073 || word == 0x10200073)
          word = 0x00100073;
        emit (g, word, 4);
        break;
      }
    }
}

/* sret and mret by the program itself: to the next instruction, in the mode that it is in. */
static void
trap_return (Gen *g)
{
  const gboolean machine = once_in (g, 2);
  const guint from = g->at;

  emit (g, 0x17 | 6u << 7, 4); /* auipc x6 */
  emit (g, 0, 4);
  emit (g, CSR (1, 0, machine ? 0x341 : 0x141, 6), 4);
  li (g, 7, machine ? 0x1800 : 0x100);
  emit (g, CSR (2, 0, machine ? 0x300 : 0x100, 7), 4);
  emit (g, machine ? 0x30200073 : 0x10200073, 4);
  const guint32 word = ADDI (6, 6, (gint)(g->at - from));
  memcpy (g->ram + from + 4, &word, 4);
}

/* Loads and stores of machine mode under the supervisor's translation, at the same addresses. */
static void
as_supervisor (Gen *g)
{
  li (g, 6, 0x20800);
  emit (g, CSR (2, 0, 0x300, 6), 4);
  for (guint n = 1 + below (g, 4); n > 0; n--)
    {
      const gint disp = (gint)(8 * below (g, 64));
      emit (g,
            once_in (g, 2) ? i_type (0x03, below (g, 7), any (g), 2, disp)
                           : s_type (0x23, below (g, 4), 2, any (g), disp),
            4);
    }
  li (g, 6, 0x20000);
  emit (g, CSR (3, 0, 0x300, 6), 4);
}

/* A loop of @n accesses by x5, which moves by @step. */
static void
walk_loop (Gen *g, guint n, gboolean stores, gint step)
{
  const guint start = g->at, aligned = once_in (g, 4) ? 0 : 7;

  for (; n > 0; n--)
    {
      const gint disp = ((gint)below (g, 200) - 100) & ~(gint)aligned;
      switch (below (g, stores ? 7 : 4))
        {
        case 0:
        case 1:
          emit (g, i_type (0x03, below (g, 7), 10 + below (g, 6), 5, disp), 4);
          break;
        case 2:
          emit (g, ADDI (5, 5, once_in (g, 2) ? step : -step), 4);
          break;
        case 3:
          plain (g, 1, FALSE);
          break;
        case 4:
          emit (g, i_type (0x07, 3, 10 + below (g, 4), 5, disp), 4); /* fld */
          break;
        case 5:
          emit (g, s_type (0x27, 3, 5, 10 + below (g, 4), disp), 4); /* fsd */
          break;
        default:
          emit (g, s_type (0x23, below (g, 4), 5, any (g), disp), 4);
          break;
        }
    }
  if (step != 0)
    emit (g, ADDI (5, 5, step), 4);
  emit (g, ADDI (INNER, INNER, -1), 4);
  emit (g, branch (4, 0, INNER, (gint)start - (gint)g->at), 4); /* blt x0, x25 */
}

/* Loops that go through memory by steps: tiers look up now and then only where that is. A second
 * one, of another number of accesses, may use what the first has left: it is so far away that a
 * tier which remembers by place takes it for the same. */
static void
walk (Gen *g)
{
  static const gint16 steps[] = { 8, 8, 8, 16, 64, 256, 1, -8, -64, 1000, 0, 0 };
  const gboolean stores = somewhere (g);

  emit (g, ADDI (INNER, 0, (gint)(1 + below (g, 100))), 4);
  const guint start = g->at;
  walk_loop (g, 1 + below (g, 5), stores, steps[below (g, G_N_ELEMENTS (steps))]);
  if (once_in (g, 2))
    return;
  if (once_in (g, 3))
    somewhere (g);
  emit (g, ADDI (INNER, 0, (gint)(1 + below (g, 30))), 4);
  while ((g->at - start) % 64 != 0)
    emit (g, 0x0505, 2); /* c.addi x10, 1 */
  walk_loop (g, 1 + below (g, 5), stores, steps[below (g, G_N_ELEMENTS (steps))]);
}

/* A loop whose accesses are anywhere in some pages: tiers find out that there is nothing to be
 * remembered. */
static void
roam (Gen *g)
{
  const gboolean changing = once_in (g, 2);

  la (g, 20, (changing ? CHANGING : DATA) * PAGE);
  li (g, 7, ((changing ? N_CHANGING : N_DATA) * PAGE - 1) & ~7u);
  emit (g, ADDI (INNER, 0, (gint)(1 + below (g, once_in (g, 2) ? 400 : 80))), 4);
  const guint start = g->at;
  emit (g, ADDI (10, 10, (gint)(1 + 2 * below (g, 1000))), 4);
  emit (g, i_type (0x13, 1, 6, 10, (gint)(1 + below (g, 8))), 4); /* slli */
  emit (g, r_type (0x33, 7, 0, 6, 6, 7), 4);                      /* and */
  emit (g, ADD (5, 20, 6), 4);
  for (guint n = 1 + below (g, 3); n > 0; n--)
    {
      const gint disp = 8 * ((gint)below (g, 9) - 4);
      if (once_in (g, 3))
        emit (g, s_type (0x23, below (g, 4), 5, any (g), disp), 4);
      else
        emit (g, i_type (0x03, below (g, 7), 11 + below (g, 5), 5, disp), 4);
    }
  if (once_in (g, 3))
    plain (g, 1, FALSE);
  emit (g, ADDI (INNER, INNER, -1), 4);
  emit (g, branch (4, 0, INNER, (gint)start - (gint)g->at), 4); /* blt x0, x25 */
}

/* A loop that goes over memory from @to on, by steps, and does nothing else: it sums up in @sum,
 * and changes x5, x6 and x25. */
static void
sweep (Gen *g, guint to, guint sum, gint step)
{
  la (g, 5, to);
  emit (g, ADDI (INNER, 0, (gint)(8 + below (g, 24))), 4);
  const guint start = g->at;
  const gboolean loads = !once_in (g, 4);
  if (loads)
    {
      emit (g, i_type (0x03, 3, 6, 5, 8), 4);
      emit (g, ADD (sum, sum, 6), 4);
    }
  if (!loads || once_in (g, 2))
    emit (g, s_type (0x23, 2 + below (g, 2), 5, 6, 0), 4);
  if (step != 0)
    emit (g, ADDI (5, 5, step), 4);
  emit (g, ADDI (INNER, INNER, -1), 4);
  emit (g, branch (4, 0, INNER, (gint)start - (gint)g->at), 4);
}

/* The same loop over a page before and after that is mapped elsewhere, or, of the page of 2 MiB,
 * may not be written any more. x24 counts: nothing else uses it here. */
static void
sweep_and_remap (Gen *g)
{
  const guint space = below (g, 2), index = below (g, G_N_ELEMENTS (mapped));
  const gboolean large = once_in (g, 3);
  const guint region = large ? 5 : mapped[index];
  const guint64 user = modes[region] == 0 ? PTE_U : 0;
  const guint page = large ? DATA + below (g, N_DATA) : CHANGING + below (g, N_CHANGING);
  const guint at = once_in (g, 3) ? (page + 1) * PAGE - 8 * below (g, 40)
                                  : page * PAGE + 1024 + 8 * below (g, 240);
  const guint64 first = MACHINE_RAM_BASE / PAGE;
  guint64 entries[2] = { (first + CHANGING + below (g, N_CHANGING)) << 10 | PTE_ALL | user,
                         (first + DATA + below (g, N_DATA)) << 10 | PTE_ALL | user };
  guint entry = table_of (space, index) * PAGE + page * 8;

  if (large)
    {
      entry = (TABLES + 8 * space + 3) * PAGE;
      entries[0] = first << 10 | PTE_ALL;
      entries[1] = entries[0] & ~(guint64)PTE_W;
    }
  li (g, 10, satp_value (space));
  li (g, 17, 17);
  emit (g, ECALL, 4);
  li (g, 17, region);
  emit (g, ECALL, 4);
  emit (g, ADDI (24, 0, (gint)(2 + 2 * below (g, 3))), 4);
  const guint start = g->at;
  sweep (g, at, 15, 8 * (gint)below (g, 3) - 8);
  /* x11: one entry, then the other, which is the first again in the end */
  li (g, 11, (gint64)entries[0]);
  emit (g, i_type (0x13, 7, 6, 24, 1), 4);
  const guint over = g->at;
  emit (g, 0, 4);
  li (g, 11, (gint64)entries[1]);
  const guint32 word = branch (0, 6, 0, (gint)(g->at - over));
  memcpy (g->ram + over, &word, 4);
  li (g, 10, (gint64)(MACHINE_RAM_BASE + entry));
  /* the large one may be global */
  li (g, 12, large ? below (g, 2) : below (g, 4));
  li (g, 13, (gint64)(bases[region] + page * PAGE));
  li (g, 14, space + 1);
  li (g, 17, 16);
  emit (g, ECALL, 4);
  emit (g, ADDI (24, 24, -1), 4);
  emit (g, branch (5, 24, 0, (gint)start - (gint)g->at), 4); /* bge x24, x0 */
}

/* Code that a loop writes, again and again. */
static void
generate (Gen *g)
{
  const guint page = once_in (g, 2) ? DATA + below (g, 7) : DATA + 11 + below (g, 5);
  const guint at = page * PAGE + 8 * below (g, 480);

  emit (g, ADDI (24, 0, (gint)(2 + below (g, 4))), 4);
  const guint start = g->at;
  li (g, 6, (gint32)ADDI (10, 10, (gint)below (g, 1024)));
  emit (g, i_type (0x13, 1, 7, 24, 20), 4); /* slli */
  emit (g, ADD (6, 6, 7), 4);
  li (g, 7, RET);
  la (g, 5, at);
  if (once_in (g, 2))
    {
      /* before it, and in another block, a loop that reads there */
      emit (g, ADDI (INNER, 0, (gint)(1 + below (g, 8))), 4);
      const guint first = g->at;
      emit (g, i_type (0x03, 3, 12, 5, 0), 4);
      emit (g, ADDI (INNER, INNER, -1), 4);
      emit (g, branch (4, 0, INNER, (gint)first - (gint)g->at), 4);
      emit (g, FENCE_I, 4);
      for (guint n = below (g, 8); n > 0; n--)
        emit (g, 0x0001, 2); /* c.nop */
    }
  emit (g, ADDI (INNER, 0, (gint)(1 + below (g, 4))), 4);
  const guint again = g->at;
  emit (g, s_type (0x23, 2, 5, 6, 0), 4);
  emit (g, s_type (0x23, 2, 5, 7, 4), 4);
  if (once_in (g, 2))
    emit (g, ADDI (5, 5, 8), 4);
  emit (g, ADDI (INNER, INNER, -1), 4);
  emit (g, branch (4, 0, INNER, (gint)again - (gint)g->at), 4);
  emit (g, FENCE_I, 4);
  /* unless nothing could be written */
  la (g, 5, at);
  emit (g, i_type (0x03, 6, 6, 5, 4), 4);
  emit (g, branch (1, 6, 7, 8), 4);
  emit (g, jal (1, (gint)at - (gint)g->at), 4);
  emit (g, ADDI (24, 24, -1), 4);
  emit (g, branch (4, 0, 24, (gint)start - (gint)g->at), 4);
}

/* A loop that nothing ends, over several blocks: who does not look at requests is lost in it, the
 * others are cut off. */
static void
forever (Gen *g)
{
  const guint far = (g->at & ~(PAGE - 1)) + PAGE + 2 * below (g, 16);
  const guint kind =
      below (g, far - g->at < 1900 && far + 200 < (CODE + N_CODE - 1) * PAGE ? 4 : 3);
  const guint start = g->at;

  emit (g, ADDI (10, 10, 1), 4);
  switch (kind)
    {
    case 0: /* inside of the page */
      emit (g, branch (0, 10, 0, 8), 4);
      break;
    case 1: /* by a register */
      la (g, 5, start);
      emit (g, JALR (0, 5, 0), 4);
      return;
    case 2: /* a call and a return */
      emit (g, jal (1, 8), 4);
      emit (g, jal (0, (gint)start - (gint)g->at), 4);
      emit (g, RET, 2);
      return;
    default: /* from page to page */
      emit (g, jal (0, (gint)far - (gint)g->at), 4);
      g->at = far;
      emit (g, ADDI (11, 11, 1), 4);
      break;
    }
  emit (g, jal (0, (gint)start - (gint)g->at), 4);
}

static void
chunk (Gen *g)
{
  static const guint8 calm[] = { 0, 1, 2, 3, 4, 5, 6, 7, 12, 15, 19, 20, 27, 30, 31, 31, 8, 17 };
  const guint kind = below (g, 32);

  if (once_in (g, 3000))
    {
      forever (g);
      return;
    }
  switch (g->calm && !once_in (g, 24) ? calm[below (g, G_N_ELEMENTS (calm))] : kind)
    {
    case 0:
      loop (g);
      break;
    case 1:
      if (once_in (g, 2))
        loop (g);
      else
        walk (g);
      break;
    case 2:
      if (once_in (g, 3))
        roam (g);
      else
        walk (g);
      break;
    case 3:
    case 4:
      forward (g);
      break;
    case 5:
    case 6:
      calls (g);
      break;
    case 7:
      table (g);
      break;
    case 8:
    case 9:
    case 10:
    case 11:
      if (once_in (g, 3))
        weave (g);
      else
        access_memory (g, 1 + below (g, 4));
      break;
    case 12:
      reserve (g);
      break;
    case 13:
      registers (g);
      break;
    case 14:
      if (once_in (g, 4))
        call_in_modes (g);
      else if (once_in (g, 3))
        round_in_modes (g);
      else
        status (g);
      break;
    case 15:
      timer (g);
      break;
    case 16:
    case 17:
    case 18:
      if (once_in (g, 4))
        generate (g);
      else if (!straddle (g))
        modify (g);
      break;
    case 19:
    case 20:
      call_twin (g);
      break;
    case 21:
    case 22:
      if (once_in (g, 3))
        sweep_and_remap (g);
      else if (once_in (g, 2))
        use_and_remap (g);
      else
        remap (g);
      if (once_in (g, 3))
        call_twin (g);
      break;
    case 23:
      if (once_in (g, 3))
        call_in_spaces (g);
      else
        other_space (g);
      break;
    case 24:
    case 25:
      other_region (g);
      break;
    case 26:
      if (once_in (g, 2))
        other_delegation (g);
      else
        as_supervisor (g);
      break;
    case 27:
      hop (g);
      break;
    case 28:
      trap (g);
      break;
    case 29:
      if (once_in (g, 3))
        trap_return (g);
      else
        plain (g, 4 + below (g, 16), TRUE);
      break;
    case 30:
      plain (g, 4 + below (g, 16), TRUE);
      break;
    default:
      plain (g, 1 + below (g, 20), FALSE);
      break;
    }
}

static void
make_tables (Gen *g)
{
  /* Handlers, tables and the program are the same in both spaces, and may be global. */
  const guint64 global = once_in (g, 2) ? PTE_G : 0;

  for (guint space = 0; space < 2; space++)
    {
      const guint root = TABLES + 8 * space;
      const guint64 first = MACHINE_RAM_BASE / PAGE;
      for (guint i = 0; i < 3; i++)
        put64 (g, root * PAGE + 8 * (i + 1), (first + root + 1 + i) << 10 | PTE_V);
      for (guint i = 0; i < 4; i++)
        {
          const guint region = mapped[i];
          const guint l1 = root + (bases[region] >> 30);
          const guint l0 = table_of (space, i);
          put64 (g, l1 * PAGE + 8 * (bases[region] >> 21 & 511), (first + l0) << 10 | PTE_V);
          for (guint page = 0; page <= DEVICE; page++)
            {
              const guint64 user = modes[region] == 0 ? PTE_U : 0;
              guint64 pte = (first + page) << 10 | PTE_ALL | user;
              if (page < TWINS)
                pte = page < TABLES ? 0 : ((first + page) << 10 | PTE_ALL | global);
              else if (page < CODE || (page >= CHANGING && page < DEVICE))
                pte = changing_entry (g, page, region);
              else if (page < DATA)
                pte |= global;
              else if (page == DEVICE)
                pte =
                    (MACHINE_MMIO_BASE / PAGE) << 10 | PTE_V | PTE_R | PTE_W | PTE_A | PTE_D | user;
              else if (once_in (g, 4))
                pte &= ~(guint64)(PTE_A | PTE_D);
              put64 (g, l0 * PAGE + 8 * page, pte);
            }
        }
      /* The page of 2 MiB. */
      put64 (g, (root + 3) * PAGE, first << 10 | PTE_ALL | global);
    }
}

static void
make_twins (Gen *g)
{
  for (guint i = 0; i < N_TWINS; i++)
    {
      const guint page = (TWINS + i) * PAGE;
      const guint8 imm = (guint8)(1 + below (g, 255));
      /* The end of an instruction that begins on the page before: its immediate differs. */
      const guint16 high = (guint16)(imm << 4 | 10 >> 1);
      memcpy (g->ram + page, &high, 2);
      g->at = page + 2;
      emit (g, RET, 2);
      for (guint k = 1; k <= 6; k++)
        {
          g->at = page + 0x100 * k;
          emit (g, ADDI (10, 10, (gint)below (g, 2048)), 4);
          plain (g, below (g, 4), FALSE);
          if (k < 6 && once_in (g, 3))
            {
              /* Into another one: jal to a later function, in any page. */
              const guint to =
                  (TWINS + below (g, N_TWINS)) * PAGE + 0x100 * (k + 1 + below (g, 6 - k));
              emit (g, jal (0, (gint)to - (gint)g->at), 4);
            }
          else
            emit (g, RET, 2);
        }
      g->at = page + 0xff0;
      plain (g, 1, FALSE);
      while (g->at < page + 0xffe)
        emit (g, 0x0505, 2);
      const guint16 low = (guint16)ADDI (10, 10, 0);
      memcpy (g->ram + page + 0xffe, &low, 2);
    }
}

static void
set (MachineProgram *program, const char *name, guint64 value)
{
  g_assert_cmpuint (program->n_registers, <, G_N_ELEMENTS (program->registers));
  program->registers[program->n_registers++] = (MachineRegister){ name, value };
}

static void
make_program (const LockstepRows *rows, const guint8 *handlers, gsize handlers_size,
              LockstepRandom *r, MachineProgram *program)
{
  static const char *const x[] = { "x1",  "x3",  "x4",  "x5",  "x6",  "x7",  "x10", "x11", "x12",
                                   "x13", "x14", "x15", "x16", "x17", "x18", "x19", "x20", "x21",
                                   "x22", "x23", "x24", "x26", "x28", "x29", "x30", "x31" };
  static const char *const f[] = { "f0",  "f1",  "f2",  "f3",  "f4",  "f5",  "f6",  "f7",
                                   "f8",  "f9",  "f10", "f11", "f12", "f13", "f14", "f15",
                                   "f16", "f17", "f18", "f19", "f20", "f21", "f22", "f23",
                                   "f24", "f25", "f26", "f27", "f28", "f29", "f30", "f31" };
  Gen gen = { .rows = rows, .r = r, .ram = program->ram }, *g = &gen;

  memset (program->ram, 0, sizeof program->ram);
  program->n_registers = 0;
  g_assert_cmpuint (handlers_size, <=, PAGE);
  memcpy (program->ram + HANDLERS, handlers, handlers_size);
  for (guint at = DATA * PAGE; at < DEVICE * PAGE; at += 8)
    {
      guint64 value = lockstep_random_bits (r);
      switch (below (g, 4))
        {
        case 0:
          value = lockstep_random_f64 (r);
          break;
        case 1:
          value = lockstep_random_f32 (r) | G_GUINT64_CONSTANT (0xffffffff00000000);
          break;
        case 2:
          value = lockstep_random_integer (r);
          break;
        default:
          break;
        }
      put64 (g, at, value);
    }
  g->narrow = once_in (g, 2);
  g->calm = once_in (g, 3);
  g->few = once_in (g, 2);
  for (guint i = 0; i < G_N_ELEMENTS (g->favourites); i++)
    g->favourites[i] = &rows->rows[below (g, rows->n_rows)];
  make_tables (g);
  make_twins (g);

  /* Chunks with gaps between them, up to the end of the code or before. */
  const guint start = CODE * PAGE + 2 * below (g, 64);
  const guint n_chunks = 3 + below (g, 60);
  g->at = start;
  for (guint i = 0; i < n_chunks && g->at < (CODE + N_CODE - 1) * PAGE; i++)
    {
      if (once_in (g, 4))
        {
          /* Often so that something stands across the end of a page. */
          guint gap = 4 + 2 * below (g, 600);
          if (once_in (g, 2))
            gap = MAX (4, PAGE - (g->at & (PAGE - 1)) + PAGE * below (g, 2) - 2 * below (g, 20)) &
                  ~1u;
          if (g->at + gap >= (CODE + N_CODE - 1) * PAGE)
            gap = 4;
          const guint at = g->at;
          emit (g, jal (0, (gint)gap), 4);
          g->at = at + gap;
        }
      const guint from = g->at;
      emit (g, 0x17 | RECOVER << 7, 4);
      emit (g, 0, 4);
      chunk (g);
      const guint32 word = ADDI (RECOVER, RECOVER, (gint)(g->at - from));
      g_assert_cmpuint (g->at - from, <, 2048);
      memcpy (program->ram + from + 4, &word, 4);
      if (once_in (g, 6))
        site (g);
    }
  const guint again = g->at;
  emit (g, ADDI (COUNT, COUNT, -1), 4);
  emit (g, branch (5, 0, COUNT, 8), 4); /* bge x0, x9 */
  emit (g, jal (0, (gint)start - (gint)g->at), 4);
  li (g, 17, 99);
  emit (g, ECALL, 4);
  emit (g, jal (0, (gint)again - (gint)g->at), 4);

  const guint region = below (g, G_N_ELEMENTS (bases));
  set (program, "pmpaddr0", G_MAXUINT64 >> 10);
  set (program, "pmpcfg0", 0x1f);
  set (program, "menvcfg",
       G_GUINT64_CONSTANT (1) << 63 | (once_in (g, 4) ? 0 : G_GUINT64_CONSTANT (1) << 61) |
           (once_in (g, 2) ? 0xf0 : 0));
  set (program, "senvcfg", once_in (g, 2) ? 0xf0 : 0);
  set (program, "mcounteren", 7);
  set (program, "scounteren", once_in (g, 2) ? 7 : 0);
  set (program, "mtvec", MACHINE_RAM_BASE + HANDLERS);
  set (program, "stvec", MACHINE_RAM_BASE + HANDLERS + 4);
  set (program, "mscratch", MACHINE_RAM_BASE + SAVE_M);
  set (program, "sscratch", MACHINE_RAM_BASE + SAVE_S);
  set (program, "medeleg", (guint64)random_medeleg (g));
  set (program, "mideleg", once_in (g, 2) ? 0x22 : 0);
  set (program, "mie", 0x222);
  set (program, "satp", (guint64)satp_value (below (g, 2)));
  set (program, "mstatus",
       (guint64)below (g, 4) << 13 | (guint64)below (g, 4) << 18 | (once_in (g, 2) ? 8 : 0) |
           (once_in (g, 2) ? 2 : 0));
  set (program, "stimecmp", G_MAXUINT64);
  set (program, "fcsr", (guint64)below (g, 5) << 5 | below (g, 32));
  set (program, "priv", modes[region]);
  for (guint i = 0; i < G_N_ELEMENTS (x); i++)
    set (program, x[i], lockstep_random_integer (r));
  for (guint i = 0; i < G_N_ELEMENTS (f); i++)
    set (program, f[i],
         once_in (g, 2) ? lockstep_random_f64 (r)
                        : (lockstep_random_f32 (r) | G_GUINT64_CONSTANT (0xffffffff00000000)));
  set (program, "x2", bases[region] + X2_AT);
  set (program, "x8", bases[region] + X8_AT + (once_in (g, 4) ? below (g, 8) : 0));
  set (program, "x9", 1 + below (g, g->calm ? 60 : 12));
  set (program, "x25", 1);
  set (program, "x27", bases[region] + again);
  set (program, "pc", bases[region] + start);
}

static void
interrupt (VmtVcpu *vcpu, guint which)
{
  const VmtArchRegister *mip = lockstep_find_register (vcpu->arch, "mip");
  const VmtArchRegister *mideleg = lockstep_find_register (vcpu->arch, "mideleg");

  switch (which % 4)
    {
    case 0:
    case 1: /* SSIP */
      lockstep_set_register (vcpu, mip, lockstep_get_register (vcpu, mip) | 2);
      break;
    case 2: /* SEIP, which the supervisor could not take back */
      if ((lockstep_get_register (vcpu, mideleg) & 0x200) == 0)
        lockstep_set_register (vcpu, mip, lockstep_get_register (vcpu, mip) | 0x200);
      break;
    default: /* time alone */
      break;
    }
}

const MachineArch machine_riscv64 = {
  .name = "riscv64",
  .pc = "pc",
  .make_program = make_program,
  .interrupt = interrupt,
};
