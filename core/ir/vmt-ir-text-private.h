/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "vmt-ir-private.h"

G_BEGIN_DECLS

/* Names by number, NULL-terminated; shared by printer and parser. */
extern const char *const vmt_ir_cond_names[];
extern const char *const vmt_ir_flag_cond_names[];
extern const char *const vmt_ir_amo_names[];
extern const char *const vmt_ir_flag_names[];
extern const char *const vmt_ir_attr_names[];

/* Never fails: what is not valid is printed as '?' and a number. */
void vmt_ir_append_op (GString *s, const VmtIrBlock *block, const VmtIrOp *op);

G_END_DECLS
