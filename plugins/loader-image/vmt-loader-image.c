/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>

#include "vmt-loader-raw.h"

/* The header that arm64 and RISC-V kernels begin with
 * (Documentation/arch/riscv/boot-image-header.rst and Documentation/arch/arm64/booting.rst of
 * Linux): little endian. */
#define HEADER_SIZE 64
#define HEADER_TEXT_OFFSET 0x08
#define HEADER_IMAGE_SIZE 0x10
#define HEADER_FLAGS 0x18
#define HEADER_MAGIC 0x38
#define HEADER_PE 0x3c
#define FLAG_BIG_ENDIAN 1
/* Images go text_offset bytes behind a multiple of this. */
#define ALIGNMENT ((guint64)2 << 20)

#define VMT_TYPE_LOADER_IMAGE (vmt_loader_image_get_type ())
G_DECLARE_FINAL_TYPE (VmtLoaderImage, vmt_loader_image, VMT, LOADER_IMAGE, VmtLoader)

struct _VmtLoaderImage
{
  VmtLoader parent_instance;
};

G_DEFINE_FINAL_TYPE (VmtLoaderImage, vmt_loader_image, VMT_TYPE_LOADER)

static guint64
get (const guint8 *data, gsize at, guint size)
{
  guint64 value = 0;

  memcpy (&value, data + at, size);
  return GUINT64_FROM_LE (value);
}

/* The architecture whose kernel it is, or NULL. */
static const char *
find_arch (const guint8 *data, gsize size)
{
  if (size >= HEADER_SIZE && memcmp (data + HEADER_MAGIC, "RSC\5", 4) == 0)
    return "riscv64";
  if (size >= HEADER_SIZE && memcmp (data + HEADER_MAGIC, "ARM\x64", 4) == 0)
    return "arm64";
  /* Documentation/arch/x86/boot.rst */
  if (size >= 0x206 && get (data, 0x1fe, 2) == 0xaa55 && memcmp (data + 0x202, "HdrS", 4) == 0)
    return "x86";
  if (size >= HEADER_SIZE && memcmp (data, "MZ", 2) == 0)
    return memcmp (data + 4, "zimg", 4) == 0 ? "zboot" : "EFI";
  return NULL;
}

static int
vmt_loader_image_probe (VmtLoader *loader, GBytes *file)
{
  gsize size;
  const guint8 *data = g_bytes_get_data (file, &size);

  return find_arch (data, size) != NULL ? 90 : 0;
}

/* The bytes that the EFI sections say the file has; 0 without them. Image_size does not tell, as it
 * counts the BSS. */
static guint64
get_efi_extent (const guint8 *data, gsize size)
{
  guint64 pe = get (data, HEADER_PE, 4);
  guint64 extent = 0, sections;
  guint n;

  if (memcmp (data, "MZ", 2) != 0 || size < 24 || pe > size - 24 ||
      memcmp (data + pe, "PE\0\0", 4) != 0)
    return 0;
  n = get (data, pe + 6, 2);
  sections = pe + 24 + get (data, pe + 20, 2);
  for (guint i = 0; i < n && sections + 40 * (i + 1) <= size; i++)
    {
      const guint8 *section = data + sections + 40 * i;

      extent = MAX (extent, get (section, 16, 4) + get (section, 20, 4));
    }
  return extent;
}

static gboolean
vmt_loader_image_load (VmtLoader *loader, VmtMachine *machine, GBytes *file, guint64 base,
                       VmtImage *image, GError **error)
{
  gsize size;
  const guint8 *data = g_bytes_get_data (file, &size);
  const char *arch = find_arch (data, size);
  VmtCpu *cpu = vmt_machine_get_cpu (machine, 0);
  const char *wanted = cpu != NULL ? VMT_CPU_GET_CLASS (cpu)->arch_name : NULL;
  guint64 text_offset, image_size, extent;

  if (strcmp (arch, "zboot") == 0)
    {
      g_set_error_literal (error, VMT_ERROR, VMT_ERROR_UNSUPPORTED,
                           "it is a self-unpacking EFI kernel, which needs EFI firmware: use the "
                           "Image or vmlinux file of the same kernel");
      return FALSE;
    }
  if (strcmp (arch, "EFI") == 0)
    {
      g_set_error_literal (error, VMT_ERROR, VMT_ERROR_UNSUPPORTED,
                           "it is an EFI program, not a kernel that can be started without EFI "
                           "firmware");
      return FALSE;
    }
  /* Both names of the 64-bit Arm architecture are about. */
  if (wanted != NULL && strcmp (arch, wanted) != 0 &&
      !(strcmp (arch, "arm64") == 0 && strcmp (wanted, "aarch64") == 0))
    {
      g_set_error (
          error, VMT_ERROR, VMT_ERROR_INVALID,
          "it is a kernel for %s, but this machine's processor is %s: use a kernel for %s, "
          "or another board",
          arch, wanted, wanted);
      return FALSE;
    }
  if (strcmp (arch, "x86") == 0)
    {
      g_set_error_literal (error, VMT_ERROR, VMT_ERROR_UNSUPPORTED,
                           "x86 kernels need another loader");
      return FALSE;
    }
  if ((get (data, HEADER_FLAGS, 8) & FLAG_BIG_ENDIAN) != 0)
    {
      g_set_error (error, VMT_ERROR, VMT_ERROR_UNSUPPORTED, "it is a big-endian %s kernel", arch);
      return FALSE;
    }
  extent = get_efi_extent (data, size);
  if (extent > size)
    {
      g_set_error (error, VMT_ERROR, VMT_ERROR_CORRUPT,
                   "it is truncated: it has %" G_GSIZE_FORMAT
                   " bytes, and its own header counts %" G_GUINT64_FORMAT ": copy it again",
                   size, extent);
      return FALSE;
    }
  text_offset = get (data, HEADER_TEXT_OFFSET, 8) % ALIGNMENT;
  image_size = MAX (get (data, HEADER_IMAGE_SIZE, 8), size);
  base = (base - text_offset + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT + text_offset;
  return vmt_loader_raw_place (machine, file, base, image_size, image, error);
}

static void
vmt_loader_image_class_init (VmtLoaderImageClass *klass)
{
  VMT_LOADER_CLASS (klass)->probe = vmt_loader_image_probe;
  VMT_LOADER_CLASS (klass)->load = vmt_loader_image_load;
}

static void
vmt_loader_image_init (VmtLoaderImage *self)
{
}

static const VmtFeature features[] = {
  { VMT_FEATURE_LOADER, "image", 0, vmt_loader_image_get_type },
  { VMT_FEATURE_LOADER, "raw", -100, vmt_loader_raw_get_type },
  { 0 },
};

VMT_PLUGIN_DEFINE (loader_image, "loader-image",
                   "Kernel images of RISC-V and arm64, and plain binaries", 0, features, NULL);
