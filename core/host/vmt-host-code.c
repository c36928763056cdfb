/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "vmt-error.h"
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

#ifndef NO_CODE_GENERATION
static gboolean
refuse (GError **error, VmtHostCodeMemory strategy, const char *what)
{
  g_set_error (error, VMT_ERROR, VMT_ERROR_UNSUPPORTED,
               "code memory strategy '%s' does not work here: %s: %s",
               vmt_host_code_memory_get_nick (strategy), what, g_strerror (errno));
  return FALSE;
}

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
#ifdef MFD_CLOEXEC
  gsize page = vmt_host_get_page_size ();
  gpointer writable, executable;
  gboolean good = FALSE;
  int fd = memfd_create ("vmtool-code", MFD_CLOEXEC);

  if (fd < 0)
    return refuse (error, VMT_HOST_CODE_DUAL, "cannot make a memory file");
  if (ftruncate (fd, page) != 0)
    {
      refuse (error, VMT_HOST_CODE_DUAL, "cannot size a memory file");
      close (fd);
      return FALSE;
    }
  writable = mmap (NULL, page, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  if (writable == MAP_FAILED)
    refuse (error, VMT_HOST_CODE_DUAL, "cannot map a memory file for writing");
  executable = mmap (NULL, page, PROT_READ | PROT_EXEC, MAP_SHARED, fd, 0);
  if (executable == MAP_FAILED && writable != MAP_FAILED)
    refuse (error, VMT_HOST_CODE_DUAL, "cannot map a memory file for execution");
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
#else
  errno = ENOSYS;
  return refuse (error, VMT_HOST_CODE_DUAL, "no memory files");
#endif
}

static gboolean
probe_toggle (GError **error)
{
  gsize page = vmt_host_get_page_size ();
  gboolean good;
  gpointer memory = mmap (NULL, page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

  if (memory == MAP_FAILED)
    return refuse (error, VMT_HOST_CODE_TOGGLE, "cannot map memory");
  memcpy (memory, nothing, sizeof nothing);
  good = mprotect (memory, page, PROT_READ | PROT_EXEC) == 0;
  if (good)
    {
      run (memory);
      good = mprotect (memory, page, PROT_READ | PROT_WRITE) == 0;
      if (!good)
        refuse (error, VMT_HOST_CODE_TOGGLE, "cannot make executable memory writable");
      else
        memcpy (memory, nothing, sizeof nothing);
    }
  else
    refuse (error, VMT_HOST_CODE_TOGGLE, "cannot make written memory executable");
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
