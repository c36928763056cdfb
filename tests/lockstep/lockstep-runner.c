/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Cases here: the engine with a tier, memory and a vCPU, without a machine, devices or threads: the
 * test's own thread acts for the vCPU. */
#include <string.h>

#include "lockstep.h"

/* More blocks than any program takes. */
#define MAX_BLOCKS 20000

struct _LockstepRunner
{
  const LockstepArch *arch;
  char *tier_name;
  VmtTier *tier; /* the engine's */
  VmtAddressSpace *space;
  VmtRam *code, *data;
  VmtExec *exec;
  VmtVcpu *vcpu;
  const VmtArchRegister **registers;
  const VmtArchRegister *pc;
  guint n_cases; /* since the last reset */
  gboolean fast;
  guint n_loads;
  guint64 code_at, code_size;
};

static guint64
get_time (gpointer data)
{
  return 0;
}

static void
setup (VmtVcpu *vcpu, gpointer data)
{
  const LockstepArch *arch = data;
  arch->setup (vcpu);
}

static void
reset (LockstepRunner *self)
{
  vmt_exec_reset (self->exec);
  vmt_vcpu_run_on (self->vcpu, setup, (gpointer)self->arch, TRUE);
  self->n_cases = 0;
}

LockstepRunner *
lockstep_runner_new (const LockstepArch *arch, const char *tier, GError **error)
{
  static const VmtExecHost host = { .get_time = get_time };
  VmtRegistry *registry = vmt_registry_get_default ();
  g_autoptr (VmtObject) object = vmt_registry_create (registry, VMT_FEATURE_TIER, tier, error);

  if (object == NULL || !vmt_tier_probe (VMT_TIER (object), error))
    return NULL;
  const GType type = vmt_registry_get_type_of (registry, VMT_FEATURE_ARCH, arch->name, error);
  if (type == G_TYPE_INVALID)
    return NULL;
  VmtCpuClass *cpu_class = g_type_class_ref (type);
  const VmtArchOps *ops = cpu_class->arch;

  g_autoptr (LockstepRunner) self = g_new0 (LockstepRunner, 1);
  self->arch = arch;
  self->tier_name = g_strdup (tier);
  self->space = vmt_address_space_new ("lockstep");
  self->code = vmt_ram_new ("code", LOCKSTEP_CODE_SIZE, VMT_RAM_ANON, NULL, error);
  self->data = vmt_ram_new ("data", LOCKSTEP_DATA_SIZE, VMT_RAM_ANON, NULL, error);
  if (self->code == NULL || self->data == NULL ||
      !vmt_address_space_add_ram (self->space, LOCKSTEP_CODE_BASE, self->code, 0,
                                  LOCKSTEP_CODE_SIZE, FALSE, NULL, error) ||
      !vmt_address_space_add_ram (self->space, LOCKSTEP_DATA_BASE, self->data, 0,
                                  LOCKSTEP_DATA_SIZE, FALSE, NULL, error))
    return NULL;
  arch->fill (self->code->host, LOCKSTEP_CODE_SIZE);
  self->tier = VMT_TIER (object);
  self->exec = vmt_exec_new (self->space, self->tier, &host);
  /* One: with others a store-conditional may fail for no reason that the program can see. */
  self->vcpu = vmt_exec_add_vcpu (self->exec, ops, NULL, 0);
  self->registers = g_new0 (const VmtArchRegister *, arch->n_registers);
  for (guint i = 0; i < arch->n_registers; i++)
    {
      self->registers[i] = lockstep_find_register (ops, arch->registers[i]);
      g_assert_nonnull (self->registers[i]);
    }
  self->pc = lockstep_find_register (ops, cpu_class->pc_register);
  g_assert_nonnull (self->pc);
  reset (self);
  return g_steal_pointer (&self);
}

char *
lockstep_runner_make (const LockstepArch *arch, const char *tier, LockstepRunner **runner)
{
  g_autoptr (GError) error = NULL;

  *runner = lockstep_runner_new (arch, tier, &error);
  if (g_error_matches (error, VMT_ERROR, VMT_ERROR_UNSUPPORTED))
    return g_strdup_printf ("tier %s: %s", tier, error->message);
  g_assert_no_error (error);
  return NULL;
}

void
lockstep_runner_free (LockstepRunner *self)
{
  g_clear_pointer (&self->exec, vmt_exec_free);
  g_clear_pointer (&self->space, vmt_address_space_unref);
  g_clear_pointer (&self->code, vmt_ram_unref);
  g_clear_pointer (&self->data, vmt_ram_unref);
  g_free (self->registers);
  g_free (self->tier_name);
  g_free (self);
}

const char *
lockstep_runner_get_tier (LockstepRunner *self)
{
  return self->tier_name;
}

VmtTier *
lockstep_runner_get_tier_object (LockstepRunner *self)
{
  return self->tier;
}

VmtVcpu *
lockstep_runner_get_vcpu (LockstepRunner *self)
{
  return self->vcpu;
}

const guint8 *
lockstep_runner_get_data (LockstepRunner *self)
{
  return self->data->host;
}

/* As a device would: the engine hears of it before and after. */
static void
store (LockstepRunner *self, VmtRam *ram, guint64 offset, const guint8 *bytes, gsize size)
{
  vmt_address_space_notify_store (self->space, ram, offset, size);
  if (bytes != NULL)
    memcpy (ram->host + offset, bytes, size);
  else
    self->arch->fill (ram->host + offset, size);
  vmt_address_space_notify_store (self->space, ram, offset, size);
}

