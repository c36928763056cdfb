/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "vmt-object.h"

G_BEGIN_DECLS

/* Properties are ordinary GObject properties; these add the types that machines are described with.
 * Each is a GParamSpec of a stock GLib type with a kind attached, so bindings need nothing special. */

/* May be set while the machine runs (default: only before realize). */
#define VMT_PARAM_LIVE (1 << (G_PARAM_USER_SHIFT + 0))
/* Belongs to one machine file, never printed in a board (paths, sockets). */
#define VMT_PARAM_HOST (1 << (G_PARAM_USER_SHIFT + 1))

typedef enum {
  VMT_PARAM_PLAIN,   /* whatever the GType says */
  VMT_PARAM_SIZE,    /* guint64, bytes; text "64K", "1G", "0x1000" */
  VMT_PARAM_ADDRESS, /* guint64, guest physical; printed in hexadecimal */
  VMT_PARAM_LINK,    /* object; text is a path from the machine, or relative to the parent */
  VMT_PARAM_FEATURE, /* string: name of a feature of a kind in the registry */
  VMT_PARAM_FILE,    /* string: a host path */
  VMT_PARAM_LIST,    /* GStrv; text is comma separated */
  VMT_PARAM_TIME,    /* guint64, nanoseconds; text "10ms", "2s", "500us" */
} VmtParamKind;

GParamSpec *vmt_param_spec_size (const char *name, const char *blurb, guint64 min, guint64 max,
                                 guint64 value, GParamFlags flags);
GParamSpec *vmt_param_spec_address (const char *name, const char *blurb, guint64 value, GParamFlags flags);
GParamSpec *vmt_param_spec_link (const char *name, const char *blurb, GType type, GParamFlags flags);
/* @kind: the nick of a VmtFeatureKind, such as "tier". */
GParamSpec *vmt_param_spec_feature (const char *name, const char *blurb, const char *kind,
                                    const char *value, GParamFlags flags);
GParamSpec *vmt_param_spec_file (const char *name, const char *blurb, GParamFlags flags);
GParamSpec *vmt_param_spec_list (const char *name, const char *blurb, GParamFlags flags);
GParamSpec *vmt_param_spec_time (const char *name, const char *blurb, guint64 min, guint64 max,
                                 guint64 value, GParamFlags flags);

VmtParamKind vmt_param_spec_get_kind (GParamSpec *pspec);
/* The feature kind's nick of a VMT_PARAM_FEATURE, else NULL. */
const char *vmt_param_spec_get_feature_kind (GParamSpec *pspec);
/* "size", "address", "bool", "uint", "enum", "flags", ...: the word that XML, inspect and JSON use. */
const char *vmt_param_spec_get_type_word (GParamSpec *pspec);
/* Range and allowed values as text ("0..64", "on|off"), or NULL. */
char *vmt_param_spec_dup_range (GParamSpec *pspec);

G_END_DECLS
