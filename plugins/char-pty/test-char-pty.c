/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "vmt.h"

typedef struct
{
  GByteArray *got;
  guint connected, gone;
} Device;

static gsize
can_receive (gpointer data)
{
  return 7;
}

static void
receive (gpointer data, const guint8 *bytes, gsize size)
{
  g_byte_array_append (((Device *)data)->got, bytes, size);
}

static void
connected (gpointer data, gboolean is)
{
  Device *device = data;

  if (is)
    device->connected++;
  else
    device->gone++;
}

static const VmtCharFrontend frontend = { can_receive, receive, NULL, connected };

/* Serves the context until @value is @wanted. */
static void
serve_until (GMainContext *context, const guint *value, guint wanted)
{
  for (gint64 until = g_get_monotonic_time () + 10000000; *value < wanted;)
    {
      g_assert_cmpint (g_get_monotonic_time (), <, until);
      if (!g_main_context_iteration (context, FALSE))
        g_usleep (500);
    }
}

static void
test_peers (void)
{
  g_autoptr (GMainContext) context = g_main_context_new ();
  g_autoptr (GError) error = NULL;
  g_autoptr (VmtObject) object =
      vmt_registry_create (vmt_registry_get_default (), VMT_FEATURE_CHAR, "pty", &error);
  Device device = { .got = g_byte_array_new () };
  g_autofree char *path = NULL, *none = NULL;
  gint64 start;
  guint turns = 0;

  g_assert_no_error (error);
  g_assert_true (vmt_backend_open (VMT_BACKEND (object), context, &error));
  g_assert_no_error (error);
  vmt_char_set_frontend (VMT_CHAR (object), &frontend, &device);
  path = vmt_object_get_text (object, "path", &error);
  g_assert_no_error (error);
  g_assert_true (g_str_has_prefix (path, "/dev/"));
  g_assert_false (vmt_object_set_text (object, "path", "/dev/null", NULL));

  /* Nobody is there: what is written is lost, at once, and nothing spins. */
  for (guint i = 0; i < 1000; i++)
    g_assert_cmpuint (vmt_char_write (VMT_CHAR (object), "0123456789", 10), ==, 10);
  start = g_get_monotonic_time ();
  while (g_get_monotonic_time () < start + 600000)
    if (g_main_context_iteration (context, FALSE))
      turns++;
    else
      g_usleep (500);
  g_assert_cmpuint (turns, <, 10);

  for (guint peer = 1; peer <= 2; peer++)
    {
      char bytes[100];
      ssize_t n = 0;
      int fd = open (path, O_RDWR | O_NOCTTY | O_CLOEXEC | O_NONBLOCK);

      g_assert_cmpint (fd, >=, 0);
      serve_until (context, &device.connected, peer);
      g_byte_array_set_size (device.got, 0);
      g_assert_cmpint (write (fd, "typed by\r\n\x03somebody", 20), ==, 20);
      serve_until (context, &device.got->len, 20);
      g_assert_cmpmem (device.got->data, device.got->len, "typed by\r\n\x03somebody", 20);
      g_assert_cmpuint (vmt_char_write (VMT_CHAR (object), "answer\n", 7), ==, 7);
      for (gint64 until = g_get_monotonic_time () + 5000000;
           n <= 0 && g_get_monotonic_time () < until;)
        {
          if (!g_main_context_iteration (context, FALSE))
            g_usleep (500);
          n = read (fd, bytes, sizeof bytes);
        }
      /* Only what was written since, and as it was: raw, without echo. */
      g_assert_cmpmem (bytes, n, "answer\n", 7);
      close (fd);
      serve_until (context, &device.gone, peer);
    }
  vmt_char_set_frontend (VMT_CHAR (object), NULL, NULL);
  vmt_backend_close (VMT_BACKEND (object));
  none = vmt_object_get_text (object, "path", NULL);
  g_assert_true (none == NULL || *none == '\0');
  g_byte_array_unref (device.got);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/char/pty/peers", test_peers);
  return g_test_run ();
}
