/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>

#include "vmt-block.h"

/* Every piece of lists with empty and odd entries, against one flat buffer. */
static void
test_pieces (void)
{
  static const gsize sizes[] = { 0, 3, 0, 0, 5, 1, 16, 0 };
  guint8 flat[25], parts[G_N_ELEMENTS (sizes)][16];
  VmtIoVec iov[G_N_ELEMENTS (sizes)], out[G_N_ELEMENTS (sizes)];

  for (guint skip = 0; skip <= sizeof flat; skip++)
    for (guint size = 0; size <= sizeof flat - skip; size++)
      {
        guint8 bytes[sizeof flat], back[sizeof flat];
        guint n;

        memset (flat, 0xee, sizeof flat);
        for (guint i = 0; i < G_N_ELEMENTS (sizes); i++)
          {
            iov[i] = (VmtIoVec){ parts[i], sizes[i] };
            memset (parts[i], 0xee, sizeof parts[i]);
          }
        g_assert_cmpuint (vmt_iov_get_size (iov, G_N_ELEMENTS (iov)), ==, sizeof flat);
        for (guint i = 0; i < size; i++)
          bytes[i] = i + 1;
        memcpy (flat + skip, bytes, size);
        vmt_iov_store (iov, G_N_ELEMENTS (iov), skip, bytes, size);
        vmt_iov_load (iov, G_N_ELEMENTS (iov), 0, back, sizeof back);
        g_assert_cmpmem (back, sizeof back, flat, sizeof flat);

        n = vmt_iov_slice (iov, G_N_ELEMENTS (iov), skip, size, out);
        g_assert_cmpuint (vmt_iov_get_size (out, n), ==, size);
        vmt_iov_load (out, n, 0, back, size);
        g_assert_cmpmem (back, size, bytes, size);

        vmt_iov_set (iov, G_N_ELEMENTS (iov), skip, 0x55, size);
        memset (flat + skip, 0x55, size);
        vmt_iov_load (iov, G_N_ELEMENTS (iov), 0, back, sizeof back);
        g_assert_cmpmem (back, sizeof back, flat, sizeof flat);
      }
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/backend/iov/pieces", test_pieces);
  return g_test_run ();
}
