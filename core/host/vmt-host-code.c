/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "vmt-error.h"
#include "vmt-host-code-private.h"
#include "vmt-host.h"

/* A function that only returns. */
#if defined(__x86_64__)
static const guint8 nothing[] = { 0xc3 };
#elif defined(__aarch64__)
static const guint8 nothing[] = { 0xc0, 0x03, 0x5f, 0xd6 };
#elif defined(__riscv)
static const guint8 nothing[] = { 0x82, 0x80 };
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
  int fd = -1;

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
static void
run (gpointer code)
{
  void (*function) (void);

  __builtin___clear_cache (code, (char *)code + sizeof nothing);
  memcpy (&function, &code, sizeof function);
  function ();
}

static gboolean
probe_dual (GError **error)
{
  gsize page = vmt_host_get_page_size ();
  gpointer writable, executable;
  gboolean good = FALSE;
  int fd = vmt_host_code_make_file (page, error);

  if (fd < 0)
    return FALSE;
  writable = mmap (NULL, page, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  if (writable == MAP_FAILED)
    vmt_host_code_refuse (VMT_HOST_CODE_DUAL, "cannot map a memory file for writing", error);
  executable = mmap (NULL, page, PROT_READ | PROT_EXEC, MAP_SHARED, fd, 0);
  if (executable == MAP_FAILED && writable != MAP_FAILED)
    vmt_host_code_refuse (VMT_HOST_CODE_DUAL, "cannot map a memory file for execution", error);
  close (fd);
  if (writable != MAP_FAILED && executable != MAP_FAILED)
    {
      memcpy (writable, nothing, sizeof nothing);
      run (executable);
      good = TRUE;
    }
  if (writable != MAP_FAILED)
    munmap (writable, page);
  if (executable != MAP_FAILED)
    munmap (executable, page);
  return good;
}

static gboolean
probe_toggle (GError **error)
{
  gsize page = vmt_host_get_page_size ();
  gboolean good;
  gpointer memory = mmap (NULL, page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

  if (memory == MAP_FAILED)
    return vmt_host_code_refuse (VMT_HOST_CODE_TOGGLE, "cannot map memory", error);
  memcpy (memory, nothing, sizeof nothing);
  good = mprotect (memory, page, PROT_READ | PROT_EXEC) == 0;
  if (good)
    {
      run (memory);
      good = mprotect (memory, page, PROT_READ | PROT_WRITE) == 0;
      if (!good)
        vmt_host_code_refuse (VMT_HOST_CODE_TOGGLE, "cannot make executable memory writable",
                              error);
      else
        memcpy (memory, nothing, sizeof nothing);
    }
  else
    vmt_host_code_refuse (VMT_HOST_CODE_TOGGLE, "cannot make written memory executable", error);
  munmap (memory, page);
  return good;
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
#ifndef NO_CODE_GENERATION
  switch (strategy)
    {
    case VMT_HOST_CODE_DUAL:
      return probe_dual (error);
    case VMT_HOST_CODE_TOGGLE:
      return probe_toggle (error);
    case VMT_HOST_CODE_NONE:
      return TRUE;
    }
#else
  if (strategy == VMT_HOST_CODE_NONE)
    return TRUE;
#endif
  g_set_error (error, VMT_ERROR, VMT_ERROR_UNSUPPORTED, "no code is generated for %s hosts",
               vmt_host_get_cpu ());
  return FALSE;
}

static gpointer
find_strategy (gpointer data)
{
  VmtHostCodeMemory strategy = VMT_HOST_CODE_DUAL;

  while (!vmt_host_probe_code_memory (strategy, NULL))
    strategy++;
  return GINT_TO_POINTER (strategy);
}

/**
 * vmt_host_get_code_memory:
 *
 * Returns: the first of the strategies, in the order of the enumeration, that works on this host
 */
VmtHostCodeMemory
vmt_host_get_code_memory (void)
{
  static GOnce once = G_ONCE_INIT;

  return GPOINTER_TO_INT (g_once (&once, find_strategy, NULL));
}
