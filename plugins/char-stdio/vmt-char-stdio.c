/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "vmt.h"

#define ESCAPE 0x01 /* Ctrl-A */

/* The terminal (or whatever standard input and output are) as a serial port. */
#define VMT_TYPE_CHAR_STDIO (vmt_char_stdio_get_type ())
G_DECLARE_FINAL_TYPE (VmtCharStdio, vmt_char_stdio, VMT, CHAR_STDIO, VmtChar)

struct _VmtCharStdio
{
  VmtChar parent_instance;
  VmtCharFd *fd;
  int out;
  gboolean raw, escape, capture;
  gboolean escaped; /* the byte before was the escape key */
  gboolean is_raw;  /* @saved is what to restore */
  struct termios saved;
};

G_DEFINE_FINAL_TYPE (VmtCharStdio, vmt_char_stdio, VMT_TYPE_CHAR)

enum
{
  PROP_0,
  PROP_RAW,
  PROP_ESCAPE,
  PROP_CAPTURE,
  N_PROPS
};

static GParamSpec *properties[N_PROPS];

static const VmtEventSpec escape_event = {
  .name = "escape",
  .signature = "s",
  .text = "The key after Ctrl-A was typed: the program around the machine reacts to it",
};
static const VmtEventSpec input_event = {
  .name = "input",
  .signature = "ay",
  .text = "Bytes were typed while \"capture\" is on",
};

/* In the background it is not our terminal: changing it would stop the process. A terminal that is
 * not the controlling one belongs to nobody else. */
static gboolean
is_ours (void)
{
  pid_t foreground = tcgetpgrp (STDIN_FILENO);

  return foreground == getpgrp () || (foreground < 0 && errno == ENOTTY && isatty (STDIN_FILENO));
}

static void
set_terminal (VmtCharStdio *self, gboolean raw)
{
  struct termios mode;

  if (raw == self->is_raw)
    return;
  if (!raw)
    {
      self->is_raw = FALSE;
      if (is_ours ())
        tcsetattr (STDIN_FILENO, TCSANOW, &self->saved);
      return;
    }
  if (!is_ours () || tcgetattr (STDIN_FILENO, &self->saved) != 0)
    return;
  mode = self->saved;
  mode.c_iflag &=
      ~(BRKINT | ICRNL | IGNBRK | IGNCR | INLCR | INPCK | ISTRIP | IXOFF | IXON | PARMRK);
  /* Output processing stays: messages of this process are on the same screen. */
  mode.c_lflag &= ~(ECHO | ECHOE | ECHOK | ECHONL | ICANON | IEXTEN | ISIG);
  mode.c_cflag = (mode.c_cflag & ~(CSIZE | PARENB)) | CS8;
  mode.c_cc[VMIN] = 1;
  mode.c_cc[VTIME] = 0;
  self->is_raw = tcsetattr (STDIN_FILENO, TCSANOW, &mode) == 0;
}

/* Takes Ctrl-A and the key after it out; Ctrl-A twice is one. */
static gsize
take_escapes (VmtCharStdio *self, guint8 *data, gsize size)
{
  gsize kept = 0;

  for (gsize i = 0; i < size; i++)
    {
      guint8 c = data[i];

      if (!self->escaped)
        {
          self->escaped = c == ESCAPE;
          if (!self->escaped)
            data[kept++] = c;
          continue;
        }
      self->escaped = FALSE;
      if (c == ESCAPE)
        data[kept++] = c;
      else if (g_ascii_isprint (c))
        {
          const char key[2] = { c, 0 };

          vmt_object_emit (VMT_OBJECT (self), "escape", g_variant_new_string (key));
        }
    }
  return kept;
}

static gsize
on_input (gpointer owner, guint8 *data, gsize size)
{
  VmtCharStdio *self = owner;

  if (self->escape)
    size = take_escapes (self, data, size);
  if (!self->capture || size == 0)
    return size;
  vmt_object_emit (VMT_OBJECT (self), "input",
                   g_variant_new_fixed_array (G_VARIANT_TYPE_BYTE, data, size, 1));
  return 0;
}

static const VmtCharFdFuncs fd_funcs = { .filter = on_input };

static gboolean
vmt_char_stdio_open (VmtBackend *backend, GError **error)
{
  VmtCharStdio *self = VMT_CHAR_STDIO (backend);

  /* Without one of them (a service) that direction is simply not there. */
  self->out = vmt_char_fd_dup_writer (STDOUT_FILENO);
  self->fd = vmt_char_fd_new (VMT_CHAR (self), &fd_funcs, self);
  if (self->raw)
    set_terminal (self, TRUE);
  vmt_char_fd_set (self->fd, fcntl (STDIN_FILENO, F_GETFD) >= 0 ? STDIN_FILENO : -1, self->out,
                   isatty (STDIN_FILENO));
  return TRUE;
}

