/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "test-riscv.h"

#include <string.h>

#define ONES G_MAXUINT64
#define MS 1000000u

static void
setup (TestHart *t, gconstpointer data)
{
  test_riscv_hart_init (t);
}

static void
teardown (TestHart *t, gconstpointer data)
{
  test_riscv_hart_clear (t);
}

static void
test_table (void)
{
  g_autoptr (GHashTable) names = g_hash_table_new (g_str_hash, g_str_equal);

  for (guint i = 0; i < RISCV_N_CSRS; i++)
    {
      const RiscvCsr *csr = &riscv_csrs[i];
      if (i > 0)
        g_assert_cmphex (csr->number, >, riscv_csrs[i - 1].number);
      g_assert_true (riscv_csr_find (csr->number) == csr);
      g_assert_nonnull (csr->get);
      /* What the number says is read-only has nothing that could write it. */
      if (csr->number >> 10 == 3)
        g_assert_null (csr->set);
    }
  for (guint n = 0; n < 4096; n++)
    {
      const RiscvCsr *csr = riscv_csr_find (n);
      g_assert_true (csr == NULL || csr->number == n);
    }
  for (guint i = 0; i < riscv_arch_ops.n_registers; i++)
    {
      const VmtArchRegister *reg = &riscv_registers[i];
      g_assert_true (g_hash_table_add (names, (gpointer)reg->name));
      g_assert_true (reg->offset >= 0 || (reg->get != NULL && reg->set != NULL));
      g_assert_cmpuint (reg->bits, >, 0);
    }
  for (guint i = 0; i < 32; i++)
    {
      g_autofree char *x = g_strdup_printf ("x%u", i), *f = g_strdup_printf ("f%u", i);
      g_assert_true (g_hash_table_contains (names, x));
      g_assert_true (g_hash_table_contains (names, f));
    }
}

static gboolean
access_at (TestHart *t, guint priv, const char *name, gboolean write)
{
  const guint saved = t->r->priv;
  guint64 old;
  gboolean ok = FALSE;

  for (guint i = 0; i < RISCV_N_CSRS; i++)
    if (strcmp (riscv_csrs[i].name, name) == 0)
      {
        t->r->priv = priv;
        ok = riscv_csr_access (t->r, &riscv_csrs[i], RISCV_CSR_OP_SET, 0, TRUE, write, &old);
        t->r->priv = saved;
        return ok;
      }
  g_assert_not_reached ();
}

/* Write all ones, then all zeros, and see which bits took. */
static void
test_warl (TestHart *t, gconstpointer data)
{
  static const struct
  {
    const char *name;
    guint64 ones, zeros;
  } rows[] = {
    { "mscratch", ONES, 0 },
    { "sscratch", ONES, 0 },
    { "mtvec", ONES - 2, 0 },
    { "stvec", ONES - 2, 0 },
    { "mepc", ONES - 1, 0 },
    { "sepc", ONES - 1, 0 },
    { "medeleg", 0xb3ff, 0 },
    { "mideleg", 0x222, 0 },
    { "mie", 0xaaa, 0 },
    { "mcounteren", 0xffffffff, 0 },
    { "scounteren", 0xffffffff, 0 },
    { "mcountinhibit", 5, 0 },
    { "misa", 0x800000000014112d, 0x800000000014112d },
    { "mstatus", 0x8000000a007e79aa, 0x0000000a00000000 },
    { "fcsr", 0xff, 0 },
    { "frm", 7, 0 },
    { "fflags", 31, 0 },
    { "menvcfg", 0xe0000000000000f1, 0 },
    { "senvcfg", 0xf1, 0 },
    { "pmpaddr0", (G_GUINT64_CONSTANT (1) << 54) - 1, 0 },
    { "pmpaddr16", 0, 0 },
    { "pmpcfg2", 0x9f9f9f9f9f9f9f9f, 0x9f9f9f9f9f9f9f9f }, /* locked by the first write */
    { "pmpcfg4", 0, 0 },
    { "mhpmcounter3", 0, 0 },
    { "mhpmevent31", 0, 0 },
    { "tselect", 0, 0 },
    { "tdata1", 0, 0 },
    { "tinfo", 1, 1 },
    { "mvendorid", 0, 0 },
    { "mhartid", 0, 0 },
    { "stimecmp", ONES, 0 },
  };

  for (guint i = 0; i < G_N_ELEMENTS (rows); i++)
    {
      test_riscv_set_csr (t, rows[i].name, ONES);

      g_assert_cmphex (test_riscv_get_csr (t, rows[i].name), ==, rows[i].ones);
      test_riscv_set_csr (t, rows[i].name, 0);
      g_assert_cmphex (test_riscv_get_csr (t, rows[i].name), ==, rows[i].zeros);
    }
}

