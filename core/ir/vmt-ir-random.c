/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "vmt-ir-random.h"
#include "vmt-ir-flags.h"
#include "vmt-ir-private.h"

typedef struct
{
  const struct _VmtArchOps *arch;
  const VmtIrRandomConfig *config;
  GRand *rand;
  GArray *ops, *insns, *consts, *temp_types;
  gboolean written; /* the present instruction has changed state */
  guint left;       /* ops that it may still have */
} Maker;

static guint
below (Maker *m, guint n)
{
  return g_rand_int_range (m->rand, 0, n);
}

static gboolean
chance (Maker *m, guint percent)
{
  return below (m, 100) < percent;
}

static guint64
random64 (GRand *rand)
{
  return (guint64)g_rand_int (rand) << 32 | g_rand_int (rand);
}

static guint64
special_int (GRand *rand)
{
  static const guint64 limits[] = { 0, 1, 2, 0x7f, 0x80, 0xff, 0x7fff, 0x8000, 0xffff };

  switch (g_rand_int_range (rand, 0, 7))
    {
    case 0:
      return limits[g_rand_int_range (rand, 0, G_N_ELEMENTS (limits))];
    case 1:
      return -limits[g_rand_int_range (rand, 0, G_N_ELEMENTS (limits))];
    case 2:
      /* around a power of two */
      return (G_GUINT64_CONSTANT (1) << g_rand_int_range (rand, 0, 64)) +
             (gint64)g_rand_int_range (rand, -1, 2);
    case 3:
      return g_rand_int_range (rand, 0, 70);
    case 4:
      return (guint64)(gint32)g_rand_int (rand);
    case 5:
      return g_rand_int (rand);
    default:
      return random64 (rand);
    }
}

static guint64
special_fp (GRand *rand)
{
  static const guint32 singles[] = { 0,          0x80000000, 0x3f800000, 0xbf800000, 0x7f800000,
                                     0xff800000, 0x7fc00000, 0xffc00000, 0x7fa00000, 0xff800001,
                                     0x00000001, 0x807fffff, 0x00800000, 0x7f7fffff, 0xff7fffff,
                                     0x3f800001, 0x4f000000, 0x5f000000, 0xcf000001, 0x4b800000 };
  static const guint64 doubles[] = { 0,
                                     G_GUINT64_CONSTANT (0x8000000000000000),
                                     G_GUINT64_CONSTANT (0x3ff0000000000000),
                                     G_GUINT64_CONSTANT (0xbff0000000000000),
                                     G_GUINT64_CONSTANT (0x7ff0000000000000),
                                     G_GUINT64_CONSTANT (0xfff0000000000000),
                                     G_GUINT64_CONSTANT (0x7ff8000000000000),
                                     G_GUINT64_CONSTANT (0xfff8000000000001),
                                     G_GUINT64_CONSTANT (0x7ff4000000000000),
                                     1,
                                     G_GUINT64_CONSTANT (0x800fffffffffffff),
                                     G_GUINT64_CONSTANT (0x0010000000000000),
                                     G_GUINT64_CONSTANT (0x7fefffffffffffff),
                                     G_GUINT64_CONSTANT (0x3ff0000000000001),
                                     G_GUINT64_CONSTANT (0x41e0000000000000),
                                     G_GUINT64_CONSTANT (0xc3e0000000000001),
                                     G_GUINT64_CONSTANT (0x36a0000000000000),
                                     G_GUINT64_CONSTANT (0x47efffffe0000000) };
  guint64 boxes = G_GUINT64_CONSTANT (0xffffffff00000000);

  switch (g_rand_int_range (rand, 0, 6))
    {
    case 0:
      return boxes | singles[g_rand_int_range (rand, 0, G_N_ELEMENTS (singles))];
    case 1:
      return doubles[g_rand_int_range (rand, 0, G_N_ELEMENTS (doubles))];
    case 2:
      return boxes | g_rand_int (rand);
    case 3:
      /* exponents near 1 */
      return boxes | (g_rand_int (rand) & 0x83ffffff) | 0x3c000000;
    case 4:
      return (random64 (rand) & G_GUINT64_CONSTANT (0x803fffffffffffff)) |
             G_GUINT64_CONSTANT (0x3fc0000000000000);
    default:
      return random64 (rand);
    }
}

