/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "terminal.h"

#include <fcntl.h>
#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define TIMEOUT (150 * GUEST_PATIENCE)

static void G_GNUC_NORETURN
be_job (Terminal *self, char **argv)
{
  /* the shell's handlers are not inherited, but what it ignores is */
  signal (SIGTTOU, SIG_IGN);
  setpgid (0, 0);
  tcsetpgrp (self->slave, getpgrp ());
  signal (SIGTTOU, SIG_DFL);
  for (int i = 0; i < 3; i++)
    dup2 (self->slave, i);
  close (self->master);
  if (self->slave > 2)
    close (self->slave);
  execv (argv[0], argv);
  _exit (127);
}

/* As a shell does: leads the session, and vmtool is a job in the foreground; only such a one can be
 * stopped. Tells the process, every stop and continuation, and the end. */
static void G_GNUC_NORETURN
be_shell (Terminal *self, char **argv, int ids)
{
  pid_t pid;
  int raw;

  setsid ();
  ioctl (self->slave, TIOCSCTTY, 0);
  pid = fork ();
  if (pid == 0)
    be_job (self, argv);
  if (write (ids, &pid, sizeof pid) != sizeof pid)
    _exit (1);
  while (waitpid (pid, &raw, WUNTRACED | WCONTINUED) == pid)
    {
      if (write (ids, &raw, sizeof raw) != sizeof raw || !(WIFSTOPPED (raw) || WIFCONTINUED (raw)))
        break;
    }
  /* the terminal stays until it has been looked at */
  for (;;)
    pause ();
}

Terminal *
terminal_start (const char *first, ...)
{
  Terminal *self = g_new0 (Terminal, 1);
  g_autoptr (GPtrArray) argv = g_ptr_array_new ();
  va_list list;
  int ids[2];

  g_ptr_array_add (argv, (gpointer)g_getenv ("VMTOOL"));
  va_start (list, first);
  for (const char *arg = first; arg != NULL; arg = va_arg (list, const char *))
    g_ptr_array_add (argv, (gpointer)arg);
  va_end (list);
  g_ptr_array_add (argv, NULL);
  self->screen = g_string_new (NULL);
  g_assert_cmpint (openpty (&self->master, &self->slave, NULL, NULL, NULL), ==, 0);
  g_assert_cmpint (tcgetattr (self->slave, &self->before), ==, 0);
  g_assert_cmpint (pipe2 (ids, O_CLOEXEC), ==, 0);
  self->shell = fork ();
  g_assert_cmpint (self->shell, >=, 0);
  if (self->shell == 0)
    be_shell (self, (char **)argv->pdata, ids[1]);
  close (ids[1]);
  g_assert_cmpint (read (ids[0], &self->pid, sizeof self->pid), ==, sizeof self->pid);
  self->status = ids[0];
  return self;
}

/* FALSE: nothing came. */
static gboolean
read_some (Terminal *self, int milliseconds)
{
  struct pollfd at = { .fd = self->master, .events = POLLIN };
  char piece[4096];
  ssize_t n;

  if (poll (&at, 1, milliseconds) <= 0)
    return FALSE;
  n = read (self->master, piece, sizeof piece);
  if (n <= 0)
    return FALSE;
  g_string_append_len (self->screen, piece, n);
  return TRUE;
}

void
terminal_expect (Terminal *self, const char *text)
{
  gint64 end = g_get_monotonic_time () + TIMEOUT * G_USEC_PER_SEC;
  const char *at;

  while ((at = strstr (self->screen->str + self->seen, text)) == NULL)
    {
      read_some (self, 100);
      if (g_get_monotonic_time () > end)
        g_error ("no \"%s\" on the screen within %d s:\n%s", text, TIMEOUT,
                 self->screen->str + self->seen);
    }
  self->seen = (gsize)(at - self->screen->str) + strlen (text);
}

void
terminal_read (Terminal *self, guint milliseconds)
{
  gint64 end = g_get_monotonic_time () + milliseconds * G_GINT64_CONSTANT (1000);
  gint64 left;

  while ((left = end - g_get_monotonic_time ()) > 0)
    read_some (self, (int)(left / 1000) + 1);
}

void
terminal_type (Terminal *self, const char *keys, gssize size)
{
  gsize all = size < 0 ? strlen (keys) : (gsize)size;

  g_assert_cmpint (write (self->master, keys, all), ==, (gssize)all);
}

gboolean
terminal_is_raw (Terminal *self)
{
  struct termios mode;

  g_assert_cmpint (tcgetattr (self->slave, &mode), ==, 0);
  return (mode.c_lflag & (ICANON | ECHO | ISIG)) == 0;
}

void
terminal_wait_raw (Terminal *self, gboolean raw)
{
  gint64 end = g_get_monotonic_time () + TIMEOUT * G_USEC_PER_SEC;

  while (terminal_is_raw (self) != raw)
    {
      g_assert_cmpint (g_get_monotonic_time (), <, end);
      terminal_read (self, 10);
    }
}

void
terminal_assert_restored (Terminal *self)
{
  struct termios now;

  g_assert_cmpint (tcgetattr (self->slave, &now), ==, 0);
  g_assert_cmphex (now.c_iflag, ==, self->before.c_iflag);
  g_assert_cmphex (now.c_oflag, ==, self->before.c_oflag);
  g_assert_cmphex (now.c_cflag, ==, self->before.c_cflag);
  g_assert_cmphex (now.c_lflag, ==, self->before.c_lflag);
  g_assert_cmpmem (now.c_cc, sizeof now.c_cc, self->before.c_cc, sizeof self->before.c_cc);
}

int
terminal_wait_change (Terminal *self)
{
  gint64 end = g_get_monotonic_time () + TIMEOUT * G_USEC_PER_SEC;
  struct pollfd at = { .fd = self->status, .events = POLLIN };
  int raw;

  /* what it still has to say must have room */
  while (poll (&at, 1, 10) == 0)
    {
      if (g_get_monotonic_time () > end)
        g_error ("vmtool did not end or stop within %d s:\n%s", TIMEOUT, self->screen->str);
      read_some (self, 0);
    }
  g_assert_cmpint (read (self->status, &raw, sizeof raw), ==, sizeof raw);
  while (read_some (self, 0))
    ;
  return raw;
}

int
terminal_wait (Terminal *self)
{
  int raw = terminal_wait_change (self);

  g_assert_false (WIFSTOPPED (raw) || WIFCONTINUED (raw));
  self->pid = 0;
  return WIFEXITED (raw) ? WEXITSTATUS (raw) : -WTERMSIG (raw);
}

void
terminal_free (Terminal *self)
{
  if (self->pid > 0)
    kill (self->pid, SIGKILL);
  kill (self->shell, SIGKILL);
  waitpid (self->shell, NULL, 0);
  close (self->status);
  close (self->master);
  close (self->slave);
  g_string_free (self->screen, TRUE);
  g_free (self);
}
