/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>

/* Runs the real vmtool for a moment, as a shell would. */

typedef struct
{
  char *out, *err;
  int status; /* exit code, or minus the signal that ended it */
  double wall, cpu;
  guint64 peak_rss; /* bytes */
} ToolResult;

/* vmtool with the arguments, NULL-terminated; standard input is empty. More than a minute is a
 * failure. */
ToolResult *tool_run (const char *first, ...) G_GNUC_NULL_TERMINATED;
ToolResult *tool_runv (const char *const *args);
/* A variable for all runs from now on; NULL takes it away. */
void tool_setenv (const char *name, const char *value);
void tool_result_free (ToolResult *result);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (ToolResult, tool_result_free)

/* The process without waiting for it; its three standard streams are @fds. */
GPid tool_spawn (const char *const *args, const int fds[3]);
/* Waits for the end of @pid at most @seconds, after which it is killed and the test fails. Returns
 * the status as in ToolResult. */
int tool_wait (GPid pid, guint seconds);
/* Seconds of processor time that @pid has used so far. */
double tool_get_cpu (GPid pid);

/* What a program for bare metal is made of. */
typedef struct
{
  const guint32 *words; /* from 0x80000000 on */
  guint n_words;
  gboolean symbols;      /* tohost at 0x80001000, fromhost at 0x80001040 */
  guint16 machine, type; /* ELF's; 0: RISC-V and an executable */
  guint64 base;          /* 0: 0x80000000 */
  guint64 memory_size;   /* of the segment; 0: two pages */
} Program;

/* An ELF file named @name in @folder. (transfer full): its path */
char *program_write (const char *folder, const char *name, const Program *program);

/* Programs that are wanted again and again. */
extern const Program program_power_off; /* by the finisher, at once */
extern const Program program_idle;      /* WFI for ever */
extern const Program program_busy;      /* a loop without an end */
