/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Sv39: sizes, permissions, SUM, MXR, MPRV, accessed and dirty bits, fences, an instruction on two pages. */
#include "guest.h"

#define VA 0x40000000
#define LEAF(pa_reg, out, bits) srli out, pa_reg, 2; ori out, out, (bits) & 0x7ff

main:
  /* root[2]: the program itself, 1 GiB; root[1] -> middle -> leaves, for VA */
  la s0, root
  li t0, 0x80000000 >> 2 | PTE_V | PTE_R | PTE_W | PTE_X | PTE_A | PTE_D
  sd t0, 16(s0)
  la t1, middle
  srli t0, t1, 2
  ori t0, t0, PTE_V
  sd t0, 8(s0)
  la s1, leaves
  srli t0, s1, 2
  ori t0, t0, PTE_V
  sd t0, 0(t1)
  srli t0, s0, 12
  li t1, 8 << 60
  or s2, t0, t1 /* satp */
  la s3, page
  li s4, VA
  li t0, 0x1234
  sd t0, 0(s3)

  .macro mprv_on
  li t0, MSTATUS_MPP
  csrc mstatus, t0
  li t0, 1 << 11 | MSTATUS_MPRV
  csrs mstatus, t0
  .endm
  .macro mprv_off
  li t0, MSTATUS_MPRV
  csrc mstatus, t0
  .endm
  /* \bits: of the leaf for VA, on the page with the data; then \insn in mode \mode with a1 = VA */
  .macro leaf bits
  csrw satp, s2
  srli t0, s3, 2
  ori t0, t0, \bits
  sd t0, 0(s1)
  sfence.vma
  .endm
  .macro fault number, mode, cause, insn:vararg
  STEP (\number)
  mv a1, s4
  expect 2f
  enter \mode, 1f
1:
  \insn
  j fail
2:
  check_trap 3, \cause
  bne s10, s4, fail
  .endm
  /* ... must work; the program's own page is S-mode's, so U-mode gets here by MPRV in `user` below */
  .macro works number, insn:vararg
  STEP (\number)
  mv a1, s4
  expect 2f
  enter 1, 1f
1:
  \insn
  ecall
2:
  check_trap 3, 9
  .endm

  leaf PTE_V | PTE_R | PTE_A | PTE_D
  works 1, ld a2, 0(a1)
  check_eq a2, 0x1234
  fault 2, 1, 15, sd a2, 0(a1)
  fault 3, 1, 15, amoadd.d a3, a2, (a1)
  fault 4, 1, 12, jr a1
  fault 5, 1, 15, sc.d a3, a2, (a1)
  leaf PTE_V | PTE_R | PTE_W | PTE_A | PTE_D
  li a2, 0x5678
  works 6, sd a2, 0(a1)
  ld t0, 0(s3)
  check_eq t0, 0x5678
  leaf PTE_V | PTE_X | PTE_A | PTE_D
  fault 7, 1, 13, ld a2, 0(a1)
  li t0, MSTATUS_MXR
  csrs mstatus, t0
  works 8, ld a2, 0(a1)
  li t0, MSTATUS_MXR
  csrc mstatus, t0
  leaf 0
  fault 9, 1, 13, ld a2, 0(a1)
  leaf PTE_R | PTE_A | PTE_D
  fault 10, 1, 13, ld a2, 0(a1)
  leaf PTE_V | PTE_W | PTE_A | PTE_D
  fault 11, 1, 13, ld a2, 0(a1)

  /* user pages */
  leaf PTE_V | PTE_R | PTE_W | PTE_X | PTE_U | PTE_A | PTE_D
  fault 12, 1, 13, ld a2, 0(a1)
  li t0, MSTATUS_SUM
  csrs mstatus, t0
  works 13, ld a2, 0(a1)
  fault 14, 1, 12, jr a1
  li t0, MSTATUS_SUM
  csrc mstatus, t0

  STEP (20) /* U-mode code on the page: an ecall */
  li t0, 0x00000073
  sw t0, 0(s3)
  fence.i
  expect 1f
  li t0, MSTATUS_MPP
  csrc mstatus, t0
  csrw mepc, s4
  mret
1:
  check_trap 3, 8
  bne s9, s4, fail
  STEP (21) /* on a supervisor's page it may not run */
  leaf PTE_V | PTE_R | PTE_W | PTE_X | PTE_A | PTE_D
  expect 1f
  li t0, MSTATUS_MPP
  csrc mstatus, t0
  csrw mepc, s4
  mret
1:
  check_trap 3, 12
  bne s9, s4, fail

  STEP (30) /* MPRV: M-mode's data accesses as S-mode's, its fetches not */
  leaf PTE_V | PTE_R | PTE_A | PTE_D
  li t0, 0xabcd
  sd t0, 0(s3)
  mprv_on
  ld a2, 0(s4)
  mprv_off
  check_eq a2, 0xabcd
  STEP (31)
  mprv_on
  expect 1f
  sd a2, 0(s4)
  j fail
