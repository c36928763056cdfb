/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <glib/gstdio.h>
#include <libxml/parser.h>
#include <libxml/relaxng.h>
#include <string.h>

#include "vmt-board-private.h"
#include "vmt-error.h"

#define NS "xmlns=\"urn:vmtool:board:1\""
#define PARAMS                                                                                     \
  "<param name=\"memory\" type=\"size\" default=\"64M\" min=\"1M\" max=\"4G\"/>"                   \
  "<param name=\"cpus\" type=\"uint\" default=\"1\" max=\"8\"/>"                                   \
  "<param name=\"accel\" type=\"string\" default=\"auto\"/>"                                       \
  "<param name=\"tier\" type=\"string\" default=\"auto\"/>"
#define BOARD(body) "<board " NS " name=\"t\" arch=\"riscv64\">\n" PARAMS "\n" body "\n</board>"

static VmtBoard *
load (const char *xml, GError **error)
{
  return vmt_board_new_from_data (xml, strlen (xml), "t.xml", error);
}

typedef struct
{
  const char *xml;
  const char *expect;
} Bad;

/* Every mistake has one message that names the file, the line, and what to do. */
static const Bad bad[] = {
  { "", "t.xml:1: " },
  { "nonsense", "t.xml:1: not well-formed XML" },
  { "<board " NS " name=\"t\"", "not well-formed XML" },
  { "<!DOCTYPE board [<!ENTITY a \"aaaa\">]><board " NS " name=\"t\" arch=\"x\">&a;</board>",
    "document type declaration" },
  { "<board name=\"t\" arch=\"riscv64\"/>", "add xmlns=" },
  { "<soc " NS " name=\"t\"/>", "not a board" },
  { "<device " NS " id=\"t\"/>", "first element must be <board>" },
  { "<board " NS " name=\"t\"/>", "t.xml:1: <board> needs the attribute \"arch\"" },
  { "<board " NS " name=\"t\" arch=\"riscv64\"/>", "no parameter \"memory\"" },
  { BOARD ("<devcie id=\"a\"/>"), "t.xml:3: unknown element <devcie>; did you mean \"device\"?" },
  { BOARD ("<device id=\"a\" tpye=\"b\"/>"),
    "t.xml:3: unknown attribute \"tpye\" of <device>; did you mean \"type\"?" },
  { BOARD ("<device/>"), "<device> needs the attribute \"id\"" },
  { BOARD ("<device id=\"a\">text</device>"), "may not contain text" },
  { BOARD ("<device id=\"a\"><param name=\"x\" type=\"bool\"/></device>"),
    "<param> may not stand inside <device>" },
  { BOARD ("<device id=\"a\"/>\n<device id=\"a\"/>"),
    "t.xml:4: <device> \"a\" stands already in line 3" },
  { BOARD ("<remove id=\"a\"/>"), "nothing with the id \"a\"" },
  { BOARD ("<include href=\"nowhere.xml\"/>"), "t.xml:3: " },
  { BOARD ("<include href=\"/etc/passwd\"/>"), "must be relative" },
  { BOARD ("<param name=\"x\" type=\"boolean\"/>"), "unknown type \"boolean\"" },
  { BOARD ("<param name=\"x\" type=\"enum\"/>"), "needs the attribute \"values\"" },
  { BOARD ("<param name=\"x\" type=\"size\" default=\"lots\"/>"), "default of parameter \"x\"" },
  { BOARD ("<param name=\"x\" type=\"enum\" values=\"a|b\" default=\"c\"/>"),
    "\"c\" is not one of a, b" },
};

static void
test_errors (void)
{
  for (guint i = 0; i < G_N_ELEMENTS (bad); i++)
    {
      g_autoptr (GError) error = NULL;
      g_autoptr (VmtBoard) board = load (bad[i].xml, &error);

      g_assert_null (board);
      g_assert_nonnull (error);
      if (strstr (error->message, bad[i].expect) == NULL)
        g_error ("case %u: expected \"%s\" in \"%s\"", i, bad[i].expect, error->message);
    }
}

