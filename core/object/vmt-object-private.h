/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "vmt-object.h"

G_BEGIN_DECLS

/* What vmt-event.c keeps in an object. Only its files look inside. */
typedef struct
{
  GPtrArray *subscriptions; /* NULL until the first one */
  GMainContext *context;    /* where events are delivered; only of a root */
  guint last_id;
} VmtObjectEvents;

G_GNUC_INTERNAL VmtObjectEvents *vmt_object_get_events (VmtObject *self);
G_GNUC_INTERNAL void vmt_object_events_clear (VmtObjectEvents *events);
/* "uart0" or, outside any tree or at its root, the type's name: for messages. */
G_GNUC_INTERNAL char *vmt_object_dup_label (VmtObject *self);

G_END_DECLS
