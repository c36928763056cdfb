/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* National Semiconductor PC16550D universal asynchronous receiver/transmitter with FIFOs. Register
 * names are the data sheet's. */

#include "vmt.h"

#define FIFO_SIZE 16

/* Where the latch-banked divisor registers stand in the table; guests reach them at 0 and 1 while
 * LCR.DLAB is set. */
#define OFFSET_DLL 0x20
#define OFFSET_DLM 0x21
#define REGION_SIZE 0x100

#define IER_RDA 0x01
#define IER_THRE 0x02
#define IER_RLS 0x04
#define IER_MS 0x08
#define IER_MASK 0x0f

#define IIR_MS 0x00
#define IIR_NONE 0x01
#define IIR_THRE 0x02
#define IIR_RDA 0x04
#define IIR_RLS 0x06
#define IIR_TIMEOUT 0x0c
#define IIR_FIFOS 0xc0

#define FCR_ENABLE 0x01
#define FCR_CLEAR_RX 0x02
#define FCR_CLEAR_TX 0x04
#define FCR_KEPT 0xc9

#define LCR_DLAB 0x80

#define MCR_DTR 0x01
#define MCR_RTS 0x02
#define MCR_OUT1 0x04
#define MCR_OUT2 0x08
#define MCR_LOOP 0x10
#define MCR_MASK 0x1f

#define LSR_DR 0x01
#define LSR_OE 0x02
#define LSR_ERRORS 0x1e
#define LSR_THRE 0x20
#define LSR_TEMT 0x40

#define MSR_DELTAS 0x0f
#define MSR_TERI 0x04
#define MSR_CTS 0x10
#define MSR_DSR 0x20
#define MSR_RI 0x40
#define MSR_DCD 0x80
#define MSR_LINES 0xf0
/* The far end is always there and ready. */
#define MSR_PEER (MSR_CTS | MSR_DSR | MSR_DCD)

#define VMT_TYPE_UART_NS16550 (vmt_uart_ns16550_get_type ())
G_DECLARE_FINAL_TYPE (VmtUartNs16550, vmt_uart_ns16550, VMT, UART_NS16550, VmtDevice)

struct _VmtUartNs16550
{
  VmtDevice parent_instance;

  VmtChar *backend;
  guint clock_frequency;
  guint reg_shift;
  const VmtIrq *irq;
  VmtTimer *timeout; /* of the receiver: data waits below the trigger level */
  guint64 timeout_at;
  gint running; /* atomic */

  guint8 ier, fcr, lcr, mcr, lsr, msr, scr, dll, dlm;
  guint8 rx_fifo[FIFO_SIZE], tx_fifo[FIFO_SIZE];
  guint8 rx_head, rx_count, tx_count;
  gboolean thre_pending, timeout_pending;
};

G_DEFINE_FINAL_TYPE (VmtUartNs16550, vmt_uart_ns16550, VMT_TYPE_DEVICE)

enum
{
  PROP_BACKEND = 1,
  PROP_CLOCK_FREQUENCY,
  PROP_REG_SHIFT,
  N_PROPS
};

static guint
rx_capacity (const VmtUartNs16550 *self)
{
  return (self->fcr & FCR_ENABLE) != 0 ? FIFO_SIZE : 1;
}

static guint
rx_trigger (const VmtUartNs16550 *self)
{
  static const guint8 levels[] = { 1, 4, 8, 14 };

  return (self->fcr & FCR_ENABLE) != 0 ? levels[self->fcr >> 6] : 1;
}

static guint8
pending_source (const VmtUartNs16550 *self)
{
  if ((self->ier & IER_RLS) != 0 && (self->lsr & LSR_ERRORS) != 0)
    return IIR_RLS;
  if ((self->ier & IER_RDA) != 0 && self->timeout_pending)
    return IIR_TIMEOUT;
  if ((self->ier & IER_RDA) != 0 && self->rx_count >= rx_trigger (self))
    return IIR_RDA;
  if ((self->ier & IER_THRE) != 0 && self->thre_pending)
    return IIR_THRE;
  if ((self->ier & IER_MS) != 0 && (self->msr & MSR_DELTAS) != 0)
    return IIR_MS;
  return IIR_NONE;
}

