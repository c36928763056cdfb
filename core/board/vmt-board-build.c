/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>

#include "vmt-backend.h"
#include "vmt-board-private.h"
#include "vmt-error.h"
#include "vmt-firmware.h"
#include "vmt-param.h"
#include "vmt-registry.h"
#include "vmt-value.h"

/* A device that has been created and whose links, interrupts and back ends are still to be made. */
typedef struct
{
  VmtObject *object;
  const VmtBoardNode *node;
  GHashTable *scope;
} Pending;

typedef struct
{
  VmtBoard *board;
  VmtMachine *machine;
  GPtrArray *pending;
  VmtFirmware *firmware;
} Build;

static void
pending_free (Pending *pending)
{
  g_clear_pointer (&pending->scope, g_hash_table_unref);
  g_free (pending);
}

static char *
expand (Build *build, GHashTable *scope, const VmtBoardNode *node, const char *text, GError **error)
{
  char *out = vmt_board_expand (build->board, scope, text, FALSE, error);

  if (out == NULL)
    vmt_board_node_prefix (node, error);
  return out;
}

static char *
expand_attr (Build *build, GHashTable *scope, const VmtBoardNode *node, const char *name,
             GError **error)
{
  return expand (build, scope, node, vmt_board_node_attr (node, name), error);
}

static gboolean
expand_size (Build *build, GHashTable *scope, const VmtBoardNode *node, const char *name,
             guint64 *size, GError **error)
{
  g_autofree char *text = expand_attr (build, scope, node, name, error);

  if (text == NULL)
    return FALSE;
  if (!vmt_parse_size (text, size, error))
    {
      g_prefix_error (error, "%s:%u: attribute \"%s\": ", node->file, node->line, name);
      return FALSE;
    }
  return TRUE;
}

/* Where a region goes. */
static gboolean
expand_base (Build *build, GHashTable *scope, const VmtBoardNode *node, guint64 *base,
             GError **error)
{
  if (!expand_size (build, scope, node, "base", base, error))
    return FALSE;
  /* to devices this value means "nowhere" */
  if (*base == G_MAXUINT64)
    {
      vmt_board_node_error (node, error, VMT_ERROR_INVALID,
                            "attribute \"base\": the last address has no room for registers");
      return FALSE;
    }
  return TRUE;
}

static gboolean
apply_set (Build *build, GHashTable *scope, VmtObject *object, const VmtBoardNode *node,
           GError **error)
{
  const char *name = vmt_board_node_attr (node, "name");
  GParamSpec *pspec = g_object_class_find_property (G_OBJECT_GET_CLASS (object), name);
  g_autofree char *text = expand (build, scope, node, node->text != NULL ? node->text : "", error);

  if (text == NULL)
    return FALSE;
  if (pspec != NULL && vmt_param_spec_get_kind (pspec) == VMT_PARAM_FILE &&
      (node->text == NULL || !g_str_has_prefix (node->text, "${")))
    {
      vmt_board_node_error (node, error, VMT_ERROR_INVALID,
                            "property \"%s\" is a host file: a board opens none by itself, only a "
                            "parameter (\"${...}\") may name it",
                            name);
      return FALSE;
    }
  if (!vmt_object_set_text (object, name, text, error))
    {
      vmt_board_node_prefix (node, error);
      return FALSE;
    }
  return TRUE;
}

static gboolean
apply_sets (Build *build, GHashTable *scope, VmtObject *object, const VmtBoardNode *node,
            GError **error)
{
  for (guint i = 0; i < node->children->len; i++)
    {
      const VmtBoardNode *child = node->children->pdata[i];
      gboolean holds;

      if (!g_str_equal (child->name, "set"))
        continue;
      if (!vmt_board_condition (build->board, scope, child, &holds, error))
        return FALSE;
      if (holds && !apply_set (build, scope, object, child, error))
        return FALSE;
    }
  return TRUE;
}

