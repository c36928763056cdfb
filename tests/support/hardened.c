/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* hardened mdwe|toggle|none PROGRAM [ARGUMENT...]: runs the program as on a host that allows memory
 * to be executed in that way only. mdwe: what is not executable never becomes so; files may be
 * mapped twice. toggle: written memory may become executable, nothing else does. none: not even
 * that. Exit status 77: this kernel cannot. */
#include <stdio.h>
#include <string.h>

#include "hardened.h"

int
main (int argc, char **argv)
{
  gboolean done;

  if (argc < 3)
    return 2;
  if (strcmp (argv[1], "mdwe") == 0)
    done = prctl (PR_SET_MDWE, PR_MDWE_REFUSE_EXEC_GAIN, 0, 0, 0) == 0;
  else if (strcmp (argv[1], "toggle") == 0)
    done = hardened_install (hardened_toggle, G_N_ELEMENTS (hardened_toggle), FALSE);
  else if (strcmp (argv[1], "none") == 0)
    done = hardened_install (hardened_none, G_N_ELEMENTS (hardened_none), FALSE);
  else
    return 2;
  if (!done)
    {
      perror (argv[1]);
      return 77;
    }
  execv (argv[2], argv + 2);
  perror (argv[2]);
  return 127;
}
