/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "vmt-address-space.h"

#include <string.h>

#include "vmt-address-space-private.h"
#include "vmt-error.h"

/* Readers count themselves in a stripe while they are inside a table; several stripes, so that
 * vCPUs do not fight for one cache line. A section is a search and a copy: it never calls out,
 * never blocks, and never nests. */
#define N_STRIPES 16
#define RETIRED_MAX 64

typedef struct _Table Table;
struct _Table
{
  Table *next; /* in the list of retired ones */
  guint n;
  VmtMemoryRegion regions[];
};

typedef struct
{
  guint readers; /* atomic */
  guint8 pad[60];
} Stripe;

typedef struct
{
  guint64 address, size;
  VmtRam *ram; /* a reference is held */
  guint64 offset;
  VmtWatchFunc func;
  gpointer data;
} Watch;

struct _VmtAddressSpace
{
  Stripe stripes[N_STRIPES];
  Table *table;     /* atomic */
  guint generation; /* atomic */
  gint refs;        /* atomic */
  char *name;
  GMutex lock; /* of changes */
  Table *retired;
  guint n_retired;
  void (*changed) (gpointer data);
  gpointer changed_data;
  VmtStoreFunc store;
  gpointer store_data;
  GMutex watch_lock;
  GArray *watches;
  guint n_watches; /* atomic: a look at it spares the lock */
};

static Stripe *
enter (VmtAddressSpace *self)
{
  /* Threads differ in the high bits of their stack addresses. */
  guint64 where = (guint64)(guintptr)__builtin_frame_address (0) >> 16;
  Stripe *stripe = &self->stripes[(where * G_GUINT64_CONSTANT (0x9e3779b97f4a7c15)) >> 60];
  __atomic_fetch_add (&stripe->readers, 1, __ATOMIC_SEQ_CST);
  return stripe;
}

static void
leave (Stripe *stripe)
{
  __atomic_fetch_sub (&stripe->readers, 1, __ATOMIC_RELEASE);
}

static const VmtMemoryRegion *
search (const Table *table, guint64 address)
{
  guint low = 0, high = table->n;
  while (low < high)
    {
      guint middle = low + (high - low) / 2;
      const VmtMemoryRegion *region = &table->regions[middle];
      if (address < region->base)
        high = middle;
      else if (address - region->base >= region->size)
        low = middle + 1;
      else
        return region;
    }
  return NULL;
}

static Table *
table_new (guint n)
{
  Table *table = g_malloc0 (sizeof (Table) + n * sizeof (VmtMemoryRegion));
  table->n = n;
  return table;
}

static void
table_free (Table *table)
{
  for (guint i = 0; i < table->n; i++)
    if (table->regions[i].ram != NULL)
      vmt_ram_unref (table->regions[i].ram);
  g_free (table);
}

/* Frees the replaced tables if no reader can be inside one. A reader that enters after its stripe
 * was seen empty finds the new table, because the table is published before the stripes are looked
 * at; so the stripes may be looked at one by one. */
static void
reclaim (VmtAddressSpace *self, gboolean wait)
{
  for (guint i = 0; i < N_STRIPES; i++)
    while (__atomic_load_n (&self->stripes[i].readers, __ATOMIC_SEQ_CST) != 0)
      {
        if (!wait)
          return;
        /* Sections are tiny and wait for nothing: this reader was just preempted. */
        g_usleep (20);
      }
  while (self->retired != NULL)
    {
      Table *table = self->retired;
      self->retired = table->next;
      table_free (table);
    }
  self->n_retired = 0;
}

/* Lock held; takes @table. */
static void
publish (VmtAddressSpace *self, Table *table)
{
  Table *old = __atomic_exchange_n (&self->table, table, __ATOMIC_SEQ_CST);
  __atomic_fetch_add (&self->generation, 1, __ATOMIC_SEQ_CST);
  old->next = self->retired;
  self->retired = old;
  self->n_retired++;
  reclaim (self, self->n_retired >= RETIRED_MAX);
}

