/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "vmt-register.h"

G_BEGIN_DECLS

/* @counts: (nullable) elements of each row where they differ from the table's; 0 keeps the table's.
 * @base: the state struct. */
VmtRegisterMap *_vmt_register_map_new (const VmtDeviceRegister *rows, const guint32 *counts,
                                       gpointer base);
void _vmt_register_map_free (VmtRegisterMap *map);
/* *@what: why the answer is a bus error. */
VmtMemStatus _vmt_register_map_read (VmtRegisterMap *map, guint64 offset, guint size,
                                     guint64 *value, const char **what);
VmtMemStatus _vmt_register_map_write (VmtRegisterMap *map, guint64 offset, guint size,
                                      guint64 value, const char **what);
gboolean _vmt_register_map_peek (VmtRegisterMap *map, guint64 offset, guint64 *value);
void _vmt_register_map_reset (VmtRegisterMap *map);
/* The widest access that any register allows. */
guint _vmt_register_map_get_max_width (VmtRegisterMap *map);

G_END_DECLS
