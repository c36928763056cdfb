/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "vmt-loader.h"

G_DEFINE_ABSTRACT_TYPE (VmtDecompressor, vmt_decompressor, VMT_TYPE_LOADER)

static void
vmt_decompressor_init (VmtDecompressor *self)
{
  (void)self;
}

static void
vmt_decompressor_class_init (VmtDecompressorClass *klass)
{
  (void)klass;
}
