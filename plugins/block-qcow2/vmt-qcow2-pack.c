/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>

#include <zlib.h>
#if HAVE_ZSTD
#include <zstd.h>
#endif

#include "vmt-qcow2.h"

#define SECTOR 512
/* The format's deflate streams have this window. */
#define WINDOW_BITS (-12)

/* In a compressed cluster's entry: bits of the offset; the rest below the flags counts sectors. */
static guint
offset_bits (const Qcow2 *q)
{
  return 62 - (q->cluster_bits - 8);
}

void
qcow2_get_packed (const Qcow2 *q, guint64 entry, guint64 *host, guint64 *size)
{
  guint bits = offset_bits (q);
  guint64 sectors = (entry & (QCOW2_COMPRESSED - 1)) >> bits;

  *host = entry & ((G_GUINT64_CONSTANT (1) << bits) - 1) & (QCOW2_MAX_OFFSET - 1);
  *size = (sectors + 1) * SECTOR - (*host & (SECTOR - 1));
}

static gboolean
unpack_zlib (const guint8 *in, gsize in_size, guint8 *out, gsize out_size)
{
  z_stream stream = { 0 };
  int rc;

  if (inflateInit2 (&stream, WINDOW_BITS) != Z_OK)
    return FALSE;
  stream.next_in = (Bytef *)in;
  stream.avail_in = in_size;
  stream.next_out = out;
  stream.avail_out = out_size;
  rc = inflate (&stream, Z_FINISH);
  inflateEnd (&stream);
  /* Z_BUF_ERROR: padding to whole sectors is left over. */
  return (rc == Z_STREAM_END || rc == Z_BUF_ERROR) && stream.avail_out == 0;
}

#if HAVE_ZSTD
static gboolean
unpack_zstd (const guint8 *in, gsize in_size, guint8 *out, gsize out_size)
{
  ZSTD_DCtx *context = ZSTD_createDCtx ();
  ZSTD_inBuffer from = { in, in_size, 0 };
  ZSTD_outBuffer to = { out, out_size, 0 };
  size_t rc = 1;

  if (context == NULL)
    return FALSE;
  while (to.pos < to.size)
    {
      size_t had_in = from.pos, had_out = to.pos;

      rc = ZSTD_decompressStream (context, &to, &from);
      if (ZSTD_isError (rc) || (from.pos == had_in && to.pos == had_out))
        break;
    }
  ZSTD_freeDCtx (context);
  return !ZSTD_isError (rc) && to.pos == to.size;
}
#endif

int
qcow2_unpack (Qcow2 *q, guint64 entry, const guint8 **data)
{
  guint64 host, size;
  gboolean ok = FALSE;
  int rc;

  *data = q->unpacked;
  if (q->unpacked_entry == entry)
    return 0;
  q->unpacked_entry = 0;
  qcow2_get_packed (q, entry, &host, &size);
  /* What is packed is never larger than two clusters: the count of sectors has as many bits. */
  if (size > 2 * q->cluster_size || host >= vmt_block_file_get_size (q->file))
    return EIO;
  rc = vmt_block_file_pread (q->file, q->packed, size, host);
  if (rc != 0)
    return rc;
  if (q->compression == QCOW2_COMPRESSION_ZLIB)
    ok = unpack_zlib (q->packed, size, q->unpacked, q->cluster_size);
#if HAVE_ZSTD
  else
    ok = unpack_zstd (q->packed, size, q->unpacked, q->cluster_size);
#endif
  if (!ok)
    return EIO;
  q->unpacked_entry = entry;
  return 0;
}

static gsize
pack_zlib (const guint8 *in, guint8 *out, gsize size)
{
  z_stream stream = { 0 };
  int rc;

  if (deflateInit2 (&stream, Z_DEFAULT_COMPRESSION, Z_DEFLATED, WINDOW_BITS, 9,
                    Z_DEFAULT_STRATEGY) != Z_OK)
    return 0;
  stream.next_in = (Bytef *)in;
  stream.avail_in = size;
  stream.next_out = out;
  stream.avail_out = size - 1;
  rc = deflate (&stream, Z_FINISH);
  deflateEnd (&stream);
  return rc == Z_STREAM_END ? size - 1 - stream.avail_out : 0;
}

gsize
qcow2_pack (Qcow2 *q, const guint8 *cluster, guint8 *out)
{
  if (q->compression == QCOW2_COMPRESSION_ZLIB)
    return pack_zlib (cluster, out, q->cluster_size);
#if HAVE_ZSTD
  size_t n =
      ZSTD_compress (out, q->cluster_size - 1, cluster, q->cluster_size, ZSTD_CLEVEL_DEFAULT);

  return ZSTD_isError (n) ? 0 : n;
#else
  return 0;
#endif
}

/* Room for @size packed bytes, behind the last ones if their cluster has it. */
static int
place_packed (Qcow2 *q, gsize size, guint64 *host)
{
  guint64 left = q->pack_at != 0 ? q->cluster_size - (q->pack_at & (q->cluster_size - 1)) : 0;
  guint64 count;
  int rc;

  if (left == q->cluster_size)
    left = 0;
  if (left >= size)
    {
      rc = qcow2_refcount_get (q, q->pack_at >> q->cluster_bits, &count);
      if (rc != 0)
        return rc;
      if (count > 0 && count < qcow2_refcount_max (q))
        {
          *host = q->pack_at;
          q->pack_at += size;
          q->barrier = TRUE;
          return qcow2_refcount_set (q, *host >> q->cluster_bits, count + 1);
        }
    }
  rc = qcow2_allocate (q, 1, host);
  if (rc == 0)
    q->pack_at = *host + size;
  return rc;
}

int
qcow2_write_packed (Qcow2 *q, const guint8 *data, gsize size, guint64 offset)
{
  guint64 host, entry, sectors;
  gsize packed;
  Qcow2Map map;
  int rc;

  if (!qcow2_is_aligned (q, offset) || size > q->cluster_size ||
      (size < q->cluster_size && offset + size != q->size))
    return EINVAL;
  rc = qcow2_map (q, offset, q->cluster_size, &map);
  if (rc != 0)
    return rc;
  if (map.kind != QCOW2_MAP_NONE)
    return EOPNOTSUPP;
  memset (q->scratch, 0, q->cluster_size);
  memcpy (q->scratch, data, size);
  packed = qcow2_pack (q, q->scratch, q->packed);
  if (packed == 0)
    return EOPNOTSUPP;
  rc = place_packed (q, packed, &host);
  if (rc != 0)
    return rc;
  if (host + q->cluster_size >= G_GUINT64_CONSTANT (1) << offset_bits (q))
    return EFBIG;
  rc = vmt_block_file_pwrite (q->file, q->packed, packed, host);
  if (rc != 0)
    return rc;
  q->barrier = TRUE;
  sectors = ((host + packed - 1) >> 9) - (host >> 9);
  entry = QCOW2_COMPRESSED | sectors << offset_bits (q) | host;
  return qcow2_set_entry (q, offset, entry);
}