VmtAddressSpace *
vmt_address_space_new (const char *name)
{
  VmtAddressSpace *self = g_aligned_alloc0 (1, sizeof (VmtAddressSpace), 64);
  self->refs = 1;
  self->name = g_strdup (name);
  self->table = table_new (0);
  g_mutex_init (&self->lock);
  g_mutex_init (&self->watch_lock);
  self->watches = g_array_new (FALSE, FALSE, sizeof (Watch));
  return self;
}

VmtAddressSpace *
vmt_address_space_ref (VmtAddressSpace *self)
{
  g_atomic_int_inc (&self->refs);
  return self;
}

void
vmt_address_space_unref (VmtAddressSpace *self)
{
  if (!g_atomic_int_dec_and_test (&self->refs))
    return;
  reclaim (self, TRUE);
  table_free (self->table);
  for (guint i = 0; i < self->watches->len; i++)
    vmt_ram_unref (g_array_index (self->watches, Watch, i).ram);
  g_array_unref (self->watches);
  g_mutex_clear (&self->watch_lock);
  g_mutex_clear (&self->lock);
  g_free (self->name);
  g_aligned_free (self);
}

static char *
describe (const VmtMemoryRegion *region)
{
  g_autofree char *path = region->owner != NULL ? vmt_object_dup_path (region->owner) : NULL;
  const char *name = path != NULL && *path != '\0' ? path
                     : region->ram != NULL         ? region->ram->name
                                                   : "registers";
  return g_strdup_printf ("'%s' at 0x%" G_GINT64_MODIFIER "x..0x%" G_GINT64_MODIFIER "x", name,
                          region->base, region->base + (region->size - 1));
}

static gboolean
add (VmtAddressSpace *self, const VmtMemoryRegion *region, GError **error)
{
  if (region->size == 0 || region->base + (region->size - 1) < region->base)
    {
      g_autofree char *what = describe (region);
      g_set_error (error, VMT_ERROR, VMT_ERROR_INVALID,
                   "address space '%s': %s (size 0x%" G_GINT64_MODIFIER
                   "x) is empty or goes past the end of the address space",
                   self->name, what, region->size);
      return FALSE;
    }

  g_mutex_lock (&self->lock);
  Table *old = self->table;
  guint at = 0;
  while (at < old->n && old->regions[at].base < region->base)
    at++;
  const VmtMemoryRegion *clash = NULL;
  if (at > 0 && region->base - old->regions[at - 1].base < old->regions[at - 1].size)
    clash = &old->regions[at - 1];
  else if (at < old->n && old->regions[at].base - region->base < region->size)
    clash = &old->regions[at];
  if (clash != NULL)
    {
      g_autofree char *one = describe (region);
      g_autofree char *other = describe (clash);
      g_mutex_unlock (&self->lock);
      g_set_error (error, VMT_ERROR, VMT_ERROR_INVALID,
                   "address space '%s': %s overlaps %s; move one of them", self->name, one, other);
      return FALSE;
    }

  Table *table = table_new (old->n + 1);
  memcpy (table->regions, old->regions, at * sizeof (VmtMemoryRegion));
  table->regions[at] = *region;
  memcpy (table->regions + at + 1, old->regions + at, (old->n - at) * sizeof (VmtMemoryRegion));
  for (guint i = 0; i < table->n; i++)
    if (table->regions[i].ram != NULL)
      vmt_ram_ref (table->regions[i].ram);
  publish (self, table);
  g_mutex_unlock (&self->lock);
  if (self->changed != NULL)
    self->changed (self->changed_data);
  return TRUE;
}

