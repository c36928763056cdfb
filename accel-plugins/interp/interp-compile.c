/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* From the IR of a block to its threaded form. */
#include <string.h>

#include "interp-atoms.h"
#include "interp-private.h"

#define NO_SLOT G_MAXUINT32

/* Room in the vCPU's scratch area, behind what the handlers use themselves. */
#define SCRATCH_FIRST (VMT_VCPU_KEPT_SIZE + (guint)sizeof (InterpScratch))
#define SCRATCH_SIZE (VMT_VCPU_SCRATCH_SIZE - SCRATCH_FIRST)

/* What is to be known of a temporary: the op that makes it and its instruction; the last op that
 * uses it. */
typedef struct
{
  guint first, last, insn;
} Temp;

typedef struct _InterpCompiler Compiler;

/* Kept for the next block: allocating all of this for each would take as long as the rest. */
struct _InterpCompiler
{
  const VmtIrBlock *ir;
  const VmtArchOps *arch;
  VmtExecBlock *block;
  guint32 scratch; /* first unit of the area */
  GArray *ops, *links, *insns;
  GArray *link_slots, *branch_slots; /* slots with a link; those of branches */
  guint32 *temp_slots;
  Temp *temps;
  guint temps_size;
  GByteArray *choice; /* of fuse() */
  GArray *cost;       /* (element-type guint16) */
  guint32 spare;      /* the next free unit */
  /* What the registers hold: slots, or NO_SLOT. */
  guint32 acc, acc2;
  GArray *atoms; /* (element-type guint8): of each slot */
  GArray *exits; /* (element-type guint8): InterpExit of each slot */
  guint insn;    /* index of the present one */
  gboolean has_eval, broken;
};

typedef struct
{
  gboolean constant;
  guint64 value;
  guint32 slot;
} Operand;

static InterpOp *
op_at (Compiler *c, guint index)
{
  return &g_array_index (c->ops, InterpOp, index);
}

static InterpOp *
emit (Compiler *c, InterpHandler handler)
{
  g_array_set_size (c->ops, c->ops->len + 1);
  InterpOp *op = op_at (c, c->ops->len - 1);
  memset (op, 0, sizeof *op);
  op->handler = handler;
  return op;
}

static void
set_kind (Compiler *c, GArray *kinds, guint8 value)
{
  g_array_set_size (kinds, c->ops->len - 1);
  g_array_append_val (kinds, value);
}

static guint8
kind_at (GArray *kinds, guint slot)
{
  return slot < kinds->len ? g_array_index (kinds, guint8, slot) : 0;
}

/* The last slot is one that can be fused with its neighbours. */
static void
is_atom (Compiler *c, InterpAtom atom)
{
  set_kind (c, c->atoms, (guint8)atom);
}

/* The last slot is one that can be fused with the one before. */
static void
is_exit (Compiler *c, InterpExit exit)
{
  set_kind (c, c->exits, (guint8)exit);
}

/* The slot that is about to be emitted. */
static guint16
here (Compiler *c)
{
  return (guint16)c->ops->len;
}

static guint
type_units (VmtIrType type)
{
  if (type == VMT_IR_FLAGS)
    return (sizeof (VmtIrFlags) + 7) / 8;
  guint bits = vmt_ir_type_bits (type);
  return bits <= 64 ? 1 : (bits + 63) / 64;
}

static guint32
new_slot (Compiler *c, guint units)
{
  guint32 slot = c->spare;
  c->spare += units;
  if (c->spare > c->scratch + (SCRATCH_FIRST + SCRATCH_SIZE) / 8 || c->spare > G_MAXUINT16)
    {
      c->broken = TRUE;
      return c->scratch;
    }
  return slot;
}

static guint32
global_slot (Compiler *c, VmtIrVal v)
{
  guint32 offset = c->arch->globals[v].offset;
  if ((offset & 7) != 0 || offset / 8 > G_MAXUINT16)
    c->broken = TRUE;
  return offset / 8;
}

static Operand
operand (Compiler *c, VmtIrVal v)
{
  Operand o = { FALSE, 0, c->scratch };
  if (v == VMT_IR_NO_VAL)
    {
      o.constant = TRUE;
    }
  else if (vmt_ir_is_const (v))
    {
      o.constant = TRUE;
      o.value = c->ir->consts[v - VMT_IR_CONST_FIRST].lo;
    }
  else if (vmt_ir_is_temp (v))
    o.slot = c->temp_slots[v - VMT_IR_TEMP_FIRST];
  else
    o.slot = global_slot (c, v);
  return o;
}

/* A result has gone to @slot, and into acc. */
static void
made (Compiler *c, guint32 slot)
{
  c->acc2 = c->acc == slot ? NO_SLOT : c->acc;
  c->acc = slot;
}

