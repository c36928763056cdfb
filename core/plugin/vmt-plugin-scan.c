/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Finding out what is in a module. The library asks its helper program, which opens each module in
 * a forked child: what a module does while it is loaded can then hurt neither. */
#include "vmt-plugin-scan.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>
#ifdef __linux__
#include <sys/prctl.h>
#endif

#include "vmt-error.h"
#include "vmt-host.h"
#include "vmt-plugin-private.h"
#include "vmt-registry-private.h"
#include "vmt-version.h"

extern char **environ;

#define MAX_FRAME (16u << 20)
#define MAX_PATH 4096
/* How much longer than its own time limit the helper may take to say so. */
#define GRACE_MS 5000

static GVariant *
result_new (const char *state, const char *reason, GVariant *description)
{
  g_autofree char *valid = g_utf8_make_valid (reason, -1);

  if (description == NULL)
    description = g_variant_new_array (G_VARIANT_TYPE ("{sv}"), NULL, 0);
  return g_variant_ref_sink (g_variant_new ("(ss@a{sv})", state, valid, description));
}

GVariant *
_vmt_plugin_scan_here (const char *path)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GVariant) description = NULL;
  VmtPlugin *plugin = _vmt_plugin_open (path, &error);

  if (plugin != NULL)
    description = _vmt_plugin_describe (plugin, &error);
  if (description == NULL)
    return result_new (g_error_matches (error, VMT_ERROR, VMT_ERROR_ABI) ? VMT_SCAN_ABI
                                                                         : VMT_SCAN_BAD,
                       error->message, NULL);
  return result_new (VMT_SCAN_OK, "", description);
}

static gboolean
write_all (int fd, gconstpointer data, gsize size)
{
  const char *at = data;

  while (size > 0)
    {
      gssize n = send (fd, at, size, MSG_NOSIGNAL);

      if (n < 0 && errno == EINTR)
        continue;
      if (n <= 0)
        return FALSE;
      at += n;
      size -= n;
    }
  return TRUE;
}

/* FALSE: the end, an error, or not in time. */
static gboolean
read_all (int fd, gpointer data, gsize size, guint64 deadline_ns)
{
  char *at = data;

  while (size > 0)
    {
      struct pollfd poll_fd = { .fd = fd, .events = POLLIN };
      guint64 now = vmt_host_get_time_ns ();
      gssize n;

      if (now >= deadline_ns)
        return FALSE;
      n = poll (&poll_fd, 1, MIN ((deadline_ns - now) / 1000000 + 1, 60000));
      if (n == 0 || (n < 0 && errno == EINTR))
        continue;
      if (n < 0)
        return FALSE;
      n = read (fd, at, size);
      if (n < 0 && errno == EINTR)
        continue;
      if (n <= 0)
        return FALSE;
      at += n;
      size -= n;
    }
  return TRUE;
}

static guint64
deadline_in (guint ms)
{
  return vmt_host_get_time_ns () + (guint64)ms * 1000000;
}

/* TRUE: it has ended. */
static gboolean
wait_until (pid_t pid, int *status, guint64 deadline_ns)
{
  for (guint pause_us = 50;; pause_us = MIN (pause_us * 2, 10000))
    {
      pid_t got = waitpid (pid, status, WNOHANG);

      if (got == pid)
        return TRUE;
      if (got < 0 && errno != EINTR)
        {
          *status = 0;
          return TRUE;
        }
      if (vmt_host_get_time_ns () >= deadline_ns)
        return FALSE;
      g_usleep (pause_us);
    }
}

static gboolean
write_frame (int fd, gconstpointer data, gsize size)
{
  guint32 length = size;

  return write_all (fd, &length, sizeof length) && write_all (fd, data, size);
}

/* (nullable): freed with g_free. */
static guint8 *
read_frame (int fd, guint32 *length, guint64 deadline_ns)
{
  g_autofree guint8 *data = NULL;

  if (!read_all (fd, length, sizeof *length, deadline_ns) || *length > MAX_FRAME)
    return NULL;
  data = g_malloc (*length + 1);
  data[*length] = '\0';
  return read_all (fd, data, *length, deadline_ns) ? g_steal_pointer (&data) : NULL;
}

