/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <dlfcn.h>
#include <limits.h>
#include <stdlib.h>

#include "vmt-config.h"
#include "vmt-host.h"

/* Meson writes this file beside the library in a build folder, and never installs it. */
#define MARKER "vmtool-uninstalled"

typedef struct
{
  char *plugins, *boards, *helpers, *schema, *locale;
  gboolean uninstalled;
} Folders;

static GKeyFile *
load_marker (const char *folder, const char *below)
{
  g_autofree char *path = g_build_filename (folder, below, MARKER, NULL);
  g_autoptr (GKeyFile) file = g_key_file_new ();

  return g_key_file_load_from_file (file, path, G_KEY_FILE_NONE, NULL) ? g_steal_pointer (&file)
                                                                       : NULL;
}

/* The folder of the file that holds this code: the library, or a program that has it inside. */
static char *
find_own_folder (void)
{
  char resolved[PATH_MAX];
  Dl_info info;

#if VMT_CONFIG_STATIC_PLUGINS && defined(__linux__)
  /* For the program itself dladdr() only knows what somebody wrote into argv[0]. */
  if (realpath ("/proc/self/exe", resolved) != NULL)
    return g_path_get_dirname (resolved);
#endif
  if (dladdr (&vmt_host_get_plugin_dir, &info) == 0 || info.dli_fname == NULL ||
      realpath (info.dli_fname, resolved) == NULL)
    return NULL;
  return g_path_get_dirname (resolved);
}

static GKeyFile *
find_marker (void)
{
  g_autofree char *folder = find_own_folder ();
  GKeyFile *marker;

  if (folder == NULL)
    return NULL;
  marker = load_marker (folder, "");
#if VMT_CONFIG_STATIC_PLUGINS
  /* A program is somewhere else in the build folder than the library. */
  for (guint up = 0; marker == NULL && up < 4; up++)
    {
      g_autofree char *below = folder;

      folder = g_path_get_dirname (below);
      marker = load_marker (folder, "core" G_DIR_SEPARATOR_S "link");
    }
#endif
  return marker;
}

static char *
dup_folder (GKeyFile *marker, const char *key, const char *installed)
{
  char *folder = NULL;

  if (marker != NULL)
    folder = g_key_file_get_string (marker, "uninstalled", key, NULL);
  return folder != NULL ? folder : g_strdup (installed);
}

static gpointer
find_folders (gpointer data)
{
  g_autoptr (GKeyFile) marker = find_marker ();
  Folders *self = g_new0 (Folders, 1);

  self->plugins = dup_folder (marker, "plugins", VMT_CONFIG_PLUGINSDIR);
  self->boards = dup_folder (marker, "boards", VMT_CONFIG_BOARDSDIR);
  self->helpers = dup_folder (marker, "helpers", VMT_CONFIG_LIBEXECDIR);
  self->schema = dup_folder (marker, "schema", VMT_CONFIG_SCHEMADIR);
  self->locale = dup_folder (marker, "locale", VMT_CONFIG_LOCALEDIR);
  self->uninstalled = marker != NULL;
  return self;
}

static const Folders *
get_folders (void)
{
  static GOnce once = G_ONCE_INIT;

  return g_once (&once, find_folders, NULL);
}

/**
 * vmt_host_get_plugin_dir:
 *
 * Returns: (transfer none): the folder of the plugins that came with this library
 */
const char *
vmt_host_get_plugin_dir (void)
{
  return get_folders ()->plugins;
}

/**
 * vmt_host_get_boards_dir:
 *
 * Returns: (transfer none): the folder of the boards that came with this library
 */
const char *
vmt_host_get_boards_dir (void)
{
  return get_folders ()->boards;
}

/**
 * vmt_host_get_helper_dir:
 *
 * Returns: (transfer none): the folder of programs that the library starts
 */
const char *
vmt_host_get_helper_dir (void)
{
  return get_folders ()->helpers;
}

/**
 * vmt_host_get_schema_dir:
 *
 * Returns: (transfer none): the folder of the board schema
 */
const char *
vmt_host_get_schema_dir (void)
{
  return get_folders ()->schema;
}

/**
 * vmt_host_get_locale_dir:
 *
 * Returns: (transfer none): the folder of the message catalogues
 */
const char *
vmt_host_get_locale_dir (void)
{
  return get_folders ()->locale;
}

/**
 * vmt_host_is_uninstalled:
 *
 * Returns: whether the library was loaded from the folder in which it was built
 */
gboolean
vmt_host_is_uninstalled (void)
{
  return get_folders ()->uninstalled;
}

/**
 * vmt_host_get_system:
 *
 * Returns: (transfer none): "linux", "darwin", ...
 */
const char *
vmt_host_get_system (void)
{
  return VMT_CONFIG_HOST_SYSTEM;
}

/**
 * vmt_host_get_cpu:
 *
 * Returns: (transfer none): "x86_64", "aarch64", "riscv64", ...
 */
const char *
vmt_host_get_cpu (void)
{
  return VMT_CONFIG_HOST_CPU;
}
