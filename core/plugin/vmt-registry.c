/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "vmt-registry.h"

#include <string.h>

#include "vmt-config.h"
#include "vmt-error.h"
#include "vmt-host.h"
#include "vmt-plugin-scan.h"
#include "vmt-registry-private.h"

#define DEFAULT_TIMEOUT_MS 10000
#define MAX_LISTED 12 /* names that an error message lists */

typedef struct
{
  VmtRegistryEntry *entry; /* not owned */
  VmtFeatureKind kind;
  char *name;
  int rank;
  char *unmet; /* why it cannot be used on this host; NULL: it can */
  guint order; /* on the search path */
} Feature;

struct _VmtRegistry
{
  GObject parent_instance;
  GRecMutex lock;
  GStrv folders;
  char *cache_file;
  guint timeout_ms;
  GPtrArray *entries;  /* NULL until it is scanned */
  GPtrArray *features; /* best first */
};

G_DEFINE_FINAL_TYPE (VmtRegistry, vmt_registry, G_TYPE_OBJECT)

enum
{
  PROP_SCAN_TIMEOUT = 1,
  N_PROPERTIES
};

/* The process's own registry and what it is told before it is there; the API is made so. */
static GMutex default_lock;
static VmtRegistry *default_registry;
static GStrv default_folders;

void
_vmt_registry_entry_free (VmtRegistryEntry *entry)
{
  g_free (entry->stamp.build_id);
  g_clear_pointer (&entry->description, g_variant_unref);
  g_free (entry->path);
  g_free (entry->state);
  g_free (entry->reason);
  g_free (entry);
}

static void
feature_free (gpointer data)
{
  Feature *self = data;

  g_free (self->name);
  g_free (self->unmet);
  g_free (self);
}

static void
vmt_registry_finalize (GObject *object)
{
  VmtRegistry *self = VMT_REGISTRY (object);

  g_clear_pointer (&self->features, g_ptr_array_unref);
  g_clear_pointer (&self->entries, g_ptr_array_unref);
  g_strfreev (self->folders);
  g_free (self->cache_file);
  g_rec_mutex_clear (&self->lock);

  G_OBJECT_CLASS (vmt_registry_parent_class)->finalize (object);
}

static void
vmt_registry_get_property (GObject *object, guint id, GValue *value, GParamSpec *pspec)
{
  VmtRegistry *self = VMT_REGISTRY (object);

  switch (id)
    {
    case PROP_SCAN_TIMEOUT:
      g_value_set_uint (value, self->timeout_ms);
      break;
    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
    }
}

static void
vmt_registry_set_property (GObject *object, guint id, const GValue *value, GParamSpec *pspec)
{
  VmtRegistry *self = VMT_REGISTRY (object);

  switch (id)
    {
    case PROP_SCAN_TIMEOUT:
      self->timeout_ms = g_value_get_uint (value);
      break;
    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
    }
}

static void
vmt_registry_class_init (VmtRegistryClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);

  object_class->finalize = vmt_registry_finalize;
  object_class->get_property = vmt_registry_get_property;
  object_class->set_property = vmt_registry_set_property;

  /**
   * VmtRegistry:scan-timeout:
   *
   * Milliseconds that a plugin may take to load while it is scanned.
   */
  g_object_class_install_property (
      object_class, PROP_SCAN_TIMEOUT,
      g_param_spec_uint ("scan-timeout", NULL,
                         "Milliseconds that a plugin may take to load while it is scanned", 1,
                         600000, DEFAULT_TIMEOUT_MS, G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS));
}

static void
vmt_registry_init (VmtRegistry *self)
{
  g_rec_mutex_init (&self->lock);
  self->timeout_ms = DEFAULT_TIMEOUT_MS;
}

