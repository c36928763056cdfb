/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Disks and network: who may use an image, what survives, and who reaches whom. */
#include <fcntl.h>
#include <glib/gstdio.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "guest.h"
#include "terminal.h"

#define SECONDS 60
#define SIZE (1 << 20)

static char *folder;
static char *idle;
static int null;

static char *
in_folder (const char *name)
{
  return g_build_filename (folder, name, NULL);
}

static char *
make_disk (const char *name)
{
  char *path = in_folder (name);
  g_autofree char *zero = g_malloc0 (SIZE);

  g_assert_true (g_file_set_contents (path, zero, SIZE, NULL));
  return path;
}

static char *
checksum (const char *path)
{
  g_autofree char *data = NULL;
  gsize size;

  g_assert_true (g_file_get_contents (path, &data, &size, NULL));
  return g_compute_checksum_for_data (G_CHECKSUM_SHA256, (const guchar *)data, size);
}

/* It has its disks when its control socket is there. */
static GPid
start_idle (const char *name, const char *disk, const char *setting)
{
  g_autofree char *file = g_strdup_printf ("%s.sock", name);
  g_autofree char *path = g_build_filename (folder, "vmtool", file, NULL);
  gint64 end = g_get_monotonic_time () + SECONDS * G_USEC_PER_SEC;
  GPid pid;

  g_unlink (path); /* of one that was killed */
  pid = tool_spawn ((const char *[]){ "run", "riscv-virt", disk, "--name", name, "--kernel", idle,
                                      setting != NULL ? "-s" : NULL, setting, NULL },
                    (int[]){ null, null, 2 });

  while (!g_file_test (path, G_FILE_TEST_EXISTS))
    {
      g_assert_cmpint (g_get_monotonic_time (), <, end);
      g_usleep (10000);
    }
  return pid;
}

static void
stop (GPid pid)
{
  kill (pid, SIGTERM);
  g_assert_cmpint (tool_wait (pid, SECONDS), ==, 0);
}

static void
test_lock (gconstpointer data)
{
  const char *format = data;
  g_autofree char *disk = in_folder ("lock.img");
  GPid pid;

  {
    g_autoptr (ToolResult) made =
        tool_run ("disk", "create", "--force", "-f", format, disk, "1M", NULL);
    g_assert_cmpstr (made->err, ==, "");
  }
  pid = start_idle ("first", disk, NULL);
  {
    g_autoptr (ToolResult) second =
        tool_run ("run", "riscv-virt", disk, "--name", "second", "--kernel", idle, NULL);
    g_autoptr (ToolResult) resize = tool_run ("disk", "resize", disk, "2M", NULL);

    g_assert_cmpint (second->status, ==, 1);
    g_assert_nonnull (strstr (second->err, "machine \"first\""));
    g_assert_nonnull (strstr (second->err, disk));
    g_assert_cmpint (resize->status, ==, 1);
    g_assert_nonnull (strstr (resize->err, "machine \"first\""));
  }
  /* killed, it has the disk no more */
  kill (pid, SIGKILL);
  g_assert_cmpint (tool_wait (pid, SECONDS), ==, -SIGKILL);
  {
    g_autoptr (ToolResult) resize = tool_run ("disk", "resize", disk, "2M", NULL);
    g_assert_cmpint (resize->status, ==, 0);
  }
}

static void
test_share (void)
{
  g_autofree char *disk = make_disk ("share.img");
  g_autofree char *readonly =
      g_strdup_printf ("pci0/disk0-slot/disk0.backend=raw,path=%s,readonly=on", disk);
  GPid one = start_idle ("one", disk, readonly);
  GPid two = start_idle ("two", disk, readonly);
  g_autoptr (ToolResult) writer =
      tool_run ("run", "riscv-virt", disk, "--name", "three", "--kernel", idle, NULL);

  g_assert_cmpint (writer->status, ==, 1);
  g_assert_nonnull (strstr (writer->err, "machine \""));
  stop (one);
  stop (two);
}

/* What the guest has flushed is there after a SIGKILL. */
static void
test_kill (void)
{
  g_autofree char *disk = NULL, *kernel = guest_kit_file ("kernel"), *initrd = NULL, *data = NULL;
  g_autoptr (Terminal) terminal = NULL;
  gsize size;

  if (!guest_need_kit ())
    return;
  disk = make_disk ("kill.img");
  initrd =
      guest_make_initrd (folder, "echo precious | dd of=/dev/vda bs=512 seek=7 conv=notrunc,fsync\n"
                                 "echo SYN''CED\nsleep 1000\n");
  terminal = terminal_start ("run", "riscv-virt", disk, "--kernel", kernel, "--initrd", initrd,
                             "--append", "console=ttyS0 panic=-1 quiet", NULL);
  terminal_expect (terminal, "SYNCED");
  kill (terminal->pid, SIGKILL);
  g_assert_cmpint (terminal_wait (terminal), ==, -SIGKILL);
  g_assert_true (g_file_get_contents (disk, &data, &size, NULL));
  g_assert_cmpuint (size, ==, SIZE);
  g_assert_cmpmem (data + 7 * 512, 9, "precious\n", 9);
}

