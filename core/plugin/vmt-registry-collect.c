/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* From the search path to what is known about each plugin on it. */
#include <stdlib.h>
#include <string.h>

#include "vmt-error.h"
#include "vmt-plugin-scan.h"
#include "vmt-registry-private.h"

#define PREPARED_NAME "registry.gvariant"

static int
compare_names (gconstpointer a, gconstpointer b)
{
  return strcmp (*(const char *const *)a, *(const char *const *)b);
}

static void
add_folder (GPtrArray *entries, const char *folder)
{
  g_autoptr (GDir) dir = g_dir_open (folder, 0, NULL);
  g_autoptr (GPtrArray) names = g_ptr_array_new_with_free_func (g_free);
  const char *name;

  while (dir != NULL && (name = g_dir_read_name (dir)) != NULL)
    {
      g_autofree char *plugin = _vmt_plugin_name_from_path (name);

      if (plugin != NULL)
        g_ptr_array_add (names, g_strdup (name));
    }
  g_ptr_array_sort (names, compare_names);
  for (guint i = 0; i < names->len; i++)
    {
      g_autofree char *path = g_build_filename (folder, g_ptr_array_index (names, i), NULL);
      VmtPluginStamp stamp;
      VmtRegistryEntry *entry;

      if (!_vmt_plugin_stamp_read (path, &stamp))
        continue;
      entry = g_new0 (VmtRegistryEntry, 1);
      entry->path = g_steal_pointer (&path);
      entry->stamp = stamp;
      g_ptr_array_add (entries, entry);
    }
}

/* Takes over what a cache says when it is about this very file. */
static gboolean
recall (VmtRegistryEntry *entry, GHashTable *cache, const char *key, gboolean prepared)
{
  GVariant *cached = cache != NULL ? g_hash_table_lookup (cache, key) : NULL;
  const char *build_id, *state;
  guint64 size;
  gint64 mtime_ns;

  if (cached == NULL)
    return FALSE;
  g_variant_get (cached, "(&stx&s&s&s@a{sv})", NULL, &size, &mtime_ns, &build_id, &state, NULL,
                 NULL);
  if (size != entry->stamp.size || strcmp (build_id, entry->stamp.build_id) != 0)
    return FALSE;
  /* What took too long is tried again. */
  if (strcmp (state, VMT_SCAN_OK) != 0 && strcmp (state, VMT_SCAN_BAD) != 0 &&
      strcmp (state, VMT_SCAN_ABI) != 0)
    return FALSE;
  /* Packaging may change a file's time, and tells by the build id what is in it. */
  if (prepared ? *build_id == '\0' : mtime_ns != entry->stamp.mtime_ns)
    return FALSE;
  g_variant_get (cached, "(stxsss@a{sv})", NULL, NULL, NULL, NULL, &entry->state, &entry->reason,
                 &entry->description);
  return TRUE;
}

static void
take_result (VmtRegistryEntry *entry, GVariant *result)
{
  g_variant_get (result, "(ss@a{sv})", &entry->state, &entry->reason, &entry->description);
}

/* FALSE: there was something to scan and none of it could be. */
static gboolean
scan_entries (GPtrArray *unknown, guint timeout_ms)
{
  g_autoptr (GPtrArray) paths = g_ptr_array_new ();
  g_autoptr (GPtrArray) results = NULL;
  gboolean any = FALSE;

  for (guint i = 0; i < unknown->len; i++)
    g_ptr_array_add (paths, ((VmtRegistryEntry *)g_ptr_array_index (unknown, i))->path);
  g_ptr_array_add (paths, NULL);
  /* For debuggers: a plugin that crashes the scanner crashes this process then. */
  if (g_strcmp0 (g_getenv ("VMT_REGISTRY_FORK"), "no") != 0)
    results = _vmt_plugin_scan_in_helper ((const char *const *)paths->pdata, timeout_ms);

  for (guint i = 0; i < unknown->len; i++)
    {
      VmtRegistryEntry *entry = g_ptr_array_index (unknown, i);
      g_autoptr (GVariant) result = results != NULL ? g_variant_ref (g_ptr_array_index (results, i))
                                                    : _vmt_plugin_scan_here (entry->path);

      take_result (entry, result);
      any |= strcmp (entry->state, VMT_SCAN_TIMEOUT) != 0;
    }
  return any || unknown->len == 0;
}

/* A later file of the same name is the same plugin again: loading both would register its types
 * twice. */
