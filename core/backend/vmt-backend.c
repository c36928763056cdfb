/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "vmt-backend.h"

#include <string.h>

#include "vmt-block.h"
#include "vmt-error.h"
#include "vmt-param.h"
#include "vmt-registry.h"
#include "vmt-value.h"

typedef struct
{
  GMainContext *context;
  gboolean is_open;
} VmtBackendPrivate;

G_DEFINE_ABSTRACT_TYPE_WITH_PRIVATE (VmtBackend, vmt_backend, VMT_TYPE_OBJECT)

static G_DEFINE_QUARK (vmt_param_backend_kind, vmt_param_backend_kind)

    static void vmt_backend_dispose (GObject *object)
{
  VmtBackend *self = VMT_BACKEND (object);
  VmtBackendPrivate *priv = vmt_backend_get_instance_private (self);

  vmt_backend_close (self);
  g_clear_pointer (&priv->context, g_main_context_unref);
  G_OBJECT_CLASS (vmt_backend_parent_class)->dispose (object);
}

static void
vmt_backend_class_init (VmtBackendClass *klass)
{
  G_OBJECT_CLASS (klass)->dispose = vmt_backend_dispose;
}

static void
vmt_backend_init (VmtBackend *self)
{
}

/**
 * vmt_backend_open:
 * @context: where callbacks are delivered; NULL for the default one
 *
 * Opens the host side. Opening an open back end again does nothing. On failure it stays closed and
 * can be opened again.
 */
gboolean
vmt_backend_open (VmtBackend *self, GMainContext *context, GError **error)
{
  VmtBackendPrivate *priv = vmt_backend_get_instance_private (self);
  VmtBackendClass *klass = VMT_BACKEND_GET_CLASS (self);

  if (priv->is_open)
    return TRUE;
  g_clear_pointer (&priv->context, g_main_context_unref);
  priv->context = g_main_context_ref (context != NULL ? context : g_main_context_default ());
  if (klass->open != NULL && !klass->open (self, error))
    return FALSE;
  priv->is_open = TRUE;
  vmt_object_set_frozen (VMT_OBJECT (self), TRUE);
  return TRUE;
}

/**
 * vmt_backend_close:
 *
 * Idempotent. Everything that was accepted has reached its destination when it returns.
 */
void
vmt_backend_close (VmtBackend *self)
{
  VmtBackendPrivate *priv = vmt_backend_get_instance_private (self);
  VmtBackendClass *klass = VMT_BACKEND_GET_CLASS (self);

  if (!priv->is_open)
    return;
  priv->is_open = FALSE;
  if (klass->close != NULL)
    klass->close (self);
  vmt_object_set_frozen (VMT_OBJECT (self), FALSE);
}

gboolean
vmt_backend_is_open (VmtBackend *self)
{
  VmtBackendPrivate *priv = vmt_backend_get_instance_private (self);

  return priv->is_open;
}

/**
 * vmt_backend_get_context:
 *
 * Returns: (transfer none) (nullable): the context that vmt_backend_open() was given
 */
GMainContext *
vmt_backend_get_context (VmtBackend *self)
{
  VmtBackendPrivate *priv = vmt_backend_get_instance_private (self);

  return priv->context;
}

/**
 * vmt_param_spec_backend:
 * @kind: the nick of a feature kind; a static string
 * @type: the base class of the kind's back ends
 */
GParamSpec *
vmt_param_spec_backend (const char *name, const char *blurb, const char *kind, GType type,
                        GParamFlags flags)
{
  GParamSpec *pspec = g_param_spec_object (name, NULL, blurb, type, flags);

  g_param_spec_set_qdata (pspec, vmt_param_backend_kind_quark (), (gpointer)kind);
  return pspec;
}

const char *
vmt_param_spec_get_backend_kind (GParamSpec *pspec)
{
  return g_param_spec_get_qdata (pspec, vmt_param_backend_kind_quark ());
}

