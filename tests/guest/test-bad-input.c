/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What people get wrong, and what they are told: one message each, that says what, where, why and
 * what to do. */
#include <elf.h>
#include <errno.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "guest.h"
#include "tool.h"

#define MAX_ARGS 12
#define MAX_EXPECTED 4

static char *folder; /* of this test */

/* "@name" among the arguments is a file of the folder. */
typedef struct
{
  const char *path;
  int status;
  const char *args[MAX_ARGS];
  const char *expect[MAX_EXPECTED];
} Case;

#define RUN "run", "riscv-virt"
#define GOOD "--kernel", "@good"

static const Case cases[] = {
  /* kernels */
  { "kernel/none", 1, { RUN }, { "there is no kernel", "--kernel FILE" } },
  { "kernel/missing", 1, { RUN, "--kernel", "@nofile" }, { "kernel ", "nofile", "No such file" } },
  { "kernel/dangling", 1, { RUN, "-k", "@dangling" }, { "dangling", "No such file" } },
  { "kernel/unreadable", 1, { RUN, "-k", "@secret" }, { "secret", "Permission denied" } },
  { "kernel/folder", 1, { RUN, "-k", "@dir" }, { "dir: ", "is a folder" } },
  { "kernel/empty", 1, { RUN, "-k", "@empty" }, { "empty: is empty" } },
  { "kernel/fifo", 1, { RUN, "-k", "@fifo" }, { "fifo: ", "not a regular file" } },
  { "kernel/device", 1, { RUN, "-k", "/dev/zero" }, { "/dev/zero: ", "not a regular file" } },
  { "kernel/text", 1, { RUN, "-k", "@text" }, { "text: ", "not a kind of file", "ELF" } },
  { "kernel/truncated-image", 1, { RUN, "-k", "@trunc-image" }, { "trunc-image: ", "truncated" } },
  { "kernel/truncated-elf", 1, { RUN, "-k", "@trunc-elf" }, { "trunc-elf: ", "truncated" } },
  { "kernel/truncated-head", 1, { RUN, "-k", "@trunc-head" }, { "trunc-head: ", "truncated" } },
  { "kernel/truncated-gzip", 1, { RUN, "-k", "@trunc.gz" }, { "trunc.gz: " } },
  { "kernel/gzip-of-nothing", 1, { RUN, "-k", "@nothing.gz" }, { "nothing.gz: ", "nothing" } },
  { "kernel/gzip-bomb", 1, { RUN, "-k", "@bomb.gz", "-s", "memory=16M" }, { "bomb.gz: " } },
  { "kernel/x86-bzimage", 1, { RUN, "-k", "@bzimage" }, { "for x86", "riscv64" } },
  { "kernel/arm64-image", 1, { RUN, "-k", "@arm64" }, { "for arm64", "riscv64" } },
  { "kernel/x86-elf", 1, { RUN, "-k", "@x86-elf" }, { "x86-64", "riscv64", "another board" } },
  { "kernel/object-file", 1, { RUN, "-k", "@object" }, { "object: ", "linked" } },
  { "kernel/elsewhere", 1, { RUN, "-k", "@elsewhere" }, { "elsewhere: ", "0x40000000" } },
  { "kernel/larger-than-ram",
    1,
    { RUN, "-k", "@huge", "-s", "memory=16M" },
    { "huge: ", "16777216", "more memory" } },
  { "kernel/bss-larger-than-ram",
    1,
    { RUN, "-k", "@bss", "-s", "memory=16M" },
    { "bss: ", "16 MiB", "more memory" } },
  { "initrd/missing", 1, { RUN, GOOD, "-i", "@nofile" }, { "initrd ", "nofile", "No such file" } },
  { "initrd/unreadable", 1, { RUN, GOOD, "-i", "@secret" }, { "initrd ", "Permission denied" } },
  { "initrd/folder", 1, { RUN, GOOD, "-i", "@dir" }, { "initrd ", "folder" } },
  { "initrd/empty", 1, { RUN, GOOD, "-i", "@empty" }, { "initrd ", "empty" } },
  { "initrd/fifo", 1, { RUN, GOOD, "-i", "@fifo" }, { "initrd ", "not a regular file" } },
  { "initrd/larger-than-ram",
    1,
    { RUN, GOOD, "-i", "@huge", "-s", "memory=16M" },
    { "initrd ", "64 MiB", "more memory" } },
  { "firmware/missing", 1, { RUN, GOOD, "-f", "@nofile" }, { "no firmware file ", "nofile" } },
  { "firmware/none-without-kernel", 1, { RUN, "-f", "none" }, { "nothing to run", "--kernel" } },

  /* traces */
  { "trace/word", 2, { RUN, GOOD, "--trace", "blocks,hosts" }, { "'hosts'", "'host'?", "--help" } },
  { "trace/nothing", 2, { RUN, GOOD, "--trace", "" }, { "blocks, ir, host" } },
  { "trace/range",
    2,
    { RUN, GOOD, "--trace", "ir:0x2000-0x1000" },
    { "0x2000-0x1000", "START-END" } },
  { "trace/symbol", 2, { RUN, GOOD, "--trace", "ir:main" }, { "'main'", "symbols" } },
  { "trace/symbols-only", 2, { RUN, GOOD, "--symbols", "@text" }, { "--symbols", "--trace " } },
  { "trace/symbols-missing",
    1,
    { RUN, GOOD, "--trace", "ir", "--symbols", "@nofile" },
    { "--symbols: ", "nofile", "No such file" } },
  { "trace/symbols-none",
    1,
    { RUN, GOOD, "--trace", "ir", "--symbols", "@text" },
    { "--symbols: ", "text: neither an ELF file nor a System.map" } },
  { "trace/file-only", 2, { RUN, GOOD, "--trace-file", "@text" }, { "--trace-file", "--trace " } },
  { "trace/file-nowhere",
    1,
    { RUN, GOOD, "--trace", "blocks", "--trace-file", "@dir" },
    { "--trace-file", "dir: " } },

  /* benchmarks */
  { "bench/name", 2, { "bench", "floot" }, { "\"floot\"", "\"float\"?", "--help" } },
  { "bench/far", 2, { "bench", "integer", "quicksort" }, { "no benchmark \"quicksort\"" } },
  { "bench/boot", 2, { "bench", "boot" }, { "--kernel FILE" } },
  { "bench/initrd", 2, { "bench", "-i", "@text", "integer" }, { "--kernel" } },
  { "bench/seconds", 2, { "bench", "-S", "0" }, { "--seconds", "0.01" } },
  { "bench/seconds-text", 2, { "bench", "-S", "fast" }, { "fast" } },
  { "bench/tier", 1, { "bench", "-t", "intrep", "integer" }, { "did you mean 'interp'?" } },
  { "bench/kernel", 1, { "bench", "-t", "interp", "-k", "@nofile", "boot" }, { "No such file" } },

  /* disks */
  { "disk/missing", 1, { RUN, "@nofile", GOOD }, { "nofile", "No such file" } },
  { "disk/unreadable", 1, { RUN, "@secret", GOOD }, { "secret", "Permission denied" } },
  { "disk/folder", 1, { RUN, "@dir", GOOD }, { "disk image ", "dir" } },
  { "disk/fifo", 1, { RUN, "@fifo", GOOD }, { "disk image ", "fifo", "neither" } },
  { "disk/write-protected",
    1,
    { RUN, "@protected", GOOD },
    { "protected", "Permission denied", "readonly" } },
  { "disk/format", 1, { RUN, "@text", GOOD, "-s", "disk-format=qcow" }, { "qcow" } },
  { "disk/more-than-slots",
    1,
    { RUN, "@text", "@text", "@text", "@text", "@text", "@text", GOOD, "-s", "virtio=mmio" },
    { "text" } },

  /* parameters */
  { "param/memory-0", 1, { RUN, GOOD, "-s", "memory=0" }, { "\"memory\": 0 is below", "1M" } },
  { "param/memory-1", 1, { RUN, GOOD, "-s", "memory=1" }, { "\"memory\": 1 is below", "1M" } },
  { "param/memory-1T", 1, { RUN, GOOD, "-s", "memory=1T" }, { "1048576 MiB", "less memory" } },
  { "param/memory-16E", 1, { RUN, GOOD, "-s", "memory=16E" }, { "too large for a size" } },
  { "param/memory-8E", 1, { RUN, GOOD, "-s", "memory=8191P" }, { "ram" } },
  { "param/memory-odd", 1, { RUN, GOOD, "-s", "memory=2000001" }, { "multiple of 4096" } },
  { "param/memory-negative", 1, { RUN, GOOD, "-s", "memory=-1" }, { "'-1' is not a size" } },
  { "param/memory-text",
    1,
    { RUN, GOOD, "-s", "memory=lots" },
    { "'lots' is not a size", "512M" } },
  { "param/cpus-0", 1, { RUN, GOOD, "-s", "cpus=0" }, { "\"cpus\": 0 is below the minimum, 1" } },
  { "param/cpus-1000", 1, { RUN, GOOD, "-s", "cpus=1000" }, { "1000 is above the maximum, 64" } },
  { "param/cpus-text", 1, { RUN, GOOD, "-s", "cpus=x" }, { "'x' is not a whole number" } },
  { "param/cpus-long",
    1,
    { RUN, GOOD, "-s", "cpus=99999999999999999999" },
    { "not a whole number, or far too large" } },
  { "param/unknown",
    1,
    { RUN, GOOD, "-s", "memry=1G" },
    { "no parameter \"memry\"", "\"memory\"?" } },
  { "param/enum", 1, { RUN, GOOD, "-s", "virtio=pcie" }, { "\"pcie\"", "pci, mmio", "\"pci\"?" } },
  { "param/bool", 1, { RUN, GOOD, "-s", "ephemeral=maybe" }, { "ephemeral", "maybe" } },
  { "param/tier", 1, { RUN, GOOD, "-s", "tier=jit" }, { "no tier 'jit'", "interp" } },
  { "param/tier-near", 1, { RUN, GOOD, "-s", "tier=intrep" }, { "did you mean 'interp'?" } },
  { "param/accel", 1, { RUN, GOOD, "-s", "accel=kvm" }, { "no accelerator 'kvm'", "emulate" } },
  { "param/accel-near", 1, { RUN, GOOD, "-s", "accel=emulat" }, { "did you mean 'emulate'?" } },
  { "param/console", 1, { RUN, GOOD, "-s", "console=ptty" }, { "no char 'ptty'", "'pty'?" } },
  { "param/console-file",
    1,
    { RUN, GOOD, "-s", "console=file,path=/nowhere/x" },
    { "/nowhere/x" } },
  { "param/console-property", 1, { RUN, GOOD, "-s", "console=file,pth=x" }, { "'pth'", "'path'" } },

  /* properties */
  { "property/unknown", 1, { RUN, GOOD, "-s", "uart0.bakend=pty" }, { "'bakend'", "'backend'?" } },
  { "property/object", 1, { RUN, GOOD, "-s", "uart1.backend=pty" }, { "'uart1'", "'uart0'?" } },
  { "property/feature", 1, { RUN, GOOD, "-s", "uart0.backend=ptyy" }, { "'ptyy'", "'pty'?" } },
  { "property/readonly", 1, { RUN, GOOD, "-s", "cpu0.isa=x" }, { "cpu0", "'isa' is read-only" } },
  { "property/type", 1, { RUN, GOOD, "-s", "pci0/rng-slot.slot=abc" }, { "slot", "'abc'" } },
  { "property/range", 1, { RUN, GOOD, "-s", "pci0/rng-slot.slot=99" }, { "slot", "99" } },

  /* usage */
  { "usage/nothing", 2, { "run" }, { "which board?", "vmtool board list", "run --help" } },
  { "usage/board", 1, { "run", "riscv-vrit" }, { "no board \"riscv-vrit\"", "\"riscv-virt\"?" } },
  { "usage/board-file", 1, { "run", "@nofile.xml" }, { "nofile.xml", "No such file" } },
  { "usage/board-folder", 1, { "run", "@dir.xml" }, { "dir.xml" } },
  { "usage/command", 2, { "rnu" }, { "no command \"rnu\"", "\"run\"?" } },
  { "usage/option", 2, { RUN, "--kernl=x" }, { "--kernl" } },
  { "usage/global-option", 2, { "--plugin", "x" }, { "unknown option \"--plugin\"" } },
  { "usage/missing-argument", 2, { RUN, "--kernel" }, { "--kernel" } },
  { "usage/set", 2, { RUN, GOOD, "-s", "memory" }, { "-s memory: write NAME=VALUE", "memory=1G" } },
  { "usage/set-empty-name", 2, { RUN, GOOD, "-s", "=1G" }, { "-s =1G: write NAME=VALUE" } },
  { "usage/board-set", 2, { "board", "show", "riscv-virt", "-s", "x" }, { "NAME=VALUE" } },
  { "usage/forward", 2, { RUN, GOOD, "-p", "garbage" }, { "-p garbage", "HOSTPORT:GUESTPORT" } },
  { "usage/forward-one", 2, { RUN, GOOD, "-p", "22" }, { "-p 22", "2222:22" } },
  { "usage/forward-zero", 2, { RUN, GOOD, "-p", "0:22" }, { "-p 0:22", "1 to 65535" } },
  { "usage/forward-large", 2, { RUN, GOOD, "-p", "2222:65536" }, { "2222:65536", "65535" } },
  { "usage/forward-address", 2, { RUN, GOOD, "-p", "1.2.3:1:2" }, { "1.2.3:1:2", "IPv4" } },
  { "usage/forward-protocol", 2, { RUN, GOOD, "-p", "sctp:1:2" }, { "sctp:1:2", "tcp:|udp:" } },
  { "usage/on-reset", 2, { RUN, GOOD, "--on-reset=foo" }, { "--on-reset foo", "reboot or exit" } },
  { "usage/disk", 2, { "disk", "crate", "x" }, { "crate", "\"create\"?" } },
  { "usage/inspect", 1, { "inspect", "uart-ns16551" }, { "uart-ns16551", "uart-ns16550" } },
};

