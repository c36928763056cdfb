/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The cache file: a head with a magic number, the payload's length and SHA-256, then one GVariant.
 * Read through a mapping, written atomically. Anything wrong with it means that there is none. */
#include <string.h>

#include "vmt-fast-abi.h"
#include "vmt-host.h"
#include "vmt-registry-private.h"
#include "vmt-version.h"

#define MAGIC "VMTREG\n"
/* Raise it when the meaning of the payload changes. */
#define FORMAT 1
/* version, format, abi, processor, core's build id, entries */
#define PAYLOAD_TYPE "(suuuussa" VMT_REGISTRY_ENTRY_TYPE ")"
#define MAX_SIZE (64u << 20)

typedef struct
{
  char magic[8];
  guint64 length;
  guint8 digest[32];
} Head;

/* The payload behind it must be aligned for GVariant. */
G_STATIC_ASSERT (sizeof (Head) % 8 == 0);

static void
get_digest (gconstpointer data, gsize size, guint8 *digest)
{
  g_autoptr (GChecksum) checksum = g_checksum_new (G_CHECKSUM_SHA256);
  gsize length = sizeof ((Head *)0)->digest;

  g_checksum_update (checksum, data, size);
  g_checksum_get_digest (checksum, digest, &length);
}

static GVariant *
map_payload (const char *path)
{
  g_autoptr (GMappedFile) file = g_mapped_file_new (path, FALSE, NULL);
  g_autoptr (GBytes) all = NULL;
  g_autoptr (GBytes) payload = NULL;
  guint8 digest[sizeof ((Head *)0)->digest];
  const Head *head;
  gsize size;

  if (file == NULL || g_mapped_file_get_length (file) < sizeof (Head) ||
      g_mapped_file_get_length (file) > MAX_SIZE)
    return NULL;
  all = g_mapped_file_get_bytes (file);
  head = g_bytes_get_data (all, &size);
  if (memcmp (head->magic, MAGIC, sizeof head->magic) != 0 || head->length != size - sizeof *head)
    return NULL;
  get_digest (head + 1, head->length, digest);
  if (memcmp (digest, head->digest, sizeof digest) != 0)
    return NULL;
  payload = g_bytes_new_from_bytes (all, sizeof *head, head->length);
  /* Not trusted all the same: whoever wrote it may have made a mistake that the digest covers. */
  return g_variant_ref_sink (
      g_variant_new_from_bytes (G_VARIANT_TYPE (PAYLOAD_TYPE), payload, FALSE));
}

GHashTable *
_vmt_registry_cache_load (const char *file, gboolean prepared)
{
  g_autoptr (GVariant) payload = map_payload (file);
  g_autoptr (GVariant) entries = NULL;
  const char *version, *cpu, *build_id;
  guint32 format, major, minor, fast;
  GHashTable *by_path;
  GVariantIter iter;
  GVariant *entry;

  if (payload == NULL)
    return NULL;
  g_variant_get (payload, "(&suuuu&s&s@a" VMT_REGISTRY_ENTRY_TYPE ")", &version, &format, &major,
                 &minor, &fast, &cpu, &build_id, &entries);
  if (strcmp (version, VMT_VERSION_STRING) != 0 || format != FORMAT || major != VMT_ABI_MAJOR ||
      minor != VMT_ABI_MINOR || fast != VMT_FAST_ABI || strcmp (cpu, vmt_host_get_cpu ()) != 0 ||
      (!prepared && strcmp (build_id, _vmt_plugin_get_core_build_id ()) != 0))
    return NULL;

  by_path =
      g_hash_table_new_full (g_str_hash, g_str_equal, g_free, (GDestroyNotify)g_variant_unref);
  g_variant_iter_init (&iter, entries);
  while ((entry = g_variant_iter_next_value (&iter)) != NULL)
    {
      char *path;

      g_variant_get_child (entry, 0, "s", &path);
      g_hash_table_replace (by_path, path, entry);
    }
  return by_path;
}

gboolean
_vmt_registry_cache_save (const char *file, GPtrArray *entries, gboolean prepared, GError **error)
{
  g_autoptr (GVariant) payload = NULL;
  g_autoptr (GByteArray) bytes = g_byte_array_new ();
  GVariantBuilder builder;
  Head head = { .magic = MAGIC };

  g_variant_builder_init (&builder, G_VARIANT_TYPE ("a" VMT_REGISTRY_ENTRY_TYPE));
  for (guint i = 0; i < entries->len; i++)
    {
      const VmtRegistryEntry *entry = g_ptr_array_index (entries, i);
      g_autofree char *name = g_path_get_basename (entry->path);
      GVariant *description = entry->description != NULL
                                  ? entry->description
                                  : g_variant_new_array (G_VARIANT_TYPE ("{sv}"), NULL, 0);

      g_variant_builder_add (&builder, "(stxsss@a{sv})", prepared ? name : entry->path,
                             entry->stamp.size, prepared ? 0 : entry->stamp.mtime_ns,
                             entry->stamp.build_id, entry->state, entry->reason, description);
    }
  payload = g_variant_ref_sink (
      g_variant_new ("(suuuuss@a" VMT_REGISTRY_ENTRY_TYPE ")", VMT_VERSION_STRING, FORMAT,
                     VMT_ABI_MAJOR, VMT_ABI_MINOR, VMT_FAST_ABI, vmt_host_get_cpu (),
                     _vmt_plugin_get_core_build_id (), g_variant_builder_end (&builder)));

  head.length = g_variant_get_size (payload);
  get_digest (g_variant_get_data (payload), head.length, head.digest);
  g_byte_array_append (bytes, (const guint8 *)&head, sizeof head);
  g_byte_array_append (bytes, g_variant_get_data (payload), head.length);
  return g_file_set_contents_full (file, (const char *)bytes->data, bytes->len,
                                   G_FILE_SET_CONTENTS_CONSISTENT, prepared ? 0644 : 0600, error);
}
