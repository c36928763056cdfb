/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* AArch64 (AAPCS64): between C and emitted code. Stubs are called by LR. */
#include "baseline-aarch64-emit.h"

#define FETCH_OFFSET ((gint32)G_STRUCT_OFFSET (VmtTlbBank, fetch))
G_STATIC_ASSERT (G_STRUCT_OFFSET (VmtTlbBank, fetch) % VMT_PAGE_SIZE == 0);

/* What C wants back: in pairs, of which the first is the frame record. */
static const guint8 saved[] = { X29, X30, X19, X20, X21, X22, X23, X24, X25, X26, X27, X28 };
#define FRAME ((gint32)G_N_ELEMENTS (saved))
/* What a service for memory leaves alone, with LR. */
static const guint8 kept[] = { X0, X1, X2, X3, X4, X5, X6, X30 };
#define KEPT ((gint32)G_N_ELEMENTS (kept))

static void
save (BaselineCompiler *c, const guint8 *regs, gint32 n)
{
  for (gint32 i = 0; i < n; i += 2)
    a_emit (c, a64_pair (FALSE, i == 0 ? A64_PRE_INDEX : A64_OFFSET, regs[i], regs[i + 1], SP,
                         i == 0 ? -n : i));
}

static void
restore (BaselineCompiler *c, const guint8 *regs, gint32 n)
{
  for (gint32 i = n - 2; i >= 0; i -= 2)
    a_emit (c, a64_pair (TRUE, i == 0 ? A64_POST_INDEX : A64_OFFSET, regs[i], regs[i + 1], SP,
                         i == 0 ? n : i));
}

static void
pinned (BaselineCompiler *c, A64Access what, gboolean only_caller_saved)
{
  for (guint i = 0; i < MIN (c->arch->n_hot, baseline_n_pinned); i++)
    if (!only_caller_saved || baseline_pinned_regs[i] < X19)
      baseline_a64_state (c, what, 3, baseline_pinned_regs[i],
                          (gint32)c->arch->globals[c->arch->hot[i]].offset - c->bias);
}

static void
load_bank (BaselineCompiler *c)
{
  baseline_a64_state (c, A64_LDR, 3, BANK, VCPU_DISP (bank));
}

/* x1 to x4: its arguments; the last is where the stub was called from, and to be set before
 * anything that may clobber LR. */
static void
call_c (BaselineCompiler *c, gconstpointer function)
{
  baseline_a64_add_value (c, X0, STATE, (guint64) - (gint64)c->bias);
  baseline_a64_li (c, IP0, (guint64)(guintptr)function);
  a_emit (c, a64_branch_reg (A64_BLR, IP0));
}

/* @function does something for the code that calls the stub, and keeps its scratch registers. IP0
 * is its second argument, the third is in memory, IP1 the fourth; IP0 becomes its value. */
static void
memory_service (BaselineCompiler *c, gconstpointer function, guint32 tail)
{
  save (c, kept, KEPT);
  a_move (c, TRUE, X4, LR);
  pinned (c, A64_STR, FALSE);
  a_move (c, TRUE, X1, IP0);
  baseline_a64_state (c, A64_LDR, 3, X2, CPU_DISP (spare[0]));
  a_move (c, FALSE, X3, IP1);
  call_c (c, function);
  const guint32 leaves = a_branch (c, a64_cbz (TRUE, TRUE, X1, 0));
  a_move (c, TRUE, IP0, X0);
  pinned (c, A64_LDR, TRUE);
  load_bank (c);
  restore (c, kept, KEPT);
  a_emit (c, a64_branch_reg (A64_RET, LR));
  baseline_host_patch (c, leaves, c->size);
  a_emit (c, a64_add_imm (TRUE, A64_ADD, SP, SP, KEPT * 8, FALSE));
  a_jump_to (c, tail);
}

