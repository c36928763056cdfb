/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>

#include "vmt-dma.h"

#define BASE G_GUINT64_CONSTANT (0x80000000)
#define SIZE (4 * (guint64)VMT_PAGE_SIZE)

typedef struct
{
  VmtAddressSpace *space;
  VmtRam *low, *high, *rom;
  guint n_accesses;
} Fixture;

static VmtMemStatus
regs_read (gpointer opaque, guint64 offset, guint size, guint64 *value)
{
  ((Fixture *)opaque)->n_accesses++;
  *value = 0;
  return VMT_MEM_OK;
}

static VmtMemStatus
regs_write (gpointer opaque, guint64 offset, guint size, guint64 value)
{
  ((Fixture *)opaque)->n_accesses++;
  return VMT_MEM_OK;
}

static const VmtMmioOps ops = { regs_read, regs_write, 1, 8, FALSE, { NULL } };

/* low | high | registers | hole | rom */
static void
set_up (Fixture *f, gconstpointer data)
{
  f->space = vmt_address_space_new ("test");
  f->low = vmt_ram_new ("low", SIZE, VMT_RAM_ANON, NULL, NULL);
  f->high = vmt_ram_new ("high", SIZE, VMT_RAM_ANON, NULL, NULL);
  f->rom = vmt_ram_new ("rom", SIZE, VMT_RAM_ANON, NULL, NULL);
  g_assert_true (vmt_address_space_add_ram (f->space, BASE, f->low, 0, SIZE, FALSE, NULL, NULL));
  g_assert_true (
      vmt_address_space_add_ram (f->space, BASE + SIZE, f->high, 0, SIZE, FALSE, NULL, NULL));
  g_assert_true (
      vmt_address_space_add_mmio (f->space, BASE + 2 * SIZE, 64, &ops, f, NULL, NULL, NULL));
  g_assert_true (
      vmt_address_space_add_ram (f->space, BASE + 4 * SIZE, f->rom, 0, SIZE, TRUE, NULL, NULL));
}

static void
tear_down (Fixture *f, gconstpointer data)
{
  vmt_address_space_unref (f->space);
  vmt_ram_unref (f->low);
  vmt_ram_unref (f->high);
  vmt_ram_unref (f->rom);
}

static void
test_across (Fixture *f, gconstpointer data)
{
  guint8 out[3000], in[3000];
  for (guint i = 0; i < sizeof out; i++)
    out[i] = (guint8)(i * 7);
  g_assert_true (vmt_dma_write (f->space, BASE + SIZE - 1000, out, sizeof out));
  g_assert_cmpmem (f->low->host + SIZE - 1000, 1000, out, 1000);
  g_assert_cmpmem (f->high->host, 2000, out + 1000, 2000);
  g_assert_cmpuint (f->low->host[SIZE - 1001], ==, 0);
  g_assert_cmpuint (f->high->host[2000], ==, 0);
  g_assert_true (vmt_dma_read (f->space, BASE + SIZE - 1000, in, sizeof in));
  g_assert_cmpmem (in, sizeof in, out, sizeof out);
  g_assert_true (vmt_dma_write (f->space, BASE, out, 0));
  g_assert_true (vmt_dma_read (f->space, 0, in, 0));
}

