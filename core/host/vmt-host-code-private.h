/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "vmt-host.h"

G_BEGIN_DECLS

/* A file in memory of which pages may be mapped for execution, or -1. */
int vmt_host_code_make_file (gsize size, GError **error);
/* Sets VMT_ERROR_UNSUPPORTED with what the host refused, from errno. Always FALSE. */
gboolean vmt_host_code_refuse (VmtHostCodeMemory strategy, const char *what, GError **error);

/* --- VMT_HOST_CODE_TOGGLE, in vmt-host-code-toggle.c --- */

typedef struct _VmtHostCodeToggle VmtHostCodeToggle;

/* @code: @size bytes of addresses, in whole pages, without memory. */
VmtHostCodeToggle *vmt_host_code_toggle_new (guint8 *code, gsize size, GError **error);
/* Leaves the addresses to the caller. */
void vmt_host_code_toggle_free (VmtHostCodeToggle *self);
/* @quiet: no thread executes any of the area's code. VMT_ERROR_STATE, only when @quiet: pages are
 * lost. */
gboolean vmt_host_code_toggle_write (VmtHostCodeToggle *self, gsize offset, gconstpointer code,
                                     gsize size, gboolean quiet, GError **error);
/* Whole pages from @first to @end are not executed any more. */
void vmt_host_code_toggle_discard (VmtHostCodeToggle *self, gsize first, gsize end);

G_END_DECLS
