/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "machine.h"

#include <string.h>

#include "vmt-exec-private.h"
#include "vmt-ir-eval.h"

#define MAX_VISITS 30000
#define MAX_INSTRUCTIONS 2000000
/* Without a visit so long: the vCPU is asked to come; and then it is lost. */
#define ASK_AFTER (10 * G_TIME_SPAN_MILLISECOND)
#define LOST_AFTER (20 * G_TIME_SPAN_SECOND)
#define TRACE 64

/* A device that counts what is done to it: reads give another value each time. */
typedef struct
{
  struct _Run *run;
  VmtVcpu *vcpu;
  guint64 n, hash;
  gboolean ended;
} Device;

typedef struct
{
  VmtAddressSpace *space;
  VmtRam *ram;
  VmtExec *exec;
  VmtVcpu *vcpu;
  Device device;
} Side;

typedef struct
{
  guint64 pc, icount, mode_key;
  const guint8 *host;
  guint32 word;
} Trace;

typedef struct
{
  guint64 mode_key;
  guint32 word, offset;
} Key;

typedef struct _Run
{
  const MachineConfig *config;
  const MachineProgram *program;
  Side lead, follow;
  const VmtArchRegister **registers;
  guint n_registers;
  GHashTable *blocks; /* Key -> VmtIrBlock */
  VmtIrBuilder *builder;
  LockstepRandom events;
  guint64 next_event, next_phase;
  gboolean stepping;
  guint64 now;
  guint64 target;
  gboolean want_fault, runaway;
  guint64 last_icount, last_pc;
  guint64 n_trace;
  Trace trace[TRACE];
  MachineResult *result;

  GMutex lock;
  GCond cond;
  guint64 seen;  /* atomic: visits */
  gboolean over; /* under lock */
} Run;

static VmtMemStatus
device_read (gpointer opaque, guint64 offset, guint size, guint64 *value)
{
  Device *device = opaque;

  device->n++;
  device->hash =
      (device->hash ^ offset ^ (guint64)size << 56) * G_GUINT64_CONSTANT (0x9e3779b97f4a7c15);
  *value = device->hash >> 7;
  /* Interrupts come while the access is on its way. */
  if (offset & 0x100)
    vmt_vcpu_request (device->vcpu, VMT_VCPU_INTERRUPT);
  return offset & 0x800 ? VMT_MEM_BUS_ERROR : VMT_MEM_OK;
}

static VmtMemStatus
device_write (gpointer opaque, guint64 offset, guint size, guint64 value)
{
  Device *device = opaque;

  if (offset == MACHINE_MMIO_END)
    {
      device->ended = TRUE;
      vmt_vcpu_request (device->vcpu, VMT_VCPU_RELOOKUP);
      return VMT_MEM_OK;
    }
  device->n++;
  device->hash = (device->hash ^ value ^ offset << 32 ^ (guint64)size << 56) *
                 G_GUINT64_CONSTANT (0xff51afd7ed558ccd);
  if (offset & 0x100)
    vmt_vcpu_request (device->vcpu, VMT_VCPU_INTERRUPT);
  return offset & 0x800 ? VMT_MEM_BUS_ERROR : VMT_MEM_OK;
}

static const VmtMmioOps device_ops = { device_read, device_write, 1, 8, TRUE };

/* The clock stands still but for what the comparison does to it. The engine's timer thread is kept
 * out: when it asks for interrupts would be another time at each run. */
static guint64
get_time (gpointer data)
{
  Run *run = data;
  VmtVcpu *vcpu = run->lead.vcpu;

  return vcpu != NULL && vmt_vcpu_is_own (vcpu) ? run->now : 0;
}

static guint64
get_time_here (gpointer data)
{
  return ((Run *)data)->now;
}

static void
set_registers (VmtVcpu *vcpu, gpointer data)
{
  const MachineProgram *program = data;

  for (guint i = 0; i < program->n_registers; i++)
    {
      const VmtArchRegister *reg = lockstep_find_register (vcpu->arch, program->registers[i].name);
      g_assert_nonnull (reg);
      lockstep_set_register (vcpu, reg, program->registers[i].value);
    }
  vcpu->arch->update_mode (vcpu);
}

