/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "test-riscv.h"

#include <string.h>

#define V 1u
#define R 2u
#define W 4u
#define X 8u
#define U 16u
#define G 32u
#define A 64u
#define D 128u
#define ALL (V | R | W | X | A | D)
#define N RISCV_BIT (63)

#define ROOT (TEST_RAM + 0x10000)
#define NO_FAULT G_MAXUINT64

static void
setup (TestHart *t, gconstpointer data)
{
  test_riscv_hart_init (t);
  /* Everything is S-mode's, as far as PMP is concerned. */
  test_riscv_set_csr (t, "pmpaddr15", G_MAXUINT64);
  test_riscv_set_csr (t, "pmpcfg2", G_GUINT64_CONSTANT (0x1f) << 56);
  t->r->priv = RISCV_S;
}

static void
teardown (TestHart *t, gconstpointer data)
{
  test_riscv_hart_clear (t);
}

static guint64
pte (guint64 pa, guint64 bits)
{
  return pa >> 12 << 10 | bits;
}

/* Tables for one address, at ROOT, ROOT + 4K, ...: the leaf at @level has @bits. Returns where it
 * is. */
static guint64 *
map (TestHart *t, guint levels, guint64 va, guint64 pa, guint level, guint64 bits)
{
  guint64 table = ROOT;

  test_riscv_set_csr (t, "satp", (guint64)(levels + 5) << 60 | ROOT >> 12);
  for (guint l = levels - 1; l > level; l--)
    {
      *test_riscv_ram (t, table + (va >> (12 + 9 * l) & 511) * 8) =
          GUINT64_TO_LE (pte (table + 4096, V));
      table += 4096;
    }
  guint64 *leaf = test_riscv_ram (t, table + (va >> (12 + 9 * level) & 511) * 8);
  *leaf = GUINT64_TO_LE (pte (pa, bits));
  return leaf;
}

/* The cause, or NO_FAULT. */
static guint64
try (TestHart *t, guint64 va, VmtAccess access, VmtTranslation *out)
{
  VmtTranslation local;

  t->vcpu->fault_pending = 0;
  if (riscv_translate (t->vcpu, va, 1, access, out != NULL ? out : &local))
    {
      g_assert_cmpuint (t->vcpu->fault_pending, ==, 0);
      return NO_FAULT;
    }
  g_assert_cmpuint (t->vcpu->fault_pending, ==, 1);
  g_assert_cmphex (t->vcpu->fault.value, ==, va);
  t->vcpu->fault_pending = 0;
  return t->vcpu->fault.cause;
}

static void
test_bare (TestHart *t, gconstpointer data)
{
  VmtTranslation out;

  g_assert_cmpuint (try (t, 0x1234567, VMT_ACCESS_LOAD, &out), ==, NO_FAULT);
  g_assert_cmphex (out.pa, ==, 0x1234567);
  g_assert_cmpuint (out.page_shift, >=, 12);
  g_assert_cmpuint (try (t, RISCV_BIT (56), VMT_ACCESS_LOAD, &out), ==, RISCV_CAUSE_LOAD_ACCESS);
  g_assert_cmpuint (try (t, G_MAXUINT64, VMT_ACCESS_FETCH, &out), ==, RISCV_CAUSE_FETCH_ACCESS);
}

static void
test_levels (TestHart *t, gconstpointer data)
{
  static const guint64 vas[] = { 0x12345678, G_GUINT64_CONSTANT (0xffffffff80001abc),
                                 0x3fffffffff };

  for (guint levels = 3; levels <= 5; levels++)
    for (guint level = 0; level < levels; level++)
      for (guint i = 0; i < G_N_ELEMENTS (vas); i++)
        {
          const guint shift = 12 + 9 * level;
          const guint64 pa = G_GUINT64_CONSTANT (1) << shift << 1;
          VmtTranslation out;
          map (t, levels, vas[i], pa, level, ALL | G);
          g_assert_cmpuint (try (t, vas[i], VMT_ACCESS_LOAD, &out), ==,
                            pa >> 56 ? RISCV_CAUSE_LOAD_ACCESS : NO_FAULT);
          if (pa >> 56)
            continue;
          g_assert_cmphex (out.pa, ==, pa | (vas[i] & (RISCV_BIT (shift) - 1)));
          g_assert_true (out.global);
          g_assert_cmpuint (out.page_shift, >=, MIN (shift, 12));
          g_assert_cmpuint (out.page_shift, <=, shift);
          g_assert_cmpuint (out.access, ==, VMT_ACCESS_LOAD | VMT_ACCESS_STORE);
          /* a debugger sees the same */
          VmtTranslation debug;
          g_assert_true (riscv_translate_debug (t->vcpu, vas[i], &debug));
          g_assert_cmphex (debug.pa, ==, out.pa);
          if (level > 0)
            {
              map (t, levels, vas[i], pa + 0x1000, level, ALL);
              g_assert_cmpuint (try (t, vas[i], VMT_ACCESS_LOAD, NULL), ==, RISCV_CAUSE_LOAD_PAGE);
            }
        }
}

