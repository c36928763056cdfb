/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "vmt.h"
#include "vmt-fast.h"
#include "vmt-host.h"
#include "vmt-ir-eval.h"

/* The one-pass compiler of IR blocks to host code.
 *
 * Guest state: the integer globals that the architecture calls hot live in host registers, the same
 * ones in all code, so that links between blocks need no moves; all other globals are memory
 * operands. Temporaries live in scratch registers, and in the vCPU's scratch area when those do not
 * suffice. Wherever C is entered the pinned registers are stored first: the state is exact at every
 * fault.
 *
 * baseline-compile.c knows the IR and no host; baseline-x86-64*.c emit for one, baseline-aarch64*.c
 * for another; baseline-run.c is what emitted code calls. Emitted code has no host address in it:
 * it reaches C through the table in BaselineCpu, and other blocks through slots that lie at a fixed
 * distance from it, so that the same block is the same bytes in every process, and published code
 * never changes. */

typedef struct _BaselineBlock BaselineBlock;
typedef struct _BaselineLink BaselineLink;
typedef struct _BaselineCode BaselineCode;
typedef struct _BaselineCompiler BaselineCompiler;

#define BASELINE_TEMP_BYTES ((guint)sizeof (VmtIrValue))
#define BASELINE_MAX_TEMPS ((VMT_VCPU_SCRATCH_SIZE - BASELINE_TEMPS_OFFSET) / BASELINE_TEMP_BYTES)
/* The state register points so far behind what every block touches of the vCPU that the
 * displacements of that and of the first globals are short. */
#define BASELINE_BIAS ((gint32)G_STRUCT_OFFSET (VmtVcpu, exit_request) + 128)

/* Entries of the table by which emitted code reaches the stubs; the first ones are
 * VmtVcpu.tier_near. Of those for memory there is one for each size. */
typedef enum
{
  BASELINE_STUB_READ8,
  BASELINE_STUB_READ4,
  BASELINE_STUB_READ1,
  BASELINE_STUB_WRITE8,
  BASELINE_STUB_WRITE4,
  BASELINE_STUB_FOLLOW,  /* the way out of the block whose code calls it */
  BASELINE_STUB_FAR,     /* a link into another page: see baseline-x86-64.c */
  BASELINE_STUB_PROMOTE, /* the block has run often */
  BASELINE_STUB_READ2,
  BASELINE_STUB_WRITE1,
  BASELINE_STUB_WRITE2,
  BASELINE_STUB_RANGE,      /* fills a VmtTlbRange, or leaves */
  BASELINE_STUB_RANGE_READ, /* fills one with a page */
  BASELINE_STUB_RANGE_WRITE,
  BASELINE_STUB_LEAVE, /* to the run loop, everything is in memory but the pinned registers */
  BASELINE_STUB_INDIRECT,
  BASELINE_STUB_LOAD, /* whatever READ does not do */
  BASELINE_STUB_STORE,
  BASELINE_STUB_CALL,
  BASELINE_STUB_EVAL,
  BASELINE_STUB_TRAP,
  BASELINE_STUB_ATOMIC,
  BASELINE_STUB_FP_ENTER, /* MXCSR becomes the guest's */
  BASELINE_STUB_FP_CANON, /* makes NaNs in vector registers canonical */
  BASELINE_STUB_FP_OP,    /* the evaluator executes one op; vector registers stay */
  BASELINE_N_STUBS
} BaselineStub;

/* Where an address leads: @key is the address, with what BaselineCpu.jump_id has in the bits that
 * repeat an address's highest one. */
typedef struct
{
  guint64 key;
  gconstpointer code;
} BaselineJump;
#define BASELINE_JUMP_BITS 12
#define BASELINE_JUMP_ID_SHIFT 57
#define BASELINE_JUMP_IDS 127u

