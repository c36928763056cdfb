/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#if defined(__linux__) && !defined(__x86_64__) && !defined(__i386__)
/* Processors that may have fetched what is replaced until they are told. */
#define TELL_PROCESSORS
#include <linux/membarrier.h>
#include <sys/syscall.h>
#endif

#include "vmt-error.h"
#include "vmt-host-code-private.h"
#include "vmt-host-space-private.h"
#include "vmt-host.h"

/* So that any two places of code and data are within reach of a 32-bit displacement. */
#define MAX_SIZE ((gsize)1 << 30)

struct _VmtHostCodeArea
{
  VmtHostCodeMemory strategy;
  gsize size, data_size;
  guint8 *code;   /* where it is executed; the data follows */
  guint8 *shadow; /* dual: where the same pages are written */
  VmtHostCodeToggle *toggle;
  gboolean quiet;
  gsize touched; /* below it pages may have been written since the last trim */
  VmtHostSpace *space;
};

/* Makes all threads of the process that run fetch their instructions anew; the calling one did so
 * by itself. Kernels that cannot are older than Linux 4.16 on AArch64 and 6.10 on RISC-V. */
static void
tell_processors (gboolean first_time)
{
#ifdef TELL_PROCESSORS
  if (first_time)
    syscall (__NR_membarrier, MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED_SYNC_CORE, 0, 0);
  else
    syscall (__NR_membarrier, MEMBARRIER_CMD_PRIVATE_EXPEDITED_SYNC_CORE, 0, 0);
#endif
}

