/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "vmt-ir-builder.h"
#include "vmt-ir-private.h"

/* Soft limits: what is_full() looks at. The tables grow when one instruction needs more. */
#define MAX_INSNS 64
#define OPS_PER_INSN 3
#define MAX_OPS (OPS_PER_INSN * MAX_INSNS)
#define HARD_MAX_OPS 0x4000
#define HASH_SIZE 512

/* A temporary either has an op that defines it, or is another name of a global as it was at
 * @position. The latter costs nothing unless it is used after the global has changed: only then is
 * a MOV inserted, where the value was still there. */
typedef struct
{
  guint8 type;
  VmtIrVal alias;
  guint16 insn;
  guint position;
  guint64 version;
} Temp;

struct _VmtIrBuilder
{
  const struct _VmtArchOps *arch;
  VmtIrOp *ops;
  guint n_ops, ops_size;
  VmtIrInsn *insns;
  guint n_insns, insns_size, max_insns;
  VmtIrConst *consts;
  guint n_consts, consts_size;
  Temp *temps;
  guint n_temps, temps_size;
  /* How often each global was written; helpers that may write any count for all. */
  guint64 *versions, all_version;
  gboolean ended;
  guint16 hash[HASH_SIZE]; /* constant + 1 */
  /* for finish() */
  VmtIrVal *temp_map, *const_map;
  VmtIrConst *used_consts;
  guint8 *used_types;
  VmtIrBlock block;
};

VmtIrBuilder *
vmt_ir_builder_new (const struct _VmtArchOps *arch)
{
  VmtIrBuilder *b = g_new0 (VmtIrBuilder, 1);

  b->arch = arch;
  b->ops_size = 512;
  b->ops = g_new (VmtIrOp, b->ops_size);
  b->max_insns = MAX_INSNS;
  b->insns_size = MAX_INSNS + 1;
  b->insns = g_new (VmtIrInsn, b->insns_size);
  b->consts_size = 256;
  b->consts = g_new (VmtIrConst, b->consts_size);
  b->used_consts = g_new (VmtIrConst, b->consts_size);
  b->const_map = g_new (VmtIrVal, b->consts_size);
  b->temps_size = 512;
  b->temps = g_new (Temp, b->temps_size);
  b->temp_map = g_new (VmtIrVal, b->temps_size);
  b->used_types = g_new (guint8, b->temps_size);
  b->versions = g_new0 (guint64, MAX (vmt_ir_arch (arch)->n_globals, 1));
  return b;
}

void
vmt_ir_builder_free (VmtIrBuilder *b)
{
  if (!b)
    return;
  g_free (b->ops);
  g_free (b->insns);
  g_free (b->consts);
  g_free (b->used_consts);
  g_free (b->const_map);
  g_free (b->temps);
  g_free (b->temp_map);
  g_free (b->used_types);
  g_free (b->versions);
  g_free (b);
}

void
vmt_ir_builder_begin (VmtIrBuilder *b)
{
  b->n_ops = b->n_insns = b->n_consts = b->n_temps = 0;
  b->ended = FALSE;
  memset (b->hash, 0, sizeof b->hash);
}

void
vmt_ir_builder_set_max_insns (VmtIrBuilder *b, guint n)
{
  b->max_insns = n;
}

gboolean
vmt_ir_builder_is_full (VmtIrBuilder *b)
{
  return b->n_insns >= b->max_insns || b->n_ops >= OPS_PER_INSN * b->max_insns ||
         b->n_consts >= OPS_PER_INSN * b->max_insns;
}

gboolean
vmt_ir_builder_is_ended (VmtIrBuilder *b)
{
  return b->ended;
}

void
vmt_ir_insn (VmtIrBuilder *b, gint page_offset, guint length)
{
  if (b->n_insns == b->insns_size)
    b->insns = g_renew (VmtIrInsn, b->insns, b->insns_size *= 2);
  b->insns[b->n_insns++] = (VmtIrInsn){
    .first_op = b->n_ops,
    .page_offset = page_offset,
    .length = length,
  };
}

