/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "vmt-vcpu.h"

#include "vmt-exec-private.h"

/* With the lock held: makes a parked vCPU look at its requests. */
void
vmt_vcpu_wake (VmtVcpu *vcpu)
{
  g_cond_broadcast (&vcpu->priv->cond);
}

void
vmt_vcpu_request (VmtVcpu *vcpu, guint32 bits)
{
  VmtVcpuPriv *priv = vcpu->priv;
  __atomic_fetch_or (&vcpu->exit_request, bits, __ATOMIC_SEQ_CST);
  if (__atomic_load_n (&priv->sleeping, __ATOMIC_SEQ_CST))
    {
      VmtExec *self = priv->exec;
      g_mutex_lock (&self->lock);
      vmt_vcpu_wake (vcpu);
      g_mutex_unlock (&self->lock);
    }
}

void
vmt_vcpu_wait (VmtVcpu *vcpu)
{
  vcpu->waiting = TRUE;
  vmt_vcpu_request (vcpu, VMT_VCPU_RELOOKUP);
}

guint64
vmt_vcpu_get_time (VmtVcpu *vcpu)
{
  VmtExec *self = vcpu->exec;
  return self->host.get_time (self->host.data);
}

void
vmt_vcpu_deadline_changed (VmtVcpu *vcpu)
{
  if (vmt_vcpu_is_own (vcpu) && vcpu->priv->thread == g_thread_self ())
    vmt_exec_timer_arm (vcpu);
  else
    vmt_vcpu_request (vcpu, VMT_VCPU_TIMER);
}

gboolean
vmt_vcpu_is_own (VmtVcpu *vcpu)
{
  VmtVcpuPriv *priv = vcpu->priv;
  GThread *self = g_thread_self ();
  return __atomic_load_n (&priv->thread, __ATOMIC_RELAXED) == self ||
         __atomic_load_n (&priv->proxy, __ATOMIC_RELAXED) == self;
}

/* With the lock held, on the vCPU's thread: runs what is queued; the lock is let go meanwhile. */
void
vmt_vcpu_run_work (VmtVcpu *vcpu)
{
  VmtVcpuPriv *priv = vcpu->priv;
  VmtExec *self = priv->exec;
  VmtExecWork *work;
  while ((work = priv->work) != NULL)
    {
      priv->work = work->next;
      if (priv->work == NULL)
        priv->work_tail = &priv->work;
      g_mutex_unlock (&self->lock);
      work->func (vcpu, work->data);
      g_mutex_lock (&self->lock);
      if (work->heap)
        g_free (work);
      else
        {
          work->done = TRUE;
          g_cond_broadcast (&self->changed);
        }
    }
}

/* The vCPU whose thread this is. */
static VmtVcpu *
find_own (VmtExec *self)
{
  GThread *thread = g_thread_self ();
  for (guint i = 0; i < self->n_vcpus; i++)
    if (__atomic_load_n (&self->vcpus[i]->priv->thread, __ATOMIC_RELAXED) == thread)
      return self->vcpus[i];
  return NULL;
}

void
vmt_vcpu_run_on (VmtVcpu *vcpu, void (*func) (VmtVcpu *vcpu, gpointer data), gpointer data,
                 gboolean wait)
{
  VmtVcpuPriv *priv = vcpu->priv;
  VmtExec *self = priv->exec;

  if (vmt_vcpu_is_own (vcpu))
    {
      func (vcpu, data);
      return;
    }

  g_mutex_lock (&self->lock);
  if (priv->parked && priv->proxy == NULL && priv->work == NULL)
    {
      /* By proxy: its thread cannot leave park() meanwhile. */
      __atomic_store_n (&priv->proxy, g_thread_self (), __ATOMIC_RELAXED);
      g_mutex_unlock (&self->lock);
      func (vcpu, data);
      g_mutex_lock (&self->lock);
      __atomic_store_n (&priv->proxy, NULL, __ATOMIC_RELAXED);
      vmt_vcpu_wake (vcpu);
      g_cond_broadcast (&self->changed);
      g_mutex_unlock (&self->lock);
      return;
    }

  VmtExecWork on_stack = { NULL, func, data, FALSE, FALSE };
  VmtExecWork *work = &on_stack;
  if (!wait)
    {
      work = g_new0 (VmtExecWork, 1);
      *work = on_stack;
      work->heap = TRUE;
    }
  *priv->work_tail = work;
  priv->work_tail = &work->next;
  __atomic_fetch_or (&vcpu->exit_request, VMT_VCPU_WORK, __ATOMIC_SEQ_CST);
  vmt_vcpu_wake (vcpu);
  if (wait)
    {
      VmtVcpu *own = find_own (self);
      while (!work->done)
        {
          /* Two vCPUs may wait for each other: each serves the other. */
          if (own != NULL && own->priv->work != NULL)
            vmt_vcpu_run_work (own);
          else if (priv->parked && priv->proxy == NULL && priv->thread == NULL)
            {
              /* Its thread has ended, or never was: this one takes its place. */
              __atomic_store_n (&priv->proxy, g_thread_self (), __ATOMIC_RELAXED);
              vmt_vcpu_run_work (vcpu);
              __atomic_store_n (&priv->proxy, NULL, __ATOMIC_RELAXED);
              g_cond_broadcast (&self->changed);
            }
          else
            g_cond_wait (&self->changed, &self->lock);
        }
    }
  g_mutex_unlock (&self->lock);
}

VmtVcpuPower
vmt_vcpu_get_power (VmtVcpu *vcpu)
{
  VmtExec *self = vcpu->exec;
  g_mutex_lock (&self->lock);
  VmtVcpuPower power = vcpu->priv->power;
  g_mutex_unlock (&self->lock);
  return power;
}

gboolean
vmt_vcpu_start (VmtVcpu *vcpu, void (*setup) (VmtVcpu *vcpu, gpointer data), gpointer data,
                GDestroyNotify destroy)
{
  VmtVcpuPriv *priv = vcpu->priv;
  VmtExec *self = priv->exec;
  g_mutex_lock (&self->lock);
  gboolean ok = priv->power == VMT_VCPU_STOPPED;
  if (ok)
    {
      priv->power = VMT_VCPU_START_PENDING;
      priv->setup = setup;
      priv->setup_data = data;
      priv->setup_destroy = destroy;
      __atomic_fetch_or (&vcpu->exit_request, VMT_VCPU_RELOOKUP, __ATOMIC_SEQ_CST);
      vmt_vcpu_wake (vcpu);
    }
  g_mutex_unlock (&self->lock);
  if (!ok && destroy != NULL)
    destroy (data);
  return ok;
}

void
vmt_vcpu_stop (VmtVcpu *vcpu)
{
  VmtExec *self = vcpu->exec;
  g_mutex_lock (&self->lock);
  gboolean was = vcpu->priv->power == VMT_VCPU_STARTED;
  if (was)
    vcpu->priv->power = VMT_VCPU_STOPPED;
  __atomic_fetch_or (&vcpu->exit_request, VMT_VCPU_RELOOKUP, __ATOMIC_SEQ_CST);
  g_mutex_unlock (&self->lock);
  if (was && self->host.power_changed != NULL)
    self->host.power_changed (self->host.data, vcpu);
}
