/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <math.h>
#include <string.h>

#include "lockstep.h"

/* In the executor's order. */
static const char *const registers[] = {
  "x1",  "x2",  "x3",  "x4",  "x5",  "x6",  "x7",  "x8",  "x9",  "x10", "x11", "x12",  "x13",
  "x14", "x15", "x16", "x17", "x18", "x19", "x20", "x21", "x22", "x23", "x24", "x25",  "x26",
  "x27", "x28", "x29", "x30", "x31", "f0",  "f1",  "f2",  "f3",  "f4",  "f5",  "f6",   "f7",
  "f8",  "f9",  "f10", "f11", "f12", "f13", "f14", "f15", "f16", "f17", "f18", "f19",  "f20",
  "f21", "f22", "f23", "f24", "f25", "f26", "f27", "f28", "f29", "f30", "f31", "fcsr",
};
#define X(n) ((n)-1)
#define F(n) (31 + (n))
#define FCSR 63

/* qemu-user */

static const char *const oracles[] = { "qemu-riscv64", "qemu-riscv64-static", NULL };

static const char *const *
oracle_lacks (guint major, const char *const **args)
{
  static const char *const old_args[] = { "-cpu", "rv64", NULL };
  static const char *const old_lacks[] = { "Zawrs", "Zicboz", "Zicond", NULL };
  static const char *const new_args[] = {
    "-cpu",
    "rv64,zba=on,zbb=on,zbs=on,zawrs=on,zicboz=on,zicond=on",
    NULL,
  };
  static const char *const nothing[] = { NULL };

  *args = major < 9 ? old_args : new_args;
  return major < 9 ? old_lacks : nothing;
}

/* Zbb, ctzw: "If the least-significant word is 0, the result is 32": QEMU 7.2 counts on. */
static gboolean
oracle_errs (guint major, const LockstepRow *row, const LockstepCase *c)
{
  guint32 word = 0;

  if (major >= 9 || !g_str_equal (row->name, "ctzw"))
    return FALSE;
  if (c == NULL)
    return TRUE;
  memcpy (&word, c->code + c->test_at, row->bytes);
  const guint rs1 = (guint)lockstep_field_get (lockstep_row_get_field (row, "rs1"), word);
  return rs1 != 0 && (guint32)c->regs[X (rs1)] == 0;
}

static const char *
skip (const LockstepRow *row, const char **note)
{
  *note = NULL;
  if (row->priv != 'U')
    return "privileged: the oracle runs user programs only; bare-metal programs test it";
  if (g_str_equal (row->name, "ecall"))
    return "a system call under the oracle, with what the environment makes of it; bare-metal "
           "programs test it";
  if (lockstep_row_has_extension (row, "Zicbom"))
    return "qemu-user keeps it from user programs (an environment's choice: senvcfg); bare-metal "
           "programs test it";
  if (lockstep_row_has_flag (row, "csr"))
    *note = "fflags, frm and fcsr only: others are counters, which have no value to compare, or "
            "privileged";
  else if (lockstep_row_has_flag (row, "fence"))
    *note = "that it changes nothing visible to its own hart; not the order that others see";
  else if (lockstep_row_has_flag (row, "atomic"))
    *note = "one hart: no contention";
  return NULL;
}

static gboolean
is_float (const LockstepRow *row)
{
  return lockstep_row_has_flag (row, "fp");
}

static void
fill (guint8 *code, gsize size)
{
  for (gsize i = 0; i + 1 < size; i += 2)
    {
      /* c.ebreak */
      code[i] = 0x02;
      code[i + 1] = 0x90;
    }
}

static void
set_register (VmtVcpu *vcpu, const char *name, guint64 value)
{
  const VmtArchRegister *reg = lockstep_find_register (vcpu->arch, name);

  g_assert_nonnull (reg);
  lockstep_set_register (vcpu, reg, value);
}

/* User mode, to which all memory and cbo.zero are open. */
static void
setup (VmtVcpu *vcpu)
{
  set_register (vcpu, "pmpaddr0", G_MAXUINT64 >> 10);
  set_register (vcpu, "pmpcfg0", 0x1f);
  set_register (vcpu, "menvcfg", 0x80);
  set_register (vcpu, "senvcfg", 0x80);
  set_register (vcpu, "priv", 0);
}

