/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* One pass over a block's IR: where values are, what jumps where; the emitter does the rest. */
#include <string.h>

#include "baseline.h"

/* Blocks beyond these are left to the evaluator as a whole. */
#define MAX_OPS 4096u
/* What one op may take, with its cold part. */
#define OP_ROOM 1024u

BaselineVal
baseline_use (BaselineCompiler *c, VmtIrVal v)
{
  BaselineVal val = { BASELINE_CONST, BASELINE_NO_REG, 0, 0 };
  if (v == VMT_IR_NO_VAL)
    return val;
  if (vmt_ir_is_const (v))
    {
      val.value = c->ir->consts[v - VMT_IR_CONST_FIRST].lo;
      return val;
    }
  if (vmt_ir_is_temp (v))
    {
      const guint t = v - VMT_IR_TEMP_FIRST;
      if (c->temp_reg[t] != BASELINE_NO_REG)
        {
          val.where = BASELINE_REG;
          val.reg = c->temp_reg[t];
          c->busy |= 1u << val.reg;
          return val;
        }
      val.where = BASELINE_MEM;
      val.disp = c->temps + (gint32)(t * BASELINE_TEMP_BYTES);
      return val;
    }
  if (v < G_N_ELEMENTS (c->pinned) && c->pinned[v] != BASELINE_NO_REG)
    {
      val.where = BASELINE_REG;
      val.reg = c->pinned[v];
      return val;
    }
  val.where = BASELINE_MEM;
  val.disp = (gint32)c->arch->globals[v].offset - c->bias;
  return val;
}

void
baseline_evict (BaselineCompiler *c, guint8 reg)
{
  const VmtIrVal v = c->reg_temp[reg];
  if (v == VMT_IR_NO_VAL)
    return;
  const guint t = v - VMT_IR_TEMP_FIRST;
  /* The evaluator looks for its operands at home, also for those that nobody else reads. */
  if (!c->temp_home[t] && c->temp_last[t] >= c->op + !c->evaluates)
    {
      baseline_host_store_home (c, c->temps + (gint32)(t * BASELINE_TEMP_BYTES), reg);
      c->temp_home[t] = TRUE;
      c->evicted[c->n_evicted++ % G_N_ELEMENTS (c->evicted)] = v;
    }
  c->temp_reg[t] = BASELINE_NO_REG;
  c->reg_temp[reg] = VMT_IR_NO_VAL;
}

guint8
baseline_scratch (BaselineCompiler *c)
{
  guint8 victim = BASELINE_NO_REG;
  for (guint i = 0; i < baseline_n_scratch; i++)
    {
      const guint8 reg = baseline_scratch_regs[i];
      if (c->busy & (1u << reg))
        continue;
      if (c->reg_temp[reg] == VMT_IR_NO_VAL)
        {
          c->busy |= 1u << reg;
          return reg;
        }
      victim = reg;
    }
  if (victim == BASELINE_NO_REG)
    {
      c->short_of_regs = TRUE;
      return baseline_scratch_regs[0];
    }
  baseline_evict (c, victim);
  c->busy |= 1u << victim;
  return victim;
}

void
baseline_claim (BaselineCompiler *c, guint8 reg)
{
  if (c->busy & (1u << reg))
    c->short_of_regs = TRUE;
  baseline_evict (c, reg);
  c->busy |= 1u << reg;
}

guint8
baseline_pinned (BaselineCompiler *c, VmtIrVal v)
{
  return v < G_N_ELEMENTS (c->pinned) ? c->pinned[v] : BASELINE_NO_REG;
}

guint8
baseline_result (BaselineCompiler *c, VmtIrVal d)
{
  const guint8 reg = baseline_pinned (c, d);
  return reg != BASELINE_NO_REG ? reg : baseline_scratch (c);
}

void
baseline_made (BaselineCompiler *c, VmtIrVal d, guint8 reg)
{
  if (d == VMT_IR_NO_VAL)
    return;
  if (vmt_ir_is_temp (d))
    {
      const guint t = d - VMT_IR_TEMP_FIRST;
      if (c->temp_last[t] <= c->op)
        return;
      baseline_evict (c, reg);
      c->temp_reg[t] = reg;
      c->temp_home[t] = FALSE;
      c->reg_temp[reg] = d;
      return;
    }
  if (d < G_N_ELEMENTS (c->pinned) && c->pinned[d] != BASELINE_NO_REG)
    {
      if (c->pinned[d] != reg)
        {
          const BaselineVal val = { BASELINE_REG, reg, 0, 0 };
          baseline_host_move (c, c->pinned[d], &val);
        }
      for (guint i = 0; i < c->n_locals; i++)
        if (c->locals[i] == d)
          baseline_host_store_home (c, (gint32)c->arch->globals[d].offset - c->bias, reg);
      return;
    }
  baseline_host_store_home (c, (gint32)c->arch->globals[d].offset - c->bias, reg);
}

