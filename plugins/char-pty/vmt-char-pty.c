/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <termios.h>
#include <unistd.h>

#include "vmt.h"

/* How often we look whether a terminal program has opened the other end: a pty does not tell. */
#define LOOK_MS 250

/* A pseudo-terminal of its own; "path" says which. */
#define VMT_TYPE_CHAR_PTY (vmt_char_pty_get_type ())
G_DECLARE_FINAL_TYPE (VmtCharPty, vmt_char_pty, VMT, CHAR_PTY, VmtChar)

struct _VmtCharPty
{
  VmtChar parent_instance;
  VmtCharFd *fd;
  int master;
  char *path;
  gboolean connected;
  GSource *look;
};

G_DEFINE_FINAL_TYPE (VmtCharPty, vmt_char_pty, VMT_TYPE_CHAR)

enum
{
  PROP_0,
  PROP_PATH,
  N_PROPS
};

static GParamSpec *properties[N_PROPS];

static void
set_connected (VmtCharPty *self, gboolean connected)
{
  if (connected == self->connected)
    return;
  self->connected = connected;
  /* Nobody there: what the guest writes is dropped, or it would wait for ever. */
  vmt_char_fd_set (self->fd, connected ? self->master : -1, connected ? self->master : -1, FALSE);
  vmt_char_connected (VMT_CHAR (self), connected);
}

static gboolean
look_for_peer (gpointer data)
{
  VmtCharPty *self = data;
  struct pollfd poll_fd = { self->master, POLLIN, 0 };

  if (poll (&poll_fd, 1, 0) < 0 || (poll_fd.revents & POLLHUP) != 0)
    return G_SOURCE_CONTINUE;
  g_clear_pointer (&self->look, g_source_unref);
  set_connected (self, TRUE);
  return G_SOURCE_REMOVE;
}

static void
start_looking (VmtCharPty *self)
{
  if (self->look != NULL)
    return;
  self->look = g_timeout_source_new (LOOK_MS);
  g_source_set_callback (self->look, look_for_peer, self, NULL);
  g_source_attach (self->look, vmt_backend_get_context (VMT_BACKEND (self)));
}

static void
on_ended (gpointer owner)
{
  set_connected (owner, FALSE);
  start_looking (owner);
}

static const VmtCharFdFuncs fd_funcs = { .ended = on_ended };

static gboolean
vmt_char_pty_open (VmtBackend *backend, GError **error)
{
  VmtCharPty *self = VMT_CHAR_PTY (backend);
  struct termios mode;
  char name[128];
  int slave;

  self->master = posix_openpt (O_RDWR | O_NOCTTY | O_CLOEXEC | O_NONBLOCK);
  if (self->master < 0 || grantpt (self->master) != 0 || unlockpt (self->master) != 0 ||
      ptsname_r (self->master, name, sizeof name) != 0)
    {
      g_set_error (error, VMT_ERROR, VMT_ERROR_FAILED, "cannot make a pseudo-terminal: %s",
                   g_strerror (errno));
      if (self->master >= 0)
        close (self->master);
      self->master = -1;
      return FALSE;
    }
  /* Raw, so that a plain "cat" on the other end does not echo into the guest. Opening the other end
   * once also makes the master report that nobody is there, which it does not for a fresh pair. */
  slave = open (name, O_RDWR | O_NOCTTY | O_CLOEXEC);
  if (slave >= 0)
    {
      if (tcgetattr (slave, &mode) == 0)
        {
          cfmakeraw (&mode);
          tcsetattr (slave, TCSANOW, &mode);
        }
      close (slave);
    }
  g_free (self->path);
  self->path = g_strdup (name);
  self->fd = vmt_char_fd_new (VMT_CHAR (self), &fd_funcs, self);
  start_looking (self);
  g_object_notify_by_pspec (G_OBJECT (self), properties[PROP_PATH]);
  return TRUE;
}

static void
vmt_char_pty_close (VmtBackend *backend)
{
  VmtCharPty *self = VMT_CHAR_PTY (backend);

  if (self->look != NULL)
    g_source_destroy (self->look);
  g_clear_pointer (&self->look, g_source_unref);
  if (self->connected)
    vmt_char_fd_flush (self->fd, 200);
  g_clear_pointer (&self->fd, vmt_char_fd_free);
  self->connected = FALSE;
  close (self->master);
  self->master = -1;
  g_clear_pointer (&self->path, g_free);
}

static gsize
vmt_char_pty_write (VmtChar *stream, const guint8 *data, gsize size)
{
  return vmt_char_fd_write (VMT_CHAR_PTY (stream)->fd, data, size);
}

static void
vmt_char_pty_resume (VmtChar *stream)
{
  vmt_char_fd_resume (VMT_CHAR_PTY (stream)->fd);
}

static void
vmt_char_pty_get_property (GObject *object, guint id, GValue *value, GParamSpec *pspec)
{
  switch (id)
    {
    case PROP_PATH:
      g_value_set_string (value, VMT_CHAR_PTY (object)->path);
      break;
    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
    }
}

static void
vmt_char_pty_class_init (VmtCharPtyClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);

  object_class->get_property = vmt_char_pty_get_property;
  VMT_BACKEND_CLASS (klass)->open = vmt_char_pty_open;
  VMT_BACKEND_CLASS (klass)->close = vmt_char_pty_close;
  VMT_CHAR_CLASS (klass)->write = vmt_char_pty_write;
  VMT_CHAR_CLASS (klass)->resume = vmt_char_pty_resume;

  properties[PROP_PATH] = vmt_param_spec_file (
      "path", "The terminal to open with screen, minicom or cat, known while the machine exists",
      G_PARAM_READABLE | G_PARAM_STATIC_STRINGS | VMT_PARAM_HOST);
  g_object_class_install_properties (object_class, N_PROPS, properties);
}

static void
vmt_char_pty_init (VmtCharPty *self)
{
  self->master = -1;
}

static const VmtFeature features[] = {
  { VMT_FEATURE_CHAR, "pty", 0, vmt_char_pty_get_type },
  { 0 },
};

VMT_PLUGIN_DEFINE (char_pty, "char-pty", "Serial port on a pseudo-terminal", 0, features, NULL);
