/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "vmt-ir-flags.h"

static guint64
width_mask (VmtIrType type)
{
  guint w = vmt_ir_type_bits (type);

  return w >= 64 ? G_MAXUINT64 : (G_GUINT64_CONSTANT (1) << w) - 1;
}

static guint
top_bit (guint64 x, VmtIrType type)
{
  return x >> (vmt_ir_type_bits (type) - 1) & 1;
}

static gint64
sign_extend (guint64 x, VmtIrType type)
{
  guint n = 64 - vmt_ir_type_bits (type);

  return (gint64)(x << n) >> n;
}

static guint
of_result (guint64 r, VmtIrType type)
{
  guint bits = 0;

  r &= width_mask (type);
  if (!r)
    bits |= VMT_IR_FLAG_Z;
  if (top_bit (r, type))
    bits |= VMT_IR_FLAG_S;
  if (!(__builtin_popcount (r & 0xff) & 1))
    bits |= VMT_IR_FLAG_P;
  return bits;
}

static guint
carry_overflow (gboolean carry, gboolean overflow)
{
  return (carry ? VMT_IR_FLAG_C : 0) | (overflow ? VMT_IR_FLAG_O : 0);
}

static guint
of_sum (guint64 a, guint64 b, guint carry, VmtIrType type)
{
  unsigned __int128 sum = (unsigned __int128)a + b + carry;
  guint64 r = sum;

  return of_result (r, type) | ((a ^ b ^ r) & VMT_IR_FLAG_A) |
         carry_overflow (sum >> vmt_ir_type_bits (type) & 1, top_bit ((a ^ r) & (b ^ r), type));
}

static guint
of_difference (guint64 a, guint64 b, guint borrow, VmtIrType type)
{
  guint64 r = a - b - borrow;

  return of_result (r, type) | ((a ^ b ^ r) & VMT_IR_FLAG_A) |
         carry_overflow ((unsigned __int128)b + borrow > a, top_bit ((a ^ b) & (a ^ r), type));
}

guint
vmt_ir_flags_bits (const VmtIrFlags *f)
{
  VmtIrType type = f->type;
  guint w = vmt_ir_type_bits (type), n = f->y;
  guint64 x = f->x, y = f->y, r;
  guint bits;
  gboolean carry;

  switch (f->kind)
    {
    case VMT_IR_FL_ADD:
      return of_sum (x, y, f->carry, type);
    case VMT_IR_FL_SUB:
      bits = of_difference (x, y, f->carry, type);
      return f->flags & VMT_IR_NOT_BORROW ? bits ^ VMT_IR_FLAG_C : bits;
    case VMT_IR_FL_LOGIC:
      return of_result (x, type);
    case VMT_IR_FL_INC:
      return (of_sum (x, 1, 0, type) & ~VMT_IR_FLAG_C) | (f->carry ? VMT_IR_FLAG_C : 0);
    case VMT_IR_FL_DEC:
      return (of_difference (x, 1, 0, type) & ~VMT_IR_FLAG_C) | (f->carry ? VMT_IR_FLAG_C : 0);
    case VMT_IR_FL_SHL:
      r = n < w ? x << n : 0;
      carry = n <= w && x >> (w - n) & 1;
      return of_result (r, type) | carry_overflow (carry, carry ^ top_bit (r, type));
    case VMT_IR_FL_SHR:
      r = n < w ? x >> n : 0;
      return of_result (r, type) | carry_overflow (n <= w && x >> (n - 1) & 1, top_bit (x, type));
    case VMT_IR_FL_SAR:
      r = sign_extend (x, type) >> MIN (n, 63);
      return of_result (r, type) |
             carry_overflow (sign_extend (x, type) >> MIN (n - 1, 63) & 1, FALSE);
    case VMT_IR_FL_MULU:
      carry = (unsigned __int128)x * y >> w != 0;
      return of_result (x * y, type) | carry_overflow (carry, carry);
    case VMT_IR_FL_MULS:
      carry = (__int128)sign_extend (x, type) * sign_extend (y, type) != sign_extend (x * y, type);
      return of_result (x * y, type) | carry_overflow (carry, carry);
    default:
      return x & VMT_IR_FLAGS_ALL;
    }
}