void
baseline_called (BaselineCompiler *c, guint what, gboolean last)
{
  const BaselineCall call = { c->size, (guint16)what, (guint16)last };
  g_array_append_val (c->calls, call);
}

void
baseline_spill (BaselineCompiler *c)
{
  for (guint i = 0; i < baseline_n_scratch; i++)
    baseline_evict (c, baseline_scratch_regs[i]);
}

BaselineCold *
baseline_cold (BaselineCompiler *c, BaselineColdFunc emit, guint32 from)
{
  g_array_set_size (c->colds, c->colds->len + 1);
  BaselineCold *cold = &g_array_index (c->colds, BaselineCold, c->colds->len - 1);
  memset (cold, 0, sizeof *cold);
  cold->emit = emit;
  cold->from = from;
  cold->insn = c->insn;
  return cold;
}

guint
baseline_add_link (BaselineCompiler *c, gint32 offset)
{
  BaselineLink link = {
    .offset = offset,
    .far = offset < 0 || offset >= (gint32)VMT_PAGE_SIZE,
  };
  g_array_append_val (c->links, link);
  return c->links->len - 1;
}

/* The instruction at a page offset, or n_insns. */
static guint
find_insn (const VmtIrBlock *ir, gint32 page_offset)
{
  guint low = 0, high = ir->n_insns;
  while (low < high)
    {
      const guint middle = (low + high) / 2;
      if (ir->insns[middle].page_offset < page_offset)
        low = middle + 1;
      else
        high = middle;
    }
  return low < ir->n_insns && ir->insns[low].page_offset == page_offset ? low : ir->n_insns;
}

guint
baseline_goal (BaselineCompiler *c, gint32 page_offset)
{
  const guint insn = find_insn (c->ir, page_offset);
  if (c->compact && insn <= c->insn)
    return G_MAXUINT;
  return insn < c->ir->n_insns && c->insn_goal[insn] ? insn : G_MAXUINT;
}

/* Something in the block jumps to this op. */
static gboolean
is_goal (BaselineCompiler *c, guint index)
{
  for (guint i = 0; i < c->ir->n_insns; i++)
    if (c->ir->insns[i].first_op == index && c->insn_goal[i])
      return TRUE;
  return FALSE;
}

/* Not between a load-linked and its partner: it touches memory, or it may leave the rest of the
 * block to the evaluator, which would know of no reservation. */
static gboolean
parts_pair (const VmtIrOp *op)
{
  if (vmt_ir_op_info[op->opcode].flags & (VMT_IR_OP_MEM | VMT_IR_OP_HELPER_IMM | VMT_IR_OP_FP))
    return TRUE;
  const VmtIrType result = vmt_ir_op_result_type (op->opcode, op->type);
  if (result != VMT_IR_NONE && vmt_ir_type_class (result) == 'f')
    return TRUE;
  for (guint k = 0; k < 3; k++)
    if (vmt_ir_op_operand_class (op->opcode, k) == 'f')
      return TRUE;
  return FALSE;
}

gboolean
baseline_is_paired (BaselineCompiler *c, guint index)
{
  const VmtIrBlock *ir = c->ir;
  const VmtIrOp *ops = ir->ops;
  if (ops[index].opcode == VMT_IR_LL)
    {
      for (guint i = index + 1; i < ir->n_ops; i++)
        if (is_goal (c, i))
          return FALSE;
        else if (ops[i].opcode == VMT_IR_SC)
          return ops[i].type == ops[index].type;
        else if (parts_pair (&ops[i]))
          return FALSE;
    }
  else if (ops[index].opcode == VMT_IR_SC)
    {
      for (guint i = index; i-- > 0;)
        if (is_goal (c, i + 1))
          return FALSE;
        else if (ops[i].opcode == VMT_IR_LL)
          return ops[i].type == ops[index].type;
        else if (parts_pair (&ops[i]))
          return FALSE;
    }
  return FALSE;
}

/* A range wider than this would too often cross a page. */
#define WINDOW_MAX 1024

static void
close_windows (BaselineCompiler *c, VmtIrVal base)
{
  for (guint i = 0; i < c->windows->len; i++)
    {
      BaselineWindow *window = &g_array_index (c->windows, BaselineWindow, i);
      if (base == VMT_IR_NO_VAL || window->base == base)
        window->closed = TRUE;
    }
}

