/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <glib/gstdio.h>

#include "vmt.h"

typedef struct
{
  GMainContext *context;
  char *folder, *path;
  guint connected, gone;
  GByteArray *got;
} Fixture;

static gsize
can_receive (gpointer data)
{
  return 100;
}

static void
receive (gpointer data, const guint8 *bytes, gsize size)
{
  g_byte_array_append (((Fixture *)data)->got, bytes, size);
}

static void
connected (gpointer data, gboolean is)
{
  Fixture *f = data;

  if (is)
    f->connected++;
  else
    f->gone++;
}

static const VmtCharFrontend frontend = { can_receive, receive, NULL, connected };

static void
set_up (Fixture *f, gconstpointer data)
{
  f->context = g_main_context_new ();
  f->folder = g_dir_make_tmp ("vmtool-socket-XXXXXX", NULL);
  f->path = g_build_filename (f->folder, "s", NULL);
  f->got = g_byte_array_new ();
}

static void
tear_down (Fixture *f, gconstpointer data)
{
  g_unlink (f->path);
  g_assert_cmpint (g_rmdir (f->folder), ==, 0);
  g_free (f->folder);
  g_free (f->path);
  g_byte_array_unref (f->got);
  g_main_context_unref (f->context);
}

static VmtChar *
make (Fixture *f, const char *settings)
{
  g_autoptr (GError) error = NULL;
  VmtObject *object =
      vmt_registry_create (vmt_registry_get_default (), VMT_FEATURE_CHAR, "socket", &error);
  g_auto (GStrv) all = g_strsplit (settings, ",", -1);

  g_assert_no_error (error);
  if (g_object_is_floating (object))
    g_object_ref_sink (object);
  vmt_object_set_text (object, "path", f->path, &error);
  g_assert_no_error (error);
  for (char **one = all; *one != NULL; one++)
    {
      g_auto (GStrv) pair = g_strsplit (*one, "=", 2);

      vmt_object_set_text (object, pair[0], pair[1], &error);
      g_assert_no_error (error);
    }
  return VMT_CHAR (object);
}

static void
serve_until (Fixture *f, const guint *value, guint wanted)
{
  for (gint64 until = g_get_monotonic_time () + 10000000; *value < wanted;)
    {
      g_assert_cmpint (g_get_monotonic_time (), <, until);
      if (!g_main_context_iteration (f->context, FALSE))
        g_usleep (500);
    }
}

