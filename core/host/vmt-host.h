/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* What differs between hosts. Plain functions, any thread. */

/* --- folders --- */

/* Where this copy of the library finds its parts: the installed folders, or those of the build folder that it was loaded
 * from. (transfer none), never NULL. */
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
/* Zeroed, private, not counted against the commit limit, given host memory only when touched; aligned for huge pages and
 * marked for them when it is at least one of them long. NULL: the host refuses. */
gpointer vmt_host_alloc_memory (gsize size, GError **error);
void vmt_host_free_memory (gpointer memory, gsize size);
/* Gives the pages back: they read as zero afterwards. @memory and @size are whole pages. */
gboolean vmt_host_discard_memory (gpointer memory, gsize size);

/* --- code memory --- */

/**
 * VmtHostCodeMemory:
 * @VMT_HOST_CODE_DUAL: the same pages mapped twice, writable at one address and executable at the other
 * @VMT_HOST_CODE_TOGGLE: one mapping that is either writable or executable
 * @VMT_HOST_CODE_NONE: no generated code: the interpreter only
 *
 * How generated code gets into memory without ever being writable and executable at one address.
 */
typedef enum {
  VMT_HOST_CODE_DUAL,
  VMT_HOST_CODE_TOGGLE,
  VMT_HOST_CODE_NONE,
} VmtHostCodeMemory;

const char *vmt_host_code_memory_get_nick (VmtHostCodeMemory strategy);
/* Tries it out, by running a function that does nothing. FALSE and the reason when this host does not allow it. */
gboolean vmt_host_probe_code_memory (VmtHostCodeMemory strategy, GError **error);
/* The best one that works here; found out once. */
VmtHostCodeMemory vmt_host_get_code_memory (void);

/* --- files --- */

typedef enum {
  VMT_HOST_LOCK_SHARED,
  VMT_HOST_LOCK_EXCLUSIVE,
} VmtHostLock;

/* Locks the open file (not the process): the lock goes with the last copy of @fd, also when the process is killed.
 * VMT_ERROR_BUSY: somebody else has it. Never waits. May be called again to change the kind. */
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
