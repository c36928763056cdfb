/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "fake-arch.h"

#define CODE (FAKE_RAM + 0x10000)
#define DATA (FAKE_RAM + 0x40000)
#define TABLE (FAKE_RAM + 0x100000)
#define TABLE2 (FAKE_RAM + 0x140000)
#define VA_CODE 0x10000
#define VA_DATA 0x40000

static guint64 pc;
#define PUT(...) (fake_put (m, pc, __VA_ARGS__), pc += 8)

static void
map (FakeMachine *m, guint64 table, guint64 va, guint64 pa, guint64 bits)
{
  fake_put_u64 (m, table + (va >> VMT_PAGE_SHIFT) * 8, pa | bits);
}

/* A machine with the code pages mapped in both address spaces, and the first of them on. */
static FakeMachine *
new_paged (void)
{
  FakeMachine *m = fake_machine_new (1);
  for (guint64 i = 0; i < 16; i++)
    {
      map (m, TABLE, VA_CODE + i * 4096, CODE + i * 4096, FAKE_RWX);
      map (m, TABLE2, VA_CODE + i * 4096, CODE + i * 4096, FAKE_RWX);
    }
  fake_state (m, 0)->root = TABLE;
  fake_state (m, 0)->asid = 1;
  fake_state (m, 0)->x[20] = TABLE;
  fake_state (m, 0)->x[21] = TABLE2;
  vmt_exec_resume (m->exec);
  pc = CODE;
  return m;
}

static void
go (FakeMachine *m)
{
  fake_run (m, 0, VA_CODE);
  g_assert_true (fake_wait (m));
}

static void
test_fill (void)
{
  FakeMachine *m = new_paged ();
  FakeState *s = fake_state (m, 0);
  map (m, TABLE, VA_DATA, DATA, FAKE_R | FAKE_W);
  fake_put_u64 (m, DATA + 8, 0x1122334455667788);
  s->x[1] = VA_DATA;
  PUT (F_LD8, 2, 1, 0, 8);
  PUT (F_LD4, 3, 1, 0, 8);
  PUT (F_LD2, 4, 1, 0, 10);
  PUT (F_LD1, 5, 1, 0, 15);
  PUT (F_LD8, 6, 1, 0, 5); /* misaligned in the page */
  PUT (F_ST8, 0, 1, 2, 16);
  PUT (F_ST4, 0, 1, 2, 27);
  PUT (F_ST1, 0, 1, 2, 40);
  PUT (F_STOP, 0, 0, 0, 0);
  go (m);
  g_assert_cmpuint (s->n_exceptions, ==, 0);
  g_assert_cmphex (s->x[2], ==, 0x1122334455667788);
  g_assert_cmphex (s->x[3], ==, 0x55667788);
  g_assert_cmphex (s->x[4], ==, 0x5566);
  g_assert_cmphex (s->x[5], ==, 0x11);
  g_assert_cmphex (s->x[6], ==, 0x4455667788000000);
  g_assert_cmphex (fake_get_u64 (m, DATA + 16), ==, 0x1122334455667788);
  g_assert_cmphex (fake_get_u64 (m, DATA + 27) & 0xffffffff, ==, 0x55667788);
  g_assert_cmphex (fake_get_u64 (m, DATA + 40), ==, 0x88);
  g_assert_cmpuint (s->vcpu.icount, ==, 9);
  /* one walk for code, one for the loads and the store each at most */
  g_assert_cmpuint (s->n_translations, <=, 3);
  fake_machine_free (m);
}

