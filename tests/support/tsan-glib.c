/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Linked into the tests of a ThreadSanitizer build. A distribution's GLib is not instrumented, and
 * its locks are bare futexes: without these wrappers everything that a GMutex protects is reported
 * as a race. They do what GLib does and tell the sanitizer what that orders. */
#include <dlfcn.h>
#include <glib.h>

void __tsan_acquire (void *address);
void __tsan_release (void *address);

#define REAL(name) ((__typeof__ (&name))find_real (&real_##name, #name))
#define DECLARE(name) static gpointer real_##name

static gpointer
find_real (gpointer *slot, const char *name)
{
  gpointer found = __atomic_load_n (slot, __ATOMIC_ACQUIRE);
  if (found == NULL)
    {
      found = dlsym (RTLD_NEXT, name);
      __atomic_store_n (slot, found, __ATOMIC_RELEASE);
    }
  return found;
}

DECLARE (g_mutex_lock);
DECLARE (g_mutex_unlock);
DECLARE (g_mutex_trylock);
DECLARE (g_cond_wait);
DECLARE (g_cond_wait_until);
DECLARE (g_source_attach);
DECLARE (g_source_set_ready_time);
DECLARE (g_main_context_iteration);
DECLARE (g_main_context_wakeup);

#define EXPORT G_GNUC_UNUSED __attribute__ ((visibility ("default")))

EXPORT void
g_mutex_lock (GMutex *mutex)
{
  REAL (g_mutex_lock) (mutex);
  __tsan_acquire (mutex);
}

EXPORT void
g_mutex_unlock (GMutex *mutex)
{
  __tsan_release (mutex);
  REAL (g_mutex_unlock) (mutex);
}

EXPORT gboolean
g_mutex_trylock (GMutex *mutex)
{
  gboolean locked = REAL (g_mutex_trylock) (mutex);
  if (locked)
    __tsan_acquire (mutex);
  return locked;
}

EXPORT void
g_cond_wait (GCond *cond, GMutex *mutex)
{
  __tsan_release (mutex);
  REAL (g_cond_wait) (cond, mutex);
  __tsan_acquire (mutex);
}

EXPORT gboolean
g_cond_wait_until (GCond *cond, GMutex *mutex, gint64 end_time)
{
  __tsan_release (mutex);
  gboolean signalled = REAL (g_cond_wait_until) (cond, mutex, end_time);
  __tsan_acquire (mutex);
  return signalled;
}

/* What a thread did before it gave a context something to do happened before the context does it.
 */
EXPORT guint
g_source_attach (GSource *source, GMainContext *context)
{
  __tsan_release (context != NULL ? context : g_main_context_default ());
  return REAL (g_source_attach) (source, context);
}

EXPORT void
g_source_set_ready_time (GSource *source, gint64 ready_time)
{
  GMainContext *context = g_source_get_context (source);
  if (context != NULL)
    __tsan_release (context);
  REAL (g_source_set_ready_time) (source, ready_time);
}

EXPORT void
g_main_context_wakeup (GMainContext *context)
{
  __tsan_release (context != NULL ? context : g_main_context_default ());
  REAL (g_main_context_wakeup) (context);
}

/* Dispatching is inside of GLib, where nothing can be told between the wake-up and the callback: so
 * an iteration that may wait is made of a short sleep and one that does not. */
EXPORT gboolean
g_main_context_iteration (GMainContext *context, gboolean may_block)
{
  GMainContext *which = context != NULL ? context : g_main_context_default ();
  if (may_block && !g_main_context_pending (which))
    g_usleep (200);
  __tsan_acquire (which);
  return REAL (g_main_context_iteration) (context, FALSE);
}
