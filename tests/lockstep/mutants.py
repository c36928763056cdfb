#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Proves the proving ground: faults are put into a copy of the sources, one at a time, and each must be found by lockstep-machine,
lockstep-smp or a unit test, the tier's own or that of core/exec, within the time. A fault that is not found is a hole in the tests; a text that is not there any more is one, too.

usage: mutants.py SOURCE SCRATCH [--tier=NAME] [--limit=SECONDS] [--only=NAME,...] [--list]
                  [--host=NAME --cross-file=FILE... --emulator=COMMAND]

Prints TAP. SCRATCH is kept, so that the next run builds little. Faults in an emitter for another host than the one that is built for are
left out; --cross-file (meson's) and --emulator build for --host and run there."""

import argparse
import os
import pathlib
import platform
import shlex
import shutil
import signal
import subprocess
import sys
import time

MACHINE, SMP, MODIFY, UNIT, CORE = 'machine', 'smp', 'modify', 'unit', 'core'
CODE = 'core/exec/vmt-exec-code.c'
ATOMIC = 'core/exec/vmt-exec-atomic.c'
TLB = 'core/exec/vmt-tlb.c'
CONTROL = 'accel-plugins/interp/interp-control.c'
EXITS = 'accel-plugins/interp/interp-exits-private.h'
FLOAT = 'accel-plugins/interp/interp-fp.c'
MEMORY = 'accel-plugins/interp/interp-memory.c'
BASELINE = 'accel-plugins/baseline/baseline-'
B_COMPILE, B_RUN, B_X86, B_CONVERT, B_FLOAT, B_MEMORY, B_STUBS = (
    f'{BASELINE}{name}.c' for name in ('compile', 'run', 'x86-64', 'x86-64-convert', 'x86-64-float', 'x86-64-memory', 'x86-64-stubs'))
A_CONTROL, A_MEMORY, A_STUBS = (f'{BASELINE}aarch64{name}.c' for name in ('', '-memory', '-stubs'))

# Empties a bank but for its ranges.
KEEP_RANGES = '''{{ VmtTlbRange kept[VMT_TLB_RANGES]; memcpy (kept, priv->banks[{0}].ranges, sizeof kept);
clear_bank (priv, {0}); memcpy (priv->banks[{0}].ranges, kept, sizeof kept); }}
'''

# (name, tier that has it or None for all, file, text, replacement, what should find it)
# The text must be there exactly once.
MUTANTS = [
    # core/exec: code
    ('stores-kill-nothing', None, CODE, '  if (hit)\n', '  if (hit && size > 8)\n', MACHINE),
    ('overlap-too-short', None, CODE, 'first < to && first + size > from;', 'first < to && first + size > from + 3;', MACHINE),
    ('granule-lost', None, CODE, 'guint to = (first + size - 1) >> 6;', 'guint to = first >> 6;', MACHINE),
    ('second-page-unknown', None, CODE, '          mask2 |= block_mask (block, host2);\n', '', MACHINE),
    ('links-survive', None, CODE, '  vmt_tier_kill (self->tier, block);\n', '', MACHINE),
    ('jump-cache-survives', None, CODE,
     '        __atomic_compare_exchange_n (slot, &expected, NULL, FALSE, __ATOMIC_SEQ_CST,\n'
     '                                     __ATOMIC_SEQ_CST);\n', '        (void)slot, (void)expected;\n', MACHINE),
    ('mode-ignored', None, CODE,
     'if (block != NULL && block->host == host && block->mode_key == vcpu->mode_key)', 'if (block != NULL && block->host == host)', MACHINE),
    # as MIN() did that read it twice; time passes so that it does not take luck
    ('freed-too-early', None, CODE, '      oldest = MIN (oldest, epoch);\n',
     '      if (epoch < oldest)\n        {\n          g_usleep (20);\n'
     '          oldest = __atomic_load_n (&priv->epoch, __ATOMIC_SEQ_CST);\n        }\n', MODIFY),
    ('straddle-any-page', None, CODE, 'if (block->host2 == 0 || block->host2 == host2)', 'if (block->host2 == 0 || host2 != 0)', MACHINE),
    # core/exec: TLB and page states
    ('page-state-unseen', None, TLB,
     'if (vmt_ram_get_page_state (out->ram->ram, out->ram_offset) == 0 && !keep_out)', 'if (!keep_out)', MACHINE),
    ('flush-leaves-writes', None, TLB,
     '      e = &bank->write[page & ((1 << VMT_TLB_WRITE_BITS) - 1)];\n      if (e->tag == tag)\n        e->tag = TAG_NONE;\n', '', MACHINE),
    ('flush-leaves-second-level', None, TLB, '      set[w].gen = 0;', '      set[w].gen += 0;', MACHINE),
    ('asid-not-flushed', None, TLB, '  priv->gen_asid[asid % VMT_TLB_ASIDS]++;\n}', '}', MACHINE),
    ('flush-all-leaves-ranges', None, TLB, '    if (priv->bank_info[b].used)\n      clear_bank (priv, b);\n',
     '    if (priv->bank_info[b].used)\n' + KEEP_RANGES.format('b'), MACHINE),
    ('flush-of-asid-leaves-ranges', None, TLB, '.asid == asid)\n      clear_bank (priv, b);\n', '.asid == asid)\n' + KEEP_RANGES.format('b'), MACHINE),
    ('flush-of-page-leaves-ranges', None, TLB, '      drop_ranges (bank, tag, FALSE);\n', '', MACHINE),
    ('flush-of-large-page-leaves-ranges', None, TLB, '          clear_bank (priv, b);\n          continue;',
     KEEP_RANGES.format('b') + '          continue;', MACHINE),
    ('bank-taken-with-its-ranges', None, TLB, '    clear_bank (priv, victim);\n', KEEP_RANGES.format('victim'), CORE),
    ('ranges-survive-protection', None, TLB, '      drop_ranges (&priv->banks[b], (guint64)(guintptr)host_page, TRUE);\n', '', MACHINE),
    ('writers-not-asked', None, 'core/exec/vmt-exec-page.c',
     '    if (writers & vmt_vcpu_writer_bit (self->vcpus[i]))', '    if (self->vcpus[i] == vcpu)', SMP),
    ('writes-not-dropped', None, TLB, '              if (e[i].tag + e[i].addend == (guint64)(guintptr)host_page)',
     '              if (i > 0 && e[i].tag + e[i].addend == (guint64)(guintptr)host_page)', MACHINE),
    # core/exec: atomics
    ('reservation-survives-store', None, ATOMIC,
     '      clear_reservations_at (self, at->host, size, vcpu);\n', '', SMP),
    ('sc-is-compare-and-swap', None, ATOMIC,
     '          ok = __atomic_load_n (&vcpu->reserve_addr, __ATOMIC_SEQ_CST) == here &&\n               swap_reserved',
     '          ok = swap_reserved', SMP),
    ('monitor-unprotected', None, ATOMIC, '          vmt_exec_protect (vcpu, at.ram, at.ram_offset, VMT_PAGE_MONITORED);',
     '          vmt_ram_set_page_state (at.ram->ram, at.ram_offset, VMT_PAGE_MONITORED);', SMP),
    ('sc-clears-nobody', None, ATOMIC,
     '          if (ok)\n            clear_reservations_at (self, at.host, size, vcpu);\n', '', SMP),
    ('amo-min-unsigned', None, ATOMIC, 'new = (gint##BITS)value < (gint##BITS)old ? value : old;', 'new = value < old ? value : old;', SMP),
    ('amo-add-torn', None, ATOMIC, '        return __atomic_fetch_add (host, value, __ATOMIC_SEQ_CST);',
     '        { guint##BITS was = *(volatile guint##BITS *)host; *(volatile guint##BITS *)host = was + value; return was; }', SMP),
    # interp
    ('sign-not-extended', 'interp', MEMORY, '  X (32S, gint32, SX)', '  X (32S, guint32, ZX)', MACHINE),
    ('single-not-boxed', 'interp', FLOAT, '  const guint64 r = PACK_32B (R (ip->a));', '  const guint64 r = (guint32)R (ip->a);', MACHINE),
    ('page-crossing-unseen', 'interp', MEMORY, '((va) & (VMT_PAGE_MASK | (bytes - 1))) == e->tag', '((va)&VMT_PAGE_MASK) == e->tag', MACHINE),
    ('fence-is-nothing', 'interp', MEMORY,
     'HANDLER (fence_full)\n{\n  __atomic_thread_fence (__ATOMIC_SEQ_CST);', 'HANDLER (fence_full)\n{\n  __atomic_thread_fence (__ATOMIC_ACQ_REL);',
     SMP),
    ('link-after-remap', 'interp', EXITS, 'va + e->addend == interp_stream_at (to, 0)->host &&', '', MACHINE),
    ('far-link-without-tlb', 'interp', EXITS, 'if (G_LIKELY (to != NULL && (va & VMT_PAGE_MASK) == e->tag &&',
     'if (G_LIKELY (to != NULL &&', MACHINE),
    ('indirect-mode-ignored', 'interp', EXITS, 'block->mode_key == vcpu->mode_key && block->entry == interp_enter &&',
     'block->entry == interp_enter &&', MACHINE),
    ('exit-not-counted', 'interp', CONTROL, '  vcpu->icount += ip->aux;\n  LEAVE ();', '  vcpu->icount += ip->aux - 1;\n  LEAVE ();', MACHINE),
    ('no-poll', 'interp', EXITS, 'if (G_LIKELY (to != NULL && __atomic_load_n (&vcpu->exit_request, __ATOMIC_RELAXED) == 0))',
     'if (G_LIKELY (to != NULL))', MACHINE),
    ('fault-one-late', 'interp', CONTROL, '  vcpu->icount += insn;\n}', '  vcpu->icount += insn + 1;\n}', MACHINE),
    # baseline: integers
    ('sign-not-extended', 'baseline', B_X86, '      if (sx)\n        x_rr (c, TRUE, X_MOVSXD, reg, reg);\n      break;', '      break;', MACHINE),
    ('subtraction-commutes', 'baseline', B_X86, 'emit_alu (c, op, X_SUB, I_SUB, FALSE)', 'emit_alu (c, op, X_SUB, I_SUB, TRUE)', MACHINE),
    ('shift-operands-swapped', 'baseline', B_X86, 'x_vex_rrr (c, w, pp, 2, 0xf7, reg, rb, ra);', 'x_vex_rrr (c, w, pp, 2, 0xf7, reg, ra, rb);',
     MACHINE),
    ('shift-drags-the-sign', 'baseline', B_X86, 'group == S_SHR ? 3 : 2;', 'group == S_SHR ? 2 : 3;', MACHINE),
    ('rotation-the-other-way', 'baseline', B_X86, 'x8 (c, group == S_ROR ? count :', 'x8 (c, group != S_ROR ? count :', MACHINE),
    ('division-by-zero', 'baseline', B_X86, '  x_rr (c, TRUE, 0xc7, 0, RAX);\n  x32 (c, G_MAXUINT32);\n  x_here_short (c, done);',
     '  x_rr (c, TRUE, 0xc7, 0, RAX);\n  x32 (c, 0);\n  x_here_short (c, done);', MACHINE),
    ('division-by-minus-one', 'baseline', B_X86, '      x_rr (c, w, 0xf7, 3, RAX);\n', '', MACHINE),
    ('product-sign-forgotten', 'baseline', B_X86, '      x_rr (c, TRUE, X_SUB, RDX, RAX);\n', '', MACHINE),
    ('select-the-other', 'baseline', B_X86, '    x_rr (c, TRUE, 0x0f40 | CC_E, reg, b.reg);', '    x_rr (c, TRUE, 0x0f40 | CC_NE, reg, b.reg);', MACHINE),
    ('minimum-is-signed', 'baseline', B_X86, '{ CC_G, CC_L, CC_A, CC_B }', '{ CC_G, CC_L, CC_G, CC_L }', MACHINE),
    ('below-or-equal', 'baseline', B_X86, '[VMT_IR_LTU] = CC_B,', '[VMT_IR_LTU] = CC_BE,', MACHINE),
    ('local-not-stored', 'baseline', B_COMPILE, '        if (c->locals[i] == d)\n', '        if (c->locals[i] == d && c->has_eval)\n', MACHINE),
    ('local-not-reloaded', 'baseline', B_X86, '  x_call_stub (c, BASELINE_STUB_EVAL);\n  baseline_load_locals (c);\n',
     '  x_call_stub (c, BASELINE_STUB_EVAL);\n', UNIT),
    ('pinned-not-stored', 'baseline', B_STUBS, '  pinned (c, X_STORE, FALSE);\n  suspend (c, keep);', '  pinned (c, X_STORE, keep);\n  suspend (c, keep);',
     MACHINE),
    ('pinned-not-reloaded', 'baseline', B_STUBS, '  pinned (c, X_LOAD, !changes_state);', '  pinned (c, X_LOAD, TRUE);', MACHINE),
    ('temporary-thought-at-home', 'baseline', B_COMPILE, 'c->temp_home[c->evicted[i] - VMT_IR_TEMP_FIRST] = FALSE;',
     'c->temp_home[c->evicted[i] - VMT_IR_TEMP_FIRST] = TRUE;', UNIT),
    # baseline: control
    ('jump-table-without-mode', 'baseline', B_RUN, 'cpu->spaces[i].bank == vcpu->bank && cpu->spaces[i].mode_key == vcpu->mode_key',
     'cpu->spaces[i].bank == vcpu->bank', MACHINE),
    ('jump-table-without-bank', 'baseline', B_RUN, 'cpu->spaces[i].bank == vcpu->bank && cpu->spaces[i].mode_key == vcpu->mode_key',
     'cpu->spaces[i].mode_key == vcpu->mode_key', MACHINE),
    ('jump-table-survives-flush', 'baseline', B_RUN, '      cpu->jump_generation = vcpu->jump_generation;\n      cpu->n_spaces = 0;\n',
     '      cpu->jump_generation = vcpu->jump_generation;\n', MACHINE),
    ('incoming-links-survive', 'baseline', B_RUN, '        link->next->prev = &self->incoming;\n      baseline_link_reset (link);\n',
     '        link->next->prev = &self->incoming;\n      link->to = NULL;\n', MACHINE),
    ('moved-links-survive', 'baseline', B_RUN, '      link->to = NULL;\n      make_link (link, to);\n',
     '      link->to = to;\n      link->next = NULL;\n      link->prev = &link->next;\n'
     '      if (!link->far)\n        __atomic_store_n (link->slot, (guint64)(guintptr)to->code, __ATOMIC_RELEASE);\n', MACHINE),
    ('promoted-code-kept-by-address', 'baseline', B_RUN, '  if (jump->key == (va ^ cpu->jump_id) && ', '  if (', MACHINE),
    ('far-link-to-any-page', 'baseline', B_STUBS, '  x_rm (c, TRUE, X_CMP, RDX, R13, G_STRUCT_OFFSET (BaselineBlock, host));',
     '  x_rr (c, TRUE, X_CMP, RDX, RDX);', MACHINE),
    ('small-branch-not-counted', 'baseline', B_X86, '      count (c, (gint32)c->insn + 1);\n      take (c, link, back);',
     '      if (!c->compact || c->ir->ops[c->op].opcode != VMT_IR_BRANCH)\n        count (c, (gint32)c->insn + 1);\n      take (c, link, back);', MACHINE),
    ('place-of-call-one-before', 'baseline', B_RUN, 'if (block->calls[middle].at <= offset)', 'if (block->calls[middle].at < offset)', MACHINE),
    ('way-of-the-link-before', 'baseline', B_RUN, 'link = &block->links[call_at (block, at)->what];',
     'link = &block->links[call_at (block, at)->what > 0 ? call_at (block, at)->what - 1 : 0];', MACHINE),
    ('far-link-without-tlb', 'baseline', B_STUBS, '  x_rmx (c, TRUE, X_CMP, RAX, BANK, RDX, 0, FETCH_OFFSET);', '  x_rr (c, TRUE, X_CMP, RAX, RAX);',
     MACHINE),
    ('no-poll', 'baseline', B_X86, '      take (c, link, back);', '      take (c, link, back && g_array_index (c->links, BaselineLink, link).far);', MACHINE),
    ('far-link-without-poll', 'baseline', B_X86, '      take (c, link, back);',
     '      take (c, link, back && !g_array_index (c->links, BaselineLink, link).far);', MACHINE),
    ('loop-without-poll', 'baseline', B_X86, '      poll (c);\n      BaselineCold', '      x_rr (c, FALSE, X_CMP, RAX, RAX);\n      BaselineCold', MACHINE),
    ('no-poll-behind-helpers', 'baseline', B_X86, 'offset <= insn_offset (c) || calls (c);', 'offset <= insn_offset (c);', MACHINE),
    ('indirect-ignores-requests', 'baseline', B_X86,
     '  poll (c);\n  const guint32 request', '  x_rr (c, FALSE, X_CMP, RAX, RAX);\n  const guint32 request', MACHINE),
    ('small-indirect-ignores-requests', 'baseline', B_STUBS,
     '  x_mi (c, FALSE, I_CMP, STATE, VCPU_DISP (exit_request), 0);\n  slow[0]', '  x_rr (c, FALSE, X_CMP, RAX, RAX);\n  slow[0]', MACHINE),
    ('fault-not-counted', 'baseline', B_RUN, '  vcpu->icount += insn;\n  return leave;', '  return leave;', MACHINE),
    # baseline: memory
    ('page-crossing-unseen', 'baseline', B_MEMORY, 'op->imm + (gint32)size - 1;', 'op->imm;', MACHINE),
    ('window-end-unseen', 'baseline', B_MEMORY, 'window != NULL ? window->end - 1', 'window != NULL ? window->min', MACHINE),
    ('window-stays-open', 'baseline', B_MEMORY, '    x_rr (c, FALSE, X_XOR, cold->window, cold->window);', '    return;', MACHINE),
    ('window-survives-its-base', 'baseline', B_COMPILE, '        close_windows (c, op->d);\n', '        ;\n', MACHINE),
    ('store-through-a-read', 'baseline', B_COMPILE, '          window->store |= store;\n', '', MACHINE),
    ('windows-survive-a-goal', 'baseline', B_COMPILE, '        if (c->insn_goal[insn++])\n          close_windows (c, VMT_IR_NO_VAL);', '        insn++;', MACHINE),
    ('windows-survive-an-atomic', 'baseline', B_COMPILE, '               op->opcode != VMT_IR_FENCE)\n        close_windows (c, VMT_IR_NO_VAL);',
     '               op->opcode != VMT_IR_FENCE)\n        ;', UNIT),
    ('base-steps-the-other-way', 'baseline', B_COMPILE, '<= WINDOW_MAX ? (gint32)step : 0;', '<= WINDOW_MAX ? -(gint32)step : 0;', MACHINE),
    ('step-forgotten', 'baseline', B_MEMORY, '      place->disp += c->op_shift[c->op] - window->opened;\n', '', MACHINE),
    ('step-before-the-window-forgotten', 'baseline', B_MEMORY, '      place->disp += c->op_shift[c->op] - window->opened;\n',
     '      place->disp += c->op_shift[c->op];\n', MACHINE),
    ('window-begins-too-late', 'baseline', B_MEMORY, '? window->min - c->op_shift[c->op] : op->imm;', '? window->min : op->imm;', UNIT),
    ('range-ignores-its-span', 'baseline', B_STUBS, '  x_rr (c, TRUE, 0xf7, 3, RAX);\n  x_ri (c, TRUE, I_ADD, RAX, VMT_PAGE_SIZE);\n',
     '  x_li (c, RAX, VMT_PAGE_SIZE);\n', MACHINE),
    ('range-over-a-pages-end', 'baseline', B_STUBS, '  x_rr (c, TRUE, X_CMP, RCX, RDX);\n', '  x_rr (c, TRUE, X_CMP, RCX, RCX);\n', MACHINE),
    ('range-without-tlb', 'baseline', B_STUBS, '  x_rmx (c, TRUE, X_CMP, RCX, BANK, RSI, 0, table);\n', '  x_rr (c, TRUE, X_CMP, RCX, RCX);\n', MACHINE),
    ('range-of-a-store-is-read', 'baseline', B_MEMORY, 'cold->write ? BASELINE_STUB_RANGE_WRITE : BASELINE_STUB_RANGE_READ', 'BASELINE_STUB_RANGE_READ',
     MACHINE),
    ('range-that-is-lost-stays', 'baseline', B_STUBS, '  x_rr (c, FALSE, X_XOR, RAX, RAX);\n  x_rmx (c, TRUE, X_STORE, RAX, BANK, RDX, 0, 8);\n',
     '  x_rr (c, FALSE, X_XOR, RAX, RAX);\n', MACHINE),
    ('range-filled-for-nobody', 'baseline', B_MEMORY, '  x_rr (c, TRUE, X_LOAD, cold->window, RAX);\n  x_rr (c, TRUE, X_TEST', '  x_rr (c, TRUE, X_TEST',
     MACHINE),
    ('ranges-share-a-place', 'baseline', B_MEMORY, '(guint)c->ir->insns[0].page_offset + kept) %', '(guint)c->ir->insns[0].page_offset + (kept != 0)) %',
     MACHINE),
    ('range-of-a-load-is-written', 'baseline', B_MEMORY, '((c->kept_stores >> kept & 1) != 0 ? half : 0);', '0 * half;', MACHINE),
    ('ranges-not-loaded', 'baseline', B_COMPILE, '  baseline_host_load_ranges (c);\n  baseline_load_locals (c);', '  baseline_load_locals (c);', MACHINE),
    ('ranges-not-reloaded', 'baseline', B_COMPILE, '        baseline_host_load_ranges (c);\n    }\n  c->insn_at',
     '        ;\n    }\n  c->insn_at', UNIT),
    ('read-over-a-pages-end', 'baseline', B_STUBS, 'RDX, RCX, (1 << log2) - 1);', 'RDX, RCX, store ? (1 << log2) - 1 : 0);', MACHINE),
    ('write-over-a-pages-end', 'baseline', B_STUBS, 'RDX, RCX, (1 << log2) - 1);', 'RDX, RCX, store ? 0 : (1 << log2) - 1);', MACHINE),
    ('write-too-wide', 'baseline', B_STUBS, 'log2 == 1 ? 0x66 : 0, log2 == 3, byte', 'log2 == 1 ? 0x66 : 0, log2 >= 2, byte', MACHINE),
    ('slow-write-too-wide', 'baseline', B_STUBS, '  x_li (c, RAX, log2);', '  x_li (c, RAX, store && log2 == 2 ? 3 : log2);', MACHINE),
    ('slow-read-too-narrow', 'baseline', B_STUBS, '  x_li (c, RAX, log2);', '  x_li (c, RAX, !store && log2 == 3 ? 2 : log2);', MACHINE),
    ('write-through-a-read', 'baseline', B_STUBS,
     '  const gint32 table = store ? (gint32)G_STRUCT_OFFSET (VmtTlbBank, write)\n                             : (gint32)G_STRUCT_OFFSET (VmtTlbBank, read);\n'
     '  const guint bits = store ? VMT_TLB_WRITE_BITS : VMT_TLB_READ_BITS;\n  const guint byte',
     '  const gint32 table = (gint32)G_STRUCT_OFFSET (VmtTlbBank, read);\n'
     '  const guint bits = store ? VMT_TLB_WRITE_BITS : VMT_TLB_READ_BITS;\n  const guint byte', MACHINE),
    ('dead-block-goes-on', 'baseline', B_MEMORY, '  baseline_called (c, insn, last);', '  baseline_called (c, insn, FALSE);', UNIT),
    ('small-store-drops-its-address', 'baseline', B_MEMORY, '      if (a.where == BASELINE_REG && a.reg == RDX)\n', '      if (a.where == BASELINE_CONST && a.reg == RDX)\n',
     UNIT),
    ('small-store-drops-its-value', 'baseline', B_MEMORY, '  if (b.where == BASELINE_REG && b.reg == RCX)\n', '  if (b.where == BASELINE_CONST && b.reg == RCX)\n', UNIT),
    ('small-load-drops-temporaries', 'baseline', B_MEMORY, '      lost_regs (c, FALSE);\n      compact_address (c, op, &a);\n      call_read (c, log2, c->insn);',
     '      compact_address (c, op, &a);\n      call_read (c, log2, c->insn);', UNIT),
    ('slow-read-loses-rdx', 'baseline', B_STUBS, '  x_rm (c, TRUE, X_LOAD, RDX, STATE, CPU_DISP (spare[0]));\n', '', UNIT),
    ('pair-without-address', 'baseline', B_MEMORY, '      x_rm (c, TRUE, X_CMP, RDX, STATE, CPU (ll_host));', '      x_rr (c, TRUE, X_CMP, RDX, RDX);',
     MACHINE),
    ('pair-without-compare', 'baseline', B_MEMORY, '      x_rm (c, w, 0x0fb1, RCX, RDX, 0);\n      x_rm',
     '      x_rm (c, w, 0x0fc1, RCX, RDX, 0);\n      x_rr (c, TRUE, X_CMP, RAX, RAX);\n      x_rm', SMP),
    ('pair-not-locked', 'baseline', B_MEMORY, '      lock (c);\n      x_rm (c, w, 0x0fb1, RCX, RDX, 0);\n      x_rm',
     '      x_rm (c, w, 0x0fb1, RCX, RDX, 0);\n      x_rm', SMP),
    ('amo-not-locked', 'baseline', B_MEMORY, '      lock (c);\n      x_rm (c, w, 0x0fc1, RAX, RDX, 0);', '      x_rm (c, w, 0x0fc1, RAX, RDX, 0);', SMP),
    ('amo-minimum-is-maximum', 'baseline', B_MEMORY, '{ CC_L, CC_G, CC_B, CC_A }', '{ CC_G, CC_L, CC_B, CC_A }', MACHINE),
    ('misaligned-amo', 'baseline', B_MEMORY, '(gint32)(~(guint32)(VMT_PAGE_SIZE - 1) | ((1u << log2) - 1))', '(gint32)(~(guint32)(VMT_PAGE_SIZE - 1))',
     MACHINE),
    ('fence-is-nothing', 'baseline', B_MEMORY, '        fence (c);\n', '        ;\n', SMP),
    ('range-of-another-length', 'baseline', B_MEMORY, '      const guint32 same = x_jcc_short (c, CC_E);', '      const guint32 same = x_jcc_short (c, CC_NO);', MACHINE),
    ('roaming-leaves-elsewhere', 'baseline', B_RUN, '  vmt_exec_block_scatters (vcpu, block->block);\n  return fault (vcpu, block, call_at (block, at)->what);',
     '  vmt_exec_block_scatters (vcpu, block->block);\n  return fault (vcpu, block, 0);', MACHINE),
    ('range-too-far-up', None, TLB, '  if (va - range->base + span >= size)\n    return 0;', '', MACHINE),
    # baseline: floating point
    ('flags-not-merged', 'baseline', B_STUBS, '  x_ri (c, FALSE, I_AND, R10, 0x3f);', '  x_ri (c, FALSE, I_AND, R10, 0);', MACHINE),
    ('flags-overwritten', 'baseline', B_STUBS, '  x_rm_full (c, 0, FALSE, 0x08, R10,', '  x_rm_full (c, 0, FALSE, 0x88, R10,', MACHINE),
    ('flags-not-cleared', 'baseline', B_FLOAT, '  x_ldmxcsr (c, FLOAT_DISP (guest));\n  /* a', '  /* a', UNIT),
    ('rounding-not-set', 'baseline', B_FLOAT, '  if (modes[cold->kind] != 0)\n', '  if (modes[cold->kind] > 3)\n', MACHINE),
    ('rounding-stays', 'baseline', B_FLOAT, '  x8 (c, 0x58);\n  x_ldmxcsr (c, FLOAT_DISP (scratch));', '  x8 (c, 0x58);', MACHINE),
    ('nan-unseen', 'baseline', B_FLOAT, 'baseline_cold (c, cold_check, x_jcc (c, CC_P))', 'baseline_cold (c, cold_check, x_jcc (c, CC_S))', MACHINE),
    ('nan-of-two-unseen', 'baseline', B_FLOAT, 'V_UCOMI, x, 0, y);\n  baseline_cold (c, cold_check', 'V_UCOMI, x, 0, x);\n  baseline_cold (c, cold_check',
     MACHINE),
    ('box-unseen', 'baseline', B_FLOAT, '      x_mi (c, FALSE, I_CMP, STATE, float_home (c, v) + 4, -1);', '      x_rr (c, FALSE, X_CMP, RAX, RAX);', MACHINE),
    ('vector-survives-join', 'baseline', B_X86, 'baseline_host_join (BaselineCompiler *c)\n{\n  baseline_x86_float_forget (c);',
     'baseline_host_join (BaselineCompiler *c)\n{\n  baseline_x86_float_settle (c);', MACHINE),
    ('vector-survives-load', 'baseline', B_FLOAT, '  baseline_x86_float_settle (c);\n  drop (c, d);', '  baseline_x86_float_settle (c);', UNIT),
    ('loop-loses-a-vector', 'baseline', B_FLOAT, '      else if (from[which] != to)\n', '      else if (from[which] == X0_HELD)\n', MACHINE),
    ('zeros-have-no-sign', 'baseline', B_FLOAT, '  x_v (c, PP_NONE, max ? V_AND : V_OR, d, d, X0);\n', '', MACHINE),
    ('saturation-unseen', 'baseline', B_CONVERT, '      x_ri (c, w, I_CMP, reg, 1);\n', '      x_ri (c, w, I_CMP, reg, 0);\n', MACHINE),
    ('fma-nan-unseen', 'baseline', B_FLOAT, 'baseline_cold (c, cold_fma, x_jcc (c, CC_P))', 'baseline_cold (c, cold_fma, x_jcc (c, CC_S))', MACHINE),
    # baseline on AArch64
    ('no-poll-behind-helpers', 'baseline', A_CONTROL, 'offset <= insn_offset (c) || calls (c);', 'offset <= insn_offset (c);', MACHINE),
    ('indirect-ignores-requests', 'baseline', A_CONTROL, 'const guint32 request = a_branch (c, a64_cbz (FALSE, TRUE, IP1, 0));',
     'const guint32 request = a_branch (c, a64_cbz (FALSE, TRUE, XZR, 0));', MACHINE),
    ('quotient-by-zero', 'baseline', A_CONTROL, 'A64_CSINV, reg, IP0, XZR', 'A64_CSEL, reg, IP0, XZR', UNIT),
    ('page-crossing-unseen', 'baseline', A_MEMORY, 'op->imm + (gint32)size - 1;', 'op->imm;', MACHINE),
    ('window-end-unseen', 'baseline', A_MEMORY, 'window != NULL ? window->end - 1', 'window != NULL ? window->min', MACHINE),
    ('window-stays-open', 'baseline', A_MEMORY, '    a_move (c, TRUE, cold->window, XZR);', '    ;', MACHINE),
    ('pair-without-address', 'baseline', A_MEMORY, '      a_cmp (c, TRUE, IP0, IP1);', '      a_cmp (c, TRUE, IP1, IP1);', MACHINE),
    ('pair-without-compare', 'baseline', A_MEMORY, '  a_cmp (c, TRUE, LR, expected);', '  a_cmp (c, TRUE, LR, LR);', SMP),
    ('amo-not-exclusive', 'baseline', A_MEMORY, '  a_emit (c, a64_store_exclusive ((op->c & VMT_IR_MEM_RELEASE) != 0, log2, IP0, now, IP1));',
     '  a_emit (c, a64_access (A64_STR, log2, now, IP1, 0));\n  a_move (c, FALSE, IP0, XZR);', SMP),
    ('amo-minimum-is-maximum', 'baseline', A_MEMORY, '{ A64_LT, A64_GT, A64_LO, A64_HI }', '{ A64_GT, A64_LT, A64_LO, A64_HI }', MACHINE),
    ('misaligned-amo', 'baseline', A_MEMORY, 'VMT_PAGE_MASK | ((1u << log2) - 1)', 'VMT_PAGE_MASK', MACHINE),
    ('fence-is-weak', 'baseline', A_MEMORY, '                                                                : A64_ISH));',
     '                                                                : A64_ISHST));', SMP),
    ('scratch-not-kept', 'baseline', A_STUBS, '{ X0, X1, X2, X3, X4, X5, X6, X30 }', '{ X0, X1, X2, XZR, X4, X5, X6, X30 }', UNIT),
    ('pinned-not-kept', 'baseline', A_STUBS, 'baseline_pinned_regs[i] < X19)', 'baseline_pinned_regs[i] < X15)', MACHINE),
    ('far-link-anywhere', 'baseline', A_STUBS, '  const guint32 other = a_branch (c, a64_b_cond (A64_NE, 0));',
     '  const guint32 other = a_branch (c, a64_b_cond (A64_VS, 0));', MACHINE),
    ('indirect-any-mode', 'baseline', A_STUBS, '  slow[4] = a_branch (c, a64_b_cond (A64_NE, 0));', '  slow[4] = a_branch (c, a64_b_cond (A64_VS, 0));',
     MACHINE),
]
EMITTERS = {'x86_64': 'x86-64', 'aarch64': 'aarch64'}

TARGETS = ['tests/lockstep/lockstep-machine', 'tests/lockstep/lockstep-smp', 'tests/lockstep/machine-riscv64.bin']
PROGRAMS = ['litmus', 'lockfree', 'modify']


def copy_sources(source, copy):
    """What is tracked, as it is now; files that are the same keep their time, so that little is built."""
    names = subprocess.run(['git', 'ls-files', '-z'], cwd=source, capture_output=True, check=True).stdout.decode().split('\0')
    for name in filter(None, names):
        old, new = source / name, copy / name
        if not old.is_file():
            continue
        if new.is_file() and new.read_bytes() == old.read_bytes():
            continue
        new.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(old, new)


def build(folder, tier, log):
    targets = TARGETS + [f'tests/test-{tier}', 'tests/unit/test-exec-mmu'] + [f'tests/lockstep/smp-{p}.bin' for p in PROGRAMS]
    plugins = [t for t in subprocess.run(['ninja', '-t', 'targets', 'all'], cwd=folder, capture_output=True, text=True).stdout.split()
               if t.startswith('core/link/libvmt') and t.endswith('.so:')]
    return subprocess.run(['ninja', *targets, *[p[:-1] for p in plugins]], cwd=folder, stdout=log, stderr=log).returncode == 0


def belongs(mutant, host):
    return not mutant[2].startswith(BASELINE) or all(name == host or emitter not in mutant[2] for name, emitter in EMITTERS.items())


def command(kind, folder, tier, seconds, emulator):
    tests = folder / 'tests' / 'lockstep'
    if kind == MACHINE:
        return [*emulator, tests / 'lockstep-machine', f'--tier={tier}', '--start=1', f'--seconds={seconds:.0f}']
    if kind == UNIT:
        # emulated, its floating point takes minutes
        return [*emulator, folder / 'tests' / f'test-{tier}', *(['-p', f'/{tier}/eval'] if emulator else [])]
    if kind == CORE:
        return [*emulator, folder / 'tests' / 'unit' / 'test-exec-mmu']
    programs = ['modify'] if kind == MODIFY else PROGRAMS
    return [*emulator, tests / 'lockstep-smp', f'--tier={tier}', f'--seconds={seconds:.0f}', *[tests / f'smp-{p}.bin' for p in programs]]


def find(kind, folder, tier, seconds, log, emulator):
    """Whether the test fails, and its first words about it."""
    env = dict(os.environ, G_DEBUG='fatal-criticals', VMT_PLUGIN_PATH=str(folder / 'core' / 'link'))
    env.pop('VMT_LOCKSTEP_SECONDS', None)
    process = subprocess.Popen([str(a) for a in command(kind, folder, tier, seconds, emulator)], cwd=folder, env=env, stdout=subprocess.PIPE,
                               stderr=subprocess.STDOUT, text=True, start_new_session=True)
    try:
        # Who narrows a fault down that makes everything slow may take longer than the search.
        output, _ = process.communicate(timeout=seconds + 90)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
        return True, 'it does not end'
    log.write(output)
    if process.returncode == 0:
        return False, ''
    lines = [line for line in output.splitlines() if 'disagree' in line or 'step ' in line or 'not ok' in line or 'ERROR' in line]
    return True, lines[0].strip('# ') if lines else f'it ended with {process.returncode}'


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument('source', type=pathlib.Path)
    parser.add_argument('scratch', type=pathlib.Path)
    parser.add_argument('--tier', default='interp')
    parser.add_argument('--limit', type=float, default=300)
    parser.add_argument('--only', default='')
    parser.add_argument('--list', action='store_true')
    parser.add_argument('--cross-file', action='append', default=[])
    parser.add_argument('--host', default=platform.machine(), help='that of the cross files')
    parser.add_argument('--emulator', default='')
    args = parser.parse_args()
    emulator = shlex.split(args.emulator)
    mutants = [m for m in MUTANTS if m[1] in (None, args.tier) and belongs(m, args.host)]
    if args.only:
        mutants = [m for m in mutants if m[0] in args.only.split(',')]
    if args.list:
        print('\n'.join(m[0] for m in mutants))
        return 0

    source, scratch = args.source.resolve(), args.scratch.resolve()
    copy, folder = scratch / 'source', scratch / 'build'
    copy.mkdir(parents=True, exist_ok=True)
    os.environ.setdefault('CCACHE_NOHASHDIR', '1')
    os.environ.setdefault('CCACHE_BASEDIR', str(copy))
    print(f'1..{len(mutants) + 1}', flush=True)
    failed = False
    with open(scratch / 'log.txt', 'w') as log:
        copy_sources(source, copy)
        if not (folder / 'build.ninja').exists():
            subprocess.run(['meson', 'setup', str(folder), str(copy), *[f'--cross-file={f}' for f in args.cross_file]], stdout=log, stderr=log, check=True)
        if not build(folder, args.tier, log):
            print(f'not ok 1 unchanged - does not build, see {scratch}/log.txt')
            return 1
        # Without a fault nothing is found.
        for kind in MACHINE, SMP, UNIT, CORE:
            found, why = find(kind, folder, args.tier, 10, log, emulator)
            if found:
                print(f'not ok 1 unchanged - {why}')
                return 1
        print('ok 1 unchanged', flush=True)
        for number, (name, _, file, old, new, kind) in enumerate(mutants, 2):
            path = copy / file
            text = path.read_text()
            log.write(f'\n==== {name}\n')
            log.flush()
            if text.count(old) != 1:
                print(f'not ok {number} {name} - its text is {text.count(old)} times in {file}', flush=True)
                failed = True
                continue
            try:
                path.write_text(text.replace(old, new))
                if not build(folder, args.tier, log):
                    print(f'not ok {number} {name} - does not build, see {scratch}/log.txt', flush=True)
                    failed = True
                    continue
                start = time.monotonic()
                for what, share in [(kind, 2 / 3)] + [(k, 1 / 6) for k in (CORE, UNIT, SMP, MACHINE) if k != kind]:
                    found, why = find(what, folder, args.tier, args.limit * share, log, emulator)
                    if found:
                        break
                spent = time.monotonic() - start
            finally:
                path.write_text(text)
            print(f"{'ok' if found else 'not ok'} {number} {name} - {spent:.1f} s{': ' + why if found else ', NOT found'}", flush=True)
            failed |= not found
    return 1 if failed else 0


if __name__ == '__main__':
    sys.exit(main())
