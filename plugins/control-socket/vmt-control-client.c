/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "vmt-control-client.h"

#include <string.h>

#define MAX_REQUEST (64 * 1024)
#define MAX_QUEUED (1024 * 1024)

struct _VmtControlClient
{
  GSocketConnection *connection;
  GSocket *socket;
  VmtControl *control;
  GSource *readable, *writable;
  GByteArray *in, *out;
  GMainContext *context;
  gboolean too_long; /* the rest of an overlong line is skipped */
  gboolean ended;
  void (*gone) (VmtControlClient *client, gpointer data);
  gpointer data;
};

static gboolean
tell_gone (gpointer data)
{
  VmtControlClient *self = data;

  self->gone (self, self->data);
  return G_SOURCE_REMOVE;
}

static void
drop_source (GSource **source)
{
  if (*source == NULL)
    return;
  g_source_destroy (*source);
  g_clear_pointer (source, g_source_unref);
}

/* Not at once: callers up the stack still use the client. */
static void
end (VmtControlClient *self)
{
  g_autoptr (GSource) idle = NULL;

  if (self->ended)
    return;
  self->ended = TRUE;
  drop_source (&self->readable);
  drop_source (&self->writable);
  self->readable = g_idle_source_new ();
  g_source_set_callback (self->readable, tell_gone, self, NULL);
  g_source_attach (self->readable, self->context);
}

static gboolean on_writable (GSocket *socket, GIOCondition condition, gpointer data);

static void
flush (VmtControlClient *self)
{
  while (self->out->len > 0 && !self->ended)
    {
      g_autoptr (GError) error = NULL;
      gssize n = g_socket_send_with_blocking (self->socket, (const char *)self->out->data,
                                              self->out->len, FALSE, NULL, &error);

      if (n > 0)
        {
          g_byte_array_remove_range (self->out, 0, (guint)n);
          continue;
        }
      if (!g_error_matches (error, G_IO_ERROR, G_IO_ERROR_WOULD_BLOCK))
        {
          end (self);
          return;
        }
      if (self->writable == NULL)
        {
          self->writable = g_socket_create_source (self->socket, G_IO_OUT, NULL);
          g_source_set_callback (self->writable, G_SOURCE_FUNC (on_writable), self, NULL);
          g_source_attach (self->writable, self->context);
        }
      return;
    }
  drop_source (&self->writable);
}

static gboolean
on_writable (GSocket *socket, GIOCondition condition, gpointer data)
{
  flush (data);
  return G_SOURCE_CONTINUE;
}

static gboolean
queue_line (VmtControlClient *self, const char *line)
{
  gsize size = strlen (line);

  if (self->ended || self->out->len + size + 1 > MAX_QUEUED)
    return FALSE;
  g_byte_array_append (self->out, (const guint8 *)line, (guint)size);
  g_byte_array_append (self->out, (const guint8 *)"\n", 1);
  flush (self);
  return TRUE;
}

static void
on_event (const char *json, gpointer data)
{
  /* an event more or less: a slow reader keeps its connection */
  queue_line (data, json);
}

static void
run_line (VmtControlClient *self, const guint8 *line, gsize size)
{
  g_autofree char *answer = NULL;

  if (size == 0 || (size == 1 && line[0] == '\r'))
    return;
  answer = vmt_control_execute (self->control, (const char *)line, size);
  if (!queue_line (self, answer))
    end (self);
}

static void
take_lines (VmtControlClient *self)
{
  guint begin = 0;

  for (guint i = 0; i < self->in->len && !self->ended; i++)
    {
      if (self->in->data[i] != '\n')
        continue;
      if (!self->too_long)
        run_line (self, self->in->data + begin, i - begin);
      self->too_long = FALSE;
      begin = i + 1;
    }
  g_byte_array_remove_range (self->in, 0, begin);
  if (self->in->len >= MAX_REQUEST)
    {
      if (!self->too_long)
        queue_line (self, "{\"ok\":false,\"error\":\"the request is longer than 64 KiB\"}");
      self->too_long = TRUE;
      g_byte_array_set_size (self->in, 0);
    }
}

static gboolean
on_readable (GSocket *socket, GIOCondition condition, gpointer data)
{
  VmtControlClient *self = data;
  g_autoptr (GError) error = NULL;
  guint8 buffer[4096];
  gssize n =
      g_socket_receive_with_blocking (socket, (char *)buffer, sizeof buffer, FALSE, NULL, &error);

  if (n > 0)
    {
      g_byte_array_append (self->in, buffer, (guint)n);
      take_lines (self);
    }
  else if (n == 0 || !g_error_matches (error, G_IO_ERROR, G_IO_ERROR_WOULD_BLOCK))
    end (self);
  return self->ended ? G_SOURCE_REMOVE : G_SOURCE_CONTINUE;
}

VmtControlClient *
vmt_control_client_new (VmtMachine *machine, GSocketConnection *connection,
                        void (*gone) (VmtControlClient *client, gpointer data), gpointer data)
{
  VmtControlClient *self = g_new0 (VmtControlClient, 1);

  self->connection = g_object_ref (connection);
  self->socket = g_socket_connection_get_socket (connection);
  self->context = vmt_machine_get_context (machine);
  self->control = vmt_control_new (machine, on_event, self);
  self->in = g_byte_array_new ();
  self->out = g_byte_array_new ();
  self->gone = gone;
  self->data = data;
  self->readable = g_socket_create_source (self->socket, G_IO_IN, NULL);
  g_source_set_callback (self->readable, G_SOURCE_FUNC (on_readable), self, NULL);
  g_source_attach (self->readable, self->context);
  return self;
}

void
vmt_control_client_free (VmtControlClient *self)
{
  drop_source (&self->readable);
  drop_source (&self->writable);
  vmt_control_free (self->control);
  g_io_stream_close (G_IO_STREAM (self->connection), NULL, NULL);
  g_object_unref (self->connection);
  g_byte_array_unref (self->in);
  g_byte_array_unref (self->out);
  g_free (self);
}
