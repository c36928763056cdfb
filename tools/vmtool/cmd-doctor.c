/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "vmtool.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <unistd.h>

#include "vmt-fast.h"
#include "vmt-host.h"

typedef enum
{
  GOOD,
  NOTE,
  BAD
} Verdict;

typedef struct
{
  JsonArray *rows; /* (nullable): text output */
  gboolean bad;
} Report;

static void
report (Report *self, Verdict verdict, const char *what, const char *finding, const char *remedy)
{
  static const char *const words[] = { "ok", "note", "bad" };

  self->bad |= verdict == BAD;
  if (self->rows != NULL)
    {
      JsonObject *row = json_object_new ();
      json_object_set_string_member (row, "verdict", words[verdict]);
      json_object_set_string_member (row, "what", what);
      json_object_set_string_member (row, "finding", finding);
      if (remedy != NULL)
        json_object_set_string_member (row, "remedy", remedy);
      json_array_add_object_element (self->rows, row);
      return;
    }
  printf ("%-5s %-18s %s\n", words[verdict], what, finding);
  if (remedy != NULL)
    printf ("%-5s %-18s -> %s\n", "", "", remedy);
}

static void
check_plugins (Report *self)
{
  VmtRegistry *registry = vmt_registry_get_default ();
  g_autoptr (GVariant) bad = vmt_registry_list_bad (registry);
  g_autofree char *count = NULL;
  guint features = 0;

  for (guint kind = 0; kind < VMT_N_FEATURE_KINDS; kind++)
    {
      g_autoptr (GPtrArray) names = vmt_registry_list_features (registry, kind);
      features += names->len;
    }
  count = g_strdup_printf (_ ("%u features, %u plugins that cannot be loaded"), features,
                           (guint)g_variant_n_children (bad));
  if (features == 0)
    report (self, BAD, _ ("plugins"), count,
            _ ("no plugin was found: is VMT_PLUGIN_PATH set to another place?"));
  else
    report (self, g_variant_n_children (bad) > 0 ? NOTE : GOOD, _ ("plugins"), count,
            g_variant_n_children (bad) > 0 ? _ ("\"vmtool inspect --bad\" tells why") : NULL);
}

static void
check_tiers (Report *self)
{
  VmtRegistry *registry = vmt_registry_get_default ();
  g_autoptr (GPtrArray) names = vmt_registry_list_features (registry, VMT_FEATURE_TIER);

  for (guint i = 0; i < names->len; i++)
    {
      g_autofree char *what = g_strdup_printf (_ ("tier %s"), (char *)names->pdata[i]);
      g_autoptr (GError) error = NULL;
      g_autoptr (VmtObject) tier =
          vmt_registry_create (registry, VMT_FEATURE_TIER, names->pdata[i], &error);

      if (tier != NULL && vmt_tier_probe ((VmtTier *)tier, &error))
        report (self, GOOD, what, _ ("usable"), NULL);
      else
        report (self, NOTE, what, error->message, NULL);
    }
  if (names->len == 0)
    report (self, BAD, _ ("tiers"), _ ("no way to execute guest code is installed"),
            _ ("install the interpreter's plugin"));
}

static void
check_code_memory (Report *self)
{
  static const VmtHostCodeMemory strategies[] = { VMT_HOST_CODE_DUAL, VMT_HOST_CODE_TOGGLE };
  VmtHostCodeMemory chosen = vmt_host_get_code_memory ();
  g_autoptr (GError) wrong = NULL;

  for (guint i = 0; i < G_N_ELEMENTS (strategies); i++)
    {
      g_autofree char *what =
          g_strdup_printf (_ ("code memory %s"), vmt_host_code_memory_get_nick (strategies[i]));
      g_autoptr (GError) error = NULL;
      gboolean ok = vmt_host_probe_code_memory (strategies[i], &error);

      report (self, ok ? GOOD : NOTE, what,
              !ok                       ? error->message
              : strategies[i] == chosen ? _ ("works, and is used")
                                        : _ ("works"),
              NULL);
    }
  if (!vmt_host_check_code_memory (&wrong))
    report (self, BAD, _ ("code memory"), wrong->message, NULL);
  else if (g_getenv ("VMTOOL_CODE_MEMORY") != NULL)
    report (self, NOTE, _ ("code memory"), vmt_host_get_code_memory_reason (), NULL);
  else if (chosen == VMT_HOST_CODE_NONE)
    report (self, NOTE, _ ("code memory"),
            _ ("this host allows no code made at run time: the interpreter executes guests"),
            _ ("on hardened systems look for a setting that allows executable memory (SELinux "
               "execmem, MDWE, PaX)"));
}

