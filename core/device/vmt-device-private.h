/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "vmt-device.h"

G_BEGIN_DECLS

/* core/machine puts the device into a machine: from here on it has an address space. NULL takes it
 * out. */
void _vmt_device_set_machine (VmtDevice *self, VmtMachine *machine, VmtAddressSpace *space);

/* The registry's describer of devices. */
void _vmt_device_describe_class (GObjectClass *klass, GVariantDict *description);

G_END_DECLS
