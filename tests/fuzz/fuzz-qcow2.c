/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A qcow2 image: opened, read, written, checked and repaired. The file may not grow beyond 64 MiB.
 */
#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>
#include <vmt.h>

#include "fuzz.h"

static void
try_image (const char *path, gboolean readonly, gboolean checking)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (VmtBlock) block = vmt_block_new_for_path (path, "qcow2", readonly, &error);
  g_autofree guint8 *data = g_malloc0 (70000);
  guint errors, leaks;
  guint64 size, run;

  g_assert_no_error (error);
  g_object_ref_sink (block);
  g_object_set (block, "checking", checking, NULL);
  if (!vmt_backend_open (VMT_BACKEND (block), NULL, &error))
    {
      g_assert_nonnull (error);
      return;
    }
  size = vmt_block_get_length (block);
  for (guint i = 0; i < 8; i++)
    {
      guint64 offset = size / 8 * i + i * 100;

      vmt_block_pread (block, data, 70000, offset);
      vmt_block_is_zero (block, offset, 70000, &run);
      if (readonly)
        continue;
      vmt_block_pwrite (block, data, i * 1000, offset);
      vmt_block_write_zeroes (block, offset + 512, 60000, i % 2 == 0);
      vmt_block_write_compressed (block, data, 512, offset & ~(guint64)65535);
    }
  if (!readonly)
    vmt_block_flush (block);
  vmt_block_check (block, !readonly, NULL, &errors, &leaks, NULL);
  if (!readonly && size < 1 << 30)
    vmt_block_resize (block, size + 100000, NULL);
  vmt_backend_close (VMT_BACKEND (block));
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  const struct rlimit limit = { 64 << 20, 64 << 20 };
  g_autofree char *path = NULL;
  int fd = memfd_create ("fuzz-qcow2", MFD_CLOEXEC);

  signal (SIGXFSZ, SIG_IGN);
  setrlimit (RLIMIT_FSIZE, &limit);
  g_assert_cmpint (fd, >=, 0);
  path = g_strdup_printf ("/proc/self/fd/%d", fd);
  for (guint i = 0; i < 3; i++)
    {
      g_assert_cmpint (ftruncate (fd, 0), ==, 0);
      g_assert_cmpint (pwrite (fd, data, size, 0), ==, (ssize_t)size);
      try_image (path, i == 0, i == 1);
    }
  close (fd);
  return 0;
}
