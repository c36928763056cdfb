/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>
#include <stdint.h>
#include <string.h>

/* What every fuzzer is: libFuzzer calls it with new inputs, fuzz-main.c with those of the corpus.
 */
int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);

/* An input that is read as numbers, little endian, front to back; zeroes after its end. */
typedef struct
{
  const uint8_t *data;
  size_t size;
} FuzzInput;

static inline guint64
fuzz_take (FuzzInput *input, guint bytes)
{
  guint64 value = 0;
  guint n = (guint)MIN (input->size, bytes);

  if (n > 0)
    memcpy (&value, input->data, n);
  input->data += n;
  input->size -= n;
  return value;
}
