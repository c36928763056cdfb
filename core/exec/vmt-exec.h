/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "vmt-tier.h"

G_BEGIN_DECLS

struct _VmtTrace;

/**
 * VmtExec:
 *
 * Runs the vCPUs of one machine under a tier: owns their threads, the run loop, the block cache
 * with its invalidation, the TLBs and the monitors of LL/SC. Plain C.
 *
 * Life: vmt_exec_new(), vmt_exec_add_vcpu() for each, vmt_exec_start() (paused), vmt_exec_resume()
 * and vmt_exec_pause() as often as wanted, vmt_exec_stop(), vmt_exec_free(). These are called by
 * one thread at a time that is no vCPU's: the machine's.
 *
 * Locks: the mutexes inside are the innermost of the process: no callback but get_time is called
 * with one held.
 */
typedef struct _VmtExec VmtExec;

/**
 * VmtExecHost:
 * @get_time: nanoseconds on the machine's clock, which stands still while the machine is paused.
 * Any thread, never blocks
 * @power_changed: (nullable): a vCPU was stopped or started. Any thread
 * @code_evicted: (nullable): so many translated blocks, of so many bytes, went for want of room. A
 * vCPU's thread
 *
 * What the engine needs of its machine.
 */
typedef struct
{
  guint64 (*get_time) (gpointer data);
  void (*power_changed) (gpointer data, VmtVcpu *vcpu);
  gpointer data;
  void (*code_evicted) (gpointer data, guint64 blocks, guint64 bytes);
  gpointer reserved[3];
} VmtExecHost;

/* Takes references to @space and @tier. Installs the space's store and changed functions. */
VmtExec *vmt_exec_new (VmtAddressSpace *space, VmtTier *tier, const VmtExecHost *host);
/* Stops first if need be. The vCPUs are gone. */
void vmt_exec_free (VmtExec *self);
/* Translated code and what belongs to it, in bytes; the oldest goes when there is more.
 * VMT_EXEC_CACHE_LIMIT unless told otherwise; at least 1 MiB. Before start. */
#define VMT_EXEC_CACHE_LIMIT (64u << 20)
void vmt_exec_set_cache_limit (VmtExec *self, guint64 bytes);

/* The tier policy: code that runs more often than this is compiled once more, for speed. 0: all
 * code is, at once. VMT_EXEC_PROMOTION unless told otherwise: about where what the second
 * compilation costs is what slower code has cost until then. Before start. */
#define VMT_EXEC_PROMOTION 256u
void vmt_exec_set_promotion (VmtExec *self, guint executions);

/* Before start. @trace: (nullable): told of what it wants to know; not owned. */
void vmt_exec_set_trace (VmtExec *self, struct _VmtTrace *trace);

/* Before start. The vCPU is owned by @self: arch->state_size bytes, zeroed, aligned to 64, after
 * which arch->init() ran. Stopped (see VmtVcpuPower) until vmt_vcpu_start(). At most 1024. */
VmtVcpu *vmt_exec_add_vcpu (VmtExec *self, const VmtArchOps *arch, VmtCpu *cpu, guint index);
guint vmt_exec_get_n_vcpus (VmtExec *self);
VmtVcpu *vmt_exec_get_vcpu (VmtExec *self, guint i);

/* Makes the threads, paused. */
gboolean vmt_exec_start (VmtExec *self, GError **error);
void vmt_exec_resume (VmtExec *self);
/* Returns when every vCPU is at a safepoint and stays there. */
void vmt_exec_pause (VmtExec *self);
gboolean vmt_exec_is_paused (VmtExec *self);
/* Joins the threads. Idempotent. */
void vmt_exec_stop (VmtExec *self);
/* All vCPUs at a safepoint while @func runs, on the caller's thread; then they go on if they were
 * running. */
void vmt_exec_at_safepoint (VmtExec *self, void (*func) (VmtExec *exec, gpointer data),
                            gpointer data);
/* While paused: every vCPU is stopped and reset by its architecture, TLBs and translations are
 * dropped, queued starts forgotten. */
void vmt_exec_reset (VmtExec *self);

/* Drops every translation of RAM bytes that were changed behind the engine's back (a loader). Any
 * thread. */
void vmt_exec_invalidate (VmtExec *self, VmtRam *ram, guint64 offset, guint64 size);

/* Counters since start, for inspect, tests and benchmarks; each vCPU's as of its
 * last safepoint. */
typedef struct
{
  guint64 instructions;
  guint64 blocks_compiled, blocks_live, blocks_killed, bytes;
  guint64 evictions, promotions;
  guint64 tlb_l2_hits, tlb_walks, tlb_flushes;
  guint64 lookups;
  guint64 store_slow;
  guint64 sleeps;
  guint64 entries; /* of guest code by the run loop */
  guint64 exceptions, interrupts;
  guint64 killed_by_store, killed_for_room;
  /* Guest instructions, IR ops, guest bytes and host bytes of all translations. */
  guint64 translated_instructions, translated_ops, translated_bytes, host_bytes;
  /* With a trace that has VMT_TRACE_STATS: instructions that no translation had before, and
   * processor time of decoding, of finishing the IR and of the tier. */
  guint64 distinct_instructions, decode_ns, ir_ns, emit_ns;
} VmtExecStats;
void vmt_exec_get_stats (VmtExec *self, VmtExecStats *stats);
/* These by name, and then the tier's. Any thread but a vCPU's. */
void vmt_exec_visit_counters (VmtExec *self, VmtCounterFunc func, gpointer data);

G_END_DECLS
