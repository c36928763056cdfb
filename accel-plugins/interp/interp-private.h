/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "vmt.h"
#include "vmt-fast.h"
#include "vmt-ir-eval.h"

/* The threaded form of a block: an array of slots, each with the address of the function that
 * executes it. A function ends by calling the next slot's in tail position.
 *
 * Values are in the vCPU's state or its scratch area; a slot names them by their offset from the
 * vCPU in units of 8 bytes. The results of the last two ops that had one travel in registers as
 * well: acc is the last one, acc2 the one before, so that most operands need no load and dependent
 * ops do not wait for a store to be forwarded. Each operation therefore has a variant for each
 * place where its operands may be ("shape"). The registers never hold anything that memory does
 * not: an op may always use memory instead. */

typedef struct _InterpOp InterpOp;
typedef void (*InterpHandler) (const InterpOp *ip, VmtVcpu *vcpu, guint64 acc, guint64 acc2);

struct _InterpOp
{
  InterpHandler handler;
  guint16 d, a, b, c;
  union
  {
    gint64 imm;
    gconstpointer pointer;
    struct
    {
      gint32 disp;
      guint32 aux;
    };
  };
};
G_STATIC_ASSERT (sizeof (InterpOp) == 24);

typedef struct _InterpStream InterpStream;
typedef struct _InterpLink InterpLink;

/* A way out of a block, in the pointer of the slot after the exit's, whose d counts how often it
 * was taken. */
struct _InterpLink
{
  const InterpOp *target; /* atomic; NULL: ask */
  gint32 offset;          /* from the page */
  guint32 count;          /* instructions retired when it is taken */
  InterpStream *from, *to;
  InterpLink *next, **prev; /* of the links into @to; under the code lock */
  guint32 index;
  guint32 stub; /* slot of the far jump that a branch into another page goes by: @target for ever;
                   or 0 */
  gboolean far;
};

typedef struct
{
  guint16 slot;
  gint16 page_offset;
  gboolean clean; /* no temporary lives across its beginning */
} InterpInsn;

struct _InterpStream
{
  VmtExecBlock *block;
  const VmtArchOps *arch;
  VmtIrBlock *ir; /* the block's, when ops are left to the evaluator */
  InterpLink *incoming;
  InterpLink *links;
  InterpInsn *insns;
  guint n_links, n_insns, n_ops;
  guint64 host; /* the block's: a far link checks that its target is what is mapped there */
  InterpOp ops[];
};

/* The beginning of the vCPU's scratch area. */
typedef struct
{
  const InterpOp *ip; /* trampoline: NULL ends it */
  guint64 acc, acc2;
  guint64 va, value;
  guint64 unused[3];
} InterpScratch;
G_STATIC_ASSERT (sizeof (InterpScratch) == 64);

static inline InterpScratch *
interp_scratch (VmtVcpu *vcpu)
{
  return (InterpScratch *)((guint8 *)vcpu + vcpu->scratch_offset + VMT_VCPU_KEPT_SIZE);
}

#define R(index) (*(guint64 *)((guint8 *)vcpu + (gsize)(index)*8))

#define HANDLER(name)                                                                              \
  static void name (const InterpOp *ip, VmtVcpu *vcpu, guint64 acc, guint64 acc2)

/* NEXT: goes on @n slots further; GO: at another slot; LEAVE: back to the run loop. The last
 * statement of a handler. */
#ifndef VMT_INTERP_TRAMPOLINE
#define GO(op, x, y) return (op)->handler ((op), vcpu, (x), (y))
#define LEAVE() return
#else
#define GO(op, x, y)                                                                               \
  do                                                                                               \
    {                                                                                              \
      InterpScratch *s_ = interp_scratch (vcpu);                                                   \
      s_->acc = (x);                                                                               \
      s_->acc2 = (y);                                                                              \
      s_->ip = (op);                                                                               \
      return;                                                                                      \
    }                                                                                              \
  while (0)
#define LEAVE()                                                                                    \
  do                                                                                               \
    {                                                                                              \
      interp_scratch (vcpu)->ip = NULL;                                                            \
      return;                                                                                      \
    }                                                                                              \
  while (0)
#endif
#define NEXT(n, x, y) GO (ip + (n), (x), (y))
/* Another handler finishes this slot. */
#define FINISH(handler_) return handler_ (ip, vcpu, acc, acc2)

