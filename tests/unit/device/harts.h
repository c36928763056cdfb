/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A bench with RISC-V harts that stand still, for the tests of interrupt controllers that end at
 * them. */
#pragma once

#include "vmt-harness.h"

#define MIP_SSIP (1u << 1)
#define MIP_MSIP (1u << 3)
#define MIP_MTIP (1u << 7)
#define MIP_SEIP (1u << 9)
#define MIP_MEIP (1u << 11)

/* FALSE: this build has no RISC-V or nothing to run it, and the test has been skipped. */
gboolean harts_new (guint n, VmtHarness **harness);
/* Register mip of hart @index. */
guint64 harts_get_mip (VmtHarness *harness, guint index);
