/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "ir-test-arch.h"
#include "vmt-error.h"
#include "vmt-ir-random.h"
#if defined(__x86_64__)
#include <emmintrin.h>
#endif

#define ARCH (&test_arch_riscv64)

static guint64
random64 (void)
{
  return (guint64)(guint32)g_test_rand_int () << 32 | (guint32)g_test_rand_int ();
}

static guint64
operand (void)
{
  static const guint64 special[] = { 0,
                                     1,
                                     0x7f,
                                     0x80,
                                     0xff,
                                     0x7fff,
                                     0x8000,
                                     0xffff,
                                     0x7fffffff,
                                     0x80000000,
                                     0xffffffff,
                                     G_MAXINT64,
                                     G_GUINT64_CONSTANT (1) << 63,
                                     G_MAXUINT64 };

  return g_test_rand_bit () ? special[g_test_rand_int_range (0, G_N_ELEMENTS (special))]
                            : random64 ();
}

/* --- the verifier: one mistake each -------------------------------------------------------------
 */

static void
rejected (const VmtIrBlock *block, const char *message)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *text = vmt_ir_block_to_text (block);

  if (vmt_ir_block_verify (block, &error))
    g_error ("accepted, without '%s':\n%s", message, text);
  g_assert_error (error, VMT_ERROR, VMT_ERROR_INVALID);
  if (!strstr (error->message, message))
    g_error ("'%s', not '%s':\n%s", error->message, message, text);
}

