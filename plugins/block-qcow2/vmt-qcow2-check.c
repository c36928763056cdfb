/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>

#include "vmt-qcow2.h"

/* References are counted in pieces, made where there are any. */
#define PIECE_BITS 12
#define MAX_PIECES 65536 /* 1 GiB of memory, 16 TiB of image with the usual clusters */
#define MAX_FINDINGS 100

typedef struct
{
  Qcow2 *q;
  gboolean repair;
  GPtrArray *findings;
  guint n_errors, n_leaks;
  guint64 file_clusters;
  GHashTable *pieces; /* number -> guint32[] */
  GHashTable *tables; /* offset of an L2 table -> times that it is referred to */
  gboolean too_large;
  int rc;
} Check;

G_GNUC_PRINTF (2, 3)
static void
report (Check *check, const char *format, ...)
{
  va_list args;

  if (check->findings == NULL || check->findings->len > MAX_FINDINGS)
    return;
  va_start (args, format);
  g_ptr_array_add (check->findings, check->findings->len == MAX_FINDINGS
                                        ? g_strdup ("more findings are left out")
                                        : g_strdup_vprintf (format, args));
  va_end (args);
}

static guint32
get_expected (Check *check, guint64 cluster)
{
  guint64 piece = cluster >> PIECE_BITS;
  guint32 *counts = g_hash_table_lookup (check->pieces, &piece);

  return counts != NULL ? counts[cluster & ((1u << PIECE_BITS) - 1)] : 0;
}

/* @times references to the bytes from @offset; FALSE when they lie outside the file. */
static gboolean
count (Check *check, guint64 offset, guint64 size, guint32 times, const char *what)
{
  Qcow2 *q = check->q;
  guint64 first = offset >> q->cluster_bits, last = (offset + MAX (size, 1) - 1) >> q->cluster_bits;

  if (offset + size < offset || last >= check->file_clusters)
    {
      check->n_errors++;
      report (check, "%s at 0x%" G_GINT64_MODIFIER "x lies outside the file", what, offset);
      return FALSE;
    }
  for (guint64 cluster = first; cluster <= last; cluster++)
    {
      guint64 piece = cluster >> PIECE_BITS;
      guint32 *counts = g_hash_table_lookup (check->pieces, &piece);
      guint32 *at;

      if (counts == NULL)
        {
          if (g_hash_table_size (check->pieces) >= MAX_PIECES)
            {
              check->too_large = TRUE;
              return FALSE;
            }
          counts = g_new0 (guint32, 1u << PIECE_BITS);
          g_hash_table_insert (check->pieces, g_memdup2 (&piece, sizeof piece), counts);
        }
      at = &counts[cluster & ((1u << PIECE_BITS) - 1)];
      *at = *at > G_MAXUINT32 - times ? G_MAXUINT32 : *at + times;
    }
  return TRUE;
}

/* The L2 tables of one L1 table. */
static void
count_l1 (Check *check, const guint64 *l1, guint32 size)
{
  Qcow2 *q = check->q;

  for (guint32 i = 0; i < size; i++)
    {
      guint64 offset = l1[i] & QCOW2_OFFSET_MASK;
      guint32 *times;

      if (offset == 0)
        continue;
      if (!qcow2_is_aligned (q, offset))
        {
          check->n_errors++;
          report (check, "L1 entry %u points to 0x%" G_GINT64_MODIFIER "x, which is no cluster", i,
                  offset);
          continue;
        }
      if (!count (check, offset, q->cluster_size, 1, "L2 table"))
        continue;
      times = g_hash_table_lookup (check->tables, &offset);
      if (times == NULL)
        {
          times = g_new0 (guint32, 1);
          g_hash_table_insert (check->tables, g_memdup2 (&offset, sizeof offset), times);
        }
      ++*times;
    }
}

