/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <elf.h>
#include <string.h>

#include "vmt.h"

#define VMT_TYPE_LOADER_ELF (vmt_loader_elf_get_type ())
G_DECLARE_FINAL_TYPE (VmtLoaderElf, vmt_loader_elf, VMT, LOADER_ELF, VmtLoader)

struct _VmtLoaderElf
{
  VmtLoader parent_instance;
};

G_DEFINE_FINAL_TYPE (VmtLoaderElf, vmt_loader_elf, VMT_TYPE_LOADER)

/* An ELF file of either class, with every table inside the file. */
typedef struct
{
  const guint8 *data;
  gsize size;
  gboolean is_64;
  Elf64_Ehdr header;
} ElfFile;

/* Where a file without a place of its own is moved to. */
typedef struct
{
  guint64 low, high; /* physical, as in the file */
  guint64 shift;     /* what is added, modulo 2^64 */
} ElfPlace;

static int
vmt_loader_elf_probe (VmtLoader *loader, GBytes *file)
{
  gsize size;
  const guint8 *data = g_bytes_get_data (file, &size);

  return size >= SELFMAG && memcmp (data, ELFMAG, SELFMAG) == 0 ? 100 : 0;
}

static const char *
get_machine_name (guint machine)
{
  static const struct
  {
    guint16 machine;
    const char *name;
  } names[] = {
    { EM_386, "x86 (32 bits)" }, { EM_X86_64, "x86-64" }, { EM_ARM, "Arm (32 bits)" },
    { EM_AARCH64, "arm64" },     { EM_RISCV, "RISC-V" },  { EM_MIPS, "MIPS" },
    { EM_PPC64, "PowerPC 64" },  { EM_S390, "s390" },     { 258, "LoongArch" },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (names); i++)
    if (names[i].machine == machine)
      return names[i].name;
  return "an unknown processor";
}

G_GNUC_PRINTF (2, 3)
static gboolean
refuse (GError **error, const char *format, ...)
{
  va_list args;
  g_autofree char *text = NULL;

  va_start (args, format);
  text = g_strdup_vprintf (format, args);
  va_end (args);
  g_set_error_literal (error, VMT_ERROR, VMT_ERROR_CORRUPT, text);
  return FALSE;
}

/* An entry of a table: NULL when it is not wholly inside the file. */
static const guint8 *
get_entry (const ElfFile *elf, guint64 table, guint64 stride, guint64 index, gsize size)
{
  guint64 at;

  if (__builtin_mul_overflow (stride, index, &at) || __builtin_add_overflow (at, table, &at) ||
      at > elf->size || size > elf->size - at)
    return NULL;
  return elf->data + at;
}

static gboolean
get_segment (const ElfFile *elf, guint index, Elf64_Phdr *segment)
{
  const guint8 *entry = get_entry (elf, elf->header.e_phoff, elf->header.e_phentsize, index,
                                   elf->is_64 ? sizeof (Elf64_Phdr) : sizeof (Elf32_Phdr));
  Elf32_Phdr narrow;

  if (entry == NULL)
    return FALSE;
  if (elf->is_64)
    memcpy (segment, entry, sizeof *segment);
  else
    {
      memcpy (&narrow, entry, sizeof narrow);
      *segment = (Elf64_Phdr){
        .p_type = narrow.p_type,
        .p_flags = narrow.p_flags,
        .p_offset = narrow.p_offset,
        .p_vaddr = narrow.p_vaddr,
        .p_paddr = narrow.p_paddr,
        .p_filesz = narrow.p_filesz,
        .p_memsz = narrow.p_memsz,
        .p_align = narrow.p_align,
      };
    }
  return TRUE;
}

static gboolean
get_section (const ElfFile *elf, guint index, Elf64_Shdr *section)
{
  const guint8 *entry = get_entry (elf, elf->header.e_shoff, elf->header.e_shentsize, index,
                                   elf->is_64 ? sizeof (Elf64_Shdr) : sizeof (Elf32_Shdr));
  Elf32_Shdr narrow;

  if (entry == NULL)
    return FALSE;
  if (elf->is_64)
    memcpy (section, entry, sizeof *section);
  else
    {
      memcpy (&narrow, entry, sizeof narrow);
      *section = (Elf64_Shdr){
        .sh_type = narrow.sh_type,
        .sh_addr = narrow.sh_addr,
        .sh_offset = narrow.sh_offset,
        .sh_size = narrow.sh_size,
        .sh_link = narrow.sh_link,
        .sh_entsize = narrow.sh_entsize,
      };
    }
  return TRUE;
}

