/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

/* Guest programs that "vmtool bench" runs on bare metal, in machine mode, at 0x80000000. */
typedef struct
{
  const char *name;
  const char *text; /* marked for translation */
  void (*make) (GArray *words);
} BenchProgram;

/* NULL-terminated by name; all of them never end. */
extern const BenchProgram bench_programs[];
/* Code of which every instruction is executed once, then it powers off: @n instructions. */
void bench_make_straight (GArray *words, guint n);
/* Waits for interrupts that do not come. */
void bench_make_idle (GArray *words);
/* An ELF file. FALSE: it cannot be written. */
gboolean bench_write (const char *path, GArray *words, GError **error);
