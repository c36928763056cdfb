/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "vmt-plugin.h"

G_BEGIN_DECLS

/**
 * VmtRegistry:
 *
 * What can be loaded: every feature of every plugin on the search path, known from a cache file and
 * loaded only when an object of it is made. Thread safe.
 */
#define VMT_TYPE_REGISTRY (vmt_registry_get_type ())
G_DECLARE_FINAL_TYPE (VmtRegistry, vmt_registry, VMT, REGISTRY, GObject)

/* The process-wide registry, scanned (or read from its cache) when it is first asked something. Never NULL; what could not be
 * read is in vmt_registry_list_bad(). (transfer none) */
VmtRegistry *vmt_registry_get_default (void);
/* A registry of its own, for tests and embedders. @search_path: (nullable) folders, instead of the usual ones.
 * @cache_file: (nullable) no cache is written when NULL. */
VmtRegistry *vmt_registry_new (const char *const *search_path, const char *cache_file);
/* Folders given with --plugin-path: in front of all others. Before the first vmt_registry_get_default(). */
void vmt_registry_set_plugin_path (const char *const *folders);

/* (transfer container) (element-type utf8): the names of @kind, highest rank first; those that this host
 * cannot use come last. */
GPtrArray *vmt_registry_list_features (VmtRegistry *self, VmtFeatureKind kind);
/* Whether it exists and this host can use it. */
gboolean vmt_registry_has_feature (VmtRegistry *self, VmtFeatureKind kind, const char *name);
/* Loads the module if needed. G_TYPE_INVALID and an error that names the nearest feature, or the reason why the
 * module is refused. */
GType vmt_registry_get_type_of (VmtRegistry *self, VmtFeatureKind kind, const char *name, GError **error);
/* (transfer full): a new object of that type; id and parent unset. */
VmtObject *vmt_registry_create (VmtRegistry *self, VmtFeatureKind kind, const char *name, GError **error);
/* The cached description of a feature, loading nothing: a{sv} with keys "kind", "name", "rank", "plugin", "file",
 * "description", "version", "license", "origin", "properties" aa{sv}, "registers" aa{sv}, "events" aa{sv},
 * "available" b and then "reason", "hidden" as (other plugins with the same feature).
 * (transfer full) (nullable) */
GVariant *vmt_registry_describe (VmtRegistry *self, VmtFeatureKind kind, const char *name);
/* a(sss): file, state ("bad", "timeout", "abi"), reason. (transfer full) */
GVariant *vmt_registry_list_bad (VmtRegistry *self);
/* Scans now, whatever the cache says. FALSE only when nothing could be scanned at all. */
gboolean vmt_registry_rescan (VmtRegistry *self, GError **error);
/* For packages: scans the plugins in @folder and writes registry.gvariant beside them, which is then used without a scan.
 * FALSE when it cannot be written or one of the plugins is bad. */
gboolean vmt_registry_prepare (const char *folder, GError **error);

/* Adds to the description of a feature of type @klass: "registers", "text", ... */
typedef void (*VmtFeatureDescriber) (GObjectClass *klass, GVariantDict *description);
/* To be called in @base's class_init: @describer is asked about each feature whose type is derived from @base. */
void vmt_registry_add_describer (GType base, VmtFeatureDescriber describer);

G_END_DECLS
