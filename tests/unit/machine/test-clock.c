/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <sys/resource.h>
#include <unistd.h>

#include "vmt-clock.h"

#define MS G_GUINT64_CONSTANT (1000000)

typedef struct
{
  VmtClock *clock;
  VmtTimer *timer;
  GString *log;
  char name;
  guint n;
  guint64 when;
  guint64 period; /* sets itself again */
  VmtTimer *victim;
  gboolean frees_itself;
} Shot;

static void
shoot (gpointer data)
{
  Shot *shot = data;
  shot->n++;
  shot->when = vmt_clock_get (shot->clock);
  if (shot->log != NULL)
    g_string_append_c (shot->log, shot->name);
  if (shot->victim != NULL)
    vmt_timer_set (shot->victim, G_MAXUINT64);
  if (shot->period != 0)
    vmt_timer_set (shot->timer, shot->when + shot->period);
  if (shot->frees_itself)
    g_clear_pointer (&shot->timer, vmt_timer_free);
}

static void
arm (Shot *shot, VmtClock *clock, guint64 deadline)
{
  shot->clock = clock;
  if (shot->timer == NULL)
    shot->timer = vmt_timer_new (clock, shoot, shot);
  vmt_timer_set (shot->timer, deadline);
}

static VmtClock *
new_manual (GMainContext **context)
{
  *context = g_main_context_new ();
  VmtClock *clock = vmt_clock_new (*context);
  vmt_clock_set_manual (clock);
  return clock;
}

static void
drop (VmtClock *clock, GMainContext *context)
{
  vmt_clock_free (clock);
  g_main_context_unref (context);
}

/* In the order of deadlines, and of setting where they are the same; each at its own time. */
static void
test_order (void)
{
  GMainContext *context;
  VmtClock *clock = new_manual (&context);
  g_autoptr (GString) log = g_string_new (NULL);
  Shot shots[26] = { 0 };
  for (guint i = 0; i < 26; i++)
    {
      shots[i].log = log;
      shots[i].name = (char)('a' + i);
    }
  for (guint i = 0; i < 26; i++)
    arm (&shots[(i * 7) % 26], clock, 100 * (1 + (i * 7) % 26 / 2));
  vmt_clock_advance (clock, 99);
  g_assert_cmpstr (log->str, ==, "");
  vmt_clock_advance (clock, 1);
  g_assert_cmpuint (log->len, ==, 2);
  vmt_clock_advance (clock, 10000);
  g_assert_cmpuint (log->len, ==, 26);
  for (guint i = 0; i < 26; i++)
    {
      g_assert_cmpuint (shots[i].when, ==, 100 * (1 + i / 2));
      g_assert_cmpint ((log->str[i] - 'a') / 2, ==, i / 2);
      g_assert_cmpuint (vmt_timer_get (shots[i].timer), ==, G_MAXUINT64);
    }
  g_assert_cmpuint (vmt_clock_get (clock), ==, 10100);

  /* Equal deadlines: first set, first fired; setting the same deadline again changes nothing. */
  g_string_truncate (log, 0);
  arm (&shots[3], clock, 20000);
  arm (&shots[1], clock, 20000);
  arm (&shots[2], clock, 20000);
  arm (&shots[3], clock, 20000);
  vmt_clock_advance (clock, 20000);
  g_assert_cmpstr (log->str, ==, "dbc");
  for (guint i = 0; i < 26; i++)
    vmt_timer_free (shots[i].timer);
  drop (clock, context);
}

