/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Requests to the control socket, one a line; the same lines as a person would type them. */
#include <string.h>

#include <vmt.h>

#include "fuzz.h"

static void
on_event (const char *json, gpointer data)
{
  g_assert_nonnull (json);
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  g_autoptr (VmtMachine) machine = vmt_machine_new ("fuzz");
  g_autoptr (VmtControl) control = vmt_control_new (machine, on_event, NULL);
  const uint8_t *end = data + size;

  while (data < end)
    {
      const uint8_t *newline = memchr (data, '\n', end - data);
      gsize length = (newline != NULL ? newline : end) - data;
      g_autofree char *answer = vmt_control_execute (control, (const char *)data, length);
      g_autofree char *line = g_strndup ((const char *)data, length);
      g_autofree char *text = vmt_control_execute_text (control, line);

      /* one line of JSON, whatever came in */
      g_assert_null (strchr (answer, '\n'));
      g_assert_true (g_str_has_suffix (answer, "}"));
      g_assert_nonnull (text);
      data += length + 1;
    }
  return 0;
}
