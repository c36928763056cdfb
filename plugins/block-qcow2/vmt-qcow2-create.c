/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>

#include <glib/gstdio.h>

#include "vmt-qcow2.h"

typedef struct
{
  guint version, cluster_bits, refcount_order, compression;
  const char *backing, *backing_format;
  guint64 size;
} Plan;

static gboolean
bad_option (GError **error, const char *name, const char *text, const char *allowed)
{
  g_set_error (error, VMT_ERROR, VMT_ERROR_INVALID, "qcow2 option %s=%s: allowed is %s", name, text,
               allowed);
  return FALSE;
}

/* Exponent of a power of two from @min to @max. */
static gboolean
parse_power (const char *text, guint64 min, guint64 max, guint *exponent)
{
  guint64 value;

  if (!vmt_parse_size (text, &value, NULL) || value < min || value > max ||
      (value & (value - 1)) != 0)
    return FALSE;
  *exponent = __builtin_ctzll (value);
  return TRUE;
}

/* Options may come as text or as numbers. */
static char *
dup_text (GVariant *value)
{
  if (g_variant_is_of_type (value, G_VARIANT_TYPE_STRING))
    return g_variant_dup_string (value, NULL);
  return g_variant_print (value, FALSE);
}

static gboolean
read_option (Plan *plan, const char *name, GVariant *value, GError **error)
{
  g_autofree char *text = dup_text (value);

  if (strcmp (name, "backing") == 0)
    plan->backing = *text != '\0' ? g_intern_string (text) : NULL;
  else if (strcmp (name, "backing-format") == 0)
    plan->backing_format = *text != '\0' ? g_intern_string (text) : NULL;
  else if (strcmp (name, "cluster-size") == 0)
    {
      if (!parse_power (text, 512, 2 << 20, &plan->cluster_bits))
        return bad_option (error, name, text, "a power of two from 512 to 2M");
    }
  else if (strcmp (name, "refcount-bits") == 0)
    {
      if (!parse_power (text, 1, 64, &plan->refcount_order))
        return bad_option (error, name, text, "1, 2, 4, 8, 16, 32 or 64");
    }
  else if (strcmp (name, "version") == 0)
    {
      if (strcmp (text, "2") != 0 && strcmp (text, "3") != 0)
        return bad_option (error, name, text, "2 or 3");
      plan->version = text[0] - '0';
    }
  else if (strcmp (name, "compression") == 0)
    {
      if (strcmp (text, "zstd") == 0 && HAVE_ZSTD)
        plan->compression = QCOW2_COMPRESSION_ZSTD;
      else if (strcmp (text, "zlib") != 0)
        return bad_option (error, name, text, HAVE_ZSTD ? "zlib or zstd" : "zlib");
    }
  else
    {
      static const char *const names[] = {
        "backing", "backing-format", "cluster-size", "refcount-bits", "version", "compression", NULL
      };
      const char *nearest = vmt_nearest_name (name, names);

      g_set_error (error, VMT_ERROR, VMT_ERROR_NOT_FOUND,
                   "qcow2 images have no option \"%s\"%s%s%s", name,
                   nearest != NULL ? ": did you mean \"" : "", nearest != NULL ? nearest : "",
                   nearest != NULL ? "\"?" : "");
      return FALSE;
    }
  return TRUE;
}

/* The backing image must be there, and tells the size when none was given. */
static gboolean
look_at_backing (Plan *plan, const char *path, GError **error)
{
  g_autofree char *folder = g_path_get_dirname (path);
  g_autofree char *name = g_path_is_absolute (plan->backing)
                              ? g_strdup (plan->backing)
                              : g_build_filename (folder, plan->backing, NULL);
  g_autoptr (VmtBlock) backing = vmt_block_new_for_path (name, plan->backing_format, TRUE, error);
  const char *format;

  if (backing == NULL)
    return FALSE;
  g_object_ref_sink (backing);
  format = VMT_BLOCK_GET_CLASS (backing)->format;
  if (!vmt_backend_open (VMT_BACKEND (backing), NULL, error))
    return FALSE;
  if (plan->size == 0)
    plan->size = vmt_block_get_length (backing);
  plan->backing_format = g_intern_string (format);
  vmt_backend_close (VMT_BACKEND (backing));
  return TRUE;
}

