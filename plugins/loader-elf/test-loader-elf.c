/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <elf.h>
#include <string.h>

#include "vmt.h"

#define RAM_BASE G_GUINT64_CONSTANT (0x80000000)
#define RAM_SIZE (16u << 20)

typedef struct
{
  Elf64_Ehdr header;
  Elf64_Phdr segments[2];
  Elf64_Shdr sections[3];
  Elf64_Sym symbols[3];
  char strings[32];
  guint8 data[256];
} Program;

static VmtMachine *
make_machine (gboolean with_cpu)
{
  VmtMachine *machine = vmt_machine_new ("test");
  g_autoptr (GError) error = NULL;
  g_autoptr (VmtObject) cpu = NULL;

  vmt_machine_add_ram (machine, "ram", RAM_BASE, RAM_SIZE, VMT_RAM_ANON, NULL, &error);
  g_assert_no_error (error);
  if (with_cpu)
    {
      cpu = vmt_registry_create (vmt_registry_get_default (), VMT_FEATURE_ARCH, "riscv64", &error);
      g_assert_no_error (error);
      vmt_machine_add_cpu (machine, VMT_CPU (cpu), &error);
      g_assert_no_error (error);
    }
  return machine;
}

static void
fill (Program *p)
{
  memset (p, 0, sizeof *p);
  memcpy (p->header.e_ident, ELFMAG, SELFMAG);
  p->header.e_ident[EI_CLASS] = ELFCLASS64;
  p->header.e_ident[EI_DATA] = ELFDATA2LSB;
  p->header.e_type = ET_EXEC;
  p->header.e_machine = EM_RISCV;
  /* Linked high, loaded low. */
  p->header.e_entry = G_GUINT64_CONSTANT (0xffffffff80000010);
  p->header.e_phoff = G_STRUCT_OFFSET (Program, segments);
  p->header.e_phentsize = sizeof (Elf64_Phdr);
  p->header.e_phnum = 2;
  p->header.e_shoff = G_STRUCT_OFFSET (Program, sections);
  p->header.e_shentsize = sizeof (Elf64_Shdr);
  p->header.e_shnum = 3;
  p->segments[0] = (Elf64_Phdr){ .p_type = PT_LOAD,
                                 .p_offset = G_STRUCT_OFFSET (Program, data),
                                 .p_vaddr = G_GUINT64_CONSTANT (0xffffffff80000000),
                                 .p_paddr = RAM_BASE + 0x1000,
                                 .p_filesz = 100,
                                 .p_memsz = 100 };
  p->segments[1] = (Elf64_Phdr){ .p_type = PT_LOAD,
                                 .p_offset = G_STRUCT_OFFSET (Program, data) + 100,
                                 .p_vaddr = G_GUINT64_CONSTANT (0xffffffff80008000),
                                 .p_paddr = RAM_BASE + 0x9000,
                                 .p_filesz = 50,
                                 .p_memsz = 0x3000 };
  p->sections[1] = (Elf64_Shdr){ .sh_type = SHT_SYMTAB,
                                 .sh_offset = G_STRUCT_OFFSET (Program, symbols),
                                 .sh_size = sizeof p->symbols,
                                 .sh_link = 2,
                                 .sh_entsize = sizeof (Elf64_Sym) };
  p->sections[2] = (Elf64_Shdr){ .sh_type = SHT_STRTAB,
                                 .sh_offset = G_STRUCT_OFFSET (Program, strings),
                                 .sh_size = sizeof p->strings };
  memcpy (p->strings, "\0tohost\0fromhost\0", 17);
  p->symbols[1] = (Elf64_Sym){ .st_name = 1, .st_value = p->segments[1].p_vaddr + 0x40 };
  p->symbols[2] = (Elf64_Sym){ .st_name = 8, .st_value = p->segments[1].p_vaddr + 0x80 };
  for (gsize i = 0; i < sizeof p->data; i++)
    p->data[i] = i + 1;
}

static gboolean
load (VmtMachine *machine, gconstpointer data, gsize size, VmtImage *image, GError **error)
{
  g_autoptr (GBytes) bytes = g_bytes_new (data, size);

  return vmt_loader_load_bytes (machine, "prog", bytes, RAM_BASE + (2 << 20), image, error);
}

