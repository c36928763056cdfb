/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "vmt-device.h"

#include "vmt-device-private.h"
#include "vmt-registry.h"
#include "vmt-error.h"
#include "vmt-event.h"
#include "vmt-register-map-private.h"

#define GUEST_ERRORS_PER_SECOND 10

/* One region of an instance: what the address space calls with. */
typedef struct
{
  VmtDevice *device;
  const VmtRegionSpec *spec;
  guint64 size, base;
  gboolean mapped;
  VmtRegisterMap *map; /* (nullable) from realize on */
  guint32 *counts;     /* of the table's rows, where the instance sets them */
  VmtMmioOps ops;
} Region;

typedef struct
{
  VmtMachine *machine; /* not owned */
  VmtAddressSpace *space;
  GMutex lock;
  gboolean realized;
  guint n_regions, n_irqs;
  Region *regions;
  VmtIrq *irqs;
  VmtIrqController **irq_targets; /* owned */
  guint *irq_lines;
  guint64 errors; /* atomic: a second, and in the low byte how many there were in it */
} VmtDevicePrivate;

G_DEFINE_ABSTRACT_TYPE_WITH_PRIVATE (VmtDevice, vmt_device, VMT_TYPE_OBJECT)

static VmtDevicePrivate *
get_priv (VmtDevice *self)
{
  return vmt_device_get_instance_private (self);
}

static char *
dup_path (VmtDevice *self)
{
  char *path = vmt_object_dup_path (VMT_OBJECT (self));
  if (path != NULL && *path != '\0')
    return path;
  g_free (path);
  return g_strdup (G_OBJECT_TYPE_NAME (self));
}

/* Registers without callbacks of their own go through the table. */
static VmtMemStatus
region_read (gpointer opaque, guint64 offset, guint size, guint64 *value)
{
  Region *region = opaque;
  if (region->spec->ops != NULL && region->spec->ops->read != NULL)
    return region->spec->ops->read (region->device, offset, size, value);
  return vmt_device_table_read (
      region->device, (guint)(region - get_priv (region->device)->regions), offset, size, value);
}

static VmtMemStatus
region_write (gpointer opaque, guint64 offset, guint size, guint64 value)
{
  Region *region = opaque;
  if (region->spec->ops != NULL && region->spec->ops->write != NULL)
    return region->spec->ops->write (region->device, offset, size, value);
  return vmt_device_table_write (
      region->device, (guint)(region - get_priv (region->device)->regions), offset, size, value);
}

static void
vmt_device_init (VmtDevice *self)
{
  g_mutex_init (&get_priv (self)->lock);
}

static void
vmt_device_constructed (GObject *object)
{
  VmtDevice *self = VMT_DEVICE (object);
  VmtDevicePrivate *priv = get_priv (self);
  VmtDeviceClass *klass = VMT_DEVICE_GET_CLASS (self);

  while (klass->regions != NULL && klass->regions[priv->n_regions].name != NULL)
    priv->n_regions++;
  priv->regions = g_new0 (Region, priv->n_regions);
  for (guint i = 0; i < priv->n_regions; i++)
    {
      Region *region = &priv->regions[i];
      region->device = self;
      region->spec = &klass->regions[i];
      region->size = region->spec->size;
      region->base = G_MAXUINT64;
    }
  while (klass->irqs != NULL && klass->irqs[priv->n_irqs].name != NULL)
    priv->n_irqs++;
  priv->irqs = g_new0 (VmtIrq, priv->n_irqs);
  priv->irq_targets = g_new0 (VmtIrqController *, priv->n_irqs);
  priv->irq_lines = g_new0 (guint, priv->n_irqs);
  G_OBJECT_CLASS (vmt_device_parent_class)->constructed (object);
}

static void
vmt_device_dispose (GObject *object)
{
  VmtDevice *self = VMT_DEVICE (object);
  VmtDevicePrivate *priv = get_priv (self);

  vmt_device_unrealize (self);
  for (guint i = 0; i < priv->n_irqs; i++)
    {
      priv->irqs[i] = (VmtIrq){ NULL };
      g_clear_object (&priv->irq_targets[i]);
    }
  _vmt_device_set_machine (self, NULL, NULL);
  G_OBJECT_CLASS (vmt_device_parent_class)->dispose (object);
}

