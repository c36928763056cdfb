/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "vmt-address-space.h"

G_BEGIN_DECLS

/* Like vmt_address_space_find(), but only RAM, and with a reference on it: the memory outlives the
 * region. */
gboolean _vmt_address_space_find_ram (VmtAddressSpace *self, guint64 address,
                                      VmtMemoryRegion *region);
/* Tables that are replaced and not yet freed; for tests. */
guint vmt_address_space_get_n_retired (VmtAddressSpace *self);

G_END_DECLS
