/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "vmt-ir.h"
#include "vmt-ram.h"

G_BEGIN_DECLS

typedef struct _VmtVcpu VmtVcpu;
typedef struct _VmtExecBlock VmtExecBlock;

/* Runs @block, and whatever it chains to, until the run loop is needed; vcpu->pc is exact on
 * return. Every tier has this entry. */
typedef void (*VmtBlockEntry) (VmtVcpu *vcpu, VmtExecBlock *block);

/**
 * VmtExecBlock:
 * @pa: physical address of the first byte
 * @mode_key: see VmtArchOps.update_mode
 * @content: the identity's first part: a hash of the bytes that were decoded
 * @dead: atomic; set by invalidation: nobody enters it any more, memory goes when all vCPUs have
 * passed a safepoint
 * @level: how a tier that knows several ways compiles it: 0 quickly and small, it may never run
 * again; 1 for speed
 * @count: set before a tier compiles it at level 0: so often it may run before it asks for
 * vmt_exec_promote(); 0: never
 * @tier_data: the tier's compiled form
 * @code: (nullable): host code of it, for tiers that look it up from code of their own
 *
 * Translated guest code. Shared by all vCPUs of a machine. Successor and predecessor records serve
 * the region tier.
 */
struct _VmtExecBlock
{
  /* The first cache line is what lookups read: blocks are aligned to it. */
  VmtBlockEntry entry;
  gpointer tier_data;
  gconstpointer code;
  guint64 mode_key;
  /* Where its first byte is in the host's memory: with mode_key, the key of the run-time lookup
   * (RAM does not move; the physical map may). 0 for a block that only the run loop may enter: a
   * straddling one, or one that is not kept. */
  guint64 host;
  VmtExecBlock *hash_next; /* core/exec's */
  guint64 first_host;      /* core/exec's: as host, whoever may enter it */
  guint32 dead;
  guint32 count;

  VmtIrBlock *ir;
  guint64 host2;   /* of the second page of a straddling instruction, or 0 */
  guint64 pa, pa2; /* pa2: the second page's start of a straddling instruction, or 0 */
  guint64 content;
  guint32 size; /* bytes in the page */
  VmtRam *ram;
  guint64 ram_offset;
  guint32 bytes; /* memory of the compiled form; set by the tier, for the cache's limit */
  guint8 level;
  guint8 scattered;        /* set before a tier compiles it: see vmt_exec_block_scatters() */
  gboolean ir_is_builders; /* core/exec's: who keeps it takes a copy */
  /* core/exec's */
  VmtExecBlock *page_next, *page2_next;
  VmtExecBlock *fifo_prev, *fifo_next, *garbage_next;
  VmtRam *ram2;
  guint64 epoch;
  /* Profile: how often each kind of exit left it, filled in by tiers; kept when the block is
   * recompiled. */
  guint32 taken[4];
};

/* For tiers, on the vCPU's thread: the block at vcpu->page_va + page offset or wherever vcpu->pc
 * is, compiled, or NULL when the run loop must look (an exception, a request). vcpu->pc must be
 * set. */
VmtExecBlock *vmt_exec_lookup (VmtVcpu *vcpu);

/* For tiers, on the vCPU's thread: accesses of @block that the tier took to be near each other are
 * in too many places. The block dies; what is compiled in its place is told. */
void vmt_exec_block_scatters (VmtVcpu *vcpu, VmtExecBlock *block);

/* For tiers, while they compile @block: its IR stays as long as it does, as block->ir, which may be
 * another pointer then. */
void vmt_exec_block_keep_ir (VmtExecBlock *block);

/* For tiers, on the vCPU's thread: @block, of level 0, has run as often as block->count said:
 * a block of the same code at level 1, or NULL when the run loop must look. vcpu->pc must be set,
 * to where @block begins. @block itself stays: it is as right as before. */
VmtExecBlock *vmt_exec_promote (VmtVcpu *vcpu, VmtExecBlock *block);

/* For tiers: links from one block's compiled form to another's are made, and broken by
 * VmtTierClass.kill, under this lock. @lock: a link may be made only while neither block is dead.
 */
void vmt_exec_lock_code (VmtVcpu *vcpu);
void vmt_exec_unlock_code (VmtVcpu *vcpu);
/* For tiers, on the vCPU's thread, without that lock and outside of translated code: every block
 * dies. Whoever wants one compiles it again. */
void vmt_exec_drop_code (VmtVcpu *vcpu);

/* The per-vCPU cache of lookups that tiers probe inline: where the block that begins at host
 * address @host may be. A hit is block != NULL && block->host == @host && block->mode_key ==
 * vcpu->mode_key. */
#define VMT_JUMP_CACHE_BITS 15
static inline VmtExecBlock **
vmt_jump_cache_slot (VmtExecBlock **cache, guint64 host)
{
  return &cache[((host >> 1) ^ (host >> 13)) & ((1u << VMT_JUMP_CACHE_BITS) - 1)];
}

G_END_DECLS
