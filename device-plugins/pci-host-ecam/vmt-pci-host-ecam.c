/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A PCI Express host with memory-mapped configuration space (ECAM) and nothing else of its own,
 * which kernels know as pci-host-ecam-generic. One bus; bus addresses are the machine's. */

#include "vmt.h"

#define N_SLOTS 32
#define N_PINS 4
#define ECAM_SIZE 0x10000000 /* 256 buses of 1 MiB */

/* Upper cell of an address in a ranges property. */
#define RANGE_IO 0x01000000
#define RANGE_MEMORY_32 0x02000000
#define RANGE_MEMORY_64 0x03000000

#define VMT_TYPE_PCI_HOST_ECAM (vmt_pci_host_ecam_get_type ())
G_DECLARE_FINAL_TYPE (VmtPciHostEcam, vmt_pci_host_ecam, VMT, PCI_HOST_ECAM, VmtDevice)

struct _VmtPciHostEcam
{
  VmtDevice parent_instance;

  guint64 io_base, io_size;
  guint64 mmio_base, mmio_size;     /* below 4 GiB */
  guint64 mmio64_base, mmio64_size; /* size 0: there is none */
  gboolean io_mapped;

  VmtPciDevice *slots[N_SLOTS];
  /* Devices share the four lines: each line is the OR of the slots' pins. After the devices' locks.
   */
  GMutex intx_lock;
  guint32 asserted[N_PINS]; /* a bit a slot */
};

static void vmt_pci_host_ecam_pci_host_init (VmtPciHostInterface *iface);

G_DEFINE_FINAL_TYPE_WITH_CODE (VmtPciHostEcam, vmt_pci_host_ecam, VMT_TYPE_DEVICE,
                               G_IMPLEMENT_INTERFACE (VMT_TYPE_PCI_HOST,
                                                      vmt_pci_host_ecam_pci_host_init))

enum
{
  PROP_IO_BASE = 1,
  PROP_IO_SIZE,
  PROP_MMIO_BASE,
  PROP_MMIO_SIZE,
  PROP_MMIO64_BASE,
  PROP_MMIO64_SIZE,
};

/* The function at a configuration address, all of which are on bus 0. */
static VmtPciDevice *
find_function (VmtPciHostEcam *self, guint64 offset)
{
  guint64 function = offset >> 12;

  return function < N_SLOTS << 3 && (function & 7) == 0 ? self->slots[function >> 3] : NULL;
}

static VmtMemStatus
ecam_read (gpointer opaque, guint64 offset, guint size, guint64 *value)
{
  VmtPciDevice *function = find_function (opaque, offset);

  /* Nobody answers: all ones, as on the bus. */
  *value = G_MAXUINT32;
  if (function != NULL)
    *value = vmt_pci_device_config_read (function, offset & 0xfff, size);
  return VMT_MEM_OK;
}

static VmtMemStatus
ecam_write (gpointer opaque, guint64 offset, guint size, guint64 value)
{
  VmtPciDevice *function = find_function (opaque, offset);

  if (function != NULL)
    vmt_pci_device_config_write (function, offset & 0xfff, size, value);
  return VMT_MEM_OK;
}

static const VmtMmioOps ecam_ops = {
  .read = ecam_read,
  .write = ecam_write,
  .min_size = 1,
  .max_size = 4,
};

/* No function here has I/O ports. */
static VmtMemStatus
io_read (gpointer opaque, guint64 offset, guint size, guint64 *value)
{
  *value = G_MAXUINT64;
  return VMT_MEM_OK;
}

static VmtMemStatus
io_write (gpointer opaque, guint64 offset, guint size, guint64 value)
{
  return VMT_MEM_OK;
}

static const VmtMmioOps io_ops = {
  .read = io_read,
  .write = io_write,
  .min_size = 1,
  .max_size = 8,
  .lockless = TRUE,
};

static const VmtRegionSpec regions[] = {
  { .name = "ecam", .size = ECAM_SIZE, .ops = &ecam_ops },
  { .name = NULL },
};

static const VmtIrqSpec irqs[] = {
  { "inta", "pin A of slots 0, 4, 8, ..., B of 3, 7, ..., and so on" },
  { "intb", "the next pin, or the same of the next slot" },
  { "intc", "likewise" },
  { "intd", "likewise" },
  { NULL, NULL },
};

static const VmtStateField state[] = {
  VMT_STATE_ARRAY (VmtPciHostEcam, asserted, U32, N_PINS),
  VMT_STATE_END,
};

