/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "test-self.h"

#include <sys/wait.h>

int
test_self_run (void)
{
  const char *wrapper = g_getenv ("MESON_EXE_WRAPPER");
  g_autofree char *program = g_file_read_link ("/proc/self/exe", NULL);
  g_autoptr (GPtrArray) argv = g_ptr_array_new ();
  g_auto (GStrv) words = NULL;
  g_autoptr (GError) error = NULL;
  int status;

  if (wrapper != NULL && *wrapper != '\0')
    {
      g_shell_parse_argv (wrapper, NULL, &words, &error);
      g_assert_no_error (error);
    }
  for (char **word = words; word != NULL && *word != NULL; word++)
    g_ptr_array_add (argv, *word);
  g_assert_nonnull (program);
  g_ptr_array_add (argv, program);
  g_ptr_array_add (argv, (gpointer) "-q");
  g_ptr_array_add (argv, (gpointer) "-p");
  g_ptr_array_add (argv, (gpointer)g_test_get_path ());
  g_ptr_array_add (argv, (gpointer) "--GTestSubprocess");
  g_ptr_array_add (argv, NULL);
  g_spawn_sync (NULL, (char **)argv->pdata, NULL, G_SPAWN_SEARCH_PATH | G_SPAWN_STDOUT_TO_DEV_NULL,
                NULL, NULL, NULL, NULL, &status, &error);
  g_assert_no_error (error);
  return WIFEXITED (status) ? WEXITSTATUS (status) : -WTERMSIG (status);
}
