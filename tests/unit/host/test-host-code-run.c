/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdio.h>

#include "../../support/test-self.h"
#include "code.h"

/* Code that is executed while more is made, and the memory that it takes. Each test runs with both
 * strategies. */

static VmtHostCodeArea *
new_area (gconstpointer strategy, gsize size)
{
  g_autoptr (GError) error = NULL;
  VmtHostCodeArea *area;

  if (!vmt_host_probe_code_memory (GPOINTER_TO_UINT (strategy), &error))
    {
      g_test_skip (error->message);
      return NULL;
    }
  area = vmt_host_code_area_new (GPOINTER_TO_UINT (strategy), size, &error);
  g_assert_no_error (error);
  return area;
}

/* --- one thread --- */

static void
test_run (gconstpointer strategy)
{
  VmtHostCodeArea *area = new_area (strategy, 1 << 20);
  const guint8 *base;
  gsize offsets[600];
  guint8 code[CODE_MAX];
  GError *error = NULL;

  if (area == NULL)
    return;
  base = vmt_host_code_area_get_base (area);
  g_assert_cmpuint (vmt_host_code_area_get_strategy (area), ==, GPOINTER_TO_UINT (strategy));
  g_assert_cmpuint ((gsize)base % vmt_host_get_page_size (), ==, 0);
  /* Pieces of all sizes, over several pages and in one, made with and without others about. */
  for (guint i = 0; i < G_N_ELEMENTS (offsets); i++)
    {
      vmt_host_code_area_set_quiet (area, i % 5 < 2);
      offsets[i] = code_add (area, i, i % 50 == 49 ? 9000 : 100 + i % 7 * 100);
      g_assert_cmpint (code_run (area, offsets[i]), ==, i);
      if (i % 20 == 0)
        code_check_maps ();
    }
  for (guint i = 0; i < G_N_ELEMENTS (offsets); i++)
    g_assert_cmpint (code_run (area, offsets[i]), ==, i);
  if (GPOINTER_TO_UINT (strategy) == VMT_HOST_CODE_DUAL && g_getenv ("VMT_TEST_EMULATED") != NULL)
    {
      g_test_skip ("QEMU before 8.1 executes what was there before when code is written at another "
                   "address");
      vmt_host_code_area_free (area);
      return;
    }
  /* Parts of pieces, in the middle of pages that are executed. */
  for (guint i = 0; i < G_N_ELEMENTS (offsets); i += 3)
    {
      vmt_host_code_area_set_quiet (area, i % 2 == 0);
      g_assert_true (
          vmt_host_code_area_write (area, offsets[i], code, code_make (code, 1000 + i), &error));
      g_assert_no_error (error);
    }
  for (guint i = 0; i < G_N_ELEMENTS (offsets); i++)
    {
      const guint8 *bytes = base + offsets[i];
      gsize size = i % 50 == 49 ? 9000 : 100 + i % 7 * 100;

      g_assert_cmpint (code_run (area, offsets[i]), ==, i % 3 == 0 ? 1000 + i : i);
      for (gsize j = CODE_MAX; j < size; j++)
        g_assert_cmpuint (bytes[j], ==, (guint8)i);
    }
  g_assert_true (vmt_host_code_area_get_base (area) == base);
  code_check_maps ();
  vmt_host_code_area_free (area);
  code_check_maps ();
}

