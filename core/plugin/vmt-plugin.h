/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gmodule.h>

#include "vmt-object.h"

G_BEGIN_DECLS

#define VMT_ABI_MAJOR 1
#define VMT_ABI_MINOR 0

/**
 * VmtFeatureKind:
 *
 * What a plugin can offer. The nick ("arch", "tier", ...) is what XML, inspect and properties use, and the
 * prefix of the module's file name: libvmtarch-, libvmtaccel- (tiers and accelerators), libvmtdev-, libvmtplug-.
 */
typedef enum {
  VMT_FEATURE_ARCH,     /* GType is a VmtCpu */
  VMT_FEATURE_TIER,     /* GType is a VmtTier */
  VMT_FEATURE_ACCEL,
  VMT_FEATURE_DEVICE,   /* GType is a VmtDevice */
  VMT_FEATURE_BLOCK,    /* block image format or protocol: a VmtBlock */
  VMT_FEATURE_NET,      /* a VmtNet */
  VMT_FEATURE_CHAR,     /* a VmtChar */
  VMT_FEATURE_ENTROPY,  /* a VmtEntropy */
  VMT_FEATURE_LOADER,   /* a VmtLoader */
  VMT_FEATURE_FIRMWARE, /* a VmtFirmware */
  VMT_FEATURE_SERVICE,
  VMT_FEATURE_HOST,
} VmtFeatureKind;

#define VMT_N_FEATURE_KINDS (VMT_FEATURE_HOST + 1)
const char *vmt_feature_kind_get_nick (VmtFeatureKind kind);
gboolean vmt_feature_kind_from_nick (const char *nick, VmtFeatureKind *kind);

/**
 * VmtFeature:
 * @rank: among features of one kind and name the higher wins; for "auto" choices the highest usable wins
 * @requires: words separated by spaces that must hold on this host ("linux", "x86_64"), or NULL
 */
typedef struct
{
  VmtFeatureKind kind;
  const char *name;
  int rank;
  GType (*get_type) (void);
  const char *requires;
  gpointer reserved[3];
} VmtFeature;

typedef struct _VmtPlugin VmtPlugin;
/* For init functions. (transfer none); the path of a plugin that is inside the program is "". */
const char *vmt_plugin_get_name (VmtPlugin *self);
const char *vmt_plugin_get_path (VmtPlugin *self);

/**
 * VmtPluginDesc:
 * @fast_abi: VMT_FAST_ABI for architectures and tiers, 0 for everything else
 * @features: ended by a row without a name
 *
 * The one thing a module exports: `vmt_plugin_desc_<name>`, "-" in the name written "_".
 */
typedef struct
{
  guint32 struct_size;
  guint16 abi_major, abi_minor;
  guint32 fast_abi;
  const char *name, *description, *version, *license, *origin;
  const VmtFeature *features;
  gboolean (*init) (VmtPlugin *plugin, GError **error);
  gpointer reserved[8];
} VmtPluginDesc;

/* Defines and exports the descriptor. Use it once, at file scope:
 * VMT_PLUGIN_DEFINE (rtc_goldfish, "rtc-goldfish", "Goldfish real-time clock", 0, features, NULL) */
#define VMT_PLUGIN_DEFINE(symbol, name_, description_, fast_abi_, features_, init_)                              \
  extern G_MODULE_EXPORT const VmtPluginDesc vmt_plugin_desc_##symbol;                                           \
  G_MODULE_EXPORT const VmtPluginDesc vmt_plugin_desc_##symbol = {                                               \
    .struct_size = sizeof (VmtPluginDesc), .abi_major = VMT_ABI_MAJOR, .abi_minor = VMT_ABI_MINOR,               \
    .fast_abi = (fast_abi_), .name = (name_), .description = (description_), .version = VMT_PLUGIN_VERSION,      \
    .license = VMT_PLUGIN_LICENSE, .origin = VMT_PLUGIN_ORIGIN, .features = (features_), .init = (init_),        \
  }

#ifndef VMT_PLUGIN_VERSION
#define VMT_PLUGIN_VERSION VMT_VERSION_STRING
#endif
#ifndef VMT_PLUGIN_LICENSE
#define VMT_PLUGIN_LICENSE "LGPL-2.1-or-later"
#endif
#ifndef VMT_PLUGIN_ORIGIN
#define VMT_PLUGIN_ORIGIN "vmtool"
#endif

G_END_DECLS
