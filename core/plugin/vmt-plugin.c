/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "vmt-plugin.h"

#include <string.h>

#include "vmt-error.h"
#include "vmt-fast-abi.h"
#include "vmt-host.h"
#include "vmt-plugin-private.h"

typedef struct
{
  const char *nick;
  /* By name: the rooms of these classes are above this one. */
  const char *base;
} KindInfo;

static const KindInfo kinds[VMT_N_FEATURE_KINDS] = {
  [VMT_FEATURE_ARCH] = { "arch", "VmtCpu" },
  [VMT_FEATURE_TIER] = { "tier", "VmtTier" },
  [VMT_FEATURE_ACCEL] = { "accel", NULL },
  [VMT_FEATURE_DEVICE] = { "device", "VmtDevice" },
  [VMT_FEATURE_BLOCK] = { "block", "VmtBlock" },
  [VMT_FEATURE_NET] = { "net", "VmtNet" },
  [VMT_FEATURE_CHAR] = { "char", "VmtChar" },
  [VMT_FEATURE_ENTROPY] = { "entropy", "VmtEntropy" },
  [VMT_FEATURE_LOADER] = { "loader", "VmtLoader" },
  [VMT_FEATURE_FIRMWARE] = { "firmware", "VmtFirmware" },
  [VMT_FEATURE_SERVICE] = { "service", NULL },
  [VMT_FEATURE_HOST] = { "host", NULL },
};

/**
 * vmt_feature_kind_get_nick:
 * @kind: a kind
 *
 * Returns: (nullable) (transfer none): "arch", "tier", ...
 */
const char *
vmt_feature_kind_get_nick (VmtFeatureKind kind)
{
  return (guint)kind < VMT_N_FEATURE_KINDS ? kinds[kind].nick : NULL;
}

/**
 * vmt_feature_kind_from_nick:
 * @nick: "arch", "tier", ...
 * @kind: (out): the kind
 *
 * Returns: %FALSE when there is no such kind
 */
gboolean
vmt_feature_kind_from_nick (const char *nick, VmtFeatureKind *kind)
{
  g_return_val_if_fail (nick != NULL, FALSE);
  g_return_val_if_fail (kind != NULL, FALSE);

  for (guint i = 0; i < VMT_N_FEATURE_KINDS; i++)
    if (strcmp (kinds[i].nick, nick) == 0)
      {
        *kind = i;
        return TRUE;
      }
  return FALSE;
}

struct _VmtPlugin
{
  const VmtPluginDesc *desc;
  char *path; /* "" for one that is inside the program */
};

/**
 * vmt_plugin_get_name:
 * @self: the plugin
 *
 * Returns: (transfer none): the descriptor's name
 */
const char *
vmt_plugin_get_name (VmtPlugin *self)
{
  return self->desc->name;
}

/**
 * vmt_plugin_get_path:
 * @self: the plugin
 *
 * Returns: (transfer none): the module's file; "" for a plugin that is inside the program
 */
const char *
vmt_plugin_get_path (VmtPlugin *self)
{
  return self->path;
}

const VmtPluginDesc *
_vmt_plugin_get_desc (VmtPlugin *self)
{
  return self->desc;
}

static gboolean
check_abi (const VmtPluginDesc *desc, GError **error)
{
  gboolean fast = FALSE;

  /* The order matters: nothing behind the version is known before it is right. */
  if (desc->struct_size < G_STRUCT_OFFSET (VmtPluginDesc, fast_abi) ||
      desc->abi_major != VMT_ABI_MAJOR || desc->abi_minor > VMT_ABI_MINOR)
    {
      g_set_error (error, VMT_ERROR, VMT_ERROR_ABI,
                   "it was built for plugin ABI %u.%u, this vmtool has %u.%u: build it again for "
                   "this vmtool",
                   desc->abi_major, desc->abi_minor, VMT_ABI_MAJOR, VMT_ABI_MINOR);
      return FALSE;
    }
  if (desc->struct_size < sizeof (VmtPluginDesc))
    {
      g_set_error (error, VMT_ERROR, VMT_ERROR_ABI,
                   "its descriptor has %u bytes, ABI %u.%u needs %" G_GSIZE_FORMAT,
                   desc->struct_size, desc->abi_major, desc->abi_minor, sizeof (VmtPluginDesc));
      return FALSE;
    }
  for (const VmtFeature *row = desc->features; row != NULL && row->name != NULL; row++)
    fast |= row->kind == VMT_FEATURE_ARCH || row->kind == VMT_FEATURE_TIER;
  if ((fast || desc->fast_abi != 0) && desc->fast_abi != VMT_FAST_ABI)
    {
      g_set_error (error, VMT_ERROR, VMT_ERROR_ABI,
                   "it was built for fast ABI 0x%08x, this vmtool has 0x%08x: build it again for "
                   "this vmtool",
                   desc->fast_abi, VMT_FAST_ABI);
      return FALSE;
    }
  return TRUE;
}