static GStrv
dup_usual_folders (const char *const *first)
{
  g_autoptr (GStrvBuilder) folders = g_strv_builder_new ();
  const char *from_environment = g_getenv ("VMT_PLUGIN_PATH");
  const char *system_path = g_getenv ("VMT_PLUGIN_SYSTEM_PATH");
  g_autofree char *user = g_build_filename (g_get_user_data_dir (), "vmtool-1", "plugins", NULL);

  if (first != NULL)
    g_strv_builder_addv (folders, (const char **)first);
  if (from_environment != NULL)
    {
      g_auto (GStrv) parts = g_strsplit (from_environment, G_SEARCHPATH_SEPARATOR_S, -1);

      g_strv_builder_addv (folders, (const char **)parts);
    }
  g_strv_builder_add (folders, user);
  if (system_path != NULL)
    {
      g_auto (GStrv) parts = g_strsplit (system_path, G_SEARCHPATH_SEPARATOR_S, -1);

      g_strv_builder_addv (folders, (const char **)parts);
    }
  else
    g_strv_builder_add (folders, vmt_host_get_plugin_dir ());
  return g_strv_builder_end (folders);
}

static char *
dup_usual_cache_file (void)
{
  const char *from_environment = g_getenv ("VMT_REGISTRY");
  g_autofree char *name = g_strconcat ("registry-", vmt_host_get_cpu (), ".gvariant", NULL);

  if (from_environment != NULL)
    return *from_environment != '\0' ? g_strdup (from_environment) : NULL;
  /* Build folders would overwrite each other's, and the installed one's. */
  if (vmt_host_is_uninstalled ())
    return g_build_filename (vmt_host_get_plugin_dir (), name, NULL);
  return g_build_filename (g_get_user_cache_dir (), "vmtool-1", name, NULL);
}

/**
 * vmt_registry_new:
 * @search_path: (nullable) (array zero-terminated=1): folders; %NULL for the usual ones
 * @cache_file: (nullable): where to keep what a scan finds; %NULL: nowhere
 *
 * A registry of its own, for tests and embedders. It scans when it is first asked something.
 *
 * Returns: (transfer full): a registry
 */
VmtRegistry *
vmt_registry_new (const char *const *search_path, const char *cache_file)
{
  VmtRegistry *self = g_object_new (VMT_TYPE_REGISTRY, NULL);

  self->folders = search_path != NULL ? g_strdupv ((GStrv)search_path) : dup_usual_folders (NULL);
  self->cache_file = cache_file != NULL && *cache_file != '\0' ? g_strdup (cache_file) : NULL;
  return self;
}

/**
 * vmt_registry_get_default:
 *
 * The process-wide registry. It looks into the folders given to vmt_registry_set_plugin_path(),
 * `$VMT_PLUGIN_PATH`, the user's folder and the system's, and scans, or reads its cache, when it is
 * first asked something. What could not be read is in vmt_registry_list_bad().
 *
 * Any thread.
 *
 * Returns: (transfer none): never %NULL
 */
VmtRegistry *
vmt_registry_get_default (void)
{
  VmtRegistry *self;

  g_mutex_lock (&default_lock);
  if (default_registry == NULL)
    {
      default_registry = g_object_new (VMT_TYPE_REGISTRY, NULL);
      default_registry->folders = dup_usual_folders ((const char *const *)default_folders);
      default_registry->cache_file = dup_usual_cache_file ();
    }
  self = default_registry;
  g_mutex_unlock (&default_lock);
  return self;
}

/**
 * vmt_registry_set_plugin_path:
 * @folders: (nullable) (array zero-terminated=1): folders to look into before all others
 *
 * To be called before the first vmt_registry_get_default().
 */
void
vmt_registry_set_plugin_path (const char *const *folders)
{
  g_mutex_lock (&default_lock);
  if (default_registry != NULL)
    g_critical ("%s() is too late: the registry has been used already", G_STRFUNC);
  else
    {
      g_strfreev (default_folders);
      default_folders = g_strdupv ((GStrv)folders);
    }
  g_mutex_unlock (&default_lock);
}