static void
test_faults (void)
{
  static const struct
  {
    FakeOpcode op;
    guint bits;
    guint cause;
  } rows[] = {
    { F_LD8, 0, FAKE_CAUSE_PAGE + VMT_ACCESS_LOAD },
    { F_LD1, FAKE_W, FAKE_CAUSE_PAGE + VMT_ACCESS_LOAD },
    { F_ST8, 0, FAKE_CAUSE_PAGE + VMT_ACCESS_STORE },
    { F_ST1, FAKE_R, FAKE_CAUSE_PAGE + VMT_ACCESS_STORE },
    { F_LL, FAKE_W, FAKE_CAUSE_PAGE + VMT_ACCESS_LOAD },
    { F_SC, FAKE_R, FAKE_CAUSE_PAGE + VMT_ACCESS_STORE },
    { F_AMOADD, FAKE_R, FAKE_CAUSE_PAGE + VMT_ACCESS_STORE },
  };
  for (guint i = 0; i < G_N_ELEMENTS (rows); i++)
    {
      FakeMachine *m = new_paged ();
      FakeState *s = fake_state (m, 0);
      map (m, TABLE, VA_DATA, DATA, rows[i].bits);
      s->x[1] = VA_DATA + 24;
      s->x[2] = 77;
      PUT (F_ADDI, 3, 3, 0, 1);
      PUT (F_ADDI, 3, 3, 0, 1);
      PUT (rows[i].op, 2, 1, 3, 0);
      PUT (F_ADDI, 3, 3, 0, 100);
      PUT (F_STOP, 0, 0, 0, 0);
      go (m);
      g_assert_cmpuint (s->n_exceptions, ==, 1);
      g_assert_cmpuint (s->cause, ==, rows[i].cause);
      g_assert_cmphex (s->value, ==, VA_DATA + 24);
      g_assert_cmphex (s->epc, ==, VA_CODE + 16);
      g_assert_cmpuint (s->x[3], ==, 2);
      g_assert_cmpuint (s->x[2], ==, 77);
      g_assert_cmpuint (s->vcpu.icount, ==, 2);
      fake_machine_free (m);
    }
}

/* An access that crosses two pages: faults name the part that failed, and nothing is stored. */
static void
test_straddle (void)
{
  for (guint bad = 0; bad < 3; bad++)
    for (guint store = 0; store < 2; store++)
      {
        FakeMachine *m = new_paged ();
        FakeState *s = fake_state (m, 0);
        /* not neighbours in memory */
        map (m, TABLE, VA_DATA, DATA + 0x3000, bad == 1 ? FAKE_X : FAKE_R | FAKE_W);
        map (m, TABLE, VA_DATA + 4096, DATA, bad == 2 ? FAKE_X : FAKE_R | FAKE_W);
        fake_put_u64 (m, DATA + 0x3ff8, 0x0102030405060708);
        fake_put_u64 (m, DATA, 0x1112131415161718);
        s->x[1] = VA_DATA + 4096 - 3;
        s->x[2] = 0xa1a2a3a4a5a6a7a8;
        PUT (store ? F_ST8 : F_LD8, 3, 1, 2, 0);
        PUT (F_STOP, 0, 0, 0, 0);
        go (m);
        guint64 low = 0x0102030405060708, high = 0x1112131415161718;
        if (bad == 0)
          {
            g_assert_cmpuint (s->n_exceptions, ==, 0);
            if (store)
              {
                low = 0xa6a7a80405060708;
                high = 0x111213a1a2a3a4a5;
              }
            else
              g_assert_cmphex (s->x[3], ==, 0x1415161718010203);
          }
        else
          {
            g_assert_cmpuint (s->n_exceptions, ==, 1);
            g_assert_cmphex (s->value, ==, bad == 1 ? VA_DATA + 4093 : VA_DATA + 4096);
            g_assert_cmphex (s->epc, ==, VA_CODE);
          }
        g_assert_cmphex (fake_get_u64 (m, DATA + 0x3ff8), ==, low);
        g_assert_cmphex (fake_get_u64 (m, DATA), ==, high);
        fake_machine_free (m);
      }
}

/* Changing an entry shows after the flush that covers it, and only the right address spaces lose
 * theirs. */