static void
test_refused (Fixture *f, gconstpointer data)
{
  const guint64 bad[] = {
    0,
    BASE - 1,            /* begins in a hole */
    BASE + 2 * SIZE - 4, /* ends in registers */
    BASE + 2 * SIZE,     /* registers */
    BASE + 4 * SIZE - 1, /* begins in a hole */
    BASE + 5 * SIZE - 4, /* ends in a hole */
    G_MAXUINT64,         /* wraps */
    G_MAXUINT64 - 3,
  };
  guint8 buffer[8], before[8];
  memset (buffer, 0xee, sizeof buffer);
  memcpy (before, buffer, sizeof buffer);
  for (guint i = 0; i < G_N_ELEMENTS (bad); i++)
    {
      g_assert_false (vmt_dma_read (f->space, bad[i], buffer, sizeof buffer));
      g_assert_cmpmem (buffer, sizeof buffer, before, sizeof before);
      g_assert_false (vmt_dma_write (f->space, bad[i], buffer, sizeof buffer));
    }
  /* Nothing of it has happened. */
  for (guint i = 1; i <= 8; i++)
    g_assert_cmpuint (f->high->host[SIZE - i], ==, 0);
  g_assert_false (vmt_dma_read (f->space, BASE, buffer, G_MAXUINT64));
  g_assert_false (vmt_dma_write (f->space, BASE, buffer, 3 * SIZE));
  g_assert_cmpuint (f->low->host[0], ==, 0);
  g_assert_cmpuint (f->n_accesses, ==, 0);

  g_assert_true (vmt_dma_read (f->space, BASE + 4 * SIZE, buffer, sizeof buffer));
  g_assert_false (vmt_dma_write (f->space, BASE + 4 * SIZE, before, sizeof before));
  g_assert_cmpuint (f->rom->host[0], ==, 0);
}

static void
test_map (Fixture *f, gconstpointer data)
{
  guint64 size = 100;
  g_assert_true (vmt_dma_map (f->space, BASE + 5, &size, FALSE) == f->low->host + 5);
  g_assert_cmpuint (size, ==, 100);
  size = G_MAXUINT64;
  g_assert_true (vmt_dma_map (f->space, BASE + SIZE - 5, &size, TRUE) == f->low->host + SIZE - 5);
  g_assert_cmpuint (size, ==, 5);
  size = 0;
  g_assert_null (vmt_dma_map (f->space, BASE, &size, FALSE));
  size = 10;
  g_assert_null (vmt_dma_map (f->space, BASE - 1, &size, FALSE));
  g_assert_null (vmt_dma_map (f->space, BASE + 2 * SIZE, &size, FALSE));
  g_assert_null (vmt_dma_map (f->space, BASE + 4 * SIZE, &size, TRUE));
  g_assert_true (vmt_dma_map (f->space, BASE + 4 * SIZE, &size, FALSE) == f->rom->host);
}

typedef struct
{
  guint n;
  guint64 offset[8], size[8];
  VmtRam *ram[8];
} Stores;

static void
note_store (gpointer data, VmtRam *ram, guint64 offset, guint64 size)
{
  Stores *stores = data;
  g_assert_cmpuint (stores->n, <, 8);
  stores->ram[stores->n] = ram;
  stores->offset[stores->n] = offset;
  stores->size[stores->n] = size;
  stores->n++;
  for (guint64 at = offset & VMT_PAGE_MASK; at < offset + size; at += VMT_PAGE_SIZE)
    vmt_ram_clear_page_state (ram, at, 0xff);
}

static void
test_page_state (Fixture *f, gconstpointer data)
{
  Stores stores = { 0 };
  guint8 buffer[VMT_PAGE_SIZE];
  memset (buffer, 1, sizeof buffer);
  vmt_address_space_set_store_func (f->space, note_store, &stores);
  vmt_ram_set_page_state (f->low, SIZE - 1, VMT_PAGE_CODE);
  vmt_ram_set_page_state (f->high, 0, VMT_PAGE_MONITORED);

  /* Reading tells nobody. */
  g_assert_true (vmt_dma_read (f->space, BASE + SIZE - 16, buffer, 32));
  g_assert_cmpuint (stores.n, ==, 0);
  g_assert_true (vmt_dma_write (f->space, BASE + SIZE - 16, buffer, 32));
  g_assert_cmpuint (stores.n, ==, 2);
  g_assert_true (stores.ram[0] == f->low && stores.ram[1] == f->high);
  g_assert_cmpuint (stores.offset[0], ==, SIZE - 16);
  g_assert_cmpuint (stores.size[0], ==, 16);
  g_assert_cmpuint (stores.offset[1], ==, 0);
  g_assert_cmpuint (stores.size[1], ==, 16);

  /* A mapping is announced as a whole, and what came up meanwhile is found when it ends. */
  stores.n = 0;
  guint64 size = 2 * VMT_PAGE_SIZE;
  vmt_ram_set_page_state (f->low, 0, VMT_PAGE_CODE);
  guint8 *at = vmt_dma_map (f->space, BASE, &size, TRUE);
  g_assert_cmpuint (stores.n, ==, 1);
  at[VMT_PAGE_SIZE] = 5;
  vmt_ram_set_page_state (f->low, VMT_PAGE_SIZE, VMT_PAGE_CODE);
  vmt_dma_unmap (f->space, BASE, size, TRUE);
  g_assert_cmpuint (stores.n, ==, 2);
  g_assert_cmpuint (stores.offset[1], ==, VMT_PAGE_SIZE);
  vmt_dma_unmap (f->space, BASE, size, TRUE);
  g_assert_cmpuint (stores.n, ==, 2);

  /* Refused writes tell nobody. */
  vmt_ram_set_page_state (f->high, SIZE - 1, VMT_PAGE_CODE);
  g_assert_false (vmt_dma_write (f->space, BASE + 2 * SIZE - 8, buffer, 16));
  g_assert_cmpuint (stores.n, ==, 2);
}

