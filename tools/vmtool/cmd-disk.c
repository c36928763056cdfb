/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "vmtool.h"

#include <errno.h>
#include <glib/gstdio.h>

#define CHUNK (1u << 20)
#define CLUSTER (64u << 10)

static VmtBlockClass *
find_format (const char *format, GError **error)
{
  GType type =
      vmt_registry_get_type_of (vmt_registry_get_default (), VMT_FEATURE_BLOCK, format, error);

  return type != G_TYPE_INVALID ? g_type_class_ref (type) : NULL;
}

static VmtBlock *
open_with (const char *path, const char *format, gboolean readonly, gboolean checking,
           GError **error)
{
  VmtBlock *block = vmt_block_new_for_path (path, format, readonly, error);

  if (block == NULL)
    return NULL;
  if (g_object_is_floating (block))
    g_object_ref_sink (block);
  g_object_set (block, "checking", checking, NULL);
  if (!vmt_backend_open (VMT_BACKEND (block), NULL, error))
    {
      g_object_unref (block);
      return NULL;
    }
  return block;
}

static VmtBlock *
open_image (const char *path, const char *format, gboolean readonly, GError **error)
{
  return open_with (path, format, readonly, FALSE, error);
}

static char *
guess_format (const char *path, const char *format)
{
  if (format != NULL)
    return g_strdup (format);
  return g_strdup (g_str_has_suffix (path, ".qcow2") ? "qcow2" : "raw");
}

static gboolean
create_image (const char *path, const char *format, guint64 size, const char *backing,
              const char *backing_format, const char *compression, gboolean force, GError **error)
{
  VmtBlockClass *klass = find_format (format, error);
  GVariantDict options;
  g_autoptr (GVariant) variant = NULL;
  gboolean ok;

  if (klass == NULL)
    return FALSE;
  if (klass->create == NULL)
    {
      g_set_error (error, VMT_ERROR, VMT_ERROR_UNSUPPORTED,
                   _ ("images of format \"%s\" cannot be created"), format);
      g_type_class_unref (klass);
      return FALSE;
    }
  if (!force && g_file_test (path, G_FILE_TEST_EXISTS))
    {
      g_set_error (error, VMT_ERROR, VMT_ERROR_BUSY,
                   _ ("%s exists already: --force replaces it and what it holds"), path);
      g_type_class_unref (klass);
      return FALSE;
    }
  if (force && g_file_test (path, G_FILE_TEST_EXISTS))
    {
      /* not while a machine uses it: then the lock is refused */
      VmtBlockFile *old = vmt_block_file_open (path, FALSE, NULL, error);

      if (old == NULL)
        {
          g_type_class_unref (klass);
          return FALSE;
        }
      g_remove (path);
      vmt_block_file_close (old);
    }
  g_variant_dict_init (&options, NULL);
  if (backing != NULL)
    g_variant_dict_insert (&options, "backing", "s", backing);
  if (backing_format != NULL)
    g_variant_dict_insert (&options, "backing-format", "s", backing_format);
  if (compression != NULL)
    g_variant_dict_insert (&options, "compression", "s", compression);
  variant = g_variant_ref_sink (g_variant_dict_end (&options));
  ok = klass->create (path, size, variant, error);
  g_type_class_unref (klass);
  return ok;
}

static int
info (const char *path, const char *format, gboolean json)
{
  GError *error = NULL;
  g_autoptr (VmtBlock) block = open_image (path, format, TRUE, &error);
  g_autoptr (GVariant) details = NULL;
  GVariantIter iter;
  const char *key;
  GVariant *value;

  if (block == NULL)
    return report_error (error);
  details = vmt_block_get_info (block);
  if (json)
    {
      print_json (json_gvariant_serialize (details));
      return EXIT_OK;
    }
  puts (path);
  g_variant_iter_init (&iter, details);
  while (g_variant_iter_next (&iter, "{&sv}", &key, &value))
    {
      g_autofree char *text = NULL;

      if (g_variant_is_of_type (value, G_VARIANT_TYPE_STRING))
        text = g_variant_dup_string (value, NULL);
      else if (g_variant_is_of_type (value, G_VARIANT_TYPE_UINT64))
        text = vmt_format_size (g_variant_get_uint64 (value));
      else
        text = g_variant_print (value, FALSE);
      if (!g_str_equal (key, "path"))
        printf ("  %-20s %s\n", key, text);
      g_variant_unref (value);
    }
  return EXIT_OK;
}

