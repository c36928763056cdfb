/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>

#include "vmt-address-space-private.h"
#include "vmt-address-space.h"
#include "vmt-error.h"

#define RAM_BASE G_GUINT64_CONSTANT (0x80000000)
#define RAM_SIZE (16 * VMT_PAGE_SIZE)

/* Registers that remember what was asked of them. */
typedef struct
{
  GMutex lock;
  guint n;
  guint64 offset[16];
  guint size[16];
  guint64 value[16];
  gboolean locked;
  guint fail_after;
} Regs;

static void
note (Regs *regs, guint64 offset, guint size, guint64 value)
{
  regs->offset[regs->n % 16] = offset;
  regs->size[regs->n % 16] = size;
  regs->value[regs->n % 16] = value;
  regs->n++;
  if (g_mutex_trylock (&regs->lock))
    {
      g_mutex_unlock (&regs->lock);
      regs->locked = FALSE;
    }
  else
    regs->locked = TRUE;
}

static VmtMemStatus
regs_read (gpointer opaque, guint64 offset, guint size, guint64 *value)
{
  Regs *regs = opaque;
  note (regs, offset, size, 0);
  if (regs->fail_after != 0 && regs->n > regs->fail_after)
    return VMT_MEM_BUS_ERROR;
  /* Bits above the access must not leak into its neighbours. */
  *value = G_GUINT64_CONSTANT (0xf0f0f0f0f0f0f000) | offset;
  return VMT_MEM_OK;
}

static VmtMemStatus
regs_write (gpointer opaque, guint64 offset, guint size, guint64 value)
{
  Regs *regs = opaque;
  note (regs, offset, size, value);
  return regs->fail_after != 0 && regs->n > regs->fail_after ? VMT_MEM_BUS_ERROR : VMT_MEM_OK;
}

static const VmtMmioOps ops_1_4 = { regs_read, regs_write, 1, 4, FALSE, { NULL } };
static const VmtMmioOps ops_4_4 = { regs_read, regs_write, 4, 4, FALSE, { NULL } };
static const VmtMmioOps ops_1_1 = { regs_read, regs_write, 1, 1, TRUE, { NULL } };
static const VmtMmioOps ops_1_8 = { regs_read, regs_write, 1, 8, FALSE, { NULL } };

typedef struct
{
  VmtAddressSpace *space;
  VmtRam *ram;
  Regs regs;
} Fixture;

static void
set_up (Fixture *f, gconstpointer data)
{
  f->space = vmt_address_space_new ("test");
  f->ram = vmt_ram_new ("ram", RAM_SIZE, VMT_RAM_ANON, NULL, NULL);
  g_mutex_init (&f->regs.lock);
  g_assert_true (
      vmt_address_space_add_ram (f->space, RAM_BASE, f->ram, 0, RAM_SIZE, FALSE, NULL, NULL));
}

static void
tear_down (Fixture *f, gconstpointer data)
{
  vmt_address_space_unref (f->space);
  vmt_ram_unref (f->ram);
  g_mutex_clear (&f->regs.lock);
}

static void
add_regs (Fixture *f, guint64 base, guint64 size, const VmtMmioOps *ops)
{
  g_autoptr (GError) error = NULL;
  vmt_address_space_add_mmio (f->space, base, size, ops, &f->regs, &f->regs.lock, NULL, &error);
  g_assert_no_error (error);
}

static void
test_find (Fixture *f, gconstpointer data)
{
  VmtMemoryRegion region;
  add_regs (f, 0x1000, 0x100, &ops_1_4);
  add_regs (f, 0x1100, 1, &ops_1_1);
  add_regs (f, 0x0, 0x10, &ops_1_4);
  add_regs (f, G_MAXUINT64 - 0xff, 0x100, &ops_1_4);

  g_assert_true (vmt_address_space_find (f->space, 0, &region));
  g_assert_cmphex (region.base, ==, 0);
  g_assert_false (vmt_address_space_find (f->space, 0x10, &region));
  g_assert_false (vmt_address_space_find (f->space, 0xfff, &region));
  g_assert_true (vmt_address_space_find (f->space, 0x1000, &region));
  g_assert_true (vmt_address_space_find (f->space, 0x10ff, &region));
  g_assert_cmphex (region.base, ==, 0x1000);
  g_assert_true (vmt_address_space_find (f->space, 0x1100, &region));
  g_assert_cmphex (region.base, ==, 0x1100);
  g_assert_false (vmt_address_space_find (f->space, 0x1101, &region));
  g_assert_true (vmt_address_space_find (f->space, RAM_BASE + RAM_SIZE - 1, &region));
  g_assert_true (region.ram == f->ram);
  g_assert_false (vmt_address_space_find (f->space, RAM_BASE + RAM_SIZE, &region));
  g_assert_true (vmt_address_space_find (f->space, G_MAXUINT64, &region));
  g_assert_cmphex (region.base, ==, G_MAXUINT64 - 0xff);

  g_autoptr (GArray) list = vmt_address_space_list (f->space);
  g_assert_cmpuint (list->len, ==, 5);
  for (guint i = 1; i < list->len; i++)
    g_assert_cmphex (g_array_index (list, VmtMemoryRegion, i - 1).base, <,
                     g_array_index (list, VmtMemoryRegion, i).base);
}

