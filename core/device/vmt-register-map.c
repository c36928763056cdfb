/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>

#include "vmt-register-map-private.h"

/* Offsets lead to rows through pages of row numbers. A page is allocated only where there are
 * registers, and neighbours that look alike (arrays with a large stride, as in a PLIC) share one,
 * so that a sparse map of megabytes stays small. */
#define MAP_PAGE_SHIFT 12
#define MAP_PAGE_SIZE (1u << MAP_PAGE_SHIFT)

typedef struct
{
  guint16 row[MAP_PAGE_SIZE]; /* of each byte: its row + 1, or 0 */
} MapPage;

struct _VmtRegisterMap
{
  const VmtDeviceRegister *rows;
  guint32 *counts;
  guint n_rows;
  guint8 *base;
  guint n_pages;
  MapPage **pages;
  guint max_width;
};

static guint64
width_mask (guint size)
{
  return size >= 8 ? G_MAXUINT64 : (G_GUINT64_CONSTANT (1) << (8 * size)) - 1;
}

static guint
row_widths (const VmtDeviceRegister *row)
{
  return row->widths != 0 ? row->widths : row->size;
}

static void
fill_page (VmtRegisterMap *map, MapPage *page, guint64 start)
{
  for (guint r = 0; r < map->n_rows; r++)
    {
      const VmtDeviceRegister *row = &map->rows[r];
      guint64 stride = MAX (row->stride, row->size);
      guint64 end = row->offset + (map->counts[r] - 1) * stride + row->size;
      if (map->counts[r] == 0 || end <= start || row->offset >= start + MAP_PAGE_SIZE)
        continue;
      guint64 i = start > row->offset ? (start - row->offset) / stride : 0;
      for (; i < map->counts[r]; i++)
        {
          guint64 at = row->offset + i * stride;
          if (at >= start + MAP_PAGE_SIZE)
            break;
          for (guint b = 0; b < row->size; b++)
            if (at + b >= start && at + b < start + MAP_PAGE_SIZE)
              page->row[at + b - start] = (guint16)(r + 1);
        }
    }
}

VmtRegisterMap *
_vmt_register_map_new (const VmtDeviceRegister *rows, const guint32 *counts, gpointer base)
{
  VmtRegisterMap *map = g_new0 (VmtRegisterMap, 1);
  map->rows = rows;
  map->base = base;
  while (rows[map->n_rows].name != NULL)
    map->n_rows++;
  map->counts = g_new0 (guint32, map->n_rows);

  guint64 end = 0;
  for (guint r = 0; r < map->n_rows; r++)
    {
      const VmtDeviceRegister *row = &rows[r];
      map->counts[r] = counts != NULL && counts[r] != 0 ? counts[r] : MAX (row->count, 1);
      guint64 stride = MAX (row->stride, row->size);
      end = MAX (end, row->offset + (map->counts[r] - 1) * stride + row->size);
      for (guint width = 1; width <= 8; width *= 2)
        if (row_widths (row) & width)
          map->max_width = MAX (map->max_width, width);
    }

  map->n_pages = (guint)((end + MAP_PAGE_SIZE - 1) >> MAP_PAGE_SHIFT);
  map->pages = g_new0 (MapPage *, map->n_pages);
  g_autofree MapPage *page = g_new (MapPage, 1);
  static const MapPage empty;
  MapPage *last = NULL;
  for (guint p = 0; p < map->n_pages; p++)
    {
      memset (page, 0, sizeof *page);
      fill_page (map, page, (guint64)p << MAP_PAGE_SHIFT);
      if (memcmp (page, &empty, sizeof *page) == 0)
        continue;
      if (last == NULL || memcmp (page, last, sizeof *page) != 0)
        last = g_memdup2 (page, sizeof *page);
      map->pages[p] = last;
    }
  return map;
}

void
_vmt_register_map_free (VmtRegisterMap *map)
{
  if (map == NULL)
    return;
  /* A shared page's owners are neighbours, holes between them apart. */
  MapPage *last = NULL;
  for (guint p = 0; p < map->n_pages; p++)
    if (map->pages[p] != NULL && map->pages[p] != last)
      {
        g_free (last);
        last = map->pages[p];
      }
  g_free (last);
  g_free (map->pages);
  g_free (map->counts);
  g_free (map);
}

guint
_vmt_register_map_get_max_width (VmtRegisterMap *map)
{
  return map->max_width;
}

static const VmtDeviceRegister *
find (const VmtRegisterMap *map, guint64 offset, guint *index, guint *within)
{
  guint64 p = offset >> MAP_PAGE_SHIFT;
  if (p >= map->n_pages || map->pages[p] == NULL)
    return NULL;
  guint r = map->pages[p]->row[offset & (MAP_PAGE_SIZE - 1)];
  if (r == 0)
    return NULL;
  const VmtDeviceRegister *row = &map->rows[r - 1];
  guint64 stride = MAX (row->stride, row->size);
  guint64 from = offset - row->offset;
  *index = (guint)(from / stride);
  *within = (guint)(from % stride);
  return row;
}

