/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Litmus shapes whose weak outcome the memory model forbids. Two harts, or four, run through arrays of locations, so that they meet
 * somewhere in the middle. Harts 0 and 1 have one set of arrays, 2 and 3 another. */
#include "smp.h"

#define N 256
#define STRIDE 64
#define SPAN (N * STRIDE)

/* s0: x, s1: y, s2: results (16 bytes a location: of the even hart, of the odd one), s3: which of the pair, s4: rounds, s5: hart */

  /* \p0 and \p1 work on t0 = x[i], t1 = y[i], leave what they read in t2; \both: four harts and the first arrays */
  .macro shape step, p0, p1, bad0, bad1
  STEP (\step)
  call clear
  barrier
  mv t0, s0
  mv t1, s1
  mv t4, s2
  li t5, N
  bnez s3, 2f
1:
  \p0
  sd t2, 0(t4)
  addi t0, t0, STRIDE
  addi t1, t1, STRIDE
  addi t4, t4, 16
  addi t5, t5, -1
  bnez t5, 1b
  j 3f
2:
  \p1
  sd t2, 8(t4)
  addi t0, t0, STRIDE
  addi t1, t1, STRIDE
  addi t4, t4, 16
  addi t5, t5, -1
  bnez t5, 2b
3:
  barrier
  li a2, \bad0
  li a3, \bad1
  call check
  .endm

  /* store buffering */
  .macro sb_fence_0
  li t3, 1
  sw t3, 0(t0)
  fence rw, rw
  lw t2, 0(t1)
  .endm
  .macro sb_fence_1
  li t3, 1
  sw t3, 0(t1)
  fence rw, rw
  lw t2, 0(t0)
  .endm
  .macro sb_wr_0
  li t3, 1
  sd t3, 0(t0)
  fence w, r
  ld t2, 0(t1)
  .endm
  .macro sb_wr_1
  li t3, 1
  sd t3, 0(t1)
  fence w, r
  ld t2, 0(t0)
  .endm
  .macro sb_amo_0
  li t3, 1
  amoswap.w.aqrl t2, t3, (t0)
  lw t2, 0(t1)
  .endm
  .macro sb_amo_1
  li t3, 1
  amoswap.w.aqrl t2, t3, (t1)
  lw t2, 0(t0)
  .endm
  /* a store-conditional is one operation with what it is paired with */
  .macro sb_sc_0
  li t3, 1
10:
  lr.w.aqrl t2, (t0)
  sc.w.aqrl t2, t3, (t0)
  bnez t2, 10b
  fence rw, rw
  lw t2, 0(t1)
  .endm
  .macro sb_sc_1
  li t3, 1
10:
  lr.w.aqrl t2, (t1)
  sc.w.aqrl t2, t3, (t1)
  bnez t2, 10b
  fence rw, rw
  lw t2, 0(t0)
  .endm
  /* message passing: x is the message, y the flag. Read: 2 * flag + message */
  .macro mp_0
  li t3, 1
  sw t3, 0(t0)
  fence w, w
  sw t3, 0(t1)
  li t2, 0
  .endm
  .macro mp_1
  lw t2, 0(t1)
  fence r, r
  lw t3, 0(t0)
  slli t2, t2, 1
  or t2, t2, t3
  .endm
  .macro mp_rl_0
  li t3, 1
  sw t3, 0(t0)
  amoswap.w.rl x0, t3, (t1)
  li t2, 0
  .endm
  .macro mp_aq_1
  amoor.w.aq t2, x0, (t1)
  lw t3, 0(t0)
  slli t2, t2, 1
  or t2, t2, t3
  .endm
  /* load buffering */
  .macro lb_0
  lw t2, 0(t0)
  fence rw, rw
  li t3, 1
  sw t3, 0(t1)
  .endm
  .macro lb_1
  lw t2, 0(t1)
  fence rw, rw
  li t3, 1
  sw t3, 0(t0)
  .endm
  /* one location does not go back: with the first read 1 the second is not 0 */
  .macro co_0
  li t3, 1
  sw t3, 0(t0)
  li t2, 0
  .endm
  .macro co_1
  lw t2, 0(t0)
  lw t3, 0(t0)
  slli t2, t2, 1
  or t2, t2, t3
  .endm

main:
  csrr s5, mhartid
  andi s3, s5, 1
  mv s4, a0
again:
  srli t0, s5, 1
  li t1, 3 * SPAN
  mul t0, t0, t1
  la s0, arrays
  add s0, s0, t0
  li t1, SPAN
  add s1, s0, t1
  add s2, s1, t1
  shape 1, sb_fence_0, sb_fence_1, 0, 0
  shape 2, sb_wr_0, sb_wr_1, 0, 0
  shape 3, sb_amo_0, sb_amo_1, 0, 0
  shape 4, sb_sc_0, sb_sc_1, 0, 0
  shape 5, mp_0, mp_1, 0, 2
  shape 6, mp_rl_0, mp_aq_1, 0, 2
  shape 7, lb_0, lb_1, 1, 1
  shape 8, co_0, co_1, 0, 2

  /* independent reads of independent writes, all four on the first arrays: 0 writes x, 1 writes y, 2 reads x then y, 3 y then x */
  STEP (9)
  la s0, arrays
  li t1, SPAN
  add s1, s0, t1
  add s2, s1, t1
  call clear
  barrier
  mv t0, s0
  mv t1, s1
  mv t4, s2
  li t5, N
  li t3, 1
  li t2, 2
  bltu s5, t2, 2f
  bne s5, t2, 3f
1:
  lw t2, 0(t0)
  fence r, r
  lw t3, 0(t1)
  slli t2, t2, 1
  or t2, t2, t3
  sd t2, 0(t4)
  addi t0, t0, STRIDE
  addi t1, t1, STRIDE
  addi t4, t4, 16
  addi t5, t5, -1
  bnez t5, 1b
  j 4f
2:
  beqz s5, 21f
  mv t0, t1
21:
  sw t3, 0(t0)
  addi t0, t0, STRIDE
  addi t5, t5, -1
  bnez t5, 21b
  j 4f
3:
  lw t2, 0(t1)
  fence r, r
  lw t3, 0(t0)
  slli t2, t2, 1
  or t2, t2, t3
  sd t2, 8(t4)
  addi t0, t0, STRIDE
  addi t1, t1, STRIDE
  addi t4, t4, 16
  addi t5, t5, -1
  bnez t5, 3b
4:
  barrier
  li a2, 2
  li a3, 2
  call check

  addi s4, s4, -1
  bnez s4, again
  barrier
  bnez s5, 5f
  pass
5:
  j park

  /* Zero in the pair's arrays: x by the even hart, y by the odd one. */
clear:
  mv t0, s0
  beqz s3, 1f
  mv t0, s1
1:
  li t5, SPAN
  add t5, t5, t0
2:
  sd zero, 0(t0)
  addi t0, t0, STRIDE
  bltu t0, t5, 2b
  ret

  /* The pair's even hart looks for a2 and a3 together. All wait before the arrays are cleared. */
check:
  mv s6, ra
  bnez s3, 2f
  mv t4, s2
  li t5, N
1:
  ld t0, 0(t4)
  ld t1, 8(t4)
  xor t0, t0, a2
  xor t1, t1, a3
  or t0, t0, t1
  beqz t0, fail
  addi t4, t4, 16
  addi t5, t5, -1
  bnez t5, 1b
2:
  barrier
  mv ra, s6
  ret

  .section .bss
  .align 12
arrays:
  .space 6 * SPAN
