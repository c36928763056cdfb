/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "vmt-tlb.h"

#include <string.h>

#include "vmt-exec-private.h"

/* No address with the low bits that a probe keeps has this tag. */
#define TAG_NONE G_MAXUINT64
#define KEY_NONE G_MAXUINT64

G_STATIC_ASSERT (G_STRUCT_OFFSET (VmtTlbBank, ranges) % sizeof (VmtTlbEntry) == 0);

static inline guint
large_bit (guint64 va)
{
  return (guint)(((va >> VMT_TLB2_LARGE_SHIFT) * G_GUINT64_CONSTANT (0x9e3779b97f4a7c15)) >> 58);
}

/* Mappings of other sizes than 4 KiB and 2 MiB are cached in pieces of these: the GiB that they are
 * in is remembered, and a flush of any address there drops all of its pieces with everything else.
 */
static inline guint64
odd_bit (guint64 va)
{
  return G_GUINT64_CONSTANT (1) << (((va >> 30) * G_GUINT64_CONSTANT (0x9e3779b97f4a7c15)) >> 58);
}

static inline VmtTlbBankInfo *
bank_info (VmtVcpuPriv *priv, VmtTlbBank *bank)
{
  return &priv->bank_info[bank - priv->banks];
}

void
vmt_tlb_init (VmtVcpu *vcpu)
{
  VmtVcpuPriv *priv = vcpu->priv;
  priv->banks = g_aligned_alloc (VMT_TLB_BANKS, sizeof (VmtTlbBank), 4096);
  priv->tlb2 = g_new0 (VmtTlb2Entry, VMT_TLB2_SETS * VMT_TLB2_WAYS);
  priv->tlb2_large = g_new0 (VmtTlb2Entry, VMT_TLB2_LARGE_SETS * VMT_TLB2_WAYS);
  /* 0 is what entries that were never filled have. */
  priv->gen_global = 1;
  for (guint i = 0; i < VMT_TLB_ASIDS; i++)
    priv->gen_asid[i] = 1;
  for (guint i = 0; i < VMT_TLB_BANKS; i++)
    priv->bank_info[i].key = KEY_NONE;
  vmt_tlb_select (vcpu, 0, 0);
}

void
vmt_tlb_fini (VmtVcpu *vcpu)
{
  VmtVcpuPriv *priv = vcpu->priv;
  g_aligned_free (priv->banks);
  g_free (priv->tlb2);
  g_free (priv->tlb2_large);
}

static void
clear_ranges (VmtTlbBank *bank)
{
  memset (bank->ranges, 0, sizeof bank->ranges);
  bank->ranges_filled = 0;
}

/* Those within which @at is, an address of the guest's or, with @host, of the host's memory. */
static void
drop_ranges (VmtTlbBank *bank, guint64 at, gboolean host)
{
  for (guint64 left = bank->ranges_filled; left != 0; left &= left - 1)
    {
      const guint i = (guint)__builtin_ctzll (left);
      VmtTlbRange *range = &bank->ranges[i];
      /* more of the last page than what an access leaves of it counts as well */
      if (at - (host ? range->base + range->addend : range->base) < range->size)
        {
          range->size = 0;
          bank->ranges_filled &= ~(G_GUINT64_CONSTANT (1) << i);
        }
    }
}

/* Up to so many pages on each side. */
#define RANGE_PAGES 64
static gboolean
has_page (const VmtTlbEntry *table, guint64 va, guint64 addend)
{
  const VmtTlbEntry *e = &table[va >> VMT_PAGE_SHIFT & ((1u << VMT_TLB_READ_BITS) - 1)];
  return e->tag == va && e->addend == addend;
}
G_STATIC_ASSERT (VMT_TLB_READ_BITS == VMT_TLB_WRITE_BITS);