static void
test_canonical (TestHart *t, gconstpointer data)
{
  for (guint levels = 3; levels <= 5; levels++)
    {
      const guint bits = 12 + 9 * levels;
      map (t, levels, 0, TEST_RAM, 0, ALL);
      g_assert_cmpuint (try (t, 0, VMT_ACCESS_LOAD, NULL), ==, NO_FAULT);
      for (guint b = bits - 1; b < 64; b++)
        g_assert_cmpuint (try (t, RISCV_BIT (b), VMT_ACCESS_STORE, NULL), ==,
                          RISCV_CAUSE_STORE_PAGE);
      g_assert_cmpuint (try (t, ~RISCV_BIT (bits - 1), VMT_ACCESS_FETCH, NULL), ==,
                        RISCV_CAUSE_FETCH_PAGE);
    }
}

static void
test_permissions (TestHart *t, gconstpointer data)
{
  static const VmtAccess accesses[] = { VMT_ACCESS_LOAD, VMT_ACCESS_STORE, VMT_ACCESS_FETCH };
  static const guint64 faults[] = { RISCV_CAUSE_LOAD_PAGE, RISCV_CAUSE_STORE_PAGE,
                                    RISCV_CAUSE_FETCH_PAGE };

  for (guint bits = 0; bits < 16; bits++)
    for (guint user = 0; user < 2; user++)
      for (guint priv = RISCV_U; priv <= RISCV_S; priv++)
        for (guint sum = 0; sum < 2; sum++)
          for (guint mxr = 0; mxr < 2; mxr++)
            for (guint a = 0; a < 3; a++)
              {
                const gboolean r = (bits & R) != 0, w = (bits & W) != 0, x = (bits & X) != 0;
                map (t, 3, 0x1000, TEST_RAM, 0, bits | (user ? U : 0) | A | D);
                t->r->priv = priv;
                t->r->mstatus = (sum ? RISCV_MSTATUS_SUM : 0) | (mxr ? RISCV_MSTATUS_MXR : 0);
                riscv_update_mode (t->vcpu);
                gboolean want = (bits & V) != 0 && (r || x) && !(w && !r);
                if (priv == RISCV_U)
                  want = want && user;
                else if (user)
                  want = want && sum && accesses[a] != VMT_ACCESS_FETCH;
                want = want && (a == 0 ? r || (mxr && x) : a == 1 ? w : x);
                g_assert_cmpuint (try (t, 0x1abc, accesses[a], NULL), ==,
                                  want ? NO_FAULT : faults[a]);
                t->r->priv = RISCV_S;
              }
}