/* mstatus.FS: initial, clean or dirty must make no difference. */
static void
begin (VmtVcpu *vcpu, guint variant)
{
  set_register (vcpu, "mstatus", (guint64)(3 - variant % 3) << 13);
}

static guint
trap (guint64 cause)
{
  switch (cause)
    {
    case 3:
      return LOCKSTEP_STOP;
    case 2:
      return LOCKSTEP_ILLEGAL;
    case 1: /* access faults and page faults */
    case 5:
    case 7:
    case 12:
    case 13:
    case 15:
      return LOCKSTEP_MEMORY;
    case 0:
    case 4:
    case 6:
      return LOCKSTEP_ALIGN;
    default:
      return LOCKSTEP_OTHER;
    }
}

static guint
width_of (const LockstepRow *row)
{
  return MAX (MAX (row->load, row->store), row->amo);
}

static gboolean
is_cbo (const LockstepRow *row)
{
  return lockstep_row_has_flag (row, "cbo");
}

static gboolean
is_memory (const LockstepRow *row)
{
  return width_of (row) != 0 || is_cbo (row);
}

static gboolean
is_store_conditional (const LockstepRow *row)
{
  return g_str_equal (row->name, "sc_w") || g_str_equal (row->name, "sc_d");
}

static gboolean
is_load_reserved (const LockstepRow *row)
{
  return g_str_equal (row->name, "lr_w") || g_str_equal (row->name, "lr_d");
}

static gboolean
is_indirect (const LockstepRow *row)
{
  return lockstep_row_has_flag (row, "jump") && lockstep_row_get_field (row, "jimm") == NULL &&
         lockstep_row_get_field (row, "cjimm") == NULL;
}

/* The field that names the register with the address, which stands in parentheses in the operands;
 * NULL: it is sp. And the displacement in front of it, if any. */
static const LockstepField *
find_base (const LockstepRow *row, const LockstepField **disp)
{
  const LockstepField *base = NULL;

  *disp = NULL;
  if (is_indirect (row))
    {
      *disp = lockstep_row_get_field (row, "imm12");
      base = lockstep_row_get_field (row, "rs1");
      return base != NULL ? base : lockstep_row_get_field (row, "rs1_nz");
    }
  for (guint i = 0; i < row->n_fields; i++)
    {
      g_autofree char *inside = g_strdup_printf ("(%s)", row->fields[i].name);
      g_autofree char *before = g_strdup_printf ("%s(", row->fields[i].name);
      if (strstr (row->operands, inside) != NULL)
        base = &row->fields[i];
      if (strstr (row->operands, before) != NULL)
        *disp = &row->fields[i];
    }
  return base;
}

static guint
base_register (const LockstepRow *row, guint32 word, gint64 *displacement)
{
  const LockstepField *disp;
  const LockstepField *base = find_base (row, &disp);

  *displacement = disp != NULL ? lockstep_field_get (disp, word) : 0;
  return base != NULL ? (guint)lockstep_field_get (base, word) : 2;
}

static const LockstepField *
find_target (const LockstepRow *row)
{
  for (guint i = 0; i < row->n_fields; i++)
    if (g_str_equal (row->fields[i].klass, "target"))
      return &row->fields[i];
  return NULL;
}

static guint32
shape_word (const LockstepRow *row, LockstepRandom *r, guint32 word)
{
  const LockstepField *rm = lockstep_row_get_field (row, "rm");
  const LockstepField *csr = lockstep_row_get_field (row, "csr");

  if (rm != NULL)
    {
      /* The reserved ones seldom, the dynamic one often. */
      const guint mode = lockstep_random_below (r, 16);
      word = lockstep_field_put_raw (rm, word,
                                     mode < 10    ? mode % 5
                                     : mode == 10 ? 5
                                     : mode == 11 ? 6
                                                  : 7);
    }
  if (csr != NULL)
    word = lockstep_field_put_raw (csr, word, 1 + lockstep_random_below (r, 3));
  return word;
}

