/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The reference evaluator as a tier: no speed, no links between blocks, one meaning. It boots a
 * guest, slowly; other tiers are compared with it. */
#include "vmt.h"
#include "vmt-fast.h"
#include "vmt-ir-eval.h"

#define VMT_TYPE_TIER_REFERENCE (vmt_tier_reference_get_type ())
G_DECLARE_FINAL_TYPE (VmtTierReference, vmt_tier_reference, VMT, TIER_REFERENCE, VmtTier)

struct _VmtTierReference
{
  VmtTier parent_instance;
};

G_DEFINE_FINAL_TYPE (VmtTierReference, vmt_tier_reference, VMT_TYPE_TIER)

static void
reference_misaligned (VmtVcpu *vcpu, guint64 va, guint size, gboolean store)
{
  vcpu->arch->raise_fault (vcpu, VMT_FAULT_MISALIGNED, va,
                           store ? VMT_ACCESS_STORE : VMT_ACCESS_LOAD);
}

/* Every kind of fence as the strongest. */
static void
reference_fence (VmtVcpu *vcpu, guint predecessor, guint successor)
{
  __atomic_thread_fence (__ATOMIC_SEQ_CST);
}

static void
reference_raise (VmtVcpu *vcpu, guint64 cause, guint64 value)
{
  vmt_vcpu_raise (vcpu, cause, value);
}

static gboolean
reference_fault_pending (VmtVcpu *vcpu)
{
  return vcpu->fault_pending != 0;
}

static void
reference_set_pc (VmtVcpu *vcpu, guint64 pc)
{
  vcpu->pc = pc;
}

static const VmtIrMemOps mem_ops = {
  .load = vmt_vcpu_load,
  .store = vmt_vcpu_store,
  .load_linked = vmt_vcpu_load_linked,
  .store_conditional = vmt_vcpu_store_conditional,
  .amo = vmt_vcpu_amo,
  .load_linked128 = vmt_vcpu_load_linked128,
  .store_conditional128 = vmt_vcpu_store_conditional128,
  .cas = vmt_vcpu_cas,
  .misaligned = reference_misaligned,
  .probe = vmt_vcpu_probe,
  .fence = reference_fence,
  .raise = reference_raise,
  .fault_pending = reference_fault_pending,
  .set_pc = reference_set_pc,
};

/* One block a visit: the run loop looks at requests and interrupts after each. */
static void
reference_enter (VmtVcpu *vcpu, VmtExecBlock *block)
{
  VmtIrEval eval = {
    .vcpu = vcpu,
    .block = block->ir,
    .mem = &mem_ops,
    .page_va = vcpu->pc & VMT_PAGE_MASK,
    .budget = G_MAXINT64,
  };

  vcpu->page_va = eval.page_va;
  switch (vmt_ir_eval_block (&eval))
    {
    case VMT_IR_EVAL_NEXT:
    case VMT_IR_EVAL_JUMP:
    case VMT_IR_EVAL_INDIRECT:
    case VMT_IR_EVAL_EXIT:
      vcpu->icount += eval.insn + 1;
      break;
    case VMT_IR_EVAL_FAULT:
    case VMT_IR_EVAL_BUDGET:
      vcpu->icount += eval.insn;
      break;
    }
  vcpu->pc = eval.pc;
}

static gboolean
vmt_tier_reference_compile (VmtTier *tier, const VmtArchOps *arch, VmtExecBlock *block)
{
  block->entry = reference_enter;
  vmt_exec_block_keep_ir (block);
  block->bytes = block->ir->n_ops * sizeof (VmtIrOp) + block->ir->n_consts * sizeof (VmtIrConst) +
                 block->ir->n_insns * sizeof (VmtIrInsn) + block->ir->n_temps;
  return TRUE;
}

/* The IR is the engine's, and there are no links. */
static void
vmt_tier_reference_nothing (VmtTier *tier, VmtExecBlock *block)
{
}

static void
vmt_tier_reference_class_init (VmtTierReferenceClass *klass)
{
  VmtTierClass *tier_class = VMT_TIER_CLASS (klass);

  tier_class->compile = vmt_tier_reference_compile;
  tier_class->discard = vmt_tier_reference_nothing;
  tier_class->kill = vmt_tier_reference_nothing;
}

static void
vmt_tier_reference_init (VmtTierReference *self)
{
}

static const VmtFeature features[] = {
  { VMT_FEATURE_TIER, "reference", -100, vmt_tier_reference_get_type, NULL },
  { .name = NULL },
};

VMT_PLUGIN_DEFINE (reference, "reference", "Reference evaluator of the IR: slow, for comparison",
                   VMT_FAST_ABI, features, NULL);
