/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "vmt-ir-private.h"

static guint64
low_bits (guint bits)
{
  return bits >= 64 ? G_MAXUINT64 : (G_GUINT64_CONSTANT (1) << bits) - 1;
}

static gint64
sign_extend (guint64 x, guint bits)
{
  return (gint64)(x << (64 - bits)) >> (64 - bits);
}

gboolean
vmt_ir_fold_cond (VmtIrCond cond, VmtIrType type, guint64 a, guint64 b)
{
  guint w = vmt_ir_type_bits (type);
  gint64 sa = sign_extend (a, w), sb = sign_extend (b, w);

  a &= low_bits (w);
  b &= low_bits (w);
  switch (cond)
    {
    case VMT_IR_EQ:
      return a == b;
    case VMT_IR_NE:
      return a != b;
    case VMT_IR_LT:
      return sa < sb;
    case VMT_IR_GE:
      return sa >= sb;
    case VMT_IR_LTU:
      return a < b;
    default:
      return a >= b;
    }
}

gboolean
vmt_ir_fold (VmtIrOpcode opcode, VmtIrType type, guint flags, guint64 a, guint64 b, guint64 c,
             gint32 imm, guint64 *result)
{
  guint w = vmt_ir_type_bits (type);
  guint64 mask, r;
  gint64 sa, sb;
  guint n;

  if (vmt_ir_type_class (type) != 'i' || w > 64)
    return FALSE;
  if (flags & VMT_IR_UW)
    a = (guint32)a;
  mask = low_bits (w);
  sa = sign_extend (a, w);
  sb = sign_extend (b, w);
  n = b & (w - 1);
  switch (opcode)
    {
    case VMT_IR_MOV:
      r = a;
      break;
    case VMT_IR_ADD:
      r = a + b;
      break;
    case VMT_IR_SUB:
      r = a - b;
      break;
    case VMT_IR_AND:
      r = a & b;
      break;
    case VMT_IR_OR:
      r = a | b;
      break;
    case VMT_IR_XOR:
      r = a ^ b;
      break;
    case VMT_IR_ANDN:
      r = a & ~b;
      break;
    case VMT_IR_ORN:
      r = a | ~b;
      break;
    case VMT_IR_XNOR:
      r = ~(a ^ b);
      break;
    case VMT_IR_SHL:
      r = a << n;
      break;
    case VMT_IR_SHR:
      r = (a & mask) >> n;
      break;
    case VMT_IR_SAR:
      r = sa >> n;
      break;
    case VMT_IR_ROL:
      r = n ? a << n | (a & mask) >> (w - n) : a;
      break;
    case VMT_IR_ROR:
      r = n ? (a & mask) >> n | a << (w - n) : a;
      break;
    case VMT_IR_MUL:
      r = a * b;
      break;
    case VMT_IR_MULHU:
      r = (unsigned __int128)(a & mask) * (b & mask) >> w;
      break;
    case VMT_IR_MULHS:
      r = (__int128)sa * sb >> w;
      break;
    case VMT_IR_MULHSU:
      r = (__int128)sa * (__int128)(b & mask) >> w;
      break;
    case VMT_IR_MINS:
      r = sa < sb ? a : b;
      break;
    case VMT_IR_MAXS:
      r = sa < sb ? b : a;
      break;
    case VMT_IR_MINU:
      r = (a & mask) < (b & mask) ? a : b;
      break;
    case VMT_IR_MAXU:
      r = (a & mask) < (b & mask) ? b : a;
      break;
    case VMT_IR_SETCC:
      *result = vmt_ir_fold_cond (imm, type, a, b);
      return TRUE;
    case VMT_IR_SELECT:
      r = c ? a : b;
      break;
    case VMT_IR_EXTRACT:
      {
        guint pos = imm & 0xff, len = imm >> 8 & 0xff;

        if (len == 0 || pos + len > w)
          return FALSE;
        *result = a >> pos & low_bits (len);
        if (flags & VMT_IR_SX)
          *result = sign_extend (*result, len);
        return TRUE;
      }
    case VMT_IR_INSERT:
      {
        guint pos = imm & 0xff, len = imm >> 8 & 0xff;

        if (len == 0 || pos + len > w)
          return FALSE;
        r = (a & ~(low_bits (len) << pos)) | (b & low_bits (len)) << pos;
        break;
      }
    case VMT_IR_SHADD:
      r = (a << (imm & (w - 1))) + b;
      break;
    default:
      return FALSE;
    }
  *result = flags & VMT_IR_SX ? (guint64)sign_extend (r, w) : r & mask;
  return TRUE;
}
