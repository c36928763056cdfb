/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <arpa/inet.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>

#include <libslirp.h>

#include "vmt-net-filter.h"
#include "vmt-net-forward.h"
#include "vmt-net-large.h"

/* Frames under way, each direction. What is more is lost, as on any network. */
#define MAX_QUEUE 512

/* Networking without privileges: the guest is behind a router and NAT inside this process
 * (libslirp). */
#define VMT_TYPE_NET_USER (vmt_net_user_get_type ())
G_DECLARE_FINAL_TYPE (VmtNetUser, vmt_net_user, VMT, NET_USER, VmtNet)

/* Serves libslirp from the machine's context. */
typedef struct
{
  GSource source;
  VmtNetUser *net;
} UserSource;

/* A descriptor that libslirp wants polled. */
typedef struct
{
  int fd;
  GIOCondition events;
  gpointer tag;
} Watch;

struct _VmtNetUser
{
  VmtNet parent_instance;
  Slirp *slirp;
  UserSource *source;
  /* In the order in which libslirp names them. @n_now: of them are wanted in this turn. */
  GArray *watches;
  guint n_now;
  gint64 deadline; /* microseconds */

  GMutex lock;
  GQueue from_guest; /* GBytes; with @lock */
  gboolean awake;    /* the source has been told of it; with @lock */
  GQueue to_guest;   /* GBytes that the device had no room for */

  char **forward;
  char *network, *hostname;
  gboolean restricted, ipv6, host_loopback;
};

G_DEFINE_FINAL_TYPE (VmtNetUser, vmt_net_user, VMT_TYPE_NET)

enum
{
  PROP_0,
  PROP_FORWARD,
  PROP_NETWORK,
  PROP_HOSTNAME,
  PROP_RESTRICT,
  PROP_IPV6,
  PROP_HOST_LOOPBACK,
  N_PROPS
};

static GParamSpec *properties[N_PROPS];

/* What libslirp calls. */

static void
give_frame (gpointer data, const guint8 *frame, gsize size)
{
  VmtNetUser *self = data;

  if (!g_queue_is_empty (&self->to_guest) || !vmt_net_receive (VMT_NET (self), frame, size))
    {
      if (g_queue_get_length (&self->to_guest) < MAX_QUEUE)
        g_queue_push_tail (&self->to_guest, g_bytes_new (frame, size));
    }
}

/* libslirp believes in a larger link than there is: only segments for a device that takes them may
 * be so large. */
static ssize_t
on_frame (const void *frame, size_t size, void *data)
{
  VmtNetUser *self = data;

  if (size <= VMT_NET_LINK_MAX || self->ipv6 ||
      (vmt_net_takes_large (VMT_NET (self)) && vmt_net_large_is_tcp (frame, size)))
    give_frame (self, frame, size);
  else
    vmt_net_large_split (frame, size, give_frame, self);
  return size;
}

static void
on_guest_error (const char *message, void *data)
{
  /* A guest may say what it likes: nothing that is worth a host's log. */
  g_debug ("%s", message);
}

static int64_t
get_clock (void *data)
{
  return g_get_monotonic_time () * 1000;
}

typedef struct
{
  GMainContext *context;
  GSource *source;
  VmtNetUser *net;
  SlirpTimerId id;
  void *argument;
} UserTimer;

static gboolean
on_timer (gpointer data)
{
  UserTimer *timer = data;

  g_clear_pointer (&timer->source, g_source_unref);
  slirp_handle_timer (timer->net->slirp, timer->id, timer->argument);
  return G_SOURCE_REMOVE;
}

static void *
new_timer (SlirpTimerId id, void *argument, void *data)
{
  UserTimer *timer = g_new0 (UserTimer, 1);

  timer->net = data;
  timer->context = vmt_backend_get_context (VMT_BACKEND (data));
  timer->id = id;
  timer->argument = argument;
  return timer;
}

static void
stop_timer (UserTimer *timer)
{
  if (timer->source != NULL)
    g_source_destroy (timer->source);
  g_clear_pointer (&timer->source, g_source_unref);
}

static void
free_timer (void *data, void *self)
{
  stop_timer (data);
  g_free (data);
}

