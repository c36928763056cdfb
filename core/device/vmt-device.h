/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "vmt-address-space.h"
#include "vmt-firmware-node.h"
#include "vmt-irq.h"
#include "vmt-object.h"
#include "vmt-register.h"
#include "vmt-state-table.h"

G_BEGIN_DECLS

typedef struct _VmtMachine VmtMachine;

/**
 * VmtDevice:
 *
 * Anything with registers on a bus. Its class declares tables; its instance has a lock that MMIO dispatch takes.
 * Life: created, properties set, (placed: base and interrupts), realized, reset, ... , unrealized.
 */
#define VMT_TYPE_DEVICE (vmt_device_get_type ())
G_DECLARE_DERIVABLE_TYPE (VmtDevice, vmt_device, VMT, DEVICE, VmtObject)

/* Interrupt outputs and regions that a class has. */
typedef struct { const char *name; const char *text; } VmtIrqSpec;

/**
 * VmtRegionSpec:
 * @registers: the table; or NULL when @ops does everything
 * @ops: instead of (or, as virtual read and write that default to the table, in front of) the table; (nullable). Called
 *   with the device; a callback that is NULL means the table, a size that is 0 the table's
 * @size: bytes; 0: the instance sets it with vmt_device_set_region_size() in prepare
 */
typedef struct
{
  const char *name;
  guint64 size;
  const VmtDeviceRegister *registers;
  const VmtMmioOps *ops;
  gpointer reserved[2];
} VmtRegionSpec;

struct _VmtDeviceClass
{
  VmtObjectClass parent_class;

  /* Tables, static, set in class_init; each ended by a row without a name. May be NULL. */
  const VmtRegionSpec *regions;
  const VmtIrqSpec *irqs;
  const VmtStateField *state; /* offsets are in the instance struct */
  guint state_version;
  const char *text;           /* one sentence for people */

  /* Before placing: sizes that depend on properties. */
  gboolean (*prepare) (VmtDevice *self, GError **error);
  /* Links are resolved, interrupts wired, regions mapped. Parents before children. */
  gboolean (*realize) (VmtDevice *self, GError **error);
  /* Stops back ends; nothing calls into the device afterwards. Also after a failed realize. */
  void (*unrealize) (VmtDevice *self);
  /* The table has been reset already. Lock held. */
  void (*reset) (VmtDevice *self);
  /* No DMA and no completion is under way when it returns (snapshots, power off). */
  void (*quiesce) (VmtDevice *self);
  /* The guest runs or stopped running: back ends may hold input. */
  void (*running_changed) (VmtDevice *self, gboolean running);
  void (*describe) (VmtDevice *self, VmtFirmwareNode *node);
  /* A child device of another class is put on this one (a bus, a transport, a slot). Before realize. */
  gboolean (*plug) (VmtDevice *self, VmtDevice *child, GError **error);
  gpointer reserved[12];
};

/* NULL before the device is in a machine. */
VmtMachine *vmt_device_get_machine (VmtDevice *self);
VmtAddressSpace *vmt_device_get_address_space (VmtDevice *self);
GMutex *vmt_device_get_lock (VmtDevice *self);
gboolean vmt_device_is_realized (VmtDevice *self);

/* Outputs by index in the class's table; the pointer stays valid and may be cached. */
const VmtIrq *vmt_device_get_irq (VmtDevice *self, guint index);
/* Wires output @name (NULL: the first one not yet wired) to @line of @controller. */
gboolean vmt_device_connect_irq (VmtDevice *self, const char *name, VmtObject *controller, const char *line, GError **error);
guint vmt_device_get_n_irqs (VmtDevice *self);
/* (nullable) (transfer none): where output @index goes; *@line the controller's number for it. */
VmtIrqController *vmt_device_get_irq_target (VmtDevice *self, guint index, guint *line);

guint vmt_device_get_n_regions (VmtDevice *self);
const VmtRegionSpec *vmt_device_get_region (VmtDevice *self, guint index);
guint64 vmt_device_get_region_size (VmtDevice *self, guint index);
void vmt_device_set_region_size (VmtDevice *self, guint index, guint64 size);
/* In prepare: array @name of the table has @count elements (0: as the table says). */
void vmt_device_set_register_count (VmtDevice *self, guint region, const char *name, guint count);
/* Where region @index is (or will be) mapped; G_MAXUINT64 when nowhere. On a realized device the mapping moves at once, from any
 * thread, the device's lock held or not; over another region it is left out, with a guest error. */
guint64 vmt_device_get_base (VmtDevice *self, guint index);
void vmt_device_set_base (VmtDevice *self, guint index, guint64 base);

/* The table's access as a guest would make it (hooks, masks, widths), lock already held: what ops default to. */
VmtMemStatus vmt_device_table_read (VmtDevice *self, guint region, guint64 offset, guint size, guint64 *value);
VmtMemStatus vmt_device_table_write (VmtDevice *self, guint region, guint64 offset, guint size, guint64 value);
/* A register's value for people and debuggers: never triggers a hook that has side effects. Takes the lock. FALSE: no register
 * begins here, or it cannot be looked at. */
gboolean vmt_device_peek (VmtDevice *self, guint region, guint64 offset, guint64 *value);

/* The machine calls these; tests may through VmtHarness. */
gboolean vmt_device_plug (VmtDevice *self, VmtDevice *child, GError **error);
gboolean vmt_device_realize (VmtDevice *self, VmtMachine *machine, GError **error);
void vmt_device_unrealize (VmtDevice *self);
void vmt_device_reset (VmtDevice *self);
void vmt_device_quiesce (VmtDevice *self);
void vmt_device_set_running (VmtDevice *self, gboolean running);

/* The guest did something that makes no sense: one rate-limited record with the object's path. Any thread, cheap when limited.
 * @value: what it wrote or where; @what: a static string. */
void vmt_device_guest_error (VmtDevice *self, const char *what, guint64 value);

G_END_DECLS