static void
test_set (void)
{
  GMainContext *context;
  VmtClock *clock = new_manual (&context);
  Shot shot = { 0 };
  arm (&shot, clock, 100);
  vmt_timer_set (shot.timer, 50); /* earlier */
  vmt_clock_advance (clock, 60);
  g_assert_cmpuint (shot.n, ==, 1);
  vmt_clock_advance (clock, 100);
  g_assert_cmpuint (shot.n, ==, 1);
  vmt_timer_set (shot.timer, 200);
  vmt_timer_set (shot.timer, 300); /* later */
  vmt_clock_advance (clock, 100);
  g_assert_cmpuint (shot.n, ==, 1);
  g_assert_cmpuint (vmt_timer_get (shot.timer), ==, 300);
  vmt_timer_set (shot.timer, G_MAXUINT64); /* never */
  vmt_clock_advance (clock, 1000);
  g_assert_cmpuint (shot.n, ==, 1);
  vmt_timer_set (shot.timer, 5); /* past: at once */
  vmt_clock_advance (clock, 0);
  g_assert_cmpuint (shot.n, ==, 2);
  vmt_timer_set (shot.timer, G_MAXUINT64 - 1);
  vmt_clock_advance (clock, G_MAXUINT64); /* does not wrap */
  g_assert_cmpuint (shot.n, ==, 3);
  g_assert_cmpuint (vmt_clock_get (clock), ==, G_MAXUINT64 - 1);
  vmt_timer_free (shot.timer);
  vmt_timer_free (NULL);
  drop (clock, context);
}

static void
test_from_callback (void)
{
  GMainContext *context;
  VmtClock *clock = new_manual (&context);
  /* One cancels another that is due at the same moment; one is periodic; one frees itself. */
  Shot victim = { 0 }, killer = { 0 }, periodic = { .period = 10 },
       mayfly = { .frees_itself = TRUE };
  arm (&killer, clock, 100);
  arm (&victim, clock, 100);
  killer.victim = victim.timer;
  arm (&mayfly, clock, 100);
  arm (&periodic, clock, 10);
  vmt_clock_advance (clock, 1000);
  g_assert_cmpuint (killer.n, ==, 1);
  g_assert_cmpuint (victim.n, ==, 0);
  g_assert_cmpuint (mayfly.n, ==, 1);
  g_assert_null (mayfly.timer);
  g_assert_cmpuint (periodic.n, ==, 100);
  vmt_timer_free (killer.timer);
  vmt_timer_free (victim.timer);
  vmt_timer_free (periodic.timer);
  drop (clock, context);
}

/* The heap against a list. */
static void
test_random (void)
{
  GMainContext *context;
  VmtClock *clock = new_manual (&context);
  Shot shots[50] = { 0 };
  guint64 deadline[50];
  for (guint i = 0; i < 50; i++)
    {
      arm (&shots[i], clock, G_MAXUINT64);
      deadline[i] = G_MAXUINT64;
    }
  for (guint round = 0; round < 20000; round++)
    {
      guint i = (guint)g_test_rand_int_range (0, 50);
      guint64 now = vmt_clock_get (clock);
      switch (g_test_rand_int_range (0, 4))
        {
        case 0:
          vmt_timer_set (shots[i].timer, deadline[i] = G_MAXUINT64);
          break;
        case 1:
          vmt_timer_free (shots[i].timer);
          shots[i].timer = NULL;
          arm (&shots[i], clock, deadline[i] = now + (guint)g_test_rand_int_range (1, 100));
          break;
        case 2:
          vmt_timer_set (shots[i].timer, deadline[i] = now + (guint)g_test_rand_int_range (1, 100));
          break;
        default:
          {
            guint step = (guint)g_test_rand_int_range (0, 20);
            for (guint k = 0; k < 50; k++)
              shots[k].n = 0;
            vmt_clock_advance (clock, step);
            for (guint k = 0; k < 50; k++)
              {
                gboolean due = deadline[k] <= now + step;
                g_assert_cmpuint (shots[k].n, ==, due ? 1 : 0);
                if (due)
                  {
                    g_assert_cmpuint (shots[k].when, ==, deadline[k]);
                    deadline[k] = G_MAXUINT64;
                  }
              }
          }
        }
    }
  for (guint i = 0; i < 50; i++)
    vmt_timer_free (shots[i].timer);
  drop (clock, context);
}