static void
count_entry (Check *check, guint64 table, guint index, guint64 entry, guint32 times)
{
  Qcow2 *q = check->q;
  guint64 host = entry & QCOW2_OFFSET_MASK, size;

  if (qcow2_get_kind (q, entry) == QCOW2_MAP_PACKED)
    {
      qcow2_get_packed (q, entry, &host, &size);
      /* The last sectors may lie beyond the end of a file that is as long as its data. */
      if (host < check->file_clusters << q->cluster_bits)
        size = MIN (size, (check->file_clusters << q->cluster_bits) - host);
      count (check, host, size, times, "compressed cluster");
      if ((entry & QCOW2_COPIED) != 0)
        {
          check->n_errors++;
          report (check,
                  "entry %u of the L2 table at 0x%" G_GINT64_MODIFIER
                  "x is compressed, but says that it may be overwritten",
                  index, table);
        }
      return;
    }
  if (host == 0)
    return;
  if (!qcow2_is_aligned (q, host))
    {
      check->n_errors++;
      report (check,
              "entry %u of the L2 table at 0x%" G_GINT64_MODIFIER
              "x points to 0x%" G_GINT64_MODIFIER "x, which is no cluster",
              index, table, host);
      return;
    }
  count (check, host, q->cluster_size, times, "data cluster");
}

static int
read_l2 (Check *check, guint64 offset, guint8 *bytes)
{
  Qcow2 *q = check->q;
  guint64 run;

  /* Holes are empty tables; a hostile file may have a great many. */
  if (vmt_block_file_is_hole (q->file, offset, q->cluster_size, &run) && run >= q->cluster_size)
    {
      memset (bytes, 0, q->cluster_size);
      return 0;
    }
  return vmt_block_file_pread (q->file, bytes, q->cluster_size, offset);
}

static void
count_data (Check *check)
{
  Qcow2 *q = check->q;
  g_autofree guint8 *bytes = g_malloc (q->cluster_size);
  GHashTableIter iter;
  guint64 *offset;
  guint32 *times;

  g_hash_table_iter_init (&iter, check->tables);
  while (g_hash_table_iter_next (&iter, (gpointer *)&offset, (gpointer *)&times) &&
         check->rc == 0 && !check->too_large)
    {
      check->rc = read_l2 (check, *offset, bytes);
      for (guint i = 0; i < 1u << qcow2_l2_bits (q) && check->rc == 0; i++)
        {
          guint64 entry = qcow2_read64 (bytes + 8 * i);

          if (entry != 0)
            count_entry (check, *offset, i, entry, *times);
        }
    }
}

/* The table of internal snapshots, and their L1 tables (section "Snapshots"). */
static void
count_snapshots (Check *check)
{
  Qcow2 *q = check->q;
  guint64 at = q->snapshots_offset;

  if (q->n_snapshots == 0)
    return;
  count (check, at, q->snapshots_size, 1, "table of snapshots");
  for (guint32 i = 0; i < q->n_snapshots && check->rc == 0; i++)
    {
      guint8 head[40];
      guint64 offset;
      guint32 size;
      g_autofree guint64 *l1 = NULL;

      check->rc = vmt_block_file_pread (q->file, head, sizeof head, at);
      offset = qcow2_read64 (head);
      size = qcow2_read32 (head + 8);
      at += sizeof head + (guint64)qcow2_read32 (head + 36) + (head[12] << 8 | head[13]) +
            (head[14] << 8 | head[15]);
      at = (at + 7) & ~(guint64)7;
      if (check->rc != 0)
        return;
      if (!qcow2_is_aligned (q, offset) || (guint64)size * 8 > QCOW2_MAX_L1_BYTES ||
          !count (check, offset, (guint64)size * 8, 1, "L1 table of a snapshot"))
        {
          check->n_errors++;
          report (check, "snapshot %u has an impossible L1 table", i);
          continue;
        }
      l1 = g_try_new0 (guint64, MAX (size, 1));
      check->rc = l1 == NULL ? ENOMEM : vmt_block_file_pread (q->file, l1, (gsize)size * 8, offset);
      for (guint32 k = 0; k < size && check->rc == 0; k++)
        l1[k] = GUINT64_FROM_BE (l1[k]);
      if (check->rc == 0)
        count_l1 (check, l1, size);
    }
}

