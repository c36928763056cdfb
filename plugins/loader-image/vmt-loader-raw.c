/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "vmt-loader-raw.h"

struct _VmtLoaderRaw
{
  VmtLoader parent_instance;
};

G_DEFINE_FINAL_TYPE (VmtLoaderRaw, vmt_loader_raw, VMT_TYPE_LOADER)

static gboolean
is_ram (VmtMachine *machine, guint64 address, guint64 size)
{
  guint64 base;
  VmtRam *ram;

  for (guint i = 0; (ram = vmt_machine_get_ram (machine, i, &base)) != NULL; i++)
    if (address >= base && address - base < ram->size && size <= ram->size - (address - base))
      return TRUE;
  return FALSE;
}

gboolean
vmt_loader_raw_place (VmtMachine *machine, GBytes *file, guint64 address, guint64 size,
                      VmtImage *image, GError **error)
{
  gsize file_size;
  gconstpointer data = g_bytes_get_data (file, &file_size);

  if (!is_ram (machine, address, size) ||
      !vmt_dma_write (vmt_machine_get_address_space (machine), address, data, file_size))
    {
      g_set_error (error, VMT_ERROR, VMT_ERROR_INVALID,
                   "it needs %" G_GUINT64_FORMAT " KiB of memory at 0x%" G_GINT64_MODIFIER
                   "x, which this machine does not have: give it more memory",
                   (size >> 10) + 1, address);
      return FALSE;
    }
  *image = (VmtImage){ .entry = address, .low = address, .high = address + size };
  return TRUE;
}

static int
vmt_loader_raw_probe (VmtLoader *loader, GBytes *file)
{
  return 0;
}

static gboolean
vmt_loader_raw_load (VmtLoader *loader, VmtMachine *machine, GBytes *file, guint64 base,
                     VmtImage *image, GError **error)
{
  if (g_bytes_get_size (file) == 0)
    {
      g_set_error_literal (error, VMT_ERROR, VMT_ERROR_INVALID, "it is empty");
      return FALSE;
    }
  return vmt_loader_raw_place (machine, file, base, g_bytes_get_size (file), image, error);
}

static void
vmt_loader_raw_class_init (VmtLoaderRawClass *klass)
{
  VMT_LOADER_CLASS (klass)->probe = vmt_loader_raw_probe;
  VMT_LOADER_CLASS (klass)->load = vmt_loader_raw_load;
}

static void
vmt_loader_raw_init (VmtLoaderRaw *self)
{
}