static VmtIrVal
constant (Maker *m, guint64 lo, guint64 hi)
{
  VmtIrConst k = { lo, hi };

  for (guint i = 0; i < m->consts->len; i++)
    if (g_array_index (m->consts, VmtIrConst, i).lo == lo &&
        g_array_index (m->consts, VmtIrConst, i).hi == hi)
      return VMT_IR_CONST_FIRST + i;
  g_array_append_val (m->consts, k);
  return VMT_IR_CONST_FIRST + m->consts->len - 1;
}

static gboolean
fits (VmtIrType have, VmtIrType want)
{
  if (vmt_ir_type_class (have) != vmt_ir_type_class (want))
    return FALSE;
  return want == VMT_IR_I128 || want == VMT_IR_F80 || vmt_ir_type_class (want) == 'v'
             ? have == want
             : have != VMT_IR_I128 && have != VMT_IR_F80;
}

/* A temporary or global of @type, or VMT_IR_NO_VAL. Not too old, so that values meet. */
static VmtIrVal
variable (Maker *m, VmtIrType type, gboolean globals_only)
{
  const VmtIrArch *arch = vmt_ir_arch (m->arch);
  VmtIrVal found[64];
  guint n = 0;

  if (!globals_only && chance (m, 60))
    for (guint i = m->temp_types->len; i-- > 0 && n < 8;)
      if (fits (g_array_index (m->temp_types, guint8, i), type))
        found[n++] = VMT_IR_TEMP_FIRST + i;
  if (n == 0)
    for (guint i = 0; i < arch->n_globals && n < G_N_ELEMENTS (found); i++)
      if (fits (arch->globals[i].type, type))
        found[n++] = VMT_IR_GLOBAL (i);
  return n ? found[below (m, n)] : VMT_IR_NO_VAL;
}

static VmtIrVal
operand (Maker *m, VmtIrType type)
{
  VmtIrVal v = chance (m, 12) ? VMT_IR_NO_VAL : variable (m, type, FALSE);

  if (v != VMT_IR_NO_VAL || type == VMT_IR_FLAGS)
    return v;
  if (type == VMT_IR_I128)
    {
      guint64 lo = special_int (m->rand);

      return constant (m, lo, special_int (m->rand));
    }
  return constant (
      m, vmt_ir_type_class (type) == 'f' ? special_fp (m->rand) : special_int (m->rand), 0);
}

static void
begin_insn (Maker *m)
{
  VmtIrInsn insn = { .first_op = m->ops->len, .length = chance (m, 30) ? 2 : 4 };

  if (m->insns->len)
    {
      const VmtIrInsn *last = &g_array_index (m->insns, VmtIrInsn, m->insns->len - 1);

      insn.page_offset = last->page_offset + last->length;
    }
  else
    insn.page_offset = below (m, 0x600) * 2;
  g_array_append_val (m->insns, insn);
  m->written = FALSE;
  m->left = 1 + below (m, 4);
}

static VmtIrVal
result (Maker *m, VmtIrType type)
{
  guint8 t = type;
  VmtIrVal global = chance (m, 50) ? variable (m, type, TRUE) : VMT_IR_NO_VAL;

  if (global != VMT_IR_NO_VAL)
    {
      m->written = TRUE;
      return global;
    }
  g_array_append_val (m->temp_types, t);
  return VMT_IR_TEMP_FIRST + m->temp_types->len - 1;
}

