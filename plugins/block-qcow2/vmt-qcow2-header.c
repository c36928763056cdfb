/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>

#include "vmt-qcow2.h"

#define HEADER_FEATURES 72
#define MAX_BACKING_NAME 1023
#define MAX_FEATURE_NAMES 1024

G_GNUC_PRINTF (3, 4)
static gboolean
refuse (GError **error, VmtError code, const char *format, ...)
{
  va_list args;
  g_autofree char *text = NULL;

  va_start (args, format);
  text = g_strdup_vprintf (format, args);
  va_end (args);
  g_set_error_literal (error, VMT_ERROR, code, text);
  return FALSE;
}

int
qcow2_set_corrupt (Qcow2 *q)
{
  q->corrupt = TRUE;
  q->incompatible |= QCOW2_INCOMPATIBLE_CORRUPT;
  if (!q->readonly && q->version >= 3)
    qcow2_write_features (q);
  return EIO;
}

int
qcow2_write_features (Qcow2 *q)
{
  guint8 bytes[24];

  if (q->version < 3)
    return 0;
  qcow2_write64 (bytes, q->incompatible);
  qcow2_write64 (bytes + 8, q->compatible);
  qcow2_write64 (bytes + 16, q->autoclear);
  return vmt_block_file_pwrite (q->file, bytes, sizeof bytes, HEADER_FEATURES);
}

/* The name that the image itself gives to an incompatible feature, or NULL. */
static char *
find_feature_name (const guint8 *table, guint32 size, guint bit)
{
  for (guint32 at = 0; at + 48 <= size; at += 48)
    if (table[at] == 0 && table[at + 1] == bit)
      {
        g_autofree char *name = g_strndup ((const char *)table + at + 2, 46);

        return g_str_is_ascii (name) ? g_steal_pointer (&name) : NULL;
      }
  return NULL;
}

static gboolean
check_features (const Qcow2 *q, const char *path, const guint8 *names, guint32 names_size,
                GError **error)
{
  guint64 unknown = q->incompatible & ~(QCOW2_INCOMPATIBLE_DIRTY | QCOW2_INCOMPATIBLE_CORRUPT |
                                        QCOW2_INCOMPATIBLE_COMPRESSION);

  if ((unknown & QCOW2_INCOMPATIBLE_EXTENDED_L2) != 0)
    return refuse (error, VMT_ERROR_UNSUPPORTED,
                   "%s has subclusters (extended L2 entries), which are not supported: convert it "
                   "with \"qemu-img convert -O qcow2 -o extended_l2=off\"",
                   path);
  if ((unknown & QCOW2_INCOMPATIBLE_DATA_FILE) != 0)
    return refuse (error, VMT_ERROR_UNSUPPORTED,
                   "%s keeps its data in another file, which is not supported: convert it with "
                   "\"qemu-img convert -O qcow2\"",
                   path);
  if (unknown != 0)
    {
      guint bit = __builtin_ctzll (unknown);
      g_autofree char *name = find_feature_name (names, names_size, bit);

      return refuse (error, VMT_ERROR_UNSUPPORTED,
                     "%s uses a feature of qcow2 that is not known here: %s (bit %u)", path,
                     name != NULL ? name : "without a name", bit);
    }
  if (q->compression > (HAVE_ZSTD ? QCOW2_COMPRESSION_ZSTD : QCOW2_COMPRESSION_ZLIB) ||
      (q->compression != 0) != ((q->incompatible & QCOW2_INCOMPATIBLE_COMPRESSION) != 0))
    return refuse (error, VMT_ERROR_UNSUPPORTED, "%s has compression type %u, which is not known",
                   path, q->compression);
  return TRUE;
}

/* The header's extensions; they lie between the header and the end of the first cluster, or the
 * backing file's name. */
static gboolean
read_extensions (Qcow2 *q, const char *path, const guint8 *bytes, guint32 size, GError **error)
{
  const guint8 *names = NULL;
  guint32 names_size = 0;
  guint64 at = q->header_length;

  while (at + 8 <= size)
    {
      guint32 type = qcow2_read32 (bytes + at), length = qcow2_read32 (bytes + at + 4);

      at += 8;
      if (type == QCOW2_EXT_END)
        break;
      if (length > size - at)
        return refuse (error, VMT_ERROR_CORRUPT, "%s: header extension 0x%x is too long", path,
                       type);
      if (type == QCOW2_EXT_BACKING_FORMAT)
        {
          g_free (q->backing_format);
          q->backing_format = g_strndup ((const char *)bytes + at, MIN (length, 63));
        }
      else if (type == QCOW2_EXT_FEATURES)
        {
          names = bytes + at;
          names_size = MIN (length, 48 * MAX_FEATURE_NAMES);
        }
      at += (length + 7) & ~(guint64)7;
    }
  return check_features (q, path, names, names_size, error);
}

