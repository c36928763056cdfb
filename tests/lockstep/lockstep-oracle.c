/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The executor under a user-mode emulator, or on a machine of that architecture: a process with a
 * pipe in each direction. */
#include <errno.h>
#include <fcntl.h>
#include <gio/gio.h>
#include <glib-unix.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lockstep.h"

/* Without any result for so long it hangs. */
#define TIMEOUT_MS 60000

struct _LockstepOracle
{
  const LockstepArch *arch;
  GStrv command;
  char *executor, *version;
  guint major;
  const char *const *args;
  const char *const *lacks;
  GPid pid;
  int in, out; /* -1: not running */
};

static void
stop (LockstepOracle *self)
{
  if (self->in < 0)
    return;
  close (self->in);
  close (self->out);
  self->in = self->out = -1;
  kill (self->pid, SIGKILL);
  waitpid (self->pid, NULL, 0);
  g_spawn_close_pid (self->pid);
}

void
lockstep_oracle_free (LockstepOracle *self)
{
  stop (self);
  g_strfreev (self->command);
  g_free (self->executor);
  g_free (self->version);
  g_free (self);
}

const char *
lockstep_oracle_get_version (LockstepOracle *self)
{
  return self->version;
}

/* The command whose --version answers; @version gets its first line. */
static gboolean
answers (GStrv command, char **version)
{
  g_autoptr (GPtrArray) argv = g_ptr_array_new ();
  g_autofree char *text = NULL;
  int status = 0;

  for (guint i = 0; command[i] != NULL; i++)
    g_ptr_array_add (argv, command[i]);
  g_ptr_array_add (argv, (gpointer) "--version");
  g_ptr_array_add (argv, NULL);
  if (!g_spawn_sync (NULL, (char **)argv->pdata, NULL,
                     G_SPAWN_SEARCH_PATH | G_SPAWN_STDERR_TO_DEV_NULL, NULL, NULL, &text, NULL,
                     &status, NULL) ||
      !g_spawn_check_wait_status (status, NULL) || text == NULL)
    return FALSE;
  *version = g_strndup (text, strcspn (text, "\n"));
  return TRUE;
}

/* A newer release than the system's, in the cache folder as a system of its own: run with that
 * system's loader and libraries, which needs no rights. */
static GStrv
find_newest (const char *program)
{
  static const char *const loaders[] = { "lib64/ld-linux-x86-64.so.2", "lib/ld-linux-aarch64.so.1",
                                         NULL };
  static const char *const triplets[] = { "x86_64-linux-gnu", "aarch64-linux-gnu", NULL };
  const char *cache = g_get_user_cache_dir ();

  for (guint i = 0; loaders[i] != NULL; i++)
    {
      g_autofree char *root = g_build_filename (cache, "vmtool-qemu", NULL);
      g_autofree char *loader = g_build_filename (root, loaders[i], NULL);
      g_autofree char *path = g_build_filename (root, "usr/bin", program, NULL);
      if (!g_file_test (loader, G_FILE_TEST_IS_EXECUTABLE) ||
          !g_file_test (path, G_FILE_TEST_IS_EXECUTABLE))
        continue;
      const char *argv[] = { loader, "--library-path", NULL, path, NULL };
      g_autofree char *libraries =
          g_strdup_printf ("%s/lib/%s:%s/usr/lib/%s", root, triplets[i], root, triplets[i]);
      argv[2] = libraries;
      return g_strdupv ((GStrv)argv);
    }
  return NULL;
}

static GStrv
find_command (const LockstepArch *arch, char **version)
{
  const char *given = g_getenv (arch->oracle_variable);
  GStrv command = NULL;

  if (given != NULL && g_shell_parse_argv (given, NULL, &command, NULL))
    {
      if (answers (command, version))
        return command;
      g_strfreev (command);
      return NULL;
    }
  command = find_newest (arch->oracles[0]);
  if (command != NULL && answers (command, version))
    return command;
  g_clear_pointer (&command, g_strfreev);
  for (guint i = 0; arch->oracles[i] != NULL; i++)
    {
      const char *argv[] = { arch->oracles[i], NULL };
      command = g_strdupv ((GStrv)argv);
      if (answers (command, version))
        return command;
      g_strfreev (command);
    }
  return NULL;
}

