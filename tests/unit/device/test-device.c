/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>

#include "vmt-error.h"
#include "vmt-harness.h"
#include "vmt-event.h"

/* A device that writes down its life, with two regions and two outputs. */
typedef struct
{
  VmtDevice parent_instance;
  guint32 reg, ctrl;
  GString *log; /* shared by all of a test */
  const char *fail_in;
  gboolean takes_children;
} Node;
typedef VmtDeviceClass NodeClass;

static GType node_get_type (void);
G_DEFINE_TYPE (Node, node, VMT_TYPE_DEVICE)

static void
say (VmtDevice *device, const char *what)
{
  Node *node = (Node *)device;
  if (node->log != NULL)
    g_string_append_printf (node->log, "%s:%s ", what, vmt_object_get_id (VMT_OBJECT (device)));
}

static gboolean
step (VmtDevice *device, const char *what, GError **error)
{
  say (device, what);
  if (g_strcmp0 (((Node *)device)->fail_in, what) != 0)
    return TRUE;
  g_set_error (error, VMT_ERROR, VMT_ERROR_FAILED, "%s does not work", what);
  return FALSE;
}

static gboolean
node_prepare (VmtDevice *device, GError **error)
{
  vmt_device_set_region_size (device, 1, 0x20);
  return step (device, "prepare", error);
}

static gboolean
node_realize (VmtDevice *device, GError **error)
{
  return step (device, "realize", error);
}

static void
node_unrealize (VmtDevice *device)
{
  say (device, "unrealize");
}

static void
node_reset (VmtDevice *device)
{
  Node *node = (Node *)device;
  g_assert_cmphex (node->reg, ==, 0x10); /* the table came first */
  g_assert_false (g_mutex_trylock (vmt_device_get_lock (device)));
  say (device, "reset");
}

static void
node_quiesce (VmtDevice *device)
{
  say (device, "quiesce");
}

static void
node_running_changed (VmtDevice *device, gboolean running)
{
  say (device, running ? "go" : "halt");
}

static gboolean
node_plug (VmtDevice *device, VmtDevice *child, GError **error)
{
  if (((Node *)device)->takes_children)
    return step (device, "plug", error);
  g_set_error (error, VMT_ERROR, VMT_ERROR_UNSUPPORTED, "full");
  return FALSE;
}

static VmtMemStatus
ctrl_read (gpointer opaque, guint64 offset, guint size, guint64 *value)
{
  if (offset >= 0x10)
    return vmt_device_table_read (opaque, 1, offset - 0x10, size, value);
  *value = 0xc0 + offset;
  return VMT_MEM_OK;
}

static const VmtMmioOps ctrl_ops = { ctrl_read, NULL, 4, 4, TRUE, { NULL } };

static const VmtDeviceRegister node_registers[] = {
  { "REG", 0, 4, .field = G_STRUCT_OFFSET (Node, reg), .reset = 0x10 },
  VMT_REGISTERS_END,
};
static const VmtDeviceRegister ctrl_registers[] = {
  { "CTRL", 0, 4, .field = G_STRUCT_OFFSET (Node, ctrl), .reset = 0x20 },
  VMT_REGISTERS_END,
};

static const VmtRegionSpec node_regions[] = {
  { "regs", 0x100, node_registers, NULL, { NULL } },
  { "ctrl", 0, ctrl_registers, &ctrl_ops, { NULL } },
  { NULL, 0, NULL, NULL, { NULL } },
};
static const VmtIrqSpec node_irqs[] = { { "rx", "received" }, { "tx", "sent" }, { NULL, NULL } };
static const VmtStateField node_state[] = { VMT_STATE (Node, reg, U32), VMT_STATE (Node, ctrl, U32),
                                            VMT_STATE_END };

static void
node_init (Node *self)
{
}

static void
node_class_init (NodeClass *klass)
{
  klass->regions = node_regions;
  klass->irqs = node_irqs;
  klass->state = node_state;
  klass->prepare = node_prepare;
  klass->realize = node_realize;
  klass->unrealize = node_unrealize;
  klass->reset = node_reset;
  klass->quiesce = node_quiesce;
  klass->running_changed = node_running_changed;
  klass->plug = node_plug;
}

static Node *
add_node (VmtHarness *harness, Node *parent, const char *id, GString *log, guint64 base)
{
  g_autoptr (GError) error = NULL;
  Node *node = g_object_new (node_get_type (), NULL);
  node->log = log;
  node->takes_children = TRUE;
  vmt_harness_add (harness, (VmtDevice *)parent, id, VMT_DEVICE (node), base, &error);
  g_assert_no_error (error);
  g_object_unref (node); /* the machine has it */
  return node;
}