static gboolean
read_header (ElfFile *elf, GError **error)
{
  Elf32_Ehdr narrow;

  if (elf->size < EI_NIDENT)
    return refuse (error, "it is a truncated ELF file");
  if (elf->data[EI_DATA] != ELFDATA2LSB)
    return refuse (error, "it is a big-endian ELF file");
  if (elf->data[EI_CLASS] != ELFCLASS32 && elf->data[EI_CLASS] != ELFCLASS64)
    return refuse (error, "it is an ELF file of unknown class %u", elf->data[EI_CLASS]);
  elf->is_64 = elf->data[EI_CLASS] == ELFCLASS64;
  if (elf->size < (elf->is_64 ? sizeof (Elf64_Ehdr) : sizeof (Elf32_Ehdr)))
    return refuse (error, "it is a truncated ELF file");
  if (elf->is_64)
    memcpy (&elf->header, elf->data, sizeof elf->header);
  else
    {
      memcpy (&narrow, elf->data, sizeof narrow);
      elf->header = (Elf64_Ehdr){
        .e_type = narrow.e_type,
        .e_machine = narrow.e_machine,
        .e_entry = narrow.e_entry,
        .e_phoff = narrow.e_phoff,
        .e_shoff = narrow.e_shoff,
        .e_phentsize = narrow.e_phentsize,
        .e_phnum = narrow.e_phnum,
        .e_shentsize = narrow.e_shentsize,
        .e_shnum = narrow.e_shnum,
      };
    }
  return TRUE;
}

/* Is it for this machine's processor, and a program at all? */
static gboolean
check_kind (const ElfFile *elf, VmtMachine *machine, GError **error)
{
  VmtCpu *cpu = vmt_machine_get_cpu (machine, 0);
  const VmtCpuClass *klass = cpu != NULL ? VMT_CPU_GET_CLASS (cpu) : NULL;

  if (klass != NULL && klass->elf_machine != elf->header.e_machine)
    return refuse (error,
                   "it is an ELF file for %s, but this machine's processor is %s: use one that was "
                   "built for it, or another board",
                   get_machine_name (elf->header.e_machine), klass->arch_name);
  if (klass != NULL && (strstr (klass->arch_name, "64") != NULL) != elf->is_64)
    return refuse (error, "it is a %d-bit ELF file, but this machine's processor is %s",
                   elf->is_64 ? 64 : 32, klass->arch_name);
  if (elf->header.e_type == ET_REL)
    return refuse (error, "it is an object file that has not been linked");
  if (elf->header.e_type != ET_EXEC && elf->header.e_type != ET_DYN)
    return refuse (error, "it is not an ELF program (type %u)", elf->header.e_type);
  if (elf->header.e_phnum == 0 || elf->header.e_phnum == PN_XNUM)
    return refuse (error, "it has no segments to load");
  return TRUE;
}

static guint64
get_ram_size (VmtMachine *machine)
{
  guint64 base, size = 0;
  VmtRam *ram;

  for (guint i = 0; (ram = vmt_machine_get_ram (machine, i, &base)) != NULL; i++)
    size += ram->size;
  return size;
}

static gboolean
is_ram (VmtMachine *machine, guint64 address, guint64 size)
{
  guint64 base;
  VmtRam *ram;

  for (guint i = 0; (ram = vmt_machine_get_ram (machine, i, &base)) != NULL; i++)
    if (address >= base && address - base < ram->size && size <= ram->size - (address - base))
      return TRUE;
  return FALSE;
}

