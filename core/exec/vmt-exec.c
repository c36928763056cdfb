/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "vmt-exec-private.h"

#include <string.h>
#ifdef __linux__
#include <sys/prctl.h>
#endif

#include "vmt-error.h"

#define SCRATCH_ALIGN 64

static void
store_func (gpointer data, VmtRam *ram, guint64 offset, guint64 size)
{
  VmtExec *self = data;
  guint8 state = 0;
  for (guint64 at = offset & VMT_PAGE_MASK; at < offset + size; at += VMT_PAGE_SIZE)
    state |= vmt_ram_get_page_state (ram, at);
  if (state & VMT_PAGE_MONITORED)
    vmt_exec_clear_reservations (self, ram, offset, size, NULL);
  if (state & VMT_PAGE_CODE)
    {
      VmtExecRam *eram = vmt_exec_find_ram (self, ram, FALSE);
      if (eram != NULL)
        vmt_exec_code_stored (self, eram, offset, size);
    }
}

static void
flush_func (VmtVcpu *vcpu, gpointer data)
{
  vmt_tlb_flush_all (vcpu);
}

/* The physical map has changed. Blocks are known by their RAM, not by their physical address, so
 * only translations go. Nobody waits: the thread may be a vCPU in the middle of a store to a PCI
 * BAR, with its device's lock. */
static void
space_changed (gpointer data)
{
  VmtExec *self = data;
  for (guint i = 0; i < self->n_vcpus; i++)
    vmt_vcpu_run_on (self->vcpus[i], flush_func, NULL, FALSE);
}

VmtExec *
vmt_exec_new (VmtAddressSpace *space, VmtTier *tier, const VmtExecHost *host)
{
  VmtExec *self = g_new0 (VmtExec, 1);
  self->space = vmt_address_space_ref (space);
  self->tier = g_object_ref (tier);
  self->host = *host;
  self->vcpus = g_new0 (VmtVcpu *, VMT_EXEC_MAX_VCPUS);
  self->threads = g_new0 (GThread *, VMT_EXEC_MAX_VCPUS);
  self->paused = TRUE;
  g_mutex_init (&self->lock);
  g_mutex_init (&self->code_lock);
  g_mutex_init (&self->ram_lock);
  g_mutex_init (&self->monitor_lock);
  g_cond_init (&self->changed);
  g_cond_init (&self->timer_cond);
  self->limit = VMT_EXEC_CACHE_LIMIT;
  self->promotion = VMT_EXEC_PROMOTION;
  vmt_exec_code_init (self);
  vmt_address_space_set_store_func (space, store_func, self);
  vmt_address_space_set_changed_func (space, space_changed, self);
  return self;
}

static void
forget_start (VmtVcpuPriv *priv)
{
  if (priv->setup_destroy != NULL)
    priv->setup_destroy (priv->setup_data);
  priv->setup = NULL;
  priv->setup_destroy = NULL;
}

void
vmt_exec_free (VmtExec *self)
{
  vmt_exec_stop (self);
  vmt_address_space_set_store_func (self->space, NULL, NULL);
  vmt_address_space_set_changed_func (self->space, NULL, NULL);
  vmt_exec_code_fini (self);
  for (guint i = 0; i < self->n_vcpus; i++)
    {
      VmtVcpu *vcpu = self->vcpus[i];
      VmtVcpuPriv *priv = vcpu->priv;
      if (vcpu->arch->fini != NULL)
        vcpu->arch->fini (vcpu);
      forget_start (priv);
      g_clear_pointer (&priv->builder, vmt_ir_builder_free);
      vmt_tlb_fini (vcpu);
      g_free (vcpu->jump_cache);
      g_cond_clear (&priv->cond);
      g_free (priv);
      g_aligned_free (vcpu);
    }
  for (guint i = 0; i < self->n_rams; i++)
    {
      guint64 n_pages = self->rams[i].ram->size >> VMT_PAGE_SHIFT;
      for (guint64 p = 0; p < n_pages; p++)
        if (self->rams[i].pages[p] != NULL)
          {
            g_free (self->rams[i].pages[p]->seen);
            g_free (self->rams[i].pages[p]->scattered);
            g_free (self->rams[i].pages[p]);
          }
      g_free (self->rams[i].pages);
      g_free (self->rams[i].writers);
      vmt_ram_unref (self->rams[i].ram);
    }
  g_mutex_clear (&self->lock);
  g_mutex_clear (&self->code_lock);
  g_mutex_clear (&self->ram_lock);
  g_mutex_clear (&self->monitor_lock);
  g_cond_clear (&self->changed);
  g_cond_clear (&self->timer_cond);
  g_object_unref (self->tier);
  vmt_address_space_unref (self->space);
  g_free (self->vcpus);
  g_free (self->threads);
  g_free (self->stress);
  g_free (self);
}

