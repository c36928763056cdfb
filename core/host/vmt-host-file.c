/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "vmt-error.h"
#include "vmt-host.h"

/**
 * vmt_host_lock_file:
 * @fd: an open file
 * @lock: readers share, a writer is alone
 * @error: return location
 *
 * Returns: %FALSE with %VMT_ERROR_BUSY when another open file has a lock that excludes this one,
 * %VMT_ERROR_FAILED when the file system has no locks
 */
gboolean
vmt_host_lock_file (int fd, VmtHostLock lock, GError **error)
{
  /* flock() locks and not fcntl() ones: those are dropped when any other part of the process closes
   * the file. */
  while (flock (fd, (lock == VMT_HOST_LOCK_SHARED ? LOCK_SH : LOCK_EX) | LOCK_NB) != 0)
    {
      if (errno == EINTR)
        continue;
      if (errno == EWOULDBLOCK)
        g_set_error (error, VMT_ERROR, VMT_ERROR_BUSY, "the file is locked by another program");
      else
        g_set_error (error, VMT_ERROR, VMT_ERROR_FAILED, "the file cannot be locked: %s",
                     g_strerror (errno));
      return FALSE;
    }
  return TRUE;
}

/**
 * vmt_host_unlock_file:
 * @fd: an open file that may be locked
 */
void
vmt_host_unlock_file (int fd)
{
  flock (fd, LOCK_UN);
}

/**
 * vmt_host_get_lock_holder:
 * @fd: an open file, locked through another one
 *
 * Returns: a process id, 0 when nobody is found: other hosts than Linux do not tell, nor does it
 * for processes of other containers
 */
gint64
vmt_host_get_lock_holder (int fd)
{
  gint64 holder = 0;
#ifdef __linux__
  g_autofree char *table = NULL;
  g_auto (GStrv) lines = NULL;
  struct stat status;

  if (fstat (fd, &status) != 0 || !g_file_get_contents ("/proc/locks", &table, NULL, NULL))
    return 0;
  /* "1: FLOCK  ADVISORY  WRITE 4242 08:01:1234 0 EOF"; a line with "->" waits for the one above. */
  lines = g_strsplit (table, "\n", -1);
  for (guint i = 0; lines[i] != NULL && holder == 0; i++)
    {
      unsigned int major_number, minor_number;
      unsigned long long inode;
      long long pid;

      if (sscanf (lines[i], "%*d: FLOCK %*s %*s %lld %x:%x:%llu", &pid, &major_number,
                  &minor_number, &inode) == 4 &&
          pid > 0 && inode == status.st_ino && major_number == major (status.st_dev) &&
          minor_number == minor (status.st_dev))
        holder = pid;
    }
#endif
  return holder;
}
