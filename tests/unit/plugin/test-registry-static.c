/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* In a build that has its plugins inside: everything is there, nothing is searched. */
#include "vmt-error.h"
#include "vmt-registry.h"

static void
test_all (void)
{
  VmtRegistry *registry = vmt_registry_get_default ();
  g_autoptr (GVariant) bad = vmt_registry_list_bad (registry);
  guint n = 0;

  g_assert_cmpuint (g_variant_n_children (bad), ==, 0);
  for (guint kind = 0; kind < VMT_N_FEATURE_KINDS; kind++)
    {
      g_autoptr (GPtrArray) names = vmt_registry_list_features (registry, kind);

      for (guint i = 0; i < names->len; i++)
        {
          g_autoptr (GVariant) description =
              vmt_registry_describe (registry, kind, names->pdata[i]);
          g_autoptr (GError) error = NULL;
          const char *file;

          g_assert_true (g_variant_lookup (description, "file", "&s", &file));
          g_assert_cmpstr (file, ==, "");
          if (!vmt_registry_has_feature (registry, kind, names->pdata[i]))
            continue;
          g_assert_cmpuint (vmt_registry_get_type_of (registry, kind, names->pdata[i], &error), !=,
                            G_TYPE_INVALID);
          g_assert_no_error (error);
          n++;
        }
    }
  g_assert_cmpuint (n, >, 0);
}

static void
test_missing (void)
{
  g_autoptr (GError) error = NULL;

  g_assert_null (
      vmt_registry_create (vmt_registry_get_default (), VMT_FEATURE_DEVICE, "nope", &error));
  g_assert_error (error, VMT_ERROR, VMT_ERROR_NOT_FOUND);
  g_clear_error (&error);
  g_assert_false (vmt_registry_prepare (g_get_tmp_dir (), &error));
  g_assert_error (error, VMT_ERROR, VMT_ERROR_UNSUPPORTED);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/plugin/registry-static/all", test_all);
  g_test_add_func ("/plugin/registry-static/missing", test_missing);
  return g_test_run ();
}
