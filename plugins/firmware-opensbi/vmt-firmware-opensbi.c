/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>

#include "vmt.h"

#define MIB ((guint64)1 << 20)
/* Where fw_jump.bin of OpenSBI's generic platform goes to, from the start of memory. */
#define JUMP_OFFSET (2 * MIB)
#define JUMP_TREE_OFFSET (34 * MIB)

/* struct fw_dynamic_info of OpenSBI (docs/firmware/fw_dynamic.md). */
#define INFO_MAGIC 0x4942534f /* "OSBI" */
#define INFO_VERSION 2
#define NEXT_MODE_S 1
typedef struct
{
  guint64 magic, version, next_addr, next_mode, options, boot_hart;
} DynamicInfo;

/* OpenSBI, or another program that starts in M-mode at the start of memory; all harts enter it. */
#define VMT_TYPE_FIRMWARE_OPENSBI (vmt_firmware_opensbi_get_type ())
G_DECLARE_FINAL_TYPE (VmtFirmwareOpensbi, vmt_firmware_opensbi, VMT, FIRMWARE_OPENSBI, VmtFirmware)

struct _VmtFirmwareOpensbi
{
  VmtFirmware parent_instance;
  char *path; /* of the code, found */
};

G_DEFINE_FINAL_TYPE (VmtFirmwareOpensbi, vmt_firmware_opensbi, VMT_TYPE_FIRMWARE)

/* Where distributions put it. */
static const char *const folders[] = {
  "/usr/lib/riscv64-linux-gnu/opensbi/generic",
  "/usr/share/opensbi/lp64/generic/firmware",
  "/usr/share/opensbi/generic",
  "/usr/local/share/opensbi/lp64/generic/firmware",
  "/usr/share/qemu",
  "/usr/share/edk2/riscv",
  "/usr/lib/u-boot/qemu-riscv64_smode",
};
static const char default_name[] = "fw_dynamic.bin";

static char *
find_file (const char *name, GError **error)
{
  if (name == NULL || *name == '\0' || strcmp (name, "opensbi") == 0)
    name = default_name;
  if (strchr (name, '/') != NULL || g_file_test (name, G_FILE_TEST_EXISTS))
    {
      if (g_file_test (name, G_FILE_TEST_IS_REGULAR))
        return g_strdup (name);
      g_set_error (error, VMT_ERROR, VMT_ERROR_NOT_FOUND, "there is no firmware file %s", name);
      return NULL;
    }
  for (gsize i = 0; i < G_N_ELEMENTS (folders); i++)
    {
      char *path = g_build_filename (folders[i], name, NULL);

      if (g_file_test (path, G_FILE_TEST_IS_REGULAR))
        return path;
      g_free (path);
    }
  g_set_error (
      error, VMT_ERROR, VMT_ERROR_NOT_FOUND,
      "there is no firmware %s in the usual folders: install the package opensbi, give the "
      "file's path, or leave out firmware= to use the built-in SBI",
      name);
  return NULL;
}

static gboolean
vmt_firmware_opensbi_prepare (VmtFirmware *firmware, VmtMachine *machine, GError **error)
{
  VmtFirmwareOpensbi *self = VMT_FIRMWARE_OPENSBI (firmware);

  g_free (self->path);
  self->path = find_file (vmt_firmware_get_file (firmware), error);
  return self->path != NULL;
}

/* The firmware's code: an ELF file says where it goes, a binary goes to the start of memory. */
static gboolean
load_code (VmtFirmwareOpensbi *self, VmtMachine *machine, guint64 base, VmtImage *image,
           GError **error)
{
  g_autofree char *data = NULL;
  g_autoptr (GBytes) bytes = NULL;
  g_autoptr (GError) local = NULL;
  gsize size;

  if (!g_file_get_contents (self->path, &data, &size, &local))
    {
      g_set_error (error, VMT_ERROR, VMT_ERROR_FAILED, "cannot read firmware: %s", local->message);
      return FALSE;
    }
  if (size >= 4 && memcmp (data, "\177ELF", 4) == 0)
    return vmt_loader_load (machine, self->path, base, image, error);
  if (size == 0)
    {
      g_set_error (error, VMT_ERROR, VMT_ERROR_INVALID, "firmware %s is empty", self->path);
      return FALSE;
    }
  if (!vmt_dma_write (vmt_machine_get_address_space (machine), base, data, size))
    {
      g_set_error (error, VMT_ERROR, VMT_ERROR_INVALID,
                   "firmware %s does not fit into the machine's memory: give it more memory",
                   self->path);
      return FALSE;
    }
  *image = (VmtImage){ .entry = base, .low = base, .high = base + size };
  return TRUE;
}

