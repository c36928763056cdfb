/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "ir-test-arch.h"

#define ARCH (&test_arch_riscv64)

static guint64
random64 (void)
{
  return (guint64)(guint32)g_test_rand_int () << 32 | (guint32)g_test_rand_int ();
}

static guint64
operand (void)
{
  static const guint64 special[] = { 0,      1,      2,          0x7f,       0x80,       0xff,
                                     0x7fff, 0x8000, 0x7fffffff, 0x80000000, 0xffffffff, G_MAXINT64,
                                     63,     31,     32,         64 };

  switch (g_test_rand_int_range (0, 4))
    {
    case 0:
      return special[g_test_rand_int_range (0, G_N_ELEMENTS (special))];
    case 1:
      return -special[g_test_rand_int_range (0, G_N_ELEMENTS (special))];
    case 2:
      return (gint32)g_test_rand_int ();
    default:
      return random64 ();
    }
}

static VmtIrVal
global (const char *name)
{
  gint i = test_global (ARCH, name);

  g_assert_cmpint (i, >=, 0);
  return VMT_IR_GLOBAL (i);
}

static guint64 *
slot (TestState *state, const char *name)
{
  return test_slot (state, ARCH, test_global (ARCH, name));
}

static void
check (const VmtIrBlock *block)
{
  g_autoptr (GError) error = NULL;

  if (!vmt_ir_block_verify (block, &error))
    {
      g_autofree char *text = vmt_ir_block_to_text (block);

      g_error ("%s in\n%s", error->message, text);
    }
  g_assert_true (test_round_trip (block));
}

/* What the builder makes of constants is what the evaluator makes of the same op on globals. */
static void
test_fold (void)
{
  static const guint8 types[] = { VMT_IR_I8, VMT_IR_I16, VMT_IR_I32, VMT_IR_I64 };
  VmtIrBuilder *b = vmt_ir_builder_new (ARCH);
  TestState *state = test_state_new (ARCH);
  guint folded[VMT_IR_PCREL] = { 0 };

  for (guint round = 0; round < 40000; round++)
    {
      VmtIrOpcode op = VMT_IR_MOV + g_test_rand_int_range (0, VMT_IR_PCREL - VMT_IR_MOV);
      VmtIrType type = types[g_test_rand_int_range (0, 4)];
      guint flags = g_test_rand_bit () && op != VMT_IR_SETCC ? VMT_IR_SX : 0;
      guint w = vmt_ir_type_bits (type), n = 0, pos = g_test_rand_int_range (0, w);
      guint64 v[3] = { operand (), operand (), operand () };
      static const char *const names[3] = { "x11", "x12", "x13" };
      VmtIrVal k[3], g[3], d;
      gint32 imm = 0;
      g_autoptr (VmtIrBlock) block = NULL, plain = NULL;
      VmtIrOp ops[2];
      VmtIrInsn insn = { 0, 0, 4, 0 };
      VmtIrBlock manual = { 0 };

      while (n < 3 && vmt_ir_op_operand_class (op, n) != '-')
        n++;
      if (op == VMT_IR_SETCC)
        imm = g_test_rand_int_range (0, 6);
      else if (op == VMT_IR_EXTRACT || op == VMT_IR_INSERT)
        imm = pos | g_test_rand_int_range (1, w - pos + 1) << 8;
      else if (op == VMT_IR_SHADD)
        {
          imm = g_test_rand_int_range (0, 4);
          if (type == VMT_IR_I64 && g_test_rand_bit ())
            flags |= VMT_IR_UW;
        }
      /* one operand is often not constant: identities */
      vmt_ir_builder_begin (b);
      vmt_ir_insn (b, 0, 4);
      for (guint i = 0; i < 3; i++)
        {
          g[i] = i < n ? global (names[i]) : VMT_IR_NO_VAL;
          k[i] = i >= n                            ? VMT_IR_NO_VAL
                 : round % 3 && g_test_rand_bit () ? g[i]
                                                   : vmt_ir_const (b, v[i]);
          *slot (state, names[i]) = v[i];
        }
      /* and sometimes both are the same */
      if (n >= 2 && g_test_rand_int_range (0, 10) == 0)
        {
          k[1] = k[0];
          v[1] = v[0];
          *slot (state, names[1]) = v[0];
          g[1] = g[0];
        }
      d = vmt_ir_op3 (b, op, type, flags, k[0], k[1], k[2], imm);
      if (vmt_ir_is_const (d))
        folded[op]++;
      vmt_ir_set (b, global ("x10"), d);
      block = vmt_ir_builder_finish (b, 4);
      check (block);
      test_eval (state, block, 0, NULL);

      ops[0] = (VmtIrOp){ op, type, flags, global ("x14"), g[0], g[1], g[2], imm };
      ops[1] = block->ops[block->n_ops - 1];
      manual.ops = ops;
      manual.n_ops = 2;
      manual.insns = &insn;
      manual.n_insns = 1;
      manual.arch = ARCH;
      check (&manual);
      test_eval (state, &manual, 0, NULL);
      if (*slot (state, "x10") != *slot (state, "x14"))
        {
          g_autofree char *text = vmt_ir_block_to_text (block);
          g_autofree char *wanted = vmt_ir_block_to_text (&manual);

          g_error ("%" G_GINT64_MODIFIER "x instead of %" G_GINT64_MODIFIER "x:\n%s\n%s",
                   *slot (state, "x10"), *slot (state, "x14"), text, wanted);
        }
    }
  /* Nearly all ops fold at all. */
  g_assert_cmpuint (folded[VMT_IR_ADD], >, 0);
  g_assert_cmpuint (folded[VMT_IR_MULHSU], >, 0);
  g_assert_cmpuint (folded[VMT_IR_EXTRACT], >, 0);
  g_assert_cmpuint (folded[VMT_IR_SELECT], >, 0);
  test_state_free (state);
  vmt_ir_builder_free (b);
}

