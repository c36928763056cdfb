/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "vmt-event.h"

#define THING_TYPE (thing_get_type ())
G_DECLARE_DERIVABLE_TYPE (Thing, thing, THING, THING, VmtObject)
struct _ThingClass
{
  VmtObjectClass parent_class;
};
G_DEFINE_TYPE (Thing, thing, VMT_TYPE_OBJECT)

static void
thing_class_init (ThingClass *klass)
{
  static const VmtEventSpec tick = { "tick", NULL, "Nothing more." };
  static const VmtEventSpec value = { "value", "(su)", "A value." };

  vmt_object_class_install_event (VMT_OBJECT_CLASS (klass), &tick);
  vmt_object_class_install_event (VMT_OBJECT_CLASS (klass), &value);
}

static void
thing_init (Thing *self)
{
}

/* One that inherits. */
#define CHILD_THING_TYPE (child_thing_get_type ())
G_DECLARE_FINAL_TYPE (ChildThing, child_thing, CHILD, THING, Thing)
struct _ChildThing
{
  Thing parent_instance;
};
G_DEFINE_FINAL_TYPE (ChildThing, child_thing, THING_TYPE)

static void
child_thing_class_init (ChildThingClass *klass)
{
  static const VmtEventSpec own = { "own", "u", NULL };

  vmt_object_class_install_event (VMT_OBJECT_CLASS (klass), &own);
}

static void
child_thing_init (ChildThing *self)
{
}

static VmtObject *
add (VmtObject *parent, const char *id)
{
  g_autoptr (VmtObject) child = g_object_new (CHILD_THING_TYPE, NULL);

  g_assert_true (vmt_object_add_child (parent, id, child, NULL));
  return child;
}

static void
log_event (VmtObject *source, const char *event, GVariant *payload, gpointer data)
{
  g_autofree char *path = vmt_object_dup_path (source);

  g_string_append_printf (data, "[%s:%s]", path, event);
}

static void
assert_matches (VmtObject *root, VmtObject *source, const char *pattern, const char *event,
                gboolean expected)
{
  g_autoptr (GString) log = g_string_new (NULL);
  guint id = vmt_object_subscribe (root, pattern, event, log_event, log, NULL);

  vmt_object_emit (source, "tick", NULL);
  if ((log->len > 0) != expected)
    g_error ("'%s' %s match", pattern, expected ? "does not" : "should not");
  vmt_object_unsubscribe (root, id);
  g_string_truncate (log, 0);
  vmt_object_emit (source, "tick", NULL);
  g_assert_cmpstr (log->str, ==, "");
}

static void
test_patterns (void)
{
  g_autoptr (VmtObject) root = g_object_new (THING_TYPE, NULL);
  VmtObject *pci = add (root, "pci0"), *slot = add (pci, "slot1"), *disk = add (slot, "disk0");
  static const char *const match[] = { "**",          "pci0/slot1/disk0", "*/*/*",
                                       "pci0/**",     "**/disk0",         "**/disk*",
                                       "*/slot1/*",   "p*0/s*t*1/*0",     "pci0/**/disk0",
                                       "**/slot1/**", "**/**/**",         "pci0/slot1/disk0/**",
                                       "**/*/**",     "*i*/*/*",          "pci0/slot1/***",
                                       NULL };
  static const char *const differ[] = { "",           "*",           "*/*",
                                        "pci0",       "disk0",       "**/slot1",
                                        "pci0/*",     "*/*/*/*",     "/**x",
                                        "**/disk1",   "pci0/slot1/", "/pci0/slot1/disk0",
                                        "pci",        "p**/disk0",   "PCI0/slot1/disk0",
                                        "**/*/*/*/*", NULL };

  for (guint i = 0; match[i] != NULL; i++)
    assert_matches (root, disk, match[i], "*", TRUE);
  for (guint i = 0; differ[i] != NULL; i++)
    assert_matches (root, disk, differ[i], "*", FALSE);
  assert_matches (root, root, "", "tick", TRUE);
  assert_matches (root, root, "**", "tick", TRUE);
  assert_matches (root, root, "*", "tick", FALSE);
  /* relative to where one subscribes */
  assert_matches (pci, disk, "slot1/disk0", "tick", TRUE);
  assert_matches (disk, disk, "", "tick", TRUE);
  assert_matches (slot, pci, "**", "tick", FALSE);
  assert_matches (root, disk, "**", "tock", FALSE);
  assert_matches (root, disk, "**", "value", FALSE);
}

