/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib-object.h>

G_BEGIN_DECLS

/**
 * VmtObject:
 *
 * A node of the machine's tree: an id, a parent, children in the order in which they were added,
 * GObject properties (configuration), and events. Its path is the ids from the root, joined by "/",
 * the root's own id left out: `uart0`, `pci0/slot1/disk0`, `cpu0`.
 *
 * Control plane: the thread that owns the machine's context.
 */
#define VMT_TYPE_OBJECT (vmt_object_get_type ())
G_DECLARE_DERIVABLE_TYPE (VmtObject, vmt_object, VMT, OBJECT, GObject)

struct _VmtObjectClass
{
  GObjectClass parent_class;
  /* A child was added or is about to go. Not called for children that go with their parent. */
  void (*child_added) (VmtObject *self, VmtObject *child);
  void (*child_removed) (VmtObject *self, VmtObject *child);
  gpointer reserved[8];
};

const char *vmt_object_get_id (VmtObject *self);
VmtObject *vmt_object_get_parent (VmtObject *self);
VmtObject *vmt_object_get_root (VmtObject *self);
char *vmt_object_dup_path (VmtObject *self);
/* Takes a reference (a floating one is sunk). Fails when the id is taken or is not [A-Za-z0-9_.-]+. */
gboolean vmt_object_add_child (VmtObject *self, const char *id, VmtObject *child, GError **error);
void vmt_object_remove_child (VmtObject *self, VmtObject *child);
VmtObject *vmt_object_get_child (VmtObject *self, const char *id);
/* Not owned. @path is relative to @self; "" is @self. The error names the nearest path. */
VmtObject *vmt_object_find (VmtObject *self, const char *path, GError **error);
/* (element-type VmtObject) (transfer none): children in order; valid until the next change. */
GPtrArray *vmt_object_get_children (VmtObject *self);
typedef void (*VmtObjectVisit) (VmtObject *object, gpointer data);
/* Depth first, parents before children. */
void vmt_object_visit (VmtObject *self, VmtObjectVisit visit, gpointer data);

/* Properties by text, the way XML, the command line and the control socket set them.
 * After realize only properties with VMT_PARAM_LIVE may change. */
gboolean vmt_object_set_text (VmtObject *self, const char *property, const char *text, GError **error);
char *vmt_object_get_text (VmtObject *self, const char *property, GError **error);
/* Whether @pspec may be set now, for callers that have a GValue instead of text. */
gboolean vmt_object_check_settable (VmtObject *self, GParamSpec *pspec, GError **error);
/* A realized object refuses to set any property without VMT_PARAM_LIVE (see vmt_object_set_text). */
void vmt_object_set_frozen (VmtObject *self, gboolean frozen);
gboolean vmt_object_is_frozen (VmtObject *self);

G_END_DECLS
