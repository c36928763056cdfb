/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the engine tells a trace. All of it on slow paths. */
#include "vmt-exec-private.h"
#include "vmt-ir-text-private.h"
#include "vmt-trace.h"

#define HEX "0x%" G_GINT64_MODIFIER "x"

void
vmt_exec_set_trace (VmtExec *self, VmtTrace *trace)
{
  self->trace = trace;
  if (vmt_trace_has (trace, VMT_TRACE_STATS))
    _vmt_exec_measure (self);
}

/* The block's bytes that begin at a page offset of its first page. */
static const guint8 *
block_bytes (VmtVcpu *vcpu, const VmtExecBlock *block, gint offset, guint size, guint8 *room)
{
  const VmtVcpuPriv *priv = vcpu->priv;
  const guint page_size = VMT_PAGE_SIZE;
  for (guint i = 0; i < size; i++)
    {
      const guint at = (guint)offset + i;
      room[i] = at < page_size ? priv->code[at] : priv->next_code[at - page_size];
    }
  return room;
}

static void
append_guest (VmtVcpu *vcpu, const VmtExecBlock *block, const VmtIrInsn *insn, GString *text)
{
  guint8 room[16];
  const guint size = MIN (insn->length, (guint)sizeof room);
  const guint64 pc = vcpu->page_va + (guint64)(gint64)insn->page_offset;
  g_autoptr (GString) line = g_string_new (NULL);
  const guint8 *code = block_bytes (vcpu, block, insn->page_offset, size, room);
  g_string_append_printf (text, "%016" G_GINT64_MODIFIER "x  ", pc);
  for (guint i = size; i-- > 0;)
    g_string_append_printf (text, "%02x", code[i]);
  if (vcpu->arch->disassemble == NULL || vcpu->arch->disassemble (code, size, pc, line) == 0)
    g_string_append (line, "?");
  g_string_append_printf (text, "%*s  %s\n", (int)(size < 4 ? (4 - size) * 2 : 0), "", line->str);
}

static void
tell_perf (VmtExec *self, const VmtExecBlock *block, guint64 pc)
{
  VmtTierCode code = { NULL, 0 };
  if (!self->shared_told && vmt_tier_get_code (self->tier, NULL, &code, NULL))
    {
      vmt_trace_add_code (self->trace, "[shared]", 0, 0, code.code, code.size);
      self->shared_told = TRUE;
    }
  if (vmt_tier_get_code (self->tier, block, &code, NULL))
    vmt_trace_add_code (self->trace, NULL, pc, pc + block->size, code.code, code.size);
}