/* A random decoder, with a model that computes every value as the builder is called: whatever order
 * values are read and globals written in, a value stays what it was. */
static void
test_values_stay (void)
{
  static const char *const names[] = { "x1", "x5", "x6", "x7", "x10" };
  VmtIrBuilder *b = vmt_ir_builder_new (ARCH);
  guint moves = 0;

  for (guint round = 0; round < 4000; round++)
    {
      TestState *state = test_state_new (ARCH);
      guint64 model[G_N_ELEMENTS (names)];
      struct
      {
        VmtIrVal v;
        guint64 is;
      } values[64];
      guint n_values = 0, n_ops = g_test_rand_int_range (1, 50);
      g_autoptr (VmtIrBlock) block = NULL;

      for (guint i = 0; i < G_N_ELEMENTS (names); i++)
        model[i] = *slot (state, names[i]) = operand ();
      vmt_ir_builder_begin (b);
      vmt_ir_insn (b, 0, 2);
      for (guint i = 0; i < n_ops; i++)
        {
          guint to = g_test_rand_int_range (0, G_N_ELEMENTS (names));
          VmtIrVal v[2];
          guint64 is[2], r;
          VmtIrVal d;

          if (g_test_rand_int_range (0, 5) == 0)
            vmt_ir_insn (b, 2 * i, 2);
          for (guint j = 0; j < 2; j++)
            switch (n_values ? g_test_rand_int_range (0, 6) : g_test_rand_int_range (0, 3))
              {
              case 0:
                is[j] = g_test_rand_bit () ? 0 : operand ();
                v[j] = vmt_ir_const (b, is[j]);
                break;
              case 1:
              case 2:
                {
                  guint from = g_test_rand_int_range (0, G_N_ELEMENTS (names));

                  is[j] = model[from];
                  v[j] = global (names[from]);
                  break;
                }
              default:
                {
                  guint from = g_test_rand_int_range (MAX (0, (gint)n_values - 6), n_values);

                  is[j] = values[from].is;
                  v[j] = values[from].v;
                  break;
                }
              }
          switch (g_test_rand_int_range (0, 6))
            {
            case 0:
              d = vmt_ir_op2 (b, VMT_IR_ADD, VMT_IR_I64, 0, v[0], v[1], 0);
              r = is[0] + is[1];
              break;
            case 1:
              d = vmt_ir_op2 (b, VMT_IR_SUB, VMT_IR_I32, VMT_IR_SX, v[0], v[1], 0);
              r = (gint32)(is[0] - is[1]);
              break;
            case 2:
              d = vmt_ir_op2 (b, VMT_IR_XOR, VMT_IR_I64, 0, v[0], v[1], 0);
              r = is[0] ^ is[1];
              break;
            case 3:
              d = vmt_ir_op1 (b, VMT_IR_MOV, VMT_IR_I64, 0, v[0], 0);
              r = is[0];
              break;
            case 4:
              d = vmt_ir_op2 (b, VMT_IR_SETCC, VMT_IR_I64, 0, v[0], v[1], VMT_IR_LTU);
              r = is[0] < is[1];
              break;
            default:
              d = v[0];
              r = is[0];
              /* a global is read when it is used: no value of its own */
              if (vmt_ir_is_global (d))
                d = vmt_ir_op1 (b, VMT_IR_MOV, VMT_IR_I64, 0, d, 0);
              break;
            }
          if (n_values < G_N_ELEMENTS (values))
            {
              values[n_values].v = d;
              values[n_values++].is = r;
            }
          if (g_test_rand_int_range (0, 2) == 0)
            {
              vmt_ir_set (b, global (names[to]), d);
              model[to] = r;
            }
        }
      block = vmt_ir_builder_finish (b, 0x100);
      check (block);
      g_assert_cmpint (test_eval (state, block, 0, NULL), ==, VMT_IR_EVAL_JUMP);
      for (guint i = 0; i < G_N_ELEMENTS (names); i++)
        if (*slot (state, names[i]) != model[i])
          {
            g_autofree char *text = vmt_ir_block_to_text (block);

            g_error ("%s is wrong:\n%s", names[i], text);
          }
      for (guint i = 0; i < block->n_ops; i++)
        moves += block->ops[i].opcode == VMT_IR_MOV;
      test_state_free (state);
    }
  g_assert_cmpuint (moves, >, 0);
  vmt_ir_builder_free (b);
}