void
vmt_exec_set_cache_limit (VmtExec *self, guint64 bytes)
{
  self->limit = MAX (bytes, 1 << 20);
}

void
vmt_exec_set_promotion (VmtExec *self, guint executions)
{
  self->promotion = executions;
}

VmtVcpu *
vmt_exec_add_vcpu (VmtExec *self, const VmtArchOps *arch, VmtCpu *cpu, guint index)
{
  if (self->started || self->n_vcpus == VMT_EXEC_MAX_VCPUS)
    return NULL;
  gsize state = (arch->state_size + SCRATCH_ALIGN - 1) / SCRATCH_ALIGN * SCRATCH_ALIGN;
  VmtVcpu *vcpu = g_aligned_alloc0 (1, state + VMT_VCPU_SCRATCH_SIZE, SCRATCH_ALIGN);
  VmtVcpuPriv *priv = g_new0 (VmtVcpuPriv, 1);
  vcpu->scratch_offset = (guint32)state;
  vcpu->priv = priv;
  vcpu->exec = self;
  vcpu->arch = arch;
  vcpu->cpu = cpu;
  vcpu->space = self->space;
  vcpu->index = index;
  vcpu->reserve_addr = VMT_RESERVE_NONE;
  vcpu->exit_request = VMT_VCPU_PAUSE;
  vcpu->jump_cache = g_new0 (VmtExecBlock *, 1 << VMT_JUMP_CACHE_BITS);
  priv->vcpu = vcpu;
  priv->exec = self;
  priv->parked = TRUE;
  priv->power = VMT_VCPU_STOPPED;
  priv->deadline = priv->deadline_raw = G_MAXUINT64;
  priv->work_tail = &priv->work;
  g_cond_init (&priv->cond);
  vmt_tlb_init (vcpu);
  self->vcpus[self->n_vcpus++] = vcpu;
  if (arch->init != NULL)
    arch->init (vcpu);
  return vcpu;
}

guint
vmt_exec_get_n_vcpus (VmtExec *self)
{
  return self->n_vcpus;
}

VmtVcpu *
vmt_exec_get_vcpu (VmtExec *self, guint i)
{
  return i < self->n_vcpus ? self->vcpus[i] : NULL;
}

/* Sleeps, with the lock held on entry and exit, until there is a request or @deadline (on the
 * machine's clock) has passed. Parked meanwhile: others may act for this vCPU. */
