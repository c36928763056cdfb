/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "vmt-machine.h"

#include "vmt-backend.h"
#include "vmt-cpu-private.h"
#include "vmt-device-private.h"
#include "vmt-error.h"
#include "vmt-firmware.h"
#include "vmt-machine-private.h"
#include "vmt-param.h"

#define MAX_CPUS 1024

G_DEFINE_FINAL_TYPE (VmtMachine, vmt_machine, VMT_TYPE_OBJECT)

G_DEFINE_ENUM_TYPE (VmtOnReset, vmt_on_reset, G_DEFINE_ENUM_VALUE (VMT_ON_RESET_REBOOT, "reboot"),
                    G_DEFINE_ENUM_VALUE (VMT_ON_RESET_EXIT, "exit"))

G_DEFINE_ENUM_TYPE (VmtMachineState, vmt_machine_state,
                    G_DEFINE_ENUM_VALUE (VMT_MACHINE_NEW, "new"),
                    G_DEFINE_ENUM_VALUE (VMT_MACHINE_REALIZED, "realized"),
                    G_DEFINE_ENUM_VALUE (VMT_MACHINE_RUNNING, "running"),
                    G_DEFINE_ENUM_VALUE (VMT_MACHINE_PAUSED, "paused"),
                    G_DEFINE_ENUM_VALUE (VMT_MACHINE_OFF, "off"))

enum
{
  PROP_NAME = 1,
  PROP_ACCEL,
  PROP_TIER,
  PROP_PROMOTE_AFTER,
  PROP_CODE_CACHE,
  PROP_ON_RESET,
  PROP_STATE,
  PROP_STATISTICS,
  N_PROPS
};

static const VmtEventSpec events[] = {
  { "state", "s", "The machine's state changed", { NULL } },
  { "reset", "s", "The machine is being reset; why", { NULL } },
  { "power-off", "(si)", "The machine was powered off; why, and the exit status", { NULL } },
  { "guest-panic", "s", "The guest says that it crashed; how it was told", { NULL } },
  { "code-evicted",
    "(tt)",
    "Translated code went for want of room (property code-cache): blocks, bytes",
    { NULL } },
  { "guest-error",
    "(sst)",
    "The guest did something senseless to a device; path, what, value",
    { NULL } },
};

static void
ram_clear (gpointer data)
{
  VmtMachineRam *entry = data;
  g_free (entry->id);
  vmt_ram_unref (entry->ram);
}

static void
vmt_machine_init (VmtMachine *self)
{
  self->accel = g_strdup ("auto");
  self->tier_name = g_strdup ("auto");
  self->promote_after = VMT_EXEC_PROMOTION;
  self->code_cache = VMT_EXEC_CACHE_LIMIT;
  self->context = g_main_context_new ();
  self->clock = vmt_clock_new (self->context);
  self->space = vmt_address_space_new ("memory");
  self->rams = g_array_new (FALSE, TRUE, sizeof (VmtMachineRam));
  g_array_set_clear_func (self->rams, ram_clear);
  self->cpus = g_ptr_array_new_with_free_func (g_object_unref);
  self->realized = g_ptr_array_new_with_free_func (g_object_unref);
  self->refusals = g_ptr_array_new_with_free_func (g_free);
  g_mutex_init (&self->lock);
  _vmt_machine_init_run (self);
  vmt_object_set_event_context (VMT_OBJECT (self), self->context);
}

static void
vmt_machine_set_property (GObject *object, guint id, const GValue *value, GParamSpec *pspec)
{
  VmtMachine *self = VMT_MACHINE (object);
  switch (id)
    {
    case PROP_NAME:
      g_free (self->name);
      self->name = g_value_dup_string (value);
      break;
    case PROP_ACCEL:
      g_free (self->accel);
      self->accel = g_value_dup_string (value);
      break;
    case PROP_TIER:
      g_free (self->tier_name);
      self->tier_name = g_value_dup_string (value);
      break;
    case PROP_PROMOTE_AFTER:
      self->promote_after = g_value_get_uint (value);
      break;
    case PROP_CODE_CACHE:
      self->code_cache = g_value_get_uint64 (value);
      break;
    case PROP_ON_RESET:
      self->on_reset = (VmtOnReset)g_value_get_enum (value);
      break;
    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
    }
}

