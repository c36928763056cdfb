/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The block cache. Lookups take no lock: a per-vCPU jump cache, then a hash table whose chains are
 * changed only under the code lock. A block that dies leaves the table, the jump caches and all
 * links at once; its memory goes when every vCPU has passed the head of its run loop (or is
 * parked), by epoch. */
#include "vmt-exec-block.h"

#include <string.h>

#include "vmt-exec-private.h"

#define PAGE_ALL G_MAXUINT64
/* A page that has lost so many blocks is not let go at once when it has no code left, but after so
 * many stores: protecting it again costs more than those. */
#define HOT_PAGE_KILLS 8
#define HOT_PAGE_STORES 64
#define GARBAGE_MAX 256
/* Bookkeeping of a block, besides what its tier says. */
#define BLOCK_BYTES (sizeof (VmtExecBlock) + 64)
#define UNCACHED_CODE_MAX 16
/* The longest instruction of all architectures; a multiple of 8. */
#define INSN_BYTES_MAX 16

static inline guint
hash_index (guint64 host, guint64 mode_key)
{
  guint64 h = (host ^ (mode_key * G_GUINT64_CONSTANT (0xff51afd7ed558ccd))) *
              G_GUINT64_CONSTANT (0x9e3779b97f4a7c15);
  return (guint)(h >> (64 - VMT_EXEC_HASH_BITS));
}

/* The 64-byte granules of a page from @first on. */
static inline guint64
granules (guint first, guint size)
{
  if (size == 0)
    return 0;
  guint from = first >> 6;
  guint to = (first + size - 1) >> 6;
  guint64 up_to = to >= 63 ? PAGE_ALL : (G_GUINT64_CONSTANT (1) << (to + 1)) - 1;
  return up_to & ~((G_GUINT64_CONSTANT (1) << from) - 1);
}

void
vmt_exec_code_init (VmtExec *self)
{
  self->hash = g_new0 (VmtExecBlock *, 1 << VMT_EXEC_HASH_BITS);
  self->epoch = 1;
}

static VmtCodePage *
get_page (VmtExecRam *ram, guint64 offset)
{
  return __atomic_load_n (&ram->pages[offset >> VMT_PAGE_SHIFT], __ATOMIC_SEQ_CST);
}

/* With the lock. */
static VmtCodePage *
make_page (VmtExecRam *ram, guint64 offset)
{
  VmtCodePage *page = get_page (ram, offset);
  if (page == NULL)
    {
      page = g_new0 (VmtCodePage, 1);
      __atomic_store_n (&ram->pages[offset >> VMT_PAGE_SHIFT], page, __ATOMIC_SEQ_CST);
    }
  return page;
}

/* A block's place in the list of the page at @page_host. */
static inline VmtExecBlock **
page_link (VmtExecBlock *block, guint64 page_host)
{
  return (block->first_host & VMT_PAGE_MASK) == page_host ? &block->page_next : &block->page2_next;
}

static inline guint64
block_mask (VmtExecBlock *block, guint64 page_host)
{
  guint first = (guint)(block->first_host & ~VMT_PAGE_MASK);
  guint in_first = MIN (block->size, VMT_PAGE_SIZE - first);
  if ((block->first_host & VMT_PAGE_MASK) == page_host)
    return granules (first, in_first);
  return granules (0, block->size - in_first);
}

static void
free_block (VmtExec *self, VmtExecBlock *block)
{
  vmt_tier_discard (self->tier, block);
  g_clear_pointer (&block->ir, vmt_ir_block_free);
  g_aligned_free (block);
}

/* With the lock: frees what no vCPU can be in. */
static void
collect (VmtExec *self)
{
  if (self->garbage == NULL)
    return;
  guint64 oldest = G_MAXUINT64;
  for (guint i = 0; i < self->n_vcpus; i++)
    {
      VmtVcpuPriv *priv = self->vcpus[i]->priv;
      /* Asleep in the run loop: it has nothing in its hands, and says so again before it takes
       * anything. */
      if (__atomic_load_n (&priv->sleeping, __ATOMIC_SEQ_CST))
        continue;
      /* once: MIN() would look twice, and it may have gone on meanwhile */
      const guint64 epoch = __atomic_load_n (&priv->epoch, __ATOMIC_SEQ_CST);
      oldest = MIN (oldest, epoch);
    }
  while (self->garbage != NULL && self->garbage->epoch < oldest)
    {
      VmtExecBlock *block = self->garbage;
      self->garbage = block->garbage_next;
      self->n_garbage--;
      self->bytes -= block->bytes + BLOCK_BYTES;
      free_block (self, block);
    }
}