static gboolean
add_memory (Build *build, const VmtBoardNode *node, GError **error)
{
  static const char *const backings[] = { "anon", "memfd", "file", NULL };
  const char *backing_text = vmt_board_node_attr (node, "backing");
  g_autofree char *backing = NULL;
  g_autofree char *file = NULL;
  guint64 base, size;
  guint index = 0;

  if (!expand_size (build, NULL, node, "base", &base, error) ||
      !expand_size (build, NULL, node, "size", &size, error))
    return FALSE;
  if (backing_text != NULL)
    {
      backing = expand (build, NULL, node, backing_text, error);
      if (backing == NULL)
        return FALSE;
      while (backings[index] != NULL && !g_str_equal (backings[index], backing))
        index++;
      if (backings[index] == NULL)
        {
          vmt_board_node_error (node, error, VMT_ERROR_INVALID,
                                "backing \"%s\" is not one of anon, memfd, file", backing);
          return FALSE;
        }
    }
  if (vmt_board_node_attr (node, "file") != NULL)
    {
      file = expand_attr (build, NULL, node, "file", error);
      if (file == NULL)
        return FALSE;
    }
  if (!vmt_machine_add_ram (build->machine, vmt_board_node_attr (node, "id"), base, size,
                            (VmtRamBacking)index, file != NULL && *file != '\0' ? file : NULL,
                            error))
    {
      vmt_board_node_prefix (node, error);
      return FALSE;
    }
  return TRUE;
}

static void
remember (Build *build, VmtObject *object, const VmtBoardNode *node, GHashTable *scope)
{
  Pending *pending = g_new0 (Pending, 1);

  pending->object = object;
  pending->node = node;
  pending->scope = scope != NULL ? g_hash_table_ref (scope) : NULL;
  g_ptr_array_add (build->pending, pending);
}

static gboolean
add_cpus (Build *build, const VmtBoardNode *node, GError **error)
{
  g_autofree char *type = expand_attr (build, NULL, node, "type", error);
  g_autofree char *count_text = NULL;
  guint64 count = 1;

  if (type == NULL)
    return FALSE;
  if (vmt_board_node_attr (node, "count") != NULL)
    {
      count_text = expand_attr (build, NULL, node, "count", error);
      if (count_text == NULL)
        return FALSE;
      if (!g_ascii_string_to_unsigned (count_text, 10, 1, 1024, &count, error))
        {
          g_prefix_error (error, "%s:%u: count of CPUs: ", node->file, node->line);
          return FALSE;
        }
    }
  for (guint i = 0; i < count; i++)
    {
      g_autoptr (VmtObject) cpu =
          vmt_registry_create (vmt_registry_get_default (), VMT_FEATURE_ARCH, type, error);

      if (cpu == NULL)
        {
          vmt_board_node_prefix (node, error);
          return FALSE;
        }
      if (!apply_sets (build, NULL, cpu, node, error))
        return FALSE;
      if (!vmt_machine_add_cpu (build->machine, VMT_CPU (cpu), error))
        {
          vmt_board_node_prefix (node, error);
          return FALSE;
        }
    }
  return TRUE;
}

