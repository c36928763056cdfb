/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "vmt-clock.h"

#include <errno.h>
#include <time.h>
#include <unistd.h>
#ifdef __linux__
#include <sys/timerfd.h>
#endif

#include <glib-unix.h>

#define NS_PER_SEC G_GUINT64_CONSTANT (1000000000)
/* What a manual clock says to be 0: 2000-01-01T00:00:00Z. */
#define MANUAL_EPOCH (G_GUINT64_CONSTANT (946684800) * NS_PER_SEC)
#define NOT_QUEUED G_MAXUINT

typedef struct
{
  GSource parent;
  VmtClock *clock;
} ClockSource;

struct _VmtTimer
{
  VmtClock *clock;
  void (*func) (gpointer data);
  gpointer data;
  guint64 deadline;
  guint64 order; /* of arming: equal deadlines fire in the order in which they were set */
  guint at;      /* in the heap, or NOT_QUEUED */
};

struct _VmtClock
{
  gint refs; /* atomic: its owner's, and one a timer, so that devices may go after the clock */
  /* Readers never lock: they look at these until they see the same even sequence number on both
   * sides. */
  guint sequence; /* atomic */
  gint running;   /* atomic */
  guint64
      origin; /* atomic: the host's clock when guest time was 0, if running; else the guest time */
  gboolean manual;

  GMutex lock;
  gboolean dead;   /* nothing fires any more */
  GPtrArray *heap; /* by deadline, then order */
  guint64 order;
  guint64 armed; /* guest time that the source wakes up for; G_MAXUINT64 none */
  GSource *source;
  int fd; /* timerfd, or -1: the source's ready time, in microseconds */
};

static guint64
host_now (void)
{
  struct timespec ts;
  clock_gettime (CLOCK_MONOTONIC, &ts);
  return (guint64)ts.tv_sec * NS_PER_SEC + (guint64)ts.tv_nsec;
}

guint64
vmt_clock_get (VmtClock *clock)
{
  for (;;)
    {
      guint before = __atomic_load_n (&clock->sequence, __ATOMIC_ACQUIRE);
      gint running = __atomic_load_n (&clock->running, __ATOMIC_RELAXED);
      guint64 origin = __atomic_load_n (&clock->origin, __ATOMIC_RELAXED);
      guint64 now = running ? host_now () - origin : origin;
      __atomic_thread_fence (__ATOMIC_ACQUIRE);
      if ((before & 1) == 0 && __atomic_load_n (&clock->sequence, __ATOMIC_RELAXED) == before)
        return now;
    }
}

/* Lock held: there is one writer at a time. */
static void
begin_change (VmtClock *clock)
{
  __atomic_fetch_add (&clock->sequence, 1, __ATOMIC_SEQ_CST);
  __atomic_thread_fence (__ATOMIC_SEQ_CST);
}

static void
end_change (VmtClock *clock, gboolean running, guint64 origin)
{
  __atomic_store_n (&clock->running, running, __ATOMIC_RELAXED);
  __atomic_store_n (&clock->origin, origin, __ATOMIC_RELAXED);
  __atomic_fetch_add (&clock->sequence, 1, __ATOMIC_RELEASE);
}

static void
set_time (VmtClock *clock, gboolean running, guint64 origin)
{
  begin_change (clock);
  end_change (clock, running, origin);
}

guint64
vmt_clock_get_wall (VmtClock *clock)
{
  if (clock->manual)
    return MANUAL_EPOCH + vmt_clock_get (clock);
  struct timespec ts;
  clock_gettime (CLOCK_REALTIME, &ts);
  return (guint64)ts.tv_sec * NS_PER_SEC + (guint64)ts.tv_nsec;
}

/* The heap */

static gboolean
is_before (const VmtTimer *a, const VmtTimer *b)
{
  return a->deadline != b->deadline ? a->deadline < b->deadline : a->order < b->order;
}

static void
heap_place (VmtClock *clock, guint at, VmtTimer *timer)
{
  clock->heap->pdata[at] = timer;
  timer->at = at;
}

static void
heap_up (VmtClock *clock, guint at, VmtTimer *timer)
{
  while (at > 0)
    {
      VmtTimer *parent = clock->heap->pdata[(at - 1) / 2];
      if (!is_before (timer, parent))
        break;
      heap_place (clock, at, parent);
      at = (at - 1) / 2;
    }
  heap_place (clock, at, timer);
}

