/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <zlib.h>

#include "vmt.h"

#define STEP (1u << 20)

#define VMT_TYPE_DECOMPRESS_GZIP (vmt_decompress_gzip_get_type ())
G_DECLARE_FINAL_TYPE (VmtDecompressGzip, vmt_decompress_gzip, VMT, DECOMPRESS_GZIP, VmtDecompressor)

struct _VmtDecompressGzip
{
  VmtDecompressor parent_instance;
};

G_DEFINE_FINAL_TYPE (VmtDecompressGzip, vmt_decompress_gzip, VMT_TYPE_DECOMPRESSOR)

static int
vmt_decompress_gzip_probe (VmtLoader *loader, GBytes *file)
{
  gsize size;
  const guint8 *data = g_bytes_get_data (file, &size);

  return size >= 18 && data[0] == 0x1f && data[1] == 0x8b && data[2] == 8 ? 100 : 0;
}

/* FALSE: what follows the stream is not another member (RFC 1952, section 2.2), but padding. */
static gboolean
has_more_members (z_stream *stream)
{
  return stream->avail_in >= 18 && stream->next_in[0] == 0x1f && stream->next_in[1] == 0x8b;
}

static GBytes *
vmt_decompress_gzip_decompress (VmtDecompressor *self, GBytes *file, guint64 limit, GError **error)
{
  g_autoptr (GByteArray) out = g_byte_array_new ();
  z_stream stream = { 0 };
  gsize size;
  const guint8 *data = g_bytes_get_data (file, &size);
  int rc = Z_OK;

  if (size > G_MAXUINT || inflateInit2 (&stream, 15 + 16) != Z_OK)
    {
      g_set_error_literal (error, VMT_ERROR, VMT_ERROR_UNSUPPORTED,
                           "the gzip file is too large to unpack");
      return NULL;
    }
  stream.next_in = (Bytef *)data;
  stream.avail_in = size;
  while (out->len <= limit)
    {
      guint had = out->len;

      g_byte_array_set_size (out, had + STEP);
      stream.next_out = out->data + had;
      stream.avail_out = STEP;
      rc = inflate (&stream, Z_NO_FLUSH);
      g_byte_array_set_size (out, had + STEP - stream.avail_out);
      if (rc == Z_STREAM_END && has_more_members (&stream))
        rc = inflateReset (&stream);
      if (rc != Z_OK)
        break;
    }
  inflateEnd (&stream);
  if (out->len > limit)
    {
      g_set_error (error, VMT_ERROR, VMT_ERROR_UNSUPPORTED,
                   "the gzip file unpacks to more than the machine's memory of %" G_GUINT64_FORMAT
                   " bytes: give it more memory",
                   limit);
      return NULL;
    }
  if (rc != Z_STREAM_END)
    {
      g_set_error (error, VMT_ERROR, VMT_ERROR_CORRUPT, "the gzip file is %s",
                   rc == Z_BUF_ERROR ? "truncated" : "damaged");
      return NULL;
    }
  return g_byte_array_free_to_bytes (g_steal_pointer (&out));
}

static void
vmt_decompress_gzip_class_init (VmtDecompressGzipClass *klass)
{
  VMT_LOADER_CLASS (klass)->probe = vmt_decompress_gzip_probe;
  VMT_DECOMPRESSOR_CLASS (klass)->decompress = vmt_decompress_gzip_decompress;
}

static void
vmt_decompress_gzip_init (VmtDecompressGzip *self)
{
}

static const VmtFeature features[] = {
  { VMT_FEATURE_LOADER, "decompress-gzip", 0, vmt_decompress_gzip_get_type },
  { 0 },
};

VMT_PLUGIN_DEFINE (decompress_gzip, "decompress-gzip", "Unpacks gzip files", 0, features, NULL);
