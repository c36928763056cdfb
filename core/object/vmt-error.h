/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

#define VMT_ERROR (vmt_error_quark ())

/**
 * VmtError:
 * @VMT_ERROR_FAILED: none of the others
 * @VMT_ERROR_NOT_FOUND: a feature, property, object, file or register that does not exist
 * @VMT_ERROR_INVALID: a value of the wrong type, syntax or range
 * @VMT_ERROR_ABI: a plugin that does not fit this core
 * @VMT_ERROR_BUSY: something is locked or used by another machine
 * @VMT_ERROR_UNSUPPORTED: valid, but not offered here
 * @VMT_ERROR_STATE: not possible in the object's present state
 * @VMT_ERROR_CORRUPT: a file or image that contradicts its own format
 *
 * Error codes of the library. Messages are lower case, without a full stop, and say what
 * was being done to which object.
 */
typedef enum {
  VMT_ERROR_FAILED,
  VMT_ERROR_NOT_FOUND,
  VMT_ERROR_INVALID,
  VMT_ERROR_ABI,
  VMT_ERROR_BUSY,
  VMT_ERROR_UNSUPPORTED,
  VMT_ERROR_STATE,
  VMT_ERROR_CORRUPT,
} VmtError;

GQuark vmt_error_quark (void);

/* The name in candidates (NULL-terminated) that is nearest to wanted by edit distance, or
 * NULL when nothing is near enough to be what the user meant. Not owned by the caller. */
const char *vmt_nearest_name (const char *wanted, const char *const *candidates);

G_END_DECLS
