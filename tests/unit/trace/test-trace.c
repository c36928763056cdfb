/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <fcntl.h>
#include <glib/gstdio.h>
#include <string.h>
#include <unistd.h>

#include "vmt.h"

static void
test_words (void)
{
  GError *error = NULL;
  g_autoptr (VmtTrace) trace = vmt_trace_new ("host,exceptions", NULL, &error);

  g_assert_no_error (error);
  g_assert_true (vmt_trace_has (trace, VMT_TRACE_BLOCKS));
  g_assert_true (vmt_trace_has (trace, VMT_TRACE_HOST));
  g_assert_true (vmt_trace_has (trace, VMT_TRACE_EXCEPTIONS));
  g_assert_false (vmt_trace_has (trace, VMT_TRACE_IR));
  g_assert_false (vmt_trace_has (trace, VMT_TRACE_INTERRUPTS));
  g_assert_false (vmt_trace_has (NULL, VMT_TRACE_BLOCKS));
}

static void
test_ranges (void)
{
  GError *error = NULL;
  g_autoptr (VmtTrace) trace =
      vmt_trace_new ("ir:0x1000-0x2000,host:65536,exceptions:0-0xffffffffffffffff", NULL, &error);

  g_assert_no_error (error);
  g_assert_true (vmt_trace_wants (trace, VMT_TRACE_BLOCKS, 0x1000, 0x1004));
  g_assert_true (vmt_trace_wants (trace, VMT_TRACE_BLOCKS, 0xffe, 0x1002));
  g_assert_true (vmt_trace_wants (trace, VMT_TRACE_BLOCKS, 0x1ffe, 0x2002));
  g_assert_false (vmt_trace_wants (trace, VMT_TRACE_BLOCKS, 0xffc, 0x1000));
  g_assert_false (vmt_trace_wants (trace, VMT_TRACE_BLOCKS, 0x2000, 0x2004));
  /* a block around one address */
  g_assert_true (vmt_trace_wants (trace, VMT_TRACE_BLOCKS, 0xfff0, 0x10010));
  /* one that ends where addresses do */
  g_assert_false (vmt_trace_wants (trace, VMT_TRACE_BLOCKS, G_MAXUINT64 - 3, 0));
  g_assert_true (vmt_trace_wants (trace, VMT_TRACE_EXCEPTIONS, G_MAXUINT64 - 3, 0));
  /* no range, no record of others */
  g_assert_false (vmt_trace_wants (trace, VMT_TRACE_INTERRUPTS, 0x1000, 0x1001));
}

static void
test_bad (void)
{
  static const struct
  {
    const char *spec, *says;
    int code;
  } cases[] = {
    { "", "blocks", VMT_ERROR_NOT_FOUND },
    { "blocks,", "blocks", VMT_ERROR_NOT_FOUND },
    { "bloks", "'blocks'", VMT_ERROR_NOT_FOUND },
    { "blocks,exception", "'exceptions'", VMT_ERROR_NOT_FOUND },
    { "blocks:", "START-END", VMT_ERROR_INVALID },
    { "blocks:0x", "START-END", VMT_ERROR_INVALID },
    { "blocks:0x1000-", "START-END", VMT_ERROR_INVALID },
    { "blocks:-0x1000", "START-END", VMT_ERROR_INVALID },
    { "blocks:0x1000-0x1000", "START-END", VMT_ERROR_INVALID },
    { "blocks:0x2000-0x1000", "START-END", VMT_ERROR_INVALID },
    { "blocks:0x1-0x2-0x3", "START-END", VMT_ERROR_INVALID },
    { "blocks:0x10000000000000000", "START-END", VMT_ERROR_INVALID },
    { "blocks:1000h", "START-END", VMT_ERROR_INVALID },
  };

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autoptr (GError) error = NULL;
      VmtTrace *trace = vmt_trace_new (cases[i].spec, NULL, &error);

      g_assert_null (trace);
      g_assert_error (error, VMT_ERROR, cases[i].code);
      g_assert_nonnull (strstr (error->message, cases[i].says));
    }

  g_autoptr (GString) many = g_string_new ("blocks");
  g_autoptr (GError) error = NULL;
  for (guint i = 0; i < 1000; i++)
    g_string_append_printf (many, ",blocks:%u", i);
  g_assert_null (vmt_trace_new (many->str, NULL, &error));
  g_assert_error (error, VMT_ERROR, VMT_ERROR_INVALID);
}

