/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "vmt-char.h"

G_BEGIN_DECLS

/**
 * VmtCharFd:
 *
 * What every stream over file descriptors needs: input that waits for the device's room, output
 * that never blocks, raises no SIGPIPE and does not spin on a descriptor that has ended.
 * Descriptors belong to the caller. Machine's context, unless it says otherwise.
 */
typedef struct _VmtCharFd VmtCharFd;

typedef struct
{
  /* Looks at, changes or takes away bytes that came in, before they are queued; returns how many
   * are left. (nullable) */
  gsize (*filter) (gpointer owner, guint8 *data, gsize size);
  /* Input is at its end, or the peer went. It is no longer watched. (nullable) */
  void (*ended) (gpointer owner);
} VmtCharFdFuncs;

/* @stream must be open. */
VmtCharFd *vmt_char_fd_new (VmtChar *stream, const VmtCharFdFuncs *funcs, gpointer owner);
/* Does not wait for output: see vmt_char_fd_flush(). */
void vmt_char_fd_free (VmtCharFd *self);
/* -1: none; output is then dropped. What is queued for the previous output is dropped too. @out
 * must be non-blocking, or a regular file.
 * @lossy: input beyond 1 MiB that the device does not take is read and dropped, so that escape keys
 * always work. */
void vmt_char_fd_set (VmtCharFd *self, int in, int out, gboolean lossy);
/* Any thread. What VmtCharClass.write returns. */
gsize vmt_char_fd_write (VmtCharFd *self, const guint8 *data, gsize size);
/* For VmtCharClass.resume. */
void vmt_char_fd_resume (VmtCharFd *self);
/* Puts bytes in as if they had been read; not filtered. */
void vmt_char_fd_push (VmtCharFd *self, const guint8 *data, gsize size);
/* Writes out what is queued; gives up when a reader takes nothing for @milliseconds. */
void vmt_char_fd_flush (VmtCharFd *self, guint milliseconds);

/* A descriptor of its own for writing without blocking to what @fd is, without changing @fd's mode
 * for the processes that share it. -1 and errno. */
int vmt_char_fd_dup_writer (int fd);

G_END_DECLS
