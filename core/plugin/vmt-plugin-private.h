/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "vmt-plugin.h"

G_BEGIN_DECLS

/* "libvmtdev-uart-ns16550.so" -> "uart-ns16550"; NULL for any other file. */
char *_vmt_plugin_name_from_path (const char *path);

/* What tells two versions of a file apart. */
typedef struct
{
  guint64 size;
  gint64 mtime_ns;
  char *build_id; /* hexadecimal; "" when it has none */
} VmtPluginStamp;

/* FALSE: it is no regular file. Reads the file's head only, and believes nothing that it says. */
gboolean _vmt_plugin_stamp_read (const char *path, VmtPluginStamp *stamp);
/* The build id of the file that holds the library's own code. */
const char *_vmt_plugin_get_core_build_id (void);

/* Checks that the descriptor is @name's and fits this core, and calls its init. VMT_ERROR_ABI: it
 * is for another core. Plugins are never freed: their types stay. */
VmtPlugin *_vmt_plugin_new (const VmtPluginDesc *desc, const char *name, const char *path,
                            GError **error);
typedef VmtPlugin *(*VmtPluginOpen) (gconstpointer data, GError **error);
/* Calls @open the first time; later the same plugin, or the same error, is returned. Any thread. */
VmtPlugin *_vmt_plugin_open_once (const char *key, VmtPluginOpen open, gconstpointer data,
                                  GError **error);
/* Opens a module for good, once. */
VmtPlugin *_vmt_plugin_open (const char *path, GError **error);
const VmtFeature *_vmt_plugin_find_feature (VmtPlugin *self, VmtFeatureKind kind, const char *name);
const VmtPluginDesc *_vmt_plugin_get_desc (VmtPlugin *self);
/* The type of one of its features; fails when that is not what the feature's kind promises. */
GType _vmt_plugin_get_feature_type (VmtPlugin *self, const VmtFeature *feature, GError **error);
/* a{sv}: the plugin's own keys and "features" aa{sv}, each with properties, events, and what
 * describers add. */
GVariant *_vmt_plugin_describe (VmtPlugin *self, GError **error);
/* NULL when the words all hold here, else the reason. */
char *_vmt_feature_dup_unmet (const char *requires);

G_END_DECLS
