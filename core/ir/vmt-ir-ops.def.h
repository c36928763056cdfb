/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The op table: the one place that names the ops of the IR. Include it with VMT_IR_OP defined; no
 * include guard.
 *
 * VMT_IR_OP (NAME, "text", "result:operands", flags)
 *
 * After '+' comes the signature of the EXT op that follows, an operand in brackets [] may be
 * absent. Classes in the signature: i integer, f float (raw bits), v vector, p predicate, F flags,
 * - none, ? any. Operands are a, b, c in order. '#' after the operands: imm is used. Flags: see
 * VmtIrOpFlags.
 *
 * Integers live in 64-bit containers. An op of type I8, I16 or I32 uses the low bits of its
 * operands; its result is zero-extended, or sign-extended with VMT_IR_SX. Any operand may be a
 * constant of the pool. */

/* moves: of type I32 and SX this is sext.w */
VMT_IR_OP (MOV, "mov", "?:?", 0) /* of any class; operand and result are of the same */
VMT_IR_OP (ADD, "add", "i:ii", 0)
VMT_IR_OP (SUB, "sub", "i:ii", 0)
VMT_IR_OP (AND, "and", "i:ii", 0)
VMT_IR_OP (OR, "or", "i:ii", 0)
VMT_IR_OP (XOR, "xor", "i:ii", 0)
VMT_IR_OP (ANDN, "andn", "i:ii", 0) /* a & ~b */
VMT_IR_OP (ORN, "orn", "i:ii", 0)   /* a | ~b */
VMT_IR_OP (XNOR, "xnor", "i:ii", 0) /* ~(a ^ b) */
/* counts are taken modulo the type's width */
VMT_IR_OP (SHL, "shl", "i:ii", 0)
VMT_IR_OP (SHR, "shr", "i:ii", 0)
VMT_IR_OP (SAR, "sar", "i:ii", 0)
VMT_IR_OP (ROL, "rol", "i:ii", 0)
VMT_IR_OP (ROR, "ror", "i:ii", 0)
VMT_IR_OP (MUL, "mul", "i:ii", 0)
VMT_IR_OP (MULHU, "mulhu", "i:ii", 0)
VMT_IR_OP (MULHS, "mulhs", "i:ii", 0)
VMT_IR_OP (MULHSU, "mulhsu", "i:ii", 0) /* signed a, unsigned b */
/* x / 0 is all ones, x % 0 is x, MIN / -1 is MIN, MIN % -1 is 0; architectures that differ test
 * before */
VMT_IR_OP (DIVU, "divu", "i:ii", 0)
VMT_IR_OP (DIVS, "divs", "i:ii", 0)
VMT_IR_OP (REMU, "remu", "i:ii", 0)
VMT_IR_OP (REMS, "rems", "i:ii", 0)
/* of 0: the type's width */
VMT_IR_OP (CLZ, "clz", "i:i", 0)
VMT_IR_OP (CTZ, "ctz", "i:i", 0)
VMT_IR_OP (POPCNT, "popcnt", "i:i", 0)
VMT_IR_OP (BSWAP, "bswap", "i:i", 0)
VMT_IR_OP (BITREV, "bitrev", "i:i", 0)
VMT_IR_OP (BITREV8, "bitrev8", "i:i", 0) /* within each byte */
VMT_IR_OP (ORCB, "orcb", "i:i", 0)       /* each byte that is not 0 becomes 0xff */
VMT_IR_OP (MINS, "mins", "i:ii", 0)
VMT_IR_OP (MAXS, "maxs", "i:ii", 0)
VMT_IR_OP (MINU, "minu", "i:ii", 0)
VMT_IR_OP (MAXU, "maxu", "i:ii", 0)
VMT_IR_OP (SETCC, "setcc", "i:ii#", VMT_IR_OP_COND_IMM) /* imm: VmtIrCond; 0 or 1 */
VMT_IR_OP (SELECT, "select", "?:??i", 0)                /* c != 0 ? a : b; of any class */
VMT_IR_OP (EXTRACT, "extract", "i:i#",
           0) /* imm: position | length << 8; SX sign-extends the field */
