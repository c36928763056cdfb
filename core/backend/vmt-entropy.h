/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "vmt-backend.h"

G_BEGIN_DECLS

/* A source of random bytes for the guest. */
#define VMT_TYPE_ENTROPY (vmt_entropy_get_type ())
G_DECLARE_DERIVABLE_TYPE (VmtEntropy, vmt_entropy, VMT, ENTROPY, VmtBackend)

struct _VmtEntropyClass
{
  VmtBackendClass parent_class;
  /* Fills all of it without blocking for long; FALSE when the source failed. Any thread. */
  gboolean (*fill) (VmtEntropy *self, guint8 *buffer, gsize size);
  gpointer reserved[4];
};

gboolean vmt_entropy_fill (VmtEntropy *self, guint8 *buffer, gsize size);

G_END_DECLS
