/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "vmt-block-file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/falloc.h>
#include <linux/fs.h>
#include <signal.h>
#include <stddef.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include <glib/gstdio.h>

#include "vmt-error.h"

/* Bytes of the file on which QEMU's locks stand: a shared lock on BASE_USES + n says "I use
 * permission n", on BASE_DENIES + n "nobody else may". */
#define BASE_USES 100
#define BASE_DENIES 200
#define PERM_READ 0
#define PERM_WRITE 1
#define PERM_RESIZE 3
#define USES_AS_READER (1u << PERM_READ)
#define USES_AS_WRITER (1u << PERM_READ | 1u << PERM_WRITE | 1u << PERM_RESIZE)
/* Readers too: an image must not change under them. */
#define DENIES (1u << PERM_WRITE | 1u << PERM_RESIZE)
#define N_PERMS 4

#define IOV_BATCH 64

struct _VmtBlockFile
{
  int fd;
  gboolean is_device;
  char *record; /* the file that tells others who holds the lock */
};

G_STATIC_ASSERT (sizeof (VmtIoVec) == sizeof (struct iovec));
G_STATIC_ASSERT (offsetof (VmtIoVec, base) == offsetof (struct iovec, iov_base));
G_STATIC_ASSERT (offsetof (VmtIoVec, size) == offsetof (struct iovec, iov_len));

static char *
dup_holder_name (VmtObject *holder)
{
  VmtObject *root = holder != NULL ? vmt_object_get_root (holder) : NULL;
  g_autofree char *name = NULL;

  if (root != NULL)
    {
      GParamSpec *pspec = g_object_class_find_property (G_OBJECT_GET_CLASS (root), "name");

      if (pspec != NULL && pspec->value_type == G_TYPE_STRING)
        g_object_get (root, "name", &name, NULL);
    }
  if (name != NULL && *name != '\0')
    return g_strdup_printf ("machine \"%s\" (process %d)", name, (int)getpid ());
  return g_strdup_printf ("process %d (%s)", (int)getpid (),
                          g_get_prgname () != NULL ? g_get_prgname () : "vmtool");
}

static char *
dup_record_folder (void)
{
  return g_build_filename (g_get_user_runtime_dir (), "vmtool", "locks", NULL);
}

static char *
dup_record_prefix (int fd)
{
  struct stat st;

  if (fstat (fd, &st) != 0)
    return NULL;
  return g_strdup_printf ("%" G_GINT64_MODIFIER "x-%" G_GINT64_MODIFIER "x-", (guint64)st.st_dev,
                          (guint64)st.st_ino);
}

/* A help for people only: what cannot be written is left out. */
static void
write_record (VmtBlockFile *self, VmtObject *holder)
{
  g_autofree char *folder = dup_record_folder ();
  g_autofree char *prefix = dup_record_prefix (self->fd);
  g_autofree char *name = dup_holder_name (holder);
  g_autofree char *file = NULL;

  if (prefix == NULL || g_mkdir_with_parents (folder, 0700) != 0)
    return;
  /* The pointer tells two openings in one process apart. */
  file = g_strdup_printf ("%s%d-%" G_GSIZE_MODIFIER "x", prefix, (int)getpid (),
                          (gsize)GPOINTER_TO_SIZE (self));
  self->record = g_build_filename (folder, file, NULL);
  if (!g_file_set_contents_full (self->record, name, -1, G_FILE_SET_CONTENTS_NONE, 0600, NULL))
    g_clear_pointer (&self->record, g_free);
}

/* Who has the file open, as far as records of living processes tell. */
static char *
find_owner (int fd)
{
  g_autofree char *folder = dup_record_folder ();
  g_autofree char *prefix = dup_record_prefix (fd);
  g_autoptr (GDir) dir = g_dir_open (folder, 0, NULL);
  const char *name;

  if (dir == NULL || prefix == NULL)
    return NULL;
  while ((name = g_dir_read_name (dir)) != NULL)
    {
      g_autofree char *path = NULL;
      char *owner = NULL;
      int pid;

      if (!g_str_has_prefix (name, prefix))
        continue;
      path = g_build_filename (folder, name, NULL);
      pid = atoi (name + strlen (prefix));
      if (pid <= 0 || (kill (pid, 0) != 0 && errno == ESRCH))
        {
          g_unlink (path); /* its process was killed */
          continue;
        }
      if (g_file_get_contents (path, &owner, NULL, NULL))
        return g_strstrip (owner);
    }
  return NULL;
}

static int
lock_byte (int fd, int command, short type, off_t at)
{
  struct flock lock = { .l_type = type, .l_whence = SEEK_SET, .l_start = at, .l_len = 1 };

  if (fcntl (fd, command, &lock) != 0)
    return -errno;
  return lock.l_type;
}