static guint
current_insn (VmtIrBuilder *b)
{
  return b->n_insns ? b->n_insns - 1 : 0;
}

static guint64
global_version (VmtIrBuilder *b, VmtIrVal global)
{
  return b->versions[global] + b->all_version;
}

static VmtIrVal
new_temp (VmtIrBuilder *b, VmtIrType type)
{
  if (b->n_temps == b->temps_size)
    {
      b->temps_size *= 2;
      b->temps = g_renew (Temp, b->temps, b->temps_size);
      b->temp_map = g_renew (VmtIrVal, b->temp_map, b->temps_size);
      b->used_types = g_renew (guint8, b->used_types, b->temps_size);
    }
  b->temps[b->n_temps] = (Temp){ .type = type, .alias = VMT_IR_NO_VAL };
  return VMT_IR_TEMP_FIRST + b->n_temps++;
}

static void
set_alias (VmtIrBuilder *b, VmtIrVal temp, VmtIrVal global)
{
  Temp *t = &b->temps[temp - VMT_IR_TEMP_FIRST];

  t->alias = global;
  t->insn = current_insn (b);
  t->position = b->n_ops;
  t->version = global_version (b, global);
}

/* A value that later writes of @v do not change. */
static VmtIrVal
snapshot (VmtIrBuilder *b, VmtIrVal v)
{
  VmtIrVal temp;

  if (!vmt_ir_is_global (v))
    return v;
  temp = new_temp (b, vmt_ir_arch (b->arch)->globals[v].type);
  set_alias (b, temp, v);
  return temp;
}

static VmtIrOp *
insert_op (VmtIrBuilder *b, guint at)
{
  if (b->n_ops >= HARD_MAX_OPS)
    {
      g_critical ("an instruction of more than %u ops", HARD_MAX_OPS - MAX_OPS);
      return &b->ops[b->n_ops - 1];
    }
  if (b->n_ops == b->ops_size)
    b->ops = g_renew (VmtIrOp, b->ops, b->ops_size *= 2);
  memmove (b->ops + at + 1, b->ops + at, (b->n_ops - at) * sizeof *b->ops);
  b->n_ops++;
  return &b->ops[at];
}

/* What to name in an op for @v, a value that the caller got earlier. */
static VmtIrVal
resolve (VmtIrBuilder *b, VmtIrVal v)
{
  Temp *t;
  VmtIrType type;

  if (!vmt_ir_is_temp (v))
    return v;
  t = &b->temps[v - VMT_IR_TEMP_FIRST];
  if (t->alias == VMT_IR_NO_VAL)
    return v;
  if (t->version == global_version (b, t->alias))
    return t->alias;

  type = vmt_ir_arch (b->arch)->globals[t->alias].type;
  *insert_op (b, t->position) = (VmtIrOp){
    .opcode = VMT_IR_MOV,
    .type = vmt_ir_type_class (type) == 'i' && type != VMT_IR_I128 ? VMT_IR_I64 : type,
    .d = v,
    .a = t->alias,
    .b = VMT_IR_NO_VAL,
    .c = VMT_IR_NO_VAL,
  };
  for (guint i = t->insn + 1; i < b->n_insns; i++)
    b->insns[i].first_op++;
  for (guint i = 0; i < b->n_temps; i++)
    if (b->temps[i].alias != VMT_IR_NO_VAL && b->temps[i].position > t->position)
      b->temps[i].position++;
  t->alias = VMT_IR_NO_VAL;
  return v;
}

static void
write_global (VmtIrBuilder *b, VmtIrVal global)
{
  b->versions[global]++;
}

