/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "vmt.h"

G_BEGIN_DECLS

GType vmt_virtio_blk_get_type (void);
GType vmt_virtio_console_get_type (void);
GType vmt_virtio_mmio_get_type (void);
GType vmt_virtio_net_get_type (void);
GType vmt_virtio_pci_get_type (void);
GType vmt_virtio_rng_get_type (void);

G_END_DECLS