static void
test_flush (void)
{
  for (gint kind = 0; kind < 4; kind++)
    {
      FakeMachine *m = new_paged ();
      FakeState *s = fake_state (m, 0);
      map (m, TABLE, VA_DATA, DATA, FAKE_R);
      fake_put_u64 (m, DATA, 1);
      fake_put_u64 (m, DATA + 4096, 2);
      s->x[1] = VA_DATA;
      s->x[5] = TABLE + (VA_DATA >> 12) * 8;
      s->x[6] = (DATA + 4096) | FAKE_R;
      /* the table itself, to be written by the guest */
      map (m, TABLE, 0x80000, TABLE, FAKE_R | FAKE_W);
      s->x[5] = 0x80000 + (VA_DATA >> 12) * 8;
      PUT (F_LD8, 2, 1, 0, 0);
      PUT (F_ST8, 0, 5, 6, 0);
      PUT (F_LD8, 3, 1, 0, 0); /* either is allowed */
      PUT (F_FLUSH, 0, 1, 0, kind);
      PUT (F_LD8, 4, 1, 0, 0);
      PUT (F_STOP, 0, 0, 0, 0);
      go (m);
      g_assert_cmpuint (s->n_exceptions, ==, 0);
      g_assert_cmpuint (s->x[2], ==, 1);
      g_assert_cmpuint (s->x[4], ==, 2);
      fake_machine_free (m);
    }
}

static void
test_spaces (void)
{
  FakeMachine *m = new_paged ();
  FakeState *s = fake_state (m, 0);
  map (m, TABLE, VA_DATA, DATA, FAKE_R | FAKE_W);
  map (m, TABLE2, VA_DATA, DATA + 4096, FAKE_R | FAKE_W);
  fake_put_u64 (m, DATA, 1);
  fake_put_u64 (m, DATA + 4096, 2);
  s->x[1] = VA_DATA;
  s->x[10] = 50;
  guint64 loop = pc;
  PUT (F_LD8, 2, 1, 0, 0);
  PUT (F_SPACE, 0, 21, 0, 2);
  PUT (F_LD8, 3, 1, 0, 0);
  PUT (F_ADD, 4, 4, 2, 0);
  PUT (F_ADD, 5, 5, 3, 0);
  PUT (F_SPACE, 0, 20, 0, 1);
  PUT (F_ADDI, 10, 10, 0, -1);
  PUT (F_BNE, 0, 10, 0, (gint32)(loop - pc));
  PUT (F_STOP, 0, 0, 0, 0);
  go (m);
  g_assert_cmpuint (s->n_exceptions, ==, 0);
  g_assert_cmpuint (s->x[4], ==, 50);
  g_assert_cmpuint (s->x[5], ==, 100);
  /* a context switch keeps the banks: no walk but the first ones */
  g_assert_cmpuint (s->n_translations, <=, 8);
  fake_machine_free (m);
}

/* More address spaces than banks, over and over: each sees its own page. */
static void
test_many_spaces (void)
{
  FakeMachine *m = fake_machine_new (1);
  FakeState *s = fake_state (m, 0);
  enum
  {
    N = 40
  };
  for (guint64 i = 0; i < N; i++)
    {
      guint64 table = FAKE_RAM + 0x200000 + i * 0x20000;
      map (m, table, VA_CODE, CODE, FAKE_RWX);
      map (m, table, VA_DATA, DATA + i * 4096, FAKE_R | FAKE_W);
      map (m, table, 0x90000, TABLE, FAKE_R | FAKE_W);
      fake_put_u64 (m, DATA + i * 4096, i);
    }
  vmt_exec_resume (m->exec);
  pc = CODE;
  /* x1: data, x2: table, x3: expected, x4: of 40, x5: rounds, x6: errors */
  PUT (F_LI, 5, 0, 0, 20);
  guint64 outer = pc;
  PUT (F_LI, 3, 0, 0, 0);
  PUT (F_ADD, 2, 22, 0, 0);
  guint64 inner = pc;
  PUT (F_SPACE, 0, 2, 0, 3); /* all with one ASID, so only the key tells them apart */
  PUT (F_LD8, 7, 1, 0, 0);
  PUT (F_SUB, 7, 7, 3, 0);
  PUT (F_OR, 6, 6, 7, 0);
  PUT (F_ADD, 2, 2, 23, 0);
  PUT (F_ADDI, 3, 3, 0, 1);
  PUT (F_BLTU, 0, 3, 4, (gint32)(inner - pc));
  PUT (F_ADDI, 5, 5, 0, -1);
  PUT (F_BNE, 0, 5, 0, (gint32)(outer - pc));
  PUT (F_STOP, 0, 0, 0, 0);
  s->x[1] = VA_DATA;
  s->x[4] = N;
  s->x[22] = FAKE_RAM + 0x200000;
  s->x[23] = 0x20000;
  s->root = FAKE_RAM + 0x200000;
  s->asid = 3;
  go (m);
  g_assert_cmpuint (s->n_exceptions, ==, 0);
  g_assert_cmpuint (s->x[6], ==, 0);
  fake_machine_free (m);
}

