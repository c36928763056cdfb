/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "vmt.h"
#include "vmt-fast.h"

/* A tier that leaves each block to one of two others, at random. */
VmtTier *mixed_tier_new (VmtTier *first, VmtTier *second, guint64 seed);
