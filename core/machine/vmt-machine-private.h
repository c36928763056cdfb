/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "vmt-machine.h"

#include "vmt-event.h"
#include "vmt-exec.h"

G_BEGIN_DECLS

typedef enum
{
  VMT_ON_RESET_REBOOT,
  VMT_ON_RESET_EXIT,
} VmtOnReset;

GType vmt_on_reset_get_type (void);
GType vmt_machine_state_get_type (void);

typedef struct
{
  char *id;
  VmtRam *ram;
  guint64 base;
} VmtMachineRam;

/* What was asked for and is not done yet; several threads write it. */
typedef struct
{
  gboolean quit, pause, resume, power_off, reset, panic;
  const char *power_off_why, *reset_why, *panic_why;
  int status;
} VmtMachineRequests;

struct _VmtMachine
{
  VmtObject parent_instance;

  char *name, *accel, *tier_name;
  guint promote_after; /* executions */
  guint64 code_cache;  /* bytes */
  VmtOnReset on_reset;
  gboolean prepared; /* the firmware has seen its files */
  VmtMachineState state;
  gboolean closed;
  guint n_safepoints;    /* calls of vmt_machine_at_safepoint() under way */
  gboolean close_wanted; /* when they are over */

  GMainContext *context;
  VmtClock *clock;
  VmtAddressSpace *space;
  GArray *rams;    /* VmtMachineRam, by base */
  GPtrArray *cpus; /* owned */
  VmtFirmware *firmware;
  GPtrArray *realized; /* devices and back ends in the order in which they were brought up, owned */

  VmtTier *tier;
  VmtExec *exec; /* (nullable): a machine without CPUs has none */
  GPtrArray *refusals;

  GMutex lock; /* of requests and ring */
  VmtMachineRequests requests;
  GSource *wake;
  VmtEventRing *ring;
  GSource *ring_source;

  /* The run that is under way; the machine's thread. */
  gboolean in_run, stopping;
  VmtStopReason stop_reason;
  int stop_status;
  GError *stop_error;
};

/* vmt-machine-exec.c */
gboolean _vmt_machine_make_exec (VmtMachine *self, GError **error);
void _vmt_machine_drop_exec (VmtMachine *self);
/* (transfer full): "name=number" each; empty without CPUs and before realize. */
char **_vmt_machine_dup_statistics (VmtMachine *self);

/* vmt-machine-run.c */
void _vmt_machine_init_run (VmtMachine *self);
void _vmt_machine_fini_run (VmtMachine *self);
void _vmt_machine_set_state (VmtMachine *self, VmtMachineState state);
/* vCPUs to a safepoint, clock stopped, devices told; the opposite of what running needs. */
void _vmt_machine_halt (VmtMachine *self);
void _vmt_machine_reset_all (VmtMachine *self);

G_END_DECLS