static void
side_init (Side *side, Run *run, const VmtArchOps *ops, const VmtExecHost *host)
{
  g_autoptr (GError) error = NULL;

  side->space = vmt_address_space_new ("lockstep");
  side->ram = vmt_ram_new ("ram", MACHINE_RAM_SIZE, VMT_RAM_ANON, NULL, &error);
  g_assert_no_error (error);
  memcpy (side->ram->host, run->program->ram, MACHINE_RAM_SIZE);
  vmt_address_space_add_ram (side->space, MACHINE_RAM_BASE, side->ram, 0, MACHINE_RAM_SIZE, FALSE,
                             NULL, &error);
  g_assert_no_error (error);
  vmt_address_space_add_mmio (side->space, MACHINE_MMIO_BASE, MACHINE_MMIO_SIZE, &device_ops,
                              &side->device, NULL, NULL, &error);
  g_assert_no_error (error);
  side->exec = vmt_exec_new (side->space, run->config->tier, host);
  side->vcpu = vmt_exec_add_vcpu (side->exec, ops, NULL, 0);
  side->device.run = run;
  side->device.vcpu = side->vcpu;
  vmt_exec_reset (side->exec);
}

static void
side_clear (Side *side)
{
  vmt_exec_free (side->exec);
  vmt_ram_unref (side->ram);
  vmt_address_space_unref (side->space);
}

/* The evaluator, an instruction at a time. */

static void
eval_misaligned (VmtVcpu *vcpu, guint64 va, guint size, gboolean store)
{
  vcpu->arch->raise_fault (vcpu, VMT_FAULT_MISALIGNED, va,
                           store ? VMT_ACCESS_STORE : VMT_ACCESS_LOAD);
}

static void
eval_fence (VmtVcpu *vcpu, guint predecessor, guint successor)
{
}

static void
eval_raise (VmtVcpu *vcpu, guint64 cause, guint64 value)
{
  vmt_vcpu_raise (vcpu, cause, value);
}

static gboolean
eval_fault_pending (VmtVcpu *vcpu)
{
  return vcpu->fault_pending != 0;
}

static void
eval_set_pc (VmtVcpu *vcpu, guint64 pc)
{
  vcpu->pc = pc;
}

static const VmtIrMemOps mem_ops = {
  .load = vmt_vcpu_load,
  .store = vmt_vcpu_store,
  .load_linked = vmt_vcpu_load_linked,
  .store_conditional = vmt_vcpu_store_conditional,
  .amo = vmt_vcpu_amo,
  .load_linked128 = vmt_vcpu_load_linked128,
  .store_conditional128 = vmt_vcpu_store_conditional128,
  .cas = vmt_vcpu_cas,
  .misaligned = eval_misaligned,
  .probe = vmt_vcpu_probe,
  .fence = eval_fence,
  .raise = eval_raise,
  .fault_pending = eval_fault_pending,
  .set_pc = eval_set_pc,
};

static guint
key_hash (gconstpointer p)
{
  const Key *key = p;
  return (guint)((key->word * G_GUINT64_CONSTANT (0x9e3779b97f4a7c15) + key->offset * 40503 +
                  key->mode_key * 7) >>
                 11);
}

static gboolean
key_equal (gconstpointer a, gconstpointer b)
{
  return memcmp (a, b, sizeof (Key)) == 0;
}

/* Where the code at @va is; NULL: an exception is pending. */
static const guint8 *
fetch (VmtVcpu *vcpu, guint64 va)
{
  VmtResolved at;

  if (!vmt_exec_resolve (vcpu, va, 2, VMT_ACCESS_FETCH, &at))
    return NULL;
  if (at.host == NULL)
    vcpu->arch->raise_fault (vcpu, VMT_FAULT_ACCESS, va, VMT_ACCESS_FETCH);
  return at.host;
}

static guint
decode (Run *run, VmtVcpu *vcpu, guint offset, const guint8 *code, guint size, const guint8 *next)
{
  vmt_ir_builder_begin (run->builder);
  return vcpu->arch->decode (vcpu, run->builder, offset, code, size, next, next != NULL ? 2 : 0);
}

