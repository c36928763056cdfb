/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tool.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#define TIMEOUT (60 * GUEST_PATIENCE)

void
tool_setenv (const char *name, const char *value)
{
  if (value != NULL)
    g_setenv (name, value, TRUE);
  else
    g_unsetenv (name);
}

GPid
tool_spawn (const char *const *args, const int fds[3])
{
  g_autoptr (GPtrArray) argv = g_ptr_array_new ();
  pid_t pid;

  g_ptr_array_add (argv, (gpointer)g_getenv ("VMTOOL"));
  for (guint i = 0; args[i] != NULL; i++)
    g_ptr_array_add (argv, (gpointer)args[i]);
  g_ptr_array_add (argv, NULL);
  pid = fork ();
  g_assert_cmpint (pid, >=, 0);
  if (pid == 0)
    {
      /* as for people: what the mode of a file forbids is forbidden to root, too */
      prctl (PR_CAPBSET_DROP, CAP_DAC_OVERRIDE, 0, 0, 0);
      prctl (PR_CAPBSET_DROP, CAP_DAC_READ_SEARCH, 0, 0, 0);
      for (int i = 0; i < 3; i++)
        if (fds[i] < 0 ? close (i) != 0 && errno != EBADF : dup2 (fds[i], i) < 0)
          _exit (126);
      execv (argv->pdata[0], (char **)argv->pdata);
      _exit (127);
    }
  return pid;
}

static int
get_status (int raw)
{
  return WIFEXITED (raw) ? WEXITSTATUS (raw) : -WTERMSIG (raw);
}

static gboolean
wait_until (pid_t pid, gint64 end, int *raw, struct rusage *usage)
{
  pid_t rc;

  while ((rc = wait4 (pid, raw, WNOHANG, usage)) == 0 && g_get_monotonic_time () < end)
    g_usleep (5000);
  g_assert_cmpint (rc, >=, 0);
  return rc == pid;
}

int
tool_wait (GPid pid, guint seconds)
{
  struct rusage usage;
  int raw;

  seconds *= GUEST_PATIENCE;
  if (!wait_until (pid, g_get_monotonic_time () + seconds * G_USEC_PER_SEC, &raw, &usage))
    {
      kill (pid, SIGKILL);
      waitpid (pid, &raw, 0);
      g_error ("vmtool did not end within %u s", seconds);
    }
  return get_status (raw);
}

double
tool_get_cpu (GPid pid)
{
  g_autofree char *path = g_strdup_printf ("/proc/%d/stat", pid);
  g_autofree char *text = NULL;
  unsigned long user = 0, system = 0;
  const char *rest;

  if (!g_file_get_contents (path, &text, NULL, NULL))
    return 0;
  /* the name in parentheses may contain anything */
  rest = strrchr (text, ')');
  g_assert_nonnull (rest);
  g_assert_cmpint (
      sscanf (rest + 2, "%*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu", &user, &system), ==,
      2);
  return (double)(user + system) / (double)sysconf (_SC_CLK_TCK);
}

static char *
read_all (int fd)
{
  GString *text = g_string_new (NULL);
  char piece[4096];
  ssize_t n;

  lseek (fd, 0, SEEK_SET);
  while ((n = read (fd, piece, sizeof piece)) > 0)
    g_string_append_len (text, piece, n);
  close (fd);
  return g_string_free (text, FALSE);
}

static int
open_temporary (void)
{
  g_autofree char *path = NULL;
  int fd = g_file_open_tmp ("vmt-out-XXXXXX", &path, NULL);

  g_assert_cmpint (fd, >=, 0);
  unlink (path);
  return fd;
}

ToolResult *
tool_runv (const char *const *args)
{
  ToolResult *result = g_new0 (ToolResult, 1);
  int out = open_temporary (), err = open_temporary ();
  int in = open ("/dev/null", O_RDONLY | O_CLOEXEC);
  gint64 start = g_get_monotonic_time ();
  GPid pid = tool_spawn (args, (int[]){ in, out, err });
  struct rusage usage = { 0 };
  int raw = 0;

  if (!wait_until (pid, start + TIMEOUT * G_USEC_PER_SEC, &raw, &usage))
    {
      kill (pid, SIGKILL);
      waitpid (pid, &raw, 0);
      result->err = read_all (err);
      g_error ("vmtool %s ... did not end within %d s: %s", args[0], TIMEOUT, result->err);
    }
  result->wall = (double)(g_get_monotonic_time () - start) / G_USEC_PER_SEC;
  result->cpu = (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
                (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
  result->peak_rss = (guint64)usage.ru_maxrss * 1024;
  result->status = get_status (raw);
  result->out = read_all (out);
  result->err = read_all (err);
  close (in);
  return result;
}

ToolResult *
tool_run (const char *first, ...)
{
  g_autoptr (GPtrArray) args = g_ptr_array_new ();
  va_list list;

  va_start (list, first);
  for (const char *arg = first; arg != NULL; arg = va_arg (list, const char *))
    g_ptr_array_add (args, (gpointer)arg);
  va_end (list);
  g_ptr_array_add (args, NULL);
  return tool_runv ((const char *const *)args->pdata);
}

void
tool_result_free (ToolResult *result)
{
  g_free (result->out);
  g_free (result->err);
  g_free (result);
}
