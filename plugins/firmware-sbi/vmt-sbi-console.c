/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "vmt-firmware-sbi.h"

/* At most so much in one call: the guest is told how much it was, and asks again. */
#define PIECE 4096

/* The stream itself, or the first one that a device has as its back end. */
void
sbi_console_prepare (VmtFirmwareSbi *self)
{
  g_autofree GParamSpec **all = NULL;
  guint n;

  g_clear_object (&self->stream);
  if (self->console == NULL)
    return;
  if (VMT_IS_CHAR (self->console))
    {
      self->stream = g_object_ref (VMT_CHAR (self->console));
      return;
    }
  all = g_object_class_list_properties (G_OBJECT_GET_CLASS (self->console), &n);
  for (guint i = 0; i < n && self->stream == NULL; i++)
    if (g_strcmp0 (vmt_param_spec_get_backend_kind (all[i]), "char") == 0 &&
        g_type_is_a (all[i]->value_type, VMT_TYPE_CHAR))
      g_object_get (self->console, all[i]->name, &self->stream, NULL);
}

static SbiError
write_memory (VmtFirmwareSbi *self, SbiCall *call)
{
  VmtAddressSpace *space = vmt_machine_get_address_space (self->machine);
  guint8 piece[PIECE];
  gsize size = MIN (call->arg[0], PIECE);

  /* The high half of the address, on a 64-bit hart. */
  if (call->arg[2] != 0 || call->arg[0] > G_MAXUINT64 - call->arg[1])
    return SBI_ERR_INVALID_PARAM;
  if (size > 0 && !vmt_dma_read (space, call->arg[1], piece, size))
    return SBI_ERR_INVALID_PARAM;
  call->value = vmt_char_write (self->stream, piece, size);
  return SBI_SUCCESS;
}

static SbiError
read_memory (VmtFirmwareSbi *self, SbiCall *call)
{
  VmtAddressSpace *space = vmt_machine_get_address_space (self->machine);
  guint64 size = call->arg[0];

  if (call->arg[2] != 0 || size > G_MAXUINT64 - call->arg[1] ||
      (size > 0 && vmt_dma_map (space, call->arg[1], &size, FALSE) == NULL))
    return SBI_ERR_INVALID_PARAM;
  /* What is typed goes to the serial port, whose stream this is: there is never anything to read
   * for us. */
  call->value = 0;
  return SBI_SUCCESS;
}

SbiError
sbi_call_dbcn (VmtFirmwareSbi *self, SbiHart *hart, SbiCall *call)
{
  guint8 byte = call->arg[0];

  if (self->stream == NULL)
    return SBI_ERR_NOT_SUPPORTED;
  switch (call->fid)
    {
    case 0:
      return write_memory (self, call);
    case 1:
      return read_memory (self, call);
    case 2:
      return vmt_char_write (self->stream, &byte, 1) == 1 ? SBI_SUCCESS : SBI_ERR_FAILED;
    default:
      return SBI_ERR_NOT_SUPPORTED;
    }
}