/* No critical, no warning, no trace: just the message. */
static void
check_message (const ToolResult *result, int status, const char *const *expect)
{
  static const char *const never[] = {
    "CRITICAL", "WARNING", "(process:", "** ", "ssertion", "Backtrace", "Sanitizer", "(null)",
  };
  g_auto (GStrv) lines = g_strsplit (result->err, "\n", -1);

  if (result->status != status)
    g_test_fail_printf ("exit status %d instead of %d: %s", result->status, status, result->err);
  if (!g_str_has_prefix (result->err, "vmtool: "))
    g_test_fail_printf ("not a message of vmtool: %s", result->err);
  /* the message, and how to get help */
  if (g_strv_length (lines) != (status == 2 ? 3 : 2))
    g_test_fail_printf ("more or less than a message: %s", result->err);
  g_assert_cmpstr (result->out, ==, "");
  for (guint i = 0; i < G_N_ELEMENTS (never); i++)
    if (strstr (result->err, never[i]) != NULL)
      g_test_fail_printf ("\"%s\" in: %s", never[i], result->err);
  for (guint i = 0; i < MAX_EXPECTED && expect[i] != NULL; i++)
    if (strstr (result->err, expect[i]) == NULL)
      g_test_fail_printf ("no \"%s\" in: %s", expect[i], result->err);
}

