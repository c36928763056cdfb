/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>

#include "vmt-harness.h"

#define BASE 0x10000u

/* A device with every kind of register. */
typedef struct
{
  VmtDevice parent_instance;
  guint32 plain, masked, ro, pending, set, wo;
  guint8 byte;
  guint16 half;
  guint64 wide;
  guint32 array[4];
  guint32 context[32];
  guint32 after;
  /* what the hooks saw */
  guint n_reads, n_writes, last_index;
  guint64 last_value;
  guint32 hooked;
} Chip;
typedef VmtDeviceClass ChipClass;

static guint64
read_fifo (gpointer device, guint index)
{
  Chip *chip = device;
  chip->n_reads++;
  chip->last_index = index;
  return 0xf1f0;
}

static void
write_hook (gpointer device, guint index, guint64 value)
{
  Chip *chip = device;
  chip->n_writes++;
  chip->last_index = index;
  chip->last_value = value;
}

static guint64
read_hooked (gpointer device, guint index)
{
  Chip *chip = device;
  chip->n_reads++;
  return G_GUINT64_CONSTANT (0xdead00000000) | chip->hooked;
}

static void
write_hooked (gpointer device, guint index, guint64 value)
{
  ((Chip *)device)->hooked = (guint32)value;
}

#define FIELD(member) .field = G_STRUCT_OFFSET (Chip, member)

static const VmtDeviceRegister registers[] = {
  { "PLAIN", 0x00, 4, .widths = 1 | 2 | 4, FIELD (plain), .reset = 0x01020304 },
  { "MASKED", 0x04, 4, FIELD (masked), .writable = 0x0000ff00, .reset = 0x11111111 },
  { "RO", 0x08, 4, .flags = VMT_REG_RO, FIELD (ro), .reset = 0x55 },
  { "PENDING", 0x0c, 4, .widths = 1 | 4, .flags = VMT_REG_W1C, FIELD (pending), .reset = 0xffffffff,
    .writable = 0x0fffffff },
  { "SET", 0x10, 4, .flags = VMT_REG_W1S, FIELD (set), .writable = 0xff },
  { "WO", 0x14, 4, .flags = VMT_REG_WO, FIELD (wo), .reset = 3 },
  { "BYTE", 0x18, 1, FIELD (byte) },
  { "WIDEBYTE", 0x19, 1, .widths = 1, .field = -1, .reset = 0xab, .flags = VMT_REG_RO },
  { "HALF", 0x1a, 2, FIELD (half) },
  { "SHIFTED", 0x1c, 1, .widths = 1 | 4, .field = -1, .read = read_fifo, .write = write_hook,
    .flags = VMT_REG_SIDE_EFFECT },
  { "WIDE", 0x20, 8, .widths = 4 | 8, FIELD (wide) },
  { "ARRAY", 0x40, 4, FIELD (array), .stride = 8, .count = 4, .reset = 7 },
  { "HOOKED", 0x80, 4, .widths = 2 | 4, .field = -1, .read = read_hooked, .write = write_hooked,
    .writable = 0x0ff0ffff },
  { "COMMAND", 0x84, 4, .widths = 2 | 4, .flags = VMT_REG_WO, .field = -1, .write = write_hook },
  { "CONST", 0x88, 4, .flags = VMT_REG_RO, .field = -1, .reset = 0x76697274 },
  { "FAR", 0x2000, 4, FIELD (context), .stride = 0x1000, .count = 16, .write = NULL },
  { "LAST", 0x22ffc, 4, FIELD (after) },
  VMT_REGISTERS_END,
};

static const VmtRegionSpec regions[] = {
  { "regs", 0x24000, registers, NULL, { NULL } },
  { NULL, 0, NULL, NULL, { NULL } },
};

static GType chip_get_type (void);
G_DEFINE_TYPE (Chip, chip, VMT_TYPE_DEVICE)

static gboolean
chip_prepare (VmtDevice *device, GError **error)
{
  vmt_device_set_register_count (device, 0, "FAR", 32);
  return TRUE;
}

