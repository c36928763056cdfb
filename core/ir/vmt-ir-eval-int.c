/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "vmt-ir-eval-private.h"

gboolean
vmt_ir_eval_cond (VmtIrCond cond, guint bits, u128 a, u128 b)
{
  u128 ua = a & vmt_ir_ones (bits), ub = b & vmt_ir_ones (bits);

  switch (cond)
    {
    case VMT_IR_EQ:
      return ua == ub;
    case VMT_IR_NE:
      return ua != ub;
    case VMT_IR_LT:
      return vmt_ir_sext (a, bits) < vmt_ir_sext (b, bits);
    case VMT_IR_GE:
      return vmt_ir_sext (a, bits) >= vmt_ir_sext (b, bits);
    case VMT_IR_LTU:
      return ua < ub;
    default:
      return ua >= ub;
    }
}

/* Bit i of the carry-less product of two w-bit numbers is the parity of the a[j] & b[i - j]. */
static u128
clmul (u128 a, u128 b, guint w)
{
  u128 r = 0;

  for (guint i = 0; i < w; i++)
    if (b >> i & 1)
      r ^= a << i;
  return r;
}

guint32
vmt_ir_eval_crc32 (guint32 crc, guint64 data, guint bits, guint32 polynomial)
{
  for (guint i = 0; i < bits; i++)
    {
      guint32 out = (crc ^ data >> i) & 1;

      crc = crc >> 1 ^ (out ? polynomial : 0);
    }
  return crc;
}

static guint64
ror (guint64 x, guint n, guint w)
{
  return (x >> n | x << (w - n)) & (guint64)vmt_ir_ones (w);
}

guint64
vmt_ir_eval_sha2 (VmtIrType type, guint function, guint64 x)
{
  /* FIPS 180-4, 4.1.2 and 4.1.3: three rotations, or two rotations and a shift. */
  static const guint8 small[4][3] = { { 2, 13, 22 }, { 6, 11, 25 }, { 7, 18, 3 }, { 17, 19, 10 } };
  static const guint8 large[4][3] = { { 28, 34, 39 }, { 14, 18, 41 }, { 1, 8, 7 }, { 19, 61, 6 } };
  const guint8 *n = type == VMT_IR_I32 ? small[function & 3] : large[function & 3];
  guint w = vmt_ir_type_bits (type);

  x &= (guint64)vmt_ir_ones (w);
  return ror (x, n[0], w) ^ ror (x, n[1], w) ^ (function & 2 ? x >> n[2] : ror (x, n[2], w));
}

static guint64
per_byte (guint64 x, guint8 (*func) (guint8))
{
  guint64 r = 0;

  for (guint i = 0; i < 64; i += 8)
    r |= (guint64)func (x >> i) << i;
  return r;
}

static guint8
reverse_byte (guint8 x)
{
  guint8 r = 0;

  for (guint i = 0; i < 8; i++)
    if (x >> i & 1)
      r |= 1 << (7 - i);
  return r;
}

static guint8
or_byte (guint8 x)
{
  return x ? 0xff : 0;
}

static guint64
rotate_with_carry (VmtIrOpcode opcode, guint w, guint64 a, guint count, guint carry)
{
  u128 x = (u128)(carry & 1) << w | a;
  guint n = (count & (w == 64 ? 63 : 31)) % (w + 1);

  /* Bit by bit: the carry is the highest of w + 1. */
  for (; n; n--)
    if (opcode == VMT_IR_RCL)
      x = (x << 1 | x >> w) & vmt_ir_ones (w + 1);
    else
      x = x >> 1 | (x & 1) << w;
  return x;
}

static guint64
select_bits (VmtIrOpcode opcode, guint64 a, guint64 mask, guint w)
{
  guint64 r = 0;
  guint low = 0;

  for (guint i = 0; i < w; i++)
    if (mask >> i & 1)
      {
        if (opcode == VMT_IR_PEXT)
          r |= (a >> i & 1) << low;
        else
          r |= (a >> low & 1) << i;
        low++;
      }
  return r;
}

