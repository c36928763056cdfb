/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* How fast the tier runs two loops of 16 instructions, with paging: arithmetic only, and with two
 * loads, a store and two branches. Prints millions of instructions per second beside what the host
 * does on the same loops, and the quotient. */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "../unit/exec/fake-arch.h"

#define CODE (FAKE_RAM + 0x10000)
#define TABLE (FAKE_RAM + 0x100000)
#define DATA (FAKE_RAM + 0x20000)
#define VA_CODE 0x10000
#define VA_DATA 0x20000

static double
seconds (void)
{
  /* of the processor: a busy machine does not change the quotient much */
  struct timespec t;
  clock_gettime (CLOCK_PROCESS_CPUTIME_ID, &t);
  return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static void
set_up (FakeMachine *m)
{
  for (guint64 page = 0; page < 64; page++)
    fake_put_u64 (m, TABLE + page * 8, (FAKE_RAM + page * VMT_PAGE_SIZE) | FAKE_RWX);
  for (guint64 i = 0; i < 64; i++)
    fake_put_u64 (m, DATA + i * 8, i * G_GUINT64_CONSTANT (0x9e3779b97f4a7c15));
  fake_put (m, CODE - 8, F_SPACE, 0, 9, 0, 1);
}

static double
run (FakeMachine *m, guint64 n)
{
  FakeState *s = fake_state (m, 0);
  s->x[1] = 1;
  s->x[2] = 2;
  s->x[3] = s->x[4] = 0;
  s->x[5] = n;
  s->x[6] = VA_DATA;
  s->x[7] = 0;
  s->x[9] = TABLE;
  s->root = TABLE;
  s->asid = 1;
  double start = seconds ();
  fake_run (m, 0, VA_CODE);
  g_assert_true (fake_wait (m));
  return seconds () - start;
}

#if defined(__x86_64__)
static guint64
native_alu (guint64 n)
{
  guint64 a = 1, b = 2;
  __asm__ volatile("1:.rept 7\n add %1,%0\n xor %0,%1\n.endr\n dec %2\n jnz 1b\n"
                   : "+r"(a), "+r"(b), "+r"(n)::"cc");
  return a ^ b;
}

static guint64
native_mips (guint64 n)
{
  static guint64 buf[64];
  guint64 a = 1, b = 2, c = 0, d = 0;
  for (guint64 i = 0; i < 64; i++)
    buf[i] = i * G_GUINT64_CONSTANT (0x9e3779b97f4a7c15);
  __asm__ volatile(
      "1: add %1,%0\n xor %0,%1\n lea (,%0,8),%2\n mov %1,%3\n add %2,%0\n shr $5,%3\n sub %3,%1\n"
      " mov (%5),%2\n add %0,%2\n mov %2,(%5)\n movzbl %b0,%k3\n and $0xf8,%3\n mov 8(%5,%3),%2\n"
      " xor %2,%0\n dec %4\n jnz 1b\n"
      : "+q"(a), "+r"(b), "+r"(c), "+r"(d), "+r"(n)
      : "r"(buf)
      : "memory", "cc");
  return a ^ b;
}
#endif

static void
report (const char *name, double guest, double native, guint64 n)
{
  printf ("%-6s %7.0f MIPS", name, (double)n * 16 / guest / 1e6);
  if (native > 0)
    printf ("  native %7.0f  slowdown %.2f", (double)n * 16 / native / 1e6, guest / native);
  printf ("\n");
}

int
main (int argc, char **argv)
{
  guint64 n = argc > 1 ? strtoull (argv[1], NULL, 0) : 20000000;
  double best[2] = { 1e9, 1e9 }, native[2] = { 1e9, 1e9 };
  for (guint round = 0; round < 3; round++)
    {
      FakeMachine *m = fake_machine_new (1);
      set_up (m);
      guint64 pc = CODE;
      for (guint i = 0; i < 7; i++)
        {
          fake_put (m, pc, F_ADD, 1, 1, 2, 0);
          fake_put (m, pc + 8, F_XOR, 2, 2, 1, 0);
          pc += 16;
        }
      fake_put (m, pc, F_ADDI, 5, 5, 0, -1);
      fake_put (m, pc + 8, F_BNE, 0, 5, 7, -120);
      fake_put (m, pc + 16, F_STOP, 0, 0, 0, 0);
      vmt_exec_resume (m->exec);
      best[0] = MIN (best[0], run (m, n));
      guint64 alu = fake_state (m, 0)->x[1] ^ fake_state (m, 0)->x[2];

      vmt_exec_pause (m->exec);
      pc = CODE;
#define PUT(...) (fake_put (m, pc, __VA_ARGS__), pc += 8)
      PUT (F_ADD, 1, 1, 2, 0);
      PUT (F_XOR, 2, 2, 1, 0);
      PUT (F_SHLI, 3, 1, 0, 3);
      PUT (F_SHRI, 4, 2, 0, 5);
      PUT (F_ADD, 1, 1, 3, 0);
      PUT (F_SUB, 2, 2, 4, 0);
      PUT (F_LD8, 3, 6, 0, 0);
      PUT (F_ADD, 3, 3, 1, 0);
      PUT (F_ST8, 0, 6, 3, 0);
      PUT (F_ANDI, 4, 1, 0, 0xf8);
      PUT (F_ADD, 4, 4, 6, 0);
      PUT (F_LD8, 3, 4, 0, 8);
      PUT (F_XOR, 1, 1, 3, 0);
      PUT (F_BEQ, 0, 4, 7, 24);
      PUT (F_ADDI, 5, 5, 0, -1);
      PUT (F_BNE, 0, 5, 7, -120);
      PUT (F_STOP, 0, 0, 0, 0);
      vmt_exec_resume (m->exec);
      best[1] = MIN (best[1], run (m, n));
      guint64 mips = fake_state (m, 0)->x[1] ^ fake_state (m, 0)->x[2];
      fake_machine_free (m);
#if defined(__x86_64__)
      double start = seconds ();
      guint64 r = native_alu (n);
      native[0] = MIN (native[0], seconds () - start);
      if (r != alu)
        {
          fprintf (stderr, "alu: wrong result\n");
          return 1;
        }
      start = seconds ();
      r = native_mips (n);
      native[1] = MIN (native[1], seconds () - start);
      if (r != mips)
        {
          fprintf (stderr, "mips: wrong result\n");
          return 1;
        }
#else
      (void)alu;
      (void)mips;
      native[0] = native[1] = 0;
#endif
    }
  report ("alu", best[0], native[0], n);
  report ("mips", best[1], native[1], n);
  return 0;
}
