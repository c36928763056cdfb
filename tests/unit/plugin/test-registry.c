/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <glib/gstdio.h>
#include <string.h>

#include "../../support/test-self.h"
#include "registry-folder.h"
#include "vmt-object.h"

static const char *
get_string (GVariant *dict, const char *key)
{
  const char *text = NULL;

  g_variant_lookup (dict, key, "&s", &text);
  return text;
}

static void
test_describe (void)
{
  g_autoptr (Folder) folder = folder_new ();
  g_autofree char *path = folder_add (folder, "good");
  g_autoptr (VmtRegistry) registry = registry_of (folder, NULL);
  g_autoptr (GVariant) description =
      vmt_registry_describe (registry, VMT_FEATURE_SERVICE, "fixture-good");
  g_autoptr (GVariant) properties = NULL;
  g_autoptr (GVariant) property = NULL;
  g_autoptr (GVariant) events = NULL;
  g_autoptr (GVariant) event = NULL;
  g_autoptr (GVariant) registers = NULL;
  g_auto (GStrv) flags = NULL;
  gboolean available;

  g_assert_cmpstr (get_string (description, "kind"), ==, "service");
  g_assert_cmpstr (get_string (description, "name"), ==, "fixture-good");
  g_assert_cmpstr (get_string (description, "plugin"), ==, "fixture-good");
  g_assert_cmpstr (get_string (description, "file"), ==, path);
  g_assert_cmpstr (get_string (description, "description"), ==, "A fixture");
  g_assert_cmpstr (get_string (description, "license"), ==, "LGPL-2.1-or-later");
  g_assert_true (g_variant_lookup (description, "available", "b", &available) && available);

  properties = g_variant_lookup_value (description, "properties", G_VARIANT_TYPE ("aa{sv}"));
  g_assert_cmpuint (g_variant_n_children (properties), ==, 1);
  property = g_variant_get_child_value (properties, 0);
  g_assert_cmpstr (get_string (property, "name"), ==, "cache-size");
  g_assert_cmpstr (get_string (property, "type"), ==, "size");
  g_assert_cmpstr (get_string (property, "range"), ==, "4K..1G");
  g_assert_cmpstr (get_string (property, "default"), ==, "64K");
  g_assert_cmpstr (get_string (property, "text"), ==, "Bytes of cache");
  g_assert_true (g_variant_lookup (property, "flags", "^as", &flags));
  g_assert_true (g_strv_contains ((const char *const *)flags, "live"));

  events = g_variant_lookup_value (description, "events", G_VARIANT_TYPE ("aa{sv}"));
  g_assert_cmpuint (g_variant_n_children (events), ==, 1);
  event = g_variant_get_child_value (events, 0);
  g_assert_cmpstr (get_string (event, "name"), ==, "happened");
  g_assert_cmpstr (get_string (event, "signature"), ==, "(su)");
  registers = g_variant_lookup_value (description, "registers", G_VARIANT_TYPE ("aa{sv}"));
  g_assert_nonnull (registers);

  g_assert_null (vmt_registry_describe (registry, VMT_FEATURE_DEVICE, "fixture-good"));
  g_assert_null (vmt_registry_describe (registry, VMT_FEATURE_SERVICE, "nope"));
  g_assert_false (is_mapped ("fixture-good.so"));
}

static void
test_create (void)
{
  g_autoptr (Folder) folder = folder_new ();
  g_autofree char *path = folder_add (folder, "good");
  g_autoptr (VmtRegistry) registry = registry_of (folder, NULL);
  g_autoptr (VmtObject) object = NULL;
  g_autoptr (GError) error = NULL;

  object = vmt_registry_create (registry, VMT_FEATURE_SERVICE, "fixture-good", &error);
  g_assert_no_error (error);
  g_assert_true (is_mapped ("fixture-good.so"));
  g_assert_true (vmt_object_set_text (object, "cache-size", "1M", &error));
  g_assert_cmpuint (
      vmt_registry_get_type_of (registry, VMT_FEATURE_SERVICE, "fixture-good", &error), ==,
      G_OBJECT_TYPE (object));
  /* Resident: objects outlive the registry, and the file. */
  g_clear_object (&registry);
  g_unlink (path);
  g_assert_true (vmt_object_set_text (object, "cache-size", "2M", &error));
}

static void
assert_missing (VmtRegistry *registry, VmtFeatureKind kind, const char *name, const char *part)
{
  g_autoptr (GError) error = NULL;

  g_assert_null (vmt_registry_create (registry, kind, name, &error));
  g_assert_error (error, VMT_ERROR, VMT_ERROR_NOT_FOUND);
  if (strstr (error->message, part) == NULL)
    g_error ("'%s' is not in '%s'", part, error->message);
  g_assert_null (vmt_registry_create (registry, kind, name, NULL));
}