static void
chip_init (Chip *self)
{
}

static void
chip_class_init (ChipClass *klass)
{
  klass->regions = regions;
  klass->prepare = chip_prepare;
}

typedef struct
{
  VmtHarness *harness;
  Chip *chip;
} Fixture;

static void
set_up (Fixture *f, gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  f->harness = vmt_harness_new (0x80000000, VMT_PAGE_SIZE);
  f->chip = g_object_new (chip_get_type (), NULL);
  vmt_harness_add (f->harness, NULL, "chip", VMT_DEVICE (f->chip), BASE, &error);
  g_assert_no_error (error);
  vmt_harness_realize (f->harness, &error);
  g_assert_no_error (error);
}

static void
tear_down (Fixture *f, gconstpointer data)
{
  vmt_harness_free (f->harness);
  g_object_unref (f->chip);
}

static guint64
get (Fixture *f, guint64 offset, guint size)
{
  return vmt_harness_get (f->harness, BASE + offset, size);
}

static void
put (Fixture *f, guint64 offset, guint size, guint64 value)
{
  vmt_harness_put (f->harness, BASE + offset, size, value);
}

static void
refuse (Fixture *f, guint64 offset, guint size)
{
  guint64 value = 99;
  g_assert_cmpint (vmt_harness_read (f->harness, BASE + offset, size, &value), ==,
                   VMT_MEM_BUS_ERROR);
  g_assert_cmpuint (value, ==, 99);
  g_assert_cmpint (vmt_harness_write (f->harness, BASE + offset, size, G_MAXUINT64), ==,
                   VMT_MEM_BUS_ERROR);
}

static void
test_reset (Fixture *f, gconstpointer data)
{
  Chip *chip = f->chip;
  for (guint round = 0; round < 2; round++)
    {
      g_assert_cmphex (chip->plain, ==, 0x01020304);
      g_assert_cmphex (chip->pending, ==, 0xffffffff);
      g_assert_cmphex (chip->wo, ==, 3);
      for (guint i = 0; i < 4; i++)
        g_assert_cmphex (chip->array[i], ==, 7);
      for (guint i = 0; i < 32; i++)
        g_assert_cmphex (chip->context[i], ==, 0);
      g_assert_cmpuint (chip->n_reads + chip->n_writes, ==, 0); /* reset is not a write */
      put (f, 0, 4, 5);
      put (f, 0x58, 4, 5);
      put (f, 0x2000, 4, 5);
      vmt_harness_reset (f->harness);
    }
}

static void
test_masks (Fixture *f, gconstpointer data)
{
  Chip *chip = f->chip;
  put (f, 0x00, 4, 0xffffffff);
  g_assert_cmphex (get (f, 0x00, 4), ==, 0xffffffff);
  put (f, 0x04, 4, 0xabcdef01);
  g_assert_cmphex (get (f, 0x04, 4), ==, 0x1111ef11);
  put (f, 0x08, 4, 0xffffffff);
  g_assert_cmphex (get (f, 0x08, 4), ==, 0x55);
  put (f, 0x0c, 4, 0xf000000f);
  g_assert_cmphex (get (f, 0x0c, 4), ==, 0xfffffff0); /* the upper four are not software's */
  put (f, 0x0d, 1, 0xff);
  g_assert_cmphex (get (f, 0x0c, 4), ==, 0xffff00f0); /* a byte clears only its own bits */
  put (f, 0x10, 4, 0x1001);
  put (f, 0x10, 4, 0x02);
  g_assert_cmphex (get (f, 0x10, 4), ==, 0x03);
  put (f, 0x14, 4, 0x99);
  g_assert_cmphex (get (f, 0x14, 4), ==, 0);
  g_assert_cmphex (chip->wo, ==, 0x99);
  put (f, 0x88, 4, 1);
  g_assert_cmphex (get (f, 0x88, 4), ==, 0x76697274);
}