/* The op moves a base by a constant: 0 if it does not. */
static gint32
base_step (const BaselineCompiler *c, const VmtIrOp *op)
{
  if (op->opcode != VMT_IR_ADD || op->type != VMT_IR_I64 || op->d != op->a ||
      !vmt_ir_is_const (op->b))
    return 0;
  const gint64 step = (gint64)c->ir->consts[op->b - VMT_IR_CONST_FIRST].lo;
  return ABS (step) <= WINDOW_MAX ? (gint32)step : 0;
}

static void
shift_windows (BaselineCompiler *c, VmtIrVal base, gint32 step)
{
  for (guint i = 0; i < c->windows->len; i++)
    {
      BaselineWindow *window = &g_array_index (c->windows, BaselineWindow, i);
      if (window->closed || window->base != base)
        continue;
      window->shift += step;
      window->closed = ABS (window->shift) > WINDOW_MAX;
    }
}

static guint
access_size (guint type)
{
  const guint bits = vmt_ir_type_bits ((VmtIrType)type);
  return bits <= 64 ? bits / 8 : 0;
}

static void
find_windows (BaselineCompiler *c)
{
  const VmtIrBlock *ir = c->ir;
  guint insn = 0;
  for (guint i = 0; i < ir->n_ops; i++)
    {
      const VmtIrOp *op = &ir->ops[i];
      while (insn < ir->n_insns && ir->insns[insn].first_op <= i)
        if (c->insn_goal[insn++])
          close_windows (c, VMT_IR_NO_VAL);
      const guint32 flags = vmt_ir_op_info[op->opcode].flags;
      const gboolean plain = (op->opcode == VMT_IR_LD || op->opcode == VMT_IR_ST) && op->c == 0;
      if (plain && !vmt_ir_is_const (op->a) && access_size (op->type) != 0)
        {
          const gboolean store = op->opcode == VMT_IR_ST;
          const gint32 size = (gint32)access_size (op->type);
          guint found = G_MAXUINT;
          for (guint k = c->windows->len; k-- > 0 && found == G_MAXUINT;)
            {
              BaselineWindow *window = &g_array_index (c->windows, BaselineWindow, k);
              const gint32 at = op->imm + window->shift;
              /* What can be written can be read; and what is written for certain is looked up as
               * if it were from the first access on. */
              if (!window->closed && window->base == op->a &&
                  (window->store || !store || !window->branched) &&
                  MAX (window->end, at + size) - MIN (window->min, at) <= WINDOW_MAX)
                found = k;
            }
          if (found == G_MAXUINT)
            {
              const BaselineWindow window = { .base = op->a,
                                              .store = store,
                                              .first = i,
                                              .min = op->imm,
                                              .end = op->imm + size,
                                              .reg = BASELINE_NO_REG };
              found = c->windows->len;
              g_array_append_val (c->windows, window);
            }
          BaselineWindow *window = &g_array_index (c->windows, BaselineWindow, found);
          const gint32 at = op->imm + window->shift;
          window->min = MIN (window->min, at);
          window->end = MAX (window->end, at + size);
          window->last = i;
          window->store |= store;
          window->n++;
          c->op_window[i] = (guint16)(found + 1);
          c->op_shift[i] = window->shift;
        }
      else if (op->opcode == VMT_IR_BRANCH || op->opcode == VMT_IR_BRANCH_FLAGS)
        for (guint k = 0; k < c->windows->len; k++)
          g_array_index (c->windows, BaselineWindow, k).branched = TRUE;
      else if (((flags & VMT_IR_OP_MEM) != 0 || baseline_calls (c, op)) && !plain &&
               op->opcode != VMT_IR_FENCE)
        close_windows (c, VMT_IR_NO_VAL);
      if (vmt_ir_is_global (op->d) && vmt_ir_op_result_type (op->opcode, op->type) != VMT_IR_NONE)
        {
          const gint32 step = base_step (c, op);
          if (step != 0)
            shift_windows (c, op->d, step);
          else
            close_windows (c, op->d);
        }
    }
}

/* The loops within the block: the shortest one around ops *@first to *@last, or the longest of all.
 */
