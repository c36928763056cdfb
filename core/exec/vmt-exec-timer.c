/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* One thread an engine: makes a vCPU that is running guest code look at its interrupts when its
 * architecture's deadline has come. A vCPU that waits sleeps until its deadline by itself and is
 * not in the list. */
#include "vmt-exec-private.h"

#ifdef __linux__
#include <sys/prctl.h>
#endif

/* An architecture counts time in ticks of its own: a deadline that came less than this ago may not
 * be one yet by its count. */
#define GRACE_NS 100000
#define RETRY_NS 20000

static gpointer
timer_thread (gpointer data)
{
  VmtExec *self = data;
#ifdef __linux__
  prctl (PR_SET_TIMERSLACK, 1000UL, 0, 0, 0);
#endif
  g_mutex_lock (&self->lock);
  while (!self->timer_quit)
    {
      /* Who arms writes the deadline first and reads the target after it; here it is the other way
       * round. */
      __atomic_store_n (&self->timer_target, 0, __ATOMIC_SEQ_CST);
      guint64 now = self->host.get_time (self->host.data);
      guint64 next = G_MAXUINT64;
      for (guint i = 0; i < self->n_vcpus; i++)
        {
          VmtVcpu *vcpu = self->vcpus[i];
          guint64 deadline = __atomic_load_n (&vcpu->priv->deadline, __ATOMIC_SEQ_CST);
          if (deadline <= now)
            {
              /* The vCPU arms it anew. If it did meanwhile, that stays. */
              __atomic_compare_exchange_n (&vcpu->priv->deadline, &deadline, G_MAXUINT64, FALSE,
                                           __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
              __atomic_fetch_or (&vcpu->exit_request, VMT_VCPU_INTERRUPT | VMT_VCPU_TIMER,
                                 __ATOMIC_SEQ_CST);
              vmt_vcpu_wake (vcpu);
            }
          else if (!self->paused)
            next = MIN (next, deadline);
        }
      __atomic_store_n (&self->timer_target, next, __ATOMIC_SEQ_CST);
      gboolean again = FALSE;
      for (guint i = 0; i < self->n_vcpus && !again && !self->paused; i++)
        again = __atomic_load_n (&self->vcpus[i]->priv->deadline, __ATOMIC_SEQ_CST) < next;
      if (again)
        continue;
      if (next == G_MAXUINT64)
        g_cond_wait (&self->timer_cond, &self->lock);
      else
        g_cond_wait_until (&self->timer_cond, &self->lock,
                           g_get_monotonic_time () +
                               (gint64)MIN ((next - now + 999) / 1000, (guint64)G_TIME_SPAN_HOUR));
    }
  g_mutex_unlock (&self->lock);
  return NULL;
}

/* On the vCPU's thread, without the lock: asks the architecture for the deadline. */
void
vmt_exec_timer_arm (VmtVcpu *vcpu)
{
  VmtVcpuPriv *priv = vcpu->priv;
  VmtExec *self = priv->exec;
  guint64 deadline = vcpu->arch->next_deadline (vcpu);
  if (deadline != G_MAXUINT64)
    {
      guint64 now = self->host.get_time (self->host.data);
      if (now > GRACE_NS && deadline < now - GRACE_NS)
        deadline = G_MAXUINT64;
      else if (deadline <= now)
        deadline = now + RETRY_NS;
    }
  __atomic_store_n (&priv->deadline, deadline, __ATOMIC_SEQ_CST);
  if (deadline < __atomic_load_n (&self->timer_target, __ATOMIC_SEQ_CST))
    {
      g_mutex_lock (&self->lock);
      g_cond_broadcast (&self->timer_cond);
      g_mutex_unlock (&self->lock);
    }
}

void
vmt_exec_timer_start (VmtExec *self)
{
  self->timer_quit = FALSE;
  self->timer_target = G_MAXUINT64;
  self->timer_thread = g_thread_new ("vcpu-timer", timer_thread, self);
}

void
vmt_exec_timer_stop (VmtExec *self)
{
  if (self->timer_thread == NULL)
    return;
  g_mutex_lock (&self->lock);
  self->timer_quit = TRUE;
  g_cond_broadcast (&self->timer_cond);
  g_mutex_unlock (&self->lock);
  g_thread_join (self->timer_thread);
  self->timer_thread = NULL;
}