static void
test_overlap (Fixture *f, gconstpointer data)
{
  const struct
  {
    guint64 base, size;
  } bad[] = {
    { RAM_BASE, 1 },
    { RAM_BASE - 1, 2 },
    { RAM_BASE + RAM_SIZE - 1, 1 },
    { RAM_BASE + RAM_SIZE - 1, 4096 },
    { RAM_BASE - 0x1000, 0x1000 + RAM_SIZE + 0x1000 },
    { 0, G_MAXUINT64 },
    { RAM_BASE - 1, G_MAXUINT64 - RAM_BASE + 1 },
  };
  guint generation = vmt_address_space_get_generation (f->space);
  for (guint i = 0; i < G_N_ELEMENTS (bad); i++)
    {
      g_autoptr (GError) error = NULL;
      g_assert_false (vmt_address_space_add_mmio (f->space, bad[i].base, bad[i].size, &ops_1_4,
                                                  &f->regs, NULL, NULL, &error));
      g_assert_error (error, VMT_ERROR, VMT_ERROR_INVALID);
      g_assert_nonnull (strstr (error->message, "'ram' at 0x80000000..0x8000ffff"));
      g_assert_nonnull (strstr (error->message, "'registers' at 0x"));
    }
  const struct
  {
    guint64 base, size;
  } wrong[] = { { 0, 0 }, { 0x10, G_MAXUINT64 }, { G_MAXUINT64, 2 } };
  for (guint i = 0; i < G_N_ELEMENTS (wrong); i++)
    {
      g_autoptr (GError) error = NULL;
      g_assert_false (vmt_address_space_add_mmio (f->space, wrong[i].base, wrong[i].size, &ops_1_4,
                                                  &f->regs, NULL, NULL, &error));
      g_assert_error (error, VMT_ERROR, VMT_ERROR_INVALID);
    }
  g_assert_cmpuint (vmt_address_space_get_generation (f->space), ==, generation);

  /* Touching is not overlapping. */
  add_regs (f, RAM_BASE - 0x1000, 0x1000, &ops_1_4);
  add_regs (f, RAM_BASE + RAM_SIZE, 0x1000, &ops_1_4);
  g_assert_cmpuint (vmt_address_space_get_generation (f->space), ==, generation + 2);
}

static void
test_ram_pages (Fixture *f, gconstpointer data)
{
  const struct
  {
    guint64 base, offset, size;
  } bad[] = {
    { 0x1001, 0, VMT_PAGE_SIZE },
    { 0x1000, 1, VMT_PAGE_SIZE },
    { 0x1000, 0, VMT_PAGE_SIZE - 1 },
    { 0x1000, RAM_SIZE, VMT_PAGE_SIZE },
    { 0x1000, 0, RAM_SIZE + VMT_PAGE_SIZE },
    { 0x1000, G_MAXUINT64 & VMT_PAGE_MASK, 2 * VMT_PAGE_SIZE },
  };
  for (guint i = 0; i < G_N_ELEMENTS (bad); i++)
    {
      g_autoptr (GError) error = NULL;
      g_assert_false (vmt_address_space_add_ram (f->space, bad[i].base, f->ram, bad[i].offset,
                                                 bad[i].size, FALSE, NULL, &error));
      g_assert_error (error, VMT_ERROR, VMT_ERROR_INVALID);
    }
}