static void
vmt_device_finalize (GObject *object)
{
  VmtDevicePrivate *priv = get_priv (VMT_DEVICE (object));

  for (guint i = 0; i < priv->n_regions; i++)
    {
      _vmt_register_map_free (priv->regions[i].map);
      g_free (priv->regions[i].counts);
    }
  g_free (priv->regions);
  g_free (priv->irqs);
  g_free (priv->irq_targets);
  g_free (priv->irq_lines);
  g_mutex_clear (&priv->lock);
  G_OBJECT_CLASS (vmt_device_parent_class)->finalize (object);
}

static void
vmt_device_class_init (VmtDeviceClass *klass)
{
  G_OBJECT_CLASS (klass)->constructed = vmt_device_constructed;
  G_OBJECT_CLASS (klass)->dispose = vmt_device_dispose;
  G_OBJECT_CLASS (klass)->finalize = vmt_device_finalize;
  vmt_registry_add_describer (VMT_TYPE_DEVICE, _vmt_device_describe_class);
}

void
_vmt_device_set_machine (VmtDevice *self, VmtMachine *machine, VmtAddressSpace *space)
{
  VmtDevicePrivate *priv = get_priv (self);
  priv->machine = machine;
  if (space != NULL)
    vmt_address_space_ref (space);
  g_clear_pointer (&priv->space, vmt_address_space_unref);
  priv->space = space;
}

VmtMachine *
vmt_device_get_machine (VmtDevice *self)
{
  return get_priv (self)->machine;
}

VmtAddressSpace *
vmt_device_get_address_space (VmtDevice *self)
{
  return get_priv (self)->space;
}

GMutex *
vmt_device_get_lock (VmtDevice *self)
{
  return &get_priv (self)->lock;
}

gboolean
vmt_device_is_realized (VmtDevice *self)
{
  return get_priv (self)->realized;
}

/* Interrupts */

guint
vmt_device_get_n_irqs (VmtDevice *self)
{
  return get_priv (self)->n_irqs;
}

const VmtIrq *
vmt_device_get_irq (VmtDevice *self, guint index)
{
  VmtDevicePrivate *priv = get_priv (self);
  g_return_val_if_fail (index < priv->n_irqs, NULL);
  return &priv->irqs[index];
}

static gboolean
find_output (VmtDevice *self, const char *name, guint *index, GError **error)
{
  VmtDevicePrivate *priv = get_priv (self);
  const VmtIrqSpec *specs = VMT_DEVICE_GET_CLASS (self)->irqs;
  g_autoptr (GPtrArray) names = g_ptr_array_new ();

  for (guint i = 0; i < priv->n_irqs; i++)
    {
      if (name != NULL ? g_str_equal (specs[i].name, name) : priv->irqs[i].func == NULL)
        {
          *index = i;
          return TRUE;
        }
      g_ptr_array_add (names, (gpointer)specs[i].name);
    }
  g_ptr_array_add (names, NULL);

  g_autofree char *path = dup_path (self);
  if (name == NULL)
    g_set_error (error, VMT_ERROR, VMT_ERROR_STATE,
                 priv->n_irqs == 0 ? "'%s' has no interrupt output"
                                   : "'%s' has no interrupt output that is not wired yet",
                 path);
  else
    {
      const char *nearest = vmt_nearest_name (name, (const char *const *)names->pdata);
      g_autofree char *all = g_strjoinv (", ", (char **)names->pdata);
      if (nearest != NULL)
        g_set_error (error, VMT_ERROR, VMT_ERROR_NOT_FOUND,
                     "'%s' has no interrupt output '%s'; did you mean '%s'?", path, name, nearest);
      else
        g_set_error (error, VMT_ERROR, VMT_ERROR_NOT_FOUND,
                     "'%s' has no interrupt output '%s'; it has: %s", path, name,
                     *all != '\0' ? all : "none");
    }
  return FALSE;
}

