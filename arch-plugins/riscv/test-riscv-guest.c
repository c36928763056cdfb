/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The bare-metal programs of guest/, under the reference evaluator and every tier that there is.
 * They were checked under QEMU with the same expectations: see guest/test-guest.py. */
#include "test-riscv.h"

#include <string.h>

#include "vmt-ir-eval.h"

#define FINISHER 0x100000
#define TIMEOUT (60 * G_TIME_SPAN_SECOND)

/* A tier that evaluates the IR. */
#define TEST_TYPE_EVAL (test_eval_get_type ())
G_DECLARE_FINAL_TYPE (TestEval, test_eval, TEST, EVAL, VmtTier)
struct _TestEval
{
  VmtTier parent_instance;
};
G_DEFINE_FINAL_TYPE (TestEval, test_eval, VMT_TYPE_TIER)

static void
eval_misaligned (VmtVcpu *vcpu, guint64 va, guint size, gboolean store)
{
  vcpu->arch->raise_fault (vcpu, VMT_FAULT_MISALIGNED, va,
                           store ? VMT_ACCESS_STORE : VMT_ACCESS_LOAD);
}

static void
eval_fence (VmtVcpu *vcpu, guint predecessor, guint successor)
{
  __atomic_thread_fence (__ATOMIC_SEQ_CST);
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
  .misaligned = eval_misaligned,
  .fence = eval_fence,
  .raise = eval_raise,
  .fault_pending = eval_fault_pending,
  .set_pc = eval_set_pc,
};

static void
eval_enter (VmtVcpu *vcpu, VmtExecBlock *block)
{
  g_autofree VmtIrValue *values = g_new0 (VmtIrValue, block->ir->n_temps + 1);
  VmtIrEval eval = {
    .vcpu = vcpu,
    .block = block->ir,
    .mem = &mem_ops,
    .values = values,
    .page_va = vcpu->page_va,
    .budget = G_MAXINT64,
  };
  const VmtIrEvalExit leave = vmt_ir_eval_block (&eval);

  vcpu->pc = eval.pc;
  vcpu->icount += eval.insn + (leave == VMT_IR_EVAL_FAULT ? 0 : 1);
}

static gboolean
test_eval_compile (VmtTier *tier, const VmtArchOps *arch, VmtExecBlock *block)
{
  g_autoptr (GError) error = NULL;

  vmt_ir_block_verify (block->ir, &error);
  g_assert_no_error (error);
  block->entry = eval_enter;
  vmt_exec_block_keep_ir (block);
  return TRUE;
}

static void
test_eval_ignore (VmtTier *tier, VmtExecBlock *block)
{
}

static void
test_eval_class_init (TestEvalClass *klass)
{
  VmtTierClass *tier = VMT_TIER_CLASS (klass);

  tier->compile = test_eval_compile;
  tier->discard = test_eval_ignore;
  tier->kill = test_eval_ignore;
}

static void
test_eval_init (TestEval *self)
{
}

typedef struct
{
  GMutex lock;
  GCond cond;
  guint32 verdict; /* 0: none yet */
} Finisher;

static VmtMemStatus
finisher_read (gpointer opaque, guint64 offset, guint size, guint64 *value)
{
  *value = 0;
  return VMT_MEM_OK;
}

static VmtMemStatus
finisher_write (gpointer opaque, guint64 offset, guint size, guint64 value)
{
  Finisher *finisher = opaque;

  g_mutex_lock (&finisher->lock);
  if (offset == 0 && finisher->verdict == 0)
    finisher->verdict = (guint32)value;
  g_cond_signal (&finisher->cond);
  g_mutex_unlock (&finisher->lock);
  return VMT_MEM_OK;
}

static guint64
get_time (gpointer data)
{
  return (guint64)g_get_monotonic_time () * 1000;
}

static void
start_at_ram (VmtVcpu *vcpu, gpointer data)
{
  vcpu->pc = TEST_RAM;
}

