/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "ir-test-arch.h"
#include "vmt-error.h"
#include "vmt-ir-random.h"

#define ARCH (&test_arch_riscv64)

static const VmtIrRandomConfig config = {
  .classes = VMT_IR_RANDOM_ALL, .n_ops = 40, .base = TEST_RAM, .size = 4096, .wild = 20
};

static const VmtArchOps *
arch (guint i)
{
  const VmtArchOps *all[] = { &test_arch_x86_64, &test_arch_aarch64, &test_arch_riscv64 };

  return all[i % 3];
}

static void
test_round_trip_random (void)
{
  for (guint i = 0; i < 1500; i++)
    {
      g_autoptr (GError) error = NULL;
      g_autoptr (VmtIrBlock) block = vmt_ir_random_block (arch (i), g_test_rand_int (), &config);

      if (!vmt_ir_block_verify (block, &error))
        {
          g_autofree char *text = vmt_ir_block_to_text (block);

          g_error ("%s\n%s", error->message, text);
        }
      g_assert_true (test_round_trip (block));
    }
}

static void
test_same_seed (void)
{
  for (guint i = 0; i < 20; i++)
    {
      g_autoptr (VmtIrBlock) a = vmt_ir_random_block (ARCH, i, &config);
      g_autoptr (VmtIrBlock) b = vmt_ir_random_block (ARCH, i, &config);
      g_autoptr (VmtIrBlock) c = vmt_ir_random_block (ARCH, i + 1000, &config);

      g_assert_true (test_blocks_equal (a, b));
      g_assert_false (test_blocks_equal (a, c));
    }
}

/* Each is one mistake, and what the message must name. */
static void
test_errors (void)
{
  static const struct
  {
    const char *body, *message;
  } bad[] = {
    { "  jmp #0\n", "no op 'jmp'" },
    { "  = jump #0\n", "no result before" },
    { "  x5 = add.i64 x5\n", "expected ','" },
    { "  x5 = add.i64 x5, x6, x7\n", "after the operands" },
    { "  x5 = add.i65 x5, x6\n", "'i65'" },
    { "  x5 = add.i64.zx x5, x6\n", "'zx'" },
    { "  x5 = add.i64.uw.sx x5, x6\n", "'sx'" },
    { "  x5 = add.i64 x5, x99\n", "'x99' is not a global of riscv64" },
    { "  x5 = add.i64 x5, %0\n", "'%0'" },
    { "  %0 = add.i64 x5, x5\n  x5 = mov.i64 %1\n", "not a number from 0 to 0" },
    { "  %1 = add.i64 x5, x5\n", "not a number from 0 to 0" },
    { "  %0 = add.i64 x5, x5\n  %0 = mov.i64 x5\n", "not a number from 1 to 1" },
    { "  %-1 = add.i64 x5, x5\n", "not a number" },
    { "  _ = add.i64 x5, x5\n", "not a result" },
    { "  0x5 = add.i64 x5, x5\n", "not a global" },
    { "  x5 = add.i64 x5, 0x\n", "not a number" },
    { "  x5 = add.i64 x5, 0x12g\n", "not a number" },
    { "  x5 = add.i64 x5, 12a\n", "not a number" },
    { "  x5 = mov.i64 0x100000000000000000000000000000000\n", "not a number" },
    { "  x5 = mov.i64 -9223372036854775809\n", "not a number" },
    { "  br.i64 x5, x6, #4\n", "needs a condition" },
    { "  br.i64.gt x5, x6, #4\n", "needs a condition" },
    { "  br.i64.eq x5, x6\n", "expected ','" },
    { "  br.i64.eq x5, x6, 4\n", "expected '#'" },
    { "  br.i64.eq x5, x6, #2147483648\n", "not a number from" },
    { "  br.i64.eq x5, x6, #\n", "not a number" },
    { "  x5 = ld.i64 x6, #0 {fast}\n", "no memory attribute 'fast'" },
    { "  x5 = ld.i64 x6, #0 {\n", "no memory attribute ''" },
    { "  x5 = ld.i64 x6, #0 acquire\n", "after the operands" },
    { "  x5 = amo.i64.mul x6, x7\n", "needs a condition or operation" },
    { "  v1 = vadd.v128 v1, v2\n", "needs an element type" },
    { "  v1 = vadd.v128.i32.x v1, v2\n", "'x'" },
    { "  x5 = call.i64 @nothing, _, _, _\n", "no helper '@nothing'" },
    { "  x5 = call.i64 div128, _, _, _\n", "no helper 'div128'" },
    { "  insn 40000, 4\n", "not a number from" },
    { "  insn 0, -1\n", "not a number from" },
    { "  insn 0\n", "expected ','" },
    { "  insn 0, 4 x\n", "after the length" },
    { "  block\n", "no op 'block'" },
    { "end\n  x5 = mov.i64 x6\n", "text after 'end'" },
  };

  for (guint i = 0; i < G_N_ELEMENTS (bad); i++)
    {
      g_autofree char *text = g_strdup_printf ("block\ninsn 0, 4\n%s  jump #4\nend\n", bad[i].body);
      g_autoptr (GError) error = NULL;
      VmtIrBlock *block = vmt_ir_block_from_text (text, ARCH, &error);

      if (block)
        g_error ("accepted: %s", bad[i].body);
      g_assert_error (error, VMT_ERROR, VMT_ERROR_INVALID);
      if (!strstr (error->message, bad[i].message) || !g_str_has_prefix (error->message, "line "))
        g_error ("%s: %s", bad[i].body, error->message);
    }
  {
    static const char *const frames[] = {
      "", "\n\n", "end\n", "block\n", "blocks\nend\n", "block\nblock\nend\n", "block x\nend\n"
    };

    for (guint i = 0; i < G_N_ELEMENTS (frames); i++)
      {
        g_autoptr (GError) error = NULL;

        g_assert_null (vmt_ir_block_from_text (frames[i], ARCH, &error));
        g_assert_error (error, VMT_ERROR, VMT_ERROR_INVALID);
      }
  }
}