/* What emitted code needs for floating point, by the state register: operands of 16 bytes first. */
typedef struct
{
  guint64 sign[2][2], magnitude[2][2]; /* masks; of doubles, of boxed singles */
  guint64 box[2], nan[2];              /* ones above a single; the canonical NaNs */
  guint64 xmm[16];                     /* saved while C runs */
  guint32 control[8];                  /* MXCSR for a VmtFpRound; 0: it has no such mode */
  guint32 live;                        /* MXCSR is the guest's, vector registers are in use */
  guint32 guest, host, scratch;        /* MXCSR */
  guint32 canon;                       /* mask of registers with doubles, << 16 with singles */
  guint32 insn, op;                    /* arguments of FP_ENTER */
  guint8 flags[64];                    /* VmtFpEnv.flags for those of MXCSR */
} BaselineCpuFloat;

/* Calls of C by emitted code, of one vCPU: its thread writes, others read. */
typedef struct
{
  guint64 load, store, atomic, trap, near_link, far_link, promote, indirect, range, scattered;
  guint64 block; /* that the evaluator executed as a whole */
  guint64 rest;  /* of one, after a loop has left it */
  guint64 eval[VMT_IR_N_OPS];
  guint64 call[]; /* by helper */
} BaselineCounters;

/* The beginning of the vCPU's scratch area. */
typedef struct
{
  gconstpointer stubs[BASELINE_N_STUBS];
  BaselineCode *code;
  BaselineCounters *counters;
  guint64 third;  /* third argument of a helper */
  guint64 bounce; /* what was read that is no RAM */
  guint64 spare[2];
  BaselineCpuFloat fp;
  /* Of a load-linked in emitted code: where it was in the host's memory, or 0, and what was there;
   * and so many more that are core's. */
  guint64 ll_host, ll_value;
  guint32 ll_full;
  /* Of the present bank and mode. */
  guint64 jump_id, jump_mode;
  guint32 jump_salt; /* of jump_id, so that spaces do not share entries: see jump_index() */
  VmtTlbBank *jump_bank;
  guint32 jump_generation, next_id;
  guint n_spaces;
  struct
  {
    VmtTlbBank *bank;
    guint64 mode_key, id;
  } spaces[8];
  BaselineJump jumps[1 << BASELINE_JUMP_BITS];
} BaselineCpu;
G_STATIC_ASSERT (sizeof (BaselineCpu) <= VMT_VCPU_KEPT_SIZE);
#define BASELINE_TEMPS_OFFSET ((guint)(sizeof (BaselineCpu) + 63) / 64 * 64)

static inline BaselineCpu *
baseline_cpu (VmtVcpu *vcpu)
{
  return (BaselineCpu *)((guint8 *)vcpu + vcpu->scratch_offset);
}

/* A way out of a block to a known address. Emitted code reads @offset and @to of far ones. */
struct _BaselineLink
{
  guint64 *slot; /* near: address of the code; far: of this */
  guint32 ask;   /* offset in the block's code of what asks for the target */
  gint32 offset; /* from the page */
  gboolean far;
  BaselineBlock *from, *to;
  BaselineLink *next, **prev; /* of the links into @to; under the code lock */
};

typedef struct
{
  gint16 page_offset;
  guint8 clean; /* no temporary lives across its beginning */
  guint32 at;   /* where its code begins; of one behind the last: the cold parts */
} BaselineInsn;

/* A place in emitted code that calls a stub which must know where it is called from. */
typedef struct
{
  guint32 at;   /* behind the call */
  guint16 what; /* instruction, or link */
  guint16 last; /* of a store: the next op begins an instruction */
} BaselineCall;

/* The compiled form of a block. Emitted code reads the first two. */
struct _BaselineBlock
{
  const guint8 *code;
  guint64 host; /* the block's; one that is never linked to from afar has none */
  BaselineCode *memory;
  VmtExecBlock *block;
  const VmtArchOps *arch;
  gsize offset, size;
  guint32 code_size; /* without the room for more slots */
  guint n_links, n_insns, n_calls;
  BaselineLink *incoming, *links;
  BaselineInsn *insns;
  BaselineCall *calls; /* by place */
  /* How often ranges were filled by baseline_run_range() for this vCPU since its count was so. Who
   * writes them at the same time counts wrong, no more. */
  guint fills, fills_vcpu;
  guint64 fills_since;
};

/* --- code memory: baseline-code.c --- */

/* Beside every 64 bytes of code lie, at a fixed distance, as many of data: the block that the code
 * belongs to, and slots for links. */
