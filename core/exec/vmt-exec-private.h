/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "vmt-exec-stress-private.h"
#include "vmt-exec.h"
#include "vmt-trace.h"

G_BEGIN_DECLS

typedef struct _VmtVcpuPriv VmtVcpuPriv;

/* A function that somebody wants to run on a vCPU's thread. Lives on the waiter's stack, or on the
 * heap when nobody waits. */
typedef struct _VmtExecWork VmtExecWork;
struct _VmtExecWork
{
  VmtExecWork *next;
  void (*func) (VmtVcpu *vcpu, gpointer data);
  gpointer data;
  gboolean heap, done;
};

/* Why a block dies. */
typedef enum
{
  VMT_EXEC_KILL_STORE,    /* its bytes were written */
  VMT_EXEC_KILL_EVICT,    /* for want of room */
  VMT_EXEC_KILL_SCATTERS, /* vmt_exec_block_scatters() */
  VMT_EXEC_KILL_DROP,     /* vmt_exec_code_kill() */
  VMT_EXEC_KILL_CLEAR,    /* reset, or the end */
  VMT_EXEC_N_KILLS
} VmtExecKill;

/* What is known about a page of RAM from which code was translated. Made on first use, freed with
 * the engine; fields under the code lock but for the atomic ones. */
typedef struct
{
  VmtExecBlock
      *blocks; /* that have bytes here: by page_next, by page2_next where it is their second page */
  guint64 mask;        /* atomic: 64-byte granules that have code in them */
  guint32 kills;       /* blocks lost to stores */
  guint32 releases;    /* times that it was let go */
  gboolean protected;  /* VMT_PAGE_CODE is set, and nobody has a write entry */
  guint32 idle_stores; /* atomic: stores since the page has no code */
  guint8 *scattered;   /* (nullable): a bit for each byte at which a block begins that is so */
  guint8 *seen; /* (nullable): a bit for each byte at which an instruction that was translated
                   begins; when that is measured */
} VmtCodePage;

typedef struct
{
  VmtRam *ram;
  VmtCodePage **pages; /* atomic pointers */
  /* atomic, one word a page: which vCPUs (index modulo 64) may have a write entry in a first-level
   * TLB */
  guint64 *writers;
} VmtExecRam;

/* Under the code lock. */
typedef struct
{
  guint64 blocks, instructions, distinct, ops, guest_bytes, host_bytes;
  guint64 decode_ns, ir_ns, emit_ns;
  guint64 kills[VMT_EXEC_N_KILLS];
} VmtExecCodeStats;

#define VMT_EXEC_MAX_RAMS 64
#define VMT_EXEC_MAX_VCPUS 1024
#define VMT_EXEC_HASH_BITS 16
#define VMT_EXEC_N_MONITORED 64

typedef struct
{
  VmtExecRam *ram;
  guint64 offset;
  guint stores;
} VmtExecMonitored;

struct _VmtExec
{
  VmtAddressSpace *space;
  VmtTier *tier;
  VmtExecHost host;
  VmtVcpu **vcpus;
  guint n_vcpus;
  GThread **threads;
  guint n_threads;

  /* Control: run state, work queues, parking. */
  GMutex lock;
  GCond changed; /* a vCPU parked, or work was done */
  gboolean started, paused, quit;

  /* The timer thread: see vmt-exec-timer.c. */
  GThread *timer_thread;
  GCond timer_cond;
  guint64 timer_target; /* atomic: what it sleeps until */
  gboolean timer_quit;

  /* Code. */
  GMutex code_lock;
  VmtExecBlock **hash; /* atomic heads */
  VmtExecBlock *fifo_first, *fifo_last;
  VmtExecBlock *garbage, *garbage_last; /* by hash_next, oldest first */
  guint n_garbage;
  guint64 epoch; /* atomic */
  guint64 bytes, limit;
  guint64 n_live, n_compiled, n_killed, n_evictions, n_promotions;
  guint promotion;
  VmtExecCodeStats code_stats;
  gboolean measuring; /* fixed while there are threads */
  guint64 clock_cost; /* nanoseconds of one reading */

  VmtExecRam rams[VMT_EXEC_MAX_RAMS];
  guint n_rams; /* atomic; grows only */
  GMutex ram_lock;

  /* Monitored pages: see vmt-exec-atomic.c. */
  GMutex monitor_lock;
  VmtExecMonitored monitored[VMT_EXEC_N_MONITORED];
  guint next_monitored;
  guint64 unmonitored; /* times that a page was let go */

