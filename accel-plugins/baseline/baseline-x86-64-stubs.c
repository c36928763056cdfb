/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* x86-64 (System V ABI): between C and emitted code. Emitted code runs with rsp aligned to 16, so
 * that stubs, which it calls, begin 8 below that. */
#include "baseline-x86-64-float.h"

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

/* C runs with the host's environment. @keep: vector registers are saved, and MXCSR will be the
 * guest's again. Clobbers r10. */
static void
suspend (BaselineCompiler *c, gboolean keep)
{
  x_mi (c, FALSE, I_CMP, STATE, FLOAT_DISP (live), 0);
  const guint32 over = x_jcc (c, CC_E);
  x_rm (c, FALSE, 0x0fae, 3, STATE, FLOAT_DISP (scratch)); /* stmxcsr */
  x_rm (c, FALSE, X_LOAD, R10, STATE, FLOAT_DISP (scratch));
  x_ri (c, FALSE, I_AND, R10, 0x3f);
  x_rmx (c, FALSE, X_MOVZX8, R10, STATE, R10, 0, FLOAT_DISP (flags));
  x_rm_full (c, 0, FALSE, 0x08, R10, STATE,
             (gint32)c->arch->fp_env_offset + (gint32)G_STRUCT_OFFSET (VmtFpEnv, flags) - c->bias,
             TRUE);
  x_rm (c, FALSE, 0x0fae, 2, STATE, FLOAT_DISP (host)); /* ldmxcsr */
  if (keep)
    for (guint x = FLOAT_FIRST; x < 16; x++)
      x_vm (c, PP_F2, V_STORE, x, 0, FLOAT_DISP (xmm) + (gint32)(8 * x));
  else
    {
      x_rm (c, FALSE, 0xc7, 0, STATE, FLOAT_DISP (live));
      x32 (c, 0);
    }
  baseline_host_patch (c, over, c->size);
}

static void
resume (BaselineCompiler *c)
{
  x_mi (c, FALSE, I_CMP, STATE, FLOAT_DISP (live), 0);
  const guint32 over = x_jcc (c, CC_E);
  x_rm (c, FALSE, 0x0fae, 2, STATE, FLOAT_DISP (guest));
  for (guint x = FLOAT_FIRST; x < 16; x++)
    x_vm (c, PP_F2, V_LOAD, x, 0, FLOAT_DISP (xmm) + (gint32)(8 * x));
  baseline_host_patch (c, over, c->size);
}

/* @function does something for the code that calls the stub: rcx and rdx are its second and third
 * argument, eax the fourth. Its result is in rax and rcx. */
static void
service (BaselineCompiler *c, gconstpointer function, gboolean changes_state, gboolean keep,
         guint32 tail)
{
  pinned (c, X_STORE, FALSE);
  suspend (c, keep);
  x_rm (c, TRUE, X_STORE, RDX, STATE, CPU_DISP (spare[0]));
  x_rr (c, TRUE, X_LOAD, RSI, RCX);
  call_c (c, function);
  x_rr (c, TRUE, X_TEST, RDX, RDX);
  const guint32 leaves = x_jcc (c, CC_NE);
  pinned (c, X_LOAD, !changes_state);
  x_rm (c, TRUE, X_LOAD, BANK, STATE, VCPU_DISP (bank));
  x_rm (c, TRUE, X_LOAD, RDX, STATE, CPU_DISP (spare[0]));
  if (keep)
    resume (c);
  x_rr (c, TRUE, X_LOAD, RCX, RAX);
  x8 (c, 0xc3);
  baseline_host_patch (c, leaves, c->size);
  if (keep)
    {
      x_rm (c, FALSE, 0xc7, 0, STATE, FLOAT_DISP (live));
      x32 (c, 0);
    }
  x_ri (c, TRUE, I_ADD, RSP, 8);
  x_jmp_to (c, tail);
}

