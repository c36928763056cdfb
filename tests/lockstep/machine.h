/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Random programs for a whole bare machine (a vCPU, RAM, a device), run twice: by a tier under the
 * engine's own run loop, and one instruction at a time by the evaluator, which keeps no
 * translations. Nothing in it knows an architecture but what stands in MachineArch. */
#pragma once

#include "lockstep.h"
#include "vmt-exec-stress-private.h"

#define MACHINE_RAM_BASE 0x80000000u
#define MACHINE_RAM_SIZE (64u << 12)
#define MACHINE_MMIO_BASE 0x10000000u
#define MACHINE_MMIO_SIZE 0x1000u
/* A store there ends the program. */
#define MACHINE_MMIO_END 0xff0u

typedef struct
{
  const char *name;
  guint64 value;
} MachineRegister;

typedef struct
{
  guint8 ram[MACHINE_RAM_SIZE];
  MachineRegister registers[128]; /* set in this order */
  guint n_registers;
} MachineProgram;

typedef struct
{
  const char *name; /* of the feature */
  const char *pc;
  /* @handlers: what goes to the beginning of RAM. */
  void (*make_program) (const LockstepRows *rows, const guint8 *handlers, gsize handlers_size,
                        LockstepRandom *r, MachineProgram *program);
  /* Something that may interrupt, without a change of time. Deterministic. */
  void (*interrupt) (VmtVcpu *vcpu, guint which);
} MachineArch;
extern const MachineArch machine_riscv64;

typedef enum
{
  MACHINE_STEP,  /* back to the run loop as often as the tier can */
  MACHINE_FREE,  /* as seldom */
  MACHINE_MIXED, /* now and then the one or the other */
} MachineMode;

typedef struct
{
  const MachineArch *arch;
  const char *tier_name;
  VmtTier *tier;
  MachineMode mode;
  gboolean kicks; /* requests by another thread, at any time: not reproducible */
  VmtExecStress stress;
} MachineConfig;

typedef struct
{
  char *difference;      /* (nullable) */
  guint64 instructions;  /* that were compared */
  guint64 visits;        /* comparisons */
  guint64 lookups;       /* by the tier */
  guint64 difference_at; /* number of tier lookups when it was found */
  gboolean ended;        /* the program came to its end */
  char *tail;            /* (nullable): what it was at when it was cut off */
} MachineResult;

void machine_run (const MachineConfig *config, const MachineProgram *program, guint64 seed,
                  MachineResult *result);