  VmtExecStress *stress; /* (nullable): fixed while there are threads */
  VmtTrace *trace;       /* (nullable): ditto */
  gboolean shared_told; /* under the code lock: the trace knows what code the tier's blocks share */
};

/* One entry of the second-level TLB. */
typedef struct
{
  guint64 page; /* va >> shift of the table */
  guint64 key;
  guint64 pa;  /* of that page's start */
  guint64 gen; /* valid when it is the present generation of its ASID, or of global entries */
  guint32 asid;
  guint8 access, global;
} VmtTlb2Entry;

#define VMT_TLB2_WAYS 4
#define VMT_TLB2_SETS 512
#define VMT_TLB2_LARGE_SETS 64
#define VMT_TLB2_LARGE_SHIFT 21
#define VMT_TLB_CHUNK_BITS 5
#define VMT_TLB_N_ENTRIES (G_STRUCT_OFFSET (VmtTlbBank, ranges) / sizeof (VmtTlbEntry))
#define VMT_TLB_N_CHUNKS ((VMT_TLB_N_ENTRIES + (1 << VMT_TLB_CHUNK_BITS) - 1) >> VMT_TLB_CHUNK_BITS)
#define VMT_TLB_ASIDS 64

typedef struct
{
  guint64 key;
  guint32 asid;
  gboolean used;
  guint64 last; /* of the LRU clock */
  guint64 touched[(VMT_TLB_N_CHUNKS + 63) /
                  64]; /* chunks of entries that were filled since the last clear */
  guint64 large;       /* 2 MiB ranges, hashed, that have entries which belong to a large page */
} VmtTlbBankInfo;

struct _VmtVcpuPriv
{
  VmtVcpu *vcpu;
  VmtExec *exec;
  GThread *thread; /* (nullable) */
  GThread *proxy;  /* (nullable) under lock: who holds the parked vCPU */
  GCond cond;
  gboolean
      parked; /* under lock: outside guest code, and it stays there until the lock is taken again */
  guint32 sleeping; /* atomic: cond must be signalled for a request to be seen */
  VmtExecWork *work, **work_tail;
  VmtVcpuPower power;
  void (*setup) (VmtVcpu *vcpu, gpointer data);
  gpointer setup_data;
  GDestroyNotify setup_destroy;

  guint64 deadline;     /* atomic: when the timer thread makes the request */
  guint64 deadline_raw; /* what the architecture said */
  guint64 epoch;        /* atomic: of code that this vCPU may still be in */
  VmtIrBuilder *builder;

  VmtTlbBank *banks;
  VmtTlbBankInfo bank_info[VMT_TLB_BANKS];
  guint64 lru;
  guint8 last_bank[2];
  VmtTlb2Entry *tlb2, *tlb2_large;
  guint8 tlb2_next;
  guint64 odd;
  guint64 gen_global, gen_asid[VMT_TLB_ASIDS];

  /* The RAM region that was used last. */
  VmtMemoryRegion region;
  VmtExecRam *region_ram;
  guint region_generation;

  guint full_ll; /* so many more load-linked with a monitored page: see vmt-exec-atomic.c */
  gboolean reserve_paired;
  guint64 reserve_high;   /* of a reservation of 16 bytes */
  VmtExecBlock *uncached; /* the block that is run once */

  guint8 code[VMT_PAGE_SIZE], next_code[VMT_PAGE_SIZE]; /* what is being decoded */

  VmtExecStats published; /* under lock: as of the last safepoint */
  guint64 n_tlb2_hits, n_walks, n_flushes, n_lookups, n_store_slow, n_sleeps;
  guint64 n_entries, n_exceptions, n_interrupts;
  guint64 stress_random, n_stress_lookups;
};

#define VMT_RESERVE_NONE G_MAXUINT64

/* What a guest virtual address is. @host NULL: registers, or nothing. */
typedef struct
{
  guint8 *host;
  guint64 pa;
  VmtExecRam *ram;
  guint64 ram_offset;
  gboolean readonly, cached;
} VmtResolved;

/* vmt-exec.c */
gboolean vmt_exec_serve (VmtVcpu *vcpu);
/* vmt-vcpu.c: both with the lock held */
void vmt_vcpu_run_work (VmtVcpu *vcpu);
void vmt_vcpu_wake (VmtVcpu *vcpu);

/* vmt-exec-timer.c */
void vmt_exec_timer_start (VmtExec *self);
void vmt_exec_timer_stop (VmtExec *self);
void vmt_exec_timer_arm (VmtVcpu *vcpu);