static gboolean
find_loop (BaselineCompiler *c, gboolean around, guint *first, guint *last)
{
  const VmtIrBlock *ir = c->ir;
  guint from = 0, to = 0;
  for (guint i = around ? *last : 0; i < ir->n_ops; i++)
    if (ir->ops[i].opcode == VMT_IR_BRANCH || ir->ops[i].opcode == VMT_IR_JUMP)
      {
        const guint goal = baseline_goal (c, ir->ops[i].imm);
        const guint begin = goal != G_MAXUINT ? ir->insns[goal].first_op : G_MAXUINT;
        if (begin > i || (around && begin > *first) ||
            (to != 0 && (i - begin >= to - from) == around))
          continue;
        from = begin;
        to = i;
      }
  *first = from;
  *last = to;
  return to != 0;
}

/* Whether the op may change what is mapped. */
static gboolean
may_remap (BaselineCompiler *c, guint index)
{
  const VmtIrOp *op = &c->ir->ops[index];
  return ((vmt_ir_op_info[op->opcode].flags & VMT_IR_OP_MEM) != 0 && c->op_window[index] == 0 &&
          op->opcode != VMT_IR_FENCE) ||
         baseline_calls (c, op);
}

/* Whether it may be worth while to keep a window: there is a loop, of @length ops, where nothing
 * changes what is mapped; *@roams: its base does more there than move by constants. */
static gboolean
can_keep (BaselineCompiler *c, const BaselineWindow *window, guint *length, gboolean *roams)
{
  guint first = window->first, last = window->last;
  *roams = FALSE;
  if (!vmt_ir_is_global (window->base) || !find_loop (c, TRUE, &first, &last))
    return FALSE;
  *length = last - first;
  for (guint i = first; i <= last; i++)
    {
      const VmtIrOp *op = &c->ir->ops[i];
      if (may_remap (c, i))
        return FALSE;
      if (op->d == window->base && vmt_ir_op_result_type (op->opcode, op->type) != VMT_IR_NONE &&
          base_step (c, op) == 0)
        *roams = TRUE;
    }
  return !*roams || !c->block->scattered;
}

/* The most used one of the shortest loop, of those that can be kept, or NULL. */
static BaselineWindow *
find_kept (BaselineCompiler *c)
{
  BaselineWindow *best = NULL;
  guint shortest = G_MAXUINT, length;
  for (guint i = 0; i < c->windows->len; i++)
    {
      BaselineWindow *window = &g_array_index (c->windows, BaselineWindow, i);
      gboolean roams;
      if (window->kept == 0 && can_keep (c, window, &length, &roams) &&
          (length < shortest || (length == shortest && window->n > best->n)))
        {
          best = window;
          best->roams = roams;
          shortest = length;
        }
    }
  return best;
}

/* The windows that the loop has open and that are not kept. */
static guint
count_windows (BaselineCompiler *c, guint first, guint last)
{
  guint n = 0;
  for (guint i = 0; i < c->windows->len; i++)
    {
      const BaselineWindow *window = &g_array_index (c->windows, BaselineWindow, i);
      if (window->n >= 2 && window->kept == 0 && window->last >= first && window->last <= last)
        n++;
    }
  return n;
}

/* How often ops @first to @last name each global that no register has. */
static void
count_uses (BaselineCompiler *c, guint first, guint last, guint8 *uses, guint n_uses)
{
  const VmtIrBlock *ir = c->ir;
  const guint n = MIN (n_uses, vmt_ir_arch (c->arch)->n_globals);
  for (guint i = first; i <= last; i++)
    {
      const VmtIrOp *op = &ir->ops[i];
      const VmtIrVal vals[4] = { op->d, op->a, op->b, op->c };
      for (guint k = 0; k < 4; k++)
        if (vals[k] < n && vmt_ir_arch (c->arch)->globals[vals[k]].type == VMT_IR_I64 &&
            c->pinned[vals[k]] == BASELINE_NO_REG &&
            (k < 3 || (vmt_ir_op_info[op->opcode].flags &
                       (VMT_IR_OP_ATTR | VMT_IR_OP_COND | VMT_IR_OP_FCOND)) == 0) &&
            uses[vals[k]] < G_MAXUINT8)
          uses[vals[k]]++;
    }
}

/* A global that is named more often than this is worth more than a window that is kept; less often
 * than the other, nothing. */
#define LOCAL_USES_MANY 5
#define LOCAL_USES_FEW 3

/* What the windows' registers are for where there is a loop: windows that are kept, and globals,
 * which are written to memory as well, so that nobody else need know; the rest is for the other
 * windows. */
