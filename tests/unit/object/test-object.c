/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "object-sample.h"
#include "vmt-error.h"

static Sample *
add (gpointer parent, const char *id)
{
  g_autoptr (Sample) child = sample_new ();
  g_autoptr (GError) error = NULL;

  vmt_object_add_child (parent, id, VMT_OBJECT (child), &error);
  g_assert_no_error (error);
  return child;
}

static void
assert_path (gpointer object, const char *expected)
{
  g_autofree char *path = vmt_object_dup_path (object);

  g_assert_cmpstr (path, ==, expected);
}

static void
test_tree (void)
{
  g_autoptr (Sample) root = sample_new ();
  Sample *pci = add (root, "pci0"), *slot = add (pci, "slot1"), *disk = add (slot, "disk.0_x-y");
  g_autoptr (GError) error = NULL;
  GPtrArray *children;

  assert_path (root, "");
  assert_path (pci, "pci0");
  assert_path (disk, "pci0/slot1/disk.0_x-y");
  g_assert_true (vmt_object_get_root (VMT_OBJECT (disk)) == VMT_OBJECT (root));
  g_assert_true (vmt_object_get_parent (VMT_OBJECT (disk)) == VMT_OBJECT (slot));
  g_assert_null (vmt_object_get_parent (VMT_OBJECT (root)));
  g_assert_null (vmt_object_get_id (VMT_OBJECT (root)));
  g_assert_true (vmt_object_find (VMT_OBJECT (root), "", NULL) == VMT_OBJECT (root));
  g_assert_true (vmt_object_find (VMT_OBJECT (root), "pci0/slot1", NULL) == VMT_OBJECT (slot));
  g_assert_true (vmt_object_find (VMT_OBJECT (pci), "slot1/disk.0_x-y", NULL) == VMT_OBJECT (disk));

  g_assert_null (vmt_object_find (VMT_OBJECT (root), "pci0/solt1", &error));
  g_assert_error (error, VMT_ERROR, VMT_ERROR_NOT_FOUND);
  g_assert_nonnull (strstr (error->message, "pci0/slot1"));
  g_clear_error (&error);
  g_assert_null (vmt_object_find (VMT_OBJECT (root), "/pci0", NULL));
  g_assert_null (vmt_object_find (VMT_OBJECT (root), "pci0/", NULL));
  g_assert_null (vmt_object_find (VMT_OBJECT (root), "pci0//slot1", NULL));
  g_assert_null (vmt_object_find (VMT_OBJECT (root), "..", &error));
  g_assert_error (error, VMT_ERROR, VMT_ERROR_NOT_FOUND);

  add (root, "b");
  add (root, "a");
  children = vmt_object_get_children (VMT_OBJECT (root));
  g_assert_cmpuint (children->len, ==, 3);
  g_assert_cmpstr (vmt_object_get_id (children->pdata[1]), ==, "b");
  g_assert_cmpstr (vmt_object_get_id (children->pdata[2]), ==, "a");
}

static void
test_bad_children (void)
{
  static const char *const bad_ids[] = { "", "a/b", "a b", "ä", "*", "a\n", "${x}", NULL };
  g_autoptr (Sample) root = sample_new ();
  g_autoptr (Sample) other = sample_new ();
  Sample *child = add (root, "child");
  g_autoptr (GError) error = NULL;

  for (guint i = 0; bad_ids[i] != NULL; i++)
    {
      g_assert_false (
          vmt_object_add_child (VMT_OBJECT (root), bad_ids[i], VMT_OBJECT (other), &error));
      g_assert_error (error, VMT_ERROR, VMT_ERROR_INVALID);
      g_clear_error (&error);
    }
  g_assert_false (vmt_object_add_child (VMT_OBJECT (root), "child", VMT_OBJECT (other), &error));
  g_assert_error (error, VMT_ERROR, VMT_ERROR_INVALID);
  g_clear_error (&error);
  /* in a tree already; a cycle of one and of two */
  g_assert_false (vmt_object_add_child (VMT_OBJECT (other), "x", VMT_OBJECT (child), &error));
  g_assert_error (error, VMT_ERROR, VMT_ERROR_STATE);
  g_clear_error (&error);
  g_assert_false (vmt_object_add_child (VMT_OBJECT (root), "x", VMT_OBJECT (root), &error));
  g_assert_error (error, VMT_ERROR, VMT_ERROR_STATE);
  g_clear_error (&error);
  g_assert_false (vmt_object_add_child (VMT_OBJECT (child), "x", VMT_OBJECT (root), &error));
  g_assert_error (error, VMT_ERROR, VMT_ERROR_STATE);
  g_assert_cmpuint (vmt_object_get_children (VMT_OBJECT (root))->len, ==, 1);
}