void
_vmt_registry_make_default_empty (void)
{
  const char *const nowhere[] = { NULL };

  g_mutex_lock (&default_lock);
  if (default_registry == NULL)
    default_registry = vmt_registry_new (nowhere, NULL);
  g_mutex_unlock (&default_lock);
}

/* --- features --- */

static int
compare_features (gconstpointer a, gconstpointer b)
{
  const Feature *left = *(const Feature *const *)a, *right = *(const Feature *const *)b;

  /* What works here comes first, whatever its rank. */
  if ((left->unmet != NULL) != (right->unmet != NULL))
    return left->unmet != NULL ? 1 : -1;
  if (left->rank != right->rank)
    return left->rank > right->rank ? -1 : 1;
  return left->order < right->order ? -1 : 1;
}

static void
add_feature (VmtRegistry *self, VmtRegistryEntry *entry, VmtFeatureKind kind, const char *name,
             int rank, const char *requires)
{
  Feature *feature = g_new0 (Feature, 1);

  feature->entry = entry;
  feature->kind = kind;
  feature->name = g_strdup (name);
  feature->rank = rank;
  feature->unmet = _vmt_feature_dup_unmet (requires);
  feature->order = self->features->len;
  g_ptr_array_add (self->features, feature);
}

static void
add_described (VmtRegistry *self, VmtRegistryEntry *entry)
{
  g_autoptr (GVariant) rows =
      g_variant_lookup_value (entry->description, "features", G_VARIANT_TYPE ("aa{sv}"));
  gsize n = rows != NULL ? g_variant_n_children (rows) : 0;

  for (gsize i = 0; i < n; i++)
    {
      g_autoptr (GVariant) row = g_variant_get_child_value (rows, i);
      const char *nick, *name, *requires = NULL;
      VmtFeatureKind kind;
      int rank = 0;

      if (!g_variant_lookup (row, "kind", "&s", &nick) ||
          !g_variant_lookup (row, "name", "&s", &name) || !vmt_feature_kind_from_nick (nick, &kind))
        continue;
      g_variant_lookup (row, "rank", "i", &rank);
      g_variant_lookup (row, "requires", "&s", &requires);
      add_feature (self, entry, kind, name, rank, requires);
    }
}

static gboolean
collect (VmtRegistry *self, gboolean rescan, GError **error)
{
  VmtRegistryScan scan = {
    .folders = (const char *const *)self->folders,
    .cache_file = self->cache_file,
    .timeout_ms = self->timeout_ms,
    .rescan = rescan,
  };
  g_autoptr (GError) failure = NULL;

  g_clear_pointer (&self->features, g_ptr_array_unref);
  g_clear_pointer (&self->entries, g_ptr_array_unref);
  self->entries = _vmt_registry_collect (&scan, &failure);
  self->features = g_ptr_array_new_with_free_func (feature_free);
  for (guint i = 0; i < self->entries->len; i++)
    {
      VmtRegistryEntry *entry = g_ptr_array_index (self->entries, i);

      if (strcmp (entry->state, VMT_SCAN_OK) != 0)
        continue;
      if (entry->desc == NULL)
        add_described (self, entry);
      else
        for (const VmtFeature *row = entry->desc->features; row->name != NULL; row++)
          add_feature (self, entry, row->kind, row->name, row->rank, row->requires);
    }
  g_ptr_array_sort (self->features, compare_features);
  if (failure == NULL)
    return TRUE;
  g_propagate_error (error, g_steal_pointer (&failure));
  return FALSE;
}

/* Lock held. */
static GPtrArray *
get_features (VmtRegistry *self)
{
  if (self->features == NULL)
    collect (self, FALSE, NULL);
  return self->features;
}

/* Lock held. The best one: they are sorted. */
static Feature *
find_feature (VmtRegistry *self, VmtFeatureKind kind, const char *name)
{
  GPtrArray *features = get_features (self);

  for (guint i = 0; i < features->len; i++)
    {
      Feature *feature = g_ptr_array_index (features, i);

      if (feature->kind == kind && strcmp (feature->name, name) == 0)
        return feature;
    }
  return NULL;
}

