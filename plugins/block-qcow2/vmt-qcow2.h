/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <string.h>

#include "vmt.h"

G_BEGIN_DECLS

/* The format as docs/interop/qcow2.txt of QEMU describes it; all of it is big endian. Image files
 * are hostile: every number that comes from one is checked where it is used, and decides about no
 * allocation that is not bounded by a constant. */

#define QCOW2_MAGIC 0x514649fb
#define QCOW2_V2_HEADER 72
#define QCOW2_V3_HEADER 104
#define QCOW2_HEADER_MAX 4096

#define QCOW2_INCOMPATIBLE_DIRTY (G_GUINT64_CONSTANT (1) << 0)
#define QCOW2_INCOMPATIBLE_CORRUPT (G_GUINT64_CONSTANT (1) << 1)
#define QCOW2_INCOMPATIBLE_DATA_FILE (G_GUINT64_CONSTANT (1) << 2)
#define QCOW2_INCOMPATIBLE_COMPRESSION (G_GUINT64_CONSTANT (1) << 3)
#define QCOW2_INCOMPATIBLE_EXTENDED_L2 (G_GUINT64_CONSTANT (1) << 4)
#define QCOW2_COMPATIBLE_LAZY (G_GUINT64_CONSTANT (1) << 0)
#define QCOW2_AUTOCLEAR_BITMAPS (G_GUINT64_CONSTANT (1) << 0)

#define QCOW2_EXT_END 0
#define QCOW2_EXT_BACKING_FORMAT 0xe2792aca
#define QCOW2_EXT_FEATURES 0x6803f857

#define QCOW2_COMPRESSION_ZLIB 0
#define QCOW2_COMPRESSION_ZSTD 1

#define QCOW2_MIN_CLUSTER_BITS 9
#define QCOW2_MAX_CLUSTER_BITS 21
/* The limits of QEMU: what it makes we read. */
#define QCOW2_MAX_L1_BYTES (32u << 20)
#define QCOW2_MAX_TABLE_BYTES (8u << 20)
#define QCOW2_MAX_SNAPSHOTS 65536
#define QCOW2_MAX_SNAPSHOT_BYTES (64u << 20)

/* Entries of L1, L2 and refcount tables. */
#define QCOW2_COPIED (G_GUINT64_CONSTANT (1) << 63)
#define QCOW2_COMPRESSED (G_GUINT64_CONSTANT (1) << 62)
#define QCOW2_ZERO (G_GUINT64_CONSTANT (1) << 0)
#define QCOW2_OFFSET_MASK G_GUINT64_CONSTANT (0x00fffffffffffe00)
/* One past what an entry can point to. */
#define QCOW2_MAX_OFFSET (G_GUINT64_CONSTANT (1) << 56)

/* A cluster of metadata in memory. */
typedef enum
{
  QCOW2_TABLE_L2,
  QCOW2_TABLE_REFCOUNTS
} Qcow2TableKind;
typedef struct
{
  guint64 offset;
  Qcow2TableKind kind;
  guint pins;
  gboolean dirty;
  guint64 used;
  guint8 *data;
} Qcow2Table;

/* Clusters whose references are gone from memory, but perhaps not yet from the disk: until then
 * nothing may be written into them. */
typedef struct
{
  guint64 first, count;
} Qcow2Freed;

typedef struct
{
  VmtBlockFile *file;
  gboolean readonly;
  /* Found to be damaged: nothing is written any more. */
  gboolean corrupt;

  guint version, cluster_bits, refcount_order;
  guint64 cluster_size, size;
  guint64 incompatible, compatible, autoclear;
  guint compression;
  guint32 header_length;
  char *backing_name, *backing_format;
  VmtBlock *backing; /* (nullable), open */

  /* Host byte order. */
  guint64 l1_offset, *l1;
  guint32 l1_size;
  guint32 l1_dirty_from, l1_dirty_to; /* entries, the second excluded */
  guint64 table_offset, *table;       /* of refcount blocks */
  guint32 table_size;
  guint64 snapshots_offset;
  guint32 n_snapshots;
  guint64 snapshots_size; /* bytes of their table */

  GHashTable *tables; /* offset -> Qcow2Table */
  guint max_tables;
  guint64 tick;
  /* Data or refcounts have been written that must be on the disk before a mapping that relies on
   * them. */
  gboolean barrier;

  guint64 free_hint; /* cluster */
  GArray *freed;     /* Qcow2Freed */

  guint8 *scratch;        /* a cluster */
  guint8 *packed;         /* two clusters: what compressed data is read into */
  guint8 *unpacked;       /* the cluster unpacked last, */
  guint64 unpacked_entry; /* which is this one; 0: none */
  guint64 pack_at;        /* where the next compressed bytes go; 0: nowhere yet */
} Qcow2;

static inline guint64
qcow2_read64 (const guint8 *data)
{
  guint64 value;

  memcpy (&value, data, sizeof value);
  return GUINT64_FROM_BE (value);
}
static inline void
qcow2_write64 (guint8 *data, guint64 value)
{
  value = GUINT64_TO_BE (value);
  memcpy (data, &value, sizeof value);
}
static inline guint32
qcow2_read32 (const guint8 *data)
{
  guint32 value;

  memcpy (&value, data, sizeof value);
  return GUINT32_FROM_BE (value);
}
static inline void
qcow2_write32 (guint8 *data, guint32 value)
{
  value = GUINT32_TO_BE (value);
  memcpy (data, &value, sizeof value);
}