/* Looks at all segments before anything is written. */
static gboolean
measure (const ElfFile *elf, VmtMachine *machine, guint64 base, ElfPlace *place, GError **error)
{
  guint64 total = 0, ram_size = get_ram_size (machine);
  Elf64_Phdr segment;

  *place = (ElfPlace){ G_MAXUINT64, 0, 0 };
  for (guint i = 0; i < elf->header.e_phnum; i++)
    {
      guint64 end;

      if (!get_segment (elf, i, &segment))
        return refuse (error, "it is truncated: its table of segments lies outside the file");
      if (segment.p_type == PT_INTERP)
        return refuse (error, "it is a dynamically linked program for an operating system, not a "
                              "kernel or a bare-metal program");
      if (segment.p_type != PT_LOAD || segment.p_memsz == 0)
        continue;
      if (segment.p_filesz > segment.p_memsz ||
          __builtin_add_overflow (segment.p_paddr, segment.p_memsz, &end))
        return refuse (error, "segment %u has impossible sizes", i);
      if (segment.p_offset > elf->size || segment.p_filesz > elf->size - segment.p_offset)
        return refuse (error, "it is truncated: segment %u lies outside the file", i);
      /* Also bounds the time that overlapping segments can take. */
      if (segment.p_memsz > ram_size - total)
        return refuse (error,
                       "its segments need more than the machine's memory of %" G_GUINT64_FORMAT
                       " MiB: give it more memory",
                       ram_size >> 20);
      total += segment.p_memsz;
      place->low = MIN (place->low, segment.p_paddr);
      place->high = MAX (place->high, end);
    }
  if (place->high == 0)
    return refuse (error, "it has no segments to load");
  /* Linked to 0, or relocatable, as Linux' vmlinux is: it goes where there is room. */
  if ((elf->header.e_type == ET_DYN || place->low == 0) && !is_ram (machine, place->low, 1))
    place->shift = base - place->low;
  for (guint i = 0; i < elf->header.e_phnum; i++)
    if (get_segment (elf, i, &segment) && segment.p_type == PT_LOAD && segment.p_memsz > 0 &&
        !is_ram (machine, segment.p_paddr + place->shift, segment.p_memsz))
      return refuse (error,
                     "segment %u wants memory 0x%" G_GINT64_MODIFIER "x to 0x%" G_GINT64_MODIFIER
                     "x, which this machine does not have: link it for this board, or give the "
                     "machine more memory",
                     i, (guint64)(segment.p_paddr + place->shift),
                     (guint64)(segment.p_paddr + place->shift + segment.p_memsz - 1));
  return TRUE;
}

/* Zeroes what is not zero: fresh memory stays untouched, and costs the host nothing. */
static gboolean
clear (VmtAddressSpace *space, guint64 address, guint64 size)
{
  static const guint8 zeroes[VMT_PAGE_SIZE];
  guint8 page[VMT_PAGE_SIZE];

  for (guint64 at = 0; at < size; at += sizeof page)
    {
      gsize step = MIN (sizeof page, size - at);

      if (!vmt_dma_read (space, address + at, page, step))
        return FALSE;
      if (memcmp (page, zeroes, step) != 0 && !vmt_dma_write (space, address + at, zeroes, step))
        return FALSE;
    }
  return TRUE;
}

static gboolean
write_segments (const ElfFile *elf, VmtMachine *machine, const ElfPlace *place, VmtImage *image,
                GError **error)
{
  VmtAddressSpace *space = vmt_machine_get_address_space (machine);
  gboolean has_entry = FALSE;
  Elf64_Phdr segment;

  for (guint i = 0; i < elf->header.e_phnum; i++)
    {
      guint64 address;

      if (!get_segment (elf, i, &segment) || segment.p_type != PT_LOAD || segment.p_memsz == 0)
        continue;
      address = segment.p_paddr + place->shift;
      if (!vmt_dma_write (space, address, elf->data + segment.p_offset, segment.p_filesz) ||
          !clear (space, address + segment.p_filesz, segment.p_memsz - segment.p_filesz))
        return refuse (error, "segment %u cannot be written to memory", i);
      /* The entry is a virtual address; the processor starts without a page table. */
      if (!has_entry && elf->header.e_entry - segment.p_vaddr < segment.p_memsz)
        {
          image->entry = elf->header.e_entry - segment.p_vaddr + address;
          has_entry = TRUE;
        }
    }
  if (!has_entry)
    return refuse (error, "its entry point 0x%" G_GINT64_MODIFIER "x is in none of its segments",
                   (guint64)elf->header.e_entry);
  return TRUE;
}