/* Something has been written behind the registers' back. */
static void
forget (Compiler *c)
{
  c->acc = c->acc2 = NO_SLOT;
}

static void
materialise (Compiler *c, Operand *o)
{
  if (!o->constant)
    return;
  guint32 slot = new_slot (c, 1);
  InterpOp *op = emit (c, interp_li);
  op->d = (guint16)slot;
  op->imm = (gint64)o->value;
  is_atom (c, ATOM_LI);
  o->constant = FALSE;
  o->slot = slot;
  made (c, slot);
}

static InterpPlace
place (Compiler *c, const Operand *o)
{
  if (o->constant)
    return SHAPE_I;
  return o->slot == c->acc ? SHAPE_A : o->slot == c->acc2 ? SHAPE_B : SHAPE_M;
}

/* The shape of two operands: (x, x) is (x, memory). */
static void
places (Compiler *c, const Operand *a, const Operand *b, InterpPlace *pa, InterpPlace *pb)
{
  *pa = place (c, a);
  *pb = place (c, b);
  if (*pa == *pb)
    *pb = SHAPE_M;
}

static guint32
result_slot (Compiler *c, VmtIrVal d)
{
  if (d == VMT_IR_NO_VAL)
    return new_slot (c, 1);
  return vmt_ir_is_temp (d) ? c->temp_slots[d - VMT_IR_TEMP_FIRST] : global_slot (c, d);
}

static void
emit_li (Compiler *c, VmtIrVal d, guint64 value)
{
  guint32 slot = result_slot (c, d);
  InterpOp *op = emit (c, interp_li);
  op->d = (guint16)slot;
  op->imm = (gint64)value;
  is_atom (c, ATOM_LI);
  made (c, slot);
}

static InterpWidth
width_of (const VmtIrOp *op)
{
  return op->type == VMT_IR_I64 ? WIDTH_64 : (op->flags & VMT_IR_SX) ? WIDTH_32S : WIDTH_32Z;
}

static guint
type_size_log2 (guint type)
{
  switch (type)
    {
    case VMT_IR_I8:
      return 0;
    case VMT_IR_I16:
    case VMT_IR_F16:
      return 1;
    case VMT_IR_I32:
    case VMT_IR_F32:
      return 2;
    case VMT_IR_I64:
    case VMT_IR_F64:
      return 3;
    default:
      return 4;
    }
}

static gboolean
is_commutative (guint opcode)
{
  switch (opcode)
    {
    case VMT_IR_ADD:
    case VMT_IR_AND:
    case VMT_IR_OR:
    case VMT_IR_XOR:
    case VMT_IR_XNOR:
    case VMT_IR_MUL:
      return TRUE;
    default:
      return FALSE;
    }
}

/* In which order atoms have the operands of commutative ops. */
static guint
order (InterpPlace place)
{
  return place == SHAPE_A ? 0 : place == SHAPE_B ? 1 : 2;
}

static gboolean
emit_alu (Compiler *c, const VmtIrOp *op)
{
  if (op->type != VMT_IR_I64 && op->type != VMT_IR_I32)
    return FALSE;
  const InterpShapes *shapes =
      interp_alu (op->opcode, op->opcode == VMT_IR_SETCC ? (guint)op->imm : 0, width_of (op));
  if (shapes == NULL)
    return FALSE;
  Operand a = operand (c, op->a), b = operand (c, op->b);
  materialise (c, &a);
  InterpPlace pa, pb;
  places (c, &a, &b, &pa, &pb);
  if (is_commutative (op->opcode) && !b.constant && order (pb) < order (pa))
    {
      Operand o = a;
      a = b;
      b = o;
      places (c, &a, &b, &pa, &pb);
    }
  guint32 d = result_slot (c, op->d);
  InterpOp *o = emit (c, (*shapes)[pa][pb]);
  o->d = (guint16)d;
  o->a = (guint16)a.slot;
  o->b = (guint16)b.slot;
  o->imm = (gint64)b.value;
  is_atom (c, interp_atom_alu (op->opcode, width_of (op), pa, pb));
  made (c, d);
  return TRUE;
}

static gboolean
emit_unary (Compiler *c, const VmtIrOp *op, VmtIrOpcode opcode, InterpWidth width)
{
  const InterpShapes1 *shapes = interp_unary (opcode, width);
  if (shapes == NULL)
    return FALSE;
  Operand a = operand (c, op->a);
  if (a.constant && opcode == VMT_IR_MOV && width == WIDTH_64)
    {
      emit_li (c, op->d, a.value);
      return TRUE;
    }
  materialise (c, &a);
  guint32 d = result_slot (c, op->d);
  InterpOp *o = emit (c, (*shapes)[place (c, &a)]);
  o->d = (guint16)d;
  o->a = (guint16)a.slot;
  if (opcode == VMT_IR_MOV && width == WIDTH_64 && (*shapes)[SHAPE_M] == o->handler)
    is_atom (c, ATOM_MOV_M);
  made (c, d);
  return TRUE;
}