static void
test_ram_access (Fixture *f, gconstpointer data)
{
  guint64 value;
  for (guint size = 1; size <= 8; size *= 2)
    for (guint offset = 0; offset < 24; offset++)
      {
        memset (f->ram->host, 0x5a, 64);
        g_assert_cmpint (vmt_address_space_write (f->space, RAM_BASE + offset, size,
                                                  G_GUINT64_CONSTANT (0x8877665544332211)),
                         ==, VMT_MEM_OK);
        for (guint i = 0; i < 64; i++)
          g_assert_cmphex (f->ram->host[i], ==,
                           i >= offset && i < offset + size ? 0x11 * (i - offset + 1) : 0x5a);
        g_assert_cmpint (vmt_address_space_read (f->space, RAM_BASE + offset, size, &value), ==,
                         VMT_MEM_OK);
        g_assert_cmphex (
            value, ==, G_GUINT64_CONSTANT (0x8877665544332211) & (G_MAXUINT64 >> (64 - 8 * size)));
      }
  const guint sizes[] = { 0, 3, 5, 16, G_MAXUINT };
  for (guint i = 0; i < G_N_ELEMENTS (sizes); i++)
    {
      g_assert_cmpint (vmt_address_space_read (f->space, RAM_BASE, sizes[i], &value), ==,
                       VMT_MEM_BUS_ERROR);
      g_assert_cmpint (vmt_address_space_write (f->space, RAM_BASE, sizes[i], 0), ==,
                       VMT_MEM_BUS_ERROR);
    }
}

static void
test_readonly (Fixture *f, gconstpointer data)
{
  guint64 value;
  g_assert_true (vmt_address_space_add_ram (f->space, 0x1000, f->ram, VMT_PAGE_SIZE, VMT_PAGE_SIZE,
                                            TRUE, NULL, NULL));
  f->ram->host[VMT_PAGE_SIZE] = 7;
  g_assert_cmpint (vmt_address_space_read (f->space, 0x1000, 4, &value), ==, VMT_MEM_OK);
  g_assert_cmphex (value, ==, 7);
  g_assert_cmpint (vmt_address_space_write (f->space, 0x1000, 4, 9), ==, VMT_MEM_BUS_ERROR);
  g_assert_cmphex (f->ram->host[VMT_PAGE_SIZE], ==, 7);
  /* The other mapping of the same page is writable. */
  g_assert_cmpint (vmt_address_space_write (f->space, RAM_BASE + VMT_PAGE_SIZE, 4, 9), ==,
                   VMT_MEM_OK);
  g_assert_cmphex (f->ram->host[VMT_PAGE_SIZE], ==, 9);
}

