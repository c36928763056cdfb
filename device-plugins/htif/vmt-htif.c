/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The Berkeley host-target interface: a program for bare metal talks to its host through two
 * variables of its own, "tohost" and "fromhost". The firmware sets their addresses from the
 * program's symbols.
 *
 * Both lie among the program's other data, so a page of registers in their place would take code
 * fetches, atomics and DMA from all that shares it. They are watched instead: stores to their page
 * take the slow path, where this device is told of the ones to its two words (VMT_PAGE_WATCH).
 * Nothing is polled, and programs that do not use them cost nothing. */

#include <errno.h>

#include "vmt.h"

#define DEVICE_SYSCALL 0
#define DEVICE_CONSOLE 1
#define CONSOLE_GETCHAR 0
#define CONSOLE_PUTCHAR 1

#define PAYLOAD_MASK G_GUINT64_CONSTANT (0xffffffffffff)

/* Calls of the proxied system, with the numbers of Linux. */
#define SYSCALL_WRITE 64
#define SYSCALL_EXIT 93
#define WRITE_MAX 4096

#define RX_SIZE 64
#define TX_SIZE 4096

#define VMT_TYPE_HTIF (vmt_htif_get_type ())
G_DECLARE_FINAL_TYPE (VmtHtif, vmt_htif, VMT, HTIF, VmtDevice)

struct _VmtHtif
{
  VmtDevice parent_instance;

  VmtChar *backend;
  VmtObject *console;       /* a serial port, whose stream serves while there is a tohost */
  VmtChar *stream;          /* the one of the two that is used */
  gboolean over;            /* this device lies over the serial port */
  guint64 tohost, fromhost; /* addresses; 0: none */
  gint running;             /* atomic */

  gboolean half;      /* the lower half of tohost was stored alone */
  gboolean reading;   /* the program waits for a character */
  guint8 rx[RX_SIZE]; /* a ring */
  guint8 rx_head, rx_count;
  guint8 tx[TX_SIZE]; /* what the stream has not taken yet */
  guint32 tx_count;
};

G_DEFINE_FINAL_TYPE (VmtHtif, vmt_htif, VMT_TYPE_DEVICE)

enum
{
  PROP_BACKEND = 1,
  PROP_CONSOLE,
  PROP_TOHOST,
  PROP_FROMHOST,
};

/* The word at @address, which was found to lie in RAM when the watch was set; NULL if it has gone
 * since. */
static guint64 *
get_word (VmtHtif *self, guint64 address)
{
  guint64 size = 8;
  gpointer host =
      vmt_dma_map (vmt_device_get_address_space (VMT_DEVICE (self)), address, &size, FALSE);

  return size == 8 ? host : NULL;
}

static guint64
load_word (VmtHtif *self, guint64 address)
{
  const guint64 *word = get_word (self, address);

  return word != NULL ? GUINT64_FROM_LE (__atomic_load_n (word, __ATOMIC_ACQUIRE)) : 0;
}

/* Straight into RAM: a store through DMA would tell the watch, which is this device with its lock
 * taken. Nothing is ever derived from these words. */
static void
store_word (VmtHtif *self, guint64 address, guint64 value)
{
  guint64 *word = get_word (self, address);

  if (word != NULL)
    __atomic_store_n (word, GUINT64_TO_LE (value), __ATOMIC_RELEASE);
}

static void
drain (VmtHtif *self)
{
  gsize done = self->tx_count;

  if (self->tx_count == 0)
    return;
  if (self->stream != NULL)
    done = vmt_char_write (self->stream, self->tx, self->tx_count);
  memmove (self->tx, self->tx + done, self->tx_count - done);
  self->tx_count -= done;
}

/* FALSE: there is no room; the program waits by itself. */
static gboolean
put (VmtHtif *self, const guint8 *bytes, gsize size)
{
  if (size > TX_SIZE - self->tx_count)
    drain (self);
  if (size > TX_SIZE - self->tx_count)
    return FALSE;
  memcpy (self->tx + self->tx_count, bytes, size);
  self->tx_count += size;
  drain (self);
  return TRUE;
}

/* Answers the program's request for a character when there is one and the last answer has been
 * taken. */
