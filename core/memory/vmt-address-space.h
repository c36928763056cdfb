/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "vmt-object.h"
#include "vmt-ram.h"

G_BEGIN_DECLS

/* What a guest physical access gets. */
typedef enum {
  VMT_MEM_OK,
  VMT_MEM_UNMAPPED,  /* nothing answers at this address */
  VMT_MEM_BUS_ERROR, /* something answers, but not to this width, alignment or direction */
} VmtMemStatus;

/**
 * VmtMmioOps:
 * @read: @offset from the region's base, naturally aligned, @size 1, 2, 4 or 8 within min..max
 * @min_size: narrower accesses get a bus error
 * @max_size: wider accesses are split into these, in ascending address order
 * @lockless: the callbacks are called without the device's lock
 *
 * Called on a vCPU thread or the machine's. A callback never blocks and never calls another device's registers.
 */
typedef struct
{
  VmtMemStatus (*read) (gpointer opaque, guint64 offset, guint size, guint64 *value);
  VmtMemStatus (*write) (gpointer opaque, guint64 offset, guint size, guint64 value);
  guint8 min_size, max_size;
  gboolean lockless;
  gpointer reserved[2];
} VmtMmioOps;

/**
 * VmtMemoryRegion:
 *
 * One range of an address space: RAM (@ram != NULL) or registers. Callers get copies; @ram lives as long as it is
 * mapped, and as long as the machine where the machine owns it.
 */
typedef struct
{
  guint64 base, size;
  VmtRam *ram;
  guint64 ram_offset; /* of base within ram */
  gboolean readonly;
  const VmtMmioOps *ops;
  gpointer opaque;
  GMutex *lock; /* (nullable) */
  VmtObject *owner;
} VmtMemoryRegion;

/**
 * VmtAddressSpace:
 *
 * Guest physical addresses to RAM and device registers. Changes happen under its own lock and publish a new sorted
 * table; readers never lock.
 */
typedef struct _VmtAddressSpace VmtAddressSpace;

VmtAddressSpace *vmt_address_space_new (const char *name);
VmtAddressSpace *vmt_address_space_ref (VmtAddressSpace *self);
void vmt_address_space_unref (VmtAddressSpace *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (VmtAddressSpace, vmt_address_space_unref)

/* Overlaps are refused; the error names both owners and ranges. */
gboolean vmt_address_space_add_ram (VmtAddressSpace *self, guint64 base, VmtRam *ram, guint64 ram_offset, guint64 size,
                                    gboolean readonly, VmtObject *owner, GError **error);
gboolean vmt_address_space_add_mmio (VmtAddressSpace *self, guint64 base, guint64 size, const VmtMmioOps *ops,
                                     gpointer opaque, GMutex *lock, VmtObject *owner, GError **error);
/* The region that begins at @base; does nothing if there is none. */
void vmt_address_space_remove (VmtAddressSpace *self, guint64 base);

/* Lock-free: copies the region that @address is in, or returns FALSE. A copy, because a guest that moves PCI BARs in a loop
 * makes a table each time, and those go as soon as no reader is inside one. */
gboolean vmt_address_space_find (VmtAddressSpace *self, guint64 address, VmtMemoryRegion *region);
/* (transfer full): a copy of the table, in address order, for inspection. */
GArray *vmt_address_space_list (VmtAddressSpace *self);
/* Changes whenever the table changes: TLBs compare it. */
guint vmt_address_space_get_generation (VmtAddressSpace *self);
/* Called after each change, on the thread that changed it (which may be a vCPU). */
void vmt_address_space_set_changed_func (VmtAddressSpace *self, void (*func) (gpointer data), gpointer data);

/* One access of 1, 2, 4 or 8 bytes, any alignment, little endian, RAM or registers; takes the device's lock.
 * The slow path of every tier and accelerator. */
VmtMemStatus vmt_address_space_read (VmtAddressSpace *self, guint64 address, guint size, guint64 *value);
VmtMemStatus vmt_address_space_write (VmtAddressSpace *self, guint64 address, guint size, guint64 value);

/**
 * VmtStoreFunc:
 *
 * Told BEFORE bytes of a page whose state is not 0 are overwritten by anyone (slow-path store or DMA), and once more after
 * the bytes are there if the state is not 0 then.
 * core/exec installs it: it drops translations, reservations, and sets the dirty log. Any thread; no lock of the space
 * is held. @size never leaves one run of pages with a state.
 *
 * The order that both sides keep: who derives something from a page (a translation, a reservation) sets the state bit FIRST
 * and reads the bytes after it, both sequentially consistent; who stores writes the bytes first and looks at the state after
 * a full fence. So either the reader sees the new bytes, or the writer sees the bit and takes back what was derived.
 */
typedef void (*VmtStoreFunc) (gpointer data, VmtRam *ram, guint64 offset, guint64 size);
void vmt_address_space_set_store_func (VmtAddressSpace *self, VmtStoreFunc func, gpointer data);
/* For code that is about to write guest RAM directly, and again when it has: tells the store function of every page with a
 * state in the range. Begins with a full fence. */
void vmt_address_space_notify_store (VmtAddressSpace *self, VmtRam *ram, guint64 offset, guint64 size);

/**
 * VmtWatchFunc:
 * @address: guest physical address of the first byte that was stored, within the watched range
 * @size: bytes of the range that were
 *
 * Told after somebody (a vCPU, DMA) stored into a watched range of RAM, on the thread that did, with no lock of the space
 * held.
 */
typedef void (*VmtWatchFunc) (gpointer data, guint64 address, guint64 size);

/* Watches @size bytes of RAM within one block; all TLBs are flushed. No vCPU may be in guest code. FALSE: not RAM. One watch
 * for each @data and @address. */
gboolean vmt_address_space_add_watch (VmtAddressSpace *self, guint64 address, guint64 size, VmtWatchFunc func, gpointer data);
/* All watches of @data. No vCPU may be in guest code. */
void vmt_address_space_remove_watches (VmtAddressSpace *self, gpointer data);
/* Who stores, after vmt_address_space_notify_store(). Cheap when nothing is watched. */
void vmt_address_space_notify_watch (VmtAddressSpace *self, VmtRam *ram, guint64 offset, guint64 size);

G_END_DECLS