static void
park (VmtVcpu *vcpu, guint64 deadline)
{
  VmtVcpuPriv *priv = vcpu->priv;
  VmtExec *self = priv->exec;

  /* Who makes a request sets the bit first and looks at sleeping after it; here it is the other way
   * round. */
  __atomic_store_n (&priv->sleeping, 1, __ATOMIC_SEQ_CST);
  priv->parked = TRUE;
  g_cond_broadcast (&self->changed);
  if (__atomic_load_n (&vcpu->exit_request, __ATOMIC_SEQ_CST) == 0)
    {
      priv->n_sleeps++;
      if (deadline == G_MAXUINT64)
        g_cond_wait (&priv->cond, &self->lock);
      else
        {
          guint64 now = self->host.get_time (self->host.data);
          /* An architecture whose deadline has passed without work would spin here: not more often
           * than the host's timers are exact. */
          guint64 left = deadline > now ? (deadline - now + 999) / 1000 : 50;
          g_cond_wait_until (&priv->cond, &self->lock,
                             g_get_monotonic_time () + (gint64)MIN (left, G_TIME_SPAN_HOUR));
        }
    }
  while (priv->proxy != NULL)
    g_cond_wait (&priv->cond, &self->lock);
  priv->parked = FALSE;
  __atomic_store_n (&priv->sleeping, 0, __ATOMIC_SEQ_CST);
}

/* With the lock: lets others see what this vCPU has counted. */
static void
publish (VmtVcpu *vcpu)
{
  VmtVcpuPriv *priv = vcpu->priv;
  priv->published.instructions = vcpu->icount;
  priv->published.tlb_l2_hits = priv->n_tlb2_hits;
  priv->published.tlb_walks = priv->n_walks;
  priv->published.tlb_flushes = priv->n_flushes;
  priv->published.lookups = priv->n_lookups;
  priv->published.store_slow = priv->n_store_slow;
  priv->published.sleeps = priv->n_sleeps;
  priv->published.entries = priv->n_entries;
  priv->published.exceptions = priv->n_exceptions;
  priv->published.interrupts = priv->n_interrupts;
}

/* Everything that keeps a vCPU from guest code. Returns when there is nothing left, FALSE when the
 * thread is to end. */
gboolean
vmt_exec_serve (VmtVcpu *vcpu)
{
  VmtVcpuPriv *priv = vcpu->priv;
  VmtExec *self = priv->exec;
  const VmtArchOps *arch = vcpu->arch;

  g_mutex_lock (&self->lock);
  for (;;)
    {
      publish (vcpu);
      guint32 requests = __atomic_exchange_n (&vcpu->exit_request, 0, __ATOMIC_SEQ_CST);
      if (priv->work != NULL)
        vmt_vcpu_run_work (vcpu);
      if (self->quit)
        break;
      if (self->paused)
        {
          park (vcpu, G_MAXUINT64);
          continue;
        }
      if (priv->power == VMT_VCPU_START_PENDING)
        {
          void (*setup) (VmtVcpu *, gpointer) = priv->setup;
          gpointer data = priv->setup_data;
          GDestroyNotify destroy = priv->setup_destroy;
          priv->setup = NULL;
          priv->setup_destroy = NULL;
          g_mutex_unlock (&self->lock);
          if (setup != NULL)
            setup (vcpu, data);
          if (destroy != NULL)
            destroy (data);
          g_mutex_lock (&self->lock);
          /* vmt_exec_reset() needs a pause, so nobody has changed it meanwhile */
          priv->power = VMT_VCPU_STARTED;
          vcpu->waiting = FALSE;
          g_mutex_unlock (&self->lock);
          if (self->host.power_changed != NULL)
            self->host.power_changed (self->host.data, vcpu);
          vmt_exec_timer_arm (vcpu);
          g_mutex_lock (&self->lock);
          continue;
        }
      if (priv->power == VMT_VCPU_STOPPED)
        {
          park (vcpu, G_MAXUINT64);
          continue;
        }
      if (vcpu->waiting)
        {
          g_mutex_unlock (&self->lock);
          gboolean work = vcpu->fault_pending || arch->has_work (vcpu);
          guint64 deadline = work ? G_MAXUINT64 : arch->next_deadline (vcpu);
          if (!work)
            /* it sleeps until then by itself */
            __atomic_store_n (&priv->deadline, G_MAXUINT64, __ATOMIC_SEQ_CST);
          g_mutex_lock (&self->lock);
          if (!work)
            {
              park (vcpu, deadline);
              continue;
            }
          vcpu->waiting = FALSE;
          requests |= VMT_VCPU_TIMER;
        }
      if (requests & VMT_VCPU_TIMER)
        {
          g_mutex_unlock (&self->lock);
          vmt_exec_timer_arm (vcpu);
          g_mutex_lock (&self->lock);
        }
      if (priv->work == NULL && !self->paused && !self->quit)
        break;
    }
  gboolean go_on = !self->quit;
  g_mutex_unlock (&self->lock);
  return go_on;
}