/* Ranges, which tiers fill: by the test here. */
static VmtTlbRange *
remember (VmtVcpu *vcpu, guint64 va, guint64 host)
{
  VmtTlbRange *range = &vcpu->bank->ranges[VMT_TLB_RANGES - 1];
  *range = (VmtTlbRange){ .base = va, .size = 4000, .addend = host - va };
  vcpu->bank->ranges_filled |= G_GUINT64_CONSTANT (1) << (VMT_TLB_RANGES - 1);
  return range;
}

static void
remember_hook (VmtVcpu *vcpu, guint64 va, guint64 host)
{
  FAKE (vcpu)->data = remember (vcpu, va, host);
}

static void
check_ranges (VmtVcpu *vcpu, gpointer data)
{
  VmtTlbRange *ranges[2];
  for (guint kind = 0; kind < 5; kind++)
    {
      for (guint i = 0; i < 2; i++)
        {
          vmt_tlb_select (vcpu, 1 + i, 1 + i);
          ranges[i] = remember (vcpu, VA_DATA, 0x70000000);
        }
      switch (kind)
        {
        case 0:
          vmt_tlb_flush_page (vcpu, VA_DATA + 4096, 1, TRUE);
          break;
        case 1:
          vmt_tlb_flush_page (vcpu, VA_DATA + 4088, 1, FALSE);
          break;
        case 2:
          vmt_tlb_flush_page (vcpu, VA_DATA, 1, TRUE);
          break;
        case 3:
          vmt_tlb_flush_asid (vcpu, 1);
          break;
        default:
          vmt_tlb_flush_all (vcpu);
          break;
        }
      g_assert_cmpuint (ranges[0]->size, ==, kind == 0 ? 4000 : 0);
      g_assert_cmpuint (ranges[1]->size, ==, kind % 2 == 1 || kind == 0 ? 4000 : 0);
    }
  for (guint i = 0; i < 3 * VMT_TLB_BANKS; i++)
    {
      vmt_tlb_select (vcpu, 100 + i, 1);
      for (guint k = 0; k < VMT_TLB_RANGES; k++)
        g_assert_cmpuint (vcpu->bank->ranges[k].size, ==, 0);
      remember (vcpu, VA_DATA, 0x70000000);
    }
}

/* They hold no longer than entries do. */
static void
test_ranges (void)
{
  FakeMachine *m = fake_machine_new (1);
  vmt_vcpu_run_on (&fake_state (m, 0)->vcpu, check_ranges, NULL, TRUE);
  fake_machine_free (m);
}

/* Memory that becomes code is written through no range any more. */
static void
test_range_of_code (void)
{
  FakeMachine *m = new_paged ();
  FakeState *s = fake_state (m, 0);
  s->hook = remember_hook;
  s->x[1] = VA_CODE + 5 * 4096;
  s->x[2] = (guint64)(guintptr)m->ram->host + (CODE - FAKE_RAM) + 5 * 4096;
  PUT (F_ST8, 0, 1, 2, 512);
  PUT (F_CALL, 0, 1, 2, 0);
  PUT (F_JR, 0, 1, 0, 0);
  fake_put (m, CODE + 5 * 4096, F_STOP, 0, 0, 0, 0);
  go (m);
  g_assert_cmpuint (s->n_exceptions, ==, 0);
  g_assert_nonnull (s->data);
  g_assert_cmpuint (((VmtTlbRange *)s->data)->size, ==, 0);
  fake_machine_free (m);
}