static gboolean
is_usable (const LockstepRow *row, guint32 word)
{
  const LockstepField *target = find_target (row);
  gint64 displacement;

  /* Neither an endless loop nor a jump into its own middle. */
  if (target != NULL)
    {
      const gint64 offset = lockstep_field_get (target, word);
      return offset < 0 || offset >= row->bytes;
    }
  if (is_memory (row) || is_indirect (row))
    return base_register (row, word, &displacement) != 0;
  return TRUE;
}

static guint32
make_word (const LockstepRow *row, const LockstepRows *rows, LockstepRandom *r)
{
  guint32 word;

  do
    word = shape_word (row, r, lockstep_row_random (row, rows, r));
  while (!is_usable (row, word) || !lockstep_row_is_valid (row, rows, word));
  return word;
}

static void
append (LockstepCase *c, guint32 word, guint bytes)
{
  memcpy (c->code + c->code_size, &word, bytes);
  c->code_size += bytes;
}

/* Jumps reach 1 MiB in both directions. Often at the end of a page, or across it. */
static guint64
random_pc (LockstepRandom *r)
{
  guint64 pc = LOCKSTEP_CODE_BASE + 0x120000 + (lockstep_random_bits (r) & 0x1bfffe);

  if (lockstep_random_once_in (r, 8))
    pc = (pc | 0xffe) - 2 * lockstep_random_below (r, 8);
  return pc;
}

static void
make_code (const LockstepRow *row, const LockstepRows *rows, LockstepRandom *r, LockstepCase *c)
{
  const guint32 word = make_word (row, rows, r);

  c->code_size = 0;
  c->pc = random_pc (r);
  c->variant = lockstep_random_once_in (r, 4) ? lockstep_random_below (r, 3) : 0;
  if (is_store_conditional (row))
    {
      /* A reservation first: lr to x0. Then, sometimes, an sc that loses it again. */
      const guint32 rs1 = word & 0xf8000, size = word & 0x7000;
      append (c, 0x1000202f | rs1 | size, 4);
      if (lockstep_random_once_in (r, 3))
        append (c, 0x1800202f | rs1 | size, 4);
    }
  c->test_at = c->code_size;
  append (c, word, row->bytes);
}

static guint64
box (LockstepRandom *r, guint32 single)
{
  /* One in sixteen is not a box. */
  const guint32 high = lockstep_random_below (r, 16) ? G_MAXUINT32
                       : lockstep_random_below (r, 2)
                           ? (guint32)lockstep_random_bits (r)
                           : (guint32)(G_MAXUINT32 ^ (1u << lockstep_random_below (r, 32)));
  return (guint64)high << 32 | single;
}

/* Of the operands: fcvt.s.d reads doubles. */
static gboolean
reads_singles (const LockstepRow *row)
{
  return g_str_has_suffix (row->mnemonic, ".s") ||
         (g_str_has_suffix (row->mnemonic, ".w") && lockstep_row_has_extension (row, "F"));
}

static guint64
random_float (const LockstepRow *row, LockstepRandom *r)
{
  const gboolean single = row != NULL ? reads_singles (row) != (lockstep_random_once_in (r, 16))
                                      : lockstep_random_once_in (r, 2);
  return single ? box (r, lockstep_random_f32 (r)) : lockstep_random_f64 (r);
}

static double
as_double (guint64 bits)
{
  double d;
  memcpy (&d, &bits, sizeof d);
  return d;
}

static guint64
of_double (double d)
{
  guint64 bits;
  memcpy (&bits, &d, sizeof bits);
  return bits;
}

static float
as_single (guint64 bits)
{
  const guint32 low = (guint32)bits;
  float f;
  memcpy (&f, &low, sizeof f);
  return f;
}

static guint64
of_single (float f)
{
  guint32 bits;
  memcpy (&bits, &f, sizeof bits);
  return (guint64)G_MAXUINT32 << 32 | bits;
}

/* 0, infinities and NaNs have one, too. */
static int
exponent_of (double value)
{
  return CLAMP (ilogb (value), -2000, 2000);
}

