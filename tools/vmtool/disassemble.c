/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Host instructions as text, by capstone where it was there at build time and is there now. It is
 * opened when it is wanted: no other command pays for it. */
#include "vmtool.h"

#ifdef HAVE_CAPSTONE
#include <capstone.h>
#include <gmodule.h>

typedef struct
{
  cs_err (*open) (cs_arch arch, cs_mode mode, csh *handle);
  size_t (*disasm) (csh handle, const uint8_t *code, size_t size, uint64_t address, size_t count,
                    cs_insn **insn);
  void (*free) (cs_insn *insn, size_t count);
  cs_err (*close) (csh *handle);
  csh handle;
  GModule *module;
  GMutex lock;
} Capstone;

static gsize
disassemble (const guint8 *code, gsize size, guint64 address, GString *text, gpointer data)
{
  Capstone *self = data;
  cs_insn *insn = NULL;
  gsize length = 0;

  g_mutex_lock (&self->lock);
  if (self->disasm (self->handle, code, size, address, 1, &insn) == 1)
    {
      g_string_append_printf (text, "%s %s", insn->mnemonic, insn->op_str);
      while (text->len > 0 && text->str[text->len - 1] == ' ')
        g_string_truncate (text, text->len - 1);
      length = insn->size;
      self->free (insn, 1);
    }
  g_mutex_unlock (&self->lock);
  return length;
}

static Capstone *
open_capstone (void)
{
  const char *name = "libcapstone.so." G_STRINGIFY (CS_API_MAJOR);
  GModule *module = g_module_open (name, G_MODULE_BIND_LAZY | G_MODULE_BIND_LOCAL);
  Capstone *self;
  gpointer open, disasm, release, end;
#if defined __x86_64__
  const cs_arch arch = CS_ARCH_X86;
  const cs_mode mode = CS_MODE_64;
#else
  const cs_arch arch = CS_ARCH_ARM64;
  const cs_mode mode = CS_MODE_ARM;
#endif

  if (module == NULL)
    return NULL;
  if (!g_module_symbol (module, "cs_open", &open) ||
      !g_module_symbol (module, "cs_disasm", &disasm) ||
      !g_module_symbol (module, "cs_free", &release) || !g_module_symbol (module, "cs_close", &end))
    {
      g_module_close (module);
      return NULL;
    }
  self = g_new0 (Capstone, 1);
  self->open = (cs_err (*) (cs_arch, cs_mode, csh *))open;
  self->disasm = (size_t (*) (csh, const uint8_t *, size_t, uint64_t, size_t, cs_insn **))disasm;
  self->free = (void (*) (cs_insn *, size_t))release;
  self->close = (cs_err (*) (csh *))end;
  self->module = module;
  if (self->open (arch, mode, &self->handle) != CS_ERR_OK)
    {
      g_free (self);
      g_module_close (module);
      return NULL;
    }
  g_mutex_init (&self->lock);
  return self;
}

gpointer
add_disassembler (VmtTrace *trace)
{
  Capstone *capstone = open_capstone ();

  if (capstone != NULL)
    vmt_trace_set_disassemble (trace, disassemble, capstone);
  return capstone;
}

void
free_disassembler (gpointer disassembler)
{
  Capstone *self = disassembler;

  self->close (&self->handle);
  g_module_close (self->module);
  g_mutex_clear (&self->lock);
  g_free (self);
}
#else
gpointer
add_disassembler (VmtTrace *trace)
{
  return NULL;
}

void
free_disassembler (gpointer disassembler)
{
}
#endif