/* Of a large page, a flush of any address drops every piece. */
static void
test_large (void)
{
  FakeMachine *m = new_paged ();
  FakeState *s = fake_state (m, 0);
  guint64 va = 0x400000;
  for (guint64 i = 0; i < 512; i++)
    map (m, TABLE, va + i * 4096, FAKE_RAM + 0x400000 + i * 4096, FAKE_R | FAKE_W | FAKE_LARGE);
  fake_put_u64 (m, FAKE_RAM + 0x400000 + 0x5000, 5);
  fake_put_u64 (m, FAKE_RAM + 0x600000 + 0x5000, 6);
  s->hook = remember_hook;
  s->x[1] = va;
  s->x[2] = va + 0x5000;
  s->x[3] = va + 0x1ff000;
  PUT (F_LD8, 4, 1, 0, 0);
  PUT (F_LD8, 5, 2, 0, 0);
  PUT (F_LD8, 6, 3, 0, 0);
  PUT (F_CALL, 0, 2, 3, 0);
  PUT (F_FLUSH, 0, 1, 0, 1);
  PUT (F_LD8, 7, 2, 0, 0);
  PUT (F_ST8, 0, 3, 2, 0);
  PUT (F_STOP, 0, 0, 0, 0);
  go (m);
  g_assert_cmpuint (s->x[5], ==, 5);
  g_assert_cmpuint (s->x[7], ==, 5);
  g_assert_cmpuint (((VmtTlbRange *)s->data)->size, ==, 0);

  for (guint64 i = 0; i < 512; i++)
    map (m, TABLE, va + i * 4096, FAKE_RAM + 0x600000 + i * 4096, FAKE_R | FAKE_W | FAKE_LARGE);
  fake_run (m, 0, VA_CODE + 32);
  g_assert_true (fake_wait (m));
  g_assert_cmpuint (s->n_exceptions, ==, 0);
  g_assert_cmpuint (s->x[7], ==, 6);
  g_assert_cmphex (fake_get_u64 (m, FAKE_RAM + 0x600000 + 0x1ff000), ==, va + 0x5000);
  /* one walk serves the 2 MiB: code, and before and after the flush one for loads and one for
   * stores */
  g_assert_cmpuint (s->n_translations, <=, 6);
  fake_machine_free (m);
}

/* Global entries survive a flush of one ASID in the second level. */
static void
test_global (void)
{
  FakeMachine *m = new_paged ();
  FakeState *s = fake_state (m, 0);
  map (m, TABLE, VA_CODE, CODE, FAKE_RWX | FAKE_G);
  map (m, TABLE, VA_DATA, DATA, FAKE_R | FAKE_G);
  map (m, TABLE, VA_DATA + 4096, DATA, FAKE_R);
  s->x[1] = VA_DATA;
  PUT (F_LD8, 2, 1, 0, 0);
  PUT (F_LD8, 2, 1, 0, 4096);
  PUT (F_FLUSH, 0, 1, 0, 3);
  PUT (F_LD8, 2, 1, 0, 0);
  PUT (F_LD8, 2, 1, 0, 4096);
  PUT (F_STOP, 0, 0, 0, 0);
  go (m);
  g_assert_cmpuint (s->n_exceptions, ==, 0);
  /* code, data, data; then only the one that is not global */
  g_assert_cmpuint (s->n_translations, ==, 4);
  fake_machine_free (m);
}

static VmtMemStatus
mmio_read (gpointer opaque, guint64 offset, guint size, guint64 *value)
{
  if (offset >= 0x100)
    return VMT_MEM_BUS_ERROR;
  *value = offset + 0x1000 * size;
  return VMT_MEM_OK;
}

static VmtMemStatus
mmio_write (gpointer opaque, guint64 offset, guint size, guint64 value)
{
  *(guint64 *)opaque = offset << 32 | value;
  return offset >= 0x100 ? VMT_MEM_BUS_ERROR : VMT_MEM_OK;
}

static const VmtMmioOps mmio = {
  .read = mmio_read, .write = mmio_write, .min_size = 1, .max_size = 8
};

