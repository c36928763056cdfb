/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "riscv-state.h"

/* Registers that are plain storage; mask: the bits that can be written. */
#define RISCV_CSR_FIELD(name, member, mask)                                                        \
  static guint64 get_##name (RiscvState *r, guint arg)                                             \
  {                                                                                                \
    return r->member;                                                                              \
  }                                                                                                \
  static void set_##name (RiscvState *r, guint arg, guint64 value)                                 \
  {                                                                                                \
    r->member = value & (mask);                                                                    \
  }

RISCV_CSR_FIELD (sscratch, sscratch, G_MAXUINT64)
RISCV_CSR_FIELD (mscratch, mscratch, G_MAXUINT64)
RISCV_CSR_FIELD (scause, scause, G_MAXUINT64)
RISCV_CSR_FIELD (mcause, mcause, G_MAXUINT64)
RISCV_CSR_FIELD (stval, stval, G_MAXUINT64)
RISCV_CSR_FIELD (mtval, mtval, G_MAXUINT64)
RISCV_CSR_FIELD (scounteren, scounteren, G_MAXUINT32)
RISCV_CSR_FIELD (mcounteren, mcounteren, G_MAXUINT32)
/* Bit 1 of a vector (the upper half of its mode) is always 0. */
RISCV_CSR_FIELD (stvec, stvec, ~G_GUINT64_CONSTANT (2))
RISCV_CSR_FIELD (mtvec, mtvec, ~G_GUINT64_CONSTANT (2))
/* Every exception but ecall from M-mode, double trap and the reserved ones. */
RISCV_CSR_FIELD (medeleg, medeleg, G_GUINT64_CONSTANT (0xb3ff))
RISCV_CSR_FIELD (mideleg, mideleg, RISCV_MIP_S)

static guint64
get_zero (RiscvState *r, guint arg)
{
  return 0;
}

static guint64
get_tinfo (RiscvState *r, guint arg)
{
  return 1; /* only type 0 */
}

static guint64
get_mhartid (RiscvState *r, guint arg)
{
  return r->vcpu.index;
}

static guint64
get_misa (RiscvState *r, guint arg)
{
  return riscv_config_get_misa (&r->config);
}

/* Exception program counters hold what can be an instruction's address. */
static guint64
epc_mask (RiscvState *r)
{
  return r->config.ext & RISCV_EXT_C ? ~G_GUINT64_CONSTANT (1) : ~G_GUINT64_CONSTANT (3);
}

static guint64
get_sepc (RiscvState *r, guint arg)
{
  return r->sepc & epc_mask (r);
}

static void
set_sepc (RiscvState *r, guint arg, guint64 value)
{
  r->sepc = value & epc_mask (r);
}

static guint64
get_mepc (RiscvState *r, guint arg)
{
  return r->mepc & epc_mask (r);
}

static void
set_mepc (RiscvState *r, guint arg, guint64 value)
{
  r->mepc = value & epc_mask (r);
}

/* Floating point. */

static void
dirty_fs (RiscvState *r)
{
  r->mstatus |= RISCV_MSTATUS_FS;
  riscv_update_mode (&r->vcpu);
}

static guint64
get_fflags (RiscvState *r, guint arg)
{
  return r->fp.flags & 31;
}

static void
set_fflags (RiscvState *r, guint arg, guint64 value)
{
  r->fp.flags = value & 31;
  dirty_fs (r);
}

static guint64
get_frm (RiscvState *r, guint arg)
{
  return r->fp.round;
}

static void
set_frm (RiscvState *r, guint arg, guint64 value)
{
  r->fp.round = value & 7;
  dirty_fs (r);
}

static guint64
get_fcsr (RiscvState *r, guint arg)
{
  return (guint64)r->fp.round << 5 | (r->fp.flags & 31);
}

static void
set_fcsr (RiscvState *r, guint arg, guint64 value)
{
  r->fp.flags = value & 31;
  r->fp.round = value >> 5 & 7;
  dirty_fs (r);
}

/* Status. */

guint64
riscv_csr_get_mstatus (RiscvState *r, guint arg)
{
  guint64 value = r->mstatus | RISCV_MSTATUS_UXL | RISCV_MSTATUS_SXL;

  if ((value & RISCV_MSTATUS_FS) == RISCV_MSTATUS_FS)
    value |= RISCV_MSTATUS_SD;
  return value;
}
#define get_mstatus riscv_csr_get_mstatus

