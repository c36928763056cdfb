/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <elf.h>
#include <gio/gio.h>
#include <glib/gstdio.h>
#include <string.h>
#include <unistd.h>

#include "vmt-dma.h"
#include "vmt-error.h"
#include "vmt-loader.h"

#define RAM_BASE G_GUINT64_CONSTANT (0x80000000)
#define RAM_SIZE (64 * 1024)

typedef struct
{
  VmtMachine *machine;
  char *folder, *path;
} Fixture;

static void
set_up (Fixture *f, gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  f->machine = vmt_machine_new ("test");
  vmt_machine_add_ram (f->machine, "ram", RAM_BASE, RAM_SIZE, VMT_RAM_ANON, NULL, &error);
  g_assert_no_error (error);
  f->folder = g_dir_make_tmp ("vmt-loader-XXXXXX", &error);
  g_assert_no_error (error);
  f->path = g_build_filename (f->folder, "kernel", NULL);
}

static void
tear_down (Fixture *f, gconstpointer data)
{
  g_unlink (f->path);
  g_assert_cmpint (g_rmdir (f->folder), ==, 0);
  g_free (f->folder);
  g_free (f->path);
  g_object_unref (f->machine);
}

static GBytes *
make_elf (void)
{
  struct
  {
    Elf64_Ehdr header;
    Elf64_Phdr segment;
    guint32 code[4];
  } elf = { 0 };
  memcpy (elf.header.e_ident, ELFMAG, SELFMAG);
  elf.header.e_ident[EI_CLASS] = ELFCLASS64;
  elf.header.e_ident[EI_DATA] = ELFDATA2LSB;
  elf.header.e_ident[EI_VERSION] = EV_CURRENT;
  elf.header.e_type = ET_EXEC;
  elf.header.e_machine = EM_RISCV;
  elf.header.e_version = EV_CURRENT;
  elf.header.e_entry = RAM_BASE + 0x1004;
  elf.header.e_phoff = G_STRUCT_OFFSET (__typeof__ (elf), segment);
  elf.header.e_ehsize = sizeof elf.header;
  elf.header.e_phentsize = sizeof elf.segment;
  elf.header.e_phnum = 1;
  elf.segment.p_type = PT_LOAD;
  elf.segment.p_flags = PF_R | PF_X;
  elf.segment.p_offset = G_STRUCT_OFFSET (__typeof__ (elf), code);
  elf.segment.p_vaddr = elf.segment.p_paddr = RAM_BASE + 0x1000;
  elf.segment.p_filesz = sizeof elf.code;
  elf.segment.p_memsz = 0x100;
  elf.segment.p_align = 4;
  for (guint i = 0; i < 4; i++)
    elf.code[i] = 0x11111111 * (i + 1);
  return g_bytes_new (&elf, sizeof elf);
}

static GBytes *
compress (GBytes *bytes)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GConverter) gzip =
      G_CONVERTER (g_zlib_compressor_new (G_ZLIB_COMPRESSOR_FORMAT_GZIP, 9));
  g_autoptr (GInputStream) from = g_memory_input_stream_new_from_bytes (bytes);
  g_autoptr (GInputStream) through = g_converter_input_stream_new (from, gzip);
  GByteArray *out = g_byte_array_new ();
  guint8 buffer[4096];
  gssize n;
  while ((n = g_input_stream_read (through, buffer, sizeof buffer, NULL, &error)) > 0)
    g_byte_array_append (out, buffer, (guint)n);
  g_assert_no_error (error);
  return g_byte_array_free_to_bytes (out);
}

static void
store (Fixture *f, GBytes *bytes)
{
  g_autoptr (GError) error = NULL;
  gsize size;
  const char *data = g_bytes_get_data (bytes, &size);
  g_file_set_contents (f->path, data, (gssize)size, &error);
  g_assert_no_error (error);
}

static void
load (Fixture *f)
{
  g_autoptr (GError) error = NULL;
  VmtImage image = { .entry = 1 };
  guint32 code[4] = { 0 }, zero[4] = { 0 };
  VmtAddressSpace *space = vmt_machine_get_address_space (f->machine);
  g_assert_true (vmt_dma_write (space, RAM_BASE + 0x1000, zero, sizeof zero));
  vmt_loader_load (f->machine, f->path, RAM_BASE, &image, &error);
  g_assert_no_error (error);
  g_assert_cmphex (image.entry, ==, RAM_BASE + 0x1004);
  g_assert_cmphex (image.low, ==, RAM_BASE + 0x1000);
  g_assert_cmphex (image.high, ==, RAM_BASE + 0x1100);
  g_assert_true (vmt_dma_read (space, RAM_BASE + 0x1000, code, sizeof code));
  g_assert_cmphex (code[3], ==, 0x44444444);
}

