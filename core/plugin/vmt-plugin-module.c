/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>

#include "vmt-error.h"
#include "vmt-plugin-private.h"

char *
_vmt_plugin_name_from_path (const char *path)
{
  static const char *const prefixes[] = { "libvmtarch-", "libvmtaccel-", "libvmtdev-",
                                          "libvmtplug-" };
  g_autofree char *file = g_path_get_basename (path);
  const char *name = NULL;
  char *dot = strrchr (file, '.');

  if (dot == NULL || strcmp (dot + 1, G_MODULE_SUFFIX) != 0)
    return NULL;
  *dot = '\0';
  for (guint i = 0; i < G_N_ELEMENTS (prefixes) && name == NULL; i++)
    if (g_str_has_prefix (file, prefixes[i]))
      name = file + strlen (prefixes[i]);
  if (name == NULL || *name == '\0')
    return NULL;
  for (const char *at = name; *at != '\0'; at++)
    if (!g_ascii_islower (*at) && !g_ascii_isdigit (*at) && *at != '-')
      return NULL;
  return g_strdup (name);
}

static VmtPlugin *
open_module (gconstpointer data, GError **error)
{
  const char *path = data;
  g_autofree char *name = _vmt_plugin_name_from_path (path);
  g_autofree char *symbol = NULL;
  const VmtPluginDesc *desc;
  GModule *module;

  if (name == NULL)
    {
      g_set_error (error, VMT_ERROR, VMT_ERROR_INVALID, "'%s' is not a plugin's file name", path);
      return NULL;
    }
  /* Symbols are bound now (so that a missing one is an error here and not a crash later), and seen
   * by nobody else. */
  module = g_module_open (path, G_MODULE_BIND_LOCAL);
  if (module == NULL)
    {
      g_set_error (error, VMT_ERROR, VMT_ERROR_INVALID, "it cannot be loaded: %s",
                   g_module_error ());
      return NULL;
    }
  symbol = g_strconcat ("vmt_plugin_desc_", name, NULL);
  g_strdelimit (symbol, "-", '_');
  if (!g_module_symbol (module, symbol, (gpointer *)&desc) || desc == NULL)
    {
      g_set_error (error, VMT_ERROR, VMT_ERROR_INVALID, "it has no symbol '%s'", symbol);
      g_module_close (module);
      return NULL;
    }
  /* Before its init, which may leave something behind even when it fails. */
  g_module_make_resident (module);
  return _vmt_plugin_new (desc, name, path, error);
}

VmtPlugin *
_vmt_plugin_open (const char *path, GError **error)
{
  return _vmt_plugin_open_once (path, open_module, path, error);
}
