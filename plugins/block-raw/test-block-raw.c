/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include <unistd.h>

#include <glib/gstdio.h>

#include "vmt.h"

#define SIZE (4u << 20)

typedef struct
{
  char *folder, *path;
} Fixture;

static void
set_up (Fixture *f, gconstpointer data)
{
  g_autoptr (GError) error = NULL;

  f->folder = g_dir_make_tmp ("vmtool-raw-XXXXXX", NULL);
  f->path = g_build_filename (f->folder, "disk.img", NULL);
  vmt_block_create ("raw", f->path, SIZE, NULL, &error);
  g_assert_no_error (error);
}

static void
tear_down (Fixture *f, gconstpointer data)
{
  g_unlink (f->path);
  g_assert_cmpint (g_rmdir (f->folder), ==, 0);
  g_free (f->folder);
  g_free (f->path);
}

static VmtBlock *
try_open (Fixture *f, gboolean readonly, GError **error)
{
  VmtBlock *block = vmt_block_new_for_path (f->path, "raw", readonly, error);

  if (block == NULL)
    return NULL;
  g_object_ref_sink (block);
  if (!vmt_backend_open (VMT_BACKEND (block), NULL, error))
    g_clear_object (&block);
  return block;
}

static VmtBlock *
open_disk (Fixture *f, gboolean readonly)
{
  g_autoptr (GError) error = NULL;
  VmtBlock *block = try_open (f, readonly, &error);

  g_assert_no_error (error);
  return block;
}

static void
close_disk (VmtBlock *block)
{
  vmt_backend_close (VMT_BACKEND (block));
  g_object_unref (block);
}

static void
test_bytes (Fixture *f, gconstpointer data)
{
  g_autofree guint8 *shadow = g_malloc0 (SIZE), *bytes = g_malloc (200000);
  g_autofree char *content = NULL;
  g_autoptr (GRand) random = g_rand_new_with_seed (2);
  VmtBlock *block = open_disk (f, FALSE);
  gsize size;

  for (guint i = 0; i < 500; i++)
    {
      guint offset = g_rand_int_range (random, 0, SIZE);
      guint length = g_rand_int_range (random, 1, 200000);

      length = MIN (length, SIZE - offset);
      switch (g_rand_int_range (random, 0, 4))
        {
        case 0:
          for (guint k = 0; k < length; k++)
            bytes[k] = shadow[offset + k] = g_rand_int (random);
          g_assert_cmpint (vmt_block_pwrite (block, bytes, length, offset), ==, 0);
          break;
        case 1:
          memset (shadow + offset, 0, length);
          g_assert_cmpint (vmt_block_write_zeroes (block, offset, length, i % 2), ==, 0);
          break;
        default:
          g_assert_cmpint (vmt_block_pread (block, bytes, length, offset), ==, 0);
          g_assert_cmpmem (bytes, length, shadow + offset, length);
        }
    }
  g_assert_cmpint (vmt_block_flush (block), ==, 0);
  close_disk (block);
  g_assert_true (g_file_get_contents (f->path, &content, &size, NULL));
  g_assert_cmpmem (content, size, shadow, SIZE);
}

static void
test_space (Fixture *f, gconstpointer data)
{
  g_autofree guint8 *bytes = g_malloc (SIZE);
  VmtBlock *block = open_disk (f, FALSE);
  g_autoptr (GError) error = NULL;
  struct stat st;
  guint64 run;

  /* An empty image takes nothing. */
  g_assert_cmpint (stat (f->path, &st), ==, 0);
  g_assert_cmpuint (st.st_blocks, <, 16);
  memset (bytes, 'x', SIZE);
  g_assert_cmpint (vmt_block_pwrite (block, bytes, SIZE, 0), ==, 0);
  g_assert_false (vmt_block_is_zero (block, 0, SIZE, &run));
  g_assert_cmpint (vmt_block_write_zeroes (block, 1 << 20, 2 << 20, TRUE), ==, 0);
  g_assert_cmpint (vmt_block_flush (block), ==, 0);
  g_assert_cmpint (stat (f->path, &st), ==, 0);
  if ((guint64)st.st_blocks * 512 <= 3 << 20)
    {
      g_assert_true (vmt_block_is_zero (block, 1 << 20, SIZE - (1 << 20), &run));
      g_assert_cmpuint (run, ==, 2 << 20);
    }
  g_assert_true (vmt_block_resize (block, SIZE * 2, &error));
  g_assert_cmpuint (vmt_block_get_length (block), ==, SIZE * 2);
  g_assert_cmpint (vmt_block_pread (block, bytes, 100, SIZE + 5), ==, 0);
  g_assert_cmpint (bytes[50], ==, 0);
  close_disk (block);
}