static void
test_fields (TestHart *t, gconstpointer data)
{
  /* MPP has no mode 2. */
  test_riscv_set_csr (t, "mstatus", 1 << 11);
  test_riscv_set_csr (t, "mstatus", 2 << 11);
  g_assert_cmphex (test_riscv_get_csr (t, "mstatus") & RISCV_MSTATUS_MPP, ==, 1 << 11);
  /* CBIE has no value 2. */
  test_riscv_set_csr (t, "menvcfg", 1 << 4);
  test_riscv_set_csr (t, "menvcfg", 2 << 4);
  g_assert_cmphex (test_riscv_get_csr (t, "menvcfg"), ==, 1 << 4);
  /* satp ignores a write with a mode that is not there, as a whole. */
  test_riscv_set_csr (t, "satp", (guint64)8 << 60 | 0x1234);
  for (guint64 mode = 1; mode < 16; mode++)
    if (mode < 8 || mode > 10)
      test_riscv_set_csr (t, "satp", mode << 60 | 0x5678);
  g_assert_cmphex (test_riscv_get_csr (t, "satp"), ==, (guint64)8 << 60 | 0x1234);
  t->r->config.satp_mode = RISCV_SATP_SV48;
  test_riscv_set_csr (t, "satp", (guint64)10 << 60);
  g_assert_cmphex (test_riscv_get_csr (t, "satp"), ==, (guint64)8 << 60 | 0x1234);
  test_riscv_set_csr (t, "satp", (guint64)9 << 60 | (guint64)0xffff << 44);
  g_assert_cmphex (test_riscv_get_csr (t, "satp"), ==, (guint64)9 << 60 | (guint64)0xffff << 44);
  /* W without R */
  test_riscv_set_csr (t, "pmpcfg0", 0x1a);
  g_assert_cmphex (test_riscv_get_csr (t, "pmpcfg0"), ==, 0x18);
  /* without C, instruction addresses are multiples of 4 */
  t->r->config.ext &= ~RISCV_EXT_C;
  test_riscv_set_csr (t, "mepc", 0xfff);
  g_assert_cmphex (test_riscv_get_csr (t, "mepc"), ==, 0xffc);
  /* Without F there is no FS. */
  t->r->config.ext &= ~(RISCV_EXT_F | RISCV_EXT_D);
  test_riscv_set_csr (t, "mstatus", 0);
  test_riscv_set_csr (t, "mstatus", 3 << 13);
  g_assert_cmphex (test_riscv_get_csr (t, "mstatus") & RISCV_MSTATUS_FS, ==, 0);
  /* What is not there cannot be switched on. */
  t->r->config.svpbmt = t->r->config.sstc = t->r->config.svadu = FALSE;
  t->r->config.ext &= ~(RISCV_EXT_ZICBOM | RISCV_EXT_ZICBOZ);
  test_riscv_set_csr (t, "menvcfg", 0);
  test_riscv_set_csr (t, "menvcfg", ONES);
  g_assert_cmphex (test_riscv_get_csr (t, "menvcfg") & ~(guint64)0x30, ==, RISCV_ENVCFG_FIOM);
}

