/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Virtio block device (virtio 1.2, 5.2). */

#include <string.h>

#include "vmt-virtio-kick-private.h"
#include "vmt-virtio-plugin-private.h"

#define SECTOR 512
#define HEADER_SIZE 16
#define ID_SIZE 20

#define F_SEG_MAX 2
#define F_RO 5
#define F_BLK_SIZE 6
#define F_FLUSH 9
#define F_CONFIG_WCE 11
#define F_DISCARD 13
#define F_WRITE_ZEROES 14

#define T_IN 0
#define T_OUT 1
#define T_FLUSH 4
#define T_GET_ID 8
#define T_DISCARD 11
#define T_WRITE_ZEROES 13

#define S_OK 0
#define S_IOERR 1
#define S_UNSUPP 2

/* Offsets in the configuration. */
#define CONFIG_CAPACITY 0
#define CONFIG_SEG_MAX 12
#define CONFIG_BLK_SIZE 20
#define CONFIG_WRITEBACK 32
#define CONFIG_MAX_DISCARD_SECTORS 36
#define CONFIG_MAX_DISCARD_SEG 40
#define CONFIG_DISCARD_ALIGNMENT 44
#define CONFIG_MAX_WRITE_ZEROES_SECTORS 48
#define CONFIG_MAX_WRITE_ZEROES_SEG 52
#define CONFIG_WRITE_ZEROES_MAY_UNMAP 56
#define CONFIG_SIZE 60

/* Of one request; a larger range is several. */
#define MAX_RANGE_SECTORS (1u << 22)
#define WRITE_ZEROES_UNMAP 1

#define VMT_TYPE_VIRTIO_BLK (vmt_virtio_blk_get_type ())
G_DECLARE_FINAL_TYPE (VmtVirtioBlk, vmt_virtio_blk, VMT, VIRTIO_BLK, VmtVirtioDevice)

typedef struct
{
  VmtBlockRequest block;
  VmtVirtioBlk *blk;
  VmtVirtqBuffer *buffer;
  guint8 *status; /* the last byte that the device writes */
  gboolean flush_after;
} BlkRequest;

struct _VmtVirtioBlk
{
  VmtVirtioDevice parent_instance;

  VmtBlock *backend;
  char *serial;
  gboolean readonly;
  guint logical_block_size;
  VmtVirtioKick kick;
  /* As many as buffers can be out at once. */
  BlkRequest *requests;
  BlkRequest **free;
  guint n_free;
  guint64 capacity; /* sectors */

  guint8 writeback;
};

G_DEFINE_FINAL_TYPE (VmtVirtioBlk, vmt_virtio_blk, VMT_TYPE_VIRTIO_DEVICE)

enum
{
  PROP_BACKEND = 1,
  PROP_SERIAL,
  PROP_READONLY,
  PROP_LOGICAL_BLOCK_SIZE,
};

static gboolean
is_readonly (VmtVirtioBlk *self)
{
  return self->readonly || vmt_block_is_readonly (self->backend);
}

/* Gives the buffer back with its status. The whole buffer counts as written: the status stands at
 * its end. */
static void
finish (BlkRequest *request, guint8 status)
{
  VmtVirtioBlk *self = request->blk;
  VmtVirtqueue *queue = vmt_virtio_device_get_queue (VMT_VIRTIO_DEVICE (self), 0);

  *request->status = status;
  vmt_virtqueue_push (queue, request->buffer, MIN (request->buffer->in_size, G_MAXUINT32));
  request->buffer = NULL;
  self->free[self->n_free++] = request;
}

static void process (VmtVirtioBlk *self);

