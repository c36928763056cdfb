/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

#include "vmt-fp.h"

G_BEGIN_DECLS

typedef enum
{
  VMT_IR_NONE,
  VMT_IR_I8,
  VMT_IR_I16,
  VMT_IR_I32,
  VMT_IR_I64,
  VMT_IR_I128,
  VMT_IR_F16,
  VMT_IR_F32,
  VMT_IR_F64,
  VMT_IR_F80,
  VMT_IR_V128,
  VMT_IR_V256,
  VMT_IR_V512,
  VMT_IR_PRED,
  VMT_IR_FLAGS,
} VmtIrType;

typedef enum
{
#define VMT_IR_OP(NAME, text, sig, flags) VMT_IR_##NAME,
#include "vmt-ir-ops.def.h"
#undef VMT_IR_OP
  VMT_IR_N_OPS
} VmtIrOpcode;

/* VmtIrOp.flags */
#define VMT_IR_SX (1 << 0)    /* sign-extend the result to 64 bits */
#define VMT_IR_UW (1 << 1)    /* operand a is its low 32 bits */
#define VMT_IR_BOXED (1 << 2) /* NaN-boxed operands and result */
#define VMT_IR_CALL_HINT                                                                           \
  (1 << 3) /* a jump that calls: the return address is the next instruction */
#define VMT_IR_RETURN_HINT (1 << 4) /* a jump that returns */
#define VMT_IR_NOT_BORROW (1 << 5)  /* carries of a subtraction are inverted */
/* of vector ops */
#define VMT_IR_ELEM(flags) ((VmtIrType)((flags)&15))
#define VMT_IR_MASKED (1 << 7) /* EXT follows: predicate and the value of inactive elements */

/**
 * VmtIrVal:
 *
 * A value: one 16-bit name space. Globals are the architecture's state slots (mutable); temporaries
 * are assigned once; constants are entries of the block's pool.
 */
typedef guint16 VmtIrVal;
#define VMT_IR_GLOBAL(n) ((VmtIrVal)(n))
#define VMT_IR_TEMP_FIRST 0x1000
#define VMT_IR_CONST_FIRST 0x8000
#define VMT_IR_NO_VAL 0xffff
static inline gboolean
vmt_ir_is_global (VmtIrVal v)
{
  return v < VMT_IR_TEMP_FIRST;
}
static inline gboolean
vmt_ir_is_temp (VmtIrVal v)
{
  return v >= VMT_IR_TEMP_FIRST && v < VMT_IR_CONST_FIRST;
}
static inline gboolean
vmt_ir_is_const (VmtIrVal v)
{
  return v >= VMT_IR_CONST_FIRST && v != VMT_IR_NO_VAL;
}

/* 16 bytes, no pointer. */
typedef struct
{
  guint16 opcode;
  guint8 type, flags;
  VmtIrVal d, a, b, c;
  gint32 imm;
} VmtIrOp;
G_STATIC_ASSERT (sizeof (VmtIrOp) == 16);

typedef enum
{
  VMT_IR_EQ,
  VMT_IR_NE,
  VMT_IR_LT,
  VMT_IR_GE,
  VMT_IR_LTU,
  VMT_IR_GEU
} VmtIrCond;
typedef enum
{
  VMT_IR_AMO_SWAP,
  VMT_IR_AMO_ADD,
  VMT_IR_AMO_AND,
  VMT_IR_AMO_OR,
  VMT_IR_AMO_XOR,
  VMT_IR_AMO_MINS,
  VMT_IR_AMO_MAXS,
  VMT_IR_AMO_MINU,
  VMT_IR_AMO_MAXU,
} VmtIrAmo;

/* Conditions on flags. */
typedef enum
{
  VMT_IR_FC_O,
  VMT_IR_FC_NO,
  VMT_IR_FC_C,
  VMT_IR_FC_NC,
  VMT_IR_FC_Z,
  VMT_IR_FC_NZ,
  VMT_IR_FC_BE, /* C or Z: x86 */
  VMT_IR_FC_A,
  VMT_IR_FC_S,
  VMT_IR_FC_NS,
  VMT_IR_FC_P,
  VMT_IR_FC_NP,
  VMT_IR_FC_LT, /* S != O */
  VMT_IR_FC_GE,
  VMT_IR_FC_LE, /* Z or S != O */
  VMT_IR_FC_GT,
  VMT_IR_FC_LS, /* not C, or Z: Arm */
  VMT_IR_FC_HI,
} VmtIrFlagCond;

/* Flags as an integer. */
typedef enum
{
  VMT_IR_FLAGS_X86,  /* C 0, P 2, A 4, Z 6, S 7, O 11 */
  VMT_IR_FLAGS_NZCV, /* V 28, C 29, Z 30, N 31 */
} VmtIrFlagsLayout;

