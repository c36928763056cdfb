/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* host-code ARCH ROWS.json TIER rows|random [NOISE]: the host code that a tier makes, as text for
 * scripts.
 *
 * rows: where the scratch area is in the vCPU, then one line for each instruction row, between
 * tabs: its name, the instruction, its code and the code that it shares with nobody behind the
 * block's, both in hexadecimal.
 *
 * random: one line for each of many random blocks of IR: number, size and digest. What lies where
 * in the process is another matter each time; NOISE, a number, sees to it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../lockstep/lockstep.h"
#include "vmt-ir-random.h"

#define N_RANDOM 600u

static const LockstepArch *arch;
static LockstepRows *rows;
static LockstepRunner *runner;

/* --- rows --- */

/* Fields by class and width: registers that differ, and numbers without special meaning. The first
 * that the encoding has. */
static const struct
{
  const char *name, *klass; /* (nullable) */
  gint64 values[4];
} choices[] = {
  { "rd", NULL, { 10, 10, 10, 10 } },    { "rs1", NULL, { 11, 11, 11, 11 } },
  { "rs2", NULL, { 12, 12, 12, 12 } },   { "rds", NULL, { 10, 10, 10, 10 } },
  { "crd", NULL, { 10, 10, 10, 10 } },   { "crds", NULL, { 10, 10, 10, 10 } },
  { "crs1", NULL, { 11, 11, 11, 11 } },  { "crs2", NULL, { 12, 12, 12, 12 } },
  { "fd", NULL, { 10, 10, 10, 10 } },    { "fs1", NULL, { 11, 11, 11, 11 } },
  { "fs2", NULL, { 12, 12, 12, 12 } },   { "fs3", NULL, { 13, 13, 13, 13 } },
  { "cfd", NULL, { 10, 10, 10, 10 } },   { "cfs2", NULL, { 12, 12, 12, 12 } },
  { NULL, "x", { 10, 10, 10, 10 } },     { NULL, "aqrl", { 0, 0, 0, 0 } },
  { NULL, "rm", { 7, 7, 7, 7 } },        { NULL, "csr", { 0x003, 0x340, 0x340, 0x340 } },
  { NULL, "fence", { 15, 15, 15, 15 } }, { NULL, NULL, { 24, 16, 32, 1 } },
};

static void
put_field (const LockstepField *field, const char *prefix_of, guint32 *word)
{
  for (guint i = 0; i < G_N_ELEMENTS (choices); i++)
    {
      if (choices[i].name != NULL && !g_str_equal (choices[i].name, field->name) &&
          !(g_str_has_prefix (field->name, choices[i].name) &&
            field->name[strlen (choices[i].name)] == '_'))
        continue;
      if (choices[i].klass != NULL && !g_str_equal (choices[i].klass, field->klass))
        continue;
      for (guint k = 0; k < G_N_ELEMENTS (choices[i].values); k++)
        if (lockstep_field_put (field, word, choices[i].values[k]))
          return;
    }
  g_error ("%s: no value for its field %s", prefix_of, field->name);
}

static guint32
canonical_word (const LockstepRow *row)
{
  guint32 word = row->match;

  for (guint i = 0; i < row->n_fields; i++)
    put_field (&row->fields[i], row->name, &word);
  if (!lockstep_row_is_valid (row, rows, word))
    g_error ("%s: %08x is another instruction", row->name, word);
  return word;
}

typedef struct
{
  const LockstepRow *row; /* (nullable) */
  gsize size, hot, cold;  /* of the block; of the first instruction; where what is behind begins */
  guint n_insns;
  guint8 *bytes; /* (nullable): the tier makes none of it */
} Code;

static void
translate (VmtVcpu *vcpu, gpointer data)
{
  Code *code = data;
  g_autoptr (GArray) at = g_array_new (FALSE, FALSE, sizeof (guint32));
  VmtTierCode made = { NULL, 0 };

  /* Where all instructions are to be had. */
  if (code->row != NULL && code->row->priv != 'U')
    {
      lockstep_set_register (vcpu, lockstep_find_register (vcpu->arch, "priv"), 3);
      vcpu->arch->update_mode (vcpu);
    }
  VmtExecBlock *block = vmt_exec_lookup (vcpu);
  g_assert_nonnull (block);
  if (!vmt_tier_get_code (lockstep_runner_get_tier_object (runner), block, &made, at))
    return;
  g_assert_cmpuint (at->len, >=, 2);
  code->n_insns = at->len - 1;
  code->size = made.size;
  code->hot = g_array_index (at, guint32, 1);
  code->cold = g_array_index (at, guint32, at->len - 1);
  code->bytes = g_memdup2 (made.code, made.size);
}

static void
print_bytes (const guint8 *bytes, gsize size)
{
  for (gsize i = 0; i < size; i++)
    printf ("%02x", bytes[i]);
}

