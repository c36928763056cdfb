/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "vmt-tier-interp.h"

#include "interp-private.h"

struct _VmtTierInterp
{
  VmtTier parent_instance;
  InterpCompiler *compiler;
};

G_DEFINE_FINAL_TYPE (VmtTierInterp, vmt_tier_interp, VMT_TYPE_TIER)

static gboolean
vmt_tier_interp_compile (VmtTier *tier, const VmtArchOps *arch, VmtExecBlock *block)
{
  gsize bytes;
  block->tier_data = interp_compile (VMT_TIER_INTERP (tier)->compiler, arch, block, &bytes);
  block->bytes = (guint32)bytes;
  block->entry = interp_enter;
  return TRUE;
}

static void
vmt_tier_interp_discard (VmtTier *tier, VmtExecBlock *block)
{
  if (block->tier_data != NULL)
    interp_stream_free (block->tier_data);
  block->tier_data = NULL;
}

static void
vmt_tier_interp_kill (VmtTier *tier, VmtExecBlock *block)
{
  InterpStream *stream = block->tier_data;
  while (stream->incoming != NULL)
    {
      InterpLink *link = stream->incoming;
      stream->incoming = link->next;
      __atomic_store_n (&link->target, NULL, __ATOMIC_RELEASE);
      link->to = NULL;
      link->next = NULL;
      link->prev = NULL;
    }
  for (guint i = 0; i < stream->n_links; i++)
    {
      InterpLink *link = &stream->links[i];
      if (link->to == NULL)
        continue;
      *link->prev = link->next;
      if (link->next != NULL)
        link->next->prev = link->prev;
      /* A vCPU that is still inside asks its way out. */
      __atomic_store_n (&link->target, NULL, __ATOMIC_RELEASE);
      link->to = NULL;
    }
}

static void
vmt_tier_interp_finalize (GObject *object)
{
  interp_compiler_free (VMT_TIER_INTERP (object)->compiler);
  G_OBJECT_CLASS (vmt_tier_interp_parent_class)->finalize (object);
}

static void
vmt_tier_interp_class_init (VmtTierInterpClass *klass)
{
  G_OBJECT_CLASS (klass)->finalize = vmt_tier_interp_finalize;
  VmtTierClass *tier_class = VMT_TIER_CLASS (klass);
  tier_class->compile = vmt_tier_interp_compile;
  tier_class->discard = vmt_tier_interp_discard;
  tier_class->kill = vmt_tier_interp_kill;
}

static void
vmt_tier_interp_init (VmtTierInterp *self)
{
  self->compiler = interp_compiler_new ();
}

static const VmtFeature features[] = {
  { VMT_FEATURE_TIER, "interp", 10, vmt_tier_interp_get_type },
  { 0 },
};

VMT_PLUGIN_DEFINE (interp, "interp", "Interpreter of threaded IR", VMT_FAST_ABI, features, NULL);
