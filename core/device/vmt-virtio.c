/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What every virtio device has whatever its transport: status, features, configuration, queues
 * (virtio 1.2, 2). */
#include <string.h>

#include "vmt-error.h"
#include "vmt-virtio-private.h"

#define COMMON_FEATURES                                                                            \
  (G_GUINT64_CONSTANT (1) << VMT_VIRTIO_F_VERSION_1 |                                              \
   G_GUINT64_CONSTANT (1) << VMT_VIRTIO_F_INDIRECT_DESC |                                          \
   G_GUINT64_CONSTANT (1) << VMT_VIRTIO_F_EVENT_IDX)

#define STATUS_MASK                                                                                \
  (VMT_VIRTIO_S_ACKNOWLEDGE | VMT_VIRTIO_S_DRIVER | VMT_VIRTIO_S_DRIVER_OK |                       \
   VMT_VIRTIO_S_FEATURES_OK | VMT_VIRTIO_S_FAILED)

G_DEFINE_ABSTRACT_TYPE_WITH_PRIVATE (VmtVirtioDevice, vmt_virtio_device, VMT_TYPE_DEVICE)

static guint8
load_status (VmtVirtioDevice *self)
{
  return __atomic_load_n (&self->state.status, __ATOMIC_SEQ_CST);
}

static void
store_status (VmtVirtioDevice *self, guint8 status)
{
  __atomic_store_n (&self->state.status, status, __ATOMIC_SEQ_CST);
}

void
vmt_virtio_device_attach_transport (VmtVirtioDevice *self, const VmtVirtioTransportOps *ops,
                                    gpointer transport)
{
  self->priv->ops = ops;
  self->priv->transport = transport;
}

gpointer
vmt_virtio_device_get_transport (VmtVirtioDevice *self)
{
  return self->priv->transport;
}

guint16
vmt_virtio_device_get_device_id (VmtVirtioDevice *self)
{
  return VMT_VIRTIO_DEVICE_GET_CLASS (self)->device_id;
}

guint
vmt_virtio_device_get_n_queues (VmtVirtioDevice *self)
{
  return self->priv->n_allocated;
}

void
vmt_virtio_device_set_n_queues (VmtVirtioDevice *self, guint n)
{
  g_return_if_fail (n <= VMT_VIRTIO_MAX_QUEUES && self->priv->n_allocated == 0);
  self->priv->n_queues = n;
}

void
vmt_virtio_device_set_config_size (VmtVirtioDevice *self, guint size)
{
  g_return_if_fail (size <= VMT_VIRTIO_CONFIG_MAX);
  self->priv->config_size = size;
}

guint
vmt_virtio_device_get_config_size (VmtVirtioDevice *self)
{
  return self->priv->config_size;
}

VmtVirtqueue *
vmt_virtio_device_get_queue (VmtVirtioDevice *self, guint index)
{
  return index < self->priv->n_allocated ? self->priv->queues[index] : NULL;
}

guint64
vmt_virtio_device_get_driver_features (VmtVirtioDevice *self)
{
  return self->state.driver_features;
}

guint64
vmt_virtio_device_get_device_features (VmtVirtioDevice *self)
{
  VmtVirtioDeviceClass *klass = VMT_VIRTIO_DEVICE_GET_CLASS (self);

  return COMMON_FEATURES | (klass->get_features != NULL ? klass->get_features (self) : 0);
}

void
vmt_virtio_device_set_driver_features (VmtVirtioDevice *self, guint64 features)
{
  if ((load_status (self) & VMT_VIRTIO_S_FEATURES_OK) != 0)
    {
      vmt_device_guest_error (VMT_DEVICE (self), "features written after FEATURES_OK", features);
      return;
    }
  self->state.driver_features = features;
}

gboolean
vmt_virtio_device_is_started (VmtVirtioDevice *self)
{
  return (load_status (self) & (VMT_VIRTIO_S_DRIVER_OK | VMT_VIRTIO_S_NEEDS_RESET)) ==
         VMT_VIRTIO_S_DRIVER_OK;
}

void
_vmt_virtio_device_interrupt (VmtVirtioDevice *self, VmtVirtqueue *queue)
{
  if (self->priv->ops != NULL)
    self->priv->ops->interrupt (self->priv->transport, queue);
}