static void
test_rejects (void)
{
  static const struct
  {
    const char *arch, *body, *message;
  } bad[] = {
    /* types */
    { "riscv64", "x5 = add.f64 x5, x6\njump #0", "does not exist for this type" },
    { "riscv64", "x5 = add x5, x6\njump #0", "does not exist for this type" },
    { "riscv64", "x5 = add.i128 x5, x6\njump #0", "does not exist for this type" },
    { "riscv64", "f0 = fadd.i64 f1, f2, #0\njump #0", "does not exist for this type" },
    { "x86_64", "mm0 = fadd.f80 mm1, mm2, #0\njump #0", "does not exist for this type" },
    { "riscv64", "jump.i64 #0", "does not exist for this type" },
    { "riscv64", "x5 = bits2f.i64 x5\njump #0", "does not exist for this type" },
    { "riscv64", "x5 = f2i.i8 f0, #2049\njump #0", "does not exist for this type" },
    { "x86_64", "zmm0 = vsha256.v512.i32 zmm0, zmm1, zmm2\njump #0",
      "does not exist for this type" },
    { "x86_64", "xmm0 = vaes.v128.i32 xmm0, #0\njump #0", "does not exist for these elements" },
    { "x86_64", "xmm0 = vadd.v128.f32 xmm0, xmm1\njump #0", "does not exist for these elements" },
    { "x86_64", "xmm0 = vfadd.v128.i32 xmm0, xmm1, #0\njump #0",
      "does not exist for these elements" },
    { "x86_64", "xmm0 = vnarrow.v128.i64 xmm0, #0\njump #0", "does not exist for these elements" },
    /* flags */
    { "riscv64", "x5 = setcc.i64.sx.eq x5, x6\njump #0", "has a flag" },
    { "riscv64", "x5 = shadd.i32.uw x5, x6, #1\njump #0", "has a flag" },
    { "riscv64", "x5 = add.i64.uw x5, x6\njump #0", "has a flag" },
    { "riscv64", "x5 = add.i64.boxed x5, x6\njump #0", "has a flag" },
    { "riscv64", "x5 = ld.i64.boxed x5, #0\njump #0", "has a flag" },
    { "riscv64", "st.i64.sx x5, x6, #0\njump #0", "has a flag" },
    { "riscv64", "exit.call #0", "has a flag" },
    { "x86_64", "flags = fladd.i64.notborrow rax, rcx\njump #0", "has a flag" },
    { "x86_64", "rax = vextract.v128.i32.m xmm0, #0\next k1, _, _\njump #0", "has a flag" },
    { "x86_64", "xmm0 = vtblx.v128.i8.m xmm0, xmm1\next xmm2, _, _\njump #0", "cannot be masked" },
    /* immediates */
    { "riscv64", "x5 = extract.i64 x5, #0\njump #0", "immediate" },
    { "riscv64", "x5 = extract.i32 x5, #2072\njump #0", "immediate" }, /* 24 + 8 = 32 is the last */
    { "riscv64", "x5 = extract.i32 x5, #2073\njump #0", "immediate" },
    { "riscv64", "x5 = insert.i64 x5, x6, #-1\njump #0", "immediate" },
    { "riscv64", "x5 = shadd.i64 x5, x6, #64\njump #0", "immediate" },
    { "riscv64", "f0 = fadd.f64 f1, f2, #6\njump #0", "immediate" },
    { "riscv64", "f0 = fadd.f64 f1, f2, #16\njump #0", "immediate" },
    { "riscv64", "f0 = fcvt.f64 f1, #2048\njump #0", "immediate" },
    { "riscv64", "f0 = fcvt.f64 f1, #1024\njump #0", "immediate" },
    { "riscv64", "f0 = fsgnj.f64 f1, f1, #3\njump #0", "immediate" },
    { "riscv64", "x5 = f2i.i64 f1, #26625\njump #0", "immediate" },
    { "riscv64", "fence #256\njump #0", "immediate" },
    { "riscv64", "budget #0\njump #0", "immediate" },
    { "riscv64", "x5 = crc32.i8 x5, x6, #2\njump #0", "immediate" },
    { "x86_64", "flags = flins flags, rax, #2\njump #0", "immediate" },
    { "x86_64", "rax = vextract.v128.i32 xmm0, #4\njump #0", "immediate" },
    { "x86_64", "xmm0 = vconcat.v128.i32 xmm0, xmm1, #5\njump #0", "immediate" },
    { "x86_64", "xmm0 = vextend.v128.i32 xmm0, #768\njump #0", "immediate" },
    { "x86_64", "rax = vreduce.v128.i32.swap xmm0\njump #0", "immediate" },
    { "x86_64", "xmm0 = vresize.v128.i32 xmm1, #4\njump #0", "immediate" },
    { "x86_64", "k1 = pfirstn rax, #65\njump #0", "immediate" },
    { "x86_64", "k1 = pspread k1, #0\njump #0", "immediate" },
    /* operands */
    { "riscv64", "x5 = add.i64 x5, _\njump #0", "operand b is missing" },
    { "riscv64", "x5 = add.i64 f0, x6\njump #0", "operand a is of type f64, not of class i" },
    { "riscv64", "f0 = fadd.f64 x5, f1, #0\njump #0", "operand a is of type i64, not of class f" },
    { "riscv64", "x5 = add.i64 v0, x6\njump #0", "not of class i" },
    { "x86_64", "rax = flcond.c rax\njump #0", "operand a is of type i64, not of class F" },
    { "x86_64", "rax = flcond.c 0x5\njump #0", "flags cannot be constant" },
    { "x86_64", "rax = add.i64 rax, flags\njump #0", "not of class i" },
    { "x86_64", "xmm0 = vadd.v128.i32 ymm0, xmm1\njump #0", "operand a is of type v256" },
    { "x86_64", "mm0 = mov.f80 d0\njump #0", "operand a is of type f64" },
    { "x86_64", "d0 = fsgnj.f64 mm0, d1, #0\njump #0", "operand a is of type f80" },
    { "x86_64", "%0 = pack128.i128 rax, rcx\nrax = add.i64 %0, rcx\njump #0",
      "operand a is of type i128" },
    { "x86_64", "rax = low.i64 rcx\njump #0", "operand a is of type i64" },
    { "x86_64", "%0 = cas.i128 rdi, rax, #0\next rcx, _, _\njump #0", "operand b is of type i64" },
    { "x86_64", "rax = call.i64 @div128, xmm0, rax, rcx\njump #0", "of a helper is of type v128" },
    { "riscv64", "x5 = mov.i64 0x10000000000000000\njump #0", "more than 64 bits" },
    /* results */
    { "riscv64", "f0 = add.i64 x5, x6\njump #0", "result is of type f64, not of class i" },
    { "riscv64", "x5 = st.i64 x5, x6, #0\njump #0", "the op makes no value" },
    { "x86_64", "ymm0 = vadd.v128.i32 xmm0, xmm1\njump #0", "result is of type v256" },
    { "x86_64", "rax = ld.i128 rdi, #0\njump #0", "result is of type i64" },
    { "x86_64", "rax = flsub.i64 rax, rcx\njump #0", "result is of type i64, not of class F" },
    /* EXT */
    { "x86_64", "rax = cas.i64 rdi, rcx, #0\njump #0", "no EXT follows" },
    { "x86_64", "xmm0 = vadd.v128.i32.m xmm0, xmm1\njump #0", "no EXT follows" },
    { "x86_64", "rax = add.i64 rax, rcx\next rax, _, _\njump #0", "takes no EXT" },
    { "x86_64", "ext rax, _, _\njump #0", "begins with an EXT" },
    { "x86_64", "rax = cas.i64 rdi, rcx, #0\next rcx, rax, _\njump #0", "EXT's b is not used" },
    { "x86_64", "rax = cas.i64 rdi, rcx, #0\nrdx = ext rcx, _, _\njump #0", "EXT's result" },
    { "x86_64", "xmm0 = vadd.v128.i32.m xmm0, xmm1\next _, xmm0, _\njump #0",
      "EXT's a is missing" },
    { "x86_64", "xmm0 = vadd.v128.i32.m xmm0, xmm1\next rax, xmm0, _\njump #0",
      "EXT's a is of type i64" },
    { "x86_64", "k1 = vcmp.v128.i32.m.eq xmm0, xmm1\next k1, xmm0, _\njump #0",
      "EXT's b is not used" },
    { "x86_64", "rax = cas.i64 rdi, rcx, #0\ninsn 4, 4\next rcx, _, _\njump #0",
      "begins with an EXT" },
    /* the end */
    { "riscv64", "x5 = add.i64 x5, x6", "the block does not end" },
    { "riscv64", "br.i64.eq x5, x6, #8", "the block does not end" },
    { "riscv64", "jump #0\njump #0", "is not the last op" },
    { "riscv64", "trap x5, #2\nx5 = mov.i64 x6\njump #0", "is not the last op" },
    /* what may fault comes before what changes state */
    { "riscv64", "x5 = mov.i64 x6\nx6 = ld.i64 x6, #0\njump #0", "without a commit" },
    { "riscv64", "st.i64 x5, x6, #0\nst.i64 x5, x6, #8\njump #0", "without a commit" },
    { "riscv64", "x5 = sc.i64 x6, x7, #0\nx7 = ld.i64 x6, #0\njump #0", "without a commit" },
    { "riscv64", "f0 = fadd.f64 f1, f2, #0\nst.f64 x5, f0, #0\njump #0", "without a commit" },
    { "riscv64", "x5 = call.i64 @csr_write, x5, x6, x7\nx6 = ld.i64 x6, #0\njump #0",
      "without a commit" },
    { "riscv64", "x5 = mov.i64 x6\nx6 = call.i64 @csr_write, x5, x6, x7\njump #0",
      "without a commit" },
    { "riscv64", "x5 = mov.i64 x6\ntrap x5, #2", "without a commit" },
    { "riscv64", "x5 = mov.i64 x6\ntrapif x5, x6, #2\njump #0", "without a commit" },
    { "riscv64", "x5 = mov.i64 x6\nbudget #4\njump #0", "without a commit" },
    { "riscv64", "commit\nx5 = mov.i64 x6\ninsn 4, 4\nx5 = mov.i64 x6\nx6 = ld.i64 x6, #0\njump #0",
      "without a commit" },
    /* probes */
    { "riscv64", "st.i64 x5, x6, #0 {probed}\njump #0", "no probe" },
    { "riscv64", "probe.i64 x5, #0\nst.i64 x5, x6, #0 {probed}\njump #0", "no probe" },
    { "riscv64", "probe.i64 x5, #0 {store-fault}\nst.i64 x5, x6, #4 {probed}\njump #0",
      "no probe" },
    { "riscv64", "probe.i64 x5, #0 {store-fault}\nst.i64 x6, x5, #0 {probed}\njump #0",
      "no probe" },
    { "riscv64",
      "probe.i64 x5, #0 {store-fault}\nx5 = mov.i64 x6\nst.i64 x5, x6, #0 {probed}\njump #0",
      "no probe" },
    { "riscv64", "probe.i64 x5, #0 {store-fault}\ninsn 4, 4\nst.i64 x5, x6, #0 {probed}\njump #0",
      "no probe" },
  };

  for (guint i = 0; i < G_N_ELEMENTS (bad); i++)
    {
      g_autofree char *text = g_strdup_printf ("block\ninsn 0, 4\n%s\nend\n", bad[i].body);
      g_autoptr (GError) error = NULL;
      g_autoptr (VmtIrBlock) block =
          vmt_ir_block_from_text (text, test_arch_by_name (bad[i].arch), &error);

      if (!block)
        g_error ("%s: %s", error->message, text);
      /* the limit itself is fine */
      if (strstr (bad[i].body, "#2072"))
        {
          g_assert_true (vmt_ir_block_verify (block, NULL));
          continue;
        }
      rejected (block, bad[i].message);
    }
}

