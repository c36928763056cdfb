/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "vmt-plugin-private.h"

#ifdef __ELF__
#include <elf.h>
#include <link.h>

#define MAX_SEGMENTS 64
#define MAX_NOTES (16 * 1024)
#define MAX_BUILD_ID 64

/* Walks a PT_NOTE segment. @notes may be anything. */
static char *
find_build_id (const guint8 *notes, gsize size)
{
  gsize at = 0;

  while (size - at >= sizeof (ElfW (Nhdr)))
    {
      ElfW (Nhdr) note;
      gsize name, desc, end;

      memcpy (&note, notes + at, sizeof note);
      name = at + sizeof note;
      if (note.n_namesz > size || note.n_descsz > size)
        break;
      desc = name + ((note.n_namesz + 3) & ~3u);
      end = desc + ((note.n_descsz + 3) & ~3u);
      if (desc > size || end > size)
        break;
      if (note.n_type == NT_GNU_BUILD_ID && note.n_namesz == 4 &&
          memcmp (notes + name, "GNU", 4) == 0 && note.n_descsz > 0 &&
          note.n_descsz <= MAX_BUILD_ID)
        {
          GString *text = g_string_sized_new (2 * note.n_descsz + 1);

          for (guint i = 0; i < note.n_descsz; i++)
            g_string_append_printf (text, "%02x", notes[desc + i]);
          return g_string_free (text, FALSE);
        }
      at = end;
    }
  return NULL;
}

static char *
read_build_id (int fd)
{
  ElfW (Ehdr) head;
  ElfW (Phdr) segments[MAX_SEGMENTS];
  gsize size;

  if (pread (fd, &head, sizeof head, 0) != sizeof head ||
      memcmp (head.e_ident, ELFMAG, SELFMAG) != 0 || head.e_phentsize != sizeof segments[0] ||
      head.e_phnum > MAX_SEGMENTS || head.e_phoff > G_MAXOFFSET)
    return NULL;
  size = head.e_phnum * sizeof segments[0];
  if (pread (fd, segments, size, head.e_phoff) != (gssize)size)
    return NULL;
  for (guint i = 0; i < head.e_phnum; i++)
    {
      g_autofree guint8 *notes = NULL;
      char *build_id;

      if (segments[i].p_type != PT_NOTE || segments[i].p_filesz > MAX_NOTES ||
          segments[i].p_offset > G_MAXOFFSET)
        continue;
      notes = g_malloc (segments[i].p_filesz + 1);
      if (pread (fd, notes, segments[i].p_filesz, segments[i].p_offset) !=
          (gssize)segments[i].p_filesz)
        continue;
      build_id = find_build_id (notes, segments[i].p_filesz);
      if (build_id != NULL)
        return build_id;
    }
  return NULL;
}

typedef struct
{
  gsize address;
  char *build_id;
} Search;

static int
search_object (struct dl_phdr_info *info, size_t size, void *data)
{
  Search *self = data;
  gboolean here = FALSE;

  for (guint i = 0; i < info->dlpi_phnum; i++)
    here |=
        info->dlpi_phdr[i].p_type == PT_LOAD &&
        self->address - info->dlpi_addr - info->dlpi_phdr[i].p_vaddr < info->dlpi_phdr[i].p_memsz;
  for (guint i = 0; here && i < info->dlpi_phnum && self->build_id == NULL; i++)
    if (info->dlpi_phdr[i].p_type == PT_NOTE)
      self->build_id = find_build_id ((const guint8 *)info->dlpi_addr + info->dlpi_phdr[i].p_vaddr,
                                      info->dlpi_phdr[i].p_memsz);
  return here;
}

static gpointer
find_core_build_id (gpointer data)
{
  Search search = { (gsize)&_vmt_plugin_get_core_build_id, NULL };

  dl_iterate_phdr (search_object, &search);
  return search.build_id != NULL ? search.build_id : g_strdup ("");
}
#else
static char *
read_build_id (int fd)
{
  return NULL;
}

static gpointer
find_core_build_id (gpointer data)
{
  return g_strdup ("");
}
#endif

const char *
_vmt_plugin_get_core_build_id (void)
{
  static GOnce once = G_ONCE_INIT;

  return g_once (&once, find_core_build_id, NULL);
}

gboolean
_vmt_plugin_stamp_read (const char *path, VmtPluginStamp *stamp)
{
  struct stat status;
  int fd;

  /* Not waiting for anything that only looks like a plugin, such as a FIFO. */
  fd = open (path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (fd < 0)
    {
      /* An unreadable file is still worth a message. */
      if (stat (path, &status) != 0 || !S_ISREG (status.st_mode))
        return FALSE;
    }
  else if (fstat (fd, &status) != 0 || !S_ISREG (status.st_mode))
    {
      close (fd);
      return FALSE;
    }
  stamp->size = status.st_size;
#ifdef __APPLE__
  stamp->mtime_ns = (gint64)status.st_mtimespec.tv_sec * 1000000000 + status.st_mtimespec.tv_nsec;
#else
  stamp->mtime_ns = (gint64)status.st_mtim.tv_sec * 1000000000 + status.st_mtim.tv_nsec;
#endif
  stamp->build_id = fd >= 0 ? read_build_id (fd) : NULL;
  if (stamp->build_id == NULL)
    stamp->build_id = g_strdup ("");
  if (fd >= 0)
    close (fd);
  return TRUE;
}
