/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>
#include <gio/gio.h>

#include <glib/gstdio.h>

#include "vmt.h"

/* The packer of the distribution makes the files. */
#define PACKER "zstd"

static GBytes *
pack (const guint8 *data, gsize size)
{
  g_autofree char *folder = g_dir_make_tmp ("vmtool-pack-XXXXXX", NULL);
  g_autofree char *path = g_build_filename (folder, "f", NULL);
  const char *argv[] = { PACKER, "-c", path, NULL };
  g_autoptr (GError) error = NULL;
  GSubprocess *process;
  GBytes *packed = NULL;

  g_assert_true (g_file_set_contents (path, (const char *)data, size, NULL));
  process = g_subprocess_newv (argv, G_SUBPROCESS_FLAGS_STDOUT_PIPE, &error);
  if (process != NULL)
    {
      g_subprocess_communicate (process, NULL, NULL, &packed, NULL, &error);
      g_assert_no_error (error);
      g_assert_true (g_subprocess_get_successful (process));
      g_object_unref (process);
    }
  g_unlink (path);
  g_rmdir (folder);
  return packed;
}

static GBytes *
unpack (gconstpointer data, gsize size, guint64 limit, GError **error)
{
  g_autoptr (VmtObject) object = vmt_registry_create (vmt_registry_get_default (),
                                                      VMT_FEATURE_LOADER, "decompress-zstd", error);
  g_autoptr (GBytes) bytes = g_bytes_new (data, size);

  g_assert_nonnull (object);
  return VMT_DECOMPRESSOR_GET_CLASS (object)->decompress (VMT_DECOMPRESSOR (object), bytes, limit,
                                                          error);
}

static void
test_all (void)
{
  gsize size = 3 << 20, packed_size;
  g_autofree guint8 *data = g_malloc (size), *bad = NULL;
  g_autoptr (GRand) random = g_rand_new_with_seed (1);
  g_autoptr (GBytes) packed = NULL;
  g_autoptr (GError) error = NULL;
  g_autoptr (VmtObject) object = NULL;
  const guint8 *bytes;
  GBytes *out;

  for (gsize i = 0; i < size; i++)
    data[i] = i % 3 == 0 ? g_rand_int (random) : i >> 12;
  packed = pack (data, size);
  if (packed == NULL)
    {
      g_test_skip (PACKER " is not installed");
      return;
    }
  bytes = g_bytes_get_data (packed, &packed_size);
  object = vmt_registry_create (vmt_registry_get_default (), VMT_FEATURE_LOADER, "decompress-zstd",
                                &error);
  g_assert_cmpint (VMT_LOADER_GET_CLASS (object)->probe (VMT_LOADER (object), packed), ==, 100);

  /* Exactly as much as allowed. */
  out = unpack (bytes, packed_size, size, &error);
  g_assert_no_error (error);
  g_assert_cmpmem (g_bytes_get_data (out, NULL), g_bytes_get_size (out), data, size);
  g_bytes_unref (out);
  g_assert_null (unpack (bytes, packed_size, size - 1, &error));
  g_assert_error (error, VMT_ERROR, VMT_ERROR_UNSUPPORTED);
  g_assert_nonnull (strstr (error->message, "more memory"));
  g_clear_error (&error);
  g_assert_null (unpack (bytes, packed_size, 0, &error));
  g_clear_error (&error);

  /* Cut off anywhere. */
  for (guint i = 0; i < 20; i++)
    {
      g_assert_null (unpack (bytes, packed_size * i / 20, size, &error));
      g_assert_error (error, VMT_ERROR, VMT_ERROR_CORRUPT);
      g_clear_error (&error);
    }
  /* Damaged: an error, or the same data. */
  for (guint i = 0; i < 60; i++)
    {
      g_free (bad);
      bad = g_memdup2 (bytes, packed_size);
      bad[g_rand_int_range (random, 4, packed_size)] ^= 1 << i % 8;
      out = unpack (bad, packed_size, size, &error);
      g_assert_true ((out == NULL) == (error != NULL));
      g_clear_error (&error);
      g_clear_pointer (&out, g_bytes_unref);
    }
}

/* A bomb: much of nothing. */
static void
test_bomb (void)
{
  gsize size = 64 << 20;
  g_autofree guint8 *data = g_malloc0 (size);
  g_autoptr (GBytes) packed = pack (data, size);
  g_autoptr (GError) error = NULL;

  if (packed == NULL)
    {
      g_test_skip (PACKER " is not installed");
      return;
    }
  g_assert_cmpuint (g_bytes_get_size (packed), <, 200000);
  g_assert_null (
      unpack (g_bytes_get_data (packed, NULL), g_bytes_get_size (packed), 1 << 20, &error));
  g_assert_error (error, VMT_ERROR, VMT_ERROR_UNSUPPORTED);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/decompress/zstd/all", test_all);
  g_test_add_func ("/decompress/zstd/bomb", test_bomb);
  return g_test_run ();
}
