/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>

#include "vmt-qcow2.h"

/* So many pieces of freed space are worth a flush. */
#define MAX_FREED 4096

guint64
qcow2_get_table_count (const Qcow2 *q, guint8 *block, guint64 index)
{
  guint16 half;

  switch (q->refcount_order)
    {
    case 0:
      return block[index / 8] >> (index % 8) & 1;
    case 1:
      return block[index / 4] >> (2 * (index % 4)) & 3;
    case 2:
      return block[index / 2] >> (4 * (index % 2)) & 15;
    case 3:
      return block[index];
    case 4:
      memcpy (&half, block + 2 * index, sizeof half);
      return GUINT16_FROM_BE (half);
    case 5:
      return qcow2_read32 (block + 4 * index);
    default:
      return qcow2_read64 (block + 8 * index);
    }
}

void
qcow2_set_table_count (const Qcow2 *q, guint8 *block, guint64 index, guint64 count)
{
  guint16 half;
  guint shift;

  switch (q->refcount_order)
    {
    case 0:
      shift = index % 8;
      block[index / 8] = (block[index / 8] & ~(1u << shift)) | count << shift;
      break;
    case 1:
      shift = 2 * (index % 4);
      block[index / 4] = (block[index / 4] & ~(3u << shift)) | count << shift;
      break;
    case 2:
      shift = 4 * (index % 2);
      block[index / 2] = (block[index / 2] & ~(15u << shift)) | count << shift;
      break;
    case 3:
      block[index] = count;
      break;
    case 4:
      half = GUINT16_TO_BE (count);
      memcpy (block + 2 * index, &half, sizeof half);
      break;
    case 5:
      qcow2_write32 (block + 4 * index, count);
      break;
    default:
      qcow2_write64 (block + 8 * index, count);
      break;
    }
}

static gboolean
is_inside (guint64 offset, guint64 start, guint64 size)
{
  return offset >= start && offset - start < size;
}

gboolean
qcow2_is_metadata (Qcow2 *q, guint64 offset)
{
  guint64 mask = ~(q->cluster_size - 1);

  offset &= mask;
  return offset == 0 ||
         is_inside (offset, q->l1_offset & mask,
                    8 * (guint64)q->l1_size + (q->l1_offset & ~mask)) ||
         is_inside (offset, q->table_offset, 8 * (guint64)q->table_size) ||
         is_inside (offset, q->snapshots_offset & mask,
                    q->n_snapshots > 0 ? q->snapshots_size + (q->snapshots_offset & ~mask) : 0);
}

/* The block that counts @cluster: *@block is NULL when there is none yet. */
static int
get_block (Qcow2 *q, guint64 cluster, Qcow2Table **block)
{
  guint64 index = cluster >> qcow2_refcounts_bits (q);
  guint64 offset = index < q->table_size ? q->table[index] & QCOW2_OFFSET_MASK : 0;

  *block = NULL;
  return offset == 0 ? 0 : qcow2_table_get (q, offset, QCOW2_TABLE_REFCOUNTS, block);
}

static guint64
block_index (const Qcow2 *q, guint64 cluster)
{
  return cluster & ((G_GUINT64_CONSTANT (1) << qcow2_refcounts_bits (q)) - 1);
}

int
qcow2_refcount_get (Qcow2 *q, guint64 cluster, guint64 *count)
{
  Qcow2Table *block;
  int rc = get_block (q, cluster, &block);

  *count = 0;
  if (rc != 0 || block == NULL)
    return rc;
  *count = qcow2_get_table_count (q, block->data, block_index (q, cluster));
  qcow2_table_put (block);
  return 0;
}

/* @wanted free clusters in a row from @from on; those that no block counts are free. */
static int
find_free (Qcow2 *q, guint64 from, guint64 wanted, guint64 *first)
{
  guint64 per_block = G_GUINT64_CONSTANT (1) << qcow2_refcounts_bits (q);
  guint64 end = QCOW2_MAX_OFFSET >> q->cluster_bits;
  guint64 cluster = from, found = 0;

  while (cluster < end)
    {
      guint64 left = per_block - (cluster & (per_block - 1));
      Qcow2Table *block;
      int rc = get_block (q, cluster, &block);

      if (rc != 0)
        return rc;
      for (guint64 i = 0; i < left && found < wanted; i++, cluster++)
        if (block == NULL || qcow2_get_table_count (q, block->data, block_index (q, cluster)) == 0)
          found++;
        else
          found = 0;
      if (block != NULL)
        qcow2_table_put (block);
      if (found == wanted)
        {
          *first = cluster - wanted;
          /* In use, whatever its count says. */
          for (guint64 i = 0; i < wanted; i++)
            {
              guint64 offset = (*first + i) << q->cluster_bits;

              if (qcow2_is_metadata (q, offset) || g_hash_table_contains (q->tables, &offset))
                return qcow2_set_corrupt (q);
            }
          return 0;
        }
    }
  return ENOSPC;
}

