/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "vmt-riscv-cpu.h"

#include <string.h>

struct _VmtRiscvCpu
{
  VmtCpu parent_instance;
  RiscvConfig config;
};

static void irq_controller_init (VmtIrqControllerInterface *iface);

G_DEFINE_FINAL_TYPE_WITH_CODE (VmtRiscvCpu, vmt_riscv_cpu, VMT_TYPE_CPU,
                               G_IMPLEMENT_INTERFACE (VMT_TYPE_IRQ_CONTROLLER, irq_controller_init))

typedef enum
{
  VMT_RISCV_MMU_SV39 = RISCV_SATP_SV39,
  VMT_RISCV_MMU_SV48 = RISCV_SATP_SV48,
  VMT_RISCV_MMU_SV57 = RISCV_SATP_SV57,
} VmtRiscvMmu;

#define VMT_TYPE_RISCV_MMU (vmt_riscv_mmu_get_type ())
static GType vmt_riscv_mmu_get_type (void);
G_DEFINE_ENUM_TYPE (VmtRiscvMmu, vmt_riscv_mmu, G_DEFINE_ENUM_VALUE (VMT_RISCV_MMU_SV39, "sv39"),
                    G_DEFINE_ENUM_VALUE (VMT_RISCV_MMU_SV48, "sv48"),
                    G_DEFINE_ENUM_VALUE (VMT_RISCV_MMU_SV57, "sv57"))

/* Properties that switch something on: a row's extension, or a member of RiscvConfig. */
static const struct
{
  const char *name;
  guint64 ext;
  gsize member;
  const char *text;
} switches[] = {
  { "m", RISCV_EXT_M, 0, "Multiplication and division" },
  { "a", RISCV_EXT_A, 0, "Atomic instructions" },
  { "f", RISCV_EXT_F, 0, "Single-precision floating point" },
  { "d", RISCV_EXT_D, 0, "Double-precision floating point; needs f" },
  { "c", RISCV_EXT_C, 0, "Compressed instructions" },
  { "zicbom", RISCV_EXT_ZICBOM, 0, "Cache-block management" },
  { "zicboz", RISCV_EXT_ZICBOZ, 0, "Cache-block zeroing" },
  { "zicond", RISCV_EXT_ZICOND, 0, "Conditional zero" },
  { "zawrs", RISCV_EXT_ZAWRS, 0, "Wait on reservation set" },
  { "zba", RISCV_EXT_ZBA, 0, "Address generation" },
  { "zbb", RISCV_EXT_ZBB, 0, "Basic bit manipulation" },
  { "zbs", RISCV_EXT_ZBS, 0, "Single-bit instructions" },
  { "svinval", RISCV_EXT_SVINVAL, 0, "Fine-grained translation invalidation" },
  { "sstc", 0, G_STRUCT_OFFSET (RiscvConfig, sstc), "Supervisor timer compare register" },
  { "svadu", 0, G_STRUCT_OFFSET (RiscvConfig, svadu),
    "Accessed and dirty bits are kept by hardware; off: by page faults (Svade)" },
  { "svnapot", 0, G_STRUCT_OFFSET (RiscvConfig, svnapot), "64 KiB pages" },
  { "svpbmt", 0, G_STRUCT_OFFSET (RiscvConfig, svpbmt), "Page-based memory types" },
};

enum
{
  PROP_0,
  PROP_MMU,
  PROP_CBOM_BLOCK_SIZE,
  PROP_CBOZ_BLOCK_SIZE,
  PROP_PMP_ENTRIES,
  PROP_TIMEBASE_FREQUENCY,
  PROP_ISA,
  PROP_SWITCHES,
  N_PROPS = PROP_SWITCHES + G_N_ELEMENTS (switches)
};

