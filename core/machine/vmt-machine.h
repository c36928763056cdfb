/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "vmt-clock.h"
#include "vmt-cpu.h"

G_BEGIN_DECLS

typedef struct _VmtFirmware VmtFirmware;

typedef enum {
  VMT_MACHINE_NEW,      /* devices are being added */
  VMT_MACHINE_REALIZED, /* complete, never ran since reset */
  VMT_MACHINE_RUNNING,
  VMT_MACHINE_PAUSED,
  VMT_MACHINE_OFF,      /* powered off; may be reset and run again */
} VmtMachineState;

/* Why vmt_machine_run() returned, or what the guest asked for. */
typedef enum {
  VMT_STOP_POWER_OFF, /* the guest or the user powered it off: see the exit status */
  VMT_STOP_RESET,     /* only with on-reset=exit */
  VMT_STOP_PANIC,     /* the guest reported its own crash */
  VMT_STOP_QUIT,      /* vmt_machine_quit() */
  VMT_STOP_ERROR,     /* an internal or host error */
} VmtStopReason;

/**
 * VmtMachine:
 *
 * A computer: the root of an object tree, an address space, a clock, vCPUs, and a main context of its own on which all
 * back ends and timers are served. Many machines may live in one process.
 *
 * Properties: "memory" and what the board adds; "accel", "tier", "on-reset" (reboot|exit), "state" (read-only), "name".
 * Events: "state" (s), "reset" (s), "power-off" (si), "guest-panic" (s), "guest-error" (sst).
 */
#define VMT_TYPE_MACHINE (vmt_machine_get_type ())
G_DECLARE_FINAL_TYPE (VmtMachine, vmt_machine, VMT, MACHINE, VmtObject)

VmtMachine *vmt_machine_new (const char *name);
/* (transfer none): what people call it; never NULL. */
const char *vmt_machine_get_name (VmtMachine *self);
GMainContext *vmt_machine_get_context (VmtMachine *self);
VmtClock *vmt_machine_get_clock (VmtMachine *self);
VmtAddressSpace *vmt_machine_get_address_space (VmtMachine *self);
VmtMachineState vmt_machine_get_state (VmtMachine *self);

/* Composition, in state NEW. Each takes a reference of its own. RAM is mapped at @base and owned by the machine. */
gboolean vmt_machine_add_ram (VmtMachine *self, const char *id, guint64 base, guint64 size, VmtRamBacking backing,
                              const char *path, GError **error);
gboolean vmt_machine_add_cpu (VmtMachine *self, VmtCpu *cpu, GError **error);
/* A device anywhere in the tree; @parent NULL: the machine. Devices under devices are plugged into them. */
gboolean vmt_machine_add_device (VmtMachine *self, VmtDevice *parent, const char *id, VmtDevice *device, GError **error);
gboolean vmt_machine_set_firmware (VmtMachine *self, VmtFirmware *firmware, GError **error);
VmtFirmware *vmt_machine_get_firmware (VmtMachine *self);
guint vmt_machine_get_n_cpus (VmtMachine *self);
VmtCpu *vmt_machine_get_cpu (VmtMachine *self, guint index);
/* RAM blocks in address order; (nullable) past the end. */
VmtRam *vmt_machine_get_ram (VmtMachine *self, guint index, guint64 *base);

/* Realizes everything: back ends opened, regions mapped, interrupts wired, execution chosen. On failure what was realized is undone
 * and the machine is as before. */
gboolean vmt_machine_realize (VmtMachine *self, GError **error);

/* Boots (from REALIZED, or after a reset from OFF) or goes on (from PAUSED), serves the machine's context on this thread and runs the
 * vCPUs until it stops. *@status: the exit status that the guest gave (0 for a plain power-off). FALSE only for VMT_STOP_ERROR.
 * Afterwards the machine is OFF (power-off, reset) or PAUSED (everything else); disks are flushed. */
gboolean vmt_machine_run (VmtMachine *self, VmtStopReason *reason, int *status, GError **error);

/* These may be called from any thread, vCPU threads and device callbacks included: they take effect on the machine's context, and
 * outside of a run when the next one begins. */
void vmt_machine_pause (VmtMachine *self);
void vmt_machine_resume (VmtMachine *self);
/* @why: a static string for the event. */
void vmt_machine_request_reset (VmtMachine *self, const char *why);
void vmt_machine_request_power_off (VmtMachine *self, const char *why, int status);
void vmt_machine_report_panic (VmtMachine *self, const char *why);
void vmt_machine_quit (VmtMachine *self);

/* Sets "object.path.property" or a machine property from text; back ends too ("uart0.backend"). Dots and slashes both separate. */
gboolean vmt_machine_set_text (VmtMachine *self, const char *path, const char *text, GError **error);
char *vmt_machine_get_text (VmtMachine *self, const char *path, GError **error);

/* Stops all vCPUs at a safepoint, runs @func, lets them go on. Machine's thread. */
void vmt_machine_at_safepoint (VmtMachine *self, void (*func) (VmtMachine *machine, gpointer data), gpointer data);

/* Takes machine resources down: threads joined, back ends flushed and closed. Idempotent; dispose calls it. */
void vmt_machine_close (VmtMachine *self);

/* (transfer full): why tiers and accelerators that were considered are not used, a text each. */
char **vmt_machine_dup_refusals (VmtMachine *self);
/* The engine, for statistics and debuggers: a VmtExec from realize on; NULL without CPUs. */
struct _VmtExec *vmt_machine_get_exec (VmtMachine *self);

/* The hot code's ring for this machine. */
struct _VmtEventRing *vmt_machine_get_event_ring (VmtMachine *self);

G_END_DECLS