/* What text cannot say. */
static void
test_rejects_tables (void)
{
  enum
  {
    A = VMT_IR_TEMP_FIRST,
    K = VMT_IR_CONST_FIRST,
    NO = VMT_IR_NO_VAL
  };
  const VmtIrOp good_ops[] = { { VMT_IR_ADD, VMT_IR_I64, 0, A, 1, K, NO, 0 },
                               { VMT_IR_ADD, VMT_IR_I64, 0, A + 1, A, K + 1, NO, 0 },
                               { VMT_IR_JUMP, 0, 0, NO, NO, NO, NO, 8 } };
  const VmtIrInsn good_insns[] = { { 0, 0, 4, 0 }, { 1, 4, 4, 0 }, { 2, 8, 4, 0 } };
  const VmtIrConst good_consts[] = { { 5, 0 }, { 6, 0 } };
  const guint8 good_types[] = { VMT_IR_I64, VMT_IR_I64 };
  VmtIrOp ops[3];
  VmtIrInsn insns[3];
  VmtIrConst consts[2];
  guint8 types[2];
  VmtIrBlock block;

#define RESET()                                                                                    \
  memcpy (ops, good_ops, sizeof ops);                                                              \
  memcpy (insns, good_insns, sizeof insns);                                                        \
  memcpy (consts, good_consts, sizeof consts);                                                     \
  memcpy (types, good_types, sizeof types);                                                        \
  block = (VmtIrBlock){ .ops = ops,                                                                \
                        .insns = insns,                                                            \
                        .consts = consts,                                                          \
                        .n_ops = 3,                                                                \
                        .n_insns = 3,                                                              \
                        .n_consts = 2,                                                             \
                        .n_temps = 2,                                                              \
                        .temp_types = types,                                                       \
                        .arch = ARCH }
#define REJECT(change, message)                                                                    \
  RESET ();                                                                                        \
  change;                                                                                          \
  rejected (&block, message)

  RESET ();
  g_assert_true (vmt_ir_block_verify (&block, NULL));
  REJECT (block.n_ops = 0, "no op");
  REJECT (ops[1].opcode = VMT_IR_N_OPS, "unknown opcode");
  REJECT (ops[1].opcode = 0xffff, "unknown opcode");
  REJECT (ops[1].type = VMT_IR_FLAGS + 1, "does not exist for this type");
  REJECT (ops[1].type = 0xff, "does not exist for this type");
  REJECT (ops[1].flags = 0x80, "has a flag");
  REJECT (ops[1].imm = 1, "immediate");
  REJECT (ops[1].c = A, "operand c is not used");
  REJECT (ops[2].d = A, "the op makes no value");
  REJECT (ops[0].a = 0xfff, "a global that does not exist");
  REJECT (ops[0].d = 0xfff, "a global that does not exist");
  REJECT (ops[0].a = A + 2, "a temporary that does not exist");
  REJECT (ops[0].a = A, "used before it is defined");
  REJECT (ops[0].a = A + 1, "used before it is defined");
  REJECT (ops[1].d = A, "assigned a second time");
  REJECT (ops[0].d = A + 1, "not in the order of their definitions");
  REJECT (ops[1].d = A + 2, "a temporary that does not exist");
  REJECT (ops[0].d = K, "result is a constant");
  REJECT (ops[1].b = K + 2, "a constant outside the pool");
  REJECT (ops[0].b = K + 1, "not in the order of their first use");
  REJECT (ops[1].b = K, "never used");
  REJECT (consts[1].lo = 5, "are equal");
  REJECT (consts[0].hi = 5, "more than 64 bits");
  REJECT (types[1] = VMT_IR_I32, "in the table");
  REJECT (ops[1].d = 2, "never defined");
  REJECT (block.n_insns = 0, "no instruction");
  REJECT (insns[0].first_op = 1, "ops before the first instruction");
  REJECT (insns[2].first_op = 0, "begins before the one before it");
  REJECT (insns[2].first_op = 4, "begins after the last op");
  REJECT (insns[1].reserved = 1, "reserved");
  REJECT ((ops[1] = (VmtIrOp){ VMT_IR_BRANCH, VMT_IR_I64, 0, NO, 1, K + 1, 6, 0 }),
          "condition is out of range");
  REJECT ((ops[1] = (VmtIrOp){ VMT_IR_SETCC, VMT_IR_I64, 0, A + 1, 1, K + 1, NO, 6 }), "immediate");
  REJECT ((ops[1] = (VmtIrOp){ VMT_IR_LD, VMT_IR_I64, 0, A + 1, 1, NO, 0x40, 0 }),
          "unknown memory attribute");
  REJECT ((ops[1] = (VmtIrOp){ VMT_IR_LD, VMT_IR_I64, 0, A + 1, 1, K + 1, 0, 0 }),
          "operand b is not used");
  REJECT ((ops[1] = (VmtIrOp){ VMT_IR_AMO, VMT_IR_I64, 0, A + 1, 1, K + 1, 0, 9 }), "immediate");
  REJECT ((ops[1] = (VmtIrOp){ VMT_IR_CALL, VMT_IR_I64, 0, A + 1, 1, K + 1, NO, 3 }),
          "a helper that does not exist");
  REJECT ((ops[1] = (VmtIrOp){ VMT_IR_CALL, VMT_IR_I64, 0, A + 1, 1, K + 1, NO, -1 }),
          "a helper that does not exist");
#undef REJECT
#undef RESET
}

