/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <glib/gstdio.h>

#include "vmt.h"

/* qemu-img is the judge: what we write it must find whole, and read the same. */

static char *folder;
static char *self_path;

static char *
file (const char *name)
{
  return g_build_filename (folder, name, NULL);
}

static gboolean
find_qemu_img (void)
{
  g_autofree char *found = g_find_program_in_path ("qemu-img");

  return found != NULL;
}

static gboolean
have_qemu_img (void)
{
  if (find_qemu_img ())
    return TRUE;
  g_test_skip ("qemu-img (package qemu-utils) is not installed: nobody judges the images");
  return FALSE;
}

/* Runs qemu-img; the exit status. */
G_GNUC_PRINTF (1, 2)
static int
qemu_img (const char *format, ...)
{
  va_list args;
  g_autofree char *rest = NULL, *line = NULL, *out = NULL, *err = NULL;
  g_autoptr (GError) error = NULL;
  int status;

  va_start (args, format);
  rest = g_strdup_vprintf (format, args);
  va_end (args);
  line = g_strdup_printf ("qemu-img %s", rest);
  g_spawn_command_line_sync (line, &out, &err, &status, &error);
  g_assert_no_error (error);
  if (status != 0)
    g_test_message ("%s: %s%s", line, out, err);
  return WIFEXITED (status) ? WEXITSTATUS (status) : -1;
}

static VmtBlock *
open_with (const char *path, const char *format, gboolean readonly, gboolean checking,
           GError **error)
{
  VmtBlock *block = vmt_block_new_for_path (path, format, readonly, error);

  if (block == NULL)
    return NULL;
  g_object_ref_sink (block);
  g_object_set (block, "checking", checking, NULL);
  if (!vmt_backend_open (VMT_BACKEND (block), NULL, error))
    g_clear_object (&block);
  return block;
}

static VmtBlock *
open_image (const char *path, gboolean readonly)
{
  g_autoptr (GError) error = NULL;
  VmtBlock *block = open_with (path, "qcow2", readonly, FALSE, &error);

  g_assert_no_error (error);
  g_assert_nonnull (block);
  return block;
}

static void
close_image (VmtBlock *block)
{
  vmt_backend_close (VMT_BACKEND (block));
  g_object_unref (block);
}

static void
fill (GRand *random, guint8 *data, gsize size)
{
  guint8 byte = g_rand_int (random);

  /* Half of it compresses. */
  for (gsize i = 0; i < size; i++)
    data[i] = i < size / 2 ? g_rand_int (random) : byte;
}

/* Random requests to @block and to @shadow, which must stay equal. */
static void
exercise (VmtBlock *block, guint8 *shadow, gsize size, GRand *random, guint rounds, gsize max)
{
  g_autofree guint8 *data = g_malloc (max);
  int rc = 0;

  for (guint i = 0; i < rounds; i++)
    {
      gsize length = 1 + g_rand_int_range (random, 0, g_rand_boolean (random) ? 600 : max);
      gsize offset = g_rand_double (random) * size;

      if (g_rand_int_range (random, 0, 3) == 0)
        {
          offset &= ~(gsize)4095;
          length = (length + 4095) & ~(gsize)4095;
        }
      length = MIN (MIN (length, size - offset), max);
      if (length == 0)
        continue;
      switch (g_rand_int_range (random, 0, 10))
        {
        case 0:
        case 1:
        case 2:
        case 3:
          fill (random, data, length);
          rc = vmt_block_pwrite (block, data, length, offset);
          memcpy (shadow + offset, data, length);
          break;
        case 4:
          rc = vmt_block_write_zeroes (block, offset, length, g_rand_boolean (random));
          memset (shadow + offset, 0, length);
          break;
        case 5:
          if (g_rand_int_range (random, 0, 8) == 0)
            rc = vmt_block_flush (block);
          break;
        default:
          rc = vmt_block_pread (block, data, length, offset);
          g_assert_cmpmem (data, length, shadow + offset, length);
          break;
        }
      g_assert_cmpint (rc, ==, 0);
    }
}

static void
compare (const char *path, const guint8 *shadow, gsize size)
{
  g_autofree guint8 *data = g_malloc (size);
  VmtBlock *block = open_image (path, TRUE);

  g_assert_cmpuint (vmt_block_get_length (block), ==, size);
  g_assert_cmpint (vmt_block_pread (block, data, size, 0), ==, 0);
  g_assert_true (memcmp (data, shadow, size) == 0);
  close_image (block);
}

/* qemu-img finds no damage and no leak, and the same bytes. */
static void
judge (const char *path, const guint8 *shadow, gsize size)
{
  g_autofree char *raw = file ("shadow.raw");

  g_assert_cmpint (qemu_img ("check -q -f qcow2 %s", path), ==, 0);
  g_assert_true (g_file_set_contents (raw, (const char *)shadow, size, NULL));
  g_assert_cmpint (qemu_img ("compare -q -f qcow2 -F raw %s %s", path, raw), ==, 0);
  g_unlink (raw);
}