static void
test_mmio (Fixture *f, gconstpointer data)
{
  guint64 value = 0;
  add_regs (f, 0x1000, 0x100, &ops_1_4);
  add_regs (f, 0x2000, 0x100, &ops_4_4);
  add_regs (f, 0x3000, 0x100, &ops_1_1);
  add_regs (f, 0x4000, 0x100, &ops_1_8);

  /* As wide as it is. */
  g_assert_cmpint (vmt_address_space_read (f->space, 0x1010, 2, &value), ==, VMT_MEM_OK);
  g_assert_cmphex (value, ==, 0xf010);
  g_assert_cmpuint (f->regs.n, ==, 1);
  g_assert_true (f->regs.locked);

  /* Wider: split, lower half first, in both directions. */
  f->regs.n = 0;
  g_assert_cmpint (vmt_address_space_read (f->space, 0x1010, 8, &value), ==, VMT_MEM_OK);
  g_assert_cmphex (value, ==, G_GUINT64_CONSTANT (0xf0f0f014f0f0f010));
  g_assert_cmpuint (f->regs.n, ==, 2);
  g_assert_cmphex (f->regs.offset[0], ==, 0x10);
  g_assert_cmphex (f->regs.offset[1], ==, 0x14);
  f->regs.n = 0;
  g_assert_cmpint (
      vmt_address_space_write (f->space, 0x1018, 8, G_GUINT64_CONSTANT (0x1122334455667788)), ==,
      VMT_MEM_OK);
  g_assert_cmphex (f->regs.value[0], ==, 0x55667788);
  g_assert_cmphex (f->regs.value[1], ==, 0x11223344);
  g_assert_cmphex (f->regs.offset[1], ==, 0x1c);
  f->regs.n = 0;
  g_assert_cmpint (
      vmt_address_space_write (f->space, 0x3008, 8, G_GUINT64_CONSTANT (0x1122334455667788)), ==,
      VMT_MEM_OK);
  g_assert_cmpuint (f->regs.n, ==, 8);
  for (guint i = 0; i < 8; i++)
    g_assert_cmphex (f->regs.value[i], ==, 0x88 - 0x11 * i);
  g_assert_false (f->regs.locked);
  f->regs.n = 0;
  g_assert_cmpint (vmt_address_space_write (f->space, 0x4008, 8, G_MAXUINT64), ==, VMT_MEM_OK);
  g_assert_cmpuint (f->regs.n, ==, 1);
  g_assert_cmphex (f->regs.value[0], ==, G_MAXUINT64);
  /* What a vCPU leaves in the upper bits of a narrow store does not arrive. */
  g_assert_cmpint (vmt_address_space_write (f->space, 0x4008, 1, G_MAXUINT64), ==, VMT_MEM_OK);
  g_assert_cmphex (f->regs.value[1], ==, 0xff);

  /* Narrower than it takes, misaligned: no callback. */
  f->regs.n = 0;
  value = 77;
  g_assert_cmpint (vmt_address_space_read (f->space, 0x2000, 2, &value), ==, VMT_MEM_BUS_ERROR);
  g_assert_cmpint (vmt_address_space_write (f->space, 0x2000, 1, 0), ==, VMT_MEM_BUS_ERROR);
  g_assert_cmpint (vmt_address_space_read (f->space, 0x1001, 2, &value), ==, VMT_MEM_BUS_ERROR);
  g_assert_cmpint (vmt_address_space_read (f->space, 0x1004, 8, &value), ==, VMT_MEM_BUS_ERROR);
  g_assert_cmpint (vmt_address_space_write (f->space, 0x1002, 4, 0), ==, VMT_MEM_BUS_ERROR);
  g_assert_cmpint (vmt_address_space_read (f->space, 0x5000, 4, &value), ==, VMT_MEM_UNMAPPED);
  g_assert_cmpint (vmt_address_space_write (f->space, 0x5000, 4, 0), ==, VMT_MEM_UNMAPPED);
  g_assert_cmpuint (f->regs.n, ==, 0);
  g_assert_cmpuint (value, ==, 77);

  /* The first failing part ends a split access. */
  f->regs.fail_after = 1;
  g_assert_cmpint (vmt_address_space_read (f->space, 0x1010, 8, &value), ==, VMT_MEM_BUS_ERROR);
  g_assert_cmpuint (value, ==, 77);
  f->regs.n = 0;
  g_assert_cmpint (vmt_address_space_write (f->space, 0x3000, 8, 0), ==, VMT_MEM_BUS_ERROR);
  g_assert_cmpuint (f->regs.n, ==, 2);
}

