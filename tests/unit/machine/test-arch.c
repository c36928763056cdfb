/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "test-arch.h"

#include <string.h>

#include "vmt-error.h"

struct _TestCpu
{
  VmtCpu parent_instance;
};

static TestState *
get_state (VmtVcpu *vcpu)
{
  return (TestState *)vcpu;
}

/* Helpers of the instructions */

static guint64
do_wait (VmtVcpu *vcpu, guint64 a, guint64 b, guint64 c)
{
  vmt_vcpu_wait (vcpu);
  return 0;
}

static guint64
do_stop (VmtVcpu *vcpu, guint64 a, guint64 b, guint64 c)
{
  vmt_vcpu_stop (vcpu);
  return 0;
}

static const VmtIrHelper helpers[] = {
  { "wait", do_wait, VMT_HELPER_READS | VMT_HELPER_WRITES },
  { "stop", do_stop, VMT_HELPER_READS | VMT_HELPER_WRITES },
};

static const VmtIrGlobal globals[] = {
  { "n", VMT_IR_I64, G_STRUCT_OFFSET (TestState, n) },
};

static guint64
get_twice (VmtVcpu *vcpu, guint arg)
{
  return get_state (vcpu)->n * arg;
}

static void
set_twice (VmtVcpu *vcpu, guint arg, guint64 value)
{
  get_state (vcpu)->n = value / arg;
}

static const VmtArchRegister registers[] = {
  { "pc", "general", 64, 0, G_STRUCT_OFFSET (TestState, vcpu.pc), NULL, NULL, 0, NULL },
  { "n", "general", 64, 0, G_STRUCT_OFFSET (TestState, n), NULL, NULL, 0, NULL },
  { "twice", "general", 16, 0, -1, get_twice, set_twice, 2, NULL },
  { "faults", "csr", 32, VMT_ARCH_REG_RO, G_STRUCT_OFFSET (TestState, faults), NULL, NULL, 0,
    NULL },
  { "wide", "vector", 256, 0, G_STRUCT_OFFSET (TestState, wide), NULL, NULL, 0, NULL },
  { "odd", "csr", 12, 0, G_STRUCT_OFFSET (TestState, odd), NULL, NULL, 0, NULL },
  { "nothing", "csr", 8, 0, -1, NULL, NULL, 0, NULL },
};

static void
test_reset (VmtVcpu *vcpu)
{
  TestState *state = get_state (vcpu);
  state->n = 0;
  state->resets++;
}

static void
test_update_mode (VmtVcpu *vcpu)
{
  vcpu->mode_key = 0;
}

static guint
test_decode (VmtVcpu *vcpu, VmtIrBuilder *b, guint page_offset, const guint8 *code, guint size,
             const guint8 *next, guint next_size)
{
  guint done = 0;
  while (done + 4 <= size && !vmt_ir_builder_is_ended (b) && !vmt_ir_builder_is_full (b))
    {
      gint at = (gint)(page_offset + done);
      guint32 word;
      memcpy (&word, code + done, 4);
      word = GUINT32_FROM_LE (word);
      vmt_ir_insn (b, at, 4);
      done += 4;
      switch (word & 0xff)
        {
        case TEST_SPIN:
          vmt_ir_jump (b, at, 0);
          break;
        case TEST_WAIT:
          vmt_ir_call (b, VMT_IR_NONE, 0, VMT_IR_NO_VAL, VMT_IR_NO_VAL, VMT_IR_NO_VAL);
          vmt_ir_exit (b, at + 4);
          break;
        case TEST_COUNT:
          vmt_ir_set (
              b, VMT_IR_GLOBAL (0),
              vmt_ir_op2 (b, VMT_IR_ADD, VMT_IR_I64, 0, VMT_IR_GLOBAL (0), vmt_ir_const (b, 1), 0));
          break;
        case 4:
          vmt_ir_store (b, VMT_IR_I32, vmt_ir_const (b, TEST_STORE_ADDRESS), 0,
                        vmt_ir_const (b, word >> 8), 0);
          break;
        case 5:
          vmt_ir_jump (b, at - 4 * (gint)(word >> 8), 0);
          break;
        case TEST_STOP:
          vmt_ir_call (b, VMT_IR_NONE, 1, VMT_IR_NO_VAL, VMT_IR_NO_VAL, VMT_IR_NO_VAL);
          vmt_ir_exit (b, at + 4);
          break;
        default:
          vmt_ir_trap (b, 2, vmt_ir_const (b, word));
          break;
        }
    }
  return done;
}