static gboolean
emit_load (Compiler *c, const VmtIrOp *op)
{
  InterpMemKind kind;
  switch (op->type)
    {
    case VMT_IR_I8:
      kind = (op->flags & VMT_IR_SX) ? MEM_8S : MEM_8Z;
      break;
    case VMT_IR_I16:
      kind = (op->flags & VMT_IR_SX) ? MEM_16S : MEM_16Z;
      break;
    case VMT_IR_I32:
      kind = (op->flags & VMT_IR_SX) ? MEM_32S : MEM_32Z;
      break;
    case VMT_IR_F32:
      kind = (op->flags & VMT_IR_BOXED) ? MEM_32F : MEM_32Z;
      break;
    case VMT_IR_I64:
    case VMT_IR_F64:
      kind = MEM_64;
      break;
    default:
      return FALSE;
    }
  if (op->c & (VMT_IR_MEM_UNPRIVILEGED | VMT_IR_MEM_ATOMIC_FAULT))
    return FALSE;
  Operand a = operand (c, op->a);
  materialise (c, &a);
  guint32 d = result_slot (c, op->d);
  InterpPlace pa = place (c, &a);
  guint16 index = here (c);
  InterpOp *o = emit (c, interp_load[kind][pa]);
  is_atom (c, interp_atom_load (kind, pa));
  o->d = (guint16)d;
  o->a = (guint16)a.slot;
  o->c = index;
  o->disp = op->imm;
  o->aux = op->c;
  made (c, d);
  if (op->c & VMT_IR_MEM_ACQUIRE)
    emit (c, interp_fence[0]);
  return TRUE;
}

static gboolean
emit_store (Compiler *c, const VmtIrOp *op)
{
  guint log2 = type_size_log2 (op->type);
  if (log2 > 3 || (op->c & VMT_IR_MEM_UNPRIVILEGED))
    return FALSE;
  if (op->c & VMT_IR_MEM_RELEASE)
    emit (c, interp_fence[0]);
  Operand a = operand (c, op->a), b = operand (c, op->b);
  materialise (c, &a);
  if (b.constant && (gint64)b.value != (gint16)b.value)
    materialise (c, &b);
  InterpPlace pa, pb;
  places (c, &a, &b, &pa, &pb);
  guint16 index = here (c);
  InterpOp *o = emit (c, interp_store[log2][pa][pb]);
  is_atom (c, interp_atom_store (log2, pa, pb));
  o->d = b.constant ? (guint16)b.value : 0;
  o->a = (guint16)a.slot;
  o->b = (guint16)b.slot;
  o->c = index;
  o->disp = op->imm;
  o->aux = op->c;
  return TRUE;
}

/* Between a load-linked and its store-conditional nothing else touches memory: see
 * VMT_VCPU_ATTR_PAIRED. */
static gboolean
is_paired (Compiler *c, guint index)
{
  const VmtIrOp *ops = c->ir->ops;
  const guint32 other = VMT_IR_OP_MEM | VMT_IR_OP_HELPER_IMM;
  if (ops[index].opcode == VMT_IR_LL)
    {
      for (guint i = index + 1; i < c->ir->n_ops; i++)
        if (ops[i].opcode == VMT_IR_SC)
          return ops[i].type == ops[index].type;
        else if (vmt_ir_op_info[ops[i].opcode].flags & other)
          return FALSE;
    }
  else
    {
      for (guint i = index; i-- > 0;)
        if (ops[i].opcode == VMT_IR_LL)
          return ops[i].type == ops[index].type;
        else if (vmt_ir_op_info[ops[i].opcode].flags & other)
          return FALSE;
    }
  return FALSE;
}

static gboolean
emit_atomic (Compiler *c, const VmtIrOp *op, guint ir_index)
{
  guint log2 = type_size_log2 (op->type);
  if (log2 > 3 || (op->c & VMT_IR_MEM_UNPRIVILEGED))
    return FALSE;
  Operand a = operand (c, op->a), b = operand (c, op->b);
  guint32 aux = op->c;
  InterpHandler handler = interp_amo;
  materialise (c, &a);
  if (op->opcode != VMT_IR_LL)
    materialise (c, &b);
  if (op->opcode != VMT_IR_AMO)
    {
      handler = op->opcode == VMT_IR_LL ? interp_ll : interp_sc;
      if (is_paired (c, ir_index))
        aux |= VMT_VCPU_ATTR_PAIRED;
    }
  guint32 d = result_slot (c, op->d);
  guint16 index = here (c);
  InterpOp *o = emit (c, handler);
  o->d = (guint16)d;
  o->a = (guint16)a.slot;
  o->b = (guint16)b.slot;
  o->c = index;
  InterpOp *how = emit (c, NULL);
  how->disp = op->opcode == VMT_IR_AMO ? 0 : op->imm;
  how->aux = aux;
  how->d = (guint16)log2;
  how->a = op->opcode == VMT_IR_AMO ? (guint16)op->imm : 0;
  how->b = (op->flags & VMT_IR_SX) != 0;
  made (c, d);
  return TRUE;
}

