/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* x86-64: floating point; see baseline-x86-64-float.h. */
#include "baseline-x86-64-float.h"

/* --- what registers have --- */

/* What cold code is to know of the registers as they were. */
typedef struct
{
  guint32 mask;  /* as BaselineCpuFloat.canon */
  guint32 dirty; /* mask of registers */
  VmtIrVal held[16];
  VmtIrVal temps[3]; /* of integer scratch registers */
} Unchecked;

GArray *
baseline_host_new_unchecked (void)
{
  return g_array_new (FALSE, FALSE, sizeof (Unchecked));
}

static void
drop_reg (BaselineCompiler *c, guint x)
{
  c->fp.flags[x] = 0;
  for (guint i = FLOAT_FIRST; i < 16; i++)
    c->fp.covers[i] &= (guint16) ~(1u << x);
}

static void
drop (BaselineCompiler *c, VmtIrVal v)
{
  for (guint x = FLOAT_FIRST; x < 16; x++)
    if (c->fp.flags[x] != 0 && c->fp.held[x] == v)
      drop_reg (c, x);
}

static guint32
unchecked (BaselineCompiler *c)
{
  guint32 mask = 0;
  for (guint x = FLOAT_FIRST; x < 16; x++)
    if (c->fp.flags[x] & FLOAT_UNCHECKED)
      mask |= 1u << (c->fp.flags[x] & FLOAT_CHECK_SINGLE ? x + 16 : x);
  return mask;
}

/* What the homes have not got. */
static guint32
dirty (BaselineCompiler *c)
{
  guint32 mask = 0;
  for (guint x = FLOAT_FIRST; x < 16; x++)
    if (c->fp.flags[x] & FLOAT_DIRTY)
      mask |= 1u << x;
  return mask;
}

static void
flush (BaselineCompiler *c, guint x)
{
  if (c->fp.flags[x] & FLOAT_DIRTY)
    {
      x_vm (c, PP_F2, V_STORE, x, 0, float_home (c, c->fp.held[x]));
      c->fp.flags[x] &= (guint8)~FLOAT_DIRTY;
    }
}

guint
baseline_x86_float_snapshot (BaselineCompiler *c)
{
  const guint32 mask = unchecked (c);
  Unchecked snapshot = { .mask = mask, .dirty = dirty (c) };
  if ((mask | snapshot.dirty) == 0)
    return 0;
  memcpy (snapshot.held, c->fp.held, sizeof snapshot.held);
  g_array_append_val (c->fp_unchecked, snapshot);
  return c->fp_unchecked->len;
}

void
baseline_x86_float_cold (BaselineCompiler *c, const BaselineCold *cold)
{
  if (cold->fp == 0)
    return;
  const Unchecked snapshot = g_array_index (c->fp_unchecked, Unchecked, cold->fp - 1);
  if (snapshot.mask != 0)
    {
      x_rm (c, FALSE, 0xc7, 0, STATE, FLOAT_DISP (canon));
      x32 (c, snapshot.mask);
      x_call_stub (c, BASELINE_STUB_FP_CANON);
    }
  for (guint x = FLOAT_FIRST; x < 16; x++)
    if ((snapshot.mask & 0x10001u << x) || (snapshot.dirty & 1u << x))
      x_vm (c, PP_F2, V_STORE, x, 0, float_home (c, snapshot.held[x]));
}

static void
cold_check (BaselineCompiler *c, const BaselineCold *cold)
{
  baseline_x86_float_cold (c, cold);
  x_jmp_to (c, cold->resume);
}

/* Two of one format: not a NaN. */
static void
test (BaselineCompiler *c, guint x, guint y, guint snapshot)
{
  x_v (c, c->fp.flags[x] & FLOAT_CHECK_SINGLE ? PP_NONE : PP_66, V_UCOMI, x, 0, y);
  baseline_cold (c, cold_check, x_jcc (c, CC_P))->fp = (guint16)snapshot;
}

/* The tests since @first are done. */
static void
resume (BaselineCompiler *c, guint first)
{
  for (guint i = first; i < c->colds->len; i++)
    g_array_index (c->colds, BaselineCold, i).resume = c->size;
}

static guint32
is_unchecked (BaselineCompiler *c, guint x)
{
  return c->fp.flags[x] & FLOAT_UNCHECKED;
}

