/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What each atom does: it begins with ip at its slot and leaves it at the next one, with the
 * registers as its own handler would. One that needs the slow path goes there with ip at its own
 * slot, and goes on from the next slot's own handler. */
#pragma once

#include "interp-atoms.h"

#define ATOM_RESULT(value)                                                                         \
  do                                                                                               \
    {                                                                                              \
      const guint64 r_ = (value);                                                                  \
      R (ip->d) = r_;                                                                              \
      acc2 = acc;                                                                                  \
      acc = r_;                                                                                    \
      ip++;                                                                                        \
    }                                                                                              \
  while (0)

#define ATOM_LOAD(base, T, EXTEND, slow)                                                           \
  do                                                                                               \
    {                                                                                              \
      const guint64 va_ = (base) + (guint64)(gint64)ip->disp;                                      \
      const VmtTlbEntry *e_ =                                                                      \
          &vcpu->bank->read[(va_ >> VMT_PAGE_SHIFT) & ((1u << VMT_TLB_READ_BITS) - 1)];            \
      if (G_UNLIKELY ((va_ & (VMT_PAGE_MASK | (sizeof (T) - 1))) != e_->tag))                      \
        {                                                                                          \
          interp_scratch (vcpu)->va = va_;                                                         \
          FINISH (slow);                                                                           \
        }                                                                                          \
      ATOM_RESULT (                                                                                \
          EXTEND (__atomic_load_n ((const T *)(guintptr)(va_ + e_->addend), __ATOMIC_RELAXED)));   \
    }                                                                                              \
  while (0)

#define ATOM_STORE(base, stored, T, slow)                                                          \
  do                                                                                               \
    {                                                                                              \
      const guint64 va_ = (base) + (guint64)(gint64)ip->disp;                                      \
      const VmtTlbEntry *e_ =                                                                      \
          &vcpu->bank->write[(va_ >> VMT_PAGE_SHIFT) & ((1u << VMT_TLB_WRITE_BITS) - 1)];          \
      if (G_UNLIKELY ((va_ & (VMT_PAGE_MASK | (sizeof (T) - 1))) != e_->tag))                      \
        {                                                                                          \
          interp_scratch (vcpu)->va = va_;                                                         \
          interp_scratch (vcpu)->value = (T)(stored);                                              \
          FINISH (slow);                                                                           \
        }                                                                                          \
      __atomic_store_n ((T *)(guintptr)(va_ + e_->addend), (T)(stored), __ATOMIC_RELAXED);         \
      ip++;                                                                                        \
    }                                                                                              \
  while (0)

#define DO_ADD_MM ATOM_RESULT (R (ip->a) + R (ip->b))
#define DO_ADD_AM ATOM_RESULT (acc + R (ip->b))
#define DO_ADD_BM ATOM_RESULT (acc2 + R (ip->b))
#define DO_ADD_AB ATOM_RESULT (acc + acc2)
#define DO_ADD_MI ATOM_RESULT (R (ip->a) + (guint64)ip->imm)
#define DO_ADD_AI ATOM_RESULT (acc + (guint64)ip->imm)
#define DO_ADD_BI ATOM_RESULT (acc2 + (guint64)ip->imm)
#define DO_SUB_MM ATOM_RESULT (R (ip->a) - R (ip->b))
#define DO_SUB_AM ATOM_RESULT (acc - R (ip->b))
#define DO_SUB_MB ATOM_RESULT (R (ip->a) - acc2)
#define DO_AND_MM ATOM_RESULT (R (ip->a) & R (ip->b))
#define DO_AND_AM ATOM_RESULT (acc &R (ip->b))
#define DO_AND_MI ATOM_RESULT (R (ip->a) & (guint64)ip->imm)
#define DO_AND_AI ATOM_RESULT (acc &(guint64)ip->imm)
#define DO_OR_MM ATOM_RESULT (R (ip->a) | R (ip->b))
#define DO_OR_AM ATOM_RESULT (acc | R (ip->b))
#define DO_XOR_MM ATOM_RESULT (R (ip->a) ^ R (ip->b))
#define DO_XOR_AM ATOM_RESULT (acc ^ R (ip->b))
#define DO_XOR_BM ATOM_RESULT (acc2 ^ R (ip->b))
#define DO_XOR_AB ATOM_RESULT (acc ^ acc2)
#define DO_SHL_MI ATOM_RESULT (R (ip->a) << ((guint64)ip->imm & 63))
#define DO_SHL_AI ATOM_RESULT (acc << ((guint64)ip->imm & 63))
#define DO_SHL_BI ATOM_RESULT (acc2 << ((guint64)ip->imm & 63))
#define DO_SHR_MI ATOM_RESULT (R (ip->a) >> ((guint64)ip->imm & 63))
#define DO_SHR_AI ATOM_RESULT (acc >> ((guint64)ip->imm & 63))
#define DO_SHR_BI ATOM_RESULT (acc2 >> ((guint64)ip->imm & 63))
#define DO_ADDW_MM ATOM_RESULT ((guint64)(gint64)(gint32)((guint32)R (ip->a) + (guint32)R (ip->b)))
#define DO_ADDW_AM ATOM_RESULT ((guint64)(gint64)(gint32)((guint32)acc + (guint32)R (ip->b)))
#define DO_ADDW_MI                                                                                 \
  ATOM_RESULT ((guint64)(gint64)(gint32)((guint32)R (ip->a) + (guint32)(guint64)ip->imm))
