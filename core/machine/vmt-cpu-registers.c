/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "vmt-cpu-registers.h"

G_DEFINE_INTERFACE (VmtCpuRegisters, vmt_cpu_registers, VMT_TYPE_OBJECT)

static void
vmt_cpu_registers_default_init (VmtCpuRegistersInterface *iface)
{
}

gboolean
vmt_cpu_registers_read (VmtCpuRegisters *self, VmtCpu *cpu, guint32 number, guint32 context,
                        guint64 *value)
{
  return VMT_CPU_REGISTERS_GET_IFACE (self)->read (self, cpu, number, context, value);
}

gboolean
vmt_cpu_registers_write (VmtCpuRegisters *self, VmtCpu *cpu, guint32 number, guint32 context,
                         guint64 value)
{
  return VMT_CPU_REGISTERS_GET_IFACE (self)->write (self, cpu, number, context, value);
}
