/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "vmt.h"

G_BEGIN_DECLS

/* What the guest's link carries in one piece. */
#define VMT_NET_LINK_MAX 1514
/* Segments for a device that takes large ones: two of them are in the guest's window, which is 64
 * KiB, as libslirp scales none. */
#define VMT_NET_LARGE_SEGMENT 32760

typedef void (*VmtNetEmit) (gpointer data, const guint8 *frame, gsize size);

/* In a segment that begins a connection: the largest segment that its sender wants back becomes
 * @segment, unless it is more already. Any frame that the filter accepts. */
void vmt_net_large_raise (guint8 *frame, gsize size, guint segment);
/* Emits an IPv4 frame in fragments that the link carries (RFC 791, 2.3); one that cannot be cut is
 * lost. */
void vmt_net_large_split (const guint8 *frame, gsize size, VmtNetEmit emit, gpointer data);
gboolean vmt_net_large_is_tcp (const guint8 *frame, gsize size);

G_END_DECLS
