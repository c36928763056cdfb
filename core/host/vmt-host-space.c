/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "vmt-host-space-private.h"

/* Holes are in segregated lists: one for each size below 16 granules, then eight for each power of
 * two, so that the list after the one of a size holds only holes that are large enough and at most
 * an eighth too large. Two hash tables find the hole that begins and the one that ends at a place,
 * so that neighbours are joined at once. Above the top there is fresh space, which is taken in
 * order; a hole that reaches the top becomes fresh again. */

#define EXACT 16
#define PER_POWER 8
#define N_LISTS (EXACT + 28 * PER_POWER)
/* How many holes of the list of its own size are looked at before a larger one is split. */
#define MAX_LOOKED_AT 8
/* Fresh space goes first, since code made one after the other runs faster side by side, but not
 * while more than this is in holes, or memory would be touched without end. */
#define HOLES_MIN ((1u << 20) / VMT_HOST_SPACE_GRANULE)
#define HOLES_PART 4

#define NOTHING G_MAXUINT32

typedef struct
{
  guint32 start, size; /* granules */
  guint32 previous, next;
} Hole;

/* Open addressing, never more than half full; holds numbers of holes. */
typedef struct
{
  guint32 *slots;
  guint bits;
  guint count;
  gboolean by_end;
} Edges;

struct _VmtHostSpace
{
  guint32 size, top, used; /* granules */
  GArray *holes;           /* of Hole; the unused ones are chained by next from spare */
  guint32 spare;
  guint n_holes;
  Edges starts, ends;
  guint64 filled[(N_LISTS + 63) / 64];
  guint32 lists[N_LISTS];
};

static Hole *
get_hole (VmtHostSpace *self, guint32 number)
{
  return &g_array_index (self->holes, Hole, number);
}

/* --- edges --- */

static guint
slot_of (Edges *edges, guint32 place)
{
  return (place * 0x9e3779b1u) >> (32 - edges->bits);
}

static guint32
place_of (VmtHostSpace *self, Edges *edges, guint32 number)
{
  const Hole *hole = get_hole (self, number);

  return edges->by_end ? hole->start + hole->size : hole->start;
}

static void
edges_init (Edges *edges, guint bits, gboolean by_end)
{
  edges->bits = bits;
  edges->by_end = by_end;
  edges->count = 0;
  edges->slots = g_new (guint32, (gsize)1 << bits);
  for (gsize i = 0; i < (gsize)1 << bits; i++)
    edges->slots[i] = NOTHING;
}

static void
edges_add (VmtHostSpace *self, Edges *edges, guint32 number)
{
  guint mask, slot;

  if (edges->count >= 1u << (edges->bits - 1))
    {
      Edges old = *edges;

      edges_init (edges, old.bits + 1, old.by_end);
      for (guint i = 0; i < 1u << old.bits; i++)
        if (old.slots[i] != NOTHING)
          edges_add (self, edges, old.slots[i]);
      g_free (old.slots);
    }
  mask = (1u << edges->bits) - 1;
  slot = slot_of (edges, place_of (self, edges, number));
  while (edges->slots[slot] != NOTHING)
    slot = (slot + 1) & mask;
  edges->slots[slot] = number;
  edges->count++;
}

/* The slot of the hole with its edge at this place, or NOTHING. */
static guint32
edges_find (VmtHostSpace *self, Edges *edges, guint32 place)
{
  guint mask = (1u << edges->bits) - 1;

  for (guint slot = slot_of (edges, place); edges->slots[slot] != NOTHING; slot = (slot + 1) & mask)
    if (place_of (self, edges, edges->slots[slot]) == place)
      return slot;
  return NOTHING;
}

/* Moves what follows back, so that no search ends at the empty slot before it found its hole. */
static void
edges_remove (VmtHostSpace *self, Edges *edges, guint32 place)
{
  guint mask = (1u << edges->bits) - 1;
  guint empty = edges_find (self, edges, place);

  for (guint slot = (empty + 1) & mask; edges->slots[slot] != NOTHING; slot = (slot + 1) & mask)
    {
      guint wanted = slot_of (edges, place_of (self, edges, edges->slots[slot]));

      if (((slot - wanted) & mask) >= ((slot - empty) & mask))
        {
          edges->slots[empty] = edges->slots[slot];
          empty = slot;
        }
    }
  edges->slots[empty] = NOTHING;
  edges->count--;
}

/* --- holes --- */

static guint
list_of (guint32 size)
{
  guint power;

  if (size < EXACT)
    return size;
  power = 31 - __builtin_clz (size);
  return EXACT + (power - 4) * PER_POWER + ((size >> (power - 3)) & (PER_POWER - 1));
}

static void
add_hole (VmtHostSpace *self, guint32 start, guint32 size)
{
  Hole hole = { start, size, NOTHING, NOTHING };
  guint list = list_of (size);
  guint32 number = self->spare;

  hole.next = self->lists[list];
  if (number == NOTHING)
    {
      number = self->holes->len;
      g_array_append_val (self->holes, hole);
    }
  else
    {
      self->spare = get_hole (self, number)->next;
      *get_hole (self, number) = hole;
    }
  if (hole.next != NOTHING)
    get_hole (self, hole.next)->previous = number;
  self->lists[list] = number;
  self->filled[list / 64] |= (guint64)1 << list % 64;
  edges_add (self, &self->starts, number);
  edges_add (self, &self->ends, number);
  self->n_holes++;
}

