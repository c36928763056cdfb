/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "riscv-emit.h"

void
riscv_emit_setx (RiscvEmit *s, guint rd, VmtIrVal value)
{
  if (rd != 0)
    vmt_ir_set (s->b, RISCV_GLOBAL_X (rd), value);
}

static gboolean
has_ext (RiscvEmit *s, guint64 ext)
{
  return (s->mode >> RISCV_MODE_EXT_SHIFT & ext) == ext;
}

/* Without C a target that is not a multiple of 4 is an exception of the jump, not of the fetch. */
static gboolean
is_misaligned (RiscvEmit *s, gint32 target)
{
  return (target & 2) != 0 && !has_ext (s, RISCV_EXT_C);
}

void
riscv_emit_branch (RiscvEmit *s, VmtIrCond cond, VmtIrVal a, VmtIrVal c, gint32 offset)
{
  const gint32 target = s->offset + offset;
  const guint halfword = (guint)(target - s->start) >> 1;

  if (target >= s->start && halfword < 128)
    s->targets[halfword / 64] |= G_GUINT64_CONSTANT (1) << halfword % 64;
  if (is_misaligned (s, target))
    CALL (NONE, MISALIGNED_JUMP, vmt_ir_op2 (s->b, VMT_IR_SETCC, VMT_IR_I64, 0, a, c, cond),
          vmt_ir_pcrel (s->b, target), NOVAL);
  else
    vmt_ir_branch (s->b, cond, VMT_IR_I64, a, c, target);
}

/* The return-address hints of the calling convention: x1 and x5 are link registers. */
static gboolean
is_link (guint reg)
{
  return reg == 1 || reg == 5;
}

/* The address of the next instruction; x0 asks for no op. */
static void
set_link (RiscvEmit *s, guint rd)
{
  if (rd != 0)
    SETX (rd, PCREL ((gint)s->length));
}

void
riscv_emit_jal (RiscvEmit *s, guint rd, gint32 offset)
{
  const gint32 target = s->offset + offset;

  if (is_misaligned (s, target))
    {
      TRAP (RISCV_CAUSE_FETCH_MISALIGNED, vmt_ir_pcrel (s->b, target));
      return;
    }
  set_link (s, rd);
  vmt_ir_jump (s->b, target, is_link (rd) ? VMT_IR_CALL_HINT : 0);
}

void
riscv_emit_auipc (RiscvEmit *s, guint rd, gint32 imm)
{
  SETX (rd, PCREL (imm));
  s->auipc_rd = rd;
  s->auipc_value = s->offset + imm;
  s->auipc_end = s->offset + (gint)s->length;
}

/* Behind the AUIPC of its register a JALR is a call of any distance: a jump to a known address. Not
 * when something in the block leads to the JALR itself, with another value in the register. */
static gboolean
is_known (RiscvEmit *s, guint rs1, gint32 imm, gint32 *target)
{
  const guint halfword = (guint)(s->offset - s->start) >> 1;
  const gint64 sum = (gint64)s->auipc_value + imm;

  if (rs1 == 0 || s->auipc_rd != rs1 || s->auipc_end != s->offset || sum < G_MININT32 ||
      sum > G_MAXINT32 || halfword >= 128 || (s->targets[halfword / 64] >> halfword % 64 & 1) != 0)
    return FALSE;
  *target = (gint32)(sum & ~(gint64)1);
  return *target != s->offset && !is_misaligned (s, *target);
}

void
riscv_emit_jalr (RiscvEmit *s, guint rd, guint rs1, gint32 imm)
{
  gint32 known;
  if (is_known (s, rs1, imm, &known))
    {
      set_link (s, rd);
      vmt_ir_jump (s->b, known, is_link (rd) ? VMT_IR_CALL_HINT : 0);
      return;
    }
  VmtIrVal target =
      OP2 (AND, I64, 0, OP2 (ADD, I64, 0, X (rs1), K ((gint64)imm)), K (~G_GUINT64_CONSTANT (1)));
  guint hints = 0;

  if (!has_ext (s, RISCV_EXT_C))
    CALL (NONE, MISALIGNED_JUMP, OP2 (AND, I64, 0, target, K (2)), target, NOVAL);
  if (is_link (rs1) && rs1 != rd)
    hints |= VMT_IR_RETURN_HINT;
  if (is_link (rd))
    hints |= VMT_IR_CALL_HINT;
  set_link (s, rd);
  vmt_ir_jump_indirect (s->b, target, hints);
}