static gboolean
read_backing_name (Qcow2 *q, const char *path, const guint8 *bytes, guint32 size, guint64 offset,
                   guint32 length, GError **error)
{
  if (offset == 0 || length == 0)
    return TRUE;
  if (length > MAX_BACKING_NAME || offset > size || length > size - offset)
    return refuse (error, VMT_ERROR_CORRUPT, "%s: the name of its backing file is out of range",
                   path);
  q->backing_name = g_strndup ((const char *)bytes + offset, length);
  return TRUE;
}

/* A table of @count entries inside the file: read to host byte order. */
static guint64 *
read_table (Qcow2 *q, const char *path, const char *what, guint64 offset, guint64 count,
            GError **error)
{
  guint64 file_size = vmt_block_file_get_size (q->file);
  guint64 *table;
  int rc;

  if (count > 0 && (offset == 0 || !qcow2_is_aligned (q, offset) || offset > file_size ||
                    count * 8 > file_size - offset))
    {
      refuse (error, VMT_ERROR_CORRUPT, "%s: its %s lies outside the file: is it truncated?", path,
              what);
      return NULL;
    }
  table = g_try_new0 (guint64, MAX (count, 1));
  rc = table == NULL ? ENOMEM : vmt_block_file_pread (q->file, table, count * 8, offset);
  if (rc != 0)
    {
      refuse (error, VMT_ERROR_FAILED, "cannot read the %s of %s: %s", what, path, g_strerror (rc));
      g_free (table);
      return NULL;
    }
  for (guint64 i = 0; i < count; i++)
    table[i] = GUINT64_FROM_BE (table[i]);
  return table;
}

/* How many bytes the table of internal snapshots has: only reading it tells. */
static gboolean
measure_snapshots (Qcow2 *q, const char *path, GError **error)
{
  guint64 at = q->snapshots_offset, file_size = vmt_block_file_get_size (q->file);

  for (guint32 i = 0; i < q->n_snapshots; i++)
    {
      guint8 head[40];

      if (at > file_size || file_size - at < sizeof head ||
          at - q->snapshots_offset > QCOW2_MAX_SNAPSHOT_BYTES ||
          vmt_block_file_pread (q->file, head, sizeof head, at) != 0)
        return refuse (error, VMT_ERROR_CORRUPT, "%s: its table of snapshots is damaged", path);
      at += sizeof head + (guint64)qcow2_read32 (head + 36) + (head[12] << 8 | head[13]) +
            (head[14] << 8 | head[15]);
      at = (at + 7) & ~(guint64)7;
    }
  q->snapshots_size = at - q->snapshots_offset;
  return TRUE;
}

static gboolean
read_numbers (Qcow2 *q, const char *path, const guint8 *h, guint32 size, guint32 *table_clusters,
              GError **error)
{
  if (size < QCOW2_V2_HEADER || qcow2_read32 (h) != QCOW2_MAGIC)
    return refuse (error, VMT_ERROR_INVALID, "%s is not a qcow2 image", path);
  q->version = qcow2_read32 (h + 4);
  q->cluster_bits = qcow2_read32 (h + 20);
  q->size = qcow2_read64 (h + 24);
  q->l1_size = qcow2_read32 (h + 36);
  q->l1_offset = qcow2_read64 (h + 40);
  q->table_offset = qcow2_read64 (h + 48);
  *table_clusters = qcow2_read32 (h + 56);
  q->n_snapshots = qcow2_read32 (h + 60);
  q->snapshots_offset = qcow2_read64 (h + 64);
  q->refcount_order = 4;
  q->header_length = QCOW2_V2_HEADER;
  if (q->version != 2 && q->version != 3)
    return refuse (error, VMT_ERROR_UNSUPPORTED, "%s is qcow2 of version %u; 2 and 3 are known",
                   path, q->version);
  if (qcow2_read32 (h + 32) != 0)
    return refuse (error, VMT_ERROR_UNSUPPORTED,
                   "%s is encrypted, which is not supported: decrypt it with \"qemu-img convert\"",
                   path);
  if (q->version == 3)
    {
      if (size < QCOW2_V3_HEADER)
        return refuse (error, VMT_ERROR_CORRUPT, "%s is truncated", path);
      q->incompatible = qcow2_read64 (h + 72);
      q->compatible = qcow2_read64 (h + 80);
      q->autoclear = qcow2_read64 (h + 88);
      q->refcount_order = qcow2_read32 (h + 96);
      q->header_length = qcow2_read32 (h + 100);
      if (q->header_length < QCOW2_V3_HEADER || q->header_length > size ||
          q->header_length % 8 != 0)
        return refuse (error, VMT_ERROR_CORRUPT, "%s: its header has an impossible length of %u",
                       path, q->header_length);
      if (q->header_length > QCOW2_V3_HEADER)
        q->compression = h[104];
    }
  if (q->cluster_bits < QCOW2_MIN_CLUSTER_BITS || q->cluster_bits > QCOW2_MAX_CLUSTER_BITS)
    return refuse (error, VMT_ERROR_CORRUPT, "%s: clusters of 2^%u bytes are out of range", path,
                   q->cluster_bits);
  if (q->refcount_order > 6)
    return refuse (error, VMT_ERROR_CORRUPT, "%s: refcounts of 2^%u bits are out of range", path,
                   q->refcount_order);
  q->cluster_size = G_GUINT64_CONSTANT (1) << q->cluster_bits;
  return TRUE;
}

