/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <glib/gstdio.h>

#include "vmt.h"

static GByteArray *got;

static gsize
can_receive (gpointer data)
{
  return 3;
}

static void
receive (gpointer data, const guint8 *bytes, gsize size)
{
  g_byte_array_append (got, bytes, size);
}

static const VmtCharFrontend frontend = { .can_receive = can_receive, .receive = receive };

static VmtChar *
make (const char *name)
{
  g_autoptr (GError) error = NULL;
  VmtObject *object =
      vmt_registry_create (vmt_registry_get_default (), VMT_FEATURE_CHAR, name, &error);

  g_assert_no_error (error);
  if (g_object_is_floating (object))
    g_object_ref_sink (object);
  return VMT_CHAR (object);
}

static void
test_file (void)
{
  g_autoptr (GMainContext) context = g_main_context_new ();
  g_autofree char *folder = g_dir_make_tmp ("vmtool-file-XXXXXX", NULL);
  g_autofree char *path = g_build_filename (folder, "out", NULL);
  g_autofree char *input = g_build_filename (folder, "in", NULL), *content = NULL;
  g_autoptr (VmtChar) stream = make ("file");
  g_autoptr (GError) error = NULL;
  gsize size;

  got = g_byte_array_new ();
  g_assert_false (vmt_backend_open (VMT_BACKEND (stream), context, &error));
  g_assert_error (error, VMT_ERROR, VMT_ERROR_INVALID);
  g_clear_error (&error);
  g_object_set (stream, "path", path, "input", input, NULL);
  g_assert_false (vmt_backend_open (VMT_BACKEND (stream), context, &error));
  g_assert_error (error, VMT_ERROR, VMT_ERROR_NOT_FOUND);
  g_assert_nonnull (strstr (error->message, "reading"));
  g_clear_error (&error);
  g_assert_true (g_file_set_contents (input, "from the file", -1, NULL));
  g_assert_true (g_file_set_contents (path, "old", -1, NULL));

  g_assert_true (vmt_backend_open (VMT_BACKEND (stream), context, &error));
  vmt_char_set_frontend (stream, &frontend, NULL);
  for (guint i = 0; i < 50000; i++)
    {
      /* More than any buffer: the context has to be served in between. */
      while (vmt_char_write (stream, "0123456789", 10) < 10)
        g_main_context_iteration (context, TRUE);
      if (i % 5000 == 4999)
        while (g_main_context_iteration (context, FALSE))
          ;
    }
  g_assert_cmpmem (got->data, got->len, "from the file", 13);
  vmt_char_set_frontend (stream, NULL, NULL);
  vmt_backend_close (VMT_BACKEND (stream));
  g_assert_true (g_file_get_contents (path, &content, &size, NULL));
  g_assert_cmpuint (size, >=, 500000);
  g_assert_true (g_str_has_prefix (content, "0123456789"));

  /* A FIFO without a reader must not wait for one. */
  g_unlink (path);
  g_assert_cmpint (mkfifo (path, 0600), ==, 0);
  g_assert_false (vmt_backend_open (VMT_BACKEND (stream), context, &error));
  g_assert_nonnull (error);
  g_unlink (path);
  g_unlink (input);
  g_rmdir (folder);
  g_byte_array_unref (got);
}

static void
test_null (void)
{
  g_autoptr (VmtChar) stream = make ("null");

  g_assert_true (vmt_backend_open (VMT_BACKEND (stream), NULL, NULL));
  g_assert_cmpuint (vmt_char_write (stream, "gone", 4), ==, 4);
  g_assert_cmpuint (vmt_char_write (stream, "", 0), ==, 0);
  vmt_backend_close (VMT_BACKEND (stream));
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/char/file/file", test_file);
  g_test_add_func ("/char/null", test_null);
  return g_test_run ();
}