static Hole
take_hole (VmtHostSpace *self, guint32 number)
{
  Hole hole = *get_hole (self, number);
  guint list = list_of (hole.size);

  edges_remove (self, &self->starts, hole.start);
  edges_remove (self, &self->ends, hole.start + hole.size);
  if (hole.next != NOTHING)
    get_hole (self, hole.next)->previous = hole.previous;
  if (hole.previous != NOTHING)
    get_hole (self, hole.previous)->next = hole.next;
  else
    self->lists[list] = hole.next;
  if (self->lists[list] == NOTHING)
    self->filled[list / 64] &= ~((guint64)1 << list % 64);
  get_hole (self, number)->next = self->spare;
  self->spare = number;
  self->n_holes--;
  return hole;
}

static guint32
find_hole (VmtHostSpace *self, guint32 size)
{
  guint list = list_of (size);
  guint32 number = self->lists[list];

  for (guint i = 0; i < MAX_LOOKED_AT && number != NOTHING; i++)
    {
      if (get_hole (self, number)->size >= size)
        return number;
      number = get_hole (self, number)->next;
    }
  if (++list >= N_LISTS)
    return NOTHING;
  for (guint word = list / 64; word < G_N_ELEMENTS (self->filled); word++)
    {
      guint64 bits = self->filled[word];

      if (word == list / 64)
        bits &= ~(guint64)0 << list % 64;
      if (bits != 0)
        return self->lists[word * 64 + __builtin_ctzll (bits)];
    }
  return NOTHING;
}

static gsize
alloc_hole (VmtHostSpace *self, guint32 size)
{
  guint32 number = find_hole (self, size);
  Hole hole;

  if (number == NOTHING)
    return G_MAXSIZE;
  hole = take_hole (self, number);
  if (hole.size > size)
    add_hole (self, hole.start + size, hole.size - size);
  self->used += size;
  return (gsize)hole.start * VMT_HOST_SPACE_GRANULE;
}

/* --- */

VmtHostSpace *
vmt_host_space_new (gsize size)
{
  VmtHostSpace *self = g_new0 (VmtHostSpace, 1);

  self->size = size / VMT_HOST_SPACE_GRANULE;
  self->holes = g_array_new (FALSE, FALSE, sizeof (Hole));
  self->spare = NOTHING;
  edges_init (&self->starts, 8, FALSE);
  edges_init (&self->ends, 8, TRUE);
  for (guint i = 0; i < N_LISTS; i++)
    self->lists[i] = NOTHING;
  return self;
}

void
vmt_host_space_free (VmtHostSpace *self)
{
  g_array_unref (self->holes);
  g_free (self->starts.slots);
  g_free (self->ends.slots);
  g_free (self);
}

gsize
vmt_host_space_alloc (VmtHostSpace *self, gsize bytes)
{
  guint32 in_holes = self->top - self->used;
  guint32 size;

  if (bytes > (gsize)self->size * VMT_HOST_SPACE_GRANULE)
    return G_MAXSIZE;
  size = MAX ((bytes + VMT_HOST_SPACE_GRANULE - 1) / VMT_HOST_SPACE_GRANULE, 1);
  if (in_holes > MAX (HOLES_MIN, self->used / HOLES_PART))
    {
      gsize offset = alloc_hole (self, size);

      if (offset != G_MAXSIZE)
        return offset;
    }
  if (size <= self->size - self->top)
    {
      gsize offset = (gsize)self->top * VMT_HOST_SPACE_GRANULE;

      self->top += size;
      self->used += size;
      return offset;
    }
  return alloc_hole (self, size);
}

void
vmt_host_space_release (VmtHostSpace *self, gsize offset, gsize bytes)
{
  guint32 start = offset / VMT_HOST_SPACE_GRANULE;
  guint32 size = MAX ((bytes + VMT_HOST_SPACE_GRANULE - 1) / VMT_HOST_SPACE_GRANULE, 1);
  guint32 slot;

  g_return_if_fail (offset % VMT_HOST_SPACE_GRANULE == 0);
  g_return_if_fail (start <= self->top && size <= self->top - start && size <= self->used);
  g_return_if_fail (edges_find (self, &self->starts, start) == NOTHING);

  self->used -= size;
  slot = edges_find (self, &self->ends, start);
  if (slot != NOTHING)
    {
      Hole before = take_hole (self, self->ends.slots[slot]);

      start = before.start;
      size += before.size;
    }
  slot = edges_find (self, &self->starts, start + size);
  if (slot != NOTHING)
    size += take_hole (self, self->starts.slots[slot]).size;
  if (start + size == self->top)
    self->top = start;
  else
    add_hole (self, start, size);
}

gsize
vmt_host_space_get_used (VmtHostSpace *self)
{
  return (gsize)self->used * VMT_HOST_SPACE_GRANULE;
}

gsize
vmt_host_space_get_top (VmtHostSpace *self)
{
  return (gsize)self->top * VMT_HOST_SPACE_GRANULE;
}

guint
vmt_host_space_get_n_holes (VmtHostSpace *self)
{
  return self->n_holes;
}

void
vmt_host_space_foreach_hole (VmtHostSpace *self,
                             void (*function) (gsize offset, gsize size, gpointer data),
                             gpointer data)
{
  for (guint i = 0; i < N_LISTS; i++)
    for (guint32 number = self->lists[i]; number != NOTHING; number = get_hole (self, number)->next)
      {
        const Hole *hole = get_hole (self, number);

        function ((gsize)hole->start * VMT_HOST_SPACE_GRANULE,
                  (gsize)hole->size * VMT_HOST_SPACE_GRANULE, data);
      }
}
