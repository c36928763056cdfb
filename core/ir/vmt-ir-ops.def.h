/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The op table: the one place that names the ops of the IR. Include it with VMT_IR_OP defined; no
 * include guard.
 *
 * VMT_IR_OP (NAME, "text", "result:operands", flags)
 *
 * Classes in the signature: i integer, f float (raw bits), v vector, p predicate, F flags, - none,
 * ? any. Operands are a, b, c in order. '#' after the operands: imm is used. Flags: see
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
VMT_IR_OP (SELECT, "select", "i:iii", 0)                /* c != 0 ? a : b */
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
/* d = old value; compares with d's pool-free EXT operand: see EXT */
VMT_IR_OP (CAS, "cas", "i:ii#",
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
VMT_IR_OP (CALL, "call", "?:???#", VMT_IR_OP_FAULT)
/* More operands or results for the op before it. */
VMT_IR_OP (EXT, "ext", "?:???#", 0)

/* floating point: type is the format. imm bits 0-2: rounding (VmtFpRound, or 7: the environment's).
 * With VMT_IR_BOXED operands of F32 and F16 are unboxed from 64-bit containers (a bad box is the
 * default NaN) and results boxed (upper bits ones). */
VMT_IR_OP (FADD, "fadd", "f:ff#", VMT_IR_OP_FP)
VMT_IR_OP (FSUB, "fsub", "f:ff#", VMT_IR_OP_FP)
VMT_IR_OP (FMUL, "fmul", "f:ff#", VMT_IR_OP_FP)
VMT_IR_OP (FDIV, "fdiv", "f:ff#", VMT_IR_OP_FP)
VMT_IR_OP (FSQRT, "fsqrt", "f:f#", VMT_IR_OP_FP)
VMT_IR_OP (FMA, "fma", "f:fff#",
           VMT_IR_OP_FP) /* imm bit 8: negate the product, bit 9: negate the addend */
VMT_IR_OP (FMIN, "fmin", "f:ff#", VMT_IR_OP_FP) /* minimumNumber */
VMT_IR_OP (FMAX, "fmax", "f:ff#", VMT_IR_OP_FP)
VMT_IR_OP (FSGNJ, "fsgnj", "f:ff#", 0) /* imm 0: b's sign, 1: its inverse, 2: exclusive or */
VMT_IR_OP (FCMP, "fcmp", "i:ff#",
           VMT_IR_OP_FP) /* imm: 0 eq (quiet), 1 lt, 2 le (signalling), +4 quiet, 3 unordered */
VMT_IR_OP (FCLASS, "fclass", "i:f", 0)
VMT_IR_OP (FCVT, "fcvt", "f:f#",
           VMT_IR_OP_FP) /* type: the result's; imm bits 8-11: the operand's VmtIrType */
VMT_IR_OP (F2I, "f2i", "i:f#",
           VMT_IR_OP_FP) /* type: the result's (SX extends it); imm bits 8-11: the operand's type,
                            bit 12: unsigned; RISC-V saturation */
VMT_IR_OP (
    I2F, "i2f", "f:i#",
    VMT_IR_OP_FP) /* type: the result's; imm bits 8-11: the operand's type, bit 12: unsigned */
VMT_IR_OP (F2BITS, "f2bits", "i:f", 0) /* type I32: the low 32 bits (SX extends), I64: all */
VMT_IR_OP (BITS2F, "bits2f", "f:i", 0) /* type F32: boxes the low 32 bits, F64: all */