static gboolean
add_device (Build *build, VmtDevice *parent, GHashTable *scope, const VmtBoardNode *node,
            GError **error)
{
  g_autofree char *id = expand_attr (build, scope, node, "id", error);
  g_autofree char *type = NULL;
  g_autoptr (VmtObject) device = NULL;
  gboolean holds;

  if (id == NULL || !vmt_board_condition (build->board, scope, node, &holds, error))
    return FALSE;
  if (!holds)
    return TRUE;
  if (vmt_board_node_attr (node, "type") == NULL)
    {
      vmt_board_node_error (node, error, VMT_ERROR_INVALID,
                            "device \"%s\" needs the attribute \"type\": nothing before defines it",
                            id);
      return FALSE;
    }
  type = expand_attr (build, scope, node, "type", error);
  if (type == NULL)
    return FALSE;
  if (vmt_board_node_attr (node, "on") != NULL)
    {
      g_autofree char *on = expand_attr (build, scope, node, "on", error);
      VmtObject *target =
          on != NULL ? vmt_object_find (VMT_OBJECT (build->machine), on, error) : NULL;

      if (target == NULL || !VMT_IS_DEVICE (target))
        {
          if (target != NULL)
            g_set_error (error, VMT_ERROR, VMT_ERROR_INVALID, "\"%s\" is not a device", on);
          g_prefix_error (error, "%s:%u: device \"%s\", attribute \"on\": ", node->file, node->line,
                          id);
          return FALSE;
        }
      parent = VMT_DEVICE (target);
    }
  device = vmt_registry_create (vmt_registry_get_default (), VMT_FEATURE_DEVICE, type, error);
  if (device == NULL)
    {
      g_prefix_error (error, "%s:%u: device \"%s\": ", node->file, node->line, id);
      return FALSE;
    }
  if (!apply_sets (build, scope, device, node, error))
    return FALSE;
  if (!vmt_machine_add_device (build->machine, parent, id, VMT_DEVICE (device), error))
    {
      vmt_board_node_prefix (node, error);
      return FALSE;
    }
  if (vmt_board_node_attr (node, "base") != NULL)
    {
      guint64 base;
      if (!expand_base (build, scope, node, &base, error))
        return FALSE;
      if (vmt_device_get_n_regions (VMT_DEVICE (device)) == 0)
        {
          vmt_board_node_error (node, error, VMT_ERROR_INVALID,
                                "device \"%s\" of type %s has no registers of its own: no \"base\"",
                                id, type);
          return FALSE;
        }
      vmt_device_set_base (VMT_DEVICE (device), 0, base);
    }
  remember (build, device, node, scope);
  for (guint i = 0; i < node->children->len; i++)
    {
      const VmtBoardNode *child = node->children->pdata[i];
      if (g_str_equal (child->name, "device") &&
          !add_device (build, VMT_DEVICE (device), scope, child, error))
        return FALSE;
    }
  return TRUE;
}

static gboolean
add_each (Build *build, const VmtBoardNode *node, GError **error)
{
  const char *param = vmt_board_node_attr (node, "param");
  const char *as = vmt_board_node_attr (node, "as");
  const char *index = vmt_board_node_attr (node, "index");
  GPtrArray *list = vmt_board_get_list (build->board, param);
  gboolean holds;

  if (list == NULL)
    {
      vmt_board_node_error (node, error, VMT_ERROR_INVALID,
                            "\"%s\" is not a parameter of type list or file-list", param);
      return FALSE;
    }
  if (!vmt_board_condition (build->board, NULL, node, &holds, error))
    return FALSE;
  for (guint i = 0; holds && i < list->len; i++)
    {
      g_autoptr (GHashTable) scope =
          g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_free);

      g_hash_table_insert (scope, g_strdup (as), g_strdup (list->pdata[i]));
      if (index != NULL)
        g_hash_table_insert (scope, g_strdup (index), g_strdup_printf ("%u", i));
      for (guint k = 0; k < node->children->len; k++)
        if (!add_device (build, NULL, scope, node->children->pdata[k], error))
          return FALSE;
    }
  return TRUE;
}

static gboolean
add_firmware (Build *build, const VmtBoardNode *node, GError **error)
{
  g_autofree char *type = NULL;
  g_autoptr (VmtObject) firmware = NULL;
  gboolean holds;

  if (!vmt_board_condition (build->board, NULL, node, &holds, error))
    return FALSE;
  if (!holds)
    return TRUE;
  if (build->firmware != NULL)
    {
      vmt_board_node_error (node, error, VMT_ERROR_INVALID, "the machine has a firmware already");
      return FALSE;
    }
  type = expand_attr (build, NULL, node, "type", error);
  if (type == NULL)
    return FALSE;
  firmware = vmt_registry_create (vmt_registry_get_default (), VMT_FEATURE_FIRMWARE, type, error);
  if (firmware == NULL)
    {
      vmt_board_node_prefix (node, error);
      return FALSE;
    }
  if (!apply_sets (build, NULL, firmware, node, error) ||
      !vmt_machine_set_firmware (build->machine, VMT_FIRMWARE (firmware), error))
    {
      if (error != NULL && *error != NULL && strstr ((*error)->message, node->file) == NULL)
        vmt_board_node_prefix (node, error);
      return FALSE;
    }
  build->firmware = VMT_FIRMWARE (firmware);
  remember (build, firmware, node, NULL);
  return TRUE;
}