static char *
text_of (VmtIrBuilder *b, gint32 next)
{
  g_autoptr (VmtIrBlock) block = vmt_ir_builder_finish (b, next);

  check (block);
  return vmt_ir_block_to_text (block);
}

/* The forms that decoders make all the time cost nothing. */
static void
test_shapes (void)
{
  VmtIrBuilder *b = vmt_ir_builder_new (ARCH);
  g_autofree char *text = NULL;
  VmtIrVal v;

  vmt_ir_builder_begin (b);
  /* addi x5, x6, 3 */
  vmt_ir_insn (b, 0, 4);
  vmt_ir_set (b, global ("x5"),
              vmt_ir_op2 (b, VMT_IR_ADD, VMT_IR_I64, 0, global ("x6"), vmt_ir_const (b, 3), 0));
  /* mv x5, x6 = addi x5, x6, 0; nop = addi x5, x5, 0 */
  vmt_ir_insn (b, 4, 4);
  vmt_ir_set (b, global ("x5"),
              vmt_ir_op2 (b, VMT_IR_ADD, VMT_IR_I64, 0, global ("x6"), vmt_ir_const (b, 0), 0));
  vmt_ir_insn (b, 8, 2);
  vmt_ir_set (b, global ("x5"),
              vmt_ir_op2 (b, VMT_IR_ADD, VMT_IR_I64, 0, global ("x5"), vmt_ir_const (b, 0), 0));
  /* sext.w x5, x5 = addiw x5, x5, 0 */
  vmt_ir_insn (b, 10, 2);
  vmt_ir_set (
      b, global ("x5"),
      vmt_ir_op2 (b, VMT_IR_ADD, VMT_IR_I32, VMT_IR_SX, global ("x5"), vmt_ir_const (b, 0), 0));
  /* li x7, -1; the constant of a commutative op goes to b */
  vmt_ir_insn (b, 12, 4);
  vmt_ir_set (b, global ("x7"), vmt_ir_const (b, -1));
  vmt_ir_insn (b, 16, 4);
  vmt_ir_set (b, global ("x7"),
              vmt_ir_op2 (b, VMT_IR_AND, VMT_IR_I64, 0, vmt_ir_const (b, 5), global ("x7"), 0));
  /* ld x5, 8(x5) */
  vmt_ir_insn (b, 20, 4);
  vmt_ir_set (b, global ("x5"), vmt_ir_load (b, VMT_IR_I64, 0, global ("x5"), 8, 0));
  /* jalr x5, 0(x5): the target is read before the link is written */
  vmt_ir_insn (b, 24, 4);
  v = vmt_ir_op2 (b, VMT_IR_ADD, VMT_IR_I64, 0, global ("x5"), vmt_ir_const (b, 0), 0);
  vmt_ir_set (b, global ("x5"), vmt_ir_pcrel (b, 28));
  vmt_ir_jump_indirect (b, v, VMT_IR_CALL_HINT);
  text = text_of (b, 28);
  g_assert_cmpstr (text, ==,
                   "block\n"
                   "insn 0, 4\n"
                   "  x5 = add.i64 x6, 0x3\n"
                   "insn 4, 4\n"
                   "  x5 = mov.i64 x6\n"
                   "insn 8, 2\n"
                   "insn 10, 2\n"
                   "  x5 = mov.i32.sx x5\n"
                   "insn 12, 4\n"
                   "  x7 = mov.i64 0xffffffffffffffff\n"
                   "insn 16, 4\n"
                   "  x7 = and.i64 x7, 0x5\n"
                   "insn 20, 4\n"
                   "  x5 = ld.i64 x5, #8\n"
                   "insn 24, 4\n"
                   "  %0 = mov.i64 x5\n"
                   "  x5 = pcrel.i64 #28\n"
                   "  jumpind.call %0\n"
                   "end\n");
  vmt_ir_builder_free (b);
}

