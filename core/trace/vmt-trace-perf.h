/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/**
 * VmtTracePerf:
 *
 * Tells perf what generated code is: by a perf map (names of addresses, for anonymous memory) or by
 * a jitdump file ("perf inject -j" puts the code itself and when it came into the profile).
 */
typedef struct _VmtTracePerf VmtTracePerf;

/* "FOLDER/perf-PID.map", or "FOLDER/jit-PID.dump". An older file of that name is replaced. */
VmtTracePerf *vmt_trace_perf_new_map (const char *folder, GError **error);
VmtTracePerf *vmt_trace_perf_new_jitdump (const char *folder, GError **error);
void vmt_trace_perf_free (VmtTracePerf *self);
const char *vmt_trace_perf_get_path (VmtTracePerf *self);
/* Any thread, but the bytes must not change meanwhile. What cannot be written is left out. */
void vmt_trace_perf_add (VmtTracePerf *self, const char *name, gconstpointer code, gsize size);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (VmtTracePerf, vmt_trace_perf_free)

G_END_DECLS