/* The data is there, is zero, and is not disturbed by code. */
static void
test_data (gconstpointer strategy)
{
  gsize page = vmt_host_get_page_size ();
  g_autoptr (GError) error = NULL;
  VmtHostCodeArea *area = new_area (strategy, 1);
  guint8 *data;

  if (area == NULL)
    return;
  g_assert_null (vmt_host_code_area_get_data (area));
  g_assert_cmpuint (vmt_host_code_area_get_size (area), ==, page);
  vmt_host_code_area_free (area);

  area = vmt_host_code_area_new_with_data (GPOINTER_TO_UINT (strategy), 3 * page + 1, 2 * page - 1,
                                           &error);
  g_assert_no_error (error);
  g_assert_cmpuint (vmt_host_code_area_get_data_offset (area), ==, 4 * page);
  data = vmt_host_code_area_get_data (area);
  g_assert_true (data == vmt_host_code_area_get_base (area) + 4 * page);
  for (gsize i = 0; i < 2 * page; i++)
    g_assert_cmpuint (data[i], ==, 0);
  memset (data, 0xa5, 2 * page);
  for (guint i = 0; i < 4; i++)
    code_add (area, i, page);
  g_assert_cmpuint (vmt_host_code_area_alloc (area, 1), ==, G_MAXSIZE);
  for (guint i = 0; i < 4; i++)
    g_assert_cmpint (code_run (area, i * page), ==, i);
  vmt_host_code_area_release (area, 0, page);
  vmt_host_code_area_trim (area);
  for (gsize i = 0; i < 2 * page; i++)
    g_assert_cmpuint (data[i], ==, 0xa5);
  code_check_maps ();
  vmt_host_code_area_free (area);
}

/* --- threads --- */

#define N_RUNNERS 3
#define N_FUNCTIONS 2000
#define RUN_MICROSECONDS (G_USEC_PER_SEC / 2)

typedef struct
{
  VmtHostCodeArea *area;
  gsize offsets[N_FUNCTIONS];
  int n_functions; /* atomic: those below it may be executed by anyone */
  int stop;        /* atomic */
  guint64 runs;    /* atomic */
} Crowd;

static gpointer
run_functions (gpointer data)
{
  Crowd *self = data;
  guint64 runs = 0;
  guint next = GPOINTER_TO_UINT (g_thread_self ());

  while (!g_atomic_int_get (&self->stop))
    {
      guint which;

      next = next * 1664525 + 1013904223;
      which = (next >> 8) % (guint)g_atomic_int_get (&self->n_functions);
      g_assert_cmpint (code_run (self->area, self->offsets[which]), ==, which);
      runs++;
    }
  __atomic_add_fetch (&self->runs, runs, __ATOMIC_RELAXED);
  return NULL;
}

static gpointer
watch_maps (gpointer data)
{
  Crowd *self = data;

  while (!g_atomic_int_get (&self->stop))
    {
      code_check_maps ();
      g_usleep (500);
    }
  return NULL;
}

static void
test_threads (gconstpointer strategy)
{
  Crowd *self;
  VmtHostCodeArea *area;
  GThread *threads[N_RUNNERS + 1];
  GRand *random;
  gint64 end;
  guint n_writes = 0;

  if (code_is_emulated ())
    return;
  area = new_area (strategy, 1 << 20);
  if (area == NULL)
    return;
  self = g_new0 (Crowd, 1);
  self->area = area;
  random = g_rand_new_with_seed (3);
  for (; self->n_functions < 4; self->n_functions++)
    self->offsets[self->n_functions] = code_add (area, self->n_functions, 100);
  for (guint i = 0; i < N_RUNNERS; i++)
    threads[i] = g_thread_new ("runner", run_functions, self);
  threads[N_RUNNERS] = g_thread_new ("maps", watch_maps, self);

  end = g_get_monotonic_time () + RUN_MICROSECONDS;
  for (; g_get_monotonic_time () < end; n_writes++)
    {
      gsize size = g_rand_int_range (random, 64, 700);
      /* Beside functions that run: a piece that is executed by nobody else, and goes again. */
      gsize passing = code_add (area, 60000, size);
      int n = self->n_functions;

      g_assert_cmpint (code_run (area, passing), ==, 60000);
      if (n < N_FUNCTIONS && n_writes % 8 == 0)
        {
          self->offsets[n] = code_add (area, n, g_rand_int_range (random, 8, 200));
          g_atomic_int_set (&self->n_functions, n + 1);
        }
      if (n_writes % 512 == 511)
        vmt_host_code_area_trim (area);
      vmt_host_code_area_release (area, passing, size);
    }
  g_atomic_int_set (&self->stop, TRUE);
  for (guint i = 0; i < G_N_ELEMENTS (threads); i++)
    g_thread_join (threads[i]);
  g_test_message ("%u writes, %u functions in the same pages executed %" G_GUINT64_FORMAT " times",
                  n_writes, self->n_functions, self->runs);
  g_assert_cmpuint (n_writes, >, 100);
  g_assert_cmpuint (self->runs, >, 1000);
  vmt_host_code_area_free (area);
  g_rand_free (random);
  g_free (self);
}