static void
test_place (void)
{
  g_autoptr (VmtMachine) machine = make_machine (TRUE);
  VmtAddressSpace *space = vmt_machine_get_address_space (machine);
  g_autofree guint8 *dirt = g_malloc (0x3000), *back = g_malloc (0x3000);
  g_autoptr (GError) error = NULL;
  VmtImage image;
  Program p;

  memset (dirt, 0xdd, 0x3000);
  g_assert_true (vmt_dma_write (space, RAM_BASE + 0x9000, dirt, 0x3000));
  fill (&p);
  load (machine, &p, sizeof p, &image, &error);
  g_assert_no_error (error);
  g_assert_cmphex (image.entry, ==, RAM_BASE + 0x1010);
  g_assert_cmphex (image.low, ==, RAM_BASE + 0x1000);
  g_assert_cmphex (image.high, ==, RAM_BASE + 0xc000);
  g_assert_cmphex (image.symbol_tohost, ==, RAM_BASE + 0x9040);
  g_assert_cmphex (image.symbol_fromhost, ==, RAM_BASE + 0x9080);
  g_assert_true (vmt_dma_read (space, RAM_BASE + 0x1000, back, 100));
  g_assert_cmpmem (back, 100, p.data, 100);
  g_assert_true (vmt_dma_read (space, RAM_BASE + 0x9000, back, 0x3000));
  g_assert_cmpmem (back, 50, p.data + 100, 50);
  for (guint i = 50; i < 0x3000; i++)
    g_assert_cmpint (back[i], ==, 0);

  /* Without a place of its own: to where the caller wants it. */
  p.segments[0].p_paddr = 0;
  p.segments[1].p_paddr = 0x8000;
  load (machine, &p, sizeof p, &image, &error);
  g_assert_no_error (error);
  g_assert_cmphex (image.low, ==, RAM_BASE + (2 << 20));
  g_assert_cmphex (image.entry, ==, RAM_BASE + (2 << 20) + 0x10);
  g_assert_cmphex (image.symbol_tohost, ==, RAM_BASE + (2 << 20) + 0x8040);
}

static void
refuse (gconstpointer data, gsize size, const char *says)
{
  g_autoptr (VmtMachine) machine = make_machine (TRUE);
  g_autoptr (GError) error = NULL;
  VmtImage image;

  g_assert_false (load (machine, data, size, &image, &error));
  g_assert_nonnull (error);
  if (strstr (error->message, says) == NULL)
    g_error ("\"%s\" does not say \"%s\"", error->message, says);
}

static void
test_refused (void)
{
  Elf32_Ehdr narrow = { 0 };
  Program p;

#define REFUSE(change, says)                                                                       \
  do                                                                                               \
    {                                                                                              \
      fill (&p);                                                                                   \
      change;                                                                                      \
      refuse (&p, sizeof p, says);                                                                 \
    }                                                                                              \
  while (0)
  REFUSE (p.header.e_machine = EM_X86_64, "x86-64");
  REFUSE (p.header.e_machine = EM_AARCH64, "arm64");
  REFUSE (p.header.e_machine = 60000, "unknown processor");
  REFUSE (p.header.e_ident[EI_DATA] = ELFDATA2MSB, "big-endian");
  REFUSE (p.header.e_ident[EI_CLASS] = 7, "class 7");
  REFUSE (p.header.e_type = ET_REL, "not been linked");
  REFUSE (p.header.e_type = ET_CORE, "not an ELF program");
  REFUSE (p.header.e_phnum = 0, "no segments");
  REFUSE (p.header.e_phnum = PN_XNUM, "no segments");
  REFUSE (p.header.e_phoff = sizeof p - 10, "truncated");
  REFUSE (p.header.e_phoff = G_MAXUINT64 - 5, "truncated");
  REFUSE (p.header.e_phentsize = 0xffff, "truncated");
  REFUSE (p.segments[0].p_type = PT_INTERP, "operating system");
  REFUSE (p.segments[0].p_type = p.segments[1].p_type = PT_NOTE, "no segments");
  REFUSE (p.segments[0].p_filesz = 101, "impossible sizes");
  REFUSE (p.segments[0].p_paddr = G_MAXUINT64 - 10, "impossible sizes");
  REFUSE (p.segments[1].p_offset = sizeof p - 10, "truncated: segment 1");
  REFUSE (p.segments[1].p_offset = G_MAXUINT64 - 2, "truncated: segment 1");
  REFUSE (p.segments[1].p_memsz = (guint64)RAM_SIZE + 1, "more memory");
  REFUSE (p.segments[1].p_memsz = G_MAXUINT64 / 2, "memory");
  REFUSE (p.segments[1].p_paddr = RAM_BASE + RAM_SIZE - 100, "does not have");
  REFUSE (p.segments[1].p_paddr = 0x1000, "does not have");
  REFUSE (p.header.e_entry = 4, "entry point");
#undef REFUSE
  fill (&p);
  refuse (&p, 4, "truncated");
  refuse (&p, 20, "truncated");
  refuse (&p, 63, "truncated");
  memcpy (&narrow, &p, EI_NIDENT);
  narrow.e_ident[EI_CLASS] = ELFCLASS32;
  narrow.e_machine = EM_RISCV;
  narrow.e_type = ET_EXEC;
  refuse (&narrow, sizeof narrow, "32-bit");
}

