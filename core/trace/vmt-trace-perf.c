/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "vmt-trace-perf.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>
#ifdef __linux__
#include <sys/syscall.h>
#endif

#include "vmt-error.h"

#if defined __x86_64__
#define HOST_MACHINE EM_X86_64
#elif defined __aarch64__
#define HOST_MACHINE EM_AARCH64
#else
#define HOST_MACHINE EM_NONE
#endif

/* Of tools/perf/Documentation/jitdump-specification.txt in Linux. */
#define JITDUMP_MAGIC 0x4a695444u
#define JITDUMP_VERSION 1u
#define JIT_CODE_LOAD 0u

typedef struct
{
  guint32 magic, version, total_size, elf_mach, pad1, pid;
  guint64 timestamp, flags;
} JitHeader;

typedef struct
{
  guint32 id, total_size;
  guint64 timestamp;
  guint32 pid, tid;
  guint64 vma, code_addr, code_size, code_index;
} JitCodeLoad;

struct _VmtTracePerf
{
  char *path;
  int fd;
  gboolean jitdump, broken;
  gpointer marker; /* (nullable): by its mapping perf finds the file */
  GMutex lock;
  guint64 n;
};

static guint64
now (void)
{
  struct timespec time;
  clock_gettime (CLOCK_MONOTONIC, &time);
  return (guint64)time.tv_sec * G_GUINT64_CONSTANT (1000000000) + (guint64)time.tv_nsec;
}

/* A record is written as a whole, or the file ends inside it. */
static void
put (VmtTracePerf *self, struct iovec *parts, int n)
{
  while (n > 0 && !self->broken)
    {
      gssize written = writev (self->fd, parts, n);
      if (written < 0 && errno != EINTR)
        self->broken = TRUE;
      while (n > 0 && written >= (gssize)parts->iov_len)
        {
          written -= (gssize)parts->iov_len;
          parts++;
          n--;
        }
      if (written > 0)
        {
          parts->iov_base = (guint8 *)parts->iov_base + written;
          parts->iov_len -= (gsize)written;
        }
    }
}

static VmtTracePerf *
create (char *path, gboolean jitdump, GError **error)
{
  /* One that is there is of an older process, or somebody's trap. */
  g_unlink (path);
  const int fd = g_open (path, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);
  if (fd < 0)
    {
      g_set_error (error, G_FILE_ERROR, g_file_error_from_errno (errno), "cannot write %s: %s",
                   path, g_strerror (errno));
      g_free (path);
      return NULL;
    }
  VmtTracePerf *self = g_new0 (VmtTracePerf, 1);
  self->path = path;
  self->fd = fd;
  self->jitdump = jitdump;
  g_mutex_init (&self->lock);
  return self;
}

VmtTracePerf *
vmt_trace_perf_new_map (const char *folder, GError **error)
{
  return create (g_strdup_printf ("%s/perf-%d.map", folder, (int)getpid ()), FALSE, error);
}

VmtTracePerf *
vmt_trace_perf_new_jitdump (const char *folder, GError **error)
{
  g_autoptr (VmtTracePerf) self =
      create (g_strdup_printf ("%s/jit-%d.dump", folder, (int)getpid ()), TRUE, error);
  if (self == NULL)
    return NULL;
  JitHeader header = {
    .magic = JITDUMP_MAGIC,
    .version = JITDUMP_VERSION,
    .total_size = sizeof header,
    .elf_mach = HOST_MACHINE,
    .pid = (guint32)getpid (),
    .timestamp = now (),
  };
  struct iovec part = { &header, sizeof header };
  put (self, &part, 1);
  /* perf record notes mappings of code: this one tells it the file's name */
  self->marker =
      mmap (NULL, (gsize)sysconf (_SC_PAGESIZE), PROT_READ | PROT_EXEC, MAP_PRIVATE, self->fd, 0);
  if (self->broken || self->marker == MAP_FAILED)
    {
      const int code = errno;
      self->marker = NULL;
      g_set_error (error, G_FILE_ERROR, g_file_error_from_errno (code),
                   "%s cannot be %s: %s; perf would not find it. Is this file system mounted "
                   "\"noexec\"?",
                   self->path, self->broken ? "written" : "mapped as code", g_strerror (code));
      g_unlink (self->path);
      return NULL;
    }
  return g_steal_pointer (&self);
}

void
vmt_trace_perf_free (VmtTracePerf *self)
{
  if (self->marker != NULL)
    munmap (self->marker, (gsize)sysconf (_SC_PAGESIZE));
  close (self->fd);
  g_mutex_clear (&self->lock);
  g_free (self->path);
  g_free (self);
}

const char *
vmt_trace_perf_get_path (VmtTracePerf *self)
{
  return self->path;
}

static guint32
thread_id (void)
{
#ifdef __linux__
  return (guint32)syscall (SYS_gettid);
#else
  return (guint32)getpid ();
#endif
}

void
vmt_trace_perf_add (VmtTracePerf *self, const char *name, gconstpointer code, gsize size)
{
  const guint64 address = (guint64)(guintptr)code;
  g_mutex_lock (&self->lock);
  if (self->jitdump)
    {
      JitCodeLoad load = {
        .id = JIT_CODE_LOAD,
        .total_size = (guint32)(sizeof load + strlen (name) + 1 + size),
        .timestamp = now (),
        .pid = (guint32)getpid (),
        .tid = thread_id (),
        .vma = address,
        .code_addr = address,
        .code_size = size,
        .code_index = self->n++,
      };
      struct iovec parts[3] = { { &load, sizeof load },
                                { (gpointer)name, strlen (name) + 1 },
                                { (gpointer)code, size } };
      put (self, parts, 3);
    }
  else
    {
      g_autofree char *line = g_strdup_printf (
          "%" G_GINT64_MODIFIER "x %" G_GSIZE_MODIFIER "x %s\n", address, size, name);
      struct iovec part = { line, strlen (line) };
      put (self, &part, 1);
    }
  g_mutex_unlock (&self->lock);
}