/* With the lock: nobody enters the block any more. @but_page: a page from whose list the caller
 * takes it, or 0. */
static void
kill_block (VmtExec *self, VmtExecBlock *block, guint64 but_page, VmtExecKill why)
{
  guint64 host = block->first_host;
  self->code_stats.kills[why]++;
  if (G_UNLIKELY (self->trace != NULL))
    _vmt_exec_trace_kill (self, block, why);
  __atomic_store_n (&block->dead, 1, __ATOMIC_SEQ_CST);

  VmtExecBlock **link = &self->hash[hash_index (host, block->mode_key)];
  while (*link != block)
    link = &(*link)->hash_next;
  __atomic_store_n (link, block->hash_next, __ATOMIC_SEQ_CST);

  guint64 pages[2] = { host & VMT_PAGE_MASK, block->host2 };
  for (guint i = 0; i < 2 && pages[i] != 0; i++)
    {
      if (pages[i] == but_page)
        continue;
      VmtExecRam *ram = vmt_exec_find_ram (self, i == 0 ? block->ram : block->ram2, FALSE);
      VmtCodePage *page = get_page (ram, pages[i] - (guint64)(guintptr)ram->ram->host);
      VmtExecBlock **in_page = &page->blocks;
      guint64 mask = 0;
      while (*in_page != NULL)
        if (*in_page == block)
          *in_page = *page_link (block, pages[i]);
        else
          {
            mask |= block_mask (*in_page, pages[i]);
            in_page = page_link (*in_page, pages[i]);
          }
      __atomic_store_n (&page->mask, mask, __ATOMIC_SEQ_CST);
      page->kills++;
    }

  if (block->fifo_prev != NULL)
    block->fifo_prev->fifo_next = block->fifo_next;
  else
    self->fifo_first = block->fifo_next;
  if (block->fifo_next != NULL)
    block->fifo_next->fifo_prev = block->fifo_prev;
  else
    self->fifo_last = block->fifo_prev;

  if (block->host != 0)
    for (guint i = 0; i < self->n_vcpus; i++)
      {
        /* Who puts a block there looks at dead after it: see vmt_exec_lookup(). */
        VmtExecBlock **slot = vmt_jump_cache_slot (self->vcpus[i]->jump_cache, block->host);
        VmtExecBlock *expected = block;
        __atomic_compare_exchange_n (slot, &expected, NULL, FALSE, __ATOMIC_SEQ_CST,
                                     __ATOMIC_SEQ_CST);
      }
  /* What a vCPU remembers by address it forgets itself, before it follows it again; no need to wake
   * it. */
  for (guint i = 0; i < self->n_vcpus; i++)
    if (__atomic_load_n (&self->vcpus[i]->jump_noted, __ATOMIC_SEQ_CST))
      {
        __atomic_store_n (&self->vcpus[i]->jump_stale, 1, __ATOMIC_SEQ_CST);
        __atomic_fetch_or (&self->vcpus[i]->exit_request, VMT_VCPU_FORGET, __ATOMIC_SEQ_CST);
      }
  vmt_tier_kill (self->tier, block);
  self->n_live--;
  self->n_killed++;

  /* Readers of the chain may be at this block: its hash_next stays as it is. */
  block->epoch = __atomic_fetch_add (&self->epoch, 1, __ATOMIC_SEQ_CST);
  block->garbage_next = NULL;
  if (self->garbage == NULL)
    self->garbage = block;
  else
    self->garbage_last->garbage_next = block;
  self->garbage_last = block;
  if (++self->n_garbage % GARBAGE_MAX == 0)
    for (guint i = 0; i < self->n_vcpus; i++)
      vmt_vcpu_request (self->vcpus[i], VMT_VCPU_RELOOKUP);
}

/* With the lock: a page without blocks needs no tracking. */
static void
release_page (VmtExecRam *ram, guint64 offset, VmtCodePage *page)
{
  if (page->blocks != NULL || !page->protected)
    return;
  page->protected = FALSE;
  page->releases++;
  __atomic_store_n (&page->idle_stores, 0, __ATOMIC_RELAXED);
  vmt_ram_clear_page_state (ram->ram, offset, VMT_PAGE_CODE);
}

