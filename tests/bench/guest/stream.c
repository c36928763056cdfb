/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What bench-io.py's guest runs: "stream send|receive ADDRESS PORT BYTES" moves bytes over TCP and
 * prints the seconds that it took. The receiver's last byte ends a transfer: what is still in a
 * buffer somewhere does not count. */
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

static char buffer[128 << 10];

static double
now (void)
{
  struct timespec time;

  clock_gettime (CLOCK_MONOTONIC, &time);
  return time.tv_sec + time.tv_nsec / 1e9;
}

int
main (int argc, char **argv)
{
  struct sockaddr_in peer = { .sin_family = AF_INET };
  int fd = socket (AF_INET, SOCK_STREAM, 0), sends;
  long long left, total;
  char request[32];
  double start;

  if (argc != 5)
    return 2;
  sends = strcmp (argv[1], "send") == 0;
  inet_pton (AF_INET, argv[2], &peer.sin_addr);
  peer.sin_port = htons (atoi (argv[3]));
  left = total = atoll (argv[4]);
  if (connect (fd, (struct sockaddr *)&peer, sizeof peer) != 0)
    {
      perror ("connect");
      return 1;
    }
  snprintf (request, sizeof request, "%c%020lld", sends ? 's' : 'r', total);
  if (write (fd, request, 21) != 21)
    return 1;
  start = now ();
  while (left > 0)
    {
      size_t want = left < (long long)sizeof buffer ? (size_t)left : sizeof buffer;
      ssize_t n = sends ? write (fd, buffer, want) : read (fd, buffer, want);

      if (n <= 0)
        {
          perror (argv[1]);
          return 1;
        }
      left -= n;
    }
  if (sends && read (fd, buffer, 1) != 1)
    return 1;
  printf ("RESULT %.6f\n", now () - start);
  return 0;
}
