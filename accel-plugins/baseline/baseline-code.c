/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Where emitted code lives, with its data behind it. */
#include <string.h>

#include "baseline.h"
#include "vmt-host.h"

struct _BaselineCode
{
  VmtHostCodeArea *area;
  const guint8 *base, *stubs;
  guint8 *data;
  gsize distance;
  guint32 at[BASELINE_N_STUBS], enter;
  gsize stubs_size;
  gboolean lost; /* atomic */
  GMutex lock;
  GPtrArray *counters; /* (element-type BaselineCounters): under the lock */
};

BaselineCode *
baseline_code_new (VmtHostCodeMemory strategy, gsize size, GError **error)
{
  VmtHostCodeArea *area = vmt_host_code_area_new_with_data (strategy, size, size, error);
  if (area == NULL)
    return NULL;
  BaselineCode *self = g_new0 (BaselineCode, 1);
  self->area = area;
  g_mutex_init (&self->lock);
  self->counters = g_ptr_array_new_with_free_func (g_free);
  self->base = vmt_host_code_area_get_base (area);
  self->data = vmt_host_code_area_get_data (area);
  self->distance = vmt_host_code_area_get_data_offset (area);
  return self;
}

void
baseline_code_free (BaselineCode *self)
{
  vmt_host_code_area_free (self->area);
  g_mutex_clear (&self->lock);
  g_ptr_array_unref (self->counters);
  g_free (self);
}

gsize
baseline_code_get_distance (BaselineCode *self)
{
  return self->distance;
}

void
baseline_code_set_quiet (BaselineCode *self, gboolean quiet)
{
  vmt_host_code_area_set_quiet (self->area, quiet);
}

gboolean
baseline_code_is_lost (BaselineCode *self)
{
  return __atomic_load_n (&self->lost, __ATOMIC_ACQUIRE);
}

/* Only whole granules are given out, so that all of them are aligned. */
static gsize
round_up (gsize size)
{
  return (size + BASELINE_GRANULE - 1) & ~(gsize)(BASELINE_GRANULE - 1);
}

gsize
baseline_code_alloc (BaselineCode *self, gsize size)
{
  return vmt_host_code_area_alloc (self->area, round_up (size));
}

void
baseline_code_release (BaselineCode *self, gsize offset, gsize size)
{
  vmt_host_code_area_release (self->area, offset, round_up (size));
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
  g_autoptr (GError) refused = NULL;
  for (gsize i = 0; i < size; i += BASELINE_GRANULE)
    *(BaselineBlock **)(gpointer)(self->data + offset + i) = block;
  if (vmt_host_code_area_write (self->area, offset, bytes, size, &refused))
    return TRUE;
  if (g_error_matches (refused, VMT_ERROR, VMT_ERROR_STATE))
    __atomic_store_n (&self->lost, TRUE, __ATOMIC_RELEASE);
  g_propagate_error (error, g_steal_pointer (&refused));
  return FALSE;
}

BaselineBlock *
baseline_code_find (BaselineCode *self, const guint8 *at)
{
  const gsize offset = (gsize)(at - self->base) & ~(gsize)(BASELINE_GRANULE - 1);
  return *(BaselineBlock **)(gpointer)(self->data + offset);
}

gboolean
baseline_code_make_stubs (BaselineCode *self, const VmtArchOps *arch, GError **error)
{
  if (self->stubs != NULL)
    return TRUE;
  g_autofree guint8 *bytes = g_malloc (BASELINE_STUBS_ROOM);
  const gsize size = baseline_host_stubs (bytes, arch, self->at, &self->enter);
  /* Pages of their own: what calls C while another block is written comes back through them, even
   * if the host keeps the pages that are written. */
  const gsize page = vmt_host_get_page_size ();
  const gsize room = (size + page - 1) & ~(page - 1);
  const gsize offset = baseline_code_alloc (self, room);
  if (offset == G_MAXSIZE)
    return FALSE;
  if (!baseline_code_write (self, offset, bytes, size, NULL, error))
    {
      baseline_code_release (self, offset, room);
      return FALSE;
    }
  self->stubs = baseline_code_at (self, offset);
  self->stubs_size = size;
  return TRUE;
}

const guint8 *
baseline_code_get_stubs (const BaselineCode *self, gsize *size)
{
  *size = self->stubs_size;
  return self->stubs;
}

