/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Load-linked and store-conditional, atomic memory operations, and stores to pages with a state.
 *
 * A store-conditional has to fail if another vCPU stored to the reserved 64 bytes since the
 * load-linked, even if the value is the same again. Three cases, from cheap to dear:
 *
 * 1. One vCPU: nobody else stores but devices, which never do A-B-A within one request:
 * compare-and-swap.
 * 2. Paired (VMT_VCPU_ATTR_PAIRED): nothing but registers is touched between the two. The pair
 * reads one location and writes it: if it holds the value that was read when the compare-and-swap
 * succeeds, then reading it at that instant would have given the same, and no other access of this
 * vCPU could tell the two instants apart. So the load linearises there, and nothing was stored
 * between. This is every loop that the ISA guarantees to make progress, and costs no monitor.
 * 3. Else the page is monitored (vmt-exec-page.c: every store to it goes through
 * vmt_exec_store_tracked(), nobody has a write entry), and each store and each store-conditional to
 * a monitored page holds the monitor lock: a store clears the reservations of the other vCPUs, a
 * store-conditional checks its own. The page stays monitored until it has seen many stores, so that
 * a data structure that is used this way does not go to and fro.
 *
 * A reservation made for case 2 whose store-conditional is not its partner (a branch led elsewhere)
 * fails once, and the vCPU's next load-linked are of case 3, so that such code makes progress. */
#include "vmt-exec-private.h"

#define GRANULE_MASK (~(guint64)63)
#define MONITOR_STORES 2048
#define FULL_LL 256

static inline gboolean
is_shared (VmtVcpu *vcpu)
{
  return vcpu->exec->n_vcpus > 1;
}

void
vmt_vcpu_clear_reservation (VmtVcpu *vcpu)
{
  __atomic_store_n (&vcpu->reserve_addr, VMT_RESERVE_NONE, __ATOMIC_SEQ_CST);
}

