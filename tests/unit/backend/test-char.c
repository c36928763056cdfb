/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "vmt-char-fd.h"

/* A stream over descriptors that the test holds the other ends of. */
#define TEST_TYPE_CHAR (test_char_get_type ())
G_DECLARE_FINAL_TYPE (TestChar, test_char, TEST, CHAR, VmtChar)

struct _TestChar
{
  VmtChar parent_instance;
  VmtCharFd *fd;
  guint resumed, ended;
};

G_DEFINE_FINAL_TYPE (TestChar, test_char, VMT_TYPE_CHAR)

static gsize
test_char_write (VmtChar *stream, const guint8 *data, gsize size)
{
  return vmt_char_fd_write (TEST_CHAR (stream)->fd, data, size);
}

static void
test_char_resume (VmtChar *stream)
{
  TEST_CHAR (stream)->resumed++;
  vmt_char_fd_resume (TEST_CHAR (stream)->fd);
}

static void
on_ended (gpointer owner)
{
  TEST_CHAR (owner)->ended++;
}

static gsize
drop_x (gpointer owner, guint8 *data, gsize size)
{
  gsize kept = 0;

  for (gsize i = 0; i < size; i++)
    if (data[i] != 'X')
      data[kept++] = data[i];
  return kept;
}

static const VmtCharFdFuncs funcs = { drop_x, on_ended };

static gboolean
test_char_open (VmtBackend *backend, GError **error)
{
  TestChar *self = TEST_CHAR (backend);

  self->fd = vmt_char_fd_new (VMT_CHAR (self), &funcs, self);
  return TRUE;
}

static void
test_char_close (VmtBackend *backend)
{
  vmt_char_fd_flush (TEST_CHAR (backend)->fd, 200);
  g_clear_pointer (&TEST_CHAR (backend)->fd, vmt_char_fd_free);
}

static void
test_char_class_init (TestCharClass *klass)
{
  VMT_BACKEND_CLASS (klass)->open = test_char_open;
  VMT_BACKEND_CLASS (klass)->close = test_char_close;
  VMT_CHAR_CLASS (klass)->write = test_char_write;
  VMT_CHAR_CLASS (klass)->resume = test_char_resume;
}

static void
test_char_init (TestChar *self)
{
}

typedef struct
{
  gsize room;
  GByteArray *got;
  guint writable;
} Device;

static gsize
can_receive (gpointer data)
{
  return ((Device *)data)->room;
}

static void
receive (gpointer data, const guint8 *bytes, gsize size)
{
  Device *device = data;

  g_assert_cmpuint (size, <=, device->room);
  device->room -= size;
  g_byte_array_append (device->got, bytes, size);
}

static void
writable (gpointer data)
{
  ((Device *)data)->writable++;
}

static const VmtCharFrontend frontend = { can_receive, receive, writable };

typedef struct
{
  GMainContext *context;
  VmtChar *stream;
  Device device;
} Fixture;

static void
set_up (Fixture *f, gconstpointer data)
{
  f->context = g_main_context_new ();
  f->stream = g_object_new (TEST_TYPE_CHAR, NULL);
  f->device.got = g_byte_array_new ();
  g_assert_true (vmt_backend_open (VMT_BACKEND (f->stream), f->context, NULL));
  vmt_char_set_frontend (f->stream, &frontend, &f->device);
}

static void
tear_down (Fixture *f, gconstpointer data)
{
  vmt_char_set_frontend (f->stream, NULL, NULL);
  vmt_backend_close (VMT_BACKEND (f->stream));
  g_object_unref (f->stream);
  g_byte_array_unref (f->device.got);
  g_main_context_unref (f->context);
}

/* Serves what is ready; how often something was. */
static guint
serve (Fixture *f)
{
  guint n = 0;

  for (gint64 until = g_get_monotonic_time () + 20000; g_get_monotonic_time () < until;)
    if (g_main_context_iteration (f->context, FALSE))
      n++;
    else
      g_usleep (500);
  return n;
}

static VmtCharFd *
get_fd (Fixture *f)
{
  return TEST_CHAR (f->stream)->fd;
}