/* And our own check agrees. */
static void
check_clean (const char *path)
{
  g_autoptr (GPtrArray) findings = g_ptr_array_new_with_free_func (g_free);
  g_autoptr (GError) error = NULL;
  VmtBlock *block = open_with (path, "qcow2", TRUE, TRUE, &error);
  guint errors, leaks;

  g_assert_no_error (error);
  g_assert_true (vmt_block_check (block, FALSE, findings, &errors, &leaks, &error));
  for (guint i = 0; i < findings->len; i++)
    g_test_message ("%s", (char *)g_ptr_array_index (findings, i));
  g_assert_cmpuint (errors, ==, 0);
  g_assert_cmpuint (leaks, ==, 0);
  close_image (block);
}

static GVariant *
make_options (const char *first, ...)
{
  g_auto (GVariantDict) dict = G_VARIANT_DICT_INIT (NULL);
  va_list args;

  va_start (args, first);
  for (const char *name = first; name != NULL; name = va_arg (args, const char *))
    g_variant_dict_insert (&dict, name, "s", va_arg (args, const char *));
  va_end (args);
  return g_variant_dict_end (&dict);
}

static void
test_random (void)
{
  static const struct
  {
    const char *cluster, *bits, *version;
    gsize size;
  } rows[] = {
    { "64K", "16", "3", 5 << 20 }, { "512", "16", "3", 3 << 20 }, { "512", "16", "2", 300000 },
    { "4K", "1", "3", 4 << 20 },   { "4K", "2", "3", 1000001 },   { "1K", "4", "3", 2 << 20 },
    { "2K", "8", "3", 2 << 20 },   { "8K", "32", "3", 4 << 20 },  { "512", "64", "3", 4 << 20 },
    { "2M", "16", "3", 9 << 20 },
  };

  if (!have_qemu_img ())
    return;
  for (gsize i = 0; i < G_N_ELEMENTS (rows); i++)
    {
      g_autofree char *path = file ("random.qcow2");
      g_autofree guint8 *shadow = g_malloc0 (rows[i].size);
      g_autoptr (GRand) random = g_rand_new_with_seed (i + 1);
      g_autoptr (GError) error = NULL;

      g_test_message ("cluster %s, refcounts %s, version %s", rows[i].cluster, rows[i].bits,
                      rows[i].version);
      vmt_block_create ("qcow2", path, rows[i].size,
                        make_options ("cluster-size", rows[i].cluster, "refcount-bits",
                                      rows[i].bits, "version", rows[i].version, NULL),
                        &error);
      g_assert_no_error (error);
      for (guint turn = 0; turn < 3; turn++)
        {
          VmtBlock *block = open_image (path, FALSE);

          exercise (block, shadow, rows[i].size, random, 250, 300000);
          close_image (block);
          judge (path, shadow, rows[i].size & ~(gsize)511);
          compare (path, shadow, rows[i].size);
          check_clean (path);
        }
      g_unlink (path);
    }
}

static void
on_done (VmtBlockRequest *request, gpointer data)
{
  *(gboolean *)data = TRUE;
}

/* Discarded space reads as zeroes and is given back. */
static void
test_discard (void)
{
  g_autofree char *path = file ("discard.qcow2");
  g_autofree guint8 *shadow = g_malloc0 (8 << 20), *data = g_malloc (8 << 20);
  g_autoptr (GError) error = NULL;
  VmtBlock *block;
  guint64 before, after;
  g_autoptr (GVariant) info = NULL, info_after = NULL;

  vmt_block_create ("qcow2", path, 8 << 20, NULL, &error);
  g_assert_no_error (error);
  block = open_image (path, FALSE);
  memset (data, 0x5a, 8 << 20);
  g_assert_cmpint (vmt_block_pwrite (block, data, 8 << 20, 0), ==, 0);
  g_assert_cmpint (vmt_block_flush (block), ==, 0);
  info = vmt_block_get_info (block);
  g_assert_true (g_variant_lookup (info, "disk-size", "t", &before));
  memcpy (shadow, data, 8 << 20);
  /* Through the queue, as a guest does: 100 bytes into a cluster up to 50 before the end of
   * another. */
  VmtBlockRequest request = { .op = VMT_BLOCK_DISCARD, .offset = 100, .size = (7 << 20) - 150 };
  gboolean done = FALSE;

  request.done = on_done;
  request.data = &done;
  vmt_block_submit (block, &request);
  vmt_block_drain (block);
  g_assert_true (done);
  g_assert_cmpint (request.status, ==, 0);
  memset (shadow + 65536, 0, (7 << 20) - 65536 - 65536);
  g_assert_cmpint (vmt_block_flush (block), ==, 0);
  info_after = vmt_block_get_info (block);
  g_assert_true (g_variant_lookup (info_after, "disk-size", "t", &after));
  close_image (block);
  compare (path, shadow, 8 << 20);
  check_clean (path);
  g_assert_cmpuint (after, <, before / 2);
  if (have_qemu_img ())
    judge (path, shadow, 8 << 20);
  g_unlink (path);
}

