/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "vmt-address-space.h"
#include "vmt-arch.h"
#include "vmt-tlb.h"

G_BEGIN_DECLS

typedef struct _VmtCpu VmtCpu; /* core/machine's */

/* Requests to a vCPU, bits of VmtVcpu.exit_request. Any thread sets them with vmt_vcpu_request().
 */
#define VMT_VCPU_INTERRUPT (1u << 0) /* interrupt lines changed */
#define VMT_VCPU_WORK (1u << 1)      /* functions queued by vmt_vcpu_run_on() */
#define VMT_VCPU_PAUSE (1u << 2)     /* come to a safepoint and stay there */
#define VMT_VCPU_QUIT (1u << 3)
#define VMT_VCPU_TIMER (1u << 4)    /* next_deadline() changed or passed */
#define VMT_VCPU_RELOOKUP (1u << 5) /* leave the present block: mapping or mode changed */
#define VMT_VCPU_FORGET (1u << 6)   /* code has died that the vCPU may remember: jump_generation */

#define VMT_VCPU_SCRATCH_SIZE 131072u
/* So much at the beginning of it may be kept from block to block by a tier that emits host code;
 * the interpreter, whose blocks may stand beside that tier's, leaves it alone. */
#define VMT_VCPU_KEPT_SIZE 69632u
#define VMT_VCPU_JUMP_PAGES 1024u
#define VMT_VCPU_TIER_NEAR 8u

/* A synchronous exception that has been raised and not yet delivered. */
typedef struct
{
  guint64 cause, value, value2;
} VmtFault;

/**
 * VmtVcpu:
 *
 * The hot state that is the same for every architecture; the architecture's state struct begins
 * with it. Owned by the vCPU's thread, except what is marked atomic.
 */
struct _VmtVcpu
{
  VmtFault fault;
  /* LL/SC: the reservation. addr is where it is in the host's memory, G_MAXUINT64 when there is
   * none: see vmt_vcpu_clear_reservation(). */
  guint64 reserve_addr; /* atomic: a store by another vCPU clears it */
  guint64 reserve_value;
  guint8 reserve_size;

  gboolean waiting; /* wait for interrupt: the run loop sleeps until has_work() */
  guint index;      /* of the CPU in its machine */
  VmtCpu *cpu;      /* (nullable) in tests */
  const VmtArchOps *arch;
  VmtAddressSpace *space;
  struct _VmtExec *exec;
  struct _VmtVcpuPriv *priv; /* run loop, TLB store: core/exec only */
  /* For tiers: see vmt_jump_cache_slot(); and VMT_VCPU_SCRATCH_SIZE bytes for a block's
   * temporaries, at this offset from the vCPU, aligned to 64. */
  struct _VmtExecBlock **jump_cache;
  guint32 scratch_offset;
  /* For tiers that remember where addresses led: grows, on the vCPU's thread, when that may no
   * longer hold for the pages that vmt_vcpu_note_jump() was told of since. What a tier remembers of
   * one bank and mode_key says nothing of others. Looked at where C was called or has called. */
  guint32 jump_generation;
  guint32 jump_noted; /* atomic: there is something to forget */
  guint32 jump_stale; /* atomic: and it is to be forgotten, by the next lookup */
  guint64 jump_pages[VMT_VCPU_JUMP_PAGES / 64];

  VmtTlbBank *bank; /* present TLB bank */
  guint64 mode_key; /* see VmtArchOps.update_mode */
  /* Last, next to the architecture's state: what every block touches. */
  guint32 exit_request;  /* atomic; polled on block entry */
  guint32 fault_pending; /* fault holds an exception */
  guint64 page_va;       /* virtual address of the page that the present block is in */
  guint64 pc;            /* exact at safepoints and in helpers with VMT_HELPER_PC */
  guint64 icount;        /* instructions retired; exact at safepoints */
  gconstpointer tier_near[VMT_VCPU_TIER_NEAR]; /* of a tier that emits host code: what for it is
                                                  best within a short displacement */
};

/* The tier remembers where @va leads. It looks at the block's dead after this: who makes it dead
 * looks at what was noted afterwards. */
static inline void
vmt_vcpu_note_jump (VmtVcpu *vcpu, guint64 va)
{
  const guint64 page = va >> VMT_PAGE_SHIFT;
  vcpu->jump_pages[page / 64 % (VMT_VCPU_JUMP_PAGES / 64)] |= G_GUINT64_CONSTANT (1) << (page % 64);
  __atomic_store_n (&vcpu->jump_noted, 1, __ATOMIC_SEQ_CST);
}

/* Raises a synchronous exception: remembered, delivered when control leaves the op. From helpers,
 * translate() and raise_fault(). */
static inline void
vmt_vcpu_raise (VmtVcpu *vcpu, guint64 cause, guint64 value)
{
  vcpu->fault.cause = cause;
  vcpu->fault.value = value;
  vcpu->fault_pending = 1;
}