/* --- every op can be verified, printed, parsed and evaluated ------------------------------------
 */

/* Operands by class for an op of @type on the x86 or Arm test architecture; NULL: none there. */
static gint
variable (const VmtArchOps *arch, char class, VmtIrType type)
{
  for (guint i = 0; i < arch->n_globals; i++)
    {
      VmtIrType t = arch->globals[i].type;

      if (vmt_ir_type_class (t) == class && (class != 'v' || t == type) &&
          (class != 'f' || (t == VMT_IR_F80) == (type == VMT_IR_F80)))
        return i;
    }
  return -1;
}

static gboolean
try_op (const VmtArchOps *arch, VmtIrOpcode opcode, VmtIrType type, guint flags, gint32 imm)
{
  const VmtIrOpInfo *info = &vmt_ir_op_info[opcode];
  VmtIrOp ops[5];
  guint n = 0, n_temps = 0;
  guint8 temp_types[3];
  VmtIrInsn insn = { 0, 0, 4, 0 };
  VmtIrBlock block = { .ops = ops,
                       .insns = &insn,
                       .n_insns = 1,
                       .temp_types = temp_types,
                       .arch = arch,
                       .fp_policy = arch->fp_policy };
  VmtIrVal v[3] = { VMT_IR_NO_VAL, VMT_IR_NO_VAL, VMT_IR_NO_VAL }, pair = VMT_IR_NO_VAL;
  VmtIrOp *op;
  const char *ext;

  if (type == VMT_IR_I128 || opcode == VMT_IR_LOW || opcode == VMT_IR_HIGH)
    {
      pair = VMT_IR_TEMP_FIRST;
      ops[n++] = (VmtIrOp){ VMT_IR_PACK128, VMT_IR_I128, 0, pair, 0, 1, VMT_IR_NO_VAL, 0 };
      temp_types[n_temps++] = VMT_IR_I128;
    }
  for (guint i = 0; i < 3; i++)
    {
      char class = vmt_ir_op_operand_class (opcode, i);
      gboolean from_f80 = opcode == VMT_IR_FCVT && imm >> 8 == VMT_IR_F80;
      gint g;

      if (class == '-')
        continue;
      if (class == '?')
        class = opcode == VMT_IR_CALL ? 'i' : vmt_ir_type_class (type);
      g = variable (arch, class,
                    opcode == VMT_IR_V_RESIZE ? (VmtIrType)imm
                    : opcode == VMT_IR_FCVT   ? (from_f80 ? VMT_IR_F80 : VMT_IR_F64)
                                              : type);
      if (g < 0)
        return FALSE;
      v[i] = g;
      if (class == 'i' && pair != VMT_IR_NO_VAL && opcode != VMT_IR_PACK128 &&
          (opcode == VMT_IR_MOV || opcode == VMT_IR_SETCC || opcode == VMT_IR_LOW ||
           opcode == VMT_IR_HIGH || (opcode == VMT_IR_SELECT ? i < 2 : i > 0)))
        v[i] = pair;
    }
  op = &ops[n++];
  *op = (VmtIrOp){ opcode, type, flags, VMT_IR_NO_VAL, v[0], v[1], v[2], imm };
  if (info->flags & (VMT_IR_OP_ATTR | VMT_IR_OP_COND | VMT_IR_OP_FCOND))
    op->c = 0;
  if (vmt_ir_op_result_type (opcode, type) != VMT_IR_NONE)
    {
      op->d = VMT_IR_TEMP_FIRST + n_temps;
      temp_types[n_temps++] = vmt_ir_op_result_type (opcode, type);
    }
  ext = strchr (info->signature, '+');
  if (ext || flags & VMT_IR_MASKED)
    {
      VmtIrOp *x = &ops[n++];
      char class = ext ? ext[3] : 'p';
      gint g = variable (arch, class, type);

      *x = (VmtIrOp){ VMT_IR_EXT, 0, 0, VMT_IR_NO_VAL, g, VMT_IR_NO_VAL, VMT_IR_NO_VAL, 0 };
      if (type == VMT_IR_I128)
        x->a = pair;
      if (ext && ext[1] != '-')
        {
          x->d = VMT_IR_TEMP_FIRST + n_temps;
          temp_types[n_temps++] = ext[1] == 'i' ? VMT_IR_I64 : ext[1] == 'p' ? VMT_IR_PRED : type;
        }
    }
  if (!(info->flags & VMT_IR_OP_END))
    ops[n++] = (VmtIrOp){ VMT_IR_JUMP,   0, 0, VMT_IR_NO_VAL, VMT_IR_NO_VAL, VMT_IR_NO_VAL,
                          VMT_IR_NO_VAL, 4 };
  block.n_ops = n;
  block.n_temps = n_temps;
  if (!vmt_ir_block_verify (&block, NULL))
    return FALSE;
  g_assert_true (test_round_trip (&block));
  for (guint i = 0; i < 4; i++)
    {
      TestState *state = test_state_new (arch);

      vmt_ir_random_state (arch, g_test_rand_int (), &state->vcpu);
      /* addresses that exist, half of the time */
      if (i & 1)
        *(guint64 *)test_slot (state, arch, 0) = TEST_RAM + 64;
      g_assert_cmpint (test_eval (state, &block, i & 2 ? 1000000 : 0, NULL), >, VMT_IR_EVAL_NEXT);
      test_state_free (state);
    }
  return TRUE;
}

