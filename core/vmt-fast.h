/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The fast ABI: hot structures that architectures and tiers share with the core.
 * A plugin that includes this must carry VMT_FAST_ABI in its descriptor: it is refused
 * unless the hash is exactly the core's. */
#pragma once

#include "vmt.h"
#define VMT_INSIDE
#include "vmt-fast-abi.h"
#include "vmt-fp.h"
#include "vmt-ir.h"
#include "vmt-ir-flags.h"
#include "vmt-ir-eval.h"
#include "vmt-ir-builder.h"
#include "vmt-arch.h"
#include "vmt-vcpu.h"
#include "vmt-tlb.h"
#include "vmt-exec-block.h"
#include "vmt-tier.h"
#include "vmt-exec.h"
#undef VMT_INSIDE