static void
heap_down (VmtClock *clock, guint at, VmtTimer *timer)
{
  guint n = clock->heap->len;
  for (;;)
    {
      guint child = 2 * at + 1;
      if (child >= n)
        break;
      if (child + 1 < n && is_before (clock->heap->pdata[child + 1], clock->heap->pdata[child]))
        child++;
      if (!is_before (clock->heap->pdata[child], timer))
        break;
      heap_place (clock, at, clock->heap->pdata[child]);
      at = child;
    }
  heap_place (clock, at, timer);
}

static void
heap_remove (VmtClock *clock, VmtTimer *timer)
{
  guint at = timer->at;
  if (at == NOT_QUEUED)
    return;
  timer->at = NOT_QUEUED;
  VmtTimer *last = clock->heap->pdata[clock->heap->len - 1];
  g_ptr_array_set_size (clock->heap, (gint)clock->heap->len - 1);
  if (last == timer)
    return;
  if (at > 0 && is_before (last, clock->heap->pdata[(at - 1) / 2]))
    heap_up (clock, at, last);
  else
    heap_down (clock, at, last);
}

static void
heap_insert (VmtClock *clock, VmtTimer *timer)
{
  g_ptr_array_add (clock->heap, timer);
  heap_up (clock, clock->heap->len - 1, timer);
}

/* Waking up */

/* Lock held. Makes sure that the source wakes up for the first deadline. It may wake up earlier
 * than that and find nothing due, which is cheaper than a system call each time a deadline moves
 * back. */
static void
arm (VmtClock *clock, gboolean force)
{
  if (clock->dead)
    return;
  guint64 first = G_MAXUINT64;
  if (clock->running && !clock->manual && clock->heap->len > 0)
    first = ((VmtTimer *)clock->heap->pdata[0])->deadline;
  if (!force && first >= clock->armed)
    return;
  clock->armed = first;

  /* Far futures are cut: it wakes up once a decade. */
  const guint64 decade = 10 * 365 * 24 * G_GUINT64_CONSTANT (3600) * NS_PER_SEC;
  guint64 now = first != G_MAXUINT64 ? vmt_clock_get (clock) : 0;
  guint64 at = MIN (first, now + decade) + clock->origin;
#ifdef __linux__
  if (clock->fd >= 0)
    {
      struct itimerspec spec = { 0 };
      if (first != G_MAXUINT64)
        {
          spec.it_value.tv_sec = (time_t)(at / NS_PER_SEC);
          spec.it_value.tv_nsec = (long)MAX (at % NS_PER_SEC, 1); /* 0 would disarm it */
        }
      timerfd_settime (clock->fd, TFD_TIMER_ABSTIME, &spec, NULL);
      return;
    }
#endif
  g_source_set_ready_time (clock->source, first != G_MAXUINT64 ? (gint64)((at + 999) / 1000) : -1);
}

/* Fires what is due at @now and was armed before the call: a callback that sets its timer to the
 * past comes again in the next round, so that the rest of the machine gets its turn. Lock held;
 * released around callbacks. */
static void
fire (VmtClock *clock, guint64 now)
{
  guint64 end = clock->order;
  while (clock->heap->len > 0)
    {
      VmtTimer *timer = clock->heap->pdata[0];
      if (timer->deadline > now)
        break;
      if (timer->order >= end)
        {
          /* Due, but new; older ones that are due may stand behind it. */
          VmtTimer *old = NULL;
          for (guint i = 0; i < clock->heap->len; i++)
            {
              VmtTimer *other = clock->heap->pdata[i];
              if (other->deadline <= now && other->order < end &&
                  (old == NULL || is_before (other, old)))
                old = other;
            }
          if (old == NULL)
            break;
          timer = old;
        }
      heap_remove (clock, timer);
      timer->deadline = G_MAXUINT64;
      void (*func) (gpointer data) = timer->func;
      gpointer data = timer->data;
      g_mutex_unlock (&clock->lock);
      func (data); /* may free the timer */
      g_mutex_lock (&clock->lock);
    }
}

static gboolean
clock_dispatch (GSource *source, GSourceFunc callback, gpointer data)
{
  (void)callback;
  (void)data;
  VmtClock *clock = ((ClockSource *)source)->clock;
  if (clock->fd >= 0)
    {
      guint64 expirations;
      G_GNUC_UNUSED gssize n = read (clock->fd, &expirations, sizeof expirations);
    }
  g_mutex_lock (&clock->lock);
  clock->armed = G_MAXUINT64;
  if (clock->running)
    fire (clock, vmt_clock_get (clock));
  arm (clock, TRUE);
  g_mutex_unlock (&clock->lock);
  return G_SOURCE_CONTINUE;
}