/* The block has been compiled and still has its IR. With the code lock. */
void
_vmt_exec_trace_block (VmtVcpu *vcpu, const VmtExecBlock *block)
{
  VmtExec *self = vcpu->exec;
  VmtTrace *trace = self->trace;
  const VmtIrBlock *ir = block->ir;
  const guint64 pc = vcpu->pc;
  if (vmt_trace_has (trace, VMT_TRACE_PERF_MAP) || vmt_trace_has (trace, VMT_TRACE_JITDUMP))
    tell_perf (self, block, pc);
  if (!vmt_trace_wants (trace, VMT_TRACE_BLOCKS, pc, pc + block->size))
    return;

  const gboolean with_ir = vmt_trace_has (trace, VMT_TRACE_IR);
  gboolean with_host = vmt_trace_has (trace, VMT_TRACE_HOST);
  g_autoptr (GArray) at = g_array_new (FALSE, FALSE, sizeof (guint32));
  g_autoptr (GString) text = g_string_new (NULL);
  VmtTierCode code = { NULL, 0 };
  const gboolean has_code = vmt_tier_get_code (self->tier, block, &code, at);
  g_string_append_printf (
      text, "block cpu%u pc=" HEX " pa=" HEX " mode=" HEX " level=%u guest=%u insns=%u",
      vcpu->index, pc, block->pa, block->mode_key, block->level, block->size, ir->n_insns);
  g_string_append_printf (text, " ops=%u", ir->n_ops);
  if (has_code)
    g_string_append_printf (text, " host=%" G_GSIZE_FORMAT " ratio=%.2f", code.size,
                            (double)code.size / MAX (block->size, 1));
  vmt_trace_append_symbol (trace, g_string_append_c (text, ' '), pc);
  while (text->str[text->len - 1] == ' ')
    g_string_truncate (text, text->len - 1);
  g_string_append_c (text, '\n');

  /* Without a place for each instruction the code comes at the end. */
  const gboolean mixed = has_code && at->len == ir->n_insns + 1;
  with_host &= has_code;
  for (guint i = 0; i < ir->n_insns; i++)
    {
      const guint last = i + 1 < ir->n_insns ? ir->insns[i + 1].first_op : ir->n_ops;
      append_guest (vcpu, block, &ir->insns[i], text);
      for (guint k = ir->insns[i].first_op; with_ir && k < last; k++)
        {
          g_string_append (text, "    ");
          vmt_ir_append_op (text, ir, &ir->ops[k]);
          g_string_append_c (text, '\n');
        }
      if (with_host && mixed)
        {
          const guint32 from = i == 0 ? 0 : g_array_index (at, guint32, i);
          vmt_trace_append_host (trace, text, "      ", (const guint8 *)code.code + from,
                                 g_array_index (at, guint32, i + 1) - from);
        }
    }
  if (with_host)
    {
      const guint32 from = mixed ? g_array_index (at, guint32, ir->n_insns) : 0;
      if (mixed && from < code.size)
        g_string_append (text, "  out of line:\n");
      vmt_trace_append_host (trace, text, "      ", (const guint8 *)code.code + from,
                             code.size - from);
    }
  vmt_trace_write (trace, text->str, text->len);
}

void
_vmt_exec_trace_exception (VmtVcpu *vcpu)
{
  VmtTrace *trace = vcpu->exec->trace;
  char line[160];
  if (!vmt_trace_wants (trace, VMT_TRACE_EXCEPTIONS, vcpu->pc, vcpu->pc + 1))
    return;
  const int n =
      g_snprintf (line, sizeof line, "exception cpu%u pc=" HEX " cause=" HEX " value=" HEX "\n",
                  vcpu->index, vcpu->pc, vcpu->fault.cause, vcpu->fault.value);
  vmt_trace_write (trace, line, (gsize)n);
}

/* One was taken at @pc. */
void
_vmt_exec_trace_interrupt (VmtVcpu *vcpu, guint64 pc)
{
  VmtTrace *trace = vcpu->exec->trace;
  char line[160];
  if (!vmt_trace_wants (trace, VMT_TRACE_INTERRUPTS, pc, pc + 1))
    return;
  const int n = g_snprintf (line, sizeof line, "interrupt cpu%u pc=" HEX " handler=" HEX "\n",
                            vcpu->index, pc, vcpu->pc);
  vmt_trace_write (trace, line, (gsize)n);
}

/* With the code lock. */
void
_vmt_exec_trace_kill (VmtExec *self, const VmtExecBlock *block, VmtExecKill why)
{
  static const char *const whys[VMT_EXEC_N_KILLS] = {
    [VMT_EXEC_KILL_STORE] = "store",       [VMT_EXEC_KILL_EVICT] = "evict",
    [VMT_EXEC_KILL_SCATTERS] = "scatters", [VMT_EXEC_KILL_DROP] = "drop",
    [VMT_EXEC_KILL_CLEAR] = "clear",
  };
  char line[160];
  /* its virtual address is not known any more */
  if (!vmt_trace_wants (self->trace, VMT_TRACE_INVALIDATIONS, block->pa, block->pa + block->size))
    return;
  const int n = g_snprintf (line, sizeof line, "invalidation pa=" HEX " guest=%u cause=%s\n",
                            block->pa, block->size, whys[why]);
  vmt_trace_write (self->trace, line, (gsize)n);
}
