/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "vmt-tier.h"

G_DEFINE_ABSTRACT_TYPE (VmtTier, vmt_tier, VMT_TYPE_OBJECT)

static gboolean
vmt_tier_real_probe (VmtTier *self, GError **error)
{
  return TRUE;
}

static void
vmt_tier_class_init (VmtTierClass *klass)
{
  klass->probe = vmt_tier_real_probe;
}

static void
vmt_tier_init (VmtTier *self)
{
}

/**
 * vmt_tier_probe:
 *
 * Returns: whether the tier works on this host; the error says why not and what to do
 */
gboolean
vmt_tier_probe (VmtTier *self, GError **error)
{
  return VMT_TIER_GET_CLASS (self)->probe (self, error);
}

gboolean
vmt_tier_compile (VmtTier *self, const VmtArchOps *arch, VmtExecBlock *block)
{
  return VMT_TIER_GET_CLASS (self)->compile (self, arch, block);
}

void
vmt_tier_discard (VmtTier *self, VmtExecBlock *block)
{
  VMT_TIER_GET_CLASS (self)->discard (self, block);
}

void
vmt_tier_kill (VmtTier *self, VmtExecBlock *block)
{
  VMT_TIER_GET_CLASS (self)->kill (self, block);
}

gboolean
vmt_tier_get_code (VmtTier *self, const VmtExecBlock *block, VmtTierCode *code, GArray *at)
{
  VmtTierClass *klass = VMT_TIER_GET_CLASS (self);
  return klass->get_code != NULL && klass->get_code (self, block, code, at);
}

void
vmt_tier_visit_counters (VmtTier *self, const VmtArchOps *arch, VmtCounterFunc func, gpointer data)
{
  VmtTierClass *klass = VMT_TIER_GET_CLASS (self);
  if (klass->visit_counters != NULL)
    klass->visit_counters (self, arch, func, data);
}

void
vmt_tier_set_n_vcpus (VmtTier *self, guint n_vcpus)
{
  VmtTierClass *klass = VMT_TIER_GET_CLASS (self);
  if (klass->set_n_vcpus != NULL)
    klass->set_n_vcpus (self, n_vcpus);
}
