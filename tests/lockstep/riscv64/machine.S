/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Trap handlers for random programs: see machine-riscv64.c, which lays out the memory. What a program counts on:
 *
 * - x27 holds the address to go on at after an exception that is not a load's or a store's; those skip 4 bytes.
 * - Interrupts change nothing but pending bits and stimecmp.
 * - ecall with a7: 0..5 go on in that region (the same program under another address and mode, x2, x8 and x27 with it), 16 store
 *   a1 to the page table entry a0 and fence as a2 says, 17 write a0 to satp, 18 to medeleg, 99 the end. */

#define SIZE_MASK 0xffffff
#define MMIO_M 0x10000ff0

  .macro handler csr_scratch, csr_cause, csr_epc, ret, m
  csrrw x31, \csr_scratch, x31
  sd x5, 0(x31)
  sd x6, 8(x31)
  sd x7, 16(x31)
  csrr x5, \csr_cause
  bltz x5, 10f
  csrr x6, \csr_epc
  addi x7, x5, -8
  beqz x7, 20f
  addi x7, x5, -9
  beqz x7, 20f
  addi x7, x5, -11
  beqz x7, 20f
  li x7, 1
  sll x7, x7, x5
  li x5, 0xa0f0 /* loads and stores: 4..7, 13, 15 */
  and x7, x7, x5
  mv x5, x27
  beqz x7, 1f
  addi x5, x6, 4
1:
  csrw \csr_epc, x5
2:
  ld x5, 0(x31)
  ld x6, 8(x31)
  ld x7, 16(x31)
  csrrw x31, \csr_scratch, x31
  \ret

10: /* interrupts */
  slli x5, x5, 1
  srli x5, x5, 1
  addi x5, x5, -5
  bnez x5, 11f
  li x5, -1
  csrw stimecmp, x5
  j 2b
11:
  .if \m
  li x5, 0x202
  csrc mip, x5
  .else
  csrci sip, 2
  .endif
  j 2b

20: /* calls */
  addi x6, x6, 4
  csrw \csr_epc, x6
  li x5, 6
  .if \m
  .else
  beqz x17, 2b
  .endif
  bltu x17, x5, 30f
  addi x5, x17, -16
  beqz x5, 40f
  addi x5, x17, -17
  beqz x5, 50f
  .if \m
  addi x5, x17, -18
  beqz x5, 60f
  .endif
  li x5, 99
  bne x17, x5, 2b
  .if \m
  li x5, MMIO_M
  .else
  li x5, 0x8003cff0
  .endif
  sw x0, 0(x5)
  j .

30: /* another region */
  slli x5, x17, 4
  lla x7, regions
  add x7, x7, x5
  ld x5, 0(x7) /* its base */
  ld x7, 8(x7) /* its mode */
  .if \m
  slli x7, x7, 11
  li x6, 3 << 11
  csrc mstatus, x6
  csrs mstatus, x7
  .else
  andi x7, x7, 1
  slli x7, x7, 8
  li x6, 1 << 8
  csrc sstatus, x6
  csrs sstatus, x7
  .endif
  csrr x6, \csr_epc
  slli x6, x6, 40
  srli x6, x6, 40
  add x6, x6, x5
  csrw \csr_epc, x6
  slli x2, x2, 40
  srli x2, x2, 40
  add x2, x2, x5
  slli x8, x8, 40
  srli x8, x8, 40
  add x8, x8, x5
  slli x27, x27, 40
  srli x27, x27, 40
  add x27, x27, x5
  j 2b

40: /* a page table entry */
  sd x11, 0(x10)
  andi x5, x12, 3
  bnez x5, 41f
  sfence.vma
  j 2b
41:
  addi x5, x5, -1
  bnez x5, 42f
  sfence.vma x13
  j 2b
42:
  addi x5, x5, -1
  bnez x5, 43f
  sfence.vma x0, x14
  j 2b
43:
  sfence.vma x13, x14
  j 2b

50: /* an address space */
  csrw satp, x10
  j 2b

  .if \m
60:
  csrw medeleg, x10
  j 2b
  .endif
  .endm

  .section .text.start, "ax"
  .global _start
_start:
  .balign 8
  .option norvc
  j trap_m
  j trap_s
  .option rvc
  .balign 8
regions:
  .dword 0x80000000, 3
  .dword 0x80000000, 1
  .dword 0xa0000000, 1
  .dword 0x40000000, 0
  .dword 0x60000000, 0
  .dword 0xc0000000, 1

  .balign 4
trap_m:
  handler mscratch, mcause, mepc, mret, 1
  .balign 4
trap_s:
  handler sscratch, scause, sepc, sret, 0