static void
check_all (BaselineCompiler *c)
{
  if (unchecked (c) == 0)
    return;
  const guint snapshot = baseline_x86_float_snapshot (c), first = c->colds->len;
  guint16 covered = 0;
  for (guint x = FLOAT_FIRST; x < 16; x++)
    if (is_unchecked (c, x))
      covered |= c->fp.covers[x];
  guint waiting[2] = { 0, 0 }; /* for another one of its format */
  for (guint x = FLOAT_FIRST; x < 16; x++)
    {
      if (!is_unchecked (c, x) || (covered & 1u << x))
        continue;
      guint *other = &waiting[(c->fp.flags[x] & FLOAT_CHECK_SINGLE) != 0];
      if (*other != 0)
        {
          test (c, *other, x, snapshot);
          *other = 0;
        }
      else
        *other = x;
    }
  for (guint i = 0; i < 2; i++)
    if (waiting[i] != 0)
      test (c, waiting[i], waiting[i], snapshot);
  resume (c, first);
  for (guint x = FLOAT_FIRST; x < 16; x++)
    c->fp.flags[x] &= (guint8)~FLOAT_UNCHECKED;
}

void
baseline_x86_float_settle (BaselineCompiler *c)
{
  check_all (c);
  for (guint x = FLOAT_FIRST; x < 16; x++)
    flush (c, x);
}

void
baseline_float_check (BaselineCompiler *c, guint x)
{
  if (!is_unchecked (c, x))
    return;
  const guint snapshot = baseline_x86_float_snapshot (c), first = c->colds->len;
  /* Another one costs nothing. */
  guint y = x;
  for (guint i = FLOAT_FIRST; i < 16; i++)
    if (i != x && is_unchecked (c, i) && !(c->fp.covers[x] & 1u << i) &&
        ((c->fp.flags[i] ^ c->fp.flags[x]) & FLOAT_CHECK_SINGLE) == 0)
      y = i;
  test (c, x, y, snapshot);
  resume (c, first);
  const guint16 fine = (guint16)(c->fp.covers[x] | c->fp.covers[y] | 1u << x | 1u << y);
  for (guint i = FLOAT_FIRST; i < 16; i++)
    if (fine & 1u << i)
      c->fp.flags[i] &= (guint8)~FLOAT_UNCHECKED;
}

void
baseline_x86_float_forget (BaselineCompiler *c)
{
  baseline_x86_float_settle (c);
  memset (&c->fp, 0, sizeof c->fp);
}

void
baseline_x86_float_overwrite (BaselineCompiler *c, VmtIrVal d)
{
  baseline_x86_float_settle (c);
  drop (c, d);
}

guint
baseline_float_alloc (BaselineCompiler *c)
{
  guint victim = 0;
  for (guint x = FLOAT_FIRST; x < 16 && victim == 0; x++)
    if (c->fp.flags[x] == 0 && !(c->fp.busy & 1u << x))
      victim = x;
  for (guint pass = 0; victim == 0; pass++)
    {
      for (guint i = 0; i < 14 && victim == 0; i++)
        {
          const guint x = FLOAT_FIRST + (c->fp.next + i) % 14;
          if (!(c->fp.busy & 1u << x) && !is_unchecked (c, x))
            victim = x;
        }
      if (victim == 0)
        check_all (c);
    }
  flush (c, victim);
  c->fp.next = (guint8)((victim - FLOAT_FIRST + 1) % 14);
  drop_reg (c, victim);
  c->fp.busy |= (guint16)(1u << victim);
  return victim;
}

static guint
find (BaselineCompiler *c, VmtIrVal v, guint flag)
{
  for (guint x = FLOAT_FIRST; x < 16; x++)
    if (c->fp.held[x] == v && (c->fp.flags[x] & flag))
      {
        c->fp.busy |= (guint16)(1u << x);
        return x;
      }
  return 0;
}

guint
baseline_float_find (BaselineCompiler *c, VmtIrVal v)
{
  return find (c, v, FLOAT_RAW);
}

static void
cold_unbox (BaselineCompiler *c, const BaselineCold *cold)
{
  x_vm (c, PP_F2, V_LOAD, cold->reg, 0, FLOAT_DISP (nan[1]));
  x_jmp_to (c, cold->resume);
}

/* Constants by way of a general register. */
static void
load_const (BaselineCompiler *c, guint x, guint64 value)
{
  if (value == 0)
    {
      x_v (c, PP_NONE, V_XOR, x, x, x);
      return;
    }
  const guint8 reg = baseline_scratch (c);
  x_li (c, reg, value);
  x_vg (c, TRUE, PP_66, V_FROM_GPR, x, 0, reg);
}

