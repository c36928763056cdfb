/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "vmt-error.h"
#include "vmt-ir-text-private.h"

#define MAX_OPS 4096
#define MAX_TOKEN 128

typedef struct
{
  const struct _VmtArchOps *arch;
  guint line;
  const char *p; /* in the line */
  GArray *ops, *insns, *consts, *temp_types;
  GHashTable *const_index, *globals, *names; /* names: text to opcode */
} Parser;

static gboolean fail (Parser *s, GError **error, const char *format, ...) G_GNUC_PRINTF (3, 4);

static gboolean
fail (Parser *s, GError **error, const char *format, ...)
{
  va_list args;
  char *message;

  va_start (args, format);
  message = g_strdup_vprintf (format, args);
  va_end (args);
  g_set_error (error, VMT_ERROR, VMT_ERROR_INVALID, "line %u: %s", s->line, message);
  g_free (message);
  return FALSE;
}

static void
skip_blanks (Parser *s)
{
  while (*s->p == ' ' || *s->p == '\t' || *s->p == '\r')
    s->p++;
}

static gboolean
take (Parser *s, char c)
{
  skip_blanks (s);
  if (*s->p != c)
    return FALSE;
  s->p++;
  return TRUE;
}

static gboolean
at_end (Parser *s)
{
  skip_blanks (s);
  return *s->p == '\0';
}

/* A word of letters, digits and some signs; empty when there is none or it is too long. */
static void
word (Parser *s, char *out)
{
  guint n = 0;

  skip_blanks (s);
  while (g_ascii_isalnum (*s->p) || (*s->p && strchr ("_-%?@$/.", *s->p)))
    {
      if (n == MAX_TOKEN - 1)
        {
          n = 0;
          break;
        }
      out[n++] = *s->p++;
    }
  out[n] = '\0';
}

/* Signed decimal or hexadecimal, up to 128 bits when @hi. */
static gboolean
number (const char *t, guint64 *lo, guint64 *hi)
{
  gboolean negative = *t == '-';
  unsigned __int128 x = 0, limit = hi ? ~(unsigned __int128)0 : (unsigned __int128)G_MAXUINT64;
  guint base = 10;

  if (negative)
    t++;
  if (t[0] == '0' && t[1] == 'x')
    {
      base = 16;
      t += 2;
    }
  if (!*t)
    return FALSE;
  for (; *t; t++)
    {
      gint digit = g_ascii_xdigit_value (*t);

      if (digit < 0 || (guint)digit >= base || x > (limit - digit) / base)
        return FALSE;
      x = x * base + digit;
    }
  if (negative)
    {
      if (x > G_GUINT64_CONSTANT (1) << 63)
        return FALSE;
      x = (guint64)0 - (guint64)x;
    }
  *lo = x;
  if (hi)
    *hi = x >> 64;
  return TRUE;
}

static gboolean
integer (Parser *s, const char *t, gint64 low, gint64 high, gint64 *value, GError **error)
{
  guint64 x;

  if (!number (t, &x, NULL) || (*t != '-' && x > G_MAXINT64) || (gint64)x < low || (gint64)x > high)
    return fail (s, error, "'%s' is not a number from %" G_GINT64_FORMAT " to %" G_GINT64_FORMAT, t,
                 low, high);
  *value = x;
  return TRUE;
}

static gint
find_name (const char *const *names, const char *t)
{
  for (gint i = 0; names[i]; i++)
    if (!strcmp (names[i], t))
      return i;
  return -1;
}