static void
test_input (Fixture *f, gconstpointer data)
{
  int ends[2];
  g_autofree guint8 *bytes = g_malloc (300000);
  gsize sent = 0;

  for (gsize i = 0; i < 300000; i++)
    bytes[i] = "abcXdefg"[i % 8];
  g_assert_cmpint (pipe2 (ends, O_NONBLOCK | O_CLOEXEC), ==, 0);
  vmt_char_fd_set (get_fd (f), ends[0], -1, FALSE);
  /* A device without room makes the pipe fill up: nothing is read without bound, nothing is lost.
   */
  for (guint i = 0; i < 20; i++)
    {
      ssize_t n = write (ends[1], bytes + sent, 300000 - sent);

      if (n > 0)
        sent += n;
      serve (f);
    }
  g_assert_cmpuint (sent, <, 300000);
  g_assert_cmpuint (f->device.got->len, ==, 0);
  while (f->device.got->len < 300000 / 8 * 7)
    {
      ssize_t n = write (ends[1], bytes + sent, MIN (300000 - sent, 5000));

      if (n > 0)
        sent += n;
      f->device.room = 37 + f->device.got->len % 4000;
      vmt_char_resume (f->stream);
      while (g_main_context_iteration (f->context, FALSE))
        ;
    }
  g_assert_cmpuint (sent, ==, 300000);
  for (guint i = 0; i < f->device.got->len; i++)
    g_assert_cmpint (f->device.got->data[i], ==, "abcdefg"[i % 7]);
  close (ends[1]);
  serve (f);
  g_assert_cmpuint (TEST_CHAR (f->stream)->ended, ==, 1);
  close (ends[0]);
}

/* At the end of input nothing spins. */
static void
test_end (Fixture *f, gconstpointer data)
{
  int null = open ("/dev/null", O_RDWR | O_CLOEXEC);

  f->device.room = 100;
  vmt_char_fd_set (get_fd (f), null, null, TRUE);
  serve (f);
  g_assert_cmpuint (TEST_CHAR (f->stream)->ended, ==, 1);
  g_assert_cmpuint (serve (f), ==, 0);
  g_assert_cmpuint (vmt_char_write (f->stream, "hello", 5), ==, 5);
  serve (f);
  g_assert_cmpuint (serve (f), ==, 0);
  close (null);
}

/* A terminal's input is read even when the device takes none: only so can Ctrl-A x be seen. What is
 * more than a megabyte is lost. */
static void
test_lossy (Fixture *f, gconstpointer data)
{
  int ends[2];
  g_autofree guint8 *bytes = g_malloc0 (2 << 20);
  gsize sent = 0;

  g_assert_cmpint (pipe2 (ends, O_NONBLOCK | O_CLOEXEC), ==, 0);
  vmt_char_fd_set (get_fd (f), ends[0], -1, TRUE);
  while (sent < 2 << 20)
    {
      ssize_t n = write (ends[1], bytes + sent, (2 << 20) - sent);

      if (n > 0)
        sent += n;
      while (g_main_context_iteration (f->context, FALSE))
        ;
    }
  f->device.room = 4 << 20;
  vmt_char_resume (f->stream);
  serve (f);
  g_assert_cmpuint (f->device.got->len, >=, 1 << 20);
  g_assert_cmpuint (f->device.got->len, <, (1 << 20) + 65536);
  close (ends[0]);
  close (ends[1]);
}

