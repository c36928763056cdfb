/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Virtio console (virtio 1.2, 5.3) with its first port, and the emergency write. */

#include <string.h>

#include "vmt-virtio-kick-private.h"
#include "vmt-virtio-plugin-private.h"

#define QUEUE_RX 0
#define QUEUE_TX 1

#define F_EMERG_WRITE 2

#define CONFIG_EMERG_WRITE 8
#define CONFIG_SIZE 12

#define VMT_TYPE_VIRTIO_CONSOLE (vmt_virtio_console_get_type ())
G_DECLARE_FINAL_TYPE (VmtVirtioConsole, vmt_virtio_console, VMT, VIRTIO_CONSOLE, VmtVirtioDevice)

struct _VmtVirtioConsole
{
  VmtVirtioDevice parent_instance;

  VmtChar *backend;
  VmtVirtioKick kick;
  gint running;       /* atomic */
  VmtVirtqBuffer *tx; /* what is being written */
  guint64 tx_done;    /* bytes of it that have been; of the next one while there is none at hand */
};

G_DEFINE_FINAL_TYPE (VmtVirtioConsole, vmt_virtio_console, VMT_TYPE_VIRTIO_DEVICE)

enum
{
  PROP_BACKEND = 1,
};

/* TRUE when all of the buffer at hand has been accepted. */
static gboolean
write_buffer (VmtVirtioConsole *self)
{
  gsize skip = self->tx_done;

  for (guint i = 0; i < self->tx->n_out; i++)
    {
      const VmtIoVec *piece = &self->tx->out[i];
      gsize size, done;

      if (skip >= piece->size)
        {
          skip -= piece->size;
          continue;
        }
      done = size = piece->size - skip;
      if (self->backend != NULL)
        done = vmt_char_write (self->backend, (guint8 *)piece->base + skip, size);
      self->tx_done += done;
      if (done < size)
        return FALSE;
      skip = 0;
    }
  return TRUE;
}

/* Until the stream takes no more: then writable() goes on. */
static void
transmit (VmtVirtioConsole *self)
{
  VmtVirtqueue *queue = vmt_virtio_device_get_queue (VMT_VIRTIO_DEVICE (self), QUEUE_TX);
  guint budget = vmt_virtqueue_get_max_size (queue);

  for (; budget > 0; budget--)
    {
      if (self->tx == NULL)
        self->tx = vmt_virtqueue_pop (queue);
      if (self->tx == NULL || !write_buffer (self))
        break;
      vmt_virtqueue_push (queue, self->tx, 0);
      self->tx = NULL;
      self->tx_done = 0;
    }
  if (budget == 0)
    _vmt_virtio_kick_later (&self->kick, queue);
  vmt_virtqueue_flush (queue);
}

static gsize
char_can_receive (gpointer device)
{
  VmtVirtioConsole *self = device;
  VmtVirtqueue *queue = vmt_virtio_device_get_queue (VMT_VIRTIO_DEVICE (self), QUEUE_RX);
  GMutex *lock = vmt_device_get_lock (VMT_DEVICE (self));
  gsize room = 0;

  g_mutex_lock (lock);
  if (g_atomic_int_get (&self->running))
    {
      VmtVirtqBuffer *buffer = vmt_virtqueue_pop (queue);

      if (buffer != NULL && buffer->in_size == 0)
        vmt_virtio_device_broken (VMT_VIRTIO_DEVICE (self), "console input buffer without room",
                                  buffer->head);
      if (buffer != NULL)
        {
          room = buffer->in_size;
          vmt_virtqueue_unpop (queue, buffer);
        }
    }
  g_mutex_unlock (lock);
  return room;
}

static void
char_receive (gpointer device, const guint8 *data, gsize size)
{
  VmtVirtioConsole *self = device;
  VmtVirtqueue *queue = vmt_virtio_device_get_queue (VMT_VIRTIO_DEVICE (self), QUEUE_RX);
  GMutex *lock = vmt_device_get_lock (VMT_DEVICE (self));

  g_mutex_lock (lock);
  while (size > 0)
    {
      VmtVirtqBuffer *buffer = vmt_virtqueue_pop (queue);
      gsize done;

      /* The driver went away meanwhile: nobody listens. */
      if (buffer == NULL)
        break;
      done = vmt_virtq_buffer_write (buffer, 0, data, size);
      vmt_virtqueue_push (queue, buffer, done);
      data += done;
      size -= done;
    }
  vmt_virtqueue_flush (queue);
  g_mutex_unlock (lock);
}

static void
char_writable (gpointer device)
{
  VmtVirtioConsole *self = device;
  GMutex *lock = vmt_device_get_lock (VMT_DEVICE (self));

  g_mutex_lock (lock);
  transmit (self);
  g_mutex_unlock (lock);
}

static const VmtCharFrontend frontend = {
  .can_receive = char_can_receive,
  .receive = char_receive,
  .writable = char_writable,
};

static void
vmt_virtio_console_notify (VmtVirtioDevice *device, guint index)
{
  VmtVirtioConsole *self = VMT_VIRTIO_CONSOLE (device);

  if (index == QUEUE_TX)
    transmit (self);
  else if (self->backend != NULL)
    vmt_char_resume (self->backend);
}

static void
vmt_virtio_console_stop (VmtVirtioDevice *device)
{
  VmtVirtioConsole *self = VMT_VIRTIO_CONSOLE (device);

  if (self->tx != NULL)
    vmt_virtqueue_push (vmt_virtio_device_get_queue (device, QUEUE_TX), self->tx, 0);
  self->tx = NULL;
  self->tx_done = 0;
}