static void
test_params (void)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (VmtBoard) board =
      load (BOARD ("<param name=\"mode\" type=\"enum\" values=\"fast|slow\" default=\"fast\"/>"
                   "<param name=\"on\" type=\"bool\"/><param name=\"disks\" type=\"file-list\"/>"),
            &error);
  g_autofree char *text = NULL;

  g_assert_no_error (error);
  g_assert_true (vmt_board_set (board, "memory", "128M", &error));
  g_assert_false (vmt_board_set (board, "memory", "8G", &error));
  g_assert_error (error, VMT_ERROR, VMT_ERROR_INVALID);
  g_assert_nonnull (strstr (error->message, "above the maximum, 4G"));
  g_clear_error (&error);
  g_assert_false (vmt_board_set (board, "memory", "-1", &error));
  g_clear_error (&error);
  g_assert_false (vmt_board_set (board, "memroy", "1G", &error));
  g_assert_nonnull (strstr (error->message, "did you mean \"memory\"?"));
  g_clear_error (&error);
  g_assert_false (vmt_board_set (board, "cpus", "9", &error));
  g_clear_error (&error);
  g_assert_false (vmt_board_set (board, "cpus", "two", &error));
  g_clear_error (&error);
  g_assert_false (vmt_board_set (board, "mode", "fats", &error));
  g_assert_nonnull (strstr (error->message, "did you mean \"fast\"?"));
  g_clear_error (&error);
  g_assert_false (vmt_board_set (board, "on", "perhaps", &error));
  g_clear_error (&error);
  g_assert_true (vmt_board_add (board, "disks", "a,b.img", &error));
  g_assert_true (vmt_board_add (board, "disks", "c.img", &error));
  g_assert_false (vmt_board_add (board, "memory", "c.img", &error));
  g_clear_error (&error);
  g_assert_cmpuint (vmt_board_get_list (board, "disks")->len, ==, 2);
  text = vmt_board_get (board, "memory");
  g_assert_cmpstr (text, ==, "128M");
  /* paths of properties are kept for the machine */
  g_assert_true (vmt_board_set (board, "uart0.backend", "pty", &error));
  g_assert_cmpuint (vmt_board_get_settings (board)->len, ==, 2);
}

static void
test_expand (void)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (VmtBoard) board = load (BOARD (""), &error);
  g_autoptr (GHashTable) scope = g_hash_table_new (g_str_hash, g_str_equal);
  g_autofree char *plain = NULL;
  g_autofree char *quoted = NULL;

  g_assert_no_error (error);
  g_hash_table_insert (scope, (gpointer) "disk", (gpointer) "a,b${memory}");
  plain = vmt_board_expand (board, scope, "<${disk}|${memory}>", FALSE, &error);
  /* values are not expanded again */
  g_assert_cmpstr (plain, ==, "<a,b${memory}|64M>");
  quoted = vmt_board_expand (board, scope, "x,path=${disk}", TRUE, &error);
  g_assert_cmpstr (quoted, ==, "x,path=a,,b${memory}");
  g_assert_null (vmt_board_expand (board, scope, "${dsik}", FALSE, &error));
  g_assert_error (error, VMT_ERROR, VMT_ERROR_NOT_FOUND);
  g_clear_error (&error);
  g_assert_null (vmt_board_expand (board, scope, "${disk", FALSE, &error));
  g_assert_error (error, VMT_ERROR, VMT_ERROR_INVALID);
}

static void
write_file (const char *folder, const char *name, const char *text)
{
  g_autofree char *path = g_build_filename (folder, name, NULL);
  g_assert_true (g_file_set_contents (path, text, -1, NULL));
}

