/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Programs for bare metal: "vmtool run riscv-virt --kernel PROGRAM" starts them in M-mode, and how
 * they end is how vmtool ends. */
#include <string.h>
#include <unistd.h>

#include "guest.h"
#include "tool.h"

#define FINISH(value_hi, value_lo)                                                                 \
  0x00100537,                                 /* lui a0, 0x100 */                                  \
      0x000005b7 | (guint32)(value_hi) << 12, /* lui a1, value_hi */                               \
      0x00058593 | (guint32)(value_lo) << 20, /* addi a1, a1, value_lo */                          \
      0x00b52023,                             /* sw a1, 0(a0) */                                   \
      0x0000006f                              /* j . */

/* The first word must stand at the beginning: tohost is 0x1000 from there. */
#define HTIF_EXIT(value)                                                                           \
  0x00001517,                              /* auipc a0, 1: tohost */                               \
      0x00000593 | (guint32)(value) << 20, /* li a1, value */                                      \
      0x00b53023,                          /* sd a1, 0(a0) */                                      \
      0x0000006f                           /* j . */

static const guint32 pass[] = { FINISH (0x5, 0x555) };
static const guint32 fail_42[] = { FINISH (0x2a3, 0x333) };
static const guint32 fail_256[] = { FINISH (0x1003, 0x333) };
static const guint32 htif_pass[] = { HTIF_EXIT (1) };
static const guint32 htif_fail[] = { HTIF_EXIT (7 << 1 | 1) };

/* Only M-mode can read mhartid, and a CSR of M-mode traps below it: to mtvec, which is here. */
static const guint32 m_mode[] = {
  0x00000517, /* auipc a0, 0 */
  0x01850513, /* addi a0, a0, 24: where it fails */
  0x30551073, /* csrw mtvec, a0 */
  0x342022f3, /* csrr t0, mcause */
  0xf1402373, /* csrr t1, mhartid */
  0x0180006f, /* j +24 */
  FINISH (0x2a3, 0x333),
  FINISH (0x5, 0x555),
};

static const guint32 panic[] = {
  0x00102537, /* lui a0, 0x102 */
  0x00100593, /* li a1, 1: panicked */
  0x00b50023, /* sb a1, 0(a0) */
  0x0000006f, /* j . */
};

/* Writes "Hi\n" through HTIF's console, as bbl and riscv-tests do: waits for tohost to be 0. */
#define HTIF_PUT(c)                                                                                \
  0x00053583,                 /* ld a1, 0(a0) */                                                   \
      0xfe059ee3,             /* bnez a1, -4 */                                                    \
      0x00000593 | (c) << 20, /* li a1, c */                                                       \
      0x00c5e5b3,             /* or a1, a1, a2 */                                                  \
      0x00b53023              /* sd a1, 0(a0) */
static const guint32 htif_hello[] = {
  0x00001517, /* auipc a0, 1 */
  0x10100613, /* li a2, 0x101 */
  0x03061613, /* slli a2, a2, 48: device 1, command 1 */
  HTIF_PUT ('H'), HTIF_PUT ('i'), HTIF_PUT ('\n'), 0x00053583, /* ld a1, 0(a0) */
  0xfe059ee3,                                                  /* bnez a1, -4 */
  0x00100593,                                                  /* li a1, 1 */
  0x00b53023,                                                  /* sd a1, 0(a0) */
  0x0000006f,                                                  /* j . */
};

/* Reads a character through HTIF and makes it the exit status. */
static const guint32 htif_echo[] = {
  0x00001517, /* auipc a0, 1 */
  0x00100613, /* li a2, 1 */
  0x03861613, /* slli a2, a2, 56: device 1, command 0 */
  0x00c53023, /* sd a2, 0(a0) */
  0x04053583, /* ld a1, 64(a0): fromhost */
  0xfe058ee3, /* beqz a1, -4 */
  0x04053023, /* sd zero, 64(a0) */
  0x0ff5f593, /* andi a1, a1, 255 */
  0x00159593, /* slli a1, a1, 1 */
  0x0015e593, /* ori a1, a1, 1 */
  0x00b53023, /* sd a1, 0(a0) */
  0x0000006f, /* j . */
};

static const guint32 reset[] = { FINISH (0x7, 0x777) };

