/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "vmt-symbols.h"

#include <elf.h>
#include <string.h>

#include "vmt-error.h"

/* Symbols without a size reach to the next one, but not further than this. */
#define MAX_GAP G_GUINT64_CONSTANT (0x100000)
/* What cannot be a symbol table is not read to its end. */
#define MAX_SYMBOLS (16u << 20)
#define MAX_NAME 512

typedef struct
{
  guint64 address, size; /* 0: not known */
  const char *name;
} Symbol;

struct _VmtSymbols
{
  GArray *list; /* by address; one of each address */
  GStringChunk *names;
};

static void
add (VmtSymbols *self, guint64 address, guint64 size, const char *name, gsize length)
{
  Symbol symbol = { address, size, NULL };
  if (length == 0 || length > MAX_NAME || !g_utf8_validate_len (name, length, NULL))
    return;
  symbol.name = g_string_chunk_insert_len (self->names, name, (gssize)length);
  g_array_append_val (self->list, symbol);
}

static gint
compare (gconstpointer a, gconstpointer b)
{
  const Symbol *x = a, *y = b;
  if (x->address != y->address)
    return x->address < y->address ? -1 : 1;
  /* the one with a size first, then the one that comes first: it is the one that stays */
  if (x->size != y->size)
    return x->size > y->size ? -1 : 1;
  return x->name < y->name ? -1 : x->name > y->name;
}

static void
sort (VmtSymbols *self)
{
  guint n = 0;
  g_array_sort (self->list, compare);
  for (guint i = 0; i < self->list->len; i++)
    {
      const Symbol *symbol = &g_array_index (self->list, Symbol, i);
      if (n > 0 && g_array_index (self->list, Symbol, n - 1).address == symbol->address)
        continue;
      g_array_index (self->list, Symbol, n++) = *symbol;
    }
  g_array_set_size (self->list, n);
}

/* Whether @size bytes at @offset are in the file. */
static gboolean
within (guint64 offset, guint64 size, gsize length)
{
  return offset <= length && size <= length - offset;
}

static gboolean
read_table (VmtSymbols *self, const guint8 *data, gsize length, const Elf64_Shdr *table,
            const Elf64_Shdr *strings)
{
  if (!within (table->sh_offset, table->sh_size, length) ||
      !within (strings->sh_offset, strings->sh_size, length) ||
      table->sh_size / sizeof (Elf64_Sym) > MAX_SYMBOLS)
    return FALSE;
  const char *names = (const char *)data + strings->sh_offset;
  for (guint64 i = 0; i < table->sh_size / sizeof (Elf64_Sym); i++)
    {
      Elf64_Sym symbol;
      memcpy (&symbol, data + table->sh_offset + i * sizeof symbol, sizeof symbol);
      const guint type = ELF64_ST_TYPE (symbol.st_info);
      if (symbol.st_shndx == SHN_UNDEF || symbol.st_shndx == SHN_ABS ||
          (type != STT_FUNC && type != STT_NOTYPE) || symbol.st_name >= strings->sh_size)
        continue;
      const char *name = names + symbol.st_name;
      const gsize size = strnlen (name, strings->sh_size - symbol.st_name);
      /* mapping symbols and local labels of the assembler */
      if (size > 0 && *name != '$' && !(*name == '.' && type == STT_NOTYPE))
        add (self, symbol.st_value, symbol.st_size, name, size);
    }
  return TRUE;
}

static gboolean
read_elf (VmtSymbols *self, const guint8 *data, gsize length)
{
  Elf64_Ehdr header;
  if (length < sizeof header)
    return FALSE;
  memcpy (&header, data, sizeof header);
  if (header.e_ident[EI_CLASS] != ELFCLASS64 || header.e_ident[EI_DATA] != ELFDATA2LSB)
    return FALSE;
  if (header.e_shnum == 0)
    return TRUE;
  if (header.e_shentsize != sizeof (Elf64_Shdr) ||
      !within (header.e_shoff, (guint64)header.e_shnum * sizeof (Elf64_Shdr), length))
    return FALSE;
  for (guint i = 0; i < header.e_shnum; i++)
    {
      Elf64_Shdr table, strings;
      memcpy (&table, data + header.e_shoff + i * sizeof table, sizeof table);
      if (table.sh_type != SHT_SYMTAB)
        continue;
      if (table.sh_link >= header.e_shnum)
        return FALSE;
      memcpy (&strings, data + header.e_shoff + table.sh_link * sizeof strings, sizeof strings);
      if (!read_table (self, data, length, &table, &strings))
        return FALSE;
    }
  return TRUE;
}

