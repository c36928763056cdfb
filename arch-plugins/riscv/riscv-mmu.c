/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "riscv-state.h"

#define PTE_V RISCV_BIT (0)
#define PTE_R RISCV_BIT (1)
#define PTE_W RISCV_BIT (2)
#define PTE_X RISCV_BIT (3)
#define PTE_U RISCV_BIT (4)
#define PTE_G RISCV_BIT (5)
#define PTE_A RISCV_BIT (6)
#define PTE_D RISCV_BIT (7)
#define PTE_PPN_SHIFT 10
#define PTE_PPN ((G_GUINT64_CONSTANT (1) << 44) - 1)
#define PTE_RESERVED (G_GUINT64_CONSTANT (0x7f) << 54)
#define PTE_PBMT_SHIFT 61
#define PTE_PBMT (G_GUINT64_CONSTANT (3) << PTE_PBMT_SHIFT)
#define PTE_N RISCV_BIT (63)

/* Svnapot: the only size there is. */
#define NAPOT_SHIFT 16
#define NAPOT_PPN 8u

/* Untranslated memory is cached in pieces of this size: what the second-level TLB holds in one
 * entry. */
#define BARE_SHIFT 21

static guint
data_priv (const RiscvState *r)
{
  return r->mstatus & RISCV_MSTATUS_MPRV ? r->mstatus >> RISCV_MSTATUS_MPP_SHIFT & 3 : r->priv;
}

/* Recomputes the mode key and takes the TLB bank of the present translation regime. */
void
riscv_update_mode (VmtVcpu *vcpu)
{
  RiscvState *r = riscv_state (vcpu);
  const guint fs = (r->mstatus & RISCV_MSTATUS_FS) != 0;
  const guint dp = data_priv (r);
  guint64 key = r->config.ext << RISCV_MODE_EXT_SHIFT | r->priv;

  if (!fs)
    key |= RISCV_MODE_FS_OFF;
  else
    {
      if ((r->mstatus & RISCV_MSTATUS_FS) == RISCV_MSTATUS_FS)
        key |= RISCV_MODE_FS_DIRTY;
      if (r->fp.round > VMT_FP_RMM)
        key |= RISCV_MODE_FRM_INVALID;
    }
  vcpu->mode_key = key;

  guint64 bank = r->priv | dp << 2;
  guint32 asid = RISCV_ASID_NONE;
  if (r->satp >> RISCV_SATP_MODE_SHIFT != RISCV_SATP_BARE && (r->priv != RISCV_M || dp != RISCV_M))
    {
      asid = r->satp >> RISCV_SATP_ASID_SHIFT & 0xffff;
      bank |= r->satp >> RISCV_SATP_MODE_SHIFT << 8 | (guint64)asid << 16;
      if (dp == RISCV_S && (r->mstatus & RISCV_MSTATUS_SUM) != 0)
        bank |= 1 << 4;
      if (dp != RISCV_M && (r->mstatus & RISCV_MSTATUS_MXR) != 0)
        bank |= 1 << 5;
    }
  vmt_tlb_select (vcpu, bank, asid);
}

void
riscv_raise_fault (VmtVcpu *vcpu, VmtFaultKind kind, guint64 va, VmtAccess access)
{
  static const guint8 causes[3][3] = {
    [VMT_FAULT_ACCESS] = { RISCV_CAUSE_LOAD_ACCESS, RISCV_CAUSE_STORE_ACCESS,
                           RISCV_CAUSE_FETCH_ACCESS },
    [VMT_FAULT_PAGE] = { RISCV_CAUSE_LOAD_PAGE, RISCV_CAUSE_STORE_PAGE, RISCV_CAUSE_FETCH_PAGE },
    [VMT_FAULT_MISALIGNED] = { RISCV_CAUSE_LOAD_MISALIGNED, RISCV_CAUSE_STORE_MISALIGNED,
                               RISCV_CAUSE_FETCH_MISALIGNED },
  };
  const guint column = access == VMT_ACCESS_LOAD ? 0 : access == VMT_ACCESS_STORE ? 1 : 2;

  vmt_vcpu_raise (vcpu, causes[kind][column], va);
}

/* Page tables live in RAM; anything else is an access fault. */
static guint64 *
pte_pointer (RiscvState *r, guint64 pa, VmtMemoryRegion *region)
{
  if (!vmt_address_space_find (r->vcpu.space, pa, region) || region->ram == NULL ||
      pa - region->base > region->size - 8)
    return NULL;
  return (guint64 *)(region->ram->host + region->ram_offset + (pa - region->base));
}

