/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "vmt-object.h"

G_BEGIN_DECLS

/**
 * VmtIrq:
 *
 * An interrupt output, wired to one input of a controller when the machine is realized. Level semantics; an edge is
 * a level set and cleared. Unwired outputs do nothing. Any thread: the controller takes its own lock (lock order: device,
 * controller, vCPU kick).
 */
typedef struct
{
  void (*func) (gpointer sink, guint line, gboolean level);
  gpointer sink;
  guint line;
} VmtIrq;

static inline void
vmt_irq_set (const VmtIrq *irq, gboolean level)
{
  if (irq->func != NULL)
    irq->func (irq->sink, irq->line, level);
}

/**
 * VmtIrqController:
 *
 * What can be the target of an <irq to="..."/>: interrupt controllers, and CPUs.
 */
#define VMT_TYPE_IRQ_CONTROLLER (vmt_irq_controller_get_type ())
G_DECLARE_INTERFACE (VmtIrqController, vmt_irq_controller, VMT, IRQ_CONTROLLER, VmtObject)

struct _VmtIrqControllerInterface
{
  GTypeInterface parent;
  /* The input named @line: a number for most controllers, a name for CPUs ("m-ext"). The error tells the range, or names. */
  gboolean (*get_input) (VmtIrqController *self, const char *line, VmtIrq *irq, GError **error);
  /* How an interrupt on input @line reads in a device tree: cells (host order), at most 4. Returns the number of cells. */
  guint (*describe_line) (VmtIrqController *self, guint line, guint32 cells[4]);
  gpointer reserved[4];
};

gboolean vmt_irq_controller_get_input (VmtIrqController *self, const char *line, VmtIrq *irq, GError **error);
guint vmt_irq_controller_describe_line (VmtIrqController *self, guint line, guint32 cells[4]);

G_END_DECLS
