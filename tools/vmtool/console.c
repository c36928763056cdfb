/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "vmtool.h"

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
  g_autoptr (GVariant) bytes = g_variant_get_child_value (payload, 0);
  gsize size;
  const char *keys = g_variant_get_fixed_array (bytes, &size, 1);

  for (gsize i = 0; i < size && self->open; i++)
    on_key (self, keys[i]);
}

static void
on_escape (VmtObject *source, const char *event, GVariant *payload, gpointer data)
{
  Console *self = data;
  const char *key;

  g_variant_get (payload, "(&s)", &key);
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

Console *
console_new (VmtMachine *machine)
{
  Console *self = g_new0 (Console, 1);

  self->machine = machine;
  self->control = vmt_control_new (machine, on_watched, self);
  self->line = g_string_new (NULL);
  self->escape = vmt_object_subscribe (VMT_OBJECT (machine), "**", "escape", on_escape, self, NULL);
  self->input = vmt_object_subscribe (VMT_OBJECT (machine), "**", "input", on_input, self, NULL);
  return self;
}

void
console_free (Console *self)
{
  vmt_object_unsubscribe (VMT_OBJECT (self->machine), self->escape);
  vmt_object_unsubscribe (VMT_OBJECT (self->machine), self->input);
  vmt_control_free (self->control);
  g_string_free (self->line, TRUE);
  g_free (self);
}
