/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The terminal: every key is the guest's while the machine runs, and the user has it back as it
 * was, whatever happened. */
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "guest.h"
#include "terminal.h"

static char *folder;
static char *idle;

/* On the first serial port: tells that it is there, and echoes what is typed as the letter after
 * it, until "q" ends it with status 5. */
static const guint32 echo_words[] = {
  0x10000537, /* lui a0, 0x10000: the serial port */
  0x02100593, /* li a1, '!' */
  0x00b50023, /* sb a1, 0(a0) */
  0x00554583, /* lbu a1, 5(a0): line status */
  0x0015f593, /* andi a1, a1, 1: received */
  0xfe058ce3, /* beqz a1, -8 */
  0x00054583, /* lbu a1, 0(a0) */
  0x07100613, /* li a2, 'q' */
  0x00c58863, /* beq a1, a2, +16 */
  0x00158593, /* addi a1, a1, 1 */
  0x00b50023, /* sb a1, 0(a0) */
  0xfe1ff06f, /* j -32 */
  0x00100537, /* lui a0, 0x100 */
  0x000535b7, /* lui a1, 0x53 */
  0x33358593, /* addi a1, a1, 0x333 */
  0x00b52023, /* sw a1, 0(a0) */
  0x0000006f, /* j . */
};
static const Program echo_program = { .words = echo_words, .n_words = G_N_ELEMENTS (echo_words) };
static char *echo;

/* Writes 64 KiB without looking whether there is room, then rests. */
static const guint32 flood_words[] = {
  0x10000537, /* lui a0, 0x10000 */
  0x06100593, /* li a1, 'a' */
  0x00010637, /* lui a2, 16 */
  0x00b50023, /* sb a1, 0(a0) */
  0xfff60613, /* addi a2, a2, -1 */
  0xfe061ce3, /* bnez a2, -8 */
  0x10500073, /* wfi */
  0xffdff06f, /* j -4 */
};
static const Program flood_program = { .words = flood_words,
                                       .n_words = G_N_ELEMENTS (flood_words) };
static char *flood;

static Terminal *
start_echo (void)
{
  Terminal *terminal = terminal_start ("run", "riscv-virt", "--kernel", echo, NULL);

  terminal_expect (terminal, "!");
  g_assert_true (terminal_is_raw (terminal));
  return terminal;
}

/* Every key is the guest's, and its end is the end. */
static void
test_keys (void)
{
  static const char all[] = "abc\x03\x04\x11\x13\x16\x1a\x1c\r\n\x7f\xfe";
  static const char back[] = "bcd\x04\x05\x12\x14\x17\x1b\x1d\x0e\x0b\x80\xff";
  g_autoptr (Terminal) terminal = start_echo ();
  g_autofree char *expected = NULL;

  for (gsize i = 0; i < sizeof all - 1; i++)
    terminal_type (terminal, all + i, 1);
  /* Ctrl-A twice is one */
  terminal_type (terminal, "\x01\x01z", 3);
  terminal_expect (terminal, "{");
  /* what the terminal itself made of the line feed (ONLCR) is left to it */
  expected = g_strdup_printf ("!%.*s", 11, back);
  g_assert_cmpmem (terminal->screen->str, strlen (expected), expected, strlen (expected));
  g_assert_nonnull (strchr (terminal->screen->str, '\x80'));
  g_assert_nonnull (strstr (terminal->screen->str, "\x02{"));
  terminal_type (terminal, "q", 1);
  g_assert_cmpint (terminal_wait (terminal), ==, 5);
  terminal_assert_restored (terminal);
}

static void
test_escape_x (void)
{
  g_autoptr (Terminal) terminal = start_echo ();

  terminal_type (terminal, "\x01x", 2);
  terminal_expect (terminal, "[ended by Ctrl-A x]");
  g_assert_cmpint (terminal_wait (terminal), ==, 0);
  terminal_assert_restored (terminal);
}