guint64
vmt_tlb_fill_range (VmtVcpu *vcpu, guint64 va, guint span, gboolean write, guint i)
{
  VmtTlbBank *bank = vcpu->bank;
  VmtTlbRange *range = &bank->ranges[i];
  const VmtTlbEntry *table = write ? bank->write : bank->read;
  const guint64 page = va & VMT_PAGE_MASK;
  const guint64 addend = table[page >> VMT_PAGE_SHIFT & ((1u << VMT_TLB_READ_BITS) - 1)].addend;
  guint up = 1, down = 0;

  range->size = 0;
  range->span = span;
  if (!has_page (table, page, addend))
    return 0;
  while (up < RANGE_PAGES && has_page (table, page + up * VMT_PAGE_SIZE, addend))
    up++;
  while (down < RANGE_PAGES && has_page (table, page - (down + 1) * VMT_PAGE_SIZE, addend))
    down++;
  range->base = page - down * VMT_PAGE_SIZE;
  const guint64 size = (guint64)(up + down) * VMT_PAGE_SIZE;
  if (va - range->base + span >= size)
    return 0;
  range->addend = addend;
  range->size = size - span;
  bank->ranges_filled |= G_GUINT64_CONSTANT (1) << i;
  return addend;
}

/* Clears what was used. */
static void
clear_bank (VmtVcpuPriv *priv, guint b)
{
  VmtTlbBankInfo *info = &priv->bank_info[b];
  guint8 *entries = (guint8 *)&priv->banks[b];
  for (guint w = 0; w < G_N_ELEMENTS (info->touched); w++)
    {
      guint64 bits = info->touched[w];
      info->touched[w] = 0;
      while (bits != 0)
        {
          gsize chunk = w * 64 + (guint)__builtin_ctzll (bits);
          gsize from = (chunk << VMT_TLB_CHUNK_BITS) * sizeof (VmtTlbEntry);
          gsize size = MIN (G_STRUCT_OFFSET (VmtTlbBank, ranges) - from, sizeof (VmtTlbEntry)
                                                                             << VMT_TLB_CHUNK_BITS);
          memset (entries + from, 0xff, size);
          bits &= bits - 1;
        }
    }
  info->large = 0;
  clear_ranges (&priv->banks[b]);
}

/* What was known of addresses holds no longer. */
void
vmt_tlb_forget_jumps (VmtVcpu *vcpu)
{
  __atomic_store_n (&vcpu->jump_stale, 0, __ATOMIC_SEQ_CST);
  __atomic_store_n (&vcpu->jump_noted, 0, __ATOMIC_SEQ_CST);
  vcpu->jump_generation++;
  memset (vcpu->jump_pages, 0, sizeof vcpu->jump_pages);
}

static void
use_bank (VmtVcpu *vcpu, guint b, guint32 asid)
{
  VmtVcpuPriv *priv = vcpu->priv;
  priv->bank_info[b].last = ++priv->lru;
  priv->bank_info[b].asid = asid;
  vcpu->bank = &priv->banks[b];
  priv->last_bank[1] = priv->last_bank[0];
  priv->last_bank[0] = (guint8)b;
}

void
vmt_tlb_select (VmtVcpu *vcpu, guint64 key, guint32 asid)
{
  VmtVcpuPriv *priv = vcpu->priv;
  /* mostly to and fro between two */
  for (guint i = 0; i < G_N_ELEMENTS (priv->last_bank); i++)
    {
      const VmtTlbBankInfo *info = &priv->bank_info[priv->last_bank[i]];
      if (info->used && info->key == key)
        {
          use_bank (vcpu, priv->last_bank[i], asid);
          return;
        }
    }
  guint victim = 0;
  for (guint b = 0; b < VMT_TLB_BANKS; b++)
    {
      VmtTlbBankInfo *info = &priv->bank_info[b];
      if (info->used && info->key == key)
        {
          use_bank (vcpu, b, asid);
          return;
        }
      if (info->last < priv->bank_info[victim].last)
        victim = b;
    }
  vmt_tlb_forget_jumps (vcpu);
  VmtTlbBankInfo *info = &priv->bank_info[victim];
  if (!info->used)
    {
      /* Its memory was never touched: banks that a guest does not need cost nothing. */
      memset (&priv->banks[victim], 0xff, G_STRUCT_OFFSET (VmtTlbBank, ranges));
      clear_ranges (&priv->banks[victim]);
      info->used = TRUE;
    }
  else
    clear_bank (priv, victim);
  info->key = key;
  use_bank (vcpu, victim, asid);
}

