/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>

#include "vmt.h"

#define RAM_BASE G_GUINT64_CONSTANT (0x80000000)
#define RAM_SIZE (16u << 20)
#define BASE (RAM_BASE + (2 << 20))
#define SIZE 5000

static VmtMachine *
make_machine (void)
{
  VmtMachine *machine = vmt_machine_new ("test");
  g_autoptr (GError) error = NULL;
  g_autoptr (VmtObject) cpu =
      vmt_registry_create (vmt_registry_get_default (), VMT_FEATURE_ARCH, "riscv64", &error);

  g_assert_no_error (error);
  vmt_machine_add_ram (machine, "ram", RAM_BASE, RAM_SIZE, VMT_RAM_ANON, NULL, &error);
  g_assert_no_error (error);
  vmt_machine_add_cpu (machine, VMT_CPU (cpu), &error);
  g_assert_no_error (error);
  return machine;
}

static void
put (guint8 *bytes, gsize at, guint64 value, guint size)
{
  value = GUINT64_TO_LE (value);
  memcpy (bytes + at, &value, size);
}

/* A kernel with the EFI header that stock ones have: two sections, the second up to the file's end.
 */
static void
fill (guint8 *bytes)
{
  for (gsize i = 0; i < SIZE; i++)
    bytes[i] = i * 7;
  memset (bytes, 0, 64);
  memcpy (bytes, "MZ", 2);
  put (bytes, 0x08, 0x200000, 8);
  put (bytes, 0x10, 1 << 20, 8);
  put (bytes, 0x18, 0, 8);
  memcpy (bytes + 0x38, "RSC\5", 4);
  put (bytes, 0x3c, 64, 4);
  memset (bytes + 64, 0, 24 + 16 + 80);
  memcpy (bytes + 64, "PE\0\0", 4);
  put (bytes, 64 + 6, 2, 2);
  put (bytes, 64 + 20, 16, 2);
  put (bytes, 64 + 40 + 16, 1000, 4);
  put (bytes, 64 + 40 + 20, 500, 4);
  put (bytes, 64 + 80 + 16, SIZE - 2000, 4);
  put (bytes, 64 + 80 + 20, 2000, 4);
}

static gboolean
load (VmtMachine *machine, const guint8 *bytes, gsize size, VmtImage *image, GError **error)
{
  g_autoptr (GBytes) file = g_bytes_new (bytes, size);

  return vmt_loader_load_bytes (machine, "kernel", file, BASE, image, error);
}

static void
test_place (void)
{
  static const struct
  {
    guint64 text_offset, at;
  } rows[] = {
    { 0x200000, BASE },
    { 0, BASE },
    { 0x80000, BASE + 0x80000 },
    { 0x400000, BASE },
    { 0x1ff000, BASE + 0x1ff000 },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (rows); i++)
    {
      g_autoptr (VmtMachine) machine = make_machine ();
      guint8 bytes[SIZE], back[SIZE];
      g_autoptr (GError) error = NULL;
      VmtImage image;

      fill (bytes);
      put (bytes, 0x08, rows[i].text_offset, 8);
      load (machine, bytes, SIZE, &image, &error);
      g_assert_no_error (error);
      g_assert_cmphex (image.entry, ==, rows[i].at);
      g_assert_cmphex (image.low, ==, rows[i].at);
      g_assert_cmphex (image.high, ==, rows[i].at + (1 << 20));
      g_assert_true (
          vmt_dma_read (vmt_machine_get_address_space (machine), rows[i].at, back, SIZE));
      g_assert_cmpmem (back, SIZE, bytes, SIZE);
    }
}

static void
refuse (const guint8 *bytes, gsize size, const char *says)
{
  g_autoptr (VmtMachine) machine = make_machine ();
  g_autoptr (GError) error = NULL;
  VmtImage image;

  g_assert_false (load (machine, bytes, size, &image, &error));
  g_assert_nonnull (error);
  if (strstr (error->message, says) == NULL)
    g_error ("\"%s\" does not say \"%s\"", error->message, says);
}

