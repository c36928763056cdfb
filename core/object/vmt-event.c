/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "vmt-event.h"

#include <string.h>

#include "vmt-object-private.h"

/* Each type's own specs: GPtrArray of const VmtEventSpec, as qdata of the type. */
static G_DEFINE_QUARK (vmt_event_specs, vmt_event_specs)

    typedef struct
{
  gatomicrefcount references; /* one of the list, one of each emission under way */
  guint id;
  gboolean removed;
  GPtrArray *path; /* the pattern's components */
  char *event;     /* NULL: any */
  VmtEventFunc func;
  gpointer data;
  GDestroyNotify destroy;
} Subscription;

static void
subscription_unref (gpointer data)
{
  Subscription *self = data;

  if (!g_atomic_ref_count_dec (&self->references))
    return;
  if (self->destroy != NULL)
    self->destroy (self->data);
  g_ptr_array_unref (self->path);
  g_free (self->event);
  g_free (self);
}

void
_vmt_object_events_clear (VmtObjectEvents *events)
{
  g_clear_pointer (&events->subscriptions, g_ptr_array_unref);
  g_clear_pointer (&events->context, g_main_context_unref);
}

static gboolean
name_is_valid (const char *name)
{
  if (name == NULL || !g_ascii_islower (*name))
    return FALSE;
  for (; *name != '\0'; name++)
    if (!g_ascii_islower (*name) && !g_ascii_isdigit (*name) && *name != '-')
      return FALSE;
  return TRUE;
}

/**
 * vmt_object_class_install_event:
 * @klass: the class being initialised
 * @spec: static
 *
 * Says that objects of the class may emit the event. To be called from class_init.
 */
void
vmt_object_class_install_event (VmtObjectClass *klass, const VmtEventSpec *spec)
{
  GPtrArray *own;

  g_return_if_fail (VMT_IS_OBJECT_CLASS (klass));
  g_return_if_fail (spec != NULL && name_is_valid (spec->name));
  g_return_if_fail (spec->signature == NULL || g_variant_type_string_is_valid (spec->signature));
  g_return_if_fail (vmt_object_class_find_event (klass, spec->name) == NULL);

  own = g_type_get_qdata (G_TYPE_FROM_CLASS (klass), vmt_event_specs_quark ());
  if (own == NULL)
    {
      own = g_ptr_array_new ();
      g_type_set_qdata (G_TYPE_FROM_CLASS (klass), vmt_event_specs_quark (), own);
    }
  g_ptr_array_add (own, (gpointer)spec);
}

/**
 * vmt_object_class_find_event:
 * @klass: a class
 * @name: an event's name
 *
 * Returns: (nullable) (transfer none): the spec, own or inherited
 */
const VmtEventSpec *
vmt_object_class_find_event (VmtObjectClass *klass, const char *name)
{
  g_return_val_if_fail (VMT_IS_OBJECT_CLASS (klass), NULL);
  g_return_val_if_fail (name != NULL, NULL);

  for (GType type = G_TYPE_FROM_CLASS (klass); type != G_TYPE_INVALID; type = g_type_parent (type))
    {
      GPtrArray *own = g_type_get_qdata (type, vmt_event_specs_quark ());

      for (guint i = 0; own != NULL && i < own->len; i++)
        {
          const VmtEventSpec *spec = g_ptr_array_index (own, i);

          if (strcmp (spec->name, name) == 0)
            return spec;
        }
    }
  return NULL;
}

/**
 * vmt_object_class_list_events:
 * @klass: a class
 *
 * Returns: (transfer container): const #VmtEventSpec, those of the most derived class first
 */
GPtrArray *
vmt_object_class_list_events (VmtObjectClass *klass)
{
  GPtrArray *all;

  g_return_val_if_fail (VMT_IS_OBJECT_CLASS (klass), NULL);

  all = g_ptr_array_new ();
  for (GType type = G_TYPE_FROM_CLASS (klass); type != G_TYPE_INVALID; type = g_type_parent (type))
    {
      GPtrArray *own = g_type_get_qdata (type, vmt_event_specs_quark ());

      if (own != NULL)
        g_ptr_array_extend (all, own, NULL, NULL);
    }
  return all;
}

/* "*" is any run of characters. Going back to the last star only is enough, and keeps this linear
 * in practice. */
