/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* x86-64 (System V ABI): between C and emitted code. Emitted code runs with rsp aligned to 16, so
 * that stubs, which it calls, begin 8 below that. */
#include "baseline-x86-64.h"

#define CPU_DISP(field) (c->cpu + (gint32)G_STRUCT_OFFSET (BaselineCpu, field))
#define FETCH_OFFSET ((gint32)G_STRUCT_OFFSET (VmtTlbBank, fetch))

static void
pinned (BaselineCompiler *c, guint opcode, gboolean only_caller_saved)
{
  for (guint i = 0; i < MIN (c->arch->n_hot, baseline_n_pinned); i++)
    {
      const guint8 reg = baseline_pinned_regs[i];
      if (only_caller_saved && (reg == RBX || reg >= R12))
        continue;
      x_rm (c, TRUE, opcode, reg, STATE,
            (gint32)c->arch->globals[c->arch->hot[i]].offset - c->bias);
    }
}

static void
call_c (BaselineCompiler *c, gconstpointer function)
{
  x_rr (c, FALSE, X_LOAD, RCX, RAX);
  x_rm (c, TRUE, X_LEA, RDI, STATE, -c->bias);
  x_rm (c, TRUE, X_LOAD, R8, RSP, 0);
  x_ri (c, TRUE, I_SUB, RSP, 8);
  x_li (c, RAX, (guint64)(guintptr)function);
  x_rr (c, FALSE, 0xff, 2, RAX);
  x_ri (c, TRUE, I_ADD, RSP, 8);
}

/* @function does something for the code that calls the stub: rcx and rdx are its second and third
 * argument, eax the fourth. */
static void
service (BaselineCompiler *c, gconstpointer function, gboolean changes_state, guint32 tail)
{
  pinned (c, X_STORE, FALSE);
  x_rm (c, TRUE, X_STORE, RDX, STATE, CPU_DISP (spare[0]));
  x_rr (c, TRUE, X_LOAD, RSI, RCX);
  call_c (c, function);
  x_rr (c, TRUE, X_TEST, RDX, RDX);
  const guint32 leaves = x_jcc (c, CC_NE);
  pinned (c, X_LOAD, !changes_state);
  x_rm (c, TRUE, X_LOAD, BANK, STATE, VCPU_DISP (bank));
  x_rm (c, TRUE, X_LOAD, RDX, STATE, CPU_DISP (spare[0]));
  x8 (c, 0xc3);
  baseline_host_patch (c, leaves, c->size);
  x_ri (c, TRUE, I_ADD, RSP, 8);
  x_jmp_to (c, tail);
}

/* @function says where to go on; rcx is its second argument. The caller is not returned to. */
static void
direct (BaselineCompiler *c, gconstpointer function, guint32 tail)
{
  pinned (c, X_STORE, FALSE);
  x_rr (c, TRUE, X_LOAD, RSI, RCX);
  call_c (c, function);
  x_rr (c, TRUE, X_TEST, RDX, RDX);
  const guint32 leaves = x_jcc (c, CC_NE);
  pinned (c, X_LOAD, FALSE);
  x_rm (c, TRUE, X_LOAD, BANK, STATE, VCPU_DISP (bank));
  x_ri (c, TRUE, I_ADD, RSP, 8);
  x_rr (c, FALSE, 0xff, 4, RAX);
  baseline_host_patch (c, leaves, c->size);
  x_ri (c, TRUE, I_ADD, RSP, 8);
  x_jmp_to (c, tail);
}

/* edx: offset of the fetch entry of the address in rax */
static void
fetch_index (BaselineCompiler *c)
{
  x_rr (c, FALSE, X_LOAD, RDX, RAX);
  x_shift_i (c, FALSE, S_SHR, RDX, VMT_PAGE_SHIFT - 4);
  x_ri (c, FALSE, I_AND, RDX, ((1 << VMT_TLB_FETCH_BITS) - 1) << 4);
}

/* rcx: the slot, rax: offset of the target from the page. Returns the target's code in rax, or the
 * address behind the jump that follows the call. */