static void
test_real (void)
{
  g_autoptr (GMainContext) context = g_main_context_new ();
  VmtClock *clock = vmt_clock_new (context);
  Shot shot = { 0 }, late = { 0 };

  /* It stands still until it is told to go. */
  g_assert_cmpuint (vmt_clock_get (clock), ==, 0);
  g_usleep (2000);
  g_assert_cmpuint (vmt_clock_get (clock), ==, 0);
  arm (&shot, clock, 5 * MS);
  arm (&late, clock, 3600 * 1000 * MS);
  g_usleep (10000);
  g_main_context_iteration (context, FALSE);
  g_assert_cmpuint (shot.n, ==, 0);

  gint64 begin = g_get_monotonic_time ();
  vmt_clock_set_running (clock, TRUE);
  while (shot.n == 0)
    g_main_context_iteration (context, TRUE);
  guint64 took = (guint64)(g_get_monotonic_time () - begin) * 1000;
  g_assert_cmpuint (shot.when, >=, 5 * MS);
  g_assert_cmpuint (took, >=, 4 * MS);
  g_assert_cmpuint (shot.when, <=, took + 1000);

  /* Paused time does not exist: a timer comes later by as much. */
  vmt_timer_set (shot.timer, vmt_clock_get (clock) + 5 * MS);
  vmt_clock_set_running (clock, FALSE);
  guint64 frozen = vmt_clock_get (clock);
  g_usleep (20000);
  g_main_context_iteration (context, FALSE);
  g_assert_cmpuint (vmt_clock_get (clock), ==, frozen);
  g_assert_cmpuint (shot.n, ==, 1);
  vmt_clock_set_running (clock, TRUE);
  vmt_clock_set_running (clock, TRUE);
  g_assert_cmpuint (vmt_clock_get (clock) - frozen, <, 10 * 1000 * MS);
  while (shot.n == 1)
    g_main_context_iteration (context, TRUE);
  g_assert_cmpuint (shot.when, >=, frozen);
  g_assert_cmpuint (late.n, ==, 0);

  gint64 wall = g_get_real_time ();
  guint64 guest = vmt_clock_get_wall (clock) / 1000;
  g_assert_cmpint (ABS ((gint64)guest - wall), <, 60 * G_USEC_PER_SEC);

  /* Timers outlive their clock, silently. */
  vmt_clock_free (clock);
  vmt_timer_set (late.timer, 0);
  vmt_timer_set (shot.timer, 0);
  g_main_context_iteration (context, FALSE);
  g_assert_cmpuint (shot.n, ==, 2);
  g_assert_cmpuint (late.n, ==, 0);
  vmt_timer_free (late.timer);
  vmt_timer_free (shot.timer);
}

/* Without a timerfd (other hosts, or no descriptor left) the context's own timeout does it, in
 * microseconds. */
static void
test_no_descriptor (void)
{
  g_autoptr (GMainContext) context = g_main_context_new ();
  struct rlimit old, none;
  Shot shot = { 0 }, late = { 0 };
  g_assert_cmpint (getrlimit (RLIMIT_NOFILE, &old), ==, 0);
  none = old;
  none.rlim_cur = 0;
  g_assert_cmpint (setrlimit (RLIMIT_NOFILE, &none), ==, 0);
  g_assert_cmpint (dup (0), ==, -1); /* it does what it should */
  VmtClock *clock = vmt_clock_new (context);
  g_assert_cmpint (setrlimit (RLIMIT_NOFILE, &old), ==, 0);

  vmt_clock_set_running (clock, TRUE);
  arm (&late, clock, 3600 * 1000 * MS);
  arm (&shot, clock, 5 * MS);
  while (shot.n == 0)
    g_main_context_iteration (context, TRUE);
  g_assert_cmpuint (shot.when, >=, 5 * MS);
  vmt_timer_set (shot.timer, vmt_clock_get (clock) + 5 * MS);
  vmt_clock_set_running (clock, FALSE);
  g_usleep (10000);
  g_main_context_iteration (context, FALSE);
  g_assert_cmpuint (shot.n, ==, 1);
  vmt_clock_set_running (clock, TRUE);
  while (shot.n == 1)
    g_main_context_iteration (context, TRUE);
  g_assert_cmpuint (late.n, ==, 0);
  vmt_timer_free (shot.timer);
  vmt_timer_free (late.timer);
  vmt_clock_free (clock);
}

