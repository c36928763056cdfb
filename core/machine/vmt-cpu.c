/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "vmt-cpu.h"

#include <string.h>

#include "vmt-cpu-private.h"
#include "vmt-cpu-registers.h"
#include "vmt-registry.h"

typedef struct
{
  VmtVcpu *vcpu; /* (nullable): the engine's */
  guint index;
  VmtCpuRegisters *registers; /* (nullable): attached */
} VmtCpuPrivate;

G_DEFINE_ABSTRACT_TYPE_WITH_PRIVATE (VmtCpu, vmt_cpu, VMT_TYPE_DEVICE)

static VmtCpuPrivate *
get_priv (VmtCpu *self)
{
  return vmt_cpu_get_instance_private (self);
}

static void
vmt_cpu_init (VmtCpu *self)
{
  (void)self;
}

static void
vmt_cpu_class_init (VmtCpuClass *klass)
{
  vmt_registry_add_describer (VMT_TYPE_CPU, _vmt_cpu_describe_class);
}

void
_vmt_cpu_set_index (VmtCpu *self, guint index)
{
  get_priv (self)->index = index;
}

void
_vmt_cpu_set_vcpu (VmtCpu *self, VmtVcpu *vcpu)
{
  get_priv (self)->vcpu = vcpu;
}

VmtVcpu *
vmt_cpu_get_vcpu (VmtCpu *self)
{
  return get_priv (self)->vcpu;
}

guint
vmt_cpu_get_index (VmtCpu *self)
{
  return get_priv (self)->index;
}

gboolean
vmt_cpu_attach_registers (VmtCpu *cpu, VmtCpuRegisters *registers)
{
  VmtCpuPrivate *priv = get_priv (cpu);

  if (priv->registers != NULL)
    return FALSE;
  priv->registers = registers;
  return TRUE;
}

void
vmt_cpu_detach_registers (VmtCpu *cpu, VmtCpuRegisters *registers)
{
  VmtCpuPrivate *priv = get_priv (cpu);

  if (priv->registers == registers)
    priv->registers = NULL;
}

VmtCpuRegisters *
vmt_cpu_get_registers (VmtCpu *cpu)
{
  return get_priv (cpu)->registers;
}

/* Registers */

const VmtArchRegister *
vmt_cpu_list_registers (VmtCpu *self, guint *n)
{
  const VmtArchOps *arch = VMT_CPU_GET_CLASS (self)->arch;
  *n = arch != NULL ? arch->n_registers : 0;
  return arch != NULL ? arch->registers : NULL;
}

static const VmtArchRegister *
find_register (VmtCpu *self, const char *name)
{
  guint n;
  const VmtArchRegister *registers = vmt_cpu_list_registers (self, &n);
  for (guint i = 0; i < n; i++)
    if (g_str_equal (registers[i].name, name))
      return &registers[i];
  return NULL;
}

gboolean
vmt_cpu_get_register_bytes (VmtCpu *self, const char *name, guint8 *bytes, gsize size)
{
  VmtVcpu *vcpu = get_priv (self)->vcpu;
  const VmtArchRegister *reg = find_register (self, name);
  if (vcpu == NULL || reg == NULL || size != (reg->bits + 7u) / 8)
    return FALSE;
  if (reg->get != NULL)
    {
      guint64 value = GUINT64_TO_LE (reg->get (vcpu, reg->arg));
      memset (bytes, 0, size);
      memcpy (bytes, &value, MIN (size, sizeof value));
    }
  else if (reg->offset >= 0)
    memcpy (bytes, (const guint8 *)vcpu + reg->offset, size);
  else
    return FALSE;
  if (reg->bits % 8 != 0)
    bytes[size - 1] &= (guint8)((1u << (reg->bits % 8)) - 1);
  return TRUE;
}

gboolean
vmt_cpu_set_register_bytes (VmtCpu *self, const char *name, const guint8 *bytes, gsize size)
{
  VmtVcpu *vcpu = get_priv (self)->vcpu;
  const VmtArchRegister *reg = find_register (self, name);
  if (vcpu == NULL || reg == NULL || size != (reg->bits + 7u) / 8 ||
      (reg->flags & VMT_ARCH_REG_RO) != 0)
    return FALSE;
  if (reg->set != NULL)
    {
      guint64 value = 0;
      memcpy (&value, bytes, MIN (size, sizeof value));
      value = GUINT64_FROM_LE (value);
      if (reg->bits < 64)
        value &= (G_GUINT64_CONSTANT (1) << reg->bits) - 1;
      reg->set (vcpu, reg->arg, value);
    }
  else if (reg->offset >= 0)
    {
      guint8 *to = (guint8 *)vcpu + reg->offset;
      memcpy (to, bytes, size);
      if (reg->bits % 8 != 0)
        to[size - 1] &= (guint8)((1u << (reg->bits % 8)) - 1);
    }
  else
    return FALSE;
  if (vcpu->arch->update_mode != NULL)
    vcpu->arch->update_mode (vcpu);
  return TRUE;
}