static guint64
vmt_virtio_console_get_features (VmtVirtioDevice *device)
{
  return 1u << F_EMERG_WRITE;
}

/* Works before the driver has set anything up. What does not fit is lost: nobody would come back
 * for it. */
static void
vmt_virtio_console_set_config (VmtVirtioDevice *device, guint offset, guint size,
                               const guint8 *data)
{
  VmtVirtioConsole *self = VMT_VIRTIO_CONSOLE (device);

  if (offset != CONFIG_EMERG_WRITE)
    vmt_device_guest_error (VMT_DEVICE (device), "read-only configuration written", offset);
  else if (self->backend != NULL)
    vmt_char_write (self->backend, data, 1);
}

static gboolean
vmt_virtio_console_realize (VmtDevice *device, GError **error)
{
  VmtVirtioConsole *self = VMT_VIRTIO_CONSOLE (device);
  VmtMachine *machine = vmt_device_get_machine (device);

  if (!VMT_DEVICE_CLASS (vmt_virtio_console_parent_class)->realize (device, error))
    return FALSE;
  _vmt_virtio_kick_init (&self->kick, VMT_VIRTIO_DEVICE (self));
  if (self->backend != NULL)
    {
      if (!vmt_backend_open (VMT_BACKEND (self->backend), vmt_machine_get_context (machine), error))
        return FALSE;
      vmt_char_set_frontend (self->backend, &frontend, self);
    }
  return TRUE;
}

static void
vmt_virtio_console_unrealize (VmtDevice *device)
{
  VmtVirtioConsole *self = VMT_VIRTIO_CONSOLE (device);

  if (self->backend != NULL)
    vmt_char_set_frontend (self->backend, NULL, NULL);
  _vmt_virtio_kick_clear (&self->kick);
  self->tx = NULL;
  VMT_DEVICE_CLASS (vmt_virtio_console_parent_class)->unrealize (device);
}

static void
vmt_virtio_console_running_changed (VmtDevice *device, gboolean running)
{
  VmtVirtioConsole *self = VMT_VIRTIO_CONSOLE (device);

  g_atomic_int_set (&self->running, running);
  if (running && self->backend != NULL)
    vmt_char_resume (self->backend);
}

/* Takes a buffer that is half written back, so that it is offered again after a snapshot: its first
 * bytes are then written twice rather than its last ones never. */
static void
vmt_virtio_console_quiesce (VmtDevice *device)
{
  VmtVirtioConsole *self = VMT_VIRTIO_CONSOLE (device);
  GMutex *lock = vmt_device_get_lock (device);

  g_mutex_lock (lock);
  if (self->tx != NULL)
    vmt_virtqueue_unpop (vmt_virtio_device_get_queue (VMT_VIRTIO_DEVICE (self), QUEUE_TX),
                         self->tx);
  self->tx = NULL;
  g_mutex_unlock (lock);
}

static const VmtStateField state[] = {
  VMT_VIRTIO_STATE,
  VMT_STATE (VmtVirtioConsole, tx_done, U64),
  VMT_STATE_END,
};

static void
vmt_virtio_console_get_property (GObject *object, guint id, GValue *value, GParamSpec *pspec)
{
  switch (id)
    {
    case PROP_BACKEND:
      g_value_set_object (value, VMT_VIRTIO_CONSOLE (object)->backend);
      break;
    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
    }
}

static void
vmt_virtio_console_set_property (GObject *object, guint id, const GValue *value, GParamSpec *pspec)
{
  switch (id)
    {
    case PROP_BACKEND:
      g_set_object (&VMT_VIRTIO_CONSOLE (object)->backend, g_value_get_object (value));
      break;
    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
    }
}

static void
vmt_virtio_console_dispose (GObject *object)
{
  G_OBJECT_CLASS (vmt_virtio_console_parent_class)->dispose (object);
  g_clear_object (&VMT_VIRTIO_CONSOLE (object)->backend);
}

static void
vmt_virtio_console_class_init (VmtVirtioConsoleClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);
  VmtDeviceClass *device_class = VMT_DEVICE_CLASS (klass);
  VmtVirtioDeviceClass *virtio_class = VMT_VIRTIO_DEVICE_CLASS (klass);

  object_class->get_property = vmt_virtio_console_get_property;
  object_class->set_property = vmt_virtio_console_set_property;
  object_class->dispose = vmt_virtio_console_dispose;
  device_class->text = "virtio console";
  device_class->state = state;
  device_class->state_version = 1;
  device_class->realize = vmt_virtio_console_realize;
  device_class->unrealize = vmt_virtio_console_unrealize;
  device_class->running_changed = vmt_virtio_console_running_changed;
  device_class->quiesce = vmt_virtio_console_quiesce;
  virtio_class->device_id = 3;
  virtio_class->n_queues = 2;
  virtio_class->config_size = CONFIG_SIZE;
  virtio_class->get_features = vmt_virtio_console_get_features;
  virtio_class->set_config = vmt_virtio_console_set_config;
  virtio_class->notify = vmt_virtio_console_notify;
  virtio_class->stop = vmt_virtio_console_stop;

  g_object_class_install_property (
      object_class, PROP_BACKEND,
      vmt_param_spec_backend ("backend", "where the console's bytes go and come from", "char",
                              VMT_TYPE_CHAR, G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS));
}

static void
vmt_virtio_console_init (VmtVirtioConsole *self)
{
}
