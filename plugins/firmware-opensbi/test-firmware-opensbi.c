/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>

#include <glib/gstdio.h>

#include "vmt.h"

#define RAM_BASE G_GUINT64_CONSTANT (0x80000000)
#define RAM_SIZE ((guint64)64 << 20)
#define SEEN (RAM_BASE + (1 << 20))

/* A firmware of a few instructions: every hart leaves what it was started with at SEEN + 64 * a0,
 * and waits. */
static const guint32 code[] = {
  0x001002b7, /* lui t0, 0x100 */
  0x00000317, /* auipc t1, 0: its own place */
  0xffc30313, /* addi t1, t1, -4 */
  0x006282b3, /* add t0, t0, t1 */
  0x00651393, /* slli t2, a0, 6 */
  0x007282b3, /* add t0, t0, t2 */
  0x00b2b423, /* sd a1, 8(t0) */
  0x00c2b823, /* sd a2, 16(t0) */
  0x34202373, /* csrr t1, mcause: only M-mode may */
  0x00100313, /* li t1, 1 */
  0x0062b023, /* sd t1, 0(t0) */
  0x10500073, /* wfi */
  0xffdff06f, /* j .-4 */
};

typedef struct
{
  VmtMachine *machine;
  VmtFirmware *firmware;
  char *folder, *kernel, *file, *jump;
} Fixture;

static GBytes *
make_tree (VmtMachine *machine, guint64 initrd_start, guint64 initrd_end, gpointer data,
           GError **error)
{
  return g_bytes_new_static ("tree", 4);
}

static void
write_image (const char *path, guint64 text_offset, guint64 size)
{
  guint8 bytes[256] = { 0 };

  memcpy (bytes + 0x08, &text_offset, 8);
  memcpy (bytes + 0x10, &size, 8);
  memcpy (bytes + 0x38, "RSC\5", 4);
  g_assert_true (g_file_set_contents (path, (const char *)bytes, sizeof bytes, NULL));
}

static void
set_up (Fixture *f, gconstpointer data)
{
  VmtRegistry *registry = vmt_registry_get_default ();
  g_autoptr (GError) error = NULL;
  g_autoptr (VmtObject) firmware = NULL;

  f->folder = g_dir_make_tmp ("vmtool-opensbi-XXXXXX", NULL);
  f->kernel = g_build_filename (f->folder, "kernel", NULL);
  f->file = g_build_filename (f->folder, "fw_dynamic.bin", NULL);
  f->jump = g_build_filename (f->folder, "fw_jump.bin", NULL);
  write_image (f->kernel, 2 << 20, 1 << 20);
  g_assert_true (g_file_set_contents (f->file, (const char *)code, sizeof code, NULL));
  g_assert_true (g_file_set_contents (f->jump, (const char *)code, sizeof code, NULL));
  f->machine = vmt_machine_new ("test");
  vmt_machine_add_ram (f->machine, "ram", RAM_BASE, RAM_SIZE, VMT_RAM_ANON, NULL, &error);
  g_assert_no_error (error);
  for (guint i = 0; i < 2; i++)
    {
      g_autoptr (VmtObject) cpu =
          vmt_registry_create (registry, VMT_FEATURE_ARCH, "riscv64", &error);

      g_assert_no_error (error);
      vmt_machine_add_cpu (f->machine, VMT_CPU (cpu), &error);
      g_assert_no_error (error);
    }
  firmware = vmt_registry_create (registry, VMT_FEATURE_FIRMWARE, "opensbi", &error);
  g_assert_no_error (error);
  f->firmware = VMT_FIRMWARE (firmware);
  g_object_set (firmware, "kernel", f->kernel, "file", f->file, NULL);
  vmt_firmware_set_device_tree (f->firmware, make_tree, NULL);
  vmt_machine_set_firmware (f->machine, f->firmware, &error);
  g_assert_no_error (error);
  vmt_machine_realize (f->machine, &error);
  g_assert_no_error (error);
}

static void
tear_down (Fixture *f, gconstpointer data)
{
  vmt_machine_close (f->machine);
  g_object_unref (f->machine);
  g_unlink (f->kernel);
  g_unlink (f->file);
  g_unlink (f->jump);
  g_rmdir (f->folder);
  g_free (f->folder);
  g_free (f->kernel);
  g_free (f->file);
  g_free (f->jump);
}

static guint64
get_word (Fixture *f, guint64 address)
{
  guint64 word = 0;

  g_assert_true (
      vmt_dma_read (vmt_machine_get_address_space (f->machine), address, &word, sizeof word));
  return word;
}