/* Lock held. */
static GPtrArray *
list_names (VmtRegistry *self, VmtFeatureKind kind)
{
  GPtrArray *features = get_features (self);
  GPtrArray *names = g_ptr_array_new_with_free_func (g_free);

  for (guint i = 0; i < features->len; i++)
    {
      const Feature *feature = g_ptr_array_index (features, i);

      if (feature->kind == kind &&
          !g_ptr_array_find_with_equal_func (names, feature->name, g_str_equal, NULL))
        g_ptr_array_add (names, g_strdup (feature->name));
    }
  return names;
}

/**
 * vmt_registry_list_features:
 * @self: a registry
 * @kind: which
 *
 * The names of the features, each once, highest rank first. Those that this host cannot use come
 * last.
 *
 * Any thread.
 *
 * Returns: (transfer container) (element-type utf8): the names; the array owns them
 */
GPtrArray *
vmt_registry_list_features (VmtRegistry *self, VmtFeatureKind kind)
{
  GPtrArray *names;

  g_return_val_if_fail (VMT_IS_REGISTRY (self), NULL);

  g_rec_mutex_lock (&self->lock);
  names = list_names (self, kind);
  g_rec_mutex_unlock (&self->lock);
  return names;
}

/**
 * vmt_registry_has_feature:
 * @self: a registry
 * @kind: which
 * @name: the feature's name
 *
 * Any thread.
 *
 * Returns: whether there is such a feature and this host can use it
 */
gboolean
vmt_registry_has_feature (VmtRegistry *self, VmtFeatureKind kind, const char *name)
{
  const Feature *feature;
  gboolean has;

  g_return_val_if_fail (VMT_IS_REGISTRY (self), FALSE);
  g_return_val_if_fail (name != NULL, FALSE);

  g_rec_mutex_lock (&self->lock);
  feature = find_feature (self, kind, name);
  has = feature != NULL && feature->unmet == NULL;
  g_rec_mutex_unlock (&self->lock);
  return has;
}

/* Lock held. The plugin that probably has the feature, when it is one that was refused. */
static const VmtRegistryEntry *
find_refused (VmtRegistry *self, const char *name)
{
  for (guint i = 0; i < self->entries->len; i++)
    {
      const VmtRegistryEntry *entry = g_ptr_array_index (self->entries, i);
      g_autofree char *file = NULL;
      const char *plugin;

      if (strcmp (entry->state, VMT_SCAN_OK) == 0)
        continue;
      /* A device is in its own plugin, or in one that has its family's name. */
      file = g_path_get_basename (entry->path);
      file[strlen (file) - strlen ("." G_MODULE_SUFFIX)] = '\0';
      plugin = strchr (file, '-') + 1;
      if (g_str_has_prefix (name, plugin) &&
          (name[strlen (plugin)] == '\0' || name[strlen (plugin)] == '-'))
        return entry;
    }
  return NULL;
}

