/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "registry-folder.h"

#include <glib/gstdio.h>
#include <string.h>

Folder *
folder_new (void)
{
  g_autoptr (GError) error = NULL;
  char *path = g_dir_make_tmp ("vmt-registry-XXXXXX", &error);

  g_assert_no_error (error);
  return path;
}

static void
remove_tree (const char *path)
{
  g_autoptr (GDir) dir =
      g_file_test (path, G_FILE_TEST_IS_SYMLINK) ? NULL : g_dir_open (path, 0, NULL);
  const char *name;

  while (dir != NULL && (name = g_dir_read_name (dir)) != NULL)
    {
      g_autofree char *below = g_build_filename (path, name, NULL);

      remove_tree (below);
    }
  g_remove (path);
}

void
folder_free (Folder *folder)
{
  remove_tree (folder);
  g_free (folder);
}

char *
folder_path (const Folder *folder, const char *file)
{
  return g_build_filename (folder, file, NULL);
}

void
write_file (const char *path, const char *data, gssize size)
{
  g_autoptr (GError) error = NULL;

  /* In place: a new file would have other attributes. */
  g_file_set_contents_full (path, data, size, G_FILE_SET_CONTENTS_NONE, 0755, &error);
  g_assert_no_error (error);
}

char *
folder_add (const Folder *folder, const char *variant)
{
  g_autofree char *file = g_strdup_printf ("libvmtplug-fixture-%s.so", variant);
  g_autofree char *from =
      g_build_filename (g_getenv ("G_TEST_BUILDDIR"), "plugin-fixtures", file, NULL);
  g_autofree char *data = NULL;
  g_autoptr (GError) error = NULL;
  char *to = folder_path (folder, file);
  gsize size;

  g_file_get_contents (from, &data, &size, &error);
  g_assert_no_error (error);
  write_file (to, data, size);
  return to;
}

VmtRegistry *
registry_of (const Folder *folder, const char *cache_file)
{
  const char *const path[] = { folder, NULL };
  VmtRegistry *registry = vmt_registry_new (path, cache_file);

  g_object_set (registry, "scan-timeout", 5000, NULL);
  return registry;
}

char *
bad_reason (VmtRegistry *registry, const char *path)
{
  g_autoptr (GVariant) bad = vmt_registry_list_bad (registry);
  const char *file, *state, *reason;
  GVariantIter iter;

  g_variant_iter_init (&iter, bad);
  while (g_variant_iter_next (&iter, "(&s&s&s)", &file, &state, &reason))
    if (strcmp (file, path) == 0)
      return g_strdup_printf ("%s %s", state, reason);
  return NULL;
}

gboolean
is_mapped (const char *name)
{
  g_autofree char *maps = NULL;

  g_assert_true (g_file_get_contents ("/proc/self/maps", &maps, NULL, NULL));
  return strstr (maps, name) != NULL;
}