static void
add (Maker *m, VmtIrOpcode opcode, VmtIrType type, guint flags, VmtIrVal a, VmtIrVal b, VmtIrVal c,
     gint32 imm)
{
  VmtIrType made = vmt_ir_op_result_type (opcode, type);
  VmtIrOp op = { opcode, type, flags, VMT_IR_NO_VAL, a, b, c, imm };

  if (made != VMT_IR_NONE)
    op.d = result (m, made);
  g_array_append_val (m->ops, op);
}

/* An op that may fault, or the next one after the instruction's share. */
static void
room (Maker *m, gboolean faults)
{
  if (!m->insns->len || !m->left || (faults && m->written))
    begin_insn (m);
  m->left--;
}

static VmtIrType
int_type (Maker *m)
{
  static const guint8 types[] = { VMT_IR_I8,  VMT_IR_I16, VMT_IR_I32, VMT_IR_I32,
                                  VMT_IR_I64, VMT_IR_I64, VMT_IR_I64 };

  return types[below (m, G_N_ELEMENTS (types))];
}

static void
integer_op (Maker *m, gboolean more)
{
  VmtIrOpcode opcode;
  VmtIrType type = int_type (m);
  guint flags, n = 0, pos, w;
  gint32 imm = 0;
  VmtIrVal v[3] = { VMT_IR_NO_VAL, VMT_IR_NO_VAL, VMT_IR_NO_VAL };

  opcode = more ? VMT_IR_ADC + below (m, VMT_IR_SHA2 - VMT_IR_ADC + 1)
                : VMT_IR_MOV + below (m, VMT_IR_PCREL - VMT_IR_MOV + 1);
  flags = chance (m, 40) ? VMT_IR_SX : 0;
  if (opcode == VMT_IR_SHA2 && type < VMT_IR_I32)
    type = VMT_IR_I32;
  w = vmt_ir_type_bits (type);
  switch (opcode)
    {
    case VMT_IR_SETCC:
      flags = 0;
      imm = below (m, VMT_IR_GEU + 1);
      break;
    case VMT_IR_EXTRACT:
    case VMT_IR_INSERT:
      pos = below (m, w);
      imm = pos | (1 + below (m, w - pos)) << 8;
      break;
    case VMT_IR_SHADD:
      imm = below (m, 4);
      if (type == VMT_IR_I64 && chance (m, 50))
        flags |= VMT_IR_UW;
      break;
    case VMT_IR_PCREL:
      type = VMT_IR_I64;
      flags = 0;
      imm = below (m, 0x10000) - 0x8000;
      break;
    case VMT_IR_CRC32:
      imm = below (m, 2);
      break;
    case VMT_IR_SHA2:
      imm = below (m, 4);
      break;
    default:
      break;
    }
  for (; vmt_ir_op_operand_class (opcode, n) != '-'; n++)
    v[n] = operand (m, VMT_IR_I64);
  add (m, opcode, type, flags, v[0], v[1], v[2], imm);
}

static void
pair_op (Maker *m)
{
  VmtIrVal a, b;

  switch (below (m, 4))
    {
    case 0:
      a = operand (m, VMT_IR_I64);
      b = operand (m, VMT_IR_I64);
      add (m, VMT_IR_PACK128, VMT_IR_I128, 0, a, b, VMT_IR_NO_VAL, 0);
      break;
    case 1:
      a = operand (m, VMT_IR_I128);
      b = operand (m, VMT_IR_I128);
      add (m, VMT_IR_SETCC, VMT_IR_I128, 0, a, b, VMT_IR_NO_VAL, below (m, VMT_IR_GEU + 1));
      break;
    default:
      a = operand (m, VMT_IR_I128);
      add (m, chance (m, 50) ? VMT_IR_LOW : VMT_IR_HIGH, VMT_IR_I64, 0, a, VMT_IR_NO_VAL,
           VMT_IR_NO_VAL, 0);
      break;
    }
}

