/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "vmt-trace.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "vmt-error.h"

#define MAX_RANGES 64
#define BYTES_A_LINE 16

typedef struct
{
  VmtTraceWhat what;
  guint64 first, last;
} Range;

struct _VmtTrace
{
  guint what, filtered; /* masks of VmtTraceWhat */
  guint n_ranges;
  Range ranges[MAX_RANGES];
  GMutex lock; /* of what is written */
  int fd;
  gboolean broken;
  const VmtSymbols *symbols;
  VmtTracePerf *map, *jitdump;
  VmtTraceDisassemble disassemble;
  gpointer disassemble_data;
};

static const struct
{
  const char *name;
  VmtTraceWhat what;
  guint also;
} words[] = {
  { "blocks", VMT_TRACE_BLOCKS, 0 },
  { "ir", VMT_TRACE_IR, VMT_TRACE_BLOCKS },
  { "host", VMT_TRACE_HOST, VMT_TRACE_BLOCKS },
  { "exceptions", VMT_TRACE_EXCEPTIONS, 0 },
  { "interrupts", VMT_TRACE_INTERRUPTS, 0 },
  { "invalidations", VMT_TRACE_INVALIDATIONS, 0 },
  { "stats", VMT_TRACE_STATS, 0 },
  { "perf-map", VMT_TRACE_PERF_MAP, 0 },
  { "jitdump", VMT_TRACE_JITDUMP, 0 },
};

static gboolean
parse_address (const char *text, guint64 *value)
{
  const gboolean hex = g_ascii_strncasecmp (text, "0x", 2) == 0;
  return g_ascii_string_to_unsigned (hex ? text + 2 : text, hex ? 16 : 10, 0, G_MAXUINT64, value,
                                     NULL);
}

/* "START-END", or one address. */
static gboolean
parse_range (const char *text, Range *range)
{
  g_auto (GStrv) ends = g_strsplit (text, "-", 2);
  guint64 end;
  if (ends[0] == NULL || !parse_address (ends[0], &range->first))
    return FALSE;
  range->last = range->first;
  if (ends[1] == NULL)
    return TRUE;
  if (!parse_address (ends[1], &end) || end <= range->first)
    return FALSE;
  range->last = end - 1;
  return TRUE;
}

static gboolean
parse_symbol (VmtTrace *self, const char *name, Range *range, GError **error)
{
  guint64 end;
  if (self->symbols == NULL)
    {
      g_set_error (error, VMT_ERROR, VMT_ERROR_NOT_FOUND,
                   "'%s' is no range of addresses, and there are no symbols: write START-END, or "
                   "name a file that has symbols",
                   name);
      return FALSE;
    }
  if (!vmt_symbols_get_range (self->symbols, name, &range->first, &end, error))
    return FALSE;
  range->last = MAX (end, range->first + 1) - 1;
  return TRUE;
}

static gboolean
fail_word (const char *word, GError **error)
{
  const char *names[G_N_ELEMENTS (words) + 1] = { NULL };
  for (guint i = 0; i < G_N_ELEMENTS (words); i++)
    names[i] = words[i].name;
  const char *nearest = vmt_nearest_name (word, names);
  g_autofree char *all = g_strjoinv (", ", (char **)names);
  g_set_error (error, VMT_ERROR, VMT_ERROR_NOT_FOUND,
               "there is no '%s' to trace%s%s%s; there is: %s", word,
               nearest != NULL ? ", did you mean '" : "", nearest != NULL ? nearest : "",
               nearest != NULL ? "'?" : "", all);
  return FALSE;
}

static gboolean
parse_word (VmtTrace *self, const char *text, GError **error)
{
  g_auto (GStrv) parts = g_strsplit (text, ":", 2);
  const char *name = parts[0] != NULL ? parts[0] : "";
  guint i = 0;
  while (i < G_N_ELEMENTS (words) && !g_str_equal (name, words[i].name))
    i++;
  if (i == G_N_ELEMENTS (words))
    return fail_word (name, error);
  self->what |= words[i].what | words[i].also;
  if (parts[1] == NULL)
    return TRUE;
  Range range = { .what = words[i].also != 0 ? (VmtTraceWhat)words[i].also : words[i].what };
  if (*parts[1] != '\0' && strchr ("-0123456789", *parts[1]) == NULL)
    {
      if (!parse_symbol (self, parts[1], &range, error))
        {
          g_prefix_error (error, "trace '%s': ", name);
          return FALSE;
        }
    }
  else if (!parse_range (parts[1], &range))
    {
      g_set_error (error, VMT_ERROR, VMT_ERROR_INVALID,
                   "trace '%s': '%s' is no range of addresses: write START-END, such as "
                   "0x80000000-0x80001000, with the end above the start",
                   name, parts[1]);
      return FALSE;
    }
  if (self->n_ranges == MAX_RANGES)
    {
      g_set_error (error, VMT_ERROR, VMT_ERROR_INVALID,
                   "trace '%s': more than %d ranges; leave some out", name, MAX_RANGES);
      return FALSE;
    }
  self->filtered |= range.what;
  self->ranges[self->n_ranges++] = range;
  return TRUE;
}

/**
 * vmt_trace_new:
 * @spec: what to trace
 * @symbols: (nullable): names of addresses; not owned
 *
 * Any thread.
 *
 * Returns: (transfer full): what the words say, or %NULL: %VMT_ERROR_NOT_FOUND for a word that
 * is none, %VMT_ERROR_INVALID for a wrong range
 */