static void
vmt_machine_get_property (GObject *object, guint id, GValue *value, GParamSpec *pspec)
{
  VmtMachine *self = VMT_MACHINE (object);
  switch (id)
    {
    case PROP_NAME:
      g_value_set_string (value, self->name);
      break;
    case PROP_ACCEL:
      g_value_set_string (value, self->accel);
      break;
    case PROP_TIER:
      g_value_set_string (value, self->tier_name);
      break;
    case PROP_PROMOTE_AFTER:
      g_value_set_uint (value, self->promote_after);
      break;
    case PROP_CODE_CACHE:
      g_value_set_uint64 (value, self->code_cache);
      break;
    case PROP_ON_RESET:
      g_value_set_enum (value, (gint)self->on_reset);
      break;
    case PROP_STATE:
      g_value_set_enum (value, (gint)vmt_machine_get_state (self));
      break;
    case PROP_STATISTICS:
      g_value_take_boxed (value, _vmt_machine_dup_statistics (self));
      break;
    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
    }
}

static void
vmt_machine_dispose (GObject *object)
{
  VmtMachine *self = VMT_MACHINE (object);
  vmt_machine_close (self);
  g_clear_object (&self->firmware);
  g_ptr_array_set_size (self->cpus, 0);
  G_OBJECT_CLASS (vmt_machine_parent_class)->dispose (object);
}

static void
vmt_machine_finalize (GObject *object)
{
  VmtMachine *self = VMT_MACHINE (object);
  _vmt_machine_fini_run (self);
  vmt_object_set_event_context (VMT_OBJECT (self), NULL);
  g_clear_pointer (&self->clock, vmt_clock_free);
  g_clear_pointer (&self->space, vmt_address_space_unref);
  g_array_unref (self->rams);
  g_ptr_array_unref (self->cpus);
  g_ptr_array_unref (self->realized);
  g_ptr_array_unref (self->refusals);
  g_main_context_unref (self->context);
  g_mutex_clear (&self->lock);
  g_free (self->name);
  g_free (self->accel);
  g_free (self->tier_name);
  G_OBJECT_CLASS (vmt_machine_parent_class)->finalize (object);
}

static void
vmt_machine_class_init (VmtMachineClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);
  const GParamFlags flags = G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS;

  object_class->set_property = vmt_machine_set_property;
  object_class->get_property = vmt_machine_get_property;
  object_class->dispose = vmt_machine_dispose;
  object_class->finalize = vmt_machine_finalize;

  g_object_class_install_property (
      object_class, PROP_NAME,
      g_param_spec_string ("name", NULL, "What people call this machine", NULL, flags));
  g_object_class_install_property (
      object_class, PROP_ACCEL,
      vmt_param_spec_feature ("accel",
                              "What executes guest code: auto, emulate, or an accelerator's name",
                              "accel", "auto", flags));
  g_object_class_install_property (
      object_class, PROP_TIER,
      vmt_param_spec_feature ("tier", "How emulated code is executed: auto, or a tier's name",
                              "tier", "auto", flags));
  g_object_class_install_property (
      object_class, PROP_PROMOTE_AFTER,
      g_param_spec_uint ("promote-after", NULL,
                         "So many times code runs before it is compiled again, for speed; 0: it is "
                         "compiled for speed at once",
                         0, G_MAXINT32, VMT_EXEC_PROMOTION, flags));
  g_object_class_install_property (
      object_class, PROP_CODE_CACHE,
      vmt_param_spec_size ("code-cache",
                           "Memory for translated code; the oldest goes when it is full", 1 << 20,
                           G_MAXUINT32, VMT_EXEC_CACHE_LIMIT, flags));
  g_object_class_install_property (
      object_class, PROP_ON_RESET,
      g_param_spec_enum ("on-reset", NULL, "What a reset does: reboot the machine, or end its run",
                         vmt_on_reset_get_type (), VMT_ON_RESET_REBOOT, flags | VMT_PARAM_LIVE));
  g_object_class_install_property (
      object_class, PROP_STATE,
      g_param_spec_enum ("state", NULL, "What the machine is doing", vmt_machine_state_get_type (),
                         VMT_MACHINE_NEW, G_PARAM_READABLE | G_PARAM_STATIC_STRINGS));
  g_object_class_install_property (
      object_class, PROP_STATISTICS,
      vmt_param_spec_list ("statistics",
                           "What has been counted while guest code ran, each name=number; of each "
                           "CPU as of when it last left guest code",
                           G_PARAM_READABLE | G_PARAM_STATIC_STRINGS));
  for (guint i = 0; i < G_N_ELEMENTS (events); i++)
    vmt_object_class_install_event (VMT_OBJECT_CLASS (klass), &events[i]);
}