static void
test_life (void)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GString) log = g_string_new (NULL);
  g_autoptr (VmtHarness) harness = vmt_harness_new (0x80000000, VMT_PAGE_SIZE);
  Node *bus = add_node (harness, NULL, "bus", log, 0x1000);
  Node *slot = add_node (harness, bus, "slot", log, 0x2000);
  g_assert_true (vmt_device_get_machine (VMT_DEVICE (slot)) == vmt_harness_get_machine (harness));
  g_assert_cmpstr (log->str, ==, "plug:bus ");
  g_string_truncate (log, 0);

  g_assert_true (vmt_harness_realize (harness, &error));
  g_assert_no_error (error);
  g_assert_cmpstr (log->str, ==,
                   "prepare:bus realize:bus prepare:slot realize:slot reset:slot reset:bus "
                   "go:bus go:slot ");
  g_assert_true (vmt_device_is_realized (VMT_DEVICE (slot)));
  g_string_truncate (log, 0);

  /* Twice is an error and changes nothing. */
  g_assert_false (vmt_device_realize (VMT_DEVICE (bus), vmt_harness_get_machine (harness), &error));
  g_assert_error (error, VMT_ERROR, VMT_ERROR_STATE);
  g_assert_cmpstr (log->str, ==, "");
  vmt_harness_put (harness, 0x2000, 4, 1);
  vmt_harness_reset (harness);
  g_assert_cmphex (vmt_harness_get (harness, 0x2000, 4), ==, 0x10);
  g_string_truncate (log, 0);

  vmt_machine_close (vmt_harness_get_machine (harness));
  g_assert_cmpstr (log->str, ==, "quiesce:bus quiesce:slot unrealize:slot unrealize:bus ");
  guint64 value;
  g_assert_cmpint (vmt_harness_read (harness, 0x2000, 4, &value), ==, VMT_MEM_UNMAPPED);
}

static void
test_failure (void)
{
  const char *const steps[] = { "prepare", "realize" };
  for (guint i = 0; i < G_N_ELEMENTS (steps); i++)
    {
      g_autoptr (GError) error = NULL;
      g_autoptr (GString) log = g_string_new (NULL);
      g_autoptr (VmtHarness) harness = vmt_harness_new (0x80000000, VMT_PAGE_SIZE);
      add_node (harness, NULL, "first", log, 0x1000);
      Node *second = add_node (harness, NULL, "second", log, 0x2000);
      second->fail_in = steps[i];
      g_assert_false (vmt_harness_realize (harness, &error));
      g_assert_error (error, VMT_ERROR, VMT_ERROR_FAILED);
      g_autofree char *message = g_strdup_printf ("second: %s does not work", steps[i]);
      g_assert_cmpstr (error->message, ==, message);
      g_assert_cmpstr (log->str, ==,
                       i == 0 ? "prepare:first realize:first prepare:second unrealize:first "
                              : "prepare:first realize:first prepare:second realize:second "
                                "unrealize:second unrealize:first ");
      guint64 value;
      g_assert_cmpint (vmt_harness_read (harness, 0x1000, 4, &value), ==, VMT_MEM_UNMAPPED);
      g_assert_cmpint (vmt_harness_read (harness, 0x2000, 4, &value), ==, VMT_MEM_UNMAPPED);

      /* The machine is as before: mended, it can be realized. */
      g_clear_error (&error);
      second->fail_in = NULL;
      g_assert_true (vmt_harness_realize (harness, &error));
      g_assert_cmphex (vmt_harness_get (harness, 0x2000, 4), ==, 0x10);
    }
}

static void
test_overlap (void)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (VmtHarness) harness = vmt_harness_new (0x80000000, VMT_PAGE_SIZE);
  add_node (harness, NULL, "one", NULL, 0x1000);
  add_node (harness, NULL, "two", NULL, 0x10fc);
  g_assert_false (vmt_harness_realize (harness, &error));
  g_assert_error (error, VMT_ERROR, VMT_ERROR_INVALID);
  g_assert_nonnull (strstr (error->message, "'one' at 0x1000..0x10ff"));
  g_assert_nonnull (strstr (error->message, "'two' at 0x10fc..0x11fb"));
}