/* Operands that belong together: exact results and their neighbours, cancellation, ties. */
static void
relate (LockstepRandom *r, gboolean single, guint64 *a, guint64 *b, guint64 *c)
{
  const guint64 step = lockstep_random_below (r, 5) - G_GUINT64_CONSTANT (2);
  const guint64 high = single ? (guint64)G_MAXUINT32 << 32 : 0;

  switch (lockstep_random_below (r, 6))
    {
    case 0: /* a / b is about c */
      *a = single ? of_single (as_single (*b) * as_single (*c))
                  : of_double (as_double (*b) * as_double (*c));
      break;
    case 1: /* a * b + c is about 0 */
      *c = single ? of_single (-as_single (*a) * as_single (*b))
                  : of_double (-as_double (*a) * as_double (*b));
      break;
    case 2: /* neighbours */
      *b = *a;
      break;
    case 3: /* a square */
      *a = single ? of_single (as_single (*b) * as_single (*b))
                  : of_double (as_double (*b) * as_double (*b));
      break;
    case 4: /* opposites */
      *b = *a ^ (single ? 0x80000000u : G_GUINT64_CONSTANT (1) << 63);
      break;
    default: /* so far apart that bits of b fall out of the sum */
      {
        const int by = (int)lockstep_random_below (r, 110) - 55;
        *b = single ? of_single (ldexpf (as_single (*b), exponent_of (as_single (*a)) -
                                                             exponent_of (as_single (*b)) + by / 2))
                    : of_double (ldexp (as_double (*b), exponent_of (as_double (*a)) -
                                                            exponent_of (as_double (*b)) + by));
        return;
      }
    }
  *a = ((*a + step) & ~high) | (*a & high);
}

/* @value has so few bits that it is exact in either format. */
static guint64
of_value (gboolean single, double value)
{
  return single ? of_single ((float)value) : of_double (value);
}

static double
random_odd (LockstepRandom *r, guint bits)
{
  const guint64 top = G_GUINT64_CONSTANT (1) << (bits - 1);
  const double value = (double)((lockstep_random_bits (r) & (top - 1)) | top | 1);
  return lockstep_random_once_in (r, 2) ? -value : value;
}

/* Results at the edges of rounding, which random operands hardly ever have: ties, and what rounds
 * up to the smallest normal number or to infinity. */
static void
aim (LockstepRandom *r, gboolean single, guint64 *a, guint64 *b, guint64 *c)
{
  /* Doubles may be on their way to a single. */
  const gboolean narrow = single || lockstep_random_once_in (r, 3);
  const int precision = narrow ? 24 : 53;
  const int lowest = narrow ? -126 : -1022;
  const int edges[] = { lowest, lowest, lowest - 1, 1 - lowest + 1, 0 };
  const int edge = edges[lockstep_random_below (r, G_N_ELEMENTS (edges))];
  const int by = (int)lockstep_random_below (r, 40) - 20;
  const double zero = lockstep_random_once_in (r, 2) ? 0. : -0.;

  switch (lockstep_random_below (r, 5))
    {
    case 0: /* (1 + e) * (1 - e) = 1 - e * e, just below a power of two */
      {
        const double e =
            ldexp (1, -(precision / 2 + (int)lockstep_random_below (r, precision / 2)));
        const double sign = lockstep_random_once_in (r, 2) ? 1 : -1;
        *a = of_value (single, ldexp (1 + e, edge / 2 + by));
        *b = of_value (single, ldexp (sign * (1 - e), edge - edge / 2 - by));
        *c = of_value (single, zero);
        break;
      }
    case 1: /* the same for conversions to the narrower format */
      *a = of_value (single, single ? ldexp (random_odd (r, 8), by)
                                    : ldexp (1 - ldexp (1, -22 - (int)lockstep_random_below (r, 8)),
                                             lockstep_random_once_in (r, 2) ? -126 : 128));
      break;
    case 2: /* a product one bit too long */
      {
        const guint bits = 1 + lockstep_random_below (r, precision - 1);
        *a = of_value (single, ldexp (random_odd (r, bits), by));
        *b = of_value (single, ldexp (random_odd (r, precision + 1 - bits), by));
        *c = of_value (single, lockstep_random_once_in (r, 2) ? zero : ldexp (zero + 1, -100));
        break;
      }
    case 3: /* a sum one bit too long; and a double that is it already */
      {
        const double value = random_odd (r, precision);
        *a = of_value (single, single || !narrow ? value : value + 0.5);
        *b = of_value (single, lockstep_random_once_in (r, 2) ? 0.5 : -0.5);
        break;
      }
    default: /* halves, on their way to an integer */
      *a = of_value (single, random_odd (r, 1 + lockstep_random_below (r, precision)) / 2);
      break;
    }
}

