/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* mstatus.FS, fcsr, rounding modes that are none. */
#include "guest.h"

  .macro illegal number, insn:vararg
  STEP (\number)
  expect 1f
  \insn
  j fail
1:
  check_trap 3, 2
  .endm
  .macro set_fs value
  li t0, MSTATUS_FS
  csrc mstatus, t0
  li t0, (\value) << 13
  csrs mstatus, t0
  .endm
  .macro check_fs value
  csrr t0, mstatus
  srli t1, t0, 13
  andi t1, t1, 3
  check_eq t1, \value
  srli t0, t0, 63
  check_eq t0, (\value) / 3
  .endm

main:
  illegal 1, fadd.s ft0, ft0, ft0
  la a0, data
  illegal 2, fld ft0, 0(a0)
  illegal 3, fsd ft0, 0(a0)
  illegal 4, frcsr t0
  illegal 5, fsrmi 1
  illegal 6, fmv.x.d t0, ft0
  illegal 7, c.fsdsp ft0, 0(sp)

  STEP (10) /* reading leaves it clean, writing makes it dirty */
  set_fs 2
  fsd ft0, 0(a0)
  check_fs 2
  STEP (11)
  fmv.x.d t2, ft0
  check_fs 2
  frcsr t2
  check_fs 2
  STEP (12)
  fld ft0, 8(a0)
  check_fs 3
  STEP (13)
  set_fs 1
  fadd.d ft1, ft0, ft0
  check_fs 3
  STEP (14)
  set_fs 1
  fsflagsi 0
  check_fs 3
  STEP (15)
  set_fs 2
  fmv.d.x ft2, zero
  check_fs 3
  STEP (16) /* many, in one straight line */
  set_fs 1
  fadd.d ft1, ft0, ft0
  fadd.d ft1, ft1, ft0
  fmv.x.d t2, ft1
  check_fs 3
  li t3, 0x4008000000000000 /* 3.0 */
  bne t2, t3, fail

  STEP (20) /* a load that faults leaves both the register and FS */
  set_fs 1
  fmv.d.x ft3, zero
  set_fs 1
  li a1, -8
  expect 1f
  fld ft3, 0(a1)
  j fail
1:
  check_trap 3, 5
  check_fs 1
  fmv.x.d t2, ft3
  bnez t2, fail

  STEP (30) /* dynamic rounding with modes that are none */
  set_fs 3
  .macro bad_frm value, base
  fsrmi \value
  illegal \base, fadd.s ft0, ft0, ft0
  STEP (\base + 1)
  fsgnj.s ft4, ft0, ft0 /* has no rounding */
  fadd.s ft4, ft0, ft0, rtz /* has its own */
  .endm
  bad_frm 5, 31
  bad_frm 6, 33
  bad_frm 7, 35
  fsrmi 0
  illegal 37, .word 0x00005053 /* fadd.s ft0, ft0, ft0 with mode 5 */
  illegal 38, .word 0x00006053
  STEP (39)
  fadd.s ft0, ft0, ft0

  STEP (40) /* fcsr is its parts */
  li t0, 0xff
  fscsr t0
  frrm t1
  check_eq t1, 7
  frflags t1
  check_eq t1, 31
  fsrmi 2
  fsflagsi 5
  frcsr t1
  check_eq t1, 0x45
  li t0, -1
  fscsr t0
  frcsr t1
  check_eq t1, 0xff
  fscsr zero

  STEP (50) /* flags accumulate: 1/0, then 0/0 */
  li t0, 1
  fcvt.d.l ft0, t0
  fmv.d.x ft1, zero
  fdiv.d ft2, ft0, ft1
  frflags t1
  check_eq t1, 8
  fdiv.d ft2, ft1, ft1
  frflags t1
  check_eq t1, 24
  fmv.x.d t2, ft2
  li t3, 0x7ff8000000000000
  bne t2, t3, fail
  STEP (51) /* a single that is not boxed is the canonical NaN */
  li t2, 0x3f800000
  fmv.d.x ft0, t2
  fadd.s ft1, ft0, ft0
  fmv.x.d t2, ft1
  li t3, 0xffffffff7fc00000
  bne t2, t3, fail
  STEP (52) /* rounding: 1/3 down and up differ in the last place */
  li t0, 1
  fcvt.s.w ft0, t0
  li t0, 3
  fcvt.s.w ft1, t0
  fdiv.s ft2, ft0, ft1, rdn
  fdiv.s ft3, ft0, ft1, rup
  fsrmi 3
  fdiv.s ft4, ft0, ft1
  fmv.x.w t0, ft2
  fmv.x.w t1, ft3
  fmv.x.w t2, ft4
  sub t3, t1, t0
  check_eq t3, 1
  bne t1, t2, fail
  pass

  .data
  .align 12
data:
  .dword 0, 0x3ff0000000000000