guint
baseline_float_use (BaselineCompiler *c, VmtIrVal v, gboolean single)
{
  guint x = find (c, v, single ? FLOAT_SINGLE : FLOAT_RAW);
  if (x != 0)
    return x;
  if (vmt_ir_is_const (v))
    {
      guint64 value = c->ir->consts[v - VMT_IR_CONST_FIRST].lo;
      if (single && value >> 32 != G_MAXUINT32)
        value = G_GUINT64_CONSTANT (0xffffffff7fc00000);
      x = baseline_float_alloc (c);
      load_const (c, x, value);
      c->fp.held[x] = v;
      c->fp.flags[x] = single ? FLOAT_SINGLE : FLOAT_RAW;
      return x;
    }
  if (vmt_ir_is_temp (v))
    {
      const guint t = v - VMT_IR_TEMP_FIRST;
      if (c->temp_reg[t] != BASELINE_NO_REG && !c->temp_home[t])
        {
          baseline_host_store_home (c, float_home (c, v), c->temp_reg[t]);
          c->temp_home[t] = TRUE;
          c->evicted[c->n_evicted++ % G_N_ELEMENTS (c->evicted)] = v;
        }
    }
  if (single)
    {
      /* the home counts */
      x = find (c, v, FLOAT_RAW);
      if (x != 0)
        {
          baseline_float_check (c, x);
          flush (c, x);
        }
    }
  x = baseline_float_alloc (c);
  BaselineCold *cold = NULL;
  if (single)
    {
      x_mi (c, FALSE, I_CMP, STATE, float_home (c, v) + 4, -1);
      cold = baseline_cold (c, cold_unbox, x_jcc (c, CC_NE));
      cold->reg = (guint8)x;
    }
  x_vm (c, PP_F2, V_LOAD, x, 0, float_home (c, v));
  if (single)
    cold->resume = c->size;
  c->fp.held[x] = v;
  c->fp.flags[x] = single ? FLOAT_SINGLE : FLOAT_RAW;
  return x;
}

guint16
baseline_float_covers (BaselineCompiler *c, guint x)
{
  return is_unchecked (c, x) ? (guint16)(c->fp.covers[x] | 1u << x) : 0;
}

void
baseline_float_made (BaselineCompiler *c, VmtIrVal d, guint x, guint flags, guint16 covers)
{
  drop (c, d);
  for (guint i = FLOAT_FIRST; i < 16; i++)
    if (c->fp.flags[i] == 0)
      covers &= (guint16) ~(1u << i);
  if (vmt_ir_is_temp (d))
    {
      const guint t = d - VMT_IR_TEMP_FIRST;
      if (c->temp_last[t] <= c->op)
        return;
      c->temp_home[t] = TRUE;
    }
  c->fp.held[x] = d;
  c->fp.flags[x] = (guint8)(flags | FLOAT_DIRTY);
  c->fp.covers[x] = covers;
}

/* --- the environment --- */

static void
cold_enter (BaselineCompiler *c, const BaselineCold *cold)
{
  const Unchecked snapshot = g_array_index (c->fp_unchecked, Unchecked, cold->fp - 1);
  for (guint i = 0; i < baseline_n_scratch; i++)
    if (snapshot.temps[i] != VMT_IR_NO_VAL)
      baseline_host_store_home (c, float_home (c, snapshot.temps[i]), baseline_scratch_regs[i]);
  x_rm (c, FALSE, 0xc7, 0, STATE, FLOAT_DISP (insn));
  x32 (c, cold->insn);
  x_rm (c, FALSE, 0xc7, 0, STATE, FLOAT_DISP (op));
  x32 (c, (guint32)cold->disp);
  x_call_stub (c, BASELINE_STUB_FP_ENTER);
  x_jmp_to (c, cold->resume);
}

void
baseline_float_enter (BaselineCompiler *c)
{
  if (c->fp.live)
    return;
  Unchecked snapshot = { 0 };
  for (guint i = 0; i < baseline_n_scratch; i++)
    snapshot.temps[i] = c->reg_temp[baseline_scratch_regs[i]];
  g_array_append_val (c->fp_unchecked, snapshot);
  x_mi (c, FALSE, I_CMP, STATE, FLOAT_DISP (live), 0);
  BaselineCold *cold = baseline_cold (c, cold_enter, x_jcc (c, CC_E));
  cold->fp = (guint16)c->fp_unchecked->len;
  cold->disp = (gint32)c->op;
  cold->resume = c->size;
  c->fp.live = TRUE;
  /* the evaluator takes over where there is no such rounding mode */
  c->has_eval = TRUE;
}

static void
cmp_round (BaselineCompiler *c, gint32 imm)
{
  x_rm (c, FALSE, 0x80, 7, STATE,
        (gint32)c->arch->fp_env_offset + (gint32)G_STRUCT_OFFSET (VmtFpEnv, round) - c->bias);
  x8 (c, imm & 7);
}

static void
x_stmxcsr (BaselineCompiler *c, gint32 disp)
{
  x_rm (c, FALSE, 0x0fae, 3, STATE, disp);
}
static void
x_ldmxcsr (BaselineCompiler *c, gint32 disp)
{
  x_rm (c, FALSE, 0x0fae, 2, STATE, disp);
}