static gpointer
vcpu_thread (gpointer data)
{
  VmtVcpu *vcpu = data;
  VmtVcpuPriv *priv = vcpu->priv;
  VmtExec *self = priv->exec;
  const VmtArchOps *arch = vcpu->arch;

#ifdef __linux__
  prctl (PR_SET_TIMERSLACK, 1000UL, 0, 0, 0);
#endif
  g_mutex_lock (&self->lock);
  priv->thread = g_thread_self ();
  while (priv->proxy != NULL)
    g_cond_wait (&priv->cond, &self->lock);
  priv->parked = FALSE;
  g_mutex_unlock (&self->lock);

  for (;;)
    {
      /* Nothing of translated code is held here. */
      __atomic_store_n (&priv->epoch, __atomic_load_n (&self->epoch, __ATOMIC_SEQ_CST),
                        __ATOMIC_SEQ_CST);
      if (__atomic_load_n (&vcpu->exit_request, __ATOMIC_ACQUIRE) != 0 || vcpu->waiting)
        {
          if (!vmt_exec_serve (vcpu))
            break;
          continue;
        }
      if (vcpu->fault_pending)
        {
          if (G_UNLIKELY (self->stress != NULL))
            vmt_exec_stress_exception (vcpu);
          if (G_UNLIKELY (self->trace != NULL))
            _vmt_exec_trace_exception (vcpu);
          vcpu->fault_pending = 0;
          priv->n_exceptions++;
          arch->take_exception (vcpu);
          continue;
        }
      if (G_UNLIKELY (self->stress != NULL))
        vmt_exec_stress_enter (vcpu);
      const guint64 pc = vcpu->pc;
      if (arch->take_interrupt (vcpu))
        {
          priv->n_interrupts++;
          if (G_UNLIKELY (self->trace != NULL))
            _vmt_exec_trace_interrupt (vcpu, pc);
        }
      VmtExecBlock *block = vmt_exec_lookup_block (vcpu);
      if (block != NULL)
        {
          priv->n_entries++;
          block->entry (vcpu, block);
        }
    }

  g_mutex_lock (&self->lock);
  priv->parked = TRUE;
  priv->thread = NULL;
  if (priv->work != NULL)
    vmt_vcpu_run_work (vcpu);
  g_cond_broadcast (&self->changed);
  g_mutex_unlock (&self->lock);
  return NULL;
}

gboolean
vmt_exec_start (VmtExec *self, GError **error)
{
  if (self->started)
    return TRUE;
  self->quit = FALSE;
  self->paused = TRUE;
  self->started = TRUE;
  vmt_tier_set_n_vcpus (self->tier, self->n_vcpus);
  for (guint i = 0; i < self->n_vcpus; i++)
    {
      char name[16];
      g_snprintf (name, sizeof name, "vcpu%u", self->vcpus[i]->index);
      vmt_vcpu_request (self->vcpus[i], VMT_VCPU_PAUSE);
      self->threads[i] = g_thread_try_new (name, vcpu_thread, self->vcpus[i], error);
      if (self->threads[i] == NULL)
        {
          vmt_exec_stop (self);
          g_prefix_error (error, "vCPU %u: no thread: ", self->vcpus[i]->index);
          return FALSE;
        }
      self->n_threads = i + 1;
    }
  vmt_exec_timer_start (self);
  return TRUE;
}

