/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "vmt-machine.h"

G_BEGIN_DECLS

/**
 * VmtFirmware:
 *
 * What stands between the machine's reset and the kernel: a built-in SBI, or code such as OpenSBI. Properties of the base: "kernel", "initrd",
 * "append", "file", set from the board's parameters.
 */
#define VMT_TYPE_FIRMWARE (vmt_firmware_get_type ())
G_DECLARE_DERIVABLE_TYPE (VmtFirmware, vmt_firmware, VMT, FIRMWARE, VmtObject)

struct _VmtFirmwareClass
{
  VmtObjectClass parent_class;
  /* Once, before the first boot: checks the files. */
  gboolean (*prepare) (VmtFirmware *self, VmtMachine *machine, GError **error);
  /* At every reset, CPUs and devices being reset: loads images into RAM and sets the boot CPU's registers; CPUs that shall wait are stopped. */
  gboolean (*boot) (VmtFirmware *self, VmtMachine *machine, GError **error);
  /* A call from the guest into the built-in firmware (ecall from S-mode, smc): vCPU thread. TRUE: handled. */
  gboolean (*call) (VmtFirmware *self, VmtCpu *cpu);
  gpointer reserved[8];
};

gboolean vmt_firmware_prepare (VmtFirmware *self, VmtMachine *machine, GError **error);
gboolean vmt_firmware_boot (VmtFirmware *self, VmtMachine *machine, GError **error);
gboolean vmt_firmware_call (VmtFirmware *self, VmtCpu *cpu);
const char *vmt_firmware_get_kernel (VmtFirmware *self);
const char *vmt_firmware_get_initrd (VmtFirmware *self);
const char *vmt_firmware_get_append (VmtFirmware *self);
const char *vmt_firmware_get_file (VmtFirmware *self);

/* The machine's device tree, derived from the realized machine by core/board: set before the first boot. */
typedef GBytes *(*VmtDeviceTreeFunc) (VmtMachine *machine, guint64 initrd_start, guint64 initrd_end, gpointer data, GError **error);
void vmt_firmware_set_device_tree (VmtFirmware *self, VmtDeviceTreeFunc func, gpointer data);
/* (transfer full): with @initrd_start and @initrd_end in /chosen unless both are 0. */
GBytes *vmt_firmware_make_device_tree (VmtFirmware *self, VmtMachine *machine, guint64 initrd_start, guint64 initrd_end, GError **error);

G_END_DECLS