static void
step (Run *run, VmtVcpu *vcpu)
{
  const guint64 pc = vcpu->pc;
  const guint offset = (guint)(pc & ~VMT_PAGE_MASK);
  const guint8 *host = fetch (vcpu, pc), *host2 = NULL;
  guint8 code[4] = { 0 };

  if (host == NULL)
    return;
  /* The key has the bytes: whatever is stored to them, no old translation is found. */
  memcpy (code, host, 2);
  gboolean both = (code[0] & 3) == 3;
  if (both)
    {
      host2 = (pc & 0xffe) == 0xffe ? fetch (vcpu, pc + 2) : host + 2;
      if (host2 == NULL)
        return;
      memcpy (code + 2, host2, 2);
    }
  Key key = { .mode_key = vcpu->mode_key, .offset = offset };
  memcpy (&key.word, code, 4);
  VmtIrBlock *block = g_hash_table_lookup (run->blocks, &key);
  if (block == NULL)
    {
      guint n;
      if (both && (pc & 0xffe) == 0xffe)
        n = decode (run, vcpu, offset, code, 2, code + 2);
      else
        n = decode (run, vcpu, offset, code, both ? 4 : 2, NULL);
      g_assert_cmpuint (n, ==, both ? 4 : 2);
      block = vmt_ir_builder_finish (run->builder, (gint32)(offset + n));
      g_hash_table_insert (run->blocks, g_memdup2 (&key, sizeof key), block);
    }
  run->trace[run->n_trace++ % TRACE] = (Trace){ pc, vcpu->icount, vcpu->mode_key, host, key.word };

  VmtIrEval eval = {
    .vcpu = vcpu,
    .block = block,
    .mem = &mem_ops,
    .page_va = pc & VMT_PAGE_MASK,
    .budget = G_MAXINT64,
  };
  vcpu->page_va = eval.page_va;
  const VmtIrEvalExit how = vmt_ir_eval_block (&eval);
  if (how != VMT_IR_EVAL_FAULT)
    vcpu->icount++;
  vcpu->pc = eval.pc;
  vcpu->waiting = FALSE;
}

static void
catch_up (VmtVcpu *vcpu, gpointer data)
{
  Run *run = data;

  run->n_trace = 0;
  for (guint64 n = 0; vcpu->icount < run->target && !vcpu->fault_pending &&
                      !run->follow.device.ended && n < MAX_INSTRUCTIONS;
       n++)
    step (run, vcpu);
  /* At the end it goes around in place. */
  for (guint64 n = 0; vcpu->icount < run->target && !vcpu->fault_pending &&
                      run->lead.device.ended && n < MAX_INSTRUCTIONS;
       n++)
    step (run, vcpu);
  /* A program without an end is the generator's fault, not the tier's: it is cut off. */
  run->runaway = vcpu->icount < run->target && !vcpu->fault_pending && !run->follow.device.ended;
  if (run->want_fault && vcpu->icount == run->target && !vcpu->fault_pending)
    step (run, vcpu);
}

static void
look_ahead (VmtVcpu *vcpu, gpointer data)
{
  const VmtFault was = vcpu->fault;
  VmtResolved at;

  if (vmt_exec_resolve (vcpu, vcpu->pc, 2, VMT_ACCESS_FETCH, &at) && at.host != NULL &&
      (vcpu->pc & 0xffe) == 0xffe && (at.host[0] & 3) == 3)
    vmt_exec_resolve (vcpu, vcpu->pc + 2, 2, VMT_ACCESS_FETCH, &at);
  vcpu->fault = was;
  vcpu->fault_pending = 0;
}

static void
mirror_exception (VmtVcpu *vcpu, gpointer data)
{
  vcpu->fault_pending = 0;
  vcpu->arch->take_exception (vcpu);
}

static void
mirror_interrupt (VmtVcpu *vcpu, gpointer data)
{
  vcpu->arch->take_interrupt (vcpu);
}

/* Reports. */