/* Integers one bit too long for the format. */
static void
aim_integers (const LockstepRow *row, LockstepRandom *r, LockstepCase *c, guint32 word)
{
  const LockstepField *rs1 = lockstep_row_get_field (row, "rs1");
  const guint reg = rs1 != NULL ? (guint)lockstep_field_get (rs1, word) : 0;
  const guint bits = lockstep_random_once_in (r, 2) ? 25 : 54;

  if (reg == 0 || is_memory (row))
    return;
  c->regs[X (reg)] = (guint64)(gint64)random_odd (r, bits) << lockstep_random_below (r, 65 - bits);
  if (lockstep_random_once_in (r, 4))
    c->regs[X (reg)] += lockstep_random_below (r, 3) - G_GUINT64_CONSTANT (1);
}

static void
relate_floats (const LockstepRow *row, LockstepRandom *r, LockstepCase *c, guint32 word)
{
  guint64 spare[3] = { random_float (row, r), random_float (row, r), random_float (row, r) };
  guint64 *operands[3] = { &spare[0], &spare[1], &spare[2] };
  guint n = 0;

  for (guint i = 0; i < row->n_fields; i++)
    {
      const LockstepField *field = &row->fields[i];
      if (g_strcmp0 (field->reg, "float") == 0 && g_strcmp0 (field->role, "in") == 0)
        operands[n++] = &c->regs[F (lockstep_field_get (field, word))];
    }
  if (n == 0)
    aim_integers (row, r, c, word);
  if (n == 0 || row->store != 0)
    return;
  /* The fields stand in the encoding's order: rs3, rs2, rs1. */
  for (guint i = 0; i < n / 2; i++)
    {
      guint64 *other = operands[i];
      operands[i] = operands[n - 1 - i];
      operands[n - 1 - i] = other;
    }
  if (lockstep_random_once_in (r, 2))
    relate (r, reads_singles (row), operands[0], operands[1], operands[2]);
  else
    aim (r, reads_singles (row), operands[0], operands[1], operands[2]);
}

/* Addresses: in the window, at any alignment unless atomic; or at the end of memory and beyond. */
static guint64
random_address (const LockstepRow *row, LockstepRandom *r, LockstepCase *c)
{
  const guint width = MAX (width_of (row), 1);
  const gboolean atomic = lockstep_row_has_flag (row, "atomic");
  guint64 address;

  if (lockstep_random_once_in (r, 64))
    {
      c->mem = LOCKSTEP_DATA_BASE + LOCKSTEP_DATA_SIZE - c->mem_size;
      address = LOCKSTEP_DATA_BASE + LOCKSTEP_DATA_SIZE - 8 + lockstep_random_below (r, 24);
      return atomic ? address & ~(guint64)(width - 1) : address;
    }
  address = c->mem + lockstep_random_below (r, c->mem_size - width + 1);
  if (atomic && lockstep_random_once_in (r, 16))
    return address;
  if (atomic || lockstep_random_once_in (r, 2))
    address &= ~(guint64)(width - 1);
  return address;
}

