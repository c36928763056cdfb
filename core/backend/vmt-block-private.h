/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "vmt-block.h"

G_BEGIN_DECLS

/* The bytes that a probe sees. */
#define VMT_BLOCK_HEAD 4096

/* Raw images that probing found raw: remembered beside the file, as its first bytes belong to the guest from then on. */
gboolean vmt_block_mark_is_raw (const char *path);
gboolean vmt_block_mark_raw (const char *path);

/* Where an ephemeral image's writes go: a sparse file without a name, at the same offsets, and a bit for every block that is in it. */
typedef struct _VmtBlockOverlay VmtBlockOverlay;

VmtBlockOverlay *vmt_block_overlay_new (guint64 length, GError **error);
void vmt_block_overlay_free (VmtBlockOverlay *self);
/* As the methods of VmtBlockClass; @base is the image underneath. */
int vmt_block_overlay_readv (VmtBlockOverlay *self, VmtBlock *base, const VmtIoVec *iov, guint n_iov, guint64 offset, guint64 size);
int vmt_block_overlay_writev (VmtBlockOverlay *self, VmtBlock *base, const VmtIoVec *iov, guint n_iov, guint64 offset, guint64 size);
int vmt_block_overlay_zero (VmtBlockOverlay *self, VmtBlock *base, guint64 offset, guint64 size);

G_END_DECLS
