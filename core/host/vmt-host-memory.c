/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <sys/mman.h>
#include <unistd.h>

#include "vmt-error.h"
#include "vmt-host.h"

#define HUGE_PAGE_SIZE ((gsize)2 << 20)

/**
 * vmt_host_get_page_size:
 *
 * Returns: bytes
 */
gsize
vmt_host_get_page_size (void)
{
  return (gsize)sysconf (_SC_PAGESIZE);
}

/**
 * vmt_host_get_huge_page_size:
 *
 * Returns: bytes; where hosts have several sizes, the one that is given without being reserved
 */
gsize
vmt_host_get_huge_page_size (void)
{
  return MAX (HUGE_PAGE_SIZE, vmt_host_get_page_size ());
}

/**
 * vmt_host_alloc_memory:
 * @size: bytes, not 0; rounded up to whole pages
 * @error: return location
 *
 * Returns: (nullable): the memory, to be freed with vmt_host_free_memory() and the same @size
 */
gpointer
vmt_host_alloc_memory (gsize size, GError **error)
{
  gsize page = vmt_host_get_page_size (), align = page;
  gsize length, head;
  guint8 *raw, *memory;

  g_return_val_if_fail (size > 0, NULL);

  if (size > G_MAXSIZE / 4)
    {
      errno = ENOMEM;
      goto refused;
    }
  length = (size + page - 1) & ~(page - 1);
  if (length >= vmt_host_get_huge_page_size ())
    align = vmt_host_get_huge_page_size ();

  raw = mmap (NULL, length + align - page, PROT_READ | PROT_WRITE,
              MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (raw == MAP_FAILED)
    goto refused;
  memory = (guint8 *)(((gsize)raw + align - 1) & ~(align - 1));
  head = memory - raw;
  if (head > 0)
    munmap (raw, head);
  if (align - page > head)
    munmap (memory + length, align - page - head);
#ifdef MADV_HUGEPAGE
  if (align > page)
    madvise (memory, length, MADV_HUGEPAGE);
#endif
  return memory;

refused:
  g_set_error (error, VMT_ERROR, VMT_ERROR_FAILED,
               "the host refuses %" G_GSIZE_FORMAT " bytes of memory: %s", size,
               g_strerror (errno));
  return NULL;
}

/**
 * vmt_host_free_memory:
 * @memory: (nullable): what vmt_host_alloc_memory() returned
 * @size: the size that it was asked for
 */
void
vmt_host_free_memory (gpointer memory, gsize size)
{
  gsize page = vmt_host_get_page_size ();

  if (memory != NULL)
    munmap (memory, (size + page - 1) & ~(page - 1));
}

/**
 * vmt_host_discard_memory:
 * @memory: part of what vmt_host_alloc_memory() returned, page aligned
 * @size: bytes, whole pages
 *
 * Returns: %FALSE when the host cannot: nothing has changed then
 */
gboolean
vmt_host_discard_memory (gpointer memory, gsize size)
{
#ifdef __linux__
  return madvise (memory, size, MADV_DONTNEED) == 0;
#else
  /* Elsewhere MADV_DONTNEED is a hint that leaves the contents open; a new mapping is sure to be
   * zero. */
  return mmap (memory, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1,
               0) == memory;
#endif
}
