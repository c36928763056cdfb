/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "vmt-object.h"

#include <string.h>

#include "vmt-error-private.h"
#include "vmt-object-private.h"
#include "vmt-param.h"
#include "vmt-value.h"

typedef struct
{
  char *id;
  VmtObject *parent; /* not owned: the parent owns the child */
  GPtrArray *children;
  GHashTable *by_id; /* id -> child; made with the first child */
  VmtObjectEvents events;
  gboolean frozen;
} VmtObjectPrivate;

G_DEFINE_TYPE_WITH_PRIVATE (VmtObject, vmt_object, G_TYPE_OBJECT)

#define PRIVATE(o) ((VmtObjectPrivate *)vmt_object_get_instance_private (o))

static void
detach (VmtObject *child)
{
  VmtObjectPrivate *priv = PRIVATE (child);

  g_atomic_pointer_set (&priv->parent, NULL);
  g_clear_pointer (&priv->id, g_free);
}

static void
vmt_object_dispose (GObject *object)
{
  VmtObjectPrivate *priv = PRIVATE (VMT_OBJECT (object));

  /* Last in, first out: later children may use earlier ones. */
  while (priv->children->len > 0)
    {
      VmtObject *child = g_ptr_array_index (priv->children, priv->children->len - 1);

      g_hash_table_remove (priv->by_id, PRIVATE (child)->id);
      detach (child);
      g_ptr_array_remove_index (priv->children, priv->children->len - 1);
    }

  G_OBJECT_CLASS (vmt_object_parent_class)->dispose (object);
}

static void
vmt_object_finalize (GObject *object)
{
  VmtObjectPrivate *priv = PRIVATE (VMT_OBJECT (object));

  _vmt_object_events_clear (&priv->events);
  g_ptr_array_unref (priv->children);
  g_clear_pointer (&priv->by_id, g_hash_table_unref);
  g_free (priv->id);

  G_OBJECT_CLASS (vmt_object_parent_class)->finalize (object);
}

static void
vmt_object_class_init (VmtObjectClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);

  object_class->dispose = vmt_object_dispose;
  object_class->finalize = vmt_object_finalize;
}

static void
vmt_object_init (VmtObject *self)
{
  PRIVATE (self)->children = g_ptr_array_new_with_free_func (g_object_unref);
}

VmtObjectEvents *
_vmt_object_get_events (VmtObject *self)
{
  return &PRIVATE (self)->events;
}

char *
_vmt_object_dup_label (VmtObject *self)
{
  g_autofree char *path = vmt_object_dup_path (self);

  return *path != '\0' ? g_steal_pointer (&path) : g_strdup (G_OBJECT_TYPE_NAME (self));
}

/**
 * vmt_object_get_id:
 * @self: an object
 *
 * The name by which the parent knows it.
 *
 * Returns: (nullable) (transfer none): %NULL while it has no parent
 */
const char *
vmt_object_get_id (VmtObject *self)
{
  g_return_val_if_fail (VMT_IS_OBJECT (self), NULL);

  return PRIVATE (self)->id;
}

/**
 * vmt_object_get_parent:
 * @self: an object
 *
 * Returns: (nullable) (transfer none): the object that owns it
 */
VmtObject *
vmt_object_get_parent (VmtObject *self)
{
  g_return_val_if_fail (VMT_IS_OBJECT (self), NULL);

  return g_atomic_pointer_get (&PRIVATE (self)->parent);
}

/**
 * vmt_object_get_root:
 * @self: an object
 *
 * Returns: (transfer none): the object's outermost ancestor, which is itself when it has no parent
 */
VmtObject *
vmt_object_get_root (VmtObject *self)
{
  VmtObject *parent;

  g_return_val_if_fail (VMT_IS_OBJECT (self), NULL);

  while ((parent = g_atomic_pointer_get (&PRIVATE (self)->parent)) != NULL)
    self = parent;
  return self;
}

static void
prepend_path (VmtObject *self, GString *path)
{
  VmtObjectPrivate *priv = PRIVATE (self);

  if (priv->parent == NULL)
    return;
  prepend_path (priv->parent, path);
  if (path->len > 0)
    g_string_append_c (path, '/');
  g_string_append (path, priv->id);
}

/**
 * vmt_object_dup_path:
 * @self: an object
 *
 * The ids from below the root down to @self, joined by "/"; empty for a root.
 *
 * Returns: (transfer full): a path that vmt_object_find() on the root understands
 */
char *
vmt_object_dup_path (VmtObject *self)
{
  GString *path;

  g_return_val_if_fail (VMT_IS_OBJECT (self), NULL);

  path = g_string_new (NULL);
  prepend_path (self, path);
  return g_string_free (path, FALSE);
}

