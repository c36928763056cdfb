/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

/* Runs this test case again in a process of its own, in which g_test_subprocess() is TRUE, as
 * g_test_trap_subprocess() does; but also where programs of this kind need an emulator to be
 * started (meson's exe_wrapper). Returns the exit status, or minus the signal that ended it. */
int test_self_run (void);