static void
check_kvm (Report *self)
{
  int fd = g_open ("/dev/kvm", O_RDWR | O_CLOEXEC, 0);

  if (fd >= 0)
    {
      report (self, NOTE, "KVM", _ ("/dev/kvm can be opened; no accelerator plugin uses it yet"),
              NULL);
      close (fd);
    }
  else if (errno == EACCES)
    report (self, NOTE, "KVM", _ ("/dev/kvm may not be opened by you"),
            _ ("join its group: sudo usermod -aG kvm \"$USER\""));
  else
    report (self, NOTE, "KVM", g_strerror (errno), NULL);
}

static void
check_huge_pages (Report *self)
{
  g_autofree char *mode = NULL;

  if (!g_file_get_contents ("/sys/kernel/mm/transparent_hugepage/enabled", &mode, NULL, NULL))
    return;
  g_strchomp (mode);
  if (strstr (mode, "[never]") != NULL)
    report (
        self, NOTE, _ ("huge pages"), mode,
        _ ("guests run faster with: echo madvise > /sys/kernel/mm/transparent_hugepage/enabled"));
  else
    report (self, GOOD, _ ("huge pages"), mode, NULL);
}

static void
check_runtime_folder (Report *self)
{
  const char *folder = g_get_user_runtime_dir ();

  if (g_access (folder, W_OK) == 0)
    report (self, GOOD, _ ("runtime folder"), folder, NULL);
  else
    report (self, NOTE, _ ("runtime folder"), folder,
            _ ("not writable: set XDG_RUNTIME_DIR to a folder of yours, or machines have no "
               "control socket"));
}

static void
check_boards (Report *self)
{
  g_autoptr (GPtrArray) names = vmt_board_list ();
  g_autofree char *count = g_strdup_printf (_ ("%u found"), names->len);

  report (self, names->len > 0 ? GOOD : BAD, _ ("boards"), count,
          names->len > 0 ? NULL : _ ("install them, or set VMT_BOARD_PATH to their folder"));
  for (guint i = 0; i < names->len; i++)
    {
      g_autoptr (GError) error = NULL;
      g_autoptr (VmtBoard) board = vmt_board_find (names->pdata[i], &error);
      if (board == NULL)
        report (self, BAD, names->pdata[i], error->message, NULL);
    }
}

int
cmd_doctor (int argc, char **argv)
{
  gboolean json = FALSE;
  const GOptionEntry entries[] = {
    { "json", 'j', 0, G_OPTION_ARG_NONE, &json, N_ ("Print JSON"), NULL },
    G_OPTION_ENTRY_NULL,
  };
  Report self = { NULL };
  int status;

  if (!parse_options (
          "doctor", "",
          _ ("Says what this host offers. Exit code 1 when something is needed and missing."),
          entries, &argc, &argv, &status))
    return status;
  if (argc > 1)
    return report_usage ("doctor", _ ("\"doctor\" takes no argument"));
  if (json)
    self.rows = json_array_new ();
  check_plugins (&self);
  check_boards (&self);
  check_tiers (&self);
  check_code_memory (&self);
  check_kvm (&self);
  check_huge_pages (&self);
  check_runtime_folder (&self);
  if (json)
    {
      JsonNode *node = json_node_alloc ();
      print_json (json_node_init_array (node, self.rows));
      json_array_unref (self.rows);
    }
  return self.bad ? EXIT_ERROR : EXIT_OK;
}
