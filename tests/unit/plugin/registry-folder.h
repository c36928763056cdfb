/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "vmt-error.h"
#include "vmt-registry.h"

/* A folder of its own for each test, into which fixtures are copied. Freed with everything in it.
 */
typedef char Folder;
Folder *folder_new (void);
void folder_free (Folder *folder);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (Folder, folder_free)

/* (transfer full): the file's path. @variant: as in tests/plugin-fixtures/meson.build. */
char *folder_add (const Folder *folder, const char *variant);
char *folder_path (const Folder *folder, const char *file);
void write_file (const char *path, const char *data, gssize size);

VmtRegistry *registry_of (const Folder *folder, const char *cache_file);
/* (transfer full): "state reason" of the file, or NULL when it is not bad. */
char *bad_reason (VmtRegistry *registry, const char *path);
gboolean is_mapped (const char *name);