gboolean
vmt_device_connect_irq (VmtDevice *self, const char *name, VmtObject *controller, const char *line,
                        GError **error)
{
  g_return_val_if_fail (VMT_IS_DEVICE (self), FALSE);
  g_return_val_if_fail (VMT_IS_OBJECT (controller) && line != NULL, FALSE);

  VmtDevicePrivate *priv = get_priv (self);
  guint index;
  if (!find_output (self, name, &index, error))
    return FALSE;
  const char *output = VMT_DEVICE_GET_CLASS (self)->irqs[index].name;
  if (priv->irqs[index].func != NULL)
    {
      g_autofree char *path = dup_path (self);
      g_autofree char *to = vmt_object_dup_path (VMT_OBJECT (priv->irq_targets[index]));
      g_set_error (error, VMT_ERROR, VMT_ERROR_STATE,
                   "interrupt output '%s' of '%s' is already wired to line %u of '%s'", output,
                   path, priv->irq_lines[index], to);
      return FALSE;
    }
  if (!VMT_IS_IRQ_CONTROLLER (controller))
    {
      g_autofree char *path = dup_path (self);
      g_autofree char *to = vmt_object_dup_path (controller);
      g_set_error (error, VMT_ERROR, VMT_ERROR_INVALID,
                   "interrupt output '%s' of '%s': '%s' (%s) is not an interrupt controller",
                   output, path, to, G_OBJECT_TYPE_NAME (controller));
      return FALSE;
    }
  VmtIrq irq = { NULL };
  if (!vmt_irq_controller_get_input (VMT_IRQ_CONTROLLER (controller), line, &irq, error))
    {
      g_autofree char *path = dup_path (self);
      g_prefix_error (error, "interrupt output '%s' of '%s': ", output, path);
      return FALSE;
    }
  priv->irqs[index] = irq;
  priv->irq_lines[index] = irq.line;
  priv->irq_targets[index] = g_object_ref (VMT_IRQ_CONTROLLER (controller));
  return TRUE;
}

VmtIrqController *
vmt_device_get_irq_target (VmtDevice *self, guint index, guint *line)
{
  VmtDevicePrivate *priv = get_priv (self);
  g_return_val_if_fail (index < priv->n_irqs, NULL);
  if (line != NULL)
    *line = priv->irq_lines[index];
  return priv->irq_targets[index];
}

/* Regions */

guint
vmt_device_get_n_regions (VmtDevice *self)
{
  return get_priv (self)->n_regions;
}

const VmtRegionSpec *
vmt_device_get_region (VmtDevice *self, guint index)
{
  VmtDevicePrivate *priv = get_priv (self);
  g_return_val_if_fail (index < priv->n_regions, NULL);
  return priv->regions[index].spec;
}

guint64
vmt_device_get_region_size (VmtDevice *self, guint index)
{
  VmtDevicePrivate *priv = get_priv (self);
  g_return_val_if_fail (index < priv->n_regions, 0);
  return priv->regions[index].size;
}

void
vmt_device_set_region_size (VmtDevice *self, guint index, guint64 size)
{
  VmtDevicePrivate *priv = get_priv (self);
  g_return_if_fail (index < priv->n_regions);
  g_return_if_fail (!priv->regions[index].mapped);
  priv->regions[index].size = size;
}

void
vmt_device_set_register_count (VmtDevice *self, guint region, const char *name, guint count)
{
  VmtDevicePrivate *priv = get_priv (self);
  g_return_if_fail (region < priv->n_regions && !priv->realized);
  const VmtDeviceRegister *rows = priv->regions[region].spec->registers;
  guint n = 0, found = G_MAXUINT;
  for (; rows != NULL && rows[n].name != NULL; n++)
    if (g_str_equal (rows[n].name, name))
      found = n;
  g_return_if_fail (found != G_MAXUINT);
  if (priv->regions[region].counts == NULL)
    priv->regions[region].counts = g_new0 (guint32, n);
  priv->regions[region].counts[found] = count;
}

guint64
vmt_device_get_base (VmtDevice *self, guint index)
{
  VmtDevicePrivate *priv = get_priv (self);
  g_return_val_if_fail (index < priv->n_regions, G_MAXUINT64);
  return priv->regions[index].base;
}

static gboolean
map_region (VmtDevice *self, Region *region, GError **error)
{
  VmtDevicePrivate *priv = get_priv (self);
  if (region->base == G_MAXUINT64)
    return TRUE;
  if (!vmt_address_space_add_mmio (priv->space, region->base, region->size, &region->ops, region,
                                   &priv->lock, VMT_OBJECT (self), error))
    return FALSE;
  region->mapped = TRUE;
  return TRUE;
}

static void
unmap_region (VmtDevice *self, Region *region)
{
  if (!region->mapped)
    return;
  region->mapped = FALSE;
  vmt_address_space_remove (get_priv (self)->space, region->base);
}

