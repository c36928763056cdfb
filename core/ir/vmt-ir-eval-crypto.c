/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "vmt-ir-eval-private.h"

/* FIPS 197, 4.2: in GF(2^8) modulo x^8 + x^4 + x^3 + x + 1. */
static guint8
gf_mul (guint8 a, guint8 b)
{
  guint8 r = 0;

  for (; b; b >>= 1)
    {
      if (b & 1)
        r ^= a;
      a = a << 1 ^ (a & 0x80 ? 0x1b : 0);
    }
  return r;
}

/* 5.1.1: the inverse (0 of 0), then an affine transformation. */
static guint8
sub_byte (guint8 x)
{
  guint8 inverse = 0, r = 0x63;

  for (guint y = 1; y < 256 && !inverse; y++)
    if (gf_mul (x, y) == 1)
      inverse = y;
  for (guint i = 0; i < 5; i++)
    r ^= inverse << i | inverse >> (8 - i);
  return r;
}

static guint8
inv_sub_byte (guint8 x)
{
  guint y = 0;

  while (sub_byte (y) != x)
    y++;
  return y;
}

static void
mix_columns (const guint8 *in, guint8 *out, gboolean inverse)
{
  static const guint8 forward[4] = { 2, 3, 1, 1 }, backward[4] = { 14, 11, 13, 9 };
  const guint8 *k = inverse ? backward : forward;

  for (guint i = 0; i < 16; i++)
    {
      out[i] = 0;
      for (guint j = 0; j < 4; j++)
        out[i] ^= gf_mul (in[(i & ~3u) + (i + j) % 4], k[j]);
    }
}

/* Byte 4 * column + row of the state. */
static void
aes (guint kind, const guint8 *in, guint8 *out)
{
  gboolean inverse = kind == VMT_IR_AES_INV_SUB_SHIFT || kind == VMT_IR_AES_INV_SUB_SHIFT_MIX ||
                     kind == VMT_IR_AES_INV_MIX;
  guint8 mixed[16];

  if (kind == VMT_IR_AES_MIX || kind == VMT_IR_AES_INV_MIX)
    {
      mix_columns (in, out, inverse);
      return;
    }
  for (guint row = 0; row < 4; row++)
    for (guint col = 0; col < 4; col++)
      {
        guint8 x = in[4 * ((inverse ? col + 4 - row : col + row) % 4) + row];

        out[4 * col + row] = inverse ? inv_sub_byte (x) : sub_byte (x);
      }
  if (kind == VMT_IR_AES_SUB_SHIFT_MIX || kind == VMT_IR_AES_INV_SUB_SHIFT_MIX)
    {
      mix_columns (out, mixed, inverse);
      memcpy (out, mixed, 16);
    }
}

static guint32
rol32 (guint32 x, guint n)
{
  return x << n | x >> (32 - n);
}

/* FIPS 180-4, 6.1.2: four steps. */
static void
sha1 (const VmtIrOp *op, VmtIrEvalArgs *x)
{
  static const guint32 constants[4] = { 0x5a827999, 0x6ed9eba1, 0x8f1bbcdc, 0xca62c1d6 };
  guint32 a = vmt_ir_get_lane (&x->a, 32, 3), b = vmt_ir_get_lane (&x->a, 32, 2);
  guint32 c = vmt_ir_get_lane (&x->a, 32, 1), d = vmt_ir_get_lane (&x->a, 32, 0), e = 0;

  for (guint i = 0; i < 4; i++)
    {
      guint32 f = op->imm == 0   ? (b & c) ^ (~b & d)
                  : op->imm == 2 ? (b & c) ^ (b & d) ^ (c & d)
                                 : b ^ c ^ d;
      guint32 t = rol32 (a, 5) + f + e + constants[op->imm & 3] +
                  (guint32)vmt_ir_get_lane (&x->b, 32, 3 - i);

      e = d;
      d = c;
      c = rol32 (b, 30);
      b = a;
      a = t;
    }
  vmt_ir_put_lane (&x->d, 32, 3, a);
  vmt_ir_put_lane (&x->d, 32, 2, b);
  vmt_ir_put_lane (&x->d, 32, 1, c);
  vmt_ir_put_lane (&x->d, 32, 0, d);
}

/* 6.2.2: two steps. */
static void
sha256 (VmtIrEvalArgs *x)
{
  guint32 a = vmt_ir_get_lane (&x->b, 32, 3), b = vmt_ir_get_lane (&x->b, 32, 2);
  guint32 c = vmt_ir_get_lane (&x->a, 32, 3), d = vmt_ir_get_lane (&x->a, 32, 2);
  guint32 e = vmt_ir_get_lane (&x->b, 32, 1), f = vmt_ir_get_lane (&x->b, 32, 0);
  guint32 g = vmt_ir_get_lane (&x->a, 32, 1), h = vmt_ir_get_lane (&x->a, 32, 0);

  for (guint i = 0; i < 2; i++)
    {
      guint32 t1 = h + (guint32)vmt_ir_eval_sha2 (VMT_IR_I32, 1, e) + ((e & f) ^ (~e & g)) +
                   (guint32)vmt_ir_get_lane (&x->c, 32, i);
      guint32 t2 = (guint32)vmt_ir_eval_sha2 (VMT_IR_I32, 0, a) + ((a & b) ^ (a & c) ^ (b & c));

      h = g;
      g = f;
      f = e;
      e = d + t1;
      d = c;
      c = b;
      b = a;
      a = t1 + t2;
    }
  vmt_ir_put_lane (&x->d, 32, 3, a);
  vmt_ir_put_lane (&x->d, 32, 2, b);
  vmt_ir_put_lane (&x->d, 32, 1, e);
  vmt_ir_put_lane (&x->d, 32, 0, f);
}

void
vmt_ir_eval_crypto (const VmtIrOp *op, VmtIrEvalArgs *x)
{
  guint parts = vmt_ir_type_bits (op->type) / 128;

  switch (op->opcode)
    {
    case VMT_IR_V_AES:
      for (guint i = 0; i < parts; i++)
        aes (op->imm, x->a.b + 16 * i, x->d.b + 16 * i);
      break;
    case VMT_IR_V_CLMUL:
      for (guint i = 0; i < parts; i++)
        {
          guint64 a = x->a.q[2 * i + (op->imm & 1)], b = x->b.q[2 * i + (op->imm >> 4 & 1)];

          x->d.q[2 * i] = vmt_ir_eval_int (VMT_IR_CLMUL, VMT_IR_I64, 0, 0, a, b, 0);
          x->d.q[2 * i + 1] = vmt_ir_eval_int (VMT_IR_CLMULH, VMT_IR_I64, 0, 0, a, b, 0);
        }
      break;
    case VMT_IR_V_SHA1:
      sha1 (op, x);
      break;
    default:
      sha256 (x);
      break;
    }
}
