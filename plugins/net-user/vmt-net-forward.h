/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <netinet/in.h>

#include "vmt.h"

G_BEGIN_DECLS

/* A port of the host that leads into the guest; addresses in network byte order, 0.0.0.0 for the
 * guest's own. */
typedef struct
{
  gboolean udp;
  struct in_addr host, guest;
  guint16 host_port, guest_port;
} VmtNetForward;

/* "[tcp:|udp:][ADDRESS:]PORT:GUESTPORT" or "[tcp:|udp:][ADDRESS:]PORT-[GUESTADDRESS]:GUESTPORT".
 * Without an address of the host only the host itself can connect. */
gboolean vmt_net_forward_parse (const char *text, VmtNetForward *forward, GError **error);

G_END_DECLS
