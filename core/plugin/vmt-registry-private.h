/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "vmt-plugin-private.h"
#include "vmt-registry.h"

G_BEGIN_DECLS

/* A plugin that was found. */
typedef struct
{
  char *path;
  VmtPluginStamp stamp;
  char *state;               /* VMT_SCAN_* */
  char *reason;              /* when the state is not "ok" */
  GVariant *description;     /* a{sv}, what _vmt_plugin_describe() returned */
  const VmtPluginDesc *desc; /* only of a plugin that is inside the program */
} VmtRegistryEntry;

void _vmt_registry_entry_free (VmtRegistryEntry *entry);

typedef struct
{
  const char *const *folders;
  const char *cache_file; /* NULL: no cache */
  guint timeout_ms;
  gboolean rescan; /* whatever the cache says */
} VmtRegistryScan;

/* The plugins on the search path, in its order; scans what the cache does not know. An error (with
 * what there is returned all the same) only when nothing could be scanned. */
GPtrArray *_vmt_registry_collect (const VmtRegistryScan *scan, GError **error);

/* The plugin behind an entry's path or descriptor, loaded once in the process. */
VmtPlugin *_vmt_registry_load (const char *path, const VmtPluginDesc *desc, GError **error);

/* An entry in a cache file. In a prepared registry the path is relative to the file's folder, and
 * the time 0. */
#define VMT_REGISTRY_ENTRY_TYPE "(stxsssa{sv})"
/* (nullable): path -> GVariant; NULL when there is no good cache made by this core (a prepared one:
 * by any build of its version). */
GHashTable *_vmt_registry_cache_load (const char *file, gboolean prepared);
gboolean _vmt_registry_cache_save (const char *file, GPtrArray *entries, gboolean prepared,
                                   GError **error);

/* The default registry knows nothing, and never scans. */
void _vmt_registry_make_default_empty (void);

G_END_DECLS