void
vmt_virtio_device_config_changed (VmtVirtioDevice *self)
{
  __atomic_fetch_add (&self->state.config_generation, 1, __ATOMIC_SEQ_CST);
  if ((load_status (self) & VMT_VIRTIO_S_DRIVER_OK) != 0)
    _vmt_virtio_device_interrupt (self, NULL);
}

guint32
vmt_virtio_device_get_config_generation (VmtVirtioDevice *self)
{
  return __atomic_load_n (&self->state.config_generation, __ATOMIC_SEQ_CST);
}

void
vmt_virtio_device_broken (VmtVirtioDevice *self, const char *what, guint64 value)
{
  guint8 status = load_status (self);

  vmt_device_guest_error (VMT_DEVICE (self), what, value);
  if ((status & VMT_VIRTIO_S_NEEDS_RESET) != 0)
    return;
  store_status (self, status | VMT_VIRTIO_S_NEEDS_RESET);
  if ((status & VMT_VIRTIO_S_DRIVER_OK) != 0)
    _vmt_virtio_device_interrupt (self, NULL);
}

/* From the driver or with the machine; the device's lock is held. */
static void
reset (VmtVirtioDevice *self)
{
  VmtVirtioDeviceClass *klass = VMT_VIRTIO_DEVICE_GET_CLASS (self);

  store_status (self, 0);
  self->state.driver_features = 0;
  self->priv->resetting = FALSE;
  for (guint i = 0; i < self->priv->n_allocated; i++)
    {
      _vmt_virtqueue_reset (self->priv->queues[i]);
      if (_vmt_virtqueue_get_n_orphans (self->priv->queues[i]) > 0)
        self->priv->resetting = TRUE;
    }
  if (klass->stop != NULL)
    klass->stop (self);
}

void
_vmt_virtio_device_orphan_returned (VmtVirtioDevice *self)
{
  for (guint i = 0; i < self->priv->n_allocated; i++)
    if (_vmt_virtqueue_get_n_orphans (self->priv->queues[i]) > 0)
      return;
  self->priv->resetting = FALSE;
}

guint8
vmt_virtio_device_get_status (VmtVirtioDevice *self)
{
  guint8 status = load_status (self);

  /* A driver waits until it reads 0 (2.4.2): until then requests of before the reset may still use
   * its memory. */
  return status == 0 && self->priv->resetting ? VMT_VIRTIO_S_NEEDS_RESET : status;
}

static gboolean
accept_features (VmtVirtioDevice *self)
{
  VmtVirtioDeviceClass *klass = VMT_VIRTIO_DEVICE_GET_CLASS (self);
  guint64 features = self->state.driver_features;

  /* There is no legacy interface. */
  if ((features & ~vmt_virtio_device_get_device_features (self)) != 0 ||
      (features >> VMT_VIRTIO_F_VERSION_1 & 1) == 0)
    return FALSE;
  return klass->set_features == NULL || klass->set_features (self, features);
}

void
vmt_virtio_device_set_status (VmtVirtioDevice *self, guint8 status)
{
  VmtVirtioDeviceClass *klass = VMT_VIRTIO_DEVICE_GET_CLASS (self);
  guint8 old = load_status (self), set;

  if (status == 0)
    {
      reset (self);
      return;
    }
  /* A driver that does not wait for the reset takes what comes. Bits go only by a reset. */
  self->priv->resetting = FALSE;
  set = status & STATUS_MASK & ~old;
  if ((set & VMT_VIRTIO_S_FEATURES_OK) != 0 && !accept_features (self))
    {
      vmt_device_guest_error (VMT_DEVICE (self), "virtio features refused",
                              self->state.driver_features);
      set &= ~VMT_VIRTIO_S_FEATURES_OK;
    }
  if ((set & VMT_VIRTIO_S_DRIVER_OK) != 0 && ((old | set) & VMT_VIRTIO_S_FEATURES_OK) == 0)
    {
      vmt_device_guest_error (VMT_DEVICE (self), "DRIVER_OK without FEATURES_OK", status);
      set &= ~VMT_VIRTIO_S_DRIVER_OK;
    }
  store_status (self, old | set);
  if ((set & VMT_VIRTIO_S_DRIVER_OK) != 0 && klass->start != NULL)
    klass->start (self);
}

