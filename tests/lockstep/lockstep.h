/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Random instructions here and under an independent implementation. Nothing in it knows an
 * architecture but what stands in LockstepArch. */
#pragma once

#include "lockstep-random.h"
#include "lockstep-wire.h"
#include "vmt.h"
#include "vmt-fast.h"

typedef struct
{
  char *name, *klass;
  guint width;
  gboolean is_signed;
  char *role, *reg; /* (nullable) */
  gint add;
  guint n_exclude, exclude[8];
  guint n_bits;
  struct
  {
    guint word, length, field;
  } bits[16];
} LockstepField;

/* An instruction row, from the generator's list. */
typedef struct
{
  char *name, *mnemonic, *operands;
  char *over; /* (nullable) */
  GStrv extensions, flags;
  char priv;
  guint bytes;
  guint32 mask, match;
  guint load, store, amo; /* bytes of memory */
  guint n_fields;
  LockstepField fields[8];
  gboolean excluded; /* from programs */
} LockstepRow;

typedef struct
{
  LockstepRow *rows;
  guint n_rows;
} LockstepRows;

LockstepRows *lockstep_rows_new (const char *path, GError **error);
void lockstep_rows_free (LockstepRows *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (LockstepRows, lockstep_rows_free)
const LockstepRow *lockstep_rows_find (const LockstepRows *self, const char *name);

gboolean lockstep_row_has_flag (const LockstepRow *row, const char *flag);
gboolean lockstep_row_has_extension (const LockstepRow *row, const char *extension);
const LockstepField *lockstep_row_get_field (const LockstepRow *row, const char *name);
guint lockstep_field_get_raw (const LockstepField *field, guint32 word);
guint32 lockstep_field_put_raw (const LockstepField *field, guint32 word, guint raw);
/* Sign-extended, with what the field adds. */
gint64 lockstep_field_get (const LockstepField *field, guint32 word);
/* FALSE: it does not fit, or has bits that the encoding lacks. */
gboolean lockstep_field_put (const LockstepField *field, guint32 *word, gint64 value);
/* A word of this row and of no special case of it, without excluded values. */
guint32 lockstep_row_random (const LockstepRow *row, const LockstepRows *rows, LockstepRandom *r);
gboolean lockstep_row_is_valid (const LockstepRow *row, const LockstepRows *rows, guint32 word);

/* Code and the state that it starts from. */
typedef struct
{
  guint64 pc, mem;
  guint code_size, mem_size;
  guint variant; /* of the architecture's mode, which no result may depend on */
  guint test_at; /* where in the code the instruction under test is */
  gboolean same_code;
  guint64 regs[LOCKSTEP_MAX_REGS];
  guint8 code[LOCKSTEP_MAX_CODE];
  guint8 memory[LOCKSTEP_MAX_MEMORY];
} LockstepCase;

typedef struct
{
  guint32 trap;
  guint64 pc;
  guint64 regs[LOCKSTEP_MAX_REGS];
  guint8 memory[LOCKSTEP_MAX_MEMORY];
} LockstepResult;

typedef struct _LockstepArch LockstepArch;
/* What an architecture supplies. */
struct _LockstepArch
{
  const char *name;             /* of the feature */
  const char *const *registers; /* names in the architecture's table, in the executor's order */
  guint n_registers;
  const char *const *oracles; /* programs that run a user program, best first; in $PATH */
  /* (nullable): extensions that this version lacks; @args: its arguments. */
  const char *const *(*oracle_lacks) (guint major, const char *const **args);
  /* Whether this version is known to get the case wrong; @c NULL: any of the row's. */
  gboolean (*oracle_errs) (guint major, const LockstepRow *row, const LockstepCase *c);
  /* Environment variable with the oracle's command. */
  const char *oracle_variable;
  /* Why the row is not covered, or NULL; @note: what of it is not. */
  const char *(*skip) (const LockstepRow *row, const char **note);
  gboolean (*is_float) (const LockstepRow *row);
  /* Instructions that stop. */
  void (*fill) (guint8 *code, gsize size);
  /* Once for each vCPU, and before each case. */
  void (*setup) (VmtVcpu *vcpu);
  void (*begin) (VmtVcpu *vcpu, guint variant);
  guint (*trap) (guint64 cause);
  /* Makes code; then states for it, as often as wanted. */
  void (*make_code) (const LockstepRow *row, const LockstepRows *rows, LockstepRandom *r,
                     LockstepCase *c);
  void (*make_state) (const LockstepRow *row, LockstepRandom *r, LockstepCase *c);
  /* A program of many instructions that comes to an end. */
  void (*make_program) (const LockstepRows *rows, LockstepRandom *r, LockstepCase *c);
};
extern const LockstepArch *const lockstep_archs[];
const LockstepArch *lockstep_arch_find (const char *name);

/* Values that travel with a register of the architecture's table. */
guint64 lockstep_get_register (VmtVcpu *vcpu, const VmtArchRegister *reg);
void lockstep_set_register (VmtVcpu *vcpu, const VmtArchRegister *reg, guint64 value);
const VmtArchRegister *lockstep_find_register (const VmtArchOps *arch, const char *name);

/* The independent implementation. */
typedef struct _LockstepOracle LockstepOracle;
/* NULL, and why, when there is none. */
LockstepOracle *lockstep_oracle_new (const LockstepArch *arch, const char *executor, char **why);
void lockstep_oracle_free (LockstepOracle *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (LockstepOracle, lockstep_oracle_free)
const char *lockstep_oracle_get_version (LockstepOracle *self);
gboolean lockstep_oracle_has_row (LockstepOracle *self, const LockstepRow *row);
gboolean lockstep_oracle_errs (LockstepOracle *self, const LockstepRow *row, const LockstepCase *c);
gboolean lockstep_oracle_run (LockstepOracle *self, const LockstepCase *cases, guint n,
                              LockstepResult *results, GError **error);

/* Here, under a tier. */
typedef struct _LockstepRunner LockstepRunner;
LockstepRunner *lockstep_runner_new (const LockstepArch *arch, const char *tier, GError **error);
/* Why this host has no such tier; NULL, with @runner: it has. Anything else fails the test. */
char *lockstep_runner_make (const LockstepArch *arch, const char *tier, LockstepRunner **runner);
void lockstep_runner_free (LockstepRunner *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (LockstepRunner, lockstep_runner_free)
const char *lockstep_runner_get_tier (LockstepRunner *self);
VmtTier *lockstep_runner_get_tier_object (LockstepRunner *self);
VmtVcpu *lockstep_runner_get_vcpu (LockstepRunner *self);
void lockstep_runner_run (LockstepRunner *self, const LockstepCase *cases, guint n,
                          LockstepResult *results);
/* The same block by block: begin, step until it says how it ended (0: it goes on). Each step is one
 * block. */
/* Code is compiled for speed at once; else now and then. */
void lockstep_runner_set_fast (LockstepRunner *self);
void lockstep_runner_begin (LockstepRunner *self, const LockstepCase *c);
guint lockstep_runner_step (LockstepRunner *self);
void lockstep_runner_end (LockstepRunner *self, const LockstepCase *c, guint trap,
                          LockstepResult *result);
const guint8 *lockstep_runner_get_data (LockstepRunner *self);

/* (transfer full) (nullable): what differs, with the case's code; NULL: nothing. */
char *lockstep_compare (const LockstepArch *arch, const VmtArchOps *ops, const LockstepCase *c,
                        const LockstepResult *expected, const LockstepResult *got,
                        const char *expected_name, const char *got_name);
char *lockstep_case_to_text (const LockstepArch *arch, const VmtArchOps *ops,
                             const LockstepCase *c);
