/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "riscv-helpers.h"
#include "riscv-state.h"

static guint64
illegal (VmtVcpu *vcpu, guint64 word)
{
  vmt_vcpu_raise (vcpu, RISCV_CAUSE_ILLEGAL, (guint32)word);
  return 0;
}

static guint64
helper_csr (VmtVcpu *vcpu, guint64 info, guint64 value, guint64 word)
{
  RiscvState *r = riscv_state (vcpu);
  const RiscvCsr *csr = &riscv_csrs[info & 0xffff];
  const gboolean write = info >> 21 & 1;
  const guint64 mode = vcpu->mode_key;
  guint64 old = 0;

  if (!riscv_csr_access (r, csr, (RiscvCsrOp)(info >> 16 & 3), value, info >> 20 & 1, write, &old))
    return illegal (vcpu, word);
  /* The block's end is a plain jump: to the next block only if nothing has changed for it. */
  if (write && (vcpu->mode_key != mode ||
                ((csr->flags & RISCV_CSR_JUMP) != 0 && riscv_find_interrupt (r) != 0)))
    vmt_vcpu_request (vcpu, VMT_VCPU_RELOOKUP);
  return old;
}

/* A return is an indirect jump, whose target is looked up under the new mode key and TLB bank. What
 * is left are interrupts that the new mode lets through. */
static guint64
leave (RiscvState *r, guint64 pc)
{
  if (riscv_find_interrupt (r) != 0)
    vmt_vcpu_request (&r->vcpu, VMT_VCPU_INTERRUPT);
  return pc;
}

static guint64
helper_sret (VmtVcpu *vcpu, guint64 word, guint64 b, guint64 c)
{
  RiscvState *r = riscv_state (vcpu);

  if (r->priv == RISCV_S && (r->mstatus & RISCV_MSTATUS_TSR) != 0)
    return illegal (vcpu, word);
  return leave (r, riscv_sret (r));
}

static guint64
helper_mret (VmtVcpu *vcpu, guint64 word, guint64 b, guint64 c)
{
  RiscvState *r = riscv_state (vcpu);

  return leave (r, riscv_mret (r));
}

static guint64
helper_wfi (VmtVcpu *vcpu, guint64 word, guint64 b, guint64 c)
{
  RiscvState *r = riscv_state (vcpu);

  if (r->priv != RISCV_M && (r->mstatus & RISCV_MSTATUS_TW) != 0)
    return illegal (vcpu, word);
  vmt_vcpu_wait (vcpu);
  return 0;
}

/* There may be more harts than host processors: who spins lets others run. */
static guint64
helper_pause (VmtVcpu *vcpu, guint64 a, guint64 b, guint64 c)
{
  g_thread_yield ();
  return 0;
}

static guint64
helper_wrs (VmtVcpu *vcpu, guint64 no_limit, guint64 word, guint64 c)
{
  RiscvState *r = riscv_state (vcpu);

  if (no_limit && r->priv != RISCV_M && (r->mstatus & RISCV_MSTATUS_TW) != 0)
    return illegal (vcpu, word);
  if (__atomic_load_n (&vcpu->reserve_addr, __ATOMIC_ACQUIRE) != G_MAXUINT64)
    g_thread_yield ();
  return 0;
}

static guint64
helper_sfence (VmtVcpu *vcpu, guint64 va, guint64 asid, guint64 info)
{
  RiscvState *r = riscv_state (vcpu);
  const gboolean has_va = (info >> 32 & 1) != 0, has_asid = (info >> 33 & 1) != 0;

  if (r->priv == RISCV_S && (r->mstatus & RISCV_MSTATUS_TVM) != 0)
    return illegal (vcpu, info);
  if (has_va)
    vmt_tlb_flush_page (vcpu, va & VMT_PAGE_MASK, asid & 0xffff, !has_asid);
  else if (has_asid)
    vmt_tlb_flush_asid (vcpu, asid & 0xffff);
  else
    vmt_tlb_flush_all (vcpu);
  return 0;
}

/* The most restrictive of the levels above decides (menvcfg for S, both for U). */
static gboolean
cbo_allowed (RiscvState *r, guint64 bits)
{
  if (r->priv != RISCV_M && (r->menvcfg & bits) == 0)
    return FALSE;
  return r->priv != RISCV_U || (r->senvcfg & bits) != 0;
}