static void
vmt_riscv_cpu_get_property (GObject *object, guint id, GValue *value, GParamSpec *pspec)
{
  VmtRiscvCpu *self = VMT_RISCV_CPU (object);
  const RiscvConfig *config = &self->config;

  if (id >= PROP_SWITCHES)
    {
      const guint i = id - PROP_SWITCHES;
      g_value_set_boolean (value, switches[i].ext != 0
                                      ? (config->ext & switches[i].ext) != 0
                                      : G_STRUCT_MEMBER (gboolean, config, switches[i].member));
      return;
    }
  switch (id)
    {
    case PROP_MMU:
      g_value_set_enum (value, config->satp_mode);
      break;
    case PROP_CBOM_BLOCK_SIZE:
      g_value_set_uint (value, config->cbom_size);
      break;
    case PROP_CBOZ_BLOCK_SIZE:
      g_value_set_uint (value, config->cboz_size);
      break;
    case PROP_PMP_ENTRIES:
      g_value_set_uint (value, config->pmp_count);
      break;
    case PROP_TIMEBASE_FREQUENCY:
      g_value_set_uint (value, config->timebase);
      break;
    case PROP_ISA:
      g_value_take_string (value, riscv_config_dup_isa (config));
      break;
    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
    }
}

static void
vmt_riscv_cpu_set_property (GObject *object, guint id, const GValue *value, GParamSpec *pspec)
{
  VmtRiscvCpu *self = VMT_RISCV_CPU (object);
  RiscvConfig *config = &self->config;

  if (id >= PROP_SWITCHES)
    {
      const guint i = id - PROP_SWITCHES;
      const gboolean on = g_value_get_boolean (value);
      if (switches[i].ext == 0)
        G_STRUCT_MEMBER (gboolean, config, switches[i].member) = on;
      else if (on)
        config->ext |= switches[i].ext;
      else
        config->ext &= ~switches[i].ext;
      return;
    }
  switch (id)
    {
    case PROP_MMU:
      config->satp_mode = g_value_get_enum (value);
      break;
    case PROP_CBOM_BLOCK_SIZE:
      config->cbom_size = g_value_get_uint (value);
      break;
    case PROP_CBOZ_BLOCK_SIZE:
      config->cboz_size = g_value_get_uint (value);
      break;
    case PROP_PMP_ENTRIES:
      config->pmp_count = g_value_get_uint (value);
      break;
    case PROP_TIMEBASE_FREQUENCY:
      config->timebase = g_value_get_uint (value);
      break;
    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
    }
}

const RiscvConfig *
vmt_riscv_cpu_get_config (VmtRiscvCpu *self)
{
  return &self->config;
}

static gboolean
vmt_riscv_cpu_prepare (VmtDevice *device, GError **error)
{
  const RiscvConfig *config = &VMT_RISCV_CPU (device)->config;
  const char *id = vmt_object_get_id (VMT_OBJECT (device));
  const struct
  {
    const char *name;
    guint size;
  } blocks[] = { { "cbom-block-size", config->cbom_size },
                 { "cboz-block-size", config->cboz_size } };

  if ((config->ext & RISCV_EXT_D) != 0 && (config->ext & RISCV_EXT_F) == 0)
    {
      g_set_error (error, VMT_ERROR, VMT_ERROR_INVALID, "%s: d needs f: switch f on or d off", id);
      return FALSE;
    }
  for (guint i = 0; i < G_N_ELEMENTS (blocks); i++)
    if ((blocks[i].size & (blocks[i].size - 1)) != 0)
      {
        g_set_error (error, VMT_ERROR, VMT_ERROR_INVALID,
                     "%s: %s is %u, which is not a power of two", id, blocks[i].name,
                     blocks[i].size);
        return FALSE;
      }
  if (config->pmp_count != 0 && config->pmp_count != 16 && config->pmp_count != 64)
    {
      g_set_error (error, VMT_ERROR, VMT_ERROR_INVALID, "%s: pmp-entries is %u, not 0, 16 or 64",
                   id, config->pmp_count);
      return FALSE;
    }
  VmtDeviceClass *parent = VMT_DEVICE_CLASS (vmt_riscv_cpu_parent_class);
  return parent->prepare == NULL || parent->prepare (device, error);
}