void
vmt_device_set_base (VmtDevice *self, guint index, guint64 base)
{
  VmtDevicePrivate *priv = get_priv (self);
  g_return_if_fail (index < priv->n_regions);
  Region *region = &priv->regions[index];
  if (region->base == base)
    return;
  unmap_region (self, region);
  region->base = base;
  /* On a running machine a guest moves a region (a BAR): where something else is, it gets nothing.
   */
  if (priv->realized && !map_region (self, region, NULL))
    vmt_device_guest_error (self, "region moved over another one", base);
}

/* Registers */

static VmtRegisterMap *
get_map (VmtDevice *self, guint region)
{
  VmtDevicePrivate *priv = get_priv (self);
  return region < priv->n_regions ? priv->regions[region].map : NULL;
}

VmtMemStatus
vmt_device_table_read (VmtDevice *self, guint region, guint64 offset, guint size, guint64 *value)
{
  VmtRegisterMap *map = get_map (self, region);
  const char *what = "access to a region without registers";
  VmtMemStatus status = VMT_MEM_BUS_ERROR;
  if (map != NULL)
    status = _vmt_register_map_read (map, offset, size, value, &what);
  if (status != VMT_MEM_OK)
    vmt_device_guest_error (self, what, offset);
  return status;
}

VmtMemStatus
vmt_device_table_write (VmtDevice *self, guint region, guint64 offset, guint size, guint64 value)
{
  VmtRegisterMap *map = get_map (self, region);
  const char *what = "access to a region without registers";
  VmtMemStatus status = VMT_MEM_BUS_ERROR;
  if (map != NULL)
    status = _vmt_register_map_write (map, offset, size, value, &what);
  if (status != VMT_MEM_OK)
    vmt_device_guest_error (self, what, offset);
  return status;
}

gboolean
vmt_device_peek (VmtDevice *self, guint region, guint64 offset, guint64 *value)
{
  VmtRegisterMap *map = get_map (self, region);
  if (map == NULL)
    return FALSE;
  g_mutex_lock (vmt_device_get_lock (self));
  gboolean found = _vmt_register_map_peek (map, offset, value);
  g_mutex_unlock (vmt_device_get_lock (self));
  return found;
}

/* Life */

gboolean
vmt_device_plug (VmtDevice *self, VmtDevice *child, GError **error)
{
  g_return_val_if_fail (VMT_IS_DEVICE (self) && VMT_IS_DEVICE (child), FALSE);

  VmtDeviceClass *klass = VMT_DEVICE_GET_CLASS (self);
  if (klass->plug != NULL)
    return klass->plug (self, child, error);
  g_autofree char *path = dup_path (self);
  g_set_error (error, VMT_ERROR, VMT_ERROR_UNSUPPORTED,
               "'%s' (%s) is not a bus: nothing can be plugged into it, and not a %s", path,
               G_OBJECT_TYPE_NAME (self), G_OBJECT_TYPE_NAME (child));
  return FALSE;
}

static void
build_region (VmtDevice *self, Region *region)
{
  const VmtRegionSpec *spec = region->spec;
  g_clear_pointer (&region->map, _vmt_register_map_free);
  if (spec->registers != NULL)
    region->map = _vmt_register_map_new (spec->registers, region->counts, self);
  region->ops = (VmtMmioOps){
    .read = region_read,
    .write = region_write,
    .min_size = 1,
    /* Two 32-bit registers answer to one 64-bit access, as on a 32-bit bus; four bytes of a
     * byte-wide device do not: there the table refuses. */
    .max_size = region->map != NULL ? MAX (4, _vmt_register_map_get_max_width (region->map)) : 8,
  };
  if (spec->ops != NULL)
    {
      region->ops.lockless = spec->ops->lockless;
      if (spec->ops->min_size != 0)
        region->ops.min_size = spec->ops->min_size;
      if (spec->ops->max_size != 0)
        region->ops.max_size = spec->ops->max_size;
    }
}