static void
test_case (gconstpointer data)
{
  const Case *bad = data;
  g_autoptr (GPtrArray) args = g_ptr_array_new_with_free_func (g_free);
  g_autoptr (ToolResult) result = NULL;

  for (guint i = 0; i < MAX_ARGS && bad->args[i] != NULL; i++)
    g_ptr_array_add (args, bad->args[i][0] == '@'
                               ? g_build_filename (folder, bad->args[i] + 1, NULL)
                               : g_strdup (bad->args[i]));
  g_ptr_array_add (args, NULL);
  result = tool_runv ((const char *const *)args->pdata);
  check_message (result, bad->status, bad->expect);
}

/* Boards: the standard parameters, a processor and memory, and then a mistake in line 5. */
typedef struct
{
  const char *path;
  const char *text;
  const char *expect[MAX_EXPECTED];
} BoardCase;

#define IRQ(to, line) "<irq to=\"" to "\" line=\"" line "\"/>"
#define UART(inside)                                                                               \
  "<device id=\"u\" type=\"uart-ns16550\" base=\"0x10000000\">" inside "</device>"
#define PLIC "<device id=\"plic\" type=\"irq-plic\" base=\"0xc000000\"/>"

static const BoardCase boards[] = {
  { "xml", "<device id=\"u\"", { "b.xml:", "not well-formed XML" } },
  { "element", "<devcie/>", { "b.xml:5: ", "<devcie>", "\"device\"?" } },
  { "attribute", "<device id=\"u\" tpye=\"x\"/>", { "b.xml:5: ", "\"tpye\"", "\"type\"?" } },
  { "feature",
    "<device id=\"u\" type=\"uart-ns16551\"/>",
    { "b.xml:5: device \"u\": ", "uart-ns16551", "'uart-ns16550'?" } },
  { "property", UART ("<set name=\"clok\">1</set>"), { "b.xml:5: ", "'clok'" } },
  { "property-type",
    UART ("<set name=\"clock-frequency\">fast</set>"),
    { "b.xml:5: ", "clock-frequency", "fast" } },
  { "property-range",
    UART ("<set name=\"clock-frequency\">-1</set>"),
    { "b.xml:5: ", "clock-frequency", "-1" } },
  { "link", UART ("<link name=\"backend\" to=\"nowhere\"/>"), { "b.xml:5: ", "nowhere" } },
  { "controller", UART (IRQ ("plick", "10")) PLIC, { "b.xml:5: ", "\"u\"", "plick", "'plic'?" } },
  { "controller-kind", UART (IRQ ("u", "1")), { "b.xml:5: ", "\"u\"" } },
  { "line", UART (IRQ ("plic", "5000")) PLIC, { "b.xml:5: ", "\"u\"", "5000" } },
  { "line-text", UART (IRQ ("plic", "ten")) PLIC, { "b.xml:5: ", "ten" } },
  { "region", UART ("<region name=\"regs\" base=\"0\"/>"), { "b.xml:5: ", "\"regs\"" } },
  { "overlap",
    UART ("") "<device id=\"v\" type=\"uart-ns16550\" base=\"0x10000004\"/>",
    { "'u", "'v", "0x10000004" } },
  { "overlap-ram",
    "<device id=\"v\" type=\"uart-ns16550\" base=\"0x80000000\"/>",
    { "ram", "'v", "0x80000000" } },
  { "past-the-end",
    "<device id=\"v\" type=\"uart-ns16550\" base=\"0xfffffffffffffffc\"/>",
    { "'v'", "past the end" } },
  { "last-address",
    "<device id=\"v\" type=\"uart-ns16550\" base=\"0xffffffffffffffff\"/>",
    { "b.xml:5: ", "last address" } },
  { "base", "<device id=\"v\" type=\"uart-ns16550\" base=\"here\"/>", { "b.xml:5: ", "here" } },
  { "backend", UART ("<backend default=\"stdoi\"/>"), { "b.xml:5: ", "stdoi", "'stdio'?" } },
  { "backend-host-path", UART ("<backend default=\"file,path=/etc/x\"/>"), { "b.xml:5: " } },
  { "second-memory", "<memory id=\"more\" base=\"0x80001000\" size=\"4K\"/>", { "more", "ram" } },
  { "memory-size", "<memory id=\"more\" base=\"0\" size=\"1T\"/>", { "b.xml:5: ", "less memory" } },
  { "cpu-type", "<cpu type=\"riscv46\"/>", { "b.xml:5: ", "riscv46", "'riscv64'?" } },
  { "parameter", UART ("<backend default=\"${consle}\"/>"), { "b.xml:5: ", "consle", "console" } },
  { "condition", "<device id=\"v\" type=\"x\" when=\"virtio\"/>", { "b.xml:5: ", "A=B" } },
};