static void
test_ephemeral (void)
{
  g_autofree char *disk = NULL, *kernel = guest_kit_file ("kernel"), *initrd = NULL, *before = NULL,
                  *after = NULL;
  g_autoptr (GuestResult) result = NULL;

  if (!guest_need_kit ())
    return;
  disk = make_disk ("ephemeral.img");
  before = checksum (disk);
  initrd = guest_make_initrd (
      folder, "dd if=/dev/urandom of=/dev/vda bs=64k count=16 conv=notrunc,fsync 2>/dev/null\n"
              "echo vola''tile | dd of=/dev/vda conv=notrunc,fsync 2>/dev/null\n"
              "echo 3 > /proc/sys/vm/drop_caches\nhead -n 1 /dev/vda\n");
  result = guest_run (150, NULL, NULL, 0, "run", "riscv-virt", disk, "--ephemeral", "--kernel",
                      kernel, "--initrd", initrd, "--append", "console=ttyS0 panic=-1 quiet", NULL);
  guest_assert_contains (result, "volatile");
  g_assert_cmpint (result->status, ==, 0);
  after = checksum (disk);
  g_assert_cmpstr (before, ==, after);
}

/* Answers one HTTP request. */
static gpointer
serve (gpointer data)
{
  g_autoptr (GSocketConnection) connection = g_socket_listener_accept (data, NULL, NULL, NULL);
  static const char answer[] = "HTTP/1.0 200 OK\r\nContent-Type: text/plain\r\n\r\nfrom the host\n";
  char request[1024];

  g_assert_nonnull (connection);
  g_input_stream_read (g_io_stream_get_input_stream (G_IO_STREAM (connection)), request,
                       sizeof request, NULL, NULL);
  g_output_stream_write_all (g_io_stream_get_output_stream (G_IO_STREAM (connection)), answer,
                             sizeof answer - 1, NULL, NULL, NULL);
  g_io_stream_close (G_IO_STREAM (connection), NULL, NULL);
  return NULL;
}

/* A port of the loopback address that nobody has now. */
static guint16
find_port (GSocketListener *listener)
{
  g_autoptr (GInetAddress) loopback = g_inet_address_new_loopback (G_SOCKET_FAMILY_IPV4);
  g_autoptr (GSocketAddress) any = g_inet_socket_address_new (loopback, 0);
  g_autoptr (GSocketAddress) bound = NULL;
  g_autoptr (GError) error = NULL;

  g_socket_listener_add_address (listener, any, G_SOCKET_TYPE_STREAM, G_SOCKET_PROTOCOL_TCP, NULL,
                                 &bound, &error);
  g_assert_no_error (error);
  return g_inet_socket_address_get_port (G_INET_SOCKET_ADDRESS (bound));
}

static guint16
find_free_port (void)
{
  g_autoptr (GSocketListener) listener = g_socket_listener_new ();
  guint16 port = find_port (listener);

  g_socket_listener_close (listener);
  return port;
}

static char *
fetch (guint16 port)
{
  g_autoptr (GSocketClient) client = g_socket_client_new ();
  g_autoptr (GSocketConnection) connection = NULL;
  g_autoptr (GError) error = NULL;
  char *text = g_malloc0 (64);

  g_socket_client_set_timeout (client, SECONDS);
  connection = g_socket_client_connect_to_host (client, "127.0.0.1", port, NULL, &error);
  g_assert_no_error (error);
  g_input_stream_read_all (g_io_stream_get_input_stream (G_IO_STREAM (connection)), text, 11, NULL,
                           NULL, &error);
  g_assert_no_error (error);
  return text;
}

/* A kernel that has nothing to do costs next to nothing; the aim is 2 % (tests/bench/bench-cli.py),
 * this is for what is wrong by far. */
static void
check_idle (Terminal *terminal)
{
  double before, used;

  terminal_read (terminal, 1000);
  before = tool_get_cpu (terminal->pid);
  terminal_read (terminal, 4000);
  used = (tool_get_cpu (terminal->pid) - before) / 4;
  g_test_message ("the idle kernel uses %.1f %% of a core", used * 100);
  g_assert_cmpfloat (used, <, 0.1);
}

/* One boot for all that needs no other: the guest fetches from the host, the host from the guest; a
 * raw disk that the guest makes look like a qcow2 image stays raw; and SIGTERM flushes a qcow2
 * image. */
