/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "vmt-fast.h"
#include "vmt-ir-eval.h"

/* Architectures of nothing but globals and a few helpers, on a small memory. */

#define TEST_PAGE 0x400000 /* where the block's page is */
#define TEST_RAM 0x10000   /* two pages that are always there */
#define TEST_PAGES 8       /* further ones that a test maps */

typedef struct
{
  guint64 va;
  gboolean writable;
  guint8 bytes[4096];
} TestPage;

typedef struct
{
  VmtVcpu vcpu;
  VmtFpEnv fp;
  /* where vl and such go; the layout is the globals' tables */
  guint8 slots[8192] __attribute__ ((aligned (64)));
  TestPage pages[TEST_PAGES];
  guint n_pages;
  gboolean reserved;
  guint64 reserved_va, fences;
} TestState;

extern const VmtArchOps test_arch_x86_64, test_arch_aarch64, test_arch_riscv64;
extern const VmtIrMemOps test_mem_ops;

/* Causes of memory faults. */
#define TEST_LOAD_MISALIGNED 4
#define TEST_STORE_MISALIGNED 6
#define TEST_LOAD_FAULT 13
#define TEST_STORE_FAULT 15

const VmtArchOps *test_arch_by_name (const char *name);
TestState *test_state_new (const VmtArchOps *arch);
void test_state_free (TestState *state);
void test_state_map (TestState *state, guint64 va, gboolean writable);
/* NULL: not mapped. */
guint8 *test_state_byte (TestState *state, guint64 va, gboolean write);
/* Index of a global, or -1. */
gint test_global (const VmtArchOps *arch, const char *name);
gpointer test_slot (TestState *state, const VmtArchOps *arch, guint global);
VmtIrEvalExit test_eval (TestState *state, const VmtIrBlock *block, gint64 budget, guint64 *pc);
/* Ops, tables, constants, temporaries. */
gboolean test_blocks_equal (const VmtIrBlock *a, const VmtIrBlock *b);
/* Prints, parses and compares; FALSE when the text or the block changes. */
gboolean test_round_trip (const VmtIrBlock *block);
