/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The RISC-V advanced core local interruptor (ACLINT specification 1.0): MSWI, MTIMER and SSWI
 * devices in the map that is compatible with SiFive's CLINT. */

#include "vmt.h"

#define MAX_HARTS 64
/* What the map has room for; registers of harts that do not exist read as zero and ignore writes.
 */
#define MAP_HARTS 4095

#define OFFSET_MSIP 0x0
#define OFFSET_MTIMECMP 0x4000
#define OFFSET_MTIME 0xbff8
#define OFFSET_SETSSIP 0xc000
#define REGION_SIZE 0x10000

#define DEFAULT_FREQUENCY 10000000
#define NS_PER_SECOND G_GUINT64_CONSTANT (1000000000)

#define VMT_TYPE_INTC_ACLINT (vmt_intc_aclint_get_type ())
G_DECLARE_FINAL_TYPE (VmtIntcAclint, vmt_intc_aclint, VMT, INTC_ACLINT, VmtDevice)

typedef struct
{
  VmtIntcAclint *aclint;
  guint index;
  VmtTimer *timer;
  VmtIrq m_soft, m_timer, s_soft;
} AclintHart;

struct _VmtIntcAclint
{
  VmtDevice parent_instance;

  guint frequency; /* 0: as the harts say */
  guint64 ticks_per_second;
  VmtClock *clock;
  guint n_harts;
  AclintHart harts[MAX_HARTS];

  guint64 mtime_offset; /* MTIME less the machine's clock, ticks */
  guint64 mtimecmp[MAX_HARTS];
  guint8 msip[MAX_HARTS];
};

G_DEFINE_FINAL_TYPE (VmtIntcAclint, vmt_intc_aclint, VMT_TYPE_DEVICE)

enum
{
  PROP_FREQUENCY = 1,
};

static guint64
get_mtime (const VmtIntcAclint *self)
{
  unsigned __int128 ns = vmt_clock_get (self->clock);

  return (guint64)(ns * self->ticks_per_second / NS_PER_SECOND) + self->mtime_offset;
}

/* The interrupt is pending whenever MTIME >= MTIMECMP, as unsigned numbers. */
static void
update_timer (AclintHart *hart)
{
  VmtIntcAclint *self = hart->aclint;
  guint64 mtime = get_mtime (self), cmp = self->mtimecmp[hart->index];
  guint64 deadline = G_MAXUINT64;

  if (mtime < cmp)
    {
      unsigned __int128 ns = (unsigned __int128)(cmp - self->mtime_offset) * NS_PER_SECOND;

      /* An offset beyond the compare value means that the counter would have to wrap: far away
       * either way. */
      if (cmp >= self->mtime_offset)
        ns = (ns + self->ticks_per_second - 1) / self->ticks_per_second;
      else
        ns = (unsigned __int128)vmt_clock_get (self->clock) +
             ((unsigned __int128)(cmp - mtime) * NS_PER_SECOND + self->ticks_per_second - 1) /
                 self->ticks_per_second;
      deadline = ns < G_MAXUINT64 ? (guint64)ns : G_MAXUINT64;
    }
  vmt_timer_set (hart->timer, deadline);
  vmt_irq_set (&hart->m_timer, mtime >= cmp);
}

static void
timer_expired (gpointer data)
{
  AclintHart *hart = data;
  GMutex *lock = vmt_device_get_lock (VMT_DEVICE (hart->aclint));

  g_mutex_lock (lock);
  update_timer (hart);
  g_mutex_unlock (lock);
}

static guint64
msip_read (gpointer device, guint index)
{
  VmtIntcAclint *self = device;

  return index < self->n_harts ? self->msip[index] : 0;
}

static void
msip_write (gpointer device, guint index, guint64 value)
{
  VmtIntcAclint *self = device;

  if (index >= self->n_harts)
    return;
  self->msip[index] = value & 1;
  vmt_irq_set (&self->harts[index].m_soft, self->msip[index] != 0);
}

static guint64
mtimecmp_read (gpointer device, guint index)
{
  VmtIntcAclint *self = device;

  return index < self->n_harts ? self->mtimecmp[index] : 0;
}

static void
mtimecmp_write (gpointer device, guint index, guint64 value)
{
  VmtIntcAclint *self = device;

  if (index >= self->n_harts)
    return;
  self->mtimecmp[index] = value;
  update_timer (&self->harts[index]);
}

static guint64
mtime_read (gpointer device, guint index)
{
  return get_mtime (device);
}

static void
mtime_write (gpointer device, guint index, guint64 value)
{
  VmtIntcAclint *self = device;

  self->mtime_offset += value - get_mtime (self);
  for (guint i = 0; i < self->n_harts; i++)
    update_timer (&self->harts[i]);
}

