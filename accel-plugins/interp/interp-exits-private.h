/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* How a block is left. @slot is the slot with the link: it counts, in d, how often it is followed,
 * for the profile, until that is known well enough. */
#pragma once

#include "interp-atoms-private.h"

/* Counts in place, so that every handler keeps a jump of its own, which the host's processor
 * predicts better than one that all share. TRUE: the block is to be told. Lost updates of several
 * vCPUs do not matter. */
static inline gboolean
interp_count (const InterpOp *slot)
{
  guint16 *counter = (guint16 *)&slot->d;
  const guint n = __atomic_load_n (counter, __ATOMIC_RELAXED);
  if (G_LIKELY (n >= INTERP_COUNT_MAX))
    return FALSE;
  __atomic_store_n (counter, (guint16)(n + 1), __ATOMIC_RELAXED);
  return (n + 1) % INTERP_COUNT_STEP == 0;
}

#define FOLLOW_NEAR_NOW(slot)                                                                      \
  do                                                                                               \
    {                                                                                              \
      const InterpLink *link = (slot)->pointer;                                                    \
      const InterpOp *to = __atomic_load_n (&link->target, __ATOMIC_ACQUIRE);                      \
      vcpu->icount += link->count;                                                                 \
      if (G_LIKELY (to != NULL && __atomic_load_n (&vcpu->exit_request, __ATOMIC_RELAXED) == 0))   \
        GO (to, acc, acc2);                                                                        \
      ip = (slot);                                                                                 \
      FINISH (interp_follow_slow);                                                                 \
    }                                                                                              \
  while (0)

/* Another page: the target must be what is mapped there now. It says itself where it is, so that a
 * link that is remade meanwhile cannot be followed by halves. */
#define FOLLOW_FAR_NOW(slot)                                                                       \
  do                                                                                               \
    {                                                                                              \
      const InterpLink *link = (slot)->pointer;                                                    \
      const InterpOp *to = __atomic_load_n (&link->target, __ATOMIC_ACQUIRE);                      \
      const guint64 va = vcpu->page_va + (guint64)(gint64)link->offset;                            \
      const VmtTlbEntry *e =                                                                       \
          &vcpu->bank->fetch[(va >> VMT_PAGE_SHIFT) & ((1u << VMT_TLB_FETCH_BITS) - 1)];           \
      vcpu->icount += link->count;                                                                 \
      if (G_LIKELY (to != NULL && (va & VMT_PAGE_MASK) == e->tag &&                                \
                    va + e->addend == interp_stream_at (to, 0)->host &&                            \
                    __atomic_load_n (&vcpu->exit_request, __ATOMIC_RELAXED) == 0))                 \
        {                                                                                          \
          vcpu->page_va = va & VMT_PAGE_MASK;                                                      \
          GO (to, acc, acc2);                                                                      \
        }                                                                                          \
      ip = (slot);                                                                                 \
      FINISH (interp_follow_slow);                                                                 \
    }                                                                                              \
  while (0)

#define FOLLOW_NEAR(slot)                                                                          \
  do                                                                                               \
    {                                                                                              \
      if (G_LIKELY (!interp_count (slot)))                                                         \
        FOLLOW_NEAR_NOW (slot);                                                                    \
      ip = (slot);                                                                                 \
      FINISH (interp_follow_near_counting);                                                        \
    }                                                                                              \
  while (0)
#define FOLLOW_FAR(slot)                                                                           \
  do                                                                                               \
    {                                                                                              \
      if (G_LIKELY (!interp_count (slot)))                                                         \
        FOLLOW_FAR_NOW (slot);                                                                     \
      ip = (slot);                                                                                 \
      FINISH (interp_follow_far_counting);                                                         \
    }                                                                                              \
  while (0)

/* aux: instructions retired. The next slot has a link that is never made: for the counts. */
#define FOLLOW_INDIRECT_NOW(address)                                                               \
  do                                                                                               \
    {                                                                                              \
      const guint64 va = (address);                                                                \
      const VmtTlbEntry *e =                                                                       \
          &vcpu->bank->fetch[(va >> VMT_PAGE_SHIFT) & ((1u << VMT_TLB_FETCH_BITS) - 1)];           \
      vcpu->icount += ip->aux;                                                                     \
      if (G_LIKELY ((va & VMT_PAGE_MASK) == e->tag))                                               \
        {                                                                                          \
          const guint64 host = va + e->addend;                                                     \
          const VmtExecBlock *block =                                                              \
              __atomic_load_n (vmt_jump_cache_slot (vcpu->jump_cache, host), __ATOMIC_ACQUIRE);    \
          if (G_LIKELY (block != NULL && block->host == host &&                                    \
                        block->mode_key == vcpu->mode_key && block->entry == interp_enter &&       \
                        __atomic_load_n (&vcpu->exit_request, __ATOMIC_RELAXED) == 0))             \
            {                                                                                      \
              vcpu->page_va = va & VMT_PAGE_MASK;                                                  \
              const InterpOp *to = ((const InterpStream *)block->tier_data)->ops;                  \
              GO (to, acc, acc2);                                                                  \
            }                                                                                      \
        }                                                                                          \
      interp_scratch (vcpu)->va = va;                                                              \
      FINISH (interp_indirect_slow);                                                               \
    }                                                                                              \
  while (0)
#define FOLLOW_INDIRECT(address, counting)                                                         \
  do                                                                                               \
    {                                                                                              \
      if (G_LIKELY (!interp_count (ip + 1)))                                                       \
        FOLLOW_INDIRECT_NOW (address);                                                             \
      FINISH (counting);                                                                           \
    }                                                                                              \
  while (0)

#define BRANCH_M R (ip->b)
#define BRANCH_A acc
#define BRANCH_B acc2
#define BRANCH_I ip->imm

/* In interp-control.c: what seldom happens. @ip is the slot with the link; of the indirect ones,
 * the one before. */
void interp_follow_slow (const InterpOp *ip, VmtVcpu *vcpu, guint64 acc, guint64 acc2);
void interp_follow_near_counting (const InterpOp *ip, VmtVcpu *vcpu, guint64 acc, guint64 acc2);
void interp_follow_far_counting (const InterpOp *ip, VmtVcpu *vcpu, guint64 acc, guint64 acc2);
void interp_indirect_counting_A (const InterpOp *ip, VmtVcpu *vcpu, guint64 acc, guint64 acc2);
void interp_indirect_counting_B (const InterpOp *ip, VmtVcpu *vcpu, guint64 acc, guint64 acc2);
/* The address is in the scratch area. */
void interp_indirect_slow (const InterpOp *ip, VmtVcpu *vcpu, guint64 acc, guint64 acc2);