/* Lock held. */
static void
set_not_found (VmtRegistry *self, VmtFeatureKind kind, const char *name, GError **error)
{
  g_autoptr (GPtrArray) names = list_names (self, kind);
  const VmtRegistryEntry *refused = find_refused (self, name);
  const char *nearest;
  guint n = names->len;

  if (refused != NULL)
    {
      g_set_error (error, VMT_ERROR,
                   strcmp (refused->state, VMT_SCAN_ABI) == 0 ? VMT_ERROR_ABI : VMT_ERROR_NOT_FOUND,
                   "there is no %s '%s': the plugin %s was refused: %s",
                   vmt_feature_kind_get_nick (kind), name, refused->path, refused->reason);
      return;
    }
  g_ptr_array_add (names, NULL);
  nearest = vmt_nearest_name (name, (const char *const *)names->pdata);
  if (nearest != NULL)
    g_set_error (error, VMT_ERROR, VMT_ERROR_NOT_FOUND, "there is no %s '%s': did you mean '%s'?",
                 vmt_feature_kind_get_nick (kind), name, nearest);
  else if (n > MAX_LISTED)
    g_set_error (error, VMT_ERROR, VMT_ERROR_NOT_FOUND,
                 "there is no %s '%s' among the %u installed, which \"vmtool inspect\" lists",
                 vmt_feature_kind_get_nick (kind), name, n);
  else if (n > 0)
    {
      g_autofree char *all = g_strjoinv (", ", (char **)names->pdata);

      g_set_error (error, VMT_ERROR, VMT_ERROR_NOT_FOUND, "there is no %s '%s'; there is: %s",
                   vmt_feature_kind_get_nick (kind), name, all);
    }
  else
    {
      g_autofree char *folders = g_strjoinv (", ", self->folders);

      g_set_error (error, VMT_ERROR, VMT_ERROR_NOT_FOUND,
                   "there is no %s '%s': no plugin with one was found in %s",
                   vmt_feature_kind_get_nick (kind), name, folders);
    }
}

/**
 * vmt_registry_get_type_of:
 * @self: a registry
 * @kind: which
 * @name: the feature's name
 * @error: return location
 *
 * Loads the module if that is not done yet.
 *
 * Any thread.
 *
 * Returns: %G_TYPE_INVALID with %VMT_ERROR_NOT_FOUND (the nearest name, or the reason why the
 * plugin was refused), %VMT_ERROR_UNSUPPORTED (not on this host) or what went wrong in loading
 */
GType
vmt_registry_get_type_of (VmtRegistry *self, VmtFeatureKind kind, const char *name, GError **error)
{
  g_autofree char *path = NULL;
  const VmtPluginDesc *desc = NULL;
  const VmtFeature *row = NULL;
  const Feature *feature;
  VmtPlugin *plugin;
  GType type = G_TYPE_INVALID;

  g_return_val_if_fail (VMT_IS_REGISTRY (self), G_TYPE_INVALID);
  g_return_val_if_fail ((guint)kind < VMT_N_FEATURE_KINDS, G_TYPE_INVALID);
  g_return_val_if_fail (name != NULL, G_TYPE_INVALID);

  /* The lock is not held while a plugin's own code runs. */
  g_rec_mutex_lock (&self->lock);
  feature = find_feature (self, kind, name);
  if (feature == NULL)
    set_not_found (self, kind, name, error);
  else if (feature->unmet != NULL)
    g_set_error (error, VMT_ERROR, VMT_ERROR_UNSUPPORTED, "the %s '%s' cannot be used here: %s",
                 vmt_feature_kind_get_nick (kind), name, feature->unmet);
  else
    {
      path = g_strdup (feature->entry->path);
      desc = feature->entry->desc;
    }
  g_rec_mutex_unlock (&self->lock);
  if (path == NULL)
    return G_TYPE_INVALID;

  plugin = _vmt_registry_load (path, desc, error);
  if (plugin != NULL)
    {
      row = _vmt_plugin_find_feature (plugin, kind, name);
      if (row == NULL)
        g_set_error (error, VMT_ERROR, VMT_ERROR_NOT_FOUND,
                     "it has no such feature any more: it has changed since it was scanned");
      else
        type = _vmt_plugin_get_feature_type (plugin, row, error);
    }
  if (type == G_TYPE_INVALID)
    g_prefix_error (error, "cannot load the %s '%s' from %s: ", vmt_feature_kind_get_nick (kind),
                    name, *path != '\0' ? path : "the program");
  return type;
}

/**
 * vmt_registry_create:
 * @self: a registry
 * @kind: which
 * @name: the feature's name
 * @error: return location
 *
 * Any thread.
 *
 * Returns: (nullable) (transfer full): a new object of the feature's type, of which the id and the
 * parent are unset; errors as of vmt_registry_get_type_of()
 */