/* Writers are held back when nobody reads, told when there is room, and nothing is lost. */
static void
test_output (Fixture *f, gconstpointer data)
{
  int ends[2];
  g_autofree guint8 *bytes = g_malloc (1 << 20), *back = g_malloc (1 << 20);
  gsize sent = 0, got = 0;
  guint blocked = 0;

  for (gsize i = 0; i < 1 << 20; i++)
    bytes[i] = i * 7 + (i >> 8);
  g_assert_cmpint (pipe2 (ends, O_NONBLOCK | O_CLOEXEC), ==, 0);
  vmt_char_fd_set (get_fd (f), -1, ends[1], FALSE);
  while (got < 1 << 20)
    {
      gsize n = vmt_char_write (f->stream, bytes + sent, (1 << 20) - sent);
      ssize_t r;

      sent += n;
      if (n == 0 && sent < 1 << 20)
        blocked++;
      while (g_main_context_iteration (f->context, FALSE))
        ;
      g_usleep (200);
      r = read (ends[0], back + got, MIN ((1 << 20) - got, 30000));
      if (r > 0)
        got += r;
    }
  g_assert_cmpuint (blocked, >, 0);
  g_assert_cmpuint (f->device.writable, >, 0);
  g_assert_cmpmem (back, got, bytes, sent);
  close (ends[0]);
  /* Nobody reads any more: no signal, no error, no waiting. */
  for (guint i = 0; i < 50; i++)
    {
      g_assert_cmpuint (vmt_char_write (f->stream, bytes, 60000), >, 0);
      serve (f);
      f->device.writable = 0;
    }
  g_assert_cmpuint (vmt_char_write (f->stream, bytes, 100000), ==, 100000);
  g_assert_cmpuint (serve (f), ==, 0);
  close (ends[1]);
}

/* A reader that stays but does not read does not keep us from closing. */
static void
test_stuck (Fixture *f, gconstpointer data)
{
  int ends[2];
  g_autofree guint8 *bytes = g_malloc0 (200000);
  gint64 start;

  g_assert_cmpint (socketpair (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), ==, 0);
  vmt_char_fd_set (get_fd (f), ends[0], ends[0], FALSE);
  for (guint i = 0; i < 30; i++)
    {
      vmt_char_write (f->stream, bytes, 60000);
      while (g_main_context_iteration (f->context, FALSE))
        ;
      g_usleep (1000);
    }
  start = g_get_monotonic_time ();
  vmt_char_fd_flush (get_fd (f), 100);
  g_assert_cmpint (g_get_monotonic_time () - start, <, 3000000);
  vmt_char_fd_set (get_fd (f), -1, -1, FALSE);
  close (ends[0]);
  close (ends[1]);
}

/* Flushing on close brings out what was accepted. */
static void
test_flush (Fixture *f, gconstpointer data)
{
  int ends[2];
  char back[100];

  g_assert_cmpint (pipe2 (ends, O_NONBLOCK | O_CLOEXEC), ==, 0);
  vmt_char_fd_set (get_fd (f), -1, ends[1], FALSE);
  g_assert_cmpuint (vmt_char_write (f->stream, "last words", 10), ==, 10);
  vmt_char_set_frontend (f->stream, NULL, NULL);
  vmt_backend_close (VMT_BACKEND (f->stream));
  g_assert_cmpint (read (ends[0], back, sizeof back), ==, 10);
  /* Closed: accepted and dropped. */
  g_assert_cmpuint (vmt_char_write (f->stream, "x", 1), ==, 1);
  g_assert_true (vmt_backend_open (VMT_BACKEND (f->stream), f->context, NULL));
  vmt_char_set_frontend (f->stream, &frontend, &f->device);
  close (ends[0]);
  close (ends[1]);
}

static void
test_inject (Fixture *f, gconstpointer data)
{
  g_autofree guint8 *bytes = g_malloc (2 << 20);
  int ends[2];

  memset (bytes, 'i', 2 << 20);
  g_assert_cmpint (pipe2 (ends, O_NONBLOCK | O_CLOEXEC), ==, 0);
  vmt_char_fd_set (get_fd (f), ends[0], -1, FALSE);
  f->device.room = 2;
  g_assert_cmpuint (vmt_char_inject (f->stream, "abcd", 4), ==, 4);
  g_assert_cmpmem (f->device.got->data, f->device.got->len, "ab", 2);
  /* What is typed now comes after it. */
  g_assert_cmpint (write (ends[1], "typed", 5), ==, 5);
  serve (f);
  g_assert_cmpuint (f->device.got->len, ==, 2);
  f->device.room = 4;
  vmt_char_resume (f->stream);
  serve (f);
  g_assert_cmpmem (f->device.got->data, f->device.got->len, "abcdty", 6);
  f->device.room = 100;
  vmt_char_resume (f->stream);
  serve (f);
  g_assert_cmpmem (f->device.got->data, f->device.got->len, "abcdtyped", 9);
  /* Bounded. */
  f->device.room = 0;
  g_assert_cmpuint (vmt_char_inject (f->stream, bytes, 2 << 20), ==, 1 << 20);
  g_assert_cmpuint (vmt_char_inject (f->stream, bytes, 1), ==, 0);
  f->device.room = 1000;
  vmt_char_resume (f->stream);
  serve (f);
  g_assert_cmpuint (vmt_char_inject (f->stream, bytes, 5000), ==, 1000);
  close (ends[0]);
  close (ends[1]);
}

