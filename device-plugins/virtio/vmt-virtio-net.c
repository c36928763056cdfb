/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Virtio network device (virtio 1.2, 5.1): one pair of queues. The driver may leave checksums to
 * the device, and segmentation to a back end that needs none. */

#include <string.h>

#include "vmt-virtio-kick-private.h"
#include "vmt-virtio-plugin-private.h"

#define QUEUE_RX 0
#define QUEUE_TX 1

#define F_CSUM 0
#define F_GUEST_CSUM 1
#define F_MAC 5
#define F_GUEST_TSO4 7
#define F_HOST_TSO4 11
#define F_MRG_RXBUF 15
#define F_STATUS 16

#define STATUS_LINK_UP 1

#define CONFIG_STATUS 6
#define CONFIG_SIZE 8

/* struct virtio_net_hdr; the last two bytes count the buffers of a received frame. */
#define HEADER_SIZE 12
#define HEADER_FLAGS 0
#define HEADER_GSO_TYPE 1
#define HEADER_HDR_LEN 2
#define HEADER_GSO_SIZE 4
#define HEADER_CSUM_START 6
#define HEADER_CSUM_OFFSET 8
#define HEADER_NUM_BUFFERS 10
#define NEEDS_CSUM 1
#define DATA_VALID 2
#define GSO_TCPV4 1

#define ETHERNET_HEADER 14
#define TYPE_IPV4 0x0800
#define IP_HEADER 20
#define IP_PROTOCOL_TCP 6
#define TCP_HEADER 20
#define TCP_CHECKSUM 16
/* What the link carries in one piece, and a segment of it. */
#define LINK_MAX 1514
#define SEGMENT 1460
/* A frame's headers up to TCP's checksum. */
#define HEADERS_MAX (ETHERNET_HEADER + 60 + TCP_CHECKSUM + 2)

#define MAC_SIZE 6
/* A frame is at most spread over this many buffers. */
#define MERGE_MAX 64

#define VMT_TYPE_VIRTIO_NET (vmt_virtio_net_get_type ())
G_DECLARE_FINAL_TYPE (VmtVirtioNet, vmt_virtio_net, VMT, VIRTIO_NET, VmtVirtioDevice)

struct _VmtVirtioNet
{
  VmtVirtioDevice parent_instance;

  VmtNet *backend;
  char *mac_text;
  guint8 mac[MAC_SIZE];
  VmtVirtioKick kick;
  gint running;  /* atomic */
  guint8 *frame; /* where a frame in pieces is put together */
};

G_DEFINE_FINAL_TYPE (VmtVirtioNet, vmt_virtio_net, VMT_TYPE_VIRTIO_DEVICE)

enum
{
  PROP_BACKEND = 1,
  PROP_MAC,
};

static guint
get_le16 (const guint8 *p)
{
  return p[0] | p[1] << 8;
}

/* One's complement sum, in the order of the bytes in memory (RFC 1071). */
static guint16
sum_words (const guint8 *p, gsize size)
{
  guint64 sum = 0;
  guint32 word;

  for (; size >= sizeof word; p += sizeof word, size -= sizeof word)
    {
      memcpy (&word, p, sizeof word);
      sum += word;
    }
  word = 0;
  memcpy (&word, p, size);
  sum += word;
  while (sum >> 16 != 0)
    sum = (sum & 0xffff) + (sum >> 16);
  return sum;
}

/* Adds what the driver left out: the field holds the sum of the pseudo header only. FALSE if it
 * does not lie in the frame. */
static gboolean
complete_checksum (guint8 *frame, gsize size, guint start, guint offset)
{
  guint16 sum;

  if (start > size || offset + sizeof sum > size - start)
    return FALSE;
  sum = ~sum_words (frame + start, size - start);
  /* zero means "none" in UDP, and the other zero is as good everywhere */
  if (sum == 0)
    sum = 0xffff;
  memcpy (frame + start + offset, &sum, sizeof sum);
  return TRUE;
}