/* The hart keeps SSIP, which its software clears: only an edge goes out, and the register reads as
 * zero. */
static void
setssip_write (gpointer device, guint index, guint64 value)
{
  VmtIntcAclint *self = device;

  if (index >= self->n_harts || (value & 1) == 0)
    return;
  vmt_irq_set (&self->harts[index].s_soft, TRUE);
  vmt_irq_set (&self->harts[index].s_soft, FALSE);
}

static const VmtDeviceRegister registers[] = {
  { .name = "MSIP",
    .offset = OFFSET_MSIP,
    .size = 4,
    .field = -1,
    .writable = 1,
    .stride = 4,
    .count = MAP_HARTS,
    .read = msip_read,
    .write = msip_write,
    .text = "machine-level software interrupt of a hart" },
  { .name = "MTIMECMP",
    .offset = OFFSET_MTIMECMP,
    .size = 8,
    .widths = 4 | 8,
    .field = -1,
    .stride = 8,
    .count = MAP_HARTS,
    .read = mtimecmp_read,
    .write = mtimecmp_write,
    .text = "a hart's timer interrupt is pending from this time on" },
  { .name = "MTIME",
    .offset = OFFSET_MTIME,
    .size = 8,
    .widths = 4 | 8,
    .field = -1,
    .read = mtime_read,
    .write = mtime_write,
    .text = "the time counter" },
  { .name = "SETSSIP",
    .offset = OFFSET_SETSSIP,
    .size = 4,
    .flags = VMT_REG_WO,
    .field = -1,
    .stride = 4,
    .count = MAP_HARTS,
    .write = setssip_write,
    .text = "writing 1 raises a hart's supervisor-level software interrupt" },
  VMT_REGISTERS_END,
};

static const VmtRegionSpec regions[] = {
  { .name = "registers", .size = REGION_SIZE, .registers = registers },
  { .name = NULL },
};

static const VmtStateField state[] = {
  VMT_STATE (VmtIntcAclint, mtime_offset, U64),
  VMT_STATE_ARRAY (VmtIntcAclint, mtimecmp, U64, MAX_HARTS),
  VMT_STATE_ARRAY (VmtIntcAclint, msip, U8, MAX_HARTS),
  VMT_STATE_END,
};

static gboolean
connect_hart (VmtIntcAclint *self, AclintHart *hart, VmtCpu *cpu, GError **error)
{
  VmtIrqController *inputs;

  if (!VMT_IS_IRQ_CONTROLLER (cpu))
    {
      g_set_error (error, VMT_ERROR, VMT_ERROR_UNSUPPORTED, "%s: %s has no interrupt inputs",
                   vmt_object_get_id (VMT_OBJECT (self)), vmt_object_get_id (VMT_OBJECT (cpu)));
      return FALSE;
    }
  inputs = VMT_IRQ_CONTROLLER (cpu);
  return vmt_irq_controller_get_input (inputs, "m-soft", &hart->m_soft, error) &&
         vmt_irq_controller_get_input (inputs, "m-timer", &hart->m_timer, error) &&
         vmt_irq_controller_get_input (inputs, "s-soft", &hart->s_soft, error);
}

/* The counter is the harts' time CSR: it must run as fast. */
static guint64
find_frequency (VmtIntcAclint *self, VmtMachine *machine)
{
  VmtCpu *cpu = vmt_machine_get_n_cpus (machine) > 0 ? vmt_machine_get_cpu (machine, 0) : NULL;
  GParamSpec *pspec = NULL;
  guint frequency = 0;

  if (self->frequency != 0)
    return self->frequency;
  if (cpu != NULL)
    pspec = g_object_class_find_property (G_OBJECT_GET_CLASS (cpu), "timebase-frequency");
  if (pspec != NULL && pspec->value_type == G_TYPE_UINT)
    g_object_get (cpu, "timebase-frequency", &frequency, NULL);
  return frequency != 0 ? frequency : DEFAULT_FREQUENCY;
}

static gboolean
vmt_intc_aclint_realize (VmtDevice *device, GError **error)
{
  VmtIntcAclint *self = VMT_INTC_ACLINT (device);
  VmtMachine *machine = vmt_device_get_machine (device);
  guint n_cpus = vmt_machine_get_n_cpus (machine);

  if (n_cpus > MAX_HARTS)
    {
      g_set_error (error, VMT_ERROR, VMT_ERROR_INVALID,
                   "%s: this device serves at most %d harts, the machine has %u",
                   vmt_object_get_id (VMT_OBJECT (self)), MAX_HARTS, n_cpus);
      return FALSE;
    }
  self->clock = vmt_machine_get_clock (machine);
  self->ticks_per_second = find_frequency (self, machine);
  for (guint i = 0; i < n_cpus; i++)
    {
      AclintHart *hart = &self->harts[i];

      hart->aclint = self;
      hart->index = i;
      if (!connect_hart (self, hart, vmt_machine_get_cpu (machine, i), error))
        return FALSE;
      hart->timer = vmt_timer_new (self->clock, timer_expired, hart);
      self->n_harts = i + 1;
    }
  return TRUE;
}

