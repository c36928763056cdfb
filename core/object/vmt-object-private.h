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

VmtObjectEvents *_vmt_object_get_events (VmtObject *self);
void _vmt_object_events_clear (VmtObjectEvents *events);
/* "uart0" or, outside any tree or at its root, the type's name: for messages. */
char *_vmt_object_dup_label (VmtObject *self);

G_END_DECLS