static void
update_irq (VmtUartNs16550 *self)
{
  if (self->irq != NULL)
    vmt_irq_set (self->irq, pending_source (self) != IIR_NONE);
}

/* Four characters' time without a character received or read ("FIFO interrupt mode operation"). */
static void
restart_timeout (VmtUartNs16550 *self)
{
  guint64 bits, divisor, deadline = G_MAXUINT64;

  if (self->timeout == NULL)
    return;
  if ((self->fcr & FCR_ENABLE) != 0 && self->rx_count > 0 && !self->timeout_pending)
    {
      bits = 1 + 5 + (self->lcr & 3) + ((self->lcr & 4) != 0 ? 2 : 1) + ((self->lcr & 8) != 0);
      divisor = MAX (self->dll | self->dlm << 8, 1);
      deadline =
          vmt_clock_get (vmt_machine_get_clock (vmt_device_get_machine (VMT_DEVICE (self)))) +
          4 * bits * 16 * divisor * G_GUINT64_CONSTANT (1000000000) / self->clock_frequency;
    }
  self->timeout_at = deadline;
  vmt_timer_set (self->timeout, deadline);
}

static void
rx_timed_out (gpointer data)
{
  VmtUartNs16550 *self = data;
  GMutex *lock = vmt_device_get_lock (VMT_DEVICE (self));

  g_mutex_lock (lock);
  /* A character may have been read, or another have come, between the deadline and here. */
  if ((self->fcr & FCR_ENABLE) != 0 && self->rx_count > 0 &&
      vmt_clock_get (vmt_machine_get_clock (vmt_device_get_machine (VMT_DEVICE (self)))) >=
          self->timeout_at)
    {
      self->timeout_at = G_MAXUINT64;
      self->timeout_pending = TRUE;
      update_irq (self);
    }
  g_mutex_unlock (lock);
}

static void
rx_push (VmtUartNs16550 *self, guint8 byte)
{
  guint capacity = rx_capacity (self);

  if (self->rx_count >= capacity)
    {
      /* With FIFOs the newest character is lost, without them the oldest. */
      self->lsr |= LSR_OE;
      if (capacity == 1)
        self->rx_fifo[self->rx_head] = byte;
      return;
    }
  self->rx_fifo[(self->rx_head + self->rx_count) % FIFO_SIZE] = byte;
  self->rx_count++;
  self->lsr |= LSR_DR;
}

static void
rx_clear (VmtUartNs16550 *self)
{
  self->rx_head = self->rx_count = 0;
  self->lsr &= ~LSR_DR;
  self->timeout_pending = FALSE;
  restart_timeout (self);
}

/* The back end delivers from its own context later: it never calls back from here. */
static void
rx_resume (VmtUartNs16550 *self)
{
  if (self->backend != NULL && (self->mcr & MCR_LOOP) == 0 &&
      self->rx_count <= rx_capacity (self) / 2)
    vmt_char_resume (self->backend);
}

static void
tx_empty (VmtUartNs16550 *self)
{
  self->lsr |= LSR_THRE | LSR_TEMT;
  self->thre_pending = TRUE;
}

/* Hands on what the back end takes; the rest stays until it is writable again. */
static void
tx_drain (VmtUartNs16550 *self)
{
  gsize done;

  if (self->tx_count == 0)
    return;
  done = self->backend != NULL ? vmt_char_write (self->backend, self->tx_fifo, self->tx_count)
                               : self->tx_count;
  done = MIN (done, self->tx_count);
  memmove (self->tx_fifo, self->tx_fifo + done, self->tx_count - done);
  self->tx_count -= done;
  if (self->tx_count == 0)
    tx_empty (self);
}

static void
update_modem_lines (VmtUartNs16550 *self)
{
  guint8 lines = MSR_PEER, changed;

  if ((self->mcr & MCR_LOOP) != 0)
    lines =
        ((self->mcr & MCR_RTS) != 0 ? MSR_CTS : 0) | ((self->mcr & MCR_DTR) != 0 ? MSR_DSR : 0) |
        ((self->mcr & MCR_OUT1) != 0 ? MSR_RI : 0) | ((self->mcr & MCR_OUT2) != 0 ? MSR_DCD : 0);
  changed = (lines ^ self->msr) & MSR_LINES;
  /* The ring indicator reports only its trailing edge. */
  if ((lines & MSR_RI) != 0)
    changed &= ~MSR_RI;
  self->msr = lines | (self->msr & MSR_DELTAS) | changed >> 4;
}

