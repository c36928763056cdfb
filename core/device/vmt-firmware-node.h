/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "vmt-object.h"

G_BEGIN_DECLS

/**
 * VmtFirmwareNode:
 *
 * How a realized object describes itself to firmware, neutrally: the device tree and ACPI writers in core/board
 * consume it; no device writes either format.
 *
 * A device fills in what it alone knows. Registers (`reg`) and interrupts (`interrupts-extended` or `interrupts`) come from
 * its regions and wired outputs and are added by the writer.
 */
typedef struct _VmtFirmwareNode VmtFirmwareNode;

VmtFirmwareNode *vmt_firmware_node_new (const char *name);
void vmt_firmware_node_free (VmtFirmwareNode *node);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (VmtFirmwareNode, vmt_firmware_node_free)

/* The generic node name ("serial", "interrupt-controller"); the unit address is added by the writer. */
void vmt_firmware_node_set_name (VmtFirmwareNode *node, const char *name);
/* Most specific first, NULL-terminated. */
void vmt_firmware_node_set_compatible (VmtFirmwareNode *node, const char *const *compatible);
/* ACPI _HID and _CID; (nullable). */
void vmt_firmware_node_set_hid (VmtFirmwareNode *node, const char *hid, const char *cid);
void vmt_firmware_node_set_string (VmtFirmwareNode *node, const char *property, const char *value);
void vmt_firmware_node_set_strings (VmtFirmwareNode *node, const char *property, const char *const *values);
void vmt_firmware_node_set_u32 (VmtFirmwareNode *node, const char *property, guint32 value);
void vmt_firmware_node_set_u64 (VmtFirmwareNode *node, const char *property, guint64 value);
void vmt_firmware_node_set_cells (VmtFirmwareNode *node, const char *property, const guint32 *cells, guint n_cells);
void vmt_firmware_node_set_flag (VmtFirmwareNode *node, const char *property);
void vmt_firmware_node_set_bytes (VmtFirmwareNode *node, const char *property, GBytes *bytes);
/* A reference to another object's node, followed by cells. Several calls for one property append.
 * @target: (nullable): NULL for the cells alone (what stands before the first reference of an interrupt-map) */
void vmt_firmware_node_add_reference (VmtFirmwareNode *node, const char *property, VmtObject *target,
                                      const guint32 *cells, guint n_cells);
/* Leaves `reg` or the interrupts out (the node writes its own). */
void vmt_firmware_node_omit_reg (VmtFirmwareNode *node);
void vmt_firmware_node_omit_interrupts (VmtFirmwareNode *node);
/* A child node, owned by @node. */
VmtFirmwareNode *vmt_firmware_node_add_child (VmtFirmwareNode *node, const char *name);
/* The chosen console's node, and other names for /aliases ("serial0"). */
void vmt_firmware_node_set_alias (VmtFirmwareNode *node, const char *alias);
/* May be the console named in /chosen/stdout-path. */
void vmt_firmware_node_set_console (VmtFirmwareNode *node);

G_END_DECLS