static void
test_widths (Fixture *f, gconstpointer data)
{
  Chip *chip = f->chip;
  for (guint i = 0; i < 4; i++)
    g_assert_cmphex (get (f, i, 1), ==, 4 - i);
  g_assert_cmphex (get (f, 2, 2), ==, 0x0102);
  put (f, 1, 1, 0xaa);
  put (f, 2, 2, 0xbbcc);
  g_assert_cmphex (chip->plain, ==, 0xbbccaa04);
  put (f, 0x24, 4, 0x11223344);
  put (f, 0x20, 4, 0x55667788);
  g_assert_cmphex (chip->wide, ==, G_GUINT64_CONSTANT (0x1122334455667788));
  g_assert_cmphex (get (f, 0x24, 4), ==, 0x11223344);
  put (f, 0x20, 8, G_MAXUINT64);
  g_assert_cmphex (get (f, 0x20, 8), ==, G_MAXUINT64);
  put (f, 0x18, 1, 0x1ff);
  g_assert_cmphex (get (f, 0x18, 1), ==, 0xff);
  g_assert_cmphex (get (f, 0x19, 1), ==, 0xab);
  put (f, 0x1a, 2, 0xbeef);
  g_assert_cmphex (chip->half, ==, 0xbeef);

  /* A byte register on a 32-bit bus: the lane that it drives. */
  g_assert_cmphex (get (f, 0x1c, 4), ==, 0xf0);
  put (f, 0x1c, 4, 0x12345678);
  g_assert_cmphex (chip->last_value, ==, 0x78);

  refuse (f, 0x04, 1);
  refuse (f, 0x04, 2);
  refuse (f, 0x20, 2);
  refuse (f, 0x18, 4);
  refuse (f, 0x18, 2); /* would reach two registers */
  refuse (f, 0x1a, 1);
  refuse (f, 0x1c, 2);
  refuse (f, 0x00, 8); /* neither is 64 bits wide; the map's widest register is */
}

static void
test_outside (Fixture *f, gconstpointer data)
{
  guint errors = vmt_harness_get_guest_errors (f->harness);
  refuse (f, 0x28, 4);
  refuse (f, 0x44, 4); /* between two elements */
  refuse (f, 0x60, 4); /* after the last */
  refuse (f, 0x8c, 4);
  refuse (f, 0x1ffc, 4);
  refuse (f, 0x2004, 4);
  refuse (f, 0x21ffc, 4);
  refuse (f, 0x22000, 4);
  refuse (f, 0x23000, 4);
  refuse (f, 0x23ffc, 4);
  guint64 value;
  g_assert_cmpint (vmt_harness_read (f->harness, BASE + 0x24000, 4, &value), ==, VMT_MEM_UNMAPPED);
  /* Told of, but not twenty times. */
  guint more = vmt_harness_get_guest_errors (f->harness) - errors;
  g_assert_cmpuint (more, >=, 1);
  g_assert_cmpuint (more, <=, 20);
}

static void
test_arrays (Fixture *f, gconstpointer data)
{
  Chip *chip = f->chip;
  for (guint i = 0; i < 4; i++)
    put (f, 0x40 + 8 * i, 4, 100 + i);
  for (guint i = 0; i < 4; i++)
    {
      g_assert_cmpuint (chip->array[i], ==, 100 + i);
      g_assert_cmpuint (get (f, 0x40 + 8 * i, 4), ==, 100 + i);
    }
  /* 32 by the device's own count, where the table says 16; the pages look alike. */
  for (guint i = 0; i < 32; i++)
    put (f, 0x2000 + 0x1000 * i, 4, 200 + i);
  for (guint i = 0; i < 32; i++)
    g_assert_cmpuint (chip->context[i], ==, 200 + i);
  g_assert_cmpuint (chip->after, ==, 0);
  put (f, 0x22ffc, 4, 1);
  g_assert_cmpuint (chip->after, ==, 1);
}