static void
emit (VmtIrBuilder *b, VmtIrOpcode opcode, VmtIrType type, guint flags, VmtIrVal d, VmtIrVal a,
      VmtIrVal v, VmtIrVal c, gint32 imm)
{
  const VmtIrOpInfo *info = &vmt_ir_op_info[opcode];

  /* What follows the end cannot be reached. */
  if (b->ended)
    return;
  a = resolve (b, a);
  v = resolve (b, v);
  if (!(info->flags & (VMT_IR_OP_ATTR | VMT_IR_OP_COND | VMT_IR_OP_FCOND)))
    c = resolve (b, c);
  *insert_op (b, b->n_ops) = (VmtIrOp){
    .opcode = opcode,
    .type = type,
    .flags = flags,
    .d = d,
    .a = a,
    .b = v,
    .c = c,
    .imm = imm,
  };
  if (info->flags & VMT_IR_OP_END)
    b->ended = TRUE;
}

static VmtIrVal
emit_value (VmtIrBuilder *b, VmtIrOpcode opcode, VmtIrType type, guint flags, VmtIrVal a,
            VmtIrVal v, VmtIrVal c, gint32 imm)
{
  VmtIrVal d = new_temp (b, vmt_ir_op_result_type (opcode, type));

  emit (b, opcode, type, flags, d, a, v, c, imm);
  return d;
}

VmtIrVal
vmt_ir_const (VmtIrBuilder *b, guint64 value)
{
  return vmt_ir_const128 (b, value, 0);
}

VmtIrVal
vmt_ir_const128 (VmtIrBuilder *b, guint64 lo, guint64 hi)
{
  guint h = ((lo ^ hi) * G_GUINT64_CONSTANT (0x9e3779b97f4a7c15)) >> 55, slot = h;

  for (; b->hash[slot]; slot = (slot + 1) % HASH_SIZE)
    {
      const VmtIrConst *k = &b->consts[b->hash[slot] - 1];

      if (k->lo == lo && k->hi == hi)
        return VMT_IR_CONST_FIRST + b->hash[slot] - 1;
      /* An instruction with hundreds of constants: the rest is not pooled. */
      if ((slot + 1) % HASH_SIZE == h)
        break;
    }
  if (b->n_consts == b->consts_size)
    {
      b->consts_size *= 2;
      b->consts = g_renew (VmtIrConst, b->consts, b->consts_size);
      b->used_consts = g_renew (VmtIrConst, b->used_consts, b->consts_size);
      b->const_map = g_renew (VmtIrVal, b->const_map, b->consts_size);
    }
  b->consts[b->n_consts] = (VmtIrConst){ lo, hi };
  if (!b->hash[slot])
    b->hash[slot] = b->n_consts + 1;
  return VMT_IR_CONST_FIRST + b->n_consts++;
}

static gboolean
const_value (VmtIrBuilder *b, VmtIrVal v, guint64 *value)
{
  if (v == VMT_IR_NO_VAL)
    {
      *value = 0;
      return TRUE;
    }
  if (!vmt_ir_is_const (v) || b->consts[v - VMT_IR_CONST_FIRST].hi)
    return FALSE;
  *value = b->consts[v - VMT_IR_CONST_FIRST].lo;
  return TRUE;
}

static gboolean
is_commutative (VmtIrOpcode opcode)
{
  switch (opcode)
    {
    case VMT_IR_ADD:
    case VMT_IR_AND:
    case VMT_IR_OR:
    case VMT_IR_XOR:
    case VMT_IR_XNOR:
    case VMT_IR_MUL:
    case VMT_IR_MULHU:
    case VMT_IR_MULHS:
    case VMT_IR_MINS:
    case VMT_IR_MAXS:
    case VMT_IR_MINU:
    case VMT_IR_MAXU:
    case VMT_IR_CLMUL:
    case VMT_IR_CLMULH:
      return TRUE;
    default:
      return FALSE;
    }
}

/* The value of an op of @type whose result is its operand. */
static VmtIrVal
same (VmtIrBuilder *b, VmtIrType type, guint flags, VmtIrVal v)
{
  if (type == VMT_IR_I64)
    return snapshot (b, v);
  return vmt_ir_op1 (b, VMT_IR_MOV, type, flags & VMT_IR_SX, v, 0);
}

