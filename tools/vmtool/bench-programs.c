/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bench-programs.h"

#include <elf.h>
#include <glib/gi18n.h>
#include <string.h>

#define BASE G_GUINT64_CONSTANT (0x80000000)
#define DATA 0x100000 /* from there on the programs keep data */
#define POWER_OFF 0x5555
#define FINISHER 0x100000

enum
{
  ZERO,
  RA,
  SP,
  T0 = 5,
  T1,
  T2,
  S0,
  S1,
  A0,
  A1,
  A2,
  A3,
  A4,
  A5,
  A6,
  A7,
  S2,
  S3,
};

static guint
at (GArray *words)
{
  return words->len * 4;
}

static void
put (GArray *words, guint32 word)
{
  g_array_append_val (words, word);
}

static void
op (GArray *words, guint funct7, guint funct3, guint rd, guint rs1, guint rs2)
{
  put (words, funct7 << 25 | rs2 << 20 | rs1 << 15 | funct3 << 12 | rd << 7 | 0x33);
}

static guint32
i_type (guint opcode, guint funct3, guint rd, guint rs1, gint imm)
{
  return ((guint32)imm & 0xfff) << 20 | rs1 << 15 | funct3 << 12 | rd << 7 | opcode;
}

static void
addi (GArray *words, guint rd, guint rs1, gint imm)
{
  put (words, i_type (0x13, 0, rd, rs1, imm));
}

static void
ld (GArray *words, guint rd, guint rs1, gint imm)
{
  put (words, i_type (0x03, 3, rd, rs1, imm));
}

static void
sd (GArray *words, guint rs2, guint rs1, gint imm)
{
  const guint32 u = (guint32)imm & 0xfff;
  put (words, (u >> 5) << 25 | rs2 << 20 | rs1 << 15 | 3 << 12 | (u & 31) << 7 | 0x23);
}

static void
branch (GArray *words, guint funct3, guint rs1, guint rs2, gint offset)
{
  const guint32 u = (guint32)offset;
  put (words, (u >> 12 & 1) << 31 | (u >> 5 & 63) << 25 | rs2 << 20 | rs1 << 15 | funct3 << 12 |
                  (u >> 1 & 15) << 8 | (u >> 11 & 1) << 7 | 0x63);
}

static void
jal (GArray *words, guint rd, guint target)
{
  const guint32 u = target - at (words);
  put (words, (u >> 20 & 1) << 31 | (u >> 1 & 0x3ff) << 21 | (u >> 11 & 1) << 20 |
                  (u >> 12 & 0xff) << 12 | rd << 7 | 0x6f);
}

static void
jalr (GArray *words, guint rd, guint rs1)
{
  put (words, i_type (0x67, 0, rd, rs1, 0));
}

/* A number of 32 bits, sign-extended. */
static void
li (GArray *words, guint rd, gint32 value)
{
  put (words, (((guint32)value + 0x800) & 0xfffff000) | rd << 7 | 0x37);
  put (words, i_type (0x1b, 0, rd, rd, value & 0xfff));
}

/* The address so many bytes behind the program's beginning. */
static void
address (GArray *words, guint rd, guint offset)
{
  const guint32 distance = offset - at (words);
  put (words, ((distance + 0x800) & 0xfffff000) | rd << 7 | 0x17);
  addi (words, rd, rd, (gint)(distance & 0xfff));
}

/* The next of a sequence that looks random, in A0; A1 and A2 are its constants. */
static void
random_setup (GArray *words)
{
  li (words, A1, 0x41c64e6d);
  li (words, A2, 12345);
}

static void
random_next (GArray *words)
{
  op (words, 1, 0, A0, A0, A1);
  op (words, 0, 0, A0, A0, A2);
}

static void
make_integer (GArray *words)
{
  li (words, T0, 0x12345678);
  const guint loop = at (words);
  for (guint i = 0; i < 4; i++)
    {
      op (words, 0, 0, T1, T1, T0);
      op (words, 0, 4, T0, T0, T1);
      put (words, i_type (0x13, 1, T2, T0, 13)); /* slli */
      op (words, 0x20, 0, S0, T2, T1);
      put (words, i_type (0x13, 5, S1, S0, 7)); /* srli */
      op (words, 0, 7, A3, S1, T1);
      op (words, 0, 6, A4, A3, T0);
      op (words, 0, 3, A5, A4, S0);                            /* sltu */
      put (words, 0x0000003b | A5 << 7 | A5 << 15 | T0 << 20); /* addw */
      op (words, 1, 0, A6, A5, T1);                            /* mul */
      addi (words, T0, T0, 3);
    }
  jal (words, ZERO, loop);
}