static void
test_help (void)
{
  g_autoptr (Terminal) terminal = start_echo ();

  terminal_type (terminal, "\x01h", 2);
  terminal_expect (terminal, "Ctrl-A x");
  terminal_expect (terminal, "Ctrl-A c");
  terminal_expect (terminal, "Ctrl-A h");
  terminal_expect (terminal, "Ctrl-A Ctrl-A");
  /* a key without a meaning does nothing, and the guest does not get it */
  terminal_type (terminal, "\x01Ya", 3);
  terminal_expect (terminal, "b");
  g_assert_null (strchr (terminal->screen->str, 'Z'));
  terminal_type (terminal, "\x01x", 2);
  g_assert_cmpint (terminal_wait (terminal), ==, 0);
}

static void
ask (Terminal *terminal, const char *command, const char *answer)
{
  terminal_type (terminal, command, -1);
  terminal_type (terminal, "\r", 1);
  terminal_expect (terminal, answer);
  terminal_expect (terminal, "(vmtool) ");
}

static void
test_commands (void)
{
  g_autoptr (Terminal) terminal = start_echo ();

  terminal_type (terminal,
                 "\x01"
                 "c",
                 2);
  terminal_expect (terminal, "(vmtool) ");
  ask (terminal, "help", "status");
  ask (terminal, "status", "running");
  ask (terminal, "pause", "");
  ask (terminal, "status", "paused");
  ask (terminal, "resume", "");
  ask (terminal, "status", "running");
  ask (terminal, "get uart0.clock-frequency", "3686400");
  ask (terminal, "get cpu0.pc", "0x800000");
  ask (terminal, "get uart0.clock-freqency", "did you mean 'clock-frequency'?");
  ask (terminal, "set on-reset exit", "");
  ask (terminal, "get on-reset", "exit");
  ask (terminal, "set uart0.clock-frequency 1", "");
  ask (terminal, "lits", "did you mean \"list\"?");
  ask (terminal, "list", "uart0");
  /* a mistyped line: corrected, then thrown away */
  terminal_type (terminal, "statux\x7fs\r", -1);
  terminal_expect (terminal, "running");
  terminal_type (terminal, "nonsense\x15", -1);
  ask (terminal, "status", "running");
  /* text for the guest: "b" comes back */
  terminal_type (terminal, "send a\r", -1);
  terminal_expect (terminal, "b");
  /* back to the guest, which has got nothing of all that */
  terminal_type (terminal, "\r", -1);
  terminal_expect (terminal, "[back to the guest's console]");
  terminal_type (terminal, "m", 1);
  terminal_expect (terminal, "n");
  terminal_type (terminal,
                 "\x01"
                 "cquit\r",
                 -1);
  g_assert_cmpint (terminal_wait (terminal), ==, 0);
  terminal_assert_restored (terminal);
}

static void
test_signal (gconstpointer data)
{
  int number = GPOINTER_TO_INT (data);
  g_autoptr (Terminal) terminal = start_echo ();

  kill (terminal->pid, number);
  g_assert_cmpint (terminal_wait (terminal), ==, 0);
  terminal_assert_restored (terminal);
}

/* A signal at any moment of the start, too. */
static void
test_early_signal (void)
{
  for (guint i = 0; i < 24; i++)
    {
      g_autoptr (Terminal) terminal = terminal_start ("run", "riscv-virt", "--kernel", idle, NULL);
      int status;

      g_usleep (i * 2000);
      kill (terminal->pid, SIGTERM);
      status = terminal_wait (terminal);
      g_assert_true (status == 0 || status == -SIGTERM);
      terminal_assert_restored (terminal);
    }
}

/* An error after the terminal was taken: the second serial port cannot be had. */
static void
test_realize_error (void)
{
  g_autoptr (Terminal) terminal =
      terminal_start ("run", "riscv-virt", "--kernel", echo, "-p", "1:22", "-p", "1:23", NULL);

  g_assert_cmpint (terminal_wait (terminal), ==, 1);
  terminal_assert_restored (terminal);
  g_assert_nonnull (strstr (terminal->screen->str, "cannot forward port 1 "));
}

