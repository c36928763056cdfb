/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Guest code that is translated while it runs, in each way that a host offers to make code
 * executable, and when the host takes that back in the middle. */
#include "vmt-host.h"

#include "../../tests/support/hardened.h"
#include "../../tests/support/test-self.h"
#include "../../tests/unit/exec/fake-arch.h"

#define CODE (FAKE_RAM + 0x10000)
#define DATA (FAKE_RAM + 0x100000)
#define N_PARTS 120u
/* Some parts are in the same page, some are not. */
#define PART_SIZE 0x340u
#define N_ROUNDS 5u

/* Parts that follow each other by jumps of all kinds, each known only when it is reached; part
 * @hooked calls the hook. x1: the sum, x2: rounds, x3: memory. */
static void
write_parts (FakeMachine *m, guint hooked)
{
  for (guint i = 0; i < N_PARTS; i++)
    {
      guint64 pc = CODE + i * PART_SIZE;
      const gint32 next = (gint32)(CODE + (i + 1) % N_PARTS * PART_SIZE);

      fake_put (m, pc, F_ADDI, 1, 1, 0, (gint32)(i * i + 1)), pc += 8;
      fake_put (m, pc, F_ST8, 0, 3, 1, (gint32)(i * 8)), pc += 8;
      fake_put (m, pc, F_LD8, 4, 3, 0, (gint32)(i * 8)), pc += 8;
      fake_put (m, pc, F_XOR, 5, 5, 4, 0), pc += 8;
      if (i == hooked)
        fake_put (m, pc, F_CALL, 0, 2, 0, 0), pc += 8;
      if (i == N_PARTS - 1)
        {
          fake_put (m, pc, F_ADDI, 2, 2, 0, -1), pc += 8;
          fake_put (m, pc, F_BNE, 0, 2, 0, (gint32)(CODE - pc)), pc += 8;
          fake_put (m, pc, F_STOP, 0, 0, 0, 0);
        }
      else if (i % 3 == 0)
        {
          fake_put (m, pc, F_AUIPC, 6, 0, 0, (gint32)((guint32)next - pc)), pc += 8;
          fake_put (m, pc, F_JR, 0, 6, 0, 0);
        }
      else
        fake_put (m, pc, F_JMP, 0, 0, 0, (gint32)((guint32)next - pc));
    }
}

static void
check_parts (FakeState *s)
{
  guint64 sum = 0, mix = 0;

  for (guint round = 0; round < N_ROUNDS; round++)
    for (guint i = 0; i < N_PARTS; i++)
      mix ^= sum += i * i + 1;
  g_assert_cmpuint (s->n_exceptions, ==, 0);
  g_assert_cmphex (s->x[1], ==, sum);
  g_assert_cmphex (s->x[5], ==, mix);
}

/* --- the host changes its mind --- */

static void
refuse (VmtVcpu *vcpu, guint64 a, guint64 b)
{
  static gsize once;

  if (g_once_init_enter (&once))
    {
      g_assert_true (hardened_install (hardened_none, G_N_ELEMENTS (hardened_none), TRUE));
      g_once_init_leave (&once, 1);
    }
}

static void
find_lost (const char *name, guint64 value, gpointer data)
{
  if (g_str_equal (name, "tier.code-lost"))
    *(guint64 *)data = value;
}

typedef struct
{
  const char *path, *strategy;
  guint n_vcpus;
  gboolean refuses;
  guint refused_at;
  guint64 lost;
} Case;

static void
run_parts (const Case *c)
{
  FakeMachine *m;
  guint64 lost = G_MAXUINT64;

  g_setenv ("VMTOOL_CODE_MEMORY", c->strategy, TRUE);
  m = fake_machine_new_with_tier (c->n_vcpus, "baseline");
  if (m == NULL)
    return;
  write_parts (m, c->refused_at);
  vmt_exec_resume (m->exec);
  for (guint i = 0; i < c->n_vcpus; i++)
    {
      FakeState *s = fake_state (m, i);

      s->x[2] = N_ROUNDS;
      s->x[3] = DATA + i * 0x1000;
      s->hook = c->refuses ? refuse : NULL;
    }
  for (guint i = 0; i < c->n_vcpus; i++)
    fake_run (m, i, CODE);
  g_assert_true (fake_wait (m));
  for (guint i = 0; i < c->n_vcpus; i++)
    check_parts (fake_state (m, i));
  vmt_exec_visit_counters (m->exec, find_lost, &lost);
  g_assert_cmpuint (lost, ==, c->lost);
  fake_machine_free (m);
}

static const Case cases[] = {
  { "/baseline/modes/dual/1", "dual", 1, FALSE, 0, 0 },
  { "/baseline/modes/dual/4", "dual", 4, FALSE, 0, 0 },
  { "/baseline/modes/toggle/1", "toggle", 1, FALSE, 0, 0 },
  { "/baseline/modes/toggle/4", "toggle", 4, FALSE, 0, 0 },
  /* what is mapped twice needs nobody's leave */
  { "/baseline/modes/dual/refused", "dual", 1, TRUE, N_PARTS / 2, 0 },
  /* pages are written in place, and stay so */
  { "/baseline/modes/toggle/lost", "toggle", 1, TRUE, N_PARTS / 2, 1 },
  { "/baseline/modes/toggle/lost-early", "toggle", 1, TRUE, 1, 1 },
  /* new pages are not taken, old ones go on */
  { "/baseline/modes/toggle/refused", "toggle", 4, TRUE, N_PARTS / 2, 0 },
};

static void
test_case (gconstpointer data)
{
  const Case *c = data;
  g_autoptr (GError) refused = NULL;

  if (g_test_subprocess ())
    run_parts (c);
  /* under an emulator of processes */
  else if (!vmt_host_probe_code_memory (g_str_equal (c->strategy, "dual") ? VMT_HOST_CODE_DUAL
                                                                          : VMT_HOST_CODE_TOGGLE,
                                        &refused))
    g_test_skip (refused->message);
  else if (c->refuses && prctl (PR_GET_SECCOMP, 0, 0, 0, 0) < 0)
    g_test_skip ("this kernel does not filter system calls");
  else
    g_assert_cmpint (test_self_run (), ==, 0);
}

/* No code at all: the tier says why. */
static void
test_none (void)
{
  if (g_test_subprocess ())
    {
      g_autoptr (GError) error = NULL;
      VmtObject *tier;

      g_setenv ("VMTOOL_CODE_MEMORY", "none", TRUE);
      tier = vmt_registry_create (vmt_registry_get_default (), VMT_FEATURE_TIER, "baseline", NULL);
      g_object_ref_sink (tier);
      g_assert_false (vmt_tier_probe (VMT_TIER (tier), &error));
      g_assert_error (error, VMT_ERROR, VMT_ERROR_UNSUPPORTED);
      g_assert_nonnull (strstr (error->message, "VMTOOL_CODE_MEMORY asks for 'none'"));
      g_object_unref (tier);
    }
  else
    g_assert_cmpint (test_self_run (), ==, 0);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    g_test_add_data_func (cases[i].path, &cases[i], test_case);
  g_test_add_func ("/baseline/modes/none", test_none);
  return g_test_run ();
}
