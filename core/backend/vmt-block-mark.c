/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>

#include "vmt-block-private.h"

#define ATTRIBUTE "user.vmtool.format"

/* Where attributes cannot be stored: an empty file in the user's state folder. The birth time tells
 * a later file with the same inode number apart. */
static char *
dup_state_file (const char *path)
{
  struct statx st;
  g_autofree char *name = NULL;

  if (statx (AT_FDCWD, path, 0, STATX_INO | STATX_BTIME, &st) != 0 ||
      (st.stx_mask & STATX_BTIME) == 0)
    return NULL;
  name = g_strdup_printf ("%x-%x-%" G_GINT64_MODIFIER "x-%" G_GINT64_MODIFIER "x-%x",
                          st.stx_dev_major, st.stx_dev_minor, (guint64)st.stx_ino,
                          (guint64)st.stx_btime.tv_sec, st.stx_btime.tv_nsec);
  return g_build_filename (g_get_user_state_dir (), "vmtool", "raw-images", name, NULL);
}

gboolean
vmt_block_mark_is_raw (const char *path)
{
  char value[16];
  ssize_t size = getxattr (path, ATTRIBUTE, value, sizeof value);
  g_autofree char *file = NULL;

  if (size >= 0)
    return size == 3 && memcmp (value, "raw", 3) == 0;
  file = dup_state_file (path);
  return file != NULL && g_file_test (file, G_FILE_TEST_EXISTS);
}

gboolean
vmt_block_mark_raw (const char *path)
{
  g_autofree char *file = NULL;
  g_autofree char *folder = NULL;

  if (setxattr (path, ATTRIBUTE, "raw", 3, 0) == 0)
    return TRUE;
  file = dup_state_file (path);
  if (file == NULL)
    return FALSE;
  folder = g_path_get_dirname (file);
  return g_mkdir_with_parents (folder, 0700) == 0 && g_file_set_contents (file, path, -1, NULL);
}
