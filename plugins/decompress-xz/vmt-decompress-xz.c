/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>

#include <lzma.h>

#include "vmt.h"

#define STEP (1u << 20)
/* "xz -9" needs 65 MiB; a file that asks for more than this was made to hurt. */
#define MEMORY_LIMIT ((guint64)256 << 20)

#define VMT_TYPE_DECOMPRESS_XZ (vmt_decompress_xz_get_type ())
G_DECLARE_FINAL_TYPE (VmtDecompressXz, vmt_decompress_xz, VMT, DECOMPRESS_XZ, VmtDecompressor)

struct _VmtDecompressXz
{
  VmtDecompressor parent_instance;
};

G_DEFINE_FINAL_TYPE (VmtDecompressXz, vmt_decompress_xz, VMT_TYPE_DECOMPRESSOR)

static int
vmt_decompress_xz_probe (VmtLoader *loader, GBytes *file)
{
  gsize size;
  const guint8 *data = g_bytes_get_data (file, &size);

  return size >= 12 && memcmp (data,
                               "\xfd"
                               "7zXZ\0",
                               6) == 0
             ? 100
             : 0;
}

static GBytes *
vmt_decompress_xz_decompress (VmtDecompressor *self, GBytes *file, guint64 limit, GError **error)
{
  g_autoptr (GByteArray) out = g_byte_array_new ();
  lzma_stream stream = LZMA_STREAM_INIT;
  lzma_ret rc;

  rc = lzma_stream_decoder (&stream, MEMORY_LIMIT, 0);
  stream.next_in = g_bytes_get_data (file, &stream.avail_in);
  while (rc == LZMA_OK && out->len <= limit)
    {
      guint had = out->len;

      g_byte_array_set_size (out, had + STEP);
      stream.next_out = out->data + had;
      stream.avail_out = STEP;
      rc = lzma_code (&stream, LZMA_FINISH);
      g_byte_array_set_size (out, had + STEP - stream.avail_out);
    }
  lzma_end (&stream);
  if (out->len > limit)
    {
      g_set_error (error, VMT_ERROR, VMT_ERROR_UNSUPPORTED,
                   "the xz file unpacks to more than the machine's memory of %" G_GUINT64_FORMAT
                   " bytes: give it more memory",
                   limit);
      return NULL;
    }
  if (rc != LZMA_STREAM_END)
    {
      g_set_error (error, VMT_ERROR, rc == LZMA_MEM_ERROR ? VMT_ERROR_FAILED : VMT_ERROR_CORRUPT,
                   "the xz file is %s",
                   rc == LZMA_BUF_ERROR        ? "truncated"
                   : rc == LZMA_MEMLIMIT_ERROR ? "packed with a dictionary of more than 256 MiB"
                   : rc == LZMA_MEM_ERROR      ? "too large for this host's memory"
                                               : "damaged");
      return NULL;
    }
  return g_byte_array_free_to_bytes (g_steal_pointer (&out));
}

static void
vmt_decompress_xz_class_init (VmtDecompressXzClass *klass)
{
  VMT_LOADER_CLASS (klass)->probe = vmt_decompress_xz_probe;
  VMT_DECOMPRESSOR_CLASS (klass)->decompress = vmt_decompress_xz_decompress;
}

static void
vmt_decompress_xz_init (VmtDecompressXz *self)
{
}

static const VmtFeature features[] = {
  { VMT_FEATURE_LOADER, "decompress-xz", 0, vmt_decompress_xz_get_type },
  { 0 },
};

VMT_PLUGIN_DEFINE (decompress_xz, "decompress-xz", "Unpacks xz files", 0, features, NULL);