static void
append_code (Run *run, GString *text)
{
  VmtVcpu *vcpu = run->follow.vcpu;
  const guint64 n = MIN (run->n_trace, TRACE);

  g_string_append_printf (
      text, "executed by the evaluator since the state was the same (%" G_GUINT64_FORMAT "%s):\n",
      run->n_trace, run->n_trace > TRACE ? ", the last of them" : "");
  for (guint64 i = run->n_trace - n; i < run->n_trace; i++)
    {
      const Trace *t = &run->trace[i % TRACE];
      g_autoptr (GString) line = g_string_new (NULL);
      const guint size = vcpu->arch->disassemble ((const guint8 *)&t->word, 4, t->pc, line);
      g_string_append_printf (text, "  %8" G_GUINT64_FORMAT "  %" G_GINT64_MODIFIER "x: %0*x  %s\n",
                              t->icount, t->pc, size == 2 ? 4 : 8,
                              size == 2 ? t->word & 0xffff : t->word, size != 0 ? line->str : "?");
    }
  if (n == 0)
    return;
  const Trace *t = &run->trace[(run->n_trace - n) % TRACE];
  const guint offset = (guint)(t->pc & ~VMT_PAGE_MASK);
  const guint64 mode_key = vcpu->mode_key;
  vcpu->mode_key = t->mode_key;
  vmt_ir_builder_begin (run->builder);
  guint covered = vcpu->arch->decode (vcpu, run->builder, offset, t->host, VMT_PAGE_SIZE - offset,
                                      (const guint8 *)"\0\0", 2);
  VmtIrBlock *block = vmt_ir_builder_finish (run->builder, (gint32)(offset + covered));
  vcpu->mode_key = mode_key;
  g_autofree char *ir = vmt_ir_block_to_text (block);
  g_string_append_printf (
      text, "IR of the block at %" G_GINT64_MODIFIER "x, as its bytes are now:\n%s\n", t->pc, ir);
  vmt_ir_block_free (block);
}

/* The evaluator's, so that addresses can be seen. */
static void
append_registers (Run *run, GString *text)
{
  guint n = 0;

  g_string_append (text, "the evaluator's registers now:");
  for (guint i = 0; i < run->n_registers; i++)
    if (run->registers[i]->offset >= 0 &&
        lockstep_get_register (run->follow.vcpu, run->registers[i]) != 0)
      g_string_append_printf (text, "%s %s=%" G_GINT64_MODIFIER "x", n++ % 6 == 0 ? "\n " : "",
                              run->registers[i]->name,
                              lockstep_get_register (run->follow.vcpu, run->registers[i]));
  g_string_append_c (text, '\n');
}

static void
append_difference (GString *text, const char *name, guint64 lead, guint64 follow)
{
  if (lead != follow)
    g_string_append_printf (text,
                            "  %s: %016" G_GINT64_MODIFIER "x, not %016" G_GINT64_MODIFIER "x\n",
                            name, lead, follow);
}

/* (transfer full) (nullable) */
static char *
compare (Run *run)
{
  VmtVcpu *lead = run->lead.vcpu, *follow = run->follow.vcpu;
  GString *text = g_string_new (NULL);

  append_difference (text, "pc", lead->pc, follow->pc);
  append_difference (text, "instructions retired", lead->icount, follow->icount);
  append_difference (text, "exception pending", lead->fault_pending, follow->fault_pending);
  if (lead->fault_pending && follow->fault_pending)
    {
      append_difference (text, "its cause", lead->fault.cause, follow->fault.cause);
      append_difference (text, "its value", lead->fault.value, follow->fault.value);
    }
  append_difference (text, "device accesses", run->lead.device.n, run->follow.device.n);
  append_difference (text, "device state", run->lead.device.hash, run->follow.device.hash);
  append_difference (text, "ended", run->lead.device.ended, run->follow.device.ended);
  for (guint i = 0; i < run->n_registers; i++)
    append_difference (text, run->registers[i]->name,
                       lockstep_get_register (lead, run->registers[i]),
                       lockstep_get_register (follow, run->registers[i]));
  const guint8 *a = run->lead.ram->host, *b = run->follow.ram->host;
  if (memcmp (a, b, MACHINE_RAM_SIZE) != 0)
    {
      guint shown = 0;
      for (guint at = 0; at < MACHINE_RAM_SIZE && shown < 8; at += 8)
        if (memcmp (a + at, b + at, 8) != 0)
          {
            g_autofree char *name = g_strdup_printf ("memory %x", MACHINE_RAM_BASE + at);
            append_difference (text, name, *(const guint64 *)(a + at), *(const guint64 *)(b + at));
            shown++;
          }
    }
  return g_string_free (text, text->len == 0);
}