static void
plan_windows (BaselineCompiler *c)
{
  guint8 uses[G_N_ELEMENTS (c->pinned)] = { 0 };
  guint first, last;
  find_windows (c);
  if (!find_loop (c, FALSE, &first, &last))
    return;
  count_uses (c, first, last, uses, G_N_ELEMENTS (uses));
  for (guint i = 0; i < baseline_n_windows; i++)
    {
      guint best = 0;
      for (guint v = 1; v < G_N_ELEMENTS (uses); v++)
        if (uses[v] > uses[best])
          best = v;
      BaselineWindow *kept =
          baseline_keeps_windows && uses[best] < LOCAL_USES_MANY ? find_kept (c) : NULL;
      if (kept != NULL)
        {
          kept->reg = baseline_window_regs[baseline_n_windows - ++c->n_kept];
          kept->kept = (guint8)c->n_kept;
          c->kept_span[c->n_kept - 1] = kept->end - 1 - kept->min;
        }
      else if (uses[best] >= LOCAL_USES_FEW &&
               i + count_windows (c, first, last) < baseline_n_windows)
        {
          uses[best] = 0;
          c->pinned[best] = baseline_window_regs[c->n_locals];
          c->locals[c->n_locals++] = (VmtIrVal)best;
        }
    }
  baseline_host_load_ranges (c);
  baseline_load_locals (c);
}

void
baseline_load_locals (BaselineCompiler *c)
{
  for (guint i = 0; i < c->n_locals; i++)
    {
      const BaselineVal val = { BASELINE_MEM, BASELINE_NO_REG,
                                (gint32)c->arch->globals[c->locals[i]].offset - c->bias, 0 };
      baseline_host_move (c, baseline_window_regs[i], &val);
    }
}

BaselineWindow *
baseline_window (BaselineCompiler *c, gboolean *first)
{
  if (c->op_window[c->op] == 0)
    return NULL;
  BaselineWindow *window = &g_array_index (c->windows, BaselineWindow, c->op_window[c->op] - 1);
  *first = window->kept != 0 && window->first == c->op;
  if (window->n < 2 && window->kept == 0)
    return NULL;
  if (window->reg != BASELINE_NO_REG)
    return window;
  if (window->last == c->op)
    return NULL;
  for (guint i = c->n_locals; i < baseline_n_windows - c->n_kept; i++)
    if (c->window_until[i] <= c->op)
      {
        window->opened = c->op_shift[c->op];
        window->reg = baseline_window_regs[i];
        c->window_until[i] = window->last;
        *first = TRUE;
        return window;
      }
  return NULL;
}

/* Last uses, and which instructions the block itself jumps to. */
static void
survey (BaselineCompiler *c, BaselineInsn *insns)
{
  const VmtIrBlock *ir = c->ir;
  guint32 live_to = 0; /* the last op that reads a temporary made so far */
  guint32 *made_at = g_newa (guint32, ir->n_temps + 1);
  for (guint i = 0; i < ir->n_ops; i++)
    {
      const VmtIrOp *op = &ir->ops[i];
      const VmtIrVal vals[3] = { op->a, op->b, op->c };
      if (vmt_ir_op_info[op->opcode].flags & VMT_IR_OP_FP)
        c->computes = TRUE;
      for (guint k = 0; k < 3; k++)
        if (vmt_ir_is_temp (vals[k]) && vals[k] < VMT_IR_TEMP_FIRST + ir->n_temps)
          c->temp_last[vals[k] - VMT_IR_TEMP_FIRST] = i;
      if (vmt_ir_is_temp (op->d) && op->d < VMT_IR_TEMP_FIRST + ir->n_temps)
        made_at[op->d - VMT_IR_TEMP_FIRST] = i;
    }
  guint32 *until = g_newa (guint32, ir->n_ops + 1);
  memset (until, 0, (ir->n_ops + 1) * sizeof *until);
  for (guint t = 0; t < ir->n_temps; t++)
    until[made_at[t]] = MAX (until[made_at[t]], c->temp_last[t]);
  guint insn = 0;
  for (guint i = 0; i <= ir->n_ops; i++)
    {
      while (insn < ir->n_insns && ir->insns[insn].first_op == i)
        {
          insns[insn].page_offset = ir->insns[insn].page_offset;
          insns[insn].clean = live_to < i || i == 0;
          insn++;
        }
      if (i < ir->n_ops)
        live_to = MAX (live_to, until[i]);
    }
  for (guint i = 0; i < ir->n_ops; i++)
    if (ir->ops[i].opcode == VMT_IR_BRANCH || ir->ops[i].opcode == VMT_IR_JUMP ||
        ir->ops[i].opcode == VMT_IR_BRANCH_FLAGS)
      {
        const guint goal = find_insn (ir, ir->ops[i].imm);
        /* At level 0 loops are blocks of their own, so that they are counted. */
        if (goal < ir->n_insns && insns[goal].clean &&
            (!c->compact || ir->insns[goal].first_op > i))
          c->insn_goal[goal] = TRUE;
      }
}

