/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* clang-format off */
/* Zicsr. riscv_emit_csr() knows which registers end the block when written. */

INSN (csrrw, Zicsr, U, "csr rs1 001 rd 1110011", "rd, csr, rs1", "csr")
{ riscv_emit_csr (s, RISCV_CSR_OP_WRITE, csr, rd, X (rs1), TRUE, rd != 0); }
INSN (csrrs, Zicsr, U, "csr rs1 010 rd 1110011", "rd, csr, rs1", "csr")
{ riscv_emit_csr (s, RISCV_CSR_OP_SET, csr, rd, X (rs1), rs1 != 0, TRUE); }
INSN (csrrc, Zicsr, U, "csr rs1 011 rd 1110011", "rd, csr, rs1", "csr")
{ riscv_emit_csr (s, RISCV_CSR_OP_CLEAR, csr, rd, X (rs1), rs1 != 0, TRUE); }
INSN (csrrwi, Zicsr, U, "csr zimm 101 rd 1110011", "rd, csr, zimm", "csr")
{ riscv_emit_csr (s, RISCV_CSR_OP_WRITE, csr, rd, K (zimm), TRUE, rd != 0); }
INSN (csrrsi, Zicsr, U, "csr zimm 110 rd 1110011", "rd, csr, zimm", "csr")
{ riscv_emit_csr (s, RISCV_CSR_OP_SET, csr, rd, K (zimm), zimm != 0, TRUE); }
INSN (csrrci, Zicsr, U, "csr zimm 111 rd 1110011", "rd, csr, zimm", "csr")
{ riscv_emit_csr (s, RISCV_CSR_OP_CLEAR, csr, rd, K (zimm), zimm != 0, TRUE); }
