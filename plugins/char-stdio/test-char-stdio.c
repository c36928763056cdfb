/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include "vmt.h"

/* The child is a guest that echoes: what it is sent comes back in brackets. It ends when it is sent
 * "q". The parent is the terminal. */

typedef struct
{
  VmtChar *stream;
  GString *out; /* what the stream had no room for */
  gboolean quit;
} Guest;

static gsize
can_receive (gpointer data)
{
  /* As a UART's FIFO. */
  return ((Guest *)data)->out->len == 0 ? 16 : 0;
}

static void
put (Guest *guest, const char *text)
{
  g_string_append (guest->out, text);
  g_string_erase (guest->out, 0, vmt_char_write (guest->stream, guest->out->str, guest->out->len));
}

static void
receive (gpointer data, const guint8 *bytes, gsize size)
{
  Guest *guest = data;

  for (gsize i = 0; i < size; i++)
    {
      char text[8];

      g_snprintf (text, sizeof text, "[%02x]", bytes[i]);
      put (guest, text);
      guest->quit |= bytes[i] == 'q';
    }
}

static void
writable (gpointer data)
{
  Guest *guest = data;

  put (guest, "");
  if (guest->out->len == 0)
    vmt_char_resume (guest->stream);
}

static const VmtCharFrontend frontend = { can_receive, receive, writable };

static void
on_event (VmtObject *source, const char *event, GVariant *payload, gpointer data)
{
  Guest *guest = data;
  g_autofree char *text = g_variant_print (payload, FALSE);
  g_autofree char *line = g_strdup_printf ("<%s %s>", event, text);

  put (guest, line);
  if (strcmp (event, "escape") == 0 && strcmp (text, "'c'") == 0)
    g_object_set (source, "capture", TRUE, NULL);
  if (strcmp (event, "input") == 0)
    g_object_set (source, "capture", FALSE, NULL);
  if (strcmp (event, "escape") == 0 && strcmp (text, "'r'") == 0)
    {
      g_object_set (source, "raw", FALSE, NULL);
      g_object_set (source, "raw", TRUE, NULL);
    }
}

static int
child (gboolean wait_for_q)
{
  g_autoptr (VmtObject) object =
      vmt_registry_create (vmt_registry_get_default (), VMT_FEATURE_CHAR, "stdio", NULL);
  Guest guest = { .stream = VMT_CHAR (object), .out = g_string_new (NULL) };
  gint64 until = g_get_monotonic_time () + (wait_for_q ? 20000000 : 300000);

  vmt_object_subscribe (object, "**", "*", on_event, &guest, NULL);
  if (!vmt_backend_open (VMT_BACKEND (object), NULL, NULL))
    return 2;
  vmt_char_set_frontend (guest.stream, &frontend, &guest);
  vmt_char_write (guest.stream, "ready", 5);
  while (!guest.quit && g_get_monotonic_time () < until)
    {
      g_usleep (1000);
      while (g_main_context_iteration (NULL, FALSE))
        ;
      if (!wait_for_q)
        vmt_char_write (guest.stream, "output", 6);
    }
  vmt_char_set_frontend (guest.stream, NULL, NULL);
  vmt_backend_close (VMT_BACKEND (object));
  g_string_free (guest.out, TRUE);
  return wait_for_q && !guest.quit ? 3 : 0;
}

static char *self_path;

/* Reads until @wanted is there. */
static void
expect (int fd, GString *seen, const char *wanted)
{
  for (gint64 until = g_get_monotonic_time () + 15000000; strstr (seen->str, wanted) == NULL;)
    {
      char bytes[4096];
      ssize_t n = read (fd, bytes, sizeof bytes);

      if (n > 0)
        g_string_append_len (seen, bytes, n);
      else
        g_usleep (1000);
      if (g_get_monotonic_time () > until)
        g_error ("\"%s\" did not come, but \"%s\"", wanted, seen->str);
    }
}

static void
type (int fd, const char *keys, gsize size)
{
  g_assert_cmpint (write (fd, keys, size), ==, size);
}

static pid_t
start (int in, int out, gboolean terminal, const char *mode)
{
  pid_t pid = fork ();

  if (pid == 0)
    {
      setsid ();
      if (terminal)
        ioctl (in, TIOCSCTTY, 0);
      dup2 (in, 0);
      dup2 (out, 1);
      execl (self_path, self_path, mode, NULL);
      _exit (9);
    }
  return pid;
}

static void
get_mode (int fd, struct termios *mode)
{
  memset (mode, 0, sizeof *mode);
  g_assert_cmpint (tcgetattr (fd, mode), ==, 0);
}

