/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "vmt-block.h"
#include "vmt-error.h"
#include "vmt-firmware.h"
#include "vmt-machine-private.h"

#define RING_RECORDS_LOG2 10
/* Hot code does not wake the context for its records: they wait this long at most. */
#define RING_PERIOD_US (20 * 1000)

typedef struct
{
  GSource parent;
  VmtMachine *machine;
} MachineSource;

static void process_requests (VmtMachine *self);

void
_vmt_machine_set_state (VmtMachine *self, VmtMachineState state)
{
  if (vmt_machine_get_state (self) == state)
    return;
  g_atomic_int_set ((gint *)&self->state, (gint)state);
  GEnumClass *klass = g_type_class_ref (vmt_machine_state_get_type ());
  const char *nick = g_enum_get_value (klass, (gint)state)->value_nick;
  vmt_object_emit (VMT_OBJECT (self), "state", g_variant_new_string (nick));
  g_type_class_unref (klass);
  g_object_notify (G_OBJECT (self), "state");
}

/* Requests */

static gboolean
wake_dispatch (GSource *source, GSourceFunc callback, gpointer data)
{
  (void)callback;
  (void)data;
  VmtMachine *self = ((MachineSource *)source)->machine;
  g_source_set_ready_time (source, -1);
  /* What is asked for outside of a run waits for the next one. */
  if (self->in_run)
    process_requests (self);
  return G_SOURCE_CONTINUE;
}

static gboolean
ring_dispatch (GSource *source, GSourceFunc callback, gpointer data)
{
  (void)callback;
  (void)data;
  VmtMachine *self = ((MachineSource *)source)->machine;
  VmtEventRecord record;
  /* Not more than it holds: the guest may be faster than this loop. */
  for (guint i = 0; i < (1u << RING_RECORDS_LOG2) && vmt_event_ring_pop (self->ring, &record); i++)
    vmt_object_emit (record.source, record.event,
                     g_variant_new ("(ttt)", record.value[0], record.value[1], record.value[2]));
  g_source_set_ready_time (source, g_get_monotonic_time () + RING_PERIOD_US);
  return G_SOURCE_CONTINUE;
}

static GSource *
add_source (VmtMachine *self, GSourceFuncs *funcs, const char *name)
{
  GSource *source = g_source_new (funcs, sizeof (MachineSource));
  ((MachineSource *)source)->machine = self;
  g_source_set_name (source, name);
  g_source_set_priority (source, G_PRIORITY_HIGH);
  g_source_attach (source, self->context);
  return source;
}

static void
drop_source (GSource **source)
{
  if (*source == NULL)
    return;
  g_source_destroy (*source);
  g_clear_pointer (source, g_source_unref);
}

void
_vmt_machine_init_run (VmtMachine *self)
{
  static GSourceFuncs funcs = { .dispatch = wake_dispatch };
  self->wake = add_source (self, &funcs, "vmt-machine");
}

void
_vmt_machine_fini_run (VmtMachine *self)
{
  drop_source (&self->wake);
  drop_source (&self->ring_source);
  g_clear_pointer (&self->ring, vmt_event_ring_free);
  g_clear_error (&self->stop_error);
}

VmtEventRing *
vmt_machine_get_event_ring (VmtMachine *self)
{
  static GSourceFuncs funcs = { .dispatch = ring_dispatch };
  g_return_val_if_fail (VMT_IS_MACHINE (self), NULL);

  g_mutex_lock (&self->lock);
  if (self->ring == NULL)
    {
      self->ring = vmt_event_ring_new (RING_RECORDS_LOG2);
      self->ring_source = add_source (self, &funcs, "vmt-machine-ring");
      g_source_set_ready_time (self->ring_source, 0);
    }
  VmtEventRing *ring = self->ring;
  g_mutex_unlock (&self->lock);
  return ring;
}

void
vmt_machine_pause (VmtMachine *self)
{
  g_return_if_fail (VMT_IS_MACHINE (self));
  g_mutex_lock (&self->lock);
  self->requests.pause = TRUE;
  self->requests.resume = FALSE;
  g_mutex_unlock (&self->lock);
  g_source_set_ready_time (self->wake, 0);
}