1:
  mprv_off
  check_trap 3, 15
  bne s10, s4, fail

  STEP (40) /* a stale entry goes with the fence */
  leaf PTE_V | PTE_R | PTE_W | PTE_A | PTE_D
  mprv_on
  ld a2, 0(s4)
  mprv_off
  la t1, page2
  li t0, 0x2222
  sd t0, 0(t1)
  srli t0, t1, 2
  ori t0, t0, PTE_V | PTE_R | PTE_W | PTE_A | PTE_D
  sd t0, 0(s1)
  sfence.vma s4, zero
  mprv_on
  ld a2, 0(s4)
  mprv_off
  check_eq a2, 0x2222

  STEP (41) /* the same in parts, by all the ways to name it */
  .macro swap number, where, insn:vararg
  STEP (\number)
  la t1, \where
  srli t0, t1, 2
  ori t0, t0, PTE_V | PTE_R | PTE_W | PTE_A | PTE_D
  sd t0, 0(s1)
  \insn
  mprv_on
  ld a2, 0(s4)
  mprv_off
  ld t0, 0(t1)
  bne t0, a2, fail
  .endm
  .macro inval_va
  .4byte 0x18000073 /* sfence.w.inval */
  .4byte 0x160a0073 /* sinval.vma s4, zero */
  .4byte 0x18100073 /* sfence.inval.ir */
  .endm
  .macro inval_all
  .4byte 0x18000073
  .4byte 0x16000073 /* sinval.vma zero, zero */
  .4byte 0x18100073
  .endm
  swap 41, page, inval_va
  swap 42, page2, inval_all
  li t2, 0
  swap 43, page, sfence.vma zero, t2
  swap 44, page2, sfence.vma s4, t2
  swap 45, page, sfence.vma

  STEP (50) /* accessed and dirty bits: set by hardware, or a page fault */
  .macro bits number, bits, insn:vararg
  STEP (\number)
  leaf \bits
  li a0, 0
  expect 2f
  enter 1, 1f
1:
  \insn
  li a0, 1
  ecall
2:
  beqz a0, 3f
  ld t0, 0(s1)
  andi t0, t0, PTE_A | PTE_D
  bne t0, a4, fail
  j 4f
3:
  ld t0, 0(s1)
  andi t0, t0, PTE_A | PTE_D
  li t1, (\bits) & (PTE_A | PTE_D)
  bne t0, t1, fail
  bne s8, a5, fail
4:
  .endm
  mv a1, s4
  li a4, PTE_A
  li a5, 13
  bits 51, PTE_V | PTE_R | PTE_W, ld a2, 0(a1)
  li a4, PTE_A | PTE_D
  li a5, 15
  bits 52, PTE_V | PTE_R | PTE_W, sd a2, 0(a1)
  bits 53, PTE_V | PTE_R | PTE_W | PTE_A, sd a2, 0(a1)

  STEP (60) /* a page of 2 MiB, and a misaligned one */
  la t1, middle
  li t0, 0x80000000 >> 2 | PTE_V | PTE_R | PTE_A | PTE_D
  sd t0, 8(t1)
  sfence.vma
  la t2, _start
  lwu t3, 0(t2)
  li t4, VA + 0x200000
  mprv_on
  lwu a2, 0(t4)
  mprv_off
  bne a2, t3, fail
  STEP (61)
  li t0, 0x80001000 >> 2 | PTE_V | PTE_R | PTE_A | PTE_D
  sd t0, 8(t1)
  sfence.vma
  mprv_on
  expect 1f
  lwu a2, 0(t4)
  j fail
1:
  mprv_off
  check_trap 3, 13

  STEP (70) /* addresses that are not canonical */
  li t4, 1 << 38
  mprv_on
  expect 1f
  ld a2, 0(t4)
  j fail
1:
  mprv_off
  check_trap 3, 13
  li t4, 1 << 38
  bne s10, t4, fail

  STEP (80) /* an instruction whose second half is on a page that is not there, then is */
  leaf PTE_V | PTE_R | PTE_X | PTE_A | PTE_D
  sd zero, 8(s1)
  li t0, 0x0073 /* the lower half of ecall */
  li t1, 4094
  add t1, t1, s3
  sh t0, 0(t1)
  la t1, page2
  sh zero, 0(t1)
  fence.i
  sfence.vma
  li t2, VA + 4094
  expect 1f
  li t0, MSTATUS_MPP
  csrc mstatus, t0
  li t0, 1 << 11
  csrs mstatus, t0
  csrw mepc, t2
  mret
1:
  check_trap 3, 12
  bne s9, t2, fail
  addi t3, t2, 2
  bne s10, t3, fail
  STEP (81)
  la t1, page2
  srli t0, t1, 2
  ori t0, t0, PTE_V | PTE_R | PTE_X | PTE_A | PTE_D
  sd t0, 8(s1)
  sfence.vma
  expect 1f
  li t0, MSTATUS_MPP
  csrc mstatus, t0
  li t0, 1 << 11
  csrs mstatus, t0
  csrw mepc, t2
  mret
1:
  check_trap 3, 9
  bne s9, t2, fail
  STEP (82) /* accesses on two pages fault at the one that is not there */
  sd zero, 8(s1)
  sfence.vma
  li t2, VA + 4092
  mprv_on
  expect 1f
  ld a2, 0(t2)
  j fail
1:
  mprv_off
  check_trap 3, 13
  addi t3, t2, 4
  bne s10, t3, fail
  pass

  .section .bss
  .align 12
root:
  .space 4096
middle:
  .space 4096
leaves:
  .space 4096
page:
  .space 4096
page2:
  .space 4096