/* A chain of a raw image and two qcow2 ones, of different sizes. */
static void
test_backing (void)
{
  g_autofree char *raw = file ("base.raw"), *middle = file ("middle.qcow2");
  g_autofree char *top = file ("top.qcow2"), *before = NULL, *after = NULL;
  gsize size = 4 << 20, base_size = 3000000;
  g_autofree guint8 *shadow = g_malloc0 (size);
  g_autoptr (GRand) random = g_rand_new_with_seed (7);
  g_autoptr (GError) error = NULL;
  gsize before_size, after_size;
  VmtBlock *block;

  if (!have_qemu_img ())
    return;
  fill (random, shadow, base_size);
  g_assert_true (g_file_set_contents (raw, (const char *)shadow, base_size, NULL));
  vmt_block_create (
      "qcow2", middle, size,
      make_options ("backing", "base.raw", "backing-format", "raw", "cluster-size", "4096", NULL),
      &error);
  g_assert_no_error (error);
  block = open_image (middle, FALSE);
  exercise (block, shadow, size, random, 200, 100000);
  close_image (block);
  judge (middle, shadow, size);
  g_assert_true (g_file_get_contents (middle, &before, &before_size, NULL));

  vmt_block_create ("qcow2", top, 0, make_options ("backing", middle, NULL), &error);
  g_assert_no_error (error);
  block = open_image (top, FALSE);
  g_assert_cmpuint (vmt_block_get_length (block), ==, size);
  exercise (block, shadow, size, random, 300, 100000);
  close_image (block);
  judge (top, shadow, size);
  compare (top, shadow, size);
  check_clean (top);
  /* What is underneath was only read. */
  g_assert_true (g_file_get_contents (middle, &after, &after_size, NULL));
  g_assert_cmpmem (before, before_size, after, after_size);
  g_unlink (top);
  g_unlink (middle);
  g_unlink (raw);
}

/* Images that qemu-img compressed, read and written to. */
static void
test_compressed (void)
{
  static const char *const types[] = { "zlib", "zstd" };
  g_autofree char *raw = file ("plain.raw"), *path = file ("packed.qcow2");
  gsize size = 6 << 20;
  g_autofree guint8 *shadow = g_malloc0 (size);
  g_autoptr (GRand) random = g_rand_new_with_seed (9);

  if (!have_qemu_img ())
    return;
  for (gsize at = 0; at < size; at += 100000)
    fill (random, shadow + at, MIN (60000, size - at));
  for (gsize i = 0; i < G_N_ELEMENTS (types); i++)
    {
      VmtBlock *block;

      g_assert_true (g_file_set_contents (raw, (const char *)shadow, size, NULL));
      g_assert_cmpint (qemu_img ("convert -q -c -f raw -O qcow2 -o compression_type=%s %s %s",
                                 types[i], raw, path),
                       ==, 0);
      compare (path, shadow, size);
      check_clean (path);
      block = open_image (path, FALSE);
      exercise (block, shadow, size, random, 300, 200000);
      close_image (block);
      judge (path, shadow, size);
      check_clean (path);
      g_unlink (path);
    }
  g_unlink (raw);
}

/* Our own compressed clusters, as a conversion writes them. */
static void
test_compress (void)
{
  static const struct
  {
    const char *type, *bits;
  } rows[] = {
    { "zlib", "16" },
    { "zstd", "16" },
    { "zlib", "1" },
    { "zlib", "2" },
  };
  g_autofree char *path = file ("ours.qcow2");
  gsize size = (5 << 20) + 512;
  g_autofree guint8 *shadow = g_malloc0 (size);
  g_autoptr (GRand) random = g_rand_new_with_seed (11);

  if (!have_qemu_img ())
    return;
  for (gsize at = 0; at < size; at += 200000)
    fill (random, shadow + at, MIN (150000, size - at));
  memset (shadow + (1 << 20), 'x', 1 << 20);
  for (gsize i = 0; i < G_N_ELEMENTS (rows); i++)
    {
      g_autoptr (GError) error = NULL;
      VmtBlock *block;
      g_autoptr (GVariant) info = NULL;
      guint64 stored;

      vmt_block_create (
          "qcow2", path, size,
          make_options ("compression", rows[i].type, "refcount-bits", rows[i].bits, NULL), &error);
      g_assert_no_error (error);
      block = open_image (path, FALSE);
      for (gsize at = 0; at < size; at += 65536)
        g_assert_cmpint (
            vmt_block_write_compressed (block, shadow + at, MIN (65536, size - at), at), ==, 0);
      g_assert_cmpint (vmt_block_write_compressed (block, shadow, 100, 7), ==, EINVAL);
      info = vmt_block_get_info (block);
      close_image (block);
      judge (path, shadow, size);
      compare (path, shadow, size);
      check_clean (path);
      g_assert_true (g_variant_lookup (info, "disk-size", "t", &stored));
      if (i == 0)
        g_assert_cmpuint (stored, <, size * 3 / 4);
      block = open_image (path, FALSE);
      exercise (block, shadow, size, random, 200, 200000);
      close_image (block);
      judge (path, shadow, size);
      g_unlink (path);
    }
}