static void
test_views (TestHart *t, gconstpointer data)
{
  test_riscv_set_csr (t, "mstatus", ONES);
  g_assert_cmphex (test_riscv_get_csr (t, "sstatus"), ==, 0x80000002000c6122);
  test_riscv_set_csr (t, "sstatus", 0);
  g_assert_cmphex (test_riscv_get_csr (t, "mstatus"), ==, 0x0000000a00721888);
  test_riscv_set_csr (t, "mie", ONES);
  g_assert_cmphex (test_riscv_get_csr (t, "sie"), ==, 0);
  test_riscv_set_csr (t, "mideleg", 0x22);
  g_assert_cmphex (test_riscv_get_csr (t, "sie"), ==, 0x22);
  test_riscv_set_csr (t, "sie", 0);
  g_assert_cmphex (test_riscv_get_csr (t, "mie"), ==, 0xa88);
  /* sip: of what is delegated only the software bit can be written */
  test_riscv_set_csr (t, "mip", ONES);
  g_assert_cmphex (test_riscv_get_csr (t, "mip"), ==, 0x222);
  g_assert_cmphex (test_riscv_get_csr (t, "sip"), ==, 0x22);
  test_riscv_set_csr (t, "sip", 0);
  g_assert_cmphex (test_riscv_get_csr (t, "mip"), ==, 0x220);
  test_riscv_set_csr (t, "mideleg", 0);
  test_riscv_set_csr (t, "sip", ONES);
  g_assert_cmphex (test_riscv_get_csr (t, "mip"), ==, 0x220);
}

static void
test_gates (TestHart *t, gconstpointer data)
{
  g_assert_true (access_at (t, RISCV_M, "mstatus", TRUE));
  g_assert_false (access_at (t, RISCV_S, "mstatus", FALSE));
  g_assert_false (access_at (t, RISCV_U, "sstatus", FALSE));
  g_assert_true (access_at (t, RISCV_S, "sstatus", TRUE));
  g_assert_true (access_at (t, RISCV_M, "mhartid", FALSE));
  g_assert_false (access_at (t, RISCV_M, "mhartid", TRUE));
  g_assert_false (access_at (t, RISCV_M, "cycle", TRUE));
  /* FS */
  g_assert_false (access_at (t, RISCV_M, "fflags", FALSE));
  test_riscv_set_csr (t, "mstatus", 1 << 13);
  g_assert_true (access_at (t, RISCV_U, "fflags", TRUE));
  g_assert_cmphex (test_riscv_get_csr (t, "mstatus") & RISCV_MSTATUS_FS, ==, RISCV_MSTATUS_FS);
  /* TVM */
  g_assert_true (access_at (t, RISCV_S, "satp", TRUE));
  test_riscv_set_csr (t, "mstatus", RISCV_MSTATUS_TVM);
  g_assert_false (access_at (t, RISCV_S, "satp", FALSE));
  g_assert_true (access_at (t, RISCV_M, "satp", FALSE));
  /* counters: each level must let the next one */
  static const char *const counters[] = { "cycle", "time", "instret", "hpmcounter3",
                                          "hpmcounter31" };
  static const guint bits[] = { 0, 1, 2, 3, 31 };
  for (guint i = 0; i < G_N_ELEMENTS (counters); i++)
    {
      test_riscv_set_csr (t, "mcounteren", 0);
      test_riscv_set_csr (t, "scounteren", ONES);
      g_assert_true (access_at (t, RISCV_M, counters[i], FALSE));
      g_assert_false (access_at (t, RISCV_S, counters[i], FALSE));
      g_assert_false (access_at (t, RISCV_U, counters[i], FALSE));
      test_riscv_set_csr (t, "mcounteren", RISCV_BIT (bits[i]));
      g_assert_true (access_at (t, RISCV_S, counters[i], FALSE));
      g_assert_true (access_at (t, RISCV_U, counters[i], FALSE));
      test_riscv_set_csr (t, "scounteren", ~RISCV_BIT (bits[i]));
      g_assert_true (access_at (t, RISCV_S, counters[i], FALSE));
      g_assert_false (access_at (t, RISCV_U, counters[i], FALSE));
    }
  /* Sstc */
  test_riscv_set_csr (t, "mcounteren", ONES);
  test_riscv_set_csr (t, "menvcfg", 0);
  g_assert_false (access_at (t, RISCV_S, "stimecmp", TRUE));
  g_assert_true (access_at (t, RISCV_M, "stimecmp", TRUE));
  test_riscv_set_csr (t, "menvcfg", RISCV_ENVCFG_STCE);
  g_assert_true (access_at (t, RISCV_S, "stimecmp", TRUE));
  test_riscv_set_csr (t, "mcounteren", 0);
  g_assert_false (access_at (t, RISCV_S, "stimecmp", TRUE));
  t->r->config.sstc = FALSE;
  g_assert_false (access_at (t, RISCV_M, "stimecmp", TRUE));
}

