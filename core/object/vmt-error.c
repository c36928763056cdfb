/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "vmt-error.h"

G_DEFINE_QUARK (vmt-error-quark, vmt_error)