static void
make_state (const LockstepRow *row, LockstepRandom *r, LockstepCase *c)
{
  guint32 word = 0;

  memcpy (&word, c->code + c->test_at, row->bytes);
  c->mem_size = 128;
  c->mem = LOCKSTEP_DATA_BASE +
           64 * lockstep_random_below (r, (LOCKSTEP_DATA_SIZE - c->mem_size) / 64 + 1);
  if (!is_cbo (row) && lockstep_random_once_in (r, 2) && c->mem > LOCKSTEP_DATA_BASE)
    c->mem -= 8 * lockstep_random_below (r, 8);
  lockstep_random_memory (r, c->memory, c->mem_size);
  for (guint i = 1; i < 32; i++)
    c->regs[X (i)] = lockstep_random_integer (r);
  for (guint i = 0; i < 32; i++)
    c->regs[F (i)] = random_float (row, r);
  /* Rounding modes 5 to 7 are legal to hold, and no dynamic rounding mode. */
  c->regs[FCSR] = (guint64)(lockstep_random_once_in (r, 24) ? 5 + lockstep_random_below (r, 3)
                                                            : lockstep_random_below (r, 5))
                      << 5 |
                  (lockstep_random_once_in (r, 2) ? lockstep_random_below (r, 32) : 0);
  if (is_float (row) && lockstep_random_once_in (r, 2))
    relate_floats (row, r, c, word);
  else if (lockstep_random_once_in (r, 4))
    {
      /* Equal operands, or almost. */
      const guint64 value = lockstep_random_integer (r);
      for (guint i = 1; i < 32; i++)
        c->regs[X (i)] =
            value + (lockstep_random_once_in (r, 4) ? lockstep_random_below (r, 3) : 0);
    }
  if (is_memory (row) || is_indirect (row))
    {
      gint64 displacement;
      const guint base = base_register (row, word, &displacement);
      guint64 address = 0;

      if (is_memory (row))
        address = random_address (row, r, c);
      else
        do
          address = random_pc (r);
        while (address >= c->pc && address < c->pc + c->code_size);
      c->regs[X (base)] = address - (guint64)displacement;
      /* The lowest bit of a target is ignored, after the addition. */
      if (is_indirect (row) && lockstep_random_once_in (r, 4))
        c->regs[X (base)] += ((address - (guint64)displacement) & 1) == 0;
    }
}

/* Programs. x2 and x8 hold addresses of data, x9 counts a loop: nothing else writes them. */
#define BASE 8
#define COUNT 9
#define PROGRAM_ITEMS 32

static gboolean
is_reserved (guint reg)
{
  return reg == 2 || reg == BASE || reg == COUNT;
}

static gboolean
writes_reserved (const LockstepRow *row, guint32 word)
{
  for (guint i = 0; i < row->n_fields; i++)
    if (g_strcmp0 (row->fields[i].reg, "int") == 0 && row->fields[i].role != NULL &&
        g_str_has_suffix (row->fields[i].role, "out") &&
        is_reserved ((guint)lockstep_field_get (&row->fields[i], word)))
      return TRUE;
  return g_str_equal (row->name, "c_addi16sp");
}

static guint32
encode_branch (guint32 word, gint offset)
{
  const guint32 o = (guint32)offset;
  return (word & 0x1fff07f) | (o >> 12 & 1) << 31 | (o >> 5 & 63) << 25 | (o >> 1 & 15) << 8 |
         (o >> 11 & 1) << 7;
}

typedef struct
{
  guint32 word;
  guint bytes;
  const LockstepField *target; /* (nullable): of a jump to item @to */
  guint to;
  gboolean pair; /* the second of auipc and jalr: its displacement is from the first */
} Item;

