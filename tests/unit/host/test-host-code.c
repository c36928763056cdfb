/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "code.h"

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

/* With the first strategy that works. */
static VmtHostCodeArea *
new_area (gsize size)
{
  for (VmtHostCodeMemory one = VMT_HOST_CODE_DUAL; one < VMT_HOST_CODE_NONE; one++)
    if (vmt_host_probe_code_memory (one, NULL))
      {
        GError *error = NULL;
        VmtHostCodeArea *area = vmt_host_code_area_new (one, size, &error);

        g_assert_no_error (error);
        return area;
      }
  g_test_skip ("this host allows no generated code");
  return NULL;
}

/* Against a map of who has which granule. */
static void
test_alloc (gconstpointer data)
{
  gsize size = GPOINTER_TO_SIZE (data), n = size / VMT_HOST_CODE_ALIGNMENT;
  VmtHostCodeArea *area = new_area (size);
  g_autofree guint8 *taken = g_malloc0 (n);
  g_autofree Piece *pieces = g_new (Piece, MAX_PIECES);
  GRand *random = g_rand_new_with_seed (7);
  guint n_pieces = 0, n_full = 0;
  gsize used = 0;

  if (area == NULL)
    {
      g_rand_free (random);
      return;
    }
  g_assert_cmpuint (vmt_host_code_area_get_size (area), ==, size);
  for (guint step = 0; step < 300000; step++)
    {
      /* It fills up, is emptied, and fills up again. */
      gboolean growing = (step / 50000) % 2 == 0;

      if (n_pieces < MAX_PIECES &&
          (n_pieces == 0 || (g_rand_int (random) & 15) < (growing ? 9 : 7)))
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

/* However long code comes and goes, it stays in about as much memory as there is of it. */
static void
test_churn (void)
{
  const guint n_pieces = 20000;
  const gsize mib = 1 << 20;
  VmtHostCodeArea *area = new_area (64 * mib);
  g_autofree Piece *pieces = NULL;
  GRand *random;
  gsize highest = 0, most = 0;
  gint64 start;

  if (area == NULL)
    return;
  pieces = g_new0 (Piece, n_pieces);
  random = g_rand_new_with_seed (11);
  start = g_get_monotonic_time ();
  for (guint step = 0; step < 20 * n_pieces; step++)
    {
      Piece *piece =
          &pieces[step < n_pieces ? step : (guint)g_rand_int_range (random, 0, n_pieces)];

      if (piece->size != 0)
        vmt_host_code_area_release (area, piece->offset, piece->size);
      piece->size = g_rand_int (random) % 64 == 0 ? 4000 : 64 + (g_rand_int (random) & 511);
      piece->offset = vmt_host_code_area_alloc (area, piece->size);
      g_assert_cmpuint (piece->offset, !=, G_MAXSIZE);
      highest = MAX (highest, piece->offset + piece->size);
      most = MAX (most, vmt_host_code_area_get_used (area));
    }
  g_test_message ("%" G_GSIZE_FORMAT " KiB of code reach up to %" G_GSIZE_FORMAT
                  " KiB; %.0f ns for one that goes and one that comes",
                  most >> 10, highest >> 10,
                  (g_get_monotonic_time () - start) * 1000.0 / (20 * n_pieces));
  g_assert_cmpuint (highest, <, most + most / 3 + mib);
  vmt_host_code_area_free (area);
  g_rand_free (random);
}

/* The same calls, the same places; in the order of addresses as long as nothing was released. */
static void
test_determined (void)
{
  VmtHostCodeArea *areas[2] = { new_area (8 << 20), NULL };
  Piece pieces[2][1000];
  gsize expected = 0;

  if (areas[0] == NULL)
    return;
  areas[1] = new_area (8 << 20);
  for (guint i = 0; i < 2; i++)
    {
      GRand *random = g_rand_new_with_seed (13);

      for (guint j = 0; j < 1000; j++)
        {
          pieces[i][j].size = g_rand_int_range (random, 1, 9000);
          pieces[i][j].offset = vmt_host_code_area_alloc (areas[i], pieces[i][j].size);
          if (i == 0)
            g_assert_cmpuint (pieces[i][j].offset, ==, expected);
          expected += rounded (pieces[i][j].size);
        }
      for (guint j = 0; j < 20000; j++)
        {
          Piece *piece = &pieces[i][g_rand_int_range (random, 0, 1000)];

          vmt_host_code_area_release (areas[i], piece->offset, piece->size);
          piece->size = g_rand_int_range (random, 1, 6000);
          piece->offset = vmt_host_code_area_alloc (areas[i], piece->size);
          g_assert_cmpuint (piece->offset, !=, G_MAXSIZE);
        }
      g_rand_free (random);
    }
  for (guint j = 0; j < 1000; j++)
    g_assert_cmpuint (pieces[0][j].offset, ==, pieces[1][j].offset);
  vmt_host_code_area_free (areas[0]);
  vmt_host_code_area_free (areas[1]);
}

static void
test_sizes (void)
{
  const gsize bad[] = { 0, ((gsize)1 << 30) + 1, G_MAXSIZE, G_MAXSIZE - 4095, (gsize)1 << 32 };

  for (VmtHostCodeMemory one = VMT_HOST_CODE_DUAL; one <= VMT_HOST_CODE_NONE; one++)
    for (guint i = 0; i < G_N_ELEMENTS (bad); i++)
      {
        g_autoptr (GError) error = NULL;

        g_assert_null (vmt_host_code_area_new (one, bad[i], &error));
        g_assert_error (error, VMT_ERROR, VMT_ERROR_INVALID);
        g_clear_error (&error);
        g_assert_null (
            vmt_host_code_area_new_with_data (one, 4096, MAX (bad[i], 1u << 31), &error));
        g_assert_error (error, VMT_ERROR, VMT_ERROR_INVALID);
        g_assert_null (vmt_host_code_area_new (one, bad[i], NULL));
      }
  vmt_host_code_area_free (NULL);
}

static void
test_none (void)
{
  g_autoptr (GError) error = NULL;

  g_assert_true (vmt_host_probe_code_memory (VMT_HOST_CODE_NONE, NULL));
  g_assert_null (vmt_host_code_area_new (VMT_HOST_CODE_NONE, 4096, &error));
  g_assert_error (error, VMT_ERROR, VMT_ERROR_UNSUPPORTED);
  g_assert_nonnull (strstr (error->message, "none"));
}

/* The largest is only addresses. */
static void
test_largest (void)
{
  const gsize size = (gsize)1 << 30;
  VmtHostCodeArea *area = new_area (size);
  gsize last;

  if (area == NULL)
    return;
  g_assert_cmpuint (vmt_host_code_area_alloc (area, size - 64), ==, 0);
  last = code_add (area, 77, 64);
  g_assert_cmpuint (last, ==, size - 64);
  g_assert_cmpint (code_run (area, last), ==, 77);
  vmt_host_code_area_trim (area);
  g_assert_cmpint (code_run (area, last), ==, 77);
  vmt_host_code_area_free (area);
}

static void
test_full (void)
{
  VmtHostCodeArea *area = new_area (1 << 20);
  const gsize too_much[] = { (1 << 20) + 1, 1 << 30, (gsize)1 << 37, G_MAXSIZE, G_MAXSIZE - 31 };
  guint n_holes;

  if (area == NULL)
    return;
  for (guint i = 0; i < G_N_ELEMENTS (too_much); i++)
    g_assert_cmpuint (vmt_host_code_area_alloc (area, too_much[i]), ==, G_MAXSIZE);
  for (guint i = 0; i < (1 << 20) / 64; i++)
    g_assert_cmpuint (vmt_host_code_area_alloc (area, 33 + i % 32), ==, i * 64);
  g_assert_cmpuint (vmt_host_code_area_alloc (area, 1), ==, G_MAXSIZE);
  /* Every second one is free: half of the area, of which nothing larger than 64 bytes can be had.
   */
  for (guint i = 0; i < (1 << 20) / 64; i += 2)
    vmt_host_code_area_release (area, i * 64, 33 + i % 32);
  g_assert_cmpuint (vmt_host_code_area_get_free_holes (area, &n_holes), ==, 1 << 19);
  g_assert_cmpuint (n_holes, ==, (1 << 20) / 128);
  g_assert_cmpuint (vmt_host_code_area_alloc (area, 65), ==, G_MAXSIZE);
  g_assert_cmpuint (vmt_host_code_area_alloc (area, 64), !=, G_MAXSIZE);
  vmt_host_code_area_free (area);
}

/* What was not given out is not written. */
static void
test_beyond (void)
{
  VmtHostCodeArea *area = new_area (1 << 20);
  const struct
  {
    gsize offset, size;
  } bad[] = {
    { 0, 129 },
    { 128, 1 },
    { 129, 0 },
    { 1 << 20, 1 },
    { 127, 2 },
    { 64, 65 },
    { G_MAXSIZE, 1 },
    { G_MAXSIZE, 0 },
    { G_MAXSIZE - 1, 64 },
    { 64, G_MAXSIZE },
    { 1, G_MAXSIZE },
    { 0, 2 << 20 },
    { G_MAXSIZE - 31, 32 },
  };
  guint8 code[256] = { 0 };

  if (area == NULL)
    return;
  g_assert_cmpuint (vmt_host_code_area_alloc (area, 100), ==, 0);
  for (guint i = 0; i < G_N_ELEMENTS (bad); i++)
    {
      g_autoptr (GError) error = NULL;

      g_assert_false (vmt_host_code_area_write (area, bad[i].offset, code, bad[i].size, &error));
      g_assert_error (error, VMT_ERROR, VMT_ERROR_INVALID);
    }
  g_assert_true (vmt_host_code_area_write (area, 0, code, 128, NULL));
  g_assert_true (vmt_host_code_area_write (area, 128, code, 0, NULL));
  vmt_host_code_area_free (area);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_data_func ("/host/code/alloc/small", GSIZE_TO_POINTER (4 << 20), test_alloc);
  g_test_add_data_func ("/host/code/alloc/large", GSIZE_TO_POINTER (64 << 20), test_alloc);
  g_test_add_func ("/host/code/churn", test_churn);
  g_test_add_func ("/host/code/determined", test_determined);
  g_test_add_func ("/host/code/sizes", test_sizes);
  g_test_add_func ("/host/code/none", test_none);
  g_test_add_func ("/host/code/largest", test_largest);
  g_test_add_func ("/host/code/full", test_full);
  g_test_add_func ("/host/code/beyond", test_beyond);
  return g_test_run ();
}