static void
test_boot_error (void)
{
  g_autoptr (Terminal) terminal = terminal_start ("run", "riscv-virt", "--kernel", folder, NULL);

  g_assert_cmpint (terminal_wait (terminal), ==, 1);
  terminal_assert_restored (terminal);
  g_assert_nonnull (strstr (terminal->screen->str, "is a folder"));
}

/* While it is stopped the terminal is the shell's. */
static void
test_stop (void)
{
  g_autoptr (Terminal) terminal = start_echo ();

  for (int i = 0; i < 2; i++)
    {
      kill (terminal->pid, SIGTSTP);
      g_assert_true (WIFSTOPPED (terminal_wait_change (terminal)));
      terminal_assert_restored (terminal);
      kill (terminal->pid, SIGCONT);
      g_assert_true (WIFCONTINUED (terminal_wait_change (terminal)));
      terminal_wait_raw (terminal, TRUE);
      terminal_type (terminal, "m", 1);
      terminal_expect (terminal, "n");
    }
  terminal_type (terminal, "q", 1);
  g_assert_cmpint (terminal_wait (terminal), ==, 5);
  terminal_assert_restored (terminal);
}

/* Processor time of a machine that idles with streams @fds, over a second and a half. */
static void
check_idle (const int fds[3])
{
  GPid pid = tool_spawn ((const char *[]){ "run", "riscv-virt", "--kernel", idle, NULL }, fds);
  double before;

  g_usleep (1500 * 1000);
  before = tool_get_cpu (pid);
  g_usleep (1500 * 1000);
  g_assert_cmpfloat (tool_get_cpu (pid) - before, <, 0.15);
  kill (pid, SIGTERM);
  g_assert_cmpint (tool_wait (pid, 60), ==, 0);
}

static void
test_no_input (void)
{
  int null = open ("/dev/null", O_RDWR | O_CLOEXEC);

  check_idle ((int[]){ null, null, null });
  check_idle ((int[]){ -1, null, null });
  close (null);
}

/* Linux at its shell, with somebody who does not type: timers and ticks do not add up. */
static void
test_idle_shell (void)
{
  g_autofree char *kernel = guest_kit_file ("kernel");
  g_autofree char *initrd = guest_kit_file ("initramfs.cpio.gz");
  g_autoptr (Terminal) terminal = NULL;
  double before;

  if (!guest_need_kit ())
    return;
  terminal = terminal_start ("run", "riscv-virt", "--kernel", kernel, "--initrd", initrd,
                             "--append", "console=ttyS0 panic=-1 quiet", NULL);
  terminal_expect (terminal, "This is a busybox shell");
  terminal_expect (terminal, "# ");
  terminal_type (terminal, "echo aw''ake\r", -1);
  terminal_expect (terminal, "\nawake");
  terminal_read (terminal, 2000);
  before = tool_get_cpu (terminal->pid);
  terminal_read (terminal, 10000);
  /* 2% of a core; what a sanitizer costs is not the machine's */
  g_assert_cmpfloat (tool_get_cpu (terminal->pid) - before, <, 0.2 * GUEST_PATIENCE);
  terminal_type (terminal, "\x01x", 2);
  g_assert_cmpint (terminal_wait (terminal), ==, 0);
  terminal_assert_restored (terminal);
}