/* Addresses without memory, aligned for huge pages. */
static guint8 *
reserve (gsize size)
{
  gsize align = vmt_host_get_huge_page_size ();
  guint8 *raw =
      mmap (NULL, size + align, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  guint8 *memory;

  if (raw == MAP_FAILED)
    return NULL;
  memory = (guint8 *)(((gsize)raw + align - 1) & ~(align - 1));
  if (memory > raw)
    munmap (raw, memory - raw);
  munmap (memory + size, raw + align - memory);
  return memory;
}

static void
map_dual (VmtHostCodeArea *self, GError **error)
{
  int fd = vmt_host_code_make_file (self->size, error);

  if (fd < 0)
    return;
  self->shadow = reserve (self->size);
  if (self->shadow != NULL &&
      mmap (self->shadow, self->size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, fd, 0) !=
          MAP_FAILED &&
      mmap (self->code, self->size, PROT_READ | PROT_EXEC, MAP_SHARED | MAP_FIXED, fd, 0) !=
          MAP_FAILED)
    {
      close (fd);
      return;
    }
  vmt_host_code_refuse (self->strategy, "cannot map a memory file for writing and for execution",
                        error);
  close (fd);
  if (self->shadow != NULL)
    munmap (self->shadow, self->size);
  self->shadow = NULL;
}

/**
 * vmt_host_code_area_new_with_data:
 * @strategy: how
 * @size: bytes of code, 1 to 1 GiB
 * @data_size: bytes of data, 0 to 1 GiB
 * @error: return location
 *
 * Returns: (nullable): the area, to be freed with vmt_host_code_area_free()
 */
VmtHostCodeArea *
vmt_host_code_area_new_with_data (VmtHostCodeMemory strategy, gsize size, gsize data_size,
                                  GError **error)
{
  gsize page = vmt_host_get_page_size ();
  VmtHostCodeArea *self;

  if (size == 0 || size > MAX_SIZE || data_size > MAX_SIZE)
    {
      g_set_error (error, VMT_ERROR, VMT_ERROR_INVALID,
                   "an area of %" G_GSIZE_FORMAT " bytes of generated code and %" G_GSIZE_FORMAT
                   " bytes of its data: code is 1 byte to 1 GiB, data at most 1 GiB",
                   size, data_size);
      return NULL;
    }
  if (strategy != VMT_HOST_CODE_DUAL && strategy != VMT_HOST_CODE_TOGGLE)
    {
      g_set_error (error, VMT_ERROR, VMT_ERROR_UNSUPPORTED,
                   "there is no memory for generated code under the strategy '%s'",
                   vmt_host_code_memory_get_nick (strategy));
      return NULL;
    }

  self = g_new0 (VmtHostCodeArea, 1);
  self->strategy = strategy;
  self->size = (size + page - 1) & ~(page - 1);
  self->data_size = (data_size + page - 1) & ~(page - 1);
  self->space = vmt_host_space_new (self->size);
  self->code = reserve (self->size + self->data_size);
  if (self->code == NULL)
    vmt_host_code_refuse (strategy, "cannot reserve addresses", error);
  else if (self->data_size > 0 &&
           mprotect (self->code + self->size, self->data_size, PROT_READ | PROT_WRITE) != 0)
    vmt_host_code_refuse (strategy, "cannot map data behind the code", error);
  else if (strategy == VMT_HOST_CODE_TOGGLE)
    self->toggle = vmt_host_code_toggle_new (self->code, self->size, error);
  else
    map_dual (self, error);
  if (self->shadow != NULL || self->toggle != NULL)
    {
      tell_processors (TRUE);
      return self;
    }
  vmt_host_code_area_free (self);
  return NULL;
}

/**
 * vmt_host_code_area_new:
 * @strategy: how
 * @size: bytes, 1 to 1 GiB
 * @error: return location
 *
 * Returns: (nullable): the area, to be freed with vmt_host_code_area_free()
 */
VmtHostCodeArea *
vmt_host_code_area_new (VmtHostCodeMemory strategy, gsize size, GError **error)
{
  return vmt_host_code_area_new_with_data (strategy, size, 0, error);
}

/**
 * vmt_host_code_area_free:
 * @self: (nullable): an area of which no thread executes code
 */
void
vmt_host_code_area_free (VmtHostCodeArea *self)
{
  if (self == NULL)
    return;
  if (self->shadow != NULL)
    munmap (self->shadow, self->size);
  if (self->toggle != NULL)
    vmt_host_code_toggle_free (self->toggle);
  if (self->code != NULL)
    munmap (self->code, self->size + self->data_size);
  vmt_host_space_free (self->space);
  g_free (self);
}

/**
 * vmt_host_code_area_get_strategy:
 * @self: an area
 *
 * Returns: what new() was asked for
 */
VmtHostCodeMemory
vmt_host_code_area_get_strategy (VmtHostCodeArea *self)
{
  return self->strategy;
}

/**
 * vmt_host_code_area_get_base:
 * @self: an area
 *
 * Returns: (transfer none): where the code at offset 0 is executed; not to be written
 */
const guint8 *
vmt_host_code_area_get_base (VmtHostCodeArea *self)
{
  return self->code;
}

/**
 * vmt_host_code_area_get_size:
 * @self: an area
 *
 * Returns: bytes
 */
gsize
vmt_host_code_area_get_size (VmtHostCodeArea *self)
{
  return self->size;
}

/**
 * vmt_host_code_area_get_data:
 * @self: an area
 *
 * Returns: (transfer none) (nullable): the writable memory behind the code
 */
guint8 *
vmt_host_code_area_get_data (VmtHostCodeArea *self)
{
  return self->data_size > 0 ? self->code + self->size : NULL;
}

/**
 * vmt_host_code_area_get_data_offset:
 * @self: an area
 *
 * Returns: bytes from the base to the data
 */
gsize
vmt_host_code_area_get_data_offset (VmtHostCodeArea *self)
{
  return self->size;
}

/**
 * vmt_host_code_area_alloc:
 * @self: an area
 * @size: bytes
 *
 * Fresh space goes in the order of addresses; released space is used again when there is more than
 * a quarter as much of it as there is in use, or nothing else.
 *
 * Returns: an offset, or %G_MAXSIZE
 */
gsize
vmt_host_code_area_alloc (VmtHostCodeArea *self, gsize size)
{
  return vmt_host_space_alloc (self->space, size);
}

/**
 * vmt_host_code_area_release:
 * @self: an area
 * @offset: what vmt_host_code_area_alloc() returned
 * @size: what it was called with
 */
void
vmt_host_code_area_release (VmtHostCodeArea *self, gsize offset, gsize size)
{
  vmt_host_space_release (self->space, offset, size);
}

/**
 * vmt_host_code_area_write:
 * @self: an area
 * @offset: where, inside of a piece that vmt_host_code_area_alloc() gave
 * @code: (array length=size): what
 * @size: bytes
 * @error: return location
 *
 * Returns: whether threads that learn of it from now on can execute it
 */
gboolean
vmt_host_code_area_write (VmtHostCodeArea *self, gsize offset, gconstpointer code, gsize size,
                          GError **error)
{
  gsize top = vmt_host_space_get_top (self->space);

  if (offset > top || size > top - offset)
    {
      g_set_error (error, VMT_ERROR, VMT_ERROR_INVALID,
                   "%" G_GSIZE_FORMAT " bytes of generated code at offset %" G_GSIZE_FORMAT
                   " are not in the %" G_GSIZE_FORMAT " bytes given out",
                   size, offset, top);
      return FALSE;
    }
  if (size == 0)
    return TRUE;
  self->touched = MAX (self->touched, offset + size);
  if (self->toggle != NULL)
    {
      if (!vmt_host_code_toggle_write (self->toggle, offset, code, size, self->quiet, error))
        return FALSE;
    }
  else
    {
      memcpy (self->shadow + offset, code, size);
      __builtin___clear_cache ((char *)self->code + offset, (char *)self->code + offset + size);
    }
  if (!self->quiet)
    tell_processors (FALSE);
  return TRUE;
}

/**
 * vmt_host_code_area_can_patch:
 * @self: an area
 *
 * Returns: whether code can be changed while it is executed
 */
gboolean
vmt_host_code_area_can_patch (VmtHostCodeArea *self)
{
  return self->toggle == NULL;
}

/**
 * vmt_host_code_area_patch32:
 * @self: an area with vmt_host_code_area_can_patch()
 * @offset: a multiple of 4
 * @value: in host byte order
 *
 * On x86-64 all 4 bytes are to belong to one operand of one instruction, and on others they are to
 * be one instruction of those that may be changed while they are executed. A thread may go by the
 * old value until it is next serialised.
 */
void
vmt_host_code_area_patch32 (VmtHostCodeArea *self, gsize offset, guint32 value)
{
  g_return_if_fail (vmt_host_code_area_can_patch (self));
  g_return_if_fail (offset % 4 == 0 && offset < self->size);

  __atomic_store_n ((guint32 *)(gpointer)(self->shadow + offset), value, __ATOMIC_RELEASE);
  __builtin___clear_cache ((char *)self->code + offset, (char *)self->code + offset + 4);
}

/**
 * vmt_host_code_area_set_quiet:
 * @self: an area
 * @quiet: whether writes find no thread that executes code of the area
 */
void
vmt_host_code_area_set_quiet (VmtHostCodeArea *self, gboolean quiet)
{
  self->quiet = quiet;
}

static void
trim_piece (gsize offset, gsize size, gpointer data)
{
  VmtHostCodeArea *self = data;
  gsize page = vmt_host_get_page_size ();
  gsize first = (offset + page - 1) & ~(page - 1), end = (offset + size) & ~(page - 1);

  if (first < end && self->toggle != NULL)
    vmt_host_code_toggle_discard (self->toggle, first, end);
  else if (first < end)
    madvise (self->shadow + first, end - first, MADV_REMOVE);
}

/**
 * vmt_host_code_area_trim:
 * @self: an area
 */
void
vmt_host_code_area_trim (VmtHostCodeArea *self)
{
  gsize top = vmt_host_space_get_top (self->space);
  gsize page = vmt_host_get_page_size ();

  vmt_host_space_foreach_hole (self->space, trim_piece, self);
  if (self->touched > top)
    trim_piece (top, ((self->touched + page - 1) & ~(page - 1)) - top, self);
  self->touched = MIN (self->touched, top);
}

/**
 * vmt_host_code_area_get_used:
 * @self: an area
 *
 * Returns: bytes
 */
gsize
vmt_host_code_area_get_used (VmtHostCodeArea *self)
{
  return vmt_host_space_get_used (self->space);
}

/**
 * vmt_host_code_area_get_free_holes:
 * @self: an area
 * @n_holes: (out) (optional): how many there are
 *
 * Returns: bytes
 */
gsize
vmt_host_code_area_get_free_holes (VmtHostCodeArea *self, guint *n_holes)
{
  if (n_holes != NULL)
    *n_holes = vmt_host_space_get_n_holes (self->space);
  return vmt_host_space_get_top (self->space) - vmt_host_space_get_used (self->space);
}
