/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "vmt-arch-register.h"
#include "vmt-ir-builder.h"

G_BEGIN_DECLS

typedef struct _VmtArchOps VmtArchOps;

typedef enum
{
  VMT_ACCESS_LOAD = 1,
  VMT_ACCESS_STORE = 2,
  VMT_ACCESS_FETCH = 4
} VmtAccess;

/**
 * VmtTranslation:
 * @pa: of the byte asked for
 * @page_shift: the size of the mapping, at least VMT_PAGE_SHIFT; 0: only these bytes (PMP finer
 * than a page): not cached
 * @access: mask of VmtAccess that this mapping allows now; STORE is left out while the dirty bit is
 * clear
 * @global: in every address space
 */
typedef struct
{
  guint64 pa;
  guint8 page_shift;
  guint8 access;
  gboolean global;
} VmtTranslation;

/* What a failing physical access becomes. */
typedef enum
{
  VMT_FAULT_ACCESS,
  VMT_FAULT_PAGE,
  VMT_FAULT_MISALIGNED
} VmtFaultKind;

/**
 * VmtArchOps:
 *
 * An architecture to the engine: plain C, called on the vCPU's own thread unless it says otherwise.
 * Tiers see only this and the IR.
 */
struct _VmtArchOps
{
  VMT_IR_ARCH_MEMBERS
  const VmtArchRegister *registers;
  guint n_registers;
  /* (nullable): 64-bit integer globals that code uses most, most used first: what a compiler keeps
   * in host registers all the time. */
  const VmtIrVal *hot;
  guint n_hot;

  void (*init) (VmtVcpu *vcpu);
  void (*fini) (VmtVcpu *vcpu);
  void (*reset) (VmtVcpu *vcpu);

  /* What decoding and meaning of code depend on besides its bytes (privilege, FP enabled, ...),
   * without address-space identity. Kept in vcpu->mode_key by the architecture; this recomputes it
   * (safepoints, register table writes). */
  void (*update_mode) (VmtVcpu *vcpu);

  /* Builds the IR of the block at vcpu->pc. @code: the rest of the page's bytes, @size of them; an
   * instruction that straddles the page's end is only decoded when it is the block's first: then
   * @next holds the following page's first bytes (else NULL). Begins with vmt_ir_builder_begin()
   * done. Never fails: undecodable bytes become a TRAP. Returns the bytes covered; 0 when the first
   * instruction is longer than @code and @next is NULL: it is then called again with more. */
  guint (*decode) (VmtVcpu *vcpu, VmtIrBuilder *builder, guint page_offset, const guint8 *code,
                   guint size, const guint8 *next, guint next_size);

  /* Guest virtual to physical, with all permission checks; sets accessed and dirty bits as the
   * architecture does. FALSE: the exception has been raised with vmt_vcpu_raise(). @access is one
   * bit. */
  gboolean (*translate) (VmtVcpu *vcpu, guint64 va, guint size, VmtAccess access,
                         VmtTranslation *out);
  /* For debuggers: no exception, no side effect. */
  gboolean (*translate_debug) (VmtVcpu *vcpu, guint64 va, VmtTranslation *out);
  /* Raises the exception for a physical access that failed (bus error) or an atomic that was
   * misaligned. */
  void (*raise_fault) (VmtVcpu *vcpu, VmtFaultKind kind, guint64 va, VmtAccess access);

  /* Delivers vcpu->fault (a synchronous exception); vcpu->pc is the instruction's. May ask the
   * firmware instead. */
  void (*take_exception) (VmtVcpu *vcpu);
  /* Delivers a pending enabled interrupt, if any; TRUE if it did. */
  gboolean (*take_interrupt) (VmtVcpu *vcpu);
  /* An interrupt is pending that ends a wait for interrupt (enabled or not, as the ISA says). Any
   * thread. */
  gboolean (*has_work) (VmtVcpu *vcpu);
  /* The next time on the machine's clock at which has_work() may become true by itself; G_MAXUINT64
   * never. */
  guint64 (*next_deadline) (VmtVcpu *vcpu);

  /* Text of the instruction at @code; returns its length, 0 when it is not one. */
  guint (*disassemble) (const guint8 *code, guint size, guint64 pc, GString *text);
  gpointer reserved[8];
};
G_STATIC_ASSERT (G_STRUCT_OFFSET (struct _VmtArchOps, fp_env_offset) ==
                 G_STRUCT_OFFSET (VmtIrArch, fp_env_offset));

G_END_DECLS
