/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The stock kernel on hosts that allow memory to be executed in one way only, or in none: see
 * tests/support/hardened.c. */
#include <string.h>

#include "guest.h"

#define TIMEOUT 300

static char *vmtool;

typedef struct
{
  const char *path, *host, *strategy, *cpus;
} Variant;

static const Variant variants[] = {
  { "/guest/code-memory/mdwe-1cpu", "mdwe", "dual", "1" },
  { "/guest/code-memory/mdwe-4cpu", "mdwe", "dual", "4" },
  { "/guest/code-memory/toggle-1cpu", "toggle", "toggle", "1" },
  { "/guest/code-memory/toggle-4cpu", "toggle", "toggle", "4" },
  { "/guest/code-memory/none-1cpu", "none", NULL, "1" },
  { "/guest/code-memory/none-4cpu", "none", NULL, "4" },
};

/* Why the host that this runs on, without any wrapper, has no such strategy; NULL: it has. */
static char *
host_refuses (const char *strategy)
{
  g_autofree char *refused = g_strdup_printf ("'%s' does not work here", strategy);
  g_autofree char *hardened = g_strdup (g_getenv ("VMTOOL"));
  g_autoptr (GuestResult) doctor = NULL;
  const char *at;

  g_setenv ("VMTOOL", vmtool, TRUE);
  doctor = guest_run (60, NULL, NULL, 0, "doctor", NULL);
  g_setenv ("VMTOOL", hardened, TRUE);
  at = strstr (doctor->output, refused);
  return at != NULL ? g_strndup (at, strcspn (at, "\n")) : NULL;
}

static GuestResult *
boot (const Variant *variant, const char *setting, const char *expect)
{
  g_autofree char *kernel = guest_kit_file ("kernel");
  g_autofree char *initrd = guest_kit_file ("initramfs.cpio.gz");
  g_autofree char *cpus = g_strdup_printf ("cpus=%s", variant->cpus);
  GuestResult *result =
      guest_run (TIMEOUT, NULL, NULL, 0, variant->host, vmtool, "run", "riscv-virt", "--kernel",
                 kernel, "--initrd", initrd, "--append", "console=ttyS0 panic=-1 vmtool.once", "-s",
                 cpus, "-s", setting, NULL);

  guest_assert_contains (result, expect);
  return result;
}

static void
test_boot (gconstpointer data)
{
  const Variant *variant = data;
  g_autoptr (GuestResult) doctor = NULL, result = NULL;
  g_autofree char *refused = NULL;

  if (!guest_need_kit ())
    return;
  if (variant->strategy != NULL && (refused = host_refuses (variant->strategy)) != NULL)
    {
      g_test_skip (refused);
      return;
    }
  doctor = guest_run (60, NULL, NULL, 0, variant->host, vmtool, "doctor", NULL);
  if (doctor->status == 77)
    {
      g_test_skip (doctor->output);
      return;
    }
  g_test_message ("%s", doctor->output);
  if (strstr (doctor->output, "tier baseline") == NULL)
    {
      g_test_skip ("there is no tier that makes code");
      return;
    }
  g_assert_cmpint (doctor->status, ==, 0);
  if (variant->strategy != NULL)
    {
      g_autofree char *used =
          g_strdup_printf ("code memory %-6s works, and is used", variant->strategy);
      const char *at = strstr (doctor->output, "tier baseline");

      guest_assert_contains (doctor, used);
      g_assert_nonnull (strstr (at, "usable"));
      result = boot (variant, "tier=baseline", "BOOT-OK");
      g_assert_cmpint (result->status, ==, 0);
      return;
    }
  /* what the host refuses is told */
  guest_assert_contains (doctor, "'dual' does not work here");
  guest_assert_contains (doctor, "'toggle' does not work here");
  guest_assert_contains (doctor, "the interpreter executes guests");
  result = boot (variant, "tier=auto", "BOOT-OK");
  g_assert_cmpint (result->status, ==, 0);
}

/* Whoever wants that tier alone is told why it cannot be had. */
static void
test_refusal (void)
{
  static const Variant variant = { NULL, "none", NULL, "1" };
  g_autoptr (GuestResult) probe = NULL, result = NULL;
  char *end;

  if (!guest_need_kit ())
    return;
  probe = guest_run (60, NULL, NULL, 0, variant.host, vmtool, "doctor", NULL);
  if (probe->status == 77 || strstr (probe->output, "tier baseline") == NULL)
    {
      g_test_skip ("no such host, or no such tier");
      return;
    }
  result = boot (&variant, "tier=baseline", "tier 'baseline'");
  g_assert_cmpint (result->status, ==, 1);
  guest_assert_contains (result, "no memory for code");
  guest_assert_contains (result, "'toggle' does not work here");
  /* one message */
  end = strchr (result->output, '\n');
  g_assert_true (end != NULL && end[1] == '\0');
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_unsetenv ("VMTOOL_CODE_MEMORY");
  vmtool = g_strdup (g_getenv ("VMTOOL"));
  g_setenv ("VMTOOL", g_getenv ("HARDENED"), TRUE);
  for (guint i = 0; i < G_N_ELEMENTS (variants); i++)
    g_test_add_data_func (variants[i].path, &variants[i], test_boot);
  g_test_add_func ("/guest/code-memory/refusal", test_refusal);
  int status = g_test_run ();
  g_free (vmtool);
  return status;
}