static void
test_straddle (Fixture *f, gconstpointer data)
{
  guint64 value = 77;
  /* ... ram | regs, ram | hole, regs | hole, ram | ram, and the end of everything. */
  add_regs (f, RAM_BASE + RAM_SIZE, 0x100, &ops_1_8);
  g_autoptr (VmtRam) other = vmt_ram_new ("other", 2 * VMT_PAGE_SIZE, VMT_RAM_ANON, NULL, NULL);
  g_assert_true (vmt_address_space_add_ram (f->space, RAM_BASE - VMT_PAGE_SIZE, other,
                                            VMT_PAGE_SIZE, VMT_PAGE_SIZE, FALSE, NULL, NULL));
  add_regs (f, 0x1000, 0x106, &ops_1_8);
  add_regs (f, G_MAXUINT64 - 0xf, 0x10, &ops_1_8);
  g_autoptr (VmtRam) rom = vmt_ram_new ("rom", 2 * VMT_PAGE_SIZE, VMT_RAM_ANON, NULL, NULL);
  g_assert_true (
      vmt_address_space_add_ram (f->space, 0x20000, rom, 0, VMT_PAGE_SIZE, FALSE, NULL, NULL));
  g_assert_true (vmt_address_space_add_ram (f->space, 0x20000 + VMT_PAGE_SIZE, rom, VMT_PAGE_SIZE,
                                            VMT_PAGE_SIZE, TRUE, NULL, NULL));

  guint64 end = RAM_BASE + RAM_SIZE;
  memset (f->ram->host + RAM_SIZE - 8, 0x33, 8);
  g_assert_cmpint (vmt_address_space_read (f->space, end - 2, 4, &value), ==, VMT_MEM_BUS_ERROR);
  g_assert_cmpint (vmt_address_space_write (f->space, end - 2, 4, 0), ==, VMT_MEM_BUS_ERROR);
  vmt_address_space_remove (f->space, end);
  g_assert_cmpint (vmt_address_space_read (f->space, end - 7, 8, &value), ==, VMT_MEM_UNMAPPED);
  g_assert_cmpint (vmt_address_space_write (f->space, end - 7, 8, 0), ==, VMT_MEM_UNMAPPED);
  /* Nothing of a refused store has happened. */
  for (guint i = 1; i <= 8; i++)
    g_assert_cmphex (f->ram->host[RAM_SIZE - i], ==, 0x33);

  g_assert_cmpint (vmt_address_space_read (f->space, 0x1104, 4, &value), ==, VMT_MEM_UNMAPPED);
  g_assert_cmpint (vmt_address_space_read (f->space, G_MAXUINT64, 2, &value), ==, VMT_MEM_UNMAPPED);
  g_assert_cmpint (vmt_address_space_write (f->space, G_MAXUINT64 - 2, 4, 0), ==, VMT_MEM_UNMAPPED);
  g_assert_cmpuint (f->regs.n, ==, 0);
  g_assert_cmpuint (value, ==, 77);

  g_assert_cmpint (
      vmt_address_space_write (f->space, RAM_BASE - 3, 8, G_GUINT64_CONSTANT (0x8877665544332211)),
      ==, VMT_MEM_OK);
  g_assert_cmphex (other->host[2 * VMT_PAGE_SIZE - 3], ==, 0x11);
  g_assert_cmphex (other->host[2 * VMT_PAGE_SIZE - 1], ==, 0x33);
  g_assert_cmphex (f->ram->host[0], ==, 0x44);
  g_assert_cmphex (f->ram->host[4], ==, 0x88);
  g_assert_cmpint (vmt_address_space_read (f->space, RAM_BASE - 3, 8, &value), ==, VMT_MEM_OK);
  g_assert_cmphex (value, ==, G_GUINT64_CONSTANT (0x8877665544332211));

  g_assert_cmpint (vmt_address_space_write (f->space, 0x20000 + VMT_PAGE_SIZE - 2, 4, G_MAXUINT64),
                   ==, VMT_MEM_BUS_ERROR);
  g_assert_cmphex (rom->host[VMT_PAGE_SIZE - 1], ==, 0);
  g_assert_cmpint (vmt_address_space_read (f->space, 0x20000 + VMT_PAGE_SIZE - 2, 4, &value), ==,
                   VMT_MEM_OK);
}

static void
count (gpointer data)
{
  (*(guint *)data)++;
}

static void
test_change (Fixture *f, gconstpointer data)
{
  guint n = 0;
  vmt_address_space_set_changed_func (f->space, count, &n);
  guint generation = vmt_address_space_get_generation (f->space);
  add_regs (f, 0x1000, 0x100, &ops_1_4);
  g_assert_cmpuint (n, ==, 1);
  vmt_address_space_remove (f->space, 0x1001);
  vmt_address_space_remove (f->space, 0x5000);
  g_assert_cmpuint (n, ==, 1);
  vmt_address_space_remove (f->space, 0x1000);
  g_assert_cmpuint (n, ==, 2);
  g_assert_cmpuint (vmt_address_space_get_generation (f->space), ==, generation + 2);

  /* The memory of a removed region goes with the last table that has it. */
  guint64 value;
  VmtRam *ram = vmt_ram_new ("x", VMT_PAGE_SIZE, VMT_RAM_ANON, NULL, NULL);
  g_assert_true (vmt_address_space_add_ram (f->space, 0, ram, 0, VMT_PAGE_SIZE, FALSE, NULL, NULL));
  vmt_ram_unref (ram);
  g_assert_cmpint (vmt_address_space_read (f->space, 8, 8, &value), ==, VMT_MEM_OK);
  vmt_address_space_remove (f->space, 0);
  g_assert_cmpint (vmt_address_space_read (f->space, 8, 8, &value), ==, VMT_MEM_UNMAPPED);
  g_assert_cmpuint (vmt_address_space_get_n_retired (f->space), ==, 0);
}