static void
request_done (VmtBlockRequest *block, gpointer data)
{
  BlkRequest *request = data;
  VmtVirtioBlk *self = request->blk;
  GMutex *lock = vmt_device_get_lock (VMT_DEVICE (self));

  g_mutex_lock (lock);
  if (block->status == 0 && request->flush_after)
    {
      request->flush_after = FALSE;
      block->op = VMT_BLOCK_FLUSH;
      block->offset = block->size = 0;
      block->n_iov = 0;
      vmt_block_submit (self->backend, block);
    }
  else
    {
      /* The status byte goes back to the pieces it was taken from. */
      if (request->buffer->n_in > 0)
        {
          VmtIoVec *last = &request->buffer->in[request->buffer->n_in - 1];

          if ((guint8 *)last->base + last->size == request->status)
            last->size++;
        }
      finish (request, block->status == 0 ? S_OK : S_IOERR);
      process (self);
      vmt_virtqueue_flush (vmt_virtio_device_get_queue (VMT_VIRTIO_DEVICE (self), 0));
    }
  g_mutex_unlock (lock);
}

static void
submit (BlkRequest *request, VmtBlockOp op, guint64 offset, guint64 size, VmtIoVec *iov,
        guint n_iov)
{
  VmtBlockRequest *block = &request->block;

  memset (block, 0, sizeof *block);
  block->op = op;
  block->offset = offset;
  block->size = size;
  block->iov = iov;
  block->n_iov = n_iov;
  block->done = request_done;
  block->data = request;
  vmt_block_submit (request->blk->backend, block);
}

static gboolean
is_in_range (VmtVirtioBlk *self, guint64 sector, guint64 size)
{
  return size % SECTOR == 0 && sector <= self->capacity && size / SECTOR <= self->capacity - sector;
}

static void
read_write (BlkRequest *request, gboolean write, guint64 sector)
{
  VmtVirtioBlk *self = request->blk;
  VmtVirtqBuffer *buffer = request->buffer;
  guint64 size = write ? buffer->out_size - HEADER_SIZE : buffer->in_size - 1, skip = HEADER_SIZE;
  VmtIoVec *iov = write ? buffer->out : buffer->in;
  guint n = write ? buffer->n_out : buffer->n_in;

  if (!is_in_range (self, sector, size) || (write && is_readonly (self)))
    {
      finish (request, S_IOERR);
      return;
    }
  if (size == 0)
    {
      finish (request, S_OK);
      return;
    }
  if (write)
    {
      /* The header may end anywhere. */
      for (; skip >= iov->size; iov++, n--)
        skip -= iov->size;
      iov->base = (guint8 *)iov->base + skip;
      iov->size -= skip;
    }
  else if (--iov[n - 1].size == 0)
    n--;
  request->flush_after = write && self->writeback == 0;
  submit (request, write ? VMT_BLOCK_WRITE : VMT_BLOCK_READ, sector * SECTOR, size, iov, n);
}

/* One range a request, as the configuration says. */
static void
discard_or_zero (BlkRequest *request, gboolean zero)
{
  VmtVirtioBlk *self = request->blk;
  struct
  {
    guint64 sector;
    guint32 n_sectors, flags;
  } range;
  guint32 allowed = zero ? WRITE_ZEROES_UNMAP : 0;

  if (request->buffer->out_size != HEADER_SIZE + sizeof range ||
      vmt_virtq_buffer_read (request->buffer, HEADER_SIZE, &range, sizeof range) != sizeof range)
    {
      finish (request, S_UNSUPP);
      return;
    }
  if ((range.flags & ~allowed) != 0)
    {
      finish (request, S_UNSUPP);
      return;
    }
  if (is_readonly (self) || range.n_sectors > MAX_RANGE_SECTORS ||
      !is_in_range (self, range.sector, (guint64)range.n_sectors * SECTOR))
    {
      finish (request, S_IOERR);
      return;
    }
  if (range.n_sectors == 0)
    {
      finish (request, S_OK);
      return;
    }
  request->flush_after = self->writeback == 0;
  submit (request, zero ? VMT_BLOCK_WRITE_ZEROES : VMT_BLOCK_DISCARD, range.sector * SECTOR,
          (guint64)range.n_sectors * SECTOR, NULL, 0);
}

static void
get_id (BlkRequest *request)
{
  VmtVirtioBlk *self = request->blk;
  char id[ID_SIZE] = { 0 };

  if (self->serial != NULL)
    memcpy (id, self->serial, MIN (strlen (self->serial), sizeof id));
  if (request->buffer->in_size - 1 < sizeof id)
    {
      finish (request, S_IOERR);
      return;
    }
  vmt_virtq_buffer_write (request->buffer, 0, id, sizeof id);
  finish (request, S_OK);
}

