/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Sstc: the supervisor's own timer, WFI, and who may use it. */
#include "guest.h"

#define STIMECMP 0x14d
#define MENVCFG 0x30a
#define TICKS 20000 /* 2 ms */

main:
  STEP (1) /* off: its bit is M-mode's to write */
  csrw MENVCFG, zero
  li t0, 32
  csrw mip, t0
  csrr t0, mip
  andi t0, t0, 32
  beqz t0, fail
  csrw mip, zero
  set_csr mcounteren, -1
  expect 2f
  enter 1, 1f
1:
  csrw STIMECMP, zero
  j fail
2:
  check_trap 3, 2

  STEP (2) /* on: it is the comparator's */
  li t0, -1
  csrw STIMECMP, t0
  li t0, 1 << 63
  csrw MENVCFG, t0
  csrr t0, mip
  andi t0, t0, 32
  bnez t0, fail
  li t0, 32
  csrs mip, t0
  csrr t0, mip
  andi t0, t0, 32
  bnez t0, fail
  csrw STIMECMP, zero
  csrr t0, mip
  andi t0, t0, 32
  beqz t0, fail
  STEP (3)
  set_csr mcounteren, 5 /* without TM */
  expect 2f
  enter 1, 1f
1:
  csrr t0, STIMECMP
  j fail
2:
  check_trap 3, 2

  STEP (4) /* an interrupt at its time, not before, out of WFI */
  set_csr mcounteren, 7
  set_csr mideleg, 32
  set_csr mie, 32
  enter 1, 1f
1:
  csrr s0, time
  li t0, TICKS
  add s0, s0, t0
  csrw STIMECMP, s0
  csrci sstatus, MSTATUS_SIE
2:
  wfi
  csrr t0, sip
  andi t0, t0, 32
  beqz t0, 2b
  csrr t0, time
  bltu t0, s0, fail
  STEP (5)
  expect 3f
  csrsi sstatus, MSTATUS_SIE
  j fail
3:
  li t0, 0x8000000000000005
  bne s8, t0, fail
  check_eq s7, 1

  STEP (6) /* and while code runs */
  csrr s0, time
  li t0, TICKS
  add s0, s0, t0
  csrw STIMECMP, s0
  expect 2f
  csrsi sstatus, MSTATUS_SIE
1:
  j 1b
2:
  csrr t0, time
  bltu t0, s0, fail
  li t0, 0x8000000000000005
  bne s8, t0, fail
  STEP (7) /* put off, it is no longer pending */
  li t0, -1
  csrw STIMECMP, t0
  csrr t0, sip
  bnez t0, fail
  pass