static void
test_include (void)
{
  g_autofree char *folder = g_dir_make_tmp ("vmt-board-XXXXXX", NULL);
  g_autofree char *path = g_build_filename (folder, "b.xml", NULL);
  g_autoptr (GError) error = NULL;
  g_autoptr (VmtBoard) board = NULL;
  g_autoptr (VmtBoard) cyclic = NULL;
  g_autofree char *xml = NULL;
  static const char *const files[] = { "b.xml", "soc.xml", "inner.xml", "c.xml", NULL };

  write_file (folder, "soc.xml",
              "<soc " NS " name=\"s\"><include href=\"inner.xml\"/>"
              "<device id=\"uart0\" type=\"uart-ns16550\" base=\"0x1000\"><set "
              "name=\"a\">1</set><set name=\"b\">2</set>"
              "<irq to=\"plic\" line=\"1\"/></device><device id=\"gone\" type=\"x\"/></soc>");
  write_file (folder, "inner.xml", "<soc " NS " name=\"i\">" PARAMS "</soc>");
  write_file (folder, "b.xml",
              "<board " NS " name=\"b\" arch=\"riscv64\"><include href=\"soc.xml\"/>"
              "<param name=\"memory\" type=\"size\" default=\"2G\"/>"
              "<device id=\"uart0\" base=\"0x2000\"><set name=\"b\">3</set><irq to=\"plic\" "
              "line=\"9\"/></device>"
              "<remove id=\"gone\"/></board>");
  write_file (folder, "c.xml",
              "<board " NS " name=\"c\" arch=\"riscv64\"><include href=\"c.xml\"/></board>");
  board = vmt_board_new_from_file (path, &error);
  g_assert_no_error (error);
  xml = vmt_board_to_xml (board);
  g_assert_nonnull (strstr (xml, "base=\"0x2000\""));
  g_assert_nonnull (strstr (xml, "<set name=\"a\">1</set>"));
  g_assert_nonnull (strstr (xml, "<set name=\"b\">3</set>"));
  g_assert_null (strstr (xml, "<set name=\"b\">2</set>"));
  g_assert_nonnull (strstr (xml, "line=\"9\""));
  g_assert_null (strstr (xml, "line=\"1\""));
  g_assert_null (strstr (xml, "gone"));
  g_assert_nonnull (strstr (xml, "default=\"2G\""));
  g_free (path);
  path = g_build_filename (folder, "c.xml", NULL);
  cyclic = vmt_board_new_from_file (path, &error);
  g_assert_null (cyclic);
  g_assert_nonnull (strstr (error->message, "includes itself"));
  for (guint i = 0; files[i] != NULL; i++)
    {
      g_autofree char *file = g_build_filename (folder, files[i], NULL);
      g_remove (file);
    }
  g_rmdir (folder);
}

static void
test_condition (void)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (VmtBoard) board =
      load (BOARD ("<device id=\"a\" when=\"${tier}=auto and ${cpus}!=2\"/>"
                   "<device id=\"b\" when=\"${tier}=auto and ${cpus}!=1\"/>"
                   "<device id=\"c\" when=\"${tier}\"/><device id=\"d\" when=\"${teir}=x\"/>"),
            &error);
  GPtrArray *children;
  gboolean holds;

  g_assert_no_error (error);
  children = vmt_board_get_node (board)->children;
  g_assert_true (vmt_board_condition (board, NULL, children->pdata[4], &holds, &error));
  g_assert_true (holds);
  g_assert_true (vmt_board_condition (board, NULL, children->pdata[5], &holds, &error));
  g_assert_false (holds);
  g_assert_false (vmt_board_condition (board, NULL, children->pdata[6], &holds, &error));
  g_assert_nonnull (strstr (error->message, "is not a condition"));
  g_clear_error (&error);
  g_assert_false (vmt_board_condition (board, NULL, children->pdata[7], &holds, &error));
  g_assert_nonnull (strstr (error->message, "did you mean \"tier\"?"));
}

/* No text, however broken, crashes the parser. */
static void
test_mutations (void)
{
  static const char seed[] =
      BOARD ("<device id=\"a\" type=\"${tier}\"><set name=\"x\">1</set></device>"
             "<each param=\"disks\" as=\"d\"><device id=\"e${d}\"/></each>");
  g_autoptr (GRand) rand = g_rand_new_with_seed (7);

  for (guint i = 0; i < 3000; i++)
    {
      g_autofree char *copy = g_strdup (seed);
      g_autoptr (GError) error = NULL;
      g_autoptr (VmtBoard) board = NULL;
      gsize size = sizeof seed - 1;

      for (guint k = g_rand_int_range (rand, 1, 6); k > 0; k--)
        copy[g_rand_int_range (rand, 0, (gint32)size)] = (char)g_rand_int_range (rand, 1, 256);
      if (i % 5 == 0)
        size = g_rand_int_range (rand, 0, (gint32)size);
      board = vmt_board_new_from_data (copy, size, "t.xml", &error);
      g_assert_true ((board == NULL) == (error != NULL));
      if (board != NULL)
        {
          g_autofree char *xml = vmt_board_to_xml (board);
          g_autoptr (VmtBoard) again = vmt_board_new_from_data (xml, strlen (xml), "t.xml", &error);
          g_assert_no_error (error);
        }
    }
}

static void
ignore_structured_error (void *data, xmlErrorPtr error)
{
}

