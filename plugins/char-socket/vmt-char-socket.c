/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <glib-unix.h>
#include <glib/gstdio.h>

#include "vmt.h"

/* A Unix socket: one peer at a time; as a server, the next one when it goes. */
#define VMT_TYPE_CHAR_SOCKET (vmt_char_socket_get_type ())
G_DECLARE_FINAL_TYPE (VmtCharSocket, vmt_char_socket, VMT, CHAR_SOCKET, VmtChar)

struct _VmtCharSocket
{
  VmtChar parent_instance;
  VmtCharFd *fd;
  char *path;
  gboolean server;
  guint64 reconnect;
  int listener, peer;
  GSource *accept_source;
  GSource *retry;
};

G_DEFINE_FINAL_TYPE (VmtCharSocket, vmt_char_socket, VMT_TYPE_CHAR)

enum
{
  PROP_0,
  PROP_PATH,
  PROP_SERVER,
  PROP_RECONNECT,
  N_PROPS
};

static GParamSpec *properties[N_PROPS];

static void wait_for_peer (VmtCharSocket *self);
static void start_retry (VmtCharSocket *self, guint milliseconds);

static void
drop_source (GSource **source)
{
  if (*source != NULL)
    g_source_destroy (*source);
  g_clear_pointer (source, g_source_unref);
}

static void
set_peer (VmtCharSocket *self, int peer)
{
  if (self->peer >= 0)
    {
      vmt_char_fd_set (self->fd, -1, -1, FALSE);
      close (self->peer);
      self->peer = -1;
      vmt_char_connected (VMT_CHAR (self), FALSE);
    }
  if (peer >= 0)
    {
      self->peer = peer;
      vmt_char_fd_set (self->fd, peer, peer, FALSE);
      vmt_char_connected (VMT_CHAR (self), TRUE);
    }
}

static void
on_ended (gpointer owner)
{
  set_peer (owner, -1);
  wait_for_peer (owner);
}

static const VmtCharFdFuncs fd_funcs = { .ended = on_ended };