/* "qemu-riscv64 version 11.1.3 (Debian ...)" */
static guint
major_of (const char *version)
{
  const char *at = strstr (version, "version ");
  return at != NULL ? (guint)g_ascii_strtoull (at + strlen ("version "), NULL, 10) : 0;
}

/* Emulators execute code where they write it. */
static gboolean
host_forbids_writable_code (void)
{
  const gsize size = (gsize)sysconf (_SC_PAGESIZE);
  gpointer page = mmap (NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

  g_assert_true (page != MAP_FAILED);
  const gboolean forbidden = mprotect (page, size, PROT_READ | PROT_WRITE | PROT_EXEC) != 0;
  munmap (page, size);
  return forbidden;
}

/* One case without code. */
static gboolean
is_alive (LockstepOracle *self)
{
  g_autofree LockstepCase *c = g_new0 (LockstepCase, 1);
  g_autofree LockstepResult *result = g_new0 (LockstepResult, 1);

  c->pc = LOCKSTEP_CODE_BASE;
  c->mem = LOCKSTEP_DATA_BASE;
  c->mem_size = 8;
  return lockstep_oracle_run (self, c, 1, result, NULL);
}

LockstepOracle *
lockstep_oracle_new (const LockstepArch *arch, const char *executor, char **why)
{
  LockstepOracle *self;
  char *version = NULL;

  if (executor == NULL || *executor == '\0')
    {
      *why = g_strdup_printf ("no C compiler for %s was there when this was built", arch->name);
      return NULL;
    }
  GStrv command = find_command (arch, &version);
  if (command == NULL)
    {
      *why = g_strdup_printf ("there is no %s (install qemu-user-static, or name a command in %s)",
                              arch->oracles[0], arch->oracle_variable);
      return NULL;
    }
  self = g_new0 (LockstepOracle, 1);
  self->arch = arch;
  self->command = command;
  self->executor = g_strdup (executor);
  self->version = version;
  self->in = self->out = -1;
  self->major = major_of (version);
  self->lacks = arch->oracle_lacks (self->major, &self->args);
  /* Anywhere else an oracle that does not answer is for the tests to complain about. */
  if (host_forbids_writable_code () && !is_alive (self))
    {
      *why =
          g_strdup_printf ("this host forbids memory that is written and executed, without which "
                           "%s does not run",
                           version);
      lockstep_oracle_free (self);
      return NULL;
    }
  return self;
}

gboolean
lockstep_oracle_has_row (LockstepOracle *self, const LockstepRow *row)
{
  for (guint i = 0; self->lacks[i] != NULL; i++)
    if (lockstep_row_has_extension (row, self->lacks[i]))
      return FALSE;
  return TRUE;
}

gboolean
lockstep_oracle_errs (LockstepOracle *self, const LockstepRow *row, const LockstepCase *c)
{
  return self->arch->oracle_errs != NULL && self->arch->oracle_errs (self->major, row, c);
}

static gboolean
start (LockstepOracle *self, GError **error)
{
  g_autoptr (GPtrArray) argv = g_ptr_array_new ();

  if (self->in >= 0)
    return TRUE;
  for (guint i = 0; self->command[i] != NULL; i++)
    g_ptr_array_add (argv, self->command[i]);
  for (guint i = 0; self->args[i] != NULL; i++)
    g_ptr_array_add (argv, (gpointer)self->args[i]);
  g_ptr_array_add (argv, self->executor);
  g_ptr_array_add (argv, NULL);
  if (!g_spawn_async_with_pipes (NULL, (char **)argv->pdata, NULL,
                                 G_SPAWN_SEARCH_PATH | G_SPAWN_DO_NOT_REAP_CHILD, NULL, NULL,
                                 &self->pid, &self->in, &self->out, NULL, error))
    {
      self->in = self->out = -1;
      return FALSE;
    }
  return g_unix_set_fd_nonblocking (self->in, TRUE, error) &&
         g_unix_set_fd_nonblocking (self->out, TRUE, error);
}

static guint
padded (guint size)
{
  return (size + 7) & ~7u;
}

static void
append (GByteArray *bytes, gconstpointer data, guint size)
{
  static const guint8 zeroes[8] = { 0 };

  g_byte_array_append (bytes, data, size);
  g_byte_array_append (bytes, zeroes, padded (size) - size);
}

static void
write_case (LockstepOracle *self, GByteArray *bytes, const LockstepCase *c, gboolean first)
{
  const gboolean same = c->same_code && !first;
  const guint code_size = same ? 0 : c->code_size;
  const LockstepCaseHeader header = {
    .size = (guint32)sizeof header + self->arch->n_registers * 8 + padded (code_size) +
            padded (c->mem_size),
    .flags = same ? LOCKSTEP_SAME_CODE : 0,
    .pc = c->pc,
    .mem = c->mem,
    .code_size = code_size,
    .mem_size = c->mem_size,
    .n_regs = self->arch->n_registers,
  };

  append (bytes, &header, sizeof header);
  append (bytes, c->regs, self->arch->n_registers * 8);
  append (bytes, c->code, code_size);
  append (bytes, c->memory, c->mem_size);
}

/* Both pipes at once, until as many bytes came as there must be. */
static gboolean
exchange (LockstepOracle *self, const GByteArray *out, guint8 *in, gsize in_size, GError **error)
{
  gsize sent = 0, got = 0;

  while (got < in_size)
    {
      struct pollfd fds[2] = { { .fd = self->out, .events = POLLIN },
                               { .fd = sent < out->len ? self->in : -1, .events = POLLOUT } };
      const int n = poll (fds, 2, TIMEOUT_MS);
      if (n < 0 && errno == EINTR)
        continue;
      if (n == 0)
        {
          g_set_error (error, VMT_ERROR, VMT_ERROR_FAILED,
                       "%s: no answer within %d s, after %" G_GSIZE_FORMAT " of %" G_GSIZE_FORMAT
                       " bytes",
                       self->version, TIMEOUT_MS / 1000, got, in_size);
          return FALSE;
        }
      gssize did = 0;
      if (fds[0].revents != 0)
        {
          did = read (self->out, in + got, in_size - got);
          if (did > 0)
            got += (gsize)did;
          else if (did == 0 || errno != EAGAIN)
            break;
        }
      if (fds[1].revents != 0)
        {
          did = write (self->in, out->data + sent, out->len - sent);
          if (did > 0)
            sent += (gsize)did;
          else if (errno != EAGAIN)
            break;
        }
    }
  if (got == in_size)
    return TRUE;
  int status = 0;
  waitpid (self->pid, &status, WNOHANG);
  g_set_error (error, VMT_ERROR, VMT_ERROR_FAILED,
               "%s: it ended after %" G_GSIZE_FORMAT " of %" G_GSIZE_FORMAT
               " bytes of results, with status %#x",
               self->version, got, in_size, status);
  return FALSE;
}

gboolean
lockstep_oracle_run (LockstepOracle *self, const LockstepCase *cases, guint n,
                     LockstepResult *results, GError **error)
{
  g_autoptr (GByteArray) out = g_byte_array_new ();
  g_autofree guint8 *in = NULL;
  const guint regs = self->arch->n_registers;
  gsize in_size = 0, at = 0;
  void (*old) (int);

  if (!start (self, error))
    return FALSE;
  for (guint i = 0; i < n; i++)
    {
      write_case (self, out, &cases[i], i == 0);
      in_size += sizeof (LockstepResultHeader) + regs * 8 + padded (cases[i].mem_size);
    }
  in = g_malloc (in_size);
  old = signal (SIGPIPE, SIG_IGN);
  const gboolean ok = exchange (self, out, in, in_size, error);
  signal (SIGPIPE, old);
  if (!ok)
    {
      stop (self);
      return FALSE;
    }
  for (guint i = 0; i < n; i++)
    {
      LockstepResultHeader header;
      memcpy (&header, in + at, sizeof header);
      if (header.n_regs != regs || header.mem_size != cases[i].mem_size)
        {
          g_set_error (error, VMT_ERROR, VMT_ERROR_FAILED, "%s: result %u is of another case",
                       self->version, i);
          stop (self);
          return FALSE;
        }
      results[i].trap = header.trap;
      results[i].pc = header.pc;
      memcpy (results[i].regs, in + at + sizeof header, regs * 8);
      memcpy (results[i].memory, in + at + sizeof header + regs * 8, header.mem_size);
      at += header.size;
    }
  return TRUE;
}