/* The line that a slot's pin ends at: the usual rotation. */
static guint
swizzle (guint slot, guint pin)
{
  return (slot + pin) % N_PINS;
}

static void
vmt_pci_host_ecam_set_intx (VmtPciHost *host, VmtPciDevice *device, guint pin, gboolean level)
{
  VmtPciHostEcam *self = VMT_PCI_HOST_ECAM (host);
  guint slot = vmt_pci_device_get_slot (device), line = swizzle (slot, pin);

  if (slot >= N_SLOTS)
    return;
  g_mutex_lock (&self->intx_lock);
  if (level)
    self->asserted[line] |= 1u << slot;
  else
    self->asserted[line] &= ~(1u << slot);
  vmt_irq_set (vmt_device_get_irq (VMT_DEVICE (self), line), self->asserted[line] != 0);
  g_mutex_unlock (&self->intx_lock);
}

static gboolean
is_inside (guint64 address, guint64 size, guint64 window, guint64 window_size)
{
  return address >= window && size <= window_size && address - window <= window_size - size;
}

static guint64
vmt_pci_host_ecam_translate_bar (VmtPciHost *host, guint64 address, guint64 size)
{
  VmtPciHostEcam *self = VMT_PCI_HOST_ECAM (host);

  if (is_inside (address, size, self->mmio_base, self->mmio_size) ||
      is_inside (address, size, self->mmio64_base, self->mmio64_size))
    return address;
  return G_MAXUINT64;
}

static gboolean
vmt_pci_host_ecam_send_msi (VmtPciHost *host, guint64 address, guint32 data)
{
  return FALSE;
}

/* Interrupts end at wired lines: there is no controller that takes messages. */
static gboolean
vmt_pci_host_ecam_has_msi (VmtPciHost *host)
{
  return FALSE;
}

static void
vmt_pci_host_ecam_pci_host_init (VmtPciHostInterface *iface)
{
  iface->set_intx = vmt_pci_host_ecam_set_intx;
  iface->send_msi = vmt_pci_host_ecam_send_msi;
  iface->translate_bar = vmt_pci_host_ecam_translate_bar;
  iface->has_msi = vmt_pci_host_ecam_has_msi;
}

static gboolean
vmt_pci_host_ecam_plug (VmtDevice *device, VmtDevice *child, GError **error)
{
  VmtPciHostEcam *self = VMT_PCI_HOST_ECAM (device);
  const char *id = vmt_object_get_id (VMT_OBJECT (self));
  guint slot;

  if (!VMT_IS_PCI_DEVICE (child))
    {
      g_set_error (
          error, VMT_ERROR, VMT_ERROR_INVALID,
          "%s takes PCI functions, which a %s is not: put virtio devices into a virtio-pci "
          "device",
          id, G_OBJECT_TYPE_NAME (child));
      return FALSE;
    }
  slot = vmt_pci_device_get_slot (VMT_PCI_DEVICE (child));
  if (slot == VMT_PCI_SLOT_AUTO)
    {
      /* Slot 0 is where software expects the host itself. */
      for (slot = 1; slot < N_SLOTS && self->slots[slot] != NULL;)
        slot++;
      if (slot == N_SLOTS)
        {
          g_set_error (error, VMT_ERROR, VMT_ERROR_BUSY, "%s: all %d slots are taken", id, N_SLOTS);
          return FALSE;
        }
    }
  if (self->slots[slot] != NULL)
    {
      g_set_error (error, VMT_ERROR, VMT_ERROR_BUSY, "%s: slot %u is taken by \"%s\"", id, slot,
                   vmt_object_get_id (VMT_OBJECT (self->slots[slot])));
      return FALSE;
    }
  vmt_pci_device_set_slot (VMT_PCI_DEVICE (child), slot);
  self->slots[slot] = VMT_PCI_DEVICE (child);
  return TRUE;
}

static void
vmt_pci_host_ecam_child_removed (VmtObject *object, VmtObject *child)
{
  VmtPciHostEcam *self = VMT_PCI_HOST_ECAM (object);
  VmtObjectClass *parent_class = VMT_OBJECT_CLASS (vmt_pci_host_ecam_parent_class);

  for (guint slot = 0; slot < N_SLOTS; slot++)
    if (self->slots[slot] != NULL && VMT_OBJECT (self->slots[slot]) == child)
      self->slots[slot] = NULL;
  if (parent_class->child_removed != NULL)
    parent_class->child_removed (object, child);
}