static void
test_branches (void)
{
  VmtIrBuilder *b = vmt_ir_builder_new (ARCH);
  g_autofree char *never = NULL, *always = NULL;

  vmt_ir_builder_begin (b);
  vmt_ir_insn (b, 0, 4);
  vmt_ir_branch (b, VMT_IR_LT, VMT_IR_I64, global ("x5"), global ("x5"), 0x40);
  vmt_ir_branch (b, VMT_IR_NE, VMT_IR_I32, vmt_ir_const (b, G_GUINT64_CONSTANT (0x100000001)),
                 vmt_ir_const (b, 1), 0x40);
  g_assert_false (vmt_ir_builder_is_ended (b));
  never = text_of (b, 4);
  g_assert_cmpstr (never, ==, "block\ninsn 0, 4\n  jump #4\nend\n");

  vmt_ir_builder_begin (b);
  vmt_ir_insn (b, 0, 4);
  vmt_ir_branch (b, VMT_IR_GEU, VMT_IR_I64, vmt_ir_const (b, 0), vmt_ir_const (b, 0), -0x40);
  g_assert_true (vmt_ir_builder_is_ended (b));
  /* What comes after the end is dropped, whatever it is. */
  vmt_ir_set (b, global ("x5"),
              vmt_ir_op2 (b, VMT_IR_ADD, VMT_IR_I64, 0, global ("x5"), global ("x6"), 0));
  vmt_ir_store (b, VMT_IR_I64, global ("x5"), 0, vmt_ir_const (b, 77), 0);
  vmt_ir_call (b, VMT_IR_I64, 2, global ("x5"), global ("x6"), global ("x7"));
  vmt_ir_exit (b, 9);
  always = text_of (b, 4);
  g_assert_cmpstr (always, ==, "block\ninsn 0, 4\n  jump #-64\nend\n");
  vmt_ir_builder_free (b);
}