/* A link, whose index stands in the slot until the block is finished. */
static void
emit_link (Compiler *c, gint32 offset, guint count)
{
  InterpLink link = {
    .offset = offset,
    .count = count,
    .index = c->links->len,
    .far = offset < 0 || offset >= (gint32)VMT_PAGE_SIZE,
  };
  guint slot = c->ops->len;
  InterpOp *o = emit (c, NULL);
  o->imm = c->links->len;
  g_array_append_val (c->link_slots, slot);
  g_array_append_val (c->links, link);
}

static gboolean
emit_branch (Compiler *c, const VmtIrOp *op)
{
  const InterpShapes *shapes = interp_branch (op->c, op->type == VMT_IR_I32);
  if (shapes == NULL || (op->type != VMT_IR_I64 && op->type != VMT_IR_I32))
    return FALSE;
  Operand a = operand (c, op->a), b = operand (c, op->b);
  materialise (c, &a);
  InterpPlace pa, pb;
  places (c, &a, &b, &pa, &pb);
  InterpOp *o = emit (c, (*shapes)[pa][pb]);
  o->a = (guint16)a.slot;
  o->b = (guint16)b.slot;
  o->imm = (gint64)b.value;
  if (op->type == VMT_IR_I64)
    is_exit (c, interp_exit_branch (op->c, pa, pb));
  guint slot = c->ops->len;
  g_array_append_val (c->branch_slots, slot);
  emit_link (c, op->imm, c->insn + 1);
  return TRUE;
}

static void
emit_jump (Compiler *c, gint32 offset, guint count)
{
  gboolean far = offset < 0 || offset >= (gint32)VMT_PAGE_SIZE;
  emit (c, interp_jump[far]);
  is_exit (c, far ? INTERP_EXIT_JUMP_FAR : INTERP_EXIT_JUMP_NEAR);
  emit_link (c, offset, count);
}

static void
emit_eval (Compiler *c, guint ir_index)
{
  guint16 index = here (c);
  InterpOp *o = emit (c, interp_eval);
  o->c = index;
  o->d = (guint16)c->insn;
  o->imm = ir_index;
  c->has_eval = TRUE;
  forget (c);
}

static gint16
page_offset (Compiler *c)
{
  return c->ir->n_insns == 0 ? 0 : c->ir->insns[c->insn].page_offset;
}

static gboolean
emit_call (Compiler *c, const VmtIrOp *op)
{
  Operand a = operand (c, op->a), b = operand (c, op->b), e = operand (c, op->c);
  char result = vmt_ir_type_class (op->type);
  if (result != 'i' && result != 'f' && result != '-' && result != 'p')
    return FALSE;
  /* the result is cut, extended or boxed: who does that is the evaluator */
  if (op->type == VMT_IR_I8 || op->type == VMT_IR_I16 || op->type == VMT_IR_I32 ||
      (op->flags & VMT_IR_BOXED))
    return FALSE;
  const VmtIrHelper *helper = &c->arch->helpers[op->imm];
  /* absent operands are read all the same: whatever is there */
  if (op->a != VMT_IR_NO_VAL)
    materialise (c, &a);
  if (op->b != VMT_IR_NO_VAL)
    materialise (c, &b);
  if (op->c != VMT_IR_NO_VAL)
    materialise (c, &e);
  guint32 d = result_slot (c, op->type == VMT_IR_NONE ? VMT_IR_NO_VAL : op->d);
  InterpOp *o = emit (c, interp_call);
  o->d = (guint16)d;
  o->a = (guint16)a.slot;
  o->b = (guint16)b.slot;
  o->c = (guint16)e.slot;
  o->disp = page_offset (c);
  o->aux = c->insn;
  guint16 index = here (c);
  InterpOp *second = emit (c, NULL);
  second->pointer = (gconstpointer)helper->func;
  second->c = index;
  if (helper->flags & VMT_HELPER_WRITES)
    forget (c);
  made (c, d);
  return TRUE;
}

