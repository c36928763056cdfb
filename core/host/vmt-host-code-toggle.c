/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#include "vmt-error.h"
#include "vmt-host-code-private.h"

/* Pages that are either written or executed. A page of which threads may execute a part cannot lose
 * its permission for a moment, so the page that is to follow is written elsewhere, in the stage,
 * made executable there, and moved over the old one. The kernel does that under the lock that page
 * faults take: a thread that gets there in between waits, and then finds the new page.
 *
 * The stage is as large as the area, and a page of it is only ever moved to the same offset: so the
 * kernel sees all pages of the area as one mapping, not as one for each page, of which it allows
 * 65530. For the same reason pages that are written in place, when no thread executes, have come
 * from the stage at first. */

#ifndef MREMAP_DONTUNMAP
#define MREMAP_DONTUNMAP 4
#endif

enum
{
  /* The page of the area is executable; otherwise nothing can be done with it. */
  EXECUTABLE = 1 << 0,
  /* The page of the stage was taken away or made executable: it is to be made writable before it is
     written. */
  CLOSED = 1 << 1,
};

struct _VmtHostCodeToggle
{
  guint8 *code, *stage;
  gsize size, page;
  guint8 *pages;   /* flags of each */
  gboolean unmaps; /* this kernel takes the addresses away with what is moved (before Linux 5.7) */
};

static gboolean
refuse_write (const char *what, GError **error)
{
  g_set_error (error, VMT_ERROR, VMT_ERROR_FAILED,
               "the host refuses to take generated code: %s: %s", what, g_strerror (errno));
  return FALSE;
}

#ifdef MREMAP_FIXED
/* Huge pages would be made for the stage, and split to be moved. The hint is part of what a mapping
 * is: it is to be the same everywhere. */
static void
keep_small (guint8 *memory, gsize size)
{
#ifdef MADV_NOHUGEPAGE
  madvise (memory, size, MADV_NOHUGEPAGE);
#endif
}