/* A temporary with an address of @size bytes in data memory, or anywhere. */
static VmtIrVal
address (Maker *m, guint size, gboolean aligned)
{
  guint64 mask = m->config->size - 1;
  guint8 t = VMT_IR_I64;
  VmtIrOp op = { VMT_IR_AND, VMT_IR_I64, 0, 0, 0, 0, VMT_IR_NO_VAL, 0 };

  if (aligned || chance (m, 80))
    mask &= ~(guint64)(size - 1);
  if (below (m, 1000) < m->config->wild)
    return operand (m, VMT_IR_I64);
  op.a = operand (m, VMT_IR_I64);
  op.b = constant (m, mask, 0);
  g_array_append_val (m->temp_types, t);
  op.d = VMT_IR_TEMP_FIRST + m->temp_types->len - 1;
  g_array_append_val (m->ops, op);
  op.opcode = VMT_IR_ADD;
  op.a = op.d;
  op.b = constant (m, m->config->base, 0);
  g_array_append_val (m->temp_types, t);
  op.d++;
  g_array_append_val (m->ops, op);
  return op.d;
}

static VmtIrType
fp_type (Maker *m)
{
  if (m->config->classes & VMT_IR_RANDOM_F16 && chance (m, 30))
    return VMT_IR_F16;
  return chance (m, 50) ? VMT_IR_F32 : VMT_IR_F64;
}

static guint
boxed (Maker *m, VmtIrType type)
{
  return type != VMT_IR_F64 && chance (m, 70) ? VMT_IR_BOXED : 0;
}

static void
memory_op (Maker *m)
{
  gboolean has_fp = m->config->classes & VMT_IR_RANDOM_FP;
  VmtIrType type = has_fp && chance (m, 25) ? fp_type (m) : int_type (m);
  guint size = vmt_ir_type_bits (type) / 8, ordering = below (m, 4);
  guint flags = vmt_ir_type_class (type) == 'f' ? boxed (m, type) : chance (m, 50) ? VMT_IR_SX : 0;
  VmtIrOp ext = { VMT_IR_EXT, 0, 0, VMT_IR_NO_VAL, VMT_IR_NO_VAL, VMT_IR_NO_VAL, VMT_IR_NO_VAL, 0 };
  VmtIrVal a, b;
  guint displacement, extend;

  switch (below (m, m->config->classes & VMT_IR_RANDOM_MORE ? 13 : 12))
    {
    case 0:
    case 1:
    case 2:
    case 3:
      a = address (m, size, FALSE);
      displacement = chance (m, 70) ? below (m, 4) * size : below (m, 32);
      add (m, VMT_IR_LD, type, flags, a, VMT_IR_NO_VAL, ordering, displacement % 32);
      break;
    case 4:
    case 5:
    case 6:
    case 7:
      a = address (m, size, FALSE);
      b = operand (m, type);
      add (m, VMT_IR_ST, type, 0, a, b, ordering, below (m, 4) * size);
      m->written = TRUE;
      break;
    case 8:
      type = chance (m, 50) ? VMT_IR_I32 : VMT_IR_I64;
      extend = chance (m, 50) ? VMT_IR_SX : 0;
      a = address (m, 8, TRUE);
      add (m, VMT_IR_LL, type, extend, a, VMT_IR_NO_VAL, ordering | VMT_IR_MEM_ALIGNED, 0);
      break;
    case 9:
      type = chance (m, 50) ? VMT_IR_I32 : VMT_IR_I64;
      a = address (m, 8, TRUE);
      b = operand (m, type);
      add (m, VMT_IR_SC, type, 0, a, b, ordering | VMT_IR_MEM_ALIGNED, 0);
      m->written = TRUE;
      break;
    case 10:
      type = chance (m, 50) ? VMT_IR_I32 : VMT_IR_I64;
      a = address (m, 8, TRUE);
      b = operand (m, type);
      extend = chance (m, 50) ? VMT_IR_SX : 0;
      add (m, VMT_IR_AMO, type, extend, a, b,
           ordering | VMT_IR_MEM_ALIGNED | VMT_IR_MEM_ATOMIC_FAULT, below (m, VMT_IR_AMO_MAXU + 1));
      m->written = TRUE;
      break;
    case 11:
      add (m, VMT_IR_FENCE, VMT_IR_NONE, 0, VMT_IR_NO_VAL, VMT_IR_NO_VAL, VMT_IR_NO_VAL,
           below (m, 256));
      break;
    default:
      type = chance (m, 30) ? VMT_IR_I128 : chance (m, 50) ? VMT_IR_I32 : VMT_IR_I64;
      a = address (m, type == VMT_IR_I128 ? 16 : 8, TRUE);
      b = operand (m, type);
      /* before there is a result, which it must not name */
      ext.a = operand (m, type);
      add (m, VMT_IR_CAS, type, 0, a, b, ordering | VMT_IR_MEM_ALIGNED | VMT_IR_MEM_ATOMIC_FAULT,
           0);
      g_array_append_val (m->ops, ext);
      m->written = TRUE;
      break;
    }
}