/* Internal snapshots of qemu-img's survive what is written afterwards. */
static void
test_snapshot (void)
{
  g_autofree char *path = file ("snap.qcow2"), *back = file ("back.raw"), *content = NULL;
  gsize size = 4 << 20, got;
  g_autofree guint8 *shadow = g_malloc0 (size), *old = NULL;
  g_autoptr (GRand) random = g_rand_new_with_seed (13);
  g_autoptr (GError) error = NULL;
  VmtBlock *block;

  if (!have_qemu_img ())
    return;
  vmt_block_create ("qcow2", path, size, make_options ("cluster-size", "4K", NULL), &error);
  g_assert_no_error (error);
  block = open_image (path, FALSE);
  exercise (block, shadow, size, random, 300, 100000);
  close_image (block);
  g_assert_cmpint (qemu_img ("snapshot -c one %s", path), ==, 0);
  old = g_memdup2 (shadow, size);
  block = open_image (path, FALSE);
  g_assert_false (vmt_block_resize (block, size * 2, &error));
  g_assert_error (error, VMT_ERROR, VMT_ERROR_UNSUPPORTED);
  exercise (block, shadow, size, random, 300, 100000);
  close_image (block);
  judge (path, shadow, size);
  check_clean (path);
  g_assert_cmpint (qemu_img ("convert -q -l snapshot.name=one -O raw %s %s", path, back), ==, 0);
  g_assert_true (g_file_get_contents (back, &content, &got, NULL));
  g_assert_cmpmem (content, got, old, size);
  g_assert_cmpint (qemu_img ("snapshot -d one %s", path), ==, 0);
  judge (path, shadow, size);
  g_unlink (path);
  g_unlink (back);
}

static void
test_resize (void)
{
  g_autofree char *path = file ("size.qcow2"), *raw = file ("size.raw");
  gsize most = 12 << 20;
  g_autofree guint8 *shadow = g_malloc0 (most);
  g_autoptr (GRand) random = g_rand_new_with_seed (17);
  gsize sizes[] = { 100000, 3 << 20, 12 << 20, (5 << 20) + 300, 5 << 20, 11 << 20 };

  if (!have_qemu_img ())
    return;
  for (guint with_backing = 0; with_backing < 2; with_backing++)
    {
      g_autoptr (GError) error = NULL;
      gsize size = 1 << 20;

      memset (shadow, 0, most);
      if (with_backing)
        {
          g_autofree guint8 *base = g_malloc (most);

          memset (base, 'b', most);
          g_assert_true (g_file_set_contents (raw, (const char *)base, most, NULL));
          memset (shadow, 'b', size);
        }
      /* A table of refcounts that is soon too small. */
      vmt_block_create ("qcow2", path, size,
                        with_backing ? make_options ("cluster-size", "512", "backing", raw,
                                                     "backing-format", "raw", NULL)
                                     : make_options ("cluster-size", "512", NULL),
                        &error);
      g_assert_no_error (error);
      for (gsize i = 0; i < G_N_ELEMENTS (sizes); i++)
        {
          VmtBlock *block = open_image (path, FALSE);

          exercise (block, shadow, size, random, 60, 60000);
          g_assert_true (vmt_block_resize (block, sizes[i], &error));
          g_assert_no_error (error);
          if (sizes[i] < size)
            memset (shadow + sizes[i], 0, size - sizes[i]);
          size = sizes[i];
          exercise (block, shadow, size, random, 60, 60000);
          close_image (block);
          compare (path, shadow, size);
          check_clean (path);
          if (size % 512 == 0)
            judge (path, shadow, size);
        }
      g_unlink (path);
    }
  g_unlink (raw);
}

/* The table of refcounts has to grow: 512-byte clusters and wide counts need that soon. */
static void
test_growth (void)
{
  g_autofree char *path = file ("grow.qcow2");
  gsize size = 24 << 20;
  g_autofree guint8 *shadow = g_malloc (size);
  g_autoptr (GRand) random = g_rand_new_with_seed (19);
  g_autoptr (GError) error = NULL;
  VmtBlock *block;

  if (!have_qemu_img ())
    return;
  vmt_block_create ("qcow2", path, size,
                    make_options ("cluster-size", "512", "refcount-bits", "64", NULL), &error);
  g_assert_no_error (error);
  for (gsize i = 0; i < size; i += 4)
    {
      guint32 word = g_rand_int (random) | 1;

      memcpy (shadow + i, &word, 4);
    }
  block = open_image (path, FALSE);
  for (gsize at = 0; at < size; at += 1 << 20)
    g_assert_cmpint (vmt_block_pwrite (block, shadow + at, 1 << 20, at), ==, 0);
  close_image (block);
  judge (path, shadow, size);
  check_clean (path);
  g_unlink (path);
}