/* Whether the block has bytes among @size from @first on in the page. */
static gboolean
overlaps (const VmtExecBlock *block, guint64 page_host, guint first, guint size)
{
  const guint64 begin = block->first_host;
  const guint offset = (guint)(begin & ~VMT_PAGE_MASK);
  guint from = 0, to;
  if ((begin & VMT_PAGE_MASK) == page_host)
    {
      from = offset;
      to = MIN (offset + block->size, VMT_PAGE_SIZE);
    }
  else
    to = block->size - (VMT_PAGE_SIZE - offset);
  return first < to && first + size > from;
}

/* What is written there next are other instructions. */
static void
forget_seen (VmtCodePage *page, const VmtExecBlock *block, guint64 page_host)
{
  if ((block->first_host & VMT_PAGE_MASK) != page_host)
    return;
  const guint first = (guint)(block->first_host & ~VMT_PAGE_MASK);
  if (page->scattered != NULL)
    page->scattered[first / 8] &= (guint8) ~(1u << (first & 7));
  if (page->seen == NULL)
    return;
  for (guint i = first; i < first + block->size && i < VMT_PAGE_SIZE; i++)
    page->seen[i / 8] &= (guint8) ~(1u << (i & 7));
}

static void
stored_in_page (VmtExec *self, VmtExecRam *ram, guint64 offset, guint size)
{
  VmtCodePage *page = get_page (ram, offset);
  if (page == NULL)
    return;
  guint first = (guint)(offset & ~VMT_PAGE_MASK);
  guint64 mask = granules (first, size);
  guint64 code = __atomic_load_n (&page->mask, __ATOMIC_SEQ_CST);
  if (code != 0 && (code & mask) == 0)
    return;
  if (code == 0 && page->kills >= HOT_PAGE_KILLS &&
      __atomic_add_fetch (&page->idle_stores, 1, __ATOMIC_RELAXED) < HOT_PAGE_STORES)
    return;

  guint64 page_host = ((guint64)(guintptr)ram->ram->host + offset) & VMT_PAGE_MASK;
  g_mutex_lock (&self->code_lock);
  /* By bytes, not by granules: data next to code in one granule costs only time. But on a page that
   * is written again and again, the first store into code takes the granule's other code with it:
   * who generates code writes on. */
  gboolean hit = FALSE;
  for (VmtExecBlock *block = page->blocks; block != NULL && !hit;
       block = *page_link (block, page_host))
    hit = overlaps (block, page_host, first, size);
  if (hit)
    {
      const gboolean hot = page->kills >= HOT_PAGE_KILLS;
      VmtExecBlock **link = &page->blocks;
      guint64 left = 0;
      while (*link != NULL)
        {
          VmtExecBlock *block = *link;
          const guint64 own = block_mask (block, page_host);
          if (hot ? (own & mask) != 0 : overlaps (block, page_host, first, size))
            {
              *link = *page_link (block, page_host);
              page->kills++;
              forget_seen (page, block, page_host);
              kill_block (self, block, page_host, VMT_EXEC_KILL_STORE);
            }
          else
            {
              left |= own;
              link = page_link (block, page_host);
            }
        }
      __atomic_store_n (&page->mask, left, __ATOMIC_SEQ_CST);
    }
  if (page->blocks == NULL &&
      (page->kills < HOT_PAGE_KILLS ||
       __atomic_load_n (&page->idle_stores, __ATOMIC_RELAXED) >= HOT_PAGE_STORES))
    release_page (ram, offset, page);
  collect (self);
  g_mutex_unlock (&self->code_lock);
}

void
vmt_exec_code_stored (VmtExec *self, VmtExecRam *ram, guint64 offset, guint64 size)
{
  while (size > 0)
    {
      guint64 left = VMT_PAGE_SIZE - (offset & ~VMT_PAGE_MASK);
      guint n = (guint)MIN (size, left);
      if (vmt_ram_get_page_state (ram->ram, offset) & VMT_PAGE_CODE)
        stored_in_page (self, ram, offset, n);
      offset += n;
      size -= n;
    }
}