/* Nobody reads any more: the guest goes on, and what it prints is dropped. */
static void
test_closed_output (void)
{
  int null = open ("/dev/null", O_RDWR | O_CLOEXEC);
  int in[2], out[2];
  char c;

  g_assert_cmpint (pipe2 (in, O_CLOEXEC), ==, 0);
  g_assert_cmpint (pipe2 (out, O_CLOEXEC), ==, 0);
  GPid pid = tool_spawn ((const char *[]){ "run", "riscv-virt", "--kernel", echo, NULL },
                         (int[]){ in[0], out[1], null });
  close (out[1]);
  g_assert_cmpint (read (out[0], &c, 1), ==, 1);
  close (out[0]);
  /* 20,000 characters to nobody, and then the end */
  for (int i = 0; i < 200; i++)
    {
      g_autofree char *text = g_strnfill (100, 'a');
      g_assert_cmpint (write (in[1], text, 100), ==, 100);
    }
  g_assert_cmpint (write (in[1], "q", 1), ==, 1);
  g_assert_cmpint (tool_wait (pid, 60), ==, 5);
  close (in[0]);
  close (in[1]);

  g_assert_cmpint (pipe2 (out, O_CLOEXEC), ==, 0);
  close (out[0]);
  check_idle ((int[]){ null, out[1], null });
  check_idle ((int[]){ null, -1, null });
  close (out[1]);
  close (null);
}

/* A reader that does not read: nothing spins, nothing grows, and it can be ended. */
static void
test_full_output (void)
{
  int null = open ("/dev/null", O_RDWR | O_CLOEXEC);
  int in[2], out[2];
  double before;

  g_assert_cmpint (pipe2 (in, O_CLOEXEC), ==, 0);
  g_assert_cmpint (pipe2 (out, O_CLOEXEC), ==, 0);
  fcntl (out[1], F_SETPIPE_SZ, 4096);
  GPid pid = tool_spawn ((const char *[]){ "run", "riscv-virt", "--kernel", flood, NULL },
                         (int[]){ in[0], out[1], null });
  g_usleep (1500 * 1000);
  before = tool_get_cpu (pid);
  g_usleep (1000 * 1000);
  g_assert_cmpfloat (tool_get_cpu (pid) - before, <, 0.15);
  kill (pid, SIGTERM);
  g_assert_cmpint (tool_wait (pid, 60), ==, 0);
  for (int i = 0; i < 2; i++)
    {
      close (in[i]);
      close (out[i]);
    }
  close (null);
}

int
main (int argc, char **argv)
{
  int rc;

  g_test_init (&argc, &argv, NULL);
  signal (SIGPIPE, SIG_IGN);
  folder = guest_make_folder ();
  echo = program_write (folder, "echo.elf", &echo_program);
  idle = program_write (folder, "idle.elf", &program_idle);
  flood = program_write (folder, "flood.elf", &flood_program);
  g_test_add_func ("/guest/terminal/keys", test_keys);
  g_test_add_func ("/guest/terminal/escape/x", test_escape_x);
  g_test_add_func ("/guest/terminal/escape/help", test_help);
  g_test_add_func ("/guest/terminal/escape/commands", test_commands);
  g_test_add_data_func ("/guest/terminal/signal/term", GINT_TO_POINTER (SIGTERM), test_signal);
  g_test_add_data_func ("/guest/terminal/signal/int", GINT_TO_POINTER (SIGINT), test_signal);
  g_test_add_data_func ("/guest/terminal/signal/hup", GINT_TO_POINTER (SIGHUP), test_signal);
  g_test_add_func ("/guest/terminal/signal/early", test_early_signal);
  g_test_add_func ("/guest/terminal/error/realize", test_realize_error);
  g_test_add_func ("/guest/terminal/error/boot", test_boot_error);
  g_test_add_func ("/guest/terminal/stop", test_stop);
  g_test_add_func ("/guest/terminal/no-input", test_no_input);
  g_test_add_func ("/guest/terminal/idle-shell", test_idle_shell);
  g_test_add_func ("/guest/terminal/closed-output", test_closed_output);
  g_test_add_func ("/guest/terminal/full-output", test_full_output);
  rc = g_test_run ();
  guest_remove_folder (folder);
  g_free (echo);
  g_free (idle);
  g_free (flood);
  return rc;
}
