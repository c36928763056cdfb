/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <json-glib/json-glib.h>

#include "vmt-param.h"

G_BEGIN_DECLS

/* The one parser between text and typed values: XML, command line and JSON all come here. */

/* @scope: where links are looked up, or NULL. @value is initialised by the call. Errors name the property,
 * the text, what is allowed, and the nearest allowed word. */
gboolean vmt_value_parse (GParamSpec *pspec, const char *text, VmtObject *scope, GValue *value, GError **error);
char *vmt_value_format (GParamSpec *pspec, const GValue *value);
/* Numbers and booleans stay numbers and booleans (64-bit ones beyond 2^53 become text). */
JsonNode *vmt_value_to_json (GParamSpec *pspec, const GValue *value);
gboolean vmt_value_from_json (GParamSpec *pspec, JsonNode *node, VmtObject *scope, GValue *value, GError **error);

/* "1G", "64K", "0x8000", "4096"; binary multiples K M G T P E, optional "iB" or "B". */
gboolean vmt_parse_size (const char *text, guint64 *size, GError **error);
/* Shortest exact form: 1073741824 is "1G", 4097 is "4097". */
char *vmt_format_size (guint64 size);
/* on/off, true/false, yes/no, 1/0. */
gboolean vmt_parse_boolean (const char *text, gboolean *value, GError **error);

G_END_DECLS
