/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* clang-format off */
/* The control and status registers, in order of their numbers; no include guard.
 *
 * CSR (number, name, get, set, check, arg, flags, text)
 *
 * get and set are functions riscv_csr_get_* / set_*: `field` ones are made by RISCV_CSR_FIELD in riscv-csr.c. set may be NULL: all of
 * it is WARL and reads as get says. check (nullable) is asked on top of what the number says. */
#define REPEAT_29(M) M (3) M (4) M (5) M (6) M (7) M (8) M (9) M (10) M (11) M (12) M (13) M (14) M (15) M (16) M (17) M (18) M (19) \
  M (20) M (21) M (22) M (23) M (24) M (25) M (26) M (27) M (28) M (29) M (30) M (31)

CSR (0x001, fflags, get_fflags, set_fflags, NULL, 0, RISCV_CSR_FP | RISCV_CSR_KEEP, "accrued floating-point exceptions")
CSR (0x002, frm, get_frm, set_frm, NULL, 0, RISCV_CSR_FP | RISCV_CSR_JUMP, "floating-point rounding mode")
CSR (0x003, fcsr, get_fcsr, set_fcsr, NULL, 0, RISCV_CSR_FP | RISCV_CSR_JUMP, "frm and fflags")

CSR (0x100, sstatus, get_sstatus, set_sstatus, NULL, 0, RISCV_CSR_JUMP, "supervisor status")
CSR (0x104, sie, get_sie, set_sie, NULL, 0, RISCV_CSR_JUMP, "supervisor interrupt enable")
CSR (0x105, stvec, get_stvec, set_stvec, NULL, 0, RISCV_CSR_KEEP, "supervisor trap vector")
CSR (0x106, scounteren, get_scounteren, set_scounteren, NULL, 0, RISCV_CSR_KEEP, "counters that U-mode may read")
CSR (0x10a, senvcfg, get_senvcfg, set_senvcfg, NULL, 0, RISCV_CSR_KEEP, "U-mode's environment")
CSR (0x140, sscratch, get_sscratch, set_sscratch, NULL, 0, RISCV_CSR_KEEP, "supervisor scratch")
CSR (0x141, sepc, get_sepc, set_sepc, NULL, 0, RISCV_CSR_KEEP, "supervisor exception program counter")
CSR (0x142, scause, get_scause, set_scause, NULL, 0, RISCV_CSR_KEEP, "supervisor trap cause")
CSR (0x143, stval, get_stval, set_stval, NULL, 0, RISCV_CSR_KEEP, "supervisor trap value")
CSR (0x144, sip, get_sip, set_sip, NULL, 0, RISCV_CSR_NO_RMW_LINES | RISCV_CSR_JUMP, "supervisor interrupts pending")
CSR (0x14d, stimecmp, get_stimecmp, set_stimecmp, check_stimecmp, 0, RISCV_CSR_JUMP, "supervisor timer compare (Sstc)")
CSR (0x180, satp, get_satp, set_satp, check_satp, 0, 0, "address translation and protection")