VmtMachine *
vmt_machine_new (const char *name)
{
  return g_object_new (VMT_TYPE_MACHINE, "name", name, NULL);
}

const char *
vmt_machine_get_name (VmtMachine *self)
{
  g_return_val_if_fail (VMT_IS_MACHINE (self), "");
  return self->name != NULL ? self->name : "";
}

GMainContext *
vmt_machine_get_context (VmtMachine *self)
{
  return self->context;
}

VmtClock *
vmt_machine_get_clock (VmtMachine *self)
{
  return self->clock;
}

VmtAddressSpace *
vmt_machine_get_address_space (VmtMachine *self)
{
  return self->space;
}

VmtMachineState
vmt_machine_get_state (VmtMachine *self)
{
  return (VmtMachineState)g_atomic_int_get ((gint *)&self->state);
}

/* Composition */

static gboolean
check_new (VmtMachine *self, const char *what, GError **error)
{
  if (vmt_machine_get_state (self) == VMT_MACHINE_NEW && !self->closed)
    return TRUE;
  g_set_error (error, VMT_ERROR, VMT_ERROR_STATE,
               "machine '%s' is already %s: %s cannot be added to it", self->name,
               self->closed ? "closed" : "realized", what);
  return FALSE;
}

gboolean
vmt_machine_add_ram (VmtMachine *self, const char *id, guint64 base, guint64 size,
                     VmtRamBacking backing, const char *path, GError **error)
{
  g_return_val_if_fail (VMT_IS_MACHINE (self) && id != NULL, FALSE);

  if (!check_new (self, "memory", error))
    return FALSE;
  for (guint i = 0; i < self->rams->len; i++)
    if (g_str_equal (g_array_index (self->rams, VmtMachineRam, i).id, id))
      {
        g_set_error (error, VMT_ERROR, VMT_ERROR_INVALID,
                     "machine '%s' already has memory '%s'; choose another id", self->name, id);
        return FALSE;
      }
  VmtRam *ram = vmt_ram_new (id, size, backing, path, error);
  if (ram == NULL)
    return FALSE;
  if (!vmt_address_space_add_ram (self->space, base, ram, 0, size, FALSE, NULL, error))
    {
      vmt_ram_unref (ram);
      return FALSE;
    }
  VmtMachineRam entry = { g_strdup (id), ram, base };
  guint at = 0;
  while (at < self->rams->len && g_array_index (self->rams, VmtMachineRam, at).base < base)
    at++;
  g_array_insert_val (self->rams, at, entry);
  return TRUE;
}

VmtRam *
vmt_machine_get_ram (VmtMachine *self, guint index, guint64 *base)
{
  if (index >= self->rams->len)
    return NULL;
  VmtMachineRam *entry = &g_array_index (self->rams, VmtMachineRam, index);
  if (base != NULL)
    *base = entry->base;
  return entry->ram;
}

