/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "vmt-ir-eval-private.h"

static guint8 *
state (VmtIrEval *e)
{
  return (guint8 *)e->vcpu;
}

VmtFpEnv *
vmt_ir_eval_fp_env (VmtIrEval *e)
{
  return (VmtFpEnv *)(state (e) + vmt_ir_arch (e->block->arch)->fp_env_offset);
}

/* Bytes of a global in the state. */
static guint
slot_size (VmtIrType type)
{
  switch (vmt_ir_type_class (type))
    {
    case 'v':
      return vmt_ir_type_bits (type) / 8;
    case 'F':
      return sizeof (VmtIrFlags);
    default:
      return type == VMT_IR_I128 || type == VMT_IR_F80 ? 16 : 8;
    }
}

static VmtIrValue
get (VmtIrEval *e, VmtIrVal v)
{
  const VmtIrArch *arch = vmt_ir_arch (e->block->arch);
  VmtIrValue r = { { 0 } };

  if (v == VMT_IR_NO_VAL)
    return r;
  if (vmt_ir_is_temp (v))
    return e->values[v - VMT_IR_TEMP_FIRST];
  if (vmt_ir_is_const (v))
    {
      r.q[0] = e->block->consts[v - VMT_IR_CONST_FIRST].lo;
      r.q[1] = e->block->consts[v - VMT_IR_CONST_FIRST].hi;
      return r;
    }
  memcpy (&r, state (e) + arch->globals[v].offset, slot_size (arch->globals[v].type));
  return r;
}

static void
put (VmtIrEval *e, VmtIrVal d, const VmtIrValue *value)
{
  const VmtIrArch *arch = vmt_ir_arch (e->block->arch);

  if (d == VMT_IR_NO_VAL)
    return;
  if (vmt_ir_is_temp (d))
    e->values[d - VMT_IR_TEMP_FIRST] = *value;
  else
    memcpy (state (e) + arch->globals[d].offset, value, slot_size (arch->globals[d].type));
}

/* Accesses of more than 8 bytes are made of smaller ones; a store that cannot be done whole changes
 * nothing. */
static gboolean
access_bytes (VmtIrEval *e, gboolean store, guint64 va, guint size, guint attr, VmtIrValue *value)
{
  if (attr & VMT_IR_MEM_ALIGNED && size > 8 && va % size)
    {
      e->mem->misaligned (e->vcpu, va, size, store);
      return FALSE;
    }
  for (guint pass = store && size > 8 ? 0 : 1; pass < 2; pass++)
    for (guint at = 0; at < size; at += 8)
      {
        guint n = MIN (size - at, 8);

        if (pass == 0)
          {
            if (e->mem->probe (e->vcpu, va + at, n, TRUE))
              continue;
            /* Raises. */
            return e->mem->store (e->vcpu, va + at, n, attr, value->q[at / 8]);
          }
        if (store ? !e->mem->store (e->vcpu, va + at, n, attr, value->q[at / 8])
                  : !e->mem->load (e->vcpu, va + at, n, attr, &value->q[at / 8]))
          return FALSE;
      }
  return TRUE;
}

static void
extend (const VmtIrOp *op, VmtIrValue *v)
{
  guint w = vmt_ir_type_bits (op->type);

  if (vmt_ir_type_class (op->type) == 'i' && w <= 64)
    v->q[0] = op->flags & VMT_IR_SX ? (guint64)vmt_ir_sext (v->q[0], w)
                                    : v->q[0] & (guint64)vmt_ir_ones (w);
  else if (op->flags & VMT_IR_BOXED && w < 64)
    v->q[0] |= G_MAXUINT64 << w;
}

static gboolean
eval_memory (VmtIrEval *e, const VmtIrOp *op, VmtIrEvalArgs *x)
{
  const VmtIrMemOps *mem = e->mem;
  guint size = vmt_ir_type_bits (op->type) / 8;
  guint64 va = x->a.q[0] + (gint64)op->imm;
  gboolean ok;

  switch (op->opcode)
    {
    case VMT_IR_LD:
      ok = access_bytes (e, FALSE, va, size, op->c, &x->d);
      break;
    case VMT_IR_ST:
      ok = access_bytes (e, TRUE, va, size, op->c, &x->b);
      break;
    case VMT_IR_PROBE:
      for (guint at = 0; at < size; at += 8)
        {
          guint n = MIN (size - at, 8);
          gboolean is_store = op->c & VMT_IR_MEM_ATOMIC_FAULT;
          guint64 dummy = 0;

          if (mem->probe (e->vcpu, va + at, n, is_store))
            continue;
          /* Raises. */
          return is_store ? mem->store (e->vcpu, va + at, n, op->c, dummy)
                          : mem->load (e->vcpu, va + at, n, op->c, &dummy);
        }
      return TRUE;
    case VMT_IR_LL:
      ok = size == 16 ? mem->load_linked128 (e->vcpu, va, op->c, x->d.q)
                      : mem->load_linked (e->vcpu, va, size, op->c, &x->d.q[0]);
      break;
    case VMT_IR_SC:
      return size == 16 ? mem->store_conditional128 (e->vcpu, va, op->c, x->b.q, &x->d.q[0])
                        : mem->store_conditional (e->vcpu, va, size, op->c, x->b.q[0], &x->d.q[0]);
    case VMT_IR_AMO:
      ok = mem->amo (e->vcpu, op->imm, x->a.q[0], size, op->c, x->b.q[0], &x->d.q[0]);
      break;
    default: /* CAS */
      if (size < 16)
        {
          x->xa.q[0] &= (guint64)vmt_ir_ones (size * 8);
          x->xa.q[1] = x->b.q[1] = 0;
        }
      ok = mem->cas (e->vcpu, va, size, op->c, x->xa.q, x->b.q, x->d.q);
      break;
    }
  if (ok)
    extend (op, &x->d);
  return ok;
}