static void
test_every_op (void)
{
  static const gint32 imms[] = { 0,     1,     2,     5,     7,      8,      0x101,
                                 0x203, 0x700, 0x701, 0x703, 0x800,  0x807,  0x907,
                                 0x100, 0x200, 0x300, 0x400, 0x1801, 0x3807, VMT_IR_V256 };
  guint total = 0;

  for (guint op = 0; op < VMT_IR_N_OPS; op++)
    {
      guint forms = 0;

      if (op == VMT_IR_EXT)
        continue;
      for (guint a = 0; a < 2; a++)
        for (guint type = 0; type <= VMT_IR_FLAGS; type++)
          for (guint elem = 0; elem <= VMT_IR_F64; elem++)
            for (guint masked = 0; masked < 2; masked++)
              for (guint k = 0; k < G_N_ELEMENTS (imms); k++)
                {
                  gboolean is_vector = vmt_ir_op_info[op].flags & VMT_IR_OP_VEC;

                  if (!is_vector && (elem || masked))
                    continue;
                  forms += try_op (a ? &test_arch_x86_64 : &test_arch_aarch64, op, type,
                                   is_vector ? elem | (masked ? VMT_IR_MASKED : 0) : 0, imms[k]);
                }
      if (!forms)
        g_error ("%s has no valid form", vmt_ir_op_info[op].name);
      total += forms;
    }
  g_test_message ("%u forms", total);
}

/* Names are unique, and signatures are what the parser expects. */
static void
test_table (void)
{
  g_autoptr (GHashTable) names = g_hash_table_new (g_str_hash, g_str_equal);

  for (guint op = 0; op < VMT_IR_N_OPS; op++)
    {
      const VmtIrOpInfo *info = &vmt_ir_op_info[op];

      g_assert_true (g_hash_table_add (names, (gpointer)info->name));
      g_assert_nonnull (strchr ("ifvpF-?", info->signature[0]));
      g_assert_cmpint (info->signature[1], ==, ':');
      g_assert_cmpuint (strspn (info->signature, "ifvpF-?:#+[]"), ==, strlen (info->signature));
      g_assert_cmpint (!strchr (info->signature, '+'), ==, !(info->flags & VMT_IR_OP_HAS_EXT));
      if (info->flags & VMT_IR_OP_END)
        g_assert_true (info->flags & VMT_IR_OP_EXIT);
    }
}

#if defined(__x86_64__)
/* --- flags, against the host's ------------------------------------------------------------------
 */

/* 128 bytes below the stack pointer are the compiler's. */
#define X86_FLAGS "pushfq\n\tpopq %[f]\n\tleaq 128(%%rsp), %%rsp"
#define SET_FLAGS "leaq -128(%%rsp), %%rsp\n\tpushq %[in]\n\tpopfq\n\t"

#define BINARY(name, insn)                                                                         \
  static guint64 name (guint w, guint64 a, guint64 b, guint64 in, guint64 *f)                      \
  {                                                                                                \
    switch (w)                                                                                     \
      {                                                                                            \
      case 8:                                                                                      \
        __asm__ volatile(SET_FLAGS insn "b %b[b], %b[a]\n\t" X86_FLAGS                             \
                         : [a] "+&r"(a), [f] "=&r"(*f)                                             \
                         : [b] "c"(b), [in] "r"(in)                                                \
                         : "cc", "memory");                                                        \
        break;                                                                                     \
      case 16:                                                                                     \
        __asm__ volatile(SET_FLAGS insn "w %w[b], %w[a]\n\t" X86_FLAGS                             \
                         : [a] "+&r"(a), [f] "=&r"(*f)                                             \
                         : [b] "c"(b), [in] "r"(in)                                                \
                         : "cc", "memory");                                                        \
        break;                                                                                     \
      case 32:                                                                                     \
        __asm__ volatile(SET_FLAGS insn "l %k[b], %k[a]\n\t" X86_FLAGS                             \
                         : [a] "+&r"(a), [f] "=&r"(*f)                                             \
                         : [b] "c"(b), [in] "r"(in)                                                \
                         : "cc", "memory");                                                        \
        break;                                                                                     \
      default:                                                                                     \
        __asm__ volatile(SET_FLAGS insn "q %q[b], %q[a]\n\t" X86_FLAGS                             \
                         : [a] "+&r"(a), [f] "=&r"(*f)                                             \
                         : [b] "c"(b), [in] "r"(in)                                                \
                         : "cc", "memory");                                                        \
        break;                                                                                     \
      }                                                                                            \
    return a;                                                                                      \
  }
#define SHIFT(name, insn)                                                                          \
  static guint64 name (guint w, guint64 a, guint64 b, guint64 in, guint64 *f)                      \
  {                                                                                                \
    switch (w)                                                                                     \
      {                                                                                            \
      case 8:                                                                                      \
        __asm__ volatile(SET_FLAGS insn "b %%cl, %b[a]\n\t" X86_FLAGS                              \
                         : [a] "+&r"(a), [f] "=&r"(*f)                                             \
                         : "c"(b), [in] "r"(in)                                                    \
                         : "cc", "memory");                                                        \
        break;                                                                                     \
      case 16:                                                                                     \
        __asm__ volatile(SET_FLAGS insn "w %%cl, %w[a]\n\t" X86_FLAGS                              \
                         : [a] "+&r"(a), [f] "=&r"(*f)                                             \
                         : "c"(b), [in] "r"(in)                                                    \
                         : "cc", "memory");                                                        \
        break;                                                                                     \
      case 32:                                                                                     \
        __asm__ volatile(SET_FLAGS insn "l %%cl, %k[a]\n\t" X86_FLAGS                              \
                         : [a] "+&r"(a), [f] "=&r"(*f)                                             \
                         : "c"(b), [in] "r"(in)                                                    \
                         : "cc", "memory");                                                        \
        break;                                                                                     \
      default:                                                                                     \
        __asm__ volatile(SET_FLAGS insn "q %%cl, %q[a]\n\t" X86_FLAGS                              \
                         : [a] "+&r"(a), [f] "=&r"(*f)                                             \
                         : "c"(b), [in] "r"(in)                                                    \
                         : "cc", "memory");                                                        \
        break;                                                                                     \
      }                                                                                            \
    return a;                                                                                      \
  }