static void
test_missing (void)
{
  g_autoptr (Folder) folder = folder_new ();
  g_autofree char *path = folder_add (folder, "good");
  g_autoptr (VmtRegistry) registry = registry_of (folder, NULL);

  assert_missing (registry, VMT_FEATURE_SERVICE, "fixture-godo", "did you mean 'fixture-good'?");
  assert_missing (registry, VMT_FEATURE_SERVICE, "zebra",
                  "there is no service 'zebra'; there is: ");
  assert_missing (registry, VMT_FEATURE_SERVICE, "", "there is no service ''");
  assert_missing (registry, VMT_FEATURE_DEVICE, "fixture-good", folder);
}

static void
test_file_names (void)
{
  static const char *const others[] = { "libvmtplug-.so",      "libvmtother-fixture-good.so",
                                        "vmtplug-fixture.so",  "libvmtplug-fixture-good.so.1",
                                        "libvmtplug-UPPER.so", "libvmtplug-a_b.so",
                                        "libvmtplug-good",     "readme.txt",
                                        "libvmtplug-a b.so",   NULL };
  g_autoptr (Folder) folder = folder_new ();
  g_autoptr (VmtRegistry) registry = registry_of (folder, NULL);
  g_autoptr (GVariant) bad = NULL;

  for (guint i = 0; others[i] != NULL; i++)
    {
      g_autofree char *path = folder_path (folder, others[i]);

      write_file (path, "not a plugin", -1);
    }
  bad = vmt_registry_list_bad (registry);
  g_assert_cmpuint (g_variant_n_children (bad), ==, 0);
}

static void
assert_winner (VmtRegistry *registry, const char *name, const char *file, guint n_hidden)
{
  g_autoptr (GVariant) description = vmt_registry_describe (registry, VMT_FEATURE_SERVICE, name);
  g_auto (GStrv) hidden = NULL;

  g_assert_cmpstr (get_string (description, "file"), ==, file);
  g_assert_true (g_variant_lookup (description, "hidden", "^as", &hidden));
  g_assert_cmpuint (g_strv_length (hidden), ==, n_hidden);
}

/* Two plugins with a feature of the same name: rank, then the order of the search path. */
static void
test_rank (void)
{
  g_autoptr (Folder) first = folder_new ();
  g_autoptr (Folder) second = folder_new ();
  g_autofree char *rank_0 = folder_add (first, "same-rank");
  g_autofree char *rank_5 = folder_add (second, "good-two");
  const char *const path[] = { first, second, NULL };
  g_autoptr (VmtRegistry) registry = vmt_registry_new (path, NULL);
  g_autoptr (GPtrArray) names = vmt_registry_list_features (registry, VMT_FEATURE_SERVICE);

  assert_winner (registry, "one", rank_5, 1);
  /* Each name once, the highest rank first. */
  g_assert_cmpuint (names->len, ==, 3);
  g_assert_cmpstr (names->pdata[0], ==, "fixture-good-two");
  g_assert_cmpstr (names->pdata[1], ==, "one");
  g_assert_cmpstr (names->pdata[2], ==, "fixture-same-rank");
}

static void
test_same_rank (void)
{
  g_autoptr (Folder) first = folder_new ();
  g_autoptr (Folder) second = folder_new ();
  g_autofree char *too = folder_add (first, "same-rank-too");
  g_autofree char *plain = folder_add (second, "same-rank");
  const char *const forward[] = { first, second, NULL };
  const char *const backward[] = { second, first, NULL };
  g_autoptr (VmtRegistry) a = vmt_registry_new (forward, NULL);
  g_autoptr (VmtRegistry) b = vmt_registry_new (backward, NULL);

  assert_winner (a, "one", too, 1);
  assert_winner (b, "one", plain, 1);
}

/* The same plugin twice: the first folder's, whichever that is; a bad one does not count. */
static void
test_shadow (void)
{
  g_autoptr (Folder) first = folder_new ();
  g_autoptr (Folder) second = folder_new ();
  g_autofree char *in_first = folder_add (first, "good");
  g_autofree char *in_second = folder_add (second, "good");
  const char *const forward[] = { first, second, first, NULL };
  const char *const backward[] = { second, "/nonexistent", "", first, NULL };
  g_autoptr (VmtRegistry) a = vmt_registry_new (forward, NULL);
  g_autoptr (VmtRegistry) b = vmt_registry_new (backward, NULL);
  g_autoptr (VmtRegistry) c = vmt_registry_new (forward, NULL);

  assert_winner (a, "fixture-good", in_first, 0);
  assert_winner (b, "fixture-good", in_second, 0);
  write_file (in_first, "broken", -1);
  assert_winner (c, "fixture-good", in_second, 0);
}