static gboolean
value (Parser *s, const char *t, gboolean is_result, VmtIrVal *v, GError **error)
{
  gpointer found;
  VmtIrConst k;
  gint64 n;

  if (!strcmp (t, "_"))
    {
      *v = VMT_IR_NO_VAL;
      return TRUE;
    }
  if (*t == '%')
    {
      gint64 last = (gint64)s->temp_types->len - (is_result ? 0 : 1);

      if (last < 0)
        return fail (s, error, "'%s' is used before it is defined", t);
      if (!integer (s, t + 1, is_result ? last : 0, last, &n, error))
        return FALSE;
      *v = VMT_IR_TEMP_FIRST + n;
      return TRUE;
    }
  if (g_hash_table_lookup_extended (s->globals, t, NULL, &found))
    {
      *v = GPOINTER_TO_UINT (found);
      return TRUE;
    }
  if (is_result || !(g_ascii_isdigit (*t) || *t == '-'))
    return fail (s, error, "'%s' is not a global of %s", t, vmt_ir_arch (s->arch)->name);
  if (!number (t, &k.lo, &k.hi))
    return fail (s, error, "'%s' is not a number", t);
  if (g_hash_table_lookup_extended (s->const_index, &k, NULL, &found))
    {
      *v = VMT_IR_CONST_FIRST + GPOINTER_TO_UINT (found);
      return TRUE;
    }
  *v = VMT_IR_CONST_FIRST + s->consts->len;
  g_hash_table_insert (s->const_index, g_memdup2 (&k, sizeof k), GUINT_TO_POINTER (s->consts->len));
  g_array_append_val (s->consts, k);
  return TRUE;
}

static guint
const_hash (gconstpointer p)
{
  const VmtIrConst *k = p;

  return (k->lo ^ k->lo >> 32 ^ k->hi * 31) & G_MAXUINT;
}

static gboolean
const_equal (gconstpointer a, gconstpointer b)
{
  return !memcmp (a, b, sizeof (VmtIrConst));
}

static gint
type_by_name (const char *t)
{
  for (gint i = VMT_IR_NONE + 1; i <= VMT_IR_FLAGS; i++)
    if (!strcmp (vmt_ir_type_name (i), t))
      return i;
  return -1;
}

static const char *const *
suffix_names (guint flags)
{
  if (flags & (VMT_IR_OP_COND | VMT_IR_OP_COND_IMM))
    return vmt_ir_cond_names;
  if (flags & (VMT_IR_OP_FCOND | VMT_IR_OP_FCOND_IMM))
    return vmt_ir_flag_cond_names;
  if (flags & VMT_IR_OP_AMO_IMM)
    return vmt_ir_amo_names;
  return NULL;
}

/* name.type.element.flag.condition */
static gboolean
mnemonic (Parser *s, VmtIrOp *op, GError **error)
{
  char t[MAX_TOKEN];
  g_auto (GStrv) parts = NULL;
  gpointer found;
  const VmtIrOpInfo *info;
  const char *const *names;
  guint n, i = 1;
  gint x;

  word (s, t);
  parts = g_strsplit (t, ".", -1);
  n = g_strv_length (parts);
  if (!n || !g_hash_table_lookup_extended (s->names, parts[0], NULL, &found))
    return fail (s, error, "no op '%s'", n ? parts[0] : "");
  op->opcode = GPOINTER_TO_UINT (found);
  info = &vmt_ir_op_info[op->opcode];
  if (i < n && (x = type_by_name (parts[i])) > 0)
    {
      op->type = x;
      i++;
    }
  if (info->flags & VMT_IR_OP_VEC)
    {
      if (i == n || (x = type_by_name (parts[i])) < 0)
        return fail (s, error, "%s needs an element type", info->name);
      op->flags = x;
      i++;
      if (i < n && !strcmp (parts[i], "m"))
        {
          op->flags |= VMT_IR_MASKED;
          i++;
        }
    }
  else
    for (gint last = -1; i < n && (x = find_name (vmt_ir_flag_names, parts[i])) > last; i++)
      {
        op->flags |= 1 << x;
        last = x;
      }
  names = suffix_names (info->flags);
  if (names)
    {
      if (i == n || (x = find_name (names, parts[i])) < 0)
        return fail (s, error, "%s needs a condition or operation", info->name);
      if (info->flags & (VMT_IR_OP_COND | VMT_IR_OP_FCOND))
        op->c = x;
      else
        op->imm = x;
      i++;
    }
  if (i < n)
    return fail (s, error, "%s: '%s' is not expected there", info->name, parts[i]);
  return TRUE;
}