#define BASELINE_GRANULE 64u
#define BASELINE_SLOTS_PER_GRANULE 7u
static inline gsize
baseline_slot_offset (guint i)
{
  return i / BASELINE_SLOTS_PER_GRANULE * BASELINE_GRANULE + 8 + i % BASELINE_SLOTS_PER_GRANULE * 8;
}

BaselineCode *baseline_code_new (VmtHostCodeMemory strategy, gsize size, GError **error);
void baseline_code_free (BaselineCode *self);
/* From code to its data. */
gsize baseline_code_get_distance (BaselineCode *self);
/* No other thread executes the code while it is written. */
void baseline_code_set_quiet (BaselineCode *self, gboolean quiet);
/* The host has taken pages that had code: none is executed any more but the stubs, and nothing more
 * can be written. */
gboolean baseline_code_is_lost (BaselineCode *self);
/* Where @size bytes can be put; %G_MAXSIZE: there is no room. With the code lock. */
gsize baseline_code_alloc (BaselineCode *self, gsize size);
void baseline_code_release (BaselineCode *self, gsize offset, gsize size);
const guint8 *baseline_code_at (BaselineCode *self, gsize offset);
/* Makes @bytes executable at @offset, as code of @block. */
gboolean baseline_code_write (BaselineCode *self, gsize offset, const guint8 *bytes, gsize size,
                              BaselineBlock *block, GError **error);
/* The stubs, made on first use. */
gboolean baseline_code_make_stubs (BaselineCode *self, const VmtArchOps *arch, GError **error);
/* (nullable): all of them. */
const guint8 *baseline_code_get_stubs (const BaselineCode *self, gsize *size);
const guint8 *baseline_code_get_stub (BaselineCode *self, BaselineStub stub);
/* On the vCPU's thread, once for each. */
void baseline_code_set_up_cpu (BaselineCode *self, VmtVcpu *vcpu);
/* Of all vCPUs. Any thread. */
void baseline_code_visit_counters (BaselineCode *self, const VmtArchOps *arch, VmtCounterFunc func,
                                   gpointer data);
typedef void (*BaselineEnterFunc) (VmtVcpu *vcpu, const guint8 *code);
BaselineEnterFunc baseline_code_get_enter (BaselineCode *self);
/* The block that a code address belongs to. */
BaselineBlock *baseline_code_find (BaselineCode *self, const guint8 *at);

/* --- the compiler --- */

typedef enum
{
  BASELINE_CONST,
  BASELINE_REG,
  BASELINE_MEM
} BaselineWhere;

/* Where a value is. */
typedef struct
{
  BaselineWhere where;
  guint8 reg;
  gint32 disp; /* from the state register */
  guint64 value;
} BaselineVal;

#define BASELINE_NO_REG 0xff

/* Accesses by one base, without anything between them that could change what is mapped: the first
 * one looks the whole range up, and the others use the host address that it found, which stays in a
 * register. The base may be moved by constants meanwhile.
 *
 * A loop keeps such a window from one time round to the next, and a VmtTlbRange from one visit to
 * the next: the register has its addend, and the first access only looks whether it still is within
 * the range. Where the base does not just move by constants it may be anywhere: C fills the range
 * then, and looks whether that is worth while. */
typedef struct
{
  VmtIrVal base;
  gboolean store, closed, branched; /* branched: what follows may not be executed */
  guint first, last;                /* ops */
  guint n;
  gint32 min, end; /* displacements from the base as it was at the first access */
  gint32 shift;    /* of the base since, where the compiler is */
  gint32 opened;   /* the same, where the window was opened */
  guint8 reg;      /* or BASELINE_NO_REG: none was free */
  guint8 kept;     /* the block's range, from 1 on, or 0 */
  gboolean roams;  /* the base does not just move by constants */
} BaselineWindow;

