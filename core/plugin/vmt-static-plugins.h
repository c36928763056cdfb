/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "vmt-plugin.h"

/* Generated in static mode (core/link): NULL-terminated. Private to core/plugin. */
extern const VmtPluginDesc *const vmt_static_plugins[];