/* Sets bits in an entry unless another hart changed it meanwhile. */
static gboolean
update_pte (RiscvState *r, const VmtMemoryRegion *region, guint64 *where, guint64 pte, guint64 bits)
{
  const guint64 offset = (guint64)((guint8 *)where - region->ram->host);
  guint64 expected = GUINT64_TO_LE (pte);

  vmt_address_space_notify_store (r->vcpu.space, region->ram, offset, 8);
  return __atomic_compare_exchange_n (where, &expected, GUINT64_TO_LE (pte | bits), FALSE,
                                      __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
}

typedef struct
{
  guint64 pte, pa; /* the leaf, and where the byte asked for is */
  guint shift;
  gboolean global;
} Leaf;

typedef enum
{
  WALK_OK,
  WALK_PAGE_FAULT,
  WALK_ACCESS_FAULT
} WalkResult;

/* Looks for the leaf of @va, "Virtual Address Translation Process" steps 1 to 5. *@where is its
 * place in memory. */
static WalkResult
walk (RiscvState *r, guint64 va, gboolean check_pmp, Leaf *leaf, VmtMemoryRegion *region,
      guint64 **where)
{
  const guint levels = (guint)(r->satp >> RISCV_SATP_MODE_SHIFT) - RISCV_SATP_SV39 + 3;
  const guint va_bits = 12 + 9 * levels;
  const gint64 sign = (gint64)va >> (va_bits - 1);
  guint64 table = (r->satp & RISCV_SATP_PPN) << 12;

  if (sign != 0 && sign != -1)
    return WALK_PAGE_FAULT;
  leaf->global = FALSE;
  for (guint level = levels; level-- > 0;)
    {
      const guint shift = 12 + 9 * level;
      const guint64 at = table + (va >> shift & 511) * 8;

      if (check_pmp && (riscv_pmp_access (r, at, 8, RISCV_S) & VMT_ACCESS_LOAD) == 0)
        return WALK_ACCESS_FAULT;
      *where = pte_pointer (r, at, region);
      if (*where == NULL)
        return WALK_ACCESS_FAULT;
      const guint64 pte = GUINT64_FROM_LE (RISCV_ATOMIC_LOAD (*where));
      if ((pte & PTE_V) == 0 || (pte & (PTE_R | PTE_W)) == PTE_W || (pte & PTE_RESERVED) != 0)
        return WALK_PAGE_FAULT;
      const guint64 ppn = pte >> PTE_PPN_SHIFT & PTE_PPN;
      leaf->global |= (pte & PTE_G) != 0;
      if ((pte & (PTE_R | PTE_X)) == 0)
        {
          /* Reserved in entries that point to a table. */
          if ((pte & (PTE_A | PTE_D | PTE_U | PTE_PBMT | PTE_N)) != 0)
            return WALK_PAGE_FAULT;
          table = ppn << 12;
          continue;
        }
      const guint pbmt = pte >> PTE_PBMT_SHIFT & 3;
      if (pbmt == 3 || (pbmt != 0 && (r->menvcfg & RISCV_ENVCFG_PBMTE) == 0))
        return WALK_PAGE_FAULT;
      leaf->shift = shift;
      guint64 base = ppn << 12;
      if ((pte & PTE_N) != 0)
        {
          if (!r->config.svnapot || level != 0 || (ppn & 15) != NAPOT_PPN)
            return WALK_PAGE_FAULT;
          leaf->shift = NAPOT_SHIFT;
          base &= ~((G_GUINT64_CONSTANT (1) << NAPOT_SHIFT) - 1);
        }
      const guint64 offset = (G_GUINT64_CONSTANT (1) << leaf->shift) - 1;
      if ((base & offset) != 0)
        return WALK_PAGE_FAULT; /* a misaligned superpage */
      leaf->pte = pte;
      leaf->pa = base | (va & offset);
      return WALK_OK;
    }
  return WALK_PAGE_FAULT;
}

/* Fills in @out for physical @pa with what PMP says, within a mapping of 1 << @shift. */
static gboolean
finish (RiscvState *r, guint64 va, guint64 pa, guint shift, guint access_mask, guint size,
        guint priv, VmtAccess access, VmtTranslation *out)
{
  static const guint8 shifts[] = { 30, 21, 12 };
  const guint allowed = riscv_pmp_access (r, pa, MAX (size, 1), priv);

  if ((allowed & access) == 0 || pa >> RISCV_PA_BITS != 0)
    {
      riscv_raise_fault (&r->vcpu, VMT_FAULT_ACCESS, va, access);
      return FALSE;
    }
  out->pa = pa;
  out->access = access_mask & allowed;
  out->page_shift = 0;
  if (r->n_pmp == 0)
    out->page_shift = shift;
  for (guint i = 0; i < G_N_ELEMENTS (shifts) && out->page_shift == 0; i++)
    {
      const guint s = MIN (shifts[i], shift);
      if (riscv_pmp_is_uniform (r, pa, s))
        out->page_shift = s;
    }
  return TRUE;
}

gboolean
riscv_translate (VmtVcpu *vcpu, guint64 va, guint size, VmtAccess access, VmtTranslation *out)
{
  RiscvState *r = riscv_state (vcpu);
  const guint priv = access == VMT_ACCESS_FETCH ? r->priv : data_priv (r);
  /* Fetches and data may run under different privileges: one does not stand for the other. */
  const guint kinds =
      access == VMT_ACCESS_FETCH ? VMT_ACCESS_FETCH : VMT_ACCESS_LOAD | VMT_ACCESS_STORE;
  VmtMemoryRegion region;
  guint64 *where = NULL;
  Leaf leaf;

  out->global = FALSE;
  if (priv == RISCV_M || r->satp >> RISCV_SATP_MODE_SHIFT == RISCV_SATP_BARE)
    return finish (r, va, va, BARE_SHIFT, kinds, size, priv, access, out);

  /* Again when another hart changed the entry under us: bounded, then a fault that the guest may
   * retry. */
  for (guint attempt = 0; attempt < 64; attempt++)
    {
      switch (walk (r, va, TRUE, &leaf, &region, &where))
        {
        case WALK_OK:
          break;
        case WALK_PAGE_FAULT:
          riscv_raise_fault (vcpu, VMT_FAULT_PAGE, va, access);
          return FALSE;
        case WALK_ACCESS_FAULT:
          riscv_raise_fault (vcpu, VMT_FAULT_ACCESS, va, access);
          return FALSE;
        }
      const guint64 pte = leaf.pte;
      guint mask = 0;
      if ((pte & PTE_U) != 0 ? priv == RISCV_U || (access != VMT_ACCESS_FETCH &&
                                                   (r->mstatus & RISCV_MSTATUS_SUM) != 0)
                             : priv == RISCV_S)
        {
          if ((pte & PTE_R) != 0 || ((pte & PTE_X) != 0 && (r->mstatus & RISCV_MSTATUS_MXR) != 0))
            mask |= VMT_ACCESS_LOAD;
          if ((pte & PTE_W) != 0)
            mask |= VMT_ACCESS_STORE;
          if ((pte & PTE_X) != 0)
            mask |= VMT_ACCESS_FETCH;
        }
      guint64 bits = 0;
      if ((pte & PTE_A) == 0)
        bits |= PTE_A;
      if (access == VMT_ACCESS_STORE && (pte & PTE_D) == 0)
        bits |= PTE_D;
      if ((mask & access) == 0 || (bits != 0 && (r->menvcfg & RISCV_ENVCFG_ADUE) == 0))
        {
          riscv_raise_fault (vcpu, VMT_FAULT_PAGE, va, access);
          return FALSE;
        }
      if (((pte | bits) & PTE_D) == 0)
        mask &= ~VMT_ACCESS_STORE;
      if (!finish (r, va, leaf.pa, leaf.shift, mask & kinds, size, priv, access, out))
        return FALSE;
      if (bits != 0)
        {
          const guint64 at =
              region.base + (guint64)((guint8 *)where - region.ram->host) - region.ram_offset;
          if (region.readonly || (riscv_pmp_access (r, at, 8, RISCV_S) & VMT_ACCESS_STORE) == 0)
            {
              riscv_raise_fault (vcpu, VMT_FAULT_ACCESS, va, access);
              return FALSE;
            }
          if (!update_pte (r, &region, where, pte, bits))
            continue;
        }
      out->global = leaf.global;
      return TRUE;
    }
  riscv_raise_fault (vcpu, VMT_FAULT_PAGE, va, access);
  return FALSE;
}

gboolean
riscv_translate_debug (VmtVcpu *vcpu, guint64 va, VmtTranslation *out)
{
  RiscvState *r = riscv_state (vcpu);
  VmtMemoryRegion region;
  guint64 *where;
  Leaf leaf;

  *out = (VmtTranslation){ .pa = va,
                           .page_shift = VMT_PAGE_SHIFT,
                           .access = VMT_ACCESS_LOAD | VMT_ACCESS_STORE | VMT_ACCESS_FETCH };
  if (data_priv (r) == RISCV_M || r->satp >> RISCV_SATP_MODE_SHIFT == RISCV_SATP_BARE)
    return va >> RISCV_PA_BITS == 0;
  if (walk (r, va, FALSE, &leaf, &region, &where) != WALK_OK)
    return FALSE;
  out->pa = leaf.pa;
  out->page_shift = leaf.shift;
  out->global = leaf.global;
  return TRUE;
}
