/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>

#include "vmt-error.h"
#include "vmt-state-table.h"

typedef struct
{
  guint8 u8;
  guint16 u16;
  guint32 u32;
  guint64 u64;
  gboolean flag;
  guint8 bytes[5];
  guint16 words[3];
  gboolean flags[3];
  guint32 late;
  guint32 untouched;
} State;

static const VmtStateField fields[] = {
  VMT_STATE (State, u8, U8),
  VMT_STATE (State, u16, U16),
  VMT_STATE (State, u32, U32),
  VMT_STATE (State, u64, U64),
  VMT_STATE (State, flag, BOOL),
  VMT_STATE_ARRAY (State, bytes, BYTES, 5),
  VMT_STATE_ARRAY (State, words, U16, 3),
  VMT_STATE_ARRAY (State, flags, BOOL, 3),
  { "late", G_STRUCT_OFFSET (State, late), VMT_STATE_U32, 2, 0 },
  VMT_STATE_END,
};

static const State sample = {
  .u8 = 0xff,
  .u16 = 0xfffe,
  .u32 = 0xfffffffd,
  .u64 = G_MAXUINT64 - 3,
  .flag = TRUE,
  .bytes = { 1, 2, 3, 4, 5 },
  .words = { 0x1234, 0xffff, 0 },
  .flags = { TRUE, FALSE, TRUE },
  .late = 9,
  .untouched = 0xabcd,
};

static void
assert_same (const State *a, const State *b)
{
  g_assert_cmpuint (a->u8, ==, b->u8);
  g_assert_cmpuint (a->u16, ==, b->u16);
  g_assert_cmpuint (a->u32, ==, b->u32);
  g_assert_cmpuint (a->u64, ==, b->u64);
  g_assert_cmpint (a->flag, ==, b->flag);
  g_assert_cmpmem (a->bytes, 5, b->bytes, 5);
  g_assert_cmpmem (a->words, 6, b->words, 6);
  g_assert_cmpmem (a->flags, sizeof a->flags, b->flags, sizeof b->flags);
  g_assert_cmpuint (a->late, ==, b->late);
}

static void
test_round_trip (void)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GVariant) saved = vmt_state_table_save (fields, &sample);
  g_assert_false (g_variant_is_floating (saved));
  g_assert_cmpuint (g_variant_n_children (saved), ==, 9);

  /* Through its bytes, as a snapshot would. */
  g_autoptr (GBytes) bytes = g_variant_get_data_as_bytes (saved);
  g_autoptr (GVariant) again =
      g_variant_ref_sink (g_variant_new_from_bytes (G_VARIANT_TYPE_VARDICT, bytes, FALSE));
  State state = { .untouched = 1 };
  g_assert_true (vmt_state_table_load (fields, &state, again, 2, &error));
  g_assert_no_error (error);
  assert_same (&state, &sample);
  g_assert_cmpuint (state.untouched, ==, 1);
}

static void
test_reset (void)
{
  State state = sample, zero = { 0 };
  vmt_state_table_reset (fields, &state);
  assert_same (&state, &zero);
  g_assert_cmphex (state.untouched, ==, 0xabcd);
  vmt_state_table_reset (NULL, &state);
  g_autoptr (GVariant) nothing = vmt_state_table_save (NULL, &state);
  g_assert_cmpuint (g_variant_n_children (nothing), ==, 0);
}

/* The saved dictionary with @name left out and, if @value is not NULL, put in again. */
static GVariant *
alter (const char *name, GVariant *value)
{
  g_autoptr (GVariant) saved = vmt_state_table_save (fields, &sample);
  g_auto (GVariantDict) dict;
  g_variant_dict_init (&dict, saved);
  g_variant_dict_remove (&dict, name);
  if (value != NULL)
    g_variant_dict_insert_value (&dict, name, value);
  return g_variant_ref_sink (g_variant_dict_end (&dict));
}

static void
assert_refused (GVariant *saved, guint version)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GVariant) own = saved;
  State state = { 0 }, zero = { 0 };
  g_assert_false (vmt_state_table_load (fields, &state, own, version, &error));
  g_assert_error (error, VMT_ERROR, VMT_ERROR_CORRUPT);
  assert_same (&state, &zero); /* all or nothing */
}

static void
test_bad (void)
{
  assert_refused (alter ("unknown", g_variant_new_uint32 (1)), 2);
  assert_refused (alter ("u8", NULL), 2);
  assert_refused (alter ("u8", g_variant_new_uint16 (1)), 2);
  assert_refused (alter ("u32", g_variant_new_string ("1")), 2);
  assert_refused (alter ("u64", g_variant_new_int64 (1)), 2);
  assert_refused (alter ("flag", g_variant_new_byte (1)), 2);
  assert_refused (alter ("bytes", g_variant_new_bytestring ("abc")), 2);
  assert_refused (alter ("bytes", g_variant_new_bytestring ("abcdefgh")), 2);
  assert_refused (alter ("words", g_variant_new_array (G_VARIANT_TYPE_UINT16, NULL, 0)), 2);
  assert_refused (alter ("words", g_variant_new_uint16 (1)), 2);
  assert_refused (alter ("late", NULL), 2);
  assert_refused (g_variant_ref_sink (g_variant_new_string ("no")), 2);

  GVariantBuilder builder;
  g_autoptr (GVariant) saved = vmt_state_table_save (fields, &sample);
  g_variant_builder_init (&builder, G_VARIANT_TYPE_VARDICT);
  for (gsize i = 0; i < g_variant_n_children (saved); i++)
    {
      g_autoptr (GVariant) entry = g_variant_get_child_value (saved, i);
      g_variant_builder_add_value (&builder, entry);
    }
  g_variant_builder_add (&builder, "{sv}", "u8", g_variant_new_byte (3));
  assert_refused (g_variant_ref_sink (g_variant_builder_end (&builder)), 2);
}

static void
test_older (void)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GVariant) old = alter ("late", NULL);
  State state = { .late = 77 };
  g_assert_true (vmt_state_table_load (fields, &state, old, 1, &error));
  g_assert_cmpuint (state.late, ==, 77);
  g_assert_cmpuint (state.u8, ==, 0xff);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/device/state-table/round-trip", test_round_trip);
  g_test_add_func ("/device/state-table/reset", test_reset);
  g_test_add_func ("/device/state-table/bad", test_bad);
  g_test_add_func ("/device/state-table/older", test_older);
  return g_test_run ();
}