static gboolean
component_matches (const char *pattern, const char *id)
{
  const char *star = NULL, *retry = NULL;

  while (*id != '\0')
    {
      if (*pattern == '*')
        {
          star = ++pattern;
          retry = id;
        }
      else if (*pattern == *id)
        {
          pattern++;
          id++;
        }
      else if (star != NULL)
        {
          pattern = star;
          id = ++retry;
        }
      else
        return FALSE;
    }
  while (*pattern == '*')
    pattern++;
  return *pattern == '\0';
}

/* The same over components, where "**" is any number of them. */
static gboolean
path_matches (GPtrArray *pattern, const char *const *ids, guint n_ids)
{
  guint p = 0, i = 0, star = G_MAXUINT, retry = 0;

  while (i < n_ids)
    {
      const char *component = p < pattern->len ? g_ptr_array_index (pattern, p) : NULL;

      if (component != NULL && strcmp (component, "**") == 0)
        {
          star = ++p;
          retry = i;
        }
      else if (component != NULL && component_matches (component, ids[i]))
        {
          p++;
          i++;
        }
      else if (star != G_MAXUINT)
        {
          p = star;
          i = ++retry;
        }
      else
        return FALSE;
    }
  while (p < pattern->len && strcmp (g_ptr_array_index (pattern, p), "**") == 0)
    p++;
  return p == pattern->len;
}

static void
deliver (VmtObject *source, const char *event, GVariant *payload)
{
  /* with room from the start: an empty one has no pointer to add to */
  g_autoptr (GPtrArray) ids = g_ptr_array_sized_new (8);
  g_autoptr (GPtrArray) matching = NULL;
  VmtObject *at = source;

  /* The ids from the source upwards; a subscription of the n-th ancestor sees the last n of them,
   * in order. */
  for (; vmt_object_get_parent (at) != NULL; at = vmt_object_get_parent (at))
    g_ptr_array_insert (ids, 0, (gpointer)vmt_object_get_id (at));

  at = source;
  for (guint depth = 0; at != NULL; depth++, at = vmt_object_get_parent (at))
    {
      GPtrArray *all = _vmt_object_get_events (at)->subscriptions;

      for (guint i = 0; all != NULL && i < all->len; i++)
        {
          Subscription *one = g_ptr_array_index (all, i);

          if ((one->event != NULL && strcmp (one->event, event) != 0) ||
              !path_matches (one->path, (const char *const *)ids->pdata + (ids->len - depth),
                             depth))
            continue;
          if (matching == NULL)
            matching = g_ptr_array_new_with_free_func (subscription_unref);
          g_atomic_ref_count_inc (&one->references);
          g_ptr_array_add (matching, one);
        }
    }
  if (matching == NULL)
    return;

  /* From here on anything may go away: the callbacks may unsubscribe, and take the tree apart. */
  g_object_ref (source);
  for (guint i = 0; i < matching->len; i++)
    {
      Subscription *one = g_ptr_array_index (matching, i);

      if (!one->removed)
        one->func (source, event, payload, one->data);
    }
  g_object_unref (source);
}

typedef struct
{
  GWeakRef source; /* weak: the machine owns the context that owns this */
  const char *event;
  GVariant *payload;
} Pending;

static void
pending_free (gpointer data)
{
  Pending *self = data;

  g_weak_ref_clear (&self->source);
  g_clear_pointer (&self->payload, g_variant_unref);
  g_free (self);
}

static gboolean
pending_deliver (gpointer data)
{
  Pending *self = data;
  g_autoptr (VmtObject) source = g_weak_ref_get (&self->source);

  if (source != NULL)
    deliver (source, self->event, self->payload);
  return G_SOURCE_REMOVE;
}

/**
 * vmt_object_emit:
 * @self: the object to which it happened
 * @event: a name that its class has installed
 * @payload: (nullable): of the type that the event has; a floating reference is sunk
 *
 * Tells the subscribers. On the thread that owns the root's event context (or when the root has
 * none) they are called before this returns; from any other thread they are called there, later, in
 * the order of emission. An object that is gone by then emits nothing.
 *
 * Any thread, while @self is kept in its tree.
 */
