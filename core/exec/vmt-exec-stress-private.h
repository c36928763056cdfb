/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "vmt-exec.h"

G_BEGIN_DECLS

/* When the run loop tells VmtExecStress.visit. */
typedef enum
{
  /* vcpu->fault is about to be delivered; vcpu->pc and icount are those of its instruction. */
  VMT_EXEC_VISIT_EXCEPTION,
  /* Interrupts are about to be looked at, then guest code is entered at vcpu->pc. */
  VMT_EXEC_VISIT_ENTER,
} VmtExecVisit;

/**
 * VmtExecStress:
 * @seed: of the random choices; the same ones follow from the same seed, vCPU and order of visits
 * @cache_limit: bytes of code, below what vmt_exec_set_cache_limit() takes; 0: as it is
 * @kill_all: one in so many visits drops all translations, 0 none
 * @kill_one: one in so many visits drops a translation at random, 0 none
 * @flush: one in so many visits flushes the vCPU's TLBs, 0 none
 * @no_fill: one in so many walks leaves the first-level TLB as it is, so that the access comes
 * again to the slow path; 1: all of them; 0 none
 * @refuse: one in so many lookups by tiers are answered with NULL: the run loop must look, and no
 * link is made; 1: all of them; 0 none
 * @refuse_first: the first so many lookups by tiers as well
 * @no_jump_cache: lookups do not fill the jump caches
 * @levels: code is compiled at a level at random, and promoted after a few executions
 * @visit: (nullable): on the vCPU's thread, with no lock held; may change the vCPU's state and make
 * requests
 *
 * What tests turn on to make seldom things frequent. All of it acts on slow paths of core/exec:
 * a tier honours it by calling vmt_exec_lookup() and vmt_vcpu_load() where it has to anyway.
 */
typedef struct
{
  guint64 seed;
  guint64 cache_limit;
  guint kill_all, kill_one, flush, no_fill, refuse;
  guint64 refuse_first;
  gboolean no_jump_cache, levels;
  void (*visit) (VmtVcpu *vcpu, VmtExecVisit why, gpointer data);
  gpointer data;
} VmtExecStress;

/* Before vmt_exec_start(). Copies it; NULL: no stress. */
void vmt_exec_set_stress (VmtExec *self, const VmtExecStress *stress);
/* How many lookups tiers have asked for. While paused. */
guint64 vmt_exec_get_stress_lookups (VmtExec *self);

G_END_DECLS