/* Emits one op; when the registers do not suffice for it, the evaluator executes it. */
static void
compile_op (BaselineCompiler *c)
{
  VmtIrVal regs[G_N_ELEMENTS (c->reg_temp)];
  const guint32 size = c->size;
  const guint n_links = c->links->len, n_colds = c->colds->len, n_fixups = c->fixups->len;
  const guint n_calls = c->calls->len;
  const BaselineFloat fp = c->fp;
  BaselineWindow *window = c->op_window[c->op] != 0 ? &g_array_index (c->windows, BaselineWindow,
                                                                      c->op_window[c->op] - 1)
                                                    : NULL;
  const gboolean open = window != NULL && window->reg != BASELINE_NO_REG &&
                        (window->kept == 0 || window->first < c->op);
  memcpy (regs, c->reg_temp, sizeof regs);
  c->busy = 0;
  c->n_evicted = 0;
  c->short_of_regs = FALSE;
  const gboolean done = baseline_host_op (c, c->op);
  if (!done || c->short_of_regs)
    {
      c->size = size;
      g_array_set_size (c->links, n_links);
      g_array_set_size (c->colds, n_colds);
      g_array_set_size (c->fixups, n_fixups);
      g_array_set_size (c->calls, n_calls);
      for (guint i = 0; i < c->n_evicted; i++)
        c->temp_home[c->evicted[i] - VMT_IR_TEMP_FIRST] = FALSE;
      memcpy (c->reg_temp, regs, sizeof regs);
      c->fp = fp;
      if (window != NULL && !open)
        {
          /* nothing opens it now */
          window->n = 0;
          window->kept = 0;
          window->reg = BASELINE_NO_REG;
        }
      for (guint i = 0; i < baseline_n_scratch; i++)
        {
          const guint8 reg = baseline_scratch_regs[i];
          if (regs[reg] != VMT_IR_NO_VAL)
            c->temp_reg[regs[reg] - VMT_IR_TEMP_FIRST] = reg;
        }
      c->busy = 0;
      c->evaluates = TRUE;
      baseline_host_eval (c, c->op);
      c->evaluates = FALSE;
      c->has_eval = TRUE;
      for (guint i = 0; i < 2; i++)
        {
          const guint index = c->op + i;
          if (index >= c->ir->n_ops || (i == 1 && c->ir->ops[index].opcode != VMT_IR_EXT))
            break;
          const VmtIrVal d = c->ir->ops[index].d;
          if (vmt_ir_is_temp (d) && d < VMT_IR_TEMP_FIRST + c->ir->n_temps)
            {
              c->temp_reg[d - VMT_IR_TEMP_FIRST] = BASELINE_NO_REG;
              c->temp_home[d - VMT_IR_TEMP_FIRST] = TRUE;
            }
        }
    }
  for (guint i = 0; i < baseline_n_scratch; i++)
    {
      const guint8 reg = baseline_scratch_regs[i];
      const VmtIrVal v = c->reg_temp[reg];
      if (v != VMT_IR_NO_VAL && c->temp_last[v - VMT_IR_TEMP_FIRST] <= c->op)
        {
          c->temp_reg[v - VMT_IR_TEMP_FIRST] = BASELINE_NO_REG;
          c->reg_temp[reg] = VMT_IR_NO_VAL;
        }
    }
}

static void
compile_ops (BaselineCompiler *c)
{
  const VmtIrBlock *ir = c->ir;
  guint next = 0;
  c->insn = 0;
  for (c->op = 0; c->op < ir->n_ops; c->op++)
    {
      while (next < ir->n_insns && ir->insns[next].first_op == c->op)
        {
          c->insn = next;
          if (c->insn_goal[next])
            baseline_host_join (c);
          c->insn_at[next] = c->size;
          if (c->insn_goal[next] && !c->compact)
            baseline_host_loop (c, next);
          next++;
        }
      if (ir->ops[c->op].opcode == VMT_IR_EXT)
        continue;
      compile_op (c);
      if (c->n_kept > 0 && may_remap (c, c->op) &&
          !(vmt_ir_op_info[ir->ops[c->op].opcode].flags & VMT_IR_OP_END))
        baseline_host_load_ranges (c);
    }
  c->insn_at[ir->n_insns] = c->size;
  /* Cold parts may have cold parts. */
  for (guint i = 0; i < c->colds->len; i++)
    {
      const BaselineCold cold = g_array_index (c->colds, BaselineCold, i);
      baseline_host_patch (c, cold.from, c->size);
      cold.emit (c, &cold);
    }
  for (guint i = 0; i < c->fixups->len; i++)
    {
      const BaselineFixup *fixup = &g_array_index (c->fixups, BaselineFixup, i);
      baseline_host_patch (c, fixup->at, c->insn_at[fixup->insn]);
    }
  baseline_host_finish (c);
}