/* The text up to the next single comma, doubled commas made single; @text moves behind it. */
static char *
take_item (const char **text)
{
  GString *item = g_string_new (NULL);
  const char *p = *text;

  for (; *p != '\0'; p++)
    {
      if (*p == ',')
        {
          if (p[1] != ',')
            break;
          p++;
        }
      g_string_append_c (item, *p);
    }
  *text = *p == ',' ? p + 1 : NULL;
  return g_string_free (item, FALSE);
}

static const char *
find_setting (GPtrArray *names, GPtrArray *values, const char *name)
{
  for (guint i = names->len; i > 0; i--)
    if (strcmp (g_ptr_array_index (names, i - 1), name) == 0)
      return g_ptr_array_index (values, i - 1);
  return NULL;
}

/* A list property given several times collects its values. */
static gboolean
set_setting (VmtBackend *backend, GPtrArray *names, GPtrArray *values, guint index, GError **error)
{
  const char *name = g_ptr_array_index (names, index);
  GParamSpec *pspec = g_object_class_find_property (G_OBJECT_GET_CLASS (backend), name);
  g_autoptr (GString) all = NULL;

  if (pspec == NULL || vmt_param_spec_get_kind (pspec) != VMT_PARAM_LIST)
    return vmt_object_set_text (VMT_OBJECT (backend), name, g_ptr_array_index (values, index),
                                error);
  all = g_string_new (NULL);
  for (guint i = 0; i <= index; i++)
    if (strcmp (g_ptr_array_index (names, i), name) == 0)
      g_string_append_printf (all, "%s%s", all->len > 0 ? "," : "",
                              (const char *)g_ptr_array_index (values, i));
  return vmt_object_set_text (VMT_OBJECT (backend), name, all->str, error);
}

static VmtBackend *
make_backend (VmtFeatureKind kind, const char *text, GError **error)
{
  VmtRegistry *registry = vmt_registry_get_default ();
  g_autoptr (GPtrArray) names = g_ptr_array_new_with_free_func (g_free);
  g_autoptr (GPtrArray) values = g_ptr_array_new_with_free_func (g_free);
  g_autoptr (VmtBackend) backend = NULL;
  const char *rest = text;
  g_autofree char *feature = take_item (&rest);

  while (rest != NULL)
    {
      g_autofree char *item = take_item (&rest);
      char *equals = strchr (item, '=');

      /* A comma in a path or between the items of a list. */
      if (equals == NULL && values->len > 0)
        {
          char **last = (char **)&g_ptr_array_index (values, values->len - 1);
          char *joined = g_strconcat (*last, ",", item, NULL);

          g_free (*last);
          *last = joined;
          continue;
        }
      if (equals == NULL || equals == item)
        {
          g_set_error (error, VMT_ERROR, VMT_ERROR_INVALID,
                       "back end \"%s\": \"%s\" is not of the form name=value", text, item);
          return NULL;
        }
      g_ptr_array_add (names, g_strndup (item, equals - item));
      g_ptr_array_add (values, g_strdup (equals + 1));
    }

  /* A disk may be given by its path alone. */
  if (kind == VMT_FEATURE_BLOCK && strcmp (feature, "auto") != 0 &&
      strpbrk (feature, "/.") != NULL && !vmt_registry_has_feature (registry, kind, feature))
    {
      g_ptr_array_insert (names, 0, g_strdup ("path"));
      g_ptr_array_insert (values, 0, g_strdup (feature));
      g_free (feature);
      feature = g_strdup ("auto");
    }

  if (kind == VMT_FEATURE_BLOCK && strcmp (feature, "auto") == 0)
    {
      const char *path = find_setting (names, values, "path");
      const char *format = find_setting (names, values, "format");
      const char *readonly = find_setting (names, values, "readonly");
      gboolean is_readonly = FALSE;

      if (path == NULL)
        {
          g_set_error (error, VMT_ERROR, VMT_ERROR_INVALID,
                       "back end \"%s\" has no path: write auto,path=FILE", text);
          return NULL;
        }
      if (readonly != NULL && !vmt_parse_boolean (readonly, &is_readonly, error))
        return NULL;
      backend = (VmtBackend *)vmt_block_new_for_path (path, format, is_readonly, error);
    }
  else
    backend = (VmtBackend *)vmt_registry_create (registry, kind, feature, error);
  if (backend == NULL)
    return NULL;
  if (g_object_is_floating (backend))
    g_object_ref_sink (backend);
  if (!VMT_IS_BACKEND (backend))
    {
      g_set_error (error, VMT_ERROR, VMT_ERROR_ABI, "feature \"%s\" is not a back end", feature);
      return NULL;
    }
  for (guint i = 0; i < names->len; i++)
    {
      if (VMT_IS_BLOCK (backend) && strcmp (g_ptr_array_index (names, i), "format") == 0)
        continue;
      if (!set_setting (backend, names, values, i, error))
        {
          g_prefix_error (error, "back end \"%s\": ", feature);
          return NULL;
        }
    }
  return g_steal_pointer (&backend);
}

