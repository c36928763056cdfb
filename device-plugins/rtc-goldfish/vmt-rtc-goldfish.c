/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Google's Goldfish real-time clock: nanoseconds since 1970, and an alarm. */

#include "vmt.h"

#define VMT_TYPE_RTC_GOLDFISH (vmt_rtc_goldfish_get_type ())
G_DECLARE_FINAL_TYPE (VmtRtcGoldfish, vmt_rtc_goldfish, VMT, RTC_GOLDFISH, VmtDevice)

struct _VmtRtcGoldfish
{
  VmtDevice parent_instance;

  VmtClock *clock;
  VmtTimer *timer;

  guint64 offset;  /* what the guest set its time to, less the machine's */
  guint64 latched; /* by reading TIME_LOW */
  guint64 alarm;
  guint32 time_high, alarm_high; /* as written, until the low half is */
  guint32 irq_enabled;
  gboolean alarm_running, irq_pending;
};

G_DEFINE_FINAL_TYPE (VmtRtcGoldfish, vmt_rtc_goldfish, VMT_TYPE_DEVICE)

static guint64
get_time (const VmtRtcGoldfish *self)
{
  return vmt_clock_get_wall (self->clock) + self->offset;
}

static void
update_irq (VmtRtcGoldfish *self)
{
  vmt_irq_set (vmt_device_get_irq (VMT_DEVICE (self), 0), self->irq_pending && self->irq_enabled);
}

/* The alarm is at a time of day, which goes on while the machine stands still: it is looked at
 * again when the timer fires. */
static void
update_alarm (VmtRtcGoldfish *self)
{
  guint64 now = get_time (self), deadline = G_MAXUINT64;

  if (self->alarm_running && self->alarm <= now)
    {
      self->alarm_running = FALSE;
      self->irq_pending = TRUE;
    }
  if (self->alarm_running)
    {
      guint64 clock = vmt_clock_get (self->clock);

      deadline =
          self->alarm - now < G_MAXUINT64 - clock ? clock + (self->alarm - now) : G_MAXUINT64;
    }
  vmt_timer_set (self->timer, deadline);
  update_irq (self);
}

static void
timer_expired (gpointer data)
{
  VmtRtcGoldfish *self = data;
  GMutex *lock = vmt_device_get_lock (VMT_DEVICE (self));

  g_mutex_lock (lock);
  update_alarm (self);
  g_mutex_unlock (lock);
}

static guint64
time_low_read (gpointer device, guint index)
{
  VmtRtcGoldfish *self = device;

  self->latched = get_time (self);
  return self->latched & G_MAXUINT32;
}

static void
time_low_write (gpointer device, guint index, guint64 value)
{
  VmtRtcGoldfish *self = device;

  self->offset += ((guint64)self->time_high << 32 | value) - get_time (self);
  update_alarm (self);
}

static guint64
time_high_read (gpointer device, guint index)
{
  VmtRtcGoldfish *self = device;

  return self->latched >> 32;
}

static void
time_high_write (gpointer device, guint index, guint64 value)
{
  VmtRtcGoldfish *self = device;

  self->time_high = value;
}

static guint64
alarm_low_read (gpointer device, guint index)
{
  VmtRtcGoldfish *self = device;

  return self->alarm & G_MAXUINT32;
}

static void
alarm_low_write (gpointer device, guint index, guint64 value)
{
  VmtRtcGoldfish *self = device;

  self->alarm = (guint64)self->alarm_high << 32 | value;
  self->alarm_running = TRUE;
  update_alarm (self);
}

static void
clear_alarm_write (gpointer device, guint index, guint64 value)
{
  VmtRtcGoldfish *self = device;

  self->alarm_running = FALSE;
  update_alarm (self);
}

static guint64
alarm_status_read (gpointer device, guint index)
{
  VmtRtcGoldfish *self = device;

  return self->alarm_running;
}

static void
irq_enabled_write (gpointer device, guint index, guint64 value)
{
  VmtRtcGoldfish *self = device;

  self->irq_enabled = value;
  update_irq (self);
}

static void
clear_interrupt_write (gpointer device, guint index, guint64 value)
{
  VmtRtcGoldfish *self = device;

  self->irq_pending = FALSE;
  update_irq (self);
}

#define FIELD(member) G_STRUCT_OFFSET (VmtRtcGoldfish, member)

