/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "vmt-cpu-private.h"
#include "vmt-error.h"
#include "vmt-machine-private.h"
#include "vmt-registry.h"

/* Which part executes guest code: the properties "accel" and "tier". */

static void
refuse (VmtMachine *self, const char *kind, const char *name, const char *reason)
{
  g_ptr_array_add (self->refusals, g_strdup_printf ("%s '%s': %s", kind, name, reason));
}

static gboolean
check_accel (VmtMachine *self, GError **error)
{
  VmtRegistry *registry = vmt_registry_get_default ();
  const char *accel = self->accel != NULL ? self->accel : "auto";
  const char *tier = self->tier_name != NULL ? self->tier_name : "auto";
  g_autoptr (GPtrArray) names = vmt_registry_list_features (registry, VMT_FEATURE_ACCEL);

  if (g_str_equal (accel, "auto"))
    {
      for (guint i = 0; i < names->len; i++)
        refuse (self, "accelerator", names->pdata[i], "machines are emulated by this version");
      return TRUE;
    }
  if (g_str_equal (accel, "emulate"))
    return TRUE;

  gboolean known = vmt_registry_has_feature (registry, VMT_FEATURE_ACCEL, accel);
  g_ptr_array_add (names, g_strdup ("auto"));
  g_ptr_array_add (names, g_strdup ("emulate"));
  g_ptr_array_add (names, NULL);
  if (!known)
    {
      const char *nearest = vmt_nearest_name (accel, (const char *const *)names->pdata);
      g_autofree char *all = g_strjoinv (", ", (char **)names->pdata);
      g_set_error (error, VMT_ERROR, VMT_ERROR_NOT_FOUND,
                   "machine '%s': accel: there is no accelerator '%s'%s%s%s; there is: %s",
                   self->name, accel, nearest != NULL ? ", did you mean '" : "",
                   nearest != NULL ? nearest : "", nearest != NULL ? "'?" : "", all);
    }
  else if (!g_str_equal (tier, "auto"))
    g_set_error (error, VMT_ERROR, VMT_ERROR_INVALID,
                 "machine '%s': tier '%s' is for emulated machines, but accel is '%s'; leave out "
                 "one of them",
                 self->name, tier, accel);
  else
    g_set_error (error, VMT_ERROR, VMT_ERROR_UNSUPPORTED,
                 "machine '%s': accel '%s' is installed, but this version runs emulated machines "
                 "only; use accel=emulate",
                 self->name, accel);
  return FALSE;
}

static VmtTier *
try_tier (const char *name, GError **error)
{
  g_autoptr (VmtObject) object =
      vmt_registry_create (vmt_registry_get_default (), VMT_FEATURE_TIER, name, error);
  if (object == NULL)
    return NULL;
  if (!VMT_IS_TIER (object))
    {
      g_set_error (error, VMT_ERROR, VMT_ERROR_INVALID, "its type %s is not a tier",
                   G_OBJECT_TYPE_NAME (object));
      return NULL;
    }
  if (!vmt_tier_probe (VMT_TIER (object), error))
    return NULL;
  return VMT_TIER (g_steal_pointer (&object));
}

static VmtTier *
choose_tier (VmtMachine *self, GError **error)
{
  const char *wanted = self->tier_name != NULL ? self->tier_name : "auto";
  if (!g_str_equal (wanted, "auto"))
    {
      VmtTier *tier = try_tier (wanted, error);
      if (tier == NULL)
        g_prefix_error (error, "machine '%s': tier '%s': ", self->name, wanted);
      return tier;
    }

  /* Highest rank first. */
  g_autoptr (GPtrArray) names =
      vmt_registry_list_features (vmt_registry_get_default (), VMT_FEATURE_TIER);
  for (guint i = 0; i < names->len; i++)
    {
      g_autoptr (GError) local = NULL;
      VmtTier *tier = try_tier (names->pdata[i], &local);
      if (tier != NULL)
        return tier;
      refuse (self, "tier", names->pdata[i], local != NULL ? local->message : "no reason given");
    }
  g_ptr_array_add (self->refusals, NULL);
  g_autofree char *reasons = g_strjoinv ("; ", (char **)self->refusals->pdata);
  g_ptr_array_remove_index (self->refusals, self->refusals->len - 1);
  g_set_error (error, VMT_ERROR, VMT_ERROR_UNSUPPORTED,
               "machine '%s': nothing can execute guest code here: %s", self->name,
               *reasons != '\0' ? reasons : "no tier is installed");
  return NULL;
}

static guint64
exec_get_time (gpointer data)
{
  return vmt_clock_get (((VmtMachine *)data)->clock);
}

static void
exec_code_evicted (gpointer data, guint64 blocks, guint64 bytes)
{
  vmt_object_emit (data, "code-evicted", g_variant_new ("(tt)", blocks, bytes));
}

gboolean
_vmt_machine_make_exec (VmtMachine *self, GError **error)
{
  g_ptr_array_set_size (self->refusals, 0);
  if (self->cpus->len == 0)
    return TRUE;
  if (!check_accel (self, error))
    return FALSE;
  self->tier = choose_tier (self, error);
  if (self->tier == NULL)
    return FALSE;

  const VmtExecHost host = { .get_time = exec_get_time,
                             .code_evicted = exec_code_evicted,
                             .data = self };
  self->exec = vmt_exec_new (self->space, self->tier, &host);
  vmt_exec_set_promotion (self->exec, self->promote_after);
  vmt_exec_set_cache_limit (self->exec, self->code_cache);
  for (guint i = 0; i < self->cpus->len; i++)
    {
      VmtCpu *cpu = self->cpus->pdata[i];
      _vmt_cpu_set_vcpu (cpu,
                         vmt_exec_add_vcpu (self->exec, VMT_CPU_GET_CLASS (cpu)->arch, cpu, i));
    }
  return TRUE;
}

void
_vmt_machine_drop_exec (VmtMachine *self)
{
  if (self->exec != NULL)
    vmt_exec_stop (self->exec);
  for (guint i = 0; i < self->cpus->len; i++)
    _vmt_cpu_set_vcpu (self->cpus->pdata[i], NULL);
  g_clear_pointer (&self->exec, vmt_exec_free);
  g_clear_object (&self->tier);
}

static void
add_counter (const char *name, guint64 value, gpointer data)
{
  g_ptr_array_add (data, g_strdup_printf ("%s=%" G_GUINT64_FORMAT, name, value));
}

char **
_vmt_machine_dup_statistics (VmtMachine *self)
{
  GPtrArray *list = g_ptr_array_new ();

  if (self->exec != NULL)
    vmt_exec_visit_counters (self->exec, add_counter, list);
  g_ptr_array_add (list, NULL);
  return (char **)g_ptr_array_free (list, FALSE);
}

char **
vmt_machine_dup_refusals (VmtMachine *self)
{
  g_return_val_if_fail (VMT_IS_MACHINE (self), NULL);

  char **list = g_new0 (char *, self->refusals->len + 1);
  for (guint i = 0; i < self->refusals->len; i++)
    list[i] = g_strdup (self->refusals->pdata[i]);
  return list;
}

struct _VmtExec *
vmt_machine_get_exec (VmtMachine *self)
{
  g_return_val_if_fail (VMT_IS_MACHINE (self), NULL);
  return self->exec;
}
