/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "vmt-arch-register.h"
#include "vmt-device.h"

G_BEGIN_DECLS

typedef struct _VmtArchOps VmtArchOps;

/**
 * VmtCpu:
 *
 * One virtual CPU (a RISC-V hart). Base class of what an architecture plugin offers; its hot state is the VmtVcpu, with
 * the architecture's own state behind it. Its interrupt inputs have names.
 */
#define VMT_TYPE_CPU (vmt_cpu_get_type ())
G_DECLARE_DERIVABLE_TYPE (VmtCpu, vmt_cpu, VMT, CPU, VmtDevice)

struct _VmtCpuClass
{
  VmtDeviceClass parent_class;
  const VmtArchOps *arch;
  /* "riscv64": what a kernel image must be for. */
  const char *arch_name;
  guint16 elf_machine;
  /* Registers from the table that the reset vector protocol sets: index of the pc and of the argument registers. */
  const char *pc_register;
  const char *const *argument_registers; /* NULL-terminated */
  /* The /cpus node's children and the CPU's interrupt controller. */
  void (*describe_cpu) (VmtCpu *self, VmtFirmwareNode *cpu_node);
  gpointer reserved[12];
};

VmtVcpu *vmt_cpu_get_vcpu (VmtCpu *self);
guint vmt_cpu_get_index (VmtCpu *self);
const VmtArchRegister *vmt_cpu_list_registers (VmtCpu *self, guint *n);
/* From any thread while the CPU is stopped, or from its own; otherwise use vmt_cpu_run_on(). Names not in the table: FALSE. */
gboolean vmt_cpu_get_register (VmtCpu *self, const char *name, guint64 *value);
gboolean vmt_cpu_set_register (VmtCpu *self, const char *name, guint64 value);
gboolean vmt_cpu_get_register_bytes (VmtCpu *self, const char *name, guint8 *bytes, gsize size);
gboolean vmt_cpu_set_register_bytes (VmtCpu *self, const char *name, const guint8 *bytes, gsize size);

/* Runs @func at the CPU's next safepoint, on its thread (at once if called from there; by proxy, on the caller's, when the CPU is
 * stopped or waiting for an interrupt). @wait: returns after it ran. Waiting inside device callbacks is not allowed. */
void vmt_cpu_run_on (VmtCpu *self, void (*func) (VmtCpu *cpu, gpointer data), gpointer data, gboolean wait);

/* Power state: a stopped CPU executes nothing until started (HSM, PSCI). Any thread. */
typedef enum { VMT_CPU_STOPPED, VMT_CPU_START_PENDING, VMT_CPU_STARTED } VmtCpuPower;
VmtCpuPower vmt_cpu_get_power (VmtCpu *self);
/* Starts a stopped CPU after @setup (which sets registers) ran on its thread. FALSE: it is not stopped. */
gboolean vmt_cpu_start (VmtCpu *self, void (*setup) (VmtCpu *cpu, gpointer data), gpointer data, GDestroyNotify destroy);
/* From its own thread: stops after the present instruction. */
void vmt_cpu_stop (VmtCpu *self);

G_END_DECLS