static void
test_board (gconstpointer data)
{
  const BoardCase *bad = data;
  g_autofree char *path = g_build_filename (folder, "b.xml", NULL);
  g_autofree char *kernel = g_build_filename (folder, "good", NULL);
  g_autofree char *text = g_strdup_printf (
      "<board xmlns=\"urn:vmtool:board:1\" name=\"t\" arch=\"riscv64\">\n"
      "<include href=\"soc/standard.xml\"/>\n<cpu type=\"riscv64\"/>\n"
      "<memory id=\"ram\" base=\"0x80000000\" size=\"16M\"/>\n%s\n"
      /* so that a mistake that goes unnoticed ends at once */
      "<device id=\"finisher\" type=\"test-finisher\" base=\"0x100000\"/>\n"
      "<firmware type=\"none\"><set name=\"kernel\">${kernel}</set></firmware>\n</board>\n",
      bad->text);
  g_autoptr (ToolResult) result = NULL;
  g_autoptr (ToolResult) checked = NULL;

  g_assert_true (g_file_set_contents (path, text, -1, NULL));
  result = tool_run ("run", path, "--kernel", kernel, NULL);
  check_message (result, 1, bad->expect);
  /* whoever checks a board hears the same */
  checked = tool_run ("board", "check", path, NULL);
  check_message (checked, 1, bad->expect);
  g_assert_cmpstr (checked->err, ==, result->err);
}