static gboolean
is_jump (const char *path)
{
  g_autofree char *name = g_path_get_basename (path);

  return strstr (name, "jump") != NULL;
}

static gboolean
vmt_firmware_opensbi_boot (VmtFirmware *firmware, VmtMachine *machine, GError **error)
{
  VmtFirmwareOpensbi *self = VMT_FIRMWARE_OPENSBI (firmware);
  VmtAddressSpace *space = vmt_machine_get_address_space (machine);
  gboolean jump = is_jump (self->path);
  VmtBootFiles files;
  VmtImage code;
  DynamicInfo info;
  guint64 base, size, info_at;

  if (!vmt_boot_get_memory (machine, &base, &size, error) ||
      !load_code (self, machine, base, &code, error))
    return FALSE;
  /* The device tree's place is compiled into fw_jump: there it copies it, over what may be there.
   */
  if (!vmt_boot_load (firmware, machine, base + JUMP_OFFSET, 0, &files, error))
    return FALSE;
  if (files.kernel.entry != 0 && files.kernel.low < code.high && files.kernel.high > code.low)
    {
      g_set_error (error, VMT_ERROR, VMT_ERROR_INVALID,
                   "%s and the firmware %s want the same memory at 0x%" G_GINT64_MODIFIER
                   "x: with firmware a kernel starts at 0x%" G_GINT64_MODIFIER
                   "x or above; a bare-metal program runs with firmware=none",
                   vmt_firmware_get_kernel (firmware), self->path, files.kernel.low,
                   base + JUMP_OFFSET);
      return FALSE;
    }
  if (jump && files.kernel.entry != 0 &&
      (files.kernel.entry != base + JUMP_OFFSET || files.kernel.high > base + JUMP_TREE_OFFSET))
    {
      g_set_error (error, VMT_ERROR, VMT_ERROR_INVALID,
                   "%s cannot start %s: it jumps to 0x%" G_GINT64_MODIFIER
                   "x and needs the memory from 0x%" G_GINT64_MODIFIER
                   "x on; use fw_dynamic.bin, which can",
                   self->path, vmt_firmware_get_kernel (firmware), base + JUMP_OFFSET,
                   base + JUMP_TREE_OFFSET);
      return FALSE;
    }

  /* Behind the device tree's room nothing else is ever placed. */
  info_at = files.device_tree + 2 * MIB - VMT_PAGE_SIZE;
  info = (DynamicInfo){
    .magic = GUINT64_TO_LE (INFO_MAGIC),
    .version = GUINT64_TO_LE (INFO_VERSION),
    .next_addr = GUINT64_TO_LE (files.kernel.entry),
    .next_mode = GUINT64_TO_LE (NEXT_MODE_S),
    .boot_hart = GUINT64_TO_LE (0),
  };
  if (!vmt_dma_write (space, info_at, &info, sizeof info))
    {
      g_set_error_literal (error, VMT_ERROR, VMT_ERROR_INVALID,
                           "the firmware's start information does not fit into memory: give the "
                           "machine more memory");
      return FALSE;
    }
  for (guint i = 0; i < vmt_machine_get_n_cpus (machine); i++)
    {
      const guint64 arguments[] = { i, files.device_tree, info_at };

      vmt_boot_start_cpu (vmt_machine_get_cpu (machine, i), code.entry, arguments, 3, NULL, NULL);
    }
  return TRUE;
}

static void
vmt_firmware_opensbi_finalize (GObject *object)
{
  g_free (VMT_FIRMWARE_OPENSBI (object)->path);
  G_OBJECT_CLASS (vmt_firmware_opensbi_parent_class)->finalize (object);
}

static void
vmt_firmware_opensbi_class_init (VmtFirmwareOpensbiClass *klass)
{
  G_OBJECT_CLASS (klass)->finalize = vmt_firmware_opensbi_finalize;
  VMT_FIRMWARE_CLASS (klass)->prepare = vmt_firmware_opensbi_prepare;
  VMT_FIRMWARE_CLASS (klass)->boot = vmt_firmware_opensbi_boot;
}

static void
vmt_firmware_opensbi_init (VmtFirmwareOpensbi *self)
{
}

static const VmtFeature features[] = {
  { VMT_FEATURE_FIRMWARE, "opensbi", 0, vmt_firmware_opensbi_get_type },
  { 0 },
};

VMT_PLUGIN_DEFINE (firmware_opensbi, "firmware-opensbi",
                   "RISC-V firmware that runs in M-mode, such as OpenSBI", 0, features, NULL);
