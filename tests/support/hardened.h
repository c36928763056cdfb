/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Hosts that forbid some ways to make code, made by what this kernel lets a process forbid
 * itself. */
#pragma once

#include <errno.h>
#include <glib.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef PR_SET_MDWE
#define PR_SET_MDWE 65
#define PR_GET_MDWE 66
#define PR_MDWE_REFUSE_EXEC_GAIN 1
#endif

/* --- filters of system calls --- */

#define ARGUMENT(n) (offsetof (struct seccomp_data, args) + 8 * (n)) /* its low half */
#define LOAD(what) BPF_STMT (BPF_LD | BPF_W | BPF_ABS, what)
#define IF_NOT(value, skip) BPF_JUMP (BPF_JMP | BPF_JEQ | BPF_K, value, 0, skip)
#define IF_NO_BIT(bits, skip) BPF_JUMP (BPF_JMP | BPF_JSET | BPF_K, bits, 0, skip)
#define DENY(error) BPF_STMT (BPF_RET | BPF_K, SECCOMP_RET_ERRNO | (error))
#define ALLOW BPF_STMT (BPF_RET | BPF_K, SECCOMP_RET_ALLOW)

G_STATIC_ASSERT (G_BYTE_ORDER == G_LITTLE_ENDIAN);

#define WRITE_AND_EXECUTE                                                                          \
  LOAD (ARGUMENT (2)), IF_NO_BIT (PROT_WRITE, 2), IF_NO_BIT (PROT_EXEC, 1), DENY (EACCES)

/* What was seen on a HarmonyOS tablet: no page that is writable and executable, none that is made
 * executable at once without a file or from a shared file; but written pages may become executable.
 */
#define MMAP                                                                                       \
  LOAD (offsetof (struct seccomp_data, nr)), IF_NOT (__NR_mmap, 12), WRITE_AND_EXECUTE,            \
      LOAD (ARGUMENT (2)), IF_NO_BIT (PROT_EXEC, 5), LOAD (ARGUMENT (3)),                          \
      IF_NO_BIT (MAP_ANONYMOUS, 1), DENY (EINVAL), IF_NO_BIT (MAP_SHARED, 1), DENY (EACCES), ALLOW

static const struct sock_filter hardened_toggle[] = {
  MMAP,  LOAD (offsetof (struct seccomp_data, nr)), IF_NOT (__NR_mprotect, 4), WRITE_AND_EXECUTE,
  ALLOW,
};

/* And they may not. */
static const struct sock_filter hardened_none[] = {
  MMAP,
  LOAD (offsetof (struct seccomp_data, nr)),
  IF_NOT (__NR_mprotect, 3),
  LOAD (ARGUMENT (2)),
  IF_NO_BIT (PROT_EXEC, 1),
  DENY (EACCES),
  ALLOW,
};

/* FALSE: this kernel cannot; see errno. @all_threads: of the process, not the calling one and its
 * children only. */
static inline gboolean
hardened_install (const struct sock_filter *filter, gsize length, gboolean all_threads)
{
  struct sock_fprog program = { (unsigned short)length, (struct sock_filter *)filter };

  return prctl (PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
         syscall (__NR_seccomp, SECCOMP_SET_MODE_FILTER,
                  all_threads ? SECCOMP_FILTER_FLAG_TSYNC : 0, &program) == 0;
}