static void
make_branch (GArray *words)
{
  random_setup (words);
  const guint loop = at (words);
  random_next (words);
  for (gint bit = 16; bit < 24; bit++)
    {
      put (words, i_type (0x13, 5, T0, A0, bit));
      put (words, i_type (0x13, 7, T0, T0, 1)); /* andi */
      branch (words, 0, T0, ZERO, 8);
      addi (words, S0, S0, 1);
    }
  jal (words, ZERO, loop);
}

static void
make_memory (GArray *words)
{
  address (words, S0, DATA);
  li (words, S1, 0xfff8);
  const guint loop = at (words);
  addi (words, T0, T0, 520);
  op (words, 0, 7, T0, T0, S1);
  op (words, 0, 0, T1, S0, T0);
  for (gint i = 0; i < 6; i++)
    {
      ld (words, T2, T1, i * 16);
      addi (words, T2, T2, 1);
      sd (words, T2, T1, i * 16 + 8);
    }
  jal (words, ZERO, loop);
}

static void
make_call (GArray *words)
{
  address (words, SP, DATA);
  const guint loop = at (words);
  const guint outer = loop + 3 * 4, inner = outer + 7 * 4;
  jal (words, RA, outer);
  jal (words, RA, inner);
  jal (words, ZERO, loop);
  /* outer */
  addi (words, SP, SP, -16);
  sd (words, RA, SP, 8);
  jal (words, RA, inner);
  jal (words, RA, inner);
  ld (words, RA, SP, 8);
  addi (words, SP, SP, 16);
  jalr (words, ZERO, RA);
  /* inner */
  addi (words, A0, A0, 1);
  jalr (words, ZERO, RA);
}

static void
make_jump (GArray *words)
{
  random_setup (words);
  const guint first = at (words);
  /* sixteen ways, of two instructions each */
  const guint loop = first + 2 * 4, ways = loop + 7 * 4;
  address (words, S0, ways);
  random_next (words);
  put (words, i_type (0x13, 5, T0, A0, 16));
  put (words, i_type (0x13, 7, T0, T0, 15));
  put (words, i_type (0x13, 1, T0, T0, 3));
  op (words, 0, 0, T0, T0, S0);
  jalr (words, ZERO, T0);
  for (gint i = 0; i < 16; i++)
    {
      addi (words, S1, S1, i);
      jal (words, ZERO, loop);
    }
}

static void
make_float (GArray *words)
{
  li (words, T0, 0x2000);
  put (words, 0x30002073 | T0 << 15); /* csrs mstatus, t0 */
  li (words, T0, 3);
  for (guint i = 0; i < 4; i++)
    put (words, 0xd2200053 | T0 << 15 | i << 7 | 7 << 12);        /* fcvt.d.l */
  put (words, 0x1a000053 | 7 << 12 | 1 << 7 | 1 << 15 | 2 << 20); /* fdiv.d f1, f1, f2 */
  const guint loop = at (words);
  for (guint i = 0; i < 4; i++)
    {
      const guint f = 4 + i;
      put (words, 0x02000053 | 7 << 12 | f << 7 | f << 15 | 1 << 20);            /* fadd.d */
      put (words, 0x12000053 | 7 << 12 | f << 7 | f << 15 | 1 << 20);            /* fmul.d */
      put (words, 0x02000043 | 7 << 12 | f << 7 | f << 15 | 1 << 20 | 2u << 27); /* fmadd.d */
      put (words, 0x0a000053 | 7 << 12 | f << 7 | f << 15 | 3 << 20);            /* fsub.d */
    }
  jal (words, ZERO, loop);
}

static void
make_atomic (GArray *words)
{
  address (words, S0, DATA);
  addi (words, T0, ZERO, 1);
  const guint loop = at (words);
  put (words, 0x0000302f | T1 << 7 | S0 << 15 | T0 << 20); /* amoadd.d */
  addi (words, A0, A0, 1);
  put (words, 0x1000302f | T1 << 7 | S0 << 15); /* lr.d */
  op (words, 0, 0, T1, T1, T0);
  put (words, 0x1800302f | T2 << 7 | S0 << 15 | T1 << 20); /* sc.d */
  jal (words, ZERO, loop);
}

static void
make_trap (GArray *words)
{
  const guint handler = 5 * 4;
  address (words, T0, handler);
  put (words, 0x30501073 | T0 << 15); /* csrw mtvec, t0 */
  put (words, 0x00000073);            /* ecall */
  jal (words, ZERO, 3 * 4);
  /* handler */
  put (words, 0x34102073 | T1 << 7); /* csrr t1, mepc */
  addi (words, T1, T1, 4);
  put (words, 0x34101073 | T1 << 15); /* csrw mepc, t1 */
  put (words, 0x30200073);            /* mret */
}