guint64 *
baseline_slot (BaselineBlock *self, guint i)
{
  return (guint64 *)(gpointer)(guint8 *)(self->code + baseline_code_get_distance (self->memory) +
                                         baseline_slot_offset (i));
}

static BaselineBlock *
finish (BaselineCompiler *c, BaselineCode *code, BaselineInsn *insns)
{
  const guint n_slots = c->first_slot + c->links->len;
  const gsize size = MAX (c->size, (baseline_slot_offset (n_slots) + BASELINE_GRANULE - 1) /
                                       BASELINE_GRANULE * BASELINE_GRANULE);
  const gsize offset = baseline_code_alloc (code, size);
  if (offset == G_MAXSIZE)
    return NULL;
  const gsize insns_size = ((c->ir->n_insns + 1) * sizeof *insns + 7) / 8 * 8;
  const gsize links_size = c->links->len * sizeof (BaselineLink);
  const gsize calls_size = c->calls->len * sizeof (BaselineCall);
  BaselineBlock *self = g_malloc0 (sizeof *self + insns_size + links_size + calls_size);
  self->code = baseline_code_at (code, offset);
  self->memory = code;
  self->host = c->block->host;
  self->block = c->block;
  self->arch = c->arch;
  self->offset = offset;
  self->size = size;
  self->code_size = c->size;
  self->n_insns = c->ir->n_insns;
  for (guint i = 0; i <= self->n_insns; i++)
    insns[i].at = c->insn_at[i];
  /* behind it */
  self->insns = (BaselineInsn *)(gpointer)(self + 1);
  memcpy (self->insns, insns, (self->n_insns + 1) * sizeof *insns);
  self->n_links = c->links->len;
  self->links = (BaselineLink *)(gpointer)((guint8 *)self->insns + insns_size);
  if (self->n_links > 0)
    memcpy (self->links, c->links->data, links_size);
  self->n_calls = c->calls->len;
  self->calls = (BaselineCall *)(gpointer)((guint8 *)self->links + links_size);
  if (self->n_calls > 0)
    memcpy (self->calls, c->calls->data, calls_size);
  if (c->has_eval)
    vmt_exec_block_keep_ir (c->block);
  for (guint i = 0; i < self->n_links; i++)
    {
      BaselineLink *link = &self->links[i];
      link->from = self;
      link->slot = baseline_slot (self, c->first_slot + i);
      baseline_link_reset (link);
    }
  if (c->first_slot != 0)
    *baseline_slot (self, 0) = MIN (c->block->count, G_MAXINT32);
  if (!baseline_code_write (code, offset, c->bytes, c->size, self, NULL))
    {
      baseline_block_free (code, self);
      return NULL;
    }
  return self;
}

void
baseline_block_free (BaselineCode *code, BaselineBlock *self)
{
  baseline_code_release (code, self->offset, self->size);
  g_free (self);
}

void
baseline_buffers_init (BaselineBuffers *self)
{
  self->links = g_array_sized_new (FALSE, FALSE, sizeof (BaselineLink), 16);
  self->colds = g_array_sized_new (FALSE, FALSE, sizeof (BaselineCold), 64);
  self->fixups = g_array_sized_new (FALSE, FALSE, sizeof (BaselineFixup), 16);
  self->windows = g_array_sized_new (FALSE, FALSE, sizeof (BaselineWindow), 32);
  self->calls = g_array_sized_new (FALSE, FALSE, sizeof (BaselineCall), 64);
  self->fp_unchecked = baseline_host_new_unchecked ();
}

void
baseline_buffers_clear (BaselineBuffers *self)
{
  g_free (self->bytes);
  g_free (self->tables);
  g_array_unref (self->links);
  g_array_unref (self->colds);
  g_array_unref (self->fixups);
  g_array_unref (self->windows);
  g_array_unref (self->calls);
  g_array_unref (self->fp_unchecked);
}

static guint8 *
grow (guint8 **memory, gsize *size, gsize wanted)
{
  if (*size < wanted)
    {
      g_free (*memory);
      *memory = g_malloc (wanted);
      *size = wanted;
    }
  return *memory;
}