void
vmt_exec_code_kill (VmtExec *self, guint64 which)
{
  g_mutex_lock (&self->code_lock);
  if (which == G_MAXUINT64)
    while (self->fifo_first != NULL)
      kill_block (self, self->fifo_first, 0, VMT_EXEC_KILL_DROP);
  else if (self->n_live > 0)
    {
      VmtExecBlock *block = self->fifo_first;
      for (which %= self->n_live; which > 0; which--)
        block = block->fifo_next;
      kill_block (self, block, 0, VMT_EXEC_KILL_DROP);
    }
  collect (self);
  g_mutex_unlock (&self->code_lock);
}

/* The vCPUs are stopped or gone. */
void
vmt_exec_code_clear (VmtExec *self)
{
  g_mutex_lock (&self->code_lock);
  /* All go: no need to take each out of its page's list. */
  for (guint i = 0; i < self->n_rams; i++)
    for (guint64 p = 0; p < self->rams[i].ram->size >> VMT_PAGE_SHIFT; p++)
      if (self->rams[i].pages[p] != NULL)
        {
          self->rams[i].pages[p]->blocks = NULL;
          __atomic_store_n (&self->rams[i].pages[p]->mask, 0, __ATOMIC_SEQ_CST);
        }
  while (self->fifo_first != NULL)
    kill_block (self, self->fifo_first, 0, VMT_EXEC_KILL_CLEAR);
  for (guint i = 0; i < self->n_vcpus; i++)
    {
      VmtVcpuPriv *priv = self->vcpus[i]->priv;
      if (priv->uncached != NULL)
        free_block (self, priv->uncached);
      priv->uncached = NULL;
      __atomic_store_n (&priv->epoch, __atomic_load_n (&self->epoch, __ATOMIC_SEQ_CST),
                        __ATOMIC_SEQ_CST);
    }
  collect (self);
  for (guint i = 0; i < self->n_rams; i++)
    {
      VmtExecRam *ram = &self->rams[i];
      for (guint64 p = 0; p < ram->ram->size >> VMT_PAGE_SHIFT; p++)
        if (ram->pages[p] != NULL)
          release_page (ram, p << VMT_PAGE_SHIFT, ram->pages[p]);
    }
  g_mutex_unlock (&self->code_lock);
}

void
vmt_exec_code_fini (VmtExec *self)
{
  vmt_exec_code_clear (self);
  g_free (self->hash);
}

void
vmt_exec_lock_code (VmtVcpu *vcpu)
{
  g_mutex_lock (&vcpu->exec->code_lock);
}

void
vmt_exec_unlock_code (VmtVcpu *vcpu)
{
  g_mutex_unlock (&vcpu->exec->code_lock);
}

void
vmt_exec_block_scatters (VmtVcpu *vcpu, VmtExecBlock *block)
{
  VmtExec *self = vcpu->exec;
  const guint first = (guint)(block->first_host & ~VMT_PAGE_MASK);

  g_mutex_lock (&self->code_lock);
  if (!block->dead)
    {
      VmtCodePage *page = get_page (vmt_exec_find_ram (self, block->ram, FALSE), block->ram_offset);
      if (page->scattered == NULL)
        page->scattered = g_malloc0 (VMT_PAGE_SIZE / 8);
      page->scattered[first / 8] |= (guint8)(1u << (first & 7));
      kill_block (self, block, 0, VMT_EXEC_KILL_SCATTERS);
    }
  g_mutex_unlock (&self->code_lock);
}

void
vmt_exec_drop_code (VmtVcpu *vcpu)
{
  vmt_exec_code_kill (vcpu->exec, G_MAXUINT64);
}

/* Of code that was copied: not what another vCPU makes of it meanwhile. */
static guint64
hash_bytes (const guint8 *bytes, gsize size)
{
  guint64 h = size;
  for (gsize i = 0; i < size; i += 8)
    {
      guint64 v = 0;
      memcpy (&v, bytes + i, MIN (size - i, 8));
      h = (h ^ v) * G_GUINT64_CONSTANT (0x9e3779b97f4a7c15);
      h ^= h >> 32;
    }
  return h;
}

static inline gboolean
fetch_host (VmtVcpu *vcpu, guint64 va, guint64 *host)
{
  const VmtTlbEntry *e =
      &vcpu->bank->fetch[(va >> VMT_PAGE_SHIFT) & ((1u << VMT_TLB_FETCH_BITS) - 1)];
  *host = va + e->addend;
  return (va & VMT_PAGE_MASK) == e->tag;
}

/* Lock-free. The newest is the first: of the highest level. @host2: of the next page, or 0 when it
 * was not looked for; *@straddles: there is a block that needs it. */