#ifdef __x86_64__
/* The two values of an operand, which differ in every byte. */
#define ONE 0x01020304u
#define OTHER 0x7a7b7c7du

static gpointer
run_patched (gpointer data)
{
  Crowd *self = data;
  guint64 n_others = 0;

  while (!g_atomic_int_get (&self->stop))
    {
      guint value = code_run (self->area, self->offsets[0]);

      g_assert_true (value == ONE || value == OTHER);
      n_others += value == OTHER;
    }
  self->runs = n_others;
  return NULL;
}
#endif

/* Nobody sees a third. */
static void
test_patch (void)
{
#ifdef __x86_64__
  /* nop; nop; nop; mov eax, ...; ret: the operand is at 4 */
  const guint8 code[] = { 0x90, 0x90, 0x90, 0xb8, 0x04, 0x03, 0x02, 0x01, 0xc3 };
  VmtHostCodeArea *area = new_area (GUINT_TO_POINTER (VMT_HOST_CODE_DUAL), 1 << 20);
  Crowd *self;
  GThread *thread;
  gint64 end;

  if (area == NULL)
    return;
  self = g_new0 (Crowd, 1);
  self->area = area;
  g_assert_true (vmt_host_code_area_can_patch (area));
  self->offsets[0] = vmt_host_code_area_alloc (area, sizeof code);
  g_assert_true (vmt_host_code_area_write (area, self->offsets[0], code, sizeof code, NULL));
  for (guint i = 0; i < 1000; i++)
    {
      vmt_host_code_area_patch32 (area, self->offsets[0] + 4, i);
      g_assert_cmpint (code_run (area, self->offsets[0]), ==, i);
    }
  vmt_host_code_area_patch32 (area, self->offsets[0] + 4, ONE);
  thread = g_thread_new ("patched", run_patched, self);
  end = g_get_monotonic_time () + RUN_MICROSECONDS / 2;
  for (guint i = 0; g_get_monotonic_time () < end; i++)
    vmt_host_code_area_patch32 (area, self->offsets[0] + 4, i % 2 == 0 ? OTHER : ONE);
  g_atomic_int_set (&self->stop, TRUE);
  g_thread_join (thread);
  g_test_message ("the other value was seen %" G_GUINT64_FORMAT " times", self->runs);
  g_assert_cmpuint (self->runs, >, 0);
  vmt_host_code_area_free (area);
  g_free (self);
#else
  g_test_skip ("what may be patched is not written down for this processor");
#endif
}

static void
test_no_patch (void)
{
  if (g_test_subprocess ())
    {
      VmtHostCodeArea *area = vmt_host_code_area_new (VMT_HOST_CODE_TOGGLE, 4096, NULL);

      g_assert_nonnull (area);
      g_assert_false (vmt_host_code_area_can_patch (area));
      vmt_host_code_area_patch32 (area, code_add (area, 1, 64), 0);
      return;
    }
  if (!vmt_host_probe_code_memory (VMT_HOST_CODE_TOGGLE, NULL))
    {
      g_test_skip ("this host has no toggling");
      return;
    }
  g_assert_cmpint (test_self_run (), !=, 0);
}

/* --- memory --- */

/* Pages of this process that have memory, in bytes. */
static gsize
get_resident (void)
{
  g_autofree char *text = NULL;
  gsize pages = 0;

  g_assert_true (g_file_get_contents ("/proc/self/statm", &text, NULL, NULL));
  g_assert_cmpint (sscanf (text, "%*u %" G_GSIZE_FORMAT, &pages), ==, 1);
  return pages * vmt_host_get_page_size ();
}

