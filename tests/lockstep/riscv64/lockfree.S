/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Counters by LR/SC in loops that the ISA guarantees to make progress and in others, by AMOs of both sizes, a lock; and a stack of nodes
 * that is popped with loads between LR and SC, whose nodes come back: a store-conditional that only compares gives one node to two. */
#include "smp.h"

#define NODES 6
#define BURST 2000

main:
  csrr s5, mhartid
  mv s4, a0
  mv s6, a0
  la s0, counters
  la s1, head
  bnez s5, 2f
  /* the stack: all nodes */
  la t0, nodes
  li t1, NODES
  li t2, 0
1:
  sd t2, 0(t0)
  mv t2, t0
  addi t0, t0, 64
  addi t1, t1, -1
  bnez t1, 1b
  sd t2, 0(s1)
2:
  barrier
  /* all at once and nothing else: what is not atomic loses some */
  li s7, BURST
  li t0, 1
  addi t1, s0, 128
17:
  amoadd.d zero, t0, (t1)
  addi t2, t1, 8
  amoadd.w zero, t0, (t2)
  addi t2, t1, 16
18:
  lr.d t3, (t2)
  addi t3, t3, 1
  sc.d t4, t3, (t2)
  bnez t4, 18b
  addi t2, t1, 24
19:
  lr.w t3, (t2)
  addi t3, t3, 1
  sc.w t4, t3, (t2)
  bnez t4, 19b
  addi s7, s7, -1
  bnez s7, 17b

again:
  /* counters */
1:
  lr.d t0, (s0)
  addi t0, t0, 1
  sc.d t1, t0, (s0)
  bnez t1, 1b
  addi t1, s0, 8
2:
  lr.w t0, (t1)
  ld t3, 256(s0) /* an access in between */
  addi t0, t0, 1
  sc.w t2, t0, (t1)
  bnez t2, 2b
  li t0, 1
  addi t1, s0, 12
  amoadd.w zero, t0, (t1)
  addi t1, s0, 16
  amoadd.d.aqrl zero, t0, (t1)
  /* the greatest and the least */
  sub t0, s6, s4
  slli t0, t0, 2
  add t0, t0, s5
  addi t1, s0, 24
  amomax.d zero, t0, (t1)
  neg t0, t0
  addi t1, s0, 32
  amomin.d zero, t0, (t1)
  /* by compare and swap made of LR/SC with a branch out */
  addi t1, s0, 40
3:
  ld t0, 0(t1)
  addi t2, t0, 1
4:
  lr.d t3, (t1)
  bne t3, t0, 3b
  sc.d t3, t2, (t1)
  bnez t3, 4b
  /* a lock around two words in another page */
  addi t1, s0, 64
  li t0, 1
5:
  amoswap.w.aq t2, t0, (t1)
  beqz t2, 6f
  pause
  j 5b
6:
  la t3, locked
  ld t2, 0(t3)
  ld t4, 8(t3)
  STEP (20)
  bne t2, t4, fail
  addi t2, t2, 1
  sd t2, 0(t3)
  sd t2, 8(t3)
  amoswap.w.rl zero, zero, (t1)

  /* pop */
  li s7, 0
7:
  lr.d.aq t0, (s1)
  beqz t0, 12f
  ld t1, 0(t0)
  bnez s7, 8f
  /* others have their turn, once */
  andi t2, s4, 3
  bnez t2, 8f
  pause
  pause
8:
  li s7, 1
  sc.d.rl t2, t1, (s1)
  bnez t2, 7b
  /* it is this hart's alone */
  addi t3, t0, 8
  li t2, 1
  amoadd.d t4, t2, (t3)
  STEP (21)
  bnez t4, fail
  andi t2, s4, 7
  bnez t2, 9f
  pause
9:
  li t2, -1
  amoadd.d t4, t2, (t3)
  li t2, 1
  STEP (22)
  bne t4, t2, fail
  /* push */
10:
  lr.d t1, (s1)
  sd t1, 0(t0)
  sc.d.rl t2, t0, (s1)
  bnez t2, 10b
12:
  /* a plain store takes a reservation away, also one of the value that was there: hart 0 shuts the gate, counts, and opens it; who
   * reserved it open and saw the count change must not succeed */
  la t1, gate
  bnez s5, 15f
  li t2, 1
  sd t2, 0(t1)
  fence w, w
  ld t3, 64(t1)
  addi t3, t3, 1
  sd t3, 64(t1)
  fence w, w
  sd zero, 0(t1)
  andi t2, s4, 1
  bnez t2, 16f
  pause
  j 16f
15:
  lr.d.aq t0, (t1)
  bnez t0, 16f
  ld t2, 64(t1)
  pause
  fence rw, rw
  ld t3, 64(t1)
  fence rw, rw
  sc.d.rl t4, zero, (t1)
  bnez t4, 16f
  STEP (23)
  bne t2, t3, fail
16:
  addi s4, s4, -1
  bnez s4, again

  barrier
  bnez s5, park
  li t0, HARTS
  mul s2, s6, t0
  STEP (1)
  ld t0, 0(s0)
  bne t0, s2, fail
  STEP (2)
  lw t0, 8(s0)
  bne t0, s2, fail
  STEP (3)
  lw t0, 12(s0)
  bne t0, s2, fail
  STEP (4)
  ld t0, 16(s0)
  bne t0, s2, fail
  STEP (5)
  ld t0, 24(s0)
  addi t1, s2, -1
  bne t0, t1, fail
  STEP (6)
  ld t0, 32(s0)
  neg t0, t0
  bne t0, t1, fail
  STEP (7)
  ld t0, 40(s0)
  bne t0, s2, fail
  STEP (8)
  la t3, locked
  ld t0, 0(t3)
  bne t0, s2, fail
  /* every node is there once */
  STEP (9)
  ld t0, 0(s1)
  li t1, 0
13:
  beqz t0, 14f
  addi t1, t1, 1
  li t2, NODES
  bgtu t1, t2, fail
  ld t0, 0(t0)
  j 13b
14:
  STEP (10)
  li t2, NODES
  bne t1, t2, fail
  li t2, HARTS * BURST
  STEP (11)
  ld t0, 128(s0)
  bne t0, t2, fail
  STEP (12)
  lw t0, 136(s0)
  bne t0, t2, fail
  STEP (13)
  ld t0, 144(s0)
  bne t0, t2, fail
  STEP (14)
  lw t0, 152(s0)
  bne t0, t2, fail
  pass

  .section .bss
  .align 12
counters:
  .space 2048
head:
  .space 2048
locked:
  .space 4096
gate:
  .space 4096
nodes:
  .space 4096
