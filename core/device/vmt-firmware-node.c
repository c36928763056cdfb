/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "vmt-firmware-node.h"

#include "vmt-firmware-node-private.h"

static void
reference_free (gpointer data)
{
  VmtFirmwareReference *reference = data;
  g_clear_object (&reference->target);
  g_free (reference->cells);
  g_free (reference);
}

static void
property_clear (VmtFirmwareProperty *property)
{
  g_clear_pointer (&property->strings, g_strfreev);
  g_clear_pointer (&property->cells, g_array_unref);
  g_clear_pointer (&property->bytes, g_bytes_unref);
  g_clear_pointer (&property->references, g_ptr_array_unref);
  property->number = 0;
}

static void
property_free (gpointer data)
{
  VmtFirmwareProperty *property = data;
  property_clear (property);
  g_free (property->name);
  g_free (property);
}

VmtFirmwareNode *
vmt_firmware_node_new (const char *name)
{
  VmtFirmwareNode *node = g_new0 (VmtFirmwareNode, 1);
  node->name = g_strdup (name);
  node->properties = g_ptr_array_new_with_free_func (property_free);
  node->children = g_ptr_array_new_with_free_func ((GDestroyNotify)vmt_firmware_node_free);
  node->aliases = g_ptr_array_new_with_free_func (g_free);
  return node;
}

void
vmt_firmware_node_free (VmtFirmwareNode *node)
{
  if (node == NULL)
    return;
  g_ptr_array_unref (node->properties);
  g_ptr_array_unref (node->children);
  g_ptr_array_unref (node->aliases);
  g_strfreev (node->compatible);
  g_free (node->name);
  g_free (node->hid);
  g_free (node->cid);
  g_free (node);
}

static VmtFirmwareProperty *
find (const VmtFirmwareNode *node, const char *name)
{
  for (guint i = 0; i < node->properties->len; i++)
    {
      VmtFirmwareProperty *property = g_ptr_array_index (node->properties, i);
      if (g_str_equal (property->name, name))
        return property;
    }
  return NULL;
}

const VmtFirmwareProperty *
_vmt_firmware_node_find (const VmtFirmwareNode *node, const char *property)
{
  return find (node, property);
}

/* The property @name with its old value gone. */
static VmtFirmwareProperty *
replace (VmtFirmwareNode *node, const char *name, VmtFirmwarePropertyKind kind)
{
  VmtFirmwareProperty *property = find (node, name);
  if (property == NULL)
    {
      property = g_new0 (VmtFirmwareProperty, 1);
      property->name = g_strdup (name);
      g_ptr_array_add (node->properties, property);
    }
  else
    property_clear (property);
  property->kind = kind;
  return property;
}

void
vmt_firmware_node_set_name (VmtFirmwareNode *node, const char *name)
{
  char *copy = g_strdup (name);
  g_free (node->name);
  node->name = copy;
}

void
vmt_firmware_node_set_compatible (VmtFirmwareNode *node, const char *const *compatible)
{
  char **copy = g_strdupv ((char **)compatible);
  g_strfreev (node->compatible);
  node->compatible = copy;
}

void
vmt_firmware_node_set_hid (VmtFirmwareNode *node, const char *hid, const char *cid)
{
  g_free (node->hid);
  g_free (node->cid);
  node->hid = g_strdup (hid);
  node->cid = g_strdup (cid);
}

void
vmt_firmware_node_set_string (VmtFirmwareNode *node, const char *property, const char *value)
{
  const char *const values[] = { value, NULL };
  vmt_firmware_node_set_strings (node, property, values);
}

void
vmt_firmware_node_set_strings (VmtFirmwareNode *node, const char *property,
                               const char *const *values)
{
  char **copy = g_strdupv ((char **)values);
  replace (node, property, VMT_FIRMWARE_STRINGS)->strings = copy;
}

void
vmt_firmware_node_set_u32 (VmtFirmwareNode *node, const char *property, guint32 value)
{
  replace (node, property, VMT_FIRMWARE_U32)->number = value;
}

void
vmt_firmware_node_set_u64 (VmtFirmwareNode *node, const char *property, guint64 value)
{
  replace (node, property, VMT_FIRMWARE_U64)->number = value;
}

void
vmt_firmware_node_set_cells (VmtFirmwareNode *node, const char *property, const guint32 *cells,
                             guint n_cells)
{
  GArray *copy = g_array_new (FALSE, FALSE, sizeof (guint32));
  g_array_append_vals (copy, cells, n_cells);
  replace (node, property, VMT_FIRMWARE_CELLS)->cells = copy;
}

void
vmt_firmware_node_set_flag (VmtFirmwareNode *node, const char *property)
{
  replace (node, property, VMT_FIRMWARE_FLAG);
}

void
vmt_firmware_node_set_bytes (VmtFirmwareNode *node, const char *property, GBytes *bytes)
{
  g_bytes_ref (bytes);
  replace (node, property, VMT_FIRMWARE_BYTES)->bytes = bytes;
}

void
vmt_firmware_node_add_reference (VmtFirmwareNode *node, const char *property, VmtObject *target,
                                 const guint32 *cells, guint n_cells)
{
  g_return_if_fail (target == NULL || VMT_IS_OBJECT (target));

  VmtFirmwareProperty *found = find (node, property);
  if (found == NULL || found->kind != VMT_FIRMWARE_REFERENCES)
    {
      found = replace (node, property, VMT_FIRMWARE_REFERENCES);
      found->references = g_ptr_array_new_with_free_func (reference_free);
    }
  VmtFirmwareReference *reference = g_new0 (VmtFirmwareReference, 1);
  g_set_object (&reference->target, target);
  reference->n_cells = n_cells;
  reference->cells = g_memdup2 (cells, n_cells * sizeof (guint32));
  g_ptr_array_add (found->references, reference);
}

void
vmt_firmware_node_omit_reg (VmtFirmwareNode *node)
{
  node->omit_reg = TRUE;
}

void
vmt_firmware_node_omit_interrupts (VmtFirmwareNode *node)
{
  node->omit_interrupts = TRUE;
}

VmtFirmwareNode *
vmt_firmware_node_add_child (VmtFirmwareNode *node, const char *name)
{
  VmtFirmwareNode *child = vmt_firmware_node_new (name);
  g_ptr_array_add (node->children, child);
  return child;
}

void
vmt_firmware_node_set_alias (VmtFirmwareNode *node, const char *alias)
{
  g_ptr_array_add (node->aliases, g_strdup (alias));
}

void
vmt_firmware_node_set_console (VmtFirmwareNode *node)
{
  node->console = TRUE;
}
