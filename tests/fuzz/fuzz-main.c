/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Replays a fuzzer's corpus as a plain test: every file of the folder, and variations of each that
 * a fixed seed makes. */
#include <glib.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz.h"

#define VARIATIONS 200

static char *folder;

static void
vary (GRand *rand, char *data, gsize *size)
{
  for (guint i = g_rand_int_range (rand, 1, 5); i > 0 && *size > 0; i--)
    switch (g_rand_int_range (rand, 0, 4))
      {
      case 0:
        data[g_rand_int_range (rand, 0, (gint32)*size)] ^=
            (char)(1 << g_rand_int_range (rand, 0, 8));
        break;
      case 1:
        data[g_rand_int_range (rand, 0, (gint32)*size)] = (char)g_rand_int (rand);
        break;
      case 2:
        *size = g_rand_int_range (rand, 0, (gint32)*size + 1);
        break;
      case 3:
        {
          gsize from = g_rand_int_range (rand, 0, (gint32)*size),
                to = g_rand_int_range (rand, 0, (gint32)*size);
          gsize n = MIN (*size - MAX (from, to), 8);
          memmove (data + to, data + from, n);
          break;
        }
      }
}

static void
test_corpus (void)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GDir) dir = g_dir_open (folder, 0, &error);
  g_autoptr (GRand) rand = g_rand_new_with_seed (20260101);
  const char *scale = g_getenv ("VMT_FUZZ_VARIATIONS");
  const guint variations = scale != NULL ? (guint)strtoul (scale, NULL, 10) : VARIATIONS;
  const char *name;
  guint n = 0;

  g_assert_no_error (error);
  while ((name = g_dir_read_name (dir)) != NULL)
    {
      g_autofree char *path = g_build_filename (folder, name, NULL);
      g_autofree char *data = NULL;
      gsize size;

      g_assert_true (g_file_get_contents (path, &data, &size, &error));
      LLVMFuzzerTestOneInput ((const uint8_t *)data, size);
      for (guint i = 0; i < variations; i++)
        {
          g_autofree char *copy = g_memdup2 (data, MAX (size, 1));
          gsize varied = size;

          vary (rand, copy, &varied);
          LLVMFuzzerTestOneInput ((const uint8_t *)copy, varied);
        }
      n++;
    }
  /* an empty corpus tests nothing */
  g_assert_cmpuint (n, >, 0);
}

int
main (int argc, char **argv)
{
  g_autofree char *path = NULL;

  g_test_init (&argc, &argv, NULL);
  g_assert_cmpint (argc, ==, 2);
  folder = argv[1];
  {
    g_autofree char *base = g_path_get_basename (folder);
    path = g_strdup_printf ("/fuzz/%s/corpus", base);
  }
  g_test_add_func (path, test_corpus);
  return g_test_run ();
}
