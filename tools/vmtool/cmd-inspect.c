/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "vmtool.h"

/* Everything here comes from the registry's cache: no plugin is loaded. */

static const char *
lookup (GVariant *row, const char *key)
{
  const char *text = NULL;

  g_variant_lookup (row, key, "&s", &text);
  return text != NULL ? text : "";
}

static JsonNode *
list_json (VmtRegistry *registry)
{
  JsonArray *array = json_array_new ();
  JsonNode *node = json_node_alloc ();

  for (guint kind = 0; kind < VMT_N_FEATURE_KINDS; kind++)
    {
      g_autoptr (GPtrArray) names = vmt_registry_list_features (registry, kind);

      for (guint i = 0; i < names->len; i++)
        {
          g_autoptr (GVariant) feature = vmt_registry_describe (registry, kind, names->pdata[i]);
          if (feature != NULL)
            json_array_add_element (array, json_gvariant_serialize (feature));
        }
    }
  json_node_take_array (json_node_init_array (node, NULL), array);
  return node;
}

static int
list_features (VmtRegistry *registry, gboolean json)
{
  if (json)
    {
      print_json (list_json (registry));
      return EXIT_OK;
    }
  for (guint kind = 0; kind < VMT_N_FEATURE_KINDS; kind++)
    {
      g_autoptr (GPtrArray) names = vmt_registry_list_features (registry, kind);

      for (guint i = 0; i < names->len; i++)
        {
          g_autoptr (GVariant) feature = vmt_registry_describe (registry, kind, names->pdata[i]);
          gint32 rank = 0;

          if (feature == NULL)
            continue;
          g_variant_lookup (feature, "rank", "i", &rank);
          printf ("%-9s %-20s %4d  %s\n", vmt_feature_kind_get_nick (kind), (char *)names->pdata[i],
                  rank, lookup (feature, "description"));
        }
    }
  return EXIT_OK;
}

static void
print_properties (GVariant *feature)
{
  g_autoptr (GVariant) rows =
      g_variant_lookup_value (feature, "properties", G_VARIANT_TYPE ("aa{sv}"));

  if (rows == NULL || g_variant_n_children (rows) == 0)
    return;
  printf (_ ("\nProperties:\n"));
  for (gsize i = 0; i < g_variant_n_children (rows); i++)
    {
      g_autoptr (GVariant) row = g_variant_get_child_value (rows, i);
      g_autofree const char **flags = NULL;
      g_autofree char *joined = NULL;

      g_variant_lookup (row, "flags", "^a&s", &flags);
      joined = flags != NULL ? g_strjoinv (", ", (char **)flags) : g_strdup ("");
      printf ("  %-20s %s", lookup (row, "name"), lookup (row, "type"));
      if (*lookup (row, "range") != '\0')
        printf (" %s", lookup (row, "range"));
      if (*lookup (row, "default") != '\0')
        printf (_ (", default %s"), lookup (row, "default"));
      if (*joined != '\0')
        printf (" [%s]", joined);
      printf ("\n");
      if (*lookup (row, "text") != '\0')
        printf ("  %-20s   %s\n", "", lookup (row, "text"));
    }
}

static void
print_rows (GVariant *feature, const char *key, const char *title)
{
  g_autoptr (GVariant) rows = g_variant_lookup_value (feature, key, G_VARIANT_TYPE ("aa{sv}"));

  if (rows == NULL || g_variant_n_children (rows) == 0)
    return;
  printf ("\n%s:\n", title);
  for (gsize i = 0; i < g_variant_n_children (rows); i++)
    {
      g_autoptr (GVariant) row = g_variant_get_child_value (rows, i);
      GVariantIter iter;
      const char *name;
      GVariant *value;

      printf ("  %-20s", lookup (row, "name"));
      g_variant_iter_init (&iter, row);
      while (g_variant_iter_next (&iter, "{&sv}", &name, &value))
        {
          if (!g_str_equal (name, "name") && !g_str_equal (name, "text"))
            {
              g_autofree char *text = g_variant_is_of_type (value, G_VARIANT_TYPE_STRING)
                                          ? g_variant_dup_string (value, NULL)
                                          : g_variant_print (value, FALSE);
              printf (" %s=%s", name, text);
            }
          g_variant_unref (value);
        }
      if (*lookup (row, "text") != '\0')
        printf ("  %s", lookup (row, "text"));
      printf ("\n");
    }
}

