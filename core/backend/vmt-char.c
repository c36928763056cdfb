/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "vmt-char.h"

#include "vmt-waker-private.h"

#define INJECT_LIMIT ((gsize)1 << 20)

typedef struct
{
  const VmtCharFrontend *frontend;
  gpointer device;
  const VmtCharFrontend *overlay; /* takes the input, if it is there */
  gpointer overlay_device;
  VmtWaker *resume;
  /* The stream found the device full (or injected bytes are waiting): vmt_char_resume() has
   * something to do. */
  int starved;
  /* vmt_char_inject(): bytes from @injected_head on are still to be delivered. */
  GByteArray *injected;
  gsize injected_head;
} VmtCharPrivate;

G_DEFINE_ABSTRACT_TYPE_WITH_PRIVATE (VmtChar, vmt_char, VMT_TYPE_BACKEND)

static gsize
device_room (VmtCharPrivate *priv)
{
  const VmtCharFrontend *frontend = priv->overlay != NULL ? priv->overlay : priv->frontend;
  gsize room;

  if (frontend == NULL || frontend->can_receive == NULL)
    return 0;
  /* Set first: the device may get room, and call vmt_char_resume(), just after it has said that it
   * has none. */
  __atomic_store_n (&priv->starved, 1, __ATOMIC_SEQ_CST);
  room = frontend->can_receive (priv->overlay != NULL ? priv->overlay_device : priv->device);
  if (room > 0)
    __atomic_store_n (&priv->starved, 0, __ATOMIC_SEQ_CST);
  return room;
}

static void
deliver (VmtCharPrivate *priv, const guint8 *data, gsize size)
{
  if (priv->overlay != NULL)
    priv->overlay->receive (priv->overlay_device, data, size);
  else if (priv->frontend != NULL)
    priv->frontend->receive (priv->device, data, size);
}

/* Delivers injected bytes; TRUE when none are left. */
static gboolean
deliver_injected (VmtCharPrivate *priv)
{
  while (priv->injected_head < priv->injected->len)
    {
      gsize room = MIN (device_room (priv), priv->injected->len - priv->injected_head);
      const guint8 *data = priv->injected->data + priv->injected_head;

      if (room == 0)
        return FALSE;
      priv->injected_head += room;
      deliver (priv, data, room);
    }
  g_byte_array_set_size (priv->injected, 0);
  priv->injected_head = 0;
  return TRUE;
}

static void
resume_now (gpointer data)
{
  VmtChar *self = data;
  VmtCharPrivate *priv = vmt_char_get_instance_private (self);
  VmtCharClass *klass = VMT_CHAR_GET_CLASS (self);

  if (deliver_injected (priv) && klass->resume != NULL && vmt_backend_is_open (VMT_BACKEND (self)))
    klass->resume (self);
}

static void
vmt_char_dispose (GObject *object)
{
  VmtCharPrivate *priv = vmt_char_get_instance_private (VMT_CHAR (object));

  G_OBJECT_CLASS (vmt_char_parent_class)->dispose (object);
  g_clear_pointer (&priv->resume, vmt_waker_free);
}

static void
vmt_char_finalize (GObject *object)
{
  VmtCharPrivate *priv = vmt_char_get_instance_private (VMT_CHAR (object));

  g_byte_array_unref (priv->injected);
  G_OBJECT_CLASS (vmt_char_parent_class)->finalize (object);
}

static void
vmt_char_class_init (VmtCharClass *klass)
{
  G_OBJECT_CLASS (klass)->dispose = vmt_char_dispose;
  G_OBJECT_CLASS (klass)->finalize = vmt_char_finalize;
}

static void
vmt_char_init (VmtChar *self)
{
  VmtCharPrivate *priv = vmt_char_get_instance_private (self);

  priv->injected = g_byte_array_new ();
}

/**
 * vmt_char_set_frontend:
 * @frontend: (nullable): a static table; NULL takes the device away
 *
 * After the back end is open, on the machine's thread.
 */