static void
start_request (VmtVirtioBlk *self, VmtVirtqBuffer *buffer)
{
  BlkRequest *request = self->free[--self->n_free];
  const VmtIoVec *last = buffer->n_in > 0 ? &buffer->in[buffer->n_in - 1] : NULL;
  struct
  {
    guint32 type, reserved;
    guint64 sector;
  } header;

  request->buffer = buffer;
  request->flush_after = FALSE;
  if (last == NULL || vmt_virtq_buffer_read (buffer, 0, &header, sizeof header) != sizeof header)
    {
      self->free[self->n_free++] = request;
      vmt_virtio_device_broken (VMT_VIRTIO_DEVICE (self), "block request without header or status",
                                buffer->head);
      vmt_virtqueue_push (vmt_virtio_device_get_queue (VMT_VIRTIO_DEVICE (self), 0), buffer, 0);
      return;
    }
  request->status = (guint8 *)last->base + last->size - 1;
  switch (header.type)
    {
    case T_IN:
      read_write (request, FALSE, header.sector);
      break;
    case T_OUT:
      read_write (request, TRUE, header.sector);
      break;
    case T_FLUSH:
      submit (request, VMT_BLOCK_FLUSH, 0, 0, NULL, 0);
      break;
    case T_GET_ID:
      get_id (request);
      break;
    case T_DISCARD:
      discard_or_zero (request, FALSE);
      break;
    case T_WRITE_ZEROES:
      discard_or_zero (request, TRUE);
      break;
    default:
      finish (request, S_UNSUPP);
    }
}

static void
process (VmtVirtioBlk *self)
{
  VmtVirtqueue *queue = vmt_virtio_device_get_queue (VMT_VIRTIO_DEVICE (self), 0);
  guint budget = vmt_virtqueue_get_max_size (queue);
  VmtVirtqBuffer *buffer;

  while (budget > 0 && self->n_free > 0 && (buffer = vmt_virtqueue_pop (queue)) != NULL)
    {
      start_request (self, buffer);
      budget--;
    }
  if (budget == 0)
    _vmt_virtio_kick_later (&self->kick, queue);
}

static void
vmt_virtio_blk_notify (VmtVirtioDevice *device, guint index)
{
  process (VMT_VIRTIO_BLK (device));
  vmt_virtqueue_flush (vmt_virtio_device_get_queue (device, 0));
}

static guint64
vmt_virtio_blk_get_features (VmtVirtioDevice *device)
{
  VmtVirtioBlk *self = VMT_VIRTIO_BLK (device);
  guint64 features = 1u << F_SEG_MAX | 1u << F_BLK_SIZE | 1u << F_FLUSH | 1u << F_CONFIG_WCE;

  if (is_readonly (self))
    features |= 1u << F_RO;
  else
    features |= 1u << F_DISCARD | 1u << F_WRITE_ZEROES;
  return features;
}

/* A driver that cannot flush gets a write-through cache, whatever it knows of CONFIG_WCE (5.2.6.2).
 */
static gboolean
vmt_virtio_blk_set_features (VmtVirtioDevice *device, guint64 features)
{
  VMT_VIRTIO_BLK (device)->writeback = (features >> F_FLUSH) & 1;
  return TRUE;
}

static void
put_le32 (guint8 *at, guint32 value)
{
  value = GUINT32_TO_LE (value);
  memcpy (at, &value, sizeof value);
}

