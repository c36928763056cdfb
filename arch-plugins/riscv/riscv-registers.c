/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "riscv-state.h"

/* The architectural registers by name: what firmware, debuggers and snapshots see. Privilege does
 * not matter here, side effects do. */

static guint64
get_priv (VmtVcpu *vcpu, guint arg)
{
  return riscv_state (vcpu)->priv;
}

static void
set_priv (VmtVcpu *vcpu, guint arg, guint64 value)
{
  if (value == RISCV_U || value == RISCV_S || value == RISCV_M)
    riscv_state (vcpu)->priv = value;
  riscv_update_mode (vcpu);
}

static guint64
get_csr (VmtVcpu *vcpu, guint arg)
{
  return riscv_csrs[arg].get (riscv_state (vcpu), riscv_csrs[arg].arg);
}

static void
set_csr (VmtVcpu *vcpu, guint arg, guint64 value)
{
  RiscvState *r = riscv_state (vcpu);
  const RiscvCsr *csr = &riscv_csrs[arg];

  if (csr->set == NULL)
    return;
  /* Who reads the register, changes a bit and writes it back must not make a line's level stick. */
  if ((csr->flags & RISCV_CSR_NO_RMW_LINES) != 0)
    value &= ~RISCV_ATOMIC_LOAD (&r->lines) | RISCV_ATOMIC_LOAD (&r->mip_soft);
  csr->set (r, csr->arg, value);
  /* It may sleep, with another thread acting for it. */
  if ((csr->flags & RISCV_CSR_JUMP) != 0)
    vmt_vcpu_request (vcpu, VMT_VCPU_INTERRUPT);
}

#define X_NAMED(n, name, flags, text)                                                              \
  {                                                                                                \
    name, "general", 64, flags, G_STRUCT_OFFSET (RiscvState, x) + 8 * n, NULL, NULL, 0, text       \
  }
#define X(n, alias, flags, text) X_NAMED (n, "x" #n, flags, text), X_NAMED (n, alias, flags, text)
#define F(n)                                                                                       \
  {                                                                                                \
    "f" #n, "float", 64, 0, G_STRUCT_OFFSET (RiscvState, f) + 8 * n, NULL, NULL, 0,                \
        "floating-point register, singles NaN-boxed"                                               \
  }

const VmtArchRegister riscv_registers[] = {
  X (0, "zero", VMT_ARCH_REG_RO, "always 0"),
  X (1, "ra", 0, "return address"),
  X (2, "sp", VMT_ARCH_REG_FRAME, "stack pointer"),
  X (3, "gp", 0, "global pointer"),
  X (4, "tp", 0, "thread pointer"),
  X (5, "t0", 0, "temporary"),
  X (6, "t1", 0, "temporary"),
  X (7, "t2", 0, "temporary"),
  X (8, "s0", VMT_ARCH_REG_FRAME, "saved, frame pointer"),
  X (9, "s1", 0, "saved"),
  X (10, "a0", 0, "argument"),
  X (11, "a1", 0, "argument"),
  X (12, "a2", 0, "argument"),
  X (13, "a3", 0, "argument"),
  X (14, "a4", 0, "argument"),
  X (15, "a5", 0, "argument"),
  X (16, "a6", 0, "argument"),
  X (17, "a7", 0, "argument"),
  X (18, "s2", 0, "saved"),
  X (19, "s3", 0, "saved"),
  X (20, "s4", 0, "saved"),
  X (21, "s5", 0, "saved"),
  X (22, "s6", 0, "saved"),
  X (23, "s7", 0, "saved"),
  X (24, "s8", 0, "saved"),
  X (25, "s9", 0, "saved"),
  X (26, "s10", 0, "saved"),
  X (27, "s11", 0, "saved"),
  X (28, "t3", 0, "temporary"),
  X (29, "t4", 0, "temporary"),
  X (30, "t5", 0, "temporary"),
  X (31, "t6", 0, "temporary"),
  { "pc", "general", 64, 0, G_STRUCT_OFFSET (VmtVcpu, pc), NULL, NULL, 0, "program counter" },
  { "priv", "general", 8, 0, -1, get_priv, set_priv, 0,
    "privilege mode: 0 user, 1 supervisor, 3 machine" },
  F (0),
  F (1),
  F (2),
  F (3),
  F (4),
  F (5),
  F (6),
  F (7),
  F (8),
  F (9),
  F (10),
  F (11),
  F (12),
  F (13),
  F (14),
  F (15),
  F (16),
  F (17),
  F (18),
  F (19),
  F (20),
  F (21),
  F (22),
  F (23),
  F (24),
  F (25),
  F (26),
  F (27),
  F (28),
  F (29),
  F (30),
  F (31),
#define CSR(number, name, get, set, check, arg, flags, text)                                       \
  { #name, "csr",   64,      (number) >> 10 == 3 ? VMT_ARCH_REG_RO : 0,                            \
    -1,    get_csr, set_csr, RISCV_CSR_##name,                                                     \
    text },
#include "riscv-csr.def.h"
#undef CSR
};
G_STATIC_ASSERT (G_N_ELEMENTS (riscv_registers) == RISCV_N_REGISTERS);