static void
test_requires (void)
{
  g_autoptr (Folder) folder = folder_new ();
  g_autofree char *path = folder_add (folder, "elsewhere");
  g_autofree char *good = folder_add (folder, "good");
  g_autoptr (VmtRegistry) registry = registry_of (folder, NULL);
  g_autoptr (GVariant) description =
      vmt_registry_describe (registry, VMT_FEATURE_SERVICE, "fixture-elsewhere");
  g_autoptr (GPtrArray) names = vmt_registry_list_features (registry, VMT_FEATURE_SERVICE);
  g_autoptr (GError) error = NULL;
  gboolean available = TRUE;

  g_assert_false (vmt_registry_has_feature (registry, VMT_FEATURE_SERVICE, "fixture-elsewhere"));
  g_assert_true (g_variant_lookup (description, "available", "b", &available));
  g_assert_false (available);
  g_assert_nonnull (strstr (get_string (description, "reason"), "'plan9'"));
  /* listed, and last */
  g_assert_cmpstr (names->pdata[names->len - 1], ==, "fixture-elsewhere");
  g_assert_cmpuint (
      vmt_registry_get_type_of (registry, VMT_FEATURE_SERVICE, "fixture-elsewhere", &error), ==,
      G_TYPE_INVALID);
  g_assert_error (error, VMT_ERROR, VMT_ERROR_UNSUPPORTED);
  g_assert_nonnull (strstr (error->message, "'plan9'"));
  g_assert_null (bad_reason (registry, path));
}

static gpointer
use_registry (gpointer data)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (VmtObject) object =
      vmt_registry_create (data, VMT_FEATURE_SERVICE, "fixture-good-two", &error);

  g_assert_no_error (error);
  return GSIZE_TO_POINTER (G_OBJECT_TYPE (object));
}

static void
test_threads (void)
{
  g_autoptr (Folder) folder = folder_new ();
  g_autofree char *path = folder_add (folder, "good-two");
  g_autoptr (VmtRegistry) registry = registry_of (folder, NULL);
  GThread *threads[8];
  gpointer type = NULL;

  for (guint i = 0; i < G_N_ELEMENTS (threads); i++)
    threads[i] = g_thread_new ("user", use_registry, registry);
  for (guint i = 0; i < G_N_ELEMENTS (threads); i++)
    {
      gpointer got = g_thread_join (threads[i]);

      g_assert_true (type == NULL || type == got);
      type = got;
    }
}

/* An init runs once in a process, whoever asks. */
static void
test_init_once (void)
{
  g_autoptr (Folder) folder = folder_new ();
  g_autofree char *path = folder_add (folder, "count-init");
  g_autofree char *log = folder_path (folder, "log");
  GStatBuf status;
  goffset scanned;

  g_setenv ("FIXTURE_LOG", log, TRUE);
  for (guint i = 0; i < 3; i++)
    {
      g_autoptr (VmtRegistry) registry = registry_of (folder, NULL);
      g_autoptr (VmtObject) object = NULL;

      g_assert_true (
          vmt_registry_has_feature (registry, VMT_FEATURE_SERVICE, "fixture-count-init"));
      g_stat (log, &status);
      scanned = status.st_size;
      object = vmt_registry_create (registry, VMT_FEATURE_SERVICE, "fixture-count-init", NULL);
      g_assert_nonnull (object);
      g_stat (log, &status);
      g_assert_cmpint (status.st_size - scanned, ==, i == 0 ? 1 : 0);
    }
  g_unsetenv ("FIXTURE_LOG");
}

/* A file that is replaced after the scan by one with less in it. */
static void
test_replaced (void)
{
  g_autoptr (Folder) folder = folder_new ();
  g_autofree char *path = folder_add (folder, "same-rank");
  g_autoptr (VmtRegistry) registry = registry_of (folder, NULL);
  g_autoptr (GError) error = NULL;

  g_assert_true (vmt_registry_has_feature (registry, VMT_FEATURE_SERVICE, "one"));
  write_file (path, "gone", -1);
  for (guint i = 0; i < 2; i++)
    {
      g_assert_cmpuint (vmt_registry_get_type_of (registry, VMT_FEATURE_SERVICE, "one", &error), ==,
                        G_TYPE_INVALID);
      g_assert_error (error, VMT_ERROR, VMT_ERROR_INVALID);
      g_assert_nonnull (strstr (error->message, path));
      g_clear_error (&error);
    }
}