/* The global of a CSR whose accesses have no effect but on its value. */
static VmtIrVal
plain_csr (guint number)
{
  switch (number)
    {
    case 0x140:
      return RISCV_GLOBAL_SSCRATCH;
    case 0x141:
      return RISCV_GLOBAL_SEPC;
    case 0x142:
      return RISCV_GLOBAL_SCAUSE;
    case 0x143:
      return RISCV_GLOBAL_STVAL;
    case 0x340:
      return RISCV_GLOBAL_MSCRATCH;
    default:
      return NOVAL;
    }
}

static void
emit_plain_csr (RiscvEmit *s, RiscvCsrOp op, VmtIrVal csr, guint rd, VmtIrVal value, gboolean write)
{
  /* the addresses of instructions are even */
  const VmtIrVal mask =
      K (has_ext (s, RISCV_EXT_C) ? ~G_GUINT64_CONSTANT (1) : ~G_GUINT64_CONSTANT (3));
  VmtIrVal old = OP1 (MOV, I64, 0, csr);

  if (csr == RISCV_GLOBAL_SEPC)
    old = OP2 (AND, I64, 0, old, mask);
  if (write)
    {
      if (op == RISCV_CSR_OP_SET)
        value = OP2 (OR, I64, 0, old, value);
      else if (op == RISCV_CSR_OP_CLEAR)
        value = OP2 (ANDN, I64, 0, old, value);
      if (csr == RISCV_GLOBAL_SEPC)
        value = OP2 (AND, I64, 0, value, mask);
      else if (op == RISCV_CSR_OP_WRITE)
        value = OP1 (MOV, I64, 0, value);
      vmt_ir_set (s->b, csr, value);
    }
  SETX (rd, old);
}

void
riscv_emit_csr (RiscvEmit *s, RiscvCsrOp op, guint number, guint rd, VmtIrVal value, gboolean write,
                gboolean read)
{
  const RiscvCsr *csr = riscv_csr_find (number);

  if (csr == NULL || PRIV < (number >> 8 & 3) || (write && number >> 10 == 3) ||
      ((csr->flags & RISCV_CSR_FP) != 0 &&
       (!has_ext (s, RISCV_EXT_F) || (s->mode & RISCV_MODE_FS_OFF) != 0)))
    {
      s->illegal = TRUE;
      return;
    }
  /* What compilers put around comparisons that are to raise nothing. */
  if (csr == &riscv_csrs[RISCV_CSR_fflags] && (!write || (s->mode & RISCV_MODE_FS_DIRTY) != 0))
    {
      VmtIrVal flags = NOVAL, next = value;
      if (read || op != RISCV_CSR_OP_WRITE)
        flags = CALL (I64, GET_FFLAGS, NOVAL, NOVAL, NOVAL);
      if (op == RISCV_CSR_OP_SET)
        next = OP2 (OR, I64, 0, flags, value);
      else if (op == RISCV_CSR_OP_CLEAR)
        next = OP2 (ANDN, I64, 0, flags, value);
      if (write)
        CALL (NONE, SET_FFLAGS, next, NOVAL, NOVAL);
      if (read)
        SETX (rd, flags);
      return;
    }
  if (plain_csr (number) != NOVAL)
    {
      emit_plain_csr (s, op, plain_csr (number), rd, value, write);
      return;
    }
  const guint64 info = (guint64)(csr - riscv_csrs) | (guint64)op << 16 |
                       (guint64)(read != FALSE) << 20 | (guint64)(write != FALSE) << 21;
  VmtIrVal old = CALL (I64, CSR, K (info), value, K (s->word));
  if (read)
    SETX (rd, old);

  if (!write || (csr->flags & RISCV_CSR_KEEP) != 0)
    {
      /* The first write of FP state changes the mode. */
      if (!write || (csr->flags & RISCV_CSR_FP) == 0 || (s->mode & RISCV_MODE_FS_DIRTY) != 0)
        return;
    }
  else if ((csr->flags & RISCV_CSR_JUMP) == 0)
    {
      EXIT_NEXT ();
      return;
    }
  /* An immediate reaches no more of a status register than the interrupt enables: clearing those
   * changes nothing for the next block. */
  if (op == RISCV_CSR_OP_CLEAR && (s->word >> 14 & 1) != 0 &&
      (csr == &riscv_csrs[RISCV_CSR_sstatus] || csr == &riscv_csrs[RISCV_CSR_mstatus]))
    return;
  vmt_ir_jump (s->b, s->offset + (gint)s->length, 0);
}