/* A timer that is always due does not starve the rest of the context. */
static gboolean
set_flag (gpointer data)
{
  *(gboolean *)data = TRUE;
  return G_SOURCE_REMOVE;
}

static void
test_starvation (void)
{
  g_autoptr (GMainContext) context = g_main_context_new ();
  VmtClock *clock = vmt_clock_new (context);
  Shot greedy = { 0 }, other = { 0 };
  vmt_clock_set_running (clock, TRUE);
  arm (&other, clock, 3 * MS);
  arm (&greedy, clock, 2 * MS);
  greedy.period = (guint64)-1 - MS; /* far in the past: now + period wraps to now - 1 ms - 1 */
  gboolean idle = FALSE;
  GSource *source = g_idle_source_new ();
  g_source_set_priority (source, G_PRIORITY_HIGH);
  g_source_set_callback (source, set_flag, &idle, NULL);
  g_source_attach (source, context);
  gint64 end = g_get_monotonic_time () + 10 * G_USEC_PER_SEC;
  while (!(idle && other.n == 1 && greedy.n > 1) && g_get_monotonic_time () < end)
    g_main_context_iteration (context, FALSE);
  g_assert_true (idle);
  g_assert_cmpuint (other.n, ==, 1);
  g_assert_cmpuint (greedy.n, >, 1);
  greedy.period = 0;
  g_source_unref (source);
  vmt_timer_free (greedy.timer);
  vmt_timer_free (other.timer);
  vmt_clock_free (clock);
}

/* Any thread sets timers; the clock never goes back. */
typedef struct
{
  Shot *shots;
  VmtClock *clock;
  gint stop;
} Setter;

static gpointer
set_on (gpointer data)
{
  Setter *setter = data;
  guint64 last = 0;
  for (guint i = 0; !g_atomic_int_get (&setter->stop); i++)
    {
      guint64 now = vmt_clock_get (setter->clock);
      g_assert_cmpuint (now, >=, last);
      last = now;
      vmt_timer_set (setter->shots[i % 8].timer, i % 5 == 0 ? G_MAXUINT64 : now + i % 1000 * 1000);
    }
  return NULL;
}

static void
test_threads (void)
{
  g_autoptr (GMainContext) context = g_main_context_new ();
  VmtClock *clock = vmt_clock_new (context);
  Shot shots[8] = { 0 };
  for (guint i = 0; i < 8; i++)
    arm (&shots[i], clock, G_MAXUINT64);
  Setter setter = { .shots = shots, .clock = clock };
  vmt_clock_set_running (clock, TRUE);
  GThread *threads[3];
  for (guint i = 0; i < 3; i++)
    threads[i] = g_thread_new ("setter", set_on, &setter);
  gint64 end = g_get_monotonic_time () + G_USEC_PER_SEC / 2;
  while (g_get_monotonic_time () < end)
    {
      g_main_context_iteration (context, FALSE);
      vmt_clock_set_running (clock, FALSE);
      vmt_clock_set_running (clock, TRUE);
    }
  g_atomic_int_set (&setter.stop, 1);
  guint fired = 0;
  for (guint i = 0; i < 3; i++)
    g_thread_join (threads[i]);
  for (guint i = 0; i < 8; i++)
    {
      fired += shots[i].n;
      vmt_timer_free (shots[i].timer);
    }
  g_assert_cmpuint (fired, >, 0);
  vmt_clock_free (clock);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/machine/clock/order", test_order);
  g_test_add_func ("/machine/clock/set", test_set);
  g_test_add_func ("/machine/clock/from-callback", test_from_callback);
  g_test_add_func ("/machine/clock/random", test_random);
  g_test_add_func ("/machine/clock/real", test_real);
  g_test_add_func ("/machine/clock/no-descriptor", test_no_descriptor);
  g_test_add_func ("/machine/clock/starvation", test_starvation);
  g_test_add_func ("/machine/clock/threads", test_threads);
  return g_test_run ();
}