static void
drop_all_tlb2 (VmtVcpuPriv *priv)
{
  priv->gen_global++;
  for (guint i = 0; i < VMT_TLB_ASIDS; i++)
    priv->gen_asid[i]++;
}

void
vmt_tlb_flush_all (VmtVcpu *vcpu)
{
  VmtVcpuPriv *priv = vcpu->priv;
  priv->n_flushes++;
  vmt_tlb_forget_jumps (vcpu);
  for (guint b = 0; b < VMT_TLB_BANKS; b++)
    if (priv->bank_info[b].used)
      clear_bank (priv, b);
  drop_all_tlb2 (priv);
  priv->odd = 0;
}

void
vmt_tlb_flush_asid (VmtVcpu *vcpu, guint32 asid)
{
  VmtVcpuPriv *priv = vcpu->priv;
  priv->n_flushes++;
  vmt_tlb_forget_jumps (vcpu);
  /* The first level does not know which entries are global: they come back from the second. */
  for (guint b = 0; b < VMT_TLB_BANKS; b++)
    if (priv->bank_info[b].used && priv->bank_info[b].asid == asid)
      clear_bank (priv, b);
  priv->gen_asid[asid % VMT_TLB_ASIDS]++;
}

static void
drop_tlb2 (VmtTlb2Entry *set, guint64 page, guint32 asid, gboolean any_asid)
{
  for (guint w = 0; w < VMT_TLB2_WAYS; w++)
    if (set[w].page == page && (any_asid || (set[w].asid == asid && !set[w].global)))
      set[w].gen = 0;
}

void
vmt_tlb_flush_page (VmtVcpu *vcpu, guint64 va, guint32 asid, gboolean any_asid)
{
  VmtVcpuPriv *priv = vcpu->priv;
  guint64 page = va >> VMT_PAGE_SHIFT;
  guint64 tag = va & VMT_PAGE_MASK;
  gboolean odd = (priv->odd & odd_bit (va)) != 0;
  priv->n_flushes++;
  if (vcpu->jump_pages[page / 64 % G_N_ELEMENTS (vcpu->jump_pages)] >> (page % 64) & 1)
    vmt_tlb_forget_jumps (vcpu);
  for (guint b = 0; b < VMT_TLB_BANKS; b++)
    {
      VmtTlbBankInfo *info = &priv->bank_info[b];
      if (!info->used || (!any_asid && info->asid != asid))
        continue;
      if (odd || (info->large & (G_GUINT64_CONSTANT (1) << large_bit (va))))
        {
          /* @va may be in a large page, any piece of which may be here. */
          vmt_tlb_forget_jumps (vcpu);
          clear_bank (priv, b);
          continue;
        }
      VmtTlbBank *bank = &priv->banks[b];
      drop_ranges (bank, tag, FALSE);
      VmtTlbEntry *e = &bank->read[page & ((1 << VMT_TLB_READ_BITS) - 1)];
      if (e->tag == tag)
        e->tag = TAG_NONE;
      e = &bank->write[page & ((1 << VMT_TLB_WRITE_BITS) - 1)];
      if (e->tag == tag)
        e->tag = TAG_NONE;
      e = &bank->fetch[page & ((1 << VMT_TLB_FETCH_BITS) - 1)];
      if (e->tag == tag)
        e->tag = TAG_NONE;
    }
  if (odd)
    {
      drop_all_tlb2 (priv);
      return;
    }
  drop_tlb2 (&priv->tlb2[(page % VMT_TLB2_SETS) * VMT_TLB2_WAYS], page, asid, any_asid);
  page = va >> VMT_TLB2_LARGE_SHIFT;
  drop_tlb2 (&priv->tlb2_large[(page % VMT_TLB2_LARGE_SETS) * VMT_TLB2_WAYS], page, asid, any_asid);
}

