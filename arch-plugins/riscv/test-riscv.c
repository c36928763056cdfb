/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "test-riscv.h"

#include <string.h>

guint32
test_riscv_random_word (GRand *rand, guint index)
{
  const RiscvIsaRow *row = &riscv_isa_rows[index];
  const guint32 all = row->length == 2 ? 0xffff : 0xffffffff;

  for (;;)
    {
      const guint32 word = row->match | (g_rand_int (rand) & ~row->mask & all);
      /* Special cases of a row are other rows. */
      const int got = row->length == 2 ? riscv_isa_decode_16 (word) : riscv_isa_decode_32 (word);
      if ((row->valid == NULL || row->valid (word)) && got == (int)index)
        return word;
      /* Nothing but an excluded value or a special case may lead elsewhere. */
      g_assert_true ((row->valid != NULL && !row->valid (word)) ||
                     (got >= 0 && (riscv_isa_rows[got].mask & row->mask) == row->mask));
    }
}

/* A tier that never runs. */
#define TEST_TYPE_TIER (test_tier_get_type ())
G_DECLARE_FINAL_TYPE (TestTier, test_tier, TEST, TIER, VmtTier)
struct _TestTier
{
  VmtTier parent_instance;
};
G_DEFINE_FINAL_TYPE (TestTier, test_tier, VMT_TYPE_TIER)

static void
test_tier_class_init (TestTierClass *klass)
{
}

static void
test_tier_init (TestTier *self)
{
}

static guint64
get_time (gpointer data)
{
  return ((TestHart *)data)->now;
}

void
test_riscv_hart_init (TestHart *t)
{
  g_autoptr (GError) error = NULL;
  const VmtExecHost host = { .get_time = get_time, .data = t };
  g_autoptr (VmtTier) tier = g_object_new (TEST_TYPE_TIER, NULL);

  *t = (TestHart){ 0 };
  t->space = vmt_address_space_new ("test");
  t->ram = vmt_ram_new ("ram", TEST_RAM_SIZE, VMT_RAM_ANON, NULL, &error);
  g_assert_no_error (error);
  vmt_address_space_add_ram (t->space, TEST_RAM, t->ram, 0, TEST_RAM_SIZE, FALSE, NULL, &error);
  g_assert_no_error (error);
  t->exec = vmt_exec_new (t->space, tier, &host);
  t->vcpu = vmt_exec_add_vcpu (t->exec, &riscv_arch_ops, NULL, 0);
  t->r = riscv_state (t->vcpu);
  riscv_arch_ops.reset (t->vcpu);
}

void
test_riscv_hart_clear (TestHart *t)
{
  vmt_exec_free (t->exec);
  vmt_ram_unref (t->ram);
  vmt_address_space_unref (t->space);
}

guint64 *
test_riscv_ram (TestHart *t, guint64 pa)
{
  g_assert_cmpuint (pa - TEST_RAM, <, TEST_RAM_SIZE);
  return (guint64 *)(t->ram->host + (pa - TEST_RAM));
}

static const VmtArchRegister *
find (const char *name)
{
  for (guint i = 0; i < riscv_arch_ops.n_registers; i++)
    if (strcmp (riscv_registers[i].name, name) == 0)
      return &riscv_registers[i];
  g_error ("no register %s", name);
}

guint64
test_riscv_get_csr (TestHart *t, const char *name)
{
  const VmtArchRegister *reg = find (name);
  return reg->get (t->vcpu, reg->arg);
}

void
test_riscv_set_csr (TestHart *t, const char *name, guint64 value)
{
  const VmtArchRegister *reg = find (name);
  reg->set (t->vcpu, reg->arg, value);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  test_riscv_add_decode ();
  test_riscv_add_disas ();
  test_riscv_add_csr ();
  test_riscv_add_mmu ();
  test_riscv_add_cpu ();
  test_riscv_add_guest ();
  return g_test_run ();
}
