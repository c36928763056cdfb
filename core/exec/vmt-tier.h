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

/* Host code of a block: it stays while the block lives. */
typedef struct
{
  gconstpointer code;
  gsize size;
} VmtTierCode;

/* Something that was counted, for people. */
typedef void (*VmtCounterFunc) (const char *name, guint64 value, gpointer data);

struct _VmtTierClass
{
  VmtObjectClass parent_class;
  /* Whether it works on this host (code memory, processor); the error says why not and what to do.
   */
  gboolean (*probe) (VmtTier *self, GError **error);
  /* Sets block->entry, tier_data and bytes. Any vCPU thread, serialised by the caller. Does not
   * fail for any verified IR. */
  gboolean (*compile) (VmtTier *self, const VmtArchOps *arch, VmtExecBlock *block);
  /* The block is dead and no vCPU is inside. */
  void (*discard) (VmtTier *self, VmtExecBlock *block);
  /* The block has died: links into it and out of it are broken, so that nobody enters it any more;
   * vCPUs inside may finish the pass that they are in. Any thread, with the code lock held. */
  void (*kill) (VmtTier *self, VmtExecBlock *block);
  /* (nullable): for people: FALSE when the block has no code of its own. @block NULL: code that
   * blocks share. @at: (element-type
   * guint32) (nullable): gets the offsets at which the instructions' code begins, and the one of
   * what is shared by several; or stays empty. With the code lock. */
  gboolean (*get_code) (VmtTier *self, const VmtExecBlock *block, VmtTierCode *code, GArray *at);
  /* (nullable): what it has counted of code of @arch since it was made. Any thread. */
  void (*visit_counters) (VmtTier *self, const VmtArchOps *arch, VmtCounterFunc func,
                          gpointer data);
  /* (nullable): so many vCPUs are going to run, and only they execute and compile; none does yet.
   * Until it is told, and of each number but 1, a tier takes it that some execute while another one
   * compiles. */
  void (*set_n_vcpus) (VmtTier *self, guint n_vcpus);
  gpointer reserved[5];
};

gboolean vmt_tier_probe (VmtTier *self, GError **error);
gboolean vmt_tier_compile (VmtTier *self, const VmtArchOps *arch, VmtExecBlock *block);
void vmt_tier_discard (VmtTier *self, VmtExecBlock *block);
void vmt_tier_kill (VmtTier *self, VmtExecBlock *block);
gboolean vmt_tier_get_code (VmtTier *self, const VmtExecBlock *block, VmtTierCode *code,
                            GArray *at);
void vmt_tier_visit_counters (VmtTier *self, const VmtArchOps *arch, VmtCounterFunc func,
                              gpointer data);
void vmt_tier_set_n_vcpus (VmtTier *self, guint n_vcpus);

G_END_DECLS
