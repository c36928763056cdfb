/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

/* The board's element tree: includes spliced in, overrides merged, every element and attribute
 * checked against the one table of what a board may contain. Knows nothing of machines. */

typedef struct _VmtBoardNode VmtBoardNode;
struct _VmtBoardNode
{
  char *name;
  char *text;
  GHashTable *attrs; /* name -> text, parameters as written */
  GPtrArray *children;
  char *file;
  guint line;
};

void vmt_board_node_free (VmtBoardNode *node);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (VmtBoardNode, vmt_board_node_free)

VmtBoardNode *vmt_board_node_parse (const char *data, gsize size, const char *path, GError **error);
const char *vmt_board_node_attr (const VmtBoardNode *node, const char *name);
/* Sets an error that begins with the node's file and line. */
void vmt_board_node_error (const VmtBoardNode *node, GError **error, int code, const char *format,
                           ...) G_GNUC_PRINTF (4, 5);
void vmt_board_node_prefix (const VmtBoardNode *node, GError **error);
char *vmt_board_node_to_xml (const VmtBoardNode *node);
/* The table: element names, for the test that keeps the installed schema in agreement. */
const char *const *vmt_board_node_list_elements (void);
const char *const *vmt_board_node_list_attributes (const char *element);