static void
send_buffer (VmtVirtioNet *self, const VmtVirtqBuffer *buffer)
{
  gsize size = buffer->out_size - HEADER_SIZE;
  guint8 header[HEADER_SIZE];
  const VmtIoVec *last;

  if (buffer->out_size <= HEADER_SIZE || size > VMT_NET_FRAME_MAX || self->backend == NULL)
    return;
  vmt_virtq_buffer_read (buffer, 0, header, sizeof header);
  if ((header[HEADER_FLAGS] & NEEDS_CSUM) != 0 &&
      vmt_virtio_device_has_feature (VMT_VIRTIO_DEVICE (self), F_CSUM))
    {
      vmt_virtq_buffer_read (buffer, HEADER_SIZE, self->frame, size);
      if (complete_checksum (self->frame, size, get_le16 (header + HEADER_CSUM_START),
                             get_le16 (header + HEADER_CSUM_OFFSET)))
        vmt_net_send (self->backend, self->frame, size);
      else
        vmt_device_guest_error (VMT_DEVICE (self), "checksum outside of the frame",
                                get_le16 (header + HEADER_CSUM_START));
      return;
    }
  /* Mostly the frame is one piece, behind the header's. */
  last = &buffer->out[buffer->n_out - 1];
  if (last->size >= size)
    vmt_net_send (self->backend, (const guint8 *)last->base + last->size - size, size);
  else
    {
      vmt_virtq_buffer_read (buffer, HEADER_SIZE, self->frame, size);
      vmt_net_send (self->backend, self->frame, size);
    }
}

static void
transmit (VmtVirtioNet *self)
{
  VmtVirtqueue *queue = vmt_virtio_device_get_queue (VMT_VIRTIO_DEVICE (self), QUEUE_TX);
  guint budget = vmt_virtqueue_get_max_size (queue);
  VmtVirtqBuffer *buffer;

  while (budget > 0 && (buffer = vmt_virtqueue_pop (queue)) != NULL)
    {
      send_buffer (self, buffer);
      vmt_virtqueue_push (queue, buffer, 0);
      budget--;
    }
  if (budget == 0)
    _vmt_virtio_kick_later (&self->kick, queue);
  vmt_virtqueue_flush (queue);
}

static void
put_le16 (guint8 *p, guint value)
{
  p[0] = value;
  p[1] = value >> 8;
}

/* A frame with its header, in two parts: what was made here, and the rest of what came. */
typedef struct
{
  guint8 head[HEADER_SIZE + HEADERS_MAX];
  gsize head_size;
  const guint8 *rest;
  gsize rest_size;
} Received;

/* A TCP segment that is longer than the link's goes to the driver as one which it may cut again
 * (5.1.6.4): its checksum is that of the pseudo header. FALSE: it is no such segment. */
static gboolean
describe_large (Received *received)
{
  const guint8 *frame = received->rest, *ip = frame + ETHERNET_HEADER;
  guint8 *header = received->head, *head = received->head + HEADER_SIZE;
  gsize size = received->rest_size;
  guint ip_header, tcp_header, start, length;
  guint8 pseudo[12] = { 0 };
  guint16 sum;

  if (size < ETHERNET_HEADER + IP_HEADER + TCP_HEADER ||
      (frame[12] << 8 | frame[13]) != TYPE_IPV4 || ip[0] >> 4 != 4 || ip[9] != IP_PROTOCOL_TCP)
    return FALSE;
  ip_header = (ip[0] & 15) * 4;
  start = ETHERNET_HEADER + ip_header;
  length = size - start;
  if (ip_header < IP_HEADER || size < start + TCP_HEADER ||
      (gsize)(ip[2] << 8 | ip[3]) != size - ETHERNET_HEADER || ((ip[6] << 8 | ip[7]) & 0x3fff) != 0)
    return FALSE;
  tcp_header = (frame[start + 12] >> 4) * 4;
  if (tcp_header < TCP_HEADER || tcp_header > length)
    return FALSE;

  header[HEADER_FLAGS] = NEEDS_CSUM;
  header[HEADER_GSO_TYPE] = GSO_TCPV4;
  put_le16 (header + HEADER_HDR_LEN, start + tcp_header);
  put_le16 (header + HEADER_GSO_SIZE, SEGMENT);
  put_le16 (header + HEADER_CSUM_START, start);
  put_le16 (header + HEADER_CSUM_OFFSET, TCP_CHECKSUM);
  memcpy (pseudo, ip + 12, 8);
  pseudo[9] = IP_PROTOCOL_TCP;
  pseudo[10] = length >> 8;
  pseudo[11] = length;
  sum = sum_words (pseudo, sizeof pseudo);
  memcpy (head, frame, start + TCP_CHECKSUM);
  memcpy (head + start + TCP_CHECKSUM, &sum, sizeof sum);
  received->head_size = HEADER_SIZE + start + TCP_CHECKSUM + sizeof sum;
  received->rest += start + TCP_CHECKSUM + sizeof sum;
  received->rest_size -= start + TCP_CHECKSUM + sizeof sum;
  return TRUE;
}