/* Reservations are known by host address: of RAM, whatever its physical addresses are. */
static void
clear_reservations_at (VmtExec *self, const guint8 *host, guint64 size, VmtVcpu *except)
{
  guint64 first = (guint64)(guintptr)host & GRANULE_MASK;
  guint64 last = ((guint64)(guintptr)host + size - 1) & GRANULE_MASK;
  for (guint i = 0; i < self->n_vcpus; i++)
    {
      VmtVcpu *vcpu = self->vcpus[i];
      if (vcpu == except)
        continue;
      guint64 reserved = __atomic_load_n (&vcpu->reserve_addr, __ATOMIC_SEQ_CST);
      guint64 granule = reserved & GRANULE_MASK;
      if (reserved != VMT_RESERVE_NONE && granule >= first && granule <= last)
        __atomic_compare_exchange_n (&vcpu->reserve_addr, &reserved, VMT_RESERVE_NONE, FALSE,
                                     __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
    }
}

void
vmt_exec_clear_reservations (VmtExec *self, VmtRam *ram, guint64 offset, guint64 size,
                             VmtVcpu *except)
{
  g_mutex_lock (&self->monitor_lock);
  clear_reservations_at (self, ram->host + offset, size, except);
  g_mutex_unlock (&self->monitor_lock);
}

/* With the monitor lock: counts a store to a monitored page, and lets the page go when it had many
 * of them and nobody has a reservation there. */
static void
count_monitored_store (VmtExec *self, VmtExecRam *ram, guint64 offset)
{
  offset &= VMT_PAGE_MASK;
  for (guint i = 0; i < VMT_EXEC_N_MONITORED; i++)
    if (self->monitored[i].ram == ram && self->monitored[i].offset == offset)
      {
        if (++self->monitored[i].stores < MONITOR_STORES)
          return;
        self->monitored[i].ram = NULL;
        self->unmonitored++;
        clear_reservations_at (self, ram->ram->host + offset, VMT_PAGE_SIZE, NULL);
        vmt_ram_clear_page_state (ram->ram, offset, VMT_PAGE_MONITORED);
        return;
      }
}

static gboolean
is_remembered (VmtExec *self, VmtExecRam *ram, guint64 offset)
{
  offset &= VMT_PAGE_MASK;
  for (guint i = 0; i < VMT_EXEC_N_MONITORED; i++)
    if (self->monitored[i].ram == ram && self->monitored[i].offset == offset)
      return TRUE;
  return FALSE;
}

static void
remember_monitored (VmtExec *self, VmtExecRam *ram, guint64 offset)
{
  if (is_remembered (self, ram, offset))
    return;
  offset &= VMT_PAGE_MASK;
  VmtExecMonitored *m = &self->monitored[self->next_monitored++ % VMT_EXEC_N_MONITORED];
  if (m->ram != NULL)
    {
      self->unmonitored++;
      clear_reservations_at (self, m->ram->ram->host + m->offset, VMT_PAGE_SIZE, NULL);
      vmt_ram_clear_page_state (m->ram->ram, m->offset, VMT_PAGE_MONITORED);
    }
  m->ram = ram;
  m->offset = offset;
  m->stores = 0;
}

static void
after_store (VmtVcpu *vcpu, const VmtResolved *at, guint size)
{
  __atomic_thread_fence (__ATOMIC_SEQ_CST);
  guint8 state = vmt_ram_get_page_state (at->ram->ram, at->ram_offset);
  if (state & VMT_PAGE_CODE)
    vmt_exec_code_stored (vcpu->exec, at->ram, at->ram_offset, size);
  if (state & VMT_PAGE_WATCH)
    vmt_address_space_notify_watch (vcpu->space, at->ram->ram, at->ram_offset, size);
}

void
vmt_exec_store_tracked (VmtVcpu *vcpu, const VmtResolved *at, guint size, guint64 value)
{
  VmtExec *self = vcpu->exec;
  guint8 state = vmt_ram_get_page_state (at->ram->ram, at->ram_offset);
  gboolean monitored = (state & VMT_PAGE_MONITORED) != 0;
  if (monitored)
    {
      g_mutex_lock (&self->monitor_lock);
      clear_reservations_at (self, at->host, size, vcpu);
    }
  if (((guintptr)at->host & (size - 1)) == 0)
    vmt_exec_store_host (at->host, size, value);
  else
    for (guint i = 0; i < size; i++)
      vmt_exec_store_host (at->host + i, 1, (value >> (8 * i)) & 0xff);
  if (monitored)
    {
      count_monitored_store (self, at->ram, at->ram_offset);
      g_mutex_unlock (&self->monitor_lock);
    }
  after_store (vcpu, at, size);
}

/* RAM at @va that an atomic operation may use; raises. *@state: the page's, when it was asked for
 * after this vCPU became a writer. */
static gboolean
resolve_atomic (VmtVcpu *vcpu, guint64 va, guint size, VmtAccess access, VmtResolved *at,
                guint8 *state)
{
  if ((va & (size - 1)) != 0)
    {
      vcpu->arch->raise_fault (vcpu, VMT_FAULT_MISALIGNED, va, access);
      return FALSE;
    }
  const VmtTlbEntry *e =
      &vcpu->bank->write[(va >> VMT_PAGE_SHIFT) & ((1u << VMT_TLB_WRITE_BITS) - 1)];
  if (access == VMT_ACCESS_STORE && (va & VMT_PAGE_MASK) == e->tag)
    {
      /* state 0, and this vCPU is a writer */
      at->host = (guint8 *)(guintptr)(va + e->addend);
      *state = 0;
      return TRUE;
    }
  if (!vmt_exec_resolve (vcpu, va, size, access, at))
    return FALSE;
  if (at->host == NULL || (access == VMT_ACCESS_STORE && at->readonly))
    {
      vcpu->arch->raise_fault (vcpu, VMT_FAULT_ACCESS, va, access);
      return FALSE;
    }
  *state = vmt_ram_get_page_state (at->ram->ram, at->ram_offset);
  return TRUE;
}

/* Compares and swaps 16 bytes; @expected gets what was there. */
static gboolean
compare_and_swap_16 (guint8 *host, guint64 expected[2], const guint64 desired[2])
{
#if defined(__x86_64__)
  gboolean ok;
  __asm__ volatile("lock cmpxchg16b %1\n\tsete %0"
                   : "=q"(*(guint8 *)&ok), "+m"(*(guint64 (*)[2])host), "+a"(expected[0]),
                     "+d"(expected[1])
                   : "b"(desired[0]), "c"(desired[1])
                   : "memory", "cc");
  return ok & 0xff;
#elif defined(__aarch64__)
  guint64 lo, hi;
  guint32 failed;
  do
    {
      __asm__ volatile("ldaxp %0, %1, %2"
                       : "=&r"(lo), "=&r"(hi)
                       : "Q"(*(guint64 (*)[2])host)
                       : "memory");
      gboolean same = lo == expected[0] && hi == expected[1];
      /* What was read is one value only if it could be written back. */
      __asm__ volatile("stlxp %w0, %2, %3, %1"
                       : "=&r"(failed), "=Q"(*(guint64 (*)[2])host)
                       : "r"(same ? desired[0] : lo), "r"(same ? desired[1] : hi)
                       : "memory");
      if (!failed && same)
        return TRUE;
    }
  while (failed);
  expected[0] = lo;
  expected[1] = hi;
  return FALSE;
#else
  unsigned __int128 old = ((unsigned __int128)expected[1] << 64) | expected[0];
  unsigned __int128 new = ((unsigned __int128)desired[1] << 64) | desired[0];
  gboolean ok = __atomic_compare_exchange_n ((unsigned __int128 *)host, &old, new, FALSE,
                                             __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
  expected[0] = (guint64)old;
  expected[1] = (guint64)(old >> 64);
  return ok;
#endif
}

static void
load_16 (guint8 *host, guint64 value[2])
{
  const guint64 zero[2] = { 0, 0 };
  value[0] = value[1] = 0;
  /* the only read of 16 bytes in one piece that every host has: it stores what is there */
  compare_and_swap_16 (host, value, zero);
}

static void
load_reserved (guint8 *host, guint size, guint64 value[2])
{
  if (size == 16)
    load_16 (host, value);
  else
    value[0] = vmt_exec_load_host (host, size);
}

/* value[1] is 0 but for 16 bytes. */
static gboolean
load_linked (VmtVcpu *vcpu, guint64 va, guint size, guint attr, guint64 value[2])
{
  VmtVcpuPriv *priv = vcpu->priv;
  VmtExec *self = vcpu->exec;
  VmtResolved at;
  guint8 state;
  vmt_vcpu_clear_reservation (vcpu);
  if (!resolve_atomic (vcpu, va, size, VMT_ACCESS_LOAD, &at, &state))
    return FALSE;

  const gboolean paired =
      !is_shared (vcpu) || ((attr & VMT_VCPU_ATTR_PAIRED) && priv->full_ll == 0);
  priv->reserve_paired = paired;
  value[1] = 0;
  if (paired)
    {
      load_reserved (at.host, size, value);
      vcpu->reserve_size = (guint8)size;
      __atomic_store_n (&vcpu->reserve_addr, (guint64)(guintptr)at.host, __ATOMIC_SEQ_CST);
    }
  else
    {
      if (priv->full_ll > 0)
        priv->full_ll--;
      g_mutex_lock (&self->monitor_lock);
      /* A page is in the table once nobody has a write entry for it. */
      while (!is_remembered (self, at.ram, at.ram_offset))
        {
          const guint64 unmonitored = self->unmonitored;
          g_mutex_unlock (&self->monitor_lock);
          vmt_exec_protect (vcpu, at.ram, at.ram_offset, VMT_PAGE_MONITORED);
          g_mutex_lock (&self->monitor_lock);
          /* Let go meanwhile, the bit may be another vCPU's, which has not finished. */
          if (self->unmonitored == unmonitored &&
              vmt_ram_get_page_state (at.ram->ram, at.ram_offset) & VMT_PAGE_MONITORED)
            remember_monitored (self, at.ram, at.ram_offset);
        }
      __atomic_store_n (&vcpu->reserve_addr, (guint64)(guintptr)at.host, __ATOMIC_SEQ_CST);
      load_reserved (at.host, size, value);
      vcpu->reserve_size = (guint8)size;
      g_mutex_unlock (&self->monitor_lock);
    }
  vcpu->reserve_value = value[0];
  priv->reserve_high = value[1];
  if (attr & VMT_IR_MEM_ACQUIRE)
    __atomic_thread_fence (__ATOMIC_ACQUIRE);
  return TRUE;
}

static gboolean
compare_and_swap (guint8 *host, guint size, guint64 expected, guint64 value)
{
  switch (size)
    {
    case 1:
      {
        guint8 old = (guint8)expected;
        return __atomic_compare_exchange_n (host, &old, (guint8)value, FALSE, __ATOMIC_SEQ_CST,
                                            __ATOMIC_SEQ_CST);
      }
    case 2:
      {
        guint16 old = (guint16)expected;
        return __atomic_compare_exchange_n ((guint16 *)host, &old, (guint16)value, FALSE,
                                            __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
      }
    case 4:
      {
        guint32 old = (guint32)expected;
        return __atomic_compare_exchange_n ((guint32 *)host, &old, (guint32)value, FALSE,
                                            __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
      }
    default:
      return __atomic_compare_exchange_n ((guint64 *)host, &expected, value, FALSE,
                                          __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
    }
}

gboolean
vmt_vcpu_load_linked (VmtVcpu *vcpu, guint64 va, guint size, guint attr, guint64 *value)
{
  guint64 both[2];
  if (!load_linked (vcpu, va, size, attr, both))
    return FALSE;
  *value = both[0];
  return TRUE;
}

gboolean
vmt_vcpu_load_linked128 (VmtVcpu *vcpu, guint64 va, guint attr, guint64 value[2])
{
  return load_linked (vcpu, va, 16, attr, value);
}

static gboolean
swap_reserved (VmtVcpu *vcpu, guint8 *host, guint size, const guint64 value[2])
{
  if (size != 16)
    return compare_and_swap (host, size, vcpu->reserve_value, value[0]);
  guint64 expected[2] = { vcpu->reserve_value, vcpu->priv->reserve_high };
  return compare_and_swap_16 (host, expected, value);
}

static gboolean
store_conditional (VmtVcpu *vcpu, guint64 va, guint size, guint attr, const guint64 value[2],
                   guint64 *failed)
{
  VmtVcpuPriv *priv = vcpu->priv;
  VmtExec *self = vcpu->exec;
  VmtResolved at;
  guint8 state;
  *failed = 1;
  if (!resolve_atomic (vcpu, va, size, VMT_ACCESS_STORE, &at, &state))
    {
      vmt_vcpu_clear_reservation (vcpu);
      return FALSE;
    }

  const guint64 here = (guint64)(guintptr)at.host;
  gboolean ok =
      __atomic_load_n (&vcpu->reserve_addr, __ATOMIC_SEQ_CST) == here && vcpu->reserve_size == size;
  if (ok && priv->reserve_paired && is_shared (vcpu) && !(attr & VMT_VCPU_ATTR_PAIRED))
    {
      priv->full_ll = FULL_LL;
      ok = FALSE;
    }
  if (ok)
    {
      if (state & VMT_PAGE_MONITORED)
        {
          g_mutex_lock (&self->monitor_lock);
          ok = __atomic_load_n (&vcpu->reserve_addr, __ATOMIC_SEQ_CST) == here &&
               swap_reserved (vcpu, at.host, size, value);
          if (ok)
            clear_reservations_at (self, at.host, size, vcpu);
          count_monitored_store (self, at.ram, at.ram_offset);
          g_mutex_unlock (&self->monitor_lock);
        }
      else
        /* A reservation of case 3 is gone with the monitor; see vmt-exec-page.c for why the state
         * cannot change before this store is in memory. */
        ok = priv->reserve_paired && swap_reserved (vcpu, at.host, size, value);
      if (ok && state != 0)
        after_store (vcpu, &at, size);
    }
  vmt_vcpu_clear_reservation (vcpu);
  *failed = !ok;
  return TRUE;
}

gboolean
vmt_vcpu_store_conditional (VmtVcpu *vcpu, guint64 va, guint size, guint attr, guint64 value,
                            guint64 *failed)
{
  const guint64 both[2] = { value, 0 };
  return store_conditional (vcpu, va, size, attr, both, failed);
}

gboolean
vmt_vcpu_store_conditional128 (VmtVcpu *vcpu, guint64 va, guint attr, const guint64 value[2],
                               guint64 *failed)
{
  return store_conditional (vcpu, va, 16, attr, value, failed);
}

static gboolean
cas (guint8 *host, guint size, const guint64 expected[2], const guint64 desired[2], guint64 old[2])
{
  old[0] = expected[0];
  old[1] = size == 16 ? expected[1] : 0;
  switch (size)
    {
    case 16:
      return compare_and_swap_16 (host, old, desired);
    case 8:
      return __atomic_compare_exchange_n ((guint64 *)host, &old[0], desired[0], FALSE,
                                          __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
    case 4:
      {
        guint32 v = (guint32)expected[0];
        gboolean ok = __atomic_compare_exchange_n ((guint32 *)host, &v, (guint32)desired[0], FALSE,
                                                   __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
        old[0] = v;
        return ok;
      }
    case 2:
      {
        guint16 v = (guint16)expected[0];
        gboolean ok = __atomic_compare_exchange_n ((guint16 *)host, &v, (guint16)desired[0], FALSE,
                                                   __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
        old[0] = v;
        return ok;
      }
    default:
      {
        guint8 v = (guint8)expected[0];
        gboolean ok = __atomic_compare_exchange_n (host, &v, (guint8)desired[0], FALSE,
                                                   __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
        old[0] = v;
        return ok;
      }
    }
}

gboolean
vmt_vcpu_cas (VmtVcpu *vcpu, guint64 va, guint size, guint attr, const guint64 expected[2],
              const guint64 desired[2], guint64 old[2])
{
  VmtExec *self = vcpu->exec;
  VmtResolved at;
  guint8 state;
  if (!resolve_atomic (vcpu, va, size, VMT_ACCESS_STORE, &at, &state))
    return FALSE;
  if (state & VMT_PAGE_MONITORED)
    g_mutex_lock (&self->monitor_lock);
  gboolean stored = cas (at.host, size, expected, desired, old);
  if (state & VMT_PAGE_MONITORED)
    {
      if (stored)
        {
          clear_reservations_at (self, at.host, size, vcpu);
          count_monitored_store (self, at.ram, at.ram_offset);
        }
      g_mutex_unlock (&self->monitor_lock);
    }
  if (stored && state != 0)
    after_store (vcpu, &at, size);
  return TRUE;
}

#define DEFINE_AMO(BITS)                                                                           \
  static guint64 amo_##BITS (VmtIrAmo amo, guint##BITS *host, guint##BITS value)                   \
  {                                                                                                \
    switch (amo)                                                                                   \
      {                                                                                            \
      case VMT_IR_AMO_SWAP:                                                                        \
        return __atomic_exchange_n (host, value, __ATOMIC_SEQ_CST);                                \
      case VMT_IR_AMO_ADD:                                                                         \
        return __atomic_fetch_add (host, value, __ATOMIC_SEQ_CST);                                 \
      case VMT_IR_AMO_AND:                                                                         \
        return __atomic_fetch_and (host, value, __ATOMIC_SEQ_CST);                                 \
      case VMT_IR_AMO_OR:                                                                          \
        return __atomic_fetch_or (host, value, __ATOMIC_SEQ_CST);                                  \
      case VMT_IR_AMO_XOR:                                                                         \
        return __atomic_fetch_xor (host, value, __ATOMIC_SEQ_CST);                                 \
      default:                                                                                     \
        break;                                                                                     \
      }                                                                                            \
    guint##BITS old = __atomic_load_n (host, __ATOMIC_SEQ_CST);                                    \
    guint##BITS new;                                                                               \
    do                                                                                             \
      switch (amo)                                                                                 \
        {                                                                                          \
        case VMT_IR_AMO_MINS:                                                                      \
          new = (gint##BITS)value < (gint##BITS)old ? value : old;                                 \
          break;                                                                                   \
        case VMT_IR_AMO_MAXS:                                                                      \
          new = (gint##BITS)value > (gint##BITS)old ? value : old;                                 \
          break;                                                                                   \
        case VMT_IR_AMO_MINU:                                                                      \
          new = value < old ? value : old;                                                         \
          break;                                                                                   \
        default:                                                                                   \
          new = value > old ? value : old;                                                         \
          break;                                                                                   \
        }                                                                                          \
    while (!__atomic_compare_exchange_n (host, &old, new, FALSE, __ATOMIC_SEQ_CST,                 \
                                         __ATOMIC_SEQ_CST));                                       \
    return old;                                                                                    \
  }

DEFINE_AMO (8)
DEFINE_AMO (16)
DEFINE_AMO (32)
DEFINE_AMO (64)

gboolean
vmt_vcpu_amo (VmtVcpu *vcpu, VmtIrAmo amo, guint64 va, guint size, guint attr, guint64 value,
              guint64 *old)
{
  VmtExec *self = vcpu->exec;
  VmtResolved at;
  guint8 state;
  if (!resolve_atomic (vcpu, va, size, VMT_ACCESS_STORE, &at, &state))
    return FALSE;
  if (state & VMT_PAGE_MONITORED)
    {
      g_mutex_lock (&self->monitor_lock);
      clear_reservations_at (self, at.host, size, vcpu);
    }
  switch (size)
    {
    case 1:
      *old = amo_8 (amo, at.host, (guint8)value);
      break;
    case 2:
      *old = amo_16 (amo, (guint16 *)at.host, (guint16)value);
      break;
    case 4:
      *old = amo_32 (amo, (guint32 *)at.host, (guint32)value);
      break;
    default:
      *old = amo_64 (amo, (guint64 *)at.host, value);
      break;
    }
  if (state & VMT_PAGE_MONITORED)
    {
      count_monitored_store (self, at.ram, at.ram_offset);
      g_mutex_unlock (&self->monitor_lock);
    }
  if (state != 0)
    after_store (vcpu, &at, size);
  return TRUE;
}