static gboolean
vmt_pci_host_ecam_realize (VmtDevice *device, GError **error)
{
  VmtPciHostEcam *self = VMT_PCI_HOST_ECAM (device);

  if (self->io_size > 0 &&
      !vmt_address_space_add_mmio (vmt_device_get_address_space (device), self->io_base,
                                   self->io_size, &io_ops, self, NULL, VMT_OBJECT (self), error))
    return FALSE;
  self->io_mapped = self->io_size > 0;
  return TRUE;
}

static void
vmt_pci_host_ecam_unrealize (VmtDevice *device)
{
  VmtPciHostEcam *self = VMT_PCI_HOST_ECAM (device);

  if (self->io_mapped)
    vmt_address_space_remove (vmt_device_get_address_space (device), self->io_base);
  self->io_mapped = FALSE;
}

static void
vmt_pci_host_ecam_reset (VmtDevice *device)
{
  VmtPciHostEcam *self = VMT_PCI_HOST_ECAM (device);

  g_mutex_lock (&self->intx_lock);
  memset (self->asserted, 0, sizeof self->asserted);
  for (guint line = 0; line < N_PINS; line++)
    vmt_irq_set (vmt_device_get_irq (device, line), FALSE);
  g_mutex_unlock (&self->intx_lock);
}

static void
add_range (GArray *ranges, guint32 kind, guint64 bus, guint64 cpu, guint64 size)
{
  const guint32 cells[] = { kind,         bus >> 32,  (guint32)bus, cpu >> 32,
                            (guint32)cpu, size >> 32, (guint32)size };

  if (size > 0)
    g_array_append_vals (ranges, cells, G_N_ELEMENTS (cells));
}

/* Device number and pin, then who takes them: 16 rows cover every slot, as the rotation repeats
 * after four. Cells between two references go with the one before them. */
static void
describe_interrupts (VmtPciHostEcam *self, VmtFirmwareNode *node)
{
  static const guint32 mask[] = { (N_PINS - 1) << 11, 0, 0, 7 };
  VmtIrqController *before = NULL;
  guint32 cells[8];
  guint n = 0;
  gboolean any = FALSE;

  for (guint slot = 0; slot < N_PINS; slot++)
    for (guint pin = 0; pin < N_PINS; pin++)
      {
        guint line;
        VmtIrqController *target =
            vmt_device_get_irq_target (VMT_DEVICE (self), swizzle (slot, pin), &line);

        if (target == NULL)
          continue;
        cells[n++] = slot << 11;
        cells[n++] = 0;
        cells[n++] = 0;
        cells[n++] = pin + 1;
        vmt_firmware_node_add_reference (node, "interrupt-map",
                                         before != NULL ? VMT_OBJECT (before) : NULL, cells, n);
        n = vmt_irq_controller_describe_line (target, line, cells);
        before = target;
        any = TRUE;
      }
  if (!any)
    return;
  vmt_firmware_node_add_reference (node, "interrupt-map", VMT_OBJECT (before), cells, n);
  vmt_firmware_node_set_cells (node, "interrupt-map-mask", mask, G_N_ELEMENTS (mask));
}

static void
vmt_pci_host_ecam_describe (VmtDevice *device, VmtFirmwareNode *node)
{
  static const char *const compatible[] = { "pci-host-ecam-generic", NULL };
  static const guint32 buses[] = { 0, ECAM_SIZE / 0x100000 - 1 };
  VmtPciHostEcam *self = VMT_PCI_HOST_ECAM (device);
  g_autoptr (GArray) ranges = g_array_new (FALSE, FALSE, sizeof (guint32));

  vmt_firmware_node_set_name (node, "pci");
  vmt_firmware_node_set_compatible (node, compatible);
  vmt_firmware_node_set_string (node, "device_type", "pci");
  vmt_firmware_node_set_u32 (node, "#address-cells", 3);
  vmt_firmware_node_set_u32 (node, "#size-cells", 2);
  vmt_firmware_node_set_u32 (node, "#interrupt-cells", 1);
  vmt_firmware_node_set_u32 (node, "linux,pci-domain", 0);
  vmt_firmware_node_set_cells (node, "bus-range", buses, G_N_ELEMENTS (buses));
  vmt_firmware_node_set_flag (node, "dma-coherent");
  add_range (ranges, RANGE_IO, 0, self->io_base, self->io_size);
  add_range (ranges, RANGE_MEMORY_32, self->mmio_base, self->mmio_base, self->mmio_size);
  add_range (ranges, RANGE_MEMORY_64, self->mmio64_base, self->mmio64_base, self->mmio64_size);
  vmt_firmware_node_set_cells (node, "ranges", (const guint32 *)ranges->data, ranges->len);
  vmt_firmware_node_omit_interrupts (node);
  describe_interrupts (self, node);
}