typedef struct
{
  const char *path;
  const guint32 *words;
  guint n_words;
  gboolean symbols;
  guint64 base; /* 0: the start of memory */
  int status;
  const char *out, *err;
  const char *option;
} Case;

#define WORDS(array) array, G_N_ELEMENTS (array)

static const Case cases[] = {
  { "finisher/pass", WORDS (pass), FALSE, 0, 0, "", "", NULL },
  { "finisher/fail-42", WORDS (fail_42), FALSE, 0, 42, "", "", NULL },
  { "finisher/fail-256", WORDS (fail_256), FALSE, 0, 1, "", "", NULL },
  { "finisher/reset", WORDS (reset), FALSE, 0, 0, "", "", "--on-reset=exit" },
  { "finisher/without-firmware", WORDS (fail_42), FALSE, 0, 42, "", "", "--firmware=none" },
  { "finisher/cpus", WORDS (fail_42), FALSE, 0, 42, "", "", "--set=cpus=4" },
  { "machine-mode", WORDS (m_mode), FALSE, 0, 0, "", "", NULL },
  { "pvpanic", WORDS (panic), FALSE, 0, 3, "", "vmtool: the guest crashed\n", NULL },
  { "htif/pass", WORDS (htif_pass), TRUE, 0, 0, "", "", NULL },
  { "htif/fail-7", WORDS (htif_fail), TRUE, 0, 7, "", "", NULL },
  { "htif/elsewhere", WORDS (htif_fail), TRUE, 0x80400000, 7, "", "", NULL },
  { "htif/without-firmware", WORDS (htif_fail), TRUE, 0, 7, "", "", "--firmware=none" },
  { "htif/console", WORDS (htif_hello), TRUE, 0, 0, "Hi\n", "", NULL },
};

static void
test_case (gconstpointer data)
{
  const Case *row = data;
  const Program program = { row->words, row->n_words, row->symbols, .base = row->base };
  g_autofree char *folder = guest_make_folder ();
  g_autofree char *path = program_write (folder, "program.elf", &program);
  g_autoptr (ToolResult) result =
      tool_run ("run", "riscv-virt", "--kernel", path, row->option, NULL);

  g_assert_cmpstr (result->err, ==, row->err);
  g_assert_cmpstr (result->out, ==, row->out);
  g_assert_cmpint (result->status, ==, row->status);
  guest_remove_folder (g_steal_pointer (&folder));
}

/* Without tohost the same words mean nothing: the device must not be there for other programs. */
static void
test_no_symbols (void)
{
  static const guint32 words[] = {
    0x00001517, /* auipc a0, 1 */
    0x00f00593, /* li a1, 15 */
    0x00b53023, /* sd a1, 0(a0) */
    FINISH (0x2a3, 0x333),
  };
  const Program program = { WORDS (words) };
  g_autofree char *folder = guest_make_folder ();
  g_autofree char *path = program_write (folder, "program.elf", &program);
  g_autoptr (ToolResult) result = tool_run ("run", "riscv-virt", "--kernel", path, NULL);

  g_assert_cmpstr (result->err, ==, "");
  g_assert_cmpint (result->status, ==, 42);
  guest_remove_folder (g_steal_pointer (&folder));
}

/* What is typed reaches a program that asks for it through HTIF. */
static void
test_htif_input (void)
{
  const Program program = { WORDS (htif_echo), TRUE };
  g_autofree char *folder = guest_make_folder ();
  g_autofree char *path = program_write (folder, "program.elf", &program);
  int in[2];

  g_assert_cmpint (pipe (in), ==, 0);
  g_assert_cmpint (write (in[1], "A", 1), ==, 1);
  GPid pid = tool_spawn ((const char *[]){ "run", "riscv-virt", "--kernel", path, NULL },
                         (int[]){ in[0], 1, 2 });
  g_assert_cmpint (tool_wait (pid, 60), ==, 'A');
  close (in[0]);
  close (in[1]);
  guest_remove_folder (g_steal_pointer (&folder));
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autofree char *path = g_strconcat ("/guest/programs/", cases[i].path, NULL);
      g_test_add_data_func (path, &cases[i], test_case);
    }
  g_test_add_func ("/guest/programs/htif/no-symbols", test_no_symbols);
  g_test_add_func ("/guest/programs/htif/input", test_htif_input);
  return g_test_run ();
}
