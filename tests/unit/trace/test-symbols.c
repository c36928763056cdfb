/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <elf.h>
#include <glib/gstdio.h>
#include <string.h>

#include "vmt.h"

static char *folder;

static VmtSymbols *
from_bytes (gconstpointer data, gsize size, GError **error)
{
  g_autofree char *path = g_build_filename (folder, "symbols", NULL);
  g_assert_true (g_file_set_contents (path, data, (gssize)size, NULL));
  return vmt_symbols_new (path, error);
}

static void
assert_symbol (VmtSymbols *symbols, guint64 address, const char *name, guint64 offset)
{
  guint64 at = 0;
  g_assert_cmpstr (vmt_symbols_find (symbols, address, &at), ==, name);
  if (name != NULL)
    g_assert_cmpuint (at, ==, offset);
}

static void
test_map (void)
{
  static const char text[] = "0000000000001000 T first\n"
                             "0000000000003000 t third\n"
                             "0000000000002000 W second\n"
                             "0000000000002800 D data\n"
                             "ffffffff80000000 T kernel [module]\n"
                             "ffffffffffffff00 t last";
  g_autoptr (GError) error = NULL;
  g_autoptr (VmtSymbols) symbols = from_bytes (text, sizeof text - 1, &error);
  guint64 first, end;

  g_assert_no_error (error);
  g_assert_cmpuint (vmt_symbols_get_n (symbols), ==, 5);
  assert_symbol (symbols, 0, NULL, 0);
  assert_symbol (symbols, 0xfff, NULL, 0);
  assert_symbol (symbols, 0x1000, "first", 0);
  assert_symbol (symbols, 0x1fff, "first", 0xfff);
  assert_symbol (symbols, 0x2900, "second", 0x900);
  assert_symbol (symbols, 0x3000, "third", 0);
  /* not for ever */
  assert_symbol (symbols, 0x3000 + 0xfffff, "third", 0xfffff);
  assert_symbol (symbols, 0x3000 + 0x100000, NULL, 0);
  assert_symbol (symbols, 0xffffffff80000010, "kernel", 0x10);
  assert_symbol (symbols, 0xffffffffffffff04, "last", 4);
  g_assert_true (vmt_symbols_get_range (symbols, "second", &first, &end, &error));
  g_assert_cmpuint (first, ==, 0x2000);
  g_assert_cmpuint (end, ==, 0x3000);
  g_assert_false (vmt_symbols_get_range (symbols, "secnd", &first, &end, &error));
  g_assert_error (error, VMT_ERROR, VMT_ERROR_NOT_FOUND);
  g_assert_nonnull (strstr (error->message, "did you mean 'second'"));
}

typedef struct
{
  Elf64_Ehdr header;
  Elf64_Shdr sections[3]; /* none, symbols, strings */
  Elf64_Sym symbols[7];
  char strings[64];
} File;

static void
make_elf (File *file)
{
  static const char strings[] = "\0func\0label\0data\0$x\0.L1\0alias";
  memset (file, 0, sizeof *file);
  memcpy (file->header.e_ident, ELFMAG, SELFMAG);
  file->header.e_ident[EI_CLASS] = ELFCLASS64;
  file->header.e_ident[EI_DATA] = ELFDATA2LSB;
  file->header.e_shoff = G_STRUCT_OFFSET (File, sections);
  file->header.e_shentsize = sizeof (Elf64_Shdr);
  file->header.e_shnum = 3;
  file->sections[1].sh_type = SHT_SYMTAB;
  file->sections[1].sh_link = 2;
  file->sections[1].sh_offset = G_STRUCT_OFFSET (File, symbols);
  file->sections[1].sh_size = sizeof file->symbols;
  file->sections[2].sh_type = SHT_STRTAB;
  file->sections[2].sh_offset = G_STRUCT_OFFSET (File, strings);
  file->sections[2].sh_size = sizeof file->strings;
  memcpy (file->strings, strings, sizeof strings);
  file->symbols[1] = (Elf64_Sym){ 1, ELF64_ST_INFO (STB_GLOBAL, STT_FUNC), 0, 1, 0x1000, 0x20 };
  file->symbols[2] = (Elf64_Sym){ 6, ELF64_ST_INFO (STB_LOCAL, STT_NOTYPE), 0, 1, 0x2000, 0 };
  file->symbols[3] = (Elf64_Sym){ 12, ELF64_ST_INFO (STB_GLOBAL, STT_OBJECT), 0, 1, 0x2100, 8 };
  file->symbols[4] = (Elf64_Sym){ 17, ELF64_ST_INFO (STB_LOCAL, STT_NOTYPE), 0, 1, 0x1004, 0 };
  file->symbols[5] = (Elf64_Sym){ 20, ELF64_ST_INFO (STB_LOCAL, STT_NOTYPE), 0, 1, 0x1008, 0 };
  file->symbols[6] = (Elf64_Sym){ 24, ELF64_ST_INFO (STB_GLOBAL, STT_NOTYPE), 0, 1, 0x1000, 0 };
}