/* "ffffffff80000000 T _text" lines. */
static gboolean
read_map (VmtSymbols *self, const char *data, gsize length)
{
  const char *end = data + length;
  for (const char *line = data; line < end && self->list->len < MAX_SYMBOLS;)
    {
      const char *next = memchr (line, '\n', (gsize)(end - line));
      const char *stop = next != NULL ? next : end;
      guint64 address = 0;
      const char *at = line;
      for (; at < stop && g_ascii_isxdigit (*at) && at - line <= 16; at++)
        address = address << 4 | (guint64)g_ascii_xdigit_value (*at);
      if (at < stop)
        {
          if (at == line || at - line > 16 || stop - at < 4 || at[0] != ' ' || at[2] != ' ')
            return FALSE;
          if (strchr ("tTwW", at[1]) != NULL)
            {
              const char *name = at + 3;
              gsize size = 0;
              while (name + size < stop && !g_ascii_isspace (name[size]))
                size++;
              add (self, address, 0, name, size);
            }
        }
      else if (at > line)
        return FALSE;
      line = stop + 1;
    }
  return TRUE;
}

/**
 * vmt_symbols_new:
 * @path: an ELF file of 64 bits, or a System.map
 *
 * Returns: (transfer full): its symbols of code, or %NULL
 */
VmtSymbols *
vmt_symbols_new (const char *path, GError **error)
{
  g_autoptr (GMappedFile) file = g_mapped_file_new (path, FALSE, error);
  if (file == NULL)
    return NULL;
  const char *data = g_mapped_file_get_contents (file);
  const gsize length = g_mapped_file_get_length (file);
  g_autoptr (VmtSymbols) self = g_new0 (VmtSymbols, 1);
  self->list = g_array_new (FALSE, FALSE, sizeof (Symbol));
  self->names = g_string_chunk_new (1 << 16);
  const gboolean elf = length >= SELFMAG && memcmp (data, ELFMAG, SELFMAG) == 0;
  if (!(elf ? read_elf (self, (const guint8 *)data, length) : read_map (self, data, length)))
    {
      g_set_error (error, VMT_ERROR, VMT_ERROR_INVALID,
                   elf ? "%s: not an ELF file of 64 bits, or damaged"
                       : "%s: neither an ELF file nor a System.map",
                   path);
      return NULL;
    }
  if (self->list->len == 0)
    {
      g_set_error (error, VMT_ERROR, VMT_ERROR_NOT_FOUND,
                   "%s: has no symbols of code; take the file from before it was stripped, or the "
                   "System.map of the same build",
                   path);
      return NULL;
    }
  sort (self);
  return g_steal_pointer (&self);
}

void
vmt_symbols_free (VmtSymbols *self)
{
  g_array_unref (self->list);
  g_string_chunk_free (self->names);
  g_free (self);
}

guint
vmt_symbols_get_n (const VmtSymbols *self)
{
  return self->list->len;
}

/* Where symbol @i ends. */
static guint64
end_of (const VmtSymbols *self, guint i)
{
  const Symbol *symbol = &g_array_index (self->list, Symbol, i);
  if (symbol->size != 0)
    return symbol->address + symbol->size;
  guint64 size = MIN (MAX_GAP, G_MAXUINT64 - symbol->address);
  if (i + 1 < self->list->len)
    size = MIN (size, (symbol + 1)->address - symbol->address);
  return symbol->address + size;
}

const char *
vmt_symbols_find (const VmtSymbols *self, guint64 address, guint64 *offset)
{
  guint low = 0, high = self->list->len;
  while (low < high)
    {
      const guint middle = low + (high - low) / 2;
      if (g_array_index (self->list, Symbol, middle).address <= address)
        low = middle + 1;
      else
        high = middle;
    }
  if (low == 0)
    return NULL;
  const Symbol *symbol = &g_array_index (self->list, Symbol, low - 1);
  if (address >= end_of (self, low - 1) && address != symbol->address)
    return NULL;
  *offset = address - symbol->address;
  return symbol->name;
}

gboolean
vmt_symbols_get_range (const VmtSymbols *self, const char *name, guint64 *first, guint64 *end,
                       GError **error)
{
  g_autofree const char **names = g_new0 (const char *, self->list->len + 1);
  for (guint i = 0; i < self->list->len; i++)
    {
      const Symbol *symbol = &g_array_index (self->list, Symbol, i);
      names[i] = symbol->name;
      if (!g_str_equal (symbol->name, name))
        continue;
      *first = symbol->address;
      *end = end_of (self, i);
      return TRUE;
    }
  const char *nearest = vmt_nearest_name (name, names);
  g_set_error (error, VMT_ERROR, VMT_ERROR_NOT_FOUND, "there is no symbol '%s'%s%s%s", name,
               nearest != NULL ? ", did you mean '" : "", nearest != NULL ? nearest : "",
               nearest != NULL ? "'?" : "");
  return FALSE;
}
