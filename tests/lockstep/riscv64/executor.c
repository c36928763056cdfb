/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Runs cases on a RISC-V Linux, real or emulated: reads them from standard input, writes results to
 * standard output. Freestanding. Everything happens in a signal handler: the instruction after the
 * code under test raises a signal, whose frame holds every register; the handler saves them, puts
 * the next case's into the frame and returns to it. */
#include "../lockstep-wire.h"

typedef unsigned long ulong;

/* x1..x31, f0..f31, fcsr */
#define N_REGS 64
#define C_EBREAK 0x9002u

typedef struct
{
  ulong flags, link;
  ulong stack[3];
  ulong mask[16]; /* with room for more signals */
  ulong pad;      /* the rest is aligned to 16 bytes */
  ulong pc, x[31];
  ulong f[32];
  uint32_t fcsr;
} Context;

_Static_assert(__builtin_offsetof(Context, pc) == 176, "sigcontext");
_Static_assert(__builtin_offsetof(Context, fcsr) == 688, "fcsr");

#define SYS_READ 63
#define SYS_WRITE 64
#define SYS_EXIT 93
#define SYS_SIGALTSTACK 132
#define SYS_RT_SIGACTION 134
#define SYS_MMAP 222

static long
call (long number, ulong a, ulong b, ulong c, ulong d, ulong e, ulong f)
{
  register ulong a0 __asm__("a0") = a;
  register ulong a1 __asm__("a1") = b;
  register ulong a2 __asm__("a2") = c;
  register ulong a3 __asm__("a3") = d;
  register ulong a4 __asm__("a4") = e;
  register ulong a5 __asm__("a5") = f;
  register long a7 __asm__("a7") = number;

  __asm__ volatile("ecall"
                   : "+r"(a0)
                   : "r"(a1), "r"(a2), "r"(a3), "r"(a4), "r"(a5), "r"(a7)
                   : "memory");
  return (long)a0;
}

static void
quit (int code)
{
  for (;;)
    call (SYS_EXIT, code, 0, 0, 0, 0, 0);
}

/* By the standard's name: the compiler makes calls of it. */
void *memcpy (void *to, const void *from, ulong size);
void *
memcpy (void *to, const void *from, ulong size)
{
  uint8_t *t = to;
  const uint8_t *f = from;

  if ((((ulong)t | (ulong)f) & 7) == 0)
    for (; size >= 8; size -= 8, t += 8, f += 8)
      *(volatile ulong *)t = *(const ulong *)f;
  for (; size > 0; size--)
    *(volatile uint8_t *)t++ = *f++;
  return to;
}

#define BUFFER_SIZE (1u << 20)
#define RECORD_MAX 8192u
static uint8_t input[BUFFER_SIZE + RECORD_MAX] __attribute__ ((aligned (16)));
static uint8_t output[BUFFER_SIZE] __attribute__ ((aligned (16)));
static ulong in_at, in_end, out_end;
static uint8_t signal_stack[65536] __attribute__ ((aligned (16)));

static void
flush (void)
{
  ulong at = 0;

  while (at < out_end)
    {
      long n = call (SYS_WRITE, 1, (ulong)output + at, out_end - at, 0, 0, 0);
      if (n <= 0)
        quit (3);
      at += (ulong)n;
    }
  out_end = 0;
}

/* @size bytes of input in one piece. */
static uint8_t *
need (ulong size)
{
  if (in_end - in_at < size)
    {
      memcpy (input, input + in_at, in_end - in_at);
      in_end -= in_at;
      in_at = 0;
      while (in_end < size)
        {
          flush ();
          long n = call (SYS_READ, 0, (ulong)input + in_end, BUFFER_SIZE - in_end, 0, 0, 0);
          if (n <= 0)
            quit (n == 0 && in_end == 0 ? 0 : 3);
          in_end += (ulong)n;
        }
    }
  return input + in_at;
}

static const LockstepCaseHeader *present;
static ulong code_at, code_size;

static ulong
padded (ulong size)
{
  return (size + 7) & ~7ul;
}

static uint32_t
trap_of (int signal)
{
  switch (signal)
    {
    case 5: /* SIGTRAP */
      return LOCKSTEP_STOP;
    case 4: /* SIGILL */
      return LOCKSTEP_ILLEGAL;
    case 11: /* SIGSEGV */
      return LOCKSTEP_MEMORY;
    case 7: /* SIGBUS */
      return LOCKSTEP_ALIGN;
    default:
      return LOCKSTEP_OTHER;
    }
}

