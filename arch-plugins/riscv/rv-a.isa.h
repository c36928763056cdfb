/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* clang-format off */
/* A: atomics. Naturally aligned or an exception; aq and rl are attributes of the memory op. */

INSN (lr_w, A, U, "00010 aqrl 00000 rs1 010 rd 0101111", "~{aqrl} rd, (rs1)", "atomic load=4")
{ SETX (rd, LR (I32, VMT_IR_SX, rs1, aqrl)); }
INSN (sc_w, A, U, "00011 aqrl rs2 rs1 010 rd 0101111", "~{aqrl} rd, rs2, (rs1)", "atomic store=4")
{ SETX (rd, SC (I32, rs1, X (rs2), aqrl)); }
INSN (amoswap_w, A, U, "00001 aqrl rs2 rs1 010 rd 0101111", "~{aqrl} rd, rs2, (rs1)", "atomic amo=4")
{ SETX (rd, AMO (SWAP, I32, VMT_IR_SX, rs1, X (rs2), aqrl)); }
INSN (amoadd_w, A, U, "00000 aqrl rs2 rs1 010 rd 0101111", "~{aqrl} rd, rs2, (rs1)", "atomic amo=4")
{ SETX (rd, AMO (ADD, I32, VMT_IR_SX, rs1, X (rs2), aqrl)); }
INSN (amoxor_w, A, U, "00100 aqrl rs2 rs1 010 rd 0101111", "~{aqrl} rd, rs2, (rs1)", "atomic amo=4")
{ SETX (rd, AMO (XOR, I32, VMT_IR_SX, rs1, X (rs2), aqrl)); }
INSN (amoand_w, A, U, "01100 aqrl rs2 rs1 010 rd 0101111", "~{aqrl} rd, rs2, (rs1)", "atomic amo=4")
{ SETX (rd, AMO (AND, I32, VMT_IR_SX, rs1, X (rs2), aqrl)); }
INSN (amoor_w, A, U, "01000 aqrl rs2 rs1 010 rd 0101111", "~{aqrl} rd, rs2, (rs1)", "atomic amo=4")
{ SETX (rd, AMO (OR, I32, VMT_IR_SX, rs1, X (rs2), aqrl)); }
INSN (amomin_w, A, U, "10000 aqrl rs2 rs1 010 rd 0101111", "~{aqrl} rd, rs2, (rs1)", "atomic amo=4")
{ SETX (rd, AMO (MINS, I32, VMT_IR_SX, rs1, X (rs2), aqrl)); }
INSN (amomax_w, A, U, "10100 aqrl rs2 rs1 010 rd 0101111", "~{aqrl} rd, rs2, (rs1)", "atomic amo=4")
{ SETX (rd, AMO (MAXS, I32, VMT_IR_SX, rs1, X (rs2), aqrl)); }
INSN (amominu_w, A, U, "11000 aqrl rs2 rs1 010 rd 0101111", "~{aqrl} rd, rs2, (rs1)", "atomic amo=4")
{ SETX (rd, AMO (MINU, I32, VMT_IR_SX, rs1, X (rs2), aqrl)); }
INSN (amomaxu_w, A, U, "11100 aqrl rs2 rs1 010 rd 0101111", "~{aqrl} rd, rs2, (rs1)", "atomic amo=4")
{ SETX (rd, AMO (MAXU, I32, VMT_IR_SX, rs1, X (rs2), aqrl)); }
INSN (lr_d, A, U, "00010 aqrl 00000 rs1 011 rd 0101111", "~{aqrl} rd, (rs1)", "atomic load=8")
{ SETX (rd, LR (I64, 0, rs1, aqrl)); }
INSN (sc_d, A, U, "00011 aqrl rs2 rs1 011 rd 0101111", "~{aqrl} rd, rs2, (rs1)", "atomic store=8")
{ SETX (rd, SC (I64, rs1, X (rs2), aqrl)); }
INSN (amoswap_d, A, U, "00001 aqrl rs2 rs1 011 rd 0101111", "~{aqrl} rd, rs2, (rs1)", "atomic amo=8")
{ SETX (rd, AMO (SWAP, I64, 0, rs1, X (rs2), aqrl)); }
INSN (amoadd_d, A, U, "00000 aqrl rs2 rs1 011 rd 0101111", "~{aqrl} rd, rs2, (rs1)", "atomic amo=8")
{ SETX (rd, AMO (ADD, I64, 0, rs1, X (rs2), aqrl)); }
INSN (amoxor_d, A, U, "00100 aqrl rs2 rs1 011 rd 0101111", "~{aqrl} rd, rs2, (rs1)", "atomic amo=8")
{ SETX (rd, AMO (XOR, I64, 0, rs1, X (rs2), aqrl)); }
INSN (amoand_d, A, U, "01100 aqrl rs2 rs1 011 rd 0101111", "~{aqrl} rd, rs2, (rs1)", "atomic amo=8")
{ SETX (rd, AMO (AND, I64, 0, rs1, X (rs2), aqrl)); }
INSN (amoor_d, A, U, "01000 aqrl rs2 rs1 011 rd 0101111", "~{aqrl} rd, rs2, (rs1)", "atomic amo=8")
{ SETX (rd, AMO (OR, I64, 0, rs1, X (rs2), aqrl)); }
INSN (amomin_d, A, U, "10000 aqrl rs2 rs1 011 rd 0101111", "~{aqrl} rd, rs2, (rs1)", "atomic amo=8")
{ SETX (rd, AMO (MINS, I64, 0, rs1, X (rs2), aqrl)); }
INSN (amomax_d, A, U, "10100 aqrl rs2 rs1 011 rd 0101111", "~{aqrl} rd, rs2, (rs1)", "atomic amo=8")
{ SETX (rd, AMO (MAXS, I64, 0, rs1, X (rs2), aqrl)); }
INSN (amominu_d, A, U, "11000 aqrl rs2 rs1 011 rd 0101111", "~{aqrl} rd, rs2, (rs1)", "atomic amo=8")
{ SETX (rd, AMO (MINU, I64, 0, rs1, X (rs2), aqrl)); }
INSN (amomaxu_d, A, U, "11100 aqrl rs2 rs1 011 rd 0101111", "~{aqrl} rd, rs2, (rs1)", "atomic amo=8")
{ SETX (rd, AMO (MAXU, I64, 0, rs1, X (rs2), aqrl)); }
