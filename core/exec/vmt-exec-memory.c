/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The slow path of loads and stores: what missed the first-level TLB, is misaligned, crosses a
 * page, or is no plain RAM. */
#include <string.h>

#include "vmt-exec-private.h"

static inline gboolean
probe (const VmtTlbEntry *entries, guint bits, guint64 va, guint8 **host)
{
  const VmtTlbEntry *e = &entries[(va >> VMT_PAGE_SHIFT) & ((1u << bits) - 1)];
  if ((va & VMT_PAGE_MASK) != e->tag)
    return FALSE;
  *host = (guint8 *)(guintptr)(va + e->addend);
  return TRUE;
}

static inline gboolean
crosses (guint64 va, guint size)
{
  return (va & ~VMT_PAGE_MASK) + size > VMT_PAGE_SIZE;
}

/* RAM within one page at any alignment. Aligned accesses are single-copy atomic. */
static inline guint64
load_ram (const guint8 *host, guint size)
{
  if (((guintptr)host & (size - 1)) == 0)
    return vmt_exec_load_host (host, size);
  guint64 value = 0;
  memcpy (&value, host, size);
  return value;
}

static inline void
store_ram (guint8 *host, guint size, guint64 value)
{
  if (((guintptr)host & (size - 1)) == 0)
    vmt_exec_store_host (host, size, value);
  else
    memcpy (host, &value, size);
}

static gboolean
load_in_page (VmtVcpu *vcpu, guint64 va, guint size, guint attr, guint64 *value)
{
  VmtAccess access = (attr & VMT_IR_MEM_ATOMIC_FAULT) ? VMT_ACCESS_STORE : VMT_ACCESS_LOAD;
  VmtResolved at;
  guint8 *host;
  if (access == VMT_ACCESS_LOAD && probe (vcpu->bank->read, VMT_TLB_READ_BITS, va, &host))
    {
      *value = load_ram (host, size);
      return TRUE;
    }
  if (!vmt_exec_resolve (vcpu, va, size, access, &at))
    return FALSE;
  if (at.host != NULL)
    {
      *value = load_ram (at.host, size);
      return TRUE;
    }
  if (size == 1 || size == 2 || size == 4 || size == 8)
    {
      if (vmt_address_space_read (vcpu->space, at.pa, size, value) == VMT_MEM_OK)
        return TRUE;
    }
  vcpu->arch->raise_fault (vcpu, VMT_FAULT_ACCESS, va, access);
  return FALSE;
}

/* Parts of an access that crosses a page have 1 to 7 bytes: registers have no such widths, so those
 * are read one by one. */
static gboolean
load_part (VmtVcpu *vcpu, guint64 va, guint size, guint attr, guint64 *value)
{
  VmtAccess access = (attr & VMT_IR_MEM_ATOMIC_FAULT) ? VMT_ACCESS_STORE : VMT_ACCESS_LOAD;
  VmtResolved at;
  if (!vmt_exec_resolve (vcpu, va, size, access, &at))
    return FALSE;
  *value = 0;
  if (at.host == NULL)
    {
      vcpu->arch->raise_fault (vcpu, VMT_FAULT_ACCESS, va, access);
      return FALSE;
    }
  memcpy (value, at.host, size);
  return TRUE;
}

gboolean
vmt_vcpu_load (VmtVcpu *vcpu, guint64 va, guint size, guint attr, guint64 *value)
{
  if ((va & (size - 1)) != 0)
    {
      if (attr & VMT_IR_MEM_ALIGNED)
        {
          vcpu->arch->raise_fault (vcpu, VMT_FAULT_MISALIGNED, va, VMT_ACCESS_LOAD);
          return FALSE;
        }
      if (crosses (va, size))
        {
          guint first = VMT_PAGE_SIZE - (guint)(va & ~VMT_PAGE_MASK);
          guint64 low, high;
          if (!load_part (vcpu, va, first, attr, &low) ||
              !load_part (vcpu, va + first, size - first, attr, &high))
            return FALSE;
          *value = low | high << (8 * first);
          return TRUE;
        }
    }
  return load_in_page (vcpu, va, size, attr, value);
}

static void
store_resolved (VmtVcpu *vcpu, const VmtResolved *at, guint size, guint64 value)
{
  /* With state 0 this vCPU is among the page's writers, and stays there until its next safepoint:
   * see vmt-exec-page.c. */
  if (vmt_ram_get_page_state (at->ram->ram, at->ram_offset) == 0)
    store_ram (at->host, size, value);
  else
    vmt_exec_store_tracked (vcpu, at, size, value);
}