VMT_IR_OP (INSERT, "insert", "i:ii#", 0) /* a with the low bits of b at position | length << 8 */
VMT_IR_OP (SHADD, "shadd", "i:ii#", 0)   /* (a << imm) + b; with VMT_IR_UW a is its low 32 bits */
VMT_IR_OP (CLMUL, "clmul", "i:ii", 0)
VMT_IR_OP (CLMULH, "clmulh", "i:ii", 0)
/* d = the guest virtual address of the block's page + imm */
VMT_IR_OP (PCREL, "pcrel", "i:#", 0)

/* memory: address a + imm; c is a VmtIrMemAttr word, not an operand; type is the access width */
VMT_IR_OP (LD, "ld", "?:i#", VMT_IR_OP_MEM | VMT_IR_OP_FAULT | VMT_IR_OP_ATTR)
VMT_IR_OP (ST, "st", "-:i?#", VMT_IR_OP_MEM | VMT_IR_OP_FAULT | VMT_IR_OP_ATTR)
/* LL remembers a reservation; SC d = 0 when it stored b, else 1 */
VMT_IR_OP (LL, "ll", "i:i#", VMT_IR_OP_MEM | VMT_IR_OP_FAULT | VMT_IR_OP_ATTR)
VMT_IR_OP (SC, "sc", "i:ii#", VMT_IR_OP_MEM | VMT_IR_OP_FAULT | VMT_IR_OP_ATTR)
/* d = old value (extended by type and SX); imm: VmtIrAmo, no displacement */
VMT_IR_OP (AMO, "amo", "i:ii#",
           VMT_IR_OP_MEM | VMT_IR_OP_FAULT | VMT_IR_OP_ATTR | VMT_IR_OP_AMO_IMM)
/* d = old value; stores b when that is EXT.a. Type I128: see PACK128 */
VMT_IR_OP (CAS, "cas", "i:ii#+-:i",
           VMT_IR_OP_MEM | VMT_IR_OP_FAULT | VMT_IR_OP_ATTR | VMT_IR_OP_HAS_EXT)
VMT_IR_OP (
    FENCE, "fence", "-:#",
    VMT_IR_OP_MEM |
        VMT_IR_OP_FENCE_IMM) /* imm: predecessor bits << 4 | successor bits, 1 W 2 R 4 O 8 I */

/* control; targets are offsets from the block's page (may be outside 0..4095), or registers */
VMT_IR_OP (BRANCH, "br", "-:ii#",
           VMT_IR_OP_EXIT | VMT_IR_OP_COND) /* c: VmtIrCond; taken leaves the block */
VMT_IR_OP (JUMP, "jump", "-:#", VMT_IR_OP_EXIT | VMT_IR_OP_END)
VMT_IR_OP (JUMP_IND, "jumpind", "-:i", VMT_IR_OP_EXIT | VMT_IR_OP_END)
/* Like JUMP, but the mode or the mapping may have changed: back to the run loop, which looks at
 * interrupts, keys and pending work. */
VMT_IR_OP (EXIT, "exit", "-:#", VMT_IR_OP_EXIT | VMT_IR_OP_END)
/* A synchronous exception of this instruction: cause imm, value a. */
VMT_IR_OP (TRAP, "trap", "-:i#", VMT_IR_OP_EXIT | VMT_IR_OP_END | VMT_IR_OP_FAULT)
/* d = helper imm (a, b, c); effects are declared in the helper's row */
VMT_IR_OP (CALL, "call", "?:[???]#", VMT_IR_OP_FAULT | VMT_IR_OP_HELPER_IMM)
/* More operands or results for the op before it, which says which. */
VMT_IR_OP (EXT, "ext", "?:???", 0)

