/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SiFive's test finisher: software ends the machine by writing one register. Kernels see it as a
 * syscon with a power-off and a reboot value. */

#include "vmt.h"

#define FINISHER_FAIL 0x3333
#define FINISHER_PASS 0x5555
#define FINISHER_RESET 0x7777

#define VMT_TYPE_TEST_FINISHER (vmt_test_finisher_get_type ())
G_DECLARE_FINAL_TYPE (VmtTestFinisher, vmt_test_finisher, VMT, TEST_FINISHER, VmtDevice)

struct _VmtTestFinisher
{
  VmtDevice parent_instance;
};

G_DEFINE_FINAL_TYPE (VmtTestFinisher, vmt_test_finisher, VMT_TYPE_DEVICE)

/* A parent process sees 8 bits of an exit status: a failure shall not look like success. */
static int
exit_status (guint code)
{
  return code != 0 && (code & 0xff) == 0 ? 1 : (int)code;
}

static void
finish_write (gpointer device, guint index, guint64 value)
{
  VmtMachine *machine = vmt_device_get_machine (device);

  switch (value & 0xffff)
    {
    case FINISHER_PASS:
      vmt_machine_request_power_off (machine, "test-finisher", 0);
      break;
    case FINISHER_FAIL:
      vmt_machine_request_power_off (machine, "test-finisher", exit_status (value >> 16 & 0xffff));
      break;
    case FINISHER_RESET:
      vmt_machine_request_reset (machine, "test-finisher");
      break;
    default:
      vmt_device_guest_error (device, "unknown finisher command", value);
    }
}

static const VmtDeviceRegister registers[] = {
  { .name = "FINISH",
    .offset = 0,
    .size = 4,
    .widths = 1 | 2 | 4,
    .flags = VMT_REG_WO,
    .field = -1,
    .write = finish_write,
    .text = "0x5555 powers off, 0x3333 with the status in the upper half, 0x7777 resets" },
  VMT_REGISTERS_END,
};

static const VmtRegionSpec regions[] = {
  { .name = "registers", .size = 0x1000, .registers = registers },
  { .name = NULL },
};

static void
describe_user (VmtFirmwareNode *node, const char *name, VmtTestFinisher *self, guint32 value)
{
  VmtFirmwareNode *child = vmt_firmware_node_add_child (node, name);
  const char *const compatible[] = { name, NULL };

  vmt_firmware_node_set_compatible (child, compatible);
  vmt_firmware_node_add_reference (child, "regmap", VMT_OBJECT (self), NULL, 0);
  vmt_firmware_node_set_u32 (child, "offset", 0);
  vmt_firmware_node_set_u32 (child, "value", value);
}

/* simple-mfd makes kernels look at the children. */
static void
vmt_test_finisher_describe (VmtDevice *device, VmtFirmwareNode *node)
{
  static const char *const compatible[] = { "sifive,test1", "sifive,test0", "syscon", "simple-mfd",
                                            NULL };
  VmtTestFinisher *self = VMT_TEST_FINISHER (device);

  vmt_firmware_node_set_name (node, "test");
  vmt_firmware_node_set_compatible (node, compatible);
  describe_user (node, "syscon-poweroff", self, FINISHER_PASS);
  describe_user (node, "syscon-reboot", self, FINISHER_RESET);
}

static void
vmt_test_finisher_class_init (VmtTestFinisherClass *klass)
{
  VmtDeviceClass *device_class = VMT_DEVICE_CLASS (klass);

  device_class->text = "ends or resets the machine; its code becomes the exit status";
  device_class->regions = regions;
  device_class->describe = vmt_test_finisher_describe;
}

static void
vmt_test_finisher_init (VmtTestFinisher *self)
{
}

static const VmtFeature features[] = {
  { .kind = VMT_FEATURE_DEVICE, .name = "test-finisher", .get_type = vmt_test_finisher_get_type },
  { .name = NULL },
};

VMT_PLUGIN_DEFINE (test_finisher, "test-finisher", "SiFive test finisher", 0, features, NULL);