/* @function says where to go on; rcx is its second argument. The caller is not returned to. */
static void
direct (BaselineCompiler *c, gconstpointer function, guint32 tail)
{
  pinned (c, X_STORE, FALSE);
  suspend (c, FALSE);
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

/* rcx: an address in guest memory. A hit of the first-level TLB makes it the host's, or stores what
 * is in rdx; anything else is C's. rdx stays. */
static void
touch (BaselineCompiler *c, guint log2, gboolean store, guint32 slow)
{
  const gint32 table = store ? (gint32)G_STRUCT_OFFSET (VmtTlbBank, write)
                             : (gint32)G_STRUCT_OFFSET (VmtTlbBank, read);
  const guint bits = store ? VMT_TLB_WRITE_BITS : VMT_TLB_READ_BITS;
  const guint byte = log2 == 0;
  x_rr (c, FALSE, X_LOAD, RAX, RCX);
  x_shift_i (c, FALSE, S_SHR, RAX, VMT_PAGE_SHIFT - 4);
  x_ri (c, FALSE, I_AND, RAX, (gint32)(((1u << bits) - 1) << 4));
  x8 (c, 0x52); /* push rdx */
  x_rm (c, TRUE, X_LEA, RDX, RCX, (1 << log2) - 1);
  x_ri (c, TRUE, I_AND, RDX, -(gint32)VMT_PAGE_SIZE);
  x_rmx (c, TRUE, X_CMP, RDX, BANK, RAX, 0, table);
  x8 (c, 0x5a); /* pop rdx */
  const guint32 miss = x_jcc (c, CC_NE);
  x_rmx (c, TRUE, X_ADD, RCX, BANK, RAX, 0, table + 8);
  if (store)
    x_rm_full (c, log2 == 1 ? 0x66 : 0, log2 == 3, byte ? 0x88 : X_STORE, RDX, RCX, 0, byte);
  x8 (c, 0xc3);
  baseline_host_patch (c, miss, c->size);
  x_li (c, RAX, log2);
  x_jmp_to (c, slow);
}

G_STATIC_ASSERT (sizeof (VmtTlbRange) == 1 << 5 && VMT_TLB_RANGES <= 64);

/* rcx: where a window begins, rax: where its last byte is from there. Pushed: where the VmtTlbRange
 * is in the bank that is to be filled. rax: what is to be added to addresses within it, or 0:
 * the first-level TLB does not have it. rdx stays. */
static void
fill_range (BaselineCompiler *c, gboolean store)
{
  const gint32 table = store ? (gint32)G_STRUCT_OFFSET (VmtTlbBank, write)
                             : (gint32)G_STRUCT_OFFSET (VmtTlbBank, read);
  const guint bits = store ? VMT_TLB_WRITE_BITS : VMT_TLB_READ_BITS;
  x8 (c, 0x52); /* push rdx */
  x8 (c, 0x56); /* push rsi */
  x_rmx (c, TRUE, X_LEA, RDX, RCX, RAX, 0, 0);
  x_rr (c, FALSE, X_LOAD, RSI, RCX);
  x_shift_i (c, FALSE, S_SHR, RSI, VMT_PAGE_SHIFT - 4);
  x_ri (c, FALSE, I_AND, RSI, (gint32)(((1u << bits) - 1) << 4));
  x_ri (c, TRUE, I_AND, RCX, -(gint32)VMT_PAGE_SIZE);
  x_ri (c, TRUE, I_AND, RDX, -(gint32)VMT_PAGE_SIZE);
  x_rr (c, TRUE, X_CMP, RCX, RDX);
  x_rm (c, TRUE, X_LOAD, RDX, RSP, 24);
  const guint32 crosses = x_jcc_short (c, CC_NE);
  x_rmx (c, TRUE, X_CMP, RCX, BANK, RSI, 0, table);
  const guint32 miss = x_jcc_short (c, CC_NE);
  x_rmx (c, TRUE, X_STORE, RAX, BANK, RDX, 0, (gint32)G_STRUCT_OFFSET (VmtTlbRange, span));
  x_rr (c, TRUE, 0xf7, 3, RAX);
  x_ri (c, TRUE, I_ADD, RAX, VMT_PAGE_SIZE);
  x_rmx (c, TRUE, X_STORE, RCX, BANK, RDX, 0, 0);
  x_rmx (c, TRUE, X_STORE, RAX, BANK, RDX, 0, 8);
  x_rmx (c, TRUE, X_LOAD, RAX, BANK, RSI, 0, table + 8);
  x_rmx (c, TRUE, X_STORE, RAX, BANK, RDX, 0, 16);
  x_ri (c, FALSE, I_SUB, RDX, (gint32)G_STRUCT_OFFSET (VmtTlbBank, ranges));
  x_shift_i (c, FALSE, S_SHR, RDX, 5);
  x_rm (c, TRUE, 0x0fab, RDX, BANK, (gint32)G_STRUCT_OFFSET (VmtTlbBank, ranges_filled)); /* bts */
  x8 (c, 0xeb);
  x8 (c, 0);
  const guint32 done = c->size - 1;
  x_here_short (c, crosses);
  x_here_short (c, miss);
  x_rr (c, FALSE, X_XOR, RAX, RAX);
  x_rmx (c, TRUE, X_STORE, RAX, BANK, RDX, 0, 8);
  x_here_short (c, done);
  x8 (c, 0x5e);
  x8 (c, 0x5a);
  x8 (c, 0xc2); /* ret 8 */
  x8 (c, 8);
  x8 (c, 0);
}

/* rcx: the link, at a block's end: window registers are free. rax: the target's code; each link has
 * a jump of its own, which the host can predict. */
static void
far (BaselineCompiler *c, guint32 tail)
{
  x_rm (c, TRUE, X_MOVSXD, RAX, RCX, G_STRUCT_OFFSET (BaselineLink, offset));
  x_rm (c, TRUE, X_ADD, RAX, STATE, VCPU_DISP (page_va));
  x_rm (c, TRUE, X_LOAD, R13, RCX, G_STRUCT_OFFSET (BaselineLink, to));
  fetch_index (c);
  x_rm (c, TRUE, X_STORE, RAX, STATE, VCPU_DISP (pc));
  x_ri (c, TRUE, I_AND, RAX, -(gint32)VMT_PAGE_SIZE);
  x_rmx (c, TRUE, X_CMP, RAX, BANK, RDX, 0, FETCH_OFFSET);
  const guint32 miss = x_jcc (c, CC_NE);
  x_rmx (c, TRUE, X_LOAD, RDX, BANK, RDX, 0, FETCH_OFFSET + 8);
  x_rm (c, TRUE, X_ADD, RDX, STATE, VCPU_DISP (pc));
  x_rr (c, TRUE, X_TEST, R13, R13);
  const guint32 none = x_jcc (c, CC_E);
  x_rm (c, TRUE, X_CMP, RDX, R13, G_STRUCT_OFFSET (BaselineBlock, host));
  const guint32 other = x_jcc (c, CC_NE);
  x_rm (c, TRUE, X_STORE, RAX, STATE, VCPU_DISP (page_va));
  x_rm (c, TRUE, X_LOAD, RAX, R13, G_STRUCT_OFFSET (BaselineBlock, code));
  x8 (c, 0xc3);
  baseline_host_patch (c, miss, c->size);
  baseline_host_patch (c, none, c->size);
  baseline_host_patch (c, other, c->size);
  direct (c, (gconstpointer)baseline_run_far, tail);
}

/* All registers stay. Where the guest's rounding mode is none of x86's, the evaluator executes the
 * rest of the block. */
static void
fp_enter (BaselineCompiler *c, guint32 tail)
{
  x8 (c, 0x50); /* push rax */
  x_rm (c, FALSE, X_MOVZX8, RAX, STATE,
        (gint32)c->arch->fp_env_offset + (gint32)G_STRUCT_OFFSET (VmtFpEnv, round) - c->bias);
  x_ri (c, FALSE, I_AND, RAX, 7);
  x_rmx (c, FALSE, X_LOAD, RAX, STATE, RAX, 2, FLOAT_DISP (control));
  x_rr (c, FALSE, X_TEST, RAX, RAX);
  const guint32 none = x_jcc (c, CC_E);
  x_rm (c, FALSE, X_STORE, RAX, STATE, FLOAT_DISP (guest));
  x_rm (c, FALSE, 0x0fae, 2, STATE, FLOAT_DISP (guest));
  x_rm (c, FALSE, 0xc7, 0, STATE, FLOAT_DISP (live));
  x32 (c, 1);
  x8 (c, 0x58); /* pop rax */
  x8 (c, 0xc3);
  baseline_host_patch (c, none, c->size);
  x8 (c, 0x58);
  pinned (c, X_STORE, FALSE);
  x_rm (c, FALSE, X_LOAD, RSI, STATE, FLOAT_DISP (insn));
  x_rm (c, FALSE, X_LOAD, RAX, STATE, FLOAT_DISP (op));
  call_c (c, (gconstpointer)baseline_run_rest);
  x_ri (c, TRUE, I_ADD, RSP, 8);
  x_jmp_to (c, tail);
}

/* Nothing changes but NaNs. */
static void
fp_canon (BaselineCompiler *c)
{
  for (guint single = 0; single < 2; single++)
    for (guint x = FLOAT_FIRST; x < 16; x++)
      {
        x_rm (c, FALSE, 0xf7, 0, STATE, FLOAT_DISP (canon));
        x32 (c, 1u << (x + 16 * single));
        const guint32 not = x_jcc_short (c, CC_E);
        x_v (c, single ? PP_NONE : PP_66, V_UCOMI, x, 0, x);
        const guint32 number = x_jcc_short (c, CC_NP);
        x_vm (c, PP_F2, V_LOAD, x, 0, FLOAT_DISP (nan) + (gint32)(8 * single));
        x_here_short (c, not );
        x_here_short (c, number);
      }
  x8 (c, 0xc3);
}

/* rcx: an address. Jumped to at a block's end: window registers are free. First the table of jumps,
 * then core's cache of lookups, by what is mapped there. */
static void
indirect (BaselineCompiler *c, guint32 tail)
{
  const gint32 jumps = CPU_DISP (jumps);
  guint32 slow[7];
  x_rm (c, TRUE, X_STORE, RCX, STATE, VCPU_DISP (pc));
  x_mi (c, FALSE, I_CMP, STATE, VCPU_DISP (exit_request), 0);
  slow[0] = x_jcc (c, CC_NE);
  /* see jump_index() */
  x_rr (c, FALSE, X_LOAD, RAX, RCX);
  x_rm (c, FALSE, X_XOR, RAX, STATE, CPU_DISP (jump_salt));
  x_ri (c, FALSE, I_AND, RAX, ((1 << BASELINE_JUMP_BITS) - 1) << 1);
  x_rr (c, TRUE, X_LOAD, RDX, RCX);
  x_rm (c, TRUE, X_XOR, RDX, STATE, CPU_DISP (jump_id));
  x_rmx (c, TRUE, X_CMP, RDX, STATE, RAX, 3, jumps);
  const guint32 unknown = x_jcc_short (c, CC_NE);
  x_ri (c, TRUE, I_AND, RCX, -(gint32)VMT_PAGE_SIZE);
  x_rm (c, TRUE, X_STORE, RCX, STATE, VCPU_DISP (page_va));
  x_rmx (c, FALSE, 0xff, 4, STATE, RAX, 3, jumps + (gint32)G_STRUCT_OFFSET (BaselineJump, code));
  x_here_short (c, unknown);
  x_rr (c, FALSE, X_LOAD, RAX, RCX);
  fetch_index (c);
  x_rr (c, TRUE, X_LOAD, R13, RCX);
  x_ri (c, TRUE, I_AND, R13, -(gint32)VMT_PAGE_SIZE);
  x_rmx (c, TRUE, X_CMP, R13, BANK, RDX, 0, FETCH_OFFSET);
  slow[1] = x_jcc (c, CC_NE);
  x_rmx (c, TRUE, X_LOAD, R14, BANK, RDX, 0, FETCH_OFFSET + 8);
  x_rr (c, TRUE, X_ADD, R14, RCX);
  /* see vmt_jump_cache_slot() */
  x_rr (c, TRUE, X_LOAD, RAX, R14);
  x_shift_i (c, TRUE, S_SHR, RAX, 12);
  x_rr (c, TRUE, X_XOR, RAX, R14);
  x_ri (c, FALSE, I_AND, RAX, ((1 << VMT_JUMP_CACHE_BITS) - 1) << 1);
  x_rm (c, TRUE, X_LOAD, RDX, STATE, VCPU_DISP (jump_cache));
  x_rmx (c, TRUE, X_LOAD, RDX, RDX, RAX, 2, 0);
  x_rr (c, TRUE, X_TEST, RDX, RDX);
  slow[2] = x_jcc (c, CC_E);
  x_rm (c, TRUE, X_CMP, R14, RDX, G_STRUCT_OFFSET (VmtExecBlock, host));
  slow[3] = x_jcc (c, CC_NE);
  x_rm (c, TRUE, X_LOAD, RAX, RDX, G_STRUCT_OFFSET (VmtExecBlock, mode_key));
  x_rm (c, TRUE, X_CMP, RAX, STATE, VCPU_DISP (mode_key));
  slow[4] = x_jcc (c, CC_NE);
  x_rm (c, TRUE, X_LOAD, RAX, RDX, G_STRUCT_OFFSET (VmtExecBlock, code));
  x_rr (c, TRUE, X_TEST, RAX, RAX);
  slow[5] = x_jcc (c, CC_E);
  /* vmt_vcpu_note_jump(), whose last store is before the load of dead */
  x_rm (c, TRUE, X_STORE, R13, STATE, VCPU_DISP (page_va));
  x_shift_i (c, TRUE, S_SHR, R13, VMT_PAGE_SHIFT);
  x_ri (c, FALSE, I_AND, R13, VMT_VCPU_JUMP_PAGES - 1);
  x_rm (c, FALSE, 0xc7, 0, STATE, VCPU_DISP (jump_noted));
  x32 (c, 1);
  x8 (c, 0xf0);
  x_rm (c, TRUE, 0x0fab, R13, STATE, VCPU_DISP (jump_pages));
  x_rm (c, FALSE, 0x83, 7, RDX, G_STRUCT_OFFSET (VmtExecBlock, dead));
  x8 (c, 0);
  slow[6] = x_jcc (c, CC_NE);
  x_rr (c, FALSE, X_LOAD, R13, RCX);
  x_rm (c, FALSE, X_XOR, R13, STATE, CPU_DISP (jump_salt));
  x_ri (c, FALSE, I_AND, R13, ((1 << BASELINE_JUMP_BITS) - 1) << 1);
  x_rm (c, TRUE, X_XOR, RCX, STATE, CPU_DISP (jump_id));
  x_rmx (c, TRUE, X_STORE, RCX, STATE, R13, 3, jumps);
  x_rmx (c, TRUE, X_STORE, RAX, STATE, R13, 3,
         jumps + (gint32)G_STRUCT_OFFSET (BaselineJump, code));
  x_rr (c, FALSE, 0xff, 4, RAX);
  for (guint i = 0; i < G_N_ELEMENTS (slow); i++)
    baseline_host_patch (c, slow[i], c->size);
  /* as if it had been called */
  x_ri (c, TRUE, I_SUB, RSP, 8);
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
  static const guint8 saved[] = { RBP, RBX, R12, R13, R14, R15 };
  static const BaselineStub reads[] = { BASELINE_STUB_READ1, BASELINE_STUB_READ2,
                                        BASELINE_STUB_READ4, BASELINE_STUB_READ8 };
  static const BaselineStub writes[] = { BASELINE_STUB_WRITE1, BASELINE_STUB_WRITE2,
                                         BASELINE_STUB_WRITE4, BASELINE_STUB_WRITE8 };
  const struct
  {
    BaselineStub stub;
    gconstpointer function;
    gboolean changes_state, keep;
  } services[] = {
    { BASELINE_STUB_LOAD, (gconstpointer)baseline_run_load, FALSE, TRUE },
    { BASELINE_STUB_STORE, (gconstpointer)baseline_run_store, FALSE, TRUE },
    { BASELINE_STUB_ATOMIC, (gconstpointer)baseline_run_atomic, FALSE, TRUE },
    { BASELINE_STUB_CALL, (gconstpointer)baseline_run_call, TRUE, FALSE },
    { BASELINE_STUB_EVAL, (gconstpointer)baseline_run_eval, TRUE, FALSE },
    { BASELINE_STUB_FP_OP, (gconstpointer)baseline_run_eval, TRUE, TRUE },
    { BASELINE_STUB_TRAP, (gconstpointer)baseline_run_trap, FALSE, FALSE },
    { BASELINE_STUB_RANGE, (gconstpointer)baseline_run_range, FALSE, TRUE },
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
  suspend (c, FALSE);
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
      service (c, services[i].function, services[i].changes_state, services[i].keep, tail);
    }
  at[BASELINE_STUB_FOLLOW] = c->size;
  direct (c, (gconstpointer)baseline_run_follow, tail);
  at[BASELINE_STUB_FAR] = c->size;
  far (c, tail);
  at[BASELINE_STUB_RANGE_READ] = c->size;
  fill_range (c, FALSE);
  at[BASELINE_STUB_RANGE_WRITE] = c->size;
  fill_range (c, TRUE);
  at[BASELINE_STUB_PROMOTE] = c->size;
  direct (c, (gconstpointer)baseline_run_promote, tail);
  const guint32 slow_read = c->size;
  service (c, (gconstpointer)baseline_run_read, FALSE, TRUE, tail);
  const guint32 slow_write = c->size;
  service (c, (gconstpointer)baseline_run_write, FALSE, TRUE, tail);
  for (guint log2 = 0; log2 < G_N_ELEMENTS (reads); log2++)
    {
      at[reads[log2]] = c->size;
      touch (c, log2, FALSE, slow_read);
      at[writes[log2]] = c->size;
      touch (c, log2, TRUE, slow_write);
    }
  at[BASELINE_STUB_INDIRECT] = c->size;
  indirect (c, tail);
  at[BASELINE_STUB_FP_ENTER] = c->size;
  fp_enter (c, tail);
  at[BASELINE_STUB_FP_CANON] = c->size;
  fp_canon (c);
  return c->size;
}
