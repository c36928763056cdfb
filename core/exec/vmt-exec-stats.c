/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the engine has counted, on slow paths only. */
#include <string.h>
#include <time.h>

#include "vmt-exec-private.h"

#define CALIBRATION 64

/* Of the calling thread, in nanoseconds. */
guint64
_vmt_exec_get_cpu_time (void)
{
  struct timespec now;
  clock_gettime (CLOCK_THREAD_CPUTIME_ID, &now);
  return (guint64)now.tv_sec * G_GUINT64_CONSTANT (1000000000) + (guint64)now.tv_nsec;
}

/* From now on translation is timed. Reading the clock is a large part of what is measured. */
void
_vmt_exec_measure (VmtExec *self)
{
  const guint64 start = _vmt_exec_get_cpu_time ();
  guint64 end = start;
  for (guint i = 0; i < CALIBRATION; i++)
    end = _vmt_exec_get_cpu_time ();
  self->clock_cost = (end - start) / CALIBRATION;
  self->measuring = TRUE;
}

/* Nanoseconds since @start, one reading of the clock left out. */
guint64
_vmt_exec_since (const VmtExec *self, guint64 start)
{
  const guint64 passed = _vmt_exec_get_cpu_time () - start;
  return passed > self->clock_cost ? passed - self->clock_cost : 0;
}

/* A block was translated. With the code lock. */
void
_vmt_exec_count_block (VmtExec *self, VmtExecBlock *block, const VmtIrBlock *ir, VmtCodePage *page)
{
  VmtTierCode code = { NULL, 0 };
  VmtExecCodeStats *stats = &self->code_stats;
  stats->blocks++;
  stats->instructions += ir->n_insns;
  stats->ops += ir->n_ops;
  stats->guest_bytes += block->size;
  if (vmt_tier_get_code (self->tier, block, &code, NULL))
    stats->host_bytes += code.size;
  if (!self->measuring || page == NULL)
    return;
  if (page->seen == NULL)
    page->seen = g_malloc0 (VMT_PAGE_SIZE / 8);
  for (guint i = 0; i < ir->n_insns; i++)
    {
      const guint at = (guint)ir->insns[i].page_offset & ~(guint)VMT_PAGE_MASK;
      const guint8 bit = (guint8)(1u << (at & 7));
      stats->distinct += (page->seen[at / 8] & bit) == 0;
      page->seen[at / 8] |= bit;
    }
}

void
vmt_exec_get_stats (VmtExec *self, VmtExecStats *stats)
{
  memset (stats, 0, sizeof *stats);
  g_mutex_lock (&self->lock);
  for (guint i = 0; i < self->n_vcpus; i++)
    {
      const VmtExecStats *own = &self->vcpus[i]->priv->published;
      stats->instructions += own->instructions;
      stats->tlb_l2_hits += own->tlb_l2_hits;
      stats->tlb_walks += own->tlb_walks;
      stats->tlb_flushes += own->tlb_flushes;
      stats->lookups += own->lookups;
      stats->store_slow += own->store_slow;
      stats->sleeps += own->sleeps;
      stats->entries += own->entries;
      stats->exceptions += own->exceptions;
      stats->interrupts += own->interrupts;
    }
  g_mutex_unlock (&self->lock);
  g_mutex_lock (&self->code_lock);
  const VmtExecCodeStats *code = &self->code_stats;
  stats->blocks_compiled = self->n_compiled;
  stats->blocks_live = self->n_live;
  stats->blocks_killed = self->n_killed;
  stats->bytes = self->bytes;
  stats->evictions = self->n_evictions;
  stats->promotions = self->n_promotions;
  stats->killed_by_store = code->kills[VMT_EXEC_KILL_STORE];
  stats->killed_for_room = code->kills[VMT_EXEC_KILL_EVICT];
  stats->translated_instructions = code->instructions;
  stats->translated_ops = code->ops;
  stats->translated_bytes = code->guest_bytes;
  stats->host_bytes = code->host_bytes;
  stats->distinct_instructions = code->distinct;
  stats->decode_ns = code->decode_ns;
  stats->ir_ns = code->ir_ns;
  stats->emit_ns = code->emit_ns;
  g_mutex_unlock (&self->code_lock);
}

/* Under the code lock by the one that frees tiers' counters last: the tier is the engine's. */
void
vmt_exec_visit_counters (VmtExec *self, VmtCounterFunc func, gpointer data)
{
  static const struct
  {
    const char *name;
    gsize offset;
    gboolean measured;
  } rows[] = {
#define ROW(name, field) { name, G_STRUCT_OFFSET (VmtExecStats, field), FALSE }
#define MEASURED(name, field)                                                                      \
  {                                                                                                \
    name, G_STRUCT_OFFSET (VmtExecStats, field), TRUE                                              \
  }
    ROW ("instructions", instructions),
    ROW ("entries", entries),
    ROW ("exceptions", exceptions),
    ROW ("interrupts", interrupts),
    ROW ("sleeps", sleeps),
    ROW ("lookups", lookups),
    ROW ("blocks-compiled", blocks_compiled),
    ROW ("blocks-live", blocks_live),
    ROW ("blocks-killed", blocks_killed),
    ROW ("killed-by-store", killed_by_store),
    ROW ("killed-for-room", killed_for_room),
    ROW ("evictions", evictions),
    ROW ("promotions", promotions),
    ROW ("cache-bytes", bytes),
    ROW ("translated-instructions", translated_instructions),
    ROW ("translated-ops", translated_ops),
    ROW ("translated-bytes", translated_bytes),
    ROW ("host-bytes", host_bytes),
    MEASURED ("distinct-instructions", distinct_instructions),
    MEASURED ("decode-ns", decode_ns),
    MEASURED ("ir-ns", ir_ns),
    MEASURED ("emit-ns", emit_ns),
    ROW ("tlb-l2-hits", tlb_l2_hits),
    ROW ("tlb-walks", tlb_walks),
    ROW ("tlb-flushes", tlb_flushes),
    ROW ("stores-tracked", store_slow),
#undef ROW
#undef MEASURED
  };
  VmtExecStats stats;
  vmt_exec_get_stats (self, &stats);
  for (guint i = 0; i < G_N_ELEMENTS (rows); i++)
    if (!rows[i].measured || self->measuring)
      func (rows[i].name, G_STRUCT_MEMBER (guint64, &stats, rows[i].offset), data);
  if (self->n_vcpus > 0)
    vmt_tier_visit_counters (self->tier, self->vcpus[0]->arch, func, data);
}