CSR (0x300, mstatus, get_mstatus, set_mstatus, NULL, 0, RISCV_CSR_JUMP, "machine status")
CSR (0x301, misa, get_misa, NULL, NULL, 0, RISCV_CSR_KEEP, "base ISA and extensions")
CSR (0x302, medeleg, get_medeleg, set_medeleg, NULL, 0, RISCV_CSR_KEEP, "exceptions delegated to S-mode")
CSR (0x303, mideleg, get_mideleg, set_mideleg, NULL, 0, RISCV_CSR_JUMP, "interrupts delegated to S-mode")
CSR (0x304, mie, get_mie, set_mie, NULL, 0, RISCV_CSR_JUMP, "machine interrupt enable")
CSR (0x305, mtvec, get_mtvec, set_mtvec, NULL, 0, RISCV_CSR_KEEP, "machine trap vector")
CSR (0x306, mcounteren, get_mcounteren, set_mcounteren, NULL, 0, RISCV_CSR_KEEP, "counters that S-mode may read")
CSR (0x30a, menvcfg, get_menvcfg, set_menvcfg, NULL, 0, 0, "environment of the modes below M")
CSR (0x320, mcountinhibit, get_mcountinhibit, set_mcountinhibit, NULL, 0, RISCV_CSR_EXACT, "counters that stand still")
#define CSR_EVENT(n) CSR (0x320 + n, mhpmevent##n, get_zero, NULL, NULL, n, RISCV_CSR_KEEP, "event of a performance counter: none")
REPEAT_29 (CSR_EVENT)
#undef CSR_EVENT
CSR (0x340, mscratch, get_mscratch, set_mscratch, NULL, 0, RISCV_CSR_KEEP, "machine scratch")
CSR (0x341, mepc, get_mepc, set_mepc, NULL, 0, RISCV_CSR_KEEP, "machine exception program counter")
CSR (0x342, mcause, get_mcause, set_mcause, NULL, 0, RISCV_CSR_KEEP, "machine trap cause")
CSR (0x343, mtval, get_mtval, set_mtval, NULL, 0, RISCV_CSR_KEEP, "machine trap value")
CSR (0x344, mip, get_mip, set_mip, NULL, 0, RISCV_CSR_NO_RMW_LINES | RISCV_CSR_JUMP, "machine interrupts pending")
#define CSR_CFG(i, n) CSR (0x3a0 + n, pmpcfg##n, get_pmpcfg, set_pmpcfg, NULL, n, 0, "physical memory protection: eight entries")
CSR_CFG (0, 0) CSR_CFG (1, 2) CSR_CFG (2, 4) CSR_CFG (3, 6) CSR_CFG (4, 8) CSR_CFG (5, 10) CSR_CFG (6, 12) CSR_CFG (7, 14)
#undef CSR_CFG
#define CSR_ADDR(n) CSR (0x3b0 + n, pmpaddr##n, get_pmpaddr, set_pmpaddr, NULL, n, 0, "physical memory protection: address")
CSR_ADDR (0) CSR_ADDR (1) CSR_ADDR (2) REPEAT_29 (CSR_ADDR)
CSR_ADDR (32) CSR_ADDR (33) CSR_ADDR (34) CSR_ADDR (35) CSR_ADDR (36) CSR_ADDR (37) CSR_ADDR (38) CSR_ADDR (39)
CSR_ADDR (40) CSR_ADDR (41) CSR_ADDR (42) CSR_ADDR (43) CSR_ADDR (44) CSR_ADDR (45) CSR_ADDR (46) CSR_ADDR (47)
CSR_ADDR (48) CSR_ADDR (49) CSR_ADDR (50) CSR_ADDR (51) CSR_ADDR (52) CSR_ADDR (53) CSR_ADDR (54) CSR_ADDR (55)
CSR_ADDR (56) CSR_ADDR (57) CSR_ADDR (58) CSR_ADDR (59) CSR_ADDR (60) CSR_ADDR (61) CSR_ADDR (62) CSR_ADDR (63)
#undef CSR_ADDR
CSR (0x7a0, tselect, get_zero, NULL, NULL, 0, RISCV_CSR_KEEP, "trigger select: there is one, of type none")
CSR (0x7a1, tdata1, get_zero, NULL, NULL, 0, RISCV_CSR_KEEP, "trigger data 1")
CSR (0x7a2, tdata2, get_zero, NULL, NULL, 0, RISCV_CSR_KEEP, "trigger data 2")
CSR (0x7a3, tdata3, get_zero, NULL, NULL, 0, RISCV_CSR_KEEP, "trigger data 3")
CSR (0x7a4, tinfo, get_tinfo, NULL, NULL, 0, RISCV_CSR_KEEP, "trigger information")

CSR (0xb00, mcycle, get_mcycle, set_mcycle, NULL, 0, RISCV_CSR_EXACT, "cycles: one an instruction")
CSR (0xb02, minstret, get_minstret, set_minstret, NULL, 0, RISCV_CSR_EXACT, "instructions retired")
#define CSR_COUNTER(n) CSR (0xb00 + n, mhpmcounter##n, get_zero, NULL, NULL, n, RISCV_CSR_KEEP, "performance counter: none")
REPEAT_29 (CSR_COUNTER)
#undef CSR_COUNTER

CSR (0xc00, cycle, get_mcycle, NULL, check_counter, 0, RISCV_CSR_EXACT, "cycles")
CSR (0xc01, time, get_time, NULL, check_counter, 0, RISCV_CSR_KEEP, "timer ticks")
CSR (0xc02, instret, get_minstret, NULL, check_counter, 0, RISCV_CSR_EXACT, "instructions retired")
#define CSR_COUNTER(n) CSR (0xc00 + n, hpmcounter##n, get_zero, NULL, check_counter, n, RISCV_CSR_KEEP, "performance counter: none")
REPEAT_29 (CSR_COUNTER)
#undef CSR_COUNTER

CSR (0xf11, mvendorid, get_zero, NULL, NULL, 0, RISCV_CSR_KEEP, "vendor: not commercial")
CSR (0xf12, marchid, get_zero, NULL, NULL, 0, RISCV_CSR_KEEP, "architecture: not registered")
CSR (0xf13, mimpid, get_zero, NULL, NULL, 0, RISCV_CSR_KEEP, "implementation")
CSR (0xf14, mhartid, get_mhartid, NULL, NULL, 0, RISCV_CSR_KEEP, "hart number")
CSR (0xf15, mconfigptr, get_zero, NULL, NULL, 0, RISCV_CSR_KEEP, "configuration structure: none")
#undef REPEAT_29