static void
test_refused (void)
{
  guint8 bytes[SIZE];

  fill (bytes);
  memcpy (bytes + 0x38, "ARM\x64", 4);
  refuse (bytes, SIZE, "kernel for arm64");
  fill (bytes);
  memset (bytes, 0, 64);
  put (bytes, 0x1fe, 0xaa55, 2);
  memcpy (bytes + 0x202, "HdrS", 4);
  refuse (bytes, SIZE, "kernel for x86");
  fill (bytes);
  memset (bytes + 0x38, 0, 4);
  refuse (bytes, SIZE, "EFI program");
  memcpy (bytes + 4, "zimg", 4);
  refuse (bytes, SIZE, "self-unpacking");
  fill (bytes);
  put (bytes, 0x18, 1, 8);
  refuse (bytes, SIZE, "big-endian");
  /* Truncated, down to the header's own size. */
  fill (bytes);
  for (gsize size = SIZE - 1; size > 200; size -= 133)
    refuse (bytes, size, "truncated");
  fill (bytes);
  put (bytes, 0x10, 64 << 20, 8);
  refuse (bytes, SIZE, "more memory");
  put (bytes, 0x10, G_MAXUINT64, 8);
  refuse (bytes, SIZE, "more memory");
}

/* Headers that lie. */
static void
test_hostile (void)
{
  g_autoptr (VmtMachine) machine = make_machine ();
  g_autoptr (GRand) random = g_rand_new_with_seed (5);

  for (guint i = 0; i < 5000; i++)
    {
      guint8 bytes[SIZE];
      gsize size = i % 3 == 0 ? g_rand_int_range (random, 60, 300) : SIZE;
      g_autoptr (GError) error = NULL;
      VmtImage image;

      fill (bytes);
      for (guint k = 0; k < 5; k++)
        bytes[g_rand_int_range (random, 0, 160)] = g_rand_int (random);
      memcpy (bytes + 0x38, "RSC\5", 4);
      if (load (machine, bytes, size, &image, &error))
        {
          g_assert_cmphex (image.low, >=, RAM_BASE);
          g_assert_cmphex (image.high, <=, RAM_BASE + RAM_SIZE);
          g_assert_cmphex (image.low, <=, image.high);
        }
      else
        g_assert_nonnull (error);
    }
}

static void
test_raw (void)
{
  g_autoptr (VmtMachine) machine = make_machine ();
  g_autoptr (GError) error = NULL;
  g_autoptr (VmtObject) object =
      vmt_registry_create (vmt_registry_get_default (), VMT_FEATURE_LOADER, "raw", &error);
  VmtLoaderClass *klass = VMT_LOADER_GET_CLASS (object);
  g_autoptr (GBytes) file = g_bytes_new_static ("\x6f\0\0\0", 4);
  g_autoptr (GBytes) empty = g_bytes_new_static ("", 0);
  VmtImage image;

  g_assert_no_error (error);
  g_assert_cmpint (klass->probe (VMT_LOADER (object), file), ==, 0);
  g_assert_true (klass->load (VMT_LOADER (object), machine, file, RAM_BASE + 6, &image, &error));
  g_assert_cmphex (image.entry, ==, RAM_BASE + 6);
  g_assert_cmphex (image.high, ==, RAM_BASE + 10);
  g_assert_false (
      klass->load (VMT_LOADER (object), machine, file, RAM_BASE + RAM_SIZE - 3, &image, &error));
  g_clear_error (&error);
  g_assert_false (klass->load (VMT_LOADER (object), machine, file, 0, &image, &error));
  g_clear_error (&error);
  g_assert_false (klass->load (VMT_LOADER (object), machine, empty, RAM_BASE, &image, &error));
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/loader/image/place", test_place);
  g_test_add_func ("/loader/image/refused", test_refused);
  g_test_add_func ("/loader/image/hostile", test_hostile);
  g_test_add_func ("/loader/raw", test_raw);
  return g_test_run ();
}