VmtIrFlags
vmt_ir_flags_from_bits (guint bits)
{
  return (VmtIrFlags){ .kind = VMT_IR_FL_PACK, .x = bits & VMT_IR_FLAGS_ALL };
}

/* @old with C and O replaced. */
static VmtIrFlags
rotated (const VmtIrFlags *old, gboolean carry, gboolean overflow)
{
  return vmt_ir_flags_from_bits ((vmt_ir_flags_bits (old) & ~(VMT_IR_FLAG_C | VMT_IR_FLAG_O)) |
                                 carry_overflow (carry, overflow));
}

static VmtIrFlags
rotate (VmtIrOpcode opcode, VmtIrType type, guint64 a, guint count, const VmtIrFlags *old)
{
  guint w = vmt_ir_type_bits (type), n = count % w;
  guint64 r;

  if (opcode == VMT_IR_FL_ROR)
    n = (w - n) % w;
  r = (n ? a << n | a >> (w - n) : a) & width_mask (type);
  if (opcode == VMT_IR_FL_ROL)
    return rotated (old, r & 1, (r & 1) ^ top_bit (r, type));
  return rotated (old, top_bit (r, type), top_bit (r ^ r << 1, type));
}

static VmtIrFlags
rotate_carry (VmtIrOpcode opcode, VmtIrType type, guint64 a, guint count, const VmtIrFlags *old)
{
  guint w = vmt_ir_type_bits (type), n = count % (w + 1);
  unsigned __int128 x, r;
  gboolean carry;

  if (!n)
    return *old;
  x = (unsigned __int128)(vmt_ir_flags_bits (old) & VMT_IR_FLAG_C) << w | a;
  if (opcode == VMT_IR_FL_RCR)
    n = w + 1 - n;
  r = x << n | x >> (w + 1 - n);
  carry = r >> w & 1;
  if (opcode == VMT_IR_FL_RCL)
    return rotated (old, carry, carry ^ top_bit (r, type));
  return rotated (old, carry, top_bit ((guint64)r ^ (guint64)r << 1, type));
}

static VmtIrFlags
double_shift (VmtIrOpcode opcode, VmtIrType type, guint64 a, guint64 b, guint count,
              const VmtIrFlags *old)
{
  guint w = vmt_ir_type_bits (type), n = count % w;
  guint64 r;
  gboolean carry;

  if (!n)
    return *old;
  if (opcode == VMT_IR_FL_DSHL)
    {
      r = a << n | b >> (w - n);
      carry = a >> (w - n) & 1;
    }
  else
    {
      r = a >> n | b << (w - n);
      carry = a >> (n - 1) & 1;
    }
  return vmt_ir_flags_from_bits (of_result (r, type) |
                                 carry_overflow (carry, top_bit (a ^ r, type)));
}

static guint
from_nzcv (guint64 nzcv)
{
  return (nzcv >> 31 & 1 ? VMT_IR_FLAG_S : 0) | (nzcv >> 30 & 1 ? VMT_IR_FLAG_Z : 0) |
         carry_overflow (nzcv >> 29 & 1, nzcv >> 28 & 1);
}

