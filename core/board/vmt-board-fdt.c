/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <libfdt.h>
#include <string.h>
#ifdef G_OS_UNIX
#include <unistd.h>
#endif

#include "vmt-board.h"
#include "vmt-error.h"
#include "vmt-firmware-node-private.h"
#include "vmt-firmware.h"
#include "vmt-irq.h"

/* Two passes: every object that describes itself is asked once, and every object that somebody
 * refers to gets a phandle; then the blob is written front to back, into a buffer that grows until
 * it fits. */

typedef struct
{
  VmtDevice *device;
  VmtFirmwareNode *node;
  char *path; /* in the tree */
} Described;

typedef struct
{
  VmtMachine *machine;
  GPtrArray *cpus, *devices; /* Described */
  GHashTable *phandles;      /* VmtObject -> phandle of its node */
  GHashTable *intc_phandles; /* VmtObject (a CPU) -> phandle of its interrupt controller node */
  guint32 next_phandle;
  guint64 initrd_start, initrd_end;
  guint8 seed[32];
  void *fdt;
  int status;
} Writer;

static void
described_free (Described *described)
{
  vmt_firmware_node_free (described->node);
  g_free (described->path);
  g_free (described);
}

static void
check (Writer *w, int status)
{
  if (w->status == 0)
    w->status = status;
}

static void
put_cells (Writer *w, const char *name, const guint32 *cells, guint n)
{
  g_autofree fdt32_t *wire = g_new (fdt32_t, MAX (n, 1));

  for (guint i = 0; i < n; i++)
    wire[i] = cpu_to_fdt32 (cells[i]);
  check (w, fdt_property (w->fdt, name, wire, n * sizeof (fdt32_t)));
}

static void
put_strings (Writer *w, const char *name, char **strings)
{
  g_autoptr (GString) all = g_string_new (NULL);

  for (guint i = 0; strings[i] != NULL; i++)
    g_string_append_len (all, strings[i], strlen (strings[i]) + 1);
  check (w, fdt_property (w->fdt, name, all->str, all->len));
}

static guint32
phandle_of (Writer *w, VmtObject *object, gboolean interrupt)
{
  GHashTable *table = interrupt && VMT_IS_CPU (object) ? w->intc_phandles : w->phandles;
  guint32 phandle = GPOINTER_TO_UINT (g_hash_table_lookup (table, object));

  if (phandle == 0)
    {
      phandle = w->next_phandle++;
      g_hash_table_insert (table, object, GUINT_TO_POINTER (phandle));
    }
  return phandle;
}

static gboolean
is_interrupt_property (const char *name)
{
  return g_str_equal (name, "interrupts-extended") || g_str_equal (name, "interrupt-parent") ||
         g_str_equal (name, "interrupt-map");
}

/* Gives every object that is referred to a phandle before anything is written. */
static void
collect_references (Writer *w, const VmtFirmwareNode *node)
{
  for (guint i = 0; i < node->properties->len; i++)
    {
      const VmtFirmwareProperty *property = node->properties->pdata[i];
      if (property->kind != VMT_FIRMWARE_REFERENCES)
        continue;
      for (guint k = 0; k < property->references->len; k++)
        {
          const VmtFirmwareReference *reference = property->references->pdata[k];
          if (reference->target != NULL)
            phandle_of (w, reference->target, is_interrupt_property (property->name));
        }
    }
  for (guint i = 0; i < node->children->len; i++)
    collect_references (w, node->children->pdata[i]);
}

static gboolean
has_reg (const Described *described)
{
  return !described->node->omit_reg && vmt_device_get_n_regions (described->device) > 0 &&
         vmt_device_get_base (described->device, 0) != G_MAXUINT64;
}