static void
vmt_riscv_cpu_describe_cpu (VmtCpu *cpu, VmtFirmwareNode *node)
{
  static const char *const compatible[] = { "riscv", NULL };
  static const char *const intc_compatible[] = { "riscv,cpu-intc", NULL };
  static const char *const mmu_types[] = { "riscv,sv39", "riscv,sv48", "riscv,sv57" };
  const RiscvConfig *config = &VMT_RISCV_CPU (cpu)->config;
  g_autofree char *isa = riscv_config_dup_isa (config);
  g_auto (GStrv) extensions = riscv_config_dup_extensions (config);

  vmt_firmware_node_set_compatible (node, compatible);
  vmt_firmware_node_set_string (node, "riscv,isa", isa);
  vmt_firmware_node_set_string (node, "riscv,isa-base", "rv64i");
  vmt_firmware_node_set_strings (node, "riscv,isa-extensions", (const char *const *)extensions);
  vmt_firmware_node_set_string (node, "mmu-type", mmu_types[config->satp_mode - RISCV_SATP_SV39]);
  if ((config->ext & RISCV_EXT_ZICBOM) != 0)
    vmt_firmware_node_set_u32 (node, "riscv,cbom-block-size", config->cbom_size);
  if ((config->ext & RISCV_EXT_ZICBOZ) != 0)
    vmt_firmware_node_set_u32 (node, "riscv,cboz-block-size", config->cboz_size);

  /* The binding's place is /cpus, the tree's writer takes it there. */
  vmt_firmware_node_set_u32 (node, "timebase-frequency", (guint32)config->timebase);

  VmtFirmwareNode *intc = vmt_firmware_node_add_child (node, "interrupt-controller");
  vmt_firmware_node_set_compatible (intc, intc_compatible);
  vmt_firmware_node_set_u32 (intc, "#interrupt-cells", 1);
  vmt_firmware_node_set_u32 (intc, "#address-cells", 0);
  vmt_firmware_node_set_flag (intc, "interrupt-controller");
}

/* Interrupt inputs. */

static const struct
{
  const char *name;
  guint8 number;
} inputs[] = {
  { "s-soft", RISCV_IRQ_SSI },  { "m-soft", RISCV_IRQ_MSI }, { "s-timer", RISCV_IRQ_STI },
  { "m-timer", RISCV_IRQ_MTI }, { "s-ext", RISCV_IRQ_SEI },  { "m-ext", RISCV_IRQ_MEI },
};

static void
vmt_riscv_cpu_set_input (gpointer sink, guint line, gboolean level)
{
  VmtVcpu *vcpu = vmt_cpu_get_vcpu (VMT_CPU (sink));

  if (vcpu != NULL)
    riscv_set_line (riscv_state (vcpu), line, level);
}

static gboolean
vmt_riscv_cpu_get_input (VmtIrqController *controller, const char *line, VmtIrq *irq,
                         GError **error)
{
  g_autofree char *names = NULL;

  for (guint i = 0; i < G_N_ELEMENTS (inputs); i++)
    {
      char number[4];
      g_snprintf (number, sizeof number, "%u", inputs[i].number);
      if (strcmp (line, inputs[i].name) != 0 && strcmp (line, number) != 0)
        continue;
      irq->func = vmt_riscv_cpu_set_input;
      irq->sink = controller;
      irq->line = inputs[i].number;
      return TRUE;
    }
  const char *candidates[G_N_ELEMENTS (inputs) + 1] = { NULL };
  for (guint i = 0; i < G_N_ELEMENTS (inputs); i++)
    candidates[i] = inputs[i].name;
  const char *nearest = vmt_nearest_name (line, candidates);
  names = g_strjoinv (", ", (GStrv)candidates);
  g_set_error (
      error, VMT_ERROR, VMT_ERROR_NOT_FOUND, "%s has no interrupt input '%s'%s%s%s; it has %s",
      vmt_object_get_id (VMT_OBJECT (controller)), line, nearest != NULL ? ", did you mean '" : "",
      nearest != NULL ? nearest : "", nearest != NULL ? "'" : "", names);
  return FALSE;
}

