/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* clang-format off */
/* F: single precision, NaN-boxed in 64-bit registers. The flag words fp, fpw and rm make the decoder check mstatus.FS, mark it dirty, and check the rounding mode. */

INSN (flw, F, U, "imm12 rs1 010 fd 0000111", "fd, imm12(rs1)", "fp fpw load=4")
{ SETF (fd, OP1 (BITS2F, F32, 0, LOAD (I32, 0, rs1, imm12))); }
INSN (fsw, F, U, "simm[11:5] fs2 rs1 010 simm[4:0] 0100111", "fs2, simm(rs1)", "fp store=4")
{ STORE (I32, rs1, simm, OP1 (F2BITS, I32, 0, F (fs2))); }
INSN (fmadd_s, F, U, "fs3 00 fs2 fs1 rm fd 1000011", "fd, fs1, fs2, fs3{rm}", "fp fpw rm")
{ SETF (fd, FP3 (FMA, F32, VMT_IR_BOXED, F (fs1), F (fs2), F (fs3), rm)); }
INSN (fmsub_s, F, U, "fs3 00 fs2 fs1 rm fd 1000111", "fd, fs1, fs2, fs3{rm}", "fp fpw rm")
{ SETF (fd, FP3 (FMA, F32, VMT_IR_BOXED, F (fs1), F (fs2), F (fs3), rm | FMA_NEG_ADDEND)); }
INSN (fnmsub_s, F, U, "fs3 00 fs2 fs1 rm fd 1001011", "fd, fs1, fs2, fs3{rm}", "fp fpw rm")
{ SETF (fd, FP3 (FMA, F32, VMT_IR_BOXED, F (fs1), F (fs2), F (fs3), rm | FMA_NEG_PRODUCT)); }
INSN (fnmadd_s, F, U, "fs3 00 fs2 fs1 rm fd 1001111", "fd, fs1, fs2, fs3{rm}", "fp fpw rm")
{ SETF (fd, FP3 (FMA, F32, VMT_IR_BOXED, F (fs1), F (fs2), F (fs3), rm | FMA_NEG_PRODUCT | FMA_NEG_ADDEND)); }
INSN (fadd_s, F, U, "0000000 fs2 fs1 rm fd 1010011", "fd, fs1, fs2{rm}", "fp fpw rm")
{ SETF (fd, FP2 (FADD, F32, VMT_IR_BOXED, F (fs1), F (fs2), rm)); }
INSN (fsub_s, F, U, "0000100 fs2 fs1 rm fd 1010011", "fd, fs1, fs2{rm}", "fp fpw rm")
{ SETF (fd, FP2 (FSUB, F32, VMT_IR_BOXED, F (fs1), F (fs2), rm)); }
INSN (fmul_s, F, U, "0001000 fs2 fs1 rm fd 1010011", "fd, fs1, fs2{rm}", "fp fpw rm")
{ SETF (fd, FP2 (FMUL, F32, VMT_IR_BOXED, F (fs1), F (fs2), rm)); }
INSN (fdiv_s, F, U, "0001100 fs2 fs1 rm fd 1010011", "fd, fs1, fs2{rm}", "fp fpw rm")
{ SETF (fd, FP2 (FDIV, F32, VMT_IR_BOXED, F (fs1), F (fs2), rm)); }
INSN (fsqrt_s, F, U, "0101100 00000 fs1 rm fd 1010011", "fd, fs1{rm}", "fp fpw rm")
{ SETF (fd, FP1 (FSQRT, F32, VMT_IR_BOXED, F (fs1), rm)); }
INSN (fsgnj_s, F, U, "0010000 fs2 fs1 000 fd 1010011", "fd, fs1, fs2", "fp fpw")
{ SETF (fd, FP2 (FSGNJ, F32, VMT_IR_BOXED, F (fs1), F (fs2), 0)); }
INSN (fsgnjn_s, F, U, "0010000 fs2 fs1 001 fd 1010011", "fd, fs1, fs2", "fp fpw")
{ SETF (fd, FP2 (FSGNJ, F32, VMT_IR_BOXED, F (fs1), F (fs2), 1)); }
INSN (fsgnjx_s, F, U, "0010000 fs2 fs1 010 fd 1010011", "fd, fs1, fs2", "fp fpw")
{ SETF (fd, FP2 (FSGNJ, F32, VMT_IR_BOXED, F (fs1), F (fs2), 2)); }
INSN (fmin_s, F, U, "0010100 fs2 fs1 000 fd 1010011", "fd, fs1, fs2", "fp fpw")
{ SETF (fd, FP2 (FMIN, F32, VMT_IR_BOXED, F (fs1), F (fs2), 0)); }
INSN (fmax_s, F, U, "0010100 fs2 fs1 001 fd 1010011", "fd, fs1, fs2", "fp fpw")
{ SETF (fd, FP2 (FMAX, F32, VMT_IR_BOXED, F (fs1), F (fs2), 0)); }
INSN (feq_s, F, U, "1010000 fs2 fs1 010 rd 1010011", "rd, fs1, fs2", "fp fpw")
{ SETX (rd, FP2 (FCMP, F32, VMT_IR_BOXED, F (fs1), F (fs2), 0)); }
INSN (flt_s, F, U, "1010000 fs2 fs1 001 rd 1010011", "rd, fs1, fs2", "fp fpw")
{ SETX (rd, FP2 (FCMP, F32, VMT_IR_BOXED, F (fs1), F (fs2), 1)); }
INSN (fle_s, F, U, "1010000 fs2 fs1 000 rd 1010011", "rd, fs1, fs2", "fp fpw")
{ SETX (rd, FP2 (FCMP, F32, VMT_IR_BOXED, F (fs1), F (fs2), 2)); }
INSN (fclass_s, F, U, "1110000 00000 fs1 001 rd 1010011", "rd, fs1", "fp")
{ SETX (rd, FP1 (FCLASS, F32, VMT_IR_BOXED, F (fs1), 0)); }
INSN (fcvt_w_s, F, U, "1100000 00000 fs1 rm rd 1010011", "rd, fs1{rm}", "fp fpw rm")
{ SETX (rd, FP1 (F2I, I32, VMT_IR_BOXED | VMT_IR_SX, F (fs1), rm | FROM (F32))); }
INSN (fcvt_wu_s, F, U, "1100000 00001 fs1 rm rd 1010011", "rd, fs1{rm}", "fp fpw rm")
{ SETX (rd, FP1 (F2I, I32, VMT_IR_BOXED | VMT_IR_SX, F (fs1), rm | FROM (F32) | CVT_UNSIGNED)); }
INSN (fcvt_l_s, F, U, "1100000 00010 fs1 rm rd 1010011", "rd, fs1{rm}", "fp fpw rm")
{ SETX (rd, FP1 (F2I, I64, VMT_IR_BOXED, F (fs1), rm | FROM (F32))); }
INSN (fcvt_lu_s, F, U, "1100000 00011 fs1 rm rd 1010011", "rd, fs1{rm}", "fp fpw rm")
{ SETX (rd, FP1 (F2I, I64, VMT_IR_BOXED, F (fs1), rm | FROM (F32) | CVT_UNSIGNED)); }
INSN (fcvt_s_w, F, U, "1101000 00000 rs1 rm fd 1010011", "fd, rs1{rm}", "fp fpw rm")
{ SETF (fd, FP1 (I2F, F32, VMT_IR_BOXED, X (rs1), rm | FROM (I32))); }
INSN (fcvt_s_wu, F, U, "1101000 00001 rs1 rm fd 1010011", "fd, rs1{rm}", "fp fpw rm")
{ SETF (fd, FP1 (I2F, F32, VMT_IR_BOXED, X (rs1), rm | FROM (I32) | CVT_UNSIGNED)); }
INSN (fcvt_s_l, F, U, "1101000 00010 rs1 rm fd 1010011", "fd, rs1{rm}", "fp fpw rm")
{ SETF (fd, FP1 (I2F, F32, VMT_IR_BOXED, X (rs1), rm | FROM (I64))); }
INSN (fcvt_s_lu, F, U, "1101000 00011 rs1 rm fd 1010011", "fd, rs1{rm}", "fp fpw rm")
{ SETF (fd, FP1 (I2F, F32, VMT_IR_BOXED, X (rs1), rm | FROM (I64) | CVT_UNSIGNED)); }
INSN (fmv_x_w, F, U, "1110000 00000 fs1 000 rd 1010011", "rd, fs1", "fp")
{ SETX (rd, OP1 (F2BITS, I32, VMT_IR_SX, F (fs1))); }
INSN (fmv_w_x, F, U, "1111000 00000 rs1 000 fd 1010011", "fd, rs1", "fp fpw")
{ SETF (fd, OP1 (BITS2F, F32, 0, X (rs1))); }
