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

static gboolean
open_perf (Tracing *self)
{
  g_autofree char *here = g_get_current_dir ();
  g_autoptr (GError) error = NULL;
  VmtTracePerf *perf = NULL;

  /* where perf looks for it */
  if (vmt_trace_has (self->trace, VMT_TRACE_PERF_MAP))
    {
      perf = vmt_trace_perf_new_map ("/tmp", &error);
      if (perf != NULL)
        vmt_trace_set_perf (self->trace, VMT_TRACE_PERF_MAP, perf);
    }
  if (error == NULL && vmt_trace_has (self->trace, VMT_TRACE_JITDUMP))
    {
      perf = vmt_trace_perf_new_jitdump (here, &error);
      if (perf != NULL)
        vmt_trace_set_perf (self->trace, VMT_TRACE_JITDUMP, perf);
    }
  if (error != NULL)
    fprintf (stderr, "vmtool: --trace: %s\n", error->message);
  return error == NULL;
}

/* Symbols that were asked for must be there; a kernel that has none is no error. */
static gboolean
open_symbols (Tracing *self, const char *kernel)
{
  g_autoptr (GError) error = NULL;

  if (self->symbols != NULL)
    self->names = vmt_symbols_new (self->symbols, &error);
  else if (kernel != NULL)
    self->names = vmt_symbols_new (kernel, NULL);
  if (error != NULL)
    fprintf (stderr, "vmtool: --symbols: %s\n", error->message);
  return error == NULL;
}

gboolean
tracing_open (Tracing *self, const char *command, const char *kernel, int *status)
{
  g_autoptr (GError) error = NULL;

  if (self->spec == NULL)
    {
      if (self->file == NULL && self->symbols == NULL)
        return TRUE;
      *status =
          self->file != NULL
              ? report_usage (command, _ ("--trace-file %s: say with --trace what goes there"),
                              self->file)
              : report_usage (command, _ ("--symbols %s: say with --trace what for"),
                              self->symbols);
      return FALSE;
    }
  *status = EXIT_ERROR;
  if (!open_symbols (self, kernel))
    return FALSE;
  self->trace = vmt_trace_new (self->spec, self->names, &error);
  if (self->trace == NULL)
    {
      *status = report_usage (command, "--trace: %s", error->message);
      return FALSE;
    }
  vmt_trace_set_fd (self->trace, STDERR_FILENO);
  if ((self->file != NULL && !open_file (self)) || !open_perf (self))
    return FALSE;
  if (vmt_trace_has (self->trace, VMT_TRACE_HOST))
    self->disassembler = add_disassembler (self->trace);
  return TRUE;
}

void
tracing_attach (Tracing *self, VmtMachine *machine)
{
  VmtExec *exec = vmt_machine_get_exec (machine);

  if (self->trace != NULL && exec != NULL)
    vmt_exec_set_trace (exec, self->trace);
}

static void
add_counter (const char *name, guint64 value, gpointer data)
{
  g_string_append_printf (data, "stats %-28s %" G_GUINT64_FORMAT "\n", name, value);
}

static void
add_quotient (GString *text, const char *name, double value, double by)
{
  g_string_append_printf (text, "stats %-28s %.3f\n", name, by > 0 ? value / by : 0);
}

void
tracing_finish (Tracing *self, VmtMachine *machine)
{
  VmtExec *exec = vmt_machine_get_exec (machine);
  g_autoptr (GString) text = g_string_new (NULL);
  VmtExecStats stats;
  double distinct;

  if (!vmt_trace_has (self->trace, VMT_TRACE_STATS) || exec == NULL)
    return;
  vmt_exec_visit_counters (exec, add_counter, text);
  vmt_exec_get_stats (exec, &stats);
  distinct = (double)stats.distinct_instructions;
  add_quotient (text, "expansion", (double)stats.host_bytes, (double)stats.translated_bytes);
  add_quotient (text, "repeated", (double)stats.translated_instructions, distinct);
  add_quotient (text, "decode-us-instruction", (double)stats.decode_ns / 1000, distinct);
  add_quotient (text, "ir-us-instruction", (double)stats.ir_ns / 1000, distinct);
  add_quotient (text, "emit-us-instruction", (double)stats.emit_ns / 1000, distinct);
  add_quotient (text, "translation-us-instruction",
                (double)(stats.decode_ns + stats.ir_ns + stats.emit_ns) / 1000, distinct);
  vmt_trace_write (self->trace, text->str, text->len);
}

void
tracing_clear (Tracing *self)
{
  g_clear_pointer (&self->trace, vmt_trace_free);
  g_clear_pointer (&self->disassembler, free_disassembler);
  g_clear_pointer (&self->names, vmt_symbols_free);
  if (self->fd > 0)
    close (self->fd);
  self->fd = 0;
  g_clear_pointer (&self->spec, g_free);
  g_clear_pointer (&self->file, g_free);
  g_clear_pointer (&self->symbols, g_free);
}
