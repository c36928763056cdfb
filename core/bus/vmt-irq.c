/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "vmt-irq.h"

#include "vmt-error.h"

G_DEFINE_INTERFACE (VmtIrqController, vmt_irq_controller, VMT_TYPE_OBJECT)

static void
vmt_irq_controller_default_init (VmtIrqControllerInterface *iface)
{
  (void)iface;
}

gboolean
vmt_irq_controller_get_input (VmtIrqController *self, const char *line, VmtIrq *irq, GError **error)
{
  g_return_val_if_fail (VMT_IS_IRQ_CONTROLLER (self), FALSE);
  g_return_val_if_fail (line != NULL && irq != NULL, FALSE);

  VmtIrqControllerInterface *iface = VMT_IRQ_CONTROLLER_GET_IFACE (self);
  if (iface->get_input == NULL)
    {
      g_set_error (error, VMT_ERROR, VMT_ERROR_UNSUPPORTED, "'%s' (%s) has no interrupt inputs",
                   vmt_object_get_id (VMT_OBJECT (self)), G_OBJECT_TYPE_NAME (self));
      return FALSE;
    }
  return iface->get_input (self, line, irq, error);
}

guint
vmt_irq_controller_describe_line (VmtIrqController *self, guint line, guint32 cells[4])
{
  g_return_val_if_fail (VMT_IS_IRQ_CONTROLLER (self), 0);

  VmtIrqControllerInterface *iface = VMT_IRQ_CONTROLLER_GET_IFACE (self);
  if (iface->describe_line != NULL)
    return iface->describe_line (self, line, cells);
  /* Most controllers have one cell: the input's number. */
  cells[0] = line;
  return 1;
}