void
riscv_csr_set_mstatus (RiscvState *r, guint arg, guint64 value)
{
  guint64 mask = RISCV_MSTATUS_SIE | RISCV_MSTATUS_MIE | RISCV_MSTATUS_SPIE | RISCV_MSTATUS_MPIE |
                 RISCV_MSTATUS_SPP | RISCV_MSTATUS_MPRV | RISCV_MSTATUS_SUM | RISCV_MSTATUS_MXR |
                 RISCV_MSTATUS_TVM | RISCV_MSTATUS_TW | RISCV_MSTATUS_TSR;

  if (r->config.ext & RISCV_EXT_F)
    mask |= RISCV_MSTATUS_FS;
  /* Mode 2 does not exist: the field keeps what it held. */
  if ((value >> RISCV_MSTATUS_MPP_SHIFT & 3) != 2)
    mask |= RISCV_MSTATUS_MPP;
  const guint64 old = r->mstatus;
  r->mstatus = (old & ~mask) | (value & mask);
  /* Interrupt enables are the common case and change no key. */
  if (((old ^ r->mstatus) & (RISCV_MSTATUS_FS | RISCV_MSTATUS_MPRV | RISCV_MSTATUS_MPP |
                             RISCV_MSTATUS_SUM | RISCV_MSTATUS_MXR)) != 0)
    riscv_update_mode (&r->vcpu);
}
#define set_mstatus riscv_csr_set_mstatus

#define SSTATUS_READ (RISCV_SSTATUS_MASK | RISCV_MSTATUS_UXL | RISCV_MSTATUS_SD)

static guint64
get_sstatus (RiscvState *r, guint arg)
{
  return riscv_csr_get_mstatus (r, 0) & SSTATUS_READ;
}

static void
set_sstatus (RiscvState *r, guint arg, guint64 value)
{
  riscv_csr_set_mstatus (r, 0, (r->mstatus & ~RISCV_SSTATUS_MASK) | (value & RISCV_SSTATUS_MASK));
}

/* Interrupts. */

guint64
riscv_get_ticks (RiscvState *r)
{
  return (guint64)((unsigned __int128)vmt_vcpu_get_time (&r->vcpu) * r->config.timebase /
                   G_GUINT64_CONSTANT (1000000000));
}

/* Any thread. With Sstc on the supervisor's timer bit is the comparator's output and nothing else.
 */
guint64
riscv_csr_get_mip (RiscvState *r)
{
  guint64 mip = RISCV_ATOMIC_LOAD (&r->mip_soft) |
                (RISCV_ATOMIC_LOAD (&r->lines) & ~RISCV_BIT (RISCV_IRQ_SSI));

  if (RISCV_ATOMIC_LOAD (&r->menvcfg) & RISCV_ENVCFG_STCE)
    {
      const guint64 cmp = RISCV_ATOMIC_LOAD (&r->stimecmp);
      mip &= ~RISCV_BIT (RISCV_IRQ_STI);
      if (cmp != G_MAXUINT64 && riscv_get_ticks (r) >= cmp)
        mip |= RISCV_BIT (RISCV_IRQ_STI);
    }
  return mip;
}

static guint64
get_mip (RiscvState *r, guint arg)
{
  return riscv_csr_get_mip (r);
}

static void
write_mip (RiscvState *r, guint64 mask, guint64 value)
{
  if (r->menvcfg & RISCV_ENVCFG_STCE)
    mask &= ~RISCV_BIT (RISCV_IRQ_STI);
  __atomic_fetch_and (&r->mip_soft, ~mask | value, __ATOMIC_SEQ_CST);
  __atomic_fetch_or (&r->mip_soft, value & mask, __ATOMIC_SEQ_CST);
}

static void
set_mip (RiscvState *r, guint arg, guint64 value)
{
  write_mip (r, RISCV_MIP_S, value);
}

static guint64
get_sip (RiscvState *r, guint arg)
{
  return riscv_csr_get_mip (r) & r->mideleg;
}

static void
set_sip (RiscvState *r, guint arg, guint64 value)
{
  write_mip (r, r->mideleg & RISCV_BIT (RISCV_IRQ_SSI), value);
}