void
vmt_char_set_frontend (VmtChar *self, const VmtCharFrontend *frontend, gpointer device)
{
  VmtCharPrivate *priv = vmt_char_get_instance_private (self);

  g_return_if_fail (frontend == NULL || priv->frontend == NULL);
  priv->frontend = frontend;
  priv->device = device;
  if (frontend == NULL)
    {
      g_clear_pointer (&priv->resume, vmt_waker_free);
      return;
    }
  priv->resume = vmt_waker_new (vmt_backend_get_context (VMT_BACKEND (self)), resume_now, self);
  __atomic_store_n (&priv->starved, 1, __ATOMIC_SEQ_CST);
  vmt_char_resume (self);
}

/**
 * vmt_char_set_overlay:
 * @frontend: (nullable): a static table; NULL gives the input back to the front end
 *
 * On the machine's thread, on a stream that has a front end.
 */
void
vmt_char_set_overlay (VmtChar *self, const VmtCharFrontend *frontend, gpointer device)
{
  VmtCharPrivate *priv = vmt_char_get_instance_private (self);

  g_return_if_fail (frontend == NULL || priv->overlay == NULL);
  priv->overlay = frontend;
  priv->overlay_device = device;
  __atomic_store_n (&priv->starved, 1, __ATOMIC_SEQ_CST);
  vmt_char_resume (self);
}

/**
 * vmt_char_write:
 *
 * Returns: the bytes accepted; on less than @size the front end's writable() will be called
 */
gsize
vmt_char_write (VmtChar *self, gconstpointer data, gsize size)
{
  /* Nobody there: dropped, as by an unplugged cable. */
  if (!vmt_backend_is_open (VMT_BACKEND (self)))
    return size;
  return VMT_CHAR_GET_CLASS (self)->write (self, data, size);
}

/* Cheap when the stream is not waiting for room: devices may call it whenever the guest takes a
 * byte. Nothing is delivered from here, as the caller may hold the device's lock. */
void
vmt_char_resume (VmtChar *self)
{
  VmtCharPrivate *priv = vmt_char_get_instance_private (self);

  if (__atomic_load_n (&priv->starved, __ATOMIC_SEQ_CST) != 0 && priv->resume != NULL &&
      __atomic_exchange_n (&priv->starved, 0, __ATOMIC_SEQ_CST) != 0)
    vmt_waker_wake (priv->resume);
}

gsize
vmt_char_can_receive (VmtChar *self)
{
  VmtCharPrivate *priv = vmt_char_get_instance_private (self);

  /* What was injected comes first, or bytes would overtake one another. */
  if (!deliver_injected (priv))
    return 0;
  return device_room (priv);
}

/* @size is at most what vmt_char_can_receive() just said. */
void
vmt_char_receive (VmtChar *self, gconstpointer data, gsize size)
{
  VmtCharPrivate *priv = vmt_char_get_instance_private (self);

  if (size > 0)
    deliver (priv, data, size);
}

void
vmt_char_writable (VmtChar *self)
{
  VmtCharPrivate *priv = vmt_char_get_instance_private (self);

  if (priv->frontend != NULL && priv->frontend->writable != NULL)
    priv->frontend->writable (priv->device);
  if (priv->overlay != NULL && priv->overlay->writable != NULL)
    priv->overlay->writable (priv->overlay_device);
}

void
vmt_char_connected (VmtChar *self, gboolean connected)
{
  VmtCharPrivate *priv = vmt_char_get_instance_private (self);

  if (priv->frontend != NULL && priv->frontend->connected != NULL)
    priv->frontend->connected (priv->device, connected);
}

gsize
vmt_char_inject (VmtChar *self, gconstpointer data, gsize size)
{
  VmtCharPrivate *priv = vmt_char_get_instance_private (self);

  size = MIN (size, INJECT_LIMIT - (priv->injected->len - priv->injected_head));
  if (priv->injected_head > 0)
    {
      g_byte_array_remove_range (priv->injected, 0, priv->injected_head);
      priv->injected_head = 0;
    }
  g_byte_array_append (priv->injected, data, size);
  deliver_injected (priv);
  return size;
}
