/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "vmt-virtio-plugin-private.h"

static const VmtFeature features[] = {
  { .kind = VMT_FEATURE_DEVICE, .name = "virtio-blk", .get_type = vmt_virtio_blk_get_type },
  { .kind = VMT_FEATURE_DEVICE, .name = "virtio-mmio", .get_type = vmt_virtio_mmio_get_type },
  { .kind = VMT_FEATURE_DEVICE, .name = "virtio-pci", .get_type = vmt_virtio_pci_get_type },
  { .kind = VMT_FEATURE_DEVICE, .name = "virtio-console", .get_type = vmt_virtio_console_get_type },
  { .kind = VMT_FEATURE_DEVICE, .name = "virtio-net", .get_type = vmt_virtio_net_get_type },
  { .kind = VMT_FEATURE_DEVICE, .name = "virtio-rng", .get_type = vmt_virtio_rng_get_type },
  { .name = NULL },
};

VMT_PLUGIN_DEFINE (virtio, "virtio", "virtio 1.2 transports and devices", 0, features, NULL);
