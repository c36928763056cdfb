/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include "vmt-error.h"
#include "vmt-host-code-private.h"
#include "vmt-host.h"

/* Functions that return 42 and 24. */
#if defined(__x86_64__)
static const guint8 answers[2][6] = { { 0xb8, 42, 0, 0, 0, 0xc3 }, { 0xb8, 24, 0, 0, 0, 0xc3 } };
#elif defined(__aarch64__)
static const guint8 answers[2][8] = { { 0x40, 0x05, 0x80, 0x52, 0xc0, 0x03, 0x5f, 0xd6 },
                                      { 0x00, 0x03, 0x80, 0x52, 0xc0, 0x03, 0x5f, 0xd6 } };
#elif defined(__riscv)
static const guint8 answers[2][6] = { { 0x13, 0x05, 0xa0, 0x02, 0x82, 0x80 },
                                      { 0x13, 0x05, 0x80, 0x01, 0x82, 0x80 } };
#else
/* No tier generates code for this processor. */
#define NO_CODE_GENERATION
#endif

/**
 * vmt_host_code_memory_get_nick:
 * @strategy: a strategy
 *
 * Returns: (transfer none): "dual", "toggle" or "none"
 */
const char *
vmt_host_code_memory_get_nick (VmtHostCodeMemory strategy)
{
  switch (strategy)
    {
    case VMT_HOST_CODE_DUAL:
      return "dual";
    case VMT_HOST_CODE_TOGGLE:
      return "toggle";
    case VMT_HOST_CODE_NONE:
      return "none";
    }
  return NULL;
}

gboolean
vmt_host_code_refuse (VmtHostCodeMemory strategy, const char *what, GError **error)
{
  g_set_error (error, VMT_ERROR, VMT_ERROR_UNSUPPORTED,
               "code memory strategy '%s' does not work here: %s: %s",
               vmt_host_code_memory_get_nick (strategy), what, g_strerror (errno));
  return FALSE;
}

/* Since the sysctl vm.memfd_noexec (Linux 6.3), files that are not asked for with one of these
 * flags may be refused, and so may files that can be run as programs, which is not what is wanted:
 * mapped pages are executable in any case. */
#ifndef MFD_NOEXEC_SEAL
#define MFD_NOEXEC_SEAL 8u
#endif
#ifndef MFD_EXEC
#define MFD_EXEC 16u
#endif