/* Every write entry that leads to the host page, under whatever address. */
void
vmt_tlb_drop_writes (VmtVcpu *vcpu, const guint8 *host_page)
{
  VmtVcpuPriv *priv = vcpu->priv;
  const guint first =
      (G_STRUCT_OFFSET (VmtTlbBank, write) / sizeof (VmtTlbEntry)) >> VMT_TLB_CHUNK_BITS;
  const guint n = (1 << VMT_TLB_WRITE_BITS) >> VMT_TLB_CHUNK_BITS;
  for (guint b = 0; b < VMT_TLB_BANKS; b++)
    {
      VmtTlbBankInfo *info = &priv->bank_info[b];
      if (!info->used)
        continue;
      drop_ranges (&priv->banks[b], (guint64)(guintptr)host_page, TRUE);
      for (guint c = 0; c < n; c++)
        if (info->touched[(first + c) / 64] & (G_GUINT64_CONSTANT (1) << ((first + c) % 64)))
          {
            VmtTlbEntry *e = &priv->banks[b].write[c << VMT_TLB_CHUNK_BITS];
            for (guint i = 0; i < 1 << VMT_TLB_CHUNK_BITS; i++)
              if (e[i].tag + e[i].addend == (guint64)(guintptr)host_page)
                e[i].tag = TAG_NONE, e[i].addend = 0;
          }
    }
}

static void
fill (VmtVcpu *vcpu, VmtTlbEntry *e, guint64 va, const guint8 *host, gboolean large)
{
  VmtVcpuPriv *priv = vcpu->priv;
  VmtTlbBankInfo *info = bank_info (priv, vcpu->bank);
  gsize index = (gsize)(e - (VmtTlbEntry *)vcpu->bank) >> VMT_TLB_CHUNK_BITS;
  info->touched[index / 64] |= G_GUINT64_CONSTANT (1) << (index % 64);
  if (large)
    info->large |= G_GUINT64_CONSTANT (1) << large_bit (va);
  e->tag = va & VMT_PAGE_MASK;
  e->addend = (guint64)(guintptr)host - va;
}

/* The region of a physical address. Only RAM is remembered. */
static gboolean
find_region (VmtVcpu *vcpu, guint64 pa, VmtResolved *out)
{
  VmtVcpuPriv *priv = vcpu->priv;
  guint generation = vmt_address_space_get_generation (vcpu->space);
  if (priv->region_ram == NULL || generation != priv->region_generation ||
      pa - priv->region.base >= priv->region.size)
    {
      VmtMemoryRegion region;
      if (!vmt_address_space_find (vcpu->space, pa, &region) || region.ram == NULL)
        {
          out->host = NULL;
          out->ram = NULL;
          return FALSE;
        }
      priv->region = region;
      priv->region_ram = vmt_exec_find_ram (priv->exec, region.ram, TRUE);
      priv->region_generation = generation;
      if (priv->region_ram == NULL)
        {
          out->host = NULL;
          out->ram = NULL;
          return FALSE;
        }
    }
  out->ram = priv->region_ram;
  out->ram_offset = priv->region.ram_offset + (pa - priv->region.base);
  out->host = out->ram->ram->host + out->ram_offset;
  out->readonly = priv->region.readonly;
  return TRUE;
}

gboolean
vmt_exec_resolve_physical (VmtVcpu *vcpu, guint64 pa, VmtResolved *out)
{
  out->pa = pa;
  out->cached = FALSE;
  return find_region (vcpu, pa, out);
}

/* Translates @va for an access of @size bytes inside one page, and fills the first level where it
 * may. FALSE: an exception is pending. */