/* Code that is emitted behind the block's: slow paths, exits. */
typedef struct _BaselineCold BaselineCold;
typedef void (*BaselineColdFunc) (BaselineCompiler *c, const BaselineCold *cold);
struct _BaselineCold
{
  BaselineColdFunc emit;
  guint32 from;   /* place of the 32-bit displacement of the jump that leads here */
  guint32 resume; /* where it goes on */
  guint32 insn, link;
  guint8 reg, reg2;
  guint8 kind, window;
  guint8 kept; /* see Place in baseline-x86-64-memory.c: these, too */
  gboolean write, roams;
  guint16 span;
  guint32 hit;
  gint32 from_disp;
  guint16 kind16;
  guint32 attr;
  guint16 fp; /* what there is to do about vector registers first: see baseline_x86_float_cold() */
  gint32 disp;
  BaselineVal base, val;
};

/* What vector registers have: the emitter's. */
typedef struct
{
  VmtIrVal held[16];
  guint8 flags[16];   /* 0: nothing */
  guint16 covers[16]; /* if this is no NaN, neither are those */
  guint16 busy;       /* mask of those that the present op uses */
  guint8 next;        /* where to look for a victim */
  gboolean live;      /* the environment is the guest's here */
} BaselineFloat;

/* A loop whose values stay in vector registers when it goes round: jumps back lead behind the code
 * that loads them. */
typedef struct
{
  guint insn;
  guint32 label; /* 0: there is none */
  guint n;
  VmtIrVal vals[8];
  guint8 regs[8], flags[8];
} BaselineFloatLoop;

struct _BaselineCompiler
{
  const VmtIrBlock *ir;
  const VmtArchOps *arch;
  VmtExecBlock *block;
  gint32 bias;    /* what the state register points at, from the vCPU */
  gint32 temps;   /* displacement of the first temporary's home */
  gint32 cpu;     /* displacement of BaselineCpu */
  gsize distance; /* from code to its data */

  guint8 *bytes;
  guint32 size, room;

  /* Temporaries. */
  guint8 *temp_reg;
  guint8 *temp_home;  /* its home has the value */
  guint32 *temp_last; /* the last op that reads it */
  VmtIrVal reg_temp[32];
  guint32 busy;         /* mask of scratch registers that the present op uses */
  VmtIrVal evicted[32]; /* by the present op */
  guint n_evicted;
  gboolean short_of_regs; /* for the present op */
  gboolean evaluates;     /* the evaluator executes the present op */
  gboolean too_far;       /* a jump within the block does not reach */

  guint insn, op;
  gboolean compact; /* level 0 */
  guint first_slot; /* of links; before it lies what counts executions */
  GArray *links, *colds, *fixups;
  GArray *calls;          /* (element-type BaselineCall) */
  GArray *windows;        /* (element-type BaselineWindow) */
  guint16 *op_window;     /* of each op: index + 1, or 0 */
  gint32 *op_shift;       /* of each op with a window: how far its base has moved since the first */
  VmtIrVal locals[4];     /* globals in the first of the windows' registers */
  guint n_locals, n_kept; /* of the windows' registers, from the first and from the last on */
  gint32 kept_span[4];    /* of each of the latter: the last byte, from the first */
  guint window_until[4];  /* the last op that uses the window of that register */
  guint32 *insn_at;       /* where an instruction's code begins */
  guint8 *insn_goal;      /* something in the block jumps to it */
  guint8 pinned[64];      /* of the first globals */
  gboolean has_eval;
  BaselineFloat fp;
  BaselineFloatLoop loop;
  gboolean computes;    /* floating point */
  GArray *fp_unchecked; /* of cold code */
};

/* A jump within the block. */
typedef struct
{
  guint32 at, insn;
} BaselineFixup;

/* What the compiler needs for a while, kept from block to block: allocating it each time costs as
 * much as compiling. With the code lock. */
typedef struct
{
  guint8 *bytes, *tables;
  gsize bytes_size, tables_size;
  GArray *links, *colds, *fixups, *windows, *calls;
  GArray *fp_unchecked;
} BaselineBuffers;
void baseline_buffers_init (BaselineBuffers *self);
void baseline_buffers_clear (BaselineBuffers *self);

/* FALSE: there is no room for it, or it is too long for the host's jumps. */
gboolean baseline_compile (BaselineCode *code, BaselineBuffers *buffers, const VmtArchOps *arch,
                           VmtExecBlock *block);
