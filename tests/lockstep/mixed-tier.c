/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "mixed-tier.h"

#include "lockstep-random.h"

#define MIXED_TYPE_TIER (mixed_tier_get_type ())
G_DECLARE_FINAL_TYPE (MixedTier, mixed_tier, MIXED, TIER, VmtTier)

struct _MixedTier
{
  VmtTier parent_instance;
  VmtTier *tiers[2];
  LockstepRandom random;
  GHashTable *owners; /* VmtExecBlock -> VmtTier; all calls are under the engine's code lock */
};

G_DEFINE_FINAL_TYPE (MixedTier, mixed_tier, VMT_TYPE_TIER)

static gboolean
mixed_tier_compile (VmtTier *tier, const VmtArchOps *arch, VmtExecBlock *block)
{
  MixedTier *self = MIXED_TIER (tier);
  VmtTier *owner = self->tiers[lockstep_random_below (&self->random, 2)];

  g_hash_table_insert (self->owners, block, owner);
  return vmt_tier_compile (owner, arch, block);
}

static void
mixed_tier_kill (VmtTier *tier, VmtExecBlock *block)
{
  vmt_tier_kill (g_hash_table_lookup (MIXED_TIER (tier)->owners, block), block);
}

static void
mixed_tier_discard (VmtTier *tier, VmtExecBlock *block)
{
  MixedTier *self = MIXED_TIER (tier);

  vmt_tier_discard (g_hash_table_lookup (self->owners, block), block);
  g_hash_table_remove (self->owners, block);
}

static void
mixed_tier_finalize (GObject *object)
{
  MixedTier *self = MIXED_TIER (object);

  g_hash_table_unref (self->owners);
  g_object_unref (self->tiers[0]);
  g_object_unref (self->tiers[1]);
  G_OBJECT_CLASS (mixed_tier_parent_class)->finalize (object);
}

static void
mixed_tier_class_init (MixedTierClass *klass)
{
  VmtTierClass *tier_class = VMT_TIER_CLASS (klass);

  G_OBJECT_CLASS (klass)->finalize = mixed_tier_finalize;
  tier_class->compile = mixed_tier_compile;
  tier_class->kill = mixed_tier_kill;
  tier_class->discard = mixed_tier_discard;
}

static void
mixed_tier_init (MixedTier *self)
{
  self->owners = g_hash_table_new (NULL, NULL);
}

VmtTier *
mixed_tier_new (VmtTier *first, VmtTier *second, guint64 seed)
{
  MixedTier *self = g_object_new (MIXED_TYPE_TIER, NULL);

  self->tiers[0] = g_object_ref (first);
  self->tiers[1] = g_object_ref (second);
  self->random.state = seed;
  return VMT_TIER (self);
}