static guint64
insn_pc (VmtIrEval *e)
{
  return e->page_va + (gint64)e->block->insns[e->insn].page_offset;
}

static VmtIrEvalExit
fault (VmtIrEval *e)
{
  e->pc = insn_pc (e);
  return VMT_IR_EVAL_FAULT;
}

static VmtIrEvalExit
leave (VmtIrEval *e, VmtIrEvalExit how, guint64 pc)
{
  e->pc = pc;
  return how;
}

static gboolean
is_float_op (VmtIrOpcode opcode)
{
  switch (opcode)
    {
    case VMT_IR_FSGNJ:
    case VMT_IR_FCLASS:
    case VMT_IR_F2BITS:
    case VMT_IR_BITS2F:
      return TRUE;
    default:
      return vmt_ir_op_info[opcode].flags & VMT_IR_OP_FP;
    }
}

static void
eval_select (const VmtIrOp *op, VmtIrEvalArgs *x)
{
  x->d = x->c.q[0] ? x->a : x->b;
  extend (op, &x->d);
}

/* Ops that say how far they came. */
static gboolean
writes_on_fault (VmtIrOpcode opcode)
{
  switch (opcode)
    {
    case VMT_IR_V_LDR:
    case VMT_IR_V_STR:
    case VMT_IR_V_GATHER:
    case VMT_IR_V_GATHERV:
    case VMT_IR_V_SCATTER:
      return TRUE;
    default:
      return FALSE;
    }
}