#define DO_ADDW_AI ATOM_RESULT ((guint64)(gint64)(gint32)((guint32)acc + (guint32)(guint64)ip->imm))
#define DO_MOV_M ATOM_RESULT (R (ip->a))
#define DO_LI ATOM_RESULT ((guint64)ip->imm)
#define DO_PCREL ATOM_RESULT (vcpu->page_va + (guint64)ip->imm)
#define DO_LD64_M ATOM_LOAD (R (ip->a), guint64, (guint64), interp_load_slow_64)
#define DO_LD64_A ATOM_LOAD (acc, guint64, (guint64), interp_load_slow_64)
#define DO_LD32S_M ATOM_LOAD (R (ip->a), gint32, (guint64)(gint64), interp_load_slow_32S)
#define DO_LD32S_A ATOM_LOAD (acc, gint32, (guint64)(gint64), interp_load_slow_32S)
#define DO_LD8Z_M ATOM_LOAD (R (ip->a), guint8, (guint64), interp_load_slow_8Z)
#define DO_LD8Z_A ATOM_LOAD (acc, guint8, (guint64), interp_load_slow_8Z)
#define DO_ST64_MM ATOM_STORE (R (ip->a), R (ip->b), guint64, interp_store_slow_64)
#define DO_ST64_MA ATOM_STORE (R (ip->a), acc, guint64, interp_store_slow_64)
#define DO_ST64_AM ATOM_STORE (acc, R (ip->b), guint64, interp_store_slow_64)
#define DO_ST64_MI                                                                                 \
  ATOM_STORE (R (ip->a), (guint64)(gint64)(gint16)ip->d, guint64, interp_store_slow_64)
#define DO_ST32_MM ATOM_STORE (R (ip->a), R (ip->b), guint32, interp_store_slow_32)
#define DO_ST32_MA ATOM_STORE (R (ip->a), acc, guint32, interp_store_slow_32)
#define DO_ST8_MM ATOM_STORE (R (ip->a), R (ip->b), guint8, interp_store_slow_8)

/* Slow paths: in interp-memory.c. */
void interp_load_slow_64 (const InterpOp *ip, VmtVcpu *vcpu, guint64 acc, guint64 acc2);
void interp_load_slow_32S (const InterpOp *ip, VmtVcpu *vcpu, guint64 acc, guint64 acc2);
void interp_load_slow_8Z (const InterpOp *ip, VmtVcpu *vcpu, guint64 acc, guint64 acc2);
void interp_store_slow_64 (const InterpOp *ip, VmtVcpu *vcpu, guint64 acc, guint64 acc2);
void interp_store_slow_32 (const InterpOp *ip, VmtVcpu *vcpu, guint64 acc, guint64 acc2);
void interp_store_slow_8 (const InterpOp *ip, VmtVcpu *vcpu, guint64 acc, guint64 acc2);
