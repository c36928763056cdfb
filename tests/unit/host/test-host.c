/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <fcntl.h>
#include <glib/gstdio.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../../support/test-self.h"
#include "vmt-error.h"
#include "vmt-host.h"

static void
test_folders (void)
{
  g_assert_true (vmt_host_is_uninstalled ());
  g_assert_true (g_path_is_absolute (vmt_host_get_plugin_dir ()));
  g_assert_true (g_file_test (vmt_host_get_plugin_dir (), G_FILE_TEST_IS_DIR));
  g_assert_true (g_file_test (vmt_host_get_boards_dir (), G_FILE_TEST_IS_DIR));
  g_assert_true (g_path_is_absolute (vmt_host_get_helper_dir ()));
  g_assert_true (g_path_is_absolute (vmt_host_get_schema_dir ()));
  g_assert_true (g_path_is_absolute (vmt_host_get_locale_dir ()));
  g_assert_cmpstr (vmt_host_get_system (), !=, "");
  g_assert_cmpstr (vmt_host_get_cpu (), !=, "");
}

static void
test_memory (void)
{
  gsize page = vmt_host_get_page_size (), huge = vmt_host_get_huge_page_size ();
  const gsize sizes[] = { 1, page, page + 1, huge - 1, huge, 3 * huge + 5, (gsize)64 << 30 };

  g_assert_cmpuint (page & (page - 1), ==, 0);
  g_assert_cmpuint (huge & (huge - 1), ==, 0);
  for (guint i = 0; i < G_N_ELEMENTS (sizes); i++)
    {
      g_autoptr (GError) error = NULL;
      guint8 *memory = vmt_host_alloc_memory (sizes[i], &error);

      g_assert_no_error (error);
      g_assert_cmpuint ((gsize)memory % (sizes[i] >= huge ? huge : page), ==, 0);
      g_assert_cmpuint (memory[0], ==, 0);
      g_assert_cmpuint (memory[sizes[i] - 1], ==, 0);
      memory[0] = memory[sizes[i] - 1] = 0x5a;
      vmt_host_free_memory (memory, sizes[i]);
    }
  vmt_host_free_memory (NULL, 1);
}

static void
test_memory_refused (void)
{
  const gsize sizes[] = { G_MAXSIZE, G_MAXSIZE / 4, G_MAXSIZE / 2 + 1, (gsize)1 << 60 };

  for (guint i = 0; i < G_N_ELEMENTS (sizes); i++)
    {
      g_autoptr (GError) error = NULL;

      g_assert_null (vmt_host_alloc_memory (sizes[i], &error));
      g_assert_error (error, VMT_ERROR, VMT_ERROR_FAILED);
      g_assert_null (vmt_host_alloc_memory (sizes[i], NULL));
    }
}

static void
test_discard (void)
{
  gsize page = vmt_host_get_page_size ();
  guint8 *memory = vmt_host_alloc_memory (3 * page, NULL);

  memset (memory, 0xa5, 3 * page);
  g_assert_true (vmt_host_discard_memory (memory + page, page));
  g_assert_cmpuint (memory[page - 1], ==, 0xa5);
  for (gsize i = page; i < 2 * page; i++)
    g_assert_cmpuint (memory[i], ==, 0);
  g_assert_cmpuint (memory[2 * page], ==, 0xa5);
  vmt_host_free_memory (memory, 3 * page);
}

static int
open_file (const char *path)
{
  int fd = open (path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);

  g_assert_cmpint (fd, >=, 0);
  return fd;
}