static gboolean
separator (Parser *s, gboolean *first, GError **error)
{
  if (!*first && !take (s, ','))
    return fail (s, error, "expected ',' at '%.20s'", s->p);
  *first = FALSE;
  return TRUE;
}

static gboolean
operation (Parser *s, GError **error)
{
  const VmtIrArch *arch = vmt_ir_arch (s->arch);
  VmtIrOp op = { .d = VMT_IR_NO_VAL, .a = VMT_IR_NO_VAL, .b = VMT_IR_NO_VAL, .c = VMT_IR_NO_VAL };
  const VmtIrOpInfo *info;
  const char *start = s->p;
  VmtIrVal *operands[3] = { &op.a, &op.b, &op.c };
  char t[MAX_TOKEN], result[MAX_TOKEN] = "";
  gboolean first = TRUE, has_imm;
  gint64 n;
  gint x;

  if (s->ops->len == MAX_OPS)
    return fail (s, error, "more than %u ops", MAX_OPS);
  word (s, t);
  if (take (s, '='))
    {
      if (!t[0])
        return fail (s, error, "no result before '='");
      strcpy (result, t);
    }
  else
    s->p = start;
  if (!mnemonic (s, &op, error))
    return FALSE;
  info = &vmt_ir_op_info[op.opcode];
  has_imm = vmt_ir_op_uses_imm (op.opcode) &&
            !(info->flags & (VMT_IR_OP_COND_IMM | VMT_IR_OP_AMO_IMM | VMT_IR_OP_FCOND_IMM |
                             VMT_IR_OP_HELPER_IMM));
  if (info->flags & VMT_IR_OP_HELPER_IMM)
    {
      word (s, t);
      for (x = 0; x < (gint)arch->n_helpers; x++)
        if (t[0] == '@' && !strcmp (t + 1, arch->helpers[x].name))
          break;
      if (x == (gint)arch->n_helpers)
        return fail (s, error, "no helper '%s'", t);
      op.imm = x;
      first = FALSE;
    }
  for (guint i = 0; i < 3; i++)
    if (vmt_ir_op_operand_class (op.opcode, i) != '-')
      {
        if (!separator (s, &first, error))
          return FALSE;
        word (s, t);
        if (!value (s, t, FALSE, operands[i], error))
          return FALSE;
      }
  if (has_imm)
    {
      if (!separator (s, &first, error))
        return FALSE;
      if (!take (s, '#'))
        return fail (s, error, "expected '#' at '%.20s'", s->p);
      word (s, t);
      if (!integer (s, t, G_MININT32, G_MAXINT32, &n, error))
        return FALSE;
      op.imm = n;
    }
  if (info->flags & VMT_IR_OP_ATTR)
    {
      op.c = 0;
      if (take (s, '{'))
        while (!take (s, '}'))
          {
            word (s, t);
            x = find_name (vmt_ir_attr_names, t);
            if (x < 0)
              return fail (s, error, "no memory attribute '%s'", t);
            op.c |= 1 << x;
          }
    }
  if (!at_end (s))
    return fail (s, error, "'%.20s' after the operands", s->p);
  if (result[0])
    {
      if (!value (s, result, TRUE, &op.d, error))
        return FALSE;
      if (op.d == VMT_IR_NO_VAL)
        return fail (s, error, "'_' is not a result");
      if (vmt_ir_is_temp (op.d))
        {
          const VmtIrOp *before =
              s->ops->len ? &g_array_index (s->ops, VmtIrOp, s->ops->len - 1) : NULL;
          guint8 type = op.opcode == VMT_IR_EXT && before
                            ? vmt_ir_ext_result_type (before)
                            : vmt_ir_op_result_type (op.opcode, op.type);

          g_array_append_val (s->temp_types, type);
        }
    }
  g_array_append_val (s->ops, op);
  return TRUE;
}