#define UNARY(name, insn)                                                                          \
  static guint64 name (guint w, guint64 a, guint64 b, guint64 in, guint64 *f)                      \
  {                                                                                                \
    switch (w)                                                                                     \
      {                                                                                            \
      case 8:                                                                                      \
        __asm__ volatile(SET_FLAGS insn "b %b[a]\n\t" X86_FLAGS                                    \
                         : [a] "+&r"(a), [f] "=&r"(*f)                                             \
                         : [in] "r"(in)                                                            \
                         : "cc", "memory");                                                        \
        break;                                                                                     \
      case 16:                                                                                     \
        __asm__ volatile(SET_FLAGS insn "w %w[a]\n\t" X86_FLAGS                                    \
                         : [a] "+&r"(a), [f] "=&r"(*f)                                             \
                         : [in] "r"(in)                                                            \
                         : "cc", "memory");                                                        \
        break;                                                                                     \
      case 32:                                                                                     \
        __asm__ volatile(SET_FLAGS insn "l %k[a]\n\t" X86_FLAGS                                    \
                         : [a] "+&r"(a), [f] "=&r"(*f)                                             \
                         : [in] "r"(in)                                                            \
                         : "cc", "memory");                                                        \
        break;                                                                                     \
      default:                                                                                     \
        __asm__ volatile(SET_FLAGS insn "q %q[a]\n\t" X86_FLAGS                                    \
                         : [a] "+&r"(a), [f] "=&r"(*f)                                             \
                         : [in] "r"(in)                                                            \
                         : "cc", "memory");                                                        \
        break;                                                                                     \
      }                                                                                            \
    return a;                                                                                      \
  }

BINARY (host_add, "add")
BINARY (host_adc, "adc")
BINARY (host_sub, "sub")
BINARY (host_sbb, "sbb")
BINARY (host_and, "and")
UNARY (host_inc, "inc")
UNARY (host_dec, "dec")
SHIFT (host_shl, "shl")
SHIFT (host_shr, "shr")
SHIFT (host_sar, "sar")
SHIFT (host_rol, "rol")
SHIFT (host_ror, "ror")
SHIFT (host_rcl, "rcl")
SHIFT (host_rcr, "rcr")

static const struct
{
  guint64 (*host) (guint w, guint64 a, guint64 b, guint64 in, guint64 *f);
  guint16 value, flags;
  gboolean is_shift;
} flag_ops[] = {
  { host_add, VMT_IR_ADD, VMT_IR_FL_ADD, FALSE },   { host_adc, VMT_IR_ADC, VMT_IR_FL_ADC, FALSE },
  { host_sub, VMT_IR_SUB, VMT_IR_FL_SUB, FALSE },   { host_sbb, VMT_IR_SBB, VMT_IR_FL_SBB, FALSE },
  { host_and, VMT_IR_AND, VMT_IR_FL_LOGIC, FALSE }, { host_inc, VMT_IR_ADD, VMT_IR_FL_INC, FALSE },
  { host_dec, VMT_IR_SUB, VMT_IR_FL_DEC, FALSE },   { host_shl, VMT_IR_SHL, VMT_IR_FL_SHL, TRUE },
  { host_shr, VMT_IR_SHR, VMT_IR_FL_SHR, TRUE },    { host_sar, VMT_IR_SAR, VMT_IR_FL_SAR, TRUE },
  { host_rol, VMT_IR_ROL, VMT_IR_FL_ROL, TRUE },    { host_ror, VMT_IR_ROR, VMT_IR_FL_ROR, TRUE },
  { host_rcl, VMT_IR_RCL, VMT_IR_FL_RCL, TRUE },    { host_rcr, VMT_IR_RCR, VMT_IR_FL_RCR, TRUE },
};

/* A block of the value, the flags and all conditions, on random operands and old flags: the same as
 * the host's instruction. */
static void
test_flags_host (void)
{
  static const guint8 types[] = { VMT_IR_I8, VMT_IR_I16, VMT_IR_I32, VMT_IR_I64 };
  const VmtArchOps *arch = &test_arch_x86_64;
  TestState *state = test_state_new (arch);
  guint64 *rax = test_slot (state, arch, test_global (arch, "rax"));
  guint64 *rcx = test_slot (state, arch, test_global (arch, "rcx"));
  guint64 *rdx = test_slot (state, arch, test_global (arch, "rdx"));
  VmtIrFlags *flags = test_slot (state, arch, test_global (arch, "flags"));

  for (guint round = 0; round < 60000; round++)
    {
      guint i = g_test_rand_int_range (0, G_N_ELEMENTS (flag_ops));
      VmtIrType type = types[g_test_rand_int_range (0, 4)];
      guint w = vmt_ir_type_bits (type), in = g_test_rand_int () & VMT_IR_FLAGS_ALL;
      guint64 a = operand (), b = operand (), host_flags, host,
              mask = w == 64 ? -1 : (1ull << w) - 1;
      guint count = b & (w == 64 ? 63 : 31), defined = VMT_IR_FLAGS_ALL;
      VmtIrVal c = VMT_IR_TEMP_FIRST;
      guint16 fl = flag_ops[i].flags, op = flag_ops[i].value;
      gboolean takes_old = strchr (vmt_ir_op_info[fl].signature + 1, 'F') != NULL;
      gboolean one = fl == VMT_IR_FL_INC || fl == VMT_IR_FL_DEC, logic = fl == VMT_IR_FL_LOGIC;
      VmtIrVal b_val = one ? VMT_IR_CONST_FIRST : 1, no = VMT_IR_NO_VAL;
      gboolean three = vmt_ir_op_operand_class (op, 2) == 'i';
      VmtIrConst k = { 1, 0 };
      VmtIrInsn insn = { 0, 0, 4, 0 };
      gint flags_val = test_global (arch, "flags");
      VmtIrOp ops[4];
      guint8 temp_types[] = { VMT_IR_I64 };
      VmtIrBlock block = { .ops = ops,
                           .n_ops = 4,
                           .insns = &insn,
                           .n_insns = 1,
                           .consts = &k,
                           .n_consts = one,
                           .temp_types = temp_types,
                           .n_temps = 1,
                           .arch = arch };

      /* Narrow shifts by more than the width are not what SHL and so on say. */
      if (flag_ops[i].is_shift && op != VMT_IR_RCL && op != VMT_IR_RCR && op != VMT_IR_ROL &&
          op != VMT_IR_ROR && count >= w)
        continue;
      ops[0] = (VmtIrOp){ VMT_IR_FL_COND, 0, 0, c, flags_val, no, no, VMT_IR_FC_C };
      ops[1] = (VmtIrOp){ op, type, 0, test_global (arch, "rdx"), 0, b_val, three ? c : no, 0 };
      ops[2] = (VmtIrOp){ fl,
                          type,
                          0,
                          flags_val,
                          logic ? test_global (arch, "rdx") : 0,
                          logic ? no
                          : one ? flags_val
                                : 1,
                          one || logic ? no
                          : takes_old  ? flags_val
                          : three      ? c
                                       : no,
                          0 };
      ops[3] = (VmtIrOp){ VMT_IR_JUMP, 0, 0, no, no, no, no, 4 };
      {
        g_autoptr (GError) error = NULL;

        vmt_ir_block_verify (&block, &error);
        g_assert_no_error (error);
      }
      *rax = a;
      *rcx = b;
      *flags = vmt_ir_flags_from_bits (in);
      test_eval (state, &block, 0, NULL);
      host = flag_ops[i].host (w, a & mask, b & mask, in | 2, &host_flags);
      if (logic)
        defined &= ~VMT_IR_FLAG_A;
      if (flag_ops[i].is_shift)
        {
          if (count != 1)
            defined &= count ? ~(VMT_IR_FLAG_O | VMT_IR_FLAG_A) : ~0u;
          else if (op == VMT_IR_SHL || op == VMT_IR_SHR || op == VMT_IR_SAR)
            defined &= ~VMT_IR_FLAG_A;
          /* a rotation through carry that goes round */
          if ((op == VMT_IR_RCL || op == VMT_IR_RCR) && count && count % (w + 1) == 0)
            defined &= ~VMT_IR_FLAG_O;
        }
      if ((host & mask) != *rdx ||
          ((host_flags ^ vmt_ir_flags_bits (flags)) & defined & VMT_IR_FLAGS_ALL))
        g_error ("%s.%s %" G_GINT64_MODIFIER "x, %" G_GINT64_MODIFIER "x, flags %x: "
                 "%" G_GINT64_MODIFIER "x %x, host %" G_GINT64_MODIFIER "x %x",
                 vmt_ir_op_info[op].name, vmt_ir_type_name (type), a, b, in, *rdx,
                 vmt_ir_flags_bits (flags), host & mask, (guint)host_flags & VMT_IR_FLAGS_ALL);
    }
  test_state_free (state);
}