/* A function of 32 instructions is written again and again, and called. */
static void
make_generate (GArray *words)
{
  address (words, S0, DATA);
  li (words, S1, (gint32)i_type (0x13, 0, A0, A0, 1));
  li (words, S2, (gint32)i_type (0x67, 0, ZERO, RA, 0));
  const guint loop = at (words);
  addi (words, S3, S3, 1);
  for (guint i = 0; i < 32; i++)
    {
      const guint32 u = i * 4;
      put (words, (u >> 5) << 25 | (i < 31 ? S1 : S2) << 20 | S0 << 15 | 2 << 12 | (u & 31) << 7 |
                      0x23); /* sw */
    }
  put (words, 0x0000100f); /* fence.i */
  jalr (words, RA, S0);
  jal (words, ZERO, loop);
}

const BenchProgram bench_programs[] = {
  { "integer", N_ ("arithmetic"), make_integer },
  { "branch", N_ ("branches that cannot be foreseen"), make_branch },
  { "memory", N_ ("loads and stores"), make_memory },
  { "call", N_ ("calls and returns"), make_call },
  { "jump", N_ ("jumps through a table"), make_jump },
  { "float", N_ ("floating point, double precision"), make_float },
  { "atomic", N_ ("atomic operations"), make_atomic },
  { "trap", N_ ("exceptions and returns from them"), make_trap },
  { "generate", N_ ("code that is written and called, again and again"), make_generate },
  { NULL, NULL, NULL },
};

void
bench_make_idle (GArray *words)
{
  put (words, 0x10500073); /* wfi */
  jal (words, ZERO, 0);
}

/* What compilers make of ordinary programs, in short blocks. */
void
bench_make_straight (GArray *words, guint n)
{
  guint32 seed = 1;
  address (words, S0, DATA * 4);
  while (words->len < n)
    {
      const guint rd = 10 + (seed >> 8) % 8, rs = 10 + (seed >> 12) % 8;
      seed = seed * 1664525 + 1013904223;
      switch (seed >> 28)
        {
        case 0:
        case 1:
        case 2:
          ld (words, rd, S0, (gint)(seed >> 16 & 0xff) * 8);
          break;
        case 3:
        case 4:
          sd (words, rd, S0, (gint)(seed >> 16 & 0xff) * 8);
          break;
        case 5:
          branch (words, 1, rd, rd, 64);
          break;
        case 6:
          jal (words, ZERO, at (words) + 4);
          break;
        case 7:
        case 8:
          op (words, 0, 0, rd, rd, rs);
          break;
        case 9:
          op (words, 0x20, 0, rd, rs, rd);
          break;
        case 10:
          op (words, 0, 7, rd, rs, rd);
          break;
        case 11:
          put (words, i_type (0x13, 1, rd, rs, (gint)(seed >> 16 & 63)));
          break;
        case 12:
          put (words, i_type (0x1b, 0, rd, rs, (gint)(seed >> 16 & 0xfff)));
          break;
        default:
          addi (words, rd, rs, (gint)(seed >> 16 & 0xfff));
          break;
        }
    }
  li (words, A0, FINISHER);
  li (words, A1, POWER_OFF);
  put (words, 0x00b52023); /* sw a1, 0(a0) */
  jal (words, ZERO, at (words));
}

gboolean
bench_write (const char *path, GArray *words, GError **error)
{
  const gsize size = words->len * sizeof (guint32);
  g_autofree guint8 *file = g_malloc0 (sizeof (Elf64_Ehdr) + sizeof (Elf64_Phdr) + size);
  Elf64_Ehdr header = {
    .e_type = ET_EXEC,
    .e_machine = EM_RISCV,
    .e_version = EV_CURRENT,
    .e_entry = BASE,
    .e_phoff = sizeof header,
    .e_ehsize = sizeof header,
    .e_phentsize = sizeof (Elf64_Phdr),
    .e_phnum = 1,
  };
  const Elf64_Phdr segment = {
    .p_type = PT_LOAD,
    .p_flags = PF_R | PF_W | PF_X,
    .p_offset = sizeof header + sizeof segment,
    .p_vaddr = BASE,
    .p_paddr = BASE,
    .p_filesz = size,
    .p_memsz = size,
    .p_align = 8,
  };

  memcpy (header.e_ident, ELFMAG, SELFMAG);
  header.e_ident[EI_CLASS] = ELFCLASS64;
  header.e_ident[EI_DATA] = ELFDATA2LSB;
  header.e_ident[EI_VERSION] = EV_CURRENT;
  memcpy (file, &header, sizeof header);
  memcpy (file + sizeof header, &segment, sizeof segment);
  memcpy (file + segment.p_offset, words->data, size);
  return g_file_set_contents (path, (const char *)file, (gssize)(segment.p_offset + size), error);
}