VmtObject *
vmt_registry_create (VmtRegistry *self, VmtFeatureKind kind, const char *name, GError **error)
{
  GType type = vmt_registry_get_type_of (self, kind, name, error);

  return type != G_TYPE_INVALID ? g_object_new (type, NULL) : NULL;
}

/* Lock held. Of a plugin inside the program nothing has been described before. */
static GVariant *
get_description (VmtRegistryEntry *entry)
{
  if (entry->description == NULL)
    {
      VmtPlugin *plugin = _vmt_registry_load (entry->path, entry->desc, NULL);

      if (plugin != NULL)
        entry->description = _vmt_plugin_describe (plugin, NULL);
    }
  return entry->description;
}

static void
copy_text (GVariantDict *to, GVariant *from, const char *key)
{
  g_autoptr (GVariant) value = g_variant_lookup_value (from, key, G_VARIANT_TYPE_STRING);

  if (value != NULL)
    g_variant_dict_insert_value (to, key, value);
}

/* Lock held. The other plugins that have the feature, too, and why they do not get it. */
static GVariant *
list_hidden (VmtRegistry *self, const Feature *chosen)
{
  GVariantBuilder builder;

  g_variant_builder_init (&builder, G_VARIANT_TYPE ("as"));
  for (guint i = 0; i < self->features->len; i++)
    {
      const Feature *feature = g_ptr_array_index (self->features, i);

      if (feature != chosen && feature->kind == chosen->kind &&
          strcmp (feature->name, chosen->name) == 0)
        {
          char *text = feature->unmet != NULL
                           ? g_strdup_printf ("%s: %s", feature->entry->path, feature->unmet)
                           : g_strdup_printf ("%s: rank %d", feature->entry->path, feature->rank);

          g_variant_builder_add_value (&builder, g_variant_new_take_string (text));
        }
    }
  return g_variant_builder_end (&builder);
}

static GVariant *
describe (VmtRegistry *self, const Feature *feature)
{
  static const char *const plugin_keys[] = { "description", "version", "license", "origin" };
  static const char *const tables[] = { "properties", "registers", "events" };
  GVariant *plugin = get_description (feature->entry);
  g_autoptr (GVariant) rows = NULL;
  GVariantDict dict;

  if (plugin != NULL)
    rows = g_variant_lookup_value (plugin, "features", G_VARIANT_TYPE ("aa{sv}"));
  g_variant_dict_init (&dict, NULL);
  for (gsize i = 0; rows != NULL && i < g_variant_n_children (rows); i++)
    {
      g_autoptr (GVariant) row = g_variant_get_child_value (rows, i);
      const char *nick, *name;

      if (g_variant_lookup (row, "kind", "&s", &nick) &&
          g_variant_lookup (row, "name", "&s", &name) && strcmp (name, feature->name) == 0 &&
          strcmp (nick, vmt_feature_kind_get_nick (feature->kind)) == 0)
        {
          g_variant_dict_clear (&dict);
          g_variant_dict_init (&dict, row);
          break;
        }
    }
  for (guint i = 0; i < G_N_ELEMENTS (tables); i++)
    {
      g_autoptr (GVariant) table =
          g_variant_dict_lookup_value (&dict, tables[i], G_VARIANT_TYPE ("aa{sv}"));

      if (table == NULL)
        g_variant_dict_insert_value (&dict, tables[i],
                                     g_variant_new_array (G_VARIANT_TYPE ("a{sv}"), NULL, 0));
    }
  g_variant_dict_insert (&dict, "kind", "s", vmt_feature_kind_get_nick (feature->kind));
  g_variant_dict_insert (&dict, "name", "s", feature->name);
  g_variant_dict_insert (&dict, "rank", "i", feature->rank);
  g_variant_dict_insert (&dict, "file", "s", feature->entry->path);
  g_variant_dict_insert (&dict, "available", "b", feature->unmet == NULL);
  if (feature->unmet != NULL)
    g_variant_dict_insert (&dict, "reason", "s", feature->unmet);
  g_variant_dict_insert_value (&dict, "hidden", list_hidden (self, feature));
  if (plugin != NULL)
    {
      g_autoptr (GVariant) name = g_variant_lookup_value (plugin, "name", G_VARIANT_TYPE_STRING);

      if (name != NULL)
        g_variant_dict_insert_value (&dict, "plugin", name);
      for (guint i = 0; i < G_N_ELEMENTS (plugin_keys); i++)
        copy_text (&dict, plugin, plugin_keys[i]);
    }
  return g_variant_ref_sink (g_variant_dict_end (&dict));
}