/* A helper that writes state counts as a write of every global. */
static void
test_helper_writes (void)
{
  VmtIrBuilder *b = vmt_ir_builder_new (ARCH);
  TestState *state = test_state_new (ARCH);
  g_autoptr (VmtIrBlock) block = NULL;
  VmtIrVal before, x = VMT_IR_NO_VAL;

  vmt_ir_builder_begin (b);
  vmt_ir_insn (b, 0, 4);
  before = vmt_ir_op1 (b, VMT_IR_MOV, VMT_IR_I64, 0, global ("sepc"), 0);
  x = vmt_ir_call (b, VMT_IR_NONE, 2, vmt_ir_const (b, 0x141), vmt_ir_const (b, 2),
                   vmt_ir_const (b, 0x500));
  g_assert_cmpuint (x, ==, VMT_IR_NO_VAL);
  vmt_ir_set (b, global ("x10"), before);
  vmt_ir_set (b, global ("x11"), global ("sepc"));
  block = vmt_ir_builder_finish (b, 4);
  check (block);
  *slot (state, "sepc") = 0x123;
  test_eval (state, block, 0, NULL);
  g_assert_cmphex (*slot (state, "x10"), ==, 0x123);
  g_assert_cmphex (*slot (state, "x11"), ==, 0x500);
  test_state_free (state);
  vmt_ir_builder_free (b);
}

/* Limits: room for one more instruction of any size, tables that grow, reuse. */
static void
test_limits (void)
{
  VmtIrBuilder *b = vmt_ir_builder_new (ARCH);

  for (guint round = 0; round < 3; round++)
    {
      g_autoptr (VmtIrBlock) nops = NULL, ops = NULL, huge = NULL, consts = NULL;
      guint n = 0;

      vmt_ir_builder_begin (b);
      while (!vmt_ir_builder_is_full (b))
        vmt_ir_insn (b, 2 * n++, 2);
      nops = vmt_ir_builder_finish (b, 2 * n);
      check (nops);
      g_assert_cmpuint (nops->n_insns, ==, 64);

      vmt_ir_builder_begin (b);
      for (n = 0; !vmt_ir_builder_is_full (b); n++)
        {
          vmt_ir_insn (b, 4 * n, 4);
          for (guint i = 0; i < 10; i++)
            vmt_ir_set (b, global ("x5"),
                        vmt_ir_op2 (b, VMT_IR_ADD, VMT_IR_I64, 0, global ("x5"), global ("x6"), 0));
        }
      ops = vmt_ir_builder_finish (b, 4 * n);
      check (ops);
      g_assert_cmpuint (ops->n_ops, <=, 256);

      vmt_ir_builder_begin (b);
      vmt_ir_insn (b, 0, 4);
      for (guint i = 0; i < 3000; i++)
        vmt_ir_set (
            b, global ("x5"),
            vmt_ir_op2 (b, VMT_IR_ADD, VMT_IR_I64, 0, global ("x5"), vmt_ir_const (b, i + 1), 0));
      huge = vmt_ir_builder_finish (b, 4);
      g_assert_cmpuint (huge->n_ops, ==, 3001);
      check (huge);
    }
  vmt_ir_builder_free (b);
}

/* The same calls give the same block, also from a builder that has been used. */
static void
test_deterministic (void)
{
  VmtIrBuilder *used = vmt_ir_builder_new (ARCH);

  for (guint round = 0; round < 50; round++)
    {
      VmtIrBuilder *fresh = vmt_ir_builder_new (ARCH), *builders[2] = { used, fresh };
      VmtIrBlock *blocks[2];
      guint32 seed = g_test_rand_int ();

      for (guint i = 0; i < 2; i++)
        {
          GRand *rand = g_rand_new_with_seed (seed);

          vmt_ir_builder_begin (builders[i]);
          for (guint j = 0; j < 20; j++)
            {
              VmtIrVal v;

              vmt_ir_insn (builders[i], 4 * j, 4);
              v = vmt_ir_op2 (builders[i], VMT_IR_ADD, VMT_IR_I64, 0, global ("x5"),
                              vmt_ir_const (builders[i], g_rand_int_range (rand, 0, 9)), 0);
              v = vmt_ir_op2 (builders[i], VMT_IR_XOR, VMT_IR_I64, 0, v, global ("x6"), 0);
              vmt_ir_set (builders[i], global ("x5"), v);
            }
          blocks[i] = vmt_ir_builder_finish (builders[i], 80);
          g_rand_free (rand);
        }
      g_assert_true (test_blocks_equal (blocks[0], blocks[1]));
      vmt_ir_block_free (blocks[0]);
      vmt_ir_block_free (blocks[1]);
      vmt_ir_builder_free (fresh);
    }
  vmt_ir_builder_free (used);
}