/* --- vectors, against the host's SSE2 -----------------------------------------------------------
 */

static __m128i
unpack (__m128i a, __m128i b, gint high)
{
  return high ? _mm_unpackhi_epi8 (a, b) : _mm_unpacklo_epi8 (a, b);
}

static void
test_vectors_host (void)
{
  const VmtArchOps *arch = &test_arch_x86_64;
  TestState *state = test_state_new (arch);
  guint8 *x[3];
  static const struct
  {
    guint16 op;
    guint8 elem;
    gint32 imm;
  } ops[] = {
    { VMT_IR_V_ADD, VMT_IR_I8, 0 },
    { VMT_IR_V_ADD, VMT_IR_I64, 0 },
    { VMT_IR_V_SUB, VMT_IR_I16, 0 },
    { VMT_IR_V_SUB, VMT_IR_I32, 0 },
    { VMT_IR_V_MUL, VMT_IR_I16, 0 },
    { VMT_IR_V_MULHU, VMT_IR_I16, 0 },
    { VMT_IR_V_MULHS, VMT_IR_I16, 0 },
    { VMT_IR_V_ADDUS, VMT_IR_I8, 0 },
    { VMT_IR_V_ADDSS, VMT_IR_I16, 0 },
    { VMT_IR_V_SUBUS, VMT_IR_I16, 0 },
    { VMT_IR_V_SUBSS, VMT_IR_I8, 0 },
    { VMT_IR_V_AVGU, VMT_IR_I8, 0 },
    { VMT_IR_V_AVGU, VMT_IR_I16, 0 },
    { VMT_IR_V_MINU, VMT_IR_I8, 0 },
    { VMT_IR_V_MAXS, VMT_IR_I16, 0 },
    { VMT_IR_V_ANDN, VMT_IR_I64, 0 },
    { VMT_IR_V_ZIP, VMT_IR_I8, 0 },
    { VMT_IR_V_ZIP, VMT_IR_I8, 1 },
    { VMT_IR_V_CMP, VMT_IR_I8, VMT_IR_LT },
    { VMT_IR_V_CMP, VMT_IR_I32, VMT_IR_EQ },
    { VMT_IR_V_TO_PRED, VMT_IR_I8, 0 },
    { VMT_IR_V_NARROW, VMT_IR_I8, VMT_IR_V_SAT_SS },
    { VMT_IR_V_NARROW, VMT_IR_I8, VMT_IR_V_SAT_SU },
    { VMT_IR_V_NARROW, VMT_IR_I16, VMT_IR_V_SAT_SS },
    { VMT_IR_V_CONCAT, VMT_IR_I8, 5 },
  };

  for (guint i = 0; i < 3; i++)
    {
      char name[] = "xmm0";

      name[3] += i;
      x[i] = test_slot (state, arch, test_global (arch, name));
    }
  for (guint round = 0; round < 20000; round++)
    {
      guint i = g_test_rand_int_range (0, G_N_ELEMENTS (ops));
      guint op = ops[i].op, xmm = test_global (arch, "xmm0");
      gboolean to_pred = vmt_ir_op_info[op].signature[0] == 'p';
      gboolean two = vmt_ir_op_operand_class (op, 1) == 'v';
      VmtIrVal no = VMT_IR_NO_VAL, k1 = test_global (arch, "k1");
      VmtIrOp code[2] = { { op, VMT_IR_V128, ops[i].elem, to_pred ? k1 : xmm, xmm + 1,
                            two ? xmm + 2 : no, no, ops[i].imm },
                          { VMT_IR_JUMP, 0, 0, no, no, no, no, 4 } };
      VmtIrInsn insn = { 0, 0, 4, 0 };
      VmtIrBlock block = { .ops = code, .n_ops = 2, .insns = &insn, .n_insns = 1, .arch = arch };
      g_autoptr (GError) error = NULL;
      __m128i a, b, r = _mm_setzero_si128 (), zero = _mm_setzero_si128 ();
      guint64 p = 0, have[2], want[2];

      for (guint j = 0; j < 16; j += 4)
        {
          guint32 u = g_test_rand_bit () ? operand () : random64 (), v = operand ();

          memcpy (x[1] + j, &u, 4);
          /* often equal */
          memcpy (x[2] + j, g_test_rand_int_range (0, 4) ? &v : &u, 4);
        }
      memcpy (&a, x[1], 16);
      memcpy (&b, x[2], 16);
      vmt_ir_block_verify (&block, &error);
      g_assert_no_error (error);
      test_eval (state, &block, 0, NULL);
      switch (i)
        {
        case 0:
          r = _mm_add_epi8 (a, b);
          break;
        case 1:
          r = _mm_add_epi64 (a, b);
          break;
        case 2:
          r = _mm_sub_epi16 (a, b);
          break;
        case 3:
          r = _mm_sub_epi32 (a, b);
          break;
        case 4:
          r = _mm_mullo_epi16 (a, b);
          break;
        case 5:
          r = _mm_mulhi_epu16 (a, b);
          break;
        case 6:
          r = _mm_mulhi_epi16 (a, b);
          break;
        case 7:
          r = _mm_adds_epu8 (a, b);
          break;
        case 8:
          r = _mm_adds_epi16 (a, b);
          break;
        case 9:
          r = _mm_subs_epu16 (a, b);
          break;
        case 10:
          r = _mm_subs_epi8 (a, b);
          break;
        case 11:
          r = _mm_avg_epu8 (a, b);
          break;
        case 12:
          r = _mm_avg_epu16 (a, b);
          break;
        case 13:
          r = _mm_min_epu8 (a, b);
          break;
        case 14:
          r = _mm_max_epi16 (a, b);
          break;
        case 15:
          r = _mm_andnot_si128 (b, a);
          break;
        case 16:
        case 17:
          r = unpack (a, b, i == 17);
          break;
        case 18:
          p = _mm_movemask_epi8 (_mm_cmplt_epi8 (a, b));
          break;
        case 19:
          p = _mm_movemask_ps (_mm_castsi128_ps (_mm_cmpeq_epi32 (a, b)));
          break;
        case 20:
          p = _mm_movemask_epi8 (a);
          break;
        case 21:
          r = _mm_packs_epi16 (a, zero);
          break;
        case 22:
          r = _mm_packus_epi16 (a, zero);
          break;
        case 23:
          r = _mm_packs_epi32 (a, zero);
          break;
        default:
          r = _mm_or_si128 (_mm_srli_si128 (a, 5), _mm_slli_si128 (b, 11));
          break;
        }
      memcpy (want, &r, 16);
      memcpy (have, x[0], 16);
      if (to_pred)
        {
          want[0] = p;
          have[0] = *(guint64 *)test_slot (state, arch, k1);
          want[1] = have[1] = 0;
        }
      if (have[0] != want[0] || have[1] != want[1])
        g_error ("%s (%u): %016" G_GINT64_MODIFIER "x%016" G_GINT64_MODIFIER
                 "x, host %016" G_GINT64_MODIFIER "x%016" G_GINT64_MODIFIER "x",
                 vmt_ir_op_info[op].name, i, have[1], have[0], want[1], want[0]);
    }
  test_state_free (state);
}
#endif