static int
connect_peer (Fixture *f)
{
  struct sockaddr_un address = { .sun_family = AF_UNIX };
  int fd = socket (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

  g_strlcpy (address.sun_path, f->path, sizeof address.sun_path);
  if (connect (fd, (struct sockaddr *)&address, sizeof address) == 0)
    return fd;
  close (fd);
  return -1;
}

static void
expect (Fixture *f, int fd, const char *text)
{
  gsize got = 0;
  char bytes[100];

  for (gint64 until = g_get_monotonic_time () + 10000000; got < strlen (text);)
    {
      ssize_t n = read (fd, bytes + got, sizeof bytes - got);

      got += MAX (n, 0);
      g_assert_cmpint (g_get_monotonic_time (), <, until);
      if (!g_main_context_iteration (f->context, FALSE))
        g_usleep (500);
    }
  g_assert_cmpmem (bytes, got, text, strlen (text));
}

static void
test_server (Fixture *f, gconstpointer data)
{
  g_autoptr (VmtChar) stream = make (f, "server=on"), second = make (f, "server=on");
  g_autoptr (GError) error = NULL;
  struct stat st;
  int one, two;

  g_assert_true (vmt_backend_open (VMT_BACKEND (stream), f->context, &error));
  vmt_char_set_frontend (stream, &frontend, f);
  g_assert_cmpint (stat (f->path, &st), ==, 0);
  g_assert_cmpuint (st.st_mode & 0777, ==, 0600);
  /* One path, one listener. */
  g_assert_false (vmt_backend_open (VMT_BACKEND (second), f->context, &error));
  g_assert_error (error, VMT_ERROR, VMT_ERROR_BUSY);

  g_assert_cmpuint (vmt_char_write (stream, "lost", 4), ==, 4);
  one = connect_peer (f);
  g_assert_cmpint (one, >=, 0);
  serve_until (f, &f->connected, 1);
  vmt_char_write (stream, "to one", 6);
  expect (f, one, "to one");
  g_assert_cmpint (write (one, "from one", 8), ==, 8);
  serve_until (f, &f->got->len, 8);
  /* The next one waits for its turn. */
  two = connect_peer (f);
  g_assert_cmpint (two, >=, 0);
  g_assert_cmpint (write (two, "from two", 8), ==, 8);
  for (guint i = 0; i < 20; i++)
    g_main_context_iteration (f->context, FALSE);
  g_assert_cmpuint (f->connected, ==, 1);
  g_assert_cmpmem (f->got->data, f->got->len, "from one", 8);
  close (one);
  serve_until (f, &f->connected, 2);
  g_assert_cmpuint (f->gone, ==, 1);
  serve_until (f, &f->got->len, 16);
  g_assert_cmpmem (f->got->data, f->got->len, "from onefrom two", 16);
  vmt_char_write (stream, "to two", 6);
  vmt_char_set_frontend (stream, NULL, NULL);
  vmt_backend_close (VMT_BACKEND (stream));
  expect (f, two, "to two");
  close (two);
  g_assert_false (g_file_test (f->path, G_FILE_TEST_EXISTS));
}

static void
test_stale (Fixture *f, gconstpointer data)
{
  g_autoptr (VmtChar) stream = make (f, "server=on");
  struct sockaddr_un address = { .sun_family = AF_UNIX };
  g_autoptr (GError) error = NULL;
  g_autofree char *long_path = g_strnfill (200, 'x');
  int fd = socket (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

  /* As a killed process leaves it. */
  g_strlcpy (address.sun_path, f->path, sizeof address.sun_path);
  g_assert_cmpint (bind (fd, (struct sockaddr *)&address, sizeof address), ==, 0);
  close (fd);
  g_assert_true (vmt_backend_open (VMT_BACKEND (stream), f->context, &error));
  g_assert_no_error (error);
  vmt_backend_close (VMT_BACKEND (stream));

  /* A file of the user's is not taken away. */
  g_assert_true (g_file_set_contents (f->path, "mine", 4, NULL));
  g_assert_false (vmt_backend_open (VMT_BACKEND (stream), f->context, &error));
  g_assert_error (error, VMT_ERROR, VMT_ERROR_BUSY);
  g_clear_error (&error);
  g_assert_true (g_file_test (f->path, G_FILE_TEST_IS_REGULAR));
  g_unlink (f->path);

  g_object_set (stream, "path", long_path, NULL);
  g_assert_false (vmt_backend_open (VMT_BACKEND (stream), f->context, &error));
  g_assert_error (error, VMT_ERROR, VMT_ERROR_INVALID);
  g_clear_error (&error);
  g_object_set (stream, "path", NULL, NULL);
  g_assert_false (vmt_backend_open (VMT_BACKEND (stream), f->context, &error));
  g_assert_error (error, VMT_ERROR, VMT_ERROR_INVALID);
}

static void
test_client (Fixture *f, gconstpointer data)
{
  g_autoptr (VmtChar) server = make (f, "server=on"), client = make (f, "server=off");
  g_autoptr (VmtChar) patient = make (f, "server=off,reconnect=20ms");
  g_autoptr (GError) error = NULL;

  g_assert_false (vmt_backend_open (VMT_BACKEND (client), f->context, &error));
  g_assert_error (error, VMT_ERROR, VMT_ERROR_NOT_FOUND);
  g_clear_error (&error);
  g_assert_true (vmt_backend_open (VMT_BACKEND (patient), f->context, &error));
  vmt_char_set_frontend (patient, &frontend, f);
  for (guint turn = 1; turn <= 2; turn++)
    {
      g_assert_true (vmt_backend_open (VMT_BACKEND (server), f->context, &error));
      serve_until (f, &f->connected, turn);
      vmt_char_write (patient, "x", 1);
      vmt_backend_close (VMT_BACKEND (server));
      serve_until (f, &f->gone, turn);
    }
  vmt_char_set_frontend (patient, NULL, NULL);
  vmt_backend_close (VMT_BACKEND (patient));
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add ("/char/socket/server", Fixture, NULL, set_up, test_server, tear_down);
  g_test_add ("/char/socket/stale", Fixture, NULL, set_up, test_stale, tear_down);
  g_test_add ("/char/socket/client", Fixture, NULL, set_up, test_client, tear_down);
  return g_test_run ();
}
