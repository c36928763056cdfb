/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "vmt-event.h"
#include "vmt-param.h"
#include "vmt-value.h"

/* An object with a property of every sort. */
#define SAMPLE_TYPE (sample_get_type ())
G_DECLARE_FINAL_TYPE (Sample, sample, SAMPLE, SAMPLE, VmtObject)

Sample *sample_new (void);
guint sample_get_n_set (Sample *self);