/* floating point: type is the format. imm bits 0-2: rounding (VmtFpRound, or 7: the environment's),
 * bit 3: raises no flags. With VMT_IR_BOXED operands of F32 and F16 are unboxed from 64-bit
 * containers (a bad box is the default NaN) and results boxed (upper bits ones). */
VMT_IR_OP (FADD, "fadd", "f:ff#", VMT_IR_OP_FP)
VMT_IR_OP (FSUB, "fsub", "f:ff#", VMT_IR_OP_FP)
VMT_IR_OP (FMUL, "fmul", "f:ff#", VMT_IR_OP_FP)
VMT_IR_OP (FDIV, "fdiv", "f:ff#", VMT_IR_OP_FP)
VMT_IR_OP (FSQRT, "fsqrt", "f:f#", VMT_IR_OP_FP)
VMT_IR_OP (FMA, "fma", "f:fff#",
           VMT_IR_OP_FP) /* imm bit 8: negate the product, bit 9: negate the addend */
VMT_IR_OP (FMIN, "fmin", "f:ff#", VMT_IR_OP_FP) /* imm bits 8-9: VmtIrFpMin */
VMT_IR_OP (FMAX, "fmax", "f:ff#", VMT_IR_OP_FP)
VMT_IR_OP (FSGNJ, "fsgnj", "f:ff#", 0) /* imm 0: b's sign, 1: its inverse, 2: exclusive or */
VMT_IR_OP (FCMP, "fcmp", "i:ff#",
           VMT_IR_OP_FP) /* imm: 0 eq (quiet), 1 lt, 2 le (signalling), +4 quiet, 3 unordered */
VMT_IR_OP (FCLASS, "fclass", "i:f", 0)
VMT_IR_OP (FCVT, "fcvt", "f:f#",
           VMT_IR_OP_FP) /* type: the result's; imm bits 8-11: the operand's VmtIrType */
VMT_IR_OP (F2I, "f2i", "i:f#",
           VMT_IR_OP_FP) /* type: the result's (SX extends it); imm bits 8-11: the operand's type,
                            bit 12: unsigned; bits 13-14: VmtIrFpSat */
VMT_IR_OP (
    I2F, "i2f", "f:i#",
    VMT_IR_OP_FP) /* type: the result's; imm bits 8-11: the operand's type, bit 12: unsigned */
VMT_IR_OP (F2BITS, "f2bits", "i:f", 0) /* type I32: the low 32 bits (SX extends), I64: all */
VMT_IR_OP (BITS2F, "bits2f", "f:i", 0) /* type F32: boxes the low 32 bits, F64: all */

/* --- beyond RV64GC ------------------------------------------------------------------------------
 */

/* More integers. c of ADC, SBB, RCL and RCR is the carry (its lowest bit). */
VMT_IR_OP (ADC, "adc", "i:iii", 0) /* a + b + c */
VMT_IR_OP (SBB, "sbb", "i:iii", 0) /* a - b - c */
/* Rotations of the width and one bit; the count b modulo 64 for I64, else modulo 32, and then
 * modulo that. */
VMT_IR_OP (RCL, "rcl", "i:iii", 0)
VMT_IR_OP (RCR, "rcr", "i:iii", 0)
/* The high half of (a:b) << c, the low half of (b:a) >> c, c modulo the width: shld, shrd, extr. */
VMT_IR_OP (DSHL, "dshl", "i:iii", 0)
VMT_IR_OP (DSHR, "dshr", "i:iii", 0)
VMT_IR_OP (PEXT, "pext", "i:ii", 0) /* the bits of a that b selects, gathered at the bottom */
VMT_IR_OP (PDEP, "pdep", "i:ii", 0) /* the low bits of a, spread to the bits set in b */
/* Reflected CRC-32 of the type's bytes of b, continued from a. imm 0: polynomial 0xedb88320, 1:
 * 0x82f63b78 (CRC-32C). */
