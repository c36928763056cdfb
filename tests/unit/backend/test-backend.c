/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>

#include <glib/gstdio.h>

#include "vmt.h"

/* An object with back ends, as devices have them. */
#define TEST_TYPE_OWNER (test_owner_get_type ())
G_DECLARE_FINAL_TYPE (TestOwner, test_owner, TEST, OWNER, VmtObject)

struct _TestOwner
{
  VmtObject parent_instance;
  VmtChar *stream;
  VmtBlock *disk;
  VmtNet *net;
};

G_DEFINE_FINAL_TYPE (TestOwner, test_owner, VMT_TYPE_OBJECT)

static void
test_owner_get_property (GObject *object, guint id, GValue *value, GParamSpec *pspec)
{
  TestOwner *self = TEST_OWNER (object);

  g_value_set_object (value, id == 1   ? (gpointer)self->stream
                             : id == 2 ? (gpointer)self->disk
                                       : (gpointer)self->net);
}

static void
test_owner_set_property (GObject *object, guint id, const GValue *value, GParamSpec *pspec)
{
  TestOwner *self = TEST_OWNER (object);

  if (id == 1)
    g_set_object (&self->stream, g_value_get_object (value));
  else if (id == 2)
    g_set_object (&self->disk, g_value_get_object (value));
  else
    g_set_object (&self->net, g_value_get_object (value));
}

static void
test_owner_dispose (GObject *object)
{
  TestOwner *self = TEST_OWNER (object);

  g_clear_object (&self->stream);
  g_clear_object (&self->disk);
  g_clear_object (&self->net);
  G_OBJECT_CLASS (test_owner_parent_class)->dispose (object);
}

static void
test_owner_class_init (TestOwnerClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);

  object_class->get_property = test_owner_get_property;
  object_class->set_property = test_owner_set_property;
  object_class->dispose = test_owner_dispose;
  g_object_class_install_property (
      object_class, 1,
      vmt_param_spec_backend ("backend", "", "char", VMT_TYPE_CHAR, G_PARAM_READWRITE));
  g_object_class_install_property (
      object_class, 2,
      vmt_param_spec_backend ("disk", "", "block", VMT_TYPE_BLOCK, G_PARAM_READWRITE));
  g_object_class_install_property (
      object_class, 3, vmt_param_spec_backend ("net", "", "net", VMT_TYPE_NET, G_PARAM_READWRITE));
}

static void
test_owner_init (TestOwner *self)
{
}

static void
refuse (TestOwner *owner, const char *property, const char *text, int code, const char *says)
{
  g_autoptr (GError) error = NULL;

  g_assert_false (vmt_backend_attach (VMT_OBJECT (owner), property, text, &error));
  g_assert_nonnull (error);
  if (code >= 0)
    g_assert_error (error, VMT_ERROR, code);
  if (strstr (error->message, says) == NULL)
    g_error ("\"%s\" does not say \"%s\"", error->message, says);
}

static void
attach (TestOwner *owner, const char *property, const char *text)
{
  g_autoptr (GError) error = NULL;

  vmt_backend_attach (VMT_OBJECT (owner), property, text, &error);
  g_assert_no_error (error);
}

static void
test_attach (void)
{
  g_autoptr (TestOwner) owner = g_object_new (TEST_TYPE_OWNER, NULL);
  g_autofree char *path = NULL;
  gboolean append;

  attach (owner, "backend", "null");
  g_assert_true (vmt_object_get_child (VMT_OBJECT (owner), "backend") == (gpointer)owner->stream);
  attach (owner, "backend", "file,path=/tmp/a,,b,c,append=on");
  g_object_get (owner->stream, "path", &path, "append", &append, NULL);
  g_assert_cmpstr (path, ==, "/tmp/a,b,c");
  g_assert_true (append);

  /* What fails changes nothing. */
  refuse (owner, "backend", "fil,path=x", VMT_ERROR_NOT_FOUND, "file");
  refuse (owner, "backend", "", -1, "backend");
  refuse (owner, "backend", "file,path", VMT_ERROR_INVALID, "name=value");
  refuse (owner, "backend", "file,=x", VMT_ERROR_INVALID, "name=value");
  refuse (owner, "backend", "file,pth=x", -1, "path");
  refuse (owner, "backend", "file,append=perhaps", -1, "perhaps");
  refuse (owner, "backed", "null", VMT_ERROR_NOT_FOUND, "backend");
  refuse (owner, "backend", "user", -1, "user");
  g_free (g_steal_pointer (&path));
  g_object_get (owner->stream, "path", &path, NULL);
  g_assert_cmpstr (path, ==, "/tmp/a,b,c");

  attach (owner, "backend", "none");
  g_assert_null (owner->stream);
  g_assert_null (vmt_object_get_child (VMT_OBJECT (owner), "backend"));

  vmt_object_set_frozen (VMT_OBJECT (owner), TRUE);
  refuse (owner, "backend", "null", VMT_ERROR_STATE, "realized");
}

