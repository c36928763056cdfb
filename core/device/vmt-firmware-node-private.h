/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "vmt-firmware-node.h"

G_BEGIN_DECLS

/* What the writers in core/board read. Everything is owned by the node. */

typedef enum
{
  VMT_FIRMWARE_STRINGS,    /* @strings */
  VMT_FIRMWARE_U32,        /* @number */
  VMT_FIRMWARE_U64,        /* @number */
  VMT_FIRMWARE_CELLS,      /* @cells */
  VMT_FIRMWARE_FLAG,       /* nothing but its name */
  VMT_FIRMWARE_BYTES,      /* @bytes */
  VMT_FIRMWARE_REFERENCES, /* @references */
} VmtFirmwarePropertyKind;

typedef struct
{
  VmtObject *target; /* (nullable); a reference is held */
  guint n_cells;
  guint32 *cells; /* host order */
} VmtFirmwareReference;

typedef struct
{
  char *name;
  VmtFirmwarePropertyKind kind;
  char **strings;
  guint64 number;
  GArray *cells; /* guint32, host order */
  GBytes *bytes;
  GPtrArray *references; /* VmtFirmwareReference */
} VmtFirmwareProperty;

struct _VmtFirmwareNode
{
  char *name;
  char **compatible;     /* (nullable) */
  char *hid, *cid;       /* (nullable) */
  GPtrArray *properties; /* VmtFirmwareProperty, in the order in which they were first set */
  GPtrArray *children;   /* VmtFirmwareNode */
  GPtrArray *aliases;    /* char * */
  gboolean omit_reg, omit_interrupts, console;
};

/* (nullable) */
const VmtFirmwareProperty *_vmt_firmware_node_find (const VmtFirmwareNode *node,
                                                    const char *property);

G_END_DECLS
