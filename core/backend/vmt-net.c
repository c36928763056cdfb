/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "vmt-net.h"

#include "vmt-waker-private.h"

typedef struct
{
  const VmtNetFrontend *frontend;
  gpointer device;
  VmtWaker *resume;
  int starved; /* as in VmtChar */
  int large;   /* atomic */
} VmtNetPrivate;

G_DEFINE_ABSTRACT_TYPE_WITH_PRIVATE (VmtNet, vmt_net, VMT_TYPE_BACKEND)

static void
vmt_net_dispose (GObject *object)
{
  VmtNetPrivate *priv = vmt_net_get_instance_private (VMT_NET (object));

  G_OBJECT_CLASS (vmt_net_parent_class)->dispose (object);
  g_clear_pointer (&priv->resume, vmt_waker_free);
}

static void
vmt_net_class_init (VmtNetClass *klass)
{
  G_OBJECT_CLASS (klass)->dispose = vmt_net_dispose;
}

static void
vmt_net_init (VmtNet *self)
{
}

static void
resume_now (gpointer data)
{
  VmtNet *self = data;
  VmtNetClass *klass = VMT_NET_GET_CLASS (self);

  if (klass->resume != NULL && vmt_backend_is_open (VMT_BACKEND (self)))
    klass->resume (self);
}

/**
 * vmt_net_set_frontend:
 * @frontend: (nullable): a static table; NULL takes the device away
 *
 * After the back end is open, on the machine's thread.
 */
void
vmt_net_set_frontend (VmtNet *self, const VmtNetFrontend *frontend, gpointer device)
{
  VmtNetPrivate *priv = vmt_net_get_instance_private (self);

  g_return_if_fail (frontend == NULL || priv->frontend == NULL);
  priv->frontend = frontend;
  priv->device = device;
  if (frontend == NULL)
    g_clear_pointer (&priv->resume, vmt_waker_free);
  else
    priv->resume = vmt_waker_new (vmt_backend_get_context (VMT_BACKEND (self)), resume_now, self);
}

VmtNetFlags
vmt_net_get_flags (VmtNet *self)
{
  return VMT_NET_GET_CLASS (self)->flags;
}

void
vmt_net_send (VmtNet *self, const guint8 *frame, gsize size)
{
  if (vmt_backend_is_open (VMT_BACKEND (self)))
    VMT_NET_GET_CLASS (self)->send (self, frame, size);
}

void
vmt_net_resume (VmtNet *self)
{
  VmtNetPrivate *priv = vmt_net_get_instance_private (self);

  if (__atomic_load_n (&priv->starved, __ATOMIC_SEQ_CST) != 0 && priv->resume != NULL &&
      __atomic_exchange_n (&priv->starved, 0, __ATOMIC_SEQ_CST) != 0)
    vmt_waker_wake (priv->resume);
}

void
vmt_net_set_large (VmtNet *self, gboolean large)
{
  VmtNetPrivate *priv = vmt_net_get_instance_private (self);

  __atomic_store_n (&priv->large, large, __ATOMIC_RELAXED);
}

gboolean
vmt_net_takes_large (VmtNet *self)
{
  VmtNetPrivate *priv = vmt_net_get_instance_private (self);

  return __atomic_load_n (&priv->large, __ATOMIC_RELAXED) != 0;
}

gboolean
vmt_net_receive (VmtNet *self, const guint8 *frame, gsize size)
{
  VmtNetPrivate *priv = vmt_net_get_instance_private (self);

  if (priv->frontend == NULL)
    return TRUE; /* no cable: lost */
  /* Set first: the device may get room just after it has said that it has none. */
  __atomic_store_n (&priv->starved, 1, __ATOMIC_SEQ_CST);
  if (!priv->frontend->receive (priv->device, frame, size))
    return FALSE;
  __atomic_store_n (&priv->starved, 0, __ATOMIC_SEQ_CST);
  return TRUE;
}