VmtTrace *
vmt_trace_new (const char *spec, const VmtSymbols *symbols, GError **error)
{
  g_autoptr (VmtTrace) self = g_new0 (VmtTrace, 1);
  g_auto (GStrv) list = g_strsplit (spec, ",", -1);

  g_mutex_init (&self->lock);
  self->fd = -1;
  self->symbols = symbols;
  if (list[0] == NULL)
    {
      fail_word ("", error);
      return NULL;
    }
  for (guint i = 0; list[i] != NULL; i++)
    if (!parse_word (self, list[i], error))
      return NULL;
  return g_steal_pointer (&self);
}

void
vmt_trace_free (VmtTrace *self)
{
  g_mutex_clear (&self->lock);
  g_clear_pointer (&self->map, vmt_trace_perf_free);
  g_clear_pointer (&self->jitdump, vmt_trace_perf_free);
  g_free (self);
}

void
vmt_trace_set_fd (VmtTrace *self, int fd)
{
  self->fd = fd;
}

void
vmt_trace_set_perf (VmtTrace *self, VmtTraceWhat what, VmtTracePerf *perf)
{
  VmtTracePerf **place = what == VMT_TRACE_PERF_MAP ? &self->map : &self->jitdump;
  g_clear_pointer (place, vmt_trace_perf_free);
  *place = perf;
}

void
vmt_trace_append_symbol (const VmtTrace *self, GString *text, guint64 address)
{
  guint64 offset;
  const char *name =
      self->symbols != NULL ? vmt_symbols_find (self->symbols, address, &offset) : NULL;
  if (name == NULL)
    return;
  g_string_append (text, name);
  if (offset != 0)
    g_string_append_printf (text, "+0x%" G_GINT64_MODIFIER "x", offset);
}

void
vmt_trace_add_code (VmtTrace *self, const char *name, guint64 pc, guint64 end, gconstpointer code,
                    gsize size)
{
  g_autoptr (GString) symbol = g_string_new (name);
  if (name == NULL)
    vmt_trace_append_symbol (self, symbol, pc);
  if (symbol->len == 0)
    g_string_printf (symbol, "guest-0x%" G_GINT64_MODIFIER "x", pc);
  if (self->map != NULL && (name != NULL || vmt_trace_wants (self, VMT_TRACE_PERF_MAP, pc, end)))
    vmt_trace_perf_add (self->map, symbol->str, code, size);
  if (self->jitdump != NULL && (name != NULL || vmt_trace_wants (self, VMT_TRACE_JITDUMP, pc, end)))
    vmt_trace_perf_add (self->jitdump, symbol->str, code, size);
}

void
vmt_trace_set_disassemble (VmtTrace *self, VmtTraceDisassemble func, gpointer data)
{
  self->disassemble = func;
  self->disassemble_data = data;
}

gboolean
vmt_trace_has (const VmtTrace *self, VmtTraceWhat what)
{
  return self != NULL && (self->what & what) != 0;
}

gboolean
vmt_trace_wants (const VmtTrace *self, VmtTraceWhat what, guint64 first, guint64 end)
{
  if (!vmt_trace_has (self, what))
    return FALSE;
  if ((self->filtered & what) == 0)
    return TRUE;
  for (guint i = 0; i < self->n_ranges; i++)
    {
      const Range *range = &self->ranges[i];
      if (range->what == what && first <= range->last && (end > range->first || end <= first))
        return TRUE;
    }
  return FALSE;
}

void
vmt_trace_write (VmtTrace *self, const char *text, gsize size)
{
  g_mutex_lock (&self->lock);
  /* A full disk or a reader that went away must not stop the machine. */
  while (size > 0 && self->fd >= 0 && !self->broken)
    {
      const gssize n = write (self->fd, text, size);
      if (n < 0 && errno != EINTR)
        self->broken = TRUE;
      if (n > 0)
        {
          text += n;
          size -= (gsize)n;
        }
    }
  g_mutex_unlock (&self->lock);
}

static void
append_bytes (GString *text, const guint8 *code, gsize size)
{
  for (gsize i = 0; i < size; i++)
    g_string_append_printf (text, "%s%02x", i > 0 ? " " : "", code[i]);
}

void
vmt_trace_append_host (VmtTrace *self, GString *text, const char *prefix, const guint8 *code,
                       gsize size)
{
  gsize at = 0;
  while (at < size)
    {
      g_autoptr (GString) instruction = g_string_new (NULL);
      const guint64 address = (guint64)(guintptr)(code + at);
      gsize n = 0;
      if (self->disassemble != NULL)
        n = self->disassemble (code + at, size - at, address, instruction, self->disassemble_data);
      g_string_append_printf (text, "%s%012" G_GINT64_MODIFIER "x  ", prefix, address);
      if (n > 0)
        {
          const gsize column = text->len;
          n = MIN (n, size - at);
          append_bytes (text, code + at, n);
          g_string_append_printf (text, "%*s  %s", (int)MAX (0, 32 - (gssize)(text->len - column)),
                                  "", instruction->str);
        }
      else
        {
          n = self->disassemble != NULL ? 1 : MIN (size - at, BYTES_A_LINE);
          append_bytes (text, code + at, n);
        }
      g_string_append_c (text, '\n');
      at += n;
    }
}