VMT_IR_OP (CRC32, "crc32", "i:ii#", 0)
/* FIPS 180-4: type I32 is SHA-256's, I64 SHA-512's. imm 0: Sigma0, 1: Sigma1, 2: sigma0, 3: sigma1.
 */
VMT_IR_OP (SHA2, "sha2", "i:i#", 0)
/* Pairs: a the low half. MOV, SELECT, SETCC (eq, ne), LD, ST, LL, SC and CAS have a form of type
 * I128. */
VMT_IR_OP (PACK128, "pack128", "i:ii", 0)
VMT_IR_OP (LOW, "low", "i:i", 0)
VMT_IR_OP (HIGH, "high", "i:i", 0)

/* Flags: a value of class F is {kind, x, y, carry-in}, see vmt-ir-flags.h; the op that makes it
 * says which kind. Nothing is computed before a condition is asked for. With VMT_IR_NOT_BORROW
 * carries of subtractions, in and out, are inverted (Arm). */
VMT_IR_OP (FL_ADD, "fladd", "F:ii", 0)    /* of a + b */
VMT_IR_OP (FL_SUB, "flsub", "F:ii", 0)    /* of a - b */
VMT_IR_OP (FL_ADC, "fladc", "F:iii", 0)   /* of a + b + c */
VMT_IR_OP (FL_SBB, "flsbb", "F:iii", 0)   /* of a - b - c; NOT_BORROW: a + ~b + c */
VMT_IR_OP (FL_LOGIC, "fllogic", "F:i", 0) /* of the result a: C, O and A are 0 */
VMT_IR_OP (FL_MULU, "flmulu", "F:ii",
           0) /* C and O: the product does not fit; S, Z, P of its low half, A 0 */
VMT_IR_OP (FL_MULS, "flmuls", "F:ii", 0)
/* Partial writers: the last operand is the flags as they were. */
VMT_IR_OP (FL_INC, "flinc", "F:iF", 0) /* of a + 1; C stays */
VMT_IR_OP (FL_DEC, "fldec", "F:iF", 0)
/* Count b modulo 64 for I64, else modulo 32; a count of 0 keeps c. O is as for a count of 1, A is
 * 0. */
VMT_IR_OP (FL_SHL, "flshl", "F:iiF", 0)
VMT_IR_OP (FL_SHR, "flshr", "F:iiF", 0)
VMT_IR_OP (FL_SAR, "flsar", "F:iiF", 0)
/* Write C and O; a is the operand, not the result. */
VMT_IR_OP (FL_ROL, "flrol", "F:iiF", 0)
VMT_IR_OP (FL_ROR, "flror", "F:iiF", 0)
VMT_IR_OP (FL_RCL, "flrcl", "F:iiF", 0)
VMT_IR_OP (FL_RCR, "flrcr", "F:iiF", 0)
VMT_IR_OP (FL_DSHL, "fldshl", "F:iii+-:F", VMT_IR_OP_HAS_EXT)
VMT_IR_OP (FL_DSHR, "fldshr", "F:iii+-:F", VMT_IR_OP_HAS_EXT)
/* a with the bits in imm (x86 positions) taken from the integer b: BT, CLC, CMC, RMIF. */
VMT_IR_OP (FL_INS, "flins", "F:Fi#", 0)
/* imm: VmtIrFlagsLayout */
VMT_IR_OP (FL_PACK, "flpack", "F:i#", 0)
VMT_IR_OP (FL_GET, "flget", "i:F#", 0)
VMT_IR_OP (FL_COND, "flcond", "i:F#", VMT_IR_OP_FCOND_IMM) /* imm: VmtIrFlagCond; 0 or 1 */
VMT_IR_OP (BRANCH_FLAGS, "brf", "-:F#", VMT_IR_OP_EXIT | VMT_IR_OP_FCOND) /* c: VmtIrFlagCond */
/* Of a comparison: imm bit 0: Arm's NZCV, else x86's ZF, PF, CF; bit 1: signalling. */
VMT_IR_OP (FL_FCMP, "flfcmp", "F:ff#", VMT_IR_OP_FP)

