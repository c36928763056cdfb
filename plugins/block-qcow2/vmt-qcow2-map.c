/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>

#include "vmt-qcow2.h"

Qcow2MapKind
qcow2_get_kind (const Qcow2 *q, guint64 entry)
{
  if ((entry & QCOW2_COMPRESSED) != 0)
    return QCOW2_MAP_PACKED;
  /* Version 2 has no zero clusters: there the bit is reserved. */
  if ((entry & QCOW2_ZERO) != 0 && q->version >= 3)
    return QCOW2_MAP_ZERO;
  return (entry & QCOW2_OFFSET_MASK) != 0 ? QCOW2_MAP_DATA : QCOW2_MAP_NONE;
}

static guint64
get_l1_index (const Qcow2 *q, guint64 offset)
{
  return offset >> (q->cluster_bits + qcow2_l2_bits (q));
}

static guint
get_l2_index (const Qcow2 *q, guint64 offset)
{
  return offset >> q->cluster_bits & ((1u << qcow2_l2_bits (q)) - 1);
}

int
qcow2_map (Qcow2 *q, guint64 offset, guint64 size, Qcow2Map *map)
{
  guint64 inside = offset & (q->cluster_size - 1);
  guint64 l1_index = get_l1_index (q, offset);
  guint index = get_l2_index (q, offset), n = 1u << qcow2_l2_bits (q);
  guint64 l1 = l1_index < q->l1_size ? q->l1[l1_index] & QCOW2_OFFSET_MASK : 0;
  Qcow2Table *table;
  int rc;

  *map = (Qcow2Map){ .kind = QCOW2_MAP_NONE };
  if (l1 == 0)
    {
      map->run = MIN (size, ((guint64)(n - index) << q->cluster_bits) - inside);
      return 0;
    }
  rc = qcow2_table_get (q, l1, QCOW2_TABLE_L2, &table);
  if (rc != 0)
    return rc;
  map->entry = qcow2_read64 (table->data + 8 * index);
  map->kind = qcow2_get_kind (q, map->entry);
  map->run = q->cluster_size - inside;
  map->copied = (map->entry & QCOW2_COPIED) != 0;
  map->host = map->kind == QCOW2_MAP_DATA ? (map->entry & QCOW2_OFFSET_MASK) + inside : 0;
  for (guint i = index + 1; i < n && map->run < size && map->kind != QCOW2_MAP_PACKED; i++)
    {
      guint64 entry = qcow2_read64 (table->data + 8 * i);

      if (qcow2_get_kind (q, entry) != map->kind || ((entry & QCOW2_COPIED) != 0) != map->copied ||
          (map->kind == QCOW2_MAP_DATA && (entry & QCOW2_OFFSET_MASK) != map->host + map->run))
        break;
      map->run += q->cluster_size;
    }
  qcow2_table_put (table);
  map->run = MIN (map->run, size);
  if (map->kind == QCOW2_MAP_DATA && !qcow2_is_aligned (q, map->host - inside))
    return qcow2_set_corrupt (q);
  return 0;
}

static void
set_l1 (Qcow2 *q, guint64 index, guint64 entry)
{
  q->l1[index] = entry;
  if (q->l1_dirty_to == q->l1_dirty_from)
    {
      q->l1_dirty_from = index;
      q->l1_dirty_to = index + 1;
    }
  q->l1_dirty_from = MIN (q->l1_dirty_from, index);
  q->l1_dirty_to = MAX (q->l1_dirty_to, index + 1);
}

int
qcow2_get_l2 (Qcow2 *q, guint64 offset, gboolean create, Qcow2Table **table, guint *index)
{
  guint64 l1_index = get_l1_index (q, offset), fresh_at, old;
  Qcow2Table *shared = NULL;
  int rc;

  *table = NULL;
  *index = get_l2_index (q, offset);
  if (l1_index >= q->l1_size)
    return EFBIG;
  old = q->l1[l1_index] & QCOW2_OFFSET_MASK;
  if (old != 0 && (q->l1[l1_index] & QCOW2_COPIED) != 0)
    return qcow2_table_get (q, old, QCOW2_TABLE_L2, table);
  if (old == 0 && !create)
    return 0;

  /* None yet, or one that a snapshot has as well. */
  if (old != 0)
    {
      rc = qcow2_table_get (q, old, QCOW2_TABLE_L2, &shared);
      if (rc != 0)
        return rc;
    }
  rc = qcow2_allocate (q, 1, &fresh_at);
  if (rc == 0)
    rc = qcow2_table_new (q, fresh_at, QCOW2_TABLE_L2, table);
  if (rc == 0)
    {
      if (shared != NULL)
        memcpy ((*table)->data, shared->data, q->cluster_size);
      set_l1 (q, l1_index, fresh_at | QCOW2_COPIED);
    }
  if (shared != NULL)
    {
      qcow2_table_put (shared);
      if (rc == 0)
        qcow2_free (q, old, 1);
    }
  return rc;
}

int
qcow2_set_entry (Qcow2 *q, guint64 offset, guint64 entry)
{
  Qcow2Table *table;
  guint index;
  int rc = qcow2_get_l2 (q, offset, TRUE, &table, &index);

  if (rc != 0)
    return rc;
  qcow2_write64 (table->data + 8 * index, entry);
  table->dirty = TRUE;
  qcow2_table_put (table);
  return 0;
}
