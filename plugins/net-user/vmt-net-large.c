/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "vmt-net-large.h"

#include <string.h>

#define ETHERNET_HEADER 14
#define TYPE_IPV4 0x0800
#define IP_HEADER 20
#define IP_DONT_FRAGMENT 0x4000
#define IP_MORE 0x2000
#define IP_OFFSET 0x1fff
#define PROTOCOL_TCP 6
#define TCP_HEADER 20
#define TCP_FLAGS 13
#define TCP_CHECKSUM 16
#define TCP_SYN 0x02
#define OPTION_END 0
#define OPTION_NOTHING 1
#define OPTION_SEGMENT 2
#define OPTION_SEGMENT_SIZE 4
/* What a fragment that is not the last carries: whole units of eight bytes. */
#define FRAGMENT ((VMT_NET_LINK_MAX - ETHERNET_HEADER - IP_HEADER) & ~7u)

static guint
get16 (const guint8 *p)
{
  return p[0] << 8 | p[1];
}

static void
put16 (guint8 *p, guint value)
{
  p[0] = value >> 8;
  p[1] = value;
}

static guint
fold (guint64 sum)
{
  while (sum >> 16 != 0)
    sum = (sum & 0xffff) + (sum >> 16);
  return sum;
}

/* The IP header's size, or 0 if it is no IPv4 frame. */
static guint
get_ip_header (const guint8 *frame, gsize size)
{
  guint header;

  if (size < ETHERNET_HEADER + IP_HEADER || get16 (frame + 12) != TYPE_IPV4)
    return 0;
  header = (frame[ETHERNET_HEADER] & 15) * 4;
  return header >= IP_HEADER && size >= ETHERNET_HEADER + header ? header : 0;
}

gboolean
vmt_net_large_is_tcp (const guint8 *frame, gsize size)
{
  const guint8 *ip = frame + ETHERNET_HEADER;
  guint header = get_ip_header (frame, size);

  return header != 0 && ip[9] == PROTOCOL_TCP && (get16 (ip + 6) & (IP_MORE | IP_OFFSET)) == 0 &&
         size >= ETHERNET_HEADER + header + TCP_HEADER;
}

/* RFC 1624: the checksum after a word of the sum has changed; @odd: its bytes lie across two. */
static void
change_word (guint8 *at, guint value, guint8 *checksum, gboolean odd)
{
  guint before = get16 (at), after = value;
  guint64 sum = (guint16)~get16 (checksum);

  if (odd)
    {
      before = GUINT16_SWAP_LE_BE ((guint16)before);
      after = GUINT16_SWAP_LE_BE ((guint16)after);
    }
  sum += (guint16)~before;
  sum += after;
  put16 (checksum, ~fold (sum));
  put16 (at, value);
}

void
vmt_net_large_raise (guint8 *frame, gsize size, guint segment)
{
  guint header;
  guint8 *tcp;

  if (!vmt_net_large_is_tcp (frame, size))
    return;
  tcp = frame + ETHERNET_HEADER + get_ip_header (frame, size);
  header = (tcp[12] >> 4) * 4;
  if ((tcp[TCP_FLAGS] & TCP_SYN) == 0 || tcp + header > frame + size)
    return;
  for (guint i = TCP_HEADER; i + 1 < header;)
    {
      if (tcp[i] == OPTION_END)
        return;
      if (tcp[i] == OPTION_NOTHING)
        {
          i++;
          continue;
        }
      if (tcp[i] == OPTION_SEGMENT && tcp[i + 1] == OPTION_SEGMENT_SIZE &&
          i + OPTION_SEGMENT_SIZE <= header)
        {
          if (get16 (tcp + i + 2) < segment)
            change_word (tcp + i + 2, segment, tcp + TCP_CHECKSUM, i % 2 != 0);
          return;
        }
      if (tcp[i + 1] < 2)
        return;
      i += tcp[i + 1];
    }
}

void
vmt_net_large_split (const guint8 *frame, gsize size, VmtNetEmit emit, gpointer data)
{
  const guint8 *ip = frame + ETHERNET_HEADER;
  guint8 fragment[VMT_NET_LINK_MAX];
  guint flags, length;

  /* Options would have to be looked at one by one; libslirp sends none. */
  if (get_ip_header (frame, size) != IP_HEADER)
    return;
  length = get16 (ip + 2);
  flags = get16 (ip + 6);
  if (length < IP_HEADER || length > size - ETHERNET_HEADER || (flags & IP_DONT_FRAGMENT) != 0)
    return;
  length -= IP_HEADER;
  for (guint at = 0; at < length; at += FRAGMENT)
    {
      guint part = MIN (FRAGMENT, length - at);
      guint8 *head = fragment + ETHERNET_HEADER;
      guint64 sum = 0;

      memcpy (fragment, frame, ETHERNET_HEADER + IP_HEADER);
      memcpy (head + IP_HEADER, ip + IP_HEADER + at, part);
      put16 (head + 2, IP_HEADER + part);
      put16 (head + 6, (flags + at / 8) | (at + part < length ? IP_MORE : 0));
      put16 (head + 10, 0);
      for (guint i = 0; i < IP_HEADER; i += 2)
        sum += get16 (head + i);
      put16 (head + 10, ~fold (sum));
      emit (data, fragment, ETHERNET_HEADER + IP_HEADER + part);
    }
}