static void
answer_read (VmtHtif *self)
{
  guint8 byte;

  if (!self->reading || self->rx_count == 0 || self->fromhost == 0 ||
      load_word (self, self->fromhost) != 0)
    return;
  byte = self->rx[self->rx_head];
  self->rx_head = (self->rx_head + 1) % RX_SIZE;
  self->rx_count--;
  self->reading = FALSE;
  store_word (self, self->fromhost,
              (guint64)DEVICE_CONSOLE << 56 | (guint64)CONSOLE_GETCHAR << 48 | 0x100 | byte);
  if (self->stream != NULL && self->rx_count <= RX_SIZE / 2)
    vmt_char_resume (self->stream);
}

static void
exit_program (VmtHtif *self, guint64 code)
{
  int status = MIN (code, G_MAXINT);

  /* A parent process sees 8 bits of an exit status: a failure shall not look like success. */
  if (status != 0 && (status & 0xff) == 0)
    status = 1;
  vmt_machine_request_power_off (vmt_device_get_machine (VMT_DEVICE (self)), "htif", status);
}

/* The eight bytes at @address are among those that are watched. */
static gboolean
is_watched (const VmtHtif *self, guint64 address)
{
  return address - self->tohost + 7 < 15 || address - self->fromhost + 7 < 15;
}

/* FALSE: not now. */
static gboolean
proxy_syscall (VmtHtif *self, guint64 address)
{
  VmtAddressSpace *space = vmt_device_get_address_space (VMT_DEVICE (self));
  guint64 call[4], result = -ENOSYS;
  guint8 bytes[WRITE_MAX];

  /* The result goes there: not into this device's own words. */
  if (is_watched (self, address) || !vmt_dma_read (space, address, call, sizeof call))
    {
      vmt_device_guest_error (VMT_DEVICE (self), "system call at an impossible address", address);
      return TRUE;
    }
  switch (GUINT64_FROM_LE (call[0]))
    {
    case SYSCALL_WRITE:
      {
        guint64 size = MIN (GUINT64_FROM_LE (call[3]), sizeof bytes);

        result = -EFAULT;
        if (GUINT64_FROM_LE (call[1]) != 1 && GUINT64_FROM_LE (call[1]) != 2)
          result = -EBADF;
        else if (vmt_dma_read (space, GUINT64_FROM_LE (call[2]), bytes, size))
          {
            if (!put (self, bytes, size))
              return FALSE;
            result = size;
          }
        break;
      }
    case SYSCALL_EXIT:
      exit_program (self, GUINT64_FROM_LE (call[1]));
      return TRUE;
    default:
      vmt_device_guest_error (VMT_DEVICE (self), "system call that is not proxied",
                              GUINT64_FROM_LE (call[0]));
    }
  result = GUINT64_TO_LE (result);
  vmt_dma_write (space, address, &result, sizeof result);
  if (self->fromhost != 0)
    store_word (self, self->fromhost, 1);
  return TRUE;
}

/* FALSE: the stream takes nothing now; tohost stays set, and the program waits for it to be
 * cleared. */
static gboolean
handle (VmtHtif *self, guint64 request)
{
  guint device = request >> 56, command = request >> 48 & 0xff;
  guint64 payload = request & PAYLOAD_MASK;
  guint8 byte = payload;

  if (device == DEVICE_SYSCALL && command == 0)
    {
      if ((payload & 1) == 0)
        return proxy_syscall (self, payload);
      exit_program (self, payload >> 1);
    }
  else if (device == DEVICE_CONSOLE && command == CONSOLE_PUTCHAR)
    return put (self, &byte, 1);
  else if (device == DEVICE_CONSOLE && command == CONSOLE_GETCHAR)
    {
      self->reading = TRUE;
      answer_read (self);
    }
  else
    vmt_device_guest_error (VMT_DEVICE (self), "request to an unknown host device", request);
  return TRUE;
}

static void
take_request (VmtHtif *self)
{
  guint64 request = self->tohost != 0 ? load_word (self, self->tohost) : 0;

  if (request != 0 && handle (self, request))
    store_word (self, self->tohost, 0);
}

static void
stored (gpointer data, guint64 address, guint64 size)
{
  VmtHtif *self = data;
  GMutex *lock = vmt_device_get_lock (VMT_DEVICE (self));

  g_mutex_lock (lock);
  if (address - self->tohost < 8)
    {
      guint64 end = address + size - self->tohost;

      /* A 32-bit program stores two halves. One that stores the lower half only, again and again,
       * means it. */
      if (end <= 4 && !self->half)
        self->half = load_word (self, self->tohost) != 0;
      else
        {
          self->half = FALSE;
          take_request (self);
        }
    }
  else
    answer_read (self);
  g_mutex_unlock (lock);
}

