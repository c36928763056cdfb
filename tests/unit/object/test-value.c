/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <math.h>

#include "object-sample.h"
#include "vmt-error.h"

static GParamSpec *
find (const char *name)
{
  g_autoptr (GTypeClass) klass = g_type_class_ref (SAMPLE_TYPE);
  GParamSpec *pspec = g_object_class_find_property (G_OBJECT_CLASS (klass), name);

  g_assert_nonnull (pspec);
  return pspec;
}

/* text -> value -> the same text, and through JSON, printed and read again. */
static void
assert_round_trip (const char *name, const char *text, const char *expected)
{
  GParamSpec *pspec = find (name);
  g_auto (GValue) value = G_VALUE_INIT, again = G_VALUE_INIT, from_json = G_VALUE_INIT;
  g_autoptr (GError) error = NULL;
  g_autofree char *formatted = NULL;
  g_autofree char *reformatted = NULL;
  g_autofree char *json_text = NULL;
  g_autofree char *json_formatted = NULL;
  g_autoptr (JsonNode) node = NULL;
  g_autoptr (JsonNode) read = NULL;

  vmt_value_parse (pspec, text, NULL, &value, &error);
  g_assert_no_error (error);
  g_assert_true (G_VALUE_HOLDS (&value, pspec->value_type));
  formatted = vmt_value_format (pspec, &value);
  g_assert_cmpstr (formatted, ==, expected);
  g_assert_true (vmt_value_parse (pspec, formatted, NULL, &again, &error));
  reformatted = vmt_value_format (pspec, &again);
  g_assert_cmpstr (reformatted, ==, expected);

  node = vmt_value_to_json (pspec, &value);
  json_text = json_to_string (node, FALSE);
  read = json_from_string (json_text, &error);
  g_assert_no_error (error);
  vmt_value_from_json (pspec, read, NULL, &from_json, &error);
  g_assert_no_error (error);
  json_formatted = vmt_value_format (pspec, &from_json);
  g_assert_cmpstr (json_formatted, ==, expected);
}

static void
assert_bad (const char *name, const char *text)
{
  g_auto (GValue) value = G_VALUE_INIT;
  g_autoptr (GError) error = NULL;

  if (vmt_value_parse (find (name), text, NULL, &value, &error))
    g_error ("%s accepted '%s'", name, text);
  g_assert_true (error->domain == VMT_ERROR);
  g_assert_false (G_IS_VALUE (&value));
  if (strstr (error->message, name) == NULL || strchr (error->message, '\n') != NULL)
    g_error ("bad message: %s", error->message);
  g_assert_false (vmt_value_parse (find (name), text, NULL, &value, NULL));
}

static void
test_integers (void)
{
  static const struct
  {
    const char *name, *min, *below, *max, *above;
  } types[] = {
    { "char", "-128", "-129", "127", "128" },
    { "uchar", "0", "-1", "255", "256" },
    { "int", "-2147483648", "-2147483649", "2147483647", "2147483648" },
    { "uint", "0", "-1", "4294967295", "4294967296" },
    { "long", "-9223372036854775808", "-9223372036854775809", "9223372036854775807",
      "9223372036854775808" },
    { "ulong", "0", "-1", "18446744073709551615", "18446744073709551616" },
    { "int64", "-9223372036854775808", "-9223372036854775809", "9223372036854775807",
      "9223372036854775808" },
    { "uint64", "0", "-1", "18446744073709551615", "18446744073709551616" },
    { "narrow-int", "-5", "-6", "7", "8" },
    { "narrow-uint", "1", "0", "64", "65" },
  };
  static const char *const bad[] = { "",
                                     " ",
                                     "1 ",
                                     " 1",
                                     "+1",
                                     "--1",
                                     "-",
                                     "0x",
                                     "0xg",
                                     "1.0",
                                     "1e3",
                                     "1K",
                                     "one",
                                     "1,",
                                     "0b1",
                                     "1_0",
                                     "1\n",
                                     "-0x",
                                     "٣",
                                     "0x-1",
                                     "99999999999999999999999999999",
                                     "-99999999999999999999999999999",
                                     NULL };

  for (guint i = 0; i < G_N_ELEMENTS (types); i++)
    {
      assert_round_trip (types[i].name, types[i].min, types[i].min);
      assert_round_trip (types[i].name, types[i].max, types[i].max);
      assert_bad (types[i].name, types[i].below);
      assert_bad (types[i].name, types[i].above);
      for (guint j = 0; bad[j] != NULL; j++)
        assert_bad (types[i].name, bad[j]);
    }
  assert_round_trip ("int", "-0", "0");
  assert_round_trip ("uint", "-0", "0");
  assert_round_trip ("int", "-0x10", "-16");
  assert_round_trip ("uint64", "0xFFFFffffFFFFffff", "18446744073709551615");
  assert_bad ("uint64", "0x10000000000000000");
  assert_round_trip ("uint", "007", "7");
}