/* Patterns come from users: none may take long. */
static void
test_hostile_pattern (void)
{
  g_autoptr (VmtObject) root = g_object_new (THING_TYPE, NULL);
  g_autofree char *id = g_strnfill (2000, 'a');
  g_autoptr (GString) stars = g_string_new (NULL);
  g_autoptr (GString) deep = g_string_new (NULL);
  VmtObject *at = root;
  gint64 start;

  for (guint i = 0; i < 500; i++)
    g_string_append (stars, "a*");
  g_string_append (stars, "b");
  for (guint i = 0; i < 60; i++)
    at = add (at, i == 59 ? id : "a");
  for (guint i = 0; i < 40; i++)
    g_string_append (deep, "**/a/");
  g_string_append (deep, stars->str);
  start = g_get_monotonic_time ();
  assert_matches (root, at, stars->str, "*", FALSE);
  assert_matches (root, at, deep->str, "*", FALSE);
  g_assert_cmpint (g_get_monotonic_time () - start, <, 2 * G_USEC_PER_SEC);
}

static void
test_order (void)
{
  g_autoptr (VmtObject) root = g_object_new (THING_TYPE, NULL);
  g_autoptr (GString) log = g_string_new (NULL);
  g_autoptr (GPtrArray) events = NULL;
  VmtObject *child = add (root, "c");

  vmt_object_subscribe (root, "**", "*", log_event, log, NULL);
  vmt_object_emit (child, "own", g_variant_new_uint32 (1));
  vmt_object_emit (child, "value", g_variant_new ("(su)", "x", 5));
  vmt_object_emit (child, "tick", NULL);
  g_assert_cmpstr (log->str, ==, "[c:own][c:value][c:tick]");

  events = vmt_object_class_list_events (VMT_OBJECT_GET_CLASS (child));
  g_assert_cmpuint (events->len, ==, 3);
  g_assert_cmpstr (((const VmtEventSpec *)events->pdata[0])->name, ==, "own");
  g_assert_null (vmt_object_class_find_event (VMT_OBJECT_GET_CLASS (root), "own"));
}

typedef struct
{
  VmtObject *root;
  guint id[3];
  guint called[3];
  guint destroyed;
} Mutual;

static void
on_destroy (gpointer data)
{
  ((Mutual *)data)->destroyed++;
}

static void
on_third (VmtObject *source, const char *event, GVariant *payload, gpointer data)
{
  ((Mutual *)data)->called[2]++;
}

static void
on_second (VmtObject *source, const char *event, GVariant *payload, gpointer data)
{
  ((Mutual *)data)->called[1]++;
}

static void
on_first (VmtObject *source, const char *event, GVariant *payload, gpointer data)
{
  Mutual *self = data;

  self->called[0]++;
  /* itself, and one that would come after it; a new one is for later emissions */
  vmt_object_unsubscribe (self->root, self->id[0]);
  vmt_object_unsubscribe (self->root, self->id[1]);
  self->id[2] = vmt_object_subscribe (self->root, "**", "*", on_third, self, NULL);
}

static void
test_change_during_emit (void)
{
  g_autoptr (VmtObject) root = g_object_new (THING_TYPE, NULL);
  Mutual mutual = { .root = root };

  mutual.id[0] = vmt_object_subscribe (root, "**", "tick", on_first, &mutual, on_destroy);
  mutual.id[1] = vmt_object_subscribe (root, "**", "tick", on_second, &mutual, on_destroy);
  g_assert_cmpuint (mutual.id[0], !=, 0);
  vmt_object_emit (root, "tick", NULL);
  g_assert_cmpuint (mutual.called[0], ==, 1);
  g_assert_cmpuint (mutual.called[1], ==, 0);
  g_assert_cmpuint (mutual.called[2], ==, 0);
  g_assert_cmpuint (mutual.destroyed, ==, 2);
  vmt_object_emit (root, "tick", NULL);
  g_assert_cmpuint (mutual.called[0], ==, 1);
  g_assert_cmpuint (mutual.called[2], ==, 1);
}

static void
on_take_apart (VmtObject *source, const char *event, GVariant *payload, gpointer data)
{
  VmtObject *root = data;

  vmt_object_remove_child (root, vmt_object_get_child (root, "a"));
}

static void
test_remove_during_emit (void)
{
  g_autoptr (VmtObject) root = g_object_new (THING_TYPE, NULL);
  g_autoptr (GString) log = g_string_new (NULL);
  VmtObject *source = add (add (root, "a"), "b");

  vmt_object_subscribe (root, "**", "*", on_take_apart, root, NULL);
  vmt_object_subscribe (root, "**", "*", log_event, log, NULL);
  vmt_object_emit (source, "tick", NULL);
  /* It was subscribed when it happened; the source has left its tree since. */
  g_assert_cmpstr (log->str, ==, "[:tick]");
  g_assert_null (vmt_object_get_child (root, "a"));
}

#define N_THREADS 4
#define N_EVENTS 500

typedef struct
{
  VmtObject *object;
  guint id;
} Emitter;

typedef struct
{
  GThread *owner;
  guint next[N_THREADS];
  guint n;
} Receiver;