static void
test_reserved (TestHart *t, gconstpointer data)
{
  /* of leaves */
  for (guint b = 54; b <= 60; b++)
    {
      map (t, 3, 0, TEST_RAM, 0, ALL | RISCV_BIT (b));
      g_assert_cmpuint (try (t, 0, VMT_ACCESS_LOAD, NULL), ==, RISCV_CAUSE_LOAD_PAGE);
    }
  /* of tables: also what only leaves have */
  static const guint bits[] = { 4, 6, 7, 54, 60, 61, 62, 63 };
  for (guint i = 0; i < G_N_ELEMENTS (bits); i++)
    {
      map (t, 3, 0, TEST_RAM, 0, ALL);
      g_assert_cmpuint (try (t, 0, VMT_ACCESS_LOAD, NULL), ==, NO_FAULT);
      *test_riscv_ram (t, ROOT) |= GUINT64_TO_LE (RISCV_BIT (bits[i]));
      g_assert_cmpuint (try (t, 0, VMT_ACCESS_LOAD, NULL), ==, RISCV_CAUSE_LOAD_PAGE);
    }
  /* a table where a leaf must be */
  map (t, 3, 0, TEST_RAM, 0, V);
  g_assert_cmpuint (try (t, 0, VMT_ACCESS_FETCH, NULL), ==, RISCV_CAUSE_FETCH_PAGE);
  /* tables that are not in memory */
  map (t, 3, 0, TEST_RAM, 0, ALL);
  *test_riscv_ram (t, ROOT) = GUINT64_TO_LE (pte (0x1000, V));
  g_assert_cmpuint (try (t, 0, VMT_ACCESS_STORE, NULL), ==, RISCV_CAUSE_STORE_ACCESS);
  test_riscv_set_csr (t, "satp", (guint64)8 << 60 | ((G_GUINT64_CONSTANT (1) << 44) - 1));
  g_assert_cmpuint (try (t, 0, VMT_ACCESS_LOAD, NULL), ==, RISCV_CAUSE_LOAD_ACCESS);
}

static void
test_memory_types (TestHart *t, gconstpointer data)
{
  for (guint64 type = 1; type < 4; type++)
    {
      map (t, 3, 0, TEST_RAM, 0, ALL | type << 61);
      test_riscv_set_csr (t, "menvcfg", RISCV_ENVCFG_ADUE);
      g_assert_cmpuint (try (t, 0, VMT_ACCESS_LOAD, NULL), ==, RISCV_CAUSE_LOAD_PAGE);
      test_riscv_set_csr (t, "menvcfg", RISCV_ENVCFG_ADUE | RISCV_ENVCFG_PBMTE);
      g_assert_cmpuint (try (t, 0, VMT_ACCESS_LOAD, NULL), ==,
                        type == 3 ? RISCV_CAUSE_LOAD_PAGE : NO_FAULT);
    }
}

static void
test_napot (TestHart *t, gconstpointer data)
{
  VmtTranslation out;

  map (t, 3, 0x15678, TEST_RAM + 0x20000 + 0x8000, 0, ALL | N);
  g_assert_cmpuint (try (t, 0x15678, VMT_ACCESS_LOAD, &out), ==, NO_FAULT);
  g_assert_cmphex (out.pa, ==, TEST_RAM + 0x25678);
  g_assert_cmpuint (out.page_shift, ==, 16);
  /* Other sizes are reserved. */
  for (guint64 low = 0; low < 16; low++)
    if (low != 8)
      {
        map (t, 3, 0x15678, TEST_RAM + 0x20000 + (low << 12), 0, ALL | N);
        g_assert_cmpuint (try (t, 0x15678, VMT_ACCESS_LOAD, &out), ==, RISCV_CAUSE_LOAD_PAGE);
      }
  map (t, 3, 0x200000, TEST_RAM, 1, ALL | N);
  g_assert_cmpuint (try (t, 0x200000, VMT_ACCESS_LOAD, &out), ==, RISCV_CAUSE_LOAD_PAGE);
  t->r->config.svnapot = FALSE;
  map (t, 3, 0x15678, TEST_RAM + 0x28000, 0, ALL | N);
  g_assert_cmpuint (try (t, 0x15678, VMT_ACCESS_LOAD, &out), ==, RISCV_CAUSE_LOAD_PAGE);
}