/* Whether (a op v) of an integer type is one of its operands or a constant. */
static gboolean
simplify (VmtIrBuilder *b, VmtIrOpcode opcode, VmtIrType type, guint flags, VmtIrVal a, VmtIrVal v,
          gint32 imm, VmtIrVal *result)
{
  guint w = vmt_ir_type_bits (type);
  guint64 mask = w == 64 ? G_MAXUINT64 : (G_GUINT64_CONSTANT (1) << w) - 1, k;

  if (flags & VMT_IR_UW)
    return FALSE;
  if (a == v && a != VMT_IR_NO_VAL)
    switch (opcode)
      {
      case VMT_IR_SUB:
      case VMT_IR_XOR:
      case VMT_IR_ANDN:
        *result = vmt_ir_const (b, 0);
        return TRUE;
      case VMT_IR_AND:
      case VMT_IR_OR:
      case VMT_IR_MINS:
      case VMT_IR_MAXS:
      case VMT_IR_MINU:
      case VMT_IR_MAXU:
        *result = same (b, type, flags, a);
        return TRUE;
      default:
        return FALSE;
      }
  if (opcode == VMT_IR_SHADD && const_value (b, a, &k) && !k)
    {
      *result = same (b, type, flags, v);
      return TRUE;
    }
  if (v == VMT_IR_NO_VAL || !const_value (b, v, &k))
    return FALSE;
  k &= mask;
  switch (opcode)
    {
    case VMT_IR_ADD:
    case VMT_IR_SUB:
    case VMT_IR_OR:
    case VMT_IR_XOR:
    case VMT_IR_ANDN:
      if (k)
        return FALSE;
      break;
    case VMT_IR_SHL:
    case VMT_IR_SHR:
    case VMT_IR_SAR:
    case VMT_IR_ROL:
    case VMT_IR_ROR:
      if (k & (w - 1))
        return FALSE;
      break;
    case VMT_IR_AND:
      if (k == 0)
        {
          *result = vmt_ir_const (b, 0);
          return TRUE;
        }
      if (k != mask)
        return FALSE;
      break;
    case VMT_IR_MUL:
      if (k == 0)
        {
          *result = vmt_ir_const (b, 0);
          return TRUE;
        }
      if (k != 1)
        return FALSE;
      break;
    case VMT_IR_DIVU:
      if (k != 1)
        return FALSE;
      break;
    default:
      return FALSE;
    }
  *result = same (b, type, flags, a);
  return TRUE;
}

static VmtIrVal
make (VmtIrBuilder *b, VmtIrOpcode opcode, VmtIrType type, guint flags, VmtIrVal a, VmtIrVal v,
      VmtIrVal c, gint32 imm)
{
  guint64 ka, kb, kc, k;
  VmtIrVal result;

  a = resolve (b, a);
  v = resolve (b, v);
  c = resolve (b, c);
  if (vmt_ir_type_class (type) == 'i' && type != VMT_IR_I128 &&
      strchr ("i?", vmt_ir_op_info[opcode].signature[0]))
    {
      if (is_commutative (opcode) && vmt_ir_is_const (a))
        {
          VmtIrVal x = a;

          a = v;
          v = x;
        }
      if (const_value (b, a, &ka) && const_value (b, v, &kb) && const_value (b, c, &kc) &&
          vmt_ir_fold (opcode, type, flags, ka, kb, kc, imm, &k))
        return vmt_ir_const (b, k);
      if (opcode == VMT_IR_SELECT && const_value (b, c, &kc))
        return same (b, type, flags, kc ? a : v);
      if (simplify (b, opcode, type, flags, a, v, imm, &result))
        return result;
    }
  if (opcode == VMT_IR_MOV && (type == VMT_IR_I64 || vmt_ir_type_class (type) != 'i'))
    return snapshot (b, a);
  return emit_value (b, opcode, type, flags, a, v, c, imm);
}

VmtIrVal
vmt_ir_op1 (VmtIrBuilder *b, VmtIrOpcode op, VmtIrType type, guint flags, VmtIrVal a, gint32 imm)
{
  return make (b, op, type, flags, a, VMT_IR_NO_VAL, VMT_IR_NO_VAL, imm);
}