/* A new table of refcount blocks, behind everything that the old one can count; with it the blocks
 * that count itself. Only called when the image has grown up to there. */
static int
grow_table (Qcow2 *q, guint64 index)
{
  guint64 per_block = G_GUINT64_CONSTANT (1) << qcow2_refcounts_bits (q);
  guint64 first_block = q->table_size;
  guint64 first = first_block * per_block;
  guint64 entries = MAX (index + 1, q->table_size + q->table_size / 2);
  guint64 n_clusters, n_blocks = 1, old_offset = q->table_offset, old_size = q->table_size;
  g_autofree guint8 *bytes = NULL;
  guint64 *table;
  guint8 header[12];
  int rc = 0;

  /* The blocks count themselves and the table, which has entries for them. */
  for (;;)
    {
      entries = MAX (entries, first_block + n_blocks);
      n_clusters = (entries * 8 + q->cluster_size - 1) >> q->cluster_bits;
      if (n_blocks * per_block >= n_blocks + n_clusters)
        break;
      n_blocks++;
    }
  entries = n_clusters << (q->cluster_bits - 3);
  if (entries * 8 > QCOW2_MAX_TABLE_BYTES ||
      (first + n_blocks + n_clusters) << q->cluster_bits > QCOW2_MAX_OFFSET)
    return ENOSPC;

  table = g_try_new0 (guint64, entries);
  bytes = g_try_malloc0 (MAX (q->cluster_size, entries * 8));
  if (table == NULL || bytes == NULL)
    {
      g_free (table);
      return ENOMEM;
    }
  memcpy (table, q->table, old_size * 8);
  for (guint64 i = 0; i < n_blocks && rc == 0; i++)
    {
      memset (bytes, 0, q->cluster_size);
      for (guint64 k = 0; k < per_block && i * per_block + k < n_blocks + n_clusters; k++)
        qcow2_set_table_count (q, bytes, k, 1);
      table[first_block + i] = (first + i) << q->cluster_bits;
      rc = vmt_block_file_pwrite (q->file, bytes, q->cluster_size, table[first_block + i]);
    }
  for (guint64 i = 0; i < entries; i++)
    qcow2_write64 (bytes + 8 * i, table[i]);
  if (rc == 0)
    rc = vmt_block_file_pwrite (q->file, bytes, entries * 8, (first + n_blocks) << q->cluster_bits);
  if (rc == 0)
    rc = vmt_block_file_flush (q->file);
  qcow2_write64 (header, (first + n_blocks) << q->cluster_bits);
  qcow2_write32 (header + 8, n_clusters);
  if (rc == 0)
    rc = vmt_block_file_pwrite (q->file, header, sizeof header, 48);
  if (rc == 0)
    rc = vmt_block_file_flush (q->file);
  if (rc != 0)
    {
      g_free (table);
      return rc;
    }
  g_free (q->table);
  q->table = table;
  q->table_size = entries;
  q->table_offset = (first + n_blocks) << q->cluster_bits;
  return qcow2_free (q, old_offset, (old_size * 8 + q->cluster_size - 1) >> q->cluster_bits);
}

/* A block of refcounts for entry @index of the table. */
static int
create_block (Qcow2 *q, guint64 index)
{
  Qcow2Table *block;
  guint64 cluster, own;
  guint8 entry[8];
  int rc;

  if (index >= q->table_size)
    {
      rc = grow_table (q, index);
      if (rc != 0 || q->table[index] != 0)
        return rc;
    }
  rc = find_free (q, q->free_hint, 1, &cluster);
  if (rc != 0)
    return rc;
  own = cluster >> qcow2_refcounts_bits (q);
  /* Nobody counts the place where it would stand: that is where one goes that does, and it counts
   * itself. */
  if (own != index && (own >= q->table_size || q->table[own] == 0))
    {
      rc = create_block (q, own);
      return rc != 0 ? rc : create_block (q, index);
    }
  if (own != index)
    {
      rc = qcow2_refcount_set (q, cluster, 1);
      if (rc != 0)
        return rc;
    }
  rc = qcow2_table_new (q, cluster << q->cluster_bits, QCOW2_TABLE_REFCOUNTS, &block);
  if (rc != 0)
    return rc;
  if (own == index)
    qcow2_set_table_count (q, block->data, block_index (q, cluster), 1);
  /* On the disk before the table points to it; both are rare. */
  rc = vmt_block_file_pwrite (q->file, block->data, q->cluster_size, block->offset);
  if (rc == 0)
    rc = vmt_block_file_flush (q->file);
  qcow2_write64 (entry, block->offset);
  if (rc == 0)
    rc = vmt_block_file_pwrite (q->file, entry, sizeof entry, q->table_offset + 8 * index);
  if (rc == 0)
    q->table[index] = block->offset;
  qcow2_table_put (block);
  if (rc != 0)
    qcow2_table_drop (q, cluster << q->cluster_bits);
  return rc;
}

