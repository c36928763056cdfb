/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "vmt.h"
#include "vmt-fast.h"

G_BEGIN_DECLS

/**
 * VmtTierInterp:
 *
 * Executes IR by threaded code in C: works on every host, starts at once.
 */
#define VMT_TYPE_TIER_INTERP (vmt_tier_interp_get_type ())
G_DECLARE_FINAL_TYPE (VmtTierInterp, vmt_tier_interp, VMT, TIER_INTERP, VmtTier)

G_END_DECLS
