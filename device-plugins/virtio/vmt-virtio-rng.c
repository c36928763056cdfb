/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Virtio entropy device (virtio 1.2, 5.4). */

#include "vmt-virtio-kick-private.h"
#include "vmt-virtio-plugin-private.h"

/* A driver may ask for more and gets this much: a vCPU waits meanwhile. */
#define CHUNK 4096

#define VMT_TYPE_VIRTIO_RNG (vmt_virtio_rng_get_type ())
G_DECLARE_FINAL_TYPE (VmtVirtioRng, vmt_virtio_rng, VMT, VIRTIO_RNG, VmtVirtioDevice)

struct _VmtVirtioRng
{
  VmtVirtioDevice parent_instance;

  VmtEntropy *backend;
  VmtVirtioKick kick;
};

G_DEFINE_FINAL_TYPE (VmtVirtioRng, vmt_virtio_rng, VMT_TYPE_VIRTIO_DEVICE)

enum
{
  PROP_BACKEND = 1,
};

static void
vmt_virtio_rng_notify (VmtVirtioDevice *device, guint index)
{
  VmtVirtioRng *self = VMT_VIRTIO_RNG (device);
  VmtVirtqueue *queue = vmt_virtio_device_get_queue (device, index);
  guint budget = vmt_virtqueue_get_max_size (queue);
  VmtVirtqBuffer *buffer;
  guint8 bytes[CHUNK];

  while (budget > 0 && (buffer = vmt_virtqueue_pop (queue)) != NULL)
    {
      gsize size = MIN (buffer->in_size, sizeof bytes);

      if (size > 0 && !vmt_entropy_fill (self->backend, bytes, size))
        {
          /* Nothing is better than something that is not random: the buffer waits, and the next
           * request tries again. */
          vmt_virtqueue_unpop (queue, buffer);
          break;
        }
      vmt_virtqueue_push (queue, buffer, vmt_virtq_buffer_write (buffer, 0, bytes, size));
      budget--;
    }
  if (budget == 0)
    _vmt_virtio_kick_later (&self->kick, queue);
  vmt_virtqueue_flush (queue);
}

static gboolean
vmt_virtio_rng_realize (VmtDevice *device, GError **error)
{
  VmtVirtioRng *self = VMT_VIRTIO_RNG (device);
  VmtMachine *machine = vmt_device_get_machine (device);

  if (self->backend == NULL)
    {
      g_set_error (error, VMT_ERROR, VMT_ERROR_STATE,
                   "%s has no source of random bytes: set its \"backend\"",
                   vmt_object_get_id (VMT_OBJECT (self)));
      return FALSE;
    }
  if (!VMT_DEVICE_CLASS (vmt_virtio_rng_parent_class)->realize (device, error) ||
      !vmt_backend_open (VMT_BACKEND (self->backend), vmt_machine_get_context (machine), error))
    return FALSE;
  _vmt_virtio_kick_init (&self->kick, VMT_VIRTIO_DEVICE (self));
  return TRUE;
}

static void
vmt_virtio_rng_unrealize (VmtDevice *device)
{
  _vmt_virtio_kick_clear (&VMT_VIRTIO_RNG (device)->kick);
  VMT_DEVICE_CLASS (vmt_virtio_rng_parent_class)->unrealize (device);
}

static const VmtStateField state[] = {
  VMT_VIRTIO_STATE,
  VMT_STATE_END,
};

static void
vmt_virtio_rng_get_property (GObject *object, guint id, GValue *value, GParamSpec *pspec)
{
  switch (id)
    {
    case PROP_BACKEND:
      g_value_set_object (value, VMT_VIRTIO_RNG (object)->backend);
      break;
    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
    }
}

static void
vmt_virtio_rng_set_property (GObject *object, guint id, const GValue *value, GParamSpec *pspec)
{
  switch (id)
    {
    case PROP_BACKEND:
      g_set_object (&VMT_VIRTIO_RNG (object)->backend, g_value_get_object (value));
      break;
    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
    }
}

static void
vmt_virtio_rng_dispose (GObject *object)
{
  G_OBJECT_CLASS (vmt_virtio_rng_parent_class)->dispose (object);
  g_clear_object (&VMT_VIRTIO_RNG (object)->backend);
}

static void
vmt_virtio_rng_class_init (VmtVirtioRngClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);
  VmtDeviceClass *device_class = VMT_DEVICE_CLASS (klass);
  VmtVirtioDeviceClass *virtio_class = VMT_VIRTIO_DEVICE_CLASS (klass);

  object_class->get_property = vmt_virtio_rng_get_property;
  object_class->set_property = vmt_virtio_rng_set_property;
  object_class->dispose = vmt_virtio_rng_dispose;
  device_class->text = "virtio source of random bytes";
  device_class->state = state;
  device_class->state_version = 1;
  device_class->realize = vmt_virtio_rng_realize;
  device_class->unrealize = vmt_virtio_rng_unrealize;
  virtio_class->device_id = 4;
  virtio_class->n_queues = 1;
  virtio_class->notify = vmt_virtio_rng_notify;

  g_object_class_install_property (
      object_class, PROP_BACKEND,
      vmt_param_spec_backend ("backend", "where the random bytes come from", "entropy",
                              VMT_TYPE_ENTROPY, G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS));
}

static void
vmt_virtio_rng_init (VmtVirtioRng *self)
{
}