gboolean
vmt_address_space_add_ram (VmtAddressSpace *self, guint64 base, VmtRam *ram, guint64 ram_offset,
                           guint64 size, gboolean readonly, VmtObject *owner, GError **error)
{
  g_return_val_if_fail (ram != NULL, FALSE);

  VmtMemoryRegion region = {
    .base = base,
    .size = size,
    .ram = ram,
    .ram_offset = ram_offset,
    .readonly = readonly,
    .owner = owner,
  };
  /* Page states belong to pages: a guest page must be one page of the block. */
  if (((base | ram_offset | size) & ~VMT_PAGE_MASK) != 0 || ram_offset > ram->size ||
      size > ram->size - ram_offset)
    {
      g_autofree char *what = describe (&region);
      g_set_error (error, VMT_ERROR, VMT_ERROR_INVALID,
                   "address space '%s': %s is not made of whole pages of %u bytes inside '%s'",
                   self->name, what, VMT_PAGE_SIZE, ram->name);
      return FALSE;
    }
  return add (self, &region, error);
}

gboolean
vmt_address_space_add_mmio (VmtAddressSpace *self, guint64 base, guint64 size,
                            const VmtMmioOps *ops, gpointer opaque, GMutex *lock, VmtObject *owner,
                            GError **error)
{
  g_return_val_if_fail (ops != NULL && ops->read != NULL && ops->write != NULL, FALSE);
  g_return_val_if_fail (ops->min_size >= 1 && ops->min_size <= ops->max_size && ops->max_size <= 8,
                        FALSE);

  VmtMemoryRegion region = {
    .base = base, .size = size, .ops = ops, .opaque = opaque, .lock = lock, .owner = owner
  };
  return add (self, &region, error);
}

void
vmt_address_space_remove (VmtAddressSpace *self, guint64 base)
{
  g_mutex_lock (&self->lock);
  Table *old = self->table;
  const VmtMemoryRegion *found = search (old, base);
  if (found == NULL || found->base != base)
    {
      g_mutex_unlock (&self->lock);
      return;
    }
  guint at = (guint)(found - old->regions);
  Table *table = table_new (old->n - 1);
  memcpy (table->regions, old->regions, at * sizeof (VmtMemoryRegion));
  memcpy (table->regions + at, old->regions + at + 1, (old->n - at - 1) * sizeof (VmtMemoryRegion));
  for (guint i = 0; i < table->n; i++)
    if (table->regions[i].ram != NULL)
      vmt_ram_ref (table->regions[i].ram);
  publish (self, table);
  g_mutex_unlock (&self->lock);
  if (self->changed != NULL)
    self->changed (self->changed_data);
}

gboolean
vmt_address_space_find (VmtAddressSpace *self, guint64 address, VmtMemoryRegion *region)
{
  Stripe *stripe = enter (self);
  const VmtMemoryRegion *found = search (__atomic_load_n (&self->table, __ATOMIC_SEQ_CST), address);
  if (found != NULL)
    *region = *found;
  leave (stripe);
  return found != NULL;
}

gboolean
_vmt_address_space_find_ram (VmtAddressSpace *self, guint64 address, VmtMemoryRegion *region)
{
  Stripe *stripe = enter (self);
  const VmtMemoryRegion *found = search (__atomic_load_n (&self->table, __ATOMIC_SEQ_CST), address);
  gboolean ok = found != NULL && found->ram != NULL;
  if (ok)
    {
      *region = *found;
      vmt_ram_ref (region->ram);
    }
  leave (stripe);
  return ok;
}

GArray *
vmt_address_space_list (VmtAddressSpace *self)
{
  GArray *list = g_array_new (FALSE, FALSE, sizeof (VmtMemoryRegion));
  g_mutex_lock (&self->lock);
  g_array_append_vals (list, self->table->regions, self->table->n);
  g_mutex_unlock (&self->lock);
  return list;
}

guint
vmt_address_space_get_generation (VmtAddressSpace *self)
{
  return __atomic_load_n (&self->generation, __ATOMIC_SEQ_CST);
}

guint
vmt_address_space_get_n_retired (VmtAddressSpace *self)
{
  g_mutex_lock (&self->lock);
  guint n = self->n_retired;
  g_mutex_unlock (&self->lock);
  return n;
}

void
vmt_address_space_set_changed_func (VmtAddressSpace *self, void (*func) (gpointer data),
                                    gpointer data)
{
  self->changed_data = data;
  self->changed = func;
}

