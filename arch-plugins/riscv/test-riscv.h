/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "riscv-helpers.h"
#include "riscv-state.h"
#include "vmt-exec.h"

/* Each file of tests adds its cases. */
void test_riscv_add_decode (void);
void test_riscv_add_disas (void);
void test_riscv_add_csr (void);
void test_riscv_add_mmu (void);
void test_riscv_add_cpu (void);
void test_riscv_add_guest (void);

/* A random word that row @index decodes to. */
guint32 test_riscv_random_word (GRand *rand, guint index);

/* A hart with 4 MiB of RAM at TEST_RAM, an engine that does not run, and a clock that stands where
 * it is put. */
#define TEST_RAM G_GUINT64_CONSTANT (0x80000000)
#define TEST_RAM_SIZE (4u << 20)
typedef struct
{
  VmtAddressSpace *space;
  VmtRam *ram;
  VmtExec *exec;
  VmtVcpu *vcpu;
  RiscvState *r;
  guint64 now;
} TestHart;
void test_riscv_hart_init (TestHart *t);
void test_riscv_hart_clear (TestHart *t);
guint64 *test_riscv_ram (TestHart *t, guint64 pa);
guint64 test_riscv_get_csr (TestHart *t, const char *name);
void test_riscv_set_csr (TestHart *t, const char *name, guint64 value);