void
vmt_machine_resume (VmtMachine *self)
{
  g_return_if_fail (VMT_IS_MACHINE (self));
  g_mutex_lock (&self->lock);
  self->requests.resume = TRUE;
  self->requests.pause = FALSE;
  g_mutex_unlock (&self->lock);
  g_source_set_ready_time (self->wake, 0);
}

void
vmt_machine_request_reset (VmtMachine *self, const char *why)
{
  g_return_if_fail (VMT_IS_MACHINE (self));
  g_mutex_lock (&self->lock);
  if (!self->requests.reset)
    self->requests.reset_why = why;
  self->requests.reset = TRUE;
  g_mutex_unlock (&self->lock);
  g_source_set_ready_time (self->wake, 0);
}

void
vmt_machine_request_power_off (VmtMachine *self, const char *why, int status)
{
  g_return_if_fail (VMT_IS_MACHINE (self));
  g_mutex_lock (&self->lock);
  if (!self->requests.power_off)
    {
      self->requests.power_off_why = why;
      self->requests.status = status;
    }
  self->requests.power_off = TRUE;
  g_mutex_unlock (&self->lock);
  g_source_set_ready_time (self->wake, 0);
}

void
vmt_machine_report_panic (VmtMachine *self, const char *why)
{
  g_return_if_fail (VMT_IS_MACHINE (self));
  g_mutex_lock (&self->lock);
  if (!self->requests.panic)
    self->requests.panic_why = why;
  self->requests.panic = TRUE;
  g_mutex_unlock (&self->lock);
  g_source_set_ready_time (self->wake, 0);
}

void
vmt_machine_quit (VmtMachine *self)
{
  g_return_if_fail (VMT_IS_MACHINE (self));
  g_mutex_lock (&self->lock);
  self->requests.quit = TRUE;
  g_mutex_unlock (&self->lock);
  g_source_set_ready_time (self->wake, 0);
}

/* Running and not running */

static void
tell_devices (VmtMachine *self, gboolean running)
{
  for (guint i = 0; i < self->realized->len; i++)
    if (VMT_IS_DEVICE (self->realized->pdata[i]))
      vmt_device_set_running (self->realized->pdata[i], running);
}

void
_vmt_machine_halt (VmtMachine *self)
{
  if (vmt_machine_get_state (self) != VMT_MACHINE_RUNNING)
    return;
  if (self->exec != NULL)
    vmt_exec_pause (self->exec);
  vmt_clock_set_running (self->clock, FALSE);
  tell_devices (self, FALSE);
}

static void
go (VmtMachine *self)
{
  tell_devices (self, TRUE);
  vmt_clock_set_running (self->clock, TRUE);
  _vmt_machine_set_state (self, VMT_MACHINE_RUNNING);
  if (self->exec != NULL)
    vmt_exec_resume (self->exec);
}

/* Children first, so that a bus that is reset finds nothing moving on it. */
static void
reset_below (VmtObject *object)
{
  GPtrArray *children = vmt_object_get_children (object);
  for (guint i = 0; i < children->len; i++)
    reset_below (children->pdata[i]);
  if (VMT_IS_DEVICE (object) && vmt_device_is_realized (VMT_DEVICE (object)))
    vmt_device_reset (VMT_DEVICE (object));
}

/* RAM keeps what it has, as in a warm reset of a real machine. No vCPU runs. */
void
_vmt_machine_reset_all (VmtMachine *self)
{
  if (self->exec != NULL)
    vmt_exec_reset (self->exec);
  reset_below (VMT_OBJECT (self));
}

static void
stop_run (VmtMachine *self, VmtStopReason reason, int status)
{
  if (self->stopping)
    return;
  self->stopping = TRUE;
  self->stop_reason = reason;
  self->stop_status = status;
}

/* Whatever else ended the run: that something was lost is what has to be known. */
static void
fail_run (VmtMachine *self, GError *error)
{
  if (self->stop_error != NULL)
    {
      g_error_free (error);
      return;
    }
  self->stop_error = error;
  self->stopping = TRUE;
  self->stop_reason = VMT_STOP_ERROR;
  self->stop_status = 0;
}

