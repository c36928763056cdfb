/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What is remembered between runs, and what is not believed. */
#include <fcntl.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "registry-folder.h"

typedef struct
{
  Folder *folder;
  char *cache;
  char *log; /* one byte for each time that a counting fixture was loaded, in any process */
} Setup;

static void
set_up (Setup *self, gconstpointer data)
{
  self->folder = folder_new ();
  self->cache = g_build_filename (self->folder, "cache", "registry", NULL);
  self->log = folder_path (self->folder, "log");
  g_setenv ("FIXTURE_LOG", self->log, TRUE);
}

static void
tear_down (Setup *self, gconstpointer data)
{
  g_unsetenv ("FIXTURE_LOG");
  g_free (self->cache);
  g_free (self->log);
  folder_free (self->folder);
}

static guint
get_count (Setup *self)
{
  GStatBuf status;

  return g_stat (self->log, &status) == 0 ? status.st_size : 0;
}

static void
assert_found (Setup *self, const char *name, gboolean expected)
{
  g_autoptr (VmtRegistry) registry = registry_of (self->folder, self->cache);

  g_assert_cmpint (vmt_registry_has_feature (registry, VMT_FEATURE_SERVICE, name), ==, expected);
}

static void
test_hit (Setup *self, gconstpointer data)
{
  g_autofree char *path = folder_add (self->folder, "count-init");
  GStatBuf status;

  assert_found (self, "fixture-count-init", TRUE);
  g_assert_cmpuint (get_count (self), ==, 1);
  g_assert_cmpint (g_stat (self->cache, &status), ==, 0);
  g_assert_cmpuint (status.st_mode & 0777, ==, 0600);
  for (guint i = 0; i < 3; i++)
    {
      g_autoptr (VmtRegistry) registry = registry_of (self->folder, self->cache);
      g_autoptr (GVariant) description =
          vmt_registry_describe (registry, VMT_FEATURE_SERVICE, "fixture-count-init");
      g_autoptr (GVariant) properties =
          g_variant_lookup_value (description, "properties", G_VARIANT_TYPE ("aa{sv}"));

      g_assert_cmpuint (g_variant_n_children (properties), ==, 1);
    }
  /* Neither here nor in a scanner. */
  g_assert_cmpuint (get_count (self), ==, 1);
  g_assert_false (is_mapped ("fixture-count-init"));
}

/* Only what has changed is scanned, and each part of the key counts. */
static void
test_changed (Setup *self, gconstpointer data)
{
  g_autofree char *counting = folder_add (self->folder, "count-init");
  g_autofree char *good = folder_add (self->folder, "good");
  g_autofree char *contents = NULL;
  struct timespec times[2];
  GStatBuf status;
  char *build_id;
  gsize size;
  int fd;

  assert_found (self, "fixture-count-init", TRUE);
  g_assert_cmpuint (get_count (self), ==, 1);

  /* another file: the first one is not scanned again */
  g_free (folder_add (self->folder, "good-two"));
  assert_found (self, "fixture-good-two", TRUE);
  assert_found (self, "fixture-count-init", TRUE);
  g_assert_cmpuint (get_count (self), ==, 1);

  /* the time, by one nanosecond */
  g_assert_cmpint (g_stat (counting, &status), ==, 0);
  times[0] = status.st_atim;
  times[1] = status.st_mtim;
  times[1].tv_nsec = times[1].tv_nsec > 0 ? times[1].tv_nsec - 1 : 1;
  g_assert_cmpint (utimensat (AT_FDCWD, counting, times, 0), ==, 0);
  assert_found (self, "fixture-count-init", TRUE);
  g_assert_cmpuint (get_count (self), ==, 2);

  /* the size */
  g_assert_true (g_file_get_contents (counting, &contents, &size, NULL));
  fd = open (counting, O_WRONLY | O_APPEND);
  g_assert_cmpint (write (fd, "x", 1), ==, 1);
  close (fd);
  g_assert_cmpint (utimensat (AT_FDCWD, counting, times, 0), ==, 0);
  assert_found (self, "fixture-count-init", TRUE);
  g_assert_cmpuint (get_count (self), ==, 3);

  /* the build id, where it is recorded, with size and time as before */
  build_id = NULL;
  for (gsize i = 0; i + 16 < size && build_id == NULL; i++)
    if (memcmp (contents + i, "\x14\0\0\0\3\0\0\0GNU", 12) == 0)
      build_id = contents + i + 12;
  if (build_id != NULL)
    {
      build_id[0] ^= 1;
      fd = open (counting, O_WRONLY);
      g_assert_cmpint (write (fd, contents, size), ==, size);
      close (fd);
      g_assert_cmpint (utimensat (AT_FDCWD, counting, times, 0), ==, 0);
      assert_found (self, "fixture-count-init", TRUE);
      g_assert_cmpuint (get_count (self), ==, 4);
    }

  /* gone */
  g_unlink (counting);
  assert_found (self, "fixture-count-init", FALSE);
  assert_found (self, "fixture-good", TRUE);
}

