/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "vmt-harness.h"

#include "vmt-dma.h"
#include "vmt-error.h"
#include "vmt-event.h"
#include "vmt-machine-private.h"

#define RECORDER_LINES 4096
/* Below are the inputs for the test itself. */
#define FIRST_AUTOMATIC 64

#define VMT_TYPE_HARNESS_RECORDER (vmt_harness_recorder_get_type ())
G_DECLARE_FINAL_TYPE (VmtHarnessRecorder, vmt_harness_recorder, VMT, HARNESS_RECORDER, VmtDevice)

struct _VmtHarnessRecorder
{
  VmtDevice parent_instance;
  gint level[RECORDER_LINES]; /* atomic, both: devices raise lines from any thread */
  gint edges[RECORDER_LINES];
};

static void vmt_harness_recorder_irq_init (VmtIrqControllerInterface *iface);

G_DEFINE_FINAL_TYPE_WITH_CODE (VmtHarnessRecorder, vmt_harness_recorder, VMT_TYPE_DEVICE,
                               G_IMPLEMENT_INTERFACE (VMT_TYPE_IRQ_CONTROLLER,
                                                      vmt_harness_recorder_irq_init))

static void
record (gpointer sink, guint line, gboolean level)
{
  VmtHarnessRecorder *self = sink;
  if (!g_atomic_int_exchange (&self->level[line], level != FALSE) && level)
    g_atomic_int_inc (&self->edges[line]);
}

static gboolean
recorder_get_input (VmtIrqController *controller, const char *line, VmtIrq *irq, GError **error)
{
  guint64 number;
  if (!g_ascii_string_to_unsigned (line, 10, 0, RECORDER_LINES - 1, &number, error))
    return FALSE;
  *irq = (VmtIrq){ .func = record, .sink = controller, .line = (guint)number };
  return TRUE;
}

static void
vmt_harness_recorder_irq_init (VmtIrqControllerInterface *iface)
{
  iface->get_input = recorder_get_input;
}

static void
vmt_harness_recorder_init (VmtHarnessRecorder *self)
{
  (void)self;
}

static void
vmt_harness_recorder_class_init (VmtHarnessRecorderClass *klass)
{
  (void)klass;
}

struct _VmtHarness
{
  VmtMachine *machine;
  VmtHarnessRecorder *recorder;
  guint next_line;
  guint guest_errors;
};

static void
count_guest_error (VmtObject *source, const char *event, GVariant *payload, gpointer data)
{
  (void)source;
  (void)event;
  (void)payload;
  VmtHarness *self = data;
  self->guest_errors++;
}

VmtHarness *
vmt_harness_new (guint64 ram_base, guint64 ram_size)
{
  g_autoptr (GError) error = NULL;
  VmtHarness *self = g_new0 (VmtHarness, 1);
  self->machine = vmt_machine_new ("harness");
  self->recorder = g_object_new (VMT_TYPE_HARNESS_RECORDER, NULL);
  self->next_line = FIRST_AUTOMATIC;
  /* One thread drives all of it. */
  g_main_context_acquire (self->machine->context);
  vmt_clock_set_manual (self->machine->clock);
  vmt_object_subscribe (VMT_OBJECT (self->machine), "**", "guest-error", count_guest_error, self,
                        NULL);
  if (!vmt_machine_add_ram (self->machine, "ram", ram_base, ram_size, VMT_RAM_ANON, NULL, &error) ||
      !vmt_machine_add_device (self->machine, NULL, "irq-recorder", VMT_DEVICE (self->recorder),
                               &error))
    g_critical ("harness: %s", error->message);
  return self;
}

void
vmt_harness_free (VmtHarness *self)
{
  if (self == NULL)
    return;
  vmt_machine_close (self->machine);
  g_main_context_release (self->machine->context);
  g_object_unref (self->recorder);
  g_object_unref (self->machine);
  g_free (self);
}

VmtMachine *
vmt_harness_get_machine (VmtHarness *self)
{
  return self->machine;
}

gboolean
vmt_harness_add (VmtHarness *self, VmtDevice *parent, const char *id, VmtDevice *device,
                 guint64 base, GError **error)
{
  if (!vmt_machine_add_device (self->machine, parent, id, device, error))
    return FALSE;
  if (base != G_MAXUINT64)
    vmt_device_set_base (device, 0, base);
  return TRUE;
}

static void
wire (VmtObject *object, gpointer data)
{
  VmtHarness *self = data;
  if (!VMT_IS_DEVICE (object))
    return;
  VmtDevice *device = VMT_DEVICE (object);
  for (guint i = 0; i < vmt_device_get_n_irqs (device); i++)
    if (vmt_device_get_irq_target (device, i, NULL) == NULL)
      {
        g_autofree char *line = g_strdup_printf ("%u", self->next_line++);
        const char *name = VMT_DEVICE_GET_CLASS (device)->irqs[i].name;
        g_autoptr (GError) error = NULL;
        if (!vmt_device_connect_irq (device, name, VMT_OBJECT (self->recorder), line, &error))
          g_critical ("harness: %s", error->message);
      }
}

static void
set_running (VmtObject *object, gpointer data)
{
  if (VMT_IS_DEVICE (object))
    vmt_device_set_running (VMT_DEVICE (object), GPOINTER_TO_INT (data));
}

