/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "vmt-firmware.h"
#include "vmt-loader.h"

G_BEGIN_DECLS

/* What every firmware does at a reset: kernel, initrd and device tree into memory, processors
 * started. */

/**
 * VmtBootFiles:
 * @kernel: nothing when there is no kernel: @kernel.entry is 0
 * @device_tree: guest physical address
 * @initrd_start: 0 without one, as is @initrd_end
 *
 * Where things are in guest memory.
 */
typedef struct
{
  VmtImage kernel;
  guint64 device_tree;
  guint64 initrd_start, initrd_end;
} VmtBootFiles;

/* RAM's lowest block: where firmware stands. */
gboolean vmt_boot_get_memory (VmtMachine *machine, guint64 *base, guint64 *size, GError **error);
/* Loads the files that @firmware's properties name. @kernel_base: for kernels that may go anywhere.
 * @device_tree: where it goes, or 0: near the top of the first GiB, as far from a growing kernel as
 * early page tables reach. Machine's thread, at a reset. */
gboolean vmt_boot_load (VmtFirmware *firmware, VmtMachine *machine, guint64 kernel_base,
                        guint64 device_tree, VmtBootFiles *files, GError **error);
/* Starts a stopped CPU at @entry with up to four arguments in its argument registers; @setup
 * (nullable) then does what else its start needs, on its thread. */
gboolean vmt_boot_start_cpu (VmtCpu *cpu, guint64 entry, const guint64 *arguments,
                             guint n_arguments, void (*setup) (VmtCpu *cpu, gpointer data),
                             gpointer data);

G_END_DECLS