static void
test_kinds (void)
{
  VmtFeatureKind kind;

  for (guint i = 0; i < VMT_N_FEATURE_KINDS; i++)
    {
      g_assert_true (vmt_feature_kind_from_nick (vmt_feature_kind_get_nick (i), &kind));
      g_assert_cmpuint (kind, ==, i);
    }
  g_assert_null (vmt_feature_kind_get_nick (VMT_N_FEATURE_KINDS));
  g_assert_null (vmt_feature_kind_get_nick (-1));
  g_assert_false (vmt_feature_kind_from_nick ("", &kind));
  g_assert_false (vmt_feature_kind_from_nick ("Arch", &kind));
}

/* Without a helper process. In a process of its own, since what it loads stays. */
static void
test_in_process (void)
{
  if (g_test_subprocess ())
    {
      g_autoptr (Folder) folder = folder_new ();
      g_autofree char *good = folder_add (folder, "good");
      g_autofree char *bad = folder_add (folder, "abi-minor");
      g_autoptr (VmtRegistry) registry = registry_of (folder, NULL);
      g_autofree char *reason = NULL;

      g_setenv ("VMT_REGISTRY_FORK", "no", TRUE);
      reason = bad_reason (registry, bad);
      g_assert_true (g_str_has_prefix (reason, "abi "));
      g_assert_true (vmt_registry_has_feature (registry, VMT_FEATURE_SERVICE, "fixture-good"));
      g_assert_true (is_mapped ("fixture-good.so"));
      return;
    }
  g_assert_cmpint (test_self_run (), ==, 0);
}

static void
test_default (void)
{
  if (g_test_subprocess ())
    {
      g_autoptr (Folder) first = folder_new ();
      g_autoptr (Folder) second = folder_new ();
      g_autofree char *in_first = folder_add (first, "good");
      g_autofree char *in_second = folder_add (second, "good");
      g_autofree char *also_in_second = folder_add (second, "good-two");
      g_autofree char *cache = folder_path (first, "cache");
      const char *const folders[] = { first, NULL };

      g_setenv ("VMT_PLUGIN_PATH", second, TRUE);
      g_setenv ("VMT_REGISTRY", cache, TRUE);
      vmt_registry_set_plugin_path (folders);
      assert_winner (vmt_registry_get_default (), "fixture-good", in_first, 0);
      assert_winner (vmt_registry_get_default (), "one", also_in_second, 0);
      g_assert_true (g_file_test (cache, G_FILE_TEST_EXISTS));
      g_assert_true (vmt_registry_get_default () == vmt_registry_get_default ());

      g_test_expect_message ("Vmt", G_LOG_LEVEL_CRITICAL, "*too late*");
      vmt_registry_set_plugin_path (folders);
      g_test_assert_expected_messages ();
      return;
    }
  g_assert_cmpint (test_self_run (), ==, 0);
}

/* All that this build has made is good, and found without any variable set. */
static void
test_own_plugins (void)
{
  if (g_test_subprocess ())
    {
      g_autoptr (GVariant) bad = NULL;
      g_autofree char *text = NULL;
      guint n = 0;

      g_unsetenv ("VMT_PLUGIN_PATH");
      bad = vmt_registry_list_bad (vmt_registry_get_default ());
      text = g_variant_print (bad, FALSE);
      g_assert_cmpstr (text, ==, "[]");
      for (guint kind = 0; kind < VMT_N_FEATURE_KINDS; kind++)
        {
          g_autoptr (GPtrArray) names =
              vmt_registry_list_features (vmt_registry_get_default (), kind);

          n += names->len;
        }
      g_assert_cmpuint (n, >, 0);
      return;
    }
  g_assert_cmpint (test_self_run (), ==, 0);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/plugin/kinds", test_kinds);
  g_test_add_func ("/plugin/registry/describe", test_describe);
  g_test_add_func ("/plugin/registry/create", test_create);
  g_test_add_func ("/plugin/registry/missing", test_missing);
  g_test_add_func ("/plugin/registry/file-names", test_file_names);
  g_test_add_func ("/plugin/registry/rank", test_rank);
  g_test_add_func ("/plugin/registry/same-rank", test_same_rank);
  g_test_add_func ("/plugin/registry/shadow", test_shadow);
  g_test_add_func ("/plugin/registry/requires", test_requires);
  g_test_add_func ("/plugin/registry/threads", test_threads);
  g_test_add_func ("/plugin/registry/init-once", test_init_once);
  g_test_add_func ("/plugin/registry/replaced", test_replaced);
  g_test_add_func ("/plugin/registry/in-process", test_in_process);
  g_test_add_func ("/plugin/registry/default", test_default);
  g_test_add_func ("/plugin/registry/own-plugins", test_own_plugins);
  return g_test_run ();
}