static gboolean
instruction (Parser *s, GError **error)
{
  VmtIrInsn insn = { .first_op = s->ops->len };
  char t[MAX_TOKEN];
  gint64 n;

  word (s, t);
  if (!integer (s, t, G_MININT16, G_MAXINT16, &n, error))
    return FALSE;
  insn.page_offset = n;
  if (!take (s, ','))
    return fail (s, error, "expected ','");
  word (s, t);
  if (!integer (s, t, 0, G_MAXUINT16, &n, error))
    return FALSE;
  insn.length = n;
  if (!at_end (s))
    return fail (s, error, "'%.20s' after the length", s->p);
  if (s->insns->len == MAX_OPS)
    return fail (s, error, "more than %u instructions", MAX_OPS);
  g_array_append_val (s->insns, insn);
  return TRUE;
}

static gboolean
parse_line (Parser *s, char *line, gint *state, GError **error)
{
  char *comment = strchr (line, ';');
  char t[MAX_TOKEN];

  if (comment)
    *comment = '\0';
  s->p = line;
  if (at_end (s))
    return TRUE;
  word (s, t);
  if (*state == 0 && !strcmp (t, "block") && at_end (s))
    {
      *state = 1;
      return TRUE;
    }
  if (*state != 1)
    return fail (s, error, *state == 0 ? "expected 'block'" : "text after 'end'");
  if (!strcmp (t, "end") && at_end (s))
    {
      *state = 2;
      return TRUE;
    }
  if (!strcmp (t, "insn"))
    return instruction (s, error);
  s->p = line;
  return operation (s, error);
}

VmtIrBlock *
vmt_ir_block_from_text (const char *text, const struct _VmtArchOps *arch, GError **error)
{
  const VmtIrArch *a = vmt_ir_arch (arch);
  Parser s = { .arch = arch };
  g_auto (GStrv) lines = g_strsplit (text, "\n", -1);
  VmtIrBlock *block = NULL;
  gint state = 0;
  gboolean ok = TRUE;

  s.ops = g_array_new (FALSE, FALSE, sizeof (VmtIrOp));
  s.insns = g_array_new (FALSE, FALSE, sizeof (VmtIrInsn));
  s.consts = g_array_new (FALSE, FALSE, sizeof (VmtIrConst));
  s.temp_types = g_array_new (FALSE, FALSE, 1);
  s.const_index = g_hash_table_new_full (const_hash, const_equal, g_free, NULL);
  s.globals = g_hash_table_new (g_str_hash, g_str_equal);
  s.names = g_hash_table_new (g_str_hash, g_str_equal);
  for (guint i = 0; i < a->n_globals; i++)
    g_hash_table_insert (s.globals, (gpointer)a->globals[i].name, GUINT_TO_POINTER (i));
  for (guint i = 0; i < VMT_IR_N_OPS; i++)
    g_hash_table_insert (s.names, (gpointer)vmt_ir_op_info[i].name, GUINT_TO_POINTER (i));

  for (guint i = 0; ok && lines[i]; i++)
    {
      s.line = i + 1;
      ok = parse_line (&s, lines[i], &state, error);
    }
  if (ok && state != 2)
    ok = fail (&s, error, state ? "no 'end'" : "no 'block'");
  if (ok)
    block = vmt_ir_block_make (arch, (const VmtIrOp *)s.ops->data, s.ops->len,
                               (const VmtIrInsn *)s.insns->data, s.insns->len,
                               (const VmtIrConst *)s.consts->data, s.consts->len,
                               (const guint8 *)s.temp_types->data, s.temp_types->len);
  g_array_unref (s.ops);
  g_array_unref (s.insns);
  g_array_unref (s.consts);
  g_array_unref (s.temp_types);
  g_hash_table_unref (s.const_index);
  g_hash_table_unref (s.globals);
  g_hash_table_unref (s.names);
  return block;
}