static void
fp_op (Maker *m, gboolean more)
{
  static const guint16 ops[] = { VMT_IR_FADD,   VMT_IR_FSUB,  VMT_IR_FMUL, VMT_IR_FDIV,
                                 VMT_IR_FSQRT,  VMT_IR_FMA,   VMT_IR_FMA,  VMT_IR_FMIN,
                                 VMT_IR_FMAX,   VMT_IR_FSGNJ, VMT_IR_FCMP, VMT_IR_FCLASS,
                                 VMT_IR_FCVT,   VMT_IR_F2I,   VMT_IR_I2F,  VMT_IR_F2BITS,
                                 VMT_IR_BITS2F, VMT_IR_MOV,   VMT_IR_FRINT };
  VmtIrOpcode opcode = ops[below (m, G_N_ELEMENTS (ops) - (more ? 0 : 1))];
  VmtIrType type = fp_type (m), from;
  guint flags = boxed (m, type), n = 0;
  gint32 imm = below (m, 6);
  VmtIrVal v[3] = { VMT_IR_NO_VAL, VMT_IR_NO_VAL, VMT_IR_NO_VAL };

  /* The five rounding modes of RISC-V, and the environment's. */
  if (imm == 5)
    imm = 7;
  switch (opcode)
    {
    case VMT_IR_FMA:
      imm |= below (m, 4) << 8;
      break;
    case VMT_IR_FMIN:
    case VMT_IR_FMAX:
      imm = more ? below (m, 4) << 8 : 0;
      break;
    case VMT_IR_FSGNJ:
      imm = below (m, 3);
      break;
    case VMT_IR_FCMP:
      imm = below (m, 8);
      break;
    case VMT_IR_FCVT:
      from = fp_type (m);
      if (from == type)
        from = type == VMT_IR_F32 ? VMT_IR_F64 : VMT_IR_F32;
      imm |= from << 8;
      flags = boxed (m, VMT_IR_F32);
      break;
    case VMT_IR_F2I:
      from = type;
      type = chance (m, 50) ? VMT_IR_I32 : VMT_IR_I64;
      if (chance (m, 50))
        flags |= VMT_IR_SX;
      imm |= from << 8 | below (m, 2) << 12 | (more ? below (m, 3) << 13 : 0);
      break;
    case VMT_IR_I2F:
      imm |= (chance (m, 50) ? VMT_IR_I32 : VMT_IR_I64) << 8 | below (m, 2) << 12;
      break;
    case VMT_IR_F2BITS:
      type = chance (m, 50) ? VMT_IR_I32 : VMT_IR_I64;
      flags = chance (m, 50) ? VMT_IR_SX : 0;
      imm = 0;
      break;
    case VMT_IR_MOV:
      flags = 0;
      imm = 0;
      break;
    case VMT_IR_BITS2F:
    case VMT_IR_FCLASS:
      imm = 0;
      break;
    case VMT_IR_FRINT:
      imm |= below (m, 2) << 8;
      break;
    default:
      break;
    }
  for (;; n++)
    {
      char class = vmt_ir_op_operand_class (opcode, n);

      if (class == '-')
        break;
      v[n] = operand (m, class == 'i' ? VMT_IR_I64 : VMT_IR_F64);
    }
  add (m, opcode, type, flags, v[0], v[1], v[2], imm);
  /* exception flags */
  m->written = TRUE;
}

