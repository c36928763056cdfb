/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../../support/hardened.h"
#include "../../support/test-self.h"
#include "code.h"

/* Hosts that forbid some ways to make code, made by what this kernel lets a process forbid itself.
 * Each test does so in a child process, where nothing was found out yet. */

#ifndef MREMAP_DONTUNMAP
#define MREMAP_DONTUNMAP 4
#endif

#define VARIABLE "VMTOOL_CODE_MEMORY"

/* In the parent: the child has to pass. */
static void
run_child (void)
{
  g_assert_cmpint (test_self_run (), ==, 0);
}

/* What remains when all but @strategy is forbidden: the host may forbid that, too. */
static VmtHostCodeMemory
if_allowed (VmtHostCodeMemory strategy)
{
  return vmt_host_probe_code_memory (strategy, NULL) ? strategy : VMT_HOST_CODE_NONE;
}

/* In the parent: the child found @strategy, or, where the host forbids it, that nothing is left,
 * which is not what the test is for. */
static void
run_child_that_wants (VmtHostCodeMemory strategy)
{
  g_autoptr (GError) error = NULL;

  run_child ();
  if (!vmt_host_probe_code_memory (strategy, &error))
    {
      g_autofree char *why = g_strconcat ("only that 'none' is left: ", error->message, NULL);
      g_test_skip (why);
    }
}

/* A kernel before Linux 5.7. */
static const struct sock_filter old_mremap[] = {
  LOAD (offsetof (struct seccomp_data, nr)), IF_NOT (__NR_mremap, 3), LOAD (ARGUMENT (3)),
  IF_NO_BIT (MREMAP_DONTUNMAP, 1),           DENY (EINVAL),           ALLOW,
};

static const struct sock_filter no_mremap[] = {
  LOAD (offsetof (struct seccomp_data, nr)),
  IF_NOT (__NR_mremap, 1),
  DENY (EPERM),
  ALLOW,
};

static const struct sock_filter no_memfd[] = {
  LOAD (offsetof (struct seccomp_data, nr)),
  IF_NOT (__NR_memfd_create, 1),
  DENY (ENOSYS),
  ALLOW,
};

#define install(filter) g_assert_true (hardened_install (filter, G_N_ELEMENTS (filter), FALSE))

static gboolean
cannot_filter (void)
{
  if (code_is_emulated ())
    return TRUE;
  if (prctl (PR_GET_SECCOMP, 0, 0, 0, 0) >= 0)
    return FALSE;
  g_test_skip ("this kernel does not filter system calls");
  return TRUE;
}

/* Code is made and executed, in pages that had some already. */
static void
check_works (VmtHostCodeMemory strategy)
{
  g_autoptr (GError) error = NULL;
  VmtHostCodeArea *area = vmt_host_code_area_new (strategy, 1 << 20, &error);
  gsize offsets[200];

  g_assert_no_error (error);
  for (guint i = 0; i < G_N_ELEMENTS (offsets); i++)
    {
      vmt_host_code_area_set_quiet (area, i % 3 == 0);
      offsets[i] = code_add (area, i, 64 + i * 10);
    }
  vmt_host_code_area_release (area, offsets[10], 64 + 100);
  vmt_host_code_area_trim (area);
  offsets[10] = code_add (area, 10, 5000);
  for (guint i = 0; i < G_N_ELEMENTS (offsets); i++)
    g_assert_cmpint (code_run (area, offsets[i]), ==, i);
  code_check_maps ();
  vmt_host_code_area_free (area);
}

/* The choice, and a reason that names all that were refused. */
static void
check_choice (VmtHostCodeMemory strategy)
{
  g_test_message ("%s: %s", vmt_host_code_memory_get_nick (vmt_host_get_code_memory ()),
                  vmt_host_get_code_memory_reason ());
  g_assert_cmpint (vmt_host_get_code_memory (), ==, strategy);
  g_assert_true (vmt_host_check_code_memory (NULL));
  for (VmtHostCodeMemory one = VMT_HOST_CODE_DUAL; one < strategy; one++)
    {
      g_autofree char *quoted = g_strdup_printf ("'%s'", vmt_host_code_memory_get_nick (one));
      g_autoptr (GError) error = NULL;

      g_assert_false (vmt_host_probe_code_memory (one, &error));
      g_assert_error (error, VMT_ERROR, VMT_ERROR_UNSUPPORTED);
      g_assert_nonnull (strstr (vmt_host_get_code_memory_reason (), error->message));
      g_assert_nonnull (strstr (error->message, quoted));
    }
  if (strategy < VMT_HOST_CODE_NONE)
    check_works (strategy);
}