/* A management operation needs no more than read access, but its exceptions are a store's. */
static gboolean
cbo_check (VmtVcpu *vcpu, guint64 va)
{
  VmtTranslation t;
  const guint64 line = va & ~(guint64)(riscv_state (vcpu)->config.cbom_size - 1);

  if (riscv_translate (vcpu, line, 1, VMT_ACCESS_LOAD, &t))
    return TRUE;
  riscv_raise_fault (
      vcpu, vcpu->fault.cause == RISCV_CAUSE_LOAD_ACCESS ? VMT_FAULT_ACCESS : VMT_FAULT_PAGE, va,
      VMT_ACCESS_STORE);
  return FALSE;
}

static guint64
helper_cbo (VmtVcpu *vcpu, guint64 va, guint64 kind, guint64 word)
{
  RiscvState *r = riscv_state (vcpu);

  switch (kind)
    {
    case RISCV_CBO_ZERO:
      {
        const guint block = r->config.cboz_size;
        const guint64 line = va & ~(guint64)(block - 1);
        guint size = block;

        if (!cbo_allowed (r, RISCV_ENVCFG_CBZE))
          return illegal (vcpu, word);
        gpointer host = vmt_vcpu_map (vcpu, line, &size, VMT_ACCESS_STORE);
        if (host != NULL && size == block)
          memset (host, 0, block);
        else if (!vcpu->fault_pending)
          for (guint i = 0; i < block; i += 8)
            if (!vmt_vcpu_store (vcpu, line + i, 8, 0, 0))
              break;
        /* The address reported is the one given, not the block's. */
        if (vcpu->fault_pending)
          vcpu->fault.value = va;
        return 0;
      }
    case RISCV_CBO_INVAL:
      if (!cbo_allowed (r, RISCV_ENVCFG_CBIE))
        return illegal (vcpu, word);
      break;
    case RISCV_CBO_CLEAN:
    case RISCV_CBO_FLUSH:
      if (!cbo_allowed (r, RISCV_ENVCFG_CBCFE))
        return illegal (vcpu, word);
      break;
    }
  cbo_check (vcpu, va);
  return 0;
}

static guint64
helper_fs_dirty (VmtVcpu *vcpu, guint64 a, guint64 b, guint64 c)
{
  riscv_state (vcpu)->mstatus |= RISCV_MSTATUS_FS;
  riscv_update_mode (vcpu);
  return 0;
}

static guint64
helper_misaligned_jump (VmtVcpu *vcpu, guint64 taken, guint64 target, guint64 c)
{
  if (taken)
    vmt_vcpu_raise (vcpu, RISCV_CAUSE_FETCH_MISALIGNED, target);
  return 0;
}

static guint64
helper_get_fflags (VmtVcpu *vcpu, guint64 a, guint64 b, guint64 c)
{
  return riscv_state (vcpu)->fp.flags & 31;
}

static guint64
helper_set_fflags (VmtVcpu *vcpu, guint64 a, guint64 b, guint64 c)
{
  riscv_state (vcpu)->fp.flags = a & 31;
  return 0;
}

#define STATE (VMT_HELPER_READS | VMT_HELPER_WRITES)

const VmtIrHelper riscv_helpers[] = {
  [RISCV_HELPER_CSR] = { "csr", helper_csr, STATE | VMT_HELPER_FAULTS | VMT_HELPER_PC },
  [RISCV_HELPER_SRET] = { "sret", helper_sret, STATE | VMT_HELPER_FAULTS },
  [RISCV_HELPER_MRET] = { "mret", helper_mret, STATE },
  [RISCV_HELPER_WFI] = { "wfi", helper_wfi, STATE | VMT_HELPER_FAULTS },
  [RISCV_HELPER_WRS] = { "wrs", helper_wrs, STATE | VMT_HELPER_FAULTS },
  [RISCV_HELPER_PAUSE] = { "pause", helper_pause, STATE },
  [RISCV_HELPER_SFENCE] = { "sfence", helper_sfence, STATE | VMT_HELPER_FAULTS },
  [RISCV_HELPER_CBO] = { "cbo", helper_cbo, STATE | VMT_HELPER_FAULTS },
  [RISCV_HELPER_FS_DIRTY] = { "fs_dirty", helper_fs_dirty, STATE },
  [RISCV_HELPER_MISALIGNED_JUMP] = { "misaligned_jump", helper_misaligned_jump, VMT_HELPER_FAULTS },
  [RISCV_HELPER_GET_FFLAGS] = { "get_fflags", helper_get_fflags,
                                VMT_HELPER_READS | VMT_HELPER_GET_FP_FLAGS },
  [RISCV_HELPER_SET_FFLAGS] = { "set_fflags", helper_set_fflags, VMT_HELPER_SET_FP_FLAGS },
};