/* Of the area's addresses, and of the ones where it is written: only one of the two has pages of
 * its own. */
static void
test_memory (gconstpointer strategy)
{
  const gsize mib = 1 << 20;
  gsize before, resident;
  guint n_maps;
  VmtHostCodeArea *area;
  gsize first, last;

  if (code_is_emulated ())
    return;
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  g_test_skip ("the memory of this process is the sanitizer's");
  return;
#endif
  area = new_area (strategy, 64 * mib);
  if (area == NULL)
    return;
  code_add (area, 1, 64);
  n_maps = code_check_maps ();
  before = get_resident ();
  first = code_add (area, 2, 64);
  for (guint i = 0; i < 16 * mib / 4096; i++)
    code_add (area, 3, 4096);
  last = code_add (area, 4, 64);
  resident = get_resident () - before;
  g_test_message ("16 MiB of code take %" G_GSIZE_FORMAT " KiB", resident >> 10);
  g_assert_cmpuint (resident, >=, 16 * mib);
  g_assert_cmpuint (resident, <, 18 * mib);
  /* Written again, from all over the place. */
  for (guint i = 0; i < 1000; i++)
    {
      const guint8 byte = 5;

      g_assert_true (
          vmt_host_code_area_write (area, 128 + (i * 7919 % 4000) * 4096 + 100, &byte, 1, NULL));
    }
  code_check_maps ();
  g_assert_cmpuint (code_check_maps (), <, n_maps + 10);

  vmt_host_code_area_release (area, first + 64, 16 * mib);
  vmt_host_code_area_trim (area);
  resident = get_resident () - before;
  g_test_message ("after it is given back, %" G_GSIZE_FORMAT " KiB", resident >> 10);
  g_assert_cmpuint (resident, <, 2 * mib);
  g_assert_cmpint (code_run (area, first), ==, 2);
  g_assert_cmpint (code_run (area, last), ==, 4);
  /* And there is room again. */
  for (guint i = 0; i < 63 * mib / 4096; i++)
    code_add (area, i, 4096 - 32);
  g_assert_cmpint (code_run (area, first), ==, 2);
  g_assert_cmpint (code_run (area, last), ==, 4);
  code_check_maps ();
  vmt_host_code_area_free (area);
  g_assert_cmpuint (get_resident (), <, before + 2 * mib);
}

/* Not asserted, but to be seen: what a write of a block costs. */
static void
test_cost (gconstpointer strategy)
{
  VmtHostCodeArea *area;

  for (gboolean quiet = FALSE; quiet <= TRUE; quiet++)
    {
      guint8 code[300] = { 0 };
      gint64 start;

      area = new_area (strategy, 4 << 20);
      if (area == NULL)
        return;
      vmt_host_code_area_set_quiet (area, quiet);
      start = g_get_monotonic_time ();
      for (guint i = 0; i < 10000; i++)
        vmt_host_code_area_write (area, vmt_host_code_area_alloc (area, sizeof code), code,
                                  sizeof code, NULL);
      g_test_message ("%.2f us for a write of 300 bytes%s",
                      (g_get_monotonic_time () - start) / 10000.0,
                      quiet ? " while nobody runs" : "");
      g_assert_cmpuint (vmt_host_code_area_get_used (area), ==, 10000 * 320);
      vmt_host_code_area_free (area);
    }
}

static void
add (const char *path, void (*test) (gconstpointer))
{
  for (VmtHostCodeMemory one = VMT_HOST_CODE_DUAL; one < VMT_HOST_CODE_NONE; one++)
    {
      g_autofree char *full =
          g_strdup_printf ("/host/code/%s/%s", path, vmt_host_code_memory_get_nick (one));

      g_test_add_data_func (full, GUINT_TO_POINTER (one), test);
    }
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  add ("run", test_run);
  add ("data", test_data);
  add ("threads", test_threads);
  g_test_add_func ("/host/code/patch", test_patch);
  g_test_add_func ("/host/code/no-patch", test_no_patch);
  add ("memory", test_memory);
  add ("cost", test_cost);
  return g_test_run ();
}
