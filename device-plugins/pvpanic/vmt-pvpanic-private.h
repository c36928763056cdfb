/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "vmt.h"

G_BEGIN_DECLS

/* Bits of the one register: what can be reported, and what is. */
#define PVPANIC_PANICKED 1
#define PVPANIC_CRASH_LOADED 2
#define PVPANIC_EVENTS (PVPANIC_PANICKED | PVPANIC_CRASH_LOADED)

GType vmt_pvpanic_get_type (void);
GType vmt_pvpanic_pci_get_type (void);

void _vmt_pvpanic_class_init (VmtDeviceClass *klass);
void _vmt_pvpanic_report (gpointer device, guint index, guint64 value);

G_END_DECLS