static gboolean
check_desc (const VmtPluginDesc *desc, const char *name, GError **error)
{
  if (!check_abi (desc, error))
    return FALSE;
  if (g_strcmp0 (desc->name, name) != 0)
    {
      g_set_error (error, VMT_ERROR, VMT_ERROR_INVALID,
                   "its descriptor is named '%s', its file '%s'",
                   desc->name != NULL ? desc->name : "", name);
      return FALSE;
    }
  if (desc->features == NULL)
    {
      g_set_error (error, VMT_ERROR, VMT_ERROR_INVALID, "it has no feature table");
      return FALSE;
    }
  for (const VmtFeature *row = desc->features; row->name != NULL; row++)
    if ((guint)row->kind >= VMT_N_FEATURE_KINDS || row->get_type == NULL || *row->name == '\0')
      {
        g_set_error (error, VMT_ERROR, VMT_ERROR_INVALID,
                     "row %u of its feature table ('%s') has %s", (guint)(row - desc->features),
                     row->name, row->get_type == NULL ? "no type function" : "an unknown kind");
        return FALSE;
      }
  return TRUE;
}

VmtPlugin *
_vmt_plugin_new (const VmtPluginDesc *desc, const char *name, const char *path, GError **error)
{
  VmtPlugin *self;

  if (!check_desc (desc, name, error))
    return NULL;
  self = g_new0 (VmtPlugin, 1);
  self->desc = desc;
  self->path = g_strdup (path);
  if (desc->init != NULL)
    {
      g_autoptr (GError) failure = NULL;

      if (!desc->init (self, &failure))
        {
          g_set_error (error, VMT_ERROR, VMT_ERROR_FAILED, "it cannot start: %s",
                       failure != NULL ? failure->message : "no reason given");
          g_free (self->path);
          g_free (self);
          return NULL;
        }
    }
  return self;
}

/* Modules belong to the process, as the dynamic linker keeps them, so their table does too: an init
 * must not run again when a second registry (a test's, an embedder's) finds the same plugin. */
typedef struct
{
  VmtPlugin *plugin;
  GError *error;
} Opened;

static GRecMutex opened_lock;
static GHashTable *opened; /* key -> Opened */

VmtPlugin *
_vmt_plugin_open_once (const char *key, VmtPluginOpen open, gconstpointer data, GError **error)
{
  Opened *self;

  g_rec_mutex_lock (&opened_lock);
  if (opened == NULL)
    opened = g_hash_table_new (g_str_hash, g_str_equal);
  self = g_hash_table_lookup (opened, key);
  if (self == NULL)
    {
      self = g_new0 (Opened, 1);
      self->plugin = open (data, &self->error);
      g_hash_table_insert (opened, g_strdup (key), self);
    }
  g_rec_mutex_unlock (&opened_lock);

  if (self->plugin == NULL && error != NULL)
    *error = g_error_copy (self->error);
  return self->plugin;
}

const VmtFeature *
_vmt_plugin_find_feature (VmtPlugin *self, VmtFeatureKind kind, const char *name)
{
  for (const VmtFeature *row = self->desc->features; row->name != NULL; row++)
    if (row->kind == kind && strcmp (row->name, name) == 0)
      return row;
  return NULL;
}

GType
_vmt_plugin_get_feature_type (VmtPlugin *self, const VmtFeature *feature, GError **error)
{
  GType type = feature->get_type ();
  const char *base = kinds[feature->kind].base;

  if (type == G_TYPE_INVALID || !g_type_is_a (type, VMT_TYPE_OBJECT) || G_TYPE_IS_ABSTRACT (type))
    {
      g_set_error (error, VMT_ERROR, VMT_ERROR_INVALID,
                   "the type of its %s '%s' (%s) is not one that objects can be made of",
                   kinds[feature->kind].nick, feature->name,
                   type != G_TYPE_INVALID ? g_type_name (type) : "none");
      return G_TYPE_INVALID;
    }
  for (GType above = type; base != NULL; above = g_type_parent (above))
    {
      if (above == G_TYPE_INVALID)
        {
          g_set_error (error, VMT_ERROR, VMT_ERROR_INVALID,
                       "the type of its %s '%s', %s, is not derived from %s",
                       kinds[feature->kind].nick, feature->name, g_type_name (type), base);
          return G_TYPE_INVALID;
        }
      if (strcmp (g_type_name (above), base) == 0)
        break;
    }
  return type;
}

char *
_vmt_feature_dup_unmet (const char *requires)
{
  g_auto (GStrv) words = g_strsplit (requires != NULL ? requires : "", " ", -1);

  for (guint i = 0; words[i] != NULL; i++)
    if (*words[i] != '\0' && strcmp (words[i], vmt_host_get_system ()) != 0 &&
        strcmp (words[i], vmt_host_get_cpu ()) != 0)
      return g_strdup_printf ("it needs a host with '%s', this one is %s %s", words[i],
                              vmt_host_get_system (), vmt_host_get_cpu ());
  return NULL;
}
