/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "vmt-riscv-cpu.h"

static const VmtFeature features[] = {
  { VMT_FEATURE_ARCH, "riscv64", 100, vmt_riscv_cpu_get_type, NULL },
  { .name = NULL },
};

VMT_PLUGIN_DEFINE (riscv, "riscv", "64-bit RISC-V processors", VMT_FAST_ABI, features, NULL);
