/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Modes, delegation, returns, what the status register's trap bits stop, counters, PMP. */
#include "guest.h"

main:
  STEP (1) /* an ecall from each mode */
  expect 1f
  ecall
0:
1:
  check_trap 3, 11
  la t0, 0b
  addi t0, t0, -4
  bne s9, t0, fail
  check_eq s10, 0
  srli t0, s6, 11
  andi t0, t0, 3
  check_eq t0, 3

  STEP (2)
  expect 2f
  enter 1, 1f
1:
  ecall
2:
  check_trap 3, 9
  check_addr s9, 1b
  srli t0, s6, 11
  andi t0, t0, 3
  check_eq t0, 1

  STEP (3)
  expect 2f
  enter 0, 1f
1:
  ecall
2:
  check_trap 3, 8
  srli t0, s6, 11
  andi t0, t0, 3
  check_eq t0, 0

  STEP (4) /* delegated, then from S-mode back to M */
  set_csr medeleg, 1 << 8
  expect 2f
  enter 0, 1f
1:
  ecall
2:
  check_trap 1, 8
  check_addr s9, 1b
  andi t0, s6, MSTATUS_SPP
  bnez t0, fail
  expect 3f
  ecall
3:
  check_trap 3, 9

  STEP (5) /* MIE, MPIE and MPP go through a trap and a return */
  csrsi mstatus, MSTATUS_MIE
  expect 1f
  ecall
1:
  andi t0, s6, MSTATUS_MIE
  bnez t0, fail
  andi t0, s6, MSTATUS_MPIE
  beqz t0, fail
  la t0, 2f
  csrw mepc, t0
  mret
2:
  csrr t0, mstatus
  andi t1, t0, MSTATUS_MIE
  beqz t1, fail
  andi t1, t0, MSTATUS_MPIE
  beqz t1, fail
  srli t0, t0, 11
  andi t0, t0, 3
  bnez t0, fail /* MPP is the least mode */
  csrci mstatus, MSTATUS_MIE

  STEP (6) /* registers of higher modes, and ones that are not there, are illegal */
  set_csr medeleg, 0
  .macro illegal number, mode, insn:vararg
  STEP (\number)
  expect 2f
  enter \mode, 1f
  .option push
  .option norvc
1:
  \insn
  .option pop
  j fail
2:
  check_trap 3, 2
  check_addr s9, 1b
  /* The instruction, or nothing. */
  beqz s10, 3f
  la t0, 1b
  lwu t1, 0(t0)
  bne t1, s10, fail
3:
  .endm
  illegal 7, 1, csrr t0, mstatus
  illegal 8, 0, csrr t0, sstatus
  illegal 9, 1, csrw mtvec, t0
  illegal 10, 1, mret
  illegal 11, 0, sret
  illegal 12, 0, wfi
  illegal 13, 0, sfence.vma
  illegal 14, 1, csrr t0, 0x7c0
  illegal 15, 1, csrw cycle, zero
  illegal 16, 1, .word 0xffffffff
  illegal 17, 1, .word 0x00000000
  illegal 18, 0, csrr t0, satp

  STEP (20) /* TVM, TW, TSR */
  li t0, MSTATUS_TVM | MSTATUS_TW | MSTATUS_TSR
  csrs mstatus, t0
  illegal 21, 1, csrr t0, satp
  illegal 22, 1, csrw satp, zero
  illegal 23, 1, sfence.vma
  illegal 24, 1, sret
  illegal 25, 1, wfi
  illegal 70, 1, .4byte 0x16000073 /* sinval.vma */
  illegal 71, 0, .4byte 0x16000073
  illegal 72, 0, .4byte 0x18000073 /* sfence.w.inval */
  illegal 73, 0, .4byte 0x18100073 /* sfence.inval.ir */
  STEP (26) /* none of them binds M-mode */
  csrr t0, satp
  sfence.vma

  li t0, MSTATUS_TVM | MSTATUS_TW | MSTATUS_TSR
  csrc mstatus, t0

  .macro breakpoint number, insn:vararg
  STEP (\number)
  expect 2f
  enter 0, 1f
1:
  \insn
  j fail
2:
  check_trap 3, 3
  check_addr s9, 1b
  beqz s10, 3f
  bne s10, s9, fail
3:
  .endm
  breakpoint 27, .4byte 0x00100073
  breakpoint 28, c.ebreak

  STEP (30) /* counters: each level must let the next */
  set_csr mcounteren, 0
  set_csr scounteren, -1
  illegal 31, 1, rdtime t0
  illegal 32, 1, rdcycle t0
  illegal 33, 0, rdinstret t0
  set_csr mcounteren, 7
  set_csr scounteren, 0
  illegal 34, 0, rdtime t0
  STEP (35)
  expect 2f
  enter 1, 1f