static void
test_numbers (void)
{
  static const char *const bad[] = { "",      "nan", "inf", "-inf", "1e999", "0x1p3", " 1", "1 ",
                                     "1.0.0", "1,5", "e5",  "+-1",  "-e",    "NaN",   NULL };

  assert_round_trip ("double", "0.1", "0.1");
  assert_round_trip ("double", "-1e300", "-1e+300");
  assert_round_trip ("double", "3", "3");
  assert_round_trip ("double", "0.30000000000000004", "0.30000000000000004");
  assert_round_trip ("double", "5e-324", "4.94065645841247e-324");
  assert_round_trip ("float", "0.1", "0.1");
  assert_round_trip ("float", "16777217", "16777216");
  assert_round_trip ("narrow-double", "1.5", "1.5");
  assert_bad ("narrow-double", "1.5000001");
  assert_bad ("float", "1e39");
  for (guint i = 0; bad[i] != NULL; i++)
    assert_bad ("double", bad[i]);
}

static void
test_bool (void)
{
  static const char *const on[] = { "on", "true", "yes", "1", NULL };
  static const char *const off[] = { "off", "false", "no", "0", NULL };
  static const char *const bad[] = { "", "On", "TRUE", "2", "-1", "onn", " on", "y", NULL };

  for (guint i = 0; on[i] != NULL; i++)
    assert_round_trip ("bool", on[i], "on");
  for (guint i = 0; off[i] != NULL; i++)
    assert_round_trip ("bool", off[i], "off");
  for (guint i = 0; bad[i] != NULL; i++)
    assert_bad ("bool", bad[i]);
}

static void
test_size (void)
{
  static const struct
  {
    const char *text;
    guint64 size;
  } good[] = {
    { "0", 0 },
    { "1", 1 },
    { "4096", 4096 },
    { "4K", 4096 },
    { "4k", 4096 },
    { "4KiB", 4096 },
    { "4KB", 4096 },
    { "4kib", 4096 },
    { "512B", 512 },
    { "1G", 1 << 30 },
    { "0x1000", 4096 },
    { "0X1e", 30 },
    { "0x1B", 27 },
    { "3T", G_GUINT64_CONSTANT (3) << 40 },
    { "7P", G_GUINT64_CONSTANT (7) << 50 },
    { "15E", G_GUINT64_CONSTANT (15) << 60 },
    { "18446744073709551615", G_MAXUINT64 },
    { "0E", 0 },
  };
  static const char *const bad[] = { "",
                                     "G",
                                     "-1",
                                     "-1G",
                                     "1.5G",
                                     "1..5G",
                                     "16E",
                                     "1GG",
                                     "1Gi",
                                     "1iB",
                                     "1 G",
                                     " 1G",
                                     "1G ",
                                     "1Z",
                                     "0x10K",
                                     "0xG",
                                     "1e3",
                                     "KiB",
                                     "1BB",
                                     "1KBi",
                                     "+1G",
                                     "18446744073709551616",
                                     "17179869184G",
                                     "0x10000000000000000",
                                     "99999999999999999999999999999999K",
                                     "1\xc2\xa0G",
                                     NULL };

  for (guint i = 0; i < G_N_ELEMENTS (good); i++)
    {
      g_autoptr (GError) error = NULL;
      g_autofree char *formatted = NULL;
      guint64 size = 1, again = 2;

      vmt_parse_size (good[i].text, &size, &error);
      g_assert_no_error (error);
      g_assert_cmpuint (size, ==, good[i].size);
      formatted = vmt_format_size (size);
      g_assert_true (vmt_parse_size (formatted, &again, NULL));
      g_assert_cmpuint (again, ==, size);
    }
  for (guint i = 0; bad[i] != NULL; i++)
    {
      g_autoptr (GError) error = NULL;
      guint64 size = 42;

      if (vmt_parse_size (bad[i], &size, &error))
        g_error ("accepted '%s'", bad[i]);
      g_assert_error (error, VMT_ERROR, VMT_ERROR_INVALID);
      g_assert_cmpuint (size, ==, 42);
      assert_bad ("size", bad[i]);
      assert_bad ("address", bad[i]);
    }
  assert_round_trip ("size", "1048576", "1M");
  assert_round_trip ("size", "4097", "4097");
  assert_round_trip ("size", "1T", "1T");
  assert_bad ("size", "4095");
  assert_bad ("size", "1025G");
  assert_round_trip ("address", "2G", "0x80000000");
  assert_round_trip ("address", "0xffffffffffffffff", "0xffffffffffffffff");
}