static void
test_hooks (Fixture *f, gconstpointer data)
{
  Chip *chip = f->chip;
  put (f, 0x80, 4, 0xffffffff);
  g_assert_cmphex (chip->hooked, ==, 0x0ff0ffff);
  put (f, 0x80, 2, 0x1234);
  g_assert_cmphex (chip->hooked, ==, 0x0ff01234);
  put (f, 0x82, 2, 0);
  g_assert_cmphex (chip->hooked, ==, 0x00001234);
  /* What a hook returns beyond its width does not get out. */
  g_assert_cmphex (get (f, 0x80, 4), ==, 0x1234);
  g_assert_cmphex (get (f, 0x82, 2), ==, 0);

  chip->n_reads = 0;
  put (f, 0x86, 2, 0x77);
  g_assert_cmphex (chip->last_value, ==, 0x770000);
  g_assert_cmphex (get (f, 0x84, 4), ==, 0);
  /* A write to a register whose reading has side effects does not read it. */
  put (f, 0x1c, 1, 0x31);
  g_assert_cmphex (chip->last_value, ==, 0x31);
  g_assert_cmpuint (chip->n_reads, ==, 0);
}

static void
test_peek (Fixture *f, gconstpointer data)
{
  VmtDevice *device = VMT_DEVICE (f->chip);
  guint64 value = 0;
  f->chip->hooked = 0x66;
  g_assert_true (vmt_device_peek (device, 0, 0, &value));
  g_assert_cmphex (value, ==, 0x01020304);
  g_assert_true (vmt_device_peek (device, 0, 0x80, &value));
  g_assert_cmphex (value, ==, 0x66);
  g_assert_true (vmt_device_peek (device, 0, 0x14, &value)); /* write-only for guests */
  g_assert_cmphex (value, ==, 3);
  g_assert_true (vmt_device_peek (device, 0, 0x88, &value));
  g_assert_cmphex (value, ==, 0x76697274);
  f->chip->n_reads = 0;
  g_assert_false (vmt_device_peek (device, 0, 0x1c, &value)); /* its hook has side effects */
  g_assert_false (vmt_device_peek (device, 0, 0x84, &value)); /* nothing to look at */
  g_assert_false (vmt_device_peek (device, 0, 0x01, &value)); /* not where a register begins */
  g_assert_false (vmt_device_peek (device, 0, 0x28, &value));
  g_assert_false (vmt_device_peek (device, 0, G_MAXUINT64, &value));
  g_assert_false (vmt_device_peek (device, 1, 0, &value));
  g_assert_cmpuint (f->chip->n_reads, ==, 0);
}

/* Every offset and width: no crash, and what is refused changes nothing. */
static void
test_everything (Fixture *f, gconstpointer data)
{
  for (guint64 offset = 0; offset < 0x24000; offset++)
    for (guint size = 1; size <= 8; size *= 2)
      {
        guint64 value = 0;
        VmtMemStatus status = vmt_harness_read (f->harness, BASE + offset, size, &value);
        if (offset % size != 0)
          g_assert_cmpint (status, ==,
                           offset + size > 0x24000 ? VMT_MEM_UNMAPPED : VMT_MEM_BUS_ERROR);
        if (size < 8)
          g_assert_cmphex (value >> (8 * size), ==, 0);
        VmtMemStatus written =
            vmt_harness_write (f->harness, BASE + offset, size, G_MAXUINT64 / 3 * offset);
        g_assert_cmpint (written, ==, status);
      }
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
#define ADD(name, func)                                                                            \
  g_test_add ("/device/register-map/" name, Fixture, NULL, set_up, func, tear_down)
  ADD ("reset", test_reset);
  ADD ("masks", test_masks);
  ADD ("widths", test_widths);
  ADD ("outside", test_outside);
  ADD ("arrays", test_arrays);
  ADD ("hooks", test_hooks);
  ADD ("peek", test_peek);
  ADD ("everything", test_everything);
  return g_test_run ();
}
