/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* x86-64: floating point. */
#include "baseline-x86-64.h"

void
baseline_x86_float_forget (BaselineCompiler *c)
{
}

gboolean
baseline_x86_float (BaselineCompiler *c, const VmtIrOp *op)
{
  return FALSE;
}
