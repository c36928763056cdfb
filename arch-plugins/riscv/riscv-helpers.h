/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "vmt-fast.h"

G_BEGIN_DECLS

/* Indices in riscv_helpers. */
enum
{
  RISCV_HELPER_CSR,  /* (index | op << 16 | read << 20 | write << 21, value, instruction): old value
                      */
  RISCV_HELPER_SRET, /* (instruction): new pc */
  RISCV_HELPER_MRET, /* (instruction): new pc */
  RISCV_HELPER_WFI,  /* (instruction) */
  RISCV_HELPER_WRS,  /* (no time limit, instruction) */
  RISCV_HELPER_PAUSE,           /* () */
  RISCV_HELPER_SFENCE,          /* (va, asid, instruction | has va << 32 | has asid << 33) */
  RISCV_HELPER_CBO,             /* (va, kind, instruction) */
  RISCV_HELPER_FS_DIRTY,        /* () */
  RISCV_HELPER_MISALIGNED_JUMP, /* (taken, target) */
  RISCV_HELPER_GET_FFLAGS,      /* (): fflags */
  RISCV_HELPER_SET_FFLAGS,      /* (fflags); mstatus.FS is dirty already */
  RISCV_N_HELPERS
};

/* cbo.* kinds. */
enum
{
  RISCV_CBO_INVAL,
  RISCV_CBO_CLEAN,
  RISCV_CBO_FLUSH,
  RISCV_CBO_ZERO,
};

G_END_DECLS