static gboolean
boot (VmtMachine *self)
{
  GError *error = NULL;

  /* Not when it is realized: a machine without a kernel can still be looked at. */
  if (self->firmware != NULL && !self->prepared)
    self->prepared = vmt_firmware_prepare (self->firmware, self, &error);
  if (self->firmware != NULL &&
      (!self->prepared || !vmt_firmware_boot (self->firmware, self, &error)))
    {
      fail_run (self, error);
      return FALSE;
    }
  return TRUE;
}

/* What devices had in flight is done. */
static void
quiesce (VmtMachine *self)
{
  for (guint i = 0; i < self->realized->len; i++)
    if (VMT_IS_DEVICE (self->realized->pdata[i]))
      vmt_device_quiesce (self->realized->pdata[i]);
}

static void
reset (VmtMachine *self, const char *why)
{
  gboolean was_running = vmt_machine_get_state (self) == VMT_MACHINE_RUNNING;
  _vmt_machine_halt (self);
  /* Another vCPU may have asked for the same while this one's was being served. */
  g_mutex_lock (&self->lock);
  self->requests.reset = FALSE;
  g_mutex_unlock (&self->lock);
  vmt_object_emit (VMT_OBJECT (self), "reset", g_variant_new_string (why != NULL ? why : ""));
  if (self->on_reset == VMT_ON_RESET_EXIT)
    {
      _vmt_machine_set_state (self, VMT_MACHINE_OFF);
      stop_run (self, VMT_STOP_RESET, 0);
      return;
    }
  /* A disk's late answer would land in the kernel that is loaded next. */
  quiesce (self);
  _vmt_machine_reset_all (self);
  if (!boot (self))
    _vmt_machine_set_state (self, VMT_MACHINE_OFF);
  else if (was_running)
    go (self);
}

/* What disks had accepted reaches the host's. */
static void
flush (VmtMachine *self)
{
  quiesce (self);
  for (guint i = 0; i < self->realized->len; i++)
    if (VMT_IS_BLOCK (self->realized->pdata[i]))
      {
        VmtBlock *block = self->realized->pdata[i];
        vmt_block_drain (block);
        int failed = vmt_block_is_readonly (block) ? 0 : vmt_block_flush (block);
        if (failed != 0)
          {
            g_autofree char *path = vmt_object_dup_path (VMT_OBJECT (block));
            fail_run (self, g_error_new (VMT_ERROR, VMT_ERROR_FAILED,
                                         "%s: cannot write what the guest had stored: %s", path,
                                         g_strerror (failed)));
          }
      }
}

static void
power_off (VmtMachine *self, const char *why, int status)
{
  _vmt_machine_halt (self);
  flush (self);
  _vmt_machine_set_state (self, VMT_MACHINE_OFF);
  vmt_object_emit (VMT_OBJECT (self), "power-off",
                   g_variant_new ("(si)", why != NULL ? why : "", status));
  stop_run (self, VMT_STOP_POWER_OFF, status);
}

static void
process_requests (VmtMachine *self)
{
  g_mutex_lock (&self->lock);
  VmtMachineRequests requests = self->requests;
  self->requests = (VmtMachineRequests){ 0 };
  g_mutex_unlock (&self->lock);

  /* What ends the run goes first; what was asked for beside it is moot then. */
  if (requests.quit)
    {
      _vmt_machine_halt (self);
      if (vmt_machine_get_state (self) == VMT_MACHINE_RUNNING)
        _vmt_machine_set_state (self, VMT_MACHINE_PAUSED);
      stop_run (self, VMT_STOP_QUIT, 0);
    }
  else if (requests.panic)
    {
      _vmt_machine_halt (self);
      if (vmt_machine_get_state (self) == VMT_MACHINE_RUNNING)
        _vmt_machine_set_state (self, VMT_MACHINE_PAUSED);
      vmt_object_emit (VMT_OBJECT (self), "guest-panic",
                       g_variant_new_string (requests.panic_why != NULL ? requests.panic_why : ""));
      stop_run (self, VMT_STOP_PANIC, 0);
    }
  else if (requests.power_off)
    power_off (self, requests.power_off_why, requests.status);
  else
    {
      if (requests.reset)
        reset (self, requests.reset_why);
      if (self->stopping)
        return;
      if (requests.pause && vmt_machine_get_state (self) == VMT_MACHINE_RUNNING)
        {
          _vmt_machine_halt (self);
          _vmt_machine_set_state (self, VMT_MACHINE_PAUSED);
        }
      else if (requests.resume && vmt_machine_get_state (self) == VMT_MACHINE_PAUSED)
        go (self);
    }
}