static void
finish (Run *run, char *difference)
{
  if (difference != NULL)
    {
      GString *text = g_string_new (NULL);
      g_string_append_printf (text,
                              "tier %s and the evaluator disagree after %" G_GUINT64_FORMAT
                              " instructions (the run loop's visit %" G_GUINT64_FORMAT
                              "; the same at instruction %" G_GUINT64_FORMAT ", %" G_GINT64_MODIFIER
                              "x):\n%s",
                              run->config->tier_name, run->target, run->result->visits,
                              run->last_icount, run->last_pc, difference);
      append_code (run, text);
      append_registers (run, text);
      run->result->difference = g_string_free (text, FALSE);
      run->result->difference_at = run->lead.vcpu->priv->n_stress_lookups;
      g_free (difference);
    }
  run->result->instructions = run->target;
  vmt_vcpu_stop (run->lead.vcpu);
  g_mutex_lock (&run->lock);
  run->over = TRUE;
  g_cond_signal (&run->cond);
  g_mutex_unlock (&run->lock);
}

static void
interrupt_follow (VmtVcpu *vcpu, gpointer data)
{
  const Run *run = data;
  run->config->arch->interrupt (vcpu, (guint)run->next_event);
}

/* On the vCPU's thread: at the head of the run loop. */
static void
visit (VmtVcpu *vcpu, VmtExecVisit why, gpointer data)
{
  Run *run = data;

  __atomic_fetch_add (&run->seen, 1, __ATOMIC_SEQ_CST);
  if (run->over)
    return;
  run->result->visits++;
  run->target = vcpu->icount;
  run->want_fault = why == VMT_EXEC_VISIT_EXCEPTION;
  vmt_vcpu_run_on (run->follow.vcpu, catch_up, run, TRUE);
  char *difference = run->runaway ? NULL : compare (run);
  if (difference != NULL && why == VMT_EXEC_VISIT_ENTER)
    {
      /* A tier may have looked where it goes on, and left it to the run loop: the page has been
       * accessed. */
      g_free (difference);
      vmt_vcpu_run_on (run->follow.vcpu, look_ahead, NULL, TRUE);
      difference = compare (run);
    }
  if (difference != NULL)
    {
      finish (run, difference);
      return;
    }
  run->last_icount = run->target;
  run->last_pc = vcpu->pc;
  if (run->lead.device.ended)
    {
      run->result->ended = TRUE;
      finish (run, NULL);
      return;
    }
  if (run->runaway || run->result->visits >= MAX_VISITS || run->target >= MAX_INSTRUCTIONS)
    {
      GString *text = g_string_new (NULL);
      append_code (run, text);
      run->result->tail = g_string_free (text, FALSE);
      finish (run, NULL);
      return;
    }
  if (why == VMT_EXEC_VISIT_EXCEPTION)
    {
      vmt_vcpu_run_on (run->follow.vcpu, mirror_exception, run, TRUE);
      return;
    }

  if (run->target >= run->next_event)
    {
      const guint which = lockstep_random_below (&run->events, 4);
      run->now += lockstep_random_below (&run->events, 20000);
      run->next_event = which;
      run->config->arch->interrupt (vcpu, which);
      vmt_vcpu_run_on (run->follow.vcpu, interrupt_follow, run, TRUE);
      run->next_event = run->target + 20 + (lockstep_random_bits (&run->events) & 0xfff);
    }
  if (run->config->mode == MACHINE_MIXED && run->target >= run->next_phase)
    {
      run->stepping = !run->stepping;
      run->next_phase =
          run->target + (lockstep_random_bits (&run->events) & (run->stepping ? 0x1ff : 0x1fff));
    }
  vmt_vcpu_run_on (run->follow.vcpu, mirror_interrupt, run, TRUE);
  if (run->stepping)
    vmt_vcpu_request (vcpu, VMT_VCPU_RELOOKUP);
}

/* What stands in the table under several names, once. */
static void
find_registers (Run *run, const VmtArchOps *ops)
{
  run->registers = g_new0 (const VmtArchRegister *, ops->n_registers);
  for (guint i = 0; i < ops->n_registers; i++)
    {
      const VmtArchRegister *reg = &ops->registers[i];
      gboolean known = FALSE;
      for (guint k = 0; k < run->n_registers && !known; k++)
        known = reg->offset >= 0 && run->registers[k]->offset == reg->offset;
      if (!known && reg->bits <= 64)
        run->registers[run->n_registers++] = reg;
    }
}