static void
count_blocks (Check *check)
{
  Qcow2 *q = check->q;

  for (guint32 i = 0; i < q->table_size; i++)
    {
      guint64 offset = q->table[i] & QCOW2_OFFSET_MASK;

      if (offset == 0)
        continue;
      if (!qcow2_is_aligned (q, offset) ||
          !count (check, offset, q->cluster_size, 1, "refcount block"))
        {
          check->n_errors++;
          report (check, "entry %u of the refcount table is damaged", i);
          /* Repairing makes a new one. Only in memory: the table is written with it. */
          if (check->repair)
            q->table[i] = 0;
        }
      else if (get_expected (check, offset >> q->cluster_bits) > 1)
        {
          check->n_errors++;
          report (check, "refcount block %u at 0x%" G_GINT64_MODIFIER "x is used twice", i, offset);
        }
    }
}

/* One cluster's count against what was found. */
static void
compare (Check *check, guint64 cluster, guint64 actual)
{
  Qcow2 *q = check->q;
  guint32 expected = get_expected (check, cluster);

  if (actual == expected)
    return;
  if (actual < expected)
    {
      check->n_errors++;
      report (check,
              "cluster %" G_GUINT64_FORMAT " is used %u times, but counted %" G_GUINT64_FORMAT
              " times",
              cluster, expected, actual);
    }
  else
    {
      check->n_leaks++;
      report (check,
              "cluster %" G_GUINT64_FORMAT " is used %u times, but counted %" G_GUINT64_FORMAT
              " times: wasted space",
              cluster, expected, actual);
    }
  if (check->repair && check->rc == 0)
    {
      check->rc = qcow2_refcount_set (q, cluster, expected);
      if (check->rc == 0)
        {
          if (actual < expected)
            check->n_errors--;
          else
            check->n_leaks--;
        }
    }
}

static void
compare_counts (Check *check)
{
  Qcow2 *q = check->q;
  guint64 per_block = G_GUINT64_CONSTANT (1) << qcow2_refcounts_bits (q);
  guint64 blocks = (check->file_clusters + per_block - 1) / per_block;

  for (guint64 i = 0; i < MAX (blocks, q->table_size) && check->rc == 0; i++)
    {
      guint64 offset = i < q->table_size ? q->table[i] & QCOW2_OFFSET_MASK : 0;
      guint64 start = i * per_block;

      /* Blocks that do not exist count nothing: their clusters are looked at if something was found
       * there. A huge file of nothing has none of either. */
      if (offset == 0)
        {
          for (guint64 piece = start >> PIECE_BITS; piece <= (start + per_block - 1) >> PIECE_BITS;
               piece++)
            {
              if (!g_hash_table_contains (check->pieces, &piece))
                continue;
              for (guint64 cluster = MAX (start, piece << PIECE_BITS);
                   cluster < MIN (start + per_block, (piece + 1) << PIECE_BITS); cluster++)
                {
                  guint64 actual = 0;

                  /* Repairing one makes the block, with others' counts. */
                  if (get_expected (check, cluster) != 0 && check->rc == 0)
                    {
                      check->rc = qcow2_refcount_get (q, cluster, &actual);
                      if (check->rc == 0)
                        compare (check, cluster, actual);
                    }
                }
            }
          if (i >= q->table_size && g_hash_table_size (check->pieces) == 0)
            return;
          continue;
        }
      for (guint64 k = 0; k < per_block && check->rc == 0; k++)
        {
          guint64 actual;

          check->rc = qcow2_refcount_get (q, start + k, &actual);
          if (check->rc == 0)
            compare (check, start + k, actual);
        }
    }
}

/* COPIED must say exactly whether a cluster is counted once; otherwise a snapshot would be
 * overwritten, or nothing. */
static gboolean
check_copied (Check *check, guint64 *entry, guint64 cluster, const char *what)
{
  gboolean copied = (*entry & QCOW2_COPIED) != 0;
  gboolean once = get_expected (check, cluster) == 1;

  if (copied == once)
    return FALSE;
  report (check, "%s at cluster %" G_GUINT64_FORMAT " %s", what, cluster,
          once ? "is not marked as used once, which it is"
               : "is marked as used once, but is used more often");
  if (!check->repair)
    {
      check->n_errors++;
      return FALSE;
    }
  *entry ^= QCOW2_COPIED;
  return TRUE;
}