/* Where an operand is. M memory, A acc, B acc2, I the slot's constant. */
typedef enum
{
  SHAPE_M,
  SHAPE_A,
  SHAPE_B,
  SHAPE_I,
  N_PLACES
} InterpPlace;

/* The shapes of two operands that have handlers of their own. A pair (x, x) is (x, memory). */
#define INTERP_SHAPES(X, ...)                                                                      \
  X (M, M, __VA_ARGS__)                                                                            \
  X (A, M, __VA_ARGS__)                                                                            \
  X (B, M, __VA_ARGS__)                                                                            \
  X (M, A, __VA_ARGS__)                                                                            \
  X (M, B, __VA_ARGS__)                                                                            \
  X (A, B, __VA_ARGS__)                                                                            \
  X (B, A, __VA_ARGS__)                                                                            \
  X (M, I, __VA_ARGS__)                                                                            \
  X (A, I, __VA_ARGS__)                                                                            \
  X (B, I, __VA_ARGS__)
#define INTERP_SHAPES_1(X, ...)                                                                    \
  X (M, __VA_ARGS__)                                                                               \
  X (A, __VA_ARGS__)                                                                               \
  X (B, __VA_ARGS__)

#define GET_M(slot) R (slot)
#define GET_A(slot) acc
#define GET_B(slot) acc2

typedef enum
{
  WIDTH_64,
  WIDTH_32S,
  WIDTH_32Z,
  N_WIDTHS
} InterpWidth;

typedef InterpHandler InterpShapes[N_PLACES][N_PLACES];
typedef InterpHandler InterpShapes1[N_PLACES];

/* ALU ops by VmtIrOpcode; SETCC by condition. NULL: none. */
const InterpShapes *interp_alu (VmtIrOpcode opcode, guint condition, InterpWidth width);
const InterpShapes1 *interp_unary (VmtIrOpcode opcode, InterpWidth width);
/* Shapes are those of the second operand and the third; the first is in memory. */
InterpHandler interp_shadd (guint shift, gboolean uw, InterpPlace a, InterpPlace b);
extern const InterpHandler interp_mov[N_PLACES], interp_li, interp_pcrel, interp_select[N_PLACES];
InterpHandler interp_extract (gboolean sign, InterpPlace a);

typedef enum
{
  MEM_8Z,
  MEM_8S,
  MEM_16Z,
  MEM_16S,
  MEM_32Z,
  MEM_32S,
  MEM_32F,
  MEM_64,
  N_MEM_KINDS
} InterpMemKind;
extern const InterpHandler interp_load[N_MEM_KINDS][N_PLACES];
/* by log2 of the size; address, value */
extern const InterpShapes interp_store[4];
extern const InterpHandler interp_ll, interp_sc, interp_amo, interp_fence[2];

extern const InterpHandler interp_call, interp_trap, interp_exit, interp_eval, interp_eval_block;
/* near or far */
extern const InterpHandler interp_jump[2];
extern const InterpHandler interp_jump_indirect[N_PLACES];
const InterpShapes *interp_branch (guint condition, gboolean is32);
InterpHandler interp_fp (const VmtIrOp *op);

/* An exception is pending in the instruction of @ip, or one of its own handlers says that it was
 * not executed. */
void interp_fault (const InterpOp *ip, VmtVcpu *vcpu, guint64 acc, guint64 acc2);
/* A store went through the slow path: leaves the block if that killed it and the next slot begins
 * an instruction; else goes on. */
void interp_stored (const InterpOp *ip, VmtVcpu *vcpu, guint64 acc, guint64 acc2);

/* Slots that may fault have their index in c. */
static inline InterpStream *
interp_stream_at (const InterpOp *ip, guint index)
{
  return (InterpStream *)((guint8 *)(ip - index) - G_STRUCT_OFFSET (InterpStream, ops));
}

/* One block at a time. */
typedef struct _InterpCompiler InterpCompiler;
InterpCompiler *interp_compiler_new (void);
void interp_compiler_free (InterpCompiler *c);
InterpStream *interp_compile (InterpCompiler *c, const VmtArchOps *arch, VmtExecBlock *block,
                              gsize *bytes);
void interp_stream_free (InterpStream *stream);
void interp_enter (VmtVcpu *vcpu, VmtExecBlock *block);

/* After so many executions an exit no longer counts; it tells the block of so many at a time. */
#define INTERP_COUNT_MAX 4096
#define INTERP_COUNT_STEP 16