/**
 * vmt_backend_attach:
 * @property: a back-end property of @owner
 * @text: "NAME[,property=value...]", "none", and for disks also "auto,path=FILE" or a path. A comma
 * within a value is written twice; a list property may be given several times.
 *
 * On failure @owner is unchanged.
 */
gboolean
vmt_backend_attach (VmtObject *owner, const char *property, const char *text, GError **error)
{
  GParamSpec *pspec = g_object_class_find_property (G_OBJECT_GET_CLASS (owner), property);
  const char *nick = pspec != NULL ? vmt_param_spec_get_backend_kind (pspec) : NULL;
  g_autofree char *path = vmt_object_dup_path (owner);
  g_autoptr (VmtBackend) backend = NULL;
  VmtObject *old;
  VmtFeatureKind kind;

  if (nick == NULL || !vmt_feature_kind_from_nick (nick, &kind))
    {
      g_autoptr (GPtrArray) found = g_ptr_array_new ();
      guint n;
      g_autofree GParamSpec **all = g_object_class_list_properties (G_OBJECT_GET_CLASS (owner), &n);
      const char *nearest;

      for (guint i = 0; i < n; i++)
        if (vmt_param_spec_get_backend_kind (all[i]) != NULL)
          g_ptr_array_add (found, (gpointer)all[i]->name);
      g_ptr_array_add (found, NULL);
      nearest = vmt_nearest_name (property, (const char *const *)found->pdata);
      if (nearest == NULL)
        nearest = g_ptr_array_index (found, 0);
      g_set_error (error, VMT_ERROR, VMT_ERROR_NOT_FOUND, "%s has no back end \"%s\"%s%s%s", path,
                   property, nearest != NULL ? ": its back end is \"" : "",
                   nearest != NULL ? nearest : "", nearest != NULL ? "\"" : "");
      return FALSE;
    }
  if (vmt_object_is_frozen (owner))
    {
      g_set_error (error, VMT_ERROR, VMT_ERROR_STATE,
                   "%s.%s: a back end cannot be changed once the machine is realized", path,
                   property);
      return FALSE;
    }
  if (strcmp (text, "none") != 0)
    {
      backend = make_backend (kind, text, error);
      if (backend == NULL)
        {
          g_prefix_error (error, "%s.%s: ", path, property);
          return FALSE;
        }
      if (!g_type_is_a (G_OBJECT_TYPE (backend), pspec->value_type))
        {
          g_set_error (error, VMT_ERROR, VMT_ERROR_INVALID, "%s.%s: \"%s\" is a %s, not a %s", path,
                       property, text, G_OBJECT_TYPE_NAME (backend),
                       g_type_name (pspec->value_type));
          return FALSE;
        }
    }

  old = vmt_object_get_child (owner, property);
  if (old != NULL)
    {
      g_object_set (owner, property, NULL, NULL);
      vmt_object_remove_child (owner, old);
    }
  if (backend == NULL)
    return TRUE;
  if (!vmt_object_add_child (owner, property, VMT_OBJECT (backend), error))
    return FALSE;
  g_object_set (owner, property, backend, NULL);
  return TRUE;
}