static void
wait_for_end (Run *run)
{
  guint64 seen = 0;
  gint64 since = g_get_monotonic_time ();

  g_mutex_lock (&run->lock);
  while (!run->over)
    {
      const gint64 now = g_get_monotonic_time ();
      const gint64 wait = run->config->kicks ? 20 + g_random_int_range (0, 400) : ASK_AFTER;
      g_cond_wait_until (&run->cond, &run->lock, now + wait);
      if (run->over)
        break;
      if (run->config->kicks)
        vmt_vcpu_request (run->lead.vcpu, VMT_VCPU_RELOOKUP);
      if (__atomic_load_n (&run->seen, __ATOMIC_SEQ_CST) != seen)
        {
          seen = __atomic_load_n (&run->seen, __ATOMIC_SEQ_CST);
          since = g_get_monotonic_time ();
        }
      else if (g_get_monotonic_time () - since > LOST_AFTER)
        {
          /* Its thread cannot be ended: neither can this one. */
          g_error ("tier %s does not come back to the run loop: the last visit was at "
                   "%" G_GINT64_MODIFIER "x, instruction %" G_GUINT64_FORMAT,
                   run->config->tier_name, run->last_pc, run->last_icount);
        }
      else if (g_get_monotonic_time () - since > ASK_AFTER)
        vmt_vcpu_request (run->lead.vcpu, VMT_VCPU_RELOOKUP);
    }
  g_mutex_unlock (&run->lock);
}

void
machine_run (const MachineConfig *config, const MachineProgram *program, guint64 seed,
             MachineResult *result)
{
  g_autoptr (GError) error = NULL;
  const GType type = vmt_registry_get_type_of (vmt_registry_get_default (), VMT_FEATURE_ARCH,
                                               config->arch->name, &error);
  g_assert_no_error (error);
  VmtCpuClass *cpu_class = g_type_class_ref (type);
  const VmtArchOps *ops = cpu_class->arch;
  Run *run = g_new0 (Run, 1);
  const VmtExecHost lead_host = { .get_time = get_time, .data = run };
  const VmtExecHost follow_host = { .get_time = get_time_here, .data = run };

  *result = (MachineResult){ 0 };
  run->config = config;
  run->program = program;
  run->result = result;
  run->events.state = seed ^ G_GUINT64_CONSTANT (0x5bd1e995);
  run->next_event = lockstep_random_below (&run->events, 2000);
  run->stepping = config->mode == MACHINE_STEP;
  run->now = 1000000;
  g_mutex_init (&run->lock);
  g_cond_init (&run->cond);
  run->blocks =
      g_hash_table_new_full (key_hash, key_equal, g_free, (GDestroyNotify)vmt_ir_block_free);
  run->builder = vmt_ir_builder_new (ops);
  find_registers (run, ops);
  side_init (&run->lead, run, ops, &lead_host);
  side_init (&run->follow, run, ops, &follow_host);
  VmtExecStress stress = config->stress;
  stress.visit = visit;
  stress.data = run;
  vmt_exec_set_stress (run->lead.exec, &stress);
  vmt_exec_set_promotion (run->lead.exec, 0);

  vmt_vcpu_run_on (run->follow.vcpu, set_registers, (gpointer)program, TRUE);
  vmt_exec_start (run->lead.exec, &error);
  g_assert_no_error (error);
  g_assert_true (vmt_vcpu_start (run->lead.vcpu, set_registers, (gpointer)program, NULL));
  vmt_exec_resume (run->lead.exec);
  wait_for_end (run);
  vmt_exec_pause (run->lead.exec);
  vmt_exec_stop (run->lead.exec);
  result->lookups = run->lead.vcpu->priv->n_stress_lookups;

  g_hash_table_unref (run->blocks);
  vmt_ir_builder_free (run->builder);
  side_clear (&run->lead);
  side_clear (&run->follow);
  g_free (run->registers);
  g_mutex_clear (&run->lock);
  g_cond_clear (&run->cond);
  g_free (run);
  g_type_class_unref (cpu_class);
}
