/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* --trace and what belongs to it. */
#include "vmtool.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <unistd.h>

#include "vmt-fast.h"

static gboolean
open_file (Tracing *self)
{
  const int fd = g_open (self->file, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);

  if (fd < 0)
    {
      fprintf (stderr, _ ("vmtool: --trace-file: cannot write %s: %s\n"), self->file,
               g_strerror (errno));
      return FALSE;
    }
  self->fd = fd;
  vmt_trace_set_fd (self->trace, fd);
  return TRUE;
}

gboolean
tracing_open (Tracing *self, const char *command, int *status)
{
  g_autoptr (GError) error = NULL;

  if (self->spec == NULL && self->file == NULL)
    return TRUE;
  if (self->spec == NULL)
    {
      *status = report_usage (command, _ ("--trace-file %s: say with --trace what goes there"),
                              self->file);
      return FALSE;
    }
  self->trace = vmt_trace_new (self->spec, &error);
  if (self->trace == NULL)
    {
      *status = report_usage (command, "--trace: %s", error->message);
      return FALSE;
    }
  vmt_trace_set_fd (self->trace, STDERR_FILENO);
  if (self->file != NULL && !open_file (self))
    {
      *status = EXIT_ERROR;
      return FALSE;
    }
  if (vmt_trace_has (self->trace, VMT_TRACE_HOST))
    add_disassembler (self->trace);
  return TRUE;
}

void
tracing_attach (Tracing *self, VmtMachine *machine)
{
  VmtExec *exec = vmt_machine_get_exec (machine);

  if (self->trace != NULL && exec != NULL)
    vmt_exec_set_trace (exec, self->trace);
}

void
tracing_clear (Tracing *self)
{
  g_clear_pointer (&self->trace, vmt_trace_free);
  if (self->fd > 0)
    close (self->fd);
  self->fd = 0;
  g_clear_pointer (&self->spec, g_free);
  g_clear_pointer (&self->file, g_free);
}