const guint8 *
baseline_code_get_stub (BaselineCode *self, BaselineStub stub)
{
  return self->stubs != NULL ? self->stubs + self->at[stub] : NULL;
}

void
baseline_code_set_up_cpu (BaselineCode *self, VmtVcpu *vcpu)
{
  BaselineCpu *cpu = baseline_cpu (vcpu);
  const VmtArchOps *arch = vcpu->arch;
  memset (cpu, 0, sizeof *cpu);
  for (guint i = 0; i < BASELINE_N_STUBS; i++)
    cpu->stubs[i] = baseline_code_get_stub (self, i);
  memcpy (vcpu->tier_near, cpu->stubs, sizeof vcpu->tier_near);
  cpu->code = self;
  cpu->counters = g_malloc0 (sizeof (BaselineCounters) + arch->n_helpers * sizeof (guint64));
  g_mutex_lock (&self->lock);
  g_ptr_array_add (self->counters, cpu->counters);
  g_mutex_unlock (&self->lock);
  cpu->next_id = 1;
  memset (cpu->jumps, 0xff, sizeof cpu->jumps);
  baseline_host_set_up_cpu (cpu);
}

BaselineEnterFunc
baseline_code_get_enter (BaselineCode *self)
{
  gconstpointer at = self->stubs + self->enter;
  BaselineEnterFunc function;
  memcpy (&function, &at, sizeof function);
  return function;
}

static guint64
sum (BaselineCode *self, gsize offset)
{
  guint64 value = 0;
  for (guint i = 0; i < self->counters->len; i++)
    value += __atomic_load_n (
        (const guint64 *)(gpointer)((guint8 *)self->counters->pdata[i] + offset), __ATOMIC_RELAXED);
  return value;
}

/* @name (nullable): the second part. */
static void
tell (BaselineCode *self, const char *kind, const char *name, gsize offset, VmtCounterFunc func,
      gpointer data)
{
  g_autofree char *full = g_strconcat (kind, name, NULL);
  const guint64 value = sum (self, offset);
  if (name == NULL || value != 0)
    func (full, value, data);
}

void
baseline_code_visit_counters (BaselineCode *self, const VmtArchOps *arch, VmtCounterFunc func,
                              gpointer data)
{
  static const struct
  {
    const char *name;
    gsize offset;
  } rows[] = {
    { "tier.load", G_STRUCT_OFFSET (BaselineCounters, load) },
    { "tier.store", G_STRUCT_OFFSET (BaselineCounters, store) },
    { "tier.atomic", G_STRUCT_OFFSET (BaselineCounters, atomic) },
    { "tier.trap", G_STRUCT_OFFSET (BaselineCounters, trap) },
    { "tier.link-near", G_STRUCT_OFFSET (BaselineCounters, near_link) },
    { "tier.link-far", G_STRUCT_OFFSET (BaselineCounters, far_link) },
    { "tier.range", G_STRUCT_OFFSET (BaselineCounters, range) },
    { "tier.scattered", G_STRUCT_OFFSET (BaselineCounters, scattered) },
    { "tier.promote", G_STRUCT_OFFSET (BaselineCounters, promote) },
    { "tier.jump-miss", G_STRUCT_OFFSET (BaselineCounters, indirect) },
    { "tier.eval-block", G_STRUCT_OFFSET (BaselineCounters, block) },
    { "tier.eval-rest", G_STRUCT_OFFSET (BaselineCounters, rest) },
  };
  func ("tier.code-lost", baseline_code_is_lost (self), data);
  g_mutex_lock (&self->lock);
  for (guint i = 0; i < G_N_ELEMENTS (rows); i++)
    tell (self, rows[i].name, NULL, rows[i].offset, func, data);
  for (guint i = 0; i < VMT_IR_N_OPS; i++)
    tell (self, "tier.eval-", vmt_ir_op_info[i].name,
          G_STRUCT_OFFSET (BaselineCounters, eval) + i * sizeof (guint64), func, data);
  for (guint i = 0; i < arch->n_helpers; i++)
    tell (self, "tier.call-", arch->helpers[i].name,
          G_STRUCT_OFFSET (BaselineCounters, call) + i * sizeof (guint64), func, data);
  g_mutex_unlock (&self->lock);
}
