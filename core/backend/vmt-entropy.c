/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "vmt-entropy.h"

G_DEFINE_ABSTRACT_TYPE (VmtEntropy, vmt_entropy, VMT_TYPE_BACKEND)

static void
vmt_entropy_class_init (VmtEntropyClass *klass)
{
}

static void
vmt_entropy_init (VmtEntropy *self)
{
}

/**
 * vmt_entropy_fill:
 *
 * Returns: FALSE when the source failed; @buffer is then not to be used
 */
gboolean
vmt_entropy_fill (VmtEntropy *self, guint8 *buffer, gsize size)
{
  return VMT_ENTROPY_GET_CLASS (self)->fill (self, buffer, size);
}
