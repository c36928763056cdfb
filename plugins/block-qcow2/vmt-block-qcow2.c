/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <sys/stat.h>

#include "vmt-qcow2.h"

#define MAX_CHAIN 64

/* The image format of QEMU: grows as it is written, may stand on another image, may be compressed.
 */
#define VMT_TYPE_BLOCK_QCOW2 (vmt_block_qcow2_get_type ())
G_DECLARE_FINAL_TYPE (VmtBlockQcow2, vmt_block_qcow2, VMT, BLOCK_QCOW2, VmtBlock)

struct _VmtBlockQcow2
{
  VmtBlock parent_instance;
  Qcow2 q;
};

G_DEFINE_FINAL_TYPE (VmtBlockQcow2, vmt_block_qcow2, VMT_TYPE_BLOCK)

/* The backing file's path: relative to the image's folder. NULL: it is not a file. */
static char *
dup_backing_path (const char *path, const char *name)
{
  g_autofree char *folder = g_path_get_dirname (path);
  const char *colon = strchr (name, ':'), *slash = strchr (name, '/');

  if (g_str_has_prefix (name, "file:"))
    name += strlen ("file:");
  else if (colon != NULL && (slash == NULL || colon < slash))
    return NULL;
  return g_path_is_absolute (name) ? g_strdup (name) : g_build_filename (folder, name, NULL);
}

/* Is @path one of the images that stand on this one, or this one itself? */
static gboolean
check_chain (VmtBlockQcow2 *self, const char *path, GError **error)
{
  struct stat st, other;
  guint depth = 0;

  if (stat (path, &st) != 0)
    return TRUE; /* opening it says why */
  for (VmtObject *up = VMT_OBJECT (self); VMT_IS_BLOCK (up); up = vmt_object_get_parent (up))
    {
      const char *name = vmt_block_get_path (VMT_BLOCK (up));

      if (name != NULL && stat (name, &other) == 0 && other.st_dev == st.st_dev &&
          other.st_ino == st.st_ino)
        {
          g_set_error (error, VMT_ERROR, VMT_ERROR_CORRUPT,
                       "the backing files of %s form a loop: %s stands on %s", name,
                       vmt_block_get_path (VMT_BLOCK (self)), path);
          return FALSE;
        }
      if (++depth > MAX_CHAIN)
        {
          g_set_error (error, VMT_ERROR, VMT_ERROR_UNSUPPORTED,
                       "%s: more than %u images stand on one another", path, MAX_CHAIN);
          return FALSE;
        }
    }
  return TRUE;
}

static gboolean
open_backing (VmtBlockQcow2 *self, GError **error)
{
  Qcow2 *q = &self->q;
  const char *path = vmt_block_get_path (VMT_BLOCK (self));
  g_autofree char *name = NULL;
  g_autoptr (VmtBlock) backing = NULL;

  if (q->backing_name == NULL)
    return TRUE;
  name = dup_backing_path (path, q->backing_name);
  if (name == NULL)
    {
      g_set_error (error, VMT_ERROR, VMT_ERROR_UNSUPPORTED,
                   "%s stands on %s, which is not a file: only files are supported", path,
                   q->backing_name);
      return FALSE;
    }
  if (!check_chain (self, name, error))
    return FALSE;
  backing = vmt_block_new_for_path (name, q->backing_format, TRUE, error);
  if (backing == NULL)
    {
      g_prefix_error (error, "backing file of %s: ", path);
      return FALSE;
    }
  g_object_ref_sink (backing);
  /* In the tree, so that chains can be followed, and locks name the machine. */
  if (!vmt_object_add_child (VMT_OBJECT (self), "backing", VMT_OBJECT (backing), error))
    return FALSE;
  if (!vmt_backend_open (VMT_BACKEND (backing), vmt_backend_get_context (VMT_BACKEND (self)),
                         error))
    {
      g_prefix_error (error, "backing file of %s: ", path);
      vmt_object_remove_child (VMT_OBJECT (self), VMT_OBJECT (backing));
      return FALSE;
    }
  q->backing = g_steal_pointer (&backing);
  return TRUE;
}

static void
close_image (VmtBlockQcow2 *self)
{
  if (self->q.backing != NULL)
    {
      vmt_backend_close (VMT_BACKEND (self->q.backing));
      vmt_object_remove_child (VMT_OBJECT (self), VMT_OBJECT (self->q.backing));
      g_clear_object (&self->q.backing);
    }
  qcow2_clear (&self->q);
}

