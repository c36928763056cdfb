/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "vmt.h"

G_BEGIN_DECLS

/* A plain binary: goes to the address asked for and starts there. It never offers itself: anything
 * would pass for one. Firmware asks for it by name. */
#define VMT_TYPE_LOADER_RAW (vmt_loader_raw_get_type ())
G_DECLARE_FINAL_TYPE (VmtLoaderRaw, vmt_loader_raw, VMT, LOADER_RAW, VmtLoader)

/* Puts @file at @address; it uses @size bytes of memory there, of which the file is the first part.
 */
gboolean vmt_loader_raw_place (VmtMachine *machine, GBytes *file, guint64 address, guint64 size,
                               VmtImage *image, GError **error);

G_END_DECLS