/* Moves what fits of it into a buffer; the bytes that did. */
static gsize
fill_buffer (const VmtVirtqBuffer *buffer, Received *received, gsize at)
{
  gsize done = 0, part;

  if (at < received->head_size)
    done = vmt_virtq_buffer_write (buffer, 0, received->head + at, received->head_size - at);
  if (at + done < received->head_size)
    return done;
  part = vmt_virtq_buffer_write (buffer, done, received->rest, received->rest_size);
  received->rest += part;
  received->rest_size -= part;
  return done + part;
}

/* Puts a frame into as many buffers as it takes, or into none. FALSE: there may be room for it
 * later. */
static gboolean
deliver (VmtVirtioNet *self, VmtVirtqueue *queue, const guint8 *frame, gsize size)
{
  VmtVirtioDevice *device = VMT_VIRTIO_DEVICE (self);
  gboolean merge = vmt_virtio_device_has_feature (device, F_MRG_RXBUF), large = FALSE;
  Received received = { .head_size = HEADER_SIZE, .rest = frame, .rest_size = size };
  VmtVirtqBuffer *buffers[MERGE_MAX];
  guint32 written[MERGE_MAX];
  guint n = 0;
  gsize room = 0, at = 0;

  while (room < HEADER_SIZE + size && n < (merge ? MERGE_MAX : 1))
    {
      VmtVirtqBuffer *buffer = vmt_virtqueue_pop (queue);

      if (buffer == NULL)
        break;
      buffers[n++] = buffer;
      room += buffer->in_size;
    }
  if (n == 0)
    return FALSE;
  if (size > LINK_MAX && vmt_virtio_device_has_feature (device, F_GUEST_TSO4))
    large = describe_large (&received);
  if (room < HEADER_SIZE + size || buffers[0]->in_size < HEADER_SIZE)
    {
      /* Too small for the frame in all: it is lost, as in a receiver that overruns. One that never
       * fits goes back empty, or it would stand in the way of every frame to come. For a large one
       * the driver may just have to catch up. */
      if (!merge || buffers[0]->in_size < HEADER_SIZE)
        {
          while (n > 1)
            vmt_virtqueue_unpop (queue, buffers[--n]);
          vmt_virtqueue_push (queue, buffers[0], 0);
          return TRUE;
        }
      large = large && n < MERGE_MAX;
      while (n > 0)
        vmt_virtqueue_unpop (queue, buffers[--n]);
      return !large;
    }
  if (!large && vmt_virtio_device_has_feature (device, F_GUEST_CSUM) &&
      (vmt_net_get_flags (self->backend) & VMT_NET_CHECKED) != 0)
    received.head[HEADER_FLAGS] = DATA_VALID;
  received.head[HEADER_NUM_BUFFERS] = n;
  for (guint i = 0; i < n; i++)
    {
      written[i] = fill_buffer (buffers[i], &received, at);
      at += written[i];
    }
  /* A driver that sees the first buffer wants the others, too. */
  vmt_virtqueue_push_all (queue, buffers, written, n);
  return TRUE;
}

static gboolean
net_receive (gpointer device, const guint8 *frame, gsize size)
{
  VmtVirtioNet *self = device;
  VmtVirtqueue *queue = vmt_virtio_device_get_queue (VMT_VIRTIO_DEVICE (self), QUEUE_RX);
  GMutex *lock = vmt_device_get_lock (VMT_DEVICE (self));
  gboolean done = FALSE;

  g_mutex_lock (lock);
  /* A driver without buffers is found by pop, which has it notify of the next. */
  if (g_atomic_int_get (&self->running))
    {
      done = deliver (self, queue, frame, size);
      vmt_virtqueue_flush (queue);
    }
  g_mutex_unlock (lock);
  return done;
}