/* Data from another process is not trusted to be in normal form. */
static GVariant *
read_result (int fd, guint64 deadline_ns)
{
  guint32 length;
  guint8 *data = read_frame (fd, &length, deadline_ns);
  g_autoptr (GVariant) raw = NULL;

  if (data == NULL)
    return NULL;
  raw = g_variant_ref_sink (g_variant_new_from_data (G_VARIANT_TYPE (VMT_SCAN_RESULT_TYPE), data,
                                                     length, FALSE, g_free, data));
  return g_variant_is_normal_form (raw) ? g_steal_pointer (&raw) : NULL;
}

/* --- the helper --- */

/* What both sides must agree on: that they have the same library. */
static char *
dup_hello (void)
{
  return g_strconcat (VMT_VERSION_STRING, " ", _vmt_plugin_get_core_build_id (), NULL);
}

static void
scan_in_child (const char *path, int fd)
{
  struct rlimit no_core = { 0, 0 };
  g_autoptr (GVariant) result = NULL;

  /* A group of its own, so that what it starts can be ended with it. */
  setpgid (0, 0);
#ifdef __linux__
  prctl (PR_SET_PDEATHSIG, SIGKILL);
#endif
  setrlimit (RLIMIT_CORE, &no_core);
  result = _vmt_plugin_scan_here (path);
  write_frame (fd, g_variant_get_data (result), g_variant_get_size (result));
}

static GVariant *
explain_end (int status)
{
  g_autofree char *reason = NULL;

  if (WIFSIGNALED (status))
    reason = g_strdup_printf ("it crashed while it was loaded: signal %d, %s", WTERMSIG (status),
                              g_strsignal (WTERMSIG (status)));
  else
    reason = g_strdup_printf ("it ended the process that loaded it, with status %d",
                              WEXITSTATUS (status));
  return result_new (VMT_SCAN_BAD, reason, NULL);
}

