/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* clang-format off */
/* D: double precision. The flag words fp, fpw and rm make the decoder check mstatus.FS, mark it dirty, and check the rounding mode. */

INSN (fld, D, U, "imm12 rs1 011 fd 0000111", "fd, imm12(rs1)", "fp fpw load=8")
{ SETF (fd, LOAD (F64, 0, rs1, imm12)); }
INSN (fsd, D, U, "simm[11:5] fs2 rs1 011 simm[4:0] 0100111", "fs2, simm(rs1)", "fp store=8")
{ STORE (F64, rs1, simm, F (fs2)); }
INSN (fmadd_d, D, U, "fs3 01 fs2 fs1 rm fd 1000011", "fd, fs1, fs2, fs3{rm}", "fp fpw rm")
{ SETF (fd, FP3 (FMA, F64, 0, F (fs1), F (fs2), F (fs3), rm)); }
INSN (fmsub_d, D, U, "fs3 01 fs2 fs1 rm fd 1000111", "fd, fs1, fs2, fs3{rm}", "fp fpw rm")
{ SETF (fd, FP3 (FMA, F64, 0, F (fs1), F (fs2), F (fs3), rm | FMA_NEG_ADDEND)); }
INSN (fnmsub_d, D, U, "fs3 01 fs2 fs1 rm fd 1001011", "fd, fs1, fs2, fs3{rm}", "fp fpw rm")
{ SETF (fd, FP3 (FMA, F64, 0, F (fs1), F (fs2), F (fs3), rm | FMA_NEG_PRODUCT)); }
INSN (fnmadd_d, D, U, "fs3 01 fs2 fs1 rm fd 1001111", "fd, fs1, fs2, fs3{rm}", "fp fpw rm")
{ SETF (fd, FP3 (FMA, F64, 0, F (fs1), F (fs2), F (fs3), rm | FMA_NEG_PRODUCT | FMA_NEG_ADDEND)); }
INSN (fadd_d, D, U, "0000001 fs2 fs1 rm fd 1010011", "fd, fs1, fs2{rm}", "fp fpw rm")
{ SETF (fd, FP2 (FADD, F64, 0, F (fs1), F (fs2), rm)); }
INSN (fsub_d, D, U, "0000101 fs2 fs1 rm fd 1010011", "fd, fs1, fs2{rm}", "fp fpw rm")
{ SETF (fd, FP2 (FSUB, F64, 0, F (fs1), F (fs2), rm)); }
INSN (fmul_d, D, U, "0001001 fs2 fs1 rm fd 1010011", "fd, fs1, fs2{rm}", "fp fpw rm")
{ SETF (fd, FP2 (FMUL, F64, 0, F (fs1), F (fs2), rm)); }
INSN (fdiv_d, D, U, "0001101 fs2 fs1 rm fd 1010011", "fd, fs1, fs2{rm}", "fp fpw rm")
{ SETF (fd, FP2 (FDIV, F64, 0, F (fs1), F (fs2), rm)); }
INSN (fsqrt_d, D, U, "0101101 00000 fs1 rm fd 1010011", "fd, fs1{rm}", "fp fpw rm")
{ SETF (fd, FP1 (FSQRT, F64, 0, F (fs1), rm)); }
INSN (fsgnj_d, D, U, "0010001 fs2 fs1 000 fd 1010011", "fd, fs1, fs2", "fp fpw")
{ SETF (fd, FP2 (FSGNJ, F64, 0, F (fs1), F (fs2), 0)); }
INSN (fsgnjn_d, D, U, "0010001 fs2 fs1 001 fd 1010011", "fd, fs1, fs2", "fp fpw")
{ SETF (fd, FP2 (FSGNJ, F64, 0, F (fs1), F (fs2), 1)); }
INSN (fsgnjx_d, D, U, "0010001 fs2 fs1 010 fd 1010011", "fd, fs1, fs2", "fp fpw")
{ SETF (fd, FP2 (FSGNJ, F64, 0, F (fs1), F (fs2), 2)); }
INSN (fmin_d, D, U, "0010101 fs2 fs1 000 fd 1010011", "fd, fs1, fs2", "fp fpw")
{ SETF (fd, FP2 (FMIN, F64, 0, F (fs1), F (fs2), 0)); }
INSN (fmax_d, D, U, "0010101 fs2 fs1 001 fd 1010011", "fd, fs1, fs2", "fp fpw")
{ SETF (fd, FP2 (FMAX, F64, 0, F (fs1), F (fs2), 0)); }
INSN (fcvt_s_d, D, U, "0100000 00001 fs1 rm fd 1010011", "fd, fs1{rm}", "fp fpw rm")
{ SETF (fd, FP1 (FCVT, F32, VMT_IR_BOXED, F (fs1), rm | FROM (F64))); }
INSN (fcvt_d_s, D, U, "0100001 00000 fs1 rm fd 1010011", "fd, fs1{rm}", "fp fpw rm")
{ SETF (fd, FP1 (FCVT, F64, VMT_IR_BOXED, F (fs1), rm | FROM (F32))); }
INSN (feq_d, D, U, "1010001 fs2 fs1 010 rd 1010011", "rd, fs1, fs2", "fp fpw")
{ SETX (rd, FP2 (FCMP, F64, 0, F (fs1), F (fs2), 0)); }
INSN (flt_d, D, U, "1010001 fs2 fs1 001 rd 1010011", "rd, fs1, fs2", "fp fpw")
{ SETX (rd, FP2 (FCMP, F64, 0, F (fs1), F (fs2), 1)); }
INSN (fle_d, D, U, "1010001 fs2 fs1 000 rd 1010011", "rd, fs1, fs2", "fp fpw")
{ SETX (rd, FP2 (FCMP, F64, 0, F (fs1), F (fs2), 2)); }
INSN (fclass_d, D, U, "1110001 00000 fs1 001 rd 1010011", "rd, fs1", "fp")
{ SETX (rd, FP1 (FCLASS, F64, 0, F (fs1), 0)); }
INSN (fcvt_w_d, D, U, "1100001 00000 fs1 rm rd 1010011", "rd, fs1{rm}", "fp fpw rm")
{ SETX (rd, FP1 (F2I, I32, VMT_IR_SX, F (fs1), rm | FROM (F64))); }
INSN (fcvt_wu_d, D, U, "1100001 00001 fs1 rm rd 1010011", "rd, fs1{rm}", "fp fpw rm")
{ SETX (rd, FP1 (F2I, I32, VMT_IR_SX, F (fs1), rm | FROM (F64) | CVT_UNSIGNED)); }
INSN (fcvt_l_d, D, U, "1100001 00010 fs1 rm rd 1010011", "rd, fs1{rm}", "fp fpw rm")
{ SETX (rd, FP1 (F2I, I64, 0, F (fs1), rm | FROM (F64))); }
INSN (fcvt_lu_d, D, U, "1100001 00011 fs1 rm rd 1010011", "rd, fs1{rm}", "fp fpw rm")
{ SETX (rd, FP1 (F2I, I64, 0, F (fs1), rm | FROM (F64) | CVT_UNSIGNED)); }
INSN (fcvt_d_w, D, U, "1101001 00000 rs1 rm fd 1010011", "fd, rs1{rm}", "fp fpw rm")
{ SETF (fd, FP1 (I2F, F64, 0, X (rs1), rm | FROM (I32))); }
INSN (fcvt_d_wu, D, U, "1101001 00001 rs1 rm fd 1010011", "fd, rs1{rm}", "fp fpw rm")
{ SETF (fd, FP1 (I2F, F64, 0, X (rs1), rm | FROM (I32) | CVT_UNSIGNED)); }
INSN (fcvt_d_l, D, U, "1101001 00010 rs1 rm fd 1010011", "fd, rs1{rm}", "fp fpw rm")
{ SETF (fd, FP1 (I2F, F64, 0, X (rs1), rm | FROM (I64))); }
INSN (fcvt_d_lu, D, U, "1101001 00011 rs1 rm fd 1010011", "fd, rs1{rm}", "fp fpw rm")
{ SETF (fd, FP1 (I2F, F64, 0, X (rs1), rm | FROM (I64) | CVT_UNSIGNED)); }
INSN (fmv_x_d, D, U, "1110001 00000 fs1 000 rd 1010011", "rd, fs1", "fp")
{ SETX (rd, OP1 (F2BITS, I64, 0, F (fs1))); }
INSN (fmv_d_x, D, U, "1111001 00000 rs1 000 fd 1010011", "fd, rs1", "fp fpw")
{ SETF (fd, OP1 (BITS2F, F64, 0, X (rs1))); }