/* To the state in which requests are served: booted, running or paused. */
static void
start (VmtMachine *self)
{
  g_mutex_lock (&self->lock);
  gboolean ends = self->requests.quit || self->requests.power_off;
  gboolean pauses = self->requests.pause;
  if (!ends)
    self->requests.pause = self->requests.resume = FALSE;
  g_mutex_unlock (&self->lock);
  if (ends)
    return;

  GError *error = NULL;
  if (self->exec != NULL && !vmt_exec_start (self->exec, &error))
    {
      fail_run (self, error);
      return;
    }
  VmtMachineState state = vmt_machine_get_state (self);
  if (state == VMT_MACHINE_OFF)
    _vmt_machine_reset_all (self);
  if (state != VMT_MACHINE_PAUSED && !boot (self))
    return;
  if (pauses)
    _vmt_machine_set_state (self, VMT_MACHINE_PAUSED);
  else
    go (self);
}

gboolean
vmt_machine_run (VmtMachine *self, VmtStopReason *reason, int *status, GError **error)
{
  g_return_val_if_fail (VMT_IS_MACHINE (self), FALSE);

  if (reason != NULL)
    *reason = VMT_STOP_ERROR;
  if (status != NULL)
    *status = 0;
  if (self->closed || vmt_machine_get_state (self) == VMT_MACHINE_NEW)
    {
      g_set_error (error, VMT_ERROR, VMT_ERROR_STATE, "machine '%s' cannot run: it is %s",
                   self->name, self->closed ? "closed" : "not realized");
      return FALSE;
    }
  if (self->in_run || !g_main_context_acquire (self->context))
    {
      g_set_error (error, VMT_ERROR, VMT_ERROR_STATE, "machine '%s' is already being run",
                   self->name);
      return FALSE;
    }
  g_object_ref (self);
  g_main_context_push_thread_default (self->context);
  self->in_run = TRUE;
  self->stopping = FALSE;
  start (self);
  if (!self->stopping)
    process_requests (self);
  while (!self->stopping)
    g_main_context_iteration (self->context, TRUE);
  if (vmt_machine_get_state (self) == VMT_MACHINE_RUNNING)
    {
      _vmt_machine_halt (self);
      _vmt_machine_set_state (self, VMT_MACHINE_PAUSED);
    }
  if (self->stop_reason != VMT_STOP_POWER_OFF)
    flush (self);
  self->in_run = FALSE;
  g_main_context_pop_thread_default (self->context);
  g_main_context_release (self->context);

  gboolean ok = self->stop_reason != VMT_STOP_ERROR;
  if (reason != NULL)
    *reason = self->stop_reason;
  if (status != NULL)
    *status = self->stop_status;
  if (self->stop_error != NULL)
    g_propagate_error (error, g_steal_pointer (&self->stop_error));
  g_object_unref (self);
  return ok;
}

/* Safepoints */

typedef struct
{
  VmtMachine *machine;
  void (*func) (VmtMachine *machine, gpointer data);
  gpointer data;
} SafepointCall;

static void
call_at_safepoint (VmtExec *exec, gpointer data)
{
  (void)exec;
  SafepointCall *call = data;
  call->func (call->machine, call->data);
}

void
vmt_machine_at_safepoint (VmtMachine *self, void (*func) (VmtMachine *machine, gpointer data),
                          gpointer data)
{
  g_return_if_fail (VMT_IS_MACHINE (self) && func != NULL);

  SafepointCall call = { self, func, data };
  self->n_safepoints++;
  if (self->exec != NULL)
    vmt_exec_at_safepoint (self->exec, call_at_safepoint, &call);
  else
    func (self, data);
  if (--self->n_safepoints == 0 && self->close_wanted)
    vmt_machine_close (self);
}