static void
test_accessed_dirty (TestHart *t, gconstpointer data)
{
  VmtTranslation out;
  guint64 *leaf = map (t, 3, 0, TEST_RAM, 0, V | R | W | X);

  g_assert_cmpuint (try (t, 0, VMT_ACCESS_LOAD, &out), ==, NO_FAULT);
  g_assert_cmphex (GUINT64_FROM_LE (*leaf) & 0xff, ==, V | R | W | X | A);
  g_assert_cmpuint (out.access, ==, VMT_ACCESS_LOAD); /* the first store must come back */
  g_assert_cmpuint (try (t, 0, VMT_ACCESS_STORE, &out), ==, NO_FAULT);
  g_assert_cmphex (GUINT64_FROM_LE (*leaf) & 0xff, ==, ALL);
  g_assert_cmpuint (out.access, ==, VMT_ACCESS_LOAD | VMT_ACCESS_STORE);
  /* What faults leaves no mark. */
  leaf = map (t, 3, 0, TEST_RAM, 0, V | R);
  g_assert_cmpuint (try (t, 0, VMT_ACCESS_STORE, NULL), ==, RISCV_CAUSE_STORE_PAGE);
  g_assert_cmphex (GUINT64_FROM_LE (*leaf) & 0xff, ==, V | R);
  /* a debugger leaves none either */
  g_assert_true (riscv_translate_debug (t->vcpu, 0, &out));
  g_assert_cmphex (GUINT64_FROM_LE (*leaf) & 0xff, ==, V | R);
  /* Svade */
  test_riscv_set_csr (t, "menvcfg", 0);
  leaf = map (t, 3, 0, TEST_RAM, 0, V | R | W | X);
  g_assert_cmpuint (try (t, 0, VMT_ACCESS_FETCH, NULL), ==, RISCV_CAUSE_FETCH_PAGE);
  leaf = map (t, 3, 0, TEST_RAM, 0, V | R | W | X | A);
  g_assert_cmpuint (try (t, 0, VMT_ACCESS_LOAD, NULL), ==, NO_FAULT);
  g_assert_cmpuint (try (t, 0, VMT_ACCESS_STORE, NULL), ==, RISCV_CAUSE_STORE_PAGE);
  g_assert_cmphex (GUINT64_FROM_LE (*leaf) & 0xff, ==, V | R | W | X | A);
}

static void
test_mprv (TestHart *t, gconstpointer data)
{
  map (t, 3, 0x1000, TEST_RAM + 0x3000, 0, ALL | U);
  t->r->priv = RISCV_M;
  for (guint mpp = 0; mpp < 4; mpp++)
    {
      VmtTranslation out;
      if (mpp == 2)
        continue;
      t->r->mstatus = RISCV_MSTATUS_MPRV | (guint64)mpp << 11;
      riscv_update_mode (t->vcpu);
      const guint64 cause = try (t, 0x1000, VMT_ACCESS_LOAD, &out);
      if (mpp == RISCV_S)
        g_assert_cmpuint (cause, ==, RISCV_CAUSE_LOAD_PAGE);
      else
        {
          g_assert_cmpuint (cause, ==, NO_FAULT);
          g_assert_cmphex (out.pa, ==, mpp == RISCV_M ? 0x1000 : TEST_RAM + 0x3000);
          /* data says nothing about fetches */
          g_assert_cmpuint (out.access & VMT_ACCESS_FETCH, ==, 0);
        }
      /* fetches are M-mode's whatever MPRV says */
      g_assert_cmpuint (try (t, 0x1000, VMT_ACCESS_FETCH, &out), ==, NO_FAULT);
      g_assert_cmphex (out.pa, ==, 0x1000);
      g_assert_cmpuint (out.access, ==, VMT_ACCESS_FETCH);
    }
}

/* Banks: each way of translating has its own, and comes back to it. */
static void
test_banks (TestHart *t, gconstpointer data)
{
  VmtTlbBank *s, *u;

  map (t, 3, 0, TEST_RAM, 0, ALL);
  t->r->priv = RISCV_S;
  riscv_update_mode (t->vcpu);
  s = t->vcpu->bank;
  t->r->priv = RISCV_U;
  riscv_update_mode (t->vcpu);
  u = t->vcpu->bank;
  g_assert_true (s != u);
  t->r->priv = RISCV_S;
  t->r->mstatus |= RISCV_MSTATUS_SUM;
  riscv_update_mode (t->vcpu);
  g_assert_true (t->vcpu->bank != s && t->vcpu->bank != u);
  t->r->mstatus &= ~RISCV_MSTATUS_SUM;
  riscv_update_mode (t->vcpu);
  g_assert_true (t->vcpu->bank == s);
  test_riscv_set_csr (t, "satp", t->r->satp | (guint64)7 << 44);
  g_assert_true (t->vcpu->bank != s && t->vcpu->bank != u);
}

/* Through the engine, TLB and all: stale entries live until the fence, no longer. */
static guint64
load (TestHart *t, guint64 va)
{
  guint64 value = 0;
  t->vcpu->fault_pending = 0;
  if (!vmt_vcpu_load (t->vcpu, va, 8, 0, &value))
    return G_MAXUINT64;
  return value;
}

