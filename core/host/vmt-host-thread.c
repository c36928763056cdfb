/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <pthread.h>
#include <time.h>

#include "vmt-host.h"

/**
 * vmt_host_set_thread_name:
 * @name: what to call the calling thread
 */
void
vmt_host_set_thread_name (const char *name)
{
  char shown[16];

  /* Longer names are refused, not cut, by the system call. */
  g_strlcpy (shown, name, sizeof shown);
#if defined(__APPLE__)
  pthread_setname_np (shown);
#elif defined(__linux__)
  pthread_setname_np (pthread_self (), shown);
#endif
}

/**
 * vmt_host_get_time_ns:
 *
 * Returns: nanoseconds since some time in the past
 */
guint64
vmt_host_get_time_ns (void)
{
  struct timespec now;

  clock_gettime (CLOCK_MONOTONIC, &now);
  return (guint64)now.tv_sec * 1000000000 + now.tv_nsec;
}
