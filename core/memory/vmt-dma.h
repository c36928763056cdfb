/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "vmt-address-space.h"

G_BEGIN_DECLS

/* How devices reach guest memory. One function does the dirty log, code invalidation and reservations;
 * nothing else writes guest RAM on a device's behalf. Any thread. Ranges may span regions. Only RAM is reached: device
 * registers and holes make the call fail (a device must treat that as the guest's mistake). */

gboolean vmt_dma_read (VmtAddressSpace *space, guint64 address, gpointer buffer, guint64 size);
gboolean vmt_dma_write (VmtAddressSpace *space, guint64 address, gconstpointer buffer, guint64 size);

/* Direct access: the host address of @address, with *@size cut to what is contiguous in one RAM block; NULL when it is not
 * RAM (or read-only and @write). A mapping for writing has been announced to the store function over the whole range
 * and must be used at once: map, write, forget. Keep no pointer past the callback. */
gpointer vmt_dma_map (VmtAddressSpace *space, guint64 address, guint64 *size, gboolean write);
/* After the data of a write mapping has been stored; makes it visible and drops what was translated meanwhile. */
void vmt_dma_unmap (VmtAddressSpace *space, guint64 address, guint64 size, gboolean write);

static inline gboolean
vmt_dma_read_u16 (VmtAddressSpace *space, guint64 address, guint16 *value)
{
  guint16 v;
  if (!vmt_dma_read (space, address, &v, sizeof v))
    return FALSE;
  *value = GUINT16_FROM_LE (v);
  return TRUE;
}
static inline gboolean
vmt_dma_write_u16 (VmtAddressSpace *space, guint64 address, guint16 value)
{
  guint16 v = GUINT16_TO_LE (value);
  return vmt_dma_write (space, address, &v, sizeof v);
}

G_END_DECLS
