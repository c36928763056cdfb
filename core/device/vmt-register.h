/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "vmt-address-space.h"

G_BEGIN_DECLS

/**
 * VmtRegFlags:
 * @VMT_REG_RO: writes are ignored
 * @VMT_REG_W1C: bits written as 1 are cleared
 * @VMT_REG_W1S: bits written as 1 are set
 * @VMT_REG_SIDE_EFFECT: reading changes something: inspection never calls the hook
 * @VMT_REG_WO: reads as 0
 */
typedef enum {
  VMT_REG_RW = 0,
  VMT_REG_RO = 1 << 0,
  VMT_REG_W1C = 1 << 1,
  VMT_REG_W1S = 1 << 2,
  VMT_REG_SIDE_EFFECT = 1 << 3,
  VMT_REG_WO = 1 << 4,
} VmtRegFlags;

/**
 * VmtDeviceRegister:
 * @name: as in the data sheet, upper case
 * @offset: from the region's base, bytes
 * @size: the register's width: 1, 2, 4 or 8 bytes
 * @widths: a mask of allowed access widths (1 | 2 | 4 | 8); 0 means just @size. A narrower access reaches the addressed bytes.
 * @field: where the value lives: offset in the device's state struct, or -1 (hooks only, or constant reset)
 * @reset: the value after reset
 * @writable: the bits that software can change; 0 with flags RW means all
 * @stride: bytes from one element of an array to the next; 0 if there is only one
 * @count: elements; 0 means 1
 * @read: (nullable) instead of the field. @index is the element
 * @write: (nullable) instead of the field; gets the whole register's new value, masked, narrower writes merged
 *
 * One row of a device's register table. It drives dispatch, reset, trace names, inspection, the reference pages and the
 * fuzzers' corpora. The field's width is @size.
 */
typedef struct
{
  const char *name;
  guint32 offset;
  guint8 size;
  guint8 widths;
  guint16 flags;
  gint32 field;
  guint64 reset;
  guint64 writable;
  guint32 stride;
  guint32 count;
  guint64 (*read) (gpointer device, guint index);
  void (*write) (gpointer device, guint index, guint64 value);
  const char *text;
  gpointer reserved[2];
} VmtDeviceRegister;

#define VMT_REGISTERS_END { .name = NULL }

/* The table behind one region: dispatch by offset in constant time. Accesses outside any register or with a width
 * that none of them allows: VMT_MEM_BUS_ERROR and a guest-error record. */
typedef struct _VmtRegisterMap VmtRegisterMap;

G_END_DECLS
