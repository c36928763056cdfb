/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the registry keeps about a device's class: see vmt_registry_add_describer(). */
#include "vmt-device-private.h"

static void
add_register (GVariantBuilder *rows, const char *region, const VmtDeviceRegister *one)
{
  const char *access = one->flags & VMT_REG_RO    ? "ro"
                       : one->flags & VMT_REG_WO  ? "wo"
                       : one->flags & VMT_REG_W1C ? "w1c"
                       : one->flags & VMT_REG_W1S ? "w1s"
                                                  : "rw";
  GVariantDict row;

  g_variant_dict_init (&row, NULL);
  g_variant_dict_insert (&row, "name", "s", one->name);
  if (region != NULL)
    g_variant_dict_insert (&row, "region", "s", region);
  g_variant_dict_insert (&row, "offset", "t", (guint64)one->offset);
  g_variant_dict_insert (&row, "bits", "u", one->size * 8u);
  g_variant_dict_insert (&row, "access", "s", access);
  g_variant_dict_insert (&row, "reset", "t", one->reset);
  if (one->writable != 0)
    g_variant_dict_insert (&row, "writable", "t", one->writable);
  if (one->widths != 0)
    g_variant_dict_insert (&row, "widths", "u", (guint)one->widths);
  if (one->count > 1)
    {
      g_variant_dict_insert (&row, "count", "u", one->count);
      g_variant_dict_insert (&row, "stride", "u", one->stride);
    }
  if (one->flags & VMT_REG_SIDE_EFFECT)
    g_variant_dict_insert (&row, "side-effect", "b", TRUE);
  if (one->text != NULL)
    g_variant_dict_insert (&row, "text", "s", one->text);
  g_variant_builder_add_value (rows, g_variant_dict_end (&row));
}

/* Keys: "text" s; "registers" aa{sv}: name, region, offset t, bits u, access (ro, wo, rw, w1c,
 * w1s), reset t, writable t, widths u (a mask of bytes), count and stride u, side-effect b, text;
 * "interrupts" aa{sv}: name, text. */
void
_vmt_device_describe_class (GObjectClass *klass, GVariantDict *description)
{
  VmtDeviceClass *device_class = VMT_DEVICE_CLASS (klass);
  GVariantBuilder rows;

  if (device_class->text != NULL)
    g_variant_dict_insert (description, "text", "s", device_class->text);

  g_variant_builder_init (&rows, G_VARIANT_TYPE ("aa{sv}"));
  for (const VmtRegionSpec *region = device_class->regions; region != NULL && region->name != NULL;
       region++)
    for (const VmtDeviceRegister *one = region->registers; one != NULL && one->name != NULL; one++)
      add_register (&rows, region->name, one);
  g_variant_dict_insert_value (description, "registers", g_variant_builder_end (&rows));

  g_variant_builder_init (&rows, G_VARIANT_TYPE ("aa{sv}"));
  for (const VmtIrqSpec *irq = device_class->irqs; irq != NULL && irq->name != NULL; irq++)
    {
      GVariantDict row;

      g_variant_dict_init (&row, NULL);
      g_variant_dict_insert (&row, "name", "s", irq->name);
      if (irq->text != NULL)
        g_variant_dict_insert (&row, "text", "s", irq->text);
      g_variant_builder_add_value (&rows, g_variant_dict_end (&row));
    }
  g_variant_dict_insert_value (description, "interrupts", g_variant_builder_end (&rows));
}
