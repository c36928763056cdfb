/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "vmt-service.h"

typedef struct
{
  gboolean started;
} VmtServicePrivate;

G_DEFINE_ABSTRACT_TYPE_WITH_PRIVATE (VmtService, vmt_service, VMT_TYPE_OBJECT)

static void
vmt_service_dispose (GObject *object)
{
  vmt_service_stop (VMT_SERVICE (object));
  G_OBJECT_CLASS (vmt_service_parent_class)->dispose (object);
}

static void
vmt_service_class_init (VmtServiceClass *klass)
{
  G_OBJECT_CLASS (klass)->dispose = vmt_service_dispose;
}

static void
vmt_service_init (VmtService *self)
{
}

gboolean
vmt_service_start (VmtService *self, VmtMachine *machine, GError **error)
{
  VmtServicePrivate *priv = vmt_service_get_instance_private (self);

  g_return_val_if_fail (!priv->started, FALSE);
  priv->started = VMT_SERVICE_GET_CLASS (self)->start (self, machine, error);
  return priv->started;
}

void
vmt_service_stop (VmtService *self)
{
  VmtServicePrivate *priv = vmt_service_get_instance_private (self);

  if (!priv->started)
    return;
  priv->started = FALSE;
  VMT_SERVICE_GET_CLASS (self)->stop (self);
}
