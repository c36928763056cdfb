/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <termios.h>

#include "tool.h"

/* vmtool on a terminal of its own, as in a shell. */
typedef struct
{
  int master, slave;
  GPid pid, shell;
  int status;      /* the shell tells what it sees */
  GString *screen; /* all that was shown */
  gsize seen;      /* terminal_expect() goes on from here */
  struct termios before;
} Terminal;

Terminal *terminal_start (const char *first, ...) G_GNUC_NULL_TERMINATED;
/* Reads until @text comes after what was expected before; more than some minutes are a failure. */
void terminal_expect (Terminal *self, const char *text);
/* Reads what comes within the time. */
void terminal_read (Terminal *self, guint milliseconds);
void terminal_type (Terminal *self, const char *keys, gssize size);
/* Is the terminal in raw mode now? */
gboolean terminal_is_raw (Terminal *self);
/* Waits until it is, or is not. */
void terminal_wait_raw (Terminal *self, gboolean raw);
/* Is the terminal as it was before vmtool started? */
void terminal_assert_restored (Terminal *self);
/* Waits until it stops, goes on, or ends: waitpid()'s status. */
int terminal_wait_change (Terminal *self);
/* The end of vmtool by itself; returns its status, as tool_wait(). The terminal stays. */
int terminal_wait (Terminal *self);
void terminal_free (Terminal *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (Terminal, terminal_free)