/* The other process: writes, flushes, writes on, and is gone. */
static int
crash_child (const char *path, const char *seed)
{
  g_autoptr (GRand) random = g_rand_new_with_seed (atoi (seed));
  g_autofree guint8 *shadow = g_malloc0 (4 << 20);
  VmtBlock *block = open_image (path, FALSE);
  g_autofree char *flushed = g_strconcat (path, ".flushed", NULL);

  for (guint i = 0; i < 1 + atoi (seed) % 3; i++)
    exercise (block, shadow, 4 << 20, random, 150, 50000);
  g_assert_cmpint (vmt_block_flush (block), ==, 0);
  g_assert_true (g_file_set_contents (flushed, (const char *)shadow, 4 << 20, NULL));
  /* Not flushed any more, only to the first half. */
  exercise (block, shadow, 2 << 20, random, 150, 50000);
  kill (getpid (), SIGKILL);
  return 1;
}

static void
test_crash (void)
{
  if (!have_qemu_img ())
    return;
  for (guint seed = 1; seed <= 6; seed++)
    {
      g_autofree char *path = file ("crash.qcow2");
      g_autofree char *flushed = g_strconcat (path, ".flushed", NULL), *kept = NULL;
      g_autofree char *number = g_strdup_printf ("%u", seed);
      char *argv[] = { self_path, (char *)"--crash", path, number, NULL };
      g_autofree guint8 *data = g_malloc (2 << 20);
      g_autoptr (GError) error = NULL;
      gsize size;
      VmtBlock *block;
      int status, rc;

      vmt_block_create ("qcow2", path, 4 << 20, make_options ("cluster-size", "4K", NULL), &error);
      g_assert_no_error (error);
      g_spawn_sync (NULL, argv, NULL, 0, NULL, NULL, NULL, NULL, &status, &error);
      g_assert_no_error (error);
      g_assert_true (WIFSIGNALED (status));
      /* 3: there is unused space, which is allowed; 2 would be damage. */
      rc = qemu_img ("check -q -f qcow2 %s", path);
      g_assert_true (rc == 0 || rc == 3);
      g_assert_true (g_file_get_contents (flushed, &kept, &size, NULL));
      /* The lock of the killed process is gone with it. */
      block = open_image (path, FALSE);
      g_assert_cmpint (vmt_block_pread (block, data, 2 << 20, 2 << 20), ==, 0);
      g_assert_true (memcmp (data, kept + (2 << 20), 2 << 20) == 0);
      close_image (block);
      /* Repairing gives the leaks back. */
      {
        guint errors, leaks;

        block = open_with (path, "qcow2", FALSE, TRUE, &error);
        g_assert_no_error (error);
        g_assert_true (vmt_block_check (block, TRUE, NULL, &errors, &leaks, &error));
        g_assert_cmpuint (errors + leaks, ==, 0);
        close_image (block);
      }
      g_assert_cmpint (qemu_img ("check -q -f qcow2 %s", path), ==, 0);
      g_unlink (path);
      g_unlink (flushed);
    }
}

static void
poke (const char *path, gsize offset, const void *bytes, gsize size)
{
  FILE *stream = g_fopen (path, "r+b");

  g_assert_nonnull (stream);
  g_assert_cmpint (fseek (stream, offset, SEEK_SET), ==, 0);
  g_assert_cmpuint (fwrite (bytes, 1, size, stream), ==, size);
  fclose (stream);
}

/* Lazily counted and not closed: the counts are wrong, and are made anew when it is written to. */
static void
test_dirty (void)
{
  g_autofree char *path = file ("dirty.qcow2");
  gsize size = 2 << 20;
  g_autofree guint8 *shadow = g_malloc0 (size), *nothing = g_malloc0 (65536);
  g_autoptr (GRand) random = g_rand_new_with_seed (23);
  g_autoptr (GError) error = NULL;
  guint8 dirty = 1;
  VmtBlock *block;

  if (!have_qemu_img ())
    return;
  g_assert_cmpint (qemu_img ("create -q -f qcow2 -o lazy_refcounts=on %s 2M", path), ==, 0);
  block = open_image (path, FALSE);
  exercise (block, shadow, size, random, 200, 100000);
  close_image (block);
  judge (path, shadow, size);
  /* qemu-img puts the one block of counts at cluster 2; all but its own beginning is lost. */
  poke (path, 2 * 65536 + 8, nothing, 65536 - 8);
  poke (path, 79, &dirty, 1);
  compare (path, shadow, size);
  block = open_image (path, FALSE);
  exercise (block, shadow, size, random, 200, 100000);
  close_image (block);
  judge (path, shadow, size);
  check_clean (path);
  g_unlink (path);
}

static void
expect_refused (const char *path, gboolean readonly, VmtError code, const char *text)
{
  g_autoptr (GError) error = NULL;
  VmtBlock *block = open_with (path, "qcow2", readonly, FALSE, &error);

  g_assert_null (block);
  g_assert_error (error, VMT_ERROR, (int)code);
  if (strstr (error->message, text) == NULL)
    g_error ("\"%s\" does not say \"%s\"", error->message, text);
}