static void
test_regions (void)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (VmtHarness) harness = vmt_harness_new (0x80000000, VMT_PAGE_SIZE);
  Node *node = add_node (harness, NULL, "node", NULL, 0x1000);
  VmtDevice *device = VMT_DEVICE (node);
  g_assert_cmpuint (vmt_device_get_n_regions (device), ==, 2);
  g_assert_cmphex (vmt_device_get_base (device, 1), ==, G_MAXUINT64);
  vmt_device_set_base (device, 1, 0x3000);
  g_assert_true (vmt_harness_realize (harness, &error));
  g_assert_cmphex (vmt_device_get_region_size (device, 1), ==, 0x20);

  /* A callback of its own in front of the table, the table where there is none. */
  g_assert_cmphex (vmt_harness_get (harness, 0x3004, 4), ==, 0xc4);
  g_assert_cmphex (vmt_harness_get (harness, 0x3010, 4), ==, 0x20);
  vmt_harness_put (harness, 0x3000, 4, 0x99);
  g_assert_cmphex (node->ctrl, ==, 0x99);
  guint64 value;
  g_assert_cmpint (vmt_harness_read (harness, 0x3000, 2, &value), ==, VMT_MEM_BUS_ERROR);

  /* Moved while the machine runs, as a BAR. */
  vmt_device_set_base (device, 1, 0x8000);
  g_assert_cmpint (vmt_harness_read (harness, 0x3004, 4, &value), ==, VMT_MEM_UNMAPPED);
  g_assert_cmphex (vmt_harness_get (harness, 0x8004, 4), ==, 0xc4);
  /* Over something else: nothing answers there, the other one is unharmed. */
  guint errors = vmt_harness_get_guest_errors (harness);
  vmt_device_set_base (device, 1, 0x1000);
  g_assert_cmpuint (vmt_harness_get_guest_errors (harness), ==, errors + 1);
  g_assert_cmphex (vmt_harness_get (harness, 0x1000, 4), ==, 0x10);
  g_assert_cmpint (vmt_harness_read (harness, 0x8004, 4, &value), ==, VMT_MEM_UNMAPPED);
  vmt_device_set_base (device, 1, G_MAXUINT64);
  g_assert_cmphex (vmt_harness_get (harness, 0x1000, 4), ==, 0x10);
  vmt_device_set_base (device, 1, 0x4000);
  g_assert_cmphex (vmt_harness_get (harness, 0x4004, 4), ==, 0xc4);
}

static void
test_irqs (void)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (VmtHarness) harness = vmt_harness_new (0x80000000, VMT_PAGE_SIZE);
  Node *node = add_node (harness, NULL, "node", NULL, 0x1000);
  VmtDevice *device = VMT_DEVICE (node);
  VmtObject *recorder = vmt_harness_get_irq_recorder (harness);
  const VmtIrq *rx = vmt_device_get_irq (device, 0);
  guint line = 1;

  vmt_irq_set (rx, TRUE); /* unwired: nothing */
  g_assert_null (vmt_device_get_irq_target (device, 0, &line));
  g_assert_false (vmt_device_connect_irq (device, "txx", recorder, "1", &error));
  g_assert_error (error, VMT_ERROR, VMT_ERROR_NOT_FOUND);
  g_assert_nonnull (strstr (error->message, "did you mean 'tx'"));
  g_clear_error (&error);
  g_assert_false (vmt_device_connect_irq (device, "tx", VMT_OBJECT (device), "1", &error));
  g_assert_error (error, VMT_ERROR, VMT_ERROR_INVALID);
  g_clear_error (&error);
  g_assert_false (vmt_device_connect_irq (device, "tx", recorder, "4096", &error));
  g_assert_nonnull (strstr (error->message, "interrupt output 'tx' of 'node'"));
  g_clear_error (&error);
  g_assert_null (vmt_device_get_irq_target (device, 1, NULL));

  g_assert_true (vmt_device_connect_irq (device, "tx", recorder, "5", &error));
  g_assert_true (vmt_device_connect_irq (device, NULL, recorder, "6", &error));
  g_assert_true ((gpointer)vmt_device_get_irq_target (device, 0, &line) == (gpointer)recorder);
  g_assert_cmpuint (line, ==, 6);
  g_assert_false (vmt_device_connect_irq (device, "rx", recorder, "7", &error));
  g_assert_error (error, VMT_ERROR, VMT_ERROR_STATE);
  g_clear_error (&error);
  g_assert_false (vmt_device_connect_irq (device, NULL, recorder, "7", &error));
  g_assert_error (error, VMT_ERROR, VMT_ERROR_STATE);

  /* A pointer that was taken before the wiring is good after it. */
  vmt_irq_set (rx, TRUE);
  vmt_irq_set (rx, TRUE);
  vmt_irq_set (rx, FALSE);
  vmt_irq_set (rx, TRUE);
  g_assert_true (vmt_harness_get_irq_level (harness, device, 0));
  g_assert_cmpuint (vmt_harness_get_irq_edges (harness, device, 0), ==, 2);
  g_assert_cmpuint (vmt_harness_get_line_edges (harness, 6), ==, 2);
  g_assert_cmpuint (vmt_harness_get_irq_edges (harness, device, 1), ==, 0);
}