static void
drop_shadowed (GPtrArray *entries)
{
  g_autoptr (GHashTable) seen = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);

  for (guint i = 0; i < entries->len;)
    {
      const VmtRegistryEntry *entry = g_ptr_array_index (entries, i);

      if (strcmp (entry->state, VMT_SCAN_OK) == 0 &&
          !g_hash_table_add (seen, g_path_get_basename (entry->path)))
        g_ptr_array_remove_index (entries, i);
      else
        i++;
    }
}

GPtrArray *
_vmt_registry_collect (const VmtRegistryScan *scan, GError **error)
{
  GPtrArray *entries = g_ptr_array_new_with_free_func ((GDestroyNotify)_vmt_registry_entry_free);
  g_autoptr (GPtrArray) unknown = g_ptr_array_new ();
  g_autoptr (GHashTable) folders = g_hash_table_new_full (g_str_hash, g_str_equal, free, NULL);
  g_autoptr (GHashTable) cache = NULL;
  guint recalled = 0;

  if (scan->cache_file != NULL && !scan->rescan)
    cache = _vmt_registry_cache_load (scan->cache_file, FALSE);

  for (guint i = 0; scan->folders[i] != NULL; i++)
    {
      g_autoptr (GHashTable) prepared = NULL;
      char *real = realpath (scan->folders[i], NULL);
      guint first = entries->len;

      if (real == NULL || !g_hash_table_add (folders, real))
        continue;
      add_folder (entries, real);
      if (!scan->rescan)
        {
          g_autofree char *file = g_build_filename (real, PREPARED_NAME, NULL);

          prepared = _vmt_registry_cache_load (file, TRUE);
        }
      for (guint j = first; j < entries->len; j++)
        {
          VmtRegistryEntry *entry = g_ptr_array_index (entries, j);
          g_autofree char *name = g_path_get_basename (entry->path);

          if (recall (entry, prepared, name, TRUE))
            continue;
          if (recall (entry, cache, entry->path, FALSE))
            recalled++;
          else
            g_ptr_array_add (unknown, entry);
        }
    }

  if (unknown->len > 0 && !scan_entries (unknown, scan->timeout_ms))
    g_set_error (error, VMT_ERROR, VMT_ERROR_FAILED, "none of the %u plugins could be scanned: %s",
                 unknown->len, ((VmtRegistryEntry *)g_ptr_array_index (unknown, 0))->reason);
  if (scan->cache_file != NULL &&
      (unknown->len > 0 || (cache != NULL && g_hash_table_size (cache) != recalled)))
    {
      g_autofree char *folder = g_path_get_dirname (scan->cache_file);
      g_autoptr (GError) failure = NULL;

      g_mkdir_with_parents (folder, 0700);
      if (!_vmt_registry_cache_save (scan->cache_file, entries, FALSE, &failure))
        g_debug ("the registry cache was not written: %s", failure->message);
    }
  drop_shadowed (entries);
  return entries;
}

VmtPlugin *
_vmt_registry_load (const char *path, const VmtPluginDesc *desc, GError **error)
{
  return _vmt_plugin_open (path, error);
}

/**
 * vmt_registry_prepare:
 * @folder: a folder with plugins
 * @error: return location
 *
 * Scans the plugins in @folder and writes what was found into a file beside them, which registries
 * then use instead of a scan. For packages: to be called when the files are what will be installed,
 * since their build ids are recorded.
 *
 * Returns: %FALSE when the file cannot be written, or one of the plugins is bad: the error says
 * which
 */
gboolean
vmt_registry_prepare (const char *folder, GError **error)
{
  const char *const folders[] = { folder, NULL };
  VmtRegistryScan scan = { .folders = folders, .timeout_ms = 60000, .rescan = TRUE };
  g_autoptr (GPtrArray) entries = NULL;
  g_autofree char *file = g_build_filename (folder, PREPARED_NAME, NULL);

  g_return_val_if_fail (folder != NULL, FALSE);

  entries = _vmt_registry_collect (&scan, NULL);
  for (guint i = 0; i < entries->len; i++)
    {
      const VmtRegistryEntry *entry = g_ptr_array_index (entries, i);

      if (strcmp (entry->state, VMT_SCAN_OK) != 0)
        {
          g_set_error (error, VMT_ERROR, VMT_ERROR_INVALID, "%s: %s", entry->path, entry->reason);
          return FALSE;
        }
    }
  return _vmt_registry_cache_save (file, entries, TRUE, error);
}