static gboolean
id_is_valid (const char *id)
{
  if (id == NULL || *id == '\0')
    return FALSE;
  for (; *id != '\0'; id++)
    if (!g_ascii_isalnum (*id) && *id != '_' && *id != '.' && *id != '-')
      return FALSE;
  return TRUE;
}

/**
 * vmt_object_add_child:
 * @self: the new parent
 * @id: what to call the child, unique among its siblings
 * @child: an object without a parent
 * @error: return location
 *
 * Puts @child below @self, after the children that are there. A reference is taken; a floating one
 * is sunk.
 *
 * Returns: %FALSE when the id is taken or has other characters than letters, digits, "_", "." and
 * "-" (%VMT_ERROR_INVALID), or when @child has a parent already or is @self or above it
 * (%VMT_ERROR_STATE)
 */
gboolean
vmt_object_add_child (VmtObject *self, const char *id, VmtObject *child, GError **error)
{
  VmtObjectPrivate *priv, *child_priv;
  VmtObjectClass *klass;

  g_return_val_if_fail (VMT_IS_OBJECT (self), FALSE);
  g_return_val_if_fail (VMT_IS_OBJECT (child), FALSE);

  priv = PRIVATE (self);
  child_priv = PRIVATE (child);

  if (!id_is_valid (id))
    {
      g_set_error (error, VMT_ERROR, VMT_ERROR_INVALID,
                   "'%s' cannot be an object's id: use letters, digits, '_', '.' and '-'",
                   id != NULL ? id : "");
      return _vmt_error_clean (error);
    }
  if (priv->by_id != NULL && g_hash_table_contains (priv->by_id, id))
    {
      g_autofree char *label = _vmt_object_dup_label (self);

      g_set_error (error, VMT_ERROR, VMT_ERROR_INVALID,
                   "'%s' already has an object with the id '%s': choose another id", label, id);
      return FALSE;
    }
  if (child_priv->parent != NULL)
    {
      g_autofree char *path = vmt_object_dup_path (child);

      g_set_error (error, VMT_ERROR, VMT_ERROR_STATE,
                   "cannot add an object as '%s': it is already in a tree, as '%s'", id, path);
      return FALSE;
    }
  for (VmtObject *above = self; above != NULL; above = PRIVATE (above)->parent)
    if (above == child)
      {
        g_set_error (error, VMT_ERROR, VMT_ERROR_STATE,
                     "cannot add '%s': an object cannot be below itself", id);
        return FALSE;
      }

  if (priv->by_id == NULL)
    priv->by_id = g_hash_table_new (g_str_hash, g_str_equal);
  child_priv->id = g_strdup (id);
  g_atomic_pointer_set (&child_priv->parent, self);
  g_ptr_array_add (priv->children, g_object_ref_sink (child));
  g_hash_table_insert (priv->by_id, child_priv->id, child);

  klass = VMT_OBJECT_GET_CLASS (self);
  if (klass->child_added != NULL)
    klass->child_added (self, child);
  return TRUE;
}

/**
 * vmt_object_remove_child:
 * @self: the parent
 * @child: one of its children
 *
 * Takes @child out of the tree and drops the tree's reference.
 */
void
vmt_object_remove_child (VmtObject *self, VmtObject *child)
{
  VmtObjectPrivate *priv;
  VmtObjectClass *klass;

  g_return_if_fail (VMT_IS_OBJECT (self));
  g_return_if_fail (VMT_IS_OBJECT (child));
  g_return_if_fail (PRIVATE (child)->parent == self);

  priv = PRIVATE (self);
  klass = VMT_OBJECT_GET_CLASS (self);
  g_object_ref (child);
  if (klass->child_removed != NULL)
    klass->child_removed (self, child);
  if (PRIVATE (child)->parent == self)
    {
      g_hash_table_remove (priv->by_id, PRIVATE (child)->id);
      detach (child);
      g_ptr_array_remove (priv->children, child);
    }
  g_object_unref (child);
}

/**
 * vmt_object_get_child:
 * @self: an object
 * @id: the child's id
 *
 * Returns: (nullable) (transfer none): the child
 */
VmtObject *
vmt_object_get_child (VmtObject *self, const char *id)
{
  VmtObjectPrivate *priv;

  g_return_val_if_fail (VMT_IS_OBJECT (self), NULL);
  g_return_val_if_fail (id != NULL, NULL);

  priv = PRIVATE (self);
  return priv->by_id != NULL ? g_hash_table_lookup (priv->by_id, id) : NULL;
}