static void
test_refused (void)
{
  g_autofree char *path = file ("refused.qcow2"), *other = file ("other.qcow2");
  const guint8 zero[8] = { 0 }, bit0[8] = { 0, 0, 0, 0, 0, 0, 0, 1 };
  g_autoptr (GError) error = NULL;
  VmtBlock *block;
  struct
  {
    gsize at;
    guint8 byte;
    VmtError code;
    const char *text;
  } rows[] = {
    { 79, 2, VMT_ERROR_CORRUPT, "marked as damaged" },
    { 79, 16, VMT_ERROR_UNSUPPORTED, "extended L2" },
    { 79, 4, VMT_ERROR_UNSUPPORTED, "another file" },
    { 79, 8, VMT_ERROR_UNSUPPORTED, "compression" },
    { 72, 128, VMT_ERROR_UNSUPPORTED, "bit 63" },
    { 35, 1, VMT_ERROR_UNSUPPORTED, "encrypted" },
    { 7, 4, VMT_ERROR_UNSUPPORTED, "version 4" },
    { 23, 8, VMT_ERROR_CORRUPT, "2^8" },
    { 23, 22, VMT_ERROR_CORRUPT, "2^22" },
    { 99, 7, VMT_ERROR_CORRUPT, "refcounts" },
    { 36, 255, VMT_ERROR_CORRUPT, "L1 table" },
    { 42, 255, VMT_ERROR_CORRUPT, "L1 table" },
    { 24, 1, VMT_ERROR_CORRUPT, "too small" },
    { 56, 1, VMT_ERROR_CORRUPT, "refcount table" },
    { 60, 1, VMT_ERROR_CORRUPT, "snapshots" },
    { 63, 1, VMT_ERROR_CORRUPT, "snapshots" },
    { 103, 100, VMT_ERROR_CORRUPT, "header" },
    { 0, 0, VMT_ERROR_INVALID, "not a qcow2" },
  };

  vmt_block_create ("qcow2", path, 1 << 20, make_options ("cluster-size", "4K", NULL), &error);
  g_assert_no_error (error);
  for (gsize i = 0; i < G_N_ELEMENTS (rows); i++)
    {
      g_autofree char *content = NULL;
      gsize size;

      g_assert_true (g_file_get_contents (path, &content, &size, NULL));
      if (rows[i].at == 63)
        content[71] = (char)0xff, content[64] = 0x7f;
      content[rows[i].at] = (char)rows[i].byte;
      g_assert_true (g_file_set_contents (other, content, size, NULL));
      expect_refused (other, FALSE, rows[i].code, rows[i].text);
    }
  g_unlink (other);

  /* A damaged image can still be read. */
  poke (path, 72, (const guint8[8]){ 0, 0, 0, 0, 0, 0, 0, 2 }, 8);
  block = open_image (path, TRUE);
  close_image (block);
  poke (path, 72, zero, 8);

  /* Unknown features that may be cleared are, but only by writers. */
  poke (path, 88, (const guint8[8]){ 0x80 }, 8);
  close_image (open_image (path, TRUE));
  {
    g_autofree char *content = NULL;

    g_assert_true (g_file_get_contents (path, &content, NULL, NULL));
    g_assert_cmpint ((guint8)content[88], ==, 0x80);
    close_image (open_image (path, FALSE));
    g_clear_pointer (&content, g_free);
    g_assert_true (g_file_get_contents (path, &content, NULL, NULL));
    g_assert_cmpint ((guint8)content[88], ==, 0);
  }
  poke (path, 80, bit0, 8); /* lazy refcounts need nothing */
  close_image (open_image (path, FALSE));

  /* Truncated. */
  g_assert_cmpint (truncate (path, 4096), ==, 0);
  expect_refused (path, TRUE, VMT_ERROR_CORRUPT, "outside the file");
  g_assert_cmpint (truncate (path, 50), ==, 0);
  expect_refused (path, TRUE, VMT_ERROR_INVALID, "not a qcow2");
  g_unlink (path);
  expect_refused (path, TRUE, VMT_ERROR_NOT_FOUND, "refused.qcow2");
}

static void
test_loop (void)
{
  g_autofree char *a = file ("a.qcow2"), *b = file ("b.qcow2");
  g_autoptr (GError) error = NULL;

  vmt_block_create ("qcow2", b, 1 << 20, NULL, &error);
  g_assert_no_error (error);
  vmt_block_create ("qcow2", a, 1 << 20, make_options ("backing", "b.qcow2", NULL), &error);
  g_assert_no_error (error);
  g_unlink (b);
  /* b stands on a, whose backing file it then becomes. */
  g_assert_cmpint (g_rename (a, b), ==, 0);
  expect_refused (b, TRUE, VMT_ERROR_CORRUPT, "loop");
  g_unlink (b);

  vmt_block_create ("qcow2", a, 1 << 20, make_options ("backing", "gone.qcow2", NULL), &error);
  g_assert_error (error, VMT_ERROR, VMT_ERROR_NOT_FOUND);
  g_assert_false (g_file_test (a, G_FILE_TEST_EXISTS));
}

