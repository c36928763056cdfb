/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <arpa/inet.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "vmt-net-forward.h"
#include "vmt-net-large.h"

/* A guest of a few lines: Ethernet, ARP, DHCP and enough of TCP to be connected to. */

typedef struct
{
  GMainContext *context;
  VmtNet *net;
  gboolean room;
  GQueue frames; /* GBytes */
} Guest;

static gboolean
receive (gpointer data, const guint8 *frame, gsize size)
{
  Guest *guest = data;

  if (guest->room)
    g_queue_push_tail (&guest->frames, g_bytes_new (frame, size));
  return guest->room;
}

static const VmtNetFrontend frontend = { receive };

static void
start (Guest *guest, const char *first, ...)
{
  g_autoptr (GError) error = NULL;
  VmtObject *object =
      vmt_registry_create (vmt_registry_get_default (), VMT_FEATURE_NET, "user", &error);
  va_list args;

  g_assert_no_error (error);
  if (g_object_is_floating (object))
    g_object_ref_sink (object);
  guest->net = VMT_NET (object);
  guest->room = TRUE;
  guest->context = g_main_context_new ();
  g_queue_init (&guest->frames);
  va_start (args, first);
  for (const char *name = first; name != NULL; name = va_arg (args, const char *))
    {
      vmt_object_set_text (object, name, va_arg (args, const char *), &error);
      g_assert_no_error (error);
    }
  va_end (args);
  vmt_backend_open (VMT_BACKEND (object), guest->context, &error);
  g_assert_no_error (error);
  vmt_net_set_frontend (guest->net, &frontend, guest);
}

static void
stop (Guest *guest)
{
  vmt_net_set_frontend (guest->net, NULL, NULL);
  vmt_backend_close (VMT_BACKEND (guest->net));
  g_object_unref (guest->net);
  g_queue_clear_full (&guest->frames, (GDestroyNotify)g_bytes_unref);
  g_main_context_unref (guest->context);
}

/* The next frame of a type and IP protocol from the network, or NULL after a while; type 0: ARP, or
 * that protocol. */
static GBytes *
next_frame (Guest *guest, guint type, guint protocol, guint milliseconds)
{
  gint64 until = g_get_monotonic_time () + milliseconds * 1000;

  for (;;)
    {
      GBytes *frame = g_queue_pop_head (&guest->frames);

      if (frame != NULL)
        {
          const guint8 *p = g_bytes_get_data (frame, NULL);

          if (((p[12] << 8 | p[13]) == type && (protocol == 0 || p[23] == protocol)) ||
              (type == 0 && (p[13] == 6 || p[23] == protocol)))
            return frame;
          g_bytes_unref (frame);
          continue;
        }
      if (g_get_monotonic_time () > until)
        return NULL;
      if (!g_main_context_iteration (guest->context, FALSE))
        g_usleep (500);
    }
}

static const guint8 mac[6] = { 0x52, 0x54, 0, 0x12, 0x34, 0x56 };

static guint16
sum (const guint8 *data, gsize size, guint32 begin)
{
  for (gsize i = 0; i < size; i++)
    begin += i % 2 == 0 ? data[i] << 8 : data[i];
  while (begin >> 16 != 0)
    begin = (begin & 0xffff) + (begin >> 16);
  return ~begin;
}

static void
put16 (guint8 *p, guint value)
{
  p[0] = value >> 8;
  p[1] = value;
}

/* An IPv4 packet; @checksum_at: of the payload's own checksum, with pseudo header; 0: it has none.
 */