static void
collect_paths (VmtObject *self, const char *prefix, GPtrArray *paths)
{
  VmtObjectPrivate *priv = PRIVATE (self);

  for (guint i = 0; i < priv->children->len; i++)
    {
      VmtObject *child = g_ptr_array_index (priv->children, i);
      char *path = g_strconcat (prefix, PRIVATE (child)->id, NULL);
      g_autofree char *below = g_strconcat (path, "/", NULL);

      g_ptr_array_add (paths, path);
      collect_paths (child, below, paths);
    }
}

/**
 * vmt_object_find:
 * @self: where the path begins
 * @path: ids joined by "/"; "" is @self
 * @error: return location
 *
 * Returns: (nullable) (transfer none): the object; %VMT_ERROR_NOT_FOUND names the nearest path that
 * exists
 */
VmtObject *
vmt_object_find (VmtObject *self, const char *path, GError **error)
{
  g_autoptr (GPtrArray) paths = NULL;
  g_auto (GStrv) ids = NULL;
  VmtObject *found = self;
  const char *nearest;

  g_return_val_if_fail (VMT_IS_OBJECT (self), NULL);
  g_return_val_if_fail (path != NULL, NULL);

  ids = g_strsplit (path, "/", -1);
  for (guint i = 0; ids[i] != NULL && found != NULL; i++)
    found = vmt_object_get_child (found, ids[i]);
  if (found != NULL)
    return found;
  if (error == NULL)
    return NULL;

  paths = g_ptr_array_new_with_free_func (g_free);
  collect_paths (self, "", paths);
  g_ptr_array_add (paths, NULL);
  nearest = vmt_nearest_name (path, (const char *const *)paths->pdata);
  g_set_error (error, VMT_ERROR, VMT_ERROR_NOT_FOUND, "there is no object '%s'%s%s%s", path,
               nearest != NULL ? ": did you mean '" : "", nearest != NULL ? nearest : "",
               nearest != NULL ? "'?" : "");
  _vmt_error_clean (error);
  return NULL;
}

/**
 * vmt_object_get_children:
 * @self: an object
 *
 * Returns: (element-type VmtObject) (transfer none): the children in order; valid until the next
 * change
 */
GPtrArray *
vmt_object_get_children (VmtObject *self)
{
  g_return_val_if_fail (VMT_IS_OBJECT (self), NULL);

  return PRIVATE (self)->children;
}

/**
 * vmt_object_visit:
 * @self: where to begin
 * @visit: (scope call): what to do
 * @data: for @visit
 *
 * Visits @self and everything below it, parents before children. The tree may be changed by @visit:
 * a level is visited as it was when its parent had been visited.
 */
void
vmt_object_visit (VmtObject *self, VmtObjectVisit visit, gpointer data)
{
  g_autoptr (GPtrArray) level = NULL;

  g_return_if_fail (VMT_IS_OBJECT (self));
  g_return_if_fail (visit != NULL);

  visit (self, data);
  if (PRIVATE (self)->children->len == 0)
    return;
  level = g_ptr_array_new_with_free_func (g_object_unref);
  for (guint i = 0; i < PRIVATE (self)->children->len; i++)
    g_ptr_array_add (level, g_object_ref (g_ptr_array_index (PRIVATE (self)->children, i)));
  for (guint i = 0; i < level->len; i++)
    vmt_object_visit (g_ptr_array_index (level, i), visit, data);
}

static GParamSpec *
find_property (VmtObject *self, const char *property, GError **error)
{
  GParamSpec *pspec = g_object_class_find_property (G_OBJECT_GET_CLASS (self), property);
  g_autofree GParamSpec **all = NULL;
  g_autoptr (GPtrArray) names = NULL;
  g_autofree char *label = NULL;
  const char *nearest;
  guint n;

  if (pspec != NULL || error == NULL)
    return pspec;

  all = g_object_class_list_properties (G_OBJECT_GET_CLASS (self), &n);
  names = g_ptr_array_new ();
  for (guint i = 0; i < n; i++)
    g_ptr_array_add (names, (gpointer)g_param_spec_get_name (all[i]));
  g_ptr_array_add (names, NULL);
  nearest = vmt_nearest_name (property, (const char *const *)names->pdata);
  label = _vmt_object_dup_label (self);
  g_set_error (error, VMT_ERROR, VMT_ERROR_NOT_FOUND, "%s has no property '%s'%s%s%s", label,
               property, nearest != NULL ? ": did you mean '" : "", nearest != NULL ? nearest : "",
               nearest != NULL ? "'?" : "");
  _vmt_error_clean (error);
  return NULL;
}

/**
 * vmt_object_set_text:
 * @self: an object
 * @property: the property's name
 * @text: the value, as vmt_value_parse() reads it
 * @error: return location
 *
 * Returns: %FALSE when there is no such property (%VMT_ERROR_NOT_FOUND), when @text is not a value
 * of it
 *   (%VMT_ERROR_INVALID, %VMT_ERROR_NOT_FOUND for a link), or when it cannot be set now
 * (%VMT_ERROR_STATE) or ever
 *   (%VMT_ERROR_UNSUPPORTED)
 */