gboolean
vmt_device_realize (VmtDevice *self, VmtMachine *machine, GError **error)
{
  g_return_val_if_fail (VMT_IS_DEVICE (self), FALSE);

  VmtDevicePrivate *priv = get_priv (self);
  VmtDeviceClass *klass = VMT_DEVICE_GET_CLASS (self);
  g_autofree char *path = dup_path (self);
  if (priv->realized)
    {
      g_set_error (error, VMT_ERROR, VMT_ERROR_STATE, "'%s' is already realized", path);
      return FALSE;
    }
  if (machine == NULL || priv->machine != machine || priv->space == NULL)
    {
      g_set_error (error, VMT_ERROR, VMT_ERROR_STATE,
                   "'%s' is not part of the machine that realizes it", path);
      return FALSE;
    }
  if (klass->prepare != NULL && !klass->prepare (self, error))
    {
      g_prefix_error (error, "%s: ", path);
      return FALSE;
    }
  for (guint i = 0; i < priv->n_regions; i++)
    {
      Region *region = &priv->regions[i];
      build_region (self, region);
      if (!map_region (self, region, error))
        {
          g_prefix_error (error, "%s: region '%s': ", path, region->spec->name);
          for (guint j = 0; j < i; j++)
            unmap_region (self, &priv->regions[j]);
          return FALSE;
        }
    }
  priv->realized = TRUE;
  if (klass->realize != NULL && !klass->realize (self, error))
    {
      g_prefix_error (error, "%s: ", path);
      vmt_device_unrealize (self);
      return FALSE;
    }
  vmt_object_set_frozen (VMT_OBJECT (self), TRUE);
  return TRUE;
}

void
vmt_device_unrealize (VmtDevice *self)
{
  g_return_if_fail (VMT_IS_DEVICE (self));

  VmtDevicePrivate *priv = get_priv (self);
  if (!priv->realized)
    return;
  for (guint i = 0; i < priv->n_regions; i++)
    unmap_region (self, &priv->regions[i]);
  if (VMT_DEVICE_GET_CLASS (self)->unrealize != NULL)
    VMT_DEVICE_GET_CLASS (self)->unrealize (self);
  priv->realized = FALSE;
  vmt_object_set_frozen (VMT_OBJECT (self), FALSE);
}

void
vmt_device_reset (VmtDevice *self)
{
  g_return_if_fail (VMT_IS_DEVICE (self));

  VmtDevicePrivate *priv = get_priv (self);
  VmtDeviceClass *klass = VMT_DEVICE_GET_CLASS (self);
  g_mutex_lock (&priv->lock);
  vmt_state_table_reset (klass->state, self);
  for (guint i = 0; i < priv->n_regions; i++)
    if (priv->regions[i].map != NULL)
      _vmt_register_map_reset (priv->regions[i].map);
  if (klass->reset != NULL)
    klass->reset (self);
  g_mutex_unlock (&priv->lock);
}

void
vmt_device_quiesce (VmtDevice *self)
{
  g_return_if_fail (VMT_IS_DEVICE (self));
  if (VMT_DEVICE_GET_CLASS (self)->quiesce != NULL)
    VMT_DEVICE_GET_CLASS (self)->quiesce (self);
}

void
vmt_device_set_running (VmtDevice *self, gboolean running)
{
  g_return_if_fail (VMT_IS_DEVICE (self));
  if (VMT_DEVICE_GET_CLASS (self)->running_changed != NULL)
    VMT_DEVICE_GET_CLASS (self)->running_changed (self, running);
}

/* A guest may do this a million times a second. A thread that looked at the clock before another
 * began a new second must not bring the old one back. */
static gboolean
take_error (VmtDevicePrivate *priv)
{
  guint64 second = (guint64)(g_get_monotonic_time () / G_USEC_PER_SEC);
  guint64 before = __atomic_load_n (&priv->errors, __ATOMIC_RELAXED);
  guint64 after;

  do
    {
      if (second > before >> 8)
        after = second << 8 | 1;
      else if ((before & 0xff) < GUEST_ERRORS_PER_SECOND)
        after = before + 1;
      else
        return FALSE;
    }
  while (!__atomic_compare_exchange_n (&priv->errors, &before, after, TRUE, __ATOMIC_RELAXED,
                                       __ATOMIC_RELAXED));
  return TRUE;
}

void
vmt_device_guest_error (VmtDevice *self, const char *what, guint64 value)
{
  VmtDevicePrivate *priv = get_priv (self);

  if (!take_error (priv))
    return;

  g_autofree char *path = dup_path (self);
  g_log_structured (G_LOG_DOMAIN, G_LOG_LEVEL_DEBUG, "VMT_GUEST_ERROR", "1", "VMT_OBJECT", path,
                    "MESSAGE", "%s: %s (0x%" G_GINT64_MODIFIER "x)", path, what, value);
  VmtObject *root = vmt_object_get_root (VMT_OBJECT (self));
  if (root != NULL && vmt_object_class_find_event (VMT_OBJECT_GET_CLASS (root), "guest-error"))
    vmt_object_emit (root, "guest-error", g_variant_new ("(sst)", path, what, value));
}