/* Symbol tables that lie are left alone. */
static void
test_symbols (void)
{
  for (guint i = 0; i < 8; i++)
    {
      g_autoptr (VmtMachine) machine = make_machine (FALSE);
      g_autoptr (GError) error = NULL;
      VmtImage image;
      Program p;

      fill (&p);
      switch (i)
        {
        case 0:
          p.sections[1].sh_size = G_MAXUINT64;
          p.sections[2].sh_size = G_MAXUINT64;
          break;
        case 1:
          p.sections[1].sh_offset = G_MAXUINT64 - 3;
          break;
        case 2:
          p.sections[1].sh_link = 77;
          break;
        case 3:
          p.symbols[1].st_name = p.symbols[2].st_name = 0xfffffff0;
          break;
        case 4:
          p.header.e_shoff = sizeof p;
          break;
        case 5:
          p.symbols[1].st_value = p.symbols[2].st_value = 12;
          break;
        case 6:
          p.symbols[1].st_name = 30;
          p.symbols[2].st_name = 31;
          memcpy (p.strings + 30, "to", 2);
          break;
        default:
          p.header.e_shentsize = 0;
          break;
        }
      load (machine, &p, sizeof p, &image, &error);
      g_assert_no_error (error);
      g_assert_cmphex (image.symbol_tohost, ==, 0);
    }
}

/* Overlapping segments cannot make it clear memory for ever. */
static void
test_overlap (void)
{
  g_autoptr (VmtMachine) machine = make_machine (TRUE);
  gsize n = 60000, size = sizeof (Elf64_Ehdr) + n * sizeof (Elf64_Phdr);
  g_autofree guint8 *bytes = g_malloc0 (size);
  Elf64_Ehdr *header = (Elf64_Ehdr *)bytes;
  Elf64_Phdr *segments = (Elf64_Phdr *)(header + 1);
  g_autoptr (GError) error = NULL;
  VmtImage image;
  Program p;

  fill (&p);
  *header = p.header;
  header->e_phoff = sizeof *header;
  header->e_phnum = n;
  header->e_shoff = 0;
  for (gsize i = 0; i < n; i++)
    segments[i] = (Elf64_Phdr){
      .p_type = PT_LOAD, .p_paddr = RAM_BASE, .p_vaddr = RAM_BASE, .p_memsz = RAM_SIZE / 2
    };
  g_assert_false (load (machine, bytes, size, &image, &error));
  g_assert_nonnull (strstr (error->message, "more memory"));
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/loader/elf/place", test_place);
  g_test_add_func ("/loader/elf/refused", test_refused);
  g_test_add_func ("/loader/elf/symbols", test_symbols);
  g_test_add_func ("/loader/elf/overlap", test_overlap);
  return g_test_run ();
}