static gboolean
copy (VmtBlock *from, VmtBlock *to, gboolean compressed, GError **error)
{
  /* compressed data comes in whole clusters, of the size that new images have */
  guint64 chunk = compressed ? CLUSTER : CHUNK;
  guint64 length = vmt_block_get_length (from);
  VmtBlockClass *klass = VMT_BLOCK_GET_CLASS (from);
  g_autofree guint8 *buffer = g_malloc (CHUNK);
  g_autofree guint8 *zero = g_malloc0 (CHUNK);
  int status = 0;

  for (guint64 offset = 0; offset < length && status == 0;)
    {
      guint64 size = MIN (chunk, length - offset), run = 0;

      if (klass->is_zero == NULL || !klass->is_zero (from, offset, length - offset, &run))
        run = 0;
      if (compressed && run < length - offset)
        run &= ~(guint64)(CLUSTER - 1);
      if (run > 0)
        {
          offset += run;
          continue;
        }
      status = vmt_block_pread (from, buffer, size, offset);
      /* a new image reads as zeroes: those need not be written */
      if (status == 0 && memcmp (buffer, zero, size) != 0)
        status = compressed ? vmt_block_write_compressed (to, buffer, size, offset)
                            : vmt_block_pwrite (to, buffer, size, offset);
      offset += size;
    }
  if (status == 0)
    status = vmt_block_flush (to);
  if (status != 0)
    g_set_error (error, G_FILE_ERROR, g_file_error_from_errno (status), _ ("copying failed: %s"),
                 g_strerror (status));
  return status == 0;
}

static int
convert (const char *source, const char *source_format, const char *target,
         const char *target_format, const char *compression, gboolean force)
{
  g_autofree char *format = guess_format (target, target_format);
  GError *error = NULL;
  g_autoptr (VmtBlock) from = open_image (source, source_format, TRUE, &error);
  g_autoptr (VmtBlock) to = NULL;
  gboolean existed = g_file_test (target, G_FILE_TEST_EXISTS);

  if (from == NULL)
    return report_error (error);
  if (!create_image (target, format, vmt_block_get_length (from), NULL, NULL, compression, force,
                     &error))
    return report_error (error);
  to = open_image (target, format, FALSE, &error);
  if (to != NULL && copy (from, to, compression != NULL, &error))
    {
      vmt_backend_close (VMT_BACKEND (to));
      return EXIT_OK;
    }
  /* half an image is worse than none */
  if (to != NULL)
    vmt_backend_close (VMT_BACKEND (to));
  if (!existed)
    g_remove (target);
  return report_error (error);
}

static int
resize (const char *path, const char *format, const char *text, gboolean shrink)
{
  GError *error = NULL;
  g_autoptr (VmtBlock) block = NULL;
  gboolean relative = *text == '+';
  guint64 size;

  if (!vmt_parse_size (text + relative, &size, &error))
    return report_error (error);
  block = open_image (path, format, FALSE, &error);
  if (block == NULL)
    return report_error (error);
  if (relative && size > G_MAXINT64 - vmt_block_get_length (block))
    return report_usage ("disk", _ ("%s is too much"), text);
  size += relative ? vmt_block_get_length (block) : 0;
  if (size < vmt_block_get_length (block) && !shrink)
    {
      g_autofree char *now = vmt_format_size (vmt_block_get_length (block));
      g_set_error (
          &error, VMT_ERROR, VMT_ERROR_INVALID,
          _ ("%s has %s: making it smaller loses what is beyond; --shrink does it all the same"),
          path, now);
      return report_error (error);
    }
  if (VMT_BLOCK_GET_CLASS (block)->resize == NULL)
    {
      g_set_error (&error, VMT_ERROR, VMT_ERROR_UNSUPPORTED,
                   _ ("%s: images of this format cannot be resized"), path);
      return report_error (error);
    }
  if (!VMT_BLOCK_GET_CLASS (block)->resize (block, size, &error))
    return report_error (error);
  vmt_backend_close (VMT_BACKEND (block));
  return EXIT_OK;
}

static int
check (const char *path, const char *format, gboolean repair, gboolean json)
{
  g_autoptr (GPtrArray) findings = g_ptr_array_new_with_free_func (g_free);
  GError *error = NULL;
  g_autoptr (VmtBlock) block = open_with (path, format, !repair, TRUE, &error);
  guint errors = 0, leaks = 0;

  if (block == NULL)
    return report_error (error);
  if (VMT_BLOCK_GET_CLASS (block)->check != NULL &&
      !VMT_BLOCK_GET_CLASS (block)->check (block, repair, findings, &errors, &leaks, &error))
    return report_error (error);
  if (json)
    {
      JsonObject *object = json_object_new ();
      JsonArray *array = json_array_new ();
      JsonNode *node = json_node_alloc ();

      for (guint i = 0; i < findings->len; i++)
        json_array_add_string_element (array, findings->pdata[i]);
      json_object_set_string_member (object, "path", path);
      json_object_set_int_member (object, "errors", errors);
      json_object_set_int_member (object, "leaks", leaks);
      json_object_set_array_member (object, "findings", array);
      print_json (json_node_init_object (node, object));
      json_object_unref (object);
    }
  else
    {
      for (guint i = 0; i < findings->len; i++)
        printf ("%s\n", (char *)findings->pdata[i]);
      printf (_ ("%s: %u errors, %u leaked clusters\n"), path, errors, leaks);
    }
  return errors > 0 ? EXIT_ERROR : EXIT_OK;
}