/* Whether a store there would succeed; raises. */
static gboolean
resolve_store (VmtVcpu *vcpu, guint64 va, guint size, VmtResolved *at)
{
  if (!vmt_exec_resolve (vcpu, va, size, VMT_ACCESS_STORE, at))
    return FALSE;
  if (at->host != NULL && at->readonly)
    {
      vcpu->arch->raise_fault (vcpu, VMT_FAULT_ACCESS, va, VMT_ACCESS_STORE);
      return FALSE;
    }
  return TRUE;
}

gboolean
vmt_vcpu_store (VmtVcpu *vcpu, guint64 va, guint size, guint attr, guint64 value)
{
  VmtResolved at;
  guint8 *host;
  if ((va & (size - 1)) != 0)
    {
      if (attr & VMT_IR_MEM_ALIGNED)
        {
          vcpu->arch->raise_fault (vcpu, VMT_FAULT_MISALIGNED, va, VMT_ACCESS_STORE);
          return FALSE;
        }
      if (crosses (va, size))
        {
          /* Nothing is stored before both parts may be. */
          guint first = VMT_PAGE_SIZE - (guint)(va & ~VMT_PAGE_MASK);
          VmtResolved high;
          if (!resolve_store (vcpu, va, first, &at) ||
              !resolve_store (vcpu, va + first, size - first, &high))
            return FALSE;
          if (at.host == NULL || high.host == NULL)
            {
              vcpu->arch->raise_fault (vcpu, VMT_FAULT_ACCESS, at.host == NULL ? va : va + first,
                                       VMT_ACCESS_STORE);
              return FALSE;
            }
          for (guint i = 0; i < size; i++)
            {
              VmtResolved byte = i < first ? at : high;
              guint64 shift = i < first ? i : i - first;
              byte.host += shift;
              byte.pa += shift;
              byte.ram_offset += shift;
              store_resolved (vcpu, &byte, 1, (value >> (8 * i)) & 0xff);
            }
          return TRUE;
        }
    }
  if (probe (vcpu->bank->write, VMT_TLB_WRITE_BITS, va, &host))
    {
      store_ram (host, size, value);
      return TRUE;
    }
  vcpu->priv->n_store_slow++;
  if (!resolve_store (vcpu, va, size, &at))
    return FALSE;
  if (at.host != NULL)
    {
      store_resolved (vcpu, &at, size, value);
      return TRUE;
    }
  if (vmt_address_space_write (vcpu->space, at.pa, size, value) == VMT_MEM_OK)
    return TRUE;
  vcpu->arch->raise_fault (vcpu, VMT_FAULT_ACCESS, va, VMT_ACCESS_STORE);
  return FALSE;
}

gpointer
vmt_vcpu_map (VmtVcpu *vcpu, guint64 va, guint *size, VmtAccess access)
{
  VmtResolved at;
  guint left = VMT_PAGE_SIZE - (guint)(va & ~VMT_PAGE_MASK);
  guint8 *host;
  *size = MIN (*size, left);
  if (access == VMT_ACCESS_STORE)
    {
      if (probe (vcpu->bank->write, VMT_TLB_WRITE_BITS, va, &host))
        return host;
      if (!resolve_store (vcpu, va, *size, &at))
        return NULL;
      if (at.host == NULL || vmt_ram_get_page_state (at.ram->ram, at.ram_offset) != 0)
        return NULL;
      return at.host;
    }
  if (access == VMT_ACCESS_LOAD && probe (vcpu->bank->read, VMT_TLB_READ_BITS, va, &host))
    return host;
  if (!vmt_exec_resolve (vcpu, va, *size, access, &at))
    return NULL;
  return at.host;
}

gboolean
vmt_vcpu_probe (VmtVcpu *vcpu, guint64 va, guint size, gboolean store)
{
  const VmtFault fault = vcpu->fault;
  const guint32 pending = vcpu->fault_pending;
  gboolean ok = TRUE;
  while (size > 0 && ok)
    {
      VmtResolved at;
      guint n = MIN (size, VMT_PAGE_SIZE - (guint)(va & ~VMT_PAGE_MASK));
      ok = store ? resolve_store (vcpu, va, n, &at)
                 : vmt_exec_resolve (vcpu, va, n, VMT_ACCESS_LOAD, &at);
      if (ok && at.host == NULL)
        {
          /* Registers: whether they answer is known only by asking, so only whether there are any.
           */
          VmtMemoryRegion region;
          ok = vmt_address_space_find (vcpu->space, at.pa, &region);
        }
      va += n;
      size -= n;
    }
  vcpu->fault = fault;
  vcpu->fault_pending = pending;
  return ok;
}