static void
set_timer (void *data, int64_t expire_ms, void *self)
{
  UserTimer *timer = data;

  stop_timer (timer);
  timer->source = g_timeout_source_new (MAX (expire_ms - g_get_monotonic_time () / 1000, 0));
  g_source_set_callback (timer->source, on_timer, timer, NULL);
  g_source_attach (timer->source, timer->context);
}

static void
ignore_fd (int fd, void *data)
{
}

static void
wake (VmtNetUser *self)
{
  g_source_set_ready_time (&self->source->source, 0);
}

static void
on_notify (void *data)
{
  wake (data);
}

static const SlirpCb callbacks = {
  .send_packet = on_frame,
  .guest_error = on_guest_error,
  .clock_get_ns = get_clock,
  .timer_free = free_timer,
  .timer_mod = set_timer,
  .register_poll_fd = ignore_fd,
  .unregister_poll_fd = ignore_fd,
  .notify = on_notify,
  .timer_new_opaque = new_timer,
};

/* The event source. */

static int
add_watch (int fd, int events, void *data)
{
  VmtNetUser *self = data;
  GIOCondition wanted = 0;
  Watch *watch;

  if ((events & SLIRP_POLL_IN) != 0)
    wanted |= G_IO_IN;
  if ((events & SLIRP_POLL_OUT) != 0)
    wanted |= G_IO_OUT;
  if ((events & SLIRP_POLL_PRI) != 0)
    wanted |= G_IO_PRI;
  if ((events & SLIRP_POLL_ERR) != 0)
    wanted |= G_IO_ERR;
  if ((events & SLIRP_POLL_HUP) != 0)
    wanted |= G_IO_HUP;
  if (self->n_now == self->watches->len)
    {
      Watch fresh = { -1, 0, NULL };

      g_array_append_val (self->watches, fresh);
    }
  watch = &g_array_index (self->watches, Watch, self->n_now);
  /* Only what has changed is told to GLib: telling it anything wakes the context up once more. */
  if (watch->fd != fd)
    {
      if (watch->tag != NULL)
        g_source_remove_unix_fd (&self->source->source, watch->tag);
      watch->tag = g_source_add_unix_fd (&self->source->source, fd, wanted);
      watch->fd = fd;
      watch->events = wanted;
    }
  else if (watch->events != wanted)
    {
      g_source_modify_unix_fd (&self->source->source, watch->tag, wanted);
      watch->events = wanted;
    }
  return self->n_now++;
}

static int
get_events (int index, void *data)
{
  VmtNetUser *self = data;
  const Watch *watch;
  GIOCondition got;
  int events = 0;

  if (index < 0 || (guint)index >= self->n_now)
    return 0;
  watch = &g_array_index (self->watches, Watch, index);
  got = g_source_query_unix_fd (&self->source->source, watch->tag);
  if ((got & G_IO_IN) != 0)
    events |= SLIRP_POLL_IN;
  if ((got & G_IO_OUT) != 0)
    events |= SLIRP_POLL_OUT;
  if ((got & G_IO_PRI) != 0)
    events |= SLIRP_POLL_PRI;
  if ((got & G_IO_ERR) != 0)
    events |= SLIRP_POLL_ERR;
  if ((got & G_IO_HUP) != 0)
    events |= SLIRP_POLL_HUP;
  return events;
}

static gboolean
user_source_prepare (GSource *source, int *timeout)
{
  VmtNetUser *self = ((UserSource *)source)->net;
  guint32 milliseconds = G_MAXINT32;

  self->n_now = 0;
  slirp_pollfds_fill (self->slirp, &milliseconds, add_watch, self);
  while (self->watches->len > self->n_now)
    {
      Watch *last = &g_array_index (self->watches, Watch, self->watches->len - 1);

      g_source_remove_unix_fd (source, last->tag);
      g_array_set_size (self->watches, self->watches->len - 1);
    }
  if (milliseconds >= G_MAXINT32)
    {
      self->deadline = G_MAXINT64;
      *timeout = -1;
      return FALSE;
    }
  self->deadline = g_get_monotonic_time () + (gint64)milliseconds * 1000;
  *timeout = milliseconds;
  return milliseconds == 0;
}

static gboolean
user_source_check (GSource *source)
{
  VmtNetUser *self = ((UserSource *)source)->net;

  for (guint i = 0; i < self->n_now; i++)
    if (g_source_query_unix_fd (source, g_array_index (self->watches, Watch, i).tag) != 0)
      return TRUE;
  return g_get_monotonic_time () >= self->deadline;
}

