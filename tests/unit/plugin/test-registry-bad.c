/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Plugins that do not fit, or that do harm when they are loaded. */
#include <fcntl.h>
#include <glib/gstdio.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "registry-folder.h"
#include "vmt-fast-abi.h"

/* Each beside a good one, which must not suffer. */
static void
assert_bad (const char *variant, const char *expected, VmtError code)
{
  g_autoptr (Folder) folder = folder_new ();
  g_autofree char *path = folder_add (folder, variant);
  g_autofree char *good = folder_add (folder, "good");
  g_autoptr (VmtRegistry) registry = registry_of (folder, NULL);
  g_autofree char *name = g_strconcat ("fixture-", variant, NULL);
  g_autofree char *reason = bad_reason (registry, path);
  g_autoptr (GError) error = NULL;

  g_test_message ("%s: %s", variant, reason);
  if (reason == NULL || strstr (reason, expected) != reason)
    g_error ("%s: '%s' instead of '%s'", variant, reason, expected);
  g_assert_true (vmt_registry_has_feature (registry, VMT_FEATURE_SERVICE, "fixture-good"));
  g_assert_null (bad_reason (registry, good));
  g_assert_false (is_mapped (variant));

  /* Who asks for it is told why it is not there. */
  g_assert_cmpuint (vmt_registry_get_type_of (registry, VMT_FEATURE_SERVICE, name, &error), ==,
                    G_TYPE_INVALID);
  g_assert_error (error, VMT_ERROR, code);
  g_assert_nonnull (strstr (error->message, path));
  g_assert_nonnull (strstr (error->message, strchr (reason, ' ') + 1));
}

static void
test_abi (void)
{
  g_autofree char *fast = g_strdup_printf (
      "abi it was built for fast ABI 0x12345678, this vmtool has 0x%08x", VMT_FAST_ABI);
  g_autofree char *none = g_strdup_printf (
      "abi it was built for fast ABI 0x00000000, this vmtool has 0x%08x", VMT_FAST_ABI);

  assert_bad ("abi-major", "abi it was built for plugin ABI 2.0, this vmtool has 1.0",
              VMT_ERROR_ABI);
  assert_bad ("abi-minor", "abi it was built for plugin ABI 1.1, this vmtool has 1.0",
              VMT_ERROR_ABI);
  assert_bad ("abi-short", "abi its descriptor has 40 bytes", VMT_ERROR_ABI);
  assert_bad ("fast-abi", fast, VMT_ERROR_ABI);
  assert_bad ("fast-none", none, VMT_ERROR_ABI);
  assert_bad ("fast-device", fast, VMT_ERROR_ABI);
}

static void
test_broken (void)
{
  assert_bad ("missing-symbol", "bad it cannot be loaded: ", VMT_ERROR_NOT_FOUND);
  assert_bad ("no-desc", "bad it has no symbol 'vmt_plugin_desc_fixture_no_desc'",
              VMT_ERROR_NOT_FOUND);
  assert_bad ("other-name", "bad its descriptor is named 'someone-else'", VMT_ERROR_NOT_FOUND);
  assert_bad ("no-features", "bad it has no feature table", VMT_ERROR_NOT_FOUND);
  assert_bad ("bad-kind", "bad row 0 of its feature table", VMT_ERROR_NOT_FOUND);
  assert_bad ("null-type", "bad row 0 of its feature table", VMT_ERROR_NOT_FOUND);
  assert_bad ("wrong-base", "bad the type of its device 'fixture-wrong-base'", VMT_ERROR_NOT_FOUND);
  assert_bad ("no-type", "bad the type of its service", VMT_ERROR_NOT_FOUND);
  assert_bad ("not-object", "bad the type of its service", VMT_ERROR_NOT_FOUND);
  assert_bad ("fail-init", "bad it cannot start: no card in the slot of fixture-fail-init",
              VMT_ERROR_NOT_FOUND);
}