static void
test_network_and_formats (void)
{
  g_autofree char *raw = NULL, *qcow2 = in_folder ("d.qcow2"), *kernel = guest_kit_file ("kernel"),
                  *initrd = NULL, *script = NULL, *plain = in_folder ("plain.img"), *data = NULL,
                  *ssh = NULL, *forward = NULL, *line = NULL, *from_guest = NULL;
  g_autoptr (GSocketListener) listener = g_socket_listener_new ();
  g_autoptr (Terminal) terminal = NULL;
  guint16 http, ssh_port = find_free_port (), port = find_free_port ();
  GThread *thread;
  gsize size;

  if (!guest_need_kit ())
    return;
  raw = make_disk ("raw.img");
  {
    g_autoptr (ToolResult) made = tool_run ("disk", "create", "-f", "qcow2", qcow2, "1M", NULL);
    g_assert_cmpint (made->status, ==, 0);
  }
  http = find_port (listener);
  thread = g_thread_new ("http", serve, listener);
  script = g_strdup_printf (
      "printf 'QFI\\373\\000\\000\\000\\003' | dd of=/dev/vda conv=notrunc,fsync 2>/dev/null\n"
      "head -c 3 /dev/vda | md5sum\n"
      "echo stored | dd of=/dev/vdb bs=512 seek=3 conv=notrunc,fsync 2>/dev/null\n"
      "wget -q -O - http://10.0.2.2:%u/\n"
      "echo REA''DY\necho from-guest | nc -l -p 7777\necho SER''VED\nsleep 1000\n",
      http);
  initrd = guest_make_initrd (folder, script);
  ssh = g_strdup_printf ("%u:22", ssh_port);
  forward = g_strdup_printf ("%u:7777", port);
  terminal = terminal_start ("run", "riscv-virt", raw, qcow2, "--kernel", kernel, "--initrd",
                             initrd, "--append", "console=ttyS0 panic=-1 quiet vmtool.net", "-p",
                             ssh, "-p", forward, NULL);
  line = g_strdup_printf ("ssh -p %u USER@127.0.0.1", ssh_port);
  terminal_expect (terminal, line);
  terminal_expect (terminal, "from the host");
  terminal_expect (terminal, "READY");
  /* the guest's program needs a moment until it listens; until then connections are refused or end
   */
  for (int i = 0; i < 100 && g_strcmp0 (from_guest, "from-guest\n") != 0; i++)
    {
      g_free (from_guest);
      terminal_read (terminal, 200);
      from_guest = fetch (port);
    }
  g_assert_cmpstr (from_guest, ==, "from-guest\n");
  terminal_expect (terminal, "SERVED");
  check_idle (terminal);
  kill (terminal->pid, SIGTERM);
  g_assert_cmpint (terminal_wait (terminal), ==, 0);
  terminal_assert_restored (terminal);
  g_thread_join (thread);

  {
    g_autoptr (ToolResult) check = tool_run ("disk", "check", qcow2, NULL);
    g_autoptr (ToolResult) convert = tool_run ("disk", "convert", "-f", "raw", qcow2, plain, NULL);
    g_autoptr (ToolResult) info = tool_run ("disk", "info", "--json", raw, NULL);

    g_assert_cmpint (check->status, ==, 0);
    g_assert_cmpint (convert->status, ==, 0);
    g_assert_true (g_file_get_contents (plain, &data, &size, NULL));
    g_assert_cmpuint (size, ==, SIZE);
    g_assert_cmpmem (data + 3 * 512, 7, "stored\n", 7);
    /* whatever became of the write, the next start sees what this one saw */
    g_assert_cmpint (info->status, ==, 0);
    g_assert_nonnull (strstr (info->out, "\"raw\""));
    g_assert_nonnull (strstr (info->out, "1048576"));
  }
  stop (start_idle ("again", raw, NULL));
}

int
main (int argc, char **argv)
{
  g_autofree char *locks = NULL, *dir = NULL;
  int rc;

  g_test_init (&argc, &argv, NULL);
  signal (SIGPIPE, SIG_IGN);
  folder = guest_make_folder ();
  tool_setenv ("XDG_RUNTIME_DIR", folder);
  idle = program_write (folder, "idle.elf", &program_idle);
  null = open ("/dev/null", O_RDWR | O_CLOEXEC);
  g_test_add_data_func ("/guest/disk/lock/raw", "raw", test_lock);
  g_test_add_data_func ("/guest/disk/lock/qcow2", "qcow2", test_lock);
  g_test_add_func ("/guest/disk/share", test_share);
  g_test_add_func ("/guest/disk/kill", test_kill);
  g_test_add_func ("/guest/disk/ephemeral", test_ephemeral);
  g_test_add_func ("/guest/network-and-formats", test_network_and_formats);
  rc = g_test_run ();
  locks = g_build_filename (folder, "vmtool", "locks", NULL);
  dir = g_build_filename (folder, "vmtool", NULL);
  if (g_file_test (locks, G_FILE_TEST_IS_DIR))
    guest_remove_folder (g_steal_pointer (&locks));
  if (g_file_test (dir, G_FILE_TEST_IS_DIR))
    guest_remove_folder (g_steal_pointer (&dir));
  guest_remove_folder (folder);
  g_free (idle);
  close (null);
  return rc;
}