/* What FMIN and FMAX do about NaNs and zeros. */
typedef enum
{
  VMT_IR_FP_MIN_NUMBER, /* minimumNumber, -0 < +0 (RISC-V) */
  VMT_IR_FP_MIN_NAN,    /* a NaN is the result (Arm FMIN) */
  VMT_IR_FP_MIN_X86,    /* a < b ? a : b */
  VMT_IR_FP_MIN_2008,   /* minNum: a signalling NaN is the result, made quiet (Arm FMINNM) */
} VmtIrFpMin;

/* What F2I makes of NaNs and of what does not fit. */
typedef enum
{
  VMT_IR_FP_SAT_RISCV, /* saturates; a NaN is the maximum */
  VMT_IR_FP_SAT_ARM,   /* saturates; a NaN is 0 */
  VMT_IR_FP_SAT_X86,   /* only the highest bit set (unsigned: all ones) */
} VmtIrFpSat;

typedef enum
{
  VMT_IR_V_TRUNCATE,
  VMT_IR_V_SAT_SS, /* signed to signed */
  VMT_IR_V_SAT_SU, /* signed to unsigned */
  VMT_IR_V_SAT_UU,
} VmtIrVNarrow;

typedef enum
{
  VMT_IR_AES_SUB_SHIFT,         /* ShiftRows, SubBytes */
  VMT_IR_AES_SUB_SHIFT_MIX,     /* and MixColumns */
  VMT_IR_AES_INV_SUB_SHIFT,     /* InvShiftRows, InvSubBytes */
  VMT_IR_AES_INV_SUB_SHIFT_MIX, /* and InvMixColumns */
  VMT_IR_AES_MIX,
  VMT_IR_AES_INV_MIX,
} VmtIrAes;

/* The attribute word of memory ops. */
typedef enum
{
  VMT_IR_MEM_ACQUIRE = 1 << 0,
  VMT_IR_MEM_RELEASE = 1 << 1,
  VMT_IR_MEM_ALIGNED = 1 << 2,      /* a misaligned address is an exception, not split */
  VMT_IR_MEM_ATOMIC_FAULT = 1 << 3, /* a load that faults as a store (AMO, SC) */
  VMT_IR_MEM_UNPRIVILEGED = 1 << 4, /* with user mode's rights (LDTR, HLV) */
  VMT_IR_MEM_PROBED = 1 << 5,       /* a PROBE of the same instruction covers it: does not fault */
} VmtIrMemAttr;

typedef enum
{
  VMT_IR_OP_MEM = 1 << 0,         /* touches guest memory */
  VMT_IR_OP_FAULT = 1 << 1,       /* may raise a guest exception */
  VMT_IR_OP_EXIT = 1 << 2,        /* may leave the block */
  VMT_IR_OP_END = 1 << 3,         /* always leaves the block: the last op */
  VMT_IR_OP_COND = 1 << 4,        /* c is a VmtIrCond */
  VMT_IR_OP_ATTR = 1 << 5,        /* c is a VmtIrMemAttr word */
  VMT_IR_OP_FP = 1 << 6,          /* reads the rounding mode, accumulates flags */
  VMT_IR_OP_HAS_EXT = 1 << 7,     /* an EXT op follows */
  VMT_IR_OP_COND_IMM = 1 << 8,    /* imm is a VmtIrCond */
  VMT_IR_OP_AMO_IMM = 1 << 9,     /* imm is a VmtIrAmo */
  VMT_IR_OP_FENCE_IMM = 1 << 10,  /* imm is a pair of access sets */
  VMT_IR_OP_VEC = 1 << 11,        /* flags name the element's type, may be masked */
  VMT_IR_OP_FCOND = 1 << 12,      /* c is a VmtIrFlagCond */
  VMT_IR_OP_FCOND_IMM = 1 << 13,  /* imm is one */
  VMT_IR_OP_HELPER_IMM = 1 << 14, /* imm is a helper */
} VmtIrOpFlags;

typedef struct
{
  const char *name, *signature;
  guint32 flags;
} VmtIrOpInfo;
extern const VmtIrOpInfo vmt_ir_op_info[VMT_IR_N_OPS];

/**
 * VmtIrGlobal:
 * @offset: bytes from the start of VmtVcpu
 *
 * A slot of the architecture's state that ops may name. Integers, FP of up to 64 bits and
 * predicates take 8 bytes, I128 and F80 16, vectors their size, FLAGS a VmtIrFlags.
 */
