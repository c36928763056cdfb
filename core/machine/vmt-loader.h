/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "vmt-machine.h"

G_BEGIN_DECLS

/**
 * VmtImage:
 * @entry: guest physical address of the first instruction
 * @low: lowest address written
 * @high: one past the highest address used, BSS included
 * @symbol_tohost: address of the ELF symbol "tohost", or 0; likewise fromhost
 *
 * What a loader put into memory.
 */
typedef struct
{
  guint64 entry, low, high;
  guint64 symbol_tohost, symbol_fromhost;
  gpointer reserved[4];
} VmtImage;

/**
 * VmtLoader:
 *
 * Understands one kind of kernel or firmware file (ELF, raw Image); compression is taken off by vmt_loader_load() before.
 */
#define VMT_TYPE_LOADER (vmt_loader_get_type ())
G_DECLARE_DERIVABLE_TYPE (VmtLoader, vmt_loader, VMT, LOADER, VmtObject)

struct _VmtLoaderClass
{
  VmtObjectClass parent_class;
  /* 0 no, 100 certain. */
  int (*probe) (VmtLoader *self, GBytes *file);
  /* Writes it to the machine's RAM. @base: where, for images that may go anywhere. Errors name what is wrong with the file. */
  gboolean (*load) (VmtLoader *self, VmtMachine *machine, GBytes *file, guint64 base, VmtImage *image, GError **error);
  gpointer reserved[8];
};

/* Reads @path, takes gzip, xz or zstd off (bounded by the machine's RAM), asks the loaders, loads. Errors begin with the path. */
gboolean vmt_loader_load (VmtMachine *machine, const char *path, guint64 base, VmtImage *image, GError **error);
/* The same for a file already in memory. @name: for errors. */
gboolean vmt_loader_load_bytes (VmtMachine *machine, const char *name, GBytes *file, guint64 base, VmtImage *image, GError **error);

/* Decompressors are features of kind "loader" too, named "decompress-*"; they override this. */
#define VMT_TYPE_DECOMPRESSOR (vmt_decompressor_get_type ())
G_DECLARE_DERIVABLE_TYPE (VmtDecompressor, vmt_decompressor, VMT, DECOMPRESSOR, VmtLoader)
struct _VmtDecompressorClass
{
  VmtLoaderClass parent_class;
  GBytes *(*decompress) (VmtDecompressor *self, GBytes *file, guint64 limit, GError **error);
  gpointer reserved[4];
};

G_END_DECLS