/* @stop: the code of the instruction that stands behind. */
static void
print_row (const LockstepRow *row, const Code *stop)
{
  const guint32 word = canonical_word (row);
  LockstepCase c = { .pc = LOCKSTEP_CODE_BASE + 0x1000,
                     .mem = LOCKSTEP_DATA_BASE,
                     .code_size = row->bytes };
  Code code = { .row = row };
  VmtVcpu *vcpu = lockstep_runner_get_vcpu (runner);
  g_autoptr (GString) text = g_string_new (NULL);

  memcpy (c.code, &word, row->bytes);
  lockstep_runner_begin (runner, &c);
  vmt_vcpu_run_on (vcpu, translate, &code, TRUE);
  vcpu->arch->disassemble (c.code, row->bytes, 0x1000, text);
  printf ("%s\t%s\t", row->name, text->str);
  if (code.bytes != NULL)
    {
      const gsize shared = code.n_insns > 1 ? stop->size - stop->cold : 0;
      print_bytes (code.bytes, code.hot);
      printf ("\t");
      print_bytes (code.bytes + code.cold, code.size - code.cold - shared);
    }
  else
    printf ("\t");
  printf ("\n");
  g_free (code.bytes);
}

static void
print_rows (void)
{
  const LockstepCase c = { .pc = LOCKSTEP_CODE_BASE + 0x1000, .mem = LOCKSTEP_DATA_BASE };
  Code stop = { NULL };

  VmtVcpu *vcpu = lockstep_runner_get_vcpu (runner);

  /* tiers reach the scratch area from a place near what every block touches of the vCPU */
  printf ("%u %u\n", vcpu->scratch_offset - (guint)G_STRUCT_OFFSET (VmtVcpu, exit_request) - 128,
          vcpu->scratch_offset + VMT_VCPU_SCRATCH_SIZE);
  lockstep_runner_begin (runner, &c);
  vmt_vcpu_run_on (vcpu, translate, &stop, TRUE);
  for (guint i = 0; i < rows->n_rows; i++)
    print_row (&rows->rows[i], &stop);
  g_free (stop.bytes);
}

/* --- random blocks --- */

static void
print_random (guint i)
{
  const VmtArchOps *ops = lockstep_runner_get_vcpu (runner)->arch;
  VmtTier *tier = lockstep_runner_get_tier_object (runner);
  const VmtIrRandomConfig config = { i % 3 == 0 ? VMT_IR_RANDOM_ALL : VMT_IR_RANDOM_RISCV,
                                     1 + i % 70, LOCKSTEP_DATA_BASE, 4096, 10 };
  VmtIrBlock *ir = vmt_ir_random_block (ops, i, &config);
  VmtExecBlock block = { .ir = ir,
                         .pa = LOCKSTEP_CODE_BASE,
                         .size = 64,
                         .host = i % 2,
                         .level = i / 2 % 2,
                         .count = i % 4 == 0 };
  VmtTierCode code = { NULL, 0 };

  vmt_tier_compile (tier, ops, &block);
  if (vmt_tier_get_code (tier, &block, &code, NULL))
    {
      g_autofree char *digest =
          g_compute_checksum_for_data (G_CHECKSUM_SHA256, code.code, code.size);
      printf ("%u\t%" G_GSIZE_FORMAT "\t%s\n", i, code.size, digest);
      /* for whoever looks for the difference */
      if (g_getenv ("VMT_HOST_CODE_BYTES") != NULL)
        {
          print_bytes (code.code, code.size);
          printf ("\n");
        }
    }
  vmt_tier_kill (tier, &block);
  vmt_tier_discard (tier, &block);
  vmt_ir_block_free (ir);
}

int
main (int argc, char **argv)
{
  g_autoptr (GError) error = NULL;
  g_autofree gpointer noise = NULL;

  if (argc < 5 || (arch = lockstep_arch_find (argv[1])) == NULL ||
      (!g_str_equal (argv[4], "rows") && !g_str_equal (argv[4], "random")))
    {
      g_printerr ("usage: %s ARCH ROWS.json TIER rows|random [NOISE]\n", argv[0]);
      return 2;
    }
  /* everything that is allocated from now on lies elsewhere, and has had something in it */
  noise = g_malloc (argc > 5 ? (gsize)atoi (argv[5]) * 1040 + 16 : 16);
  for (guint i = 0; argc > 5 && i < 2000; i++)
    {
      const gsize size = 16 + i * (gsize)atoi (argv[5]) % 5000;
      g_autofree gpointer piece = g_malloc (size);
      memset (piece, atoi (argv[5]), size);
    }
  rows = lockstep_rows_new (argv[2], &error);
  g_assert_no_error (error);
  g_autofree char *why = lockstep_runner_make (arch, argv[3], &runner);
  if (why != NULL)
    {
      g_printerr ("%s\n", why);
      return 77;
    }
  lockstep_runner_set_fast (runner);
  if (g_str_equal (argv[4], "rows"))
    print_rows ();
  else
    {
      for (guint i = 0; i < N_RANDOM; i++)
        print_random (i);
      g_printerr ("%p %p\n", noise, (gpointer)g_malloc);
    }
  lockstep_runner_free (runner);
  lockstep_rows_free (rows);
  return 0;
}