int
qcow2_refcount_set (Qcow2 *q, guint64 cluster, guint64 count)
{
  Qcow2Table *block;
  int rc;

  if (count > qcow2_refcount_max (q))
    return ERANGE;
  rc = get_block (q, cluster, &block);
  if (rc == 0 && block == NULL)
    {
      rc = create_block (q, cluster >> qcow2_refcounts_bits (q));
      if (rc == 0)
        rc = get_block (q, cluster, &block);
    }
  if (rc != 0)
    return rc;
  if (block == NULL)
    return qcow2_set_corrupt (q);
  qcow2_set_table_count (q, block->data, block_index (q, cluster), count);
  block->dirty = TRUE;
  qcow2_table_put (block);
  return 0;
}

int
qcow2_allocate (Qcow2 *q, guint64 count, guint64 *offset)
{
  guint bits = qcow2_refcounts_bits (q);
  guint64 first;
  int rc;

  for (;;)
    {
      gboolean complete = TRUE;

      rc = find_free (q, q->free_hint, count, &first);
      if (rc != 0)
        return rc;
      for (guint64 index = first >> bits; index <= (first + count - 1) >> bits; index++)
        if (index >= q->table_size || q->table[index] == 0)
          {
            rc = create_block (q, index);
            if (rc != 0)
              return rc;
            complete = FALSE;
          }
      if (complete)
        break;
      /* The blocks stand where we wanted to be. */
    }
  for (guint64 i = 0; i < count; i++)
    {
      rc = qcow2_refcount_set (q, first + i, 1);
      if (rc != 0)
        return rc;
    }
  if (count == 1)
    q->free_hint = first + 1;
  q->barrier = TRUE;
  *offset = first << q->cluster_bits;
  return 0;
}

int
qcow2_free (Qcow2 *q, guint64 offset, guint64 count)
{
  Qcow2Freed freed = { offset >> q->cluster_bits, count };
  Qcow2Freed *last =
      q->freed->len > 0 ? &g_array_index (q->freed, Qcow2Freed, q->freed->len - 1) : NULL;

  if (last != NULL && last->first + last->count == freed.first)
    last->count += count;
  else
    g_array_append_val (q->freed, freed);
  return 0;
}

int
qcow2_free_entry (Qcow2 *q, guint64 entry)
{
  guint64 host, size;

  if ((entry & QCOW2_COMPRESSED) != 0)
    {
      qcow2_get_packed (q, entry, &host, &size);
      /* Its cluster may be shared with others, and so be counted several times. */
      for (guint64 at = host & ~(q->cluster_size - 1); at < host + size; at += q->cluster_size)
        {
          Qcow2Freed freed = { at >> q->cluster_bits, 1 };

          g_array_append_val (q->freed, freed);
        }
      q->unpacked_entry = 0;
    }
  else if ((entry & QCOW2_OFFSET_MASK) != 0)
    qcow2_free (q, entry & QCOW2_OFFSET_MASK, 1);
  return q->freed->len > MAX_FREED ? qcow2_flush (q) : 0;
}

int
qcow2_release_freed (Qcow2 *q)
{
  for (guint i = 0; i < q->freed->len; i++)
    {
      Qcow2Freed freed = g_array_index (q->freed, Qcow2Freed, i);
      guint64 unused = 0; /* in a row up to here */

      for (guint64 k = 0; k <= freed.count; k++)
        {
          guint64 cluster = freed.first + k, count = 1;
          int rc;

          if (k < freed.count)
            {
              rc = qcow2_refcount_get (q, cluster, &count);
              if (rc != 0)
                return rc;
              if (count == 0)
                return qcow2_set_corrupt (q);
              rc = qcow2_refcount_set (q, cluster, --count);
              if (rc != 0)
                return rc;
            }
          if (count == 0)
            {
              unused++;
              q->free_hint = MIN (q->free_hint, cluster);
              qcow2_table_drop (q, cluster << q->cluster_bits);
              continue;
            }
          /* Only ever a hint to the host. */
          if (unused > 0)
            vmt_block_file_punch (q->file, (cluster - unused) << q->cluster_bits,
                                  unused << q->cluster_bits);
          unused = 0;
        }
    }
  g_array_set_size (q->freed, 0);
  return 0;
}