static gboolean
apply_link (Build *build, Pending *pending, const VmtBoardNode *node, GError **error)
{
  const char *name = vmt_board_node_attr (node, "name");
  g_autofree char *to = expand_attr (build, pending->scope, node, "to", error);

  if (to == NULL)
    return FALSE;
  if (!vmt_object_set_text (pending->object, name, to, error))
    {
      vmt_board_node_prefix (node, error);
      return FALSE;
    }
  return TRUE;
}

static gboolean
apply_irq (Build *build, Pending *pending, const VmtBoardNode *node, GError **error)
{
  g_autofree char *to = expand_attr (build, pending->scope, node, "to", error);
  g_autofree char *line =
      to != NULL ? expand_attr (build, pending->scope, node, "line", error) : NULL;
  VmtObject *controller;

  if (line == NULL)
    return FALSE;
  controller = vmt_object_find (VMT_OBJECT (build->machine), to, error);
  if (controller == NULL ||
      !vmt_device_connect_irq (VMT_DEVICE (pending->object), vmt_board_node_attr (node, "name"),
                               controller, line, error))
    {
      g_autofree char *path = vmt_object_dup_path (pending->object);
      g_prefix_error (error, "%s:%u: interrupt of \"%s\": ", node->file, node->line, path);
      return FALSE;
    }
  return TRUE;
}

static gboolean
apply_region (Build *build, Pending *pending, const VmtBoardNode *node, GError **error)
{
  VmtDevice *device = VMT_DEVICE (pending->object);
  const char *name = vmt_board_node_attr (node, "name");
  g_autoptr (GPtrArray) names = g_ptr_array_new ();
  const char *near;
  guint64 base;

  if (!expand_base (build, pending->scope, node, &base, error))
    return FALSE;
  for (guint i = 0; i < vmt_device_get_n_regions (device); i++)
    {
      const VmtRegionSpec *spec = vmt_device_get_region (device, i);
      if (g_strcmp0 (spec->name, name) == 0)
        {
          vmt_device_set_base (device, i, base);
          return TRUE;
        }
      g_ptr_array_add (names, (gpointer)spec->name);
    }
  g_ptr_array_add (names, NULL);
  near = vmt_nearest_name (name, (const char *const *)names->pdata);
  vmt_board_node_error (node, error, VMT_ERROR_NOT_FOUND, "the device has no region \"%s\"%s%s%s",
                        name, near != NULL ? "; did you mean \"" : "", near != NULL ? near : "",
                        near != NULL ? "\"?" : "");
  return FALSE;
}

static gboolean
apply_backend (Build *build, Pending *pending, const VmtBoardNode *node, GError **error)
{
  const char *property = vmt_board_node_attr (node, "name");
  const char *text = vmt_board_node_attr (node, "default");
  g_autofree char *expanded = NULL;

  /* A board opens no host path, socket or command: only what its user gave for a parameter may
   * follow the name. */
  if (strchr (text, ',') != NULL && strstr (text, "${") == NULL)
    {
      vmt_board_node_error (node, error, VMT_ERROR_INVALID,
                            "back end \"%s\": a board may name a back end; its properties come "
                            "from parameters (\"${...}\")",
                            text);
      return FALSE;
    }
  expanded = vmt_board_expand (build->board, pending->scope, text,
                               g_str_has_prefix (text, "${") ? FALSE : TRUE, error);
  if (expanded == NULL ||
      !vmt_backend_attach (pending->object, property != NULL ? property : "backend", expanded,
                           error))
    {
      vmt_board_node_prefix (node, error);
      return FALSE;
    }
  return TRUE;
}