/* vmt-tlb.c */
void vmt_tlb_init (VmtVcpu *vcpu);
void vmt_tlb_fini (VmtVcpu *vcpu);
void vmt_tlb_forget_jumps (VmtVcpu *vcpu);
void vmt_tlb_drop_writes (VmtVcpu *vcpu, const guint8 *host_page);
gboolean vmt_exec_resolve (VmtVcpu *vcpu, guint64 va, guint size, VmtAccess access,
                           VmtResolved *out);
gboolean vmt_exec_resolve_physical (VmtVcpu *vcpu, guint64 pa, VmtResolved *out);

/* vmt-exec-page.c */
VmtExecRam *vmt_exec_find_ram (VmtExec *self, VmtRam *ram, gboolean add);
void vmt_exec_protect (VmtVcpu *vcpu, VmtExecRam *ram, guint64 offset, guint8 state);
static inline guint64
vmt_vcpu_writer_bit (VmtVcpu *vcpu)
{
  return G_GUINT64_CONSTANT (1) << (vcpu->index & 63);
}

/* vmt-exec-code.c */
void vmt_exec_code_init (VmtExec *self);
void vmt_exec_code_fini (VmtExec *self);
void vmt_exec_code_clear (VmtExec *self);
/* Bytes have been stored in pages that have code. */
void vmt_exec_code_stored (VmtExec *self, VmtExecRam *ram, guint64 offset, guint64 size);

/* Block number @which of those that there are, counted from the oldest, around the end if need be;
 * G_MAXUINT64: all of them. */
void vmt_exec_code_kill (VmtExec *self, guint64 which);
/* vmt_exec_lookup() of the run loop itself. */
VmtExecBlock *vmt_exec_lookup_block (VmtVcpu *vcpu);

/* vmt-exec-stress.c: with self->stress set, on the vCPU's thread */
void vmt_exec_stress_enter (VmtVcpu *vcpu);
void vmt_exec_stress_exception (VmtVcpu *vcpu);
gboolean vmt_exec_stress_refuses (VmtVcpu *vcpu);
gboolean vmt_exec_stress_keeps_out (VmtVcpu *vcpu);
/* With or without: at which level code is compiled first, and how often it may run then. */
guint vmt_exec_get_first_level (VmtVcpu *vcpu);
guint vmt_exec_get_patience (VmtVcpu *vcpu);

/* vmt-exec-stats.c */
void _vmt_exec_measure (VmtExec *self);
guint64 _vmt_exec_get_cpu_time (void);
guint64 _vmt_exec_since (const VmtExec *self, guint64 start);
void _vmt_exec_count_block (VmtExec *self, VmtExecBlock *block, const VmtIrBlock *ir,
                            VmtCodePage *page);

/* vmt-exec-trace.c: with self->trace set */
void _vmt_exec_trace_block (VmtVcpu *vcpu, const VmtExecBlock *block);
void _vmt_exec_trace_exception (VmtVcpu *vcpu);
void _vmt_exec_trace_interrupt (VmtVcpu *vcpu, guint64 pc);
void _vmt_exec_trace_kill (VmtExec *self, const VmtExecBlock *block, VmtExecKill why);

/* vmt-exec-atomic.c */
/* Stores to a page whose state is not 0; all that follows from it. @value little endian, in a
 * register. */
void vmt_exec_store_tracked (VmtVcpu *vcpu, const VmtResolved *at, guint size, guint64 value);
void vmt_exec_clear_reservations (VmtExec *self, VmtRam *ram, guint64 offset, guint64 size,
                                  VmtVcpu *except);

static inline guint64
vmt_exec_load_host (const guint8 *host, guint size)
{
  switch (size)
    {
    case 1:
      return __atomic_load_n ((const guint8 *)host, __ATOMIC_RELAXED);
    case 2:
      return __atomic_load_n ((const guint16 *)host, __ATOMIC_RELAXED);
    case 4:
      return __atomic_load_n ((const guint32 *)host, __ATOMIC_RELAXED);
    default:
      return __atomic_load_n ((const guint64 *)host, __ATOMIC_RELAXED);
    }
}

static inline void
vmt_exec_store_host (guint8 *host, guint size, guint64 value)
{
  switch (size)
    {
    case 1:
      __atomic_store_n ((guint8 *)host, (guint8)value, __ATOMIC_RELAXED);
      break;
    case 2:
      __atomic_store_n ((guint16 *)host, (guint16)value, __ATOMIC_RELAXED);
      break;
    case 4:
      __atomic_store_n ((guint32 *)host, (guint32)value, __ATOMIC_RELAXED);
      break;
    default:
      __atomic_store_n ((guint64 *)host, value, __ATOMIC_RELAXED);
      break;
    }
}

G_END_DECLS