static void
test_mdwe (void)
{
  if (g_test_subprocess ())
    {
      const VmtHostCodeMemory left = if_allowed (VMT_HOST_CODE_DUAL);

      g_assert_cmpint (prctl (PR_SET_MDWE, PR_MDWE_REFUSE_EXEC_GAIN, 0, 0, 0), ==, 0);
      check_choice (left);
      g_assert_false (vmt_host_probe_code_memory (VMT_HOST_CODE_TOGGLE, NULL));
      return;
    }
  if (code_is_emulated ())
    return;
  if (prctl (PR_GET_MDWE, 0, 0, 0, 0) < 0)
    {
      g_test_skip ("this kernel cannot deny memory that becomes executable (PR_SET_MDWE, "
                   "Linux 6.3)");
      return;
    }
  run_child_that_wants (VMT_HOST_CODE_DUAL);
}

static void
test_toggle_only (void)
{
  if (g_test_subprocess ())
    {
      const VmtHostCodeMemory left = if_allowed (VMT_HOST_CODE_TOGGLE);

      install (hardened_toggle);
      check_choice (left);
    }
  else if (!cannot_filter ())
    run_child_that_wants (VMT_HOST_CODE_TOGGLE);
}

static void
test_nothing (void)
{
  if (g_test_subprocess ())
    {
      install (hardened_none);
      check_choice (VMT_HOST_CODE_NONE);
      for (VmtHostCodeMemory one = VMT_HOST_CODE_DUAL; one <= VMT_HOST_CODE_NONE; one++)
        {
          g_autoptr (GError) error = NULL;
          VmtHostCodeArea *area = vmt_host_code_area_new (one, 1 << 20, &error);

          if (area != NULL)
            {
              /* It is the first write that is refused. */
              g_assert_cmpint (one, ==, VMT_HOST_CODE_TOGGLE);
              g_assert_false (vmt_host_code_area_write (area, vmt_host_code_area_alloc (area, 64),
                                                        "", 1, &error));
              g_assert_error (error, VMT_ERROR, VMT_ERROR_FAILED);
              vmt_host_code_area_free (area);
            }
          else
            g_assert_error (error, VMT_ERROR, VMT_ERROR_UNSUPPORTED);
        }
    }
  else if (!cannot_filter ())
    run_child ();
}

static void
test_no_memfd (void)
{
  if (g_test_subprocess ())
    {
      const VmtHostCodeMemory left = if_allowed (VMT_HOST_CODE_TOGGLE);

      install (no_memfd);
      check_choice (left);
    }
  else if (!cannot_filter ())
    run_child_that_wants (VMT_HOST_CODE_TOGGLE);
}

static void
test_old_mremap (void)
{
  g_autoptr (GError) error = NULL;

  if (g_test_subprocess ())
    {
      install (old_mremap);
      check_works (VMT_HOST_CODE_TOGGLE);
    }
  else if (cannot_filter ())
    return;
  else if (!vmt_host_probe_code_memory (VMT_HOST_CODE_TOGGLE, &error))
    g_test_skip (error->message);
  else
    run_child ();
}

/* A limit that is answered by a signal. */
static void
test_file_limit (void)
{
  if (g_test_subprocess ())
    {
      const VmtHostCodeMemory left = if_allowed (VMT_HOST_CODE_TOGGLE);
      const struct rlimit limit = { 4096, 4096 };
      g_autoptr (GError) error = NULL;

      g_assert_cmpint (setrlimit (RLIMIT_FSIZE, &limit), ==, 0);
      g_assert_null (vmt_host_code_area_new (VMT_HOST_CODE_DUAL, 1 << 20, &error));
      g_assert_error (error, VMT_ERROR, VMT_ERROR_UNSUPPORTED);
      check_choice (left);
      return;
    }
  if (!code_is_emulated ())
    run_child_that_wants (VMT_HOST_CODE_TOGGLE);
}

