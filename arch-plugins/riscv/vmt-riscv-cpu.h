/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "riscv-state.h"

G_BEGIN_DECLS

/**
 * VmtRiscvCpu:
 *
 * A 64-bit RISC-V hart. Properties: the extensions that it has, what satp accepts, block sizes, the
 * number of PMP entries and the timer's frequency. Interrupt inputs: "m-soft", "s-soft", "m-timer",
 * "s-timer", "m-ext", "s-ext".
 */
#define VMT_TYPE_RISCV_CPU (vmt_riscv_cpu_get_type ())
G_DECLARE_FINAL_TYPE (VmtRiscvCpu, vmt_riscv_cpu, VMT, RISCV_CPU, VmtCpu)

const RiscvConfig *vmt_riscv_cpu_get_config (VmtRiscvCpu *self);

G_END_DECLS
