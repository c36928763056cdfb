/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The JSON socket of a running machine, with clients that are good, strange and bad. */
#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "guest.h"
#include "tool.h"

#define SECONDS 60

static char *folder; /* the runtime folder, too */
static char *idle;
static int null;

typedef struct
{
  int fd;
  GString *in;
} Client;

static char *
socket_path (const char *name)
{
  return g_strdup_printf ("%s/vmtool/%s", folder, name);
}

/* -1 when nobody listens there. */
static int
try_connect (const char *name)
{
  g_autofree char *path = socket_path (name);
  struct sockaddr_un address = { .sun_family = AF_UNIX };
  int fd = socket (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

  g_assert_cmpint (fd, >=, 0);
  g_assert_cmpuint (g_strlcpy (address.sun_path, path, sizeof address.sun_path), <,
                    sizeof address.sun_path);
  if (connect (fd, (struct sockaddr *)&address, sizeof address) == 0)
    return fd;
  close (fd);
  return -1;
}

static Client *
client_new (const char *name)
{
  Client *self = g_new0 (Client, 1);
  gint64 end = g_get_monotonic_time () + SECONDS * G_USEC_PER_SEC;

  self->in = g_string_new (NULL);
  while ((self->fd = try_connect (name)) < 0)
    {
      g_assert_cmpint (g_get_monotonic_time (), <, end);
      g_usleep (10000);
    }
  return self;
}

static void
client_free (Client *self)
{
  close (self->fd);
  g_string_free (self->in, TRUE);
  g_free (self);
}
G_DEFINE_AUTOPTR_CLEANUP_FUNC (Client, client_free)

static void
put (Client *self, const char *text, gssize size)
{
  gsize all = size < 0 ? strlen (text) : (gsize)size;

  while (all > 0)
    {
      ssize_t n = send (self->fd, text, all, MSG_NOSIGNAL);
      g_assert_cmpint (n, >, 0);
      text += n;
      all -= (gsize)n;
    }
}

/* (transfer full) (nullable): the next line; NULL at the end. */
static char *
get (Client *self)
{
  struct pollfd at = { .fd = self->fd, .events = POLLIN };
  char piece[4096];
  char *end, *line;
  ssize_t n;

  while ((end = strchr (self->in->str, '\n')) == NULL)
    {
      if (poll (&at, 1, SECONDS * 1000) == 0)
        g_error ("no answer within %d s; so far: %s", SECONDS, self->in->str);
      n = recv (self->fd, piece, sizeof piece, 0);
      if (n <= 0)
        return NULL;
      g_string_append_len (self->in, piece, n);
    }
  line = g_strndup (self->in->str, (gsize)(end - self->in->str));
  g_string_erase (self->in, 0, end - self->in->str + 1);
  return line;
}

/* The next line that contains @text, and @more. */
static void
expect (Client *self, const char *text, const char *more)
{
  for (;;)
    {
      g_autofree char *line = get (self);
      if (line == NULL)
        g_error ("the connection ended before \"%s\"", text);
      if (strstr (line, text) != NULL && strstr (line, more) != NULL)
        return;
      /* events may come in between, answers may not */
      if (strstr (line, "\"ok\"") != NULL)
        g_error ("no \"%s\" and \"%s\" in: %s", text, more, line);
    }
}

static void
ask (Client *self, const char *request, const char *answer)
{
  gboolean fails = *answer == '!';

  put (self, request, -1);
  put (self, "\n", 1);
  expect (self, fails ? "\"ok\":false" : "\"ok\":true", answer + fails);
}

static GPid
start (void)
{
  return tool_spawn ((const char *[]){ "run", "riscv-virt", "--name", "m", "--kernel", idle, NULL },
                     (int[]){ null, null, 2 });
}

static void
stop (GPid pid)
{
  kill (pid, SIGTERM);
  g_assert_cmpint (tool_wait (pid, SECONDS), ==, 0);
}

static gboolean
exists (const char *name)
{
  g_autofree char *path = socket_path (name);
  struct stat st;

  return lstat (path, &st) == 0;
}

static void
test_commands (void)
{
  GPid pid = start ();
  g_autoptr (Client) c = client_new ("m.sock");

  ask (c, "{\"command\":\"status\"}", "\"state\":\"running\"");
  ask (c, "{\"command\":\"status\"}", "\"name\":\"m\"");
  ask (c, "{\"command\":\"stats\"}", "\"blocks-compiled\":");
  ask (c, "{\"command\":\"get\",\"path\":\"statistics\"}", "\"instructions=");
  ask (c, "{\"command\":\"set\",\"path\":\"statistics\",\"value\":\"x\"}", "!statistics");
  ask (c, "{\"command\":\"get\",\"path\":\"uart0.clock-frequency\"}", "\"value\":3686400");
  ask (c, "{\"command\":\"get\",\"path\":\"uart0\"}", "\"clock-frequency\":3686400");
  ask (c, "{\"command\":\"get\",\"path\":\"cpu0.pc\"}", "\"value\":\"0x8000000");
  ask (c, "{\"command\":\"get\",\"path\":\"uart0.clock\"}", "!did you mean");
  ask (c, "{\"command\":\"get\"}", "!\\\"path\\\"");
  ask (c, "{\"command\":\"get\",\"path\":7}", "!\\\"path\\\"");
  ask (c, "{\"command\":\"set\",\"path\":\"on-reset\",\"value\":\"exit\"}", "");
  ask (c, "{\"command\":\"get\",\"path\":\"on-reset\"}", "\"exit\"");
  ask (c, "{\"command\":\"set\",\"path\":\"on-reset\",\"value\":\"reboot\"}", "");
  ask (c, "{\"command\":\"set\",\"path\":\"on-reset\",\"value\":\"never\"}", "!reboot");
  ask (c, "{\"command\":\"set\",\"path\":\"on-reset\",\"value\":{}}", "!");
  ask (c, "{\"command\":\"set\",\"path\":\"on-reset\"}", "!\\\"value\\\"");
  ask (c, "{\"command\":\"set\",\"path\":\"uart0.clock-frequency\",\"value\":1}", "!uart0");
  ask (c, "{\"command\":\"list\"}", "\"id\":\"uart0\"");
  ask (c, "{\"command\":\"list\",\"path\":\"uart0\"}", "\"clock-frequency\"");
  ask (c, "{\"command\":\"list\",\"path\":\"nowhere\"}", "!nowhere");
  ask (c, "{\"command\":\"send\",\"text\":\"abc\"}", "\"sent\":3");
  ask (c, "{\"command\":\"send\",\"path\":\"rtc\",\"text\":\"abc\"}", "!rtc has no console");
  ask (c, "{\"command\":\"satus\"}", "!did you mean \\\"status\\\"");
  ask (c, "{\"command\":\"pause\"}", "");
  ask (c, "{\"command\":\"status\"}", "\"paused\"");
  ask (c, "{\"command\":\"resume\"}", "");
  ask (c, "{\"command\":\"status\"}", "\"running\"");
  put (c, "{\"command\":\"quit\"}\n", -1);
  expect (c, "\"ok\":true", "");
  g_assert_cmpint (tool_wait (pid, SECONDS), ==, 0);
  g_assert_false (exists ("m.sock"));
}

static void
test_events (void)
{
  GPid pid = start ();
  g_autoptr (Client) c = client_new ("m.sock");
  g_autoptr (Client) other = client_new ("m.sock");

  ask (c, "{\"command\":\"watch\"}", "");
  ask (other, "{\"command\":\"pause\"}", "");
  expect (c, "\"event\":\"state\"", "paused");
  ask (other, "{\"command\":\"resume\"}", "");
  expect (c, "\"event\":\"state\"", "running");
  ask (other, "{\"command\":\"reset\"}", "");
  expect (c, "\"event\":\"reset\"", "control");
  ask (c, "{\"command\":\"unwatch\"}", "");
  ask (other, "{\"command\":\"pause\"}", "");
  ask (c, "{\"command\":\"status\"}", "\"paused\"");
  g_assert_cmpstr (c->in->str, ==, "");
  for (int i = 0; i < 64; i++)
    ask (c, "{\"command\":\"watch\",\"path\":\"cpu*\",\"event\":\"none\"}", "");
  ask (c, "{\"command\":\"watch\"}", "!unwatch first");
  stop (pid);
}

/* The last event before the end is still delivered. */
static void
test_power_off (void)
{
  /* waits for a key, then powers off */
  static const guint32 words[] = {
    0x10000537, /* lui a0, 0x10000 */
    0x00554583, /* lbu a1, 5(a0) */
    0x0015f593, /* andi a1, a1, 1 */
    0xfe058ce3, /* beqz a1, -8 */
    0x00100537, /* lui a0, 0x100 */
    0x000055b7, /* lui a1, 0x5 */
    0x55558593, /* addi a1, a1, 0x555 */
    0x00b52023, /* sw a1, 0(a0) */
    0x0000006f, /* j . */
  };
  const Program program = { .words = words, .n_words = G_N_ELEMENTS (words) };
  g_autofree char *path = program_write (folder, "key.elf", &program);
  GPid pid =
      tool_spawn ((const char *[]){ "run", "riscv-virt", "--name", "m", "--kernel", path, NULL },
                  (int[]){ null, null, 2 });
  g_autoptr (Client) c = client_new ("m.sock");

  ask (c, "{\"command\":\"watch\",\"event\":\"power-off\"}", "");
  ask (c, "{\"command\":\"send\",\"text\":\"x\"}", "\"sent\":1");
  expect (c, "\"event\":\"power-off\"", "test-finisher");
  g_assert_null (get (c));
  g_assert_cmpint (tool_wait (pid, SECONDS), ==, 0);
}

static void
test_garbage (void)
{
  GPid pid = start ();
  g_autoptr (Client) c = client_new ("m.sock");
  g_autofree char *large = g_strnfill (1 << 20, 'x');
  g_autofree char *deep = g_strnfill (1000, '[');

  ask (c, "garbage", "!");
  ask (c, "{", "!");
  ask (c, "[]", "!");
  ask (c, "\"text\"", "!");
  ask (c, "{}", "!\\\"command\\\"");
  ask (c, "{\"command\":null}", "!\\\"command\\\"");
  ask (c, "{\"command\":\"\"}", "!");
  ask (c, "\xff\xfe", "!UTF-8");
  ask (c, deep, "!nested");
  put (c, "{\"command\":\"status\"\0}\n", 22);
  expect (c, "\"ok\":false", "");
  /* empty lines, and the line ends of other systems */
  put (c, "\n\r\n\n", -1);
  ask (c, "{\"command\":\"status\"}\r", "running");
  /* a piece at a time */
  for (const char *p = "{\"command\":\"status\"}\n"; *p != '\0'; p++)
    {
      put (c, p, 1);
      g_usleep (1000);
    }
  expect (c, "\"ok\":true", "running");
  /* many in one piece */
  put (c, "{\"command\":\"status\"}\n{\"command\":\"status\"}\n{\"command\":\"status\"}\n", -1);
  for (int i = 0; i < 3; i++)
    expect (c, "\"ok\":true", "running");
  /* one answer to a mebibyte without an end */
  put (c, large, 1 << 20);
  put (c, "\n", 1);
  expect (c, "\"ok\":false", "64 KiB");
  ask (c, "{\"command\":\"status\"}", "running");
  stop (pid);
}

static void
test_clients (void)
{
  GPid pid = start ();
  Client *all[40];
  guint served = 0;

  for (guint i = 0; i < G_N_ELEMENTS (all); i++)
    all[i] = client_new ("m.sock");
  for (guint i = 0; i < G_N_ELEMENTS (all); i++)
    {
      g_autofree char *line = NULL;

      if (send (all[i]->fd, "{\"command\":\"status\"}\n", 21, MSG_NOSIGNAL) == 21)
        line = get (all[i]);
      served += line != NULL && strstr (line, "running") != NULL;
    }
  g_assert_cmpuint (served, ==, 16);
  for (guint i = 0; i < G_N_ELEMENTS (all); i++)
    client_free (all[i]);
  {
    /* room again, once the machine has seen them go */
    gint64 end = g_get_monotonic_time () + SECONDS * G_USEC_PER_SEC;
    g_autofree char *line = NULL;

    while (line == NULL)
      {
        g_autoptr (Client) c = client_new ("m.sock");
        g_assert_cmpint (g_get_monotonic_time (), <, end);
        if (send (c->fd, "{\"command\":\"status\"}\n", 21, MSG_NOSIGNAL) == 21)
          line = get (c);
      }
    g_assert_nonnull (strstr (line, "running"));
  }
  stop (pid);
}

/* A client that asks and asks and never reads is dropped; nobody else suffers. */
static void
test_deaf (void)
{
  GPid pid = start ();
  g_autoptr (Client) deaf = client_new ("m.sock");
  g_autoptr (Client) c = client_new ("m.sock");
  g_autofree char *status = g_strdup_printf ("/proc/%d/statm", pid);
  g_autofree char *text = NULL;
  gint64 end = g_get_monotonic_time () + SECONDS * G_USEC_PER_SEC;
  gulong pages = 0;

  fcntl (deaf->fd, F_SETFL, O_NONBLOCK);
  for (;;)
    {
      ssize_t n = send (deaf->fd, "{\"command\":\"list\"}\n", 19, MSG_NOSIGNAL);
      if (n < 0 && errno == EPIPE)
        break;
      g_assert_true (n > 0 || errno == EAGAIN || errno == ECONNRESET);
      if (n < 0 && errno == ECONNRESET)
        break;
      if (n < 0)
        ask (c, "{\"command\":\"status\"}", "running");
      g_assert_cmpint (g_get_monotonic_time (), <, end);
    }
  ask (c, "{\"command\":\"status\"}", "running");
  g_assert_true (g_file_get_contents (status, &text, NULL, NULL));
  g_assert_cmpint (sscanf (text, "%*u %lu", &pages), ==, 1);
  g_assert_cmpuint (pages * (gulong)sysconf (_SC_PAGESIZE), <, 128 << 20);
  stop (pid);
}

static void
test_file (void)
{
  g_autofree char *path = socket_path ("m.sock");
  g_autofree char *dir = socket_path ("");
  g_autofree char *second = NULL;
  struct stat st;
  GPid pid = start (), other;

  {
    g_autoptr (Client) c = client_new ("m.sock");
    ask (c, "{\"command\":\"status\"}", "running");
  }
  g_assert_cmpint (stat (path, &st), ==, 0);
  g_assert_true (S_ISSOCK (st.st_mode));
  g_assert_cmpint (st.st_mode & 0777, ==, 0600);
  g_assert_cmpint (stat (dir, &st), ==, 0);
  g_assert_cmpint (st.st_mode & 0777, ==, 0700);
  /* a second machine of that name */
  other = start ();
  second = g_strdup_printf ("m-%d.sock", other);
  {
    g_autoptr (Client) c = client_new (second);
    ask (c, "{\"command\":\"status\"}", "running");
  }
  stop (other);
  g_assert_false (exists (second));
  g_assert_true (exists ("m.sock"));
  /* one that was killed leaves it; the next machine takes its place */
  kill (pid, SIGKILL);
  g_assert_cmpint (tool_wait (pid, SECONDS), ==, -SIGKILL);
  g_assert_true (exists ("m.sock"));
  g_assert_cmpint (try_connect ("m.sock"), ==, -1);
  pid = start ();
  {
    g_autoptr (Client) c = client_new ("m.sock");
    ask (c, "{\"command\":\"status\"}", "running");
  }
  stop (pid);
  g_assert_false (exists ("m.sock"));
}

/* Names that are no file names must not lead out of the folder. */
static void
test_name (void)
{
  g_autofree char *outside = g_build_filename (folder, "evil.sock", NULL);
  g_autoptr (ToolResult) result = NULL;
  g_autofree char *program = program_write (folder, "off.elf", &program_power_off);

  result = tool_run ("run", "riscv-virt", "--name", "../evil", "--kernel", program, NULL);
  g_assert_cmpint (result->status, ==, 2);
  g_assert_nonnull (strstr (result->err, "../evil"));
  g_assert_false (g_file_test (outside, G_FILE_TEST_EXISTS));
}

int
main (int argc, char **argv)
{
  g_autofree char *dir = NULL;
  int rc;

  g_test_init (&argc, &argv, NULL);
  folder = guest_make_folder ();
  tool_setenv ("XDG_RUNTIME_DIR", folder);
  idle = program_write (folder, "idle.elf", &program_idle);
  null = open ("/dev/null", O_RDWR | O_CLOEXEC);
  g_test_add_func ("/guest/control/commands", test_commands);
  g_test_add_func ("/guest/control/events", test_events);
  g_test_add_func ("/guest/control/power-off", test_power_off);
  g_test_add_func ("/guest/control/garbage", test_garbage);
  g_test_add_func ("/guest/control/clients", test_clients);
  g_test_add_func ("/guest/control/deaf", test_deaf);
  g_test_add_func ("/guest/control/file", test_file);
  g_test_add_func ("/guest/control/name", test_name);
  rc = g_test_run ();
  dir = socket_path ("");
  g_rmdir (dir);
  guest_remove_folder (folder);
  g_free (idle);
  close (null);
  return rc;
}