/* The host changes its mind: what was made goes on, and writes say no. */
static void
test_refused_later (void)
{
  if (g_test_subprocess ())
    {
      VmtHostCodeArea *toggle = vmt_host_code_area_new (VMT_HOST_CODE_TOGGLE, 1 << 20, NULL);
      gsize one = code_add (toggle, 1, 64), two = code_add (toggle, 2, 64);
      g_autoptr (GError) error = NULL;
      guint8 code[CODE_MAX];
      gsize size = code_make (code, 3);

      install (no_mremap);
      for (guint i = 0; i < 3; i++)
        {
          g_assert_false (vmt_host_code_area_write (toggle, one, code, size, &error));
          g_assert_error (error, VMT_ERROR, VMT_ERROR_FAILED);
          g_clear_error (&error);
        }
      g_assert_cmpint (code_run (toggle, one), ==, 1);
      g_assert_cmpint (code_run (toggle, two), ==, 2);
      /* Which needs no move. */
      vmt_host_code_area_set_quiet (toggle, TRUE);
      g_assert_true (vmt_host_code_area_write (toggle, one, code, size, NULL));
      g_assert_cmpint (code_run (toggle, one), ==, 3);

      install (hardened_none);
      vmt_host_code_area_set_quiet (toggle, FALSE);
      g_assert_false (vmt_host_code_area_write (toggle, one, code, size, &error));
      g_assert_error (error, VMT_ERROR, VMT_ERROR_FAILED);
      g_clear_error (&error);
      g_assert_cmpint (code_run (toggle, one), ==, 3);
      g_assert_cmpint (code_run (toggle, two), ==, 2);
      vmt_host_code_area_set_quiet (toggle, TRUE);
      g_assert_false (vmt_host_code_area_write (toggle, one, code, size, &error));
      g_assert_error (error, VMT_ERROR, VMT_ERROR_STATE);
      code_check_maps ();
      vmt_host_code_area_free (toggle);
      return;
    }
  g_autoptr (GError) error = NULL;
  if (cannot_filter ())
    return;
  if (!vmt_host_probe_code_memory (VMT_HOST_CODE_TOGGLE, &error))
    g_test_skip (error->message);
  else
    run_child ();
}

static gboolean
can_unshare (void)
{
  pid_t child = fork ();
  int status;

  if (child == 0)
    _exit (unshare (CLONE_NEWPID));
  return waitpid (child, &status, 0) == child && status == 0;
}

/* vm.memfd_noexec is a setting of a PID namespace, which cannot be lowered again. */
static void
test_noexec (gconstpointer data)
{
  if (g_test_subprocess ())
    {
      const char *value = data;
      pid_t child;
      int status, fd;

      g_assert_cmpint (unshare (CLONE_NEWPID), ==, 0);
      child = fork ();
      if (child == 0)
        {
          fd = open ("/proc/sys/vm/memfd_noexec", O_WRONLY);
          if (fd < 0 || write (fd, value, 1) != 1)
            _exit (2);
          _exit (vmt_host_probe_code_memory (VMT_HOST_CODE_DUAL, NULL) ? 0 : 1);
        }
      g_assert_cmpint (waitpid (child, &status, 0), ==, child);
      g_assert_cmpint (status, ==, 0);
      /* No thread can be made any more, as leak checkers do in the end. */
      _exit (0);
    }
  g_autoptr (GError) error = NULL;
  if (code_is_emulated ())
    return;
  if (!vmt_host_probe_code_memory (VMT_HOST_CODE_DUAL, &error))
    {
      g_test_skip (error->message);
      return;
    }
  if (!can_unshare () || !g_file_test ("/proc/sys/vm/memfd_noexec", G_FILE_TEST_EXISTS))
    {
      g_test_skip ("this process may not set vm.memfd_noexec (Linux 6.3) for another");
      return;
    }
  run_child ();
}

/* --- the user's choice --- */

