/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "test-riscv.h"

#include <string.h>

/* Every row's words decode to it, and to nothing when one of its fixed bits is wrong, unless
 * another row has them. */
static void
test_round_trip (void)
{
  g_autoptr (GRand) rand = g_rand_new_with_seed (1);

  for (guint i = 0; i < RISCV_N_INSNS; i++)
    {
      const RiscvIsaRow *row = &riscv_isa_rows[i];
      g_assert_cmphex (row->match & ~row->mask, ==, 0);
      g_assert_cmpint ((row->match & 3) == 3, ==, row->length == 4);
      for (guint n = 0; n < 500; n++)
        {
          const guint32 word = test_riscv_random_word (rand, i);
          const guint32 wrong = word ^ (1u << g_rand_int_range (rand, 0, row->length * 8));
          const int got =
              row->length == 2 ? riscv_isa_decode_16 (wrong) : riscv_isa_decode_32 (wrong);
          if (got >= 0)
            g_assert_cmphex (wrong & riscv_isa_rows[got].mask, ==, riscv_isa_rows[got].match);
          if (((wrong ^ word) & row->mask) != 0)
            g_assert_cmpint (got, !=, (int)i);
        }
    }
}

static void
test_reserved (void)
{
  static const guint32 words[] = {
    0xffffffff, 0x00000003 | 7u << 12, /* a load of no width */
    0x0000007f, 0x02001013 | 1u << 26, /* slli by 64 and more has no room */
    0x4000101b, 0x10200173,            /* sret with rd */
  };
  static const guint16 halves[] = {
    0x0000, /* defined to be illegal */
    0x2001, /* c.addiw to x0 */
    0x6101, /* c.addi16sp by 0 */
    0x6081, /* c.lui of 0 */
    0x8002, /* c.jr x0 */
    0x4002, /* c.lwsp to x0 */
    0x6002, /* c.ldsp to x0 */
    0x9c41, /* reserved in the register group */
    0x8000, /* reserved quadrant 0 */
    0x0004, /* c.addi4spn by 0 */
  };

  for (guint i = 0; i < G_N_ELEMENTS (words); i++)
    g_assert_cmpint (riscv_isa_decode_32 (words[i]), ==, -1);
  for (guint i = 0; i < G_N_ELEMENTS (halves); i++)
    g_assert_cmpint (riscv_isa_decode_16 (halves[i]), ==, -1);
}

/* All 65536 halfwords: the tree and a plain search agree. */
static void
test_exhaustive_16 (void)
{
  for (guint w = 0; w < 0x10000; w++)
    {
      int want = -1;
      if ((w & 3) == 3)
        continue;
      for (guint i = 0; i < RISCV_N_INSNS; i++)
        {
          const RiscvIsaRow *row = &riscv_isa_rows[i];
          if (row->length == 2 && (w & row->mask) == row->match &&
              (row->valid == NULL || row->valid (w)) &&
              (want < 0 || (row->mask & riscv_isa_rows[want].mask) == riscv_isa_rows[want].mask))
            want = i;
        }
      g_assert_cmpint (riscv_isa_decode_16 (w), ==, want);
    }
}

typedef struct
{
  TestHart t;
  VmtIrBuilder *b;
} Fixture;

static void
setup (Fixture *f, gconstpointer data)
{
  test_riscv_hart_init (&f->t);
  f->b = vmt_ir_builder_new (&riscv_arch_ops);
}

static void
teardown (Fixture *f, gconstpointer data)
{
  vmt_ir_builder_free (f->b);
  test_riscv_hart_clear (&f->t);
}

static VmtIrBlock *
decode (Fixture *f, guint page_offset, gconstpointer code, guint size, gconstpointer next,
        guint next_size, guint *covered)
{
  vmt_ir_builder_begin (f->b);
  *covered = riscv_decode (f->t.vcpu, f->b, page_offset, code, size, next, next_size);
  return *covered == 0 ? NULL : vmt_ir_builder_finish (f->b, (gint)(page_offset + *covered));
}

static gboolean
is_illegal (const VmtIrBlock *block)
{
  return block->n_ops == 1 && block->ops[0].opcode == VMT_IR_TRAP &&
         block->ops[0].imm == RISCV_CAUSE_ILLEGAL;
}

static void
set_mode (Fixture *f, guint priv, guint fs)
{
  f->t.r->priv = priv;
  f->t.r->mstatus = (guint64)fs << 13;
  riscv_update_mode (f->t.vcpu);
}