static gpointer
emit_many (gpointer data)
{
  Emitter *self = data;

  for (guint i = 0; i < N_EVENTS; i++)
    vmt_object_emit (self->object, "own", g_variant_new_uint32 (self->id << 16 | i));
  return NULL;
}

static void
on_own (VmtObject *source, const char *event, GVariant *payload, gpointer data)
{
  Receiver *self = data;
  guint value = g_variant_get_uint32 (payload);

  g_assert_true (g_thread_self () == self->owner);
  g_assert_cmpuint (value & 0xffff, ==, self->next[value >> 16]);
  self->next[value >> 16]++;
  self->n++;
}

static void
test_threads (void)
{
  g_autoptr (GMainContext) context = g_main_context_new ();
  g_autoptr (VmtObject) root = g_object_new (THING_TYPE, NULL);
  Receiver receiver = { .owner = g_thread_self () };
  Emitter emitters[N_THREADS];
  GThread *threads[N_THREADS];

  vmt_object_set_event_context (root, context);
  vmt_object_subscribe (root, "**", "own", on_own, &receiver, NULL);
  for (guint i = 0; i < N_THREADS; i++)
    {
      g_autofree char *id = g_strdup_printf ("cpu%u", i);

      emitters[i] = (Emitter){ add (root, id), i };
      threads[i] = g_thread_new ("emitter", emit_many, &emitters[i]);
    }
  for (guint i = 0; i < N_THREADS; i++)
    g_thread_join (threads[i]);
  /* Not before the context runs, although nobody owned it. */
  g_assert_cmpuint (receiver.n, ==, 0);
  while (g_main_context_iteration (context, FALSE))
    ;
  g_assert_cmpuint (receiver.n, ==, N_THREADS * N_EVENTS);

  /* The owner's own are delivered at once. */
  g_main_context_push_thread_default (context);
  vmt_object_emit (emitters[0].object, "own", g_variant_new_uint32 (N_EVENTS));
  g_assert_cmpuint (receiver.n, ==, N_THREADS * N_EVENTS + 1);
  g_main_context_pop_thread_default (context);
}

static void
test_pending_outlives (void)
{
  g_autoptr (GMainContext) context = g_main_context_new ();
  VmtObject *root = g_object_new (THING_TYPE, NULL), *child = add (root, "c");
  g_autoptr (GString) log = g_string_new (NULL);
  gpointer weak = child;

  g_object_add_weak_pointer (G_OBJECT (child), &weak);
  vmt_object_set_event_context (root, context);
  vmt_object_subscribe (root, "**", "*", log_event, log, NULL);
  vmt_object_emit (child, "tick", NULL);
  vmt_object_emit (root, "tick", NULL);
  /* What waits for delivery keeps nothing alive. */
  g_object_unref (root);
  g_assert_null (weak);
  while (g_main_context_iteration (context, FALSE))
    ;
  g_assert_cmpstr (log->str, ==, "");
}

static void
test_misuse (void)
{
  g_autoptr (VmtObject) root = g_object_new (THING_TYPE, NULL);

  g_test_expect_message ("Vmt", G_LOG_LEVEL_CRITICAL, "*has no event 'nope'*");
  vmt_object_emit (root, "nope", NULL);
  g_test_assert_expected_messages ();
  g_test_expect_message ("Vmt", G_LOG_LEVEL_CRITICAL, "*carries 'nothing', not 'u'*");
  vmt_object_emit (root, "tick", g_variant_new_uint32 (1));
  g_test_assert_expected_messages ();
  g_test_expect_message ("Vmt", G_LOG_LEVEL_CRITICAL, "*carries '(su)', not '(us)'*");
  vmt_object_emit (root, "value", g_variant_new ("(us)", 1, "x"));
  g_test_assert_expected_messages ();
  g_test_expect_message ("Vmt", G_LOG_LEVEL_CRITICAL, "*carries '(su)', not 'nothing'*");
  vmt_object_emit (root, "value", NULL);
  g_test_assert_expected_messages ();
  g_test_expect_message ("Vmt", G_LOG_LEVEL_CRITICAL, "*no subscription 77*");
  vmt_object_unsubscribe (root, 77);
  g_test_assert_expected_messages ();
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/object/event/patterns", test_patterns);
  g_test_add_func ("/object/event/hostile-pattern", test_hostile_pattern);
  g_test_add_func ("/object/event/order", test_order);
  g_test_add_func ("/object/event/change-during-emit", test_change_during_emit);
  g_test_add_func ("/object/event/remove-during-emit", test_remove_during_emit);
  g_test_add_func ("/object/event/threads", test_threads);
  g_test_add_func ("/object/event/pending-outlives", test_pending_outlives);
  g_test_add_func ("/object/event/misuse", test_misuse);
  return g_test_run ();
}