void
vmt_exec_resume (VmtExec *self)
{
  g_mutex_lock (&self->lock);
  self->paused = FALSE;
  for (guint i = 0; i < self->n_vcpus; i++)
    {
      /* Time stood still: deadlines are looked at again. */
      __atomic_fetch_or (&self->vcpus[i]->exit_request, VMT_VCPU_TIMER, __ATOMIC_SEQ_CST);
      g_cond_broadcast (&self->vcpus[i]->priv->cond);
    }
  g_mutex_unlock (&self->lock);
}

void
vmt_exec_pause (VmtExec *self)
{
  g_mutex_lock (&self->lock);
  self->paused = TRUE;
  for (guint i = 0; i < self->n_vcpus; i++)
    {
      __atomic_fetch_or (&self->vcpus[i]->exit_request, VMT_VCPU_PAUSE, __ATOMIC_SEQ_CST);
      g_cond_broadcast (&self->vcpus[i]->priv->cond);
    }
  for (guint i = 0; i < self->n_vcpus; i++)
    {
      VmtVcpuPriv *priv = self->vcpus[i]->priv;
      /* A thread that wakes up for the request parks again; whoever is parked now and has not woken
       * yet is as good. */
      while (self->started && (!priv->parked || priv->proxy != NULL))
        g_cond_wait (&self->changed, &self->lock);
    }
  g_mutex_unlock (&self->lock);
}

gboolean
vmt_exec_is_paused (VmtExec *self)
{
  g_mutex_lock (&self->lock);
  gboolean paused = self->paused;
  g_mutex_unlock (&self->lock);
  return paused;
}

void
vmt_exec_stop (VmtExec *self)
{
  if (!self->started)
    return;
  g_mutex_lock (&self->lock);
  self->quit = TRUE;
  self->paused = TRUE;
  for (guint i = 0; i < self->n_vcpus; i++)
    {
      __atomic_fetch_or (&self->vcpus[i]->exit_request, VMT_VCPU_QUIT, __ATOMIC_SEQ_CST);
      g_cond_broadcast (&self->vcpus[i]->priv->cond);
    }
  g_mutex_unlock (&self->lock);
  for (guint i = 0; i < self->n_threads; i++)
    g_thread_join (self->threads[i]);
  self->n_threads = 0;
  vmt_exec_timer_stop (self);
  self->started = FALSE;
}

void
vmt_exec_at_safepoint (VmtExec *self, void (*func) (VmtExec *exec, gpointer data), gpointer data)
{
  gboolean was_paused = vmt_exec_is_paused (self);
  if (!was_paused)
    vmt_exec_pause (self);
  func (self, data);
  if (!was_paused)
    vmt_exec_resume (self);
}

void
vmt_exec_reset (VmtExec *self)
{
  for (guint i = 0; i < self->n_vcpus; i++)
    {
      VmtVcpu *vcpu = self->vcpus[i];
      VmtVcpuPriv *priv = vcpu->priv;
      g_mutex_lock (&self->lock);
      priv->power = VMT_VCPU_STOPPED;
      g_mutex_unlock (&self->lock);
      forget_start (priv);
      vcpu->waiting = FALSE;
      vcpu->fault_pending = 0;
      vmt_vcpu_clear_reservation (vcpu);
      priv->full_ll = 0;
      __atomic_store_n (&priv->deadline, G_MAXUINT64, __ATOMIC_SEQ_CST);
      vmt_tlb_flush_all (vcpu);
      if (vcpu->arch->reset != NULL)
        vcpu->arch->reset (vcpu);
      if (vcpu->arch->update_mode != NULL)
        vcpu->arch->update_mode (vcpu);
    }
  vmt_exec_code_clear (self);
}

void
vmt_exec_invalidate (VmtExec *self, VmtRam *ram, guint64 offset, guint64 size)
{
  vmt_address_space_notify_store (self->space, ram, offset, size);
}