/* Blanks, comments, decimal and negative numbers are accepted; the printed form is one. */
static void
test_forms (void)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *text = NULL;
  g_autoptr (VmtIrBlock) block = vmt_ir_block_from_text (
      "; a comment\r\n\n  block ; begins\n\tinsn -2,4\r\n%0=add.i64 x5,-1;\n"
      "f0 = bits2f.f64 -9223372036854775808\nx6 = ld.i32.sx %0 , #-8 { release acquire }\n "
      "x7=mov.i64 18446744073709551615\n jump "
      "#4\nend",
      ARCH, &error);

  g_assert_no_error (error);
  text = vmt_ir_block_to_text (block);
  g_assert_cmpstr (text, ==,
                   "block\ninsn -2, 4\n  %0 = add.i64 x5, 0xffffffffffffffff\n"
                   "  f0 = bits2f.f64 0x8000000000000000\n"
                   "  x6 = ld.i32.sx %0, #-8 {acquire release}\n"
                   "  x7 = mov.i64 0xffffffffffffffff\n  jump #4\nend\n");
}

/* A line that is longer than any name, more ops than a block may have. */
static void
test_limits (void)
{
  g_autoptr (GString) s = g_string_new ("block\ninsn 0, 4\n  ");
  g_autoptr (GError) error = NULL;

  for (guint i = 0; i < 100000; i++)
    g_string_append_c (s, 'x');
  g_assert_null (vmt_ir_block_from_text (s->str, ARCH, &error));
  g_assert_nonnull (error);
  g_clear_error (&error);

  g_string_assign (s, "block\ninsn 0, 4\n");
  for (guint i = 0; i < 5000; i++)
    g_string_append_printf (s, "  x5 = add.i64 x5, %u\n", i);
  g_string_append (s, "  jump #4\nend\n");
  g_assert_null (vmt_ir_block_from_text (s->str, ARCH, &error));
  g_assert_nonnull (strstr (error->message, "more than"));
}

/* Changed text is refused, or a block; a block that then verifies can be evaluated. Nothing
 * crashes. */