static gboolean
finish (Build *build, Pending *pending, GError **error)
{
  for (guint i = 0; i < pending->node->children->len; i++)
    {
      const VmtBoardNode *node = pending->node->children->pdata[i];
      gboolean ok = TRUE, holds;

      if (!vmt_board_condition (build->board, pending->scope, node, &holds, error))
        return FALSE;
      if (!holds)
        continue;
      if (g_str_equal (node->name, "link"))
        ok = apply_link (build, pending, node, error);
      else if (g_str_equal (node->name, "irq"))
        ok = apply_irq (build, pending, node, error);
      else if (g_str_equal (node->name, "region"))
        ok = apply_region (build, pending, node, error);
      else if (g_str_equal (node->name, "backend"))
        ok = apply_backend (build, pending, node, error);
      if (!ok)
        return FALSE;
    }
  return TRUE;
}

static GBytes *
make_device_tree (VmtMachine *machine, guint64 initrd_start, guint64 initrd_end, gpointer data,
                  GError **error)
{
  return vmt_board_make_device_tree (machine, initrd_start, initrd_end, error);
}

static gboolean
add_node (Build *build, const VmtBoardNode *node, GError **error)
{
  gboolean holds;

  if (g_str_equal (node->name, "firmware"))
    return add_firmware (build, node, error);
  if (g_str_equal (node->name, "device"))
    return add_device (build, NULL, NULL, node, error);
  if (g_str_equal (node->name, "each"))
    return add_each (build, node, error);
  if (!vmt_board_condition (build->board, NULL, node, &holds, error))
    return FALSE;
  if (holds && g_str_equal (node->name, "memory"))
    return add_memory (build, node, error);
  if (holds && g_str_equal (node->name, "cpu"))
    return add_cpus (build, node, error);
  return TRUE;
}

/* Properties of the machine itself that boards offer as parameters of the same name. */
static gboolean
set_machine_params (Build *build, GError **error)
{
  static const char *const names[] = { "accel",      "tier",     "promote-after",
                                       "code-cache", "on-reset", NULL };

  for (guint i = 0; names[i] != NULL; i++)
    {
      g_autofree char *text = vmt_board_get (build->board, names[i]);

      if (text != NULL && *text != '\0' &&
          !vmt_object_set_text (VMT_OBJECT (build->machine), names[i], text, error))
        {
          g_prefix_error (error, "parameter \"%s\": ", names[i]);
          return FALSE;
        }
    }
  return TRUE;
}

VmtMachine *
vmt_board_build (VmtBoard *self, const char *machine_name, GError **error)
{
  g_autoptr (VmtMachine) machine = vmt_machine_new (machine_name);
  g_autoptr (GPtrArray) pending = g_ptr_array_new_with_free_func ((GDestroyNotify)pending_free);
  Build build = { .board = self, .machine = machine, .pending = pending };
  VmtBoardNode *root = vmt_board_get_node (self);
  GPtrArray *settings = vmt_board_get_settings (self);

  g_object_set_data_full (G_OBJECT (machine), "vmt-board", g_object_ref (self), g_object_unref);
  if (!set_machine_params (&build, error))
    return NULL;
  for (guint i = 0; i < root->children->len; i++)
    if (!add_node (&build, root->children->pdata[i], error))
      return NULL;
  if (vmt_machine_get_n_cpus (machine) == 0)
    {
      vmt_board_node_error (root, error, VMT_ERROR_INVALID, "the board has no <cpu>");
      return NULL;
    }
  for (guint i = 0; i < pending->len; i++)
    if (!finish (&build, pending->pdata[i], error))
      return NULL;
  for (guint i = 0; i + 1 < settings->len; i += 2)
    if (!vmt_machine_set_text (machine, settings->pdata[i], settings->pdata[i + 1], error))
      {
        g_prefix_error (error, "-s %s=%s: ", (char *)settings->pdata[i],
                        (char *)settings->pdata[i + 1]);
        return NULL;
      }
  if (build.firmware != NULL)
    vmt_firmware_set_device_tree (build.firmware, make_device_tree, NULL);
  return g_steal_pointer (&machine);
}
