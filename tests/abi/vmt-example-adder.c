/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A device as a third party writes it: built with nothing but the installed package (see test-third-party.py). */
#define VMT_PLUGIN_VERSION "1.0"
#define VMT_PLUGIN_LICENSE "LGPL-2.1-or-later"
#define VMT_PLUGIN_ORIGIN "example"
#include <vmt.h>

typedef struct
{
  VmtDevice parent_instance;
  guint32 a, b;
} ExampleAdder;
typedef VmtDeviceClass ExampleAdderClass;

GType example_adder_get_type (void);
G_DEFINE_TYPE (ExampleAdder, example_adder, VMT_TYPE_DEVICE)

static guint64
read_sum (gpointer device, guint index)
{
  ExampleAdder *self = device;

  return self->a + self->b;
}

static const VmtDeviceRegister registers[] = {
  { .name = "A", .offset = 0, .size = 4, .field = G_STRUCT_OFFSET (ExampleAdder, a) },
  { .name = "B", .offset = 4, .size = 4, .field = G_STRUCT_OFFSET (ExampleAdder, b) },
  { .name = "SUM", .offset = 8, .size = 4, .flags = VMT_REG_RO, .field = -1, .read = read_sum, .text = "A + B" },
  VMT_REGISTERS_END,
};

static const VmtRegionSpec regions[] = {
  { .name = "registers", .size = 0x1000, .registers = registers },
  { .name = NULL },
};

static const VmtStateField state[] = {
  VMT_STATE (ExampleAdder, a, U32),
  VMT_STATE (ExampleAdder, b, U32),
  VMT_STATE_END,
};

static void
example_adder_class_init (ExampleAdderClass *klass)
{
  klass->regions = regions;
  klass->state = state;
  klass->state_version = 1;
  klass->text = "Adds two numbers";
}

static void
example_adder_init (ExampleAdder *self)
{
}

static const VmtFeature features[] = {
  { VMT_FEATURE_DEVICE, "example-adder", 0, example_adder_get_type },
  { .name = NULL },
};

VMT_PLUGIN_DEFINE (example_adder, "example-adder", "Adds two numbers", 0, features, NULL);