static void
copy (const char *from, const char *to)
{
  g_autofree char *data = NULL;
  g_autoptr (GError) error = NULL;
  gsize size;

  g_file_get_contents (from, &data, &size, &error);
  g_assert_no_error (error);
  g_file_set_contents (to, data, (gssize)size, &error);
  g_assert_no_error (error);
}

typedef struct
{
  const char *name;
  const char *state, *reason;
} PluginCase;

static const PluginCase plugins[] = {
  { "abi-major", "abi", "ABI" },           { "fast-abi", "abi", "fast ABI" },
  { "no-desc", "bad", "vmt_plugin_desc" }, { "missing-symbol", "bad", "symbol" },
  { "crash-load", "bad", "crash" },        { "crash-init", "bad", "crash" },
  { "hang-init", "timeout", "s" },
};

/* A plugin that is broken spoils nothing but itself, and whoever asks for it hears why. */
static void
test_plugin (gconstpointer data)
{
  const PluginCase *bad = data;
  g_autofree char *build = g_build_filename (g_getenv ("G_TEST_BUILDDIR"), "plugin-fixtures", NULL);
  g_autofree char *file = g_strdup_printf ("libvmtplug-fixture-%s.so", bad->name);
  g_autofree char *from = g_build_filename (build, file, NULL);
  g_autofree char *path = g_build_filename (folder, "plugins", file, NULL);
  g_autofree char *plugin_folder = g_build_filename (folder, "plugins", NULL);
  g_autofree char *feature = g_strdup_printf ("fixture-%s", bad->name);
  g_autofree char *setting = g_strdup_printf ("uart0.backend=%s", feature);
  g_autofree char *good = g_build_filename (folder, "good", NULL);
  g_autofree char *registry = g_build_filename (folder, "registry", NULL);
  g_autoptr (ToolResult) list = NULL;
  g_autoptr (ToolResult) asked = NULL;
  g_autoptr (ToolResult) run = NULL;

  if (!g_file_test (from, G_FILE_TEST_EXISTS))
    {
      g_test_skip ("this build has no loadable plugins");
      return;
    }
  g_mkdir (plugin_folder, 0700);
  copy (from, path);
  tool_setenv ("VMT_REGISTRY", registry);
  run = tool_run ("--plugin-path", plugin_folder, RUN, "--kernel", good, NULL);
  list = tool_run ("--plugin-path", plugin_folder, "inspect", "--bad", NULL);
  asked = tool_run ("--plugin-path", plugin_folder, RUN, "-k", good, "-s", setting, NULL);
  g_unlink (path);
  g_unlink (registry);
  g_rmdir (plugin_folder);
  tool_setenv ("VMT_REGISTRY", NULL);

  g_assert_cmpstr (run->err, ==, "");
  g_assert_cmpint (run->status, ==, 0);
  g_assert_cmpstr (list->err, ==, "");
  g_assert_cmpint (list->status, ==, 0);
  g_assert_nonnull (strstr (list->out, file));
  if (strstr (list->out, bad->reason) == NULL)
    g_test_fail_printf ("no \"%s\" in: %s", bad->reason, list->out);
  check_message (asked, 1, (const char *[MAX_EXPECTED]){ "uart0", feature, file, bad->reason });
}

