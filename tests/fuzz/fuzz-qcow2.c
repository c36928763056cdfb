/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A qcow2 image: looked at, checked, read, written, resized. One that is found whole reads what was
 * written to it, and is still whole afterwards. */
#include "fuzz.h"

#include <glib/gstdio.h>
#include <signal.h>
#include <sys/resource.h>
#include <unistd.h>

#include <vmt.h>

#define MAX_FILE (64u << 10)
/* writes beyond it fail, as on a full disk */
#define MAX_GROWTH (64u << 20)
#define PIECE 1536
/* of the image that some of the corpus stand on */
#define BASE_SIZE 8192

static const char *
get_path (void)
{
  static const char filler[BASE_SIZE] = "vmtool";
  static char *path;

  if (path == NULL)
    {
      g_autoptr (GError) error = NULL;
      g_autofree char *folder = NULL;
      g_autofree char *base = NULL;

      /* in memory where that is possible: the images are flushed all the time */
      folder = g_build_filename (g_access ("/dev/shm", W_OK) == 0 ? "/dev/shm" : g_get_tmp_dir (),
                                 "vmtool-fuzz-XXXXXX", NULL);
      g_assert_nonnull (g_mkdtemp (folder));
      /* the locks' marks as well */
      g_setenv ("XDG_RUNTIME_DIR", folder, TRUE);
      path = g_build_filename (folder, "image.qcow2", NULL);
      base = g_build_filename (folder, "base.raw", NULL);
      g_assert_true (g_file_set_contents (base, filler, sizeof filler, &error));
    }
  return path;
}

static void
remove_files (void)
{
  g_autofree char *folder = g_path_get_dirname (get_path ());
  g_autofree char *base = g_build_filename (folder, "base.raw", NULL);
  g_autofree char *locks = g_build_filename (folder, "vmtool", "locks", NULL);
  g_autofree char *runtime = g_build_filename (folder, "vmtool", NULL);

  g_unlink (base);
  g_unlink (get_path ());
  g_rmdir (locks);
  g_rmdir (runtime);
  g_rmdir (folder);
}

static VmtBlock *
open_image (gboolean readonly, gboolean checking)
{
  g_autoptr (GError) error = NULL;
  VmtBlock *block = vmt_block_new_for_path (get_path (), "qcow2", readonly, &error);

  if (block == NULL)
    return NULL;
  g_object_ref_sink (block);
  g_object_set (block, "checking", checking, NULL);
  if (!vmt_backend_open (VMT_BACKEND (block), NULL, &error))
    {
      g_assert_nonnull (error);
      g_clear_object (&block);
    }
  return block;
}

static void
close_image (VmtBlock *block)
{
  vmt_backend_close (VMT_BACKEND (block));
  g_object_unref (block);
}

/* TRUE: no damage was found. */
static gboolean
check (gboolean repair)
{
  g_autoptr (GPtrArray) findings = g_ptr_array_new_with_free_func (g_free);
  g_autoptr (GError) error = NULL;
  VmtBlock *block = open_image (!repair, TRUE);
  guint errors = 0, leaks = 0;
  gboolean checked;

  if (block == NULL)
    return FALSE;
  checked = vmt_block_check (block, repair, findings, &errors, &leaks, &error);
  g_assert_true (checked == (error == NULL));
  close_image (block);
  return checked && errors == 0;
}

static void
look (void)
{
  g_autoptr (GVariant) info = NULL;
  guint8 data[PIECE];
  VmtBlock *block = open_image (TRUE, FALSE);
  guint64 length, run;

  if (block == NULL)
    return;
  info = vmt_block_get_info (block);
  length = vmt_block_get_length (block);
  for (guint i = 0; i < 64; i++)
    {
      guint64 offset = i < 32 ? i * 4096ull : length / 32 * (i - 32);

      (void)vmt_block_pread (block, data, sizeof data, offset);
      if (offset < length && vmt_block_is_zero (block, offset, length - offset, &run))
        g_assert_cmpuint (run, <=, length - offset);
    }
  close_image (block);
}

/* What was written reads back in an image that was whole. */
static void
change (FuzzInput *input, gboolean whole)
{
  guint8 data[PIECE], back[PIECE];
  VmtBlock *block = open_image (FALSE, FALSE);
  guint64 length;

  if (block == NULL)
    return;
  length = vmt_block_get_length (block);
  for (guint i = 0; i < 24 && length >= PIECE; i++)
    {
      guint choice = (guint)fuzz_take (input, 1);
      guint64 offset = fuzz_take (input, 2) << 8;
      int status;

      offset = MIN ((choice & 0x80) ? length - MIN (offset, length) : offset, length - PIECE);
      memset (data, choice, sizeof data);
      switch (choice & 7)
        {
        case 0:
          status = vmt_block_write_zeroes (block, offset, PIECE, (choice & 8) != 0);
          memset (data, 0, sizeof data);
          break;
        case 1:
          (void)vmt_block_flush (block);
          continue;
        case 2:
          {
            g_autoptr (GError) error = NULL;

            /* not so large that a host's limit is met, and not smaller */
            if (length < (G_GUINT64_CONSTANT (1) << 40) &&
                vmt_block_resize (block, length + 0x10000, &error))
              g_assert_cmpuint (vmt_block_get_length (block), ==, length + 0x10000);
            length = vmt_block_get_length (block);
            continue;
          }
        case 3:
          /* for what was never written: a whole image keeps its promise only then */
          if (!whole)
            (void)vmt_block_write_compressed (block, data, 512, offset & ~(guint64)0xffff);
          continue;
        default:
          status = vmt_block_pwrite (block, data, PIECE, offset);
          break;
        }
      if (status == 0 && vmt_block_pread (block, back, PIECE, offset) == 0 && whole)
        g_assert_cmpmem (data, PIECE, back, PIECE);
    }
  close_image (block);
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  FuzzInput input = { data, MIN (size, MAX_FILE) };
  static gboolean once;
  gboolean whole;

  if (!once)
    {
      const struct rlimit limit = { MAX_GROWTH, MAX_GROWTH };

      signal (SIGXFSZ, SIG_IGN);
      g_assert_cmpint (setrlimit (RLIMIT_FSIZE, &limit), ==, 0);
      atexit (remove_files);
      once = TRUE;
    }
  g_unlink (get_path ());
  g_assert_true (g_file_set_contents (get_path (), (const char *)input.data, input.size, NULL));
  look ();
  whole = check (FALSE);
  /* the requests are the end of the file, as good as any other bytes */
  if (input.size > 128)
    input = (FuzzInput){ input.data + input.size - 128, 128 };
  change (&input, whole);
  if (whole)
    g_assert_true (check (FALSE));
  else
    check (TRUE);
  return 0;
}