static gboolean
schema_accepts (xmlRelaxNG *schema, const char *xml)
{
  xmlDoc *doc = xmlReadMemory (xml, (int)strlen (xml), "t.xml", NULL,
                               XML_PARSE_NONET | XML_PARSE_NOERROR | XML_PARSE_NOWARNING);
  xmlRelaxNGValidCtxt *context = xmlRelaxNGNewValidCtxt (schema);
  gboolean valid;

  xmlRelaxNGSetValidStructuredErrors (context, ignore_structured_error, NULL);
  valid = doc != NULL && xmlRelaxNGValidateDoc (context, doc) == 0;
  xmlRelaxNGFreeValidCtxt (context);
  if (doc != NULL)
    xmlFreeDoc (doc);
  return valid;
}

/* An element with every attribute of @names but the one at @skip. */
static char *
make_element (const char *element, const char *const *names, int skip, const char *extra)
{
  GString *xml = g_string_new (NULL);

  g_string_append_printf (xml, "<%s " NS, element);
  for (int i = 0; names[i] != NULL; i++)
    if (i != skip)
      g_string_append_printf (xml, " %s=\"${v}\"", names[i]);
  g_string_append_printf (xml, "%s/>", extra);
  return g_string_free (xml, FALSE);
}

/* The installed schema and the loader's table say the same: every element and attribute of the
 * table is in the schema, required where the loader requires it, and nothing else is accepted. */
static void
test_schema (void)
{
  g_autofree char *path =
      g_test_build_filename (G_TEST_DIST, "..", "core", "board", "board.rng", NULL);
  xmlRelaxNGParserCtxt *parser = xmlRelaxNGNewParserCtxt (path);
  xmlRelaxNG *schema = xmlRelaxNGParse (parser);
  const char *const *elements = vmt_board_node_list_elements ();

  g_assert_nonnull (schema);
  for (guint e = 0; elements[e] != NULL; e++)
    {
      g_autofree const char **names = (const char **)vmt_board_node_list_attributes (elements[e]);
      gboolean top = g_str_equal (elements[e], "board") || g_str_equal (elements[e], "soc");
      const char *before = top ? ""
                           : strstr ("set link irq region backend", elements[e]) != NULL
                               ? "<soc " NS " name=\"s\"><device id=\"d\">"
                               : "<soc " NS " name=\"s\">";
      const char *after = top                                 ? ""
                          : strstr (before, "device") != NULL ? "</device></soc>"
                                                              : "</soc>";

      for (int skip = -1; skip < 0 || names[skip] != NULL; skip++)
        {
          g_autofree char *xml = make_element (elements[e], names, skip, "");
          g_autofree char *whole = g_strconcat (before, xml, after, NULL);
          g_autoptr (GError) error = NULL;
          g_autoptr (VmtBoardNode) node = NULL;
          g_autofree char *wrapped = NULL;

          /* the loader, asked for the same element inside a board; only its structural verdict
           * counts */
          wrapped =
              g_str_equal (elements[e], "board")
                  ? g_strdup (whole)
                  : g_strconcat ("<board " NS " name=\"b\" arch=\"a\">",
                                 strstr (before, "device") ? "<device id=\"d\">" : "", xml,
                                 strstr (before, "device") ? "</device>" : "", "</board>", NULL);
          if (g_str_equal (elements[e], "soc"))
            {
              /* a <soc> stands in a file of its own */
              g_assert_cmpint (schema_accepts (schema, whole), ==, skip < 0);
              continue;
            }
          node = vmt_board_node_parse (wrapped, strlen (wrapped), "t.xml", &error);
          if (schema_accepts (schema, whole) !=
              (error == NULL || strstr (error->message, "needs the attribute") == NULL))
            g_error ("schema and loader disagree on %s (loader: %s)", whole,
                     error != NULL ? error->message : "accepts");
        }
      {
        g_autofree char *xml = make_element (elements[e], names, -1, " surplus=\"1\"");
        g_autofree char *whole = g_strconcat (before, xml, after, NULL);
        g_assert_false (schema_accepts (schema, whole));
      }
    }
  xmlRelaxNGFree (schema);
  xmlRelaxNGFreeParserCtxt (parser);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/board/parse/errors", test_errors);
  g_test_add_func ("/board/parse/include", test_include);
  g_test_add_func ("/board/parse/mutations", test_mutations);
  g_test_add_func ("/board/parse/schema", test_schema);
  g_test_add_func ("/board/params/set", test_params);
  g_test_add_func ("/board/params/expand", test_expand);
  g_test_add_func ("/board/params/condition", test_condition);
  return g_test_run ();
}