static GVariant *
scan_in_fork (const char *path, int socket, guint timeout_ms)
{
  guint64 deadline = deadline_in (timeout_ms);
  g_autoptr (GVariant) result = NULL;
  g_autofree char *reason = NULL;
  int pair[2];
  int status;
  pid_t pid;

  if (socketpair (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0)
    return result_new (VMT_SCAN_TIMEOUT, "the scanner has no free file descriptors", NULL);
  pid = fork ();
  if (pid < 0)
    {
      close (pair[0]);
      close (pair[1]);
      return result_new (VMT_SCAN_TIMEOUT, "the scanner cannot start a process", NULL);
    }
  if (pid == 0)
    {
      close (pair[0]);
      close (socket);
      scan_in_child (path, pair[1]);
      _exit (0);
    }
  close (pair[1]);
  result = read_result (pair[0], deadline);
  close (pair[0]);
  if (wait_until (pid, &status, deadline))
    {
      kill (-pid, SIGKILL);
      return result != NULL ? g_steal_pointer (&result) : explain_end (status);
    }
  kill (-pid, SIGKILL);
  kill (pid, SIGKILL);
  waitpid (pid, &status, 0);
  reason = g_strdup_printf ("it took more than %u ms to load", timeout_ms);
  return result_new (VMT_SCAN_TIMEOUT, reason, NULL);
}

static gboolean
read_path (int fd, char *path)
{
  for (guint n = 0; n < MAX_PATH; n++)
    {
      if (!read_all (fd, path + n, 1, G_MAXUINT64))
        return FALSE;
      if (path[n] == '\0')
        return TRUE;
    }
  return FALSE;
}

int
vmt_plugin_scan_serve (int fd, guint timeout_ms)
{
  g_autofree char *hello = dup_hello ();
  char path[MAX_PATH];

  /* A plugin that asks for the registry while it is scanned must not start another scan. */
  _vmt_registry_make_default_empty ();
  if (!write_frame (fd, hello, strlen (hello)))
    return 1;
  while (read_path (fd, path))
    {
      g_autoptr (GVariant) result = scan_in_fork (path, fd, timeout_ms);

      if (!write_frame (fd, g_variant_get_data (result), g_variant_get_size (result)))
        return 1;
    }
  return 0;
}

/* --- the library's side --- */

static gboolean
start_helper (guint timeout_ms, pid_t *pid, int *fd)
{
  g_autofree char *program = g_build_filename (vmt_host_get_helper_dir (), "vmtool-scanner", NULL);
  g_autofree char *timeout = g_strdup_printf ("%u", timeout_ms);
  char *argv[] = { program, (char *)"--serve", timeout, NULL };
  const GDebugKey keys[] = { { "scan", 1 } };
  gboolean verbose = g_parse_debug_string (g_getenv ("VMT_DEBUG"), keys, G_N_ELEMENTS (keys)) != 0;
  posix_spawn_file_actions_t actions;
  posix_spawnattr_t attributes;
  sigset_t defaults, none;
  int pair[2];
  int failure;

  if (socketpair (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0)
    return FALSE;
  posix_spawn_file_actions_init (&actions);
  posix_spawn_file_actions_adddup2 (&actions, pair[1], 0);
  /* What plugins print while they are scanned is noise on somebody's terminal. */
  posix_spawn_file_actions_addopen (&actions, 1, "/dev/null", O_WRONLY, 0);
  if (!verbose)
    posix_spawn_file_actions_addopen (&actions, 2, "/dev/null", O_WRONLY, 0);

  /* Ignored signals and masks would be inherited, and the helper relies on SIGCHLD's and SIGPIPE's
   * defaults. */
  posix_spawnattr_init (&attributes);
  sigemptyset (&none);
  sigemptyset (&defaults);
  sigaddset (&defaults, SIGCHLD);
  sigaddset (&defaults, SIGPIPE);
  sigaddset (&defaults, SIGINT);
  sigaddset (&defaults, SIGTERM);
  posix_spawnattr_setsigdefault (&attributes, &defaults);
  posix_spawnattr_setsigmask (&attributes, &none);
  posix_spawnattr_setflags (&attributes, POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK);

  failure = posix_spawn (pid, program, &actions, &attributes, argv, environ);
  posix_spawnattr_destroy (&attributes);
  posix_spawn_file_actions_destroy (&actions);
  close (pair[1]);
  if (failure != 0)
    {
      close (pair[0]);
      return FALSE;
    }
  *fd = pair[0];
  return TRUE;
}

static gboolean
check_hello (int fd)
{
  g_autofree char *expected = dup_hello ();
  guint32 length;
  g_autofree guint8 *hello = read_frame (fd, &length, deadline_in (GRACE_MS));

  return hello != NULL && strcmp ((const char *)hello, expected) == 0;
}

GPtrArray *
_vmt_plugin_scan_in_helper (const char *const *paths, guint timeout_ms)
{
  GPtrArray *results;
  gboolean alive = TRUE;
  pid_t pid;
  int fd, status;

  if (!start_helper (timeout_ms, &pid, &fd))
    return NULL;
  results = g_ptr_array_new_with_free_func ((GDestroyNotify)g_variant_unref);
  if (!check_hello (fd))
    g_clear_pointer (&results, g_ptr_array_unref);
  for (guint i = 0; results != NULL && paths[i] != NULL; i++)
    {
      GVariant *result = NULL;

      if (strlen (paths[i]) >= MAX_PATH)
        result = result_new (VMT_SCAN_BAD, "its path is too long", NULL);
      else if (alive)
        {
          alive = write_all (fd, paths[i], strlen (paths[i]) + 1);
          if (alive)
            result = read_result (fd, deadline_in (timeout_ms + GRACE_MS));
          alive = result != NULL;
        }
      if (result == NULL)
        result = result_new (VMT_SCAN_TIMEOUT, "the scanner ended before it was scanned", NULL);
      g_ptr_array_add (results, result);
    }
  close (fd);
  if (!wait_until (pid, &status, deadline_in (alive && results != NULL ? GRACE_MS : 0)))
    {
      kill (pid, SIGKILL);
      waitpid (pid, &status, 0);
    }
  return results;
}
