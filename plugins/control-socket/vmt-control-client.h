/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>

#include "vmt.h"

/* One connection of the control socket: requests in as lines, answers and events out as lines.
 * Never blocks the machine: a client that does not read loses events, then the connection. */
typedef struct _VmtControlClient VmtControlClient;

/* @gone is called once, when the connection has ended; the caller then frees the client. */
VmtControlClient *vmt_control_client_new (VmtMachine *machine, GSocketConnection *connection,
                                          void (*gone) (VmtControlClient *client, gpointer data),
                                          gpointer data);
void vmt_control_client_free (VmtControlClient *client);
