/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "vmt-backend.h"

G_BEGIN_DECLS

/**
 * VmtNet:
 *
 * The host end of an Ethernet link: user networking, tap, sockets.
 */
#define VMT_TYPE_NET (vmt_net_get_type ())
G_DECLARE_DERIVABLE_TYPE (VmtNet, vmt_net, VMT, NET, VmtBackend)

/* A frame with the largest IPv4 packet, without FCS. */
#define VMT_NET_FRAME_MAX (14 + 65535)

/**
 * VmtNetFlags:
 * @VMT_NET_LARGE_TCP: send takes TCP segments over IPv4 of any length, whatever the link's MTU
 * @VMT_NET_CHECKED: what comes from here has right checksums, nobody needs to look
 */
typedef enum
{
  VMT_NET_LARGE_TCP = 1 << 0,
  VMT_NET_CHECKED = 1 << 1
} VmtNetFlags;

typedef struct
{
  /* One Ethernet frame without FCS; FALSE: there is no room for it now. Machine's context, no locks. */
  gboolean (*receive) (gpointer device, const guint8 *frame, gsize size);
} VmtNetFrontend;

struct _VmtNetClass
{
  VmtBackendClass parent_class;
  /* One frame from the guest; copied or sent before it returns, dropped if that is not possible. Any thread, never blocks. */
  void (*send) (VmtNet *self, const guint8 *frame, gsize size);
  /* The device has room again. Machine's context. */
  void (*resume) (VmtNet *self);
  guint64 flags; /* VmtNetFlags */
  gpointer reserved[7];
};

void vmt_net_set_frontend (VmtNet *self, const VmtNetFrontend *frontend, gpointer device);
VmtNetFlags vmt_net_get_flags (VmtNet *self);
void vmt_net_send (VmtNet *self, const guint8 *frame, gsize size);
void vmt_net_resume (VmtNet *self);
/* Whether the device takes TCP segments over IPv4 of any length now. Any thread. */
void vmt_net_set_large (VmtNet *self, gboolean large);
gboolean vmt_net_takes_large (VmtNet *self);
/* For implementations, on the machine's context. FALSE: the device has no room; keep the frame (boundedly) until resume. */
gboolean vmt_net_receive (VmtNet *self, const guint8 *frame, gsize size);

G_END_DECLS