static void
vmt_intc_aclint_unrealize (VmtDevice *device)
{
  VmtIntcAclint *self = VMT_INTC_ACLINT (device);

  for (guint i = 0; i < self->n_harts; i++)
    g_clear_pointer (&self->harts[i].timer, vmt_timer_free);
  self->n_harts = 0;
}

static void
vmt_intc_aclint_reset (VmtDevice *device)
{
  VmtIntcAclint *self = VMT_INTC_ACLINT (device);

  /* The counter is the harts' time CSR as well and goes on. Nothing is due before software asks for
   * it. */
  for (guint i = 0; i < self->n_harts; i++)
    {
      self->msip[i] = 0;
      self->mtimecmp[i] = G_MAXUINT64;
      vmt_irq_set (&self->harts[i].m_soft, FALSE);
      update_timer (&self->harts[i]);
    }
}

/* SSWI has no node: it lies inside the range that CLINT drivers claim. */
static void
vmt_intc_aclint_describe (VmtDevice *device, VmtFirmwareNode *node)
{
  static const char *const compatible[] = { "sifive,clint0", "riscv,clint0", NULL };
  VmtIntcAclint *self = VMT_INTC_ACLINT (device);
  VmtMachine *machine = vmt_device_get_machine (device);

  vmt_firmware_node_set_name (node, "clint");
  vmt_firmware_node_set_compatible (node, compatible);
  for (guint i = 0; i < self->n_harts; i++)
    {
      VmtIrqController *cpu = VMT_IRQ_CONTROLLER (vmt_machine_get_cpu (machine, i));
      const guint lines[] = { self->harts[i].m_soft.line, self->harts[i].m_timer.line };

      for (guint j = 0; j < G_N_ELEMENTS (lines); j++)
        {
          guint32 cells[4];
          guint n_cells = vmt_irq_controller_describe_line (cpu, lines[j], cells);

          vmt_firmware_node_add_reference (node, "interrupts-extended", VMT_OBJECT (cpu), cells,
                                           n_cells);
        }
    }
}

static void
vmt_intc_aclint_get_property (GObject *object, guint id, GValue *value, GParamSpec *pspec)
{
  switch (id)
    {
    case PROP_FREQUENCY:
      g_value_set_uint (value, VMT_INTC_ACLINT (object)->frequency);
      break;
    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
    }
}

static void
vmt_intc_aclint_set_property (GObject *object, guint id, const GValue *value, GParamSpec *pspec)
{
  switch (id)
    {
    case PROP_FREQUENCY:
      VMT_INTC_ACLINT (object)->frequency = g_value_get_uint (value);
      break;
    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
    }
}

static void
vmt_intc_aclint_class_init (VmtIntcAclintClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);
  VmtDeviceClass *device_class = VMT_DEVICE_CLASS (klass);

  object_class->get_property = vmt_intc_aclint_get_property;
  object_class->set_property = vmt_intc_aclint_set_property;
  device_class->text = "RISC-V timer and software interrupts";
  device_class->regions = regions;
  device_class->state = state;
  device_class->state_version = 1;
  device_class->realize = vmt_intc_aclint_realize;
  device_class->unrealize = vmt_intc_aclint_unrealize;
  device_class->reset = vmt_intc_aclint_reset;
  device_class->describe = vmt_intc_aclint_describe;

  g_object_class_install_property (
      object_class, PROP_FREQUENCY,
      g_param_spec_uint (
          "frequency", NULL, "of the time counter in hertz; 0: the harts' timebase-frequency", 0,
          G_MAXUINT, 0, G_PARAM_READWRITE | G_PARAM_CONSTRUCT | G_PARAM_STATIC_STRINGS));
}

static void
vmt_intc_aclint_init (VmtIntcAclint *self)
{
}

static const VmtFeature features[] = {
  { .kind = VMT_FEATURE_DEVICE, .name = "intc-aclint", .get_type = vmt_intc_aclint_get_type },
  { .name = NULL },
};

VMT_PLUGIN_DEFINE (intc_aclint, "intc-aclint", "RISC-V ACLINT", 0, features, NULL);