static void
send_ip (Guest *guest, guint protocol, guint32 from, guint32 to, const guint8 *payload, gsize size,
         gsize checksum_at)
{
  guint8 frame[1600] = { 0 };
  guint32 pseudo;

  memset (frame, 0xff, 6);
  if (to != 0xffffffff)
    memcpy (frame, (const guint8[6]){ 0x52, 0x55, 10, 0, 2, 2 }, 6);
  memcpy (frame + 6, mac, 6);
  put16 (frame + 12, 0x0800);
  frame[14] = 0x45;
  put16 (frame + 16, 20 + size);
  frame[22] = 64;
  frame[23] = protocol;
  put16 (frame + 26, from >> 16);
  put16 (frame + 28, from);
  put16 (frame + 30, to >> 16);
  put16 (frame + 32, to);
  put16 (frame + 24, sum (frame + 14, 20, 0));
  memcpy (frame + 34, payload, size);
  if (checksum_at != 0)
    {
      pseudo = (from >> 16) + (from & 0xffff) + (to >> 16) + (to & 0xffff) + protocol + size;
      put16 (frame + 34 + checksum_at, 0);
      put16 (frame + 34 + checksum_at, sum (frame + 34, size, pseudo));
    }
  vmt_net_send (guest->net, frame, 34 + size);
}

static void
send_dhcp (Guest *guest, guint kind)
{
  guint8 packet[8 + 300] = { 0 };
  guint8 *dhcp = packet + 8;

  put16 (packet, 68);
  put16 (packet + 2, 67);
  put16 (packet + 4, sizeof packet);
  dhcp[0] = 1;
  dhcp[1] = 1;
  dhcp[2] = 6;
  dhcp[4] = 0x77;
  memcpy (dhcp + 28, mac, 6);
  memcpy (dhcp + 236, "\x63\x82\x53\x63\x35\x01", 6);
  dhcp[242] = kind;
  dhcp[243] = 0xff;
  send_ip (guest, 17, 0, 0xffffffff, packet, sizeof packet, 0);
}

static void
test_dhcp (void)
{
  static const struct
  {
    const char *network;
    guint8 first;
  } rows[] = {
    { "10.0.2.0/24", 10 },
    { "192.168.76.0/24", 192 },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (rows); i++)
    {
      g_autoptr (GBytes) reply = NULL;
      const guint8 *p;
      gsize size;
      Guest guest = { 0 };

      start (&guest, "network", rows[i].network, "hostname", "guest1", NULL);
      send_dhcp (&guest, 1);
      reply = next_frame (&guest, 0x0800, 17, 5000);
      g_assert_nonnull (reply);
      p = g_bytes_get_data (reply, &size);
      g_assert_cmpuint (size, >, 34 + 8 + 240);
      g_assert_cmpint (p[14 + 20 + 8], ==, 2);
      /* yiaddr */
      g_assert_cmpint (p[14 + 20 + 8 + 16], ==, rows[i].first);
      g_assert_cmpint (p[14 + 20 + 8 + 19], ==, 15);
      stop (&guest);
    }
}

/* What a device has no room for waits, within limits. */
static void
test_room (void)
{
  g_autoptr (GBytes) reply = NULL;
  Guest guest = { 0 };
  guint n = 0;

  start (&guest, NULL, NULL);
  guest.room = FALSE;
  for (guint i = 0; i < 2000; i++)
    {
      send_dhcp (&guest, 1);
      if (i % 100 == 0)
        g_assert_null (next_frame (&guest, 0x0800, 17, 1));
    }
  guest.room = TRUE;
  vmt_net_resume (guest.net);
  while ((reply = next_frame (&guest, 0x0800, 17, 300)) != NULL)
    {
      g_clear_pointer (&reply, g_bytes_unref);
      n++;
    }
  g_assert_cmpuint (n, >, 0);
  g_assert_cmpuint (n, <=, 512 + 512);
  stop (&guest);
}

