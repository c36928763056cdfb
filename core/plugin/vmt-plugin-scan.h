/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* Between the library and tools/scanner, its helper program. Not installed. */

#define VMT_SCAN_OK "ok"
#define VMT_SCAN_BAD "bad"         /* kept until the file changes */
#define VMT_SCAN_ABI "abi"         /* ditto */
#define VMT_SCAN_TIMEOUT "timeout" /* tried again at the next start */

/* What a scan finds out about a file: state, reason, description (empty unless the state is "ok").
 */
#define VMT_SCAN_RESULT_TYPE "(ssa{sv})"

/* In this process: a plugin that crashes takes it along. */
GVariant *_vmt_plugin_scan_here (const char *path);
/* In a helper. An array of results, in order, or NULL when no helper can be started. */
GPtrArray *_vmt_plugin_scan_in_helper (const char *const *paths, guint timeout_ms);

/* The helper's side: reads paths, each ended by a NUL, from the socket @fd until its end, writes
 * for each a guint32 size and a serialised result. Each file is opened in a forked child of its
 * own. Returns the exit status. */
int vmt_plugin_scan_serve (int fd, guint timeout_ms);

G_END_DECLS
