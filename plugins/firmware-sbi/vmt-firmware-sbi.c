/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "vmt-firmware-sbi.h"

#define MIB ((guint64)1 << 20)
#define KERNEL_OFFSET (2 * MIB)

/* Not registered: 1 is OpenSBI, and what knows OpenSBI might expect its quirks. */
#define IMPLEMENTATION_ID 0x766d74 /* "vmt" */

enum
{
  PROP_0,
  PROP_CONSOLE,
  N_PROPS
};

static GParamSpec *properties[N_PROPS];

G_DEFINE_FINAL_TYPE (VmtFirmwareSbi, vmt_firmware_sbi, VMT_TYPE_FIRMWARE)

SbiHart *
sbi_find_hart (VmtFirmwareSbi *self, guint64 id)
{
  /* Nearly always their order. */
  if (id < self->n_harts && self->harts[id].id == id)
    return &self->harts[id];
  for (guint i = 0; i < self->n_harts; i++)
    if (self->harts[i].id == id)
      return &self->harts[i];
  return NULL;
}

static void
clear_harts (VmtFirmwareSbi *self)
{
  for (guint i = 0; i < self->n_harts; i++)
    sbi_hart_clear (&self->harts[i]);
  g_clear_pointer (&self->harts, g_free);
  self->n_harts = 0;
}

static gboolean
vmt_firmware_sbi_prepare (VmtFirmware *firmware, VmtMachine *machine, GError **error)
{
  VmtFirmwareSbi *self = VMT_FIRMWARE_SBI (firmware);
  const char *kernel = vmt_firmware_get_kernel (firmware);
  guint n = vmt_machine_get_n_cpus (machine);

  if (kernel == NULL || *kernel == '\0')
    {
      g_set_error_literal (error, VMT_ERROR, VMT_ERROR_INVALID,
                           "there is no kernel: give one with --kernel FILE");
      return FALSE;
    }
  clear_harts (self);
  self->machine = machine;
  self->harts = g_new0 (SbiHart, n);
  for (guint i = 0; i < n; i++)
    {
      self->n_harts++;
      if (!sbi_hart_prepare (self, &self->harts[i], vmt_machine_get_cpu (machine, i), error))
        {
          clear_harts (self);
          return FALSE;
        }
    }
  sbi_console_prepare (self);
  return TRUE;
}

static gboolean
vmt_firmware_sbi_boot (VmtFirmware *firmware, VmtMachine *machine, GError **error)
{
  VmtFirmwareSbi *self = VMT_FIRMWARE_SBI (firmware);
  VmtBootFiles files;
  guint64 base, size;

  if (!vmt_boot_get_memory (machine, &base, &size, error) ||
      !vmt_boot_load (firmware, machine, base + KERNEL_OFFSET, 0, &files, error))
    return FALSE;
  /* Kernels stay clear of the start of memory, which is the firmware's; a program that is linked to
   * it is to be the firmware, and starts on all harts in M-mode. So does one that talks to its host
   * by HTIF, which no kernel does. */
  self->bare = files.kernel.low < base + KERNEL_OFFSET || files.kernel.symbol_tohost != 0;
  for (guint i = 0; i < self->n_harts; i++)
    {
      SbiHart *hart = &self->harts[i];
      const guint64 arguments[] = { hart->id, files.device_tree };

      __atomic_store_n (&hart->suspended, 0, __ATOMIC_RELAXED);
      if (hart->timer != NULL)
        vmt_timer_set (hart->timer, G_MAXUINT64);
      if (self->bare)
        vmt_boot_start_cpu (hart->cpu, files.kernel.entry, arguments, 2, NULL, NULL);
      else if (i == 0)
        sbi_hart_start (hart, files.kernel.entry, files.device_tree);
    }
  return TRUE;
}

static SbiError
call_base (VmtFirmwareSbi *self, SbiHart *hart, SbiCall *call)
{
  static const guint32 known[] = { SBI_EXT_BASE, SBI_EXT_TIME, SBI_EXT_IPI, SBI_EXT_RFENCE,
                                   SBI_EXT_HSM,  SBI_EXT_SRST, SBI_EXT_DBCN };

  switch (call->fid)
    {
    case 0:
      call->value = SBI_SPEC_VERSION;
      return SBI_SUCCESS;
    case 1:
      call->value = IMPLEMENTATION_ID;
      return SBI_SUCCESS;
    case 2:
      call->value = VMT_ABI_MAJOR << 16 | VMT_ABI_MINOR;
      return SBI_SUCCESS;
    case 3:
      for (gsize i = 0; i < G_N_ELEMENTS (known); i++)
        if (call->arg[0] == known[i])
          call->value = known[i] == SBI_EXT_DBCN ? self->stream != NULL : 1;
      return SBI_SUCCESS;
    case 4:
      call->value = sbi_get (hart->cpu, "mvendorid");
      return SBI_SUCCESS;
    case 5:
      call->value = sbi_get (hart->cpu, "marchid");
      return SBI_SUCCESS;
    case 6:
      call->value = sbi_get (hart->cpu, "mimpid");
      return SBI_SUCCESS;
    default:
      return SBI_ERR_NOT_SUPPORTED;
    }
}

