/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "vmt-cpu.h"

G_BEGIN_DECLS

/* What a built-in firmware asks of the engine on a CPU's behalf, without knowing its hot
 * structures. */

/* Forgets translations of @size bytes from virtual address @va (G_MAXUINT64: all) of address space
 * @asid (-1: of all of them). On the CPU's thread, as in vmt_cpu_run_on(). */
void vmt_cpu_flush_tlb (VmtCpu *self, guint64 va, guint64 size, gint64 asid);
/* The CPU waits for an interrupt before its next instruction. On its thread. */
void vmt_cpu_wait (VmtCpu *self);
/* It waits now. Any thread; only a hint, as it may wake at once. */
gboolean vmt_cpu_is_waiting (VmtCpu *self);

G_END_DECLS