static const VmtDeviceRegister registers[] = {
  { .name = "TIME_LOW",
    .offset = 0x00,
    .size = 4,
    .flags = VMT_REG_SIDE_EFFECT,
    .field = -1,
    .read = time_low_read,
    .write = time_low_write,
    .text = "lower half of the time; reading latches the upper one, writing sets the clock" },
  { .name = "TIME_HIGH",
    .offset = 0x04,
    .size = 4,
    .field = -1,
    .read = time_high_read,
    .write = time_high_write,
    .text = "upper half of the time; written first" },
  { .name = "ALARM_LOW",
    .offset = 0x08,
    .size = 4,
    .field = -1,
    .read = alarm_low_read,
    .write = alarm_low_write,
    .text = "lower half of the alarm's time; writing arms it" },
  { .name = "ALARM_HIGH",
    .offset = 0x0c,
    .size = 4,
    .field = FIELD (alarm_high),
    .text = "upper half of the alarm's time; written first" },
  { .name = "IRQ_ENABLED",
    .offset = 0x10,
    .size = 4,
    .field = FIELD (irq_enabled),
    .writable = 1,
    .write = irq_enabled_write,
    .text = "the alarm interrupts" },
  { .name = "CLEAR_ALARM",
    .offset = 0x14,
    .size = 4,
    .flags = VMT_REG_WO,
    .field = -1,
    .write = clear_alarm_write,
    .text = "writing disarms the alarm" },
  { .name = "ALARM_STATUS",
    .offset = 0x18,
    .size = 4,
    .flags = VMT_REG_RO,
    .field = -1,
    .read = alarm_status_read,
    .text = "1: the alarm is armed" },
  { .name = "CLEAR_INTERRUPT",
    .offset = 0x1c,
    .size = 4,
    .flags = VMT_REG_WO,
    .field = -1,
    .write = clear_interrupt_write,
    .text = "writing releases the interrupt" },
  VMT_REGISTERS_END,
};

static const VmtRegionSpec regions[] = {
  { .name = "registers", .size = 0x1000, .registers = registers },
  { .name = NULL },
};

static const VmtIrqSpec irqs[] = {
  { "irq", "the alarm's time has come" },
  { NULL, NULL },
};

static const VmtStateField state[] = {
  VMT_STATE (VmtRtcGoldfish, offset, U64),
  VMT_STATE (VmtRtcGoldfish, latched, U64),
  VMT_STATE (VmtRtcGoldfish, alarm, U64),
  VMT_STATE (VmtRtcGoldfish, time_high, U32),
  VMT_STATE (VmtRtcGoldfish, alarm_high, U32),
  VMT_STATE (VmtRtcGoldfish, irq_enabled, U32),
  VMT_STATE (VmtRtcGoldfish, alarm_running, BOOL),
  VMT_STATE (VmtRtcGoldfish, irq_pending, BOOL),
  VMT_STATE_END,
};

static gboolean
vmt_rtc_goldfish_realize (VmtDevice *device, GError **error)
{
  VmtRtcGoldfish *self = VMT_RTC_GOLDFISH (device);

  self->clock = vmt_machine_get_clock (vmt_device_get_machine (device));
  self->timer = vmt_timer_new (self->clock, timer_expired, self);
  return TRUE;
}

static void
vmt_rtc_goldfish_unrealize (VmtDevice *device)
{
  g_clear_pointer (&VMT_RTC_GOLDFISH (device)->timer, vmt_timer_free);
}

static void
vmt_rtc_goldfish_reset (VmtDevice *device)
{
  update_alarm (VMT_RTC_GOLDFISH (device));
}

static void
vmt_rtc_goldfish_describe (VmtDevice *device, VmtFirmwareNode *node)
{
  static const char *const compatible[] = { "google,goldfish-rtc", NULL };

  vmt_firmware_node_set_name (node, "rtc");
  vmt_firmware_node_set_compatible (node, compatible);
}

static void
vmt_rtc_goldfish_class_init (VmtRtcGoldfishClass *klass)
{
  VmtDeviceClass *device_class = VMT_DEVICE_CLASS (klass);

  device_class->text = "Goldfish real-time clock";
  device_class->regions = regions;
  device_class->irqs = irqs;
  device_class->state = state;
  device_class->state_version = 1;
  device_class->realize = vmt_rtc_goldfish_realize;
  device_class->unrealize = vmt_rtc_goldfish_unrealize;
  device_class->reset = vmt_rtc_goldfish_reset;
  device_class->describe = vmt_rtc_goldfish_describe;
}

static void
vmt_rtc_goldfish_init (VmtRtcGoldfish *self)
{
}

static const VmtFeature features[] = {
  { .kind = VMT_FEATURE_DEVICE, .name = "rtc-goldfish", .get_type = vmt_rtc_goldfish_get_type },
  { .name = NULL },
};

VMT_PLUGIN_DEFINE (rtc_goldfish, "rtc-goldfish", "Goldfish real-time clock", 0, features, NULL);
