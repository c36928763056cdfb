/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "vmt-firmware-sbi.h"

/* More pages than this are flushed faster all at once. */
#define MAX_PAGES 64

/* A fence on its way to several harts. */
typedef struct
{
  int n_refs;
  guint64 start, size;
  gint64 asid; /* -1: all */
  gboolean code_only;
} Fence;

/* Calls @func for each hart of a hart mask (chapter 3.1) that runs. FALSE: the mask names one that
 * does not exist. */
static gboolean
for_each_hart (VmtFirmwareSbi *self, guint64 mask, guint64 base,
               void (*func) (VmtFirmwareSbi *self, SbiHart *hart, gpointer data), gpointer data)
{
  if (base == G_MAXUINT64)
    {
      for (guint i = 0; i < self->n_harts; i++)
        if (vmt_cpu_get_power (self->harts[i].cpu) == VMT_CPU_STARTED)
          func (self, &self->harts[i], data);
      return TRUE;
    }
  /* All of it is checked before anything is done. */
  for (guint pass = 0; pass < 2; pass++)
    for (guint64 rest = mask; rest != 0; rest &= rest - 1)
      {
        guint64 bit = __builtin_ctzll (rest);
        SbiHart *hart = base > G_MAXUINT64 - bit ? NULL : sbi_find_hart (self, base + bit);

        if (hart == NULL)
          return FALSE;
        if (pass == 1 && vmt_cpu_get_power (hart->cpu) == VMT_CPU_STARTED)
          func (self, hart, data);
      }
  return TRUE;
}

static void
send_ipi (VmtFirmwareSbi *self, SbiHart *hart, gpointer data)
{
  vmt_irq_set (&hart->soft, TRUE);
  vmt_irq_set (&hart->soft, FALSE);
}

SbiError
sbi_call_ipi (VmtFirmwareSbi *self, SbiHart *hart, SbiCall *call)
{
  if (call->fid != 0)
    return SBI_ERR_NOT_SUPPORTED;
  return for_each_hart (self, call->arg[0], call->arg[1], send_ipi, NULL) ? SBI_SUCCESS
                                                                          : SBI_ERR_INVALID_PARAM;
}

static void
fence_unref (Fence *fence)
{
  if (__atomic_sub_fetch (&fence->n_refs, 1, __ATOMIC_ACQ_REL) == 0)
    g_free (fence);
}

static void
fence_on (VmtCpu *cpu, gpointer data)
{
  Fence *fence = data;

  /* Code is always coherent here: to have come by a safepoint is the whole of FENCE.I. */
  if (!fence->code_only)
    vmt_cpu_flush_tlb (cpu, fence->start, fence->size, fence->asid);
  fence_unref (fence);
}

static void
nothing (VmtCpu *cpu, gpointer data)
{
}

static void
send_fence (VmtFirmwareSbi *self, SbiHart *hart, gpointer data)
{
  Fence *fence = data;

  __atomic_add_fetch (&fence->n_refs, 1, __ATOMIC_RELAXED);
  vmt_cpu_run_on (hart->cpu, fence_on, fence, FALSE);
}

/* What was queued before it on the hart has run when it returns; meanwhile this hart serves the
 * others. */
static void
await_fence (VmtFirmwareSbi *self, SbiHart *hart, gpointer data)
{
  vmt_cpu_run_on (hart->cpu, nothing, NULL, TRUE);
}

SbiError
sbi_call_rfence (VmtFirmwareSbi *self, SbiHart *hart, SbiCall *call)
{
  Fence *fence;
  gboolean ok;

  if (call->fid > 2)
    return SBI_ERR_NOT_SUPPORTED; /* there is no hypervisor extension */
  fence = g_new0 (Fence, 1);
  fence->n_refs = 1;
  fence->code_only = call->fid == 0;
  fence->start = call->arg[2];
  fence->size = call->arg[3];
  fence->asid = call->fid == 2 ? (gint64)(call->arg[4] & 0xffff) : -1;
  /* Chapter 8: both zero, or size all ones, mean everything. */
  if ((fence->start == 0 && fence->size == 0) || fence->size / VMT_PAGE_SIZE > MAX_PAGES)
    {
      fence->start = 0;
      fence->size = G_MAXUINT64;
    }
  ok = for_each_hart (self, call->arg[0], call->arg[1], send_fence, fence);
  if (ok)
    for_each_hart (self, call->arg[0], call->arg[1], await_fence, NULL);
  fence_unref (fence);
  return ok ? SBI_SUCCESS : SBI_ERR_INVALID_PARAM;
}