gboolean
vmt_machine_add_cpu (VmtMachine *self, VmtCpu *cpu, GError **error)
{
  g_return_val_if_fail (VMT_IS_MACHINE (self) && VMT_IS_CPU (cpu), FALSE);

  if (!check_new (self, "a CPU", error))
    return FALSE;
  if (self->cpus->len >= MAX_CPUS)
    {
      g_set_error (error, VMT_ERROR, VMT_ERROR_INVALID,
                   "machine '%s' has %u CPUs, which is the limit", self->name, MAX_CPUS);
      return FALSE;
    }
  VmtCpuClass *klass = VMT_CPU_GET_CLASS (cpu);
  if (self->cpus->len > 0 && VMT_CPU_GET_CLASS (self->cpus->pdata[0])->arch != klass->arch)
    {
      g_set_error (error, VMT_ERROR, VMT_ERROR_UNSUPPORTED,
                   "machine '%s': a CPU of type %s beside one of type %s: all CPUs of a machine "
                   "are of one architecture",
                   self->name, G_OBJECT_TYPE_NAME (cpu), G_OBJECT_TYPE_NAME (self->cpus->pdata[0]));
      return FALSE;
    }
  g_autofree char *id = g_strdup_printf ("cpu%u", self->cpus->len);
  if (!vmt_object_add_child (VMT_OBJECT (self), id, VMT_OBJECT (cpu), error))
    return FALSE;
  _vmt_cpu_set_index (cpu, self->cpus->len);
  _vmt_device_set_machine (VMT_DEVICE (cpu), self, self->space);
  g_ptr_array_add (self->cpus, g_object_ref (cpu));
  return TRUE;
}

guint
vmt_machine_get_n_cpus (VmtMachine *self)
{
  return self->cpus->len;
}

VmtCpu *
vmt_machine_get_cpu (VmtMachine *self, guint index)
{
  return index < self->cpus->len ? self->cpus->pdata[index] : NULL;
}

gboolean
vmt_machine_add_device (VmtMachine *self, VmtDevice *parent, const char *id, VmtDevice *device,
                        GError **error)
{
  g_return_val_if_fail (VMT_IS_MACHINE (self) && VMT_IS_DEVICE (device), FALSE);
  g_return_val_if_fail (parent == NULL || VMT_IS_DEVICE (parent), FALSE);

  if (!check_new (self, "a device", error))
    return FALSE;
  VmtObject *above = parent != NULL ? VMT_OBJECT (parent) : VMT_OBJECT (self);
  if (vmt_object_get_root (above) != VMT_OBJECT (self))
    {
      g_set_error (error, VMT_ERROR, VMT_ERROR_STATE,
                   "device '%s' cannot be put below one that is not in machine '%s'", id,
                   self->name);
      return FALSE;
    }
  if (!vmt_object_add_child (above, id, VMT_OBJECT (device), error))
    return FALSE;
  _vmt_device_set_machine (device, self, self->space);
  if (parent != NULL && !vmt_device_plug (parent, device, error))
    {
      g_prefix_error (error, "device '%s': ", id);
      _vmt_device_set_machine (device, NULL, NULL);
      vmt_object_remove_child (above, VMT_OBJECT (device));
      return FALSE;
    }
  return TRUE;
}

gboolean
vmt_machine_set_firmware (VmtMachine *self, VmtFirmware *firmware, GError **error)
{
  g_return_val_if_fail (VMT_IS_MACHINE (self) && VMT_IS_FIRMWARE (firmware), FALSE);

  if (!check_new (self, "firmware", error))
    return FALSE;
  if (self->firmware != NULL)
    {
      g_set_error (error, VMT_ERROR, VMT_ERROR_STATE, "machine '%s' already has firmware (%s)",
                   self->name, G_OBJECT_TYPE_NAME (self->firmware));
      return FALSE;
    }
  if (!vmt_object_add_child (VMT_OBJECT (self), "firmware", VMT_OBJECT (firmware), error))
    return FALSE;
  self->firmware = g_object_ref (firmware);
  return TRUE;
}

VmtFirmware *
vmt_machine_get_firmware (VmtMachine *self)
{
  return self->firmware;
}

/* Realize */