static void
test_terminal (void)
{
  g_autoptr (GString) seen = g_string_new (NULL);
  struct termios before, during, after;
  int master = posix_openpt (O_RDWR | O_NOCTTY | O_CLOEXEC | O_NONBLOCK), slave, status;
  gint64 until;
  g_autofree char *paste = g_malloc (65536);
  pid_t pid;

  g_assert_cmpint (master, >=, 0);
  g_assert_cmpint (grantpt (master) | unlockpt (master), ==, 0);
  slave = open (ptsname (master), O_RDWR | O_NOCTTY | O_CLOEXEC);
  g_assert_cmpint (slave, >=, 0);
  get_mode (slave, &before);
  pid = start (slave, slave, TRUE, "--child");
  expect (master, seen, "ready");
  get_mode (slave, &during);
  g_assert_cmpuint (during.c_lflag & (ICANON | ECHO | ISIG), ==, 0);
  g_assert_cmpuint (during.c_oflag, ==, before.c_oflag);

  /* Every key goes to the guest: Ctrl-C, Ctrl-Z, Ctrl-S, newline, carriage return, what is no
   * UTF-8. */
  type (master, "\x03\x1a\x13\n\r\xff\x80", 7);
  expect (master, seen, "[03][1a][13][0a][0d][ff][80]");
  type (master, "a\x01xb", 4);
  expect (master, seen, "<escape 'x'>");
  expect (master, seen, "[62]");
  g_assert_null (strstr (seen->str, "[78]"));
  /* In two pieces; twice is one; after it a byte that no event can carry. */
  type (master, "\x01", 1);
  g_usleep (50000);
  type (master, "h", 1);
  expect (master, seen, "<escape 'h'>");
  type (master,
        "\x01\x01\x01\xff"
        "z",
        5);
  expect (master, seen, "[01][7a]");
  type (master,
        "\x01"
        "c",
        2);
  expect (master, seen, "<escape 'c'>");
  type (master, "info", 4);
  expect (master, seen, "<input [0x69, 0x6e, 0x66, 0x6f]>");
  type (master, "\x01r", 2);
  expect (master, seen, "<escape 'r'>");
  get_mode (slave, &during);
  g_assert_cmpuint (during.c_lflag & (ICANON | ECHO | ISIG), ==, 0);

  /* 64 KiB at once arrive whole. */
  g_string_truncate (seen, 0);
  for (gsize i = 0; i < 65536; i++)
    paste[i] = 'A' + i % 16;
  until = g_get_monotonic_time () + 30000000;
  for (gsize sent = 0, got = 0; got < 65536 * 4;)
    {
      g_assert_cmpint (g_get_monotonic_time (), <, until);
      char bytes[8192];
      ssize_t n = sent < 65536 ? write (master, paste + sent, MIN (65536 - sent, 1000)) : 0;

      sent += MAX (n, 0);
      n = read (master, bytes, sizeof bytes);
      if (n > 0)
        {
          g_string_append_len (seen, bytes, n);
          got += n;
        }
    }
  for (gsize i = 0; i < 65536; i++)
    {
      char wanted[8];

      g_snprintf (wanted, sizeof wanted, "[%02x]", (guint)paste[i]);
      g_assert_cmpmem (seen->str + 4 * i, 4, wanted, 4);
    }
  type (master, "q", 1);
  expect (master, seen, "[71]");
  /* Its last output has to be read before it can end. */
  until = g_get_monotonic_time () + 15000000;
  while (waitpid (pid, &status, WNOHANG) == 0)
    {
      char bytes[256];

      g_assert_cmpint (g_get_monotonic_time (), <, until);
      if (read (master, bytes, sizeof bytes) <= 0)
        g_usleep (1000);
    }
  g_assert_cmpint (status, ==, 0);
  get_mode (slave, &after);
  g_assert_cmpuint (after.c_lflag, ==, before.c_lflag);
  g_assert_cmpuint (after.c_iflag, ==, before.c_iflag);
  close (master);
  close (slave);
}

static double
get_cpu_time (const struct rusage *usage)
{
  return usage->ru_utime.tv_sec + usage->ru_stime.tv_sec +
         (usage->ru_utime.tv_usec + usage->ru_stime.tv_usec) / 1e6;
}

/* Input from nowhere and output to nobody: it ends in time, by itself, and works little meanwhile.
 */
static void
run_short (int in, int out)
{
  struct rusage usage;
  int status;
  pid_t pid = start (in, out, FALSE, "--short");

  g_assert_cmpint (wait4 (pid, &status, 0, &usage), ==, pid);
  g_assert_true (WIFEXITED (status));
  g_assert_cmpint (WEXITSTATUS (status), ==, 0);
  /* Its clock runs for 0.3 s. */
  g_assert_cmpfloat (get_cpu_time (&usage), <, 0.29);
}

static void
test_nobody (void)
{
  int null = open ("/dev/null", O_RDWR | O_CLOEXEC), ends[2], full;

  run_short (null, null);
  g_assert_cmpint (pipe2 (ends, O_CLOEXEC), ==, 0);
  close (ends[0]);
  run_short (null, ends[1]);
  close (ends[1]);
  g_assert_cmpint (pipe2 (ends, O_CLOEXEC), ==, 0);
  close (ends[1]);
  run_short (ends[0], null);
  close (ends[0]);
  /* A pipe that nobody reads, but somebody could. */
  g_assert_cmpint (pipe2 (ends, O_CLOEXEC), ==, 0);
  run_short (null, ends[1]);
  close (ends[0]);
  close (ends[1]);
  full = open ("/dev/full", O_WRONLY | O_CLOEXEC);
  run_short (null, full);
  close (full);
  close (null);
}

int
main (int argc, char **argv)
{
  self_path = argv[0];
  if (argc == 2 && (strcmp (argv[1], "--child") == 0 || strcmp (argv[1], "--short") == 0))
    return child (strcmp (argv[1], "--child") == 0);
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/char/stdio/terminal", test_terminal);
  g_test_add_func ("/char/stdio/nobody", test_nobody);
  return g_test_run ();
}
