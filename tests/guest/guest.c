/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "guest.h"

#include <glib/gstdio.h>
#include <signal.h>
#include <stdarg.h>
#include <string.h>

static char *
kit_folder (void)
{
  const char *folder = g_getenv ("VMT_KIT");

  return folder != NULL ? g_strdup (folder)
                        : g_build_filename (g_get_user_cache_dir (), "vmtool", "kit", NULL);
}

char *
guest_kit_file (const char *name)
{
  g_autofree char *folder = kit_folder ();

  return g_build_filename (folder, name, NULL);
}

gboolean
guest_need_kit (void)
{
  g_autofree char *version = guest_kit_file ("version");

  if (g_file_test (version, G_FILE_TEST_EXISTS))
    return TRUE;
  g_test_skip ("the guest kit is not there: tools/devtool kit fetches it");
  return FALSE;
}

static void
add_entry (GByteArray *cpio, const char *name, guint mode, const char *data, gsize size)
{
  static const guint8 zero[4];
  g_autofree char *head =
      g_strdup_printf ("070701%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X", 4711u, mode,
                       0u, 0u, 1u, 0u, (guint)size, 0u, 0u, 0u, 0u, (guint)strlen (name) + 1, 0u);

  g_byte_array_append (cpio, (const guint8 *)head, 110);
  g_byte_array_append (cpio, (const guint8 *)name, (guint)strlen (name) + 1);
  g_byte_array_append (cpio, zero, (4 - cpio->len % 4) % 4);
  g_byte_array_append (cpio, (const guint8 *)data, (guint)size);
  g_byte_array_append (cpio, zero, (4 - cpio->len % 4) % 4);
}

char *
guest_make_initrd (const char *folder, const char *script)
{
  g_autofree char *base = guest_kit_file ("initramfs.cpio.gz");
  g_autofree char *data = NULL;
  g_autoptr (GByteArray) cpio = g_byte_array_new ();
  g_autoptr (GString) all = g_string_new (NULL);
  g_autoptr (GError) error = NULL;
  char *path = g_build_filename (folder, "initrd", NULL);
  gsize size;

  g_file_get_contents (base, &data, &size, &error);
  g_assert_no_error (error);
  g_string_append_len (all, data, (gssize)size);
  /* the kernel takes a further archive that begins at a multiple of four */
  while (all->len % 4 != 0)
    g_string_append_c (all, '\0');
  add_entry (cpio, "run.sh", 0100755, script, strlen (script));
  add_entry (cpio, "TRAILER!!!", 0, "", 0);
  g_string_append_len (all, (const char *)cpio->data, cpio->len);
  g_file_set_contents (path, all->str, (gssize)all->len, &error);
  g_assert_no_error (error);
  return path;
}

char *
guest_make_folder (void)
{
  g_autoptr (GError) error = NULL;
  char *folder = g_dir_make_tmp ("vmt-guest-XXXXXX", &error);

  g_assert_no_error (error);
  return folder;
}

void
guest_remove_folder (char *folder)
{
  g_autoptr (GDir) dir = g_dir_open (folder, 0, NULL);
  const char *name;

  while ((name = g_dir_read_name (dir)) != NULL)
    {
      g_autofree char *path = g_build_filename (folder, name, NULL);
      g_remove (path);
    }
  g_rmdir (folder);
  g_free (folder);
}

typedef struct
{
  GMainLoop *loop;
  GSubprocess *process;
  GInputStream *stream;
  GString *output;
  char buffer[4096];
  const char *ready;
  const char *input;
  gsize input_size;
  gboolean timed_out;
} Run;

static gboolean
on_timeout (gpointer data)
{
  Run *run = data;

  run->timed_out = TRUE;
  g_subprocess_force_exit (run->process);
  return G_SOURCE_REMOVE;
}

static void
on_written (GObject *source, GAsyncResult *result, gpointer data)
{
  g_output_stream_write_all_finish (G_OUTPUT_STREAM (source), result, NULL, NULL);
  g_output_stream_close (G_OUTPUT_STREAM (source), NULL, NULL);
}

static void
on_read (GObject *source, GAsyncResult *result, gpointer data)
{
  Run *run = data;
  gssize n = g_input_stream_read_finish (run->stream, result, NULL);

  if (n <= 0)
    {
      g_main_loop_quit (run->loop);
      return;
    }
  g_string_append_len (run->output, run->buffer, n);
  if (run->input != NULL && strstr (run->output->str, run->ready) != NULL)
    {
      g_output_stream_write_all_async (g_subprocess_get_stdin_pipe (run->process), run->input,
                                       run->input_size, 0, NULL, on_written, run);
      run->input = NULL;
    }
  g_input_stream_read_async (run->stream, run->buffer, sizeof run->buffer, 0, NULL, on_read, run);
}

GuestResult *
guest_run (guint seconds, const char *ready, const char *input, gsize input_size, const char *first,
           ...)
{
  g_autoptr (GPtrArray) argv = g_ptr_array_new ();
  g_autoptr (GError) error = NULL;
  GuestResult *result = g_new0 (GuestResult, 1);
  Run run = {
    .ready = ready, .input = input, .input_size = input_size, .output = g_string_new (NULL)
  };
  GSubprocessFlags flags = G_SUBPROCESS_FLAGS_STDOUT_PIPE | G_SUBPROCESS_FLAGS_STDERR_MERGE;
  va_list args;
  guint timer;

  g_ptr_array_add (argv, (gpointer)g_getenv ("VMTOOL"));
  va_start (args, first);
  for (const char *arg = first; arg != NULL; arg = va_arg (args, const char *))
    g_ptr_array_add (argv, (gpointer)arg);
  va_end (args);
  g_ptr_array_add (argv, NULL);
  if (input != NULL)
    flags |= G_SUBPROCESS_FLAGS_STDIN_PIPE;
  run.process = g_subprocess_newv ((const char *const *)argv->pdata, flags, &error);
  g_assert_no_error (error);
  run.loop = g_main_loop_new (NULL, FALSE);
  run.stream = g_subprocess_get_stdout_pipe (run.process);
  timer = g_timeout_add_seconds (seconds * GUEST_PATIENCE, on_timeout, &run);
  g_input_stream_read_async (run.stream, run.buffer, sizeof run.buffer, 0, NULL, on_read, &run);
  g_main_loop_run (run.loop);
  if (!run.timed_out)
    g_source_remove (timer);
  g_subprocess_wait (run.process, NULL, NULL);
  result->status =
      g_subprocess_get_if_exited (run.process) ? g_subprocess_get_exit_status (run.process) : -1;
  result->output = g_string_free (run.output, FALSE);
  g_object_unref (run.process);
  g_main_loop_unref (run.loop);
  return result;
}

void
guest_result_free (GuestResult *result)
{
  g_free (result->output);
  g_free (result);
}
