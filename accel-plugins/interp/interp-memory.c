/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Loads and stores: a hit of the first-level TLB inline, everything else in core/exec. */
#include "interp-atoms-private.h"

/* disp: displacement, aux: VmtIrMemAttr, c: index of the slot */

#define HIT(ENTRIES, BITS, va, bytes, e)                                                           \
  (e = &vcpu->bank->ENTRIES[((va) >> VMT_PAGE_SHIFT) & ((1u << (BITS)) - 1)],                      \
   G_LIKELY (((va) & (VMT_PAGE_MASK | (bytes - 1))) == e->tag))

#define LOAD(PA, KIND, T, EXTEND)                                                                  \
  HANDLER (load_##KIND##_##PA)                                                                     \
  {                                                                                                \
    const guint64 va = GET_##PA (ip->a) + (guint64)(gint64)ip->disp;                               \
    const VmtTlbEntry *e;                                                                          \
    if (HIT (read, VMT_TLB_READ_BITS, va, sizeof (T), e))                                          \
      {                                                                                            \
        const guint64 r =                                                                          \
            EXTEND (__atomic_load_n ((const T *)(guintptr)(va + e->addend), __ATOMIC_RELAXED));    \
        R (ip->d) = r;                                                                             \
        NEXT (1, r, acc);                                                                          \
      }                                                                                            \
    interp_scratch (vcpu)->va = va;                                                                \
    FINISH (interp_load_slow_##KIND);                                                              \
  }

/* Those that atoms have no use for. */
void interp_load_slow_8S (const InterpOp *ip, VmtVcpu *vcpu, guint64 acc, guint64 acc2);
void interp_load_slow_16Z (const InterpOp *ip, VmtVcpu *vcpu, guint64 acc, guint64 acc2);
void interp_load_slow_16S (const InterpOp *ip, VmtVcpu *vcpu, guint64 acc, guint64 acc2);
void interp_load_slow_32Z (const InterpOp *ip, VmtVcpu *vcpu, guint64 acc, guint64 acc2);
void interp_load_slow_32F (const InterpOp *ip, VmtVcpu *vcpu, guint64 acc, guint64 acc2);
void interp_store_slow_16 (const InterpOp *ip, VmtVcpu *vcpu, guint64 acc, guint64 acc2);

#define LOAD_SLOW(KIND, T, EXTEND)                                                                 \
  G_GNUC_NO_INLINE void interp_load_slow_##KIND (const InterpOp *ip, VmtVcpu *vcpu, guint64 acc,   \
                                                 guint64 acc2)                                     \
  {                                                                                                \
    InterpScratch *s = interp_scratch (vcpu);                                                      \
    if (!vmt_vcpu_load (vcpu, s->va, sizeof (T), ip->aux, &s->value))                              \
      FINISH (interp_fault);                                                                       \
    const guint64 r = EXTEND ((T)interp_scratch (vcpu)->value);                                    \
    R (ip->d) = r;                                                                                 \
    NEXT (1, r, acc);                                                                              \
  }

#define BOX 0xffffffff00000000 |
#define SX (guint64) (gint64)
#define ZX (guint64)
#define KINDS(X)                                                                                   \
  X (8Z, guint8, ZX)                                                                               \
  X (8S, gint8, SX)                                                                                \
  X (16Z, guint16, ZX)                                                                             \
  X (16S, gint16, SX)                                                                              \
  X (32Z, guint32, ZX)                                                                             \
  X (32S, gint32, SX)                                                                              \
  X (32F, guint32, BOX)                                                                            \
  X (64, guint64, ZX)
#define LOAD_ALL(KIND, T, EXTEND)                                                                  \
  LOAD_SLOW (KIND, T, EXTEND)                                                                      \
  INTERP_SHAPES_1 (LOAD, KIND, T, EXTEND)
KINDS (LOAD_ALL)

#define LOAD_ENTRY(PA, KIND) [SHAPE_##PA] = load_##KIND##_##PA,
#define LOAD_ROW(KIND, T, EXTEND) [MEM_##KIND] = { INTERP_SHAPES_1 (LOAD_ENTRY, KIND) },
const InterpHandler interp_load[N_MEM_KINDS][N_PLACES] = { KINDS (LOAD_ROW) };

/* A constant value is in d, sign-extended from 16 bits. */
#define STORE_M R (ip->b)
#define STORE_A acc
#define STORE_B acc2
#define STORE_I (guint64) (gint64) (gint16)ip->d
#define STORE(PA, PB, BITS, T)                                                                     \
  HANDLER (store_##BITS##_##PA##PB)                                                                \
  {                                                                                                \
    const guint64 va = GET_##PA (ip->a) + (guint64)(gint64)ip->disp;                               \
    const VmtTlbEntry *e;                                                                          \
    if (HIT (write, VMT_TLB_WRITE_BITS, va, sizeof (T), e))                                        \
      {                                                                                            \
        __atomic_store_n ((T *)(guintptr)(va + e->addend), (T)STORE_##PB, __ATOMIC_RELAXED);       \
        NEXT (1, acc, acc2);                                                                       \
      }                                                                                            \
    InterpScratch *s = interp_scratch (vcpu);                                                      \
    s->va = va;                                                                                    \
    s->value = (T)STORE_##PB;                                                                      \
    FINISH (interp_store_slow_##BITS);                                                             \
  }
#define STORE_SLOW(BITS, T)                                                                        \
  G_GNUC_NO_INLINE void interp_store_slow_##BITS (const InterpOp *ip, VmtVcpu *vcpu, guint64 acc,  \
                                                  guint64 acc2)                                    \
  {                                                                                                \
    InterpScratch *s = interp_scratch (vcpu);                                                      \
    if (!vmt_vcpu_store (vcpu, s->va, sizeof (T), ip->aux, s->value))                              \
      FINISH (interp_fault);                                                                       \
    FINISH (interp_stored);                                                                        \
  }
#define STORE_ALL(BITS, T)                                                                         \
  STORE_SLOW (BITS, T)                                                                             \
  INTERP_SHAPES (STORE, BITS, T)
STORE_ALL (8, guint8)
STORE_ALL (16, guint16)
STORE_ALL (32, guint32)
STORE_ALL (64, guint64)

#define STORE_ENTRY(PA, PB, BITS) [SHAPE_##PA][SHAPE_##PB] = store_##BITS##_##PA##PB,
const InterpShapes interp_store[4] = {
  { INTERP_SHAPES (STORE_ENTRY, 8) },
  { INTERP_SHAPES (STORE_ENTRY, 16) },
  { INTERP_SHAPES (STORE_ENTRY, 32) },
  { INTERP_SHAPES (STORE_ENTRY, 64) },
};

/* The atomic ones have a second slot: disp: displacement, aux: attributes, d: log2 of the size, a:
 * VmtIrAmo, b: the result is sign-extended. */
static inline guint64
extend (const InterpOp *how, guint64 value)
{
  guint unused = 64 - (8u << how->d);
  return how->b ? (guint64)((gint64)(value << unused) >> unused) : value << unused >> unused;
}

HANDLER (ll)
{
  const InterpOp *how = ip + 1;
  if (!vmt_vcpu_load_linked (vcpu, R (ip->a) + (guint64)(gint64)how->disp, 1u << how->d, how->aux,
                             &interp_scratch (vcpu)->value))
    FINISH (interp_fault);
  const guint64 r = extend (how, interp_scratch (vcpu)->value);
  R (ip->d) = r;
  NEXT (2, r, acc);
}

HANDLER (sc)
{
  const InterpOp *how = ip + 1;
  if (!vmt_vcpu_store_conditional (vcpu, R (ip->a) + (guint64)(gint64)how->disp, 1u << how->d,
                                   how->aux, R (ip->b), &interp_scratch (vcpu)->value))
    FINISH (interp_fault);
  const guint64 r = interp_scratch (vcpu)->value;
  R (ip->d) = r;
  NEXT (2, r, acc);
}

HANDLER (amo)
{
  const InterpOp *how = ip + 1;
  if (!vmt_vcpu_amo (vcpu, (VmtIrAmo)how->a, R (ip->a), 1u << how->d, how->aux, R (ip->b),
                     &interp_scratch (vcpu)->value))
    FINISH (interp_fault);
  const guint64 r = extend (how, interp_scratch (vcpu)->value);
  R (ip->d) = r;
  NEXT (2, r, acc);
}

HANDLER (fence_order)
{
  __atomic_thread_fence (__ATOMIC_ACQ_REL);
  NEXT (1, acc, acc2);
}

/* Stores before are seen by everybody before loads after it look. */
HANDLER (fence_full)
{
  __atomic_thread_fence (__ATOMIC_SEQ_CST);
  NEXT (1, acc, acc2);
}

const InterpHandler interp_ll = ll, interp_sc = sc, interp_amo = amo;
const InterpHandler interp_fence[2] = { fence_order, fence_full };
