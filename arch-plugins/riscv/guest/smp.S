/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Four harts at once: LR/SC and AMOs on one word, a lock around two, message passing, interrupts between harts by nobody. */
#define SMP
#include "guest.h"

#define HARTS 4
#define ROUNDS 500

main:
  la s0, counters
  li s1, ROUNDS
1:
  lr.d t0, (s0)
  addi t0, t0, 1
  sc.d t1, t0, (s0)
  bnez t1, 1b
  li t0, 1
  addi t1, s0, 64
  amoadd.w zero, t0, (t1)
  addi t1, s0, 72 /* the word's neighbours must not suffer: a halfword counter by LR/SC on the word */
2:
  lr.w t0, (t1)
  addi t2, t0, 1
  sc.w t3, t2, (t1)
  bnez t3, 2b
  /* a lock by swap, around an increment in two steps */
  addi t1, s0, 128
  li t0, 1
3:
  amoswap.w.aq t2, t0, (t1)
  beqz t2, 4f
  pause
  j 3b
4:
  ld t2, 64(t1)
  addi t2, t2, 1
  sd t2, 64(t1)
  amoswap.w.rl zero, zero, (t1)
  addi s1, s1, -1
  bnez s1, 1b

  /* all must be through */
  addi t1, s0, 512
  li t0, 1
  amoadd.d.aqrl zero, t0, (t1)
  csrr t0, mhartid
  beqz t0, 5f
  j park
5:
  ld t0, 0(t1)
  li t2, HARTS
  beq t0, t2, 6f
  pause
  j 5b
6:
  fence
  li s2, HARTS * ROUNDS
  STEP (1)
  ld t0, 0(s0)
  bne t0, s2, fail
  STEP (2)
  lw t0, 64(s0)
  bne t0, s2, fail
  STEP (3)
  lw t0, 72(s0)
  bne t0, s2, fail
  STEP (4)
  ld t0, 192(s0)
  bne t0, s2, fail
  pass

  .section .bss
  .align 12
counters:
  .space 4096