static void
collect (VmtObject *object, gpointer data)
{
  Writer *w = data;
  Described *described;
  VmtDeviceClass *klass;

  if (!VMT_IS_DEVICE (object))
    return;
  klass = VMT_DEVICE_GET_CLASS (object);
  if (VMT_IS_CPU (object) ? VMT_CPU_GET_CLASS (object)->describe_cpu == NULL
                          : klass->describe == NULL)
    return;
  described = g_new0 (Described, 1);
  described->device = VMT_DEVICE (object);
  described->node =
      vmt_firmware_node_new (VMT_IS_CPU (object) ? "cpu" : vmt_object_get_id (object));
  if (VMT_IS_CPU (object))
    {
      VMT_CPU_GET_CLASS (object)->describe_cpu (VMT_CPU (object), described->node);
      described->path = g_strdup_printf ("/cpus/cpu@%x", vmt_cpu_get_index (VMT_CPU (object)));
      /* the loader of most firmware and the kernel's topology code refer to CPUs */
      phandle_of (w, object, FALSE);
      phandle_of (w, object, TRUE);
      g_ptr_array_add (w->cpus, described);
    }
  else
    {
      klass->describe (described->device, described->node);
      described->path =
          has_reg (described)
              ? g_strdup_printf ("/soc/%s@%" G_GINT64_MODIFIER "x", described->node->name,
                                 vmt_device_get_base (described->device, 0))
              : g_strdup_printf ("/soc/%s", described->node->name);
      g_ptr_array_add (w->devices, described);
    }
  collect_references (w, described->node);
  for (guint i = 0; !VMT_IS_CPU (object) && i < vmt_device_get_n_irqs (described->device); i++)
    {
      guint line;
      VmtIrqController *target = vmt_device_get_irq_target (described->device, i, &line);
      if (target != NULL && !described->node->omit_interrupts)
        phandle_of (w, VMT_OBJECT (target), TRUE);
    }
}

static void
write_property (Writer *w, const VmtFirmwareProperty *property)
{
  guint32 wide[2] = { property->number >> 32, (guint32)property->number };
  guint32 narrow = (guint32)property->number;

  switch (property->kind)
    {
    case VMT_FIRMWARE_STRINGS:
      put_strings (w, property->name, property->strings);
      break;
    case VMT_FIRMWARE_U32:
      put_cells (w, property->name, &narrow, 1);
      break;
    case VMT_FIRMWARE_U64:
      put_cells (w, property->name, wide, 2);
      break;
    case VMT_FIRMWARE_CELLS:
      put_cells (w, property->name, (const guint32 *)property->cells->data, property->cells->len);
      break;
    case VMT_FIRMWARE_FLAG:
      check (w, fdt_property (w->fdt, property->name, NULL, 0));
      break;
    case VMT_FIRMWARE_BYTES:
      {
        gsize size;
        gconstpointer bytes = g_bytes_get_data (property->bytes, &size);
        check (w, fdt_property (w->fdt, property->name, bytes, size));
        break;
      }
    case VMT_FIRMWARE_REFERENCES:
      {
        g_autoptr (GArray) cells = g_array_new (FALSE, FALSE, sizeof (guint32));
        for (guint i = 0; i < property->references->len; i++)
          {
            const VmtFirmwareReference *reference = property->references->pdata[i];
            if (reference->target != NULL)
              {
                guint32 phandle =
                    phandle_of (w, reference->target, is_interrupt_property (property->name));
                g_array_append_val (cells, phandle);
              }
            g_array_append_vals (cells, reference->cells, reference->n_cells);
          }
        put_cells (w, property->name, (const guint32 *)cells->data, cells->len);
        break;
      }
    }
}

static void
write_reg (Writer *w, VmtDevice *device)
{
  g_autoptr (GArray) cells = g_array_new (FALSE, FALSE, sizeof (guint32));

  for (guint i = 0; i < vmt_device_get_n_regions (device); i++)
    {
      guint64 base = vmt_device_get_base (device, i);
      guint64 size = vmt_device_get_region_size (device, i);
      guint32 entry[4] = { base >> 32, (guint32)base, size >> 32, (guint32)size };

      if (base != G_MAXUINT64)
        g_array_append_vals (cells, entry, 4);
    }
  put_cells (w, "reg", (const guint32 *)cells->data, cells->len);
}

static void
write_interrupts (Writer *w, VmtDevice *device)
{
  g_autoptr (GArray) cells = g_array_new (FALSE, FALSE, sizeof (guint32));

  for (guint i = 0; i < vmt_device_get_n_irqs (device); i++)
    {
      guint line;
      VmtIrqController *target = vmt_device_get_irq_target (device, i, &line);
      guint32 own[4], phandle;
      guint n;

      if (target == NULL)
        continue;
      phandle = phandle_of (w, VMT_OBJECT (target), TRUE);
      n = vmt_irq_controller_describe_line (target, line, own);
      g_array_append_val (cells, phandle);
      g_array_append_vals (cells, own, n);
    }
  if (cells->len > 0)
    put_cells (w, "interrupts-extended", (const guint32 *)cells->data, cells->len);
}

/* @own: the phandle that this very node carries, or 0. @intc: for the child that is a CPU's
 * interrupt controller. */