gboolean
vmt_harness_realize (VmtHarness *self, GError **error)
{
  vmt_object_visit (VMT_OBJECT (self->machine), wire, self);
  if (!vmt_machine_realize (self->machine, error))
    return FALSE;
  vmt_object_visit (VMT_OBJECT (self->machine), set_running, GINT_TO_POINTER (TRUE));
  return TRUE;
}

void
vmt_harness_reset (VmtHarness *self)
{
  _vmt_machine_reset_all (self->machine);
}

VmtMemStatus
vmt_harness_read (VmtHarness *self, guint64 address, guint size, guint64 *value)
{
  return vmt_address_space_read (self->machine->space, address, size, value);
}

VmtMemStatus
vmt_harness_write (VmtHarness *self, guint64 address, guint size, guint64 value)
{
  return vmt_address_space_write (self->machine->space, address, size, value);
}

guint64
vmt_harness_get (VmtHarness *self, guint64 address, guint size)
{
  guint64 value = 0;
  VmtMemStatus status = vmt_harness_read (self, address, size, &value);
  if (status != VMT_MEM_OK)
    g_critical ("harness: a %u-byte read at 0x%" G_GINT64_MODIFIER "x ends with status %d", size,
                address, (int)status);
  return value;
}

void
vmt_harness_put (VmtHarness *self, guint64 address, guint size, guint64 value)
{
  VmtMemStatus status = vmt_harness_write (self, address, size, value);
  if (status != VMT_MEM_OK)
    g_critical ("harness: a %u-byte write at 0x%" G_GINT64_MODIFIER "x ends with status %d", size,
                address, (int)status);
}

VmtObject *
vmt_harness_get_irq_recorder (VmtHarness *self)
{
  return VMT_OBJECT (self->recorder);
}

gboolean
vmt_harness_get_line_level (VmtHarness *self, guint line)
{
  g_return_val_if_fail (line < RECORDER_LINES, FALSE);
  return g_atomic_int_get (&self->recorder->level[line]);
}

guint
vmt_harness_get_line_edges (VmtHarness *self, guint line)
{
  g_return_val_if_fail (line < RECORDER_LINES, 0);
  return (guint)g_atomic_int_get (&self->recorder->edges[line]);
}

gboolean
vmt_harness_get_irq_level (VmtHarness *self, VmtDevice *device, guint index)
{
  guint line;
  VmtIrqController *target = vmt_device_get_irq_target (device, index, &line);
  g_return_val_if_fail ((gpointer)target == (gpointer)self->recorder, FALSE);
  return vmt_harness_get_line_level (self, line);
}

guint
vmt_harness_get_irq_edges (VmtHarness *self, VmtDevice *device, guint index)
{
  guint line;
  VmtIrqController *target = vmt_device_get_irq_target (device, index, &line);
  g_return_val_if_fail ((gpointer)target == (gpointer)self->recorder, 0);
  return vmt_harness_get_line_edges (self, line);
}

gboolean
vmt_harness_peek (VmtHarness *self, guint64 address, gpointer buffer, gsize size)
{
  return vmt_dma_read (self->machine->space, address, buffer, size);
}

gboolean
vmt_harness_poke (VmtHarness *self, guint64 address, gconstpointer buffer, gsize size)
{
  return vmt_dma_write (self->machine->space, address, buffer, size);
}

void
vmt_harness_iterate (VmtHarness *self)
{
  while (g_main_context_iteration (self->machine->context, FALSE))
    ;
}

static gboolean
set_flag (gpointer data)
{
  *(gboolean *)data = TRUE;
  return G_SOURCE_REMOVE;
}

gboolean
vmt_harness_wait (VmtHarness *self, gboolean (*done) (gpointer data), gpointer data, guint seconds)
{
  gboolean late = FALSE;
  GSource *source = g_timeout_source_new_seconds (seconds);
  g_source_set_callback (source, set_flag, &late, NULL);
  g_source_attach (source, self->machine->context);
  gboolean ok;
  while (!(ok = done (data)) && !late)
    g_main_context_iteration (self->machine->context, TRUE);
  g_source_destroy (source);
  g_source_unref (source);
  return ok;
}

void
vmt_harness_advance (VmtHarness *self, guint64 nanoseconds)
{
  vmt_clock_advance (self->machine->clock, nanoseconds);
  vmt_harness_iterate (self);
}

guint
vmt_harness_get_guest_errors (VmtHarness *self)
{
  vmt_harness_iterate (self);
  return self->guest_errors;
}

VmtHarnessRequests
vmt_harness_take_requests (VmtHarness *self)
{
  VmtMachine *machine = self->machine;
  g_mutex_lock (&machine->lock);
  VmtMachineRequests requests = machine->requests;
  machine->requests = (VmtMachineRequests){ 0 };
  g_mutex_unlock (&machine->lock);
  return (VmtHarnessRequests){
    .power_off = requests.power_off,
    .reset = requests.reset,
    .panic = requests.panic,
    .quit = requests.quit,
    .status = requests.status,
    .why = requests.power_off ? requests.power_off_why
           : requests.reset   ? requests.reset_why
                              : requests.panic_why,
  };
}