/* The IR of every row, in every mode, passes the verifier; privilege, extensions and FS gate it. */
static void
test_emit_every_row (Fixture *f, gconstpointer data)
{
  static const guint privs[] = { RISCV_U, RISCV_S, RISCV_M };
  g_autoptr (GRand) rand = g_rand_new_with_seed (2);

  for (guint i = 0; i < RISCV_N_INSNS; i++)
    for (guint p = 0; p < 3; p++)
      for (guint fs = 0; fs < 4; fs++)
        for (guint n = 0; n < 12; n++)
          {
            const RiscvIsaRow *row = &riscv_isa_rows[i];
            const guint32 word = GUINT32_TO_LE (test_riscv_random_word (rand, i));
            g_autoptr (GError) error = NULL;
            guint covered;
            set_mode (f, privs[p], fs);
            g_autoptr (VmtIrBlock) block = decode (f, 0x100, &word, row->length, NULL, 0, &covered);
            g_assert_cmpuint (covered, ==, row->length);
            g_assert_nonnull (block);
            vmt_ir_block_verify (block, &error);
            g_assert_no_error (error);
            const gboolean denied = (row->priv == 'S' && privs[p] < RISCV_S) ||
                                    (row->priv == 'M' && privs[p] < RISCV_M) ||
                                    ((row->flags & RISCV_ISA_FP) != 0 && fs == 0);
            if (denied)
              g_assert_true (is_illegal (block));
            else if ((row->flags & (RISCV_ISA_CSR | RISCV_ISA_RM)) == 0)
              g_assert_false (is_illegal (block));
            if (row->ext != RISCV_EXT_I)
              {
                f->t.r->config.ext &= ~row->ext;
                riscv_update_mode (f->t.vcpu);
                g_autoptr (VmtIrBlock) without =
                    decode (f, 0x100, &word, row->length, NULL, 0, &covered);
                g_assert_true (is_illegal (without));
                f->t.r->config.ext |= row->ext;
              }
          }
}

/* What the block of @n words at @offset ends with. */
static VmtIrOp
last_op (Fixture *f, guint offset, const guint32 *words, guint n)
{
  g_autoptr (GError) error = NULL;
  guint covered;
  g_autoptr (VmtIrBlock) block = decode (f, offset, words, n * 4, NULL, 0, &covered);

  g_assert_cmpuint (covered, ==, n * 4);
  g_assert_cmpuint (block->n_insns, ==, n);
  vmt_ir_block_verify (block, &error);
  g_assert_no_error (error);
  return block->ops[block->n_ops - 1];
}

/* AUIPC and JALR of one register are one jump of a known distance; not if something else may lead
 * to the JALR. */
static void
test_auipc_jalr (Fixture *f, gconstpointer data)
{
  static const struct
  {
    guint n;
    guint32 words[3];
    gboolean known;
    gint32 target; /* from the block's beginning */
  } cases[] = {
    /* auipc ra, 0x12345; jalr ra, -2(ra) and -1(ra) */
    { 2, { 0x12345097, 0xffe080e7 }, TRUE, 0x12344ffe },
    { 2, { 0x12345097, 0xfff080e7 }, TRUE, 0x12344ffe },
    /* auipc t1, 0xfffff; jr 8(t1) */
    { 2, { 0xfffff317, 0x00830067 }, TRUE, -0x1000 + 8 },
    /* to itself: auipc ra, 0; jalr ra, 4(ra) */
    { 2, { 0x00000097, 0x004080e7 }, FALSE, 0 },
    /* to the auipc: auipc ra, 0; jalr ra, 0(ra) */
    { 2, { 0x00000097, 0x000080e7 }, TRUE, 0 },
    /* too far: auipc ra, 0x80000; jalr ra, -2048(ra) */
    { 2, { 0x80000097, 0x800080e7 }, FALSE, 0 },
    /* another register: auipc ra, 1; jalr ra, 0(t0) */
    { 2, { 0x00001097, 0x000280e7 }, FALSE, 0 },
    /* something between: auipc ra, 1; addi ra, ra, 4; jalr ra, 0(ra) */
    { 3, { 0x00001097, 0x00408093, 0x000080e7 }, FALSE, 0 },
    /* a branch to the jalr: bnez a0, +8; auipc ra, 1; jalr ra, 0(ra) */
    { 3, { 0x00051463, 0x00001097, 0x000080e7 }, FALSE, 0 },
    /* one to the auipc: bnez a0, +4 */
    { 3, { 0x00051263, 0x00001097, 0x000080e7 }, TRUE, 0x1004 },
    /* auipc zero, 1; jalr ra, 0(zero) */
    { 2, { 0x00001017, 0x000000e7 }, FALSE, 0 },
  };

  set_mode (f, RISCV_U, 0);
  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    for (guint offset = 0; offset < 0xf00; offset += 0x7a0)
      {
        const VmtIrOp op = last_op (f, offset, cases[i].words, cases[i].n);
        g_test_message ("case %u at 0x%x", i, offset);
        g_assert_cmpint (op.opcode, ==, cases[i].known ? VMT_IR_JUMP : VMT_IR_JUMP_IND);
        if (cases[i].known)
          g_assert_cmpint (op.imm, ==, (gint32)offset + cases[i].target);
      }

  /* Without C, a target between words is an exception of the JALR. */
  f->t.r->config.ext &= ~(guint64)RISCV_EXT_C;
  riscv_update_mode (f->t.vcpu);
  g_assert_cmpint (last_op (f, 0, cases[0].words, 2).opcode, ==, VMT_IR_JUMP_IND);
  g_assert_cmpint (last_op (f, 0, cases[2].words, 2).opcode, ==, VMT_IR_JUMP);
}