/* Garbage of all sizes, in both directions of the stack. */
static void
test_garbage (void)
{
  g_autoptr (GRand) random = g_rand_new_with_seed (3);
  guint rounds = g_test_slow () ? 1000000 : 20000;
  g_autofree guint8 *frame = g_malloc0 (70000);
  g_autoptr (GBytes) reply = NULL;
  Guest guest = { 0 };

  start (&guest, "ipv6", "on", NULL);
  vmt_net_send (guest.net, frame, 0);
  vmt_net_send (guest.net, frame, 13);
  vmt_net_send (guest.net, frame, 70000);
  for (guint i = 0; i < rounds; i++)
    {
      gsize size = 14 + g_rand_int_range (random, 0, i % 50 == 0 ? 9000 : 200);

      for (gsize k = 0; k < MIN (size, 100); k++)
        frame[k] = g_rand_int (random);
      /* Most of it looks like something. */
      put16 (frame + 12, i % 4 == 0 ? 0x0806 : i % 4 == 1 ? 0x86dd : 0x0800);
      frame[14] = i % 4 == 1 ? 0x60 : i % 32 == 3 ? 0x40 + i / 32 % 16 : 0x45;
      if (i % 4 >= 2 && size >= 34)
        {
          static const guint8 protocols[] = { 1, 6, 17, 47 };

          /* Nowhere but the network's own router: this test talks to nobody. Fragments belong
           * together more often than not. */
          memcpy (frame + 26, (const guint8[4]){ 10, 0, 2, 15 }, 4);
          memcpy (frame + 30, (const guint8[4]){ 10, 0, 2, i % 3 == 0 ? 2 : 4 }, 4);
          frame[23] = protocols[i / 4 % 4];
          put16 (frame + 18, g_rand_int_range (random, 0, 3));
          if (i % 8 == 2)
            put16 (frame + 20, 0);
          else if (i % 8 == 3)
            put16 (frame + 20,
                   g_rand_int_range (random, 0, 8) << 13 | g_rand_int_range (random, 0, 20));
          if (i % 16 != 7)
            put16 (frame + 16, size - 14);
          put16 (frame + 24, 0);
          put16 (frame + 24, sum (frame + 14, 4 * MAX (frame[14] & 15, 5), 0));
        }
      vmt_net_send (guest.net, frame, size);
      if (i % 20 == 0)
        g_main_context_iteration (guest.context, FALSE);
    }
  while (g_main_context_iteration (guest.context, FALSE))
    ;
  g_queue_clear_full (&guest.frames, (GDestroyNotify)g_bytes_unref);
  send_dhcp (&guest, 1);
  reply = next_frame (&guest, 0x0800, 17, 5000);
  g_assert_nonnull (reply);
  stop (&guest);
}

static int
connect_to (guint32 address, guint port)
{
  struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons (port) };
  int fd = socket (AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

  to.sin_addr.s_addr = htonl (address);
  connect (fd, (struct sockaddr *)&to, sizeof to);
  return fd;
}

