/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* clang-format off */
/* C for RV64: 16-bit forms. Encodings whose result would go to x0 are hints and do nothing visible; reserved ones are not rows. */

INSN (c_addi4spn, C, U, "000 c4spn[5:4|9:6|2|3] crd 00", "crd, sp, c4spn")
{ SETX (crd, OP2 (ADD, I64, 0, X (2), K (c4spn))); }
INSN (c_fld, C+D, U, "001 cuimm8[5:3] crs1 cuimm8[7:6] cfd 00", "cfd, cuimm8(crs1)", "fp fpw load=8")
{ SETF (cfd, LOAD (F64, 0, crs1, cuimm8)); }
INSN (c_lw, C, U, "010 cuimm7[5:3] crs1 cuimm7[2|6] crd 00", "crd, cuimm7(crs1)", "load=4")
{ SETX (crd, LOAD (I32, VMT_IR_SX, crs1, cuimm7)); }
INSN (c_ld, C, U, "011 cuimm8[5:3] crs1 cuimm8[7:6] crd 00", "crd, cuimm8(crs1)", "load=8")
{ SETX (crd, LOAD (I64, 0, crs1, cuimm8)); }
INSN (c_fsd, C+D, U, "101 cuimm8[5:3] crs1 cuimm8[7:6] cfs2 00", "cfs2, cuimm8(crs1)", "fp store=8")
{ STORE (F64, crs1, cuimm8, F (cfs2)); }
INSN (c_sw, C, U, "110 cuimm7[5:3] crs1 cuimm7[2|6] crs2 00", "crs2, cuimm7(crs1)", "store=4")
{ STORE (I32, crs1, cuimm7, X (crs2)); }
INSN (c_sd, C, U, "111 cuimm8[5:3] crs1 cuimm8[7:6] crs2 00", "crs2, cuimm8(crs1)", "store=8")
{ STORE (I64, crs1, cuimm8, X (crs2)); }

INSN (c_nop, C, U, "000 0 00000 00000 01", "", "over=c_addi")
{ }
INSN (c_addi, C, U, "000 cimm[5] rds cimm[4:0] 01", "rds, cimm")
{ SETX (rds, OP2 (ADD, I64, 0, X (rds), K (cimm))); }
INSN (c_addiw, C, U, "001 cimm[5] rds_nz cimm[4:0] 01", "rds_nz, cimm")
{ SETX (rds_nz, OP2 (ADD, I32, VMT_IR_SX, X (rds_nz), K (cimm))); }
INSN (c_li, C, U, "010 cimm[5] rd cimm[4:0] 01", "rd, cimm")
{ SETX (rd, K (cimm)); }
INSN (c_addi16sp, C, U, "011 cspimm[9] 00010 cspimm[4|6|8:7|5] 01", "sp, cspimm")
{ SETX (2, OP2 (ADD, I64, 0, X (2), K (cspimm))); }
INSN (c_lui, C, U, "011 cluimm[5] rd_lui cluimm[4:0] 01", "rd_lui, cluimm")
{ SETX (rd_lui, K (cluimm * 4096)); }
INSN (c_srli, C, U, "100 cshamt[5] 00 crds cshamt[4:0] 01", "crds, cshamt")
{ SETX (crds, OP2 (SHR, I64, 0, X (crds), K (cshamt))); }
INSN (c_srai, C, U, "100 cshamt[5] 01 crds cshamt[4:0] 01", "crds, cshamt")
{ SETX (crds, OP2 (SAR, I64, 0, X (crds), K (cshamt))); }
INSN (c_andi, C, U, "100 cimm[5] 10 crds cimm[4:0] 01", "crds, cimm")
{ SETX (crds, OP2 (AND, I64, 0, X (crds), K (cimm))); }
INSN (c_sub, C, U, "100 0 11 crds 00 crs2 01", "crds, crs2")
{ SETX (crds, OP2 (SUB, I64, 0, X (crds), X (crs2))); }
INSN (c_xor, C, U, "100 0 11 crds 01 crs2 01", "crds, crs2")
{ SETX (crds, OP2 (XOR, I64, 0, X (crds), X (crs2))); }
INSN (c_or, C, U, "100 0 11 crds 10 crs2 01", "crds, crs2")
{ SETX (crds, OP2 (OR, I64, 0, X (crds), X (crs2))); }
INSN (c_and, C, U, "100 0 11 crds 11 crs2 01", "crds, crs2")
{ SETX (crds, OP2 (AND, I64, 0, X (crds), X (crs2))); }
INSN (c_subw, C, U, "100 1 11 crds 00 crs2 01", "crds, crs2")
{ SETX (crds, OP2 (SUB, I32, VMT_IR_SX, X (crds), X (crs2))); }
INSN (c_addw, C, U, "100 1 11 crds 01 crs2 01", "crds, crs2")
{ SETX (crds, OP2 (ADD, I32, VMT_IR_SX, X (crds), X (crs2))); }
INSN (c_j, C, U, "101 cjimm[11|4|9:8|10|6|7|3:1|5] 01", "cjimm", "jump")
{ JAL (0, cjimm); }
INSN (c_beqz, C, U, "110 cbimm[8|4:3] crs1 cbimm[7:6|2:1|5] 01", "crs1, cbimm", "branch")
{ BRANCH (EQ, X (crs1), K (0), cbimm); }
INSN (c_bnez, C, U, "111 cbimm[8|4:3] crs1 cbimm[7:6|2:1|5] 01", "crs1, cbimm", "branch")
{ BRANCH (NE, X (crs1), K (0), cbimm); }