static void
test_refused (Fixture *f, gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  g_auto (GVariantDict) dict = G_VARIANT_DICT_INIT (NULL);
  g_autofree char *other = g_build_filename (f->folder, "other", NULL);
  VmtBlock *block;
  guint8 bytes[512] = { 0 };

  g_assert_false (vmt_block_create ("raw", f->path, SIZE, NULL, &error));
  g_assert_error (error, VMT_ERROR, VMT_ERROR_BUSY);
  g_clear_error (&error);
  g_variant_dict_insert (&dict, "backing", "s", "x");
  g_assert_false (vmt_block_create ("raw", other, SIZE, g_variant_dict_end (&dict), &error));
  g_assert_error (error, VMT_ERROR, VMT_ERROR_UNSUPPORTED);
  g_clear_error (&error);
  g_assert_false (g_file_test (other, G_FILE_TEST_EXISTS));
  g_assert_false (vmt_block_create ("row", other, SIZE, NULL, &error));
  g_assert_error (error, VMT_ERROR, VMT_ERROR_NOT_FOUND);
  g_clear_error (&error);

  block = open_disk (f, TRUE);
  g_assert_cmpint (vmt_block_pwrite (block, bytes, 512, 0), ==, EROFS);
  g_assert_false (vmt_block_resize (block, SIZE * 2, &error));
  g_clear_error (&error);
  close_disk (block);

  g_assert_cmpint (chmod (f->path, 0), ==, 0);
  if (geteuid () != 0)
    {
      g_assert_null (try_open (f, TRUE, &error));
      g_clear_error (&error);
    }
  g_unlink (f->path);
  g_assert_null (try_open (f, TRUE, &error));
  g_assert_error (error, VMT_ERROR, VMT_ERROR_NOT_FOUND);
  g_assert_nonnull (strstr (error->message, "disk create"));
}

/* The refusal names the machine that has the disk. */
static void
test_machines (Fixture *f, gconstpointer data)
{
  g_autoptr (VmtMachine) machine = vmt_machine_new ("web-server");
  g_autoptr (GError) error = NULL;
  VmtBlock *block = vmt_block_new_for_path (f->path, NULL, FALSE, &error);

  g_assert_no_error (error);
  g_assert_true (vmt_object_add_child (VMT_OBJECT (machine), "disk", VMT_OBJECT (block), &error));
  g_assert_true (vmt_backend_open (VMT_BACKEND (block), NULL, &error));
  g_assert_null (try_open (f, FALSE, &error));
  g_assert_error (error, VMT_ERROR, VMT_ERROR_BUSY);
  g_assert_nonnull (strstr (error->message, "web-server"));
  g_clear_error (&error);
  vmt_backend_close (VMT_BACKEND (block));
  close_disk (open_disk (f, FALSE));
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add ("/block/raw/bytes", Fixture, NULL, set_up, test_bytes, tear_down);
  g_test_add ("/block/raw/space", Fixture, NULL, set_up, test_space, tear_down);
  g_test_add ("/block/raw/refused", Fixture, NULL, set_up, test_refused, tear_down);
  g_test_add ("/block/raw/machines", Fixture, NULL, set_up, test_machines, tear_down);
  return g_test_run ();
}