static void
write_body (Writer *w, const VmtFirmwareNode *node, guint32 own, guint32 intc)
{
  if (node->compatible != NULL)
    put_strings (w, "compatible", node->compatible);
  for (guint i = 0; i < node->properties->len; i++)
    write_property (w, node->properties->pdata[i]);
  if (own != 0)
    put_cells (w, "phandle", &own, 1);
  for (guint i = 0; i < node->children->len; i++)
    {
      const VmtFirmwareNode *child = node->children->pdata[i];
      gboolean is_intc =
          intc != 0 && _vmt_firmware_node_find (child, "interrupt-controller") != NULL;

      check (w, fdt_begin_node (w->fdt, child->name));
      write_body (w, child, is_intc ? intc : 0, 0);
      check (w, fdt_end_node (w->fdt));
    }
}

static void
write_described (Writer *w, const Described *described)
{
  const VmtFirmwareNode *node = described->node;
  guint32 own = GPOINTER_TO_UINT (g_hash_table_lookup (w->phandles, described->device));
  /* an interrupt controller that is no CPU is the same node for both kinds of reference */

  check (w, fdt_begin_node (w->fdt, strrchr (described->path, '/') + 1));
  if (has_reg (described))
    write_reg (w, described->device);
  if (!node->omit_interrupts)
    write_interrupts (w, described->device);
  write_body (w, node, own, 0);
  check (w, fdt_end_node (w->fdt));
}

static void
write_cpus (Writer *w)
{
  const guint32 one = 1, zero = 0;

  check (w, fdt_begin_node (w->fdt, "cpus"));
  put_cells (w, "#address-cells", &one, 1);
  put_cells (w, "#size-cells", &zero, 1);
  if (w->cpus->len > 0)
    {
      /* a property of the CPUs' node by the RISC-V binding, of each CPU by what the CPUs tell */
      const Described *first = w->cpus->pdata[0];
      const VmtFirmwareProperty *timebase =
          _vmt_firmware_node_find (first->node, "timebase-frequency");
      if (timebase != NULL)
        write_property (w, timebase);
    }
  for (guint i = 0; i < w->cpus->len; i++)
    {
      const Described *described = w->cpus->pdata[i];
      guint32 index = vmt_cpu_get_index (VMT_CPU (described->device));

      check (w, fdt_begin_node (w->fdt, strrchr (described->path, '/') + 1));
      check (w, fdt_property_string (w->fdt, "device_type", "cpu"));
      put_cells (w, "reg", &index, 1);
      check (w, fdt_property_string (w->fdt, "status", "okay"));
      write_body (w, described->node,
                  GPOINTER_TO_UINT (g_hash_table_lookup (w->phandles, described->device)),
                  GPOINTER_TO_UINT (g_hash_table_lookup (w->intc_phandles, described->device)));
      check (w, fdt_end_node (w->fdt));
    }
  check (w, fdt_begin_node (w->fdt, "cpu-map"));
  check (w, fdt_begin_node (w->fdt, "cluster0"));
  for (guint i = 0; i < w->cpus->len; i++)
    {
      const Described *described = w->cpus->pdata[i];
      g_autofree char *name = g_strdup_printf ("core%u", i);
      guint32 phandle = GPOINTER_TO_UINT (g_hash_table_lookup (w->phandles, described->device));

      check (w, fdt_begin_node (w->fdt, name));
      put_cells (w, "cpu", &phandle, 1);
      check (w, fdt_end_node (w->fdt));
    }
  check (w, fdt_end_node (w->fdt));
  check (w, fdt_end_node (w->fdt));
  check (w, fdt_end_node (w->fdt));
}

static void
write_chosen (Writer *w)
{
  VmtFirmware *firmware = vmt_machine_get_firmware (w->machine);
  const char *append = firmware != NULL ? vmt_firmware_get_append (firmware) : NULL;

  check (w, fdt_begin_node (w->fdt, "chosen"));
  if (append != NULL && *append != '\0')
    check (w, fdt_property_string (w->fdt, "bootargs", append));
  for (guint i = 0; i < w->devices->len; i++)
    {
      const Described *described = w->devices->pdata[i];
      if (described->node->console)
        {
          check (w, fdt_property_string (w->fdt, "stdout-path", described->path));
          break;
        }
    }
  if (w->initrd_end > w->initrd_start)
    {
      guint32 start[2] = { w->initrd_start >> 32, (guint32)w->initrd_start };
      guint32 end[2] = { w->initrd_end >> 32, (guint32)w->initrd_end };
      put_cells (w, "linux,initrd-start", start, 2);
      put_cells (w, "linux,initrd-end", end, 2);
    }
  check (w, fdt_property (w->fdt, "rng-seed", w->seed, sizeof w->seed));
  check (w, fdt_end_node (w->fdt));
}