/* A sanitizer turns a signal into an exit status. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SEGV "bad it ended the process that loaded it, with status "
#else
#define SEGV "bad it crashed while it was loaded: signal 11, "
#endif
#define ABRT "bad it crashed while it was loaded: signal 6, "

static void
test_crash (void)
{
  assert_bad ("crash-init", SEGV, VMT_ERROR_NOT_FOUND);
  assert_bad ("crash-type", SEGV, VMT_ERROR_NOT_FOUND);
  assert_bad ("crash-load", ABRT, VMT_ERROR_NOT_FOUND);
  assert_bad ("exit-init", "bad it ended the process that loaded it, with status 0",
              VMT_ERROR_NOT_FOUND);
}

/* In a process that ignores the signal about its children, as some embedders do. */
static void
test_ignored_children (void)
{
  struct sigaction ignore = { .sa_handler = SIG_IGN }, before;

  sigaction (SIGCHLD, &ignore, &before);
  assert_bad ("crash-init", SEGV, VMT_ERROR_NOT_FOUND);
  sigaction (SIGCHLD, &before, NULL);
}

static void
test_hang (void)
{
  g_autoptr (Folder) folder = folder_new ();
  g_autofree char *path = folder_add (folder, "hang-init");
  g_autofree char *good = folder_add (folder, "good");
  g_autoptr (VmtRegistry) registry = registry_of (folder, NULL);
  g_autofree char *reason = NULL;
  gint64 start = g_get_monotonic_time ();

  g_object_set (registry, "scan-timeout", 1500, NULL);
  reason = bad_reason (registry, path);
  g_assert_cmpstr (reason, ==, "timeout it took more than 1500 ms to load");
  g_assert_cmpint (g_get_monotonic_time () - start, >=, 1500000);
  g_assert_true (vmt_registry_has_feature (registry, VMT_FEATURE_SERVICE, "fixture-good"));
}

/* What a plugin has started ends with the scan. */
static void
test_fork_and_hang (void)
{
  g_autoptr (Folder) folder = folder_new ();
  g_autofree char *path = folder_add (folder, "fork-hang");
  g_autofree char *fifo = folder_path (folder, "fifo");
  g_autoptr (VmtRegistry) registry = registry_of (folder, NULL);
  g_autofree char *reason = NULL;
  gssize n = -1;
  char byte;
  int fd;

  g_assert_cmpint (mkfifo (fifo, 0600), ==, 0);
  fd = open (fifo, O_RDONLY | O_NONBLOCK);
  g_setenv ("FIXTURE_LOG", fifo, TRUE);
  g_object_set (registry, "scan-timeout", 500, NULL);
  reason = bad_reason (registry, path);
  g_assert_nonnull (reason);
  g_assert_true (g_str_has_prefix (reason, SEGV));
  /* The end of the file: nobody has it open for writing. */
  for (guint i = 0; i < 500 && (n = read (fd, &byte, 1)) != 0; i++)
    g_usleep (10000);
  g_assert_cmpint (n, ==, 0);
  close (fd);
  g_unsetenv ("FIXTURE_LOG");
}

/* What a plugin writes is not taken for the scanner's answer, and it cannot read the questions. */
static void
test_noise (void)
{
  g_autoptr (Folder) folder = folder_new ();
  g_autofree char *noisy = folder_add (folder, "noisy");
  g_autofree char *good = folder_add (folder, "good");
  g_autofree char *asking = folder_add (folder, "ask-registry");
  g_autoptr (VmtRegistry) registry = registry_of (folder, NULL);
  g_autoptr (GVariant) bad = vmt_registry_list_bad (registry);

  g_assert_cmpuint (g_variant_n_children (bad), ==, 0);
  g_assert_true (vmt_registry_has_feature (registry, VMT_FEATURE_SERVICE, "fixture-noisy"));
  g_assert_true (vmt_registry_has_feature (registry, VMT_FEATURE_SERVICE, "fixture-ask-registry"));
}