static void
test_size_random (void)
{
  for (guint i = 0; i < 20000; i++)
    {
      guint64 size = ((guint64)g_test_rand_int () << 32 | (guint32)g_test_rand_int ());
      g_autofree char *text = NULL;
      guint64 again;

      size = size >> g_test_rand_int_range (0, 64) << g_test_rand_int_range (0, 64);
      text = vmt_format_size (size);
      g_assert_true (vmt_parse_size (text, &again, NULL));
      g_assert_cmpuint (again, ==, size);
    }
}

static void
test_time (void)
{
  static const char *const bad[] = { "",
                                     "10m",
                                     "1d",
                                     "ms",
                                     "10 ms",
                                     "-1s",
                                     "1.5s",
                                     "10S",
                                     "1sec",
                                     "0x1g",
                                     "18446744073709551616",
                                     "18446744074s",
                                     "6000000h",
                                     NULL };

  assert_round_trip ("time", "10ms", "10ms");
  assert_round_trip ("time", "0", "0");
  assert_round_trip ("time", "0s", "0");
  assert_round_trip ("time", "1500", "1500ns");
  assert_round_trip ("time", "2000us", "2ms");
  assert_round_trip ("time", "2min", "120s");
  assert_round_trip ("time", "1h", "3600s");
  assert_round_trip ("time", "18446744073709551615", "18446744073709551615ns");
  for (guint i = 0; bad[i] != NULL; i++)
    assert_bad ("time", bad[i]);
}

static void
test_words (void)
{
  g_auto (GValue) value = G_VALUE_INIT;
  g_autoptr (GError) error = NULL;

  assert_round_trip ("enum", "very-quick", "very-quick");
  assert_bad ("enum", "");
  assert_bad ("enum", "Quick");
  assert_bad ("enum", "0");
  assert_bad ("enum", "SAMPLE_QUICK");
  g_assert_false (vmt_value_parse (find ("enum"), "quik", NULL, &value, &error));
  g_assert_nonnull (strstr (error->message, "slow|quick|very-quick"));
  g_assert_nonnull (strstr (error->message, "did you mean 'quick'"));

  assert_round_trip ("flags", "", "none");
  assert_round_trip ("flags", "none", "none");
  assert_round_trip ("flags", "long-one|a", "a|long-one");
  assert_round_trip ("flags", "a,long-one", "a|long-one");
  assert_round_trip ("flags", "a , b", "a|b");
  assert_round_trip ("flags", "ab", "a|b");
  assert_round_trip ("flags", "a|a", "a");
  assert_bad ("flags", "a||b");
  assert_bad ("flags", "|");
  assert_bad ("flags", "a|none");
  assert_bad ("flags", "3");
  assert_bad ("flags", "A");
}

static void
test_strings (void)
{
  assert_round_trip ("string", "", "");
  assert_round_trip ("string", " a, \"b\" \\ \n ü", " a, \"b\" \\ \n ü");
  assert_bad ("string", "\xff\xfe");
  assert_bad ("feature", "\xc3");
  assert_round_trip ("feature", "interp", "interp");
  assert_round_trip ("file", "/tmp/a b", "/tmp/a b");

  assert_round_trip ("list", "", "");
  assert_round_trip ("list", "a", "a");
  assert_round_trip ("list", "a,b,c", "a,b,c");
  assert_round_trip ("list", "a\\,b,c\\\\", "a\\,b,c\\\\");
  assert_round_trip ("list", " a , b ", " a , b ");
  assert_round_trip ("list", "c:\\x", "c:\\\\x");
  assert_bad ("list", ",");
  assert_bad ("list", "a,");
  assert_bad ("list", ",a");
  assert_bad ("list", "a,,b");
  assert_bad ("link", "uart0");
  assert_bad ("opaque", "0");
}