static guint64
rbr_read (gpointer device, guint index)
{
  VmtUartNs16550 *self = device;
  guint8 byte = self->rx_fifo[self->rx_head];

  if (self->rx_count > 0)
    {
      self->rx_head = (self->rx_head + 1) % FIFO_SIZE;
      self->rx_count--;
      if (self->rx_count == 0)
        self->lsr &= ~LSR_DR;
    }
  self->timeout_pending = FALSE;
  restart_timeout (self);
  update_irq (self);
  rx_resume (self);
  return byte;
}

static void
thr_write (gpointer device, guint index, guint64 value)
{
  VmtUartNs16550 *self = device;

  if ((self->mcr & MCR_LOOP) != 0)
    {
      rx_push (self, value);
      restart_timeout (self);
      tx_empty (self);
      update_irq (self);
      return;
    }
  if (self->tx_count < ((self->fcr & FCR_ENABLE) != 0 ? FIFO_SIZE : 1))
    self->tx_fifo[self->tx_count++] = value;
  else
    vmt_device_guest_error (VMT_DEVICE (self), "transmitter written while full", value);
  self->lsr &= ~(LSR_THRE | LSR_TEMT);
  self->thre_pending = FALSE;
  tx_drain (self);
  update_irq (self);
}

static void
ier_write (gpointer device, guint index, guint64 value)
{
  VmtUartNs16550 *self = device;

  /* Enabling the transmitter's interrupt while it is empty raises it anew. */
  if ((value & IER_THRE) != 0 && (self->ier & IER_THRE) == 0 && (self->lsr & LSR_THRE) != 0)
    self->thre_pending = TRUE;
  self->ier = value;
  update_irq (self);
}

static guint64
iir_read (gpointer device, guint index)
{
  VmtUartNs16550 *self = device;
  guint8 source = pending_source (self);

  if (source == IIR_THRE)
    {
      self->thre_pending = FALSE;
      update_irq (self);
    }
  return source | ((self->fcr & FCR_ENABLE) != 0 ? IIR_FIFOS : 0);
}

static void
fcr_write (gpointer device, guint index, guint64 value)
{
  VmtUartNs16550 *self = device;
  gboolean toggled = ((value ^ self->fcr) & FCR_ENABLE) != 0;

  /* The other bits count only together with the enable bit. */
  if ((value & FCR_ENABLE) == 0)
    value = 0;
  if (toggled)
    value |= FCR_CLEAR_RX | FCR_CLEAR_TX;
  self->fcr = value & FCR_KEPT;
  if ((value & FCR_CLEAR_RX) != 0)
    rx_clear (self);
  if ((value & FCR_CLEAR_TX) != 0 && self->tx_count > 0)
    {
      self->tx_count = 0;
      tx_empty (self);
    }
  update_irq (self);
  rx_resume (self);
}

static void
mcr_write (gpointer device, guint index, guint64 value)
{
  VmtUartNs16550 *self = device;

  self->mcr = value;
  update_modem_lines (self);
  update_irq (self);
  rx_resume (self);
}

static guint64
lsr_read (gpointer device, guint index)
{
  VmtUartNs16550 *self = device;
  guint8 value = self->lsr;

  self->lsr &= ~LSR_ERRORS;
  update_irq (self);
  return value;
}

static guint64
msr_read (gpointer device, guint index)
{
  VmtUartNs16550 *self = device;
  guint8 value = self->msr;

  self->msr &= ~MSR_DELTAS;
  update_irq (self);
  return value;
}

#define FIELD(member) G_STRUCT_OFFSET (VmtUartNs16550, member)

