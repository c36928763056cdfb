/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "vmt-exec-block.h"
#include "vmt-object.h"
#include "vmt-vcpu.h"

G_BEGIN_DECLS

/**
 * VmtTier:
 *
 * A way to execute IR. It knows the ops, VmtVcpu and VmtArchOps; never an architecture.
 */
#define VMT_TYPE_TIER (vmt_tier_get_type ())
G_DECLARE_DERIVABLE_TYPE (VmtTier, vmt_tier, VMT, TIER, VmtObject)

struct _VmtTierClass
{
  VmtObjectClass parent_class;
  /* Whether it works on this host (code memory, processor); the error says why not and what to do. */
  gboolean (*probe) (VmtTier *self, GError **error);
  /* Sets block->entry and tier_data. Any vCPU thread, serialised by the caller. */
  gboolean (*compile) (VmtTier *self, const VmtArchOps *arch, VmtExecBlock *block);
  /* The block is dead and no vCPU is inside. */
  void (*discard) (VmtTier *self, VmtExecBlock *block);
  /* The block has died: vCPUs inside leave it at its next exit; links into it must lead to the run loop. Any thread. */
  void (*kill) (VmtTier *self, VmtExecBlock *block);
  gpointer reserved[8];
};

gboolean vmt_tier_probe (VmtTier *self, GError **error);

G_END_DECLS
