/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/**
 * VmtSymbols:
 *
 * Names of guest addresses, from an ELF file's symbol table or a System.map. Does not change: any
 * thread.
 */
typedef struct _VmtSymbols VmtSymbols;

/* The error says what is wrong with the file: a malformed one, or none with symbols of code. */
VmtSymbols *vmt_symbols_new (const char *path, GError **error);
void vmt_symbols_free (VmtSymbols *self);
guint vmt_symbols_get_n (const VmtSymbols *self);
/* The symbol that @address is in or behind, by at most 1 MiB where its size is not known. */
const char *vmt_symbols_find (const VmtSymbols *self, guint64 address, guint64 *offset);
/* The addresses of @name, @end behind the last. The error names the nearest. */
gboolean vmt_symbols_get_range (const VmtSymbols *self, const char *name, guint64 *first,
                                guint64 *end, GError **error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (VmtSymbols, vmt_symbols_free)

G_END_DECLS
