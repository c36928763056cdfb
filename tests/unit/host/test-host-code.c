/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>

#include "vmt-error.h"
#include "vmt-host.h"

/* Areas of generated code: what is given out, what is refused, and what maps say. */

typedef struct
{
  gsize offset, size;
} Piece;

/* The longest piece that the stress takes, and the most that it holds at once. */
#define MAX_PIECE (64u << 10)
#define MAX_PIECES 20000

static gsize
rounded (gsize size)
{
  return (size + VMT_HOST_CODE_ALIGNMENT - 1) & ~(gsize)(VMT_HOST_CODE_ALIGNMENT - 1);
}

/* Against a map of who has which granule. */
static void
test_alloc (gconstpointer data)
{
  gsize size = GPOINTER_TO_SIZE (data), n = size / VMT_HOST_CODE_ALIGNMENT;
  VmtHostCodeArea *area = vmt_host_code_area_new (VMT_HOST_CODE_DUAL, size, NULL);
  g_autofree guint8 *taken = g_malloc0 (n);
  g_autofree Piece *pieces = g_new (Piece, MAX_PIECES);
  GRand *random = g_rand_new_with_seed (7);
  guint n_pieces = 0, n_full = 0;
  gsize used = 0;

  if (area == NULL)
    {
      g_test_skip ("this host has no dual mapping");
      g_rand_free (random);
      return;
    }
  g_assert_cmpuint (vmt_host_code_area_get_size (area), ==, size);
  for (guint step = 0; step < 300000; step++)
    {
      /* It fills up, is emptied, and fills up again. */
      gboolean growing = (step / 50000) % 2 == 0;

      if (n_pieces < MAX_PIECES &&
          (n_pieces == 0 || (g_rand_int (random) & 15) < (growing ? 11 : 5)))
        {
          gsize want = 64u << g_rand_int_range (random, 0, 11);
          gsize offset;

          want = MIN (MAX_PIECE, want - (g_rand_int (random) % (want / 2)));
          offset = vmt_host_code_area_alloc (area, want);
          if (offset == G_MAXSIZE)
            {
              n_full++;
              continue;
            }
          g_assert_cmpuint (offset % VMT_HOST_CODE_ALIGNMENT, ==, 0);
          g_assert_cmpuint (offset + want, <=, size);
          for (gsize i = offset / VMT_HOST_CODE_ALIGNMENT;
               i < (offset + rounded (want)) / VMT_HOST_CODE_ALIGNMENT; i++)
            {
              g_assert_false (taken[i]);
              taken[i] = TRUE;
            }
          used += rounded (want);
          pieces[n_pieces++] = (Piece){ offset, want };
        }
      else if (n_pieces > 0)
        {
          guint which = g_rand_int_range (random, 0, n_pieces);
          Piece piece = pieces[which];

          pieces[which] = pieces[--n_pieces];
          memset (taken + piece.offset / VMT_HOST_CODE_ALIGNMENT, 0,
                  rounded (piece.size) / VMT_HOST_CODE_ALIGNMENT);
          used -= rounded (piece.size);
          vmt_host_code_area_release (area, piece.offset, piece.size);
        }
      g_assert_cmpuint (vmt_host_code_area_get_used (area), ==, used);
    }
  g_test_message ("%u pieces in use, %" G_GSIZE_FORMAT " bytes; %" G_GSIZE_FORMAT
                  " bytes in holes; full %u times",
                  n_pieces, used, vmt_host_code_area_get_free_holes (area, NULL), n_full);
  if (size <= 4 << 20)
    g_assert_cmpuint (n_full, >, 0);
  while (n_pieces > 0)
    {
      n_pieces--;
      vmt_host_code_area_release (area, pieces[n_pieces].offset, pieces[n_pieces].size);
    }
  /* What is given back is one piece again. */
  {
    guint n_holes;

    g_assert_cmpuint (vmt_host_code_area_get_free_holes (area, &n_holes), ==, 0);
    g_assert_cmpuint (n_holes, ==, 0);
    g_assert_cmpuint (vmt_host_code_area_get_used (area), ==, 0);
    g_assert_cmpuint (vmt_host_code_area_alloc (area, size), ==, 0);
    g_assert_cmpuint (vmt_host_code_area_alloc (area, 1), ==, G_MAXSIZE);
  }
  vmt_host_code_area_free (area);
  g_rand_free (random);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_data_func ("/host/code/alloc/small", GSIZE_TO_POINTER (4 << 20), test_alloc);
  g_test_add_data_func ("/host/code/alloc/large", GSIZE_TO_POINTER (64 << 20), test_alloc);
  return g_test_run ();
}