static void
load_case (LockstepRunner *self, const LockstepCase *c, gboolean same)
{
  VmtVcpu *vcpu = self->vcpu;

  if (!same)
    {
      /* At which level a tier compiles; of all cases each sees both. */
      vmt_exec_set_promotion (self->exec, self->fast || self->n_loads++ % 2 ? 0 : G_MAXINT32);
      if (self->code_size != 0)
        store (self, self->code, self->code_at, NULL, self->code_size);
      self->code_at = c->pc - LOCKSTEP_CODE_BASE;
      self->code_size = c->code_size;
      store (self, self->code, self->code_at, c->code, c->code_size);
    }
  store (self, self->data, c->mem - LOCKSTEP_DATA_BASE, c->memory, c->mem_size);
  self->arch->begin (vcpu, c->variant);
  for (guint i = 0; i < self->arch->n_registers; i++)
    lockstep_set_register (vcpu, self->registers[i], c->regs[i]);
  lockstep_set_register (vcpu, self->pc, c->pc);
  vcpu->arch->update_mode (vcpu);
  vcpu->fault_pending = 0;
  vcpu->waiting = FALSE;
  vmt_vcpu_clear_reservation (vcpu);
}

static void
save_result (LockstepRunner *self, const LockstepCase *c, guint trap, LockstepResult *result)
{
  VmtVcpu *vcpu = self->vcpu;

  result->trap = trap;
  result->pc = lockstep_get_register (vcpu, self->pc);
  for (guint i = 0; i < self->arch->n_registers; i++)
    result->regs[i] = lockstep_get_register (vcpu, self->registers[i]);
  memcpy (result->memory, self->data->host + (c->mem - LOCKSTEP_DATA_BASE), c->mem_size);
}

/* What the run loop does, without interrupts. */
static guint
run_block (LockstepRunner *self, guint32 requests)
{
  VmtVcpu *vcpu = self->vcpu;

  /* A tier must not go where it knows dead code; flushing tells it, too. */
  if (__atomic_exchange_n (&vcpu->exit_request, requests, __ATOMIC_SEQ_CST) & VMT_VCPU_FORGET)
    vmt_tlb_flush_all (vcpu);
  VmtExecBlock *block = vmt_exec_lookup (vcpu);
  if (block != NULL && !vcpu->fault_pending)
    block->entry (vcpu, block);
  vcpu->waiting = FALSE;
  return vcpu->fault_pending ? self->arch->trap (vcpu->fault.cause) : 0;
}

typedef struct
{
  LockstepRunner *self;
  const LockstepCase *cases;
  guint n;
  LockstepResult *results;
} Batch;

static void
run_batch (VmtVcpu *vcpu, gpointer data)
{
  Batch *batch = data;
  LockstepRunner *self = batch->self;

  for (guint i = 0; i < batch->n; i++)
    {
      guint trap = 0;
      load_case (self, &batch->cases[i], batch->cases[i].same_code && i > 0);
      for (guint n = 0; trap == 0 && n < MAX_BLOCKS; n++)
        trap = run_block (self, 0);
      save_result (self, &batch->cases[i], trap != 0 ? trap : LOCKSTEP_HANG, &batch->results[i]);
    }
}

void
lockstep_runner_run (LockstepRunner *self, const LockstepCase *cases, guint n,
                     LockstepResult *results)
{
  Batch batch = { self, cases, n, results };

  vmt_vcpu_run_on (self->vcpu, run_batch, &batch, TRUE);
  /* Memory of dead blocks goes when the engine is told that nobody is inside. */
  self->n_cases += n;
  if (self->n_cases >= 20000)
    reset (self);
}

typedef struct
{
  LockstepRunner *self;
  const LockstepCase *c;
  guint trap;
  LockstepResult *result;
} Step;

static void
do_begin (VmtVcpu *vcpu, gpointer data)
{
  Step *step = data;
  LockstepRunner *self = step->self;

  /* All of the memory is compared: what earlier cases left goes. */
  vmt_address_space_notify_store (self->space, self->data, 0, LOCKSTEP_DATA_SIZE);
  memset (self->data->host, 0, LOCKSTEP_DATA_SIZE);
  vmt_address_space_notify_store (self->space, self->data, 0, LOCKSTEP_DATA_SIZE);
  load_case (self, step->c, FALSE);
}

static void
do_step (VmtVcpu *vcpu, gpointer data)
{
  Step *step = data;
  /* A request that is pending keeps tiers from following links: each block comes back. */
  step->trap = run_block (step->self, VMT_VCPU_RELOOKUP);
}

static void
do_end (VmtVcpu *vcpu, gpointer data)
{
  Step *step = data;
  save_result (step->self, step->c, step->trap, step->result);
}

void
lockstep_runner_begin (LockstepRunner *self, const LockstepCase *c)
{
  Step step = { self, c, 0, NULL };

  if (++self->n_cases >= 20000)
    reset (self);
  vmt_vcpu_run_on (self->vcpu, do_begin, &step, TRUE);
}

void
lockstep_runner_set_fast (LockstepRunner *self)
{
  self->fast = TRUE;
}

guint
lockstep_runner_step (LockstepRunner *self)
{
  Step step = { self, NULL, 0, NULL };

  vmt_vcpu_run_on (self->vcpu, do_step, &step, TRUE);
  return step.trap;
}

void
lockstep_runner_end (LockstepRunner *self, const LockstepCase *c, guint trap,
                     LockstepResult *result)
{
  Step step = { self, c, trap, result };

  vmt_vcpu_run_on (self->vcpu, do_end, &step, TRUE);
}
