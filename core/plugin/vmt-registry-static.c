/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Instead of a scan, where all plugins are inside the program. */
#include "vmt-error.h"
#include "vmt-plugin-scan.h"
#include "vmt-registry-private.h"
#include "vmt-static-plugins.h"

GPtrArray *
_vmt_registry_collect (const VmtRegistryScan *scan, GError **error)
{
  GPtrArray *entries = g_ptr_array_new_with_free_func ((GDestroyNotify)_vmt_registry_entry_free);

  for (guint i = 0; vmt_static_plugins[i] != NULL; i++)
    {
      VmtRegistryEntry *entry = g_new0 (VmtRegistryEntry, 1);

      entry->path = g_strdup ("");
      entry->desc = vmt_static_plugins[i];
      entry->state = g_strdup (VMT_SCAN_OK);
      g_ptr_array_add (entries, entry);
    }
  return entries;
}

static VmtPlugin *
open_static (gconstpointer data, GError **error)
{
  const VmtPluginDesc *desc = data;

  return _vmt_plugin_new (desc, desc->name, "", error);
}

VmtPlugin *
_vmt_registry_load (const char *path, const VmtPluginDesc *desc, GError **error)
{
  return _vmt_plugin_open_once (desc->name, open_static, desc, error);
}

/* Folders are not searched, so there is nothing to prepare. */
gboolean
vmt_registry_prepare (const char *folder, GError **error)
{
  g_set_error (error, VMT_ERROR, VMT_ERROR_UNSUPPORTED,
               "this build has its plugins inside and reads none from folders");
  return FALSE;
}