static void
test_wanted (gconstpointer data)
{
  const char *wanted = data;

  if (g_test_subprocess ())
    {
      g_autoptr (GError) error = NULL;

      g_setenv (VARIABLE, wanted, TRUE);
      g_assert_true (vmt_host_check_code_memory (&error));
      g_assert_no_error (error);
      g_assert_cmpstr (vmt_host_code_memory_get_nick (vmt_host_get_code_memory ()), ==, wanted);
      g_assert_nonnull (strstr (vmt_host_get_code_memory_reason (), VARIABLE));
      return;
    }
  for (VmtHostCodeMemory one = VMT_HOST_CODE_DUAL; one <= VMT_HOST_CODE_NONE; one++)
    {
      g_autoptr (GError) error = NULL;

      if (g_str_equal (wanted, vmt_host_code_memory_get_nick (one)) &&
          !vmt_host_probe_code_memory (one, &error))
        {
          g_test_skip (error->message);
          return;
        }
    }
  run_child ();
}

static void
test_wanted_wrongly (gconstpointer data)
{
  if (g_test_subprocess ())
    {
      g_autoptr (GError) error = NULL;

      g_setenv (VARIABLE, data, TRUE);
      g_assert_false (vmt_host_check_code_memory (&error));
      g_assert_error (error, VMT_ERROR, VMT_ERROR_INVALID);
      g_assert_nonnull (strstr (error->message, VARIABLE));
      g_assert_cmpint (vmt_host_get_code_memory (), ==, VMT_HOST_CODE_NONE);
      g_assert_cmpstr (vmt_host_get_code_memory_reason (), ==, error->message);
      g_assert_false (vmt_host_check_code_memory (NULL));
      return;
    }
  run_child ();
}

/* What is asked for is not replaced by something else in silence. */
static void
test_wanted_in_vain (void)
{
  if (g_test_subprocess ())
    {
      g_autoptr (GError) error = NULL;

      install (hardened_toggle);
      g_setenv (VARIABLE, "dual", TRUE);
      g_assert_false (vmt_host_check_code_memory (&error));
      g_assert_error (error, VMT_ERROR, VMT_ERROR_UNSUPPORTED);
      g_assert_cmpint (vmt_host_get_code_memory (), ==, VMT_HOST_CODE_NONE);
    }
  else if (!cannot_filter ())
    run_child ();
}

/* The best one is the first that works, however often one asks. */
static void
test_probe (void)
{
  VmtHostCodeMemory best = vmt_host_get_code_memory ();

  for (guint i = 0; i < 3; i++)
    for (VmtHostCodeMemory one = VMT_HOST_CODE_DUAL; one <= VMT_HOST_CODE_NONE; one++)
      {
        g_autoptr (GError) error = NULL;
        gboolean works = vmt_host_probe_code_memory (one, &error);

        g_test_message ("%s: %s", vmt_host_code_memory_get_nick (one),
                        works ? "works" : error->message);
        g_assert_true (one > best || works == (one == best));
      }
}

static void
test_emulated (void)
{
  g_test_skip ("an emulator of processes does not let its guest forbid itself anything");
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_unsetenv (VARIABLE);
  if (g_getenv ("VMT_TEST_EMULATED") != NULL)
    {
      g_test_add_func ("/host/code/hardened", test_emulated);
      return g_test_run ();
    }
  g_test_add_func ("/host/code/probe", test_probe);
  g_test_add_func ("/host/code/mdwe", test_mdwe);
  g_test_add_func ("/host/code/toggle-only", test_toggle_only);
  g_test_add_func ("/host/code/nothing", test_nothing);
  g_test_add_func ("/host/code/no-memfd", test_no_memfd);
  g_test_add_func ("/host/code/old-mremap", test_old_mremap);
  g_test_add_func ("/host/code/file-limit", test_file_limit);
  g_test_add_func ("/host/code/refused-later", test_refused_later);
  g_test_add_data_func ("/host/code/noexec/1", "1", test_noexec);
  g_test_add_data_func ("/host/code/noexec/2", "2", test_noexec);
  g_test_add_data_func ("/host/code/wanted/dual", "dual", test_wanted);
  g_test_add_data_func ("/host/code/wanted/toggle", "toggle", test_wanted);
  g_test_add_data_func ("/host/code/wanted/none", "none", test_wanted);
  g_test_add_data_func ("/host/code/wanted/wrongly", "duel", test_wanted_wrongly);
  g_test_add_data_func ("/host/code/wanted/empty", "", test_wanted_wrongly);
  g_test_add_func ("/host/code/wanted/in-vain", test_wanted_in_vain);
  return g_test_run ();
}