/* The program's verdict; 0 when it has not ended in time. */
static guint32
run (VmtTier *tier, const char *image, gsize size, guint n_harts)
{
  static const VmtMmioOps finisher_ops = { finisher_read, finisher_write, 4, 4, TRUE };
  const VmtExecHost host = { .get_time = get_time };
  const gint64 end = g_get_monotonic_time () + TIMEOUT;
  g_autoptr (GError) error = NULL;
  g_autoptr (VmtAddressSpace) space = vmt_address_space_new ("guest");
  g_autoptr (VmtRam) ram = vmt_ram_new ("ram", TEST_RAM_SIZE, VMT_RAM_ANON, NULL, &error);
  Finisher finisher = { 0 };

  g_assert_no_error (error);
  g_assert_cmpuint (size, <=, TEST_RAM_SIZE);
  g_mutex_init (&finisher.lock);
  g_cond_init (&finisher.cond);
  memcpy (ram->host, image, size);
  vmt_address_space_add_ram (space, TEST_RAM, ram, 0, TEST_RAM_SIZE, FALSE, NULL, &error);
  g_assert_no_error (error);
  vmt_address_space_add_mmio (space, FINISHER, 0x1000, &finisher_ops, &finisher, NULL, NULL,
                              &error);
  g_assert_no_error (error);

  VmtExec *exec = vmt_exec_new (space, tier, &host);
  for (guint i = 0; i < n_harts; i++)
    riscv_arch_ops.reset (vmt_exec_add_vcpu (exec, &riscv_arch_ops, NULL, i));
  vmt_exec_start (exec, &error);
  g_assert_no_error (error);
  for (guint i = 0; i < n_harts; i++)
    g_assert_true (vmt_vcpu_start (vmt_exec_get_vcpu (exec, i), start_at_ram, NULL, NULL));
  vmt_exec_resume (exec);
  g_mutex_lock (&finisher.lock);
  while (finisher.verdict == 0 && g_cond_wait_until (&finisher.cond, &finisher.lock, end))
    ;
  const guint32 verdict = finisher.verdict;
  g_mutex_unlock (&finisher.lock);
  vmt_exec_pause (exec);
  if ((verdict & 0xffff) != 0x5555)
    for (guint i = 0; i < n_harts; i++)
      {
        const RiscvState *r = riscv_state (vmt_exec_get_vcpu (exec, i));
        g_test_message ("hart %u: pc %#" G_GINT64_MODIFIER "x, mode %u, step %" G_GUINT64_FORMAT
                        ", mcause %#" G_GINT64_MODIFIER "x, mepc %#" G_GINT64_MODIFIER
                        "x, mtval %#" G_GINT64_MODIFIER "x",
                        i, r->vcpu.pc, r->priv, r->x[3], r->mcause, r->mepc, r->mtval);
      }
  vmt_exec_stop (exec);
  vmt_exec_free (exec);
  g_mutex_clear (&finisher.lock);
  g_cond_clear (&finisher.cond);
  return verdict;
}

typedef struct
{
  const char *tier; /* NULL: the evaluator */
  const char *program;
  guint n_harts;
} Case;

static void
test_program (gconstpointer data)
{
  const Case *c = data;
  g_autoptr (GError) error = NULL;
  g_autofree char *name = g_strconcat (c->program, ".bin", NULL);
  g_autofree char *path =
      g_test_build_filename (G_TEST_BUILT, "..", "arch-plugins", "riscv", name, NULL);
  g_autofree char *image = NULL;
  g_autoptr (VmtTier) tier = NULL;
  gsize size;

  if (!g_file_get_contents (path, &image, &size, NULL))
    {
      g_test_skip ("riscv64-linux-gnu-gcc is not installed: the bare-metal programs are NOT run");
      return;
    }
  if (c->tier == NULL)
    tier = g_object_new (TEST_TYPE_EVAL, NULL);
  else
    {
      VmtObject *object =
          vmt_registry_create (vmt_registry_get_default (), VMT_FEATURE_TIER, c->tier, &error);
      g_assert_no_error (error);
      tier = VMT_TIER (object);
      /* Used nevertheless, it would leave all of it to the evaluator. */
      if (!vmt_tier_probe (tier, &error))
        {
          g_test_skip (error->message);
          return;
        }
    }
  const guint32 verdict = run (tier, image, size, c->n_harts);
  if (verdict == 0)
    g_error ("%s did not end", c->program);
  if ((verdict & 0xffff) != 0x5555)
    g_error ("%s failed at step %u", c->program, verdict >> 16);
}

/* A program that fails is seen to fail. */
static void
test_failure (void)
{
  /* lui t0, 0x100; lui t1, 0x73; addi t1, t1, 0x333; sw t1, 0(t0): step 7 */
  static const guint32 program[] = { 0x001002b7, 0x00073337, 0x33330313, 0x0062a023, 0x0000006f };
  g_autoptr (VmtTier) tier = g_object_new (TEST_TYPE_EVAL, NULL);

  g_assert_cmphex (run (tier, (const char *)program, sizeof program, 1), ==, 0x73333);
}

void
test_riscv_add_guest (void)
{
  static const struct
  {
    const char *name;
    guint n_harts;
  } programs[] = { { "priv", 1 },   { "paging", 1 }, { "float", 1 },
                   { "atomic", 1 }, { "timer", 1 },  { "smp", 4 } };
  g_autoptr (GPtrArray) tiers =
      vmt_registry_list_features (vmt_registry_get_default (), VMT_FEATURE_TIER);

  g_test_add_func ("/arch/riscv/guest/failure", test_failure);
  for (guint t = 0; t <= tiers->len; t++)
    for (guint i = 0; i < G_N_ELEMENTS (programs); i++)
      {
        Case *c = g_new0 (Case, 1);
        c->tier = t == 0 ? NULL : g_intern_string (tiers->pdata[t - 1]);
        c->program = programs[i].name;
        c->n_harts = programs[i].n_harts;
        g_autofree char *path = g_strdup_printf (
            "/arch/riscv/guest/%s/%s", c->tier != NULL ? c->tier : "evaluator", c->program);
        g_test_add_data_func_full (path, c, test_program, g_free);
      }
}