/* A cached answer is used even though the file could not be loaded any more: it is not opened. */
static void
test_not_opened (Setup *self, gconstpointer data)
{
  g_autofree char *path = folder_add (self->folder, "good");
  g_autofree char *contents = NULL;
  g_autoptr (VmtRegistry) registry = NULL;
  g_autoptr (GError) error = NULL;
  struct timespec times[2];
  GStatBuf status;
  gsize size;
  int fd;

  assert_found (self, "fixture-good", TRUE);
  g_assert_cmpint (g_stat (path, &status), ==, 0);
  times[0] = status.st_atim;
  times[1] = status.st_mtim;
  g_assert_true (g_file_get_contents (path, &contents, &size, NULL));
  /* Everything behind the head and the notes. */
  memset (contents + 4096, 0xcc, size - 4096);
  fd = open (path, O_WRONLY);
  g_assert_cmpint (write (fd, contents, size), ==, size);
  close (fd);
  g_assert_cmpint (utimensat (AT_FDCWD, path, times, 0), ==, 0);
  assert_found (self, "fixture-good", TRUE);
  /* A scan notices. */
  registry = registry_of (self->folder, self->cache);
  vmt_registry_rescan (registry, &error);
  g_assert_false (vmt_registry_has_feature (registry, VMT_FEATURE_SERVICE, "fixture-good"));
}

static void
test_crash_remembered (Setup *self, gconstpointer data)
{
  g_autofree char *path = folder_add (self->folder, "count-crash");
  g_autofree char *first = NULL;

  for (guint i = 0; i < 3; i++)
    {
      g_autoptr (VmtRegistry) registry = registry_of (self->folder, self->cache);
      g_autofree char *reason = bad_reason (registry, path);

      g_assert_true (g_str_has_prefix (reason, "bad it "));
      g_assert_true (first == NULL || strcmp (first, reason) == 0);
      g_free (first);
      first = g_steal_pointer (&reason);
    }
  g_assert_cmpuint (get_count (self), ==, 1);
  /* Until somebody replaces it. */
  g_free (folder_add (self->folder, "count-crash"));
  assert_found (self, "fixture-count-crash", FALSE);
  g_assert_cmpuint (get_count (self), ==, 2);
}

static void
test_timeout_retried (Setup *self, gconstpointer data)
{
  g_autofree char *path = folder_add (self->folder, "count-hang");

  for (guint i = 0; i < 2; i++)
    {
      g_autoptr (VmtRegistry) registry = registry_of (self->folder, self->cache);
      g_autofree char *reason = NULL;

      g_object_set (registry, "scan-timeout", 400, NULL);
      reason = bad_reason (registry, path);
      g_assert_true (g_str_has_prefix (reason, "timeout "));
    }
  g_assert_cmpuint (get_count (self), ==, 2);
}

/* Damage anywhere: the answer is the same, as if there were no cache. */
static void
test_corrupt (Setup *self, gconstpointer data)
{
  g_autofree char *path = folder_add (self->folder, "good");
  g_autofree char *contents = NULL;
  gsize size;

  assert_found (self, "fixture-good", TRUE);
  g_assert_true (g_file_get_contents (self->cache, &contents, &size, NULL));
  for (guint i = 0; i < 60; i++)
    {
      g_autofree char *damaged = g_memdup2 (contents, size);
      gsize length = size;

      if (i < 8)
        length = i * 7;
      else if (i < 16)
        length = size - (i - 7);
      else
        damaged[i < 40 ? 2 * (i - 16) : g_test_rand_int_range (0, size)] ^=
            1 << g_test_rand_int_range (0, 8);
      write_file (self->cache, damaged, length);
      assert_found (self, "fixture-good", TRUE);
      assert_found (self, "fixture-good", TRUE);
    }
  g_unlink (self->cache);
  g_assert_cmpint (g_mkdir (self->cache, 0700), ==, 0);
  assert_found (self, "fixture-good", TRUE);
}

/* The same with a digest that is right: what the payload says may be anything, and only must not do
 * harm. */