static const VmtCharFrontend frontend;

/* Most programs have no tohost: the serial port is theirs. */
static void
lie_over (VmtHtif *self, gboolean over)
{
  if (self->console == NULL || self->stream == NULL || self->over == over)
    return;
  self->over = over;
  vmt_char_set_overlay (self->stream, over ? &frontend : NULL, self);
}

/* The machine stands still when addresses are set. */
static void
set_watches (VmtHtif *self)
{
  VmtAddressSpace *space = vmt_device_get_address_space (VMT_DEVICE (self));

  if (!vmt_device_is_realized (VMT_DEVICE (self)))
    return;
  vmt_address_space_remove_watches (space, self);
  if (self->tohost % 8 != 0 ||
      (self->tohost != 0 && !vmt_address_space_add_watch (space, self->tohost, 8, stored, self)))
    {
      vmt_device_guest_error (VMT_DEVICE (self), "tohost outside of RAM or not aligned",
                              self->tohost);
      self->tohost = 0;
    }
  if (self->fromhost % 8 != 0 ||
      (self->fromhost != 0 &&
       !vmt_address_space_add_watch (space, self->fromhost, 8, stored, self)))
    {
      vmt_device_guest_error (VMT_DEVICE (self), "fromhost outside of RAM or not aligned",
                              self->fromhost);
      self->fromhost = 0;
    }
  lie_over (self, self->tohost != 0);
}

static gsize
char_can_receive (gpointer device)
{
  VmtHtif *self = device;
  GMutex *lock = vmt_device_get_lock (VMT_DEVICE (self));
  gsize room = 0;

  g_mutex_lock (lock);
  if (g_atomic_int_get (&self->running) && self->tohost != 0)
    room = RX_SIZE - self->rx_count;
  g_mutex_unlock (lock);
  return room;
}

static void
char_receive (gpointer device, const guint8 *data, gsize size)
{
  VmtHtif *self = device;
  GMutex *lock = vmt_device_get_lock (VMT_DEVICE (self));

  g_mutex_lock (lock);
  for (gsize i = 0; i < size && self->rx_count < RX_SIZE; i++)
    self->rx[(self->rx_head + self->rx_count++) % RX_SIZE] = data[i];
  answer_read (self);
  g_mutex_unlock (lock);
}

static void
char_writable (gpointer device)
{
  VmtHtif *self = device;
  GMutex *lock = vmt_device_get_lock (VMT_DEVICE (self));

  g_mutex_lock (lock);
  drain (self);
  if (!self->half)
    take_request (self);
  g_mutex_unlock (lock);
}

static const VmtCharFrontend frontend = {
  .can_receive = char_can_receive,
  .receive = char_receive,
  .writable = char_writable,
};

static const VmtStateField state[] = {
  VMT_STATE (VmtHtif, half, BOOL),
  VMT_STATE (VmtHtif, reading, BOOL),
  VMT_STATE_ARRAY (VmtHtif, rx, BYTES, RX_SIZE),
  VMT_STATE (VmtHtif, rx_head, U8),
  VMT_STATE (VmtHtif, rx_count, U8),
  VMT_STATE_ARRAY (VmtHtif, tx, BYTES, TX_SIZE),
  VMT_STATE (VmtHtif, tx_count, U32),
  VMT_STATE_END,
};

static gboolean
find_stream (VmtHtif *self, GError **error)
{
  GParamSpec *backend =
      g_object_class_find_property (G_OBJECT_GET_CLASS (self->console), "backend");

  if (backend == NULL || !g_type_is_a (backend->value_type, VMT_TYPE_CHAR))
    {
      g_set_error (error, VMT_ERROR, VMT_ERROR_INVALID,
                   "htif: console '%s' is not a serial port: it has no character back end",
                   vmt_object_get_id (self->console));
      return FALSE;
    }
  g_object_get (self->console, "backend", &self->stream, NULL);
  return TRUE;
}

static gboolean
vmt_htif_realize (VmtDevice *device, GError **error)
{
  VmtHtif *self = VMT_HTIF (device);
  VmtMachine *machine = vmt_device_get_machine (device);

  if (self->backend != NULL)
    {
      if (!vmt_backend_open (VMT_BACKEND (self->backend), vmt_machine_get_context (machine), error))
        return FALSE;
      vmt_char_set_frontend (self->backend, &frontend, self);
      self->stream = g_object_ref (self->backend);
    }
  else if (self->console != NULL && !find_stream (self, error))
    return FALSE;
  set_watches (self);
  return TRUE;
}