/* The port of the host is another program's. */
static void
test_port (void)
{
  g_autoptr (GSocketListener) listener = g_socket_listener_new ();
  g_autoptr (GInetAddress) loopback = g_inet_address_new_loopback (G_SOCKET_FAMILY_IPV4);
  g_autoptr (GSocketAddress) any = g_inet_socket_address_new (loopback, 0);
  g_autoptr (GSocketAddress) bound = NULL;
  g_autoptr (ToolResult) result = NULL;
  g_autoptr (GError) error = NULL;
  g_autofree char *good = g_build_filename (folder, "good", NULL);
  g_autofree char *forward = NULL;
  g_autofree char *port = NULL;

  g_socket_listener_add_address (listener, any, G_SOCKET_TYPE_STREAM, G_SOCKET_PROTOCOL_TCP, NULL,
                                 &bound, &error);
  g_assert_no_error (error);
  port = g_strdup_printf ("%u", g_inet_socket_address_get_port (G_INET_SOCKET_ADDRESS (bound)));
  forward = g_strconcat (port, ":22", NULL);
  result = tool_run (RUN, "-k", good, "-p", forward, NULL);
  check_message (result, 1,
                 (const char *[MAX_EXPECTED]){ port, "127.0.0.1", "in use", "another port" });
}