/* An instruction that can stop midway: what it has written so far stays when a later op of it
 * faults, and the instruction is then executed again from its beginning. */
VMT_IR_OP (COMMIT, "commit", "-:", 0)
/* Raises what an access of this type at a + imm would, a store with VMT_IR_MEM_ATOMIC_FAULT, and
 * does nothing else: for instructions that change state before their last access. Later accesses of
 * the instruction within it have VMT_IR_MEM_PROBED. */
VMT_IR_OP (PROBE, "probe", "-:i#", VMT_IR_OP_MEM | VMT_IR_OP_FAULT | VMT_IR_OP_ATTR)
/* A synchronous exception, cause imm, value b, when a is not 0. */
VMT_IR_OP (TRAP_IF, "trapif", "-:ii#", VMT_IR_OP_EXIT | VMT_IR_OP_FAULT)
/* Counts imm instructions; leaves to the run loop before the instruction when fewer are left
 * (deterministic mode). */
VMT_IR_OP (BUDGET, "budget", "-:#", VMT_IR_OP_EXIT | VMT_IR_OP_FAULT)

/* More floating point. F80 has MOV, SELECT, LD, ST (10 bytes), FSGNJ and FCVT; its arithmetic is
 * helpers. */
VMT_IR_OP (FRINT, "frint", "f:f#",
           VMT_IR_OP_FP) /* to an integral value; imm bit 8: raise inexact */

/* Vectors: type is the vector's, the low 4 bits of flags the element's type. VMT_IR_MASKED: EXT
 * follows with a predicate (a) and the value of inactive elements (b; 0 when absent; V_CMP, V_FCMP,
 * V_ST and V_REDUCE take none). Bit i of a predicate belongs to element i. */
VMT_IR_OP (V_ADD, "vadd", "v:vv", VMT_IR_OP_VEC)
VMT_IR_OP (V_SUB, "vsub", "v:vv", VMT_IR_OP_VEC)
VMT_IR_OP (V_MUL, "vmul", "v:vv", VMT_IR_OP_VEC)
VMT_IR_OP (V_MULHU, "vmulhu", "v:vv", VMT_IR_OP_VEC)
VMT_IR_OP (V_MULHS, "vmulhs", "v:vv", VMT_IR_OP_VEC)
VMT_IR_OP (V_ADDUS, "vaddus", "v:vv", VMT_IR_OP_VEC) /* saturating */
VMT_IR_OP (V_ADDSS, "vaddss", "v:vv", VMT_IR_OP_VEC)
VMT_IR_OP (V_SUBUS, "vsubus", "v:vv", VMT_IR_OP_VEC)
VMT_IR_OP (V_SUBSS, "vsubss", "v:vv", VMT_IR_OP_VEC)
VMT_IR_OP (V_AVGU, "vavgu", "v:vv", VMT_IR_OP_VEC) /* (a + b + 1) >> 1 */
VMT_IR_OP (V_AND, "vand", "v:vv", VMT_IR_OP_VEC)
VMT_IR_OP (V_OR, "vor", "v:vv", VMT_IR_OP_VEC)
VMT_IR_OP (V_XOR, "vxor", "v:vv", VMT_IR_OP_VEC)
VMT_IR_OP (V_ANDN, "vandn", "v:vv", VMT_IR_OP_VEC) /* a & ~b */
VMT_IR_OP (V_MINS, "vmins", "v:vv", VMT_IR_OP_VEC)
VMT_IR_OP (V_MAXS, "vmaxs", "v:vv", VMT_IR_OP_VEC)
VMT_IR_OP (V_MINU, "vminu", "v:vv", VMT_IR_OP_VEC)
VMT_IR_OP (V_MAXU, "vmaxu", "v:vv", VMT_IR_OP_VEC)
VMT_IR_OP (V_ABS, "vabs", "v:v", VMT_IR_OP_VEC)
VMT_IR_OP (V_POPCNT, "vpopcnt", "v:v", VMT_IR_OP_VEC)
VMT_IR_OP (V_CLZ, "vclz", "v:v", VMT_IR_OP_VEC)
/* By each element of b; counts of the width and more shift everything out. */
VMT_IR_OP (V_SHL, "vshl", "v:vv", VMT_IR_OP_VEC)
VMT_IR_OP (V_SHR, "vshr", "v:vv", VMT_IR_OP_VEC)
VMT_IR_OP (V_SAR, "vsar", "v:vv", VMT_IR_OP_VEC)
VMT_IR_OP (V_CMP, "vcmp", "p:vv#", VMT_IR_OP_VEC | VMT_IR_OP_COND_IMM)
VMT_IR_OP (V_SELECT, "vselect", "v:vvp", VMT_IR_OP_VEC)    /* c ? a : b */
VMT_IR_OP (V_FROM_PRED, "vfrompred", "v:p", VMT_IR_OP_VEC) /* all ones or 0 */
VMT_IR_OP (V_TO_PRED, "vtopred", "p:v", VMT_IR_OP_VEC)     /* the elements' highest bits */
/* Permutations. An index outside the table gives 0; V_PERM takes it modulo the number of elements.
 */