/* Ends the run when both harts have been here. */
static gboolean
look (gpointer data)
{
  Fixture *f = data;

  if (get_word (f, SEEN) != 1 || get_word (f, SEEN + 64) != 1)
    return G_SOURCE_CONTINUE;
  vmt_machine_quit (f->machine);
  return G_SOURCE_REMOVE;
}

static void
test_start (Fixture *f, gconstpointer data)
{
  GSource *source = g_timeout_source_new (5);
  g_autoptr (GError) error = NULL;
  VmtStopReason reason;
  guint64 tree, info;
  int status;

  if (data != NULL)
    g_object_set (f->firmware, "file", f->jump, NULL);
  g_source_set_callback (source, look, f, NULL);
  g_source_attach (source, vmt_machine_get_context (f->machine));
  g_source_unref (source);
  g_assert_true (vmt_machine_run (f->machine, &reason, &status, &error));
  g_assert_no_error (error);
  g_assert_cmpint (reason, ==, VMT_STOP_QUIT);
  tree = get_word (f, SEEN + 8);
  info = get_word (f, SEEN + 16);
  g_assert_cmphex (get_word (f, SEEN + 64 + 8), ==, tree);
  g_assert_cmphex (get_word (f, SEEN + 64 + 16), ==, info);
  g_assert_cmphex (get_word (f, tree) & G_MAXUINT32, ==, 0x65657274); /* "tree" */
  /* struct fw_dynamic_info */
  g_assert_cmphex (get_word (f, info), ==, 0x4942534f);
  g_assert_cmphex (get_word (f, info + 8), ==, 2);
  g_assert_cmphex (get_word (f, info + 16), ==, RAM_BASE + (2 << 20));
  g_assert_cmphex (get_word (f, info + 24), ==, 1);
  g_assert_cmphex (get_word (f, info + 32), ==, 0);
  g_assert_cmphex (get_word (f, info + 40), ==, 0);
  g_assert_cmphex (get_word (f, RAM_BASE + (2 << 20) + 0x38) & G_MAXUINT32, ==, 0x05435352);
}

static void
refuse (Fixture *f, const char *says)
{
  g_autoptr (GError) error = NULL;

  g_assert_false (vmt_firmware_prepare (f->firmware, f->machine, &error) &&
                  vmt_firmware_boot (f->firmware, f->machine, &error));
  g_assert_nonnull (error);
  if (strstr (error->message, says) == NULL)
    g_error ("\"%s\" does not say \"%s\"", error->message, says);
}

static void
test_refused (Fixture *f, gconstpointer data)
{
  g_autofree char *large = g_malloc0 (3 << 20);

  g_object_set (f->firmware, "file", "/nowhere/fw_dynamic.bin", NULL);
  refuse (f, "/nowhere/fw_dynamic.bin");
  g_object_set (f->firmware, "file", "fw_of_nobody.bin", NULL);
  refuse (f, "package opensbi");
  g_object_set (f->firmware, "file", f->folder, NULL);
  refuse (f, "no firmware file");
  g_object_set (f->firmware, "file", f->file, NULL);

  /* A firmware that reaches into the kernel, and one that is nothing. */
  g_assert_true (g_file_set_contents (f->file, large, 3 << 20, NULL));
  refuse (f, "want the same memory");
  g_assert_true (g_file_set_contents (f->file, "", 0, NULL));
  refuse (f, "empty");
  g_assert_true (g_file_set_contents (f->file, (const char *)code, sizeof code, NULL));

  /* fw_jump can only start what stands where it jumps to, and does not reach the place of its tree.
   */
  g_object_set (f->firmware, "file", f->jump, NULL);
  write_image (f->kernel, 0x80000, 1 << 20);
  refuse (f, "fw_dynamic.bin");
  write_image (f->kernel, 2 << 20, 33 << 20);
  refuse (f, "fw_dynamic.bin");
  g_object_set (f->firmware, "file", f->file, NULL);
  write_image (f->kernel, 2 << 20, 63 << 20);
  refuse (f, "more memory");
  g_unlink (f->kernel);
  refuse (f, f->kernel);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add ("/firmware/opensbi/dynamic", Fixture, NULL, set_up, test_start, tear_down);
  g_test_add ("/firmware/opensbi/jump", Fixture, "jump", set_up, test_start, tear_down);
  g_test_add ("/firmware/opensbi/refused", Fixture, NULL, set_up, test_refused, tear_down);
  return g_test_run ();
}