/* A plain instruction; FALSE: draw again. */
static gboolean
make_plain (const LockstepRow *row, const LockstepRows *rows, LockstepRandom *r, Item *item)
{
  const LockstepField *rm = lockstep_row_get_field (row, "rm");
  const LockstepField *disp, *base;

  if (row->excluded || skip (row, &(const char *){ NULL }) != NULL ||
      lockstep_row_has_flag (row, "trap") || is_indirect (row) ||
      lockstep_row_has_flag (row, "wait"))
    return FALSE;
  /* They end blocks: not too many. */
  if ((lockstep_row_has_flag (row, "csr") || lockstep_row_has_flag (row, "fence")) &&
      lockstep_random_below (r, 6) != 0)
    return FALSE;
  item->word = make_word (row, rows, r);
  item->bytes = row->bytes;
  item->target = find_target (row);
  /* Illegal ones end the program early: seldom. */
  if (rm != NULL && lockstep_random_below (r, 64) != 0)
    {
      static const guint8 modes[] = { 0, 1, 2, 3, 4, 7, 7, 7 };
      item->word = lockstep_field_put_raw (rm, item->word,
                                           modes[lockstep_random_below (r, G_N_ELEMENTS (modes))]);
    }
  if (lockstep_row_has_flag (row, "csr") && lockstep_row_get_field (row, "csr") != NULL &&
      lockstep_field_get_raw (lockstep_row_get_field (row, "csr"), item->word) != 1)
    {
      /* Reads of frm and fcsr: rs1, or the immediate, 0. */
      if ((item->word & 0x3000) == 0x1000)
        return FALSE;
      item->word &= ~0xf8000u;
    }
  if (is_memory (row))
    {
      base = find_base (row, &disp);
      if (base != NULL &&
          !lockstep_field_put (base, &item->word,
                               base->width == 3 || lockstep_random_once_in (r, 2) ? BASE : 2))
        return FALSE;
      if (disp != NULL)
        {
          gint64 value = (gint64)lockstep_random_below (r, 225) - 112;
          if (lockstep_random_once_in (r, 2))
            value &= ~(gint64)(width_of (row) - 1);
          if (!disp->is_signed)
            value = ABS (value) & ~(gint64)(width_of (row) - 1);
          if (!lockstep_field_put (disp, &item->word, value))
            return FALSE;
        }
    }
  return !writes_reserved (row, item->word) && lockstep_row_is_valid (row, rows, item->word);
}

