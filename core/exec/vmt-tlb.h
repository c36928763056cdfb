/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

#include "vmt-ram.h"

G_BEGIN_DECLS

typedef struct _VmtVcpu VmtVcpu;

#define VMT_TLB_READ_BITS 10
#define VMT_TLB_WRITE_BITS 10
#define VMT_TLB_FETCH_BITS 10
#define VMT_TLB_BANKS 16

/* A hit is (va & (page mask | (size - 1))) == tag: misaligned accesses miss and take the slow path.
 * host = va + addend. Only RAM is ever entered; write entries only for pages whose state byte is 0.
 */
typedef struct
{
  guint64 tag;
  guint64 addend;
} VmtTlbEntry;

/* Addresses from @base on, @size of which are where accesses may begin whose last byte is @span
 * bytes behind their first: host = va + addend for all of it. A tier fills it from the read or
 * write table, one page or several; core empties it (@size 0) when that no longer holds. */
typedef struct
{
  guint64 base, size, addend, span;
} VmtTlbRange;
#define VMT_TLB_RANGES 32

/**
 * VmtTlbBank:
 *
 * The first-level TLB of one (address space, privilege) pair. A context switch changes the vCPU's
 * bank pointer.
 */
struct _VmtTlbBank
{
  VmtTlbEntry read[1 << VMT_TLB_READ_BITS];
  VmtTlbEntry write[1 << VMT_TLB_WRITE_BITS];
  VmtTlbEntry fetch[1 << VMT_TLB_FETCH_BITS];
  VmtTlbRange ranges[VMT_TLB_RANGES]; /* for tiers: by whatever they like */
  guint64 ranges_filled;              /* those that are; a tier sets bits */
};
typedef struct _VmtTlbBank VmtTlbBank;

/* For tiers, on the vCPU's thread: fills range @i of the present bank for @va, as far as the first
 * level has neighbouring pages that lie side by side in the host's memory, too. Returns its addend,
 * or 0: the first level does not have all of it. */
guint64 vmt_tlb_fill_range (VmtVcpu *vcpu, guint64 va, guint span, gboolean write, guint i);

/* For architectures, on the vCPU's thread. @key: everything that a data or fetch translation
 * depends on besides the page tables' contents (privilege of fetch and data, SUM, MXR, table root's
 * ASID, mode). @asid: for invalidation. Keeps the bank if there is one, else takes the least
 * recently used, emptied. */
void vmt_tlb_select (VmtVcpu *vcpu, guint64 key, guint32 asid);
void vmt_tlb_flush_all (VmtVcpu *vcpu);
/* Entries of one ASID; global ones stay. */
void vmt_tlb_flush_asid (VmtVcpu *vcpu, guint32 asid);
/* Entries for @va of one ASID, or with @any_asid of all, global ones included. */
void vmt_tlb_flush_page (VmtVcpu *vcpu, guint64 va, guint32 asid, gboolean any_asid);

G_END_DECLS