static const VmtNetFrontend frontend = {
  .receive = net_receive,
};

static void
vmt_virtio_net_notify (VmtVirtioDevice *device, guint index)
{
  VmtVirtioNet *self = VMT_VIRTIO_NET (device);

  if (index == QUEUE_TX)
    transmit (self);
  else if (self->backend != NULL)
    vmt_net_resume (self->backend);
}

static guint64
vmt_virtio_net_get_features (VmtVirtioDevice *device)
{
  VmtVirtioNet *self = VMT_VIRTIO_NET (device);
  VmtNetFlags flags = self->backend != NULL ? vmt_net_get_flags (self->backend) : 0;
  guint64 features =
      1u << F_MAC | 1u << F_MRG_RXBUF | 1u << F_STATUS | 1u << F_CSUM | 1u << F_GUEST_CSUM;

  if ((flags & VMT_NET_LARGE_TCP) != 0)
    features |= 1u << F_HOST_TSO4 | 1u << F_GUEST_TSO4;
  return features;
}

static gboolean
vmt_virtio_net_set_features (VmtVirtioDevice *device, guint64 features)
{
  VmtVirtioNet *self = VMT_VIRTIO_NET (device);

  /* a driver must have both (5.1.3.1) */
  if (((features >> F_GUEST_TSO4) & 1) > ((features >> F_GUEST_CSUM) & 1) ||
      ((features >> F_HOST_TSO4) & 1) > ((features >> F_CSUM) & 1))
    return FALSE;
  if (self->backend != NULL)
    vmt_net_set_large (self->backend, (features >> F_GUEST_TSO4) & 1);
  return TRUE;
}

static void
vmt_virtio_net_stop (VmtVirtioDevice *device)
{
  VmtVirtioNet *self = VMT_VIRTIO_NET (device);

  if (self->backend != NULL)
    vmt_net_set_large (self->backend, FALSE);
}

static void
vmt_virtio_net_get_config (VmtVirtioDevice *device, guint8 *config)
{
  VmtVirtioNet *self = VMT_VIRTIO_NET (device);

  memcpy (config, self->mac, MAC_SIZE);
  config[CONFIG_STATUS] = self->backend != NULL ? STATUS_LINK_UP : 0;
}

static gboolean
parse_mac (const char *text, guint8 *mac)
{
  for (guint i = 0; i < MAC_SIZE; i++, text += 3)
    {
      if (!g_ascii_isxdigit (text[0]) || !g_ascii_isxdigit (text[1]) ||
          text[2] != (i < MAC_SIZE - 1 ? ':' : '\0'))
        return FALSE;
      mac[i] = g_ascii_xdigit_value (text[0]) << 4 | g_ascii_xdigit_value (text[1]);
    }
  return TRUE;
}

/* Locally administered, and the same for the same place in every run. */
static void
make_mac (VmtVirtioNet *self)
{
  g_autofree char *path = vmt_object_dup_path (VMT_OBJECT (self));
  guint hash = g_str_hash (path);

  self->mac[0] = 0x52;
  self->mac[1] = 0x54;
  self->mac[2] = 0x00;
  self->mac[3] = hash >> 16;
  self->mac[4] = hash >> 8;
  self->mac[5] = hash;
}

static gboolean
vmt_virtio_net_realize (VmtDevice *device, GError **error)
{
  VmtVirtioNet *self = VMT_VIRTIO_NET (device);
  VmtMachine *machine = vmt_device_get_machine (device);

  if (self->mac_text == NULL || *self->mac_text == '\0')
    make_mac (self);
  else if (!parse_mac (self->mac_text, self->mac) || (self->mac[0] & 1) != 0)
    {
      g_set_error (error, VMT_ERROR, VMT_ERROR_INVALID,
                   "%s: \"%s\" is not a MAC address of a station, such as 52:54:00:12:34:56",
                   vmt_object_get_id (VMT_OBJECT (self)), self->mac_text);
      return FALSE;
    }
  if (!VMT_DEVICE_CLASS (vmt_virtio_net_parent_class)->realize (device, error))
    return FALSE;
  _vmt_virtio_kick_init (&self->kick, VMT_VIRTIO_DEVICE (self));
  self->frame = g_malloc (VMT_NET_FRAME_MAX);
  if (self->backend != NULL)
    {
      if (!vmt_backend_open (VMT_BACKEND (self->backend), vmt_machine_get_context (machine), error))
        return FALSE;
      vmt_net_set_frontend (self->backend, &frontend, self);
    }
  return TRUE;
}