static void
test_mmio (void)
{
  guint64 written = 0;
  FakeMachine *m = new_paged ();
  FakeState *s = fake_state (m, 0);
  g_assert_true (
      vmt_address_space_add_mmio (m->space, FAKE_MMIO, 0x1000, &mmio, &written, NULL, NULL, NULL));
  map (m, TABLE, VA_DATA, FAKE_MMIO, FAKE_R | FAKE_W);
  s->x[1] = VA_DATA;
  s->x[4] = 99;
  PUT (F_LD4, 2, 1, 0, 8);
  PUT (F_LD8, 3, 1, 0, 16);
  PUT (F_ST4, 0, 1, 4, 12);
  PUT (F_LD4, 5, 1, 0, 0x100);
  PUT (F_STOP, 0, 0, 0, 0);
  go (m);
  g_assert_cmphex (s->x[2], ==, 0x4008);
  g_assert_cmphex (s->x[3], ==, 0x8010);
  g_assert_cmphex (written, ==, G_GUINT64_CONSTANT (12) << 32 | 99);
  g_assert_cmpuint (s->cause, ==, FAKE_CAUSE_ACCESS + VMT_ACCESS_LOAD);
  g_assert_cmphex (s->value, ==, VA_DATA + 0x100);
  g_assert_cmphex (s->epc, ==, VA_CODE + 24);

  /* atomics on registers, and code there */
  fake_put (m, CODE, F_AMOADD, 2, 1, 4, 0);
  fake_run (m, 0, VA_CODE);
  g_assert_true (fake_wait (m));
  g_assert_cmpuint (s->cause, ==, FAKE_CAUSE_ACCESS + VMT_ACCESS_STORE);
  map (m, TABLE, VA_DATA, FAKE_MMIO, FAKE_RWX);
  fake_run (m, 0, VA_DATA);
  g_assert_true (fake_wait (m));
  g_assert_cmpuint (s->cause, ==, FAKE_CAUSE_ACCESS + VMT_ACCESS_FETCH);
  /* where nothing is */
  map (m, TABLE, VA_DATA + 4096, 0x40000000, FAKE_RWX);
  fake_put (m, CODE, F_ST1, 0, 1, 4, 4096);
  fake_run (m, 0, VA_CODE);
  g_assert_true (fake_wait (m));
  g_assert_cmpuint (s->cause, ==, FAKE_CAUSE_ACCESS + VMT_ACCESS_STORE);
  g_assert_cmpuint (s->n_exceptions, ==, 4);
  fake_machine_free (m);
}

static void
test_misaligned_atomics (void)
{
  static const FakeOpcode ops[] = { F_LL, F_SC, F_AMOADD, F_AMOSWAP };
  for (guint i = 0; i < G_N_ELEMENTS (ops); i++)
    {
      FakeMachine *m = new_paged ();
      FakeState *s = fake_state (m, 0);
      map (m, TABLE, VA_DATA, DATA, FAKE_R | FAKE_W);
      s->x[1] = VA_DATA + 4;
      PUT (ops[i], 2, 1, 3, 0);
      PUT (F_STOP, 0, 0, 0, 0);
      go (m);
      g_assert_cmpuint (s->cause, ==,
                        FAKE_CAUSE_ALIGN + (ops[i] == F_LL ? VMT_ACCESS_LOAD : VMT_ACCESS_STORE));
      g_assert_cmphex (s->value, ==, VA_DATA + 4);
      fake_machine_free (m);
    }
}

static void
flush (VmtVcpu *vcpu, gpointer data)
{
  vmt_tlb_flush_all (vcpu);
}