static void
make_program (const LockstepRows *rows, LockstepRandom *r, LockstepCase *c)
{
  const LockstepRow *addi = lockstep_rows_find (rows, "addi");
  const LockstepRow *auipc = lockstep_rows_find (rows, "auipc");
  const LockstepRow *jalr = lockstep_rows_find (rows, "jalr");
  /* About half of the programs are made of a few rows each, so that neighbours matter. */
  const LockstepRow *favourites[6];
  const gboolean narrow = lockstep_random_once_in (r, 2);
  Item items[PROGRAM_ITEMS + 8];
  guint at[PROGRAM_ITEMS + 9];
  guint n = 0, loop = 0, loop_end = 0;
  const guint wanted = 4 + lockstep_random_below (r, PROGRAM_ITEMS - 4);
  const guint reserve_width = lockstep_random_once_in (r, 2) ? 4 : 8;
  gboolean has_sc = FALSE;

  g_assert (addi != NULL && auipc != NULL && jalr != NULL);
  for (guint i = 0; i < G_N_ELEMENTS (favourites); i++)
    favourites[i] = &rows->rows[lockstep_random_below (r, rows->n_rows)];
  memset (items, 0, sizeof items);
  while (n < wanted)
    {
      Item *item = &items[n];

      *item = (Item){ 0 };
      if (loop_end == n && n > 0 && loop != 0)
        {
          /* addi x9, x9, -1; blt x0, x9, loop */
          items[n++] = (Item){ .word = 0xfff48493, .bytes = 4 };
          items[n++] = (Item){ .word = 0x00904063, .bytes = 4, .to = loop };
          loop = 0;
          continue;
        }
      if (loop == 0 && lockstep_random_once_in (r, 12))
        {
          item->word = 0x00000493 | (1 + lockstep_random_below (r, 6)) << 20; /* addi x9, x0, n */
          item->bytes = 4;
          loop = ++n;
          loop_end = n + 1 + lockstep_random_below (r, 6);
          if (loop_end + 2 > wanted)
            loop = 0;
          continue;
        }
      if (lockstep_random_once_in (r, 24))
        {
          /* auipc t, 0; jalr rd, target(t) */
          const guint t = 10 + lockstep_random_below (r, 22);
          const guint rd = lockstep_random_once_in (r, 2) ? 1 : 10 + lockstep_random_below (r, 22);
          items[n++] = (Item){ .word = 0x17 | t << 7, .bytes = 4 };
          items[n] = (Item){ .word = 0x67 | rd << 7 | t << 15, .bytes = 4, .pair = TRUE };
          items[n].target = lockstep_row_get_field (jalr, "imm12");
          items[n].to = n + 1 + lockstep_random_below (r, 4);
          n++;
          /* A loop's end must not be lost. */
          if (loop != 0 && loop_end < n)
            loop_end = n;
          continue;
        }
      const LockstepRow *row = narrow && lockstep_random_below (r, 8) != 0
                                   ? favourites[lockstep_random_below (r, 6)]
                                   : &rows->rows[lockstep_random_below (r, rows->n_rows)];
      gboolean ok = FALSE;
      /* Whether an sc follows an lr of another width is up to the implementation ("Zalrsc": it may
       * register an arbitrarily large reservation set). */
      if ((is_store_conditional (row) || is_load_reserved (row)) && width_of (row) != reserve_width)
        continue;
      for (guint i = 0; i < 8 && !ok; i++)
        ok = make_plain (row, rows, r, item);
      if (!ok)
        continue;
      if (item->target != NULL)
        item->to = n + 1 + lockstep_random_below (r, 5);
      has_sc |= is_store_conditional (row);
      n++;
    }
  /* What jumps too far goes to the end. */
  c->code_size = 0;
  for (guint i = 0; i < n; i++)
    {
      at[i] = c->code_size;
      c->code_size += items[i].bytes;
    }
  c->test_at = 0;
  at[n] = c->code_size;
  for (guint i = 0; i < n; i++)
    {
      guint to = MIN (items[i].to, n);
      /* A jump to a loop's branch would leave out the counting. */
      if (to < n && items[i].target != NULL && items[to].target == NULL && items[to].to != 0)
        to--;
      /* And one to the second half of a pair would go by an old address. */
      if (to < n && items[i].target != NULL && items[to].pair)
        to--;
      const gint offset = (gint)at[to] - (gint)at[i];

      if (items[i].target != NULL)
        g_assert_true (lockstep_field_put (items[i].target, &items[i].word,
                                           items[i].pair ? offset + 4 : offset));
      else if (items[i].to != 0)
        items[i].word = encode_branch (items[i].word, offset);
      memcpy (c->code + at[i], &items[i].word, items[i].bytes);
    }

  c->pc = random_pc (r) & ~G_GUINT64_CONSTANT (1);
  if (lockstep_random_once_in (r, 4))
    c->pc =
        ((c->pc | 0xfff) + 1 - lockstep_random_below (r, c->code_size)) & ~G_GUINT64_CONSTANT (1);
  c->variant = lockstep_random_below (r, 3);
  c->mem_size = 256;
  c->mem = LOCKSTEP_DATA_BASE +
           64 * lockstep_random_below (r, (LOCKSTEP_DATA_SIZE - c->mem_size) / 64 + 1);
  lockstep_random_memory (r, c->memory, c->mem_size);
  for (guint i = 1; i < 32; i++)
    c->regs[X (i)] = lockstep_random_integer (r);
  for (guint i = 0; i < 32; i++)
    c->regs[F (i)] = random_float (NULL, r);
  c->regs[X (2)] = c->regs[X (BASE)] = c->mem + 128;
  /* qemu-user ends itself over a misaligned sc that has no reservation; the manual has it raise an
   * exception ("Zalrsc": the address held in rs1 must be naturally aligned). */
  if (!has_sc && lockstep_random_once_in (r, 8))
    c->regs[X (BASE)] += lockstep_random_below (r, 4);
  c->regs[X (COUNT)] = 1 + lockstep_random_below (r, 3);
  c->regs[FCSR] = (guint64)lockstep_random_below (r, 5) << 5 | lockstep_random_below (r, 32);
}

const LockstepArch lockstep_riscv64 = {
  .name = "riscv64",
  .registers = registers,
  .n_registers = G_N_ELEMENTS (registers),
  .oracles = oracles,
  .oracle_lacks = oracle_lacks,
  .oracle_errs = oracle_errs,
  .oracle_variable = "VMT_QEMU_RISCV64",
  .skip = skip,
  .is_float = is_float,
  .fill = fill,
  .setup = setup,
  .begin = begin,
  .trap = trap,
  .make_code = make_code,
  .make_state = make_state,
  .make_program = make_program,
};
G_STATIC_ASSERT (G_N_ELEMENTS (registers) == FCSR + 1);
