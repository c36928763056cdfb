/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>

#include "vmt-qcow2.h"

#define FEW_IOV 32

/* A cluster's data from what is underneath, or zeroes. */
static int
read_backing (Qcow2 *q, guint8 *buffer, gsize size, guint64 offset)
{
  if (q->backing != NULL)
    return vmt_block_pread (q->backing, buffer, size, offset);
  memset (buffer, 0, size);
  return 0;
}

int
qcow2_read (Qcow2 *q, const VmtIoVec *iov, guint n_iov, guint64 offset, guint64 size)
{
  VmtIoVec few[FEW_IOV];
  g_autofree VmtIoVec *many = n_iov > FEW_IOV ? g_new (VmtIoVec, n_iov) : NULL;
  VmtIoVec *part = many != NULL ? many : few;
  guint64 done = 0;

  while (done < size)
    {
      guint64 at = offset + done;
      const guint8 *data;
      Qcow2Map map;
      guint n;
      int rc = qcow2_map (q, at, size - done, &map);

      if (rc != 0)
        return rc;
      n = vmt_iov_slice (iov, n_iov, done, map.run, part);
      switch (map.kind)
        {
        case QCOW2_MAP_NONE:
          if (q->backing != NULL)
            rc = vmt_block_preadv (q->backing, part, n, at, map.run);
          else
            vmt_iov_set (part, n, 0, 0, map.run);
          break;
        case QCOW2_MAP_ZERO:
          vmt_iov_set (part, n, 0, 0, map.run);
          break;
        case QCOW2_MAP_DATA:
          rc = vmt_block_file_preadv (q->file, part, n, map.host, map.run);
          break;
        case QCOW2_MAP_PACKED:
          rc = qcow2_unpack (q, map.entry, &data);
          if (rc == 0)
            vmt_iov_store (part, n, 0, data + (at & (q->cluster_size - 1)), map.run);
          break;
        }
      if (rc != 0)
        return rc;
      done += map.run;
    }
  return 0;
}

/* What the cluster at @offset holds now, into @buffer. */
static int
read_cluster (Qcow2 *q, guint64 offset, const Qcow2Map *map, guint8 *buffer)
{
  const guint8 *data;
  int rc;

  switch (map->kind)
    {
    case QCOW2_MAP_NONE:
      return read_backing (q, buffer, q->cluster_size, offset);
    case QCOW2_MAP_ZERO:
      memset (buffer, 0, q->cluster_size);
      return 0;
    case QCOW2_MAP_DATA:
      return vmt_block_file_pread (q->file, buffer, q->cluster_size,
                                   map->entry & QCOW2_OFFSET_MASK);
    case QCOW2_MAP_PACKED:
      rc = qcow2_unpack (q, map->entry, &data);
      if (rc == 0)
        memcpy (buffer, data, q->cluster_size);
      return rc;
    }
  return EIO;
}

/* Writes a part of a cluster that cannot be written in place: a new one takes its role. */
static int
write_new (Qcow2 *q, const Qcow2Map *map, const VmtIoVec *iov, guint n_iov, guint64 skip,
           guint64 offset, guint64 size)
{
  guint64 inside = offset & (q->cluster_size - 1), start = offset - inside, host;
  gboolean reads_zero = map->kind == QCOW2_MAP_ZERO ||
                        (map->kind == QCOW2_MAP_NONE &&
                         (q->backing == NULL || start >= vmt_block_get_length (q->backing)));
  gboolean whole = size == q->cluster_size;
  gboolean kept =
      map->kind == QCOW2_MAP_ZERO && map->copied && (map->entry & QCOW2_OFFSET_MASK) != 0;
  int rc = 0;

  if (kept)
    {
      /* A zero cluster that has its place already. */
      host = map->entry & QCOW2_OFFSET_MASK;
      if (!qcow2_is_aligned (q, host) || qcow2_is_metadata (q, host))
        return qcow2_set_corrupt (q);
    }
  else
    rc = qcow2_allocate (q, 1, &host);
  if (rc != 0)
    return rc;
  if (!whole && reads_zero && host >= vmt_block_file_get_size (q->file))
    {
      /* Beyond the file's end everything reads as zeroes: only what is new is written. */
      VmtIoVec few[FEW_IOV];
      g_autofree VmtIoVec *many = n_iov > FEW_IOV ? g_new (VmtIoVec, n_iov) : NULL;
      VmtIoVec *part = many != NULL ? many : few;
      guint n = vmt_iov_slice (iov, n_iov, skip, size, part);

      rc = vmt_block_file_pwritev (q->file, part, n, host + inside, size);
    }
  else
    {
      if (!whole)
        rc = read_cluster (q, start, map, q->scratch);
      if (rc == 0)
        {
          vmt_iov_load (iov, n_iov, skip, q->scratch + inside, size);
          rc = vmt_block_file_pwrite (q->file, q->scratch, q->cluster_size, host);
        }
    }
  if (rc != 0)
    {
      if (!kept)
        qcow2_free (q, host, 1);
      return rc;
    }
  /* What was copied must be on the disk before the mapping to it is. */
  q->barrier = TRUE;
  rc = qcow2_set_entry (q, start, host | QCOW2_COPIED);
  return rc != 0 || kept ? rc : qcow2_free_entry (q, map->entry);
}

