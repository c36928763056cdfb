/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Programs for four harts: a0 is the number of rounds, a1 a random number. Reports as guest.h says. */
#define SMP
#include "guest.h"

#define HARTS 4
#define IPI 0x10001000 /* a store of a hart's number interrupts it */

  /* All harts; t0..t3 are lost. */
  .macro barrier
  la t0, barrier_count
  li t1, 1
  lw t2, 64(t0) /* the generation */
  amoadd.w.aqrl t3, t1, (t0)
  li t1, HARTS - 1
  bne t3, t1, 900f
  sw zero, 0(t0)
  fence rw, rw
  addi t2, t2, 1
  sw t2, 64(t0)
  j 902f
900:
  addi t0, t0, 64
901:
  pause
  lw t3, 0(t0)
  beq t3, t2, 901b
902:
  fence rw, rw
  .endm

  .section .bss
  .align 12
barrier_count:
  .space 4096

  .text
