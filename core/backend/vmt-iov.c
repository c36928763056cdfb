/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>

#include "vmt-block.h"

guint
vmt_iov_slice (const VmtIoVec *iov, guint n_iov, guint64 skip, guint64 size, VmtIoVec *out)
{
  guint n = 0;

  for (guint i = 0; i < n_iov && size > 0; i++)
    {
      guint64 take;

      if (skip >= iov[i].size)
        {
          skip -= iov[i].size;
          continue;
        }
      take = MIN (iov[i].size - skip, size);
      out[n].base = (guint8 *)iov[i].base + skip;
      out[n].size = take;
      n++;
      skip = 0;
      size -= take;
    }
  return n;
}

guint64
vmt_iov_get_size (const VmtIoVec *iov, guint n_iov)
{
  guint64 size = 0;

  for (guint i = 0; i < n_iov; i++)
    size += iov[i].size;
  return size;
}

/* What one walk over a scatter list does with each piece of it. */
typedef enum
{
  IOV_SET,
  IOV_STORE,
  IOV_LOAD
} IovWork;

static void
walk (const VmtIoVec *iov, guint n_iov, guint64 skip, guint64 size, IovWork work, guint8 byte,
      guint8 *buffer)
{
  for (guint i = 0; i < n_iov && size > 0; i++)
    {
      guint64 take;
      guint8 *at;

      if (skip >= iov[i].size)
        {
          skip -= iov[i].size;
          continue;
        }
      at = (guint8 *)iov[i].base + skip;
      take = MIN (iov[i].size - skip, size);
      switch (work)
        {
        case IOV_SET:
          memset (at, byte, take);
          break;
        case IOV_STORE:
          memcpy (at, buffer, take);
          buffer += take;
          break;
        case IOV_LOAD:
          memcpy (buffer, at, take);
          buffer += take;
          break;
        }
      skip = 0;
      size -= take;
    }
}

void
vmt_iov_set (const VmtIoVec *iov, guint n_iov, guint64 skip, guint8 byte, guint64 size)
{
  walk (iov, n_iov, skip, size, IOV_SET, byte, NULL);
}

/* From @buffer into the list. */
void
vmt_iov_store (const VmtIoVec *iov, guint n_iov, guint64 skip, gconstpointer buffer, gsize size)
{
  walk (iov, n_iov, skip, size, IOV_STORE, 0, (guint8 *)buffer);
}

/* From the list into @buffer. */
void
vmt_iov_load (const VmtIoVec *iov, guint n_iov, guint64 skip, gpointer buffer, gsize size)
{
  walk (iov, n_iov, skip, size, IOV_LOAD, 0, buffer);
}