void
vmt_virtio_device_queue_notify (VmtVirtioDevice *self, guint index)
{
  VmtVirtioDeviceClass *klass = VMT_VIRTIO_DEVICE_GET_CLASS (self);

  if (index >= self->priv->n_allocated)
    {
      vmt_device_guest_error (VMT_DEVICE (self), "notification of a queue that does not exist",
                              index);
      return;
    }
  if (vmt_virtio_device_is_started (self) && vmt_virtqueue_is_ready (self->priv->queues[index]) &&
      klass->notify != NULL)
    klass->notify (self, index);
}

void
vmt_virtio_device_config_read (VmtVirtioDevice *self, guint offset, guint size, guint64 *value)
{
  VmtVirtioDeviceClass *klass = VMT_VIRTIO_DEVICE_GET_CLASS (self);
  guint8 config[VMT_VIRTIO_CONFIG_MAX + 8] = { 0 };

  *value = 0;
  if (size > 8 || offset > self->priv->config_size || size > self->priv->config_size - offset)
    {
      vmt_device_guest_error (VMT_DEVICE (self), "configuration read out of range", offset);
      return;
    }
  if (klass->get_config != NULL)
    klass->get_config (self, config);
  memcpy (value, config + offset, size);
  *value = GUINT64_FROM_LE (*value);
}

void
vmt_virtio_device_config_write (VmtVirtioDevice *self, guint offset, guint size, guint64 value)
{
  VmtVirtioDeviceClass *klass = VMT_VIRTIO_DEVICE_GET_CLASS (self);
  guint64 data = GUINT64_TO_LE (value);

  if (klass->set_config == NULL || size > 8 || offset > self->priv->config_size ||
      size > self->priv->config_size - offset)
    {
      vmt_device_guest_error (VMT_DEVICE (self), "configuration written out of range", offset);
      return;
    }
  klass->set_config (self, offset, size, (const guint8 *)&data);
}

static gboolean
vmt_virtio_device_realize (VmtDevice *device, GError **error)
{
  VmtVirtioDevice *self = VMT_VIRTIO_DEVICE (device);

  if (self->priv->ops == NULL)
    {
      g_set_error (
          error, VMT_ERROR, VMT_ERROR_STATE,
          "a virtio device must be put into a transport: a virtio-mmio or virtio-pci device");
      return FALSE;
    }
  for (guint i = 0; i < self->priv->n_queues; i++)
    self->priv->queues[i] = _vmt_virtqueue_new (self, i, VMT_VIRTIO_QUEUE_DEFAULT);
  self->priv->n_allocated = self->priv->n_queues;
  return TRUE;
}

static void
vmt_virtio_device_unrealize (VmtDevice *device)
{
  VmtVirtioDevice *self = VMT_VIRTIO_DEVICE (device);

  store_status (self, 0);
  for (guint i = 0; i < self->priv->n_allocated; i++)
    g_clear_pointer (&self->priv->queues[i], _vmt_virtqueue_free);
  self->priv->n_allocated = 0;
}

static void
vmt_virtio_device_reset (VmtDevice *device)
{
  reset (VMT_VIRTIO_DEVICE (device));
}

static void
vmt_virtio_device_constructed (GObject *object)
{
  VmtVirtioDevice *self = VMT_VIRTIO_DEVICE (object);
  VmtVirtioDeviceClass *klass = VMT_VIRTIO_DEVICE_GET_CLASS (self);

  self->priv->n_queues = klass->n_queues;
  self->priv->config_size = klass->config_size;
  G_OBJECT_CLASS (vmt_virtio_device_parent_class)->constructed (object);
}

static void
vmt_virtio_device_class_init (VmtVirtioDeviceClass *klass)
{
  VmtDeviceClass *device_class = VMT_DEVICE_CLASS (klass);

  G_OBJECT_CLASS (klass)->constructed = vmt_virtio_device_constructed;
  device_class->realize = vmt_virtio_device_realize;
  device_class->unrealize = vmt_virtio_device_unrealize;
  device_class->reset = vmt_virtio_device_reset;
}

static void
vmt_virtio_device_init (VmtVirtioDevice *self)
{
  self->priv = vmt_virtio_device_get_instance_private (self);
}