static void
vmt_virtio_blk_get_config (VmtVirtioDevice *device, guint8 *config)
{
  VmtVirtioBlk *self = VMT_VIRTIO_BLK (device);
  guint32 alignment = self->logical_block_size / SECTOR;

  put_le32 (config + CONFIG_CAPACITY, self->capacity);
  put_le32 (config + CONFIG_CAPACITY + 4, self->capacity >> 32);
  /* The header and the status take a descriptor each. */
  put_le32 (config + CONFIG_SEG_MAX, VMT_VIRTIO_QUEUE_DEFAULT - 2);
  put_le32 (config + CONFIG_BLK_SIZE, self->logical_block_size);
  config[CONFIG_WRITEBACK] = self->writeback;
  put_le32 (config + CONFIG_MAX_DISCARD_SECTORS, MAX_RANGE_SECTORS);
  put_le32 (config + CONFIG_MAX_DISCARD_SEG, 1);
  put_le32 (config + CONFIG_DISCARD_ALIGNMENT, alignment);
  put_le32 (config + CONFIG_MAX_WRITE_ZEROES_SECTORS, MAX_RANGE_SECTORS);
  put_le32 (config + CONFIG_MAX_WRITE_ZEROES_SEG, 1);
  config[CONFIG_WRITE_ZEROES_MAY_UNMAP] = 1;
}

static void
vmt_virtio_blk_set_config (VmtVirtioDevice *device, guint offset, guint size, const guint8 *data)
{
  if (offset == CONFIG_WRITEBACK && size == 1 &&
      vmt_virtio_device_has_feature (device, F_CONFIG_WCE))
    VMT_VIRTIO_BLK (device)->writeback = data[0] != 0;
  else
    vmt_device_guest_error (VMT_DEVICE (device), "read-only configuration written", offset);
}

static void
vmt_virtio_blk_stop (VmtVirtioDevice *device)
{
  VMT_VIRTIO_BLK (device)->writeback = 1;
}

static gboolean
vmt_virtio_blk_realize (VmtDevice *device, GError **error)
{
  VmtVirtioBlk *self = VMT_VIRTIO_BLK (device);
  VmtMachine *machine = vmt_device_get_machine (device);
  guint n = VMT_VIRTIO_QUEUE_DEFAULT;

  if (self->backend == NULL)
    {
      g_set_error (error, VMT_ERROR, VMT_ERROR_STATE,
                   "%s has no disk image: set its \"backend\" to one",
                   vmt_object_get_id (VMT_OBJECT (self)));
      return FALSE;
    }
  if (self->logical_block_size % SECTOR != 0 ||
      (self->logical_block_size & (self->logical_block_size - 1)) != 0)
    {
      g_set_error (error, VMT_ERROR, VMT_ERROR_INVALID,
                   "%s: a logical-block-size of %u is not a power of two from 512 to 4096",
                   vmt_object_get_id (VMT_OBJECT (self)), self->logical_block_size);
      return FALSE;
    }
  if (!VMT_DEVICE_CLASS (vmt_virtio_blk_parent_class)->realize (device, error))
    return FALSE;
  if (!vmt_backend_open (VMT_BACKEND (self->backend), vmt_machine_get_context (machine), error))
    return FALSE;
  self->capacity = vmt_block_get_length (self->backend) / SECTOR;
  self->requests = g_new0 (BlkRequest, n);
  self->free = g_new (BlkRequest *, n);
  for (guint i = 0; i < n; i++)
    {
      self->requests[i].blk = self;
      self->free[i] = &self->requests[n - 1 - i];
    }
  self->n_free = n;
  _vmt_virtio_kick_init (&self->kick, VMT_VIRTIO_DEVICE (self));
  return TRUE;
}

static void
vmt_virtio_blk_quiesce (VmtDevice *device)
{
  VmtVirtioBlk *self = VMT_VIRTIO_BLK (device);

  if (self->requests != NULL)
    vmt_block_drain (self->backend);
}

static void
vmt_virtio_blk_unrealize (VmtDevice *device)
{
  VmtVirtioBlk *self = VMT_VIRTIO_BLK (device);

  vmt_virtio_blk_quiesce (device);
  _vmt_virtio_kick_clear (&self->kick);
  g_clear_pointer (&self->requests, g_free);
  g_clear_pointer (&self->free, g_free);
  VMT_DEVICE_CLASS (vmt_virtio_blk_parent_class)->unrealize (device);
}

static const VmtStateField state[] = {
  VMT_VIRTIO_STATE,
  VMT_STATE (VmtVirtioBlk, writeback, U8),
  VMT_STATE_END,
};