void
vmt_address_space_set_store_func (VmtAddressSpace *self, VmtStoreFunc func, gpointer data)
{
  self->store_data = data;
  self->store = func;
}

void
vmt_address_space_notify_store (VmtAddressSpace *self, VmtRam *ram, guint64 offset, guint64 size)
{
  /* Bytes that this thread has stored are visible before the states are read: see VmtStoreFunc. */
  __atomic_thread_fence (__ATOMIC_SEQ_CST);
  if (self->store == NULL || size == 0)
    return;

  guint64 end = offset + size;
  guint64 at = offset;
  while (at < end)
    {
      guint64 run = at;
      while (run < end && vmt_ram_get_page_state (ram, run) != 0)
        run = (run & VMT_PAGE_MASK) + VMT_PAGE_SIZE;
      if (run > at)
        {
          self->store (self->store_data, ram, at, MIN (run, end) - at);
          at = run;
        }
      else
        at = (at & VMT_PAGE_MASK) + VMT_PAGE_SIZE;
    }
}

/* The bits of the pages that are still watched. */
static void
mark_watched (VmtAddressSpace *self)
{
  for (guint i = 0; i < self->watches->len; i++)
    {
      const Watch *watch = &g_array_index (self->watches, Watch, i);
      for (guint64 at = watch->offset & VMT_PAGE_MASK; at < watch->offset + watch->size;
           at += VMT_PAGE_SIZE)
        vmt_ram_set_page_state (watch->ram, at, VMT_PAGE_WATCH);
    }
}

gboolean
vmt_address_space_add_watch (VmtAddressSpace *self, guint64 address, guint64 size,
                             VmtWatchFunc func, gpointer data)
{
  VmtMemoryRegion region;
  if (size == 0 || !_vmt_address_space_find_ram (self, address, &region))
    return FALSE;
  if (size > region.size - (address - region.base))
    {
      vmt_ram_unref (region.ram);
      return FALSE;
    }
  Watch watch = {
    .address = address,
    .size = size,
    .ram = region.ram,
    .offset = region.ram_offset + (address - region.base),
    .func = func,
    .data = data,
  };
  g_mutex_lock (&self->watch_lock);
  g_array_append_val (self->watches, watch);
  __atomic_store_n (&self->n_watches, self->watches->len, __ATOMIC_SEQ_CST);
  mark_watched (self);
  g_mutex_unlock (&self->watch_lock);
  /* Nobody keeps a way to store past the slow path. */
  __atomic_fetch_add (&self->generation, 1, __ATOMIC_SEQ_CST);
  if (self->changed != NULL)
    self->changed (self->changed_data);
  return TRUE;
}

void
vmt_address_space_remove_watches (VmtAddressSpace *self, gpointer data)
{
  g_mutex_lock (&self->watch_lock);
  for (guint i = self->watches->len; i > 0; i--)
    {
      Watch watch = g_array_index (self->watches, Watch, i - 1);
      if (watch.data != data)
        continue;
      g_array_remove_index (self->watches, i - 1);
      for (guint64 at = watch.offset & VMT_PAGE_MASK; at < watch.offset + watch.size;
           at += VMT_PAGE_SIZE)
        vmt_ram_clear_page_state (watch.ram, at, VMT_PAGE_WATCH);
      vmt_ram_unref (watch.ram);
    }
  mark_watched (self);
  __atomic_store_n (&self->n_watches, self->watches->len, __ATOMIC_SEQ_CST);
  g_mutex_unlock (&self->watch_lock);
}