static gboolean
on_connection (int fd, GIOCondition condition, gpointer data)
{
  VmtCharSocket *self = data;
  int peer = accept4 (fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

  if (peer < 0)
    {
      if (errno != EMFILE && errno != ENFILE && errno != ENOBUFS && errno != ENOMEM)
        return G_SOURCE_CONTINUE;
      /* The connection stays pending: asking again at once would spin. */
      drop_source (&self->accept_source);
      start_retry (self, 1000);
      return G_SOURCE_REMOVE;
    }
  /* Others wait in the backlog until this one goes. */
  drop_source (&self->accept_source);
  set_peer (self, peer);
  return G_SOURCE_REMOVE;
}

/* A socket connected to @address, or -1 and errno. */
static int
connect_to (const struct sockaddr_un *address)
{
  int fd = socket (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

  if (fd >= 0 && connect (fd, (const struct sockaddr *)address, sizeof *address) != 0)
    {
      int code = errno;

      close (fd);
      errno = code;
      return -1;
    }
  return fd;
}

static gboolean
fill_address (VmtCharSocket *self, struct sockaddr_un *address, GError **error)
{
  *address = (struct sockaddr_un){ .sun_family = AF_UNIX };
  if (self->path == NULL || *self->path == '\0')
    {
      g_set_error_literal (error, VMT_ERROR, VMT_ERROR_INVALID,
                           "a socket stream has no path: write socket,path=FILE");
      return FALSE;
    }
  if (strlen (self->path) >= sizeof address->sun_path)
    {
      g_set_error (error, VMT_ERROR, VMT_ERROR_INVALID,
                   "socket %s: the path is longer than the %" G_GSIZE_FORMAT
                   " bytes that a Unix socket may have",
                   self->path, sizeof address->sun_path - 1);
      return FALSE;
    }
  strcpy (address->sun_path, self->path);
  return TRUE;
}

static gboolean
on_retry (gpointer data)
{
  VmtCharSocket *self = data;
  struct sockaddr_un address;
  int peer;

  drop_source (&self->retry);
  if (self->server)
    {
      wait_for_peer (self);
      return G_SOURCE_REMOVE;
    }
  peer = fill_address (self, &address, NULL) ? connect_to (&address) : -1;
  if (peer >= 0)
    set_peer (self, peer);
  else
    wait_for_peer (self);
  return G_SOURCE_REMOVE;
}

static void
start_retry (VmtCharSocket *self, guint milliseconds)
{
  self->retry = g_timeout_source_new (milliseconds);
  g_source_set_callback (self->retry, on_retry, self, NULL);
  g_source_attach (self->retry, vmt_backend_get_context (VMT_BACKEND (self)));
}

static void
wait_for_peer (VmtCharSocket *self)
{
  GMainContext *context = vmt_backend_get_context (VMT_BACKEND (self));

  if (self->server && self->accept_source == NULL && self->retry == NULL)
    {
      self->accept_source = g_unix_fd_source_new (self->listener, G_IO_IN);
      g_source_set_callback (self->accept_source, G_SOURCE_FUNC (on_connection), self, NULL);
      g_source_attach (self->accept_source, context);
    }
  if (!self->server && self->reconnect != 0 && self->retry == NULL)
    start_retry (self, MAX (self->reconnect / 1000000, 1));
}

static gboolean
listen_at (VmtCharSocket *self, const struct sockaddr_un *address, GError **error)
{
  struct stat st;
  int probe;
  int rc;

  /* What a killed process left behind is taken away; a living one, or anything that is no socket,
   * is not. A socket of another type tells which without being taken for a peer: it is refused by
   * both, but for other reasons. */
  if (lstat (self->path, &st) == 0 && S_ISSOCK (st.st_mode))
    {
      probe = socket (AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
      if (probe >= 0 && connect (probe, (const struct sockaddr *)address, sizeof *address) != 0 &&
          errno == ECONNREFUSED)
        g_unlink (self->path);
      if (probe >= 0)
        close (probe);
    }
  self->listener = socket (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  /* Only its user may talk to the guest. The mode is set before anybody can connect: nobody can
   * before listen(). */
  rc = self->listener < 0
           ? -1
           : bind (self->listener, (const struct sockaddr *)address, sizeof *address);
  if (rc == 0)
    rc = chmod (self->path, S_IRUSR | S_IWUSR);
  if (rc == 0)
    rc = listen (self->listener, 4);
  if (rc != 0)
    {
      int code = errno;

      g_set_error (error, VMT_ERROR, code == EADDRINUSE ? VMT_ERROR_BUSY : VMT_ERROR_FAILED,
                   "cannot listen at socket %s: %s%s", self->path, g_strerror (code),
                   code == EADDRINUSE ? ": another machine uses it, or it is not a socket; choose "
                                        "another path"
                                      : "");
      if (self->listener >= 0)
        close (self->listener);
      self->listener = -1;
      return FALSE;
    }
  return TRUE;
}

static gboolean
vmt_char_socket_open (VmtBackend *backend, GError **error)
{
  VmtCharSocket *self = VMT_CHAR_SOCKET (backend);
  struct sockaddr_un address;
  int peer = -1;

  if (!fill_address (self, &address, error))
    return FALSE;
  if (self->server)
    {
      if (!listen_at (self, &address, error))
        return FALSE;
    }
  else
    {
      peer = connect_to (&address);
      if (peer < 0 && self->reconnect == 0)
        {
          g_set_error (error, VMT_ERROR, errno == ENOENT ? VMT_ERROR_NOT_FOUND : VMT_ERROR_FAILED,
                       "cannot connect to socket %s: %s: start what listens there first, or set "
                       "reconnect=1s",
                       self->path, g_strerror (errno));
          return FALSE;
        }
    }
  self->fd = vmt_char_fd_new (VMT_CHAR (self), &fd_funcs, self);
  if (peer >= 0)
    set_peer (self, peer);
  else
    wait_for_peer (self);
  return TRUE;
}

static void
vmt_char_socket_close (VmtBackend *backend)
{
  VmtCharSocket *self = VMT_CHAR_SOCKET (backend);

  drop_source (&self->accept_source);
  drop_source (&self->retry);
  if (self->peer >= 0)
    {
      vmt_char_fd_flush (self->fd, 500);
      set_peer (self, -1);
    }
  g_clear_pointer (&self->fd, vmt_char_fd_free);
  if (self->listener >= 0)
    {
      close (self->listener);
      g_unlink (self->path);
    }
  self->listener = -1;
}

static gsize
vmt_char_socket_write (VmtChar *stream, const guint8 *data, gsize size)
{
  return vmt_char_fd_write (VMT_CHAR_SOCKET (stream)->fd, data, size);
}

static void
vmt_char_socket_resume (VmtChar *stream)
{
  vmt_char_fd_resume (VMT_CHAR_SOCKET (stream)->fd);
}

static void
vmt_char_socket_get_property (GObject *object, guint id, GValue *value, GParamSpec *pspec)
{
  VmtCharSocket *self = VMT_CHAR_SOCKET (object);

  switch (id)
    {
    case PROP_PATH:
      g_value_set_string (value, self->path);
      break;
    case PROP_SERVER:
      g_value_set_boolean (value, self->server);
      break;
    case PROP_RECONNECT:
      g_value_set_uint64 (value, self->reconnect);
      break;
    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
    }
}

static void
vmt_char_socket_set_property (GObject *object, guint id, const GValue *value, GParamSpec *pspec)
{
  VmtCharSocket *self = VMT_CHAR_SOCKET (object);

  switch (id)
    {
    case PROP_PATH:
      g_free (self->path);
      self->path = g_value_dup_string (value);
      break;
    case PROP_SERVER:
      self->server = g_value_get_boolean (value);
      break;
    case PROP_RECONNECT:
      self->reconnect = g_value_get_uint64 (value);
      break;
    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
    }
}

static void
vmt_char_socket_finalize (GObject *object)
{
  g_free (VMT_CHAR_SOCKET (object)->path);
  G_OBJECT_CLASS (vmt_char_socket_parent_class)->finalize (object);
}

static void
vmt_char_socket_class_init (VmtCharSocketClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);
  GParamFlags flags = G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS;

  object_class->get_property = vmt_char_socket_get_property;
  object_class->set_property = vmt_char_socket_set_property;
  object_class->finalize = vmt_char_socket_finalize;
  VMT_BACKEND_CLASS (klass)->open = vmt_char_socket_open;
  VMT_BACKEND_CLASS (klass)->close = vmt_char_socket_close;
  VMT_CHAR_CLASS (klass)->write = vmt_char_socket_write;
  VMT_CHAR_CLASS (klass)->resume = vmt_char_socket_resume;

  properties[PROP_PATH] = vmt_param_spec_file ("path", "The socket's file", flags | VMT_PARAM_HOST);
  properties[PROP_SERVER] = g_param_spec_boolean (
      "server", NULL, "Listens at the path; otherwise connects to it", TRUE, flags);
  properties[PROP_RECONNECT] = vmt_param_spec_time (
      "reconnect", "A client tries again after this time when nobody listens; 0: never", 0,
      G_GUINT64_CONSTANT (3600000000000), 0, flags);
  g_object_class_install_properties (object_class, N_PROPS, properties);
}

static void
vmt_char_socket_init (VmtCharSocket *self)
{
  self->listener = self->peer = -1;
  self->server = TRUE;
}

static const VmtFeature features[] = {
  { VMT_FEATURE_CHAR, "socket", 0, vmt_char_socket_get_type },
  { 0 },
};

VMT_PLUGIN_DEFINE (char_socket, "char-socket", "Serial port on a Unix socket", 0, features, NULL);