void baseline_block_free (BaselineCode *code, BaselineBlock *self);
/* Data beside its code. */
guint64 *baseline_slot (BaselineBlock *self, guint i);
/* Leads nowhere: the way out asks. */
void baseline_link_reset (BaselineLink *link);
/* The block has died: nobody is led to it any more, nor on by it. With the code lock. */
void baseline_unlink (BaselineBlock *self);

/* Whether the op calls C, which may do anything. */
static inline gboolean
baseline_calls (const BaselineCompiler *c, const VmtIrOp *op)
{
  return op->opcode == VMT_IR_CALL &&
         !(c->arch->helpers[op->imm].flags & (VMT_HELPER_GET_FP_FLAGS | VMT_HELPER_SET_FP_FLAGS));
}

BaselineVal baseline_use (BaselineCompiler *c, VmtIrVal v);
/* A scratch register that nothing uses; the present op keeps it. */
guint8 baseline_scratch (BaselineCompiler *c);
/* The temporary in @reg goes to its home, if it lives on. */
void baseline_evict (BaselineCompiler *c, guint8 reg);
/* This one. */
void baseline_claim (BaselineCompiler *c, guint8 reg);
/* The registers of windows that are kept are what their ranges say. */
void baseline_host_load_ranges (BaselineCompiler *c);
/* Something else may have written them. */
void baseline_load_locals (BaselineCompiler *c);
/* The present op's window, or NULL; *@first: it is to look the range up. */
BaselineWindow *baseline_window (BaselineCompiler *c, gboolean *first);
/* The register of a global, or BASELINE_NO_REG. */
guint8 baseline_pinned (BaselineCompiler *c, VmtIrVal v);
/* Where a result is computed: the register of its global, or a scratch register. */
guint8 baseline_result (BaselineCompiler *c, VmtIrVal d);
/* The result is in @reg. */
void baseline_made (BaselineCompiler *c, VmtIrVal d, guint8 reg);
/* C is called: scratch registers are lost. */
void baseline_spill (BaselineCompiler *c);
BaselineCold *baseline_cold (BaselineCompiler *c, BaselineColdFunc emit, guint32 from);
guint baseline_add_link (BaselineCompiler *c, gint32 offset);
/* Between a load-linked and its store-conditional nothing else touches memory: see
 * VMT_VCPU_ATTR_PAIRED. */
gboolean baseline_is_paired (BaselineCompiler *c, guint index);
/* Code that has just called a stub which must know where from. */
void baseline_called (BaselineCompiler *c, guint what, gboolean last);
/* The instruction of the block at a page offset, when it may be jumped to; else G_MAXUINT. */
guint baseline_goal (BaselineCompiler *c, gint32 page_offset);

/* --- the emitter: baseline-x86-64*.c, baseline-aarch64*.c --- */

extern const guint8 baseline_pinned_regs[];
extern const guint baseline_n_pinned;
extern const guint8 baseline_scratch_regs[];
extern const guint baseline_n_scratch;
/* At most 4, for windows; C leaves them alone. */
extern const guint8 baseline_window_regs[];
extern const guint baseline_n_windows;
/* Whether the emitter knows of windows that are kept. */
extern const gboolean baseline_keeps_windows;

gboolean baseline_host_probe (GError **error);
#define BASELINE_STUBS_ROOM 16384u
/* The stubs that all code shares; @at: their offsets. @enter: that of the function that enters
 * code. Returns their size. */
gsize baseline_host_stubs (guint8 *bytes, const VmtArchOps *arch, guint32 at[BASELINE_N_STUBS],
                           guint32 *enter);
void baseline_host_move (BaselineCompiler *c, guint8 reg, const BaselineVal *val);
void baseline_host_store_home (BaselineCompiler *c, gint32 disp, guint8 reg);
/* FALSE: leaves the op to the evaluator. */
gboolean baseline_host_op (BaselineCompiler *c, guint index);
/* The evaluator executes op @index; leaves when it says so. */
void baseline_host_eval (BaselineCompiler *c, guint index);
void baseline_host_eval_block (BaselineCompiler *c);
void baseline_host_begin (BaselineCompiler *c);
void baseline_host_finish (BaselineCompiler *c);
void baseline_host_set_up_cpu (BaselineCpu *cpu);
/* BaselineCompiler.fp_unchecked */
GArray *baseline_host_new_unchecked (void);
/* Something jumps to the instruction that begins here. */
void baseline_host_join (BaselineCompiler *c);
/* And that may be the head of a loop. */
void baseline_host_loop (BaselineCompiler *c, guint insn);
void baseline_host_patch (BaselineCompiler *c, guint32 at, guint32 target);

