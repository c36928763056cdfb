/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Bare-metal programs in machine mode at 0x80000000. They report to the finisher at 0x100000: 0x5555 is a pass, 0x3333 with the number
 * of the step (gp) above it a failure; so they run here and under other machines with the same map.
 *
 * Traps are expected where s11 holds the address to go on at: the handler leaves its mode in s7 (3 or 1), the cause in s8, the
 * exception's pc in s9, its value in s10 and the status in s6, and jumps there, in its own mode. Any other trap is a failure. */

#define FINISHER 0x100000

#define MSTATUS_SIE (1 << 1)
#define MSTATUS_MIE (1 << 3)
#define MSTATUS_SPIE (1 << 5)
#define MSTATUS_MPIE (1 << 7)
#define MSTATUS_SPP (1 << 8)
#define MSTATUS_MPP (3 << 11)
#define MSTATUS_FS (3 << 13)
#define MSTATUS_MPRV (1 << 17)
#define MSTATUS_SUM (1 << 18)
#define MSTATUS_MXR (1 << 19)
#define MSTATUS_TVM (1 << 20)
#define MSTATUS_TW (1 << 21)
#define MSTATUS_TSR (1 << 22)

#define PTE_V 1
#define PTE_R 2
#define PTE_W 4
#define PTE_X 8
#define PTE_U 16
#define PTE_G 32
#define PTE_A 64
#define PTE_D 128

#define STEP(n) li gp, n

  .macro check_eq reg, value
  li t6, \value
  bne \reg, t6, fail
  .endm

  .macro check_addr reg, symbol
  la t6, \symbol
  bne \reg, t6, fail
  .endm

  /* What follows must trap; go on at \label. */
  .macro expect label
  la s11, \label
  .endm

  .macro check_trap mode, cause
  li t6, \mode
  bne s7, t6, fail
  li t6, \cause
  bne s8, t6, fail
  .endm

  /* From machine mode: go on at \label in mode \mode (0, 1). */
  .macro enter mode, label
  li t0, MSTATUS_MPP
  csrc mstatus, t0
  li t0, (\mode) << 11
  csrs mstatus, t0
  la t0, \label
  csrw mepc, t0
  mret
  .endm

  .macro set_csr csr, value
  li t0, \value
  csrw \csr, t0
  .endm

  .macro pass
  j passed
  .endm

  .section .text.start, "ax"
  .global _start
_start:
#ifndef SMP
  csrr t0, mhartid
  bnez t0, park
#endif
  la sp, stack_top
  li s11, 0
  li gp, 255 /* not a step: 0 would read as a pass */
  la t0, trap_m
  csrw mtvec, t0
  la t0, trap_s
  csrw stvec, t0
  csrw mie, zero
  csrw medeleg, zero
  csrw mideleg, zero
  csrw satp, zero
  li t0, -1
  csrw pmpaddr0, t0
  li t0, 0x1f
  csrw pmpcfg0, t0
  li t0, MSTATUS_FS
  csrc mstatus, t0
  j main

park:
  wfi
  j park

passed:
  li t0, FINISHER
  li t1, 0x5555
  sw t1, 0(t0)
  j .

  .align 2
fail:
  csrwi satp, 0 /* in user or supervisor mode with no such page this traps: see below */
fail_m:
  li t0, FINISHER
  slli t1, gp, 16
  li t2, 0x3333
  or t1, t1, t2
  sw t1, 0(t0)
  j .

  .align 2
trap_m:
  beqz s11, fail_m
  li s7, 3
  csrr s8, mcause
  csrr s9, mepc
  csrr s10, mtval
  csrr s6, mstatus
  mv t0, s11
  li s11, 0
  jr t0

  .align 2
trap_s:
  beqz s11, 1f
  li s7, 1
  csrr s8, scause
  csrr s9, sepc
  csrr s10, stval
  csrr s6, sstatus
  mv t0, s11
  li s11, 0
  jr t0
1:
  j fail

  .section .bss
  .align 12
stack:
  .space 4096
stack_top:

  .text
  .align 2