static void
cold_round (BaselineCompiler *c, const BaselineCold *cold)
{
  static const guint8 modes[] = { 0, 3, 1, 2 };
  x_stmxcsr (c, FLOAT_DISP (scratch));
  x_mi (c, FALSE, I_AND, STATE, FLOAT_DISP (scratch), ~0x6000);
  if (modes[cold->kind] != 0)
    x_mi (c, FALSE, I_OR, STATE, FLOAT_DISP (scratch), modes[cold->kind] << 13);
  x_ldmxcsr (c, FLOAT_DISP (scratch));
  x_jmp_to (c, cold->resume);
}

static void
cold_round_back (BaselineCompiler *c, const BaselineCold *cold)
{
  x8 (c, 0x50); /* push rax */
  x_rm (c, FALSE, X_LOAD, RAX, STATE, FLOAT_DISP (guest));
  x_stmxcsr (c, FLOAT_DISP (scratch));
  x_mi (c, FALSE, I_AND, STATE, FLOAT_DISP (scratch), 0x3f);
  x_rm (c, FALSE, 0x09, RAX, STATE, FLOAT_DISP (scratch)); /* or [], eax */
  x8 (c, 0x58);
  x_ldmxcsr (c, FLOAT_DISP (scratch));
  x_jmp_to (c, cold->resume);
}

void
baseline_float_round_begin (BaselineCompiler *c, gint32 imm)
{
  if ((imm & 7) == 7)
    return;
  cmp_round (c, imm);
  BaselineCold *cold = baseline_cold (c, cold_round, x_jcc (c, CC_NE));
  cold->kind = imm & 7;
  cold->resume = c->size;
}

void
baseline_float_round_end (BaselineCompiler *c, gint32 imm)
{
  if ((imm & 7) == 7)
    return;
  cmp_round (c, imm);
  BaselineCold *cold = baseline_cold (c, cold_round_back, x_jcc (c, CC_NE));
  cold->resume = c->size;
}

void
baseline_float_eval (BaselineCompiler *c, guint insn, guint op)
{
  x_li (c, RCX, insn);
  x_li (c, RAX, op);
  x_call_stub (c, BASELINE_STUB_FP_OP);
  /* The result may be one of those, which the stub does not know. */
  baseline_load_locals (c);
}

/* --- loops --- */

/* In a jump back: what was in a register that is needed is in xmm0. */
#define X0_HELD 16u

static gboolean
takes_single (const VmtIrOp *op)
{
  switch (op->opcode)
    {
    case VMT_IR_FCVT:
    case VMT_IR_F2I:
      return (op->imm >> 8 & 15) == VMT_IR_F32;
    case VMT_IR_F2BITS:
    case VMT_IR_MOV:
    case VMT_IR_ST:
    case VMT_IR_SELECT:
      return FALSE;
    default:
      return op->type == VMT_IR_F32;
    }
}

static gboolean
is_float (const BaselineCompiler *c, VmtIrVal v)
{
  return vmt_ir_is_global (v) && vmt_ir_type_class ((VmtIrType)c->arch->globals[v].type) == 'f' &&
         c->arch->globals[v].type != VMT_IR_F80;
}

/* The globals that the ops up to @end read before they write them. */
static void
find_live_in (BaselineCompiler *c, guint end, BaselineFloatLoop *loop)
{
  gboolean both[G_N_ELEMENTS (loop->vals)] = { FALSE };
  guint64 written = 0;
  const VmtIrVal base = (VmtIrVal)(c->arch->n_globals > 64 ? c->arch->n_globals - 64 : 0);
  for (guint i = c->op; i <= end; i++)
    {
      const VmtIrOp *op = &c->ir->ops[i];
      const VmtIrVal vals[3] = { op->a, op->b, op->c };
      for (guint k = 0; k < 3; k++)
        {
          const char class = vmt_ir_op_operand_class (op->opcode, k);
          if ((class != 'f' && class != '?') || !is_float (c, vals[k]) || vals[k] < base ||
              (written >> (vals[k] - base) & 1))
            continue;
          const guint8 flag = takes_single (op) ? FLOAT_SINGLE : FLOAT_RAW;
          guint at = 0;
          while (at < loop->n && loop->vals[at] != vals[k])
            at++;
          if (at == loop->n)
            {
              if (at == G_N_ELEMENTS (loop->vals))
                continue;
              loop->vals[at] = vals[k];
              loop->flags[at] = flag;
              loop->n++;
            }
          else if (loop->flags[at] != flag)
            both[at] = TRUE;
        }
      if (is_float (c, op->d) && op->d >= base &&
          vmt_ir_op_result_type (op->opcode, op->type) != VMT_IR_NONE)
        written |= G_GUINT64_CONSTANT (1) << (op->d - base);
    }
  guint n = 0;
  for (guint i = 0; i < loop->n; i++)
    if (!both[i])
      {
        loop->vals[n] = loop->vals[i];
        loop->flags[n++] = loop->flags[i];
      }
  loop->n = n;
}