/* Store function */

typedef struct
{
  VmtRam *ram;
  guint n;
  guint64 offset[8], size[8];
  guint8 first_byte[8];
  guint8 clears;
} Stores;

static void
note_store (gpointer data, VmtRam *ram, guint64 offset, guint64 size)
{
  Stores *stores = data;
  g_assert_true (ram == stores->ram);
  g_assert_cmpuint (stores->n, <, 8);
  stores->offset[stores->n] = offset;
  stores->size[stores->n] = size;
  stores->first_byte[stores->n] = ram->host[offset];
  stores->n++;
  for (guint64 at = offset & VMT_PAGE_MASK; at < offset + size; at += VMT_PAGE_SIZE)
    {
      g_assert_cmpuint (vmt_ram_get_page_state (ram, at), !=, 0);
      vmt_ram_clear_page_state (ram, at, stores->clears);
    }
}

static void
test_store_func (Fixture *f, gconstpointer data)
{
  Stores stores = { .ram = f->ram, .clears = VMT_PAGE_CODE };
  vmt_address_space_set_store_func (f->space, note_store, &stores);
  g_assert_cmpint (vmt_address_space_write (f->space, RAM_BASE, 4, 1), ==, VMT_MEM_OK);
  g_assert_cmpuint (stores.n, ==, 0);

  /* Once before, while the old bytes are there; not after, because the state is gone then. */
  vmt_ram_set_page_state (f->ram, 0, VMT_PAGE_CODE);
  g_assert_cmpint (vmt_address_space_write (f->space, RAM_BASE + 4, 4, 0x22), ==, VMT_MEM_OK);
  g_assert_cmpuint (stores.n, ==, 1);
  g_assert_cmpuint (stores.offset[0], ==, 4);
  g_assert_cmpuint (stores.size[0], ==, 4);
  g_assert_cmpuint (stores.first_byte[0], ==, 0);

  /* A state that stays is told of twice: before and after. */
  stores.n = 0;
  vmt_ram_set_page_state (f->ram, 0, VMT_PAGE_WATCH);
  g_assert_cmpint (vmt_address_space_write (f->space, RAM_BASE + 4, 1, 0x33), ==, VMT_MEM_OK);
  g_assert_cmpuint (stores.n, ==, 2);
  g_assert_cmphex (stores.first_byte[0], ==, 0x22);
  g_assert_cmphex (stores.first_byte[1], ==, 0x33);

  /* A store over a page's end names only the part with a state. */
  stores.n = 0;
  stores.clears = 0xff;
  vmt_ram_clear_page_state (f->ram, 0, 0xff);
  vmt_ram_set_page_state (f->ram, VMT_PAGE_SIZE, VMT_PAGE_LOG);
  g_assert_cmpint (vmt_address_space_write (f->space, RAM_BASE + VMT_PAGE_SIZE - 3, 8, 0), ==,
                   VMT_MEM_OK);
  g_assert_cmpuint (stores.n, ==, 1);
  g_assert_cmpuint (stores.offset[0], ==, VMT_PAGE_SIZE);
  g_assert_cmpuint (stores.size[0], ==, 5);

  /* A run of pages is one call, pages without a state part runs. */
  stores.n = 0;
  for (guint page = 1; page <= 5; page++)
    if (page != 3)
      vmt_ram_set_page_state (f->ram, page * VMT_PAGE_SIZE, VMT_PAGE_LOG);
  vmt_address_space_notify_store (f->space, f->ram, 10, 5 * VMT_PAGE_SIZE);
  g_assert_cmpuint (stores.n, ==, 2);
  g_assert_cmpuint (stores.offset[0], ==, VMT_PAGE_SIZE);
  g_assert_cmpuint (stores.size[0], ==, 2 * VMT_PAGE_SIZE);
  g_assert_cmpuint (stores.offset[1], ==, 4 * VMT_PAGE_SIZE);
  g_assert_cmpuint (stores.size[1], ==, VMT_PAGE_SIZE + 10);
}

/* Threads: readers while the map changes, and nothing that grows. */

typedef struct
{
  Fixture *f;
  gint stop;
  guint64 n;
} Reader;