void
vmt_object_emit (VmtObject *self, const char *event, GVariant *payload)
{
  g_autoptr (GVariant) owned = payload != NULL ? g_variant_ref_sink (payload) : NULL;
  const VmtEventSpec *spec;
  GMainContext *context;

  g_return_if_fail (VMT_IS_OBJECT (self));
  g_return_if_fail (event != NULL);

  spec = vmt_object_class_find_event (VMT_OBJECT_GET_CLASS (self), event);
  if (spec == NULL)
    {
      g_critical ("%s has no event '%s'", G_OBJECT_TYPE_NAME (self), event);
      return;
    }
  if ((spec->signature == NULL) != (owned == NULL) ||
      (owned != NULL && !g_variant_is_of_type (owned, G_VARIANT_TYPE (spec->signature))))
    {
      g_critical ("event '%s' of %s carries '%s', not '%s'", event, G_OBJECT_TYPE_NAME (self),
                  spec->signature != NULL ? spec->signature : "nothing",
                  owned != NULL ? g_variant_get_type_string (owned) : "nothing");
      return;
    }

  context = g_atomic_pointer_get (&_vmt_object_get_events (vmt_object_get_root (self))->context);
  if (context == NULL || g_main_context_is_owner (context))
    deliver (self, spec->name, owned);
  else
    {
      /* Not g_main_context_invoke(): that would run it here whenever nobody has the context just
       * now. */
      g_autoptr (GSource) source = g_idle_source_new ();
      Pending *pending = g_new0 (Pending, 1);

      g_weak_ref_init (&pending->source, self);
      pending->event = spec->name;
      pending->payload = g_steal_pointer (&owned);
      g_source_set_priority (source, G_PRIORITY_DEFAULT);
      g_source_set_callback (source, pending_deliver, pending, pending_free);
      g_source_set_static_name (source, "[vmtool] event");
      g_source_attach (source, context);
    }
}

/**
 * vmt_object_set_event_context:
 * @root: an object without a parent
 * @context: (nullable): the context whose thread owns the tree
 *
 * Where the events of the whole tree are delivered. To be set before other threads emit, and kept
 * until they are done.
 */
void
vmt_object_set_event_context (VmtObject *root, GMainContext *context)
{
  VmtObjectEvents *events;
  GMainContext *before;

  g_return_if_fail (VMT_IS_OBJECT (root));

  events = _vmt_object_get_events (root);
  before = events->context;
  g_atomic_pointer_set (&events->context, context != NULL ? g_main_context_ref (context) : NULL);
  g_clear_pointer (&before, g_main_context_unref);
}

/**
 * vmt_object_subscribe:
 * @root: where the paths begin
 * @path: a pattern: "*" is any run within one component, "**" any number of components (none, too);
 * "" is @root itself
 * @event: a name, or "*" for all
 * @func: (scope notified): what to call, on the thread that owns the tree
 * @data: for @func
 * @destroy: (nullable): for @data
 *
 * Returns: an id for vmt_object_unsubscribe(), never 0
 */
guint
vmt_object_subscribe (VmtObject *root, const char *path, const char *event, VmtEventFunc func,
                      gpointer data, GDestroyNotify destroy)
{
  VmtObjectEvents *events;
  Subscription *self;
  g_auto (GStrv) components = NULL;

  g_return_val_if_fail (VMT_IS_OBJECT (root), 0);
  g_return_val_if_fail (path != NULL, 0);
  g_return_val_if_fail (event != NULL, 0);
  g_return_val_if_fail (func != NULL, 0);

  events = _vmt_object_get_events (root);
  if (events->subscriptions == NULL)
    events->subscriptions = g_ptr_array_new_with_free_func (subscription_unref);

  self = g_new0 (Subscription, 1);
  g_atomic_ref_count_init (&self->references);
  self->id = ++events->last_id;
  self->path = g_ptr_array_new_with_free_func (g_free);
  components = g_strsplit (path, "/", -1);
  for (guint i = 0; components[i] != NULL; i++)
    g_ptr_array_add (self->path, g_strdup (components[i]));
  self->event = strcmp (event, "*") != 0 ? g_strdup (event) : NULL;
  self->func = func;
  self->data = data;
  self->destroy = destroy;
  g_ptr_array_add (events->subscriptions, self);
  return self->id;
}

/**
 * vmt_object_unsubscribe:
 * @root: the object that was given to vmt_object_subscribe()
 * @id: what that returned
 *
 * The function is not called any more, not even by an emission that is under way. Its data is
 * destroyed now, or when the call that is running returns.
 */
void
vmt_object_unsubscribe (VmtObject *root, guint id)
{
  GPtrArray *all;

  g_return_if_fail (VMT_IS_OBJECT (root));

  all = _vmt_object_get_events (root)->subscriptions;
  for (guint i = 0; all != NULL && i < all->len; i++)
    {
      Subscription *one = g_ptr_array_index (all, i);

      if (one->id != id)
        continue;
      one->removed = TRUE;
      g_ptr_array_remove_index (all, i);
      return;
    }
  g_critical ("%s has no subscription %u", G_OBJECT_TYPE_NAME (root), id);
}
