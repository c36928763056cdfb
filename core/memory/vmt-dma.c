/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "vmt-dma.h"

#include <string.h>

#include "vmt-address-space-private.h"

#define COPY_VALUE(type)                                                                           \
  G_STMT_START                                                                                     \
  {                                                                                                \
    type value;                                                                                    \
    if (((guintptr)from & (sizeof value - 1)) == 0)                                                \
      value = __atomic_load_n ((const type *)from, __ATOMIC_RELAXED);                              \
    else                                                                                           \
      memcpy (&value, from, sizeof value);                                                         \
    if (((guintptr)to & (sizeof value - 1)) == 0)                                                  \
      __atomic_store_n ((type *)to, value, __ATOMIC_RELAXED);                                      \
    else                                                                                           \
      memcpy (to, &value, sizeof value);                                                           \
  }                                                                                                \
  G_STMT_END

/* An aligned value of 2, 4 or 8 bytes (an index of a ring) is never seen in halves by a vCPU.
 * Longer pieces have no such promise: guests that look at them meanwhile see them change, as with
 * real DMA. */
static void
copy (guint8 *to, const guint8 *from, guint64 size)
{
#ifdef __SANITIZE_THREAD__
  /* What a guest does with its memory meanwhile is no race of ours. */
  for (; size > 8; size--, to++, from++)
    __atomic_store_n (to, __atomic_load_n (from, __ATOMIC_RELAXED), __ATOMIC_RELAXED);
#endif
  switch (size)
    {
    case 2:
      COPY_VALUE (guint16);
      break;
    case 4:
      COPY_VALUE (guint32);
      break;
    case 8:
      COPY_VALUE (guint64);
      break;
    default:
      memcpy (to, from, size);
      break;
    }
}

/* TRUE if all of the range is RAM, so that a transfer happens as a whole or not at all. */
static gboolean
is_ram (VmtAddressSpace *space, guint64 address, guint64 size, gboolean write)
{
  if (size == 0)
    return TRUE;
  if (address + (size - 1) < address)
    return FALSE;
  while (size > 0)
    {
      VmtMemoryRegion region;
      if (!vmt_address_space_find (space, address, &region) || region.ram == NULL ||
          (write && region.readonly))
        return FALSE;
      guint64 n = MIN (size, region.size - (address - region.base));
      address += n;
      size -= n;
    }
  return TRUE;
}

gboolean
vmt_dma_read (VmtAddressSpace *space, guint64 address, gpointer buffer, guint64 size)
{
  if (!is_ram (space, address, size, FALSE))
    return FALSE;
  guint8 *to = buffer;
  while (size > 0)
    {
      VmtMemoryRegion region;
      if (!_vmt_address_space_find_ram (space, address, &region))
        return FALSE;
      guint64 offset = address - region.base;
      guint64 n = MIN (size, region.size - offset);
      copy (to, region.ram->host + region.ram_offset + offset, n);
      vmt_ram_unref (region.ram);
      to += n;
      address += n;
      size -= n;
    }
  return TRUE;
}

gboolean
vmt_dma_write (VmtAddressSpace *space, guint64 address, gconstpointer buffer, guint64 size)
{
  if (!is_ram (space, address, size, TRUE))
    return FALSE;
  const guint8 *from = buffer;
  while (size > 0)
    {
      VmtMemoryRegion region;
      if (!_vmt_address_space_find_ram (space, address, &region))
        return FALSE;
      guint64 offset = address - region.base;
      guint64 n = MIN (size, region.size - offset);
      guint64 at = region.ram_offset + offset;
      /* Told before, stored, told after a fence: see VmtStoreFunc. */
      vmt_address_space_notify_store (space, region.ram, at, n);
      copy (region.ram->host + at, from, n);
      vmt_address_space_notify_store (space, region.ram, at, n);
      vmt_address_space_notify_watch (space, region.ram, at, n);
      vmt_ram_unref (region.ram);
      from += n;
      address += n;
      size -= n;
    }
  return TRUE;
}

gpointer
vmt_dma_map (VmtAddressSpace *space, guint64 address, guint64 *size, gboolean write)
{
  VmtMemoryRegion region;
  if (*size == 0 || !_vmt_address_space_find_ram (space, address, &region))
    return NULL;
  gpointer host = NULL;
  if (!write || !region.readonly)
    {
      guint64 offset = address - region.base;
      guint64 at = region.ram_offset + offset;
      *size = MIN (*size, region.size - offset);
      if (write)
        vmt_address_space_notify_store (space, region.ram, at, *size);
      host = region.ram->host + at;
    }
  vmt_ram_unref (region.ram);
  return host;
}

void
vmt_dma_unmap (VmtAddressSpace *space, guint64 address, guint64 size, gboolean write)
{
  VmtMemoryRegion region;
  if (!write || size == 0 || !_vmt_address_space_find_ram (space, address, &region))
    return;
  guint64 offset = address - region.base;
  size = MIN (size, region.size - offset);
  vmt_address_space_notify_store (space, region.ram, region.ram_offset + offset, size);
  vmt_address_space_notify_watch (space, region.ram, region.ram_offset + offset, size);
  vmt_ram_unref (region.ram);
}
