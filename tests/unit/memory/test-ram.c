/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <glib/gstdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "vmt-error.h"
#include "vmt-ram.h"

#define MIB (G_GUINT64_CONSTANT (1) << 20)

/* Pages of a mapping that the host really holds. */
static gsize
count_resident (const VmtRam *ram)
{
  gsize page = (gsize)sysconf (_SC_PAGESIZE);
  gsize n = (gsize)(ram->size + page - 1) / page, resident = 0;
  g_autofree guchar *map = g_malloc (n);
  g_assert_cmpint (mincore (ram->host, (gsize)ram->size, map), ==, 0);
  for (gsize i = 0; i < n; i++)
    resident += map[i] & 1;
  return resident;
}

static void
test_anon (void)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (VmtRam) ram = vmt_ram_new ("ram", 64 * MIB, VMT_RAM_ANON, NULL, &error);
  g_assert_no_error (error);
  g_assert_cmpstr (ram->name, ==, "ram");
  g_assert_cmpuint (ram->size, ==, 64 * MIB);
  /* Huge pages need it. */
  g_assert_cmpuint ((guintptr)ram->host % (2 * MIB), ==, 0);
  g_assert_cmpuint (count_resident (ram), ==, 0);
  g_assert_cmpuint (ram->host[0], ==, 0);
  g_assert_cmpuint (ram->host[ram->size - 1], ==, 0);

  ram->host[5] = 1;
  ram->host[ram->size - 1] = 2;
  vmt_ram_clear (ram);
  g_assert_cmpuint (count_resident (ram), ==, 0);
  g_assert_cmpuint (ram->host[5], ==, 0);
  g_assert_cmpuint (ram->host[ram->size - 1], ==, 0);
}

/* The neighbours of an aligned mapping were given back: it must not have taken theirs. */
static void
test_many (void)
{
  VmtRam *rams[32];
  for (guint i = 0; i < G_N_ELEMENTS (rams); i++)
    {
      g_autofree char *name = g_strdup_printf ("r%u", i);
      rams[i] = vmt_ram_new (name, (i % 5 + 1) * MIB + i * VMT_PAGE_SIZE, VMT_RAM_ANON, NULL, NULL);
      g_assert_nonnull (rams[i]);
      memset (rams[i]->host, (int)i + 1, rams[i]->size);
    }
  for (guint i = 0; i < G_N_ELEMENTS (rams); i++)
    {
      for (guint64 at = 0; at < rams[i]->size; at += VMT_PAGE_SIZE)
        g_assert_cmpuint (rams[i]->host[at], ==, i + 1);
      g_assert_cmpuint (rams[i]->host[rams[i]->size - 1], ==, i + 1);
      vmt_ram_unref (rams[i]);
    }
}

static void
test_bad_size (void)
{
  const guint64 sizes[] = { 0,
                            1,
                            VMT_PAGE_SIZE - 1,
                            VMT_PAGE_SIZE + 1,
                            G_MAXUINT64,
                            G_MAXUINT64 & VMT_PAGE_MASK,
                            G_GUINT64_CONSTANT (1) << 63 };
  for (guint i = 0; i < G_N_ELEMENTS (sizes); i++)
    {
      g_autoptr (GError) error = NULL;
      g_assert_null (vmt_ram_new ("bad", sizes[i], VMT_RAM_ANON, NULL, &error));
      g_assert_error (error, VMT_ERROR, VMT_ERROR_INVALID);
      g_assert_nonnull (strstr (error->message, "'bad'"));
    }

  /* A size that no host can map is an error and not an end. */
  g_autoptr (GError) error = NULL;
  g_assert_null (vmt_ram_new ("huge", G_GUINT64_CONSTANT (1) << 61, VMT_RAM_ANON, NULL, &error));
  g_assert_error (error, VMT_ERROR, VMT_ERROR_FAILED);
}

static void
test_memfd (void)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (VmtRam) ram = vmt_ram_new ("shared", 4 * MIB, VMT_RAM_MEMFD, NULL, &error);
  g_assert_no_error (error);
  memset (ram->host, 0xaa, ram->size);
  vmt_ram_clear (ram);
  for (guint64 at = 0; at < ram->size; at += 511)
    g_assert_cmpuint (ram->host[at], ==, 0);
}