static void
test_plug (void)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (VmtHarness) harness = vmt_harness_new (0x80000000, VMT_PAGE_SIZE);
  Node *bus = add_node (harness, NULL, "bus", NULL, 0x1000);
  g_autoptr (VmtDevice) child = g_object_new (node_get_type (), NULL);
  bus->takes_children = FALSE;
  g_assert_false (vmt_harness_add (harness, VMT_DEVICE (bus), "x", child, G_MAXUINT64, &error));
  g_assert_error (error, VMT_ERROR, VMT_ERROR_UNSUPPORTED);
  g_assert_cmpstr (error->message, ==, "device 'x': full");
  g_clear_error (&error);
  /* It is nowhere now, and may be put elsewhere. */
  g_assert_null (vmt_device_get_machine (child));
  g_assert_null (vmt_object_get_parent (VMT_OBJECT (child)));
  g_assert_false (
      vmt_device_plug (VMT_DEVICE (vmt_harness_get_irq_recorder (harness)), child, &error));
  g_assert_error (error, VMT_ERROR, VMT_ERROR_UNSUPPORTED);
  g_clear_error (&error);
  g_assert_true (vmt_harness_add (harness, NULL, "x", child, 0x5000, &error));
  g_assert_false (vmt_harness_add (harness, NULL, "x", child, 0x5000, &error));
  g_assert_nonnull (error);
}

typedef struct
{
  guint n;
  char *path;
  guint64 value;
} Events;

static void
note_event (VmtObject *source, const char *event, GVariant *payload, gpointer data)
{
  Events *events = data;
  events->n++;
  g_clear_pointer (&events->path, g_free);
  g_variant_get (payload, "(s&st)", &events->path, NULL, &events->value);
}

static gpointer
complain (gpointer device)
{
  for (guint i = 0; i < 100000; i++)
    vmt_device_guest_error (device, "garbage", i);
  return NULL;
}

static void
test_guest_error (void)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (VmtHarness) harness = vmt_harness_new (0x80000000, VMT_PAGE_SIZE);
  Node *bus = add_node (harness, NULL, "bus", NULL, 0x1000);
  Node *slot = add_node (harness, bus, "slot", NULL, G_MAXUINT64);
  Events events = { 0 };
  vmt_object_subscribe (VMT_OBJECT (vmt_harness_get_machine (harness)), "**", "guest-error",
                        note_event, &events, NULL);
  g_assert_true (vmt_harness_realize (harness, &error));
  vmt_device_guest_error (VMT_DEVICE (slot), "bad descriptor", 77);
  g_assert_cmpuint (events.n, ==, 1);
  g_assert_cmpstr (events.path, ==, "bus/slot");
  g_assert_cmpuint (events.value, ==, 77);

  /* Four threads that complain as fast as they can are heard a few times, on the machine's thread.
   */
  GThread *threads[4];
  gint64 begin = g_get_monotonic_time ();
  for (guint i = 0; i < 4; i++)
    threads[i] = g_thread_new ("complain", complain, bus);
  for (guint i = 0; i < 4; i++)
    g_thread_join (threads[i]);
  guint seconds = (guint)((g_get_monotonic_time () - begin) / G_USEC_PER_SEC) + 2;
  g_assert_cmpuint (events.n, ==, 1);
  vmt_harness_iterate (harness);
  g_assert_cmpuint (events.n, >=, 11);
  g_assert_cmpuint (events.n, <=, 1 + seconds * 10);
  g_assert_cmpstr (events.path, ==, "bus");
  g_free (events.path);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/device/device/life", test_life);
  g_test_add_func ("/device/device/failure", test_failure);
  g_test_add_func ("/device/device/overlap", test_overlap);
  g_test_add_func ("/device/device/regions", test_regions);
  g_test_add_func ("/device/device/irqs", test_irqs);
  g_test_add_func ("/device/device/plug", test_plug);
  g_test_add_func ("/device/device/guest-error", test_guest_error);
  return g_test_run ();
}