VMT_IR_OP (V_TBL, "vtbl", "v:vv", VMT_IR_OP_VEC) /* table a, indices b */
VMT_IR_OP (V_TBLX, "vtblx", "v:vv+-:v[vv]",
           VMT_IR_OP_VEC | VMT_IR_OP_HAS_EXT) /* tables a, EXT.a, b, c */
VMT_IR_OP (V_PERM, "vperm", "v:vv", VMT_IR_OP_VEC)
VMT_IR_OP (V_ZIP, "vzip", "v:vv#",
           VMT_IR_OP_VEC) /* imm 0: the low halves interleaved, 1: the high ones */
VMT_IR_OP (V_UNZIP, "vunzip", "v:vv#",
           VMT_IR_OP_VEC) /* imm 0: the even elements of a, then of b; 1: the odd ones */
VMT_IR_OP (V_TRN, "vtrn", "v:vv#", VMT_IR_OP_VEC) /* imm 0: a0 b0 a2 b2 ..., 1: a1 b1 a3 b3 ... */
VMT_IR_OP (V_CONCAT, "vconcat", "v:vv#", VMT_IR_OP_VEC) /* b:a, elements from imm on */
VMT_IR_OP (V_COMPRESS, "vcompress", "v:vp",
           VMT_IR_OP_VEC) /* the elements of a that b selects, then 0 */
VMT_IR_OP (V_DUP, "vdup", "v:i", VMT_IR_OP_VEC)
VMT_IR_OP (V_DUP_LANE, "vduplane", "v:v#", VMT_IR_OP_VEC)
VMT_IR_OP (V_INSERT, "vinsert", "v:vi#", VMT_IR_OP_VEC)  /* imm: lane */
VMT_IR_OP (V_EXTRACT, "vextract", "i:v#", VMT_IR_OP_VEC) /* zero-extended */
/* Flags name the result's element. imm bit 0: from the high half, bit 1: sign-extended, bits 8-11:
 * the operand's element type. */
