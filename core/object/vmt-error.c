/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "vmt-error-private.h"

#include <string.h>

/* The name is what people see: the formatter would take its dashes for subtractions. */
/* clang-format off */
G_DEFINE_QUARK (vmt-error-quark, vmt_error)
/* clang-format on */

/* Longer words are not typed by people, and the cost is quadratic. */
#define NAME_MAX_LENGTH 64

/* Edit distance with transposition of neighbours, ASCII case ignored. Both words are at most
 * NAME_MAX_LENGTH long. */
static guint
edit_distance (const char *a, gsize a_length, const char *b, gsize b_length)
{
  guint8 row[3][NAME_MAX_LENGTH + 1];
  guint8 *before = row[0], *last = row[1], *now = row[2];

  for (gsize j = 0; j <= b_length; j++)
    last[j] = j;

  for (gsize i = 1; i <= a_length; i++)
    {
      guint8 *spare = before;
      char ca = g_ascii_tolower (a[i - 1]);

      now[0] = i;
      for (gsize j = 1; j <= b_length; j++)
        {
          char cb = g_ascii_tolower (b[j - 1]);
          guint cost = MIN (last[j] + 1, now[j - 1] + 1);

          cost = MIN (cost, last[j - 1] + (ca == cb ? 0u : 1u));
          if (i > 1 && j > 1 && ca == g_ascii_tolower (b[j - 2]) &&
              cb == g_ascii_tolower (a[i - 2]))
            cost = MIN (cost, before[j - 2] + 1u);
          now[j] = cost;
        }
      before = last;
      last = now;
      now = spare;
    }

  return last[b_length];
}

/**
 * vmt_nearest_name:
 * @wanted: what the user wrote
 * @candidates: (array zero-terminated=1): what exists
 *
 * The first of the candidates that are nearest to @wanted. A word counts as near when at most a
 * third of it was mistyped, or else when @wanted is the beginning of it or (from three characters
 * on) a part of it: people write `uart` for `uart-ns16550`.
 *
 * Any thread.
 *
 * Returns: (nullable) (transfer none): one of @candidates
 */
const char *
vmt_nearest_name (const char *wanted, const char *const *candidates)
{
  const char *best = NULL, *longer = NULL;
  guint best_distance = G_MAXUINT;
  gsize length;

  if (wanted == NULL || candidates == NULL)
    return NULL;
  length = strlen (wanted);
  if (length == 0 || length > NAME_MAX_LENGTH)
    return NULL;

  for (gsize i = 0; candidates[i] != NULL; i++)
    {
      gsize other = strlen (candidates[i]);
      guint limit = MAX (length, other) / 3;
      guint distance;

      if (other == 0 || other > NAME_MAX_LENGTH)
        continue;
      if (length > 1 && other > length &&
          (length > 2 ? strstr (candidates[i], wanted) != NULL
                      : g_str_has_prefix (candidates[i], wanted)) &&
          (longer == NULL || other < strlen (longer)))
        longer = candidates[i];
      limit = CLAMP (limit, 1, 4);
      if ((length > other ? length - other : other - length) > limit)
        continue;
      distance = edit_distance (wanted, length, candidates[i], other);
      /* One letter for another is no typing mistake in a word of one letter. */
      if (distance <= limit && distance < MAX (length, other) && distance < best_distance)
        {
          best_distance = distance;
          best = candidates[i];
        }
    }

  return best != NULL ? best : longer;
}

gboolean
_vmt_error_clean (GError **error)
{
  char *message;

  if (error == NULL || *error == NULL)
    return FALSE;
  message = g_utf8_make_valid ((*error)->message, -1);
  for (char *at = message; *at != '\0'; at++)
    if (g_ascii_iscntrl (*at))
      *at = '?';
  g_free ((*error)->message);
  (*error)->message = message;
  return FALSE;
}
