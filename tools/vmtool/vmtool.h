/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib/gi18n.h>
#include <json-glib/json-glib.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "vmt.h"

/* Exit codes of every subcommand. A guest's own status, where it gives one, takes the place of 0.
 */
enum
{
  EXIT_OK = 0,
  EXIT_ERROR = 1,
  EXIT_USAGE = 2,
  EXIT_GUEST_CRASH = 3,
};

/* One subcommand a file; argv[0] is its name. Returns the exit code. */
int cmd_run (int argc, char **argv);
int cmd_board (int argc, char **argv);
int cmd_inspect (int argc, char **argv);
int cmd_disk (int argc, char **argv);
int cmd_doctor (int argc, char **argv);
int cmd_bench (int argc, char **argv);

/* "vmtool: " and the message on standard error; takes the error. Returns EXIT_ERROR. */
int report_error (GError *error);
/* The same with a hint how to get help; returns EXIT_USAGE. */
int report_usage (const char *command, const char *format, ...) G_GNUC_PRINTF (2, 3);
/* Parses @argv strictly; @summary is translated. FALSE: usage was reported and *@status is the exit
 * code (0 after --help). */
gboolean parse_options (const char *command, const char *arguments, const char *summary,
                        const GOptionEntry *entries, int *argc, char ***argv, int *status);
/* The arguments of -s: are they all NAME=VALUE? FALSE as above. */
gboolean check_settings (const char *command, char **settings, int *status);
/* Sets them. */
gboolean apply_settings (VmtBoard *board, char **settings, GError **error);
/* Standard output, one JSON document, indented. Takes @node. */
void print_json (JsonNode *node);

/* What --trace and --trace-file of a command say. */
typedef struct
{
  char *spec, *file, *symbols; /* the options' arguments */
  VmtTrace *trace;             /* (nullable) */
  VmtSymbols *names;           /* (nullable) */
  gpointer disassembler;       /* (nullable) */
  int fd;
} Tracing;
/* @kernel (nullable): a file that may have symbols. FALSE: an error was reported and *@status is
 * the exit code. */
gboolean tracing_open (Tracing *self, const char *command, const char *kernel, int *status);
/* When the machine is realized. */
void tracing_attach (Tracing *self, VmtMachine *machine);
/* When it has stopped and is not closed yet. */
void tracing_finish (Tracing *self, VmtMachine *machine);
/* When the machine is gone. */
void tracing_clear (Tracing *self);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Tracing, tracing_clear)
/* Host code becomes instructions, if there is something that knows them: it is returned and is to
 * be freed after @trace. */
gpointer add_disassembler (VmtTrace *trace);
void free_disassembler (gpointer disassembler);

/* The console's keys (Ctrl-A ...) and command line, for machines whose console is standard input
 * and output. */
typedef struct _Console Console;
Console *console_new (VmtMachine *machine);
/* The console reads SIGTSTP and SIGCONT; to be called before there are threads. */
void console_block_signals (void);
void console_free (Console *console);