static gboolean
test_translate (VmtVcpu *vcpu, guint64 va, guint size, VmtAccess access, VmtTranslation *out)
{
  *out = (VmtTranslation){
    .pa = va,
    .page_shift = VMT_PAGE_SHIFT,
    .access = VMT_ACCESS_LOAD | VMT_ACCESS_STORE | VMT_ACCESS_FETCH,
    .global = TRUE,
  };
  return TRUE;
}

static gboolean
test_translate_debug (VmtVcpu *vcpu, guint64 va, VmtTranslation *out)
{
  return test_translate (vcpu, va, 1, VMT_ACCESS_LOAD, out);
}

static void
test_raise_fault (VmtVcpu *vcpu, VmtFaultKind kind, guint64 va, VmtAccess access)
{
  vmt_vcpu_raise (vcpu, 5, va);
}

static void
test_take_exception (VmtVcpu *vcpu)
{
  get_state (vcpu)->faults++;
  vmt_vcpu_stop (vcpu);
}

static gboolean
test_take_interrupt (VmtVcpu *vcpu)
{
  return FALSE;
}

static gboolean
test_has_work (VmtVcpu *vcpu)
{
  return __atomic_load_n (&get_state (vcpu)->line, __ATOMIC_SEQ_CST) != 0;
}

static guint64
test_next_deadline (VmtVcpu *vcpu)
{
  return G_MAXUINT64;
}

static guint
test_disassemble (const guint8 *code, guint size, guint64 pc, GString *text)
{
  return 0;
}

static void
test_nothing (VmtVcpu *vcpu)
{
}

static const VmtArchOps arch = {
  .struct_size = sizeof (VmtArchOps),
  .name = "test",
  .state_size = sizeof (TestState),
  .globals = globals,
  .n_globals = G_N_ELEMENTS (globals),
  .helpers = helpers,
  .n_helpers = G_N_ELEMENTS (helpers),
  .fp_env_offset = G_STRUCT_OFFSET (TestState, fp_env),
  .registers = registers,
  .n_registers = G_N_ELEMENTS (registers),
  .init = test_nothing,
  .fini = test_nothing,
  .reset = test_reset,
  .update_mode = test_update_mode,
  .decode = test_decode,
  .translate = test_translate,
  .translate_debug = test_translate_debug,
  .raise_fault = test_raise_fault,
  .take_exception = test_take_exception,
  .take_interrupt = test_take_interrupt,
  .has_work = test_has_work,
  .next_deadline = test_next_deadline,
  .disassemble = test_disassemble,
};

static void
set_line (gpointer sink, guint line, gboolean level)
{
  VmtVcpu *vcpu = vmt_cpu_get_vcpu (sink);
  __atomic_store_n (&get_state (vcpu)->line, level, __ATOMIC_SEQ_CST);
  vmt_vcpu_request (vcpu, VMT_VCPU_INTERRUPT);
}

static gboolean
get_input (VmtIrqController *controller, const char *line, VmtIrq *irq, GError **error)
{
  *irq = (VmtIrq){ .func = set_line, .sink = controller };
  return TRUE;
}

static void
test_cpu_irq_init (VmtIrqControllerInterface *iface)
{
  iface->get_input = get_input;
}

G_DEFINE_FINAL_TYPE_WITH_CODE (TestCpu, test_cpu, VMT_TYPE_CPU,
                               G_IMPLEMENT_INTERFACE (VMT_TYPE_IRQ_CONTROLLER, test_cpu_irq_init))

static void
test_cpu_init (TestCpu *self)
{
}

static void
test_cpu_class_init (TestCpuClass *klass)
{
  VMT_CPU_CLASS (klass)->arch = &arch;
  VMT_CPU_CLASS (klass)->arch_name = "test";
  VMT_CPU_CLASS (klass)->pc_register = "pc";
}

TestState *
test_cpu_get_state (TestCpu *self)
{
  return get_state (vmt_cpu_get_vcpu (VMT_CPU (self)));
}

typedef struct
{
  guint64 pc, n;
} Start;

static void
set_start (VmtCpu *cpu, gpointer data)
{
  const Start *start = data;
  g_assert_true (vmt_cpu_set_register (cpu, "pc", start->pc));
  g_assert_true (vmt_cpu_set_register (cpu, "n", start->n));
}

gboolean
test_cpu_boot (TestCpu *self, guint64 pc, guint64 n)
{
  Start *start = g_new (Start, 1);
  *start = (Start){ pc, n };
  return vmt_cpu_start (VMT_CPU (self), set_start, start, g_free);
}
