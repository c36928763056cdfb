/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "vmt-net-forward.h"

#include <arpa/inet.h>
#include <string.h>

static gboolean
parse_port (const char *text, guint16 *port)
{
  guint64 value;

  if (!g_ascii_string_to_unsigned (text, 10, 1, G_MAXUINT16, &value, NULL))
    return FALSE;
  *port = value;
  return TRUE;
}

/* "[ADDRESS]:PORT", or "PORT" alone; an absent address leaves @address as it is. */
static gboolean
parse_end (char *text, struct in_addr *address, guint16 *port)
{
  char *colon = strrchr (text, ':');

  if (colon == NULL)
    return parse_port (text, port);
  *colon = '\0';
  if (*text != '\0' && inet_pton (AF_INET, text, address) != 1)
    return FALSE;
  return parse_port (colon + 1, port);
}

gboolean
vmt_net_forward_parse (const char *text, VmtNetForward *forward, GError **error)
{
  const char *rest = text;
  g_autofree char *copy = NULL;
  char *guest;

  *forward = (VmtNetForward){ 0 };
  forward->host.s_addr = htonl (INADDR_LOOPBACK);
  if (g_str_has_prefix (rest, "tcp:"))
    rest += 4;
  else if (g_str_has_prefix (rest, "udp:"))
    {
      forward->udp = TRUE;
      rest += 4;
    }
  copy = g_strdup (rest);
  guest = strchr (copy, '-');
  if (guest == NULL)
    guest = strrchr (copy, ':');
  if (guest != NULL)
    {
      *guest++ = '\0';
      if (parse_end (copy, &forward->host, &forward->host_port) &&
          parse_end (guest, &forward->guest, &forward->guest_port))
        return TRUE;
    }
  g_set_error (
      error, VMT_ERROR, VMT_ERROR_INVALID,
      "forward \"%s\" is not of the form [tcp:|udp:][ADDRESS:]PORT:GUESTPORT, with an IPv4 "
      "address and ports from 1 to 65535, such as 2222:22",
      text);
  return FALSE;
}