VMT_IR_OP (V_EXTEND, "vextend", "v:v#", VMT_IR_OP_VEC)
/* From elements of twice the width; the upper half is 0. imm: VmtIrVNarrow */
VMT_IR_OP (V_NARROW, "vnarrow", "v:v#", VMT_IR_OP_VEC)
/* imm: the operand's type; cut off or continued with 0 */
VMT_IR_OP (V_RESIZE, "vresize", "v:v#", VMT_IR_OP_VEC)
/* imm: VmtIrAmo but SWAP. Inactive elements do not take part. */
VMT_IR_OP (V_REDUCE, "vreduce", "i:v#", VMT_IR_OP_VEC | VMT_IR_OP_AMO_IMM)
/* imm as of the scalar ops */
VMT_IR_OP (V_FADD, "vfadd", "v:vv#", VMT_IR_OP_VEC | VMT_IR_OP_FP)
VMT_IR_OP (V_FSUB, "vfsub", "v:vv#", VMT_IR_OP_VEC | VMT_IR_OP_FP)
VMT_IR_OP (V_FMUL, "vfmul", "v:vv#", VMT_IR_OP_VEC | VMT_IR_OP_FP)
VMT_IR_OP (V_FDIV, "vfdiv", "v:vv#", VMT_IR_OP_VEC | VMT_IR_OP_FP)
VMT_IR_OP (V_FSQRT, "vfsqrt", "v:v#", VMT_IR_OP_VEC | VMT_IR_OP_FP)
VMT_IR_OP (V_FMA, "vfma", "v:vvv#", VMT_IR_OP_VEC | VMT_IR_OP_FP)
VMT_IR_OP (V_FMIN, "vfmin", "v:vv#", VMT_IR_OP_VEC | VMT_IR_OP_FP)
VMT_IR_OP (V_FMAX, "vfmax", "v:vv#", VMT_IR_OP_VEC | VMT_IR_OP_FP)
VMT_IR_OP (V_FCMP, "vfcmp", "p:vv#", VMT_IR_OP_VEC | VMT_IR_OP_FP)
VMT_IR_OP (V_FRINT, "vfrint", "v:v#", VMT_IR_OP_VEC | VMT_IR_OP_FP)
/* imm as of FCVT, F2I and I2F, flags name the result's element. Of operands with smaller elements
 * the low ones are converted; with larger ones the result's low elements are made, the others are
 * 0. */
VMT_IR_OP (V_FCVT, "vfcvt", "v:v#", VMT_IR_OP_VEC | VMT_IR_OP_FP)
VMT_IR_OP (V_F2I, "vf2i", "v:v#", VMT_IR_OP_VEC | VMT_IR_OP_FP)
VMT_IR_OP (V_I2F, "vi2f", "v:v#", VMT_IR_OP_VEC | VMT_IR_OP_FP)
/* Complex multiply-add a * b + c of (real, imaginary) pairs: bits 8-9 of imm rotate a by 90 degrees
 * each; half of the product's terms. */
VMT_IR_OP (V_FCMLA, "vfcmla", "v:vvv#", VMT_IR_OP_VEC | VMT_IR_OP_FP)
/* Element by element, lowest first; inactive ones are not touched. A fault leaves the elements
 * before it stored. */
VMT_IR_OP (V_LD, "vld", "v:i#", VMT_IR_OP_VEC | VMT_IR_OP_MEM | VMT_IR_OP_FAULT | VMT_IR_OP_ATTR)
VMT_IR_OP (V_ST, "vst", "-:iv#", VMT_IR_OP_VEC | VMT_IR_OP_MEM | VMT_IR_OP_FAULT | VMT_IR_OP_ATTR)
/* The same, from which one can go on (RVV): EXT.d: the element that faulted, 0 when none did; on a
 * fault both results are written all the same. EXT.a: the predicate, EXT.b: of inactive elements.
 */
VMT_IR_OP (V_LDR, "vldr", "v:i#+i:p[v]",
           VMT_IR_OP_VEC | VMT_IR_OP_MEM | VMT_IR_OP_FAULT | VMT_IR_OP_ATTR | VMT_IR_OP_HAS_EXT)
VMT_IR_OP (V_STR, "vstr", "-:iv#+i:p",
           VMT_IR_OP_VEC | VMT_IR_OP_MEM | VMT_IR_OP_FAULT | VMT_IR_OP_ATTR | VMT_IR_OP_HAS_EXT)
/* First-fault: only the first active element may raise. EXT.d: the elements before the first one
 * that could not be read, else all; from there on the result is EXT.b, or 0. EXT.a: the predicate.
 */
