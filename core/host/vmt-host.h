/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* What differs between hosts. Plain functions, any thread. */

/* --- folders --- */

/* Where this copy of the library finds its parts: the installed folders, or those of the build
 * folder that it was loaded from. (transfer none), never NULL. */
const char *vmt_host_get_plugin_dir (void);
const char *vmt_host_get_boards_dir (void);
const char *vmt_host_get_helper_dir (void);
const char *vmt_host_get_schema_dir (void);
const char *vmt_host_get_locale_dir (void);
/* Whether that is a build folder. */
gboolean vmt_host_is_uninstalled (void);

/* "linux", "x86_64": what the words in VmtFeature.requires mean. */
const char *vmt_host_get_system (void);
const char *vmt_host_get_cpu (void);

/* --- memory --- */

gsize vmt_host_get_page_size (void);
/* The size to which vmt_host_alloc_memory() aligns large blocks: that of a huge page. */
gsize vmt_host_get_huge_page_size (void);
/* Zeroed, private, not counted against the commit limit, given host memory only when touched;
 * aligned for huge pages and marked for them when it is at least one of them long. NULL: the host
 * refuses. */
gpointer vmt_host_alloc_memory (gsize size, GError **error);
void vmt_host_free_memory (gpointer memory, gsize size);
/* Gives the pages back: they read as zero afterwards. @memory and @size are whole pages. */
gboolean vmt_host_discard_memory (gpointer memory, gsize size);

/* --- code memory --- */

/**
 * VmtHostCodeMemory:
 * @VMT_HOST_CODE_DUAL: the same pages mapped twice, writable at one address and executable at the
 * other
 * @VMT_HOST_CODE_TOGGLE: one mapping that is either writable or executable
 * @VMT_HOST_CODE_NONE: no generated code: the interpreter only
 *
 * How generated code gets into memory without ever being writable and executable at one address.
 */
typedef enum
{
  VMT_HOST_CODE_DUAL,
  VMT_HOST_CODE_TOGGLE,
  VMT_HOST_CODE_NONE,
} VmtHostCodeMemory;

const char *vmt_host_code_memory_get_nick (VmtHostCodeMemory strategy);
/* Tries it out, by running a function that does nothing. FALSE and the reason when this host does
 * not allow it. */
gboolean vmt_host_probe_code_memory (VmtHostCodeMemory strategy, GError **error);
/* The best one that works here, or the one that the environment variable VMTOOL_CODE_MEMORY names;
 * found out once. */
VmtHostCodeMemory vmt_host_get_code_memory (void);
/* Why it is that one, for people. */
const char *vmt_host_get_code_memory_reason (void);
/* FALSE: the variable asks for what does not exist or does not work here.
 * vmt_host_get_code_memory() says VMT_HOST_CODE_NONE then; whoever starts machines is to refuse. */
gboolean vmt_host_check_code_memory (GError **error);

/**
 * VmtHostCodeArea:
 *
 * A range of addresses for generated code. No page of it is ever writable and executable at one
 * address.
 *
 * vmt_host_code_area_alloc(), _release(), _write(), _trim() and the getters of figures are called
 * by one thread at a time (the caller has a lock); any number of threads execute code of the area
 * meanwhile.
 */
typedef struct _VmtHostCodeArea VmtHostCodeArea;

/* Offsets that vmt_host_code_area_alloc() returns are multiples of it, and sizes are rounded up to
 * it. */
#define VMT_HOST_CODE_ALIGNMENT 32

/* Takes addresses, but memory only for what is written. @size: bytes, at most 1 GiB, rounded up to
 * whole pages. VMT_ERROR_UNSUPPORTED: the strategy is none or does not work here,
 * VMT_ERROR_INVALID: the size. */
VmtHostCodeArea *vmt_host_code_area_new (VmtHostCodeMemory strategy, gsize size, GError **error);
/* The same with @data_size bytes (at most 1 GiB) of plain zeroed memory behind the code, for what
 * the code addresses relative to itself: at vmt_host_code_area_get_data_offset() from the base, the
 * same in every process. Any thread writes it. */
