/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "baseline.h"

#define VMT_TYPE_TIER_BASELINE (vmt_tier_baseline_get_type ())
G_DECLARE_FINAL_TYPE (VmtTierBaseline, vmt_tier_baseline, VMT, TIER_BASELINE, VmtTier)

#define CODE_SIZE (64 << 20)

struct _VmtTierBaseline
{
  VmtTier parent_instance;
  BaselineCode *code; /* (nullable): made by the first block */
  gboolean quiet;     /* there is one vCPU */
  BaselineBuffers buffers;
};

G_DEFINE_FINAL_TYPE (VmtTierBaseline, vmt_tier_baseline, VMT_TYPE_TIER)

static gboolean
vmt_tier_baseline_probe (VmtTier *tier, GError **error)
{
  if (!baseline_host_probe (error))
    return FALSE;
  if (vmt_host_get_code_memory () != VMT_HOST_CODE_NONE)
    return TRUE;
  g_set_error (error, VMT_ERROR, VMT_ERROR_UNSUPPORTED,
               "there is no memory for code made at run time (%s); an interpreter needs none",
               vmt_host_get_code_memory_reason ());
  return FALSE;
}

static void
make_code (VmtTierBaseline *self)
{
  BaselineCode *code = baseline_code_new (vmt_host_get_code_memory (), CODE_SIZE, NULL);
  if (code == NULL)
    return;
  baseline_code_set_quiet (code, self->quiet);
  __atomic_store_n (&self->code, code, __ATOMIC_RELEASE);
}

/* Without room for code, the evaluator executes the block: the oldest are soon evicted. It does so
 * with all blocks when the host takes no code any more. */
static gboolean
vmt_tier_baseline_compile (VmtTier *tier, const VmtArchOps *arch, VmtExecBlock *block)
{
  VmtTierBaseline *self = VMT_TIER_BASELINE (tier);
  if (self->code == NULL)
    make_code (self);
  if (self->code != NULL && !baseline_code_is_lost (self->code) &&
      baseline_code_make_stubs (self->code, arch, NULL) &&
      baseline_compile (self->code, &self->buffers, arch, block))
    return TRUE;
  block->entry = baseline_enter_eval;
  block->code =
      self->code != NULL ? baseline_code_get_stub (self->code, BASELINE_STUB_LEAVE) : NULL;
  vmt_exec_block_keep_ir (block);
  block->bytes = block->ir->n_ops * sizeof (VmtIrOp);
  return TRUE;
}

static void
vmt_tier_baseline_discard (VmtTier *tier, VmtExecBlock *block)
{
  VmtTierBaseline *self = VMT_TIER_BASELINE (tier);
  if (block->tier_data != NULL)
    baseline_block_free (self->code, block->tier_data);
  block->tier_data = NULL;
}

static void
vmt_tier_baseline_kill (VmtTier *tier, VmtExecBlock *block)
{
  if (block->tier_data != NULL)
    baseline_unlink (block->tier_data);
}

static gboolean
vmt_tier_baseline_get_code (VmtTier *tier, const VmtExecBlock *block, VmtTierCode *code, GArray *at)
{
  if (block == NULL)
    {
      const BaselineCode *shared = VMT_TIER_BASELINE (tier)->code;
      code->code = shared != NULL ? baseline_code_get_stubs (shared, &code->size) : NULL;
      return code->code != NULL;
    }
  const BaselineBlock *self = block->tier_data;
  if (self == NULL)
    return FALSE;
  code->code = self->code;
  code->size = self->code_size;
  /* one that the evaluator executes has no places */
  for (guint i = 0; at != NULL && self->insns[self->n_insns].at != 0 && i <= self->n_insns; i++)
    g_array_append_val (at, self->insns[i].at);
  return TRUE;
}

static void
vmt_tier_baseline_visit_counters (VmtTier *tier, const VmtArchOps *arch, VmtCounterFunc func,
                                  gpointer data)
{
  BaselineCode *code = __atomic_load_n (&VMT_TIER_BASELINE (tier)->code, __ATOMIC_ACQUIRE);
  if (code != NULL)
    baseline_code_visit_counters (code, arch, func, data);
}

static void
vmt_tier_baseline_set_n_vcpus (VmtTier *tier, guint n_vcpus)
{
  VmtTierBaseline *self = VMT_TIER_BASELINE (tier);
  self->quiet = n_vcpus == 1;
  if (self->code != NULL)
    baseline_code_set_quiet (self->code, self->quiet);
}

static void
vmt_tier_baseline_finalize (GObject *object)
{
  VmtTierBaseline *self = VMT_TIER_BASELINE (object);
  g_clear_pointer (&self->code, baseline_code_free);
  baseline_buffers_clear (&self->buffers);
  G_OBJECT_CLASS (vmt_tier_baseline_parent_class)->finalize (object);
}

static void
vmt_tier_baseline_class_init (VmtTierBaselineClass *klass)
{
  VmtTierClass *tier_class = VMT_TIER_CLASS (klass);
  G_OBJECT_CLASS (klass)->finalize = vmt_tier_baseline_finalize;
  tier_class->probe = vmt_tier_baseline_probe;
  tier_class->compile = vmt_tier_baseline_compile;
  tier_class->discard = vmt_tier_baseline_discard;
  tier_class->kill = vmt_tier_baseline_kill;
  tier_class->get_code = vmt_tier_baseline_get_code;
  tier_class->visit_counters = vmt_tier_baseline_visit_counters;
  tier_class->set_n_vcpus = vmt_tier_baseline_set_n_vcpus;
}

static void
vmt_tier_baseline_init (VmtTierBaseline *self)
{
  baseline_buffers_init (&self->buffers);
}

static const VmtFeature features[] = {
  { VMT_FEATURE_TIER, "baseline", 20, vmt_tier_baseline_get_type, NULL },
  { .name = NULL },
};

VMT_PLUGIN_DEFINE (baseline, "baseline", "One-pass compiler of IR to host code", VMT_FAST_ABI,
                   features, NULL);
