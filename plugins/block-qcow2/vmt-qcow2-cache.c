/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>

#include "vmt-qcow2.h"

#define CACHE_BYTES (16u << 20)
#define MIN_TABLES 16

static void
free_table (gpointer data)
{
  Qcow2Table *table = data;

  g_free (table->data);
  g_free (table);
}

void
qcow2_cache_init (Qcow2 *q)
{
  q->tables = g_hash_table_new_full (g_int64_hash, g_int64_equal, NULL, free_table);
  q->max_tables = MAX (CACHE_BYTES >> q->cluster_bits, MIN_TABLES);
}

void
qcow2_cache_clear (Qcow2 *q)
{
  g_clear_pointer (&q->tables, g_hash_table_unref);
}

/* Room for one more table. */
static int
make_room (Qcow2 *q)
{
  while (g_hash_table_size (q->tables) >= q->max_tables)
    {
      Qcow2Table *oldest = NULL, *table;
      GHashTableIter iter;

      g_hash_table_iter_init (&iter, q->tables);
      while (g_hash_table_iter_next (&iter, NULL, (gpointer *)&table))
        if (table->pins == 0 && (oldest == NULL || table->used < oldest->used))
          oldest = table;
      if (oldest == NULL)
        return 0; /* all in use: a few more do not hurt */
      if (oldest->dirty)
        {
          int rc = qcow2_write_back (q);

          if (rc != 0)
            return rc;
        }
      g_hash_table_remove (q->tables, &oldest->offset);
    }
  return 0;
}

static int
add_table (Qcow2 *q, guint64 offset, Qcow2TableKind kind, Qcow2Table **out)
{
  Qcow2Table *table;
  int rc = make_room (q);

  if (rc != 0)
    return rc;
  table = g_new0 (Qcow2Table, 1);
  table->data = g_try_malloc0 (q->cluster_size);
  if (table->data == NULL)
    {
      g_free (table);
      return ENOMEM;
    }
  table->offset = offset;
  table->kind = kind;
  table->used = ++q->tick;
  *out = table;
  return 0;
}

int
qcow2_table_get (Qcow2 *q, guint64 offset, Qcow2TableKind kind, Qcow2Table **out)
{
  Qcow2Table *table = g_hash_table_lookup (q->tables, &offset);
  int rc;

  if (table != NULL)
    {
      if (table->kind != kind)
        return qcow2_set_corrupt (q); /* one cluster cannot be both */
      table->used = ++q->tick;
      table->pins++;
      *out = table;
      return 0;
    }
  if (offset == 0 || !qcow2_is_aligned (q, offset) ||
      offset + q->cluster_size > vmt_block_file_get_size (q->file) || qcow2_is_metadata (q, offset))
    return qcow2_set_corrupt (q);
  rc = add_table (q, offset, kind, &table);
  if (rc != 0)
    return rc;
  rc = vmt_block_file_pread (q->file, table->data, q->cluster_size, offset);
  if (rc != 0)
    {
      free_table (table);
      return rc;
    }
  g_hash_table_insert (q->tables, &table->offset, table);
  table->pins++;
  *out = table;
  return 0;
}

int
qcow2_table_new (Qcow2 *q, guint64 offset, Qcow2TableKind kind, Qcow2Table **out)
{
  Qcow2Table *table;
  int rc;

  if (g_hash_table_contains (q->tables, &offset))
    return qcow2_set_corrupt (q); /* it was in use: the refcounts are wrong */
  rc = add_table (q, offset, kind, &table);
  if (rc != 0)
    return rc;
  table->dirty = TRUE;
  g_hash_table_insert (q->tables, &table->offset, table);
  table->pins++;
  *out = table;
  return 0;
}

void
qcow2_table_put (Qcow2Table *table)
{
  table->pins--;
}

void
qcow2_table_drop (Qcow2 *q, guint64 offset)
{
  g_hash_table_remove (q->tables, &offset);
}