static void
test_lines (TestHart *t, gconstpointer data)
{
  static const guint levels[] = { RISCV_IRQ_MSI, RISCV_IRQ_MTI, RISCV_IRQ_MEI, RISCV_IRQ_SEI,
                                  RISCV_IRQ_STI };
  guint64 old;

  for (guint i = 0; i < G_N_ELEMENTS (levels); i++)
    {
      riscv_set_line (t->r, levels[i], TRUE);
      g_assert_cmphex (test_riscv_get_csr (t, "mip"), ==, RISCV_BIT (levels[i]));
      /* Software cannot clear what a line drives. */
      test_riscv_set_csr (t, "mip", 0);
      g_assert_cmphex (test_riscv_get_csr (t, "mip"), ==, RISCV_BIT (levels[i]));
      riscv_set_line (t->r, levels[i], FALSE);
      g_assert_cmphex (test_riscv_get_csr (t, "mip"), ==, 0);
    }
  /* A set of another bit does not make the line's level stick. */
  riscv_set_line (t->r, RISCV_IRQ_SEI, TRUE);
  g_assert_true (
      riscv_csr_access (t->r, &riscv_csrs[RISCV_CSR_mip], RISCV_CSR_OP_SET, 2, TRUE, TRUE, &old));
  g_assert_cmphex (old, ==, RISCV_BIT (RISCV_IRQ_SEI));
  riscv_set_line (t->r, RISCV_IRQ_SEI, FALSE);
  g_assert_cmphex (test_riscv_get_csr (t, "mip"), ==, 2);
  /* The supervisor's software interrupt is an edge. */
  test_riscv_set_csr (t, "mip", 0);
  riscv_set_line (t->r, RISCV_IRQ_SSI, TRUE);
  riscv_set_line (t->r, RISCV_IRQ_SSI, FALSE);
  g_assert_cmphex (test_riscv_get_csr (t, "mip"), ==, 2);
  test_riscv_set_csr (t, "mip", 0);
  g_assert_cmphex (test_riscv_get_csr (t, "mip"), ==, 0);
  riscv_set_line (t->r, RISCV_IRQ_SSI, TRUE);
  g_assert_cmphex (test_riscv_get_csr (t, "mip"), ==, 2);
  /* Another hart's edge while the first one's pulse still lasts is an interrupt as well. */
  test_riscv_set_csr (t, "mip", 0);
  riscv_set_line (t->r, RISCV_IRQ_SSI, TRUE);
  g_assert_cmphex (test_riscv_get_csr (t, "mip"), ==, 2);
  test_riscv_set_csr (t, "mip", 0);
  riscv_set_line (t->r, RISCV_IRQ_SSI, FALSE);
  g_assert_cmphex (test_riscv_get_csr (t, "mip"), ==, 0);
  /* A reset does not change what is on the wires. */
  riscv_set_line (t->r, RISCV_IRQ_MEI, TRUE);
  riscv_arch_ops.reset (t->vcpu);
  g_assert_cmphex (test_riscv_get_csr (t, "mip"), ==, RISCV_BIT (RISCV_IRQ_MEI));
}

/* Bits set by two threads at once are not lost. */
static gpointer
toggle (gpointer data)
{
  for (guint i = 0; i < 20000; i++)
    {
      riscv_set_line (data, RISCV_IRQ_SEI, TRUE);
      riscv_set_line (data, RISCV_IRQ_SEI, FALSE);
    }
  return NULL;
}