static void
take_frames (VmtNetUser *self, GQueue *frames)
{
  g_mutex_lock (&self->lock);
  *frames = self->from_guest;
  g_queue_init (&self->from_guest);
  self->awake = FALSE;
  g_mutex_unlock (&self->lock);
}

static gboolean
user_source_dispatch (GSource *source, GSourceFunc callback, gpointer data)
{
  VmtNetUser *self = ((UserSource *)source)->net;
  const struct timespec none = { 0, 0 };
  sigset_t pipe_signal, pending, old;
  gboolean was_pending;
  GQueue frames;
  GBytes *frame;

  g_source_set_ready_time (source, -1);
  /* libslirp writes to sockets whose peer may have gone; the process's handlers are not ours to
   * change. */
  sigemptyset (&pipe_signal);
  sigaddset (&pipe_signal, SIGPIPE);
  sigpending (&pending);
  was_pending = sigismember (&pending, SIGPIPE);
  pthread_sigmask (SIG_BLOCK, &pipe_signal, &old);

  slirp_pollfds_poll (self->slirp, 0, get_events, self);
  take_frames (self, &frames);
  while ((frame = g_queue_pop_head (&frames)) != NULL)
    {
      gsize size;
      const guint8 *bytes = g_bytes_get_data (frame, &size);

      slirp_input (self->slirp, bytes, size);
      g_bytes_unref (frame);
    }

  while (!was_pending && sigtimedwait (&pipe_signal, NULL, &none) < 0 && errno == EINTR)
    ;
  pthread_sigmask (SIG_SETMASK, &old, NULL);
  return G_SOURCE_CONTINUE;
}

static GSourceFuncs user_source_funcs = {
  .prepare = user_source_prepare,
  .check = user_source_check,
  .dispatch = user_source_dispatch,
};

/* The back end. */

/* "10.0.2.0/24" to address and mask; at least a /28, as there must be room for router, name server
 * and guest. */
static gboolean
parse_network (const char *text, struct in_addr *network, struct in_addr *mask, GError **error)
{
  g_auto (GStrv) parts = g_strsplit (text, "/", 2);
  guint64 bits;

  if (parts[0] != NULL && parts[1] != NULL && inet_pton (AF_INET, parts[0], network) == 1 &&
      g_ascii_string_to_unsigned (parts[1], 10, 8, 27, &bits, NULL))
    {
      mask->s_addr = htonl (~(G_MAXUINT32 >> bits));
      if ((network->s_addr & ~mask->s_addr) == 0)
        return TRUE;
    }
  g_set_error (error, VMT_ERROR, VMT_ERROR_INVALID,
               "network \"%s\" is not an IPv4 network with a prefix of 8 to 27 bits, such as "
               "10.0.2.0/24",
               text);
  return FALSE;
}

static struct in_addr
get_host (struct in_addr network, guint32 number)
{
  return (struct in_addr){ .s_addr = htonl (ntohl (network.s_addr) + number) };
}

static gboolean
add_forward (VmtNetUser *self, const char *text, GError **error)
{
  char address[INET_ADDRSTRLEN];
  VmtNetForward forward;

  if (!vmt_net_forward_parse (text, &forward, error))
    return FALSE;
  errno = 0;
  if (slirp_add_hostfwd (self->slirp, forward.udp, forward.host, forward.host_port, forward.guest,
                         forward.guest_port) == 0)
    return TRUE;
  inet_ntop (AF_INET, &forward.host, address, sizeof address);
  g_set_error (error, VMT_ERROR, errno == EADDRINUSE ? VMT_ERROR_BUSY : VMT_ERROR_FAILED,
               "cannot forward port %u of %s: %s%s", forward.host_port, address,
               errno != 0 ? g_strerror (errno) : "refused",
               errno == EADDRINUSE ? ": another program or machine uses it, choose another port"
               : errno == EACCES   ? ": ports below 1024 are not for everybody, choose another"
                                   : "");
  return FALSE;
}