VmtIrVal
vmt_ir_op2 (VmtIrBuilder *b, VmtIrOpcode op, VmtIrType type, guint flags, VmtIrVal a, VmtIrVal c,
            gint32 imm)
{
  return make (b, op, type, flags, a, c, VMT_IR_NO_VAL, imm);
}

VmtIrVal
vmt_ir_op3 (VmtIrBuilder *b, VmtIrOpcode op, VmtIrType type, guint flags, VmtIrVal a, VmtIrVal v,
            VmtIrVal c, gint32 imm)
{
  return make (b, op, type, flags, a, v, c, imm);
}

VmtIrVal
vmt_ir_op_ext (VmtIrBuilder *b, VmtIrOpcode opcode, VmtIrType type, guint flags, VmtIrVal a,
               VmtIrVal v, VmtIrVal c, gint32 imm, VmtIrVal xa, VmtIrVal xb, VmtIrVal xc,
               VmtIrVal *second)
{
  VmtIrVal d = VMT_IR_NO_VAL, xd = VMT_IR_NO_VAL;
  VmtIrType result = vmt_ir_op_result_type (opcode, type), ext_result;
  VmtIrOp op = { .opcode = opcode, .type = type };

  ext_result = vmt_ir_ext_result_type (&op);
  /* First: nothing may come between the op and its EXT. */
  xa = resolve (b, xa);
  xb = resolve (b, xb);
  xc = resolve (b, xc);
  if (result != VMT_IR_NONE)
    d = new_temp (b, result);
  if (ext_result != VMT_IR_NONE)
    xd = new_temp (b, ext_result);
  emit (b, opcode, type, flags, d, a, v, c, imm);
  emit (b, VMT_IR_EXT, VMT_IR_NONE, 0, xd, xa, xb, xc, 0);
  if (second)
    *second = xd;
  return d;
}

VmtIrVal
vmt_ir_masked (VmtIrBuilder *b, VmtIrOpcode opcode, VmtIrType type, VmtIrType element, VmtIrVal a,
               VmtIrVal v, VmtIrVal c, gint32 imm, VmtIrVal predicate, VmtIrVal inactive)
{
  return vmt_ir_op_ext (b, opcode, type, element | VMT_IR_MASKED, a, v, c, imm, predicate, inactive,
                        VMT_IR_NO_VAL, NULL);
}

void
vmt_ir_do (VmtIrBuilder *b, VmtIrOpcode opcode, VmtIrType type, guint flags, VmtIrVal a, VmtIrVal v,
           VmtIrVal c, gint32 imm)
{
  emit (b, opcode, type, flags, VMT_IR_NO_VAL, a, v, c, imm);
}

void
vmt_ir_set (VmtIrBuilder *b, VmtIrVal global, VmtIrVal value)
{
  VmtIrType type = vmt_ir_arch (b->arch)->globals[global].type;
  guint last;

  if (b->ended)
    return;
  value = resolve (b, value);
  if (value == global)
    return;
  last = b->n_ops;
  if (vmt_ir_is_temp (value) && last > (b->n_insns ? b->insns[b->n_insns - 1].first_op : 0))
    {
      VmtIrOp *op;

      last--;
      if (b->ops[last].opcode == VMT_IR_EXT && b->ops[last].d != value && last > 0)
        last--;
      op = &b->ops[last];
      if (op->d == value)
        {
          /* The op writes earlier than this call comes: names that the global has got since belong
           * before it. */
          for (guint i = value - VMT_IR_TEMP_FIRST + 1; i < b->n_temps; i++)
            if (b->temps[i].alias == global && b->temps[i].position > last &&
                b->temps[i].version == global_version (b, global))
              b->temps[i].position = last;
          op->d = global;
          write_global (b, global);
          set_alias (b, value, global);
          return;
        }
    }
  emit (b, VMT_IR_MOV, vmt_ir_type_class (type) == 'i' && type != VMT_IR_I128 ? VMT_IR_I64 : type,
        0, global, value, VMT_IR_NO_VAL, VMT_IR_NO_VAL, 0);
  write_global (b, global);
}

