/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* LR/SC and AMOs: results, reservations, alignment; cache blocks; code that changes itself. */
#include "guest.h"

main:
  la a0, data
  STEP (1)
  li t0, 5
  sd t0, 0(a0)
  lr.d t1, (a0)
  check_eq t1, 5
  li t2, 6
  sc.d t3, t2, (a0)
  bnez t3, fail
  ld t1, 0(a0)
  check_eq t1, 6
  STEP (2) /* one reservation, one store */
  sc.d t3, t2, (a0)
  beqz t3, fail
  STEP (3) /* elsewhere */
  lr.d t1, (a0)
  addi a1, a0, 2047
  addi a1, a1, 2041
  sc.d t3, t2, (a1)
  beqz t3, fail
  STEP (4) /* a failed one takes the reservation with it */
  sc.d t3, t2, (a0)
  beqz t3, fail
  STEP (5) /* words are sign-extended */
  li t0, 0x80000000
  sw t0, 0(a0)
  lr.w t1, (a0)
  li t2, -0x80000000
  bne t1, t2, fail
  li t0, 1
  sc.w t3, t0, (a0)
  bnez t3, fail

  .macro amo number, op, old, value, result
  STEP (\number)
  li t0, \old
  sd t0, 0(a0)
  li t1, \value
  \op t2, t1, (a0)
  bne t2, t0, fail
  ld t3, 0(a0)
  li t4, \result
  bne t3, t4, fail
  .endm
  amo 10, amoswap.d, 1, 2, 2
  amo 11, amoadd.d, -1, 2, 1
  amo 12, amoxor.d, 0xff, 0x0f, 0xf0
  amo 13, amoand.d, 0xff, 0x0f, 0x0f
  amo 14, amoor.d, 0xf0, 0x0f, 0xff
  amo 15, amomin.d, -1, 1, -1
  amo 16, amomax.d, -1, 1, 1
  amo 17, amominu.d, -1, 1, 1
  amo 18, amomaxu.d, -1, 1, -1
  STEP (19) /* of words: the upper half stays, the old value is sign-extended */
  li t0, 0x11111111ffffffff
  sd t0, 0(a0)
  li t1, 1
  amoadd.w.aqrl t2, t1, (a0)
  check_eq t2, -1
  ld t3, 0(a0)
  li t4, 0x1111111100000000
  bne t3, t4, fail
  STEP (20) /* the old value into the register of the address, or of the value */
  li t0, 7
  sd t0, 0(a0)
  mv a1, a0
  li t1, 1
  amoadd.d a1, t1, (a1)
  check_eq a1, 7
  amoadd.d t1, t1, (a0)
  check_eq t1, 8
  ld t1, 0(a0)
  check_eq t1, 9

  .macro misaligned number, cause, insn:vararg
  STEP (\number)
  expect 1f
  \insn
  j fail
1:
  check_trap 3, \cause
  bne s10, a1, fail
  .endm
  addi a1, a0, 2
  misaligned 30, 6, amoadd.w t1, t1, (a1)
  misaligned 31, 4, lr.w t1, (a1)
  misaligned 32, 6, sc.w t1, t1, (a1)
  addi a1, a0, 4
  misaligned 33, 6, amoswap.d t1, t1, (a1)
  misaligned 34, 4, lr.d t1, (a1)
  STEP (35) /* plain accesses may be */
  li t0, 0x1122334455667788
  sd t0, 3(a0)
  ld t1, 3(a0)
  bne t0, t1, fail
  lhu t1, 5(a0)
  check_eq t1, 0x5566

  STEP (40) /* cache blocks */
  la a0, block
  li t0, -1
  li t1, 24
1:
  slli t2, t1, 3
  add t2, t2, a0
  sd t0, -8(t2)
  addi t1, t1, -1
  bnez t1, 1b
  addi a1, a0, 100
  cbo.zero (a1)
  ld t1, 56(a0)
  bne t1, t0, fail
  ld t1, 64(a0)
  bnez t1, fail
  ld t1, 120(a0)
  bnez t1, fail
  ld t1, 128(a0)
  bne t1, t0, fail
  STEP (41)
  cbo.clean (a1)
  cbo.flush (a1)
  cbo.inval (a1)
  .macro cbo_illegal number, mode, insn
  STEP (\number)
  expect 2f
  enter \mode, 1f
1:
  \insn (a1)
  j fail
2:
  check_trap 3, 2
  .endm
  csrw 0x30a, zero
  cbo_illegal 42, 1, cbo.zero
  cbo_illegal 43, 1, cbo.clean
  cbo_illegal 44, 1, cbo.inval
  set_csr 0x30a, 0xf0
  csrw 0x10a, zero
  cbo_illegal 45, 0, cbo.zero
  cbo_illegal 46, 0, cbo.flush
  STEP (47)
  set_csr 0x10a, 0xf0
  expect 2f
  enter 0, 1f
1:
  cbo.zero (a1)
  cbo.flush (a1)
  cbo.inval (a1)
  ecall
2:
  check_trap 3, 8

  STEP (50) /* code that is written over, in a loop */
  li s0, 0
  li s1, 100
1:
  slli t0, s0, 20
  li t1, 0x513 /* addi a0, zero, s0 */
  or t0, t0, t1
  la t2, patched
  sw t0, 0(t2)
  fence.i
  jalr t2
  bne a0, s0, fail
  addi s0, s0, 1
  bne s0, s1, 1b
  STEP (51) /* the instruction after the store */
  li t1, 0x00000013 /* nop */
  la t2, 2f
  sw t1, 0(t2)
  fence.i
  .option push
  .option norvc
2:
  j fail
  .option pop
  STEP (52) /* waits that end */
  .insn 0x00d00073 /* wrs.nto without a reservation */
  .insn 0x01d00073 /* wrs.sto */
  pause
  fence
  fence.tso
  pass

  .option norvc
patched:
  addi a0, zero, 0
  ret

  .section .bss
  .align 12
data:
  .space 8192
block:
  .space 4096