int
cmd_disk (int argc, char **argv)
{
  static const char *const verbs[] = { "create", "info", "convert", "resize", "check", NULL };
  g_autofree char *format = NULL, *source_format = NULL, *backing = NULL, *backing_format = NULL,
                  *compression = NULL;
  gboolean json = FALSE, force = FALSE, shrink = FALSE, repair = FALSE;
  const GOptionEntry entries[] = {
    { "format", 'f', 0, G_OPTION_ARG_STRING, &format,
      N_ ("The image's format, for convert the target's: raw or qcow2"), N_ ("FORMAT") },
    { "source-format", 'F', 0, G_OPTION_ARG_STRING, &source_format,
      N_ ("convert: the source's format (default: probed)"), N_ ("FORMAT") },
    { "backing", 'b', 0, G_OPTION_ARG_FILENAME, &backing,
      N_ ("create: the image that this one is based on"), N_ ("FILE") },
    { "backing-format", 'B', 0, G_OPTION_ARG_STRING, &backing_format,
      N_ ("create: its format (default: probed now)"), N_ ("FORMAT") },
    { "compression", 'c', 0, G_OPTION_ARG_STRING, &compression,
      N_ ("Compression that the image is made for: zlib or zstd"), N_ ("TYPE") },
    { "force", 0, 0, G_OPTION_ARG_NONE, &force, N_ ("Replace an existing file"), NULL },
    { "shrink", 0, 0, G_OPTION_ARG_NONE, &shrink, N_ ("resize: allow a smaller size"), NULL },
    { "repair", 'r', 0, G_OPTION_ARG_NONE, &repair, N_ ("check: give leaked clusters back"), NULL },
    { "json", 'j', 0, G_OPTION_ARG_NONE, &json, N_ ("Print JSON"), NULL },
    G_OPTION_ENTRY_NULL,
  };
  GError *error = NULL;
  const char *verb;
  int status;

  if (!parse_options (
          "disk",
          "create FILE SIZE | info FILE | convert FROM TO | resize FILE [+]SIZE | check FILE",
          _ ("Works on disk images. No machine may be using them."), entries, &argc, &argv,
          &status))
    return status;
  if (argc < 2)
    return report_usage ("disk", _ ("what shall be done? create, info, convert, resize or check"));
  verb = argv[1];
  if (!g_strv_contains (verbs, verb))
    {
      const char *near = vmt_nearest_name (verb, verbs);
      return near != NULL
                 ? report_usage ("disk", _ ("\"disk %s\" is not known; did you mean \"%s\"?"), verb,
                                 near)
                 : report_usage ("disk", _ ("\"disk %s\" is not known"), verb);
    }
  if (g_str_equal (verb, "create"))
    {
      g_autofree char *chosen = NULL;
      guint64 size = 0;

      if (argc != 4 && !(argc == 3 && backing != NULL))
        return report_usage ("disk", _ ("\"disk create\" takes a file and a size"));
      if (argc == 4 && !vmt_parse_size (argv[3], &size, &error))
        return report_error (error);
      if (argc == 3)
        {
          g_autoptr (VmtBlock) base = open_image (backing, backing_format, TRUE, &error);
          if (base == NULL)
            return report_error (error);
          size = vmt_block_get_length (base);
        }
      chosen = guess_format (argv[2], format != NULL || backing == NULL ? format : "qcow2");
      return create_image (argv[2], chosen, size, backing, backing_format, compression, force,
                           &error)
                 ? EXIT_OK
                 : report_error (error);
    }
  if (g_str_equal (verb, "convert"))
    return argc == 4 ? convert (argv[2], source_format, argv[3], format, compression, force)
                     : report_usage ("disk", _ ("\"disk convert\" takes two files"));
  if (g_str_equal (verb, "resize"))
    return argc == 4 ? resize (argv[2], format, argv[3], shrink)
                     : report_usage ("disk", _ ("\"disk resize\" takes a file and a size"));
  if (argc != 3)
    return report_usage ("disk", _ ("\"disk %s\" takes one file"), verb);
  return g_str_equal (verb, "info") ? info (argv[2], format, json)
                                    : check (argv[2], format, repair, json);
}