VmtIrEvalExit
vmt_ir_eval_op (VmtIrEval *e, guint index)
{
  const VmtIrOp *op = &e->block->ops[index], *ext = NULL;
  const VmtIrOpInfo *info = &vmt_ir_op_info[op->opcode];
  const VmtIrHelper *helper;
  guint64 target = e->page_va + (gint64)op->imm;
  VmtIrEvalArgs x = { 0 };
  gboolean ok = TRUE;

  x.a = get (e, op->a);
  x.b = get (e, op->b);
  if (!(info->flags & (VMT_IR_OP_ATTR | VMT_IR_OP_COND | VMT_IR_OP_FCOND)))
    x.c = get (e, op->c);
  if (vmt_ir_op_has_ext (op))
    {
      ext = op + 1;
      x.xa = get (e, ext->a);
      x.xb = get (e, ext->b);
      x.xc = get (e, ext->c);
      x.has_xb = ext->b != VMT_IR_NO_VAL;
      x.has_xc = ext->c != VMT_IR_NO_VAL;
    }

  switch (op->opcode)
    {
    case VMT_IR_PCREL:
      x.d.q[0] = target;
      break;
    case VMT_IR_FENCE:
      e->mem->fence (e->vcpu, op->imm >> 4 & 15, op->imm & 15);
      break;
    case VMT_IR_COMMIT:
      break;
    case VMT_IR_EXT:
      /* done with the op before it */
      return VMT_IR_EVAL_NEXT;
    case VMT_IR_BRANCH:
      if (vmt_ir_eval_cond (op->c, vmt_ir_type_bits (op->type), x.a.q[0], x.b.q[0]))
        return leave (e, VMT_IR_EVAL_JUMP, target);
      break;
    case VMT_IR_BRANCH_FLAGS:
      if (vmt_ir_flags_test (&x.a.f, op->c))
        return leave (e, VMT_IR_EVAL_JUMP, target);
      break;
    case VMT_IR_JUMP:
      return leave (e, VMT_IR_EVAL_JUMP, target);
    case VMT_IR_JUMP_IND:
      return leave (e, VMT_IR_EVAL_INDIRECT, x.a.q[0]);
    case VMT_IR_EXIT:
      return leave (e, VMT_IR_EVAL_EXIT, target);
    case VMT_IR_TRAP:
      e->mem->raise (e->vcpu, op->imm, x.a.q[0]);
      return fault (e);
    case VMT_IR_TRAP_IF:
      if (x.a.q[0])
        {
          e->mem->raise (e->vcpu, op->imm, x.b.q[0]);
          return fault (e);
        }
      break;
    case VMT_IR_BUDGET:
      if (e->budget < op->imm)
        return leave (e, VMT_IR_EVAL_BUDGET, insn_pc (e));
      e->budget -= op->imm;
      break;
    case VMT_IR_CALL:
      helper = &vmt_ir_arch (e->block->arch)->helpers[op->imm];
      if (helper->flags & VMT_HELPER_PC)
        e->mem->set_pc (e->vcpu, insn_pc (e));
      x.d.q[0] = helper->func (e->vcpu, x.a.q[0], x.b.q[0], x.c.q[0]);
      if (helper->flags & VMT_HELPER_FAULTS && e->mem->fault_pending (e->vcpu))
        return fault (e);
      extend (op, &x.d);
      break;
    case VMT_IR_SELECT:
      eval_select (op, &x);
      break;
    case VMT_IR_SETCC:
      x.d.q[0] =
          vmt_ir_eval_cond (op->imm, vmt_ir_type_bits (op->type), (u128)x.a.q[1] << 64 | x.a.q[0],
                            (u128)x.b.q[1] << 64 | x.b.q[0]);
      break;
    case VMT_IR_MOV:
      x.d = x.a;
      extend (op, &x.d);
      break;
    case VMT_IR_PACK128:
      x.d.q[0] = x.a.q[0];
      x.d.q[1] = x.b.q[0];
      break;
    case VMT_IR_LOW:
      x.d.q[0] = x.a.q[0];
      break;
    case VMT_IR_HIGH:
      x.d.q[0] = x.a.q[1];
      break;
    case VMT_IR_FL_GET:
      x.d.q[0] = vmt_ir_flags_get (&x.a.f, op->imm);
      break;
    case VMT_IR_FL_COND:
      x.d.q[0] = vmt_ir_flags_test (&x.a.f, op->imm);
      break;
    case VMT_IR_FL_INS:
      x.d.f = vmt_ir_flags_make (op->opcode, op->type, op->flags, op->imm, 0, x.b.q[0], 0, &x.a.f);
      break;
    case VMT_IR_FL_INC:
    case VMT_IR_FL_DEC:
      x.d.f = vmt_ir_flags_make (op->opcode, op->type, op->flags, 0, x.a.q[0], 0, 0, &x.b.f);
      break;
    case VMT_IR_FL_SHL:
    case VMT_IR_FL_SHR:
    case VMT_IR_FL_SAR:
    case VMT_IR_FL_ROL:
    case VMT_IR_FL_ROR:
    case VMT_IR_FL_RCL:
    case VMT_IR_FL_RCR:
      x.d.f = vmt_ir_flags_make (op->opcode, op->type, op->flags, 0, x.a.q[0], x.b.q[0], 0, &x.c.f);
      break;
    case VMT_IR_FL_DSHL:
    case VMT_IR_FL_DSHR:
      x.d.f = vmt_ir_flags_make (op->opcode, op->type, op->flags, 0, x.a.q[0], x.b.q[0], x.c.q[0],
                                 &x.xa.f);
      break;
    default:
      if (info->flags & VMT_IR_OP_VEC)
        ok = info->flags & VMT_IR_OP_MEM ? vmt_ir_eval_vector_mem (e, op, &x)
                                         : vmt_ir_eval_vector (e, op, &x);
      else if (info->flags & VMT_IR_OP_MEM)
        ok = eval_memory (e, op, &x);
      else if (is_float_op (op->opcode))
        vmt_ir_eval_fp_op (e, op, &x);
      else if (op->opcode == VMT_IR_FL_PTEST || strchr (info->signature, 'p'))
        vmt_ir_eval_pred (op, &x);
      else if (info->signature[0] == 'F')
        x.d.f = vmt_ir_flags_make (op->opcode, op->type, op->flags, op->imm, x.a.q[0], x.b.q[0],
                                   x.c.q[0], NULL);
      else
        x.d.q[0] = vmt_ir_eval_int (op->opcode, op->type, op->flags, op->imm, x.a.q[0], x.b.q[0],
                                    x.c.q[0]);
      break;
    }
  if (ok || writes_on_fault (op->opcode))
    {
      put (e, op->d, &x.d);
      if (ext)
        put (e, ext->d, &x.xd);
    }
  return ok ? VMT_IR_EVAL_NEXT : fault (e);
}

VmtIrEvalExit
vmt_ir_eval_block (VmtIrEval *e)
{
  const VmtIrBlock *block = e->block;
  VmtIrEvalExit how = VMT_IR_EVAL_NEXT;

  e->values = g_new0 (VmtIrValue, MAX (block->n_temps, 1));
  e->insn = 0;
  for (guint i = 0; how == VMT_IR_EVAL_NEXT; i++)
    {
      while (e->insn + 1 < block->n_insns && block->insns[e->insn + 1].first_op <= i)
        e->insn++;
      how = vmt_ir_eval_op (e, i);
    }
  g_clear_pointer (&e->values, g_free);
  return how;
}
