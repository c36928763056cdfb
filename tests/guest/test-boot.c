/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The stock Debian kernel boots, in each of the ways that the machine offers. */
#include <string.h>

#include "guest.h"

#define TIMEOUT 150

typedef struct
{
  const char *path;
  const char *cpus, *virtio,
      *firmware; /* firmware: a file of the kit, or NULL for the built-in SBI */
  const char *expect;
} Variant;

static const Variant variants[] = {
  { "/guest/boot/sbi-1cpu-pci", "1", "pci", NULL, "SBI specification v2.0" },
  { "/guest/boot/sbi-4cpu-mmio", "4", "mmio", NULL, "Brought up 1 node, 4 CPUs" },
  { "/guest/boot/opensbi-dynamic-1cpu", "1", "mmio", "fw_dynamic.bin", "OpenSBI v" },
  { "/guest/boot/opensbi-jump-4cpu", "4", "pci", "fw_jump.bin", "Brought up 1 node, 4 CPUs" },
};

static void
test_boot (gconstpointer data)
{
  const Variant *variant = data;
  g_autofree char *kernel = guest_kit_file ("kernel");
  g_autofree char *initrd = guest_kit_file ("initramfs.cpio.gz");
  g_autofree char *cpus = g_strdup_printf ("cpus=%s", variant->cpus);
  g_autofree char *virtio = g_strdup_printf ("virtio=%s", variant->virtio);
  g_autofree char *firmware =
      variant->firmware != NULL ? guest_kit_file (variant->firmware) : g_strdup ("auto");
  g_autoptr (GuestResult) result = NULL;

  if (!guest_need_kit ())
    return;
  result = guest_run (TIMEOUT, NULL, NULL, 0, "run", "riscv-virt", "--kernel", kernel, "--initrd",
                      initrd, "--append", "console=ttyS0 panic=-1 vmtool.once", "-s", cpus, "-s",
                      virtio, "--firmware", firmware, NULL);
  guest_assert_contains (result, variant->expect);
  guest_assert_contains (result, "BOOT-OK");
  guest_assert_contains (result, "Linux kit 6.");
  g_assert_cmpint (result->status, ==, 0);
}

/* Devices that the guest finds, and what it can do with them. */
static void
test_devices (gconstpointer data)
{
  g_autofree char *virtio = g_strdup_printf ("virtio=%s", (const char *)data);
  g_autofree char *folder = NULL;
  g_autofree char *disk = NULL;
  g_autofree char *kernel = guest_kit_file ("kernel");
  g_autofree char *initrd = NULL;
  g_autofree char *contents = NULL;
  g_autoptr (GuestResult) result = NULL;
  gsize size;

  if (!guest_need_kit ())
    return;
  folder = guest_make_folder ();
  disk = g_build_filename (folder, "disk.img", NULL);
  {
    g_autofree char *zero = g_malloc0 (1 << 20);
    memcpy (zero, "hello from the host\n", 20);
    g_assert_true (g_file_set_contents (disk, zero, 1 << 20, NULL));
  }
  initrd = guest_make_initrd (
      folder,
      "head -n 1 /dev/vda\n"
      "echo 'hello from the guest' | dd of=/dev/vda bs=512 seek=8 conv=notrunc,fsync 2>/dev/null\n"
      "cat /sys/class/block/vda/size\n"
      "[ -e /dev/hwrng ] && head -c 16 /dev/hwrng | wc -c\n"
      "date +%Y\n"
      "ls /sys/class/net\n");
  result =
      guest_run (TIMEOUT, NULL, NULL, 0, "run", "riscv-virt", disk, "--kernel", kernel, "--initrd",
                 initrd, "--append", "console=ttyS0 panic=-1 quiet", "-s", virtio, NULL);
  guest_assert_contains (result, "hello from the host");
  guest_assert_contains (result, "\n2048\r");
  guest_assert_contains (result, "\n16\r");
  guest_assert_contains (result, "eth0");
  {
    g_autoptr (GDateTime) now = g_date_time_new_now_utc ();
    g_autofree char *year = g_date_time_format (now, "\n%Y\r");
    guest_assert_contains (result, year);
  }
  g_assert_cmpint (result->status, ==, 0);
  g_assert_true (g_file_get_contents (disk, &contents, &size, NULL));
  g_assert_cmpuint (size, ==, 1 << 20);
  g_assert_cmpmem (contents + 4096, 21, "hello from the guest\n", 21);
  guest_remove_folder (g_steal_pointer (&folder));
}