/* EXT ops: nothing comes between, also when an operand has to be saved first. */
static void
test_ext (void)
{
  VmtIrBuilder *b = vmt_ir_builder_new (ARCH);
  TestState *state = test_state_new (ARCH);
  g_autoptr (VmtIrBlock) block = NULL;
  VmtIrVal old, addr, pred, count, v;
  const guint64 memory[2] = { 5, 6 };

  vmt_ir_builder_begin (b);
  vmt_ir_insn (b, 0, 4);
  old = vmt_ir_op1 (b, VMT_IR_MOV, VMT_IR_I64, 0, global ("x10"), 0);
  addr = vmt_ir_op1 (b, VMT_IR_MOV, VMT_IR_I64, 0, global ("x11"), 0);
  vmt_ir_insn (b, 4, 4);
  vmt_ir_set (b, global ("x10"), vmt_ir_const (b, 1));
  vmt_ir_set (b, global ("x11"), vmt_ir_const (b, 2));
  vmt_ir_insn (b, 8, 4);
  vmt_ir_set (b, global ("x12"), vmt_ir_cas (b, VMT_IR_I64, 0, addr, 8, old, global ("x10"), 0));
  vmt_ir_insn (b, 12, 4);
  pred = vmt_ir_op1 (b, VMT_IR_P_FIRST_N, VMT_IR_NONE, 0, vmt_ir_const (b, 2), 2);
  v = vmt_ir_op_ext (b, VMT_IR_V_LDFF, VMT_IR_V128, VMT_IR_I64, addr, VMT_IR_NO_VAL, 0, 0, pred,
                     VMT_IR_NO_VAL, VMT_IR_NO_VAL, &count);
  vmt_ir_set (b, global ("v1"), v);
  vmt_ir_set (b, global ("vl"), count);
  vmt_ir_insn (b, 16, 4);
  v = vmt_ir_masked (
      b, VMT_IR_V_ADD, VMT_IR_V128, VMT_IR_I64, global ("v1"), global ("v1"), VMT_IR_NO_VAL, 0,
      vmt_ir_op1 (b, VMT_IR_P_FIRST_N, VMT_IR_NONE, 0, vmt_ir_const (b, 1), 2), global ("v1"));
  vmt_ir_set (b, global ("v2"), v);
  block = vmt_ir_builder_finish (b, 20);
  check (block);
  *slot (state, "x10") = 6;
  *slot (state, "x11") = TEST_RAM;
  memcpy (test_state_byte (state, TEST_RAM, TRUE), memory, sizeof memory);
  g_assert_cmpint (test_eval (state, block, 0, NULL), ==, VMT_IR_EVAL_JUMP);
  g_assert_cmpuint (*slot (state, "x12"), ==, 6);
  g_assert_cmpuint (*slot (state, "vl"), ==, 2);
  g_assert_cmpuint (slot (state, "v1")[0], ==, 5);
  g_assert_cmpuint (slot (state, "v1")[1], ==, 1); /* what the CAS stored */
  g_assert_cmpuint (slot (state, "v2")[0], ==, 10);
  g_assert_cmpuint (slot (state, "v2")[1], ==, 1);
  test_state_free (state);
  vmt_ir_builder_free (b);
}

int
main (int argc, char *argv[])
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/ir/builder/fold", test_fold);
  g_test_add_func ("/ir/builder/values-stay", test_values_stay);
  g_test_add_func ("/ir/builder/shapes", test_shapes);
  g_test_add_func ("/ir/builder/branches", test_branches);
  g_test_add_func ("/ir/builder/helper-writes", test_helper_writes);
  g_test_add_func ("/ir/builder/limits", test_limits);
  g_test_add_func ("/ir/builder/deterministic", test_deterministic);
  g_test_add_func ("/ir/builder/ext", test_ext);
  return g_test_run ();
}
