/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* One source for all fixtures: meson.build says with macros what is wrong with each. */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "vmt-event.h"
#include "vmt-fast-abi.h"
#include "vmt-param.h"
#include "vmt-plugin.h"
#include "vmt-registry.h"
#include "vmt-version.h"

#ifndef NAME
#define NAME VARIANT
#endif
#ifndef KIND
#define KIND VMT_FEATURE_SERVICE
#endif
#ifndef RANK
#define RANK 0
#endif
#ifndef REQUIRES
#define REQUIRES NULL
#endif
#ifndef ABI_MAJOR
#define ABI_MAJOR VMT_ABI_MAJOR
#endif
#ifndef ABI_MINOR
#define ABI_MINOR VMT_ABI_MINOR
#endif
#ifndef FAST_ABI
#define FAST_ABI 0
#endif
#ifndef STRUCT_SIZE
#define STRUCT_SIZE sizeof (VmtPluginDesc)
#endif
#ifndef INIT
#define INIT NULL
#endif
#ifndef GET_TYPE
#define GET_TYPE fixture_get_type
#endif

typedef struct
{
  VmtObject parent_instance;
  guint64 size;
} Fixture;

static GObjectClass *parent_class;

static void
fixture_get_property (GObject *object, guint id, GValue *value, GParamSpec *pspec)
{
  g_value_set_uint64 (value, ((Fixture *)object)->size);
}

static void
fixture_set_property (GObject *object, guint id, const GValue *value, GParamSpec *pspec)
{
  ((Fixture *)object)->size = g_value_get_uint64 (value);
}

static void
fixture_class_init (gpointer klass, gpointer data)
{
  static const VmtEventSpec event = { "happened", "(su)", "Something happened." };

#ifdef CRASH_TYPE
  raise (SIGSEGV);
#endif
  parent_class = g_type_class_peek_parent (klass);
  G_OBJECT_CLASS (klass)->get_property = fixture_get_property;
  G_OBJECT_CLASS (klass)->set_property = fixture_set_property;
  g_object_class_install_property (klass, 1,
                                   vmt_param_spec_size ("cache-size", "Bytes of cache", 4096,
                                                        1 << 30, 65536,
                                                        G_PARAM_READWRITE | VMT_PARAM_LIVE));
  vmt_object_class_install_event (klass, &event);
}

static G_GNUC_UNUSED GType
fixture_get_type (void)
{
  static gsize type = 0;

  if (g_once_init_enter (&type))
    g_once_init_leave (
        &type, g_type_register_static_simple (VMT_TYPE_OBJECT, TYPE_NAME, sizeof (VmtObjectClass),
                                              fixture_class_init, sizeof (Fixture), NULL, 0));
  return type;
}

static G_GNUC_UNUSED GType
no_type (void)
{
  return G_TYPE_INVALID;
}

static G_GNUC_UNUSED GType
not_object (void)
{
  return G_TYPE_OBJECT;
}

static G_GNUC_UNUSED gboolean
crash (VmtPlugin *plugin, GError **error)
{
  raise (SIGSEGV);
  return TRUE;
}

static G_GNUC_UNUSED gboolean
leave (VmtPlugin *plugin, GError **error)
{
  _exit (0);
  return FALSE;
}

static G_GNUC_UNUSED gboolean
hang (VmtPlugin *plugin, GError **error)
{
  while (pause () != 0)
    ;
  return FALSE;
}

/* Neither may what it starts keep the scanner waiting, or stay. Whoever has the FIFO open is alive.
 */
static G_GNUC_UNUSED gboolean
fork_and_hang (VmtPlugin *plugin, GError **error)
{
  if (open (g_getenv ("FIXTURE_LOG"), O_WRONLY) < 0)
    return FALSE;
  if (fork () == 0)
    for (;;)
      pause ();
  raise (SIGSEGV);
  return TRUE;
}

/* Nor what it writes be taken for the scanner's answer. */
static G_GNUC_UNUSED gboolean
noise (VmtPlugin *plugin, GError **error)
{
  char byte;

  printf ("%s\n", "out of the plugin");
  fflush (stdout);
  fprintf (stderr, "%s\n", "out of the plugin");
  return read (0, &byte, 1) <= 0;
}

static G_GNUC_UNUSED gboolean
fail (VmtPlugin *plugin, GError **error)
{
  g_set_error (error, G_FILE_ERROR, G_FILE_ERROR_NOENT, "no card in the slot of %s",
               vmt_plugin_get_name (plugin));
  return FALSE;
}

static G_GNUC_UNUSED gboolean
ask_registry (VmtPlugin *plugin, GError **error)
{
  g_autoptr (GPtrArray) all =
      vmt_registry_list_features (vmt_registry_get_default (), VMT_FEATURE_DEVICE);

  return all != NULL;
}

/* Leaves a mark each time, in whichever process. */
static G_GNUC_UNUSED gboolean
count (VmtPlugin *plugin, GError **error)
{
  FILE *file = fopen (g_getenv ("FIXTURE_LOG"), "a");

  fputc ('x', file);
  return fclose (file) == 0;
}

static G_GNUC_UNUSED gboolean
count_and_crash (VmtPlugin *plugin, GError **error)
{
  count (plugin, error);
  raise (SIGSEGV);
  return TRUE;
}

static G_GNUC_UNUSED gboolean
count_and_hang (VmtPlugin *plugin, GError **error)
{
  count (plugin, error);
  while (pause () != 0)
    ;
  return FALSE;
}

int fixture_that_nobody_defines (void);

static G_GNUC_UNUSED gboolean
call_missing (VmtPlugin *plugin, GError **error)
{
  return fixture_that_nobody_defines ();
}

#ifdef CRASH_LOAD
static __attribute__ ((constructor)) void
crash_at_load (void)
{
  raise (SIGABRT);
}
#endif

#if !defined(NO_FEATURES) && !defined(NO_DESC)
static const VmtFeature features[] = {
  { KIND, VARIANT, RANK, GET_TYPE, REQUIRES, { NULL } },
#ifdef EXTRA_FEATURE
  { VMT_FEATURE_SERVICE, EXTRA_FEATURE, RANK, GET_TYPE, NULL, { NULL } },
#endif
  { 0, NULL, 0, NULL, NULL, { NULL } },
};
#endif

#ifndef NO_DESC
#define PASTE_(a, b) a##b
#define PASTE(a, b) PASTE_ (a, b)
extern G_MODULE_EXPORT const VmtPluginDesc PASTE (vmt_plugin_desc_, SYMBOL);
G_MODULE_EXPORT const VmtPluginDesc PASTE (vmt_plugin_desc_, SYMBOL) = {
  .struct_size = STRUCT_SIZE,
  .abi_major = ABI_MAJOR,
  .abi_minor = ABI_MINOR,
  .fast_abi = FAST_ABI,
  .name = NAME,
  .description = "A fixture",
  .version = "1",
  .license = "LGPL-2.1-or-later",
  .origin = "tests",
#ifndef NO_FEATURES
  .features = features,
#endif
  .init = INIT,
};
#endif