int
qcow2_write (Qcow2 *q, const VmtIoVec *iov, guint n_iov, guint64 offset, guint64 size)
{
  VmtIoVec few[FEW_IOV];
  g_autofree VmtIoVec *many = n_iov > FEW_IOV ? g_new (VmtIoVec, n_iov) : NULL;
  VmtIoVec *part = many != NULL ? many : few;
  guint64 done = 0;

  if (q->corrupt)
    return EIO;
  while (done < size)
    {
      guint64 at = offset + done, left;
      Qcow2Map map;
      int rc = qcow2_map (q, at, size - done, &map);

      if (rc != 0)
        return rc;
      if (map.kind == QCOW2_MAP_DATA && map.copied)
        {
          guint n = vmt_iov_slice (iov, n_iov, done, map.run, part);

          for (guint64 host = map.host & ~(q->cluster_size - 1); host < map.host + map.run;
               host += q->cluster_size)
            if (qcow2_is_metadata (q, host) || g_hash_table_contains (q->tables, &host))
              return qcow2_set_corrupt (q);
          rc = vmt_block_file_pwritev (q->file, part, n, map.host, map.run);
          left = map.run;
        }
      else
        {
          left = MIN (size - done, q->cluster_size - (at & (q->cluster_size - 1)));
          rc = write_new (q, &map, iov, n_iov, done, at, left);
        }
      if (rc != 0)
        return rc;
      done += left;
    }
  return 0;
}

/* Takes the data of a whole cluster away, so that it reads as zeroes; EOPNOTSUPP where the version
 * has no way to say so. */
static int
drop_cluster (Qcow2 *q, guint64 offset, gboolean keep_place)
{
  Qcow2Map map;
  guint64 entry;
  int rc = qcow2_map (q, offset, q->cluster_size, &map);

  if (rc != 0)
    return rc;
  if (map.kind == QCOW2_MAP_NONE && q->backing == NULL)
    return 0;
  if (q->version >= 3)
    entry = QCOW2_ZERO;
  else if (q->backing == NULL)
    entry = 0;
  else
    return EOPNOTSUPP;
  if (map.kind == QCOW2_MAP_ZERO && (keep_place || (map.entry & QCOW2_OFFSET_MASK) == 0))
    return 0;
  if (keep_place && q->version >= 3 && map.kind == QCOW2_MAP_DATA && map.copied)
    return qcow2_set_entry (q, offset, map.entry | QCOW2_ZERO);
  rc = qcow2_set_entry (q, offset, entry);
  return rc != 0 ? rc : qcow2_free_entry (q, map.entry);
}

int
qcow2_discard (Qcow2 *q, guint64 offset, guint64 size)
{
  guint64 end = offset + size;
  guint64 at = (offset + q->cluster_size - 1) & ~(q->cluster_size - 1);

  if (q->corrupt)
    return EIO;
  /* The last cluster may be one that the disk ends in. */
  if (end < q->size)
    end &= ~(q->cluster_size - 1);
  while (at < end)
    {
      Qcow2Map map;
      int rc = qcow2_map (q, at, end - at, &map);

      if (rc != 0)
        return rc;
      if (map.kind != QCOW2_MAP_NONE)
        {
          rc = drop_cluster (q, at, FALSE);
          if (rc != 0)
            return rc;
          at += q->cluster_size;
        }
      else
        at += (map.run + q->cluster_size - 1) & ~(q->cluster_size - 1);
    }
  return 0;
}

/* Zeroes in a part of a cluster. */
static int
zero_part (Qcow2 *q, guint64 offset, guint64 size)
{
  g_autofree guint8 *zeroes = NULL;
  VmtIoVec iov;
  guint64 run;

  if (size == 0 || (qcow2_is_zero (q, offset, size, &run) && run == size))
    return 0;
  zeroes = g_malloc0 (size);
  iov = (VmtIoVec){ zeroes, size };
  return qcow2_write (q, &iov, 1, offset, size);
}

int
qcow2_write_zeroes (Qcow2 *q, guint64 offset, guint64 size, gboolean unmap)
{
  guint64 mask = q->cluster_size - 1;
  guint64 end = offset + size, first = (offset + mask) & ~mask;
  guint64 last = end == q->size ? end : end & ~mask;
  int rc;

  if (q->corrupt)
    return EIO;
  if (q->version < 3 && q->backing != NULL)
    return EOPNOTSUPP;
  if (first >= last)
    return zero_part (q, offset, size);
  rc = zero_part (q, offset, first - offset);
  while (rc == 0 && first < last)
    {
      Qcow2Map map;

      rc = qcow2_map (q, first, last - first, &map);
      if (rc != 0)
        return rc;
      if (map.kind == QCOW2_MAP_NONE && q->backing == NULL)
        {
          first += (map.run + mask) & ~mask;
          continue;
        }
      rc = drop_cluster (q, first, !unmap);
      first += q->cluster_size;
    }
  return rc != 0 || last >= end ? rc : zero_part (q, last, end - last);
}

gboolean
qcow2_is_zero (Qcow2 *q, guint64 offset, guint64 size, guint64 *run)
{
  guint64 length;
  Qcow2Map map;

  *run = size;
  if (qcow2_map (q, offset, size, &map) != 0)
    return FALSE;
  *run = map.run;
  if (map.kind == QCOW2_MAP_ZERO)
    return TRUE;
  if (map.kind != QCOW2_MAP_NONE)
    return FALSE;
  length = q->backing != NULL ? vmt_block_get_length (q->backing) : 0;
  if (offset >= length)
    return TRUE;
  *run = MIN (map.run, length - offset);
  return vmt_block_is_zero (q->backing, offset, *run, run);
}