static guint64
get_mie (RiscvState *r, guint arg)
{
  return r->mie;
}

static void
set_mie (RiscvState *r, guint arg, guint64 value)
{
  const guint64 old = r->mie;

  RISCV_ATOMIC_STORE (&r->mie, value & RISCV_MIP_ALL);
  if (((old ^ r->mie) & RISCV_BIT (RISCV_IRQ_STI)) != 0)
    vmt_vcpu_deadline_changed (&r->vcpu);
}

static guint64
get_sie (RiscvState *r, guint arg)
{
  return r->mie & r->mideleg;
}

static void
set_sie (RiscvState *r, guint arg, guint64 value)
{
  set_mie (r, 0, (r->mie & ~r->mideleg) | (value & r->mideleg));
}

static guint64
get_stimecmp (RiscvState *r, guint arg)
{
  return r->stimecmp;
}

static void
set_stimecmp (RiscvState *r, guint arg, guint64 value)
{
  RISCV_ATOMIC_STORE (&r->stimecmp, value);
  vmt_vcpu_deadline_changed (&r->vcpu);
}

static gboolean
check_stimecmp (RiscvState *r, guint number, gboolean write)
{
  if (!r->config.sstc)
    return FALSE;
  return r->priv == RISCV_M ||
         ((r->menvcfg & RISCV_ENVCFG_STCE) != 0 && (r->mcounteren & RISCV_BIT (1)) != 0);
}

/* Environment configuration. */

static guint64
envcfg_write (guint64 old, guint64 value, guint64 mask)
{
  /* 2 is reserved in CBIE. */
  if ((value >> RISCV_ENVCFG_CBIE_SHIFT & 3) == 2)
    mask &= ~RISCV_ENVCFG_CBIE;
  return (old & ~mask) | (value & mask);
}

static guint64
envcfg_mask (RiscvState *r)
{
  guint64 mask = RISCV_ENVCFG_FIOM;

  if (r->config.ext & RISCV_EXT_ZICBOM)
    mask |= RISCV_ENVCFG_CBIE | RISCV_ENVCFG_CBCFE;
  if (r->config.ext & RISCV_EXT_ZICBOZ)
    mask |= RISCV_ENVCFG_CBZE;
  return mask;
}

static guint64
get_senvcfg (RiscvState *r, guint arg)
{
  return r->senvcfg;
}

static void
set_senvcfg (RiscvState *r, guint arg, guint64 value)
{
  r->senvcfg = envcfg_write (r->senvcfg, value, envcfg_mask (r));
}

static guint64
get_menvcfg (RiscvState *r, guint arg)
{
  return r->menvcfg;
}

static void
set_menvcfg (RiscvState *r, guint arg, guint64 value)
{
  guint64 mask = envcfg_mask (r);

  if (r->config.svadu)
    mask |= RISCV_ENVCFG_ADUE;
  if (r->config.svpbmt)
    mask |= RISCV_ENVCFG_PBMTE;
  if (r->config.sstc)
    mask |= RISCV_ENVCFG_STCE;
  RISCV_ATOMIC_STORE (&r->menvcfg, envcfg_write (r->menvcfg, value, mask));
  vmt_tlb_flush_all (&r->vcpu);
  vmt_vcpu_deadline_changed (&r->vcpu);
}

/* Address translation. */

static guint64
get_satp (RiscvState *r, guint arg)
{
  return r->satp;
}

static void
set_satp (RiscvState *r, guint arg, guint64 value)
{
  const guint mode = value >> RISCV_SATP_MODE_SHIFT;

  /* A mode that is not there makes the whole write have no effect. */
  if (mode != RISCV_SATP_BARE && (mode < RISCV_SATP_SV39 || mode > r->config.satp_mode))
    return;
  r->satp = value;
  riscv_update_mode (&r->vcpu);
}

static gboolean
check_satp (RiscvState *r, guint number, gboolean write)
{
  return r->priv != RISCV_S || (r->mstatus & RISCV_MSTATUS_TVM) == 0;
}

static guint64
get_pmpcfg (RiscvState *r, guint arg)
{
  return riscv_pmp_get_cfg (r, arg / 2);
}

static void
set_pmpcfg (RiscvState *r, guint arg, guint64 value)
{
  riscv_pmp_set_cfg (r, arg / 2, value);
}