static gboolean
emit_fp (Compiler *c, const VmtIrOp *op)
{
  if (op->opcode == VMT_IR_F2BITS)
    return (op->type == VMT_IR_I64 || op->type == VMT_IR_I32) &&
           emit_unary (c, op, VMT_IR_MOV, width_of (op));
  if (op->opcode == VMT_IR_BITS2F && op->type == VMT_IR_F64)
    return emit_unary (c, op, VMT_IR_MOV, WIDTH_64);
  InterpHandler handler = interp_fp (op);
  if (handler == NULL)
    return FALSE;
  Operand a = operand (c, op->a), b = operand (c, op->b), e = operand (c, op->c);
  const char *signature = strchr (vmt_ir_op_info[op->opcode].signature, ':') + 1;
  guint n = (guint)strspn (signature, "fi");
  materialise (c, &a);
  if (n > 1)
    materialise (c, &b);
  if (n > 2)
    materialise (c, &e);
  guint32 d = result_slot (c, op->d);
  InterpOp *o = emit (c, handler);
  o->d = (guint16)d;
  o->a = (guint16)a.slot;
  o->b = (guint16)b.slot;
  o->c = (guint16)e.slot;
  o->disp = op->imm;
  o->aux = c->arch->fp_env_offset;
  if (op->opcode == VMT_IR_F2I)
    o->b = op->type != VMT_IR_I32 ? 0 : (op->flags & VMT_IR_SX) ? 32 : 33;
  made (c, d);
  return TRUE;
}

/* Where temporaries live. */
static void
scan_temps (Compiler *c)
{
  const VmtIrBlock *ir = c->ir;
  guint insn = 0;
  for (guint i = 0; i < ir->n_ops; i++)
    {
      const VmtIrOp *op = &ir->ops[i];
      const VmtIrVal used[] = { op->a, op->b, op->c };
      while (insn + 1 < ir->n_insns && ir->insns[insn + 1].first_op <= i)
        insn++;
      for (guint u = 0; u < 3; u++)
        if (vmt_ir_op_operand_class (op->opcode, u) != '-' && vmt_ir_is_temp (used[u]) &&
            used[u] - VMT_IR_TEMP_FIRST < (gint)ir->n_temps)
          c->temps[used[u] - VMT_IR_TEMP_FIRST].last = i;
      if (vmt_ir_is_temp (op->d) && op->d - VMT_IR_TEMP_FIRST < (gint)ir->n_temps)
        {
          Temp *temp = &c->temps[op->d - VMT_IR_TEMP_FIRST];
          temp->first = i;
          temp->insn = insn;
        }
    }
}

/* The first op cannot use one. */
static gboolean
is_used (Compiler *c, VmtIrVal v)
{
  return c->temps[v - VMT_IR_TEMP_FIRST].last != 0;
}