VmtClock *
vmt_clock_new (GMainContext *context)
{
  static GSourceFuncs funcs = { .dispatch = clock_dispatch };
  VmtClock *clock = g_new0 (VmtClock, 1);
  clock->refs = 1;
  g_mutex_init (&clock->lock);
  clock->heap = g_ptr_array_new ();
  clock->armed = G_MAXUINT64;
  clock->fd = -1;
  clock->source = g_source_new (&funcs, sizeof (ClockSource));
  ((ClockSource *)clock->source)->clock = clock;
  g_source_set_name (clock->source, "vmt-clock");
  g_source_set_priority (clock->source, G_PRIORITY_HIGH);
#ifdef __linux__
  clock->fd = timerfd_create (CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
  if (clock->fd >= 0)
    g_source_add_unix_fd (clock->source, clock->fd, G_IO_IN);
#endif
  g_source_attach (clock->source, context);
  return clock;
}

static void
unref (VmtClock *clock)
{
  if (!g_atomic_int_dec_and_test (&clock->refs))
    return;
  g_ptr_array_unref (clock->heap);
  g_mutex_clear (&clock->lock);
  g_free (clock);
}

void
vmt_clock_free (VmtClock *clock)
{
  if (clock == NULL)
    return;
  g_source_destroy (clock->source);
  g_mutex_lock (&clock->lock);
  clock->dead = TRUE;
  set_time (clock, FALSE, vmt_clock_get (clock));
  g_source_unref (clock->source);
  if (clock->fd >= 0)
    close (clock->fd);
  g_mutex_unlock (&clock->lock);
  unref (clock);
}

void
vmt_clock_set_running (VmtClock *clock, gboolean running)
{
  g_mutex_lock (&clock->lock);
  if (!clock->manual && !clock->dead && running != clock->running)
    {
      /* The host's clock is read after readers have been stopped: none has seen a later time than
       * this. Guest time while running is host - origin; both switches keep it the same at this
       * moment. */
      begin_change (clock);
      end_change (clock, running, host_now () - clock->origin);
      arm (clock, TRUE);
    }
  g_mutex_unlock (&clock->lock);
}

void
vmt_clock_set_manual (VmtClock *clock)
{
  g_mutex_lock (&clock->lock);
  guint64 now = vmt_clock_get (clock);
  clock->manual = TRUE;
  set_time (clock, FALSE, now);
  arm (clock, TRUE);
  g_mutex_unlock (&clock->lock);
}

void
vmt_clock_advance (VmtClock *clock, guint64 nanoseconds)
{
  g_return_if_fail (clock->manual);

  g_mutex_lock (&clock->lock);
  guint64 now = vmt_clock_get (clock);
  guint64 end = now + MIN (nanoseconds, G_MAXUINT64 - 1 - now);
  fire (clock, now);
  while (clock->heap->len > 0 && now < end)
    {
      guint64 first = ((VmtTimer *)clock->heap->pdata[0])->deadline;
      if (first > end)
        break;
      /* What a callback set to a time that is not ahead comes a nanosecond later. */
      now = MAX (first, now + 1);
      set_time (clock, FALSE, now);
      fire (clock, now);
    }
  set_time (clock, FALSE, end);
  g_mutex_unlock (&clock->lock);
}

VmtTimer *
vmt_timer_new (VmtClock *clock, void (*func) (gpointer data), gpointer data)
{
  g_return_val_if_fail (clock != NULL && func != NULL, NULL);

  VmtTimer *timer = g_new0 (VmtTimer, 1);
  g_atomic_int_inc (&clock->refs);
  timer->clock = clock;
  timer->func = func;
  timer->data = data;
  timer->deadline = G_MAXUINT64;
  timer->at = NOT_QUEUED;
  return timer;
}

void
vmt_timer_free (VmtTimer *timer)
{
  if (timer == NULL)
    return;
  VmtClock *clock = timer->clock;
  g_mutex_lock (&clock->lock);
  heap_remove (clock, timer);
  g_mutex_unlock (&clock->lock);
  unref (clock);
  g_free (timer);
}

void
vmt_timer_set (VmtTimer *timer, guint64 deadline)
{
  VmtClock *clock = timer->clock;
  g_mutex_lock (&clock->lock);
  if (timer->deadline != deadline)
    {
      heap_remove (clock, timer);
      timer->deadline = deadline;
      timer->order = clock->order++;
      if (deadline != G_MAXUINT64)
        {
          heap_insert (clock, timer);
          arm (clock, FALSE);
        }
    }
  g_mutex_unlock (&clock->lock);
}

guint64
vmt_timer_get (VmtTimer *timer)
{
  VmtClock *clock = timer->clock;
  g_mutex_lock (&clock->lock);
  guint64 deadline = timer->deadline;
  g_mutex_unlock (&clock->lock);
  return deadline;
}
