/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "vmt-board-node-private.h"
#include "vmt-board.h"

/* What vmt-board-build.c needs of a board. */

VmtBoardNode *vmt_board_get_node (VmtBoard *self);
/* (element-type utf8 utf8): property paths and texts that the user set, in order: pairs in a flat
 * array. */
GPtrArray *vmt_board_get_settings (VmtBoard *self);
/* Elements of a list parameter. (transfer none) */
GPtrArray *vmt_board_get_list (VmtBoard *self, const char *name);
/* Replaces ${name} by @scope's value or the parameter's. @quote: commas in the values are doubled,
 * as back-end texts want them. The error names the nearest parameter, without a position. (transfer
 * full) */
char *vmt_board_expand (VmtBoard *self, GHashTable *scope, const char *text, gboolean quote,
                        GError **error);
/* A <... when="A=B and C!=D"> condition; TRUE without one. */
gboolean vmt_board_condition (VmtBoard *self, GHashTable *scope, const VmtBoardNode *node,
                              gboolean *holds, GError **error);