static gboolean
emit_op (Compiler *c, guint index)
{
  const VmtIrOp *op = &c->ir->ops[index];
  switch (op->opcode)
    {
    case VMT_IR_MOV:
      switch (vmt_ir_type_class (op->type))
        {
        case 'i':
          if (op->type == VMT_IR_I64)
            return emit_unary (c, op, VMT_IR_MOV, WIDTH_64);
          if (op->type == VMT_IR_I32)
            return emit_unary (c, op, VMT_IR_MOV, width_of (op));
          return FALSE;
        case 'f':
        case 'p':
          return op->type != VMT_IR_F80 && emit_unary (c, op, VMT_IR_MOV, WIDTH_64);
        default:
          return FALSE;
        }
    case VMT_IR_CLZ:
    case VMT_IR_CTZ:
    case VMT_IR_POPCNT:
    case VMT_IR_BSWAP:
    case VMT_IR_BITREV:
    case VMT_IR_BITREV8:
    case VMT_IR_ORCB:
      if (op->type != VMT_IR_I64 && op->type != VMT_IR_I32)
        return FALSE;
      return emit_unary (c, op, op->opcode, width_of (op));
    case VMT_IR_SHADD:
      {
        if (op->type != VMT_IR_I64)
          return FALSE;
        Operand a = operand (c, op->a), b = operand (c, op->b);
        materialise (c, &a);
        InterpPlace pa, pb;
        places (c, &a, &b, &pa, &pb);
        InterpHandler handler = interp_shadd ((guint)op->imm, (op->flags & VMT_IR_UW) != 0, pa, pb);
        if (handler == NULL)
          return FALSE;
        guint32 d = result_slot (c, op->d);
        InterpOp *o = emit (c, handler);
        o->d = (guint16)d;
        o->a = (guint16)a.slot;
        o->b = (guint16)b.slot;
        o->imm = (gint64)b.value;
        made (c, d);
        return TRUE;
      }
    case VMT_IR_SELECT:
      {
        char class = vmt_ir_type_class (op->type);
        if (op->type == VMT_IR_F80 || op->type == VMT_IR_I128 || class == 'v' || class == 'F' ||
            (class == 'i' && op->type != VMT_IR_I64))
          return FALSE;
        Operand a = operand (c, op->a), b = operand (c, op->b), e = operand (c, op->c);
        materialise (c, &a);
        materialise (c, &b);
        materialise (c, &e);
        guint32 d = result_slot (c, op->d);
        InterpHandler handler = interp_select[place (c, &e)];
        InterpOp *o = emit (c, handler);
        o->d = (guint16)d;
        o->a = (guint16)a.slot;
        o->b = (guint16)b.slot;
        o->c = (guint16)e.slot;
        made (c, d);
        return TRUE;
      }
    case VMT_IR_EXTRACT:
      {
        guint from = op->imm & 0xff, length = (guint)op->imm >> 8;
        if (op->type != VMT_IR_I64 || length == 0 || from + length > 64)
          return FALSE;
        Operand a = operand (c, op->a);
        materialise (c, &a);
        guint32 d = result_slot (c, op->d);
        InterpHandler handler = interp_extract ((op->flags & VMT_IR_SX) != 0, place (c, &a));
        InterpOp *o = emit (c, handler);
        o->d = (guint16)d;
        o->a = (guint16)a.slot;
        o->disp = (gint32)(64 - from - length);
        o->aux = 64 - length;
        made (c, d);
        return TRUE;
      }
    case VMT_IR_PCREL:
      {
        if (vmt_ir_is_temp (op->d) && !is_used (c, op->d))
          return TRUE;
        guint32 d = result_slot (c, op->d);
        InterpOp *o = emit (c, interp_pcrel);
        o->d = (guint16)d;
        o->imm = op->imm;
        is_atom (c, ATOM_PCREL);
        made (c, d);
        return TRUE;
      }
    case VMT_IR_LD:
      return emit_load (c, op);
    case VMT_IR_ST:
      return emit_store (c, op);
    case VMT_IR_LL:
    case VMT_IR_SC:
    case VMT_IR_AMO:
      return emit_atomic (c, op, index);
    case VMT_IR_FENCE:
      {
        /* W or O before, R or I after */
        gboolean full = ((op->imm >> 4) & 5) != 0 && (op->imm & 10) != 0;
        emit (c, interp_fence[full]);
        return TRUE;
      }
    case VMT_IR_BRANCH:
      return emit_branch (c, op);
    case VMT_IR_JUMP:
      emit_jump (c, op->imm, c->insn + 1);
      return TRUE;
    case VMT_IR_JUMP_IND:
      {
        Operand a = operand (c, op->a);
        materialise (c, &a);
        InterpPlace pa = place (c, &a);
        InterpOp *o = emit (c, interp_jump_indirect[pa]);
        o->a = (guint16)a.slot;
        o->aux = c->insn + 1;
        if (pa != SHAPE_M)
          is_exit (c, pa == SHAPE_A ? INTERP_EXIT_INDIRECT_A : INTERP_EXIT_INDIRECT_B);
        emit_link (c, 0, c->insn + 1);
        return TRUE;
      }
    case VMT_IR_EXIT:
      {
        InterpOp *o = emit (c, interp_exit);
        o->disp = op->imm;
        o->aux = c->insn + 1;
        return TRUE;
      }
    case VMT_IR_TRAP:
      {
        Operand a = operand (c, op->a);
        materialise (c, &a);
        guint16 slot = here (c);
        InterpOp *o = emit (c, interp_trap);
        o->a = (guint16)a.slot;
        o->c = slot;
        o->imm = op->imm;
        return TRUE;
      }
    case VMT_IR_CALL:
      return emit_call (c, op);
    case VMT_IR_FADD:
    case VMT_IR_FSUB:
    case VMT_IR_FMUL:
    case VMT_IR_FDIV:
    case VMT_IR_FSQRT:
    case VMT_IR_FMA:
    case VMT_IR_FMIN:
    case VMT_IR_FMAX:
    case VMT_IR_FSGNJ:
    case VMT_IR_FCMP:
    case VMT_IR_FCLASS:
    case VMT_IR_FCVT:
    case VMT_IR_F2I:
    case VMT_IR_I2F:
    case VMT_IR_F2BITS:
    case VMT_IR_BITS2F:
      return emit_fp (c, op);
    case VMT_IR_COMMIT:
      return TRUE;
    default:
      return emit_alu (c, op);
    }
}