static void
vmt_net_user_close (VmtBackend *backend)
{
  VmtNetUser *self = VMT_NET_USER (backend);

  if (self->source != NULL)
    {
      g_source_destroy (&self->source->source);
      g_source_unref (&self->source->source);
    }
  self->source = NULL;
  g_array_set_size (self->watches, 0);
  self->n_now = 0;
  g_clear_pointer (&self->slirp, slirp_cleanup);
  g_queue_clear_full (&self->from_guest, (GDestroyNotify)g_bytes_unref);
  g_queue_clear_full (&self->to_guest, (GDestroyNotify)g_bytes_unref);
  self->awake = FALSE;
}

static gboolean
vmt_net_user_open (VmtBackend *backend, GError **error)
{
  VmtNetUser *self = VMT_NET_USER (backend);
  SlirpConfig config = { .version = 4 };

  if (!parse_network (self->network, &config.vnetwork, &config.vnetmask, error))
    return FALSE;
  config.restricted = self->restricted;
  config.in_enabled = true;
  config.vhost = get_host (config.vnetwork, 2);
  config.vnameserver = get_host (config.vnetwork, 3);
  config.vdhcp_start = get_host (config.vnetwork, 15);
  config.in6_enabled = self->ipv6;
  inet_pton (AF_INET6, "fec0::", &config.vprefix_addr6);
  config.vprefix_len = 64;
  inet_pton (AF_INET6, "fec0::2", &config.vhost6);
  inet_pton (AF_INET6, "fec0::3", &config.vnameserver6);
  config.vhostname = self->hostname;
  config.disable_host_loopback = !self->host_loopback;
  /* Every buffer of libslirp's is as large. Its IPv6 has no fragments: there the link stays as it
   * is. */
  if (!self->ipv6)
    config.if_mtu = config.if_mru = VMT_NET_LARGE_SEGMENT + 40;

  /* The source first: libslirp may already call back from slirp_new(). */
  self->source = (UserSource *)g_source_new (&user_source_funcs, sizeof (UserSource));
  self->source->net = self;
  self->slirp = slirp_new (&config, &callbacks, self);
  if (self->slirp == NULL)
    {
      g_set_error_literal (error, VMT_ERROR, VMT_ERROR_FAILED, "libslirp refuses to start");
      vmt_net_user_close (backend);
      return FALSE;
    }
  for (char **text = self->forward; text != NULL && *text != NULL; text++)
    if (**text != '\0' && !add_forward (self, *text, error))
      {
        vmt_net_user_close (backend);
        return FALSE;
      }
  g_source_attach (&self->source->source, vmt_backend_get_context (backend));
  return TRUE;
}

static void
vmt_net_user_send (VmtNet *net, const guint8 *frame, gsize size)
{
  VmtNetUser *self = VMT_NET_USER (net);
  gboolean tell = FALSE;
  guint8 *copy;

  if (size > VMT_NET_FRAME_MAX)
    return;
  /* The copy is looked at, not what another vCPU can still change. */
  copy = g_memdup2 (frame, size);
  if (!vmt_net_filter_accepts (copy, size))
    {
      g_free (copy);
      return;
    }
  if (!self->ipv6 && vmt_net_takes_large (net))
    vmt_net_large_raise (copy, size, VMT_NET_LARGE_SEGMENT);
  g_mutex_lock (&self->lock);
  if (g_queue_get_length (&self->from_guest) < MAX_QUEUE)
    {
      g_queue_push_tail (&self->from_guest, g_bytes_new_take (g_steal_pointer (&copy), size));
      tell = !self->awake;
      self->awake = TRUE;
    }
  g_mutex_unlock (&self->lock);
  g_free (copy);
  if (tell)
    wake (self);
}

static void
vmt_net_user_resume (VmtNet *net)
{
  VmtNetUser *self = VMT_NET_USER (net);
  GBytes *frame;

  while ((frame = g_queue_peek_head (&self->to_guest)) != NULL)
    {
      gsize size;
      const guint8 *bytes = g_bytes_get_data (frame, &size);

      if (!vmt_net_receive (net, bytes, size))
        return;
      g_bytes_unref (g_queue_pop_head (&self->to_guest));
    }
}

static void
vmt_net_user_get_property (GObject *object, guint id, GValue *value, GParamSpec *pspec)
{
  VmtNetUser *self = VMT_NET_USER (object);

  switch (id)
    {
    case PROP_FORWARD:
      g_value_set_boxed (value, self->forward);
      break;
    case PROP_NETWORK:
      g_value_set_string (value, self->network);
      break;
    case PROP_HOSTNAME:
      g_value_set_string (value, self->hostname);
      break;
    case PROP_RESTRICT:
      g_value_set_boolean (value, self->restricted);
      break;
    case PROP_IPV6:
      g_value_set_boolean (value, self->ipv6);
      break;
    case PROP_HOST_LOOPBACK:
      g_value_set_boolean (value, self->host_loopback);
      break;
    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
    }
}

