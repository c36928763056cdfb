/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* "vmtool bench": that its programs do what they say, not how fast they are. */
#include <string.h>

#include "guest.h"
#include "tool.h"

static char *folder;

/* The number behind "KEY" in the JSON row of a benchmark and a tier. */
static double
get (const char *json, const char *name, const char *key)
{
  g_autofree char *row = g_strdup_printf ("\"benchmark\" : \"%s\"", name);
  g_autofree char *member = g_strdup_printf ("\"%s\" : ", key);
  const char *at = strstr (json, row);

  if (at == NULL || strstr (at, member) == NULL)
    g_error ("no %s of %s in:\n%s", key, name, json);
  return g_ascii_strtod (strstr (at, member) + strlen (member), NULL);
}

static ToolResult *
run_programs (const char *seconds, gboolean last)
{
  static const char *const names[] = { "integer", "branch", "memory", "call",    "jump",
                                       "float",   "atomic", "trap",   "generate" };
  ToolResult *result = tool_run ("bench", "--json", "-t", "interp", "-S", seconds, NULL);

  g_assert_cmpint (result->status, ==, 0);
  g_assert_cmpstr (result->err, ==, "");
  for (guint i = 0; i < G_N_ELEMENTS (names); i++)
    {
      const double mips = get (result->out, names[i], "MIPS");

      if (mips > 0.1)
        continue;
      if (last)
        g_error ("%s: %g MIPS in %s s", names[i], mips, seconds);
      g_clear_pointer (&result, tool_result_free);
      return NULL;
    }
  return result;
}

static void
test_programs (void)
{
  /* A host with much else to do may give a program nothing of a short time. */
  g_autoptr (ToolResult) result = run_programs ("0.05", FALSE);

  if (result == NULL)
    result = run_programs ("3", TRUE);
  g_assert_cmpfloat (get (result->out, "translate", "us/instruction"), >, 0);
  g_assert_cmpfloat (get (result->out, "translate", "us-decode"), >, 0);
  g_assert_cmpfloat (get (result->out, "idle", "%CPU"), <, 50);
  /* no kernel, no boot */
  g_assert_null (strstr (result->out, "\"boot\""));
}

static void
test_text (void)
{
  g_autoptr (ToolResult) result =
      tool_run ("bench", "-t", "interp", "-S", "0.01", "call", "idle", NULL);
  g_auto (GStrv) lines = g_strsplit (result->out, "\n", -1);

  g_assert_cmpint (result->status, ==, 0);
  g_assert_cmpuint (g_strv_length (lines), ==, 3);
  g_assert_true (g_str_has_prefix (lines[0], "call "));
  g_assert_nonnull (strstr (lines[0], " interp "));
  g_assert_nonnull (strstr (lines[0], " MIPS "));
  g_assert_true (g_str_has_prefix (lines[1], "idle "));
}

/* A program that powers off is a kernel that boots. */
static void
test_boot (void)
{
  g_autofree char *kernel = program_write (folder, "kernel", &program_power_off);
  g_autoptr (ToolResult) result =
      tool_run ("bench", "--json", "-t", "interp", "-k", kernel, "boot", NULL);

  g_assert_cmpint (result->status, ==, 0);
  g_assert_cmpfloat (get (result->out, "boot", "s"), >=, 0);
  g_assert_nonnull (strstr (result->out, "\"us/instruction\""));
}

/* The text and the JSON of the tier that compiles tell how large its code is. */
static void
test_expansion (void)
{
  g_autoptr (ToolResult) result = tool_run ("bench", "--json", "-t", "baseline", "translate", NULL);

  if (result->status == 1 && strstr (result->err, "tier") != NULL)
    {
      g_test_skip (result->err);
      return;
    }
  g_assert_cmpint (result->status, ==, 0);
  g_assert_cmpfloat (get (result->out, "translate", "host/guest"), >, 1);
  g_assert_cmpfloat (get (result->out, "translate", "host/guest"), <, 100);
}

int
main (int argc, char **argv)
{
  int status;

  g_test_init (&argc, &argv, NULL);
  folder = guest_make_folder ();
  tool_setenv ("XDG_RUNTIME_DIR", folder);
  g_test_add_func ("/guest/bench/programs", test_programs);
  g_test_add_func ("/guest/bench/text", test_text);
  g_test_add_func ("/guest/bench/boot", test_boot);
  g_test_add_func ("/guest/bench/expansion", test_expansion);
  status = g_test_run ();
  guest_remove_folder (folder);
  return status;
}