VmtIrFlags
vmt_ir_flags_make (VmtIrOpcode opcode, VmtIrType type, guint op_flags, gint32 imm, guint64 a,
                   guint64 b, guint64 c, const VmtIrFlags *old)
{
  VmtIrFlags f = { .kind = opcode, .type = type, .flags = op_flags & VMT_IR_NOT_BORROW };
  guint count_mask = type == VMT_IR_I64 ? 63 : 31;

  if (vmt_ir_type_class (type) == 'i')
    {
      a &= width_mask (type);
      if (opcode != VMT_IR_FL_SHL && opcode != VMT_IR_FL_SHR && opcode != VMT_IR_FL_SAR)
        b &= width_mask (type);
    }
  f.x = a;
  f.y = b;
  switch (opcode)
    {
    case VMT_IR_FL_ADD:
    case VMT_IR_FL_SUB:
    case VMT_IR_FL_MULU:
    case VMT_IR_FL_MULS:
      return f;
    case VMT_IR_FL_ADC:
      f.kind = VMT_IR_FL_ADD;
      f.carry = c & 1;
      return f;
    case VMT_IR_FL_SBB:
      f.kind = VMT_IR_FL_SUB;
      f.carry = (c & 1) ^ (f.flags ? 1 : 0);
      return f;
    case VMT_IR_FL_LOGIC:
      f.y = 0;
      return f;
    case VMT_IR_FL_INC:
    case VMT_IR_FL_DEC:
      f.y = 0;
      f.carry = vmt_ir_flags_bits (old) & VMT_IR_FLAG_C;
      return f;
    case VMT_IR_FL_SHL:
    case VMT_IR_FL_SHR:
    case VMT_IR_FL_SAR:
      f.y = b & count_mask;
      return f.y ? f : *old;
    case VMT_IR_FL_ROL:
    case VMT_IR_FL_ROR:
      return b & count_mask ? rotate (opcode, type, a, b & count_mask, old) : *old;
    case VMT_IR_FL_RCL:
    case VMT_IR_FL_RCR:
      return rotate_carry (opcode, type, a, b & count_mask, old);
    case VMT_IR_FL_DSHL:
    case VMT_IR_FL_DSHR:
      return double_shift (opcode, type, a, b, c & count_mask, old);
    case VMT_IR_FL_INS:
      return vmt_ir_flags_from_bits ((vmt_ir_flags_bits (old) & ~imm) | (b & imm));
    default:
      return vmt_ir_flags_from_bits (imm == VMT_IR_FLAGS_NZCV ? from_nzcv (a) : a);
    }
}

gboolean
vmt_ir_flags_test (const VmtIrFlags *f, VmtIrFlagCond cond)
{
  guint bits = vmt_ir_flags_bits (f);
  gboolean c = bits & VMT_IR_FLAG_C, z = (bits & VMT_IR_FLAG_Z) != 0,
           less = ((bits & VMT_IR_FLAG_S) != 0) != ((bits & VMT_IR_FLAG_O) != 0);
  gboolean r;

  /* Every odd condition is the opposite of the one before it. */
  switch (cond & ~1u)
    {
    case VMT_IR_FC_O:
      r = (bits & VMT_IR_FLAG_O) != 0;
      break;
    case VMT_IR_FC_C:
      r = c;
      break;
    case VMT_IR_FC_Z:
      r = z;
      break;
    case VMT_IR_FC_BE:
      r = c || z;
      break;
    case VMT_IR_FC_S:
      r = (bits & VMT_IR_FLAG_S) != 0;
      break;
    case VMT_IR_FC_P:
      r = (bits & VMT_IR_FLAG_P) != 0;
      break;
    case VMT_IR_FC_LT:
      r = less;
      break;
    case VMT_IR_FC_LE:
      r = z || less;
      break;
    default:
      r = !c || z;
      break;
    }
  return r ^ (cond & 1);
}

guint64
vmt_ir_flags_get (const VmtIrFlags *f, VmtIrFlagsLayout layout)
{
  guint bits = vmt_ir_flags_bits (f);

  if (layout == VMT_IR_FLAGS_X86)
    return bits;
  return (guint64)((bits & VMT_IR_FLAG_S) != 0) << 31 |
         (guint64)((bits & VMT_IR_FLAG_Z) != 0) << 30 | (guint64)(bits & VMT_IR_FLAG_C) << 29 |
         (guint64)((bits & VMT_IR_FLAG_O) != 0) << 28;
}