static void
save (uint32_t trap, const Context *context)
{
  const ulong size = sizeof (LockstepResultHeader) + N_REGS * 8 + padded (present->mem_size);

  if (out_end + size > BUFFER_SIZE)
    flush ();
  LockstepResultHeader *result = (LockstepResultHeader *)(output + out_end);
  ulong *regs = (ulong *)(result + 1);
  result->size = size;
  result->trap = trap;
  result->pc = context->pc;
  result->mem_size = present->mem_size;
  result->n_regs = N_REGS;
  memcpy (regs, context->x, sizeof context->x);
  memcpy (regs + 31, context->f, sizeof context->f);
  regs[63] = context->fcsr;
  regs[N_REGS + padded (present->mem_size) / 8 - 1] = 0;
  memcpy (regs + N_REGS, (void *)present->mem, present->mem_size);
  out_end += size;
  in_at += present->size;
}

static void
fill (ulong at, ulong size)
{
  for (ulong i = 0; i < size; i += 2)
    *(volatile uint16_t *)(at + i) = C_EBREAK;
}

static void
load (Context *context)
{
  const LockstepCaseHeader *header = (const LockstepCaseHeader *)need (sizeof *header);
  if (header->size > RECORD_MAX || header->n_regs != N_REGS)
    quit (4);
  header = (const LockstepCaseHeader *)need (header->size);
  const ulong *regs = (const ulong *)(header + 1);
  const uint8_t *code = (const uint8_t *)(regs + N_REGS);

  memcpy (context->x, regs, sizeof context->x);
  memcpy (context->f, regs + 31, sizeof context->f);
  context->fcsr = (uint32_t)regs[63];
  if (!(header->flags & LOCKSTEP_SAME_CODE))
    {
      fill (code_at, code_size);
      memcpy ((void *)header->pc, code, header->code_size);
      code_at = header->pc;
      code_size = header->code_size;
      __asm__ volatile("fence.i" ::: "memory");
    }
  memcpy ((void *)header->mem, code + padded (header->code_size), header->mem_size);
  context->pc = header->pc;
  /* No reservation is left from the case before. */
  static uint32_t word;
  uint32_t failed;
  __asm__ volatile("sc.w %0, zero, %1" : "=&r"(failed), "+A"(word));
  present = header;
}

static void
handler (int signal, void *info, Context *context)
{
  (void)info;
  if (present != 0)
    save (trap_of (signal), context);
  load (context);
}

static void
map (ulong address, ulong size, ulong protection)
{
  /* private, anonymous, fixed, and nothing may be there */
  if (call (SYS_MMAP, address, size, protection, 0x02 | 0x20 | 0x100000, -1ul, 0) != (long)address)
    quit (5);
}

void start (void);
__attribute__ ((noreturn, used)) void
start (void)
{
  static const int signals[] = { 4, 5, 7, 8, 11 };
  const ulong stack[3] = { (ulong)signal_stack, 0, sizeof signal_stack };
  /* SA_SIGINFO, SA_ONSTACK */
  const ulong action[3] = { (ulong)handler, 0x4 | 0x08000000, 0 };

  map (LOCKSTEP_CODE_BASE, LOCKSTEP_CODE_SIZE, 7);
  map (LOCKSTEP_DATA_BASE, LOCKSTEP_DATA_SIZE, 3);
  fill (LOCKSTEP_CODE_BASE, LOCKSTEP_CODE_SIZE);
  if (call (SYS_SIGALTSTACK, (ulong)stack, 0, 0, 0, 0, 0) != 0)
    quit (6);
  for (ulong i = 0; i < sizeof signals / sizeof *signals; i++)
    if (call (SYS_RT_SIGACTION, signals[i], (ulong)action, 0, 8, 0, 0) != 0)
      quit (7);
  for (;;)
    __asm__ volatile("ebreak");
}

__asm__(".globl _start\n"
        "_start:\n"
        ".option push\n"
        ".option norelax\n"
        "  la gp, __global_pointer$\n"
        ".option pop\n"
        "  andi sp, sp, -16\n"
        "  tail start\n");
