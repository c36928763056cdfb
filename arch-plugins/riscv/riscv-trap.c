/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "riscv-state.h"

/* Enters the handler of a trap: in S-mode when it is delegated and does not come from M-mode. */
void
riscv_trap (RiscvState *r, guint64 cause, guint64 value)
{
  const gboolean interrupt = (cause & RISCV_CAUSE_INTERRUPT) != 0;
  const guint code = cause & 63;
  const guint64 deleg = interrupt ? r->mideleg : r->medeleg;
  guint64 vec;

  if (r->priv <= RISCV_S && (deleg & RISCV_BIT (code)) != 0)
    {
      r->scause = cause;
      r->stval = value;
      r->sepc = r->vcpu.pc;
      r->mstatus &= ~(RISCV_MSTATUS_SPIE | RISCV_MSTATUS_SPP);
      if (r->mstatus & RISCV_MSTATUS_SIE)
        r->mstatus |= RISCV_MSTATUS_SPIE;
      if (r->priv == RISCV_S)
        r->mstatus |= RISCV_MSTATUS_SPP;
      r->mstatus &= ~RISCV_MSTATUS_SIE;
      r->priv = RISCV_S;
      vec = r->stvec;
    }
  else
    {
      r->mcause = cause;
      r->mtval = value;
      r->mepc = r->vcpu.pc;
      r->mstatus &= ~(RISCV_MSTATUS_MPIE | RISCV_MSTATUS_MPP);
      if (r->mstatus & RISCV_MSTATUS_MIE)
        r->mstatus |= RISCV_MSTATUS_MPIE;
      r->mstatus |= (guint64)r->priv << RISCV_MSTATUS_MPP_SHIFT;
      r->mstatus &= ~RISCV_MSTATUS_MIE;
      r->priv = RISCV_M;
      vec = r->mtvec;
    }
  r->vcpu.pc = (vec & ~G_GUINT64_CONSTANT (3)) + ((vec & 1) != 0 && interrupt ? 4 * code : 0);
  riscv_update_mode (&r->vcpu);
}

void
riscv_take_exception (VmtVcpu *vcpu)
{
  RiscvState *r = riscv_state (vcpu);
  const VmtFault fault = vcpu->fault;

  vcpu->fault_pending = 0;
  if (fault.cause == RISCV_CAUSE_ECALL_S && r->firmware != NULL &&
      (r->medeleg & RISCV_BIT (RISCV_CAUSE_ECALL_S)) == 0)
    {
      /* Before the call: the firmware may set the pc. */
      const guint64 pc = vcpu->pc;
      vcpu->pc = pc + 4;
      if (vmt_firmware_call (r->firmware, vcpu->cpu))
        return;
      vcpu->pc = pc;
    }
  riscv_trap (r, fault.cause, fault.value);
}

guint
riscv_find_interrupt (RiscvState *r)
{
  /* In order of priority. */
  static const guint8 order[] = { RISCV_IRQ_MEI, RISCV_IRQ_MSI, RISCV_IRQ_MTI,
                                  RISCV_IRQ_SEI, RISCV_IRQ_SSI, RISCV_IRQ_STI };
  guint64 mask = 0, pending;

  if (r->priv < RISCV_M || (r->mstatus & RISCV_MSTATUS_MIE) != 0)
    mask = r->mie & ~r->mideleg;
  if (r->priv < RISCV_S || (r->priv == RISCV_S && (r->mstatus & RISCV_MSTATUS_SIE) != 0))
    mask |= r->mie & r->mideleg;
  /* Before the clock is asked. */
  if (mask == 0)
    return 0;
  pending = riscv_csr_get_mip (r) & mask;
  /* All that goes to M-mode before all that goes to S-mode. */
  if ((pending & ~r->mideleg) != 0)
    pending &= ~r->mideleg;
  for (guint i = 0; pending != 0 && i < G_N_ELEMENTS (order); i++)
    if ((pending & RISCV_BIT (order[i])) != 0)
      return order[i];
  return 0;
}

gboolean
riscv_take_interrupt (VmtVcpu *vcpu)
{
  const guint number = riscv_find_interrupt (riscv_state (vcpu));

  if (number == 0)
    return FALSE;
  riscv_trap (riscv_state (vcpu), RISCV_CAUSE_INTERRUPT | number, 0);
  return TRUE;
}

/* WFI resumes for anything that is pending and enabled in mie, whatever the global enables say. */
gboolean
riscv_has_work (VmtVcpu *vcpu)
{
  RiscvState *r = riscv_state (vcpu);
  const guint64 mie = RISCV_ATOMIC_LOAD (&r->mie);

  return mie != 0 && (riscv_csr_get_mip (r) & mie) != 0;
}

guint64
riscv_next_deadline (VmtVcpu *vcpu)
{
  RiscvState *r = riscv_state (vcpu);
  const guint64 cmp = RISCV_ATOMIC_LOAD (&r->stimecmp);

  if (cmp == G_MAXUINT64 || (RISCV_ATOMIC_LOAD (&r->menvcfg) & RISCV_ENVCFG_STCE) == 0 ||
      (RISCV_ATOMIC_LOAD (&r->mie) & RISCV_BIT (RISCV_IRQ_STI)) == 0)
    return G_MAXUINT64;
  /* The first nanosecond at which the count is there. */
  const unsigned __int128 ns =
      ((unsigned __int128)cmp * G_GUINT64_CONSTANT (1000000000) + r->config.timebase - 1) /
      r->config.timebase;
  return ns > G_MAXUINT64 ? G_MAXUINT64 : (guint64)ns;
}

guint64
riscv_mret (RiscvState *r)
{
  const guint mpp = r->mstatus >> RISCV_MSTATUS_MPP_SHIFT & 3;

  r->mstatus &= ~(RISCV_MSTATUS_MIE | RISCV_MSTATUS_MPP);
  if (r->mstatus & RISCV_MSTATUS_MPIE)
    r->mstatus |= RISCV_MSTATUS_MIE;
  r->mstatus |= RISCV_MSTATUS_MPIE;
  if (mpp != RISCV_M)
    r->mstatus &= ~RISCV_MSTATUS_MPRV;
  r->priv = mpp;
  riscv_update_mode (&r->vcpu);
  return r->mepc;
}

guint64
riscv_sret (RiscvState *r)
{
  const guint spp = r->mstatus & RISCV_MSTATUS_SPP ? RISCV_S : RISCV_U;

  r->mstatus &= ~(RISCV_MSTATUS_SIE | RISCV_MSTATUS_SPP | RISCV_MSTATUS_MPRV);
  if (r->mstatus & RISCV_MSTATUS_SPIE)
    r->mstatus |= RISCV_MSTATUS_SIE;
  r->mstatus |= RISCV_MSTATUS_SPIE;
  r->priv = spp;
  riscv_update_mode (&r->vcpu);
  return r->sepc;
}