/* Jumps that keep no address make none. */
static void
test_no_link (Fixture *f, gconstpointer data)
{
  static const guint32 words[] = { 0x0100006f, 0x00008067, 0x00450067 }; /* j, ret, jr 4(a0) */

  set_mode (f, RISCV_U, 0);
  for (guint i = 0; i < G_N_ELEMENTS (words); i++)
    {
      guint covered;
      g_autoptr (VmtIrBlock) block = decode (f, 0, &words[i], 4, NULL, 0, &covered);
      for (guint k = 0; k < block->n_ops; k++)
        g_assert_cmpint (block->ops[k].opcode, !=, VMT_IR_PCREL);
    }
}

/* Rounding modes 5 and 6 are no instructions, 7 depends on frm. */
static void
test_rounding_modes (Fixture *f, gconstpointer data)
{
  for (guint frm = 0; frm < 8; frm++)
    for (guint rm = 0; rm < 8; rm++)
      {
        const guint32 word = GUINT32_TO_LE (0x00000053 | rm << 12); /* fadd.s */
        guint covered;
        f->t.r->fp.round = frm;
        set_mode (f, RISCV_U, 3);
        g_autoptr (VmtIrBlock) block = decode (f, 0, &word, 4, NULL, 0, &covered);
        g_assert_cmpint (is_illegal (block), ==, rm == 5 || rm == 6 || (rm == 7 && frm > 4));
      }
}

/* The FP state's first write in a block asks for the dirty bit and ends it; later ones do not. */
static void
test_fs_dirty (Fixture *f, gconstpointer data)
{
  const guint32 code[] = { 0x00000053, 0x00000053 };
  guint covered;

  for (guint fs = 1; fs < 4; fs++)
    {
      set_mode (f, RISCV_U, fs);
      g_autoptr (VmtIrBlock) block = decode (f, 0, code, 8, NULL, 0, &covered);
      g_assert_cmpuint (covered, ==, fs == 3 ? 8 : 4);
      gboolean called = FALSE;
      for (guint i = 0; i < block->n_ops; i++)
        called |= block->ops[i].opcode == VMT_IR_CALL;
      g_assert_cmpint (called, ==, fs != 3);
      g_assert_cmpint (block->ops[block->n_ops - 1].opcode, ==,
                       fs == 3 ? VMT_IR_JUMP : VMT_IR_EXIT);
    }
}