/* An instruction in two pages whose second page comes and goes. */
static void
test_straddling_code (void)
{
  FakeMachine *m = new_paged ();
  FakeState *s = fake_state (m, 0);
  guint64 va = 0x60000;
  map (m, TABLE, va, DATA, FAKE_RWX);
  map (m, TABLE, va + 4096, 0, 0);
  /* two versions of the second half */
  fake_put (m, DATA + 4092, F_ADDI, 1, 1, 0, 5);
  fake_put (m, DATA + 4092 + 8, F_STOP, 0, 0, 0, 0);
  fake_put_u64 (m, DATA + 0x3000, 7);
  fake_put (m, DATA + 0x3004, F_STOP, 0, 0, 0, 0);

  fake_run (m, 0, va + 4092);
  g_assert_true (fake_wait (m));
  g_assert_cmpuint (s->n_exceptions, ==, 1);
  g_assert_cmpuint (s->cause, ==, FAKE_CAUSE_PAGE + VMT_ACCESS_FETCH);
  g_assert_cmphex (s->value, ==, va + 4096);
  g_assert_cmphex (s->epc, ==, va + 4092);

  for (guint i = 0; i < 6; i++)
    {
      map (m, TABLE, va + 4096, i % 2 == 0 ? DATA + 4096 : DATA + 0x3000, FAKE_RWX);
      vmt_vcpu_run_on (&s->vcpu, flush, NULL, TRUE);
      s->x[1] = 0;
      fake_run (m, 0, va + 4092);
      g_assert_true (fake_wait (m));
      g_assert_cmpuint (s->x[1], ==, i % 2 == 0 ? 5 : 7);
    }
  g_assert_cmpuint (s->n_exceptions, ==, 1);
  /* a store to the second half is seen too */
  fake_put_u64 (m, DATA + 0x3000, 9);
  fake_put (m, DATA + 0x3004, F_STOP, 0, 0, 0, 0);
  fake_run (m, 0, va + 4092);
  g_assert_true (fake_wait (m));
  g_assert_cmpuint (s->x[1], ==, 7 + 9);
  fake_machine_free (m);
}

/* Loads and stores all over a range that is larger than every TLB. */
static void
test_stress (void)
{
  FakeMachine *m = new_paged ();
  FakeState *s = fake_state (m, 0);
  enum
  {
    PAGES = 3000
  };
  for (guint64 i = 0; i < PAGES; i++)
    {
      /* pages in another order */
      guint64 j = i * 7 % PAGES;
      map (m, TABLE, 0x1000000 + i * 4096, FAKE_RAM + 0x400000 + j * 4096, FAKE_R | FAKE_W);
      fake_put_u64 (m, FAKE_RAM + 0x400000 + j * 4096 + 64, i);
    }
  /* x1: address, x2: count, x3: sum, x4: step */
  s->x[1] = 0x1000000;
  s->x[2] = PAGES;
  s->x[4] = 4096;
  PUT (F_LD8, 5, 1, 0, 64);
  PUT (F_ADD, 3, 3, 5, 0);
  PUT (F_ST8, 0, 1, 3, 128);
  PUT (F_LD8, 6, 1, 0, 128);
  PUT (F_SUB, 6, 6, 3, 0);
  PUT (F_OR, 7, 7, 6, 0);
  PUT (F_ADD, 1, 1, 4, 0);
  PUT (F_ADDI, 2, 2, 0, -1);
  PUT (F_BNE, 0, 2, 0, -64);
  PUT (F_STOP, 0, 0, 0, 0);
  for (guint round = 1; round <= 3; round++)
    {
      s->x[1] = 0x1000000;
      s->x[2] = PAGES;
      s->x[3] = 0;
      go (m);
      g_assert_cmpuint (s->n_exceptions, ==, 0);
      g_assert_cmpuint (s->x[3], ==, PAGES * (PAGES - 1) / 2);
      g_assert_cmpuint (s->x[7], ==, 0);
    }
  fake_machine_free (m);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/exec/mmu/fill", test_fill);
  g_test_add_func ("/exec/mmu/faults", test_faults);
  g_test_add_func ("/exec/mmu/straddle", test_straddle);
  g_test_add_func ("/exec/mmu/flush", test_flush);
  g_test_add_func ("/exec/mmu/spaces", test_spaces);
  g_test_add_func ("/exec/mmu/many-spaces", test_many_spaces);
  g_test_add_func ("/exec/mmu/ranges", test_ranges);
  g_test_add_func ("/exec/mmu/range-of-code", test_range_of_code);
  g_test_add_func ("/exec/mmu/large", test_large);
  g_test_add_func ("/exec/mmu/global", test_global);
  g_test_add_func ("/exec/mmu/mmio", test_mmio);
  g_test_add_func ("/exec/mmu/misaligned-atomics", test_misaligned_atomics);
  g_test_add_func ("/exec/mmu/straddling-code", test_straddling_code);
  g_test_add_func ("/exec/mmu/stress", test_stress);
  return g_test_run ();
}