static const VmtDeviceRegister registers[] = {
  { .name = "RBR",
    .offset = 0,
    .size = 1,
    .flags = VMT_REG_SIDE_EFFECT,
    .field = -1,
    .read = rbr_read,
    .write = thr_write,
    .text = "receiver buffer (read), transmitter holding register (write)" },
  { .name = "IER",
    .offset = 1,
    .size = 1,
    .field = FIELD (ier),
    .writable = IER_MASK,
    .write = ier_write,
    .text = "interrupt enable" },
  { .name = "IIR",
    .offset = 2,
    .size = 1,
    .flags = VMT_REG_SIDE_EFFECT,
    .field = -1,
    .reset = IIR_NONE,
    .read = iir_read,
    .write = fcr_write,
    .text = "interrupt identification (read), FIFO control (write)" },
  { .name = "LCR", .offset = 3, .size = 1, .field = FIELD (lcr), .text = "line control" },
  { .name = "MCR",
    .offset = 4,
    .size = 1,
    .field = FIELD (mcr),
    .writable = MCR_MASK,
    .write = mcr_write,
    .text = "modem control" },
  { .name = "LSR",
    .offset = 5,
    .size = 1,
    .flags = VMT_REG_RO | VMT_REG_SIDE_EFFECT,
    .field = FIELD (lsr),
    .reset = LSR_THRE | LSR_TEMT,
    .read = lsr_read,
    .text = "line status" },
  { .name = "MSR",
    .offset = 6,
    .size = 1,
    .flags = VMT_REG_RO | VMT_REG_SIDE_EFFECT,
    .field = FIELD (msr),
    .reset = MSR_PEER,
    .read = msr_read,
    .text = "modem status" },
  { .name = "SCR", .offset = 7, .size = 1, .field = FIELD (scr), .text = "scratch" },
  { .name = "DLL",
    .offset = OFFSET_DLL,
    .size = 1,
    .field = FIELD (dll),
    .reset = 12,
    .text = "divisor latch, low byte (at 0 while LCR.DLAB is set)" },
  { .name = "DLM",
    .offset = OFFSET_DLM,
    .size = 1,
    .field = FIELD (dlm),
    .text = "divisor latch, high byte (at 1 while LCR.DLAB is set)" },
  VMT_REGISTERS_END,
};

/* The table's offset of what the guest reaches at @offset; FALSE between and beyond the registers.
 */
static gboolean
bank_offset (const VmtUartNs16550 *self, guint64 *offset)
{
  guint64 index = *offset >> self->reg_shift;

  if (index > 7 || index << self->reg_shift != *offset)
    return FALSE;
  *offset = index < 2 && (self->lcr & LCR_DLAB) != 0 ? OFFSET_DLL + index : index;
  return TRUE;
}

static VmtMemStatus
uart_read (gpointer opaque, guint64 offset, guint size, guint64 *value)
{
  VmtUartNs16550 *self = opaque;

  if (offset >= G_GUINT64_CONSTANT (8) << self->reg_shift)
    return VMT_MEM_BUS_ERROR;
  if (bank_offset (self, &offset))
    return vmt_device_table_read (VMT_DEVICE (self), 0, offset, size, value);
  *value = 0;
  return VMT_MEM_OK;
}

static VmtMemStatus
uart_write (gpointer opaque, guint64 offset, guint size, guint64 value)
{
  VmtUartNs16550 *self = opaque;

  if (offset >= G_GUINT64_CONSTANT (8) << self->reg_shift)
    return VMT_MEM_BUS_ERROR;
  if (bank_offset (self, &offset))
    return vmt_device_table_write (VMT_DEVICE (self), 0, offset, size, value);
  return VMT_MEM_OK;
}

/* Byte wide: a wider access (reg-io-width 4 with a reg-shift) reads zeroes between the registers.
 */
static const VmtMmioOps uart_ops = {
  .read = uart_read,
  .write = uart_write,
  .min_size = 1,
  .max_size = 1,
};

static const VmtRegionSpec regions[] = {
  { .name = "registers", .size = REGION_SIZE, .registers = registers, .ops = &uart_ops },
  { .name = NULL },
};

static const VmtIrqSpec irqs[] = {
  { "irq", "any enabled interrupt source is pending" },
  { NULL, NULL },
};

