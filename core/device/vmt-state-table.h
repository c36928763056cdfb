/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

typedef enum { VMT_STATE_U8, VMT_STATE_U16, VMT_STATE_U32, VMT_STATE_U64, VMT_STATE_BOOL, VMT_STATE_BYTES } VmtStateType;

/**
 * VmtStateField:
 * @offset: in the state struct
 * @count: array elements; 0 means 1; for BYTES the size
 * @since: the version of the device's state that introduced it
 *
 * One field of a device's (or CPU's) mutable state: what reset clears and snapshots carry.
 */
typedef struct
{
  const char *name;
  guint32 offset;
  guint8 type;
  guint8 since;
  guint32 count;
} VmtStateField;

#define VMT_STATE(Struct, member, TYPE) { #member, G_STRUCT_OFFSET (Struct, member), VMT_STATE_##TYPE, 1, 0 }
#define VMT_STATE_ARRAY(Struct, member, TYPE, n) { #member, G_STRUCT_OFFSET (Struct, member), VMT_STATE_##TYPE, 1, (n) }
#define VMT_STATE_END { .name = NULL }

/* (transfer full): a{sv} of every field. */
GVariant *vmt_state_table_save (const VmtStateField *fields, gconstpointer state);
/* Unknown names and wrong types are errors; a field that is missing but newer than @version keeps its value. */
gboolean vmt_state_table_load (const VmtStateField *fields, gpointer state, GVariant *saved, guint version, GError **error);
/* All fields to 0. */
void vmt_state_table_reset (const VmtStateField *fields, gpointer state);

G_END_DECLS
