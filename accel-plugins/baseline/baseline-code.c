/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Where emitted code lives. */
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "baseline.h"

struct _BaselineCode
{
  guint8 *base, *writable, *data;
  gsize size, fresh;
  const guint8 *stubs;
  guint32 at[BASELINE_N_STUBS], enter;
  GArray *lists[256];
};

BaselineCode *
baseline_code_new (gsize size, GError **error)
{
  BaselineCode *self = g_new0 (BaselineCode, 1);
  int fd = memfd_create ("vmtool-code", MFD_CLOEXEC);
  if (fd < 0 || ftruncate (fd, (off_t)size) != 0)
    g_error ("memfd");
  self->size = size;
  self->base = mmap (NULL, size * 2, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  self->data = self->base + size;
  mmap (self->base, size, PROT_READ | PROT_EXEC, MAP_SHARED | MAP_FIXED, fd, 0);
  mmap (self->data, size, PROT_READ | PROT_WRITE,
        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED, -1, 0);
  self->writable = mmap (NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  close (fd);
  for (guint i = 0; i < G_N_ELEMENTS (self->lists); i++)
    self->lists[i] = g_array_new (FALSE, FALSE, sizeof (gsize));
  return self;
}

void
baseline_code_free (BaselineCode *self)
{
  munmap (self->base, self->size * 2);
  munmap (self->writable, self->size);
  for (guint i = 0; i < G_N_ELEMENTS (self->lists); i++)
    g_array_unref (self->lists[i]);
  g_free (self);
}

gsize
baseline_code_get_distance (BaselineCode *self)
{
  return self->size;
}

static gsize
granules (gsize size)
{
  return (size + BASELINE_GRANULE - 1) / BASELINE_GRANULE;
}

gsize
baseline_code_alloc (BaselineCode *self, gsize size)
{
  gsize n = granules (size);
  if (n < G_N_ELEMENTS (self->lists) && self->lists[n]->len > 0)
    {
      GArray *list = self->lists[n];
      gsize offset = g_array_index (list, gsize, list->len - 1);
      g_array_set_size (list, list->len - 1);
      return offset;
    }
  if (self->fresh + n * BASELINE_GRANULE > self->size)
    return G_MAXSIZE;
  gsize offset = self->fresh;
  self->fresh += n * BASELINE_GRANULE;
  return offset;
}

void
baseline_code_release (BaselineCode *self, gsize offset, gsize size)
{
  gsize n = granules (size);
  if (n < G_N_ELEMENTS (self->lists))
    g_array_append_val (self->lists[n], offset);
}

const guint8 *
baseline_code_at (BaselineCode *self, gsize offset)
{
  return self->base + offset;
}

gboolean
baseline_code_write (BaselineCode *self, gsize offset, const guint8 *bytes, gsize size,
                     BaselineBlock *block, GError **error)
{
  memcpy (self->writable + offset, bytes, size);
  for (gsize i = 0; i < granules (size); i++)
    *(BaselineBlock **)(gpointer)(self->data + offset + i * BASELINE_GRANULE) = block;
  return TRUE;
}

BaselineBlock *
baseline_code_find (BaselineCode *self, const guint8 *at)
{
  const gsize offset = (gsize)(at - self->base) / BASELINE_GRANULE * BASELINE_GRANULE;
  return *(BaselineBlock **)(gpointer)(self->data + offset);
}

gboolean
baseline_code_make_stubs (BaselineCode *self, const VmtArchOps *arch, GError **error)
{
  if (self->stubs != NULL)
    return TRUE;
  g_autofree guint8 *bytes = g_malloc (BASELINE_STUBS_ROOM);
  const gsize size = baseline_host_stubs (bytes, arch, self->at, &self->enter);
  const gsize offset = baseline_code_alloc (self, size);
  if (offset == G_MAXSIZE || !baseline_code_write (self, offset, bytes, size, NULL, error))
    return FALSE;
  self->stubs = baseline_code_at (self, offset);
  return TRUE;
}

void
baseline_code_set_up_cpu (BaselineCode *self, BaselineCpu *cpu)
{
  memset (cpu, 0, sizeof *cpu);
  for (guint i = 0; i < BASELINE_N_STUBS; i++)
    cpu->stubs[i] = self->stubs + self->at[i];
  cpu->code = self;
}

BaselineEnterFunc
baseline_code_get_enter (BaselineCode *self)
{
  gconstpointer at = self->stubs + self->enter;
  BaselineEnterFunc function;
  memcpy (&function, &at, sizeof function);
  return function;
}