static gpointer
read_on (gpointer data)
{
  Reader *reader = data;
  while (!g_atomic_int_get (&reader->stop))
    {
      guint64 value;
      VmtMemoryRegion region;
      VmtMemStatus status = vmt_address_space_read (reader->f->space, 0x100000, 4, &value);
      if (status == VMT_MEM_OK)
        g_assert_cmphex (value, ==, 0x12345678);
      else
        g_assert_cmpint (status, ==, VMT_MEM_UNMAPPED);
      g_assert_cmpint (vmt_address_space_read (reader->f->space, RAM_BASE + 16, 8, &value), ==,
                       VMT_MEM_OK);
      g_assert_cmphex (value, ==, G_GUINT64_CONSTANT (0xfeedface));
      if (vmt_address_space_find (reader->f->space, 0x1000, &region))
        g_assert_cmphex (region.size, ==, 0x100);
      reader->n++;
    }
  return NULL;
}

static void
test_concurrent (Fixture *f, gconstpointer data)
{
  Reader readers[3];
  GThread *threads[3];
  vmt_address_space_write (f->space, RAM_BASE + 16, 8, G_GUINT64_CONSTANT (0xfeedface));
  for (guint i = 0; i < 3; i++)
    {
      readers[i] = (Reader){ .f = f };
      threads[i] = g_thread_new ("reader", read_on, &readers[i]);
    }
  guint most = 0;
  gint64 end = g_get_monotonic_time () + G_USEC_PER_SEC;
  guint64 rounds = 0;
  while (g_get_monotonic_time () < end)
    {
      /* RAM that only the map holds: a reader that was let in late would read freed memory. */
      VmtRam *ram = vmt_ram_new ("moving", VMT_PAGE_SIZE, VMT_RAM_ANON, NULL, NULL);
      ((guint32 *)ram->host)[0] = 0x12345678;
      g_assert_true (
          vmt_address_space_add_ram (f->space, 0x100000, ram, 0, VMT_PAGE_SIZE, FALSE, NULL, NULL));
      vmt_ram_unref (ram);
      add_regs (f, 0x1000, 0x100, &ops_1_4);
      vmt_address_space_remove (f->space, 0x1000);
      vmt_address_space_remove (f->space, 0x100000);
      most = MAX (most, vmt_address_space_get_n_retired (f->space));
      rounds++;
    }
  for (guint i = 0; i < 3; i++)
    {
      g_atomic_int_set (&readers[i].stop, 1);
      g_thread_join (threads[i]);
      g_assert_cmpuint (readers[i].n, >, 0);
    }
  g_test_message ("%" G_GUINT64_FORMAT " rounds, at most %u tables kept", rounds, most);
  g_assert_cmpuint (most, <=, 64);
}

/* A device that changes the map from its own callback, as a PCI bridge does, is inside no table. */
static VmtMemStatus
bar_write (gpointer opaque, guint64 offset, guint size, guint64 value)
{
  Fixture *f = opaque;
  vmt_address_space_remove (f->space, 0x300000);
  add_regs (f, 0x300000, 0x100, &ops_1_4);
  return VMT_MEM_OK;
}

static const VmtMmioOps bar_ops = { regs_read, bar_write, 4, 4, FALSE, { NULL } };

static void
test_change_from_callback (Fixture *f, gconstpointer data)
{
  g_assert_true (
      vmt_address_space_add_mmio (f->space, 0x200000, 0x100, &bar_ops, f, NULL, NULL, NULL));
  for (guint i = 0; i < 10000; i++)
    {
      g_assert_cmpint (vmt_address_space_write (f->space, 0x200000, 4, i), ==, VMT_MEM_OK);
      g_assert_cmpuint (vmt_address_space_get_n_retired (f->space), ==, 0);
    }
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
#define ADD(name, func)                                                                            \
  g_test_add ("/memory/address-space/" name, Fixture, NULL, set_up, func, tear_down)
  ADD ("find", test_find);
  ADD ("overlap", test_overlap);
  ADD ("ram-pages", test_ram_pages);
  ADD ("ram-access", test_ram_access);
  ADD ("readonly", test_readonly);
  ADD ("mmio", test_mmio);
  ADD ("straddle", test_straddle);
  ADD ("change", test_change);
  ADD ("store-func", test_store_func);
  ADD ("concurrent", test_concurrent);
  ADD ("change-from-callback", test_change_from_callback);
  return g_test_run ();
}
