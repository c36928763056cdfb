/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <fcntl.h>
#include <linux/falloc.h>
#include <string.h>
#include <unistd.h>

#include "vmt-block-private.h"

#include "vmt-block-file.h"
#include "vmt-error.h"

/* Most guests write whole pages: then nothing has to be copied up. */
#define GRAIN_SHIFT 12
#define GRAIN ((guint64)1 << GRAIN_SHIFT)
/* The bitmap comes in pieces, made when first needed: 128 MiB of image each. */
#define PIECE_SHIFT 15
#define PIECE_BYTES (1u << (PIECE_SHIFT - 3))
#define FEW_IOV 32

struct _VmtBlockOverlay
{
  int fd;
  guint64 length;
  guint64 n_pieces;
  guint8 **pieces;
};

static int
open_unnamed (void)
{
  const char *folders[] = { g_getenv ("TMPDIR"), "/var/tmp", g_get_tmp_dir () };
  int fd = -1;

  for (gsize i = 0; i < G_N_ELEMENTS (folders) && fd < 0; i++)
    if (folders[i] != NULL)
      {
        fd = open (folders[i], O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
        if (fd < 0)
          {
            g_autofree char *name = g_build_filename (folders[i], "vmtool-XXXXXX", NULL);

            fd = mkostemp (name, O_CLOEXEC);
            if (fd >= 0)
              unlink (name);
          }
      }
  return fd;
}

VmtBlockOverlay *
vmt_block_overlay_new (guint64 length, GError **error)
{
  VmtBlockOverlay *self;
  guint64 n_pieces = (length >> (GRAIN_SHIFT + PIECE_SHIFT)) + 1;
  guint8 **pieces = NULL;
  int fd;

  if (n_pieces <= G_MAXSIZE / sizeof (guint8 *))
    pieces = g_try_new0 (guint8 *, n_pieces);
  if (pieces == NULL)
    {
      g_set_error (error, VMT_ERROR, VMT_ERROR_UNSUPPORTED,
                   "an image of %" G_GUINT64_FORMAT " bytes is too large for an ephemeral overlay",
                   length);
      return NULL;
    }
  fd = open_unnamed ();
  if (fd < 0)
    {
      g_set_error (error, VMT_ERROR, VMT_ERROR_FAILED,
                   "cannot make a temporary file for an ephemeral disk: %s: set TMPDIR to a folder "
                   "that can be written",
                   g_strerror (errno));
      g_free (pieces);
      return NULL;
    }
  self = g_new0 (VmtBlockOverlay, 1);
  self->fd = fd;
  self->length = length;
  self->n_pieces = n_pieces;
  self->pieces = pieces;
  return self;
}

void
vmt_block_overlay_free (VmtBlockOverlay *self)
{
  for (guint64 i = 0; i < self->n_pieces; i++)
    g_free (self->pieces[i]);
  g_free (self->pieces);
  close (self->fd);
  g_free (self);
}

static gboolean
has_grain (VmtBlockOverlay *self, guint64 grain)
{
  const guint8 *piece = self->pieces[grain >> PIECE_SHIFT];

  return piece != NULL && (piece[(grain >> 3) & (PIECE_BYTES - 1)] & 1u << (grain & 7)) != 0;
}

static void
set_grain (VmtBlockOverlay *self, guint64 grain)
{
  guint8 **piece = &self->pieces[grain >> PIECE_SHIFT];

  if (*piece == NULL)
    *piece = g_malloc0 (PIECE_BYTES);
  (*piece)[(grain >> 3) & (PIECE_BYTES - 1)] |= 1u << (grain & 7);
}

static int
file_io (int fd, gboolean write, const VmtIoVec *iov, guint n_iov, guint64 offset)
{
  for (guint i = 0; i < n_iov; i++)
    for (gsize at = 0; at < iov[i].size;)
      {
        guint8 *base = (guint8 *)iov[i].base + at;
        ssize_t done = write ? pwrite (fd, base, iov[i].size - at, offset)
                             : pread (fd, base, iov[i].size - at, offset);

        if (done < 0 && errno == EINTR)
          continue;
        if (done < 0)
          return errno;
        if (done == 0)
          {
            if (write)
              return ENOSPC;
            /* The sparse file ends here: zeroes. */
            done = iov[i].size - at;
            memset (base, 0, done);
          }
        at += done;
        offset += done;
      }
  return 0;
}

int
vmt_block_overlay_readv (VmtBlockOverlay *self, VmtBlock *base, const VmtIoVec *iov, guint n_iov,
                         guint64 offset, guint64 size)
{
  VmtIoVec few[FEW_IOV];
  g_autofree VmtIoVec *many = n_iov > FEW_IOV ? g_new (VmtIoVec, n_iov) : NULL;
  VmtIoVec *part = many != NULL ? many : few;
  guint64 at = 0;

  while (at < size)
    {
      guint64 grain = (offset + at) >> GRAIN_SHIFT;
      gboolean here = has_grain (self, grain);
      guint64 end = MIN ((grain + 1) << GRAIN_SHIFT, offset + size);
      guint n;
      int rc;

      while (end < offset + size && has_grain (self, end >> GRAIN_SHIFT) == here)
        end = MIN (end + GRAIN, offset + size);
      n = vmt_iov_slice (iov, n_iov, at, end - offset - at, part);
      if (here)
        rc = file_io (self->fd, FALSE, part, n, offset + at);
      else
        rc = VMT_BLOCK_GET_CLASS (base)->preadv (base, part, n, offset + at, end - offset - at);
      if (rc != 0)
        return rc;
      at = end - offset;
    }
  return 0;
}

/* Copies a block up that is about to be overwritten in part. */
static int
copy_up (VmtBlockOverlay *self, VmtBlock *base, guint64 offset)
{
  guint64 grain = offset >> GRAIN_SHIFT;
  guint8 buffer[GRAIN];
  VmtIoVec iov = { buffer, GRAIN };
  int rc;

  if (has_grain (self, grain))
    return 0;
  rc = VMT_BLOCK_GET_CLASS (base)->preadv (base, &iov, 1, grain << GRAIN_SHIFT, GRAIN);
  if (rc == 0)
    rc = file_io (self->fd, TRUE, &iov, 1, grain << GRAIN_SHIFT);
  if (rc == 0)
    set_grain (self, grain);
  return rc;
}

static int
copy_up_ends (VmtBlockOverlay *self, VmtBlock *base, guint64 offset, guint64 size)
{
  guint64 end = offset + size;
  int rc = 0;

  if ((offset & (GRAIN - 1)) != 0)
    rc = copy_up (self, base, offset);
  if (rc == 0 && (end & (GRAIN - 1)) != 0 && end < self->length)
    rc = copy_up (self, base, end);
  return rc;
}

static void
set_grains (VmtBlockOverlay *self, guint64 offset, guint64 size)
{
  for (guint64 grain = offset >> GRAIN_SHIFT; grain << GRAIN_SHIFT < offset + size; grain++)
    set_grain (self, grain);
}

int
vmt_block_overlay_writev (VmtBlockOverlay *self, VmtBlock *base, const VmtIoVec *iov, guint n_iov,
                          guint64 offset, guint64 size)
{
  int rc = copy_up_ends (self, base, offset, size);

  if (rc == 0)
    rc = file_io (self->fd, TRUE, iov, n_iov, offset);
  if (rc == 0)
    set_grains (self, offset, size);
  return rc;
}

int
vmt_block_overlay_zero (VmtBlockOverlay *self, VmtBlock *base, guint64 offset, guint64 size)
{
  static const guint8 zeroes[GRAIN];
  int rc = copy_up_ends (self, base, offset, size);

  if (rc != 0)
    return rc;
  if (fallocate (self->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, offset, size) != 0)
    for (guint64 at = 0; at < size; at += GRAIN)
      {
        VmtIoVec iov = { (gpointer)zeroes, MIN (GRAIN, size - at) };

        rc = file_io (self->fd, TRUE, &iov, 1, offset + at);
        if (rc != 0)
          return rc;
      }
  set_grains (self, offset, size);
  return 0;
}