/* Physical address of @va, or 0. */
static guint64
to_physical (const ElfFile *elf, const ElfPlace *place, guint64 va)
{
  Elf64_Phdr segment;

  for (guint i = 0; i < elf->header.e_phnum; i++)
    if (get_segment (elf, i, &segment) && segment.p_type == PT_LOAD &&
        va - segment.p_vaddr < segment.p_memsz)
      return va - segment.p_vaddr + segment.p_paddr + place->shift;
  return 0;
}

static void
look_up_symbols (const ElfFile *elf, const ElfPlace *place, const Elf64_Shdr *table,
                 const Elf64_Shdr *strings, VmtImage *image)
{
  gsize size = elf->is_64 ? sizeof (Elf64_Sym) : sizeof (Elf32_Sym);
  const guint8 *entry;

  if (strings->sh_offset > elf->size || strings->sh_size > elf->size - strings->sh_offset)
    return;
  for (guint64 i = 0; i < table->sh_size / size &&
                      (entry = get_entry (elf, table->sh_offset, size, i, size)) != NULL;
       i++)
    {
      guint64 name, value;
      gsize left;

      if (elf->is_64)
        {
          Elf64_Sym symbol;

          memcpy (&symbol, entry, sizeof symbol);
          name = symbol.st_name;
          value = symbol.st_value;
        }
      else
        {
          Elf32_Sym symbol;

          memcpy (&symbol, entry, sizeof symbol);
          name = symbol.st_name;
          value = symbol.st_value;
        }
      if (name >= strings->sh_size)
        continue;
      left = strings->sh_size - name;
      name += strings->sh_offset;
      if (left >= 7 && memcmp (elf->data + name, "tohost", 7) == 0)
        image->symbol_tohost = to_physical (elf, place, value);
      else if (left >= 9 && memcmp (elf->data + name, "fromhost", 9) == 0)
        image->symbol_fromhost = to_physical (elf, place, value);
    }
}

static void
find_symbols (const ElfFile *elf, const ElfPlace *place, VmtImage *image)
{
  Elf64_Shdr table, strings;

  for (guint i = 0; elf->header.e_shoff != 0 && i < elf->header.e_shnum; i++)
    if (get_section (elf, i, &table) && table.sh_type == SHT_SYMTAB &&
        table.sh_link < elf->header.e_shnum && get_section (elf, table.sh_link, &strings))
      {
        look_up_symbols (elf, place, &table, &strings, image);
        return; /* there is at most one (ELF, sh_type) */
      }
}

static gboolean
vmt_loader_elf_load (VmtLoader *loader, VmtMachine *machine, GBytes *file, guint64 base,
                     VmtImage *image, GError **error)
{
  ElfFile elf = { 0 };
  ElfPlace place;

  elf.data = g_bytes_get_data (file, &elf.size);
  *image = (VmtImage){ 0 };
  if (!read_header (&elf, error) || !check_kind (&elf, machine, error) ||
      !measure (&elf, machine, base, &place, error) ||
      !write_segments (&elf, machine, &place, image, error))
    return FALSE;
  image->low = place.low + place.shift;
  image->high = place.high + place.shift;
  find_symbols (&elf, &place, image);
  return TRUE;
}

static void
vmt_loader_elf_class_init (VmtLoaderElfClass *klass)
{
  VMT_LOADER_CLASS (klass)->probe = vmt_loader_elf_probe;
  VMT_LOADER_CLASS (klass)->load = vmt_loader_elf_load;
}

static void
vmt_loader_elf_init (VmtLoaderElf *self)
{
}

static const VmtFeature features[] = {
  { VMT_FEATURE_LOADER, "elf", 0, vmt_loader_elf_get_type },
  { 0 },
};

VMT_PLUGIN_DEFINE (loader_elf, "loader-elf", "Static ELF programs and kernels", 0, features, NULL);
