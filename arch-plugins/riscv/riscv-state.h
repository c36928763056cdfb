/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "vmt-fast.h"

#include "rv-isa.h"

G_BEGIN_DECLS

/* Privilege modes, as encoded in xPP fields. */
#define RISCV_U 0u
#define RISCV_S 1u
#define RISCV_M 3u

/* Synchronous causes (privileged manual, "Machine Cause Register"). */
enum
{
  RISCV_CAUSE_FETCH_MISALIGNED = 0,
  RISCV_CAUSE_FETCH_ACCESS = 1,
  RISCV_CAUSE_ILLEGAL = 2,
  RISCV_CAUSE_BREAKPOINT = 3,
  RISCV_CAUSE_LOAD_MISALIGNED = 4,
  RISCV_CAUSE_LOAD_ACCESS = 5,
  RISCV_CAUSE_STORE_MISALIGNED = 6,
  RISCV_CAUSE_STORE_ACCESS = 7,
  RISCV_CAUSE_ECALL_U = 8,
  RISCV_CAUSE_ECALL_S = 9,
  RISCV_CAUSE_ECALL_M = 11,
  RISCV_CAUSE_FETCH_PAGE = 12,
  RISCV_CAUSE_LOAD_PAGE = 13,
  RISCV_CAUSE_STORE_PAGE = 15,
};
#define RISCV_CAUSE_INTERRUPT (G_GUINT64_CONSTANT (1) << 63)

/* Interrupt numbers: bits of mip and mie, and the numbers of the CPU's inputs. */
enum
{
  RISCV_IRQ_SSI = 1,
  RISCV_IRQ_MSI = 3,
  RISCV_IRQ_STI = 5,
  RISCV_IRQ_MTI = 7,
  RISCV_IRQ_SEI = 9,
  RISCV_IRQ_MEI = 11,
};
#define RISCV_BIT(n) (G_GUINT64_CONSTANT (1) << (n))
#define RISCV_MIP_S                                                                                \
  (RISCV_BIT (RISCV_IRQ_SSI) | RISCV_BIT (RISCV_IRQ_STI) | RISCV_BIT (RISCV_IRQ_SEI))
#define RISCV_MIP_ALL                                                                              \
  (RISCV_MIP_S | RISCV_BIT (RISCV_IRQ_MSI) | RISCV_BIT (RISCV_IRQ_MTI) | RISCV_BIT (RISCV_IRQ_MEI))

#define RISCV_MSTATUS_SIE RISCV_BIT (1)
#define RISCV_MSTATUS_MIE RISCV_BIT (3)
#define RISCV_MSTATUS_SPIE RISCV_BIT (5)
#define RISCV_MSTATUS_MPIE RISCV_BIT (7)
#define RISCV_MSTATUS_SPP RISCV_BIT (8)
#define RISCV_MSTATUS_MPP_SHIFT 11
#define RISCV_MSTATUS_MPP (RISCV_BIT (11) | RISCV_BIT (12))
#define RISCV_MSTATUS_FS (RISCV_BIT (13) | RISCV_BIT (14))
#define RISCV_MSTATUS_MPRV RISCV_BIT (17)
#define RISCV_MSTATUS_SUM RISCV_BIT (18)
#define RISCV_MSTATUS_MXR RISCV_BIT (19)
#define RISCV_MSTATUS_TVM RISCV_BIT (20)
#define RISCV_MSTATUS_TW RISCV_BIT (21)
#define RISCV_MSTATUS_TSR RISCV_BIT (22)
#define RISCV_MSTATUS_UXL (G_GUINT64_CONSTANT (2) << 32)
#define RISCV_MSTATUS_SXL (G_GUINT64_CONSTANT (2) << 34)
#define RISCV_MSTATUS_SD RISCV_BIT (63)
#define RISCV_SSTATUS_MASK                                                                         \
  (RISCV_MSTATUS_SIE | RISCV_MSTATUS_SPIE | RISCV_MSTATUS_SPP | RISCV_MSTATUS_FS |                 \
   RISCV_MSTATUS_SUM | RISCV_MSTATUS_MXR)

#define RISCV_ENVCFG_FIOM RISCV_BIT (0)
#define RISCV_ENVCFG_CBIE_SHIFT 4
#define RISCV_ENVCFG_CBIE (RISCV_BIT (4) | RISCV_BIT (5))
#define RISCV_ENVCFG_CBCFE RISCV_BIT (6)
#define RISCV_ENVCFG_CBZE RISCV_BIT (7)
#define RISCV_ENVCFG_ADUE RISCV_BIT (61)
#define RISCV_ENVCFG_PBMTE RISCV_BIT (62)
#define RISCV_ENVCFG_STCE RISCV_BIT (63)