static guint64 *
get_field (VmtPciHostEcam *self, guint id)
{
  switch (id)
    {
    case PROP_IO_BASE:
      return &self->io_base;
    case PROP_IO_SIZE:
      return &self->io_size;
    case PROP_MMIO_BASE:
      return &self->mmio_base;
    case PROP_MMIO_SIZE:
      return &self->mmio_size;
    case PROP_MMIO64_BASE:
      return &self->mmio64_base;
    case PROP_MMIO64_SIZE:
      return &self->mmio64_size;
    default:
      return NULL;
    }
}

static void
vmt_pci_host_ecam_get_property (GObject *object, guint id, GValue *value, GParamSpec *pspec)
{
  guint64 *field = get_field (VMT_PCI_HOST_ECAM (object), id);

  if (field != NULL)
    g_value_set_uint64 (value, *field);
  else
    G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
}

static void
vmt_pci_host_ecam_set_property (GObject *object, guint id, const GValue *value, GParamSpec *pspec)
{
  guint64 *field = get_field (VMT_PCI_HOST_ECAM (object), id);

  if (field != NULL)
    *field = g_value_get_uint64 (value);
  else
    G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
}

static void
vmt_pci_host_ecam_finalize (GObject *object)
{
  g_mutex_clear (&VMT_PCI_HOST_ECAM (object)->intx_lock);
  G_OBJECT_CLASS (vmt_pci_host_ecam_parent_class)->finalize (object);
}

static void
vmt_pci_host_ecam_class_init (VmtPciHostEcamClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);
  VmtDeviceClass *device_class = VMT_DEVICE_CLASS (klass);
  GParamFlags flags = G_PARAM_READWRITE | G_PARAM_CONSTRUCT | G_PARAM_STATIC_STRINGS;

  object_class->get_property = vmt_pci_host_ecam_get_property;
  object_class->set_property = vmt_pci_host_ecam_set_property;
  object_class->finalize = vmt_pci_host_ecam_finalize;
  VMT_OBJECT_CLASS (klass)->child_removed = vmt_pci_host_ecam_child_removed;
  device_class->text = "PCI Express host with memory-mapped configuration space";
  device_class->regions = regions;
  device_class->irqs = irqs;
  device_class->state = state;
  device_class->state_version = 1;
  device_class->plug = vmt_pci_host_ecam_plug;
  device_class->realize = vmt_pci_host_ecam_realize;
  device_class->unrealize = vmt_pci_host_ecam_unrealize;
  device_class->reset = vmt_pci_host_ecam_reset;
  device_class->describe = vmt_pci_host_ecam_describe;

  g_object_class_install_property (
      object_class, PROP_IO_BASE,
      vmt_param_spec_address ("io-base", "where I/O ports are reached", 0x3000000, flags));
  g_object_class_install_property (
      object_class, PROP_IO_SIZE,
      vmt_param_spec_size ("io-size", "of the I/O window; 0: none", 0, 0x10000, 0x10000, flags));
  g_object_class_install_property (
      object_class, PROP_MMIO_BASE,
      vmt_param_spec_address ("mmio-base", "window for BARs below 4 GiB", 0x40000000, flags));
  g_object_class_install_property (
      object_class, PROP_MMIO_SIZE,
      vmt_param_spec_size ("mmio-size", "of that window", 0x1000, G_MAXUINT32, 0x40000000, flags));
  g_object_class_install_property (object_class, PROP_MMIO64_BASE,
                                   vmt_param_spec_address ("mmio64-base", "window for 64-bit BARs",
                                                           G_GUINT64_CONSTANT (0x400000000),
                                                           flags));
  g_object_class_install_property (object_class, PROP_MMIO64_SIZE,
                                   vmt_param_spec_size ("mmio64-size", "of that window; 0: none", 0,
                                                        G_GUINT64_CONSTANT (1) << 48,
                                                        G_GUINT64_CONSTANT (0x400000000), flags));
}

static void
vmt_pci_host_ecam_init (VmtPciHostEcam *self)
{
  g_mutex_init (&self->intx_lock);
}

static const VmtFeature features[] = {
  { .kind = VMT_FEATURE_DEVICE, .name = "pci-host-ecam", .get_type = vmt_pci_host_ecam_get_type },
  { .name = NULL },
};

VMT_PLUGIN_DEFINE (pci_host_ecam, "pci-host-ecam", "generic PCI Express host", 0, features, NULL);
