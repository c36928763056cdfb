/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "vmt-machine.h"

G_BEGIN_DECLS

/**
 * VmtControl:
 *
 * One client of a machine: the commands that the control socket, the console's command line and
 * other front ends have in common. Nothing here is a private door: it is the objects' properties
 * and events. All calls on the machine's context.
 *
 * Requests are JSON objects with a "command" and its arguments, and an optional "id" that the
 * answer repeats:
 *
 * | command | arguments | answer |
 * |---|---|---|
 * | get | path (an object or a property; "" is the machine) | value |
 * | set | path, value | |
 * | list | path | objects with their types, properties, events |
 * | watch | path (pattern), event (pattern) | events follow, each as {"event", "path", "payload"} |
 * | unwatch | | |
 * | pause, resume, reset, quit | | |
 * | send | text, path (of a stream; the first console's without it) | bytes taken |
 * | status | | name, state, board |
 *
 * An answer has "ok": true, or "ok": false and "error": text.
 */
typedef struct _VmtControl VmtControl;

/* Called for each event that the client watches, with one line of JSON without a newline. */
typedef void (*VmtControlEventFunc) (const char *json, gpointer data);

VmtControl *vmt_control_new (VmtMachine *machine, VmtControlEventFunc func, gpointer data);
void vmt_control_free (VmtControl *control);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (VmtControl, vmt_control_free)

/* (transfer full): one line of JSON, without a newline. Any input is answered. */
char *vmt_control_execute (VmtControl *control, const char *request, gsize size);
/* The same commands as words ("set uart0.x 3", "send ls\n"), for people. (transfer full): text, may
 * be empty. */
char *vmt_control_execute_text (VmtControl *control, const char *line);

G_END_DECLS
