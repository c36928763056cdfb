/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "vmt-boot.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "vmt-dma.h"
#include "vmt-error.h"

#define MIB ((guint64)1 << 20)
/* Room for the device tree: a multiple of the page size of early page tables. */
#define TREE_ROOM (2 * MIB)
/* The last of its room is for what a firmware has to say besides. */
#define TREE_MAX (TREE_ROOM - (64 << 10))
#define TREE_TOP (1024 * MIB)
#define MAX_ARGUMENTS 4

gboolean
vmt_boot_get_memory (VmtMachine *machine, guint64 *base, guint64 *size, GError **error)
{
  VmtRam *ram = vmt_machine_get_ram (machine, 0, base);

  if (ram == NULL)
    {
      g_set_error_literal (error, VMT_ERROR, VMT_ERROR_STATE,
                           "the machine has no memory to boot from: its board needs a <memory>");
      return FALSE;
    }
  *size = ram->size;
  return TRUE;
}

static GMappedFile *
map_initrd (const char *path, GError **error)
{
  int fd = open (path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  GMappedFile *file = NULL;
  const char *wrong = NULL;
  struct stat st;

  if (fd < 0 || fstat (fd, &st) != 0)
    wrong = g_strerror (errno);
  else if (S_ISDIR (st.st_mode))
    wrong = "it is a folder, not a file";
  else if (!S_ISREG (st.st_mode))
    wrong = "it is not a regular file";
  else if (st.st_size == 0)
    wrong = "it is empty";
  if (wrong != NULL)
    g_set_error (error, VMT_ERROR, fd < 0 ? VMT_ERROR_NOT_FOUND : VMT_ERROR_INVALID,
                 "initrd %s: cannot be used: %s", path, wrong);
  else
    {
      file = g_mapped_file_new_from_fd (fd, FALSE, error);
      g_prefix_error (error, "initrd %s: ", path);
    }
  if (fd >= 0)
    close (fd);
  return file;
}

/* Below the device tree if it fits there, else above it. */
static gboolean
place_initrd (VmtMachine *machine, const char *path, guint64 ram_end, VmtBootFiles *files,
              GError **error)
{
  g_autoptr (GMappedFile) file = map_initrd (path, error);
  guint64 low = MAX (files->kernel.high, files->kernel.entry);
  guint64 size, start;

  if (file == NULL)
    return FALSE;
  size = g_mapped_file_get_length (file);
  if (files->device_tree > low && size <= files->device_tree - low &&
      ((files->device_tree - size) & VMT_PAGE_MASK) >= low)
    start = (files->device_tree - size) & VMT_PAGE_MASK;
  else
    {
      low = MAX (low, files->device_tree + TREE_ROOM);
      start = ram_end > low && size <= ram_end - low ? (ram_end - size) & VMT_PAGE_MASK : 0;
      if (start < low)
        {
          g_set_error (error, VMT_ERROR, VMT_ERROR_INVALID,
                       "initrd %s has %" G_GUINT64_FORMAT
                       " MiB and does not fit into the memory that the kernel leaves: give the "
                       "machine more memory",
                       path, (size + MIB - 1) / MIB);
          return FALSE;
        }
    }
  if (!vmt_dma_write (vmt_machine_get_address_space (machine), start,
                      g_mapped_file_get_contents (file), size))
    {
      g_set_error (error, VMT_ERROR, VMT_ERROR_FAILED, "initrd %s cannot be written to memory",
                   path);
      return FALSE;
    }
  files->initrd_start = start;
  files->initrd_end = start + size;
  return TRUE;
}

static gboolean
place_device_tree (VmtFirmware *firmware, VmtMachine *machine, VmtBootFiles *files, GError **error)
{
  g_autoptr (GBytes) tree = vmt_firmware_make_device_tree (firmware, machine, files->initrd_start,
                                                           files->initrd_end, error);

  if (tree == NULL)
    return FALSE;
  if (g_bytes_get_size (tree) > TREE_MAX)
    {
      g_set_error (error, VMT_ERROR, VMT_ERROR_UNSUPPORTED,
                   "the machine's device tree has %" G_GSIZE_FORMAT
                   " bytes; kernels take at most %" G_GUINT64_FORMAT,
                   g_bytes_get_size (tree), TREE_MAX);
      return FALSE;
    }
  if (!vmt_dma_write (vmt_machine_get_address_space (machine), files->device_tree,
                      g_bytes_get_data (tree, NULL), g_bytes_get_size (tree)))
    {
      g_set_error (error, VMT_ERROR, VMT_ERROR_INVALID,
                   "the device tree does not fit into memory at 0x%" G_GINT64_MODIFIER
                   "x: give the machine more memory",
                   files->device_tree);
      return FALSE;
    }
  return TRUE;
}

typedef struct
{
  const VmtImage *image;
} Symbols;

/* Whatever device on the board follows a program's tohost and fromhost variables is told where they
 * are. */
static void
tell_symbols (VmtObject *object, gpointer data)
{
  const VmtImage *image = ((Symbols *)data)->image;
  GObjectClass *klass = G_OBJECT_GET_CLASS (object);
  GParamSpec *to = g_object_class_find_property (klass, "tohost");
  GParamSpec *from = g_object_class_find_property (klass, "fromhost");

  if (to != NULL && from != NULL && to->value_type == G_TYPE_UINT64 &&
      from->value_type == G_TYPE_UINT64)
    g_object_set (object, "tohost", image->symbol_tohost, "fromhost", image->symbol_fromhost, NULL);
}

gboolean
vmt_boot_load (VmtFirmware *firmware, VmtMachine *machine, guint64 kernel_base, guint64 device_tree,
               VmtBootFiles *files, GError **error)
{
  const char *kernel = vmt_firmware_get_kernel (firmware);
  const char *initrd = vmt_firmware_get_initrd (firmware);
  guint64 base, size, end;

  *files = (VmtBootFiles){ 0 };
  if (!vmt_boot_get_memory (machine, &base, &size, error))
    return FALSE;
  end = base + size;
  if (kernel != NULL && *kernel != '\0')
    {
      Symbols symbols = { &files->kernel };

      if (!vmt_loader_load (machine, kernel, kernel_base, &files->kernel, error))
        {
          g_prefix_error_literal (error, "kernel ");
          return FALSE;
        }
      if (files->kernel.symbol_tohost != 0)
        vmt_object_visit (VMT_OBJECT (machine), tell_symbols, &symbols);
    }
  if (device_tree == 0)
    device_tree = (MIN (end, base + TREE_TOP) - MIN (size, TREE_ROOM)) & ~(TREE_ROOM - 1);
  files->device_tree = device_tree;
  if (files->kernel.high > device_tree && files->kernel.low < device_tree + TREE_ROOM)
    {
      g_set_error (
          error, VMT_ERROR, VMT_ERROR_INVALID,
          "kernel %s and the device tree need more memory than the machine's %" G_GUINT64_FORMAT
          " MiB: give it more memory",
          kernel, size >> 20);
      return FALSE;
    }
  if (initrd != NULL && *initrd != '\0' && !place_initrd (machine, initrd, end, files, error))
    return FALSE;
  return place_device_tree (firmware, machine, files, error);
}

typedef struct
{
  guint64 entry;
  guint64 arguments[MAX_ARGUMENTS];
  guint n_arguments;
  void (*setup) (VmtCpu *cpu, gpointer data);
  gpointer data;
} Start;

static void
set_up (VmtCpu *cpu, gpointer data)
{
  const Start *start = data;
  const VmtCpuClass *klass = VMT_CPU_GET_CLASS (cpu);

  vmt_cpu_set_register (cpu, klass->pc_register, start->entry);
  for (guint i = 0; i < start->n_arguments && klass->argument_registers[i] != NULL; i++)
    vmt_cpu_set_register (cpu, klass->argument_registers[i], start->arguments[i]);
  if (start->setup != NULL)
    start->setup (cpu, start->data);
}

gboolean
vmt_boot_start_cpu (VmtCpu *cpu, guint64 entry, const guint64 *arguments, guint n_arguments,
                    void (*setup) (VmtCpu *cpu, gpointer data), gpointer data)
{
  Start *start = g_new0 (Start, 1);

  start->entry = entry;
  start->n_arguments = MIN (n_arguments, MAX_ARGUMENTS);
  if (start->n_arguments > 0)
    memcpy (start->arguments, arguments, start->n_arguments * sizeof *arguments);
  start->setup = setup;
  start->data = data;
  return vmt_cpu_start (cpu, set_up, start, g_free);
}
