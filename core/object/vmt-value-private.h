/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "vmt-value.h"

G_BEGIN_DECLS

/* Decimal or "0x" hexadecimal digits and nothing else; FALSE also when they do not fit. */
gboolean _vmt_parse_digits (const char *text, const char **end, guint64 *value, gboolean *overflow);
/* "10ms"; nanoseconds. */
gboolean _vmt_parse_time (const char *text, guint64 *time, GError **error);
char *_vmt_format_time (guint64 time);
/* "a,b" with "\" in front of a comma or backslash that belongs to an item. */
GStrv _vmt_parse_list (const char *text, GError **error);
char *_vmt_format_list (const char *const *items);

G_END_DECLS