/* The way to make code is no way, and the machine does not start another; what it names is used. */
static void
test_code_memory (void)
{
  static const char *const words[] = { "duel", "", "Dual", "toggle,none" };
  g_autofree char *good = g_build_filename (folder, "good", NULL);
  g_autoptr (ToolResult) interpreted = NULL;

  for (guint i = 0; i < G_N_ELEMENTS (words); i++)
    {
      g_autoptr (ToolResult) run = NULL, doctor = NULL;

      tool_setenv ("VMTOOL_CODE_MEMORY", words[i]);
      run = tool_run (RUN, "-k", good, NULL);
      check_message (
          run, 1,
          (const char *[MAX_EXPECTED]){ "VMTOOL_CODE_MEMORY", words[i], "dual, toggle", "none" });
      doctor = tool_run ("doctor", NULL);
      g_assert_cmpint (doctor->status, ==, 1);
      g_assert_nonnull (strstr (doctor->out, "VMTOOL_CODE_MEMORY"));
    }
  tool_setenv ("VMTOOL_CODE_MEMORY", "none");
  interpreted = tool_run (RUN, "-k", good, NULL);
  tool_setenv ("VMTOOL_CODE_MEMORY", NULL);
  g_assert_cmpstr (interpreted->err, ==, "");
  g_assert_cmpint (interpreted->status, ==, 0);
}

static void
write_file (const char *name, const void *data, gsize size)
{
  g_autofree char *path = g_build_filename (folder, name, NULL);

  g_assert_true (g_file_set_contents (path, data, (gssize)size, NULL));
}

static void
write_gzip (const char *name, gsize size, gsize cut)
{
  g_autofree char *path = g_build_filename (folder, name, NULL);
  g_autoptr (GFile) file = g_file_new_for_path (path);
  g_autoptr (GOutputStream) out =
      G_OUTPUT_STREAM (g_file_replace (file, NULL, FALSE, G_FILE_CREATE_NONE, NULL, NULL));
  g_autoptr (GConverter) gzip =
      G_CONVERTER (g_zlib_compressor_new (G_ZLIB_COMPRESSOR_FORMAT_GZIP, 9));
  g_autoptr (GOutputStream) stream = g_converter_output_stream_new (out, gzip);
  g_autofree char *data = g_malloc0 (size + 1);
  g_autoptr (GError) error = NULL;

  g_output_stream_write_all (stream, data, size, NULL, NULL, &error);
  g_assert_no_error (error);
  g_assert_true (g_output_stream_close (stream, NULL, NULL));
  if (cut != 0)
    g_assert_cmpint (truncate (path, (off_t)cut), ==, 0);
}

static void
write_programs (void)
{
  Program wrong = program_power_off;
  g_autofree char *good = program_write (folder, "good", &program_power_off);
  g_autofree char *truncated = program_write (folder, "trunc-elf", &program_power_off);
  g_autofree char *head = program_write (folder, "trunc-head", &program_power_off);
  g_autofree char *x86 = NULL, *object = NULL, *elsewhere = NULL, *bss = NULL;

  g_assert_cmpint (truncate (truncated, 70), ==, 0);
  g_assert_cmpint (truncate (head, 20), ==, 0);
  wrong.machine = EM_X86_64;
  x86 = program_write (folder, "x86-elf", &wrong);
  wrong.machine = 0;
  wrong.type = ET_REL;
  object = program_write (folder, "object", &wrong);
  wrong.type = 0;
  wrong.base = 0x40000000;
  elsewhere = program_write (folder, "elsewhere", &wrong);
  wrong.base = 0;
  wrong.memory_size = 32 << 20;
  bss = program_write (folder, "bss", &wrong);
}

