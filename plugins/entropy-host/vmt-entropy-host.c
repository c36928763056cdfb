/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <sys/random.h>

#include "vmt.h"

/* The host's own random numbers. */
#define VMT_TYPE_ENTROPY_HOST (vmt_entropy_host_get_type ())
G_DECLARE_FINAL_TYPE (VmtEntropyHost, vmt_entropy_host, VMT, ENTROPY_HOST, VmtEntropy)

struct _VmtEntropyHost
{
  VmtEntropy parent_instance;
};

G_DEFINE_FINAL_TYPE (VmtEntropyHost, vmt_entropy_host, VMT_TYPE_ENTROPY)

static gboolean
vmt_entropy_host_fill (VmtEntropy *entropy, guint8 *buffer, gsize size)
{
  while (size > 0)
    {
      ssize_t n = getrandom (buffer, size, 0);

      if (n < 0 && errno == EINTR)
        continue;
      if (n <= 0)
        return FALSE;
      buffer += n;
      size -= n;
    }
  return TRUE;
}

static void
vmt_entropy_host_class_init (VmtEntropyHostClass *klass)
{
  VMT_ENTROPY_CLASS (klass)->fill = vmt_entropy_host_fill;
}

static void
vmt_entropy_host_init (VmtEntropyHost *self)
{
}

static const VmtFeature features[] = {
  { VMT_FEATURE_ENTROPY, "host", 100, vmt_entropy_host_get_type, "linux" },
  { 0 },
};

VMT_PLUGIN_DEFINE (entropy_host, "entropy-host", "Random numbers of the host's kernel", 0, features,
                   NULL);
