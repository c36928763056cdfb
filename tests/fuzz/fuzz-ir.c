/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* IR text: what the parser takes and the verifier finds right survives the round trip and can be
 * evaluated. */
#include "fuzz.h"

#include "ir-test-arch.h"

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  static const VmtArchOps *const archs[] = { &test_arch_x86_64, &test_arch_aarch64,
                                             &test_arch_riscv64 };
  g_autofree char *text = g_strndup ((const char *)data, size);

  for (guint i = 0; i < G_N_ELEMENTS (archs); i++)
    {
      g_autoptr (GError) error = NULL;
      g_autoptr (VmtIrBlock) block = vmt_ir_block_from_text (text, archs[i], &error);
      TestState *state;
      guint64 pc;

      g_assert_true ((block == NULL) == (error != NULL));
      if (block == NULL)
        continue;
      g_assert_true (test_round_trip (block));
      if (!vmt_ir_block_verify (block, &error))
        {
          g_assert_nonnull (error);
          continue;
        }
      g_assert_no_error (error);
      state = test_state_new (archs[i]);
      g_assert_cmpint (test_eval (state, block, 1000, &pc), >, VMT_IR_EVAL_NEXT);
      test_state_free (state);
    }
  return 0;
}
