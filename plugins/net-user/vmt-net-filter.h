/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "vmt.h"

G_BEGIN_DECLS

/* Is the guest's frame one that a network stack may be given? libslirp trusts some of what it
 * reads: frames that contradict themselves have made it touch memory that is not its own. What is
 * refused here is what a router drops as well. */
gboolean vmt_net_filter_accepts (const guint8 *frame, gsize size);

G_END_DECLS