static void
sfence (TestHart *t, gboolean has_va, guint64 va, gboolean has_asid, guint64 asid)
{
  riscv_helpers[RISCV_HELPER_SFENCE].func (t->vcpu, va, asid,
                                           (guint64)has_va << 32 | (guint64)has_asid << 33);
}

static void
test_fences (TestHart *t, gconstpointer data)
{
  const guint64 first = TEST_RAM + 0x20000, second = TEST_RAM + 0x21000;

  *test_riscv_ram (t, first) = GUINT64_TO_LE (1);
  *test_riscv_ram (t, second) = GUINT64_TO_LE (2);
  for (guint global = 0; global < 2; global++)
    for (guint kind = 0; kind < 4; kind++)
      {
        vmt_tlb_flush_all (t->vcpu);
        guint64 *leaf = map (t, 3, 0x5000, first, 0, ALL | (global ? G : 0));
        test_riscv_set_csr (t, "satp", t->r->satp | (guint64)5 << 44);
        g_assert_cmpuint (load (t, 0x5000), ==, 1);
        *leaf = GUINT64_TO_LE (pte (second, ALL | (global ? G : 0)));
        g_assert_cmpuint (load (t, 0x5000), ==, 1);
        /* of others */
        sfence (t, TRUE, 0x6000, FALSE, 0);
        sfence (t, FALSE, 0, TRUE, 6);
        sfence (t, TRUE, 0x5000, TRUE, 6);
        g_assert_cmpuint (load (t, 0x5000), ==, 1);
        sfence (t, (kind & 1) != 0, 0x5000, (kind & 2) != 0, 5);
        /* With an address space named, global ones may stay. */
        if (!global || (kind & 2) == 0)
          g_assert_cmpuint (load (t, 0x5000), ==, 2);
      }
}