gboolean
vmt_object_set_text (VmtObject *self, const char *property, const char *text, GError **error)
{
  g_auto (GValue) value = G_VALUE_INIT;
  GParamSpec *pspec;

  g_return_val_if_fail (VMT_IS_OBJECT (self), FALSE);
  g_return_val_if_fail (property != NULL, FALSE);
  g_return_val_if_fail (text != NULL, FALSE);

  pspec = find_property (self, property, error);
  if (pspec == NULL || !vmt_object_check_settable (self, pspec, error))
    return FALSE;
  if (!vmt_value_parse (pspec, text, self, &value, error))
    {
      g_autofree char *label = _vmt_object_dup_label (self);

      g_prefix_error (error, "%s: ", label);
      return FALSE;
    }
  g_object_set_property (G_OBJECT (self), g_param_spec_get_name (pspec), &value);
  return TRUE;
}

/**
 * vmt_object_check_settable:
 * @self: an object
 * @pspec: one of its properties
 * @error: return location
 *
 * Whether the property may be set in the object's present state: for callers that have a #GValue,
 * such as the control socket's JSON.
 *
 * Returns: %FALSE with %VMT_ERROR_UNSUPPORTED (read only) or %VMT_ERROR_STATE (not while the
 * machine exists)
 */
gboolean
vmt_object_check_settable (VmtObject *self, GParamSpec *pspec, GError **error)
{
  g_autofree char *label = NULL;

  g_return_val_if_fail (VMT_IS_OBJECT (self), FALSE);
  g_return_val_if_fail (G_IS_PARAM_SPEC (pspec), FALSE);

  if ((pspec->flags & G_PARAM_WRITABLE) != 0 && (pspec->flags & G_PARAM_CONSTRUCT_ONLY) == 0 &&
      (!PRIVATE (self)->frozen || (pspec->flags & VMT_PARAM_LIVE) != 0))
    return TRUE;

  label = _vmt_object_dup_label (self);
  if ((pspec->flags & G_PARAM_WRITABLE) == 0)
    g_set_error (error, VMT_ERROR, VMT_ERROR_UNSUPPORTED, "%s: property '%s' is read-only", label,
                 pspec->name);
  else if ((pspec->flags & G_PARAM_CONSTRUCT_ONLY) != 0)
    g_set_error (error, VMT_ERROR, VMT_ERROR_UNSUPPORTED,
                 "%s: property '%s' can be given only when the object is made", label, pspec->name);
  else
    g_set_error (
        error, VMT_ERROR, VMT_ERROR_STATE,
        "%s: property '%s' cannot change once the machine is realized: set it in the board "
        "or on the command line",
        label, pspec->name);
  return FALSE;
}

/**
 * vmt_object_get_text:
 * @self: an object
 * @property: the property's name
 * @error: return location
 *
 * Returns: (nullable) (transfer full): the value, as vmt_value_format() writes it
 */
char *
vmt_object_get_text (VmtObject *self, const char *property, GError **error)
{
  g_auto (GValue) value = G_VALUE_INIT;
  GParamSpec *pspec;

  g_return_val_if_fail (VMT_IS_OBJECT (self), NULL);
  g_return_val_if_fail (property != NULL, NULL);

  pspec = find_property (self, property, error);
  if (pspec == NULL)
    return NULL;
  if ((pspec->flags & G_PARAM_READABLE) == 0)
    {
      g_autofree char *label = _vmt_object_dup_label (self);

      g_set_error (error, VMT_ERROR, VMT_ERROR_UNSUPPORTED, "%s: property '%s' cannot be read",
                   label, pspec->name);
      return NULL;
    }
  g_value_init (&value, pspec->value_type);
  g_object_get_property (G_OBJECT (self), g_param_spec_get_name (pspec), &value);
  return vmt_value_format (pspec, &value);
}

/**
 * vmt_object_set_frozen:
 * @self: an object
 * @frozen: whether it is realized
 *
 * While frozen, vmt_object_set_text() refuses properties without %VMT_PARAM_LIVE. The children are
 * not concerned.
 */
void
vmt_object_set_frozen (VmtObject *self, gboolean frozen)
{
  g_return_if_fail (VMT_IS_OBJECT (self));

  PRIVATE (self)->frozen = frozen;
}

/**
 * vmt_object_is_frozen:
 * @self: an object
 *
 * Returns: what vmt_object_set_frozen() said last
 */
gboolean
vmt_object_is_frozen (VmtObject *self)
{
  g_return_val_if_fail (VMT_IS_OBJECT (self), FALSE);

  return PRIVATE (self)->frozen;
}