VmtIrVal
vmt_ir_load (VmtIrBuilder *b, VmtIrType type, guint flags, VmtIrVal address, gint32 displacement,
             guint attr)
{
  return emit_value (b, VMT_IR_LD, type, flags, address, VMT_IR_NO_VAL, attr, displacement);
}

void
vmt_ir_store (VmtIrBuilder *b, VmtIrType type, VmtIrVal address, gint32 displacement,
              VmtIrVal value, guint attr)
{
  emit (b, VMT_IR_ST, type, 0, VMT_IR_NO_VAL, address, value, attr, displacement);
}

VmtIrVal
vmt_ir_load_linked (VmtIrBuilder *b, VmtIrType type, guint flags, VmtIrVal address, guint attr)
{
  return emit_value (b, VMT_IR_LL, type, flags, address, VMT_IR_NO_VAL, attr, 0);
}

VmtIrVal
vmt_ir_store_conditional (VmtIrBuilder *b, VmtIrType type, VmtIrVal address, VmtIrVal value,
                          guint attr)
{
  return emit_value (b, VMT_IR_SC, type, 0, address, value, attr, 0);
}

VmtIrVal
vmt_ir_amo (VmtIrBuilder *b, VmtIrAmo amo, VmtIrType type, guint flags, VmtIrVal address,
            VmtIrVal value, guint attr)
{
  return emit_value (b, VMT_IR_AMO, type, flags, address, value, attr, amo);
}

VmtIrVal
vmt_ir_cas (VmtIrBuilder *b, VmtIrType type, guint flags, VmtIrVal address, gint32 displacement,
            VmtIrVal expected, VmtIrVal desired, guint attr)
{
  return vmt_ir_op_ext (b, VMT_IR_CAS, type, flags, address, desired, attr, displacement, expected,
                        VMT_IR_NO_VAL, VMT_IR_NO_VAL, NULL);
}

void
vmt_ir_fence (VmtIrBuilder *b, guint predecessor, guint successor)
{
  emit (b, VMT_IR_FENCE, VMT_IR_NONE, 0, VMT_IR_NO_VAL, VMT_IR_NO_VAL, VMT_IR_NO_VAL, VMT_IR_NO_VAL,
        (predecessor & 15) << 4 | (successor & 15));
}

VmtIrVal
vmt_ir_pcrel (VmtIrBuilder *b, gint32 page_offset)
{
  return emit_value (b, VMT_IR_PCREL, VMT_IR_I64, 0, VMT_IR_NO_VAL, VMT_IR_NO_VAL, VMT_IR_NO_VAL,
                     page_offset);
}

void
vmt_ir_branch (VmtIrBuilder *b, VmtIrCond cond, VmtIrType type, VmtIrVal a, VmtIrVal v,
               gint32 target)
{
  guint64 ka, kb;
  gboolean known = FALSE, taken = FALSE;

  a = resolve (b, a);
  v = resolve (b, v);
  if (a == v)
    {
      known = TRUE;
      taken = vmt_ir_fold_cond (cond, type, 0, 0);
    }
  else if (const_value (b, a, &ka) && const_value (b, v, &kb))
    {
      known = TRUE;
      taken = vmt_ir_fold_cond (cond, type, ka, kb);
    }
  if (!known)
    emit (b, VMT_IR_BRANCH, type, 0, VMT_IR_NO_VAL, a, v, cond, target);
  else if (taken)
    vmt_ir_jump (b, target, 0);
}

void
vmt_ir_jump (VmtIrBuilder *b, gint32 target, guint hints)
{
  emit (b, VMT_IR_JUMP, VMT_IR_NONE, hints, VMT_IR_NO_VAL, VMT_IR_NO_VAL, VMT_IR_NO_VAL,
        VMT_IR_NO_VAL, target);
}

void
vmt_ir_jump_indirect (VmtIrBuilder *b, VmtIrVal target, guint hints)
{
  emit (b, VMT_IR_JUMP_IND, VMT_IR_NONE, hints, VMT_IR_NO_VAL, target, VMT_IR_NO_VAL, VMT_IR_NO_VAL,
        0);
}

