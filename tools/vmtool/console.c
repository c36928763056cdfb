/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "vmtool.h"

#include <glib-unix.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <unistd.h>

#define MAX_LINE 4096

struct _Console
{
  VmtMachine *machine;
  VmtControl *control;
  VmtObject *stream; /* the character stream whose keys these are */
  GString *line;     /* being typed */
  guint escape, input;
  gboolean open;
  int signals; /* SIGTSTP and SIGCONT are read from it, or -1 */
  GSource *stops;
};

static void
print (const char *text)
{
  /* the terminal is in raw mode: line feeds need their carriage return */
  for (const char *p = text; *p != '\0'; p++)
    {
      if (*p == '\n')
        putchar ('\r');
      putchar (*p);
    }
  fflush (stdout);
}

static void
on_watched (const char *json, gpointer data)
{
  print (json);
  print ("\n");
}

static void
prompt (Console *self)
{
  print ("(vmtool) ");
}

static void
close_line (Console *self)
{
  self->open = FALSE;
  g_string_truncate (self->line, 0);
  g_object_set (self->stream, "capture", FALSE, NULL);
  print (_ ("[back to the guest's console]\n"));
}

static void
run_line (Console *self)
{
  g_autofree char *line = g_strstrip (g_strdup (self->line->str));
  g_autofree char *answer = NULL;

  g_string_truncate (self->line, 0);
  print ("\n");
  if (*line == '\0' || g_str_equal (line, "exit"))
    {
      close_line (self);
      return;
    }
  answer = vmt_control_execute_text (self->control, line);
  print (answer);
  prompt (self);
}

static void
on_key (Console *self, char key)
{
  if (key == '\r' || key == '\n')
    run_line (self);
  else if (key == 0x04 || key == 0x03) /* Ctrl-D, Ctrl-C */
    {
      print ("\n");
      close_line (self);
    }
  else if (key == 0x7f || key == 0x08)
    {
      if (self->line->len > 0)
        {
          /* a whole UTF-8 character */
          char *last = g_utf8_find_prev_char (self->line->str, self->line->str + self->line->len);
          g_string_truncate (self->line, last != NULL ? last - self->line->str : 0);
          print ("\b \b");
        }
    }
  else if (key == 0x15) /* Ctrl-U */
    {
      g_string_truncate (self->line, 0);
      print ("\r\033[K");
      prompt (self);
    }
  else if ((guchar)key >= 0x20 && self->line->len < MAX_LINE)
    {
      char text[2] = { key, '\0' };
      g_string_append_c (self->line, key);
      print (text);
    }
}

static void
on_input (VmtObject *source, const char *event, GVariant *payload, gpointer data)
{
  Console *self = data;
  gsize size;
  const char *keys = g_variant_get_fixed_array (payload, &size, 1);

  for (gsize i = 0; i < size && self->open; i++)
    on_key (self, keys[i]);
}

static void
on_escape (VmtObject *source, const char *event, GVariant *payload, gpointer data)
{
  Console *self = data;
  const char *key = g_variant_get_string (payload, NULL);

  self->stream = source;
  if (g_str_equal (key, "x"))
    {
      print (_ ("\n[ended by Ctrl-A x]\n"));
      vmt_machine_quit (self->machine);
    }
  else if (g_str_equal (key, "c"))
    {
      if (self->open)
        {
          close_line (self);
          return;
        }
      self->open = TRUE;
      g_object_set (source, "capture", TRUE, NULL);
      print (_ ("\n[commands to the machine: \"help\" lists them, an empty line goes back]\n"));
      prompt (self);
    }
  else if (g_str_equal (key, "h") || g_str_equal (key, "?"))
    print (_ ("\nCtrl-A x       ends the machine (disks are flushed)\n"
              "Ctrl-A c       a command line to the machine\n"
              "Ctrl-A h       this help\n"
              "Ctrl-A Ctrl-A  sends one Ctrl-A to the guest\n"));
}

static void
set_raw (VmtObject *object, gpointer raw)
{
  GParamSpec *pspec = g_object_class_find_property (G_OBJECT_GET_CLASS (object), "raw");

  if (VMT_IS_CHAR (object) && pspec != NULL && pspec->value_type == G_TYPE_BOOLEAN)
    g_object_set (object, "raw", GPOINTER_TO_INT (raw), NULL);
}

/* While the process is stopped the terminal is the shell's; when it goes on, the shell has changed
 * it. */
static gboolean
on_stop (int fd, GIOCondition condition, gpointer data)
{
  Console *self = data;
  struct signalfd_siginfo info;

  while (read (fd, &info, sizeof info) == sizeof info)
    {
      vmt_object_visit (VMT_OBJECT (self->machine), set_raw, GINT_TO_POINTER (FALSE));
      if (info.ssi_signo == SIGTSTP)
        raise (SIGSTOP);
      vmt_object_visit (VMT_OBJECT (self->machine), set_raw, GINT_TO_POINTER (TRUE));
    }
  return G_SOURCE_CONTINUE;
}

static void
stop_signals (sigset_t *set)
{
  sigemptyset (set);
  sigaddset (set, SIGTSTP);
  sigaddset (set, SIGCONT);
}

void
console_block_signals (void)
{
  sigset_t set;

  stop_signals (&set);
  pthread_sigmask (SIG_BLOCK, &set, NULL);
}

static void
watch_stops (Console *self)
{
  sigset_t set;

  stop_signals (&set);
  self->signals = signalfd (-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
  if (self->signals < 0)
    return;
  self->stops = g_unix_fd_source_new (self->signals, G_IO_IN);
  g_source_set_callback (self->stops, G_SOURCE_FUNC (on_stop), self, NULL);
  g_source_attach (self->stops, vmt_machine_get_context (self->machine));
}

Console *
console_new (VmtMachine *machine)
{
  Console *self = g_new0 (Console, 1);

  self->machine = machine;
  self->control = vmt_control_new (machine, on_watched, self);
  self->line = g_string_new (NULL);
  self->escape = vmt_object_subscribe (VMT_OBJECT (machine), "**", "escape", on_escape, self, NULL);
  self->input = vmt_object_subscribe (VMT_OBJECT (machine), "**", "input", on_input, self, NULL);
  watch_stops (self);
  return self;
}

void
console_free (Console *self)
{
  vmt_object_unsubscribe (VMT_OBJECT (self->machine), self->escape);
  vmt_object_unsubscribe (VMT_OBJECT (self->machine), self->input);
  if (self->signals >= 0)
    {
      g_source_destroy (self->stops);
      g_source_unref (self->stops);
      close (self->signals);
    }
  vmt_control_free (self->control);
  g_string_free (self->line, TRUE);
  g_free (self);
}
