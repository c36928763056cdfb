/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "vmt-backend.h"

G_BEGIN_DECLS

/**
 * VmtChar:
 *
 * A byte stream to the host: stdio, pty, socket, file. Nothing here ever blocks.
 */
#define VMT_TYPE_CHAR (vmt_char_get_type ())
G_DECLARE_DERIVABLE_TYPE (VmtChar, vmt_char, VMT, CHAR, VmtBackend)

/* What a device gives the stream; called on the machine's context, without locks. */
typedef struct
{
  /* Bytes that the device can take now. */
  gsize (*can_receive) (gpointer device);
  /* At most can_receive() bytes. */
  void (*receive) (gpointer device, const guint8 *data, gsize size);
  /* Bytes can be written again after a short vmt_char_write(). */
  void (*writable) (gpointer device);
  /* A peer connected or went. (nullable) */
  void (*connected) (gpointer device, gboolean connected);
} VmtCharFrontend;

struct _VmtCharClass
{
  VmtBackendClass parent_class;
  /* Returns bytes accepted, 0..size; on less the implementation calls vmt_char_writable() later. Bytes for which there is
   * nobody (no peer, closed pipe) are accepted and dropped. Any thread. */
  gsize (*write) (VmtChar *self, const guint8 *data, gsize size);
  /* The device has room again (see can_receive). Machine's context. */
  void (*resume) (VmtChar *self);
  gpointer reserved[8];
};

/* One front end at a time. */
void vmt_char_set_frontend (VmtChar *self, const VmtCharFrontend *frontend, gpointer device);
/* A second device on the stream of another (a debug console on the serial port's): from now on what is typed goes to it, and both are
 * told when bytes can be written again. NULL gives it back. While the back end is open, on the machine's thread. */
void vmt_char_set_overlay (VmtChar *self, const VmtCharFrontend *frontend, gpointer device);
/* Any thread. */
gsize vmt_char_write (VmtChar *self, gconstpointer data, gsize size);
/* Front end to stream: room again. Any thread. */
void vmt_char_resume (VmtChar *self);

/* For implementations, on the machine's context. */
gsize vmt_char_can_receive (VmtChar *self);
void vmt_char_receive (VmtChar *self, gconstpointer data, gsize size);
void vmt_char_writable (VmtChar *self);
void vmt_char_connected (VmtChar *self, gboolean connected);
/* Puts bytes in as if they had been typed, after what is already queued: for the control socket. They wait for
 * can_receive() in a queue of at most 1 MiB; returns bytes queued. Machine's context. */
gsize vmt_char_inject (VmtChar *self, gconstpointer data, gsize size);

G_END_DECLS
