/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "vmt-symbols.h"
#include "vmt-trace-perf.h"

G_BEGIN_DECLS

/**
 * VmtTrace:
 *
 * What somebody wants to know of slow things that happen in a machine, and where the text goes.
 * Whoever has something to tell asks vmt_trace_wants() and hands over whole records.
 */
typedef struct _VmtTrace VmtTrace;

typedef enum
{
  VMT_TRACE_BLOCKS = 1 << 0, /* code that is translated, with the guest's instructions */
  VMT_TRACE_IR = 1 << 1,     /* in them: what they became */
  VMT_TRACE_HOST = 1 << 2,   /* in them: host code */
  VMT_TRACE_EXCEPTIONS = 1 << 3,
  VMT_TRACE_INTERRUPTS = 1 << 4,
  VMT_TRACE_INVALIDATIONS = 1 << 5,
  VMT_TRACE_STATS = 1 << 6, /* counters at the end, translation timed */
  VMT_TRACE_PERF_MAP = 1 << 7,
  VMT_TRACE_JITDUMP = 1 << 8,
} VmtTraceWhat;

/* @symbols (nullable): not owned; names of addresses, which may then stand for ranges.
 *
 * @spec: "blocks,ir,host:0x1000-0x2000,exceptions": words, each with a range of guest addresses
 * (the end is not in it) or a symbol, if its records are to be of those only; ranges of "ir" and
 * "host" are those of "blocks". The error names the nearest word. */
VmtTrace *vmt_trace_new (const char *spec, const VmtSymbols *symbols, GError **error);
void vmt_trace_free (VmtTrace *self);
/* Where records go; not owned. Nowhere without it. Before it is used. */
void vmt_trace_set_fd (VmtTrace *self, int fd);
/* @perf (transfer full): is told of code when @what, VMT_TRACE_PERF_MAP or VMT_TRACE_JITDUMP, is
 * wanted. Before it is used. */
void vmt_trace_set_perf (VmtTrace *self, VmtTraceWhat what, VmtTracePerf *perf);
/* Appends the text of one host instruction of the @size bytes of @code, which are at @address;
 * returns its length, or 0. Without it host code is shown as bytes. Any thread. */
typedef gsize (*VmtTraceDisassemble) (const guint8 *code, gsize size, guint64 address,
                                      GString *text, gpointer data);
void vmt_trace_set_disassemble (VmtTrace *self, VmtTraceDisassemble func, gpointer data);

/* Whether records of this kind are wanted at all. Any thread. */
gboolean vmt_trace_has (const VmtTrace *self, VmtTraceWhat what);
/* And of the addresses from @first up to @end. */
gboolean vmt_trace_wants (const VmtTrace *self, VmtTraceWhat what, guint64 first, guint64 end);
/* "name+0x10", or "" without a symbol. */
void vmt_trace_append_symbol (const VmtTrace *self, GString *text, guint64 address);
/* Code of the guest's at @pc, or @name (nullable), for perf. Any thread. */
void vmt_trace_add_code (VmtTrace *self, const char *name, guint64 pc, guint64 end,
                         gconstpointer code, gsize size);
/* A record: lines with their ends. Any thread; records do not mix. */
void vmt_trace_write (VmtTrace *self, const char *text, gsize size);
/* Host code: one line an instruction, each behind @prefix. */
void vmt_trace_append_host (VmtTrace *self, GString *text, const char *prefix, const guint8 *code,
                            gsize size);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (VmtTrace, vmt_trace_free)

G_END_DECLS