/* The register that an access reaches, or NULL with the reason. */
static const VmtDeviceRegister *
find_access (const VmtRegisterMap *map, guint64 offset, guint size, guint *index, guint *within,
             const char **what)
{
  const VmtDeviceRegister *row = find (map, offset, index, within);
  if (row == NULL)
    {
      *what = "access outside of any register";
      return NULL;
    }
  if ((row_widths (row) & size) == 0)
    {
      *what = "access of a width that the register does not allow";
      return NULL;
    }
  if (size > row->size ? *within != 0 : *within + size > row->size)
    {
      *what = "access across the end of a register";
      return NULL;
    }
  return row;
}

static guint64
load_field (const VmtRegisterMap *map, const VmtDeviceRegister *row, guint index)
{
  const guint8 *at = map->base + row->field + (gsize)index * row->size;
  switch (row->size)
    {
    case 1:
      return *at;
    case 2:
      return *(const guint16 *)at;
    case 4:
      return *(const guint32 *)at;
    default:
      return *(const guint64 *)at;
    }
}

static void
store_field (VmtRegisterMap *map, const VmtDeviceRegister *row, guint index, guint64 value)
{
  guint8 *at = map->base + row->field + (gsize)index * row->size;
  switch (row->size)
    {
    case 1:
      *at = (guint8)value;
      break;
    case 2:
      *(guint16 *)at = (guint16)value;
      break;
    case 4:
      *(guint32 *)at = (guint32)value;
      break;
    default:
      *(guint64 *)at = value;
      break;
    }
}

VmtMemStatus
_vmt_register_map_read (VmtRegisterMap *map, guint64 offset, guint size, guint64 *value,
                        const char **what)
{
  guint index, within;
  const VmtDeviceRegister *row = find_access (map, offset, size, &index, &within, what);
  if (row == NULL)
    return VMT_MEM_BUS_ERROR;

  guint64 all;
  if (row->flags & VMT_REG_WO)
    all = 0;
  else if (row->read != NULL)
    all = row->read (map->base, index);
  else if (row->field >= 0)
    all = load_field (map, row, index);
  else
    all = row->reset;
  *value = ((all & width_mask (row->size)) >> (8 * within)) & width_mask (size);
  return VMT_MEM_OK;
}

VmtMemStatus
_vmt_register_map_write (VmtRegisterMap *map, guint64 offset, guint size, guint64 value,
                         const char **what)
{
  guint index, within;
  const VmtDeviceRegister *row = find_access (map, offset, size, &index, &within, what);
  if (row == NULL)
    return VMT_MEM_BUS_ERROR;
  if (row->flags & VMT_REG_RO)
    return VMT_MEM_OK;

  /* The value that the untouched bits keep. A read with side effects is not one that a write may
   * make. */
  guint64 old = 0;
  if (row->field >= 0)
    old = load_field (map, row, index);
  else if (row->read != NULL && !(row->flags & (VMT_REG_SIDE_EFFECT | VMT_REG_WO)))
    old = row->read (map->base, index) & width_mask (row->size);

  guint64 touched = (width_mask (size) << (8 * within)) & width_mask (row->size);
  guint64 writable = touched & (row->writable != 0 ? row->writable : G_MAXUINT64);
  guint64 bits = value << (8 * within);
  guint64 new_value;
  if (row->flags & VMT_REG_W1C)
    new_value = old & ~(bits & writable);
  else if (row->flags & VMT_REG_W1S)
    new_value = old | (bits & writable);
  else
    new_value = (old & ~writable) | (bits & writable);

  if (row->write != NULL)
    row->write (map->base, index, new_value);
  else if (row->field >= 0)
    store_field (map, row, index, new_value);
  return VMT_MEM_OK;
}

gboolean
_vmt_register_map_peek (VmtRegisterMap *map, guint64 offset, guint64 *value)
{
  guint index, within;
  const VmtDeviceRegister *row = find (map, offset, &index, &within);
  if (row == NULL || within != 0)
    return FALSE;
  if (row->read != NULL && !(row->flags & (VMT_REG_SIDE_EFFECT | VMT_REG_WO)))
    *value = row->read (map->base, index) & width_mask (row->size);
  else if (row->field >= 0)
    *value = load_field (map, row, index);
  else if (row->read == NULL && row->write == NULL)
    *value = row->reset;
  else
    return FALSE;
  return TRUE;
}

void
_vmt_register_map_reset (VmtRegisterMap *map)
{
  for (guint r = 0; r < map->n_rows; r++)
    if (map->rows[r].field >= 0)
      for (guint i = 0; i < map->counts[r]; i++)
        store_field (map, &map->rows[r], i, map->rows[r].reset);
}
