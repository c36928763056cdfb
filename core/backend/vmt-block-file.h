/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "vmt-block.h"

G_BEGIN_DECLS

/**
 * VmtBlockFile:
 *
 * A host file or block device that holds an image, opened and locked: one writer, or any number of readers. The locks are those of QEMU as well,
 * so that its tools and ours refuse each other's images. Positional calls: any thread, one at a time where a call changes the size.
 */
typedef struct _VmtBlockFile VmtBlockFile;

/* @holder: (nullable): whose machine's name another opener is told when it is refused. */
VmtBlockFile *vmt_block_file_open (const char *path, gboolean readonly, VmtObject *holder, GError **error);
/* A new, empty file, locked for writing; an existing one is an error. */
VmtBlockFile *vmt_block_file_create (const char *path, GError **error);
/* Does not flush. */
void vmt_block_file_close (VmtBlockFile *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (VmtBlockFile, vmt_block_file_close)

/* Bytes now. */
guint64 vmt_block_file_get_size (VmtBlockFile *self);
/* Bytes that it takes on the host. */
guint64 vmt_block_file_get_allocated (VmtBlockFile *self);
gboolean vmt_block_file_is_device (VmtBlockFile *self);

/* These return 0 or a positive errno. A short read is one beyond the end, which reads as zeroes. */
int vmt_block_file_preadv (VmtBlockFile *self, const VmtIoVec *iov, guint n_iov, guint64 offset, guint64 size);
int vmt_block_file_pwritev (VmtBlockFile *self, const VmtIoVec *iov, guint n_iov, guint64 offset, guint64 size);
int vmt_block_file_pread (VmtBlockFile *self, gpointer buffer, gsize size, guint64 offset);
int vmt_block_file_pwrite (VmtBlockFile *self, gconstpointer buffer, gsize size, guint64 offset);
int vmt_block_file_flush (VmtBlockFile *self);
/* The range reads as zeroes afterwards and its space is given back; EOPNOTSUPP where the host cannot. */
int vmt_block_file_punch (VmtBlockFile *self, guint64 offset, guint64 size);
/* The range reads as zeroes and stays allocated where the host can do that cheaply, else EOPNOTSUPP. */
int vmt_block_file_zero (VmtBlockFile *self, guint64 offset, guint64 size);
int vmt_block_file_truncate (VmtBlockFile *self, guint64 size);
/* TRUE: a hole of *@run bytes is at @offset; FALSE: data. */
gboolean vmt_block_file_is_hole (VmtBlockFile *self, guint64 offset, guint64 size, guint64 *run);

G_END_DECLS