INSN (c_slli, C, U, "000 cshamt[5] rds cshamt[4:0] 10", "rds, cshamt")
{ SETX (rds, OP2 (SHL, I64, 0, X (rds), K (cshamt))); }
INSN (c_fldsp, C+D, U, "001 cuimm9[5] fd cuimm9[4:3|8:6] 10", "fd, cuimm9(sp)", "fp fpw load=8")
{ SETF (fd, LOAD (F64, 0, 2, cuimm9)); }
INSN (c_lwsp, C, U, "010 cuimm8[5] rd_nz cuimm8[4:2|7:6] 10", "rd_nz, cuimm8(sp)", "load=4")
{ SETX (rd_nz, LOAD (I32, VMT_IR_SX, 2, cuimm8)); }
INSN (c_ldsp, C, U, "011 cuimm9[5] rd_nz cuimm9[4:3|8:6] 10", "rd_nz, cuimm9(sp)", "load=8")
{ SETX (rd_nz, LOAD (I64, 0, 2, cuimm9)); }
INSN (c_jr, C, U, "100 0 rs1_nz 00000 10", "rs1_nz", "jump")
{ JALR (0, rs1_nz, 0); }
INSN (c_mv, C, U, "100 0 rd rs2_nz 10", "rd, rs2_nz")
{ SETX (rd, X (rs2_nz)); }
INSN (c_ebreak, C, U, "100 1 00000 00000 10", "", "trap")
{ TRAP (RISCV_CAUSE_BREAKPOINT, PCREL (0)); }
INSN (c_jalr, C, U, "100 1 rs1_nz 00000 10", "rs1_nz", "jump")
{ JALR (1, rs1_nz, 0); }
INSN (c_add, C, U, "100 1 rds rs2_nz 10", "rds, rs2_nz")
{ SETX (rds, OP2 (ADD, I64, 0, X (rds), X (rs2_nz))); }
INSN (c_fsdsp, C+D, U, "101 cuimm9[5:3|8:6] fs2 10", "fs2, cuimm9(sp)", "fp store=8")
{ STORE (F64, 2, cuimm9, F (fs2)); }
INSN (c_swsp, C, U, "110 cuimm8[5:2|7:6] rs2 10", "rs2, cuimm8(sp)", "store=4")
{ STORE (I32, 2, cuimm8, X (rs2)); }
INSN (c_sdsp, C, U, "111 cuimm9[5:3|8:6] rs2 10", "rs2, cuimm9(sp)", "store=8")
{ STORE (I64, 2, cuimm9, X (rs2)); }