/* A list may be given in pieces, with commas, or several times. */
static void
test_lists (void)
{
  static const char *const texts[] = {
    "user,forward=2222:22,udp:53:53,restrict=on",
    "user,forward=2222:22,,udp:53:53,restrict=on",
    "user,forward=2222:22,restrict=on,forward=udp:53:53",
  };
  g_autoptr (TestOwner) owner = g_object_new (TEST_TYPE_OWNER, NULL);

  if (!vmt_registry_has_feature (vmt_registry_get_default (), VMT_FEATURE_NET, "user"))
    {
      g_test_skip ("built without net-user");
      return;
    }
  for (gsize i = 0; i < G_N_ELEMENTS (texts); i++)
    {
      g_auto (GStrv) forward = NULL;
      gboolean restricted;

      attach (owner, "net", texts[i]);
      g_object_get (owner->net, "forward", &forward, "restrict", &restricted, NULL);
      g_assert_cmpuint (g_strv_length (forward), ==, 2);
      g_assert_cmpstr (forward[0], ==, "2222:22");
      g_assert_cmpstr (forward[1], ==, "udp:53:53");
      g_assert_true (restricted);
    }
  attach (owner, "net", "user,forward=");
  refuse (owner, "net", "user,2222:22", VMT_ERROR_INVALID, "name=value");
}

static void
test_disks (void)
{
  g_autoptr (TestOwner) owner = g_object_new (TEST_TYPE_OWNER, NULL);
  g_autofree char *folder = g_dir_make_tmp ("vmtool-backend-XXXXXX", NULL);
  g_autofree char *path = g_build_filename (folder, "disk.img", NULL);
  g_autofree char *automatic =
      g_strdup_printf ("auto,path=%s,format=auto,ephemeral=on,discard=off", path);
  g_autofree char *named = g_strdup_printf ("raw,path=%s,readonly=on", path);
  g_autofree char *wrong = g_strdup_printf ("auto,path=%s,format=qcow3", path);
  gboolean ephemeral, readonly;

  refuse (owner, "disk", path, VMT_ERROR_NOT_FOUND, "disk.img");
  refuse (owner, "disk", "auto", VMT_ERROR_INVALID, "path");
  refuse (owner, "disk", folder, VMT_ERROR_FAILED, "directory");
  g_assert_true (g_file_set_contents (path, "0123456789", 10, NULL));
  attach (owner, "disk", path);
  g_assert_cmpstr (vmt_block_get_path (owner->disk), ==, path);
  attach (owner, "disk", automatic);
  g_object_get (owner->disk, "ephemeral", &ephemeral, NULL);
  g_assert_true (ephemeral);
  attach (owner, "disk", named);
  g_object_get (owner->disk, "readonly", &readonly, NULL);
  g_assert_true (readonly);
  refuse (owner, "disk", wrong, VMT_ERROR_NOT_FOUND, "qcow3");
  refuse (owner, "disk", "char", -1, "char");
  g_unlink (path);
  g_rmdir (folder);
}

/* Opening and closing again and again; what may not change while it is open. */
static void
test_life (void)
{
  g_autoptr (TestOwner) owner = g_object_new (TEST_TYPE_OWNER, NULL);
  g_autoptr (GMainContext) context = g_main_context_new ();
  g_autofree char *folder = g_dir_make_tmp ("vmtool-backend-XXXXXX", NULL);
  g_autofree char *text = g_strdup_printf ("file,path=%s/log", folder);
  g_autofree char *path = g_build_filename (folder, "log", NULL), *content = NULL;
  g_autoptr (GError) error = NULL;
  VmtBackend *backend;

  attach (owner, "backend", text);
  backend = VMT_BACKEND (owner->stream);
  g_assert_false (vmt_backend_is_open (backend));
  for (guint i = 0; i < 3; i++)
    {
      g_assert_true (vmt_backend_open (backend, context, NULL));
      g_assert_true (vmt_backend_open (backend, NULL, NULL));
      g_assert_true (vmt_backend_get_context (backend) == context);
      g_assert_true (vmt_backend_is_open (backend));
      g_assert_false (vmt_object_set_text (VMT_OBJECT (backend), "path", "/elsewhere", &error));
      g_clear_error (&error);
      vmt_char_write (owner->stream, "line\n", 5);
      vmt_backend_close (backend);
      vmt_backend_close (backend);
      g_assert_true (vmt_object_set_text (VMT_OBJECT (backend), "append", "on", &error));
      g_assert_no_error (error);
    }
  g_assert_true (g_file_get_contents (path, &content, NULL, NULL));
  g_assert_cmpstr (content, ==, "line\nline\nline\n");

  /* A failed opening can be tried again. */
  g_assert_true (vmt_object_set_text (VMT_OBJECT (backend), "path", "/nowhere/at/all", NULL));
  g_assert_false (vmt_backend_open (backend, context, &error));
  g_assert_error (error, VMT_ERROR, VMT_ERROR_NOT_FOUND);
  g_assert_false (vmt_backend_is_open (backend));
  g_assert_true (vmt_object_set_text (VMT_OBJECT (backend), "path", path, NULL));
  g_assert_true (vmt_backend_open (backend, context, NULL));
  g_unlink (path);
  g_rmdir (folder);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/backend/attach/settings", test_attach);
  g_test_add_func ("/backend/attach/lists", test_lists);
  g_test_add_func ("/backend/attach/disks", test_disks);
  g_test_add_func ("/backend/life", test_life);
  return g_test_run ();
}