static void
flags_op (Maker *m)
{
  VmtIrOpcode opcode = VMT_IR_FL_ADD + below (m, VMT_IR_FL_COND - VMT_IR_FL_ADD + 1);
  VmtIrOp ext = { VMT_IR_EXT, 0, 0, VMT_IR_NO_VAL, VMT_IR_NO_VAL, VMT_IR_NO_VAL, VMT_IR_NO_VAL, 0 };
  VmtIrType type = int_type (m);
  guint flags = 0;
  gint32 imm = 0;
  VmtIrVal v[3] = { VMT_IR_NO_VAL, VMT_IR_NO_VAL, VMT_IR_NO_VAL };
  gboolean has_ext = vmt_ir_op_info[opcode].flags & VMT_IR_OP_HAS_EXT;
  VmtIrVal old = variable (m, VMT_IR_FLAGS, FALSE);

  /* Without flags to read, make some. */
  if (old == VMT_IR_NO_VAL && (has_ext || strchr (vmt_ir_op_info[opcode].signature + 1, 'F')))
    opcode = VMT_IR_FL_ADD, has_ext = FALSE;
  switch (opcode)
    {
    case VMT_IR_FL_SUB:
    case VMT_IR_FL_SBB:
      flags = chance (m, 50) ? VMT_IR_NOT_BORROW : 0;
      break;
    case VMT_IR_FL_INS:
      type = VMT_IR_NONE;
      imm = random64 (m->rand) & VMT_IR_FLAGS_ALL;
      break;
    case VMT_IR_FL_PACK:
    case VMT_IR_FL_GET:
      type = VMT_IR_NONE;
      imm = below (m, 2);
      break;
    case VMT_IR_FL_COND:
      type = VMT_IR_NONE;
      imm = below (m, VMT_IR_FC_HI + 1);
      break;
    default:
      break;
    }
  for (guint n = 0; vmt_ir_op_operand_class (opcode, n) != '-'; n++)
    v[n] = vmt_ir_op_operand_class (opcode, n) == 'F' ? old : operand (m, VMT_IR_I64);
  add (m, opcode, type, flags, v[0], v[1], v[2], imm);
  if (has_ext)
    {
      ext.a = old;
      g_array_append_val (m->ops, ext);
    }
}

static void
branch (Maker *m)
{
  gint32 target = below (m, 0x800) * 2;
  VmtIrVal old = variable (m, VMT_IR_FLAGS, FALSE), a, b;
  VmtIrType type = int_type (m);

  if (m->config->classes & VMT_IR_RANDOM_FLAGS && old != VMT_IR_NO_VAL && chance (m, 50))
    add (m, VMT_IR_BRANCH_FLAGS, VMT_IR_NONE, 0, old, VMT_IR_NO_VAL, below (m, VMT_IR_FC_HI + 1),
         target);
  else
    {
      a = operand (m, VMT_IR_I64);
      b = operand (m, VMT_IR_I64);
      add (m, VMT_IR_BRANCH, type, 0, a, b, below (m, VMT_IR_GEU + 1), target);
    }
}

static void
end (Maker *m)
{
  gint32 target = below (m, 0x800) * 2;
  guint hints = below (m, 4) << 3, how = below (m, 4);
  VmtIrVal none = VMT_IR_NO_VAL;

  if (how == 0)
    add (m, VMT_IR_JUMP_IND, VMT_IR_NONE, hints, operand (m, VMT_IR_I64), none, none, 0);
  else if (how == 1)
    add (m, VMT_IR_EXIT, VMT_IR_NONE, 0, none, none, none, target);
  else
    add (m, VMT_IR_JUMP, VMT_IR_NONE, hints, none, none, none, target);
}