static void
test_lock (void)
{
  g_autofree char *folder = g_dir_make_tmp ("vmt-host-XXXXXX", NULL);
  g_autofree char *path = g_build_filename (folder, "disk", NULL);
  int a = open_file (path), b = open_file (path), again;
  g_autoptr (GError) error = NULL;

  g_assert_cmpint (vmt_host_get_lock_holder (b), ==, 0);
  g_assert_true (vmt_host_lock_file (a, VMT_HOST_LOCK_EXCLUSIVE, &error));
  g_assert_false (vmt_host_lock_file (b, VMT_HOST_LOCK_EXCLUSIVE, &error));
  g_assert_error (error, VMT_ERROR, VMT_ERROR_BUSY);
  g_clear_error (&error);
  g_assert_false (vmt_host_lock_file (b, VMT_HOST_LOCK_SHARED, &error));
  g_assert_error (error, VMT_ERROR, VMT_ERROR_BUSY);
  g_clear_error (&error);
  g_assert_cmpint (vmt_host_get_lock_holder (b), ==, getpid ());

  /* Other users of the file in this process do not take the lock away by closing it. */
  again = open_file (path);
  close (again);
  g_assert_false (vmt_host_lock_file (b, VMT_HOST_LOCK_SHARED, NULL));

  g_assert_true (vmt_host_lock_file (a, VMT_HOST_LOCK_SHARED, NULL));
  g_assert_true (vmt_host_lock_file (b, VMT_HOST_LOCK_SHARED, NULL));
  g_assert_false (vmt_host_lock_file (b, VMT_HOST_LOCK_EXCLUSIVE, NULL));
  vmt_host_unlock_file (a);
  g_assert_true (vmt_host_lock_file (b, VMT_HOST_LOCK_EXCLUSIVE, NULL));
  close (b);
  g_assert_true (vmt_host_lock_file (a, VMT_HOST_LOCK_EXCLUSIVE, NULL));
  close (a);

  g_assert_false (vmt_host_lock_file (-1, VMT_HOST_LOCK_SHARED, &error));
  g_assert_error (error, VMT_ERROR, VMT_ERROR_FAILED);
  g_assert_cmpint (vmt_host_get_lock_holder (-1), ==, 0);
  g_unlink (path);
  g_rmdir (folder);
}

/* The lock of a killed process is gone. */
static void
test_lock_killed (void)
{
  g_autofree char *folder = g_dir_make_tmp ("vmt-host-XXXXXX", NULL);
  g_autofree char *path = g_build_filename (folder, "disk", NULL);
  int fd = open_file (path), ready[2], status;
  char byte;
  pid_t pid;

  g_assert_cmpint (pipe (ready), ==, 0);
  pid = fork ();
  if (pid == 0)
    {
      int own = open (path, O_RDWR);

      if (vmt_host_lock_file (own, VMT_HOST_LOCK_EXCLUSIVE, NULL) && write (ready[1], "x", 1) == 1)
        pause ();
      _exit (1);
    }
  g_assert_cmpint (read (ready[0], &byte, 1), ==, 1);
  g_assert_false (vmt_host_lock_file (fd, VMT_HOST_LOCK_EXCLUSIVE, NULL));
  g_assert_cmpint (vmt_host_get_lock_holder (fd), ==, pid);
  kill (pid, SIGKILL);
  g_assert_cmpint (waitpid (pid, &status, 0), ==, pid);
  g_assert_true (vmt_host_lock_file (fd, VMT_HOST_LOCK_EXCLUSIVE, NULL));
  close (ready[0]);
  close (ready[1]);
  close (fd);
  g_unlink (path);
  g_rmdir (folder);
}

static gpointer
name_thread (gpointer data)
{
  char name[16] = "";

  vmt_host_set_thread_name ("cpu0 of a machine with a long name");
  prctl (PR_GET_NAME, name);
  g_assert_cmpstr (name, ==, "cpu0 of a machi");
  vmt_host_set_thread_name ("");
  return NULL;
}

static void
test_thread_name (void)
{
  g_thread_join (g_thread_new ("x", name_thread, NULL));
}

static void
test_time (void)
{
  guint64 before = vmt_host_get_time_ns (), after;

  for (guint i = 0; i < 1000; i++)
    {
      after = vmt_host_get_time_ns ();
      g_assert_cmpuint (after, >=, before);
      before = after;
    }
  g_usleep (2000);
  g_assert_cmpuint (vmt_host_get_time_ns () - before, >=, 2000000);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/host/folders", test_folders);
  g_test_add_func ("/host/memory/sizes", test_memory);
  g_test_add_func ("/host/memory/refused", test_memory_refused);
  g_test_add_func ("/host/memory/discard", test_discard);
  g_test_add_func ("/host/lock/kinds", test_lock);
  g_test_add_func ("/host/lock/killed", test_lock_killed);
  g_test_add_func ("/host/thread-name", test_thread_name);
  g_test_add_func ("/host/time", test_time);
  return g_test_run ();
}