static guint
vmt_riscv_cpu_describe_line (VmtIrqController *controller, guint line, guint32 cells[4])
{
  cells[0] = line;
  return 1;
}

static void
irq_controller_init (VmtIrqControllerInterface *iface)
{
  iface->get_input = vmt_riscv_cpu_get_input;
  iface->describe_line = vmt_riscv_cpu_describe_line;
}

static void
vmt_riscv_cpu_init (VmtRiscvCpu *self)
{
  riscv_config_init (&self->config);
}

static void
vmt_riscv_cpu_class_init (VmtRiscvCpuClass *klass)
{
  static const char *const arguments[] = { "x10", "x11", "x12", "x13", "x14", "x15", NULL };
  const GParamFlags flags = G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS;
  GObjectClass *object_class = G_OBJECT_CLASS (klass);
  VmtDeviceClass *device_class = VMT_DEVICE_CLASS (klass);
  VmtCpuClass *cpu_class = VMT_CPU_CLASS (klass);

  object_class->get_property = vmt_riscv_cpu_get_property;
  object_class->set_property = vmt_riscv_cpu_set_property;
  device_class->text = "A 64-bit RISC-V hart with machine, supervisor and user mode";
  device_class->prepare = vmt_riscv_cpu_prepare;
  cpu_class->arch = &riscv_arch_ops;
  cpu_class->arch_name = "riscv64";
  cpu_class->elf_machine = 243;
  cpu_class->pc_register = "pc";
  cpu_class->argument_registers = arguments;
  cpu_class->describe_cpu = vmt_riscv_cpu_describe_cpu;

  g_object_class_install_property (
      object_class, PROP_MMU,
      g_param_spec_enum ("mmu", NULL, "The largest address translation that satp accepts",
                         VMT_TYPE_RISCV_MMU, VMT_RISCV_MMU_SV57, flags));
  g_object_class_install_property (
      object_class, PROP_CBOM_BLOCK_SIZE,
      g_param_spec_uint ("cbom-block-size", NULL,
                         "Bytes of a block that cbo.inval, clean and flush work on", 8, 4096, 64,
                         flags));
  g_object_class_install_property (object_class, PROP_CBOZ_BLOCK_SIZE,
                                   g_param_spec_uint ("cboz-block-size", NULL,
                                                      "Bytes of a block that cbo.zero works on", 8,
                                                      4096, 64, flags));
  g_object_class_install_property (
      object_class, PROP_PMP_ENTRIES,
      g_param_spec_uint ("pmp-entries", NULL,
                         "Entries of the physical memory protection: 0, 16 or 64", 0, RISCV_PMP_MAX,
                         16, flags));
  g_object_class_install_property (object_class, PROP_TIMEBASE_FREQUENCY,
                                   g_param_spec_uint ("timebase-frequency", NULL,
                                                      "Frequency of the time register in hertz", 1,
                                                      1000000000, 10000000, flags));
  g_object_class_install_property (
      object_class, PROP_ISA,
      g_param_spec_string ("isa", NULL, "The resulting ISA string, in canonical order", NULL,
                           G_PARAM_READABLE | G_PARAM_STATIC_STRINGS));
  for (guint i = 0; i < G_N_ELEMENTS (switches); i++)
    g_object_class_install_property (
        object_class, PROP_SWITCHES + i,
        g_param_spec_boolean (switches[i].name, NULL, switches[i].text, TRUE, flags));
}