/* The compiler's tables, zeroed but for the registers. Returns the instructions'. */
static BaselineInsn *
take_buffers (BaselineCompiler *c, BaselineBuffers *buffers)
{
  const gsize n_insns = c->ir->n_insns + 1, n_temps = c->ir->n_temps + 1, n_ops = c->ir->n_ops + 1;
  const gsize zeroed = n_insns * (sizeof (BaselineInsn) + sizeof *c->insn_at) +
                       n_temps * sizeof *c->temp_last + n_ops * sizeof *c->op_shift +
                       n_ops * sizeof *c->op_window + n_insns * sizeof *c->insn_goal +
                       n_temps * sizeof *c->temp_home;
  guint8 *at = grow (&buffers->tables, &buffers->tables_size, zeroed + n_temps);
  memset (at, 0, zeroed);
  memset (at + zeroed, BASELINE_NO_REG, n_temps);
  /* the widest first, so that all are aligned */
  BaselineInsn *insns = (BaselineInsn *)(gpointer)at;
  at += n_insns * sizeof *insns;
  c->insn_at = (guint32 *)(gpointer)at;
  at += n_insns * sizeof *c->insn_at;
  c->temp_last = (guint32 *)(gpointer)at;
  at += n_temps * sizeof *c->temp_last;
  c->op_shift = (gint32 *)(gpointer)at;
  at += n_ops * sizeof *c->op_shift;
  c->op_window = (guint16 *)(gpointer)at;
  at += n_ops * sizeof *c->op_window;
  c->insn_goal = at;
  at += n_insns;
  c->temp_home = at;
  at += n_temps;
  c->temp_reg = at;
  c->bytes = grow (&buffers->bytes, &buffers->bytes_size, c->room);
  c->links = buffers->links;
  c->colds = buffers->colds;
  c->fixups = buffers->fixups;
  c->windows = buffers->windows;
  c->calls = buffers->calls;
  c->fp_unchecked = buffers->fp_unchecked;
  g_array_set_size (c->links, 0);
  g_array_set_size (c->colds, 0);
  g_array_set_size (c->fixups, 0);
  g_array_set_size (c->windows, 0);
  g_array_set_size (c->calls, 0);
  g_array_set_size (c->fp_unchecked, 0);
  return insns;
}

gboolean
baseline_compile (BaselineCode *code, BaselineBuffers *buffers, const VmtArchOps *arch,
                  VmtExecBlock *block)
{
  const VmtIrBlock *ir = block->ir;
  const gboolean whole = ir->n_ops > MAX_OPS || ir->n_temps > BASELINE_MAX_TEMPS;
  BaselineCompiler c = {
    .ir = ir,
    .arch = arch,
    .block = block,
    .compact = block->level == 0,
    .first_slot = block->count != 0 && !whole,
    .bias = BASELINE_BIAS,
    .distance = baseline_code_get_distance (code),
    .room = (MIN (ir->n_ops, MAX_OPS) + 2) * OP_ROOM,
  };
  const gint32 scratch = (gint32)((arch->state_size + 63) / 64 * 64);
  c.cpu = scratch - c.bias;
  c.temps = c.cpu + BASELINE_TEMPS_OFFSET;
  memset (c.pinned, BASELINE_NO_REG, sizeof c.pinned);
  for (guint i = 0; i < MIN (arch->n_hot, baseline_n_pinned); i++)
    if (arch->hot[i] < G_N_ELEMENTS (c.pinned))
      c.pinned[arch->hot[i]] = baseline_pinned_regs[i];
  for (guint i = 0; i < G_N_ELEMENTS (c.reg_temp); i++)
    c.reg_temp[i] = VMT_IR_NO_VAL;

  BaselineInsn *insns = take_buffers (&c, buffers);
  if (whole)
    {
      c.has_eval = TRUE;
      baseline_host_eval_block (&c);
    }
  else
    {
      survey (&c, insns);
      baseline_host_begin (&c);
      if (!c.compact)
        plan_windows (&c);
      compile_ops (&c);
    }
  if (c.too_far)
    return FALSE;
  BaselineBlock *self = finish (&c, code, insns);
  if (self == NULL)
    return FALSE;
  block->tier_data = self;
  block->code = self->code;
  block->entry = baseline_enter;
  block->bytes =
      (guint32)(self->size * 2 + sizeof *self + self->n_insns * sizeof *self->insns +
                self->n_links * sizeof *self->links + self->n_calls * sizeof *self->calls);
  return TRUE;
}
