/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "vmt-net-filter.h"

#define ETHERNET_HEADER 14
#define TYPE_IPV4 0x0800
#define TYPE_IPV6 0x86dd

#define IP_HEADER 20
#define IP_RESERVED 0x8000
#define IP_MORE 0x2000
#define IP_OFFSET 0x1fff
#define IP6_HEADER 40

#define PROTOCOL_ICMP 1
#define PROTOCOL_TCP 6
#define PROTOCOL_UDP 17
#define TCP_HEADER 20
#define UDP_HEADER 8
#define ICMP_HEADER 8

static guint
get16 (const guint8 *p)
{
  return p[0] << 8 | p[1];
}

/* The header above IP lies wholly inside. */
static gboolean
accepts_transport (guint protocol, const guint8 *p, gsize size)
{
  guint header;

  switch (protocol)
    {
    case PROTOCOL_TCP:
      if (size < TCP_HEADER)
        return FALSE;
      header = (p[12] >> 4) * 4;
      return header >= TCP_HEADER && header <= size;
    case PROTOCOL_UDP:
      return size >= UDP_HEADER && get16 (p + 4) >= UDP_HEADER && get16 (p + 4) <= size;
    case PROTOCOL_ICMP:
      return size >= ICMP_HEADER;
    default:
      return TRUE;
    }
}

/* RFC 791, section 3.1. */
static gboolean
accepts_ipv4 (const guint8 *p, gsize size)
{
  guint header, length, flags;

  if (size < IP_HEADER || p[0] >> 4 != 4)
    return FALSE;
  header = (p[0] & 15) * 4;
  length = get16 (p + 2);
  if (header < IP_HEADER || length < header || length > size)
    return FALSE;
  flags = get16 (p + 6);
  if ((flags & (IP_RESERVED | IP_MORE | IP_OFFSET)) == 0)
    return accepts_transport (p[9], p + header, length - header);
  /* Fragments: libslirp 4.7 loses its way in putting overlapping ones together, and writes through
   * wild pointers. Guests send none by themselves, but for datagrams that are larger than the
   * link's 1,500 bytes. */
  return FALSE;
}

/* RFC 8200, section 3. */
static gboolean
accepts_ipv6 (const guint8 *p, gsize size)
{
  if (size < IP6_HEADER || p[0] >> 4 != 6)
    return FALSE;
  return IP6_HEADER + (gsize)get16 (p + 4) <= size;
}

gboolean
vmt_net_filter_accepts (const guint8 *frame, gsize size)
{
  if (size < ETHERNET_HEADER)
    return FALSE;
  switch (get16 (frame + 12))
    {
    case TYPE_IPV4:
      return accepts_ipv4 (frame + ETHERNET_HEADER, size - ETHERNET_HEADER);
    case TYPE_IPV6:
      return accepts_ipv6 (frame + ETHERNET_HEADER, size - ETHERNET_HEADER);
    default:
      return TRUE; /* ARP is checked; all else is ignored */
    }
}