static void
op_of_class (Maker *m, guint class)
{
  gboolean more = m->config->classes & VMT_IR_RANDOM_MORE;

  room (m, class == VMT_IR_RANDOM_MEM);
  switch (class)
    {
    case VMT_IR_RANDOM_MEM:
      memory_op (m);
      break;
    case VMT_IR_RANDOM_FP:
    case VMT_IR_RANDOM_F16:
      fp_op (m, more);
      break;
    case VMT_IR_RANDOM_EXITS:
      if (chance (m, 30))
        branch (m);
      else
        integer_op (m, FALSE);
      break;
    case VMT_IR_RANDOM_MORE:
      if (chance (m, 25))
        pair_op (m);
      else
        integer_op (m, TRUE);
      break;
    case VMT_IR_RANDOM_FLAGS:
      flags_op (m);
      break;
    default:
      integer_op (m, FALSE);
      break;
    }
}

VmtIrBlock *
vmt_ir_random_block (const struct _VmtArchOps *arch, guint32 seed, const VmtIrRandomConfig *config)
{
  Maker m = { .arch = arch, .config = config };
  VmtIrBlock *block;
  guint classes[16], n_classes = 0;

  m.rand = g_rand_new_with_seed (seed);
  m.ops = g_array_new (FALSE, FALSE, sizeof (VmtIrOp));
  m.insns = g_array_new (FALSE, FALSE, sizeof (VmtIrInsn));
  m.consts = g_array_new (FALSE, FALSE, sizeof (VmtIrConst));
  m.temp_types = g_array_new (FALSE, FALSE, 1);
  for (guint bit = 1; bit <= VMT_IR_RANDOM_FLAGS; bit <<= 1)
    if (config->classes & bit)
      classes[n_classes++] = bit;
  if (!n_classes)
    classes[n_classes++] = VMT_IR_RANDOM_INT;
  while (m.ops->len < config->n_ops)
    op_of_class (&m, classes[below (&m, n_classes)]);
  room (&m, FALSE);
  end (&m);
  block = vmt_ir_block_make (arch, (const VmtIrOp *)m.ops->data, m.ops->len,
                             (const VmtIrInsn *)m.insns->data, m.insns->len,
                             (const VmtIrConst *)m.consts->data, m.consts->len,
                             (const guint8 *)m.temp_types->data, m.temp_types->len);
  g_array_unref (m.ops);
  g_array_unref (m.insns);
  g_array_unref (m.consts);
  g_array_unref (m.temp_types);
  g_rand_free (m.rand);
  return block;
}

void
vmt_ir_random_state (const struct _VmtArchOps *arch, guint32 seed, VmtVcpu *vcpu)
{
  const VmtIrArch *a = vmt_ir_arch (arch);
  GRand *rand = g_rand_new_with_seed (seed);

  for (guint i = 0; i < a->n_globals; i++)
    {
      VmtIrType type = a->globals[i].type;
      guint8 *slot = (guint8 *)vcpu + a->globals[i].offset;
      guint size = vmt_ir_type_class (type) == 'v'             ? vmt_ir_type_bits (type) / 8
                   : type == VMT_IR_I128 || type == VMT_IR_F80 ? 16
                                                               : 8;

      if (type == VMT_IR_FLAGS)
        *(VmtIrFlags *)slot = vmt_ir_flags_from_bits (g_rand_int (rand));
      else
        for (guint at = 0; at < size; at += 8)
          {
            guint64 x = vmt_ir_type_class (type) == 'f' ? special_fp (rand) : special_int (rand);

            /* The exponent of an F80 is 16 bits. */
            if (type == VMT_IR_F80 && at)
              x &= 0xffff;
            memcpy (slot + at, &x, 8);
          }
    }
  g_rand_free (rand);
}
