/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* Hands out parts of a range of numbers and takes them back: what is free and what is not, kept
 * outside of the memory that it is about. Not locked. Everything is O(1) and depends on nothing but
 * the calls made before: two processes that make the same calls get the same answers. */

/* What sizes are rounded up to, and offsets are multiples of. */
#define VMT_HOST_SPACE_GRANULE 32u

typedef struct _VmtHostSpace VmtHostSpace;

/* @size: bytes, at most 2 GiB; what is no whole granule is not used. */
VmtHostSpace *vmt_host_space_new (gsize size);
void vmt_host_space_free (VmtHostSpace *self);
/* The offset, or G_MAXSIZE when there is no such piece. */
gsize vmt_host_space_alloc (VmtHostSpace *self, gsize size);
/* @offset and @size as they were given to and by vmt_host_space_alloc(). */
void vmt_host_space_release (VmtHostSpace *self, gsize offset, gsize size);
/* Bytes given out, rounded up to granules. */
gsize vmt_host_space_get_used (VmtHostSpace *self);
/* From here on nothing is given out. */
gsize vmt_host_space_get_top (VmtHostSpace *self);
/* Pieces that were released, below the top. */
guint vmt_host_space_get_n_holes (VmtHostSpace *self);
/* Calls @function for each of them, in no order. */
void vmt_host_space_foreach_hole (VmtHostSpace *self,
                                  void (*function) (gsize offset, gsize size, gpointer data),
                                  gpointer data);

G_END_DECLS