typedef struct
{
  const char *name;
  guint8 type;
  guint32 offset;
} VmtIrGlobal;

typedef struct _VmtVcpu VmtVcpu;
typedef guint64 (*VmtIrHelperFunc) (VmtVcpu *vcpu, guint64 a, guint64 b, guint64 c);
typedef enum
{
  VMT_HELPER_PURE = 1 << 0,    /* result depends on the arguments only */
  VMT_HELPER_READS = 1 << 1,   /* reads globals or guest state */
  VMT_HELPER_WRITES = 1 << 2,  /* writes globals or guest state */
  VMT_HELPER_FAULTS = 1 << 3,  /* may raise a guest exception (vmt_vcpu_raise) */
  VMT_HELPER_PC = 1 << 4,      /* needs vcpu->pc exact */
  VMT_HELPER_FP_LEAF = 1 << 5, /* runs with the guest's host FP environment */
  /* Does nothing but to return the low five bits of VmtFpEnv.flags, or to set VmtFpEnv.flags to the
   * low five bits of a (which is no global: VMT_HELPER_WRITES is not needed). A tier that keeps the
   * flags elsewhere need not call it. */
  VMT_HELPER_GET_FP_FLAGS = 1 << 6,
  VMT_HELPER_SET_FP_FLAGS = 1 << 7,
} VmtIrHelperFlags;
/* A C function for what ops cannot say; @name is for dumps. */
typedef struct
{
  const char *name;
  VmtIrHelperFunc func;
  guint32 flags;
} VmtIrHelper;

/* One guest instruction of a block: where it is, and its first op. */
typedef struct
{
  guint16 first_op;
  gint16 page_offset;
  guint16 length;
  guint16 reserved;
} VmtIrInsn;

typedef struct
{
  guint64 lo, hi;
} VmtIrConst;

/**
 * VmtIrBlock:
 *
 * Straight-line IR with one entry; immutable once built. No host address in it: the same guest
 * bytes under the same mode key always give the same block.
 */
typedef struct
{
  const VmtIrOp *ops;
  const VmtIrInsn *insns;
  const VmtIrConst *consts;
  guint n_ops, n_insns, n_consts, n_temps;
  const guint8 *temp_types; /* VmtIrType of each temporary */
  const struct _VmtArchOps *arch;
  VmtFpPolicy fp_policy;
} VmtIrBlock;

/* What the IR knows of an architecture; VmtArchOps begins with the same members. */
#define VMT_IR_ARCH_MEMBERS                                                                        \
  guint32 struct_size;                                                                             \
  const char *name;                                                                                \
  gsize state_size; /* of the struct that begins with VmtVcpu */                                   \
  const VmtIrGlobal *globals;                                                                      \
  guint n_globals;                                                                                 \
  const VmtIrHelper *helpers;                                                                      \
  guint n_helpers;                                                                                 \
  VmtFpPolicy fp_policy;                                                                           \
  /* Where VmtFpEnv is in the state; rounding mode and flags of FP ops. */                         \
  guint32 fp_env_offset;

typedef struct
{
  VMT_IR_ARCH_MEMBERS
} VmtIrArch;

static inline const VmtIrArch *
vmt_ir_arch (const struct _VmtArchOps *arch)
{
  return (const VmtIrArch *)arch;
}

/* 'i', 'f', 'v', 'p', 'F', or '-' for VMT_IR_NONE. */
char vmt_ir_type_class (VmtIrType type);
const char *vmt_ir_type_name (VmtIrType type);
/* Bits; of FLAGS and NONE 0, of PRED 64. */
guint vmt_ir_type_bits (VmtIrType type);
/* The class of operand @index (0..2: a, b, c) of @opcode, '-' when it has none; of CALL '?' each,
 * which may be absent. */
char vmt_ir_op_operand_class (VmtIrOpcode opcode, guint index);
/* The type of the value that an op makes: integers are 64-bit containers whatever the op's width.
 * VMT_IR_NONE: it makes none. */
VmtIrType vmt_ir_op_result_type (VmtIrOpcode opcode, VmtIrType type);

VmtIrBlock *vmt_ir_block_copy (const VmtIrBlock *block);
void vmt_ir_block_free (VmtIrBlock *block);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (VmtIrBlock, vmt_ir_block_free)

/* Text and back; the round trip is exact. */
char *vmt_ir_block_to_text (const VmtIrBlock *block);
VmtIrBlock *vmt_ir_block_from_text (const char *text, const struct _VmtArchOps *arch,
                                    GError **error);
/* Types, definition before use, single assignment, one end, operand classes, side tables. */
gboolean vmt_ir_block_verify (const VmtIrBlock *block, GError **error);

G_END_DECLS