/* Whether temporaries live across the beginning of each instruction. */
static void
find_clean (Compiler *c)
{
  const VmtIrBlock *ir = c->ir;
  InterpInsn *insns = &g_array_index (c->insns, InterpInsn, 0);
  for (guint n = 0; n < ir->n_insns; n++)
    insns[n].clean = TRUE;
  for (guint t = 0; t < ir->n_temps; t++)
    for (guint n = c->temps[t].insn + 1; n < ir->n_insns; n++)
      {
        if (ir->insns[n].first_op > c->temps[t].last)
          break;
        insns[n].clean = FALSE;
      }
}

/* Ops that the evaluator executes have their temporaries where it looks for them: then all have. */
static gboolean
needs_eval_layout (const VmtIrBlock *ir)
{
  for (guint i = 0; i < ir->n_temps; i++)
    if (type_units ((VmtIrType)ir->temp_types[i]) > 1)
      return TRUE;
  return FALSE;
}

static void
lay_out (Compiler *c, gboolean for_eval)
{
  const VmtIrBlock *ir = c->ir;
  c->spare = c->scratch + SCRATCH_FIRST / 8;
  for (guint i = 0; i < ir->n_temps; i++)
    c->temp_slots[i] = new_slot (c, for_eval ? sizeof (VmtIrValue) / 8 : 1);
}

static void
compile_ops (Compiler *c)
{
  const VmtIrBlock *ir = c->ir;
  guint next_insn = 0;
  g_array_set_size (c->ops, 0);
  g_array_set_size (c->links, 0);
  g_array_set_size (c->link_slots, 0);
  g_array_set_size (c->branch_slots, 0);
  g_array_set_size (c->insns, 0);
  g_array_set_size (c->atoms, 0);
  g_array_set_size (c->exits, 0);
  c->has_eval = FALSE;
  c->insn = 0;
  forget (c);
  for (guint i = 0; i < ir->n_ops && !c->broken; i++)
    {
      while (next_insn < ir->n_insns && ir->insns[next_insn].first_op <= i)
        {
          InterpInsn insn = { .slot = here (c), .page_offset = ir->insns[next_insn].page_offset };
          g_array_append_val (c->insns, insn);
          c->insn = next_insn++;
        }
      if (ir->ops[i].opcode == VMT_IR_EXT)
        continue;
      if (!emit_op (c, i))
        emit_eval (c, i);
      if (c->ops->len > G_MAXUINT16 - 16)
        c->broken = TRUE;
    }
  while (next_insn < ir->n_insns)
    {
      InterpInsn insn = { .slot = here (c), .page_offset = ir->insns[next_insn++].page_offset };
      g_array_append_val (c->insns, insn);
    }
}

/* Of the slot, which is an atom, and the next one. */
static InterpHandler
fused_at (Compiler *c, guint slot)
{
  const InterpAtom first = (InterpAtom)kind_at (c->atoms, slot);
  const InterpExit exit = (InterpExit)kind_at (c->exits, slot + 1);
  if (exit != INTERP_EXIT_NONE)
    return interp_atom_exit (first, exit);
  const InterpAtom second = (InterpAtom)kind_at (c->atoms, slot + 1);
  return second == ATOM_NONE ? NULL : interp_pair (first, second);
}

/* Fuses neighbours so that the fewest dispatches are left: from the end, the best for each slot. */
static void
fuse (Compiler *c)
{
  guint n = c->ops->len;
  g_array_set_size (c->cost, 0);
  g_array_set_size (c->cost, n + 3);
  g_byte_array_set_size (c->choice, n + 1);
  guint16 *cost = &g_array_index (c->cost, guint16, 0);
  guint8 *choice = c->choice->data;
  memset (choice, 0, n + 1);
  for (guint i = n; i-- > 0;)
    {
      cost[i] = cost[i + 1] + (op_at (c, i)->handler != NULL);
      if (kind_at (c->atoms, i) != ATOM_NONE && i + 1 < n && cost[i + 2] + 1 <= cost[i] &&
          fused_at (c, i) != NULL)
        {
          cost[i] = cost[i + 2] + 1;
          choice[i] = 1;
        }
    }
  for (guint i = 0; i < n; i++)
    if (choice[i])
      {
        op_at (c, i)->handler = fused_at (c, i);
        i++;
      }
}

/* Branches into other pages go by a jump behind the block's end. */
static void
add_far_jumps (Compiler *c)
{
  for (guint i = 0; i < c->branch_slots->len; i++)
    {
      guint l = (guint)op_at (c, g_array_index (c->branch_slots, guint, i))->imm;
      InterpLink *link = &g_array_index (c->links, InterpLink, l);
      if (!link->far)
        continue;
      gint32 offset = link->offset;
      link->far = FALSE;
      link->stub = c->ops->len;
      emit_jump (c, offset, 0);
    }
}