static guint64
get_pmpaddr (RiscvState *r, guint arg)
{
  return riscv_pmp_get_addr (r, arg);
}

static void
set_pmpaddr (RiscvState *r, guint arg, guint64 value)
{
  riscv_pmp_set_addr (r, arg, value);
}

/* Counters. An inhibited one stands still: its offset then holds the value itself. */

static guint64
read_counter (RiscvState *r, guint bit, guint64 offset)
{
  return r->mcountinhibit & RISCV_BIT (bit) ? offset : r->vcpu.icount + offset;
}

static guint64
get_mcycle (RiscvState *r, guint arg)
{
  return read_counter (r, 0, r->mcycle_offset);
}

static void
set_mcycle (RiscvState *r, guint arg, guint64 value)
{
  r->mcycle_offset = r->mcountinhibit & 1 ? value : value - r->vcpu.icount;
}

static guint64
get_minstret (RiscvState *r, guint arg)
{
  return read_counter (r, 2, r->minstret_offset);
}

static void
set_minstret (RiscvState *r, guint arg, guint64 value)
{
  /* The write takes the place of this instruction's own count. */
  r->minstret_offset = r->mcountinhibit & 4 ? value : value - r->vcpu.icount - 1;
}

static guint64
get_mcountinhibit (RiscvState *r, guint arg)
{
  return r->mcountinhibit;
}

static void
set_mcountinhibit (RiscvState *r, guint arg, guint64 value)
{
  const guint64 cycle = get_mcycle (r, 0), instret = get_minstret (r, 0);

  r->mcountinhibit = value & 5;
  r->mcycle_offset = value & 1 ? cycle : cycle - r->vcpu.icount;
  r->minstret_offset = value & 4 ? instret : instret - r->vcpu.icount;
}

static guint64
get_time (RiscvState *r, guint arg)
{
  return riscv_get_ticks (r);
}

static gboolean
check_counter (RiscvState *r, guint number, gboolean write)
{
  const guint64 bit = RISCV_BIT (number & 31);

  if (r->priv < RISCV_M && (r->mcounteren & bit) == 0)
    return FALSE;
  return r->priv > RISCV_U || (r->scounteren & bit) != 0;
}

const RiscvCsr riscv_csrs[] = {
#define CSR(number, name, get, set, check, arg, flags, text)                                       \
  { number, flags, #name, get, set, check, arg, text },
#include "riscv-csr.def.h"
#undef CSR
};

const RiscvCsr *
riscv_csr_find (guint number)
{
  guint lo = 0, hi = RISCV_N_CSRS;

  while (lo < hi)
    {
      const guint mid = (lo + hi) / 2;
      if (riscv_csrs[mid].number < number)
        lo = mid + 1;
      else
        hi = mid;
    }
  return lo < RISCV_N_CSRS && riscv_csrs[lo].number == number ? &riscv_csrs[lo] : NULL;
}

gboolean
riscv_csr_access (RiscvState *r, const RiscvCsr *csr, RiscvCsrOp op, guint64 value, gboolean read,
                  gboolean write, guint64 *old)
{
  guint64 now = 0;

  if (r->priv < (csr->number >> 8 & 3) || (write && csr->number >> 10 == 3))
    return FALSE;
  if ((csr->flags & RISCV_CSR_FP) != 0 && (r->mstatus & RISCV_MSTATUS_FS) == 0)
    return FALSE;
  if (csr->check != NULL && !csr->check (r, csr->number, write))
    return FALSE;
  if (read || op != RISCV_CSR_OP_WRITE)
    now = csr->get (r, csr->arg);
  *old = now;
  if (!write || csr->set == NULL)
    return TRUE;
  /* What a line drives is read but not written back as if software had set it. */
  if ((csr->flags & RISCV_CSR_NO_RMW_LINES) != 0 && op != RISCV_CSR_OP_WRITE)
    now = RISCV_ATOMIC_LOAD (&r->mip_soft);
  switch (op)
    {
    case RISCV_CSR_OP_WRITE:
      break;
    case RISCV_CSR_OP_SET:
      value |= now;
      break;
    case RISCV_CSR_OP_CLEAR:
      value = now & ~value;
      break;
    }
  csr->set (r, csr->arg, value);
  return TRUE;
}
