/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a class can tell about itself, as GVariants that the registry keeps. */
#include "vmt-event.h"
#include "vmt-param.h"
#include "vmt-plugin-private.h"
#include "vmt-registry.h"
#include "vmt-value.h"

/* The higher rooms' describers are qdata of their base types. */
static G_DEFINE_QUARK (vmt_plugin_describer, vmt_plugin_describer)

    /**
     * vmt_registry_add_describer:
     * @base: a type, in whose class_init this is called
     * @describer: (scope forever): what to call for each feature whose type is derived from it
     *
     * Lets a room above the registry say more about its features than their properties and events.
     * What @describer adds is kept in the cache.
     */
    void vmt_registry_add_describer (GType base, VmtFeatureDescriber describer)
{
  g_return_if_fail (base != G_TYPE_INVALID);
  g_return_if_fail (describer != NULL);

  g_type_set_qdata (base, vmt_plugin_describer_quark (), (gpointer)describer);
}

static void
insert_text (GVariantDict *dict, const char *key, const char *text)
{
  g_autofree char *valid = NULL;

  if (text == NULL || *text == '\0')
    return;
  valid = g_utf8_make_valid (text, -1);
  g_variant_dict_insert (dict, key, "s", valid);
}

static GVariant *
describe_property (GParamSpec *pspec)
{
  static const struct
  {
    guint flag;
    const char *word;
  } words[] = {
    { VMT_PARAM_LIVE, "live" },
    { VMT_PARAM_HOST, "host" },
    { G_PARAM_CONSTRUCT_ONLY, "construct-only" },
    { G_PARAM_DEPRECATED, "deprecated" },
  };
  GVariantDict dict;
  GVariantBuilder flags;
  g_autofree char *range = vmt_param_spec_dup_range (pspec);
  g_autofree char *value = NULL;
  GParamSpec *target = g_param_spec_get_redirect_target (pspec);

  g_variant_dict_init (&dict, NULL);
  insert_text (&dict, "name", g_param_spec_get_name (pspec));
  insert_text (&dict, "type", vmt_param_spec_get_type_word (pspec));
  insert_text (&dict, "feature-kind", vmt_param_spec_get_feature_kind (pspec));
  if (vmt_param_spec_get_kind (pspec) == VMT_PARAM_LINK)
    insert_text (&dict, "link-type", g_type_name (pspec->value_type));
  insert_text (&dict, "range", range);
  if (vmt_param_spec_get_kind (pspec) != VMT_PARAM_LINK)
    value =
        vmt_value_format (pspec, g_param_spec_get_default_value (target != NULL ? target : pspec));
  insert_text (&dict, "default", value);
  insert_text (&dict, "text", g_param_spec_get_blurb (pspec));

  g_variant_builder_init (&flags, G_VARIANT_TYPE ("as"));
  if ((pspec->flags & G_PARAM_WRITABLE) == 0)
    g_variant_builder_add (&flags, "s", "read-only");
  if ((pspec->flags & G_PARAM_READABLE) == 0)
    g_variant_builder_add (&flags, "s", "write-only");
  for (guint i = 0; i < G_N_ELEMENTS (words); i++)
    if ((pspec->flags & words[i].flag) != 0)
      g_variant_builder_add (&flags, "s", words[i].word);
  g_variant_dict_insert_value (&dict, "flags", g_variant_builder_end (&flags));
  return g_variant_dict_end (&dict);
}

static void
describe_class (GObjectClass *klass, GVariantDict *dict)
{
  g_autofree GParamSpec **pspecs = NULL;
  g_autoptr (GPtrArray) events = vmt_object_class_list_events (VMT_OBJECT_CLASS (klass));
  GVariantBuilder builder;
  guint n;

  pspecs = g_object_class_list_properties (klass, &n);
  g_variant_builder_init (&builder, G_VARIANT_TYPE ("aa{sv}"));
  for (guint i = 0; i < n; i++)
    g_variant_builder_add_value (&builder, describe_property (pspecs[i]));
  g_variant_dict_insert_value (dict, "properties", g_variant_builder_end (&builder));

  g_variant_builder_init (&builder, G_VARIANT_TYPE ("aa{sv}"));
  for (guint i = 0; i < events->len; i++)
    {
      const VmtEventSpec *spec = g_ptr_array_index (events, i);
      GVariantDict event;

      g_variant_dict_init (&event, NULL);
      insert_text (&event, "name", spec->name);
      insert_text (&event, "signature", spec->signature);
      insert_text (&event, "text", spec->text);
      g_variant_builder_add_value (&builder, g_variant_dict_end (&event));
    }
  g_variant_dict_insert_value (dict, "events", g_variant_builder_end (&builder));

  /* From the base downwards: a CPU is a device, and says more. */
  for (guint depth = g_type_depth (G_OBJECT_CLASS_TYPE (klass)); depth > 0; depth--)
    {
      GType type = G_OBJECT_CLASS_TYPE (klass);
      VmtFeatureDescriber describer;

      for (guint up = 1; up < depth; up++)
        type = g_type_parent (type);
      describer = (VmtFeatureDescriber)g_type_get_qdata (type, vmt_plugin_describer_quark ());
      if (describer != NULL)
        describer (klass, dict);
    }
  if (!g_variant_dict_contains (dict, "registers"))
    {
      g_variant_builder_init (&builder, G_VARIANT_TYPE ("aa{sv}"));
      g_variant_dict_insert_value (dict, "registers", g_variant_builder_end (&builder));
    }
}

GVariant *
_vmt_plugin_describe (VmtPlugin *self, GError **error)
{
  const VmtPluginDesc *desc = _vmt_plugin_get_desc (self);
  GVariantBuilder features;
  GVariantDict dict;

  g_variant_builder_init (&features, G_VARIANT_TYPE ("aa{sv}"));
  for (const VmtFeature *row = desc->features; row->name != NULL; row++)
    {
      g_autofree char *unmet = _vmt_feature_dup_unmet (row->requires);
      GVariantDict feature;

      g_variant_dict_init (&feature, NULL);
      insert_text (&feature, "kind", vmt_feature_kind_get_nick (row->kind));
      insert_text (&feature, "name", row->name);
      insert_text (&feature, "requires", row->requires);
      g_variant_dict_insert (&feature, "rank", "i", row->rank);
      /* What the host does not have is not tried: the type function might need it. */
      if (unmet == NULL)
        {
          GType type = _vmt_plugin_get_feature_type (self, row, error);
          GObjectClass *klass;

          if (type == G_TYPE_INVALID)
            {
              g_variant_dict_clear (&feature);
              g_variant_builder_clear (&features);
              return NULL;
            }
          klass = g_type_class_ref (type);
          describe_class (klass, &feature);
          g_type_class_unref (klass);
        }
      g_variant_builder_add_value (&features, g_variant_dict_end (&feature));
    }

  g_variant_dict_init (&dict, NULL);
  insert_text (&dict, "name", desc->name);
  insert_text (&dict, "description", desc->description);
  insert_text (&dict, "version", desc->version);
  insert_text (&dict, "license", desc->license);
  insert_text (&dict, "origin", desc->origin);
  g_variant_dict_insert_value (&dict, "features", g_variant_builder_end (&features));
  return g_variant_ref_sink (g_variant_dict_end (&dict));
}