static void
test_life (void)
{
  Sample *root = sample_new (), *child = add (root, "child"), *grandchild = add (child, "g");
  gpointer weak = child, weak_grandchild = grandchild;

  g_object_add_weak_pointer (G_OBJECT (child), &weak);
  g_object_add_weak_pointer (G_OBJECT (grandchild), &weak_grandchild);
  g_object_ref (grandchild);
  vmt_object_remove_child (VMT_OBJECT (root), VMT_OBJECT (child));
  g_assert_null (weak);
  /* Kept by us, and a root of its own now. */
  g_assert_nonnull (weak_grandchild);
  g_assert_null (vmt_object_get_parent (VMT_OBJECT (grandchild)));
  g_assert_null (vmt_object_get_id (VMT_OBJECT (grandchild)));
  g_object_unref (grandchild);
  g_assert_null (weak_grandchild);

  /* The id is free again. */
  child = add (root, "child");
  weak = child;
  g_object_add_weak_pointer (G_OBJECT (child), &weak);
  g_object_unref (root);
  g_assert_null (weak);
}

static void
count (VmtObject *object, gpointer data)
{
  g_string_append (data, vmt_object_get_id (object) != NULL ? vmt_object_get_id (object) : "/");
  /* The walk must survive that the tree changes below it. */
  if (g_strcmp0 (vmt_object_get_id (object), "b") == 0)
    vmt_object_remove_child (vmt_object_get_parent (object), object);
}

static void
test_visit (void)
{
  g_autoptr (Sample) root = sample_new ();
  g_autoptr (GString) order = g_string_new (NULL);

  add (add (root, "a"), "x");
  add (add (root, "b"), "y");
  add (root, "c");
  vmt_object_visit (VMT_OBJECT (root), count, order);
  g_assert_cmpstr (order->str, ==, "/axbyc");
  g_assert_null (vmt_object_get_child (VMT_OBJECT (root), "b"));
}

static void
assert_refused (Sample *object, const char *property, const char *text, VmtError code,
                const char *part)
{
  g_autoptr (GError) error = NULL;
  guint before = sample_get_n_set (object);

  g_assert_false (vmt_object_set_text (VMT_OBJECT (object), property, text, &error));
  g_assert_error (error, VMT_ERROR, code);
  if (strstr (error->message, part) == NULL)
    g_error ("'%s' is not in '%s'", part, error->message);
  g_assert_cmpuint (sample_get_n_set (object), ==, before);
  /* The same without anybody to tell. */
  g_assert_false (vmt_object_set_text (VMT_OBJECT (object), property, text, NULL));
}

