/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "vmt-machine.h"

G_BEGIN_DECLS

/**
 * VmtService:
 *
 * Something that runs beside a machine on its context: a control socket, a debugger's stub.
 * Features of kind "service".
 */
#define VMT_TYPE_SERVICE (vmt_service_get_type ())
G_DECLARE_DERIVABLE_TYPE (VmtService, vmt_service, VMT, SERVICE, VmtObject)

struct _VmtServiceClass
{
  VmtObjectClass parent_class;
  /* After the machine is realized, before it runs. */
  gboolean (*start) (VmtService *self, VmtMachine *machine, GError **error);
  void (*stop) (VmtService *self);
  gpointer reserved[8];
};

/**
 * vmt_service_start:
 * @machine: kept alive by its owner until vmt_service_stop()
 *
 * Returns: %TRUE if the service runs
 */
gboolean vmt_service_start (VmtService *self, VmtMachine *machine, GError **error);
/* Idempotent. */
void vmt_service_stop (VmtService *self);

G_END_DECLS