/* Knows one instruction: 0x90. */
static gsize
disassemble (const guint8 *code, gsize size, guint64 address, GString *text, gpointer data)
{
  g_assert_cmpuint (address, ==, (guint64)(guintptr)code);
  g_assert_cmpuint (size, >, 0);
  if (*code != 0x90)
    return 0;
  g_string_append (text, data);
  return 1;
}

static void
test_host (void)
{
  static const guint8 code[20] = { 0x90, 0x12, 0x90 };
  g_autoptr (VmtTrace) trace = vmt_trace_new ("host", NULL, NULL);
  g_autoptr (GString) text = g_string_new (NULL);

  vmt_trace_append_host (trace, text, "> ", code, sizeof code);
  g_auto (GStrv) lines = g_strsplit (text->str, "\n", -1);
  g_assert_cmpuint (g_strv_length (lines), ==, 3);
  g_assert_true (g_str_has_suffix (lines[0], "  90 12 90 00 00 00 00 00 00 00 00 00 00 00 00 00"));
  g_assert_true (g_str_has_suffix (lines[1], "  00 00 00 00"));

  /* what is no instruction is a byte */
  vmt_trace_set_disassemble (trace, disassemble, (gpointer) "nop");
  g_string_truncate (text, 0);
  vmt_trace_append_host (trace, text, "", code, 3);
  g_auto (GStrv) more = g_strsplit (text->str, "\n", -1);
  g_assert_cmpuint (g_strv_length (more), ==, 4);
  g_assert_true (g_str_has_suffix (more[0], "nop"));
  g_assert_true (g_str_has_suffix (more[1], "  12"));
  g_assert_true (g_str_has_suffix (more[2], "nop"));
}

static gpointer
write_many (gpointer data)
{
  for (guint i = 0; i < 200; i++)
    vmt_trace_write (data, "one record, two lines\nthe second\n", 33);
  return NULL;
}

static void
test_write (void)
{
  g_autofree char *path = NULL;
  const int fd = g_file_open_tmp ("trace-XXXXXX", &path, NULL);
  g_autoptr (VmtTrace) trace = vmt_trace_new ("blocks", NULL, NULL);
  g_autofree char *text = NULL;
  GThread *threads[4];

  /* nowhere */
  vmt_trace_write (trace, "lost", 4);
  vmt_trace_set_fd (trace, fd);
  for (guint i = 0; i < G_N_ELEMENTS (threads); i++)
    threads[i] = g_thread_new ("writer", write_many, trace);
  for (guint i = 0; i < G_N_ELEMENTS (threads); i++)
    g_thread_join (threads[i]);
  close (fd);
  g_assert_true (g_file_get_contents (path, &text, NULL, NULL));
  g_auto (GStrv) lines = g_strsplit (text, "\n", -1);
  g_assert_cmpuint (g_strv_length (lines), ==, 1601);
  for (guint i = 0; i < 1600; i++)
    g_assert_cmpstr (lines[i], ==, i % 2 == 0 ? "one record, two lines" : "the second");
  g_unlink (path);

  /* a descriptor that is not open ends the trace, not the program */
  vmt_trace_write (trace, "lost", 4);
  vmt_trace_write (trace, "lost", 4);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/trace/spec/words", test_words);
  g_test_add_func ("/trace/spec/ranges", test_ranges);
  g_test_add_func ("/trace/spec/bad", test_bad);
  g_test_add_func ("/trace/host", test_host);
  g_test_add_func ("/trace/write", test_write);
  return g_test_run ();
}