static int
compare_offsets (gconstpointer a, gconstpointer b)
{
  const Qcow2Table *left = *(Qcow2Table *const *)a, *right = *(Qcow2Table *const *)b;

  return left->offset < right->offset ? -1 : left->offset > right->offset;
}

/* Writes the dirty tables of a kind; *@any: there were some. */
static int
write_tables (Qcow2 *q, Qcow2TableKind kind, gboolean *any)
{
  g_autoptr (GPtrArray) dirty = g_ptr_array_new ();
  Qcow2Table *table;
  GHashTableIter iter;

  g_hash_table_iter_init (&iter, q->tables);
  while (g_hash_table_iter_next (&iter, NULL, (gpointer *)&table))
    if (table->dirty && table->kind == kind)
      g_ptr_array_add (dirty, table);
  g_ptr_array_sort (dirty, compare_offsets);
  *any = dirty->len > 0;
  for (guint i = 0; i < dirty->len; i++)
    {
      int rc;

      table = g_ptr_array_index (dirty, i);
      rc = vmt_block_file_pwrite (q->file, table->data, q->cluster_size, table->offset);
      if (rc != 0)
        return rc;
      table->dirty = FALSE;
    }
  return 0;
}

static gboolean
has_dirty (Qcow2 *q, Qcow2TableKind kind)
{
  Qcow2Table *table;
  GHashTableIter iter;

  g_hash_table_iter_init (&iter, q->tables);
  while (g_hash_table_iter_next (&iter, NULL, (gpointer *)&table))
    if (table->dirty && table->kind == kind)
      return TRUE;
  return FALSE;
}

static int
write_l1 (Qcow2 *q)
{
  guint32 n = q->l1_dirty_to - q->l1_dirty_from;
  g_autofree guint8 *bytes = g_malloc ((gsize)n * 8);
  int rc;

  for (guint32 i = 0; i < n; i++)
    qcow2_write64 (bytes + 8 * (gsize)i, q->l1[q->l1_dirty_from + i]);
  rc = vmt_block_file_pwrite (q->file, bytes, (gsize)n * 8,
                              q->l1_offset + 8 * (guint64)q->l1_dirty_from);
  if (rc == 0)
    q->l1_dirty_from = q->l1_dirty_to = 0;
  return rc;
}

int
qcow2_write_back (Qcow2 *q)
{
  gboolean l1 = q->l1_dirty_to > q->l1_dirty_from;
  gboolean any;
  int rc;

  if (q->corrupt)
    return EIO;
  /* Clusters are counted before they are used, */
  rc = write_tables (q, QCOW2_TABLE_REFCOUNTS, &any);
  if (rc != 0)
    return rc;
  q->barrier |= any;
  if (!l1 && !has_dirty (q, QCOW2_TABLE_L2))
    return 0;
  if (q->barrier)
    {
      rc = vmt_block_file_flush (q->file);
      if (rc != 0)
        return rc;
      q->barrier = FALSE;
    }
  /* and a table is whole before something points to it. */
  rc = write_tables (q, QCOW2_TABLE_L2, &any);
  if (rc != 0 || !l1)
    return rc;
  if (any)
    rc = vmt_block_file_flush (q->file);
  return rc != 0 ? rc : write_l1 (q);
}

int
qcow2_flush (Qcow2 *q)
{
  gboolean any;
  int rc = qcow2_write_back (q);

  if (rc == 0)
    rc = vmt_block_file_flush (q->file);
  if (rc != 0)
    return rc;
  q->barrier = FALSE;
  if (q->freed->len == 0)
    return 0;
  /* Nothing on the disk refers to these any more. Written at once, so that a killed process leaves
   * no unused cluster; a machine that loses power may. */
  rc = qcow2_release_freed (q);
  if (rc == 0)
    rc = write_tables (q, QCOW2_TABLE_REFCOUNTS, &any);
  return rc;
}