gboolean
vmt_cpu_get_register (VmtCpu *self, const char *name, guint64 *value)
{
  const VmtArchRegister *reg = find_register (self, name);
  guint64 raw = 0;
  if (reg == NULL || reg->bits > 64 ||
      !vmt_cpu_get_register_bytes (self, name, (guint8 *)&raw, (reg->bits + 7u) / 8))
    return FALSE;
  *value = GUINT64_FROM_LE (raw);
  return TRUE;
}

gboolean
vmt_cpu_set_register (VmtCpu *self, const char *name, guint64 value)
{
  const VmtArchRegister *reg = find_register (self, name);
  guint64 raw = GUINT64_TO_LE (value);
  if (reg == NULL || reg->bits > 64 || (reg->bits < 64 && value >> reg->bits != 0))
    return FALSE;
  return vmt_cpu_set_register_bytes (self, name, (const guint8 *)&raw, (reg->bits + 7u) / 8);
}

/* Work and power: what the engine does for a VmtVcpu, for its VmtCpu */

typedef struct
{
  void (*func) (VmtCpu *cpu, gpointer data);
  gpointer data;
  GDestroyNotify destroy;
  gboolean owned;
} Call;

static void
run_call (VmtVcpu *vcpu, gpointer data)
{
  Call *call = data;
  call->func (vcpu->cpu, call->data);
  if (call->owned)
    g_free (call);
}

void
vmt_cpu_run_on (VmtCpu *self, void (*func) (VmtCpu *cpu, gpointer data), gpointer data,
                gboolean wait)
{
  VmtVcpu *vcpu = get_priv (self)->vcpu;
  g_return_if_fail (vcpu != NULL && func != NULL);

  if (wait)
    {
      Call call = { .func = func, .data = data };
      vmt_vcpu_run_on (vcpu, run_call, &call, TRUE);
    }
  else
    {
      Call *call = g_new0 (Call, 1);
      *call = (Call){ .func = func, .data = data, .owned = TRUE };
      vmt_vcpu_run_on (vcpu, run_call, call, FALSE);
    }
}

VmtCpuPower
vmt_cpu_get_power (VmtCpu *self)
{
  VmtVcpu *vcpu = get_priv (self)->vcpu;
  if (vcpu == NULL)
    return VMT_CPU_STOPPED;
  switch (vmt_vcpu_get_power (vcpu))
    {
    case VMT_VCPU_STOPPED:
      return VMT_CPU_STOPPED;
    case VMT_VCPU_START_PENDING:
      return VMT_CPU_START_PENDING;
    case VMT_VCPU_STARTED:
      return VMT_CPU_STARTED;
    }
  g_return_val_if_reached (VMT_CPU_STOPPED);
}

static void
call_setup (VmtVcpu *vcpu, gpointer data)
{
  Call *call = data;
  if (call->func != NULL)
    call->func (vcpu->cpu, call->data);
}

static void
call_free (gpointer data)
{
  Call *call = data;
  if (call->destroy != NULL)
    call->destroy (call->data);
  g_free (call);
}

gboolean
vmt_cpu_start (VmtCpu *self, void (*setup) (VmtCpu *cpu, gpointer data), gpointer data,
               GDestroyNotify destroy)
{
  VmtVcpu *vcpu = get_priv (self)->vcpu;
  if (vcpu == NULL)
    {
      if (destroy != NULL)
        destroy (data);
      return FALSE;
    }
  Call *call = g_new0 (Call, 1);
  *call = (Call){ .func = setup, .data = data, .destroy = destroy };
  return vmt_vcpu_start (vcpu, call_setup, call, call_free);
}

void
vmt_cpu_stop (VmtCpu *self)
{
  VmtVcpu *vcpu = get_priv (self)->vcpu;
  g_return_if_fail (vcpu != NULL);
  vmt_vcpu_stop (vcpu);
}
