/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "vmt-riscv-cpu.h"

#include "riscv-helpers.h"

#define X_GLOBAL(n)                                                                                \
  {                                                                                                \
    "x" #n, VMT_IR_I64, G_STRUCT_OFFSET (RiscvState, x) + 8 * n                                    \
  }
#define F_GLOBAL(n)                                                                                \
  {                                                                                                \
    "f" #n, VMT_IR_F64, G_STRUCT_OFFSET (RiscvState, f) + 8 * n                                    \
  }

/* x1..x31, then f0..f31: RISCV_GLOBAL_X and RISCV_GLOBAL_F count on it. */
#define CSR_GLOBAL(csr)                                                                            \
  {                                                                                                \
#csr, VMT_IR_I64, G_STRUCT_OFFSET(RiscvState, csr)                                             \
  }

static const VmtIrGlobal globals[] = {
  X_GLOBAL (1),
  X_GLOBAL (2),
  X_GLOBAL (3),
  X_GLOBAL (4),
  X_GLOBAL (5),
  X_GLOBAL (6),
  X_GLOBAL (7),
  X_GLOBAL (8),
  X_GLOBAL (9),
  X_GLOBAL (10),
  X_GLOBAL (11),
  X_GLOBAL (12),
  X_GLOBAL (13),
  X_GLOBAL (14),
  X_GLOBAL (15),
  X_GLOBAL (16),
  X_GLOBAL (17),
  X_GLOBAL (18),
  X_GLOBAL (19),
  X_GLOBAL (20),
  X_GLOBAL (21),
  X_GLOBAL (22),
  X_GLOBAL (23),
  X_GLOBAL (24),
  X_GLOBAL (25),
  X_GLOBAL (26),
  X_GLOBAL (27),
  X_GLOBAL (28),
  X_GLOBAL (29),
  X_GLOBAL (30),
  X_GLOBAL (31),
  F_GLOBAL (0),
  F_GLOBAL (1),
  F_GLOBAL (2),
  F_GLOBAL (3),
  F_GLOBAL (4),
  F_GLOBAL (5),
  F_GLOBAL (6),
  F_GLOBAL (7),
  F_GLOBAL (8),
  F_GLOBAL (9),
  F_GLOBAL (10),
  F_GLOBAL (11),
  F_GLOBAL (12),
  F_GLOBAL (13),
  F_GLOBAL (14),
  F_GLOBAL (15),
  F_GLOBAL (16),
  F_GLOBAL (17),
  F_GLOBAL (18),
  F_GLOBAL (19),
  F_GLOBAL (20),
  F_GLOBAL (21),
  F_GLOBAL (22),
  F_GLOBAL (23),
  F_GLOBAL (24),
  F_GLOBAL (25),
  F_GLOBAL (26),
  F_GLOBAL (27),
  F_GLOBAL (28),
  F_GLOBAL (29),
  F_GLOBAL (30),
  F_GLOBAL (31),
  /* CSRs that only hold a value: in the order of RISCV_GLOBAL_SSCRATCH and so on */
  CSR_GLOBAL (sscratch),
  CSR_GLOBAL (sepc),
  CSR_GLOBAL (scause),
  CSR_GLOBAL (stval),
  CSR_GLOBAL (mscratch),
};

void
riscv_config_init (RiscvConfig *config)
{
  *config = (RiscvConfig){
    .ext = (G_GUINT64_CONSTANT (1) << RISCV_N_EXTS) - 1,
    .sstc = TRUE,
    .svadu = TRUE,
    .svnapot = TRUE,
    .svpbmt = TRUE,
    .satp_mode = RISCV_SATP_SV57,
    .cbom_size = 64,
    .cboz_size = 64,
    .pmp_count = 16,
    .timebase = 10000000,
  };
}

guint64
riscv_config_get_misa (const RiscvConfig *config)
{
  guint64 misa = G_GUINT64_CONSTANT (2) << 62 | RISCV_BIT ('i' - 'a') | RISCV_BIT ('s' - 'a') |
                 RISCV_BIT ('u' - 'a');

  if (config->ext & RISCV_EXT_M)
    misa |= RISCV_BIT ('m' - 'a');
  if (config->ext & RISCV_EXT_A)
    misa |= RISCV_BIT ('a' - 'a');
  if (config->ext & RISCV_EXT_F)
    misa |= RISCV_BIT ('f' - 'a');
  if (config->ext & RISCV_EXT_D)
    misa |= RISCV_BIT ('d' - 'a');
  if (config->ext & RISCV_EXT_C)
    misa |= RISCV_BIT ('c' - 'a');
  return misa;
}