static void
vmt_char_stdio_close (VmtBackend *backend)
{
  VmtCharStdio *self = VMT_CHAR_STDIO (backend);

  vmt_char_fd_flush (self->fd, 500);
  g_clear_pointer (&self->fd, vmt_char_fd_free);
  set_terminal (self, FALSE);
  if (self->out >= 0)
    close (self->out);
  self->out = -1;
}

static gsize
vmt_char_stdio_write (VmtChar *stream, const guint8 *data, gsize size)
{
  return vmt_char_fd_write (VMT_CHAR_STDIO (stream)->fd, data, size);
}

static void
vmt_char_stdio_resume (VmtChar *stream)
{
  vmt_char_fd_resume (VMT_CHAR_STDIO (stream)->fd);
}

static void
vmt_char_stdio_get_property (GObject *object, guint id, GValue *value, GParamSpec *pspec)
{
  VmtCharStdio *self = VMT_CHAR_STDIO (object);

  switch (id)
    {
    case PROP_RAW:
      g_value_set_boolean (value, self->raw);
      break;
    case PROP_ESCAPE:
      g_value_set_boolean (value, self->escape);
      break;
    case PROP_CAPTURE:
      g_value_set_boolean (value, self->capture);
      break;
    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
    }
}

static void
vmt_char_stdio_set_property (GObject *object, guint id, const GValue *value, GParamSpec *pspec)
{
  VmtCharStdio *self = VMT_CHAR_STDIO (object);

  switch (id)
    {
    case PROP_RAW:
      self->raw = g_value_get_boolean (value);
      if (vmt_backend_is_open (VMT_BACKEND (self)))
        set_terminal (self, self->raw);
      break;
    case PROP_ESCAPE:
      self->escape = g_value_get_boolean (value);
      self->escaped = FALSE;
      break;
    case PROP_CAPTURE:
      self->capture = g_value_get_boolean (value);
      break;
    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
    }
}

static void
vmt_char_stdio_finalize (GObject *object)
{
  /* Whatever happened before, the user gets the terminal back. */
  set_terminal (VMT_CHAR_STDIO (object), FALSE);
  G_OBJECT_CLASS (vmt_char_stdio_parent_class)->finalize (object);
}

static void
vmt_char_stdio_class_init (VmtCharStdioClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);
  GParamFlags flags = G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS | VMT_PARAM_LIVE;

  object_class->get_property = vmt_char_stdio_get_property;
  object_class->set_property = vmt_char_stdio_set_property;
  object_class->finalize = vmt_char_stdio_finalize;
  VMT_BACKEND_CLASS (klass)->open = vmt_char_stdio_open;
  VMT_BACKEND_CLASS (klass)->close = vmt_char_stdio_close;
  VMT_CHAR_CLASS (klass)->write = vmt_char_stdio_write;
  VMT_CHAR_CLASS (klass)->resume = vmt_char_stdio_resume;

  properties[PROP_RAW] = g_param_spec_boolean (
      "raw", NULL,
      "Every key goes to the guest, Ctrl-C too; switched off and on again around a stop of the "
      "process, it restores the terminal and takes it again",
      TRUE, flags);
  properties[PROP_ESCAPE] = g_param_spec_boolean (
      "escape", NULL, "Ctrl-A and a key are for the program, not for the guest", TRUE, flags);
  properties[PROP_CAPTURE] = g_param_spec_boolean (
      "capture", NULL, "What is typed becomes events \"input\" instead of going to the guest",
      FALSE, flags);
  g_object_class_install_properties (object_class, N_PROPS, properties);
  vmt_object_class_install_event (VMT_OBJECT_CLASS (klass), &escape_event);
  vmt_object_class_install_event (VMT_OBJECT_CLASS (klass), &input_event);
}

static void
vmt_char_stdio_init (VmtCharStdio *self)
{
  self->out = -1;
  self->raw = self->escape = TRUE;
}

static const VmtFeature features[] = {
  { VMT_FEATURE_CHAR, "stdio", 100, vmt_char_stdio_get_type },
  { 0 },
};

VMT_PLUGIN_DEFINE (char_stdio, "char-stdio", "Serial port on standard input and output", 0,
                   features, NULL);