/* A translator that sets the state and then reads, against a device that writes and then looks: one
 * of them must notice. */
typedef struct
{
  Fixture *f;
  gint invalidated; /* the store function was called since the reader cleared it */
  gint stop;
} Race;

static void
note_race (gpointer data, VmtRam *ram, guint64 offset, guint64 size)
{
  Race *race = data;
  vmt_ram_clear_page_state (ram, offset, VMT_PAGE_CODE);
  g_atomic_int_set (&race->invalidated, 1);
}

static gpointer
translate (gpointer data)
{
  Race *race = data;
  guint64 *at = (guint64 *)race->f->low->host;
  while (!g_atomic_int_get (&race->stop))
    {
      g_atomic_int_set (&race->invalidated, 0);
      vmt_ram_set_page_state (race->f->low, 0, VMT_PAGE_CODE);
      guint64 seen = __atomic_load_n (at, __ATOMIC_SEQ_CST);
      /* If the bytes change from here on, the bit must have been seen sooner or later. */
      gint64 end = g_get_monotonic_time () + G_USEC_PER_SEC;
      while (__atomic_load_n (at, __ATOMIC_SEQ_CST) != seen &&
             !g_atomic_int_get (&race->invalidated))
        {
          g_assert_cmpint (g_get_monotonic_time (), <, end);
          g_thread_yield ();
        }
    }
  return NULL;
}

static void
test_race (Fixture *f, gconstpointer data)
{
  Race race = { .f = f };
  vmt_address_space_set_store_func (f->space, note_race, &race);
  GThread *thread = g_thread_new ("translator", translate, &race);
  gint64 end = g_get_monotonic_time () + G_USEC_PER_SEC / 2;
  /* Each value once, and then silence, so that a missed one stays missed. */
  for (guint64 i = 1; g_get_monotonic_time () < end; i++)
    {
      g_assert_true (vmt_dma_write (f->space, BASE, &i, sizeof i));
      if (i % 4 == 0)
        g_usleep (20);
    }
  g_usleep (1000);
  g_atomic_int_set (&race.stop, 1);
  g_thread_join (thread);
}

static void
test_u16 (Fixture *f, gconstpointer data)
{
  guint16 value = 0;
  g_assert_true (vmt_dma_write_u16 (f->space, BASE + 1, 0x1234));
  g_assert_cmphex (f->low->host[1], ==, 0x34);
  g_assert_cmphex (f->low->host[2], ==, 0x12);
  g_assert_true (vmt_dma_read_u16 (f->space, BASE + 1, &value));
  g_assert_cmphex (value, ==, 0x1234);
  g_assert_false (vmt_dma_read_u16 (f->space, BASE + 2 * SIZE - 1, &value));
  g_assert_cmphex (value, ==, 0x1234);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
#define ADD(name, func) g_test_add ("/memory/dma/" name, Fixture, NULL, set_up, func, tear_down)
  ADD ("across", test_across);
  ADD ("refused", test_refused);
  ADD ("map", test_map);
  ADD ("page-state", test_page_state);
  ADD ("race", test_race);
  ADD ("u16", test_u16);
  return g_test_run ();
}
