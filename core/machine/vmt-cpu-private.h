/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "vmt-cpu.h"
#include "vmt-vcpu.h"

G_BEGIN_DECLS

void _vmt_cpu_set_index (VmtCpu *self, guint index);
/* The hot state, owned by the engine; NULL when the engine goes. */
void _vmt_cpu_set_vcpu (VmtCpu *self, VmtVcpu *vcpu);

/* The registry's describer of architectures. */
void _vmt_cpu_describe_class (GObjectClass *klass, GVariantDict *description);

G_END_DECLS