static void
print_feature (GVariant *feature)
{
  static const char *const keys[] = { "description", "plugin",   "version",     "license", "origin",
                                      "file",        "requires", "unavailable", NULL };
  gint32 rank = 0;

  g_variant_lookup (feature, "rank", "i", &rank);
  printf ("%s \"%s\" (rank %d)\n", lookup (feature, "kind"), lookup (feature, "name"), rank);
  for (guint i = 0; keys[i] != NULL; i++)
    if (*lookup (feature, keys[i]) != '\0')
      printf ("  %-12s %s\n", keys[i], lookup (feature, keys[i]));
  print_properties (feature);
  print_rows (feature, "registers", _ ("Registers"));
  print_rows (feature, "events", _ ("Events"));
}

static int
show_feature (VmtRegistry *registry, const char *name, gboolean json)
{
  g_autoptr (GPtrArray) all = g_ptr_array_new_with_free_func (g_free);
  JsonArray *array = json_array_new ();
  const char *near;
  guint found = 0;

  for (guint kind = 0; kind < VMT_N_FEATURE_KINDS; kind++)
    {
      g_autoptr (GPtrArray) names = vmt_registry_list_features (registry, kind);
      g_autoptr (GVariant) feature = vmt_registry_describe (registry, kind, name);

      for (guint i = 0; i < names->len; i++)
        g_ptr_array_add (all, g_strdup (names->pdata[i]));
      if (feature == NULL)
        continue;
      if (json)
        json_array_add_element (array, json_gvariant_serialize (feature));
      else
        print_feature (feature);
      found++;
    }
  if (json && found > 0)
    {
      JsonNode *node = json_node_alloc ();
      print_json (json_node_init_array (node, array));
    }
  json_array_unref (array);
  if (found > 0)
    return EXIT_OK;
  g_ptr_array_add (all, NULL);
  near = vmt_nearest_name (name, (const char *const *)all->pdata);
  if (near != NULL)
    fprintf (stderr, _ ("vmtool: there is no feature \"%s\"; did you mean \"%s\"?\n"), name, near);
  else
    fprintf (stderr,
             _ ("vmtool: there is no feature \"%s\"; \"vmtool inspect\" lists all, \"vmtool "
                "inspect --bad\" those that "
                "could not be loaded\n"),
             name);
  return EXIT_ERROR;
}

static int
show_bad (VmtRegistry *registry, gboolean json)
{
  g_autoptr (GVariant) bad = vmt_registry_list_bad (registry);
  GVariantIter iter;
  const char *file, *state, *reason;

  if (json)
    {
      print_json (json_gvariant_serialize (bad));
      return EXIT_OK;
    }
  g_variant_iter_init (&iter, bad);
  while (g_variant_iter_next (&iter, "(&s&s&s)", &file, &state, &reason))
    printf ("%-8s %s: %s\n", state, file, reason);
  if (g_variant_n_children (bad) == 0)
    printf (_ ("every plugin could be loaded\n"));
  return EXIT_OK;
}

int
cmd_inspect (int argc, char **argv)
{
  gboolean json = FALSE, bad = FALSE, rescan = FALSE;
  const GOptionEntry entries[] = {
    { "json", 'j', 0, G_OPTION_ARG_NONE, &json, N_ ("Print JSON"), NULL },
    { "bad", 'b', 0, G_OPTION_ARG_NONE, &bad, N_ ("Show plugins that could not be loaded, and why"),
      NULL },
    { "rescan", 0, 0, G_OPTION_ARG_NONE, &rescan, N_ ("Look at every plugin again"), NULL },
    G_OPTION_ENTRY_NULL,
  };
  VmtRegistry *registry;
  GError *error = NULL;
  int status;

  if (!parse_options ("inspect", "[FEATURE]",
                      _ ("Shows what is installed; with a feature's name, all about it."), entries,
                      &argc, &argv, &status))
    return status;
  if (argc > 2)
    return report_usage ("inspect", _ ("\"inspect\" takes one feature"));
  registry = vmt_registry_get_default ();
  if (rescan && !vmt_registry_rescan (registry, &error))
    return report_error (error);
  if (bad)
    return show_bad (registry, json);
  return argc == 2 ? show_feature (registry, argv[1], json) : list_features (registry, json);
}