static void
test_text (void)
{
  g_autoptr (Sample) root = sample_new ();
  Sample *uart = add (root, "uart0");
  g_autoptr (GError) error = NULL;
  g_autofree char *text = NULL;

  g_assert_true (vmt_object_set_text (VMT_OBJECT (uart), "size", "64K", &error));
  g_assert_no_error (error);
  text = vmt_object_get_text (VMT_OBJECT (uart), "size", &error);
  g_assert_cmpstr (text, ==, "64K");

  assert_refused (uart, "seize", "1", VMT_ERROR_NOT_FOUND, "uart0 has no property 'seize'");
  assert_refused (uart, "seize", "1", VMT_ERROR_NOT_FOUND, "'size'");
  assert_refused (uart, "zzzzzzzz", "1", VMT_ERROR_NOT_FOUND, "'zzzzzzzz'");
  assert_refused (uart, "size", "64Q", VMT_ERROR_INVALID, "uart0: property 'size'");
  assert_refused (root, "size", "64Q", VMT_ERROR_INVALID, "Sample: property 'size'");
  assert_refused (uart, "read-only", "1", VMT_ERROR_UNSUPPORTED, "read-only");
  assert_refused (uart, "construct-only", "1", VMT_ERROR_UNSUPPORTED, "when the object is made");
  assert_refused (uart, "opaque", "1", VMT_ERROR_UNSUPPORTED, "opaque");

  g_assert_null (vmt_object_get_text (VMT_OBJECT (uart), "nope", &error));
  g_assert_error (error, VMT_ERROR, VMT_ERROR_NOT_FOUND);
  g_clear_error (&error);
  g_assert_null (vmt_object_get_text (VMT_OBJECT (uart), "write-only", &error));
  g_assert_error (error, VMT_ERROR, VMT_ERROR_UNSUPPORTED);
}

static void
test_frozen (void)
{
  g_autoptr (Sample) sample = sample_new ();

  vmt_object_set_frozen (VMT_OBJECT (sample), TRUE);
  g_assert_true (vmt_object_is_frozen (VMT_OBJECT (sample)));
  assert_refused (sample, "uint", "1", VMT_ERROR_STATE, "realized");
  g_assert_true (vmt_object_set_text (VMT_OBJECT (sample), "live", "5", NULL));
  /* Inside, a device still may: only text from outside is refused. */
  g_object_set (sample, "uint", 7, NULL);
  vmt_object_set_frozen (VMT_OBJECT (sample), FALSE);
  g_assert_true (vmt_object_set_text (VMT_OBJECT (sample), "uint", "1", NULL));
}

static void
assert_link (Sample *from, const char *text, Sample *expected)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (Sample) found = NULL;

  g_assert_true (vmt_object_set_text (VMT_OBJECT (from), "link", text, &error));
  g_assert_no_error (error);
  g_object_get (from, "link", &found, NULL);
  g_assert_true (found == expected);
}

static void
test_link (void)
{
  g_autoptr (Sample) root = sample_new ();
  g_autoptr (VmtObject) plain = g_object_new (VMT_TYPE_OBJECT, NULL);
  Sample *pci = add (root, "pci0"), *in_pci = add (pci, "uart0"), *slot = add (pci, "slot");
  Sample *at_root = add (root, "uart0"), *disk = add (root, "disk");
  g_autofree char *text = NULL;

  vmt_object_add_child (VMT_OBJECT (root), "plain", plain, NULL);
  /* the nearest scope first: siblings, then the machine */
  assert_link (slot, "uart0", in_pci);
  assert_link (slot, "disk", disk);
  assert_link (slot, "pci0/uart0", in_pci);
  assert_link (disk, "uart0", at_root);
  assert_link (disk, "", NULL);
  assert_link (slot, "slot", slot);
  text = vmt_object_get_text (VMT_OBJECT (slot), "link", NULL);
  g_assert_cmpstr (text, ==, "pci0/slot");

  assert_refused (slot, "link", "uart7", VMT_ERROR_NOT_FOUND, "'uart0'");
  assert_refused (slot, "link", "plain", VMT_ERROR_INVALID, "a Sample is needed");
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/object/object/tree", test_tree);
  g_test_add_func ("/object/object/bad-children", test_bad_children);
  g_test_add_func ("/object/object/life", test_life);
  g_test_add_func ("/object/object/visit", test_visit);
  g_test_add_func ("/object/object/text", test_text);
  g_test_add_func ("/object/object/frozen", test_frozen);
  g_test_add_func ("/object/object/link", test_link);
  return g_test_run ();
}
