/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The RISC-V platform-level interrupt controller (PLIC specification 1.0.0) as SiFive lays it out:
 * two contexts a hart, machine mode and then supervisor mode. */

#include "vmt.h"

#define MAX_SOURCES 1024 /* 0 does not exist */
#define WORDS (MAX_SOURCES / 32)
#define MAX_CONTEXTS 128
#define MAX_PRIORITY 7

#define REGION_SIZE 0x600000

#define VMT_TYPE_IRQ_PLIC (vmt_irq_plic_get_type ())
G_DECLARE_FINAL_TYPE (VmtIrqPlic, vmt_irq_plic, VMT, IRQ_PLIC, VmtDevice)

struct _VmtIrqPlic
{
  VmtDevice parent_instance;

  guint ndev;
  guint n_words; /* of the bit maps, as ndev needs */
  guint n_contexts;
  VmtIrq outputs[MAX_CONTEXTS];

  guint32 priority[MAX_SOURCES];
  guint32 pending[WORDS];
  guint32 claimed[WORDS];
  guint32 level[WORDS]; /* the input lines: not the controller's to reset */
  guint32 enable[MAX_CONTEXTS * WORDS];
  guint32 threshold[MAX_CONTEXTS];
};

static void vmt_irq_plic_irq_controller_init (VmtIrqControllerInterface *iface);

G_DEFINE_FINAL_TYPE_WITH_CODE (VmtIrqPlic, vmt_irq_plic, VMT_TYPE_DEVICE,
                               G_IMPLEMENT_INTERFACE (VMT_TYPE_IRQ_CONTROLLER,
                                                      vmt_irq_plic_irq_controller_init))

enum
{
  PROP_NDEV = 1,
};

/* The pending and enabled source with the highest priority above @threshold; the lowest number
 * among equals; 0: none. */
static guint
best_source (const VmtIrqPlic *self, guint context, guint32 threshold)
{
  const guint32 *enable = &self->enable[context * WORDS];
  guint best = 0;

  for (guint word = 0; word < self->n_words; word++)
    for (guint32 bits = self->pending[word] & enable[word]; bits != 0; bits &= bits - 1)
      {
        guint source = word * 32 + __builtin_ctz (bits);

        if (self->priority[source] > threshold)
          {
            threshold = self->priority[source];
            best = source;
          }
      }
  return best;
}

static void
update_context (VmtIrqPlic *self, guint context)
{
  vmt_irq_set (&self->outputs[context], best_source (self, context, self->threshold[context]) != 0);
}

static void
update (VmtIrqPlic *self)
{
  for (guint context = 0; context < self->n_contexts; context++)
    update_context (self, context);
}

/* A gateway forwards one request and then no other until it has been completed. */
static gboolean
gateway (VmtIrqPlic *self, guint source)
{
  guint32 bit = 1u << (source % 32);
  guint word = source / 32;

  if ((self->level[word] & ~self->claimed[word] & ~self->pending[word] & bit) == 0)
    return FALSE;
  self->pending[word] |= bit;
  return TRUE;
}

static void
set_input (gpointer sink, guint line, gboolean level)
{
  VmtIrqPlic *self = sink;
  GMutex *lock = vmt_device_get_lock (VMT_DEVICE (self));
  guint32 bit = 1u << (line % 32);

  g_mutex_lock (lock);
  if (level)
    {
      self->level[line / 32] |= bit;
      if (gateway (self, line))
        for (guint context = 0; context < self->n_contexts; context++)
          if ((self->enable[context * WORDS + line / 32] & bit) != 0)
            update_context (self, context);
    }
  else
    /* A request that was forwarded stays pending. */
    self->level[line / 32] &= ~bit;
  g_mutex_unlock (lock);
}

static void
priority_write (gpointer device, guint index, guint64 value)
{
  VmtIrqPlic *self = device;

  if (index == 0 || index > self->ndev)
    return;
  self->priority[index] = value;
  update (self);
}

static void
enable_write (gpointer device, guint index, guint64 value)
{
  VmtIrqPlic *self = device;
  guint context = index / WORDS, word = index % WORDS;

  if (context >= self->n_contexts || word >= self->n_words)
    return;
  if (word == 0)
    value &= ~G_GUINT64_CONSTANT (1);
  if (word == self->ndev / 32)
    value &= (G_GUINT64_CONSTANT (2) << (self->ndev % 32)) - 1;
  self->enable[index] = value;
  update_context (self, context);
}

static void
threshold_write (gpointer device, guint index, guint64 value)
{
  VmtIrqPlic *self = device;

  if (index >= self->n_contexts)
    return;
  self->threshold[index] = value;
  update_context (self, index);
}