static VmtExecBlock *
find_block (VmtExec *self, guint64 host, guint64 mode_key, guint64 host2, guint level,
            gboolean *straddles)
{
  VmtExecBlock *block =
      __atomic_load_n (&self->hash[hash_index (host, mode_key)], __ATOMIC_ACQUIRE);
  for (; block != NULL; block = __atomic_load_n (&block->hash_next, __ATOMIC_ACQUIRE))
    if (block->first_host == host && block->mode_key == mode_key && block->level >= level &&
        !__atomic_load_n (&block->dead, __ATOMIC_ACQUIRE))
      {
        if (block->host2 == 0 || block->host2 == host2)
          return block;
        *straddles = TRUE;
      }
  return NULL;
}

typedef struct
{
  guint64 blocks, bytes;
} Evicted;

/* With the lock: the oldest blocks go until there is room. */
static void
evict (VmtExec *self, Evicted *evicted)
{
  if (self->bytes <= self->limit)
    return;
  guint64 left = self->bytes;
  self->n_evictions++;
  while (left > self->limit / 4 * 3 && self->fifo_first != NULL)
    {
      VmtExecBlock *block = self->fifo_first;
      left -= block->bytes + BLOCK_BYTES;
      evicted->blocks++;
      evicted->bytes += block->bytes + BLOCK_BYTES;
      kill_block (self, block, 0, VMT_EXEC_KILL_EVICT);
    }
  for (guint i = 0; i < self->n_vcpus; i++)
    vmt_vcpu_request (self->vcpus[i], VMT_VCPU_RELOOKUP);
  collect (self);
}

static VmtExecBlock *
new_block (VmtVcpu *vcpu, guint covered, guint page_offset)
{
  VmtExecBlock *block = g_aligned_alloc0 (1, sizeof (VmtExecBlock), 64);
  block->ir = (VmtIrBlock *)vmt_ir_builder_finish_in_place (vcpu->priv->builder,
                                                            (gint32)(page_offset + covered));
  block->ir_is_builders = TRUE;
  block->mode_key = vcpu->mode_key;
  block->size = covered;
  return block;
}

static void
compile_block (VmtVcpu *vcpu, VmtExecBlock *block, VmtCodePage *page)
{
  VmtExec *self = vcpu->exec;
  const guint64 start = self->measuring ? _vmt_exec_get_cpu_time () : 0;
  vmt_tier_compile (self->tier, vcpu->arch, block);
  if (G_UNLIKELY (self->measuring))
    self->code_stats.emit_ns += _vmt_exec_since (self, start);
  _vmt_exec_count_block (self, block, block->ir, page);
  if (G_UNLIKELY (self->trace != NULL))
    _vmt_exec_trace_block (vcpu, block);
  if (block->ir_is_builders)
    block->ir = NULL;
}

void
vmt_exec_block_keep_ir (VmtExecBlock *block)
{
  if (block->ir_is_builders)
    block->ir = vmt_ir_block_copy (block->ir);
  block->ir_is_builders = FALSE;
}

/* Code whose translation holds for these bytes only (protection finer than a page): one block a
 * visit, kept nowhere. */
static VmtExecBlock *
lookup_uncached (VmtVcpu *vcpu, const VmtResolved *first)
{
  VmtVcpuPriv *priv = vcpu->priv;
  VmtExec *self = priv->exec;
  guint64 pc = vcpu->pc;
  guint offset = (guint)(pc & ~VMT_PAGE_MASK);
  guint8 code[UNCACHED_CODE_MAX];
  guint n = 0, covered = 0;
  memset (code, 0, sizeof code);
  while (n < sizeof code && covered == 0)
    {
      VmtResolved at = *first;
      if ((n > 0 && !vmt_exec_resolve (vcpu, pc + n, 2, VMT_ACCESS_FETCH, &at)))
        return NULL;
      if (at.host == NULL)
        {
          vcpu->arch->raise_fault (vcpu, VMT_FAULT_ACCESS, pc + n, VMT_ACCESS_FETCH);
          return NULL;
        }
      memcpy (code + n, at.host, 2);
      n += 2;
      guint in_page = MIN (n, VMT_PAGE_SIZE - offset);
      vmt_ir_builder_begin (priv->builder);
      vmt_ir_builder_set_max_insns (priv->builder, 1);
      covered = vcpu->arch->decode (vcpu, priv->builder, offset, code, in_page,
                                    n > in_page ? code + in_page : NULL, n - in_page);
    }
  if (covered == 0)
    {
      vcpu->arch->raise_fault (vcpu, VMT_FAULT_ACCESS, pc, VMT_ACCESS_FETCH);
      return NULL;
    }
  VmtExecBlock *block = new_block (vcpu, covered, offset);
  g_mutex_lock (&self->code_lock);
  block->pa = first->pa;
  for (guint i = 0; self->trace != NULL && i < n; i++)
    *(offset + i < VMT_PAGE_SIZE ? &priv->code[offset + i]
                                 : &priv->next_code[offset + i - VMT_PAGE_SIZE]) = code[i];
  compile_block (vcpu, block, NULL);
  /* Nothing links to it or out of it. */
  block->dead = 1;
  if (priv->uncached != NULL)
    free_block (self, priv->uncached);
  priv->uncached = block;
  g_mutex_unlock (&self->code_lock);
  return block;
}

