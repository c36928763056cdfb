/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The umbrella of the stable plugin ABI: devices, back ends, services, accelerators.
 * Architectures and tiers include vmt-fast.h as well. */
#pragma once

#define VMT_INSIDE
#include "vmt-version.h"
#include "vmt-error.h"
#include "vmt-object.h"
#include "vmt-param.h"
#include "vmt-value.h"
#include "vmt-event.h"
#include "vmt-host.h"
#include "vmt-plugin.h"
#include "vmt-registry.h"
#include "vmt-ram.h"
#include "vmt-address-space.h"
#include "vmt-dma.h"
#include "vmt-irq.h"
#include "vmt-pci.h"
#include "vmt-virtio.h"
#include "vmt-firmware-node.h"
#include "vmt-register.h"
#include "vmt-state-table.h"
#include "vmt-device.h"
#include "vmt-backend.h"
#include "vmt-block.h"
#include "vmt-block-file.h"
#include "vmt-net.h"
#include "vmt-char.h"
#include "vmt-char-fd.h"
#include "vmt-entropy.h"
#include "vmt-clock.h"
#include "vmt-cpu.h"
#include "vmt-machine.h"
#include "vmt-loader.h"
#include "vmt-firmware.h"
#undef VMT_INSIDE