static void
vmt_virtio_blk_get_property (GObject *object, guint id, GValue *value, GParamSpec *pspec)
{
  VmtVirtioBlk *self = VMT_VIRTIO_BLK (object);

  switch (id)
    {
    case PROP_BACKEND:
      g_value_set_object (value, self->backend);
      break;
    case PROP_SERIAL:
      g_value_set_string (value, self->serial);
      break;
    case PROP_READONLY:
      g_value_set_boolean (value, self->readonly);
      break;
    case PROP_LOGICAL_BLOCK_SIZE:
      g_value_set_uint (value, self->logical_block_size);
      break;
    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
    }
}

static void
vmt_virtio_blk_set_property (GObject *object, guint id, const GValue *value, GParamSpec *pspec)
{
  VmtVirtioBlk *self = VMT_VIRTIO_BLK (object);

  switch (id)
    {
    case PROP_BACKEND:
      g_set_object (&self->backend, g_value_get_object (value));
      break;
    case PROP_SERIAL:
      g_free (self->serial);
      self->serial = g_value_dup_string (value);
      break;
    case PROP_READONLY:
      self->readonly = g_value_get_boolean (value);
      break;
    case PROP_LOGICAL_BLOCK_SIZE:
      self->logical_block_size = g_value_get_uint (value);
      break;
    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
    }
}

static void
vmt_virtio_blk_dispose (GObject *object)
{
  G_OBJECT_CLASS (vmt_virtio_blk_parent_class)->dispose (object);
  g_clear_object (&VMT_VIRTIO_BLK (object)->backend);
}

static void
vmt_virtio_blk_finalize (GObject *object)
{
  g_free (VMT_VIRTIO_BLK (object)->serial);
  G_OBJECT_CLASS (vmt_virtio_blk_parent_class)->finalize (object);
}

static void
vmt_virtio_blk_class_init (VmtVirtioBlkClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);
  VmtDeviceClass *device_class = VMT_DEVICE_CLASS (klass);
  VmtVirtioDeviceClass *virtio_class = VMT_VIRTIO_DEVICE_CLASS (klass);
  GParamFlags flags = G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS;

  object_class->get_property = vmt_virtio_blk_get_property;
  object_class->set_property = vmt_virtio_blk_set_property;
  object_class->dispose = vmt_virtio_blk_dispose;
  object_class->finalize = vmt_virtio_blk_finalize;
  device_class->text = "virtio disk";
  device_class->state = state;
  device_class->state_version = 1;
  device_class->realize = vmt_virtio_blk_realize;
  device_class->unrealize = vmt_virtio_blk_unrealize;
  device_class->quiesce = vmt_virtio_blk_quiesce;
  virtio_class->device_id = 2;
  virtio_class->n_queues = 1;
  virtio_class->config_size = CONFIG_SIZE;
  virtio_class->get_features = vmt_virtio_blk_get_features;
  virtio_class->set_features = vmt_virtio_blk_set_features;
  virtio_class->get_config = vmt_virtio_blk_get_config;
  virtio_class->set_config = vmt_virtio_blk_set_config;
  virtio_class->notify = vmt_virtio_blk_notify;
  virtio_class->stop = vmt_virtio_blk_stop;

  g_object_class_install_property (
      object_class, PROP_BACKEND,
      vmt_param_spec_backend ("backend", "the disk image", "block", VMT_TYPE_BLOCK, flags));
  g_object_class_install_property (
      object_class, PROP_SERIAL,
      g_param_spec_string ("serial", NULL, "serial number that the guest sees, 20 bytes of it",
                           NULL, flags));
  g_object_class_install_property (object_class, PROP_READONLY,
                                   g_param_spec_boolean ("readonly", NULL,
                                                         "refuse the guest's writes", FALSE,
                                                         flags | G_PARAM_CONSTRUCT));
  g_object_class_install_property (
      object_class, PROP_LOGICAL_BLOCK_SIZE,
      g_param_spec_uint ("logical-block-size", NULL, "the guest's unit of access, a power of two",
                         SECTOR, 4096, SECTOR, flags | G_PARAM_CONSTRUCT));
}

static void
vmt_virtio_blk_init (VmtVirtioBlk *self)
{
}