/* 0, EAGAIN when another has it, or an errno with which locking itself failed. */
static int
lock_file (int fd, gboolean readonly)
{
  guint uses = readonly ? USES_AS_READER : USES_AS_WRITER;
  int rc;

  for (int i = 0; i < N_PERMS; i++)
    {
      if ((uses & 1u << i) != 0 && (rc = lock_byte (fd, F_OFD_SETLK, F_RDLCK, BASE_USES + i)) < 0)
        return -rc;
      if ((DENIES & 1u << i) != 0 &&
          (rc = lock_byte (fd, F_OFD_SETLK, F_RDLCK, BASE_DENIES + i)) < 0)
        return -rc;
    }
  for (int i = 0; i < N_PERMS; i++)
    {
      if ((DENIES & 1u << i) != 0 &&
          (rc = lock_byte (fd, F_OFD_GETLK, F_WRLCK, BASE_USES + i)) != F_UNLCK)
        return rc < 0 ? -rc : EAGAIN;
      if ((uses & 1u << i) != 0 &&
          (rc = lock_byte (fd, F_OFD_GETLK, F_WRLCK, BASE_DENIES + i)) != F_UNLCK)
        return rc < 0 ? -rc : EAGAIN;
    }
  return 0;
}

static void
set_open_error (GError **error, const char *path, gboolean readonly, int code)
{
  const char *remedy = "";
  VmtError kind = VMT_ERROR_FAILED;

  if ((code == EACCES || code == EROFS || code == EPERM) && !readonly)
    remedy = ": use readonly=on or ephemeral=on to open it without writing";
  else if (code == ENOENT)
    {
      kind = VMT_ERROR_NOT_FOUND;
      remedy = ": check the path, or make an image with \"vmtool disk create\"";
    }
  g_set_error (error, VMT_ERROR, kind, "cannot open disk image %s: %s%s", path, g_strerror (code),
               remedy);
}

static gboolean
take_lock (VmtBlockFile *self, const char *path, gboolean readonly, VmtObject *holder,
           GError **error)
{
  int rc = lock_file (self->fd, readonly);

  if (rc == EAGAIN || rc == EACCES)
    {
      g_autofree char *owner = find_owner (self->fd);

      g_set_error (error, VMT_ERROR, VMT_ERROR_BUSY,
                   "disk image %s is in use by %s: stop that first, or open it read-only in both",
                   path, owner != NULL ? owner : "another process");
      return FALSE;
    }
  /* A file system without locks (some network ones): nothing can be promised, and refusing would
   * help nobody. */
  if (rc == 0)
    write_record (self, holder);
  return TRUE;
}

