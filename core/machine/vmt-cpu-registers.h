/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "vmt-cpu.h"

G_BEGIN_DECLS

/**
 * VmtCpuRegisters:
 *
 * What a device offers as registers of the CPUs themselves: an interrupt controller's CPU interface
 * behind system registers (GICv3's ICC_* and ICH_*), MSRs (x2APIC) or CSRs (IMSIC). A device
 * attaches itself to each CPU that it serves; the architecture sends it the accesses to numbers
 * that are such a device's, after its own checks of privilege and traps.
 */
#define VMT_TYPE_CPU_REGISTERS (vmt_cpu_registers_get_type ())
G_DECLARE_INTERFACE (VmtCpuRegisters, vmt_cpu_registers, VMT, CPU_REGISTERS, VmtObject)

struct _VmtCpuRegistersInterface
{
  GTypeInterface parent;
  /* @number: the register, as the architecture encodes it. @context: what the access depends on
   * besides (exception level, security state), as the architecture defines. FALSE: no such
   * register, or not so: the instruction is undefined. On the CPU's own thread. */
  gboolean (*read) (VmtCpuRegisters *self, VmtCpu *cpu, guint32 number, guint32 context,
                    guint64 *value);
  gboolean (*write) (VmtCpuRegisters *self, VmtCpu *cpu, guint32 number, guint32 context,
                     guint64 value);
  gpointer reserved[4];
};

gboolean vmt_cpu_registers_read (VmtCpuRegisters *self, VmtCpu *cpu, guint32 number,
                                 guint32 context, guint64 *value);
gboolean vmt_cpu_registers_write (VmtCpuRegisters *self, VmtCpu *cpu, guint32 number,
                                  guint32 context, guint64 value);

/* While the device is realized; one device a CPU. FALSE: the CPU has one already. The CPU holds no
 * reference: the device detaches itself when it is unrealized. */
gboolean vmt_cpu_attach_registers (VmtCpu *cpu, VmtCpuRegisters *registers);
void vmt_cpu_detach_registers (VmtCpu *cpu, VmtCpuRegisters *registers);
/* (transfer none) (nullable) */
VmtCpuRegisters *vmt_cpu_get_registers (VmtCpu *cpu);

G_END_DECLS