static void
test_hostile (Setup *self, gconstpointer data)
{
  g_autofree char *path = folder_add (self->folder, "good");
  g_autofree char *contents = NULL;
  const gsize head = 48;
  gsize size;

  assert_found (self, "fixture-good", TRUE);
  g_assert_true (g_file_get_contents (self->cache, &contents, &size, NULL));
  for (guint i = 0; i < 300; i++)
    {
      g_autofree char *damaged = g_memdup2 (contents, size);
      g_autoptr (GChecksum) checksum = g_checksum_new (G_CHECKSUM_SHA256);
      g_autoptr (VmtRegistry) registry = NULL;
      g_autoptr (GPtrArray) names = NULL;
      g_autoptr (GVariant) bad = NULL;
      gsize digest_size = 32;
      FILE *file;

      for (guint j = 0; j < 1 + i % 4; j++)
        damaged[g_test_rand_int_range (i % 2 ? head : size - 200, size)] = g_test_rand_int ();
      g_checksum_update (checksum, (guchar *)damaged + head, size - head);
      g_checksum_get_digest (checksum, (guint8 *)damaged + 16, &digest_size);
      file = fopen (self->cache, "w");
      g_assert_cmpuint (fwrite (damaged, 1, size, file), ==, size);
      fclose (file);

      registry = registry_of (self->folder, self->cache);
      bad = vmt_registry_list_bad (registry);
      names = vmt_registry_list_features (registry, VMT_FEATURE_SERVICE);
      for (guint j = 0; j < names->len; j++)
        {
          g_autoptr (GVariant) description =
              vmt_registry_describe (registry, VMT_FEATURE_SERVICE, names->pdata[j]);
          g_autofree char *text = g_variant_print (description, TRUE);

          g_assert_nonnull (text);
        }
    }
}

static void
test_unwritable (Setup *self, gconstpointer data)
{
  static const char *const places[] = { "/proc/self/nowhere/registry", "/proc/version", "" };
  g_autofree char *path = folder_add (self->folder, "good");
  g_autofree char *below_file = g_build_filename (path, "below", "registry", NULL);

  for (guint i = 0; i < 4; i++)
    {
      const char *place = i < 3 ? places[i] : below_file;
      g_autoptr (VmtRegistry) registry = NULL;

      registry = registry_of (self->folder, place);
      g_assert_true (vmt_registry_has_feature (registry, VMT_FEATURE_SERVICE, "fixture-good"));
    }
}

static void
test_prepared (Setup *self, gconstpointer data)
{
  g_autofree char *path = folder_add (self->folder, "count-init");
  g_autofree char *prepared = folder_path (self->folder, "registry.gvariant");
  g_autofree char *again = NULL;
  g_autofree char *contents = NULL;
  g_autofree char *bytes = NULL;
  struct timespec times[2] = { { 1, 0 }, { 1, 0 } };
  g_autoptr (GError) error = NULL;
  gsize size, n;

  g_assert_true (vmt_registry_prepare (self->folder, &error));
  g_assert_no_error (error);
  g_assert_cmpuint (get_count (self), ==, 1);
  /* Packages are built twice and compared. */
  g_assert_true (g_file_get_contents (prepared, &contents, &size, NULL));
  g_assert_true (vmt_registry_prepare (self->folder, &error));
  g_assert_true (g_file_get_contents (prepared, &again, &n, NULL));
  g_assert_cmpmem (contents, size, again, n);
  g_assert_null (g_strstr_len (contents, size, self->folder));
  g_assert_cmpuint (get_count (self), ==, 2);

  /* Unpacking a package changes the time: it is used all the same, and nothing is written. */
  g_assert_cmpint (utimensat (AT_FDCWD, path, times, 0), ==, 0);
  assert_found (self, "fixture-count-init", TRUE);
  g_assert_cmpuint (get_count (self), ==, 2);
  g_assert_false (g_file_test (self->cache, G_FILE_TEST_EXISTS));

  /* What somebody adds is scanned, and only that. */
  g_free (folder_add (self->folder, "good"));
  assert_found (self, "fixture-good", TRUE);
  assert_found (self, "fixture-count-init", TRUE);
  g_assert_cmpuint (get_count (self), ==, 2);

  /* What somebody replaces, too. */
  g_assert_true (g_file_get_contents (path, &bytes, &n, NULL));
  bytes = g_realloc (bytes, n + 1);
  bytes[n] = 0;
  write_file (path, bytes, n + 1);
  assert_found (self, "fixture-count-init", TRUE);
  g_assert_cmpuint (get_count (self), ==, 3);

  /* A package with a bad plugin is not made. */
  g_free (folder_add (self->folder, "abi-major"));
  g_assert_false (vmt_registry_prepare (self->folder, &error));
  g_assert_error (error, VMT_ERROR, VMT_ERROR_INVALID);
  g_assert_nonnull (strstr (error->message, "abi-major"));
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
#define ADD(name, func)                                                                            \
  g_test_add ("/plugin/registry-cache/" name, Setup, NULL, set_up, func, tear_down)
  ADD ("hit", test_hit);
  ADD ("changed", test_changed);
  ADD ("not-opened", test_not_opened);
  ADD ("crash-remembered", test_crash_remembered);
  ADD ("timeout-retried", test_timeout_retried);
  ADD ("corrupt", test_corrupt);
  ADD ("hostile", test_hostile);
  ADD ("unwritable", test_unwritable);
  ADD ("prepared", test_prepared);
  return g_test_run ();
}
