/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <stddef.h>
#include <stdint.h>

/* What every fuzzer is: libFuzzer calls it with new inputs, fuzz-main.c with those of the corpus.
 */
int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);