/* As the other, but x1 to x3 are its arguments, x0 is its value, and it may change anything. */
static void
service (BaselineCompiler *c, gconstpointer function, guint32 tail)
{
  static const guint8 frame[] = { LR, XZR };
  save (c, frame, 2);
  a_move (c, TRUE, X4, LR);
  pinned (c, A64_STR, FALSE);
  call_c (c, function);
  const guint32 leaves = a_branch (c, a64_cbz (TRUE, TRUE, X1, 0));
  pinned (c, A64_LDR, FALSE);
  load_bank (c);
  restore (c, frame, 2);
  a_emit (c, a64_branch_reg (A64_RET, LR));
  baseline_host_patch (c, leaves, c->size);
  restore (c, frame, 2);
  a_jump_to (c, tail);
}

/* @function says where to go on; x1 and x3 are its arguments. The caller is not returned to. */
static void
direct (BaselineCompiler *c, gconstpointer function, guint32 tail)
{
  a_move (c, TRUE, X4, LR);
  pinned (c, A64_STR, FALSE);
  call_c (c, function);
  const guint32 leaves = a_branch (c, a64_cbz (TRUE, TRUE, X1, 0));
  pinned (c, A64_LDR, FALSE);
  load_bank (c);
  a_emit (c, a64_branch_reg (A64_BR, X0));
  baseline_host_patch (c, leaves, c->size);
  a_jump_to (c, tail);
}

/* IP0: the link, at a block's end: scratch registers are free. Returns the target's code in IP0:
 * each link has a jump of its own, which the host can predict. */
static void
far (BaselineCompiler *c, guint32 tail)
{
  a_move (c, TRUE, IP1, LR);
  baseline_a64_access (c, A64_LDRS, 2, X1, IP0, G_STRUCT_OFFSET (BaselineLink, offset));
  baseline_a64_access (c, A64_LDR, 3, X0, IP0, G_STRUCT_OFFSET (BaselineLink, to));
  baseline_a64_state (c, A64_LDR, 3, X2, VCPU_DISP (page_va));
  a_add (c, X1, X1, X2);
  const guint32 none = a_branch (c, a64_cbz (TRUE, FALSE, X0, 0));
  a_ubfx (c, TRUE, X2, X1, VMT_PAGE_SHIFT, VMT_TLB_FETCH_BITS);
  a_emit (c, a64_add_shifted (TRUE, A64_ADD, X2, BANK, X2, A64_LSL, 4));
  a_emit (c, a64_add_imm (TRUE, A64_ADD, X2, X2, (guint)FETCH_OFFSET >> 12, TRUE));
  a_emit (c, a64_pair (TRUE, A64_OFFSET, X3, X4, X2, 0));
  baseline_a64_state (c, A64_STR, 3, X1, VCPU_DISP (pc));
  a_logic_imm (c, A64_AND, X5, X1, VMT_PAGE_MASK);
  a_cmp (c, TRUE, X3, X5);
  const guint32 miss = a_branch (c, a64_b_cond (A64_NE, 0));
  a_add (c, X4, X4, X1);
  baseline_a64_access (c, A64_LDR, 3, X6, X0, G_STRUCT_OFFSET (BaselineBlock, host));
  a_cmp (c, TRUE, X4, X6);
  const guint32 other = a_branch (c, a64_b_cond (A64_NE, 0));
  baseline_a64_state (c, A64_STR, 3, X5, VCPU_DISP (page_va));
  baseline_a64_access (c, A64_LDR, 3, IP0, X0, G_STRUCT_OFFSET (BaselineBlock, code));
  a_emit (c, a64_branch_reg (A64_RET, IP1));
  baseline_host_patch (c, none, c->size);
  baseline_host_patch (c, miss, c->size);
  baseline_host_patch (c, other, c->size);
  a_move (c, TRUE, X1, IP0);
  direct (c, (gconstpointer)baseline_run_far, tail);
}

/* x1: an address that the table of jumps does not have. Jumped to at a block's end: scratch
 * registers are free. First core's cache of lookups, by what is mapped there. */