static void
test_pmp (TestHart *t, gconstpointer data)
{
  VmtTranslation out;
  const guint64 base = TEST_RAM;

  test_riscv_set_csr (t, "pmpcfg0", 0);
  /* NA4, read only: the words around it are the last entry's */
  test_riscv_set_csr (t, "pmpaddr0", (base + 0x100) >> 2);
  test_riscv_set_csr (t, "pmpcfg0", 0x11);
  g_assert_cmpuint (try (t, base + 0x100, VMT_ACCESS_LOAD, &out), ==, NO_FAULT);
  g_assert_cmpuint (out.page_shift, ==, 0);
  g_assert_cmpuint (try (t, base + 0x103, VMT_ACCESS_STORE, NULL), ==, RISCV_CAUSE_STORE_ACCESS);
  g_assert_cmpuint (try (t, base + 0x104, VMT_ACCESS_STORE, &out), ==, NO_FAULT);
  g_assert_cmpuint (out.page_shift, ==, 0); /* the page is covered unevenly */
  g_assert_cmpuint (try (t, base + 0x1000, VMT_ACCESS_STORE, &out), ==, NO_FAULT);
  g_assert_cmpuint (out.page_shift, ==, 12); /* its 2 MiB are, too */
  g_assert_cmpuint (try (t, base + 0x200000, VMT_ACCESS_STORE, &out), ==, NO_FAULT);
  g_assert_cmpuint (out.page_shift, ==, 21);
  /* an access that an entry covers in part fails */
  g_assert_false (riscv_translate (t->vcpu, base + 0xfc, 8, VMT_ACCESS_LOAD, &out));
  t->vcpu->fault_pending = 0;
  /* M-mode is not bound by it, unless it is locked */
  t->r->priv = RISCV_M;
  g_assert_cmpuint (try (t, base + 0x100, VMT_ACCESS_STORE, NULL), ==, NO_FAULT);
  test_riscv_set_csr (t, "pmpcfg0", 0x91);
  g_assert_cmpuint (try (t, base + 0x100, VMT_ACCESS_STORE, NULL), ==, RISCV_CAUSE_STORE_ACCESS);
  test_riscv_set_csr (t, "pmpcfg0", 0x1f);
  test_riscv_set_csr (t, "pmpaddr0", 0);
  g_assert_cmphex (test_riscv_get_csr (t, "pmpcfg0"), ==, 0x91);
  g_assert_cmphex (test_riscv_get_csr (t, "pmpaddr0"), ==, (base + 0x100) >> 2);
  /* NAPOT of 32 KiB, execute only */
  t->r->priv = RISCV_S;
  test_riscv_set_csr (t, "pmpaddr1", (base + 0x8000) >> 2 | 0xfff);
  test_riscv_set_csr (t, "pmpcfg0", 0x1c91);
  g_assert_cmpuint (try (t, base + 0x7fff, VMT_ACCESS_LOAD, NULL), ==, NO_FAULT);
  g_assert_cmpuint (try (t, base + 0x8000, VMT_ACCESS_LOAD, NULL), ==, RISCV_CAUSE_LOAD_ACCESS);
  g_assert_cmpuint (try (t, base + 0xffff, VMT_ACCESS_FETCH, &out), ==, NO_FAULT);
  g_assert_cmpuint (out.page_shift, ==, 12);
  g_assert_cmpuint (try (t, base + 0x10000, VMT_ACCESS_LOAD, NULL), ==, NO_FAULT);
  /* TOR, from the entry below; empty when the bounds cross; locking it locks the address below */
  test_riscv_set_csr (t, "pmpaddr2", (base + 0x20000) >> 2);
  test_riscv_set_csr (t, "pmpaddr3", (base + 0x24000) >> 2);
  test_riscv_set_csr (t, "pmpcfg0", 0x08001c91);
  g_assert_cmpuint (try (t, base + 0x1ffff, VMT_ACCESS_LOAD, NULL), ==, NO_FAULT);
  g_assert_cmpuint (try (t, base + 0x20000, VMT_ACCESS_LOAD, NULL), ==, RISCV_CAUSE_LOAD_ACCESS);
  g_assert_cmpuint (try (t, base + 0x23fff, VMT_ACCESS_LOAD, NULL), ==, RISCV_CAUSE_LOAD_ACCESS);
  g_assert_cmpuint (try (t, base + 0x24000, VMT_ACCESS_LOAD, NULL), ==, NO_FAULT);
  test_riscv_set_csr (t, "pmpaddr2", (base + 0x24000) >> 2);
  g_assert_cmpuint (try (t, base + 0x23fff, VMT_ACCESS_LOAD, NULL), ==, NO_FAULT);
  test_riscv_set_csr (t, "pmpcfg0", 0x88001c91);
  test_riscv_set_csr (t, "pmpaddr2", 0);
  g_assert_cmphex (test_riscv_get_csr (t, "pmpaddr2"), ==, (base + 0x24000) >> 2);
  /* No entry matches: only M-mode. */
  test_riscv_set_csr (t, "pmpcfg2", 0);
  g_assert_cmpuint (try (t, base + 0x300000, VMT_ACCESS_LOAD, NULL), ==, RISCV_CAUSE_LOAD_ACCESS);
  t->r->priv = RISCV_M;
  g_assert_cmpuint (try (t, base + 0x300000, VMT_ACCESS_LOAD, NULL), ==, NO_FAULT);
  /* All of memory in one entry. */
  t->r->priv = RISCV_S;
  test_riscv_set_csr (t, "pmpaddr15", G_MAXUINT64);
  test_riscv_set_csr (t, "pmpcfg2", G_GUINT64_CONSTANT (0x1f) << 56);
  g_assert_cmpuint (try (t, base + 0x300000, VMT_ACCESS_LOAD, NULL), ==, NO_FAULT);
  g_assert_cmpuint (try (t, 0, VMT_ACCESS_LOAD, NULL), ==, NO_FAULT);
}

/* Walks are S-mode accesses themselves, and so are updates of entries. */
static void
test_pmp_walk (TestHart *t, gconstpointer data)
{
  map (t, 3, 0x1000, TEST_RAM + 0x40000, 0, V | R | W);
  test_riscv_set_csr (t, "pmpaddr0", (ROOT + 0x2000) >> 2 | 0x1ff);
  test_riscv_set_csr (t, "pmpcfg0", 0x1c);
  t->r->priv = RISCV_U;
  g_assert_cmpuint (try (t, 0x1000, VMT_ACCESS_LOAD, NULL), ==, RISCV_CAUSE_LOAD_ACCESS);
  t->r->priv = RISCV_S;
  g_assert_cmpuint (try (t, 0x1000, VMT_ACCESS_STORE, NULL), ==, RISCV_CAUSE_STORE_ACCESS);
  /* readable, but the accessed bit cannot be written */
  test_riscv_set_csr (t, "pmpcfg0", 0x19);
  g_assert_cmpuint (try (t, 0x1000, VMT_ACCESS_LOAD, NULL), ==, RISCV_CAUSE_LOAD_ACCESS);
  test_riscv_set_csr (t, "pmpcfg0", 0x1b);
  g_assert_cmpuint (try (t, 0x1000, VMT_ACCESS_LOAD, NULL), ==, NO_FAULT);
}