static void
test_elf (void)
{
  File file;
  g_autoptr (GError) error = NULL;
  g_autoptr (VmtSymbols) symbols = NULL;

  make_elf (&file);
  symbols = from_bytes (&file, sizeof file, &error);
  g_assert_no_error (error);
  g_assert_cmpuint (vmt_symbols_get_n (symbols), ==, 2);
  assert_symbol (symbols, 0x1000, "func", 0);
  assert_symbol (symbols, 0x101f, "func", 0x1f);
  assert_symbol (symbols, 0x1020, NULL, 0);
  assert_symbol (symbols, 0x2100, "label", 0x100);
}

/* Every length that the file may be cut to, and every wrong number. */
static void
test_damaged (void)
{
  File file;

  make_elf (&file);
  for (gsize size = 0; size < sizeof file; size++)
    {
      g_autoptr (GError) error = NULL;
      g_assert_null (from_bytes (&file, size, &error));
      g_assert_nonnull (error);
    }
  for (guint i = 0; i < 8; i++)
    {
      g_autoptr (GError) error = NULL;
      VmtSymbols *symbols;
      make_elf (&file);
      switch (i)
        {
        case 0:
          file.header.e_shoff = G_MAXUINT64 - 64;
          break;
        case 1:
          file.header.e_shnum = 0xfeff;
          break;
        case 2:
          file.sections[1].sh_link = 3;
          break;
        case 3:
          file.sections[1].sh_size = G_MAXUINT64;
          break;
        case 4:
          file.sections[1].sh_offset = G_MAXUINT64 - 8;
          break;
        case 5:
          file.sections[2].sh_size = 4096;
          break;
        case 6:
          file.header.e_ident[EI_CLASS] = ELFCLASS32;
          break;
        case 7:
          file.header.e_shentsize = 1;
          break;
        default:
          g_assert_not_reached ();
        }
      symbols = from_bytes (&file, sizeof file, &error);
      g_assert_null (symbols);
      g_assert_error (error, VMT_ERROR, VMT_ERROR_INVALID);
    }

  /* names that do not end, and that are not in the table */
  make_elf (&file);
  memset (file.strings, 'x', sizeof file.strings);
  file.symbols[2].st_name = G_MAXUINT32;
  g_autoptr (VmtSymbols) symbols = from_bytes (&file, sizeof file, NULL);
  g_assert_nonnull (symbols);
  guint64 offset;
  g_assert_cmpuint (strlen (vmt_symbols_find (symbols, 0x1000, &offset)), <=, 64);
}

static void
test_bad (void)
{
  static const struct
  {
    const char *text;
    int code;
  } cases[] = {
    { "", VMT_ERROR_NOT_FOUND },
    { "#!/bin/sh\n", VMT_ERROR_INVALID },
    { "1000\n", VMT_ERROR_INVALID },
    { "1000 T\n", VMT_ERROR_INVALID },
    { "00000000000001000 T name\n", VMT_ERROR_INVALID },
    { "1000 D data\n", VMT_ERROR_NOT_FOUND },
    { "1000 T name\n2000 \xff\xff\xff\xff\n", VMT_ERROR_INVALID },
    { "1000 T \xff\xfe\n", VMT_ERROR_NOT_FOUND },
  };
  g_autoptr (GError) error = NULL;

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autoptr (GError) local = NULL;
      g_assert_null (from_bytes (cases[i].text, strlen (cases[i].text), &local));
      g_assert_error (local, VMT_ERROR, cases[i].code);
    }
  g_assert_null (vmt_symbols_new (folder, &error));
  g_assert_nonnull (error);
}

int
main (int argc, char **argv)
{
  int status;
  g_autofree char *path = NULL;

  g_test_init (&argc, &argv, NULL);
  folder = g_dir_make_tmp ("symbols-XXXXXX", NULL);
  g_test_add_func ("/trace/symbols/map", test_map);
  g_test_add_func ("/trace/symbols/elf", test_elf);
  g_test_add_func ("/trace/symbols/damaged", test_damaged);
  g_test_add_func ("/trace/symbols/bad", test_bad);
  status = g_test_run ();
  path = g_build_filename (folder, "symbols", NULL);
  g_unlink (path);
  g_rmdir (folder);
  g_free (folder);
  return status;
}