/* The threshold does not matter to a claim. */
static guint64
claim_read (gpointer device, guint index)
{
  VmtIrqPlic *self = device;
  guint source;

  if (index >= self->n_contexts)
    return 0;
  source = best_source (self, index, 0);
  if (source != 0)
    {
      self->pending[source / 32] &= ~(1u << (source % 32));
      self->claimed[source / 32] |= 1u << (source % 32);
      update (self);
    }
  return source;
}

static void
complete_write (gpointer device, guint index, guint64 value)
{
  VmtIrqPlic *self = device;
  guint32 bit = 1u << (value % 32);

  /* Sources that are not enabled for the context are silently ignored, as the specification says.
   */
  if (index >= self->n_contexts || value == 0 || value > self->ndev ||
      (self->enable[index * WORDS + value / 32] & bit) == 0 ||
      (self->claimed[value / 32] & bit) == 0)
    return;
  self->claimed[value / 32] &= ~bit;
  if (gateway (self, value))
    update (self);
}

#define FIELD(member) G_STRUCT_OFFSET (VmtIrqPlic, member)

static const VmtDeviceRegister registers[] = {
  { .name = "PRIORITY",
    .offset = 0,
    .size = 4,
    .field = FIELD (priority),
    .writable = MAX_PRIORITY,
    .stride = 4,
    .count = MAX_SOURCES,
    .write = priority_write,
    .text = "priority of a source; 0 never interrupts" },
  { .name = "PENDING",
    .offset = 0x1000,
    .size = 4,
    .flags = VMT_REG_RO,
    .field = FIELD (pending),
    .stride = 4,
    .count = WORDS,
    .text = "requests that nobody has claimed" },
  { .name = "ENABLE",
    .offset = 0x2000,
    .size = 4,
    .field = FIELD (enable),
    .stride = 4,
    .count = MAX_CONTEXTS * WORDS,
    .write = enable_write,
    .text = "sources enabled for a context, 32 words each" },
  { .name = "THRESHOLD",
    .offset = 0x200000,
    .size = 4,
    .field = FIELD (threshold),
    .writable = MAX_PRIORITY,
    .stride = 0x1000,
    .count = MAX_CONTEXTS,
    .write = threshold_write,
    .text = "priorities up to this one do not interrupt the context" },
  { .name = "CLAIM",
    .offset = 0x200004,
    .size = 4,
    .flags = VMT_REG_SIDE_EFFECT,
    .field = -1,
    .stride = 0x1000,
    .count = MAX_CONTEXTS,
    .read = claim_read,
    .write = complete_write,
    .text = "claim (read) and completion (write)" },
  VMT_REGISTERS_END,
};

static const VmtRegionSpec regions[] = {
  { .name = "registers", .size = REGION_SIZE, .registers = registers },
  { .name = NULL },
};

static const VmtStateField state[] = {
  VMT_STATE_ARRAY (VmtIrqPlic, priority, U32, MAX_SOURCES),
  VMT_STATE_ARRAY (VmtIrqPlic, pending, U32, WORDS),
  VMT_STATE_ARRAY (VmtIrqPlic, claimed, U32, WORDS),
  VMT_STATE_ARRAY (VmtIrqPlic, level, U32, WORDS),
  VMT_STATE_ARRAY (VmtIrqPlic, enable, U32, MAX_CONTEXTS *WORDS),
  VMT_STATE_ARRAY (VmtIrqPlic, threshold, U32, MAX_CONTEXTS),
  VMT_STATE_END,
};

/* The context's input at its hart. */
static const char *
context_input (guint context)
{
  return context % 2 == 0 ? "m-ext" : "s-ext";
}

static gboolean
vmt_irq_plic_get_input (VmtIrqController *controller, const char *line, VmtIrq *irq, GError **error)
{
  VmtIrqPlic *self = VMT_IRQ_PLIC (controller);
  guint64 number;

  if (!g_ascii_string_to_unsigned (line, 10, 1, self->ndev, &number, NULL))
    {
      g_set_error (error, VMT_ERROR, VMT_ERROR_INVALID,
                   "interrupt line \"%s\" of %s does not exist: its lines are 1 to %u", line,
                   vmt_object_get_id (VMT_OBJECT (self)), self->ndev);
      return FALSE;
    }
  irq->func = set_input;
  irq->sink = self;
  irq->line = number;
  return TRUE;
}

static guint
vmt_irq_plic_describe_line (VmtIrqController *controller, guint line, guint32 cells[4])
{
  cells[0] = line;
  return 1;
}

static void
vmt_irq_plic_irq_controller_init (VmtIrqControllerInterface *iface)
{
  iface->get_input = vmt_irq_plic_get_input;
  iface->describe_line = vmt_irq_plic_describe_line;
}