/**
 * vmt_registry_describe:
 * @self: a registry
 * @kind: which
 * @name: the feature's name
 *
 * What is known about a feature; nothing is loaded for that. Keys, as far as there is something to
 * say:
 *
 * - "kind", "name", "plugin", "file", "description", "version", "license", "origin", "requires",
 * "text": s
 * - "rank": i; "available": b, and when it is not, "reason": s
 * - "hidden": as, the plugins that offer the same feature and come after this one
 * - "properties", "registers", "events": aa{sv}
 *
 * A property has "name", "type", "flags" (as: live, host, read-only, write-only, construct-only,
 * deprecated), and maybe "range", "default", "text", "feature-kind", "link-type"; an event has
 * "name", and maybe "signature" and "text".
 *
 * Any thread.
 *
 * Returns: (transfer full) (nullable): an a{sv}; %NULL when there is no such feature
 */
GVariant *
vmt_registry_describe (VmtRegistry *self, VmtFeatureKind kind, const char *name)
{
  const Feature *feature;
  GVariant *description = NULL;

  g_return_val_if_fail (VMT_IS_REGISTRY (self), NULL);
  g_return_val_if_fail (name != NULL, NULL);

  g_rec_mutex_lock (&self->lock);
  feature = find_feature (self, kind, name);
  if (feature != NULL)
    description = describe (self, feature);
  g_rec_mutex_unlock (&self->lock);
  return description;
}

/**
 * vmt_registry_list_bad:
 * @self: a registry
 *
 * Any thread.
 *
 * Returns: (transfer full): a(sss), the plugins that are not used: file, state, reason. The states
 * are "bad" and "abi" (until the file changes) and "timeout" (until the next start)
 */
GVariant *
vmt_registry_list_bad (VmtRegistry *self)
{
  GVariantBuilder builder;

  g_return_val_if_fail (VMT_IS_REGISTRY (self), NULL);

  g_variant_builder_init (&builder, G_VARIANT_TYPE ("a(sss)"));
  g_rec_mutex_lock (&self->lock);
  get_features (self);
  for (guint i = 0; i < self->entries->len; i++)
    {
      const VmtRegistryEntry *entry = g_ptr_array_index (self->entries, i);

      if (strcmp (entry->state, VMT_SCAN_OK) != 0)
        g_variant_builder_add (&builder, "(sss)", entry->path, entry->state, entry->reason);
    }
  g_rec_mutex_unlock (&self->lock);
  return g_variant_ref_sink (g_variant_builder_end (&builder));
}

/**
 * vmt_registry_rescan:
 * @self: a registry
 * @error: return location
 *
 * Scans all plugins now, whatever the cache says. What has been loaded stays as it is.
 *
 * Any thread.
 *
 * Returns: %FALSE only when nothing could be scanned at all
 */
gboolean
vmt_registry_rescan (VmtRegistry *self, GError **error)
{
  gboolean good;

  g_return_val_if_fail (VMT_IS_REGISTRY (self), FALSE);

  g_rec_mutex_lock (&self->lock);
  good = collect (self, TRUE, error);
  g_rec_mutex_unlock (&self->lock);
  return good;
}
