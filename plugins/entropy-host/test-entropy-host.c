/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>

#include "vmt.h"

static void
test_fill (void)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (VmtObject) object =
      vmt_registry_create (vmt_registry_get_default (), VMT_FEATURE_ENTROPY, "host", &error);
  g_autofree guint8 *one = g_malloc0 (1 << 20), *two = g_malloc0 (1 << 20);
  guint counts[256] = { 0 };

  g_assert_no_error (error);
  g_assert_true (vmt_backend_open (VMT_BACKEND (object), NULL, NULL));
  g_assert_true (vmt_entropy_fill (VMT_ENTROPY (object), one, 0));
  g_assert_cmpint (one[0], ==, 0);
  /* All of it, up to the last byte, and not twice the same. */
  g_assert_true (vmt_entropy_fill (VMT_ENTROPY (object), one, 1 << 20));
  g_assert_true (vmt_entropy_fill (VMT_ENTROPY (object), two, 1 << 20));
  g_assert_true (memcmp (one, two, 1 << 20) != 0);
  g_assert_true (memcmp (one + (1 << 20) - 64, two + (1 << 20) - 64, 64) != 0);
  for (gsize i = 0; i < 1 << 20; i++)
    counts[one[i]]++;
  for (guint i = 0; i < 256; i++)
    {
      g_assert_cmpuint (counts[i], >, 3000);
      g_assert_cmpuint (counts[i], <, 5200);
    }
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/entropy/host/fill", test_fill);
  return g_test_run ();
}