static void
test_cbo (TestHart *t, gconstpointer data)
{
  const VmtIrHelper *cbo = &riscv_helpers[RISCV_HELPER_CBO];
  const guint64 at = TEST_RAM + 0x30000;
  guint8 *host = (guint8 *)test_riscv_ram (t, at);

  memset (host, 0x55, 256);
  test_riscv_set_csr (t, "menvcfg", RISCV_ENVCFG_CBZE);
  t->vcpu->fault_pending = 0;
  cbo->func (t->vcpu, at + 64 + 17, RISCV_CBO_ZERO, 0);
  g_assert_cmpuint (t->vcpu->fault_pending, ==, 0);
  for (guint i = 0; i < 256; i++)
    g_assert_cmpuint (host[i], ==, i >= 64 && i < 128 ? 0 : 0x55);
  /* gates */
  static const guint64 gates[] = { RISCV_ENVCFG_CBIE, RISCV_ENVCFG_CBCFE, RISCV_ENVCFG_CBCFE,
                                   RISCV_ENVCFG_CBZE };
  for (guint kind = 0; kind < 4; kind++)
    for (guint priv = 0; priv < 4; priv++)
      for (guint m = 0; m < 2; m++)
        for (guint s = 0; s < 2; s++)
          {
            if (priv == 2)
              continue;
            test_riscv_set_csr (t, "menvcfg", m ? gates[kind] : 0);
            test_riscv_set_csr (t, "senvcfg", s ? gates[kind] : 0);
            t->r->priv = priv;
            t->vcpu->fault_pending = 0;
            cbo->func (t->vcpu, at, kind, 0x1234);
            const gboolean allowed = priv == RISCV_M || (m && (priv == RISCV_S || s));
            g_assert_cmpuint (t->vcpu->fault_pending, ==, !allowed);
            if (!allowed)
              {
                g_assert_cmpuint (t->vcpu->fault.cause, ==, RISCV_CAUSE_ILLEGAL);
                g_assert_cmphex (t->vcpu->fault.value, ==, 0x1234);
              }
          }
  /* Faults are a store's, and name the address that was given. */
  t->r->priv = RISCV_S;
  test_riscv_set_csr (t, "menvcfg", RISCV_ENVCFG_CBZE | RISCV_ENVCFG_CBCFE);
  map (t, 3, 0x1000, at, 0, V | R | A | D);
  for (guint kind = RISCV_CBO_CLEAN; kind <= RISCV_CBO_ZERO; kind++)
    {
      t->vcpu->fault_pending = 0;
      cbo->func (t->vcpu, 0x5013, kind, 0);
      g_assert_cmpuint (t->vcpu->fault_pending, ==, 1);
      g_assert_cmpuint (t->vcpu->fault.cause, ==, RISCV_CAUSE_STORE_PAGE);
      g_assert_cmphex (t->vcpu->fault.value, ==, 0x5013);
      /* Cleaning needs a page that can be read, zeroing one that can be written. */
      t->vcpu->fault_pending = 0;
      cbo->func (t->vcpu, 0x1013, kind, 0);
      g_assert_cmpuint (t->vcpu->fault_pending, ==, kind == RISCV_CBO_ZERO);
    }
}

void
test_riscv_add_mmu (void)
{
#define ADD(name, func) g_test_add ("/arch/riscv/mmu/" name, TestHart, NULL, setup, func, teardown)
  ADD ("bare", test_bare);
  ADD ("levels", test_levels);
  ADD ("canonical", test_canonical);
  ADD ("permissions", test_permissions);
  ADD ("reserved", test_reserved);
  ADD ("memory-types", test_memory_types);
  ADD ("napot", test_napot);
  ADD ("accessed-dirty", test_accessed_dirty);
  ADD ("mprv", test_mprv);
  ADD ("banks", test_banks);
  ADD ("fences", test_fences);
  ADD ("pmp", test_pmp);
  ADD ("pmp-walk", test_pmp_walk);
  ADD ("cbo", test_cbo);
#undef ADD
}
