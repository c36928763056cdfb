/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <glib/gstdio.h>
#include <string.h>
#include <unistd.h>

#include "vmt.h"

static char *folder;
static const guint8 code[3] = { 1, 2, 3 };

static void
test_map (void)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (VmtTracePerf) perf = vmt_trace_perf_new_map (folder, &error);
  g_autofree char *expected_path = g_strdup_printf ("%s/perf-%d.map", folder, (int)getpid ());
  g_autofree char *text = NULL, *expected = NULL;

  g_assert_no_error (error);
  g_assert_cmpstr (vmt_trace_perf_get_path (perf), ==, expected_path);
  vmt_trace_perf_add (perf, "name+0x10", code, sizeof code);
  g_assert_true (g_file_get_contents (expected_path, &text, NULL, NULL));
  expected = g_strdup_printf ("%" G_GINT64_MODIFIER "x 3 name+0x10\n", (guint64)(guintptr)code);
  g_assert_cmpstr (text, ==, expected);
  g_unlink (expected_path);
}

static guint64
get (const char *data, gsize offset, guint size)
{
  guint64 value = 0;
  memcpy (&value, data + offset, size);
  return value;
}

/* As perf's documentation has it. */
static void
test_jitdump (void)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (VmtTracePerf) perf = vmt_trace_perf_new_jitdump (folder, &error);
  g_autofree char *data = NULL, *maps = NULL;
  gsize size;

  g_assert_no_error (error);
  vmt_trace_perf_add (perf, "first", code, sizeof code);
  vmt_trace_perf_add (perf, "second", code, 0);
  g_assert_true (g_file_get_contents (vmt_trace_perf_get_path (perf), &data, &size, NULL));
  g_assert_cmpuint (size, ==, 40 + (56 + 6 + 3) + (56 + 7));
  g_assert_cmpuint (get (data, 0, 4), ==, 0x4a695444);
  g_assert_cmpuint (get (data, 4, 4), ==, 1);
  g_assert_cmpuint (get (data, 8, 4), ==, 40);
  g_assert_cmpuint (get (data, 20, 4), ==, (guint64)getpid ());
  g_assert_cmpuint (get (data, 40, 4), ==, 0);
  g_assert_cmpuint (get (data, 44, 4), ==, 56 + 6 + 3);
  g_assert_cmpuint (get (data, 48, 8), >=, get (data, 24, 8));
  g_assert_cmpuint (get (data, 64, 8), ==, (guint64)(guintptr)code);
  g_assert_cmpuint (get (data, 72, 8), ==, (guint64)(guintptr)code);
  g_assert_cmpuint (get (data, 80, 8), ==, 3);
  g_assert_cmpuint (get (data, 88, 8), ==, 0);
  g_assert_cmpstr (data + 96, ==, "first");
  g_assert_cmpmem (data + 102, 3, code, 3);
  g_assert_cmpuint (get (data, 105 + 48, 8), ==, 1);
  /* perf finds it by a mapping of code */
  g_assert_true (g_file_get_contents ("/proc/self/maps", &maps, NULL, NULL));
  const char *line = strstr (maps, vmt_trace_perf_get_path (perf));
  g_assert_nonnull (line);
  while (line > maps && line[-1] != '\n')
    line--;
  g_assert_nonnull (strstr (line, " r-xp "));
  g_unlink (vmt_trace_perf_get_path (perf));
}

/* What is in the way is not followed. */
static void
test_trap (void)
{
  g_autofree char *target = g_build_filename (folder, "target", NULL);
  g_autofree char *path = g_strdup_printf ("%s/perf-%d.map", folder, (int)getpid ());
  g_autofree char *text = NULL;
  g_autoptr (GError) error = NULL;

  g_assert_true (g_file_set_contents (target, "mine", -1, NULL));
  g_assert_cmpint (symlink (target, path), ==, 0);
  {
    g_autoptr (VmtTracePerf) perf = vmt_trace_perf_new_map (folder, &error);
    g_assert_no_error (error);
    vmt_trace_perf_add (perf, "name", code, sizeof code);
  }
  g_assert_true (g_file_get_contents (target, &text, NULL, NULL));
  g_assert_cmpstr (text, ==, "mine");
  g_unlink (path);
  g_assert_cmpint (g_mkdir (path, 0700), ==, 0);
  g_assert_null (vmt_trace_perf_new_map (folder, &error));
  g_assert_nonnull (error);
  g_assert_nonnull (strstr (error->message, path));
  g_rmdir (path);
  g_unlink (target);
}

static void
test_nowhere (void)
{
  g_autoptr (GError) error = NULL, other = NULL;

  g_assert_null (vmt_trace_perf_new_jitdump ("/nowhere", &error));
  g_assert_error (error, G_FILE_ERROR, G_FILE_ERROR_NOENT);
  /* a file system that takes no files */
  g_assert_null (vmt_trace_perf_new_jitdump ("/proc", &other));
  g_assert_nonnull (other);
}

static gpointer
add_many (gpointer data)
{
  for (guint i = 0; i < 500; i++)
    vmt_trace_perf_add (data, "function", code, sizeof code);
  return NULL;
}

static void
test_threads (void)
{
  g_autoptr (VmtTracePerf) perf = vmt_trace_perf_new_jitdump (folder, NULL);
  g_autofree char *data = NULL;
  GThread *threads[4];
  gsize size, at = 40;
  guint64 last = 0;

  for (guint i = 0; i < G_N_ELEMENTS (threads); i++)
    threads[i] = g_thread_new ("adder", add_many, perf);
  for (guint i = 0; i < G_N_ELEMENTS (threads); i++)
    g_thread_join (threads[i]);
  g_assert_true (g_file_get_contents (vmt_trace_perf_get_path (perf), &data, &size, NULL));
  for (guint i = 0; i < 2000; i++, at += 56 + 9 + 3)
    {
      g_assert_cmpuint (get (data, at + 48, 8), ==, i);
      g_assert_cmpuint (get (data, at + 8, 8), >=, last);
      last = get (data, at + 8, 8);
    }
  g_assert_cmpuint (at, ==, size);
  g_unlink (vmt_trace_perf_get_path (perf));
}

int
main (int argc, char **argv)
{
  int status;

  g_test_init (&argc, &argv, NULL);
  folder = g_dir_make_tmp ("perf-XXXXXX", NULL);
  g_test_add_func ("/trace/perf/map", test_map);
  g_test_add_func ("/trace/perf/jitdump", test_jitdump);
  g_test_add_func ("/trace/perf/trap", test_trap);
  g_test_add_func ("/trace/perf/nowhere", test_nowhere);
  g_test_add_func ("/trace/perf/threads", test_threads);
  status = g_test_run ();
  g_rmdir (folder);
  g_free (folder);
  return status;
}