static void
test_lines_threads (TestHart *t, gconstpointer data)
{
  GThread *thread = g_thread_new ("toggle", toggle, t->r);

  for (guint i = 0; i < 20000; i++)
    {
      riscv_set_line (t->r, RISCV_IRQ_MTI, (i & 1) == 0);
      g_assert_cmphex (RISCV_ATOMIC_LOAD (&t->r->lines) & RISCV_BIT (RISCV_IRQ_MTI), ==,
                       (i & 1) == 0 ? RISCV_BIT (RISCV_IRQ_MTI) : 0);
    }
  g_thread_join (thread);
  g_assert_cmphex (t->r->lines, ==, 0);
}

static void
test_timer (TestHart *t, gconstpointer data)
{
  t->now = 5 * MS;
  g_assert_cmpuint (test_riscv_get_csr (t, "time"), ==, 50000);
  test_riscv_set_csr (t, "stimecmp", 60000);
  /* Off without STCE. */
  g_assert_cmpuint (riscv_next_deadline (t->vcpu), ==, G_MAXUINT64);
  test_riscv_set_csr (t, "menvcfg", RISCV_ENVCFG_STCE);
  g_assert_cmpuint (riscv_next_deadline (t->vcpu), ==, G_MAXUINT64);
  test_riscv_set_csr (t, "mie", RISCV_BIT (RISCV_IRQ_STI));
  g_assert_cmpuint (riscv_next_deadline (t->vcpu), ==, 6 * MS);
  g_assert_false (riscv_has_work (t->vcpu));
  t->now = 6 * MS - 1;
  g_assert_false (riscv_has_work (t->vcpu));
  t->now = 6 * MS;
  g_assert_true (riscv_has_work (t->vcpu));
  g_assert_cmphex (test_riscv_get_csr (t, "mip"), ==, RISCV_BIT (RISCV_IRQ_STI));
  /* The bit is the comparator, software has no part in it. */
  test_riscv_set_csr (t, "mip", 0);
  g_assert_cmphex (test_riscv_get_csr (t, "mip"), ==, RISCV_BIT (RISCV_IRQ_STI));
  test_riscv_set_csr (t, "stimecmp", G_MAXUINT64);
  g_assert_cmphex (test_riscv_get_csr (t, "mip"), ==, 0);
  test_riscv_set_csr (t, "mip", ONES);
  g_assert_cmphex (test_riscv_get_csr (t, "mip"), ==, 0x202);
  g_assert_cmpuint (riscv_next_deadline (t->vcpu), ==, G_MAXUINT64);
  /* A comparator beyond what nanoseconds can say never comes. */
  test_riscv_set_csr (t, "stimecmp", G_MAXUINT64 - 1);
  g_assert_cmpuint (riscv_next_deadline (t->vcpu), ==, G_MAXUINT64);
  /* A frequency that does not divide a second: not one nanosecond early. */
  t->r->config.timebase = 3;
  test_riscv_set_csr (t, "stimecmp", 1);
  g_assert_cmpuint (riscv_next_deadline (t->vcpu), ==, 333333334);
  t->now = 333333333;
  g_assert_cmpuint (test_riscv_get_csr (t, "time"), ==, 0);
  t->now = 333333334;
  g_assert_cmpuint (test_riscv_get_csr (t, "time"), ==, 1);
}

static void
test_counters (TestHart *t, gconstpointer data)
{
  t->vcpu->icount = 1000;
  g_assert_cmpuint (test_riscv_get_csr (t, "minstret"), ==, 1000);
  test_riscv_set_csr (t, "mcycle", 5);
  t->vcpu->icount = 1010;
  g_assert_cmpuint (test_riscv_get_csr (t, "mcycle"), ==, 15);
  test_riscv_set_csr (t, "mcountinhibit", 1);
  t->vcpu->icount = 1100;
  g_assert_cmpuint (test_riscv_get_csr (t, "cycle"), ==, 15);
  g_assert_cmpuint (test_riscv_get_csr (t, "instret"), ==, 1100);
  test_riscv_set_csr (t, "mcycle", 50);
  test_riscv_set_csr (t, "mcountinhibit", 0);
  t->vcpu->icount = 1101;
  g_assert_cmpuint (test_riscv_get_csr (t, "mcycle"), ==, 51);
}