static inline guint
qcow2_l2_bits (const Qcow2 *q)
{
  return q->cluster_bits - 3;
}
static inline guint
qcow2_refcounts_bits (const Qcow2 *q)
{
  return q->cluster_bits + 3 - q->refcount_order;
}
static inline guint64
qcow2_refcount_max (const Qcow2 *q)
{
  return q->refcount_order == 6 ? G_MAXINT64
                                : (G_GUINT64_CONSTANT (1) << (1u << q->refcount_order)) - 1;
}
static inline gboolean
qcow2_is_aligned (const Qcow2 *q, guint64 offset)
{
  return (offset & (q->cluster_size - 1)) == 0;
}

/* Damage was found: remembers it, in the image too, and gives EIO. */
int qcow2_set_corrupt (Qcow2 *q);

/* vmt-qcow2-header.c: fills @q, which has @file and @readonly, from the file; checks everything
 * that can be checked at once. */
gboolean qcow2_read_header (Qcow2 *q, const char *path, GError **error);
/* The feature bits of version 3. */
int qcow2_write_features (Qcow2 *q);
void qcow2_clear (Qcow2 *q);

/* vmt-qcow2-cache.c. A table stays where it is until it is put back. */
int qcow2_table_get (Qcow2 *q, guint64 offset, Qcow2TableKind kind, Qcow2Table **table);
/* A zeroed one for a cluster that was just allocated. */
int qcow2_table_new (Qcow2 *q, guint64 offset, Qcow2TableKind kind, Qcow2Table **table);
void qcow2_table_put (Qcow2Table *table);
void qcow2_table_drop (Qcow2 *q, guint64 offset);
void qcow2_cache_init (Qcow2 *q);
void qcow2_cache_clear (Qcow2 *q);
/* Metadata to the file, in an order that leaves at most unused clusters behind wherever it is cut
 * off. */
int qcow2_write_back (Qcow2 *q);
/* That, to the disk; then what was freed may be used again. */
int qcow2_flush (Qcow2 *q);

/* vmt-qcow2-refcount.c; clusters by number. */
int qcow2_refcount_get (Qcow2 *q, guint64 cluster, guint64 *count);
int qcow2_refcount_set (Qcow2 *q, guint64 cluster, guint64 count);
/* @count clusters in a row, with refcount 1; *@offset in bytes. */
int qcow2_allocate (Qcow2 *q, guint64 count, guint64 *offset);
/* Once its mapping is gone from memory. */
int qcow2_free (Qcow2 *q, guint64 offset, guint64 count);
/* The clusters of an L2 entry's data. */
int qcow2_free_entry (Qcow2 *q, guint64 entry);
/* Called by qcow2_flush(). */
int qcow2_release_freed (Qcow2 *q);
guint64 qcow2_get_table_count (const Qcow2 *q, guint8 *block, guint64 index);
void qcow2_set_table_count (const Qcow2 *q, guint8 *block, guint64 index, guint64 count);
/* @offset is where the header or a table stands that is always in use: nothing else may be there.
 */
gboolean qcow2_is_metadata (Qcow2 *q, guint64 offset);

/* vmt-qcow2-map.c */
typedef enum
{
  QCOW2_MAP_NONE,
  QCOW2_MAP_ZERO,
  QCOW2_MAP_DATA,
  QCOW2_MAP_PACKED
} Qcow2MapKind;
/**
 * Qcow2Map:
 * @host: where the first byte is; DATA only
 * @entry: of the first cluster
 * @run: bytes from the offset asked for that are the same kind, and in a row
 */
typedef struct
{
  Qcow2MapKind kind;
  guint64 host, entry, run;
  gboolean copied; /* ours alone */
} Qcow2Map;
Qcow2MapKind qcow2_get_kind (const Qcow2 *q, guint64 entry);
int qcow2_map (Qcow2 *q, guint64 offset, guint64 size, Qcow2Map *map);
/* The table of @offset, ours alone, to be written to; *@index in it. Put it back. @create: makes
 * one if there is none, else *@table is NULL. */
int qcow2_get_l2 (Qcow2 *q, guint64 offset, gboolean create, Qcow2Table **table, guint *index);
int qcow2_set_entry (Qcow2 *q, guint64 offset, guint64 entry);

/* vmt-qcow2-pack.c */
void qcow2_get_packed (const Qcow2 *q, guint64 entry, guint64 *host, guint64 *size);
/* The cluster of @entry, valid until the next call. */
int qcow2_unpack (Qcow2 *q, guint64 entry, const guint8 **data);
/* Compressed data of a whole cluster into @out, of a cluster's size; 0 when it does not shrink. */
gsize qcow2_pack (Qcow2 *q, const guint8 *cluster, guint8 *out);
int qcow2_write_packed (Qcow2 *q, const guint8 *data, gsize size, guint64 offset);

/* vmt-qcow2-io.c */
int qcow2_read (Qcow2 *q, const VmtIoVec *iov, guint n_iov, guint64 offset, guint64 size);
int qcow2_write (Qcow2 *q, const VmtIoVec *iov, guint n_iov, guint64 offset, guint64 size);
int qcow2_discard (Qcow2 *q, guint64 offset, guint64 size);
int qcow2_write_zeroes (Qcow2 *q, guint64 offset, guint64 size, gboolean unmap);
gboolean qcow2_is_zero (Qcow2 *q, guint64 offset, guint64 size, guint64 *run);

/* vmt-qcow2-create.c */
gboolean qcow2_create (const char *path, guint64 size, GVariant *options, GError **error);
/* vmt-qcow2-resize.c */
gboolean qcow2_resize (Qcow2 *q, const char *path, guint64 size, GError **error);
/* vmt-qcow2-check.c */
gboolean qcow2_check (Qcow2 *q, gboolean repair, GPtrArray *findings, guint *n_errors,
                      guint *n_leaks, GError **error);

G_END_DECLS