static void
compare_copied (Check *check)
{
  Qcow2 *q = check->q;

  for (guint32 i = 0; i < q->l1_size && check->rc == 0; i++)
    {
      guint64 offset = q->l1[i] & QCOW2_OFFSET_MASK;
      Qcow2Table *table;

      if (offset == 0 || !g_hash_table_contains (check->tables, &offset))
        continue;
      if (check_copied (check, &q->l1[i], offset >> q->cluster_bits, "L2 table"))
        {
          q->l1_dirty_from = 0;
          q->l1_dirty_to = q->l1_size;
        }
      check->rc = qcow2_table_get (q, offset, QCOW2_TABLE_L2, &table);
      if (check->rc != 0)
        return;
      for (guint k = 0; k < 1u << qcow2_l2_bits (q); k++)
        {
          guint64 entry = qcow2_read64 (table->data + 8 * k);
          guint64 host = entry & QCOW2_OFFSET_MASK;

          if (qcow2_get_kind (q, entry) == QCOW2_MAP_PACKED || host == 0 ||
              !qcow2_is_aligned (q, host) || host >> q->cluster_bits >= check->file_clusters)
            continue;
          if (check_copied (check, &entry, host >> q->cluster_bits, "data"))
            {
              qcow2_write64 (table->data + 8 * k, entry);
              table->dirty = TRUE;
            }
        }
      qcow2_table_put (table);
    }
}

static void
run (Check *check)
{
  Qcow2 *q = check->q;

  count (check, 0, q->cluster_size, 1, "header");
  if (q->l1_size > 0)
    count (check, q->l1_offset, 8 * (guint64)q->l1_size, 1, "L1 table");
  count (check, q->table_offset, 8 * (guint64)q->table_size, 1, "refcount table");
  count_l1 (check, q->l1, q->l1_size);
  count_snapshots (check);
  if (check->rc == 0)
    count_data (check);
  if (check->rc == 0)
    count_blocks (check);
  if (check->rc == 0 && !check->too_large)
    compare_counts (check);
  if (check->rc == 0 && !check->too_large)
    compare_copied (check);
}

gboolean
qcow2_check (Qcow2 *q, gboolean repair, GPtrArray *findings, guint *n_errors, guint *n_leaks,
             GError **error)
{
  Check check = { .q = q, .repair = repair, .findings = findings };
  gboolean was_corrupt = q->corrupt;

  /* Only what is on the disk is looked at, apart from the counts. */
  q->corrupt = FALSE;
  if (!q->readonly)
    check.rc = qcow2_flush (q);
  check.file_clusters =
      (vmt_block_file_get_size (q->file) + q->cluster_size - 1) >> q->cluster_bits;
  check.pieces = g_hash_table_new_full (g_int64_hash, g_int64_equal, g_free, g_free);
  check.tables = g_hash_table_new_full (g_int64_hash, g_int64_equal, g_free, g_free);
  if (check.rc == 0)
    run (&check);
  g_hash_table_unref (check.pieces);
  g_hash_table_unref (check.tables);
  *n_errors = check.n_errors;
  *n_leaks = check.n_leaks;

  if (check.rc == 0 && repair && !check.too_large)
    {
      check.rc = qcow2_flush (q);
      if (check.rc == 0 && check.n_errors == 0)
        {
          q->incompatible &= ~(QCOW2_INCOMPATIBLE_DIRTY | QCOW2_INCOMPATIBLE_CORRUPT);
          check.rc = qcow2_write_features (q);
          was_corrupt = FALSE;
        }
      if (check.rc == 0)
        check.rc = vmt_block_file_flush (q->file);
    }
  q->corrupt |= was_corrupt || (q->incompatible & QCOW2_INCOMPATIBLE_CORRUPT) != 0;
  if (check.too_large)
    {
      g_set_error_literal (error, VMT_ERROR, VMT_ERROR_UNSUPPORTED,
                           "the image is too large, or too strange, to be checked");
      return FALSE;
    }
  if (check.rc != 0 && check.n_errors == 0)
    {
      g_set_error (error, VMT_ERROR, VMT_ERROR_FAILED, "the image cannot be checked: %s",
                   g_strerror (check.rc));
      return FALSE;
    }
  return TRUE;
}
