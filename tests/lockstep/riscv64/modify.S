/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Code that one hart changes while the others run it. The writer is another hart each round: it stores an immediate and the target of a
 * jump, says so with interrupts, and the others, who were calling all the time, go through fence.i and must see the new code. Before
 * that they may see either. */
#include "smp.h"

/* s0: patched, s1: word of this round, s2: its writer, s3: round, s4: rounds, s5: hart, s6: state */

main:
  csrr s5, mhartid
  mv s4, a0
  li s3, 0
  la s0, patched
  la s6, state
  la t0, interrupt
  csrw mtvec, t0
  slli t0, s5, 6
  la t1, saves
  add t0, t0, t1
  csrw mscratch, t0
  li t0, 2
  csrs mie, t0
  csrsi mstatus, MSTATUS_MIE
  barrier
again:
  addi s3, s3, 1
  andi s2, s3, 3
  bne s2, s5, reader

  /* let the others run the old code for a while, hot */
  li t5, 10
1:
  pause
  addi t5, t5, -1
  bnez t5, 1b
  andi t0, s3, 0x3ff /* addi a0, zero, round */
  slli t0, t0, 20
  li t1, 0x513
  or t0, t0, t1
  sw t0, 0(s0)
  /* jal zero, to one of two */
  la t1, jump
  andi t0, s3, 1
  li t2, 0x0080006f /* 8 on */
  beqz t0, 2f
  li t2, 0x00c0006f /* 12 on */
2:
  sw t2, 0(t1)
  fence rw, rw
  sd s3, 0(s6) /* the round is announced */
  fence rw, rw
  li t0, IPI
  li t1, 0
3:
  beq t1, s5, 4f
  sw t1, 0(t0)
4:
  addi t1, t1, 1
  li t2, HARTS
  bne t1, t2, 3b
  fence.i
  call both
  j checked

reader:
  li s9, 16
4:
  /* the old or the new, whatever it is it is one of them */
  call both
  andi t0, s3, 0x3ff
  beq a0, t0, 1f
  addi t1, s3, -1
  andi t1, t1, 0x3ff
  STEP (1)
  bne a0, t1, fail
1:
  addi s9, s9, -1
  bnez s9, 4b
  pause
  ld t0, 0(s6)
  bne t0, s3, reader
  /* and the interrupt, which may be late */
  slli t1, s5, 3
  add t1, t1, s6
2:
  csrci mstatus, MSTATUS_MIE /* so that it does not come before the wait, which it ends all the same */
  ld t0, 64(t1)
  bgeu t0, s3, 3f
  wfi
  csrsi mstatus, MSTATUS_MIE
  j 2b
3:
  csrsi mstatus, MSTATUS_MIE
  fence.i
  call both
checked:
  andi t0, s3, 0x3ff
  STEP (2)
  bne a0, t0, fail
  andi t0, s3, 1
  STEP (3)
  bne a1, t0, fail
  /* a round has its own end: nobody stores while another has not looked */
  barrier
  bne s3, s4, again
  bnez s5, 5f
  pass
5:
  j park

  /* Interrupts: the round that was announced has been seen. */
  .align 2
interrupt:
  csrrw t6, mscratch, t6
  sd t0, 0(t6)
  sd t1, 8(t6)
  csrr t0, mcause
  bgez t0, 6f
  li t0, 2
  csrc mip, t0
  fence rw, rw
  ld t0, 0(s6)
  slli t1, s5, 3
  add t1, t1, s6
  sd t0, 64(t1)
  ld t0, 0(t6)
  ld t1, 8(t6)
  csrrw t6, mscratch, t6
  mret
6:
  STEP (30)
  j fail

  .align 12
both:
  addi sp, s6, 0 /* no stack is needed: the return address stays in s7 */
  mv s7, ra
  call patched
  mv s8, a0
  call jump
  mv a1, a0
  mv a0, s8
  jr s7
  .align 12
  .option norvc
patched:
  li a0, 0
  ret
  .align 8
jump:
  j 1f
  nop
1:
  j 2f
  li a0, 1
  ret
2:
  li a0, 0
  ret
  .option rvc

  .section .bss
  .align 12
state:
  .space 4096
saves:
  .space 4096
