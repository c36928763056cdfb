/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* Guest pages are tracked in 4 KiB units whatever the host's page size is. */
#define VMT_PAGE_SHIFT 12
#define VMT_PAGE_SIZE (1u << VMT_PAGE_SHIFT)
#define VMT_PAGE_MASK (~(guint64) (VMT_PAGE_SIZE - 1))

/**
 * VmtPageState:
 *
 * One byte a page of guest RAM. While any bit is set no TLB holds a write entry for the page, so every store
 * reaches the one slow path, and DMA looks as well: one mechanism for code tracking, LL/SC, dirty logs and watchpoints.
 */
typedef enum {
  VMT_PAGE_CODE = 1 << 0,      /* translated code was read from here */
  VMT_PAGE_MONITORED = 1 << 1, /* a load-reserved holds a reservation here */
  VMT_PAGE_LOG = 1 << 2,       /* not yet in the dirty log; a store sets the log and clears this */
  VMT_PAGE_WATCH = 1 << 3,     /* a debugger watches something here */
} VmtPageState;

/**
 * VmtRam:
 *
 * A block of guest memory: host memory, and a state byte a page. Reference counted, any thread.
 * Hot readers use the fields; they never change after creation.
 */
typedef struct _VmtRam VmtRam;
struct _VmtRam
{
  guint8 *host;
  guint64 size;
  guint8 *page_state; /* atomic bytes, size >> VMT_PAGE_SHIFT of them */
  const char *name;
  gpointer priv;
};

typedef enum {
  VMT_RAM_ANON,  /* private anonymous memory, huge pages where the host has them */
  VMT_RAM_MEMFD, /* shareable with another process */
  VMT_RAM_FILE,  /* a file of the user's */
} VmtRamBacking;

/* @size is a multiple of VMT_PAGE_SIZE. @path only for VMT_RAM_FILE. The memory reads as zero (or as the file) and costs
 * the host nothing until it is touched. */
VmtRam *vmt_ram_new (const char *name, guint64 size, VmtRamBacking backing, const char *path, GError **error);
VmtRam *vmt_ram_ref (VmtRam *ram);
void vmt_ram_unref (VmtRam *ram);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (VmtRam, vmt_ram_unref)
/* Back to zero pages, given back to the host. No vCPU may run. */
void vmt_ram_clear (VmtRam *ram);

static inline guint8
vmt_ram_get_page_state (const VmtRam *ram, guint64 offset)
{
  return __atomic_load_n (&ram->page_state[offset >> VMT_PAGE_SHIFT], __ATOMIC_ACQUIRE);
}
static inline guint8
vmt_ram_set_page_state (VmtRam *ram, guint64 offset, guint8 bits)
{
  return __atomic_fetch_or (&ram->page_state[offset >> VMT_PAGE_SHIFT], bits, __ATOMIC_SEQ_CST);
}
static inline guint8
vmt_ram_clear_page_state (VmtRam *ram, guint64 offset, guint8 bits)
{
  return __atomic_fetch_and (&ram->page_state[offset >> VMT_PAGE_SHIFT], (guint8) ~bits, __ATOMIC_SEQ_CST);
}

G_END_DECLS