static void
test_file (void)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *folder = g_dir_make_tmp ("vmt-ram-XXXXXX", &error);
  g_assert_no_error (error);
  g_autofree char *path = g_build_filename (folder, "ram", NULL);

  VmtRam *ram = vmt_ram_new ("file", 2 * VMT_PAGE_SIZE, VMT_RAM_FILE, path, &error);
  g_assert_no_error (error);
  ram->host[VMT_PAGE_SIZE] = 42;
  vmt_ram_unref (ram);

  /* Content stays, and a file that is too short is made longer instead of killing its reader. */
  g_assert_cmpint (truncate (path, VMT_PAGE_SIZE + 1), ==, 0);
  ram = vmt_ram_new ("file", 2 * VMT_PAGE_SIZE, VMT_RAM_FILE, path, &error);
  g_assert_no_error (error);
  g_assert_cmpuint (ram->host[VMT_PAGE_SIZE], ==, 42);
  g_assert_cmpuint (ram->host[2 * VMT_PAGE_SIZE - 1], ==, 0);
  vmt_ram_clear (ram);
  g_assert_cmpuint (ram->host[VMT_PAGE_SIZE], ==, 0);
  vmt_ram_unref (ram);

  g_assert_null (vmt_ram_new ("file", VMT_PAGE_SIZE, VMT_RAM_FILE, folder, &error));
  g_assert_error (error, VMT_ERROR, VMT_ERROR_FAILED);
  g_clear_error (&error);
  g_assert_null (vmt_ram_new ("file", VMT_PAGE_SIZE, VMT_RAM_FILE, "/dev/null", &error));
  g_assert_error (error, VMT_ERROR, VMT_ERROR_INVALID);
  g_clear_error (&error);
  g_assert_null (vmt_ram_new ("file", VMT_PAGE_SIZE, VMT_RAM_FILE, NULL, &error));
  g_assert_error (error, VMT_ERROR, VMT_ERROR_INVALID);
  g_clear_error (&error);
  g_assert_null (vmt_ram_new ("anon", VMT_PAGE_SIZE, VMT_RAM_ANON, path, &error));
  g_assert_error (error, VMT_ERROR, VMT_ERROR_INVALID);
  g_clear_error (&error);
  g_autofree char *missing = g_build_filename (folder, "no", "where", NULL);
  g_assert_null (vmt_ram_new ("file", VMT_PAGE_SIZE, VMT_RAM_FILE, missing, &error));
  g_assert_error (error, VMT_ERROR, VMT_ERROR_NOT_FOUND);

  g_assert_cmpint (g_unlink (path), ==, 0);
  g_assert_cmpint (g_rmdir (folder), ==, 0);
}

static void
test_page_state (void)
{
  g_autoptr (VmtRam) ram = vmt_ram_new ("ram", 3 * VMT_PAGE_SIZE, VMT_RAM_ANON, NULL, NULL);
  g_assert_cmpuint (vmt_ram_get_page_state (ram, 0), ==, 0);
  g_assert_cmpuint (vmt_ram_set_page_state (ram, VMT_PAGE_SIZE + 9, VMT_PAGE_CODE), ==, 0);
  g_assert_cmpuint (vmt_ram_set_page_state (ram, VMT_PAGE_SIZE, VMT_PAGE_LOG), ==, VMT_PAGE_CODE);
  g_assert_cmpuint (vmt_ram_get_page_state (ram, 0), ==, 0);
  g_assert_cmpuint (vmt_ram_get_page_state (ram, 2 * VMT_PAGE_SIZE - 1), ==,
                    VMT_PAGE_CODE | VMT_PAGE_LOG);
  g_assert_cmpuint (vmt_ram_get_page_state (ram, 2 * VMT_PAGE_SIZE), ==, 0);
  g_assert_cmpuint (vmt_ram_clear_page_state (ram, VMT_PAGE_SIZE, VMT_PAGE_CODE), ==,
                    VMT_PAGE_CODE | VMT_PAGE_LOG);
  g_assert_cmpuint (vmt_ram_get_page_state (ram, VMT_PAGE_SIZE), ==, VMT_PAGE_LOG);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/memory/ram/anon", test_anon);
  g_test_add_func ("/memory/ram/many", test_many);
  g_test_add_func ("/memory/ram/bad-size", test_bad_size);
  g_test_add_func ("/memory/ram/memfd", test_memfd);
  g_test_add_func ("/memory/ram/file", test_file);
  g_test_add_func ("/memory/ram/page-state", test_page_state);
  return g_test_run ();
}