/* Emits one instruction. FALSE: the block ends before it. */
static gboolean
emit_insn (RiscvEmit *s)
{
  const int index = s->length == 2 ? riscv_isa_decode_16 (s->word) : riscv_isa_decode_32 (s->word);
  const RiscvIsaRow *row = index >= 0 ? &riscv_isa_rows[index] : NULL;

  /* The count is exact where a block begins. */
  if (row != NULL && (row->flags & RISCV_ISA_CSR) != 0 && !s->first)
    {
      const RiscvCsr *csr = riscv_csr_find (s->word >> 20);
      if (csr != NULL && (csr->flags & RISCV_CSR_EXACT) != 0)
        return FALSE;
    }
  s->illegal = row == NULL || !has_ext (s, row->ext) || (row->priv == 'S' && PRIV < RISCV_S) ||
               (row->priv == 'M' && PRIV < RISCV_M);
  if (!s->illegal && (row->flags & RISCV_ISA_FP) != 0)
    {
      s->illegal = (s->mode & RISCV_MODE_FS_OFF) != 0;
      if ((row->flags & RISCV_ISA_RM) != 0)
        {
          const guint rm = s->word >> 12 & 7;
          s->illegal |= rm == 5 || rm == 6 || (rm == 7 && (s->mode & RISCV_MODE_FRM_INVALID) != 0);
        }
    }
  if (!s->illegal)
    {
      vmt_ir_insn (s->b, s->offset, s->length);
      row->emit (s, s->word);
      if (!s->illegal)
        {
          /* Once a context switch: the block's key is that of a clean FP state, so it ends here. */
          if ((row->flags & RISCV_ISA_FPW) != 0 && (s->mode & RISCV_MODE_FS_DIRTY) == 0)
            {
              CALL (NONE, FS_DIRTY, NOVAL, NOVAL, NOVAL);
              EXIT_NEXT ();
            }
          return TRUE;
        }
    }
  else
    vmt_ir_insn (s->b, s->offset, s->length);
  TRAP (RISCV_CAUSE_ILLEGAL, K (s->word));
  return TRUE;
}

static guint32
get16 (const guint8 *p)
{
  return p[0] | (guint32)p[1] << 8;
}

guint
riscv_decode (VmtVcpu *vcpu, VmtIrBuilder *builder, guint page_offset, const guint8 *code,
              guint size, const guint8 *next, guint next_size)
{
  RiscvEmit s = { .b = builder, .mode = vcpu->mode_key, .first = TRUE, .start = (gint)page_offset };
  guint done = 0;

  while (done + 2 <= size && !vmt_ir_builder_is_ended (builder) &&
         !vmt_ir_builder_is_full (builder))
    {
      s.word = get16 (code + done);
      s.length = (s.word & 3) == 3 ? 4 : 2;
      s.offset = (gint)(page_offset + done);
      if (s.length == 4)
        {
          if (done + 4 <= size)
            s.word |= get16 (code + done + 2) << 16;
          else if (!s.first)
            break;
          else if (next == NULL || next_size < 2)
            return 0;
          else
            s.word |= get16 (next) << 16;
        }
      if (!emit_insn (&s))
        break;
      s.first = FALSE;
      done += s.length;
    }
  return done;
}
