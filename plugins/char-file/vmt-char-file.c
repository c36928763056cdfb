/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "vmt.h"

/* What the guest writes goes to a file; what it reads comes from another, if there is one. */
#define VMT_TYPE_CHAR_FILE (vmt_char_file_get_type ())
G_DECLARE_FINAL_TYPE (VmtCharFile, vmt_char_file, VMT, CHAR_FILE, VmtChar)

struct _VmtCharFile
{
  VmtChar parent_instance;
  VmtCharFd *fd;
  int in, out;
  char *path, *input;
  gboolean append;
};

G_DEFINE_FINAL_TYPE (VmtCharFile, vmt_char_file, VMT_TYPE_CHAR)

enum
{
  PROP_0,
  PROP_PATH,
  PROP_INPUT,
  PROP_APPEND,
  N_PROPS
};

static GParamSpec *properties[N_PROPS];

/* O_NONBLOCK: opening a FIFO must not wait for its other end. */
static int
open_path (const char *path, int flags, GError **error)
{
  int fd = open (path, flags | O_CLOEXEC | O_NOCTTY | O_NONBLOCK, 0666);

  if (fd < 0)
    g_set_error (error, VMT_ERROR, errno == ENOENT ? VMT_ERROR_NOT_FOUND : VMT_ERROR_FAILED,
                 "cannot open %s for %s: %s", path, (flags & O_WRONLY) != 0 ? "writing" : "reading",
                 errno == ENXIO ? "nothing reads from this FIFO" : g_strerror (errno));
  return fd;
}

static void
close_files (VmtCharFile *self)
{
  if (self->in >= 0)
    close (self->in);
  if (self->out >= 0)
    close (self->out);
  self->in = self->out = -1;
}

static gboolean
vmt_char_file_open (VmtBackend *backend, GError **error)
{
  VmtCharFile *self = VMT_CHAR_FILE (backend);

  if (self->path == NULL || *self->path == '\0')
    {
      g_set_error_literal (error, VMT_ERROR, VMT_ERROR_INVALID,
                           "a file stream has no path: write file,path=FILE");
      return FALSE;
    }
  if (self->input != NULL && *self->input != '\0')
    {
      self->in = open_path (self->input, O_RDONLY, error);
      if (self->in < 0)
        return FALSE;
    }
  self->out =
      open_path (self->path, O_WRONLY | O_CREAT | (self->append ? O_APPEND : O_TRUNC), error);
  if (self->out < 0)
    {
      close_files (self);
      return FALSE;
    }
  self->fd = vmt_char_fd_new (VMT_CHAR (self), NULL, NULL);
  vmt_char_fd_set (self->fd, self->in, self->out, FALSE);
  return TRUE;
}

static void
vmt_char_file_close (VmtBackend *backend)
{
  VmtCharFile *self = VMT_CHAR_FILE (backend);

  vmt_char_fd_flush (self->fd, 500);
  g_clear_pointer (&self->fd, vmt_char_fd_free);
  close_files (self);
}

static gsize
vmt_char_file_write (VmtChar *stream, const guint8 *data, gsize size)
{
  return vmt_char_fd_write (VMT_CHAR_FILE (stream)->fd, data, size);
}

static void
vmt_char_file_resume (VmtChar *stream)
{
  vmt_char_fd_resume (VMT_CHAR_FILE (stream)->fd);
}

static void
vmt_char_file_get_property (GObject *object, guint id, GValue *value, GParamSpec *pspec)
{
  VmtCharFile *self = VMT_CHAR_FILE (object);

  switch (id)
    {
    case PROP_PATH:
      g_value_set_string (value, self->path);
      break;
    case PROP_INPUT:
      g_value_set_string (value, self->input);
      break;
    case PROP_APPEND:
      g_value_set_boolean (value, self->append);
      break;
    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
    }
}

static void
vmt_char_file_set_property (GObject *object, guint id, const GValue *value, GParamSpec *pspec)
{
  VmtCharFile *self = VMT_CHAR_FILE (object);

  switch (id)
    {
    case PROP_PATH:
      g_free (self->path);
      self->path = g_value_dup_string (value);
      break;
    case PROP_INPUT:
      g_free (self->input);
      self->input = g_value_dup_string (value);
      break;
    case PROP_APPEND:
      self->append = g_value_get_boolean (value);
      break;
    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
    }
}

static void
vmt_char_file_finalize (GObject *object)
{
  VmtCharFile *self = VMT_CHAR_FILE (object);

  g_free (self->path);
  g_free (self->input);
  G_OBJECT_CLASS (vmt_char_file_parent_class)->finalize (object);
}

static void
vmt_char_file_class_init (VmtCharFileClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);
  GParamFlags flags = G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS;

  object_class->get_property = vmt_char_file_get_property;
  object_class->set_property = vmt_char_file_set_property;
  object_class->finalize = vmt_char_file_finalize;
  VMT_BACKEND_CLASS (klass)->open = vmt_char_file_open;
  VMT_BACKEND_CLASS (klass)->close = vmt_char_file_close;
  VMT_CHAR_CLASS (klass)->write = vmt_char_file_write;
  VMT_CHAR_CLASS (klass)->resume = vmt_char_file_resume;

  properties[PROP_PATH] = vmt_param_spec_file ("path", "What the guest writes goes to this file",
                                               flags | VMT_PARAM_HOST);
  properties[PROP_INPUT] =
      vmt_param_spec_file ("input", "What the guest reads comes from this file; nothing without it",
                           flags | VMT_PARAM_HOST);
  properties[PROP_APPEND] = g_param_spec_boolean (
      "append", NULL, "An existing file is kept and written on at its end", FALSE, flags);
  g_object_class_install_properties (object_class, N_PROPS, properties);
}

static void
vmt_char_file_init (VmtCharFile *self)
{
  self->in = self->out = -1;
}

static const VmtFeature features[] = {
  { VMT_FEATURE_CHAR, "file", 0, vmt_char_file_get_type },
  { 0 },
};

VMT_PLUGIN_DEFINE (char_file, "char-file", "Serial port that writes to a file", 0, features, NULL);