VmtHostCodeArea *vmt_host_code_area_new_with_data (VmtHostCodeMemory strategy, gsize size,
                                                   gsize data_size, GError **error);
/* No thread executes its code any more. */
void vmt_host_code_area_free (VmtHostCodeArea *self);
VmtHostCodeMemory vmt_host_code_area_get_strategy (VmtHostCodeArea *self);
/* Where offset 0 is executed. Aligned to huge pages; never moves. */
const guint8 *vmt_host_code_area_get_base (VmtHostCodeArea *self);
/* What new() was asked for, in whole pages. */
gsize vmt_host_code_area_get_size (VmtHostCodeArea *self);
/* NULL without data. */
guint8 *vmt_host_code_area_get_data (VmtHostCodeArea *self);
gsize vmt_host_code_area_get_data_offset (VmtHostCodeArea *self);

/* The offset of @size bytes, or G_MAXSIZE when the area is full. The order of the calls alone
 * decides where. */
gsize vmt_host_code_area_alloc (VmtHostCodeArea *self, gsize size);
/* @offset and @size as they were given. No thread executes them any more. */
void vmt_host_code_area_release (VmtHostCodeArea *self, gsize offset, gsize size);
/* Makes the bytes executable at base + offset. Nobody executes what is replaced; what other threads
 * execute in the same pages meanwhile is not disturbed. VMT_ERROR_INVALID: not inside of what is
 * given out; VMT_ERROR_FAILED: the host refuses, and nobody sees a change; VMT_ERROR_STATE, only
 * after set_quiet(): the host has taken the pages, all that was in them is lost; other pages stay. */
gboolean vmt_host_code_area_write (VmtHostCodeArea *self, gsize offset, gconstpointer code,
                                   gsize size, GError **error);
/* Whether vmt_host_code_area_patch32() works: under VMT_HOST_CODE_DUAL only. */
gboolean vmt_host_code_area_can_patch (VmtHostCodeArea *self);
/* Replaces 4 bytes, at a multiple of 4, in one store; other threads may execute them. Any thread.
 */
void vmt_host_code_area_patch32 (VmtHostCodeArea *self, gsize offset, guint32 value);
/* Says that no thread executes code of the area during any write from now on (one vCPU, which
 * translates for itself), or takes it back. FALSE at first. Makes writes cheaper under
 * VMT_HOST_CODE_TOGGLE. */
void vmt_host_code_area_set_quiet (VmtHostCodeArea *self, gboolean quiet);
/* Gives whole pages without code back to the host. Takes time: not for each release. */
void vmt_host_code_area_trim (VmtHostCodeArea *self);

/* Bytes given out, rounded up. */
gsize vmt_host_code_area_get_used (VmtHostCodeArea *self);
/* Bytes in pieces that were released, below the last one in use; and how many pieces. */
gsize vmt_host_code_area_get_free_holes (VmtHostCodeArea *self, guint *n_holes);

/* --- files --- */

typedef enum
{
  VMT_HOST_LOCK_SHARED,
  VMT_HOST_LOCK_EXCLUSIVE,
} VmtHostLock;

/* Locks the open file (not the process): the lock goes with the last copy of @fd, also when the
 * process is killed. VMT_ERROR_BUSY: somebody else has it. Never waits. May be called again to
 * change the kind. */
gboolean vmt_host_lock_file (int fd, VmtHostLock lock, GError **error);
void vmt_host_unlock_file (int fd);
/* A process that holds a lock of vmt_host_lock_file() on the same file, or 0 when none is found. */
gint64 vmt_host_get_lock_holder (int fd);

/* --- threads and time --- */

/* Of the calling thread, for debuggers and top; at most 15 bytes are shown. */
void vmt_host_set_thread_name (const char *name);
/* Monotonic, nanoseconds, does not count while the host is suspended. */
guint64 vmt_host_get_time_ns (void);

G_END_DECLS