void
vmt_ir_exit (VmtIrBuilder *b, gint32 next)
{
  emit (b, VMT_IR_EXIT, VMT_IR_NONE, 0, VMT_IR_NO_VAL, VMT_IR_NO_VAL, VMT_IR_NO_VAL, VMT_IR_NO_VAL,
        next);
}

void
vmt_ir_trap (VmtIrBuilder *b, gint32 cause, VmtIrVal value)
{
  emit (b, VMT_IR_TRAP, VMT_IR_NONE, 0, VMT_IR_NO_VAL, value, VMT_IR_NO_VAL, VMT_IR_NO_VAL, cause);
}

VmtIrVal
vmt_ir_call (VmtIrBuilder *b, VmtIrType type, guint helper, VmtIrVal a, VmtIrVal v, VmtIrVal c)
{
  VmtIrVal d = VMT_IR_NO_VAL;

  if (type != VMT_IR_NONE)
    d = new_temp (b, vmt_ir_op_result_type (VMT_IR_CALL, type));
  emit (b, VMT_IR_CALL, type, 0, d, a, v, c, helper);
  if (vmt_ir_arch (b->arch)->helpers[helper].flags & VMT_HELPER_WRITES)
    b->all_version++;
  return d;
}

static VmtIrVal
renumber (VmtIrBuilder *b, VmtIrVal v, guint *n_consts)
{
  guint i;

  if (vmt_ir_is_temp (v))
    return b->temp_map[v - VMT_IR_TEMP_FIRST];
  if (!vmt_ir_is_const (v))
    return v;
  i = v - VMT_IR_CONST_FIRST;
  if (b->const_map[i] == VMT_IR_NO_VAL)
    {
      b->used_consts[*n_consts] = b->consts[i];
      b->const_map[i] = VMT_IR_CONST_FIRST + (*n_consts)++;
    }
  return b->const_map[i];
}

const VmtIrBlock *
vmt_ir_builder_finish_in_place (VmtIrBuilder *b, gint32 next)
{
  guint n_temps = 0, n_consts = 0;

  vmt_ir_jump (b, next, 0);
  /* Canonical form: temporaries numbered in the order of their definitions, constants in that of
   * their first uses. */
  memset (b->const_map, 0xff, b->n_consts * sizeof *b->const_map);
  memset (b->temp_map, 0xff, b->n_temps * sizeof *b->temp_map);
  for (guint i = 0; i < b->n_ops; i++)
    {
      VmtIrOp *op = &b->ops[i];
      const VmtIrOpInfo *info = &vmt_ir_op_info[op->opcode];

      op->a = renumber (b, op->a, &n_consts);
      op->b = renumber (b, op->b, &n_consts);
      if (!(info->flags & (VMT_IR_OP_ATTR | VMT_IR_OP_COND | VMT_IR_OP_FCOND)))
        op->c = renumber (b, op->c, &n_consts);
      if (vmt_ir_is_temp (op->d))
        {
          b->used_types[n_temps] = b->temps[op->d - VMT_IR_TEMP_FIRST].type;
          b->temp_map[op->d - VMT_IR_TEMP_FIRST] = VMT_IR_TEMP_FIRST + n_temps;
          op->d = VMT_IR_TEMP_FIRST + n_temps++;
        }
    }
  b->block = (VmtIrBlock){
    .ops = b->ops,
    .insns = b->insns,
    .consts = b->used_consts,
    .n_ops = b->n_ops,
    .n_insns = b->n_insns,
    .n_consts = n_consts,
    .n_temps = n_temps,
    .temp_types = b->used_types,
    .arch = b->arch,
    .fp_policy = vmt_ir_arch (b->arch)->fp_policy,
  };
  return &b->block;
}

VmtIrBlock *
vmt_ir_builder_finish (VmtIrBuilder *b, gint32 next)
{
  return vmt_ir_block_copy (vmt_ir_builder_finish_in_place (b, next));
}
