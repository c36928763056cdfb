/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "vmt-machine.h"

G_BEGIN_DECLS

/**
 * VmtBoard:
 *
 * A board file, read and validated: the recipe for machines. Parameters are set by name, then
 * vmt_board_build() makes a machine. Control plane.
 */
#define VMT_TYPE_BOARD (vmt_board_get_type ())
G_DECLARE_FINAL_TYPE (VmtBoard, vmt_board, VMT, BOARD, GObject)

/**
 * VmtBoardParam:
 * @name: as written after -s
 * @type: bool, int, uint, size, address, string, enum, file, list, file-list
 * @value: (nullable): what was set
 * @fallback: the default's text
 * @values: (nullable) (array zero-terminated=1): the words of an enum
 *
 * One parameter that a board offers.
 */
typedef struct
{
  const char *name, *type, *text, *value, *fallback, *min, *max;
  char **values;
} VmtBoardParam;

/**
 * vmt_board_find:
 * @name: a board's name, or a path to a file (when it contains a "/" or ends in ".xml")
 *
 * Looks in $VMT_BOARD_PATH, the user's and the system's board folders.
 *
 * Returns: (transfer full): the board, or %NULL; the error names the nearest board, or the file and
 * line.
 */
VmtBoard *vmt_board_find (const char *name, GError **error);
VmtBoard *vmt_board_new_from_file (const char *path, GError **error);
/* From memory; @path is for messages and for relative includes. */
VmtBoard *vmt_board_new_from_data (const char *data, gsize size, const char *path, GError **error);
/* (transfer full) (element-type utf8): the names that vmt_board_find() knows, sorted. */
GPtrArray *vmt_board_list (void);

const char *vmt_board_get_name (VmtBoard *self);
const char *vmt_board_get_arch (VmtBoard *self);
const char *vmt_board_get_summary (VmtBoard *self);
const char *vmt_board_get_path (VmtBoard *self);

/* (transfer container) (element-type VmtBoardParam): in the file's order. */
GPtrArray *vmt_board_list_params (VmtBoard *self);
gboolean vmt_board_has_param (VmtBoard *self, const char *name);
/**
 * vmt_board_set:
 * @name: a parameter, or the path of a property ("uart0.backend"), which is kept and set when the
 * machine is built
 *
 * Lists are replaced by a comma-separated text; vmt_board_add() appends one element verbatim.
 */
gboolean vmt_board_set (VmtBoard *self, const char *name, const char *text, GError **error);
gboolean vmt_board_add (VmtBoard *self, const char *name, const char *element, GError **error);
/* (transfer full) (nullable): the present value's text. */
char *vmt_board_get (VmtBoard *self, const char *name);

/**
 * vmt_board_build:
 *
 * Makes the machine: objects created, properties set, links and interrupts resolved, address map
 * checked. It is not realized yet and no host resource but plugins has been opened.
 *
 * Returns: (transfer full): the machine; errors begin with "file:line: ".
 */
VmtMachine *vmt_board_build (VmtBoard *self, const char *machine_name, GError **error);

/**
 * vmt_board_make_device_tree:
 * @machine: a realized machine
 * @initrd_start: guest physical address, or 0
 * @initrd_end: one past the end, or 0
 *
 * Writes the flattened device tree (Devicetree Specification 0.4, version 17) that describes
 * @machine, from what its objects say of themselves.
 *
 * Returns: (transfer full): the blob
 */
GBytes *vmt_board_make_device_tree (VmtMachine *machine, guint64 initrd_start, guint64 initrd_end,
                                    GError **error);

/* The element tree after includes and overrides, with parameters as written: what "vmtool board
 * show" prints. (transfer full) */
char *vmt_board_to_xml (VmtBoard *self);

G_END_DECLS