/* What an image needs before its first write. */
static gboolean
prepare_writing (Qcow2 *q, const char *path, gboolean checking, GError **error)
{
  guint errors, leaks;

  if (q->corrupt && !checking)
    {
      g_set_error (error, VMT_ERROR, VMT_ERROR_CORRUPT,
                   "%s is marked as damaged: look at it with \"vmtool disk check\", repair it with "
                   "\"vmtool disk check --repair\", or open it with readonly=on",
                   path);
      return FALSE;
    }
  /* Of features that may be ignored, but are wrong once somebody writes who does not know them. */
  if (q->autoclear != 0)
    {
      q->autoclear = 0;
      if (qcow2_write_features (q) != 0)
        {
          g_set_error (error, VMT_ERROR, VMT_ERROR_FAILED, "cannot write %s", path);
          return FALSE;
        }
    }
  if ((q->incompatible & QCOW2_INCOMPATIBLE_DIRTY) == 0 || checking)
    return TRUE;
  /* Its last user counted lazily and did not get to the end: count anew. */
  if (!qcow2_check (q, TRUE, NULL, &errors, &leaks, error))
    {
      g_prefix_error (error, "%s was not closed: ", path);
      return FALSE;
    }
  if (errors > 0)
    {
      g_set_error (error, VMT_ERROR, VMT_ERROR_CORRUPT,
                   "%s was not closed, and is damaged: look at it with \"vmtool disk check\"",
                   path);
      return FALSE;
    }
  return TRUE;
}

static gboolean
vmt_block_qcow2_open (VmtBackend *backend, GError **error)
{
  VmtBlockQcow2 *self = VMT_BLOCK_QCOW2 (backend);
  VmtBlock *block = VMT_BLOCK (backend);
  const char *path = vmt_block_get_path (block);
  Qcow2 *q = &self->q;

  if (path == NULL || *path == '\0')
    {
      g_set_error_literal (error, VMT_ERROR, VMT_ERROR_INVALID,
                           "a qcow2 disk has no path: write qcow2,path=FILE");
      return FALSE;
    }
  q->readonly = vmt_block_opens_readonly (block);
  q->file = vmt_block_file_open (path, q->readonly, VMT_OBJECT (self), error);
  if (q->file == NULL)
    return FALSE;
  if (!qcow2_read_header (q, path, error))
    goto fail;
  q->corrupt = (q->incompatible & QCOW2_INCOMPATIBLE_CORRUPT) != 0;
  if (!open_backing (self, error))
    goto fail;
  if (!q->readonly && !prepare_writing (q, path, vmt_block_is_checking (block), error))
    goto fail;
  if (VMT_BACKEND_CLASS (vmt_block_qcow2_parent_class)->open (backend, error))
    return TRUE;

fail:
  close_image (self);
  return FALSE;
}

static void
vmt_block_qcow2_close (VmtBackend *backend)
{
  VmtBlockQcow2 *self = VMT_BLOCK_QCOW2 (backend);

  VMT_BACKEND_CLASS (vmt_block_qcow2_parent_class)->close (backend);
  close_image (self);
}

static int
vmt_block_qcow2_probe (const guint8 *head, gsize size, const char *path)
{
  if (size < QCOW2_V2_HEADER || qcow2_read32 (head) != QCOW2_MAGIC)
    return 0;
  return qcow2_read32 (head + 4) >= 2 ? 100 : 0;
}

static int
vmt_block_qcow2_preadv (VmtBlock *block, const VmtIoVec *iov, guint n_iov, guint64 offset,
                        guint64 size)
{
  return qcow2_read (&VMT_BLOCK_QCOW2 (block)->q, iov, n_iov, offset, size);
}

static int
vmt_block_qcow2_pwritev (VmtBlock *block, const VmtIoVec *iov, guint n_iov, guint64 offset,
                         guint64 size)
{
  return qcow2_write (&VMT_BLOCK_QCOW2 (block)->q, iov, n_iov, offset, size);
}

static int
vmt_block_qcow2_flush (VmtBlock *block)
{
  Qcow2 *q = &VMT_BLOCK_QCOW2 (block)->q;

  return q->readonly ? 0 : qcow2_flush (q);
}

static int
vmt_block_qcow2_discard (VmtBlock *block, guint64 offset, guint64 size)
{
  return qcow2_discard (&VMT_BLOCK_QCOW2 (block)->q, offset, size);
}

static int
vmt_block_qcow2_write_zeroes (VmtBlock *block, guint64 offset, guint64 size, gboolean unmap)
{
  return qcow2_write_zeroes (&VMT_BLOCK_QCOW2 (block)->q, offset, size, unmap);
}

