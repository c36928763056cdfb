/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>

#include "vmt-qcow2.h"

/* The header's fields about the size: one write, so that they always fit together. */
static int
write_size (Qcow2 *q, guint64 size, guint32 l1_size, guint64 l1_offset)
{
  guint8 bytes[24];

  qcow2_write64 (bytes, size);
  qcow2_write32 (bytes + 8, 0); /* crypt_method: we open nothing that has one */
  qcow2_write32 (bytes + 12, l1_size);
  qcow2_write64 (bytes + 16, l1_offset);
  return vmt_block_file_pwrite (q->file, bytes, sizeof bytes, 24);
}

/* A larger L1 table, elsewhere; the old one's place is free afterwards. */
static int
move_l1 (Qcow2 *q, guint64 size, guint64 l1_size)
{
  guint64 old_offset = q->l1_offset, old_size = q->l1_size, new_offset;
  guint64 clusters = (l1_size * 8 + q->cluster_size - 1) >> q->cluster_bits;
  g_autofree guint8 *bytes = g_try_malloc0 (clusters << q->cluster_bits);
  guint64 *l1 = g_try_new0 (guint64, l1_size);
  int rc = bytes == NULL || l1 == NULL ? ENOMEM : qcow2_flush (q);

  if (rc == 0)
    rc = qcow2_allocate (q, clusters, &new_offset);
  if (rc == 0)
    {
      memcpy (l1, q->l1, old_size * 8);
      for (guint64 i = 0; i < old_size; i++)
        qcow2_write64 (bytes + 8 * i, l1[i]);
      rc = vmt_block_file_pwrite (q->file, bytes, clusters << q->cluster_bits, new_offset);
    }
  /* Its clusters are counted, and its content is on the disk, before the header says so. */
  if (rc == 0)
    rc = qcow2_flush (q);
  if (rc == 0)
    rc = write_size (q, size, l1_size, new_offset);
  if (rc != 0)
    {
      g_free (l1);
      return rc;
    }
  g_free (q->l1);
  q->l1 = l1;
  q->l1_size = l1_size;
  q->l1_offset = new_offset;
  return old_size > 0
             ? qcow2_free (q, old_offset, (old_size * 8 + q->cluster_size - 1) >> q->cluster_bits)
             : 0;
}

static int
grow (Qcow2 *q, guint64 size)
{
  guint64 per_l1 = G_GUINT64_CONSTANT (1) << (q->cluster_bits + qcow2_l2_bits (q));
  guint64 l1_size = size / per_l1 + (size % per_l1 != 0), old = q->size;
  guint64 stale = (old + q->cluster_size - 1) & ~(q->cluster_size - 1);
  int rc;

  if (l1_size * 8 > QCOW2_MAX_L1_BYTES)
    return EFBIG;
  rc = l1_size > q->l1_size ? move_l1 (q, size, l1_size)
                            : write_size (q, size, q->l1_size, q->l1_offset);
  if (rc != 0)
    return rc;
  q->size = size;
  /* What was beyond the end, in its last cluster or in the backing image, must not come to light.
   */
  if (q->backing != NULL)
    stale = MAX (stale, vmt_block_get_length (q->backing));
  stale = MIN (stale, size);
  if (stale <= old)
    return 0;
  rc = qcow2_write_zeroes (q, old, stale - old, TRUE);
  if (rc == EOPNOTSUPP)
    {
      g_autofree guint8 *zeroes = g_malloc0 (q->cluster_size);

      rc = 0;
      for (guint64 at = old; at < stale && rc == 0; at += q->cluster_size)
        {
          VmtIoVec iov = { zeroes, MIN (q->cluster_size, stale - at) };

          rc = qcow2_write (q, &iov, 1, at, iov.size);
        }
    }
  return rc;
}

static int
shrink (Qcow2 *q, guint64 size)
{
  guint64 first = (size + q->cluster_size - 1) & ~(q->cluster_size - 1);
  int rc = first < q->size ? qcow2_discard (q, first, q->size - first) : 0;

  if (rc == 0)
    rc = qcow2_flush (q);
  if (rc == 0)
    rc = write_size (q, size, q->l1_size, q->l1_offset);
  if (rc == 0)
    q->size = size;
  return rc;
}

gboolean
qcow2_resize (Qcow2 *q, const char *path, guint64 size, GError **error)
{
  int rc = 0;

  if (q->n_snapshots > 0 && size != q->size)
    {
      g_set_error (error, VMT_ERROR, VMT_ERROR_UNSUPPORTED,
                   "%s has internal snapshots: an image that has cannot be resized", path);
      return FALSE;
    }
  if (q->corrupt)
    rc = EIO;
  else if (size > q->size)
    rc = grow (q, size);
  else if (size < q->size)
    rc = shrink (q, size);
  if (rc == 0)
    rc = qcow2_flush (q);
  if (rc == 0)
    return TRUE;
  g_set_error (error, VMT_ERROR, VMT_ERROR_FAILED,
               "cannot make %s as large as %" G_GUINT64_FORMAT " bytes: %s", path, size,
               g_strerror (rc));
  return FALSE;
}