static void
vmt_net_user_set_property (GObject *object, guint id, const GValue *value, GParamSpec *pspec)
{
  VmtNetUser *self = VMT_NET_USER (object);

  switch (id)
    {
    case PROP_FORWARD:
      g_strfreev (self->forward);
      self->forward = g_value_dup_boxed (value);
      break;
    case PROP_NETWORK:
      g_free (self->network);
      self->network =
          g_strdup (g_value_get_string (value) != NULL ? g_value_get_string (value) : "");
      break;
    case PROP_HOSTNAME:
      g_free (self->hostname);
      self->hostname = g_value_dup_string (value);
      break;
    case PROP_RESTRICT:
      self->restricted = g_value_get_boolean (value);
      break;
    case PROP_IPV6:
      self->ipv6 = g_value_get_boolean (value);
      break;
    case PROP_HOST_LOOPBACK:
      self->host_loopback = g_value_get_boolean (value);
      break;
    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
    }
}

static void
vmt_net_user_finalize (GObject *object)
{
  VmtNetUser *self = VMT_NET_USER (object);

  g_array_unref (self->watches);
  g_mutex_clear (&self->lock);
  g_strfreev (self->forward);
  g_free (self->network);
  g_free (self->hostname);
  G_OBJECT_CLASS (vmt_net_user_parent_class)->finalize (object);
}

static void
vmt_net_user_class_init (VmtNetUserClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);
  GParamFlags flags = G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS;

  object_class->get_property = vmt_net_user_get_property;
  object_class->set_property = vmt_net_user_set_property;
  object_class->finalize = vmt_net_user_finalize;
  VMT_BACKEND_CLASS (klass)->open = vmt_net_user_open;
  VMT_BACKEND_CLASS (klass)->close = vmt_net_user_close;
  VMT_NET_CLASS (klass)->send = vmt_net_user_send;
  VMT_NET_CLASS (klass)->resume = vmt_net_user_resume;
  /* libslirp ends every connection itself. */
  VMT_NET_CLASS (klass)->flags = VMT_NET_LARGE_TCP | VMT_NET_CHECKED;

  properties[PROP_FORWARD] = vmt_param_spec_list (
      "forward",
      "Ports of the host that lead into the guest: [tcp:|udp:][ADDRESS:]PORT:GUESTPORT; without an "
      "address only this host can connect",
      flags | VMT_PARAM_HOST);
  properties[PROP_NETWORK] = g_param_spec_string (
      "network", NULL,
      "The guest's network: .2 is the router and this host, .3 the name server, .15 the guest",
      "10.0.2.0/24", flags);
  properties[PROP_HOSTNAME] = g_param_spec_string (
      "hostname", NULL, "The name that the guest is offered with its address", NULL, flags);
  properties[PROP_RESTRICT] = g_param_spec_boolean (
      "restrict", NULL, "The guest reaches nothing outside but what is forwarded", FALSE, flags);
  properties[PROP_IPV6] = g_param_spec_boolean (
      "ipv6", NULL, "IPv6 too; for hosts that have it themselves", FALSE, flags);
  properties[PROP_HOST_LOOPBACK] = g_param_spec_boolean (
      "host-loopback", NULL,
      "At the router's address the guest reaches what listens on this host's 127.0.0.1", TRUE,
      flags);
  g_object_class_install_properties (object_class, N_PROPS, properties);
}

static void
vmt_net_user_init (VmtNetUser *self)
{
  self->watches = g_array_new (FALSE, FALSE, sizeof (Watch));
  g_mutex_init (&self->lock);
  self->network = g_strdup ("10.0.2.0/24");
  self->host_loopback = TRUE;
}

static const VmtFeature features[] = {
  { VMT_FEATURE_NET, "user", 100, vmt_net_user_get_type },
  { 0 },
};

VMT_PLUGIN_DEFINE (net_user, "net-user", "User networking: NAT without privileges", 0, features,
                   NULL);