static void
indirect (BaselineCompiler *c, guint32 tail)
{
  const gint32 jumps = CPU_DISP (jumps);
  guint32 slow[7];
  baseline_a64_state (c, A64_STR, 3, X1, VCPU_DISP (pc));
  baseline_a64_state (c, A64_LDR, 2, X0, VCPU_DISP (exit_request));
  slow[0] = a_branch (c, a64_cbz (FALSE, TRUE, X0, 0));
  a_ubfx (c, TRUE, X2, X1, VMT_PAGE_SHIFT, VMT_TLB_FETCH_BITS);
  a_emit (c, a64_add_shifted (TRUE, A64_ADD, X2, BANK, X2, A64_LSL, 4));
  a_emit (c, a64_add_imm (TRUE, A64_ADD, X2, X2, (guint)FETCH_OFFSET >> 12, TRUE));
  a_emit (c, a64_pair (TRUE, A64_OFFSET, X3, X4, X2, 0));
  a_logic_imm (c, A64_AND, X5, X1, VMT_PAGE_MASK);
  a_cmp (c, TRUE, X3, X5);
  slow[1] = a_branch (c, a64_b_cond (A64_NE, 0));
  a_add (c, X4, X4, X1);
  /* see vmt_jump_cache_slot() */
  a_emit (c, a64_logic (TRUE, A64_EOR, FALSE, X0, X4, X4, A64_LSR, 12));
  a_ubfx (c, TRUE, X0, X0, 1, VMT_JUMP_CACHE_BITS);
  baseline_a64_state (c, A64_LDR, 3, X2, VCPU_DISP (jump_cache));
  a_emit (c, a64_add_shifted (TRUE, A64_ADD, X2, X2, X0, A64_LSL, 3));
  baseline_a64_access (c, A64_LDR, 3, X2, X2, 0);
  slow[2] = a_branch (c, a64_cbz (TRUE, FALSE, X2, 0));
  baseline_a64_access (c, A64_LDR, 3, X0, X2, G_STRUCT_OFFSET (VmtExecBlock, host));
  a_cmp (c, TRUE, X0, X4);
  slow[3] = a_branch (c, a64_b_cond (A64_NE, 0));
  baseline_a64_access (c, A64_LDR, 3, X0, X2, G_STRUCT_OFFSET (VmtExecBlock, mode_key));
  baseline_a64_state (c, A64_LDR, 3, X3, VCPU_DISP (mode_key));
  a_cmp (c, TRUE, X0, X3);
  slow[4] = a_branch (c, a64_b_cond (A64_NE, 0));
  baseline_a64_access (c, A64_LDR, 3, X6, X2, G_STRUCT_OFFSET (VmtExecBlock, code));
  slow[5] = a_branch (c, a64_cbz (TRUE, FALSE, X6, 0));
  /* vmt_vcpu_note_jump(), whose last store is before the load of dead */
  baseline_a64_state (c, A64_STR, 3, X5, VCPU_DISP (page_va));
  a_ubfx (c, TRUE, X0, X1, VMT_PAGE_SHIFT + 6, (guint)__builtin_ctz (VMT_VCPU_JUMP_PAGES / 64));
  a_emit (c, a64_add_shifted (TRUE, A64_ADD, X0, STATE, X0, A64_LSL, 3));
  baseline_a64_access (c, A64_LDR, 3, X3, X0, VCPU_DISP (jump_pages));
  a_ubfx (c, TRUE, X5, X1, VMT_PAGE_SHIFT, 6);
  baseline_a64_li (c, X4, 1);
  a_emit (c, a64_source2 (TRUE, A64_LSLV, X4, X4, X5));
  a_emit (c, a64_logic (TRUE, A64_ORR, FALSE, X3, X3, X4, A64_LSL, 0));
  baseline_a64_access (c, A64_STR, 3, X3, X0, VCPU_DISP (jump_pages));
  baseline_a64_li (c, X4, 1);
  baseline_a64_state (c, A64_STR, 2, X4, VCPU_DISP (jump_noted));
  a_emit (c, a64_dmb (A64_ISH));
  baseline_a64_access (c, A64_LDR, 2, X0, X2, G_STRUCT_OFFSET (VmtExecBlock, dead));
  slow[6] = a_branch (c, a64_cbz (FALSE, TRUE, X0, 0));
  baseline_a64_state (c, A64_LDR, 2, X0, CPU_DISP (jump_salt));
  baseline_a64_state (c, A64_LDR, 3, X3, CPU_DISP (jump_id));
  a_emit (c, a64_logic (FALSE, A64_EOR, FALSE, X0, X0, X1, A64_LSL, 0));
  a_emit (c, a64_logic (TRUE, A64_EOR, FALSE, X3, X3, X1, A64_LSL, 0));
  a_ubfx (c, FALSE, X0, X0, 1, BASELINE_JUMP_BITS);
  baseline_a64_add_value (c, X4, STATE, (guint64)(gint64)jumps);
  a_emit (c, a64_add_shifted (TRUE, A64_ADD, X4, X4, X0, A64_LSL, 4));
  a_emit (c, a64_pair (FALSE, A64_OFFSET, X3, X6, X4, 0));
  a_emit (c, a64_branch_reg (A64_BR, X6));
  for (guint i = 0; i < G_N_ELEMENTS (slow); i++)
    baseline_host_patch (c, slow[i], c->size);
  direct (c, (gconstpointer)baseline_run_indirect, tail);
}

