/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "vmt-error.h"

G_BEGIN_DECLS

/* Messages quote what users and files say, which may be anything; a message is one line of UTF-8.
 * Always FALSE, for "return". */
gboolean _vmt_error_clean (GError **error);

G_END_DECLS
