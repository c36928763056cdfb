/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>

/* Runs the real vmtool with the kit of stock Debian parts (tools/dev/make-kit.py). */

/* FALSE, and the test is marked skipped, when the kit is not there. */
gboolean guest_need_kit (void);
/* A file of the kit. (transfer full) */
char *guest_kit_file (const char *name);
/* The kit's initramfs with @script as /run.sh, which init runs before it powers off. In @folder.
 * (transfer full): its path */
char *guest_make_initrd (const char *folder, const char *script);
/* A folder of this test's own, removed by guest_remove_folder(). */
char *guest_make_folder (void);
void guest_remove_folder (char *folder);

typedef struct
{
  char *output; /* standard output and error together */
  int status;   /* exit code, or -1 when it was killed (time-out) */
} GuestResult;

/* vmtool with the arguments, NULL-terminated. @input: written to its standard input when the output
 * contains @ready, then it is closed; (nullable). Killed after @seconds. */
GuestResult *guest_run (guint seconds, const char *ready, const char *input, gsize input_size,
                        const char *first, ...) G_GNUC_NULL_TERMINATED;
void guest_result_free (GuestResult *result);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (GuestResult, guest_result_free)

#define guest_assert_contains(result, text)                                                        \
  G_STMT_START                                                                                     \
  {                                                                                                \
    if (strstr ((result)->output, (text)) == NULL)                                                 \
      g_error ("no \"%s\" in the output (exit status %d):\n%s", (text), (result)->status,          \
               (result)->output);                                                                  \
  }                                                                                                \
  G_STMT_END