static guint
find_port (void)
{
  struct sockaddr_in at = { .sin_family = AF_INET };
  socklen_t size = sizeof at;
  int fd = socket (AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

  at.sin_addr.s_addr = htonl (INADDR_LOOPBACK);
  g_assert_cmpint (bind (fd, (struct sockaddr *)&at, sizeof at), ==, 0);
  g_assert_cmpint (getsockname (fd, (struct sockaddr *)&at, &size), ==, 0);
  close (fd);
  return ntohs (at.sin_port);
}

/* A connection from the host comes to the guest as one from the router; and the port is taken for
 * others. */
static void
test_forward (void)
{
  guint port = find_port ();
  g_autofree char *text = g_strdup_printf ("%u:22", port);
  g_autoptr (GBytes) reply = NULL;
  g_autoptr (GError) error = NULL;
  g_autoptr (VmtObject) other = NULL;
  guint8 answer[42] = { 0 };
  const guint8 *p = NULL;
  Guest guest = { 0 };
  int fd;

  start (&guest, "forward", text, NULL);
  other = vmt_registry_create (vmt_registry_get_default (), VMT_FEATURE_NET, "user", &error);
  g_assert_true (vmt_object_set_text (other, "forward", text, NULL));
  g_assert_false (vmt_backend_open (VMT_BACKEND (other), guest.context, &error));
  g_assert_error (error, VMT_ERROR, VMT_ERROR_BUSY);
  g_assert_nonnull (strstr (error->message, "another port"));

  send_dhcp (&guest, 3);
  g_bytes_unref (next_frame (&guest, 0x0800, 17, 5000));
  fd = connect_to (INADDR_LOOPBACK, port);
  /* It may ask who 10.0.2.15 is, */
  reply = next_frame (&guest, 0, 6, 5000);
  g_assert_nonnull (reply);
  p = g_bytes_get_data (reply, NULL);
  if (p[13] == 6)
    {
      memcpy (answer, p + 6, 6);
      memcpy (answer + 6, mac, 6);
      memcpy (answer + 12, "\x08\x06\0\1\x08\0\6\4\0\2", 10);
      memcpy (answer + 22, mac, 6);
      memcpy (answer + 28, p + 38, 4);
      memcpy (answer + 32, p + 22, 10);
      vmt_net_send (guest.net, answer, sizeof answer);
      g_clear_pointer (&reply, g_bytes_unref);
      reply = next_frame (&guest, 0x0800, 6, 5000);
    }
  /* and sends the first segment of a connection to port 22. */
  g_assert_nonnull (reply);
  p = g_bytes_get_data (reply, NULL);
  g_assert_cmpint (p[34 + 2] << 8 | p[34 + 3], ==, 22);
  g_assert_cmpint (p[34 + 13] & 0x3f, ==, 2);
  g_assert_cmpmem (p + 30, 4, "\x0a\x00\x02\x0f", 4);
  close (fd);
  stop (&guest);
}

/* By default only this host can connect: the port is free at other addresses. */
static void
test_bind (void)
{
  guint port = find_port ();
  g_autofree char *text = g_strdup_printf ("tcp:%u:80", port);
  struct sockaddr_in at = { .sin_family = AF_INET, .sin_port = htons (port) };
  Guest guest = { 0 };
  int fd = socket (AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

  start (&guest, "forward", text, NULL);
  inet_pton (AF_INET, "127.0.0.2", &at.sin_addr);
  g_assert_cmpint (bind (fd, (struct sockaddr *)&at, sizeof at), ==, 0);
  close (fd);
  fd = socket (AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  at.sin_addr.s_addr = htonl (INADDR_LOOPBACK);
  g_assert_cmpint (bind (fd, (struct sockaddr *)&at, sizeof at), !=, 0);
  close (fd);
  stop (&guest);
}

static void
test_parse (void)
{
  static const struct
  {
    const char *text;
    gboolean udp;
    const char *host;
    guint host_port;
    const char *guest;
    guint guest_port;
  } good[] = {
    { "2222:22", FALSE, "127.0.0.1", 2222, "0.0.0.0", 22 },
    { "udp:53:5353", TRUE, "127.0.0.1", 53, "0.0.0.0", 5353 },
    { "tcp:0.0.0.0:80:8080", FALSE, "0.0.0.0", 80, "0.0.0.0", 8080 },
    { "tcp:127.0.0.1:2222-:22", FALSE, "127.0.0.1", 2222, "0.0.0.0", 22 },
    { "192.168.1.5:1-10.0.2.16:65535", FALSE, "192.168.1.5", 1, "10.0.2.16", 65535 },
    { "2222-22", FALSE, "127.0.0.1", 2222, "0.0.0.0", 22 },
  };
  static const char *const bad[] = {
    "",           "22",          ":22",        "22:",
    "0:22",       "22:0",        "65536:22",   "22:65536",
    "a:22",       "22:b",        "tcp:",       "tcp:22",
    "sctp:1:2",   "1.2.3:22:22", "::1:22:22",  "1.2.3.4.5:22:22",
    "2222:22:22", "-",           "22-",        "-22",
    "22 :22",     "+22:22",      "host:22:22",
  };

  for (gsize i = 0; i < G_N_ELEMENTS (good); i++)
    {
      g_autoptr (GError) error = NULL;
      VmtNetForward forward;
      char host[32], guest[32];

      vmt_net_forward_parse (good[i].text, &forward, &error);
      g_assert_no_error (error);
      inet_ntop (AF_INET, &forward.host, host, sizeof host);
      inet_ntop (AF_INET, &forward.guest, guest, sizeof guest);
      g_assert_cmpint (forward.udp, ==, good[i].udp);
      g_assert_cmpstr (host, ==, good[i].host);
      g_assert_cmpstr (guest, ==, good[i].guest);
      g_assert_cmpuint (forward.host_port, ==, good[i].host_port);
      g_assert_cmpuint (forward.guest_port, ==, good[i].guest_port);
    }
  for (gsize i = 0; i < G_N_ELEMENTS (bad); i++)
    {
      g_autoptr (GError) error = NULL;
      VmtNetForward forward;

      if (vmt_net_forward_parse (bad[i], &forward, &error))
        g_error ("\"%s\" was accepted", bad[i]);
      g_assert_error (error, VMT_ERROR, VMT_ERROR_INVALID);
    }
}

static void
test_settings (void)
{
  static const char *const bad[] = { "",           "10.0.2.0",  "10.0.2.1/24", "10.0.2.0/28",
                                     "10.0.0.0/7", "10.0.2/24", "fec0::/64",   "10.0.2.0/x" };

  for (gsize i = 0; i < G_N_ELEMENTS (bad); i++)
    {
      g_autoptr (GError) error = NULL;
      g_autoptr (VmtObject) object =
          vmt_registry_create (vmt_registry_get_default (), VMT_FEATURE_NET, "user", &error);

      g_assert_no_error (error);
      g_object_set (object, "network", bad[i], NULL);
      g_assert_false (vmt_backend_open (VMT_BACKEND (object), NULL, &error));
      g_assert_error (error, VMT_ERROR, VMT_ERROR_INVALID);
    }
}

/* A SYN from 10.0.2.15 with these options; returns the frame's size. */
static gsize
make_syn (guint8 *frame, guint flags, guint port, const char *options, guint size)
{
  const guint32 from = 0x0a00020f, to = 0x0a000202;
  guint length = 20 + size;

  memset (frame, 0, 34 + length);
  memcpy (frame, (const guint8[6]){ 0x52, 0x55, 10, 0, 2, 2 }, 6);
  memcpy (frame + 6, mac, 6);
  put16 (frame + 12, 0x0800);
  frame[14] = 0x45;
  put16 (frame + 16, 20 + length);
  frame[22] = 64;
  frame[23] = 6;
  put16 (frame + 26, from >> 16);
  put16 (frame + 28, from);
  put16 (frame + 30, to >> 16);
  put16 (frame + 32, to);
  put16 (frame + 24, sum (frame + 14, 20, 0));
  put16 (frame + 34, 1234);
  put16 (frame + 36, port);
  frame[34 + 7] = 99;
  frame[34 + 12] = length / 4 << 4;
  frame[34 + 13] = flags;
  put16 (frame + 34 + 14, 65535);
  memcpy (frame + 54, options, size);
  put16 (frame + 34 + 16,
         sum (frame + 34, length,
              (from >> 16) + (from & 0xffff) + (to >> 16) + (to & 0xffff) + 6 + length));
  return 34 + length;
}

static void
test_raise (void)
{
  static const struct
  {
    guint flags;
    const char *options;
    guint at; /* of the segment size that becomes 32760; 0: stays as it is */
  } rows[] = {
    { 2, "\2\4\5\264", 2 },         { 0x12, "\2\4\5\264", 2 },      { 2, "\1\2\4\5\264\1\1\1", 3 },
    { 2, "\1\1\2\4\5\264\1\1", 4 }, { 2, "\3\3\7\2\4\377\0\0", 0 }, { 2, "\3\3\7\2\4\1\0\0", 5 },
    { 0x10, "\2\4\5\264", 0 },      { 2, "\0\0\0\0\2\4\5\264", 0 }, { 2, "\2\3\5\264", 0 },
    { 2, "\7\0\2\4", 0 },           { 2, "\7\1\2\4", 0 },           { 2, "\1\1\1\2", 0 },
    { 2, "\1\1\2\4", 0 },           { 2, "\1\2\4\5", 0 },           { 2, "\7\377\0\0", 0 },
  };
  guint8 frame[100], before[100];

  for (guint i = 0; i < G_N_ELEMENTS (rows); i++)
    {
      guint length = strlen (rows[i].options);
      gsize size;

      length = length < 4 ? 4 : (length + 3) & ~3u;
      if (rows[i].options[0] == 0)
        length = 8;
      size = make_syn (frame, rows[i].flags, 80, rows[i].options, length);
      memcpy (before, frame, size);
      vmt_net_large_raise (frame, size, 32760);
      if (rows[i].at == 0)
        {
          g_assert_cmpmem (frame, size, before, size);
          continue;
        }
      g_assert_cmpuint (frame[54 + rows[i].at] << 8 | frame[54 + rows[i].at + 1], ==, 32760);
      /* The checksum is right: all of it sums up to nothing. */
      g_assert_cmphex (
          sum (frame + 34, size - 34, 0x0a00 + 0x020f + 0x0a00 + 0x0202 + 6 + size - 34), ==, 0);
      frame[54 + rows[i].at] = before[54 + rows[i].at];
      frame[54 + rows[i].at + 1] = before[54 + rows[i].at + 1];
      memcpy (frame + 34 + 16, before + 34 + 16, 2);
      g_assert_cmpmem (frame, size, before, size);
    }
  /* What is no such frame at all. */
  for (gsize size = 0; size < 62; size++)
    {
      g_autofree guint8 *exact = NULL;

      make_syn (frame, 2, 80, "\1\1\2\4\5\264\1\1", 8);
      exact = g_memdup2 (frame, size);
      vmt_net_large_raise (exact, size, 32760);
      g_assert_cmpmem (exact, size, frame, size);
    }
}

typedef struct
{
  guint8 packet[66000];
  gsize size;
  guint n;
  gboolean last;
} Pieces;

static void
add_piece (gpointer data, const guint8 *frame, gsize size)
{
  Pieces *pieces = data;
  guint flags = frame[20] << 8 | frame[21], length = (frame[16] << 8 | frame[17]) - 20;

  g_assert_cmpuint (size, <=, 1514);
  g_assert_cmpuint (length + 34, ==, size);
  g_assert_cmphex (sum (frame + 14, 20, 0), ==, 0);
  g_assert_false (pieces->last);
  g_assert_cmpuint ((flags & 0x1fff) * 8, ==, pieces->size);
  memcpy (pieces->packet + pieces->size, frame + 34, length);
  pieces->size += length;
  pieces->last = (flags & 0x2000) == 0;
  pieces->n++;
}

static void
test_split (void)
{
  static const guint sizes[] = { 1515, 2994, 2995, 9000, 32800 };
  g_autofree Pieces *pieces = g_new0 (Pieces, 1);
  g_autofree guint8 *frame = g_malloc0 (66000);

  for (guint i = 0; i < 66000; i++)
    frame[i] = i * 7;
  put16 (frame + 12, 0x0800);
  for (guint i = 0; i < G_N_ELEMENTS (sizes); i++)
    for (guint more = 0; more < 2; more++)
      {
        frame[14] = 0x45;
        frame[23] = 17;
        put16 (frame + 16, sizes[i] - 14);
        /* It may be a fragment itself, in the middle. */
        put16 (frame + 20, more ? 0x2000 | 8000 / 8 : 0);
        memset (pieces, 0, sizeof *pieces);
        pieces->size = more ? 8000 : 0;
        vmt_net_large_split (frame, sizes[i], add_piece, pieces);
        g_assert_cmpuint (pieces->n, ==, (sizes[i] - 34 + 1479) / 1480);
        g_assert_cmpint (pieces->last, ==, !more);
        g_assert_cmpmem (pieces->packet + (more ? 8000 : 0), pieces->size - (more ? 8000 : 0),
                         frame + 34, sizes[i] - 34);
      }
  /* One that must not be cut, options, a length that lies, no IP. */
  for (guint i = 0; i < 5; i++)
    {
      frame[14] = i == 1 ? 0x46 : 0x45;
      put16 (frame + 12, i == 4 ? 0x86dd : 0x0800);
      put16 (frame + 16, i == 2 ? 10 : i == 3 ? 3000 : 2986);
      put16 (frame + 20, i == 0 ? 0x4000 : 0);
      memset (pieces, 0, sizeof *pieces);
      vmt_net_large_split (frame, 3000, add_piece, pieces);
      g_assert_cmpuint (pieces->n, ==, 0);
    }
}

/* A server of the host's says more than the link carries at once: in one piece only to a device
 * that takes it so. */
static void
test_large (void)
{
  for (guint large = 0; large < 2; large++)
    {
      struct sockaddr_in at = { .sin_family = AF_INET };
      socklen_t length = sizeof at;
      g_autofree guint8 *text = g_malloc (20000);
      g_autoptr (GBytes) reply = NULL;
      guint8 frame[100];
      Guest guest = { 0 };
      gsize size, got = 0, most = 0;
      guint32 sequence, first;
      const guint8 *p;
      int fd = socket (AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), peer;

      for (guint i = 0; i < 20000; i++)
        text[i] = i * 11 >> 3;
      at.sin_addr.s_addr = htonl (INADDR_LOOPBACK);
      g_assert_cmpint (bind (fd, (struct sockaddr *)&at, sizeof at), ==, 0);
      g_assert_cmpint (listen (fd, 1), ==, 0);
      g_assert_cmpint (getsockname (fd, (struct sockaddr *)&at, &length), ==, 0);
      start (&guest, NULL, NULL);
      vmt_net_set_large (guest.net, large);
      send_dhcp (&guest, 3);
      g_bytes_unref (next_frame (&guest, 0x0800, 17, 5000));
      size = make_syn (frame, 2, ntohs (at.sin_port), "\2\4\5\264", 4);
      vmt_net_send (guest.net, frame, size);
      reply = next_frame (&guest, 0x0800, 6, 5000);
      g_assert_nonnull (reply);
      p = g_bytes_get_data (reply, NULL);
      g_assert_cmpint (p[34 + 13], ==, 0x12);
      memcpy (&sequence, p + 34 + 4, 4);
      first = GUINT32_FROM_BE (sequence) + 1;
      sequence = GUINT32_TO_BE (first);
      size = make_syn (frame, 0x10, ntohs (at.sin_port), "", 0);
      frame[34 + 7] = 100;
      memcpy (frame + 34 + 8, &sequence, 4);
      put16 (frame + 34 + 16, 0);
      put16 (frame + 34 + 16, sum (frame + 34, 20, 0x0a00 + 0x020f + 0x0a00 + 0x0202 + 6 + 20));
      vmt_net_send (guest.net, frame, size);
      peer = accept (fd, NULL, NULL);
      g_assert_cmpint (write (peer, text, 20000), ==, 20000);
      for (;;)
        {
          guint header;

          g_clear_pointer (&reply, g_bytes_unref);
          reply = next_frame (&guest, 0x0800, 6, 2000);
          if (reply == NULL)
            break;
          p = g_bytes_get_data (reply, &size);
          header = 34 + (p[34 + 12] >> 4) * 4;
          size = 14 + (p[16] << 8 | p[17]);
          most = MAX (most, size);
          memcpy (&sequence, p + 34 + 4, 4);
          if (size == header || GUINT32_FROM_BE (sequence) - first != got)
            continue;
          g_assert_cmpmem (p + header, size - header, text + got, size - header);
          got += size - header;
          if (got == 20000 || got >= 2920)
            break;
        }
      /* The first window of a connection is one segment. */
      g_assert_cmpuint (got, >, 0);
      if (large)
        g_assert_cmpuint (most, >, 1514);
      else
        g_assert_cmpuint (most, <=, 1514);
      close (peer);
      close (fd);
      stop (&guest);
    }
}

/* Nothing to do: nothing is done. */
static void
test_idle (void)
{
  Guest guest = { 0 };
  gint64 until;
  guint turns = 0;

  start (&guest, NULL, NULL);
  while (g_main_context_iteration (guest.context, FALSE))
    ;
  until = g_get_monotonic_time () + 500000;
  while (g_get_monotonic_time () < until)
    if (g_main_context_iteration (guest.context, FALSE))
      turns++;
    else
      g_usleep (1000);
  g_assert_cmpuint (turns, <, 30);
  stop (&guest);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/net/user/dhcp", test_dhcp);
  g_test_add_func ("/net/user/room", test_room);
  g_test_add_func ("/net/user/garbage", test_garbage);
  g_test_add_func ("/net/user/forward", test_forward);
  g_test_add_func ("/net/user/bind", test_bind);
  g_test_add_func ("/net/user/parse", test_parse);
  g_test_add_func ("/net/user/settings", test_settings);
  g_test_add_func ("/net/user/raise", test_raise);
  g_test_add_func ("/net/user/split", test_split);
  g_test_add_func ("/net/user/large", test_large);
  g_test_add_func ("/net/user/idle", test_idle);
  return g_test_run ();
}