gsize
baseline_host_stubs (guint8 *bytes, const VmtArchOps *arch, guint32 at[BASELINE_N_STUBS],
                     guint32 *enter)
{
  BaselineCompiler compiler = {
    .bytes = bytes,
    .arch = arch,
    .bias = BASELINE_BIAS,
    .cpu = (gint32)((arch->state_size + 63) / 64 * 64) - BASELINE_BIAS,
  };
  BaselineCompiler *c = &compiler;
  static const struct
  {
    BaselineStub stub;
    gconstpointer function;
    gboolean memory;
  } services[] = {
    { BASELINE_STUB_LOAD, (gconstpointer)baseline_run_load, TRUE },
    { BASELINE_STUB_STORE, (gconstpointer)baseline_run_store, TRUE },
    { BASELINE_STUB_ATOMIC, (gconstpointer)baseline_run_atomic, TRUE },
    { BASELINE_STUB_CALL, (gconstpointer)baseline_run_call, FALSE },
    { BASELINE_STUB_EVAL, (gconstpointer)baseline_run_eval, FALSE },
    { BASELINE_STUB_TRAP, (gconstpointer)baseline_run_trap, FALSE },
  };

  /* x0: the vCPU, x1: the code */
  *enter = c->size;
  save (c, saved, FRAME);
  baseline_a64_add_value (c, STATE, X0, (guint64)(gint64)c->bias);
  baseline_a64_add_value (c, TEMPS, STATE, (guint64)c->cpu + BASELINE_TEMPS_OFFSET);
  pinned (c, A64_LDR, FALSE);
  load_bank (c);
  a_emit (c, a64_branch_reg (A64_BR, X1));

  at[BASELINE_STUB_LEAVE] = c->size;
  pinned (c, A64_STR, FALSE);
  const guint32 tail = c->size;
  restore (c, saved, FRAME);
  a_emit (c, a64_branch_reg (A64_RET, LR));

  for (guint i = 0; i < G_N_ELEMENTS (services); i++)
    {
      at[services[i].stub] = c->size;
      if (services[i].memory)
        memory_service (c, services[i].function, tail);
      else
        service (c, services[i].function, tail);
    }
  at[BASELINE_STUB_FOLLOW] = c->size;
  direct (c, (gconstpointer)baseline_run_follow, tail);
  at[BASELINE_STUB_FAR] = c->size;
  far (c, tail);
  at[BASELINE_STUB_PROMOTE] = c->size;
  direct (c, (gconstpointer)baseline_run_promote, tail);
  at[BASELINE_STUB_INDIRECT] = c->size;
  indirect (c, tail);
  return c->size;
}
