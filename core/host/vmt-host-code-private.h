/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "vmt-host.h"

G_BEGIN_DECLS

/* A file in memory of which pages may be mapped for execution, or -1. */
int vmt_host_code_make_file (gsize size, GError **error);
/* Sets VMT_ERROR_UNSUPPORTED with what the host refused, from errno. Always FALSE. */
gboolean vmt_host_code_refuse (VmtHostCodeMemory strategy, const char *what, GError **error);

G_END_DECLS
