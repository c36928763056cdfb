/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "vmt-error.h"
#include "vmt-irq.h"

typedef struct
{
  VmtObject parent_instance;
} Plain;
typedef VmtObjectClass PlainClass;
typedef Plain Full;
typedef VmtObjectClass FullClass;

static guint32 levels;

static void
set_level (gpointer sink, guint line, gboolean level)
{
  guint32 *all = sink;
  *all = level ? *all | 1u << line : *all & ~(1u << line);
}

static gboolean
full_get_input (VmtIrqController *self, const char *line, VmtIrq *irq, GError **error)
{
  if (!g_str_equal (line, "nmi"))
    {
      g_set_error (error, VMT_ERROR, VMT_ERROR_NOT_FOUND, "no input '%s'", line);
      return FALSE;
    }
  *irq = (VmtIrq){ .func = set_level, .sink = &levels, .line = 3 };
  return TRUE;
}

static guint
full_describe_line (VmtIrqController *self, guint line, guint32 cells[4])
{
  cells[0] = 7;
  cells[1] = line;
  return 2;
}

static void
plain_irq_init (VmtIrqControllerInterface *iface)
{
}

static void
full_irq_init (VmtIrqControllerInterface *iface)
{
  iface->get_input = full_get_input;
  iface->describe_line = full_describe_line;
}

static GType plain_get_type (void);
static GType full_get_type (void);
G_DEFINE_TYPE_WITH_CODE (Plain, plain, VMT_TYPE_OBJECT,
                         G_IMPLEMENT_INTERFACE (VMT_TYPE_IRQ_CONTROLLER, plain_irq_init))
G_DEFINE_TYPE_WITH_CODE (Full, full, VMT_TYPE_OBJECT,
                         G_IMPLEMENT_INTERFACE (VMT_TYPE_IRQ_CONTROLLER, full_irq_init))

static void
plain_init (Plain *self)
{
}

static void
plain_class_init (PlainClass *klass)
{
}

static void
full_init (Full *self)
{
}

static void
full_class_init (FullClass *klass)
{
}

static void
test_unwired (void)
{
  VmtIrq irq = { NULL };
  vmt_irq_set (&irq, TRUE);
  vmt_irq_set (&irq, FALSE);
}

static void
test_wired (void)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (VmtObject) full = g_object_new (full_get_type (), NULL);
  VmtIrq irq = { NULL };
  g_assert_false (vmt_irq_controller_get_input (VMT_IRQ_CONTROLLER (full), "irq", &irq, &error));
  g_assert_error (error, VMT_ERROR, VMT_ERROR_NOT_FOUND);
  g_assert_null (irq.func);
  g_clear_error (&error);

  g_assert_true (vmt_irq_controller_get_input (VMT_IRQ_CONTROLLER (full), "nmi", &irq, &error));
  levels = 1;
  vmt_irq_set (&irq, TRUE);
  g_assert_cmphex (levels, ==, 9);
  vmt_irq_set (&irq, TRUE);
  g_assert_cmphex (levels, ==, 9);
  vmt_irq_set (&irq, FALSE);
  g_assert_cmphex (levels, ==, 1);

  guint32 cells[4] = { 0 };
  g_assert_cmpuint (vmt_irq_controller_describe_line (VMT_IRQ_CONTROLLER (full), 9, cells), ==, 2);
  g_assert_cmpuint (cells[0], ==, 7);
  g_assert_cmpuint (cells[1], ==, 9);
}

/* A controller that says nothing has no inputs, and one cell for a line. */
static void
test_defaults (void)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (VmtObject) plain = g_object_new (plain_get_type (), NULL);
  VmtIrq irq = { NULL };
  guint32 cells[4] = { 0 };
  g_assert_false (vmt_irq_controller_get_input (VMT_IRQ_CONTROLLER (plain), "1", &irq, &error));
  g_assert_error (error, VMT_ERROR, VMT_ERROR_UNSUPPORTED);
  g_assert_cmpuint (vmt_irq_controller_describe_line (VMT_IRQ_CONTROLLER (plain), 5, cells), ==, 1);
  g_assert_cmpuint (cells[0], ==, 5);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/bus/irq/unwired", test_unwired);
  g_test_add_func ("/bus/irq/wired", test_wired);
  g_test_add_func ("/bus/irq/defaults", test_defaults);
  return g_test_run ();
}