static void
unrealize_all (VmtMachine *self)
{
  while (self->realized->len > 0)
    {
      g_autoptr (GObject) object =
          g_ptr_array_steal_index (self->realized, self->realized->len - 1);
      if (VMT_IS_BACKEND (object))
        vmt_backend_close (VMT_BACKEND (object));
      else
        vmt_device_unrealize (VMT_DEVICE (object));
    }
  _vmt_machine_drop_exec (self);
}

/* Parents before children; a device's back ends are open when it is realized. */
static gboolean
realize_below (VmtMachine *self, VmtObject *object, GError **error)
{
  if (VMT_IS_DEVICE (object))
    {
      VmtDevice *device = VMT_DEVICE (object);
      if (vmt_device_get_machine (device) == NULL)
        _vmt_device_set_machine (device, self, self->space);
      GPtrArray *children = vmt_object_get_children (object);
      for (guint i = 0; i < children->len; i++)
        if (VMT_IS_BACKEND (children->pdata[i]))
          {
            VmtBackend *backend = children->pdata[i];
            if (!vmt_backend_open (backend, self->context, error))
              {
                g_autofree char *path = vmt_object_dup_path (VMT_OBJECT (backend));
                g_prefix_error (error, "%s: ", path);
                return FALSE;
              }
            g_ptr_array_add (self->realized, g_object_ref (backend));
          }
      if (!vmt_device_realize (device, self, error))
        return FALSE;
      g_ptr_array_add (self->realized, g_object_ref (device));
    }
  else if (VMT_IS_BACKEND (object))
    return TRUE;

  /* A device may add children while it is realized. */
  for (guint i = 0; i < vmt_object_get_children (object)->len; i++)
    if (!realize_below (self, vmt_object_get_children (object)->pdata[i], error))
      return FALSE;
  return TRUE;
}

gboolean
vmt_machine_realize (VmtMachine *self, GError **error)
{
  g_return_val_if_fail (VMT_IS_MACHINE (self), FALSE);

  if (vmt_machine_get_state (self) != VMT_MACHINE_NEW || self->closed)
    {
      g_set_error (error, VMT_ERROR, VMT_ERROR_STATE, "machine '%s' is already %s", self->name,
                   self->closed ? "closed" : "realized");
      return FALSE;
    }
  if (!g_main_context_acquire (self->context))
    {
      g_set_error (error, VMT_ERROR, VMT_ERROR_STATE, "machine '%s' is in use by another thread",
                   self->name);
      return FALSE;
    }
  g_main_context_push_thread_default (self->context);
  gboolean ok =
      _vmt_machine_make_exec (self, error) && realize_below (self, VMT_OBJECT (self), error);
  if (ok)
    {
      _vmt_machine_reset_all (self);
      vmt_object_set_frozen (VMT_OBJECT (self), TRUE);
      _vmt_machine_set_state (self, VMT_MACHINE_REALIZED);
    }
  else
    unrealize_all (self);
  g_main_context_pop_thread_default (self->context);
  g_main_context_release (self->context);
  return ok;
}

void
vmt_machine_close (VmtMachine *self)
{
  g_return_if_fail (VMT_IS_MACHINE (self));

  if (self->closed)
    return;
  /* The engine cannot go from under its own caller. */
  self->close_wanted = self->n_safepoints > 0;
  if (self->close_wanted)
    return;
  self->closed = TRUE;
  vmt_machine_quit (self); /* if it is called from inside its run */
  gboolean acquired = g_main_context_acquire (self->context);
  if (acquired)
    g_main_context_push_thread_default (self->context);
  _vmt_machine_halt (self);
  for (guint i = 0; i < self->realized->len; i++)
    if (VMT_IS_DEVICE (self->realized->pdata[i]))
      vmt_device_quiesce (self->realized->pdata[i]);
  if (self->exec != NULL)
    vmt_exec_stop (self->exec);
  unrealize_all (self);
  vmt_object_set_frozen (VMT_OBJECT (self), FALSE);
  if (vmt_machine_get_state (self) != VMT_MACHINE_NEW)
    _vmt_machine_set_state (self, VMT_MACHINE_OFF);
  if (acquired)
    {
      g_main_context_pop_thread_default (self->context);
      g_main_context_release (self->context);
    }
}