/* Other vCPUs may be storing to the page: a decoder that looks twice sees the same bytes. From
 * @offset to @end, beginning at @to + @offset. */
static void
copy_code (guint8 *to, const guint8 *page, guint offset, guint end)
{
  for (guint i = offset & ~7u; i < end; i += 8)
    {
      guint64 v = __atomic_load_n ((const guint64 *)(page + i), __ATOMIC_RELAXED);
      memcpy (to + i, &v, 8);
    }
}

static VmtExecBlock *
compile_counting (VmtVcpu *vcpu, const VmtResolved *at, guint level, Evicted *evicted)
{
  VmtVcpuPriv *priv = vcpu->priv;
  VmtExec *self = priv->exec;
  const guint64 pc = vcpu->pc;
  const guint offset = (guint)(pc & ~VMT_PAGE_MASK);
  const guint64 host = (guint64)(guintptr)at->host;
  VmtResolved at2 = { 0 };
  guint64 host2 = 0;

  for (;;)
    {
      g_mutex_lock (&self->code_lock);
      VmtCodePage *page = make_page (at->ram, at->ram_offset);
      VmtCodePage *page2 = host2 != 0 ? make_page (at2.ram, at2.ram_offset) : NULL;
      if (!page->protected || (page2 != NULL && !page2->protected))
        {
          const VmtResolved *which = page->protected ? &at2 : at;
          VmtCodePage *which_page = page->protected ? page2 : page;
          const guint32 releases = which_page->releases;
          /* Others may use this vCPU and the lock while it waits for them. */
          g_mutex_unlock (&self->code_lock);
          vmt_exec_protect (vcpu, which->ram, which->ram_offset, VMT_PAGE_CODE);
          g_mutex_lock (&self->code_lock);
          /* Released meanwhile, the bit may be another vCPU's, which has not finished. */
          if (which_page->releases == releases &&
              (vmt_ram_get_page_state (which->ram->ram, which->ram_offset) & VMT_PAGE_CODE))
            which_page->protected = TRUE;
          g_mutex_unlock (&self->code_lock);
          continue;
        }

      gboolean straddles = FALSE;
      VmtExecBlock *block = find_block (self, host, vcpu->mode_key, host2, level, &straddles);
      if (block != NULL)
        {
          g_mutex_unlock (&self->code_lock);
          return block;
        }
      evict (self, evicted);

      /* Any store from here on waits for the lock, and then finds the block. */
      guint64 mask = page->mask;
      guint64 mask2 = page2 != NULL ? page2->mask : 0;
      __atomic_store_n (&page->mask, PAGE_ALL, __ATOMIC_SEQ_CST);
      if (page2 != NULL)
        __atomic_store_n (&page2->mask, PAGE_ALL, __ATOMIC_SEQ_CST);
      __atomic_thread_fence (__ATOMIC_SEQ_CST);

      /* At level 1 it is worth while that the whole of a long loop is in one. */
      const guint max_insns = level == 0 ? 64 : 127;
      const guint left = MIN (VMT_PAGE_SIZE - offset, max_insns * INSN_BYTES_MAX);
      vmt_ir_builder_begin (priv->builder);
      vmt_ir_builder_set_max_insns (priv->builder, max_insns);
      copy_code (priv->code, at->host - offset, offset, offset + left);
      if (host2 != 0)
        copy_code (priv->next_code, at2.host, 0, INSN_BYTES_MAX);
      guint64 start = self->measuring ? _vmt_exec_get_cpu_time () : 0;
      guint covered =
          vcpu->arch->decode (vcpu, priv->builder, offset, priv->code + offset, left,
                              host2 != 0 ? priv->next_code : NULL, host2 != 0 ? INSN_BYTES_MAX : 0);
      if (covered == 0)
        {
          __atomic_store_n (&page->mask, mask, __ATOMIC_SEQ_CST);
          if (page2 != NULL)
            __atomic_store_n (&page2->mask, mask2, __ATOMIC_SEQ_CST);
          g_mutex_unlock (&self->code_lock);
          if (host2 != 0)
            {
              vcpu->arch->raise_fault (vcpu, VMT_FAULT_ACCESS, pc, VMT_ACCESS_FETCH);
              return NULL;
            }
          guint64 next = (pc & VMT_PAGE_MASK) + VMT_PAGE_SIZE;
          if (!vmt_exec_resolve (vcpu, next, 2, VMT_ACCESS_FETCH, &at2))
            return NULL;
          if (at2.host == NULL)
            {
              vcpu->arch->raise_fault (vcpu, VMT_FAULT_ACCESS, next, VMT_ACCESS_FETCH);
              return NULL;
            }
          if (!at2.cached)
            return lookup_uncached (vcpu, at);
          host2 = (guint64)(guintptr)at2.host;
          continue;
        }

      if (G_UNLIKELY (self->measuring))
        {
          self->code_stats.decode_ns += _vmt_exec_since (self, start);
          start = _vmt_exec_get_cpu_time ();
        }
      block = new_block (vcpu, covered, offset);
      if (G_UNLIKELY (self->measuring))
        self->code_stats.ir_ns += _vmt_exec_since (self, start);
      block->level = (guint8)level;
      block->scattered =
          page->scattered != NULL && (page->scattered[offset / 8] >> (offset & 7) & 1);
      block->pa = at->pa;
      block->ram = at->ram->ram;
      block->ram_offset = at->ram_offset;
      block->first_host = host;
      block->content = hash_bytes (priv->code + offset, MIN (covered, left));
      if (covered > left)
        {
          block->pa2 = at2.pa & VMT_PAGE_MASK;
          block->host2 = host2;
          block->ram2 = at2.ram->ram;
          block->content ^= hash_bytes (priv->next_code, covered - left) * 3;
        }
      else
        {
          block->host = host;
          block->count = level == 0 ? vmt_exec_get_patience (vcpu) : 0;
        }
      compile_block (vcpu, block, page);
      self->bytes += block->bytes + BLOCK_BYTES;
      self->n_live++;
      self->n_compiled++;
      self->n_promotions += level != 0 && self->promotion != 0;

      block->page_next = page->blocks;
      page->blocks = block;
      if (block->host2 != 0)
        {
          block->page2_next = page2->blocks;
          page2->blocks = block;
          mask2 |= block_mask (block, host2);
        }
      mask |= block_mask (block, host & VMT_PAGE_MASK);
      __atomic_store_n (&page->mask, mask, __ATOMIC_SEQ_CST);
      if (page2 != NULL)
        __atomic_store_n (&page2->mask, mask2, __ATOMIC_SEQ_CST);

      block->fifo_prev = self->fifo_last;
      if (self->fifo_last != NULL)
        self->fifo_last->fifo_next = block;
      else
        self->fifo_first = block;
      self->fifo_last = block;
      VmtExecBlock **head = &self->hash[hash_index (host, block->mode_key)];
      block->hash_next = *head;
      __atomic_store_n (head, block, __ATOMIC_RELEASE);
      collect (self);
      g_mutex_unlock (&self->code_lock);
      return block;
    }
}