static void
test_locks (void)
{
  g_autofree char *path = file ("locked.qcow2");
  g_autoptr (GError) error = NULL;
  VmtBlock *first, *second;

  vmt_block_create ("qcow2", path, 1 << 20, NULL, &error);
  g_assert_no_error (error);
  first = open_image (path, FALSE);
  g_assert_null (open_with (path, "qcow2", FALSE, FALSE, &error));
  g_assert_error (error, VMT_ERROR, VMT_ERROR_BUSY);
  g_assert_nonnull (strstr (error->message, "process"));
  g_clear_error (&error);
  g_assert_null (open_with (path, "qcow2", TRUE, FALSE, &error));
  g_assert_error (error, VMT_ERROR, VMT_ERROR_BUSY);
  g_clear_error (&error);
  if (find_qemu_img ())
    g_assert_cmpint (qemu_img ("resize -q %s 2M", path), !=, 0);
  close_image (first);

  first = open_image (path, TRUE);
  second = open_image (path, TRUE);
  g_assert_null (open_with (path, "qcow2", FALSE, FALSE, &error));
  g_assert_error (error, VMT_ERROR, VMT_ERROR_BUSY);
  close_image (first);
  close_image (second);
  g_unlink (path);
}

/* Everything that an image can be asked for, whatever it answers. */
static void
try_everything (const char *path, GRand *random)
{
  for (guint writing = 0; writing < 2; writing++)
    {
      g_autoptr (GError) error = NULL;
      VmtBlock *block = open_with (path, "qcow2", !writing, g_rand_boolean (random), &error);
      g_autofree guint8 *data = g_malloc0 (100000);
      guint errors, leaks;
      guint64 run, size;

      if (block == NULL)
        {
          g_assert_nonnull (error);
          continue;
        }
      size = vmt_block_get_length (block);
      for (guint i = 0; i < 12; i++)
        {
          guint64 offset = g_rand_double (random) * (i % 2 ? size : MIN (size, 1 << 20));
          gsize length = g_rand_int_range (random, 1, 100000);

          vmt_block_pread (block, data, length, offset);
          if (length > 0)
            vmt_block_is_zero (block, offset, length, &run);
          if (writing)
            {
              vmt_block_pwrite (block, data, length, offset);
              vmt_block_write_zeroes (block, offset, length, TRUE);
              if (i == 6)
                vmt_block_flush (block);
            }
        }
      vmt_block_check (block, writing, NULL, &errors, &leaks, NULL);
      close_image (block);
    }
}

/* Images with bytes of their metadata changed at random. */
static void
test_hostile (void)
{
  g_autofree char *path = file ("hostile.qcow2"), *good = NULL;
  g_autofree guint8 *shadow = g_malloc0 (256 << 10);
  g_autoptr (GRand) random = g_rand_new_with_seed (29);
  g_autoptr (GError) error = NULL;
  struct rlimit limit;
  VmtBlock *block;
  gsize size;
  guint rounds = g_test_slow () ? 20000 : 600;

  /* A file that makes us write huge holes must fail, not fill the disk. */
  getrlimit (RLIMIT_FSIZE, &limit);
  signal (SIGXFSZ, SIG_IGN);
  vmt_block_create ("qcow2", path, 256 << 10, make_options ("cluster-size", "512", NULL), &error);
  g_assert_no_error (error);
  block = open_image (path, FALSE);
  exercise (block, shadow, 256 << 10, random, 60, 8000);
  close_image (block);
  if (find_qemu_img ())
    qemu_img ("snapshot -c one %s", path);
  g_assert_true (g_file_get_contents (path, &good, &size, NULL));
  {
    struct rlimit small = { 64 << 20, limit.rlim_max };

    setrlimit (RLIMIT_FSIZE, &small);
  }
  for (guint i = 0; i < rounds; i++)
    {
      g_autofree guint8 *bad = g_memdup2 (good, size);
      guint changes = g_rand_int_range (random, 1, 6);

      for (guint k = 0; k < changes; k++)
        {
          /* Metadata stands at the beginning; the header most of all. */
          gsize at =
              g_rand_int_range (random, 0, g_rand_boolean (random) ? 112 : MIN (size, 16384));

          if (at < 8)
            continue;
          switch (g_rand_int_range (random, 0, 4))
            {
            case 0:
              bad[at] = g_rand_int (random);
              break;
            case 1:
              bad[at] ^= 1u << g_rand_int_range (random, 0, 8);
              break;
            case 2:
              /* A pointer to somewhere in the file. */
              at &= ~(gsize)7;
              memset (bad + at, 0, 8);
              bad[at] = g_rand_boolean (random) ? 0x80 : 0;
              bad[at + 6] = g_rand_int_range (random, 0, size >> 8) & ~1;
              break;
            default:
              memset (bad + (at & ~(gsize)7), g_rand_boolean (random) ? 0xff : 0, 8);
              break;
            }
        }
      g_assert_true (g_file_set_contents (path, (const char *)bad, size, NULL));
      try_everything (path, random);
    }
  setrlimit (RLIMIT_FSIZE, &limit);
  g_unlink (path);
}