gboolean
vmt_exec_resolve (VmtVcpu *vcpu, guint64 va, guint size, VmtAccess access, VmtResolved *out)
{
  VmtVcpuPriv *priv = vcpu->priv;
  const VmtTlbBankInfo *info = bank_info (priv, vcpu->bank);
  const guint64 key = info->key;
  const guint32 asid = info->asid;
  const guint64 gen = priv->gen_asid[asid % VMT_TLB_ASIDS];
  guint64 page = va >> VMT_PAGE_SHIFT;
  VmtTlb2Entry *set = &priv->tlb2[(page % VMT_TLB2_SETS) * VMT_TLB2_WAYS];
  gboolean large = FALSE;
  gboolean hit = FALSE;

  for (guint w = 0; w < VMT_TLB2_WAYS && !hit; w++)
    if (set[w].page == page && set[w].key == key && (set[w].access & access) &&
        set[w].gen == (set[w].global ? priv->gen_global : gen))
      {
        out->pa = set[w].pa | (va & ~VMT_PAGE_MASK);
        hit = TRUE;
      }
  if (!hit)
    {
      page = va >> VMT_TLB2_LARGE_SHIFT;
      VmtTlb2Entry *large_set = &priv->tlb2_large[(page % VMT_TLB2_LARGE_SETS) * VMT_TLB2_WAYS];
      for (guint w = 0; w < VMT_TLB2_WAYS && !hit; w++)
        if (large_set[w].page == page && large_set[w].key == key &&
            (large_set[w].access & access) &&
            large_set[w].gen == (large_set[w].global ? priv->gen_global : gen))
          {
            out->pa =
                large_set[w].pa | (va & ((G_GUINT64_CONSTANT (1) << VMT_TLB2_LARGE_SHIFT) - 1));
            hit = large = TRUE;
          }
    }
  out->cached = TRUE;
  if (hit)
    priv->n_tlb2_hits++;
  else
    {
      VmtTranslation t = { 0 };
      priv->n_walks++;
      if (!vcpu->arch->translate (vcpu, va, size, access, &t))
        return FALSE;
      out->pa = t.pa;
      if (t.page_shift < VMT_PAGE_SHIFT)
        out->cached = FALSE;
      else
        {
          guint shift = VMT_PAGE_SHIFT;
          large = t.page_shift >= VMT_TLB2_LARGE_SHIFT;
          if (large)
            {
              shift = VMT_TLB2_LARGE_SHIFT;
              page = va >> shift;
              set = &priv->tlb2_large[(page % VMT_TLB2_LARGE_SETS) * VMT_TLB2_WAYS];
            }
          else
            page = va >> shift;
          guint way = priv->tlb2_next++ % VMT_TLB2_WAYS;
          for (guint w = 0; w < VMT_TLB2_WAYS; w++)
            if (set[w].page == page && set[w].key == key)
              {
                way = w;
                break;
              }
          VmtTlb2Entry *e = &set[way];
          e->page = page;
          e->key = key;
          e->pa = t.pa >> shift << shift;
          e->asid = asid;
          e->access = t.access | access;
          e->global = t.global;
          e->gen = t.global ? priv->gen_global : gen;
          if (t.page_shift != shift)
            priv->odd |= odd_bit (va);
        }
    }

  if (!find_region (vcpu, out->pa, out) || !out->cached)
    return TRUE;
  const gboolean keep_out =
      G_UNLIKELY (priv->exec->stress != NULL) && vmt_exec_stress_keeps_out (vcpu);
  if (keep_out && access != VMT_ACCESS_STORE)
    return TRUE;
  const guint64 first = va >> VMT_PAGE_SHIFT;
  const guint8 *host = out->host;
  switch (access)
    {
    case VMT_ACCESS_LOAD:
      fill (vcpu, &vcpu->bank->read[first & ((1 << VMT_TLB_READ_BITS) - 1)], va, host, large);
      break;
    case VMT_ACCESS_FETCH:
      fill (vcpu, &vcpu->bank->fetch[first & ((1 << VMT_TLB_FETCH_BITS) - 1)], va, host, large);
      break;
    case VMT_ACCESS_STORE:
      if (!out->readonly)
        {
          /* Who sets a state bit reads the writers after it, and has them drop their entries:
           * either it sees this bit, or the state is seen here. */
          guint64 *writers = &out->ram->writers[out->ram_offset >> VMT_PAGE_SHIFT];
          if (!(__atomic_load_n (writers, __ATOMIC_SEQ_CST) & vmt_vcpu_writer_bit (vcpu)))
            __atomic_fetch_or (writers, vmt_vcpu_writer_bit (vcpu), __ATOMIC_SEQ_CST);
          if (vmt_ram_get_page_state (out->ram->ram, out->ram_offset) == 0 && !keep_out)
            fill (vcpu, &vcpu->bank->write[first & ((1 << VMT_TLB_WRITE_BITS) - 1)], va, host,
                  large);
        }
      break;
    }
  return TRUE;
}