#define RISCV_SATP_MODE_SHIFT 60
#define RISCV_SATP_BARE 0u
#define RISCV_SATP_SV39 8u
#define RISCV_SATP_SV48 9u
#define RISCV_SATP_SV57 10u
#define RISCV_SATP_ASID_SHIFT 44
#define RISCV_SATP_PPN ((G_GUINT64_CONSTANT (1) << 44) - 1)
/* What no guest can name: of address spaces without translation. */
#define RISCV_ASID_NONE 0x10000u

/* mode_key: what decoded code depends on. The enabled extensions stand above. */
#define RISCV_MODE_PRIV 3u
#define RISCV_MODE_FS_OFF (1u << 2)
#define RISCV_MODE_FS_DIRTY (1u << 3)
#define RISCV_MODE_FRM_INVALID (1u << 4)
#define RISCV_MODE_EXT_SHIFT 8

#define RISCV_PMP_MAX 64
#define RISCV_PA_BITS 56

/* What a hart is configured with: fixed when it is realized. */
typedef struct
{
  guint64 ext; /* RISCV_EXT_* */
  gboolean sstc, svadu, svnapot, svpbmt;
  guint satp_mode; /* the largest that satp accepts */
  guint cbom_size, cboz_size;
  guint pmp_count;  /* 0, 16 or 64 */
  guint64 timebase; /* Hz */
} RiscvConfig;

/* One decoded PMP entry that matches something: bytes lo..hi. */
typedef struct
{
  guint64 lo, hi;
  guint8 perm; /* VmtAccess */
  gboolean locked;
} RiscvPmpRange;

/**
 * RiscvState:
 *
 * A hart. Owned by the vCPU's thread, except what is marked atomic.
 */
typedef struct
{
  VmtVcpu vcpu;
  guint64 x[32]; /* x[0] stays 0 */
  guint64 f[32]; /* singles are NaN-boxed */
  VmtFpEnv fp;   /* frm and fflags; an frm that is not a rounding mode is legal to hold */

  guint8 priv;
  guint64 mstatus, medeleg, mideleg, mtvec, mepc, mcause, mtval, mscratch, mcounteren;
  guint64 stvec, sepc, scause, stval, sscratch, scounteren, senvcfg, satp;
  guint64 mcountinhibit, mcycle_offset, minstret_offset;
  /* Read by has_work() and next_deadline(), on any thread: atomic. */
  guint64 mie, menvcfg, stimecmp;
  guint64 mip_soft; /* atomic: bits of mip that software set */

  guint8 pmpcfg[RISCV_PMP_MAX];
  guint64 pmpaddr[RISCV_PMP_MAX];
  RiscvPmpRange pmp[RISCV_PMP_MAX];
  guint n_pmp;

  /* From here on not cleared by a reset. */
  guint64 lines; /* atomic: levels of the inputs, by interrupt number */
  RiscvConfig config;
  VmtFirmware *firmware; /* (nullable): built into the machine; answers ecall from S-mode */
} RiscvState;

static inline RiscvState *
riscv_state (VmtVcpu *vcpu)
{
  return (RiscvState *)vcpu;
}

#define RISCV_ATOMIC_LOAD(p) __atomic_load_n ((p), __ATOMIC_ACQUIRE)
#define RISCV_ATOMIC_STORE(p, v) __atomic_store_n ((p), (v), __ATOMIC_RELEASE)

extern const VmtArchOps riscv_arch_ops;
extern const VmtIrHelper riscv_helpers[];

extern const VmtArchRegister riscv_registers[];

/* riscv-csr.c */
typedef struct _RiscvCsr RiscvCsr;
struct _RiscvCsr
{
  guint16 number;
  guint16 flags;
  const char *name;
  guint64 (*get) (RiscvState *r, guint arg);
  void (*set) (RiscvState *r, guint arg, guint64 value); /* NULL: writes are ignored (WARL) */
  gboolean (*check) (RiscvState *r, guint number,
                     gboolean write); /* (nullable): may it be accessed now */
  guint arg;
  const char *text;
};
#define RISCV_CSR_KEEP (1u << 0)  /* writing it changes neither mode nor mapping nor interrupts */
#define RISCV_CSR_EXACT (1u << 1) /* needs the exact instruction count */
#define RISCV_CSR_FP (1u << 2)    /* needs mstatus.FS */
/* Writing it may change the mode or let an interrupt through: the block ends, and who is affected
 * asks for the run loop. Without this and KEEP the block ends in the run loop. */
