/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "vmt-object.h"

G_BEGIN_DECLS

typedef struct _VmtMachine VmtMachine;

/**
 * VmtBackend:
 *
 * The host side of a device: a child object of it, made from a text such as "pty" or "file,path=log.txt"
 * (feature name, then properties). Opened when the machine is realized, closed when it goes.
 * Callbacks into a front end come on the machine's context.
 */
#define VMT_TYPE_BACKEND (vmt_backend_get_type ())
G_DECLARE_DERIVABLE_TYPE (VmtBackend, vmt_backend, VMT, BACKEND, VmtObject)

struct _VmtBackendClass
{
  VmtObjectClass parent_class;
  gboolean (*open) (VmtBackend *self, GError **error);
  /* Everything accepted has reached its destination when it returns. */
  void (*close) (VmtBackend *self);
  gpointer reserved[8];
};

/* @context: where callbacks are delivered. */
gboolean vmt_backend_open (VmtBackend *self, GMainContext *context, GError **error);
void vmt_backend_close (VmtBackend *self);
gboolean vmt_backend_is_open (VmtBackend *self);
GMainContext *vmt_backend_get_context (VmtBackend *self);

/* A device's property that holds a back end: text names a feature of kind @kind ("char", "block", "net", "entropy").
 * @type: the back end's base class. See vmt_device_set_backend(). */
GParamSpec *vmt_param_spec_backend (const char *name, const char *blurb, const char *kind, GType type, GParamFlags flags);
/* The kind of a back-end property, else NULL. */
const char *vmt_param_spec_get_backend_kind (GParamSpec *pspec);
/* Creates the back end that @text describes ("none" removes it), adds it as child @property of @owner and sets the property.
 * Before realize. */
gboolean vmt_backend_attach (VmtObject *owner, const char *property, const char *text, GError **error);

G_END_DECLS
