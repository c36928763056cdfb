/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "lockstep-random.h"

#include <string.h>

guint64
lockstep_random_bits (LockstepRandom *r)
{
  /* splitmix64 */
  guint64 z = r->state += G_GUINT64_CONSTANT (0x9e3779b97f4a7c15);

  z = (z ^ (z >> 30)) * G_GUINT64_CONSTANT (0xbf58476d1ce4e5b9);
  z = (z ^ (z >> 27)) * G_GUINT64_CONSTANT (0x94d049bb133111eb);
  return z ^ (z >> 31);
}

guint
lockstep_random_below (LockstepRandom *r, guint n)
{
  return (guint)(((lockstep_random_bits (r) >> 32) * n) >> 32);
}

gboolean
lockstep_random_once_in (LockstepRandom *r, guint n)
{
  return lockstep_random_below (r, n) == 0;
}

guint64
lockstep_random_integer (LockstepRandom *r)
{
  const guint64 bits = lockstep_random_bits (r);
  const guint shift = lockstep_random_below (r, 64);
  const gint64 near = (gint64)lockstep_random_below (r, 5) - 2;

  switch (lockstep_random_below (r, 12))
    {
    case 0:
      return 0;
    case 1:
      return G_MAXUINT64;
    case 2: /* near a power of two */
      return (G_GUINT64_CONSTANT (1) << shift) + (guint64)near;
    case 3:
      return (guint64)near - (G_GUINT64_CONSTANT (1) << shift);
    case 4: /* small */
      return (guint64)((gint64)bits >> 58);
    case 5: /* the limits of 32 bits, with anything above */
      return (bits & ~(guint64)G_MAXUINT32) | (guint32)(0x7fffffff + (guint32)near);
    case 6:
      return (guint64)(gint32)bits;
    case 7:
      return (guint32)bits;
    case 8: /* ones in a row */
      return ((G_GUINT64_CONSTANT (1) << shift) - 1) << (bits & 63);
    case 9:
      return (guint64)((gint64)bits >> shift);
    default:
      return bits;
    }
}

/* One generator for both formats; @width: 32 or 64, @frac: bits of the fraction. */
static guint64
random_float (LockstepRandom *r, guint width, guint frac)
{
  const guint64 bits = lockstep_random_bits (r);
  const guint64 sign = (bits >> 63) << (width - 1);
  const guint64 frac_mask = (G_GUINT64_CONSTANT (1) << frac) - 1;
  const guint exp_max = (1u << (width - 1 - frac)) - 1;
  const guint bias = exp_max / 2;
  const guint64 quiet = G_GUINT64_CONSTANT (1) << (frac - 1);
  guint64 fraction = bits & frac_mask;
  guint64 exponent;

  /* Fractions of few bits at either end make exact results, ties, carries. */
  switch (lockstep_random_below (r, 6))
    {
    case 0:
      fraction = 0;
      break;
    case 1:
      fraction = frac_mask;
      break;
    case 2:
      fraction = lockstep_random_below (r, 4);
      break;
    case 3:
      fraction = frac_mask & ~(guint64)lockstep_random_below (r, 4);
      break;
    case 4:
      fraction &= frac_mask << (frac - 1 - lockstep_random_below (r, frac - 1));
      break;
    default:
      break;
    }
  switch (lockstep_random_below (r, 16))
    {
    case 0:
      return sign;
    case 1:
      return sign | (guint64)exp_max << frac;
    case 2: /* quiet NaN */
      return sign | (guint64)exp_max << frac | quiet | fraction;
    case 3: /* signalling NaN, whose fraction is not 0 */
      return sign | (guint64)exp_max << frac | (fraction & ~quiet) | (bits >> 8 & 1) |
             ((fraction & ~quiet) == 0);
    case 4:
    case 5:
      exponent = 0;
      break;
    case 6:
      exponent = 1 + lockstep_random_below (r, 3);
      break;
    case 7:
      exponent = exp_max - 1 - lockstep_random_below (r, 3);
      break;
    case 8: /* where integers end */
    case 9:
      {
        static const guint8 ends[] = {
          0, 7, 15, 16, 22, 23, 24, 30, 31, 32, 51, 52, 53, 62, 63, 64
        };
        exponent = bias + ends[lockstep_random_below (r, G_N_ELEMENTS (ends))];
        break;
      }
    case 10:
    case 11:
    case 12: /* near 1 */
      exponent = bias + lockstep_random_below (r, 9) - 4;
      break;
    case 13: /* where products and quotients leave the range */
      exponent =
          bias / 2 + lockstep_random_below (r, 5) + (lockstep_random_once_in (r, 2) ? bias : 0) - 2;
      break;
    default:
      exponent = lockstep_random_below (r, exp_max);
      break;
    }
  return sign | exponent << frac | fraction;
}

guint32
lockstep_random_f32 (LockstepRandom *r)
{
  return (guint32)random_float (r, 32, 23);
}

guint64
lockstep_random_f64 (LockstepRandom *r)
{
  return random_float (r, 64, 52);
}

void
lockstep_random_memory (LockstepRandom *r, guint8 *bytes, gsize size)
{
  for (gsize at = 0; at < size; at += 8)
    {
      guint64 value =
          lockstep_random_below (r, 4) ? lockstep_random_bits (r) : lockstep_random_integer (r);
      memcpy (bytes + at, &value, MIN (size - at, 8));
    }
}