static void
raise_fault (TestHart *t, guint priv, guint64 cause)
{
  t->r->priv = priv;
  t->vcpu->pc = 0x1234;
  vmt_vcpu_raise (t->vcpu, cause, 0x5678);
  riscv_take_exception (t->vcpu);
  g_assert_cmpuint (t->vcpu->fault_pending, ==, 0);
}

static void
test_exceptions (TestHart *t, gconstpointer data)
{
  test_riscv_set_csr (t, "mtvec", 0x1001);
  test_riscv_set_csr (t, "stvec", 0x2001);
  test_riscv_set_csr (t, "mstatus", RISCV_MSTATUS_MIE | RISCV_MSTATUS_SIE);
  raise_fault (t, RISCV_U, RISCV_CAUSE_ILLEGAL);
  g_assert_cmpuint (t->r->priv, ==, RISCV_M);
  g_assert_cmphex (t->vcpu->pc, ==, 0x1000); /* vectors are for interrupts */
  g_assert_cmphex (test_riscv_get_csr (t, "mepc"), ==, 0x1234);
  g_assert_cmphex (test_riscv_get_csr (t, "mtval"), ==, 0x5678);
  g_assert_cmphex (test_riscv_get_csr (t, "mcause"), ==, 2);
  g_assert_cmphex (t->r->mstatus, ==, RISCV_MSTATUS_MPIE | RISCV_MSTATUS_SIE);
  g_assert_cmphex (riscv_mret (t->r), ==, 0x1234);
  g_assert_cmpuint (t->r->priv, ==, RISCV_U);
  g_assert_cmphex (t->r->mstatus, ==, RISCV_MSTATUS_MIE | RISCV_MSTATUS_MPIE | RISCV_MSTATUS_SIE);

  test_riscv_set_csr (t, "medeleg", ONES);
  raise_fault (t, RISCV_S, RISCV_CAUSE_LOAD_PAGE);
  g_assert_cmpuint (t->r->priv, ==, RISCV_S);
  g_assert_cmphex (t->vcpu->pc, ==, 0x2000);
  g_assert_cmphex (test_riscv_get_csr (t, "sepc"), ==, 0x1234);
  g_assert_cmphex (test_riscv_get_csr (t, "stval"), ==, 0x5678);
  g_assert_cmphex (test_riscv_get_csr (t, "scause"), ==, 13);
  g_assert_cmphex (t->r->mstatus & (RISCV_MSTATUS_SIE | RISCV_MSTATUS_SPIE | RISCV_MSTATUS_SPP), ==,
                   RISCV_MSTATUS_SPIE | RISCV_MSTATUS_SPP);
  g_assert_cmphex (riscv_sret (t->r), ==, 0x1234);
  g_assert_cmpuint (t->r->priv, ==, RISCV_S);
  /* What M-mode does is never delegated; nor is its ecall. */
  raise_fault (t, RISCV_M, RISCV_CAUSE_LOAD_PAGE);
  g_assert_cmpuint (t->r->priv, ==, RISCV_M);
  g_assert_cmphex (t->r->mstatus & RISCV_MSTATUS_MPP, ==, RISCV_MSTATUS_MPP);
  /* MPRV goes when a return leaves M-mode. */
  t->r->mstatus = RISCV_MSTATUS_MPRV | (guint64)RISCV_S << 11;
  riscv_mret (t->r);
  g_assert_cmphex (t->r->mstatus & RISCV_MSTATUS_MPRV, ==, 0);
  t->r->mstatus = RISCV_MSTATUS_MPRV | RISCV_MSTATUS_MPP;
  t->r->priv = RISCV_M;
  riscv_mret (t->r);
  g_assert_cmphex (t->r->mstatus & RISCV_MSTATUS_MPRV, ==, RISCV_MSTATUS_MPRV);
}