#define RISCV_CSR_JUMP (1u << 4)
#define RISCV_CSR_NO_RMW_LINES (1u << 3) /* set and clear see only what software wrote */

/* Indices in riscv_csrs. */
enum
{
#define CSR(number, name, get, set, check, arg, flags, text) RISCV_CSR_##name,
#include "riscv-csr.def.h"
#undef CSR
  RISCV_N_CSRS
};
/* x and its aliases, pc, priv, f, CSRs */
#define RISCV_N_REGISTERS (64 + 2 + 32 + RISCV_N_CSRS)
extern const RiscvCsr riscv_csrs[];

const RiscvCsr *riscv_csr_find (guint number);
/* A CSR instruction's access, with all checks; FALSE: it is illegal. */
typedef enum
{
  RISCV_CSR_OP_WRITE,
  RISCV_CSR_OP_SET,
  RISCV_CSR_OP_CLEAR
} RiscvCsrOp;
gboolean riscv_csr_access (RiscvState *r, const RiscvCsr *csr, RiscvCsrOp op, guint64 value,
                           gboolean read, gboolean write, guint64 *old);
guint64 riscv_csr_get_mip (RiscvState *r);
guint64 riscv_csr_get_mstatus (RiscvState *r, guint arg);
void riscv_csr_set_mstatus (RiscvState *r, guint arg, guint64 value);
guint64 riscv_get_ticks (RiscvState *r);

/* riscv-mmu.c */
gboolean riscv_translate (VmtVcpu *vcpu, guint64 va, guint size, VmtAccess access,
                          VmtTranslation *out);
gboolean riscv_translate_debug (VmtVcpu *vcpu, guint64 va, VmtTranslation *out);
void riscv_raise_fault (VmtVcpu *vcpu, VmtFaultKind kind, guint64 va, VmtAccess access);
void riscv_update_mode (VmtVcpu *vcpu);

/* riscv-pmp.c */
void riscv_pmp_update (RiscvState *r);
/* Mask of VmtAccess allowed at the @size bytes from @pa. */
guint riscv_pmp_access (RiscvState *r, guint64 pa, guint64 size, guint priv);
/* Whether all bytes of the naturally aligned range are treated alike. */
gboolean riscv_pmp_is_uniform (RiscvState *r, guint64 pa, guint shift);
guint64 riscv_pmp_get_cfg (RiscvState *r, guint index);
void riscv_pmp_set_cfg (RiscvState *r, guint index, guint64 value);
guint64 riscv_pmp_get_addr (RiscvState *r, guint index);
void riscv_pmp_set_addr (RiscvState *r, guint index, guint64 value);

/* riscv-arch.c */
/* Sets the level of input @line (an interrupt number). Any thread. */
void riscv_set_line (RiscvState *r, guint line, gboolean level);

/* riscv-trap.c */
void riscv_take_exception (VmtVcpu *vcpu);
gboolean riscv_take_interrupt (VmtVcpu *vcpu);
gboolean riscv_has_work (VmtVcpu *vcpu);
guint64 riscv_next_deadline (VmtVcpu *vcpu);
void riscv_trap (RiscvState *r, guint64 cause, guint64 value);
/* The number of the interrupt to be taken now, or 0. */
guint riscv_find_interrupt (RiscvState *r);
/* The new pc. */
guint64 riscv_mret (RiscvState *r);
guint64 riscv_sret (RiscvState *r);

/* riscv-decode.c, riscv-disas.c */
guint riscv_decode (VmtVcpu *vcpu, VmtIrBuilder *builder, guint page_offset, const guint8 *code,
                    guint size, const guint8 *next, guint next_size);
guint riscv_disassemble (const guint8 *code, guint size, guint64 pc, GString *text);

/* Every extension that there are rows for, MMU and timers at their fullest. */
void riscv_config_init (RiscvConfig *config);
/* riscv-isa-string.c: "rv64imafdc_zicbom_...", and its parts ("i", "m", ...), NULL-terminated, in
 * canonical order. */
char *riscv_config_dup_isa (const RiscvConfig *config);
GStrv riscv_config_dup_extensions (const RiscvConfig *config);
guint64 riscv_config_get_misa (const RiscvConfig *config);

G_END_DECLS
