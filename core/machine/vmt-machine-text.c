/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "vmt-backend.h"
#include "vmt-error.h"
#include "vmt-machine-private.h"

/* The object and the property of "uart0.backend", "pci0/disk0.serial" or "on-reset". Ids may
 * contain dots, so a path is first taken as it is, then with its dots as slashes. */
static VmtObject *
resolve (VmtMachine *self, const char *path, const char **property, GError **error)
{
  const char *end = NULL;
  for (const char *at = path; *at != '\0'; at++)
    if (*at == '.' || *at == '/')
      end = at;
  if (end == NULL)
    {
      *property = path;
      return VMT_OBJECT (self);
    }
  *property = end + 1;
  if (end == path || end[1] == '\0')
    {
      g_set_error (error, VMT_ERROR, VMT_ERROR_INVALID,
                   "'%s' is not a path to a property, such as 'uart0.backend' or 'on-reset'", path);
      return NULL;
    }
  g_autofree char *prefix = g_strndup (path, (gsize)(end - path));
  VmtObject *object = vmt_object_find (VMT_OBJECT (self), prefix, NULL);
  if (object != NULL)
    return object;
  for (char *at = prefix; *at != '\0'; at++)
    if (*at == '.')
      *at = '/';
  return vmt_object_find (VMT_OBJECT (self), prefix, error);
}

gboolean
vmt_machine_set_text (VmtMachine *self, const char *path, const char *text, GError **error)
{
  g_return_val_if_fail (VMT_IS_MACHINE (self) && path != NULL && text != NULL, FALSE);

  const char *property;
  VmtObject *object = resolve (self, path, &property, error);
  if (object == NULL)
    return FALSE;
  GParamSpec *pspec = g_object_class_find_property (G_OBJECT_GET_CLASS (object), property);
  if (pspec != NULL && vmt_param_spec_get_backend_kind (pspec) != NULL)
    return vmt_object_check_settable (object, pspec, error) &&
           vmt_backend_attach (object, property, text, error);
  return vmt_object_set_text (object, property, text, error);
}

char *
vmt_machine_get_text (VmtMachine *self, const char *path, GError **error)
{
  g_return_val_if_fail (VMT_IS_MACHINE (self) && path != NULL, NULL);

  const char *property;
  VmtObject *object = resolve (self, path, &property, error);
  return object != NULL ? vmt_object_get_text (object, property, error) : NULL;
}
