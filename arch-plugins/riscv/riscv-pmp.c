/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "riscv-state.h"

/* Physical memory protection (privileged manual, "Physical Memory Protection"), granularity 4
 * bytes. */

#define PMP_R 1u
#define PMP_W 2u
#define PMP_X 4u
#define PMP_A_SHIFT 3
#define PMP_L 0x80u
enum
{
  PMP_OFF,
  PMP_TOR,
  PMP_NA4,
  PMP_NAPOT
};
#define PMP_ADDR_MASK ((G_GUINT64_CONSTANT (1) << (RISCV_PA_BITS - 2)) - 1)

/* Decodes the entries into ranges, in order of priority. */
void
riscv_pmp_update (RiscvState *r)
{
  r->n_pmp = 0;
  for (guint i = 0; i < r->config.pmp_count; i++)
    {
      const guint8 cfg = r->pmpcfg[i];
      const guint64 addr = r->pmpaddr[i];
      RiscvPmpRange *range = &r->pmp[r->n_pmp];

      switch (cfg >> PMP_A_SHIFT & 3)
        {
        case PMP_TOR:
          range->lo = i > 0 ? r->pmpaddr[i - 1] << 2 : 0;
          if (addr << 2 <= range->lo)
            continue;
          range->hi = (addr << 2) - 1;
          break;
        case PMP_NA4:
          range->lo = addr << 2;
          range->hi = range->lo + 3;
          break;
        case PMP_NAPOT:
          {
            /* 2^(3 + trailing ones) bytes */
            const guint64 ones = addr ^ (addr + 1);
            range->lo = (addr & ~ones) << 2;
            range->hi = range->lo + (ones << 2 | 3);
            break;
          }
        default:
          continue;
        }
      range->perm = (cfg & PMP_R ? VMT_ACCESS_LOAD : 0) | (cfg & PMP_W ? VMT_ACCESS_STORE : 0) |
                    (cfg & PMP_X ? VMT_ACCESS_FETCH : 0);
      range->locked = (cfg & PMP_L) != 0;
      r->n_pmp++;
    }
  vmt_tlb_flush_all (&r->vcpu);
}

guint
riscv_pmp_access (RiscvState *r, guint64 pa, guint64 size, guint priv)
{
  const guint all = VMT_ACCESS_LOAD | VMT_ACCESS_STORE | VMT_ACCESS_FETCH;
  const guint64 last = pa + size - 1;

  for (guint i = 0; i < r->n_pmp; i++)
    {
      const RiscvPmpRange *range = &r->pmp[i];
      if (last < range->lo || pa > range->hi)
        continue;
      /* The entry that matches any byte decides, and must match all. */
      if (pa < range->lo || last > range->hi)
        return 0;
      return priv == RISCV_M && !range->locked ? all : range->perm;
    }
  return priv == RISCV_M || r->config.pmp_count == 0 ? all : 0;
}

gboolean
riscv_pmp_is_uniform (RiscvState *r, guint64 pa, guint shift)
{
  const guint64 first = pa >> shift << shift,
                last = first + ((G_GUINT64_CONSTANT (1) << shift) - 1);

  for (guint i = 0; i < r->n_pmp; i++)
    {
      const RiscvPmpRange *range = &r->pmp[i];
      if (last < range->lo || first > range->hi)
        continue;
      return first >= range->lo && last <= range->hi;
    }
  return TRUE;
}

guint64
riscv_pmp_get_cfg (RiscvState *r, guint index)
{
  guint64 value = 0;

  for (guint i = 0; i < 8; i++)
    value |= (guint64)r->pmpcfg[index * 8 + i] << (8 * i);
  return value;
}

void
riscv_pmp_set_cfg (RiscvState *r, guint index, guint64 value)
{
  for (guint i = 0; i < 8; i++)
    {
      const guint n = index * 8 + i;
      guint8 cfg = value >> (8 * i) & 0x9f;

      if (n >= r->config.pmp_count || (r->pmpcfg[n] & PMP_L) != 0)
        continue;
      /* W without R is reserved. */
      if ((cfg & (PMP_R | PMP_W)) == PMP_W)
        cfg &= ~PMP_W;
      r->pmpcfg[n] = cfg;
    }
  riscv_pmp_update (r);
}

guint64
riscv_pmp_get_addr (RiscvState *r, guint index)
{
  return r->pmpaddr[index];
}

void
riscv_pmp_set_addr (RiscvState *r, guint index, guint64 value)
{
  if (index >= r->config.pmp_count || (r->pmpcfg[index] & PMP_L) != 0)
    return;
  /* A locked TOR entry locks the address below it too. */
  if (index + 1 < r->config.pmp_count && (r->pmpcfg[index + 1] & PMP_L) != 0 &&
      (r->pmpcfg[index + 1] >> PMP_A_SHIFT & 3) == PMP_TOR)
    return;
  r->pmpaddr[index] = value & PMP_ADDR_MASK;
  riscv_pmp_update (r);
}