static VmtExecBlock *
compile (VmtVcpu *vcpu, const VmtResolved *at, guint level)
{
  const VmtExecHost *host = &vcpu->exec->host;
  Evicted evicted = { 0, 0 };
  VmtExecBlock *block = compile_counting (vcpu, at, level, &evicted);

  if (evicted.blocks != 0 && host->code_evicted != NULL)
    host->code_evicted (host->data, evicted.blocks, evicted.bytes);
  return block;
}

/* Where the code at @pc is; raises. */
static gboolean
resolve_fetch (VmtVcpu *vcpu, guint64 pc, VmtResolved *at)
{
  if (vcpu->priv->builder == NULL)
    vcpu->priv->builder = vmt_ir_builder_new (vcpu->arch);
  if (!vmt_exec_resolve (vcpu, pc, 2, VMT_ACCESS_FETCH, at))
    return FALSE;
  if (at->host != NULL)
    return TRUE;
  vcpu->arch->raise_fault (vcpu, VMT_FAULT_ACCESS, pc, VMT_ACCESS_FETCH);
  return FALSE;
}

/* The next lookup finds it without a search. */
static VmtExecBlock *
remember (VmtVcpu *vcpu, VmtExecBlock **slot, VmtExecBlock *block)
{
  const VmtExecStress *stress = vcpu->exec->stress;

  if (block == NULL || block->host == 0 || G_UNLIKELY (stress != NULL && stress->no_jump_cache))
    return block;
  __atomic_store_n (slot, block, __ATOMIC_SEQ_CST);
  if (__atomic_load_n (&block->dead, __ATOMIC_SEQ_CST))
    {
      __atomic_store_n (slot, NULL, __ATOMIC_SEQ_CST);
      return NULL;
    }
  return block;
}

