/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

/* Reproducible random numbers, and values that make trouble more often than random bits do. */
typedef struct
{
  guint64 state;
} LockstepRandom;

guint64 lockstep_random_bits (LockstepRandom *r);
/* 0..n - 1 */
guint lockstep_random_below (LockstepRandom *r, guint n);
/* Once in @n times. */
gboolean lockstep_random_once_in (LockstepRandom *r, guint n);
guint64 lockstep_random_integer (LockstepRandom *r);
/* Bits of a binary32 or binary64: zeroes, ends of ranges, limits of integers, NaNs of all kinds. */
guint32 lockstep_random_f32 (LockstepRandom *r);
guint64 lockstep_random_f64 (LockstepRandom *r);
void lockstep_random_memory (LockstepRandom *r, guint8 *bytes, gsize size);