int
vmt_host_code_make_file (gsize size, GError **error)
{
#ifdef MFD_CLOEXEC
  const guint flags[] = { MFD_EXEC, MFD_NOEXEC_SEAL, 0 };
  struct rlimit limit;
  int fd = -1;

  /* Growing a file beyond it is answered by a signal that ends the program. */
  if (getrlimit (RLIMIT_FSIZE, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY &&
      size > limit.rlim_cur)
    {
      errno = EFBIG;
      vmt_host_code_refuse (VMT_HOST_CODE_DUAL, "cannot size a memory file", error);
      return -1;
    }
  for (guint i = 0; i < G_N_ELEMENTS (flags) && fd < 0; i++)
    fd = memfd_create ("vmtool-code", MFD_CLOEXEC | flags[i]);
  if (fd < 0)
    {
      vmt_host_code_refuse (VMT_HOST_CODE_DUAL, "cannot make a memory file", error);
      return -1;
    }
  if (ftruncate (fd, size) != 0)
    {
      vmt_host_code_refuse (VMT_HOST_CODE_DUAL, "cannot size a memory file", error);
      close (fd);
      return -1;
    }
  return fd;
#else
  (void)size;
  errno = ENOSYS;
  vmt_host_code_refuse (VMT_HOST_CODE_DUAL, "no memory files", error);
  return -1;
#endif
}

#ifndef NO_CODE_GENERATION
/* A size that areas have: some limits are about that. */
#define PROBE_SIZE ((gsize)64 << 20)

static gboolean
run (VmtHostCodeArea *area, gsize offset, int expected)
{
  const guint8 *code = vmt_host_code_area_get_base (area) + offset;
  int (*function) (void);

  memcpy (&function, &code, sizeof function);
  return function () == expected;
}

/* All that is done with areas later: a second piece of code beside one that was executed already,
 * with and without others that may execute it, and one in the place of another. Emulators of
 * processes such as qemu-user before 8.1 do not see what another mapping of the page writes. */
static gboolean
try_out (VmtHostCodeArea *area, GError **error)
{
  gsize pieces[3];

  for (guint i = 0; i < G_N_ELEMENTS (pieces); i++)
    {
      vmt_host_code_area_set_quiet (area, i == 2);
      pieces[i] = vmt_host_code_area_alloc (area, sizeof answers[0]);
      if (!vmt_host_code_area_write (area, pieces[i], answers[0], sizeof answers[0], error))
        return FALSE;
      for (guint j = 0; j <= i; j++)
        if (!run (area, pieces[j], 42))
          {
            g_set_error (error, VMT_ERROR, VMT_ERROR_FAILED,
                         "executed pages are not those that were written");
            return FALSE;
          }
    }
  if (!vmt_host_code_area_write (area, pieces[0], answers[1], sizeof answers[1], error))
    return FALSE;
  if (!run (area, pieces[0], 24))
    {
      g_set_error (error, VMT_ERROR, VMT_ERROR_FAILED,
                   "code that was executed is executed still when other code is in its place");
      return FALSE;
    }
  return TRUE;
}

static gboolean
probe (VmtHostCodeMemory strategy, GError **error)
{
  VmtHostCodeArea *area = vmt_host_code_area_new (strategy, PROBE_SIZE, error);
  g_autoptr (GError) refused = NULL;
  gboolean works;

  if (area == NULL)
    return FALSE;
  works = try_out (area, &refused);
  if (!works)
    g_set_error (error, VMT_ERROR, VMT_ERROR_UNSUPPORTED,
                 "code memory strategy '%s' does not work here: %s",
                 vmt_host_code_memory_get_nick (strategy), refused->message);
  vmt_host_code_area_free (area);
  return works;
}
#endif

/**
 * vmt_host_probe_code_memory:
 * @strategy: what to try
 * @error: return location
 *
 * Returns: %FALSE with %VMT_ERROR_UNSUPPORTED and what the host refused
 */
gboolean
vmt_host_probe_code_memory (VmtHostCodeMemory strategy, GError **error)
{
  if (strategy == VMT_HOST_CODE_NONE)
    return TRUE;
#ifndef NO_CODE_GENERATION
  return probe (strategy, error);
#else
  g_set_error (error, VMT_ERROR, VMT_ERROR_UNSUPPORTED, "no code is generated for %s hosts",
               vmt_host_get_cpu ());
  return FALSE;
#endif
}

/* --- the choice --- */

#define VARIABLE "VMTOOL_CODE_MEMORY"

typedef struct
{
  VmtHostCodeMemory strategy;
  char *reason;
  GError *error; /* what is wrong with the variable */
} Choice;

static const char *const nicks[] = { "dual", "toggle", "none", NULL };

static void
choose_wanted (Choice *self, const char *wanted)
{
  const char *near;

  for (guint i = 0; nicks[i] != NULL; i++)
    if (g_str_equal (wanted, nicks[i]))
      {
        g_autoptr (GError) error = NULL;

        if (vmt_host_probe_code_memory (i, &error))
          self->strategy = i;
        else
          self->error = g_error_new (VMT_ERROR, VMT_ERROR_UNSUPPORTED,
                                     VARIABLE " asks for '%s': %s", wanted, error->message);
        return;
      }
  near = vmt_nearest_name (wanted, nicks);
  self->error = g_error_new (
      VMT_ERROR, VMT_ERROR_INVALID, VARIABLE " is '%s'%s%s%s: it is dual, toggle or none", wanted,
      near != NULL ? "; did you mean '" : "", near != NULL ? near : "", near != NULL ? "'?" : "");
}

static void
choose_best (Choice *self)
{
  GString *refused = g_string_new (NULL);

  for (self->strategy = VMT_HOST_CODE_DUAL; self->strategy < VMT_HOST_CODE_NONE; self->strategy++)
    {
      g_autoptr (GError) error = NULL;

      if (vmt_host_probe_code_memory (self->strategy, &error))
        break;
      g_string_append_printf (refused, "%s%s", refused->len > 0 ? "; " : "", error->message);
    }
  self->reason = g_string_free (refused, refused->len == 0);
  if (self->reason == NULL)
    self->reason = g_strdup ("it works here, and is the fastest");
}

static gpointer
choose (gpointer data)
{
  const char *wanted = g_getenv (VARIABLE);
  Choice *self = g_new0 (Choice, 1);

  self->strategy = VMT_HOST_CODE_NONE;
  if (wanted == NULL)
    choose_best (self);
  else
    choose_wanted (self, wanted);
  if (self->error != NULL)
    self->reason = g_strdup (self->error->message);
  else if (self->reason == NULL)
    self->reason = g_strdup_printf (VARIABLE " asks for '%s'", wanted);
  return self;
}

static const Choice *
get_choice (void)
{
  static GOnce once = G_ONCE_INIT;

  return g_once (&once, choose, NULL);
}

/**
 * vmt_host_get_code_memory:
 *
 * Returns: the strategy that the environment variable VMTOOL_CODE_MEMORY names, or the first one,
 * in the order of the enumeration, that works on this host; %VMT_HOST_CODE_NONE when the variable's
 * value cannot be had
 */
VmtHostCodeMemory
vmt_host_get_code_memory (void)
{
  return get_choice ()->strategy;
}

/**
 * vmt_host_get_code_memory_reason:
 *
 * Returns: (transfer none): why it is the one that vmt_host_get_code_memory() returns: what the
 * host refused to those before it, or what the user wants
 */
const char *
vmt_host_get_code_memory_reason (void)
{
  return get_choice ()->reason;
}

/**
 * vmt_host_check_code_memory:
 * @error: return location
 *
 * Returns: %FALSE with %VMT_ERROR_INVALID or %VMT_ERROR_UNSUPPORTED when the user asks for a
 * strategy that does not exist or does not work here
 */
gboolean
vmt_host_check_code_memory (GError **error)
{
  const Choice *choice;

  if (g_getenv (VARIABLE) == NULL)
    return TRUE;
  choice = get_choice ();
  if (choice->error == NULL)
    return TRUE;
  if (error != NULL)
    *error = g_error_copy (choice->error);
  return FALSE;
}