VmtHostCodeToggle *
vmt_host_code_toggle_new (guint8 *code, gsize size, GError **error)
{
  VmtHostCodeToggle *self = g_new0 (VmtHostCodeToggle, 1);

  self->page = vmt_host_get_page_size ();
  self->size = size;
  self->code = code;
  /* The last page is never moved and always there, so that the kernel has something to which it can
   * add what comes back. */
  self->stage = mmap (NULL, size + self->page, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (self->stage == MAP_FAILED)
    {
      vmt_host_code_refuse (VMT_HOST_CODE_TOGGLE, "cannot map memory", error);
      g_free (self);
      return NULL;
    }
  keep_small (self->stage, size + self->page);
  keep_small (code, size);
  *(volatile guint8 *)(self->stage + size) = 1;
  self->pages = g_malloc0 (size / self->page);
  return self;
}

void
vmt_host_code_toggle_free (VmtHostCodeToggle *self)
{
  munmap (self->stage, self->size + self->page);
  g_free (self->pages);
  g_free (self);
}

static gboolean
any_page (VmtHostCodeToggle *self, gsize first, gsize end, guint8 flag)
{
  for (gsize i = first / self->page; i < end / self->page; i++)
    if ((self->pages[i] & flag) != 0)
      return TRUE;
  return FALSE;
}

static gboolean
is_executable (VmtHostCodeToggle *self, gsize offset)
{
  return (self->pages[offset / self->page] & EXECUTABLE) != 0;
}

static gboolean
open_stage (VmtHostCodeToggle *self, gsize first, gsize end)
{
  guint8 *memory = self->stage + first;
  gsize size = end - first;

  if (!any_page (self, first, end, CLOSED))
    return TRUE;
  if (self->unmaps)
    {
      if (mmap (memory, size, PROT_READ | PROT_WRITE,
                MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED, -1, 0) == MAP_FAILED)
        return FALSE;
      keep_small (memory, size);
    }
  else if (mprotect (memory, size, PROT_READ | PROT_WRITE) != 0)
    return FALSE;
  for (gsize i = first / self->page; i < end / self->page; i++)
    self->pages[i] &= ~CLOSED;
  return TRUE;
}

static gboolean
move (VmtHostCodeToggle *self, gsize first, gsize end)
{
  const int flags = MREMAP_MAYMOVE | MREMAP_FIXED;
  guint8 *from = self->stage + first, *to = self->code + first;
  gsize size = end - first;
  gpointer moved = MAP_FAILED;

  if (!self->unmaps)
    {
      moved = mremap (from, size, size, flags | MREMAP_DONTUNMAP, to);
      self->unmaps = moved == MAP_FAILED && errno == EINVAL;
    }
  if (self->unmaps)
    moved = mremap (from, size, size, flags, to);
  if (moved == MAP_FAILED)
    return FALSE;
  for (gsize i = first / self->page; i < end / self->page; i++)
    self->pages[i] |= EXECUTABLE;
  return TRUE;
}

static gboolean
write_staged (VmtHostCodeToggle *self, gsize offset, const guint8 *code, gsize size, GError **error)
{
  gsize first = offset & ~(self->page - 1);
  gsize last = (offset + size - 1) & ~(self->page - 1), end = last + self->page;
  gboolean good = FALSE;

  if (!open_stage (self, first, end))
    return refuse_write ("cannot make a page writable", error);
  if (is_executable (self, first))
    memcpy (self->stage + first, self->code + first, offset - first);
  memcpy (self->stage + offset, code, size);
  if (is_executable (self, last))
    memcpy (self->stage + offset + size, self->code + offset + size, end - offset - size);
  for (gsize i = first / self->page; i < end / self->page; i++)
    self->pages[i] |= CLOSED;
  if (mprotect (self->stage + first, end - first, PROT_READ | PROT_EXEC) != 0)
    refuse_write ("cannot make a written page executable", error);
  else if (!move (self, first, end))
    refuse_write ("cannot move a page to its place", error);
  else
    good = TRUE;
  /* At once, while its neighbours are there to be joined. When it fails, the next write tries
   * again. */
  open_stage (self, first, end);
  __builtin___clear_cache ((char *)self->code + offset, (char *)self->code + offset + size);
  return good;
}

static gboolean
write_in_place (VmtHostCodeToggle *self, gsize offset, const guint8 *code, gsize size,
                GError **error)
{
  gsize first = offset & ~(self->page - 1);
  gsize end = (offset + size + self->page - 1) & ~(self->page - 1);

  if (mprotect (self->code + first, end - first, PROT_READ | PROT_WRITE) != 0)
    return refuse_write ("cannot make a page writable", error);
  memcpy (self->code + offset, code, size);
  __builtin___clear_cache ((char *)self->code + offset, (char *)self->code + offset + size);
  if (mprotect (self->code + first, end - first, PROT_READ | PROT_EXEC) == 0)
    return TRUE;
  g_set_error (error, VMT_ERROR, VMT_ERROR_STATE,
               "the host refuses to make pages of generated code executable again: %s",
               g_strerror (errno));
  return FALSE;
}

/* In runs of pages that are alike. */
static gboolean
write_quietly (VmtHostCodeToggle *self, gsize offset, const guint8 *code, gsize size,
               GError **error)
{
  while (size > 0)
    {
      gboolean executable = is_executable (self, offset);
      gsize end = (offset & ~(self->page - 1)) + self->page;
      gsize length;

      while (end < offset + size && is_executable (self, end) == executable)
        end += self->page;
      length = MIN (size, end - offset);
      if (!(executable ? write_in_place : write_staged) (self, offset, code, length, error))
        return FALSE;
      offset += length;
      code += length;
      size -= length;
    }
  return TRUE;
}

gboolean
vmt_host_code_toggle_write (VmtHostCodeToggle *self, gsize offset, gconstpointer code, gsize size,
                            gboolean quiet, GError **error)
{
  return (quiet ? write_quietly : write_staged) (self, offset, code, size, error);
}

void
vmt_host_code_toggle_discard (VmtHostCodeToggle *self, gsize first, gsize end)
{
  if (!any_page (self, first, end, EXECUTABLE) ||
      mprotect (self->code + first, end - first, PROT_NONE) != 0)
    return;
  for (gsize i = first / self->page; i < end / self->page; i++)
    self->pages[i] &= ~EXECUTABLE;
  madvise (self->code + first, end - first, MADV_DONTNEED);
}
#else
VmtHostCodeToggle *
vmt_host_code_toggle_new (guint8 *code, gsize size, GError **error)
{
  errno = ENOSYS;
  vmt_host_code_refuse (VMT_HOST_CODE_TOGGLE, "pages cannot be moved", error);
  return NULL;
}

void
vmt_host_code_toggle_free (VmtHostCodeToggle *self)
{
}

gboolean
vmt_host_code_toggle_write (VmtHostCodeToggle *self, gsize offset, gconstpointer code, gsize size,
                            gboolean quiet, GError **error)
{
  errno = ENOSYS;
  return refuse_write ("pages cannot be moved", error);
}

void
vmt_host_code_toggle_discard (VmtHostCodeToggle *self, gsize first, gsize end)
{
}
#endif
