/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <elf.h>
#include <string.h>

#include "tool.h"

#define BASE G_GUINT64_CONSTANT (0x80000000)
#define TOHOST 0x1000
#define FROMHOST 0x1040

static const guint32 power_off[] = {
  0x00100537, /* lui a0, 0x100 */
  0x000055b7, /* lui a1, 0x5 */
  0x55558593, /* addi a1, a1, 0x555 */
  0x00b52023, /* sw a1, 0(a0) */
  0x0000006f, /* j . */
};
static const guint32 idle[] = {
  0x10500073, /* wfi */
  0xffdff06f, /* j -4 */
};
static const guint32 busy[] = { 0x0000006f };

const Program program_power_off = { .words = power_off, .n_words = G_N_ELEMENTS (power_off) };
const Program program_idle = { .words = idle, .n_words = G_N_ELEMENTS (idle) };
const Program program_busy = { .words = busy, .n_words = G_N_ELEMENTS (busy) };

typedef struct
{
  Elf64_Ehdr header;
  Elf64_Phdr segment;
  Elf64_Shdr sections[3]; /* none, symbols, strings */
  Elf64_Sym symbols[3];
  char strings[24];
} Front;

char *
program_write (const char *folder, const char *name, const Program *program)
{
  static const char strings[] = "\0tohost\0fromhost";
  guint64 base = program->base != 0 ? program->base : BASE;
  gsize size = program->n_words * sizeof (guint32);
  g_autofree guint8 *file = g_malloc0 (sizeof (Front) + size);
  g_autoptr (GError) error = NULL;
  char *path = g_build_filename (folder, name, NULL);
  Front front = { 0 };

  memcpy (front.header.e_ident, ELFMAG, SELFMAG);
  front.header.e_ident[EI_CLASS] = ELFCLASS64;
  front.header.e_ident[EI_DATA] = ELFDATA2LSB;
  front.header.e_ident[EI_VERSION] = EV_CURRENT;
  front.header.e_type = program->type != 0 ? program->type : ET_EXEC;
  front.header.e_machine = program->machine != 0 ? program->machine : EM_RISCV;
  front.header.e_version = EV_CURRENT;
  front.header.e_entry = base;
  front.header.e_ehsize = sizeof front.header;
  front.header.e_phoff = G_STRUCT_OFFSET (Front, segment);
  front.header.e_phentsize = sizeof front.segment;
  front.header.e_phnum = 1;
  front.segment.p_type = PT_LOAD;
  front.segment.p_flags = PF_R | PF_W | PF_X;
  front.segment.p_offset = sizeof front;
  front.segment.p_vaddr = front.segment.p_paddr = base;
  front.segment.p_filesz = size;
  front.segment.p_memsz = MAX (program->memory_size, 0x2000);
  if (program->symbols)
    {
      front.header.e_shoff = G_STRUCT_OFFSET (Front, sections);
      front.header.e_shentsize = sizeof front.sections[0];
      front.header.e_shnum = G_N_ELEMENTS (front.sections);
      front.sections[1].sh_type = SHT_SYMTAB;
      front.sections[1].sh_offset = G_STRUCT_OFFSET (Front, symbols);
      front.sections[1].sh_size = sizeof front.symbols;
      front.sections[1].sh_entsize = sizeof front.symbols[0];
      front.sections[1].sh_link = 2;
      front.sections[2].sh_type = SHT_STRTAB;
      front.sections[2].sh_offset = G_STRUCT_OFFSET (Front, strings);
      front.sections[2].sh_size = sizeof strings;
      memcpy (front.strings, strings, sizeof strings);
      front.symbols[1].st_name = 1;
      front.symbols[1].st_value = base + TOHOST;
      front.symbols[1].st_shndx = SHN_ABS;
      front.symbols[2].st_name = 8;
      front.symbols[2].st_value = base + FROMHOST;
      front.symbols[2].st_shndx = SHN_ABS;
    }
  memcpy (file, &front, sizeof front);
  memcpy (file + sizeof front, program->words, size);
  g_file_set_contents (path, (const char *)file, (gssize)(sizeof front + size), &error);
  g_assert_no_error (error);
  return path;
}