static void
test_straddle (Fixture *f, gconstpointer data)
{
  const guint8 addi[4] = { 0x13, 0x05, 0x15, 0x00 };
  const guint8 two[4] = { 0x01, 0x00, 0x13, 0x05 }; /* c.nop, half an addi */
  guint covered;

  g_assert_null (decode (f, 0xffe, addi, 2, NULL, 0, &covered));
  g_assert_cmpuint (covered, ==, 0);
  g_autoptr (VmtIrBlock) whole = decode (f, 0xffe, addi, 2, addi + 2, 2, &covered);
  g_assert_cmpuint (covered, ==, 4);
  g_assert_cmpint (whole->insns[0].page_offset, ==, 0xffe);
  /* Not the first: left for a block of its own, though the next page is there. */
  g_autoptr (VmtIrBlock) first = decode (f, 0xffc, two, 4, addi + 2, 2, &covered);
  g_assert_cmpuint (covered, ==, 2);
  g_assert_cmpint (first->ops[first->n_ops - 1].imm, ==, 0xffe);
  /* An odd byte at the end is nobody's. */
  g_autoptr (VmtIrBlock) odd = decode (f, 0, two, 3, NULL, 0, &covered);
  g_assert_cmpuint (covered, ==, 2);
}

/* Any bytes give verified IR. */
static void
test_random_bytes (Fixture *f, gconstpointer data)
{
  g_autoptr (GRand) rand = g_rand_new_with_seed (3);

  for (guint n = 0; n < 20000; n++)
    {
      guint8 code[64];
      g_autoptr (GError) error = NULL;
      guint covered;
      for (guint i = 0; i < sizeof code; i++)
        code[i] = g_rand_int (rand);
      if (g_rand_int_range (rand, 0, 2) != 0)
        for (guint at = 0; at + 4 <= sizeof code; at += 4)
          {
            const guint i = g_rand_int_range (rand, 0, RISCV_N_INSNS);
            const guint32 word = GUINT32_TO_LE (test_riscv_random_word (rand, i));
            memcpy (code + at, &word, riscv_isa_rows[i].length);
          }
      set_mode (f, (const guint[]){ RISCV_U, RISCV_S, RISCV_M }[g_rand_int_range (rand, 0, 3)],
                g_rand_int_range (rand, 0, 4));
      g_autoptr (VmtIrBlock) block = decode (f, 0xfc0, code, sizeof code, code, 4, &covered);
      g_assert_nonnull (block);
      g_assert_cmpuint (covered, <=, sizeof code + 2);
      vmt_ir_block_verify (block, &error);
      g_assert_no_error (error);
    }
}

/* Without C, jumps to halfword addresses are exceptions of the jump. */
static void
test_misaligned_jumps (Fixture *f, gconstpointer data)
{
  const guint32 jal = 0x0060006f; /* jal x0, 6 */
  const guint32 beq = 0x00000363; /* beq x0, x0, 6 */
  guint covered;

  g_autoptr (VmtIrBlock) with = decode (f, 0, &jal, 4, NULL, 0, &covered);
  g_assert_cmpint (with->ops[with->n_ops - 1].opcode, ==, VMT_IR_JUMP);
  f->t.r->config.ext &= ~RISCV_EXT_C;
  riscv_update_mode (f->t.vcpu);
  g_autoptr (VmtIrBlock) without = decode (f, 0, &jal, 4, NULL, 0, &covered);
  g_assert_cmpint (without->ops[without->n_ops - 1].opcode, ==, VMT_IR_TRAP);
  g_assert_cmpint (without->ops[without->n_ops - 1].imm, ==, RISCV_CAUSE_FETCH_MISALIGNED);
  g_autoptr (VmtIrBlock) branch = decode (f, 0, &beq, 4, NULL, 0, &covered);
  gboolean called = FALSE;
  for (guint i = 0; i < branch->n_ops; i++)
    {
      called |= branch->ops[i].opcode == VMT_IR_CALL;
      g_assert_cmpint (branch->ops[i].opcode, !=, VMT_IR_BRANCH);
    }
  g_assert_true (called);
}

void
test_riscv_add_decode (void)
{
  g_test_add_func ("/arch/riscv/decode/round-trip", test_round_trip);
  g_test_add_func ("/arch/riscv/decode/reserved", test_reserved);
  g_test_add_func ("/arch/riscv/decode/exhaustive-16", test_exhaustive_16);
#define ADD(name, func)                                                                            \
  g_test_add ("/arch/riscv/decode/" name, Fixture, NULL, setup, func, teardown)
  ADD ("emit-every-row", test_emit_every_row);
  ADD ("auipc-jalr", test_auipc_jalr);
  ADD ("no-link", test_no_link);
  ADD ("rounding-modes", test_rounding_modes);
  ADD ("fs-dirty", test_fs_dirty);
  ADD ("straddle", test_straddle);
  ADD ("random-bytes", test_random_bytes);
  ADD ("misaligned-jumps", test_misaligned_jumps);
#undef ADD
}
