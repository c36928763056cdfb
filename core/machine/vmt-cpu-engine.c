/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "vmt-cpu-engine.h"

#include "vmt-vcpu.h"

void
vmt_cpu_flush_tlb (VmtCpu *self, guint64 va, guint64 size, gint64 asid)
{
  VmtVcpu *vcpu = vmt_cpu_get_vcpu (self);

  if (vcpu == NULL)
    return;
  if (size > G_MAXUINT64 - va || va + size > G_MAXUINT64 - VMT_PAGE_SIZE)
    {
      if (asid < 0)
        vmt_tlb_flush_all (vcpu);
      else
        vmt_tlb_flush_asid (vcpu, asid);
      return;
    }
  for (guint64 page = va & VMT_PAGE_MASK; page < va + size; page += VMT_PAGE_SIZE)
    vmt_tlb_flush_page (vcpu, page, asid < 0 ? 0 : asid, asid < 0);
}

void
vmt_cpu_wait (VmtCpu *self)
{
  VmtVcpu *vcpu = vmt_cpu_get_vcpu (self);

  if (vcpu != NULL)
    vmt_vcpu_wait (vcpu);
}

gboolean
vmt_cpu_is_waiting (VmtCpu *self)
{
  VmtVcpu *vcpu = vmt_cpu_get_vcpu (self);

  return vcpu != NULL && __atomic_load_n (&vcpu->waiting, __ATOMIC_RELAXED);
}