void
baseline_host_loop (BaselineCompiler *c, guint insn)
{
  const VmtIrBlock *ir = c->ir;
  guint end = 0, last = insn;
  c->loop.label = 0;
  c->loop.n = 0;
  if (!c->computes)
    return;
  for (guint i = ir->n_ops; i-- > c->op && end == 0;)
    if ((ir->ops[i].opcode == VMT_IR_BRANCH || ir->ops[i].opcode == VMT_IR_JUMP) &&
        ir->ops[i].imm == ir->insns[insn].page_offset)
      end = i;
  if (end == 0)
    return;
  /* Not when something else leads into it, or it loses what is in registers. */
  while (last + 1 < ir->n_insns && ir->insns[last + 1].first_op <= end)
    if (c->insn_goal[++last] && ir->insns[last].first_op > c->op)
      return;
  for (guint i = c->op; i <= end; i++)
    if (baseline_calls (c, &ir->ops[i]))
      return;
  find_live_in (c, end, &c->loop);
  if (c->loop.n == 0)
    return;
  c->fp.busy = 0;
  baseline_float_enter (c);
  for (guint i = 0; i < c->loop.n; i++)
    c->loop.regs[i] =
        (guint8)baseline_float_use (c, c->loop.vals[i], c->loop.flags[i] == FLOAT_SINGLE);
  c->loop.insn = insn;
  c->loop.label = c->size;
}

guint32
baseline_x86_float_loop (BaselineCompiler *c, guint goal)
{
  const BaselineFloatLoop *loop = &c->loop;
  guint from[G_N_ELEMENTS (loop->vals)];
  /* not from behind the block, where nothing is known of registers */
  if (loop->label == 0 || loop->insn != goal || !c->fp.live || c->op >= c->ir->n_ops)
    return 0;
  for (guint i = 0; i < loop->n; i++)
    {
      const guint to = loop->regs[i];
      from[i] = c->fp.held[to] == loop->vals[i] && (c->fp.flags[to] & loop->flags[i])
                    ? to
                    : find (c, loop->vals[i], loop->flags[i]);
      if (from[i] == 0 && loop->flags[i] == FLOAT_SINGLE)
        return 0;
    }
  guint32 left = (1u << loop->n) - 1;
  while (left != 0)
    {
      /* one that overwrites nothing that another one needs; if there is none, from memory */
      guint which = 0, any = 0;
      gboolean found = FALSE;
      for (guint i = 0; i < loop->n && !found; i++)
        {
          if (!(left & 1u << i))
            continue;
          any = i;
          found = TRUE;
          which = i;
          for (guint k = 0; k < loop->n; k++)
            if (k != i && (left & 1u << k) && from[k] == loop->regs[i])
              found = FALSE;
        }
      if (!found)
        {
          /* the value goes by way of a register that nothing uses */
          x_v (c, PP_NONE, V_MOVAPS, X0, 0, loop->regs[any]);
          for (guint k = 0; k < loop->n; k++)
            if ((left & 1u << k) && from[k] == loop->regs[any])
              from[k] = X0_HELD;
          which = any;
        }
      const guint to = loop->regs[which];
      if (from[which] == 0)
        x_vm (c, PP_F2, V_LOAD, to, 0, float_home (c, loop->vals[which]));
      else if (from[which] != to)
        x_v (c, PP_NONE, V_MOVAPS, to, 0, from[which] == X0_HELD ? X0 : from[which]);
      left &= ~(1u << which);
    }
  return loop->label;
}

/* --- ops --- */

gboolean
baseline_float_can (BaselineCompiler *c, const VmtIrOp *op)
{
  /* a mode that x86 does not have, or no flags */
  return c->ir->fp_policy == VMT_FP_POLICY_RISCV && !(op->imm & 8) &&
         ((op->imm & 7) < VMT_FP_RMM || (op->imm & 7) == 7);
}

gboolean
baseline_float_format (guint type, guint flags, gboolean *single)
{
  *single = type == VMT_IR_F32;
  return type == VMT_IR_F64 || (*single && (flags & VMT_IR_BOXED));
}

static guint
result_flags (gboolean single)
{
  return single ? FLOAT_RAW | FLOAT_SINGLE | FLOAT_UNCHECKED | FLOAT_CHECK_SINGLE
                : FLOAT_RAW | FLOAT_UNCHECKED;
}

static gboolean
emit_arithmetic (BaselineCompiler *c, const VmtIrOp *op, guint opcode)
{
  gboolean single;
  if (!baseline_float_can (c, op) || !baseline_float_format (op->type, op->flags, &single))
    return FALSE;
  baseline_float_enter (c);
  const guint a = baseline_float_use (c, op->a, single);
  const guint b = opcode == V_SQRT ? a : baseline_float_use (c, op->b, single);
  const guint d = baseline_float_alloc (c);
  baseline_float_round_begin (c, op->imm);
  /* the upper half of a single's box comes from a */
  x_v (c, float_pp (single), opcode, d, a, b);
  baseline_float_round_end (c, op->imm);
  baseline_float_made (c, op->d, d, result_flags (single),
                       baseline_float_covers (c, a) | baseline_float_covers (c, b));
  return TRUE;
}

