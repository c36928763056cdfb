/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

typedef struct _VmtVcpu VmtVcpu;

/**
 * VmtArchRegister:
 * @name: unique in the architecture, lower case as in the ISA manual ("x5", "pc", "mstatus", "f0")
 * @bits: width, 1..2048; values are little-endian byte arrays of (bits + 7) / 8 bytes
 * @offset: in the architecture's state struct; -1 with accessors
 *
 * Architectural state is a table, not properties: gdb, accelerators, snapshots, lockstep and
 * firmware use only this.
 */
typedef struct
{
  const char *name;
  const char *group; /* "general", "float", "vector", "csr", ... */
  guint16 bits;
  guint16 flags; /* VMT_ARCH_REG_* */
  gint32 offset;
  guint64 (*get) (VmtVcpu *vcpu, guint arg);
  void (*set) (VmtVcpu *vcpu, guint arg, guint64 value);
  guint arg;
  const char *text;
} VmtArchRegister;

#define VMT_ARCH_REG_RO (1 << 0)
#define VMT_ARCH_REG_FRAME (1 << 1) /* the stack or frame pointer, for debuggers */

G_END_DECLS
