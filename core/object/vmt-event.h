/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "vmt-object.h"

G_BEGIN_DECLS

/**
 * VmtEventSpec:
 * @name: kebab-case, such as "guest-error"
 * @signature: the payload's GVariant type string; NULL for none
 * @text: one sentence for people
 *
 * A typed occurrence that a class of objects can emit.
 */
typedef struct
{
  const char *name;
  const char *signature;
  const char *text;
  gpointer reserved[2];
} VmtEventSpec;

/* In class_init. @spec must be static. */
void vmt_object_class_install_event (VmtObjectClass *klass, const VmtEventSpec *spec);
const VmtEventSpec *vmt_object_class_find_event (VmtObjectClass *klass, const char *name);
/* (transfer container): own and inherited specs. */
GPtrArray *vmt_object_class_list_events (VmtObjectClass *klass);

/* @payload: a floating reference is sunk. Thread of the machine's context, or any thread: from elsewhere
 * it is delivered there. Not for hot code: see VmtEventRing. An event that the class has not installed or a
 * payload of another type is a programmer error. */
void vmt_object_emit (VmtObject *self, const char *event, GVariant *payload);

/* Of a root: where events are delivered (NULL: at once, on the emitting thread). The machine sets its own context. */
void vmt_object_set_event_context (VmtObject *root, GMainContext *context);

typedef void (*VmtEventFunc) (VmtObject *source, const char *event, GVariant *payload, gpointer data);
/* Everything below @root whose path matches @path ("*" any run within one component, "**" any depth) and
 * whose event matches @event ("*" or a name). Returns an id, never 0. */
guint vmt_object_subscribe (VmtObject *root, const char *path, const char *event, VmtEventFunc func,
                            gpointer data, GDestroyNotify destroy);
void vmt_object_unsubscribe (VmtObject *root, guint id);

/* The ring that hot code writes: fixed records, many producers, one consumer, no lock, no allocation.
 * A full ring drops the record and counts it. */
typedef struct _VmtEventRing VmtEventRing;
typedef struct
{
  VmtObject *source;  /* outlives the ring's use of it: the consumer runs before objects go */
  const char *event;  /* static string */
  guint64 value[3];   /* become the payload "(ttt)" */
} VmtEventRecord;

VmtEventRing *vmt_event_ring_new (guint records_log2);
void vmt_event_ring_free (VmtEventRing *ring);
/* Any thread, wait-free for the caller in the common case; FALSE when full. */
gboolean vmt_event_ring_push (VmtEventRing *ring, const VmtEventRecord *record);
/* Consumer only. */
gboolean vmt_event_ring_pop (VmtEventRing *ring, VmtEventRecord *record);
guint64 vmt_event_ring_get_dropped (VmtEventRing *ring);

G_END_DECLS