/* Writers on several threads: all of it arrives, whole. */
static gpointer
write_many (gpointer data)
{
  Fixture *f = data;

  for (guint i = 0; i < 5000; i++)
    while (vmt_char_write (f->stream, "12345678", 8) == 0)
      g_usleep (100);
  return NULL;
}

static void
test_threads (Fixture *f, gconstpointer data)
{
  GThread *threads[3];
  guint8 back[65536];
  gsize got = 0;
  int ends[2];

  g_assert_cmpint (pipe2 (ends, O_NONBLOCK | O_CLOEXEC), ==, 0);
  vmt_char_fd_set (get_fd (f), -1, ends[1], FALSE);
  for (guint i = 0; i < 3; i++)
    threads[i] = g_thread_new ("writer", write_many, f);
  /* A write may be cut in two where the buffer ends, so only the amount is certain. */
  for (gint64 until = g_get_monotonic_time () + 20000000; g_get_monotonic_time () < until;)
    {
      ssize_t n;

      while (g_main_context_iteration (f->context, FALSE))
        ;
      n = read (ends[0], back, sizeof back);
      if (n > 0)
        got += n;
      else if (got >= 3 * 5000 * 8)
        break;
      else
        g_usleep (200);
      if (got > 3 * 5000 * 8)
        break;
    }
  for (guint i = 0; i < 3; i++)
    g_thread_join (threads[i]);
  g_assert_cmpuint (got, ==, 3 * 5000 * 8);
  close (ends[0]);
  close (ends[1]);
}

/* The terminal of others stays as it was. */
static void
test_writer (void)
{
  int ends[2], writer;

  g_assert_cmpint (pipe (ends), ==, 0);
  writer = vmt_char_fd_dup_writer (ends[1]);
  g_assert_cmpint (writer, >=, 0);
  g_assert_cmpint (fcntl (writer, F_GETFL) & O_NONBLOCK, !=, 0);
  g_assert_cmpint (fcntl (ends[1], F_GETFL) & O_NONBLOCK, ==, 0);
  g_assert_cmpint (fcntl (writer, F_GETFD) & FD_CLOEXEC, !=, 0);
  close (writer);
  close (ends[0]);
  close (ends[1]);
  g_assert_cmpint (vmt_char_fd_dup_writer (ends[1]), ==, -1);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add ("/backend/char/input", Fixture, NULL, set_up, test_input, tear_down);
  g_test_add ("/backend/char/end", Fixture, NULL, set_up, test_end, tear_down);
  g_test_add ("/backend/char/lossy", Fixture, NULL, set_up, test_lossy, tear_down);
  g_test_add ("/backend/char/output", Fixture, NULL, set_up, test_output, tear_down);
  g_test_add ("/backend/char/stuck", Fixture, NULL, set_up, test_stuck, tear_down);
  g_test_add ("/backend/char/flush", Fixture, NULL, set_up, test_flush, tear_down);
  g_test_add ("/backend/char/inject", Fixture, NULL, set_up, test_inject, tear_down);
  g_test_add ("/backend/char/threads", Fixture, NULL, set_up, test_threads, tear_down);
  g_test_add_func ("/backend/char/writer", test_writer);
  return g_test_run ();
}
