/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "vmt-fast.h"

G_BEGIN_DECLS

/* A processor of a few instructions, to run machines without any real architecture. Words of four
 * bytes, little endian; the low byte says what: SPIN       jumps to itself WAIT       waits for an
 * interrupt, again and again COUNT      adds 1 to the register "n" STORE v    stores v (the upper
 * 24 bits) to address 0x100000 BACK w     jumps w words back STOP       powers this CPU off
 * Everything else raises an exception, which adds 1 to "faults" and stops the CPU. */
#define TEST_SPIN 1u
#define TEST_WAIT 2u
#define TEST_COUNT 3u
#define TEST_STORE(v) (4u | (guint32)(v) << 8)
#define TEST_BACK(w) (5u | (guint32)(w) << 8)
#define TEST_STOP 6u

#define TEST_STORE_ADDRESS 0x100000u

typedef struct
{
  VmtVcpu vcpu;
  guint64 n, faults, resets, wide[4];
  guint64 odd; /* 12 bits of it are a register */
  VmtFpEnv fp_env;
  guint64 line; /* atomic: the interrupt input "irq" */
} TestState;

#define TEST_TYPE_CPU (test_cpu_get_type ())
G_DECLARE_FINAL_TYPE (TestCpu, test_cpu, TEST, CPU, VmtCpu)

TestState *test_cpu_get_state (TestCpu *self);
/* Starts it at @pc with "n" = @n. */
gboolean test_cpu_boot (TestCpu *self, guint64 pc, guint64 n);

G_END_DECLS