static void
test_mutations (void)
{
  static const char alphabet[] = "xv%0123456789abcdef#.,={}_- \n;@?";
  VmtIrRandomConfig small = config;
  guint parsed = 0, verified = 0;

  small.n_ops = 12;
  for (guint i = 0; i < 6000; i++)
    {
      const VmtArchOps *a = arch (i);
      g_autoptr (VmtIrBlock) block = vmt_ir_random_block (a, g_test_rand_int (), &small),
                             other = NULL;
      g_autofree char *text = vmt_ir_block_to_text (block), *printed = NULL;
      guint n = strlen (text), edits = g_test_rand_int_range (1, 4);
      g_autoptr (GString) s = g_string_new (text);
      g_autoptr (GError) error = NULL;

      for (guint j = 0; j < edits; j++)
        {
          guint at = g_test_rand_int_range (0, s->len);

          switch (g_test_rand_int_range (0, 5))
            {
            case 0:
              g_string_erase (s, at, g_test_rand_int_range (0, MIN (s->len - at, 12) + 1));
              break;
            case 1:
              g_string_insert_c (s, at, alphabet[g_test_rand_int_range (0, sizeof alphabet - 1)]);
              break;
            case 2:
              s->str[at] = g_test_rand_int_range (1, 256);
              break;
            case 3:
              {
                guint from = g_test_rand_int_range (0, n);
                g_autofree char *part = g_strndup (text + from, g_test_rand_int_range (0, 30));

                g_string_insert (s, at, part);
                break;
              }
            default:
              s->str[at] = alphabet[g_test_rand_int_range (0, sizeof alphabet - 1)];
              break;
            }
          if (!s->len)
            g_string_append_c (s, 'b');
        }
      other = vmt_ir_block_from_text (s->str, a, &error);
      if (!other)
        {
          g_assert_nonnull (error);
          continue;
        }
      g_assert_no_error (error);
      parsed++;
      printed = vmt_ir_block_to_text (other);
      g_assert_nonnull (printed);
      if (vmt_ir_block_verify (other, NULL))
        {
          TestState *state = test_state_new (a);

          verified++;
          g_assert_true (test_round_trip (other));
          vmt_ir_random_state (a, i, &state->vcpu);
          test_eval (state, other, 10, NULL);
          test_state_free (state);
        }
    }
  g_assert_cmpuint (parsed, >, verified);
  g_assert_cmpuint (verified, >, 50);
}

static void
test_noise (void)
{
  for (guint i = 0; i < 3000; i++)
    {
      guint n = g_test_rand_int_range (0, 200);
      g_autofree char *text = g_malloc0 (n + 16);

      strcpy (text, "block\n");
      for (guint j = 0; j < n; j++)
        text[6 + j] = g_test_rand_int_range (1, 256);
      g_assert_null (vmt_ir_block_from_text (text, ARCH, NULL));
    }
}

/* Printing takes blocks that no verifier would. */
static void
test_print_anything (void)
{
  for (guint i = 0; i < 20000; i++)
    {
      VmtIrOp ops[4];
      VmtIrInsn insn = { g_test_rand_int_range (0, 6), 0, 4, 0 };
      VmtIrConst k = { 1, 2 };
      VmtIrBlock block = { .ops = ops,
                           .n_ops = 4,
                           .insns = &insn,
                           .n_insns = 1,
                           .consts = &k,
                           .n_consts = 1,
                           .arch = ARCH };
      g_autofree char *text = NULL;
      g_autoptr (GError) error = NULL;

      for (guint j = 0; j < G_N_ELEMENTS (ops); j++)
        {
          guint32 raw[4] = { g_test_rand_int (), g_test_rand_int (), g_test_rand_int (),
                             g_test_rand_int () };

          memcpy (&ops[j], raw, sizeof ops[j]);
          if (g_test_rand_bit ())
            ops[j].opcode %= VMT_IR_N_OPS;
          if (g_test_rand_bit ())
            ops[j].type %= VMT_IR_FLAGS + 1;
        }
      text = vmt_ir_block_to_text (&block);
      g_assert_true (g_str_has_suffix (text, "end\n"));
      g_assert_false (vmt_ir_block_verify (&block, &error));
      g_assert_error (error, VMT_ERROR, VMT_ERROR_INVALID);
    }
}

int
main (int argc, char *argv[])
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/ir/text/round-trip", test_round_trip_random);
  g_test_add_func ("/ir/text/same-seed", test_same_seed);
  g_test_add_func ("/ir/text/errors", test_errors);
  g_test_add_func ("/ir/text/forms", test_forms);
  g_test_add_func ("/ir/text/limits", test_limits);
  g_test_add_func ("/ir/text/mutations", test_mutations);
  g_test_add_func ("/ir/text/noise", test_noise);
  g_test_add_func ("/ir/text/print-anything", test_print_anything);
  return g_test_run ();
}
