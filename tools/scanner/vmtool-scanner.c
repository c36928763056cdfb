/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The program in which the library looks at plugins that it does not know: vmtool-scanner --serve
 * MS, with a socket as its standard input. Packages call vmtool-scanner --prepare FOLDER. */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "vmt-plugin-scan.h"
#include "vmt-registry.h"

static int
serve (const char *timeout)
{
  guint64 ms;
  int socket, nothing;

  if (!g_ascii_string_to_unsigned (timeout, 10, 1, 600000, &ms, NULL))
    return 2;
  /* Plugins must not read the library's requests. */
  socket = fcntl (0, F_DUPFD_CLOEXEC, 3);
  nothing = open ("/dev/null", O_RDONLY);
  if (socket < 0 || nothing < 0 || dup2 (nothing, 0) != 0)
    return 1;
  close (nothing);
  return vmt_plugin_scan_serve (socket, ms);
}

int
main (int argc, char **argv)
{
  g_autoptr (GError) error = NULL;

  if (argc == 3 && strcmp (argv[1], "--serve") == 0)
    return serve (argv[2]);
  if (argc == 3 && strcmp (argv[1], "--prepare") == 0)
    {
      if (vmt_registry_prepare (argv[2], &error))
        return 0;
      fprintf (stderr, "vmtool-scanner: %s\n", error->message);
      return 1;
    }
  fprintf (stderr, "usage: vmtool-scanner --prepare FOLDER\n"
                   "Writes what the plugins in FOLDER offer into FOLDER/registry.gvariant.\n");
  return 2;
}