void
vmt_address_space_notify_watch (VmtAddressSpace *self, VmtRam *ram, guint64 offset, guint64 size)
{
  if (__atomic_load_n (&self->n_watches, __ATOMIC_SEQ_CST) == 0)
    return;
  /* One at a time and without the lock: what is told may store itself. */
  for (guint i = 0;; i++)
    {
      Watch watch;
      g_mutex_lock (&self->watch_lock);
      gboolean more = i < self->watches->len;
      if (more)
        watch = g_array_index (self->watches, Watch, i);
      g_mutex_unlock (&self->watch_lock);
      if (!more)
        return;
      guint64 begin = MAX (offset, watch.offset);
      guint64 end = MIN (offset + size, watch.offset + watch.size);
      if (watch.ram == ram && begin < end)
        watch.func (watch.data, watch.address + (begin - watch.offset), end - begin);
    }
}

/* A naturally aligned access is one access of the host too: other vCPUs never see half of it. */
static guint64
load_ram (const guint8 *host, guint size)
{
  if (((guintptr)host & (size - 1)) == 0)
    switch (size)
      {
      case 2:
        return GUINT16_FROM_LE (__atomic_load_n ((const guint16 *)host, __ATOMIC_RELAXED));
      case 4:
        return GUINT32_FROM_LE (__atomic_load_n ((const guint32 *)host, __ATOMIC_RELAXED));
      case 8:
        return GUINT64_FROM_LE (__atomic_load_n ((const guint64 *)host, __ATOMIC_RELAXED));
      default:
        break;
      }
  guint64 value = 0;
  for (guint i = 0; i < size; i++)
    value |= (guint64)__atomic_load_n (host + i, __ATOMIC_RELAXED) << (8 * i);
  return value;
}

static void
store_ram (guint8 *host, guint size, guint64 value)
{
  if (((guintptr)host & (size - 1)) == 0)
    switch (size)
      {
      case 2:
        __atomic_store_n ((guint16 *)host, GUINT16_TO_LE ((guint16)value), __ATOMIC_RELAXED);
        return;
      case 4:
        __atomic_store_n ((guint32 *)host, GUINT32_TO_LE ((guint32)value), __ATOMIC_RELAXED);
        return;
      case 8:
        __atomic_store_n ((guint64 *)host, GUINT64_TO_LE (value), __ATOMIC_RELAXED);
        return;
      default:
        break;
      }
  for (guint i = 0; i < size; i++)
    __atomic_store_n (host + i, (guint8)(value >> (8 * i)), __ATOMIC_RELAXED);
}

/* What an access that leaves its region gets, and whether it may be made byte by byte: only if RAM
 * follows RAM. */
static VmtMemStatus
check_straddle (VmtAddressSpace *self, const VmtMemoryRegion *first, guint64 address, guint size,
                gboolean write)
{
  VmtMemoryRegion second;
  guint64 last = address + (size - 1);
  if (last < address || !vmt_address_space_find (self, last, &second) ||
      second.base != first->base + first->size)
    return VMT_MEM_UNMAPPED;
  if (first->ram == NULL || second.ram == NULL || (write && (first->readonly || second.readonly)))
    return VMT_MEM_BUS_ERROR;
  return VMT_MEM_OK;
}

static VmtMemStatus
read_registers (const VmtMemoryRegion *region, guint64 offset, guint size, guint64 *value)
{
  const VmtMmioOps *ops = region->ops;
  if (size < ops->min_size || (offset & (size - 1)) != 0)
    return VMT_MEM_BUS_ERROR;

  GMutex *lock = ops->lockless ? NULL : region->lock;
  guint piece = MIN (size, ops->max_size);
  guint64 all = 0;
  VmtMemStatus status = VMT_MEM_OK;
  if (lock != NULL)
    g_mutex_lock (lock);
  for (guint done = 0; done < size && status == VMT_MEM_OK; done += piece)
    {
      guint64 part = 0;
      status = ops->read (region->opaque, offset + done, piece, &part);
      if (piece < 8)
        part &= (G_GUINT64_CONSTANT (1) << (8 * piece)) - 1;
      all |= part << (8 * done);
    }
  if (lock != NULL)
    g_mutex_unlock (lock);
  if (status == VMT_MEM_OK)
    *value = all;
  return status;
}