static guint64
vmt_block_qcow2_get_length (VmtBlock *block)
{
  return VMT_BLOCK_QCOW2 (block)->q.size;
}

static gboolean
vmt_block_qcow2_resize (VmtBlock *block, guint64 size, GError **error)
{
  return qcow2_resize (&VMT_BLOCK_QCOW2 (block)->q, vmt_block_get_path (block), size, error);
}

static gboolean
vmt_block_qcow2_is_zero (VmtBlock *block, guint64 offset, guint64 size, guint64 *run)
{
  return qcow2_is_zero (&VMT_BLOCK_QCOW2 (block)->q, offset, size, run);
}

static int
vmt_block_qcow2_pwrite_compressed (VmtBlock *block, gconstpointer buffer, gsize size,
                                   guint64 offset)
{
  return qcow2_write_packed (&VMT_BLOCK_QCOW2 (block)->q, buffer, size, offset);
}

static gboolean
vmt_block_qcow2_check (VmtBlock *block, gboolean repair, GPtrArray *findings, guint *n_errors,
                       guint *n_leaks, GError **error)
{
  return qcow2_check (&VMT_BLOCK_QCOW2 (block)->q, repair, findings, n_errors, n_leaks, error);
}

static GVariant *
vmt_block_qcow2_get_info (VmtBlock *block)
{
  Qcow2 *q = &VMT_BLOCK_QCOW2 (block)->q;
  g_auto (GVariantDict) dict = G_VARIANT_DICT_INIT (NULL);

  g_variant_dict_insert (&dict, "version", "u", q->version);
  g_variant_dict_insert (&dict, "cluster-size", "t", q->cluster_size);
  g_variant_dict_insert (&dict, "refcount-bits", "u", 1u << q->refcount_order);
  g_variant_dict_insert (&dict, "compression", "s",
                         q->compression == QCOW2_COMPRESSION_ZSTD ? "zstd" : "zlib");
  g_variant_dict_insert (&dict, "snapshots", "u", q->n_snapshots);
  g_variant_dict_insert (&dict, "lazy-refcounts", "b",
                         (q->compatible & QCOW2_COMPATIBLE_LAZY) != 0);
  g_variant_dict_insert (&dict, "dirty", "b", (q->incompatible & QCOW2_INCOMPATIBLE_DIRTY) != 0);
  g_variant_dict_insert (&dict, "corrupt", "b",
                         (q->incompatible & QCOW2_INCOMPATIBLE_CORRUPT) != 0);
  if (q->backing_name != NULL)
    {
      g_variant_dict_insert (&dict, "backing", "s", q->backing_name);
      if (q->backing != NULL)
        g_variant_dict_insert (&dict, "backing-format", "s",
                               VMT_BLOCK_GET_CLASS (q->backing)->format);
    }
  return g_variant_dict_end (&dict);
}

static void
vmt_block_qcow2_class_init (VmtBlockQcow2Class *klass)
{
  VmtBlockClass *block_class = VMT_BLOCK_CLASS (klass);

  VMT_BACKEND_CLASS (klass)->open = vmt_block_qcow2_open;
  VMT_BACKEND_CLASS (klass)->close = vmt_block_qcow2_close;
  block_class->format = "qcow2";
  block_class->probe = vmt_block_qcow2_probe;
  block_class->create = qcow2_create;
  block_class->preadv = vmt_block_qcow2_preadv;
  block_class->pwritev = vmt_block_qcow2_pwritev;
  block_class->flush = vmt_block_qcow2_flush;
  block_class->discard = vmt_block_qcow2_discard;
  block_class->write_zeroes = vmt_block_qcow2_write_zeroes;
  block_class->get_length = vmt_block_qcow2_get_length;
  block_class->resize = vmt_block_qcow2_resize;
  block_class->get_info = vmt_block_qcow2_get_info;
  block_class->check = vmt_block_qcow2_check;
  block_class->is_zero = vmt_block_qcow2_is_zero;
  block_class->pwrite_compressed = vmt_block_qcow2_pwrite_compressed;
}

static void
vmt_block_qcow2_init (VmtBlockQcow2 *self)
{
}

static const VmtFeature features[] = {
  { VMT_FEATURE_BLOCK, "qcow2", 0, vmt_block_qcow2_get_type },
  { 0 },
};

VMT_PLUGIN_DEFINE (block_qcow2, "block-qcow2", "Disk images in QEMU's format", 0, features, NULL);