VmtBlockFile *
vmt_block_file_open (const char *path, gboolean readonly, VmtObject *holder, GError **error)
{
  g_autoptr (VmtBlockFile) self = g_new0 (VmtBlockFile, 1);
  struct stat st;

  /* O_NONBLOCK: a FIFO must not hang us; it means nothing to files and disks. */
  self->fd = open (path, (readonly ? O_RDONLY : O_RDWR) | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
  if (self->fd < 0)
    {
      set_open_error (error, path, readonly, errno);
      return NULL;
    }
  if (fstat (self->fd, &st) != 0)
    {
      set_open_error (error, path, readonly, errno);
      return NULL;
    }
  if (S_ISDIR (st.st_mode) || !(S_ISREG (st.st_mode) || S_ISBLK (st.st_mode)))
    {
      g_set_error (error, VMT_ERROR, VMT_ERROR_INVALID,
                   "disk image %s is neither a regular file nor a block device", path);
      return NULL;
    }
  self->is_device = S_ISBLK (st.st_mode);
  if (!take_lock (self, path, readonly, holder, error))
    return NULL;
  return g_steal_pointer (&self);
}

VmtBlockFile *
vmt_block_file_create (const char *path, GError **error)
{
  g_autoptr (VmtBlockFile) self = g_new0 (VmtBlockFile, 1);

  self->fd = open (path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOCTTY, 0644);
  if (self->fd < 0)
    {
      int code = errno;

      if (code == EEXIST)
        g_set_error (error, VMT_ERROR, VMT_ERROR_BUSY,
                     "%s exists: remove it first, or choose another name", path);
      else
        g_set_error (error, VMT_ERROR, VMT_ERROR_FAILED, "cannot create disk image %s: %s", path,
                     g_strerror (code));
      return NULL;
    }
  if (!take_lock (self, path, FALSE, NULL, error))
    return NULL;
  return g_steal_pointer (&self);
}

void
vmt_block_file_close (VmtBlockFile *self)
{
  if (self == NULL)
    return;
  if (self->record != NULL)
    g_unlink (self->record);
  g_free (self->record);
  if (self->fd >= 0)
    close (self->fd);
  g_free (self);
}

guint64
vmt_block_file_get_size (VmtBlockFile *self)
{
  struct stat st;
  off_t end;

  if (!self->is_device)
    return fstat (self->fd, &st) == 0 ? (guint64)st.st_size : 0;
  end = lseek (self->fd, 0, SEEK_END);
  return end > 0 ? (guint64)end : 0;
}

guint64
vmt_block_file_get_allocated (VmtBlockFile *self)
{
  struct stat st;

  if (self->is_device || fstat (self->fd, &st) != 0)
    return vmt_block_file_get_size (self);
  return (guint64)st.st_blocks * 512;
}

gboolean
vmt_block_file_is_device (VmtBlockFile *self)
{
  return self->is_device;
}

/* All of @size, piece by piece. */
static int
transfer (int fd, gboolean write, const VmtIoVec *iov, guint n_iov, guint64 offset, guint64 size)
{
  guint first = 0;
  guint64 skip = 0; /* bytes of iov[first] that are done */

  if (offset > G_MAXINT64 || size > G_MAXINT64 - offset)
    return EFBIG;
  while (size > 0)
    {
      struct iovec batch[IOV_BATCH];
      guint n = 0;
      guint64 want = 0;
      ssize_t done;

      for (guint i = first; i < n_iov && n < IOV_BATCH && want < size; i++)
        {
          guint64 from = i == first ? skip : 0;
          guint64 take = MIN (iov[i].size - from, size - want);

          if (take == 0)
            continue;
          batch[n].iov_base = (guint8 *)iov[i].base + from;
          batch[n].iov_len = take;
          want += take;
          n++;
        }
      if (n == 0)
        return EINVAL; /* the list is shorter than @size */
      done = write ? pwritev (fd, batch, n, offset) : preadv (fd, batch, n, offset);
      if (done < 0)
        {
          if (errno == EINTR)
            continue;
          return errno;
        }
      if (done == 0)
        {
          if (write)
            return ENOSPC;
          /* Beyond the end. */
          for (guint i = first; i < n_iov && size > 0; i++)
            {
              guint64 take = MIN (iov[i].size - skip, size);

              memset ((guint8 *)iov[i].base + skip, 0, take);
              size -= take;
              skip = 0;
            }
          return 0;
        }
      offset += done;
      size -= done;
      while (done > 0 || (first < n_iov && skip == iov[first].size))
        {
          guint64 take = MIN ((guint64)done, iov[first].size - skip);

          skip += take;
          done -= take;
          if (skip == iov[first].size)
            {
              first++;
              skip = 0;
            }
        }
    }
  return 0;
}

int
vmt_block_file_preadv (VmtBlockFile *self, const VmtIoVec *iov, guint n_iov, guint64 offset,
                       guint64 size)
{
  return transfer (self->fd, FALSE, iov, n_iov, offset, size);
}

int
vmt_block_file_pwritev (VmtBlockFile *self, const VmtIoVec *iov, guint n_iov, guint64 offset,
                        guint64 size)
{
  return transfer (self->fd, TRUE, iov, n_iov, offset, size);
}

int
vmt_block_file_pread (VmtBlockFile *self, gpointer buffer, gsize size, guint64 offset)
{
  VmtIoVec iov = { buffer, size };

  return transfer (self->fd, FALSE, &iov, 1, offset, size);
}

int
vmt_block_file_pwrite (VmtBlockFile *self, gconstpointer buffer, gsize size, guint64 offset)
{
  VmtIoVec iov = { (gpointer)buffer, size };

  return transfer (self->fd, TRUE, &iov, 1, offset, size);
}

int
vmt_block_file_flush (VmtBlockFile *self)
{
  while (fdatasync (self->fd) != 0)
    if (errno != EINTR)
      return errno;
  return 0;
}

static int
allocate (VmtBlockFile *self, int mode, guint64 offset, guint64 size)
{
  if (size == 0)
    return 0;
  while (fallocate (self->fd, mode, offset, size) != 0)
    if (errno != EINTR)
      return errno == ENOSYS || errno == ENOTSUP || errno == ENODEV ? EOPNOTSUPP : errno;
  return 0;
}

int
vmt_block_file_punch (VmtBlockFile *self, guint64 offset, guint64 size)
{
  return allocate (self, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, offset, size);
}

int
vmt_block_file_zero (VmtBlockFile *self, guint64 offset, guint64 size)
{
  return allocate (self, FALLOC_FL_ZERO_RANGE | FALLOC_FL_KEEP_SIZE, offset, size);
}

int
vmt_block_file_truncate (VmtBlockFile *self, guint64 size)
{
  if (size > G_MAXINT64)
    return EFBIG;
  while (ftruncate (self->fd, size) != 0)
    if (errno != EINTR)
      return errno;
  return 0;
}

gboolean
vmt_block_file_is_hole (VmtBlockFile *self, guint64 offset, guint64 size, guint64 *run)
{
  off_t data, hole;

  *run = size;
  if (self->is_device || offset > G_MAXINT64)
    return FALSE;
  data = lseek (self->fd, offset, SEEK_DATA);
  if (data < 0)
    /* ENXIO: no data up to the end. */
    return errno == ENXIO;
  if ((guint64)data > offset)
    {
      *run = MIN (size, (guint64)data - offset);
      return TRUE;
    }
  hole = lseek (self->fd, offset, SEEK_HOLE);
  if (hole > 0 && (guint64)hole > offset)
    *run = MIN (size, (guint64)hole - offset);
  return FALSE;
}