/* Sets request bits and wakes the vCPU if it sleeps. Any thread. */
void vmt_vcpu_request (VmtVcpu *vcpu, guint32 bits);
/* The guest executed a wait for interrupt: sleeps at the end of the block unless there is work. */
void vmt_vcpu_wait (VmtVcpu *vcpu);
/* Nanoseconds on the machine's clock. */
guint64 vmt_vcpu_get_time (VmtVcpu *vcpu);
/* next_deadline() may have changed (the vCPU's thread or any other). */
void vmt_vcpu_deadline_changed (VmtVcpu *vcpu);

/* Guest virtual memory for helpers: TRUE, or an exception is pending. 1, 2, 4 or 8 bytes. */
gboolean vmt_vcpu_load (VmtVcpu *vcpu, guint64 va, guint size, guint attr, guint64 *value);
gboolean vmt_vcpu_store (VmtVcpu *vcpu, guint64 va, guint size, guint attr, guint64 value);
gboolean vmt_vcpu_load_linked (VmtVcpu *vcpu, guint64 va, guint size, guint attr, guint64 *value);
/* *@failed: 1 when the reservation was lost. */
gboolean vmt_vcpu_store_conditional (VmtVcpu *vcpu, guint64 va, guint size, guint attr,
                                     guint64 value, guint64 *failed);
gboolean vmt_vcpu_amo (VmtVcpu *vcpu, VmtIrAmo amo, guint64 va, guint size, guint attr,
                       guint64 value, guint64 *old);
/* Attribute of the two above, beside VmtIrMemAttr: the load-linked and its store-conditional are in
 * one block with no other access to memory and no helper between them. The pair then needs no
 * monitored page: see vmt-exec-atomic.c. */
#define VMT_VCPU_ATTR_PAIRED (1u << 16)
/* 16 bytes, value[0] the lower ones; aligned. */
gboolean vmt_vcpu_load_linked128 (VmtVcpu *vcpu, guint64 va, guint attr, guint64 value[2]);
gboolean vmt_vcpu_store_conditional128 (VmtVcpu *vcpu, guint64 va, guint attr,
                                        const guint64 value[2], guint64 *failed);
/* Compare-and-swap of 1, 2, 4, 8 or 16 bytes, aligned; @old: what was there, zero-extended. */
gboolean vmt_vcpu_cas (VmtVcpu *vcpu, guint64 va, guint size, guint attr, const guint64 expected[2],
                       const guint64 desired[2], guint64 old[2]);
/* Whether an access would succeed; raises nothing. */
gboolean vmt_vcpu_probe (VmtVcpu *vcpu, guint64 va, guint size, gboolean store);
void vmt_vcpu_clear_reservation (VmtVcpu *vcpu);
/* Host memory of @va for a whole-block operation (cbo.zero): at most to the page's end; *@size says
 * how much of what was asked for. NULL with no exception pending: not RAM, do it piecewise. */
gpointer vmt_vcpu_map (VmtVcpu *vcpu, guint64 va, guint *size, VmtAccess access);

/* Guest physical memory, for page table walks on the vCPU's thread: aligned, 4 or 8 bytes, RAM only
 * and without the cost of a search. FALSE: not RAM (for the second also: read-only); nothing is
 * raised. The second stores @value if what is there is *@expected, and gives what was there:
 * hardware updates of accessed and dirty bits. */
gboolean vmt_vcpu_read_physical (VmtVcpu *vcpu, guint64 pa, guint size, guint64 *value);
gboolean vmt_vcpu_update_physical (VmtVcpu *vcpu, guint64 pa, guint size, guint64 *expected,
                                   guint64 value);

/* Runs @func at the vCPU's next safepoint, on its thread (at once if called from there); by proxy,
 * on the caller's thread while the vCPU is held, when it is paused, stopped, waiting for an
 * interrupt or has no thread. @wait: returns after it ran. Any thread; a vCPU that waits here
 * serves what others ask of it meanwhile, so that two may wait for each other. */
void vmt_vcpu_run_on (VmtVcpu *vcpu, void (*func) (VmtVcpu *vcpu, gpointer data), gpointer data,
                      gboolean wait);

/* Power state: a stopped vCPU executes nothing until it is started. */
typedef enum
{
  VMT_VCPU_STOPPED,
  VMT_VCPU_START_PENDING,
  VMT_VCPU_STARTED
} VmtVcpuPower;
VmtVcpuPower vmt_vcpu_get_power (VmtVcpu *vcpu);
/* Any thread. Starts a stopped vCPU after @setup (nullable; sets registers) ran on its thread;
 * @destroy (nullable) frees @data, whatever happens. FALSE: it is not stopped. */
gboolean vmt_vcpu_start (VmtVcpu *vcpu, void (*setup) (VmtVcpu *vcpu, gpointer data), gpointer data,
                         GDestroyNotify destroy);
/* On its own thread: stops at the end of the present block. */
void vmt_vcpu_stop (VmtVcpu *vcpu);
/* Whether the caller may touch the vCPU's state: its own thread, or a proxy's. */
gboolean vmt_vcpu_is_own (VmtVcpu *vcpu);

G_END_DECLS