static void
write_memory (Writer *w)
{
  guint64 base;
  VmtRam *ram;

  for (guint i = 0; (ram = vmt_machine_get_ram (w->machine, i, &base)) != NULL; i++)
    {
      g_autofree char *name = g_strdup_printf ("memory@%" G_GINT64_MODIFIER "x", base);
      guint32 reg[4] = { base >> 32, (guint32)base, ram->size >> 32, (guint32)ram->size };

      check (w, fdt_begin_node (w->fdt, name));
      check (w, fdt_property_string (w->fdt, "device_type", "memory"));
      put_cells (w, "reg", reg, 4);
      check (w, fdt_end_node (w->fdt));
    }
}

static void
write_aliases (Writer *w)
{
  check (w, fdt_begin_node (w->fdt, "aliases"));
  for (guint i = 0; i < w->devices->len; i++)
    {
      const Described *described = w->devices->pdata[i];
      for (guint k = 0; k < described->node->aliases->len; k++)
        check (w,
               fdt_property_string (w->fdt, described->node->aliases->pdata[k], described->path));
    }
  check (w, fdt_end_node (w->fdt));
}

static void
write_tree (Writer *w)
{
  const guint32 two = 2;
  VmtBoard *board = g_object_get_data (G_OBJECT (w->machine), "vmt-board");
  const char *name = board != NULL ? vmt_board_get_name (board) : "machine";
  g_autofree char *compatible = g_strdup_printf ("vmtool,%s", name);
  g_autofree char *model = g_strdup_printf ("vmtool %s", name);

  check (w, fdt_finish_reservemap (w->fdt));
  check (w, fdt_begin_node (w->fdt, ""));
  put_cells (w, "#address-cells", &two, 1);
  put_cells (w, "#size-cells", &two, 1);
  check (w, fdt_property_string (w->fdt, "compatible", compatible));
  check (w, fdt_property_string (w->fdt, "model", model));
  write_aliases (w);
  write_chosen (w);
  write_memory (w);
  write_cpus (w);
  check (w, fdt_begin_node (w->fdt, "soc"));
  put_cells (w, "#address-cells", &two, 1);
  put_cells (w, "#size-cells", &two, 1);
  check (w, fdt_property_string (w->fdt, "compatible", "simple-bus"));
  check (w, fdt_property (w->fdt, "ranges", NULL, 0));
  for (guint i = 0; i < w->devices->len; i++)
    write_described (w, w->devices->pdata[i]);
  check (w, fdt_end_node (w->fdt));
  check (w, fdt_end_node (w->fdt));
}

GBytes *
vmt_board_make_device_tree (VmtMachine *machine, guint64 initrd_start, guint64 initrd_end,
                            GError **error)
{
  g_autoptr (GPtrArray) cpus = g_ptr_array_new_with_free_func ((GDestroyNotify)described_free);
  g_autoptr (GPtrArray) devices = g_ptr_array_new_with_free_func ((GDestroyNotify)described_free);
  g_autoptr (GHashTable) phandles = g_hash_table_new (NULL, NULL);
  g_autoptr (GHashTable) intc_phandles = g_hash_table_new (NULL, NULL);
  Writer w = { .machine = machine,
               .cpus = cpus,
               .devices = devices,
               .phandles = phandles,
               .intc_phandles = intc_phandles,
               .next_phandle = 1,
               .initrd_start = initrd_start,
               .initrd_end = initrd_end };

#ifdef G_OS_UNIX
  if (getentropy (w.seed, sizeof w.seed) != 0)
#endif
    for (guint i = 0; i < sizeof w.seed; i++)
      w.seed[i] = (guint8)g_random_int ();
  vmt_object_visit (VMT_OBJECT (machine), collect, &w);
  for (gsize size = 16 * 1024; size <= 4 * 1024 * 1024; size *= 2)
    {
      g_autofree void *buffer = g_malloc0 (size);

      w.fdt = buffer;
      w.status = fdt_create (buffer, (int)size);
      write_tree (&w);
      if (w.status == 0)
        w.status = fdt_finish (buffer);
      if (w.status == 0)
        return g_bytes_new (buffer, fdt_totalsize (buffer));
      if (w.status != -FDT_ERR_NOSPACE)
        break;
    }
  g_set_error (error, VMT_ERROR, VMT_ERROR_FAILED, "cannot write the device tree: %s",
               fdt_strerror (w.status));
  return NULL;
}