static SbiError
call_srst (VmtFirmwareSbi *self, SbiHart *hart, SbiCall *call)
{
  guint32 type = call->arg[0], reason = call->arg[1];
  gboolean vendor = type >= 0xf0000000 || reason >= 0xe0000000;

  if (call->fid != 0)
    return SBI_ERR_NOT_SUPPORTED;
  if (vendor)
    return SBI_ERR_NOT_SUPPORTED;
  if (type > 2 || reason > 1)
    return SBI_ERR_INVALID_PARAM;
  if (type != 0)
    vmt_machine_request_reset (self->machine, "SBI system reset");
  else if (reason == 1)
    vmt_machine_report_panic (self->machine, "SBI shutdown after a system failure");
  else
    vmt_machine_request_power_off (self->machine, "SBI shutdown", 0);
  /* The machine's thread does it in a moment; until then this hart shall not run on. */
  vmt_cpu_stop (hart->cpu);
  call->no_return = TRUE;
  return SBI_SUCCESS;
}

static gboolean
vmt_firmware_sbi_call (VmtFirmware *firmware, VmtCpu *cpu)
{
  static const char *const names[] = { "x10", "x11", "x12", "x13", "x14", "x15" };
  VmtFirmwareSbi *self = VMT_FIRMWARE_SBI (firmware);
  guint index = vmt_cpu_get_index (cpu);
  SbiCall call = { 0 };
  SbiError error = SBI_ERR_NOT_SUPPORTED;
  SbiHart *hart;
  guint64 extension;

  if (self->bare || index >= self->n_harts)
    return FALSE;
  hart = &self->harts[index];
  for (gsize i = 0; i < G_N_ELEMENTS (names); i++)
    call.arg[i] = sbi_get (cpu, names[i]);
  call.fid = sbi_get (cpu, "x16");
  extension = sbi_get (cpu, "x17");
  __atomic_store_n (&hart->suspended, 0, __ATOMIC_RELAXED);

  switch (extension)
    {
    case SBI_EXT_BASE:
      error = call_base (self, hart, &call);
      break;
    case SBI_EXT_TIME:
      error = sbi_call_time (self, hart, &call);
      break;
    case SBI_EXT_IPI:
      error = sbi_call_ipi (self, hart, &call);
      break;
    case SBI_EXT_RFENCE:
      error = sbi_call_rfence (self, hart, &call);
      break;
    case SBI_EXT_HSM:
      error = sbi_call_hsm (self, hart, &call);
      break;
    case SBI_EXT_SRST:
      error = call_srst (self, hart, &call);
      break;
    case SBI_EXT_DBCN:
      error = sbi_call_dbcn (self, hart, &call);
      break;
    default:
      break;
    }
  if (!call.no_return)
    {
      vmt_cpu_set_register (cpu, "x10", (guint64)(gint64)error);
      vmt_cpu_set_register (cpu, "x11", call.value);
    }
  return TRUE;
}

static void
vmt_firmware_sbi_get_property (GObject *object, guint id, GValue *value, GParamSpec *pspec)
{
  switch (id)
    {
    case PROP_CONSOLE:
      g_value_set_object (value, VMT_FIRMWARE_SBI (object)->console);
      break;
    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
    }
}

static void
vmt_firmware_sbi_set_property (GObject *object, guint id, const GValue *value, GParamSpec *pspec)
{
  VmtFirmwareSbi *self = VMT_FIRMWARE_SBI (object);

  switch (id)
    {
    case PROP_CONSOLE:
      g_set_object (&self->console, g_value_get_object (value));
      break;
    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
    }
}

static void
vmt_firmware_sbi_dispose (GObject *object)
{
  VmtFirmwareSbi *self = VMT_FIRMWARE_SBI (object);

  clear_harts (self);
  g_clear_object (&self->stream);
  g_clear_object (&self->console);
  G_OBJECT_CLASS (vmt_firmware_sbi_parent_class)->dispose (object);
}

static void
vmt_firmware_sbi_class_init (VmtFirmwareSbiClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);

  object_class->get_property = vmt_firmware_sbi_get_property;
  object_class->set_property = vmt_firmware_sbi_set_property;
  object_class->dispose = vmt_firmware_sbi_dispose;
  VMT_FIRMWARE_CLASS (klass)->prepare = vmt_firmware_sbi_prepare;
  VMT_FIRMWARE_CLASS (klass)->boot = vmt_firmware_sbi_boot;
  VMT_FIRMWARE_CLASS (klass)->call = vmt_firmware_sbi_call;

  properties[PROP_CONSOLE] = vmt_param_spec_link (
      "console",
      "The serial port that the debug console (DBCN) writes to, or its stream; without it there is "
      "no debug console",
      VMT_TYPE_OBJECT, G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS);
  g_object_class_install_properties (object_class, N_PROPS, properties);
}

static void
vmt_firmware_sbi_init (VmtFirmwareSbi *self)
{
}

static const VmtFeature features[] = {
  { VMT_FEATURE_FIRMWARE, "sbi", 100, vmt_firmware_sbi_get_type },
  { 0 },
};

VMT_PLUGIN_DEFINE (firmware_sbi, "firmware-sbi", "Built-in RISC-V firmware: SBI 2.0", 0, features,
                   NULL);
