/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What passes between the test and an executor: cases in, results out, in the byte order of both
 * (little-endian). Executors are freestanding programs for other architectures: C headers only. */
#pragma once

#include <stdint.h>

/* The same addresses on both sides, so that code may see where it is. Beyond the data there is
 * nothing, and an access gets a fault. */
#define LOCKSTEP_CODE_BASE 0x40000000u
#define LOCKSTEP_CODE_SIZE 0x400000u
#define LOCKSTEP_DATA_BASE 0x48000000u
#define LOCKSTEP_DATA_SIZE 0x2000u

#define LOCKSTEP_MAX_REGS 512
#define LOCKSTEP_MAX_CODE 1024
#define LOCKSTEP_MAX_MEMORY 256

/* The code is where and what the case before had. */
#define LOCKSTEP_SAME_CODE 1u

/* A case: @code_size bytes of code go to @pc, everything around them is instructions that stop;
 * @mem_size bytes go to @mem. After this header: registers, code, memory, each padded to 8 bytes.
 */
typedef struct
{
  uint32_t size; /* of the whole record */
  uint32_t flags;
  uint64_t pc, mem;
  uint32_t code_size, mem_size;
  uint32_t n_regs, reserved;
} LockstepCaseHeader;

/* How it ended. */
enum
{
  LOCKSTEP_STOP = 1, /* an instruction that stops */
  LOCKSTEP_ILLEGAL,  /* not an instruction */
  LOCKSTEP_MEMORY,   /* nothing there */
  LOCKSTEP_ALIGN,    /* misaligned */
  LOCKSTEP_OTHER,
  LOCKSTEP_HANG, /* not within reasonable time */
};

/* A result. After this header: registers, memory as it is now. */
typedef struct
{
  uint32_t size, trap;
  uint64_t pc;
  uint32_t mem_size, n_regs;
} LockstepResultHeader;