/* --- what emitted code calls: baseline-run.c --- */

typedef struct
{
  guint64 value;
  guint64 leave;
} BaselineReturn;

void baseline_enter (VmtVcpu *vcpu, VmtExecBlock *block);
/* Of a block without code. */
void baseline_enter_eval (VmtVcpu *vcpu, VmtExecBlock *block);
/* A miss of the first-level TLB: returns where the value is to be read. */
BaselineReturn baseline_run_read (VmtVcpu *vcpu, guint64 va, guint64 unused, guint32 log2,
                                  const guint8 *at);
BaselineReturn baseline_run_write (VmtVcpu *vcpu, guint64 va, guint64 value, guint32 log2,
                                   const guint8 *at);
/* Fills a range for @va; desc: span | write << 15 | index << 16. Returns its addend, or 0. */
BaselineReturn baseline_run_range (VmtVcpu *vcpu, guint64 va, guint64 unused, guint32 desc,
                                   const guint8 *at);
BaselineReturn baseline_run_load (VmtVcpu *vcpu, guint64 va, guint64 unused, guint32 desc,
                                  const guint8 *at);
BaselineReturn baseline_run_store (VmtVcpu *vcpu, guint64 va, guint64 value, guint32 desc,
                                   const guint8 *at);
BaselineReturn baseline_run_atomic (VmtVcpu *vcpu, guint64 va, guint64 value, guint32 desc,
                                    const guint8 *at);
BaselineReturn baseline_run_call (VmtVcpu *vcpu, guint64 a, guint64 b, guint32 desc,
                                  const guint8 *at);
BaselineReturn baseline_run_eval (VmtVcpu *vcpu, guint64 unused, guint64 unused2, guint32 desc,
                                  const guint8 *at);
/* From this op on; leaves. */
BaselineReturn baseline_run_rest (VmtVcpu *vcpu, guint64 insn, guint64 unused, guint32 desc,
                                  const guint8 *at);
BaselineReturn baseline_run_trap (VmtVcpu *vcpu, guint64 value, guint64 unused, guint32 desc,
                                  const guint8 *at);
BaselineReturn baseline_run_follow (VmtVcpu *vcpu, guint64 unused, guint64 unused2, guint32 desc,
                                    const guint8 *at);
BaselineReturn baseline_run_far (VmtVcpu *vcpu, guint64 link, guint64 unused, guint32 desc,
                                 const guint8 *at);
BaselineReturn baseline_run_promote (VmtVcpu *vcpu, guint64 unused, guint64 unused2, guint32 desc,
                                     const guint8 *at);
BaselineReturn baseline_run_indirect (VmtVcpu *vcpu, guint64 va, guint64 unused, guint32 desc,
                                      const guint8 *at);

/* Of load, store, atomic: instruction | kind << 16. */
/* Of a call: instruction | helper << 7 | place in the page << 16. */
#define BASELINE_CALL_MAX_INSN 127u
#define BASELINE_CALL_MAX_HELPER 511u
#define BASELINE_DESC(insn, kind) ((guint32)(insn) | (guint32)(kind) << 16)
/* kind of loads and stores */
#define BASELINE_MEM_LOG2 3
#define BASELINE_MEM_SX (1 << 2)
#define BASELINE_MEM_BOX (1 << 3)
#define BASELINE_MEM_ALIGNED (1 << 4)
#define BASELINE_MEM_ATOMIC_FAULT (1 << 5)
#define BASELINE_MEM_LAST (1 << 6) /* the next op begins an instruction */
/* kind of atomics: log2 of the size, SX, and from bit 8 on a VmtIrAmo or */
#define BASELINE_ATOMIC_LL 14u
#define BASELINE_ATOMIC_SC 15u