/* Infinity times zero plus a quiet NaN is invalid for the guest, and not for x86: so every NaN is
 * looked at. */
static void
cold_fma (BaselineCompiler *c, const BaselineCold *cold)
{
  baseline_x86_float_cold (c, cold);
  baseline_float_eval (c, cold->insn, cold->link);
  x_vm (c, PP_F2, V_LOAD, cold->reg, 0, cold->disp);
  x_jmp_to (c, cold->resume);
}

static gboolean
emit_fma (BaselineCompiler *c, const VmtIrOp *op)
{
  static const guint8 opcodes[] = { 0xb9, 0xbd, 0xbb, 0xbf };
  gboolean single;
  if (!baseline_float_can (c, op) || !baseline_float_format (op->type, op->flags, &single))
    return FALSE;
  baseline_float_enter (c);
  const guint a = baseline_float_use (c, op->a, single), b = baseline_float_use (c, op->b, single),
              e = baseline_float_use (c, op->c, single);
  const guint d = baseline_float_alloc (c);
  baseline_claim (c, RAX);
  baseline_claim (c, RCX);
  x_v (c, PP_NONE, V_MOVAPS, d, 0, e);
  baseline_float_round_begin (c, op->imm);
  x_v_head (c, !single, PP_66, 2, d, a, b);
  x8 (c, opcodes[(op->imm >> 8 & 1) | (op->imm >> 8 & 2)]);
  x8 (c, 0xc0 | (d & 7) << 3 | (b & 7));
  baseline_float_round_end (c, op->imm);
  const guint snapshot = baseline_x86_float_snapshot (c);
  x_v (c, single ? PP_NONE : PP_66, V_UCOMI, d, 0, d);
  BaselineCold *cold = baseline_cold (c, cold_fma, x_jcc (c, CC_P));
  cold->fp = (guint16)snapshot;
  cold->reg = (guint8)d;
  cold->link = c->op;
  cold->disp = float_home (c, op->d);
  cold->resume = c->size;
  c->has_eval = TRUE;
  /* and by the way these: behind the block all have been made canonical */
  const guint16 fine =
      baseline_float_covers (c, a) | baseline_float_covers (c, b) | baseline_float_covers (c, e);
  for (guint i = FLOAT_FIRST; i < 16; i++)
    if (fine & 1u << i)
      c->fp.flags[i] &= (guint8)~FLOAT_UNCHECKED;
  baseline_float_made (c, op->d, d, single ? FLOAT_RAW | FLOAT_SINGLE : FLOAT_RAW, 0);
  return TRUE;
}

static void
cold_min_max (BaselineCompiler *c, const BaselineCold *cold)
{
  const guint pp = cold->kind ? PP_NONE : PP_66;
  const guint a = cold->link & 15, b = cold->link >> 4, d = cold->reg;
  x_v (c, pp, V_UCOMI, a, 0, a);
  const guint32 a_nan = x_jcc_short (c, CC_P);
  x_v (c, PP_NONE, V_MOVAPS, d, 0, a);
  x_jmp_to (c, cold->resume);
  x_here_short (c, a_nan);
  x_v (c, pp, V_UCOMI, b, 0, b);
  const guint32 both = x_jcc_short (c, CC_P);
  x_v (c, PP_NONE, V_MOVAPS, d, 0, b);
  x_jmp_to (c, cold->resume);
  x_here_short (c, both);
  x_vm (c, PP_F2, V_LOAD, d, 0, cold->kind ? FLOAT_DISP (nan[1]) : FLOAT_DISP (nan[0]));
  x_jmp_to (c, cold->resume);
}

static gboolean
emit_min_max (BaselineCompiler *c, const VmtIrOp *op)
{
  const gboolean max = op->opcode == VMT_IR_FMAX;
  gboolean single;
  if (c->ir->fp_policy != VMT_FP_POLICY_RISCV || (op->imm & 8) ||
      (op->imm >> 8 & 3) != VMT_IR_FP_MIN_NUMBER ||
      !baseline_float_format (op->type, op->flags, &single))
    return FALSE;
  baseline_float_enter (c);
  const guint a = baseline_float_use (c, op->a, single), b = baseline_float_use (c, op->b, single);
  const guint d = baseline_float_alloc (c);
  x_v (c, single ? PP_NONE : PP_66, V_UCOMI, a, 0, b);
  BaselineCold *cold = baseline_cold (c, cold_min_max, x_jcc (c, CC_P));
  cold->kind = single;
  cold->link = a | b << 4;
  cold->reg = (guint8)d;
  /* Of equal ones each gives its second operand: zeros of both signs meet. */
  const guint opcode = max ? V_MAX : V_MIN;
  x_v (c, float_pp (single), opcode, d, a, b);
  x_v (c, float_pp (single), opcode, X0, b, a);
  x_v (c, PP_NONE, max ? V_AND : V_OR, d, d, X0);
  cold->resume = c->size;
  baseline_float_made (c, op->d, d, single ? FLOAT_RAW | FLOAT_SINGLE : FLOAT_RAW, 0);
  return TRUE;
}