1:
  rdtime t0
  rdcycle t0
  rdinstret t0
  ecall
2:
  check_trap 3, 9
  STEP (36)
  set_csr scounteren, 7
  expect 2f
  enter 0, 1f
1:
  rdtime t0
  rdcycle t0
  rdinstret t0
  ecall
2:
  check_trap 3, 8
  STEP (37) /* time and instructions go forward */
  rdtime t0
  rdinstret t1
  li t2, 1000
1:
  addi t2, t2, -1
  bnez t2, 1b
  rdtime t3
  rdinstret t4
  bltu t3, t0, fail
  sub t4, t4, t1
  li t5, 2000
  bltu t4, t5, fail

  STEP (40) /* sret */
  la t0, 2f
  csrw sepc, t0
  li t0, MSTATUS_SPP | MSTATUS_SIE
  csrc sstatus, t0

  li t0, MSTATUS_SPIE
  csrs sstatus, t0
  expect 3f
  enter 1, 1f
1:
  sret
2:
  ecall /* now from U */
3:
  check_trap 3, 8
  check_addr s9, 2b
  csrr t0, sstatus
  andi t1, t0, MSTATUS_SIE
  beqz t1, fail
  andi t1, t0, MSTATUS_SPIE
  beqz t1, fail
  csrci sstatus, MSTATUS_SIE

  STEP (50) /* interrupts: a software interrupt of S-mode, delegated and vectored */
  set_csr mideleg, 2
  set_csr mie, 2
  la t0, vectors
  addi t0, t0, 1
  csrw stvec, t0
  csrsi mip, 2
  csrr t0, mip
  andi t0, t0, 2
  beqz t0, fail
  csrsi mstatus, MSTATUS_MIE /* not in M-mode, whatever MIE says */
  csrci mstatus, MSTATUS_MIE
  li s5, 0
  enter 1, 1f
1:
  STEP (51)
  bnez s5, fail /* not with SIE off */
  csrsi sstatus, MSTATUS_SIE
2:
  STEP (52)
  check_eq s5, 1
  li t0, 0x8000000000000001
  bne s8, t0, fail
  check_addr s9, 2b
  csrr t0, sip
  bnez t0, fail
  csrsi sip, 2 /* again, by itself */
3:
  STEP (53)
  check_eq s5, 2
  csrci sstatus, MSTATUS_SIE
  csrsi sip, 2
  wfi /* ends for what is pending */
  STEP (54)
  check_eq s5, 2
  csrci sip, 2
  expect 1f
  ecall
1:
  la t0, trap_s
  csrw stvec, t0
  set_csr mie, 0
  set_csr mideleg, 0

  STEP (60) /* PMP: a page that U-mode may only read, and a word in it that it may not touch */
  la t0, data
  srli t0, t0, 2
  csrw pmpaddr0, t0 /* the first word: NA4, nothing */
  ori t1, t0, 0x1ff
  csrw pmpaddr1, t1 /* its page: NAPOT, read */
  set_csr pmpaddr2, -1
  li t0, 0x1f1910
  csrw pmpcfg0, t0
  sfence.vma
  la a0, data
  .macro denied number, cause, insn:vararg
  STEP (\number)
  expect 2f
  enter 0, 1f
1:
  \insn
  j fail
2:
  check_trap 3, \cause
  .endm
  .macro granted number, insn:vararg
  STEP (\number)
  expect 2f
  enter 0, 1f
1:
  \insn
  ecall
2:
  check_trap 3, 8
  .endm
  denied 61, 5, lw t0, 0(a0)
  check_addr s10, data
  denied 62, 7, sb t0, 3(a0)
  granted 63, lw t0, 4(a0)
  denied 64, 7, sw t0, 4(a0)
  denied 65, 5, ld t0, 0(a0) /* in part */
  denied 66, 1, jalr ra, 8(a0)
  li t0, 4096
  add a0, a0, t0
  granted 67, sw t0, 0(a0)
  STEP (68) /* M-mode is free of them */
  la a0, data
  lw t0, 0(a0)
  sw t0, 0(a0)
  STEP (69) /* unless they are locked */
  li t0, 0x1f1990
  csrw pmpcfg0, t0
  expect 1f
  lw t0, 0(a0)
  j fail
1:
  check_trap 3, 5
  pass

  .align 8
vectors:
  j fail
  .align 2
  .option push
  .option norvc
  j software
  .option pop
software:
  addi s5, s5, 1
  csrr s8, scause
  csrr s9, sepc
  csrci sip, 2
  sret

  .data
  .align 12
data:
  .space 8192