static void
test_file_bytes (void)
{
  g_auto (GValue) value = G_VALUE_INIT;
  g_autoptr (JsonNode) node = NULL;

  g_assert_true (vmt_value_parse (find ("file"), "/tmp/\xff", NULL, &value, NULL));
  g_assert_cmpstr (g_value_get_string (&value), ==, "/tmp/\xff");
  node = vmt_value_to_json (find ("file"), &value);
  g_assert_true (g_utf8_validate (json_node_get_string (node), -1, NULL));
}

static void
assert_json (const char *name, const char *json, const char *expected)
{
  g_auto (GValue) value = G_VALUE_INIT;
  g_autoptr (GError) error = NULL;
  g_autoptr (JsonNode) node = json_from_string (json, &error);
  g_autofree char *text = NULL;

  g_assert_no_error (error);
  if (expected == NULL)
    {
      if (vmt_value_from_json (find (name), node, NULL, &value, &error))
        g_error ("%s accepted %s", name, json);
      g_assert_true (error->domain == VMT_ERROR);
      g_assert_nonnull (strstr (error->message, name));
      g_assert_false (G_IS_VALUE (&value));
      return;
    }
  vmt_value_from_json (find (name), node, NULL, &value, &error);
  g_assert_no_error (error);
  text = vmt_value_format (find (name), &value);
  g_assert_cmpstr (text, ==, expected);
}

static void
test_json (void)
{
  assert_json ("uint", "5", "5");
  assert_json ("uint", "5.0", "5");
  assert_json ("uint", "1e3", "1000");
  assert_json ("uint", "\"5\"", "5");
  assert_json ("uint", "5.5", NULL);
  assert_json ("uint", "-1", NULL);
  assert_json ("uint", "1e300", NULL);
  assert_json ("uint", "4294967296", NULL);
  assert_json ("uint", "true", NULL);
  assert_json ("uint", "null", NULL);
  assert_json ("uint", "[5]", NULL);
  assert_json ("uint", "{}", NULL);
  assert_json ("size", "65536", "64K");
  assert_json ("size", "\"64K\"", "64K");
  assert_json ("uint64", "9007199254740993", "9007199254740993");
  assert_json ("uint64", "\"18446744073709551615\"", "18446744073709551615");
  assert_json ("int64", "-9223372036854775808", "-9223372036854775808");
  assert_json ("double", "0.5", "0.5");
  assert_json ("double", "2", "2");
  assert_json ("bool", "true", "on");
  assert_json ("bool", "\"off\"", "off");
  assert_json ("bool", "1", NULL);
  assert_json ("string", "true", NULL);
  assert_json ("string", "5", NULL);
  assert_json ("string", "null", "");
  assert_json ("enum", "\"quick\"", "quick");
  assert_json ("enum", "1", NULL);
  assert_json ("list", "[\"a,b\",\"c\"]", "a\\,b,c");
  assert_json ("list", "[]", "");
  assert_json ("list", "[1]", NULL);
  assert_json ("list", "[\"\"]", NULL);
  assert_json ("list", "[null]", NULL);
  assert_json ("list", "[[\"a\"]]", NULL);
  assert_json ("list", "null", NULL);
  assert_json ("link", "null", "");
  assert_json ("link", "\"uart0\"", NULL);
}

static void
assert_to_json (const char *name, const char *text, const char *expected)
{
  g_auto (GValue) value = G_VALUE_INIT;
  g_autoptr (JsonNode) node = NULL;
  g_autofree char *json = NULL;

  g_assert_true (vmt_value_parse (find (name), text, NULL, &value, NULL));
  node = vmt_value_to_json (find (name), &value);
  json = json_to_string (node, FALSE);
  g_assert_cmpstr (json, ==, expected);
}

static void
test_to_json (void)
{
  assert_to_json ("uint", "7", "7");
  assert_to_json ("size", "1G", "1073741824");
  assert_to_json ("bool", "yes", "true");
  assert_to_json ("uint64", "9007199254740992", "9007199254740992");
  assert_to_json ("uint64", "9007199254740993", "\"9007199254740993\"");
  assert_to_json ("int64", "-9007199254740993", "\"-9007199254740993\"");
  assert_to_json ("address", "0xffffffffffffffff", "\"0xffffffffffffffff\"");
  assert_to_json ("list", "a\\,b,c", "[\"a,b\",\"c\"]");
  assert_to_json ("flags", "b,a", "\"a|b\"");
  assert_to_json ("link", "", "null");
}