static const VmtStateField state[] = {
  VMT_STATE (VmtUartNs16550, ier, U8),
  VMT_STATE (VmtUartNs16550, fcr, U8),
  VMT_STATE (VmtUartNs16550, lcr, U8),
  VMT_STATE (VmtUartNs16550, mcr, U8),
  VMT_STATE (VmtUartNs16550, lsr, U8),
  VMT_STATE (VmtUartNs16550, msr, U8),
  VMT_STATE (VmtUartNs16550, scr, U8),
  VMT_STATE (VmtUartNs16550, dll, U8),
  VMT_STATE (VmtUartNs16550, dlm, U8),
  VMT_STATE_ARRAY (VmtUartNs16550, rx_fifo, BYTES, FIFO_SIZE),
  VMT_STATE_ARRAY (VmtUartNs16550, tx_fifo, BYTES, FIFO_SIZE),
  VMT_STATE (VmtUartNs16550, rx_head, U8),
  VMT_STATE (VmtUartNs16550, rx_count, U8),
  VMT_STATE (VmtUartNs16550, tx_count, U8),
  VMT_STATE (VmtUartNs16550, thre_pending, BOOL),
  VMT_STATE (VmtUartNs16550, timeout_pending, BOOL),
  VMT_STATE_END,
};

static gsize
char_can_receive (gpointer device)
{
  VmtUartNs16550 *self = device;
  GMutex *lock = vmt_device_get_lock (VMT_DEVICE (self));
  gsize room = 0;

  g_mutex_lock (lock);
  /* In loop-back the receiver listens to the transmitter alone: what is typed waits. */
  if (g_atomic_int_get (&self->running) && (self->mcr & MCR_LOOP) == 0 &&
      self->rx_count < rx_capacity (self))
    room = rx_capacity (self) - self->rx_count;
  g_mutex_unlock (lock);
  return room;
}

static void
char_receive (gpointer device, const guint8 *data, gsize size)
{
  VmtUartNs16550 *self = device;
  GMutex *lock = vmt_device_get_lock (VMT_DEVICE (self));
  gsize i;

  g_mutex_lock (lock);
  for (i = 0; i < size; i++)
    rx_push (self, data[i]);
  restart_timeout (self);
  update_irq (self);
  g_mutex_unlock (lock);
}

static void
char_writable (gpointer device)
{
  VmtUartNs16550 *self = device;
  GMutex *lock = vmt_device_get_lock (VMT_DEVICE (self));

  g_mutex_lock (lock);
  tx_drain (self);
  update_irq (self);
  g_mutex_unlock (lock);
}

static const VmtCharFrontend frontend = {
  .can_receive = char_can_receive,
  .receive = char_receive,
  .writable = char_writable,
};

static gboolean
vmt_uart_ns16550_realize (VmtDevice *device, GError **error)
{
  VmtUartNs16550 *self = VMT_UART_NS16550 (device);
  VmtMachine *machine = vmt_device_get_machine (device);

  self->irq = vmt_device_get_irq (device, 0);
  self->timeout = vmt_timer_new (vmt_machine_get_clock (machine), rx_timed_out, self);
  if (self->backend != NULL)
    {
      if (!vmt_backend_open (VMT_BACKEND (self->backend), vmt_machine_get_context (machine), error))
        return FALSE;
      vmt_char_set_frontend (self->backend, &frontend, self);
    }
  return TRUE;
}

static void
vmt_uart_ns16550_unrealize (VmtDevice *device)
{
  VmtUartNs16550 *self = VMT_UART_NS16550 (device);

  if (self->backend != NULL)
    vmt_char_set_frontend (self->backend, NULL, NULL);
  g_clear_pointer (&self->timeout, vmt_timer_free);
  self->irq = NULL;
}

static void
vmt_uart_ns16550_reset (VmtDevice *device)
{
  VmtUartNs16550 *self = VMT_UART_NS16550 (device);

  self->fcr = 0;
  self->thre_pending = self->timeout_pending = FALSE;
  self->rx_head = self->rx_count = self->tx_count = 0;
  restart_timeout (self);
  update_irq (self);
  rx_resume (self);
}

static void
vmt_uart_ns16550_running_changed (VmtDevice *device, gboolean running)
{
  VmtUartNs16550 *self = VMT_UART_NS16550 (device);

  g_atomic_int_set (&self->running, running);
  if (running && self->backend != NULL)
    vmt_char_resume (self->backend);
}