static void
vmt_virtio_net_unrealize (VmtDevice *device)
{
  VmtVirtioNet *self = VMT_VIRTIO_NET (device);

  if (self->backend != NULL)
    vmt_net_set_frontend (self->backend, NULL, NULL);
  _vmt_virtio_kick_clear (&self->kick);
  g_clear_pointer (&self->frame, g_free);
  VMT_DEVICE_CLASS (vmt_virtio_net_parent_class)->unrealize (device);
}

static void
vmt_virtio_net_running_changed (VmtDevice *device, gboolean running)
{
  VmtVirtioNet *self = VMT_VIRTIO_NET (device);

  g_atomic_int_set (&self->running, running);
  if (running && self->backend != NULL)
    vmt_net_resume (self->backend);
}

static const VmtStateField state[] = {
  VMT_VIRTIO_STATE,
  VMT_STATE_END,
};

static void
vmt_virtio_net_get_property (GObject *object, guint id, GValue *value, GParamSpec *pspec)
{
  VmtVirtioNet *self = VMT_VIRTIO_NET (object);

  switch (id)
    {
    case PROP_BACKEND:
      g_value_set_object (value, self->backend);
      break;
    case PROP_MAC:
      g_value_set_string (value, self->mac_text);
      break;
    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
    }
}

static void
vmt_virtio_net_set_property (GObject *object, guint id, const GValue *value, GParamSpec *pspec)
{
  VmtVirtioNet *self = VMT_VIRTIO_NET (object);

  switch (id)
    {
    case PROP_BACKEND:
      g_set_object (&self->backend, g_value_get_object (value));
      break;
    case PROP_MAC:
      g_free (self->mac_text);
      self->mac_text = g_value_dup_string (value);
      break;
    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
    }
}

static void
vmt_virtio_net_dispose (GObject *object)
{
  G_OBJECT_CLASS (vmt_virtio_net_parent_class)->dispose (object);
  g_clear_object (&VMT_VIRTIO_NET (object)->backend);
}

static void
vmt_virtio_net_finalize (GObject *object)
{
  g_free (VMT_VIRTIO_NET (object)->mac_text);
  G_OBJECT_CLASS (vmt_virtio_net_parent_class)->finalize (object);
}

static void
vmt_virtio_net_class_init (VmtVirtioNetClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);
  VmtDeviceClass *device_class = VMT_DEVICE_CLASS (klass);
  VmtVirtioDeviceClass *virtio_class = VMT_VIRTIO_DEVICE_CLASS (klass);
  GParamFlags flags = G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS;

  object_class->get_property = vmt_virtio_net_get_property;
  object_class->set_property = vmt_virtio_net_set_property;
  object_class->dispose = vmt_virtio_net_dispose;
  object_class->finalize = vmt_virtio_net_finalize;
  device_class->text = "virtio network card";
  device_class->state = state;
  device_class->state_version = 1;
  device_class->realize = vmt_virtio_net_realize;
  device_class->unrealize = vmt_virtio_net_unrealize;
  device_class->running_changed = vmt_virtio_net_running_changed;
  virtio_class->device_id = 1;
  virtio_class->n_queues = 2;
  virtio_class->config_size = CONFIG_SIZE;
  virtio_class->get_features = vmt_virtio_net_get_features;
  virtio_class->set_features = vmt_virtio_net_set_features;
  virtio_class->stop = vmt_virtio_net_stop;
  virtio_class->get_config = vmt_virtio_net_get_config;
  virtio_class->notify = vmt_virtio_net_notify;

  g_object_class_install_property (
      object_class, PROP_BACKEND,
      vmt_param_spec_backend ("backend", "the link", "net", VMT_TYPE_NET, flags));
  g_object_class_install_property (
      object_class, PROP_MAC,
      g_param_spec_string ("mac", NULL, "MAC address; none: made from the device's path", NULL,
                           flags));
}

static void
vmt_virtio_net_init (VmtVirtioNet *self)
{
}