static void
assert_spec (const char *name, const char *word, const char *range)
{
  g_autofree char *actual = vmt_param_spec_dup_range (find (name));

  g_assert_cmpstr (vmt_param_spec_get_type_word (find (name)), ==, word);
  g_assert_cmpstr (actual, ==, range);
}

static void
test_specs (void)
{
  g_autoptr (GParamSpec) overridden =
      g_param_spec_ref_sink (g_param_spec_override ("size", find ("size")));
  g_autofree char *range = vmt_param_spec_dup_range (overridden);

  assert_spec ("bool", "bool", "on|off");
  assert_spec ("int", "int", NULL);
  assert_spec ("narrow-int", "int", "-5..7");
  assert_spec ("uint64", "uint", NULL);
  assert_spec ("narrow-uint", "uint", "1..64");
  assert_spec ("narrow-double", "number", "0.5..1.5");
  assert_spec ("string", "string", NULL);
  assert_spec ("enum", "enum", "slow|quick|very-quick");
  assert_spec ("flags", "flags", "a|b|long-one|ab");
  assert_spec ("size", "size", "4K..1T");
  assert_spec ("address", "address", NULL);
  assert_spec ("time", "time", NULL);
  assert_spec ("link", "link", NULL);
  assert_spec ("feature", "feature", NULL);
  assert_spec ("file", "file", NULL);
  assert_spec ("list", "list", NULL);
  assert_spec ("opaque", "opaque", NULL);
  g_assert_cmpstr (vmt_param_spec_get_feature_kind (find ("feature")), ==, "tier");
  g_assert_null (vmt_param_spec_get_feature_kind (find ("string")));
  g_assert_cmpstr (vmt_param_spec_get_type_word (overridden), ==, "size");
  g_assert_cmpstr (range, ==, "4K..1T");
}

/* Whatever bytes come, the parser answers, and what it accepts it can write. */
static void
test_fuzz (void)
{
  static const char alphabet[] = "0123456789xX-+.eEKMGTPiBnsumh,|\\ \t\n\"aboflw\xff\xc3\xa4";
  g_autoptr (GTypeClass) klass = g_type_class_ref (SAMPLE_TYPE);
  g_autofree GParamSpec **pspecs = NULL;
  guint n;

  pspecs = g_object_class_list_properties (G_OBJECT_CLASS (klass), &n);
  for (guint i = 0; i < 60000; i++)
    {
      GParamSpec *pspec = pspecs[i % n];
      g_auto (GValue) value = G_VALUE_INIT, again = G_VALUE_INIT;
      g_autofree char *formatted = NULL;
      char text[12];
      guint length = g_test_rand_int_range (0, sizeof text);

      for (guint j = 0; j < length; j++)
        text[j] = alphabet[g_test_rand_int_range (0, sizeof alphabet - 1)];
      text[length] = '\0';
      if (!vmt_value_parse (pspec, text, NULL, &value, NULL))
        continue;
      formatted = vmt_value_format (pspec, &value);
      if (!vmt_value_parse (pspec, formatted, NULL, &again, NULL))
        g_error ("%s: '%s' became '%s'", pspec->name, text, formatted);
      if (G_VALUE_HOLDS (&value, G_TYPE_STRV))
        g_assert_true (g_strv_equal (g_value_get_boxed (&value), g_value_get_boxed (&again)));
      else
        g_assert_cmpint (g_param_values_cmp (pspec, &value, &again), ==, 0);
    }
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/object/value/integers", test_integers);
  g_test_add_func ("/object/value/numbers", test_numbers);
  g_test_add_func ("/object/value/bool", test_bool);
  g_test_add_func ("/object/value/size", test_size);
  g_test_add_func ("/object/value/size-random", test_size_random);
  g_test_add_func ("/object/value/time", test_time);
  g_test_add_func ("/object/value/words", test_words);
  g_test_add_func ("/object/value/strings", test_strings);
  g_test_add_func ("/object/value/file-bytes", test_file_bytes);
  g_test_add_func ("/object/value/json", test_json);
  g_test_add_func ("/object/value/to-json", test_to_json);
  g_test_add_func ("/object/value/specs", test_specs);
  g_test_add_func ("/object/value/fuzz", test_fuzz);
  return g_test_run ();
}