VmtExecBlock *
vmt_exec_lookup_block (VmtVcpu *vcpu)
{
  VmtVcpuPriv *priv = vcpu->priv;
  VmtExec *self = priv->exec;
  const guint64 pc = vcpu->pc;
  guint64 host;
  VmtResolved at = { 0 };

  if (G_UNLIKELY (__atomic_load_n (&vcpu->jump_stale, __ATOMIC_ACQUIRE)))
    vmt_tlb_forget_jumps (vcpu);
  vcpu->page_va = pc & VMT_PAGE_MASK;
  if (!fetch_host (vcpu, pc, &host))
    {
      if (!resolve_fetch (vcpu, pc, &at))
        return NULL;
      if (!at.cached)
        return lookup_uncached (vcpu, &at);
      host = (guint64)(guintptr)at.host;
    }

  VmtExecBlock **slot = vmt_jump_cache_slot (vcpu->jump_cache, host);
  VmtExecBlock *block = __atomic_load_n (slot, __ATOMIC_ACQUIRE);
  if (block != NULL && block->host == host && block->mode_key == vcpu->mode_key)
    return block;

  priv->n_lookups++;
  gboolean straddles = FALSE;
  block = find_block (self, host, vcpu->mode_key, 0, 0, &straddles);
  if (block == NULL && straddles)
    {
      VmtResolved at2;
      guint64 next = vcpu->page_va + VMT_PAGE_SIZE;
      if (!vmt_exec_resolve (vcpu, next, 2, VMT_ACCESS_FETCH, &at2))
        return NULL;
      if (at2.host != NULL && at2.cached)
        block = find_block (self, host, vcpu->mode_key, (guint64)(guintptr)at2.host, 0, &straddles);
    }
  if (block == NULL)
    {
      if (at.host == NULL && !resolve_fetch (vcpu, pc, &at))
        return NULL;
      if (!at.cached)
        return lookup_uncached (vcpu, &at);
      block = compile (vcpu, &at, vmt_exec_get_first_level (vcpu));
    }
  return remember (vcpu, slot, block);
}

VmtExecBlock *
vmt_exec_promote (VmtVcpu *vcpu, VmtExecBlock *block)
{
  VmtResolved at = { 0 };

  if (vcpu->exec->stress != NULL && vmt_exec_stress_refuses (vcpu))
    return NULL;
  vcpu->page_va = vcpu->pc & VMT_PAGE_MASK;
  /* It may be mapped elsewhere by now, or be another mode's: the run loop finds out. */
  if (vcpu->mode_key != block->mode_key || !resolve_fetch (vcpu, vcpu->pc, &at) || !at.cached ||
      (guint64)(guintptr)at.host != block->host)
    return NULL;
  VmtExecBlock *promoted = compile (vcpu, &at, block->level + 1);
  return remember (vcpu, vmt_jump_cache_slot (vcpu->jump_cache, block->host), promoted);
}

VmtExecBlock *
vmt_exec_lookup (VmtVcpu *vcpu)
{
  if (G_UNLIKELY (vcpu->exec->stress != NULL) && vmt_exec_stress_refuses (vcpu))
    return NULL;
  return vmt_exec_lookup_block (vcpu);
}