static void
far (BaselineCompiler *c)
{
  x_rm (c, TRUE, X_ADD, RAX, STATE, VCPU_DISP (page_va));
  x_rm (c, TRUE, X_LOAD, RCX, RCX, 0);
  fetch_index (c);
  x_rm (c, TRUE, X_STORE, RAX, STATE, VCPU_DISP (pc));
  x_ri (c, TRUE, I_AND, RAX, -(gint32)VMT_PAGE_SIZE);
  x_rmx (c, TRUE, X_CMP, RAX, BANK, RDX, 0, FETCH_OFFSET);
  const guint32 miss = x_jcc (c, CC_NE);
  x_rmx (c, TRUE, X_LOAD, RDX, BANK, RDX, 0, FETCH_OFFSET + 8);
  x_rm (c, TRUE, X_ADD, RDX, STATE, VCPU_DISP (pc));
  x_rm (c, TRUE, X_CMP, RDX, RCX, G_STRUCT_OFFSET (BaselineBlock, host));
  const guint32 other = x_jcc (c, CC_NE);
  x_rm (c, TRUE, X_STORE, RAX, STATE, VCPU_DISP (page_va));
  x_rm (c, TRUE, X_LOAD, RAX, RCX, G_STRUCT_OFFSET (BaselineBlock, code));
  x8 (c, 0xc3);
  baseline_host_patch (c, miss, c->size);
  baseline_host_patch (c, other, c->size);
  x_rm (c, TRUE, X_LOAD, RAX, RSP, 0);
  x_ri (c, TRUE, I_ADD, RAX, 2);
  x8 (c, 0xc3);
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
  static const guint8 saved[] = { RBP, RBX, R12, R13, R14, R15 };
  const struct
  {
    BaselineStub stub;
    gconstpointer function;
    gboolean changes_state;
  } services[] = {
    { BASELINE_STUB_LOAD, (gconstpointer)baseline_run_load, FALSE },
    { BASELINE_STUB_STORE, (gconstpointer)baseline_run_store, FALSE },
    { BASELINE_STUB_ATOMIC, (gconstpointer)baseline_run_atomic, FALSE },
    { BASELINE_STUB_CALL, (gconstpointer)baseline_run_call, TRUE },
    { BASELINE_STUB_EVAL, (gconstpointer)baseline_run_eval, TRUE },
    { BASELINE_STUB_TRAP, (gconstpointer)baseline_run_trap, FALSE },
  };

  *enter = c->size;
  for (guint i = 0; i < G_N_ELEMENTS (saved); i++)
    {
      x_rex (c, 0, FALSE, 0, 0, saved[i], FALSE);
      x8 (c, 0x50 | (saved[i] & 7));
    }
  x_ri (c, TRUE, I_SUB, RSP, 8);
  x_rm (c, TRUE, X_LEA, STATE, RDI, c->bias);
  x_rr (c, TRUE, X_LOAD, RAX, RSI);
  pinned (c, X_LOAD, FALSE);
  x_rm (c, TRUE, X_LOAD, BANK, STATE, VCPU_DISP (bank));
  x_rr (c, FALSE, 0xff, 4, RAX);

  at[BASELINE_STUB_LEAVE] = c->size;
  pinned (c, X_STORE, FALSE);
  const guint32 tail = c->size;
  x_ri (c, TRUE, I_ADD, RSP, 8);
  for (guint i = G_N_ELEMENTS (saved); i-- > 0;)
    {
      x_rex (c, 0, FALSE, 0, 0, saved[i], FALSE);
      x8 (c, 0x58 | (saved[i] & 7));
    }
  x8 (c, 0xc3);

  for (guint i = 0; i < G_N_ELEMENTS (services); i++)
    {
      at[services[i].stub] = c->size;
      service (c, services[i].function, services[i].changes_state, tail);
    }
  at[BASELINE_STUB_FOLLOW] = c->size;
  direct (c, (gconstpointer)baseline_run_follow, tail);
  at[BASELINE_STUB_FAR] = c->size;
  far (c);
  at[BASELINE_STUB_INDIRECT] = c->size;
  direct (c, (gconstpointer)baseline_run_indirect, tail);
  at[BASELINE_STUB_FP_ENTER] = c->size;
  x8 (c, 0xc3);
  return c->size;
}