/* The error begins with the path and says @what. */
static void
refuse_path (Fixture *f, const char *path, const char *what)
{
  g_autoptr (GError) error = NULL;
  VmtImage image;
  g_autofree char *begin = g_strdup_printf ("%s: ", path);
  g_assert_false (vmt_loader_load (f->machine, path, RAM_BASE, &image, &error));
  g_assert_nonnull (error);
  g_assert_true (g_str_has_prefix (error->message, begin));
  if (strstr (error->message, what) == NULL)
    g_error ("'%s' does not say '%s'", error->message, what);
}

static void
test_files (Fixture *f, gconstpointer data)
{
  refuse_path (f, f->path, "No such file");
  refuse_path (f, f->folder, "folder");
  refuse_path (f, "/dev/zero", "not a regular file");
  g_autoptr (GBytes) nothing = g_bytes_new (NULL, 0);
  store (f, nothing);
  refuse_path (f, f->path, "empty");
  g_assert_cmpint (truncate (f->path, (off_t)1 << 40), ==, 0);
  refuse_path (f, f->path, "memory");
  if (geteuid () != 0)
    {
      g_assert_cmpint (g_chmod (f->path, 0), ==, 0);
      refuse_path (f, f->path, "Permission denied");
    }
  g_unlink (f->path);
  g_autofree char *below = g_build_filename (f->path, "x", NULL);
  refuse_path (f, below, "No such file");
}

static void
test_elf (Fixture *f, gconstpointer data)
{
  g_autoptr (GBytes) elf = make_elf ();
  store (f, elf);
  load (f);
}

static void
test_gzip (Fixture *f, gconstpointer data)
{
  g_autoptr (GBytes) elf = make_elf ();
  g_autoptr (GBytes) once = compress (elf);
  g_autoptr (GBytes) twice = compress (once);
  g_autoptr (GBytes) thrice = compress (twice);
  store (f, once);
  load (f);
  store (f, twice);
  load (f);
  store (f, thrice);
  refuse_path (f, f->path, "not a kind of file");

  for (gsize size = 1; size < g_bytes_get_size (once); size += 7)
    {
      g_autoptr (GBytes) cut = g_bytes_new_from_bytes (once, 0, size);
      store (f, cut);
      refuse_path (f, f->path, "");
    }

  /* A small file that would fill the host. */
  g_autofree guint8 *zeroes = g_malloc0 (32 << 20);
  g_autoptr (GBytes) big = g_bytes_new_static (zeroes, 32 << 20);
  g_autoptr (GBytes) bomb = compress (big);
  g_assert_cmpuint (g_bytes_get_size (bomb), <, RAM_SIZE);
  store (f, bomb);
  refuse_path (f, f->path, "memory");

  g_autoptr (GBytes) nothing = g_bytes_new (NULL, 0);
  g_autoptr (GBytes) inside = compress (nothing);
  store (f, inside);
  refuse_path (f, f->path, "nothing inside");
}

static void
test_garbage (Fixture *f, gconstpointer data)
{
  g_autofree guint8 *noise = g_malloc (5000);
  for (guint round = 0; round < 50; round++)
    {
      gsize size = (gsize)g_test_rand_int_range (1, 5000);
      for (gsize i = 0; i < size; i++)
        noise[i] = (guint8)g_test_rand_int ();
      noise[0] = 'N';
      g_autoptr (GBytes) bytes = g_bytes_new (noise, size);
      store (f, bytes);
      refuse_path (f, f->path, "elf");
    }
}

static void
test_bytes (Fixture *f, gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GBytes) elf = make_elf ();
  VmtImage image;
  g_assert_true (vmt_loader_load_bytes (f->machine, "built-in", elf, RAM_BASE, &image, &error));
  g_assert_no_error (error);
  g_autoptr (GBytes) cut = g_bytes_new_from_bytes (elf, 0, 100);
  g_assert_false (vmt_loader_load_bytes (f->machine, "built-in", cut, RAM_BASE, &image, &error));
  g_assert_true (g_str_has_prefix (error->message, "built-in: "));
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
#define ADD(name, func) g_test_add ("/machine/loader/" name, Fixture, NULL, set_up, func, tear_down)
  ADD ("files", test_files);
  ADD ("elf", test_elf);
  ADD ("gzip", test_gzip);
  ADD ("garbage", test_garbage);
  ADD ("bytes", test_bytes);
  return g_test_run ();
}