static gboolean
vmt_irq_plic_realize (VmtDevice *device, GError **error)
{
  VmtIrqPlic *self = VMT_IRQ_PLIC (device);
  VmtMachine *machine = vmt_device_get_machine (device);
  guint n_cpus = vmt_machine_get_n_cpus (machine);

  if (n_cpus > MAX_CONTEXTS / 2)
    {
      g_set_error (error, VMT_ERROR, VMT_ERROR_INVALID,
                   "%s: this controller serves at most %d harts, the machine has %u",
                   vmt_object_get_id (VMT_OBJECT (self)), MAX_CONTEXTS / 2, n_cpus);
      return FALSE;
    }
  self->n_words = self->ndev / 32 + 1;
  for (guint context = 0; context < 2 * n_cpus; context++)
    {
      VmtCpu *cpu = vmt_machine_get_cpu (machine, context / 2);

      if (!VMT_IS_IRQ_CONTROLLER (cpu))
        {
          g_set_error (error, VMT_ERROR, VMT_ERROR_UNSUPPORTED, "%s: %s has no interrupt inputs",
                       vmt_object_get_id (VMT_OBJECT (self)), vmt_object_get_id (VMT_OBJECT (cpu)));
          return FALSE;
        }
      if (!vmt_irq_controller_get_input (VMT_IRQ_CONTROLLER (cpu), context_input (context),
                                         &self->outputs[context], error))
        return FALSE;
    }
  self->n_contexts = 2 * n_cpus;
  return TRUE;
}

static void
vmt_irq_plic_reset (VmtDevice *device)
{
  VmtIrqPlic *self = VMT_IRQ_PLIC (device);

  /* Lines that are still up are seen when their devices, reset as well, set them again: what is
   * left of the time before the reset shall not be pending after it. */
  memset (self->pending, 0, sizeof self->pending);
  memset (self->claimed, 0, sizeof self->claimed);
  update (self);
}

static void
vmt_irq_plic_describe (VmtDevice *device, VmtFirmwareNode *node)
{
  static const char *const compatible[] = { "sifive,plic-1.0.0", "riscv,plic0", NULL };
  VmtIrqPlic *self = VMT_IRQ_PLIC (device);
  VmtMachine *machine = vmt_device_get_machine (device);

  vmt_firmware_node_set_name (node, "interrupt-controller");
  vmt_firmware_node_set_compatible (node, compatible);
  vmt_firmware_node_set_flag (node, "interrupt-controller");
  vmt_firmware_node_set_u32 (node, "#interrupt-cells", 1);
  vmt_firmware_node_set_u32 (node, "#address-cells", 0);
  vmt_firmware_node_set_u32 (node, "riscv,ndev", self->ndev);
  for (guint context = 0; context < self->n_contexts; context++)
    {
      VmtCpu *cpu = vmt_machine_get_cpu (machine, context / 2);
      guint32 cells[4];
      guint n_cells = vmt_irq_controller_describe_line (VMT_IRQ_CONTROLLER (cpu),
                                                        self->outputs[context].line, cells);

      vmt_firmware_node_add_reference (node, "interrupts-extended", VMT_OBJECT (cpu), cells,
                                       n_cells);
    }
}

static void
vmt_irq_plic_get_property (GObject *object, guint id, GValue *value, GParamSpec *pspec)
{
  switch (id)
    {
    case PROP_NDEV:
      g_value_set_uint (value, VMT_IRQ_PLIC (object)->ndev);
      break;
    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
    }
}

static void
vmt_irq_plic_set_property (GObject *object, guint id, const GValue *value, GParamSpec *pspec)
{
  switch (id)
    {
    case PROP_NDEV:
      VMT_IRQ_PLIC (object)->ndev = g_value_get_uint (value);
      break;
    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
    }
}

static void
vmt_irq_plic_class_init (VmtIrqPlicClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);
  VmtDeviceClass *device_class = VMT_DEVICE_CLASS (klass);

  object_class->get_property = vmt_irq_plic_get_property;
  object_class->set_property = vmt_irq_plic_set_property;
  device_class->text = "RISC-V platform-level interrupt controller";
  device_class->regions = regions;
  device_class->state = state;
  device_class->state_version = 1;
  device_class->realize = vmt_irq_plic_realize;
  device_class->reset = vmt_irq_plic_reset;
  device_class->describe = vmt_irq_plic_describe;

  g_object_class_install_property (
      object_class, PROP_NDEV,
      g_param_spec_uint ("ndev", NULL, "highest interrupt line", 1, MAX_SOURCES - 1, 95,
                         G_PARAM_READWRITE | G_PARAM_CONSTRUCT | G_PARAM_STATIC_STRINGS));
}

static void
vmt_irq_plic_init (VmtIrqPlic *self)
{
}

static const VmtFeature features[] = {
  { .kind = VMT_FEATURE_DEVICE, .name = "irq-plic", .get_type = vmt_irq_plic_get_type },
  { .name = NULL },
};

VMT_PLUGIN_DEFINE (irq_plic, "irq-plic", "RISC-V PLIC", 0, features, NULL);