static void
vmt_htif_unrealize (VmtDevice *device)
{
  VmtHtif *self = VMT_HTIF (device);

  vmt_address_space_remove_watches (vmt_device_get_address_space (device), self);
  lie_over (self, FALSE);
  if (self->backend != NULL)
    vmt_char_set_frontend (self->backend, NULL, NULL);
  g_clear_object (&self->stream);
}

static void
vmt_htif_running_changed (VmtDevice *device, gboolean running)
{
  VmtHtif *self = VMT_HTIF (device);

  g_atomic_int_set (&self->running, running);
  if (running && self->stream != NULL)
    vmt_char_resume (self->stream);
}

static void
vmt_htif_get_property (GObject *object, guint id, GValue *value, GParamSpec *pspec)
{
  VmtHtif *self = VMT_HTIF (object);

  switch (id)
    {
    case PROP_BACKEND:
      g_value_set_object (value, self->backend);
      break;
    case PROP_CONSOLE:
      g_value_set_object (value, self->console);
      break;
    case PROP_TOHOST:
      g_value_set_uint64 (value, self->tohost);
      break;
    case PROP_FROMHOST:
      g_value_set_uint64 (value, self->fromhost);
      break;
    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
    }
}

static void
vmt_htif_set_property (GObject *object, guint id, const GValue *value, GParamSpec *pspec)
{
  VmtHtif *self = VMT_HTIF (object);

  switch (id)
    {
    case PROP_BACKEND:
      g_set_object (&self->backend, g_value_get_object (value));
      break;
    case PROP_CONSOLE:
      g_set_object (&self->console, g_value_get_object (value));
      break;
    case PROP_TOHOST:
      self->tohost = g_value_get_uint64 (value);
      set_watches (self);
      break;
    case PROP_FROMHOST:
      self->fromhost = g_value_get_uint64 (value);
      set_watches (self);
      break;
    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
    }
}

static void
vmt_htif_dispose (GObject *object)
{
  G_OBJECT_CLASS (vmt_htif_parent_class)->dispose (object);
  g_clear_object (&VMT_HTIF (object)->backend);
  g_clear_object (&VMT_HTIF (object)->console);
  g_clear_object (&VMT_HTIF (object)->stream);
}

static void
vmt_htif_class_init (VmtHtifClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);
  VmtDeviceClass *device_class = VMT_DEVICE_CLASS (klass);
  GParamFlags flags = G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS;

  object_class->get_property = vmt_htif_get_property;
  object_class->set_property = vmt_htif_set_property;
  object_class->dispose = vmt_htif_dispose;
  device_class->text = "host-target interface of programs for bare metal";
  device_class->state = state;
  device_class->state_version = 1;
  device_class->realize = vmt_htif_realize;
  device_class->unrealize = vmt_htif_unrealize;
  device_class->running_changed = vmt_htif_running_changed;

  g_object_class_install_property (
      object_class, PROP_BACKEND,
      vmt_param_spec_backend ("backend", "where the console's bytes go and come from", "char",
                              VMT_TYPE_CHAR, flags));
  g_object_class_install_property (
      object_class, PROP_CONSOLE,
      vmt_param_spec_link ("console",
                           "without a back end of its own: the serial port whose back end takes "
                           "the console's bytes, and gives them while a program has a tohost",
                           VMT_TYPE_DEVICE, flags));
  g_object_class_install_property (
      object_class, PROP_TOHOST,
      vmt_param_spec_address ("tohost",
                              "address of the program's tohost; 0: none; set from the "
                              "symbols of the program that is started",
                              0, flags));
  g_object_class_install_property (
      object_class, PROP_FROMHOST,
      vmt_param_spec_address ("fromhost", "address of the program's fromhost; 0: none", 0, flags));
}

static void
vmt_htif_init (VmtHtif *self)
{
}

static const VmtFeature features[] = {
  { .kind = VMT_FEATURE_DEVICE, .name = "htif", .get_type = vmt_htif_get_type },
  { .name = NULL },
};

VMT_PLUGIN_DEFINE (htif, "htif", "host-target interface", 0, features, NULL);