static void
make_files (void)
{
  g_autofree char *boards_soc = g_build_filename (g_getenv ("VMT_BOARD_PATH"), "soc", NULL);
  g_autofree char *soc = g_build_filename (folder, "soc", NULL);
  g_autofree char *dangling = g_build_filename (folder, "dangling", NULL);
  g_autofree char *fifo = g_build_filename (folder, "fifo", NULL);
  g_autofree char *dir = g_build_filename (folder, "dir", NULL);
  g_autofree char *dir_xml = g_build_filename (folder, "dir.xml", NULL);
  g_autofree char *secret = g_build_filename (folder, "secret", NULL);
  g_autofree char *protected = g_build_filename (folder, "protected", NULL);
  g_autofree char *huge = g_build_filename (folder, "huge", NULL);
  guint8 image[4096] = { 0 };

  write_programs ();
  write_file ("empty", "", 0);
  write_file ("text", "this is no kernel\n", 18);
  write_file ("secret", "x", 1);
  write_file ("protected", image, sizeof image);
  g_assert_cmpint (g_chmod (secret, 0), ==, 0);
  g_assert_cmpint (g_chmod (protected, 0444), ==, 0);
  write_file ("huge", "", 0);
  g_assert_cmpint (truncate (huge, 64 << 20), ==, 0);
  g_assert_cmpint (symlink (boards_soc, soc), ==, 0);
  g_assert_cmpint (symlink ("nowhere", dangling), ==, 0);
  g_assert_cmpint (mkfifo (fifo, 0600), ==, 0);
  g_assert_cmpint (g_mkdir (dir, 0700), ==, 0);
  g_assert_cmpint (g_mkdir (dir_xml, 0700), ==, 0);
  write_gzip ("trunc.gz", 65536, 30);
  write_gzip ("nothing.gz", 0, 0);
  write_gzip ("bomb.gz", 64 << 20, 0);

  /* the headers that kernels begin with */
  memcpy (image + 0x38, "ARM\x64", 4);
  write_file ("arm64", image, sizeof image);
  memset (image, 0, sizeof image);
  image[0x1fe] = 0x55;
  image[0x1ff] = 0xaa;
  memcpy (image + 0x202, "HdrS", 4);
  write_file ("bzimage", image, sizeof image);
  memset (image, 0, sizeof image);
  memcpy (image, "MZ", 2);
  memcpy (image + 0x38, "RSC\5", 4);
  image[0x3c] = 0x40;
  memcpy (image + 0x40, "PE\0\0", 4);
  image[0x46] = 1;         /* one section, */
  image[0x58 + 18] = 0x10; /* of 1 MiB (SizeOfRawData), */
  image[0x58 + 21] = 0x10; /* behind the headers */
  write_file ("trunc-image", image, sizeof image);
}

int
main (int argc, char **argv)
{
  int rc;

  g_test_init (&argc, &argv, NULL);
  folder = guest_make_folder ();
  make_files ();
  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autofree char *path = g_strconcat ("/guest/bad-input/", cases[i].path, NULL);
      g_test_add_data_func (path, &cases[i], test_case);
    }
  for (guint i = 0; i < G_N_ELEMENTS (boards); i++)
    {
      g_autofree char *path = g_strconcat ("/guest/bad-input/board/", boards[i].path, NULL);
      g_test_add_data_func (path, &boards[i], test_board);
    }
  for (guint i = 0; i < G_N_ELEMENTS (plugins); i++)
    {
      g_autofree char *path = g_strconcat ("/guest/bad-input/plugin/", plugins[i].name, NULL);
      g_test_add_data_func (path, &plugins[i], test_plugin);
    }
  g_test_add_func ("/guest/bad-input/port-in-use", test_port);
  g_test_add_func ("/guest/bad-input/code-memory", test_code_memory);
  rc = g_test_run ();
  guest_remove_folder (folder);
  return rc;
}
