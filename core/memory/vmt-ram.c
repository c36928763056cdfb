/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "vmt-ram.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/sysinfo.h>
#include <unistd.h>

#include "vmt-error.h"

#define HUGE_PAGE ((gsize)2 << 20)

typedef struct
{
  gint refs; /* atomic */
  VmtRamBacking backing;
  int fd; /* -1 for anonymous memory */
  gsize n_pages;
  char *name;
} RamPriv;

/* Memory that begins on a huge page, so that the host can back all of it with huge ones: a range is
 * reserved that is large enough to contain an aligned one, and what is around that is given back.
 */
static guint8 *
map_aligned (gsize size, int flags, int fd)
{
  if (size < HUGE_PAGE)
    {
      void *at = mmap (NULL, size, PROT_READ | PROT_WRITE, flags, fd, 0);
      return at == MAP_FAILED ? NULL : at;
    }

  gsize reserved = size + HUGE_PAGE;
  guint8 *start =
      mmap (NULL, reserved, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if ((void *)start == MAP_FAILED)
    return NULL;
  guint8 *aligned = (guint8 *)(((guintptr)start + HUGE_PAGE - 1) & ~(guintptr)(HUGE_PAGE - 1));
  guint8 *end = aligned + size;
  void *at = mmap (aligned, size, PROT_READ | PROT_WRITE, flags | MAP_FIXED, fd, 0);
  if (at == MAP_FAILED)
    {
      int saved = errno;
      munmap (start, reserved);
      errno = saved;
      return NULL;
    }
  if (aligned > start)
    munmap (start, (gsize)(aligned - start));
  if (start + reserved > end)
    munmap (end, (gsize)(start + reserved - end));
  return at;
}

static int
open_memfd (const char *name, guint64 size)
{
#ifdef MFD_CLOEXEC
  int fd = memfd_create (name, MFD_CLOEXEC);
#else
  char path[] = "/tmp/vmt-ram-XXXXXX";
  int fd = mkstemp (path);
  (void)name;
  if (fd >= 0)
    {
      unlink (path);
      fcntl (fd, F_SETFD, FD_CLOEXEC);
    }
#endif
  if (fd >= 0 && ftruncate (fd, (off_t)size) != 0)
    {
      int saved = errno;
      close (fd);
      errno = saved;
      return -1;
    }
  return fd;
}

static int
open_file (const char *name, const char *path, guint64 size, GError **error)
{
  int fd = open (path, O_RDWR | O_CREAT | O_CLOEXEC | O_NONBLOCK, 0600);
  struct stat st;
  if (fd < 0 || fstat (fd, &st) != 0)
    {
      int saved = errno;
      if (fd >= 0)
        close (fd);
      g_set_error (error, VMT_ERROR, saved == ENOENT ? VMT_ERROR_NOT_FOUND : VMT_ERROR_FAILED,
                   "memory '%s': cannot open file '%s': %s", name, path, g_strerror (saved));
      return -1;
    }
  if (!S_ISREG (st.st_mode))
    {
      close (fd);
      g_set_error (error, VMT_ERROR, VMT_ERROR_INVALID,
                   "memory '%s': '%s' is not a regular file; give the path of a file", name, path);
      return -1;
    }
  /* An access behind the end of the file would be a bus error in the host. */
  if ((guint64)st.st_size < size && ftruncate (fd, (off_t)size) != 0)
    {
      int saved = errno;
      close (fd);
      g_set_error (error, VMT_ERROR, VMT_ERROR_FAILED,
                   "memory '%s': cannot extend file '%s' to %" G_GUINT64_FORMAT " bytes: %s", name,
                   path, size, g_strerror (saved));
      return -1;
    }
  return fd;
}

/* Memory is only taken as the guest touches it, so that more may be given away than there is; but
 * not more than could ever be there: the guest would be killed while it runs instead of refused
 * now. */
static gboolean
check_host_memory (const char *name, guint64 size, GError **error)
{
  struct sysinfo info;
  guint64 all;

  if (sysinfo (&info) != 0)
    return TRUE;
  all = ((guint64)info.totalram + info.totalswap) * info.mem_unit;
  if (size <= all)
    return TRUE;
  g_set_error (error, VMT_ERROR, VMT_ERROR_FAILED,
               "memory '%s': %" G_GUINT64_FORMAT " MiB are more than the %" G_GUINT64_FORMAT
               " MiB that this host has; give the machine less memory",
               name, size >> 20, all >> 20);
  return FALSE;
}

VmtRam *
vmt_ram_new (const char *name, guint64 size, VmtRamBacking backing, const char *path,
             GError **error)
{
  g_return_val_if_fail (name != NULL, NULL);

  if (size == 0 || (size & ~VMT_PAGE_MASK) != 0 || size > (guint64)G_MAXSSIZE / 2)
    {
      g_set_error (error, VMT_ERROR, VMT_ERROR_INVALID,
                   "memory '%s': size 0x%" G_GINT64_MODIFIER
                   "x is not a multiple of %u bytes in the range that this host can map",
                   name, size, VMT_PAGE_SIZE);
      return NULL;
    }
  if ((backing == VMT_RAM_FILE) != (path != NULL))
    {
      g_set_error (error, VMT_ERROR, VMT_ERROR_INVALID,
                   backing == VMT_RAM_FILE
                       ? "memory '%s': backed by a file, but no path is given"
                       : "memory '%s': a path is given, but it is not backed by a file",
                   name);
      return NULL;
    }

  if (backing != VMT_RAM_FILE && !check_host_memory (name, size, error))
    return NULL;

  int fd = -1;
  int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE;
  if (backing != VMT_RAM_ANON)
    {
      flags = MAP_SHARED;
      if (backing == VMT_RAM_FILE)
        fd = open_file (name, path, size, error);
      else
        {
          fd = open_memfd (name, size);
          if (fd < 0)
            g_set_error (error, VMT_ERROR, VMT_ERROR_FAILED,
                         "memory '%s': cannot make %" G_GUINT64_FORMAT " shareable bytes: %s", name,
                         size, g_strerror (errno));
        }
      if (fd < 0)
        return NULL;
    }

  gsize n_pages = (gsize)(size >> VMT_PAGE_SHIFT);
  guint8 *host = map_aligned ((gsize)size, flags, fd);
  guint8 *states = MAP_FAILED;
  if (host != NULL)
    states = mmap (NULL, n_pages, PROT_READ | PROT_WRITE,
                   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if ((void *)states == MAP_FAILED)
    {
      g_set_error (error, VMT_ERROR, VMT_ERROR_FAILED,
                   "memory '%s': the host has no room for %" G_GUINT64_FORMAT
                   " bytes: %s; give the machine less memory",
                   name, size, g_strerror (errno));
      if (host != NULL)
        munmap (host, (gsize)size);
      if (fd >= 0)
        close (fd);
      return NULL;
    }
#ifdef MADV_HUGEPAGE
  if (backing == VMT_RAM_ANON)
    madvise (host, (gsize)size, MADV_HUGEPAGE);
#endif
#ifdef MADV_DONTDUMP
  /* A core dump of the emulator is about the emulator. */
  madvise (host, (gsize)size, MADV_DONTDUMP);
#endif

  VmtRam *ram = g_new0 (VmtRam, 1);
  RamPriv *priv = g_new0 (RamPriv, 1);
  priv->refs = 1;
  priv->backing = backing;
  priv->fd = fd;
  priv->n_pages = n_pages;
  priv->name = g_strdup (name);
  ram->host = host;
  ram->size = size;
  ram->page_state = states;
  ram->name = priv->name;
  ram->priv = priv;
  return ram;
}

VmtRam *
vmt_ram_ref (VmtRam *ram)
{
  RamPriv *priv = ram->priv;
  g_atomic_int_inc (&priv->refs);
  return ram;
}

void
vmt_ram_unref (VmtRam *ram)
{
  RamPriv *priv = ram->priv;
  if (!g_atomic_int_dec_and_test (&priv->refs))
    return;
  munmap (ram->host, (gsize)ram->size);
  munmap (ram->page_state, priv->n_pages);
  if (priv->fd >= 0)
    close (priv->fd);
  g_free (priv->name);
  g_free (priv);
  g_free (ram);
}

void
vmt_ram_clear (VmtRam *ram)
{
  RamPriv *priv = ram->priv;
  gboolean cleared = FALSE;
#ifdef __linux__
  if (priv->backing == VMT_RAM_ANON)
    cleared = madvise (ram->host, (gsize)ram->size, MADV_DONTNEED) == 0;
#endif
#ifdef FALLOC_FL_PUNCH_HOLE
  if (priv->backing != VMT_RAM_ANON)
    cleared =
        fallocate (priv->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, (off_t)ram->size) == 0;
#endif
  if (!cleared)
    memset (ram->host, 0, (gsize)ram->size);
}
