/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "vmt-loader.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "vmt-error.h"
#include "vmt-registry.h"

#define DECOMPRESSOR_PREFIX "decompress-"
/* A compressed file in a compressed file is a mistake once; deeper it is an attack. */
#define MAX_LAYERS 2

G_DEFINE_ABSTRACT_TYPE (VmtLoader, vmt_loader, VMT_TYPE_OBJECT)

static void
vmt_loader_init (VmtLoader *self)
{
  (void)self;
}

static void
vmt_loader_class_init (VmtLoaderClass *klass)
{
  (void)klass;
}

static guint64
get_ram_size (VmtMachine *machine)
{
  guint64 all = 0, base;
  VmtRam *ram;
  for (guint i = 0; (ram = vmt_machine_get_ram (machine, i, &base)) != NULL; i++)
    all += ram->size;
  return all;
}

static GBytes *
read_file (const char *path, guint64 limit, GError **error)
{
  int fd = open (path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  struct stat st;
  if (fd < 0 || fstat (fd, &st) != 0)
    {
      int saved = errno;
      if (fd >= 0)
        close (fd);
      g_set_error (error, VMT_ERROR, saved == ENOENT ? VMT_ERROR_NOT_FOUND : VMT_ERROR_FAILED,
                   "%s: cannot open: %s", path, g_strerror (saved));
      return NULL;
    }

  const char *wrong = NULL;
  if (S_ISDIR (st.st_mode))
    wrong = "is a folder, not a file";
  else if (!S_ISREG (st.st_mode))
    wrong = "is not a regular file";
  else if (st.st_size == 0)
    wrong = "is empty";
  if (wrong != NULL)
    {
      close (fd);
      g_set_error (error, VMT_ERROR, VMT_ERROR_INVALID, "%s: %s", path, wrong);
      return NULL;
    }
  if ((guint64)st.st_size > limit)
    {
      close (fd);
      g_set_error (error, VMT_ERROR, VMT_ERROR_INVALID,
                   "%s: has %" G_GUINT64_FORMAT
                   " bytes, more than the machine's memory (%" G_GUINT64_FORMAT
                   "); give it more memory",
                   path, (guint64)st.st_size, limit);
      return NULL;
    }

  gsize size = (gsize)st.st_size, done = 0;
  g_autofree guint8 *data = g_try_malloc (size);
  gssize n = data != NULL ? 1 : -1;
  errno = ENOMEM;
  while (data != NULL && done < size && n > 0)
    {
      n = read (fd, data + done, size - done);
      if (n < 0 && errno == EINTR)
        n = 1;
      else if (n > 0)
        done += (gsize)n;
    }
  int saved = errno;
  close (fd);
  if (n < 0)
    {
      g_set_error (error, VMT_ERROR, VMT_ERROR_FAILED, "%s: cannot read: %s", path,
                   g_strerror (saved));
      return NULL;
    }
  return g_bytes_new_take (g_steal_pointer (&data), done);
}

/* (transfer full) (nullable): the loader that is surest of @file, among decompressors or among the
 * others. @asked: their names. */
static VmtLoader *
choose (GBytes *file, gboolean decompressors, GString *asked, GError **error)
{
  VmtRegistry *registry = vmt_registry_get_default ();
  g_autoptr (GPtrArray) names = vmt_registry_list_features (registry, VMT_FEATURE_LOADER);
  g_autoptr (VmtLoader) best = NULL;
  int best_score = 0;

  for (guint i = 0; i < names->len; i++)
    {
      const char *name = g_ptr_array_index (names, i);
      if (g_str_has_prefix (name, DECOMPRESSOR_PREFIX) != decompressors)
        continue;
      if (asked != NULL)
        g_string_append_printf (asked, "%s%s", asked->len > 0 ? ", " : "", name);
      g_autoptr (VmtObject) object =
          vmt_registry_create (registry, VMT_FEATURE_LOADER, name, error);
      if (object == NULL)
        return NULL;
      if (!VMT_IS_LOADER (object) || (decompressors && !VMT_IS_DECOMPRESSOR (object)))
        continue;
      VmtLoader *loader = VMT_LOADER (object);
      VmtLoaderClass *klass = VMT_LOADER_GET_CLASS (loader);
      int score = klass->probe != NULL ? klass->probe (loader, file) : 0;
      if (score > best_score)
        {
          best_score = score;
          g_set_object (&best, loader);
        }
    }
  return g_steal_pointer (&best);
}

gboolean
vmt_loader_load_bytes (VmtMachine *machine, const char *name, GBytes *file, guint64 base,
                       VmtImage *image, GError **error)
{
  g_return_val_if_fail (VMT_IS_MACHINE (machine) && name != NULL && file != NULL, FALSE);
  g_return_val_if_fail (image != NULL, FALSE);

  guint64 limit = get_ram_size (machine);
  g_autoptr (GBytes) plain = g_bytes_ref (file);
  g_autoptr (GError) local = NULL;
  for (guint layer = 0; layer < MAX_LAYERS; layer++)
    {
      g_autoptr (VmtLoader) found = choose (plain, TRUE, NULL, &local);
      if (found == NULL)
        break;
      VmtDecompressor *decompressor = VMT_DECOMPRESSOR (found);
      GBytes *inside = VMT_DECOMPRESSOR_GET_CLASS (decompressor)
                           ->decompress (decompressor, plain, limit, &local);
      if (inside == NULL)
        break;
      g_bytes_unref (plain);
      plain = inside;
    }
  if (local == NULL && g_bytes_get_size (plain) == 0)
    g_set_error (&local, VMT_ERROR, VMT_ERROR_CORRUPT, "there is nothing inside");

  g_autoptr (GString) asked = g_string_new (NULL);
  g_autoptr (VmtLoader) loader = NULL;
  if (local == NULL)
    loader = choose (plain, FALSE, asked, &local);
  if (loader != NULL)
    {
      *image = (VmtImage){ 0 };
      if (VMT_LOADER_GET_CLASS (loader)->load (loader, machine, plain, base, image, &local))
        return TRUE;
    }
  else if (local == NULL)
    g_set_error (&local, VMT_ERROR, VMT_ERROR_INVALID,
                 "not a kind of file that can be loaded (installed loaders: %s); give an ELF "
                 "program or a kernel Image, plain or compressed",
                 asked->len > 0 ? asked->str : "none");
  g_propagate_prefixed_error (error, g_steal_pointer (&local), "%s: ", name);
  return FALSE;
}

gboolean
vmt_loader_load (VmtMachine *machine, const char *path, guint64 base, VmtImage *image,
                 GError **error)
{
  g_return_val_if_fail (VMT_IS_MACHINE (machine) && path != NULL, FALSE);

  g_autoptr (GBytes) file = read_file (path, get_ram_size (machine), error);
  return file != NULL && vmt_loader_load_bytes (machine, path, file, base, image, error);
}
