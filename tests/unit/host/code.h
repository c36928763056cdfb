/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <string.h>

#include "vmt-error.h"
#include "vmt-host.h"

/* What tests of generated code share: functions made at run time. */

typedef int (*CodeFunction) (void);

/* The longest that code_make() writes. */
#define CODE_MAX 12u

/* A function that returns @value, 0 to 65535. Returns its size. */
static inline gsize
code_make (guint8 *code, guint value)
{
#if defined(__x86_64__)
  const guint8 bytes[] = { 0xb8, value & 0xff, value >> 8, 0, 0, 0xc3 };
#elif defined(__aarch64__)
  const guint32 mov = 0x52800000 | value << 5;
  const guint8 bytes[] = {
    mov & 0xff, mov >> 8 & 0xff, mov >> 16 & 0xff, mov >> 24, 0xc0, 0x03, 0x5f, 0xd6
  };
#elif defined(__riscv)
  const guint32 lui = 0x00000537 | (value + 0x800) >> 12 << 12;
  const guint32 addi = 0x00050513 | (value & 0xfff) << 20;
  const guint8 bytes[] = { lui,        lui >> 8,   lui >> 16, lui >> 24, addi, addi >> 8,
                           addi >> 16, addi >> 24, 0x67,      0x80,      0,    0 };
#else
  /* No test gets here: no strategy works. */
  const guint8 bytes[] = { 0 };
#endif

  G_STATIC_ASSERT (sizeof bytes <= CODE_MAX);
  memcpy (code, bytes, sizeof bytes);
  return sizeof bytes;
}

static inline int
code_run (VmtHostCodeArea *area, gsize offset)
{
  const guint8 *code = vmt_host_code_area_get_base (area) + offset;
  CodeFunction function;

  memcpy (&function, &code, sizeof function);
  return function ();
}

/* A function of @size bytes, most of which nobody executes, at a new place; fails the test when
 * there is none. */
static inline gsize
code_add (VmtHostCodeArea *area, guint value, gsize size)
{
  g_autofree guint8 *code = g_malloc (MAX (size, CODE_MAX));
  gsize offset = vmt_host_code_area_alloc (area, size);
  GError *error = NULL;

  memset (code, value, size);
  code_make (code, value);
  g_assert_cmpuint (offset, !=, G_MAXSIZE);
  vmt_host_code_area_write (area, offset, code, size, &error);
  g_assert_no_error (error);
  return offset;
}

/* How many mappings this process has; fails the test when one is writable and executable. */
static inline guint
code_check_maps (void)
{
  g_autofree char *text = NULL;
  g_auto (GStrv) lines = NULL;
  guint n = 0;

  g_assert_true (g_file_get_contents ("/proc/self/maps", &text, NULL, NULL));
  lines = g_strsplit (text, "\n", -1);
  for (; lines[n] != NULL && *lines[n] != '\0'; n++)
    {
      const char *rights = strchr (lines[n], ' ');

      g_assert_nonnull (rights);
      if (rights[2] == 'w' && rights[3] == 'x')
        g_error ("writable and executable: %s", lines[n]);
    }
  return n;
}

/* Under an emulator of another processor, tests of the host's kernel would test the emulator. */
static inline gboolean
code_is_emulated (void)
{
  if (g_getenv ("VMT_TEST_EMULATED") == NULL)
    return FALSE;
  g_test_skip ("what this asks the kernel is answered by an emulator");
  return TRUE;
}
