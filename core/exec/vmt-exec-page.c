/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Pages with a state. The protocol that keeps stores and what was derived from a page in order:
 *
 * - A vCPU that wants a write entry sets its bit in the page's word of writers, then reads the
 * page's state, and makes the entry only if that is 0.
 * - Who wants to derive something (a translation, a monitored reservation) sets the state bit, then
 * reads the writers, and has each of them drop its entries for the page and its bit, on its own
 * thread or by proxy, before it reads the page's bytes.
 *
 * All of these are sequentially consistent, so either the vCPU sees the state, or the other one
 * sees the writer. A vCPU uses a write entry only between two polls of its requests, and drops
 * entries only there: when it has dropped it, its last store through it is in memory. From then on
 * every store to the page goes through the slow path, which stores first and looks at what was
 * derived after a fence. With one vCPU, and for pages that nobody else has written, nobody waits.
 */
#include "vmt-exec-private.h"

VmtExecRam *
vmt_exec_find_ram (VmtExec *self, VmtRam *ram, gboolean add)
{
  guint n = __atomic_load_n (&self->n_rams, __ATOMIC_ACQUIRE);
  for (guint i = 0; i < n; i++)
    if (self->rams[i].ram == ram)
      return &self->rams[i];
  if (!add)
    return NULL;

  VmtExecRam *found = NULL;
  g_mutex_lock (&self->ram_lock);
  for (guint i = 0; i < self->n_rams && found == NULL; i++)
    if (self->rams[i].ram == ram)
      found = &self->rams[i];
  if (found == NULL && self->n_rams < VMT_EXEC_MAX_RAMS)
    {
      found = &self->rams[self->n_rams];
      found->ram = vmt_ram_ref (ram);
      found->pages = g_new0 (VmtCodePage *, ram->size >> VMT_PAGE_SHIFT);
      found->writers = g_new0 (guint64, ram->size >> VMT_PAGE_SHIFT);
      __atomic_store_n (&self->n_rams, self->n_rams + 1, __ATOMIC_RELEASE);
    }
  g_mutex_unlock (&self->ram_lock);
  return found;
}

typedef struct
{
  VmtExecRam *ram;
  guint64 page;
} Drop;

static void
drop_writes (VmtVcpu *vcpu, gpointer data)
{
  Drop *drop = data;
  vmt_tlb_drop_writes (vcpu, drop->ram->ram->host + (drop->page << VMT_PAGE_SHIFT));
  /* A bit that several vCPUs share stays. */
  if (vcpu->exec->n_vcpus <= 64)
    __atomic_fetch_and (&drop->ram->writers[drop->page], ~vmt_vcpu_writer_bit (vcpu),
                        __ATOMIC_SEQ_CST);
}

/* Sets @state, and returns when no vCPU has a write entry for the page. On a vCPU's thread, with no
 * lock held: others may use this vCPU meanwhile. */
void
vmt_exec_protect (VmtVcpu *vcpu, VmtExecRam *ram, guint64 offset, guint8 state)
{
  VmtExec *self = vcpu->exec;
  Drop drop = { ram, offset >> VMT_PAGE_SHIFT };
  vmt_ram_set_page_state (ram->ram, offset, state);
  guint64 writers = __atomic_load_n (&ram->writers[drop.page], __ATOMIC_SEQ_CST);
  for (guint i = 0; writers != 0 && i < self->n_vcpus; i++)
    if (writers & vmt_vcpu_writer_bit (self->vcpus[i]))
      vmt_vcpu_run_on (self->vcpus[i], drop_writes, &drop, TRUE);
}

gboolean
vmt_vcpu_read_physical (VmtVcpu *vcpu, guint64 pa, guint size, guint64 *value)
{
  VmtResolved at;
  if (((pa & (size - 1)) != 0) || !vmt_exec_resolve_physical (vcpu, pa, &at))
    return FALSE;
  *value = vmt_exec_load_host (at.host, size);
  return TRUE;
}

gboolean
vmt_vcpu_update_physical (VmtVcpu *vcpu, guint64 pa, guint size, guint64 *expected, guint64 value)
{
  VmtResolved at;
  if (((pa & (size - 1)) != 0) || !vmt_exec_resolve_physical (vcpu, pa, &at) || at.readonly)
    return FALSE;
  if (size == 4)
    {
      guint32 old = (guint32)*expected;
      __atomic_compare_exchange_n ((guint32 *)at.host, &old, (guint32)value, FALSE,
                                   __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
      *expected = old;
    }
  else
    __atomic_compare_exchange_n ((guint64 *)at.host, expected, value, FALSE, __ATOMIC_SEQ_CST,
                                 __ATOMIC_SEQ_CST);
  vmt_address_space_notify_store (vcpu->space, at.ram->ram, at.ram_offset, size);
  return TRUE;
}