static void
vmt_uart_ns16550_describe (VmtDevice *device, VmtFirmwareNode *node)
{
  static const char *const compatible[] = { "ns16550a", NULL };
  VmtUartNs16550 *self = VMT_UART_NS16550 (device);
  const char *id = vmt_object_get_id (VMT_OBJECT (device));
  g_autofree char *alias = NULL;
  gsize digits = id != NULL ? strlen (id) : 0;

  vmt_firmware_node_set_name (node, "serial");
  vmt_firmware_node_set_compatible (node, compatible);
  vmt_firmware_node_set_u32 (node, "clock-frequency", self->clock_frequency);
  if (self->reg_shift != 0)
    vmt_firmware_node_set_u32 (node, "reg-shift", self->reg_shift);
  /* "uart1" is known as serial1 to the guest as well. */
  while (digits > 0 && g_ascii_isdigit (id[digits - 1]))
    digits--;
  alias = g_strconcat ("serial", id != NULL && id[digits] != '\0' ? id + digits : "0", NULL);
  vmt_firmware_node_set_alias (node, alias);
  vmt_firmware_node_set_console (node);
}

static void
vmt_uart_ns16550_get_property (GObject *object, guint id, GValue *value, GParamSpec *pspec)
{
  VmtUartNs16550 *self = VMT_UART_NS16550 (object);

  switch (id)
    {
    case PROP_BACKEND:
      g_value_set_object (value, self->backend);
      break;
    case PROP_CLOCK_FREQUENCY:
      g_value_set_uint (value, self->clock_frequency);
      break;
    case PROP_REG_SHIFT:
      g_value_set_uint (value, self->reg_shift);
      break;
    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
    }
}

static void
vmt_uart_ns16550_set_property (GObject *object, guint id, const GValue *value, GParamSpec *pspec)
{
  VmtUartNs16550 *self = VMT_UART_NS16550 (object);

  switch (id)
    {
    case PROP_BACKEND:
      g_set_object (&self->backend, g_value_get_object (value));
      break;
    case PROP_CLOCK_FREQUENCY:
      self->clock_frequency = g_value_get_uint (value);
      break;
    case PROP_REG_SHIFT:
      self->reg_shift = g_value_get_uint (value);
      break;
    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
    }
}

static void
vmt_uart_ns16550_dispose (GObject *object)
{
  G_OBJECT_CLASS (vmt_uart_ns16550_parent_class)->dispose (object);
  g_clear_object (&VMT_UART_NS16550 (object)->backend);
}

static void
vmt_uart_ns16550_class_init (VmtUartNs16550Class *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);
  VmtDeviceClass *device_class = VMT_DEVICE_CLASS (klass);
  GParamFlags flags = G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS;

  object_class->get_property = vmt_uart_ns16550_get_property;
  object_class->set_property = vmt_uart_ns16550_set_property;
  object_class->dispose = vmt_uart_ns16550_dispose;
  device_class->text = "16550A serial port with FIFOs";
  device_class->regions = regions;
  device_class->irqs = irqs;
  device_class->state = state;
  device_class->state_version = 1;
  device_class->realize = vmt_uart_ns16550_realize;
  device_class->unrealize = vmt_uart_ns16550_unrealize;
  device_class->reset = vmt_uart_ns16550_reset;
  device_class->running_changed = vmt_uart_ns16550_running_changed;
  device_class->describe = vmt_uart_ns16550_describe;

  g_object_class_install_property (
      object_class, PROP_BACKEND,
      vmt_param_spec_backend ("backend", "where the port's bytes go and come from", "char",
                              VMT_TYPE_CHAR, flags));
  g_object_class_install_property (object_class, PROP_CLOCK_FREQUENCY,
                                   g_param_spec_uint ("clock-frequency", NULL,
                                                      "input clock in hertz", 1, G_MAXUINT, 3686400,
                                                      flags | G_PARAM_CONSTRUCT));
  g_object_class_install_property (object_class, PROP_REG_SHIFT,
                                   g_param_spec_uint ("reg-shift", NULL,
                                                      "registers are 1 << reg-shift bytes apart", 0,
                                                      3, 0, flags | G_PARAM_CONSTRUCT));
}

static void
vmt_uart_ns16550_init (VmtUartNs16550 *self)
{
}

static const VmtFeature features[] = {
  { .kind = VMT_FEATURE_DEVICE, .name = "uart-ns16550", .get_type = vmt_uart_ns16550_get_type },
  { .name = NULL },
};

VMT_PLUGIN_DEFINE (uart_ns16550, "uart-ns16550", "16550A serial port", 0, features, NULL);