void
riscv_set_line (RiscvState *r, guint line, gboolean level)
{
  const guint64 bit = RISCV_BIT (line);
  if (level)
    __atomic_fetch_or (&r->lines, bit, __ATOMIC_SEQ_CST);
  else
    __atomic_fetch_and (&r->lines, ~bit, __ATOMIC_SEQ_CST);
  /* The supervisor's software interrupt is an edge that sets the bit in mip; software clears it.
   * Several raise it at once, each with an edge of its own: whether the line was high already says
   * nothing, and to go by that would lose an interrupt. */
  if (line == RISCV_IRQ_SSI && level)
    __atomic_fetch_or (&r->mip_soft, bit, __ATOMIC_SEQ_CST);
  if (level)
    vmt_vcpu_request (&r->vcpu, VMT_VCPU_INTERRUPT);
}

static void
riscv_init (VmtVcpu *vcpu)
{
  RiscvState *r = riscv_state (vcpu);

  if (vcpu->cpu != NULL && VMT_IS_RISCV_CPU (vcpu->cpu))
    r->config = *vmt_riscv_cpu_get_config (VMT_RISCV_CPU (vcpu->cpu));
  else
    riscv_config_init (&r->config);
}

static void
riscv_fini (VmtVcpu *vcpu)
{
}

/* A firmware that is part of the machine stands where M-mode code would: the hart then has none. */
static VmtFirmware *
find_firmware (VmtCpu *cpu)
{
  VmtMachine *machine = cpu != NULL ? vmt_device_get_machine (VMT_DEVICE (cpu)) : NULL;
  VmtFirmware *firmware = machine != NULL ? vmt_machine_get_firmware (machine) : NULL;

  return firmware != NULL && VMT_FIRMWARE_GET_CLASS (firmware)->call != NULL ? firmware : NULL;
}

static void
riscv_reset (VmtVcpu *vcpu)
{
  RiscvState *r = riscv_state (vcpu);

  memset (r->x, 0, G_STRUCT_OFFSET (RiscvState, lines) - G_STRUCT_OFFSET (RiscvState, x));
  r->firmware = find_firmware (vcpu->cpu);
  r->fp.policy = VMT_FP_POLICY_RISCV;
  r->priv = RISCV_M;
  r->stimecmp = G_MAXUINT64;
  /* Without Svade, hardware updates are on from the start. */
  if (r->config.svadu)
    r->menvcfg = RISCV_ENVCFG_ADUE;
  vcpu->pc = 0;
  vcpu->fault_pending = 0;
  vmt_vcpu_clear_reservation (vcpu);
  riscv_pmp_update (r);
  riscv_update_mode (vcpu);
  vmt_vcpu_deadline_changed (vcpu);
}

/* What compiled code uses most: a5, a4, a0, a3, a1, a2, s0, s1, then a6, sp, ra, a7, s2, t1, t3. Of
 * sp most uses are addresses, of which few are looked up. */
static const VmtIrVal hot[] = { 14, 13, 9, 12, 10, 11, 7, 8, 15, 1, 0, 16, 17, 5, 27 };

const VmtArchOps riscv_arch_ops = {
  .struct_size = sizeof (VmtArchOps),
  .name = "riscv64",
  .state_size = sizeof (RiscvState),
  .registers = riscv_registers,
  .n_registers = RISCV_N_REGISTERS,
  .hot = hot,
  .n_hot = G_N_ELEMENTS (hot),
  .globals = globals,
  .n_globals = G_N_ELEMENTS (globals),
  .helpers = riscv_helpers,
  .n_helpers = RISCV_N_HELPERS,
  .fp_policy = VMT_FP_POLICY_RISCV,
  .fp_env_offset = G_STRUCT_OFFSET (RiscvState, fp),
  .init = riscv_init,
  .fini = riscv_fini,
  .reset = riscv_reset,
  .update_mode = riscv_update_mode,
  .decode = riscv_decode,
  .translate = riscv_translate,
  .translate_debug = riscv_translate_debug,
  .raise_fault = riscv_raise_fault,
  .take_exception = riscv_take_exception,
  .take_interrupt = riscv_take_interrupt,
  .has_work = riscv_has_work,
  .next_deadline = riscv_next_deadline,
  .disassemble = riscv_disassemble,
};