VMT_IR_OP (V_LDFF, "vldff", "v:i#+i:p[v]",
           VMT_IR_OP_VEC | VMT_IR_OP_MEM | VMT_IR_OP_FAULT | VMT_IR_OP_ATTR | VMT_IR_OP_HAS_EXT)
/* At a + (element of b << scale); imm: bits 0-1 scale, bit 2 indices are unsigned, bits 8-11 their
 * element type. EXT.a: the predicate, EXT.b: of inactive elements. On a fault at an element both
 * results are written all the same: d with what has been read, EXT.d the predicate of what has not.
 */
VMT_IR_OP (V_GATHER, "vgather", "v:iv#+p:p[v]",
           VMT_IR_OP_VEC | VMT_IR_OP_MEM | VMT_IR_OP_FAULT | VMT_IR_OP_HAS_EXT)
/* The same with a vector whose elements' highest bits are the predicate (AVX2): EXT.d: all ones for
 * what has not been read, else 0. */
VMT_IR_OP (V_GATHERV, "vgatherv", "v:iv#+v:v[v]",
           VMT_IR_OP_VEC | VMT_IR_OP_MEM | VMT_IR_OP_FAULT | VMT_IR_OP_HAS_EXT)
VMT_IR_OP (V_SCATTER, "vscatter", "-:ivv#+p:p",
           VMT_IR_OP_VEC | VMT_IR_OP_MEM | VMT_IR_OP_FAULT | VMT_IR_OP_HAS_EXT)
/* FIPS 197, on each 128 bits. imm: VmtIrAes */
VMT_IR_OP (V_AES, "vaes", "v:v#", VMT_IR_OP_VEC)
VMT_IR_OP (V_SHA2, "vsha2", "v:v#", VMT_IR_OP_VEC) /* SHA2 of each element */
/* Two rounds of SHA-256 on V128: a {h g d c}, b {f e b a}, c the two sums of word and constant in
 * its low elements; the next {f e b a}. */
VMT_IR_OP (V_SHA256, "vsha256", "v:vvv", VMT_IR_OP_VEC)
/* Four rounds of SHA-1 on V128: a {d c b a} from the low element up, b the words from the high
 * element down (the first with e added); imm: function and constant 0 to 3. */
VMT_IR_OP (V_SHA1, "vsha1", "v:vv#", VMT_IR_OP_VEC)
/* 64 x 64 -> 128, on each 128 bits; imm bit 0: the high half of a, bit 4: of b */
VMT_IR_OP (V_CLMUL, "vclmul", "v:vv#", VMT_IR_OP_VEC)

/* Predicates; imm: the number of elements, where it matters. */
VMT_IR_OP (P_AND, "pand", "p:pp", 0)
VMT_IR_OP (P_OR, "por", "p:pp", 0)
VMT_IR_OP (P_XOR, "pxor", "p:pp", 0)
VMT_IR_OP (P_ANDN, "pandn", "p:pp", 0)
VMT_IR_OP (P_FIRST_N, "pfirstn", "p:i#", 0) /* the first a elements */
/* Elements i with a + i < b; type: the comparison's; imm bit 8: unsigned, bit 9: <= */
VMT_IR_OP (P_WHILE, "pwhile", "p:ii#", 0)
VMT_IR_OP (P_COUNT, "pcount", "i:p", 0)
VMT_IR_OP (P_FIND, "pfind", "i:p", 0)      /* the first active element, 64 when there is none */
VMT_IR_OP (P_SPREAD, "pspread", "p:p#", 0) /* bit i to bit i * imm */
VMT_IR_OP (P_PICK, "ppick", "p:p#", 0)     /* bit i * imm to bit i */
VMT_IR_OP (P_TO_INT, "ptoint", "i:p", 0)
VMT_IR_OP (P_FROM_INT, "pfromint", "p:i", 0)
/* SVE's PTEST of b under a: N the first active element is set, Z none is, C the last one is not, V
 * 0. */
VMT_IR_OP (FL_PTEST, "flptest", "F:pp", 0)