/* The op's value, extended as type and flags say. */
guint64
vmt_ir_eval_int (VmtIrOpcode opcode, VmtIrType type, guint flags, gint32 imm, guint64 a, guint64 b,
                 guint64 c)
{
  guint w = vmt_ir_type_bits (type), n;
  guint64 ones = vmt_ir_ones (w), ua, ub;
  s128 sa, sb;
  u128 r;

  if (flags & VMT_IR_UW)
    a &= 0xffffffff;
  ua = a & ones;
  ub = b & ones;
  sa = vmt_ir_sext (a, w);
  sb = vmt_ir_sext (b, w);
  n = ub % w;
  switch (opcode)
    {
    case VMT_IR_MOV:
      r = ua;
      break;
    case VMT_IR_ADD:
      r = sa + sb;
      break;
    case VMT_IR_SUB:
      r = sa - sb;
      break;
    case VMT_IR_AND:
      r = ua & ub;
      break;
    case VMT_IR_OR:
      r = ua | ub;
      break;
    case VMT_IR_XOR:
      r = ua ^ ub;
      break;
    case VMT_IR_ANDN:
      r = ua & (ub ^ ones);
      break;
    case VMT_IR_ORN:
      r = ua | (ub ^ ones);
      break;
    case VMT_IR_XNOR:
      r = ua ^ ub ^ ones;
      break;
    case VMT_IR_SHL:
      r = (u128)ua << n;
      break;
    case VMT_IR_SHR:
      r = ua >> n;
      break;
    case VMT_IR_SAR:
      r = sa >> n;
      break;
    case VMT_IR_ROL:
      r = (u128)ua << n | ua >> (w - n) % 64;
      break;
    case VMT_IR_ROR:
      r = (u128)ua << (w - n) | ua >> n;
      break;
    case VMT_IR_MUL:
      r = (u128)ua * ub;
      break;
    case VMT_IR_MULHU:
      r = (u128)ua * ub >> w;
      break;
    case VMT_IR_MULHS:
      r = sa * sb >> w;
      break;
    case VMT_IR_MULHSU:
      r = sa * (s128)ub >> w;
      break;
    case VMT_IR_DIVU:
      r = ub ? ua / ub : ones;
      break;
    case VMT_IR_REMU:
      r = ub ? ua % ub : ua;
      break;
    /* In 128 bits MIN / -1 does not overflow; cut off it is MIN again. */
    case VMT_IR_DIVS:
      r = sb ? sa / sb : -1;
      break;
    case VMT_IR_REMS:
      r = sb ? sa % sb : sa;
      break;
    case VMT_IR_CLZ:
      for (r = 0; r < w && !(ua >> (w - 1 - (guint)r) & 1);)
        r++;
      break;
    case VMT_IR_CTZ:
      for (r = 0; r < w && !(ua >> (guint)r & 1);)
        r++;
      break;
    case VMT_IR_POPCNT:
      r = 0;
      for (guint i = 0; i < w; i++)
        r += ua >> i & 1;
      break;
    case VMT_IR_BSWAP:
      r = 0;
      for (guint i = 0; i < w; i += 8)
        r |= (u128)(ua >> i & 0xff) << (w - 8 - i);
      break;
    case VMT_IR_BITREV:
      r = 0;
      for (guint i = 0; i < w; i++)
        r |= (u128)(ua >> i & 1) << (w - 1 - i);
      break;
    case VMT_IR_BITREV8:
      r = per_byte (ua, reverse_byte);
      break;
    case VMT_IR_ORCB:
      r = per_byte (ua, or_byte);
      break;
    case VMT_IR_MINS:
      r = MIN (sa, sb);
      break;
    case VMT_IR_MAXS:
      r = MAX (sa, sb);
      break;
    case VMT_IR_MINU:
      r = MIN (ua, ub);
      break;
    case VMT_IR_MAXU:
      r = MAX (ua, ub);
      break;
    case VMT_IR_SETCC:
      r = vmt_ir_eval_cond (imm, w, ua, ub);
      break;
    case VMT_IR_SELECT:
      r = c ? ua : ub;
      break;
    case VMT_IR_EXTRACT:
      r = ua >> (imm & 0xff);
      w = imm >> 8;
      break;
    case VMT_IR_INSERT:
      {
        u128 field = vmt_ir_ones (imm >> 8) << (imm & 0xff);

        r = (ua & ~field) | ((u128)ub << (imm & 0xff) & field);
        break;
      }
    case VMT_IR_SHADD:
      r = ((u128)ua << imm) + ub;
      break;
    case VMT_IR_CLMUL:
      r = clmul (ua, ub, w);
      break;
    case VMT_IR_CLMULH:
      r = clmul (ua, ub, w) >> w;
      break;
    case VMT_IR_ADC:
      r = (u128)ua + ub + (c & 1);
      break;
    case VMT_IR_SBB:
      r = (u128)ua - ub - (c & 1);
      break;
    case VMT_IR_RCL:
    case VMT_IR_RCR:
      r = rotate_with_carry (opcode, w, ua, ub, c);
      break;
    case VMT_IR_DSHL:
      r = ((u128)ua << w | ub) << c % w >> w;
      break;
    case VMT_IR_DSHR:
      r = ((u128)ub << w | ua) >> c % w;
      break;
    case VMT_IR_PEXT:
    case VMT_IR_PDEP:
      r = select_bits (opcode, ua, ub, w);
      break;
    case VMT_IR_CRC32:
      r = vmt_ir_eval_crc32 (a, ub, w, imm ? 0x82f63b78 : 0xedb88320);
      w = 32;
      break;
    default: /* SHA2 */
      r = vmt_ir_eval_sha2 (type, imm, ua);
      break;
    }
  return flags & VMT_IR_SX ? (guint64)vmt_ir_sext (r, w) : (guint64)(r & vmt_ir_ones (w));
}