static void
test_not_modules (void)
{
  g_autoptr (Folder) folder = folder_new ();
  g_autofree char *good = folder_add (folder, "good");
  g_autofree char *text = folder_path (folder, "libvmtdev-text.so");
  g_autofree char *empty = folder_path (folder, "libvmtdev-empty.so");
  g_autofree char *cut = folder_path (folder, "libvmtdev-cut.so");
  g_autofree char *garbled = folder_path (folder, "libvmtdev-garbled.so");
  g_autofree char *fifo = folder_path (folder, "libvmtdev-fifo.so");
  g_autofree char *directory = folder_path (folder, "libvmtdev-directory.so");
  g_autofree char *dangling = folder_path (folder, "libvmtdev-dangling.so");
  const char *const bad[] = { text, empty, cut, garbled, NULL };
  const char *const ignored[] = { fifo, directory, dangling, NULL };
  g_autofree char *data = NULL;
  g_autoptr (VmtRegistry) registry = registry_of (folder, NULL);
  gsize size;

  g_assert_true (g_file_get_contents (good, &data, &size, NULL));
  write_file (text, "int main (void);\n", -1);
  write_file (empty, "", 0);
  write_file (cut, data, 1000);
  /* The head says that there are notes and segments all over the place. */
  memset (data + 64, 0xff, 600);
  write_file (garbled, data, size);
  g_assert_cmpint (mkfifo (fifo, 0600), ==, 0);
  g_assert_cmpint (g_mkdir (directory, 0700), ==, 0);
  g_assert_cmpint (symlink ("nowhere", dangling), ==, 0);

  for (guint i = 0; bad[i] != NULL; i++)
    {
      g_autofree char *reason = bad_reason (registry, bad[i]);

      g_test_message ("%s", reason);
      g_assert_nonnull (reason);
      /* The dynamic linker may even crash on such a file. */
      g_assert_true (g_str_has_prefix (reason, "bad it "));
    }
  for (guint i = 0; ignored[i] != NULL; i++)
    g_assert_null (bad_reason (registry, ignored[i]));
  g_assert_true (vmt_registry_has_feature (registry, VMT_FEATURE_SERVICE, "fixture-good"));
}

/* Heads of ELF files with every field of the program headers damaged: the build id is read before
 * anything is judged. */
static void
test_fuzzed_heads (void)
{
  g_autoptr (Folder) folder = folder_new ();
  g_autofree char *good = folder_add (folder, "good");
  g_autofree char *path = folder_path (folder, "libvmtdev-fuzzed.so");
  g_autofree char *data = NULL;
  gsize size;

  g_assert_true (g_file_get_contents (good, &data, &size, NULL));
  for (guint i = 0; i < 40; i++)
    {
      g_autofree char *fuzzed = g_memdup2 (data, size);
      g_autoptr (VmtRegistry) registry = registry_of (folder, NULL);

      for (guint j = 0; j < 8; j++)
        fuzzed[g_test_rand_int_range (32, 1024)] = g_test_rand_int ();
      write_file (path, fuzzed, size);
      g_assert_true (vmt_registry_has_feature (registry, VMT_FEATURE_SERVICE, "fixture-good"));
    }
}

static void
test_nothing_scanned (void)
{
  g_autoptr (Folder) folder = folder_new ();
  g_autofree char *hanging = NULL;
  g_autoptr (VmtRegistry) registry = registry_of (folder, NULL);
  g_autoptr (GError) error = NULL;

  /* Nothing there is nothing wrong. */
  g_assert_true (vmt_registry_rescan (registry, &error));
  g_assert_no_error (error);
  hanging = folder_add (folder, "hang-init");
  g_object_set (registry, "scan-timeout", 300, NULL);
  g_assert_false (vmt_registry_rescan (registry, &error));
  g_assert_error (error, VMT_ERROR, VMT_ERROR_FAILED);
  g_assert_nonnull (strstr (error->message, "300 ms"));
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/plugin/registry-bad/abi", test_abi);
  g_test_add_func ("/plugin/registry-bad/broken", test_broken);
  g_test_add_func ("/plugin/registry-bad/crash", test_crash);
  g_test_add_func ("/plugin/registry-bad/ignored-children", test_ignored_children);
  g_test_add_func ("/plugin/registry-bad/hang", test_hang);
  g_test_add_func ("/plugin/registry-bad/fork-and-hang", test_fork_and_hang);
  g_test_add_func ("/plugin/registry-bad/noise", test_noise);
  g_test_add_func ("/plugin/registry-bad/not-modules", test_not_modules);
  g_test_add_func ("/plugin/registry-bad/fuzzed-heads", test_fuzzed_heads);
  g_test_add_func ("/plugin/registry-bad/nothing-scanned", test_nothing_scanned);
  return g_test_run ();
}
