/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A small architecture for tests of the engine: 8-byte instructions at any even address, one-level
 * page tables, address spaces, load-linked and store-conditional. */
#pragma once

#include "vmt.h"
#include "vmt-fast.h"

#define FAKE_RAM 0x80000000u
#define FAKE_RAM_SIZE (16u << 20)
#define FAKE_MMIO 0x10000000u
/* The page table: 8 bytes for each page of the lowest 64 MiB of virtual addresses. */
#define FAKE_VA_PAGES 16384u

/* page table entries: physical address and these */
#define FAKE_R 1u
#define FAKE_W 2u
#define FAKE_X 4u
#define FAKE_G 8u
#define FAKE_LARGE 16u /* 2 MiB: the entry of each of its pages says so */
#define FAKE_RWX 7u

typedef enum
{
  F_ADD,
  F_SUB,
  F_AND,
  F_OR,
  F_XOR,
  F_SHL,
  F_SHR,
  F_MUL,
  F_ADDI,
  F_ANDI,
  F_SHLI,
  F_SHRI,
  F_LI,    /* d = imm */
  F_AUIPC, /* d = pc + imm */
  F_LD1,
  F_LD2,
  F_LD4,
  F_LD8,
  F_ST1, /* [a + imm] = b */
  F_ST2,
  F_ST4,
  F_ST8,
  F_BEQ, /* to pc + imm */
  F_BNE,
  F_BLT,
  F_BLTU,
  F_JMP,
  F_JAL, /* d = next, to pc + imm */
  F_JR,  /* to a */
  F_LL,
  F_SC, /* d = failed */
  F_AMOADD,
  F_AMOSWAP,
  F_FENCE,
  F_FENCEI, /* to the run loop */
  F_WFI,
  F_TRAP, /* cause imm, value a */
  F_STOP,
  F_SPACE, /* page table at physical a (0: none), ASID imm */
  F_FLUSH, /* imm 0: all, 1: page a of this ASID, 2: page a of all, 3: this ASID */
  F_CALL,  /* state->hook (vcpu, a, b) */
  F_FADD,  /* doubles */
  F_FMUL,
  F_N
} FakeOpcode;

typedef struct
{
  guint8 op, d, a, b;
  gint32 imm;
} FakeInsn;
G_STATIC_ASSERT (sizeof (FakeInsn) == 8);

typedef struct
{
  VmtVcpu vcpu;
  guint64 x[32]; /* x[0] is an ordinary register */
  VmtFpEnv fp;
  guint64 root;
  guint32 asid;
  /* what happened */
  guint64 cause, value, epc;
  guint n_exceptions, n_interrupts, n_translations;
  /* interrupts: atomic */
  guint32 pending;
  guint64 deadline;
  gboolean masked; /* interrupts end a wait, but are not taken */
  /* called for exceptions; NULL: stops the vCPU */
  void (*on_exception) (VmtVcpu *vcpu);
  void (*hook) (VmtVcpu *vcpu, guint64 a, guint64 b);
  gpointer data;
} FakeState;

#define FAKE(vcpu) ((FakeState *)(vcpu))

#define FAKE_CAUSE_PAGE 13u /* + access */
#define FAKE_CAUSE_ACCESS 32u
#define FAKE_CAUSE_ALIGN 64u

extern const VmtArchOps fake_arch;

typedef struct
{
  VmtRam *ram;
  VmtAddressSpace *space;
  VmtTier *tier;
  VmtExec *exec;
  GMutex lock;
  GCond cond;
} FakeMachine;

FakeMachine *fake_machine_new (guint n_vcpus);
/* NULL: this host has no such tier; the test is marked skipped. */
FakeMachine *fake_machine_new_with_tier (guint n_vcpus, const char *tier);
void fake_machine_free (FakeMachine *m);
FakeState *fake_state (FakeMachine *m, guint i);
/* Writes an instruction at a physical address. */
void fake_put (FakeMachine *m, guint64 pa, FakeOpcode op, guint d, guint a, guint b, gint32 imm);
void fake_put_u64 (FakeMachine *m, guint64 pa, guint64 value);
guint64 fake_get_u64 (FakeMachine *m, guint64 pa);
/* Starts vCPU @i at @pc. */
void fake_run (FakeMachine *m, guint i, guint64 pc);
/* Returns when all vCPUs are stopped; FALSE after 20 seconds. */
gboolean fake_wait (FakeMachine *m);
