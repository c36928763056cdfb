/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>

#include <zstd.h>
#include <zstd_errors.h>

#include "vmt.h"

#define STEP (1u << 20)
/* The kernel's own limit: "zstd --ultra -22" makes windows of 128 MiB. */
#define WINDOW_LOG_MAX 27

#define VMT_TYPE_DECOMPRESS_ZSTD (vmt_decompress_zstd_get_type ())
G_DECLARE_FINAL_TYPE (VmtDecompressZstd, vmt_decompress_zstd, VMT, DECOMPRESS_ZSTD, VmtDecompressor)

struct _VmtDecompressZstd
{
  VmtDecompressor parent_instance;
};

G_DEFINE_FINAL_TYPE (VmtDecompressZstd, vmt_decompress_zstd, VMT_TYPE_DECOMPRESSOR)

static int
vmt_decompress_zstd_probe (VmtLoader *loader, GBytes *file)
{
  gsize size;
  const guint8 *data = g_bytes_get_data (file, &size);

  return size >= 8 && memcmp (data, "\x28\xb5\x2f\xfd", 4) == 0 ? 100 : 0;
}

static GBytes *
vmt_decompress_zstd_decompress (VmtDecompressor *self, GBytes *file, guint64 limit, GError **error)
{
  g_autoptr (GByteArray) out = g_byte_array_new ();
  ZSTD_DStream *stream = ZSTD_createDStream ();
  ZSTD_inBuffer in = { 0 };
  size_t rc = 0;
  gboolean stuck = FALSE;

  if (stream == NULL)
    {
      g_set_error_literal (error, VMT_ERROR, VMT_ERROR_FAILED, "no memory to unpack the zstd file");
      return NULL;
    }
  ZSTD_DCtx_setParameter (stream, ZSTD_d_windowLogMax, WINDOW_LOG_MAX);
  in.src = g_bytes_get_data (file, &in.size);
  /* Frames may follow one another; zero means that one has ended. */
  do
    {
      guint had = out->len;
      size_t had_in = in.pos;
      ZSTD_outBuffer piece;

      g_byte_array_set_size (out, had + STEP);
      piece = (ZSTD_outBuffer){ out->data + had, STEP, 0 };
      rc = ZSTD_decompressStream (stream, &piece, &in);
      g_byte_array_set_size (out, had + piece.pos);
      stuck = piece.pos == 0 && in.pos == had_in;
    }
  while (!ZSTD_isError (rc) && !stuck && (rc != 0 || in.pos < in.size) && out->len <= limit);
  ZSTD_freeDStream (stream);
  if (out->len > limit)
    {
      g_set_error (error, VMT_ERROR, VMT_ERROR_UNSUPPORTED,
                   "the zstd file unpacks to more than the machine's memory of %" G_GUINT64_FORMAT
                   " bytes: give it more memory",
                   limit);
      return NULL;
    }
  /* Kernels carry padding after the frame: what was unpacked whole is good. */
  if (ZSTD_isError (rc) && out->len > 0 && ZSTD_getErrorCode (rc) == ZSTD_error_prefix_unknown)
    rc = 0;
  if (rc != 0)
    {
      g_set_error (error, VMT_ERROR, VMT_ERROR_CORRUPT, "the zstd file is %s%s",
                   ZSTD_isError (rc) ? "damaged: " : "truncated",
                   ZSTD_isError (rc) ? ZSTD_getErrorName (rc) : "");
      return NULL;
    }
  return g_byte_array_free_to_bytes (g_steal_pointer (&out));
}

static void
vmt_decompress_zstd_class_init (VmtDecompressZstdClass *klass)
{
  VMT_LOADER_CLASS (klass)->probe = vmt_decompress_zstd_probe;
  VMT_DECOMPRESSOR_CLASS (klass)->decompress = vmt_decompress_zstd_decompress;
}

static void
vmt_decompress_zstd_init (VmtDecompressZstd *self)
{
}

static const VmtFeature features[] = {
  { VMT_FEATURE_LOADER, "decompress-zstd", 0, vmt_decompress_zstd_get_type },
  { 0 },
};

VMT_PLUGIN_DEFINE (decompress_zstd, "decompress-zstd", "Unpacks zstd files", 0, features, NULL);
