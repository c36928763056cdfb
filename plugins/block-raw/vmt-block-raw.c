/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>

#include <glib/gstdio.h>

#include "vmt.h"

/* An image that is the disk, byte for byte: a file, or a block device of the host. */
#define VMT_TYPE_BLOCK_RAW (vmt_block_raw_get_type ())
G_DECLARE_FINAL_TYPE (VmtBlockRaw, vmt_block_raw, VMT, BLOCK_RAW, VmtBlock)

struct _VmtBlockRaw
{
  VmtBlock parent_instance;
  VmtBlockFile *file;
  guint64 length;
};

G_DEFINE_FINAL_TYPE (VmtBlockRaw, vmt_block_raw, VMT_TYPE_BLOCK)

static gboolean
vmt_block_raw_open (VmtBackend *backend, GError **error)
{
  VmtBlockRaw *self = VMT_BLOCK_RAW (backend);
  VmtBlock *block = VMT_BLOCK (backend);
  const char *path = vmt_block_get_path (block);

  if (path == NULL || *path == '\0')
    {
      g_set_error_literal (error, VMT_ERROR, VMT_ERROR_INVALID,
                           "a raw disk has no path: write raw,path=FILE");
      return FALSE;
    }
  self->file =
      vmt_block_file_open (path, vmt_block_opens_readonly (block), VMT_OBJECT (self), error);
  if (self->file == NULL)
    return FALSE;
  self->length = vmt_block_file_get_size (self->file);
  if (!VMT_BACKEND_CLASS (vmt_block_raw_parent_class)->open (backend, error))
    {
      g_clear_pointer (&self->file, vmt_block_file_close);
      return FALSE;
    }
  return TRUE;
}

static void
vmt_block_raw_close (VmtBackend *backend)
{
  VMT_BACKEND_CLASS (vmt_block_raw_parent_class)->close (backend);
  g_clear_pointer (&VMT_BLOCK_RAW (backend)->file, vmt_block_file_close);
}

/* Everything is a raw image, if it is nothing else. */
static int
vmt_block_raw_probe (const guint8 *head, gsize size, const char *path)
{
  return 1;
}

static gboolean
vmt_block_raw_create (const char *path, guint64 size, GVariant *options, GError **error)
{
  g_autoptr (VmtBlockFile) file = NULL;
  GVariantIter iter;
  const char *option;
  int rc;

  g_variant_iter_init (&iter, options);
  if (g_variant_iter_next (&iter, "{&sv}", &option, NULL))
    {
      g_set_error (error, VMT_ERROR, VMT_ERROR_UNSUPPORTED,
                   "raw images have no option \"%s\": use qcow2", option);
      return FALSE;
    }
  file = vmt_block_file_create (path, error);
  if (file == NULL)
    return FALSE;
  rc = vmt_block_file_truncate (file, size);
  if (rc != 0)
    {
      g_set_error (error, VMT_ERROR, VMT_ERROR_FAILED,
                   "cannot make %s as large as %" G_GUINT64_FORMAT " bytes: %s", path, size,
                   g_strerror (rc));
      g_unlink (path);
      return FALSE;
    }
  return TRUE;
}

static int
vmt_block_raw_preadv (VmtBlock *block, const VmtIoVec *iov, guint n_iov, guint64 offset,
                      guint64 size)
{
  return vmt_block_file_preadv (VMT_BLOCK_RAW (block)->file, iov, n_iov, offset, size);
}

static int
vmt_block_raw_pwritev (VmtBlock *block, const VmtIoVec *iov, guint n_iov, guint64 offset,
                       guint64 size)
{
  return vmt_block_file_pwritev (VMT_BLOCK_RAW (block)->file, iov, n_iov, offset, size);
}

static int
vmt_block_raw_flush (VmtBlock *block)
{
  return vmt_block_file_flush (VMT_BLOCK_RAW (block)->file);
}

static int
vmt_block_raw_discard (VmtBlock *block, guint64 offset, guint64 size)
{
  return vmt_block_file_punch (VMT_BLOCK_RAW (block)->file, offset, size);
}

static int
vmt_block_raw_write_zeroes (VmtBlock *block, guint64 offset, guint64 size, gboolean unmap)
{
  VmtBlockFile *file = VMT_BLOCK_RAW (block)->file;
  int rc = unmap ? vmt_block_file_punch (file, offset, size) : EOPNOTSUPP;

  return rc == EOPNOTSUPP ? vmt_block_file_zero (file, offset, size) : rc;
}

static guint64
vmt_block_raw_get_length (VmtBlock *block)
{
  return VMT_BLOCK_RAW (block)->length;
}

static gboolean
vmt_block_raw_resize (VmtBlock *block, guint64 size, GError **error)
{
  VmtBlockRaw *self = VMT_BLOCK_RAW (block);
  int rc =
      vmt_block_file_is_device (self->file) ? ENOTSUP : vmt_block_file_truncate (self->file, size);

  if (rc != 0)
    {
      g_set_error (error, VMT_ERROR, VMT_ERROR_FAILED,
                   "cannot make %s as large as %" G_GUINT64_FORMAT " bytes: %s",
                   vmt_block_get_path (block), size, g_strerror (rc));
      return FALSE;
    }
  self->length = size;
  return TRUE;
}

static gboolean
vmt_block_raw_is_zero (VmtBlock *block, guint64 offset, guint64 size, guint64 *run)
{
  return vmt_block_file_is_hole (VMT_BLOCK_RAW (block)->file, offset, size, run);
}

static void
vmt_block_raw_class_init (VmtBlockRawClass *klass)
{
  VmtBlockClass *block_class = VMT_BLOCK_CLASS (klass);

  VMT_BACKEND_CLASS (klass)->open = vmt_block_raw_open;
  VMT_BACKEND_CLASS (klass)->close = vmt_block_raw_close;
  block_class->format = "raw";
  block_class->probe = vmt_block_raw_probe;
  block_class->create = vmt_block_raw_create;
  block_class->preadv = vmt_block_raw_preadv;
  block_class->pwritev = vmt_block_raw_pwritev;
  block_class->flush = vmt_block_raw_flush;
  block_class->discard = vmt_block_raw_discard;
  block_class->write_zeroes = vmt_block_raw_write_zeroes;
  block_class->get_length = vmt_block_raw_get_length;
  block_class->resize = vmt_block_raw_resize;
  block_class->is_zero = vmt_block_raw_is_zero;
}

static void
vmt_block_raw_init (VmtBlockRaw *self)
{
}

static const VmtFeature features[] = {
  { VMT_FEATURE_BLOCK, "raw", 0, vmt_block_raw_get_type },
  { 0 },
};

VMT_PLUGIN_DEFINE (block_raw, "block-raw", "Raw disk images and block devices", 0, features, NULL);