static gboolean
check_sizes (Qcow2 *q, const char *path, guint32 table_clusters, GError **error)
{
  guint64 per_l1 = G_GUINT64_CONSTANT (1) << (q->cluster_bits + qcow2_l2_bits (q));

  if ((guint64)q->l1_size * 8 > QCOW2_MAX_L1_BYTES)
    return refuse (error, VMT_ERROR_CORRUPT, "%s: its L1 table is too large", path);
  if (q->size / per_l1 + (q->size % per_l1 != 0) > q->l1_size)
    return refuse (error, VMT_ERROR_CORRUPT, "%s: its L1 table is too small for its size", path);
  if (table_clusters == 0 || (guint64)table_clusters << q->cluster_bits > QCOW2_MAX_TABLE_BYTES)
    return refuse (error, VMT_ERROR_CORRUPT, "%s: its refcount table has an impossible size", path);
  if (q->n_snapshots > QCOW2_MAX_SNAPSHOTS)
    return refuse (error, VMT_ERROR_CORRUPT, "%s: it has too many snapshots", path);
  return TRUE;
}

gboolean
qcow2_read_header (Qcow2 *q, const char *path, GError **error)
{
  g_autofree guint8 *bytes = NULL;
  guint64 file_size = vmt_block_file_get_size (q->file);
  guint32 size = MIN (file_size, 1u << QCOW2_MAX_CLUSTER_BITS), table_clusters = 0;
  int rc;

  q->freed = g_array_new (FALSE, FALSE, sizeof (Qcow2Freed));
  qcow2_cache_init (q);
  bytes = g_malloc0 (MAX (size, QCOW2_V3_HEADER));
  rc = vmt_block_file_pread (q->file, bytes, size, 0);
  if (rc != 0)
    return refuse (error, VMT_ERROR_FAILED, "cannot read %s: %s", path, g_strerror (rc));
  if (!read_numbers (q, path, bytes, size, &table_clusters, error))
    return FALSE;
  size = MIN (size, q->cluster_size);
  if (q->header_length > size)
    return refuse (error, VMT_ERROR_CORRUPT, "%s: its header is longer than a cluster", path);
  if (!read_extensions (q, path, bytes, size, error) ||
      !read_backing_name (q, path, bytes, size, qcow2_read64 (bytes + 8), qcow2_read32 (bytes + 16),
                          error) ||
      !check_sizes (q, path, table_clusters, error))
    return FALSE;

  q->l1 = read_table (q, path, "L1 table", q->l1_offset, q->l1_size, error);
  if (q->l1 == NULL)
    return FALSE;
  q->table_size = table_clusters << (q->cluster_bits - 3);
  q->table = read_table (q, path, "refcount table", q->table_offset, q->table_size, error);
  if (q->table == NULL || !measure_snapshots (q, path, error))
    return FALSE;
  q->scratch = g_malloc (q->cluster_size);
  q->packed = g_malloc (2 * q->cluster_size);
  q->unpacked = g_malloc (q->cluster_size);
  return TRUE;
}

void
qcow2_clear (Qcow2 *q)
{
  qcow2_cache_clear (q);
  g_clear_pointer (&q->freed, g_array_unref);
  g_clear_pointer (&q->file, vmt_block_file_close);
  g_free (q->l1);
  g_free (q->table);
  g_free (q->backing_name);
  g_free (q->backing_format);
  g_free (q->scratch);
  g_free (q->packed);
  g_free (q->unpacked);
  memset (q, 0, sizeof *q);
}