/* A FLAGS value of any kind answers every condition as its bits do, and survives both layouts. */
static void
test_flags_kinds (void)
{
  for (guint round = 0; round < 20000; round++)
    {
      VmtIrOpcode op =
          VMT_IR_FL_ADD + g_test_rand_int_range (0, VMT_IR_FL_DSHR - VMT_IR_FL_ADD + 1);
      VmtIrType type = VMT_IR_I8 + g_test_rand_int_range (0, 4);
      VmtIrFlags old = vmt_ir_flags_from_bits (g_test_rand_int ()), f, copy;
      guint flags = (op == VMT_IR_FL_SUB || op == VMT_IR_FL_SBB) && g_test_rand_bit ()
                        ? VMT_IR_NOT_BORROW
                        : 0;
      guint bits;
      guint64 nzcv;

      f = vmt_ir_flags_make (op, type, flags, 0, operand (), operand (), operand (), &old);
      bits = vmt_ir_flags_bits (&f);
      g_assert_cmphex (bits & ~VMT_IR_FLAGS_ALL, ==, 0);
      g_assert_cmphex (vmt_ir_flags_get (&f, VMT_IR_FLAGS_X86), ==, bits);
      nzcv = vmt_ir_flags_get (&f, VMT_IR_FLAGS_NZCV);
      copy =
          vmt_ir_flags_make (VMT_IR_FL_PACK, VMT_IR_NONE, 0, VMT_IR_FLAGS_NZCV, nzcv, 0, 0, NULL);
      g_assert_cmphex (vmt_ir_flags_bits (&copy), ==, bits & ~(VMT_IR_FLAG_P | VMT_IR_FLAG_A));
      copy = vmt_ir_flags_from_bits (bits);
      for (guint cond = 0; cond <= VMT_IR_FC_HI; cond++)
        {
          g_assert_cmpint (vmt_ir_flags_test (&f, cond), ==, vmt_ir_flags_test (&copy, cond));
          g_assert_cmpint (vmt_ir_flags_test (&f, cond), !=, vmt_ir_flags_test (&f, cond ^ 1));
        }
    }
}

int
main (int argc, char *argv[])
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/ir/table", test_table);
  g_test_add_func ("/ir/verify/rejects", test_rejects);
  g_test_add_func ("/ir/verify/tables", test_rejects_tables);
  g_test_add_func ("/ir/eval/every-op", test_every_op);
  g_test_add_func ("/ir/flags/kinds", test_flags_kinds);
#if defined(__x86_64__)
  g_test_add_func ("/ir/flags/host", test_flags_host);
  g_test_add_func ("/ir/vectors/host", test_vectors_host);
#endif
  return g_test_run ();
}