static gboolean
emit_sign (BaselineCompiler *c, const VmtIrOp *op)
{
  gboolean single;
  if (c->ir->fp_policy != VMT_FP_POLICY_RISCV || (guint)op->imm > 2 ||
      !baseline_float_format (op->type, op->flags, &single))
    return FALSE;
  baseline_float_enter (c);
  const guint a = baseline_float_use (c, op->a, single), b = baseline_float_use (c, op->b, single);
  const guint d = baseline_float_alloc (c);
  const guint flags = single ? FLOAT_RAW | FLOAT_SINGLE : FLOAT_RAW;
  const gint32 sign = single ? FLOAT_DISP (sign[1]) : FLOAT_DISP (sign[0]);
  const gint32 magnitude = single ? FLOAT_DISP (magnitude[1]) : FLOAT_DISP (magnitude[0]);
  if (op->imm == 0 && a == b)
    {
      x_v (c, PP_NONE, V_MOVAPS, d, 0, a);
      baseline_float_made (c, op->d, d,
                           flags | (c->fp.flags[a] & (FLOAT_UNCHECKED | FLOAT_CHECK_SINGLE)),
                           baseline_float_covers (c, a));
      return TRUE;
    }
  baseline_float_check (c, a);
  baseline_float_check (c, b);
  if (a == b)
    x_vm (c, PP_NONE, op->imm == 1 ? V_XOR : V_AND, d, a, op->imm == 1 ? sign : magnitude);
  else
    {
      x_vm (c, PP_NONE, op->imm == 1 ? V_ANDN : V_AND, X0, b, sign);
      if (op->imm == 2)
        x_v (c, PP_NONE, V_XOR, d, a, X0);
      else
        {
          x_vm (c, PP_NONE, V_AND, d, a, magnitude);
          x_v (c, PP_NONE, V_OR, d, d, X0);
        }
    }
  baseline_float_made (c, op->d, d, flags, 0);
  return TRUE;
}

static gboolean
emit_compare (BaselineCompiler *c, const VmtIrOp *op)
{
  /* equal, less, less or equal, unordered; quiet: the same */
  static const guint8 predicates[] = { 0x00, 0x01, 0x02, 0x03, 0x00, 0x11, 0x12, 0x03 };
  gboolean single;
  if (c->ir->fp_policy != VMT_FP_POLICY_RISCV || (op->imm & 8) ||
      !baseline_float_format (op->type, op->flags, &single))
    return FALSE;
  baseline_float_enter (c);
  const guint a = baseline_float_use (c, op->a, single), b = baseline_float_use (c, op->b, single);
  const guint8 reg = baseline_result (c, op->d);
  x_v (c, float_pp (single), V_CMP, X0, a, b);
  x8 (c, predicates[op->imm & 7]);
  x_vg (c, FALSE, PP_66, V_TO_GPR, X0, 0, reg);
  x_ri (c, FALSE, I_AND, reg, 1);
  baseline_made (c, op->d, reg);
  return TRUE;
}

/* As long as the value is in a register anyway. */
static gboolean
emit_move (BaselineCompiler *c, const VmtIrOp *op)
{
  const guint a = baseline_float_find (c, op->a);
  if (a == 0)
    {
      baseline_x86_float_overwrite (c, op->d);
      return FALSE;
    }
  const guint d = baseline_float_alloc (c);
  x_v (c, PP_NONE, V_MOVAPS, d, 0, a);
  baseline_float_made (c, op->d, d, c->fp.flags[a], baseline_float_covers (c, a));
  return TRUE;
}

