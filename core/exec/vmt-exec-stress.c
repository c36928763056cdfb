/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "vmt-exec-stress-private.h"

#include "vmt-exec-private.h"

void
vmt_exec_set_stress (VmtExec *self, const VmtExecStress *stress)
{
  g_free (self->stress);
  self->stress = g_memdup2 (stress, stress != NULL ? sizeof *stress : 0);
  if (stress == NULL)
    return;
  if (stress->cache_limit != 0)
    self->limit = stress->cache_limit;
  for (guint i = 0; i < self->n_vcpus; i++)
    self->vcpus[i]->priv->stress_random = stress->seed * 2 + 1 + i;
}

guint64
vmt_exec_get_stress_lookups (VmtExec *self)
{
  guint64 n = 0;
  for (guint i = 0; i < self->n_vcpus; i++)
    n += self->vcpus[i]->priv->n_stress_lookups;
  return n;
}

/* On the vCPU's thread. */
static gboolean
once_in (VmtVcpu *vcpu, guint n)
{
  if (n == 0)
    return FALSE;
  guint64 *state = &vcpu->priv->stress_random;
  *state =
      *state * G_GUINT64_CONSTANT (6364136223846793005) + G_GUINT64_CONSTANT (1442695040888963407);
  return (*state >> 33) % n == 0;
}

void
vmt_exec_stress_enter (VmtVcpu *vcpu)
{
  VmtExec *self = vcpu->exec;
  const VmtExecStress *stress = self->stress;

  if (once_in (vcpu, stress->kill_all))
    vmt_exec_code_kill (self, G_MAXUINT64);
  if (once_in (vcpu, stress->kill_one))
    vmt_exec_code_kill (self, vcpu->priv->stress_random >> 33);
  if (once_in (vcpu, stress->flush))
    vmt_tlb_flush_all (vcpu);
  if (stress->visit != NULL)
    stress->visit (vcpu, VMT_EXEC_VISIT_ENTER, stress->data);
}

void
vmt_exec_stress_exception (VmtVcpu *vcpu)
{
  const VmtExecStress *stress = vcpu->exec->stress;

  if (stress->visit != NULL)
    stress->visit (vcpu, VMT_EXEC_VISIT_EXCEPTION, stress->data);
}

gboolean
vmt_exec_stress_refuses (VmtVcpu *vcpu)
{
  const VmtExecStress *stress = vcpu->exec->stress;

  return vcpu->priv->n_stress_lookups++ < stress->refuse_first || once_in (vcpu, stress->refuse);
}

/* The same for the same code, however often something asks. */
static guint64
choice (VmtVcpu *vcpu)
{
  return (vcpu->exec->stress->seed * 2 + 1 + vcpu->pc) * G_GUINT64_CONSTANT (0x9e3779b97f4a7c15);
}

guint
vmt_exec_get_first_level (VmtVcpu *vcpu)
{
  const VmtExec *self = vcpu->exec;

  if (G_UNLIKELY (self->stress != NULL) && self->stress->levels)
    return choice (vcpu) >> 40 & 1;
  return self->promotion == 0;
}

guint
vmt_exec_get_patience (VmtVcpu *vcpu)
{
  const VmtExec *self = vcpu->exec;

  if (G_UNLIKELY (self->stress != NULL) && self->stress->levels)
    return 1 + (choice (vcpu) >> 42) % 8;
  return self->promotion;
}

gboolean
vmt_exec_stress_keeps_out (VmtVcpu *vcpu)
{
  return once_in (vcpu, vcpu->exec->stress->no_fill);
}