static InterpStream *
finish (Compiler *c, gsize *bytes)
{
  gsize ops_size = sizeof (InterpOp) * c->ops->len;
  gsize links_size = sizeof (InterpLink) * c->links->len;
  gsize insns_size = sizeof (InterpInsn) * c->insns->len;
  *bytes = sizeof (InterpStream) + ops_size + links_size + insns_size;
  InterpStream *s = g_malloc (*bytes);
  memset (s, 0, sizeof *s);
  s->block = c->block;
  s->arch = c->arch;
  s->n_ops = c->ops->len;
  s->host = c->block->host;
  s->n_links = c->links->len;
  s->n_insns = c->insns->len;
  s->links = (InterpLink *)((guint8 *)s->ops + ops_size);
  s->insns = (InterpInsn *)((guint8 *)s->links + links_size);
  if (ops_size > 0)
    memcpy (s->ops, c->ops->data, ops_size);
  if (links_size > 0)
    memcpy (s->links, c->links->data, links_size);
  if (insns_size > 0)
    memcpy (s->insns, c->insns->data, insns_size);
  for (guint i = 0; i < s->n_links; i++)
    {
      InterpLink *link = &s->links[i];
      link->from = s;
      if (link->stub != 0)
        link->target = &s->ops[link->stub];
    }
  for (guint i = 0; i < c->link_slots->len; i++)
    {
      InterpOp *op = &s->ops[g_array_index (c->link_slots, guint, i)];
      op->pointer = &s->links[op->imm];
    }
  return s;
}

InterpCompiler *
interp_compiler_new (void)
{
  Compiler *c = g_new0 (Compiler, 1);
  c->ops = g_array_new (FALSE, FALSE, sizeof (InterpOp));
  c->links = g_array_new (FALSE, FALSE, sizeof (InterpLink));
  c->insns = g_array_new (FALSE, FALSE, sizeof (InterpInsn));
  c->atoms = g_array_new (FALSE, TRUE, sizeof (guint8));
  c->exits = g_array_new (FALSE, TRUE, sizeof (guint8));
  c->link_slots = g_array_new (FALSE, FALSE, sizeof (guint));
  c->branch_slots = g_array_new (FALSE, FALSE, sizeof (guint));
  c->choice = g_byte_array_new ();
  c->cost = g_array_new (FALSE, TRUE, sizeof (guint16));
  return c;
}

void
interp_compiler_free (InterpCompiler *c)
{
  g_array_unref (c->ops);
  g_array_unref (c->links);
  g_array_unref (c->insns);
  g_array_unref (c->atoms);
  g_array_unref (c->exits);
  g_array_unref (c->link_slots);
  g_array_unref (c->branch_slots);
  g_byte_array_unref (c->choice);
  g_array_unref (c->cost);
  g_free (c->temp_slots);
  g_free (c->temps);
  g_free (c);
}

static void
begin (Compiler *c, const VmtArchOps *arch, VmtExecBlock *block)
{
  const guint n_temps = block->ir->n_temps;
  c->ir = block->ir;
  c->arch = arch;
  c->block = block;
  c->scratch = (guint32)((arch->state_size + 63) / 64 * 64 / 8);
  c->broken = FALSE;
  if (n_temps > c->temps_size)
    {
      c->temps_size = n_temps + 64;
      g_free (c->temp_slots);
      g_free (c->temps);
      c->temp_slots = g_new (guint32, c->temps_size);
      c->temps = g_new (Temp, c->temps_size);
    }
  if (n_temps > 0)
    memset (c->temps, 0, n_temps * sizeof (Temp));
  scan_temps (c);
}

InterpStream *
interp_compile (InterpCompiler *c, const VmtArchOps *arch, VmtExecBlock *block, gsize *bytes)
{
  begin (c, arch, block);
  gboolean for_eval = needs_eval_layout (block->ir);
  lay_out (c, for_eval);
  compile_ops (c);
  if (c->has_eval && !for_eval)
    {
      /* Found out too late: again. */
      lay_out (c, TRUE);
      compile_ops (c);
    }
  if (c->broken)
    {
      /* More temporaries than there is room for: the evaluator has the block. */
      g_array_set_size (c->ops, 0);
      g_array_set_size (c->links, 0);
      g_array_set_size (c->link_slots, 0);
      emit (c, interp_eval_block);
      c->has_eval = TRUE;
    }
  else
    {
      fuse (c);
      add_far_jumps (c);
    }
  if (c->insns->len == block->ir->n_insns)
    find_clean (c);
  InterpStream *stream = finish (c, bytes);
  if (c->has_eval)
    {
      vmt_exec_block_keep_ir (block);
      stream->ir = block->ir;
      *bytes += sizeof (VmtIrOp) * block->ir->n_ops + sizeof (VmtIrInsn) * block->ir->n_insns;
    }
  return stream;
}

void
interp_stream_free (InterpStream *stream)
{
  g_free (stream);
}