/* Reads and writes of the exception flags: helpers that need not be called. */
static gboolean
emit_flags (BaselineCompiler *c, const VmtIrOp *op)
{
  const gint32 flags =
      (gint32)c->arch->fp_env_offset + (gint32)G_STRUCT_OFFSET (VmtFpEnv, flags) - c->bias;
  baseline_float_enter (c);
  if (c->arch->helpers[op->imm].flags & VMT_HELPER_GET_FP_FLAGS)
    {
      if (op->type == VMT_IR_NONE)
        return TRUE;
      const guint8 reg = baseline_result (c, op->d);
      x_stmxcsr (c, FLOAT_DISP (scratch));
      x_rm (c, FALSE, X_LOAD, reg, STATE, FLOAT_DISP (scratch));
      x_ri (c, FALSE, I_AND, reg, 0x3f);
      x_rmx (c, FALSE, X_MOVZX8, reg, STATE, reg, 0, FLOAT_DISP (flags));
      x_rm_full (c, 0, FALSE, 0x0a, reg, STATE, flags, TRUE); /* or reg, byte [] */
      x_ri (c, FALSE, I_AND, reg, 31);
      baseline_made (c, op->d, reg);
      return TRUE;
    }
  const BaselineVal a = baseline_use (c, op->a);
  const guint8 reg = baseline_scratch (c);
  baseline_host_move (c, reg, &a);
  x_ri (c, FALSE, I_AND, reg, 31);
  x_rm_full (c, 0, FALSE, 0x88, reg, STATE, flags, TRUE);
  x_ldmxcsr (c, FLOAT_DISP (guest));
  /* a result that nobody should read */
  if (op->type != VMT_IR_NONE)
    {
      x_rr (c, FALSE, X_XOR, reg, reg);
      baseline_made (c, op->d, reg);
    }
  return TRUE;
}

gboolean
baseline_x86_float (BaselineCompiler *c, const VmtIrOp *op)
{
  switch (op->opcode)
    {
    case VMT_IR_CALL:
      return emit_flags (c, op);
    case VMT_IR_FADD:
      return emit_arithmetic (c, op, V_ADD);
    case VMT_IR_FSUB:
      return emit_arithmetic (c, op, V_SUB);
    case VMT_IR_FMUL:
      return emit_arithmetic (c, op, V_MUL);
    case VMT_IR_FDIV:
      return emit_arithmetic (c, op, V_DIV);
    case VMT_IR_FSQRT:
      return emit_arithmetic (c, op, V_SQRT);
    case VMT_IR_FMA:
      return emit_fma (c, op);
    case VMT_IR_FMIN:
    case VMT_IR_FMAX:
      return emit_min_max (c, op);
    case VMT_IR_FSGNJ:
      return emit_sign (c, op);
    case VMT_IR_FCMP:
      return emit_compare (c, op);
    case VMT_IR_MOV:
      return emit_move (c, op);
    default:
      return baseline_float_convert (c, op);
    }
}

/* Before an op: what it does not know of is put right. */
void
baseline_x86_float_before (BaselineCompiler *c, const VmtIrOp *op)
{
  c->fp.busy = 0;
  switch (op->opcode)
    {
    case VMT_IR_CALL:
      if (baseline_calls (c, op))
        baseline_x86_float_forget (c);
      return;
    case VMT_IR_LL:
    case VMT_IR_SC:
    case VMT_IR_AMO:
    case VMT_IR_BRANCH:
    case VMT_IR_JUMP:
    case VMT_IR_JUMP_IND:
    case VMT_IR_EXIT:
    case VMT_IR_TRAP:
      baseline_x86_float_settle (c);
      return;
    case VMT_IR_SELECT:
      if (vmt_ir_type_class (op->type) == 'f')
        baseline_x86_float_overwrite (c, op->d);
      return;
    default:
      return;
    }
}

void
baseline_host_set_up_cpu (BaselineCpu *cpu)
{
  static const guint flags[] = { VMT_FP_NV, VMT_FP_ID, VMT_FP_DZ, VMT_FP_OF, VMT_FP_UF, VMT_FP_NX };
  BaselineCpuFloat *fp = &cpu->fp;
  fp->sign[0][0] = G_GUINT64_CONSTANT (0x8000000000000000);
  fp->sign[1][0] = 0x80000000;
  fp->magnitude[0][0] = ~fp->sign[0][0];
  fp->magnitude[1][0] = ~fp->sign[1][0];
  fp->box[0] = G_GUINT64_CONSTANT (0xffffffff00000000);
  fp->nan[0] = G_GUINT64_CONSTANT (0x7ff8000000000000);
  fp->nan[1] = G_GUINT64_CONSTANT (0xffffffff7fc00000);
  /* all masked; bits 13 and 14 are the mode */
  fp->host = 0x1f80;
  for (guint i = 0; i < G_N_ELEMENTS (fp->control); i++)
    fp->control[i] = fp->host;
  fp->control[VMT_FP_RTZ] |= 3 << 13;
  fp->control[VMT_FP_RDN] |= 1 << 13;
  fp->control[VMT_FP_RUP] |= 2 << 13;
  fp->control[VMT_FP_RMM] = 0;
  fp->control[VMT_FP_ODD] = 0;
  /* RISC-V tells nothing of denormal operands */
  for (guint i = 0; i < G_N_ELEMENTS (fp->flags); i++)
    for (guint k = 0; k < G_N_ELEMENTS (flags); k++)
      if ((i >> k & 1) && flags[k] != VMT_FP_ID)
        fp->flags[i] |= (guint8)flags[k];
}