/* Found as what it is; a raw disk stays raw, whatever its guest writes. */
static void
test_probe (void)
{
  g_autofree char *path = file ("probe.img"), *qcow2 = file ("probe.qcow2"), *content = NULL;
  g_autofree char *format = NULL;
  g_autoptr (GError) error = NULL;
  VmtBlock *block;
  gsize size;

  vmt_block_create ("qcow2", qcow2, 1 << 20, NULL, &error);
  g_assert_no_error (error);
  block = open_with (qcow2, NULL, FALSE, FALSE, &error);
  g_assert_no_error (error);
  g_object_get (block, "format", &format, NULL);
  g_assert_cmpstr (format, ==, "qcow2");
  close_image (block);
  g_assert_true (g_file_get_contents (qcow2, &content, &size, NULL));

  vmt_block_create ("raw", path, 1 << 20, NULL, &error);
  g_assert_no_error (error);
  for (guint turn = 0; turn < 2; turn++)
    {
      g_autofree char *found = NULL, *back = g_malloc (4096);

      block = open_with (path, "auto", FALSE, FALSE, &error);
      g_assert_no_error (error);
      g_object_get (block, "format", &found, NULL);
      g_assert_cmpstr (found, ==, "raw");
      g_assert_cmpuint (vmt_block_get_length (block), ==, 1 << 20);
      if (turn == 1)
        {
          g_assert_cmpint (vmt_block_pread (block, back, 4096, 0), ==, 0);
          g_assert_cmpmem (back, 4096, content, 4096);
        }
      g_assert_cmpint (vmt_block_pwrite (block, content, 4096, 0), ==, 0);
      close_image (block);
    }
  g_unlink (path);
  g_unlink (qcow2);
}

static void
test_ephemeral (void)
{
  g_autofree char *path = file ("kept.qcow2"), *before = NULL, *after = NULL;
  gsize size = 3 << 20, before_size, after_size;
  g_autofree guint8 *shadow = g_malloc0 (size);
  g_autoptr (GRand) random = g_rand_new_with_seed (31);
  g_autoptr (GError) error = NULL;
  VmtBlock *block;

  vmt_block_create ("qcow2", path, size, NULL, &error);
  g_assert_no_error (error);
  block = open_image (path, FALSE);
  exercise (block, shadow, size, random, 100, 100000);
  close_image (block);
  g_assert_true (g_file_get_contents (path, &before, &before_size, NULL));
  block = vmt_block_new_for_path (path, NULL, FALSE, &error);
  g_assert_no_error (error);
  g_object_ref_sink (block);
  g_object_set (block, "ephemeral", TRUE, NULL);
  g_assert_true (vmt_backend_open (VMT_BACKEND (block), NULL, &error));
  exercise (block, shadow, size, random, 400, 100000);
  close_image (block);
  g_assert_true (g_file_get_contents (path, &after, &after_size, NULL));
  g_assert_cmpmem (before, before_size, after, after_size);
  g_unlink (path);
}

int
main (int argc, char **argv)
{
  int rc;

  self_path = argv[0];
  if (argc == 4 && strcmp (argv[1], "--crash") == 0)
    return crash_child (argv[2], argv[3]);
  g_test_init (&argc, &argv, NULL);
  /* In memory where there is such a place: every flush reaches a disk otherwise. */
  folder = g_mkdtemp (g_strdup ("/dev/shm/vmtool-qcow2-XXXXXX"));
  if (folder == NULL)
    folder = g_dir_make_tmp ("vmtool-qcow2-XXXXXX", NULL);
  g_assert_nonnull (folder);
  g_test_add_func ("/block/qcow2/random", test_random);
  g_test_add_func ("/block/qcow2/discard", test_discard);
  g_test_add_func ("/block/qcow2/backing", test_backing);
  g_test_add_func ("/block/qcow2/compressed", test_compressed);
  g_test_add_func ("/block/qcow2/compress", test_compress);
  g_test_add_func ("/block/qcow2/snapshot", test_snapshot);
  g_test_add_func ("/block/qcow2/resize", test_resize);
  g_test_add_func ("/block/qcow2/growth", test_growth);
  g_test_add_func ("/block/qcow2/crash", test_crash);
  g_test_add_func ("/block/qcow2/dirty", test_dirty);
  g_test_add_func ("/block/qcow2/refused", test_refused);
  g_test_add_func ("/block/qcow2/loop", test_loop);
  g_test_add_func ("/block/qcow2/locks", test_locks);
  g_test_add_func ("/block/qcow2/hostile", test_hostile);
  g_test_add_func ("/block/qcow2/probe", test_probe);
  g_test_add_func ("/block/qcow2/ephemeral", test_ephemeral);
  rc = g_test_run ();
  g_rmdir (folder);
  g_free (folder);
  return rc;
}