static VmtMemStatus
write_registers (const VmtMemoryRegion *region, guint64 offset, guint size, guint64 value)
{
  const VmtMmioOps *ops = region->ops;
  if (size < ops->min_size || (offset & (size - 1)) != 0)
    return VMT_MEM_BUS_ERROR;

  GMutex *lock = ops->lockless ? NULL : region->lock;
  guint piece = MIN (size, ops->max_size);
  VmtMemStatus status = VMT_MEM_OK;
  if (lock != NULL)
    g_mutex_lock (lock);
  for (guint done = 0; done < size && status == VMT_MEM_OK; done += piece)
    {
      guint64 part = value >> (8 * done);
      if (piece < 8)
        part &= (G_GUINT64_CONSTANT (1) << (8 * piece)) - 1;
      status = ops->write (region->opaque, offset + done, piece, part);
    }
  if (lock != NULL)
    g_mutex_unlock (lock);
  return status;
}

static gboolean
size_is_valid (guint size)
{
  return size == 1 || size == 2 || size == 4 || size == 8;
}

/* RAM is referenced, registers are not: devices live as long as the machine. */
static gboolean
find_any (VmtAddressSpace *self, guint64 address, VmtMemoryRegion *region)
{
  Stripe *stripe = enter (self);
  const VmtMemoryRegion *found = search (__atomic_load_n (&self->table, __ATOMIC_SEQ_CST), address);
  if (found != NULL)
    {
      *region = *found;
      if (region->ram != NULL)
        vmt_ram_ref (region->ram);
    }
  leave (stripe);
  return found != NULL;
}

VmtMemStatus
vmt_address_space_read (VmtAddressSpace *self, guint64 address, guint size, guint64 *value)
{
  VmtMemoryRegion region;
  if (!size_is_valid (size))
    return VMT_MEM_BUS_ERROR;
  if (!find_any (self, address, &region))
    return VMT_MEM_UNMAPPED;

  guint64 offset = address - region.base;
  guint64 left = region.size - offset;
  if (left < size)
    {
      VmtMemStatus status = check_straddle (self, &region, address, size, FALSE);
      if (region.ram != NULL)
        vmt_ram_unref (region.ram);
      guint64 all = 0;
      for (guint i = 0; i < size && status == VMT_MEM_OK; i++)
        {
          guint64 byte = 0;
          status = vmt_address_space_read (self, address + i, 1, &byte);
          all |= byte << (8 * i);
        }
      if (status == VMT_MEM_OK)
        *value = all;
      return status;
    }
  if (region.ram == NULL)
    return read_registers (&region, offset, size, value);

  *value = load_ram (region.ram->host + region.ram_offset + offset, size);
  vmt_ram_unref (region.ram);
  return VMT_MEM_OK;
}

VmtMemStatus
vmt_address_space_write (VmtAddressSpace *self, guint64 address, guint size, guint64 value)
{
  VmtMemoryRegion region;
  if (!size_is_valid (size))
    return VMT_MEM_BUS_ERROR;
  if (!find_any (self, address, &region))
    return VMT_MEM_UNMAPPED;

  guint64 offset = address - region.base;
  guint64 left = region.size - offset;
  if (left < size)
    {
      VmtMemStatus status = check_straddle (self, &region, address, size, TRUE);
      if (region.ram != NULL)
        vmt_ram_unref (region.ram);
      for (guint i = 0; i < size && status == VMT_MEM_OK; i++)
        status = vmt_address_space_write (self, address + i, 1, (value >> (8 * i)) & 0xff);
      return status;
    }
  if (region.ram == NULL)
    return write_registers (&region, offset, size, value);

  VmtMemStatus status = VMT_MEM_BUS_ERROR;
  if (!region.readonly)
    {
      guint64 at = region.ram_offset + offset;
      vmt_address_space_notify_store (self, region.ram, at, size);
      store_ram (region.ram->host + at, size, value);
      vmt_address_space_notify_store (self, region.ram, at, size);
      vmt_address_space_notify_watch (self, region.ram, at, size);
      status = VMT_MEM_OK;
    }
  vmt_ram_unref (region.ram);
  return status;
}