static int
write_image (VmtBlockFile *file, const Plan *plan, GError **error)
{
  guint64 cluster = G_GUINT64_CONSTANT (1) << plan->cluster_bits;
  guint64 per_l1 = cluster * (cluster / 8);
  guint64 l1_size = plan->size / per_l1 + (plan->size % per_l1 != 0);
  guint64 l1_clusters = MAX ((l1_size * 8 + cluster - 1) / cluster, 1);
  guint64 per_block = cluster * 8 >> plan->refcount_order;
  guint64 blocks = 1, tables = 1, all, at;
  g_autofree guint8 *bytes = g_malloc0 (cluster);
  Qcow2 q = { .refcount_order = plan->refcount_order };
  guint8 *next;
  int rc = 0;

  if (l1_size * 8 > QCOW2_MAX_L1_BYTES)
    {
      g_set_error (error, VMT_ERROR, VMT_ERROR_INVALID,
                   "a disk of %" G_GUINT64_FORMAT
                   " bytes is too large for clusters of %" G_GUINT64_FORMAT
                   " bytes: set a larger cluster-size",
                   plan->size, cluster);
      return -1;
    }
  /* Header, refcount table, its blocks, L1 table: the blocks count all of it. */
  for (;;)
    {
      all = 1 + tables + blocks + l1_clusters;
      if (blocks * per_block < all)
        blocks++;
      else if (tables * (cluster / 8) < blocks)
        tables++;
      else
        break;
    }

  for (guint64 i = 0; i < blocks && rc == 0; i++)
    {
      memset (bytes, 0, cluster);
      for (guint64 k = 0; k < per_block && i * per_block + k < all; k++)
        qcow2_set_table_count (&q, bytes, k, 1);
      rc = vmt_block_file_pwrite (file, bytes, cluster, (1 + tables + i) * cluster);
    }
  for (guint64 i = 0; i < blocks && rc == 0; i++)
    {
      qcow2_write64 (bytes, (1 + tables + i) * cluster);
      rc = vmt_block_file_pwrite (file, bytes, 8, cluster + 8 * i);
    }
  /* The empty L1 table is a hole; the file reaches to its end. */
  if (rc == 0)
    rc = vmt_block_file_truncate (file, all * cluster);

  memset (bytes, 0, cluster);
  qcow2_write32 (bytes, QCOW2_MAGIC);
  qcow2_write32 (bytes + 4, plan->version);
  qcow2_write32 (bytes + 20, plan->cluster_bits);
  qcow2_write64 (bytes + 24, plan->size);
  qcow2_write32 (bytes + 36, l1_size);
  qcow2_write64 (bytes + 40, (1 + tables + blocks) * cluster);
  qcow2_write64 (bytes + 48, cluster);
  qcow2_write32 (bytes + 56, tables);
  next = bytes + QCOW2_V2_HEADER;
  if (plan->version >= 3)
    {
      if (plan->compression != QCOW2_COMPRESSION_ZLIB)
        qcow2_write64 (bytes + 72, QCOW2_INCOMPATIBLE_COMPRESSION);
      qcow2_write32 (bytes + 96, plan->refcount_order);
      qcow2_write32 (bytes + 100, QCOW2_V3_HEADER + 8);
      bytes[104] = plan->compression;
      next = bytes + QCOW2_V3_HEADER + 8;
    }
  if (plan->backing_format != NULL && plan->backing != NULL)
    {
      gsize length = MIN (strlen (plan->backing_format), 63);

      qcow2_write32 (next, QCOW2_EXT_BACKING_FORMAT);
      qcow2_write32 (next + 4, length);
      memcpy (next + 8, plan->backing_format, length);
      next += 8 + ((length + 7) & ~(gsize)7);
    }
  next += 8; /* the end of the extensions */
  if (plan->backing != NULL)
    {
      gsize length = strlen (plan->backing);

      at = next - bytes;
      if (length > 1023 || at + length > cluster)
        {
          g_set_error (error, VMT_ERROR, VMT_ERROR_INVALID,
                       "the name of the backing file is too long: %s", plan->backing);
          return -1;
        }
      qcow2_write64 (bytes + 8, at);
      qcow2_write32 (bytes + 16, length);
      memcpy (next, plan->backing, length);
    }
  if (rc == 0)
    rc = vmt_block_file_pwrite (file, bytes, cluster, 0);
  if (rc == 0)
    rc = vmt_block_file_flush (file);
  return rc;
}

gboolean
qcow2_create (const char *path, guint64 size, GVariant *options, GError **error)
{
  Plan plan = { .version = 3, .cluster_bits = 16, .refcount_order = 4, .size = size };
  g_autoptr (VmtBlockFile) file = NULL;
  GVariantIter iter;
  const char *name;
  GVariant *value;
  int rc;

  g_variant_iter_init (&iter, options);
  while (g_variant_iter_next (&iter, "{&sv}", &name, &value))
    {
      g_autoptr (GVariant) held = value;

      if (!read_option (&plan, name, held, error))
        return FALSE;
    }
  if (plan.version == 2 && (plan.refcount_order != 4 || plan.compression != 0))
    {
      g_set_error_literal (error, VMT_ERROR, VMT_ERROR_INVALID,
                           "qcow2 of version 2 has 16-bit refcounts and zlib only");
      return FALSE;
    }
  if (plan.backing != NULL && !look_at_backing (&plan, path, error))
    return FALSE;
  file = vmt_block_file_create (path, error);
  if (file == NULL)
    return FALSE;
  rc = write_image (file, &plan, error);
  if (rc == 0)
    return TRUE;
  if (rc > 0)
    g_set_error (error, VMT_ERROR, VMT_ERROR_FAILED, "cannot write %s: %s", path, g_strerror (rc));
  g_unlink (path);
  return FALSE;
}
