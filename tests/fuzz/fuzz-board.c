/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A board file is read, and if it can be, its machine is built. No input crashes; what is refused
 * says why. */
#include <vmt.h>

#include "fuzz.h"

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (VmtBoard) board =
      vmt_board_new_from_data ((const char *)data, size, "fuzz.xml", &error);
  g_autoptr (VmtMachine) machine = NULL;

  g_assert_true ((board == NULL) == (error != NULL));
  if (board == NULL)
    return 0;
  vmt_board_set (board, "console", "null", NULL);
  machine = vmt_board_build (board, "fuzz", &error);
  g_assert_true ((machine == NULL) == (error != NULL));
  return 0;
}