static guint64
interrupt (TestHart *t, guint priv, guint64 status)
{
  t->r->priv = priv;
  t->r->mstatus = status;
  t->r->mcause = t->r->scause = 0;
  t->vcpu->pc = 0x100;
  if (!riscv_take_interrupt (t->vcpu))
    return 0;
  return t->r->priv == RISCV_M ? t->r->mcause : t->r->scause;
}

static void
test_interrupts (TestHart *t, gconstpointer data)
{
  static const guint8 order[] = { RISCV_IRQ_MEI, RISCV_IRQ_MSI, RISCV_IRQ_MTI,
                                  RISCV_IRQ_SEI, RISCV_IRQ_SSI, RISCV_IRQ_STI };

  test_riscv_set_csr (t, "mtvec", 0x1001);
  test_riscv_set_csr (t, "stvec", 0x2001);
  test_riscv_set_csr (t, "mie", ONES);
  for (guint i = 0; i < G_N_ELEMENTS (order); i++)
    riscv_set_line (t->r, order[i], TRUE);
  /* Nothing is enabled in M-mode without MIE. */
  g_assert_cmphex (interrupt (t, RISCV_M, RISCV_MSTATUS_SIE), ==, 0);
  for (guint i = 0; i < G_N_ELEMENTS (order); i++)
    {
      g_assert_cmphex (interrupt (t, RISCV_M, RISCV_MSTATUS_MIE), ==,
                       RISCV_CAUSE_INTERRUPT | order[i]);
      g_assert_cmphex (t->vcpu->pc, ==, 0x1000 + 4 * order[i]);
      riscv_set_line (t->r, order[i], FALSE);
      if (order[i] == RISCV_IRQ_SSI)
        test_riscv_set_csr (t, "mip", 0);
    }
  g_assert_cmphex (interrupt (t, RISCV_U, 0), ==, 0);
  /* Delegated ones. */
  test_riscv_set_csr (t, "mideleg", ONES);
  riscv_set_line (t->r, RISCV_IRQ_SEI, TRUE);
  g_assert_cmphex (interrupt (t, RISCV_M, RISCV_MSTATUS_MIE | RISCV_MSTATUS_SIE), ==, 0);
  g_assert_cmphex (interrupt (t, RISCV_S, RISCV_MSTATUS_MIE), ==, 0);
  g_assert_cmphex (interrupt (t, RISCV_S, RISCV_MSTATUS_SIE), ==,
                   RISCV_CAUSE_INTERRUPT | RISCV_IRQ_SEI);
  g_assert_cmphex (t->vcpu->pc, ==, 0x2000 + 4 * RISCV_IRQ_SEI);
  g_assert_cmphex (interrupt (t, RISCV_U, 0), ==, RISCV_CAUSE_INTERRUPT | RISCV_IRQ_SEI);
  /* A machine interrupt goes before them. */
  riscv_set_line (t->r, RISCV_IRQ_MTI, TRUE);
  g_assert_cmphex (interrupt (t, RISCV_S, RISCV_MSTATUS_SIE), ==,
                   RISCV_CAUSE_INTERRUPT | RISCV_IRQ_MTI);
  /* WFI ends for what is enabled, whatever the global enables say. */
  g_assert_true (riscv_has_work (t->vcpu));
  test_riscv_set_csr (t, "mie", RISCV_BIT (RISCV_IRQ_MSI));
  g_assert_false (riscv_has_work (t->vcpu));
}

void
test_riscv_add_csr (void)
{
  g_test_add_func ("/arch/riscv/csr/table", test_table);
#define ADD(name, func) g_test_add ("/arch/riscv/csr/" name, TestHart, NULL, setup, func, teardown)
  ADD ("warl", test_warl);
  ADD ("fields", test_fields);
  ADD ("views", test_views);
  ADD ("gates", test_gates);
  ADD ("lines", test_lines);
  ADD ("lines-threads", test_lines_threads);
  ADD ("timer", test_timer);
  ADD ("counters", test_counters);
  ADD ("exceptions", test_exceptions);
  ADD ("interrupts", test_interrupts);
#undef ADD
}