/* A large paste arrives byte for byte: flow control from the pipe to the UART's FIFO. */
static void
test_paste (void)
{
  enum
  {
    SIZE = 65536
  };
  g_autofree char *folder = NULL;
  g_autofree char *kernel = guest_kit_file ("kernel");
  g_autofree char *initrd = NULL;
  g_autofree char *text = g_malloc (SIZE);
  g_autofree char *digest = NULL;
  g_autoptr (GuestResult) result = NULL;

  if (!guest_need_kit ())
    return;
  for (guint i = 0; i < SIZE; i++)
    text[i] = (char)('!' + i * 7 % 90);
  digest = g_compute_checksum_for_data (G_CHECKSUM_MD5, (const guchar *)text, SIZE);
  folder = guest_make_folder ();
  initrd = guest_make_initrd (folder, "stty raw -echo\necho READY\nhead -c 65536 | md5sum\n");
  result = guest_run (TIMEOUT, "READY", text, SIZE, "run", "riscv-virt", "--kernel", kernel,
                      "--initrd", initrd, "--append", "console=ttyS0 panic=-1 quiet", NULL);
  guest_assert_contains (result, digest);
  g_assert_cmpint (result->status, ==, 0);
  guest_remove_folder (g_steal_pointer (&folder));
}

/* A reset leads to a second boot of the same kernel; with on-reset=exit it ends the program. */
static void
test_reset (void)
{
  g_autofree char *folder = NULL;
  g_autofree char *kernel = guest_kit_file ("kernel");
  g_autofree char *initrd = NULL;
  g_autofree char *disk = NULL;
  g_autoptr (GuestResult) result = NULL;
  g_autoptr (GuestResult) again = NULL;

  if (!guest_need_kit ())
    return;
  folder = guest_make_folder ();
  disk = g_build_filename (folder, "disk.img", NULL);
  {
    g_autofree char *zero = g_malloc0 (65536);
    g_assert_true (g_file_set_contents (disk, zero, 65536, NULL));
  }
  /* the disk remembers that the first boot happened */
  initrd = guest_make_initrd (
      folder, "if head -c 5 /dev/vda | grep -q again; then echo SECOND-BOOT; poweroff -f; fi\n"
              "printf again | dd of=/dev/vda conv=notrunc,fsync 2>/dev/null\n"
              "echo FIRST-BOOT\nreboot -f\n");
  result = guest_run (TIMEOUT, NULL, NULL, 0, "run", "riscv-virt", disk, "--kernel", kernel,
                      "--initrd", initrd, "--append", "console=ttyS0 panic=-1 quiet", NULL);
  guest_assert_contains (result, "FIRST-BOOT");
  guest_assert_contains (result, "SECOND-BOOT");
  g_assert_cmpint (result->status, ==, 0);
  {
    g_autofree char *zero = g_malloc0 (65536);
    g_assert_true (g_file_set_contents (disk, zero, 65536, NULL));
  }
  again =
      guest_run (TIMEOUT, NULL, NULL, 0, "run", "riscv-virt", disk, "--kernel", kernel, "--initrd",
                 initrd, "--append", "console=ttyS0 panic=-1 quiet", "--on-reset=exit", NULL);
  guest_assert_contains (again, "FIRST-BOOT");
  g_assert_null (strstr (again->output, "SECOND-BOOT"));
  g_assert_cmpint (again->status, ==, 0);
  guest_remove_folder (g_steal_pointer (&folder));
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  for (guint i = 0; i < G_N_ELEMENTS (variants); i++)
    g_test_add_data_func (variants[i].path, &variants[i], test_boot);
  g_test_add_data_func ("/guest/devices/pci", "pci", test_devices);
  g_test_add_data_func ("/guest/devices/mmio", "mmio", test_devices);
  g_test_add_func ("/guest/console/paste", test_paste);
  g_test_add_func ("/guest/reset/reboot", test_reset);
  return g_test_run ();
}
